//! Words that a person sends with a decision: drafted by a template, read and changed by that person, then made into a message
//! or a letter.
//!
//! Invariants: nothing here goes out by itself (RFC 3834 §5.2: no `Auto-Submitted`); what a person typed is text, in the
//! message, its HTML and the letter alike; nothing from outside reaches a header field but checked addresses and Message-IDs.

use super::blocks::{self, Section};
use super::compose::{address, field, fold_from, in_both_forms, in_thread};
use super::letter::compose_words;
use super::{ComposeError, Identity, MSG_ID_MARK, OnPaper, Particulars};
use crate::record::{CaseNumber, Message, Office};
use jiff::Timestamp;
use lettre::message::Mailbox;
use std::time::SystemTime;

/// Characters of a subject that a person typed.
const SUBJECT_CHARS_MAX: usize = 150;

/// A message about a decision.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    pub case: CaseNumber,
    pub office: &'a Office,
    pub identity: &'a Identity,
    pub to: &'a str,
    pub subject: &'a str,
    /// Paragraphs with an empty line between them.
    pub text: &'a str,
    /// Of the words: ISO 639-1.
    pub language: &'a str,
    /// What it answers.
    pub original: Option<&'a Message>,
    pub now: Timestamp,
}

/// Makes the message (RFC 5322).
///
/// # Errors
/// When an address is no address.
pub fn compose_written(written: &Written<'_>) -> Result<Vec<u8>, ComposeError> {
    let Written { case, identity, original, now, .. } = *written;
    let one_line: String = written.subject.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut subject: String = one_line.chars().take(SUBJECT_CHARS_MAX).collect();
    // By its number a reply finds the case.
    if !subject.contains(&case.to_string()) {
        subject = format!("{subject} [{case}]");
    }
    let msg_id = format!(
        "{case}.besluit-{}{MSG_ID_MARK}{}@{}",
        now.as_second(),
        written.office.id,
        identity.msg_id_domain
    );
    let mut builder = lettre::Message::builder()
        .from(Mailbox::new(
            Some(identity.from_name.clone()).filter(|name| !name.is_empty()),
            address(&identity.from_address, "office")?,
        ))
        .to(Mailbox::new(None, address(written.to, "writer")?))
        .subject(subject.clone())
        .date(SystemTime::from(now))
        .message_id(Some(format!("<{msg_id}>")))
        .raw_header(field("Content-Language", known(written.language)));
    if let Some(original) = original {
        builder = in_thread(builder, original);
    }
    let sections = sections(written.language, written.text);
    let body = in_both_forms(&sections, &subject, format!("bode-{case}-{}", now.as_second()));
    let message = builder.multipart(body).map_err(|source| ComposeError::Build { case, source })?;
    Ok(fold_from(message.formatted()))
}

/// Makes a letter with these words.
///
/// # Errors
/// When the PDF cannot be made.
pub fn letter_written(
    office: &Office,
    about: &Particulars<'_>,
    paper: &OnPaper<'_>,
    subject: &str,
    (language, text): (&str, &str),
) -> Result<Vec<u8>, ComposeError> {
    compose_words(&sections(language, text), office, about, paper, subject)
}

fn sections(language: &str, text: &str) -> Vec<Section> {
    vec![Section { language: known(language).to_owned(), blocks: blocks::parse(text) }]
}

/// A language as ISO 639-1 writes it; anything else is Dutch.
fn known(language: &str) -> &str {
    match language.as_bytes() {
        [b'a'..=b'z', b'a'..=b'z'] => language,
        _ => "nl",
    }
}
