//! One exchange over HTTP/1.1 (RFC 9110, RFC 9112) as a client, within bounds: for sign-in servers, webhooks and the zaaksysteem.
//!
//! Invariants: no redirect is followed (what is sent goes where the configuration says and nowhere else); without TLS
//! only this very machine is spoken to; no bytes of either side are logged.

mod retry_after;

pub use retry_after::retry_after;

use crate::config::EndpointUrl;
use crate::limits::{TOKEN_REPLY_BYTES_MAX, TOKEN_TIME_MAX};
use crate::tls::{self, TlsError};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Header fields of an answer, and octets of its header.
const FIELDS_MAX: usize = 100;
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// What is asked.
pub struct Ask {
    pub method: Method,
    /// With credentials where there are any: these fields are in no log.
    pub fields: Vec<(HeaderName, String)>,
    pub body: Vec<u8>,
    /// From connecting to the last byte.
    time_max: Duration,
    /// Of the answer.
    reply_bytes_max: usize,
}

impl Ask {
    /// Something to read.
    pub fn get() -> Self {
        Self::new(Method::GET, Vec::new())
    }

    /// Something sent.
    pub fn post(media_type: &str, body: Vec<u8>) -> Self {
        Self::new(Method::POST, body).with(header::CONTENT_TYPE, media_type.to_owned())
    }

    fn new(method: Method, body: Vec<u8>) -> Self {
        let fields = vec![(header::ACCEPT, "application/json".into())];
        Self { method, fields, body, time_max: TOKEN_TIME_MAX, reply_bytes_max: TOKEN_REPLY_BYTES_MAX }
    }

    /// With other bounds than those of a token.
    #[must_use]
    pub fn within(self, time_max: Duration, reply_bytes_max: usize) -> Self {
        Self { time_max, reply_bytes_max, ..self }
    }

    /// What a browser would send of a form with these fields.
    pub fn form(pairs: &[(&str, &str)]) -> Self {
        let mut form = String::new();
        for (key, value) in pairs {
            add(&mut form, key, value);
        }
        Self::post("application/x-www-form-urlencoded", form.into_bytes())
    }

    /// With one more header field.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: String) -> Self {
        self.fields.push((name, value));
        self
    }
}

/// What came back.
pub struct Reply {
    pub status: u16,
    pub fields: HeaderMap,
    pub body: Vec<u8>,
}

/// What did not.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error(transparent)]
    Tls(TlsError),
    #[error("no answer: {0}")]
    Lost(#[source] io::Error),
    #[error("the answer is too large")]
    TooLarge,
}

impl From<io::Error> for AskError {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

impl From<hyper::Error> for AskError {
    /// hyper's words quote no bytes; what it wraps may be an I/O error that says more.
    fn from(error: hyper::Error) -> Self {
        Self::Lost(io::Error::other(crate::explain::with_causes(&error)))
    }
}

/// Asks once, within the bounds of what is asked. `section`: where in the configuration the endpoint stands.
///
/// # Errors
/// Nothing came back in time, or too much.
pub async fn ask(url: &EndpointUrl, tls: &TlsConnector, section: &str, ask: Ask) -> Result<Reply, AskError> {
    let time_max = ask.time_max;
    let exchange = async {
        let tcp = connect(url).await?;
        tcp.set_nodelay(true)?;
        if url.https {
            let stream = tls::handshake(tls, &url.host, section, tcp).await.map_err(AskError::Tls)?;
            talk(stream, url, ask).await
        } else {
            talk(tcp, url, ask).await
        }
    };
    timeout(time_max, exchange).await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
}

async fn connect(url: &EndpointUrl) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in lookup_host((url.host.as_str(), url.port)).await? {
        if !may(url, &address) {
            failed = io::Error::new(io::ErrorKind::PermissionDenied, "http:// is for this machine alone");
            continue;
        }
        match TcpStream::connect(address).await {
            Ok(tcp) => return Ok(tcp),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// A name of this machine may have been pointed elsewhere.
fn may(url: &EndpointUrl, address: &SocketAddr) -> bool {
    url.https || address.ip().is_loopback()
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    url: &EndpointUrl,
    ask: Ask,
) -> Result<Reply, AskError> {
    let (mut sender, connection) = http1::Builder::new()
        .max_headers(FIELDS_MAX)
        .max_buf_size(HEADER_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await?;
    let mut request = Request::builder()
        .method(ask.method)
        .uri(&url.path)
        .header(header::HOST, url.authority())
        .header(header::USER_AGENT, concat!("bode/", env!("CARGO_PKG_VERSION")))
        .header(header::CONNECTION, "close");
    for (name, value) in ask.fields {
        request = request.header(name, value);
    }
    let request = request
        .body(Full::new(Bytes::from(ask.body)))
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let asking = async {
        let response = sender.send_request(request).await?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ask.reply_bytes_max).collect().await.map_err(|error| match error
            .downcast::<hyper::Error>(
        ) {
            Ok(error) => AskError::from(*error),
            Err(_) => AskError::TooLarge,
        })?;
        Ok(Reply { status: head.status.as_u16(), fields: head.headers, body: body.to_bytes().to_vec() })
    };
    tokio::pin!(asking, connection);
    tokio::select! {
        biased;
        reply = &mut asking => reply,
        // It moves the bytes; when it ends first, what came decides.
        _ended = &mut connection => asking.await,
    }
}

/// Adds a pair to a form or query.
pub fn add(form: &mut String, key: &str, value: &str) {
    if !form.is_empty() {
        form.push('&');
    }
    form.push_str(key);
    form.push('=');
    form.push_str(&encoded(value));
}

/// As a form writes it (RFC 6749 appendix B).
pub fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                text.push(char::from(byte))
            }
            b' ' => text.push('+'),
            // Writing to a string cannot fail.
            _ => drop(write!(text, "%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_carries_every_character() {
        assert_eq!(encoded("geheim+van/de=app &%~é"), "geheim%2Bvan%2Fde%3Dapp+%26%25%7E%C3%A9");
        let ask = Ask::form(&[("a", "1"), ("b", "x y")]);
        assert_eq!(ask.body, b"a=1&b=x+y");
    }
}
