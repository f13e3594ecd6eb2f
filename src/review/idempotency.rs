//! A write that a program repeats with the same `Idempotency-Key` is done once, and answered the same (draft-ietf-httpapi-idempotency-key-header).
//!
//! Invariants: a key is its visitor's own; the same key with another request is refused, and while the first is in work a second
//! waits for nothing and is told so. Answers are kept in memory, for a day, the newest of a bounded number; that a write was done is
//! kept on disk (`kept_keys`), so that it is not done again after a restart either.

use super::errors::Fault;
use super::guard::Visitor;
use super::kept_keys::{KeptKey, KeptKeys, is_fresh};
use super::state::ReviewState;
use crate::limits::{FORM_BYTES_MAX, IDEMPOTENT_ANSWER_BYTES_MAX, IDEMPOTENT_KEYS_MAX};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, ETAG, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::Path;
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
    asked: String,
    at: Timestamp,
    came: Came,
}

/// What came of it.
enum Came {
    InWork,
    Given(Box<Given>),
    /// It was done before the last start; the answer is not known any more.
    Done(StatusCode),
}

/// What is known of earlier writes, by the digest of visitor and key.
#[derive(Default)]
pub struct Idempotent {
    known: Mutex<HashMap<String, Known>>,
    kept: Mutex<Option<KeptKeys>>,
}

/// What to do with a request.
enum Step {
    First,
    Again(Box<Given>),
    Done(StatusCode),
    Refused(Fault),
}

impl Idempotent {
    /// What is known from the disk. A file that cannot be read is told; keys are then known until the next start.
    pub fn at(dir: &Path, now: Timestamp) -> Self {
        let idempotent = Self::default();
        match KeptKeys::open(dir, now) {
            Ok((kept, done)) => {
                let came = |status| Came::Done(StatusCode::from_u16(status).unwrap_or(StatusCode::OK));
                let known =
                    |one: KeptKey| (one.key, Known { asked: one.asked, at: one.at, came: came(one.status) });
                idempotent.lock().extend(done.into_iter().map(known));
                *idempotent.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
            }
            Err(error) => {
                let error = crate::explain::quiet(error.to_string());
                tracing::warn!(
                    error,
                    "idempotency.log cannot be read; keys of programs are kept in memory alone"
                );
            }
        }
        idempotent
    }

    fn begin(&self, key: &str, asked: &str, now: Timestamp) -> Step {
        let mut known = self.lock();
        let fresh = |known: &Known| is_fresh(known.at, now);
        if let Some(before) = known.get(key).filter(|before| fresh(before)) {
            return match &before.came {
                _ if before.asked != asked => {
                    Step::Refused(Fault::unacceptable("Deze Idempotency-Key hoort bij een ander verzoek."))
                }
                Came::Given(given) => Step::Again(given.clone()),
                Came::Done(status) => Step::Done(*status),
                Came::InWork => Step::Refused(Fault::new(
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
        known.insert(key.to_owned(), Known { asked: asked.to_owned(), at: now, came: Came::InWork });
        Step::First
    }

    /// Writes down that it was done; on disk when this returns. May block.
    fn keep(&self, key: &str, asked: &str, status: StatusCode, now: Timestamp) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let one = KeptKey { key: key.to_owned(), asked: asked.to_owned(), at: now, status: status.as_u16() };
        if let Some(Err(error)) = kept.as_mut().map(|kept| kept.add(&one, now)) {
            // The write itself is done and stands in the journal: to refuse it now would be untrue.
            let error = crate::explain::quiet(error.to_string());
            tracing::warn!(
                error,
                "idempotency.log cannot be written; a repeat after a restart is held by the revision alone"
            );
        }
    }

    /// `None`: it came to nothing, and may be tried again.
    fn end(&self, key: &str, given: Option<Given>) {
        let mut known = self.lock();
        match given {
            None => drop(known.remove(key)),
            Some(given) => {
                if let Some(known) = known.get_mut(key) {
                    known.came = Came::Given(Box::new(given));
                }
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request in work that is dropped (its program hung up) leaves its key free again.
struct Mark<'a> {
    state: &'a ReviewState,
    key: String,
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
    let asked = digest(&[head.method.as_str().as_bytes(), head.uri.to_string().as_bytes(), &body]);
    let key = digest(&[visitor.name.as_bytes(), key.as_bytes()]);
    match state.idempotent().begin(&key, &asked, state.now()) {
        Step::Refused(fault) => fault.into_response(),
        Step::Again(given) => again(*given),
        Step::Done(status) => as_it_stands(state, head.uri.path(), status).await,
        Step::First => {
            let mut mark = Mark { state, key, ended: false };
            let response = next.run(Request::from_parts(head, Body::from(body))).await;
            let (response, given) = kept(response).await;
            mark.ended = true;
            let status = response.status();
            state.idempotent().end(&mark.key, given);
            // What was refused changed nothing and may be asked anew after a restart.
            if status.is_success() {
                let (state, key) = (state.clone(), mark.key.clone());
                let keep = move || state.idempotent().keep(&key, &asked, status, state.now());
                if let Err(error) = tokio::task::spawn_blocking(keep).await {
                    return Fault::internal(&error).into_response();
                }
            }
            response
        }
    }
}

/// SHA-256 over parts and their lengths.
fn digest(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The answer to a write that was done before the last start: its case as it stands now.
async fn as_it_stands(state: &ReviewState, path: &str, status: StatusCode) -> Response {
    let number = path.split('/').nth(4).unwrap_or_default();
    match super::api::row(state, number).await {
        Ok(mut response) => {
            *response.status_mut() = status;
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            response
        }
        Err(fault) => fault.into_response(),
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
    use crate::limits::IDEMPOTENT_KEPT;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + second).unwrap()
    }

    fn key(text: &str) -> String {
        digest(&[b"api:x", text.as_bytes()])
    }

    #[test]
    fn the_number_of_keys_is_bounded_and_they_have_an_end() {
        let idempotent = Idempotent::default();
        let given = || Given { status: StatusCode::OK, fields: vec![], body: Bytes::new(), fault: None };
        for n in 0..IDEMPOTENT_KEYS_MAX + 5 {
            let seconds = i64::try_from(n).unwrap() / 1000;
            assert!(matches!(idempotent.begin(&key(&n.to_string()), "a", at(seconds)), Step::First));
            idempotent.end(&key(&n.to_string()), Some(given()));
        }
        assert!(idempotent.lock().len() <= IDEMPOTENT_KEYS_MAX);
        let last = key(&(IDEMPOTENT_KEYS_MAX + 4).to_string());
        assert!(matches!(idempotent.begin(&last, "a", at(60)), Step::Again(_)));
        assert!(matches!(idempotent.begin(&last, "b", at(60)), Step::Refused(_)));
        let day = i64::try_from(IDEMPOTENT_KEPT.as_secs()).unwrap();
        assert!(matches!(idempotent.begin(&last, "b", at(60 + day)), Step::First));
        assert!(matches!(idempotent.begin(&last, "b", at(60 + day)), Step::Refused(_)), "in work");
        idempotent.end(&last, None);
        assert!(matches!(idempotent.begin(&last, "b", at(60 + day)), Step::First));
    }
}
