//! `GET /print`: the letters that the outbox laid ready, a folder a day, to print and post.
//!
//! Invariant: a file is served only when a listing of its folder names it, so that no address reaches
//! another file.

use super::case_page::letter;
use super::dates;
use super::errors::Fault;
use super::guard::Visitor;
use super::marking::one_line;
use super::pages::{self, Shell};
use super::state::ReviewState;
use crate::limits::{PRINT_DAYS_MAX, PRINT_LETTERS_MAX};
use crate::record::CaseNumber;
use axum::extract::{Extension, Path, Query, State};
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::PathBuf;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct DayChoice {
    /// `2026-03-09`; without it: the newest day.
    day: String,
}

#[derive(Serialize)]
struct View {
    shell: Shell,
    day: String,
    today: bool,
    letters: Vec<LetterView>,
    days: Vec<DayView>,
}

#[derive(Serialize)]
struct LetterView {
    file: String,
    url: String,
    case: Option<String>,
    writer: String,
}

#[derive(Serialize)]
struct DayView {
    name: String,
    url: String,
}

/// `GET /print`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Query(choice): Query<DayChoice>,
) -> Result<Response, Fault> {
    let dir = state.print_dir();
    let today = state.today();
    let wanted: Date = choice.day.parse().unwrap_or(today);
    let (days, files) = tokio::task::spawn_blocking(move || -> io::Result<_> {
        let days = days(&dir)?;
        let files = letters(&dir.join(wanted.to_string()))?;
        Ok((days, files))
    })
    .await
    .map_err(|error| Fault::internal(&error))?
    .map_err(|error| Fault::internal(&format!("the print folder: {error}")))?;
    let files = state
        .with_store(move |store| {
            let mut found = Vec::new();
            for file in files {
                let case = CaseNumber::find_all(&file).first().copied();
                let row = case.map(|case| store.case(case)).transpose()?.flatten();
                found.push((file, row));
            }
            Ok(found)
        })
        .await?;
    let view = View {
        shell: Shell::new(&state, &visitor, "print"),
        day: dates::short(wanted),
        today: wanted == today,
        letters: files
            .into_iter()
            .map(|(file, row)| LetterView {
                url: format!("/print/{wanted}/{}", pages::percent_encoded(&file)),
                case: row.as_ref().map(|row| row.number.to_string()),
                writer: row.and_then(|row| row.writer).map(|name| one_line(&name)).unwrap_or_default(),
                file,
            })
            .collect(),
        days: days
            .into_iter()
            .filter(|day| *day != wanted)
            .map(|day| DayView {
                name: if day == today { "Vandaag".to_owned() } else { dates::short(day) },
                url: pages::url("/print", &[("day", &day.to_string())]),
            })
            .collect(),
    };
    Ok(pages::draw("print.html", &view)?.into_response())
}

/// `GET /print/{day}/{file}`
pub async fn file(
    State(state): State<ReviewState>,
    Path((day, file)): Path<(String, String)>,
) -> Result<Response, Fault> {
    let gone = || Fault::not_found("Deze brief ligt er niet (meer).");
    let day: Date = day.parse().map_err(|_| gone())?;
    let dir = state.print_dir().join(day.to_string());
    let wanted = file.clone();
    let bytes = tokio::task::spawn_blocking(move || -> io::Result<Option<Vec<u8>>> {
        match letters(&dir)?.into_iter().find(|known| *known == wanted) {
            Some(known) => fs::read(dir.join(known)).map(Some),
            None => Ok(None),
        }
    })
    .await
    .map_err(|error| Fault::internal(&error))?
    .map_err(|error| Fault::internal(&format!("the print folder: {error}")))?
    .ok_or_else(gone)?;
    Ok(letter(&file, bytes))
}

/// The days with a folder, newest first.
fn days(dir: &PathBuf) -> io::Result<Vec<Date>> {
    let mut days: Vec<Date> = names(dir)?.iter().filter_map(|name| name.parse().ok()).collect();
    days.sort_unstable_by(|a, b| b.cmp(a));
    days.truncate(PRINT_DAYS_MAX);
    Ok(days)
}

/// The letters in a folder, by name.
fn letters(dir: &PathBuf) -> io::Result<Vec<String>> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let mut letters: Vec<String> = names(dir)?
        .into_iter()
        .filter(|name| name.ends_with(".pdf") && !name.starts_with('.') && name.chars().all(plain))
        .collect();
    letters.sort_unstable();
    letters.truncate(PRINT_LETTERS_MAX);
    Ok(letters)
}

/// A folder that is not there (yet) has nothing in it.
fn names(dir: &PathBuf) -> io::Result<Vec<String>> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_letters_of_a_day_are_listed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_path_buf();
        assert!(days(&root).unwrap().is_empty());
        let day = root.join("2026-03-09");
        fs::create_dir_all(&day).unwrap();
        fs::create_dir_all(root.join("iets")).unwrap();
        for name in ["2026-000002-5.pdf", "2026-000001-3.pdf", ".x.pdf", "a b.pdf", "brief.tmp"] {
            fs::write(day.join(name), b"%PDF").unwrap();
        }
        assert_eq!(days(&root).unwrap(), [jiff::civil::date(2026, 3, 9)]);
        assert_eq!(letters(&day).unwrap(), ["2026-000001-3.pdf", "2026-000002-5.pdf"]);
    }
}
