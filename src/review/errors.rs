//! What goes wrong at the desk, as people and programs are told: a page in Dutch, or problem+json (RFC 9457).
//!
//! A handler returns a [`Fault`]; one layer ([`dress`]) draws it, so that every refusal of the desk, those of
//! the framework too, looks the same. Invariant: the page shows the outside message, the log the inside one.

use super::guard::Visitor;
use super::pages::{self, Shell};
use super::state::{LetterFault, ReviewState};
use crate::queue::DecisionFault;
use crate::store::StoreError;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A refusal, with what the person is told.
#[derive(Clone, Debug)]
pub struct Fault {
    pub status: StatusCode,
    /// Dutch, a few words.
    pub title: String,
    /// Dutch, one or two sentences: what happened and what one can do.
    pub detail: String,
}

impl Fault {
    pub fn new(status: StatusCode, title: &str, detail: impl Into<String>) -> Self {
        Self { status, title: title.to_owned(), detail: detail.into() }
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "Niet gevonden", detail)
    }

    pub fn unacceptable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Dit kan niet worden opgeslagen", detail)
    }

    pub fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "U mag dit niet",
            "Uw account heeft hier geen rechten voor. Vraag uw beheerder.",
        )
    }

    pub fn form_expired() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "Dit formulier is verlopen",
            "Wij hebben niets opgeslagen. Ga terug naar de zaak, laad de bladzijde opnieuw en probeer het nog eens.",
        )
    }

    /// The machine's fault: the log gets the cause, the person an apology.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        let cause = crate::explain::quiet(cause.to_string());
        tracing::error!(cause, "the desk could not answer");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Er ging iets mis",
            "Dit ligt niet aan u. Probeer het nog eens. Blijft het misgaan? Waarschuw dan uw beheerder.",
        )
    }
}

impl From<LetterFault> for Fault {
    fn from(fault: LetterFault) -> Self {
        match fault {
            LetterFault::Store(error) => error.into(),
            LetterFault::Other(error) => Fault::internal(&error),
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::UnknownCase(number) => Fault::not_found(format!("Er is geen zaak {number}.")),
            StoreError::UnknownRecord(number) => Fault::not_found(format!("Er is geen stuk {number}.")),
            StoreError::Changed { .. } => Fault::new(
                StatusCode::CONFLICT,
                "De zaak is intussen gewijzigd",
                "Iemand anders was u voor. Wij hebben niets opgeslagen. Bekijk de zaak opnieuw en beslis dan.",
            ),
            StoreError::State { ref object, why } => {
                tracing::warn!(%object, why, "a change at the desk did not fit the state");
                Fault::new(
                    StatusCode::CONFLICT,
                    "Dit kan nu niet meer",
                    "De zaak is intussen verder gegaan. Bekijk de zaak opnieuw.",
                )
            }
            StoreError::TooLong { max, .. } => {
                Fault::unacceptable(format!("De tekst is te lang. Er passen {max} tekens in."))
            }
            other => Fault::internal(&other),
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What is wrong with a form that was sent: one Dutch sentence, and where it is mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    pub text: String,
    /// The id of the field on its page; empty when it is none.
    pub field: &'static str,
}

impl Refused {
    pub fn at(field: &'static str, text: impl Into<String>) -> Self {
        Self { text: text.into(), field }
    }
}

impl From<DecisionFault> for Refused {
    fn from(fault: DecisionFault) -> Self {
        let field = match fault {
            DecisionFault::ReferToMissing => "naar",
            DecisionFault::ReasonMissing | DecisionFault::QuestionMissing | DecisionFault::ReasonTooLong => {
                "reden"
            }
            DecisionFault::Closed | DecisionFault::AlreadyOpen | DecisionFault::NotTakenUp => "",
        };
        Self::at(field, fault.to_string())
    }
}

/// RFC 9457.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

/// Draws every refusal: as problem+json for a program, as a page for a person.
pub async fn dress(State(state): State<ReviewState>, request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let response = next.run(request).await;
    let status = response.status();
    let fault = match response.extensions().get::<Fault>() {
        Some(fault) => fault.clone(),
        None if (status.is_client_error() || status.is_server_error()) && !written_here(&response) => {
            of_framework(status, &uri)
        }
        None => return response,
    };
    let mut dressed = if for_programs(&uri) {
        problem(&fault)
    } else {
        let shell = match response.extensions().get::<Visitor>() {
            Some(visitor) => Shell::new(&state, visitor, ""),
            None => Shell::outside(&state),
        };
        let page = pages::render(
            "fault.html",
            minijinja::context! {
                shell => minijinja::value::Serde(&shell),
                title => &fault.title,
                detail => &fault.detail,
                status => fault.status.as_u16(),
            },
        );
        match page {
            Ok(html) => (fault.status, html).into_response(),
            Err(inner) => (inner.status, inner.title).into_response(),
        }
    };
    for name in ["allow", "www-authenticate", "retry-after", "idempotency-replayed"] {
        if let Some(value) = response.headers().get(name) {
            dressed.headers_mut().insert(axum::http::HeaderName::from_static(name), value.clone());
        }
    }
    dressed
}

/// Is it a program that reads the answer? Also where no route is.
fn for_programs(uri: &Uri) -> bool {
    uri.path().starts_with("/api/") || uri.path() == "/metrics"
}

/// A refusal as a program reads it.
pub fn problem(fault: &Fault) -> Response {
    let body = Problem {
        r#type: "about:blank",
        title: &fault.title,
        status: fault.status.as_u16(),
        detail: &fault.detail,
    };
    let mut response = (fault.status, Json(body)).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// Did one of our handlers write this answer itself (a page with a status, `/healthz`)?
fn written_here(response: &Response) -> bool {
    response.extensions().get::<Written>().is_some()
}

/// Marks an answer with an error status that is drawn already.
#[derive(Clone, Copy)]
pub struct Written;

/// What the framework refused: an unknown route, a wrong method, a body too large or not a form.
fn of_framework(status: StatusCode, uri: &Uri) -> Fault {
    match status {
        StatusCode::NOT_FOUND => Fault::not_found("Deze bladzijde bestaat niet. Klopt het adres?"),
        StatusCode::METHOD_NOT_ALLOWED => {
            Fault::new(status, "Dit kan hier niet", "Deze bladzijde kent deze handeling niet.")
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            Fault::new(status, "De tekst is te lang", "Maak de tekst korter en probeer het nog eens.")
        }
        status if status.is_client_error() => {
            let title = if for_programs(uri) { "Ongeldig verzoek" } else { "Dit formulier klopt niet" };
            Fault::new(status, title, "Wij konden niet lezen wat er werd gestuurd.")
        }
        status => Fault::internal(&format!("status {status} from the framework")),
    }
}
