//! One worker as the daemon talks with it: its start, its frames, its deadlines.
//!
//! Invariants: no word of a worker is waited for without a deadline, taken in past a bound, or believed; what one
//! page leaves of its time is not the next one's.

use super::clamd::{Clamd, ClamdError, Verdict};
use super::frame::{self, Ask, Done, Helped, Leaf, Tell};
use super::gathered::{Cause, Gathered};
use super::helping::Shared;
use super::patience::Patience;
use super::running::Listed;
use super::{FenceReport, ReadError, Times};
use crate::limits::{PIECE_BYTES_MAX, SCANS_MAX, TEXT_PAGES_MAX, WORKER_REPLY_BYTES_MAX};
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, timeout_at};

#[derive(Debug)]
pub(super) struct Worker {
    /// Killed and reaped when dropped.
    pub child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    pub fence: FenceReport,
    pub pieces: u32,
    /// That it runs; ends with it.
    pub listed: Option<Listed>,
}

/// How a worker's turn ended.
pub(super) enum Ended {
    Done(Done),
    Fault(String),
    Lost(Cause),
    /// The virus scanner could not be asked about a part.
    Unchecked(ClamdError),
}

impl Worker {
    /// Starts the program with the one argument `worker`, and waits for its first word.
    pub async fn start(program: &Path, within: Duration) -> Result<Self, ReadError> {
        let mut command = Command::new(program);
        command.arg("worker").env_clear().env("OMP_THREAD_LIMIT", "1").current_dir("/");
        // Page images go back to the system when they are done with, instead of leaving holes.
        command.env("MALLOC_MMAP_THRESHOLD_", "1048576").env("MALLOC_ARENA_MAX", "1");
        for kept in ["TESSDATA_PREFIX", "LD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        // What a library complains about may hold words of a letter: it goes nowhere.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child =
            command.spawn().map_err(|source| ReadError::Start { program: program.to_owned(), source })?;
        let handshake =
            |explanation: String| ReadError::Handshake { program: program.to_owned(), explanation };
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(handshake("it has no pipes".to_owned()));
        };
        let mut output = BufReader::new(output);
        match timeout_at(Instant::now() + within, next(&mut output, 0)).await {
            Ok(Ok(Word { tell: Tell::Ready { fence }, .. })) => {
                Ok(Worker { child, input, output, fence, pieces: 0, listed: None })
            }
            Ok(Ok(_)) => Err(handshake("its first word is another one than expected".to_owned())),
            Ok(Err(error)) => Err(handshake(error.to_string())),
            Err(_) => Err(handshake("it stays silent".to_owned())),
        }
    }

    /// Has a piece read. `check`: whom to ask about its parts; then how long things may take, and when all must be done.
    pub async fn read(
        &mut self,
        ask: &Ask,
        bytes: &[u8],
        check: Option<&Clamd>,
        (times, end): (Times, Instant),
        gathered: &mut Gathered,
        shared: &Shared,
    ) -> Ended {
        let mut patience = Patience::new(times, end, Instant::now());
        let mut checks = 0;
        match timeout_at(patience.deadline(), self.ask(ask, bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Ended::Lost(Cause::Died),
            Err(_) => return Ended::Lost(Cause::Deadline),
        }
        loop {
            let left = WORKER_REPLY_BYTES_MAX.saturating_sub(gathered.bytes);
            // A document that is shared is as large as the piece at most, and is kept by nobody.
            let body_max = left.max(PIECE_BYTES_MAX);
            let word = match patience.hear(self.child.id(), next(&mut self.output, body_max)).await {
                Ok(Ok(word)) => word,
                Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                    return Ended::Lost(Cause::TooMuch);
                }
                Ok(Err(_)) => return Ended::Lost(Cause::Died),
                Err(_) => return Ended::Lost(Cause::Deadline),
            };
            if let (Tell::Check, Some(clamd)) = (&word.tell, check) {
                checks += 1;
                if checks > SCANS_MAX {
                    return Ended::Lost(Cause::Lied);
                }
                let asked = Instant::now();
                let verdict = match clamd.scan(&word.body).await {
                    Ok(verdict) => verdict,
                    Err(error) => return Ended::Unchecked(error),
                };
                patience.waited(asked.elapsed());
                match timeout_at(patience.deadline(), self.tell(&verdict)).await {
                    Ok(Ok(())) => continue,
                    Ok(Err(_)) => return Ended::Lost(Cause::Died),
                    Err(_) => return Ended::Lost(Cause::Deadline),
                }
            }
            match word.tell {
                Tell::Share { page, of } if page < of && of <= TEXT_PAGES_MAX => {
                    shared.open(page, of, word.body);
                    continue;
                }
                Tell::Next { page } => {
                    let asked = Instant::now();
                    let Ok(leaf) = timeout_at(end, shared.page(page)).await else {
                        return Ended::Lost(Cause::Deadline);
                    };
                    patience.was_helped(asked.elapsed());
                    match timeout_at(patience.deadline(), self.answer(page, leaf.as_ref())).await {
                        Ok(Ok(())) => continue,
                        Ok(Err(_)) => return Ended::Lost(Cause::Died),
                        Err(_) => return Ended::Lost(Cause::Deadline),
                    }
                }
                _ => {}
            }
            if word.bytes > left {
                return Ended::Lost(Cause::TooMuch);
            }
            gathered.bytes += word.bytes;
            match word.tell {
                Tell::Page => patience.page_begins(Instant::now()),
                Tell::Fault { explanation } => return Ended::Fault(explanation),
                Tell::Done => {
                    return match serde_json::from_slice(&word.body) {
                        Ok(done) => Ended::Done(done),
                        Err(_) => Ended::Lost(Cause::Lied),
                    };
                }
                tell => {
                    if let Tell::Begins { index, .. } = tell {
                        patience.document_begins(Instant::now());
                        shared.document_begins(index);
                    }
                    if !gathered.take(tell, &word.body) {
                        return Ended::Lost(Cause::Lied);
                    }
                }
            }
        }
    }

