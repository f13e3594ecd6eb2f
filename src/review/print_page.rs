//! `GET /print`: the letters of a day to print and post, what of earlier days is not printed, and the addresses to
//! check. `POST /print/printed` and `/print/again`: who printed what.
//!
//! Invariants: what is marked as printed is what the page listed, not what came since; a letter that a colleague had
//! printed before is told by its number, so that no citizen gets two; a letter of an earlier day that nobody printed
//! stands on every view of this page.

use super::case_page::letter;
use super::dates;
use super::errors::Fault;
use super::guard::{Posted, Visitor, see_other};
use super::marking::one_line;
use super::pages::{self, Shell};
use super::rights::Right;
use super::state::ReviewState;
use crate::bundle::{Sides, bundle};
use crate::limits::{PRINT_DAYS_MAX, PRINT_LETTERS_MAX};
use crate::record::{CaseNumber, CaseRow, office_date, postal_order, postcode};
use crate::store::{LetterDay, Store, StoreError};
use axum::extract::{Extension, Path, Query, State};
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct DayChoice {
    /// `2026-03-09`; without it: today.
    day: String,
    /// What was just done.
    done: String,
}

#[derive(Serialize)]
struct View {
    shell: Shell,
    /// As in an address, and as people read it.
    day_id: String,
    day: String,
    today: bool,
    past: bool,
    may_print: bool,
    notice: Option<String>,
    /// Letters that a colleague had printed before.
    twice: Vec<TwiceView>,
    letters: Vec<LetterView>,
    /// How many of them are to be printed, and which.
    open: usize,
    open_cases: String,
    to_check: Vec<CheckView>,
    /// Earlier days with letters that nobody printed.
    forgotten: Vec<DayView>,
    days: Vec<DayView>,
}

#[derive(Serialize)]
struct LetterView {
    case: String,
    url: String,
    writer: String,
    town: String,
    to_print: bool,
    /// When and by whom it was printed.
    printed: Option<String>,
    again: bool,
}

#[derive(Serialize)]
struct CheckView {
    case: String,
    reason: String,
}

#[derive(Serialize)]
struct TwiceView {
    case: String,
    printed: String,
}

#[derive(Serialize)]
struct DayView {
    name: String,
    url: String,
    unprinted: usize,
}

/// A letter that lies ready, with its address.
struct Ready {
    row: CaseRow,
    lines: Vec<String>,
}

impl Ready {
    fn is_to_print(&self) -> bool {
        self.row.answer.as_ref().is_some_and(crate::record::OutboxEntry::is_to_print)
    }
}

/// What the page shows beside the letters of its day.
#[derive(Default)]
struct Told {
    notice: Option<String>,
    twice: Vec<TwiceView>,
}

/// `GET /print`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Query(choice): Query<DayChoice>,
) -> Result<Response, Fault> {
    let notice = match choice.done.as_str() {
        "printed" => Some("Opgeslagen: deze brieven zijn geprint."),
        "again" => Some("Opgeslagen: deze brief moet nog eens worden geprint."),
        "checked" => Some("Het adres is opgeslagen. De brief ligt zo klaar om te printen."),
        "held" => Some("Het adres is opgeslagen. De brief wacht nog op een medewerker: zie de zaak."),
        _ => None,
    };
    let told = Told { notice: notice.map(str::to_owned), ..Told::default() };
    draw(&state, &visitor, &choice.day, told).await
}

