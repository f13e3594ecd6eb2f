//! `bode sheets`: a PDF of separator sheets to print on both sides, which the post room lays before each letter.

use super::{CommandResult, Ended, Failure, Global};
use crate::limits::SHEETS_MAX;
use crate::sheets;
use clap::Args;
use jiff::civil::Date;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct SheetsArgs {
    /// How many sheets; each takes two pages, its front and its back.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(SHEETS_MAX)))]
    count: u32,
    /// For the post of this day: it becomes the date of receipt of the letters behind these sheets.
    #[arg(long, value_name = "DATE")]
    received: Option<Date>,
    /// Write the PDF here instead of to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn sheets(_global: &Global, args: &SheetsArgs) -> CommandResult {
    if args.out.is_none() && std::io::stdout().is_terminal() {
        let what = "the sheets are a PDF, which a terminal cannot show: name a file with --out FILE";
        return Err(Failure::Usage(what.to_owned()));
    }
    let series = sheets::series().map_err(Failure::failed)?;
    let pdf = sheets::sheets(&series, args.count, args.received).map_err(Failure::failed)?;
    match &args.out {
        Some(out) => std::fs::write(out, pdf)
            .map_err(|error| Failure::Failed(format!("{}: {error}", out.display())))?,
        None => std::io::stdout().lock().write_all(&pdf).map_err(Failure::failed)?,
    }
    Ok(Ended::Well)
}
