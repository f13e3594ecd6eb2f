//! The look log (`looks/2026-11.log`): who looked at which case, when and how (AVG art. 5(2) and 32; the form follows NEN
//! 7513, which asks it of care and is an example here, no duty).
//!
//! Lines as in the journal, `<sha256> <json>\n`, each digest over the one before it; the first line of a month names the
//! digest that it follows, so that old months can go when their time is over and the rest still holds together. It stands
//! apart from the journal: a look must not wait for the disk. A line is in the file before anything is shown and on the
//! disk within a second ([`Store::sync_looks`]); a power cut may cost the looks of that second.
//!
//! Commands write beside the daemon: a lock on the file for the time of a line keeps the chain one chain. There is no index:
//! who asks reads the months ([`Store::looks`]), which are as many as are kept.

use super::entry::hex;
use super::journal::CHAIN_START;
use super::original::make_dir;
use super::{Store, StoreError};
use crate::limits::{JOURNAL_LINE_BYTES_MAX, LOOKS_SHOWN_MAX};
use crate::record::{CaseNumber, Look, office_date};
use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

const VERSION: u8 = 1;

/// One line. The first of a month has `after` instead of a look.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    v: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    #[serde(flatten)]
    look: Option<Look>,
}

#[derive(Debug)]
pub(super) struct LookLog {
    dir: PathBuf,
    open: Mutex<Option<Month>>,
    unsynced: AtomicBool,
    months_kept: AtomicU32,
}

/// The month that is written to.
#[derive(Debug)]
struct Month {
    name: String,
    path: PathBuf,
    file: File,
    /// Up to here we know the chain.
    length: u64,
    head: String,
}

impl LookLog {
    pub fn at(dir: PathBuf) -> Self {
        Self { dir, open: Mutex::new(None), unsynced: AtomicBool::new(false), months_kept: AtomicU32::new(0) }
    }

    fn note(&self, look: &Look) -> Result<(), StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let name = month_name(look.at);
        // A clock that was set back does not bring an old month back.
        if open.as_ref().is_none_or(|month| month.name < name) {
            make_dir(&self.dir)?;
            self.forget(look.at)?;
            *open = Some(Month::open(&self.dir, name)?);
        }
        let Some(month) = open.as_mut() else { return Ok(()) };
        let locked = flock(&month.file, FlockOperation::LockExclusive);
        locked.map_err(|error| StoreError::io("lock", &month.path)(error.into()))?;
        let written = month.append(&self.dir, look);
        let freed = flock(&month.file, FlockOperation::Unlock);
        if written.is_err() {
            // What stands in the file is looked at anew.
            *open = None;
        }
        written?;
        freed.map_err(|error| StoreError::io("unlock", &self.dir)(error.into()))?;
        self.unsynced.store(true, Ordering::Release);
        Ok(())
    }

    pub fn sync(&self) -> Result<(), StoreError> {
        if !self.unsynced.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let file = {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.as_ref()
                .map(|month| month.file.try_clone())
                .transpose()
                .map_err(StoreError::io("sync", &self.dir))?
        };
        file.map_or(Ok(()), |file| file.sync_data()).map_err(StoreError::io("sync", &self.dir))
    }

    /// Removes the months that are no longer kept.
    fn forget(&self, now: Timestamp) -> Result<(), StoreError> {
        let kept = self.months_kept.load(Ordering::Acquire);
        if kept == 0 {
            return Ok(());
        }
        let today = office_date(now);
        let oldest = jiff::Span::new().try_months(i64::from(kept)).and_then(|span| today.checked_sub(span));
        let Ok(oldest) = oldest else { return Ok(()) };
        let oldest = format!("{:04}-{:02}", oldest.year(), oldest.month());
        for (name, path) in months(&self.dir)? {
            if name < oldest {
                fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
                tracing::info!(month = name, "the looks of this month are no longer kept");
            }
        }
        Ok(())
    }
}

