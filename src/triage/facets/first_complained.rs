//! Was the body itself addressed first (kenbaarheidsvereiste, Awb 9:20), and did it answer?
//!
//! Rules (`complained.toml`) mark a complaint made, denied, answered or met with silence; the dates beside
//! the complaint, reckoned to receipt, tell waiting from six weeks without an answer.

use super::super::matching::{Hit, Hits};
use super::super::reading::{Place, Reading};
use super::super::rules::Rule;
use super::when::{Answer, Sense, When, whens};
use crate::record::{Finding, FirstComplained};

/// Six weeks, in days (Awb 9:11 lid 1; the offices' own pages).
const ANSWER_DAYS: i64 = 42;
/// Sentences after a complaint in which what came of it is told.
const OUTCOME_SENTENCES: usize = 7;
/// Sentences after a complaint in which a weaker sign of an answer counts.
const NEXT_SENTENCES: usize = 3;
/// Sentences before a complaint in which the date of the gedraging is looked for.
const BEFORE_SENTENCES: usize = 12;
/// From this weight a denial stands, whatever else was answered (an objection, a request).
const DENIED_SURE: f64 = 4.0;
/// The share of an interval of days that must lie on one side of the six weeks.
const SURE_SHARE: f64 = 0.8;

/// One thing that a rule read about complaining at the body.
struct Event<'r, 'h> {
    rule: &'r Rule,
    hit: &'h Hit,
    place: Place,
    /// Place in the row of own sentences.
    order: usize,
}

/// Judges the sentences for which `within` says yes (by index in the reading), so that in a mixed complaint
/// the part that belongs here can be judged by itself.
pub fn judge_within(
    reading: &Reading<'_>,
    hits: &Hits<'_>,
    within: &dyn Fn(usize) -> bool,
) -> (FirstComplained, Vec<Finding>) {
    let events: Vec<Event<'_, '_>> = hits
        .on("complained")
        .filter(|(_, hit)| within(hit.sentence))
        .filter_map(|(rule, hit)| {
            let sentence = reading.sentences.get(hit.sentence)?;
            Some(Event { rule, hit, place: sentence.place, order: sentence.order })
        })
        .collect();
    let of = |value: &str| events.iter().filter(|event| event.rule.value == value).collect::<Vec<_>>();
    let best = |found: &[&Event<'_, '_>]| found.iter().map(|event| event.rule.weight).fold(0.0, f64::max);
    let (mut done, denied) = (of("done"), of("denied"));
    if done.is_empty() && denied.is_empty() {
        // A letter about it is a complaint when the writer tells what came of it.
        done = of("maybe-done");
        let outcome = |value: &str| of(value).into_iter().any(|event| follows(event, &done));
        if !["silence", "reply", "late", "receipt"].into_iter().any(outcome) {
            done.clear();
        }
    }
    let told = |found: &[&Event<'_, '_>], value: FirstComplained| {
        let concludes = format!("first_complained={}", name(value));
        found
            .iter()
            .map(|event| super::told(event.rule, event.hit, hits, reading, &concludes))
            .collect::<Vec<_>>()
    };

    let answered = of("answered");
    let own_answer: Vec<_> = answered.iter().copied().filter(|event| event.place == Place::Own).collect();
    let sure = best(&denied) >= DENIED_SURE && done.is_empty();
    if !denied.is_empty() && best(&denied) > best(&done) && (own_answer.is_empty() || sure) {
        return (FirstComplained::No, told(&denied, FirstComplained::No));
    }
    if !answered.is_empty() {
        return (FirstComplained::Answered, told(&answered, FirstComplained::Answered));
    }
    if done.is_empty() {
        return if denied.is_empty() {
            (FirstComplained::Unknown, Vec::new())
        } else {
            (FirstComplained::No, told(&denied, FirstComplained::No))
        };
    }
    let silence: Vec<_> = of("silence")
        .into_iter()
        .chain(of("receipt"))
        .chain(of("late"))
        .filter(|event| follows(event, &done))
        .collect();
    let reply: Vec<_> = of("reply").into_iter().filter(|event| follows(event, &done)).collect();
    let last =
        |found: &[&Event<'_, '_>]| found.iter().map(|event| (event.order, event.hit.range.start)).max();
    if !reply.is_empty() && (silence.is_empty() || last(&reply) > last(&silence)) {
        return (FirstComplained::Answered, told(&[done, reply].concat(), FirstComplained::Answered));
    }
    if silence.is_empty() {
        let maybe: Vec<_> = of("maybe-reply").into_iter().filter(|event| soon_after(event, &done)).collect();
        if !maybe.is_empty() {
            return (FirstComplained::Answered, told(&[done, maybe].concat(), FirstComplained::Answered));
        }
    }
    let value = if !of("late").is_empty() {
        FirstComplained::NoAnswer6Weeks
    } else {
        match age(reading, &done, &silence) {
            Some(true) => FirstComplained::NoAnswer6Weeks,
            Some(false) => FirstComplained::Waiting,
            None => FirstComplained::Unknown,
        }
    };
    (value, told(&[done, silence].concat(), value))
}

fn name(value: FirstComplained) -> &'static str {
    match value {
        FirstComplained::Answered => "answered",
        FirstComplained::NoAnswer6Weeks => "no-answer-6-weeks",
        FirstComplained::Waiting => "waiting",
        FirstComplained::No => "no",
        FirstComplained::Unknown => "unknown",
        FirstComplained::NotApplicable => "not-applicable",
    }
}

