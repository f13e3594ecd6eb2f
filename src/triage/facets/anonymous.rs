//! Does the writer stay unknown: by asking for it, or by giving no name at all?

use super::super::fold::fold_text;
use super::super::reading::Place;
use super::Evidence;
use crate::record::{Finding, Writer};

/// Least weight of words that ask for it.
const ASKED_MIN: f64 = 2.5;

pub(super) fn judge(evidence: &Evidence<'_>, writer: &Writer, findings: &mut Vec<Finding>) -> bool {
    if evidence.weight("anonymous", "true") >= ASKED_MIN {
        evidence.tell("anonymous", "true", "anonymous=true", findings);
        return true;
    }
    let name = writer.name.as_deref().map(fold_text).unwrap_or_default();
    let mut nicknames =
        evidence.hits.rules().iter().filter(|r| r.label == "anonymous" && r.value == "nickname");
    let nickname = nicknames.find(|rule| rule.find(&name).is_some());
    if let Some(rule) = nickname
        && !signed(evidence)
    {
        findings.push(Finding {
            rule: rule.id.clone(),
            concludes: "anonymous=true".into(),
            weight: rule.weight,
            evidence: Vec::new(),
            reason: rule.reason.clone(),
        });
        return true;
    }
    // An empty or unreadable letter is not an anonymous one.
    name.is_empty() && !signed(evidence) && evidence.reading.own_count > 1
}

/// Is there something like a name under the message: a short last line of letters?
fn signed(evidence: &Evidence<'_>) -> bool {
    let reading = evidence.reading;
    if reading.sentences.iter().any(|sentence| sentence.place == Place::Signature) {
        return true;
    }
    reading.own().rev().take(3).any(|sentence| {
        let line = sentence.source.trim();
        let words = line.split_whitespace().count();
        let capital = line.split_whitespace().any(|word| {
            word.chars().next().is_some_and(char::is_uppercase)
                && word.chars().filter(|c| c.is_alphabetic()).count() > 2
        });
        (1..=4).contains(&words)
            && capital
            && !line.ends_with(['.', '!', '?', ','])
            && line.chars().count() <= 40
    })
}
