//! The only SMTP client (RFC 5321): pooled connections, TLS always, raw bytes with an envelope of their own.

use crate::config::{Answers, Smtp, Tls};
use crate::explain::with_causes;
use crate::limits::NETWORK_TIME_MAX;
use crate::record::{CaseNumber, EnvelopeKey, ReturnPath};
use lettre::address::Envelope;
use lettre::transport::smtp;
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Connections at the same time: an office's mail server is shared with people.
pub(super) const CONNECTIONS_MAX: u32 = 4;
/// An unused connection is closed before the server does it (most wait five minutes).
const IDLE_TIME_MAX: Duration = Duration::from_secs(45);

const IMPLICIT_PORT: u16 = 465;
const STARTTLS_PORT: u16 = 587;

/// Replies that speak of us or of the server and not of the message: it is shut, TLS or login is wanting.
/// RFC 5321 §4.2.3, RFC 3207 §4, RFC 4954 §6.
const NOT_THE_MESSAGE: [u16; 6] = [421, 454, 530, 534, 535, 538];

/// Why mail cannot be sent at all; the configuration or the server is at fault.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    #[error("the certificate authority in {path} cannot be used")]
    Authority { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the password for SMTP cannot be read")]
    Password { source: crate::config::SecretError },
    #[error("{address:?} in [answers] return_path is no e-mail address that a token can be added to")]
    ReturnPath { address: String },
    #[error("TLS for SMTP cannot be set up")]
    Tls { source: smtp::Error },
    #[error("the mail server {host} port {port} cannot be used")]
    Server { host: String, port: u16, source: smtp::Error },
    #[error("the mail server {host} port {port} took the connection and refused its test")]
    Test { host: String, port: u16 },
    #[error("the folder {path} cannot be written: {source}")]
    Folder { path: PathBuf, source: std::io::Error },
}

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handed {
    /// The next server took it over (Awb 2:19).
    Sent,
    /// It may go later (4xx).
    Deferred { reply: String },
    /// It will never go to this address (5xx).
    Refused { reply: String },
    /// No server, no TLS, no login: not the message's fault.
    Unreachable { reply: String, advice: &'static str },
}

/// Hands messages to the office's own mail server.
#[derive(Clone, Debug)]
pub struct Mailer {
    /// Replaced by [`Mailer::probe`], which reads the password anew.
    transport: Arc<RwLock<Transport>>,
    smtp: Smtp,
    /// MAIL FROM, before the token of the case; `None` is the null return path.
    return_path: Option<ReturnPath>,
    host: String,
    port: u16,
}

type Transport = AsyncSmtpTransport<Tokio1Executor>;

impl Mailer {
    /// Prepares the connection; none is made yet. Made and dropped within a tokio runtime: lettre's pool has a
    /// task there.
    ///
    /// # Errors
    /// When the authority's certificate, the password or the return path cannot be used.
    pub fn new(smtp: &Smtp, answers: &Answers) -> Result<Self, OutboxError> {
        let address = answers.return_path.clone();
        let return_path = answers.envelope_sender();
        let is_address = |path: &ReturnPath| path.bare().parse::<Address>().is_ok();
        if !address.is_empty() && !return_path.as_ref().is_some_and(is_address) {
            return Err(OutboxError::ReturnPath { address });
        }
        let usual_port = match smtp.tls {
            Tls::Implicit => IMPLICIT_PORT,
            Tls::Starttls => STARTTLS_PORT,
        };
        let port = smtp.port.unwrap_or(usual_port);
        let transport = Arc::new(RwLock::new(transport(smtp, port)?));
        Ok(Self { transport, smtp: smtp.clone(), return_path, host: smtp.host.clone(), port })
    }

    /// The connections as they are now.
    fn transport(&self) -> Transport {
        self.transport.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Connects and logs in, with the password as it stands now: one that was wrong is right from here on when
    /// somebody mended it. For `doctor`, and for an outbox that found the server away.
    ///
    /// # Errors
    /// When the password cannot be read, or the server cannot be reached, has no TLS or certificate to trust, or refuses the login.
    pub async fn probe(&self) -> Result<(), OutboxError> {
        let (host, port) = (self.host.clone(), self.port);
        let fresh = transport(&self.smtp, self.port)?;
        *self.transport.write().unwrap_or_else(PoisonError::into_inner) = fresh.clone();
        match fresh.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(OutboxError::Test { host, port }),
            Err(source) => Err(OutboxError::Server { host, port, source }),
        }
    }

    /// Hands over the answer of a case as it is.
    pub async fn send(&self, key: &EnvelopeKey, case: CaseNumber, to: &Address, bytes: &[u8]) -> Handed {
        // A return path that was an address before is one with its token: letters, digits and hyphens.
        let sender = self.return_path.as_ref().and_then(|path| path.for_case(key, case).parse().ok());
        self.hand_over(sender, to, bytes).await
    }

    /// Hands over a message of the house itself, about no case.
    pub async fn send_digest(&self, to: &Address, bytes: &[u8]) -> Handed {
        let sender = self.return_path.as_ref().and_then(|path| path.bare().parse().ok());
        self.hand_over(sender, to, bytes).await
    }

    async fn hand_over(&self, sender: Option<Address>, to: &Address, bytes: &[u8]) -> Handed {
        let envelope = match Envelope::new(sender, vec![to.clone()]) {
            Ok(envelope) => envelope,
            Err(error) => return Handed::Refused { reply: error.to_string() },
        };
        match self.transport().send_raw(&envelope, bytes).await {
            Ok(_) => Handed::Sent,
            Err(error) => classify(&error),
        }
    }
}

/// A fresh pool of connections, none made yet.
fn transport(smtp: &Smtp, port: u16) -> Result<Transport, OutboxError> {
    let mut tls = TlsParameters::builder(smtp.host.clone());
    if let Some(path) = &smtp.ca_file {
        let fault = |source| OutboxError::Authority { path: path.clone(), source };
        let pem = std::fs::read(path).map_err(|error| fault(error.into()))?;
        let certificate = Certificate::from_pem(&pem).map_err(|error| fault(error.into()))?;
        tls = tls.add_root_certificate(certificate);
    }
    let tls = tls.build().map_err(|source| OutboxError::Tls { source })?;
    let tls = match smtp.tls {
        Tls::Implicit => smtp::client::Tls::Wrapper(tls),
        Tls::Starttls => smtp::client::Tls::Required(tls),
    };
    // "Dangerous" is the plain default, which the next call replaces.
    let mut builder = Transport::builder_dangerous(&smtp.host)
        .port(port)
        .tls(tls)
        .timeout(Some(NETWORK_TIME_MAX))
        .pool_config(PoolConfig::new().max_size(CONNECTIONS_MAX).idle_timeout(IDLE_TIME_MAX));
    if let (Some(user), Some(password)) = (&smtp.user, &smtp.password) {
        let password = password.read().map_err(|source| OutboxError::Password { source })?;
        builder = builder.credentials(Credentials::new(user.clone(), password));
    }
    Ok(builder.build())
}

/// What the admin should look at when nothing can be handed over: a sentence of ours, without personal data.
fn advice(error: &smtp::Error) -> &'static str {
    match error.status().map(u16::from) {
        Some(530 | 534 | 535 | 538) => {
            "the mail server refuses the user or the password; check user and password under [smtp]"
        }
        Some(_) => "the mail server takes nothing now; nothing to do unless it lasts",
        None => {
            "the mail server cannot be reached or trusted; check host, port, tls and ca_file under [smtp]"
        }
    }
}

impl OutboxError {
    /// What the admin should do, when that is known: an English sentence for `/healthz`, the log and `doctor`, without
    /// personal data.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Server { source, .. } => Some(advice(source)),
            Self::Password { .. } => {
                Some("the password for SMTP cannot be read; check password under [smtp]")
            }
            _ => None,
        }
    }
}

fn classify(error: &smtp::Error) -> Handed {
    let reply = with_causes(error);
    let of_the_message = error.status().is_some_and(|code| !NOT_THE_MESSAGE.contains(&u16::from(code)));
    if of_the_message && error.is_permanent() {
        Handed::Refused { reply }
    } else if of_the_message && error.is_transient() {
        Handed::Deferred { reply }
    } else {
        Handed::Unreachable { reply, advice: advice(error) }
    }
}
