//! The proof that nothing was lost, once a day and when it is asked for: every source is counted, then the store is
//! verified, and both are laid beside each other.
//!
//! Invariants: sources are counted first, so that what is registered meanwhile is in the register when they are compared;
//! one proof at a time; the journal keeps counts only, and the log tells no more; which message or file it is stays in
//! memory, for the desk and the terminal.

use super::Stop;
use crate::clock;
use crate::config::Config;
use crate::explain::with_causes;
use crate::ledger::{self, Known, Outcome, Reconciled, Watch};
use crate::limits::PROOF_AGE_MAX;
use crate::oauth::SignIns;
use crate::record::{
    Exception, Held, OFFICE_TIME_ZONE, Place, ProofNote, ProofRow, Retention, SourceCount, SourceKind, Tally,
    office_date,
};
use crate::retention;
use crate::review::{Code, Health, Proved};
use crate::source::{Looked, Teller};
use crate::store::{Store, StoreError, VerifyReport};
use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tracing::{error, info, warn};

/// The loop looks at least so often, whatever the clock does.
const LOOK_TIME: Duration = Duration::from_secs(30);

/// After a proof that could not be made, so long.
const PAUSE: Duration = Duration::from_secs(600);

/// A start is left alone so long.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// When a source could not be reached it is proved again after so long, on the same day.
const AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// Store and sources together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Proof {
    #[serde(flatten)]
    pub store: VerifyReport,
    pub sources: Vec<SourceCount>,
    /// How long it took.
    pub seconds: u64,
}

impl Proof {
    pub fn is_clean(&self) -> bool {
        self.store.is_clean()
    }

    /// The lines that staff read.
    pub fn lines(&self) -> Vec<String> {
        std::iter::once(self.store.summary()).chain(self.sources.iter().map(SourceCount::line)).collect()
    }

    /// What the journal may keep of it.
    pub fn note(&self) -> ProofNote {
        let mut note = self.store.note();
        note.missing += self.sources.iter().map(|count| count.missing).sum::<u64>();
        note.sources.clone_from(&self.sources);
        note.seconds = self.seconds;
        note
    }
}

