//! Cases that a person makes: a second one from the same piece, and one from a piece that was set aside.
//!
//! A split case gets a copy of the piece under a number of its own, so that either case can be read, given out and destroyed
//! without the other. Invariants: the copy is durable before the case is opened; the case is opened and tied to the first in
//! one write; neither gets an acknowledgement of its own, for the citizen had one.

use super::card::{Became, Card, ExtractHead, RecordState};
use super::change::{bounded, judged};
use super::entry::{AnswerNote, Entry, Event};
use super::fold::Fold;
use super::original::{CARD, EXTRACT, JUDGEMENT};
use super::{Store, StoreError, keys};
use crate::limits::{ACCOUNT_CHARS_MAX, NOTE_CHARS_MAX};
use crate::record::{
    Answer, AnswerState, CaseNumber, CaseRow, Deadline, Extract, Judgement, Origin, Record,
    RegistrationNumber, SetAside, office_date,
};
use jiff::Timestamp;
use std::sync::PoisonError;

/// Why a split case has no answer of its own (Dutch, for staff).
const ANSWERED_THERE: &str = "Afgesplitst: de inwoner kreeg de ontvangstbevestiging in zaak";

/// The same of a case from a piece that was set aside.
const WAS_ASIDE: &str = "Het stuk was eerst terzijde gelegd. Schrijf de inwoner zelf.";

/// How a person splits a case.
#[derive(Clone, Debug)]
pub struct SplitOrder {
    /// What stays in the first case, and what goes to the second: each a judgement on its own bodies.
    pub stays: Judgement,
    pub goes: Judgement,
    /// Of the second case.
    pub deadlines: Vec<Deadline>,
}

impl Store {
    /// A person makes two cases of one. Returns the row of the second.
    ///
    /// # Errors
    /// [`StoreError::State`] when its piece is gone or not read; else as [`Store::decide`].
    pub fn split(
        &self,
        number: CaseNumber,
        expected_revision: Option<u64>,
        order: SplitOrder,
        by: &str,
        now: Timestamp,
    ) -> Result<CaseRow, StoreError> {
        bounded("the account", by, ACCOUNT_CHARS_MAX)?;
        let state = self.case_state(number)?.ok_or(StoreError::UnknownCase(number))?;
        let expect = |found: u64| match expected_revision {
            Some(expected) if expected != found => Err(StoreError::Changed { case: number, expected, found }),
            _ => Ok(()),
        };
        expect(state.row.revision)?;
        let gone = || StoreError::State { object: number.to_string(), why: "its piece cannot be copied" };
        let first =
            state.row.records.first().copied().filter(|_| state.row.purged.is_none()).ok_or_else(gone)?;
        let extract = self.extract(first)?.ok_or_else(gone)?;
        let copy = self.copy_piece(first, now)?;
        let into = self.next_case_number(u16::try_from(state.row.received.year()).unwrap_or_default())?;
        let SplitOrder { stays, goes, deadlines } = order;
        let event = self.second_case(copy, into, number, &extract, &goes, deadlines)?;
        let tie = Event::Split {
            case: number,
            into,
            complained_about: stays.complained_about,
            scope: stays.scope,
            refer_to: stays.refer_to.map(|referral| referral.id),
            queue: stays.queue.replace('\0', ""),
        };
        self.change(now, by, |_| {
            let state = self.case_state(number)?.ok_or(StoreError::UnknownCase(number))?;
            expect(state.row.revision)?;
            Ok(vec![event, tie])
        })?;
        self.case(into)?.ok_or(StoreError::UnknownCase(into))
    }

    /// Registers the same bytes once more, as a copy.
    fn copy_piece(&self, of: RegistrationNumber, now: Timestamp) -> Result<RegistrationNumber, StoreError> {
        let _one = self.registering.lock().unwrap_or_else(PoisonError::into_inner);
        if self.core().journal.is_none() {
            return Err(StoreError::ReadOnly);
        }
        self.still_writing()?;
        let (record, bytes) = (self.record(of)?, self.original(of)?);
        let year = u16::try_from(office_date(now).year()).unwrap_or(0);
        let number = self.core().next_record(&*self.rows, &self.originals, year)?;
        let copy =
            Record { number, registered_at: now, origin: Origin::Part { of }, acknowledge: false, ..record };
        let record_digest = self.originals.prepare(&copy, &bytes)?;
        self.wrote_files();
        let event =
            Event::Registered { record: number, digest: copy.digest, bytes: copy.bytes, record_digest };
        let written = self.write(now, super::DAEMON, |_| Ok(vec![event]));
        let (ticket, _) = written.inspect_err(|_| {
            if self.still_writing().is_ok() {
                self.originals.discard(number);
                self.core().last_record = None;
            }
        })?;
        self.reach(ticket)?;
        self.originals.settle(number)?;
        Ok(number)
    }

