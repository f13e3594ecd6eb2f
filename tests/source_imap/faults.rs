//! What goes wrong between us and a mail server: connections cut at any byte, and servers out of form.

use super::servers::scripted::{self, Reply, say};
use super::servers::{MailServers, OFFICE, PASSWORD};
use super::{WRITER, durable, text};
use bode::config::{Mailbox, Secret, Tls};
use bode::source::{Imap, ImapBounds, Source, SourceError};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

/// Stands before a server and cuts each of its first connections after so many bytes of the server's.
fn cutting_proxy(server: u16, cuts: Vec<usize>) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let number = count.fetch_add(1, Ordering::SeqCst);
            let budget = cuts.get(number).copied().unwrap_or(usize::MAX);
            let (client, upstream) = (client.unwrap(), TcpStream::connect(("127.0.0.1", server)).unwrap());
            let (from_client, to_server) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
            std::thread::spawn(move || pass(from_client, to_server, usize::MAX));
            std::thread::spawn(move || pass(upstream, client, budget));
        }
    });
    (port, served)
}

fn pass(mut from: TcpStream, mut to: TcpStream, mut budget: usize) {
    let mut buffer = [0; 1024];
    while budget > 0
        && let Ok(count) = from.read(&mut buffer)
        && count > 0
    {
        let count = count.min(budget);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
        budget -= count;
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_at_any_byte_loses_and_doubles_nothing() {
    const MESSAGES: u32 = 40;
    let servers = MailServers::start();
    for number in 1..=MESSAGES {
        let message = format!("From: {WRITER}\r\n\r\n{}\r\nNummer {number}.\r\n", "regel\r\n".repeat(400));
        servers.lay(&format!("{number:04}.test"), message.as_bytes(), SystemTime::now());
    }
    // A fixed sequence: up to 20 kB, so that greetings, sizes, messages and moves are all hit.
    let mut state = 1_u64;
    let cuts: Vec<usize> = (0..40)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            1_000 + (state >> 33) as usize % 20_000
        })
        .collect();
    let (port, served) = cutting_proxy(servers.ports.imaps, cuts.clone());
    let mailbox = Mailbox { port: Some(port), ..servers.mailbox(Tls::Implicit) };
    let bounds = ImapBounds { batch_pieces_max: 12, ..ImapBounds::default() };
    let mut source = Imap::new(&mailbox, None).with_bounds(bounds);
    let mut taken: BTreeMap<String, u32> = BTreeMap::new();
    let mut failures = 0;
    loop {
        match source.poll().await {
            Ok(pieces) if pieces.is_empty() => {
                if servers.mailbox_messages(OFFICE).is_empty() || !source.troubles().is_empty() {
                    break;
                }
            }
            Ok(pieces) => {
                for piece in &pieces {
                    assert!(text(piece).starts_with("From: ") && text(piece).ends_with(".\r\n"), "whole");
                    *taken.entry(text(piece)).or_default() += 1;
                }
                if source.settle(durable(&pieces)).await.is_err() {
                    failures += 1;
                }
            }
            Err(error) => {
                assert!(error.is_passing() || matches!(error, SourceError::Protocol { .. }), "{error:?}");
                failures += 1;
            }
        }
    }
    assert!(source.troubles().is_empty(), "{:?}", source.troubles());
    assert_eq!(taken.len(), MESSAGES as usize, "each was given");
    assert_eq!(servers.folder_messages(OFFICE, "Verwerkt").len(), MESSAGES as usize, "each was moved once");
    // What is settled is owed, not given again, whatever was cut in between.
    assert!(taken.values().all(|times| *times == 1), "{:?}", taken.values());
    assert!(failures > 2 && served.load(Ordering::SeqCst) > 8, "the proxy did cut: {failures}");
}

/// A server that answers each command by a script; `{tag}` stands for the client's tag.
fn scripted(servers: &MailServers, answer: fn(&str) -> &'static str) -> Mailbox {
    let port = scripted::imap(servers, move |client, tag, command| match answer(command) {
        "" => Ok(Reply::Usual),
        reply => say(client, tag, reply).map(|()| Reply::Said),
    });
    Mailbox { port: Some(port), ..servers.mailbox(Tls::Implicit) }
}

