//! The hidden `worker` command: a process that reads pieces from its standard input, behind the fence.
//!
//! Invariant: the fence stands before the first byte of a piece is taken from the pipe. The process keeps no
//! state from one piece to the next but the recogniser.

use super::fence;
use super::frame::{self, Ask, Done, Task, Tell};
use super::mail::message;
use super::paper::ocr::{Engine, tessdata_dir};
use super::reading::{Fault, Outlet, Reading};
use super::sniff;
use crate::limits::{PIECE_BYTES_MAX, PIECE_TIME_MAX};
use std::io::{self, Write};
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

struct Pipe<W: Write>(W);

impl<W: Write> Outlet for Pipe<W> {
    fn tell(&mut self, tell: &Tell, body: &[u8]) -> io::Result<()> {
        frame::write(&mut self.0, tell, body)
    }
}

fn serve(fence: fence::FenceReport) -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut pipe = Pipe(io::stdout().lock());
    let mut engine = Engine::new(tessdata_dir());
    pipe.tell(&Tell::Ready { fence }, b"")?;
    while let Some((ask, bytes)) = frame::read::<Ask>(&mut input, PIECE_BYTES_MAX)? {
        fence::limit_time(PIECE_TIME_MAX);
        engine.speak(&ask.languages);
        match ask.task {
            Task::Read { words, behind } => {
                let mut reading = Reading::new(&mut pipe, &mut engine, behind, words);
                read_piece(&mut reading, &ask.name, ask.channel, &bytes);
                match reading.end() {
                    Ok(notes) => pipe.tell(&Tell::Done, &json(&Done { notes })?)?,
                    Err(Fault::Engine(error)) => {
                        pipe.tell(&Tell::Fault { explanation: error.to_string() }, b"")?;
                    }
                    Err(Fault::Outlet(error)) => return Err(error),
                }
            }
            Task::Attachment(wanted) => {
                give(&mut pipe, message::attachment_bytes(&bytes, &wanted.name, wanted.nth))?;
            }
        }
    }
    Ok(())
}

/// Hands over what was asked for, be it nothing, one thing or several.
fn give(pipe: &mut Pipe<impl Write>, given: impl IntoIterator<Item = Vec<u8>>) -> io::Result<()> {
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
