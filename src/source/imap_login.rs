//! Opening a connection with a mail server: TLS from the first byte (RFC 8314) or after STARTTLS (RFC 3501
//! §6.2.1), the greeting, and the login: by password (LOGIN, or SASL PLAIN, RFC 4616) or by token (SASL OAUTHBEARER, RFC
//! 7628, or XOAUTH2).
//!
//! Invariants: nothing is said before TLS stands but STARTTLS; what was read before TLS is not believed; the
//! password is read for each login and kept nowhere; a token that the server refuses is renewed once, then there is a pause.

use super::SourceError;
use super::error::{said, throttle};
use super::imap_connection::Connection;
use crate::config::{Login, Mailbox, Secret, SecretError, Tls};
use crate::limits::NETWORK_TIME_MAX;
use crate::oauth::{AccessToken, Mechanism, Refusal, SignIn};
use crate::tls;
use async_imap::imap_proto::{Response, Status};
use async_imap::{Authenticator, Client, Session};
use futures_util::FutureExt;
use std::io;
use std::panic::AssertUnwindSafe;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::client::TlsStream;
use zeroize::Zeroizing;

/// Octets of the answer to CAPABILITY: Gmail's has 500.
const CAPABILITY_BYTES_MAX: u64 = 64 * 1024;

/// By what this login proves itself.
enum Proof {
    Password(Zeroizing<String>),
    Token(AccessToken),
}

/// Connects, checks the certificate, logs in and asks what the server can do.
///
/// # Errors
/// Each with what the admin should do.
pub(super) async fn open(mailbox: &Mailbox, sign_in: Option<&SignIn>) -> Result<Connection, SourceError> {
    let Some(sign_in) = sign_in else {
        return connect(mailbox, &proof(mailbox).await?).await;
    };
    let token = sign_in.token().await?;
    let fresh = token.is_fresh();
    let opened = connect(mailbox, &Proof::Token(token.clone())).await;
    if !matches!(opened, Err(SourceError::TokenRefused { .. })) {
        return opened;
    }
    sign_in.refused(&token);
    if fresh {
        return opened;
    }
    // It may have been revoked before its end, or this machine slept: once more, with one that is surely new.
    let token = sign_in.token().await?;
    let opened = connect(mailbox, &Proof::Token(token.clone())).await;
    if matches!(opened, Err(SourceError::TokenRefused { .. })) {
        sign_in.refused(&token);
    }
    opened
}

/// What the configuration names, as it stands now: one that was wrong is right at the next login when somebody mended it.
async fn proof(mailbox: &Mailbox) -> Result<Proof, SourceError> {
    // A command may have to be run for it.
    let read = async |secret: &Secret| {
        let secret = secret.clone();
        Ok::<_, SourceError>(tokio::task::spawn_blocking(move || secret.read()).await??)
    };
    match mailbox.login() {
        Some(Login::Password(secret)) => Ok(Proof::Password(read(secret).await?)),
        Some(Login::AccessToken(secret)) => {
            Ok(Proof::Token(AccessToken::given("[mailbox]", &read(secret).await?)?))
        }
        Some(Login::SignIn(_)) | None => Err(SecretError::Empty("[mailbox]".to_owned()).into()),
    }
}

