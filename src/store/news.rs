//! The journal as a feed: what happened after an entry, for programs outside that remember up to where they were told.
//!
//! Invariants: only what is on disk is given, so nobody is told of what a power cut takes back; each entry is read once, from
//! where the last look ended (the chain is held by `verify`, not here).

use super::entry::{Entry, Event};
use super::journal::{last_seq, segments};
use super::{Store, StoreError};
use crate::limits::JOURNAL_LINE_BYTES_MAX;
use crate::record::{CaseNumber, News, NewsKind, Verdict};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;

/// Where a reader of the feed is.
#[derive(Clone, Debug)]
pub struct NewsReader {
    /// The entry to be read next.
    next: u64,
    /// The segment it stands in, and at which byte.
    at: Option<(PathBuf, u64)>,
}

impl NewsReader {
    /// Reads on after this entry.
    pub fn after(entry: u64) -> Self {
        Self { next: entry + 1, at: None }
    }

    /// The last entry that was read.
    pub fn entry(&self) -> u64 {
        self.next - 1
    }
}

impl Store {
    /// The last entry of the journal; it may not be on disk yet.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn last_entry(&self) -> Result<u64, StoreError> {
        if let Some(journal) = &self.core().journal {
            return Ok(journal.next_seq() - 1);
        }
        last_seq(&self.dir.join("journal"))
    }

    /// What happened in the next `entries_max` entries at most; the reader goes on behind them.
    ///
    /// # Errors
    /// The journal cannot be read, or a sync failed.
    pub fn news(&self, reader: &mut NewsReader, entries_max: usize) -> Result<Vec<News>, StoreError> {
        if reader.next > self.last_entry()? {
            return Ok(Vec::new());
        }
        self.settle()?;
        let mut news = Vec::new();
        self.entries(reader, entries_max, &mut |entry, digest| news.extend(told(&entry, digest)))?;
        Ok(news)
    }

    /// Gives the next `entries_max` entries at most, with their digests; the last of them may not be on disk yet.
    pub(super) fn entries(
        &self,
        reader: &mut NewsReader,
        entries_max: usize,
        each: &mut dyn FnMut(Entry, &str),
    ) -> Result<(), StoreError> {
        let last = self.last_entry()?;
        let mut left = entries_max;
        while reader.next <= last && left > 0 {
            let (path, offset) = match reader.at.take() {
                Some(at) => at,
                None => self.place(reader.next)?,
            };
            let damaged = |fault: &str| StoreError::damaged(&path, &fault);
            let mut file = File::open(&path).map_err(StoreError::io("open", &path))?;
            file.seek(SeekFrom::Start(offset)).map_err(StoreError::io("read", &path))?;
            let (mut lines, mut offset, mut line) = (BufReader::new(file), offset, Vec::new());
            while reader.next <= last && left > 0 {
                line.clear();
                let read = lines.by_ref().take(JOURNAL_LINE_BYTES_MAX).read_until(b'\n', &mut line);
                let read = read.map_err(StoreError::io("read", &path))?;
                if read == 0 {
                    break;
                }
                let (digest, json) =
                    line.split_at_checked(64).ok_or_else(|| damaged("a line is too short"))?;
                let entry: Entry =
                    serde_json::from_slice(json).map_err(|error| StoreError::damaged(&path, &error))?;
                if entry.seq != reader.next {
                    return Err(damaged("an entry stands where another should"));
                }
                each(entry, &String::from_utf8_lossy(digest));
                reader.next += 1;
                left -= 1;
                offset += read as u64;
            }
            // At the end of a segment the next one is looked for.
            let ended = reader.next <= last && left > 0;
            reader.at = (!ended).then_some((path, offset));
        }
        Ok(())
    }

    /// The segment and byte where an entry begins.
    fn place(&self, entry: u64) -> Result<(PathBuf, u64), StoreError> {
        let dir = self.dir.join("journal");
        let found = segments(&dir)?.into_iter().rev().find(|(first, _)| *first <= entry);
        let (first, path) =
            found.ok_or_else(|| StoreError::damaged(&dir, &"its first segment is missing"))?;
        let mut lines = BufReader::new(File::open(&path).map_err(StoreError::io("open", &path))?);
        let (mut offset, mut line) = (0, Vec::new());
        for _ in first..entry {
            line.clear();
            let read = lines.by_ref().take(JOURNAL_LINE_BYTES_MAX).read_until(b'\n', &mut line);
            offset += read.map_err(StoreError::io("read", &path))? as u64;
        }
        Ok((path, offset))
    }
}

/// What a program outside is told of an entry.
fn told(entry: &Entry, digest: &str) -> Option<News> {
    let of = |kind, case: CaseNumber, verdict: Option<Verdict>, into| News {
        entry: entry.seq,
        digest: digest.to_owned(),
        at: entry.at,
        kind,
        case,
        verdict,
        into,
    };
    Some(match &entry.what {
        // A person made a case of what was set aside: for programs it is a new one.
        Event::Opened { case, .. } | Event::TakenBack { case, .. } => {
            of(NewsKind::CaseOpened, *case, None, None)
        }
        Event::Joined { case, .. } | Event::CameBack { case, .. } => {
            of(NewsKind::CaseExtended, *case, None, None)
        }
        Event::Decided { case, verdict, .. } => of(NewsKind::CaseDecided, *case, Some(*verdict), None),
        Event::Merged { case, into } => of(NewsKind::CaseMerged, *case, None, Some(*into)),
        Event::Assigned { case, .. } => of(NewsKind::CaseAssigned, *case, None, None),
        Event::Undone { case, .. } => of(NewsKind::CaseUndone, *case, None, None),
        Event::Split { case, into, .. } => of(NewsKind::CaseSplit, *case, None, Some(*into)),
        Event::Labelled { case, .. } => of(NewsKind::CaseCorrected, *case, None, None),
        Event::Purged { case: Some(case), .. } => of(NewsKind::CaseDestroyed, *case, None, None),
        Event::AnswerReleased { case } => of(NewsKind::AnswerReleased, *case, None, None),
        Event::AnswerSent { case } => of(NewsKind::AnswerSent, *case, None, None),
        Event::AnswerFailed { case, .. } => of(NewsKind::AnswerFailed, *case, None, None),
        Event::AnswerWithheld { case, .. } => of(NewsKind::AnswerWithheld, *case, None, None),
        _ => return None,
    })
}
