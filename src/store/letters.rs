//! Letters on paper after they were made: an address that a person checked, which letters lie ready for which day, and
//! which were printed by whom.
//!
//! Invariants: the letter that goes out is the one that the journal names last, and each version stays in the record's
//! folder; an address lies there too, never in the journal; a letter that a colleague printed meanwhile is told, so that
//! nobody gets two.

use super::change::bounded;
use super::entry::Event;
use super::{Store, StoreError, keys};
use crate::limits::{ACCOUNT_CHARS_MAX, NOTE_CHARS_MAX};
use crate::record::{
    Answer, AnswerChannel, AnswerState, CaseNumber, CaseRow, OutboxEntry, Printed, office_date,
};
use jiff::Timestamp;
use jiff::civil::Date;

/// A letter with an address that a person checked.
#[derive(Clone, Debug)]
pub struct CheckedLetter {
    /// Name and address, one a line.
    pub lines: Vec<String>,
    pub pdf: Vec<u8>,
    /// Why it waits for a person all the same; `None`: it goes out.
    pub still_held: Option<String>,
}

/// How many letters lie ready for a day, and how many of them are not printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LetterDay {
    pub day: Date,
    pub letters: usize,
    pub unprinted: usize,
}

impl Store {
    /// The answer's bytes as they go out.
    pub fn answer_of(&self, entry: &OutboxEntry) -> Result<Option<Vec<u8>>, StoreError> {
        match &entry.file {
            Some(name) => self.originals.read(entry.record, name),
            None => self.answer(entry.record),
        }
    }

    /// Name and address on a letter, one a line: as a person checked it, else as it was read. Empty when the folder is
    /// gone, or the answer is no letter.
    pub fn addressee(&self, row: &CaseRow) -> Result<Vec<String>, StoreError> {
        let Some(entry) = row.answer.as_ref().filter(|entry| entry.channel == AnswerChannel::Letter) else {
            return Ok(Vec::new());
        };
        let text = match (&entry.address, row.records.first()) {
            (Some(digest), Some(first)) => self.originals.words(*first, digest)?,
            _ => self
                .originals
                .read_json::<super::card::Card>(entry.record, super::original::CARD)?
                .and_then(|card| card.answer)
                .and_then(|answer| match answer {
                    Answer::Send { to, .. } | Answer::Hold { to, .. } => Some(to),
                    Answer::Withhold { .. } => None,
                }),
        };
        Ok(text.unwrap_or_default().lines().map(str::to_owned).filter(|line| !line.is_empty()).collect())
    }

    /// A person checked the address of a held letter: the letter with it takes the old one's place and goes out, or
    /// waits on for another reason. One entry of the journal each, together or not at all.
    ///
    /// # Errors
    /// [`StoreError::State`] when the case has no letter that waits for a person; [`StoreError::TooLong`].
    pub fn check_letter(
        &self,
        case: CaseNumber,
        by: &str,
        letter: &CheckedLetter,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        bounded("the account", by, ACCOUNT_CHARS_MAX)?;
        let address = letter.lines.join("\n");
        bounded("the address", &address, NOTE_CHARS_MAX)?;
        let (first, entry) = self.held_letter(case)?;
        let digest = super::entry::digest_of(&letter.pdf);
        let file = format!("answer-{}.pdf", digest.get(..16).unwrap_or(&digest));
        self.originals.write(entry.record, &file, &letter.pdf)?;
        let address = self.originals.write_words(first, &address)?;
        let held =
            letter.still_held.as_ref().map(|why| self.originals.write_words(first, why)).transpose()?;
        self.sync_files()?;
        self.change(now, by, |_| {
            let (_, now_held) = self.held_letter(case)?;
            if now_held != entry {
                return Err(StoreError::State {
                    object: case.to_string(),
                    why: "this letter changed meanwhile",
                });
            }
            Ok(vec![
                Event::LetterAddressed { case, record: entry.record, address, file, digest },
                match held {
                    Some(reason) => Event::AnswerHeld { case, reason },
                    None => Event::AnswerReleased { case },
                },
            ])
        })?;
        Ok(())
    }

    fn held_letter(
        &self,
        case: CaseNumber,
    ) -> Result<(crate::record::RegistrationNumber, OutboxEntry), StoreError> {
        let row = self.case(case)?.ok_or(StoreError::UnknownCase(case))?;
        let wrong =
            || StoreError::State { object: case.to_string(), why: "no letter of it waits for a person" };
        let entry = row.answer.filter(|entry| {
            entry.channel == AnswerChannel::Letter && matches!(entry.state, AnswerState::Held { .. })
        });
        Ok((*row.records.first().ok_or_else(wrong)?, entry.ok_or_else(wrong)?))
    }

