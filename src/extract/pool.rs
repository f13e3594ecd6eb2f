//! The workers as the daemon sees them: started when needed, given one piece at a time, ended at the deadline.
//!
//! Where a virus scanner is configured it looks at each piece first; only a piece that it finds something in, or that
//! is too large for it, is looked at part by part. Invariants: no piece is read that the scanner has not seen; a worker that hangs, dies or lies costs the text of the document it was reading. The next worker
//! goes on behind that document; documents already finished are never read twice.

use super::clamd::{Clamd, ClamdError, Verdict};
use super::frame::{Ask, Leaves, Task, Wanted};
use super::gathered::{Cause, Gathered, unread};
use super::helping::Shared;
use super::running::Running;
use super::talk::{Ended, Worker};
use super::{FenceReport, Looked, ReadRequest, ReaderOptions};
use crate::limits::{PAGE_TIME_MAX, PIECE_BYTES_MAX, PIECE_TIME_MAX, READ_TIME_MAX, RUN_PAGES_MAX};
use crate::metrics::{Metrics, family};
use crate::record::{Channel, Document, Extract, Problem};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Pieces that one worker reads before a fresh one takes its place: whatever leaks, leaks within bounds.
const PIECES_PER_WORKER_MAX: u32 = 500;

/// Workers that one piece may cost. What is left unread then is told.
const WORKERS_LOST_MAX: usize = 8;

/// How long things may take. The values of `limits`, except in tests.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// From the start of a worker to its first word.
    pub start: Duration,
    /// One document without its pages, for each worker that tries.
    pub read: Duration,
    /// One page.
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
    #[error("the virus scanner cannot be asked, and nothing is read that it has not seen")]
    Scanner(#[from] ClamdError),
    #[error("the fence around reading does not stand whole, and [reading] fence = \"required\": {lacks}")]
    Fence { lacks: String },
    #[error("the reader is shutting down")]
    ShuttingDown,
}

/// One document of a piece.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    /// Name, channel and bytes of the piece, as they were read.
    pub name: &'a str,
    pub channel: Option<Channel>,
    pub bytes: &'a [u8],
    /// Its index in [`Extract::documents`].
    pub document: usize,
}

/// Reads pieces in worker processes. Workers start with the first piece and end with the reader.
#[derive(Debug)]
pub struct Reader {
    pub(super) options: ReaderOptions,
    pub(super) times: Times,
    pub(super) permits: Semaphore,
    /// People at the desk do not wait behind the post: one worker more, for them.
    giving: Semaphore,
    idle: Mutex<Vec<Worker>>,
    scanner: Option<Clamd>,
    fence_required: bool,
    told_of_fence: AtomicBool,
    pub(super) metrics: Metrics,
    running: Running,
}

impl Reader {
    /// Starts nothing yet.
    pub fn start(options: ReaderOptions) -> Self {
        Self::with_times(options, Times::default())
    }

    /// As [`Reader::start`], with other deadlines.
    pub fn with_times(options: ReaderOptions, times: Times) -> Self {
        let permits = Semaphore::new(options.workers.max(1));
        Self {
            options,
            times,
            permits,
            giving: Semaphore::new(1),
            idle: Mutex::new(Vec::new()),
            scanner: None,
            fence_required: false,
            told_of_fence: AtomicBool::new(false),
            metrics: Metrics::default(),
            running: Running::default(),
        }
    }

