//! The workers as the daemon sees them: started when needed, given one piece at a time, ended at the deadline.
//!
//! Invariant: a worker that hangs, dies or lies costs the text of the document it was reading. The next worker
//! goes on behind that document; documents already finished are never read twice.

use super::frame::{self, Ask, Done, Task, Tell, Wanted};
use super::gathered::{Cause, Gathered, unread};
use super::{FenceReport, ReadRequest, ReaderOptions};
use crate::limits::{PAGE_TIME_MAX, PIECE_BYTES_MAX, PIECE_TIME_MAX, READ_TIME_MAX, WORKER_REPLY_BYTES_MAX};
use crate::record::{Channel, Extract, Problem};
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// Pieces that one worker reads before a fresh one takes its place: whatever leaks, leaks within bounds.
const PIECES_PER_WORKER_MAX: u32 = 500;

/// Workers that one piece may cost. What is left unread then is told.
const WORKERS_LOST_MAX: usize = 8;

/// How long things may take. The values of `limits`, except in tests.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// From the start of a worker to its first word.
    pub start: Duration,
    /// One piece without its pages, for each worker that tries.
    pub read: Duration,
    /// More for each page.
    pub page: Duration,
    /// One piece in all.
    pub piece: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { start: READ_TIME_MAX, read: READ_TIME_MAX, page: PAGE_TIME_MAX, piece: PIECE_TIME_MAX }
    }
}

/// The machine's fault: nothing is known about the piece, and it can be read again later.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("cannot start the reading program {}", program.display())]
    Start { program: PathBuf, source: io::Error },
    #[error("the reading program {} started but does not answer as it should: {explanation}", program.display())]
    Handshake { program: PathBuf, explanation: String },
    #[error("the reading program cannot do its work: {explanation}")]
    Engine { explanation: String },
    #[error("the reader is shutting down")]
    ShuttingDown,
}

/// Reads pieces in worker processes. Workers start with the first piece and end with the reader.
#[derive(Debug)]
pub struct Reader {
    options: ReaderOptions,
    times: Times,
    permits: Semaphore,
    /// People at the desk do not wait behind the post: one worker more, for them.
    giving: Semaphore,
    idle: Mutex<Vec<Worker>>,
}

impl Reader {
    /// Starts nothing yet.
    pub fn start(options: ReaderOptions) -> Self {
        Self::with_times(options, Times::default())
    }

    /// As [`Reader::start`], with other deadlines.
    pub fn with_times(options: ReaderOptions, times: Times) -> Self {
        let permits = Semaphore::new(options.workers.max(1));
        Self { options, times, permits, giving: Semaphore::new(1), idle: Mutex::new(Vec::new()) }
    }

    /// Reads one piece. Waits while every worker is busy; dropping the future ends its worker.
    ///
    /// # Errors
    /// Only the machine's: what is wrong with the piece is in the extract.
    pub async fn read(&self, request: ReadRequest) -> Result<Extract, ReadError> {
        let _permit = self.permits.acquire().await.map_err(|_| ReadError::ShuttingDown)?;
        if request.bytes.len() as u64 > PIECE_BYTES_MAX {
            return Ok(unread(&request.name, Problem::TooLarge, "is te groot om te lezen"));
        }
        let end = Instant::now() + self.times.piece;
        let mut gathered = Gathered::default();
        let mut lost = 0;
        let mut fresh = false;
        loop {
            let idle = if fresh { None } else { self.take_idle() };
            fresh = idle.is_none();
            let mut worker = match idle {
                Some(worker) => worker,
                None => self.start_worker().await?,
            };
            let ask = Ask {
                name: request.name.clone(),
                channel: request.channel,
                languages: self.options.languages.clone(),
                task: Task::Read { words: request.words, behind: gathered.behind() },
            };
            match worker.read(&ask, &request.bytes, self.times, end, &mut gathered).await {
                Ended::Done(done) => {
                    gathered.notes.extend(done.notes);
                    self.give_back(worker);
                    return Ok(gathered.into_extract(&request.name));
                }
                Ended::Fault(explanation) => return Err(ReadError::Engine { explanation }),
                // It may have been killed while it lay idle, or brought the last straw of memory with it from
                // earlier pieces: a document is blamed only when a new worker dies of it too.
                Ended::Lost(Cause::Died) if !fresh => {
                    gathered.reading = None;
                    fresh = true;
                }
                Ended::Lost(cause) => {
                    lost += 1;
                    let named = gathered.blame(cause);
                    tracing::warn!(?cause, lost, "a reading worker was lost");
                    if !named || lost >= WORKERS_LOST_MAX || Instant::now() >= end {
                        gathered.notes.push((
                            cause.problem(),
                            "Niet alles in dit stuk kon worden gelezen: bekijk het origineel.".to_owned(),
                        ));
                        return Ok(gathered.into_extract(&request.name));
                    }
                }
            }
        }
    }

