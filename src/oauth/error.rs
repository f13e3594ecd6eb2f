//! Why there is no token. Each message names the sign-in and says what the admin should do.
//!
//! Invariant: what a server said is told only as far as it is a code (RFC 6749 §5.2): a description may hold names.

use crate::config::SecretError;
use crate::limits::THROTTLE_PAUSE;
use crate::tls::TlsError;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// A sign-in that gives no token now. Nothing is lost by any of them: mail waits.
#[derive(Debug, thiserror::Error)]
pub enum OauthError {
    #[error(
        "the sign-in server {server} of [oauth.{name}] cannot be reached: {source}; check token_url and the firewall"
    )]
    NotReachable { name: String, server: String, source: io::Error },
    #[error("TLS with the sign-in server of [oauth.{name}]: {source}")]
    Tls { name: String, source: TlsError },
    /// 429, 5xx, or an error that says so: `wait` is what it asked for.
    #[error(
        "the sign-in server of [oauth.{name}] asks for patience (status {status}); nothing to do unless it lasts"
    )]
    Busy { name: String, status: u16, wait: Option<Duration> },
    /// A code of RFC 6749 §5.2, and the provider's own number where it has one.
    #[error("the sign-in server of [oauth.{name}] gives no token (it says: {code}); {}", advice(code, name))]
    Refused { name: String, code: String },
    #[error("the sign-in server of [oauth.{name}] gave {what}; check token_url")]
    Answer { name: String, what: &'static str },
    #[error(
        "the sign-in server of [oauth.{name}] answers with status {status} and no reason; check token_url"
    )]
    Status { name: String, status: u16 },
    #[error("nobody has signed in for [oauth.{name}] yet; do so with: bode oauth sign-in {name}")]
    NotSignedIn { name: String },
    #[error("[oauth.{name}] needs grant = \"refresh-token\" and device_url to sign in with a code")]
    NoDevice { name: String },
    #[error(
        "access_token under {section} gives what can be no token (a blank, a control character, or too long)"
    )]
    NoToken { section: &'static str },
    #[error("a secret of [oauth.{name}] cannot be read: {source}")]
    Secret { name: String, source: SecretError },
    #[error(
        "the refresh token of a sign-in cannot be kept in {path}: {source}; bode must be able to write there"
    )]
    Keep { path: PathBuf, source: io::Error },
    #[error("another process has held the sign-in in {path} for too long; end it")]
    Locked { path: PathBuf },
    /// An earlier failure whose pause is not over.
    #[error("{ailment} (asked again in {} seconds)", left.as_secs() + 1)]
    Waits { name: String, left: Duration, ailment: String },
    #[error("the task was cut off")]
    CutOff(#[from] tokio::task::JoinError),
}

impl OauthError {
    /// Whether trying again soon may help without a person.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::NotReachable { .. }
                | Self::Busy { .. }
                | Self::Locked { .. }
                | Self::CutOff(_)
                | Self::Waits { .. }
        )
    }

    /// How long not to ask again, at the least.
    pub fn wait(&self) -> Duration {
        match self {
            Self::Busy { wait: Some(wait), .. } => *wait,
            Self::Busy { status: 429, wait: None, .. } => THROTTLE_PAUSE,
            Self::Waits { left, .. } => *left,
            _ => Duration::ZERO,
        }
    }
}

/// What to do about a code of RFC 6749 §5.2 or RFC 8628 §3.5.
fn advice(code: &str, name: &str) -> String {
    // Microsoft's number follows the code.
    match code.split(' ').next().unwrap_or_default() {
        "invalid_client" => {
            "check client_id; the client secret is wrong or has expired: make a new one at the \
                             provider and lay it where client_secret points"
                .to_owned()
        }
        "invalid_grant" => format!(
            "the refresh token is void (revoked, expired, unused for too long, or a new password was set); sign in \
             again: bode oauth sign-in {name}, or lay a new one where refresh_token points"
        ),
        "unauthorized_client" | "unsupported_grant_type" => {
            "the client is not registered for this grant; check grant and the registration at the provider"
                .to_owned()
        }
        "invalid_scope" => "check scope, and the permissions of the client at the provider".to_owned(),
        "access_denied" => "the person who was asked said no; sign in again and agree".to_owned(),
        "expired_token" => "nobody entered the code in time; sign in again".to_owned(),
        _ => "check client_id, scope and grant, and the registration at the provider".to_owned(),
    }
}
