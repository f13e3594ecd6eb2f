//! Questions to the index: lists that page in the order of their keys, so that a page costs what it shows.

use super::card::CaseState;
use super::rows::decode;
use super::types::{AsidePage, AsideRow, CaseFilter, CaseOrder, CasePage, QueueCount};
use super::{Store, StoreError, keys};
use crate::record::{CaseNumber, CaseRow, CaseStatus, RegistrationNumber};

impl Store {
    /// The case of a message, theirs or ours, by its Message-ID without angle brackets.
    pub fn case_of_msg_id(&self, msg_id: &str) -> Result<Option<CaseNumber>, StoreError> {
        self.rows.get(&keys::msg_id(msg_id))?.map(|value| decode(&value)).transpose()
    }

    pub fn case(&self, number: CaseNumber) -> Result<Option<CaseRow>, StoreError> {
        Ok(self.case_state(number)?.map(|state| state.row))
    }

    /// A page of cases. Queue and status are read off the keys; the other filters look at each row of those.
    pub fn cases(&self, filter: &CaseFilter) -> Result<CasePage, StoreError> {
        let mut page = CasePage::default();
        let words: Vec<String> =
            filter.text.as_deref().unwrap_or_default().split_whitespace().map(str::to_lowercase).collect();
        if filter.undelivered {
            return self.undelivered_cases(filter, &words);
        }
        if filter.order != CaseOrder::Work {
            return self.cases_by_number(filter, &words);
        }
        let by_row = filter.due_by.is_some()
            || filter.body.is_some()
            || filter.assignee.is_some()
            || !words.is_empty();
        for status in keys::STATUSES {
            if !filter.statuses.is_empty() && !filter.statuses.contains(&status) {
                continue;
            }
            let prefix = match &filter.queue {
                Some(queue) => keys::queued(queue, status),
                None => keys::listed(status),
            };
            let wanted = filter.offset.saturating_add(filter.limit);
            let known = if by_row { None } else { Some(self.count(filter.queue.as_deref(), status)?) };
            let start = page.total;
            self.rows.each(&prefix, None, false, &mut |key, _| {
                if known.is_some() && page.total >= wanted {
                    return Ok(false);
                }
                let skipped = known.is_some() && page.total < filter.offset;
                let row = if skipped { None } else { self.listed(key, status)? };
                let found = skipped || row.as_ref().is_some_and(|row| fits(row, filter, &words));
                if found {
                    if let Some(row) = row
                        && (filter.offset..wanted).contains(&page.total)
                    {
                        page.rows.push(row);
                    }
                    page.total += 1;
                }
                Ok(true)
            })?;
            if let Some(known) = known {
                page.total = start + usize::try_from(known).unwrap_or(0);
            }
        }
        Ok(page)
    }

    /// The same by number: every case is looked at.
    fn cases_by_number(&self, filter: &CaseFilter, words: &[String]) -> Result<CasePage, StoreError> {
        let mut page = CasePage::default();
        let newest_first = filter.order == CaseOrder::Newest;
        self.rows.each(keys::CASES, None, newest_first, &mut |_, value| {
            let row = decode::<CaseState>(value)?.row;
            list(&mut page, row, filter, words);
            Ok(true)
        })?;
        Ok(page)
    }

    /// Cases whose answer did not arrive, oldest first; few.
    fn undelivered_cases(&self, filter: &CaseFilter, words: &[String]) -> Result<CasePage, StoreError> {
        let mut page = CasePage::default();
        self.rows.each(keys::UNDELIVERED, None, false, &mut |key, _| {
            let Some((year, serial)) = keys::number_at_end(key) else { return Ok(true) };
            let Some(row) = self.case(CaseNumber::new(year, serial))? else { return Ok(true) };
            list(&mut page, row, filter, words);
            Ok(true)
        })?;
        Ok(page)
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

    /// The row behind a key of a list.
    fn listed(&self, key: &[u8], status: CaseStatus) -> Result<Option<CaseRow>, StoreError> {
        let plain: Vec<u8> =
            if status == CaseStatus::Closed { key.iter().map(|byte| !byte).collect() } else { key.to_vec() };
        let Some((year, serial)) = keys::number_at_end(&plain) else { return Ok(None) };
        // A case may have moved to another list between the key and the row.
        Ok(self.case(CaseNumber::new(year, serial))?.filter(|row| row.status == status))
    }

    fn count(&self, queue: Option<&str>, status: CaseStatus) -> Result<i64, StoreError> {
        if let Some(queue) = queue {
            return Ok(self
                .rows
                .get(&keys::count(queue, status))?
                .map(|value| decode(&value))
                .transpose()?
                .unwrap_or(0));
        }
        let mut sum = 0;
        self.rows.each(keys::COUNTS, None, false, &mut |key, value| {
            if key.last() == Some(&keys::status_byte(status)) {
                sum += decode::<i64>(value)?;
            }
            Ok(true)
        })?;
        Ok(sum)
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

/// Counts the row when it is asked for, and keeps it when it is on the page.
fn list(page: &mut CasePage, row: CaseRow, filter: &CaseFilter, words: &[String]) {
    let wanted = filter.offset..filter.offset.saturating_add(filter.limit);
    let listed = (filter.statuses.is_empty() || filter.statuses.contains(&row.status))
        && filter.queue.as_ref().is_none_or(|queue| row.queue == *queue);
    if listed && fits(&row, filter, words) {
        if wanted.contains(&page.total) {
            page.rows.push(row);
        }
        page.total += 1;
    }
}

fn fits(row: &CaseRow, filter: &CaseFilter, words: &[String]) -> bool {
    let due = filter.due_by.is_none_or(|day| row.due.is_some_and(|due| due <= day));
    let body = filter.body.as_ref().is_none_or(|body| row.judgement.complained_about.contains(body));
    let assignee = filter.assignee.as_ref().is_none_or(|assignee| row.assignee.as_ref() == Some(assignee));
    due && body
        && assignee
        && (words.is_empty() || {
            let number = row.number.to_string();
            let records: String = row.records.iter().map(|record| format!(" {record}")).collect();
            let (writer, subject) =
                (row.writer.as_deref().unwrap_or_default(), row.subject.as_deref().unwrap_or_default());
            let text = format!("{number}{records} {writer} {subject}").to_lowercase();
            words.iter().all(|word| text.contains(word.as_str()))
        })
}