    /// The bytes of one attachment of a message: the `nth` (from 0) of the documents with this name. `None`
    /// when there is none: it is no attachment of the message itself, or the message cannot be opened.
    ///
    /// # Errors
    /// Only the machine's.
    pub async fn attachment(
        &self,
        message: &[u8],
        name: &str,
        nth: usize,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        let wanted = Wanted { name: name.to_owned(), nth };
        let given = self.give(Task::Attachment(wanted), "", None, message, 1).await?;
        Ok(given.and_then(|mut given| given.pop()))
    }

    /// Asks a worker for something other than text: at most `most` bodies. `None` when the piece costs a fresh
    /// worker its life or its time.
    async fn give(
        &self,
        task: Task,
        name: &str,
        channel: Option<Channel>,
        bytes: &[u8],
        most: usize,
    ) -> Result<Option<Vec<Vec<u8>>>, ReadError> {
        let _permit = self.giving.acquire().await.map_err(|_| ReadError::ShuttingDown)?;
        if bytes.len() as u64 > PIECE_BYTES_MAX {
            return Ok(None);
        }
        let ask = Ask { name: name.to_owned(), channel, languages: self.options.languages.clone(), task };
        // A worker that lay idle may have died there; a fresh one that dies has met the piece.
        let mut idle = self.take_idle();
        loop {
            let (mut worker, fresh) = match idle.take() {
                Some(worker) => (worker, false),
                None => (self.start_worker().await?, true),
            };
            match worker.give(&ask, bytes, most, self.times).await {
                Ok(given) => {
                    self.give_back(worker);
                    return Ok(Some(given));
                }
                Err(error) if fresh => {
                    tracing::warn!(kind = ?error.kind(), "a worker that should give something was lost");
                    return Ok(None);
                }
                Err(_) => {}
            }
        }
    }

    /// Starts a worker and tells what its fence holds; for `doctor`.
    ///
    /// # Errors
    /// When no worker can be started.
    pub async fn fence(&self) -> Result<FenceReport, ReadError> {
        let worker = self.start_worker().await?;
        let report = worker.fence.clone();
        self.give_back(worker);
        Ok(report)
    }

    /// The process ids of the workers that wait for a piece.
    pub fn idle_workers(&self) -> Vec<u32> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.iter().filter_map(|worker| worker.child.id()).collect()
    }

    fn take_idle(&self) -> Option<Worker> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give_back(&self, worker: Worker) {
        if worker.pieces < PIECES_PER_WORKER_MAX {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        }
    }

    async fn start_worker(&self) -> Result<Worker, ReadError> {
        let program = &self.options.program;
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
            command.spawn().map_err(|source| ReadError::Start { program: program.clone(), source })?;
        let handshake = |explanation: String| ReadError::Handshake { program: program.clone(), explanation };
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(handshake("it has no pipes".to_owned()));
        };
        let mut output = BufReader::new(output);
        match timeout_at(Instant::now() + self.times.start, next(&mut output, 0)).await {
            Ok(Ok((Tell::Ready { fence }, _))) => Ok(Worker { child, input, output, fence, pieces: 0 }),
            Ok(Ok(_)) => Err(handshake("its first word is another one than expected".to_owned())),
            Ok(Err(error)) => Err(handshake(error.to_string())),
            Err(_) => Err(handshake("it stays silent".to_owned())),
        }
    }
}

