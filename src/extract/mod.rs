//! Bytes → text with its places, pages, words, confidence and defects; one file per format.
//!
//! Standards: RFC 5322 and 2045–2049 (messages), RFC 3676 (format=flowed), RFC 3464 (delivery status),
//! ISO 32000 (PDF), ECMA-376 (docx). Invariant: bytes from outside are parsed in the worker process only
//! (`worker`), behind the fence (`fence`); whatever happens there costs the text of one document, which
//! then carries a [`Problem`](crate::record::Problem) and a Dutch [`Defect`](crate::record::Defect).
//!
//! | file | what it knows |
//! | --- | --- |
//! | `pool` | the workers: death, retry without the document that caused it |
//! | `talk` | one worker: its start, its frames, its deadlines |
//! | `running` | which of them run, for who watches their memory |
//! | `helping` | idle workers that read pages of a long scan |
//! | `gathered`, `begun` | what came of one piece, from one worker or several; of a document not yet finished |
//! | `frame` | what goes over the pipe |
//! | `worker` | the process: fence first, then pieces one by one |
//! | `fence` | rlimits, landlock, seccomp |
//! | `clamd` | the virus scanner, asked by the daemon |
//! | `reading` | documents in the order they are found, with their bounds |
//! | `budget` | what a piece may grow to when it is unpacked |
//! | `sniff` | what a file is, by its content |
//! | `text`, `charset` | plain text |
//! | `mail/` | messages, their bodies, and whose words they are |
//! | `paper/` | PDF, images, scans; `ocr` alone knows Tesseract |
//! | `office/` | office files and archives |

mod begun;
mod budget;
mod charset;
mod clamd;
#[cfg(any(test, feature = "inner"))]
pub mod counted;
mod fence;
mod frame;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gathered;
mod helping;
mod mail;
mod office;
mod paper;
mod patience;
mod pool;
mod reading;
mod running;
mod sniff;
mod talk;
mod text;
mod worker;

pub use clamd::{Clamd, ClamdError};
pub use fence::{FenceReport, Hold, keep_private};
pub use paper::ocr::{EngineError, languages_installed, tessdata_dir};
pub use paper::run::Looked;
pub use pool::{Leaf, ReadError, Reader, Times};
pub use running::Running;
pub use worker::worker_main;

use crate::record::{Channel, Message, Part};
use std::path::PathBuf;

/// How reading is set up: what the configuration says.
#[derive(Clone, Debug)]
pub struct ReaderOptions {
    /// Tesseract's languages, joined with `+`: `nld+eng`.
    pub languages: String,
    /// Worker processes at most; one core each.
    pub workers: usize,
    /// The program that is started with the one argument `worker`: this very binary.
    pub program: PathBuf,
}

/// Whose words a typed message holds: the split that a real one gets, for labelled examples.
pub fn parts_of(text: &str, message: &Message) -> Vec<Part> {
    mail::parts::split(text, mail::message::forwards(message))
}

/// One piece to read.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// File name; tells nothing that is relied on, except that `.txt` is a letter as typed.
    pub name: String,
    /// What the source knows. `None`: told by the content (`extract FILE`).
    pub channel: Option<Channel>,
    pub bytes: Vec<u8>,
    /// Keep every word with its box, for pictures and searchable PDFs.
    pub words: bool,
}
