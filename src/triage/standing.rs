//! What a text says of each body: amounts of evidence by name, kept apart for each part of the text.
//!
//! The name of evidence is the id of a rule, or a word of `[evidence]` in `judging.toml`; what an amount weighs
//! stands there. Nothing here decides.

use super::organisations::Strength;
use super::reading::Sentence;
use crate::record::Finding;
use std::collections::BTreeMap;
use std::ops::Range;

/// Parts of a text that are kept apart; what comes after the last belongs to it.
pub const PARTS_MAX: usize = 5;
/// The part of everything that stands outside the parts: subject, introduction, attachments.
pub const AROUND: usize = 0;

/// Amounts of evidence, by name.
pub type Amounts<'r> = BTreeMap<&'r str, f64>;

/// What one part of the text says of one body.
#[derive(Clone, Debug, Default)]
pub struct Tally<'r> {
    pub amounts: Amounts<'r>,
    /// Times named and hinted at in own words.
    pub names: f64,
    pub hints: f64,
    /// Place in the row of own sentences where it is named first and last.
    pub first: Option<usize>,
    pub last: Option<usize>,
}

impl<'r> Tally<'r> {
    /// Adds to an amount.
    pub fn add(&mut self, name: &'r str, amount: f64) {
        if amount > 0.0 {
            *self.amounts.entry(name).or_default() += amount;
        }
    }

    /// Raises an amount to at least this.
    pub fn at_least(&mut self, name: &'r str, amount: f64) {
        let known = self.amounts.entry(name).or_default();
        *known = known.max(amount);
    }

    /// Takes in what another part says.
    pub fn merge(&mut self, other: &Self) {
        for (name, amount) in &other.amounts {
            *self.amounts.entry(name).or_default() += amount;
        }
        self.names += other.names;
        self.hints += other.hints;
        self.first = self.first.into_iter().chain(other.first).min();
        self.last = self.last.max(other.last);
    }
}

/// What the text says of one body.
#[derive(Clone, Debug, Default)]
pub struct Standing<'r> {
    pub org: usize,
    /// By part, [`AROUND`] first.
    pub parts: [Tally<'r>; PARTS_MAX],
    pub strongest: Option<Strength>,
    /// Called by its own name by the writer, not only meant by a general word.
    pub named: bool,
    /// Named outside signature and disclaimer.
    pub findings: Vec<Finding>,
}

/// What a whole reading says of bodies.
#[derive(Clone, Debug, Default)]
pub struct Standings<'r> {
    pub all: Vec<Standing<'r>>,
    /// How heavily headings say that there are several complaints.
    pub several: f64,
    /// Parts of own words that the writer marks off; 1 when there are none.
    pub parts: usize,
    /// Sentences in own words: all, with a bad word, with a good word, that ask.
    pub sentences: f64,
    pub negative: f64,
    pub positive: f64,
    pub asked: f64,
    /// Sentences in own words that say when something was.
    pub dated: f64,
    /// Bodies of which somebody only guesses that it was them.
    pub guessed: Vec<usize>,
}

/// Adds evidence for a body; each rule is one finding.
pub fn add_finding(
    standing: &mut Standing<'_>,
    rule: &str,
    reason: &str,
    weight: f64,
    sentence: &Sentence<'_>,
    range: &Range<usize>,
) {
    const EVIDENCE_MAX: usize = 6;
    let evidence = sentence.evidence(range);
    match standing.findings.iter_mut().find(|finding| finding.rule == rule) {
        Some(finding) => {
            finding.weight += weight;
            if finding.evidence.len() < EVIDENCE_MAX {
                finding.evidence.extend(evidence);
            }
        }
        None => standing.findings.push(Finding {
            rule: rule.to_owned(),
            concludes: String::new(),
            weight,
            evidence: evidence.into_iter().collect(),
            reason: reason.to_owned(),
        }),
    }
}
