//! The date of receipt that a stored message tells of itself: the topmost Received header field (RFC 5321
//! §4.4, added by the server that took it last), else Date (RFC 5322 §3.6.1).
//!
//! Used for a backlog, where no mailbox tells when it came. Looks at the header only, to a bound.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// Bytes of a header that are looked at.
const HEADER_BYTES_MAX: usize = 256 * 1024;

static DATES: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);

/// When a message was received, by its own header; `None` when it does not tell.
pub fn received_of_message(message: &[u8]) -> Option<Timestamp> {
    let header = &message[..message.len().min(HEADER_BYTES_MAX)];
    let mut date = None;
    for (name, value) in header_fields(header) {
        if name.eq_ignore_ascii_case("received") {
            // RFC 5321 §4.4: the date follows the last semicolon.
            if let Some(found) = value.rsplit_once(';').and_then(|(_, text)| parse(text)) {
                return Some(found);
            }
        } else if name.eq_ignore_ascii_case("date") && date.is_none() {
            date = parse(&value);
        }
    }
    date
}

/// Whether the bytes begin like a message (RFC 5322 §2.2): a header field, not a text.
pub(super) fn looks_like_message(bytes: &[u8]) -> bool {
    const KNOWN: [&str; 12] = [
        "return-path",
        "received",
        "delivered-to",
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "mime-version",
        "content-type",
        "x-original-to",
        "dkim-signature",
    ];
    let header = &bytes[..bytes.len().min(4096)];
    header_fields(header).take(30).any(|(name, _)| KNOWN.iter().any(|known| name.eq_ignore_ascii_case(known)))
}

/// The fields of a header, unfolded, until the empty line or the first line that is none.
fn header_fields(header: &[u8]) -> impl Iterator<Item = (String, String)> {
    let mut lines = header
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .take_while(|line| !line.is_empty())
        .peekable();
    std::iter::from_fn(move || {
        let line = String::from_utf8_lossy(lines.next()?).into_owned();
        let (name, value) = line.split_once(':')?;
        let name = name.trim_end();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let mut value = value.to_owned();
        while let Some(more) = lines.next_if(|line| matches!(line.first(), Some(b' ' | b'\t'))) {
            value.push_str(&String::from_utf8_lossy(more));
        }
        Some((name.to_owned(), value))
    })
}

fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    // A comment at the end, `(CET)`, is common and tells nothing.
    let text = text.split_once('(').map_or(text, |(before, _)| before.trim_end());
    DATES.parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, expected: Option<&str>) {
        let expected: Option<Timestamp> = expected.map(|text| text.parse().unwrap());
        assert_eq!(received_of_message(message.as_bytes()), expected, "{message}");
        let crlf = message.replace('\n', "\r\n");
        assert_eq!(received_of_message(crlf.as_bytes()), expected, "{crlf}");
    }

    #[test]
    fn the_topmost_received_then_the_date() {
        check(
            "Return-Path: <a@example.nl>\nReceived: from a by b; id 1;\n\tMon, 2 Mar 2026 10:00:00 +0100 (CET)\n\
             Received: from c by a; Sun, 1 Mar 2026 10:00:00 +0100\nDate: Sat, 28 Feb 2026 10:00:00 +0100\n\nx",
            Some("2026-03-02T09:00:00Z"),
        );
        check("Date: Sat, 28 Feb 2026 10:00:00 +0100\n\nx", Some("2026-02-28T09:00:00Z"));
        check("Date: 28 Feb 2026 10:00 GMT\nReceived: nonsense\n\nx", Some("2026-02-28T10:00:00Z"));
        check("Subject: none\n\nDate: Sat, 28 Feb 2026 10:00:00 +0100\n", None);
        check("", None);
    }

    #[test]
    fn a_text_is_no_message() {
        assert!(looks_like_message(b"From: a@example.nl\r\nSubject: x\r\n\r\nbody"));
        assert!(!looks_like_message("Geachte heer,\n\nIk klaag.\n".as_bytes()));
        assert!(!looks_like_message(b"%PDF-1.7\n"));
        assert!(!looks_like_message(b""));
    }
}
