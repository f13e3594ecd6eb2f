//! A message as its sender meant it: mends what comes before parsing, where programs and hands break it most.
//!
//! Invariant: a message that is whole is not touched, and not copied.

use crate::extract::charset;
use std::borrow::Cow;

/// Bytes in which the header is looked at.
const HEADER_BYTES_MAX: usize = 1024 * 1024;

/// Fields that no text has at the start of a line by chance: a line that is none stands between them, then, and the
/// header goes on.
const SURE_FIELDS: &[&str] = &[
    "received",
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "return-path",
    "delivered-to",
    "dkim-signature",
    "subject",
    "date",
    "from",
    "to",
];

/// The message with line ends, marks and the empty line behind the header as they should be.
pub(super) fn mended(bytes: &[u8]) -> Cow<'_, [u8]> {
    let bytes = without_mark(bytes);
    let bytes = with_line_ends(bytes);
    match missing_separation(&bytes) {
        None => bytes,
        Some(at) => {
            let (header, body) = bytes.split_at(at);
            Cow::Owned([header, b"\r\n", body].concat())
        }
    }
}

/// A file saved as "Unicode text", and empty lines before the header.
fn without_mark(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Cow::Owned(charset::decode(bytes, None).into_bytes());
    }
    let rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let trimmed = rest.trim_ascii_start();
    // Only before a header: an empty line is also how a message without one begins.
    Cow::Borrowed(if field_name(first_line(trimmed)).is_some() { trimmed } else { rest })
}

/// Line ends of old Macintoshes.
fn with_line_ends(bytes: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let head = &bytes[..bytes.len().min(HEADER_BYTES_MAX)];
    if head.contains(&b'\n') || !head.contains(&b'\r') {
        return bytes;
    }
    Cow::Owned(bytes.iter().map(|&byte| if byte == b'\r' { b'\n' } else { byte }).collect())
}

/// Where the body starts, when no empty line says so.
fn missing_separation(bytes: &[u8]) -> Option<usize> {
    let head = &bytes[..bytes.len().min(HEADER_BYTES_MAX)];
    let mut at = 0;
    let mut fields = 0;
    let mut starts = None;
    for line in head.split_inclusive(|&byte| byte == b'\n') {
        let text = line.trim_ascii_end();
        match starts {
            _ if text.is_empty() && !line.starts_with(b" ") && !line.starts_with(b"\t") => break,
            None if text.is_empty() || line.starts_with(b" ") || line.starts_with(b"\t") => {}
            None if field_name(text).is_some() => fields += 1,
            // The line of a mailbox file.
            None if at == 0 && text.starts_with(b"From ") => {}
            None => starts = Some(at),
            Some(_) => {
                let sure =
                    |name: &[u8]| SURE_FIELDS.iter().any(|sure| name.eq_ignore_ascii_case(sure.as_bytes()));
                if field_name(text).is_some_and(sure) {
                    return None;
                }
            }
        }
        at += line.len();
    }
    starts.filter(|_| fields > 0)
}

fn first_line(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == b'\n').next().unwrap_or_default()
}

/// `Subject` of `Subject: klacht`. Blanks before the colon are an old form of it.
fn field_name(line: &[u8]) -> Option<&[u8]> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let name = line[..colon].trim_ascii_end();
    (!name.is_empty() && name.iter().all(|&byte| byte.is_ascii_graphic())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_message_is_not_touched() {
        for whole in [
            "From: a@example.nl\r\nSubject: x\r\n y\r\n\r\nDit is tekst\n\nen meer",
            "From a@example.nl Mon Mar  2 09:00:00 2026\nFrom: a@example.nl\n\ntekst",
            "Subject : x\nTo : y\n\ntekst",
            "geen kop",
            "\n\ngeen kop",
            "",
            // A line broken by a program that forgot the blank: the header goes on.
            "Received: from a\nby b\nSubject: x\n\ntekst",
        ] {
            assert!(
                matches!(mended(whole.as_bytes()), Cow::Borrowed(same) if same == whole.as_bytes()),
                "{whole:?}"
            );
        }
    }

    #[test]
    fn what_is_broken_is_mended() {
        let check = |broken: &[u8], whole: &str| {
            assert_eq!(String::from_utf8_lossy(&mended(broken)), whole);
        };
        check(
            b"From: a@example.nl\nGeachte heer,\n\ntekst",
            "From: a@example.nl\n\r\nGeachte heer,\n\ntekst",
        );
        check(b"From: a@example.nl\n \nGeachte heer,", "From: a@example.nl\n \n\r\nGeachte heer,");
        check(b"From: a@example.nl\rSubject: x\r\rtekst", "From: a@example.nl\nSubject: x\n\ntekst");
        check(b"\xef\xbb\xbfFrom: a@example.nl\n\ntekst", "From: a@example.nl\n\ntekst");
        check(b"\r\n\r\nFrom: a@example.nl\n\ntekst", "From: a@example.nl\n\ntekst");
        let wide: Vec<u8> =
            "\u{feff}From: a@example.nl\n\nté".encode_utf16().flat_map(u16::to_le_bytes).collect();
        check(&wide, "From: a@example.nl\n\nté");
    }
}
