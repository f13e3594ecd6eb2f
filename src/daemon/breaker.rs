//! Who is told that the breaker is open: `/healthz`, the metrics, and every page of the desk.
//!
//! Invariant: it is looked at after each judged piece, and at least every half minute, so that a quiet time also ends
//! when nothing comes in.

use super::Stop;
use crate::clock;
use crate::explain::with_causes;
use crate::intake::Intake;
use crate::review::Health;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tracing::warn;

const LOOK_TIME_MAX: Duration = Duration::from_secs(30);

/// Tells the health of the house until the end is asked for. `judged` is notified after each piece.
pub(super) async fn watch(intake: Arc<Intake>, health: Health, judged: Arc<Notify>, stop: Stop) {
    loop {
        let looked_at = Arc::clone(&intake);
        match tokio::task::spawn_blocking(move || looked_at.breaker_now(clock::now())).await {
            Ok(Ok(row)) => health.breaker(row),
            Ok(Err(error)) => warn!(error = %with_causes(&error), "the breaker could not be looked at"),
            Err(error) => warn!(error = %with_causes(&error), "the breaker could not be looked at"),
        }
        tokio::select! {
            () = stop.asked() => return,
            () = judged.notified() => {}
            () = tokio::time::sleep(LOOK_TIME_MAX) => {}
        }
    }
}
