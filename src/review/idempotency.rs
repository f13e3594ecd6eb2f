//! A write that a program repeats with the same `Idempotency-Key` is done once, and answered the same (draft-ietf-httpapi-idempotency-key-header).
//!
//! Invariants: a key is its visitor's own; the same key with another request is refused, and while the first is in work a second
//! waits for nothing and is told so. Kept in memory, for a day, the newest of a bounded number: after a restart the revision still keeps
//! a repeated decision from being made twice.

use super::errors::Fault;
use super::guard::Visitor;
use super::state::ReviewState;
use crate::limits::{FORM_BYTES_MAX, IDEMPOTENT_ANSWER_BYTES_MAX, IDEMPOTENT_KEPT, IDEMPOTENT_KEYS_MAX};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, ETAG, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// An answer as it was given.
#[derive(Clone)]
struct Given {
    status: StatusCode,
    fields: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
    fault: Option<Fault>,
}

struct Known {
    /// Digest of what was asked.
    asked: [u8; 32],
    at: Timestamp,
    /// None: it is in work.
    given: Option<Given>,
}

/// What is known of earlier writes, by visitor and key.
#[derive(Default)]
pub struct Idempotent {
    known: Mutex<HashMap<(String, String), Known>>,
}

/// What to do with a request.
enum Step {
    First,
    Again(Box<Given>),
    Refused(Fault),
}

impl Idempotent {
    fn begin(&self, key: &(String, String), asked: [u8; 32], now: Timestamp) -> Step {
        let mut known = self.lock();
        let fresh = |known: &Known| known.at.checked_add(IDEMPOTENT_KEPT).is_ok_and(|until| now < until);
        if let Some(before) = known.get(key).filter(|before| fresh(before)) {
            return match &before.given {
                _ if before.asked != asked => {
                    Step::Refused(Fault::unacceptable("Deze Idempotency-Key hoort bij een ander verzoek."))
                }
                Some(given) => Step::Again(Box::new(given.clone())),
                None => Step::Refused(Fault::new(
                    StatusCode::CONFLICT,
                    "Dit verzoek is nog in behandeling",
                    "Probeer het zo nog eens met dezelfde Idempotency-Key.",
                )),
            };
        }
        if known.len() >= IDEMPOTENT_KEYS_MAX {
            known.retain(|_, known| fresh(known));
            let oldest = known.iter().min_by_key(|(_, known)| known.at).map(|(key, _)| key.clone());
            if known.len() >= IDEMPOTENT_KEYS_MAX
                && let Some(oldest) = oldest
            {
                known.remove(&oldest);
            }
        }
        known.insert(key.clone(), Known { asked, at: now, given: None });
        Step::First
    }

    /// `None`: it came to nothing, and may be tried again.
    fn end(&self, key: &(String, String), given: Option<Given>) {
        let mut known = self.lock();
        match given {
            None => drop(known.remove(key)),
            Some(given) => {
                if let Some(known) = known.get_mut(key) {
                    known.given = Some(given);
                }
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request in work that is dropped (its program hung up) leaves its key free again.
struct Mark<'a> {
    state: &'a ReviewState,
    key: (String, String),
    ended: bool,
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.state.idempotent().end(&self.key, None);
        }
    }
}

/// Runs a write of a program, once for each of its keys.
pub async fn once(state: &ReviewState, visitor: &Visitor, request: Request, next: Next) -> Response {
    let Some(key) = request.headers().get(KEY) else { return next.run(request).await };
    let key = key.to_str().map(|key| key.trim().trim_matches('"').to_owned()).unwrap_or_default();
    if !(1..=200).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Fault::new(
            StatusCode::BAD_REQUEST,
            "Ongeldig verzoek",
            "Een Idempotency-Key heeft 1 tot 200 zichtbare tekens (ASCII).",
        )
        .into_response();
    }
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, FORM_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let mut hasher = Sha256::new();
    for part in [head.method.as_str().as_bytes(), head.uri.to_string().as_bytes(), &body] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let key = (visitor.name.clone(), key);
    match state.idempotent().begin(&key, hasher.finalize().into(), state.now()) {
        Step::Refused(fault) => fault.into_response(),
        Step::Again(given) => again(*given),
        Step::First => {
            let mut mark = Mark { state, key, ended: false };
            let response = next.run(Request::from_parts(head, Body::from(body))).await;
            let (response, given) = kept(response).await;
            mark.ended = true;
            state.idempotent().end(&mark.key, given);
            response
        }
    }
}

fn again(given: Given) -> Response {
    let mut response = (given.status, given.body).into_response();
    for (name, value) in given.fields {
        response.headers_mut().insert(name, value);
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response.extensions_mut().extend(given.fault.into_iter().fold(
        axum::http::Extensions::new(),
        |mut all, fault| {
            all.insert(fault);
            all
        },
    ));
    response
}

/// The answer, and what of it is kept: not the machine's own faults, which may be over at the next try.
async fn kept(response: Response) -> (Response, Option<Given>) {
    if response.status().is_server_error() {
        return (response, None);
    }
    let (head, body) = response.into_parts();
    let Ok(body) = axum::body::to_bytes(body, IDEMPOTENT_ANSWER_BYTES_MAX).await else {
        return (Fault::internal(&"an answer too large to keep").into_response(), None);
    };
    let fields = [CONTENT_TYPE, ETAG]
        .into_iter()
        .filter_map(|name| Some((name.clone(), head.headers.get(name)?.clone())))
        .collect();
    let fault = head.extensions.get::<Fault>().cloned();
    let given = Given { status: head.status, fields, body: body.clone(), fault };
    (Response::from_parts(head, Body::from(body)), Some(given))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + second).unwrap()
    }

    fn key(text: &str) -> (String, String) {
        ("api:x".to_owned(), text.to_owned())
    }

    #[test]
    fn the_number_of_keys_is_bounded_and_they_have_an_end() {
        let idempotent = Idempotent::default();
        let given = || Given { status: StatusCode::OK, fields: vec![], body: Bytes::new(), fault: None };
        for n in 0..IDEMPOTENT_KEYS_MAX + 5 {
            let seconds = i64::try_from(n).unwrap() / 1000;
            assert!(matches!(idempotent.begin(&key(&n.to_string()), [0; 32], at(seconds)), Step::First));
            idempotent.end(&key(&n.to_string()), Some(given()));
        }
        assert!(idempotent.lock().len() <= IDEMPOTENT_KEYS_MAX);
        let last = key(&(IDEMPOTENT_KEYS_MAX + 4).to_string());
        assert!(matches!(idempotent.begin(&last, [0; 32], at(60)), Step::Again(_)));
        assert!(matches!(idempotent.begin(&last, [1; 32], at(60)), Step::Refused(_)));
        let day = i64::try_from(IDEMPOTENT_KEPT.as_secs()).unwrap();
        assert!(matches!(idempotent.begin(&last, [1; 32], at(60 + day)), Step::First));
        assert!(matches!(idempotent.begin(&last, [1; 32], at(60 + day)), Step::Refused(_)), "in work");
        idempotent.end(&last, None);
        assert!(matches!(idempotent.begin(&last, [1; 32], at(60 + day)), Step::First));
    }
}
