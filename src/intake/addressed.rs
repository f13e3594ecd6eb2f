//! A person checked the address of a held letter: the letter is made again with it and goes out.
//!
//! Invariant: nothing is stored before the letter is whole; a refusal changes nothing.

use super::Rulebook;
use super::rulebook::AnswerRequest;
use crate::acknowledge::{Addressee, CheckedAddress, ComposeError, History};
use crate::limits::{ADDRESS_CHARS_MAX, ADDRESS_LINES_MAX};
use crate::record::{AnswerState, CaseNumber, Channel};
use crate::store::{CheckedLetter, Store, StoreError};
use jiff::Timestamp;

/// What came of a checked address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LetterChecked {
    /// The letter goes to the print queue.
    Goes,
    /// The address is right, and the answer waits for a person for this reason.
    StillHeld(String),
    /// Nothing was stored: a Dutch sentence for who typed it.
    Refused(String),
}

/// Why a checked address could not be dealt with; the machine's fault.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Compose(#[from] ComposeError),
}

/// Makes the letter of a case with this address, name first, and lets it go out.
///
/// # Errors
/// When the store or the letter fails; [`StoreError::State`] when no letter of the case waits for a person.
pub fn check_letter(
    store: &Store,
    rulebook: &Rulebook,
    case: CaseNumber,
    lines: &[String],
    by: &str,
    now: Timestamp,
) -> Result<LetterChecked, CheckError> {
    let lines: Vec<String> = lines
        .iter()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect();
    if let Some(why) = unusable(&lines) {
        return Ok(LetterChecked::Refused(why));
    }
    let row = store.case(case)?.ok_or(StoreError::UnknownCase(case))?;
    let held = row.answer.as_ref().filter(|entry| matches!(entry.state, AnswerState::Held { .. }));
    let entry = held.ok_or_else(|| StoreError::State {
        object: case.to_string(),
        why: "no letter of it waits for a person",
    })?;
    let extract = store.extract(entry.record)?.unwrap_or_default();
    let Some(judgement) = store.judgement(entry.record)? else {
        return Ok(LetterChecked::Refused("Van deze brief is geen beoordeling meer bewaard.".to_owned()));
    };
    let made = rulebook.checked_letter(
        &AnswerRequest {
            case,
            received: row.received,
            now,
            channel: Channel::Letter,
            extract: &extract,
            judgement: &judgement,
            deadlines: &row.deadlines,
            acknowledge: true,
            line: false,
            joins: None,
            history: History::default(),
        },
        &Addressee { lines: lines.clone() },
    )?;
    match made {
        CheckedAddress::Unprintable(reason) => Ok(LetterChecked::Refused(format!("Adres: {reason}"))),
        CheckedAddress::Made { pdf, still_held } => {
            let letter = CheckedLetter { lines, pdf, still_held: still_held.clone() };
            store.check_letter(case, by, &letter, now)?;
            Ok(still_held.map_or(LetterChecked::Goes, LetterChecked::StillHeld))
        }
    }
}

/// What keeps lines from being an address.
fn unusable(lines: &[String]) -> Option<String> {
    if lines.len() < 3 {
        return Some("Vul een naam, een straat of postbus, en een postcode met plaats in.".to_owned());
    }
    if lines.len() > ADDRESS_LINES_MAX {
        return Some(format!("Een adres heeft ten hoogste {ADDRESS_LINES_MAX} regels."));
    }
    lines
        .iter()
        .any(|line| line.chars().count() > ADDRESS_CHARS_MAX)
        .then(|| format!("Een regel van een adres heeft ten hoogste {ADDRESS_CHARS_MAX} tekens."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_three_to_six_lines() {
        let lines = |count: usize| vec!["regel 1".to_owned(); count];
        assert!(unusable(&lines(2)).is_some() && unusable(&lines(7)).is_some());
        assert!(unusable(&lines(3)).is_none() && unusable(&lines(6)).is_none());
        assert!(unusable(&["a".into(), "b".repeat(200), "c".into()]).unwrap().contains("tekens"));
    }
}
