//! The outbox: which answers are due, and what became of each (restart state R4).
//!
//! Invariant: an attempt is in the journal before it is made ([`Store::answer_attempted`]), so a store that cannot
//! write sends nothing. An answer that was handed over but not yet noted as sent is sent again after a crash, with
//! the same bytes and so the same Message-ID.

use super::change::bounded;
use super::entry::{DAEMON, Event};
use super::rows::decode;
use super::{Store, StoreError, keys};
use crate::limits::ACCOUNT_CHARS_MAX;
use crate::record::{AnswerState, CaseNumber, OutboxEntry};
use jiff::{SignedDuration, Timestamp};

/// Characters of a mail server's reply that are kept.
const REPLY_CHARS_MAX: usize = 1_000;

/// An answer is put off no longer than this.
const PUT_OFF_MAX: SignedDuration = SignedDuration::from_hours(12);

/// Answers with a time to come that are looked at when none is due.
const LATER_LOOKED_MAX: usize = 256;

impl Store {
    /// Answers to send now, longest waiting first, at most `max`. What is given here is on disk.
    ///
    /// # Errors
    /// [`StoreError::Index`], or a failed sync.
    pub fn due_answers(&self, now: Timestamp, max: usize) -> Result<Vec<OutboxEntry>, StoreError> {
        let (mut cases, after) = (Vec::new(), keys::due_answers_after(now));
        self.rows.each(keys::DUE_ANSWERS, None, false, &mut |key, _| {
            let due = key <= &*after && cases.len() < max;
            if due {
                cases.extend(keys::number_at_end(key).map(|(year, serial)| CaseNumber::new(year, serial)));
            }
            Ok(due)
        })?;
        if cases.is_empty() {
            // Few when the clock is right: those that a server put off.
            let mut looked = 0;
            self.rows.each(keys::DUE_ANSWERS, Some(&after), false, &mut |key, _| {
                cases.extend(keys::number_at_end(key).map(|(year, serial)| CaseNumber::new(year, serial)));
                looked += 1;
                Ok(looked < LATER_LOOKED_MAX)
            })?;
        }
        if !cases.is_empty() && self.core().journal.is_some() {
            self.still_writing()?;
            self.reach(self.disk.last())?;
        }
        let mut due = Vec::new();
        for case in cases {
            due.extend(self.case(case)?.and_then(|row| row.answer));
        }
        due.retain(|entry| is_due(&entry.state, now));
        due.truncate(max);
        Ok(due)
    }