    /// Counts its workers there.
    #[must_use]
    pub fn counted_by(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// The process ids of all workers that run now.
    pub fn running(&self) -> Running {
        self.running.clone()
    }

    /// With a virus scanner that looks at each piece before it is read.
    #[must_use]
    pub fn with_scanner(mut self, scanner: Option<Clamd>) -> Self {
        self.scanner = scanner;
        self
    }

    /// Reads nothing where a layer of the fence is missing.
    #[must_use]
    pub fn insisting_on_fence(mut self, required: bool) -> Self {
        self.fence_required = required;
        self
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
        let suspicion = match &self.scanner {
            Some(scanner) => Some(scanner.scan(&request.bytes).await?).filter(|said| *said != Verdict::Clean),
            None => None,
        };
        let check = self.scanner.as_ref().filter(|_| suspicion.is_some());
        let end = Instant::now() + self.times.piece;
        let mut gathered = Gathered::default();
        let shared = Shared::default();
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
                task: Task::Read {
                    words: request.words,
                    check: check.is_some(),
                    behind: gathered.behind(),
                    shared: self.options.workers > 1,
                },
            };
            let read = worker.read(&ask, &request.bytes, check, (self.times, end), &mut gathered, &shared);
            let ended = self.with_help(&shared, request.words, end, read).await;
            match ended {
                Ended::Done(done) => {
                    gathered.notes.extend(done.notes);
                    self.give_back(worker);
                    gathered.suspect(suspicion.as_ref());
                    return Ok(gathered.into_extract(&request.name));
                }
                Ended::Fault(explanation) => return Err(ReadError::Engine { explanation }),
                Ended::Unchecked(error) => return Err(error.into()),
                // It may have been killed while it lay idle, or brought the last straw of memory with it from
                // earlier pieces: a document is blamed only when a new worker dies of it too.
                Ended::Lost(Cause::Died) if !fresh => {
                    gathered.retry();
                    fresh = true;
                }
                Ended::Lost(cause) => {
                    lost += 1;
                    let named = gathered.blame(cause);
                    self.metrics.add(&family::WORKERS_LOST, &[cause.id()], 1);
                    tracing::warn!(cause = cause.id(), lost, "a reading worker was lost");
                    if !named || lost >= WORKERS_LOST_MAX || Instant::now() >= end {
                        gathered.give_up(cause);
                        gathered.notes.push((
                            cause.problem(),
                            "Niet alles in dit stuk kon worden gelezen: bekijk het origineel.".to_owned(),
                        ));
                        gathered.suspect(suspicion.as_ref());
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

    /// One page (from 1) of a document of a piece as a JPEG, turned by quarter turns clockwise so that it is upright.
    /// `None` when there is no such page, or it cannot be shown.
    ///
    /// # Errors
    /// Only the machine's.
    pub async fn picture(&self, of: Leaf<'_>, page: u32, turns: u32) -> Result<Option<Vec<u8>>, ReadError> {
        let task = Task::Leaves { document: of.document, wish: Leaves::Picture { page, turns } };
        let given = self.give(task, of.name, of.channel, of.bytes, 1).await?;
        Ok(given.and_then(|mut given| given.pop()))
    }

    /// A document of a piece as a searchable PDF: its pages as they came, with the words of `read` unseen over them.
    /// `None` when it has no pages.
    ///
    /// # Errors
    /// Only the machine's.
    pub async fn searchable(&self, of: Leaf<'_>, read: &Document) -> Result<Option<Vec<u8>>, ReadError> {
        let mut bytes = serde_json::to_vec(read).unwrap_or_default();
        let wish = Leaves::Searchable { read_bytes: bytes.len() };
        bytes.extend_from_slice(of.bytes);
        let given =
            self.give(Task::Leaves { document: of.document, wish }, of.name, of.channel, &bytes, 1).await?;
        Ok(given.and_then(|mut given| given.pop()))
    }

    /// The HTML of a message as what may be shown of it: a [`Formatted`](crate::record::Formatted) as JSON. `None` when it has none.
    ///
    /// # Errors
    /// Only the machine's.
    pub async fn formatted(&self, message: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        let given = self.give(Task::Formatted, "", None, message, 1).await?;
        Ok(given.and_then(|mut given| given.pop()))
    }

    /// Looks for separator sheets, as the post's own work. `fronts` is the file, `backs` the other half of a one-sided
    /// run. The letters of a run come with it. `None`: no worker could look, and reading will tell why.
    ///
    /// # Errors
    /// Only the machine's.
    pub async fn divide(
        &self,
        fronts: &[u8],
        backs: Option<&[u8]>,
        values: &[String],
    ) -> Result<Option<(Looked, Vec<Vec<u8>>)>, ReadError> {
        let _permit = self.permits.acquire().await.map_err(|_| ReadError::ShuttingDown)?;
        let (first, both);
        let bytes = match backs {
            Some(backs) => {
                (first, both) = (Some(fronts.len()), [fronts, backs].concat());
                both.as_slice()
            }
            None => {
                first = None;
                fronts
            }
        };
        let task = Task::Divide { first, values: values.to_vec() };
        let given = self.ask(task, "", Some(Channel::Letter), bytes, RUN_PAGES_MAX + 1).await?;
        Ok(given.and_then(|mut given| {
            let looked: Looked = serde_json::from_slice(given.first()?).ok()?;
            let letters = given.split_off(1);
            let expected = match &looked {
                Looked::Run(run) if run.adds_up() => run.letters.len(),
                Looked::Run(_) => return None,
                _ => 0,
            };
            (letters.len() == expected).then_some((looked, letters))
        }))
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
        self.ask(task, name, channel, bytes, most).await
    }

    /// The same, by whoever has a place.
    async fn ask(
        &self,
        task: Task,
        name: &str,
        channel: Option<Channel>,
        bytes: &[u8],
        most: usize,
    ) -> Result<Option<Vec<Vec<u8>>>, ReadError> {
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
                    self.metrics.add(&family::WORKERS_LOST, &[Cause::of(&error).id()], 1);
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

    /// Pieces that can be read at the same time.
    pub fn workers(&self) -> usize {
        self.options.workers.max(1)
    }

    /// The process ids of the workers that wait for a piece.
    pub fn idle_workers(&self) -> Vec<u32> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.iter().filter_map(|worker| worker.child.id()).collect()
    }

    fn take_idle(&self) -> Option<Worker> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    pub(super) fn give_back(&self, worker: Worker) {
        if worker.pieces < PIECES_PER_WORKER_MAX {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        }
    }

    pub(super) async fn idle_or_new(&self) -> Result<Worker, ReadError> {
        match self.take_idle() {
            Some(worker) => Ok(worker),
            None => self.start_worker().await,
        }
    }

    async fn start_worker(&self) -> Result<Worker, ReadError> {
        let mut worker = Worker::start(&self.options.program, self.times.start).await?;
        self.metrics.add(&family::WORKER_STARTS, &[], 1);
        worker.listed = worker.child.id().map(|pid| self.running.list(pid));
        let lacks = worker.fence.lacks();
        if !lacks.is_empty() {
            let lacks = lacks.join(", ");
            if self.fence_required {
                return Err(ReadError::Fence { lacks });
            }
            if !self.told_of_fence.swap(true, Ordering::Relaxed) {
                tracing::warn!(%lacks, "the fence around reading does not stand whole; reading goes on behind the rest");
            }
        }
        Ok(worker)
    }
}
