//! Who looks at which case now, so that two people on one case see each other.
//!
//! Kept in memory for a short while, and written down nowhere: who looked is in the look log already. Invariant: this is a
//! courtesy; what keeps two people from overwriting each other is the revision in every form.

use crate::limits::{PRESENCE_CASES_MAX, PRESENCE_TIME_MAX};
use crate::record::CaseNumber;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The cases that are looked at, each with who and when last.
#[derive(Debug, Default)]
pub struct Presence(Mutex<HashMap<CaseNumber, Vec<(String, Timestamp)>>>);

impl Presence {
    /// `who` looks at a case now. Gives the others who do, in order of name.
    pub fn look(&self, case: CaseNumber, who: &str, now: Timestamp) -> Vec<String> {
        let mut cases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |at: Timestamp| at.checked_add(PRESENCE_TIME_MAX).is_ok_and(|until| now < until);
        if cases.len() >= PRESENCE_CASES_MAX {
            cases.retain(|_, people| people.iter().any(|(_, at)| fresh(*at)));
        }
        if cases.len() >= PRESENCE_CASES_MAX && !cases.contains_key(&case) {
            return Vec::new();
        }
        let people = cases.entry(case).or_default();
        people.retain(|(name, at)| name != who && fresh(*at));
        let mut others: Vec<String> = people.iter().map(|(name, _)| name.clone()).collect();
        people.push((who.to_owned(), now));
        others.sort();
        others
    }

    /// `who` has left the case: decided, or went elsewhere.
    pub fn leave(&self, case: CaseNumber, who: &str) {
        let mut cases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(people) = cases.get_mut(&case) {
            people.retain(|(name, _)| name != who);
            if people.is_empty() {
                cases.remove(&case);
            }
        }
    }
}

/// `sanne`, `sanne en piet`, `sanne, piet en ruth`.
pub fn enumerated(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} en {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + second).unwrap()
    }

    #[test]
    fn people_on_one_case_see_each_other_for_a_while() {
        let (presence, case) = (Presence::default(), CaseNumber::new(2026, 1));
        assert!(presence.look(case, "noor", at(0)).is_empty());
        assert!(presence.look(case, "noor", at(1)).is_empty(), "nobody sees herself");
        assert_eq!(presence.look(case, "sanne", at(2)), ["noor"]);
        assert!(presence.look(CaseNumber::new(2026, 2), "piet", at(2)).is_empty());
        presence.leave(case, "noor");
        assert!(presence.look(case, "sanne", at(3)).is_empty());
        let late = 3 + i64::try_from(PRESENCE_TIME_MAX.as_secs()).unwrap();
        assert!(presence.look(case, "noor", at(late)).is_empty());
    }

    #[test]
    fn memory_is_bounded() {
        let presence = Presence::default();
        for serial in 0..=PRESENCE_CASES_MAX as u32 {
            presence.look(CaseNumber::new(2026, serial), "noor", at(0));
        }
        assert_eq!(presence.0.lock().unwrap().len(), PRESENCE_CASES_MAX);
        assert_eq!(enumerated(&["a".into(), "b".into(), "c".into()]), "a, b en c");
    }
}
