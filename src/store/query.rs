//! Questions to the index about one case or piece, and counts; the lists of cases stand in [`super::lists`].

use super::card::CaseState;
use super::rows::decode;
use super::types::{AsidePage, AsideRow, QueueCount};
use super::{Store, StoreError, keys};
use crate::record::{CaseNumber, CaseRow, RegistrationNumber};

impl Store {
    /// The case of a message, theirs or ours, by its Message-ID without angle brackets.
    pub fn case_of_msg_id(&self, msg_id: &str) -> Result<Option<CaseNumber>, StoreError> {
        self.rows.get(&keys::msg_id(msg_id))?.map(|value| decode(&value)).transpose()
    }

    /// The case of which a piece by this author refers to a message that was not there when the piece came.
    pub fn case_awaiting(&self, msg_id: &str, author: &str) -> Result<Option<CaseNumber>, StoreError> {
        let author = self.originals.sealing().address_digest(author);
        let key = keys::awaited(&keys::awaited_digest(msg_id, &author));
        self.rows.get(&key)?.map(|value| decode(&value)).transpose()
    }

    pub fn case(&self, number: CaseNumber) -> Result<Option<CaseRow>, StoreError> {
        Ok(self.case_state(number)?.map(|state| state.row))
    }

    /// How many cases wait for staff to find another way to the citizen (Awb 2:11), whatever their status.
    pub fn undelivered(&self) -> Result<usize, StoreError> {
        let mut count = 0;
        self.rows.each(keys::UNDELIVERED, None, false, &mut |_, _| {
            count += 1;
            Ok(true)
        })?;
        Ok(count)
    }

    /// How many cases each queue has, by name of the queue.
    pub fn queue_counts(&self) -> Result<Vec<QueueCount>, StoreError> {
        let mut counts: Vec<QueueCount> = Vec::new();
        self.rows.each(keys::COUNTS, None, false, &mut |key, value| {
            let Some([queue @ .., 0, status]) = key.get(1..) else { return Ok(true) };
            let queue = String::from_utf8_lossy(queue).into_owned();
            let many = u64::try_from(decode::<i64>(value)?).unwrap_or(0);
            if counts.last().is_none_or(|last| last.queue != queue) {
                counts.push(QueueCount { queue, open: 0, taken_up: 0, asked_for_more: 0, closed: 0 });
            }
            if let Some(count) = counts.last_mut() {
                match status {
                    0 => count.open = many,
                    1 => count.taken_up = many,
                    2 => count.asked_for_more = many,
                    _ => count.closed = many,
                }
            }
            Ok(true)
        })?;
        Ok(counts)
    }

    /// One piece that is no case, with its reason.
    pub fn set_aside(&self, number: RegistrationNumber) -> Result<Option<AsideRow>, StoreError> {
        self.rows.get(&keys::aside(number))?.map(|value| decode(&value)).transpose()
    }

    /// Pieces that are no case, newest first.
    pub fn aside(&self, offset: usize, limit: usize) -> Result<AsidePage, StoreError> {
        let mut page = AsidePage::default();
        let count =
            self.rows.get(keys::ASIDE_COUNT)?.map(|value| decode::<i64>(&value)).transpose()?.unwrap_or(0);
        page.total = usize::try_from(count).unwrap_or(0);
        let mut position = 0;
        self.rows.each(keys::ASIDE, None, true, &mut |_, value| {
            if position >= offset && page.rows.len() < limit {
                page.rows.push(decode(value)?);
            }
            position += 1;
            Ok(page.rows.len() < limit)
        })?;
        Ok(page)
    }

    /// Every case, oldest first, for export and for judging the archive again; `false` ends the walk.
    pub fn each_case(&self, visit: &mut dyn FnMut(CaseRow) -> bool) -> Result<(), StoreError> {
        self.rows.each(keys::CASES, None, false, &mut |_, value| Ok(visit(decode::<CaseState>(value)?.row)))
    }
}
