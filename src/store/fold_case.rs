//! The part of the fold that is about cases: opening, joining, answers, and what people decide.
//!
//! Invariants: what a person decided stays. A piece that joins a case on which a person decided brings it to the
//! queue [`FOLLOW_UP_QUEUE`], and opens it when it was closed or waited for the citizen; the decision stands in
//! the row until a person decides again. A case has at most one answer that may still go out; the one line that an
//! office may send for a follow-up comes after the acknowledgement went out, in its place.

use super::StoreError;
use super::card::{Before, Card, CaseState, RecordState, due, is_live, shortened, status_after};
use super::entry::{AnswerNote, Entry, Event, MessageNote};
use super::fold::{Fold, GONE};
use super::keys::{self, Mark};
use super::letters::listed;
use super::sealed::Sealing;
use super::types::{FOLLOW_UP_QUEUE, FOLLOW_UP_TEMPLATE};
use crate::limits::{FOUND_WORD_CHARS_MAX, FOUND_WORDS_MAX};
use crate::record::{
    Answer, AnswerChannel, AnswerState, CaseNumber, CaseRow, CaseStatus, Channel, ComeBack, Decision,
    JudgementSummary, Kind, OutboxEntry, Printed, RegistrationNumber, Scope, Verdict, office_date,
    plain_words, stem,
};
use std::collections::{BTreeMap, BTreeSet};

