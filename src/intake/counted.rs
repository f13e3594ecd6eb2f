//! What is counted of a piece on its way. Names of methods, problems and rules; never of people.

use crate::metrics::{Metrics, family};
use crate::record::{Answer, Extract, Judgement};
use jiff::SignedDuration;
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Duration;

/// It was read.
pub(super) fn read(metrics: &Metrics, extract: &Extract) {
    for document in &extract.documents {
        metrics.add(&family::DOCUMENTS, &[&name(&document.method)], 1);
        if let Some(problem) = &document.problem {
            metrics.add(&family::PROBLEMS, &[&name(problem)], 1);
        }
    }
}

/// It was judged, so long after its registration.
pub(super) fn judged(metrics: &Metrics, judgement: &Judgement, waited: SignedDuration) {
    let rules: BTreeSet<&str> = judgement.findings.iter().map(|finding| finding.rule.as_str()).collect();
    for rule in rules {
        metrics.add(&family::RULE_FIRED, &[rule], 1);
    }
    // A clock that was set back: at once.
    metrics.observe(&family::JUDGED_SECONDS, &[], Duration::try_from(waited).unwrap_or_default());
}

/// The gate spoke; gives what it said.
pub(super) fn answered(metrics: &Metrics, answer: &Answer) -> &'static str {
    let outcome = match answer {
        Answer::Send { .. } => "send",
        Answer::Hold { .. } => "hold",
        Answer::Withhold { .. } => "withhold",
    };
    metrics.add(&family::GATE, &[outcome], 1);
    outcome
}

/// The name that the command line gives it.
fn name(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => "other".to_owned(),
    }
}
