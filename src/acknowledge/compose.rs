//! The acknowledgement as a message (RFC 5322, 2045, 3834 §3): one recipient, plain text first, the same words
//! as HTML, no word of the writer's.
//!
//! Invariants: one that goes out by itself says so, in its header and its words; one that a person lets go does not
//! (RFC 3834 §5.2: the keywords must not stand on manual messages); the Message-ID depends on case and office only, so that a resend after a crash is the same
//! message; nothing that came from outside reaches a header field but addresses and Message-IDs that were
//! checked to be nothing else.

use super::blocks::{self, Section};
use super::templates::{Particulars, RenderError, Templates};
use super::{Main, Situation, header};
use crate::config::Answers;
use crate::record::{CaseNumber, Message, Office};
use jiff::Timestamp;
use lettre::Address;
use lettre::message::header::{
    ContentTransferEncoding, ContentType, HeaderName, HeaderValue, InReplyTo, References,
};
use lettre::message::{Mailbox, MessageBuilder, MultiPart, SinglePart};
use std::time::SystemTime;

/// The mark in the left part of our Message-IDs by which the gate knows its own.
pub const MSG_ID_MARK: &str = ".ontvangst.";
/// How the subjects of automatic messages begin (RFC 3834 §3.1.5: a short sign that it is automatic).
pub const SUBJECT_START: &str = "Automatisch bericht:";

/// Exchange answers none of these by itself. Not `All`: that would keep back the report that it did not arrive (NDR),
/// and the office must hear of that (Awb 2:11).
const RESPONSES_NOT_WANTED: &str = "DR, RN, NRN, OOF, AutoReply";

/// Message-IDs carried over into References: the first and the newest ones.
const REFERENCES_MAX: usize = 10;
/// Characters of a Message-ID that is carried over: a longer one cannot stand in a line of 998.
const MSG_ID_CHARS_MAX: usize = 250;

/// Who answers.
#[derive(Clone, Debug)]
pub struct Identity {
    pub from_name: String,
    pub from_address: String,
    pub msg_id_domain: String,
}

impl Identity {
    pub fn new(answers: &Answers, office: &Office) -> Self {
        let from_name = if answers.from_name.is_empty() { &office.name } else { &answers.from_name };
        let from_address = if answers.from_address.is_empty() {
            // Only a preview is made without an address; sending needs one (config check).
            office.contact.email.clone().unwrap_or_else(|| "klacht@example.nl".to_owned())
        } else {
            answers.from_address.clone()
        };
        let msg_id_domain = msg_id_domain(answers, office);
        Self { from_name: from_name.clone(), from_address, msg_id_domain }
    }
}

/// The right part of our Message-IDs.
pub(super) fn msg_id_domain(answers: &Answers, office: &Office) -> String {
    let domain = |address: &str| header::split_address(address).map(|(_, domain)| domain.to_owned());
    answers
        .msg_id_domain
        .clone()
        .or_else(|| domain(&answers.from_address))
        .or_else(|| domain(office.contact.email.as_deref()?))
        // Only a preview has none.
        .unwrap_or_else(|| "bode.invalid".to_owned())
}

/// A message ready to be sent.
#[derive(Clone, Debug)]
pub struct Composed {
    pub bytes: Vec<u8>,
    /// Without angle brackets.
    pub msg_id: String,
}

/// Why an answer could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    #[error("the address of the {whose} is no addr-spec of RFC 5322: {source}")]
    Address { whose: &'static str, source: lettre::address::AddressError },
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error("the message for case {case} could not be put together: {source}")]
    Build { case: CaseNumber, source: lettre::error::Error },
    #[error("the letter for case {case} could not be made: {what}")]
    Letter { case: CaseNumber, what: String },
    #[error("no letter can be made: {what}")]
    Font { what: String },
}

/// Makes the acknowledgement of a message.
///
/// # Errors
/// When an address is no address, or a template fails after all.
pub fn compose_message(
    templates: &Templates,
    identity: &Identity,
    situation: &Situation,
    about: &Particulars,
    to: &str,
    original: Option<&Message>,
    now: Timestamp,
) -> Result<Composed, ComposeError> {
    let case = about.case;
    let sections = templates.render(situation, about)?;
    let subject = if about.automatic {
        format!("{SUBJECT_START} wij hebben uw bericht ontvangen [{case}]")
    } else {
        format!("Wij hebben uw bericht ontvangen [{case}]")
    };
    let msg_id = match situation.main {
        Main::FollowUp => line_msg_id(case, original, templates.office_id(), &identity.msg_id_domain),
        _ => msg_id(case, templates.office_id(), &identity.msg_id_domain),
    };
    let languages: Vec<&str> = sections.iter().map(|section| section.language.as_str()).collect();

    let mut builder = lettre::Message::builder()
        .from(Mailbox::new(
            Some(identity.from_name.clone()).filter(|name| !name.is_empty()),
            address(&identity.from_address, "office")?,
        ))
        .to(Mailbox::new(None, address(to, "writer")?))
        .subject(subject.clone())
        .date(SystemTime::from(now))
        .message_id(Some(format!("<{msg_id}>")))
        .raw_header(field("X-Auto-Response-Suppress", RESPONSES_NOT_WANTED))
        .raw_header(field("Content-Language", &languages.join(", ")));
    if about.automatic {
        builder = builder.raw_header(field("Auto-Submitted", "auto-replied"));
    }
    if let Some(original) = original {
        builder = in_thread(builder, original);
    }
    // The boundary follows from the case: the same answer has the same bytes.
    let body = in_both_forms(&sections, &subject, format!("bode-{case}"));
    let message = builder.multipart(body).map_err(|source| ComposeError::Build { case, source })?;
    Ok(Composed { bytes: fold_from(message.formatted()), msg_id })
}

