//! Was the body itself addressed first (kenbaarheidsvereiste, Awb 9:20), and did it answer?
//!
//! Rules (`complained.toml`) mark a complaint made, denied, answered or met with silence; the dates beside
//! the complaint, reckoned to receipt, tell waiting from six weeks without an answer.

use super::super::matching::{Hit, Hits};
use super::super::reading::{Place, Reading};
use super::super::rules::Rule;
use super::when::{Answer, Sense, When, days_later};
use crate::record::{Finding, FirstComplained};

/// Sentences after a complaint in which what came of it is told.
const OUTCOME_SENTENCES: usize = 7;
/// Sentences after a complaint in which a weaker sign of an answer counts.
const NEXT_SENTENCES: usize = 3;
/// Sentences before a complaint in which the date of the gedraging is looked for.
const BEFORE_SENTENCES: usize = 12;
/// Sentences at the head of a letter that is sent along, in which its date stands.
const LETTERHEAD_SENTENCES: usize = 12;
/// From this weight a denial stands, whatever else was answered (an objection, a request).
const DENIED_SURE: f64 = 4.0;
/// Below this weight a denial is a word that may mean something else.
const DENIED_PLAIN: f64 = 2.5;
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
    term_days: i64,
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
    let refused = |event: &Event<'_, '_>| says_no(reading, event.hit.sentence);
    let of = |value: &str| -> Vec<&Event<'_, '_>> {
        let all = events.iter();
        match value {
            "done" => all.filter(|one| is(one, &["done", "unanswered"]) && !refused(one)).collect(),
            "denied" => {
                all.filter(|one| is(one, &["denied"]) || (is(one, &["done"]) && refused(one))).collect()
            }
            "reply" | "maybe-reply" => all.filter(|one| is(one, &[value]) && !refused(one)).collect(),
            value => all.filter(|one| is(one, &[value])).collect(),
        }
    };
    let best = |found: &[&Event<'_, '_>]| found.iter().map(|event| event.rule.weight).fold(0.0, f64::max);
    let (mut done, denied) = (of("done"), of("denied"));
    if denied.is_empty() {
        done.extend(of("sent"));
    }
    if done.is_empty() && best(&denied) < DENIED_PLAIN {
        // A letter about it is a complaint when the writer tells what came of it.
        done = of("maybe-done");
        let outcome = |value: &str| of(value).into_iter().any(|event| follows(event, &done));
        let perhaps = of("maybe-reply").into_iter().any(|event| soon_after(event, &done));
        if !perhaps && !["silence", "unanswered", "reply", "late", "receipt"].into_iter().any(outcome) {
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
    let following =
        |value: &str| of(value).into_iter().filter(|event| follows(event, &done)).collect::<Vec<_>>();
    let (receipt, unanswered, late) = (following("receipt"), following("unanswered"), following("late"));
    // "Een brief dat zij het in behandeling nemen" is no answer.
    let holding = |event: &&Event<'_, '_>| !receipt.iter().any(|one| one.hit.sentence == event.hit.sentence);
    let reply: Vec<_> = following("reply").into_iter().filter(holding).collect();
    let silence = [following("silence"), unanswered.clone(), receipt.clone(), late.clone()].concat();

    let answered = of("answered");
    let own_answer = answered.iter().any(|event| event.place == Place::Own);
    let sure = best(&denied) >= DENIED_SURE && done.is_empty();
    let dated = done.iter().any(|event| event.place == Place::Own && nearest(reading, event).is_some());
    let outcome = !(reply.is_empty() && silence.is_empty());
    if !denied.is_empty() && best(&denied) > best(&done) && (!own_answer || sure) && !(dated && outcome) {
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
    let last =
        |found: &[&Event<'_, '_>]| found.iter().map(|event| (event.order, event.hit.range.start)).max();
    // An answer is an answer, whatever was not told in it; only "op mijn klacht kwam niets" weighs more.
    if !reply.is_empty() && (unanswered.is_empty() || last(&reply) > last(&unanswered)) {
        return (FirstComplained::Answered, told(&[done, reply].concat(), FirstComplained::Answered));
    }
    if silence.is_empty() {
        let maybe: Vec<_> = of("maybe-reply").into_iter().filter(|event| soon_after(event, &done)).collect();
        if !maybe.is_empty() {
            return (FirstComplained::Answered, told(&[done, maybe].concat(), FirstComplained::Answered));
        }
    }
    let value = if late.is_empty() {
        let papers = [of("lodged"), of("sent")].concat();
        match age(reading, term_days, &done, &silence, &papers) {
            Some(true) => FirstComplained::NoAnswer6Weeks,
            Some(false) => FirstComplained::Waiting,
            None => FirstComplained::Unknown,
        }
    } else {
        FirstComplained::NoAnswer6Weeks
    };
    (value, told(&[done, silence].concat(), value))
}

fn is(event: &Event<'_, '_>, values: &[&str]) -> bool {
    values.contains(&event.rule.value.as_str())
}

/// `Hebt u al geklaagd? [Nee]`: a question of a form that is answered with no.
fn says_no(reading: &Reading<'_>, index: usize) -> bool {
    let asks = reading.sentences.get(index).is_some_and(|one| one.text.trim_end().ends_with(['?', ':']));
    let next = reading.sentences.get(index + 1).filter(|_| asks);
    next.is_some_and(|one| {
        let said = one.text.trim_start_matches(|c: char| !c.is_alphanumeric());
        let word = said.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        matches!(word, "nee" | "neen" | "niet" | "no" | "nein")
    })
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
            // A complaint that is sent along lies before all that the writer tells now.
            let sent = complaint.rule.value == "sent";
            let near = event.order > complaint.order && event.order <= complaint.order + OUTCOME_SENTENCES;
            sent || near
                || (event.order == complaint.order && event.hit.range.start >= complaint.hit.range.start)
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

/// Was the complaint made longer ago than the body has to answer? From the date beside the complaint, else on the copy or the receipt
/// of it that is enclosed (`papers`), else beside the silence, else in a sentence next to it.
fn age(
    reading: &Reading<'_>,
    term_days: i64,
    done: &[&Event<'_, '_>],
    silence: &[&Event<'_, '_>],
    papers: &[&Event<'_, '_>],
) -> Option<bool> {
    let beside = |event: &Event<'_, '_>, step: isize| -> Option<When> {
        let index = event.hit.sentence.checked_add_signed(step)?;
        let sentence = reading.sentences.get(index).filter(|sentence| sentence.place == Place::Own)?;
        let found = sentence.whens(reading.received);
        let mut told = found.iter().copied().filter(|when| matches!(when.sense, Sense::At | Sense::Since));
        if step > 0 { told.next() } else { told.next_back() }
    };
    // The question of a form; its date stands behind the next one.
    let asked = |event: &&&Event<'_, '_>| {
        reading.sentences.get(event.hit.sentence).is_some_and(|one| one.text.trim_end().ends_with('?'))
    };
    let when = done
        .iter()
        .find_map(|event| nearest(reading, event))
        .or_else(|| papers.iter().find_map(|event| nearest(reading, event)))
        .or_else(|| done.iter().find_map(|event| later(reading, event)))
        .or_else(|| silence.iter().find_map(|event| nearest(reading, event)))
        .or_else(|| done.iter().find_map(|event| beside(event, 1)))
        .or_else(|| {
            done.iter().filter(|event| asked(event)).find_map(|event| beside(event, 2).or(beside(event, 3)))
        })
        .or_else(|| done.iter().find_map(|event| beside(event, -1)));
    let Some(when) = when else {
        return happened_lately(reading, term_days, done);
    };
    match when.span.at_least_days_before(term_days, reading.received) {
        Answer::Yes => Some(true),
        Answer::No => Some(false),
        Answer::Unsure => {
            let share = when.span.share_before(term_days, reading.received);
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

/// The time told nearest to an event: in its sentence, or anywhere in a letter that is sent along.
fn nearest(reading: &Reading<'_>, event: &Event<'_, '_>) -> Option<When> {
    let sentence = reading.sentences.get(event.hit.sentence)?;
    let range = &event.hit.range;
    let past = |when: &When| matches!(when.sense, Sense::At | Sense::Since);
    let here = sentence.whens(reading.received).iter().copied().filter(past);
    here.min_by_key(|when| distance(when, range)).or_else(|| {
        let sent = matches!(event.rule.value.as_str(), "sent" | "lodged");
        let near = event.hit.sentence.saturating_sub(LETTERHEAD_SENTENCES)..event.hit.sentence;
        let mut head = near.filter_map(|index| reading.sentences.get(index));
        head.find_map(|one| {
            let same = sent && one.place == sentence.place && one.document == sentence.document;
            let told = if same { one.whens(reading.received) } else { &[] };
            told.iter().copied().find(|when| past(when) && when.span.first == when.span.last)
        })
    })
}

/// "Diezelfde dag", "een week later": reckoned from the last time told before it.
fn later(reading: &Reading<'_>, event: &Event<'_, '_>) -> Option<When> {
    let sentence = reading.sentences.get(event.hit.sentence).filter(|one| one.place == Place::Own)?;
    let (least, most) = days_later(&sentence.text)?;
    let before = event.hit.sentence.saturating_sub(BEFORE_SENTENCES)..event.hit.sentence;
    let mut told = before
        .rev()
        .filter_map(|index| reading.sentences.get(index))
        .filter(|one| one.place == Place::Own && one.order > 0);
    // In a list of days ("26 juni: ...") the day at the head of the last line, else the last day told.
    let headed = told.clone().find_map(|one| {
        one.whens(reading.received).iter().copied().find(|when| is_moment(when) && heads(&one.text, when))
    });
    let when = headed
        .or_else(|| told.find_map(|one| one.whens(reading.received).iter().copied().rfind(is_moment)))?;
    Some(When { span: when.span.later(least, most, reading.received), ..when })
}

/// "26 juni: verslag ontvangen."
fn heads(text: &str, when: &When) -> bool {
    when.start <= 3 && text.get(when.end..).is_some_and(|rest| rest.trim_start().starts_with(':'))
}

/// A complaint without a date about what happened less than six weeks ago is not six weeks old either. More
/// cannot be told from the date of the gedraging.
fn happened_lately(reading: &Reading<'_>, term_days: i64, done: &[&Event<'_, '_>]) -> Option<bool> {
    let first = done.iter().map(|event| event.hit.sentence).min()?;
    let before = first.saturating_sub(BEFORE_SENTENCES)..first;
    let sentences = before.rev().filter_map(|index| reading.sentences.get(index));
    let when = sentences
        .filter(|sentence| sentence.place == Place::Own && sentence.order > 0)
        .find_map(|sentence| sentence.whens(reading.received).last().copied())?;
    let lately = when.sense == Sense::At
        && when.span.at_least_days_before(term_days, reading.received) == Answer::No
        && when.span.last < reading.received;
    lately.then_some(false)
}

/// A day or a few weeks at most, not "in 1998".
fn is_moment(when: &When) -> bool {
    const DAYS_MAX: i32 = 45;
    when.sense == Sense::At
        && when.span.first.until(when.span.last).is_ok_and(|span| span.get_days() <= DAYS_MAX)
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

/// Of a mixed complaint, the part that belongs here. Where the writer tells one thing after the other ("ten
/// tweede", "2."), each thing is about the body that is named first in it; elsewhere a sentence is about the
/// body that was named last.
pub fn judge_part(
    reading: &Reading<'_>,
    hits: &Hits<'_>,
    term_days: i64,
    named: &[Named],
) -> (FirstComplained, Vec<Finding>) {
    let opens: Vec<usize> = hits
        .on("complained")
        .filter(|(rule, _)| rule.value == "next-part")
        .map(|(_, hit)| hit.sentence)
        .collect();
    let mut sides: Vec<Option<bool>> = Vec::with_capacity(reading.sentences.len());
    let mut side = None;
    // In a thing told apart: whether its side is known.
    let mut apart: Option<bool> = None;
    for (index, sentence) in reading.sentences.iter().enumerate() {
        if opens.contains(&index) {
            apart = Some(false);
            side = side.map(|before: bool| !before);
        }
        let until = sentence.start_char + sentence.source.chars().count();
        let mut here = named.iter().filter(|one| {
            Some(one.document) == sentence.document && (sentence.start_char..until).contains(&one.start)
        });
        if let Some(first) = here.next().filter(|_| apart != Some(true)) {
            // A sentence that names both ("klacht over de gemeente en het UWV") says nothing of its side.
            let alone = here.all(|one| one.belongs == first.belongs);
            side = if alone { Some(first.belongs) } else { side };
            apart = apart.map(|known| known || alone);
        }
        sides.push(if sentence.place == Place::Own { side } else { None });
    }
    // What stands before any name is about both; the same holds when nothing is told for this part alone.
    let (value, findings) =
        judge_within(reading, hits, term_days, &|index| sides.get(index).copied().flatten() == Some(true));
    if value != FirstComplained::Unknown {
        return (value, findings);
    }
    let (value, findings) =
        judge_within(reading, hits, term_days, &|index| sides.get(index).copied().flatten() != Some(false));
    if value != FirstComplained::Unknown {
        (value, findings)
    } else {
        judge_within(reading, hits, term_days, &|_| true)
    }
}
