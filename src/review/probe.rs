//! `GET /healthz` and `GET /metrics`: for machines that watch the daemon. Numbers of parts, never of people.

use super::errors::{Fault, Written};
use super::state::ReviewState;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use std::fmt::Write;

/// `GET /healthz`: 200 when mail is taken in and the store can write; else 503 and a line for each reason.
pub async fn healthz(State(state): State<ReviewState>) -> Response {
    let reasons = state.health().reasons();
    let plain = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    if reasons.is_empty() {
        return (plain, "ok\n").into_response();
    }
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, plain, reasons.join("\n") + "\n").into_response();
    response.extensions_mut().insert(Written);
    response
}

/// `GET /metrics`: the daemon's counters, and the cases by queue and status.
pub async fn metrics(State(state): State<ReviewState>) -> Result<Response, Fault> {
    let counts = state.with_store(|store| store.queue_counts()).await?;
    let mut text = state.health().metrics() + &state.health().proof_metrics(state.now());
    let _ = writeln!(text, "# HELP bode_cases Cases by queue and status.\n# TYPE bode_cases gauge");
    for count in counts {
        let queue = super::health::escaped(&count.queue);
        let by_status = [
            ("open", count.open),
            ("taken-up", count.taken_up),
            ("asked-for-more", count.asked_for_more),
            ("closed", count.closed),
        ];
        for (status, cases) in by_status {
            let _ = writeln!(text, "bode_cases{{queue=\"{queue}\",status=\"{status}\"}} {cases}");
        }
    }
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}
