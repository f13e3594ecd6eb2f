//! What a text says of each body, added up.

use super::organisations::Strength;
use super::reading::Sentence;
use crate::record::Finding;
use std::ops::Range;

/// What the text says of one body.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    pub org: usize,
    pub named: f64,
    /// From rules that say it is complained about.
    pub complained: f64,
    pub negative: f64,
    pub positive: f64,
    /// From rules that say it is not.
    pub excused: f64,
    pub strongest: Option<Strength>,
    /// Named outside signature and disclaimer.
    pub findings: Vec<Finding>,
}

impl Standing {
    /// All evidence added up.
    pub fn score(&self) -> f64 {
        self.named + self.complained + self.negative - self.positive - self.excused
    }

    /// How heavily it stands as a rival: only a share of being named counts.
    pub fn against(&self, named_share: f64) -> f64 {
        self.score() - self.named * (1.0 - named_share)
    }
}

/// What a whole reading says of bodies.
#[derive(Clone, Debug, Default)]
pub struct Standings {
    pub all: Vec<Standing>,
    /// How heavily headings say that there are several complaints.
    pub several: f64,
}

/// Adds evidence for a body; each rule is one finding.
pub fn add_finding(
    standing: &mut Standing,
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
