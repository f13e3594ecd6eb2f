//! Wrong passwords, counted for each account and for each address they come from (NIST SP 800-63B §3.2.2).
//!
//! Invariants: bounded memory, whatever names and addresses are sent; who fills the list with made-up names pushes
//! out other made-up names, never an account's count. Kept in memory only: a restart forgets.

use crate::limits::{LOGIN_LOCK, LOGIN_NAMES_MAX};
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct Count {
    wrong: u32,
    last: Option<Timestamp>,
    /// Of an account that is there.
    stays: bool,
}

impl Count {
    fn until(&self) -> Option<Timestamp> {
        self.last?.checked_add(LOGIN_LOCK).ok()
    }

    fn counts(&self, now: Timestamp) -> bool {
        self.until().is_some_and(|until| now < until)
    }
}

/// Counts by name, or by address.
pub struct Attempts {
    max: u32,
    counts: Mutex<HashMap<String, Count>>,
}

impl Attempts {
    /// So many wrong ones lock for [`LOGIN_LOCK`].
    pub fn new(max: u32) -> Self {
        Self { max, counts: Mutex::default() }
    }

    /// Until when nothing is tried.
    pub fn locked_until(&self, key: &str, now: Timestamp) -> Option<Timestamp> {
        let counts = self.lock();
        let found = counts.get(key)?;
        (found.wrong >= self.max && found.counts(now)).then(|| found.until()).flatten()
    }

    /// One more; true: this one locks.
    pub fn count(&self, key: &str, stays: bool, now: Timestamp) -> bool {
        let mut counts = self.lock();
        if counts.len() >= LOGIN_NAMES_MAX && !counts.contains_key(key) {
            counts.retain(|_, count| count.counts(now));
            let oldest = counts.iter().filter(|(_, count)| !count.stays).min_by_key(|(_, count)| count.last);
            let oldest = oldest.map(|(key, _)| key.clone());
            if counts.len() >= LOGIN_NAMES_MAX
                && let Some(oldest) = oldest
            {
                counts.remove(&oldest);
            }
        }
        let count = counts.entry(key.to_owned()).or_default();
        if !count.counts(now) {
            count.wrong = 0;
        }
        count.wrong = count.wrong.saturating_add(1);
        count.last = Some(now);
        count.stays = stays;
        count.wrong == self.max
    }

    pub fn forget(&self, key: &str) {
        self.lock().remove(key);
    }

    /// A panic elsewhere while the lock was held leaves counts that are still whole.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + second).unwrap()
    }

    #[test]
    fn the_list_is_bounded_and_made_up_names_push_out_no_account() {
        let attempts = Attempts::new(3);
        for _ in 0..3 {
            attempts.count("noor", true, at(0));
        }
        for n in 0..LOGIN_NAMES_MAX + 100 {
            attempts.count(&format!("verzonnen-{n}"), false, at(1));
        }
        assert!(attempts.lock().len() <= LOGIN_NAMES_MAX);
        assert!(attempts.locked_until("noor", at(2)).is_some());
        let after = i64::try_from(LOGIN_LOCK.as_secs()).unwrap();
        assert!(attempts.locked_until("noor", at(after)).is_none());
        assert!(!attempts.count("noor", true, at(after + 1)), "it begins anew");
        assert!(!attempts.count("noor", true, at(after + 1)) && attempts.count("noor", true, at(after + 1)));
        attempts.forget("noor");
        assert!(attempts.locked_until("noor", at(after + 2)).is_none());
    }
}
