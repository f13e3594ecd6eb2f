//! `GET /numbers`: how many came in, how long it took, what was decided, and whether terms were kept; as pictures with their
//! tables, as CSV (RFC 4180), and as the page of a year for the annual report.
//!
//! Invariant: counts only; nothing here can be led back to a person or a case.

use super::chart::{self, OverTime, Row, Step};
use super::dates;
use super::errors::Fault;
use super::guard::Visitor;
use super::pages::{self, Shell};
use super::state::{ReviewState, Shown};
use super::words;
use crate::limits::FIGURE_DAYS_MAX;
use crate::queue;
use crate::record::{Figure, FigureRow, MONTHS, Reading, Waited};
use axum::extract::{Extension, Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Bodies that a table shows one by one; the others are one row.
const BODIES_SHOWN_MAX: usize = 20;
/// A longer period is shown by month.
const WEEKS_SHOWN_MAX: i64 = 60;

/// The query of the page's address. What is no date chooses nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    from: String,
    until: String,
}

#[derive(Serialize)]
struct View {
    shell: Shell,
    from: String,
    until: String,
    period: String,
    years: Vec<i16>,
    csv: String,
    numbers: Numbers,
}

#[derive(Serialize)]
struct YearView {
    shell: Shell,
    year: i16,
    csv: String,
    whole: bool,
    today: String,
    summary: Vec<Compared>,
    numbers: Numbers,
}

/// A figure of the year beside the year before.
#[derive(Serialize)]
struct Compared {
    name: &'static str,
    now: String,
    before: String,
}

/// What both pages show.
#[derive(Serialize)]
struct Numbers {
    /// Cases that came in.
    cases: u64,
    by: &'static str,
    over_time: Option<OverTime>,
    steps: Vec<StepRow>,
    tables: Vec<Table>,
    proposals: Option<Proposals>,
}

#[derive(Serialize)]
struct StepRow {
    name: String,
    email: u64,
    letter: u64,
}

#[derive(Serialize)]
struct Table {
    id: &'static str,
    title: &'static str,
    explanation: &'static str,
    /// Head of the first column.
    of: &'static str,
    rows: Vec<Row>,
}

/// What was proposed, and what people decided.
#[derive(Serialize)]
struct Proposals {
    verdicts: Vec<&'static str>,
    rows: Vec<ProposalRow>,
}

#[derive(Serialize)]
struct ProposalRow {
    queue: String,
    counts: Vec<u64>,
    all: u64,
}

/// `GET /numbers`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Query(choice): Query<Choice>,
) -> Result<Response, Fault> {
    let today = state.today();
    let (from, until) = period(&choice, today);
    let (rows, first) =
        state.with_store(move |store| Ok((store.figures(from, until)?, store.first_figure()?))).await?;
    let view = View {
        shell: Shell::new(&state, &visitor, "numbers"),
        from: from.to_string(),
        until: until.to_string(),
        period: format!("{} tot en met {}", dates::short(from), dates::short(until)),
        years: (first.unwrap_or(today).year()..=today.year()).rev().collect(),
        csv: csv_address(from, until),
        numbers: numbers(&rows, from, until, &state.shown()),
    };
    Ok(pages::draw("numbers.html", &view)?.into_response())
}

/// `GET /numbers/{year}`
pub async fn year(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Path(year): Path<i16>,
) -> Result<Response, Fault> {
    let today = state.today();
    let days = |year: i16| Some((Date::new(year, 1, 1).ok()?, Date::new(year, 12, 31).ok()?));
    let chosen =
        days(year).zip(days(year.saturating_sub(1))).filter(|_| (2000..=today.year()).contains(&year));
    let Some(((from, until), (before_from, before_until))) = chosen else {
        return Err(Fault::not_found("Van dat jaar zijn er geen cijfers."));
    };
    let (rows, before) = state
        .with_store(move |store| Ok((store.figures(from, until)?, store.figures(before_from, before_until)?)))
        .await?;
    let view = YearView {
        shell: Shell::new(&state, &visitor, "numbers"),
        year,
        csv: csv_address(from, until),
        whole: until < today,
        today: dates::short(today),
        summary: summary(&rows, &before),
        numbers: numbers(&rows, from, until, &state.shown()),
    };
    Ok(pages::draw("year.html", &view)?.into_response())
}

