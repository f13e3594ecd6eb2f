//! Small answers for a page that is open: who else looks at this case and whether it went on, and whether anything changed at
//! all. Asked by `desk.js` while a page is in view; the pages work without.
//!
//! Invariant: asking is no look at the case and keeps no session alive ([`super::guard`]).

use super::case_page::case_number;
use super::errors::Fault;
use super::guard::Visitor;
use super::presence::enumerated;
use super::state::ReviewState;
use crate::record::CaseNumber;
use crate::store::StoreError;
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

#[derive(Serialize)]
struct Here {
    /// One Dutch sentence; empty: nobody else.
    others: String,
    revision: u64,
    /// One Dutch sentence about the last change.
    last: String,
}

/// `GET /cases/{number}/here`
pub async fn here(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<String>,
) -> Result<Response, Fault> {
    let number = case_number(&number)?;
    let (revision, last) = state
        .with_store(move |store| {
            let row = store.case(number)?.ok_or(StoreError::UnknownCase(number))?;
            Ok((row.revision, store.last_change(number)?))
        })
        .await?;
    let last = last.map(|line| format!("{}: {}", line.by, line.what)).unwrap_or_default();
    Ok(Json(Here { others: others(&state, &visitor, number), revision, last }).into_response())
}

/// Who else looks at a case, as one sentence; and that this visitor does.
pub fn others(state: &ReviewState, visitor: &Visitor, number: CaseNumber) -> String {
    // A program looks at nothing for long.
    if visitor.csrf.is_none() {
        return String::new();
    }
    let others = state.presence().look(number, &visitor.name, state.now());
    match others.len() {
        0 => String::new(),
        1 => format!("{} kijkt nu ook naar deze zaak.", others[0]),
        _ => format!("{} kijken nu ook naar deze zaak.", enumerated(&others)),
    }
}

#[derive(Serialize)]
struct Changes {
    mark: u64,
}

/// `GET /changes`: a number that grows with every change in the house.
pub async fn changes(State(state): State<ReviewState>) -> Result<Response, Fault> {
    let mark = state.with_store(|store| store.last_entry()).await?;
    Ok(Json(Changes { mark }).into_response())
}

/// Paths that a page asks by itself.
pub fn is_by_itself(path: &str) -> bool {
    path == "/changes" || (path.starts_with("/cases/") && path.ends_with("/here"))
}
