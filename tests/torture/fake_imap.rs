//! An IMAP server out of form, for what no real one can be made to do: garbage in place of answers, a message said to be
//! or sent as 2 GB, an end in the middle of one. TLS and login are real; every office may log in.

use crate::servers::MailServers;
use crate::servers::scripted::{self, Line, Reply, say};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
        let done = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&done);
        let port = scripted::imap(servers, move |client, tag, command| {
            misbehave(client, tag, &command.to_ascii_uppercase(), wrong, &count)
        });
        Self { port, done }
    }
}

fn misbehave(
    client: &mut Line,
    tag: &str,
    command: &str,
    wrong: Wrong,
    done: &AtomicUsize,
) -> std::io::Result<Reply> {
    let does = || done.fetch_add(1, Ordering::SeqCst);
    match wrong {
        Wrong::Garbage if command.starts_with("SELECT") => {
            does();
            say(client, tag, "* \u{0} {12 ((( \"\r\n\\\\ NIL {{{ 99999999999999999999 EXISTS\r\n")?;
            let noise: Vec<u8> =
                (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
            client.get_mut().write_all(&noise)?;
        }
        // Until the client has had enough of it.
        Wrong::Silent if command.starts_with("SELECT") => {
            does();
            let _ = client.get_mut().read(&mut [0; 1])?;
        }
        Wrong::HugeSize if command.contains("RFC822.SIZE") => {
            does();
            for uid in 1..=2 {
                let told = format!(
                    "* {uid} FETCH (UID {uid} RFC822.SIZE 2147483648 INTERNALDATE \"02-Mar-2026 10:00:00 +0100\")\r\n"
                );
                say(client, tag, &told)?;
            }
            say(client, tag, "{tag} OK done\r\n")?;
        }
        Wrong::CutInFetch if command.contains("BODY.PEEK[]") => {
            does();
            say(client, tag, "* 1 FETCH (UID 1 BODY[] {10}\r\n01234")?;
            return Ok(Reply::End);
        }
        Wrong::HugeLiteral if command.contains("BODY.PEEK[]") => {
            does();
            say(client, tag, "* 1 FETCH (UID 1 BODY[] {2147483648}\r\n")?;
            let octets = vec![b'x'; 1 << 20];
            for _ in 0..2048 {
                client.get_mut().write_all(&octets)?;
            }
            say(client, tag, ")\r\n{tag} OK done\r\n")?;
        }
        _ => return Ok(Reply::Usual),
    }
    Ok(Reply::Said)
}
