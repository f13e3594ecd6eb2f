//! Who must wait for whom, where pieces are taken up side by side.
//!
//! Invariants: a piece waits only for pieces with a smaller number, so waiting always ends; two pieces that name the
//! same message are committed one after the other, so that the second finds the case of the first.

use crate::record::RegistrationNumber;
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The pieces that are being read or judged.
#[derive(Debug, Default)]
pub struct InWork {
    numbers: Mutex<BTreeSet<RegistrationNumber>>,
    left: Notify,
}

/// Keeps a piece in work until it is dropped.
#[derive(Debug)]
pub struct Entered {
    in_work: Arc<InWork>,
    number: RegistrationNumber,
}

impl InWork {
    /// The piece is in work from here to the drop of what is returned.
    pub fn enter(self: &Arc<Self>, number: RegistrationNumber) -> Entered {
        lock(&self.numbers).insert(number);
        Entered { in_work: Arc::clone(self), number }
    }

    /// Pieces in work.
    pub fn count(&self) -> usize {
        lock(&self.numbers).len()
    }

    /// Returns when no piece with a smaller number is in work.
    pub async fn earlier_done(&self, number: RegistrationNumber) {
        loop {
            // Made before the look, so that a piece that leaves between the two is not missed.
            let left = self.left.notified();
            if !lock(&self.numbers).iter().any(|other| *other < number) {
                return;
            }
            left.await;
        }
    }
}

impl Entered {
    pub fn number(&self) -> RegistrationNumber {
        self.number
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        lock(&self.in_work.numbers).remove(&self.number);
        self.in_work.left.notify_waiters();
    }
}

/// Message-IDs that a commit in progress names.
#[derive(Debug, Default)]
pub struct Claims {
    msg_ids: Mutex<HashSet<String>>,
    freed: Condvar,
}

/// Holds its message ids until it is dropped.
#[derive(Debug)]
pub struct Claim<'a> {
    claims: &'a Claims,
    msg_ids: Vec<String>,
}

impl Claims {
    /// Waits until nobody else holds one of these ids, then holds them all. Blocks; all are taken at once, so two
    /// claims cannot wait for each other.
    pub fn take(&self, msg_ids: Vec<String>) -> Claim<'_> {
        let mut held = lock(&self.msg_ids);
        while msg_ids.iter().any(|msg_id| held.contains(msg_id)) {
            held = self.freed.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        held.extend(msg_ids.iter().cloned());
        drop(held);
        Claim { claims: self, msg_ids }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut held = lock(&self.claims.msg_ids);
        for msg_id in &self.msg_ids {
            held.remove(msg_id);
        }
        drop(held);
        self.claims.freed.notify_all();
    }
}

/// A panic elsewhere does not make these sets wrong: each entry is put in and taken out by its own guard.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reply_waits_for_what_came_before_it_and_not_for_what_came_after() {
        let in_work = Arc::new(InWork::default());
        let number = |serial| RegistrationNumber::new(2026, serial);
        let first = in_work.enter(number(1));
        let _reply = in_work.enter(number(2));
        let _later = in_work.enter(number(3));
        let mut waiting = Box::pin(in_work.earlier_done(number(2)));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        drop(first);
        waiting.await;
    }

    #[test]
    fn two_pieces_that_name_one_message_are_committed_in_turn() {
        let claims = Arc::new(Claims::default());
        let first = claims.take(vec!["a".into(), "b".into()]);
        let other = Arc::clone(&claims);
        let second = std::thread::spawn(move || drop(other.take(vec!["b".into()])));
        drop(claims.take(vec!["c".into()]));
        assert!(!second.is_finished());
        drop(first);
        second.join().unwrap();
    }
}
