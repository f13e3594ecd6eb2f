//! Is the index what originals and journal say? They are folded afresh beside it, in memory or, for a large store, in
//! runs of their own (`proof/` in the store, which goes afterwards), and both are walked side by side.
//!
//! Invariant: the daemon goes on meanwhile. What differs while it does is looked at again after the journal's new
//! lines were folded in too; only the last look, at a bounded number of keys, keeps it from writing.

use super::bulk::Bulk;
use super::card::CaseState;
use super::open;
use super::rows::{Memory, Rows, Seals, decode};
use super::types::Opening;
use super::verify::VerifyReport;
use super::{Store, StoreError, keys};
use crate::limits::MEMORY_JOURNAL_BYTES_MAX;
use crate::record::{ExceptionKind as Kind, size};
use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder of a fold on disk.
const PROOF: &str = "proof";

/// Keys that may differ before the last look, which is made under the lock: some milliseconds.
const LOCKED_KEYS_MAX: usize = 1_000;

/// Keys that are looked at again at all: what a busy daemon changes during one walk.
const SUSPECTS_MAX: usize = 500_000;

/// Looks before the last one.
const LOOKS_MAX: usize = 8;

/// Keys read at one go.
const CHUNK_KEYS: usize = 4_096;

/// Free space that a fold on disk must leave.
const SPARE_BYTES: u64 = 512 * 1024 * 1024;

/// A fold made afresh. Its files go with it.
#[derive(Debug)]
pub(super) struct Fresh {
    /// `None` only while it is dropped.
    rows: Option<Box<dyn Rows>>,
    dir: Option<PathBuf>,
}

impl Fresh {
    pub fn rows(&self) -> &dyn Rows {
        static NONE: std::sync::LazyLock<Memory> = std::sync::LazyLock::new(Memory::default);
        self.rows.as_deref().unwrap_or(&*NONE)
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        drop(self.rows.take());
        if let Some(dir) = &self.dir
            && let Err(error) = fs::remove_dir_all(dir)
        {
            tracing::warn!(%error, "the files of a proof could not be removed; the next start does");
        }
    }
}

/// Removes what a proof left that was cut off.
pub(super) fn clear(store: &Path) -> Result<(), StoreError> {
    let dir = store.join(PROOF);
    match fs::remove_dir_all(&dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", &dir)(error)),
        _ => Ok(()),
    }
}

impl Store {
    /// Folds everything afresh and compares. `None`: the journal does not hold together, or there is no room; it was told.
    pub(super) fn fresh_fold(&self, report: &mut VerifyReport) -> Result<Option<Fresh>, StoreError> {
        self.fresh_fold_within(MEMORY_JOURNAL_BYTES_MAX, report)
    }

