//! Did the gedraging end more than a year before receipt (Awb 9:8 lid 1 onder b, 9:24)? A flag for staff.
//!
//! What goes on is not old, however long ago it began. Dates of the complaint and its answer, of the letter
//! itself and of the writer's own history do not count as dates of the gedraging.

use super::super::reading::{Place, Sentence};
use super::Evidence;
use super::when::{Answer, Sense, When};
use crate::record::{Finding, Kind, OlderThanYear};
use jiff::civil::Date;

/// Sentences at the start in which the date line of a letter stands.
const LETTERHEAD_SENTENCES: usize = 14;
/// Days that a letter is on its way, lies about or waits for its stamp.
const LETTER_DAYS_MAX: i64 = 120;
/// Characters of own words below which no mention of time means that it cannot be told.
const SHORT_TEXT_CHARS: usize = 170;

/// A date told as an end counts as saying that it is over.
const ENDED_UNTIL: f64 = 2.0;

/// Said in so many words that it is long over: what else goes on is something else.
const ENDED_SURE: f64 = 4.0;

/// From this weight the writer says that he does not tell when it was.
const UNTOLD_SURE: f64 = 2.5;

/// What the dates in the own words say.
#[derive(Default)]
struct Dates {
    old: usize,
    /// Old, and told as an end: "tot zomer 2024".
    until: usize,
    recent: usize,
    since: usize,
    unsure: usize,
}

pub(super) fn judge(evidence: &Evidence<'_>, kind: Kind, findings: &mut Vec<Finding>) -> OlderThanYear {
    let dates = dates(evidence);
    let ongoing = evidence.weight("older_than_year", "ongoing");
    let ended = evidence.weight("older_than_year", "ended") + if dates.until > 0 { ENDED_UNTIL } else { 0.0 };
    let recent = evidence.weight("older_than_year", "recent");
    // What goes on, or began at some time and is told as going on, is not over. Later dates are mostly those
    // of the writer's own steps: as many as there are of what happened may stand beside it.
    let goes_on = dates.since > 0 || ongoing > 0.0 || recent > 0.0;
    let over = ended > 0.0 && dates.since == 0 && ongoing == 0.0;
    let later = if dates.until > 0 { dates.old + 1 } else { dates.old };
    let yes = dates.old > 0 && (ended >= ENDED_SURE || (dates.recent <= later && (over || !goes_on)));
    if yes {
        evidence.tell("older_than_year", "ended", "older_than_year=yes", findings);
        return OlderThanYear::Yes;
    }
    let told = dates.old + dates.recent + dates.since + dates.unsure > 0 || ongoing + recent + ended > 0.0;
    let untold = evidence.weight("older_than_year", "untold") >= UNTOLD_SURE && dates.old + dates.since == 0;
    let timeless = !told && is_timeless(evidence);
    if untold || timeless && kind != Kind::Report && own_chars(evidence) < SHORT_TEXT_CHARS {
        evidence.tell("older_than_year", "untold", "older_than_year=unknown", findings);
        return OlderThanYear::Unknown;
    }
    evidence.tell("older_than_year", "ongoing", "older_than_year=no", findings);
    evidence.tell("older_than_year", "recent", "older_than_year=no", findings);
    OlderThanYear::No
}

/// No time is told but the day on which the letter was written.
fn is_timeless(evidence: &Evidence<'_>) -> bool {
    evidence.reading.own().all(|one| {
        let found = one.whens(evidence.reading.received);
        found.is_empty() || is_date_line(one, found, evidence.reading.received)
    })
}

fn own_chars(evidence: &Evidence<'_>) -> usize {
    evidence.reading.own().map(|sentence| sentence.text.len()).sum()
}

/// Sentences (by index) whose dates are not those of the gedraging: of the complaint, its answer, the writer's history.
pub(super) fn dates_aside(evidence: &Evidence<'_>) -> Vec<usize> {
    let mut aside = evidence.sentences("older_than_year", "aside");
    let mut of_complaint = vec!["done", "answered", "late", "receipt"];
    if !evidence.sentences("complained", "done").is_empty() {
        of_complaint.extend(["reply", "denied"]);
    }
    for value in of_complaint {
        aside.extend(evidence.sentences("complained", value));
    }
    aside
}

/// "Den Haag, 2 februari 2026": the date of the letter, which is not long before it came in.
pub(super) fn is_date_line(sentence: &Sentence<'_>, found: &[When], received: Date) -> bool {
    let [when] = found else { return false };
    let lately = when.span.at_least_days_before(LETTER_DAYS_MAX, received) != Answer::Yes;
    lately
        && sentence.order < LETTERHEAD_SENTENCES
        && sentence.text.len() < 50
        && when.span.first == when.span.last
        && sentence.text.len() - (when.end - when.start) < 24
}

fn dates(evidence: &Evidence<'_>) -> Dates {
    let aside = dates_aside(evidence);
    let own = dates_in(evidence, Place::Own, &aside);
    if own.old + own.recent + own.since + own.unsure > 0 {
        return own;
    }
    dates_in(evidence, Place::Attachment, &aside)
}

fn dates_in(evidence: &Evidence<'_>, place: Place, aside: &[usize]) -> Dates {
    let reading = evidence.reading;
    let mut dates = Dates::default();
    for (index, sentence) in reading.sentences.iter().enumerate() {
        if sentence.place != place || aside.contains(&index) {
            continue;
        }
        let found = sentence.whens(reading.received);
        if is_date_line(sentence, found, reading.received) {
            continue;
        }
        for when in found {
            let answer = when.span.over_a_year_before(reading.received);
            match (when.sense, answer) {
                (Sense::Ahead, _) => {}
                (Sense::Since, _) => dates.since += 1,
                (Sense::Until, Answer::Yes) => {
                    dates.old += 1;
                    dates.until += 1;
                }
                (_, Answer::Yes) => dates.old += 1,
                (_, Answer::No) => dates.recent += 1,
                (_, Answer::Unsure) => dates.unsure += 1,
            }
        }
    }
    dates
}
