//! The only SMTP client (RFC 5321): a few connections that are kept, TLS always, each message with an envelope of its
//! own. What the server says is put into what it means for the answer.

use super::connection::{self, Connection, Envelope, Failed, Patience, Step};
use crate::config::{Answers, Login, Secret, Smtp, Tls};
use crate::limits::{SMTP_CONNECTIONS_MAX, THROTTLE_PAUSE};
use crate::oauth::{OauthError, SignIn};
use crate::record::{CaseNumber, EnvelopeKey, ReturnPath};
use crate::tls;
use jiff::Timestamp;
use lettre::Address;
use lettre::transport::smtp;
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// An unused connection is closed before the server does it (most wait five minutes).
const IDLE_TIME_MAX: Duration = Duration::from_secs(45);

/// Replies that speak of us or of the server and not of the message: it is shut, TLS or login is wanting.
/// RFC 5321 §4.2.3, RFC 3207 §4, RFC 4954 §6.
const NOT_THE_MESSAGE: [u16; 6] = [421, 454, 530, 534, 535, 538];

/// What the admin should look at: an English sentence of ours, without personal data.
pub type Advice = Cow<'static, str>;

/// Why mail cannot be sent at all; the configuration or the server is at fault.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    #[error("the certificate authority in {path} cannot be used")]
    Authority { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the password or access token for SMTP cannot be read")]
    Password { source: crate::config::SecretError },
    #[error("{address:?} in [answers] return_path is no e-mail address that a token can be added to")]
    ReturnPath { address: String },
    #[error("TLS for SMTP cannot be set up")]
    Tls { source: smtp::Error },
    #[error("the mail server {host} port {port} cannot be used: {reply}")]
    Server { host: String, port: u16, reply: String, advice: Advice, wait: Duration },
    #[error(transparent)]
    SignIn(#[from] OauthError),
    #[error("the folder {path} cannot be written: {source}")]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("a task was cut off")]
    CutOff(#[from] tokio::task::JoinError),
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
    /// The content went and no reply came: it may have been taken. Again later, the same bytes under the same
    /// Message-ID, but not often.
    Unsure { reply: String },
    /// No server, no TLS, no login, or a sender that it does not take: not the message's fault. `wait`: how long not to
    /// come back, at the least.
    Unreachable { reply: String, advice: Advice, wait: Duration },
}

/// Hands messages to the office's own mail server.
#[derive(Clone)]
pub struct Mailer {
    inner: Arc<Inner>,
}

struct Inner {
    smtp: Smtp,
    sign_in: Option<SignIn>,
    /// MAIL FROM, before the token of the case; `None` is the null return path.
    return_path: Option<ReturnPath>,
    patience: Patience,
    /// Connections that are open and unused, the last used at the end.
    idle: Mutex<Vec<(Connection, Instant)>>,
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailer").field("host", &self.inner.smtp.host).finish_non_exhaustive()
    }
}

impl Mailer {
    /// Checks what can be checked without a connection; none is made yet.
    ///
    /// # Errors
    /// When the authority's certificate, the password or the return path cannot be used.
    pub fn new(smtp: &Smtp, sign_in: Option<SignIn>, answers: &Answers) -> Result<Self, OutboxError> {
        Self::patient(smtp, sign_in, answers, Patience::default())
    }

    /// The same with other times, for tests.
    ///
    /// # Errors
    /// As [`Mailer::new`].
    pub fn patient(
        smtp: &Smtp,
        sign_in: Option<SignIn>,
        answers: &Answers,
        patience: Patience,
    ) -> Result<Self, OutboxError> {
        let address = answers.return_path.clone();
        let return_path = answers.envelope_sender();
        let is_address = |path: &ReturnPath| path.bare().parse::<Address>().is_ok();
        if !address.is_empty() && !return_path.as_ref().is_some_and(is_address) {
            return Err(OutboxError::ReturnPath { address });
        }
        connection::tls_parameters(smtp)?;
        // A command is run when its secret is needed, not before.
        if let Some((_, Login::Password(secret) | Login::AccessToken(secret))) = smtp.login()
            && !matches!(secret, Secret::Command(_))
        {
            secret.read().map_err(|source| OutboxError::Password { source })?;
        }
        let inner = Inner { smtp: smtp.clone(), sign_in, return_path, patience, idle: Mutex::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Connects, logs in with the password as it stands now, and asks whether our sender is taken. For `doctor`, and
    /// for an outbox that found the server away.
    ///
    /// # Errors
    /// When the password cannot be read, or the server cannot be reached, has no TLS or certificate to trust, or refuses the login.
    pub async fn probe(&self) -> Result<(), OutboxError> {
        let smtp = &self.inner.smtp;
        let opened = match Connection::open(smtp, self.inner.sign_in.as_ref(), self.inner.patience).await? {
            Ok(mut connection) => connection.try_sender(self.made_up_sender()).await.map(|()| connection),
            Err(failed) => Err(failed),
        };
        match opened {
            Ok(connection) => {
                self.keep(connection);
                Ok(())
            }
            Err(failed) => Err(OutboxError::Server {
                host: smtp.host.clone(),
                port: connection::port(smtp),
                advice: advice(&failed),
                wait: wait(&failed),
                reply: failed.reply,
            }),
        }
    }

    /// The largest message that the server takes, in bytes; `None`: it does not tell, or cannot be asked now.
    pub async fn size_max(&self) -> Option<u64> {
        let mut connection = self.connection().await.ok()?.ok()?;
        let size = connection.size_max().await;
        self.keep(connection);
        size
    }

    /// The server's own time, where its greeting has one (Exim's and sendmail's have).
    pub async fn greeted_at(&self) -> Option<Timestamp> {
        let (smtp, opening) = (&self.inner.smtp, self.inner.patience.opening);
        let greeting = async {
            let tcp = TcpStream::connect((smtp.host.as_str(), connection::port(smtp))).await.ok()?;
            match smtp.tls {
                Tls::Starttls => first_line(tcp).await,
                Tls::Implicit => {
                    let connector = tls::connector(smtp.ca_file.as_deref()).ok()?;
                    first_line(tls::handshake(&connector, &smtp.host, "[smtp]", tcp).await.ok()?).await
                }
            }
        };
        dated(&tokio::time::timeout(opening, greeting).await.ok()??)
    }

    /// Hands over the answer of a case as it is.
    pub async fn send(&self, key: &EnvelopeKey, case: CaseNumber, to: &Address, bytes: &[u8]) -> Handed {
        let sender = self.inner.return_path.as_ref().map(|path| path.for_case(key, case));
        self.hand_over(sender, case.to_string(), to, bytes).await
    }

    /// Hands over a message of the house itself, about no case. `id`: what reports on it call it.
    pub async fn send_own(&self, to: &Address, id: &str, bytes: &[u8]) -> Handed {
        let sender = self.inner.return_path.as_ref().map(ReturnPath::bare);
        self.hand_over(sender, id.to_owned(), to, bytes).await
    }

    async fn hand_over(&self, sender: Option<String>, id: String, to: &Address, bytes: &[u8]) -> Handed {
        // A return path that is an address is one with its token too: that adds letters, digits and hyphens.
        let envelope = Envelope { sender: sender.and_then(|sender| sender.parse().ok()), to, id };
        let mut connection = match self.connection().await {
            Ok(Ok(connection)) => connection,
            Ok(Err(failed)) => return handed(failed),
            Err(error) => {
                let advice = error
                    .advice()
                    .unwrap_or("the settings of [smtp] cannot be used; `bode doctor` says why".into());
                let reply = crate::explain::with_causes(&error);
                return Handed::Unreachable { reply, advice, wait: error.wait() };
            }
        };
        match connection.send(&envelope, bytes).await {
            Ok(()) => {
                self.keep(connection);
                Handed::Sent
            }
            Err(failed) => {
                // A server that said no to one message takes the next; one that fell silent is left.
                if failed.code.is_some_and(|code| code != 421) {
                    self.keep(connection);
                }
                handed(failed)
            }
        }
    }

    /// An envelope sender in the form of our own, of no case.
    fn made_up_sender(&self) -> Option<Address> {
        let key = EnvelopeKey::new([0; EnvelopeKey::OCTETS]);
        self.inner.return_path.as_ref()?.for_case(&key, CaseNumber::new(2000, 0)).parse().ok()
    }

    /// An unused connection that still answers, or a new one.
    async fn connection(&self) -> Result<Result<Connection, Failed>, OutboxError> {
        loop {
            let Some((mut connection, since)) = self.idle().pop() else { break };
            if since.elapsed() < IDLE_TIME_MAX && connection.is_fresh().await {
                return Ok(Ok(connection));
            }
        }
        Connection::open(&self.inner.smtp, self.inner.sign_in.as_ref(), self.inner.patience).await
    }

    fn keep(&self, connection: Connection) {
        let mut idle = self.idle();
        if idle.len() < SMTP_CONNECTIONS_MAX {
            idle.push((connection, Instant::now()));
        }
    }

    /// Takes leave on connections that were not used for a while, or on all.
    pub async fn close_idle(&self, all: bool) {
        let old = {
            let mut idle = self.idle();
            let (old, young) = std::mem::take(&mut *idle)
                .into_iter()
                .partition::<Vec<_>, _>(|(_, since)| all || since.elapsed() >= IDLE_TIME_MAX);
            *idle = young;
            old
        };
        for (connection, _) in old {
            connection.close().await;
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Connection, Instant)>> {
        self.inner.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the admin should look at when nothing can be handed over: a sentence of ours, without personal data.
fn advice(failed: &Failed) -> Advice {
    // As Exchange Online says it of a mailbox or a tenant, whatever the token.
    if failed.reply.contains("5.7.139") {
        return "SMTP AUTH is switched off for this mailbox or tenant; switch it on (Set-CASMailbox)".into();
    }
    if let Some(refusal) = &failed.refusal {
        return format!(
            "the mail server does not take the access token ({refusal}); {}",
            refusal.advice("[smtp]")
        )
        .into();
    }
    if !wait(failed).is_zero() {
        return "the mail server is asked too much; nothing to do unless it lasts".into();
    }
    match (failed.step, failed.code) {
        (_, Some(530 | 534 | 535 | 538)) | (Step::Login, Some(400..=599)) => {
            "the mail server refuses the user or the password; check user and password under [smtp], or access_token"
        }
        (Step::Login, None) => {
            "the mail server does not let us log in; check user and password under [smtp], or access_token"
        }
        (Step::Sender, Some(500..=599)) => {
            "the mail server does not take our sender; check return_path and return_path_separator under [answers]"
        }
        (Step::Opening, None) => {
            "the mail server cannot be reached or trusted; check host, port, tls and ca_file under [smtp]"
        }
        _ => "the mail server takes nothing now; nothing to do unless it lasts",
    }
    .into()
}

/// How long to leave alone a server that says that it is asked too much: by the enhanced status codes of RFC 3463 (4.3.2:
/// it takes nothing now; 4.4.5: it is congested), and those that Microsoft (4.7.500 to 4.7.699) and Google (4.7.28) use.
fn wait(failed: &Failed) -> Duration {
    let throttled = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_ascii_digit());
        let microsoft = || {
            let number = word.strip_prefix("4.7.").and_then(|rest| rest.parse::<u16>().ok());
            number.is_some_and(|number| (500..700).contains(&number))
        };
        ["4.3.2", "4.4.5", "4.7.28"].contains(&word) || microsoft()
    };
    let is_passing = failed.code.is_some_and(|code| (400..500).contains(&code));
    if is_passing && failed.reply.split([' ', '-']).any(throttled) { THROTTLE_PAUSE } else { Duration::ZERO }
}

impl OutboxError {
    /// What the admin should do, when that is known: an English sentence for `/healthz`, the log and `doctor`, without
    /// personal data.
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Server { advice, .. } => Some(advice.clone()),
            Self::Password { .. } => Some(
                "the password or access token for SMTP cannot be read; check password or access_token under [smtp]"
                    .into(),
            ),
            Self::SignIn(error) => Some(error.to_string().into()),
            _ => None,
        }
    }

    /// How long not to come back, at the least.
    pub fn wait(&self) -> Duration {
        match self {
            Self::Server { wait, .. } => *wait,
            Self::SignIn(error) => error.wait(),
            _ => Duration::ZERO,
        }
    }
}

/// What a fault means for the answer: by the reply where there is one, by the step where there is none.
fn handed(failed: Failed) -> Handed {
    let (advice, wait) = (advice(&failed), wait(&failed));
    let Failed { step, code, reply, .. } = failed;
    match (step, code) {
        (Step::Opening | Step::Login, _) => Handed::Unreachable { reply, advice, wait },
        (_, Some(code)) if NOT_THE_MESSAGE.contains(&code) => Handed::Unreachable { reply, advice, wait },
        // It is asked too much, whatever it was asked.
        (_, Some(400..=499)) if !wait.is_zero() => Handed::Unreachable { reply, advice, wait },
        // Nothing but our sender was told so far, and that is the same for all.
        (Step::Sender, Some(500..=599)) => Handed::Unreachable { reply, advice, wait },
        (_, Some(500..=599)) => Handed::Refused { reply },
        (_, Some(400..=499)) => Handed::Deferred { reply },
        (Step::Content, _) => Handed::Unsure { reply },
        (_, _) => Handed::Unreachable { reply, advice, wait },
    }
}

/// Octets of a greeting (RFC 5321 §4.5.3.1.5).
const GREETING_BYTES_MAX: u64 = 512;

async fn first_line(server: impl AsyncRead + Unpin) -> Option<String> {
    let mut line = String::new();
    BufReader::new(server.take(GREETING_BYTES_MAX)).read_line(&mut line).await.ok()?;
    Some(line)
}

/// The date (RFC 5322 §3.3) at the end of a greeting.
fn dated(greeting: &str) -> Option<Timestamp> {
    let days = ["Mon, ", "Tue, ", "Wed, ", "Thu, ", "Fri, ", "Sat, ", "Sun, "];
    let begin = days.iter().filter_map(|day| greeting.rfind(day)).max()?;
    jiff::fmt::rfc2822::parse(greeting.get(begin..)?.trim()).ok().map(|told| told.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(step: Step, code: Option<u16>) -> Handed {
        handed(Failed { step, code, reply: String::new(), refusal: None })
    }

    #[test]
    fn a_server_that_is_asked_too_much_is_left_alone() {
        let wait = |code, reply: &str| {
            let failed =
                Failed { step: Step::Recipient, code: Some(code), reply: reply.into(), refusal: None };
            match handed(failed) {
                Handed::Unreachable { wait, .. } => Some(wait),
                _ => None,
            }
        };
        for (code, reply) in [
            (421, "421 4.3.2 Service not available"),
            (432, "transient error (432): 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded"),
            (451, "451 4.7.500 Server busy. Please try again later"),
            (421, "421-4.7.28 Our system has detected an unusual rate"),
        ] {
            assert_eq!(wait(code, reply), Some(THROTTLE_PAUSE), "{reply}");
        }
        assert_eq!(wait(421, "421 closing"), Some(Duration::ZERO));
        assert_eq!(wait(451, "451 4.2.1 mailbox is busy"), None);
        assert_eq!(wait(550, "550 5.7.500"), None);
    }

    #[test]
    fn a_greeting_may_tell_the_time() {
        let exim = "220 mail.example.nl ESMTP Exim 4.96 Mon, 02 Mar 2026 09:30:00 +0100\r\n";
        assert_eq!(dated(exim), "2026-03-02T08:30:00Z".parse().ok());
        let sendmail = "220 a.example.nl ESMTP Sendmail 8.17; Mon, 2 Mar 2026 09:30:00 +0100\r\n";
        assert_eq!(dated(sendmail), "2026-03-02T08:30:00Z".parse().ok());
        assert_eq!(dated("220 mail.example.nl ESMTP Postfix\r\n"), None);
        assert_eq!(dated("220 Sun, the server\r\n"), None);
    }

    #[test]
    fn a_reply_means_what_the_step_says() {
        let unreachable = |handed: Handed| matches!(handed, Handed::Unreachable { .. });
        assert!(unreachable(of(Step::Opening, None)) && unreachable(of(Step::Login, Some(535))));
        // Refused before anybody was named: the sender is not taken, and no citizen pays for it.
        assert!(unreachable(of(Step::Sender, Some(553))));
        assert!(matches!(of(Step::Sender, Some(452)), Handed::Deferred { .. }));
        assert!(matches!(of(Step::Recipient, Some(550)), Handed::Refused { .. }));
        assert!(matches!(of(Step::Recipient, Some(451)), Handed::Deferred { .. }));
        assert!(unreachable(of(Step::Recipient, None)) && unreachable(of(Step::Data, Some(421))));
        assert!(matches!(of(Step::Content, Some(552)), Handed::Refused { .. }));
        assert!(matches!(of(Step::Content, Some(452)), Handed::Deferred { .. }));
        assert!(matches!(of(Step::Content, None), Handed::Unsure { .. }));
    }
}
