//! Keeps the words of texts behind the journal, so that the desk finds cases by them; after a start of a store that has none yet,
//! for some minutes, beside the other work.

use super::stop::Stop;
use crate::explain::with_causes;
use crate::limits::{TEXT_ENTRIES_MAX, TEXT_LOOK_TIME, TEXT_RETRY_TIME};
use crate::metrics::family;
use crate::pause;
use crate::review::Health;
use crate::store::Store;
use std::sync::Arc;
use tokio::time::Instant;
use tracing::warn;

/// Takes in what is new until the daemon stops.
pub(super) async fn follow(store: Arc<Store>, health: Health, stop: Stop) {
    let (ending, left) = (stop.clone(), Arc::clone(&store));
    tokio::spawn(async move {
        ending.asked().await;
        left.leave_texts();
    });
    let mut next = Instant::now();
    let mut looked = false;
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = stop.asked() => break,
        }
        next = pause::next_look(TEXT_LOOK_TIME);
        // As most of the time: no thread is woken for it. The first look finds out whether what was kept is of this journal.
        if looked && store.texts_are_up() {
            continue;
        }
        looked = true;
        let at = Arc::clone(&store);
        match tokio::task::spawn_blocking(move || at.follow_texts(TEXT_ENTRIES_MAX)).await {
            Ok(Ok(behind)) => {
                health.metrics().set_count(&family::TEXTS_BEHIND, &[], behind);
                if behind > 0 {
                    next = Instant::now();
                }
            }
            Ok(Err(error)) => {
                warn!(error = %with_causes(&error), "texts could not be taken in for the search; it is tried again");
                next = Instant::now() + TEXT_RETRY_TIME;
            }
            Err(error) => warn!(%error, "taking in texts for the search was cut off; it is tried again"),
        }
    }
    if let Ok(Err(error)) = tokio::task::spawn_blocking(move || store.keep_texts()).await {
        warn!(error = %with_causes(&error), "the words of the newest texts were not kept; the next start reads them again");
    }
}
