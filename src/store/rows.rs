//! The index as an ordered map of small values: in sled, or in memory for readers beside a running daemon and
//! for the proof that the index equals a fresh fold.
//!
//! Everything stands in one keyspace, so that all changes of one journal entry are one atomic batch.

use super::StoreError;
use super::patience::patiently;
use super::sealed::ValueKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Changes of one or more entries: `None` removes.
pub(super) type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Called with each key and value; `false` ends the walk.
pub(super) type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<bool, StoreError> + 'a;

pub(super) trait Rows: Send + Sync + std::fmt::Debug {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    /// All or nothing.
    fn write(&self, changes: Changes) -> Result<(), StoreError>;
    /// Every key that begins with `prefix`, in order or in the opposite order.
    fn each(
        &self,
        prefix: &[u8],
        from: Option<&[u8]>,
        reverse: bool,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError>;
    /// Has it failed in a way from which only opening it anew helps?
    fn failed(&self) -> bool {
        false
    }
}

/// Version of every value's form.
const VALUE_VERSION: u8 = 1;

pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![VALUE_VERSION];
    serde_json::to_writer(&mut bytes, value).map_err(|error| broken(error.to_string()))?;
    Ok(bytes)
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    match bytes.split_first() {
        Some((&VALUE_VERSION, json)) => {
            serde_json::from_slice(json).map_err(|error| broken(error.to_string()))
        }
        _ => Err(broken("a value of another version")),
    }
}

fn broken(fault: impl Into<String>) -> StoreError {
    StoreError::Index { path: PathBuf::from("index"), fault: fault.into() }
}

/// The end of the keys that begin with `prefix`.
pub(super) fn after(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

/// In memory.
#[derive(Debug, Default)]
pub(super) struct Memory(RwLock<BTreeMap<Vec<u8>, Vec<u8>>>);

/// Keys read from memory at one go; between two goes the lock is free.
const CHUNK_KEYS: usize = 512;

impl Rows for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    fn write(&self, changes: Changes) -> Result<(), StoreError> {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in changes {
            match value {
                Some(value) => map.insert(key, value),
                None => map.remove(&key),
            };
        }
        Ok(())
    }

    fn each(
        &self,
        prefix: &[u8],
        from: Option<&[u8]>,
        reverse: bool,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let mut low = Included(from.unwrap_or(prefix).to_vec());
        let mut high = after(prefix).map_or(Unbounded, Excluded);
        loop {
            let chunk: Vec<(Vec<u8>, Vec<u8>)> = {
                let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
                let range = map.range((low.clone(), high.clone()));
                let copy = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
                if reverse {
                    range.rev().take(CHUNK_KEYS).map(copy).collect()
                } else {
                    range.take(CHUNK_KEYS).map(copy).collect()
                }
            };
            for (key, value) in &chunk {
                if !visit(key, value)? {
                    return Ok(());
                }
            }
            match chunk.into_iter().next_back() {
                Some((key, _)) if reverse => high = Excluded(key),
                Some((key, _)) => low = Excluded(key),
                None => return Ok(()),
            }
            if let (Excluded(low), Excluded(high)) | (Included(low), Excluded(high)) = (&low, &high)
                && low >= high
            {
                return Ok(());
            }
        }
    }
}

/// In sled. Never flushed by us: the journal is what is durable, and what sled has lost is folded again.
#[derive(Debug)]
pub(super) struct Sled {
    path: PathBuf,
    /// Taken out when it is closed.
    db: Option<sled::Db>,
    /// Seals what is kept; keys hold numbers and digests only.
    values: Option<Arc<ValueKey>>,
    /// After one failed write (a full disk) sled refuses everything.
    failed: AtomicBool,
}

/// How long closing may take: what was not written by then is folded again from the journal.
pub(super) const CLOSE_TIME_MAX: Duration = Duration::from_secs(10);

