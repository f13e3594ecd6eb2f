//! Starts the webhooks beside the other parts of the daemon, and counts what becomes of them.

use super::parts::DaemonError;
use super::stop::Stop;
use crate::config::Config;
use crate::metrics::family;
use crate::review::Health;
use crate::store::Store;
use crate::webhooks::{Teller, Told};
use std::sync::Arc;
use tokio::task::JoinSet;
use tracing::info;

/// Tells each webhook what happens to cases, until the daemon stops.
pub(super) async fn start(
    config: &Config,
    store: &Arc<Store>,
    health: &Health,
    stop: &Stop,
    tasks: &mut JoinSet<()>,
) -> Result<(), DaemonError> {
    if config.rehearsal.on && !config.webhooks.is_empty() {
        info!(webhooks = config.webhooks.len(), "rehearsal: no program is told");
        return Ok(());
    }
    for settings in config.webhooks.clone() {
        let (store, dir, name) = (Arc::clone(store), config.store.to_path_buf(), settings.name.clone());
        let teller = tokio::task::spawn_blocking(move || Teller::new(&settings, store, &dir)).await?;
        let teller = teller.map_err(|source| DaemonError::Webhook { name: name.clone(), source })?;
        let (health, stop) = (health.clone(), stop.clone());
        tasks.spawn(async move {
            let told = |told: Told| {
                health.metrics().set_count(&family::WEBHOOK_BEHIND, &[&name], told.behind);
                if !told.taken {
                    health.metrics().add(&family::WEBHOOK_FAILURES, &[&name], 1);
                }
            };
            stop.ends(teller.run(told)).await;
        });
    }
    Ok(())
}
