//! Which workers run now, for whoever watches their memory. Invariant: a worker stands in the list as long as it lives.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The process ids of the workers; a clone is the same list.
#[derive(Clone, Debug, Default)]
pub struct Running {
    pids: Arc<Mutex<BTreeSet<u32>>>,
}

/// Takes a worker off the list when it is dropped, with the worker.
#[derive(Debug)]
pub(super) struct Listed {
    running: Running,
    pid: u32,
}

impl Running {
    pub fn pids(&self) -> Vec<u32> {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    pub(super) fn list(&self, pid: u32) -> Listed {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).insert(pid);
        Listed { running: self.clone(), pid }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.running.pids.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.pid);
    }
}
