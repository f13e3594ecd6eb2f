//! When this store was in rehearsal, and the end of one: what was answered only for practice never goes out by itself.
//!
//! Invariant: while the file says that a rehearsal goes on, no daemon in earnest has looked at the outbox. The end first
//! withholds what waits and then says that it is over; cut off in between, the next start does it again.

use super::{Store, StoreError};
use crate::record::{CaseNumber, REHEARSED};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::Write;

const FILE: &str = "rehearsal";

/// The last rehearsal of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RehearsalPeriod {
    pub began: Timestamp,
    /// `None`: it goes on.
    pub ended: Option<Timestamp>,
}

impl Store {
    /// The last rehearsal, if there was one.
    ///
    /// # Errors
    /// [`StoreError::Io`] when it cannot be read; [`StoreError::Damaged`] when it is no such file.
    pub fn rehearsal(&self) -> Result<Option<RehearsalPeriod>, StoreError> {
        let path = self.dir.join(FILE);
        match fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map(Some).map_err(|fault| StoreError::damaged(&path, &fault))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", &path)(error)),
        }
    }

    /// A daemon begins that sends nothing.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn rehearsal_begins(&self, now: Timestamp) -> Result<(), StoreError> {
        match self.rehearsal()? {
            Some(RehearsalPeriod { ended: None, .. }) => Ok(()),
            _ => self.note_rehearsal(RehearsalPeriod { began: now, ended: None }),
        }
    }

    /// A daemon begins in earnest: what a rehearsal left waiting is withheld for good. Gives how many answers that were.
    ///
    /// # Errors
    /// As [`Store::answer_rehearsed`]; the rehearsal then still goes on.
    pub fn rehearsal_ends(&self, now: Timestamp) -> Result<usize, StoreError> {
        let Some(RehearsalPeriod { began, ended: None }) = self.rehearsal()? else { return Ok(0) };
        let mut waiting: Vec<CaseNumber> = Vec::new();
        self.rows.each(super::keys::DUE_ANSWERS, None, false, &mut |key, _| {
            let number = super::keys::number_at_end(key);
            waiting.extend(number.map(|(year, serial)| CaseNumber::new(year, serial)));
            Ok(true)
        })?;
        for case in &waiting {
            self.answer_rehearsed(*case, REHEARSED, now)?;
        }
        self.note_rehearsal(RehearsalPeriod { began, ended: Some(now) })?;
        Ok(waiting.len())
    }

    /// From when a comparison counts: the beginning of the last rehearsal, or `None` where the store began with it.
    ///
    /// # Errors
    /// As [`Store::rehearsal`], and as [`Store::founded`].
    pub fn rehearsed_from(&self) -> Result<Option<Timestamp>, StoreError> {
        let (Some(period), Some(founded)) = (self.rehearsal()?, self.founded()?) else { return Ok(None) };
        Ok(Some(period.began).filter(|began| *began > founded + SignedDuration::from_hours(24)))
    }

    fn note_rehearsal(&self, period: RehearsalPeriod) -> Result<(), StoreError> {
        self.still_writing()?;
        let (path, temporary) = (self.dir.join(FILE), self.dir.join("rehearsal.tmp"));
        let text = serde_json::to_string(&period).map_err(|fault| StoreError::damaged(&path, &fault))?;
        File::create(&temporary)
            .and_then(|mut file| {
                writeln!(file, "{text}")?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&temporary, &path))
            .and_then(|()| self.root.sync_all())
            .map_err(StoreError::io("write", &path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rehearsal_begins_once_and_ends_once() {
        let dir = tempfile::tempdir().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (monday, friday) = (at("2026-03-02T10:00:00Z"), at("2026-03-06T10:00:00Z"));
        let store = Store::open(dir.path()).unwrap();
        assert_eq!((store.rehearsal().unwrap(), store.rehearsal_ends(monday).unwrap()), (None, 0));
        store.rehearsal_begins(monday).unwrap();
        store.rehearsal_begins(friday).unwrap();
        assert_eq!(store.rehearsal().unwrap(), Some(RehearsalPeriod { began: monday, ended: None }));
        store.rehearsal_ends(friday).unwrap();
        store.rehearsal_ends(at("2026-04-06T10:00:00Z")).unwrap();
        assert_eq!(store.rehearsal().unwrap(), Some(RehearsalPeriod { began: monday, ended: Some(friday) }));
    }
}
