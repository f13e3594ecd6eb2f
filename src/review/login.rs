//! Logging in and out. Invariants: a refusal never tells whether a name exists; after logging in one goes to
//! a page of this desk, whatever the address said; a password stands in no log.

use super::accounts::{Account, Login};
use super::errors::{Fault, Written};
use super::guard::{Posted, from_elsewhere, see_other};
use super::oidc;
use super::pages::{self, Shell};
use super::routes;
use super::session::{Session, cookie, same_secret, set_cookie};
use super::state::ReviewState;
use crate::limits::LOGIN_LOCK;
use crate::metrics::family;
use axum::extract::{ConnectInfo, Extension, Form, Query, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use zeroize::{Zeroize, Zeroizing};

#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    next: String,
    /// Says that one has just logged out.
    #[serde(default)]
    out: String,
}

#[derive(Deserialize)]
pub struct LoginForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
    #[serde(default)]
    csrf: String,
}

/// The password is wiped, whichever way the form goes.
impl Drop for LoginForm {
    fn drop(&mut self) {
        self.password.zeroize();
    }
}

#[derive(Serialize)]
struct View {
    shell: Shell,
    next: String,
    name: String,
    error: Option<String>,
    notice: Option<&'static str>,
    /// What the button to the sign-in server says, when there is one.
    sign_in: Option<String>,
    sign_in_url: String,
    /// Is there a form for a name and password?
    local: bool,
}

/// `GET /login`
pub async fn page(State(state): State<ReviewState>, Query(wanted): Query<Wanted>) -> Response {
    let notice = (!wanted.out.is_empty()).then_some("U bent uitgelogd.");
    form_page(&state, StatusCode::OK, &wanted.next, "", None, notice)
}

/// `POST /login`
pub async fn submit(
    State(state): State<ReviewState>,
    from: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    Form(mut form): Form<LoginForm>,
) -> Result<Response, Fault> {
    let tied = cookie(&headers, state.cookies().login)
        .is_some_and(|value| !value.is_empty() && same_secret(value, &form.csrf));
    if !tied || from_elsewhere(&headers) {
        let error = "Het inlogformulier was verlopen. Probeer het nog eens.".to_owned();
        return Ok(form_page(&state, StatusCode::FORBIDDEN, &form.next, &form.name, Some(error), None));
    }
    if !state.local_login() {
        return Err(Fault::new(
            StatusCode::FORBIDDEN,
            "Inloggen kan hier niet met een wachtwoord",
            "Log in via de inlogdienst van uw organisatie.",
        ));
    }
    let now = state.now();
    let from = came_from(&state.desk().proxies, from.map(|Extension(ConnectInfo(peer))| peer.ip()), &headers);
    let outcome = {
        // A check takes memory and a core on purpose: a few at a time.
        let _turn = state.login_checks().acquire().await.map_err(|error| Fault::internal(&error))?;
        let (name, password) = (form.name.clone(), Zeroizing::new(std::mem::take(&mut form.password)));
        state.with_accounts(move |accounts| accounts.login(&name, &password, from, now)).await?
    };
    match outcome {
        Login::Welcome(account) => {
            tracing::info!("a person logged in");
            let mut response = see_other(inside(&form.next));
            open_session(&state, &headers, &mut response, &account, None)?;
            add_cookie(&mut response, &set_cookie(state.cookies().login, "", state.desk().https));
            Ok(response)
        }
        Login::Refused => {
            tracing::warn!("a login was refused");
            state.health().metrics().add(&family::LOGINS_REFUSED, &[], 1);
            let error = "Deze naam en dit wachtwoord horen niet bij elkaar.".to_owned();
            Ok(form_page(&state, StatusCode::UNAUTHORIZED, &form.next, &form.name, Some(error), None))
        }
        Login::Locked { until } => {
            tracing::warn!("a login was refused: too many wrong passwords");
            state.health().metrics().add(&family::LOGINS_LOCKED, &[], 1);
            let minutes = LOGIN_LOCK.as_secs() / 60;
            let error = format!(
                "Er is te vaak een verkeerd wachtwoord gebruikt. Wacht {minutes} minuten en probeer het dan opnieuw. \
                 Weet u uw wachtwoord niet meer? Vraag uw beheerder om een nieuw."
            );
            let mut response =
                form_page(&state, StatusCode::TOO_MANY_REQUESTS, &form.next, &form.name, Some(error), None);
            let seconds = (until.as_second() - now.as_second()).max(1);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            Ok(response)
        }
    }
}

/// Opens a session for somebody who showed who they are, in place of the one this browser had.
pub(super) fn open_session(
    state: &ReviewState,
    headers: &HeaderMap,
    response: &mut Response,
    account: &Account,
    id_token: Option<Arc<str>>,
) -> Result<(), Fault> {
    if let Some(old) = cookie(headers, state.cookies().session) {
        state.sessions().close(old);
    }
    let token =
        state.sessions().open(account, id_token, state.now()).map_err(|error| Fault::internal(&error))?;
    add_cookie(response, &set_cookie(state.cookies().session, &token, state.desk().https));
    Ok(())
}

