//! Every rule set that was in force (`rules/<version>/` in the store): the rule files and `office.json`, so that a
//! judgement of then can be repeated, and a change be compared with what was.
//!
//! Invariant: a folder under its version is whole, and never changes.

use super::{Store, StoreError};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

const RULES: &str = "rules";

impl Store {
    /// Keeps the files of a rule set that comes into force. Nothing when it was kept before.
    ///
    /// # Errors
    /// What the disk says.
    pub fn keep_rules(&self, version: &str, files: &[(String, String)]) -> Result<(), StoreError> {
        let root = self.dir.join(RULES);
        let place = root.join(version);
        if place.is_dir() {
            return Ok(());
        }
        let new = root.join(format!(".new-{version}"));
        if new.exists() {
            fs::remove_dir_all(&new).map_err(StoreError::io("remove", &new))?;
        }
        fs::create_dir_all(&new).map_err(StoreError::io("make", &new))?;
        for (name, text) in files {
            let path = new.join(name);
            fs::write(&path, text).map_err(StoreError::io("write", &path))?;
        }
        File::open(&root)
            .and_then(|root| self.originals.sync(&root))
            .map_err(StoreError::io("sync", &new))?;
        fs::rename(&new, &place).map_err(StoreError::io("move into place", &place))
    }
}

/// The directory of a rule set that was in force, by its version.
pub fn kept_rules(store: &Path, version: &str) -> Option<PathBuf> {
    let is_version = !version.is_empty() && version.chars().all(|c| c.is_ascii_hexdigit());
    let place = store.join(RULES).join(version);
    (is_version && place.is_dir()).then_some(place)
}
