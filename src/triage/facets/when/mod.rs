//! Dates and durations in Dutch (and simple English), as intervals of days reckoned to the date of receipt.
//!
//! People write "15 januari", "begin maart", "vorig jaar zomer", "al 14 weken", "een half jaar geleden". None
//! of these is one day: each is read as a [`Span`] of days between which the moment lies, so that a question
//! such as "six weeks ago or more?" has three answers: yes, no, and cannot be told. The months, weekdays and
//! counting words are the grammar of a date, not rules of an office, so they stand here and not in `rules/`.
//!
//! Invariant: a date without a year lies in the past, in the year nearest to receipt; one pass over the words,
//! with a bounded look ahead, so linear in the length of the text.

mod amounts;
mod back;
mod dates;
mod feasts;
#[cfg(test)]
mod tests;
mod words;

use super::super::reading::Sentence;
use jiff::ToSpan;
use jiff::civil::Date;
use words::{Token, tokens};

/// Days between which a moment lies, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub first: Date,
    pub last: Date,
}

/// How an expression of time is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    /// It happened then.
    At,
    /// It began then and goes on ("sinds", "al … weken").
    Since,
    /// It ended then ("tot", "t/m").
    Until,
    /// It must be done by then, or will be then ("vóór", "over drie weken"): says nothing of the past.
    Ahead,
}

/// One expression of time: where it stands (bytes of the text given) and which days it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When {
    pub start: usize,
    pub end: usize,
    pub sense: Sense,
    pub span: Span,
    /// The writer gave the year: in words or in figures.
    pub year_given: bool,
}

/// A question about an interval of days may have no sure answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Yes,
    No,
    Unsure,
}

impl Span {
    fn day(date: Date) -> Self {
        Self { first: date, last: date }
    }

    fn ago(received: Date, least: i64, most: i64) -> Self {
        Self { first: minus(received, most), last: minus(received, least) }
    }

    /// What came so many days after it, and not after receipt.
    pub fn later(&self, least: i64, most: i64, received: Date) -> Self {
        let first = plus(self.first, least).min(received);
        Self { first, last: plus(self.last, most).min(received).max(first) }
    }

    /// Did it lie at least so many days before `date`? Unsure when the interval straddles the limit.
    pub fn at_least_days_before(&self, days: i64, date: Date) -> Answer {
        let limit = minus(date, days);
        if self.last <= limit {
            Answer::Yes
        } else if self.first > limit {
            Answer::No
        } else {
            Answer::Unsure
        }
    }

    /// The share (0 to 1) of the interval that lies at least so many days before `date`.
    pub fn share_before(&self, days: i64, date: Date) -> f64 {
        let limit = minus(date, days);
        let length =
            |from: Date, until: Date| f64::from(from.until(until).map_or(0, |span| span.get_days()) + 1);
        if self.first > limit {
            return 0.0;
        }
        (length(self.first, limit.min(self.last)) / length(self.first, self.last)).clamp(0.0, 1.0)
    }

    /// Did it lie more than a year before `date`? Unsure when the interval straddles that day.
    pub fn over_a_year_before(&self, date: Date) -> Answer {
        let limit = date.checked_sub(1.year()).unwrap_or(date);
        if self.last < limit {
            Answer::Yes
        } else if self.first >= limit {
            Answer::No
        } else {
            Answer::Unsure
        }
    }
}

fn minus(date: Date, days: i64) -> Date {
    date.checked_sub(days.days()).unwrap_or(Date::MIN)
}

fn plus(date: Date, days: i64) -> Date {
    date.checked_add(days.days()).unwrap_or(Date::MAX)
}

impl Sentence<'_> {
    /// Every expression of time in the sentence, in order, read once. `received` is the date of receipt.
    pub fn whens(&self, received: Date) -> &[When] {
        self.times.get_or_init(|| whens(&self.text, received))
    }
}

/// Every expression of time in `text`, in order.
fn whens(text: &str, received: Date) -> Vec<When> {
    let tokens = tokens(text);
    let mut found: Vec<When> = Vec::new();
    let (mut at, mut last_next) = (0, 0);
    let reader = Reader { tokens: &tokens, received };
    while at < tokens.len() {
        match reader.read(at) {
            Some(hit) => {
                let (first, sense) = reader.lead(at, hit.sense);
                // "Vlak na Pasen, op de dinsdag": the weekday tells nothing more.
                let day_only = hit.next == at + 1 && words::weekday(reader.word(at)).is_some();
                let after_another = found.last().is_some_and(|_| at - last_next <= 4);
                if !(day_only && after_another) {
                    found.push(When {
                        start: tokens[first].start,
                        end: tokens[hit.next - 1].end,
                        sense,
                        span: hit.span,
                        year_given: hit.year_given,
                    });
                    last_next = hit.next;
                }
                at = hit.next;
            }
            None => at += 1,
        }
    }
    found
}

/// How many days after what was told before, from least to most, when the text says so: "een week later".
pub fn days_later(text: &str) -> Option<(i64, i64)> {
    let tokens = tokens(text);
    feasts::days_later(&Reader { tokens: &tokens, received: Date::MIN })
}

/// What was read from a token on: the days, and the token after it.
struct Hit {
    next: usize,
    span: Span,
    sense: Sense,
    year_given: bool,
}

struct Reader<'a> {
    tokens: &'a [Token<'a>],
    received: Date,
}

impl Reader<'_> {
    fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.word.as_ref())
    }

    fn hit(&self, next: usize, span: Span) -> Option<Hit> {
        Some(Hit { next, span, sense: Sense::At, year_given: false })
    }

    fn read(&self, at: usize) -> Option<Hit> {
        self.beside(at)
            .or_else(|| self.numeric(at))
            .or_else(|| self.week_of_month(at))
            .or_else(|| self.day_month(at))
            .or_else(|| self.month_day_english(at))
            .or_else(|| self.duration(at))
            .or_else(|| self.relative(at))
            .or_else(|| self.part_of_period(at))
            .or_else(|| self.weekday(at))
    }

    /// The preposition before an expression decides how it is meant.
    fn lead(&self, at: usize, sense: Sense) -> (usize, Sense) {
        let mut first = at;
        let mut sense = sense;
        for _ in 0..3 {
            if first == 0 {
                break;
            }
            match self.word(first - 1) {
                "sinds" | "sedert" | "vanaf" | "since" | "seit" | "from" => sense = Sense::Since,
                "tot" | "until" | "till" | "t/m" | "tm" | "bis" => sense = Sense::Until,
                "voor" | "vóór" | "uiterlijk" | "before" | "by" if sense == Sense::At => {
                    sense = Sense::Ahead
                }
                "de" | "het" | "the" | "al" | "reeds" | "ongeveer" | "rond" | "circa" | "aan" | "en"
                | "met" | "op" => {}
                _ => break,
            }
            first -= 1;
            if sense != Sense::At {
                break;
            }
        }
        // "Sinds de renovatie twee jaar geleden": what it began with stands in between.
        let begun =
            (at.saturating_sub(4)..at).rev().find(|i| matches!(self.word(*i), "sinds" | "sedert" | "since"));
        if let (Sense::At, Some(begun)) = (sense, begun) {
            let clause =
                (begun..at).any(|i| matches!(self.word(i), "," | "." | ";" | "heb" | "is" | "was" | "ben"));
            if !clause {
                return (begun, Sense::Since);
            }
        }
        if sense == Sense::At { (at, sense) } else { (first, sense) }
    }
}