/// `GET /numbers.csv`
pub async fn csv(State(state): State<ReviewState>, Query(choice): Query<Choice>) -> Result<Response, Fault> {
    let (from, until) = period(&choice, state.today());
    let rows = state.with_store(move |store| store.figures(from, until)).await?;
    let mut text = "day,figure,label,count\r\n".to_owned();
    for row in &rows {
        text += &format!("{},{},{},{}\r\n", row.day, row.figure.id(), quoted(&row.label), row.count);
    }
    let name = format!("attachment; filename=\"cijfers-{from}-{until}.csv\"");
    Ok((
        [(CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()), (CONTENT_DISPOSITION, name)],
        text,
    )
        .into_response())
}

/// RFC 4180; and no spreadsheet takes a label for a formula.
fn quoted(label: &str) -> String {
    let safe = if label.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{safe}{}\"", label.replace('"', "\"\""))
}

fn csv_address(from: Date, until: Date) -> String {
    pages::url("/numbers.csv", &[("from", &from.to_string()), ("until", &until.to_string())])
}

/// This year until today, unless chosen; never more days than the desk reads at once.
fn period(choice: &Choice, today: Date) -> (Date, Date) {
    let until: Date = choice.until.parse().unwrap_or(today);
    let begin = Date::new(until.year(), 1, 1).unwrap_or(until);
    let from: Date = choice.from.parse().unwrap_or(begin).min(until);
    (from.max(until.saturating_sub(FIGURE_DAYS_MAX.days())), until)
}

fn sums(rows: &[FigureRow], figure: Figure) -> BTreeMap<&str, u64> {
    let mut sums = BTreeMap::new();
    for row in rows.iter().filter(|row| row.figure == figure) {
        *sums.entry(row.label.as_str()).or_default() += row.count;
    }
    sums
}

fn numbers(rows: &[FigureRow], from: Date, until: Date, shown: &Shown) -> Numbers {
    let (by, steps) = steps(rows, from, until);
    Numbers {
        cases: sums(rows, Figure::Channel).values().sum(),
        by,
        over_time: OverTime::of(&steps, ["per e-mail", "per post"]),
        steps: steps
            .into_iter()
            .map(|step| StepRow { name: step.long, email: step.counts[0], letter: step.counts[1] })
            .collect(),
        tables: tables(rows, shown),
        proposals: proposals(rows, shown),
    }
}

/// What came in by week (ISO 8601), or by month when that would be too many.
fn steps(rows: &[FigureRow], from: Date, until: Date) -> (&'static str, Vec<Step>) {
    let by_month =
        from.until(until).map_or(i64::MAX, |span| i64::from(span.get_days()) / 7) > WEEKS_SHOWN_MAX;
    let begin = |day: Date| {
        if by_month {
            day.first_of_month()
        } else {
            day.saturating_sub(i64::from(day.weekday().to_monday_zero_offset()).days())
        }
    };
    let next =
        |day: Date| if by_month { day.saturating_add(1.month()) } else { day.saturating_add(7.days()) };
    let mut counts: BTreeMap<Date, [u64; 2]> = BTreeMap::new();
    let mut day = begin(from);
    while day <= until && next(day) > day {
        counts.insert(day, [0, 0]);
        day = next(day);
    }
    for row in rows.iter().filter(|row| row.figure == Figure::Channel) {
        let kind = usize::from(row.label == "letter");
        counts.entry(begin(row.day)).or_default()[kind] += row.count;
    }
    let step = |(day, counts): (Date, [u64; 2])| {
        let month =
            usize::try_from(day.month() - 1).ok().and_then(|at| MONTHS.get(at)).copied().unwrap_or("");
        let short_month = if month == "maart" { "mrt" } else { month.get(..3).unwrap_or(month) };
        let week = day.iso_week_date().week();
        let (short, long) = if by_month {
            (format!("{} {}", short_month, day.year()), format!("{month} {}", day.year()))
        } else {
            (format!("{} {}", day.day(), short_month), format!("week {week}, vanaf {}", dates::short(day)))
        };
        Step { short, long, counts }
    };
    (if by_month { "maand" } else { "week" }, counts.into_iter().map(step).collect())
}

