//! The index as an ordered map of small values: in sled, or in memory for readers beside a running daemon and
//! for the proof that the index equals a fresh fold.
//!
//! Everything stands in one keyspace, so that all changes of one journal entry are one atomic batch.

use super::StoreError;
use super::beside::IndexOfDaemon;
use super::patience::patiently;
use super::run::{Layer, Row, Span};
use super::sealed::ValueKey;
use rustix::thread::{current_timer_slack, set_current_timer_slack};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroU64;
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
    /// Much was written, and much will be read.
    fn settle(&self) -> Result<(), StoreError> {
        Ok(())
    }
    /// Has it failed in a way from which only opening it anew helps?
    fn failed(&self) -> bool {
        false
    }
    /// The running daemon that is asked for them; `None`: they are our own.
    fn daemon(&self) -> Option<&dyn IndexOfDaemon> {
        None
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

/// A value of octets, without its version.
pub(super) fn octets(value: &[u8]) -> Result<&[u8], StoreError> {
    value.strip_prefix(&[VALUE_VERSION]).ok_or_else(|| broken("a value of another version"))
}

pub(super) fn of_octets(octets: &[u8]) -> Vec<u8> {
    [&[VALUE_VERSION], octets].concat()
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

/// Rows read at one go, under one look at the layers: few at first, since most lists are short.
const FIRST_ROWS: usize = 16;
const MORE_ROWS: usize = 512;

/// What layers hold together, the oldest layer first, where each was asked for so many rows; and the last key up to which
/// that is all of them. `None`: it is all there is.
#[allow(clippy::type_complexity, reason = "one caller")]
fn merged(layers: Vec<Layer>, rows: usize, reverse: bool) -> (Vec<(Vec<u8>, Vec<u8>)>, Option<Vec<u8>>) {
    let lasts = layers.iter().filter(|found| found.len() >= rows).filter_map(|found| found.last());
    let lasts = lasts.map(|(key, _)| key);
    let complete_to = if reverse { lasts.max() } else { lasts.min() }.cloned();
    let within =
        |key: &Vec<u8>| complete_to.as_ref().is_none_or(|to| if reverse { key >= to } else { key <= to });
    let value = |(key, value): Row| value.map(|value| (key, value));
    if layers.iter().filter(|found| !found.is_empty()).count() <= 1 {
        return (layers.into_iter().flatten().filter_map(value).collect(), complete_to);
    }
    let all: BTreeMap<Vec<u8>, Option<Vec<u8>>> = layers.into_iter().flatten().collect();
    let mut all: Vec<_> = all.into_iter().filter(|(key, _)| within(key)).filter_map(value).collect();
    if reverse {
        all.reverse();
    }
    (all, complete_to)
}

/// Gives the first (or last) rows of each layer between two keys, the oldest layer first.
type LookAtLayers<'a> = dyn Fn(&Span, usize) -> Result<Vec<Layer>, StoreError> + 'a;

/// [`Rows::each`] over layers.
pub(super) fn each_of_layers(
    (prefix, from): (&[u8], Option<&[u8]>),
    reverse: bool,
    some: &LookAtLayers<'_>,
    visit: &mut Visit<'_>,
) -> Result<(), StoreError> {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    let mut span = (Included(from.unwrap_or(prefix).to_vec()), after(prefix).map_or(Unbounded, Excluded));
    let mut rows = FIRST_ROWS;
    loop {
        if let (Excluded(low) | Included(low), Excluded(high)) = &span
            && low >= high
        {
            return Ok(());
        }
        let (found, complete_to) = merged(some(&span, rows)?, rows, reverse);
        for (key, value) in &found {
            if !visit(key, value)? {
                return Ok(());
            }
        }
        match complete_to {
            None => return Ok(()),
            Some(to) if reverse => span.1 = Excluded(to),
            Some(to) => span.0 = Excluded(to),
        }
        rows = (rows * 4).min(MORE_ROWS);
    }
}

/// The first (or last) rows of changes in memory.
pub(super) fn some_of(changes: &Changes, span: &Span, reverse: bool, rows: usize) -> Vec<Row> {
    let copy = |(key, value): (&Vec<u8>, &Option<Vec<u8>>)| (key.clone(), value.clone());
    let found = changes.range::<Vec<u8>, _>(span.clone());
    if reverse { found.rev().take(rows).map(copy).collect() } else { found.take(rows).map(copy).collect() }
}

/// Seals the values of the index where the store is sealed; keys hold numbers, ids and digests only.
#[derive(Clone, Debug, Default)]
pub(super) struct Seals(pub Option<Arc<ValueKey>>);

impl Seals {
    pub fn seal<'a>(&self, key: &[u8], value: &'a [u8]) -> Result<Cow<'a, [u8]>, StoreError> {
        match &self.0 {
            None => Ok(Cow::Borrowed(value)),
            Some(values) => {
                let sealed = values.seal(key, value).map(Cow::Owned);
                sealed.ok_or_else(|| broken("a value could not be sealed"))
            }
        }
    }

    pub fn open(&self, key: &[u8], value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        match &self.0 {
            None => Ok(value),
            Some(values) => {
                values.open(key, &value).ok_or_else(|| broken("it is not sealed with the key of now"))
            }
        }
    }
}