    /// Answers that wait to go out, now or later.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn waiting_answers(&self) -> Result<usize, StoreError> {
        let mut count = 0;
        self.rows.each(keys::DUE_ANSWERS, None, false, &mut |_, _| {
            count += 1;
            Ok(true)
        })?;
        Ok(count)
    }

    /// When the next answer is due, if one waits: until then the outbox may sleep.
    pub fn next_answer_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut case = None;
        self.rows.each(keys::DUE_ANSWERS, None, false, &mut |key, _| {
            case = keys::number_at_end(key).map(|(year, serial)| CaseNumber::new(year, serial));
            Ok(false)
        })?;
        let row = case.map(|case| self.case(case)).transpose()?.flatten();
        Ok(row.and_then(|row| row.answer).and_then(|entry| match entry.state {
            AnswerState::Waiting { next, .. } => Some(next),
            _ => None,
        }))
    }

    /// Call before each attempt: counts it, and proves that the store can still write. Not synced: a killed process
    /// loses nothing, and after a power cut the count may be one short.
    ///
    /// # Errors
    /// [`StoreError::State`] when the answer does not wait any more, or a person paused all: then nothing may be sent.
    pub fn answer_attempted(&self, case: CaseNumber, now: Timestamp) -> Result<(), StoreError> {
        self.write(now, DAEMON, |_| {
            self.expect_sending()?;
            self.expect_answer(
                case,
                |state| matches!(state, AnswerState::Waiting { .. }),
                "this answer does not wait",
            )?;
            Ok(vec![Event::AnswerAttempted { case }])
        })?;
        Ok(())
    }

    /// The next server took it, or the letter lies in the print folder. A second time changes nothing. On disk with the
    /// next sync ([`Store::settle`]): a power cut before that sends the same message again.
    pub fn answer_sent(&self, case: CaseNumber, now: Timestamp) -> Result<(), StoreError> {
        let again = |state: &AnswerState| matches!(state, AnswerState::Sent { .. });
        self.write(now, DAEMON, |_| match self.answer_state(case)? {
            state if again(&state) => Ok(Vec::new()),
            _ => Ok(vec![Event::AnswerSent { case }]),
        })?;
        Ok(())
    }

    /// The next server could not take it now: again at `next`. `reply` is kept with the record, not in the journal.
    pub fn answer_deferred(
        &self,
        case: CaseNumber,
        next: Timestamp,
        reply: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.answer_change(case, DAEMON, Some(reply), now, waiting, "this answer does not wait", |reply| {
            Event::AnswerDeferred { case, next, reply }
        })
    }

    /// Not sent, for a reason that is nobody's choice about this answer: a rehearsal. It never goes out by itself.
    pub fn answer_rehearsed(&self, case: CaseNumber, reason: &str, now: Timestamp) -> Result<(), StoreError> {
        self.answer_change(case, DAEMON, Some(reason), now, waiting, "this answer does not wait", |reason| {
            Event::AnswerWithheld { case, reason }
        })
    }

    /// Given up: refused for good, or tried too often. Staff find another way (Awb 2:11).
    pub fn answer_failed(&self, case: CaseNumber, reply: &str, now: Timestamp) -> Result<(), StoreError> {
        self.answer_change(case, DAEMON, Some(reply), now, waiting, "this answer does not wait", |reply| {
            Event::AnswerFailed { case, reply }
        })
    }

    /// A person lets a held answer go out, or a failed one once more.
    ///
    /// # Errors
    /// [`StoreError::State`] when it is neither held nor failed.
    pub fn release_answer(&self, case: CaseNumber, by: &str, now: Timestamp) -> Result<(), StoreError> {
        bounded("the account", by, ACCOUNT_CHARS_MAX)?;
        let may =
            |state: &AnswerState| matches!(state, AnswerState::Held { .. } | AnswerState::Failed { .. });
        self.answer_change(case, by, None, now, may, "this answer is neither held nor failed", |_| {
            Event::AnswerReleased { case }
        })
    }

    /// A person stops an answer that has not gone out.
    ///
    /// # Errors
    /// [`StoreError::State`] when it went out, or was withheld before.
    pub fn withhold_answer(
        &self,
        case: CaseNumber,
        by: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        bounded("the account", by, ACCOUNT_CHARS_MAX)?;
        let may =
            |state: &AnswerState| !matches!(state, AnswerState::Sent { .. } | AnswerState::Withheld { .. });
        self.answer_change(
            case,
            by,
            Some(reason),
            now,
            may,
            "this answer is out or withheld already",
            |reason| Event::AnswerWithheld { case, reason },
        )
    }

    /// Answers given to the outbox since then (waiting, sent or failed), in all or to one address in any case. An
    /// answer counts from its commit or its release, not from its sending, so that the breaker sees a burst before
    /// the first of it is out.
    pub fn answers_since(&self, address: Option<&str>, since: Timestamp) -> Result<u32, StoreError> {
        let digest = address.map(|address| self.originals.sealing().address_digest(address));
        let prefix = keys::answered(digest.as_deref());
        if address.is_some() {
            return self.count_between(&prefix, &keys::since(&prefix, since), None);
        }
        // A burst is many: whole minutes and whole seconds were counted already.
        let (next_second, next_minute) = (after(since, keys::SECOND), after(since, keys::MINUTE));
        let begun = self.count_between(
            &prefix,
            &keys::since(&prefix, since),
            Some(&keys::since(&prefix, next_second.min(next_minute))),
        )?;
        let seconds = self.sum_between(keys::SECOND, next_second, Some(next_minute))?;
        Ok(begun + seconds + self.sum_between(keys::MINUTE, next_minute, None)?)
    }

    fn count_between(&self, prefix: &[u8], from: &[u8], to: Option<&[u8]>) -> Result<u32, StoreError> {
        let mut count = 0u32;
        self.rows.each(prefix, Some(from), false, &mut |key, _| {
            let within = to.is_none_or(|to| key < to);
            count = count.saturating_add(u32::from(within));
            Ok(within)
        })?;
        Ok(count)
    }

    /// What was counted by minute or by second, from one instant up to another.
    fn sum_between(&self, unit: i64, from: Timestamp, to: Option<Timestamp>) -> Result<u32, StoreError> {
        let to = to.map(|to| keys::answered_count(unit, to));
        let mut sum = 0u32;
        self.rows.each(
            &keys::answered_in(unit),
            Some(&keys::answered_count(unit, from)),
            false,
            &mut |key, value| {
                let within = to.as_ref().is_none_or(|to| key < &**to);
                if within {
                    sum = sum.saturating_add(u32::try_from(decode::<i64>(value)?).unwrap_or(0));
                }
                Ok(within)
            },
        )?;
        Ok(sum)
    }

    #[allow(clippy::too_many_arguments, reason = "one private function behind four with few")]
    fn answer_change(
        &self,
        case: CaseNumber,
        by: &str,
        words: Option<&str>,
        now: Timestamp,
        may: impl Fn(&AnswerState) -> bool,
        why: &'static str,
        event: impl FnOnce(String) -> Event,
    ) -> Result<(), StoreError> {
        self.expect_answer(case, &may, why)?;
        let words = words.map(|text| text.chars().take(REPLY_CHARS_MAX).collect::<String>());
        self.by_person(case, None, by, words.as_deref(), now, |_, digest| {
            self.expect_answer(case, &may, why)?;
            Ok(event(digest))
        })?;
        Ok(())
    }

    fn answer_state(&self, case: CaseNumber) -> Result<AnswerState, StoreError> {
        let state = self.case_state(case)?.ok_or(StoreError::UnknownCase(case))?;
        let none = || StoreError::State { object: case.to_string(), why: "this case has no answer" };
        state.row.answer.map(|entry| entry.state).ok_or_else(none)
    }

    fn expect_answer(
        &self,
        case: CaseNumber,
        may: impl Fn(&AnswerState) -> bool,
        why: &'static str,
    ) -> Result<(), StoreError> {
        if may(&self.answer_state(case)?) {
            Ok(())
        } else {
            Err(StoreError::State { object: case.to_string(), why })
        }
    }
}

/// Is it to go now? Also when its time is one that nobody gave it: the clock was ahead when it was made, and was set back.
fn is_due(state: &AnswerState, now: Timestamp) -> bool {
    match state {
        AnswerState::Waiting { next, last_reply, .. } => {
            *next <= now || last_reply.is_none() || next.duration_since(now) > PUT_OFF_MAX
        }
        _ => false,
    }
}

/// The first whole minute or second that begins at or after an instant.
fn after(at: Timestamp, unit: i64) -> Timestamp {
    let whole = at.as_millisecond().div_euclid(unit);
    let begun = at.as_nanosecond() % (i128::from(unit) * 1_000_000) != 0;
    Timestamp::from_millisecond((whole + i64::from(begun)).saturating_mul(unit)).unwrap_or(Timestamp::MAX)
}

fn waiting(state: &AnswerState) -> bool {
    matches!(state, AnswerState::Waiting { .. })
}
