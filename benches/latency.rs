//! From the message's arrival in Dovecot to the acknowledgement in the writer's mailbox, over IMAP with IDLE and SMTP:
//! median and worst of 50. Both times are those of the files that Dovecot wrote.
//!
//! `make bench-latency`; prints one line. Needs what `make test` needs.

#[path = "../tests/daemon/mod.rs"]
mod daemon;
#[path = "../tests/servers/mod.rs"]
mod servers;

use daemon::OfficeDir;
use servers::{MailServers, OFFICE, wait_until};
use std::path::Path;
use std::time::{Duration, SystemTime};

const MESSAGES: usize = 50;

fn main() {
    let servers = MailServers::start();
    let office = OfficeDir::den_haag(&servers.toml());
    let mut daemon = office.run();
    daemon.wait_for("mailbox connected", 1);
    let mut times = Vec::new();
    for number in 0..MESSAGES {
        let author = format!("snel-{number}@example.nl");
        let message = format!(
            "From: Schrijver <{author}>\r\nTo: {OFFICE}\r\nSubject: Klacht {number}\r\nMessage-ID: <snel-{number}@example.nl>\r\n\r\n\
             Ik klaag over de gemeente Den Haag. De medewerker aan de balie was onbeleefd tegen mij.\r\n"
        );
        servers.deliver(message.as_bytes(), &author, OFFICE);
        wait_until("the answer is there", || newest(&servers.maildir(&author)).is_some());
        let answered = newest(&servers.maildir(&author)).unwrap_or(SystemTime::UNIX_EPOCH);
        wait_until("the message is in the done folder", || {
            servers.folder_messages(OFFICE, "Verwerkt").len() == number + 1
        });
        let arrived = newest(&servers.maildir(OFFICE).join(".Verwerkt")).unwrap_or(SystemTime::UNIX_EPOCH);
        times.push(answered.duration_since(arrived).unwrap_or(Duration::ZERO));
    }
    daemon.terminate();
    times.sort();
    println!(
        "arrival in Dovecot to acknowledgement in the writer's mailbox, {MESSAGES} messages one by one: \
         median {:.3} s, worst {:.3} s",
        times[MESSAGES / 2].as_secs_f64(),
        times[MESSAGES - 1].as_secs_f64()
    );
}

/// The time of the newest message in a Maildir; Dovecot keeps it when a message is moved.
fn newest(maildir: &Path) -> Option<SystemTime> {
    ["new", "cur"]
        .iter()
        .filter_map(|sub| std::fs::read_dir(maildir.join(sub)).ok())
        .flatten()
        .filter_map(|entry| entry.ok()?.metadata().ok()?.modified().ok())
        .max()
}
