//! Can it not wait? Then a person reads it at once.

use super::Evidence;
use crate::record::Finding;

/// The word "spoed" alone does not reach it.
const URGENT_MIN: f64 = 2.5;

pub(super) fn judge(evidence: &Evidence<'_>, findings: &mut Vec<Finding>) -> bool {
    let urgent = evidence.weight("urgent", "true") + evidence.weight("urgent", "maybe") >= URGENT_MIN;
    if urgent {
        evidence.tell("urgent", "true", "urgent=true", findings);
        evidence.tell("urgent", "maybe", "urgent=true", findings);
    }
    urgent
}
