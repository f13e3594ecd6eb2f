//! File names of attachments that the parser could not make out (RFC 2231, RFC 2047, and what programs do instead).
//!
//! Invariant: looked at only when the name as parsed has lost signs or is escaped; one pass over the part's header.

use crate::extract::charset;
use mail_parser::{HeaderName, MessageParser};

/// A better reading of a part's file name, when the one that was parsed is broken. `header`: of the part, raw.
pub(super) fn mended(name: &str, header: &[u8]) -> Option<String> {
    if name.contains('\u{fffd}') {
        return from_header(header);
    }
    // Some programs escape as web addresses do and do not say so.
    let escaped = name
        .split('%')
        .skip(1)
        .any(|rest| rest.get(..2).is_some_and(|two| two >= "80" && hex(two).is_some()));
    let whole = escaped.then(|| unescaped(name.as_bytes()))?;
    String::from_utf8(whole).ok()
}

/// Parameters `filename` or `name`, in whichever pieces.
fn from_header(header: &[u8]) -> Option<String> {
    let unfolded = unfolded(header);
    for wanted in [&b"filename"[..], b"name"] {
        let mut pieces: Vec<(usize, Vec<u8>)> = Vec::new();
        let mut declared = None;
        for parameter in parameters(&unfolded) {
            let Some((key, value)) = split_at_byte(parameter, b'=') else { continue };
            let key = key.trim_ascii().to_ascii_lowercase();
            let Some(rest) = key.strip_prefix(wanted) else { continue };
            let (number, is_escaped) = match rest.strip_prefix(b"*") {
                None if rest.is_empty() => (0, false),
                None => continue,
                Some(b"") => (0, true),
                Some(rest) => {
                    let digits = rest.strip_suffix(b"*").unwrap_or(rest);
                    let Some(number) = std::str::from_utf8(digits).ok().and_then(|n| n.parse().ok()) else {
                        continue;
                    };
                    (number, digits.len() < rest.len())
                }
            };
            let mut value = value.trim_ascii();
            value = value.strip_prefix(b"\"").unwrap_or(value);
            value = value.strip_suffix(b"\"").unwrap_or(value);
            if is_escaped
                && number == 0
                && let Some((label, rest)) = split_at_byte(value, b'\'')
            {
                declared = Some(String::from_utf8_lossy(label).into_owned());
                value = split_at_byte(rest, b'\'').map_or(rest, |(_, text)| text);
            }
            pieces.push((number, value.to_vec()));
        }
        if pieces.is_empty() {
            continue;
        }
        pieces.sort_by_key(|(number, _)| *number);
        // A sign may be broken over two pieces, and even its escape: first joined, then read.
        let joined: Vec<u8> = pieces.into_iter().flat_map(|(_, piece)| piece).collect();
        let joined = if declared.is_some() { unescaped(&joined) } else { joined };
        let name = charset::decode(&joined, declared.as_deref());
        return Some(if name.contains("=?") { encoded_words(&name) } else { name });
    }
    None
}

/// The whole header on one line, a semicolon between its fields.
fn unfolded(header: &[u8]) -> Vec<u8> {
    let mut unfolded = Vec::with_capacity(header.len());
    for line in header.split(|&byte| byte == b'\n') {
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            unfolded.push(b';');
        }
        unfolded.extend(line.iter().filter(|&&byte| byte != b'\r'));
    }
    unfolded
}

/// What stands between semicolons outside quotes.
fn parameters(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    header.split(move |&byte| {
        quoted ^= byte == b'"';
        byte == b';' && !quoted
    })
}

fn split_at_byte(bytes: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&one| one == byte)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

fn hex(two: &str) -> Option<u8> {
    u8::from_str_radix(two, 16).ok()
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, more)) = rest.split_first() {
        let escape = more.get(..2).and_then(|two| std::str::from_utf8(two).ok()).and_then(hex);
        match escape.filter(|_| byte == b'%') {
            Some(escaped) => {
                bytes.push(escaped);
                rest = &more[2..];
            }
            None => {
                bytes.push(byte);
                rest = more;
            }
        }
    }
    bytes
}

fn encoded_words(name: &str) -> String {
    let field = format!("Subject: {name}\r\n\r\n");
    let parser = MessageParser::new().header_text(HeaderName::Subject);
    let parsed = parser.parse_headers(field.as_bytes());
    parsed.and_then(|parsed| parsed.subject().map(str::to_owned)).unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_pieces_and_in_bytes() {
        let read = |header: &[u8]| mended("x\u{fffd}", header).unwrap();
        assert_eq!(
            read(b"Content-Disposition: attachment;\r\n filename*0*=utf-8''bri%C3;\r\n filename*1*=%ABf.txt"),
            "briëf.txt"
        );
        assert_eq!(
            read(b"Content-Disposition: attachment; filename*1=f.txt; filename*0*=utf-8''bri%C3%AB"),
            "briëf.txt"
        );
        assert_eq!(read(b"Content-Disposition: attachment; filename=\"bri\xebf; 2.txt\""), "briëf; 2.txt");
        assert_eq!(read(b"Content-Type: application/pdf; name=\"bri\xc3\xabf.pdf\"\r\nX: y"), "briëf.pdf");
        assert_eq!(mended("x\u{fffd}", b"Content-Type: text/plain"), None);
    }

    #[test]
    fn a_name_that_is_whole_stays() {
        for name in ["brief.txt", "100%.txt", "korting 50%25.txt", "50%f5.txt"] {
            assert_eq!(mended(name, b""), None, "{name}");
        }
        assert_eq!(mended("bri%C3%ABf.txt", b"").as_deref(), Some("briëf.txt"));
    }
}
