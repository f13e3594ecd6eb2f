//! All rules over all sentences at once: one pass finds the words that rules need, and only patterns whose
//! words are there, in their order, are tried on a sentence.
//!
//! Invariant: work is bounded by the length of the text times the rules that could match, never by how
//! rules and text play together.

use super::pattern::Pattern;
use super::reading::{Reading, Sentence};
use super::rules::Rule;
use super::scan::{Lexicon, LexiconMaker, Needs, Scan};
use crate::record::Finding;
use std::cell::OnceCell;
use std::ops::Range;

/// Rules with the index of the words they need.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    pub rules: Vec<Rule>,
    lexicon: Lexicon,
    /// Every pattern of every rule's `any`.
    plans: Vec<Plan>,
    /// For each set of words, the patterns that are tried when one of them is there.
    needed_by: Vec<Vec<u32>>,
    /// Patterns of which nothing is known.
    always: Vec<u32>,
    /// What the patterns in `with` and `unless` of each rule need.
    conditions: Vec<Conditions>,
}

/// One pattern of one rule, by index, and what it needs.
#[derive(Clone, Debug)]
struct Plan {
    rule: u32,
    pattern: u32,
    needs: Needs,
}

#[derive(Clone, Debug)]
struct Conditions {
    with: Vec<Needs>,
    unless: Vec<Needs>,
}

/// A rule that could match in a text, and the patterns of it that could.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub rule: usize,
    any: Vec<u32>,
    with: Vec<u32>,
    unless: Vec<u32>,
}

/// A rule that could match in one text, and where it does, once that was asked.
#[derive(Clone, Debug)]
pub struct Said {
    pub candidate: Candidate,
    range: OnceCell<Option<Range<usize>>>,
}

/// What is used again for each sentence.
#[derive(Default)]
pub struct Scratch {
    scan: Scan,
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
    /// Indexes the rules. What their patterns need stands in the index from then on and
    /// goes from the patterns.
    ///
    /// # Errors
    /// A Dutch sentence when there are too many rules for an index.
    pub fn new(mut rules: Vec<Rule>) -> Result<Self, String> {
        let mut lexicon = LexiconMaker::default();
        let mut plans = Vec::new();
        let mut keys = Vec::new();
        let number = |n: usize| u32::try_from(n).map_err(|_| "Te veel regels.".to_owned());
        for (at, rule) in rules.iter_mut().enumerate() {
            for (nth, pattern) in rule.any.iter_mut().enumerate() {
                let needs = std::mem::take(&mut pattern.needs);
                keys.push((number(plans.len())?, lexicon.key(&needs)));
                plans.push(Plan { rule: number(at)?, pattern: number(nth)?, needs: lexicon.take(&needs) });
            }
        }
        let mut take = |patterns: &mut [Pattern]| {
            patterns.iter_mut().map(|one| lexicon.take(&std::mem::take(&mut one.needs))).collect()
        };
        let conditions = rules
            .iter_mut()
            .map(|rule| Conditions { with: take(&mut rule.with), unless: take(&mut rule.unless) })
            .collect();
        let lexicon = lexicon.finish();
        let mut needed_by = vec![Vec::new(); lexicon.set_count()];
        let mut always = Vec::new();
        for (plan, key) in keys {
            match key.and_then(|set| needed_by.get_mut(set as usize)) {
                Some(plans) => plans.push(plan),
                None => always.push(plan),
            }
        }
        Ok(Self { rules, lexicon, plans, needed_by, always, conditions })
    }

    /// The patterns that could match in a folded text, in order of their rules. Costs what the text holds, not what
    /// there are rules.
    fn find_plans(&self, text: &str, Scratch { scan, plans }: &mut Scratch) {
        self.lexicon.scan(text, scan);
        plans.clear();
        plans.extend_from_slice(&self.always);
        for set in &scan.met {
            for plan in self.needed_by.get(*set as usize).into_iter().flatten() {
                let needs = self.plans.get(*plan as usize).map(|plan| &plan.needs);
                if needs.is_some_and(|needs| self.lexicon.holds(scan, needs)) {
                    plans.push(*plan);
                }
            }
        }
        plans.sort_unstable();
    }