/// Why a proof could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    #[error("the store cannot be looked at")]
    Store(#[from] StoreError),
    #[error("the task was cut off")]
    CutOff(#[from] tokio::task::JoinError),
    #[error("no thread could be started")]
    Thread(#[source] std::io::Error),
    #[error("the thread ended without an answer")]
    Ended,
}

/// All that a proof needs. A clone is the same prover.
#[derive(Clone)]
pub struct Prover {
    store: Arc<Store>,
    tellers: Vec<Teller>,
    print_dir: PathBuf,
    retention: Retention,
    /// With a daemon: how it is doing, and since when it runs.
    running: Option<(Health, Timestamp)>,
    one_at_a_time: Arc<tokio::sync::Mutex<()>>,
}

/// How far the thread of a proof stands behind the others (`nice(2)`): it reads every file of the store, and whoever is at
/// the desk meanwhile should not notice.
const BEHIND: i32 = 10;

/// Does the work on a thread of its own that lets the others go first.
async fn after_others<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ProofError> {
    let (done, outcome) = tokio::sync::oneshot::channel();
    let thread = move || {
        // On Linux this is for the thread that asks and those that it starts. Where it is refused the proof is a hindrance,
        // no fault.
        let _ = rustix::process::setpriority_process(None, BEHIND);
        let _ = done.send(work()); // Nobody waits any more: the daemon stops.
    };
    std::thread::Builder::new().name("proof".to_owned()).spawn(thread).map_err(ProofError::Thread)?;
    outcome.await.map_err(|_| ProofError::Ended)
}

impl Prover {
    /// Without a daemon.
    pub fn new(store: Arc<Store>, config: &Config, sign_ins: &SignIns) -> Self {
        let print_dir = config.letters.print_dir.clone().unwrap_or_else(|| config.store.join("print"));
        let one_at_a_time = Arc::default();
        let retention = config.retention.clone();
        Self {
            store,
            tellers: Teller::all(config, sign_ins),
            print_dir,
            retention,
            running: None,
            one_at_a_time,
        }
    }

    /// In a daemon that runs since then.
    #[must_use]
    pub fn in_daemon(mut self, health: Health, since: Timestamp) -> Self {
        self.running = Some((health, since));
        self
    }

    /// Makes a proof; without `sources`, of the store alone.
    ///
    /// # Errors
    /// Only what keeps it from looking; what it finds is in it.
    pub async fn prove(&self, sources: bool) -> Result<Proof, ProofError> {
        let _one = self.one_at_a_time.lock().await;
        let begun = clock::now();
        let mut tallies = Vec::new();
        for teller in self.tellers.iter().filter(|_| sources) {
            tallies.push((teller, teller.tally().await));
        }
        let (store, print_dir) = (Arc::clone(&self.store), self.print_dir.clone());
        let verified = after_others(move || store.verify_with(Some(&print_dir), clock::now())).await??;
        let mut proof = Proof { store: verified, sources: Vec::new(), seconds: 0 };
        for (teller, tally) in tallies {
            let outcome = match tally {
                Ok(tally) => self.reconcile(teller, tally).await?,
                Err(error) => ledger::unreachable(teller.kind(), &with_causes(&error)),
            };
            outcome.exceptions.into_iter().for_each(|exception| proof.store.tell(exception));
            proof.sources.push(outcome.count);
        }
        proof.seconds = u64::try_from(clock::now().duration_since(begun).as_secs()).unwrap_or(0);
        Ok(proof)
    }

    async fn reconcile(&self, teller: &Teller, mut tally: Tally) -> Result<Outcome, ProofError> {
        let source = teller.kind();
        self.lay_reasons(&mut tally);
        let store = Arc::clone(&self.store);
        let (mut laid, founded) = tokio::task::spawn_blocking(move || lay(&store, tally, source)).await??;
        if !laid.questions.is_empty() {
            let asked = laid.questions.clone();
            let wanted = asked.iter().map(|index| laid.piece(*index).clone()).collect();
            match teller.look(wanted).await {
                Ok(looked) => {
                    let store = Arc::clone(&self.store);
                    let answers =
                        tokio::task::spawn_blocking(move || known(&store, &asked, looked)).await??;
                    laid.answer(&answers, founded);
                }
                Err(error) => return Ok(ledger::unreachable(source, &with_causes(&error))),
            }
        }
        let well_since = self.running.as_ref().filter(|(health, _)| health.is_well(&name(source)));
        let watch = Watch { now: clock::now(), well_since: well_since.map(|(_, since)| *since) };
        let sheets = match source {
            SourceKind::Scans => Some(self.store.sheets_counted()?),
            SourceKind::Mailbox | SourceKind::Maildir => None,
        };
        Ok(laid.outcome(&watch, sheets))
    }

    /// What the daemon leaves at its source tells why.
    fn lay_reasons(&self, tally: &mut Tally) {
        let Some((health, _)) = &self.running else { return };
        let staying = health.staying();
        let here = name(tally.source);
        for piece in tally.pieces.iter_mut().filter(|piece| piece.place == Place::Waiting) {
            let reason = staying.iter().find(|(source, reference, _)| {
                let ends = piece.reference.strip_suffix(reference.as_str());
                *source == here && ends.is_some_and(|rest| rest.is_empty() || rest.ends_with([' ', '/']))
            });
            if let Some((_, _, advice)) = reason {
                piece.left = Some(advice.clone());
            }
        }
    }
}

/// As the source names itself in the log and in `/healthz`.
fn name(source: SourceKind) -> String {
    source.id().to_owned()
}

fn lay(
    store: &Store,
    tally: Tally,
    source: SourceKind,
) -> Result<(Reconciled, Option<Timestamp>), StoreError> {
    let mut held: Vec<Held> = Vec::new();
    store.each_held(&mut |piece| {
        if piece.source == source {
            held.push(piece);
        }
    })?;
    // A minute's grace: INTERNALDATE has whole seconds, and the mail server's clock is not ours.
    let founded = store.founded()?.map(|founded| founded - SignedDuration::from_mins(1));
    Ok((ledger::reconcile(tally, held, founded), founded))
}

fn known(store: &Store, asked: &[usize], looked: Vec<Looked>) -> Result<Vec<(usize, Known)>, StoreError> {
    let mut answers = Vec::new();
    for (index, looked) in asked.iter().zip(looked) {
        let known = match looked {
            Looked::Gone => Known::Gone,
            Looked::Not => Known::NotLookedAt,
            Looked::Digest(digest) => match store.held_by_digest(&digest)? {
                Some((number, held_as, true)) => Known::As(number, held_as),
                Some((_, _, false)) => Known::Purged,
                None => Known::No,
            },
        };
        answers.push((*index, known));
    }
    Ok(answers)
}

/// Makes one a day until the end is asked for; once more after a start when the last one was not clean, because only the
/// counts of that one are known.
pub(super) async fn daily(prover: Prover, health: Health, at: Time, stop: Stop) {
    let days = async {
        let mut first = true;
        tokio::time::sleep(FIRST_PAUSE).await;
        loop {
            let pause = match look(&prover, &health, at, first).await {
                Ok(()) => LOOK_TIME,
                Err(error) => {
                    error!(error = %with_causes(&error), "the ledger could not be proved");
                    PAUSE
                }
            };
            first = false;
            tokio::time::sleep(pause).await;
        }
    };
    stop.ends(days).await;
}

async fn look(prover: &Prover, health: &Health, at: Time, first: bool) -> Result<(), ProofError> {
    let now = clock::now();
    let today = office_date(now);
    let time = now.in_tz(OFFICE_TIME_ZONE).map_or(Time::MAX, |now| now.time());
    let store = Arc::clone(&prover.store);
    let last: Option<ProofRow> =
        tokio::task::spawn_blocking(move || store.proofs(1)).await??.into_iter().next();
    let due = last.as_ref().is_none_or(|row| office_date(row.at) < today) && time >= at;
    let unreached = |row: &ProofRow| {
        row.note.sources.iter().any(|count| !count.reached) && now.duration_since(row.at) > AGAIN
    };
    let again = last.as_ref().is_some_and(|row| first && !row.note.is_clean() || unreached(row));
    if first || due {
        count_past_term(prover, health, today).await?;
    }
    if !due && !again {
        tell(health, last, prover.running.as_ref().map(|(_, since)| *since), now);
        return Ok(());
    }
    let proof = prover.prove(true).await?;
    keep(prover, health, &proof).await
}

/// What is past its term of retention, for the desk: a walk over all cases, once a day and after a start.
async fn count_past_term(prover: &Prover, health: &Health, today: Date) -> Result<(), ProofError> {
    let (store, rules) = (Arc::clone(&prover.store), prover.retention.clone());
    let plan = tokio::task::spawn_blocking(move || retention::plan(&store, &rules, today)).await??;
    health.past_term(plan.past.len() as u64);
    Ok(())
}

/// Keeps the counts of a proof, and tells of it.
pub(super) async fn keep(prover: &Prover, health: &Health, proof: &Proof) -> Result<(), ProofError> {
    let (store, note, now) = (Arc::clone(&prover.store), proof.note(), clock::now());
    if note.is_clean() {
        info!(pieces = note.pieces, seconds = note.seconds, "the ledger is proved: nothing is missing");
    } else {
        let (missing, exceptions) = (note.missing, note.exception_count());
        warn!(pieces = note.pieces, missing, exceptions, "the ledger has exceptions; the desk tells which");
    }
    let row = ProofRow { at: now, note: note.clone() };
    let exceptions: Vec<Exception> = proof.store.exceptions.clone();
    health.proved(Proved { row, exceptions });
    tokio::task::spawn_blocking(move || store.note_proof(note, now)).await??;
    tell(health, health.proof().map(|proved| proved.row), None, now);
    Ok(())
}

/// `/healthz` and the metrics: something is missing, or the last proof is too old.
fn tell(health: &Health, last: Option<ProofRow>, running_since: Option<Timestamp>, now: Timestamp) {
    let Some(row) = last else {
        // A store that is new; it may be young, and the daemon too.
        let waits = running_since.map_or(Duration::ZERO, |since| now.duration_since(since).unsigned_abs());
        return if waits > PROOF_AGE_MAX { too_old(health) } else { health.well("ledger") };
    };
    if now.duration_since(row.at).unsigned_abs() > PROOF_AGE_MAX {
        too_old(health);
    } else if row.note.missing > 0 {
        let missing = row.note.missing;
        health.ill(
            "ledger",
            Code::LedgerMissing,
            &format!("{missing} pieces are missing; the desk tells which, or bode verify"),
        );
    } else {
        health.well("ledger");
    }
    if health.proof().is_none_or(|proved| proved.row.at < row.at) {
        health.proved(Proved { row, exceptions: Vec::new() });
    }
}

fn too_old(health: &Health) {
    let hours = PROOF_AGE_MAX.as_secs() / 3600;
    health.ill(
        "ledger",
        Code::LedgerOld,
        &format!("it was not proved for more than {hours} hours; see the log"),
    );
}