async fn draw(state: &ReviewState, visitor: &Visitor, day: &str, told: Told) -> Result<Response, Fault> {
    let today = state.today();
    let day: Date = day.parse().unwrap_or(today);
    let (letters, days, to_check) = state
        .with_store(move |store| {
            Ok((
                ready(store, day)?,
                store.letter_days(PRINT_DAYS_MAX)?,
                store.addresses_to_check(PRINT_LETTERS_MAX)?,
            ))
        })
        .await?;
    let open: Vec<String> = letters
        .iter()
        .filter(|letter| letter.is_to_print())
        .map(|letter| letter.row.number.to_string())
        .collect();
    let day_view = |one: &LetterDay| DayView {
        name: if one.day == today { "Vandaag".to_owned() } else { dates::short(one.day) },
        url: pages::url("/print", &[("day", &one.day.to_string())]),
        unprinted: one.unprinted,
    };
    let view = View {
        shell: Shell::new(state, visitor, "print"),
        day_id: day.to_string(),
        day: dates::short(day),
        today: day == today,
        past: day < today,
        may_print: visitor.may(Right::Letters),
        notice: told.notice,
        twice: told.twice,
        open: open.len(),
        open_cases: open.join(" "),
        letters: letters.iter().map(|letter| letter_view(day, letter)).collect(),
        to_check: to_check
            .iter()
            .map(|row| CheckView { case: row.number.to_string(), reason: held_for(row) })
            .collect(),
        forgotten: days.iter().filter(|one| one.day < today && one.unprinted > 0).map(day_view).collect(),
        days: days.iter().filter(|one| one.day != day).map(day_view).collect(),
    };
    Ok(pages::draw("print.html", &view)?.into_response())
}

fn letter_view(day: Date, letter: &Ready) -> LetterView {
    let number = letter.row.number;
    let printed = letter.row.answer.as_ref().and_then(|entry| entry.printed.as_ref());
    LetterView {
        case: number.to_string(),
        url: format!("/print/{day}/{number}.pdf"),
        writer: letter.lines.first().map(|line| one_line(line)).unwrap_or_default(),
        town: letter
            .lines
            .iter()
            .skip(1)
            .rev()
            .find(|line| postcode(line).is_some())
            .map(|line| one_line(line))
            .unwrap_or_default(),
        to_print: letter.is_to_print(),
        again: printed.is_some_and(|printed| printed.again),
        printed: printed.map(|printed| {
            let times = if printed.times > 1 { format!(", {} keer", printed.times) } else { String::new() };
            format!("{} door {}{times}", dates::moment(printed.at), printed.by)
        }),
    }
}

fn held_for(row: &CaseRow) -> String {
    match row.answer.as_ref().map(|entry| &entry.state) {
        Some(crate::record::AnswerState::Held { reason }) => {
            one_line(reason.strip_prefix(crate::record::CHECK_ADDRESS).unwrap_or(reason))
        }
        _ => String::new(),
    }
}

/// The letters of a day with their addresses.
fn ready(store: &Store, day: Date) -> Result<Vec<Ready>, StoreError> {
    let rows = store.letters_of(day, PRINT_LETTERS_MAX)?;
    rows.into_iter().map(|row| Ok(Ready { lines: store.addressee(&row)?, row })).collect()
}

/// How a day's letters are bundled.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct BundleChoice {
    /// The cases that the page listed, with blanks between; empty: every letter of the day that is to be printed.
    cases: String,
    /// `number` or `address`.
    order: String,
    /// `one` or `two`.
    sides: String,
}

/// `GET /print/{day}/samen.pdf`: what is to be printed of a day, as one PDF.
pub async fn together(
    State(state): State<ReviewState>,
    Path(day): Path<String>,
    Query(choice): Query<BundleChoice>,
) -> Result<Response, Fault> {
    give_bundle(&state, &day, choice).await
}

/// `POST /print/{day}/samen.pdf`: exactly the letters that the page listed.
pub async fn together_listed(
    State(state): State<ReviewState>,
    Path(day): Path<String>,
    Posted { form, .. }: Posted<BundleChoice>,
) -> Result<Response, Fault> {
    give_bundle(&state, &day, form).await
}

