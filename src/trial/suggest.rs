//! What the examples propose: words that missed examples share and others do not have, and weights with which
//! more examples turn out right. A proposal is a diff to read, with what it changes on every example; nothing
//! here applies it.
//!
//! Invariants: no proposal rests on one example; none is made that turns somebody away who is at the right
//! address, or that breaks an example beside a rule.

use super::compare::{Changed, Comparison};
use super::edits::{with_hint, with_pattern, with_weight};
use super::item::Item;
use super::labels::{ids, truth, wrong};
use super::patch::unified;
use super::score::Score;
use crate::record::Office;
use crate::triage::{Ruleset, judge, own_sentences};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Examples that a proposal must rest on.
const SUPPORT_MIN: usize = 2;
/// Rules whose weight is tried, those of the most mistakes first.
const RULES_TRIED: usize = 12;
/// What a weight is tried times.
const FACTORS: [f64; 3] = [0.5, 0.75, 1.5];
/// Groups of words tried for each value of a label.
const WORDS_TRIED: usize = 3;
/// Values of labels for which words are looked for, those that are missed most first.
const VALUES_TRIED: usize = 8;
/// Words in one group.
const GROUP_WORDS: usize = 3;

/// All that is proposed.
#[derive(Clone, Debug)]
pub struct Proposals {
    /// How the examples stand now.
    pub now: Score,
    /// The most useful first.
    pub all: Vec<Proposal>,
}

#[derive(Clone, Debug)]
pub struct Proposal {
    /// What and why, in Dutch.
    pub why: String,
    /// The change as a unified diff of the rules directory.
    pub diff: String,
    /// Every example that would be judged otherwise.
    pub changed: Vec<Changed>,
    pub better: usize,
    pub worse: usize,
    pub then: Score,
}

/// An edit to try.
struct Edit {
    why: String,
    file: String,
    old: String,
    new: String,
}

/// Examples with their offices, and how the rules judge them now.
struct Bench<'a> {
    rules: &'a Ruleset,
    items: Vec<(&'a Item, &'a Office)>,
    now: Score,
    failed_now: BTreeSet<String>,
}

/// Proposes changes from labelled examples (of offices that are known).
pub fn suggest(rules: &Ruleset, items: &[Item], offices: &BTreeMap<String, Office>) -> Proposals {
    let known = items.iter().filter_map(|item| Some((item, offices.get(&item.office)?)));
    let mut bench = Bench {
        rules,
        items: known.collect(),
        now: Score::default(),
        failed_now: rules.failed_examples().into_iter().collect(),
    };
    let missed = bench.judge_now();
    let mut all: Vec<Proposal> = Vec::new();
    for edit in bench.words(&missed) {
        all.extend(bench.try_edit(edit));
    }
    for edit in bench.weights(&missed) {
        all.extend(bench.try_edit(edit));
    }
    all.sort_by_key(|proposal| std::cmp::Reverse(proposal.then.worth()));
    Proposals { now: bench.now, all }
}

