//! Of whom a sentence speaks: the bodies that a rule names, those named together, and the clauses.

use super::matching::Said;
use super::mentions::Marked;
use super::rules::Rule;
use std::ops::Range;

/// The mentions that a rule speaks of in a marked sentence, each with where the rule matched.
pub fn hits_of(rule: &Rule, said: &Said, marked: &Marked) -> Vec<(usize, Range<usize>)> {
    const HITS_MAX: usize = 8;
    let text = marked.text.as_str();
    if said.find(rule, text).is_none() {
        return Vec::new();
    }
    let together = together(marked);
    let mut hits: Vec<(usize, Range<usize>)> = Vec::new();
    for pattern in said.candidate.patterns(rule) {
        for found in pattern.find_iter(text).take(HITS_MAX) {
            let whole = found.range;
            let named = found.mark.map_or(whole.clone(), |mark| mark..mark + 1);
            if let Some(mention) = marked.mention_at(&named)
                && !hits.iter().any(|(known, _)| *known == mention)
            {
                hits.push((mention, whole.clone()));
                // What is said of "het UWV en de gemeente" is said of both.
                for group in together.iter().filter(|group| group.contains(&mention)) {
                    for other in group.iter().filter(|other| **other != mention) {
                        if !hits.iter().any(|(known, _)| known == other) {
                            hits.push((*other, whole.clone()));
                        }
                    }
                }
            }
        }
    }
    hits
}

/// Mentions joined by "en", "of" or a comma.
fn together(marked: &Marked) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for pair in marked.marks.windows(2) {
        let [(first_at, first), (second_at, second)] = pair else { continue };
        let between = marked.text.get(*first_at..*second_at).unwrap_or_default();
        let between = between.trim_start_matches(|c: char| !c.is_ascii());
        if [" en ", " of ", ", ", " & ", "/", " en ook ", " and ", " und ", " i "].contains(&between) {
            match groups.last_mut().filter(|group| group.last() == Some(first)) {
                Some(group) => group.push(*second),
                None => groups.push(vec![*first, *second]),
            }
        }
    }
    groups
}

/// Each body once, in order.
pub fn unique(orgs: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut kept = Vec::new();
    for org in orgs {
        if !kept.contains(&org) {
            kept.push(org);
        }
    }
    kept
}

/// Where one clause ends and another begins.
pub fn clauses(text: &str) -> Vec<Range<usize>> {
    const BREAKS: &[&str] = &[
        ", ",
        "; ",
        ": ",
        " - ",
        " (",
        ") ",
        " maar ",
        " terwijl ",
        " alleen ",
        " en toen ",
        " echter ",
        " doch ",
        " but ",
        " while ",
        " aber ",
        " ale ",
        " want ",
        " dus ",
        " omdat ",
        " toch ",
        " en ik ",
        " en die ",
        " en ze ",
        " en zij ",
        " en hij ",
        " dat heb",
        " daarna ",
        " toen ",
        " en de ",
        " en het ",
        "... ",
        "! ",
        "? ",
        ". ",
    ];
    let mut cuts: Vec<usize> = Vec::new();
    // One pass over the text: most letters begin none of them. A break does not overlap another of its own.
    let mut ends = [0; BREAKS.len()];
    for (at, byte) in text.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() || !byte.is_ascii() {
            continue;
        }
        let Some(rest) = text.as_bytes().get(at..) else { break };
        for (pattern, end) in BREAKS.iter().zip(&mut ends) {
            if *end <= at && rest.starts_with(pattern.as_bytes()) {
                *end = at + pattern.len();
                cuts.push(at + 1);
            }
        }
    }
    cuts.dedup();
    let mut ranges = Vec::with_capacity(cuts.len() + 1);
    let mut from = 0;
    for cut in cuts.into_iter().chain(std::iter::once(text.len())) {
        if cut > from {
            ranges.push(from..cut);
        }
        from = cut;
    }
    ranges
}
