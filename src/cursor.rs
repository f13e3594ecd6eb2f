//! Following the journal for somebody outside the store: what is new, and up to which entry they were told, a small file each in the
//! store's directory.
//!
//! Invariants: a cursor moves only when its owner says so, and lies on disk whole; one that is new begins at the end of the
//! journal, and so does one that is ahead of it: the store came back from a backup, and what came after that never was.

use crate::limits::{FOLLOW_ENTRIES_MAX, FOLLOW_LOOK_TIME};
use crate::record::News;
use crate::store::{NewsReader, Store, StoreError};
use crate::whole;
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::time::{Interval, MissedTickBehavior};
use tracing::warn;

/// Reads on in the journal for one of them.
pub struct Follower {
    store: Arc<Store>,
    cursor: Cursor,
    reader: NewsReader,
}

/// Why the journal cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error(transparent)]
    Cursor(#[from] CursorError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    CutOff(#[from] tokio::task::JoinError),
}

impl Follower {
    /// Goes on where the cursor is; blocks.
    ///
    /// # Errors
    /// The cursor or the journal cannot be read.
    pub fn begin(store: Arc<Store>, cursor: Cursor) -> Result<Self, FollowError> {
        let reader = NewsReader::after(cursor.begin(store.last_entry()?)?);
        Ok(Self { store, cursor, reader })
    }

    /// When to look: regularly, and after a look that took long as late as after any other.
    pub fn looks() -> Interval {
        let mut looks = tokio::time::interval(FOLLOW_LOOK_TIME);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks
    }

    /// What happened in the entries after the last that were read. There may be none that is news, and [`Self::entry`] has moved.
    ///
    /// # Errors
    /// The journal cannot be read, or a sync failed.
    pub async fn read(&mut self) -> Result<Vec<News>, FollowError> {
        // A copy, so that a look that is cut off leaves the reader where it was.
        let (store, mut reader) = (Arc::clone(&self.store), self.reader.clone());
        let (reader, news) = tokio::task::spawn_blocking(move || {
            let news = store.news(&mut reader, FOLLOW_ENTRIES_MAX);
            (reader, news)
        })
        .await?;
        self.reader = reader;
        Ok(news?)
    }

    /// What was read after this entry is read again: it could not be dealt with.
    pub fn back_to(&mut self, entry: u64) {
        self.reader = NewsReader::after(entry);
    }

    /// The last entry that was read.
    pub fn entry(&self) -> u64 {
        self.reader.entry()
    }

    /// Entries that were not read yet.
    pub fn behind(&self) -> u64 {
        self.store.last_entry().unwrap_or_default().saturating_sub(self.entry())
    }

    /// Everything up to this entry was told.
    ///
    /// # Errors
    /// The cursor cannot be written.
    pub fn keep(&self, entry: u64) -> Result<(), FollowError> {
        Ok(self.cursor.keep(entry)?)
    }
}

/// The file that remembers.
#[derive(Clone, Debug)]
pub struct Cursor {
    path: PathBuf,
}

/// It cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the file {path} that remembers up to where it was told: {source}")]
pub struct CursorError {
    path: PathBuf,
    source: io::Error,
}

impl Cursor {
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    fn fault(&self) -> impl Fn(io::Error) -> CursorError + '_ {
        |source| CursorError { path: self.path.clone(), source }
    }

    /// The entry to go on after, in a journal that ends with `last`; kept.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn begin(&self, last: u64) -> Result<u64, CursorError> {
        let known = match fs::read(&self.path) {
            Ok(bytes) => {
                let known: Value =
                    serde_json::from_slice(&bytes).map_err(|error| self.fault()(error.into()))?;
                known.get("entry").and_then(Value::as_u64)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(self.fault()(error)),
        };
        if known.is_some_and(|entry| entry > last) {
            let path = self.path.display();
            warn!(%path, "the journal ends before what was told last; it goes on from its end");
        }
        let entry = known.filter(|entry| *entry <= last).unwrap_or(last);
        self.keep(entry)?;
        Ok(entry)
    }

    /// Everything up to this entry was told.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep(&self, entry: u64) -> Result<(), CursorError> {
        whole::write(&self.path, json!({ "entry": entry }).to_string().as_bytes()).map_err(self.fault())
    }

    /// The next beginning is at the end of the journal.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn forget(&self) -> Result<(), CursorError> {
        whole::remove(&self.path).map_err(self.fault())
    }
}
