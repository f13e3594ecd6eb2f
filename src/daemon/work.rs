//! The bounded workers: each registered piece is taken up, in order, some side by side.
//!
//! Invariant: a piece that cannot be judged is tried again with growing pauses, keeps no place from the others while
//! it waits, and is told by `/healthz` until it is judged.

use super::{Event, Stop};
use crate::clock;
use crate::explain::with_causes;
use crate::intake::{Became, Entered, Intake, IntakeError, NotYet};
use crate::limits::{
    DRAIN_TIME_MAX, IN_ORDER_TRIES_MAX, PIPELINE_RECORDS_MAX, RECONNECT_PAUSE_MAX, UNSYNCED_TIME_MAX,
};
use crate::metrics::family;
use crate::record::RegistrationNumber;
use crate::review::{Code, Health};
use crate::store::Store;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, UnboundedSender};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tracing::{Instrument, error_span, info, warn};

/// The longest pause before a half is looked at again.
const HALF_PAUSE_MAX: Duration = Duration::from_secs(60);

/// How long a half rests: to its time, but not so long that a change is missed.
fn half_pause(until: Timestamp) -> Duration {
    let left = Duration::try_from(until.duration_since(clock::now())).unwrap_or_default();
    left.clamp(Duration::from_millis(100), HALF_PAUSE_MAX)
}

/// What the workers share.
#[derive(Clone)]
pub(super) struct Work {
    pub intake: Arc<Intake>,
    pub health: Health,
    pub events: UnboundedSender<Event>,
    /// Wakes the outbox.
    pub answer_due: Arc<Notify>,
    /// Wakes who looks at the breaker.
    pub judged: Arc<Notify>,
    /// Wakes who puts it on disk.
    pub unsynced: Arc<Notify>,
    pub stop: Stop,
    /// Pieces side by side; more than reading processes, since a reply may wait for an earlier piece.
    pub places: Arc<Semaphore>,
    pub stuck: Stuck,
}

/// The pieces that could not be judged yet, and why. Bounded: one that finds no room here waits in its place.
#[derive(Clone, Debug)]
pub(super) struct Stuck {
    reasons: Arc<Mutex<BTreeMap<RegistrationNumber, String>>>,
    room: Arc<Semaphore>,
}

impl Default for Stuck {
    fn default() -> Self {
        Self { reasons: Arc::default(), room: Arc::new(Semaphore::new(PIPELINE_RECORDS_MAX)) }
    }
}

impl Stuck {
    /// Notes how the last attempt ended, and tells the health of the house.
    fn note(&self, number: RegistrationNumber, reason: Option<String>, health: &Health) {
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        match reason {
            Some(reason) => drop(reasons.insert(number, reason)),
            None => drop(reasons.remove(&number)),
        }
        health.metrics().set_count(&family::STUCK, &[], reasons.len() as u64);
        match reasons.first_key_value() {
            Some((first, reason)) => health.ill(
                "pieces",
                Code::PiecesNotJudged,
                &format!("{} not judged yet, tried again; the first is {first}: {reason}", reasons.len()),
            ),
            None => health.well("pieces"),
        }
    }
}

/// Has what was judged put on disk, soon and many at a time, where no answer asks for it before. A stop does the rest.
pub(super) async fn settle_judged(store: Arc<Store>, judged: Arc<Notify>, stop: Stop) {
    loop {
        tokio::select! {
            () = stop.asked() => return,
            () = judged.notified() => {}
        }
        tokio::select! {
            () = stop.asked() => return,
            () = tokio::time::sleep(UNSYNCED_TIME_MAX) => {}
        }
        let store = Arc::clone(&store);
        let settled = tokio::task::spawn_blocking(move || store.settle()).await;
        if let Ok(Err(error)) = settled {
            // The daemon sees that the store has failed, and opens it anew.
            warn!(error = %with_causes(&error), "what was judged could not be put on disk");
        }
    }
}

