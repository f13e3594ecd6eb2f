//! One connection with the mail server: TLS before anything else is said, login, and one message at a time with an
//! envelope of its own (RFC 5321, 3461). The login is by password, or by a token (RFC 7628). Every step has its time.
//!
//! Invariant: a fault tells at which step it was, for that decides what it means: before the content nothing was
//! handed over; once the content is on its way and no reply comes, nobody can know.

use super::OutboxError;
use super::stream::Secured;
use crate::config::{Login, Smtp, Tls};
use crate::explain::with_causes;
use crate::limits::{NETWORK_TIME_MAX, SMTP_REPLY_TIME_MAX, SMTP_TAKEN_TIME_MAX};
use crate::oauth::{AccessToken, Mechanism as ByToken, Refusal, SignIn};
use crate::tls::{self, TlsError, note_certificate};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lettre::Address;
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, MailParameter, RcptParameter};
use lettre::transport::smtp::response::Response;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

const IMPLICIT_PORT: u16 = 465;
const STARTTLS_PORT: u16 = 587;

/// How long each step may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From the first byte to the login.
    pub opening: Duration,
    /// For the reply to MAIL, RCPT and DATA.
    pub reply: Duration,
    /// For the content, until the server says that it has taken it.
    pub taken: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { opening: NETWORK_TIME_MAX, reply: SMTP_REPLY_TIME_MAX, taken: SMTP_TAKEN_TIME_MAX }
    }
}

/// Where an exchange stood when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Connection, greeting, TLS.
    Opening,
    Login,
    Sender,
    Recipient,
    /// DATA, before any content.
    Data,
    /// The content is on its way.
    Content,
}

/// Why an exchange failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub step: Step,
    /// The server's reply; `None` when there was none.
    pub code: Option<u16>,
    pub reply: String,
    /// The token was not taken, and what the server said of it.
    pub refusal: Option<Refusal>,
}

impl Failed {
    fn of(step: Step, error: &smtp::Error) -> Self {
        Self { step, code: error.status().map(u16::from), reply: with_causes(error), refusal: None }
    }

    /// Before a word of SMTP was said.
    fn before(error: &dyn std::error::Error) -> Self {
        Self { step: Step::Opening, code: None, reply: with_causes(error), refusal: None }
    }

    fn late(step: Step, time: Duration) -> Self {
        let reply = format!("no reply within {} seconds", time.as_secs());
        Self { step, code: None, reply, refusal: None }
    }
}

/// The envelope of one message.
pub(super) struct Envelope<'a> {
    /// MAIL FROM; `None` is the null return path.
    pub sender: Option<Address>,
    pub to: &'a Address,
    /// ENVID (RFC 3461 §4.4): comes back in a bounce as Original-Envelope-Id.
    pub id: String,
}

pub(super) struct Connection {
    smtp: AsyncSmtpConnection,
    /// Does the server report on delivery as we ask (RFC 3461)?
    dsn: bool,
    patience: Patience,
}

pub(super) fn port(smtp: &Smtp) -> u16 {
    smtp.port.unwrap_or(match smtp.tls {
        Tls::Implicit => IMPLICIT_PORT,
        Tls::Starttls => STARTTLS_PORT,
    })
}

impl Connection {
    /// Connects, sets up TLS and logs in, with certificates and password as they stand now, or with the sign-in's token.
    ///
    /// # Errors
    /// The outer one when ours are unusable, the inner one when the exchange failed.
    pub async fn open(
        smtp: &Smtp,
        sign_in: Option<&SignIn>,
        patience: Patience,
    ) -> Result<Result<Self, Failed>, OutboxError> {
        let Some((sign_in, user)) = sign_in.zip(smtp.user.as_deref()) else {
            return Self::open_by(smtp, &proof(smtp).await?, patience).await;
        };
        let token = sign_in.token().await?;
        let proof = |token: &AccessToken| Proof::Token(user.to_owned(), token.clone());
        let opened = Self::open_by(smtp, &proof(&token), patience).await?;
        if !is_refused(&opened) {
            return Ok(opened);
        }
        sign_in.refused(&token);
        if token.is_fresh() {
            return Ok(opened);
        }
        // It may have been revoked before its end, or this machine slept: once more, with one that is surely new.
        let token = sign_in.token().await?;
        let opened = Self::open_by(smtp, &proof(&token), patience).await?;
        if is_refused(&opened) {
            sign_in.refused(&token);
        }
        Ok(opened)
    }

