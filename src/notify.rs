//! Tells the service manager how the daemon is: sd_notify(3) and sd_watchdog_enabled(3) of systemd 252, in one datagram a message to
//! the socket that `NOTIFY_SOCKET` names. Without that variable nothing is told.
//!
//! Invariant: telling never waits and never stops the daemon; what is told holds names of parts and numbers, never people.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tracing::warn;

/// Octets of a status line; `systemctl status` shows one line.
const STATUS_BYTES_MAX: usize = 400;

/// The service manager, where there is one.
#[derive(Debug, Default)]
pub struct Manager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
    /// The status told last: it is not told twice.
    status: Mutex<String>,
}

impl Manager {
    /// As systemd says in the environment (`NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`).
    pub fn from_environment() -> Self {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return Self::default() };
        let socket = address(&name).and_then(|address| {
            let socket = UnixDatagram::unbound()?;
            socket.set_nonblocking(true)?;
            Ok((socket, address))
        });
        let socket = socket
            .inspect_err(
                |error| warn!(%error, "NOTIFY_SOCKET cannot be used; the service manager is not told"),
            )
            .ok();
        let number = |name| std::env::var(name).ok().and_then(|value| value.parse().ok());
        let meant = number("WATCHDOG_PID").is_none_or(|pid: u64| pid == u64::from(std::process::id()));
        let watchdog =
            number("WATCHDOG_USEC").filter(|micros| meant && *micros > 0).map(Duration::from_micros);
        Self { socket, watchdog, status: Mutex::default() }
    }

    /// Is anybody told?
    pub fn is_there(&self) -> bool {
        self.socket.is_some()
    }

    /// How often it wants to hear that the daemon lives: half the time after which it acts.
    pub fn beat(&self) -> Option<Duration> {
        self.watchdog.filter(|_| self.socket.is_some()).map(|time| time / 2)
    }

    /// It takes in mail and the desk answers; also the end of a reload.
    pub fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\n{}", self.line(status)));
    }

    /// Rules, templates and office data are being read again; `monotonic`: the clock of CLOCK_MONOTONIC.
    pub fn reloading(&self, monotonic: Duration) {
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic.as_micros()));
    }

    /// The end was asked for.
    pub fn stopping(&self) {
        self.tell(&format!("STOPPING=1\n{}", self.line("ending what is in hand")));
    }

    /// A new status line, if it is new.
    pub fn status(&self, status: &str) {
        if *self.last() != shortened(status) {
            self.tell(&self.line(status));
        }
    }

    /// The daemon lives.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    /// A start (or a stop) that goes on may take this much longer from now.
    pub fn more_time(&self, time: Duration) {
        self.tell(&format!("EXTEND_TIMEOUT_USEC={}", time.as_micros()));
    }

    fn line(&self, status: &str) -> String {
        let status = shortened(status);
        let line = format!("STATUS={status}");
        *self.last() = status;
        line
    }

    fn last(&self) -> std::sync::MutexGuard<'_, String> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, message: &str) {
        if let Some((socket, address)) = &self.socket
            && let Err(error) = socket.send_to_addr(message.as_bytes(), address)
        {
            warn!(%error, "the service manager could not be told");
        }
    }
}

/// A path, or with `@` before it a name of the abstract kind (unix(7)).
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        [b'/', ..] => SocketAddr::from_pathname(name),
        _ => Err(io::Error::new(io::ErrorKind::Unsupported, "it is neither a path nor an abstract name")),
    }
}

/// One line of bounded length.
fn shortened(status: &str) -> String {
    let mut line = status.replace(['\n', '\r'], "; ");
    line.truncate(line.floor_char_boundary(STATUS_BYTES_MAX));
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager(address: SocketAddr) -> Manager {
        let socket = UnixDatagram::unbound().unwrap();
        Manager { socket: Some((socket, address)), ..Manager::default() }
    }

    fn heard(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 1024];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    #[test]
    fn both_kinds_of_socket_hear_what_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let name = format!("@bode-notify-{}", std::process::id());
        let abstract_one = SocketAddr::from_abstract_name(&name.as_bytes()[1..]).unwrap();
        let listening = UnixDatagram::bind_addr(&abstract_one).unwrap();
        for (name, socket) in
            [(path.as_os_str(), UnixDatagram::bind(&path).unwrap()), (OsStr::new(&name), listening)]
        {
            let manager = manager(address(name).unwrap());
            manager.ready("takes in mail");
            assert_eq!(heard(&socket), "READY=1\nSTATUS=takes in mail");
            manager.status("takes in mail");
            manager.status("not whole\nmailbox: away");
            assert_eq!(heard(&socket), "STATUS=not whole; mailbox: away", "the same line is not told twice");
            manager.reloading(Duration::from_micros(1_234));
            assert_eq!(heard(&socket), "RELOADING=1\nMONOTONIC_USEC=1234");
        }
    }

    #[test]
    fn a_manager_that_is_gone_stops_nothing() {
        assert!(address(OsStr::new("vsock:2:1234")).is_err());
        manager(SocketAddr::from_pathname("/nowhere/notify").unwrap()).ready("takes in mail");
        Manager::default().alive();
        assert_eq!(Manager::default().beat(), None);
    }

    #[test]
    fn a_status_is_one_short_line() {
        let long = shortened(&"é".repeat(STATUS_BYTES_MAX));
        assert!(long.len() <= STATUS_BYTES_MAX && long.chars().all(|c| c == 'é'));
    }
}
