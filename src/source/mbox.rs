//! Mailbox files (RFC 4155; the `mboxrd` quoting of From_ lines), read one message at a time.
//!
//! Invariant: memory is bounded by one message, whatever the file holds; a line is read to a bound, so that a
//! file without line ends is no danger.

use std::io::{self, BufRead, Read};

/// Bytes of a line that are kept together. Longer lines are passed on in pieces.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// One message of a mailbox file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Message(Vec<u8>),
    /// Larger than the bound; it was passed over.
    TooLarge(u64),
}

/// The messages of a mailbox file, in order.
#[derive(Debug)]
pub(super) struct Mbox<R> {
    reader: R,
    bytes_max: u64,
    line: Vec<u8>,
    /// The last line read was whole and empty, or there was none: a From_ line may follow.
    after_empty: bool,
    /// A From_ line was read: a message follows.
    opened: bool,
    ended: bool,
}

impl<R: BufRead> Mbox<R> {
    pub(super) fn new(reader: R, bytes_max: u64) -> Self {
        Self { reader, bytes_max, line: Vec::new(), after_empty: true, opened: false, ended: false }
    }

    /// The next message; `None` at the end.
    ///
    /// # Errors
    /// When the file cannot be read, or does not begin with a From_ line.
    pub(super) fn next_message(&mut self) -> io::Result<Option<Found>> {
        let mut message = Vec::new();
        let mut bytes = 0_u64;
        while !self.ended {
            let at_line_start = self.line.is_empty() || self.line.ends_with(b"\n");
            self.line.clear();
            (&mut self.reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut self.line)?;
            if self.line.is_empty() {
                self.ended = true;
                break;
            }
            if at_line_start && self.after_empty && is_from_line(&self.line) {
                self.after_empty = false;
                if std::mem::replace(&mut self.opened, true) {
                    return Ok(Some(finish(message, bytes, self.bytes_max)));
                }
                continue;
            }
            if !self.opened {
                if self.line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "is no mailbox file: it does not begin with a From_ line",
                ));
            }
            self.after_empty = at_line_start && matches!(self.line.as_slice(), b"\n" | b"\r\n");
            let line = if at_line_start { unquoted(&self.line) } else { &self.line };
            bytes += line.len() as u64;
            if bytes <= self.bytes_max {
                message.extend_from_slice(line);
            } else {
                message = Vec::new();
            }
        }
        if std::mem::replace(&mut self.opened, false) {
            return Ok(Some(finish(message, bytes, self.bytes_max)));
        }
        Ok(None)
    }
}

/// The empty line before the next From_ line belongs to the file, not to the message.
fn finish(mut message: Vec<u8>, bytes: u64, bytes_max: u64) -> Found {
    if bytes > bytes_max {
        return Found::TooLarge(bytes);
    }
    if message.ends_with(b"\r\n\r\n") {
        message.truncate(message.len() - 2);
    } else if message.ends_with(b"\n\n") {
        message.truncate(message.len() - 1);
    }
    Found::Message(message)
}

/// `From sender Mon Mar  2 09:00:00 2026`: with a time and a year, so that a sentence that begins with "From"
/// is not taken for one.
fn is_from_line(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"From ") else { return false };
    let Ok(text) = std::str::from_utf8(&rest[..rest.len().min(1000)]) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let time = text.split_ascii_whitespace().any(|word| {
        let mut parts = word.split(':');
        word.contains(':') && parts.all(|part| part.len() <= 2 && digits(part))
    });
    let year = text.split_ascii_whitespace().any(|word| word.len() == 4 && digits(word));
    time && year
}

/// mboxrd: one `>` is taken from a line of `>`s before `From `.
fn unquoted(line: &[u8]) -> &[u8] {
    let quotes = line.iter().take_while(|byte| **byte == b'>').count();
    if quotes > 0 && line[quotes..].starts_with(b"From ") { &line[1..] } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(file: &str, bytes_max: u64) -> Vec<Found> {
        let mut mbox = Mbox::new(file.as_bytes(), bytes_max);
        std::iter::from_fn(|| mbox.next_message().unwrap()).collect()
    }

    fn texts(file: &str) -> Vec<String> {
        messages(file, 1_000)
            .into_iter()
            .map(|found| match found {
                Found::Message(bytes) => String::from_utf8(bytes).unwrap(),
                Found::TooLarge(bytes) => panic!("too large: {bytes}"),
            })
            .collect()
    }

    const FROM: &str = "From a@example.nl Mon Mar  2 09:00:00 2026\n";

    #[test]
    fn messages_are_told_apart() {
        let file = format!("{FROM}Subject: 1\n\nEen.\n\n{FROM}Subject: 2\n\nTwee.\n");
        assert_eq!(texts(&file), ["Subject: 1\n\nEen.\n", "Subject: 2\n\nTwee.\n"]);
        let crlf = file.replace('\n', "\r\n");
        assert_eq!(texts(&crlf), ["Subject: 1\r\n\r\nEen.\r\n", "Subject: 2\r\n\r\nTwee.\r\n"]);
    }

    #[test]
    fn quoted_lines_come_back() {
        let file = format!("{FROM}S: 1\n\n>From mij\n>>From hem\n> From haar\n");
        assert_eq!(texts(&file), ["S: 1\n\nFrom mij\n>From hem\n> From haar\n"]);
    }

    #[test]
    fn a_sentence_is_no_from_line() {
        let file = format!("{FROM}S: 1\n\nFrom now on 2026 is a year.\n\nFrom here to 10:00 we wait.\n");
        assert_eq!(texts(&file).len(), 1);
        let inside = format!("{FROM}S: 1\n\nno empty line before\n{FROM}");
        assert_eq!(texts(&inside).len(), 1);
    }

    #[test]
    fn a_large_message_is_passed_over() {
        let file = format!("{FROM}S: 1\n\n{}\n\n{FROM}S: 2\n\nok\n", "x".repeat(100));
        assert_eq!(messages(&file, 50), [Found::TooLarge(108), Found::Message(b"S: 2\n\nok\n".to_vec())]);
    }

    #[test]
    fn no_mailbox_file() {
        assert!(Mbox::new(&b"Geachte heer"[..], 50).next_message().is_err());
        assert!(messages("", 50).is_empty());
        assert_eq!(messages(FROM, 50), [Found::Message(Vec::new())]);
    }
}
