//! Working days, Dutch public holidays and terms (Algemene termijnenwet, "Atw"; Awb 9:8, 9:11).
//!
//! Two kinds of terms end differently. A term of the **law** that ends on a Saturday, Sunday or holiday runs
//! on to the next day that is none of these (Atw 1). A promise of the **office's own page** is no such term:
//! it is kept by planning the working day before. The day of receipt is never counted.
//!
//! Invariant: pure but for [`Calendar::load`]; the same day, term and file give the same end.

use crate::limits::CONFIG_BYTES_MAX;
use crate::record::{Deadline, Judgement, MONTHS, Office, Promise, Scope, Term, Unit, easter};
use jiff::civil::{Date, Weekday, date};
use jiff::{Span, ToSpan};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Atw 4: longer terms of the law are not extended.
const EXTENDED_WEEKS_MAX: u32 = 12;
const EXTENDED_DAYS_MAX: u32 = 90;

/// Days walked in search of a working day: the longest row of days off is far shorter.
const DAYS_OFF_MAX: u32 = 60;

/// Days put on a par with holidays by decree (Atw 3 lid 3) and the office's own closing days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    on_a_par: BTreeSet<Date>,
    closed: BTreeSet<Date>,
}

/// What `holidays.toml` may hold, as JSON Schema.
pub fn schema() -> serde_json::Value {
    crate::record::schema_of::<File>("holidays.toml")
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct File {
    #[schemars(with = "Vec<String>")]
    on_a_par: Vec<toml::value::Datetime>,
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    closed: Vec<toml::value::Datetime>,
}

/// What is wrong with `holidays.toml`.
#[derive(Debug, thiserror::Error)]
pub enum CalendarError {
    #[error("{path}: cannot be read: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}: larger than {CONFIG_BYTES_MAX} bytes")]
    TooLarge { path: PathBuf },
    #[error("{path}:{fault}")]
    Parse { path: PathBuf, fault: String },
}

impl Calendar {
    /// Reads `holidays.toml`.
    ///
    /// # Errors
    /// When the file cannot be read, or is not as it should be (with line).
    pub fn load(path: &Path) -> Result<Self, CalendarError> {
        let read = |source| CalendarError::Read { path: path.to_owned(), source };
        if std::fs::metadata(path).map_err(read)?.len() > CONFIG_BYTES_MAX {
            return Err(CalendarError::TooLarge { path: path.to_owned() });
        }
        let text = std::fs::read_to_string(path).map_err(read)?;
        Self::parse(&text).map_err(|fault| CalendarError::Parse { path: path.to_owned(), fault })
    }

    /// Reads the text of `holidays.toml`; the fault is `line: what`.
    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| {
            let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or(text);
            format!("{}: {}", before.matches('\n').count() + 1, error.message())
        })?;
        let days = |list: Vec<toml::value::Datetime>| {
            list.into_iter()
                .map(|day| {
                    let fault = || {
                        let line = text.lines().position(|line| line.contains(&day.to_string()));
                        format!(
                            "{}: {day} is not a date such as 2026-05-15",
                            line.map_or(1, |index| index + 1)
                        )
                    };
                    let (Some(part), None, None) = (day.date, day.time, day.offset) else {
                        return Err(fault());
                    };
                    let number = |n: u8| i8::try_from(n).unwrap_or(0);
                    let year = i16::try_from(part.year).unwrap_or(0);
                    Date::new(year, number(part.month), number(part.day)).map_err(|_| fault())
                })
                .collect::<Result<BTreeSet<Date>, String>>()
        };
        Ok(Self { on_a_par: days(file.on_a_par)?, closed: days(file.closed)? })
    }

    /// Whether any day of that year was put on a par: without one the file is probably out of date.
    pub fn knows_year(&self, year: i16) -> bool {
        self.on_a_par.iter().any(|day| day.year() == year)
    }

    /// A holiday in the sense of Atw 3: fixed by law or put on a par.
    pub fn is_holiday(&self, day: Date) -> bool {
        self.on_a_par.contains(&day) || holidays(day.year()).iter().any(|(holiday, _)| *holiday == day)
    }

    /// Monday to Friday and no holiday.
    pub fn is_working_day(&self, day: Date) -> bool {
        !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !self.is_holiday(day)
    }

    /// A working day of the law, or one on which this office is open as well.
    fn counts(&self, day: Date, term: Term) -> bool {
        self.is_working_day(day) && (term == Term::Law || !self.closed.contains(&day))
    }

    /// The `count`-th working day after `from`, which is not counted itself.
    pub fn add_working_days(&self, from: Date, count: u32, term: Term) -> Date {
        (0..count).fold(from, |day, _| self.step(day, 1, term))
    }

    /// The nearest day that counts after (`direction` 1) or before (-1) a day.
    fn step(&self, day: Date, direction: i64, term: Term) -> Date {
        let mut next = day;
        for _ in 0..DAYS_OFF_MAX {
            next = add(next, direction.days());
            if self.counts(next, term) {
                break;
            }
        }
        next
    }

    /// The last day of a promise or term that began with a receipt on `received`.
    pub fn due(&self, promise: &Promise, received: Date) -> Date {
        let count = i64::from(promise.count);
        let plain = match promise.unit {
            Unit::WorkingDays => return self.add_working_days(received, promise.count, promise.term),
            Unit::Days => add(received, count.days()),
            Unit::Weeks => add(received, count.weeks()),
            Unit::Years => add(received, count.years()),
        };
        match promise.term {
            Term::Law if is_extended(promise) => self.extend(promise, received, plain),
            Term::Law => plain,
            Term::Page if self.counts(plain, Term::Page) => plain,
            Term::Page => self.step(plain, -1, Term::Page).max(received),
        }
    }

    /// Atw 1 and 2: on to a day that is no weekend day or holiday; a term of three days or more holds at least
    /// two working days.
    fn extend(&self, promise: &Promise, received: Date, plain: Date) -> Date {
        let mut end = plain;
        if promise.unit == Unit::Days && promise.count >= 3 {
            let second = self.add_working_days(received, 2, Term::Law);
            end = end.max(second);
        }
        if self.is_working_day(end) { end } else { self.step(end, 1, Term::Law) }
    }

    /// The promises and terms that run for one piece, nearest first. None for machine-made mail; where nothing
    /// is complained about only the promised contact.
    pub fn deadlines(&self, office: &Office, received: Date, judgement: &Judgement) -> Vec<Deadline> {
        if judgement.automatic.is_some() {
            return Vec::new();
        }
        let mut deadlines: Vec<Deadline> = office
            .procedure
            .promises
            .iter()
            .filter(|promise| judgement.scope != Scope::None || promise.name == "contact")
            .map(|promise| Deadline {
                name: promise.name.clone(),
                due: self.due(promise, received),
                basis: promise.basis.clone(),
                term: Some(promise.term),
            })
            .collect();
        deadlines.sort_by_key(|deadline| deadline.due);
        deadlines
    }
}

