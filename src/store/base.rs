//! What lies below memory: sled for what came lately, and one [`Run`] for all before it.
//!
//! ```text
//! index/recent-000002/   sled: what came since
//!       recent-000001/   sled: being merged, if it is there
//!       bulk-000000.run  the rest, in one file
//! ```
//! sled grows until it is worth merging; then a second one takes what comes, and a thread of its own writes the next run from
//! the older sled and the run, while both are still read.
//!
//! Invariants: a younger layer hides an older one; a removed row stands as an empty value where something lies below. A sled
//! is wholly on disk before the next one gets a row, and a run before what went into it is removed, so after a power
//! cut the layers are at one entry of the journal, and what the youngest lost is folded again.

use super::StoreError;
use super::rows::{Changes, Seals, Sled};
use super::run::{Layer, Row, Run, RunWriter, Span, Walk};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

/// A sled that has taken so many octets is merged: some thirty thousand cases. It lies on the disk three times as large, and
/// opening it takes about a second.
const MERGE_BYTES: u64 = 96 * 1024 * 1024;

/// A run up to this is checked wholly when it is opened; of a larger one each block is when it is read.
const CHECKED_BYTES_MAX: u64 = 64 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Base {
    inner: Arc<Inner>,
    merging: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    seals: Seals,
    stack: RwLock<Stack>,
    /// Octets of the youngest sled, about.
    grown: AtomicU64,
    failed: AtomicBool,
    ending: AtomicBool,
}

#[derive(Debug)]
struct Stack {
    /// Of the youngest sled.
    generation: u64,
    recent: Arc<Sled>,
    older: Option<Arc<Sled>>,
    run: Option<Arc<Run>>,
}

impl Stack {
    fn lies_on_something(&self) -> bool {
        self.older.is_some() || self.run.is_some()
    }
}

fn recent_path(dir: &Path, generation: u64) -> PathBuf {
    dir.join(format!("recent-{generation:06}"))
}

/// The run that holds everything up to the sled of a generation.
pub(super) fn run_path(dir: &Path, generation: u64) -> PathBuf {
    dir.join(format!("bulk-{generation:06}.run"))
}

/// The generations of what is there by such a name.
fn generations(dir: &Path, before: &str, after: &str) -> Result<Vec<u64>, StoreError> {
    let mut found = Vec::new();
    for item in fs::read_dir(dir).map_err(StoreError::io("list", dir))? {
        let name = item.map_err(StoreError::io("list", dir))?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_prefix(before)?.strip_suffix(after));
        found.extend(stem.and_then(|stem| stem.parse::<u64>().ok()));
    }
    found.sort_unstable();
    Ok(found)
}

impl Base {
    /// Opens what is there, or makes it.
    ///
    /// # Errors
    /// [`StoreError::Index`] for what will not open: then it is to be built again.
    pub fn open(dir: &Path, seals: Seals) -> Result<Base, StoreError> {
        fs::create_dir_all(dir).map_err(StoreError::io("make", dir))?;
        let mut runs = generations(dir, "bulk-", ".run")?;
        let bulk = runs.pop();
        // Merged and not yet removed.
        for old in runs {
            remove(&run_path(dir, old))?;
        }
        let run = bulk.map(|bulk| Run::open(&run_path(dir, bulk))).transpose()?;
        if let Some(run) = &run {
            run.check(CHECKED_BYTES_MAX)?;
        }
        let mut sleds = Vec::new();
        for generation in generations(dir, "recent-", "")? {
            if bulk.is_some_and(|bulk| generation <= bulk) {
                remove(&recent_path(dir, generation))?;
            } else {
                sleds.push(generation);
            }
        }
        let generation = sleds.pop().unwrap_or(bulk.unwrap_or(0) + 1);
        if sleds.len() > 1 {
            return Err(StoreError::Index {
                path: dir.to_owned(),
                fault: "it has too many layers".to_owned(),
            });
        }
        let older = sleds.pop().map(|older| Sled::open(&recent_path(dir, older))).transpose()?.map(Arc::new);
        let recent = Arc::new(Sled::open(&recent_path(dir, generation))?);
        let grown = AtomicU64::new(recent.bytes());
        let stack = Stack { generation, recent, older, run: run.map(Arc::new) };
        let inner = Inner {
            dir: dir.to_owned(),
            seals,
            stack: RwLock::new(stack),
            grown,
            failed: AtomicBool::new(false),
            ending: AtomicBool::new(false),
        };
        let base = Base { inner: Arc::new(inner), merging: Mutex::new(None) };
        base.merge_when_due();
        Ok(base)
    }

