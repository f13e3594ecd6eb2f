//! TLS as a client (RFC 8314, RFC 9325), for the mailbox and for the sign-in: rustls, the public certification
//! authorities of Mozilla, and a private one that the configuration names.
//!
//! Invariant: there is no way to skip the check of a certificate.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
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
    let stream = connector.connect(name, tcp).await.map_err(|error| refused(section, error))?;
    if let Some(certificate) = stream.get_ref().1.peer_certificates().and_then(<[_]>::first) {
        note_certificate(section, certificate);
    }
    Ok(stream)
}

/// Until when the certificates hold that servers showed last in this process, by the server's name ([`server`]). One for all:
/// the connections are made in several rooms, and who watches asks for all of them.
static SHOWN: Mutex<BTreeMap<String, Timestamp>> = Mutex::new(BTreeMap::new());

/// Notes until when a server's certificate holds. `section`: where in the configuration the server stands.
pub fn note_certificate(section: &str, certificate: &[u8]) {
    if let Some(end) = valid_until(certificate) {
        SHOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(server(section), end);
    }
}

/// How people name a server, from where it stands in the configuration: `mailbox` for `[mailbox]`, `webhook desk` for
/// `[[webhooks]] desk`, one of several.
fn server(section: &str) -> String {
    match section.strip_prefix("[[").and_then(|several| several.split_once("s]] ")) {
        Some((one, name)) => format!("{one} {name}"),
        None => section.trim_matches(['[', ']']).to_owned(),
    }
}

/// What [`note_certificate`] noted.
pub fn certificates() -> BTreeMap<String, Timestamp> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The end of a certificate's validity (RFC 5280 §4.1.2.5), which rustls keeps to itself. It was checked before: this reads one
/// field of it, and gives `None` for whatever is not as the RFC has it.
pub fn valid_until(certificate: &[u8]) -> Option<Timestamp> {
    const SEQUENCE: u8 = 0x30;
    let (_, certificate, _) = der(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, mut rest, _) = der(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
    // version [0] where it is not 1, serialNumber, signature, issuer, validity.
    let mut fields = 0;
    let validity = loop {
        let (tag, body, after) = der(rest)?;
        if tag != 0xa0 {
            fields += 1;
        }
        if fields == 4 {
            break body;
        }
        rest = after;
    };
    let (_, _, not_after) = der(validity)?;
    let (tag, text, _) = der(not_after)?;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let text = match tag {
        // UTCTime: years from 1950 on.
        0x17 if text.get(..2)? < "50" => format!("20{text}"),
        0x17 => format!("19{text}"),
        0x18 => text.to_owned(),
        _ => return None,
    };
    let told = DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    told.to_zoned(TimeZone::UTC).ok().map(|told| told.timestamp())
}

/// Tag, contents and what comes after, of one value in DER (X.690) with a length of at most four octets.
fn der(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), rest)
        }
        _ => return None,
    };
    let (body, after) = rest.split_at_checked(length)?;
    Some((tag, body, after))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// As `openssl x509 -enddate` tells it, for each authority whose certificate this machine has.
    #[test]
    fn the_end_of_a_certificate_is_what_openssl_says() {
        let Ok(file) = std::fs::read("/etc/ssl/certs/ca-certificates.crt") else { return };
        let mut looked = 0;
        for certificate in CertificateDer::pem_slice_iter(&file).take(12) {
            let certificate = certificate.unwrap();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("one.der");
            std::fs::write(&path, &certificate).unwrap();
            let told = std::process::Command::new("openssl")
                .args(["x509", "-inform", "der", "-noout", "-enddate", "-dateopt", "iso_8601", "-in"])
                .arg(&path)
                .output()
                .unwrap();
            let told = String::from_utf8(told.stdout).unwrap();
            let end = told.trim().strip_prefix("notAfter=").unwrap().replace(' ', "T");
            assert_eq!(valid_until(&certificate), Some(end.parse().unwrap()), "{told}");
            looked += 1;
        }
        assert!(looked > 0);
    }

    #[test]
    fn a_server_is_named_as_people_do() {
        for (section, name) in [
            ("[mailbox]", "mailbox"),
            ("[oauth.post]", "oauth.post"),
            ("zaaksysteem.zaken", "zaaksysteem.zaken"),
            ("[[webhooks]] zaak-vlag", "webhook zaak-vlag"),
        ] {
            assert_eq!(server(section), name);
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        for bytes in [&b""[..], b"0", b"\x30\x84\xff\xff\xff\xff", b"\x30\x02\x30\x00", &[0x30; 64]] {
            assert_eq!(valid_until(bytes), None);
        }
    }
}
