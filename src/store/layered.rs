//! Changes gathered in memory before they go to sled ([`Base`]), many at a time: sled writes and waits for the disk with each
//! batch, and a case changes several times within a minute.
//!
//! A thread of its own pours them, so that nobody waits for sled but who is far ahead of it.
//!
//! Invariants: what was written is read back at once, wherever it stands; sled gets the changes of whole entries, in
//! order, so that it is always at one entry of the journal. What a stop leaves here is folded from the journal again.

use super::StoreError;
use super::base::Base;
use super::rows::{CLOSE_TIME_MAX, Changes, Rows, Visit, each_of_layers, some_of};
use super::run::{Layer, Span};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

/// Changes held before they are poured into sled: some 20 pieces. What is made and removed again meanwhile never comes
/// there; sled keeps every page that a batch has changed, in each of its states, until the batch ends (10,000 changes: 45 MB,
/// 2,000: 7 MB more than these, at the same rate).
const HELD_CHANGES_MAX: usize = 600;

/// Changes that may wait before who writes waits too.
const WAITING_CHANGES_MAX: usize = 40_000;

#[derive(Debug)]
pub(super) struct Layered {
    shared: Arc<Shared>,
    pouring: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    held: RwLock<Held>,
    wanted: Mutex<Wanted>,
    turn: Condvar,
    base: Base,
}

#[derive(Debug, Default)]
struct Held {
    fresh: Changes,
    /// On its way into sled.
    going: Arc<Changes>,
}

#[derive(Debug, Default)]
struct Wanted {
    pour: bool,
    end: bool,
}

impl Layered {
    pub fn over(base: Base) -> Self {
        let shared = Arc::new(Shared {
            held: RwLock::default(),
            wanted: Mutex::default(),
            turn: Condvar::new(),
            base,
        });
        let of_thread = Arc::clone(&shared);
        let thread =
            std::thread::Builder::new().name("index".to_owned()).spawn(move || of_thread.keep_pouring());
        // Without the thread, who writes pours.
        Self { shared, pouring: thread.ok() }
    }
}

impl Shared {
    fn keep_pouring(&self) {
        loop {
            let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            while !wanted.pour && !wanted.end {
                wanted = self.turn.wait(wanted).unwrap_or_else(PoisonError::into_inner);
            }
            let end = wanted.end;
            wanted.pour = false;
            drop(wanted);
            // sled 0.34 has open reports of panics.
            let poured = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.pour()));
            if !matches!(poured, Ok(Ok(()))) {
                self.base.fail();
            }
            self.turn.notify_all();
            if end || self.base.failed() {
                return;
            }
        }
    }

    /// Writes to sled what is held.
    fn pour(&self) -> Result<(), StoreError> {
        let going = {
            let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
            if held.going.is_empty() {
                held.going = Arc::new(std::mem::take(&mut held.fresh));
            }
            Arc::clone(&held.going)
        };
        if !going.is_empty() {
            self.base.apply(&going)?;
            self.held.write().unwrap_or_else(PoisonError::into_inner).going = Arc::default();
        }
        Ok(())
    }

    /// Waits until the thread has room again.
    fn wait_for_room(&self) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.pour = true;
        self.turn.notify_all();
        while self.held.read().unwrap_or_else(PoisonError::into_inner).fresh.len() >= WAITING_CHANGES_MAX
            && !self.base.failed()
        {
            wanted = self.turn.wait(wanted).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next rows between two keys of each layer, from one look at all of them, the oldest first.
    fn some(&self, span: &Span, reverse: bool, rows: usize) -> Result<Vec<Layer>, StoreError> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = self.base.layers(span, reverse, rows)?;
        found.extend([&*held.going, &held.fresh].map(|layer| some_of(layer, span, reverse, rows)));
        Ok(found)
    }
}

impl Rows for Layered {
    fn failed(&self) -> bool {
        self.shared.base.failed()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        {
            let held = self.shared.held.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(value) = held.fresh.get(key).or_else(|| held.going.get(key)) {
                return Ok(value.clone());
            }
        }
        // What was poured in between stands in sled by now.
        self.shared.base.get(key)
    }

