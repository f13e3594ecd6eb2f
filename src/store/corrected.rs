//! What people take back or correct: a decision within a while, a label, that two cases are one complaint.
//!
//! Invariants: each is one entry, and the decision that it takes back stays in the journal; what came after a decision
//! (a new piece, another assignee) is never taken back with it; a correction holds ids only ([`crate::record::correction`]).

use super::card::Before;
use super::change::bounded;
use super::entry::{Entry, Event, MessageNote, digest_of};
use super::fold::Fold;
use super::fold_case::no_summary;
use super::{Store, StoreError};
use crate::limits::ACCOUNT_CHARS_MAX;
use crate::record::{AnswerState, CaseNumber, CaseRow, Decision, OutboxEntry, Verdict, correct, correction};
use jiff::{SignedDuration, Timestamp};

/// Pieces whose urgency is looked at again when a correction is taken back.
const URGENT_PIECES_MAX: usize = 50;

impl Before {
    pub fn of(row: &CaseRow, decided: u64) -> Self {
        Self {
            decided,
            status: row.status,
            queue: row.queue.clone(),
            assignee: row.assignee.clone(),
            decision: row.decision.clone(),
            taken_up_at: row.taken_up_at,
            joined_to: row.joined_to,
            answer: None,
        }
    }
}

impl Store {
    /// A person decides and tells the citizen, in a message that may go out at `next`. Returns the row as it is then.
    ///
    /// # Errors
    /// [`StoreError::State`] when an earlier answer still waits; else as [`Store::decide`].
    pub fn decide_and_tell(
        &self,
        number: CaseNumber,
        expected_revision: Option<u64>,
        decision: Decision,
        message: &[u8],
        next: Timestamp,
        now: Timestamp,
    ) -> Result<CaseRow, StoreError> {
        let Decision { verdict, refer_to, by, reason, .. } = decision;
        let refer_to = refer_to.filter(|_| verdict == Verdict::Refer);
        bounded("the place to refer to", refer_to.as_deref().unwrap_or_default(), ACCOUNT_CHARS_MAX)?;
        let state = self.case_state(number)?.ok_or(StoreError::UnknownCase(number))?;
        let refused = |why| StoreError::State { object: number.to_string(), why };
        let gone = || refused("its piece is gone");
        let record = *state.row.records.first().filter(|_| state.row.purged.is_none()).ok_or_else(gone)?;
        let digest = digest_of(message);
        let file = format!("answer-{}.eml", digest.get(..16).unwrap_or(&digest));
        self.originals.write(record, &file, message)?;
        // Synced with the reason, before the entry.
        self.wrote_files();
        self.by_person(number, expected_revision, &by, Some(&reason), now, |state, reason| {
            let waits = |answer: &OutboxEntry| {
                matches!(answer.state, AnswerState::Waiting { .. } | AnswerState::Held { .. })
            };
            if state.row.answer.as_ref().is_some_and(waits) {
                return Err(refused("an earlier answer still waits"));
            }
            let message = Some(MessageNote { record, file, digest, next });
            Ok(Event::Decided { case: number, verdict, refer_to, reason, message })
        })
    }