async fn connect(mailbox: &Mailbox, proof: &Proof) -> Result<Connection, SourceError> {
    let port = mailbox.port.unwrap_or(match mailbox.tls {
        Tls::Implicit => 993,
        Tls::Starttls => 143,
    });
    let server = format!("{}:{port}", mailbox.host);
    let server = server.as_str();
    let no_tls = |error| SourceError::from_tls(server, error);
    let connector = tls::connector(mailbox.ca_file.as_deref()).map_err(no_tls)?;
    let until = Instant::now() + NETWORK_TIME_MAX;
    let unreachable = |source| SourceError::NotReachable { server: server.to_owned(), source };
    let connecting = timeout_at(until, TcpStream::connect((mailbox.host.as_str(), port)));
    let tcp =
        connecting.await.map_err(|_| unreachable(io::ErrorKind::TimedOut.into()))?.map_err(unreachable)?;
    tcp.set_nodelay(true).map_err(unreachable)?;
    let shaken =
        async |tcp| tls::handshake(&connector, &mailbox.host, "[mailbox]", tcp).await.map_err(no_tls);
    let client = match mailbox.tls {
        Tls::Implicit => {
            let mut client = Client::new(within(until, "TLS handshake", shaken(tcp)).await?);
            within(until, "greeting", greeting(&mut client, server)).await?;
            client
        }
        Tls::Starttls => {
            let mut plain = Client::new(tcp);
            within(until, "greeting", greeting(&mut plain, server)).await?;
            within(until, "STARTTLS", starttls(&mut plain)).await?;
            // `into_inner` drops what was read ahead: bytes slipped in before TLS are not believed.
            Client::new(within(until, "TLS handshake", shaken(plain.into_inner())).await?)
        }
    };
    let session = match proof {
        Proof::Password(password) => {
            within(until, "login", login(client, &mailbox.user, password, server)).await?
        }
        Proof::Token(token) => {
            let at = (mailbox.host.as_str(), port);
            within(until, "login", by_token(client, &mailbox.user, token, at)).await?
        }
    };
    Connection::over(session).await
}

