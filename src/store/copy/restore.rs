//! Putting a backup back: into an empty directory, after every file of the backup was read and found whole.

use super::check::{CopyState, read_manifest};
use super::{Copy, CopyError, Manifest, Progress, copy_in, make_dirs};
use crate::record::{AnswerState, CaseNumber, OutboxEntry, RegistrationNumber, StorePlace, office_date};
use crate::store::entry::Event;
use crate::store::fold::Fold;
use crate::store::journal::sync_dir;
use crate::store::open::{RESTORING, last_serial};
use crate::store::{Store, StoreError, keys};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What was put back.
#[derive(Debug)]
pub struct Restored {
    pub manifest: Manifest,
    /// When a later backup was begun that was cut off.
    pub cut_off: Option<Timestamp>,
    /// Answers that waited to be sent: held until a person has looked.
    pub held: u64,
    /// The store, open and with its index.
    pub store: Store,
}

/// Puts the backup in `dir` back as the store in `to`. Nothing is written before every file of the backup was read. Answers
/// stand still afterwards, and those that waited are held: they may have gone out since.
///
/// # Errors
/// [`CopyError::Refused`] when there is no ended backup, it is another office's, or `to` holds something;
/// [`CopyError::Damaged`] with the files that are not what was written.
pub fn restore(
    dir: &Path,
    place: &StorePlace,
    office: &str,
    by: &str,
    now: Timestamp,
    progress: &mut Progress<'_>,
) -> Result<Restored, CopyError> {
    let to: &Path = place;
    let CopyState { manifest, cut_off } = read_manifest(dir)?;
    let Some(manifest) = manifest else {
        return Err(CopyError::Refused(match cut_off {
            Some(at) => {
                format!("{}: the backup begun at {at} was cut off and there is no other", dir.display())
            }
            None => format!("{} holds no backup of bode", dir.display()),
        }));
    };
    if manifest.office != office {
        let whose = &manifest.office;
        return Err(CopyError::Refused(format!("{} is a backup of {whose}, not of {office}", dir.display())));
    }
    expect_empty(to)?;
    let copy = Copy::open_to_read(dir)?;
    let purged = copy.check_all(&manifest, progress)?;
    begin(to)?;
    let journal = to.join("journal");
    for segment in &manifest.journal {
        let from = copy.store().join("journal").join(&segment.name);
        let mut file = File::open(&from).map_err(StoreError::io("open", &from))?;
        let copied = copy_in(&mut file, segment.bytes, &journal.join(&segment.name))?;
        same(&from, &copied.0, &segment.sha256)?;
    }
    let mut done = 0;
    copy.each_file(&manifest, &purged, &mut |line| {
        let (from, place) = (copy.store().join(&line.path), to.join(&line.path));
        let mut file = File::open(&from).map_err(StoreError::io("open", &from))?;
        let copied = copy_in(&mut file, u64::MAX, &place)?;
        same(&from, &copied.0, &line.sha256)?;
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("original.") || name == "record.json" {
            fs::set_permissions(&place, fs::Permissions::from_mode(0o400))
                .map_err(StoreError::io("protect", &place))?;
        }
        done += 1;
        progress(done, 0);
        Ok(())
    })?;
    for one in &manifest.changing {
        let from = copy.changing(&one.sha256);
        let mut file = File::open(&from).map_err(StoreError::io("open", &from))?;
        let copied = copy_in(&mut file, u64::MAX, &to.join(&one.path))?;
        same(&from, &copied.0, &one.sha256)?;
    }
    let root = File::open(to).map_err(StoreError::io("open", to))?;
    rustix::fs::syncfs(&root).map_err(|error| StoreError::io("sync", to)(error.into()))?;
    let store = Store::open_restored(place, &mut |_, _| {})?;
    let held = store.after_restore(manifest.entries, by, now)?;
    let marker = to.join(RESTORING);
    fs::remove_file(&marker).map_err(StoreError::io("remove", &marker))?;
    sync_dir(to)?;
    Ok(Restored { manifest, cut_off, held, store })
}

fn same(path: &Path, found: &str, wanted: &str) -> Result<(), CopyError> {
    if found == wanted {
        return Ok(());
    }
    Err(CopyError::Damaged { damaged: vec![format!("{} changed meanwhile", path.display())], more: 0 })
}

/// The place must be empty, or hold what a restore left that was cut off.
fn expect_empty(to: &Path) -> Result<(), CopyError> {
    let items = match fs::read_dir(to) {
        Ok(items) => items,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io("list", to)(error).into()),
    };
    let mut names = items.flatten().map(|item| item.file_name()).filter(|name| name != "lost+found");
    if names.next().is_some() && !to.join(RESTORING).exists() {
        return Err(CopyError::Refused(format!(
            "{} is not empty, and nothing is ever written over: stop bode, move that directory away (mv {} {}.old), and \
             try again",
            to.display(),
            to.display(),
            to.display()
        )));
    }
    Ok(())
}

