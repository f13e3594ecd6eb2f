//! `GET /account`: one's own account: another password, and where one is logged in.
//!
//! Invariants: another password asks for the one of now, also of who is logged in; it ends every session but this browser's,
//! which gets a new one. Wrong ones count as those of the login do.

use super::accounts::Login;
use super::dates;
use super::errors::{Fault, Refused, Written};
use super::guard::{Posted, Visitor, see_other};
use super::login::{self, Nothing};
use super::pages::{self, Shell};
use super::session::{cookie, same_secret};
use super::state::ReviewState;
use super::words;
use crate::limits::{LOGIN_LOCK, PASSWORD_CHARS_MIN};
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct View {
    shell: Shell,
    role: &'static str,
    /// The person logs in at the sign-in server: no password of ours.
    by_sign_in: bool,
    must_choose: bool,
    chars_min: usize,
    errors: Vec<Refused>,
    notice: Option<&'static str>,
    sessions: Vec<SessionView>,
    idle_minutes: u32,
    session_hours: u32,
}

#[derive(Serialize)]
struct SessionView {
    opened: String,
    seen: String,
    own: bool,
}

#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    done: String,
}

/// `GET /account`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Fault> {
    let notice = match asked.done.as_str() {
        "password" => Some("Uw nieuwe wachtwoord geldt nu. Op andere computers bent u uitgelogd."),
        _ => None,
    };
    draw(&state, &visitor, &headers, Vec::new(), notice).await
}

async fn draw(
    state: &ReviewState,
    visitor: &Visitor,
    headers: &HeaderMap,
    errors: Vec<Refused>,
    notice: Option<&'static str>,
) -> Result<Response, Fault> {
    let name = visitor.name.clone();
    let account = state.with_accounts(move |accounts| accounts.get(&name)).await?;
    let own = cookie(headers, state.cookies().session).unwrap_or_default();
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let view = View {
        shell: Shell::new(state, visitor, "account"),
        role: words::role_label(visitor.role),
        by_sign_in: account.is_some_and(|account| account.by_sign_in()),
        must_choose: visitor.must_choose,
        chars_min: PASSWORD_CHARS_MIN,
        errors,
        notice,
        sessions: state
            .sessions()
            .of(&visitor.name, own, state.now())
            .into_iter()
            .map(|(session, own)| SessionView {
                opened: dates::moment(session.opened_at),
                seen: dates::moment(session.last_seen),
                own,
            })
            .collect(),
        idle_minutes: state.desk().idle_minutes,
        session_hours: state.desk().session_hours,
    };
    let mut response = (status, pages::draw("account.html", &view)?).into_response();
    response.extensions_mut().insert(Written);
    Ok(response)
}

#[derive(Deserialize)]
pub struct PasswordForm {
    #[serde(default)]
    current: String,
    #[serde(default)]
    chosen: String,
    #[serde(default)]
    again: String,
}

/// `POST /account/password`
pub async fn password(
    State(state): State<ReviewState>,
    headers: HeaderMap,
    Posted { visitor, form }: Posted<PasswordForm>,
) -> Result<Response, Fault> {
    let (name, now) = (visitor.name.clone(), state.now());
    let fault = {
        let _turn = state.login_checks().acquire().await.map_err(|error| Fault::internal(&error))?;
        let changed = state.with_accounts(move |accounts| {
            match accounts.confirms(&name, &form.current, now)? {
                Login::Welcome(_) => {}
                Login::Refused => return Ok(Some(Refused::at("nu", "Het wachtwoord van nu klopt niet."))),
                Login::Locked { .. } => {
                    let minutes = LOGIN_LOCK.as_secs() / 60;
                    let why = format!("Het wachtwoord was te vaak verkeerd. Wacht {minutes} minuten.");
                    return Ok(Some(Refused::at("nu", why)));
                }
            }
            if !same_secret(&form.chosen, &form.again) {
                return Ok(Some(Refused::at("nog-eens", "U typte twee verschillende nieuwe wachtwoorden.")));
            }
            if same_secret(&form.chosen, &form.current) {
                return Ok(Some(Refused::at("nieuw", "Kies een ander wachtwoord dan dat van nu.")));
            }
            match accounts.keeper(&name, now).set_password(&name, &form.chosen) {
                Ok(()) => Ok(None),
                Err(error) => {
                    words::account_fault(&error).map(|why| Some(Refused::at("nieuw", why))).ok_or(error)
                }
            }
        });
        changed.await?
    };
    if let Some(fault) = fault {
        return draw(&state, &visitor, &headers, vec![fault], None).await;
    }
    state.sessions().close_all(&visitor.name);
    let name = visitor.name;
    let Some(account) = state.with_accounts(move |accounts| accounts.get(&name)).await? else {
        return Ok(see_other("/login"));
    };
    let mut response = see_other("/account?done=password");
    login::open_session(&state, &headers, &mut response, &account, None)?;
    Ok(response)
}

/// `POST /account/sessions`: logs out everywhere, here too.
pub async fn end_sessions(
    State(state): State<ReviewState>,
    headers: HeaderMap,
    Posted { visitor, .. }: Posted<Nothing>,
) -> Result<Response, Fault> {
    let session = cookie(&headers, state.cookies().session).and_then(|value| state.sessions().close(value));
    state.sessions().close_all(&visitor.name);
    login::logged_out(&state, session).await
}