/// How often sled writes its buffers and tidies up by itself: bounds what a restart after a hard stop folds again.
const FLUSH_MILLISECONDS: u64 = 30_000;
const CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// Does somebody hold the lock of its file? sled 0.34 tells that by its words only.
fn is_held(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().starts_with("could not acquire lock"))
}

impl Sled {
    /// Opens or makes the database. sled 0.34 has open reports of panics on damaged files, so a panic counts
    /// as "will not open".
    pub fn open(path: &Path, values: Option<Arc<ValueKey>>) -> Result<Sled, StoreError> {
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(Some(FLUSH_MILLISECONDS))
            .mode(sled::Mode::HighThroughput);
        let open = || patiently(is_held, || config.open());
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(open)) {
            Ok(Ok(db)) => {
                Ok(Sled { path: path.to_owned(), db: Some(db), values, failed: AtomicBool::new(false) })
            }
            Ok(Err(error)) => Err(StoreError::Index { path: path.to_owned(), fault: error.to_string() }),
            Err(_) => {
                Err(StoreError::Index { path: path.to_owned(), fault: "sled panicked on opening".to_owned() })
            }
        }
    }

    fn sealed<'a>(&self, key: &[u8], value: &'a [u8]) -> Result<Cow<'a, [u8]>, StoreError> {
        match &self.values {
            None => Ok(Cow::Borrowed(value)),
            Some(values) => {
                let sealed = values.seal(key, value).map(Cow::Owned);
                sealed.ok_or_else(|| self.not_ours("a value could not be sealed"))
            }
        }
    }

    fn opened<'a>(&self, key: &[u8], value: &'a [u8]) -> Result<Cow<'a, [u8]>, StoreError> {
        match &self.values {
            None => Ok(Cow::Borrowed(value)),
            Some(values) => {
                let opened = values.open(key, value).map(Cow::Owned);
                opened.ok_or_else(|| self.not_ours("it is not sealed with the key of now"))
            }
        }
    }

    /// All or nothing.
    pub fn apply(&self, changes: &Changes) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(key.as_slice(), self.sealed(key, value)?.as_ref()),
                None => batch.remove(key.as_slice()),
            }
        }
        self.db()?.apply_batch(batch).map_err(self.fault())
    }

    /// The first (or last) rows between two keys.
    #[allow(clippy::type_complexity, reason = "one caller")]
    pub fn some(
        &self,
        range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
        reverse: bool,
        rows: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        let mut found = Vec::new();
        let mut range = self.db()?.range(range);
        while found.len() < rows
            && let Some(item) = if reverse { range.next_back() } else { range.next() }
        {
            let (key, value) = item.map_err(self.fault())?;
            let value = self.opened(&key, &value)?.into_owned();
            found.push((key.to_vec(), value));
        }
        Ok(found)
    }

    /// Nothing may be written to it any more.
    pub fn fail(&self) {
        self.failed.store(true, Ordering::Release);
    }

    pub fn not_ours(&self, fault: &str) -> StoreError {
        StoreError::Index { path: self.path.clone(), fault: fault.to_owned() }
    }

    /// The database, unless it failed: after a failed write it may answer wrongly, or not at all.
    fn db(&self) -> Result<&sled::Db, StoreError> {
        match &self.db {
            Some(db) if !self.failed() => Ok(db),
            _ => Err(self.not_ours("it failed before, and is built again at the next opening")),
        }
    }

    fn fault(&self) -> impl FnOnce(sled::Error) -> StoreError + '_ {
        |error| {
            self.failed.store(true, Ordering::Release);
            StoreError::Index { path: self.path.clone(), fault: error.to_string() }
        }
    }
}