    /// Tells the rules that could match in a folded text, in order, of those that are wanted.
    fn each_candidate(
        &self,
        text: &str,
        scratch: &mut Scratch,
        wanted: impl Fn(&Rule) -> bool,
        mut tell: impl FnMut(&Rule, Candidate),
    ) {
        self.find_plans(text, scratch);
        let of_rule = |plan: &u32| self.plans.get(*plan as usize).map_or(u32::MAX, |plan| plan.rule);
        let Scratch { scan, plans } = scratch;
        for plans in plans.chunk_by(|a, b| of_rule(a) == of_rule(b)) {
            let at = plans.first().map_or(u32::MAX, of_rule) as usize;
            let (Some(rule), Some(conditions)) = (self.rules.get(at), self.conditions.get(at)) else {
                continue;
            };
            if !wanted(rule) {
                continue;
            }
            let held = |needs: &[Needs]| -> Vec<u32> {
                (0..)
                    .zip(needs)
                    .filter(|(_, needs)| self.lexicon.holds(scan, needs))
                    .map(|(at, _)| at)
                    .collect()
            };
            let with = held(&conditions.with);
            if with.is_empty() && !rule.with.is_empty() {
                continue;
            }
            let any = plans.iter().filter_map(|plan| self.plans.get(*plan as usize)).map(|plan| plan.pattern);
            tell(rule, Candidate { rule: at, any: any.collect(), with, unless: held(&conditions.unless) });
        }
    }

    /// The rules that could match in a folded text, in order.
    pub fn candidates(&self, text: &str, scratch: &mut Scratch) -> Vec<Said> {
        let mut candidates = Vec::new();
        let mut keep = |_: &Rule, candidate| candidates.push(Said { candidate, range: OnceCell::new() });
        self.each_candidate(text, scratch, |_| true, &mut keep);
        candidates
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
            let text = sentence.text.as_str();
            let here = |rule: &Rule| rule.looks_at(reading, sentence);
            self.each_candidate(text, &mut scratch, here, |rule, candidate| {
                if let Some(range) = candidate.find(rule, text) {
                    hits.push(Hit { rule: candidate.rule, sentence: index, range });
                }
            });
        }
        Hits { rules: &self.rules, hits }
    }
}

impl Candidate {
    /// The first match of its rule in the text, or in a part of it that begins and ends between words, if the rule's
    /// conditions hold there.
    pub fn find(&self, rule: &Rule, text: &str) -> Option<Range<usize>> {
        let found =
            self.patterns(rule).filter_map(|pattern| pattern.find(text)).min_by_key(|found| found.start)?;
        let holds =
            |patterns: &[Pattern], which: &[u32]| some(patterns, which).any(|pattern| pattern.is_match(text));
        if (!rule.with.is_empty() && !holds(&rule.with, &self.with)) || holds(&rule.unless, &self.unless) {
            return None;
        }
        Some(found)
    }

    /// The patterns of its rule's `any` that could match.
    pub fn patterns<'a>(&'a self, rule: &'a Rule) -> impl Iterator<Item = &'a Pattern> {
        some(&rule.any, &self.any)
    }
}

impl Said {
    /// The first match of the rule in the text, if its conditions hold there.
    pub fn find(&self, rule: &Rule, text: &str) -> Option<Range<usize>> {
        self.range.get_or_init(|| self.candidate.find(rule, text)).clone()
    }
}

fn some<'a>(patterns: &'a [Pattern], which: &'a [u32]) -> impl Iterator<Item = &'a Pattern> {
    which.iter().filter_map(|at| patterns.get(*at as usize))
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
