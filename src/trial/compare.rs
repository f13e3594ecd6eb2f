//! Two rule sets on the same examples: what would change, for which case, and by which rules.

use super::item::Item;
use super::labels::{LABELS, counts, labels_of, same};
use crate::record::{Finding, Judgement, Office};
use crate::triage::{Ruleset, judge};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What changes between two rule sets on many examples.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    pub judged: usize,
    pub changed: Vec<Changed>,
}

/// One example that is judged otherwise.
#[derive(Clone, Debug)]
pub struct Changed {
    pub id: String,
    pub changes: Vec<Change>,
    /// The rules that did it: in the findings of one judgement and not, or with another weight, in the other's.
    pub rules: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub label: &'static str,
    pub from: Value,
    pub to: Value,
    /// Where the example tells: is the new value right (or the old one)? `None`: not told, or neither.
    pub better: Option<bool>,
}

impl Comparison {
    /// Judges an example by both and notes what changes.
    pub fn add(
        &mut self,
        item: &Item,
        (before, office_before): (&Ruleset, &Office),
        (after, office_after): (&Ruleset, &Office),
    ) {
        let judged = |rules, office| judge(&item.extract, item.channel, item.received, office, rules);
        self.judged += 1;
        let (was, is) = (judged(before, office_before), judged(after, office_after));
        self.changed.extend(compare(item, &was, &is));
    }

    /// How often each label changes: `label: from → to`, the most frequent first.
    pub fn counts(&self) -> Vec<(String, usize)> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for change in self.changed.iter().flat_map(|changed| &changed.changes) {
            *counts.entry(change.words()).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts
    }

    /// Changes for the better and for the worse, where the examples tell.
    pub fn better_and_worse(&self) -> (usize, usize) {
        let told = |better| {
            let changes = self.changed.iter().flat_map(|changed| &changed.changes);
            changes.filter(|change| change.better == Some(better)).count()
        };
        (told(true), told(false))
    }
}

impl Change {
    /// `scope: unclear → in`
    pub fn words(&self) -> String {
        format!("{}: {} → {}", self.label, words(&self.from), words(&self.to))
    }
}

/// A value as staff read it.
pub(super) fn words(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "ja".to_owned(),
        Value::Bool(false) => "nee".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(ids) if ids.is_empty() => "niemand".to_owned(),
        Value::Array(ids) => ids.iter().map(words).collect::<Vec<_>>().join(" + "),
        other => other.to_string(),
    }
}

/// What differs between two judgements on one example, if anything does.
pub fn compare(item: &Item, was: &Judgement, is: &Judgement) -> Option<Changed> {
    let (before, after) = (labels_of(was), labels_of(is));
    let changes: Vec<Change> = LABELS
        .into_iter()
        .filter(|label| !same(label, before.get(*label), after.get(*label)))
        .map(|label| {
            let (from, to) = (before.get(label), after.get(label));
            let want = item.gold.get(label).filter(|_| counts(label, &item.gold));
            let better =
                want.and_then(|want| match (same(label, Some(want), from), same(label, Some(want), to)) {
                    (false, true) => Some(true),
                    (true, false) => Some(false),
                    _ => None,
                });
            Change {
                label,
                from: from.cloned().unwrap_or_default(),
                to: to.cloned().unwrap_or_default(),
                better,
            }
        })
        .collect();
    if changes.is_empty() {
        return None;
    }
    let (before, after) = (findings(was), findings(is));
    let rules: BTreeSet<&str> = before.symmetric_difference(&after).map(|(rule, _)| rule.as_str()).collect();
    let rules = rules.into_iter().map(str::to_owned).collect();
    Some(Changed { id: item.id.clone(), changes, rules })
}

/// Rule and weight of each finding; what a finding concludes follows from the whole.
fn findings(judgement: &Judgement) -> BTreeSet<(String, i64)> {
    let hundredths = |weight: f64| (weight * 100.0).round() as i64;
    judgement
        .findings
        .iter()
        .map(|finding: &Finding| (finding.rule.clone(), hundredths(finding.weight)))
        .collect()
}

/// The rules that are in one set only, or not the same in both: `+ id`, `- id`, `~ id`.
pub fn rules_changed(before: &Ruleset, after: &Ruleset) -> Vec<String> {
    let (old, new) = (before.written(), after.written());
    let ids: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    ids.into_iter()
        .filter_map(|id| match (old.get(id), new.get(id)) {
            (None, Some(_)) => Some(format!("+ {id}")),
            (Some(_), None) => Some(format!("- {id}")),
            (old, new) if old != new => Some(format!("~ {id}")),
            _ => None,
        })
        .collect()
}
