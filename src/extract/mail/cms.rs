//! S/MIME (RFC 8551): what a CMS message holds (RFC 5652), in DER or BER.
//!
//! Nothing is checked or decrypted here: a signature says who wrote a message, which nothing in this house relies
//! on. Invariants: nesting and pieces are bounded; lengths are held against the bytes that are there.

/// What is in it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::extract) enum Cms {
    /// Signed content: a body part with its header, or a file.
    Signed(Vec<u8>),
    /// A signature that stands beside what it signs.
    Signature,
    Encrypted,
    /// Compressed, or another kind that mail hardly ever has.
    Other,
}

/// Object identifiers in DER.
const DATA_KINDS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07";
const SMIME_KINDS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01";

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OID: u8 = 0x06;
const OCTETS: u8 = 0x04;
const OCTETS_IN_PIECES: u8 = 0x24;
/// `[0] EXPLICIT`.
const CONTEXT_0: u8 = 0xa0;

/// How deep values of indefinite length are looked into for their end.
const DEPTH_MAX: usize = 40;

/// Is it a CMS message, by its first bytes?
pub(in crate::extract) fn is_cms(bytes: &[u8]) -> bool {
    kind(bytes).is_some()
}

/// Opens a CMS message; `None` when it is none, or too damaged.
pub(in crate::extract) fn open(bytes: &[u8]) -> Option<Cms> {
    let kind = kind(bytes)?;
    Some(match kind {
        [.., 7, 2] => signed(bytes)?,
        [.., 7, 3 | 6] | [.., 1, 23] => Cms::Encrypted,
        _ => Cms::Other,
    })
}

/// The object identifier of the content.
fn kind(bytes: &[u8]) -> Option<&[u8]> {
    let (tag, mut info, _) = open_value(bytes)?;
    let (oid_tag, oid) = next(&mut info, 0)?;
    let known = oid.starts_with(DATA_KINDS) && oid.len() == DATA_KINDS.len() + 1
        || oid.starts_with(SMIME_KINDS) && oid.len() == SMIME_KINDS.len() + 1;
    (tag == SEQUENCE && oid_tag == OID && known).then_some(oid)
}

/// ContentInfo → SignedData → EncapsulatedContentInfo → content. What is opened is not closed: an end that is
/// missing, or lies, does not matter to what stands before it.
fn signed(bytes: &[u8]) -> Option<Cms> {
    let mut info = inside(bytes, SEQUENCE)?;
    let _kind = next(&mut info, 0)?;
    let mut data = inside(inside(info, CONTEXT_0)?, SEQUENCE)?;
    let _version = next(&mut data, 0)?;
    let (SET, _algorithms) = next(&mut data, 0)? else { return None };
    let mut content_info = inside(data, SEQUENCE)?;
    let _kind = next(&mut content_info, 0)?;
    let Some(content) = inside(content_info, CONTEXT_0) else { return Some(Cms::Signature) };
    let mut octets = Vec::new();
    take_octets(content, &mut octets, 0)?;
    Some(Cms::Signed(octets))
}

/// The content of the value at the start, when it has this tag.
fn inside(bytes: &[u8], wanted: u8) -> Option<&[u8]> {
    open_value(bytes).filter(|(tag, ..)| *tag == wanted).map(|(_, content, _)| content)
}

/// The bytes of an octet string, which BER may break in pieces (and those again).
fn take_octets<'a>(bytes: &'a [u8], octets: &mut Vec<u8>, depth: usize) -> Option<&'a [u8]> {
    let (tag, content, is_open) = open_value(bytes)?;
    match tag {
        OCTETS => octets.extend_from_slice(content),
        OCTETS_IN_PIECES if depth < DEPTH_MAX => {
            let mut rest = content;
            while !rest.is_empty() && !rest.starts_with(b"\0\0") {
                // What stood before the damage is kept.
                let Some(behind) = take_octets(rest, octets, depth + 1) else { return Some(&[]) };
                rest = behind;
            }
            if is_open {
                return Some(rest.get(2..).unwrap_or_default());
            }
        }
        _ => return None,
    }
    let end = content.as_ptr() as usize - bytes.as_ptr() as usize + content.len();
    bytes.get(end..)
}

