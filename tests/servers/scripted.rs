//! Servers by a script, over TLS with the certificate of our real ones: for what no real server can be made to say.

use super::MailServers;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A client that has connected.
pub type Line = BufReader<StreamOwned<ServerConnection, TcpStream>>;

/// Serves each client by `serve`, on a thread of its own; the port.
pub fn tls(
    servers: &MailServers,
    serve: impl Fn(&mut Line) -> io::Result<()> + Send + Sync + 'static,
) -> u16 {
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
    let (config, serve) = (Arc::new(config), Arc::new(serve));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for tcp in listener.incoming().map_while(Result::ok) {
            let (config, serve) = (Arc::clone(&config), Arc::clone(&serve));
            std::thread::spawn(move || {
                let connection = ServerConnection::new(config).unwrap();
                // A client that leaves ends it.
                let _ = serve(&mut BufReader::new(StreamOwned::new(connection, tcp)));
            });
        }
    });
    port
}

/// One line of the client, without its end; `None`: it left.
fn line(client: &mut Line) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = client.read_line(&mut line)?;
    Ok((read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// A submission server (RFC 6409) that says to each line what the script says.
pub fn smtp(servers: &MailServers, answer: fn(&str) -> &'static str) -> u16 {
    tls(servers, move |client| {
        client.get_mut().write_all(b"220 smtp.example.nl\r\n")?;
        while let Some(line) = line(client)? {
            client.get_mut().write_all(answer(&line).as_bytes())?;
        }
        Ok(())
    })
}

/// What a script has done with a command of IMAP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    Said,
    /// Nothing: it is answered as usual.
    Usual,
    /// The line is cut.
    End,
}

/// An IMAP server (RFC 3501) that anybody may log in to, with two messages of ten octets, but for what the script says to a
/// command: its tag and its words.
pub fn imap(
    servers: &MailServers,
    script: impl Fn(&mut Line, &str, &str) -> io::Result<Reply> + Send + Sync + 'static,
) -> u16 {
    tls(servers, move |client| {
        client.get_mut().write_all(b"* OK ready\r\n")?;
        // The folder of the claims is empty and in order.
        let mut claims = false;
        while let Some(line) = line(client)? {
            let (tag, command) = line.split_once(' ').unwrap_or((&line, &line));
            let upper = command.to_ascii_uppercase();
            if upper.starts_with("SELECT") {
                claims = upper.contains("BODE-IN-GEBRUIK");
            }
            if upper.starts_with("APPEND") {
                let size = upper.rsplit('{').next().and_then(|rest| rest.trim_end_matches('}').parse().ok());
                say(client, tag, "+ go\r\n")?;
                client.read_exact(&mut vec![0; size.unwrap_or(0) + 2])?;
                say(client, tag, "{tag} OK done\r\n")?;
            } else if claims && upper.starts_with("SELECT") {
                say(client, tag, "* 0 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n{tag} OK done\r\n")?;
            } else if claims {
                say(client, tag, "{tag} OK done\r\n")?;
            } else {
                match script(client, tag, command)? {
                    Reply::Said => {}
                    Reply::Usual => say(client, tag, usual(&upper))?,
                    Reply::End => return Ok(()),
                }
            }
        }
        Ok(())
    })
}

/// `{tag}` stands for the tag of the client.
pub fn say(client: &mut Line, tag: &str, text: &str) -> io::Result<()> {
    client.get_mut().write_all(text.replace("{tag}", tag).as_bytes())
}

fn usual(command: &str) -> &'static str {
    match command.split(' ').next().unwrap_or_default() {
        "CAPABILITY" => "* CAPABILITY IMAP4rev1 MOVE\r\n{tag} OK done\r\n",
        "SELECT" => "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n{tag} OK done\r\n",
        "UID" if command.starts_with("UID SEARCH") => "* SEARCH 1 2\r\n{tag} OK done\r\n",
        "UID" if command.contains("RFC822.SIZE") => {
            "* 1 FETCH (UID 1 RFC822.SIZE 10 INTERNALDATE \"02-Mar-2026 10:00:00 +0100\")\r\n\
             * 2 FETCH (UID 2 RFC822.SIZE 10 INTERNALDATE \" 2-Mar-2026 10:00:00 +0100\")\r\n{tag} OK done\r\n"
        }
        "UID" if command.contains("BODY.PEEK[]") => {
            "* 1 FETCH (UID 1 BODY[] {10}\r\n0123456789)\r\n* 2 FETCH (UID 2 BODY[] {10}\r\n0123456789)\r\n\
             {tag} OK done\r\n"
        }
        _ => "{tag} OK done\r\n",
    }
}
