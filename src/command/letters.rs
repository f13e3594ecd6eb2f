//! `bode letters …`: the print queue from a terminal. Reads beside a running daemon; changes go through it when it runs.

use super::cases::{account, ask_for};
use super::{CommandResult, Ended, Failure, Global, setting};
use crate::bundle::{Sides, bundle};
use crate::config::Config;
use crate::daemon::control::Change;
use crate::limits::{PRINT_DAYS_MAX, PRINT_LETTERS_MAX};
use crate::record::{CaseNumber, CaseRow, OutboxEntry, office_date};
use crate::store::{Store, StoreError};
use clap::{Subcommand, ValueEnum};
use jiff::civil::Date;
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(super) enum LettersCommand {
    /// What is to be printed, of every day; or all letters of one day.
    List {
        #[arg(long, value_name = "DATE")]
        day: Option<Date>,
        #[arg(long)]
        json: bool,
    },
    /// The letters of a day that are to be printed, as one PDF.
    Together {
        day: Date,
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[arg(long, value_enum, default_value = "address")]
        order: Order,
        /// For a printer that prints on one side only: no empty pages between.
        #[arg(long)]
        one_sided: bool,
    },
    /// These letters were printed.
    Printed {
        #[arg(required = true, value_name = "CASE")]
        cases: Vec<CaseNumber>,
    },
    /// A printed letter must be printed once more.
    Again { case: CaseNumber },
    /// The checked address of a letter that is held for it: its lines, the name first.
    Address {
        case: CaseNumber,
        #[arg(required = true, value_name = "LINE")]
        lines: Vec<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Order {
    /// By postcode, then street.
    Address,
    /// By case.
    Number,
}

pub(super) fn letters(global: &Global, command: LettersCommand) -> CommandResult {
    let config = setting::config(global)?;
    match command {
        LettersCommand::List { day, json } => list(&config, day, json),
        LettersCommand::Together { day, out, order, one_sided } => {
            let sides = if one_sided { Sides::One } else { Sides::Two };
            together(&config, day, &out, order, sides)
        }
        LettersCommand::Printed { cases } => {
            change(&config, &Change::LettersPrinted { cases, by: account() })
        }
        LettersCommand::Again { case } => change(&config, &Change::LetterAgain { case, by: account() }),
        LettersCommand::Address { case, lines } => {
            change(&config, &Change::LetterAddress { case, lines, by: account() })
        }
    }
}

fn read(config: &Config) -> Result<Store, Failure> {
    setting::store_to_read(config).map_err(Failure::failed)
}

fn list(config: &Config, day: Option<Date>, as_json: bool) -> CommandResult {
    let store = read(config)?;
    let rows = rows(&store, day).map_err(Failure::failed)?;
    if as_json {
        let values: Vec<_> = rows
            .iter()
            .map(|(row, state)| {
                let entry = row.answer.as_ref();
                json!({
                    "case": row.number,
                    "day": entry.and_then(OutboxEntry::letter_day).map(office_date),
                    "state": state,
                    "printed": entry.and_then(|entry| entry.printed.as_ref()),
                })
            })
            .collect();
        println!("{}", serde_json::to_string_pretty(&values).map_err(Failure::failed)?);
        return Ok(Ended::Well);
    }
    for (row, state) in &rows {
        let entry = row.answer.as_ref();
        let day = entry.and_then(OutboxEntry::letter_day).map(office_date);
        let printed = entry.and_then(|entry| entry.printed.as_ref());
        println!(
            "{}  {:<10}  {:<18} {}",
            row.number,
            day.map_or_else(|| "-".to_owned(), |day| day.to_string()),
            state,
            printed.map(|printed| format!("{} door {}", printed.at, printed.by)).unwrap_or_default()
        );
    }
    println!("{} brieven", rows.len());
    Ok(Ended::Well)
}

/// The letters with how each stands: of one day all, else what somebody must still do.
fn rows(store: &Store, day: Option<Date>) -> Result<Vec<(CaseRow, &'static str)>, StoreError> {
    let mut found = Vec::new();
    let days = match day {
        Some(day) => vec![day],
        None => {
            found.extend(store.addresses_to_check(PRINT_LETTERS_MAX)?);
            let days = store.letter_days(PRINT_DAYS_MAX)?;
            days.iter().filter(|one| one.unprinted > 0).map(|one| one.day).collect()
        }
    };
    for one in days {
        let letters = store.letters_of(one, PRINT_LETTERS_MAX)?;
        let wanted =
            |row: &CaseRow| day.is_some() || row.answer.as_ref().is_some_and(OutboxEntry::is_to_print);
        found.extend(letters.into_iter().filter(wanted));
    }
    Ok(found.into_iter().map(|row| (state(&row), row)).map(|(state, row)| (row, state)).collect())
}

fn state(row: &CaseRow) -> &'static str {
    match &row.answer {
        Some(entry) if entry.asks_for_address() => "adres controleren",
        Some(entry) if entry.is_to_print() => "te printen",
        Some(entry) if entry.printed.is_some() => "geprint",
        _ => "-",
    }
}

fn together(config: &Config, day: Date, out: &std::path::Path, order: Order, sides: Sides) -> CommandResult {
    let store = read(config)?;
    let mut letters = Vec::new();
    for row in store.letters_of(day, PRINT_LETTERS_MAX).map_err(Failure::failed)? {
        let Some(entry) = row.answer.as_ref().filter(|entry| entry.is_to_print()) else { continue };
        let lines = store.addressee(&row).map_err(Failure::failed)?;
        let bytes = store.answer_of(entry).map_err(Failure::failed)?;
        letters.extend(bytes.map(|bytes| (crate::record::postal_order(&lines), row.number, bytes)));
    }
    if letters.is_empty() {
        return Err(Failure::Failed(format!("no letter of {day} is to be printed")));
    }
    match order {
        Order::Address => letters.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1))),
        Order::Number => letters.sort_by_key(|(_, number, _)| *number),
    }
    let cases: Vec<String> = letters.iter().map(|(_, number, _)| number.to_string()).collect();
    let files: Vec<Vec<u8>> = letters.into_iter().map(|(.., bytes)| bytes).collect();
    let pdf = bundle(&files, sides).map_err(Failure::failed)?;
    std::fs::write(out, pdf).map_err(|error| Failure::Failed(format!("{}: {error}", out.display())))?;
    // What `letters printed` takes once they came out of the printer.
    println!("{}", cases.join("\n"));
    Ok(Ended::Well)
}

fn change(config: &Config, change: &Change) -> CommandResult {
    let row = ask_for(config, change)?;
    println!("{}  {}", row.number, state(&row));
    Ok(Ended::Well)
}
