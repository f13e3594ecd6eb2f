//! A relay on the way to a real mail server (TLS from the first byte), for what a real server cannot be told to do: to
//! cut the line at a chosen moment. It reads no word: TLS goes through it record by record (RFC 8446 §5.1), and the
//! content of a message is the only large record that a client sends.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Octets above which a record of the client is a message's content.
const CONTENT_OCTETS_MIN: usize = 2_000;
const APPLICATION_DATA: u8 = 23;

/// What becomes of the next message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It goes through.
    Nothing,
    /// The line is cut before its content arrives.
    BeforeContent,
    /// The content arrives, and the line is cut when the server replies.
    BeforeReply,
}

/// Called with each record before and after it is passed on; false: it is not passed on, and the line is cut.
pub type Watcher = dyn Fn(Way, Moment) -> bool + Send + Sync;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    ToServer,
    ToClient,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Before,
    After,
}

pub struct Relay {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    server: AtomicU16,
    /// One cut for each of the next messages.
    plan: Mutex<Vec<Cut>>,
    watcher: Box<Watcher>,
    /// Lines that are open.
    open: AtomicUsize,
    /// How often the line was cut.
    cuts: AtomicUsize,
}

impl Relay {
    /// In front of the server on this port of 127.0.0.1.
    pub fn start(server: u16) -> Self {
        Self::watched(server, Box::new(|_, _| true))
    }

    pub fn watched(server: u16, watcher: Box<Watcher>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            server: AtomicU16::new(server),
            plan: Mutex::default(),
            watcher,
            open: AtomicUsize::new(0),
            cuts: AtomicUsize::new(0),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&accepting);
                shared.open.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    pass(&shared, &client);
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { port, shared }
    }

    /// Cuts the lines of the next messages so, one after the other.
    pub fn plan(&self, cuts: &[Cut]) {
        *self.shared.plan.lock().unwrap() = cuts.iter().rev().copied().collect();
    }

    /// Lines that are made from now on lead to another server.
    pub fn redirect(&self, server: u16) {
        self.shared.server.store(server, Ordering::SeqCst);
    }

    pub fn cuts(&self) -> usize {
        self.shared.cuts.load(Ordering::SeqCst)
    }

    /// Is no line open, on either side?
    pub fn is_quiet(&self) -> bool {
        self.shared.open.load(Ordering::SeqCst) == 0
    }
}

/// One line, until either side ends it.
fn pass(shared: &Shared, client: &TcpStream) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", shared.server.load(Ordering::SeqCst))) else { return };
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let reply_cut = AtomicBool::new(false);
    let end = || {
        // Already shut is as good.
        let _ = client.shutdown(Shutdown::Both);
        let _ = server.shutdown(Shutdown::Both);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while let Some(record) = read(client) {
                if record[0] == APPLICATION_DATA && record.len() > CONTENT_OCTETS_MIN {
                    match shared.plan.lock().unwrap().pop() {
                        Some(Cut::BeforeContent) => {
                            shared.cuts.fetch_add(1, Ordering::SeqCst);
                            break;
                        }
                        Some(Cut::BeforeReply) => reply_cut.store(true, Ordering::SeqCst),
                        Some(Cut::Nothing) | None => {}
                    }
                }
                if !hand_on(shared, Way::ToServer, &server, &record) {
                    break;
                }
            }
            end();
        });
        scope.spawn(|| {
            while let Some(record) = read(&server) {
                if reply_cut.load(Ordering::SeqCst) {
                    shared.cuts.fetch_add(1, Ordering::SeqCst);
                    break;
                }
                if !hand_on(shared, Way::ToClient, client, &record) {
                    break;
                }
            }
            end();
        });
    });
}

fn hand_on(shared: &Shared, way: Way, mut to: &TcpStream, record: &[u8]) -> bool {
    (shared.watcher)(way, Moment::Before)
        && to.write_all(record).is_ok()
        && (shared.watcher)(way, Moment::After)
}

/// One record with its header of five octets.
fn read(mut from: &TcpStream) -> Option<Vec<u8>> {
    let mut record = vec![0; 5];
    from.read_exact(&mut record).ok()?;
    let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
    record.resize(5 + length, 0);
    from.read_exact(&mut record[5..]).ok()?;
    Some(record)
}