#[derive(Debug)]
struct Worker {
    /// Killed and reaped when dropped.
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    fence: FenceReport,
    pieces: u32,
}

/// How a worker's turn ended.
enum Ended {
    Done(Done),
    Fault(String),
    Lost(Cause),
}

impl Worker {
    async fn read(
        &mut self,
        ask: &Ask,
        bytes: &[u8],
        times: Times,
        end: Instant,
        gathered: &mut Gathered,
    ) -> Ended {
        self.pieces += 1;
        let mut deadline = (Instant::now() + times.read).min(end);
        let sent = async {
            self.input.write_all(&frame::opening(ask, bytes.len())?).await?;
            self.input.write_all(bytes).await?;
            self.input.flush().await
        };
        match timeout_at(deadline, sent).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Ended::Lost(Cause::Died),
            Err(_) => return Ended::Lost(Cause::Deadline),
        }
        loop {
            let left = WORKER_REPLY_BYTES_MAX.saturating_sub(gathered.bytes);
            let (tell, body) = match timeout_at(deadline, next(&mut self.output, left)).await {
                Ok(Ok(word)) => word,
                Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                    return Ended::Lost(Cause::TooMuch);
                }
                Ok(Err(_)) => return Ended::Lost(Cause::Died),
                Err(_) => return Ended::Lost(Cause::Deadline),
            };
            gathered.bytes += body.len() as u64;
            match tell {
                Tell::Page => deadline = (deadline + times.page).min(end),
                Tell::Fault { explanation } => return Ended::Fault(explanation),
                Tell::Done => {
                    return match serde_json::from_slice(&body) {
                        Ok(done) => Ended::Done(done),
                        Err(_) => Ended::Lost(Cause::Lied),
                    };
                }
                tell => {
                    if !gathered.take(tell, &body) {
                        return Ended::Lost(Cause::Lied);
                    }
                }
            }
        }
    }
}

impl Worker {
    /// Asks for at most `most` things. Pages that have to be recognised for it bring their own time.
    async fn give(&mut self, ask: &Ask, bytes: &[u8], most: usize, times: Times) -> io::Result<Vec<Vec<u8>>> {
        self.pieces += 1;
        let end = Instant::now() + times.piece;
        let mut deadline = (Instant::now() + times.read).min(end);
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        let sent = async {
            self.input.write_all(&frame::opening(ask, bytes.len())?).await?;
            self.input.write_all(bytes).await?;
            self.input.flush().await
        };
        timeout_at(deadline, sent).await.map_err(late)??;
        let mut given = Vec::new();
        let mut left = PIECE_BYTES_MAX;
        loop {
            match timeout_at(deadline, next(&mut self.output, left)).await.map_err(late)?? {
                (Tell::Page, _) => deadline = (deadline + times.page).min(end),
                (Tell::Given, body) if given.len() < most => {
                    left = left.saturating_sub(body.len() as u64);
                    given.push(body);
                }
                (Tell::Done, _) => return Ok(given),
                _ => return Err(io::Error::from(io::ErrorKind::InvalidData)),
            }
        }
    }
}

async fn next(output: &mut BufReader<ChildStdout>, body_bytes_max: u64) -> io::Result<(Tell, Vec<u8>)> {
    let mut start = [0; 8];
    output.read_exact(&mut start).await?;
    let (head_len, body_len) = frame::lengths(start, body_bytes_max)?;
    let mut head = vec![0; head_len];
    output.read_exact(&mut head).await?;
    let mut body = vec![0; body_len];
    output.read_exact(&mut body).await?;
    Ok((serde_json::from_slice(&head).map_err(io::Error::other)?, body))
}