/// Atw 4 takes long terms and terms in years out.
fn is_extended(promise: &Promise) -> bool {
    match promise.unit {
        Unit::Weeks => promise.count <= EXTENDED_WEEKS_MAX,
        Unit::Days => promise.count <= EXTENDED_DAYS_MAX,
        Unit::WorkingDays | Unit::Years => false,
    }
}

/// A date moved by a span; at the end of the calendar (year 9999) it stays where it is.
fn add(day: Date, span: Span) -> Date {
    day.saturating_add(span)
}

/// The holidays of Atw 3 lid 1 and 2 in one year, in order, with their Dutch names. Easter Sunday and Whit
/// Sunday need no mention: they are Sundays.
pub fn holidays(year: i16) -> Vec<(Date, &'static str)> {
    let year = year.clamp(1, 9999);
    let easter = easter(year);
    let kings_day = date(year, 4, 27);
    let kings_day = if kings_day.weekday() == Weekday::Sunday { date(year, 4, 26) } else { kings_day };
    let mut days = vec![
        (date(year, 1, 1), "Nieuwjaarsdag"),
        (add(easter, (-2).days()), "Goede Vrijdag"),
        (add(easter, 1.day()), "tweede paasdag"),
        (kings_day, "Koningsdag"),
        (date(year, 5, 5), "Bevrijdingsdag"),
        (add(easter, 39.days()), "Hemelvaartsdag"),
        (add(easter, 50.days()), "tweede pinksterdag"),
        (date(year, 12, 25), "eerste kerstdag"),
        (date(year, 12, 26), "tweede kerstdag"),
    ];
    days.sort_by_key(|(day, _)| *day);
    days
}

/// "dinsdag 7 april 2026": how a citizen reads a date.
pub fn in_words(day: Date) -> String {
    const DAYS: [&str; 7] = ["maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"];
    words(day, &DAYS, &MONTHS)
}

/// "Tuesday 7 April 2026".
pub fn in_english(day: Date) -> String {
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    words(day, &DAYS, &MONTHS)
}

