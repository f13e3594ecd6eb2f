//! Every rule set that was in force (`rules/<version>/` in the store): the rule files and `office.json`, so that a
//! judgement of then can be repeated, and a change be compared with what was.
//!
//! Invariant: a folder under its version is whole, and never changes.

use super::entry::{Digest, Event, digest_of};
use super::rows::decode;
use super::{Store, StoreError, keys};
use crate::limits::NOTE_CHARS_MAX;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

const RULES: &str = "rules";
/// The reasons that people gave, each under its digest: words do not stand in the journal.
const REASONS: &str = "reasons";

/// A rule set that a person put into force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    pub at: Timestamp,
    /// Account of the desk.
    pub by: String,
    pub version: String,
    /// Digest of the reason; [`Store::published_rules`] gives the words.
    pub reason: String,
}

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

    /// Notes that a person put a rule set into force, and why. On disk on return.
    ///
    /// # Errors
    /// The reason is empty or too long, or as every change of the store.
    pub fn note_published(
        &self,
        version: &str,
        reason: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        super::change::bounded("the reason", reason, NOTE_CHARS_MAX)?;
        let digest: Digest = digest_of(reason.as_bytes());
        let folder = self.dir.join(RULES).join(REASONS);
        fs::create_dir_all(&folder).map_err(StoreError::io("make", &folder))?;
        let path = folder.join(format!("{digest}.txt"));
        fs::write(&path, reason)
            .and_then(|()| File::open(&path)?.sync_all())
            .and_then(|()| File::open(&folder)?.sync_all())
            .map_err(StoreError::io("write", &path))?;
        let event = Event::RulesPublished { version: version.to_owned(), reason: digest };
        self.change(now, by, |_| Ok(vec![event]))?;
        Ok(())
    }

    /// The rule sets that people put into force, newest first, at most `max`, with their reasons in words.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn published_rules(&self, max: usize) -> Result<Vec<Published>, StoreError> {
        let mut rows: Vec<Published> = Vec::new();
        if max == 0 {
            return Ok(rows);
        }
        self.rows.each(keys::PUBLISHED, None, true, &mut |_, value| {
            rows.push(decode(value)?);
            Ok(rows.len() < max)
        })?;
        for row in &mut rows {
            let path = self.dir.join(RULES).join(REASONS).join(format!("{}.txt", row.reason));
            row.reason = fs::read_to_string(path).unwrap_or_default();
        }
        Ok(rows)
    }
}

/// The directory of a rule set that was in force, by its version.
pub fn kept_rules(store: &Path, version: &str) -> Option<PathBuf> {
    let is_version = !version.is_empty() && version.chars().all(|c| c.is_ascii_hexdigit());
    let place = store.join(RULES).join(version);
    (is_version && place.is_dir()).then_some(place)
}
