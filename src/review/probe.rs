//! `GET /healthz` and `GET /metrics`: for machines that watch the daemon. Numbers of parts, never of people.
//!
//! `/healthz` answers 503 only when nothing is taken in or nothing can be written; whatever else ails the house is told with
//! 200. Prometheus' text format 0.0.4 and OpenMetrics 1.0. Invariant: neither walks the store, whatever its size.

use super::ailment::{Ailment, Code};
use super::errors::{Fault, Written};
use super::state::ReviewState;
use crate::metrics::{Form, Metrics, family};
use crate::store::Watched;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

/// `GET /healthz`: a line for each reason, or JSON for who asks for it.
pub async fn healthz(State(state): State<ReviewState>, headers: HeaderMap) -> Response {
    let mut ailments = state.health().ailments();
    // Why, the log tells.
    if state.with_store(crate::store::Store::can_write).await.is_err() {
        ailments.push(Ailment {
            part: "store".to_owned(),
            code: Code::StoreCannotWrite,
            reason: "it cannot be written; is its disk full, or read-only?".to_owned(),
            stops: true,
        });
    }
    told(&ailments, &headers)
}

/// What `/healthz` answers.
pub(super) fn told(ailments: &[Ailment], headers: &HeaderMap) -> Response {
    let stopped = ailments.iter().any(|ailment| ailment.stops);
    let wants_json = headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("application/json"));
    let (media_type, body) = if wants_json {
        let status = match (stopped, ailments.is_empty()) {
            (true, _) => "stopped",
            (false, false) => "ailing",
            (false, true) => "ok",
        };
        let body = serde_json::json!({ "status": status, "reasons": ailments });
        ("application/json", format!("{body}\n"))
    } else if ailments.is_empty() {
        ("text/plain; charset=utf-8", "ok\n".to_owned())
    } else {
        let lines = ailments.iter().map(|one| format!("{}: {}\n", one.part, one.reason)).collect();
        ("text/plain; charset=utf-8", lines)
    };
    let status = if stopped { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let mut response = (status, [(CONTENT_TYPE, media_type)], body).into_response();
    response.extensions_mut().insert(Written);
    response
}

/// `GET /metrics`: what the daemon counted, and how it is now.
pub async fn metrics(State(state): State<ReviewState>, headers: HeaderMap) -> Result<Response, Fault> {
    let (health, now) = (state.health().clone(), state.now());
    let sampled = health.clone();
    state
        .with_store(move |store| {
            tell(sampled.metrics(), &store.watched()?, now);
            sampled.sample(now);
            Ok(())
        })
        .await?;
    let form = Form::asked(headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()));
    Ok(([(CONTENT_TYPE, form.media_type())], health.metrics().render(form)).into_response())
}

/// What waits in the store.
fn tell(metrics: &Metrics, watched: &Watched, now: Timestamp) {
    let age = |since: Option<Timestamp>| {
        since.map_or(0.0, |since| now.duration_since(since).as_secs_f64().max(0.0))
    };
    let truth = |is: bool| if is { 1.0 } else { 0.0 };
    metrics.clear(&family::CASES);
    metrics.clear(&family::UNDECIDED_AGE);
    for count in &watched.queues {
        let by_status = [
            ("open", count.open),
            ("taken-up", count.taken_up),
            ("asked-for-more", count.asked_for_more),
            ("closed", count.closed),
        ];
        for (status, cases) in by_status {
            metrics.set_count(&family::CASES, &[&count.queue, status], cases);
        }
        let since = watched.undecided.get(&count.queue).copied();
        metrics.set(&family::UNDECIDED_AGE, &[&count.queue], age(since));
    }
    if let Some(last) = watched.last_piece {
        metrics.set(&family::LAST_PIECE, &[], last.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64());
    }
    metrics.set(&family::UNJUDGED_AGE, &[], age(watched.unjudged));
    metrics.set(&family::UNSENT_AGE, &[], age(watched.unsent));
    metrics.set_count(&family::ANSWERS_WAITING, &["waiting"], watched.waiting);
    metrics.set_count(&family::ANSWERS_WAITING, &["undelivered"], watched.undelivered);
    metrics.set_count(&family::ANSWERS_WAITING, &["letter-to-check"], watched.letters_to_check);
    metrics.set(&family::SENDING_PAUSED, &[], truth(watched.paused));
    metrics.set(&family::BREAKER, &[], truth(watched.breaker_open));
}