fn words(day: Date, days: &[&str; 7], months: &[&str; 12]) -> String {
    let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
    let month = usize::try_from(day.month() - 1).unwrap_or(0);
    format!("{} {} {} {}", days[weekday % 7], day.day(), months[month % 12], day.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar() -> Calendar {
        Calendar::parse(include_str!("../rules/holidays.toml")).unwrap()
    }

    fn promise(count: u32, unit: Unit, term: Term) -> Promise {
        Promise { name: "decision".into(), count, unit, term, basis: String::new() }
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn the_days_of_the_law() {
        // Good Friday, Easter Monday, Koningsdag, Ascension, Whit Monday of 2025 to 2030.
        for (year, moving) in [
            (2025, ["04-18", "04-21", "04-26", "05-29", "06-09"]),
            (2026, ["04-03", "04-06", "04-27", "05-14", "05-25"]),
            (2027, ["03-26", "03-29", "04-27", "05-06", "05-17"]),
            (2028, ["04-14", "04-17", "04-27", "05-25", "06-05"]),
            (2029, ["03-30", "04-02", "04-27", "05-10", "05-21"]),
            (2030, ["04-19", "04-22", "04-27", "05-30", "06-10"]),
        ] {
            let mut expected: Vec<Date> = moving
                .iter()
                .chain(&["01-01", "05-05", "12-25", "12-26"])
                .map(|rest| day(&format!("{year}-{rest}")))
                .collect();
            expected.sort();
            let found: Vec<Date> = holidays(year).into_iter().map(|(day, _)| day).collect();
            assert_eq!(found, expected, "{year}");
        }
        for year in [2014, 2025, 2031, 2036, 2042] {
            assert!(holidays(year).contains(&(date(year, 4, 26), "Koningsdag")), "{year}");
        }
    }

    #[test]
    fn terms_of_the_law() {
        let calendar = calendar();
        for (received, weeks, end) in [
            ("2026-02-20", 6, "2026-04-07"),
            ("2026-02-23", 6, "2026-04-07"),
            // Put off by four weeks: counted from the plain end, not from the extended one.
            ("2026-02-23", 10, "2026-05-04"),
            ("2026-03-16", 6, "2026-04-28"),
            ("2026-03-16", 10, "2026-05-26"),
            ("2026-03-24", 6, "2026-05-06"),
            ("2026-04-02", 6, "2026-05-18"),
            ("2026-11-13", 6, "2026-12-28"),
            // The notice of Awb 9:8 lid 3: four weeks, over Good Friday and Easter Monday.
            ("2026-03-06", 4, "2026-04-07"),
            // Received on a Sunday counts as that day (Awb 2:20); only the end moves.
            ("2026-03-15", 6, "2026-04-28"),
            // Over twelve weeks: no extension (Atw 4). 2026-02-21 is a Saturday.
            ("2026-02-21", 14, "2026-05-30"),
        ] {
            assert_eq!(
                calendar.due(&promise(weeks, Unit::Weeks, Term::Law), day(received)),
                day(end),
                "{received} + {weeks} weken"
            );
        }
        assert_eq!(calendar.due(&promise(1, Unit::Years, Term::Law), day("2025-04-27")), day("2026-04-27"));
        // Atw 2: three days over Easter hold two working days.
        assert_eq!(calendar.due(&promise(3, Unit::Days, Term::Law), day("2026-04-02")), day("2026-04-08"));
    }

    #[test]
    fn working_days() {
        let calendar = calendar();
        for (received, end) in
            [("2026-04-01", "2026-04-10"), ("2026-05-12", "2026-05-21"), ("2025-12-31", "2026-01-09")]
        {
            assert_eq!(
                calendar.due(&promise(5, Unit::WorkingDays, Term::Page), day(received)),
                day(end),
                "{received}"
            );
        }
        assert!(calendar.is_working_day(day("2026-12-24")) && calendar.is_working_day(day("2026-12-31")));
    }

    #[test]
    fn a_promise_is_kept_the_working_day_before() {
        let calendar = calendar();
        // 14 days after Good Friday week: Easter Monday; the working day before is Thursday 2 April.
        let fortnight = promise(14, Unit::Days, Term::Page);
        assert_eq!(calendar.due(&fortnight, day("2026-03-23")), day("2026-04-02"));
        assert_eq!(calendar.due(&fortnight, day("2026-03-24")), day("2026-04-07"));
        // Never before the receipt.
        assert_eq!(calendar.due(&promise(1, Unit::Days, Term::Page), day("2026-04-04")), day("2026-04-04"));
        // The office's closing days move its own promises, not the law's terms.
        let closed = Calendar::parse("on_a_par = []\nclosed = [2026-03-09]").unwrap();
        assert_eq!(
            closed.due(&promise(5, Unit::WorkingDays, Term::Page), day("2026-03-02")),
            day("2026-03-10")
        );
        assert_eq!(closed.due(&promise(1, Unit::Weeks, Term::Law), day("2026-03-02")), day("2026-03-09"));
    }

    #[test]
    fn faults_name_the_line() {
        assert_eq!(
            Calendar::parse("on_a_par = [\n  2026-05-15T10:00:00,\n]").unwrap_err(),
            "2: 2026-05-15T10:00:00 is not a date such as 2026-05-15"
        );
        assert!(Calendar::parse("closed = []").unwrap_err().contains("on_a_par"));
        assert!(calendar().knows_year(2027) && !calendar().knows_year(2031));
    }

    #[test]
    fn dates_as_people_read_them() {
        assert_eq!(in_words(day("2026-04-07")), "dinsdag 7 april 2026");
        assert_eq!(in_english(day("2027-01-31")), "Sunday 31 January 2027");
    }
}
