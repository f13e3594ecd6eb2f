//! Reading a backup: its manifest, its lists, its journal, and whether every file in it is what was written.

use super::{
    CHANGING, COPY_FORMAT, Copy, CopyError, DAMAGED_MAX, LISTS, MANIFEST, Manifest, Progress, UNFINISHED,
};
use super::{Unfinished, digest_of_file, pump};
use crate::record::RegistrationNumber;
use crate::store::StoreError;
use crate::store::entry::Event;
use crate::store::journal;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// What stands in a directory of backups.
#[derive(Clone, Debug)]
pub struct CopyState {
    /// The last backup that was ended.
    pub manifest: Option<Manifest>,
    /// When one was begun that was not.
    pub cut_off: Option<Timestamp>,
}

/// Reads what stands in a directory of backups; nothing is checked yet.
///
/// # Errors
/// A manifest that cannot be read or was written by a newer bode.
pub fn read_manifest(dir: &Path) -> Result<CopyState, CopyError> {
    let manifest: Option<Manifest> = read_json(&dir.join(MANIFEST))?;
    if let Some(manifest) = manifest.as_ref().filter(|manifest| manifest.format > COPY_FORMAT) {
        return Err(CopyError::Refused(format!(
            "{} was written by a newer bode ({}): use that version or a later one",
            dir.join(MANIFEST).display(),
            manifest.bode
        )));
    }
    let unfinished: Option<Unfinished> = read_json(&dir.join(UNFINISHED)).unwrap_or(None);
    Ok(CopyState { manifest, cut_off: unfinished.map(|unfinished| unfinished.begun_at) })
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map(Some).map_err(|error| StoreError::damaged(path, &error))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", path)(error)),
    }
}

/// Files that are not as they should be: some by name, the others counted.
#[derive(Debug, Default)]
pub(super) struct Damage {
    pub named: Vec<String>,
    pub more: u64,
}

impl Damage {
    pub fn tell(&mut self, what: String) {
        if self.named.len() < DAMAGED_MAX { self.named.push(what) } else { self.more += 1 }
    }

    pub fn refuse(self) -> Result<(), CopyError> {
        if self.named.is_empty() {
            return Ok(());
        }
        Err(CopyError::Damaged { damaged: self.named, more: self.more })
    }
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub sha256: String,
    /// From `store/`.
    pub path: String,
}

/// The record whose folder a path of a list stands in.
pub(super) fn record_of(path: &str) -> Option<RegistrationNumber> {
    let mut parts = path.strip_prefix("originals/")?.split('/');
    Some(RegistrationNumber::new(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// A path of a list: below the store, nowhere else.
pub(super) fn is_below(path: &str) -> bool {
    !path.is_empty()
        && Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)))
}

impl Copy {
    /// Every file of a backup but journal and what may change, each once, without those of records
    /// that were destroyed. The lists themselves are checked first.
    pub(super) fn each_file(
        &self,
        manifest: &Manifest,
        purged: &BTreeSet<RegistrationNumber>,
        each: &mut dyn FnMut(&Line) -> Result<(), CopyError>,
    ) -> Result<(), CopyError> {
        let mut damage = Damage::default();
        for list in &manifest.lists {
            let path = self.dir.join(LISTS).join(&list.name);
            match digest_of_file(&path)? {
                Some((sha256, _)) if sha256 == list.sha256 => {}
                Some(_) => damage.tell(format!("{} is not what was written", path.display())),
                None => damage.tell(format!("{} is missing", path.display())),
            }
        }
        damage.refuse()?;
        for list in &manifest.lists {
            self.lines(&list.name, &mut |line| {
                if record_of(&line.path).is_some_and(|record| purged.contains(&record)) {
                    return Ok(());
                }
                each(&line)
            })?;
        }
        Ok(())
    }

    fn lines(
        &self,
        name: &str,
        each: &mut dyn FnMut(Line) -> Result<(), CopyError>,
    ) -> Result<(), CopyError> {
        let path = self.dir.join(LISTS).join(name);
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        for line in BufReader::new(file).lines() {
            let line = line.map_err(StoreError::io("read", &path))?;
            let parsed = line.split_once("  ").filter(|(sha256, file)| sha256.len() == 64 && is_below(file));
            let (sha256, file) = parsed.ok_or_else(|| {
                CopyError::Refused(format!("{}: {line:?} is no line of ours", path.display()))
            })?;
            each(Line { sha256: sha256.to_owned(), path: file.to_owned() })?;
        }
        Ok(())
    }