impl Fold<'_> {
    pub(super) fn opened(
        &mut self,
        entry: &Entry,
        case: CaseNumber,
        record: RegistrationNumber,
        queue: &str,
        note: &AnswerNote,
    ) -> Result<(), StoreError> {
        let (card, piece) = (self.card(record)?, self.piece(record)?);
        self.lay_post(entry, record, piece.as_ref())?;
        let received_at = piece.as_ref().map_or(entry.at, |piece| piece.received_at);
        let channel = piece.map_or(Channel::Email, |piece| piece.channel);
        let msg_ids = self.message_ids(entry, case, &card, Vec::new())?;
        let awaited = self.await_messages(case, &card, Vec::new())?;
        let mut state = CaseState {
            former_to: Vec::new(),
            before: None,
            msg_ids,
            awaited,
            judged_queue: queue.to_owned(),
            answer_to: self.answer_to(&card),
            answered_at: None,
            reading: card.reading,
            figures: None,
            row: CaseRow {
                number: case,
                channel,
                received: office_date(received_at),
                received_at,
                queue: queue.to_owned(),
                status: CaseStatus::Open,
                assignee: None,
                due: None,
                writer: card.writer.clone(),
                subject: card.subject.clone(),
                judgement: card.summary.clone().unwrap_or_else(no_summary),
                deadlines: card.deadlines.clone(),
                decision: None,
                taken_up_at: None,
                records: vec![record],
                answer: Some(outbox_entry(entry, case, record, channel, note, &card)),
                alike: self.alike(case, record, &card)?,
                joined_to: None,
                joined: Vec::new(),
                split_from: None,
                split_into: Vec::new(),
                labels: BTreeMap::new(),
                kept: None,
                purged: None,
                revision: entry.seq,
            },
        };
        if let Some(answer) = &mut state.row.answer {
            self.held_after_restore(record, answer)?;
        }
        self.tell_alike(case, &state.row.alike)?;
        self.count_answer(entry, &state)?;
        renew_due(&mut state.row);
        self.store_case(None, state)
    }

    pub(super) fn joined(
        &mut self,
        entry: &Entry,
        case: CaseNumber,
        record: RegistrationNumber,
        note: &AnswerNote,
    ) -> Result<(), StoreError> {
        let (card, piece) = (self.card(record)?, self.piece(record)?);
        self.lay_post(entry, record, piece.as_ref())?;
        self.alike(case, record, &card)?;
        let old = self.case_state(case)?;
        let mut state = old.clone();
        state.msg_ids = self.message_ids(entry, case, &card, state.msg_ids)?;
        state.awaited = self.await_messages(case, &card, state.awaited)?;
        // What came after a decision is not taken back with it.
        state.before = None;
        let row = &mut state.row;
        row.records.push(record);
        row.revision = entry.seq;
        // Danger told in a follow-up makes the case urgent; a calm follow-up does not make it less so.
        row.judgement.urgent |= card.summary.as_ref().is_some_and(|summary| summary.urgent);
        if row.decision.is_some() {
            row.queue = FOLLOW_UP_QUEUE.to_owned();
            if matches!(row.status, CaseStatus::Closed | CaseStatus::AskedForMore) {
                row.status = CaseStatus::Open;
            }
        }
        let has_live = row.answer.as_ref().is_some_and(|answer| is_live(&answer.state));
        let has_line = matches!(note, AnswerNote::Send { template, .. } if template == FOLLOW_UP_TEMPLATE)
            && row.answer.as_ref().is_some_and(|answer| matches!(answer.state, AnswerState::Sent { .. }));
        if (!has_live || has_line) && !matches!(note, AnswerNote::Withhold) {
            let channel = piece.map_or(row.channel, |piece| piece.channel);
            let mut answer = outbox_entry(entry, case, record, channel, note, &card);
            self.held_after_restore(record, &mut answer)?;
            row.answer = Some(answer);
            state.address(self.answer_to(&card));
            self.count_answer(entry, &state)?;
        }
        renew_due(&mut state.row);
        self.store_case(Some(&old), state)
    }

    /// A machine's message takes its place among the pieces and moves nothing: no queue, no status, no decision. When it
    /// says that our answer did not arrive, the answer is failed; staff then see the case among those to mend.
    pub(super) fn came_back(
        &mut self,
        entry: &Entry,
        case: CaseNumber,
        record: RegistrationNumber,
        what: ComeBack,
    ) -> Result<(), StoreError> {
        let card = self.card(record)?;
        let old = self.case_state(case)?;
        let mut state = old.clone();
        state.msg_ids = self.message_ids(entry, case, &card, state.msg_ids)?;
        state.row.records.push(record);
        state.row.revision = entry.seq;
        if what == ComeBack::Undelivered
            && let Some(answer) = state.row.answer.as_mut()
            && went_out(&answer.state)
        {
            let reply = card.why.unwrap_or_else(|| GONE.to_owned());
            answer.state = AnswerState::Failed { at: entry.at, reply, came_back: Some(record) };
        }
        self.store_case(Some(&old), state)
    }

    pub(super) fn answered(&mut self, entry: &Entry, case: CaseNumber) -> Result<(), StoreError> {
        let old = self.case_state(case)?;
        let mut state = old.clone();
        let words = match entry.what.words() {
            Some(digest) => self.words(state.row.records.first(), digest)?,
            None => String::new(),
        };
        let (mut released, mut went) = (false, false);
        let Some(answer) = state.row.answer.as_mut() else { return Ok(()) };
        let attempts = match &answer.state {
            AnswerState::Waiting { attempts, .. } | AnswerState::Sent { attempts, .. } => *attempts,
            _ => 0,
        };
        match (&entry.what, &mut answer.state) {
            (Event::AnswerAttempted { .. }, AnswerState::Waiting { attempts, .. }) => {
                *attempts = attempts.saturating_add(1);
            }
            (Event::AnswerDeferred { next: later, .. }, AnswerState::Waiting { next, last_reply, .. }) => {
                *next = *later;
                *last_reply = Some(words);
            }
            (Event::AnswerFailed { .. }, state @ AnswerState::Waiting { .. }) => {
                *state = AnswerState::Failed { at: entry.at, reply: words, came_back: None };
            }
            // It came back before it was noted as handed over.
            (Event::AnswerSent { .. }, AnswerState::Failed { came_back: Some(_), .. }) => {}
            // What went out went out, also when a person was stopping it at that moment.
            (Event::AnswerSent { .. }, state) => {
                *state = AnswerState::Sent { at: entry.at, attempts: attempts.max(1) };
                went = true;
            }
            // Of one that waits: after a backup was put back it may be out already.
            (Event::AnswerHeld { .. }, state @ (AnswerState::Held { .. } | AnswerState::Waiting { .. })) => {
                *state = AnswerState::Held { reason: words };
            }
            (Event::AnswerWithheld { .. }, state) if !matches!(state, AnswerState::Sent { .. }) => {
                *state = AnswerState::Withheld { reason: words };
            }
            (
                Event::AnswerReleased { .. },
                state @ (AnswerState::Held { .. } | AnswerState::Failed { .. }),
            ) => {
                *state = AnswerState::Waiting { next: entry.at, attempts: 0, last_reply: None };
                released = true;
            }
            _ => {}
        }
        if went {
            // The first that reached the citizen.
            state.answered_at = state.answered_at.or(Some(entry.at));
        }
        if released {
            self.count_answer(entry, &state)?;
        }
        self.store_case(Some(&old), state)
    }

    fn answer_to(&self, card: &Card) -> Option<String> {
        match &card.answer {
            Some(Answer::Send { to, .. } | Answer::Hold { to, .. }) if !to.trim().is_empty() => {
                Some(self.originals.sealing().address_digest(to))
            }
            _ => None,
        }
    }

    /// What a person did with a letter on paper.
    pub(super) fn letter(&mut self, entry: &Entry, case: CaseNumber) -> Result<(), StoreError> {
        let old = self.case_state(case)?;
        let mut state = old.clone();
        let Some(answer) = state.row.answer.as_mut() else { return Ok(()) };
        match &entry.what {
            Event::LetterAddressed { address, file, .. } => {
                answer.file = Some(file.clone());
                answer.address = Some(address.clone());
                let lines = self.words(state.row.records.first(), address)?;
                state.address(Some(self.originals.sealing().address_digest(&lines)));
                state.row.writer = lines.lines().next().map(shortened);
            }
            Event::LetterPrinted { .. } => {
                let times = answer.printed.as_ref().map_or(0, |printed| printed.times).saturating_add(1);
                answer.printed = Some(Printed { at: entry.at, by: entry.by.clone(), times, again: false });
            }
            Event::LetterAgain { .. } => {
                answer.printed.iter_mut().for_each(|printed| printed.again = true);
            }
            _ => {}
        }
        self.store_case(Some(&old), state)
    }

    pub(super) fn changed_by_person(&mut self, entry: &Entry, case: CaseNumber) -> Result<(), StoreError> {
        let old = self.case_state(case)?;
        let mut state = old.clone();
        state.row.revision = entry.seq;
        match &entry.what {
            Event::Decided { verdict, refer_to, reason, message, .. } => {
                let reason = self.words(state.row.records.first(), reason)?;
                state.before = Some(Box::new(Before::of(&state.row, entry.seq)));
                if let Some(message) = message {
                    self.message_given(&mut state, case, message)?;
                }
                let row = &mut state.row;
                row.status = status_after(*verdict);
                // Who takes a case up that nobody has, has it.
                if *verdict == Verdict::TakeUp && row.assignee.is_none() {
                    row.assignee = Some(entry.by.clone());
                }
                let parted_from = row.joined_to.take_if(|_| *verdict == Verdict::Reopen);
                if *verdict == Verdict::Reopen {
                    row.queue.clone_from(&state.judged_queue);
                }
                let taken_up = row.decision.take().filter(|before| before.verdict == Verdict::TakeUp);
                row.taken_up_at = taken_up.filter(|_| *verdict == Verdict::Settle).map(|before| before.at);
                row.decision = Some(Decision {
                    verdict: *verdict,
                    refer_to: refer_to.clone(),
                    by: entry.by.clone(),
                    at: entry.at,
                    reason,
                });
                if let Some(from) = parted_from {
                    self.parted(case, from)?;
                }
            }
            Event::Assigned { to, .. } => {
                state.before = None;
                state.row.assignee.clone_from(to);
            }
            _ => {}
        }
        renew_due(&mut state.row);
        self.store_case(Some(&old), state)
    }

    /// The outbox gets what a person sends with a decision, in the place of what went out before.
    fn message_given(
        &mut self,
        state: &mut CaseState,
        case: CaseNumber,
        message: &MessageNote,
    ) -> Result<(), StoreError> {
        let key = keys::record(message.record);
        let mut record: RecordState = self.get(&key)?.ok_or(StoreError::UnknownRecord(message.record))?;
        record.files.insert(message.file.clone(), message.digest.clone());
        self.put(key, &record)?;
        // Nobody answered it yet: it waits for its time, not for a retry.
        let waits = AnswerState::Waiting { next: message.next, attempts: 0, last_reply: Some(String::new()) };
        let entry = OutboxEntry {
            case,
            record: message.record,
            channel: AnswerChannel::Email,
            state: waits,
            file: Some(message.file.clone()),
            address: None,
            printed: None,
        };
        let before = state.row.answer.replace(entry);
        if let Some(known) = &mut state.before {
            known.answer = before;
        }
        Ok(())
    }

    pub(super) fn renew_and_store(&mut self, old: &CaseState, mut new: CaseState) -> Result<(), StoreError> {
        renew_due(&mut new.row);
        self.store_case(Some(old), new)
    }

    pub(super) fn case_state(&self, case: CaseNumber) -> Result<CaseState, StoreError> {
        self.known_case(case)?.ok_or(StoreError::UnknownCase(case))
    }

    /// Keeps a case, and every key that is derived from its row.
    fn store_case(&mut self, old: Option<&CaseState>, new: CaseState) -> Result<(), StoreError> {
        let (before, after) = (old.map(|old| places(&old.row)).unwrap_or_default(), places(&new.row));
        self.move_keys(&before, &after)?;
        let worded = |row: &CaseRow| (row.writer.clone(), row.subject.clone(), row.purged.is_some());
        if old.is_none_or(|old| worded(&old.row) != worded(&new.row)) {
            let sealing = self.originals.sealing();
            let (before, after) =
                (old.map(|old| words(&old.row, sealing)).unwrap_or_default(), words(&new.row, sealing));
            self.move_keys(&before, &after)?;
        }
        let (before, after) = (old.map(|old| marks(&old.row)).unwrap_or_default(), marks(&new.row));
        for mark in before.difference(&after) {
            self.add(&keys::marked_count(mark), -1);
        }
        for mark in after.difference(&before) {
            self.add(&keys::marked_count(mark), 1);
        }
        let group = |row: &CaseRow| keys::count(&row.queue, row.status);
        if old.map(|old| group(&old.row)) != Some(group(&new.row)) {
            if let Some(old) = old {
                self.add(&group(&old.row), -1);
            }
            self.add(&group(&new.row), 1);
        }
        self.count_case(old, Some(&new));
        self.put_case(new);
        Ok(())
    }

    fn move_keys(&mut self, before: &BTreeSet<Vec<u8>>, after: &BTreeSet<Vec<u8>>) -> Result<(), StoreError> {
        for key in before.difference(after) {
            self.remove(key.clone());
        }
        for key in after.difference(before) {
            self.put(key.clone(), &())?;
        }
        Ok(())
    }

    /// The first case that had a Message-ID keeps it; the others stand behind it, for when that case is destroyed.
    /// `known` are the digests of those that the case had; returned are all of them.
    fn message_ids(
        &mut self,
        entry: &Entry,
        case: CaseNumber,
        card: &Card,
        mut known: Vec<String>,
    ) -> Result<Vec<String>, StoreError> {
        for id in [&card.msg_id, &card.answer_msg_id].into_iter().flatten() {
            let digest = keys::msg_id_digest(id);
            if known.contains(&digest) {
                continue;
            }
            let key = keys::msg_id(id);
            match self.get::<CaseNumber>(&key)? {
                None => self.put(key, &case)?,
                Some(_) => self.put(keys::at_seq(keys::later_msg_ids(&digest), entry.seq), &case)?,
            }
            known.push(digest);
        }
        Ok(known)
    }

    /// What the author of a piece refers to may come after it, overtaken on its way: it belongs to this case then. By author,
    /// because one message to many (a newsletter) is answered by people who have nothing to do with each other.
    fn await_messages(
        &mut self,
        case: CaseNumber,
        card: &Card,
        mut known: Vec<String>,
    ) -> Result<Vec<String>, StoreError> {
        let Some(author) = &card.author else { return Ok(known) };
        let author = self.originals.sealing().address_digest(author);
        for id in &card.refers_to {
            let digest = keys::awaited_digest(id, &author);
            let key = keys::awaited(&digest);
            let is_here = self.get::<CaseNumber>(&keys::msg_id(id))?.is_some();
            if !is_here && self.get::<CaseNumber>(&key)?.is_none() {
                self.put(key, &case)?;
                known.push(digest);
            }
        }
        Ok(known)
    }

    /// Counts an answer for the caps and the breaker from the moment it is given to the outbox, so that a burst is
    /// seen before the first of it has been sent.
    fn count_answer(&mut self, entry: &Entry, state: &CaseState) -> Result<(), StoreError> {
        let waiting =
            matches!(&state.row.answer, Some(OutboxEntry { state: AnswerState::Waiting { .. }, .. }));
        if !waiting {
            return Ok(());
        }
        let case = state.row.number;
        self.put(keys::answered_at(&keys::answered(None), entry.at, case), &())?;
        for unit in [keys::MINUTE, keys::SECOND] {
            self.add(&keys::answered_count(unit, entry.at), 1);
        }
        if let Some(address) = &state.answer_to {
            self.put(keys::answered_at(&keys::answered(Some(address)), entry.at, case), &())?;
        }
        Ok(())
    }
}

