//! The circuit breaker over all answers: since when it is open, and what it held.
//!
//! Invariant: opening and closing are journal entries, so a restart neither closes it nor forgets why it opened. While
//! it is open nothing goes out that a person has not let go.

use super::entry::{AnswerNote, Entry, Event};
use super::fold::Fold;
use super::rows::decode;
use super::{Store, StoreError, keys};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The breaker while it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerRow {
    pub since: Timestamp,
    /// Answers of the hour before it opened.
    pub answers: u32,
    /// Answers held since, for whatever reason.
    pub held: u32,
    /// When it last held one; at first, when it opened.
    pub last_at: Timestamp,
}

impl Store {
    /// The breaker, when it is open.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn breaker(&self) -> Result<Option<BreakerRow>, StoreError> {
        self.rows.get(keys::BREAKER)?.map(|value| decode(&value)).transpose()
    }

    /// When it was last closed: answers from before it do not count again.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn breaker_closed_at(&self) -> Result<Option<Timestamp>, StoreError> {
        self.rows.get(keys::BREAKER_CLOSED)?.map(|value| decode(&value)).transpose()
    }

    /// Opens it, after so many answers in an hour. False when it was open.
    ///
    /// # Errors
    /// When the store cannot write.
    pub fn open_breaker(&self, answers: u32, by: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.turn_breaker(true, Event::BreakerOpened { answers }, by, now)
    }

    /// Closes it: a person, or the daemon after the quiet time. What was held stays held. False when it was closed.
    ///
    /// # Errors
    /// When the store cannot write.
    pub fn close_breaker(&self, by: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.turn_breaker(false, Event::BreakerClosed, by, now)
    }

    fn turn_breaker(&self, open: bool, event: Event, by: &str, now: Timestamp) -> Result<bool, StoreError> {
        if self.breaker()?.is_some() == open {
            return Ok(false);
        }
        let mut turned = false;
        self.change(now, by, |_| {
            turned = self.breaker()?.is_some() != open;
            Ok(if turned { vec![event] } else { Vec::new() })
        })?;
        Ok(turned)
    }
}

impl Fold<'_> {
    pub(super) fn breaker_opened(&mut self, entry: &Entry, answers: u32) -> Result<(), StoreError> {
        let row = BreakerRow { since: entry.at, answers, held: 0, last_at: entry.at };
        self.put(keys::BREAKER.to_vec(), &row)
    }

    pub(super) fn breaker_closed(&mut self, entry: &Entry) -> Result<(), StoreError> {
        self.remove(keys::BREAKER.to_vec());
        self.put(keys::BREAKER_CLOSED.to_vec(), &entry.at)
    }

    /// Counts what it holds.
    pub(super) fn breaker_held(&mut self, entry: &Entry, note: &AnswerNote) -> Result<(), StoreError> {
        let AnswerNote::Hold { .. } = note else { return Ok(()) };
        let Some(mut row) = self.get::<BreakerRow>(keys::BREAKER)? else { return Ok(()) };
        row.held = row.held.saturating_add(1);
        row.last_at = entry.at;
        self.put(keys::BREAKER.to_vec(), &row)
    }
}