    pub(super) fn fresh_fold_within(
        &self,
        memory_bytes_max: u64,
        report: &mut VerifyReport,
    ) -> Result<Option<Fresh>, StoreError> {
        let journal = self.dir.join("journal");
        for name in misnamed(&journal)? {
            report.tell(
                crate::record::Exception::new(
                    Kind::JournalStray,
                    "in het logboek staat een bestand dat er niet hoort",
                )
                .at(name),
            );
        }
        let Some(fresh) = self.room_for_fold(bytes_below(&journal), memory_bytes_max, report)? else {
            return Ok(None);
        };
        let folded = self
            .fold_on(fresh.rows(), &journal)
            .and_then(|_| fresh.rows().settle())
            .and_then(|()| self.compare(fresh.rows(), &journal, report));
        match folded {
            Ok(()) => Ok(Some(fresh)),
            Err(StoreError::Chain { segment, line, fault }) => {
                let name = segment.file_name().unwrap_or_default().to_string_lossy().into_owned();
                report.told(
                    Kind::JournalBroken,
                    format!("het logboek klopt niet: {name}, regel {line} ({fault})"),
                );
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn room_for_fold(
        &self,
        journal_bytes: u64,
        memory_bytes_max: u64,
        report: &mut VerifyReport,
    ) -> Result<Option<Fresh>, StoreError> {
        if journal_bytes <= memory_bytes_max || self.core().journal.is_none() {
            return Ok(Some(Fresh { rows: Some(Box::new(Memory::default())), dir: None }));
        }
        let space = rustix::fs::statvfs(&self.dir)
            .map_err(|error| StoreError::io("look at", &self.dir)(error.into()))?;
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        let wanted = 2 * bytes_below(&self.dir.join("index"));
        if free < wanted.saturating_add(SPARE_BYTES) {
            let needed = size(wanted.saturating_add(SPARE_BYTES));
            report.told(
                Kind::IndexNotCompared,
                format!("de index is niet vergeleken: daarvoor is {needed} vrij nodig"),
            );
            return Ok(None);
        }
        clear(&self.dir)?;
        let dir = self.dir.join(PROOF);
        let seals = Seals(self.originals.sealing().values()?.map(Arc::new));
        // The folder goes also when it cannot be opened.
        let mut fresh = Fresh { rows: None, dir: Some(dir.clone()) };
        fresh.rows = Some(Box::new(Bulk::create(&dir, seals)?));
        Ok(Some(fresh))
    }

    /// Folds in what the journal says beyond what `fresh` has. Gives the number of the next entry.
    fn fold_on(&self, fresh: &dyn Rows, journal: &Path) -> Result<u64, StoreError> {
        let at: (u64, String) =
            fresh.get(keys::APPLIED)?.map(|value| decode(&value)).transpose()?.unwrap_or_default();
        let end = open::follow(fresh, &self.originals, journal, at, &mut Opening::default())?;
        end.map(|end| end.next_seq).ok_or_else(|| StoreError::Index {
            path: journal.to_owned(),
            fault: "the journal changed while it was read".to_owned(),
        })
    }

    fn compare(&self, fresh: &dyn Rows, journal: &Path, report: &mut VerifyReport) -> Result<(), StoreError> {
        let (mut suspects, uncompared) = differences(fresh, &*self.rows)?;
        for _ in 0..LOOKS_MAX {
            if suspects.len() <= LOCKED_KEYS_MAX {
                break;
            }
            self.fold_on(fresh, journal)?;
            let before = suspects.len();
            suspects = still_different(suspects, fresh, &*self.rows)?;
            if suspects.len() == before {
                break;
            }
        }
        self.fold_on(fresh, journal)?;
        let core = self.core();
        let next_seq = self.fold_on(fresh, journal)?;
        if let Some(ours) = &core.journal
            && next_seq < ours.next_seq()
        {
            let lost = ours.next_seq() - next_seq;
            report.told(Kind::JournalShort, format!("van het logboek ontbreken de laatste {lost} regels"));
        }
        let mut different = suspects.len() as u64;
        if suspects.len() <= LOCKED_KEYS_MAX {
            different = still_different(suspects, fresh, &*self.rows)?.len() as u64;
        } else {
            drop(core);
        }
        if different > 0 {
            report.told(
                Kind::IndexDiffers,
                format!("de index verschilt op {different} plaatsen van originelen en logboek"),
            );
        }
        if uncompared > 0 {
            report.told(
                Kind::IndexNotCompared,
                format!(
                    "de index kon op {uncompared} plaatsen niet worden vergeleken: er veranderde te veel"
                ),
            );
        }
        Ok(())
    }
}

/// Are two values of a key the same? After a purge a fresh fold has fewer texts to tell from what is alike.
fn is_same(key: &[u8], fresh: Option<&[u8]>, live: Option<&[u8]>, purged: bool) -> Result<bool, StoreError> {
    if fresh == live || key == keys::FORMAT || purged && key.starts_with(keys::LIKENESS_BANDS) {
        return Ok(true);
    }
    match (fresh, live) {
        (Some(fresh), Some(live)) if purged && key.starts_with(keys::CASES) => {
            Ok(without_alike(fresh)? == without_alike(live)?)
        }
        _ => Ok(false),
    }
}

fn without_alike(value: &[u8]) -> Result<CaseState, StoreError> {
    let mut state: CaseState = decode(value)?;
    state.row.alike = Vec::new();
    Ok(state)
}

/// Keys that stand in one of both only, or with another value: at most so many, and how many more there are.
fn differences(fresh: &dyn Rows, live: &dyn Rows) -> Result<(Vec<Vec<u8>>, u64), StoreError> {
    let purged = fresh.get(keys::PURGED)?.is_some();
    let (mut left, mut right) = (Cursor::new(fresh), Cursor::new(live));
    let (mut found, mut more) = (Vec::new(), 0);
    loop {
        let key = match (left.peek()?, right.peek()?) {
            (None, None) => return Ok((found, more)),
            (Some((a, x)), Some((b, y))) if a == b => {
                let same = is_same(a, Some(x), Some(y), purged)?;
                let key = (!same).then(|| a.clone());
                left.step();
                right.step();
                key
            }
            (Some((a, _)), Some((b, _))) if a < b => left.step(),
            (Some(_), None) => left.step(),
            _ => right.step(),
        };
        let bands = |key: &[u8]| purged && key.starts_with(keys::LIKENESS_BANDS);
        match key.filter(|key| key != keys::FORMAT && !bands(key)) {
            Some(key) if found.len() < SUSPECTS_MAX => found.push(key),
            Some(_) => more += 1,
            None => {}
        }
    }
}

fn still_different(
    suspects: Vec<Vec<u8>>,
    fresh: &dyn Rows,
    live: &dyn Rows,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut still = Vec::new();
    let purged = fresh.get(keys::PURGED)?.is_some();
    for key in suspects {
        if !is_same(&key, fresh.get(&key)?.as_deref(), live.get(&key)?.as_deref(), purged)? {
            still.push(key);
        }
    }
    Ok(still)
}

/// A key and its value.
type Pair = (Vec<u8>, Vec<u8>);

/// A walk that is asked for the next pair, where [`Rows::each`] gives them all.
struct Cursor<'a> {
    rows: &'a dyn Rows,
    buffer: VecDeque<Pair>,
    /// Where to read on; `None`: at the end.
    from: Option<Vec<u8>>,
}

impl<'a> Cursor<'a> {
    fn new(rows: &'a dyn Rows) -> Self {
        Self { rows, buffer: VecDeque::new(), from: Some(Vec::new()) }
    }

    fn peek(&mut self) -> Result<Option<&Pair>, StoreError> {
        if self.buffer.is_empty()
            && let Some(from) = self.from.take()
        {
            self.rows.each(b"", Some(&from), false, &mut |key, value| {
                self.buffer.push_back((key.to_vec(), value.to_vec()));
                Ok(self.buffer.len() < CHUNK_KEYS)
            })?;
            // The next key in order after the last.
            self.from = match self.buffer.back() {
                Some((last, _)) if self.buffer.len() >= CHUNK_KEYS => Some([last.as_slice(), &[0]].concat()),
                _ => None,
            };
        }
        Ok(self.buffer.front())
    }

    /// Takes the pair, and gives its key.
    fn step(&mut self) -> Option<Vec<u8>> {
        self.buffer.pop_front().map(|(key, _)| key)
    }
}

/// Files that look like segments and are none: their lines would be passed over.
fn misnamed(journal: &Path) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    for item in fs::read_dir(journal).map_err(StoreError::io("list", journal))? {
        let name = item.map_err(StoreError::io("list", journal))?.file_name().to_string_lossy().into_owned();
        let is_segment = |stem: &str| stem.len() >= 12 && stem.bytes().all(|byte| byte.is_ascii_digit());
        if name.strip_suffix(".log").is_some_and(|stem| !is_segment(stem)) {
            found.push(name);
        }
    }
    Ok(found)
}

/// Bytes of the files of a directory, without those of folders in it. What cannot be read counts nothing.
fn bytes_below(dir: &Path) -> u64 {
    let Ok(listed) = fs::read_dir(dir) else { return 0 };
    listed
        .flatten()
        .filter_map(|item| item.metadata().ok())
        .filter(|file| file.is_file())
        .map(|file| file.len())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::super::rows::Changes;
    use super::*;

    #[test]
    fn both_are_walked_to_their_ends() {
        let (fresh, live) = (Memory::default(), Memory::default());
        let pairs = |range: std::ops::Range<u32>| -> Changes {
            range.map(|i| (i.to_be_bytes().to_vec(), Some(vec![1]))).collect()
        };
        fresh.write(pairs(0..10_000)).unwrap();
        live.write(pairs(5..10_003)).unwrap();
        live.write(Changes::from([(7u32.to_be_bytes().to_vec(), Some(vec![2]))])).unwrap();
        live.write(Changes::from([(keys::FORMAT.to_vec(), Some(vec![9]))])).unwrap();
        let (found, more) = differences(&fresh, &live).unwrap();
        assert_eq!((found.len(), more), (5 + 1 + 3, 0));
        live.write(pairs(0..10)).unwrap();
        assert_eq!(still_different(found, &fresh, &live).unwrap().len(), 3);
    }

    #[test]
    fn a_fold_on_disk_finds_the_same_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.pause_sending(true, "j.jansen", jiff::Timestamp::UNIX_EPOCH).unwrap();
        let mut report = VerifyReport::default();
        let fresh = store.fresh_fold_within(0, &mut report).unwrap().unwrap();
        assert!(dir.path().join(PROOF).is_dir());
        assert!(fresh.rows().get(keys::SENDING_PAUSED).unwrap().is_some());
        assert!(report.is_clean(), "{report:?}");
        drop(fresh);
        assert!(!dir.path().join(PROOF).exists());
        store.rows.write(Changes::from([(keys::SENDING_PAUSED.to_vec(), None)])).unwrap();
        store.fresh_fold_within(0, &mut report).unwrap();
        assert_eq!(report.exceptions[0].kind, Kind::IndexDiffers);
        // Cut off in the middle: the next opening clears up.
        fs::create_dir(dir.path().join(PROOF)).unwrap();
        drop(store);
        drop(Store::open(dir.path()).unwrap());
        assert!(!dir.path().join(PROOF).exists());
    }
}
