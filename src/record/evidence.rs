//! The sentence a judgement rests on.

use serde::{Deserialize, Serialize};

/// A stretch of `documents[document].text`, counted in characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub document: usize,
    pub start: usize,
    pub end: usize,
    pub text: String,
}

/// What one rule concluded, how heavily it weighs, and where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// `file/id` of the rule, such as `organisations/uwv`.
    pub rule: String,
    /// `label=value`, such as `complained_about=uwv`.
    pub concludes: String,
    /// Positive for, negative against.
    pub weight: f64,
    pub evidence: Vec<Evidence>,
    /// One Dutch sentence for staff: the rule's reason.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}
