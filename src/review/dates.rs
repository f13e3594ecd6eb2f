//! Dates as staff read them, and how near a promise is: always a colour and a word.

use crate::queue::Nearness;
use crate::record::{MONTHS, OFFICE_TIME_ZONE, office_date};
use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use serde::Serialize;

/// A due date with its colour (a class of the style sheet) and its word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Due {
    /// `late`, `today`, `soon`, `later`.
    pub class: &'static str,
    pub word: String,
    /// `ma 9 maart`.
    pub date: String,
    /// `2026-03-09`, for `<time datetime>`.
    pub iso: String,
}

/// How near a date is, seen from today.
pub fn due(date: Date, today: Date) -> Due {
    let nearness = Nearness::of(date, today);
    let class = match nearness {
        Nearness::Passed { .. } => "late",
        Nearness::Today => "today",
        Nearness::Soon { .. } => "soon",
        Nearness::Later { .. } => "later",
    };
    Due { class, word: nearness.label(), date: near(date, today), iso: date.to_string() }
}

fn month(date: Date) -> &'static str {
    usize::try_from(date.month() - 1).ok().and_then(|index| MONTHS.get(index)).copied().unwrap_or("?")
}

/// `ma 9 maart`, with the year when it is another than that of today.
pub fn near(date: Date, today: Date) -> String {
    let whole = short(date);
    if date.year() == today.year() {
        whole.trim_end_matches(char::is_numeric).trim_end().to_owned()
    } else {
        whole
    }
}

/// `14.05`, on the clock of the office.
pub fn time_of_day(at: Timestamp) -> String {
    at.in_tz(OFFICE_TIME_ZONE).map_or_else(|_| at.to_string(), |at| at.strftime("%H.%M").to_string())
}

/// `ma 9 maart 2026`.
pub fn short(date: Date) -> String {
    let day = match date.weekday() {
        Weekday::Monday => "ma",
        Weekday::Tuesday => "di",
        Weekday::Wednesday => "wo",
        Weekday::Thursday => "do",
        Weekday::Friday => "vr",
        Weekday::Saturday => "za",
        Weekday::Sunday => "zo",
    };
    format!("{day} {} {} {}", date.day(), month(date), date.year())
}

/// `9 maart 2026, 14:05` in the office's time.
pub fn moment(at: Timestamp) -> String {
    let date = office_date(at);
    let clock = at
        .in_tz(OFFICE_TIME_ZONE)
        .map(|zoned| format!(", {:02}:{:02}", zoned.hour(), zoned.minute()))
        .unwrap_or_default();
    format!("{} {} {}{clock}", date.day(), month(date), date.year())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_due_date_has_a_colour_and_a_word() {
        let today = date(2026, 3, 9);
        let of = |d: Date| {
            let due = due(d, today);
            (due.class, due.word)
        };
        assert_eq!(of(date(2026, 3, 8)), ("late", "1 dag te laat".into()));
        assert_eq!(of(date(2026, 2, 1)), ("late", "36 dagen te laat".into()));
        assert_eq!(of(today), ("today", "vandaag".into()));
        assert_eq!(of(date(2026, 3, 10)), ("soon", "morgen".into()));
        assert_eq!(of(date(2026, 5, 9)), ("later", "over 61 dagen".into()));
    }

    #[test]
    fn moments_are_told_in_the_time_of_the_office() {
        let at: Timestamp = "2026-07-01T22:30:00Z".parse().unwrap();
        assert_eq!(moment(at), "2 juli 2026, 00:30");
        assert_eq!(short(date(2026, 3, 9)), "ma 9 maart 2026");
        assert_eq!(near(date(2026, 3, 9), date(2026, 12, 1)), "ma 9 maart");
        assert_eq!(near(date(2025, 12, 31), date(2026, 1, 1)), "wo 31 december 2025");
    }
}