    /// Until when the last decision on a case can be taken back, with so much time for it. `None`: it cannot.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn undo_until(
        &self,
        number: CaseNumber,
        within: SignedDuration,
    ) -> Result<Option<Timestamp>, StoreError> {
        let Some(state) = self.case_state(number)? else { return Ok(None) };
        let decided = state.before.and(state.row.decision);
        Ok(decided.and_then(|decision| decision.at.checked_add(within).ok()))
    }

    /// A person takes back the last decision: the case stands as it stood before. Returns the row as it is then.
    ///
    /// # Errors
    /// [`StoreError::State`] when there is none, when more than `within` has passed, or when something came after it;
    /// [`StoreError::Changed`] when the case is not at `expected_revision` any more.
    pub fn undo(
        &self,
        number: CaseNumber,
        expected_revision: Option<u64>,
        within: SignedDuration,
        by: &str,
        now: Timestamp,
    ) -> Result<CaseRow, StoreError> {
        let until = self.undo_until(number, within)?;
        self.by_person(number, expected_revision, by, None, now, |state, _| {
            let refused = |why| Err(StoreError::State { object: number.to_string(), why });
            match (&state.before, until) {
                (None, _) | (_, None) => refused("there is no decision that can be taken back"),
                (_, Some(until)) if now > until => refused("the time to take this decision back is over"),
                (Some(before), _) => Ok(Event::Undone { case: number, decision: before.decided }),
            }
        })
    }

    /// A person says what a label should have been; `None` takes that back. Returns the row as it is then.
    ///
    /// # Errors
    /// [`StoreError::State`] for what is no label or no value of it, and as [`Store::decide`].
    pub fn label(
        &self,
        number: CaseNumber,
        expected_revision: Option<u64>,
        label: &str,
        value: Option<&str>,
        by: &str,
        now: Timestamp,
    ) -> Result<CaseRow, StoreError> {
        let refused = |why| StoreError::State { object: number.to_string(), why };
        let kept = match value {
            Some(value) => {
                Some(correction(label, value).ok_or_else(|| refused("this is no value of that label"))?)
            }
            None => None,
        };
        self.by_person(number, expected_revision, by, None, now, |state, _| {
            if state.row.purged.is_some() {
                return Err(refused("it was destroyed"));
            }
            if kept.is_none() && !state.row.labels.contains_key(label) {
                return Err(refused("nobody corrected this label"));
            }
            Ok(Event::Labelled { case: number, label: label.to_owned(), value: kept })
        })
    }

    /// A person says that two cases are two complaints, though their texts are alike.
    ///
    /// # Errors
    /// [`StoreError::State`] when they were not offered as one; else as [`Store::decide`].
    pub fn not_alike(
        &self,
        number: CaseNumber,
        expected_revision: Option<u64>,
        other: CaseNumber,
        by: &str,
        now: Timestamp,
    ) -> Result<CaseRow, StoreError> {
        self.by_person(number, expected_revision, by, None, now, |state, _| {
            if state.row.alike.iter().any(|alike| alike.case == other) {
                Ok(Event::NotAlike { case: number, other })
            } else {
                Err(StoreError::State {
                    object: number.to_string(),
                    why: "these cases are not offered as one",
                })
            }
        })
    }
}

impl Fold<'_> {
    pub(super) fn undone(
        &mut self,
        entry: &Entry,
        case: CaseNumber,
        decision: u64,
    ) -> Result<(), StoreError> {
        let old = self.case_state(case)?;
        let mut state = old.clone();
        state.row.revision = entry.seq;
        if let Some(before) = state.before.take().filter(|before| before.decided == decision) {
            let Before { status, queue, assignee, decision, taken_up_at, joined_to, answer, .. } = *before;
            // A reopened case had left the one that it was joined to: it goes back there.
            let into = joined_to.filter(|_| state.row.joined_to.is_none());
            let row = &mut state.row;
            let waits =
                |answer: &OutboxEntry| matches!(answer.state, AnswerState::Waiting { attempts: 0, .. });
            if answer.is_some() && row.answer.as_ref().is_some_and(waits) {
                row.answer = answer;
            }
            (row.status, row.queue, row.assignee) = (status, queue, assignee);
            (row.decision, row.taken_up_at, row.joined_to) = (decision, taken_up_at, joined_to);
            if let Some(into) = into {
                let mut other = self.case_state(into)?;
                if !other.row.joined.contains(&case) {
                    other.row.joined.push(case);
                }
                self.put_case(other);
            }
        }
        self.renew_and_store(&old, state)
    }

    pub(super) fn labelled(
        &mut self,
        entry: &Entry,
        case: CaseNumber,
        label: &str,
        value: Option<&str>,
    ) -> Result<(), StoreError> {
        let old = self.case_state(case)?;
        let mut state = old.clone();
        let row = &mut state.row;
        row.revision = entry.seq;
        match value {
            Some(value) => {
                row.labels.insert(label.to_owned(), value.to_owned());
                correct(&mut row.judgement, label, value);
            }
            None => {
                row.labels.remove(label);
                // As the rules had it, with what was corrected beside it.
                let mut summary = no_summary();
                for (at, record) in row.records.iter().take(URGENT_PIECES_MAX).enumerate() {
                    let Some(found) = self.card(*record)?.summary else { continue };
                    let urgent = summary.urgent || found.urgent;
                    if at == 0 {
                        summary = found;
                    }
                    summary.urgent = urgent;
                }
                for (label, value) in &row.labels {
                    correct(&mut summary, label, value);
                }
                row.judgement = summary;
            }
        }
        self.renew_and_store(&old, state)
    }

    pub(super) fn not_alike(
        &mut self,
        entry: &Entry,
        case: CaseNumber,
        other: CaseNumber,
    ) -> Result<(), StoreError> {
        for (one, another) in [(case, other), (other, case)] {
            let mut state = self.case_state(one)?;
            state.row.alike.retain(|alike| alike.case != another);
            if one == case {
                state.row.revision = entry.seq;
            }
            self.put_case(state);
        }
        Ok(())
    }
}
