//! The two dates of the one-year rule and of the six weeks, for staff and for the answer: when it happened, and when
//! the writer complained at the body (Awb 9:8 lid 1 onder b, 9:24 lid 1 onder b; 9:11 lid 1). Shown, never decided on.
//!
//! Invariant: a date is told only as sure as the writer told it: one day, or the days between which it lies.

use super::super::reading::{Place, Sentence};
use super::Evidence;
use super::older::{dates_aside, is_date_line};
use super::when::{Sense, When};
use crate::record::Finding;
use jiff::civil::Date;

/// The findings `conduct_on=` and `complained_on=`, each with the words that say the date.
pub(super) fn tell(evidence: &Evidence<'_>, findings: &mut Vec<Finding>) {
    let received = evidence.reading.received;
    if let Some((sentence, when)) = conduct(evidence) {
        let ago = if when.span.last < received.saturating_sub(jiff::Span::new().years(1)) {
            "meer dan een jaar eerder"
        } else if when.span.first >= received.saturating_sub(jiff::Span::new().years(1)) {
            "minder dan een jaar eerder"
        } else {
            "ongeveer een jaar eerder"
        };
        let reason = format!("Het speelde {}; ontvangen op {}: {ago}.", in_words(&when), figures(received));
        findings.push(finding(sentence, &when, "dates/conduct", "conduct_on", reason));
    }
    if let Some((sentence, when)) = complained(evidence) {
        let reason =
            format!("Bij de instantie geklaagd {}; ontvangen op {}.", in_words(&when), figures(received));
        findings.push(finding(sentence, &when, "dates/complained", "complained_on", reason));
    }
}

/// The last time in the own words at which something happened that is not the complaint, its answer or history.
fn conduct<'e>(evidence: &'e Evidence<'_>) -> Option<(&'e Sentence<'e>, When)> {
    let aside = dates_aside(evidence);
    let reading = evidence.reading;
    let own = reading
        .sentences
        .iter()
        .enumerate()
        .filter(|(index, sentence)| sentence.place == Place::Own && !aside.contains(index));
    own.filter_map(|(_, sentence)| {
        let found = sentence.whens(reading.received);
        if is_date_line(sentence, found, reading.received) {
            return None;
        }
        let past = found
            .iter()
            .copied()
            .filter(|when| when.sense != Sense::Ahead && when.span.last <= reading.received);
        Some((sentence, past.max_by_key(|when| when.span.last)?))
    })
    .max_by_key(|(_, when)| when.span.last)
}

/// The day of the complaint at the body, when one day stands beside it.
fn complained<'e>(evidence: &'e Evidence<'_>) -> Option<(&'e Sentence<'e>, When)> {
    let reading = evidence.reading;
    let mut last: Option<(&Sentence<'_>, When)> = None;
    for index in evidence.sentences("complained", "done") {
        let Some(sentence) = reading.sentences.get(index).filter(|one| one.place == Place::Own) else {
            continue;
        };
        let days: Vec<When> = sentence
            .whens(reading.received)
            .iter()
            .copied()
            .filter(|when| when.sense == Sense::At && when.span.first == when.span.last)
            .filter(|when| when.span.last < reading.received)
            .collect();
        // Two days in one sentence: which of them it was cannot be told.
        if let [when] = days.as_slice()
            && last.as_ref().is_none_or(|(_, known)| known.span.last < when.span.last)
        {
            last = Some((sentence, *when));
        }
    }
    last
}

fn finding(sentence: &Sentence<'_>, when: &When, rule: &str, label: &str, reason: String) -> Finding {
    let value = if when.span.first == when.span.last {
        when.span.last.to_string()
    } else {
        format!("{}..{}", when.span.first, when.span.last)
    };
    Finding {
        rule: rule.to_owned(),
        concludes: format!("{label}={value}"),
        weight: 0.0,
        evidence: sentence.evidence(&(when.start..when.end)).into_iter().collect(),
        reason,
    }
}

fn in_words(when: &When) -> String {
    let span = when.span;
    match when.sense {
        Sense::Since => format!("sinds {}", figures(span.first)),
        Sense::Until => format!("tot {}", figures(span.last)),
        _ if span.first == span.last => format!("op {}", figures(span.last)),
        _ => format!("tussen {} en {}", figures(span.first), figures(span.last)),
    }
}

/// `02-03-2026`
fn figures(date: Date) -> String {
    format!("{:02}-{:02}-{}", date.day(), date.month(), date.year())
}
