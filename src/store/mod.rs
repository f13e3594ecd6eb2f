//! The store (ISO 15489: a records system): originals, journal and index behind one function per state change.
//!
//! ```text
//! <store>/lock                    held by the one process that writes
//!         originals/2026/000123/  a folder per record           what came and what was made of it
//!         journal/000000000001.log  lines, each chained to the last  what happened; makes a change durable
//!         journal/durable         the last entry that is known to be on disk
//!         envelope.key            by which a bounce finds its case
//!         looks/2026-11.log       who looked at which case, chained, a file a month
//!         rules/<version>/        every rule set that was in force
//!         sealed                  the names of the keys in use, where a key file is configured
//!         index-texts/            the words of texts: follows the journal ([`texts`]); may be removed
//!         index/                  a fold of the two above  what can be asked; may be removed ([`base`])
//! ```
//! Every change goes the same way: its files are written, its entry is appended and folded into the index under one
//! lock, and the caller is answered when one sync has put files and journal on disk, which all who wait share
//! (`sync::GroupSync`). A power cut before that may leave an entry whose files are torn: such entries are found by
//! their digests and cut off at the next opening (`tail`); nobody had been told of them. What people typed is on
//! disk before its entry. Nobody waits for [`Store::commit`] and [`Store::answer_sent`]: they are on disk with the
//! next sync, and what leaves the house waits for it ([`Store::due_answers`]). So the index may show for a moment
//! what is not on disk yet.
//!
//! Restart states: R0 a folder in `originals/new/` without an entry: removed, the source still has the piece.
//! R1 registered (its folder is moved into place when that was cut off). R2 `extract.json` is there. R3 judged,
//! one entry. R4 answered. R5 closed by a person.

mod ahead;
mod answers;
mod base;
mod beside;
mod breaker;
mod bulk;
mod card;
mod change;
mod copy;
mod corrected;
mod digests;
mod entry;
mod envelope_key;
mod error;
mod figures;
mod fold;
mod fold_alike;
mod fold_case;
mod founded;
mod gather;
mod handed;
mod held;
mod history;
#[cfg(feature = "inner")]
pub mod inner;
mod journal;
mod kept_rules;
mod keyring;
mod keys;
mod layered;
mod letters;
mod lists;
mod looks;
mod news;
mod octets;
mod open;
mod original;
mod patience;
mod post;
mod proofs;
mod purge;
mod query;
mod rehearsed;
mod reseal;
mod rows;
mod run;
mod sealed;
mod sending;
mod split;
mod sync;
mod tail;
mod take;
mod texts;
mod types;
mod verify;
mod verify_answers;
mod verify_files;
mod verify_index;
mod watched;

pub use beside::IndexOfDaemon;
pub use breaker::BreakerRow;
pub use copy::{
    BackupReport, CopyError, CopyOf, CopyState, Manifest, Restored, backed_up_at, backup, note_backup,
    read_manifest, restore,
};
pub use digests::Ledger;
pub use entry::DAEMON;
pub use error::StoreError;
pub use kept_rules::{Published, kept_rules};
pub use keyring::new_key;
pub use letters::{CheckedLetter, LetterDay};
pub use news::NewsReader;
pub use open::Tell;
pub use post::{PostBecame, PostRow};
pub use purge::{PurgeOrder, PurgeReport, Purgeable};
pub use rehearsed::RehearsalPeriod;
pub use reseal::{Resealed, SealedCounts, sealed_counts};
pub use split::SplitOrder;
pub use types::{
    AsidePage, AsideRow, CaseFilter, CaseOrder, CasePage, FOLLOW_UP_QUEUE, FOLLOW_UP_TEMPLATE, Opening,
    Outcome, QueueCount, ReadAs, Registered, SendingPause,
};
pub use verify::{AnswerCounts, VerifyReport};
pub use watched::Watched;

use entry::{ENTRY_VERSION, Entry, Event};
use fold::Fold;
use jiff::Timestamp;
use journal::{Journal, Lines};
use original::Originals;
use rows::Rows;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use sync::{GroupSync, Ticket};
use tail::Marker;

/// The office's store. Share it with `Arc`; every function blocks (call from `spawn_blocking`) and takes `&self`.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    originals: Originals,
    rows: Box<dyn Rows>,
    texts: texts::Texts,
    core: Mutex<Core>,
    /// Held while arrivals are registered: two sources cannot take the same piece twice.
    registering: Mutex<()>,
    disk: GroupSync,
    /// Files were written since the last sync of the file system began. Set before their entry is appended.
    dirty: AtomicBool,
    stopped: AtomicBool,
    /// An open directory, by which the file system is synced.
    root: File,
    /// The journal lies on the same file system.
    one_file_system: bool,
    /// `None`: opened for reading.
    marker: Option<Marker>,
    opening: Opening,
    looks: looks::LookLog,
    /// Its lock goes when it is closed.
    _lock: Option<File>,
}

/// What changes under one lock: the end of the journal and the numbers given out.
#[derive(Debug)]
struct Core {
    /// `None`: opened for reading.
    journal: Option<Journal>,
    last_record: Option<(u16, u32)>,
    last_case: Option<(u16, u32)>,
}

impl Store {
    /// What opening found and mended.
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// Can the store take something in now? For `/healthz` and `doctor`: writes and removes a small file.
    ///
    /// # Errors
    /// [`StoreError::Stopped`], [`StoreError::ReadOnly`], or what the disk says.
    pub fn can_write(&self) -> Result<(), StoreError> {
        if self.core().journal.is_none() {
            return Err(StoreError::ReadOnly);
        }
        self.still_writing()?;
        let path = self.dir.join(".probe");
        File::create(&path)
            .and_then(|mut file| file.write_all(&[0; 4096]))
            .map_err(StoreError::io("write", &path))?;
        match std::fs::remove_file(&path) {
            // Somebody else asked at the same time.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(StoreError::io("remove", &path)),
        }
    }

