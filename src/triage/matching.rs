//! All rules over all sentences at once: one pass finds the words that rules need, and only rules whose
//! words are there are tried on a sentence.
//!
//! Invariant: work is bounded by the length of the text times the rules that could match, never by how
//! rules and text play together.

use super::reading::{Reading, Sentence};
use super::rules::Rule;
use crate::record::Finding;
use aho_corasick::AhoCorasick;
use std::ops::Range;

/// Rules with the index of the words they need.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    pub rules: Vec<Rule>,
    words: Option<AhoCorasick>,
    /// Every pattern of every rule.
    plans: Vec<Plan>,
    /// For each word, the patterns that are tried when it is there.
    needed_by: Vec<Vec<u32>>,
    /// Patterns without needed words.
    always: Vec<u32>,
}

/// One pattern of one rule, by index, and sets of words (by index) of each of which one must be there too.
#[derive(Clone, Debug)]
struct Plan {
    rule: u32,
    pattern: u32,
    /// In order.
    also: Vec<Vec<u32>>,
}

/// What is used again for each sentence: the words that stand in it, in order, and the patterns to try.
#[derive(Default)]
struct Scratch {
    words: Vec<u32>,
    plans: Vec<u32>,
}

/// A rule that matched in a sentence, by index of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    pub rule: usize,
    pub sentence: usize,
    /// Bytes of the folded text of the sentence.
    pub range: Range<usize>,
}

/// All matches in one reading.
#[derive(Clone, Debug)]
pub struct Hits<'r> {
    rules: &'r [Rule],
    hits: Vec<Hit>,
}

impl Matcher {
    /// Indexes the rules.
    ///
    /// # Errors
    /// A Dutch sentence when the words together are too many for an index.
    pub fn new(rules: Vec<Rule>) -> Result<Self, String> {
        let mut index = Words::default();
        let mut plans = Vec::new();
        let mut needed_by: Vec<Vec<u32>> = Vec::new();
        let mut always = Vec::new();
        let number = |n: usize| u32::try_from(n).map_err(|_| "Te veel regels.".to_owned());
        for (at, rule) in rules.iter().enumerate() {
            for (nth, pattern) in rule.any.iter().enumerate() {
                let plan = number(plans.len())?;
                let in_order = |mut set: Vec<u32>| {
                    set.sort_unstable();
                    set
                };
                let also = pattern.also_needs.iter().map(|set| in_order(index.all(set))).collect();
                plans.push(Plan { rule: number(at)?, pattern: number(nth)?, also });
                for word in index.all(&pattern.needs) {
                    let word = word as usize;
                    if needed_by.len() <= word {
                        needed_by.resize(word + 1, Vec::new());
                    }
                    if let Some(plans) = needed_by.get_mut(word) {
                        plans.push(plan);
                    }
                }
                if pattern.needs.is_empty() {
                    always.push(plan);
                }
            }
        }
        let word_count = index.words.len();
        needed_by.resize(word_count, Vec::new());
        let words = if index.words.is_empty() {
            None
        } else {
            let built = AhoCorasick::new(&index.words);
            Some(built.map_err(|error| format!("Te veel woorden in de regels ({error})."))?)
        };
        Ok(Self { rules, words, plans, needed_by, always })
    }

    /// The rules that could match in a folded text, in order.
    #[allow(dead_code, reason = "for rules that look at marked text")]
    pub fn candidates(&self, text: &str, into: &mut Vec<u32>) {
        let mut scratch = Scratch::default();
        self.find_plans(text, &mut scratch);
        into.clear();
        into.extend(
            scratch.plans.iter().filter_map(|plan| self.plans.get(*plan as usize)).map(|plan| plan.rule),
        );
        into.dedup();
    }

    /// The patterns that could match in a folded text, in order of their rules. Costs what the text holds, not what
    /// there are rules.
    fn find_plans(&self, text: &str, scratch: &mut Scratch) {
        let Scratch { words: there, plans } = scratch;
        plans.clear();
        plans.extend_from_slice(&self.always);
        there.clear();
        let Some(words) = &self.words else { return };
        there.extend(words.find_overlapping_iter(text).map(|found| found.pattern().as_u32()));
        there.sort_unstable();
        there.dedup();
        for word in there.iter() {
            if let Some(needing) = self.needed_by.get(*word as usize) {
                plans.extend_from_slice(needing);
            }
        }
        plans.sort_unstable();
        plans.dedup();
        let meets = |set: &Vec<u32>| {
            let (few, many) = if set.len() < there.len() { (set, &*there) } else { (&*there, set) };
            few.iter().any(|word| many.binary_search(word).is_ok())
        };
        plans.retain(|plan| self.plans.get(*plan as usize).is_some_and(|plan| plan.also.iter().all(meets)));
    }

