//! Repeated warnings: a mail server that is away for a night must not fill the disk with its log.
//!
//! A kind is the place in the code that tells it. Invariant: what is left out is counted, and the count is told once the minute
//! is over, with the next line of whatever kind.

use crate::limits::{LOG_LINES_MAX, LOG_WINDOW};
use std::collections::HashMap;
use std::time::Instant;
use tracing::Level;
use tracing::callsite::Identifier;

/// How often each kind was told in its present minute.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    kinds: HashMap<Identifier, Kind>,
    /// When ended minutes are looked for next.
    look_at: Option<Instant>,
}

#[derive(Debug)]
struct Kind {
    began: Instant,
    told: u32,
    left_out: u64,
    level: Level,
    /// A fixed text of the program.
    message: String,
}

/// So many lines of a kind were left out.
#[derive(Debug, PartialEq)]
pub(super) struct Told {
    pub level: Level,
    pub message: String,
    pub left_out: u64,
}

impl Repeats {
    /// May this line be told? If not it is counted.
    pub fn may_tell(&mut self, kind: Identifier, level: Level, message: &str, now: Instant) -> bool {
        let fresh = || Kind { began: now, told: 0, left_out: 0, level, message: message.to_owned() };
        let kind = self.kinds.entry(kind).or_insert_with(fresh);
        if now.duration_since(kind.began) >= LOG_WINDOW {
            *kind = fresh();
        }
        if kind.told < LOG_LINES_MAX {
            kind.told += 1;
            return true;
        }
        kind.left_out += 1;
        self.look_at =
            Some(self.look_at.map_or(kind.began + LOG_WINDOW, |at| at.min(kind.began + LOG_WINDOW)));
        false
    }

    /// What was left out in minutes that are over; to be called before [`Repeats::may_tell`].
    pub fn ended(&mut self, now: Instant) -> Vec<Told> {
        if self.look_at.is_none_or(|at| now < at) {
            return Vec::new();
        }
        let mut told = Vec::new();
        self.look_at = None;
        for kind in self.kinds.values_mut().filter(|kind| kind.left_out > 0) {
            let end = kind.began + LOG_WINDOW;
            if now >= end {
                let left_out = std::mem::take(&mut kind.left_out);
                told.push(Told { level: kind.level, message: kind.message.clone(), left_out });
            } else {
                self.look_at = Some(self.look_at.map_or(end, |at| at.min(end)));
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tracing::Metadata;
    use tracing::callsite::Callsite;
    use tracing::subscriber::Interest;

    struct Place;
    static PLACE: Place = Place;
    impl Callsite for Place {
        fn set_interest(&self, _: Interest) {}
        fn metadata(&self) -> &Metadata<'_> {
            unreachable!()
        }
    }

    #[test]
    fn a_thousand_failures_are_told_as_some_and_a_count() {
        let (mut repeats, begin) = (Repeats::default(), Instant::now());
        let mut told = 0;
        for moment in 0..1000 {
            let now = begin + Duration::from_millis(moment);
            assert!(repeats.ended(now).is_empty());
            told += u32::from(repeats.may_tell(Identifier(&PLACE), Level::WARN, "cannot be read now", now));
        }
        assert_eq!(told, LOG_LINES_MAX);
        let later = begin + LOG_WINDOW;
        let ended = repeats.ended(later);
        assert_eq!(ended.len(), 1);
        assert_eq!(ended[0].left_out, u64::from(1000 - LOG_LINES_MAX));
        assert_eq!(ended[0].message, "cannot be read now");
        assert!(repeats.ended(later).is_empty(), "told once");
        assert!(
            repeats.may_tell(Identifier(&PLACE), Level::WARN, "cannot be read now", later),
            "a new minute"
        );
    }
}