/// Bounds a step of opening a connection, and keeps a panic of the parser below from going further.
async fn within<T>(
    until: Instant,
    during: &'static str,
    step: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, SourceError> {
    match timeout_at(until, AssertUnwindSafe(step).catch_unwind()).await {
        Ok(Ok(done)) => done,
        Ok(Err(_)) => Err(SourceError::Protocol { during, said: "an answer out of form".to_owned() }),
        Err(_) => Err(SourceError::too_late(during)),
    }
}

async fn starttls(plain: &mut Client<TcpStream>) -> Result<(), SourceError> {
    plain
        .run_command_and_check_ok("STARTTLS", None)
        .await
        .map_err(|error| SourceError::from_imap("STARTTLS", error))
}

/// The server's greeting (RFC 3501 §7.1): only `OK` lets us go on.
async fn greeting<T>(client: &mut Client<T>, server: &str) -> Result<(), SourceError>
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + std::fmt::Debug + Send,
{
    match client.read_response().await {
        Ok(Some(response)) => match response.parsed() {
            Response::Data { status: Status::Ok, .. } => Ok(()),
            Response::Data { status: Status::Bye, outcome } => Err(SourceError::Busy {
                server: server.to_owned(),
                said: said(outcome.information.as_deref().unwrap_or_default()),
            }),
            _ => Err(SourceError::Protocol { during: "connect", said: "no greeting of IMAP".to_owned() }),
        },
        Ok(None) => Err(SourceError::closed("connect")),
        Err(error) => Err(SourceError::from_io("connect", &error)),
    }
}

async fn login(
    client: Client<TlsStream<TcpStream>>,
    user: &str,
    password: &str,
    server: &str,
) -> Result<Session<TlsStream<TcpStream>>, SourceError> {
    use async_imap::error::Error;
    // LOGIN carries ASCII only; SASL PLAIN (RFC 4616) carries UTF-8, and is what is left where LOGIN is off.
    let ascii = user.is_ascii() && password.is_ascii();
    let failed = if ascii {
        match client.login(user, password).await {
            Ok(session) => return Ok(session),
            Err((Error::Bad(_), client)) => {
                client.authenticate("PLAIN", Plain { user, password }).await.err_or()
            }
            Err((error, _)) => Err(error),
        }
    } else {
        client.authenticate("PLAIN", Plain { user, password }).await.err_or()
    };
    failed.map_err(|error| match error {
        Error::No(text) | Error::Bad(text) => {
            let text = said(&text);
            if is_passing(&text) {
                SourceError::Busy { server: server.to_owned(), said: text }
            } else {
                SourceError::WrongLogin { server: server.to_owned(), said: text }
            }
        }
        Error::Validate(_) => SourceError::WrongLogin {
            server: server.to_owned(),
            said: "user or password holds a line end; it was not sent".to_owned(),
        },
        other => SourceError::from_imap("login", other),
    })
}

/// RFC 5530: these say that the fault is not in user, password or token.
fn is_passing(text: &str) -> bool {
    let passing = ["UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "too many", "Too many", "emporar"];
    throttle(text).is_some() || passing.iter().any(|sign| text.contains(sign))
}

/// SASL with a token. The reason that the server gives before its NO is kept for the admin.
async fn by_token(
    client: Client<TlsStream<TcpStream>>,
    user: &str,
    token: &AccessToken,
    at: (&str, u16),
) -> Result<Session<TlsStream<TcpStream>>, SourceError> {
    use async_imap::error::Error;
    let server = format!("{}:{}", at.0, at.1);
    let mut stream = client.into_inner();
    let offered = mechanisms(&mut stream).await?;
    let Some(mechanism) = Mechanism::choose(offered.iter().map(String::as_str)) else {
        return Err(SourceError::NoTokenLogin { server });
    };
    let client = Client::new(stream);
    let mut refusal = Refusal::default();
    let bearer = Bearer { mechanism, first: Some(mechanism.first(user, at, token)), refusal: &mut refusal };
    client.authenticate(mechanism.name(), bearer).await.err_or().map_err(|error| match error {
        Error::No(text) | Error::Bad(text) if is_passing(&text) => {
            SourceError::Busy { server, said: said(&text) }
        }
        Error::No(_) | Error::Bad(_) => SourceError::TokenRefused { server, refusal },
        other => SourceError::from_imap("login", other),
    })
}

/// The SASL mechanisms that the server offers now that TLS stands (RFC 3501 §6.1.1). By hand: the crate asks for
/// capabilities after the login only.
async fn mechanisms(stream: &mut TlsStream<TcpStream>) -> Result<Vec<String>, SourceError> {
    const DURING: &str = "CAPABILITY";
    let lost = |error: io::Error| SourceError::from_io(DURING, &error);
    stream.write_all(b"bode CAPABILITY\r\n").await.map_err(lost)?;
    stream.flush().await.map_err(lost)?;
    let mut lines = BufReader::new(stream.take(CAPABILITY_BYTES_MAX)).lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next_line().await.map_err(lost)? {
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next().map(str::to_ascii_uppercase).as_deref()) {
            (Some("*"), Some("CAPABILITY")) => {
                let auth = |word: &str| {
                    let (key, name) = word.split_once('=')?;
                    key.eq_ignore_ascii_case("AUTH").then(|| name.to_owned())
                };
                found.extend(words.filter_map(auth));
            }
            (Some("bode"), Some("OK")) => return Ok(found),
            (Some("bode"), _) => return Err(SourceError::refused(DURING, said(&line))),
            (Some("*"), Some("BYE")) => return Err(SourceError::closed(DURING)),
            _ => {}
        }
    }
    Err(SourceError::closed(DURING))
}

/// Drops the client that the crate hands back beside an error.
trait ErrOr<S> {
    fn err_or(self) -> Result<S, async_imap::error::Error>;
}

impl<S, C> ErrOr<S> for Result<S, (async_imap::error::Error, C)> {
    fn err_or(self) -> Result<S, async_imap::error::Error> {
        self.map_err(|(error, _)| error)
    }
}

/// SASL PLAIN (RFC 4616).
struct Plain<'a> {
    user: &'a str,
    password: &'a str,
}

impl Authenticator for Plain<'_> {
    type Response = String;

    fn process(&mut self, _challenge: &[u8]) -> String {
        format!("\0{}\0{}", self.user, self.password)
    }
}

/// OAUTHBEARER and XOAUTH2: the token first, then, if the server gives a reason, the word that ends it.
struct Bearer<'a> {
    mechanism: Mechanism,
    /// Until it was said.
    first: Option<String>,
    refusal: &'a mut Refusal,
}

impl Authenticator for Bearer<'_> {
    type Response = String;

    fn process(&mut self, challenge: &[u8]) -> String {
        self.first.take().unwrap_or_else(|| {
            *self.refusal = Refusal::of(challenge);
            self.mechanism.after_refusal().to_owned()
        })
    }
}