    /// Bytes that patterns are tried on in a folded text, and those of the one pass that finds the words.
    pub fn work(&self, text: &str) -> usize {
        let mut scratch = Scratch::default();
        self.find_plans(text, &mut scratch);
        text.len() * (1 + scratch.plans.len())
    }

    /// Tries all rules on all sentences, each in its places.
    pub fn hits(&self, reading: &Reading<'_>) -> Hits<'_> {
        let mut hits = Vec::new();
        let mut scratch = Scratch::default();
        for (index, sentence) in reading.sentences.iter().enumerate() {
            self.find_plans(&sentence.text, &mut scratch);
            let of_rule = |plan: &u32| self.plans.get(*plan as usize).map_or(u32::MAX, |plan| plan.rule);
            for plans in scratch.plans.chunk_by(|a, b| of_rule(a) == of_rule(b)) {
                let rule_index = plans.first().map_or(u32::MAX, of_rule) as usize;
                let Some(rule) = self.rules.get(rule_index) else { continue };
                if !rule.looks_at(reading, sentence) {
                    continue;
                }
                let patterns = plans.iter().filter_map(|plan| {
                    let plan = self.plans.get(*plan as usize)?;
                    rule.any.get(plan.pattern as usize)
                });
                if let Some(range) = rule.find_among(patterns, &sentence.text) {
                    hits.push(Hit { rule: rule_index, sentence: index, range });
                }
            }
        }
        Hits { rules: &self.rules, hits }
    }
}

/// The words that patterns need, each once.
#[derive(Default)]
struct Words {
    words: Vec<String>,
    places: std::collections::HashMap<String, u32>,
}

impl Words {
    fn all(&mut self, words: &[String]) -> Vec<u32> {
        words
            .iter()
            .map(|word| {
                if let Some(place) = self.places.get(word) {
                    return *place;
                }
                let place = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
                self.places.insert(word.clone(), place);
                self.words.push(word.clone());
                place
            })
            .collect()
    }
}

impl<'r> Hits<'r> {
    /// All rules, for those that look at something else than a sentence (the name of the sender).
    pub fn rules(&self) -> &'r [Rule] {
        self.rules
    }

    /// Every hit, in reading order.
    pub fn iter(&self) -> impl Iterator<Item = (&'r Rule, &Hit)> {
        self.hits.iter().filter_map(|hit| Some((self.rules.get(hit.rule)?, hit)))
    }

    /// The hits on one label, such as `urgent`.
    pub fn on<'a>(&'a self, label: &'a str) -> impl Iterator<Item = (&'r Rule, &'a Hit)> {
        self.iter().filter(move |(rule, _)| rule.label == label)
    }

    /// The sum of the weights of hits on `label=value`, each rule counted once.
    pub fn weight(&self, label: &str, value: &str) -> f64 {
        let mut seen = Vec::new();
        let mut sum = 0.0;
        for (rule, hit) in self.on(label).filter(|(rule, _)| rule.value == value) {
            if !seen.contains(&hit.rule) {
                seen.push(hit.rule);
                sum += rule.weight;
            }
        }
        sum
    }

    /// The finding that a hit makes.
    pub fn finding(&self, rule: &Rule, hit: &Hit, reading: &Reading<'_>) -> Finding {
        finding(rule, reading.sentences.get(hit.sentence), &hit.range)
    }

    /// One finding for each rule that concluded `label=value`, with all its evidence.
    pub fn findings(&self, label: &str, value: &str, reading: &Reading<'_>) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        for (rule, hit) in self.on(label).filter(|(rule, _)| rule.value == value) {
            let one = self.finding(rule, hit, reading);
            match findings.iter_mut().find(|finding| finding.rule == rule.id) {
                Some(finding) => finding.evidence.extend(one.evidence),
                None => findings.push(one),
            }
        }
        findings
    }
}

/// A finding with evidence in a sentence; in the subject, which is no document, without a position.
pub fn finding(rule: &Rule, sentence: Option<&Sentence<'_>>, range: &Range<usize>) -> Finding {
    Finding {
        rule: rule.id.clone(),
        concludes: format!("{}={}", rule.label, rule.value),
        weight: rule.weight,
        evidence: sentence.and_then(|sentence| sentence.evidence(range)).into_iter().collect(),
        reason: rule.reason.clone(),
    }
}