/// Closed beside its owner: where the last write fails (a full disk) sled waits for it without end, or panics, and
/// neither may keep the house from stopping or from opening the store anew.
impl Drop for Sled {
    fn drop(&mut self) {
        let Some(db) = self.db.take() else { return };
        let (done, wait) = std::sync::mpsc::channel();
        let closing = std::thread::Builder::new().name("closing the index".to_owned()).spawn(move || {
            // A panic is as good as closed: the index is never the only copy.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(db)));
            let _ = done.send(()); // Nobody waits any more.
        });
        // Where no thread can be had the database went with what was to run there: closed all the same.
        if closing.is_ok() && wait.recv_timeout(CLOSE_TIME_MAX).is_err() {
            tracing::warn!("the index did not close in time; the next opening brings it up to the journal");
        }
    }
}

impl Rows for Sled {
    fn failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.db()?.get(key).map_err(self.fault())?;
        value.map(|value| self.opened(key, &value).map(Cow::into_owned)).transpose()
    }

    fn write(&self, changes: Changes) -> Result<(), StoreError> {
        self.apply(&changes)
    }

    fn each(
        &self,
        prefix: &[u8],
        from: Option<&[u8]>,
        reverse: bool,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let low = from.unwrap_or(prefix).to_vec();
        let range = match after(prefix) {
            Some(high) => self.db()?.range(low..high),
            None => self.db()?.range(low..),
        };
        let range: Box<dyn Iterator<Item = sled::Result<(sled::IVec, sled::IVec)>>> =
            if reverse { Box::new(range.rev()) } else { Box::new(range) };
        for item in range {
            let (key, value) = item.map_err(self.fault())?;
            if !visit(&key, &self.opened(&key, &value)?)? {
                return Ok(());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(rows: &dyn Rows, prefix: &[u8], from: Option<&[u8]>, reverse: bool) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        rows.each(prefix, from, reverse, &mut |key, _| {
            keys.push(key.to_vec());
            Ok(true)
        })
        .unwrap();
        keys
    }

    #[test]
    fn a_lock_that_somebody_holds_is_known_from_a_fault() {
        let dir = tempfile::tempdir().unwrap();
        let index = dir.path().join("index");
        let held = Sled::open(&index, None).unwrap();
        assert!(is_held(&sled::open(&index).unwrap_err()));
        drop(held);
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(!is_held(&sled::open(&file).unwrap_err()));
    }

    #[test]
    fn memory_and_sled_answer_alike() {
        let dir = tempfile::tempdir().unwrap();
        let sled = Sled::open(&dir.path().join("index"), None).unwrap();
        let memory = Memory::default();
        let mut changes = Changes::new();
        for i in 0..1500u32 {
            let mut key = vec![b'a' + (i % 3) as u8];
            key.extend(i.to_be_bytes());
            changes.insert(key, Some(i.to_be_bytes().to_vec()));
        }
        changes.insert(vec![0xff, 0xff], Some(vec![1]));
        changes.insert(vec![0xff, 0xff, 3], Some(vec![1]));
        let both: [&dyn Rows; 2] = [&memory, &sled];
        for rows in both {
            rows.write(changes.clone()).unwrap();
            rows.write(Changes::from([(vec![b'a', 0, 0, 0, 0], None)])).unwrap();
            assert_eq!(rows.get(&[b'a', 0, 0, 0, 0]).unwrap(), None);
            assert_eq!(rows.get(&[b'b', 0, 0, 0, 1]).unwrap(), Some(vec![0, 0, 0, 1]));
        }
        let from: &[u8] = &[b'b', 0, 0, 1];
        for (prefix, start) in
            [(&b"b"[..], None), (b"", None), (b"b", Some(from)), (b"q", None), (&[0xff, 0xff], None)]
        {
            for reverse in [false, true] {
                assert_eq!(collect(&memory, prefix, start, reverse), collect(&sled, prefix, start, reverse));
            }
        }
        assert_eq!(collect(&memory, b"b", None, false).len(), 500);
        assert_eq!(collect(&memory, &[0xff, 0xff], None, true).len(), 2);
    }
}
