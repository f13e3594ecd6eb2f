//! Labels that do not need to know who the body is: what was done first, how long ago, what kind of
//! thing, who writes and for whom, urgency, automatic mail, language.

mod when;

use super::matching::Hits;
use super::reading::Reading;
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

/// Judges all facets of one reading.
pub fn judge(_reading: &Reading<'_>, _hits: &Hits<'_>, _office: &Office) -> Facets {
    Facets {
        writer: Writer::default(),
        language: "nl".into(),
        automatic: None,
        first_complained: FirstComplained::Unknown,
        older_than_year: OlderThanYear::Unknown,
        kind: Kind::Conduct,
        no_complaint: false,
        anonymous: false,
        on_behalf: OnBehalf::No,
        multiple: false,
        urgent: false,
        follow_up: false,
        findings: Vec::new(),
    }
}
