//! The store (ISO 15489 records system): originals, journal and index behind one function per state change.

mod error;
mod types;
mod verify;

pub use error::StoreError;
pub use types::{
    AsidePage, AsideRow, CaseFilter, CasePage, FOLLOW_UP_QUEUE, Opening, Outcome, QueueCount, Registered,
};
pub use verify::{AnswerCounts, Exception, VerifyReport};

use crate::record::{
    Arrival, CaseNumber, CaseRow, Decision, Extract, HistoryLine, Judgement, OutboxEntry, Record,
    RegistrationNumber,
};
use jiff::Timestamp;
use std::path::Path;

/// The office's store. Share it with `Arc`; every function blocks (call from `spawn_blocking`) and takes `&self`.
#[derive(Debug)]
pub struct Store {}

#[allow(
    unused_variables,
    clippy::missing_errors_doc,
    clippy::needless_pass_by_value,
    reason = "heads; bodies land next"
)]
impl Store {
    /// Opens for writing; mends what a crash left. One process at a time.
    pub fn open(dir: &Path) -> Result<Store, StoreError> {
        Err(StoreError::ReadOnly)
    }
    /// Opens beside a running daemon: an index in memory, built from journal and folders as they are now.
    pub fn open_read_only(dir: &Path) -> Result<Store, StoreError> {
        Err(StoreError::ReadOnly)
    }
    /// What opening found and mended.
    pub fn opening(&self) -> Opening {
        Opening::default()
    }
    /// Durable on return; one group commit. The order is that of the arrivals.
    pub fn register(&self, arrivals: &[Arrival], now: Timestamp) -> Result<Vec<Registered>, StoreError> {
        Err(StoreError::ReadOnly)
    }
    pub fn record(&self, number: RegistrationNumber) -> Result<Record, StoreError> {
        Err(StoreError::ReadOnly)
    }
    pub fn original(&self, number: RegistrationNumber) -> Result<Vec<u8>, StoreError> {
        Err(StoreError::ReadOnly)
    }
    /// `None`: not read yet.
    pub fn extract(&self, number: RegistrationNumber) -> Result<Option<Extract>, StoreError> {
        Err(StoreError::ReadOnly)
    }
    /// `None`: not judged yet.
    pub fn judgement(&self, number: RegistrationNumber) -> Result<Option<Judgement>, StoreError> {
        Err(StoreError::ReadOnly)
    }
    /// The bytes of the answer (`answer.eml` or `answer.pdf`) that was made for this record.
    pub fn answer(&self, number: RegistrationNumber) -> Result<Option<Vec<u8>>, StoreError> {
        Err(StoreError::ReadOnly)
    }
    /// Registered, not yet judged; oldest first: the work of a restart.
    pub fn unfinished(&self) -> Result<Vec<RegistrationNumber>, StoreError> {
        Err(StoreError::ReadOnly)
    }
    pub fn keep_extract(
        &self,
        number: RegistrationNumber,
        extract: &Extract,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly)
    }
    /// Given once in this run; durable, and never given again, from the commit that uses it.
    pub fn next_case_number(&self, year: u16) -> CaseNumber {
        CaseNumber::new(year, 0)
    }
    pub fn commit(
        &self,
        number: RegistrationNumber,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly)
    }
    /// Answers to send now, longest waiting first. What is given here is durable.
    pub fn due_answers(&self, now: Timestamp, max: usize) -> Result<Vec<OutboxEntry>, StoreError> {
        Err(StoreError::ReadOnly)
    }
    /// Call before each attempt: counts it, and proves that the store can still write.
    pub fn answer_attempted(&self, case: CaseNumber, now: Timestamp) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly)
    }
    pub fn answer_sent(&self, case: CaseNumber, now: Timestamp) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly)
    }
    pub fn answer_deferred(
        &self,
        case: CaseNumber,
        next: Timestamp,
        reply: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly)
    }
    pub fn answer_failed(&self, case: CaseNumber, reply: &str, now: Timestamp) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly)
    }
    /// A person lets a held or failed answer go out.
    pub fn release_answer(&self, case: CaseNumber, by: &str, now: Timestamp) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly)
    }
    pub fn withhold_answer(
        &self,
        case: CaseNumber,
        by: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly)
    }
    /// Answers that went out or were given to the outbox since then, in all or to one address.
    pub fn answers_since(&self, address: Option<&str>, since: Timestamp) -> Result<u32, StoreError> {
        Err(StoreError::ReadOnly)
    }
    /// The case of a message, theirs or ours, by its Message-ID without angle brackets.
    pub fn case_of_msg_id(&self, msg_id: &str) -> Result<Option<CaseNumber>, StoreError> {
        Err(StoreError::ReadOnly)
    }
    pub fn cases(&self, filter: &CaseFilter) -> Result<CasePage, StoreError> {
        Err(StoreError::ReadOnly)
    }
    pub fn case(&self, number: CaseNumber) -> Result<Option<CaseRow>, StoreError> {
        Err(StoreError::ReadOnly)
    }
    /// Oldest first.
    pub fn history(&self, number: CaseNumber) -> Result<Vec<HistoryLine>, StoreError> {
        Err(StoreError::ReadOnly)
    }
    pub fn queue_counts(&self) -> Result<Vec<QueueCount>, StoreError> {
        Err(StoreError::ReadOnly)
    }
    pub fn aside(&self, offset: usize, limit: usize) -> Result<AsidePage, StoreError> {
        Err(StoreError::ReadOnly)
    }
    /// `decision.at` is replaced by `now`. Returns the row as it is then.
    pub fn decide(
        &self,
        number: CaseNumber,
        expected_revision: Option<u64>,
        decision: Decision,
        now: Timestamp,
    ) -> Result<CaseRow, StoreError> {
        Err(StoreError::ReadOnly)
    }
    /// `None` gives the case back to all.
    pub fn assign(
        &self,
        number: CaseNumber,
        expected_revision: Option<u64>,
        by: &str,
        assignee: Option<&str>,
        now: Timestamp,
    ) -> Result<CaseRow, StoreError> {
        Err(StoreError::ReadOnly)
    }
    pub fn note(
        &self,
        number: CaseNumber,
        by: &str,
        text: &str,
        now: Timestamp,
    ) -> Result<CaseRow, StoreError> {
        Err(StoreError::ReadOnly)
    }
    pub fn verify(&self, now: Timestamp) -> Result<VerifyReport, StoreError> {
        Err(StoreError::ReadOnly)
    }
}
