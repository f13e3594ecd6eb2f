//! To which case a piece belongs that is there already: by message ids, or by a case number that the writer names.

use crate::limits::DOCUMENTS_MAX;
use crate::record::{CaseNumber, Extract, PartKind};
use crate::store::{Store, StoreError};

/// Characters of the writer's own words in which a case number is looked for: people put it at the top.
const CLUE_CHARS_MAX: usize = 20_000;

/// Case numbers looked at in one piece; a list of hundreds is no reference.
const CASE_NUMBERS_MAX: usize = 5;

/// What a piece says of other pieces.
#[derive(Clone, Debug, Default)]
pub(super) struct Clues {
    msg_id: Option<String>,
    /// In-Reply-To and References, nearest first.
    refers_to: Vec<String>,
    case_numbers: Vec<CaseNumber>,
    author: Option<String>,
}

/// The case it belongs to, and one Dutch sentence why.
#[derive(Clone, Debug)]
pub(super) struct Related {
    pub case: CaseNumber,
    pub why: String,
    /// Does it come from the address that opened the case?
    pub same_writer: bool,
}

impl Clues {
    pub(super) fn of(extract: &Extract) -> Self {
        let mut clues = Clues::default();
        let mut text = String::new();
        if let Some(message) = &extract.message {
            clues.msg_id.clone_from(&message.msg_id);
            clues.refers_to = message.in_reply_to.clone();
            clues.refers_to.extend(message.references.iter().rev().cloned());
            clues.author = message.author.as_ref().and_then(|author| author.address.clone());
            text.extend(message.subject.clone());
        }
        for document in extract.documents.iter().take(DOCUMENTS_MAX) {
            text.push('\n');
            let own = document.parts.iter().filter(|part| part.kind == PartKind::Own);
            if document.parts.is_empty() {
                text.extend(document.text.chars().take(CLUE_CHARS_MAX));
            }
            for part in own {
                let length = (part.end - part.start).min(CLUE_CHARS_MAX);
                text.extend(document.text.chars().skip(part.start).take(length));
            }
            if text.len() > 4 * CLUE_CHARS_MAX {
                break;
            }
        }
        clues.case_numbers = CaseNumber::find_all(&text);
        clues.case_numbers.dedup();
        clues.case_numbers.truncate(CASE_NUMBERS_MAX);
        clues
    }

    /// Does it reply to some message, ours or theirs?
    pub(super) fn is_reply(&self) -> bool {
        !self.refers_to.is_empty()
    }

    pub(super) fn refers_to(&self) -> &[String] {
        &self.refers_to
    }

    pub(super) fn case_numbers(&self) -> &[CaseNumber] {
        &self.case_numbers
    }

    /// Every message id it names, its own first.
    pub(super) fn msg_ids(&self) -> Vec<String> {
        self.msg_id.iter().chain(&self.refers_to).cloned().collect()
    }
}

/// Looks the clues up, the surest first. What belongs to a case that was joined to another goes on in that one.
pub(super) fn find(store: &Store, clues: &Clues) -> Result<Option<Related>, StoreError> {
    let Some(mut related) = look_up(store, clues)? else { return Ok(None) };
    let goes_on = store.goes_on_in(related.case)?;
    if goes_on != related.case {
        related.why.push_str(&format!(" Zaak {} is gevoegd bij deze zaak.", related.case));
        related.case = goes_on;
    }
    Ok(Some(related))
}

fn look_up(store: &Store, clues: &Clues) -> Result<Option<Related>, StoreError> {
    if let Some(msg_id) = &clues.msg_id
        && let Some(case) = store.case_of_msg_id(msg_id)?
    {
        let why = "Hetzelfde bericht (Message-ID) was al ontvangen.".to_owned();
        // It is no new message: nobody hears of it again.
        return Ok(Some(Related { case, why, same_writer: false }));
    }
    for msg_id in &clues.refers_to {
        if let Some(case) = store.case_of_msg_id(msg_id)? {
            let why = "Het is een antwoord op een bericht in deze zaak.";
            return told(store, case, why, clues).map(Some);
        }
    }
    for number in &clues.case_numbers {
        if store.case(*number)?.is_some() {
            return told(store, *number, &format!("Het bericht noemt kenmerk {number}."), clues).map(Some);
        }
    }
    awaited(store, clues)
}

/// A message that came after its replies, or one more reply to a message that never came.
fn awaited(store: &Store, clues: &Clues) -> Result<Option<Related>, StoreError> {
    let Some(author) = &clues.author else { return Ok(None) };
    let own = clues.msg_id.iter().map(|id| (id, "Een bericht in deze zaak is een antwoord hierop."));
    let replied = "Het is een antwoord op hetzelfde bericht als een ander bericht in deze zaak.";
    for (msg_id, why) in own.chain(clues.refers_to.iter().map(|id| (id, replied))) {
        if let Some(case) = store.case_awaiting(msg_id, author)? {
            return Ok(Some(Related { case, why: why.to_owned(), same_writer: true }));
        }
    }
    Ok(None)
}

/// The case, with a word for staff when another than its writer wrote.
fn told(store: &Store, case: CaseNumber, why: &str, clues: &Clues) -> Result<Related, StoreError> {
    let mut why = why.to_owned();
    let same_writer = match store.case(case)? {
        Some(row) => same_writer(store, &row, clues)?,
        None => true,
    };
    if !same_writer {
        why.push_str(" Let op: het komt van een andere afzender dan het eerste bericht.");
    }
    Ok(Related { case, why, same_writer })
}

/// Does the piece come from the address that opened the case? Letters have none and are never called different.
fn same_writer(store: &Store, row: &crate::record::CaseRow, clues: &Clues) -> Result<bool, StoreError> {
    let (Some(first), Some(author)) = (row.records.first(), &clues.author) else { return Ok(true) };
    let opened_by = store.judgement(*first)?.and_then(|judgement| judgement.writer.address);
    Ok(opened_by.is_none_or(|address| address.eq_ignore_ascii_case(author)))
}
