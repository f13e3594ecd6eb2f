//! What is asked of the sign-in server: where its endpoints are (OpenID Connect Discovery 1.0), its keys (RFC 7517), and
//! what a code stands for (RFC 6749 §4.1.3, with the proof of RFC 7636).
//!
//! Invariants: every endpoint is https (or this very machine); a server that names itself otherwise than configured is not
//! believed; what it was asked is kept for a while, and asked again early only for a key that is not known, and not often.

use super::id_token::{Expected, Key, TokenFault, verify};
use crate::config::{ClientAuth, EndpointUrl, Oidc, SecretError};
use crate::http::{Ask, AskError, Reply, ask, encoded};
use crate::limits::{OIDC_KEPT, OIDC_KEYS_MAX, OIDC_KEYS_PAUSE};
use crate::review::ReviewError;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

const SECTION: &str = "[desk.oidc]";

/// Why nobody comes in. No value of a token or a secret is in it.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    #[error("the sign-in server at {server}: {source}")]
    Ask { server: String, source: AskError },
    #[error("the sign-in server answers {what} with status {status}")]
    Status { what: &'static str, status: u16 },
    #[error("the sign-in server's {0} cannot be read")]
    Form(&'static str),
    #[error("the sign-in server names itself otherwise than issuer under [desk.oidc]")]
    Issuer,
    #[error("the client secret of [desk.oidc]: {0}")]
    Secret(SecretError),
    #[error("the sign-in server does not take the code: {0}")]
    Refused(String),
    #[error("the ID token: {0}")]
    Token(#[from] TokenFault),
    #[error(transparent)]
    Ended(#[from] tokio::task::JoinError),
}

/// What the server says of itself.
#[derive(Clone, Debug, Deserialize)]
struct Told {
    issuer: String,
    authorization_endpoint: EndpointUrl,
    token_endpoint: EndpointUrl,
    jwks_uri: EndpointUrl,
    #[serde(default)]
    userinfo_endpoint: Option<EndpointUrl>,
    #[serde(default)]
    end_session_endpoint: Option<EndpointUrl>,
}

struct Known {
    told: Arc<Told>,
    keys: Arc<Vec<Key>>,
    /// When both were asked for.
    asked_at: Timestamp,
    keys_at: Timestamp,
}

/// The sign-in server.
pub struct Provider {
    settings: Oidc,
    tls: TlsConnector,
    known: Mutex<Option<Known>>,
}

/// A code that came back, and what proves that this browser asked for it.
pub struct Code<'a> {
    pub code: &'a str,
    pub verifier: &'a str,
    pub nonce: &'a str,
    pub redirect_uri: &'a str,
}

/// Who somebody is.
pub struct Vouched {
    pub claims: Map<String, Value>,
    pub id_token: String,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    #[serde(default)]
    access_token: String,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Value>,
}

impl Provider {
    /// Asks nothing yet.
    ///
    /// # Errors
    /// The file of a certification authority cannot be used.
    pub fn new(settings: &Oidc) -> Result<Self, ReviewError> {
        let tls = crate::tls::connector(settings.ca_file.as_deref()).map_err(ReviewError::SignIn)?;
        Ok(Self { settings: settings.clone(), tls, known: Mutex::default() })
    }

    pub fn settings(&self) -> &Oidc {
        &self.settings
    }

    /// Where a browser is sent to sign in, without the query.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub async fn authorization_endpoint(&self, now: Timestamp) -> Result<String, ProviderError> {
        Ok(self.known(now).await?.0.authorization_endpoint.to_url())
    }

    /// Where a browser is sent to sign out, when the server has such a place.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub async fn end_session_endpoint(&self, now: Timestamp) -> Result<Option<String>, ProviderError> {
        Ok(self.known(now).await?.0.end_session_endpoint.as_ref().map(EndpointUrl::to_url))
    }

    /// Trades a code for who it is.
    ///
    /// # Errors
    /// The server cannot be asked or refuses, or its token does not hold.
    pub async fn vouch(&self, code: &Code<'_>, now: Timestamp) -> Result<Vouched, ProviderError> {
        let (told, keys) = self.known(now).await?;
        let tokens = self.tokens(&told, code).await?;
        let expected = Expected {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            nonce: code.nonce,
            now,
        };
        let mut claims = match verify(&tokens.id_token, &keys, &expected) {
            // Keys are changed now and then, also between two logins.
            Err(TokenFault::UnknownKey) => {
                let keys = self.fresh_keys(now).await?.ok_or(TokenFault::UnknownKey)?;
                verify(&tokens.id_token, &keys, &expected)?
            }
            other => other?,
        };
        let lacks = |claims: &Map<String, Value>, name: &str| super::claim(claims, name).is_none();
        let (name, role) = (&self.settings.name_claim, &self.settings.role_claim);
        if (lacks(&claims, name) || lacks(&claims, role)) && !tokens.access_token.is_empty() {
            self.add_userinfo(&told, &tokens.access_token, &mut claims).await?;
        }
        Ok(Vouched { claims, id_token: tokens.id_token })
    }

    async fn tokens(&self, told: &Told, code: &Code<'_>) -> Result<Tokens, ProviderError> {
        let secret = match self.settings.client_secret.clone() {
            // A file or a command: it may block.
            Some(secret) => Some(
                tokio::task::spawn_blocking(move || secret.read()).await?.map_err(ProviderError::Secret)?,
            ),
            None => None,
        };
        let client_id = self.settings.client_id.as_str();
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code.code),
            ("redirect_uri", code.redirect_uri),
            ("code_verifier", code.verifier),
        ];
        let mut basic = None;
        match (self.settings.client_auth, &secret) {
            (ClientAuth::Basic, Some(secret)) => {
                let pair = format!("{}:{}", encoded(client_id), encoded(secret));
                basic = Some(format!("Basic {}", STANDARD.encode(pair)));
            }
            (_, secret) => {
                pairs.push(("client_id", client_id));
                pairs.extend(secret.as_ref().map(|secret| ("client_secret", secret.as_str())));
            }
        }
        let mut request = Ask::form(&pairs);
        if let Some(basic) = basic {
            request = request.with(AUTHORIZATION, basic);
        }
        let reply = self.ask(&told.token_endpoint, request).await?;
        if reply.status != 200 {
            // RFC 6749 §5.2: one of a few words, and nothing else of it is told.
            let word = serde_json::from_slice::<Value>(&reply.body).ok();
            let word = word.as_ref().and_then(|body| body.get("error")).and_then(Value::as_str);
            let fits =
                |word: &&str| word.len() <= 40 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            return Err(match word.filter(fits) {
                Some(word) => ProviderError::Refused(word.to_owned()),
                None => ProviderError::Status { what: "the code", status: reply.status },
            });
        }
        serde_json::from_slice(&reply.body).map_err(|_| ProviderError::Form("answer to the code"))
    }

    /// Claims that the server tells at its userinfo endpoint only (Core §5.3), when they are of the same person.
    async fn add_userinfo(
        &self,
        told: &Told,
        access_token: &str,
        claims: &mut Map<String, Value>,
    ) -> Result<(), ProviderError> {
        let Some(endpoint) = &told.userinfo_endpoint else { return Ok(()) };
        if !access_token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ProviderError::Form("access token"));
        }
        let request = Ask::get().with(AUTHORIZATION, format!("Bearer {access_token}"));
        let reply = self.ask(endpoint, request).await?;
        let info: Map<String, Value> = read(&reply, "userinfo")?;
        if info.get("sub") != claims.get("sub") {
            return Err(TokenFault::Subject.into());
        }
        for (name, value) in info {
            claims.entry(name).or_insert(value);
        }
        Ok(())
    }

    async fn known(&self, now: Timestamp) -> Result<(Arc<Told>, Arc<Vec<Key>>), ProviderError> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| within(known.asked_at, OIDC_KEPT, now)) {
            return Ok((Arc::clone(&known.told), Arc::clone(&known.keys)));
        }
        let place =
            format!("{}/.well-known/openid-configuration", self.settings.issuer.trim_end_matches('/'));
        let place = EndpointUrl::try_from(place).map_err(|_| ProviderError::Form("address"))?;
        let reply = self.ask(&place, Ask::get()).await?;
        let told: Told = read(&reply, "configuration")?;
        if told.issuer != self.settings.issuer {
            return Err(ProviderError::Issuer);
        }
        let keys = Arc::new(self.keys(&told).await?);
        let told = Arc::new(told);
        *known =
            Some(Known { told: Arc::clone(&told), keys: Arc::clone(&keys), asked_at: now, keys_at: now });
        Ok((told, keys))
    }

    /// The keys asked for anew; `None`: they were, a moment ago.
    async fn fresh_keys(&self, now: Timestamp) -> Result<Option<Arc<Vec<Key>>>, ProviderError> {
        let mut known = self.known.lock().await;
        let Some(known) = known.as_mut().filter(|known| !within(known.keys_at, OIDC_KEYS_PAUSE, now)) else {
            return Ok(None);
        };
        known.keys_at = now;
        known.keys = Arc::new(self.keys(&known.told).await?);
        Ok(Some(Arc::clone(&known.keys)))
    }

    async fn keys(&self, told: &Told) -> Result<Vec<Key>, ProviderError> {
        let reply = self.ask(&told.jwks_uri, Ask::get()).await?;
        let keys: Keys = read(&reply, "keys")?;
        // Of a kind that we do not know, such as OKP: not ours to use.
        Ok(keys
            .keys
            .into_iter()
            .take(OIDC_KEYS_MAX)
            .filter_map(|key| serde_json::from_value(key).ok())
            .collect())
    }

    async fn ask(&self, url: &EndpointUrl, request: Ask) -> Result<Reply, ProviderError> {
        ask(url, &self.tls, SECTION, request)
            .await
            .map_err(|source| ProviderError::Ask { server: url.to_string(), source })
    }
}

fn within(since: Timestamp, time: Duration, now: Timestamp) -> bool {
    SignedDuration::try_from(time)
        .ok()
        .and_then(|time| since.checked_add(time).ok())
        .is_some_and(|until| since <= now && now < until)
}

fn read<T: serde::de::DeserializeOwned>(reply: &Reply, what: &'static str) -> Result<T, ProviderError> {
    if reply.status != 200 {
        return Err(ProviderError::Status { what, status: reply.status });
    }
    serde_json::from_slice(&reply.body).map_err(|_| ProviderError::Form(what))
}