    async fn open_by(
        smtp: &Smtp,
        proof: &Proof,
        patience: Patience,
    ) -> Result<Result<Self, Failed>, OutboxError> {
        let parameters = tls_parameters(smtp)?;
        let hello = ClientId::default();
        let mut step = Step::Opening;
        let mut refusal = None;
        let opening = async {
            let server = (smtp.host.as_str(), port(smtp));
            let tcp = match connected(server).await {
                Ok(tcp) => tcp,
                Err(error) => return Ok(Err(Failed::before(&error))),
            };
            let mut connection = match smtp.tls {
                Tls::Implicit => match secured(smtp, tcp).await {
                    Ok(stream) => {
                        AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello).await?
                    }
                    Err(error) => return Ok(Err(Failed::before(&error))),
                },
                Tls::Starttls => {
                    let mut plain =
                        AsyncSmtpConnection::connect_with_transport(Box::new(tcp), &hello).await?;
                    plain.starttls(parameters, &hello).await?;
                    if let Ok(certificate) = plain.peer_certificate() {
                        note_certificate("[smtp]", &certificate);
                    }
                    plain
                }
            };
            step = Step::Login;
            match proof {
                Proof::None => {}
                Proof::Password(credentials) => {
                    connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await?;
                }
                Proof::Token(user, token) => {
                    // Once more: lettre does not keep whether the server knows OAUTHBEARER.
                    let offered = connection.command(Ehlo::new(hello.clone())).await?;
                    let Some(mechanism) = offered_mechanism(&offered) else {
                        return Ok(Err(no_token_login()));
                    };
                    let first = mechanism.first(user, server, token);
                    refusal = Some(Refusal::default());
                    let line = format!("AUTH {} {}\r\n", mechanism.name(), STANDARD.encode(first));
                    let reply = connection.command(line).await?;
                    if reply.has_code(CHALLENGE) {
                        let challenge = reply.first_word().and_then(|text| STANDARD.decode(text).ok());
                        refusal = Some(Refusal::of(&challenge.unwrap_or_default()));
                        connection
                            .command(format!("{}\r\n", STANDARD.encode(mechanism.after_refusal())))
                            .await?;
                    }
                    refusal = None;
                }
            }
            // Once more: lettre does not keep whether the server knows DSN, and it may only say so after the login.
            let offered = connection.command(Ehlo::new(hello)).await?;
            let keyword = |line: &str| line.split_ascii_whitespace().next().map(str::to_ascii_uppercase);
            let dsn = offered.message().any(|line| keyword(line).as_deref() == Some("DSN"));
            Ok::<_, smtp::Error>(Ok(Self { smtp: connection, dsn, patience }))
        };
        let opened = timeout(patience.opening, opening).await;
        Ok(match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => {
                let failed = Failed::of(step, &error);
                // A server that is busy, or gone, did not judge the token (RFC 4954 §6).
                let judged = failed.code.is_some_and(|code| code >= 500);
                Err(Failed { refusal: refusal.filter(|_| judged), ..failed })
            }
            Err(_) => Err(Failed::late(step, patience.opening)),
        })
    }

    /// Hands over one message.
    pub async fn send(&mut self, envelope: &Envelope<'_>, bytes: &[u8]) -> Result<(), Failed> {
        let mail = Mail::new(envelope.sender.clone(), self.mail_parameters(envelope)?);
        self.command(Step::Sender, mail).await?;
        // A bounce is wanted, and only that (Awb 2:11; RFC 3834 §3.3 advises NEVER, from when a responder had no
        // mailbox of its own for bounces). Nobody hears of one that goes to the null return path.
        let notify = if envelope.sender.is_some() { "FAILURE" } else { "NEVER" };
        let asked = if self.dsn { vec![to_rcpt("NOTIFY", notify)] } else { Vec::new() };
        self.command(Step::Recipient, Rcpt::new(envelope.to.clone(), asked)).await?;
        self.command(Step::Data, Data).await?;
        let time = self.patience.taken;
        match timeout(time, self.smtp.message(bytes)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Failed::of(Step::Content, &error)),
            Err(_) => Err(Failed::late(Step::Content, time)),
        }
    }

    fn mail_parameters(&self, envelope: &Envelope) -> Result<Vec<MailParameter>, Failed> {
        let mut asked = Vec::new();
        if !AsRef::<str>::as_ref(envelope.to).is_ascii() {
            if !self.smtp.server_info().supports_feature(smtp::extension::Extension::SmtpUtfEight) {
                let reply = "the mail server takes no address with such letters (RFC 6531)".to_owned();
                // As the server would say of this one recipient (RFC 6531 §3.5).
                return Err(Failed { step: Step::Recipient, code: Some(553), reply, refusal: None });
            }
            asked.push(MailParameter::SmtpUtfEight);
        }
        if self.dsn {
            asked.push(to_mail("RET", "HDRS"));
            asked.push(to_mail("ENVID", &envelope.id));
        }
        Ok(asked)
    }

    async fn command(&mut self, step: Step, command: impl std::fmt::Display) -> Result<(), Failed> {
        let time = self.patience.reply;
        match timeout(time, self.smtp.command(command)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Failed::of(step, &error)),
            Err(_) => Err(Failed::late(step, time)),
        }
    }

    /// Would the server take a message from this sender? None is sent.
    pub async fn try_sender(&mut self, sender: Option<Address>) -> Result<(), Failed> {
        self.command(Step::Sender, Mail::new(sender, Vec::new())).await?;
        self.command(Step::Sender, smtp::commands::Rset).await
    }

    /// The largest message that the server takes (RFC 1870); `None`: it does not tell.
    pub async fn size_max(&mut self) -> Option<u64> {
        let asked = self.smtp.command(Ehlo::new(ClientId::default()));
        let told = timeout(self.patience.opening, asked).await.ok()?.ok()?;
        told.message().find_map(|line| line.trim().strip_prefix("SIZE")?.trim().parse().ok())
    }

    /// Does the server still listen? Also forgets a transaction that was begun (RFC 5321 §4.1.1.5).
    pub async fn is_fresh(&mut self) -> bool {
        let reset = self.smtp.command(smtp::commands::Rset);
        timeout(self.patience.opening, reset).await.is_ok_and(|reply| reply.is_ok())
    }

    /// Takes leave. What the server says to it does not matter.
    pub async fn close(mut self) {
        let _ = timeout(Duration::from_secs(5), self.smtp.quit()).await;
    }
}

