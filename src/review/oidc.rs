//! Logging in at the organisation's sign-in server (OpenID Connect: authorization code with PKCE, RFC 7636, RFC 9700).
//!
//! What must come back unchanged (state, nonce, verifier, the page that was wanted) lies in a cookie of this browser for some
//! minutes; the desk keeps nothing of a login that is under way, so there is nothing to fill up. Invariants: a code that comes back
//! in another browser, twice or late opens nothing; the page after the login is one of the route table; a person is known by issuer
//! and subject, never by a name alone, and without a role that the configuration maps comes in nowhere.

mod id_token;
mod provider;

pub use provider::Provider;

use super::accounts::{AccountError, random_hex};
use super::errors::{Fault, Written};
use super::guard::see_other;
use super::login::{add_cookie, inside, open_session};
use super::pages::{self, Shell};
use super::rights::Role;
use super::session::{Session, cookie, same_secret, set_cookie_for_return};
use super::state::ReviewState;
use crate::http::add;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use provider::{Code, ProviderError, Vouched};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Roles from the widest to the narrowest: of several that a person has, the first counts.
const BY_WIDTH: [Role; 5] = [Role::Admin, Role::RuleEditor, Role::Reviewer, Role::PostRoom, Role::Auditor];

#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    next: String,
}

/// `GET /login/oidc`: off to the sign-in server.
pub async fn begin(
    State(state): State<ReviewState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Fault> {
    let (provider, redirect_uri) = configured(&state)?;
    let place = provider.authorization_endpoint(state.now()).await.map_err(|error| unreachable(&error))?;
    let random = || random_hex().map_err(|error| Fault::internal(&error));
    let (token, nonce, verifier) = (random()?, random()?, random()?);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let mut query = String::new();
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", provider.settings().client_id.as_str()),
        ("redirect_uri", &redirect_uri),
        ("scope", &provider.settings().scope),
        ("state", &token),
        ("nonce", &nonce),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ] {
        add(&mut query, name, value);
    }
    let mark = if place.contains('?') { '&' } else { '?' };
    let mut response = see_other(&format!("{place}{mark}{query}"));
    let next = URL_SAFE_NO_PAD.encode(inside(&wanted.next));
    let kept = format!("{token}.{nonce}.{verifier}.{next}");
    add_cookie(&mut response, &set_cookie_for_return(state.cookies().sign_in, &kept, state.desk().https));
    Ok(response)
}

#[derive(Deserialize)]
pub struct Returned {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    error: String,
    /// RFC 9207.
    #[serde(default)]
    iss: Option<String>,
}

/// `GET /login/oidc/back`: back from it.
pub async fn back(
    State(state): State<ReviewState>,
    headers: HeaderMap,
    Query(returned): Query<Returned>,
) -> Result<Response, Fault> {
    let (provider, redirect_uri) = configured(&state)?;
    let kept = cookie(&headers, state.cookies().sign_in).unwrap_or_default();
    let mut parts = kept.splitn(4, '.');
    let (Some(token), Some(nonce), Some(verifier), Some(next)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(refused("Het inloggen duurde te lang, of begon in een andere browser."));
    };
    let asked = !token.is_empty() && same_secret(token, &returned.state);
    let issuer = returned.iss.as_ref().is_none_or(|iss| *iss == provider.settings().issuer);
    if !asked || !issuer {
        return Err(refused("Het antwoord van de inlogdienst hoort niet bij deze browser."));
    }
    if !returned.error.is_empty() || returned.code.is_empty() {
        tracing::warn!("the sign-in server sent somebody back without a code");
        return Err(refused("De inlogdienst heeft u niet toegelaten."));
    }
    let code = Code { code: &returned.code, verifier, nonce, redirect_uri: &redirect_uri };
    let vouched = match provider.vouch(&code, state.now()).await {
        Ok(vouched) => vouched,
        Err(error @ (ProviderError::Token(_) | ProviderError::Refused(_))) => {
            tracing::warn!(error = %crate::explain::quiet(error.to_string()), "a sign-in was refused");
            return Err(refused("De inlogdienst en bode zijn het niet eens."));
        }
        Err(error) => return Err(unreachable(&error)),
    };
    let next = URL_SAFE_NO_PAD.decode(next).ok().and_then(|next| String::from_utf8(next).ok());
    let response =
        come_in(&state, provider, &headers, vouched, inside(next.as_deref().unwrap_or_default())).await;
    response.map(|mut response| {
        add_cookie(&mut response, &set_cookie_for_return(state.cookies().sign_in, "", state.desk().https));
        response
    })
}

