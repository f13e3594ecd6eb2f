//! Where pieces come from: a mailbox over IMAP, a Maildir, the folder that the post room scans into, and a
//! backlog that is imported.
//!
//! A source gives a bounded batch (`poll`) and is told what became of each piece (`settle`). Invariant: it
//! lets go of a piece (moves it to where it is done with) only when `settle` says that the piece is durable.
//! Until then it stays where the citizen's message or the post room's scan was laid, and after a crash it is
//! given again: the register knows it by its digest. A source knows nothing of the store.

mod error;
mod file;
mod folder_watch;
mod imap;
mod imap_claim;
mod imap_connection;
mod imap_fetched;
mod imap_login;
mod imap_names;
pub mod import;
mod maildir;
mod mbox;
mod post_room;
mod received;
mod rhythm;
mod scan;
mod scan_folder;
mod tally;
mod tally_imap;

pub use error::SourceError;
pub use imap::{Imap, ImapBounds};
pub use import::Import;
pub use maildir::MaildirFolder;
pub use post_room::{PostFault, PostFolder};
pub use received::received_of_message;
pub use scan::ScanInbox;
pub use tally::{Looked, Teller};

use crate::record::Arrival;
use file::Stamp;
use jiff::Timestamp;
use std::path::PathBuf;

/// What became of a piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Registered, on disk: the source may let go of it.
    Durable,
    /// The same, and it was there before, byte for byte; `note` is Dutch, for whoever laid it down again.
    Again { note: String },
    /// Not taken; `reason` is Dutch, for the staff who can do something about it. The piece is kept where a
    /// person finds it.
    Refused { reason: String },
}

/// A piece, and what `settle` needs to know it again.
#[derive(Clone, Debug)]
pub struct Piece {
    pub arrival: Arrival,
    pub token: Token,
}

/// Names a piece to the source that gave it, and to nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token(Place);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// RFC 3501 §2.3.1.1: a UID means something only with its UIDVALIDITY.
    Imap { uid_validity: u32, uid: u32 },
    /// The stamp tells whether it is still the file that was read.
    File { path: PathBuf, stamp: Stamp },
}

/// A piece that a source cannot give, and that stays where it is. Told once in the log (a number only) and
/// shown to staff until it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Where it is: `uid 17`, or the name of a file. For the desk, not for a log.
    pub reference: String,
    /// Dutch, for staff: what is the matter and what to do.
    pub reason: String,
}

/// Troubles that a source shows; more would not be read.
const TROUBLES_SHOWN_MAX: usize = 100;

/// A place that pieces come from. Every future may be dropped at any await (`tokio::select!` against
/// shutdown): nothing is lost by it, at most a connection is made again.
pub trait Source: Send {
    /// A short name for logs and the desk, without personal data: `mailbox`, `maildir`, `scans`.
    fn name(&self) -> String;

    /// The pieces that are there now, oldest first, at most one batch; empty when there are none. A piece
    /// that was given and not settled is given again.
    ///
    /// # Errors
    /// When the source cannot be read; call [`wait`](Source::wait) before the next poll, it keeps the pause.
    fn poll(&mut self) -> impl Future<Output = Result<Vec<Piece>, SourceError>> + Send;

    /// Tells what became of pieces. A settlement that fails is owed: it is tried again at the next poll.
    ///
    /// # Errors
    /// When the source cannot let go of a piece now; nothing is lost.
    fn settle(&mut self, settled: Vec<(Token, Fate)>)
    -> impl Future<Output = Result<(), SourceError>> + Send;

    /// Returns when something may have come, or when the pause after a failure is over.
    ///
    /// # Errors
    /// When the connection was lost while waiting; the next poll makes a new one.
    fn wait(&mut self) -> impl Future<Output = Result<(), SourceError>> + Send;

    /// What stays behind and cannot be given.
    fn troubles(&self) -> Vec<Trouble> {
        Vec::new()
    }
}

/// Whether mail received at `received_at` may be answered: mail from before the cut-off is registered, never
/// answered, so that the first run over an old mailbox writes to nobody.
fn may_answer(received_at: Timestamp, answer_from: Option<Timestamp>) -> bool {
    answer_from.is_none_or(|from| received_at >= from)
}
