//! Tokens in place of a password (OAuth 2.0, RFC 6749): got from the token endpoint by client credentials or by a
//! refresh token, renewed in time, and said to a mail server by SASL OAUTHBEARER (RFC 7628) or XOAUTH2.
//!
//! Invariants: one renewal for all who wait for it, also between processes; a refresh token that the server gave in
//! place of the former one is on disk before anything else is done with it; a server that asks for patience
//! (Retry-After) is asked nothing until then; no token and no secret is in an error, a log or a `Debug`.

mod device;
mod endpoint;
mod error;
mod kept;
mod sasl;

pub use device::{DeviceCode, sign_in};
pub use error::OauthError;
pub use sasl::{Mechanism, Refusal};

use crate::config::{Config, Grant, Oauth};
use crate::limits::{TOKEN_BYTES_MAX, TOKEN_MARGIN, TOKEN_USE_MAX, TOKEN_USE_UNTOLD};
use crate::pause::Pause;
use endpoint::Granted;
use kept::{Keeping, Kept};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tracing::info;
use zeroize::Zeroizing;

/// Where the sign-ins of a store keep what they were given.
fn kept_dir(store: &Path) -> PathBuf {
    store.join("oauth")
}

/// An access token, for one login.
#[derive(Clone)]
pub struct AccessToken {
    value: Arc<Zeroizing<String>>,
    /// Which renewal gave it.
    serial: u64,
    /// It was got for this very call: no other is to be had by asking again.
    fresh: bool,
}

impl AccessToken {
    /// A token that something else renews; `section`: where the configuration names it.
    ///
    /// # Errors
    /// When it holds what no token holds (RFC 6750 §2.1).
    pub fn given(section: &'static str, value: &str) -> Result<Self, OauthError> {
        if !is_token(value) {
            return Err(OauthError::NoToken { section });
        }
        Ok(Self { value: Arc::new(Zeroizing::new(value.to_owned())), serial: 0, fresh: true })
    }

    /// The token itself: for the line to the mail server and nothing else.
    pub fn expose(&self) -> &str {
        &self.value
    }

    pub fn is_fresh(&self) -> bool {
        self.fresh
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessToken({})", self.serial)
    }
}

/// Printable ASCII without a blank, within bounds: what can stand in a form, a header and a SASL message.
fn is_token(value: &str) -> bool {
    !value.is_empty() && value.len() <= TOKEN_BYTES_MAX && value.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Every sign-in of a configuration, shared by those who log in with it.
#[derive(Clone, Debug, Default)]
pub struct SignIns {
    by_name: Arc<BTreeMap<String, SignIn>>,
}

impl SignIns {
    /// Asks nothing yet.
    ///
    /// # Errors
    /// When the file of a certification authority cannot be used.
    pub fn new(config: &Config) -> Result<Self, OauthError> {
        let made = config.oauth.iter().map(|(name, oauth)| {
            let sign_in = SignIn::new(name, oauth, &config.store)?;
            Ok((name.clone(), sign_in))
        });
        Ok(Self { by_name: Arc::new(made.collect::<Result<_, OauthError>>()?) })
    }

    /// The sign-in of this name. A configuration that was loaded has it.
    pub fn named(&self, name: Option<&str>) -> Option<SignIn> {
        self.by_name.get(name?).cloned()
    }
}

/// One sign-in; a clone is the same.
#[derive(Clone)]
pub struct SignIn {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    oauth: Oauth,
    tls: tokio_rustls::TlsConnector,
    kept: Kept,
    /// Held while a token is got: the others wait for it.
    gate: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    pause: Pause,
    /// Why the last renewal failed.
    ailment: Option<String>,
    serial: u64,
    /// A refresh token that could not be written yet.
    unsaved: Option<Keeping>,
}

struct Held {
    token: AccessToken,
    renew_at: Instant,
    ends_at: Instant,
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignIn({})", self.inner.name)
    }
}