    fn write(&self, changes: Changes) -> Result<(), StoreError> {
        if self.failed() {
            return Err(self.shared.base.not_ours("it could not be written"));
        }
        let waiting = {
            let mut held = self.shared.held.write().unwrap_or_else(PoisonError::into_inner);
            held.fresh.extend(changes);
            held.fresh.len()
        };
        if waiting >= HELD_CHANGES_MAX && self.pouring.is_none() {
            return self.shared.pour();
        }
        if waiting >= WAITING_CHANGES_MAX {
            self.shared.wait_for_room();
        } else if waiting >= HELD_CHANGES_MAX {
            self.shared.wanted.lock().unwrap_or_else(PoisonError::into_inner).pour = true;
            self.shared.turn.notify_all();
        }
        Ok(())
    }

    fn each(
        &self,
        prefix: &[u8],
        from: Option<&[u8]>,
        reverse: bool,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let some = |span: &Span, rows| self.shared.some(span, reverse, rows);
        each_of_layers((prefix, from), reverse, &some, visit)
    }
}

impl Drop for Layered {
    /// A clean stop leaves nothing to fold again; what cannot be written is folded again.
    fn drop(&mut self) {
        self.shared.wanted.lock().unwrap_or_else(PoisonError::into_inner).end = true;
        self.shared.turn.notify_all();
        // sled may hang on a broken disk: that keeps nothing from stopping.
        let until = std::time::Instant::now() + CLOSE_TIME_MAX;
        let ended = self.pouring.take().is_none_or(|thread| {
            while !thread.is_finished() && std::time::Instant::now() < until {
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            thread.is_finished() && thread.join().is_ok()
        });
        // Twice: what was on its way goes before what is fresh.
        if !ended
            || self.shared.base.failed()
            || self.shared.pour().and_then(|()| self.shared.pour()).is_err()
        {
            tracing::warn!("the index could not be closed well; the next start folds the rest again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::{Memory, Seals};
    use super::*;

    /// Both layers and sled hold part of the keys; some are removed above and stand below.
    #[test]
    fn layers_read_as_one() {
        let dir = tempfile::tempdir().unwrap();
        let layered = Layered::over(Base::open(&dir.path().join("index"), Seals::default()).unwrap());
        let memory = Memory::default();
        let key = |i: u32| [&[b'a' + (i % 3) as u8][..], &i.to_be_bytes()].concat();
        let both: [&dyn Rows; 2] = [&layered, &memory];
        let put = |range: std::ops::Range<u32>, step: usize, value: Option<u32>| {
            let changes: Changes = range
                .step_by(step)
                .map(|i| (key(i), value.map(|value| (value + i).to_be_bytes().to_vec())))
                .collect();
            both.iter().for_each(|rows| rows.write(changes.clone()).unwrap());
        };
        put(0..1500, 1, Some(1));
        layered.shared.pour().unwrap();
        layered.shared.base.merge_now();
        put(0..1500, 13, None);
        put(100..1600, 17, Some(4));
        layered.shared.pour().unwrap();
        put(0..1500, 7, None);
        put(1000..1900, 3, Some(5));
        {
            // As while it is being poured.
            let mut held = layered.shared.held.write().unwrap();
            held.going = Arc::new(std::mem::take(&mut held.fresh));
        }
        put(300..900, 5, Some(9));
        put(300..900, 11, None);
        let collect = |rows: &dyn Rows, prefix: &[u8], from: Option<&[u8]>, reverse: bool| {
            let mut found = Vec::new();
            rows.each(prefix, from, reverse, &mut |key, value| {
                found.push((key.to_vec(), value.to_vec()));
                Ok(true)
            })
            .unwrap();
            found
        };
        let from = key(301);
        for i in 0..2000 {
            assert_eq!(layered.get(&key(i)).unwrap(), memory.get(&key(i)).unwrap(), "{i}");
        }
        for (prefix, start) in [(&b"b"[..], None), (b"", None), (b"b", Some(&from[..])), (b"q", None)] {
            for reverse in [false, true] {
                assert_eq!(
                    collect(&layered, prefix, start, reverse),
                    collect(&memory, prefix, start, reverse)
                );
            }
        }
        let before = collect(&layered, b"", None, false);
        drop(layered);
        let again = Layered::over(Base::open(&dir.path().join("index"), Seals::default()).unwrap());
        assert_eq!(collect(&again, b"", None, false), before);
        again.shared.base.merge_now();
        assert_eq!(collect(&again, b"", None, false), before);
        drop(again);
        let again = Layered::over(Base::open(&dir.path().join("index"), Seals::default()).unwrap());
        assert_eq!(collect(&again, b"", None, true).len(), before.len());
        assert_eq!(std::fs::read_dir(dir.path().join("index")).unwrap().count(), 2, "one run, one sled");
    }
}
