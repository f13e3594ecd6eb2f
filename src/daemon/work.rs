//! The bounded workers: each registered piece is taken up, in order, some side by side.

use super::{Event, Stop};
use crate::explain::with_causes;
use crate::intake::{Became, Entered, Intake, IntakeError};
use crate::limits::{DRAIN_TIME_MAX, RECONNECT_PAUSE_MAX};
use crate::record::RegistrationNumber;
use crate::review::Health;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, UnboundedSender};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tracing::{info, warn};

/// What the workers share.
#[derive(Clone)]
pub(super) struct Work {
    pub intake: Arc<Intake>,
    pub health: Health,
    pub events: UnboundedSender<Event>,
    /// Wakes the outbox.
    pub answer_due: Arc<Notify>,
    pub stop: Stop,
    /// Pieces side by side; more than reading processes, since a reply may wait for an earlier piece.
    pub side_by_side: usize,
}

impl Work {
    /// Takes up pieces until the end is asked for, then lets those in hand end within a bound.
    pub(super) async fn run(self, mut numbers: Receiver<RegistrationNumber>) {
        let places = Arc::new(Semaphore::new(self.side_by_side));
        let mut tasks = JoinSet::new();
        loop {
            let next = tokio::select! {
                () = self.stop.asked() => break,
                next = numbers.recv() => next,
            };
            let Some(number) = next else { break };
            let place = tokio::select! {
                () = self.stop.asked() => break,
                place = Arc::clone(&places).acquire_owned() => place,
            };
            let Ok(place) = place else { break };
            // Entered here, in the order of registration, so that a reply sees every earlier piece.
            let entered = self.intake.in_work.enter(number);
            let work = self.clone();
            tasks.spawn(async move {
                work.take_up(entered).await;
                drop(place);
            });
            while tasks.try_join_next().is_some() {}
        }
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN_TIME_MAX, all).await.is_err() {
            warn!(pieces = tasks.len(), "left for the next start");
        }
    }

    /// Until it is judged, or the end is asked for: a failing machine costs time, never a piece.
    async fn take_up(&self, entered: Entered) {
        let number = entered.number();
        let mut pause = Duration::from_secs(1);
        let mut entered = Some(entered);
        loop {
            let turn = entered.take().unwrap_or_else(|| self.intake.in_work.enter(number));
            match self.intake.take_up(turn).await {
                Ok(became) => return self.tell(number, became),
                Err(error) => {
                    let part = if matches!(error, IntakeError::Store(_)) { "store" } else { "reading" };
                    warn!(record = %number, error = %with_causes(&error), "not judged yet; will be tried again");
                    self.health.ill(part, &with_causes(&error));
                }
            }
            tokio::select! {
                () = self.stop.asked() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(RECONNECT_PAUSE_MAX);
        }
    }

    fn tell(&self, number: RegistrationNumber, became: Became) {
        match became {
            Became::Case(case) => info!(record = %number, case = %case, "judged: a new case"),
            Became::PartOf(case) => info!(record = %number, case = %case, "judged: part of a case"),
            Became::Aside => info!(record = %number, "judged: set aside"),
        }
        self.health.well("store");
        self.health.well("reading");
        self.answer_due.notify_one();
        let _ = self.events.send(Event::Judged(number, became)); // Nobody has to watch.
    }
}
