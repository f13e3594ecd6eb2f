//! Lists of cases. Each stands in the index under keys in its own order, so that a page costs what it shows, in a store of
//! any size: by status, queue, assignee and body, in the order of work or by number, and by word. Words of texts stand apart
//! ([`super::texts`]).
//!
//! Invariant: a page that is asked for by people ([`CaseFilter::limit`] is bounded) looks at a bounded number of rows
//! and keys; what it did not look at is told as [`CasePage::more`].

use super::card::{Became, CaseState};
use super::fold_case::found_by;
use super::keys::{self, Mark};
use super::rows::decode;
use super::types::{CaseFilter, CaseOrder, CasePage, ReadAs};
use super::{Store, StoreError};
use crate::limits::{COUNTED_CASES_MAX, LOOKED_CASES_MAX, READ_TEXT_ENTRIES_MAX};
use crate::record::{CaseNumber, CaseRow, CaseStatus, RegistrationNumber, plain, stem};
use std::collections::BTreeMap;

/// A page that is being filled.
struct Filling<'a> {
    filter: &'a CaseFilter,
    /// As [`plain`] gives them.
    words: Vec<String>,
    page: CasePage,
    looked: usize,
}

impl Store {
    /// A page of cases.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn cases(&self, filter: &CaseFilter) -> Result<CasePage, StoreError> {
        let words = filter.text.as_deref().unwrap_or_default().split_whitespace();
        let mut filling =
            Filling { filter, words: words.map(plain).collect(), page: CasePage::default(), looked: 0 };
        if filter.undelivered {
            self.rows.each(keys::UNDELIVERED, None, false, &mut |key, _| {
                self.look_at(number_of(key), &mut filling)
            })?;
        } else if !filling.words.is_empty() {
            self.with_words(&mut filling)?;
        } else if filter.order == CaseOrder::Work {
            for status in statuses(filter) {
                self.in_order_of_work(status, &mut filling)?;
            }
        } else {
            self.by_number(&mut filling)?;
        }
        Ok(filling.page)
    }

    /// One status after the other, urgent first, then by day.
    fn in_order_of_work(&self, status: CaseStatus, filling: &mut Filling<'_>) -> Result<(), StoreError> {
        let filter = filling.filter;
        let (prefix, count) = self.list_of(filter, status)?;
        let chosen = [filter.assignee.is_some(), filter.body.is_some(), filter.queue.is_some()];
        if chosen.into_iter().filter(|chosen| *chosen).count() > 1 {
            return self.rows.each(&prefix, None, false, &mut |key, _| {
                if filter.due_by.is_some_and(|day| due_after(key, &prefix, status, day)) {
                    return Ok(true);
                }
                self.look_at(number_in(key, status), filling)
            });
        }
        let Some(day) = filter.due_by else {
            let start = filling.page.total;
            self.rows.each(&prefix, None, false, &mut |key, _| {
                self.take(number_in(key, status), status, filling)?;
                Ok(!filling.is_full())
            })?;
            filling.page.total = start + count;
            return Ok(());
        };
        if status == CaseStatus::Closed {
            return Ok(()); // Nothing of it is due any more.
        }
        for urgent in [0, 1] {
            let prefix = [&prefix[..], &[urgent]].concat();
            self.rows.each(&prefix, None, false, &mut |key, _| {
                let due =
                    key.get(prefix.len()..prefix.len() + 4).is_some_and(|due| due <= &keys::day(day)[..]);
                if due && filling.counted_enough() {
                    filling.page.more = true;
                    return Ok(false);
                }
                if due {
                    self.take(number_in(key, status), status, filling)?;
                }
                Ok(due)
            })?;
        }
        Ok(())
    }

    /// By number, and so by the moment of registration.
    fn by_number(&self, filling: &mut Filling<'_>) -> Result<(), StoreError> {
        let filter = filling.filter;
        let newest_first = filter.order == CaseOrder::Newest;
        let narrowed = filter.assignee.is_some() || filter.body.is_some() || filter.due_by.is_some();
        let chosen: Vec<CaseStatus> = statuses(filter).collect();
        if narrowed || (filter.queue.is_some() && chosen.len() > 1) {
            // Gathered and put in order: few, or told as more.
            let mut numbers = Vec::new();
            for status in &chosen {
                let (prefix, _) = self.list_of(filter, *status)?;
                self.rows.each(&prefix, None, false, &mut |key, _| {
                    numbers.extend(number_in(key, *status));
                    Ok(!filling.is_bounded() || numbers.len() < COUNTED_CASES_MAX)
                })?;
            }
            filling.page.more |= filling.is_bounded() && numbers.len() >= COUNTED_CASES_MAX;
            numbers.sort();
            if newest_first {
                numbers.reverse();
            }
            for number in numbers {
                if !self.look_at(Some(number), filling)? {
                    break;
                }
            }
            return Ok(());
        }
        if chosen.len() == keys::STATUSES.len() {
            self.rows.each(keys::CASES, None, newest_first, &mut |_, value| {
                if filling.is_wanted() {
                    filling.page.rows.push(decode::<CaseState>(value)?.row);
                }
                filling.page.total += 1;
                Ok(!filling.is_full())
            })?;
            filling.page.total = 0;
            for status in chosen {
                filling.page.total += self.count(None, status)?;
            }
            return Ok(());
        }
        // One status, or some: each in turn, as nobody mixes them.
        for status in chosen {
            let start = filling.page.total;
            let prefix = keys::numbered_in(filter.queue.as_deref(), status);
            self.rows.each(&prefix, None, newest_first, &mut |key, _| {
                self.take(number_of(key), status, filling)?;
                Ok(!filling.is_full())
            })?;
            filling.page.total = start + self.count(filter.queue.as_deref(), status)?;
        }
        Ok(())
    }

    /// Cases in which every word stands, in their rows or in their texts; the newest are looked at, in the order of work.
    /// A word that stands nowhere is taken for the nearest that does.
    fn with_words(&self, filling: &mut Filling<'_>) -> Result<(), StoreError> {
        let bound = if filling.is_bounded() { LOOKED_CASES_MAX } else { usize::MAX };
        if self.marker.is_none()
            && self.rows.daemon().is_none()
            && let Err(error) = self.follow_texts(READ_TEXT_ENTRIES_MAX)
        {
            // How much was not read is told.
            tracing::debug!(%error, "the newest texts are not searched");
        }
        let mut found = self.in_rows_or_texts(filling, bound)?;
        if found.is_empty() && !filling.filter.literal && self.read_otherwise(filling)? {
            found = self.in_rows_or_texts(filling, bound)?;
        }
        filling.page.unread = self.texts_behind()?;
        let mut rows = Vec::new();
        for (number, in_text) in found.into_iter().rev().take(bound) {
            rows.extend(self.case(number)?.filter(|row| filling.fits(row, in_text)));
        }
        match filling.filter.order {
            CaseOrder::Work => {
                rows.sort_by_cached_key(|row| (keys::status_byte(row.status), keys::order(row)));
            }
            CaseOrder::Oldest => rows.sort_by_key(|row| row.number),
            CaseOrder::Newest => rows.sort_by_key(|row| std::cmp::Reverse(row.number)),
        }
        for row in rows {
            filling.add(row);
        }
        Ok(())
    }

    /// The cases that may have every word, and whether their texts have: then their rows need not. Of the rows, the
    /// rarest word says which are looked at.
    fn in_rows_or_texts(
        &self,
        filling: &mut Filling<'_>,
        bound: usize,
    ) -> Result<BTreeMap<CaseNumber, bool>, StoreError> {
        let mut rarest: Option<Vec<CaseNumber>> = None;
        for word in &filling.words {
            let mut numbers = self.with_word(word, bound)?;
            numbers.extend(self.cases_numbered(word)?);
            if rarest.as_ref().is_none_or(|rarest| numbers.len() < rarest.len()) {
                rarest = Some(numbers);
            }
        }
        let rarest = rarest.unwrap_or_default();
        let (texts, more) = self.text_cases(&filling.words, bound)?;
        filling.page.more = more || rarest.len() >= bound;
        let mut found: BTreeMap<_, _> = rarest.into_iter().map(|number| (number, false)).collect();
        found.extend(texts.into_iter().map(|number| (number, true)));
        Ok(found)
    }

    /// Words that stand nowhere are changed into the nearest that stand somewhere. Was one?
    fn read_otherwise(&self, filling: &mut Filling<'_>) -> Result<bool, StoreError> {
        let mut read_as = Vec::new();
        for word in &mut filling.words {
            let stands = self.text_knows(word)?
                || !self.with_word(word, 1)?.is_empty()
                || !self.cases_numbered(word)?.is_empty();
            if !stands && let Some(read) = self.text_near(word)? {
                read_as.push(ReadAs { typed: std::mem::replace(word, read.clone()), read });
            }
        }
        let changed = !read_as.is_empty();
        filling.page.read_as = read_as;
        Ok(changed)
    }

    /// The newest cases that have a word that begins so, or another form of it; for what is no single word (`12-b`) its
    /// longest part counts. Of either kind at most `bound`.
    fn with_word(&self, word: &str, bound: usize) -> Result<Vec<CaseNumber>, StoreError> {
        let Some(part) = found_by(word).max_by_key(|part| part.len()) else { return Ok(Vec::new()) };
        let sealing = self.originals.sealing();
        let stem = stem(&part);
        // What begins with the stem begins with the word too, or is another form of it.
        let looked_for = match part.starts_with(&stem) && !sealing.is_sealed() {
            true => vec![stem],
            false => vec![part, stem],
        };
        let mut numbers = std::collections::BTreeSet::new();
        for word in looked_for {
            let mut seen = 0;
            self.rows.each(&keys::words_from(&sealing.word(&word)), None, false, &mut |key, _| {
                numbers.extend(keys::number_of_word(key));
                seen += 1;
                Ok(seen < bound)
            })?;
        }
        Ok(numbers.into_iter().collect())
    }

    /// The cases whose number, or that of a piece of theirs, a word is; also a bare serial of the last two years.
    fn cases_numbered(&self, word: &str) -> Result<Vec<CaseNumber>, StoreError> {
        if let Ok(case) = word.parse::<CaseNumber>() {
            return Ok(vec![case]);
        }
        if let Ok(record) = word.to_uppercase().parse::<RegistrationNumber>() {
            return Ok(match self.record_state(record)?.map(|state| state.became) {
                Some(Became::Case(case)) => vec![case],
                _ => Vec::new(),
            });
        }
        // Without its check digit.
        if let Some((year, serial)) = word.split_once('-')
            && let (Ok(year), Ok(serial)) = (year.parse(), serial.parse())
        {
            return Ok(vec![CaseNumber::new(year, serial)]);
        }
        let Ok(serial) = word.parse::<u32>() else { return Ok(Vec::new()) };
        let mut last = None;
        self.rows.each(keys::CASES, None, true, &mut |key, _| {
            last = keys::number_at_end(key);
            Ok(false)
        })?;
        let Some((year, _)) = last else { return Ok(Vec::new()) };
        Ok([year, year.saturating_sub(1)].map(|year| CaseNumber::new(year, serial)).to_vec())
    }

    /// The list by which a filter is answered, and how many stand in it.
    fn list_of(&self, filter: &CaseFilter, status: CaseStatus) -> Result<(Vec<u8>, usize), StoreError> {
        let mark = match (&filter.assignee, &filter.body) {
            (Some(assignee), _) => Some(keys::marked(Mark::Assignee, assignee, status)),
            (None, Some(body)) => Some(keys::marked(Mark::Body, body, status)),
            _ => None,
        };
        if let Some(prefix) = mark {
            let count: Option<i64> =
                self.rows.get(&keys::marked_count(&prefix))?.map(|value| decode(&value)).transpose()?;
            return Ok((prefix, usize::try_from(count.unwrap_or(0)).unwrap_or(0)));
        }
        let prefix = match &filter.queue {
            Some(queue) => keys::queued(queue, status),
            None => keys::listed(status),
        };
        Ok((prefix, self.count(filter.queue.as_deref(), status)?))
    }

    /// How many cases of a status there are, in one queue or in all.
    fn count(&self, queue: Option<&str>, status: CaseStatus) -> Result<usize, StoreError> {
        let mut sum = 0;
        match queue {
            Some(queue) => {
                let count = self.rows.get(&keys::count(queue, status))?;
                sum = count.map(|value| decode::<i64>(&value)).transpose()?.unwrap_or(0);
            }
            None => self.rows.each(keys::COUNTS, None, false, &mut |key, value| {
                if key.last() == Some(&keys::status_byte(status)) {
                    sum += decode::<i64>(value)?;
                }
                Ok(true)
            })?,
        }
        Ok(usize::try_from(sum).unwrap_or(0))
    }

    /// Counts a case that its key puts in the list, and reads its row when it is on the page.
    fn take(
        &self,
        number: Option<CaseNumber>,
        status: CaseStatus,
        filling: &mut Filling<'_>,
    ) -> Result<(), StoreError> {
        if filling.is_wanted() {
            // A case may have moved to another list between the key and the row.
            let row = number.map(|number| self.case(number)).transpose()?.flatten();
            let Some(row) = row.filter(|row| row.status == status) else { return Ok(()) };
            filling.page.rows.push(row);
        }
        filling.page.total += 1;
        Ok(())
    }

    /// Looks at a row; false: enough were looked at.
    fn look_at(&self, number: Option<CaseNumber>, filling: &mut Filling<'_>) -> Result<bool, StoreError> {
        if filling.is_bounded() && filling.looked >= LOOKED_CASES_MAX {
            filling.page.more = true;
            return Ok(false);
        }
        filling.looked += 1;
        let row = number.map(|number| self.case(number)).transpose()?.flatten();
        if let Some(row) = row.filter(|row| filling.fits(row, false)) {
            filling.add(row);
        }
        Ok(true)
    }
}

