//! What a monitor asks of the store every few seconds: ages and sizes of what waits.
//!
//! Invariant: a bounded number of look-ups, whatever the store's size: the first key of each list, a few small files, and
//! of lists that are normally short at most [`WATCHED_KEYS_MAX`] keys.

use super::card::CaseState;
use super::rows::decode;
use super::types::QueueCount;
use super::{Store, StoreError, keys};
use crate::limits::WATCHED_KEYS_MAX;
use crate::record::{CaseNumber, CaseStatus, RegistrationNumber};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Statuses in which a case waits for the office.
const WAITS: [CaseStatus; 1] = [CaseStatus::Open];

/// What waits, and since when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watched {
    pub queues: Vec<QueueCount>,
    /// When the last piece was registered.
    pub last_piece: Option<Timestamp>,
    /// When the oldest piece was registered that is not judged.
    pub unjudged: Option<Timestamp>,
    /// Queue → legal receipt of its first case without a decision.
    pub undecided: BTreeMap<String, Timestamp>,
    /// Registration of the oldest piece whose answer waits to go out.
    pub unsent: Option<Timestamp>,
    /// Answers that wait to go out.
    pub waiting: u64,
    pub undelivered: u64,
    pub letters_to_check: u64,
    pub paused: bool,
    pub breaker_open: bool,
}

impl Store {
    /// What waits now.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn watched(&self) -> Result<Watched, StoreError> {
        let mut watched = Watched {
            queues: self.queue_counts()?,
            paused: self.sending_paused()?.is_some(),
            breaker_open: self.breaker()?.is_some(),
            ..Watched::default()
        };
        watched.last_piece = self.registered_at(self.outermost_record(keys::RECORDS, true)?)?;
        watched.unjudged = self.registered_at(self.outermost_record(keys::WORK, false)?)?;
        for count in watched.queues.iter().filter(|count| count.open > 0) {
            for status in WAITS {
                let mut first = None;
                let prefix = keys::numbered_in(Some(&count.queue), status);
                self.rows.each(&prefix, None, false, &mut |key, _| {
                    first = keys::number_at_end(key);
                    Ok(false)
                })?;
                let case = first.map(|(year, serial)| CaseNumber::new(year, serial));
                if let Some(row) = case.map(|case| self.case(case)).transpose()?.flatten() {
                    watched.undecided.insert(count.queue.clone(), row.received_at);
                }
            }
        }
        let (waiting, oldest) = self.count_keys(keys::DUE_ANSWERS)?;
        watched.waiting = waiting;
        if let Some((year, serial)) = oldest {
            let state = self.rows.get(&keys::case(CaseNumber::new(year, serial)))?;
            let state: Option<CaseState> = state.map(|value| decode(&value)).transpose()?;
            let record = state.and_then(|state| state.row.answer).map(|answer| answer.record);
            watched.unsent = self.registered_at(record)?;
        }
        watched.undelivered = self.count_keys(keys::UNDELIVERED)?.0;
        watched.letters_to_check = self.count_keys(&keys::letters_to_check())?.0;
        Ok(watched)
    }

    /// The first or the last piece of a list by number.
    fn outermost_record(&self, list: &[u8], last: bool) -> Result<Option<RegistrationNumber>, StoreError> {
        let mut found = None;
        self.rows.each(list, None, last, &mut |key, _| {
            found = keys::number_at_end(key);
            Ok(false)
        })?;
        Ok(found.map(|(year, serial)| RegistrationNumber::new(year, serial)))
    }

    /// `None`: there is no such piece any more, or its file cannot be read; `verify` tells of that.
    fn registered_at(&self, number: Option<RegistrationNumber>) -> Result<Option<Timestamp>, StoreError> {
        let Some(number) = number else { return Ok(None) };
        match self.record(number) {
            Ok(record) => Ok(Some(record.registered_at)),
            Err(StoreError::UnknownRecord(_) | StoreError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How many keys a short list has, up to a bound, and the smallest number among them.
    fn count_keys(&self, list: &[u8]) -> Result<(u64, Option<(u16, u32)>), StoreError> {
        let (mut many, mut least) = (0, None);
        self.rows.each(list, None, false, &mut |key, _| {
            many += 1;
            let number = keys::number_at_end(key);
            least = if least.is_none() { number } else { least.min(number) };
            Ok(many < WATCHED_KEYS_MAX)
        })?;
        Ok((many, least))
    }
}