/// One database of sled. The journal is what is durable, and what sled has lost is folded again.
#[derive(Debug)]
pub(super) struct Sled {
    path: PathBuf,
    /// Taken out when it is closed.
    db: Option<sled::Db>,
    /// After one failed write (a full disk) sled refuses everything.
    failed: AtomicBool,
}

/// How long closing may take: what was not written by then is folded again from the journal.
pub(super) const CLOSE_TIME_MAX: Duration = Duration::from_secs(10);

/// How often sled writes its buffers and tidies up by itself: bounds what a restart after a hard stop folds again.
const FLUSH_MILLISECONDS: u64 = 30_000;
/// What sled keeps of its pages in memory: 10 kB a new case, until this is full; the others are read from its file.
const CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// How much later than asked for sled's threads may be woken: seven of them look once a second, each by itself, whether there is work
/// (what there is wakes them at once), and the system wakes those together that need not be punctual.
const TIMER_SLACK: NonZeroU64 = NonZeroU64::new(1_000_000_000).unwrap();

/// Threads that are started here, and those that they start, may be woken late.
fn unpunctual<T>(start: impl FnOnce() -> T) -> T {
    let before = current_timer_slack().ok().and_then(NonZeroU64::new);
    // Where it is refused they are woken one by one.
    let _ = set_current_timer_slack(Some(TIMER_SLACK));
    let started = start();
    let _ = set_current_timer_slack(before);
    started
}

/// Does somebody hold the lock of its file? sled 0.34 tells that by its words only.
fn is_held(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().starts_with("could not acquire lock"))
}

impl Sled {
    /// Opens or makes the database. sled 0.34 has open reports of panics on damaged files, so a panic counts
    /// as "will not open".
    pub fn open(path: &Path) -> Result<Sled, StoreError> {
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(Some(FLUSH_MILLISECONDS))
            .mode(sled::Mode::HighThroughput);
        let open = || patiently(is_held, || config.open());
        match unpunctual(|| std::panic::catch_unwind(std::panic::AssertUnwindSafe(open))) {
            Ok(Ok(db)) => Ok(Sled { path: path.to_owned(), db: Some(db), failed: AtomicBool::new(false) }),
            Ok(Err(error)) => Err(StoreError::Index { path: path.to_owned(), fault: error.to_string() }),
            Err(_) => {
                Err(StoreError::Index { path: path.to_owned(), fault: "sled panicked on opening".to_owned() })
            }
        }
    }

    /// All or nothing.
    pub fn apply(&self, batch: sled::Batch) -> Result<(), StoreError> {
        self.db()?.apply_batch(batch).map_err(self.fault())
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, StoreError> {
        self.db()?.get(key).map_err(self.fault())
    }

    /// The first (or last) rows between two keys; an empty value: removed.
    pub fn some(&self, span: &Span, reverse: bool, rows: usize) -> Result<Vec<Row>, StoreError> {
        let mut found = Vec::new();
        let mut range = self.db()?.range::<Vec<u8>, _>(span.clone());
        while found.len() < rows
            && let Some(item) = if reverse { range.next_back() } else { range.next() }
        {
            let (key, value) = item.map_err(self.fault())?;
            found.push((key.to_vec(), (!value.is_empty()).then(|| value.to_vec())));
        }
        Ok(found)
    }

    /// All rows, from the first.
    #[allow(clippy::type_complexity, reason = "one caller")]
    pub fn iter(
        &self,
    ) -> Result<impl Iterator<Item = Result<(sled::IVec, sled::IVec), StoreError>> + '_, StoreError> {
        Ok(self.db()?.iter().map(|row| row.map_err(self.fault())))
    }

    /// Octets on the disk.
    pub fn bytes(&self) -> u64 {
        self.db.as_ref().and_then(|db| db.size_on_disk().ok()).unwrap_or(0)
    }

    /// Brings all of it to the disk.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.db()?.flush().map(drop).map_err(self.fault())
    }

    /// The database, unless it failed: after a failed write it may answer wrongly, or not at all.
    fn db(&self) -> Result<&sled::Db, StoreError> {
        match &self.db {
            Some(db) if !self.failed.load(Ordering::Acquire) => Ok(db),
            _ => Err(StoreError::Index {
                path: self.path.clone(),
                fault: "it failed before, and is built again at the next opening".to_owned(),
            }),
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

#[cfg(test)]
mod tests {
    use super::super::base::Base;
    use super::super::layered::Layered;
    use super::*;

    #[test]
    fn only_what_is_started_for_sled_may_be_woken_late() {
        let before = current_timer_slack().unwrap();
        let of_new_thread = || std::thread::spawn(|| current_timer_slack().unwrap()).join().unwrap();
        assert_eq!(unpunctual(of_new_thread), TIMER_SLACK.get());
        assert_eq!((current_timer_slack().unwrap(), of_new_thread()), (before, before));
    }

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
        let held = Sled::open(&index).unwrap();
        assert!(is_held(&sled::open(&index).unwrap_err()));
        drop(held);
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(!is_held(&sled::open(&file).unwrap_err()));
    }

    #[test]
    fn memory_and_layers_answer_alike() {
        let dir = tempfile::tempdir().unwrap();
        let base = Base::open(&dir.path().join("index"), Seals::default()).unwrap();
        let sled = Layered::over(base);
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
