//! The switch that stops all answers: a person turns it, the journal keeps it, a restart does not lift it.
//!
//! Invariant: after [`Store::pause_sending`] has returned no attempt begins ([`Store::answer_attempted`] refuses);
//! one that was under way is ended and noted.

use super::entry::{Entry, Event};
use super::fold::Fold;
use super::types::SendingPause;
use super::{Store, StoreError, keys};
use crate::limits::ACCOUNT_CHARS_MAX;
use jiff::Timestamp;

impl Store {
    /// Who stopped the answers and when; `None`: they go out.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn sending_paused(&self) -> Result<Option<SendingPause>, StoreError> {
        self.rows.get(keys::SENDING_PAUSED)?.map(|value| super::rows::decode(&value)).transpose()
    }

    /// Stops all answers, or lets them go again. A second time changes nothing.
    ///
    /// # Errors
    /// [`StoreError::TooLong`], or the store cannot write.
    pub fn pause_sending(&self, paused: bool, by: &str, now: Timestamp) -> Result<(), StoreError> {
        super::change::bounded("the account", by, ACCOUNT_CHARS_MAX)?;
        self.change(now, by, |_| {
            let is = self.sending_paused()?.is_some();
            Ok(if is == paused { Vec::new() } else { vec![Event::Sending { paused }] })
        })?;
        Ok(())
    }

    /// Refuses while the answers are stopped.
    pub(super) fn expect_sending(&self) -> Result<(), StoreError> {
        match self.sending_paused()? {
            None => Ok(()),
            Some(_) => Err(StoreError::State { object: "the outbox".to_owned(), why: "a person paused it" }),
        }
    }
}

impl Fold<'_> {
    pub(super) fn sending(&mut self, entry: &Entry, paused: bool) -> Result<(), StoreError> {
        if paused {
            let pause = SendingPause { by: entry.by.clone(), at: entry.at };
            return self.put(keys::SENDING_PAUSED.to_vec(), &pause);
        }
        self.remove(keys::SENDING_PAUSED.to_vec());
        Ok(())
    }
}
