//! Who may come in: the guard before every route that is not open, and the CSRF check of every form.
//!
//! A person comes with a session cookie, a program with a bearer token (RFC 6750). Invariants: a route gets
//! its right from its row in the table (see `routes`), so that a new route cannot forget it; what changes
//! something carries the session's CSRF token, as a field of the form or, where programs come too, as a header
//! field; a browser that says another site sent the request (Sec-Fetch-Site, Origin) is refused.

use super::errors::Fault;
use super::idempotency;
use super::rights::{Right, Role};
use super::session::{cookie, same_secret};
use super::state::ReviewState;
use axum::extract::{Form, FromRequest, Request, State};
use axum::http::header::{AUTHORIZATION, HOST, LOCATION, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

/// Who is asking.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Account, or `api:` and the token's name; stands in the journal.
    pub name: String,
    pub role: Role,
    /// For the forms of a session; a program with a token has none and needs none.
    pub csrf: Option<String>,
    /// Came in with a password for once: chooses another before anything else.
    pub must_choose: bool,
}

impl Visitor {
    pub fn may(&self, right: Right) -> bool {
        self.role.may(right)
    }
}

/// The guard of a route.
#[derive(Clone)]
pub struct Guard {
    pub state: ReviewState,
    pub right: Right,
    /// Programs come here too: with a token, and they get 401, not a login page.
    pub program: bool,
}

/// Lets a visitor with the right pass, and tells the handler who it is.
pub async fn check(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let asked = Asked {
        path: request.uri().path().to_owned(),
        wanted: request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
        looks_only: matches!(*request.method(), Method::GET | Method::HEAD),
        by_program: guard.program,
        by_itself: request.headers().contains_key(BY_ITSELF)
            || super::here::is_by_itself(request.uri().path()),
    };
    let headers = request.headers().clone();
    match identify(&guard.state, &asked, &headers).await {
        Ok(Some(visitor)) if visitor.must_choose && guard.right != Right::OwnAccount => {
            if asked.by_program {
                Fault::forbidden().into_response()
            } else {
                see_other("/account")
            }
        }
        Ok(Some(visitor)) if !visitor.may(guard.right) => {
            let mut response = Fault::forbidden().into_response();
            response.extensions_mut().insert(visitor);
            response
        }
        // The forms of a page are checked as they are read (`Posted`).
        Ok(Some(visitor)) if asked.by_program && !asked.looks_only && !sent_token(&visitor, &headers) => {
            Fault::new(
                StatusCode::FORBIDDEN,
                "CSRF-token ontbreekt",
                "Een sessie van een browser stuurt de kop X-CSRF-Token mee. Een programma gebruikt een token.",
            )
            .into_response()
        }
        Ok(Some(visitor)) => {
            request.extensions_mut().insert(visitor.clone());
            if asked.by_program
                && let Err(seconds) = guard.state.rates().take(&visitor.name, guard.state.now())
            {
                return too_many(seconds);
            }
            let mut response = if asked.by_program && !asked.looks_only {
                idempotency::once(&guard.state, &visitor, request, next).await
            } else {
                next.run(request).await
            };
            // A form that was refused shows the case again.
            let gave =
                response.status().is_success() || response.status() == StatusCode::UNPROCESSABLE_ENTITY;
            if let Err(fault) = super::looks::noted(&guard.state, &visitor, &asked.path, gave).await {
                response = fault.into_response();
            }
            // For the page of a refusal: it then keeps its menu.
            response.extensions_mut().insert(visitor);
            response
        }
        Ok(None) => turned_away(&asked),
        Err(fault) => fault.into_response(),
    }
}

