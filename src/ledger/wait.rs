//! How long a piece may wait before that is an exception: only while a daemon runs that is well, and from when it was
//! started.

use crate::limits::WAIT_TIME_MAX;
use jiff::{SignedDuration, Timestamp};

/// Who takes in what waits.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    pub now: Timestamp,
    /// Since when a daemon runs that can read this source; `None`: none does, and waiting is no fault of a piece.
    pub well_since: Option<Timestamp>,
}

impl Watch {
    /// Should it have been taken by now?
    pub fn is_late(&self, since: Option<Timestamp>) -> bool {
        let Some(well_since) = self.well_since else { return false };
        let from = since.map_or(well_since, |since| since.max(well_since));
        self.now.duration_since(from) > longest()
    }

    /// The bound, in hours.
    pub fn hours(&self) -> i64 {
        longest().as_hours()
    }
}

fn longest() -> SignedDuration {
    SignedDuration::try_from(WAIT_TIME_MAX).unwrap_or(SignedDuration::MAX)
}
