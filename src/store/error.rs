//! What can go wrong in the store: the machine's faults, each naming its object and keeping its cause.
//!
//! A variant exists where a caller branches: [`StoreError::Changed`] is shown to the person at the desk,
//! [`StoreError::InUse`] ends a command with its own message, [`StoreError::is_full`] pauses the sources.

use crate::record::{CaseNumber, RegistrationNumber};
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has this store open for writing.
    #[error("{dir} is in use by another bode{}: use its desk, or stop it first", pid.map(|p| format!(" (process {p})")).unwrap_or_default())]
    InUse { dir: PathBuf, pid: Option<u32> },

    /// A file or directory of the store could not be read or written.
    #[error("cannot {doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },

    /// The journal does not hold together: a line was changed, removed or put in.
    #[error("journal {segment}, line {line}: {fault}")]
    Chain { segment: PathBuf, line: u64, fault: String },

    /// A file of a record is not what was written.
    #[error("{path} is damaged: {fault}")]
    Damaged { path: PathBuf, fault: String },

    /// The keys by which the store is sealed are not there, not right, or not safe where they lie.
    #[error("{fault}")]
    Key { fault: String },

    /// The index (sled) failed. It can be removed while the daemon is down; the next start builds it again.
    #[error(
        "the index in {path} failed ({fault}); stop the daemon and remove that folder: the next start builds it again"
    )]
    Index { path: PathBuf, fault: String },

    /// A sync failed earlier: what the disk holds is not known, so nothing more is written until a restart.
    #[error("the store stopped writing after a failed sync of {path}: mend the disk and start again")]
    Stopped { path: PathBuf },

    /// Opened for reading beside a running daemon.
    #[error("this store was opened for reading only: the daemon that holds it can be asked through its desk")]
    ReadOnly,

    #[error("there is no record {0}")]
    UnknownRecord(RegistrationNumber),

    #[error("there is no case {0}")]
    UnknownCase(CaseNumber),

    /// Somebody else changed the case after it was shown.
    #[error("case {case} was changed meanwhile (revision {found}, shown was {expected})")]
    Changed { case: CaseNumber, expected: u64, found: u64 },

    /// The change does not fit the state: judged twice, a case number used twice, an answer that is not held.
    #[error("{object}: {why}")]
    State { object: String, why: &'static str },

    /// A text is longer than its bound.
    #[error("{what} is longer than {max} characters")]
    TooLong { what: &'static str, max: usize },
}

impl StoreError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.to_owned();
        move |source| StoreError::Io { doing, path, source }
    }

    pub(super) fn damaged(path: &Path, fault: &dyn std::fmt::Display) -> StoreError {
        StoreError::Damaged { path: path.to_owned(), fault: fault.to_string() }
    }

    /// No space, quota or file size left: taking in more makes no sense until somebody has made room.
    pub fn is_full(&self) -> bool {
        matches!(self, StoreError::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge))
    }
}