/// A program asks more than it may (RFC 6585 §4).
fn too_many(seconds: u32) -> Response {
    let fault = Fault::new(
        StatusCode::TOO_MANY_REQUESTS,
        "Te veel verzoeken",
        format!("Wacht {seconds} seconden. Uw beheerder kan het aantal verhogen ([desk] api_per_minute)."),
    );
    let mut response = fault.into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// Does a session show its CSRF token in the header? A program with a token has none to show.
fn sent_token(visitor: &Visitor, headers: &HeaderMap) -> bool {
    let given = headers.get("x-csrf-token").and_then(|value| value.to_str().ok());
    visitor.csrf.as_ref().is_none_or(|csrf| given.is_some_and(|given| same_secret(given, csrf)))
}

/// What the guard needs of a request.
struct Asked {
    path: String,
    /// Path and query, for after a login.
    wanted: String,
    looks_only: bool,
    by_program: bool,
    /// The page asks, not the person: that keeps no session alive.
    by_itself: bool,
}

/// An open page that looks for news by itself says so (`desk.js`).
const BY_ITSELF: &str = "x-bode-live";

/// The visitor of a request, if it is one we know.
async fn identify(state: &ReviewState, asked: &Asked, headers: &HeaderMap) -> Result<Option<Visitor>, Fault> {
    if from_elsewhere(headers) && !asked.looks_only {
        return Err(Fault::form_expired());
    }
    if asked.by_program
        && let Some(token) = bearer(headers)
    {
        let token = token.to_owned();
        let now = state.now();
        let found = state.with_accounts(move |accounts| accounts.token(&token, now)).await?;
        return Ok(found.map(|token| Visitor {
            name: format!("api:{}", token.name),
            role: token.role,
            csrf: None,
            must_choose: false,
        }));
    }
    let Some(value) = cookie(headers, state.cookies().session) else { return Ok(None) };
    let Some(session) = state.sessions().find(value, !asked.by_itself, state.now()) else { return Ok(None) };
    let name = session.account.clone();
    match state.with_accounts(move |accounts| accounts.get(&name)).await? {
        // The role is that of today, not that of the login.
        Some(account) if session.stands(&account) => Ok(Some(Visitor {
            name: session.account,
            role: account.role,
            csrf: Some(session.csrf),
            must_choose: account.once_until.is_some(),
        })),
        _ => {
            state.sessions().close(value);
            Ok(None)
        }
    }
}

/// Somebody we do not know: a program gets 401, a person the login page, and the page they wanted after it.
fn turned_away(asked: &Asked) -> Response {
    if asked.by_program {
        let fault = Fault::new(
            StatusCode::UNAUTHORIZED,
            "Niet ingelogd",
            "Geef een geldig token mee (Authorization: Bearer …) of log in.",
        );
        let mut response = fault.into_response();
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return response;
    }
    let next = if asked.looks_only && asked.wanted != "/" { asked.wanted.as_str() } else { "" };
    see_other(&super::pages::url("/login", &[("next", next)]))
}

/// 303: whatever was asked, look there with GET.
pub fn see_other(to: &str) -> Response {
    match HeaderValue::from_str(to) {
        Ok(to) => (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response(),
        Err(error) => Fault::internal(&error).into_response(),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Does the browser itself say that another site sent this? (Programs say nothing.) A browser too old for Sec-Fetch-Site
/// names the origin of a form, which then is the host that it asks.
pub fn from_elsewhere(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return !matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let origin =
        origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, authority)| authority);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    origin.is_none() || origin != host
}

/// A posted form of somebody who is logged in, with the right CSRF token.
pub struct Posted<T> {
    pub visitor: Visitor,
    pub form: T,
}

impl<T: DeserializeOwned> FromRequest<ReviewState> for Posted<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &ReviewState) -> Result<Self, Response> {
        let visitor = request.extensions().get::<Visitor>().cloned();
        let Form(pairs) = Form::<Vec<(String, String)>>::from_request(request, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let given = pairs.iter().find(|(name, _)| name == "csrf").map(|(_, value)| value.as_str());
        let visitor = match (visitor, given) {
            (Some(visitor), Some(given))
                if visitor.csrf.as_deref().is_some_and(|csrf| same_secret(csrf, given)) =>
            {
                visitor
            }
            _ => return Err(Fault::form_expired().into_response()),
        };
        let fields: serde_json::Map<String, serde_json::Value> = pairs
            .into_iter()
            .filter(|(name, _)| name != "csrf")
            .map(|(name, value)| (name, serde_json::Value::String(value)))
            .collect();
        match serde_json::from_value(serde_json::Value::Object(fields)) {
            Ok(form) => Ok(Posted { visitor, form }),
            Err(_) => Err(Fault::unacceptable("Het formulier is niet volledig.").into_response()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearer_tokens_and_foreign_sites() {
        let mut headers = HeaderMap::new();
        assert_eq!(bearer(&headers), None);
        headers.insert(AUTHORIZATION, HeaderValue::from_static("bearer bode_1"));
        assert_eq!(bearer(&headers), Some("bode_1"));
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic abc"));
        assert_eq!(bearer(&headers), None);
        assert!(!from_elsewhere(&headers));
        headers.insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
        assert!(from_elsewhere(&headers));
        headers.remove("sec-fetch-site");
        headers.insert(HOST, HeaderValue::from_static("desk.example.nl"));
        for (origin, elsewhere) in [
            ("https://desk.example.nl", false),
            ("https://desk.example.nl.example.org", true),
            ("https://example.org", true),
            ("null", true),
        ] {
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
            assert_eq!(from_elsewhere(&headers), elsewhere, "{origin}");
        }
    }
}
