//! The first refresh token, by a person who signs in elsewhere with a code (RFC 8628): for a server without a browser.

use super::endpoint::{Endpoint, Granted};
use super::kept::{self, Keeping, Kept};
use super::{OauthError, kept_dir};
use crate::config::{Grant, Oauth};
use crate::limits::TOKEN_BYTES_MAX;
use serde::Deserialize;
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// RFC 8628 §3.2 and §3.5: between two questions when nothing is said, and what `slow_down` adds.
const INTERVAL: Duration = Duration::from_secs(5);
/// The longest that a person is waited for.
const PERSON_TIME_MAX: Duration = Duration::from_secs(30 * 60);

/// What the person needs (RFC 8628 §3.2).
#[derive(Deserialize)]
pub struct DeviceCode {
    device_code: String,
    pub user_code: String,
    /// Google writes `verification_url`.
    #[serde(alias = "verification_url")]
    pub verification_uri: String,
    /// Seconds that the code lasts.
    pub expires_in: u64,
    #[serde(default)]
    interval: Option<u64>,
}

/// Asks for a code, has `show` tell it, waits until the person has signed in, and keeps the refresh token.
///
/// # Errors
/// When the provider gives no code or no refresh token, or nobody signs in in time.
pub async fn sign_in(
    name: &str,
    oauth: &Oauth,
    store: &Path,
    show: impl FnOnce(&DeviceCode),
) -> Result<(), OauthError> {
    let name_owned = || name.to_owned();
    let answer = |what| OauthError::Answer { name: name_owned(), what };
    let Some(device_url) = oauth.device_url.as_ref().filter(|_| oauth.grant == Grant::RefreshToken) else {
        return Err(OauthError::NoDevice { name: name_owned() });
    };
    let tls = crate::tls::connector(oauth.ca_file.as_deref())
        .map_err(|source| OauthError::Tls { name: name_owned(), source })?;
    let endpoint = Endpoint { name, oauth, tls: &tls };
    let reply = endpoint.post(device_url, &[("scope", &oauth.scope)]).await?;
    let code: DeviceCode =
        serde_json::from_slice(&reply.body).map_err(|_| answer("no code to sign in with"))?;
    let printable = |text: &str| text.len() <= TOKEN_BYTES_MAX && !text.chars().any(char::is_control);
    if !printable(&code.user_code) || !printable(&code.verification_uri) {
        return Err(answer("a code that cannot be shown"));
    }
    show(&code);
    let granted = wait(endpoint, &code).await?;
    let Some(refresh_token) = granted.refresh_token else {
        return Err(answer("no refresh token (is offline access in scope?)"));
    };
    // It counts as a successor of what the configuration names now, so that it is used until that changes.
    let configured = oauth.refresh_token.as_ref().and_then(|secret| secret.read().ok());
    let keeping = Keeping { refresh_token, configured: configured.as_ref().map(|value| kept::digest(value)) };
    let kept = Kept::new(&kept_dir(store), name);
    let _locked = kept.lock()?;
    kept.write(&keeping)
}

/// RFC 8628 §3.4, §3.5.
async fn wait(endpoint: Endpoint<'_>, code: &DeviceCode) -> Result<Granted, OauthError> {
    let until = Instant::now() + Duration::from_secs(code.expires_in).min(PERSON_TIME_MAX);
    let mut interval =
        code.interval.map_or(INTERVAL, Duration::from_secs).clamp(Duration::from_secs(1), PERSON_TIME_MAX);
    loop {
        sleep(interval).await;
        match endpoint.granted(&[("grant_type", GRANT), ("device_code", &code.device_code)]).await {
            Err(OauthError::Refused { code, .. })
                if code == "authorization_pending" && Instant::now() < until => {}
            Err(OauthError::Refused { code, .. }) if code == "slow_down" && Instant::now() < until => {
                interval += INTERVAL;
            }
            Err(error) if error.is_passing() && Instant::now() < until => {
                interval = (interval * 2).max(error.wait()).min(PERSON_TIME_MAX);
            }
            ended => return ended,
        }
    }
}
