//! Starts the hand-over to the zaaksysteem beside the other parts of the daemon, and counts what becomes of it. What is wrong
//! with it is no ailment of the house: post is taken in and answered without it.

use super::parts::DaemonError;
use super::stop::Stop;
use crate::config::Config;
use crate::handover::{self, Handover, HandoverError, Progress, Room, Step};
use crate::metrics::{Metrics, family};
use crate::review::Health;
use crate::store::Store;
use jiff::SignedDuration;
use std::sync::Arc;
use tokio::task::JoinSet;
use tracing::info;

/// Hands over until the daemon stops; `None`: there is no zaaksysteem.
pub(super) async fn start(
    config: &Config,
    store: &Arc<Store>,
    health: &Health,
    stop: &Stop,
    tasks: &mut JoinSet<()>,
) -> Result<Option<Arc<Room>>, DaemonError> {
    let rehearsal = !config.answers.send;
    if rehearsal {
        // Also without a zaaksysteem: one that comes later is not given what was decided for practice.
        handover::rehearsal_begins(&config.store).map_err(HandoverError::from)?;
    }
    let Some(settings) = config.zaaksysteem.clone() else { return Ok(None) };
    let dir = config.store.to_path_buf();
    let decisions = settings.decisions.clone();
    let open = move || Room::open(handover::dir(&dir), decisions);
    let room = tokio::task::spawn_blocking(open).await?.map_err(HandoverError::from)?;
    let room = Arc::new(room);
    if rehearsal {
        info!("rehearsal: no case is handed over");
        return Ok(Some(room));
    }
    let undo = SignedDuration::from_mins(i64::from(config.desk.undo_minutes));
    let (of, store, office) = (Arc::clone(&room), Arc::clone(store), config.office.name.clone());
    let dir = config.store.to_path_buf();
    let handover =
        tokio::task::spawn_blocking(move || Handover::new(&settings, &office, undo, store, of, &dir))
            .await??;
    let (metrics, stop, of) = (health.metrics().clone(), stop.clone(), Arc::clone(&room));
    tasks.spawn(async move {
        let told = |progress: Progress| count(&metrics, &of, progress);
        stop.ends(handover.run(told)).await;
    });
    Ok(Some(room))
}

fn count(metrics: &Metrics, room: &Room, progress: Progress) {
    metrics.set_count(&family::ZAAKSYSTEEM_UP, &[], u64::from(!progress.hindered));
    metrics.add(&family::HANDOVERS, &["handed"], progress.handed);
    metrics.add(&family::HANDOVERS, &["refused"], progress.refused);
    metrics.add(&family::HANDOVERS, &["hindered"], u64::from(progress.hindered));
    let open = room.all_open();
    let many = |wanted: fn(&Step) -> bool| open.iter().filter(|note| wanted(&note.step)).count() as u64;
    for (state, many) in [
        ("waiting", many(|step| *step == Step::Waiting)),
        ("refused", many(|step| matches!(step, Step::Refused { .. }))),
        ("changed", many(|step| matches!(step, Step::Changed { .. }))),
    ] {
        metrics.set_count(&family::HANDOVER_CASES, &[state], many);
    }
}
