//! When the breaker opens and closes. The gate holds; here the store is told, and the log.
//!
//! Invariants: it opens with the first answer above the rate, before that answer is committed as held; it closes when a
//! person says so, or after a configured time in which it held nothing. What it held stays held for a person.

use super::Intake;
use crate::acknowledge::{GatePolicy, History};
use crate::record::Answer;
use crate::store::{BreakerRow, DAEMON, StoreError};
use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

impl Intake {
    /// The breaker as it stands now; one that was quiet long enough is closed here.
    ///
    /// # Errors
    /// When the store fails.
    pub fn breaker_now(&self, now: Timestamp) -> Result<Option<BreakerRow>, StoreError> {
        self.breaker(&self.rulebook().policy, now)
    }

    pub(super) fn breaker(
        &self,
        policy: &GatePolicy,
        now: Timestamp,
    ) -> Result<Option<BreakerRow>, StoreError> {
        let Some(row) = self.store.breaker()? else { return Ok(None) };
        let quiet = policy.breaker_quiet_minutes.map(|minutes| SignedDuration::from_mins(minutes.into()));
        if quiet.is_none_or(|quiet| now.duration_since(row.last_at) < quiet) {
            return Ok(Some(row));
        }
        if self.store.close_breaker(DAEMON, now)? {
            info!(
                held = row.held,
                "the breaker closed after its quiet time; what it held waits for a person"
            );
        }
        Ok(None)
    }

    /// Opens it when this answer is held because too many went out.
    pub(super) fn trip_breaker(
        &self,
        answer: &Answer,
        history: History,
        policy: &GatePolicy,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let above = matches!(answer, Answer::Hold { .. }) && history.all_hour >= policy.hour_max;
        if above && !history.breaker_open && self.store.open_breaker(history.all_hour, DAEMON, now)? {
            warn!(
                answers = history.all_hour,
                "the breaker opened: answers are held until a person closes it"
            );
        }
        Ok(())
    }
}
