//! The end of the journal after a stop that was not clean: entries that may have reached the disk before the files
//! that they name.
//!
//! Files and journal are synced together, so power that goes in between may leave an entry whose files are missing or
//! torn. A small file, the marker, holds the last entry that is known to be on disk with its files; only what comes
//! after it is looked at. Invariants: the marker is never ahead of the disk; what is cut off was confirmed to nobody, is
//! kept aside and told; its pieces stand at R1 again, or are still with their source.

use super::entry::{Digest, Entry, Event, digest_of};
use super::original::{
    ANSWERS, CARD, EXTRACT, JUDGEMENT, Originals, RECORD, digest_of_original, open_private,
};
use super::{StoreError, journal};
use crate::record::RegistrationNumber;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

const MARKER: &str = "durable";

/// Two places are written in turn, so that a torn one leaves the other. Each lies in a sector of its own.
const PLACE_BYTES: u64 = 4096;

/// The last entry that is known to be on disk with its files, written after each sync and not synced itself: it may
/// lag behind, never run ahead.
#[derive(Debug)]
pub(super) struct Marker {
    file: File,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// `None`: a store of before the marker was kept, whose files were on disk before each entry.
    seq: Option<u64>,
    /// Times it was written; the last bit tells the place.
    turn: u64,
}

impl Marker {
    /// Opens or makes it.
    pub fn open(journal: &Path) -> Result<Marker, StoreError> {
        let path = journal.join(MARKER);
        let file = open_private(&path)?;
        let mut state = State { seq: None, turn: 0 };
        for place in 0..2 {
            let mut bytes = [0; LINE_BYTES];
            match file.read_exact_at(&mut bytes, place * PLACE_BYTES) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                Err(source) => return Err(StoreError::Io { doing: "read", path, source }),
            }
            if let Some((turn, seq)) = read(&bytes).filter(|(turn, _)| *turn > state.turn) {
                state = State { seq: Some(seq), turn };
            }
        }
        Ok(Marker { file, state: Mutex::new(state) })
    }

    fn known(&self) -> Option<u64> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).seq
    }

    /// Everything up to `seq` is on disk. What cannot be written makes the next opening look at more.
    pub fn note(&self, seq: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.seq == Some(seq) {
            return;
        }
        let turn = state.turn + 1;
        if self.file.write_all_at(&line(turn, seq), turn % 2 * PLACE_BYTES).is_ok() {
            *state = State { seq: Some(seq), turn };
        }
    }

    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// `<turn> <entry> <16 digits of their digest>\n`
const LINE_BYTES: usize = 59;

fn line(turn: u64, seq: u64) -> Vec<u8> {
    let numbers = format!("{turn:020} {seq:020}");
    format!("{numbers} {}\n", &digest_of(numbers.as_bytes())[..16]).into_bytes()
}

fn read(bytes: &[u8]) -> Option<(u64, u64)> {
    let number = |part: std::ops::Range<usize>| std::str::from_utf8(bytes.get(part)?).ok()?.parse().ok();
    let (turn, seq) = (number(0..20)?, number(21..41)?);
    (line(turn, seq) == bytes).then_some((turn, seq))
}