    /// The files of the second case, and the entry that opens it.
    fn second_case(
        &self,
        copy: RegistrationNumber,
        into: CaseNumber,
        from: CaseNumber,
        extract: &Extract,
        judgement: &Judgement,
        deadlines: Vec<Deadline>,
    ) -> Result<Event, StoreError> {
        let extract_digest = self.originals.write_json(copy, EXTRACT, extract)?;
        let bytes = self.originals.read(copy, EXTRACT)?.unwrap_or_default();
        let head: ExtractHead = serde_json::from_slice(&bytes).unwrap_or_default();
        let mut by = judged(judgement, Some(&head));
        let card = Card {
            deadlines,
            answer: Some(Answer::Withhold { reason: format!("{ANSWERED_THERE} {from}.") }),
            // Its Message-ID is that of the first case, where what comes later goes on.
            msg_id: None,
            refers_to: Vec::new(),
            author: None,
            ..Card::new(judgement, &head)
        };
        by.files.insert(EXTRACT.to_owned(), extract_digest);
        by.files.insert(JUDGEMENT.to_owned(), self.originals.write_json(copy, JUDGEMENT, judgement)?);
        by.files.insert(CARD.to_owned(), self.originals.write_json(copy, CARD, &card)?);
        self.wrote_files();
        let queue = judgement.queue.replace('\0', "");
        Ok(Event::Opened { case: into, record: copy, judged: by, queue, answer: AnswerNote::Withhold })
    }

    /// A person makes a case of a piece that was set aside. Returns its row.
    ///
    /// # Errors
    /// [`StoreError::State`] when the piece is not aside, was divided into letters, or was destroyed.
    pub fn take_back(
        &self,
        record: RegistrationNumber,
        queue: &str,
        deadlines: Vec<Deadline>,
        reason: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<CaseRow, StoreError> {
        bounded("the account", by, ACCOUNT_CHARS_MAX)?;
        bounded("the text", reason, NOTE_CHARS_MAX)?;
        if self.core().journal.is_none() {
            return Err(StoreError::ReadOnly);
        }
        self.still_writing()?;
        let refused = |why| StoreError::State { object: record.to_string(), why };
        let row = self.set_aside(record)?.ok_or_else(|| refused("it is not set aside"))?;
        if !matches!(row.why, SetAside::Automatic { .. } | SetAside::ByPerson { .. }) {
            return Err(refused("its letters are pieces of their own"));
        }
        let aside = |state: RecordState| match state.became {
            Became::Aside if !state.purged => Ok(()),
            _ => Err(refused("it is not set aside any more")),
        };
        aside(self.record_state(record)?.ok_or(StoreError::UnknownRecord(record))?)?;
        let year = u16::try_from(office_date(row.received_at).year()).unwrap_or_default();
        let case = self.next_case_number(year)?;
        let reason = self.originals.write_words(record, reason)?;
        self.wrote_files();
        self.sync_files()?;
        let queue = queue.replace('\0', "");
        self.change(now, by, |_| {
            aside(self.record_state(record)?.ok_or(StoreError::UnknownRecord(record))?)?;
            Ok(vec![Event::TakenBack { case, record, queue, deadlines, reason }])
        })?;
        self.case(case)?.ok_or(StoreError::UnknownCase(case))
    }
}

impl Fold<'_> {
    /// Ties the second case, opened in the entry before, to the first.
    pub(super) fn split(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let Event::Split { case, into, complained_about, scope, refer_to, queue } = &entry.what else {
            return Ok(());
        };
        let old = self.case_state(*into)?;
        let mut second = old.clone();
        second.row.split_from = Some(*case);
        // Their texts are the same: that is no sign.
        second.row.alike.retain(|alike| alike.case != *case);
        self.renew_and_store(&old, second)?;
        let old = self.case_state(*case)?;
        let mut first = old.clone();
        first.before = None;
        first.row.revision = entry.seq;
        first.row.split_into.push(*into);
        first.row.alike.retain(|alike| alike.case != *into);
        first.row.judgement.complained_about.clone_from(complained_about);
        first.row.judgement.scope = *scope;
        first.row.judgement.refer_to.clone_from(refer_to);
        if first.row.decision.is_none() && !queue.is_empty() {
            first.row.queue.clone_from(queue);
            first.judged_queue.clone_from(queue);
        }
        self.renew_and_store(&old, first)
    }

    /// The piece leaves the list of what was set aside and opens a case.
    pub(super) fn taken_back(
        &mut self,
        entry: &Entry,
        case: CaseNumber,
        record: RegistrationNumber,
    ) -> Result<(), StoreError> {
        let Event::TakenBack { queue, deadlines, .. } = &entry.what else { return Ok(()) };
        let key = keys::record(record);
        let mut state: RecordState = self.get(&key)?.ok_or(StoreError::UnknownRecord(record))?;
        state.became = Became::Case(case);
        self.put(key, &state)?;
        let aside = self.get(&keys::aside(record))?;
        self.count_aside(aside.as_ref(), None);
        self.remove(keys::aside(record));
        self.add(keys::ASIDE_COUNT, -1);
        self.opened(entry, case, record, queue, &AnswerNote::Withhold)?;
        let old = self.case_state(case)?;
        let mut state = old.clone();
        state.row.deadlines.clone_from(deadlines);
        if let Some(answer) = &mut state.row.answer {
            answer.state = AnswerState::Withheld { reason: WAS_ASIDE.to_owned() };
        }
        self.renew_and_store(&old, state)
    }
}