impl Work {
    /// Takes up pieces until the end is asked for, then lets those in hand end within a bound.
    pub(super) async fn run(
        self,
        mut numbers: Receiver<RegistrationNumber>,
        mut letters: UnboundedReceiver<RegistrationNumber>,
    ) {
        let mut tasks = JoinSet::new();
        loop {
            let next = tokio::select! {
                () = self.stop.asked() => break,
                // The letters of a run are before what came after it.
                Some(letter) = letters.recv() => Some(letter),
                next = numbers.recv() => next,
            };
            let Some(number) = next else { break };
            let place = tokio::select! {
                () = self.stop.asked() => break,
                place = Arc::clone(&self.places).acquire_owned() => place,
            };
            let Ok(place) = place else { break };
            // Entered here, in the order of registration, so that a reply sees every earlier piece.
            let entered = self.intake.enter(number).await;
            let work = self.clone();
            tasks.spawn(async move { work.take_up(entered, place).await });
            while tasks.try_join_next().is_some() {}
        }
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN_TIME_MAX, all).await.is_err() {
            warn!(pieces = tasks.len(), "left for the next start");
        }
    }

    /// Until it is judged, or the end is asked for: a failing machine costs time, never a piece.
    async fn take_up(&self, entered: Entered, place: OwnedSemaphorePermit) {
        let number = entered.number();
        let mut pause = Duration::from_secs(1);
        let mut place = Some(place);
        let mut entered = Some(entered);
        // Its room among the stuck, kept until it is judged.
        let mut room = None;
        let mut tries = 0;
        loop {
            let turn = match entered.take() {
                Some(entered) => entered,
                None => self.intake.enter(number).await,
            };
            // Whatever is told of it on the way has its number, also by who does not know it. At the level of errors, so that it
            // is there when only those are told.
            let around = error_span!("piece", record = %number);
            match self.intake.take_up(turn).instrument(around).await {
                Ok(Became::Waits(until)) => {
                    self.tell_halves().await;
                    drop(place.take());
                    tokio::select! {
                        () = self.stop.asked() => return,
                        () = tokio::time::sleep(half_pause(until)) => {}
                        () = self.intake.halves_changed() => {}
                    }
                    place = tokio::select! {
                        () = self.stop.asked() => return,
                        place = Arc::clone(&self.places).acquire_owned() => place.ok(),
                    };
                    continue;
                }
                Ok(became) => {
                    if became == Became::Divided {
                        self.tell_halves().await;
                    }
                    return self.tell(number, became);
                }
                Err(NotYet { error, entered: kept }) => {
                    tries += 1;
                    entered = kept.filter(|_| tries < IN_ORDER_TRIES_MAX);
                    let part = if matches!(error, IntakeError::Store(_)) { "store" } else { "reading" };
                    self.health.metrics().add(&family::NOT_YET, &[part], 1);
                    let error = with_causes(&error);
                    self.stuck.note(number, Some(error.clone()), &self.health);
                    warn!(record = %number, part, %error, "not judged yet; will be tried again");
                }
            }
            // While it keeps its turn, it keeps its place: those that wait for it hold the others.
            if room.is_none() && entered.is_none() {
                room = Arc::clone(&self.stuck.room).try_acquire_owned().ok();
            }
            if room.is_some() {
                place = None;
            }
            tokio::select! {
                () = self.stop.asked() => return,
                () = tokio::time::sleep(pause) => {}
            }
            if place.is_none() {
                place = tokio::select! {
                    () = self.stop.asked() => return,
                    place = Arc::clone(&self.places).acquire_owned() => place.ok(),
                };
            }
            pause = (pause * 2).min(RECONNECT_PAUSE_MAX);
        }
    }

    /// Halves that wait are shown to staff until their other half is there.
    async fn tell_halves(&self) {
        self.health.stays("halves", self.intake.waiting_halves().await);
    }

    fn tell(&self, number: RegistrationNumber, became: Became) {
        let label = match became {
            Became::Case(_) => "case",
            Became::PartOf(_) => "part-of-case",
            Became::Aside => "aside",
            Became::Divided | Became::Waits(_) => "divided",
        };
        self.health.metrics().add(&family::JUDGED, &[label], 1);
        match became {
            Became::Case(case) => info!(stage = "triage", record = %number, %case, "judged: a new case"),
            Became::PartOf(case) => {
                info!(stage = "triage", record = %number, %case, "judged: part of a case")
            }
            Became::Aside => info!(stage = "triage", record = %number, "judged: set aside"),
            Became::Divided => info!(stage = "extract", record = %number, "divided: its letters go on"),
            Became::Waits(_) => {
                info!(stage = "extract", record = %number, "half of a run: waits for the other");
            }
        }
        self.stuck.note(number, None, &self.health);
        self.answer_due.notify_one();
        self.judged.notify_one();
        self.unsynced.notify_one();
        let _ = self.events.send(Event::Judged(number, became)); // Nobody has to watch.
    }
}
