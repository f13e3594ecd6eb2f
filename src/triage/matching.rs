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
    /// For each word, the rules that need it.
    needed_by: Vec<Vec<u32>>,
    /// Rules without needed words.
    always: Vec<u32>,
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
        let mut words: Vec<String> = Vec::new();
        let mut places = std::collections::BTreeMap::<String, usize>::new();
        let mut needed_by: Vec<Vec<u32>> = Vec::new();
        let mut always = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let index = u32::try_from(index).map_err(|_| "Te veel regels.".to_owned())?;
            if rule.any.iter().any(|pattern| pattern.needs.is_empty()) {
                always.push(index);
                continue;
            }
            for need in rule.any.iter().flat_map(|pattern| &pattern.needs) {
                let at = *places.entry(need.clone()).or_insert_with(|| {
                    words.push(need.clone());
                    needed_by.push(Vec::new());
                    words.len() - 1
                });
                if let Some(rules) = needed_by.get_mut(at)
                    && rules.last() != Some(&index)
                {
                    rules.push(index);
                }
            }
        }
        let index = if words.is_empty() {
            None
        } else {
            Some(
                AhoCorasick::new(&words)
                    .map_err(|error| format!("Te veel woorden in de regels ({error})."))?,
            )
        };
        Ok(Self { rules, words: index, needed_by, always })
    }

    /// The rules that could match in a folded text, in order.
    pub fn candidates(&self, text: &str, into: &mut Vec<u32>) {
        into.clear();
        into.extend_from_slice(&self.always);
        if let Some(words) = &self.words {
            for found in words.find_overlapping_iter(text) {
                if let Some(rules) = self.needed_by.get(found.pattern().as_usize()) {
                    into.extend_from_slice(rules);
                }
            }
        }
        into.sort_unstable();
        into.dedup();
    }

    /// Tries all rules on all sentences, each in its places.
    pub fn hits(&self, reading: &Reading<'_>) -> Hits<'_> {
        let mut hits = Vec::new();
        let mut candidates = Vec::new();
        for (index, sentence) in reading.sentences.iter().enumerate() {
            self.candidates(&sentence.text, &mut candidates);
            for &rule_index in &candidates {
                let Some(rule) = self.rules.get(rule_index as usize) else { continue };
                if !rule.looks_at(reading, sentence) {
                    continue;
                }
                if let Some(range) = rule.find(&sentence.text) {
                    hits.push(Hit { rule: rule_index as usize, sentence: index, range });
                }
            }
        }
        Hits { rules: &self.rules, hits }
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
