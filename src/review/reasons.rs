//! Why the judgement is what it is: the findings put together by what they conclude, so that staff see a few
//! conclusions with their sentences, and the text carries a few numbers.
//!
//! Invariant: every finding is told, with its weight; every stretch of evidence is marked, with the number of
//! its conclusion.

use super::marking::one_line;
use super::words::{self, Names};
use crate::record::{Evidence, Finding};
use serde::Serialize;

/// Conclusions that stand open; the others are folded.
const OPEN_MAX: usize = 6;
/// Sentences of one conclusion that stand open.
const REASONS_MAX: usize = 3;
/// Links from one finding to its places.
const PLACES_MAX: usize = 4;

/// All findings for one conclusion, the heaviest first.
pub struct Conclusion<'a> {
    text: String,
    findings: Vec<&'a Finding>,
    weight: f64,
}

#[derive(Serialize)]
pub struct ConclusionView {
    /// Stands in the text beside its evidence.
    pub number: usize,
    pub text: String,
    pub weight: &'static str,
    pub points: String,
    pub against: bool,
    /// Too light to stand open.
    pub minor: bool,
    pub reasons: Vec<ReasonView>,
    pub more: Vec<ReasonView>,
}

#[derive(Serialize)]
pub struct ReasonView {
    pub text: String,
    pub points: String,
    pub places: Vec<Place>,
}

/// A place in the text: where the link goes and the words there.
#[derive(Serialize)]
pub struct Place {
    pub anchor: String,
    pub text: String,
}

/// Puts the findings together; the weightiest conclusion first.
pub fn conclude<'a>(findings: &'a [Finding], names: &Names) -> Vec<Conclusion<'a>> {
    let mut conclusions: Vec<Conclusion<'a>> = Vec::new();
    for finding in findings {
        let text = words::conclusion(finding, names);
        match conclusions.iter_mut().find(|known| known.text == text) {
            Some(known) => {
                known.findings.push(finding);
                known.weight += finding.weight;
            }
            None => conclusions.push(Conclusion { text, findings: vec![finding], weight: finding.weight }),
        }
    }
    for conclusion in &mut conclusions {
        conclusion.findings.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    }
    conclusions.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    conclusions
}

/// What is marked in the text: one finding for each conclusion, with its evidence run together.
pub fn marks(conclusions: &[Conclusion<'_>]) -> Vec<Finding> {
    conclusions
        .iter()
        .map(|conclusion| Finding {
            rule: String::new(),
            concludes: String::new(),
            weight: conclusion.weight,
            evidence: run_together(&conclusion.findings),
            reason: conclusion.text.clone(),
        })
        .collect()
}

/// Evidence that overlaps or touches is one stretch.
fn run_together(findings: &[&Finding]) -> Vec<Evidence> {
    let mut all: Vec<Evidence> = findings.iter().flat_map(|finding| finding.evidence.clone()).collect();
    all.sort_by_key(|evidence| (evidence.document, evidence.start));
    let mut merged: Vec<Evidence> = Vec::new();
    for evidence in all.into_iter().filter(|evidence| evidence.start < evidence.end) {
        match merged.last_mut() {
            // A space between two stretches is no reason to begin again.
            Some(last) if last.document == evidence.document && evidence.start <= last.end + 1 => {
                last.end = last.end.max(evidence.end);
            }
            _ => merged.push(evidence),
        }
    }
    merged
}

/// The conclusions for the page; `piece` is the place of the judged piece on it.
pub fn views(conclusions: &[Conclusion<'_>], piece: usize) -> Vec<ConclusionView> {
    let view = |(at, conclusion): (usize, &Conclusion<'_>)| {
        let merged = run_together(&conclusion.findings);
        let reason = |finding: &&Finding| reason_view(finding, &merged, piece, at + 1);
        ConclusionView {
            number: at + 1,
            text: conclusion.text.clone(),
            weight: words::weight(conclusion.weight),
            points: points(conclusion.weight),
            against: conclusion.weight < 0.0,
            minor: at >= OPEN_MAX,
            reasons: conclusion.findings.iter().take(REASONS_MAX).map(reason).collect(),
            more: conclusion.findings.iter().skip(REASONS_MAX).map(reason).collect(),
        }
    };
    conclusions.iter().enumerate().map(view).collect()
}

fn reason_view(finding: &Finding, merged: &[Evidence], piece: usize, number: usize) -> ReasonView {
    let mut places: Vec<Place> = Vec::new();
    for evidence in &finding.evidence {
        let text: String = one_line(&evidence.text).chars().take(80).collect();
        if places.len() == PLACES_MAX || places.iter().any(|place| place.text == text) {
            continue;
        }
        let covers = |stretch: &Evidence| {
            stretch.document == evidence.document
                && stretch.start <= evidence.start
                && evidence.end <= stretch.end
        };
        if let Some(index) = merged.iter().position(covers) {
            let anchor = format!("s{piece}d{}f{number}e{}", evidence.document, index + 1);
            // Two stretches that became one need one link.
            if !places.iter().any(|place| place.anchor == anchor) {
                places.push(Place { anchor, text });
            }
        }
    }
    let text = if finding.reason.is_empty() { finding.rule.clone() } else { finding.reason.clone() };
    ReasonView { text, points: points(finding.weight), places }
}

/// `+3,2`
fn points(weight: f64) -> String {
    format!("{weight:+.1}").replace('.', ",").replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(concludes: &str, weight: f64, spans: &[(usize, usize)]) -> Finding {
        Finding {
            rule: "a/b".into(),
            concludes: concludes.into(),
            weight,
            evidence: spans
                .iter()
                .map(|&(start, end)| Evidence { document: 0, start, end, text: format!("{start}") })
                .collect(),
            reason: format!("Omdat {weight}."),
        }
    }

    #[test]
    fn findings_stand_under_what_they_conclude() {
        let findings = [
            finding("first_complained=no", 2.0, &[(40, 50)]),
            finding("complained_about=uwv", 1.0, &[(0, 5), (20, 25)]),
            finding("complained_about=uwv", 3.0, &[(6, 12), (3, 8)]),
            finding("complained_about=uwv", -0.5, &[]),
        ];
        let names =
            Names { organisations: [("uwv".to_owned(), "UWV".to_owned())].into(), ..Names::default() };
        let conclusions = conclude(&findings, &names);
        let marks = marks(&conclusions);
        let spans: Vec<(usize, usize)> = marks[0].evidence.iter().map(|e| (e.start, e.end)).collect();
        assert_eq!(spans, [(0, 12), (20, 25)], "what touches is one stretch");
        let views = views(&conclusions, 0);
        assert_eq!(views.len(), 2);
        assert_eq!((views[0].text.as_str(), views[0].points.as_str()), ("De klacht gaat over UWV", "+3,5"));
        assert_eq!(views[0].reasons.len() + views[0].more.len(), 3, "every finding is told");
        let anchors = |at: usize| -> Vec<&str> {
            views[0].reasons[at].places.iter().map(|place| place.anchor.as_str()).collect()
        };
        assert_eq!((anchors(0), anchors(1)), (vec!["s0d0f1e1"], vec!["s0d0f1e1", "s0d0f1e2"]));
    }
}