impl Drop for LookLog {
    fn drop(&mut self) {
        if let Err(error) = self.sync() {
            tracing::error!(%error, "the last looks may not be on disk");
        }
    }
}

impl Month {
    fn open(dir: &Path, name: String) -> Result<Month, StoreError> {
        let path = dir.join(format!("{name}.log"));
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        Ok(Month { name, path, file, length: 0, head: String::new() })
    }

    /// Adds a look, after what another process may have added.
    fn append(&mut self, dir: &Path, look: &Look) -> Result<(), StoreError> {
        let failed = |doing| StoreError::io(doing, &self.path);
        let length = self.file.metadata().map_err(failed("look at"))?.len();
        let mut lines = String::new();
        if length == 0 {
            let before = months(dir)?.into_iter().rfind(|(name, _)| *name < self.name);
            let after =
                before.map(|(_, path)| last_digest(&path)).transpose()?.unwrap_or(CHAIN_START.to_owned());
            self.head = add(
                &mut lines,
                CHAIN_START,
                &Line { v: VERSION, after: Some(after), look: None },
                &self.path,
            )?;
        } else if length != self.length {
            let (whole, head) = end_of(&self.path)?;
            if whole < length {
                // The power went within a line: nobody saw what it tells of before it was whole, or it was lost.
                self.file.set_len(whole).map_err(failed("cut off"))?;
            }
            self.head = head;
        }
        self.head = add(
            &mut lines,
            &self.head,
            &Line { v: VERSION, after: None, look: Some(look.clone()) },
            &self.path,
        )?;
        (&self.file).write_all(lines.as_bytes()).map_err(failed("write"))?;
        self.length = self.file.metadata().map_err(failed("look at"))?.len();
        Ok(())
    }
}

fn add(lines: &mut String, head: &str, line: &Line, path: &Path) -> Result<String, StoreError> {
    let json = serde_json::to_string(line).map_err(|error| StoreError::damaged(path, &error))?;
    let digest = chained(head, json.as_bytes());
    lines.push_str(&digest);
    lines.push(' ');
    lines.push_str(&json);
    lines.push('\n');
    Ok(digest)
}

fn chained(head: &str, json: &[u8]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(head.as_bytes());
    hasher.update(json);
    hex(&hasher.finalize())
}

fn month_name(at: Timestamp) -> String {
    let day = office_date(at);
    format!("{:04}-{:02}", day.year(), day.month())
}

/// The months that are kept, oldest first.
fn months(dir: &Path) -> Result<Vec<(String, PathBuf)>, StoreError> {
    let items = match fs::read_dir(dir) {
        Ok(items) => items,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("list", dir)(error)),
    };
    let mut found = Vec::new();
    for item in items {
        let path = item.map_err(StoreError::io("list", dir))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".log"));
        if let Some(name) = name {
            found.push((name.to_owned(), path));
        }
    }
    found.sort();
    Ok(found)
}

/// Where the last whole line of a month ends, and its digest.
fn end_of(path: &Path) -> Result<(u64, String), StoreError> {
    let mut file = File::open(path).map_err(StoreError::io("open", path))?;
    let length = file.metadata().map_err(StoreError::io("look at", path))?.len();
    let from = length.saturating_sub(2 * JOURNAL_LINE_BYTES_MAX);
    file.seek(SeekFrom::Start(from)).map_err(StoreError::io("read", path))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).map_err(StoreError::io("read", path))?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let last = tail[..whole.saturating_sub(1)].rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let digest = last.get(..64).and_then(|digest| std::str::from_utf8(digest).ok());
    match digest {
        Some(digest) => Ok((from + whole as u64, digest.to_owned())),
        None => Err(StoreError::damaged(path, &"its last line is no line of ours")),
    }
}

fn last_digest(path: &Path) -> Result<String, StoreError> {
    Ok(end_of(path)?.1)
}

