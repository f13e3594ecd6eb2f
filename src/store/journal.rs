//! The journal: append-only segments of lines `<sha256> <json>\n`, each digest over the digest before it and
//! the JSON, so that a line that was changed, removed or put in shows.
//!
//! Segments are named by their first entry. Only the last one may end in an unfinished line (power went during
//! a write that nobody was told of): it is cut off and told. Anything else that does not hold together is an
//! error naming segment and line. Cutting whole lines off the end cannot show in the chain itself; it shows in
//! the index and in folders without an entry.

use super::StoreError;
use super::entry::{ENTRY_VERSION, Entry, hex};
use crate::limits::{JOURNAL_LINE_BYTES_MAX, SEGMENT_BYTES_MAX};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The digest before the first line.
pub(super) const CHAIN_START: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The end of the journal, open for appending.
#[derive(Debug)]
pub(super) struct Journal {
    dir: PathBuf,
    path: PathBuf,
    file: Arc<File>,
    length: u64,
    next_seq: u64,
    head: String,
    segment_bytes_max: u64,
}

/// Lines that are ready to be written.
#[derive(Debug, Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    count: u64,
    head: String,
}

/// Where a walk over the journal came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    pub next_seq: u64,
    pub head: String,
    /// Bytes of an unfinished line at the very end.
    pub torn_bytes: u64,
    last: Option<PathBuf>,
    length: u64,
}

