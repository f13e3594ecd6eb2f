//! What an office is and promises: plain data, read from `config/<office>.toml`. Nothing about one office
//! stands in code.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// First line handles complaints about its own municipality (Awb title 9.1); second line is an ombudsman
/// (Awb title 9.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    First,
    Second,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Office {
    /// `den-haag`, `amsterdam`, `deventer`, `haarlem`, `nationale-ombudsman`.
    pub id: String,
    /// The full name, as under a letter.
    pub name: String,
    /// The name within a sentence: "de ombudsman".
    pub short_name: String,
    pub line: Line,
    pub competence: Competence,
    pub procedure: Procedure,
    pub contact: Contact,
    /// Further texts that this office's templates use, by name.
    #[serde(default)]
    pub texts: BTreeMap<String, String>,
}

/// About whom this office may handle a complaint. Ids of `rules/organisations.toml`; a `*` at the end stands
/// for any ending (`gemeente-*`). `outside` beats `within`; what is in neither is outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Competence {
    /// About these.
    pub within: Vec<String>,
    /// The exceptions.
    #[serde(default)]
    pub outside: Vec<String>,
    /// Whom a writer means who only says "de gemeente". Empty for a national office.
    #[serde(default)]
    pub home: Vec<String>,
}

/// The procedure as the office's own page tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Procedure {
    /// Must the body itself have had the complaint first (Awb 9:20)?
    pub complain_first: bool,
    /// How long the body may take before the ombudsman can be asked; the office's own reading.
    #[serde(default)]
    pub body_weeks: Option<u32>,
    /// Older than a year is mostly not handled: a flag for staff, never a refusal (Awb 9:24).
    #[serde(default)]
    pub one_year: bool,
    /// Anonymous complaints cannot be handled.
    #[serde(default)]
    pub name_needed: bool,
    /// Promises of the office to the citizen and terms of the law that it is held to.
    pub promises: Vec<Promise>,
    /// The least certainty (0 to 1) for a scope that staff are shown; below it the judgement is `unclear`.
    pub certainty_min: f64,
    /// The least certainty for telling the citizen "probably not here".
    pub tell_citizen_min: f64,
}

/// Six weeks (Awb 9:11 lid 1), where the configuration names no term of its own.
const BODY_WEEKS: u32 = 6;

impl Procedure {
    /// Weeks that a body has to answer a complaint.
    pub fn weeks_to_answer(&self) -> u32 {
        self.body_weeks.unwrap_or(BODY_WEEKS)
    }
}

/// One promise or term.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    /// `contact`, `decision`, `decision-extended`, `not-handled-notice`.
    pub name: String,
    /// How many of the unit.
    pub count: u32,
    /// Of the term.
    pub unit: Unit,
    /// Set by law (the Algemene termijnenwet moves the end) or by the office's own page (it does not).
    pub term: Term,
    /// As shown to staff: `5 werkdagen`, `Awb 9:11 lid 1`.
    pub basis: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    WorkingDays,
    Days,
    Weeks,
    Years,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Term {
    Law,
    Page,
}

/// How a citizen reaches the office.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// As citizens are told it.
    #[serde(default)]
    pub phone: Option<String>,
    /// When it is answered.
    #[serde(default)]
    pub phone_hours: Option<String>,
    /// As citizens are told it.
    #[serde(default)]
    pub email: Option<String>,
    /// Lines of the postal address, without the name; above a letter and for its return address.
    #[serde(default)]
    pub post: Vec<String>,
    /// As citizens are told it.
    #[serde(default)]
    pub web: Option<String>,
}

impl Competence {
    /// May the office handle a complaint about this organisation?
    pub fn covers(&self, organisation: &str) -> bool {
        let matches = |pattern: &String| match pattern.strip_suffix('*') {
            Some(stem) => organisation.starts_with(stem),
            None => organisation == pattern,
        };
        self.within.iter().any(matches) && !self.outside.iter().any(matches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_beats_within() {
        let competence = Competence {
            within: vec!["uwv".into(), "gemeente-*".into()],
            outside: vec!["gemeente-den-haag".into()],
            home: vec![],
        };
        assert!(competence.covers("uwv"));
        assert!(competence.covers("gemeente-deventer"));
        assert!(!competence.covers("gemeente-den-haag"));
        assert!(!competence.covers("bank"));
    }
}
