//! Opening a store: the lock, the journal's end, the index brought up to it, and the folders that a crash left.

use super::ahead;
use super::base::{Base, run_path};
use super::bulk::Bulk;
use super::copy::AfterRestore;
use super::fold::{Between, Fold};
use super::journal::{self, End, Journal};
use super::keys;
use super::layered::Layered;
use super::looks::LookLog;
use super::original::{Originals, make_dir, open_private};
use super::patience::patiently;
use super::rows::{Changes, Memory, Rows, Seals, decode, encode};
use super::sealed::{Sealing, ValueKey};
use super::sync::GroupSync;
use super::tail::{self, Marker};
use super::texts::Texts;
use super::{Core, Opening, Store, StoreError, purge};
use crate::record::{RegistrationNumber, StorePlace};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

/// Version of keys and values of the index; a store with another one is folded again.
pub(super) const INDEX_FORMAT: u32 = 9;

/// Changes folded before they are written to the index together.
const BATCH_CHANGES: usize = 1_000;

/// Entries after which it is told how far the index is.
const PROGRESS_ENTRIES: u64 = 500;

/// Is given the entries that the index has, and of how many.
pub type Tell<'a> = &'a mut dyn FnMut(u64, u64);

impl Store {
    /// Opens the store in `dir` for writing, makes it when it is not there, and mends what a crash left.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it open; [`StoreError::Chain`] when the journal does not hold
    /// together; [`StoreError::Key`] when it is sealed with a key that is not there; [`StoreError::Io`] naming the path. An index that will not open is no error: it is built again.
    pub fn open(place: impl Into<StorePlace>) -> Result<Store, StoreError> {
        Store::open_watched(place, &mut |_, _| {})
    }

    /// The same, and `tell` is given how many entries of the journal the index has, and of how many, while it is built.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_watched(place: impl Into<StorePlace>, tell: Tell<'_>) -> Result<Store, StoreError> {
        let place = place.into();
        expect_whole(&place)?;
        Store::open_restored(&place, tell)
    }

    /// The same, also while a restore is under way.
    pub(super) fn open_restored(place: &StorePlace, tell: Tell<'_>) -> Result<Store, StoreError> {
        fs::create_dir_all(place).map_err(StoreError::io("make", place))?;
        let lock = lock(place)?;
        Store::open_locked(place, lock, tell)
    }

    /// Builds the index again from originals and journal, and gives the number of entries. `tell` is as in
    /// [`Store::open_watched`].
    ///
    /// # Errors
    /// [`StoreError::InUse`] while a daemon holds the store; else as [`Store::open`].
    pub fn rebuild(place: impl Into<StorePlace>, tell: Tell<'_>) -> Result<u64, StoreError> {
        let place = place.into();
        let journal = place.join("journal");
        // A wrong path makes no new store.
        fs::metadata(&journal).map_err(StoreError::io("look at", &journal))?;
        expect_whole(&place)?;
        let lock = lock(&place)?;
        let index = place.join("index");
        match fs::remove_dir_all(&index) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("remove", &index)(error));
            }
            _ => {}
        }
        Ok(Store::open_locked(&place, lock, tell)?.opening.replayed)
    }

    fn open_locked(place: &StorePlace, lock: File, tell: Tell<'_>) -> Result<Store, StoreError> {
        let dir: &Path = place;
        super::verify_index::clear(dir)?;
        let sealing = Sealing::of(place, true)?;
        let values = sealing.values()?;
        let (originals, journal_dir) = (Originals::at(dir.join("originals"), sealing), dir.join("journal"));
        originals.create()?;
        make_dir(&journal_dir)?;
        let mut opening = Opening::default();
        let marker = Marker::open(&journal_dir)?;
        let cut_off = tail::mend(&originals, &journal_dir, &marker)?;
        let (rows, end) = index(&dir.join("index"), values, &journal_dir, &originals, &mut opening, tell)?;
        opening.cut_off_bytes = end.torn_bytes;
        opening.cut_off_entries = cut_off;
        let journal = Journal::append_after(&journal_dir, &end)?;
        finish_moves(&originals, &rows, &mut opening)?;
        opening.destroyed = purge::finish(dir, &rows, &originals)?;
        report(&opening);
        marker.note(end.next_seq - 1);
        marker.sync().map_err(StoreError::io("sync", &journal_dir))?;
        Store::assemble(dir, originals, Box::new(rows), Some((journal, marker)), opening, Some(lock))
    }

    /// Opens beside a running daemon: an index in memory, built from journal and folders as they are now. It does not
    /// follow what happens later. Every change is refused with [`StoreError::ReadOnly`].
    ///
    /// # Errors
    /// As [`Store::open`], without the lock.
    pub fn open_read_only(place: impl Into<StorePlace>) -> Result<Store, StoreError> {
        let place = place.into();
        let dir: &Path = &place;
        expect_whole(dir)?;
        let originals = Originals::at(dir.join("originals"), Sealing::of(&place, false)?);
        let (rows, mut opening) = (Memory::default(), Opening::default());
        follow(&rows, &originals, &dir.join("journal"), (0, String::new()), &mut opening)?;
        Store::assemble(dir, originals, Box::new(rows), None, Opening::default(), None)
    }

    pub(super) fn assemble(
        dir: &Path,
        originals: Originals,
        rows: Box<dyn Rows>,
        journal: Option<(Journal, Marker)>,
        opening: Opening,
        lock: Option<File>,
    ) -> Result<Store, StoreError> {
        let (journal, marker) = journal.unzip();
        let device = |path: &Path| Ok(fs::metadata(path).map_err(StoreError::io("look at", path))?.dev());
        let one_file_system = journal.is_some() && device(originals.root())? == device(&dir.join("journal"))?;
        let texts = Texts::open(dir, originals.sealing().values()?, journal.is_some());
        Ok(Store {
            dir: dir.to_owned(),
            rows,
            texts,
            core: Mutex::new(Core { journal, last_record: None, last_case: None }),
            registering: Mutex::new(()),
            disk: GroupSync::default(),
            dirty: AtomicBool::new(true),
            stopped: AtomicBool::new(false),
            root: File::open(originals.root()).map_err(StoreError::io("open", originals.root()))?,
            one_file_system,
            marker,
            opening,
            originals,
            looks: LookLog::at(dir.join("looks")),
            _lock: lock,
        })
    }
}