/// A label of an example that is judged wrong: index of the example, label, value wanted.
type Missed = Vec<(usize, &'static str, String)>;

impl Bench<'_> {
    fn judge_now(&mut self) -> Missed {
        let mut missed = Vec::new();
        for (index, (item, office)) in self.items.iter().enumerate() {
            let got = judge(&item.extract, item.channel, item.received, office, self.rules);
            self.now.add(&item.gold, &got);
            for one in wrong(&item.gold, &got) {
                match &one.want {
                    Value::Array(_) => {
                        let (want, have) = (ids(Some(&one.want)), ids(Some(&one.got)));
                        missed.extend(want.difference(&have).map(|id| (index, one.label, (*id).to_owned())));
                    }
                    Value::Bool(yes) => missed.push((index, one.label, yes.to_string())),
                    Value::String(text) => missed.push((index, one.label, text.clone())),
                    _ => {}
                }
            }
        }
        missed
    }

    /// Does an example have this value?
    fn has(&self, index: usize, label: &str, value: &str) -> bool {
        let Some((item, _)) = self.items.get(index) else { return false };
        match item.gold.get(label) {
            Some(Value::String(text)) => text == value,
            Some(list @ Value::Array(_)) => {
                ids(Some(list)).contains(value) || ids(item.gold.get("mentioned_only")).contains(value)
            }
            other => truth(other) && value == "true",
        }
    }

    /// Words that missed examples share, each as an edit of the rule or body that it would belong to.
    fn words(&self, missed: &Missed) -> Vec<Edit> {
        let groups: Vec<BTreeSet<String>> = self
            .items
            .iter()
            .map(|(item, _)| {
                let sentences = own_sentences(&item.extract, item.channel, item.received);
                sentences.iter().flat_map(|sentence| groups_of(sentence)).collect()
            })
            .collect();
        let mut by_value: BTreeMap<(&str, &str), BTreeSet<usize>> = BTreeMap::new();
        for (index, label, value) in missed {
            by_value.entry((label, value)).or_default().insert(*index);
        }
        let mut by_value: Vec<_> =
            by_value.into_iter().filter(|(_, indexes)| indexes.len() >= SUPPORT_MIN).collect();
        by_value.sort_by_key(|(_, indexes)| std::cmp::Reverse(indexes.len()));
        let mut edits = Vec::new();
        for ((label, value), indexes) in by_value {
            if edits.len() >= VALUES_TRIED * WORDS_TRIED {
                break;
            }
            let Some(place) = self.place_for(label, value) else { continue };
            let mut count: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
            for (index, of_item) in groups.iter().enumerate() {
                let (is_missed, has) = (indexes.contains(&index), self.has(index, label, value));
                for group in of_item {
                    let counted = count.entry(group).or_default();
                    counted.0 += usize::from(is_missed);
                    counted.1 += usize::from(has);
                    counted.2 += usize::from(!has);
                }
            }
            // In missed examples, and hardly where the label is another one.
            let mut found: Vec<(&str, (usize, usize, usize))> = count
                .into_iter()
                .filter(|(_, (missed, has, not))| {
                    *missed >= SUPPORT_MIN && *has >= SUPPORT_MIN && not * 6 <= *has
                })
                .collect();
            found.sort_by_key(|(group, (missed, _, not))| (std::cmp::Reverse(*missed), *not, group.len()));
            let mut taken: Vec<&str> = Vec::new();
            for (group, (missed, has, not)) in found {
                if taken.len() >= WORDS_TRIED {
                    break;
                }
                if taken.iter().any(|known| known.contains(group) || group.contains(known)) {
                    continue;
                }
                taken.push(group);
                let why = format!(
                    "“{group}” bij {}: staat in {missed} gemiste voorbeelden van {label}={value}, in {has} met deze waarde en in {not} andere",
                    place.name()
                );
                edits.extend(self.edit(&place, group, why));
            }
        }
        edits
    }

    /// Where words for a value belong: the rule for it that holds most patterns, or the body.
    fn place_for(&self, label: &str, value: &str) -> Option<PlaceFor> {
        if label == "complained_about" {
            return Some(PlaceFor::Body(value.to_owned()));
        }
        let rules =
            self.rules.rules().filter(|rule| rule.label == label && rule.value == value && rule.weight > 0.0);
        rules.max_by_key(|rule| rule.any.len()).map(|rule| PlaceFor::Rule(rule.id.clone()))
    }

    fn edit(&self, place: &PlaceFor, words: &str, why: String) -> Option<Edit> {
        let (file, id) = match place {
            PlaceFor::Rule(id) => id.split_once('/').map(|(stem, id)| (format!("{stem}.toml"), id))?,
            PlaceFor::Body(id) => ("organisations.toml".to_owned(), id.as_str()),
        };
        let (_, old) = self.rules.files().iter().find(|(name, _)| *name == file)?;
        let new = match place {
            PlaceFor::Rule(_) => with_pattern(old, id, words)?,
            PlaceFor::Body(_) => with_hint(old, id, words)?,
        };
        Some(Edit { why, file, old: old.clone(), new })
    }

    /// Other weights for the rules that stand behind the most mistakes, where they turn out better.
    fn weights(&self, missed: &Missed) -> Vec<Edit> {
        let mut behind: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        let labels: BTreeMap<usize, BTreeSet<&str>> =
            missed.iter().fold(BTreeMap::new(), |mut labels, (index, label, _)| {
                labels.entry(*index).or_insert_with(BTreeSet::new).insert(*label);
                labels
            });
        for (index, labels) in labels {
            let Some((item, office)) = self.items.get(index) else { continue };
            let got = judge(&item.extract, item.channel, item.received, office, self.rules);
            for finding in &got.findings {
                let label = finding.concludes.split('=').next().unwrap_or_default();
                let scope = matches!(label, "complained_about" | "mentioned_only" | "target" | "several");
                if labels.contains(label) || (scope && labels.contains("scope")) {
                    behind.entry(finding.rule.clone()).or_default().insert(index);
                }
            }
        }
        let mut behind: Vec<_> =
            behind.into_iter().filter(|(_, indexes)| indexes.len() >= SUPPORT_MIN).collect();
        behind.sort_by_key(|(_, indexes)| std::cmp::Reverse(indexes.len()));
        let mut edits = Vec::new();
        let rules = behind
            .into_iter()
            .filter_map(|(id, of)| Some((self.rules.rules().find(|rule| rule.id == id)?, of)));
        for (rule, of) in rules.take(RULES_TRIED) {
            let mut best: Option<(i64, f64)> = None;
            for factor in FACTORS {
                let weight = (rule.weight * factor * 100.0).round() / 100.0;
                let Some(tried) = self.rules.with_weight(&rule.id, weight) else { continue };
                let worth = self.score(&tried).worth();
                if worth > best.map_or(self.now.worth(), |(best, _)| best) {
                    best = Some((worth, weight));
                }
            }
            let Some((_, weight)) = best else { continue };
            let Some((stem, id)) = rule.id.split_once('/') else { continue };
            let file = format!("{stem}.toml");
            let Some((_, old)) = self.rules.files().iter().find(|(name, _)| *name == file) else { continue };
            let Some(new) = with_weight(old, id, weight) else { continue };
            let why = format!(
                "gewicht van {} van {} naar {weight}: de regel speelt mee in {} voorbeelden die nu anders uitkomen dan ze horen",
                rule.id,
                rule.weight,
                of.len()
            );
            edits.push(Edit { why, file, old: old.clone(), new });
        }
        edits
    }

    fn score(&self, rules: &Ruleset) -> Score {
        let mut score = Score::default();
        for (item, office) in &self.items {
            score.add(&item.gold, &judge(&item.extract, item.channel, item.received, office, rules));
        }
        score
    }

    /// The edit as a proposal, when it makes more right than wrong and harms nobody.
    fn try_edit(&self, edit: Edit) -> Option<Proposal> {
        let files = self.rules.files().iter().map(|(name, text)| {
            (name.clone(), if *name == edit.file { edit.new.clone() } else { text.clone() })
        });
        let tried = Ruleset::from_files(files.collect()).ok()?;
        let (mut comparison, mut then) = (Comparison::default(), Score::default());
        for (item, office) in &self.items {
            comparison.add(item, (self.rules, office), (&tried, office));
            then.add(&item.gold, &judge(&item.extract, item.channel, item.received, office, &tried));
        }
        let (better, worse) = comparison.better_and_worse();
        let helped = comparison
            .changed
            .iter()
            .filter(|changed| changed.changes.iter().any(|one| one.better == Some(true)));
        let harms = then.turned_away.0 > self.now.turned_away.0 || then.told_away > self.now.told_away;
        if helped.count() < SUPPORT_MIN || better <= worse || harms || then.worth() <= self.now.worth() {
            return None;
        }
        if tried.failed_examples().iter().any(|line| !self.failed_now.contains(line)) {
            return None;
        }
        let diff = unified(&edit.file, &edit.old, &edit.new);
        Some(Proposal { why: edit.why, diff, changed: comparison.changed, better, worse, then })
    }
}

/// Where proposed words would stand.
enum PlaceFor {
    Rule(String),
    Body(String),
}

impl PlaceFor {
    fn name(&self) -> String {
        match self {
            PlaceFor::Rule(id) => format!("de regel {id}"),
            PlaceFor::Body(id) => format!("de instantie {id} (hints)"),
        }
    }
}

/// One to three words in a row that say something: at least one of six letters.
fn groups_of(sentence: &str) -> Vec<String> {
    let words: Vec<&str> =
        sentence.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut groups = Vec::new();
    // Words that were parted by more than a space are no group.
    for size in 1..=GROUP_WORDS {
        for group in words.windows(size) {
            let joined = group.join(" ");
            let telling =
                group.iter().any(|word| word.len() >= 6 && word.chars().all(|c| c.is_ascii_lowercase()));
            if telling && sentence.contains(&joined) {
                groups.push(joined);
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_words_in_a_row() {
        let groups = groups_of("de man, hij lachte mij uit");
        assert!(groups.contains(&"lachte".to_owned()) && groups.contains(&"lachte mij uit".to_owned()));
        assert!(!groups.contains(&"man hij lachte".to_owned()), "a comma stands between");
        assert!(groups_of("ik ga om").is_empty());
    }
}
