//! TLS for the mailbox (RFC 8314, RFC 9325): rustls, the public certification authorities of Mozilla, and a
//! private one that the configuration names.
//!
//! Invariant: there is no way to skip the check of a certificate.

use super::SourceError;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error, RootCertStore};

/// A connector that trusts the public authorities and those in `ca_file` (PEM).
///
/// # Errors
/// When the file cannot be read, or holds no usable certificate.
pub(super) fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, SourceError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca_file {
        let refuse = |reason: String| SourceError::CaFile { path: path.to_owned(), reason };
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| refuse(error.to_string()))?;
        let mut count = 0;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
            roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
            count += 1;
        }
        if count == 0 {
            return Err(refuse("it holds no certificate in PEM form".to_owned()));
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| SourceError::Protocol { during: "TLS", said: error.to_string() })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The handshake, over a connection that is there.
///
/// # Errors
/// `CertificateRefused` with what to do, or the connection's failure.
pub(super) async fn handshake(
    connector: &TlsConnector,
    host: &str,
    server: &str,
    tcp: TcpStream,
) -> Result<TlsStream<TcpStream>, SourceError> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| SourceError::NotReachable {
        server: server.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidInput, "host is neither a name nor an address"),
    })?;
    connector.connect(name, tcp).await.map_err(|error| refused(server, error))
}

fn refused(server: &str, error: io::Error) -> SourceError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let reason = match tls {
        Some(Error::InvalidCertificate(fault)) => match fault {
            CertificateError::UnknownIssuer => {
                "no certification authority that is trusted here signed it; name the file of a private one as \
                 ca_file under [mailbox]"
                    .to_owned()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "it has expired; the mail server needs a new one (or the clock of this machine is wrong)"
                    .to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "it is for another name; host under [mailbox] must be the name in the certificate".to_owned()
            }
            // webpki's reason comes wrapped; it has no variant of its own here.
            other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
                "the server shows the certificate of an authority itself; it needs one of its own, signed by \
                 that authority (or self-signed with CA:FALSE)"
                    .to_owned()
            }
            other => other.to_string(),
        },
        Some(Error::InvalidMessage(_)) => {
            return SourceError::NotReachable {
                server: server.to_owned(),
                source: io::Error::new(
                    io::ErrorKind::InvalidData,
                    "it does not speak TLS on this port (tls = \"starttls\" is port 143, \"implicit\" 993)",
                ),
            };
        }
        Some(other) => {
            return SourceError::NotReachable {
                server: server.to_owned(),
                source: io::Error::other(other.to_string()),
            };
        }
        None => return SourceError::NotReachable { server: server.to_owned(), source: error },
    };
    SourceError::CertificateRefused { server: server.to_owned(), reason }
}
