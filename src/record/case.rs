//! A case as staff see it, and what a person may decide.

use super::{CaseNumber, Channel, Deadline, Judgement, OutboxEntry, RegistrationNumber};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseStatus {
    /// Waits for a person.
    Open,
    /// A person took it up; it goes on in the office's own way.
    TakenUp,
    /// Waits for the citizen.
    AskedForMore,
    /// Closed by a person: referred, a signal, or not a complaint.
    Closed,
}

/// What a person decides (`cases decide`, the desk and the API use these names).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    TakeUp,
    Refer,
    AskForMore,
    Signal,
    NotAComplaint,
    /// Undo: back to the queue.
    Reopen,
    /// A case that was taken up is done: handled, and the citizen knows.
    Settle,
}

impl Verdict {
    /// The name that the command line and the API use.
    pub fn id(self) -> &'static str {
        match self {
            Verdict::TakeUp => "take-up",
            Verdict::Refer => "refer",
            Verdict::AskForMore => "ask-for-more",
            Verdict::Signal => "signal",
            Verdict::NotAComplaint => "not-a-complaint",
            Verdict::Reopen => "reopen",
            Verdict::Settle => "settle",
        }
    }
}

/// A decision by a person. What a person decided is never overwritten by a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub verdict: Verdict,
    /// Where it goes, for `refer`.
    pub refer_to: Option<String>,
    /// Account of the desk.
    pub by: String,
    pub at: Timestamp,
    pub reason: String,
}

/// The row of the queue for one case: small, kept in the index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseRow {
    pub number: CaseNumber,
    pub channel: Channel,
    pub received: Date,
    pub received_at: Timestamp,
    pub queue: String,
    pub status: CaseStatus,
    pub assignee: Option<String>,
    /// The nearest promise to the citizen.
    pub due: Option<Date>,
    pub writer: Option<String>,
    pub subject: Option<String>,
    pub judgement: JudgementSummary,
    pub deadlines: Vec<Deadline>,
    pub decision: Option<Decision>,
    /// When the case was taken up that was settled since: that decision was the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_up_at: Option<Timestamp>,
    /// The pieces of this case, oldest first; the first opened it.
    pub records: Vec<RegistrationNumber>,
    pub answer: Option<OutboxEntry>,
    /// Cases whose text is much like this one's: perhaps the same complaint, by mail and by letter. Offered, never joined by
    /// itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alike: Vec<Alike>,
    /// A person joined this case to another, where it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined_to: Option<CaseNumber>,
    /// Cases that a person joined to this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<CaseNumber>,
    /// The case that a person split this one off from, and those that were split off from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_from: Option<CaseNumber>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub split_into: Vec<CaseNumber>,
    /// Labels that a person corrected, as [`correction`](super::correction()) keeps them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// A person forbade that it is destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptBack>,
    /// It was destroyed: numbers, dates and outcome are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purged: Option<Destroyed>,
    /// Number of the last journal entry by which a person or a new piece changed this case (what the outbox does
    /// does not count): two people cannot overwrite each other.
    pub revision: u64,
}

/// The promises and terms that still run: for an open case all, also those that have passed (nobody has kept them yet);
/// for a case that a person took up or asked about, those that had not passed by then and are not about contact, for by
/// deciding the office made contact; for a closed case none.
pub fn running(
    status: CaseStatus,
    deadlines: &[Deadline],
    decided_on: Option<Date>,
) -> impl Iterator<Item = &Deadline> {
    deadlines.iter().filter(move |deadline| match (status, decided_on) {
        (CaseStatus::Closed, _) => false,
        (CaseStatus::Open, _) | (_, None) => true,
        (_, Some(day)) => deadline.name != "contact" && deadline.due >= day,
    })
}

impl CaseRow {
    /// The promises and terms of this case that still run.
    pub fn running(&self) -> impl Iterator<Item = &Deadline> {
        let decided_on = self.decision.as_ref().map(|decision| super::office_date(decision.at));
        running(self.status, &self.deadlines, decided_on)
    }
}

/// That a case must not be destroyed: an objection, a request under the Woo, a court.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptBack {
    pub by: String,
    pub at: Timestamp,
    pub reason: String,
}

/// That a case was destroyed, and on what ground.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destroyed {
    pub at: Timestamp,
    pub by: String,
    pub closed_on: Option<Date>,
    /// Such as `5 years`; `None`: at the demand of a person.
    pub term: Option<String>,
    pub basis: String,
}

impl Destroyed {
    /// One Dutch sentence.
    pub fn sentence(&self) -> String {
        let on = super::office_date(self.at).strftime("%d-%m-%Y");
        match &self.term {
            Some(term) => format!("Vernietigd op {on}, na {} ({}).", super::term_in_words(term), self.basis),
            None => format!("Vernietigd op {on} ({}).", self.basis),
        }
    }
}

/// Another case, and how much of its text is the same, in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alike {
    pub case: CaseNumber,
    pub percent: u8,
}

/// The labels of a case that the queue filters by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgementSummary {
    pub scope: super::Scope,
    pub complained_about: Vec<String>,
    pub refer_to: Option<String>,
    pub kind: super::Kind,
    pub urgent: bool,
    pub confidence: f64,
    pub defects: u32,
}

impl JudgementSummary {
    pub fn of(judgement: &Judgement, defects: usize) -> Self {
        Self {
            scope: judgement.scope,
            complained_about: judgement.complained_about.clone(),
            refer_to: judgement.refer_to.as_ref().map(|referral| referral.id.clone()),
            kind: judgement.kind,
            urgent: judgement.urgent,
            confidence: judgement.confidence,
            defects: u32::try_from(defects).unwrap_or(u32::MAX),
        }
    }
}

/// One line of a case's history, from the journal, for people: when, who (rule, daemon or account), what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryLine {
    pub at: Timestamp,
    pub by: String,
    /// One Dutch sentence.
    pub what: String,
    pub note: Option<String>,
}