    /// Is the file of a line what was written? `None`: it is; else what is wrong with it.
    pub(super) fn fault(&self, line: &Line) -> Result<Option<String>, StoreError> {
        let path = self.store().join(&line.path);
        Ok(match digest_of_file(&path) {
            Ok(Some((sha256, _))) if sha256 == line.sha256 => None,
            Ok(Some(_)) => Some(format!("{} is not what was written", path.display())),
            Ok(None) => Some(format!("{} is missing", path.display())),
            Err(StoreError::Io { source, .. }) => {
                Some(format!("{} cannot be read: {source}", path.display()))
            }
            Err(error) => return Err(error),
        })
    }

    /// The journal as far as it belongs to the backup: every segment what was written, the chain unbroken up to the
    /// entry that the manifest names. The records that it says were destroyed.
    pub(super) fn check_journal(
        &self,
        manifest: &Manifest,
    ) -> Result<BTreeSet<RegistrationNumber>, CopyError> {
        let dir = self.store().join("journal");
        let mut damage = Damage::default();
        for segment in &manifest.journal {
            let path = dir.join(&segment.name);
            match File::open(&path).and_then(|mut file| pump(&mut file, segment.bytes, None)) {
                Ok(found) if found == (segment.sha256.clone(), segment.bytes) => {}
                Ok(_) => damage.tell(format!("{} is not what was written", path.display())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    damage.tell(format!("{} is missing", path.display()));
                }
                Err(error) => damage.tell(format!("{} cannot be read: {error}", path.display())),
            }
        }
        damage.refuse()?;
        let (mut purged, mut head) = (BTreeSet::new(), None);
        let walked = journal::walk(&dir, 1, &mut |entry, digest| {
            if entry.seq <= manifest.entries {
                if let Event::Purged { records, .. } = &entry.what {
                    purged.extend(records.keys().copied());
                }
                if entry.seq == manifest.entries {
                    head = Some(digest.to_owned());
                }
            }
            Ok(())
        });
        match walked {
            // What stands behind the last entry of the backup was brought by one that was cut off, and does not count.
            Err(StoreError::Chain { .. }) if head.is_some() => {}
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        if manifest.entries > 0 && head.as_ref() != Some(&manifest.head) {
            return Err(CopyError::Refused(format!(
                "the journal in {} does not end where manifest.json says (entry {})",
                dir.display(),
                manifest.entries
            )));
        }
        Ok(purged)
    }

    /// The files that may change.
    pub(super) fn check_changing(&self, manifest: &Manifest, damage: &mut Damage) -> Result<(), StoreError> {
        for one in &manifest.changing {
            let path = self.changing(&one.sha256);
            match digest_of_file(&path)? {
                Some((sha256, _)) if sha256 == one.sha256 && is_below(&one.path) => {}
                Some(_) => damage.tell(format!("{} ({}) is not what was written", path.display(), one.path)),
                None => damage.tell(format!("{} ({}) is missing", path.display(), one.path)),
            }
        }
        Ok(())
    }

    pub(super) fn changing(&self, sha256: &str) -> PathBuf {
        self.dir.join(CHANGING).join(sha256)
    }

    /// Reads every file of the backup, and refuses with those that are damaged.
    pub(super) fn check_all(
        &self,
        manifest: &Manifest,
        progress: &mut Progress<'_>,
    ) -> Result<BTreeSet<RegistrationNumber>, CopyError> {
        let purged = self.check_journal(manifest)?;
        let (mut damage, mut done) = (Damage::default(), 0);
        self.each_file(manifest, &purged, &mut |line| {
            if let Some(fault) = self.fault(line)? {
                damage.tell(fault);
            }
            done += 1;
            progress(done, 0);
            Ok(())
        })?;
        self.check_changing(manifest, &mut damage)?;
        damage.refuse()?;
        Ok(purged)
    }
}
