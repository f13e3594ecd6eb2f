//! Is the daemon alive? Goes the way that mail goes: a turn on the runtime, a thread for what blocks, the lock of the store, and
//! a request to the desk over the network.
//!
//! Invariant: what ails the house (a mail server that is away, a full disk) is told by `/healthz` and is no reason for the service
//! manager to end it: starting again would not help. Only a house that does not answer at all is not alive.

use crate::notify::Manager;
use crate::review::Health;
use crate::store::Store;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};
use tracing::warn;

/// A source that has said nothing by then is told as such; the daemon is ready without it, and tries on.
const FIRST_LOOK_TIME_MAX: Duration = Duration::from_secs(10);
/// How often it is looked whether the sources have said something.
const FIRST_LOOK_TIME: Duration = Duration::from_millis(20);
/// How often the status line is looked at.
const STATUS_TIME: Duration = Duration::from_secs(5);

/// Feels whether the daemon lives.
#[derive(Clone)]
pub struct Pulse {
    store: Arc<Store>,
    health: Health,
    desk: Option<SocketAddr>,
    sources: Vec<String>,
}

/// What does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silent {
    Store,
    Desk,
}

impl fmt::Display for Silent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Silent::Store => "the store does not answer",
            Silent::Desk => "the desk does not answer",
        })
    }
}

impl Pulse {
    pub(super) fn new(store: &Arc<Store>, health: &Health, desk: Option<SocketAddr>) -> Self {
        Self {
            store: Arc::clone(store),
            health: health.clone(),
            desk: desk.map(reachable),
            sources: Vec::new(),
        }
    }

    /// Those that have to have been looked at once before the daemon says that it takes in mail.
    pub(super) fn with_sources(mut self, sources: &[String]) -> Self {
        self.sources = sources.to_vec();
        self
    }

    /// Returns when every source was looked at once, whatever came of it, or its time is up.
    async fn first_look(&self) {
        let looked = async {
            let mut look = interval(FIRST_LOOK_TIME);
            while !self.sources.iter().all(|source| self.health.has_told(source)) {
                look.tick().await;
            }
        };
        // A server that lets us wait is told by the status.
        let _ = timeout(FIRST_LOOK_TIME_MAX, looked).await;
    }

    /// Tells the service manager when the house takes in mail and the desk answers; then how it is, and that it lives, as long
    /// as it does. Returns at once where nobody wants to know; else never.
    pub async fn told_to(self, manager: Arc<Manager>) {
        if !manager.is_there() {
            return;
        }
        self.first_look().await;
        manager.ready(&self.status());
        let beat = manager.beat();
        let mut due = interval(beat.unwrap_or(STATUS_TIME));
        let mut line = interval(STATUS_TIME);
        loop {
            tokio::select! {
                _ = line.tick() => manager.status(&self.status()),
                _ = due.tick() => {
                    let Some(beat) = beat else { continue };
                    match self.feel(beat / 2).await {
                        Ok(()) => manager.alive(),
                        Err(silent) => warn!(%silent, "the service manager is not told that the daemon lives"),
                    }
                }
            }
        }
    }

    /// Does every part answer within this time? Whether the answer is good is another question.
    ///
    /// # Errors
    /// The first part that is silent.
    pub async fn feel(&self, within: Duration) -> Result<(), Silent> {
        let store = Arc::clone(&self.store);
        let asked = tokio::task::spawn_blocking(move || drop(store.can_write()));
        if timeout(within, asked).await.is_err() {
            return Err(Silent::Store);
        }
        match self.desk {
            None => Ok(()),
            Some(desk) => match timeout(within, answers(desk)).await {
                Ok(Ok(())) => Ok(()),
                _ => Err(Silent::Desk),
            },
        }
    }

    /// How the house is, in a line for the admin.
    pub fn status(&self) -> String {
        let reasons = self.health.reasons();
        let desk = self.desk.map_or_else(|| "no desk".to_owned(), |desk| format!("desk on {desk}"));
        if reasons.is_empty() {
            format!("takes in mail; {desk}")
        } else {
            format!("not whole ({desk}): {}", reasons.join("; "))
        }
    }
}

/// Where this machine itself reaches an address that is listened on.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// Any answer of HTTP counts.
async fn answers(desk: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(desk).await?;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {desk}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut begins = [0; 5];
    stream.read_exact(&mut begins).await?;
    if begins == *b"HTTP/" { Ok(()) } else { Err(std::io::ErrorKind::InvalidData.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_desk_that_takes_a_request_and_says_nothing_is_not_alive() {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(dir.path()).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let desk = listener.local_addr().unwrap();
        let pulse = Pulse::new(&store, &Health::default(), Some(desk));
        // The kernel takes it, nobody answers.
        assert!(timeout(Duration::from_millis(300), answers(desk)).await.is_err());
        let serving = tokio::spawn(crate::review::serve_health(listener, Health::default()));
        assert_eq!(pulse.feel(LONG).await, Ok(()));
        serving.abort();
        let _ = serving.await;
        assert_eq!(pulse.feel(LONG).await, Err(Silent::Desk));
    }

    #[tokio::test]
    async fn a_house_that_is_ill_is_alive_and_says_what_ails_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(dir.path()).unwrap());
        let health = Health::default();
        let pulse = Pulse::new(&store, &health, None);
        assert_eq!(pulse.status(), "takes in mail; no desk");
        health.ill("mailbox", crate::review::Code::SourceUnreachable, "the server refused the password");
        assert_eq!(pulse.feel(LONG).await, Ok(()));
        assert_eq!(pulse.status(), "not whole (no desk): mailbox: the server refused the password");
    }

    #[test]
    fn a_desk_that_listens_everywhere_is_asked_here() {
        assert_eq!(reachable("0.0.0.0:8080".parse().unwrap()), "127.0.0.1:8080".parse().unwrap());
        assert_eq!(reachable("[::]:8080".parse().unwrap()), "[::1]:8080".parse().unwrap());
    }
}
