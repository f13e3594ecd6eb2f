//! The index for commands beside a running daemon: they ask over the control socket for the rows that they need, so
//! that none has to fold the whole journal for a list or a case.
//!
//! One JSON line asks. A row is answered by one line, and the connection may be used again; rows come in lines of a
//! bounded size, the last of which says so, and end with the connection. Who stops reading for longer than a request
//! may take is cut off, and goes on from the last row by a new connection.
//!
//! Invariant: read only, and in bounded memory on both sides.

use super::control::{REQUEST_BYTES_MAX, socket_path};
use crate::limits::{INDEX_WALKS_MAX, REQUEST_TIME_MAX};
use crate::store::{IndexOfDaemon, Store, StoreError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, Take};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

/// What is asked. Keys and values in base64.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Lookup {
    Row {
        key: String,
    },
    Rows {
        prefix: String,
        from: Option<String>,
        reverse: bool,
    },
    /// To the words of texts.
    Texts {
        question: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Found {
    Row(Option<String>),
    Rows { rows: Vec<(String, String)>, last: bool },
    Texts(String),
    Refused(String),
}

/// Octets of keys and values in one line, but for the last row of it.
const LINE_BYTES: usize = 64 * 1024;

/// Walks at the same time; each holds a thread.
static WALKS: Semaphore = Semaphore::const_new(INDEX_WALKS_MAX);

fn text(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

fn bytes(text: &str) -> io::Result<Vec<u8>> {
    BASE64.decode(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Answers this lookup and those that follow it on the same connection.
///
/// # Errors
/// When the connection is cut off, or what comes is no lookup.
pub(super) async fn serve(
    reader: &mut tokio::io::BufReader<Take<impl AsyncRead + Unpin>>,
    write: &mut (impl AsyncWriteExt + Unpin),
    store: &Arc<Store>,
    first: Lookup,
) -> io::Result<()> {
    let (mut asked, mut line) = (first, String::new());
    while answer(write, store, asked).await? {
        line.clear();
        reader.get_mut().set_limit(REQUEST_BYTES_MAX);
        // Who asks nothing for long is gone, or makes a new connection.
        match timeout(REQUEST_TIME_MAX, reader.read_line(&mut line)).await {
            Ok(Ok(1..)) => asked = serde_json::from_str(&line)?,
            _ => break,
        }
    }
    Ok(())
}

/// False: the connection is used up.
async fn answer(
    write: &mut (impl AsyncWriteExt + Unpin),
    store: &Arc<Store>,
    lookup: Lookup,
) -> io::Result<bool> {
    match lookup {
        Lookup::Row { key } => {
            let (store, key) = (Arc::clone(store), bytes(&key)?);
            let found = tokio::task::spawn_blocking(move || store.index_row(&key)).await?;
            let found =
                found.map_or_else(|error| refused(&error), |value| Found::Row(value.as_deref().map(text)));
            say(write, &found).await?;
            Ok(true)
        }
        Lookup::Texts { question } => {
            let store = Arc::clone(store);
            let found = tokio::task::spawn_blocking(move || store.index_texts(&question)).await?;
            say(write, &found.map_or_else(|error| refused(&error), Found::Texts)).await?;
            Ok(true)
        }
        Lookup::Rows { prefix, from, reverse } => {
            let prefix = bytes(&prefix)?;
            let from = from.as_deref().map(bytes).transpose()?;
            let turn = timeout(REQUEST_TIME_MAX, WALKS.acquire()).await?;
            // Full while the reader is behind; closed when it is gone.
            let (lines, mut coming) = mpsc::channel(1);
            let of_walk = Arc::clone(store);
            let walk = tokio::task::spawn_blocking(move || {
                walk(&of_walk, &prefix, from.as_deref(), reverse, &lines)
            });
            while let Some(found) = coming.recv().await {
                say(write, &found).await?;
            }
            drop(turn);
            walk.await?;
            Ok(false)
        }
    }
}

fn refused(error: &StoreError) -> Found {
    Found::Refused(crate::explain::with_causes(error))
}

fn walk(store: &Store, prefix: &[u8], from: Option<&[u8]>, reverse: bool, lines: &mpsc::Sender<Found>) {
    let (mut rows, mut size) = (Vec::new(), 0);
    let walked = store.index_rows(prefix, from, reverse, &mut |key, value| {
        rows.push((text(key), text(value)));
        size += key.len() + value.len();
        if size < LINE_BYTES {
            return true;
        }
        size = 0;
        lines.blocking_send(Found::Rows { rows: std::mem::take(&mut rows), last: false }).is_ok()
    });
    // Nobody may be there any more.
    let _ = lines
        .blocking_send(walked.map_or_else(|error| refused(&error), |()| Found::Rows { rows, last: true }));
}

async fn say(write: &mut (impl AsyncWriteExt + Unpin), found: &Found) -> io::Result<()> {
    let mut line = serde_json::to_vec(found)?;
    line.push(b'\n');
    timeout(REQUEST_TIME_MAX, write.write_all(&line)).await?
}

/// The client: the index of the daemon that holds a store.
#[derive(Debug)]
pub struct DaemonIndex {
    socket: PathBuf,
    /// For single rows.
    line: Mutex<Option<BufReader<UnixStream>>>,
}

impl DaemonIndex {
    /// `None`: no daemon answers there.
    pub fn reach(store: &Path) -> Option<Self> {
        let socket = socket_path(store);
        let line = connect(&socket).ok()?;
        Some(Self { socket, line: Mutex::new(Some(line)) })
    }
}

fn connect(socket: &Path) -> io::Result<BufReader<UnixStream>> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(2 * REQUEST_TIME_MAX))?;
    Ok(BufReader::new(stream))
}

fn ask(line: &mut BufReader<UnixStream>, lookup: &Lookup) -> io::Result<()> {
    let mut request = serde_json::to_vec(lookup)?;
    request.push(b'\n');
    line.get_mut().write_all(&request)
}

fn hear(line: &mut BufReader<UnixStream>) -> io::Result<Found> {
    let mut text = String::new();
    if line.read_line(&mut text)? == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the daemon ended the connection"));
    }
    match serde_json::from_str(&text)? {
        Found::Refused(why) => Err(io::Error::other(why)),
        found => Ok(found),
    }
}

fn out_of_order() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the daemon answers something else; is it another version?")
}

