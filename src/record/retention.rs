//! How long what is kept (ISO 15489: retention; Archiefwet 1995 art. 5: a selection list): a term for each outcome, with the
//! list and number that it rests on.

use crate::limits::RETENTION_YEARS_MAX;
use jiff::ToSpan;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// What a case or piece became, as far as the term goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetentionClass {
    /// Taken up: handled by the body, or investigated by the ombudsman.
    TakenUp,
    /// Referred, not admissible.
    Referred,
    NotAComplaint,
    /// Kept as a signal.
    Signal,
    /// More was asked of the citizen, and nothing came: broken off.
    AskedForMore,
    /// Set aside: a machine's message.
    Automatic,
    /// Set aside by a person.
    SetAside,
    /// The scan of a stack whose letters are pieces of their own.
    DividedRun,
}

impl RetentionClass {
    pub const ALL: [RetentionClass; 8] = [
        RetentionClass::TakenUp,
        RetentionClass::Referred,
        RetentionClass::NotAComplaint,
        RetentionClass::Signal,
        RetentionClass::AskedForMore,
        RetentionClass::Automatic,
        RetentionClass::SetAside,
        RetentionClass::DividedRun,
    ];

    /// For staff.
    pub fn label(self) -> &'static str {
        match self {
            RetentionClass::TakenUp => "in behandeling genomen",
            RetentionClass::Referred => "doorverwezen",
            RetentionClass::NotAComplaint => "geen klacht",
            RetentionClass::Signal => "signaal",
            RetentionClass::AskedForMore => "afgebroken (geen aanvulling)",
            RetentionClass::Automatic => "automatisch bericht",
            RetentionClass::SetAside => "terzijde gelegd",
            RetentionClass::DividedRun => "verdeelde stapel",
        }
    }
}

/// `5 years`, `18 months`, `90 days` or `keep`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RetentionTerm {
    Keep,
    Years(u16),
    Months(u16),
    Days(u16),
}

impl RetentionTerm {
    /// The last day of the term; `None`: it is kept for good.
    pub fn ends(self, closed_on: Date) -> Option<Date> {
        let span = match self {
            RetentionTerm::Keep => return None,
            RetentionTerm::Years(many) => i64::from(many).years(),
            RetentionTerm::Months(many) => i64::from(many).months(),
            RetentionTerm::Days(many) => i64::from(many).days(),
        };
        closed_on.checked_add(span).ok()
    }
}

impl JsonSchema for RetentionTerm {
    fn schema_name() -> Cow<'static, str> {
        "RetentionTerm".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "format": "retention-term", "pattern": "^(keep|[1-9][0-9]* (years?|months?|days?))$"
        })
    }
}

impl TryFrom<String> for RetentionTerm {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fault = || {
            format!(
                "{text:?} is no term of retention: \"5 years\", \"18 months\", \"90 days\" (at most {RETENTION_YEARS_MAX} years) or \
                 \"keep\""
            )
        };
        if text == "keep" {
            return Ok(RetentionTerm::Keep);
        }
        let (many, unit) = text.split_once(' ').ok_or_else(fault)?;
        let many: u16 = many.parse().ok().filter(|many| *many > 0).ok_or_else(fault)?;
        let (term, most) = match unit {
            "year" | "years" => (RetentionTerm::Years(many), RETENTION_YEARS_MAX),
            "month" | "months" => (RetentionTerm::Months(many), 12 * RETENTION_YEARS_MAX),
            "day" | "days" => (RetentionTerm::Days(many), u16::MAX),
            _ => return Err(fault()),
        };
        if many > most { Err(fault()) } else { Ok(term) }
    }
}

impl fmt::Display for RetentionTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (many, unit) = match self {
            RetentionTerm::Keep => return f.write_str("keep"),
            RetentionTerm::Years(many) => (many, "year"),
            RetentionTerm::Months(many) => (many, "month"),
            RetentionTerm::Days(many) => (many, "day"),
        };
        write!(f, "{many} {unit}{}", if *many == 1 { "" } else { "s" })
    }
}

impl From<RetentionTerm> for String {
    fn from(term: RetentionTerm) -> String {
        term.to_string()
    }
}

/// A term in Dutch: `5 jaar`.
pub fn term_in_words(term: &str) -> String {
    match RetentionTerm::try_from(term.to_owned()) {
        Ok(RetentionTerm::Keep) => "blijvend bewaren".to_owned(),
        Ok(RetentionTerm::Years(many)) => format!("{many} jaar"),
        Ok(RetentionTerm::Months(1)) => "1 maand".to_owned(),
        Ok(RetentionTerm::Months(many)) => format!("{many} maanden"),
        Ok(RetentionTerm::Days(1)) => "1 dag".to_owned(),
        Ok(RetentionTerm::Days(many)) => format!("{many} dagen"),
        Err(_) => term.to_owned(),
    }
}

/// The term of one outcome, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionRule {
    /// Such as `5 years`, `18 months`, `90 days` or `keep`.
    pub term: RetentionTerm,
    /// Such as `Selectielijst gemeenten 2020, 13.1`; stands in the journal and the declaration of destruction.
    pub basis: String,
}

/// By outcome. What has no line is kept.
pub type Retention = BTreeMap<RetentionClass, RetentionRule>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_read_and_reckoned() {
        let term = |text: &str| RetentionTerm::try_from(text.to_owned());
        let day = |text: &str| text.parse::<Date>().unwrap();
        assert_eq!(term("5 years").unwrap().ends(day("2021-03-02")), Some(day("2026-03-02")));
        assert_eq!(term("1 year").unwrap().ends(day("2024-02-29")), Some(day("2025-02-28")));
        assert_eq!(term("90 days").unwrap().ends(day("2026-01-01")), Some(day("2026-04-01")));
        assert_eq!(term("keep").unwrap().ends(day("2026-01-01")), None);
        for wrong in ["", "5", "0 years", "-1 years", "5 jaar", "900 years", "forever", "5  years"] {
            assert!(term(wrong).is_err(), "{wrong}");
        }
        assert_eq!(term("1 month").unwrap().to_string(), "1 month");
        assert_eq!(term_in_words("18 months"), "18 maanden");
    }
}
