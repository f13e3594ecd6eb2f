//! When the last backup of a store was ended, as the store itself remembers it: for metrics and `doctor`.
//!
//! Invariant: it is a hint for who watches, never part of a copy (its name begins with a dot) and never what a backup or
//! restore relies on: whoever makes the backup may not be allowed to write here.

use super::super::StoreError;
use jiff::Timestamp;
use std::fs;
use std::path::Path;

const MARK: &str = ".backed-up";

/// Notes that a backup was ended.
///
/// # Errors
/// [`StoreError::Io`]: this account may not write in the store.
pub fn note_backup(store: &Path, at: Timestamp) -> Result<(), StoreError> {
    let path = store.join(MARK);
    fs::write(&path, format!("{at}\n")).map_err(StoreError::io("write", &path))
}

/// When the last backup was ended that could be noted. `None`: none was.
pub fn backed_up_at(store: &Path) -> Option<Timestamp> {
    fs::read_to_string(store.join(MARK)).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_known_and_rubbish_is_not() {
        let store = tempfile::tempdir().unwrap();
        assert_eq!(backed_up_at(store.path()), None);
        let at = "2026-03-02T02:00:00Z".parse().unwrap();
        note_backup(store.path(), at).unwrap();
        assert_eq!(backed_up_at(store.path()), Some(at));
        fs::write(store.path().join(MARK), "gisteren").unwrap();
        assert_eq!(backed_up_at(store.path()), None);
    }
}