    /// Has the store failed in a way from which only opening it anew helps: a sync or the index, on a full or broken
    /// disk? Nothing is lost by that: the journal is what counts, and the index is built from it again.
    pub fn has_failed(&self) -> bool {
        self.still_writing().is_err() || self.rows.failed()
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn still_writing(&self) -> Result<(), StoreError> {
        if self.stopped.load(Ordering::Acquire) || self.disk.failed() {
            return Err(StoreError::Stopped { path: self.dir.clone() });
        }
        Ok(())
    }

    /// One change: `build` looks at the state and gives the events, or refuses. They are journaled and folded in
    /// under the lock. Not yet on disk: reach the ticket. Returns the number of the last entry.
    fn write(
        &self,
        now: Timestamp,
        by: &str,
        build: impl FnOnce(&mut Core) -> Result<Vec<Event>, StoreError>,
    ) -> Result<(Ticket, u64), StoreError> {
        let mut core = self.core();
        if core.journal.is_none() {
            return Err(StoreError::ReadOnly);
        }
        self.still_writing()?;
        let events = build(&mut core)?;
        let journal = core.journal.as_mut().ok_or(StoreError::ReadOnly)?;
        let (mut lines, mut fold) = (Lines::default(), Fold::new(&*self.rows, &self.originals));
        let mut seq = journal.next_seq();
        for what in events {
            let entry = Entry { v: ENTRY_VERSION, seq, at: now, by: by.to_owned(), what };
            let digest = journal.encode(&mut lines, &entry)?;
            fold.apply(&entry, &digest)?;
            seq += 1;
        }
        let changes = fold.finish()?;
        if journal.is_full() && !lines.is_empty() {
            // The old segment is whole on disk, with the files of its entries, before the new one has a line: only the
            // last can be torn.
            let synced = self.originals.sync(&self.root);
            synced
                .map_err(StoreError::io("sync", self.originals.root()))
                .and_then(|()| journal.next_segment())
                .inspect_err(|_| self.stopped.store(true, Ordering::Release))?;
        }
        // Up to here nothing has changed; from here the journal has it, and the index must follow or we stop.
        journal.write(&lines).inspect_err(|error| {
            if matches!(error, StoreError::Stopped { .. }) {
                self.stopped.store(true, Ordering::Release);
            }
        })?;
        self.rows.write(changes).inspect_err(|_| self.stopped.store(true, Ordering::Release))?;
        Ok((self.disk.ask(), seq - 1))
    }

    /// The same, durable on return.
    fn change(
        &self,
        now: Timestamp,
        by: &str,
        build: impl FnOnce(&mut Core) -> Result<Vec<Event>, StoreError>,
    ) -> Result<u64, StoreError> {
        let (ticket, seq) = self.write(now, by, build)?;
        self.reach(ticket)?;
        Ok(seq)
    }

    /// Waits until everything written so far is on disk.
    ///
    /// # Errors
    /// A failed sync; the store then stops writing.
    pub fn settle(&self) -> Result<(), StoreError> {
        if self.core().journal.is_none() {
            return Ok(());
        }
        self.still_writing()?;
        self.reach(self.disk.last())
    }

    /// Waits until files and journal are on disk up to `ticket`.
    fn reach(&self, ticket: Ticket) -> Result<(), StoreError> {
        self.disk.reach(ticket, || self.flush()).map_err(|source| {
            let core = self.core();
            let path = core.journal.as_ref().map_or(&*self.dir, Journal::path);
            StoreError::Io { doing: "sync", path: path.to_owned(), source }
        })
    }

    /// One sync for all files and entries so far; of the journal alone where no file was written.
    fn flush(&self) -> std::io::Result<()> {
        let (file, last) = match &self.core().journal {
            Some(journal) => (journal.file(), journal.next_seq() - 1),
            None => return Ok(()),
        };
        // After the look at the journal's end: the files of every entry up to it have been written by now.
        let files = self.dirty.swap(false, Ordering::AcqRel);
        if files {
            self.originals.sync(&self.root)?;
        }
        if !files || !self.one_file_system {
            file.sync_data()?;
        }
        if let Some(marker) = &self.marker {
            marker.note(last);
        }
        Ok(())
    }

    /// To be called after files were written and before their entry is.
    fn wrote_files(&self) {
        self.dirty.store(true, Ordering::Release);
    }

    /// Waits until the files written so far are on disk.
    fn sync_files(&self) -> Result<(), StoreError> {
        self.wrote_files();
        self.reach(self.disk.ask())
    }
}

impl Drop for Store {
    /// A clean stop leaves nothing that the next opening has to look at.
    fn drop(&mut self) {
        let settled = match self.settle() {
            Err(error) => Err(error.to_string()),
            Ok(()) => self.marker.as_ref().map_or(Ok(()), Marker::sync).map_err(|error| error.to_string()),
        };
        if let Err(error) = settled {
            tracing::warn!(%error, "the store was not closed well; the next opening mends it");
        }
    }
}

/// SHA-256 of a piece as it came, in hexadecimal: its digest in the register.
pub fn digest_of_bytes(bytes: &[u8]) -> String {
    entry::digest_of(bytes)
}

/// SHA-256 of a text, in hexadecimal.
pub fn digest_of_text(text: &str) -> String {
    entry::digest_of(text.as_bytes())
}
