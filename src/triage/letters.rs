//! Whose letter lies with the message: the body in the head of what is attached or forwarded.
//!
//! Invariant: two letters by two bodies are nobody's, unless one of them is about a complaint.

use super::organisations::Strength;
use super::reading::{Place, Reading};
use super::roles::{Means, Seen};
use super::spoken::unique;

/// Whose letter is attached or forwarded: the body in the head of the attached letter, of the one about a complaint
/// if there are several.
pub fn attached(reading: &Reading<'_>, seen: &[Seen], means: &Means<'_>) -> Vec<usize> {
    let mut heads: Vec<(usize, Vec<usize>, bool)> = Vec::new();
    for one in seen {
        let Some(sentence) = reading.sentences.get(one.index) else { continue };
        let (place @ (Place::Attachment | Place::Forwarded), Some(document)) =
            (sentence.place, sentence.document)
        else {
            continue;
        };
        if heads.last().is_none_or(|(known, _, _)| *known != document) {
            heads.push((document, Vec::new(), false));
        }
        let Some((_, orgs, answers)) = heads.last_mut() else { continue };
        if orgs.is_empty() && (place == Place::Forwarded || reading.is_letterhead(sentence)) {
            let names = one.mentions.iter().filter(|mention| mention.strength == Strength::Name);
            *orgs = unique(names.map(|mention| mention.org).take(1));
        }
        *answers |= one
            .said(means)
            .any(|(rule, said)| rule.label == "letter" && said.find(rule, &one.marked.text).is_some());
    }
    heads.retain(|(_, orgs, _)| !orgs.is_empty());
    if heads.iter().any(|(_, _, answers)| *answers) {
        heads.retain(|(_, _, answers)| *answers);
    }
    match heads.as_slice() {
        [(_, orgs, _)] => orgs.clone(),
        _ => Vec::new(),
    }
}