fn tables(rows: &[FigureRow], shown: &Shown) -> Vec<Table> {
    let names = &shown.names;
    let of = |figure: Figure| {
        let mut counts: Vec<(String, u64)> =
            sums(rows, figure).into_iter().map(|(label, count)| (label.to_owned(), count)).collect();
        counts.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        counts
    };
    let whole = |counts: &[(String, u64)]| counts.iter().map(|(_, count)| count).sum::<u64>();
    // In the order of their steps, not by number.
    let stepped = |figure: Figure, ids: &[&'static str], name: fn(&str) -> &'static str| {
        let sums = sums(rows, figure);
        let count = |id: &&str| sums.get(*id).copied().unwrap_or(0);
        let last = ids.iter().rposition(|id| count(id) > 0).map_or(0, |last| last + 1);
        let counts = ids.iter().take(last).map(|id| (name(id).to_owned(), count(id)));
        chart::rows(counts, sums.values().sum())
    };
    let cases = sums(rows, Figure::Channel).values().sum();
    let mut bodies = of(Figure::Body);
    let others = whole(bodies.get(BODIES_SHOWN_MAX..).unwrap_or_default());
    bodies.truncate(BODIES_SHOWN_MAX);
    let mut bodies: Vec<(String, u64)> =
        bodies.into_iter().map(|(id, count)| (names.organisation_listed(&id), count)).collect();
    if others > 0 {
        bodies.push(("Andere instanties samen".to_owned(), others));
    }
    let named = |figure: Figure, name: &dyn Fn(&str) -> String| {
        let counts = of(figure);
        let all = whole(&counts);
        chart::rows(counts.into_iter().map(|(id, count)| (name(&id), count)), all)
    };
    let waited: Vec<&'static str> = Waited::ALL.into_iter().map(Waited::id).collect();
    let tables = [
        Table {
            id: "instanties",
            title: "Over wie",
            explanation: "Een zaak over twee instanties telt bij beide mee; daarom kan het samen meer dan 100 % zijn.",
            of: "Instantie",
            rows: chart::rows(bodies, cases),
        },
        Table {
            id: "lijsten",
            title: "In welke lijst",
            explanation: "Waar bode de zaak heeft klaargelegd, voordat iemand besliste.",
            of: "Lijst",
            rows: named(Figure::Queue, &|id| names.queue(id)),
        },
        Table {
            id: "antwoord",
            title: "Tijd tot de ontvangstbevestiging",
            explanation: "Van ontvangst tot de bevestiging de deur uit was: de mail verstuurd, of de brief klaar om te printen.",
            of: "Hoe lang",
            rows: stepped(Figure::Answer, &waited, waited_name),
        },
        Table {
            id: "besluit",
            title: "Tijd tot een mens besliste",
            explanation: "Van ontvangst tot het laatste besluit: in behandeling, doorverwijzen, om aanvulling vragen, signaal of geen klacht.",
            of: "Hoe lang",
            rows: stepped(Figure::Decision, &waited, waited_name),
        },
        Table {
            id: "besluiten",
            title: "Wat er werd besloten",
            explanation: "",
            of: "Besluit",
            rows: named(Figure::Verdict, &verdict_name),
        },
        Table {
            id: "termijnen",
            title: "Termijnen en beloften",
            explanation: "Geteld op de dag van het besluit. Wat nog loopt, telt nog niet.",
            of: "Termijn",
            rows: named(Figure::Term, &term_name),
        },
        Table {
            id: "lezen",
            title: "Hoe goed scans te lezen waren",
            explanation: "Naar de slechtste bladzijde van de zaak. Mail en bestanden met tekst tellen niet mee: die hoeven niet te worden herkend.",
            of: "Leesbaarheid",
            rows: stepped(Figure::Reading, &Reading::ALL.map(Reading::id), reading_name),
        },
        Table {
            id: "terzijde",
            title: "Terzijde gelegd",
            explanation: "Stukken die geen zaak werden. Gescande stapels werden verdeeld in brieven; die tellen als zaak.",
            of: "Soort",
            rows: named(Figure::Aside, &aside_name),
        },
    ];
    tables.into_iter().filter(|table| !table.rows.is_empty()).collect()
}

fn proposals(rows: &[FigureRow], shown: &Shown) -> Option<Proposals> {
    let sums = sums(rows, Figure::Proposal);
    let verdicts: Vec<_> =
        queue::VERDICTS.into_iter().map(|verdict| (verdict.id(), queue::verdict_label(verdict))).collect();
    let mut lines: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (label, count) in &sums {
        let Some((queue, verdict)) = label.rsplit_once('>') else { continue };
        let Some(place) = verdicts.iter().position(|(id, _)| *id == verdict) else { continue };
        let line = lines.entry(queue).or_insert_with(|| vec![0; verdicts.len()]);
        if let Some(cell) = line.get_mut(place) {
            *cell += count;
        }
    }
    if lines.is_empty() {
        return None;
    }
    let used: Vec<usize> =
        (0..verdicts.len()).filter(|place| lines.values().any(|line| line.get(*place) > Some(&0))).collect();
    let rows = lines.into_iter().map(|(queue, line)| ProposalRow {
        queue: shown.names.queue(queue),
        all: line.iter().sum(),
        counts: used.iter().filter_map(|place| line.get(*place).copied()).collect(),
    });
    Some(Proposals {
        rows: rows.collect(),
        verdicts: used.iter().filter_map(|place| verdicts.get(*place).map(|(_, label)| *label)).collect(),
    })
}

fn summary(now: &[FigureRow], before: &[FigureRow]) -> Vec<Compared> {
    let compared =
        |name, of: &dyn Fn(&[FigureRow]) -> String| Compared { name, now: of(now), before: of(before) };
    let count = |figure: Figure, labels: &'static [&'static str]| {
        move |rows: &[FigureRow]| {
            let sums = sums(rows, figure);
            let sum: u64 =
                sums.iter().filter(|(id, _)| labels.is_empty() || labels.contains(id)).map(|(_, n)| n).sum();
            sum.to_string()
        }
    };
    let share = |figure: Figure, labels: &'static [&'static str]| {
        move |rows: &[FigureRow]| {
            let sums = sums(rows, figure);
            let part = sums.iter().filter(|(id, _)| labels.contains(id)).map(|(_, n)| n).sum();
            chart::percent(part, sums.values().sum())
        }
    };
    let kept = |name: &'static str| {
        move |rows: &[FigureRow]| {
            let sums = sums(rows, Figure::Term);
            let of = |end: &str| sums.get(format!("{name}>{end}").as_str()).copied().unwrap_or(0);
            chart::percent(of("kept"), of("kept") + of("late"))
        }
    };
    vec![
        compared("Zaken ontvangen", &count(Figure::Channel, &[])),
        compared("waarvan per e-mail", &count(Figure::Channel, &["email"])),
        compared("waarvan per post", &count(Figure::Channel, &["letter"])),
        compared("Bevestigd binnen een dag", &share(Figure::Answer, &["1-hour", "1-day"])),
        compared("Besluiten genomen", &count(Figure::Decision, &[])),
        compared(
            "Besloten binnen zes weken",
            &share(Figure::Decision, &["1-hour", "1-day", "1-week", "2-weeks", "4-weeks", "6-weeks"]),
        ),
        compared("Contact op tijd", &kept("contact")),
        compared("Op tijd gemeld dat de klacht niet hier hoort", &kept("not-handled-notice")),
        compared("Doorverwezen", &count(Figure::Verdict, &["refer"])),
        compared(
            "Automatische berichten en spam",
            &count(Figure::Aside, &["auto-reply", "bounce", "list", "bulk", "loop", "spam"]),
        ),
    ]
}

