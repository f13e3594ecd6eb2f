//! An index that is folded from the first entry on: rows are gathered in memory, and what is much is written as sorted runs,
//! by a thread, while the fold goes on. Runs are merged as they become many, and into one at the end. So nothing waits
//! for the disk, each row is written a few times and always in order, and few runs have to be looked at.
//!
//! Invariant: it answers as every other [`Rows`], at any moment. Its files are nobody's until [`Bulk::finish`]: not synced, and
//! gone with their folder.

use super::StoreError;
use super::base::sync_dir;
use super::gather::{Gathered, Known, Merging, hash, merge};
use super::rows::{Changes, Rows, Seals, Visit, each_of_layers};
use super::run::{Layer, Span};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;

/// What is held before a run is written; as much again may be under way to the disk.
const HELD_BYTES: usize = 64 * 1024 * 1024;

/// So many runs of one level become one of the next.
const RUNS_OF_A_LEVEL: usize = 8;

#[derive(Debug)]
pub(super) struct Bulk {
    dir: PathBuf,
    seals: Seals,
    held: RwLock<Held>,
}

#[derive(Debug, Default)]
struct Held {
    fresh: Gathered,
    /// What the thread writes.
    written: Option<Arc<Gathered>>,
    writing: Option<JoinHandle<Result<Vec<Levelled>, StoreError>>>,
    /// The youngest last; levels do not rise.
    runs: Vec<Levelled>,
    files: u64,
}

#[derive(Clone, Debug)]
struct Levelled {
    level: u32,
    known: Known,
}

impl Held {
    fn path(&mut self, dir: &Path) -> PathBuf {
        self.files += 1;
        dir.join(format!("{:06}.run", self.files))
    }

    /// Waits for the thread.
    fn settle(&mut self, dir: &Path) -> Result<(), StoreError> {
        let Some(writing) = self.writing.take() else { return Ok(()) };
        let stopped = || StoreError::Stopped { path: dir.to_owned() };
        self.runs = writing.join().unwrap_or_else(|_| Err(stopped()))?;
        self.written = None;
        Ok(())
    }

    /// Gives what is held to a thread that writes it, and merges what has become many.
    fn spill(&mut self, dir: &Path, seals: &Seals) -> Result<(), StoreError> {
        self.settle(dir)?;
        let gathered = Arc::new(std::mem::take(&mut self.fresh));
        self.written = Some(Arc::clone(&gathered));
        let (mut runs, seals, own) = (self.runs.clone(), seals.clone(), self.path(dir));
        // Names for as many merges as one more run can bring about.
        let others: Vec<PathBuf> = (0..=u32::BITS).map(|_| self.path(dir)).collect();
        let work = move || {
            runs.push(Levelled { level: 0, known: gathered.write(&own, &seals)? });
            for path in others {
                let level = runs.last().map_or(0, |run| run.level);
                let same = runs.iter().rev().take_while(|run| run.level == level).count();
                if same < RUNS_OF_A_LEVEL {
                    break;
                }
                let many = runs.split_off(runs.len() - same);
                let how = Merging::Building { lowest: runs.is_empty() };
                runs.push(Levelled { level: level + 1, known: merged(&many, &path, how)? });
            }
            Ok(runs)
        };
        let thread = std::thread::Builder::new().name("index".to_owned()).spawn(work);
        self.writing = Some(thread.map_err(StoreError::io("start a thread for", dir))?);
        Ok(())
    }

    /// Everything in one run.
    fn merge(&mut self, dir: &Path, seals: &Seals, path: &Path, how: Merging) -> Result<(), StoreError> {
        if !self.fresh.is_empty() {
            self.spill(dir, seals)?;
        }
        self.settle(dir)?;
        let known = merged(&self.runs, path, how)?;
        self.runs = vec![Levelled { level: u32::MAX, known }];
        Ok(())
    }
}

/// The runs as one; their files go. Who still looks at one of them has it open.
fn merged(runs: &[Levelled], path: &Path, how: Merging) -> Result<Known, StoreError> {
    let runs: Vec<Known> = runs.iter().map(|run| run.known.clone()).collect();
    let one = merge(&runs, path, how)?;
    for known in runs {
        fs::remove_file(known.run.path()).map_err(StoreError::io("remove", known.run.path()))?;
    }
    Ok(one)
}

impl Bulk {
    /// In a folder of its own, which is made.
    pub fn create(dir: &Path, seals: Seals) -> Result<Bulk, StoreError> {
        super::original::make_dir(dir)?;
        Ok(Bulk { dir: dir.to_owned(), seals, held: RwLock::default() })
    }