/// The keys under which a case is listed and found, and its answer is due.
pub(super) fn derived(row: &CaseRow, sealing: &Sealing) -> BTreeSet<Vec<u8>> {
    let mut all = places(row);
    all.extend(words(row, sealing));
    all
}

/// The keys under which a case is listed, and its answer is due.
fn places(row: &CaseRow) -> BTreeSet<Vec<u8>> {
    let (order, number) = (keys::order(row), keys::case(row.number));
    let mut all = BTreeSet::from([
        [keys::listed(row.status), order.clone()].concat(),
        [keys::queued(&row.queue, row.status), order.clone()].concat(),
        [&keys::numbered_in(None, row.status), &number[1..]].concat(),
        [&keys::numbered_in(Some(&row.queue), row.status), &number[1..]].concat(),
    ]);
    if row.purged.is_some() {
        return all;
    }
    all.extend(marks(row).into_iter().map(|mark| [mark, order.clone()].concat()));
    all.extend(listed(row));
    match row.answer.as_ref().map(|answer| &answer.state) {
        Some(AnswerState::Waiting { next, .. }) => drop(all.insert(keys::due_answer(*next, row.number))),
        Some(AnswerState::Failed { .. }) => drop(all.insert(keys::undelivered(row.number))),
        _ => {}
    }
    all
}

