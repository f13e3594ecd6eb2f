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
use crate::limits::{LIST_PAGES_MAX, PAGE_ROWS_MAX};
use crate::queue;
use crate::record::{CaseRow, Decision, HistoryLine, Judgement, Record};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, LINK};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
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

/// What a program may choose by; what is none of it is refused, where a page chooses nothing.
fn checked(choice: &Choice) -> Result<(), Fault> {
    let among = |value: &str, known: &[&str]| value.is_empty() || known.contains(&value);
    let page = choice.page.parse::<usize>();
    let faults = [
        (choice.q.chars().count() > 200, "q"),
        (!among(&choice.status, &["open", "taken-up", "asked-for-more", "closed", "all"]), "status"),
        (!among(&choice.due, &["late", "today", "week"]) && choice.due.parse::<Date>().is_err(), "due"),
        (!among(&choice.sort, &["newest", "oldest"]), "sort"),
        (!among(&choice.todo, &["undelivered"]), "todo"),
        (!choice.page.is_empty() && !page.is_ok_and(|page| (1..=LIST_PAGES_MAX).contains(&page)), "page"),
    ];
    match faults.into_iter().find(|(wrong, _)| *wrong) {
        None => Ok(()),
        Some((_, name)) => Err(Fault::new(
            StatusCode::BAD_REQUEST,
            "Ongeldig verzoek",
            format!("De waarde van {name} kennen wij niet. Zie openapi.json."),
        )),
    }
}

/// `GET /api/v1/cases`
pub async fn cases(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
    Query(choice): Query<Choice>,
) -> Result<Response, Fault> {
    checked(&choice)?;
    let filter = choice.filter(&visitor.name, state.today());
    let page = filter.offset / PAGE_ROWS_MAX + 1;
    let found = state.with_store(move |store| store.cases(&filter)).await?;
    let link = links(uri.query().unwrap_or_default(), page, found.total);
    let body = Page { total: found.total, page, page_size: PAGE_ROWS_MAX, cases: found.rows };
    let mut response = Json(body).into_response();
    if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

/// Where the other pages of a choice are (RFC 8288); `None`: there is one.
fn links(query: &str, page: usize, total: usize) -> Option<String> {
    let last = total.div_ceil(PAGE_ROWS_MAX).clamp(1, LIST_PAGES_MAX);
    let others: Vec<&str> =
        query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("page=")).collect();
    let to = |rel: &str, page: usize| {
        let pairs = others.iter().map(|pair| format!("{pair}&")).collect::<String>();
        format!("</api/v1/cases?{pairs}page={page}>; rel=\"{rel}\"")
    };
    let mut links = Vec::new();
    if page > 1 {
        links.push(to("first", 1));
        links.push(to("prev", (page - 1).min(last)));
    }
    if page < last {
        links.push(to("next", page + 1));
        links.push(to("last", last));
    }
    (!links.is_empty()).then(|| links.join(", "))
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
    headers: HeaderMap,
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
    if headers
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|held| held == tag(revision))
    {
        return Ok(with_etag(StatusCode::NOT_MODIFIED.into_response(), revision));
    }
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

/// The row of a case, as a decision answers it.
pub async fn row(state: &ReviewState, number: &str) -> Result<Response, Fault> {
    let given = gather(state, case_number(number)?).await?;
    let revision = given.row.revision;
    Ok(with_etag(Json(given.row).into_response(), revision))
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
    let matched = if_match(&headers)?;
    let revision = match (body.revision, matched) {
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
        Outcome::NotWhole(refused) => Err(Fault::unacceptable(refused.text)),
        // Who named the ETag learns that it does not match (RFC 9110 §13.1.1); who named the revision, of the conflict.
        Outcome::Stale => Err(Fault::new(
            if matched.is_some() { StatusCode::PRECONDITION_FAILED } else { StatusCode::CONFLICT },
            "De zaak is intussen gewijzigd",
            "Haal de zaak opnieuw op en beslis dan.",
        )),
    }
}

fn tag(revision: u64) -> String {
    format!("\"{revision}\"")
}

fn with_etag(mut response: Response, revision: u64) -> Response {
    if let Ok(value) = HeaderValue::from_str(&tag(revision)) {
        response.headers_mut().insert(ETAG, value);
    }
    response
}

/// The revision that If-Match names. Ours are strong and one at a time: a list, a weak one or `*` can match none.
fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Fault> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let held = value.to_str().ok().map(|value| value.trim().trim_matches('"'));
    match held.and_then(|held| held.parse().ok()) {
        Some(revision) => Ok(Some(revision)),
        None => Err(Fault::new(
            StatusCode::PRECONDITION_FAILED,
            "Deze ETag is er geen van ons",
            "Geef in If-Match de ETag die bij de zaak werd gegeven.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::routes::{self, Access};
    use super::*;

    #[test]
    fn an_etag_goes_out_and_comes_back() {
        let response = with_etag(StatusCode::OK.into_response(), 42);
        let mut headers = HeaderMap::new();
        assert!(matches!(if_match(&headers), Ok(None)));
        headers.insert(IF_MATCH, response.headers()[ETAG].clone());
        assert!(matches!(if_match(&headers), Ok(Some(42))));
        for bad in ["*", "W/\"42\"", "\"1\", \"2\"", ""] {
            headers.insert(IF_MATCH, HeaderValue::from_static(bad));
            assert!(if_match(&headers).is_err(), "{bad}");
        }
    }

    #[test]
    fn other_pages_are_told_by_links() {
        assert_eq!(links("", 1, 50), None);
        let told = links("status=all&page=2&q=a%20b", 2, 151).unwrap();
        let expected = [("first", 1), ("prev", 1), ("next", 3), ("last", 4)]
            .map(|(rel, page)| format!("</api/v1/cases?status=all&q=a%20b&page={page}>; rel=\"{rel}\""));
        assert_eq!(told, expected.join(", "));
        assert!(!links("", 2, 60).unwrap().contains("next"));
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
        let kinds = document["components"]["schemas"]["News"]["properties"]["type"]["enum"].clone();
        assert_eq!(serde_json::from_value::<Vec<crate::record::NewsKind>>(kinds).unwrap().len(), 13);
        let verdicts = &document["components"]["schemas"]["Decision"]["properties"]["verdict"]["enum"];
        let ours: Vec<&str> = queue::VERDICTS.into_iter().map(queue::verdict_id).collect();
        assert_eq!(verdicts, &serde_json::json!(ours));
    }
}
