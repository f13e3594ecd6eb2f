//! What kind of thing the writer brings up: how he was treated, a decision, policy, a report of something in
//! the street, a question, a wrong reported from inside, or no complaint at all.

use super::Evidence;
use crate::record::{Finding, Kind};

/// What is nothing in particular is a gedraging.
const CONDUCT_BASE: f64 = 0.5;
/// What a complaint that was made at the body counts.
const COMPLAINED: f64 = 1.0;
/// The least evidence for any other kind.
const OTHER_MIN: f64 = 2.5;
const POLICY_MIN: f64 = 2.0;
/// Enough where nothing tells of treatment.
const WEAK_MIN: f64 = 1.5;
/// Characters below which a compliment is the whole message.
const SHORT_CHARS: usize = 400;
/// A suspicion is enough; someone from inside alone is not.
const INTEGRITY_MIN: f64 = 2.0;

/// What it counts that someone writes from inside.
const INSIDER: f64 = 1.5;

/// The kind, and whether it is no complaint at all.
pub(super) fn judge(evidence: &Evidence<'_>, automatic: bool, findings: &mut Vec<Finding>) -> (Kind, bool) {
    if automatic {
        return (Kind::Other, true);
    }
    let weight = |value: &str| evidence.weight("kind", value);
    // Who complained at the body itself complains of how he was treated, unless something else weighs more.
    let complained = ["done", "answered", "unanswered"]
        .into_iter()
        .any(|value| !evidence.sentences("complained", value).is_empty());
    let treated = weight("conduct") + if complained { COMPLAINED } else { 0.0 };
    let conduct = CONDUCT_BASE + treated;
    let mut best = (Kind::Conduct, conduct, "conduct");
    for (kind, value, least) in [
        (Kind::Decision, "decision", OTHER_MIN),
        (Kind::Policy, "policy", POLICY_MIN),
        (Kind::Report, "report", OTHER_MIN),
        (Kind::Question, "question", OTHER_MIN),
        (Kind::Integrity, "integrity", INTEGRITY_MIN),
        (Kind::Other, "other", OTHER_MIN),
    ] {
        if complained && matches!(kind, Kind::Question | Kind::Other) {
            continue;
        }
        // Somebody from inside who meets a wrong does not complain at the counter first.
        let least = if complained && kind == Kind::Integrity { INTEGRITY_MIN + INSIDER } else { least };
        let found = weight(value);
        if found >= least && found > best.1 {
            best = (kind, found, value);
        }
    }
    if best.0 == Kind::Conduct && treated == 0.0 {
        // Nothing tells of treatment: a weaker sign of something else is enough.
        let weak = [
            (Kind::Report, "report"),
            (Kind::Decision, "decision"),
            (Kind::Policy, "policy"),
            (Kind::Question, "question"),
            (Kind::Other, "other"),
        ];
        let allowed = |kind: Kind| match kind {
            Kind::Question => asks_mostly(evidence),
            Kind::Other => own_chars(evidence) < SHORT_CHARS,
            _ => true,
        };
        let found = weak.into_iter().map(|(kind, value)| (kind, weight(value), value));
        let found = found.filter(|(kind, weight, _)| *weight >= WEAK_MIN && allowed(*kind));
        best = found.reduce(|best, one| if one.1 > best.1 { one } else { best }).unwrap_or(best);
    }
    evidence.tell("kind", best.2, &format!("kind={}", best.2), findings);
    (best.0, matches!(best.0, Kind::Question | Kind::Other))
}

/// Are most of the sentences (but for greetings and names) questions?
fn asks_mostly(evidence: &Evidence<'_>) -> bool {
    let told = evidence
        .reading
        .own()
        .filter(|sentence| sentence.text.split(' ').filter(|w| !w.is_empty()).count() > 3);
    let (asked, all) = told.fold((0, 0), |(asked, all), sentence| {
        (asked + usize::from(sentence.text.trim_end().ends_with('?')), all + 1)
    });
    all > 0 && asked * 2 >= all
}

fn own_chars(evidence: &Evidence<'_>) -> usize {
    evidence.reading.own().map(|sentence| sentence.text.len()).sum()
}