/// The keys under which a case is found.
fn words(row: &CaseRow, sealing: &Sealing) -> BTreeSet<Vec<u8>> {
    if row.purged.is_some() {
        return BTreeSet::new();
    }
    let words = words_of(row, sealing.is_sealed());
    words.iter().map(|word| keys::word(&sealing.word(word), row.number)).collect()
}

/// The lists of its assignee and of each body that it is about.
fn marks(row: &CaseRow) -> BTreeSet<Vec<u8>> {
    if row.purged.is_some() {
        return BTreeSet::new();
    }
    let assignee = row.assignee.iter().map(|name| keys::marked(Mark::Assignee, name, row.status));
    let bodies = &row.judgement.complained_about;
    assignee.chain(bodies.iter().map(|body| keys::marked(Mark::Body, body, row.status))).collect()
}

/// The words by which a case is found: of its writer and its subject, and their stems where a word does not begin with its
/// own. (In a sealed store only whole words are found, so there every stem stands.)
fn words_of(row: &CaseRow, sealed: bool) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let texts = [&row.writer, &row.subject].into_iter().flatten();
    for word in texts.flat_map(|text| found_by(text)).take(FOUND_WORDS_MAX) {
        let stem = stem(&word);
        if sealed || !word.starts_with(&stem) {
            all.insert(stem);
        }
        all.insert(word);
    }
    all
}