    /// Everything as one run at `path`, on disk on return; the folder goes.
    pub fn finish(self, path: &Path) -> Result<(), StoreError> {
        let temporary = path.with_extension("tmp");
        {
            let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
            held.merge(&self.dir, &self.seals, &temporary, Merging::Whole { durable: true })?;
        }
        fs::rename(&temporary, path).map_err(StoreError::io("move into place", path))?;
        fs::remove_dir_all(&self.dir).map_err(StoreError::io("remove", &self.dir))?;
        path.parent().map_or(Ok(()), sync_dir)
    }
}

impl Drop for Bulk {
    /// The folder goes next: nothing may still be written there.
    fn drop(&mut self) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(writing) = held.writing.take() {
            // It was given up, whatever became of its last run.
            drop(writing.join());
        }
    }
}

impl Rows for Bulk {
    /// One run of everything, in which it is quicker to look.
    fn settle(&self) -> Result<(), StoreError> {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.settle(&self.dir)?;
        if held.runs.len() > 1 {
            let path = held.path(&self.dir);
            held.merge(&self.dir, &self.seals, &path, Merging::Whole { durable: false })?;
        }
        Ok(())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let in_memory =
            held.fresh.get(key).or_else(|| held.written.as_ref().and_then(|written| written.get(key)));
        if let Some(value) = in_memory {
            return Ok(value.clone());
        }
        let hash = hash(key);
        for Levelled { known, .. } in held.runs.iter().rev() {
            if known.may_have(hash)
                && let Some(found) = known.run.get(key)?
            {
                return found.map(|value| self.seals.open(key, value)).transpose();
            }
        }
        Ok(None)
    }

    fn write(&self, changes: Changes) -> Result<(), StoreError> {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in changes {
            held.fresh.put(key, value);
        }
        if held.fresh.bytes() >= HELD_BYTES { held.spill(&self.dir, &self.seals) } else { Ok(()) }
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
            let mut found: Vec<Layer> = Vec::with_capacity(held.runs.len() + 2);
            for run in &held.runs {
                found.push(run.known.run.some(span, reverse, rows)?);
            }
            for (key, value) in found.iter_mut().flatten() {
                if let Some(sealed) = value.take() {
                    *value = Some(self.seals.open(key, sealed)?);
                }
            }
            found.extend(held.written.as_ref().map(|written| written.some(span, reverse, rows)));
            found.push(held.fresh.some(span, reverse, rows));
            Ok(found)
        };
        each_of_layers((prefix, from), reverse, &some, visit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_the_same_at_every_moment_of_its_building() {
        let dir = tempfile::tempdir().unwrap();
        let bulk = Bulk::create(&dir.path().join("building"), Seals::default()).unwrap();
        let mut expected = std::collections::BTreeMap::new();
        // Each round puts, changes and removes, and ends in a run of its own; so many that levels are merged twice.
        for round in 0..80_u32 {
            let mut changes = Changes::new();
            for number in 0..12_u32 {
                let key =
                    format!("{}{:04}", ["c", "a"][number as usize % 2], (round * 7 + number * 13) % 300);
                let value = ((round + number) % 5 != 0).then(|| format!("{round}").into_bytes());
                match &value {
                    Some(value) => drop(expected.insert(key.clone().into_bytes(), value.clone())),
                    None => drop(expected.remove(key.as_bytes())),
                }
                changes.insert(key.into_bytes(), value);
            }
            bulk.write(changes).unwrap();
            for (key, value) in expected.iter().take(40) {
                assert_eq!(bulk.get(key).unwrap().as_ref(), Some(value), "round {round}");
            }
            if round % 3 != 2 {
                bulk.held.write().unwrap().spill(&bulk.dir, &bulk.seals).unwrap();
            }
            if round % 10 == 0 {
                let mut walked = std::collections::BTreeMap::new();
                for kind in [b"a", b"c"] {
                    bulk.each(kind, None, round % 20 == 0, &mut |key, value| {
                        walked.insert(key.to_vec(), value.to_vec());
                        Ok(true)
                    })
                    .unwrap();
                }
                assert_eq!(walked, expected, "round {round}");
            }
        }
        assert!(bulk.held.read().unwrap().runs.len() < 2 * RUNS_OF_A_LEVEL, "few runs have to be looked at");
        let path = dir.path().join("bulk.run");
        bulk.finish(&path).unwrap();
        let run = super::super::run::Run::open(&path).unwrap();
        for (key, value) in &expected {
            assert_eq!(run.get(key).unwrap(), Some(Some(value.clone())));
        }
    }
}
