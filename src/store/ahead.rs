//! Reading ahead of the fold: the journal's lines are parsed and the cards and records that they name are read on
//! another thread, so that building the index waits for no disk.
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

/// Entries handed over at one go, and how many such heaps may wait.
const HEAP_ENTRIES: usize = 256;
const HEAPS_MAX: usize = 8;

/// What was read of the folders of some entries. `None` within: the file is gone.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    pub cards: HashMap<RegistrationNumber, Option<Card>>,
    pub records: HashMap<RegistrationNumber, Option<Record>>,
}

#[derive(Default)]
struct Heap {
    entries: Vec<(Entry, String)>,
    ahead: Ahead,
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
                    read(originals, &entry.what, &mut heap.ahead);
                }
                heap.entries.push((entry, line.to_owned()));
                if heap.entries.len() >= HEAP_ENTRIES {
                    sender.send(std::mem::take(&mut heap)).map_err(|_| gone())?;
                }
                Ok(())
            })?;
            sender.send(heap).map_err(|_| gone())?;
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

fn read(originals: &Originals, what: &Event, ahead: &mut Ahead) {
    let number = match what {
        Event::Opened { record, .. }
        | Event::Joined { record, .. }
        | Event::CameBack { record, .. }
        | Event::SetAside { record, .. }
        | Event::TakenBack { record, .. } => *record,
        _ => return,
    };
    if let Ok(card) = originals.read_json(number, CARD) {
        ahead.cards.insert(number, card);
    }
    if let Ok(record) = originals.read_json(number, RECORD) {
        ahead.records.insert(number, record);
    }
}
