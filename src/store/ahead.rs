//! Reading ahead of the fold: the journal's lines are parsed and the cards and records that they name are read on
//! other threads, several at a time, so that building the index waits for no disk: two small files a case, each a journey
//! of its own on a disk that holds them in no cache.
//!
//! Invariant: entries come in order; what could not be read ahead is read by the fold itself, which knows what to do.

use super::StoreError;
use super::card::Card;
use super::entry::{Entry, Event};
use super::journal::{self, End};
use super::original::{CARD, Originals, RECORD};
use crate::record::{Record, RegistrationNumber};
use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::sync_channel;

/// Entries handed over at one go (some 400 cases), and how many such heaps may wait.
const HEAP_ENTRIES: usize = 2048;
const HEAPS_MAX: usize = 2;
/// Who read the files of a heap, side by side. They wait for the disk more than they reckon.
const READERS: usize = 8;

/// What was read of the folders of some entries. `None` within: the file is gone.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    pub cards: HashMap<RegistrationNumber, Option<Card>>,
    pub records: HashMap<RegistrationNumber, Option<Record>>,
}

#[derive(Default)]
struct Heap {
    entries: Vec<(Entry, String)>,
    /// Whose files are to be read.
    pieces: Vec<RegistrationNumber>,
    ahead: Ahead,
}

impl Heap {
    /// With what stands in the folders of its pieces.
    fn read(mut self, originals: &Originals) -> Self {
        let share = self.pieces.len().div_ceil(READERS).max(1);
        let read = std::thread::scope(|scope| {
            let readers: Vec<_> =
                self.pieces.chunks(share).map(|share| scope.spawn(move || read(originals, share))).collect();
            // What a reader that was cut off left is read by the fold.
            readers.into_iter().filter_map(|reader| reader.join().ok()).collect::<Vec<_>>()
        });
        for part in read {
            self.ahead.cards.extend(part.cards);
            self.ahead.records.extend(part.records);
        }
        self
    }
}

/// [`journal::walk`], with the files of the entries after `applied` read ahead: `bring` gets those of the next entries,
/// then `each` gets the entries.
pub(super) fn walk<T>(
    dir: &Path,
    applied: u64,
    originals: &Originals,
    state: &mut T,
    bring: &mut dyn FnMut(&mut T, Ahead) -> Result<(), StoreError>,
    each: &mut dyn FnMut(&mut T, Entry, &str) -> Result<(), StoreError>,
) -> Result<End, StoreError> {
    let (sender, receiver) = sync_channel::<Heap>(HEAPS_MAX);
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let mut heap = Heap::default();
            // Nobody takes it any more: the fold has failed, and tells why.
            let gone = || StoreError::Stopped { path: dir.to_owned() };
            let end = journal::walk(dir, applied.max(1), &mut |entry, line| {
                if entry.seq > applied {
                    heap.pieces.extend(piece_of(&entry.what));
                }
                heap.entries.push((entry, line.to_owned()));
                if heap.entries.len() >= HEAP_ENTRIES {
                    sender.send(std::mem::take(&mut heap).read(originals)).map_err(|_| gone())?;
                }
                Ok(())
            })?;
            sender.send(heap.read(originals)).map_err(|_| gone())?;
            Ok(end)
        });
        let folded = (|| {
            for heap in receiver {
                bring(state, heap.ahead)?;
                for (entry, line) in heap.entries {
                    each(state, entry, &line)?;
                }
            }
            Ok(())
        })();
        let ended = reading.join().unwrap_or_else(|_| Err(StoreError::Stopped { path: dir.to_owned() }));
        folded.and(ended)
    })
}

/// The piece whose card and record the fold asks for at this entry.
fn piece_of(what: &Event) -> Option<RegistrationNumber> {
    match what {
        Event::Opened { record, .. }
        | Event::Joined { record, .. }
        | Event::CameBack { record, .. }
        | Event::SetAside { record, .. }
        | Event::TakenBack { record, .. } => Some(*record),
        _ => None,
    }
}

fn read(originals: &Originals, numbers: &[RegistrationNumber]) -> Ahead {
    let mut ahead = Ahead::default();
    for number in numbers {
        if let Ok(card) = originals.read_json(*number, CARD) {
            ahead.cards.insert(*number, card);
        }
        if let Ok(record) = originals.read_json(*number, RECORD) {
            ahead.records.insert(*number, record);
        }
    }
    ahead
}
