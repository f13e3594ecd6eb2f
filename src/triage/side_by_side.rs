//! Work shared among as many threads as there are cores, and no more: what is allocated on more of them than the process has
//! heaps (`command/memory.rs`) waits for the lock of a heap a quarter of its time.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// One piece of it.
pub type Work<'a, T> = Box<dyn FnOnce() -> T + Send + 'a>;

/// What each piece made, in their order. They are begun in that order: the longest should come first. Where no thread can be
/// had, this one does all of it; a panic in one of them is ours.
pub fn side_by_side<'a, T: Send>(work: Vec<Work<'a, T>>) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(work.len());
    let waiting = Mutex::new(work.into_iter().enumerate());
    let take = || {
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
        std::iter::from_fn(next).map(|(at, work)| (at, work())).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let helpers: Vec<_> =
            (1..threads).filter_map(|_| thread::Builder::new().spawn_scoped(scope, take).ok()).collect();
        let mut made = take();
        for helper in helpers {
            made.extend(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        made.sort_unstable_by_key(|(at, _)| *at);
        made.into_iter().map(|(_, one)| one).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_comes_in_the_order_of_the_work() {
        let made = side_by_side((0..100).map(|n| Box::new(move || n * n) as Work<'_, i32>).collect());
        assert_eq!(made, (0..100).map(|n| n * n).collect::<Vec<_>>());
        assert!(side_by_side::<i32>(Vec::new()).is_empty());
    }

    #[test]
    #[should_panic = "in a piece of work"]
    fn a_panic_is_ours() {
        let work = (0..8).map(|n| Box::new(move || assert!(n != 5, "in a piece of work")) as Work<'_, ()>);
        side_by_side(work.collect());
    }
}
