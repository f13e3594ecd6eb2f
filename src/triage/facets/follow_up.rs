//! Does it continue a case that runs here already?

use super::Evidence;
use crate::record::Finding;

const FOLLOW_UP_MIN: f64 = 2.5;
/// A message that answers another one (RFC 5322, 3.6.4).
const IN_REPLY_TO: f64 = 1.0;

pub(super) fn judge(evidence: &Evidence<'_>, findings: &mut Vec<Finding>) -> bool {
    let weight = |value: &str| evidence.weight("follow_up", value);
    let message = evidence.reading.extract.message.as_ref();
    let answers = message.is_some_and(|message| !message.in_reply_to.is_empty());
    let sum = weight("number")
        + weight("reply")
        + weight("refers")
        + weight("earlier")
        + if answers { IN_REPLY_TO } else { 0.0 };
    if sum < FOLLOW_UP_MIN {
        return false;
    }
    for value in ["number", "reply", "refers", "earlier"] {
        evidence.tell("follow_up", value, "follow_up=true", findings);
    }
    true
}
