//! `GET /rules`: which rules are in force, and the page that lists them; `POST /rules/reload` reads them again.
//!
//! Invariant: rules with a fault never come into force; who asked for it reads the fault, with file, line and column.

use super::draft_page::{self, VersionView};
use super::errors::{Fault, Written};
use super::guard::{Posted, Visitor};
use super::pages::{self, Shell};
use super::rights::Right;
use super::state::{ReviewState, RulesInForce};
use axum::extract::{Extension, Query, State};
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
    notice: Option<&'static str>,
    draft: bool,
    may_edit: bool,
    /// Address and name of each rule file.
    files: Vec<(String, String)>,
    versions: Vec<VersionView>,
    faults: Vec<String>,
}

/// What was just done.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Done {
    done: String,
}

#[derive(Deserialize)]
pub struct ReloadForm {}

/// `GET /rules`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Query(done): Query<Done>,
) -> Result<Response, Fault> {
    let notice = match done.done.as_str() {
        "published" => Some("De regels zijn in werking gezet. Ze gelden vanaf nu voor wat binnenkomt."),
        "discarded" => Some("Het concept is weggegooid. Er is niets veranderd."),
        _ => None,
    };
    draw(&state, &visitor, notice, false, Vec::new()).await
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
            draw(&state, &visitor, None, true, Vec::new()).await
        }
        Err(faults) => {
            let faults = faults.lines().map(str::to_owned).collect();
            let mut response = draw(&state, &visitor, None, false, faults).await?;
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            response.extensions_mut().insert(Written);
            Ok(response)
        }
    }
}

async fn draw(
    state: &ReviewState,
    visitor: &Visitor,
    notice: Option<&'static str>,
    reloaded: bool,
    faults: Vec<String>,
) -> Result<Response, Fault> {
    let (draft, files) = draft_page::files(state).await?;
    let versions = draft_page::versions(state).await?;
    let shown = state.shown();
    let RulesInForce { version, count, .. } = &shown.rules;
    let view = View {
        shell: Shell::new(state, visitor, "rules"),
        version: version.clone(),
        rules: *count,
        may_reload: visitor.may(Right::KeepRules) && state.rereader().is_some(),
        reloaded,
        notice,
        draft,
        may_edit: visitor.may(Right::KeepRules),
        files,
        versions,
        faults,
    };
    Ok(pages::draw("rules.html", &view)?.into_response())
}
