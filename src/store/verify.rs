//! The proof that nothing was lost, by counting and by digest.

use serde::Serialize;
use std::fmt;

/// What [`Store::verify`](super::Store::verify) found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Pieces registered.
    pub pieces: u64,
    /// Pieces that are a case or part of one.
    pub in_cases: u64,
    pub aside: u64,
    /// Registered, not yet judged.
    pub in_work: u64,
    /// Pieces whose original is not there or is not what was written.
    pub missing: u64,
    /// Arrivals that were byte for byte a piece we had.
    pub duplicates: u64,
    pub cases: u64,
    pub answers: AnswerCounts,
    pub files: u64,
    pub bytes: u64,
    pub entries: u64,
    pub exceptions: Vec<Exception>,
}

/// Cases by the state of their answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AnswerCounts {
    pub sent: u64,
    pub waiting: u64,
    pub held: u64,
    pub failed: u64,
    pub withheld: u64,
}

/// One thing that is not as it should be. Dutch, without names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exception {
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.advice)
    }
}

impl VerifyReport {
    pub fn is_clean(&self) -> bool {
        self.exceptions.is_empty()
    }

    /// One line, such as `stukken 212 = zaken 205 + terzijde 7 + in behandeling 0; ontbreekt 0`.
    pub fn summary(&self) -> String {
        format!(
            "stukken {} = zaken {} + terzijde {} + in behandeling {}; ontbreekt {}",
            self.pieces, self.in_cases, self.aside, self.in_work, self.missing
        )
    }
}
