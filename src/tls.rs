//! TLS as a client (RFC 8314, RFC 9325), for the mailbox and for the sign-in: rustls, the public certification
//! authorities of Mozilla, and a private one that the configuration names.
//!
//! Invariant: there is no way to skip the check of a certificate.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error, RootCertStore};

/// Why TLS does not stand.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("the file of the certification authority {path} (ca_file) cannot be used: {reason}")]
    CaFile { path: PathBuf, reason: String },
    #[error("the certificate is refused: {reason}")]
    Refused { reason: String },
    #[error("it does not speak TLS on this port")]
    NotTls,
    #[error(transparent)]
    Lost(io::Error),
}

/// A connector that trusts the public authorities and those in `ca_file` (PEM).
///
/// # Errors
/// When the file cannot be read, or holds no usable certificate.
pub fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, TlsError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca_file {
        let refuse = |reason: String| TlsError::CaFile { path: path.to_owned(), reason };
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
        .map_err(|error| TlsError::Lost(io::Error::other(error.to_string())))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The handshake, over a connection that is there. `section`: where in the configuration the server stands, for what
/// the admin is told.
///
/// # Errors
/// [`TlsError::Refused`] with what to do, or the connection's failure.
pub async fn handshake(
    connector: &TlsConnector,
    host: &str,
    section: &str,
    tcp: TcpStream,
) -> Result<TlsStream<TcpStream>, TlsError> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| {
        TlsError::Lost(io::Error::new(io::ErrorKind::InvalidInput, "host is neither a name nor an address"))
    })?;
    connector.connect(name, tcp).await.map_err(|error| refused(section, error))
}

fn refused(section: &str, error: io::Error) -> TlsError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let reason = match tls {
        Some(Error::InvalidCertificate(fault)) => match fault {
            CertificateError::UnknownIssuer => format!(
                "no certification authority that is trusted here signed it; name the file of a private one as ca_file \
                 under {section}"
            ),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "it has expired; the server needs a new one (or the clock of this machine is wrong)"
                    .to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!(
                    "it is for another name; the host under {section} must be the name in the certificate"
                )
            }
            // webpki's reason comes wrapped; it has no variant of its own here.
            other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
                "the server shows the certificate of an authority itself; it needs one of its own, signed by \
                 that authority (or self-signed with CA:FALSE)"
                    .to_owned()
            }
            other => other.to_string(),
        },
        Some(Error::InvalidMessage(_)) => return TlsError::NotTls,
        Some(other) => return TlsError::Lost(io::Error::other(other.to_string())),
        None => return TlsError::Lost(error),
    };
    TlsError::Refused { reason }
}
