//! One source into the register: poll, register, settle, hand on. Durable first, destructive last.

use super::{Event, Stop};
use crate::clock;
use crate::explain::with_causes;
use crate::limits::{BATCH_PIECES_MAX, DRAIN_TIME_MAX};
use crate::metrics::family;
use crate::record::{Channel, RegistrationNumber};
use crate::register::{self, Taken};
use crate::review::{Code, Health};
use crate::source::{Fate, Piece, Source};
use crate::store::{Store, StoreError, digest_of_bytes};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{Permit, Sender, UnboundedSender};
use tokio::sync::watch;
use tracing::{info, warn};

/// The longest pause after a batch that could not be stored: a look at our own disk costs little, and people wait.
const STORE_PAUSE_MAX: Duration = Duration::from_secs(10);

/// The pieces of a batch stay where they are, and are given again.
#[derive(Debug, thiserror::Error)]
enum NotStored {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the task was cut off")]
    CutOff(#[from] tokio::task::JoinError),
}

/// What every source is connected to.
#[derive(Clone)]
pub(super) struct Feed {
    pub store: Arc<Store>,
    pub work: Sender<RegistrationNumber>,
    pub health: Health,
    pub events: UnboundedSender<Event>,
    pub stop: Stop,
    /// True once all that the last run left is in the row.
    pub resumed: watch::Receiver<bool>,
}

/// Digits of a piece's digest by which the log knows it before it has a number; `record.json` holds all of them.
const ARRIVAL_ID_DIGITS: usize = 12;

fn arrival_id(bytes: &[u8]) -> String {
    let mut id = digest_of_bytes(bytes);
    id.truncate(ARRIVAL_ID_DIGITS);
    id
}

impl Feed {
    /// Takes in from one source until the end is asked for.
    pub(super) async fn run(self, mut source: impl Source) {
        let name = source.name();
        let mut resumed = self.resumed.clone();
        tokio::select! {
            () = self.stop.asked() => return,
            // An error says that the workers ended: the next look at them sees that too.
            waited = resumed.wait_for(|done| *done) => drop(waited),
        }
        let mut pause = Duration::from_secs(1);
        while !self.stop.is_asked() {
            // Room first: what cannot be worked on is not fetched.
            let room = tokio::select! {
                () = self.stop.asked() => return,
                room = self.work.reserve_many(BATCH_PIECES_MAX) => room,
            };
            let Ok(room) = room else { return };
            let polled = tokio::select! {
                () = self.stop.asked() => return,
                polled = source.poll() => polled,
            };
            self.tell_left_behind(&name, &source);
            match polled {
                Ok(pieces) if !pieces.is_empty() => {
                    // Not to be cut off: registering and settling end before a stop is looked at again.
                    match self.take_in(&mut source, pieces, room).await {
                        Ok(()) => {
                            pause = Duration::from_secs(1);
                            continue;
                        }
                        Err(error) => {
                            let error = with_causes(&error);
                            let told = format!("what comes cannot be stored and stays there: {error}");
                            self.health.ill(&name, Code::IntakeNotStored, &told);
                            self.health.metrics().add(&family::SOURCE_FAILURES, &[&name], 1);
                            warn!(source = %name, %error, "not stored; it stays where it is");
                            tokio::select! {
                                () = self.stop.asked() => return,
                                () = tokio::time::sleep(pause) => {}
                            }
                            pause = (pause * 2).min(STORE_PAUSE_MAX);
                            continue;
                        }
                    }
                }
                Ok(_) => self.health.well(&name),
                Err(error) => {
                    let error = with_causes(&error);
                    self.health.ill(&name, Code::SourceUnreachable, &error);
                    self.health.metrics().add(&family::SOURCE_FAILURES, &[&name], 1);
                    warn!(source = %name, %error, "cannot be read now");
                }
            }
            drop(room);
            tokio::select! {
                () = self.stop.asked() => return,
                waited = source.wait() => {
                    if let Err(error) = waited {
                        info!(source = %name, error = %with_causes(&error), "connection ended; connecting again");
                    }
                }
            }
        }
    }

