//! `GET /due`: what is due, the terms of the law apart from what the office promised.

use super::dates::{self, Due};
use super::errors::Fault;
use super::guard::Visitor;
use super::marking::one_line;
use super::pages::{self, Shell};
use super::state::ReviewState;
use super::words;
use crate::queue::{self, DueLine};
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use jiff::ToSpan;
use jiff::civil::Date;
use serde::Serialize;

/// Days ahead that the page shows.
const DAYS_AHEAD: i32 = 14;
/// Lines of each list on one page.
const LINES_MAX: usize = 500;

#[derive(Serialize)]
struct View {
    shell: Shell,
    days: i32,
    lists: Vec<ListView>,
}

#[derive(Serialize)]
struct ListView {
    title: &'static str,
    explanation: &'static str,
    lines: Vec<LineView>,
    more: usize,
}

#[derive(Serialize)]
struct LineView {
    number: String,
    what: String,
    basis: String,
    due: Due,
    status: &'static str,
    assignee: Option<String>,
    urgent: bool,
    subject: Option<String>,
    writer: Option<String>,
}

/// `GET /due`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Fault> {
    let today = state.today();
    let until = today.saturating_add(DAYS_AHEAD.days());
    let list = state.with_store(move |store| queue::due_list(store, until)).await?;
    let view = View {
        shell: Shell::new(&state, &visitor, "due"),
        days: DAYS_AHEAD,
        lists: vec![
            list_view(
                "Termijnen van de wet",
                "Wie te laat is, houdt zich niet aan de wet.",
                &list.law,
                today,
            ),
            list_view(
                "Beloften van het kantoor",
                "Zo staat het op onze eigen pagina. De wet vraagt het niet.",
                &list.promises,
                today,
            ),
        ],
    };
    Ok(pages::draw("due.html", &view)?.into_response())
}

fn list_view(title: &'static str, explanation: &'static str, lines: &[DueLine], today: Date) -> ListView {
    ListView {
        title,
        explanation,
        more: lines.len().saturating_sub(LINES_MAX),
        lines: lines
            .iter()
            .take(LINES_MAX)
            .map(|line| LineView {
                number: line.case.to_string(),
                what: words::deadline(&line.deadline.name),
                basis: line.deadline.basis.clone(),
                due: dates::due(line.deadline.due, today),
                status: queue::status_label(line.status),
                assignee: line.assignee.clone(),
                urgent: line.urgent,
                subject: line.subject.as_deref().map(one_line),
                writer: line.writer.as_deref().map(one_line),
            })
            .collect(),
    }
}