/// Stands in a store that is being put back from a backup, until it is whole.
pub(super) const RESTORING: &str = ".restoring";

pub(super) fn expect_whole(dir: &Path) -> Result<(), StoreError> {
    if dir.join(RESTORING).exists() {
        let why = "a restore into this store was cut off: run bode restore again";
        return Err(StoreError::State { object: dir.display().to_string(), why });
    }
    Ok(())
}

/// The lock file holds the process that has it; the lock itself goes with that process, however it ends.
fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join("lock");
    let mut file = open_private(&path)?;
    let is_held = |error: &rustix::io::Errno| *error == rustix::io::Errno::WOULDBLOCK;
    let locked = patiently(is_held, || flock(&file, FlockOperation::NonBlockingLockExclusive));
    if let Err(error) = locked {
        if error != rustix::io::Errno::WOULDBLOCK {
            return Err(StoreError::Io { doing: "lock", path, source: error.into() });
        }
        let mut text = String::new();
        // Only for the message: a process number that cannot be read is left out.
        let _ = (&file).take(20).read_to_string(&mut text);
        return Err(StoreError::InUse { dir: dir.to_owned(), pid: text.trim().parse().ok() });
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(StoreError::io("write", &path))?;
    Ok(file)
}

/// The index, up to the end of the journal.
fn index(
    path: &Path,
    values: Option<ValueKey>,
    journal: &Path,
    originals: &Originals,
    opening: &mut Opening,
    tell: Tell<'_>,
) -> Result<(Layered, End), StoreError> {
    let total = journal::last_seq(journal)?;
    let mut told = |done: u64| tell(done, total);
    let existed = path.exists();
    let seals = Seals(values.map(Arc::new));
    let why = match Base::open(path, seals.clone())
        .map(Layered::over)
        .and_then(|rows| applied(&rows).map(|applied| (rows, applied)))
    {
        Ok((rows, Some(applied))) => {
            match follow_watched(&rows, originals, journal, applied, Between::Nothing, opening, &mut told)? {
                Some(end) => return Ok((rows, end)),
                None => "it does not match the journal".to_owned(),
            }
        }
        Ok((_, None)) if existed => "it has another format".to_owned(),
        Ok((_, None)) => "it was not there".to_owned(),
        Err(error) => error.to_string(),
    };
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(StoreError::io("remove", path)(error));
        }
        _ => {}
    }
    *opening = Opening::default();
    make_dir(path)?;
    let bulk = Bulk::create(&path.join("building"), seals.clone())?;
    bulk.write(Changes::from([(keys::FORMAT.to_vec(), Some(encode(&INDEX_FORMAT)?))]))?;
    let start = (0, String::new());
    let end = follow_watched(&bulk, originals, journal, start, Between::Cases, opening, &mut told)?
        .ok_or_else(|| StoreError::Index { path: path.to_owned(), fault: "it cannot be built".to_owned() })?;
    bulk.finish(&run_path(path, 0))?;
    let rows = Layered::over(Base::open(path, seals)?);
    if end.next_seq > 1 {
        opening.rebuilt = Some(why);
    }
    Ok((rows, end))
}

