//! When a folder is looked at: regularly, and after a look that failed when the growing pause is over.

use super::SourceError;
use crate::pause::{self, Pause};
use std::time::Duration;
use tokio::time::Instant;

/// The rhythm of one source.
#[derive(Debug)]
pub(super) struct Rhythm {
    every: Duration,
    pause: Pause,
    /// Kept, so that a wait that is dropped does not begin anew.
    look_at: Option<Instant>,
}

impl Rhythm {
    pub(super) fn every(seconds: u64) -> Self {
        Self { every: Duration::from_secs(seconds.max(1)), pause: Pause::default(), look_at: None }
    }

    /// A look was had.
    pub(super) fn looked<T>(&mut self, looked: &Result<T, SourceError>) {
        match looked {
            Ok(_) => self.pause.worked(),
            Err(_) => self.pause.failed(Instant::now(), true, Duration::ZERO),
        }
    }

    /// Returns when it is time for the next one, or, but for a pause, when there is a call for it.
    pub(super) async fn wait(&mut self, called: impl Future<Output = ()>) {
        if !self.pause.keep().await {
            let look_at = *self.look_at.get_or_insert_with(|| pause::next_look(self.every));
            tokio::select! {
                () = tokio::time::sleep_until(look_at) => {}
                () = called => {}
            }
            self.look_at = None;
        }
    }
}