    pub fn failed(&self) -> bool {
        self.inner.failed.load(Ordering::Acquire)
    }

    /// Nothing may be written to it any more.
    pub fn fail(&self) {
        self.inner.failed.store(true, Ordering::Release);
    }

    pub fn not_ours(&self, fault: &str) -> StoreError {
        StoreError::Index { path: self.inner.dir.clone(), fault: fault.to_owned() }
    }

    fn still_right(&self) -> Result<(), StoreError> {
        if self.failed() {
            return Err(self.not_ours("it failed before, and is built again at the next opening"));
        }
        Ok(())
    }

    /// All or nothing.
    pub fn apply(&self, changes: &Changes) -> Result<(), StoreError> {
        self.still_right()?;
        let bytes = self.inner.apply(changes).inspect_err(|_| self.fail())?;
        self.inner.grown.fetch_add(bytes, Ordering::Relaxed);
        self.merge_when_due();
        Ok(())
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.still_right()?;
        self.inner.get(key).inspect_err(|error| self.inner.give_up(error))
    }

    /// The first (or last) rows between two keys, of each layer, the oldest layer first.
    pub fn layers(&self, span: &Span, reverse: bool, rows: usize) -> Result<Vec<Layer>, StoreError> {
        self.still_right()?;
        self.inner.layers(span, reverse, rows).inspect_err(|error| self.inner.give_up(error))
    }

    /// Begins to merge where that is worth it, or was begun before.
    fn merge_when_due(&self) {
        let mut merging = self.merging.lock().unwrap_or_else(PoisonError::into_inner);
        if merging.as_ref().is_some_and(|thread| !thread.is_finished()) || self.failed() {
            return;
        }
        let begun = self.inner.stack().older.is_some();
        if !begun && self.inner.grown.load(Ordering::Relaxed) < MERGE_BYTES {
            return;
        }
        self.begin_merge(&mut merging);
    }

    fn begin_merge(&self, merging: &mut Option<JoinHandle<()>>) {
        let inner = Arc::clone(&self.inner);
        if let Err(error) = inner.turn_over() {
            self.fail();
            tracing::warn!(%error, "the index could not turn to a new layer; it is built again at the next opening");
            return;
        }
        let thread = std::thread::Builder::new().name("merging".to_owned()).spawn(move || {
            // What lies there stays as it is, and the next opening begins again.
            if let Err(error) = inner.merge() {
                tracing::warn!(%error, "layers of the index could not be merged now");
            }
        });
        *merging = thread.ok();
    }

    /// Merges what there is, and waits for it.
    #[cfg(test)]
    pub fn merge_now(&self) {
        let mut merging = self.merging.lock().unwrap();
        self.begin_merge(&mut merging);
        merging.take().unwrap().join().unwrap();
    }
}