/// Holds the entries after the marker against the files that they name. From the first that does not hold they are cut
/// off; the others are written again, since what is read here may stand in memory only. Returns how many were cut off.
pub(super) fn mend(originals: &Originals, dir: &Path, marker: &Marker) -> Result<u64, StoreError> {
    let Some(known) = marker.known() else { return Ok(0) };
    if journal::last_seq(dir)? <= known {
        return Ok(0);
    }
    // Older segments were on disk before the last one had a line.
    let from = (known + 1).max(journal::last_segment_first(dir)?);
    let mut tail: Vec<Entry> = Vec::new();
    journal::walk(dir, from, &mut |entry, _| {
        if entry.seq >= from {
            tail.push(entry);
        }
        Ok(())
    })?;
    // The files of what was destroyed since are gone by right.
    let destroyed: BTreeSet<RegistrationNumber> = tail
        .iter()
        .flat_map(|entry| match &entry.what {
            Event::Purged { records, .. } => records.keys().copied().collect(),
            _ => Vec::new(),
        })
        .collect();
    let mut torn = None;
    for (at, entry) in tail.iter().enumerate() {
        let gone = named(&entry.what).is_some_and(|record| destroyed.contains(&record));
        if !gone && !holds(originals, &entry.what)? {
            torn = Some(at);
            break;
        }
    }
    let cut = tail.split_off(torn.unwrap_or(tail.len()));
    let written: BTreeSet<_> = tail.iter().filter_map(|entry| named(&entry.what)).collect();
    for number in written.difference(&destroyed).copied() {
        originals.write_again(number)?;
    }
    let root = originals.root();
    File::open(root).and_then(|root| originals.sync(&root)).map_err(StoreError::io("sync", root))?;
    if !tail.is_empty() {
        journal::write_again(dir, from)?;
    }
    let Some(first) = cut.first() else { return Ok(0) };
    let (aside, lines) = journal::cut_from(dir, first.seq)?;
    for entry in &cut {
        forget(originals, &entry.what)?;
    }
    tracing::warn!(
        entries = lines,
        from = first.seq,
        file = %aside.display(),
        "cut entries off the journal whose files had not reached the disk; the lines are kept aside"
    );
    Ok(lines)
}

/// The record whose files an entry brought.
fn named(what: &Event) -> Option<RegistrationNumber> {
    match what {
        Event::Registered { record, .. }
        | Event::Opened { record, .. }
        | Event::Joined { record, .. }
        | Event::CameBack { record, .. }
        | Event::SetAside { record, .. } => Some(*record),
        _ => None,
    }
}

/// Are the files of an entry what it says?
fn holds(originals: &Originals, what: &Event) -> Result<bool, StoreError> {
    match what {
        Event::Registered { record, digest, bytes, record_digest } => {
            let original = match digest_of_original(originals, *record) {
                Err(StoreError::Damaged { .. }) => None,
                other => other?,
            };
            Ok(original == Some((digest.clone(), *bytes)) && is(originals, *record, RECORD, record_digest)?)
        }
        Event::Opened { record, judged, .. }
        | Event::Joined { record, judged, .. }
        | Event::CameBack { record, judged, .. }
        | Event::SetAside { record, judged, .. } => {
            for (name, digest) in &judged.files {
                if !is(originals, *record, name, digest)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(true),
    }
}

fn is(
    originals: &Originals,
    record: RegistrationNumber,
    name: &str,
    digest: &Digest,
) -> Result<bool, StoreError> {
    match originals.read(record, name) {
        Ok(bytes) => Ok(bytes.is_some_and(|bytes| digest_of(&bytes) == *digest)),
        Err(StoreError::Damaged { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes what an entry that was cut off had left: the piece is read and judged anew.
fn forget(originals: &Originals, what: &Event) -> Result<(), StoreError> {
    let Some(record) = named(what).filter(|_| !matches!(what, Event::Registered { .. })) else {
        return Ok(());
    };
    for name in [JUDGEMENT, CARD, EXTRACT].into_iter().chain(ANSWERS) {
        originals.remove(record, name)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_marker_leaves_the_one_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let marker = Marker::open(dir.path()).unwrap();
        assert_eq!(marker.known(), None);
        for seq in [0, 7, 9, 8] {
            marker.note(seq);
            assert_eq!(Marker::open(dir.path()).unwrap().known(), Some(seq));
        }
        let place = marker.state.lock().unwrap().turn % 2;
        marker.file.write_all_at(b"00000000000000000010", place * PLACE_BYTES).unwrap();
        assert_eq!(Marker::open(dir.path()).unwrap().known(), Some(9));
    }
}
