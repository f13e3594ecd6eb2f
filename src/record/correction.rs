//! A label that a person corrects: what may be said of a case in place of what the rules concluded.
//!
//! The names and values are those of the contract (`triage --json`), so that a correction is an example for the rules.
//! Invariant: a value is an id, a list of ids, or yes or no; never words of a person, so that it may stand in the journal.

use super::{FirstComplained, JudgementSummary, Kind, OlderThanYear, OnBehalf, Scope};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Labels that staff may correct, in the order in which the desk offers them.
pub const CORRECTABLE: [&str; 10] = [
    "scope",
    "complained_about",
    "refer_to",
    "kind",
    "first_complained",
    "older_than_year",
    "on_behalf",
    "urgent",
    "anonymous",
    "multiple",
];

/// Characters of one id, and ids of one list.
const ID_CHARS_MAX: usize = 80;
const IDS_MAX: usize = 20;

/// The value as it is kept: checked, a list in order and each id once. `None`: no such label, or not a value of it.
pub fn correction(label: &str, value: &str) -> Option<String> {
    let one = value.trim();
    let known = match label {
        "scope" => is::<Scope>(one),
        "kind" => is::<Kind>(one),
        "first_complained" => is::<FirstComplained>(one),
        "older_than_year" => is::<OlderThanYear>(one),
        "on_behalf" => is::<OnBehalf>(one),
        "urgent" | "anonymous" | "multiple" => matches!(one, "true" | "false"),
        "refer_to" => is_id(one),
        "complained_about" => {
            let mut ids: Vec<&str> = one.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
            ids.sort_unstable();
            ids.dedup();
            let fine = ids.len() <= IDS_MAX && ids.iter().all(|id| is_id(id));
            return fine.then(|| ids.join(","));
        }
        _ => false,
    };
    known.then(|| one.to_owned())
}

/// The value as the labels of an example have it.
pub fn correction_value(label: &str, value: &str) -> Value {
    match label {
        "complained_about" => {
            value.split(',').filter(|id| !id.is_empty()).map(|id| Value::String(id.to_owned())).collect()
        }
        "urgent" | "anonymous" | "multiple" => Value::Bool(value == "true"),
        _ => Value::String(value.to_owned()),
    }
}

/// Puts a correction in what the queue shows and filters by; other labels do not stand there.
pub fn correct(summary: &mut JudgementSummary, label: &str, value: &str) {
    match label {
        "scope" => summary.scope = parsed(value).unwrap_or(summary.scope),
        "kind" => summary.kind = parsed(value).unwrap_or(summary.kind),
        "urgent" => summary.urgent = value == "true",
        "refer_to" => summary.refer_to = Some(value.to_owned()),
        "complained_about" => {
            summary.complained_about =
                value.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect();
        }
        _ => {}
    }
}

fn parsed<T: DeserializeOwned>(id: &str) -> Option<T> {
    serde_json::from_value(Value::String(id.to_owned())).ok()
}

fn is<T: DeserializeOwned>(id: &str) -> bool {
    parsed::<T>(id).is_some()
}

fn is_id(id: &str) -> bool {
    (1..=ID_CHARS_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_of_the_contract_are_kept() {
        assert_eq!(correction("scope", "out").as_deref(), Some("out"));
        assert_eq!(correction("scope", "Jan Jansen"), None);
        assert_eq!(correction("urgent", "true").as_deref(), Some("true"));
        assert_eq!(correction("urgent", "ja"), None);
        assert_eq!(correction("complained_about", "uwv, duo,uwv,").as_deref(), Some("duo,uwv"));
        assert_eq!(correction("complained_about", "").as_deref(), Some(""));
        assert_eq!(correction("complained_about", "mevrouw de Vries"), None);
        assert_eq!(correction("naam", "x"), None);
        assert_eq!(correction_value("complained_about", "duo,uwv"), serde_json::json!(["duo", "uwv"]));
        assert_eq!(correction_value("complained_about", ""), serde_json::json!([]));
    }

    #[test]
    fn every_label_that_is_offered_has_a_value_that_fits() {
        for label in CORRECTABLE {
            let fits =
                ["in", "conduct", "no", "true", "uwv"].iter().any(|value| correction(label, value).is_some());
            assert!(fits, "{label}");
        }
    }
}
