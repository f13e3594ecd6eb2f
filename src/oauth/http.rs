//! One POST of a form over HTTP/1.1 (RFC 9110, RFC 9112), and its answer, within bounds.
//!
//! Invariants: no redirect is followed (a form with a secret goes where the configuration says and nowhere else);
//! without TLS only this very machine is spoken to; no bytes of either side are logged.

use crate::config::EndpointUrl;
use crate::limits::{TOKEN_REPLY_BYTES_MAX, TOKEN_TIME_MAX};
use crate::tls::{self, TlsError};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Header fields of an answer, and octets of its header.
const FIELDS_MAX: usize = 100;
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// What came back.
pub(super) struct Reply {
    pub status: u16,
    pub fields: HeaderMap,
    pub body: Vec<u8>,
}

/// What did not.
pub(super) enum PostError {
    Tls(TlsError),
    Lost(io::Error),
    TooLarge,
}

impl From<io::Error> for PostError {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

impl From<hyper::Error> for PostError {
    /// hyper's words quote no bytes; what it wraps may be an I/O error that says more.
    fn from(error: hyper::Error) -> Self {
        Self::Lost(io::Error::other(crate::explain::with_causes(&error)))
    }
}

/// Posts a form. `section`: where in the configuration the endpoint stands.
pub(super) async fn post(
    url: &EndpointUrl,
    tls: &TlsConnector,
    section: &str,
    authorization: Option<String>,
    form: String,
) -> Result<Reply, PostError> {
    let exchange = async {
        let tcp = connect(url).await?;
        tcp.set_nodelay(true)?;
        if url.https {
            let stream = tls::handshake(tls, &url.host, section, tcp).await.map_err(PostError::Tls)?;
            talk(stream, url, authorization, form).await
        } else {
            talk(tcp, url, authorization, form).await
        }
    };
    timeout(TOKEN_TIME_MAX, exchange)
        .await
        .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
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
    authorization: Option<String>,
    form: String,
) -> Result<Reply, PostError> {
    let (mut sender, connection) = http1::Builder::new()
        .max_headers(FIELDS_MAX)
        .max_buf_size(HEADER_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await?;
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(&url.path)
        .header(header::HOST, url.authority())
        .header(header::USER_AGENT, concat!("bode/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::CONNECTION, "close");
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let request = request
        .body(Full::new(Bytes::from(form)))
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let asking = async {
        let response = sender.send_request(request).await?;
        let (head, body) = response.into_parts();
        let body =
            Limited::new(body, TOKEN_REPLY_BYTES_MAX).collect().await.map_err(|error| match error
                .downcast::<hyper::Error>()
            {
                Ok(error) => PostError::from(*error),
                Err(_) => PostError::TooLarge,
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
