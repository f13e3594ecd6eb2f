//! Files of the post room that are no pieces yet: those that wait in the scan folder, and those that were refused.

use jiff::Timestamp;

/// A file that lies in the scan folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingScan {
    pub name: String,
    pub bytes: u64,
    /// When it was written.
    pub at: Timestamp,
    /// Why it stays there, in Dutch; `None`: it is taken in by itself.
    pub why: Option<String>,
}

/// A file that could not be taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedScan {
    pub name: String,
    pub bytes: u64,
    pub at: Timestamp,
    /// In Dutch: what is wrong and what to do.
    pub reason: String,
}
