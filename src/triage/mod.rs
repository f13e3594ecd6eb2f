//! Judging: text, rules and office data → a judgement with its evidence.
//!
//! Pure: no clock, no I/O but reading the rule files at start. Invariants: the same text, rules, office
//! and date of receipt give the same judgement; nothing about a body or an office stands in this code;
//! when unsure it says `unclear` and a person decides.

mod facets;
mod fold;
mod matching;
mod pattern;
mod reading;
mod rules;
mod ruleset;

pub use rules::{RuleFault, RuleFaults};
pub use ruleset::{Example, Ruleset};

use crate::limits::FINDINGS_MAX;
use crate::record::{Channel, Extract, FirstComplained, Judgement, Line, Office, Scope};
use jiff::civil::Date;
use reading::Reading;

/// Judges one piece.
pub fn judge(
    extract: &Extract,
    channel: Channel,
    received: Date,
    office: &Office,
    rules: &Ruleset,
) -> Judgement {
    let reading = Reading::new(extract, channel, received);
    let hits = rules.matcher.hits(&reading);
    let facets = facets::judge(&reading, &hits, office);
    let scope = if facets.automatic.is_some() || facets.no_complaint { Scope::None } else { Scope::Unclear };
    let first_complained = match office.line {
        Line::First => FirstComplained::NotApplicable,
        Line::Second => facets.first_complained,
    };
    let mut findings = facets.findings;
    findings.truncate(FINDINGS_MAX);
    Judgement {
        writer: facets.writer,
        language: facets.language,
        automatic: facets.automatic,
        scope,
        complained_about: Vec::new(),
        mentioned_only: Vec::new(),
        refer_to: None,
        first_complained,
        older_than_year: facets.older_than_year,
        kind: facets.kind,
        anonymous: facets.anonymous,
        on_behalf: facets.on_behalf,
        multiple: facets.multiple,
        urgent: facets.urgent,
        follow_up: facets.follow_up,
        queue: "met-de-hand-lezen".into(),
        confidence: 0.0,
        may_tell_citizen: false,
        findings,
        rules_version: rules.version().to_owned(),
    }
}
