//! What stands at a source, counted without taking anything, and what the register holds of that source: the two sides
//! of the ledger.
//!
//! Invariant: names, addresses and Message-IDs (RFC 5322 §3.6.4) are compared by a short digest. Only `reference` is
//! for people: it goes to the terminal and the desk, never to a log, the journal or the metrics.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Which way post comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    Mailbox,
    Maildir,
    Scans,
}

impl SourceKind {
    /// The word in the line of the ledger, for staff.
    pub fn label(self) -> &'static str {
        match self {
            SourceKind::Mailbox => "postvak",
            SourceKind::Maildir => "maildir",
            SourceKind::Scans => "scans",
        }
    }

    /// The name in metrics.
    pub fn id(self) -> &'static str {
        match self {
            SourceKind::Mailbox => "mailbox",
            SourceKind::Maildir => "maildir",
            SourceKind::Scans => "scans",
        }
    }
}

/// In which part of a source a piece stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Where it came in: not taken yet, or taken and not yet moved.
    Waiting,
    /// Where what is safe here was moved to.
    Done,
    /// Where what could not be taken was moved to.
    Refused,
    /// Where it came in, marked as deleted by a person before it was taken.
    Deleted,
}

/// The first eight bytes of a SHA-256: enough to tell a million pieces apart, too little to find a name by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mark(u64);

impl Mark {
    fn of(parts: &[&str]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
        let digest = hasher.finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self(u64::from_be_bytes(first))
    }

    /// RFC 3501 §2.3.1.1: a UID means something only with its account, folder and UIDVALIDITY.
    pub fn of_uid(account: &str, folder: &str, uid_validity: u32, uid: u32) -> Self {
        Self::of(&["uid", account, folder, &uid_validity.to_string(), &uid.to_string()])
    }

    /// The name of a file, without what a mail reader adds to it in a Maildir.
    pub fn of_file(name: &str) -> Self {
        let base = name.split_once(":2,").map_or(name, |(base, _)| base);
        Self::of(&["file", base])
    }

    /// A Message-ID, with or without its angle brackets. `None`: nothing in it.
    pub fn of_msg_id(text: &str) -> Option<Self> {
        let inner = text.split_once('<').map_or(text, |(_, rest)| rest);
        let inner = inner.split_once('>').map_or(inner, |(id, _)| id).trim();
        (!inner.is_empty()).then(|| Self::of(&["msg-id", inner]))
    }

    /// The first Message-ID field of a header, or of a whole message. `None`: it has none.
    pub fn of_header(bytes: &[u8]) -> Option<Self> {
        const NAME: &[u8] = b"message-id:";
        let mut found: Option<Vec<u8>> = None;
        for line in bytes.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            match &mut found {
                _ if line.is_empty() => break,
                Some(value) if line.starts_with(b" ") || line.starts_with(b"\t") => value.extend(line),
                Some(_) => break,
                None if line.len() >= NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME) => {
                    found = Some(line[NAME.len()..].to_vec());
                }
                None => {}
            }
        }
        Self::of_msg_id(&String::from_utf8_lossy(&found?))
    }
}

/// One piece at a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    pub place: Place,
    /// Where a person finds it: folder and UID, or the name of a file.
    pub reference: String,
    /// Where it is, as the register notes it: for what waits in a mailbox, and for every file.
    pub origin: Option<Mark>,
    /// Of its Message-ID.
    pub msg_id: Option<Mark>,
    pub bytes: u64,
    /// When it came: INTERNALDATE, or the file's time.
    pub since: Option<Timestamp>,
    /// By what the source finds it again.
    pub uid: Option<(u32, u32)>,
    /// Why the daemon leaves it there, in Dutch, when it does.
    pub left: Option<String>,
}

/// All that stands at a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    pub source: SourceKind,
    pub pieces: Vec<Counted>,
}

/// What became of a registered piece, as the line of the ledger tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeldAs {
    Case,
    /// A machine's message, without what is spam.
    Automatic,
    Spam,
    /// No case for another reason.
    Aside,
    /// A stack of letters: its letters are pieces of their own.
    Stack,
    InWork,
}

/// A registered piece, as far as it can be compared with what stands at its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub source: SourceKind,
    pub origin: Mark,
    pub msg_id: Option<Mark>,
    pub bytes: u64,
    pub held_as: HeldAs,
    pub registered_at: Timestamp,
    /// Year and serial of its number.
    pub number: super::RegistrationNumber,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_is_one_however_it_is_written() {
        let id = Mark::of_msg_id("abc@example.nl");
        assert!(id.is_some());
        assert_eq!(Mark::of_msg_id(" <abc@example.nl> (comment)"), id);
        for header in [
            "From: x\r\nMessage-ID: <abc@example.nl>\r\n\r\nMessage-ID: <andere@example.nl>\r\n",
            "MESSAGE-Id:\r\n <abc@example.nl>\r\nTo: y\r\n\r\n",
            "Message-ID: <abc@example.nl>\n\n",
            "Message-ID: abc@example.nl",
        ] {
            assert_eq!(Mark::of_header(header.as_bytes()), id, "{header:?}");
        }
        for header in ["", "From: x\r\n\r\nMessage-ID: <abc@example.nl>", "Message-ID: <>\r\n", "Message-ID:"]
        {
            assert_eq!(Mark::of_header(header.as_bytes()), None, "{header:?}");
        }
    }

    #[test]
    fn a_file_keeps_its_mark_when_it_was_read() {
        assert_eq!(Mark::of_file("1.a.host:2,S"), Mark::of_file("1.a.host"));
        assert_ne!(Mark::of_file("1.a.host"), Mark::of_file("2.a.host"));
        assert_ne!(Mark::of_uid("a", "INBOX", 1, 2), Mark::of_uid("a", "INBOX", 2, 2));
    }
}
