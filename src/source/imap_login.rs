//! Opening a connection with a mail server: TLS from the first byte (RFC 8314) or after STARTTLS (RFC 3501
//! §6.2.1), the greeting, and the login by password (LOGIN, or SASL PLAIN, RFC 4616).
//!
//! Invariants: nothing is said before TLS stands but STARTTLS; what was read before TLS is not believed; the
//! password is read for each login and kept nowhere.

use super::SourceError;
use super::error::said;
use super::imap_connection::Connection;
use super::tls;
use crate::config::{Mailbox, Tls};
use crate::limits::NETWORK_TIME_MAX;
use async_imap::imap_proto::{Response, Status};
use async_imap::{Authenticator, Client, Session};
use futures_util::FutureExt;
use std::io;
use std::panic::AssertUnwindSafe;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::client::TlsStream;

/// Connects, checks the certificate, logs in and asks what the server can do.
///
/// # Errors
/// Each with what the admin should do.
pub(super) async fn open(mailbox: &Mailbox) -> Result<Connection, SourceError> {
    let port = mailbox.port.unwrap_or(match mailbox.tls {
        Tls::Implicit => 993,
        Tls::Starttls => 143,
    });
    let server = format!("{}:{port}", mailbox.host);
    let server = server.as_str();
    let connector = tls::connector(mailbox.ca_file.as_deref())?;
    let password = mailbox.password.read()?;
    let until = Instant::now() + NETWORK_TIME_MAX;
    let unreachable = |source| SourceError::NotReachable { server: server.to_owned(), source };
    let connecting = timeout_at(until, TcpStream::connect((mailbox.host.as_str(), port)));
    let tcp =
        connecting.await.map_err(|_| unreachable(io::ErrorKind::TimedOut.into()))?.map_err(unreachable)?;
    tcp.set_nodelay(true).map_err(unreachable)?;
    let client = match mailbox.tls {
        Tls::Implicit => {
            let shaking = tls::handshake(&connector, &mailbox.host, server, tcp);
            let mut client = Client::new(within(until, "TLS handshake", shaking).await?);
            within(until, "greeting", greeting(&mut client, server)).await?;
            client
        }
        Tls::Starttls => {
            let mut plain = Client::new(tcp);
            within(until, "greeting", greeting(&mut plain, server)).await?;
            within(until, "STARTTLS", starttls(&mut plain)).await?;
            // `into_inner` drops what was read ahead: bytes slipped in before TLS are not believed.
            let shaking = tls::handshake(&connector, &mailbox.host, server, plain.into_inner());
            Client::new(within(until, "TLS handshake", shaking).await?)
        }
    };
    let session = within(until, "login", login(client, &mailbox.user, &password, server)).await?;
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
            // RFC 5530: these say that the fault is not in user or password.
            let passing = ["UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "too many", "Too many", "emporar"];
            if passing.iter().any(|sign| text.contains(sign)) {
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
