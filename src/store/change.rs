//! Changes of state by triage (R3) and by people (R5): one function each, one journal entry each.
//!
//! Invariants: a piece is judged once; a case number is used once; what a person decided is never overwritten by
//! a machine (no function here that a machine calls touches a decision). The words that people type are on disk
//! before the entry that names their digest.

use super::card::{Became, Card, CaseState, ExtractHead, RecordState};
use super::entry::{AnswerNote, DAEMON, Event, Judged, digest_of};
use super::open::last_serial;
use super::original::{ANSWERS, CARD, EXTRACT, JUDGEMENT};
use super::rows::decode;
use super::types::Outcome;
use super::{Store, StoreError, keys};
use crate::limits::{ACCOUNT_CHARS_MAX, JOINED_STEPS_MAX, JOURNAL_RULES_MAX, NOTE_CHARS_MAX};
use crate::record::{
    Answer, AnswerChannel, CaseNumber, CaseRow, Decision, Divided, Judgement, RegistrationNumber, SetAside,
    Verdict,
};
use jiff::Timestamp;
use std::collections::BTreeSet;

impl Store {
    /// Given once in this run; durable, and never given again, from the commit that uses it.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn next_case_number(&self, year: u16) -> Result<CaseNumber, StoreError> {
        let mut core = self.core();
        let serial = match core.last_case {
            Some((same, serial)) if same == year => serial,
            _ => last_serial(&*self.rows, keys::CASES, year)?,
        } + 1;
        core.last_case = Some((year, serial));
        Ok(CaseNumber::new(year, serial))
    }

    /// What a judged piece becomes (restart state R3): files first, then one entry for all of it. On disk with the next
    /// sync ([`Store::settle`]); until then a power cut makes it a piece to be judged again. Its answer does not leave
    /// before ([`Store::due_answers`]).
    ///
    /// # Errors
    /// [`StoreError::State`] when the piece was judged before, the case number is taken or the case is not there, or
    /// an answer that may go out has no bytes.
    pub fn commit(
        &self,
        number: RegistrationNumber,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if self.core().journal.is_none() {
            return Err(StoreError::ReadOnly);
        }
        self.still_writing()?;
        self.in_work(number)?;
        let (judgement, answer_bytes) = match &outcome {
            Outcome::NewCase { judgement, answer, answer_bytes, .. }
            | Outcome::Joins { judgement, answer, answer_bytes, .. } => {
                (judgement, with_bytes(number, answer, answer_bytes.as_deref())?)
            }
            Outcome::CameBack { judgement, .. } | Outcome::SetAside { judgement, .. } => (judgement, None),
        };
        let extract = self.originals.read(number, EXTRACT)?;
        let head: Option<ExtractHead> =
            extract.as_deref().and_then(|bytes| serde_json::from_slice(bytes).ok());
        let mut judged = judged(judgement, head.as_ref());
        if let (Some(bytes), Some(_)) = (&extract, &head) {
            judged.files.insert(EXTRACT.to_owned(), digest_of(bytes));
        }
        let card = card(&outcome, judgement, &head.unwrap_or_default());
        for (name, digest) in [
            (JUDGEMENT, self.originals.write_json(number, JUDGEMENT, judgement)?),
            (CARD, self.originals.write_json(number, CARD, &card)?),
        ] {
            judged.files.insert(name.to_owned(), digest);
        }
        if let Some((name, bytes)) = answer_bytes {
            judged.files.insert(name.to_owned(), self.originals.write(number, name, bytes)?);
        }
        self.wrote_files();
        let event = event(number, outcome, judged);
        self.write(now, DAEMON, |_| {
            self.in_work(number)?;
            match &event {
                Event::Opened { case, .. } if self.case_state(*case)?.is_some() => {
                    Err(StoreError::State { object: case.to_string(), why: "this case number is taken" })
                }
                Event::Joined { case, .. } | Event::CameBack { case, .. }
                    if self.case_state(*case)?.is_none() =>
                {
                    Err(StoreError::UnknownCase(*case))
                }
                _ => Ok(vec![event]),
            }
        })?;
        Ok(())
    }

    /// A scan run is divided: its letters are registered, and it is set aside itself, with the backs that were put
    /// together with it, in one entry.
    ///
    /// # Errors
    /// [`StoreError::State`] when the run or its backs were judged before, the letters are not as many as the sheets,
    /// or one of them is not registered.
    pub fn divide(
        &self,
        number: RegistrationNumber,
        divided: Divided,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let refused = |why| Err(StoreError::State { object: number.to_string(), why });
        if !divided.adds_up() {
            return refused("the letters of this run are not as many as its sheets");
        }
        self.change(now, DAEMON, |_| {
            self.in_work(number)?;
            if let Some(backs) = divided.backs {
                self.in_work(backs)?;
            }
            for letter in &divided.letters {
                self.record_state(*letter)?.ok_or(StoreError::UnknownRecord(*letter))?;
            }
            Ok(vec![Event::Divided { record: number, divided }])
        })?;
        Ok(())
    }

    /// A person decides. `decision.at` is replaced by `now`. Returns the row as it is then. (Which verdicts need a
    /// reason or a place to refer to is for [`crate::queue`].)
    ///
    /// # Errors
    /// [`StoreError::Changed`] when the case is not at `expected_revision` any more.
    pub fn decide(
        &self,
        number: CaseNumber,
        expected_revision: Option<u64>,
        decision: Decision,
        now: Timestamp,
    ) -> Result<CaseRow, StoreError> {
        let Decision { verdict, refer_to, by, reason, .. } = decision;
        let refer_to = refer_to.filter(|_| verdict == Verdict::Refer);
        bounded("the place to refer to", refer_to.as_deref().unwrap_or_default(), ACCOUNT_CHARS_MAX)?;
        self.by_person(number, expected_revision, &by, Some(&reason), now, |_, reason| {
            Ok(Event::Decided { case: number, verdict, refer_to, reason, message: None })
        })
    }

    /// Gives a case to a person; `None` gives it back to all. Returns the row as it is then.
    ///
    /// # Errors
    /// As [`Store::decide`].
    pub fn assign(
        &self,
        number: CaseNumber,
        expected_revision: Option<u64>,
        by: &str,
        assignee: Option<&str>,
        now: Timestamp,
    ) -> Result<CaseRow, StoreError> {
        bounded("the account", assignee.unwrap_or_default(), ACCOUNT_CHARS_MAX)?;
        let to = assignee.map(str::to_owned).filter(|account| !account.is_empty());
        self.by_person(number, expected_revision, by, None, now, |_, _| {
            Ok(Event::Assigned { case: number, to })
        })
    }

    /// A person joins a case to another, where it goes on. Returns the row of the joined one.
    ///
    /// # Errors
    /// [`StoreError::State`] when they are one, or either was joined to another before; else as [`Store::decide`].
    pub fn join_cases(
        &self,
        number: CaseNumber,
        expected_revision: Option<u64>,
        into: CaseNumber,
        by: &str,
        now: Timestamp,
    ) -> Result<CaseRow, StoreError> {
        self.by_person(number, expected_revision, by, None, now, |state, _| {
            let other = self.case_state(into)?.ok_or(StoreError::UnknownCase(into))?;
            let refused = |why| Err(StoreError::State { object: number.to_string(), why });
            match (number == into, state.row.joined_to, other.row.joined_to) {
                (true, ..) => refused("a case cannot be joined to itself"),
                (_, Some(_), _) => refused("this case was joined to another before"),
                (.., Some(_)) => refused("the other case was joined to another itself"),
                _ => Ok(Event::Merged { case: number, into }),
            }
        })
    }

    /// The case in which this one goes on: itself, or the one that a person joined it to.
    pub fn goes_on_in(&self, number: CaseNumber) -> Result<CaseNumber, StoreError> {
        let mut case = number;
        for _ in 0..JOINED_STEPS_MAX {
            match self.case(case)?.and_then(|row| row.joined_to) {
                Some(into) => case = into,
                None => break,
            }
        }
        Ok(case)
    }

    /// Adds a note. Returns the row as it is then.
    ///
    /// # Errors
    /// [`StoreError::TooLong`].
    pub fn note(
        &self,
        number: CaseNumber,
        by: &str,
        text: &str,
        now: Timestamp,
    ) -> Result<CaseRow, StoreError> {
        self.by_person(number, None, by, Some(text), now, |_, note| Ok(Event::Noted { case: number, note }))
    }

    /// Writes down that a person had the citizen service numbers of a case uncovered, before they are shown. It does not
    /// change the case.
    ///
    /// # Errors
    /// [`StoreError::UnknownCase`], [`StoreError::TooLong`], or the store cannot write.
    pub fn bsn_shown(&self, number: CaseNumber, by: &str, now: Timestamp) -> Result<(), StoreError> {
        bounded("the account", by, ACCOUNT_CHARS_MAX)?;
        self.change(now, by, |_| {
            self.case_state(number)?.ok_or(StoreError::UnknownCase(number))?;
            Ok(vec![Event::BsnShown { case: number }])
        })?;
        Ok(())
    }

    /// One change to a case, by a person or with words: the words are kept first, then the entry is made by `build`
    /// from the state at that moment.
    pub(super) fn by_person(
        &self,
        number: CaseNumber,
        expected_revision: Option<u64>,
        by: &str,
        words: Option<&str>,
        now: Timestamp,
        build: impl FnOnce(&CaseState, String) -> Result<Event, StoreError>,
    ) -> Result<CaseRow, StoreError> {
        bounded("the account", by, ACCOUNT_CHARS_MAX)?;
        bounded("the text", words.unwrap_or_default(), NOTE_CHARS_MAX)?;
        if self.core().journal.is_none() {
            return Err(StoreError::ReadOnly);
        }
        self.still_writing()?;
        let expect = |state: &CaseState| match expected_revision {
            Some(expected) if expected != state.row.revision => {
                Err(StoreError::Changed { case: number, expected, found: state.row.revision })
            }
            _ => Ok(()),
        };
        let state = self.case_state(number)?.ok_or(StoreError::UnknownCase(number))?;
        expect(&state)?;
        let digest = match (words, state.row.records.first()) {
            (Some(text), Some(record)) => {
                let digest = self.originals.write_words(*record, text)?;
                self.sync_files()?;
                digest
            }
            _ => String::new(),
        };
        self.change(now, by, |_| {
            let state = self.case_state(number)?.ok_or(StoreError::UnknownCase(number))?;
            expect(&state)?;
            Ok(vec![build(&state, digest)?])
        })?;
        self.case(number)?.ok_or(StoreError::UnknownCase(number))
    }

    pub(super) fn case_state(&self, number: CaseNumber) -> Result<Option<CaseState>, StoreError> {
        self.rows.get(&keys::case(number))?.map(|value| decode(&value)).transpose()
    }

    pub(super) fn record_state(&self, number: RegistrationNumber) -> Result<Option<RecordState>, StoreError> {
        self.rows.get(&keys::record(number))?.map(|value| decode(&value)).transpose()
    }

    pub(super) fn in_work(&self, number: RegistrationNumber) -> Result<(), StoreError> {
        match self.record_state(number)?.ok_or(StoreError::UnknownRecord(number))?.became {
            Became::Work => Ok(()),
            _ => Err(StoreError::State { object: number.to_string(), why: "this piece has been judged" }),
        }
    }
}

