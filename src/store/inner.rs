//! A door to the journal's lines for `benches/inner.rs`, which only a build with the feature `inner` has; no part of the program.

use super::StoreError;
use super::entry::Entry;
use super::journal::{self, Journal, Lines};
use std::path::{Path, PathBuf};

/// The entries of a journal, held to be written again.
#[derive(Debug)]
pub struct JournalEntries {
    dir: PathBuf,
    entries: Vec<Entry>,
    journal: Journal,
}

impl JournalEntries {
    /// Of a store that nobody holds.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn of(store: &Path) -> Result<Self, StoreError> {
        let (dir, mut entries) = (store.join("journal"), Vec::new());
        let end = journal::walk(&dir, 1, &mut |entry, _| {
            entries.push(entry);
            Ok(())
        })?;
        for (entry, seq) in entries.iter_mut().zip(end.next_seq..) {
            entry.seq = seq;
        }
        let journal = Journal::append_after(&dir, &end)?;
        Ok(Self { dir, entries, journal })
    }

    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// Makes the line of every entry, chained to the one before. Nothing is written.
    ///
    /// # Errors
    /// When an entry is too long for a line.
    pub fn encode(&self) -> Result<(), StoreError> {
        let mut lines = Lines::default();
        self.entries.iter().try_for_each(|entry| self.journal.encode(&mut lines, entry).map(drop))
    }

    /// Reads every line anew and checks the chain.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn decode(&self) -> Result<(), StoreError> {
        journal::walk(&self.dir, 1, &mut |_, _| Ok(())).map(drop)
    }
}
