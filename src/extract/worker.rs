//! The hidden `worker` command: a process that reads pieces from its standard input, behind the fence.
//!
//! Invariant: the fence stands before the first byte of a piece is taken from the pipe. The process keeps no
//! state from one piece to the next but the recogniser.

use super::clamd::Verdict;
use super::fence;
use super::frame::{self, Ask, Behind, Done, Helped, Leaves, Task, Tell};
use super::mail::{formatted, hung, message};
use super::paper::ocr::{Engine, tessdata_dir};
use super::paper::run::{self, Looked};
use super::paper::{pdf, picture, searchable, shown};
use super::reading::{Fault, Outlet, Reading};
use super::sniff::{self, Kind};
use crate::limits::{PAGE_TIME_MAX, PIECE_BYTES_MAX, READ_TIME_MAX, WORKER_REPLY_BYTES_MAX};
use crate::record::Problem;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Runs until the daemon closes the pipe. To be called before the process starts any thread.
pub fn worker_main() -> ExitCode {
    // A panic is a document's fate and told as such; its text may hold a citizen's words.
    std::panic::set_hook(Box::new(|_| {}));
    ignore_stop_signals();
    let tessdata = tessdata_dir();
    let report = fence::raise(tessdata.as_deref());
    match serve(report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// systemd and Ctrl-C tell every process of the service to end. A worker goes on with its piece: the daemon closes the
/// pipe when it is done, and a piece cut off by a stop would look like one that crashed the reader.
fn ignore_stop_signals() {
    let told = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        // Without a handler the worker ends with the daemon, and the piece is read again: nothing is lost.
        let _ = signal_hook::flag::register(signal, Arc::clone(&told));
    }
}

/// The way to the daemon, and from it.
struct Pipe<R: Read, W: Write> {
    input: R,
    output: W,
}

impl<R: Read, W: Write> Outlet for Pipe<R, W> {
    fn tell(&mut self, tell: &Tell, body: &[u8]) -> io::Result<()> {
        match tell {
            Tell::Begins { .. } => fence::limit_time(READ_TIME_MAX),
            Tell::Page => fence::limit_time(READ_TIME_MAX + PAGE_TIME_MAX),
            _ => {}
        }
        frame::write(&mut self.output, tell, body)
    }

    fn check(&mut self, bytes: &[u8]) -> io::Result<Verdict> {
        if bytes.len() as u64 > PIECE_BYTES_MAX {
            return Ok(Verdict::TooLarge);
        }
        frame::write(&mut self.output, &Tell::Check, bytes)?;
        match frame::read(&mut self.input, 0)? {
            Some((verdict, _)) => Ok(verdict),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn helped(&mut self, question: &Tell) -> io::Result<(Helped, Vec<u8>)> {
        frame::write(&mut self.output, question, b"")?;
        match frame::read(&mut self.input, WORKER_REPLY_BYTES_MAX)? {
            Some(answer) => Ok(answer),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

fn serve(fence: fence::FenceReport) -> io::Result<()> {
    let mut pipe = Pipe { input: io::stdin().lock(), output: io::stdout().lock() };
    let mut engine = Engine::new(tessdata_dir());
    pipe.tell(&Tell::Ready { fence }, b"")?;
    while let Some((ask, bytes)) = frame::read::<Ask>(&mut pipe.input, PIECE_BYTES_MAX)? {
        fence::limit_time(READ_TIME_MAX);
        engine.speak(&ask.languages);
        match ask.task.clone() {
            Task::Read { words, check, behind, shared } => {
                let mut reading = Reading::new(&mut pipe, &mut engine, behind, words);
                reading.check = check;
                reading.shared = shared;
                read_piece(&mut reading, &ask.name, ask.channel, &bytes);
                let ended = reading.end();
                tell_end(&mut pipe, ended)?;
            }
            Task::Pages { words, first } => {
                let mut reading = Reading::new(&mut pipe, &mut engine, Behind::default(), words);
                // Bytes that another worker has opened: a panic ends this one, and the other reads on alone.
                match sniff::kind(&bytes) {
                    Kind::Tiff => picture::read_for_other(&mut reading, &bytes, first),
                    _ => pdf::read_for_other(&mut reading, &bytes, first),
                }
                let ended = reading.end();
                tell_end(&mut pipe, ended)?;
            }
            Task::Leaves { document, wish } => {
                give(&mut pipe, leaves(&mut engine, &ask, document, wish, &bytes))?;
            }
            Task::Divide { first, values } => {
                let given = divide(&mut pipe, first, &values, &bytes)?;
                give(&mut pipe, given)?;
            }
            Task::Formatted => {
                let formatted = formatted::of(&bytes).and_then(|shown| serde_json::to_vec(&shown).ok());
                give(&mut pipe, formatted)?;
            }
            Task::Attachment(wanted) => {
                give(&mut pipe, hung::attachment_bytes(&bytes, &wanted.name, wanted.nth))?;
            }
        }
    }
    Ok(())
}

fn tell_end(pipe: &mut impl Outlet, ended: Result<Vec<(Problem, String)>, Fault>) -> io::Result<()> {
    match ended {
        Ok(notes) => pipe.tell(&Tell::Done, &json(&Done { notes })?),
        Err(Fault::Engine(error)) => pipe.tell(&Tell::Fault { explanation: error.to_string() }, b""),
        Err(Fault::Outlet(error)) => Err(error),
    }
}

/// Pages of one document of a piece in the form that is wished for; `None` when it has none.
fn leaves(engine: &mut Engine, ask: &Ask, document: usize, wish: Leaves, bytes: &[u8]) -> Option<Vec<u8>> {
    let (read, piece) = match wish {
        Leaves::Picture { .. } => bytes.split_at_checked(0)?,
        Leaves::Searchable { read_bytes } => bytes.split_at_checked(read_bytes)?,
    };
    let mut nowhere = Nowhere;
    let mut reading = Reading::seeking(&mut nowhere, engine, document);
    read_piece(&mut reading, &ask.name, ask.channel, piece);
    let (kind, file) = reading.found()?;
    match wish {
        Leaves::Picture { page, turns } => shown::page(kind, &file, page, turns),
        Leaves::Searchable { .. } => searchable::pdf(kind, &file, &serde_json::from_slice(read).ok()?),
    }
}

/// News that nobody waits for.
struct Nowhere;

impl Outlet for Nowhere {
    fn tell(&mut self, _tell: &Tell, _body: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// Looks for separator sheets. A panic over a page is no run: the reading that follows tells what is wrong.
fn divide(
    pipe: &mut impl Outlet,
    first: Option<usize>,
    values: &[String],
    bytes: &[u8],
) -> io::Result<Vec<Vec<u8>>> {
    let files: Vec<&[u8]> = match first.and_then(|first| bytes.split_at_checked(first)) {
        Some((fronts, backs)) => vec![fronts, backs],
        None => vec![bytes],
    };
    let mut told = Ok(());
    let mut page_begins = || {
        if told.is_ok() {
            told = pipe.tell(&Tell::Page, b"");
        }
    };
    let divided = catch_unwind(AssertUnwindSafe(|| run::divide(&files, values, &mut page_begins)));
    told?;
    let (looked, letters) = divided.unwrap_or((Looked::NoRun { pages: 0 }, Vec::new()));
    let mut given = vec![serde_json::to_vec(&looked).map_err(io::Error::other)?];
    given.extend(letters);
    Ok(given)
}

/// Hands over what was asked for, be it nothing, one thing or several.
fn give(pipe: &mut impl Outlet, given: impl IntoIterator<Item = Vec<u8>>) -> io::Result<()> {
    for bytes in given {
        pipe.tell(&Tell::Given, &bytes)?;
    }
    pipe.tell(&Tell::Done, &json(&Done::default())?)
}

fn json(done: &Done) -> io::Result<Vec<u8>> {
    serde_json::to_vec(done).map_err(io::Error::other)
}

/// Reads one piece, whatever it is.
pub(super) fn read_piece(
    reading: &mut Reading<'_>,
    name: &str,
    channel: Option<crate::record::Channel>,
    bytes: &[u8],
) {
    if sniff::is_message(bytes, name, channel) {
        message::read(reading, bytes);
    } else {
        sniff::read_file(reading, Some(name), bytes, 0);
    }
}
