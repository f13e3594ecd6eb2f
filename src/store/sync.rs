//! Group commit: many callers ask, one of them syncs for all who asked before it began, the others wait.
//!
//! Invariant: who returns from [`GroupSync::reach`] without an error had its writes on disk. After one failed
//! sync nothing is known any more (the kernel may have dropped the pages), so every later wait fails too.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
pub(super) struct GroupSync {
    state: Mutex<State>,
    turn: Condvar,
}

#[derive(Debug, Default)]
struct State {
    asked: u64,
    done: u64,
    busy: bool,
    failed: bool,
}

/// A place in the row of those who wait for the disk. Taken after the writes it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

impl GroupSync {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Call after writing.
    pub fn ask(&self) -> Ticket {
        let mut state = self.state();
        state.asked += 1;
        Ticket(state.asked)
    }

    /// The last ticket given: reaching it means that all writes up to now are on disk.
    pub fn last(&self) -> Ticket {
        Ticket(self.state().asked)
    }

    pub fn failed(&self) -> bool {
        self.state().failed
    }

    /// Returns once a sync has ended that began after `ticket` was given. `sync` is called by one caller at a time.
    pub fn reach(&self, ticket: Ticket, sync: impl Fn() -> io::Result<()>) -> io::Result<()> {
        let mut state = self.state();
        loop {
            if state.done >= ticket.0 {
                return Ok(());
            }
            if state.failed {
                return Err(io::Error::other("an earlier sync failed"));
            }
            if state.busy {
                state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.busy = true;
            let upto = state.asked;
            drop(state);
            let outcome = sync();
            state = self.state();
            state.busy = false;
            match outcome {
                Ok(()) => state.done = upto,
                Err(error) => {
                    state.failed = true;
                    self.turn.notify_all();
                    return Err(error);
                }
            }
            self.turn.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn many_share_one_sync() {
        let group = GroupSync::default();
        let syncs = AtomicU32::new(0);
        let tickets: Vec<_> = (0..20).map(|_| group.ask()).collect();
        let (group, syncs) = (&group, &syncs);
        std::thread::scope(|scope| {
            for ticket in tickets {
                scope.spawn(move || {
                    group.reach(ticket, || {
                        syncs.fetch_add(1, Ordering::Relaxed);
                        Ok(())
                    })
                });
            }
        });
        assert_eq!(syncs.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn after_a_failure_nobody_is_told_that_it_is_safe() {
        let group = GroupSync::default();
        let early = group.ask();
        assert!(group.reach(early, || Ok(())).is_ok());
        let ticket = group.ask();
        assert!(group.reach(ticket, || Err(io::Error::other("disk gone"))).is_err());
        assert!(group.reach(ticket, || Ok(())).is_err());
        assert!(group.reach(early, || Ok(())).is_ok(), "what was on disk before still is");
        assert!(group.failed());
    }
}
