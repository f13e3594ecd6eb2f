//! What kind of thing the writer brings up: how he was treated, a decision, policy, a report of something in
//! the street, a question, a wrong reported from inside, or no complaint at all.

use super::Evidence;
use crate::record::{Finding, Kind};

/// What is nothing in particular is a gedraging.
const CONDUCT_BASE: f64 = 0.5;
/// The least evidence for any other kind.
const OTHER_MIN: f64 = 2.5;
/// A suspicion is enough; someone from inside alone is not.
const INTEGRITY_MIN: f64 = 2.0;

/// The kind, and whether it is no complaint at all.
pub(super) fn judge(evidence: &Evidence<'_>, automatic: bool, findings: &mut Vec<Finding>) -> (Kind, bool) {
    if automatic {
        return (Kind::Other, true);
    }
    let weight = |value: &str| evidence.weight("kind", value);
    let conduct = CONDUCT_BASE + weight("conduct");
    let mut best = (Kind::Conduct, conduct, "conduct");
    for (kind, value, least) in [
        (Kind::Decision, "decision", OTHER_MIN),
        (Kind::Policy, "policy", OTHER_MIN),
        (Kind::Report, "report", OTHER_MIN),
        (Kind::Question, "question", OTHER_MIN),
        (Kind::Integrity, "integrity", INTEGRITY_MIN),
        (Kind::Other, "other", OTHER_MIN),
    ] {
        let found = weight(value);
        if found >= least && found > best.1 {
            best = (kind, found, value);
        }
    }
    evidence.tell("kind", best.2, &format!("kind={}", best.2), findings);
    (best.0, matches!(best.0, Kind::Question | Kind::Other))
}
