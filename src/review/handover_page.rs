//! `GET /handover`: which decided cases went to the zaaksysteem, which wait, and which a person must look at. `POST /handover`: a person has a
//! case handed over, or has seen what happened to one that was.
//!
//! Invariant: what a person asks for stands in the journal before it is noted; in a rehearsal nothing can be asked for.

use super::case_page::case_number;
use super::dates;
use super::errors::Fault;
use super::guard::{Posted, Visitor, see_other};
use super::pages::{self, Shell};
use super::state::ReviewState;
use super::words;
use crate::handover::{Note, Room, Step};
use crate::limits::HANDOVER_SHOWN_MAX;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Serialize)]
struct View {
    shell: Shell,
    /// There is a zaaksysteem.
    configured: bool,
    rehearsal: bool,
    /// Since when it cannot be used, and why (for the admin).
    hindrance: Option<(String, String)>,
    refused: Vec<RowView>,
    changed: Vec<RowView>,
    waiting: Vec<RowView>,
    done: Vec<RowView>,
    /// More of a list than are shown.
    more: usize,
}

#[derive(Serialize)]
struct RowView {
    case: String,
    decision: &'static str,
    at: String,
    /// What the zaaksysteem said, or what happened here.
    told: String,
    documents: usize,
    left_out: Vec<String>,
}

impl RowView {
    fn of(note: &Note) -> Self {
        let (at, told) = match &note.step {
            Step::Waiting => (note.decided_at, ""),
            Step::Refused { since, said } => (*since, said.as_str()),
            Step::Handed { since } => (*since, ""),
            Step::Changed { since, what } => (*since, what.as_str()),
        };
        Self {
            case: note.case.to_string(),
            decision: words::verdict_done(note.verdict),
            at: dates::moment(at),
            told: told.to_owned(),
            documents: note.documents,
            left_out: note.left_out.clone(),
        }
    }
}

#[derive(Deserialize)]
pub struct HandoverForm {
    /// `offer` or `seen`.
    #[serde(default)]
    action: String,
    #[serde(default)]
    case: String,
}

/// `GET /handover`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Fault> {
    let room = state.handover();
    let (open, done) = match room.clone() {
        Some(room) => {
            let read = tokio::task::spawn_blocking(move || (room.all_open(), room.last_done())).await;
            let (open, done) = read.map_err(|error| Fault::internal(&error))?;
            (open, done.map_err(|error| Fault::internal(&error))?)
        }
        None => Default::default(),
    };
    let mut more = 0;
    let mut some = |wanted: fn(&Step) -> bool| -> Vec<RowView> {
        let all: Vec<&Note> = open.iter().filter(|note| wanted(&note.step)).collect();
        more += all.len().saturating_sub(HANDOVER_SHOWN_MAX);
        all.into_iter().take(HANDOVER_SHOWN_MAX).map(RowView::of).collect()
    };
    let refused = some(|step| matches!(step, Step::Refused { .. }));
    let changed = some(|step| matches!(step, Step::Changed { .. }));
    let waiting = some(|step| *step == Step::Waiting);
    let hindrance = room.as_ref().and_then(|room| room.hindrance());
    let view = View {
        shell: Shell::new(&state, &visitor, "handover"),
        configured: room.is_some(),
        rehearsal: state.is_rehearsal(),
        hindrance: hindrance.map(|(since, why)| (dates::moment(since), why)),
        refused,
        changed,
        waiting,
        done: done.iter().map(RowView::of).collect(),
        more,
    };
    Ok(pages::draw("handover.html", &view)?.into_response())
}

/// `POST /handover`
pub async fn act(
    State(state): State<ReviewState>,
    Posted { visitor, form }: Posted<HandoverForm>,
) -> Result<Response, Fault> {
    let Some(room) = state.handover() else {
        return Err(Fault::unacceptable("Er is geen zaaksysteem ingesteld."));
    };
    if state.is_rehearsal() {
        return Err(Fault::unacceptable("Proefdraaien: er gaat niets naar het zaaksysteem."));
    }
    let number = case_number(form.case.trim())?;
    match form.action.as_str() {
        "offer" => {
            let (by, now) = (visitor.name, state.now());
            let row = state.with_store(move |store| store.case(number)).await?;
            let Some(row) = row.filter(|row| row.purged.is_none()) else {
                return Err(Fault::not_found("Deze zaak is er niet."));
            };
            let decision = row.decision.filter(|decision| room.takes(decision.verdict));
            let Some(decision) = decision else {
                return Err(Fault::unacceptable(
                    "Over deze zaak is niets besloten dat naar het zaaksysteem gaat.",
                ));
            };
            state.with_store(move |store| store.handover_asked(number, &by, now)).await?;
            noted(&room, move |room| room.offer(number, &decision)).await?;
            room.wake();
        }
        "seen" => noted(&room, move |room| room.seen(number)).await?,
        _ => return Err(Fault::unacceptable("Kies wat er met de zaak moet gebeuren.")),
    }
    Ok(see_other("/handover"))
}

async fn noted(
    room: &Arc<Room>,
    work: impl FnOnce(&Room) -> std::io::Result<()> + Send + 'static,
) -> Result<(), Fault> {
    let room = Arc::clone(room);
    let done =
        tokio::task::spawn_blocking(move || work(&room)).await.map_err(|error| Fault::internal(&error))?;
    done.map_err(|error| Fault::internal(&error))
}