/// The address that tells one browser from another; `None` when none does. A proxy that the office names says it in
/// X-Forwarded-For: what it added itself stands last, and only that is believed.
fn came_from(proxies: &[IpAddr], peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
    let peer = peer?.to_canonical();
    if proxies.iter().any(|proxy| proxy.to_canonical() == peer) {
        let told = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
        return told.rsplit(',').next()?.trim().parse().ok();
    }
    // A proxy on this machine that nobody named: everybody would share one count.
    Some(peer).filter(|peer| !peer.is_loopback())
}

#[derive(Deserialize)]
pub struct Nothing {}

/// `POST /logout`
pub async fn out(
    State(state): State<ReviewState>,
    headers: HeaderMap,
    _form: Posted<Nothing>,
) -> Result<Response, Fault> {
    let session = cookie(&headers, state.cookies().session).and_then(|value| state.sessions().close(value));
    logged_out(&state, session).await
}

/// What follows on the end of this browser's session: at the sign-in server too, where it vouched for the person.
pub(super) async fn logged_out(state: &ReviewState, session: Option<Session>) -> Result<Response, Fault> {
    let mut response = match oidc::sign_out(state, session).await {
        Some(place) => oidc::moved(state, "U bent uitgelogd bij bode", &place)?,
        None => see_other("/login?out=1"),
    };
    add_cookie(&mut response, &set_cookie(state.cookies().session, "", state.desk().https));
    Ok(response)
}

fn form_page(
    state: &ReviewState,
    status: StatusCode,
    next: &str,
    name: &str,
    error: Option<String>,
    notice: Option<&'static str>,
) -> Response {
    let token = match super::accounts::random_hex() {
        Ok(token) => token,
        Err(error) => return Fault::internal(&error).into_response(),
    };
    let mut shell = Shell::outside(state);
    shell.csrf.clone_from(&token);
    let next = inside(next).to_owned();
    let name = name.chars().take(60).collect();
    let sign_in = state.provider().map(|provider| provider.settings().label.clone());
    let local = state.local_login();
    let sign_in_url = pages::url("/login/oidc", &[("next", &next)]);
    match pages::draw("login.html", &View { shell, next, name, error, notice, sign_in, sign_in_url, local }) {
        Ok(html) => {
            let mut response = (status, html).into_response();
            response.extensions_mut().insert(Written);
            add_cookie(&mut response, &set_cookie(state.cookies().login, &token, state.desk().https));
            response
        }
        Err(fault) => fault.into_response(),
    }
}

pub(super) fn add_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}

/// A page of this desk (a GET row of the route table, with its query), or `/`: no address of elsewhere, however it is
/// written (`//x`, `/\x`, `https:`).
pub(super) fn inside(next: &str) -> &str {
    let path = next.split('?').next().unwrap_or_default();
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') && !next.contains("//");
    if plain && routes::is_page(path) { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_named_proxy_is_believed() {
        let at = |text: &str| -> IpAddr { text.parse().unwrap() };
        let proxies = [at("127.0.0.1")];
        let mut headers = HeaderMap::new();
        let from =
            |proxies: &[IpAddr], peer: &str, headers: &HeaderMap| came_from(proxies, Some(at(peer)), headers);
        assert_eq!(from(&proxies, "127.0.0.1", &headers), None);
        headers.append("x-forwarded-for", HeaderValue::from_static("192.0.2.66, 198.51.100.7"));
        assert_eq!(from(&proxies, "127.0.0.1", &headers), Some(at("198.51.100.7")));
        assert_eq!(from(&proxies, "::ffff:127.0.0.1", &headers), Some(at("198.51.100.7")));
        assert_eq!(from(&[], "127.0.0.1", &headers), None);
        assert_eq!(from(&[], "203.0.113.5", &headers), Some(at("203.0.113.5")), "its word is not believed");
    }

    #[test]
    fn one_stays_inside_after_logging_in() {
        for good in [
            "/",
            "/?queue=spoed&q=a%20b",
            "/cases/2026-000001-1",
            "/cases/2026-000001-1/pieces/2026-000001-1/documents/0/pages/1",
            "/aside",
            "/print",
        ] {
            assert_eq!(inside(good), good);
        }
        for bad in [
            "",
            "//example.org",
            "/\\example.org",
            "https://example.org",
            "/login",
            "/logout",
            "/assets/desk.css",
            "/cases/2026-000001-1/decision",
            "/nergens",
            "/cases//example.org",
            "/cases/\r\nx",
            "/?q=//x",
        ] {
            assert_eq!(inside(bad), "/", "{bad}");
        }
    }
}
