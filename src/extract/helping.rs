//! Idle workers help with the pages of a long scan: one worker reads it from its first page on, others from its last.
//!
//! The worker that reads the document asks before each page whether another one did it, and keeps every page in its
//! place; so what is read does not depend on who was free. Invariants: help is only ever help: a page that a helper
//! does not bring, whatever the reason, is read by the worker of the document, which alone answers for it; a helper
//! takes the place of a piece and never stands before one that waits.

use super::frame::{Ask, Leaf, Task};
use super::gathered::Cause;
use super::pool::Reader;
use crate::limits::PIECE_BYTES_MAX;
use crate::metrics::family;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The pages of the document that one worker is reading.
#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    document: Option<usize>,
    bytes: Option<Arc<Vec<u8>>>,
    /// The page that the document's own worker has come to.
    own: u32,
    /// The last page that nobody has taken; 0 when there is nothing to help with.
    last: u32,
    /// Taken by helpers, and brought by them.
    taken: BTreeSet<u32>,
    /// Helpers at work.
    helpers: u32,
    brought: BTreeMap<u32, Leaf>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker begins this document, or goes on with it behind a page that cost the last worker its life.
    pub fn document_begins(&self, index: usize) {
        let mut state = self.state();
        if state.document != Some(index) {
            *state = State { document: Some(index), ..State::default() };
        }
    }

    /// The document has `of` pages, and those after `page` are for whoever is free.
    pub fn open(&self, page: u32, of: u32, bytes: Vec<u8>) {
        let mut state = self.state();
        if state.bytes.is_none() && bytes.len() as u64 <= PIECE_BYTES_MAX {
            state.bytes = Some(Arc::new(bytes));
            state.own = page;
            // Of a document that costs workers, some pages may be there already.
            if state.last == 0 {
                state.last = of;
            }
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// The document's worker has come to this page: what a helper brought of it; `None` when it is to read it itself.
    pub async fn page(&self, page: u32) -> Option<Leaf> {
        loop {
            {
                let mut state = self.state();
                state.own = state.own.max(page);
                if let Some(leaf) = state.brought.remove(&page) {
                    return Some(leaf);
                }
                if !state.taken.contains(&page) {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }

    /// A helper takes the last page that nobody has taken.
    pub fn take(&self) -> Option<u32> {
        let mut state = self.state();
        if state.last <= state.own || state.bytes.is_none() {
            return None;
        }
        let page = state.last;
        state.last -= 1;
        state.taken.insert(page);
        Some(page)
    }

    /// A helper brings a page; false when it had not taken it.
    pub fn bring(&self, page: u32, leaf: Leaf) -> bool {
        let mut state = self.state();
        if !state.taken.remove(&page) {
            return false;
        }
        state.brought.insert(page, leaf);
        drop(state);
        self.changed.notify_waiters();
        true
    }

    /// A helper will not bring this page.
    fn leave(&self, page: Option<u32>) {
        {
            let mut state = self.state();
            state.helpers = state.helpers.saturating_sub(1);
            if let Some(page) = page {
                state.taken.remove(&page);
            }
        }
        self.changed.notify_waiters();
    }

    /// The piece is read: waits until its helpers have noticed.
    async fn idle(&self) {
        {
            let mut state = self.state();
            state.bytes = None;
        }
        while self.state().helpers > 0 {
            self.changed.notified().await;
        }
    }

    /// Helpers were ended: what they had taken does not come.
    fn forget_helpers(&self) {
        let mut state = self.state();
        state.taken.clear();
        state.helpers = 0;
    }

    /// Waits until there is a document to help with.
    async fn wanted(&self) -> Arc<Vec<u8>> {
        loop {
            {
                let state = self.state();
                if let (Some(bytes), true) = (&state.bytes, state.last > state.own) {
                    return Arc::clone(bytes);
                }
            }
            self.changed.notified().await;
        }
    }
}

/// Time for helpers to notice that a piece is read; who does not is ended.
const GOODBYE: Duration = Duration::from_secs(1);

impl Reader {
    /// Does something with a piece while others help with its documents.
    pub(super) async fn with_help<T>(
        &self,
        shared: &Shared,
        words: bool,
        end: Instant,
        doing: impl Future<Output = T>,
    ) -> T {
        // At most three help; on a machine of two cores it is one.
        let one = async |number: usize| {
            if number < self.options.workers {
                self.help(shared, words, end).await
            } else {
                std::future::pending().await
            }
        };
        let helpers = async { tokio::join!(one(1), one(2), one(3)).0 };
        tokio::pin!(helpers);
        let done = tokio::select! {
            done = doing => done,
            never = &mut helpers => match never {},
        };
        let idle = tokio::time::timeout(GOODBYE, shared.idle());
        tokio::select! {
            _ = idle => {}
            never = &mut helpers => match never {},
        }
        shared.forget_helpers();
        done
    }

    /// Helps with the documents of one piece, one after the other, as long as it is polled.
    async fn help(&self, shared: &Shared, words: bool, end: Instant) -> std::convert::Infallible {
        loop {
            let bytes = shared.wanted().await;
            let Ok(permit) = self.permits.acquire().await else { return std::future::pending().await };
            // While it waited its turn, the others may have finished.
            let Some(first) = shared.take() else { continue };
            shared.state().helpers += 1;
            let ask = Ask {
                name: String::new(),
                channel: None,
                languages: self.options.languages.clone(),
                task: Task::Pages { words, first },
            };
            let mut taken = Some(first);
            let helped = match self.idle_or_new().await {
                Ok(mut worker) => {
                    match worker.help(&ask, &bytes, shared, &mut taken, self.times, end).await {
                        Ok(()) => {
                            self.give_back(worker);
                            true
                        }
                        Err(error) => {
                            self.metrics.add(&family::WORKERS_LOST, &[Cause::of(&error).id()], 1);
                            tracing::warn!(kind = ?error.kind(), "a worker that helped was lost");
                            false
                        }
                    }
                }
                Err(_) => false,
            };
            shared.leave(taken);
            drop(permit);
            if !helped {
                // Whatever it was, the document's own worker meets it too, and answers for it.
                return std::future::pending().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(text: &str) -> Leaf {
        Leaf { text: text.to_owned(), ..Leaf::default() }
    }

    #[tokio::test]
    async fn pages_are_taken_from_both_ends_and_each_once() {
        let shared = Shared::default();
        shared.document_begins(0);
        assert_eq!(shared.take(), None);
        shared.open(1, 5, b"%PDF".to_vec());
        assert_eq!(shared.take(), Some(5));
        assert!(shared.page(2).await.is_none());
        assert_eq!(shared.take(), Some(4));
        assert!(shared.bring(5, leaf("vijf")) && !shared.bring(3, leaf("nooit genomen")));
        assert!(shared.page(3).await.is_none());
        assert_eq!(shared.take(), None);
        // Page 4 is with a helper that does not live to bring it.
        shared.leave(Some(4));
        assert!(shared.page(4).await.is_none());
        assert_eq!(shared.page(5).await.unwrap().text, "vijf");
    }

    #[tokio::test]
    async fn the_next_worker_of_a_document_finds_what_helpers_brought() {
        let shared = Shared::default();
        shared.document_begins(3);
        shared.open(1, 3, b"%PDF".to_vec());
        assert_eq!(shared.take(), Some(3));
        shared.bring(3, leaf("drie"));
        shared.document_begins(3);
        shared.open(2, 3, b"%PDF".to_vec());
        assert_eq!(shared.page(3).await.unwrap().text, "drie");
        shared.document_begins(4);
        assert!(shared.page(3).await.is_none());
    }
}
