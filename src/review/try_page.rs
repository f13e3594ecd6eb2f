//! `/rules/try`: a text or a file judged by the rules in force, and by the draft when there is one. Nothing is stored or sent.

use super::errors::Fault;
use super::guard::Visitor;
use super::pages::{self, Shell};
use super::reasons::{self, ConclusionView};
use super::state::{ReviewState, Tried};
use super::upload::{self, Sent};
use super::words;
use crate::limits::NOTE_CHARS_MAX;
use crate::record::{Extract, Judgement};
use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

#[derive(Serialize)]
struct View {
    shell: Shell,
    text: String,
    text_chars_max: usize,
    file: Option<String>,
    now: Option<TriedView>,
    draft: Option<TriedView>,
    /// What was read of the file.
    read: Vec<String>,
}

#[derive(Serialize)]
struct TriedView {
    scope: &'static str,
    queue: String,
    about: Vec<String>,
    certainty: &'static str,
    percent: u32,
    automatic: Option<String>,
    tells: bool,
    why: Vec<ConclusionView>,
}

/// Characters of a text that is tried: a long letter.
const TEXT_CHARS_MAX: usize = 20 * NOTE_CHARS_MAX;

/// `GET /rules/try`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Fault> {
    draw(&state, &visitor, String::new(), None, None)
}

/// `POST /rules/try`, as multipart/form-data: `text`, or `file`.
pub async fn tried(State(state): State<ReviewState>, request: Request) -> Result<Response, Response> {
    let Sent { visitor, text, file, .. } = upload::sent(&state, request).await?;
    let fault = |fault: Fault| fault.into_response();
    let Some(desk) = state.rule_desk() else {
        return Err(fault(Fault::not_found("Deze werkplek kan geen regels proberen.")));
    };
    let text: String = text.unwrap_or_default().chars().take(TEXT_CHARS_MAX).collect();
    let (name, bytes) = match file {
        Some((name, bytes)) if !bytes.is_empty() => (name, bytes),
        _ if text.trim().is_empty() => {
            return Err(fault(Fault::unacceptable("Typ een tekst, of kies een bestand.")));
        }
        _ => ("tekst.txt".to_owned(), text.clone().into_bytes()),
    };
    let typed = name == "tekst.txt";
    let found = desk.try_on(name.clone(), bytes, state.today()).await;
    let found = found.map_err(|error| fault(Fault::internal(&error)))?;
    draw(&state, &visitor, text, (!typed).then_some(name), Some(&found)).map_err(fault)
}

fn draw(
    state: &ReviewState,
    visitor: &Visitor,
    text: String,
    file: Option<String>,
    tried: Option<&Tried>,
) -> Result<Response, Fault> {
    let (mut now, mut draft, mut read) = (None, None, Vec::new());
    if let Some(tried) = tried {
        now = Some(tried_view(state, &tried.now));
        draft = tried.draft.as_ref().map(|judgement| tried_view(state, judgement));
        if file.is_some() {
            read = texts(&tried.extract);
        }
    }
    let view = View {
        shell: Shell::new(state, visitor, "rules"),
        text,
        text_chars_max: TEXT_CHARS_MAX,
        file,
        now,
        draft,
        read,
    };
    Ok(pages::draw("rule_try.html", &view)?.into_response())
}

fn texts(extract: &Extract) -> Vec<String> {
    let text = |text: &str| text.chars().take(TEXT_CHARS_MAX).collect::<String>();
    extract
        .documents
        .iter()
        .map(|document| text(&document.text))
        .filter(|text| !text.trim().is_empty())
        .collect()
}

fn tried_view(state: &ReviewState, judgement: &Judgement) -> TriedView {
    let shown = state.shown();
    TriedView {
        scope: words::scope(judgement.scope),
        queue: shown.names.queue(&judgement.queue),
        about: judgement.complained_about.iter().map(|id| shown.names.organisation_listed(id)).collect(),
        certainty: words::certainty(judgement.confidence),
        percent: super::queue_page::percent(judgement.confidence),
        automatic: judgement
            .automatic
            .as_ref()
            .map(|automatic| format!("{}: {}", words::automatic(automatic.class), automatic.reason)),
        tells: judgement.may_tell_citizen,
        why: reasons::views(&reasons::conclude(&judgement.findings, &shown.names), 0),
    }
}