/// Does an outcome stand in the sentence of a complaint, behind it, or in the sentences that follow?
fn follows(event: &Event<'_, '_>, done: &[&Event<'_, '_>]) -> bool {
    event.place == Place::Own
        && done.iter().any(|complaint| {
            let near = event.order > complaint.order && event.order <= complaint.order + OUTCOME_SENTENCES;
            near || (event.order == complaint.order && event.hit.range.start >= complaint.hit.range.start)
        })
}

/// A weaker sign of an answer counts only in the sentence of a complaint, behind it, or right after it.
fn soon_after(event: &Event<'_, '_>, done: &[&Event<'_, '_>]) -> bool {
    event.place == Place::Own
        && done.iter().any(|complaint| {
            let near = event.order > complaint.order && event.order <= complaint.order + NEXT_SENTENCES;
            near || (event.order == complaint.order && event.hit.range.start >= complaint.hit.range.end)
        })
}

/// Was the complaint made six weeks ago or more? From the date beside the complaint, else beside the silence,
/// else in a sentence next to it.
fn age(reading: &Reading<'_>, done: &[&Event<'_, '_>], silence: &[&Event<'_, '_>]) -> Option<bool> {
    let nearest = |event: &Event<'_, '_>| -> Option<When> {
        let sentence = reading.sentences.get(event.hit.sentence)?;
        let range = &event.hit.range;
        whens(&sentence.text, reading.received)
            .into_iter()
            .filter(|when| matches!(when.sense, Sense::At | Sense::Since))
            .min_by_key(|when| distance(when, range))
    };
    let beside = |event: &Event<'_, '_>, step: isize| -> Option<When> {
        let index = event.hit.sentence.checked_add_signed(step)?;
        let sentence = reading.sentences.get(index).filter(|sentence| sentence.place == Place::Own)?;
        let found = whens(&sentence.text, reading.received);
        let mut told = found.into_iter().filter(|when| matches!(when.sense, Sense::At | Sense::Since));
        if step > 0 { told.next() } else { told.next_back() }
    };
    let when = done
        .iter()
        .find_map(|event| nearest(event))
        .or_else(|| silence.iter().find_map(|event| nearest(event)))
        .or_else(|| done.iter().find_map(|event| beside(event, 1)))
        .or_else(|| done.iter().find_map(|event| beside(event, -1)));
    let Some(when) = when else {
        return happened_lately(reading, done);
    };
    match when.span.at_least_days_before(ANSWER_DAYS, reading.received) {
        Answer::Yes => Some(true),
        Answer::No => Some(false),
        Answer::Unsure => {
            let share = when.span.share_before(ANSWER_DAYS, reading.received);
            if share >= SURE_SHARE {
                Some(true)
            } else if share <= 1.0 - SURE_SHARE {
                Some(false)
            } else {
                None
            }
        }
    }
}

/// A complaint without a date about what happened less than six weeks ago is not six weeks old either. More
/// cannot be told from the date of the gedraging.
fn happened_lately(reading: &Reading<'_>, done: &[&Event<'_, '_>]) -> Option<bool> {
    let first = done.iter().map(|event| event.hit.sentence).min()?;
    let before = first.saturating_sub(BEFORE_SENTENCES)..first;
    let sentences = before.rev().filter_map(|index| reading.sentences.get(index));
    let when = sentences
        .filter(|sentence| sentence.place == Place::Own && sentence.order > 0)
        .find_map(|sentence| whens(&sentence.text, reading.received).pop())?;
    let lately = when.sense == Sense::At
        && when.span.at_least_days_before(ANSWER_DAYS, reading.received) == Answer::No
        && when.span.last < reading.received;
    lately.then_some(false)
}

fn distance(when: &When, range: &std::ops::Range<usize>) -> usize {
    if when.end <= range.start { range.start - when.end } else { when.start.saturating_sub(range.end) }
}

/// Where a body is named that this office may handle (`belongs`), or one that it may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    pub document: usize,
    /// Character in the text of the document.
    pub start: usize,
    pub belongs: bool,
}

/// Of a mixed complaint, the part that belongs here: a sentence is about the body that was named last.
pub fn judge_part(
    reading: &Reading<'_>,
    hits: &Hits<'_>,
    named: &[Named],
) -> (FirstComplained, Vec<Finding>) {
    let mut sides: Vec<Option<bool>> = Vec::with_capacity(reading.sentences.len());
    let mut side = None;
    for sentence in &reading.sentences {
        let until = sentence.start_char + sentence.source.chars().count();
        let mut here = named.iter().filter(|one| {
            Some(one.document) == sentence.document && (sentence.start_char..until).contains(&one.start)
        });
        if let Some(first) = here.next() {
            // A sentence that names both ("klacht over de gemeente en het UWV") says nothing of its side.
            side = if here.all(|one| one.belongs == first.belongs) { Some(first.belongs) } else { side };
        }
        sides.push(if sentence.place == Place::Own { side } else { None });
    }
    // What stands before any name is about both; the same holds when nothing is told for this part alone.
    let (value, findings) =
        judge_within(reading, hits, &|index| sides.get(index).copied().flatten() == Some(true));
    if value != FirstComplained::Unknown {
        return (value, findings);
    }
    let (value, findings) =
        judge_within(reading, hits, &|index| sides.get(index).copied().flatten() != Some(false));
    if value != FirstComplained::Unknown { (value, findings) } else { judge_within(reading, hits, &|_| true) }
}