/// The words of a text as they are looked for ([`plain_words`]), cut to a length.
pub(super) fn found_by(text: &str) -> impl Iterator<Item = String> + '_ {
    plain_words(text).map(|word| word.chars().take(FOUND_WORD_CHARS_MAX).collect())
}

/// Was it handed over, or may it have been? Only such an answer can come back.
fn went_out(state: &AnswerState) -> bool {
    matches!(state, AnswerState::Sent { .. } | AnswerState::Waiting { attempts: 1.., .. })
}

impl CaseState {
    /// The answer goes to another address from now on.
    fn address(&mut self, to: Option<String>) {
        if let Some(former) = std::mem::replace(&mut self.answer_to, to)
            && !self.former_to.contains(&former)
        {
            self.former_to.push(former);
        }
    }
}

fn renew_due(row: &mut CaseRow) {
    let decided_on = row.decision.as_ref().map(|decision| office_date(decision.at));
    row.due = due(row.status, &row.deadlines, decided_on);
}

fn outbox_entry(
    entry: &Entry,
    case: CaseNumber,
    record: RegistrationNumber,
    channel: Channel,
    note: &AnswerNote,
    card: &Card,
) -> OutboxEntry {
    let reason = || match &card.answer {
        Some(Answer::Send { reason, .. } | Answer::Hold { reason, .. } | Answer::Withhold { reason }) => {
            reason.clone()
        }
        None => GONE.to_owned(),
    };
    let as_written = match channel {
        Channel::Email => AnswerChannel::Email,
        Channel::Letter => AnswerChannel::Letter,
    };
    let (channel, state) = match note {
        AnswerNote::Send { channel, .. } => {
            (*channel, AnswerState::Waiting { next: entry.at, attempts: 0, last_reply: None })
        }
        AnswerNote::Hold { channel, .. } => (*channel, AnswerState::Held { reason: reason() }),
        AnswerNote::Withhold => (as_written, AnswerState::Withheld { reason: reason() }),
    };
    OutboxEntry { case, record, channel, state, file: None, address: None, printed: None }
}

/// For a case whose folder is gone.
pub(super) fn no_summary() -> JudgementSummary {
    JudgementSummary {
        scope: Scope::Unclear,
        complained_about: Vec::new(),
        refer_to: None,
        kind: Kind::Other,
        urgent: false,
        confidence: 0.0,
        defects: 0,
    }
}