impl SignIn {
    /// Asks nothing yet.
    ///
    /// # Errors
    /// When the file of the certification authority cannot be used.
    pub fn new(name: &str, oauth: &Oauth, store: &Path) -> Result<Self, OauthError> {
        let tls = crate::tls::connector(oauth.ca_file.as_deref())
            .map_err(|source| OauthError::Tls { name: name.to_owned(), source })?;
        let inner = Inner {
            name: name.to_owned(),
            oauth: oauth.clone(),
            tls,
            kept: Kept::new(&kept_dir(store), name),
            gate: tokio::sync::Mutex::default(),
            state: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// A token that lasts: the one at hand, or a new one. May be dropped: a renewal that runs goes on to its end, so
    /// that no refresh token is used up without its successor being kept.
    ///
    /// # Errors
    /// Why there is none, and what the admin should do.
    pub async fn token(&self) -> Result<AccessToken, OauthError> {
        let _one = self.inner.gate.lock().await;
        if let Some(token) = self.inner.at_hand(Instant::now())? {
            return Ok(token);
        }
        let inner = Arc::clone(&self.inner);
        // On a thread that the end of the runtime waits for: files are synced, and it must not be cut off.
        tokio::task::spawn_blocking(move || inner.renew()).await?
    }

    /// A mail server did not take this token: it is not given out again.
    pub fn refused(&self, token: &AccessToken) {
        let mut state = self.inner.state();
        if state.held.as_ref().is_some_and(|held| held.token.serial == token.serial) {
            state.held = None;
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token that is held, while it need not be renewed, or cannot be renewed yet and still holds.
    fn at_hand(&self, now: Instant) -> Result<Option<AccessToken>, OauthError> {
        let state = self.state();
        let left = state.pause.left(now);
        if let Some(held) = &state.held
            && (held.renew_at > now || (left.is_some() && held.ends_at > now))
        {
            return Ok(Some(AccessToken { fresh: false, ..held.token.clone() }));
        }
        match left {
            None => Ok(None),
            Some(left) => Err(OauthError::Waits {
                name: self.name.clone(),
                left,
                ailment: state.ailment.clone().unwrap_or_default(),
            }),
        }
    }

    /// Gets a token and keeps it. Blocks.
    fn renew(&self) -> Result<AccessToken, OauthError> {
        let asked_at = Instant::now();
        let granted = self.ask();
        let mut state = self.state();
        match granted {
            Ok(granted) => {
                state.pause.worked();
                state.ailment = None;
                state.serial += 1;
                let token = AccessToken {
                    value: Arc::new(Zeroizing::new(granted.token)),
                    serial: state.serial,
                    fresh: true,
                };
                let life = granted.life.unwrap_or(TOKEN_USE_UNTOLD).min(TOKEN_USE_MAX);
                info!(sign_in = %self.name, seconds = life.as_secs(), "access token renewed");
                state.held = Some(Held {
                    token: token.clone(),
                    renew_at: asked_at + life.saturating_sub(margin(life)),
                    ends_at: asked_at + life,
                });
                Ok(token)
            }
            Err(error) => {
                state.pause.failed(Instant::now(), error.is_passing(), error.wait());
                state.ailment = Some(error.to_string());
                Err(error)
            }
        }
    }

    /// One request, with the refresh token kept before and after it where there is one.
    fn ask(&self) -> Result<Granted, OauthError> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|source| {
                OauthError::NotReachable { name: self.name.clone(), server: String::new(), source }
            })?;
        let call = endpoint::Endpoint { name: &self.name, oauth: &self.oauth, tls: &self.tls };
        if self.oauth.grant == Grant::ClientCredentials {
            return runtime.block_on(call.by_client_credentials());
        }
        // From reading the refresh token to writing its successor: no other process (`doctor`) may use the same one.
        let _locked = self.kept.lock()?;
        if let Some(unsaved) = self.state().unsaved.take_if(|unsaved| self.kept.write(unsaved).is_ok()) {
            drop(unsaved);
        }
        let (refresh_token, configured) = self.refresh_token()?;
        let granted = runtime.block_on(call.by_refresh_token(&refresh_token))?;
        if let Some(next) = granted.refresh_token.as_ref().filter(|next| **next != refresh_token) {
            let keeping = Keeping { refresh_token: next.clone(), configured };
            if let Err(error) = self.kept.write(&keeping) {
                // The former one may be void: this one is all there is, and is written as soon as that works.
                self.state().unsaved = Some(keeping);
                return Err(error);
            }
            info!(sign_in = %self.name, "the sign-in server gave a new refresh token; it is kept");
        }
        Ok(granted)
    }

    /// The refresh token to use, and the digest of the configured one. A kept one counts as long as the configuration
    /// still names the one that it descends from: a person who signed in anew put another one there.
    fn refresh_token(&self) -> Result<(String, Option<String>), OauthError> {
        if let Some(unsaved) = &self.state().unsaved {
            return Ok((unsaved.refresh_token.clone(), unsaved.configured.clone()));
        }
        let kept = self.kept.read()?;
        let Some(secret) = &self.oauth.refresh_token else {
            let kept = kept.ok_or_else(|| OauthError::NotSignedIn { name: self.name.clone() })?;
            return Ok((kept.refresh_token, None));
        };
        let configured = secret.read();
        match (kept, configured) {
            // Whoever took the first one away after its use has nothing new to say.
            (Some(kept), Err(_)) => Ok((kept.refresh_token, kept.configured)),
            (Some(kept), Ok(value)) if kept.configured.as_deref() == Some(kept::digest(&value).as_str()) => {
                Ok((kept.refresh_token, kept.configured))
            }
            (_, Ok(value)) => {
                if !is_token(&value) {
                    return Err(OauthError::NotSignedIn { name: self.name.clone() });
                }
                let digest = kept::digest(&value);
                Ok((value.to_string(), Some(digest)))
            }
            (None, Err(source)) => Err(OauthError::Secret { name: self.name.clone(), source }),
        }
    }
}

/// How long before its end a token is renewed.
fn margin(life: Duration) -> Duration {
    TOKEN_MARGIN.min(life / 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        assert_eq!(margin(Duration::from_secs(3600)), Duration::from_secs(300));
        assert_eq!(margin(Duration::from_secs(10)), Duration::from_secs(2));
    }

    #[test]
    fn no_debug_shows_a_token() {
        let token = AccessToken::given("[smtp]", "ya29.geheim").unwrap();
        assert!(!format!("{token:?}").contains("geheim"));
        for wrong in ["", "a b", "a\u{1}b", "a\r\nb", "é"] {
            assert!(AccessToken::given("[smtp]", wrong).is_err(), "{wrong:?}");
        }
    }
}