fn to_mail(keyword: &str, value: &str) -> MailParameter {
    MailParameter::Other { keyword: keyword.to_owned(), value: Some(value.to_owned()) }
}

fn to_rcpt(keyword: &str, value: &str) -> RcptParameter {
    RcptParameter::Other { keyword: keyword.to_owned(), value: Some(value.to_owned()) }
}

/// The connection below, on which nothing waits for an acknowledgement (see `stream`).
async fn connected(server: (&str, u16)) -> std::io::Result<TcpStream> {
    let tcp = TcpStream::connect(server).await?;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

async fn secured(smtp: &Smtp, tcp: TcpStream) -> Result<Secured, TlsError> {
    let connector = tls::connector(smtp.ca_file.as_deref())?;
    Ok(Secured(tls::handshake(&connector, &smtp.host, "[smtp]", tcp).await?))
}

/// Whom we trust: the public authorities, and the configured one.
pub(super) fn tls_parameters(smtp: &Smtp) -> Result<TlsParameters, OutboxError> {
    let mut tls = TlsParameters::builder(smtp.host.clone());
    if let Some(path) = &smtp.ca_file {
        let fault = |source| OutboxError::Authority { path: path.clone(), source };
        let pem = std::fs::read(path).map_err(|error| fault(error.into()))?;
        let certificate = Certificate::from_pem(&pem).map_err(|error| fault(error.into()))?;
        tls = tls.add_root_certificate(certificate);
    }
    tls.build().map_err(|source| OutboxError::Tls { source })
}

/// By what a login proves itself.
enum Proof {
    None,
    Password(Credentials),
    /// The user and the token.
    Token(String, AccessToken),
}

/// User and secret as they stand now: one that was wrong is right at the next connection when somebody mended it, and
/// an access token lasts an hour.
async fn proof(smtp: &Smtp) -> Result<Proof, OutboxError> {
    let Some((user, login)) = smtp.login() else { return Ok(Proof::None) };
    let (Login::Password(secret) | Login::AccessToken(secret)) = login else { return Ok(Proof::None) };
    let copy = secret.clone();
    // A command may have to be run for it.
    let read = tokio::task::spawn_blocking(move || copy.read()).await?;
    let value = read.map_err(|source| OutboxError::Password { source })?;
    Ok(match login {
        Login::AccessToken(_) => Proof::Token(user.to_owned(), AccessToken::given("[smtp]", &value)?),
        _ => Proof::Password(Credentials::new(user.to_owned(), value.to_string())),
    })
}

/// The code before the reason why a token is not taken (RFC 4954 §4).
const CHALLENGE: u16 = 334;

/// How the server takes a token, by its answer to EHLO.
fn offered_mechanism(offered: &Response) -> Option<ByToken> {
    let auth = |line: &'_ str| {
        let (keyword, rest) = line.split_once([' ', '='])?;
        keyword.eq_ignore_ascii_case("AUTH").then(|| rest.to_owned())
    };
    let names: Vec<String> = offered.message().filter_map(auth).collect();
    ByToken::choose(names.iter().flat_map(|names| names.split_ascii_whitespace()))
}

fn no_token_login() -> Failed {
    let reply = "the server offers neither OAUTHBEARER nor XOAUTH2".to_owned();
    Failed { step: Step::Login, code: None, reply, refusal: None }
}

fn is_refused<T>(opened: &Result<T, Failed>) -> bool {
    matches!(opened, Err(Failed { refusal: Some(_), .. }))
}
