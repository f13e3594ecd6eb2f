//! Telling programs outside what happens to cases (`[[webhooks]]`), as Standard Webhooks has it: JSON, signed by HMAC-SHA256 over
//! id, time and body.
//!
//! Invariants: at least once and in order, over restarts: the cursor moves only behind what the receiver took (2xx), and lies on disk; what is not
//! taken is tried again with growing pauses, for ever, and told; an event has the same id at each try, so that the receiver can
//! drop a second one. Bodies carry numbers of cases and names of events, never a person or a text. A webhook that is new begins
//! at the end: it is not told the past.

use crate::clock;
use crate::config::Webhook;
use crate::cursor::{Cursor, FollowError, Follower};
use crate::explain::{quiet, with_causes};
use crate::http::{Ask, AskError, ask};
use crate::limits::WEBHOOK_SECRET_BYTES_MIN;
use crate::pause::Pause;
use crate::record::News;
use crate::store::Store;
use crate::tls::TlsError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderName;
use ring::hmac;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tracing::{info, warn};
use zeroize::Zeroizing;

/// Why a webhook was not taken.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    #[error("{0}")]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Follow(#[from] FollowError),
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("its secret: {0}")]
    Secret(String),
    #[error(transparent)]
    CutOff(#[from] tokio::task::JoinError),
}

/// What became of it, for counters: taken or not, and how many entries of the journal it is behind.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    pub taken: bool,
    pub behind: u64,
}

/// One webhook at work.
pub struct Teller {
    settings: Webhook,
    tls: TlsConnector,
    journal: Follower,
}

impl Teller {
    /// Goes on where it was; blocks. A new one begins at the end of the journal.
    ///
    /// # Errors
    /// The certification authority, the cursor or the journal cannot be read.
    pub fn new(settings: &Webhook, store: Arc<Store>, dir: &Path) -> Result<Self, WebhookError> {
        let tls = crate::tls::connector(settings.ca_file.as_deref())?;
        let cursor = Cursor::at(dir.join("webhooks").join(format!("{}.json", settings.name)));
        Ok(Self { settings: settings.clone(), tls, journal: Follower::begin(store, cursor)? })
    }

    /// Tells until it is dropped.
    pub async fn run(mut self, told: impl Fn(Told)) {
        let mut pause = Pause::default();
        let mut waiting: Vec<News> = Vec::new();
        let mut look = Follower::looks();
        loop {
            pause.keep().await;
            look.tick().await;
            let outcome = self.tell(&mut waiting).await;
            let behind = self.journal.behind() + waiting.len() as u64;
            match outcome {
                Ok(0) => told(Told { taken: true, behind }),
                Ok(events) => {
                    info!(webhook = self.settings.name, events, "told");
                    pause.worked();
                    told(Told { taken: true, behind });
                    look.reset_immediately();
                }
                Err(error) => {
                    let passing = !matches!(error, WebhookError::Status(400..=407 | 409..=428) | WebhookError::Secret(_));
                    let error = quiet(with_causes(&error));
                    warn!(
                        webhook = self.settings.name,
                        error,
                        waiting = behind,
                        "not told; it is tried again"
                    );
                    pause.failed(Instant::now(), passing, std::time::Duration::ZERO);
                    told(Told { taken: false, behind });
                }
            }
        }
    }

    /// Tells what waits, then some of what is new; the number of events that were taken.
    async fn tell(&mut self, waiting: &mut Vec<News>) -> Result<usize, WebhookError> {
        if waiting.is_empty() {
            let before = self.journal.entry();
            let news = self.journal.read().await?;
            let wanted =
                |news: &News| self.settings.events.is_empty() || self.settings.events.contains(&news.kind);
            waiting.extend(news.into_iter().filter(wanted));
            if waiting.is_empty() && self.journal.entry() > before {
                self.journal.keep(self.journal.entry())?;
            }
        }
        let mut taken = 0;
        while let Some(first) = waiting.first() {
            self.send(first).await?;
            let entry = first.entry;
            waiting.remove(0);
            taken += 1;
            // Behind the last one also what is none of this webhook's.
            self.journal.keep(if waiting.is_empty() { self.journal.entry() } else { entry })?;
        }
        Ok(taken)
    }

    async fn send(&self, news: &News) -> Result<(), WebhookError> {
        let secret = self.settings.secret.clone();
        let secret = tokio::task::spawn_blocking(move || secret.read()).await?;
        let key = key(&secret.map_err(|error| WebhookError::Secret(error.to_string()))?)?;
        let id = format!("evt_{}", news.digest.get(..32).unwrap_or(&news.digest));
        let seconds = clock::now().as_second().to_string();
        let body = body(news);
        let signature = signature(&key, &id, &seconds, &body);
        let field = HeaderName::from_static;
        let request = Ask::post("application/json", body.into_bytes())
            .with(field("webhook-id"), id)
            .with(field("webhook-timestamp"), seconds)
            .with(field("webhook-signature"), signature);
        let section = format!("[[webhooks]] {}", self.settings.name);
        let reply = ask(&self.settings.url, &self.tls, &section, request).await?;
        if (200..300).contains(&reply.status) { Ok(()) } else { Err(WebhookError::Status(reply.status)) }
    }
}

/// Numbers and names of events, nothing of a person.
fn body(news: &News) -> String {
    let mut data = json!({"case": news.case, "entry": news.entry});
    if let Some(verdict) = news.verdict {
        data["verdict"] = json!(verdict);
    }
    if let Some(into) = news.into {
        data["into"] = json!(into);
    }
    json!({"type": news.kind, "timestamp": news.at, "data": data}).to_string()
}

/// The bytes of the secret: `whsec_` and base64, or the text itself.
fn key(secret: &str) -> Result<hmac::Key, WebhookError> {
    let bytes = match secret.strip_prefix("whsec_") {
        Some(text) => Zeroizing::new(
            STANDARD
                .decode(text)
                .map_err(|_| WebhookError::Secret("what follows whsec_ is no base64".to_owned()))?,
        ),
        None => Zeroizing::new(secret.as_bytes().to_vec()),
    };
    if bytes.len() < WEBHOOK_SECRET_BYTES_MIN {
        return Err(WebhookError::Secret(format!("it has less than {WEBHOOK_SECRET_BYTES_MIN} bytes")));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

fn signature(key: &hmac::Key, id: &str, seconds: &str, body: &str) -> String {
    let tag = hmac::sign(key, format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_standard() {
        // The example of github.com/standard-webhooks, spec/standard-webhooks.md.
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = r#"{"test": 2432232314}"#;
        assert_eq!(
            signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn a_short_secret_is_told_and_not_shown() {
        for bad in ["kort", "whsec_####", "whsec_a29ydA=="] {
            let told = key(bad).unwrap_err().to_string();
            assert!(!told.contains("kort") && !told.contains("####"), "{told}");
        }
        assert!(key("een geheim van genoeg letters").is_ok());
    }
}