impl Lines {
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

fn chained(head: &str, json: &[u8]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(head.as_bytes());
    hasher.update(json);
    hex(&hasher.finalize())
}

/// The segments, oldest first, each with the number of its first entry.
pub(super) fn segments(dir: &Path) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let mut found = Vec::new();
    for item in fs::read_dir(dir).map_err(StoreError::io("list", dir))? {
        let path = item.map_err(StoreError::io("list", dir))?.path();
        let first = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.strip_suffix(".log"))
            .and_then(|stem| stem.parse().ok());
        if let Some(first) = first {
            found.push((first, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Reads every line from the segment that holds entry `from` to the end, checks the chain, and gives each entry
/// with its digest to `each`. (So `each` also sees the entries before `from` in that segment.)
pub(super) fn walk(
    dir: &Path,
    from: u64,
    each: &mut dyn FnMut(Entry, &str) -> Result<(), StoreError>,
) -> Result<End, StoreError> {
    let all = segments(dir)?;
    let start = all.iter().rposition(|(first, _)| *first <= from.max(1)).unwrap_or(0);
    let mut end = End { next_seq: 1, head: CHAIN_START.to_owned(), torn_bytes: 0, last: None, length: 0 };
    if start > 0 {
        end.next_seq = all[start].0;
        end.head = last_digest(&all[start - 1].1)?;
    }
    for (index, (first, path)) in all.iter().enumerate().skip(start) {
        if *first != end.next_seq {
            let fault = format!("a segment is missing: entry {} should come first", end.next_seq);
            return Err(StoreError::Chain { segment: path.clone(), line: 1, fault });
        }
        walk_segment(path, index + 1 == all.len(), &mut end, each)?;
        end.last = Some(path.clone());
    }
    Ok(end)
}

fn walk_segment(
    path: &Path,
    is_last: bool,
    end: &mut End,
    each: &mut dyn FnMut(Entry, &str) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    let mut reader = BufReader::with_capacity(256 * 1024, file);
    let mut line = Vec::new();
    end.length = 0;
    for number in 1.. {
        line.clear();
        let read = reader
            .by_ref()
            .take(JOURNAL_LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)
            .map_err(StoreError::io("read", path))?;
        if read == 0 {
            break;
        }
        let fault = |fault: String| StoreError::Chain { segment: path.to_owned(), line: number, fault };
        if line.last() != Some(&b'\n') {
            let rest = io::copy(&mut reader, &mut io::sink()).map_err(StoreError::io("read", path))?;
            if is_last && rest == 0 {
                end.torn_bytes = read as u64;
                return Ok(());
            }
            return Err(fault("the line is not finished".to_owned()));
        }
        let (digest, json) = match (line.get(..64), line.get(64), line.get(65..line.len() - 1)) {
            (Some(digest), Some(b' '), Some(json)) => (digest, json),
            _ => return Err(fault("this is no line of ours".to_owned())),
        };
        let wanted = chained(&end.head, json);
        if digest != wanted.as_bytes() {
            return Err(fault(
                "the digest does not follow from the line before: a line was changed, removed or put in"
                    .to_owned(),
            ));
        }
        let entry: Entry = serde_json::from_slice(json)
            .map_err(|error| fault(format!("unknown entry ({error}): written by a newer bode?")))?;
        if entry.v == 0 || entry.v > ENTRY_VERSION {
            return Err(fault(format!("version {} was written by a newer bode", entry.v)));
        }
        if entry.seq != end.next_seq {
            return Err(fault(format!("entry {} stands where {} should", entry.seq, end.next_seq)));
        }
        end.next_seq += 1;
        end.length += read as u64;
        each(entry, &wanted)?;
        end.head = wanted;
    }
    Ok(())
}

/// The digest of the last line of a finished segment.
fn last_digest(path: &Path) -> Result<String, StoreError> {
    let mut file = File::open(path).map_err(StoreError::io("open", path))?;
    let length = file.metadata().map_err(StoreError::io("look at", path))?.len();
    let from = length.saturating_sub(JOURNAL_LINE_BYTES_MAX);
    file.seek(SeekFrom::Start(from)).map_err(StoreError::io("read", path))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).map_err(StoreError::io("read", path))?;
    let lines = tail.strip_suffix(b"\n").unwrap_or(&tail);
    let last = lines.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    match last.get(..64).map(<[u8]>::to_vec).map(String::from_utf8) {
        Some(Ok(digest)) => Ok(digest),
        _ => Err(StoreError::Chain {
            segment: path.to_owned(),
            line: 0,
            fault: "the last line is no line of ours".to_owned(),
        }),
    }
}

/// The number of the last whole line; 0: there is none.
pub(super) fn last_seq(dir: &Path) -> Result<u64, StoreError> {
    let Some((first, path)) = segments(dir)?.pop() else { return Ok(0) };
    let bytes = fs::read(&path).map_err(StoreError::io("read", &path))?;
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    Ok(first - 1 + lines)
}

/// The last segment's first entry.
pub(super) fn last_segment_first(dir: &Path) -> Result<u64, StoreError> {
    Ok(segments(dir)?.pop().map_or(1, |(first, _)| first))
}

/// Takes the lines from entry `from` on off the last segment, once they are safe in a file beside it. Returns that file
/// and the number of lines.
pub(super) fn cut_from(dir: &Path, from: u64) -> Result<(PathBuf, u64), StoreError> {
    let (path, bytes, at) = tail_of(dir, from)?;
    let cut = &bytes[at..];
    let aside = dir.join(format!("cut-{from:012}-{}.lines", &super::entry::digest_of(cut)[..12]));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
        .open(&aside)
        .and_then(|mut file| file.write_all(cut).and_then(|()| file.sync_all()))
        .map_err(StoreError::io("write", &aside))?;
    sync_dir(dir)?;
    let file = OpenOptions::new().write(true).open(&path).map_err(StoreError::io("open", &path))?;
    file.set_len(at as u64).and_then(|()| file.sync_all()).map_err(StoreError::io("cut off", &path))?;
    Ok((aside, cut.iter().filter(|byte| **byte == b'\n').count() as u64))
}

/// Writes the lines from entry `from` on once more where they stand: after a sync that failed, the kernel may hold
/// them for written.
pub(super) fn write_again(dir: &Path, from: u64) -> Result<(), StoreError> {
    use std::os::unix::fs::FileExt;
    let (path, bytes, at) = tail_of(dir, from)?;
    let file = OpenOptions::new().write(true).open(&path).map_err(StoreError::io("open", &path))?;
    file.write_all_at(&bytes[at..], at as u64)
        .and_then(|()| file.sync_all())
        .map_err(StoreError::io("write", &path))
}

/// The last segment, its bytes, and where entry `from` begins.
fn tail_of(dir: &Path, from: u64) -> Result<(PathBuf, Vec<u8>, usize), StoreError> {
    let (first, path) = segments(dir)?.pop().ok_or_else(|| StoreError::Chain {
        segment: dir.to_owned(),
        line: 0,
        fault: "there is no segment".to_owned(),
    })?;
    let bytes = fs::read(&path).map_err(StoreError::io("read", &path))?;
    let skipped = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
    let at = match skipped {
        0 => 0,
        lines => bytes
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n')
            .nth(lines - 1)
            .map_or(bytes.len(), |(at, _)| at + 1),
    };
    Ok((path, bytes, at))
}

impl Journal {
    /// Opens for appending after `end`, and cuts off what stands unfinished there.
    pub fn append_after(dir: &Path, end: &End) -> Result<Journal, StoreError> {
        let (path, fresh) = match &end.last {
            Some(path) => (path.clone(), false),
            None => (dir.join(segment_name(end.next_seq)), true),
        };
        let file = open_segment(&path)?;
        if end.torn_bytes > 0 {
            file.set_len(end.length).map_err(StoreError::io("cut off", &path))?;
        }
        // What was read may have come from memory only: it counts from now on, so it must be on disk.
        file.sync_all().map_err(StoreError::io("sync", &path))?;
        if fresh {
            sync_dir(dir)?;
        }
        Ok(Journal {
            dir: dir.to_owned(),
            path,
            file: Arc::new(file),
            length: end.length,
            next_seq: end.next_seq,
            head: end.head.clone(),
            segment_bytes_max: SEGMENT_BYTES_MAX,
        })
    }

    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open segment, for syncing outside the lock.
    pub fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Adds an entry to `lines` and returns its digest. Entries are numbered from [`Journal::next_seq`].
    pub fn encode(&self, lines: &mut Lines, entry: &Entry) -> Result<String, StoreError> {
        debug_assert_eq!(entry.seq, self.next_seq + lines.count);
        let json = serde_json::to_vec(entry).map_err(|error| StoreError::damaged(&self.path, &error))?;
        if json.len() as u64 + 66 > JOURNAL_LINE_BYTES_MAX {
            return Err(StoreError::TooLong {
                what: "a journal entry",
                max: JOURNAL_LINE_BYTES_MAX as usize,
            });
        }
        let head = chained(if lines.count == 0 { &self.head } else { &lines.head }, &json);
        lines.bytes.extend_from_slice(head.as_bytes());
        lines.bytes.push(b' ');
        lines.bytes.extend_from_slice(&json);
        lines.bytes.push(b'\n');
        lines.count += 1;
        lines.head.clone_from(&head);
        Ok(head)
    }

    /// Writes the lines, not yet synced. After an error the journal is as it was before, unless
    /// [`StoreError::Stopped`] says that even this could not be done.
    pub fn write(&mut self, lines: &Lines) -> Result<(), StoreError> {
        if lines.count == 0 {
            return Ok(());
        }
        if let Err(source) = (&*self.file).write_all(&lines.bytes) {
            if self.file.set_len(self.length).is_err() {
                return Err(StoreError::Stopped { path: self.path.clone() });
            }
            return Err(StoreError::Io { doing: "write", path: self.path.clone(), source });
        }
        self.length += lines.bytes.len() as u64;
        self.next_seq += lines.count;
        self.head.clone_from(&lines.head);
        Ok(())
    }

    /// Is it time for the next segment?
    pub fn is_full(&self) -> bool {
        self.length >= self.segment_bytes_max
    }

    /// The old segment is whole on disk before the new one has a line: only the last can be torn. Its entries' files
    /// are for the caller to sync.
    pub fn next_segment(&mut self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(|_| StoreError::Stopped { path: self.path.clone() })?;
        let path = self.dir.join(segment_name(self.next_seq));
        let file = open_segment(&path)?;
        sync_dir(&self.dir)?;
        self.file = Arc::new(file);
        self.path = path;
        self.length = 0;
        Ok(())
    }

    #[cfg(test)]
    pub fn set_segment_bytes_max(&mut self, bytes: u64) {
        self.segment_bytes_max = bytes;
    }
}

fn segment_name(first_seq: u64) -> String {
    format!("{first_seq:012}.log")
}

fn open_segment(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(StoreError::io("open", path))
}

pub(super) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(StoreError::io("sync", dir))
}

#[cfg(test)]
mod tests {
    use super::super::entry::Event;
    use super::*;
    use jiff::Timestamp;

    fn append(journal: &mut Journal, many: u64) {
        let (mut lines, first) = (Lines::default(), journal.next_seq());
        for seq in first..first + many {
            let what = Event::Duplicate { record: "R2026-000001".parse().unwrap() };
            let entry = Entry { v: ENTRY_VERSION, seq, at: Timestamp::UNIX_EPOCH, by: "bode".into(), what };
            journal.encode(&mut lines, &entry).unwrap();
        }
        if journal.is_full() && !lines.is_empty() {
            journal.next_segment().unwrap();
        }
        journal.write(&lines).unwrap();
    }

    fn read(dir: &Path, from: u64) -> Result<(Vec<u64>, End), StoreError> {
        let mut seen = Vec::new();
        let end = walk(dir, from, &mut |entry, _| {
            seen.push(entry.seq);
            Ok(())
        })?;
        Ok((seen, end))
    }

    /// Ten segments of two lines each.
    fn filled(dir: &Path) -> Journal {
        let mut journal = Journal::append_after(dir, &read(dir, 1).unwrap().1).unwrap();
        journal.set_segment_bytes_max(300);
        for _ in 0..10 {
            append(&mut journal, 2);
            append(&mut journal, 0);
        }
        journal
    }

    #[test]
    fn the_chain_goes_on_over_segments_and_openings() {
        let dir = tempfile::tempdir().unwrap();
        drop(filled(dir.path()));
        assert_eq!(segments(dir.path()).unwrap().len(), 10);
        let (seen, end) = read(dir.path(), 1).unwrap();
        assert_eq!((seen, end.next_seq), ((1..=20).collect(), 21));
        append(&mut Journal::append_after(dir.path(), &end).unwrap(), 1);
        // From the middle only the segments from there on are read, with the same end.
        let (seen, later) = read(dir.path(), 14).unwrap();
        assert_eq!(seen, (13..=21).collect::<Vec<_>>());
        assert_eq!(later, read(dir.path(), 1).unwrap().1);
    }

    #[test]
    fn only_the_last_segment_may_be_torn_and_none_may_be_missing() {
        let dir = tempfile::tempdir().unwrap();
        drop(filled(dir.path()));
        let all = segments(dir.path()).unwrap();
        let cut = |path: &Path| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() - 5]).unwrap();
            bytes
        };
        let last = &all[9].1;
        let whole = cut(last);
        let (seen, end) = read(dir.path(), 1).unwrap();
        assert_eq!((seen.len(), end.next_seq), (19, 20));
        assert!(end.torn_bytes > 0);
        fs::write(last, whole).unwrap();
        let middle = &all[4].1;
        let whole = cut(middle);
        let error = read(dir.path(), 1).unwrap_err();
        assert!(matches!(&error, StoreError::Chain { segment, line: 2, .. } if segment == middle), "{error}");
        fs::remove_file(middle).unwrap();
        let error = read(dir.path(), 1).unwrap_err();
        assert!(error.to_string().contains("a segment is missing"), "{error}");
        fs::write(middle, whole).unwrap();
        assert_eq!(read(dir.path(), 1).unwrap().0.len(), 20);
    }
}
