//! What can be wrong with a source. Each message names the object and says what the admin should do.
//!
//! Invariant: no message holds bytes that a citizen wrote. (The parse errors of the IMAP crate quote the
//! server's bytes; [`SourceError::from_io`] lets only what is known to be harmless through.)

use crate::config::SecretError;
use crate::limits::{RETRY_AFTER_MAX, THROTTLE_PAUSE};
use crate::oauth::{OauthError, Refusal};
use crate::tls::TlsError;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio_rustls::rustls;

/// A source that cannot be read or cannot let go of a piece. Nothing is lost by any of them.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error(
        "the mail server {server} cannot be reached: {source}; check host, port and tls under [mailbox], and \
         the firewall"
    )]
    NotReachable { server: String, source: io::Error },
    #[error("the certificate of the mail server {server} is refused: {reason}")]
    CertificateRefused { server: String, reason: String },
    #[error("the file of the certification authority {path} (ca_file) cannot be used: {reason}")]
    CaFile { path: PathBuf, reason: String },
    #[error(
        "the mail server {server} refuses the user or the password (it says: {said}); check user and password \
         under [mailbox]"
    )]
    WrongLogin { server: String, said: String },
    #[error("the password or token of the mailbox cannot be read: {0}")]
    Password(#[from] SecretError),
    #[error(transparent)]
    SignIn(#[from] OauthError),
    #[error(
        "the mail server {server} does not take the access token (it says: {refusal}); {}",
        refusal.advice("[mailbox]")
    )]
    TokenRefused { server: String, refusal: Refusal },
    #[error(
        "the mail server {server} offers no login by token (OAUTHBEARER, XOAUTH2); use password under [mailbox]"
    )]
    NoTokenLogin { server: String },
    #[error("the task was cut off")]
    CutOff(#[from] tokio::task::JoinError),
    #[error(
        "the mail server is asked too much during {during} (it says: {said}); nothing to do unless it lasts"
    )]
    Throttled { during: &'static str, said: String, wait: Duration },
    #[error(
        "the mail server {server} cannot log in anybody now (it says: {said}); nothing to do unless it lasts"
    )]
    Busy { server: String, said: String },
    #[error(
        "the mailbox has no folder {folder} that can be opened (the server says: {said}); check {key} under \
         [mailbox]"
    )]
    FolderMissing { folder: String, key: &'static str, said: String },
    #[error("the connection with the mail server was lost during {during}: {reason}; it is made again")]
    Lost { during: &'static str, reason: String },
    #[error("the mail server refuses {during} (it says: {said})")]
    Protocol { during: &'static str, said: String },
    #[error(
        "another bode (store {name}) takes from this mailbox; stop one of the two. When the other is gone for good, this \
         one takes over by itself in about ten minutes, or at once when the messages in the folder {folder} are removed"
    )]
    Claimed { folder: &'static str, name: String },
    #[error("{doing} {path}: {source}; check that the folder is there and that bode may read and write it")]
    Folder { doing: &'static str, path: PathBuf, source: io::Error },
}

impl SourceError {
    /// Whether trying again soon may help. A wrong password or certificate wants a person first.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::NotReachable { .. }
            | Self::Busy { .. }
            | Self::Lost { .. }
            | Self::Throttled { .. }
            | Self::Claimed { .. } => true,
            Self::SignIn(error) => error.is_passing(),
            _ => false,
        }
    }

    /// How long the server asked not to come back, at the least.
    pub fn wait(&self) -> Duration {
        match self {
            Self::Throttled { wait, .. } => *wait,
            Self::SignIn(error) => error.wait(),
            Self::Busy { said, .. } => throttle(said).unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }

    /// A command that the server did not do, by what it said about it.
    pub(super) fn refused(during: &'static str, said: String) -> Self {
        match throttle(&said) {
            Some(wait) => Self::Throttled { during, said, wait },
            None => Self::Protocol { during, said },
        }
    }

    /// TLS that does not stand.
    pub(super) fn from_tls(server: &str, error: TlsError) -> Self {
        let server = server.to_owned();
        match error {
            TlsError::CaFile { path, reason } => Self::CaFile { path, reason },
            TlsError::Refused { reason } => Self::CertificateRefused { server, reason },
            TlsError::NotTls => {
                let hint =
                    "it does not speak TLS on this port (tls = \"starttls\" is port 143, \"implicit\" 993)";
                Self::NotReachable { server, source: io::Error::new(io::ErrorKind::InvalidData, hint) }
            }
            TlsError::Lost(source) => Self::NotReachable { server, source },
        }
    }

    /// A connection that failed in the middle of an exchange.
    pub(super) fn from_io(during: &'static str, error: &io::Error) -> Self {
        Self::Lost { during, reason: harmless(error) }
    }

    /// A failure that the IMAP crate tells.
    pub(super) fn from_imap(during: &'static str, error: async_imap::error::Error) -> Self {
        match error {
            async_imap::error::Error::Io(io) => Self::from_io(during, &io),
            async_imap::error::Error::ConnectionLost => Self::closed(during),
            other => Self::Protocol { during, said: said(&other.to_string()) },
        }
    }

    /// No answer in time.
    pub(super) fn too_late(during: &'static str) -> Self {
        Self::Lost { during, reason: "no answer in time".to_owned() }
    }

    /// The server closed the connection.
    pub(super) fn closed(during: &'static str) -> Self {
        Self::Lost { during, reason: "the server closed the connection".to_owned() }
    }
}

/// Words by which servers say that they are asked too much. `UNAVAILABLE`, `LIMIT` and `OVERQUOTA` are RFC 5530's and RFC
/// 9208's; the others are what Exchange Online and Gmail say, of which no standard knows.
const THROTTLES: [&str; 6] = [
    "THROTTLED",
    "Request is throttled",
    "[UNAVAILABLE]",
    "[LIMIT]",
    "exceeded command or bandwidth limits",
    "Server Unavailable. 15",
];

/// How long a server that is asked too much wants to be left alone; `None`: it does not say that it is. Exchange Online
/// names the time: `Request is throttled. Suggested Backoff Time: 299910 milliseconds`.
pub(super) fn throttle(said: &str) -> Option<Duration> {
    if !THROTTLES.iter().any(|sign| said.contains(sign)) {
        return None;
    }
    let asked = said.split_once("Suggested Backoff Time: ").map(|(_, rest)| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).take(12).collect();
        Duration::from_millis(digits.parse().unwrap_or_default())
    });
    Some(asked.unwrap_or_default().clamp(THROTTLE_PAUSE, RETRY_AFTER_MAX))
}

