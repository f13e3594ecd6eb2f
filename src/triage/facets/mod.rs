//! Labels that do not need to know who the body is: what was done first, how long ago, what kind of
//! thing, who writes and for whom, urgency, automatic mail, language. One file a label.
//!
//! The words and weights stand in `rules/<label>.toml`; these files hold only how evidence is put together.
//! Rules here conclude half-way values (`complained=done`), which a file turns into the label of the
//! contract; the findings that are handed on name that label.

mod anonymous;
mod automatic;
mod dates;
mod first_complained;
mod follow_up;
mod kind;
mod language;
mod multiple;
mod older;
mod on_behalf;
mod urgent;
mod when;
mod writer;

pub use first_complained::{Named, judge_part as first_complained_of_part};
pub use when::When;

use super::matching::{Hit, Hits};
use super::reading::{Place, Reading};
use super::rules::Rule;
use super::towns::Towns;
use crate::record::{Automatic, Finding, FirstComplained, Kind, Office, OlderThanYear, OnBehalf, Writer};

/// What the facets concluded, with the findings they rest on.
#[derive(Clone, Debug)]
pub struct Facets {
    pub writer: Writer,
    pub language: String,
    pub automatic: Option<Automatic>,
    pub first_complained: FirstComplained,
    pub older_than_year: OlderThanYear,
    pub kind: Kind,
    /// Not a complaint at all: thanks, a question, an advertisement. Scope is then `none`.
    pub no_complaint: bool,
    pub anonymous: bool,
    pub on_behalf: OnBehalf,
    pub multiple: bool,
    pub urgent: bool,
    pub follow_up: bool,
    pub findings: Vec<Finding>,
}

pub fn judge(reading: &Reading<'_>, hits: &Hits<'_>, office: &Office, towns: &Towns) -> Facets {
    let mut findings = Vec::new();
    let evidence = Evidence { reading, hits };
    let automatic = automatic::judge(&evidence, office, &mut findings);
    let writer = writer::read(reading, office, towns);
    let language = language::judge(reading);
    let (kind, no_complaint) = kind::judge(&evidence, automatic.is_some(), &mut findings);
    let (first_complained, rests_on) =
        first_complained::judge_within(reading, hits, term_days(office), &|_| true);
    findings.extend(rests_on);
    if automatic.is_none() {
        dates::tell(&evidence, &mut findings);
    }
    Facets {
        first_complained,
        older_than_year: older::judge(&evidence, kind, &mut findings),
        anonymous: automatic.is_none() && anonymous::judge(&evidence, &writer, &mut findings),
        on_behalf: if automatic.is_some() {
            OnBehalf::No
        } else {
            on_behalf::judge(&evidence, &mut findings)
        },
        multiple: automatic.is_none() && multiple::judge(&evidence, &mut findings),
        urgent: automatic.is_none() && urgent::judge(&evidence, &mut findings),
        follow_up: follow_up::judge(&evidence, &mut findings),
        no_complaint: no_complaint || automatic.is_some(),
        writer,
        language,
        automatic,
        kind,
        findings,
    }
}

/// Days that a body has to answer a complaint, by the configuration of the office.
pub fn term_days(office: &Office) -> i64 {
    i64::from(office.procedure.weeks_to_answer()) * 7
}

/// The reading with the rules that matched in it.
pub(super) struct Evidence<'e> {
    pub reading: &'e Reading<'e>,
    pub hits: &'e Hits<'e>,
}

impl Evidence<'_> {
    /// Weight for a half-way value, each rule counted once.
    fn weight(&self, label: &str, value: &str) -> f64 {
        self.hits.weight(label, value)
    }

    /// Sentences in which a rule for a half-way value matched.
    fn sentences(&self, label: &str, value: &str) -> Vec<usize> {
        let mut found: Vec<usize> = self
            .hits
            .on(label)
            .filter(|(rule, _)| rule.value == value)
            .map(|(_, hit)| hit.sentence)
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The findings for a half-way value, told as the conclusion of the contract.
    fn tell(&self, label: &str, value: &str, concludes: &str, into: &mut Vec<Finding>) {
        into.extend(self.hits.findings(label, value, self.reading).into_iter().map(|mut finding| {
            concludes.clone_into(&mut finding.concludes);
            finding
        }));
    }

    fn place(&self, sentence: usize) -> Option<Place> {
        self.reading.sentences.get(sentence).map(|sentence| sentence.place)
    }
}

/// One finding, told as a conclusion of the contract.
fn told(rule: &Rule, hit: &Hit, hits: &Hits<'_>, reading: &Reading<'_>, concludes: &str) -> Finding {
    let mut finding = hits.finding(rule, hit, reading);
    concludes.clone_into(&mut finding.concludes);
    finding
}
