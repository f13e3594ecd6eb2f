//! Sealing a whole store anew with the first key of its key file: after encryption was turned on, or a new key was made.
//!
//! Invariants: a file is replaced by a rename, and only after what replaces it is on disk, so a stop at any point loses
//! nothing and the next run goes on with what is left; an older key stays named as in use until nothing needs it.

use super::keyring;
use super::original::{Originals, make_private, place, temporary};
use super::sealed::{Kept, Sealing};
use super::{Store, StoreError, envelope_key};
use crate::record::{RegistrationNumber, StorePlace};
use serde::Serialize;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Files, and bytes, that are written before they are synced and take their names together.
const BATCH_FILES: usize = 1_000;
const BATCH_BYTES: usize = 32 * 1024 * 1024;

/// What [`Store::seal_all`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Resealed {
    /// Files sealed anew.
    pub sealed: u64,
    /// Of them, those that had lain open.
    pub plain: u64,
    /// Files that were sealed with this key before.
    pub already: u64,
    /// Files that do not open: restore them from the backup, then seal again.
    pub damaged: Vec<String>,
}

/// How the files of a store lie on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SealedCounts {
    /// With the key that seals now.
    pub sealed: u64,
    pub sealed_with_older_key: u64,
    /// Open: from before a key was configured.
    pub plain: u64,
}

/// Counts how the files of the records lie on the disk, by their heads.
///
/// # Errors
/// [`StoreError::Key`] when the key file is refused; [`StoreError::Io`].
pub fn sealed_counts(place: &StorePlace) -> Result<SealedCounts, StoreError> {
    let originals = Originals::at(place.dir.join("originals"), Sealing::of(place, false)?);
    let mut counts = SealedCounts::default();
    for number in originals.settled()? {
        let mut todo = vec![originals.folder(number)];
        while let Some(dir) = todo.pop() {
            for item in fs::read_dir(&dir).map_err(StoreError::io("list", &dir))? {
                let path = item.map_err(StoreError::io("list", &dir))?.path();
                if path.is_dir() {
                    todo.push(path);
                    continue;
                }
                let file = match File::open(&path) {
                    // A change of this moment.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                    other => other.map_err(StoreError::io("open", &path))?,
                };
                match originals.sealing().kept(file).map_err(StoreError::io("read", &path))? {
                    Kept::Sealed => counts.sealed += 1,
                    Kept::SealedBefore => counts.sealed_with_older_key += 1,
                    Kept::Plain => counts.plain += 1,
                }
            }
        }
    }
    Ok(counts)
}

/// What is written and waits for the disk before it takes its name.
#[derive(Debug, Default)]
struct Batch {
    bytes: usize,
    files: Vec<(PathBuf, PathBuf)>,
}

impl Store {
    /// Seals every file with the first key. Call it on a store that nobody else works on: the daemon is down, which the
    /// store's lock holds. `tell` is given how many records are done, and of how many.
    ///
    /// # Errors
    /// [`StoreError::Key`] when no key file is configured, or a key is missing; [`StoreError::Io`].
    pub fn seal_all(&self, tell: &mut dyn FnMut(u64, u64)) -> Result<Resealed, StoreError> {
        if self.core().journal.is_none() {
            return Err(StoreError::ReadOnly);
        }
        let sealing = self.originals.sealing();
        let no_key =
            || StoreError::Key { fault: "no key file is configured ([encryption] key_file)".to_owned() };
        let ring = sealing.ring().ok_or_else(no_key)?;
        let (mut done, mut batch) = (Resealed::default(), Batch::default());
        let own = self.dir.join(envelope_key::NAME);
        if own.exists() {
            self.reseal(&own, envelope_key::NAME, &mut batch, &mut done)?;
        }
        let numbers = self.originals.settled()?;
        for (index, number) in numbers.iter().enumerate() {
            self.reseal_folder(*number, "", &mut batch, &mut done)?;
            tell(index as u64 + 1, numbers.len() as u64);
        }
        self.take_names(&mut batch)?;
        self.originals.sync(&self.root).map_err(StoreError::io("sync", self.originals.root()))?;
        if done.damaged.is_empty() {
            keyring::only_first_in_use(&self.dir, ring)?;
        }
        Ok(done)
    }

    fn reseal_folder(
        &self,
        number: RegistrationNumber,
        within: &str,
        batch: &mut Batch,
        done: &mut Resealed,
    ) -> Result<(), StoreError> {
        let folder = self.originals.folder(number).join(within);
        for item in fs::read_dir(&folder).map_err(StoreError::io("list", &folder))? {
            let item = item.map_err(StoreError::io("list", &folder))?;
            let (path, name) = (item.path(), item.file_name());
            let name = format!("{within}{}", name.to_string_lossy());
            if item.file_type().map_err(StoreError::io("look at", &path))?.is_dir() {
                if within.is_empty() {
                    self.reseal_folder(number, &format!("{name}/"), batch, done)?;
                }
            } else if path.extension().is_some_and(|end| end == "tmp") {
                // Cut off before it took its name: no file of the record, and perhaps open.
                fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
            } else {
                self.reseal(&path, &place(number, &name), batch, done)?;
            }
        }
        Ok(())
    }

    fn reseal(
        &self,
        path: &Path,
        place: &str,
        batch: &mut Batch,
        done: &mut Resealed,
    ) -> Result<(), StoreError> {
        let sealing = self.originals.sealing();
        let mut file = File::open(path).map_err(StoreError::io("open", path))?;
        if sealing.kept(&mut file).map_err(StoreError::io("read", path))? == Kept::Sealed {
            done.already += 1;
            return Ok(());
        }
        let mut plain = Vec::new();
        let kept = match self.originals.open(path, place, &mut |piece| plain.extend_from_slice(piece)) {
            Ok(Some(kept)) => kept,
            Ok(None) => return Ok(()),
            Err(StoreError::Damaged { .. }) => {
                done.damaged.push(place.to_owned());
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let bytes = sealing.seal(place, &plain)?;
        let mode = file.metadata().map_err(StoreError::io("look at", path))?.permissions();
        let new = temporary(path);
        make_private(&new)
            .and_then(|mut file| {
                file.write_all(&bytes)?;
                file.set_permissions(mode)
            })
            .map_err(StoreError::io("write", &new))?;
        done.sealed += 1;
        done.plain += u64::from(kept == Kept::Plain);
        batch.bytes += bytes.len();
        batch.files.push((new, path.to_owned()));
        if batch.files.len() >= BATCH_FILES || batch.bytes >= BATCH_BYTES {
            self.take_names(batch)?;
        }
        Ok(())
    }

    fn take_names(&self, batch: &mut Batch) -> Result<(), StoreError> {
        if batch.files.is_empty() {
            return Ok(());
        }
        self.originals.sync(&self.root).map_err(StoreError::io("sync", self.originals.root()))?;
        for (new, path) in std::mem::take(batch).files {
            fs::rename(&new, &path).map_err(StoreError::io("move into place", &path))?;
        }
        Ok(())
    }
}
