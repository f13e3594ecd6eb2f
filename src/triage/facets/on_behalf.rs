//! Does the writer speak for another (Awb 2:1), and with authorisation?

use super::super::reading::Place;
use super::Evidence;
use crate::record::{Finding, OnBehalf};

/// Least weight for speaking for another.
const BEHALF_MIN: f64 = 2.5;

pub(super) fn judge(evidence: &Evidence<'_>, findings: &mut Vec<Finding>) -> OnBehalf {
    let weight = |value: &str| evidence.weight("on_behalf", value);
    let enclosed = evidence
        .sentences("on_behalf", "authorised")
        .into_iter()
        .any(|index| evidence.place(index) == Some(Place::Attachment));
    let authorised = weight("authorised");
    let unauthorised = weight("unauthorised");
    let behalf = weight("behalf") + if enclosed { BEHALF_MIN } else { 0.0 };
    let own = weight("own");
    if behalf - own < BEHALF_MIN && !(behalf >= BEHALF_MIN && authorised > 0.0) {
        return OnBehalf::No;
    }
    let (value, with) = if authorised > 0.0 && (enclosed || authorised >= unauthorised) {
        ("with-authorisation", OnBehalf::WithAuthorisation)
    } else {
        ("without-authorisation", OnBehalf::WithoutAuthorisation)
    };
    let concludes = format!("on_behalf={value}");
    evidence.tell("on_behalf", "behalf", &concludes, findings);
    let half = if with == OnBehalf::WithAuthorisation { "authorised" } else { "unauthorised" };
    evidence.tell("on_behalf", half, &concludes, findings);
    with
}
