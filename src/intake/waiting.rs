//! Who must wait for whom, where pieces are taken up side by side.
//!
//! Invariants: a piece waits only for pieces with a smaller number, so waiting always ends; two pieces that name the
//! same message are committed one after the other, so that the second finds the case of the first; pieces of one sender
//! are committed in the order of their arrival.

use crate::record::RegistrationNumber;
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The pieces that are being read or judged.
#[derive(Debug, Default)]
pub struct InWork {
    /// With the mark of its sender, where a message has one.
    numbers: Mutex<BTreeMap<RegistrationNumber, Option<SenderMark>>>,
    left: Notify,
}

/// Keeps a piece in work until it is dropped.
#[derive(Debug)]
pub struct Entered {
    in_work: Arc<InWork>,
    number: RegistrationNumber,
}

/// By which messages of one sender are told before they are read: a digest of the address as it stands in the header.
/// It decides nothing but who waits for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderMark(u64);

/// Bytes of a message in which its From field is looked for.
pub const SENDER_BYTES_MAX: usize = 64 * 1024;

impl SenderMark {
    /// `None`: there is no From field at the beginning of these bytes.
    pub fn of(message: &[u8]) -> Option<Self> {
        let head = message.get(..SENDER_BYTES_MAX).unwrap_or(message);
        let mut lines = head.split(|byte| *byte == b'\n');
        let line = lines
            .by_ref()
            .take_while(|line| !line.trim_ascii().is_empty())
            .find(|line| line.get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"from:")))?;
        let mut value = line[5..].to_vec();
        for more in lines.take_while(|line| matches!(line.first(), Some(b' ' | b'\t'))) {
            value.extend_from_slice(more);
        }
        let address = match value.iter().rposition(|byte| *byte == b'<') {
            Some(begin) => &value[begin + 1..],
            None => &value[..],
        };
        let address = address.split(|byte| *byte == b'>').next().unwrap_or_default();
        let mut hasher = DefaultHasher::new();
        address.trim_ascii().to_ascii_lowercase().hash(&mut hasher);
        Some(Self(hasher.finish()))
    }
}

impl InWork {
    /// The piece is in work from here to the drop of what is returned.
    pub fn enter(self: &Arc<Self>, number: RegistrationNumber, sender: Option<SenderMark>) -> Entered {
        lock(&self.numbers).insert(number, sender);
        Entered { in_work: Arc::clone(self), number }
    }

    /// Pieces in work.
    pub fn count(&self) -> usize {
        lock(&self.numbers).len()
    }

    /// Returns when no piece with a smaller number is in work.
    pub async fn earlier_done(&self, number: RegistrationNumber) {
        self.none_before(number, |_| true).await;
    }

    /// Returns when no piece of the same sender with a smaller number is in work.
    pub async fn earlier_of_sender_done(&self, number: RegistrationNumber) {
        let sender = lock(&self.numbers).get(&number).copied().flatten();
        if let Some(sender) = sender {
            self.none_before(number, |other| other == Some(sender)).await;
        }
    }

    async fn none_before(&self, number: RegistrationNumber, counts: impl Fn(Option<SenderMark>) -> bool) {
        loop {
            // Made before the look, so that a piece that leaves between the two is not missed.
            let left = self.left.notified();
            if !lock(&self.numbers).range(..number).any(|(_, sender)| counts(*sender)) {
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
        let first = in_work.enter(number(1), None);
        let _reply = in_work.enter(number(2), None);
        let _later = in_work.enter(number(3), None);
        let mut waiting = Box::pin(in_work.earlier_done(number(2)));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        drop(first);
        waiting.await;
    }

    #[tokio::test]
    async fn a_sender_is_served_in_order_and_nobody_waits_for_another() {
        let in_work = Arc::new(InWork::default());
        let number = |serial| RegistrationNumber::new(2026, serial);
        let from = |field: &str| SenderMark::of(format!("To: x@y.nl\r\n{field}\r\n\r\nFrom: q").as_bytes());
        let mark = from("From: Jan Voorbeeld <jan@example.org>");
        assert!(
            mark.is_some()
                && mark == from("FROM: \"<Jan>\"\r\n <JAN@example.org> ")
                && mark == from("From: jan@example.org")
        );
        assert_eq!(from("Subject: From: jan@example.org"), None);
        let first = in_work.enter(number(1), mark);
        let _other = in_work.enter(number(2), from("From: piet@example.org"));
        let _second = in_work.enter(number(3), mark);
        in_work.earlier_of_sender_done(number(2)).await;
        let mut waiting = Box::pin(in_work.earlier_of_sender_done(number(3)));
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
