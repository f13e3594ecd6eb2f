//! An index that is folded from the first entry on: rows are gathered in memory, and what is much goes to runs that are merged
//! into one at the end. So each row is written in order, twice, and nothing waits for the disk.
//!
//! Invariant: it answers as every other [`Rows`], at any moment. Its files are nobody's until [`Bulk::finish`]: not synced, and
//! gone with their folder.

use super::StoreError;
use super::base::sync_dir;
use super::keys;
use super::rows::{Changes, Rows, Seals, Visit, each_of_layers, some_of};
use super::run::{Layer, Run, RunWriter, Span, Walk};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// What is held before a run is written, with what a row costs in memory beside its octets.
const HELD_BYTES: usize = 96 * 1024 * 1024;
const ROW_BYTES: usize = 112;

/// Bits of a filter for a key, and how many of them are set: one wrong "perhaps" in a hundred.
const FILTER_BITS: usize = 10;
const FILTER_PROBES: u64 = 5;

#[derive(Debug)]
pub(super) struct Bulk {
    dir: PathBuf,
    seals: Seals,
    held: RwLock<Held>,
}

#[derive(Debug, Default)]
struct Held {
    fresh: Changes,
    bytes: usize,
    /// The youngest last.
    runs: Vec<(Arc<Run>, Filter)>,
    written: u64,
}

/// The next row of a run, which stands at this place.
type Head = (Vec<u8>, Reverse<usize>, Option<Vec<u8>>);

/// Which keys a run may have (Bloom, 1970), so that a key that is new is not looked for in every one.
#[derive(Debug)]
struct Filter(Vec<u64>);

impl Filter {
    fn with_room_for(rows: usize) -> Filter {
        Filter(vec![0; (rows * FILTER_BITS).div_ceil(64).max(1)])
    }

    fn bits(&self, hash: u64) -> impl Iterator<Item = (usize, u64)> + use<> {
        let (many, step) = (self.0.len() as u64 * 64, hash.rotate_left(32) | 1);
        (0..FILTER_PROBES).map(move |probe| {
            let bit = hash.wrapping_add(step.wrapping_mul(probe)) % many;
            (usize::try_from(bit / 64).unwrap_or(0), 1 << (bit % 64))
        })
    }

    fn add(&mut self, hash: u64) {
        for (word, bit) in self.bits(hash) {
            self.0[word] |= bit;
        }
    }

    fn may_have(&self, hash: u64) -> bool {
        self.bits(hash).all(|(word, bit)| self.0[word] & bit != 0)
    }
}

fn hash(key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

impl Bulk {
    /// In a folder of its own, which is made.
    pub fn create(dir: &Path, seals: Seals) -> Result<Bulk, StoreError> {
        super::original::make_dir(dir)?;
        Ok(Bulk { dir: dir.to_owned(), seals, held: RwLock::default() })
    }

    fn spill(&self, held: &mut Held) -> Result<(), StoreError> {
        let fresh = std::mem::take(&mut held.fresh);
        held.bytes = 0;
        let mut writer = RunWriter::create(&self.dir.join(format!("{:06}.run", held.written)))?;
        held.written += 1;
        let asked = fresh.keys().filter(|key| !keys::is_of_a_list(key)).count();
        let mut filter = Filter::with_room_for(asked);
        for (key, value) in fresh {
            if !keys::is_of_a_list(&key) {
                filter.add(hash(&key));
            }
            match value {
                Some(value) => writer.push(&key, Some(&self.seals.seal(&key, &value)?))?,
                None => writer.push(&key, None)?,
            }
        }
        held.runs.push((Arc::new(writer.finish(false)?), filter));
        Ok(())
    }

    /// Writes everything to one run, of which nothing is removed any more, and gives its path.
    fn merge(&self, held: &mut Held, into: &Path, durable: bool) -> Result<(), StoreError> {
        self.spill(held)?;
        let mut writer = RunWriter::create(into)?;
        let mut walks: Vec<Walk> = held.runs.iter().map(|(run, _)| Walk::of(Arc::clone(run))).collect();
        // By key, and of one key the youngest first.
        let mut heads: BinaryHeap<Reverse<Head>> = BinaryHeap::new();
        for (at, walk) in walks.iter_mut().enumerate() {
            heads.extend(walk.next()?.map(|(key, value)| Reverse((key, Reverse(at), value))));
        }
        let mut last: Option<Vec<u8>> = None;
        while let Some(Reverse((key, Reverse(at), value))) = heads.pop() {
            if last.as_ref() != Some(&key) {
                if let Some(value) = value {
                    writer.push(&key, Some(&value))?;
                }
                last = Some(key);
            }
            if let Some(walk) = walks.get_mut(at) {
                heads.extend(walk.next()?.map(|(key, value)| Reverse((key, Reverse(at), value))));
            }
        }
        let merged = writer.finish(durable)?;
        for (run, _) in std::mem::take(&mut held.runs) {
            fs::remove_file(run.path()).map_err(StoreError::io("remove", run.path()))?;
        }
        let mut filter = Filter::with_room_for(1);
        filter.0.fill(u64::MAX);
        held.runs = vec![(Arc::new(merged), filter)];
        Ok(())
    }

    /// Everything as one run at `path`, on disk on return; the folder goes.
    pub fn finish(self, path: &Path) -> Result<(), StoreError> {
        let mut held = self.held.into_inner().unwrap_or_else(PoisonError::into_inner);
        let temporary = path.with_extension("tmp");
        let whole = Bulk { held: RwLock::default(), dir: self.dir, seals: self.seals };
        whole.merge(&mut held, &temporary, true)?;
        drop(held);
        fs::rename(&temporary, path).map_err(StoreError::io("move into place", path))?;
        fs::remove_dir_all(&whole.dir).map_err(StoreError::io("remove", &whole.dir))?;
        path.parent().map_or(Ok(()), sync_dir)
    }
}

impl Rows for Bulk {
    /// One run of everything, in which it is quicker to look.
    fn settle(&self) -> Result<(), StoreError> {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.runs.len() > 1 {
            let path = self.dir.join(format!("{:06}.run", held.written + 1));
            held.written += 2;
            self.merge(&mut held, &path, false)?;
        }
        Ok(())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = held.fresh.get(key) {
            return Ok(value.clone());
        }
        let hash = (!keys::is_of_a_list(key)).then(|| hash(key));
        for (run, filter) in held.runs.iter().rev() {
            if hash.is_none_or(|hash| filter.may_have(hash))
                && let Some(found) = run.get(key)?
            {
                return found.map(|value| self.seals.open(key, value)).transpose();
            }
        }
        Ok(None)
    }

    fn write(&self, changes: Changes) -> Result<(), StoreError> {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in changes {
            held.bytes += key.len() + value.as_ref().map_or(0, Vec::len) + ROW_BYTES;
            held.fresh.insert(key, value);
        }
        if held.bytes >= HELD_BYTES { self.spill(&mut held) } else { Ok(()) }
    }

    fn each(
        &self,
        prefix: &[u8],
        from: Option<&[u8]>,
        reverse: bool,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let some = |span: &Span, rows| {
            let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
            let mut found: Vec<Layer> = Vec::with_capacity(held.runs.len() + 1);
            for (run, _) in &held.runs {
                found.push(run.some(span, reverse, rows)?);
            }
            for (key, value) in found.iter_mut().flatten() {
                if let Some(sealed) = value.take() {
                    *value = Some(self.seals.open(key, sealed)?);
                }
            }
            found.push(some_of(&held.fresh, span, reverse, rows));
            Ok(found)
        };
        each_of_layers((prefix, from), reverse, &some, visit)
    }
}
