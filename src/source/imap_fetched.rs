//! What a response of FETCH tells of a message (RFC 3501 §7.4.2): its size and date, what the ledger counts it by, its bytes.
//!
//! Invariant: what is not there, or is out of form, is none; it never fails the others.

use crate::record::Mark;
use async_imap::imap_proto::{AttributeValue, Response};
use jiff::Timestamp;

/// What is asked of a message before its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub uid: u32,
    pub bytes: u64,
    /// INTERNALDATE; `None` when the server's form cannot be understood.
    pub received_at: Option<Timestamp>,
}

/// The same, with what the ledger needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CountedHead {
    pub head: Head,
    pub msg_id: Option<Mark>,
    /// Marked as deleted.
    pub deleted: bool,
}

/// Reads size and date of one FETCH response.
pub(super) fn head(response: &Response<'_>) -> Option<Head> {
    let Response::Fetch(_, attributes) = response else { return None };
    let (mut uid, mut bytes, mut received_at) = (None, None, None);
    for attribute in attributes {
        match attribute {
            AttributeValue::Uid(value) => uid = Some(*value),
            AttributeValue::Rfc822Size(value) => bytes = Some(u64::from(*value)),
            AttributeValue::InternalDate(value) => received_at = internal_date(value),
            _ => {}
        }
    }
    Some(Head { uid: uid?, bytes: bytes?, received_at })
}

/// Reads what the ledger needs of one FETCH response.
pub(super) fn counted(response: &Response<'_>) -> Option<CountedHead> {
    let Response::Fetch(_, attributes) = response else { return None };
    let (mut msg_id, mut deleted) = (None, false);
    for attribute in attributes {
        match attribute {
            AttributeValue::BodySection { section: Some(_), data: Some(data), .. } => {
                msg_id = Mark::of_header(data);
            }
            AttributeValue::Flags(flags) => {
                deleted = flags.iter().any(|flag| flag.eq_ignore_ascii_case("\\Deleted"));
            }
            _ => {}
        }
    }
    Some(CountedHead { head: head(response)?, msg_id, deleted })
}

/// Reads the message of one FETCH response.
pub(super) fn body(response: &Response<'_>) -> Option<(u32, Vec<u8>)> {
    let Response::Fetch(_, attributes) = response else { return None };
    let (mut uid, mut body) = (None, None);
    for attribute in attributes {
        match attribute {
            AttributeValue::Uid(value) => uid = Some(*value),
            AttributeValue::BodySection { section: None, data: Some(data), .. } => body = Some(data.to_vec()),
            _ => {}
        }
    }
    Some((uid?, body?))
}

/// `" 7-Mar-2026 09:30:00 +0100"` (RFC 3501 §9, date-time).
fn internal_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::strtime::parse("%d-%b-%Y %H:%M:%S %z", text.trim()).ok()?.to_timestamp().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_dates() {
        let expected: Timestamp = "2026-03-07T08:30:00Z".parse().unwrap();
        for text in ["07-Mar-2026 09:30:00 +0100", " 7-Mar-2026 09:30:00 +0100", "7-Mar-2026 08:30:00 +0000"]
        {
            assert_eq!(internal_date(text), Some(expected), "{text}");
        }
        assert_eq!(internal_date("yesterday"), None);
    }
}