    /// Held letters whose address a person must check, in the order of their cases; at most `max`.
    pub fn addresses_to_check(&self, max: usize) -> Result<Vec<CaseRow>, StoreError> {
        self.letter_rows(&keys::letters_to_check(), max)
    }

    /// Letters that were laid ready on a day, in the order of their cases; at most `max`.
    pub fn letters_of(&self, day: Date, max: usize) -> Result<Vec<CaseRow>, StoreError> {
        let mut rows = self.letter_rows(&keys::letters_on(false, day), max)?;
        rows.extend(self.letter_rows(&keys::letters_on(true, day), max)?);
        rows.sort_by_key(|row| row.number);
        rows.truncate(max);
        Ok(rows)
    }

    fn letter_rows(&self, prefix: &[u8], max: usize) -> Result<Vec<CaseRow>, StoreError> {
        let mut cases = Vec::new();
        self.rows.each(prefix, None, false, &mut |key, _| {
            cases.extend(keys::number_at_end(key).map(|(year, serial)| CaseNumber::new(year, serial)));
            Ok(cases.len() < max)
        })?;
        let mut rows = Vec::new();
        for case in cases {
            rows.extend(self.case(case)?);
        }
        Ok(rows)
    }

    /// The days with letters, newest first: every day with one that is not printed, and the newest others up to `max`.
    pub fn letter_days(&self, max: usize) -> Result<Vec<LetterDay>, StoreError> {
        let mut days = std::collections::BTreeMap::<Date, LetterDay>::new();
        for printed in [false, true] {
            self.rows.each(&keys::letters(printed), None, true, &mut |key, _| {
                let Some(day) = keys::letter_day(key) else { return Ok(true) };
                if printed && days.len() >= max && !days.contains_key(&day) {
                    return Ok(days.keys().next().is_some_and(|oldest| *oldest < day));
                }
                let one = days.entry(day).or_insert(LetterDay { day, letters: 0, unprinted: 0 });
                one.letters += 1;
                one.unprinted += usize::from(!printed);
                Ok(true)
            })?;
        }
        Ok(days.into_values().rev().collect())
    }

    /// A person printed these letters. Gives those that somebody had printed before, with what is known of it: the
    /// second copy of such a letter must not go out.
    ///
    /// # Errors
    /// [`StoreError::State`] when one of them is no letter that lies ready; then none is marked.
    pub fn letters_printed(
        &self,
        cases: &[CaseNumber],
        by: &str,
        now: Timestamp,
    ) -> Result<Vec<(CaseNumber, Printed)>, StoreError> {
        bounded("the account", by, ACCOUNT_CHARS_MAX)?;
        let mut before = Vec::new();
        self.change(now, by, |_| {
            let mut events = Vec::new();
            for &case in cases {
                match self.ready_letter(case)?.printed {
                    Some(printed) if !printed.again => before.push((case, printed)),
                    _ => events.push(Event::LetterPrinted { case }),
                }
            }
            Ok(events)
        })?;
        Ok(before)
    }

    /// A printed letter must be printed once more: it was lost, or the printer jammed.
    ///
    /// # Errors
    /// [`StoreError::State`] when it was not printed.
    pub fn letter_again(&self, case: CaseNumber, by: &str, now: Timestamp) -> Result<(), StoreError> {
        bounded("the account", by, ACCOUNT_CHARS_MAX)?;
        self.change(now, by, |_| match self.ready_letter(case)?.printed {
            Some(printed) if !printed.again => Ok(vec![Event::LetterAgain { case }]),
            Some(_) => Ok(Vec::new()),
            None => {
                Err(StoreError::State { object: case.to_string(), why: "this letter was not printed yet" })
            }
        })?;
        Ok(())
    }

    fn ready_letter(&self, case: CaseNumber) -> Result<OutboxEntry, StoreError> {
        let row = self.case(case)?.ok_or(StoreError::UnknownCase(case))?;
        row.answer
            .filter(|entry| entry.letter_day().is_some())
            .ok_or_else(|| StoreError::State { object: case.to_string(), why: "no letter of it lies ready" })
    }
}

/// The key under which a letter is listed: to be checked, to be printed, or printed.
pub(super) fn listed(row: &CaseRow) -> Option<Vec<u8>> {
    let entry = row.answer.as_ref()?;
    match entry.letter_day() {
        Some(at) => Some(keys::letter(!entry.is_to_print(), office_date(at), row.number)),
        None => entry.asks_for_address().then(|| keys::letter_to_check(row.number)),
    }
}
