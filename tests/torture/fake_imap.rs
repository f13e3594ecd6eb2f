//! An IMAP server out of form, for what no real one can be made to do: garbage in place of answers, a message said to be
//! or sent as 2 GB, an end in the middle of one. TLS and login are real; every office may log in.

use crate::servers::MailServers;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What it does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    Garbage,
    /// A literal of 2 GB where a message of ten octets was announced, with octets that go on coming.
    HugeLiteral,
    /// The size that it tells before is 2 GB.
    HugeSize,
    CutInFetch,
    /// It says nothing any more after the login.
    Silent,
}

pub struct FakeImap {
    pub port: u16,
    /// Times that it did it.
    pub done: Arc<AtomicUsize>,
}

impl FakeImap {
    pub fn start(servers: &MailServers, wrong: Wrong) -> Self {
        let dir = servers.ca_file().parent().unwrap().to_owned();
        let chain =
            CertificateDer::pem_file_iter(dir.join("certificate.pem")).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(dir.join("key.pem")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let (config, done) = (Arc::new(config), Arc::new(AtomicUsize::new(0)));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let count = Arc::clone(&done);
        std::thread::spawn(move || {
            for tcp in listener.incoming().map_while(Result::ok) {
                let (config, count) = (Arc::clone(&config), Arc::clone(&count));
                // A client that leaves ends it.
                std::thread::spawn(move || drop(serve(tcp, config, wrong, &count)));
            }
        });
        Self { port, done }
    }
}

fn say(to: &mut impl Write, tag: &str, text: &str) -> std::io::Result<()> {
    to.write_all(text.replace("{tag}", tag).as_bytes())
}

fn serve(tcp: TcpStream, config: Arc<ServerConfig>, wrong: Wrong, done: &AtomicUsize) -> std::io::Result<()> {
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, tcp));
    stream.get_mut().write_all(b"* OK ready\r\n")?;
    let mut line = String::new();
    // The folder of the claims is empty and in order.
    let mut claims = false;
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let (tag, command) = line.trim_end().split_once(' ').unwrap_or(("*", ""));
        let command = command.to_ascii_uppercase();
        match command.split(' ').next().unwrap_or_default() {
            "CAPABILITY" => say(stream.get_mut(), tag, "* CAPABILITY IMAP4rev1 MOVE\r\n{tag} OK done\r\n")?,
            "SELECT" if command.contains("BODE-IN-GEBRUIK") => {
                claims = true;
                say(stream.get_mut(), tag, "* 0 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n{tag} OK done\r\n")?;
            }
            "APPEND" => {
                let size =
                    command.rsplit('{').next().and_then(|rest| rest.trim_end_matches('}').parse().ok());
                say(stream.get_mut(), tag, "+ go\r\n")?;
                let mut octets = vec![0; size.unwrap_or(0) + 2];
                stream.read_exact(&mut octets)?;
                say(stream.get_mut(), tag, "{tag} OK done\r\n")?;
            }
            "SELECT" => {
                claims = false;
                done.fetch_add(
                    usize::from(matches!(wrong, Wrong::Garbage | Wrong::Silent)),
                    Ordering::SeqCst,
                );
                match wrong {
                    Wrong::Garbage => {
                        say(
                            stream.get_mut(),
                            tag,
                            "* \u{0} {12 ((( \"\r\n\\\\ NIL {{{ 99999999999999999999 EXISTS\r\n",
                        )?;
                        let noise: Vec<u8> =
                            (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
                        stream.get_mut().write_all(&noise)?;
                    }
                    // Until the client has had enough of it.
                    Wrong::Silent => drop(stream.get_mut().read(&mut [0; 1])?),
                    _ => say(
                        stream.get_mut(),
                        tag,
                        "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n{tag} OK done\r\n",
                    )?,
                }
            }
            "UID" if command.starts_with("UID SEARCH") && !claims => {
                say(stream.get_mut(), tag, "* SEARCH 1 2\r\n{tag} OK done\r\n")?
            }
            "UID" if command.contains("RFC822.SIZE") => {
                let size = if wrong == Wrong::HugeSize { "2147483648" } else { "10" };
                done.fetch_add(usize::from(wrong == Wrong::HugeSize), Ordering::SeqCst);
                for uid in 1..=2 {
                    say(
                        stream.get_mut(),
                        tag,
                        &format!(
                            "* {uid} FETCH (UID {uid} RFC822.SIZE {size} INTERNALDATE \"02-Mar-2026 10:00:00 +0100\")\r\n"
                        ),
                    )?;
                }
                say(stream.get_mut(), tag, "{tag} OK done\r\n")?;
            }
            "UID" if command.contains("BODY.PEEK[]") => {
                done.fetch_add(1, Ordering::SeqCst);
                if wrong == Wrong::CutInFetch {
                    say(stream.get_mut(), tag, "* 1 FETCH (UID 1 BODY[] {10}\r\n01234")?;
                    return Ok(());
                }
                say(stream.get_mut(), tag, "* 1 FETCH (UID 1 BODY[] {2147483648}\r\n")?;
                let octets = vec![b'x'; 1 << 20];
                for _ in 0..2048 {
                    stream.get_mut().write_all(&octets)?;
                }
                say(stream.get_mut(), tag, ")\r\n{tag} OK done\r\n")?;
            }
            _ => say(stream.get_mut(), tag, "{tag} OK done\r\n")?,
        }
    }
}