impl Filling<'_> {
    fn is_bounded(&self) -> bool {
        self.filter.limit != usize::MAX
    }

    fn end(&self) -> usize {
        self.filter.offset.saturating_add(self.filter.limit)
    }

    /// Is the next one on the page?
    fn is_wanted(&self) -> bool {
        (self.filter.offset..self.end()).contains(&self.page.total)
    }

    fn is_full(&self) -> bool {
        self.page.total >= self.end()
    }

    fn counted_enough(&self) -> bool {
        self.is_bounded() && self.page.total >= self.end().saturating_add(COUNTED_CASES_MAX)
    }

    fn add(&mut self, row: CaseRow) {
        if self.is_wanted() {
            self.page.rows.push(row);
        }
        self.page.total += 1;
    }

    /// `in_text`: its texts have the words.
    fn fits(&self, row: &CaseRow, in_text: bool) -> bool {
        let filter = self.filter;
        (filter.statuses.is_empty() || filter.statuses.contains(&row.status))
            && filter.queue.as_ref().is_none_or(|queue| row.queue == *queue)
            && filter.due_by.is_none_or(|day| row.due.is_some_and(|due| due <= day))
            && filter.body.as_ref().is_none_or(|body| row.judgement.complained_about.contains(body))
            && filter.assignee.as_ref().is_none_or(|assignee| row.assignee.as_ref() == Some(assignee))
            && (in_text && row.purged.is_none() || self.words.is_empty() || self.says(row))
    }

    fn says(&self, row: &CaseRow) -> bool {
        let records: String = row.records.iter().map(|record| format!(" {record}")).collect();
        let (writer, subject) =
            (row.writer.as_deref().unwrap_or_default(), row.subject.as_deref().unwrap_or_default());
        let text = plain(&format!("{}{records} {writer} {subject}", row.number));
        let stems: Vec<String> = found_by(&text).map(|word| stem(&word)).collect();
        self.words.iter().all(|word| text.contains(word.as_str()) || stems.contains(&stem(word)))
    }
}

fn statuses(filter: &CaseFilter) -> impl Iterator<Item = CaseStatus> + use<'_> {
    keys::STATUSES.into_iter().filter(|status| filter.statuses.is_empty() || filter.statuses.contains(status))
}

fn number_of(key: &[u8]) -> Option<CaseNumber> {
    keys::number_at_end(key).map(|(year, serial)| CaseNumber::new(year, serial))
}

/// The case at the end of a key in the order of work; closed ones stand newest first.
fn number_in(key: &[u8], status: CaseStatus) -> Option<CaseNumber> {
    match status {
        CaseStatus::Closed => keys::number_of_word(key),
        _ => number_of(key),
    }
}

/// Says a key in the order of work that its case is due after a day?
fn due_after(key: &[u8], prefix: &[u8], status: CaseStatus, day: jiff::civil::Date) -> bool {
    let begin = prefix.len() + 1;
    status == CaseStatus::Closed || key.get(begin..begin + 4).is_none_or(|due| due > &keys::day(day)[..])
}
