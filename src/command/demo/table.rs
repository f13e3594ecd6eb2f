//! The demo's closing table: each case, what it was judged to be, and what the citizen was told.

use crate::clock;
use crate::record::{AnswerState, CaseRow, SetAside};
use crate::store::{CaseFilter, Store, StoreError};

pub(super) fn print(store: &Store) -> Result<(), StoreError> {
    let all = CaseFilter { limit: usize::MAX, ..CaseFilter::default() };
    let mut rows = store.cases(&all)?.rows;
    rows.sort_by_key(|row| row.number);
    println!("{:<15} {:<22} {:<20} {:<8} {:<32} antwoord", "zaak", "van", "wachtrij", "hier?", "gaat over");
    for row in &rows {
        println!(
            "{:<15} {:<22} {:<20} {:<8} {:<32} {}",
            row.number.to_string(),
            short(row.writer.as_deref().unwrap_or("-"), 22),
            short(&row.queue, 20),
            super::super::label(&row.judgement.scope),
            short(&row.judgement.complained_about.join(", "), 32),
            [answer(row), pieces(row)].concat()
        );
    }
    let aside = store.aside(0, usize::MAX)?;
    for row in &aside.rows {
        println!(
            "{:<15} {:<22} terzijde: {}",
            row.record.to_string(),
            short(row.writer.as_deref().unwrap_or("-"), 22),
            why(row)
        );
    }
    println!("\n{}", store.verify(clock::now())?.summary());
    Ok(())
}

fn answer(row: &CaseRow) -> String {
    match row.answer.as_ref().map(|answer| &answer.state) {
        Some(AnswerState::Sent { .. }) => "verstuurd".to_owned(),
        Some(AnswerState::Waiting { .. }) => "wacht op versturen".to_owned(),
        Some(AnswerState::Held { reason }) => format!("eerst nakijken: {reason}"),
        Some(AnswerState::Failed { reply, .. }) => format!("niet aangekomen: {reply}"),
        Some(AnswerState::Withheld { reason }) => format!("geen: {reason}"),
        None => "-".to_owned(),
    }
}

/// A case that further post was joined to says so.
fn pieces(row: &CaseRow) -> String {
    match row.records.len() {
        0 | 1 => String::new(),
        several => format!(" ({several} stukken)"),
    }
}

fn why(row: &crate::store::AsideRow) -> String {
    match &row.why {
        SetAside::Automatic { reason, .. } | SetAside::ByPerson { reason } => reason.clone(),
        SetAside::Divided(divided) => divided.sentence(),
        SetAside::Backs { of } => format!("achterkanten van {of}"),
    }
}

/// The first characters of a text, for a column.
fn short(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}
