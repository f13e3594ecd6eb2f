//! `GET /rules`: which rules are in force, and the page that lists them; `POST /rules/reload` reads them again.
//!
//! Invariant: rules with a fault never come into force; who asked for it reads the fault, with file, line and column.

use super::errors::{Fault, Written};
use super::guard::{Posted, Visitor};
use super::pages::{self, Shell};
use super::rights::Right;
use super::state::{ReviewState, RulesInForce};
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct View {
    shell: Shell,
    version: String,
    rules: usize,
    may_reload: bool,
    /// They were read again just now.
    reloaded: bool,
    faults: Vec<String>,
}

#[derive(Deserialize)]
pub struct ReloadForm {}

/// `GET /rules`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Fault> {
    draw(&state, &visitor, false, Vec::new())
}

/// `GET /rules/regels.md`: every rule with its reason, as Markdown.
pub async fn listed(State(state): State<ReviewState>) -> Response {
    let shown = state.shown();
    let headers = [
        (CONTENT_TYPE, "text/markdown; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"regels.md\""),
    ];
    (headers, shown.rules.page.clone()).into_response()
}

/// `POST /rules/reload`
pub async fn reload(
    State(state): State<ReviewState>,
    Posted { visitor, form: ReloadForm {} }: Posted<ReloadForm>,
) -> Result<Response, Fault> {
    let Some(rereader) = state.rereader() else {
        return Err(Fault::unacceptable("Deze werkplek kan de regels niet opnieuw inlezen."));
    };
    match rereader().await {
        Ok(reread) => {
            tracing::info!(by = %visitor.name, rules = %reread.rules.version, "rules read again from the desk");
            state.show_all(reread.office, reread.names, reread.rules);
            draw(&state, &visitor, true, Vec::new())
        }
        Err(faults) => {
            let faults = faults.lines().map(str::to_owned).collect();
            let mut response = draw(&state, &visitor, false, faults)?;
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            response.extensions_mut().insert(Written);
            Ok(response)
        }
    }
}

fn draw(
    state: &ReviewState,
    visitor: &Visitor,
    reloaded: bool,
    faults: Vec<String>,
) -> Result<Response, Fault> {
    let shown = state.shown();
    let RulesInForce { version, count, .. } = &shown.rules;
    let view = View {
        shell: Shell::new(state, visitor, "rules"),
        version: version.clone(),
        rules: *count,
        may_reload: visitor.may(Right::KeepRules) && state.rereader().is_some(),
        reloaded,
        faults,
    };
    Ok(pages::draw("rules.html", &view)?.into_response())
}
