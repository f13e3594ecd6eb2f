//! The labels that are counted, and which of them count for an example: what an officer leaves open is not scored.

use crate::record::Judgement;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The labels of one example, by name. What is not there is not scored.
pub type Gold = Map<String, Value>;

/// Every label that is scored, as `triage --json` prints it.
pub const LABELS: [&str; 13] = [
    "scope",
    "complained_about",
    "refer_to",
    "first_complained",
    "older_than_year",
    "kind",
    "on_behalf",
    "language",
    "anonymous",
    "multiple",
    "urgent",
    "follow_up",
    "automatic",
];

/// A label that turned out otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Wrong {
    pub label: &'static str,
    pub want: Value,
    pub got: Value,
}

/// The labels of a judgement. `automatic` is yes or no, as in the examples.
pub fn labels_of(judgement: &Judgement) -> Map<String, Value> {
    let value = json!({
        "scope": judgement.scope,
        "complained_about": judgement.complained_about,
        "refer_to": judgement.refer_to.as_ref().map(|referral| &referral.id),
        "first_complained": judgement.first_complained,
        "older_than_year": judgement.older_than_year,
        "kind": judgement.kind,
        "on_behalf": judgement.on_behalf,
        "language": judgement.language,
        "anonymous": judgement.anonymous,
        "multiple": judgement.multiple,
        "urgent": judgement.urgent,
        "follow_up": judgement.follow_up,
        "automatic": judgement.automatic.is_some(),
    });
    match value {
        Value::Object(labels) => labels,
        _ => Map::new(),
    }
}

/// Does this label count for an example?
pub(super) fn counts(label: &str, gold: &Gold) -> bool {
    let Some(want) = gold.get(label) else { return false };
    let scope = gold.get("scope").and_then(Value::as_str).unwrap_or_default();
    match label {
        "refer_to" => matches!(scope, "out" | "mixed"),
        "first_complained" => scope != "none" && want != "not-applicable" && !want.is_null(),
        "kind" | "older_than_year" | "on_behalf" => scope != "none",
        "follow_up" => !truth(gold.get("automatic")),
        "multiple" => scope != "mixed",
        _ => true,
    }
}

/// Yes or no, also where an older example says it in words.
pub(super) fn truth(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(yes)) => *yes,
        Some(Value::String(text)) => matches!(text.to_lowercase().as_str(), "true" | "yes"),
        _ => false,
    }
}

/// The ids of a list, each once.
pub(super) fn ids(value: Option<&Value>) -> BTreeSet<&str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Are two values of a label the same?
pub(super) fn same(label: &str, a: Option<&Value>, b: Option<&Value>) -> bool {
    match label {
        "complained_about" => ids(a) == ids(b),
        "anonymous" | "multiple" | "urgent" | "follow_up" | "automatic" => truth(a) == truth(b),
        _ => a.unwrap_or(&Value::Null) == b.unwrap_or(&Value::Null),
    }
}

/// The labels of an example that turned out otherwise.
pub fn wrong(gold: &Gold, judgement: &Judgement) -> Vec<Wrong> {
    let got = labels_of(judgement);
    LABELS
        .into_iter()
        .filter(|label| counts(label, gold) && !same(label, gold.get(*label), got.get(*label)))
        .map(|label| Wrong {
            label,
            want: gold.get(label).cloned().unwrap_or_default(),
            got: got.get(label).cloned().unwrap_or_default(),
        })
        .collect()
}
