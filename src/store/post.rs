//! The post of a day: every scan that was read on it, and what became of it, for the post room.
//!
//! A list of its own in the index, by the day on which the piece was judged: an hour after it was scanned at most, while the
//! house is well. A destroyed piece leaves the list.

use super::card::{Became, RecordState};
use super::entry::Entry;
use super::fold::Fold;
use super::keys;
use super::{Store, StoreError};
use crate::record::{CaseNumber, Channel, Record, RegistrationNumber, SetAside, office_date};
use jiff::civil::Date;

/// A scan of a day.
#[derive(Clone, Debug, PartialEq)]
pub struct PostRow {
    pub record: Record,
    pub became: PostBecame,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq)]
pub enum PostBecame {
    /// It waits to be read, or for its other half.
    Work,
    /// A case, or part of one.
    Case(CaseNumber),
    Aside(SetAside),
}

impl Store {
    /// The scans that were read on a day and those that wait to be read, newest first, at most `max`; true: there are more.
    ///
    /// # Errors
    /// [`StoreError::Index`], or the record of a piece cannot be read.
    pub fn post_on(
        &self,
        day: Date,
        with_waiting: bool,
        max: usize,
    ) -> Result<(Vec<PostRow>, bool), StoreError> {
        let mut numbers = Vec::new();
        if with_waiting {
            numbers = self.unfinished()?;
            numbers.reverse();
        }
        self.rows.each(&keys::post_of(day), None, true, &mut |key, _| {
            numbers
                .extend(keys::number_at_end(key).map(|(year, serial)| RegistrationNumber::new(year, serial)));
            Ok(numbers.len() <= max)
        })?;
        let mut rows = Vec::new();
        for number in numbers {
            if rows.len() >= max {
                return Ok((rows, true));
            }
            rows.extend(self.post_row(number)?);
        }
        Ok((rows, false))
    }

    /// `None`: it is no scan, or gone in this moment.
    fn post_row(&self, number: RegistrationNumber) -> Result<Option<PostRow>, StoreError> {
        let record = self.originals.read_json::<Record>(number, super::original::RECORD)?;
        let Some(record) = record.filter(|record| record.channel == Channel::Letter) else { return Ok(None) };
        let Some(state) = self.record_state(number)? else { return Ok(None) };
        let became = match state.became {
            Became::Work => PostBecame::Work,
            Became::Case(case) => PostBecame::Case(case),
            Became::Aside => match self.set_aside(number)? {
                Some(row) => PostBecame::Aside(row.why),
                None => PostBecame::Work,
            },
        };
        Ok(Some(PostRow { record, became }))
    }
}

impl Fold<'_> {
    /// A scan takes its place in the list of the day.
    pub(super) fn lay_post(
        &mut self,
        entry: &Entry,
        number: RegistrationNumber,
        piece: Option<&Record>,
    ) -> Result<(), StoreError> {
        if piece.is_none_or(|piece| piece.channel != Channel::Letter) {
            return Ok(());
        }
        let day = office_date(entry.at);
        let key = keys::record(number);
        let Some(mut state) = self.get::<RecordState>(&key)? else { return Ok(()) };
        state.post_of = Some(day);
        self.put(key, &state)?;
        self.put(keys::post(day, number), &())
    }
}
