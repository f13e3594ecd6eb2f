//! Starts the webhooks beside the other parts of the daemon, and counts what becomes of them.

use super::parts::DaemonError;
use super::stop::Stop;
use crate::config::Config;
use crate::review::Health;
use crate::store::Store;
use crate::webhooks::{Teller, Told};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Tells each webhook what happens to cases, until the daemon stops.
pub(super) async fn start(
    config: &Config,
    store: &Arc<Store>,
    health: &Health,
    stop: &Stop,
    tasks: &mut JoinSet<()>,
) -> Result<(), DaemonError> {
    for settings in config.webhooks.clone() {
        let (store, dir, name) = (Arc::clone(store), config.store.to_path_buf(), settings.name.clone());
        let teller = tokio::task::spawn_blocking(move || Teller::new(&settings, store, &dir)).await?;
        let teller = teller.map_err(|source| DaemonError::Webhook { name: name.clone(), source })?;
        let (health, stop) = (health.clone(), stop.clone());
        tasks.spawn(async move {
            let labels = format!("webhook=\"{name}\"");
            let told = |told: Told| {
                let behind = u32::try_from(told.behind).unwrap_or(u32::MAX);
                health.gauge(
                    "bode_webhook_behind",
                    "Events and entries that wait to be told.",
                    &labels,
                    behind.into(),
                );
                if !told.taken {
                    health.count("bode_webhook_failures_total", "Tries that were not taken.", &labels, 1);
                }
            };
            tokio::select! {
                () = teller.run(told) => {}
                () = stop.asked() => {}
            }
        });
    }
    Ok(())
}
