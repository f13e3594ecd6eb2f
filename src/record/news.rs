//! What programs outside are told of: numbers of cases and what happened to them, no person and no word of a text.

use super::{CaseNumber, Verdict};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NewsKind {
    #[serde(rename = "case.opened")]
    CaseOpened,
    /// Another piece was laid with it.
    #[serde(rename = "case.extended")]
    CaseExtended,
    #[serde(rename = "case.decided")]
    CaseDecided,
    /// It goes on in another.
    #[serde(rename = "case.merged")]
    CaseMerged,
    #[serde(rename = "case.assigned")]
    CaseAssigned,
    /// A person took back the last decision: the case stands as it stood before.
    #[serde(rename = "case.undone")]
    CaseUndone,
    /// A part of it goes on in another, which was told as opened.
    #[serde(rename = "case.split")]
    CaseSplit,
    /// A person corrected what was judged of it.
    #[serde(rename = "case.corrected")]
    CaseCorrected,
    /// Its pieces were destroyed, their term being over.
    #[serde(rename = "case.destroyed")]
    CaseDestroyed,
    /// An answer that waited for a person goes out.
    #[serde(rename = "answer.released")]
    AnswerReleased,
    #[serde(rename = "answer.sent")]
    AnswerSent,
    #[serde(rename = "answer.failed")]
    AnswerFailed,
    #[serde(rename = "answer.withheld")]
    AnswerWithheld,
}

/// One thing that happened, durable in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Number of its entry in the journal.
    pub entry: u64,
    /// Digest of that line: the same in every copy, and of no other line.
    pub digest: String,
    pub at: Timestamp,
    pub kind: NewsKind,
    pub case: CaseNumber,
    /// Of a decision.
    pub verdict: Option<Verdict>,
    /// Of a merge or a split: where the case, or a part of it, goes on.
    pub into: Option<CaseNumber>,
}
