//! The JSON API of the contract (`/api/v1/…`): the same data and the same one state change as the pages.
//!
//! Errors are problem+json (RFC 9457), a case's revision is its ETag (RFC 9110 §8.8). Invariant: a program
//! with a token needs no CSRF token; a browser with a session must send one, in `X-CSRF-Token` (see `guard`).

use super::bsn;
use super::case_page::{case_number, gather, gather_whole};
use super::decide::{self, Outcome};
use super::errors::Fault;
use super::guard::Visitor;
use super::queue_page::Choice;
use super::rights::Right;
use super::state::ReviewState;
use crate::limits::PAGE_ROWS_MAX;
use crate::queue;
use crate::record::{CaseRow, Decision, HistoryLine, Judgement, Record};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

const OPENAPI: &str = include_str!("../../templates/desk/openapi.json");

/// `GET /api/v1/openapi.json`
pub async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

#[derive(Serialize)]
struct Page {
    total: usize,
    page: usize,
    page_size: usize,
    cases: Vec<CaseRow>,
}

/// `GET /api/v1/cases`
pub async fn cases(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Query(choice): Query<Choice>,
) -> Result<Response, Fault> {
    let filter = choice.filter(&visitor.name, state.today());
    let page = filter.offset / PAGE_ROWS_MAX + 1;
    let found = state.with_store(move |store| store.cases(&filter)).await?;
    Ok(Json(Page { total: found.total, page, page_size: PAGE_ROWS_MAX, cases: found.rows }).into_response())
}

#[derive(Serialize)]
struct CaseBody {
    case: CaseRow,
    judgement: Option<Judgement>,
    pieces: Vec<PieceBody>,
    answer_text: Option<String>,
    history: Vec<HistoryLine>,
}

#[derive(Serialize)]
struct PieceBody {
    #[serde(flatten)]
    record: Record,
    extract: Option<crate::record::Extract>,
}

/// How a case is asked for.
#[derive(Deserialize)]
pub struct Wish {
    /// With its citizen service numbers; written down, and only for who may.
    #[serde(default)]
    show_bsn: bool,
}

/// `GET /api/v1/cases/{number}`
pub async fn case(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<String>,
    Query(wish): Query<Wish>,
) -> Result<Response, Fault> {
    let number = case_number(&number)?;
    let given = if wish.show_bsn {
        if !visitor.may(Right::SeeBsn) {
            return Err(Fault::forbidden());
        }
        bsn::note(&state, &visitor, number).await?;
        gather_whole(&state, number).await?
    } else {
        gather(&state, number).await?
    };
    let revision = given.row.revision;
    let judgement = given.pieces.iter().find_map(|piece| piece.judgement.clone());
    let body = CaseBody {
        case: given.row,
        judgement,
        pieces: given
            .pieces
            .into_iter()
            .map(|piece| PieceBody { record: piece.record, extract: piece.extract })
            .collect(),
        answer_text: given.answer.and_then(|answer| answer.text),
        history: given.history,
    };
    Ok(with_etag(Json(body).into_response(), revision))
}

/// What a program posts to decide.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionBody {
    verdict: String,
    #[serde(default)]
    refer_to: Option<String>,
    #[serde(default)]
    reason: String,
    /// The revision that was looked at; or `If-Match` with the ETag. One of both is needed.
    #[serde(default)]
    revision: Option<u64>,
}

/// `POST /api/v1/cases/{number}/decision`
pub async fn decision(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<String>,
    headers: HeaderMap,
    body: Result<Json<DecisionBody>, JsonRejection>,
) -> Result<Response, Fault> {
    let number = case_number(&number)?;
    let Json(body) = body.map_err(|rejection| {
        Fault::new(
            rejection.status(),
            "Ongeldig verzoek",
            format!("The body was refused: {}", rejection.body_text()),
        )
    })?;
    let verdict = queue::verdict_of(&body.verdict)
        .ok_or_else(|| Fault::unacceptable("Dit besluit kennen wij niet. Zie openapi.json."))?;
    let revision = match (body.revision, if_match(&headers)) {
        (Some(given), Some(matched)) if given != matched => {
            return Err(Fault::unacceptable("revision en If-Match spreken elkaar tegen."));
        }
        (Some(revision), _) | (None, Some(revision)) => revision,
        (None, None) => {
            return Err(Fault::new(
                StatusCode::PRECONDITION_REQUIRED,
                "Revisie ontbreekt",
                "Geef revision mee, of If-Match met de ETag van de zaak.",
            ));
        }
    };
    let decision = Decision {
        verdict,
        refer_to: body.refer_to.map(|id| id.trim().to_owned()),
        by: visitor.name,
        at: state.now(),
        reason: body.reason.trim().to_owned(),
    };
    match decide::decide(&state, number, revision, decision).await? {
        Outcome::Done(row) => {
            let revision = row.revision;
            Ok(with_etag(Json(row).into_response(), revision))
        }
        Outcome::NotWhole(fault) => Err(Fault::unacceptable(fault)),
        Outcome::Stale => Err(Fault::new(
            StatusCode::CONFLICT,
            "De zaak is intussen gewijzigd",
            "Haal de zaak opnieuw op en beslis dan.",
        )),
    }
}

fn with_etag(mut response: Response, revision: u64) -> Response {
    if let Ok(value) = HeaderValue::from_str(&format!("\"{revision}\"")) {
        response.headers_mut().insert(ETAG, value);
    }
    response
}

fn if_match(headers: &HeaderMap) -> Option<u64> {
    headers.get(IF_MATCH)?.to_str().ok()?.trim().trim_matches('"').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::routes::{self, Access};
    use super::*;

    #[test]
    fn an_etag_goes_out_and_comes_back() {
        let response = with_etag(StatusCode::OK.into_response(), 42);
        let mut headers = HeaderMap::new();
        assert_eq!(if_match(&headers), None);
        headers.insert(IF_MATCH, response.headers()[ETAG].clone());
        assert_eq!(if_match(&headers), Some(42));
    }

    #[test]
    fn the_openapi_document_names_every_route_of_the_api() {
        let document: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let mut told: Vec<String> = Vec::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            let methods = operations.as_object().unwrap().keys().filter(|key| *key != "parameters");
            told.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
        }
        let mut ours: Vec<String> = routes::table(false)
            .iter()
            .filter(|row| matches!(row.access, Access::Program(_)) || row.path == "/healthz")
            .map(|row| format!("{} {}", row.method, row.path))
            .collect();
        told.sort();
        ours.sort();
        assert_eq!(told, ours);
        let verdicts = &document["components"]["schemas"]["Decision"]["properties"]["verdict"]["enum"];
        let ours: Vec<&str> = queue::VERDICTS.into_iter().map(queue::verdict_id).collect();
        assert_eq!(verdicts, &serde_json::json!(ours));
    }
}
