//! That a case was handed over to the zaaksysteem, and that a person asked for it: for its history. How far it is, `handover/` knows.

use super::change::bounded;
use super::entry::{DAEMON, Entry, Event};
use super::rows::decode;
use super::{Store, StoreError, keys};
use crate::limits::ACCOUNT_CHARS_MAX;
use crate::record::CaseNumber;
use jiff::Timestamp;

impl Store {
    /// It stands there, whole. Said once for each decision: a kill may have fallen between this and what its caller notes.
    ///
    /// # Errors
    /// [`StoreError::UnknownCase`], or what the disk says.
    pub fn handed_over(&self, case: CaseNumber, now: Timestamp) -> Result<(), StoreError> {
        self.case_state(case)?.ok_or(StoreError::UnknownCase(case))?;
        let mut said = false;
        self.rows.each(&keys::case_history(case), None, true, &mut |_, value| {
            let entry: Entry = decode(value)?;
            said = matches!(entry.what, Event::HandedOver { .. });
            Ok(!said && !matches!(entry.what, Event::Decided { .. } | Event::HandoverAsked { .. }))
        })?;
        if !said {
            self.change(now, DAEMON, |_| Ok(vec![Event::HandedOver { case }]))?;
        }
        Ok(())
    }

    /// A person has it handed over.
    ///
    /// # Errors
    /// As [`Store::handed_over`].
    pub fn handover_asked(&self, case: CaseNumber, by: &str, now: Timestamp) -> Result<(), StoreError> {
        bounded("the account", by, ACCOUNT_CHARS_MAX)?;
        self.case_state(case)?.ok_or(StoreError::UnknownCase(case))?;
        self.change(now, by, |_| Ok(vec![Event::HandoverAsked { case }]))?;
        Ok(())
    }
}