/// From here on no daemon opens the store, until it is whole.
fn begin(to: &Path) -> Result<(), StoreError> {
    make_dirs(to)?;
    let marker = to.join(RESTORING);
    super::replace(&marker, b"a restore is under way, or was cut off: run bode restore again\n")?;
    for item in fs::read_dir(to).map_err(StoreError::io("list", to))? {
        let item = item.map_err(StoreError::io("list", to))?;
        let path = item.path();
        if path == marker || item.file_name() == "lost+found" {
            continue;
        }
        let kind = item.file_type().map_err(StoreError::io("look at", &path))?;
        let removed = if kind.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(StoreError::io("remove", &path))?;
    }
    for name in ["journal", "originals"] {
        make_dirs(&to.join(name))?;
    }
    Ok(())
}

/// How far the numbers jump: what was given out since the backup is not known, and no number is given twice.
const NUMBERS_SKIPPED: u32 = 500;

impl Store {
    /// What must stand in the journal before anything else happens in a restored store. How many answers are held now.
    pub(super) fn after_restore(&self, entries: u64, by: &str, now: Timestamp) -> Result<u64, StoreError> {
        let year = u16::try_from(office_date(now).year()).unwrap_or(0);
        let last = |kind| last_serial(&*self.rows, kind, year);
        // Up to a full thousand, so that people see where the numbers went on.
        let jump = |last: u32| last.saturating_add(NUMBERS_SKIPPED).div_ceil(1000) * 1000;
        let (last_case, last_record) = (jump(last(keys::CASES)?), jump(last(keys::RECORDS)?));
        self.pause_sending(true, by, now)?;
        self.change(now, by, |_| Ok(vec![Event::Restored { entries, year, last_case, last_record }]))?;
        let mut held = 0;
        for case in self.waiting_cases()? {
            self.by_person(case, None, by, Some(HELD_AFTER_RESTORE), now, |_, reason| {
                Ok(Event::AnswerHeld { case, reason })
            })?;
            held += 1;
        }
        Ok(held)
    }

    fn waiting_cases(&self) -> Result<Vec<CaseNumber>, StoreError> {
        let mut cases = Vec::new();
        self.rows.each(keys::DUE_ANSWERS, None, false, &mut |key, _| {
            cases.extend(keys::number_at_end(key).map(|(year, serial)| CaseNumber::new(year, serial)));
            Ok(true)
        })?;
        Ok(cases)
    }
}

/// Stands with an answer that is held because a backup was put back.
const HELD_AFTER_RESTORE: &str = "Na het terugzetten van een back-up: kijk eerst of dit antwoord al uit is gegaan. Er mag er geen tweede komen.";

/// Where numbers go on after a restore, and the pieces that were not judged then.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::store) struct AfterRestore {
    year: u16,
    last_case: u32,
    last_record: u32,
    work: Vec<RegistrationNumber>,
}

impl AfterRestore {
    /// The last number of a kind and year that may have been given out.
    pub fn last(&self, kind: &[u8], year: u16) -> u32 {
        match (kind, year == self.year) {
            (keys::CASES, true) => self.last_case,
            (keys::RECORDS, true) => self.last_record,
            _ => 0,
        }
    }
}

impl Fold<'_> {
    pub(in crate::store) fn restored(&mut self, what: &Event) -> Result<(), StoreError> {
        let Event::Restored { year, last_case, last_record, .. } = what else { return Ok(()) };
        let number = |key: Vec<u8>| {
            keys::number_at_end(&key).map(|(year, serial)| RegistrationNumber::new(year, serial))
        };
        let work = self.keys(keys::WORK)?.into_iter().filter_map(number).collect();
        let (year, last_case, last_record) = (*year, *last_case, *last_record);
        self.put(keys::RESTORED.to_vec(), &AfterRestore { year, last_case, last_record, work })
    }

    /// What came in before the backup and was judged after it was put back may have been answered in between.
    pub(in crate::store) fn held_after_restore(
        &self,
        record: RegistrationNumber,
        answer: &mut OutboxEntry,
    ) -> Result<(), StoreError> {
        if matches!(answer.state, AnswerState::Waiting { .. }) {
            let restored: Option<AfterRestore> = self.get(keys::RESTORED)?;
            if restored.is_some_and(|restored| restored.work.contains(&record)) {
                answer.state = AnswerState::Held { reason: HELD_AFTER_RESTORE.to_owned() };
            }
        }
        Ok(())
    }
}