/// Tag and content of the value at the start; true: it has no length, and its content runs to an end that has yet
/// to be found. A content that is cut off is what there is of it.
fn open_value(bytes: &[u8]) -> Option<(u8, &[u8], bool)> {
    let (&tag, rest) = bytes.split_first()?;
    // Tags of more than one byte are not used here.
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (&first, rest) = rest.split_first()?;
    match first {
        0x80 => Some((tag, rest, true)),
        0..0x80 => Some((tag, rest.get(..usize::from(first)).unwrap_or(rest), false)),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = length.iter().fold(0_usize, |length, &byte| length << 8 | usize::from(byte));
            Some((tag, rest.get(..length).unwrap_or(rest), false))
        }
        _ => None,
    }
}

/// Takes the next value, whole.
fn next<'a>(bytes: &mut &'a [u8], depth: usize) -> Option<(u8, &'a [u8])> {
    let (tag, content, is_open) = open_value(bytes)?;
    let start = content.as_ptr() as usize - bytes.as_ptr() as usize;
    if !is_open {
        *bytes = bytes.get(start + content.len()..)?;
        return Some((tag, content));
    }
    if depth >= DEPTH_MAX {
        return None;
    }
    let mut rest = content;
    while !rest.starts_with(b"\0\0") {
        next(&mut rest, depth + 1)?;
    }
    let length = content.len() - rest.len();
    *bytes = bytes.get(start + length + 2..)?;
    Some((tag, &content[..length]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag];
        match u8::try_from(content.len()) {
            Ok(length @ 0..0x80) => bytes.push(length),
            _ => {
                bytes.push(0x84);
                bytes.extend(u32::try_from(content.len()).unwrap().to_be_bytes());
            }
        }
        bytes.extend_from_slice(content);
        bytes
    }

    fn ber(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, 0x80], content, &[0, 0]].concat()
    }

    fn oid(last: u8) -> Vec<u8> {
        der(OID, &[DATA_KINDS, &[last]].concat())
    }

    /// A signed message without certificates and signatures, which are not looked at.
    fn signed_message(value: fn(u8, &[u8]) -> Vec<u8>, octets: &[u8]) -> Vec<u8> {
        let content = value(SEQUENCE, &[oid(1), octets.to_vec()].concat());
        let data = [der(2, &[1]), der(SET, b""), content, der(SET, b"")].concat();
        value(SEQUENCE, &[oid(2), value(CONTEXT_0, &value(SEQUENCE, &data))].concat())
    }

    #[test]
    fn signed_content_in_der_and_ber() {
        let text = b"Content-Type: text/plain\r\n\r\nhoi".repeat(20);
        let plain = signed_message(der, &der(CONTEXT_0, &der(OCTETS, &text)));
        assert_eq!(open(&plain), Some(Cms::Signed(text.clone())));
        let pieces: Vec<u8> = text.chunks(100).flat_map(|piece| der(OCTETS, piece)).collect();
        let in_pieces = signed_message(ber, &ber(CONTEXT_0, &ber(OCTETS_IN_PIECES, &pieces)));
        assert_eq!(open(&in_pieces), Some(Cms::Signed(text.clone())));
        let Some(Cms::Signed(half)) = open(&in_pieces[..300]) else { panic!() };
        assert!(!half.is_empty() && text.starts_with(&half));
        for value in [der, ber] {
            assert_eq!(open(&signed_message(value, b"")), Some(Cms::Signature));
        }
    }

    #[test]
    fn other_kinds() {
        assert_eq!(open(&der(SEQUENCE, &oid(3))), Some(Cms::Encrypted));
        let sealed = der(OID, &[SMIME_KINDS, &[23]].concat());
        assert_eq!(open(&ber(SEQUENCE, &sealed)), Some(Cms::Encrypted));
        let compressed = der(OID, &[SMIME_KINDS, &[9]].concat());
        assert_eq!(open(&der(SEQUENCE, &compressed)), Some(Cms::Other));
        assert!(!is_cms(b"0\x80"));
        assert!(!is_cms(b"hoi"));
        assert_eq!(open(b""), None);
    }

    #[test]
    fn rubbish_and_depth_end() {
        let deep = [vec![SEQUENCE, 0x80], oid(2), [0x24, 0x80].repeat(200_000)].concat();
        assert_eq!(open(&deep), None);
        let whole = signed_message(ber, &ber(CONTEXT_0, &[0x24, 0x80].repeat(200_000)));
        open(&whole);
        let sound = signed_message(ber, &ber(CONTEXT_0, &der(OCTETS, b"hoi")));
        for at in 0..sound.len() {
            for byte in [0, 0x24, 0x30, 0x80, 0x84, 0xff] {
                let mut broken = sound.clone();
                broken[at] = byte;
                open(&broken);
                open(&broken[..at]);
            }
        }
    }
}