fn waited_name(id: &str) -> &'static str {
    match id {
        "1-hour" => "tot een uur",
        "1-day" => "tot een dag",
        "1-week" => "tot een week",
        "2-weeks" => "tot twee weken",
        "4-weeks" => "tot vier weken",
        "6-weeks" => "tot zes weken",
        "10-weeks" => "tot tien weken",
        _ => "langer",
    }
}

fn reading_name(id: &str) -> &'static str {
    match id {
        "well" => "Goed (95 % en meer)",
        "fair" => "Redelijk (80 tot 95 %)",
        _ => "Slecht (minder dan 80 %)",
    }
}

fn verdict_name(id: &str) -> String {
    queue::verdict_of(id)
        .map_or_else(|| words::readable(id), |verdict| queue::verdict_label(verdict).to_owned())
}

fn term_name(label: &str) -> String {
    let (name, end) = label.rsplit_once('>').unwrap_or((label, ""));
    let end = if end == "kept" { "op tijd" } else { "te laat" };
    format!("{}: {end}", words::deadline(name))
}

fn aside_name(id: &str) -> String {
    match id {
        "by-person" => "Door een medewerker".to_owned(),
        "divided" => "Gescande stapels, verdeeld".to_owned(),
        "backs" => "Achterkanten, samengevoegd".to_owned(),
        class => words::AUTOMATIC
            .into_iter()
            .find(|one| one.id() == class)
            .map_or_else(|| words::readable(class), |class| words::automatic(class).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_period_is_bounded_and_never_backwards() {
        let today = day("2026-11-22");
        let of = |from: &str, until: &str| {
            let (from, until) = period(&Choice { from: from.into(), until: until.into() }, today);
            (from.to_string(), until.to_string())
        };
        assert_eq!(of("", ""), ("2026-01-01".into(), "2026-11-22".into()));
        assert_eq!(of("geen datum", "2025-03-01"), ("2025-01-01".into(), "2025-03-01".into()));
        assert_eq!(of("2026-05-01", "2026-04-01"), ("2026-04-01".into(), "2026-04-01".into()));
        assert_eq!(of("1900-01-01", "2026-04-01").1, "2026-04-01");
        assert!(of("-009999-01-01", "9999-12-31").0.starts_with("99"));
    }

    #[test]
    fn weeks_are_whole_and_empty_ones_are_shown() {
        let row = |on: &str, label: &str, count| FigureRow {
            day: day(on),
            figure: Figure::Channel,
            label: label.into(),
            count,
        };
        let rows = [row("2026-01-01", "email", 2), row("2026-01-20", "letter", 3)];
        let (by, steps) = steps(&rows, day("2026-01-01"), day("2026-01-25"));
        assert_eq!(by, "week");
        let counts: Vec<_> = steps.iter().map(|step| step.counts).collect();
        assert_eq!(counts, [[2, 0], [0, 0], [0, 0], [0, 3]]);
        assert_eq!(steps[0].long, "week 1, vanaf ma 29 december 2025");
        let (by, steps) = super::steps(&rows, day("2024-01-01"), day("2026-01-25"));
        assert_eq!((by, steps.len()), ("maand", 25));
    }

    #[test]
    fn a_label_is_no_formula() {
        assert_eq!(quoted("uwv"), "\"uwv\"");
        assert_eq!(quoted("=1+\"1\""), "\"'=1+\"\"1\"\"\"");
    }
}
