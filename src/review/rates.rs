//! How many requests a program may make (RFC 6585 §4): a bucket for each that fills again at an even rate.
//!
//! Invariant: bounded memory; a bucket that is full again is forgotten, so only who asked lately is remembered.

use crate::limits::API_VISITORS_MAX;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Requests that may come at once: this part of those of a minute.
const BURST_PART: f64 = 6.0;

/// What is left of one visitor's requests, and when that was counted.
struct Bucket {
    left: f64,
    at: Timestamp,
}

/// The buckets of all.
pub struct Rates {
    per_minute: f64,
    buckets: Mutex<HashMap<String, Bucket>>,
}

impl Rates {
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute: f64::from(per_minute), buckets: Mutex::default() }
    }

    /// Takes one request of a visitor.
    ///
    /// # Errors
    /// There are none left: the seconds until there is one again.
    pub fn take(&self, visitor: &str, now: Timestamp) -> Result<(), u32> {
        let (full, a_second) = ((self.per_minute / BURST_PART).max(1.0), self.per_minute / 60.0);
        let filled = |bucket: &Bucket| {
            let seconds = now.duration_since(bucket.at).as_secs_f64().max(0.0);
            (bucket.left + seconds * a_second).min(full)
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= API_VISITORS_MAX && !buckets.contains_key(visitor) {
            buckets.retain(|_, bucket| filled(bucket) < full);
        }
        let left = buckets.get(visitor).map_or(full, filled);
        let taken = left >= 1.0;
        let left = if taken { left - 1.0 } else { left };
        buckets.insert(visitor.to_owned(), Bucket { left, at: now });
        if taken { Ok(()) } else { Err(wait((1.0 - left) / a_second)) }
    }
}

/// Whole seconds, at least one.
fn wait(seconds: f64) -> u32 {
    (1..60).find(|whole| f64::from(*whole) >= seconds).unwrap_or(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(1_780_000_000_000 + millisecond).unwrap()
    }

    #[test]
    fn a_burst_then_an_even_rate_each_for_itself() {
        let rates = Rates::new(60);
        for _ in 0..10 {
            assert_eq!(rates.take("api:een", at(0)), Ok(()));
        }
        assert_eq!(rates.take("api:een", at(0)), Err(1));
        assert_eq!(rates.take("api:twee", at(0)), Ok(()));
        assert_eq!(rates.take("api:een", at(1_000)), Ok(()));
        assert_eq!(rates.take("api:een", at(1_500)), Err(1));
        assert_eq!(Rates::new(6).take("x", at(0)), Ok(()));
        let slow = Rates::new(6);
        slow.take("x", at(0)).unwrap();
        assert_eq!(slow.take("x", at(0)), Err(10));
        assert_eq!(slow.take("x", at(-5_000)), Err(10), "a clock that goes back gives nothing");
    }

    #[test]
    fn who_asks_no_more_is_forgotten() {
        let rates = Rates::new(60);
        for n in 0..API_VISITORS_MAX {
            rates.take(&n.to_string(), at(0)).unwrap();
        }
        rates.take("nog een", at(60_000)).unwrap();
        assert_eq!(rates.buckets.lock().unwrap().len(), 1);
    }
}
