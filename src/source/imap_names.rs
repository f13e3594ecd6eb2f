//! How names and sets of messages are written in IMAP (RFC 3501 §5.1.3, §9).

use std::collections::BTreeSet;

/// A folder name as a quoted string in modified UTF-7, without line ends and quotes that could start another
/// command.
pub(super) fn folder(name: &str) -> String {
    let mut out = String::from("\"");
    let mut wide: Vec<u16> = Vec::new();
    for character in name.chars() {
        match character {
            ' '..='~' => {
                flush(&mut wide, &mut out);
                match character {
                    '&' => out.push_str("&-"),
                    '"' | '\\' => {
                        out.push('\\');
                        out.push(character);
                    }
                    _ => out.push(character),
                }
            }
            _ => wide.extend(character.encode_utf16(&mut [0; 2]).iter()),
        }
    }
    flush(&mut wide, &mut out);
    out.push('"');
    out
}

/// Writes gathered characters outside ASCII as `&…-`: base64 of UTF-16, `,` for `/`, no padding.
fn flush(wide: &mut Vec<u16>, out: &mut String) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";
    if wide.is_empty() {
        return;
    }
    let bytes: Vec<u8> = wide.drain(..).flat_map(u16::to_be_bytes).collect();
    out.push('&');
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for sextet in 0..=chunk.len() {
            let value = (bits >> (18 - 6 * sextet)) & 0x3f;
            out.push(char::from(ALPHABET[value as usize]));
        }
    }
    out.push('-');
}

/// A sequence-set such as `3:5,9`.
pub(super) fn uid_set(uids: &BTreeSet<u32>) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &uid in uids {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(uid) => *last = uid,
            _ => runs.push((uid, uid)),
        }
    }
    let write = |&(first, last): &(u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}:{last}") }
    };
    runs.iter().map(write).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_in_modified_utf_7() {
        assert_eq!(folder("Verwerkt"), "\"Verwerkt\"");
        // The example of RFC 3501 §5.1.3.
        assert_eq!(folder("~peter/mail/台北/日本語"), "\"~peter/mail/&U,BTFw-/&ZeVnLIqe-\"");
        assert_eq!(folder("Bij & naar"), "\"Bij &- naar\"");
        assert_eq!(folder("Geïnd"), "\"Ge&AO8-nd\"");
        assert_eq!(folder("a\"b\\c\r\nd"), "\"a\\\"b\\\\c&AA0ACg-d\"");
    }

    #[test]
    fn sets_are_short() {
        let set = |uids: &[u32]| uid_set(&uids.iter().copied().collect());
        assert_eq!(set(&[9, 3, 4, 5]), "3:5,9");
        assert_eq!(set(&[u32::MAX, u32::MAX - 1]), "4294967294:4294967295");
        assert_eq!(set(&[]), "");
    }
}