    fn count(&self, source: &str, taken: &[Taken]) {
        let metrics = self.health.metrics();
        for one in taken {
            match one {
                Taken::New(record) => {
                    let channel = match record.channel {
                        Channel::Email => "email",
                        Channel::Letter => "letter",
                    };
                    metrics.add(&family::PIECES, &[source, channel], 1);
                    metrics.add(&family::PIECE_BYTES, &[source], record.bytes);
                }
                Taken::Known(_) => metrics.add(&family::PIECES_AGAIN, &[source], 1),
                Taken::Refused { .. } => metrics.add(&family::PIECES_REFUSED, &[source], 1),
            }
        }
    }

    fn tell_left_behind(&self, name: &str, source: &impl Source) {
        let stays = source.troubles().into_iter().map(|trouble| (trouble.reference, trouble.reason));
        self.health.stays(name, stays.collect());
    }

    async fn take_in(
        &self,
        source: &mut impl Source,
        pieces: Vec<Piece>,
        room: impl Iterator<Item = Permit<'_, RegistrationNumber>>,
    ) -> Result<(), NotStored> {
        let (arrivals, tokens): (Vec<_>, Vec<_>) =
            pieces.into_iter().map(|piece| (piece.arrival, piece.token)).unzip();
        let (store, name) = (Arc::clone(&self.store), source.name());
        let stage = self.health.metrics().stage("register");
        let told = name.clone();
        let (ids, registered) = tokio::task::spawn_blocking(move || {
            let ids: Vec<String> = arrivals.iter().map(|arrival| arrival_id(&arrival.bytes)).collect();
            for (arrival, id) in arrivals.iter().zip(&ids) {
                info!(stage = "source", arrival = %id, source = %told, bytes = arrival.bytes.len(), "fetched");
            }
            register::register(&store, arrivals, clock::now()).map(|registered| (ids, registered))
        })
        .await??;
        drop(stage);
        self.count(&name, &registered);
        let fate = |taken: &Taken| match taken {
            Taken::New(_) => Fate::Durable,
            Taken::Known(number) => Fate::Again {
                note: format!(
                    "Precies dit bestand is al eerder ontvangen, als stuk {number}. Het telt één keer. U hoeft niets te \
                     doen."
                ),
            },
            Taken::Refused { reason } => Fate::Refused { reason: reason.clone() },
        };
        let settled = tokens.into_iter().zip(registered.iter().map(fate)).collect();
        // A server that is silent may keep us waiting, but not a stop: the pieces are safe here, and when they are
        // seen again there, the register knows them by their digest.
        let cut_off = async {
            self.stop.asked().await;
            tokio::time::sleep(DRAIN_TIME_MAX / 2).await;
        };
        tokio::select! {
            settled = source.settle(settled) => if let Err(error) = settled {
                warn!(source = %name, error = %with_causes(&error), "stored, but the source could not let go");
            },
            () = cut_off => warn!(source = %name, "stored, but the source did not let go before the stop"),
        }
        self.tell_left_behind(&name, source);
        self.health.well(&name);
        for ((registered, arrival), permit) in registered.iter().zip(&ids).zip(room) {
            match registered {
                Taken::New(record) => {
                    let (record, bytes) = (record.number, record.bytes);
                    info!(stage = "register", %record, %arrival, source = %name, bytes, "registered");
                    let _ = self.events.send(Event::Registered(record)); // Nobody has to watch.
                    permit.send(record);
                }
                Taken::Known(number) => {
                    info!(stage = "register", record = %number, %arrival, source = %name, "the same piece again");
                    if matches!(self.store.is_purged(*number), Ok(true)) {
                        warn!(record = %number, %arrival, source = %name, "it was destroyed, and is not taken in again");
                    }
                    let _ = self.events.send(Event::Known(*number)); // Nobody has to watch.
                }
                Taken::Refused { .. } => {
                    warn!(stage = "register", %arrival, source = %name, "refused; the source tells why");
                }
            }
        }
        Ok(())
    }
}
