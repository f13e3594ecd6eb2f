//! What triage concludes: the labels of the contract, each resting on findings.

use super::{Finding, Term};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// May this office handle it, as to whom it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    In,
    Out,
    Mixed,
    Unclear,
    None,
}

/// Whether the body itself was addressed first (kenbaarheidsvereiste, Awb 9:20).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FirstComplained {
    #[serde(rename = "answered")]
    Answered,
    #[serde(rename = "no-answer-6-weeks")]
    NoAnswer6Weeks,
    #[serde(rename = "waiting")]
    Waiting,
    #[serde(rename = "no")]
    No,
    #[serde(rename = "unknown")]
    Unknown,
    #[serde(rename = "not-applicable")]
    NotApplicable,
}

/// Whether the gedraging ended more than a year before receipt (Awb 9:8, 9:24). A flag, never a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OlderThanYear {
    Yes,
    No,
    Unknown,
}

/// What kind of thing the writer brings up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Conduct,
    Decision,
    Policy,
    Report,
    Question,
    Integrity,
    Other,
}

/// Whether the writer speaks for another (Awb 2:1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnBehalf {
    No,
    WithAuthorisation,
    WithoutAuthorisation,
}

/// What machine made the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AutomaticClass {
    Bounce,
    AutoReply,
    List,
    Bulk,
    Loop,
    Spam,
}

impl AutomaticClass {
    /// Its name in `triage --json` and in figures.
    pub fn id(self) -> &'static str {
        match self {
            AutomaticClass::Bounce => "bounce",
            AutomaticClass::AutoReply => "auto-reply",
            AutomaticClass::List => "list",
            AutomaticClass::Bulk => "bulk",
            AutomaticClass::Loop => "loop",
            AutomaticClass::Spam => "spam",
        }
    }
}

/// Machine-made mail: its class and the reason in one Dutch sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Automatic {
    pub class: AutomaticClass,
    pub reason: String,
}

/// Who wrote, as read from the header or the letterhead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    pub name: Option<String>,
    pub address: Option<String>,
    /// Lines of the postal address of a letter, without the name; empty when unsure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub postal: Vec<String>,
}

/// Where a complaint that does not belong here goes: the id of the contract, and words for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referral {
    /// `refer_to` of the contract, such as `nationale-ombudsman`.
    pub id: String,
    /// The name to print, such as "de Nationale ombudsman".
    pub name: String,
    /// Ways to reach it, one a line; empty when none is sure.
    pub contact: Vec<String>,
}

/// A promise of the office or a term of the law, for this case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// `contact`, `decision`, `decision-extended`, `not-handled-notice`.
    pub name: String,
    pub due: Date,
    /// `5 werkdagen`, or the article.
    pub basis: String,
    /// Set by law, or promised by the office. Stores of before this was kept do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<Term>,
}

impl Deadline {
    /// A term of the law, which has consequences of its own; else what the office promises.
    pub fn is_law(&self) -> bool {
        self.term.map_or_else(|| self.basis.starts_with("Awb"), |term| term == Term::Law)
    }
}

/// The judgement on one piece. Pure: the same text, rules, office and date of receipt give the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    pub writer: Writer,
    /// ISO 639-1 of the writer's own words.
    pub language: String,
    pub automatic: Option<Automatic>,
    pub scope: Scope,
    pub complained_about: Vec<String>,
    pub mentioned_only: Vec<String>,
    /// `None` when scope is in, unclear or none.
    pub refer_to: Option<Referral>,
    pub first_complained: FirstComplained,
    pub older_than_year: OlderThanYear,
    pub kind: Kind,
    pub anonymous: bool,
    pub on_behalf: OnBehalf,
    pub multiple: bool,
    pub urgent: bool,
    pub follow_up: bool,
    /// Id of the queue, from `rules/queues.toml`.
    pub queue: String,
    /// 0 to 1: how surely the scope stands.
    pub confidence: f64,
    /// Sure enough to tell the citizen "probably not here"? Stricter than `confidence` for staff.
    pub may_tell_citizen: bool,
    pub findings: Vec<Finding>,
    /// Digest of the rule files and of the office's own data: with them the judgement can be repeated.
    pub rules_version: String,
}

impl Judgement {
    /// The findings that bear on one label, such as `scope` or `complained_about`.
    pub fn findings_on<'a>(&'a self, label: &'a str) -> impl Iterator<Item = &'a Finding> {
        self.findings
            .iter()
            .filter(move |finding| finding.concludes.split_once('=').is_some_and(|(name, _)| name == label))
    }
}