/// The fields by which a mail program lays a message with what it answers (RFC 5322 §3.6.4).
pub(super) fn in_thread(mut builder: MessageBuilder, original: &Message) -> MessageBuilder {
    let parent = original.msg_id.as_deref().and_then(carried);
    if let Some(parent) = &parent {
        builder = builder.header(InReplyTo::from(format!("<{parent}>")));
    }
    let references = references(original, parent);
    if !references.is_empty() {
        builder = builder.header(References::from(references));
    }
    builder
}

/// The words as plain text and as HTML.
pub(super) fn in_both_forms(sections: &[Section], subject: &str, boundary: String) -> MultiPart {
    let part = |content_type: ContentType, body: String| {
        SinglePart::builder()
            .header(content_type)
            .header(ContentTransferEncoding::QuotedPrintable)
            .body(body.replace('\n', "\r\n").into_bytes())
    };
    MultiPart::alternative()
        .boundary(boundary)
        .singlepart(part(ContentType::TEXT_PLAIN, blocks::text(sections)))
        .singlepart(part(ContentType::TEXT_HTML, blocks::html(sections, subject)))
}

/// lettre does not fold a long From; a line with an encoded-word may have 76 octets (RFC 2047 §2). The fold
/// goes between display name and address.
pub(super) fn fold_from(bytes: Vec<u8>) -> Vec<u8> {
    const LINE_OCTETS_MAX: usize = 76;
    let mut start = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let fold = line.windows(2).rposition(|pair| pair == b" <");
        match fold {
            _ if line == b"\r\n" => break,
            Some(fold) if line.starts_with(b"From: ") && line.len() > LINE_OCTETS_MAX + 2 => {
                let (before, after) = bytes.split_at(start + fold);
                return [before, b"\r\n", after].concat();
            }
            _ => start += line.len(),
        }
    }
    bytes
}

/// The Message-ID of the acknowledgement of a case, without angle brackets.
pub fn msg_id(case: CaseNumber, office_id: &str, domain: &str) -> String {
    format!("{case}{MSG_ID_MARK}{office_id}@{domain}")
}

/// That of the one line for a follow-up: of the case and of the message that it is for.
fn line_msg_id(case: CaseNumber, original: Option<&Message>, office_id: &str, domain: &str) -> String {
    let original = original.and_then(|message| message.msg_id.as_deref()).unwrap_or_default();
    // FNV-1a: only different where the follow-ups are.
    let mark = original
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{case}.vervolg-{mark:016x}{MSG_ID_MARK}{office_id}@{domain}")
}

pub(super) fn address(text: &str, whose: &'static str) -> Result<Address, ComposeError> {
    text.parse().map_err(|source| ComposeError::Address { whose, source })
}

pub(super) fn field(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// The thread (RFC 5322 §3.6.4): what the original refers to, then the original itself; bounded.
fn references(original: &Message, parent: Option<String>) -> String {
    let mut ids: Vec<String> =
        original.references.iter().chain(&original.in_reply_to).filter_map(|id| carried(id)).collect();
    ids.extend(parent);
    let mut seen = std::collections::HashSet::new();
    // Of an id that stands there twice the last place counts.
    let mut ids: Vec<String> = ids.into_iter().rev().filter(|id| seen.insert(id.clone())).collect();
    ids.reverse();
    if ids.len() > REFERENCES_MAX {
        ids.drain(1..=ids.len() - REFERENCES_MAX);
    }
    ids.iter().map(|id| format!("<{id}>")).collect::<Vec<_>>().join(" ")
}

/// A Message-ID of the outside that may be repeated: visible ASCII, one `@`, no brackets, not long.
fn carried(id: &str) -> Option<String> {
    let id = id.trim().trim_start_matches('<').trim_end_matches('>');
    let plain = |c: char| c.is_ascii_graphic() && !"<>()\"\\,;".contains(c);
    (id.len() <= MSG_ID_CHARS_MAX && id.chars().all(plain) && header::split_address(id).is_some())
        .then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_from_outside() {
        assert_eq!(carried("<abc@example.nl>").as_deref(), Some("abc@example.nl"));
        assert_eq!(carried("abc@example.nl\r\nBcc: x@example.org"), None);
        assert_eq!(carried("a b@example.nl"), None);
        assert_eq!(carried(&format!("{}@example.nl", "a".repeat(300))), None);
        assert_eq!(carried("@"), None);
    }

    #[test]
    fn references_are_bounded_and_end_with_the_parent() {
        let original = Message {
            msg_id: Some("last@example.nl".into()),
            references: (0..40).map(|n| format!("{n}@example.nl")).collect(),
            in_reply_to: vec!["39@example.nl".into()],
            ..Message::default()
        };
        let references = references(&original, Some("last@example.nl".into()));
        let ids: Vec<&str> = references.split(' ').collect();
        assert_eq!(ids.len(), REFERENCES_MAX);
        assert_eq!((ids[0], ids[ids.len() - 1]), ("<0@example.nl>", "<last@example.nl>"));
    }
}