/// The last entry that the index has, and its digest. `None`: no index of this format.
fn applied(rows: &dyn Rows) -> Result<Option<(u64, String)>, StoreError> {
    match rows.get(keys::FORMAT)?.map(|value| decode::<u32>(&value)) {
        Some(Ok(INDEX_FORMAT)) => match rows.get(keys::APPLIED)? {
            Some(value) => decode(&value).map(Some),
            None => Ok(Some((0, String::new()))),
        },
        _ => Ok(None),
    }
}

/// Folds in what an index has not seen that nobody else reads. `None`: it has seen something else than the journal says,
/// or more.
pub(super) fn follow(
    rows: &dyn Rows,
    originals: &Originals,
    journal: &Path,
    applied: (u64, String),
    opening: &mut Opening,
) -> Result<Option<End>, StoreError> {
    follow_watched(rows, originals, journal, applied, Between::Cases, opening, &mut |_| {})
}

/// The same; `tell` is given the number of the last entry, now and then and at the end.
fn follow_watched(
    rows: &dyn Rows,
    originals: &Originals,
    journal: &Path,
    (applied, digest): (u64, String),
    between: Between,
    opening: &mut Opening,
    tell: &mut dyn FnMut(u64),
) -> Result<Option<End>, StoreError> {
    let (mut fold, mut same) = (Fold::new(rows, originals), applied == 0);

    let mut bring = |fold: &mut Fold<'_>, ahead| {
        fold.bring(ahead);
        Ok(())
    };
    let end = ahead::walk(journal, applied, originals, &mut fold, &mut bring, &mut |fold, entry, line| {
        if entry.seq == applied {
            same = line == digest;
        }
        if entry.seq <= applied || !same {
            return Ok(());
        }
        fold.apply(&entry, line)?;
        opening.replayed += 1;
        if opening.replayed.is_multiple_of(PROGRESS_ENTRIES) {
            tell(entry.seq);
        }
        if fold.len() >= BATCH_CHANGES { rows.write(fold.take(between)?) } else { Ok(()) }
    })?;
    rows.write(fold.finish()?)?;
    tell(end.next_seq.saturating_sub(1));
    Ok(same.then_some(end))
}

/// Folders that a crash left in `new/`: registered ones go to their place, the others go.
fn finish_moves(originals: &Originals, rows: &dyn Rows, opening: &mut Opening) -> Result<(), StoreError> {
    for number in originals.unsettled()? {
        if rows.get(&keys::record(number))?.is_some() {
            originals.settle(number)?;
            opening.completed += 1;
        } else {
            originals.discard(number);
            opening.removed += 1;
        }
    }
    Ok(())
}

fn report(opening: &Opening) {
    if opening.cut_off_bytes > 0 {
        let bytes = opening.cut_off_bytes;
        tracing::warn!(bytes, "cut an unfinished line off the journal; nobody had been told of that change");
    }
    if opening.cut_off_entries > 0 {
        let entries = opening.cut_off_entries;
        tracing::warn!(
            entries,
            "power went before these entries were on disk with their files; nobody had been told, they are done again"
        );
    }
    if let Some(why) = &opening.rebuilt {
        tracing::warn!(%why, entries = opening.replayed, "built the index again");
    }
    if opening.destroyed > 0 {
        tracing::info!(records = opening.destroyed, "removed what a purge had left that was cut off");
    }
    if opening.completed + opening.removed > 0 {
        let (completed, removed) = (opening.completed, opening.removed);
        tracing::info!(completed, removed, "finished what a stop had cut off in originals/new");
    }
}

/// The highest serial of a year among the numbers of one kind.
pub(super) fn last_serial(rows: &dyn Rows, kind: &[u8], year: u16) -> Result<u32, StoreError> {
    let mut last = 0;
    rows.each(&[kind, &year.to_be_bytes()].concat(), None, true, &mut |key, _| {
        last = keys::number_at_end(key).map_or(0, |(_, serial)| serial);
        Ok(false)
    })?;
    let restored: Option<AfterRestore> = rows.get(keys::RESTORED)?.map(|value| decode(&value)).transpose()?;
    Ok(last.max(restored.map_or(0, |restored| restored.last(kind, year))))
}

impl Core {
    /// The next registration number whose folder is free.
    pub(super) fn next_record(
        &mut self,
        rows: &dyn Rows,
        originals: &Originals,
        year: u16,
    ) -> Result<RegistrationNumber, StoreError> {
        let mut serial = match self.last_record {
            Some((same, serial)) if same == year => serial,
            _ => last_serial(rows, keys::RECORDS, year)?,
        };
        loop {
            serial += 1;
            let number = RegistrationNumber::new(year, serial);
            // A folder without an entry is evidence (the journal lost its end); it is not written into.
            if !originals.folder(number).exists() {
                self.last_record = Some((year, serial));
                return Ok(number);
            }
        }
    }
}