/// Characters kept of what a server says in a refusal.
const SAID_CHARS_MAX: usize = 200;

/// What a server says, fit for one line of a log.
pub(super) fn said(text: &str) -> String {
    let kept: String = text.chars().filter(|one| !one.is_control()).take(SAID_CHARS_MAX).collect();
    if kept.is_empty() { "nothing".to_owned() } else { kept }
}

/// The text of an I/O error when it cannot hold what a citizen wrote, otherwise only its kind.
fn harmless(error: &io::Error) -> String {
    let tls = error.get_ref().is_some_and(|inner| inner.downcast_ref::<rustls::Error>().is_some());
    if tls || error.raw_os_error().is_some() {
        return error.to_string();
    }
    match error.kind() {
        io::ErrorKind::Other | io::ErrorKind::InvalidData => {
            "an answer of the server cannot be understood".to_owned()
        }
        kind => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parse_error_does_not_quote_the_mail() {
        let error = io::Error::other("Error(..) during parsing of \"* 1 FETCH (BODY[] Geachte heer\"");
        let told = SourceError::from_io("FETCH", &error).to_string();
        assert!(!told.contains("Geachte"), "{told}");
        assert!(told.contains("FETCH"), "{told}");
    }

    #[test]
    fn a_network_error_keeps_its_reason() {
        let error = io::Error::from_raw_os_error(104);
        assert!(SourceError::from_io("IDLE", &error).to_string().contains("reset"));
    }

    #[test]
    fn throttle_answers_lengthen_the_pause() {
        let told = "Request is throttled. Suggested Backoff Time: 299910 milliseconds";
        let error = SourceError::refused("FETCH", told.to_owned());
        assert_eq!(error.wait(), Duration::from_millis(299_910));
        assert!(error.is_passing());
        assert_eq!(throttle("[UNAVAILABLE] Temporary authentication failure."), Some(THROTTLE_PAUSE));
        assert_eq!(throttle("[THROTTLED] slow down"), Some(THROTTLE_PAUSE));
        assert_eq!(throttle("Request is throttled. Suggested Backoff Time: x"), Some(THROTTLE_PAUSE));
        let forever = "Request is throttled. Suggested Backoff Time: 999999999999999 milliseconds";
        assert_eq!(throttle(forever), Some(RETRY_AFTER_MAX));
        assert!(matches!(
            SourceError::refused("SELECT", "no such folder".into()),
            SourceError::Protocol { .. }
        ));
    }

    #[test]
    fn what_a_server_says_is_one_short_line() {
        assert_eq!(said("a\r\nb"), "ab");
        assert_eq!(said(&"x".repeat(1000)).len(), SAID_CHARS_MAX);
    }
}
