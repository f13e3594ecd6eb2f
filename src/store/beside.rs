//! The index of a store that a daemon holds, asked of that daemon: what commands beside it read. Originals are read
//! from their folders, as ever.
//!
//! Invariant: nothing is folded or held in memory; rows come as they are asked for, as the daemon has them at that
//! moment (so two reads may see a change between them, as two pages of the desk may). Nothing can be written this way.

use super::StoreError;
use super::open::{INDEX_FORMAT, expect_whole};
use super::original::Originals;
use super::rows::{Changes, Rows, Visit, decode};
use super::sealed::Sealing;
use super::types::Opening;
use super::{Store, keys};
use crate::record::StorePlace;
use std::io;
use std::path::PathBuf;

/// Asks a running daemon for rows of its index. Every function waits for its answer.
pub trait IndexOfDaemon: Send + Sync + std::fmt::Debug {
    /// The value of a key.
    ///
    /// # Errors
    /// When the daemon cannot be asked any more, or refuses.
    fn row(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>>;

    /// Every key that begins with `prefix`, from `from` on, in order or in the opposite order, until `visit` says false.
    ///
    /// # Errors
    /// As [`IndexOfDaemon::row`].
    fn rows(
        &self,
        prefix: &[u8],
        from: Option<&[u8]>,
        reverse: bool,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> io::Result<()>;

    /// Answers a question to the words of texts, as [`Store::index_texts`] does.
    ///
    /// # Errors
    /// As [`IndexOfDaemon::row`].
    fn texts(&self, question: &str) -> io::Result<String>;
}

#[derive(Debug)]
struct Beside {
    daemon: Box<dyn IndexOfDaemon>,
    /// For messages.
    path: PathBuf,
}

impl Beside {
    fn fault(&self) -> impl FnOnce(io::Error) -> StoreError {
        StoreError::io("ask the running daemon for the index of", &self.path)
    }
}

impl Rows for Beside {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.daemon.row(key).map_err(self.fault())
    }

    fn write(&self, _changes: Changes) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly)
    }

    fn each(
        &self,
        prefix: &[u8],
        from: Option<&[u8]>,
        reverse: bool,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let mut ended = Ok(());
        let mut each = |key: &[u8], value: &[u8]| match visit(key, value) {
            Ok(on) => on,
            Err(error) => {
                ended = Err(error);
                false
            }
        };
        self.daemon.rows(prefix, from, reverse, &mut each).map_err(self.fault())?;
        ended
    }

    fn daemon(&self) -> Option<&dyn IndexOfDaemon> {
        Some(&*self.daemon)
    }
}

impl Store {
    /// Opens a store that a daemon holds, for reading, with the index of that daemon. Every change is refused with
    /// [`StoreError::ReadOnly`]. `None`: the daemon is of another version, whose index cannot be read here.
    ///
    /// # Errors
    /// As [`Store::open_read_only`], and when the daemon cannot be asked.
    pub fn open_beside(
        place: impl Into<StorePlace>,
        daemon: Box<dyn IndexOfDaemon>,
    ) -> Result<Option<Store>, StoreError> {
        let place = place.into();
        expect_whole(&place)?;
        let originals = Originals::at(place.join("originals"), Sealing::of(&place, false)?);
        let rows = Beside { daemon, path: place.dir.clone() };
        let format = rows.get(keys::FORMAT)?.and_then(|value| decode::<u32>(&value).ok());
        if format != Some(INDEX_FORMAT) {
            return Ok(None);
        }
        Store::assemble(&place, originals, Box::new(rows), None, Opening::default(), None).map(Some)
    }

    /// A row of the index for [`IndexOfDaemon`]: its form is known to programs of the same version only.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn index_row(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.rows.get(key)
    }

    /// Rows of the index, as in [`IndexOfDaemon::rows`].
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn index_rows(
        &self,
        prefix: &[u8],
        from: Option<&[u8]>,
        reverse: bool,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        self.rows.each(prefix, from, reverse, &mut |key, value| Ok(visit(key, value)))
    }
}
