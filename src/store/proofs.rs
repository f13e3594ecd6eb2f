//! The daily proof: at most one is due a day, also over restarts, and each leaves its counts in the journal.

use super::entry::{DAEMON, Event};
use super::rows::decode;
use super::{Store, StoreError, keys};
use crate::record::{ProofNote, ProofRow, office_date};
use jiff::Timestamp;
use jiff::civil::Date;

impl Store {
    /// Keeps the counts of a proof. On disk on return.
    ///
    /// # Errors
    /// As every change of the store.
    pub fn note_proof(&self, note: ProofNote, now: Timestamp) -> Result<(), StoreError> {
        self.change(now, DAEMON, |_| Ok(vec![Event::Proved { note: Box::new(note) }]))?;
        Ok(())
    }

    /// The proof of every day that has one, newest first, at most `max`: of each day the last.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn proofs(&self, max: usize) -> Result<Vec<ProofRow>, StoreError> {
        let mut rows: Vec<ProofRow> = Vec::new();
        if max == 0 {
            return Ok(rows);
        }
        self.rows.each(keys::PROOFS, None, true, &mut |_, value| {
            rows.push(decode(value)?);
            Ok(rows.len() < max)
        })?;
        Ok(rows)
    }

    /// Was none made on this day yet?
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn proof_is_due(&self, day: Date) -> Result<bool, StoreError> {
        Ok(self.proofs(1)?.first().is_none_or(|row| office_date(row.at) < day))
    }
}
