//! Which keys a reload (SIGHUP) puts into effect, and which a running daemon keeps until it is started again.
//!
//! Invariant: a key is in effect as a whole or not at all: what a reload does not reach stays as it was at the start,
//! for every part of the daemon. docs/configuration.md marks the same keys (`tests/config_schema.rs`).

use super::{Config, Layers};
use std::collections::BTreeSet;

/// Keys, and tables with all that is in them.
const RELOADED: &[&str] = &[
    "rules",
    "templates",
    "office_file",
    "office",
    "answers.from_name",
    "answers.own_addresses",
    "answers.per_address_hour_max",
    "answers.per_address_day_max",
    "answers.hour_max",
    "answers.breaker_quiet_minutes",
    "answers.follow_up",
    "answers.hold_urgent",
    "answers.authserv_ids",
    "letters.place",
    "letters.window",
    "letters.cover",
];

/// Does a reload put this key into effect? `office.name`, `webhooks[0].url` or, as [`super::schema::Key`] has it, `webhooks[].url`.
pub fn is_reloaded(key: &str) -> bool {
    let is_within = |table: &str| key.strip_prefix(table).is_some_and(|rest| rest.starts_with(['.', '[']));
    RELOADED.iter().any(|one| *one == key || is_within(one))
}

/// One key that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    pub key: String,
    pub in_effect: bool,
}

/// The keys that differ between two readings, in order; never their values.
pub fn changed(before: &Layers, after: &Layers) -> Vec<Changed> {
    let (before, after) = (before.values(), after.values());
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    keys.into_iter()
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|key| Changed { key: key.clone(), in_effect: is_reloaded(key) })
        .collect()
}

impl Config {
    /// This configuration with what a reload takes from a newer one.
    #[must_use]
    pub fn reloaded_from(&self, newer: &Config) -> Config {
        let mut config = self.clone();
        config.rules.clone_from(&newer.rules);
        config.templates.clone_from(&newer.templates);
        config.office.clone_from(&newer.office);
        let (answers, new) = (&mut config.answers, &newer.answers);
        answers.from_name.clone_from(&new.from_name);
        answers.own_addresses.clone_from(&new.own_addresses);
        answers.per_address_hour_max = new.per_address_hour_max;
        answers.per_address_day_max = new.per_address_day_max;
        answers.hour_max = new.hour_max;
        answers.breaker_quiet_minutes = new.breaker_quiet_minutes;
        answers.follow_up = new.follow_up;
        answers.hold_urgent = new.hold_urgent;
        answers.authserv_ids.clone_from(&new.authserv_ids);
        config.letters.place.clone_from(&newer.letters.place);
        config.letters.window = newer.letters.window;
        config.letters.cover = newer.letters.cover;
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_reloaded_takes_its_keys_with_it() {
        for key in ["office.name", "office.procedure.promises[0].count", "rules", "letters.cover.width"] {
            assert!(is_reloaded(key), "{key}");
        }
        for key in ["answers.send", "officer", "mailbox.host", "letters.print_dir", "rehearsal.on"] {
            assert!(!is_reloaded(key), "{key}");
        }
    }
}
