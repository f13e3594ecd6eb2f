//! `GET /sending`: do answers go out? `POST /sending/switch` stops them all, or lets them go again: one switch, kept by the
//! store, so that a restart does not lift it.

use super::dates;
use super::errors::Fault;
use super::guard::{Posted, Visitor, see_other};
use super::pages::{self, Shell};
use super::state::ReviewState;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct View {
    shell: Shell,
    /// By whom and when it was stopped.
    paused: Option<Paused>,
    rehearsal: bool,
    /// Answers that wait to go out.
    waiting: usize,
}

#[derive(Serialize)]
struct Paused {
    by: String,
    at: String,
}

#[derive(Deserialize)]
pub struct SwitchForm {
    /// `pause` or `resume`.
    #[serde(default)]
    action: String,
}

/// `GET /sending`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Fault> {
    let (paused, waiting) =
        state.with_store(|store| Ok((store.sending_paused()?, store.waiting_answers()?))).await?;
    let view = View {
        shell: Shell::new(&state, &visitor, "sending"),
        paused: paused.map(|pause| Paused { by: pause.by, at: dates::moment(pause.at) }),
        rehearsal: state.is_rehearsal(),
        waiting,
    };
    Ok(pages::draw("sending.html", &view)?.into_response())
}

/// `POST /sending/switch`
pub async fn switch(
    State(state): State<ReviewState>,
    Posted { visitor, form }: Posted<SwitchForm>,
) -> Result<Response, Fault> {
    let paused = match form.action.as_str() {
        "pause" => true,
        "resume" => false,
        _ => return Err(Fault::unacceptable("Kies of het verzenden stopt of doorgaat.")),
    };
    let (by, now) = (visitor.name, state.now());
    state.with_store(move |store| store.pause_sending(paused, &by, now)).await?;
    state.tell_released();
    Ok(see_other("/sending"))
}

/// Why nothing goes out now, in one sentence for the queue; `None`: answers go out.
pub(super) async fn stopped(state: &ReviewState) -> Result<Option<&'static str>, Fault> {
    if state.is_rehearsal() {
        return Ok(Some("Proefdraaien: er gaat geen antwoord uit."));
    }
    let paused = state.with_store(|store| store.sending_paused()).await?;
    Ok(paused.map(|_| "Het verzenden staat stil: er gaat geen antwoord uit."))
}
