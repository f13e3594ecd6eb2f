//! `queues.toml`: which queue a case goes to. Conditions on labels, tried in order; the first that holds wins.

use super::rules::{RuleFault, fault_at, read_toml};
use crate::record::{Judgement, nearest};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use toml::Spanned;

/// A queue and when a case goes there.
#[derive(Clone, Debug)]
pub struct Queue {
    pub id: String,
    /// Dutch, for staff.
    pub name: String,
    pub explanation: String,
    /// Each a set of label = allowed values that must all hold; one set is enough. Empty: always.
    when: Vec<BTreeMap<String, Vec<String>>>,
}

/// All queues in order.
#[derive(Clone, Debug, Default)]
pub struct Queues(pub Vec<Queue>);

/// What the file may hold, as JSON Schema.
pub(super) fn schema() -> serde_json::Value {
    crate::record::schema_of::<QueuesFile>("queues.toml")
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct QueuesFile {
    #[serde(default)]
    #[allow(dead_code, reason = "a word for the reader of the file")]
    about: Option<String>,
    #[serde(default)]
    queue: Vec<RawQueue>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawQueue {
    #[schemars(with = "String")]
    id: Spanned<String>,
    name: String,
    explanation: String,
    #[serde(default)]
    #[schemars(with = "Vec<BTreeMap<String, Vec<String>>>")]
    when: Vec<BTreeMap<Spanned<String>, Vec<String>>>,
}

/// Labels that a condition may use, as `triage --json` prints them.
const LABELS: &[&str] = &[
    "automatic",
    "scope",
    "first_complained",
    "older_than_year",
    "kind",
    "anonymous",
    "on_behalf",
    "multiple",
    "urgent",
    "follow_up",
    "refer_to",
    "language",
    "complained_about",
];

impl Queues {
    /// Reads the file.
    pub fn read(file: &str, text: &str, faults: &mut Vec<RuleFault>) -> Self {
        let raw: QueuesFile = match read_toml(file, text) {
            Ok(raw) => raw,
            Err(fault) => {
                faults.push(fault);
                return Self::default();
            }
        };
        let mut queues: Vec<Queue> = Vec::new();
        for one in raw.queue {
            let id = one.id.get_ref().clone();
            if queues.iter().any(|known| known.id == id) {
                faults.push(fault_at(
                    file,
                    text,
                    one.id.span().start,
                    format!("De bak {id} staat er twee keer in."),
                ));
            }
            let mut when = Vec::new();
            for set in one.when {
                let mut conditions = BTreeMap::new();
                for (label, values) in set {
                    if !LABELS.contains(&label.get_ref().as_str()) {
                        faults.push(fault_at(
                            file,
                            text,
                            label.span().start,
                            format!(
                                "Het label {} ken ik niet.{} Toegestaan: {}.",
                                label.get_ref(),
                                nearest(label.get_ref(), LABELS.iter().copied()),
                                LABELS.join(", ")
                            ),
                        ));
                    }
                    conditions.insert(label.into_inner(), values);
                }
                when.push(conditions);
            }
            queues.push(Queue { id, name: one.name, explanation: one.explanation, when });
        }
        if queues.last().is_none_or(|last| !last.when.is_empty()) {
            faults.push(fault_at(
                file,
                text,
                text.len(),
                "De laatste bak moet zonder voorwaarde zijn: daar komt wat nergens past.",
            ));
        }
        Self(queues)
    }

    /// The id of the queue for a judgement.
    pub fn choose(&self, judgement: &Judgement) -> String {
        let labels = labels(judgement);
        self.0
            .iter()
            .find(|queue| queue.when.is_empty() || queue.when.iter().any(|set| holds(set, &labels)))
            .map(|queue| queue.id.clone())
            .unwrap_or_default()
    }
}

fn holds(set: &BTreeMap<String, Vec<String>>, labels: &BTreeMap<&str, Vec<String>>) -> bool {
    set.iter().all(|(label, allowed)| {
        labels.get(label.as_str()).is_some_and(|values| values.iter().any(|value| allowed.contains(value)))
    })
}

/// The labels as they are printed.
fn labels(judgement: &Judgement) -> BTreeMap<&'static str, Vec<String>> {
    let printed = |value: Result<Value, serde_json::Error>| match value {
        Ok(Value::String(text)) => vec![text],
        _ => Vec::new(),
    };
    let truth = |value: bool| vec![value.to_string()];
    BTreeMap::from([
        ("automatic", truth(judgement.automatic.is_some())),
        ("scope", printed(serde_json::to_value(judgement.scope))),
        ("first_complained", printed(serde_json::to_value(judgement.first_complained))),
        ("older_than_year", printed(serde_json::to_value(judgement.older_than_year))),
        ("kind", printed(serde_json::to_value(judgement.kind))),
        ("on_behalf", printed(serde_json::to_value(judgement.on_behalf))),
        ("anonymous", truth(judgement.anonymous)),
        ("multiple", truth(judgement.multiple)),
        ("urgent", truth(judgement.urgent)),
        ("follow_up", truth(judgement.follow_up)),
        ("refer_to", judgement.refer_to.iter().map(|referral| referral.id.clone()).collect()),
        ("language", vec![judgement.language.clone()]),
        ("complained_about", judgement.complained_about.clone()),
    ])
}