impl Store {
    /// Writes a look down, before what was asked for is shown. Also on a store opened for reading.
    ///
    /// # Errors
    /// [`StoreError::TooLong`], [`StoreError::Io`]: then what was asked for is not to be given.
    pub fn note_look(&self, look: &Look) -> Result<(), StoreError> {
        super::change::bounded("the account", &look.by, crate::limits::ACCOUNT_CHARS_MAX)?;
        self.looks.note(look)
    }

    /// Brings the looks written so far to the disk; nothing when there are none.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn sync_looks(&self) -> Result<(), StoreError> {
        self.looks.sync()
    }

    /// Keeps looks for so many months; 0 keeps all. Older months go with the first look of this run and of each month.
    pub fn keep_looks_for(&self, months: u32) {
        self.looks.months_kept.store(months, Ordering::Release);
    }

    /// The newest looks at a case, oldest first, at most [`LOOKS_SHOWN_MAX`]; and how many older ones there are. Its pieces'
    /// looks are among them, also those of before they were a case.
    ///
    /// # Errors
    /// [`StoreError::UnknownCase`], [`StoreError::Io`].
    pub fn looks(&self, number: CaseNumber) -> Result<(Vec<Look>, u64), StoreError> {
        let row = self.case(number)?.ok_or(StoreError::UnknownCase(number))?;
        let (mut found, mut older) = (VecDeque::new(), 0);
        let mut wanted: Vec<String> = row.records.iter().map(|record| format!("\"{record}\"")).collect();
        wanted.push(format!("\"{number}\""));
        for (_, path) in months(&self.looks.dir)? {
            let file = File::open(&path).map_err(StoreError::io("open", &path))?;
            let mut reader = BufReader::with_capacity(256 * 1024, file);
            let mut line = String::new();
            loop {
                line.clear();
                if reader.read_line(&mut line).map_err(StoreError::io("read", &path))? == 0 {
                    break;
                }
                // Most lines are of other cases: they are not parsed.
                if !wanted.iter().any(|number| line.contains(number.as_str())) {
                    continue;
                }
                let parsed = line.get(65..).and_then(|json| serde_json::from_str::<Line>(json).ok());
                found.extend(parsed.and_then(|line| line.look));
                if found.len() > LOOKS_SHOWN_MAX {
                    found.pop_front();
                    older += 1;
                }
            }
        }
        Ok((found.into(), older))
    }

    /// The file and line where the look log does not hold together; `None`: it does.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn looks_fault(&self) -> Result<Option<(String, u64)>, StoreError> {
        let mut before: Option<String> = None;
        let all = months(&self.looks.dir)?;
        for (index, (name, path)) in all.iter().enumerate() {
            let file = File::open(path).map_err(StoreError::io("open", path))?;
            let mut reader = BufReader::with_capacity(256 * 1024, file);
            let (mut line, mut head) = (Vec::new(), CHAIN_START.to_owned());
            for number in 1.. {
                line.clear();
                if reader.read_until(b'\n', &mut line).map_err(StoreError::io("read", path))? == 0 {
                    break;
                }
                let unfinished = line.last() != Some(&b'\n');
                if unfinished && index + 1 == all.len() {
                    // Being written, or cut off by a power cut: the next look cuts it off.
                    break;
                }
                let whole = (|| {
                    let (digest, json) = (line.get(..64)?, line.get(65..line.len() - 1)?);
                    let wanted = chained(&head, json);
                    let parsed: Line = serde_json::from_slice(json).ok()?;
                    let follows = match (&parsed.after, &before) {
                        (Some(after), Some(before)) => number == 1 && after == before,
                        (after, _) => after.is_some() == (number == 1),
                    };
                    (follows && parsed.v <= VERSION && digest == wanted.as_bytes()).then_some(wanted)
                })();
                match whole {
                    Some(wanted) => head = wanted,
                    None => return Ok(Some((name.clone(), number))),
                }
            }
            before = Some(head);
        }
        Ok(None)
    }
}