pub(super) fn bounded(what: &'static str, text: &str, max: usize) -> Result<(), StoreError> {
    if text.len() > max && text.chars().count() > max {
        Err(StoreError::TooLong { what, max })
    } else {
        Ok(())
    }
}

/// The file that an answer goes out as; an answer that may go out must have one.
fn with_bytes<'a>(
    number: RegistrationNumber,
    answer: &Answer,
    bytes: Option<&'a [u8]>,
) -> Result<Option<(&'static str, &'a [u8])>, StoreError> {
    let channel = match answer {
        Answer::Send { channel, .. } | Answer::Hold { channel, .. } => *channel,
        Answer::Withhold { .. } => return Ok(None),
    };
    let name = match channel {
        AnswerChannel::Email => ANSWERS[0],
        AnswerChannel::Letter => ANSWERS[1],
    };
    match bytes {
        Some(bytes) => Ok(Some((name, bytes))),
        None => Err(StoreError::State {
            object: number.to_string(),
            why: "an answer that may go out has no bytes",
        }),
    }
}

pub(super) fn judged(judgement: &Judgement, head: Option<&ExtractHead>) -> Judged {
    let rules: BTreeSet<&String> = judgement.findings.iter().map(|finding| &finding.rule).collect();
    Judged {
        rules_version: judgement.rules_version.clone(),
        rules: rules.into_iter().filter(|rule| rule.len() <= 200).take(JOURNAL_RULES_MAX).cloned().collect(),
        documents: head.map_or(0, ExtractHead::documents),
        defects: head.map_or(0, ExtractHead::defects),
        ..Judged::default()
    }
}

