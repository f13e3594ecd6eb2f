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
        if stays_open(&row, policy.breaker_quiet_minutes, now) {
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

/// Without a quiet time only a person closes it. A clock that was set back keeps it open.
fn stays_open(row: &BreakerRow, quiet_minutes: Option<u32>, now: Timestamp) -> bool {
    let quiet = quiet_minutes.map(|minutes| SignedDuration::from_mins(minutes.into()));
    quiet.is_none_or(|quiet| now.duration_since(row.last_at) < quiet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_closes_when_it_was_quiet_for_so_long() {
        let at = |text: &str| format!("2026-03-02T{text}Z").parse::<Timestamp>().unwrap();
        let row = BreakerRow { since: at("10:00:00"), answers: 200, held: 3, last_at: at("10:20:00") };
        assert!(stays_open(&row, Some(60), at("11:19:59")), "quiet is counted from what it last held");
        assert!(!stays_open(&row, Some(60), at("11:20:00")));
        assert!(stays_open(&row, None, at("23:00:00")), "only a person");
        assert!(stays_open(&row, Some(60), at("09:00:00")), "the clock was set back");
    }
}