/// Opens a session for whom the server vouches for.
async fn come_in(
    state: &ReviewState,
    provider: &Provider,
    headers: &HeaderMap,
    Vouched { claims, id_token }: Vouched,
    next: &str,
) -> Result<Response, Fault> {
    let settings = provider.settings();
    let Some(role) = role_of(&claims, &settings.role_claim, &settings.roles) else {
        let told = claim(&claims, &settings.role_claim).is_some();
        tracing::warn!(claim_is_there = told, "somebody signed in who has no role here");
        return Err(Fault::new(
            StatusCode::FORBIDDEN,
            "U mag hier niet in",
            "De inlogdienst kent u, maar u heeft geen rol in bode. Vraag uw beheerder.",
        ));
    };
    let name = claim(&claims, &settings.name_claim).and_then(Value::as_str).map(account_name);
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    let (who, now) = (format!("{} {subject}", settings.issuer), state.now());
    let made = state
        .with_accounts(move |accounts| {
            match accounts.keeper("", now).sign_in(&who, &name.unwrap_or_default(), role) {
                Err(AccountError::Exists(_)) => Ok(Err("Uw naam is hier al van een ander account.")),
                Err(AccountError::Name(_)) => Ok(Err("De inlogdienst geeft geen naam die hier kan.")),
                other => other.map(Ok),
            }
        })
        .await?;
    let account = made.map_err(|why| {
        Fault::new(StatusCode::FORBIDDEN, "U mag hier niet in", format!("{why} Vraag uw beheerder."))
    })?;
    if account.blocked {
        return Err(Fault::new(
            StatusCode::FORBIDDEN,
            "U mag hier niet in",
            "Uw account is geblokkeerd. Vraag uw beheerder.",
        ));
    }
    tracing::info!("a person signed in");
    // The session's cookie does not go along when another site sends somebody here: the page goes on by itself.
    let mut response = moved(state, "U bent ingelogd", next)?;
    open_session(state, headers, &mut response, &account, Some(Arc::from(id_token)))?;
    Ok(response)
}

/// Where to sign out of the sign-in server, for a session that it vouched for; `None`: nowhere.
pub async fn sign_out(state: &ReviewState, session: Option<Session>) -> Option<String> {
    let id_token = session?.id_token?;
    let (provider, _) = configured(state).ok()?;
    let place = provider.end_session_endpoint(state.now()).await.ok()??;
    let mut query = String::new();
    add(&mut query, "id_token_hint", &id_token);
    add(&mut query, "client_id", &provider.settings().client_id);
    add(&mut query, "post_logout_redirect_uri", &format!("{}/login", state.desk_url()?));
    let mark = if place.contains('?') { '&' } else { '?' };
    Some(format!("{place}{mark}{query}"))
}

#[derive(Serialize)]
struct MovedView<'a> {
    shell: Shell,
    title: &'a str,
    to: &'a str,
}

/// A page that goes on to another by itself. A redirect would carry along who sent it (SameSite), or be kept from another site
/// (form-action).
pub fn moved(state: &ReviewState, title: &str, to: &str) -> Result<Response, Fault> {
    let view = MovedView { shell: Shell::outside(state), title, to };
    let mut response = pages::draw("moved.html", &view)?.into_response();
    response.extensions_mut().insert(Written);
    Ok(response)
}

/// The provider and the address to come back to.
fn configured(state: &ReviewState) -> Result<(&Provider, String), Fault> {
    match (state.provider(), state.desk_url()) {
        (Some(provider), Some(url)) => Ok((provider, format!("{url}/login/oidc/back"))),
        _ => Err(Fault::not_found("Dit kantoor heeft geen inlogdienst.")),
    }
}

fn refused(why: &str) -> Fault {
    Fault::new(StatusCode::FORBIDDEN, "Inloggen is niet gelukt", format!("{why} Begin opnieuw."))
}

fn unreachable(error: &ProviderError) -> Fault {
    let error = crate::explain::quiet(crate::explain::with_causes(error));
    tracing::error!(error, "the sign-in server cannot be used");
    Fault::new(
        StatusCode::BAD_GATEWAY,
        "De inlogdienst doet het niet",
        "Dit ligt niet aan u. Probeer het zo nog eens. Blijft het misgaan? Waarschuw dan uw beheerder.",
    )
}

/// A claim; a dot goes inward, unless the whole name is one (`https://example.nl/roles`).
fn claim<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    rest.split('.').try_fold(claims.get(first)?, |value, part| value.get(part))
}

/// The widest role that the configuration maps one of the claim's words to.
fn role_of(
    claims: &Map<String, Value>,
    name: &str,
    roles: &std::collections::BTreeMap<String, Role>,
) -> Option<Role> {
    let words: Vec<&str> = match claim(claims, name)? {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    BY_WIDTH.into_iter().find(|role| words.iter().any(|word| roles.get(*word) == Some(role)))
}

/// `J.de.Vries@example.nl` → `j.de.vries`: what stands before the @, in the letters of a name here.
fn account_name(claimed: &str) -> String {
    let local = claimed.split('@').next().unwrap_or_default().to_lowercase();
    local
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(*c))
        .take(40)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn groups_become_the_widest_role() {
        let roles =
            [("bode-lezen", Role::Auditor), ("bode-zaken", Role::Reviewer), ("bode-beheer", Role::Admin)]
                .map(|(group, role)| (group.to_owned(), role))
                .into();
        let of = |claims: Value, name: &str| role_of(claims.as_object().unwrap(), name, &roles);
        assert_eq!(of(json!({"groups": ["x", "bode-lezen", "bode-zaken"]}), "groups"), Some(Role::Reviewer));
        assert_eq!(of(json!({"role": "bode-beheer"}), "role"), Some(Role::Admin));
        assert_eq!(
            of(json!({"realm_access": {"roles": ["bode-lezen"]}}), "realm_access.roles"),
            Some(Role::Auditor)
        );
        assert_eq!(of(json!({"https://x.nl/r": ["bode-lezen"]}), "https://x.nl/r"), Some(Role::Auditor));
        for none in
            [json!({}), json!({"groups": []}), json!({"groups": ["admin"]}), json!({"groups": {"a": 1}})]
        {
            assert_eq!(of(none, "groups"), None);
        }
    }

    #[test]
    fn a_name_is_what_stands_before_the_at() {
        assert_eq!(account_name("J.de.Vries@example.nl"), "j.de.vries");
        assert_eq!(account_name("Zoë <script>"), "zoscript");
        assert_eq!(account_name("@"), "");
    }
}