#[tokio::test]
async fn servers_out_of_form() {
    let servers = MailServers::start();
    let mailbox = scripted(&servers, |_| "");
    assert_eq!(Imap::new(&mailbox, None).poll().await.unwrap().len(), 2, "the script itself is well");

    // A panic of the parser below costs the connection only.
    let mailbox = scripted(&servers, |command| match command {
        _ if command.contains("INTERNALDATE") => {
            "* 1 FETCH (UID 1 RFC822.SIZE 10 INTERNALDATE NIL)\r\n{tag} OK\r\n"
        }
        _ => "",
    });
    let error = Imap::new(&mailbox, None).poll().await.unwrap_err();
    assert!(matches!(error, SourceError::Protocol { .. }), "{error:?}");

    // One message does not come: the other does, and after three times it is told.
    let mailbox = scripted(&servers, |command| match command {
        _ if command.contains("BODY.PEEK[]") && command.contains('1') => {
            "* 1 FETCH (UID 1 BODY[] {10}\r\n0123456789)\r\n{tag} NO [SERVERBUG] some failed\r\n"
        }
        _ if command.contains("BODY.PEEK[]") => "{tag} NO [SERVERBUG] some failed\r\n",
        _ => "",
    });
    let mut source = Imap::new(&mailbox, None);
    for _ in 0..3 {
        let pieces = source.poll().await.unwrap();
        assert_eq!(pieces.len(), 1);
    }
    let pieces = source.poll().await.unwrap();
    source.settle(durable(&pieces)).await.unwrap();
    let troubles = source.troubles();
    assert!(troubles.len() == 1 && troubles[0].reference == "uid 2", "{troubles:?}");
    assert!(troubles[0].reason.contains("niet worden opgehaald"));

    // A size that was a lie.
    let mailbox = scripted(&servers, |_| "");
    let bounds = ImapBounds { piece_bytes_max: 10, ..ImapBounds::default() };
    assert_eq!(Imap::new(&mailbox, None).with_bounds(bounds).poll().await.unwrap().len(), 2);
    let mailbox = scripted(&servers, |command| match command {
        _ if command.contains("BODY.PEEK[]") => {
            "* 1 FETCH (UID 1 BODY[] {11}\r\n0123456789A)\r\n{tag} OK\r\n"
        }
        _ => "",
    });
    let mut source = Imap::new(&mailbox, None).with_bounds(bounds);
    assert!(source.poll().await.unwrap().is_empty());
    assert!(source.troubles()[0].reason.contains("te groot"));

    // Too busy is not a wrong password; the password is in no message.
    let mailbox = scripted(&servers, |command| match command {
        _ if command.starts_with("LOGIN") => "{tag} NO [UNAVAILABLE] backend is down\r\n",
        _ => "",
    });
    let error = Imap::new(&mailbox, None).poll().await.unwrap_err();
    assert!(matches!(error, SourceError::Busy { .. }) && !error.to_string().contains(PASSWORD), "{error}");

    // Exchange Online and Gmail throttle by words of their own, at the login and with a goodbye: it is left alone for a while.
    for answer in [
        (|command| match command {
            _ if command.starts_with("LOGIN") => "{tag} NO [THROTTLED] Account exceeded command limits\r\n",
            _ => "",
        }) as fn(&str) -> &'static str,
        |command| match command {
            _ if command.starts_with("SELECT") => "* BYE [THROTTLED] slow down\r\n",
            _ => "",
        },
        |command| match command {
            _ if command.starts_with("SELECT") => {
                "{tag} NO [THROTTLED] Account exceeded command or bandwidth limits\r\n"
            }
            _ => "",
        },
    ] {
        let error = Imap::new(&scripted(&servers, answer), None).poll().await.unwrap_err();
        assert!(error.is_passing() && error.wait() > Duration::ZERO, "{error:?}");
        assert!(
            error.to_string().contains("asked too much") || matches!(error, SourceError::Busy { .. }),
            "{error}"
        );
    }

    // Goodbye in the middle, and a folder without UIDVALIDITY.
    let mailbox = scripted(&servers, |command| match command {
        _ if command.starts_with("SELECT") => "* BYE shutting down\r\n",
        _ => "",
    });
    assert!(matches!(Imap::new(&mailbox, None).poll().await.unwrap_err(), SourceError::Lost { .. }));
    let mailbox = scripted(&servers, |command| match command {
        _ if command.starts_with("SELECT") => "* 2 EXISTS\r\n{tag} OK\r\n",
        _ => "",
    });
    assert!(Imap::new(&mailbox, None).poll().await.unwrap_err().to_string().contains("UIDVALIDITY"));
}

#[tokio::test]
async fn a_password_outside_ascii_goes_by_sasl() {
    let servers = MailServers::start();
    // The line after the invitation is the base64 of NUL, user, NUL, password in UTF-8.
    let mut mailbox = scripted(&servers, |command| match command {
        "AUTHENTICATE PLAIN" => "+ \r\n",
        "AGtsYWNodEBvbWJ1ZHNtYW4uZXhhbXBsZS5ubABww6Rzc3dvcmQ=" => "A0001 OK in\r\n",
        _ if command.starts_with("LOGIN") => "{tag} NO not this way\r\n",
        _ => "",
    });
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "pässword").unwrap();
    mailbox.password = Some(Secret::File(password.path().to_owned()));
    assert_eq!(Imap::new(&mailbox, None).poll().await.unwrap().len(), 2);
}