async fn give_bundle(state: &ReviewState, day: &str, choice: BundleChoice) -> Result<Response, Fault> {
    let day: Date = day.parse().map_err(|_| gone())?;
    let listed = cases_of(&choice.cases)?;
    let sides = if choice.sides == "one" { Sides::One } else { Sides::Two };
    let pdf = state
        .with_store(move |store| {
            let mut letters = ready(store, day)?;
            if listed.is_empty() {
                letters.retain(Ready::is_to_print);
            } else {
                letters.retain(|letter| listed.contains(&letter.row.number));
            }
            if choice.order == "address" {
                letters.sort_by_cached_key(|letter| (postal_order(&letter.lines), letter.row.number));
            }
            let mut files = Vec::new();
            for entry in letters.iter().filter_map(|letter| letter.row.answer.as_ref()) {
                files.extend(store.answer_of(entry)?);
            }
            Ok((!files.is_empty()).then(|| bundle(&files, sides)))
        })
        .await?
        .ok_or_else(|| Fault::not_found("Van deze dag is geen brief te printen."))?
        .map_err(|error| Fault::internal(&crate::explain::with_causes(&error)))?;
    Ok(letter(&format!("brieven-{day}.pdf"), pdf))
}

/// `GET /print/{day}/{file}`: one letter, `2026-000042-6.pdf`.
pub async fn file(
    State(state): State<ReviewState>,
    Path((day, file)): Path<(String, String)>,
) -> Result<Response, Fault> {
    let day: Date = day.parse().map_err(|_| gone())?;
    let case: CaseNumber =
        file.strip_suffix(".pdf").and_then(|number| number.parse().ok()).ok_or_else(gone)?;
    let bytes = state
        .with_store(move |store| {
            let entry = store.case(case)?.and_then(|row| row.answer);
            let ready = entry.filter(|entry| entry.letter_day().map(office_date) == Some(day));
            ready.map_or(Ok(None), |entry| store.answer_of(&entry))
        })
        .await?
        .ok_or_else(gone)?;
    Ok(letter(&format!("{case}.pdf"), bytes))
}

fn gone() -> Fault {
    Fault::not_found("Deze brief ligt er niet (meer).")
}

/// Numbers of cases with blanks between them.
fn cases_of(text: &str) -> Result<Vec<CaseNumber>, Fault> {
    let unreadable = |_| Fault::unacceptable("Het formulier is niet volledig.");
    text.split_whitespace().take(PRINT_LETTERS_MAX).map(|number| number.parse().map_err(unreadable)).collect()
}

#[derive(Deserialize)]
pub struct PrintedForm {
    day: String,
    #[serde(default)]
    cases: String,
}

/// `POST /print/printed`: these letters came out of the printer.
pub async fn printed(
    State(state): State<ReviewState>,
    Posted { visitor, form }: Posted<PrintedForm>,
) -> Result<Response, Fault> {
    let cases = cases_of(&form.cases)?;
    if cases.is_empty() {
        return Err(Fault::unacceptable("Er is geen brief om als geprint op te slaan."));
    }
    let (by, now) = (visitor.name.clone(), state.now());
    let before = state.with_store(move |store| store.letters_printed(&cases, &by, now)).await?;
    if before.is_empty() {
        return Ok(see_other(&pages::url("/print", &[("day", &form.day), ("done", "printed")])));
    }
    let twice = before
        .into_iter()
        .map(|(case, printed)| TwiceView {
            case: case.to_string(),
            printed: format!("{} door {}", dates::moment(printed.at), printed.by),
        })
        .collect();
    draw(&state, &visitor, &form.day, Told { notice: None, twice }).await
}

#[derive(Deserialize)]
pub struct AgainForm {
    day: String,
    case: String,
}

/// `POST /print/again`: a printed letter got lost, or the printer jammed.
pub async fn again(
    State(state): State<ReviewState>,
    Posted { visitor, form }: Posted<AgainForm>,
) -> Result<Response, Fault> {
    let case: CaseNumber = form.case.parse().map_err(|_| gone())?;
    let (by, now) = (visitor.name, state.now());
    state.with_store(move |store| store.letter_again(case, &by, now)).await?;
    Ok(see_other(&pages::url("/print", &[("day", &form.day), ("done", "again")])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_cases_is_whole_or_refused() {
        let number = CaseNumber::new(2026, 42);
        assert_eq!(cases_of(&format!(" {number}  {number}")).unwrap(), [number, number]);
        assert!(cases_of("2026-000042-0").is_err() && cases_of("").unwrap().is_empty());
    }
}
