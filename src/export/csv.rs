//! The list of cases that a spreadsheet opens (RFC 4180 but for the semicolons, which Dutch spreadsheets want; UTF-8 with a mark).
//!
//! Invariants: no cell runs as a formula; a row is one line. Citizen service numbers are covered already: rows come so from the index.

use crate::record::{CaseRow, Destroyed, office_date};
use serde::Serialize;

/// The names of the columns.
const HEAD: [&str; 12] = [
    "zaak",
    "ontvangen",
    "wachtrij",
    "status",
    "besluit",
    "besloten op",
    "doorverwezen naar",
    "gaat over",
    "schrijver",
    "onderwerp",
    "stukken",
    "vernietigd",
];

/// The whole file.
pub fn cases_csv<'a>(rows: impl IntoIterator<Item = &'a CaseRow>) -> String {
    let mut text = format!("\u{feff}{}", line(&HEAD.map(str::to_owned)));
    for row in rows {
        text.push_str(&line(&cells(row)));
    }
    text
}

fn cells(row: &CaseRow) -> [String; 12] {
    let decision = row.decision.as_ref();
    [
        row.number.to_string(),
        row.received.to_string(),
        row.queue.clone(),
        word(&row.status),
        decision.map(|decision| word(&decision.verdict)).unwrap_or_default(),
        decision.map(|decision| office_date(decision.at).to_string()).unwrap_or_default(),
        decision.and_then(|decision| decision.refer_to.clone()).unwrap_or_default(),
        row.judgement.complained_about.join(" "),
        row.writer.clone().unwrap_or_default(),
        row.subject.clone().unwrap_or_default(),
        row.records.len().to_string(),
        row.purged.as_ref().map(Destroyed::sentence).unwrap_or_default(),
    ]
}

fn line(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    format!("{}\r\n", cells.join(";"))
}

/// A label by its name in the contract.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

/// A cell that a spreadsheet takes as text, not as a formula: some look behind spaces for the sign that begins one.
fn cell(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let formula = text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    let guarded = if formula { format!("'{text}") } else { text };
    match guarded.contains([';', '"', ',']) {
        true => format!("\"{}\"", guarded.replace('"', "\"\"")),
        false => guarded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_runs_nothing() {
        assert_eq!(cell("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
        assert_eq!(cell("klacht\r\nDROP"), "klacht  DROP");
        for formula in ["+1", "-1", "@SUM(A1)", "\t=1+1", " =1+1", "＝1+1"] {
            assert!(cell(formula).starts_with('\''), "{formula}");
        }
        assert_eq!(cell("a = b - c"), "a = b - c");
    }
}