    /// Asks for at most `most` things. Pages that have to be recognised for it bring their own time.
    pub async fn give(
        &mut self,
        ask: &Ask,
        bytes: &[u8],
        most: usize,
        times: Times,
    ) -> io::Result<Vec<Vec<u8>>> {
        let mut patience = Patience::new(times, Instant::now() + times.piece, Instant::now());
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        timeout_at(patience.deadline(), self.ask(ask, bytes)).await.map_err(late)??;
        let mut given = Vec::new();
        let mut left = PIECE_BYTES_MAX;
        loop {
            let word = patience.hear(self.child.id(), next(&mut self.output, left)).await.map_err(late)??;
            left = left.saturating_sub(word.bytes);
            match word.tell {
                Tell::Page => patience.page_begins(Instant::now()),
                Tell::Given if given.len() < most => given.push(word.body),
                Tell::Done => return Ok(given),
                _ => return Err(io::Error::from(io::ErrorKind::InvalidData)),
            }
        }
    }

    /// Has pages read of a document that another worker reads; `taken` is the one in hand.
    pub async fn help(
        &mut self,
        ask: &Ask,
        document: &[u8],
        shared: &Shared,
        taken: &mut Option<u32>,
        times: Times,
        end: Instant,
    ) -> io::Result<()> {
        let mut patience = Patience::new(times, end, Instant::now());
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        let lie = || io::Error::from(io::ErrorKind::InvalidData);
        timeout_at(patience.deadline(), self.ask(ask, document)).await.map_err(late)??;
        let mut left = WORKER_REPLY_BYTES_MAX;
        loop {
            let word = patience.hear(self.child.id(), next(&mut self.output, left)).await.map_err(late)??;
            left = left.saturating_sub(word.bytes);
            match word.tell {
                Tell::Page => patience.page_begins(Instant::now()),
                Tell::PageDone { page, .. } if *taken == Some(page) => {
                    let leaf: Leaf = serde_json::from_slice(&word.body).map_err(|_| lie())?;
                    if !shared.bring(page, leaf) {
                        return Err(lie());
                    }
                    *taken = None;
                }
                Tell::Take if taken.is_none() => {
                    *taken = shared.take();
                    let told = self.answer(taken.unwrap_or(0), None);
                    timeout_at(patience.deadline(), told).await.map_err(late)??;
                }
                Tell::Done => return Ok(()),
                _ => return Err(lie()),
            }
        }
    }

    async fn answer(&mut self, page: u32, leaf: Option<&Leaf>) -> io::Result<()> {
        let body = leaf.map(serde_json::to_vec).transpose().map_err(io::Error::other)?.unwrap_or_default();
        self.input.write_all(&frame::opening(&Helped { page }, body.len())?).await?;
        self.input.write_all(&body).await?;
        self.input.flush().await
    }

    async fn ask(&mut self, ask: &Ask, bytes: &[u8]) -> io::Result<()> {
        self.pieces += 1;
        self.input.write_all(&frame::opening(ask, bytes.len())?).await?;
        self.input.write_all(bytes).await?;
        self.input.flush().await
    }

    async fn tell(&mut self, verdict: &Verdict) -> io::Result<()> {
        self.input.write_all(&frame::opening(verdict, 0)?).await?;
        self.input.flush().await
    }
}

/// One frame of a worker, and how long it was.
struct Word {
    tell: Tell,
    body: Vec<u8>,
    bytes: u64,
}

async fn next(output: &mut BufReader<ChildStdout>, body_bytes_max: u64) -> io::Result<Word> {
    let mut start = [0; 8];
    output.read_exact(&mut start).await?;
    let (head_len, body_len) = frame::lengths(start, body_bytes_max)?;
    let mut head = vec![0; head_len];
    output.read_exact(&mut head).await?;
    let mut body = vec![0; body_len];
    output.read_exact(&mut body).await?;
    let bytes = (start.len() + head_len + body_len) as u64;
    Ok(Word { tell: serde_json::from_slice(&head).map_err(io::Error::other)?, body, bytes })
}
