//! Are there two or more complaints that have nothing to do with each other?

use super::Evidence;
use crate::record::Finding;

/// One sign alone is not enough: writers number their facts too.
const MULTIPLE_MIN: f64 = 4.0;

pub(super) fn judge(evidence: &Evidence<'_>, findings: &mut Vec<Finding>) -> bool {
    let weight = |value: &str| evidence.weight("multiple", value);
    let multiple = weight("two") + weight("other") + weight("parts") - weight("one") >= MULTIPLE_MIN;
    if multiple {
        for value in ["two", "other", "parts"] {
            evidence.tell("multiple", value, "multiple=true", findings);
        }
    }
    multiple
}
