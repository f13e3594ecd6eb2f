//! The virus scanner: clamd, asked with INSTREAM (clamd(8)).
//!
//! Only the daemon's side speaks here; a worker has no network and asks the daemon. Invariant: bytes count as
//! clean only when clamd said so; that it could not be asked is the machine's fault and an error.

use crate::limits::{NETWORK_TIME_MAX, SCAN_TIME_MAX};
use clamav_client::tokio::{Socket, Tcp, TransportProtocol, get_version, ping, scan_buffer};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

/// Bytes that are handed to clamd at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// Characters of a signature's name that are kept.
const SIGNATURE_CHARS_MAX: usize = 80;

/// Where clamd listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clamd {
    Unix(PathBuf),
    /// Host and port.
    Tcp(String),
}

impl fmt::Display for Clamd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Clamd::Unix(path) => write!(f, "unix:{}", path.display()),
            Clamd::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

/// What clamd says of some bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    Clean,
    /// With the name of the signature.
    Infected(String),
    /// Larger than clamd takes or looks at (`StreamMaxLength`, `MaxFileSize` and their like).
    TooLarge,
}

/// The scanner could not be asked: nothing is known about the bytes.
#[derive(Debug, thiserror::Error)]
pub enum ClamdError {
    #[error("clamd at {clamd} cannot be reached")]
    Reach { clamd: Clamd, source: io::Error },
    #[error("clamd at {clamd} does not answer in time")]
    Late { clamd: Clamd },
    #[error("clamd at {clamd} answers {answer:?}")]
    Answer { clamd: Clamd, answer: String },
}

impl Clamd {
    /// # Errors
    /// When clamd cannot be asked, or fails at its work.
    pub(super) async fn scan(&self, bytes: &[u8]) -> Result<Verdict, ClamdError> {
        let scanned = async {
            match self {
                Clamd::Unix(path) => {
                    scan_buffer(bytes, Patient(Socket { socket_path: path }), Some(CHUNK_BYTES)).await
                }
                Clamd::Tcp(address) => {
                    scan_buffer(bytes, Patient(Tcp { host_address: address.as_str() }), Some(CHUNK_BYTES))
                        .await
                }
            }
        };
        let answer = self.answer(SCAN_TIME_MAX, scanned).await?;
        verdict(&answer).ok_or_else(|| ClamdError::Answer { clamd: self.clone(), answer })
    }

    /// Version of clamd and of its signatures, as it tells them: `ClamAV 1.4.3/27810/Fri Nov 20 10:41:12 2026`. The
    /// last two are missing where it has signatures of the office's own only.
    ///
    /// # Errors
    /// When clamd cannot be asked.
    pub async fn probe(&self) -> Result<String, ClamdError> {
        let (pong, version) = match self {
            Clamd::Unix(path) => {
                let socket = || Socket { socket_path: path };
                (
                    self.answer(NETWORK_TIME_MAX, ping(socket())).await?,
                    self.answer(NETWORK_TIME_MAX, get_version(socket())).await?,
                )
            }
            Clamd::Tcp(address) => {
                let tcp = || Tcp { host_address: address.as_str() };
                (
                    self.answer(NETWORK_TIME_MAX, ping(tcp())).await?,
                    self.answer(NETWORK_TIME_MAX, get_version(tcp())).await?,
                )
            }
        };
        if pong == "PONG" {
            Ok(version)
        } else {
            Err(ClamdError::Answer { clamd: self.clone(), answer: pong })
        }
    }

    /// One exchange within its time; the answer without its end mark.
    async fn answer(
        &self,
        within: Duration,
        exchange: impl Future<Output = clamav_client::IoResult>,
    ) -> Result<String, ClamdError> {
        match timeout(within, exchange).await {
            Ok(Ok(answer)) => Ok(String::from_utf8_lossy(&answer).trim_matches(['\0', '\n', ' ']).to_owned()),
            Ok(Err(source)) => Err(ClamdError::Reach { clamd: self.clone(), source }),
            Err(_) => Err(ClamdError::Late { clamd: self.clone() }),
        }
    }
}

/// What an answer to INSTREAM means; `None` when clamd failed at its work, or said what we do not know.
fn verdict(answer: &str) -> Option<Verdict> {
    if answer.contains("size limit exceeded") {
        return Some(Verdict::TooLarge);
    }
    let said = answer.strip_prefix("stream: ")?;
    if said == "OK" {
        return Some(Verdict::Clean);
    }
    let signature = said.strip_suffix(" FOUND")?;
    // With `AlertExceedsMax`: clamd gave up on something within, and says so as if it were a find.
    if signature.starts_with("Heuristics.Limits.Exceeded") {
        return Some(Verdict::TooLarge);
    }
    Some(Verdict::Infected(signature.chars().filter(|c| !c.is_control()).take(SIGNATURE_CHARS_MAX).collect()))
}

/// A connection on which clamd's last word is heard. clamd answers a piece that is too long at once and hangs up;
/// the writing then fails, and the answer would be lost with it.
struct Patient<T>(T);

impl<T: TransportProtocol<Stream: Send>> TransportProtocol for Patient<T> {
    type Stream = Heard<T::Stream>;

    async fn connect(&self) -> io::Result<Self::Stream> {
        self.0.connect().await.map(|stream| Heard { stream, hung_up: false })
    }
}

struct Heard<S> {
    stream: S,
    hung_up: bool,
}

fn is_hang_up(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_read(cx, buffer) {
            // The end of what was said. An empty answer is no verdict.
            Poll::Ready(Err(error)) if is_hang_up(&error) => Poll::Ready(Ok(())),
            other => other,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.hung_up {
            return Poll::Ready(Ok(bytes.len()));
        }
        match Pin::new(&mut this.stream).poll_write(cx, bytes) {
            Poll::Ready(Err(error)) if is_hang_up(&error) => {
                this.hung_up = true;
                Poll::Ready(Ok(bytes.len()))
            }
            other => other,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.hung_up { Poll::Ready(Ok(())) } else { Pin::new(&mut this.stream).poll_flush(cx) }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_clamd() {
        let infected = |name: &str| Some(Verdict::Infected(name.to_owned()));
        assert_eq!(verdict("stream: OK"), Some(Verdict::Clean));
        assert_eq!(verdict("stream: Win.Test.EICAR_HDB-1 FOUND"), infected("Win.Test.EICAR_HDB-1"));
        assert_eq!(verdict("stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND"), Some(Verdict::TooLarge));
        assert_eq!(verdict("INSTREAM size limit exceeded. ERROR"), Some(Verdict::TooLarge));
        // A name that looks like another answer is a name.
        assert_eq!(verdict("stream: OK FOUND"), infected("OK"));
        for unknown in ["", "stream: Can't allocate memory ERROR", "UNKNOWN COMMAND", "stream:", "OK"] {
            assert_eq!(verdict(unknown), None, "{unknown}");
        }
    }
}
