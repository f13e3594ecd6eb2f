//! Growing pauses between attempts to reach a server, so that a server that is down, or that locks accounts
//! after wrong passwords, is not hammered, and many daemons do not come back in one second; and the moments of what is
//! looked at regularly.

use crate::limits::RECONNECT_PAUSE_MAX;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::time::Instant;

/// The first pause after a failure that may pass by itself.
const FIRST: Duration = Duration::from_secs(1);
/// The first pause after one that wants a person (wrong password, refused certificate).
const FIRST_FOR_PERSON: Duration = Duration::from_secs(30);

/// Counts failures in a row and tells until when to pause.
#[derive(Debug, Default)]
pub struct Pause {
    failures: u32,
    until: Option<Instant>,
}

impl Pause {
    /// After a failure. `at_least`: what the server asked for (Retry-After, a throttle answer).
    pub fn failed(&mut self, now: Instant, passing: bool, at_least: Duration) {
        self.until = Some(now + length(self.failures, passing, random()).max(at_least));
        self.failures = self.failures.saturating_add(1);
    }

    /// How much is left of it.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// After something that shows that the server works.
    pub fn worked(&mut self) {
        self.failures = 0;
        self.until = None;
    }

    /// Waits out what is left of the pause, if there is one; true if there was. May be dropped: the pause
    /// does not start anew.
    pub async fn keep(&mut self) -> bool {
        let Some(until) = self.until else { return false };
        tokio::time::sleep_until(until).await;
        self.until = None;
        true
    }
}

/// When to look next at what is looked at each so often: within that time, and together with all that is looked at as often or
/// a multiple as often, so that the processor wakes once for them.
pub fn next_look(every: Duration) -> Instant {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    let first = *FIRST.get_or_init(Instant::now);
    let every = every.max(Duration::from_millis(1));
    let since = u64::try_from(first.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let times = since / u64::try_from(every.as_nanos()).unwrap_or(u64::MAX) + 1;
    first + every.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX))
}

/// Doubles with each failure up to the bound; between half of it and all of it by chance (`random` of 255).
fn length(failures: u32, passing: bool, random: u8) -> Duration {
    let first = if passing { FIRST } else { FIRST_FOR_PERSON };
    let full = first.saturating_mul(1 << failures.min(16)).min(RECONNECT_PAUSE_MAX);
    full / 2 + (full / 2).mul_f64(f64::from(random) / 255.0)
}

fn random() -> u8 {
    let mut byte = [128];
    // Without randomness the pause is three quarters of the full one: good enough.
    let _ = getrandom::fill(&mut byte);
    byte[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_bound() {
        let full: Vec<u64> = (0..12).map(|failures| length(failures, true, 255).as_secs()).collect();
        assert_eq!(full, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(length(0, true, 0), Duration::from_millis(500));
        assert_eq!(length(0, false, 255), FIRST_FOR_PERSON);
        assert_eq!(length(u32::MAX, false, 255), RECONNECT_PAUSE_MAX);
    }

    #[test]
    fn what_the_server_asked_for_is_waited_out() {
        let (mut pause, now) = (Pause::default(), Instant::now());
        pause.failed(now, true, Duration::from_secs(90));
        assert_eq!(pause.left(now), Some(Duration::from_secs(90)));
        assert_eq!(pause.left(now + Duration::from_secs(90)), None);
    }

    #[test]
    fn looks_come_together_and_none_too_late() {
        let second = Duration::from_secs(1);
        for every in [second, 2 * second, 60 * second] {
            let beat = next_look(second);
            let (before, next) = (Instant::now(), next_look(every));
            assert!(next > before && next <= Instant::now() + every);
            assert!((0..=60).any(|later| beat + later * second == next), "every {every:?}");
        }
    }

    #[tokio::test]
    async fn a_pause_is_kept_once() {
        let mut pause = Pause::default();
        assert!(!pause.keep().await);
        pause.failed(Instant::now() - Duration::from_secs(60), true, Duration::ZERO);
        assert!(pause.keep().await);
        assert!(!pause.keep().await);
    }
}
