//! Figures for the numbers page and the yearly report: how many, by day. Counts of cases and pieces, never of people.
//!
//! Invariant: what a case adds can be worked out from ids, dates and outcomes alone, so that it stays the same when the
//! case is destroyed (Archiefwet: the count of a year outlives its files).

use super::{CaseStatus, Deadline, Verdict};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is counted. The day is that of receipt, of the answer or of the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// Cases by channel, on the day of receipt.
    Channel,
    /// Cases by body that is complained about, on the day of receipt; a case about two bodies counts for both.
    Body,
    /// Cases by the queue in which triage put them, on the day of receipt.
    Queue,
    /// Cases by how well their scans could be read ([`Reading`]), on the day of receipt.
    Reading,
    /// Pieces that were no case, by class, on the day of receipt.
    Aside,
    /// First answers by the time since receipt ([`Waited`]), on the day they went out.
    Answer,
    /// Decisions by the time since receipt ([`Waited`]), on the day of the decision.
    Decision,
    /// Decisions by verdict.
    Verdict,
    /// What triage proposed and what a person decided: `queue>verdict`.
    Proposal,
    /// Terms that ended with the decision: `name>kept` or `name>late`.
    Term,
}

impl Figure {
    /// Every figure, in the order of the page and of the index.
    pub const ALL: [Figure; 10] = [
        Figure::Channel,
        Figure::Body,
        Figure::Queue,
        Figure::Reading,
        Figure::Aside,
        Figure::Answer,
        Figure::Decision,
        Figure::Verdict,
        Figure::Proposal,
        Figure::Term,
    ];

    /// Its name in the CSV file.
    pub fn id(self) -> &'static str {
        match self {
            Figure::Channel => "channel",
            Figure::Body => "body",
            Figure::Queue => "queue",
            Figure::Reading => "reading",
            Figure::Aside => "aside",
            Figure::Answer => "answer",
            Figure::Decision => "decision",
            Figure::Verdict => "verdict",
            Figure::Proposal => "proposal",
            Figure::Term => "term",
        }
    }
}

/// How long something took, in steps that people ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Waited {
    Hour,
    Day,
    Week,
    TwoWeeks,
    FourWeeks,
    /// Awb 9:11 and 9:23h: six weeks.
    SixWeeks,
    /// Awb 9:11: ten weeks where an advisory committee sits.
    TenWeeks,
    Longer,
}

impl Waited {
    pub const ALL: [Waited; 8] = [
        Waited::Hour,
        Waited::Day,
        Waited::Week,
        Waited::TwoWeeks,
        Waited::FourWeeks,
        Waited::SixWeeks,
        Waited::TenWeeks,
        Waited::Longer,
    ];

    /// By the clock, not by working days. A moment before the first counts as at once.
    pub fn between(from: Timestamp, until: Timestamp) -> Waited {
        let took = until.duration_since(from);
        let hours = |hours| took <= SignedDuration::from_hours(hours);
        [1, 24, 7 * 24, 14 * 24, 28 * 24, 42 * 24, 70 * 24]
            .into_iter()
            .zip(Waited::ALL)
            .find(|(bound, _)| hours(*bound))
            .map_or(Waited::Longer, |(_, waited)| waited)
    }

    pub fn id(self) -> &'static str {
        match self {
            Waited::Hour => "1-hour",
            Waited::Day => "1-day",
            Waited::Week => "1-week",
            Waited::TwoWeeks => "2-weeks",
            Waited::FourWeeks => "4-weeks",
            Waited::SixWeeks => "6-weeks",
            Waited::TenWeeks => "10-weeks",
            Waited::Longer => "longer",
        }
    }
}

/// How well the pages of a case could be recognised, by the page that could be read worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reading {
    /// Confidence of 0.95 and more.
    Well,
    /// From 0.80.
    Fair,
    Poor,
}

impl Reading {
    pub const ALL: [Reading; 3] = [Reading::Well, Reading::Fair, Reading::Poor];

    /// `percent`: the confidence in hundredths.
    pub fn of(percent: u8) -> Reading {
        match percent {
            95.. => Reading::Well,
            80.. => Reading::Fair,
            _ => Reading::Poor,
        }
    }

    pub fn id(self) -> &'static str {
        match self {
            Reading::Well => "well",
            Reading::Fair => "fair",
            Reading::Poor => "poor",
        }
    }
}

/// What stays of a destroyed case for the figures of its year.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFigures {
    /// Ids of the bodies.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub about: BTreeSet<String>,
    /// Confidence of the page that was read worst, in hundredths; `None`: nothing was recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<u8>,
    /// Terms that ended with the decision, and whether they were kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub terms: BTreeMap<String, bool>,
}

/// Which terms ended with a decision, and whether they were kept. By deciding, the office made contact; a case that was
/// closed is decided in the sense of the law; that it is not handled is told by sending it on or saying that it is no
/// complaint (Awb 9:8 lid 3).
pub fn terms_ended(
    deadlines: &[Deadline],
    status: CaseStatus,
    verdict: Verdict,
    decided_on: Date,
) -> BTreeMap<String, bool> {
    let ended = |name: &str| match name {
        // Contact was made when the case was taken up.
        "contact" => !matches!(verdict, Verdict::Reopen | Verdict::Settle),
        "not-handled-notice" => matches!(verdict, Verdict::Refer | Verdict::NotAComplaint),
        "decision" => status == CaseStatus::Closed,
        _ => false,
    };
    deadlines
        .iter()
        .filter(|deadline| ended(&deadline.name))
        .map(|deadline| (deadline.name.clone(), decided_on <= deadline.due))
        .collect()
}

/// One counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FigureRow {
    pub day: Date,
    pub figure: Figure,
    pub label: String,
    pub count: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_how_long() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let from = at("2026-03-02T08:00:00Z");
        for (until, waited) in [
            ("2026-03-02T07:00:00Z", Waited::Hour),
            ("2026-03-02T09:00:00Z", Waited::Hour),
            ("2026-03-02T09:00:01Z", Waited::Day),
            ("2026-03-09T08:00:00Z", Waited::Week),
            ("2026-04-13T08:00:00Z", Waited::SixWeeks),
            ("2026-05-11T08:00:00Z", Waited::TenWeeks),
            ("2026-05-11T08:00:01Z", Waited::Longer),
        ] {
            assert_eq!(Waited::between(from, at(until)), waited, "{until}");
        }
    }

    #[test]
    fn terms_end_with_what_they_are_about() {
        let deadline = |name: &str, due: &str| Deadline {
            name: name.into(),
            due: due.parse().unwrap(),
            basis: String::new(),
            term: None,
        };
        let all = [
            deadline("contact", "2026-03-09"),
            deadline("not-handled-notice", "2026-03-30"),
            deadline("decision", "2026-04-13"),
            deadline("decision-extended", "2026-05-11"),
        ];
        let ended = |status, verdict, day: &str| {
            terms_ended(&all, status, verdict, day.parse().unwrap()).into_iter().collect::<Vec<_>>()
        };
        let named = |name: &str, kept| (name.to_owned(), kept);
        assert_eq!(ended(CaseStatus::TakenUp, Verdict::TakeUp, "2026-03-10"), [named("contact", false)]);
        assert_eq!(
            ended(CaseStatus::Closed, Verdict::Refer, "2026-03-09"),
            [named("contact", true), named("decision", true), named("not-handled-notice", true)]
        );
        assert_eq!(ended(CaseStatus::Open, Verdict::Reopen, "2026-03-09"), []);
    }
}
