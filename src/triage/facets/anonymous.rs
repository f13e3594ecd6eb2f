//! Does the writer stay unknown: by asking for it, or by giving no name at all?

use super::super::fold::fold_text;
use super::super::reading::{Place, Sentence};
use super::super::rules::Rule;
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
    let nickname = nickname(evidence, &name);
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

/// The rule that says that a name is none: "een bezorgde buurvrouw".
fn nickname<'e>(evidence: &'e Evidence<'_>, name: &str) -> Option<&'e Rule> {
    let mut rules = evidence.hits.rules().iter().filter(|r| r.label == "anonymous" && r.value == "nickname");
    rules.find(|rule| rule.find(name).is_some())
}

/// Is there something like a name under the message: a signature, or a short last line of letters? "Een bewoonster"
/// is no name.
fn signed(evidence: &Evidence<'_>) -> bool {
    let reading = evidence.reading;
    let no_name = |sentence: &Sentence<'_>| nickname(evidence, sentence.text.trim()).is_some();
    if reading.sentences.iter().any(|one| one.place == Place::Signature && !no_name(one)) {
        return true;
    }
    reading.own().rev().take(3).filter(|one| !no_name(one)).any(|sentence| {
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