impl Inner {
    fn stack(&self) -> std::sync::RwLockReadGuard<'_, Stack> {
        self.stack.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, changes: &Changes) -> Result<u64, StoreError> {
        let stack = self.stack();
        let mut batch = sled::Batch::default();
        let mut bytes = 0;
        for (key, value) in changes {
            match value {
                Some(value) => {
                    let value = self.seals.seal(key, value)?;
                    bytes += value.len();
                    batch.insert(key.as_slice(), value.as_ref());
                }
                None if stack.lies_on_something() => batch.insert(key.as_slice(), &[]),
                None => batch.remove(key.as_slice()),
            }
            bytes += key.len();
        }
        stack.recent.apply(batch)?;
        Ok(bytes as u64)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let stack = self.stack();
        let mut found = None;
        for sled in [Some(&stack.recent), stack.older.as_ref()].into_iter().flatten() {
            found = sled.get(key)?.map(|value| (!value.is_empty()).then(|| value.to_vec()));
            if found.is_some() {
                break;
            }
        }
        if found.is_none()
            && let Some(run) = &stack.run
        {
            found = run.get(key)?;
        }
        found.flatten().map(|value| self.seals.open(key, value)).transpose()
    }

    fn layers(&self, span: &Span, reverse: bool, rows: usize) -> Result<Vec<Layer>, StoreError> {
        let stack = self.stack();
        let mut found = Vec::with_capacity(3);
        if let Some(run) = &stack.run {
            found.push(run.some(span, reverse, rows)?);
        }
        for sled in [stack.older.as_ref(), Some(&stack.recent)].into_iter().flatten() {
            found.push(sled.some(span, reverse, rows)?);
        }
        for (key, value) in found.iter_mut().flatten() {
            if let Some(sealed) = value.take() {
                *value = Some(self.seals.open(key, sealed)?);
            }
        }
        Ok(found)
    }

    /// A damaged run goes, so that the next opening builds the index again.
    fn give_up(&self, error: &StoreError) {
        if !matches!(error, StoreError::Index { .. }) || self.failed.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some(run) = &self.stack().run {
            tracing::warn!(%error, "the index is damaged; it is built again at the next opening");
            let _ = fs::remove_file(run.path()); // What cannot be removed is seen again then.
        }
    }

    /// A new sled takes what comes; the one before is wholly on disk, and is merged.
    fn turn_over(&self) -> Result<(), StoreError> {
        let mut stack = self.stack.write().unwrap_or_else(PoisonError::into_inner);
        if stack.older.is_some() {
            return Ok(());
        }
        stack.recent.flush()?;
        let generation = stack.generation + 1;
        let fresh = Arc::new(Sled::open(&recent_path(&self.dir, generation))?);
        stack.older = Some(std::mem::replace(&mut stack.recent, fresh));
        stack.generation = generation;
        self.grown.store(0, Ordering::Relaxed);
        Ok(())
    }

    fn merge(&self) -> Result<(), StoreError> {
        let (older, run, into) = {
            let stack = self.stack();
            let Some(older) = stack.older.clone() else { return Ok(()) };
            (older, stack.run.clone(), stack.generation - 1)
        };
        let target = run_path(&self.dir, into);
        let temporary = target.with_extension("tmp");
        let mut writer = RunWriter::create(&temporary)?;
        let mut below = run.clone().map(Walk::of);
        let mut next_below = below.as_mut().map(Walk::next).transpose()?.flatten();
        let mut take_below = |next: &mut Option<Row>, writer: Option<&mut RunWriter>| {
            if let (Some((key, Some(value))), Some(writer)) = (&next, writer) {
                writer.push(key, Some(value))?;
            }
            *next = below.as_mut().map(Walk::next).transpose()?.flatten();
            Ok::<_, StoreError>(())
        };
        for (count, row) in older.iter()?.enumerate() {
            let (key, value) = row?;
            if count % 1_000 == 0 && self.ending.load(Ordering::Acquire) {
                return remove(&temporary);
            }
            while next_below.as_ref().is_some_and(|(other, _)| other.as_slice() < &*key) {
                take_below(&mut next_below, Some(&mut writer))?;
            }
            if next_below.as_ref().is_some_and(|(other, _)| other.as_slice() == &*key) {
                take_below(&mut next_below, None)?;
            }
            if !value.is_empty() {
                writer.push(&key, Some(&value))?;
            }
        }
        let mut count = 0u32;
        while next_below.is_some() {
            count = count.wrapping_add(1);
            if count.is_multiple_of(10_000) && self.ending.load(Ordering::Acquire) {
                return remove(&temporary);
            }
            take_below(&mut next_below, Some(&mut writer))?;
        }
        drop(writer.finish(true)?);
        fs::rename(&temporary, &target).map_err(StoreError::io("move into place", &target))?;
        sync_dir(&self.dir)?;
        let merged = Arc::new(Run::open(&target)?);
        {
            let mut stack = self.stack.write().unwrap_or_else(PoisonError::into_inner);
            stack.run = Some(merged);
            stack.older = None;
        }
        drop(older);
        remove(&recent_path(&self.dir, into))?;
        run.map_or(Ok(()), |run| remove(run.path()))
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        self.inner.ending.store(true, Ordering::Release);
        let merging = self.merging.lock().unwrap_or_else(PoisonError::into_inner).take();
        if merging.is_some_and(|thread| thread.join().is_err()) {
            tracing::warn!("merging the index ended badly; the next opening begins again");
        }
    }
}

pub(super) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(StoreError::io("sync", dir))
}

/// Removes a file or a folder that may be gone.
fn remove(path: &Path) -> Result<(), StoreError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}