fn card(outcome: &Outcome, judgement: &Judgement, head: &ExtractHead) -> Card {
    let mut card = Card::new(judgement, head);
    if matches!(outcome, Outcome::NewCase { .. } | Outcome::Joins { .. }) {
        card.likeness = head.likeness();
    }
    match outcome {
        Outcome::NewCase { deadlines, answer, answer_msg_id, .. } => {
            card.deadlines.clone_from(deadlines);
            card.answer = Some(answer.clone());
            card.answer_msg_id.clone_from(answer_msg_id);
        }
        Outcome::Joins { why, answer, answer_msg_id, .. } => {
            card.why = Some(why.clone());
            card.answer = Some(answer.clone());
            card.answer_msg_id.clone_from(answer_msg_id);
        }
        Outcome::CameBack { why, .. } => card.why = Some(why.clone()),
        Outcome::SetAside { why, .. } => card.aside = Some(why.clone()),
    }
    card
}

fn event(record: RegistrationNumber, outcome: Outcome, judged: Judged) -> Event {
    let note = |answer: &Answer| match answer {
        Answer::Send { channel, template, .. } => {
            AnswerNote::Send { channel: *channel, template: template.clone() }
        }
        Answer::Hold { channel, template, .. } => {
            AnswerNote::Hold { channel: *channel, template: template.clone() }
        }
        Answer::Withhold { .. } => AnswerNote::Withhold,
    };
    match outcome {
        Outcome::NewCase { case, judgement, answer, .. } => {
            let queue = judgement.queue.replace('\0', "");
            Event::Opened { case, record, judged, queue, answer: note(&answer) }
        }
        Outcome::Joins { case, answer, .. } => Event::Joined { case, record, judged, answer: note(&answer) },
        Outcome::CameBack { case, what, .. } => Event::CameBack { case, record, judged, what },
        Outcome::SetAside { why, .. } => {
            let class = match why {
                SetAside::Automatic { class, .. } => Some(class),
                SetAside::ByPerson { .. } | SetAside::Divided(_) | SetAside::Backs { .. } => None,
            };
            Event::SetAside { record, judged, class }
        }
    }
}
