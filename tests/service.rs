//! The real daemon under a service manager, which this test plays: what it hears on its socket (sd_notify(3)) at start, reload,
//! and stop, and that it lives (sd_watchdog_enabled(3)).

mod daemon;
mod servers;

use daemon::{BODE, Daemon, OfficeDir};
use servers::{DEADLINE, MailServers, OFFICE};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;

/// The socket of a service manager, abstract as that of systemd in a container is, and the name it is known by.
struct Manager {
    socket: UnixDatagram,
    name: String,
}

impl Manager {
    fn new(test: &str) -> Self {
        let name = format!("bode-{test}-{}", std::process::id());
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Self { socket, name: format!("@{name}") }
    }

    fn start(&self, office: &OfficeDir) -> Daemon {
        let mut command = Command::new(BODE);
        command.env("NOTIFY_SOCKET", &self.name).env("WATCHDOG_USEC", "2000000");
        Daemon::start_by(command, &office.config)
    }

    /// The next message, as lines.
    fn hears(&self) -> Vec<String> {
        let mut bytes = [0; 4096];
        let length = self.socket.recv(&mut bytes).expect("a message in time");
        String::from_utf8_lossy(&bytes[..length]).lines().map(str::to_owned).collect()
    }

    /// The next message with this line; those before it are passed over.
    fn waits_for(&self, line: &str) -> Vec<String> {
        loop {
            let message = self.hears();
            if message.iter().any(|one| one.starts_with(line)) {
                return message;
            }
        }
    }
}

#[test]
fn a_manager_hears_when_the_house_takes_in_mail_reloads_lives_and_ends() {
    let manager = Manager::new("lives");
    let servers = MailServers::start();
    let office = OfficeDir::den_haag(&servers.toml());
    let mut daemon = manager.start(&office);
    let ready = manager.waits_for("READY=1");
    daemon.wait_for("bode is running", 1);
    assert_eq!(ready[1], format!("STATUS=takes in mail; desk on {}", daemon.desk()));
    assert_eq!(daemon.healthz().0, 200, "ready means that the mailbox was looked at and the desk answers");
    manager.waits_for("WATCHDOG=1");
    manager.waits_for("WATCHDOG=1");
    daemon.reload();
    let reloading = manager.waits_for("RELOADING=1");
    let clock: u64 = reloading[1].strip_prefix("MONOTONIC_USEC=").unwrap().parse().unwrap();
    assert!(clock > 0);
    manager.waits_for("READY=1");
    // It works on, and says so.
    let complaint = format!(
        "From: A. Jansen <jansen@example.org>\r\nTo: {OFFICE}\r\nSubject: Klacht\r\nMessage-ID: <service@example.org>\r\n\
         Date: Mon, 02 Mar 2026 09:00:00 +0100\r\n\r\nGeachte ombudsman,\r\n\r\nIk heb een klacht over de gemeente Den Haag.\r\n"
    );
    servers.deliver(complaint.as_bytes(), "jansen@example.org", OFFICE);
    servers.wait_for_messages("jansen@example.org", "", 1);
    manager.waits_for("WATCHDOG=1");
    daemon.terminate();
    manager.waits_for("STOPPING=1");
}

#[test]
fn a_mail_server_that_is_away_is_told_and_keeps_nobody_waiting() {
    let manager = Manager::new("away");
    let mut servers = MailServers::start();
    let office = OfficeDir::den_haag(&servers.toml());
    servers.stop_dovecot();
    let mut daemon = manager.start(&office);
    let ready = manager.waits_for("READY=1");
    assert!(ready[1].starts_with("STATUS=not whole (desk on ") && ready[1].contains("mailbox"), "{ready:?}");
    manager.waits_for("WATCHDOG=1");
    daemon.wait_for("bode is running", 1);
    servers.start_dovecot();
    manager.waits_for("STATUS=takes in mail");
    daemon.terminate();
}

#[test]
fn the_health_of_the_daemon_is_told_without_http() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["new", "cur", "tmp"] {
        std::fs::create_dir(dir.path().join(name)).unwrap();
    }
    let office = OfficeDir::den_haag(&format!("[maildir]\ndir = {:?}\n", dir.path()));
    // Where nothing listens.
    let nothing = office.bode(&["health"]);
    assert_eq!(nothing.status.code(), Some(1));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = std::fs::read_to_string(&office.config).unwrap();
    std::fs::write(&office.config, text.replace("127.0.0.1:0", &port.to_string())).unwrap();
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    let told = office.bode(&["health"]);
    assert_eq!((told.status.code(), told.stdout.as_slice()), (Some(0), b"ok\n".as_slice()));
    daemon.terminate();
}