impl DaemonIndex {
    /// One question, one line for an answer.
    fn one(&self, lookup: &Lookup) -> io::Result<Found> {
        let mut kept = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        // A line that was quiet for long was ended by the daemon: a new one is as good.
        if let Some(mut line) = kept.take()
            && let Ok(found) = ask(&mut line, lookup).and_then(|()| hear(&mut line))
        {
            *kept = Some(line);
            return Ok(found);
        }
        let mut line = connect(&self.socket)?;
        ask(&mut line, lookup)?;
        let found = hear(&mut line)?;
        *kept = Some(line);
        Ok(found)
    }
}

impl IndexOfDaemon for DaemonIndex {
    fn row(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        match self.one(&Lookup::Row { key: text(key) })? {
            Found::Row(value) => value.as_deref().map(bytes).transpose(),
            _ => Err(out_of_order()),
        }
    }

    fn texts(&self, question: &str) -> io::Result<String> {
        match self.one(&Lookup::Texts { question: question.to_owned() })? {
            Found::Texts(answer) => Ok(answer),
            _ => Err(out_of_order()),
        }
    }

    fn rows(
        &self,
        prefix: &[u8],
        from: Option<&[u8]>,
        reverse: bool,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> io::Result<()> {
        let mut from = from.map(<[u8]>::to_vec);
        loop {
            let mut line = connect(&self.socket)?;
            let start = from.as_deref().map(text);
            ask(&mut line, &Lookup::Rows { prefix: text(prefix), from: start, reverse })?;
            let begun_at = from.clone();
            loop {
                let (rows, last) = match hear(&mut line) {
                    Ok(Found::Rows { rows, last }) => (rows, last),
                    Ok(_) => return Err(out_of_order()),
                    // Cut off while we were slow: from there on by a new line. Backwards there is no such place.
                    Err(error)
                        if error.kind() == io::ErrorKind::UnexpectedEof && !reverse && from != begun_at =>
                    {
                        break;
                    }
                    Err(error) => return Err(error),
                };
                for (key, value) in &rows {
                    let (key, value) = (bytes(key)?, bytes(value)?);
                    if !visit(&key, &value) {
                        return Ok(());
                    }
                    // The first key after it.
                    from = Some([&key[..], &[0]].concat());
                }
                if last {
                    return Ok(());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Arrival, Channel, Origin};
    use tokio::io::{AsyncReadExt, BufReader};

    fn arrival(number: u32) -> Arrival {
        let file = format!("{number}.eml");
        Arrival {
            channel: Channel::Email,
            name: file.clone(),
            bytes: format!("Message-ID: <{number}@example.org>\n\nKlacht {number}.\n").into_bytes(),
            received_at: jiff::Timestamp::UNIX_EPOCH,
            origin: Origin::Import { file },
            acknowledge: true,
        }
    }

    fn serving(store: &Arc<Store>, socket: &Path) -> tokio::task::JoinHandle<()> {
        let listener = tokio::net::UnixListener::bind(socket).unwrap();
        let store = Arc::clone(store);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    let (read, mut write) = stream.split();
                    let mut reader = BufReader::new(read.take(REQUEST_BYTES_MAX));
                    let mut line = String::new();
                    if reader.read_line(&mut line).await.unwrap() > 0 {
                        let first = serde_json::from_str(&line).unwrap();
                        // Who stops in the middle of a walk leaves.
                        let _ = serve(&mut reader, &mut write, &store, first).await;
                    }
                });
            }
        })
    }

    type Rows = Vec<(Vec<u8>, Vec<u8>)>;

    fn of_store(store: &Store, prefix: &[u8], from: Option<&[u8]>, reverse: bool) -> Rows {
        let mut rows = Rows::new();
        store
            .index_rows(prefix, from, reverse, &mut |key, value| {
                rows.push((key.to_vec(), value.to_vec()));
                true
            })
            .unwrap();
        rows
    }

    fn of_daemon(
        index: &DaemonIndex,
        prefix: &[u8],
        from: Option<&[u8]>,
        reverse: bool,
        most: usize,
    ) -> Rows {
        let mut rows = Rows::new();
        index
            .rows(prefix, from, reverse, &mut |key, value| {
                rows.push((key.to_vec(), value.to_vec()));
                rows.len() < most
            })
            .unwrap();
        rows
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_daemon_gives_the_rows_that_its_store_has() {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(dir.path()).unwrap());
        let arrivals: Vec<Arrival> = (0..300).map(arrival).collect();
        let registered = store.register(&arrivals, jiff::Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(registered.len(), 300);
        assert!(DaemonIndex::reach(dir.path()).is_none(), "no daemon there");
        let daemon = serving(&store, &socket_path(dir.path()));
        let place = dir.path().to_owned();
        let looked = tokio::task::spawn_blocking(move || {
            let index = DaemonIndex::reach(&place).unwrap();
            let all = of_store(&store, b"", None, false);
            let size: usize = all.iter().map(|(key, value)| key.len() + value.len()).sum();
            assert!(size > 2 * LINE_BYTES, "more than two lines: {size}");
            let middle = all[all.len() / 2].0.as_slice();
            for (prefix, from) in [(&b""[..], None), (b"", Some(middle)), (b"r", None), (b"nothing", None)] {
                for reverse in [false, true] {
                    let wanted = of_store(&store, prefix, from, reverse);
                    assert_eq!(of_daemon(&index, prefix, from, reverse, usize::MAX), wanted);
                    let few = of_daemon(&index, prefix, from, reverse, 3);
                    assert_eq!(few, wanted[..wanted.len().min(3)]);
                }
            }
            for (key, value) in all.iter().take(50) {
                assert_eq!(index.row(key).unwrap().as_ref(), Some(value));
            }
            assert_eq!(index.row(b"nothing").unwrap(), None);
            // The line that was kept is gone: another one does as well.
            *index.line.lock().unwrap() = None;
            assert_eq!(index.row(&all[0].0).unwrap().as_ref(), Some(&all[0].1));
            let read = Store::open_beside(&place, Box::new(index)).unwrap().unwrap();
            assert!(matches!(
                read.pause_sending(true, "x", jiff::Timestamp::UNIX_EPOCH),
                Err(StoreError::ReadOnly)
            ));
            read
        });
        let read = looked.await.unwrap();
        daemon.abort();
        let _ = daemon.await;
        // With its socket gone it says so.
        std::fs::remove_file(socket_path(dir.path())).unwrap();
        let gone = tokio::task::spawn_blocking(move || {
            read.cases(&crate::store::CaseFilter { limit: 9, ..Default::default() }).unwrap_err().to_string()
        });
        assert!(gone.await.unwrap().contains("ask the running daemon"));
    }
}
