//! How many labels turn out right: the reckoning of the acceptance test, so that an office sees the figures that
//! it is judged by. Shares for labels with several values, precision, recall and F1 for yes/no and for lists; and
//! the two mistakes that weigh: turned away though at the right address, and kept though not.

use super::labels::{Gold, counts, ids, labels_of, same, truth};
use crate::record::{Judgement, Scope};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const SHARES: [&str; 7] =
    ["scope", "refer_to", "first_complained", "older_than_year", "kind", "on_behalf", "language"];
const FLAGS: [&str; 5] = ["anonymous", "multiple", "urgent", "follow_up", "automatic"];

/// Counts over judged examples.
#[derive(Clone, Debug, Default)]
pub struct Score {
    pub items: usize,
    /// Label → right, counted.
    shares: BTreeMap<&'static str, (usize, usize)>,
    /// Label → right yes, wrong yes, missed.
    flags: BTreeMap<&'static str, (usize, usize, usize)>,
    /// Of those at the right address: how many are judged to be outside.
    pub turned_away: (usize, usize),
    /// Of those outside: how many are kept as ours.
    pub kept: (usize, usize),
    /// At the right address, and the citizen would be told "probably not here".
    pub told_away: usize,
    /// Outside, and the citizen may be told so.
    pub told: usize,
}

impl Score {
    /// Counts one example.
    pub fn add(&mut self, gold: &Gold, judgement: &Judgement) {
        let got = labels_of(judgement);
        self.items += 1;
        for label in SHARES.into_iter().filter(|label| counts(label, gold)) {
            let share = self.shares.entry(label).or_default();
            share.1 += 1;
            share.0 += usize::from(same(label, gold.get(label), got.get(label)));
        }
        for label in FLAGS.into_iter().filter(|label| counts(label, gold)) {
            let flag = self.flags.entry(label).or_default();
            match (truth(gold.get(label)), truth(got.get(label))) {
                (true, true) => flag.0 += 1,
                (false, true) => flag.1 += 1,
                (true, false) => flag.2 += 1,
                (false, false) => {}
            }
        }
        if counts("complained_about", gold) {
            let (want, have) = (ids(gold.get("complained_about")), ids(got.get("complained_about")));
            let about = self.flags.entry("complained_about").or_default();
            about.0 += want.intersection(&have).count();
            about.1 += have.difference(&want).count();
            about.2 += want.difference(&have).count();
        }
        match gold.get("scope").and_then(Value::as_str) {
            Some("in" | "mixed") => {
                self.turned_away.1 += 1;
                self.turned_away.0 += usize::from(judgement.scope == Scope::Out);
                self.told_away += usize::from(judgement.may_tell_citizen);
            }
            Some("out") => {
                self.kept.1 += 1;
                self.kept.0 += usize::from(judgement.scope == Scope::In);
                self.told += usize::from(judgement.may_tell_citizen);
            }
            _ => {}
        }
    }

    /// The share that is right, for a label with several values; `None` when it was never counted.
    pub fn share(&self, label: &str) -> Option<f64> {
        let (right, counted) = self.shares.get(label)?;
        Some(part(*right, *counted))
    }

    /// Precision, recall and F1, for yes/no labels and `complained_about`.
    pub fn precision_recall_f1(&self, label: &str) -> Option<(f64, f64, f64)> {
        let (yes, wrong, missed) = *self.flags.get(label)?;
        let share = |of: usize| if of == 0 { 1.0 } else { part(yes, of) };
        let (precision, recall) = (share(yes + wrong), share(yes + missed));
        let sum = precision + recall;
        Some((precision, recall, if sum > 0.0 { 2.0 * precision * recall / sum } else { 0.0 }))
    }

    /// All counts as one number to compare two rule sets by: labels right, and each harm as so many wrong ones.
    pub(super) fn worth(&self) -> i64 {
        const HARM: i64 = 20;
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let right: usize = self.shares.values().map(|(right, _)| right).sum();
        let wrong: usize = self.flags.values().map(|(_, wrong, missed)| wrong + missed).sum();
        number(right) - number(wrong) - HARM * number(self.turned_away.0) - HARM * number(self.told_away)
    }

    /// The figures of one file, as the acceptance test prints them.
    pub fn json(&self) -> Value {
        let round = |share: f64| (share * 10_000.0).round() / 10_000.0;
        let mut all = Map::new();
        all.insert("items".into(), json!(self.items));
        for label in SHARES {
            all.insert(label.into(), json!(self.share(label).map(round)));
        }
        all.insert(
            "told_out_though_in".into(),
            json!(format!("{}/{}", self.turned_away.0, self.turned_away.1)),
        );
        all.insert("told_in_though_out".into(), json!(format!("{}/{}", self.kept.0, self.kept.1)));
        for label in FLAGS.into_iter().chain(["complained_about"]) {
            if let Some((precision, recall, f1)) = self.precision_recall_f1(label) {
                let figures =
                    json!({ "precision": round(precision), "recall": round(recall), "f1": round(f1) });
                all.insert(label.into(), figures);
            }
        }
        all.insert("citizen_told_wrongly".into(), json!(self.told_away));
        all.insert("citizen_told_rightly".into(), json!(self.told));
        Value::Object(all)
    }

    /// The same as a table in Dutch.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{:<20} {}", "voorbeelden", self.items)];
        for label in SHARES {
            if let Some((right, counted)) = self.shares.get(label) {
                lines.push(format!(
                    "{label:<20} {:>6} goed  ({right} van {counted})",
                    percent(part(*right, *counted))
                ));
            }
        }
        for label in FLAGS.into_iter().chain(["complained_about"]) {
            if let Some((precision, recall, f1)) = self.precision_recall_f1(label) {
                lines.push(format!(
                    "{label:<20} F1 {f1:.3}  (terecht {}, gevonden {})",
                    percent(precision),
                    percent(recall)
                ));
            }
        }
        lines.push(format!(
            "ten onrechte “niet hier”: {} van {} (waarvan aan de burger gezegd: {}); ten onrechte gehouden: {} van {}",
            self.turned_away.0, self.turned_away.1, self.told_away, self.kept.0, self.kept.1
        ));
        lines
    }
}

fn part(right: usize, counted: usize) -> f64 {
    // Counts of examples are far below 2^52.
    right as f64 / counted.max(1) as f64
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0).replace('.', ",")
}
