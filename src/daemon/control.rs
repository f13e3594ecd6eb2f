//! How the command line changes something while the daemon holds the store: one JSON line over a Unix socket in the
//! store's directory, and one back (what commands only read: `lookup`). Who may write to that directory may
//! decide: the file's permissions are the right.

use super::Stop;
use super::lookup;
use super::proof::{self, Proof, Prover};
use crate::clock;
use crate::intake::{CheckError, Intake, LetterChecked, Rulebook, check_letter};
use crate::limits::{PROOF_TIME_MAX, REQUEST_TIME_MAX};
use crate::queue::{self, QueueError};
use crate::record::{CaseNumber, CaseRow, Decision, Verdict};
use crate::review::Health;
use crate::store::{PurgeOrder, PurgeReport, SendingPause, Store, StoreError};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;
use tokio::time::timeout;
use tracing::warn;

/// A change that a person asks for on the command line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    Decide {
        case: CaseNumber,
        verdict: Verdict,
        refer_to: Option<String>,
        reason: String,
        by: String,
    },
    Assign {
        case: CaseNumber,
        assignee: Option<String>,
        by: String,
    },
    Note {
        case: CaseNumber,
        text: String,
        by: String,
    },
    /// Joins a case to another, where it goes on.
    Join {
        case: CaseNumber,
        into: CaseNumber,
        by: String,
    },
    /// Has the citizen service numbers of a case shown: written down, the case stays as it is.
    ShowBsn {
        case: CaseNumber,
        by: String,
    },
    /// Lets a held answer go out, or a failed one once more.
    Release {
        case: CaseNumber,
        by: String,
    },
    /// Stops an answer that has not gone out.
    Withhold {
        case: CaseNumber,
        reason: String,
        by: String,
    },
    /// Stops all answers, or lets them go again.
    Sending {
        paused: bool,
        by: String,
    },
    /// Gives the first of them.
    LettersPrinted {
        cases: Vec<CaseNumber>,
        by: String,
    },
    LetterAgain {
        case: CaseNumber,
        by: String,
    },
    /// Proves the ledger; without `sources`, of the store alone. Changes nothing but for what is kept of the proof.
    Prove {
        sources: bool,
    },
    /// Destroys; `list` is the digest of the list that goes with the declaration.
    Purge {
        orders: Vec<PurgeOrder>,
        list: String,
        by: String,
    },
    /// Forbids that a case is destroyed; without a reason it may be destroyed again.
    Keep {
        case: CaseNumber,
        reason: Option<String>,
        by: String,
    },
    /// Notes that cases were given out.
    Exported {
        cases: u32,
        person: bool,
        by: String,
    },
    /// A checked address, the name first.
    LetterAddress {
        case: CaseNumber,
        lines: Vec<String>,
        by: String,
    },
}

/// What a change came to.
#[derive(Clone, Debug)]
pub enum Changed {
    Case(Box<CaseRow>),
    /// `None`: answers go out.
    Sending(Option<SendingPause>),
    Purged(PurgeReport),
    Noted,
}

/// The case afterwards, or why not.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    Changed(Box<CaseRow>),
    Sending(Option<SendingPause>),
    Proved(Box<Proof>),
    Purged(PurgeReport),
    Noted,
    Refused(String),
}

/// Bytes of one request; a note has a bound of its own.
pub(super) const REQUEST_BYTES_MAX: u64 = 256 * 1024;

/// The pause after the socket could not take a connection.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

pub fn socket_path(store: &Path) -> PathBuf {
    store.join("control.sock")
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Check(#[from] CheckError),
    /// What the person can mend.
    #[error("{0}")]
    Refused(String),
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        Self::Queue(QueueError::Store(error))
    }
}

/// Makes a change on an open store. A letter is made by the rules and words of `rulebook`.
///
/// # Errors
/// When the change is not allowed, or the store failed.
pub fn apply(store: &Store, rulebook: Option<&Rulebook>, change: Change) -> Result<Changed, ChangeError> {
    let now = clock::now();
    let row = match change {
        Change::Decide { case, verdict, refer_to, reason, by } => {
            queue::decide(store, case, None, Decision { verdict, refer_to, by, at: now, reason }, now)?
        }
        Change::Assign { case, assignee, by } => store.assign(case, None, &by, assignee.as_deref(), now)?,
        Change::Join { case, into, by } => store.join_cases(case, None, into, &by, now)?,
        Change::ShowBsn { case, by } => {
            store.bsn_shown(case, &by, now)?;
            whole(store, case)?
        }
        Change::Note { case, text, by } => store.note(case, &by, &text, now)?,
        Change::Release { case, by } => {
            let row = store.case(case)?.ok_or(StoreError::UnknownCase(case))?;
            if row.answer.is_some_and(|entry| entry.asks_for_address()) {
                let what = "Controleer eerst het adres van deze brief (bode letters address).";
                return Err(ChangeError::Refused(what.to_owned()));
            }
            store.release_answer(case, &by, now)?;
            store.case(case)?.ok_or(StoreError::UnknownCase(case))?
        }
        Change::Withhold { case, reason, by } => {
            store.withhold_answer(case, &by, &reason, now)?;
            store.case(case)?.ok_or(StoreError::UnknownCase(case))?
        }
        Change::Sending { paused, by } => {
            store.pause_sending(paused, &by, now)?;
            return Ok(Changed::Sending(store.sending_paused()?));
        }
        Change::LettersPrinted { cases, by } => {
            let before = store.letters_printed(&cases, &by, now)?;
            if !before.is_empty() {
                let told: Vec<String> = before
                    .iter()
                    .map(|(case, printed)| {
                        format!("{case} was al geprint door {} op {}", printed.by, printed.at)
                    })
                    .collect();
                let what =
                    format!("{}; doe dat exemplaar niet op de post (de rest is opgeslagen)", told.join(", "));
                return Err(ChangeError::Refused(what));
            }
            let first = cases.first().copied().ok_or_else(|| ChangeError::Refused("no case".to_owned()))?;
            whole(store, first)?
        }
        Change::Prove { .. } => return Err(ChangeError::Refused("only a daemon is asked for it".to_owned())),
        Change::Purge { orders, list, by } if orders.is_empty() => {
            let _ = (list, by); // Only asks whether a daemon is there.
            return Ok(Changed::Purged(PurgeReport::default()));
        }
        Change::Purge { orders, list, by } => {
            return Ok(Changed::Purged(store.purge(&orders, &list, &by, now)?));
        }
        Change::Keep { case, reason, by } => {
            match reason {
                Some(reason) => store.keep_case(case, &by, &reason, now)?,
                None => store.unkeep_case(case, &by, now)?,
            }
            whole(store, case)?
        }
        Change::Exported { cases, person, by } => {
            store.note_export(cases, person, &by, now)?;
            return Ok(Changed::Noted);
        }
        Change::LetterAgain { case, by } => {
            store.letter_again(case, &by, now)?;
            whole(store, case)?
        }
        Change::LetterAddress { case, lines, by } => {
            let rulebook =
                rulebook.ok_or_else(|| ChangeError::Refused("no rules to make a letter by".to_owned()))?;
            match check_letter(store, rulebook, case, &lines, &by, now)? {
                LetterChecked::Refused(why) => return Err(ChangeError::Refused(why)),
                LetterChecked::Goes | LetterChecked::StillHeld(_) => whole(store, case)?,
            }
        }
    };
    Ok(Changed::Case(Box::new(row)))
}

fn whole(store: &Store, case: CaseNumber) -> Result<CaseRow, ChangeError> {
    Ok(store.case(case)?.ok_or(StoreError::UnknownCase(case))?)
}

/// What a request is answered with.
#[derive(Clone)]
pub(super) struct Served {
    pub store: Arc<Store>,
    pub intake: Arc<Intake>,
    pub changed: Arc<Notify>,
    pub prover: Prover,
    pub health: Health,
}

/// Serves changes until the end is asked for.
pub(super) async fn serve(listener: UnixListener, served: Served, stop: Stop) {
    loop {
        let accepted = tokio::select! {
            () = stop.asked() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let served = served.clone();
                tokio::spawn(async move {
                    match answer(stream, &served).await {
                        Ok(Asked::ToLook) => return,
                        Ok(Asked::ToChange) => {}
                        Err(error) => warn!(%error, "a request of the command line was cut off"),
                    }
                    served.changed.notify_one();
                });
            }
            Err(error) => {
                // Such as too many open files: it passes.
                warn!(%error, "the control socket failed");
                tokio::select! {
                    () = stop.asked() => return,
                    () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                }
            }
        }
    }
}

/// What a connection was for.
enum Asked {
    ToLook,
    ToChange,
}

async fn answer(mut stream: UnixStream, served: &Served) -> std::io::Result<Asked> {
    let (read, mut write) = stream.split();
    let mut reader = BufReader::new(read.take(REQUEST_BYTES_MAX));
    let mut line = String::new();
    timeout(REQUEST_TIME_MAX, reader.read_line(&mut line)).await??;
    if let Ok(first) = serde_json::from_str(&line) {
        lookup::serve(&mut reader, &mut write, &served.store, first).await?;
        return Ok(Asked::ToLook);
    }
    let reply = match serde_json::from_str::<Change>(&line) {
        Ok(Change::Prove { sources }) => {
            timeout(PROOF_TIME_MAX, prove(served, sources)).await?.unwrap_or_else(Reply::Refused)
        }
        Ok(change) => {
            let (store, intake) = (Arc::clone(&served.store), Arc::clone(&served.intake));
            let applied =
                tokio::task::spawn_blocking(move || apply(&store, Some(&intake.rulebook()), change));
            match timeout(REQUEST_TIME_MAX, applied).await? {
                Ok(Ok(Changed::Case(row))) => Reply::Changed(row),
                Ok(Ok(Changed::Sending(pause))) => Reply::Sending(pause),
                Ok(Ok(Changed::Purged(report))) => Reply::Purged(report),
                Ok(Ok(Changed::Noted)) => Reply::Noted,
                Ok(Err(error)) => Reply::Refused(crate::explain::with_causes(&error)),
                Err(error) => Reply::Refused(error.to_string()),
            }
        }
        Err(error) => Reply::Refused(format!("not understood: {error}")),
    };
    let mut bytes = serde_json::to_vec(&reply)?;
    bytes.push(b'\n');
    timeout(REQUEST_TIME_MAX, write.write_all(&bytes)).await??;
    Ok(Asked::ToChange)
}

/// Proves the ledger. One with its sources counts as that of the day.
async fn prove(served: &Served, sources: bool) -> Result<Reply, String> {
    let told = |error: proof::ProofError| crate::explain::with_causes(&error);
    let proved = served.prover.prove(sources).await.map_err(told)?;
    if sources {
        proof::keep(&served.prover, &served.health, &proved).await.map_err(told)?;
    }
    Ok(Reply::Proved(Box::new(proved)))
}

impl From<Reply> for Result<Changed, String> {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Changed(row) => Ok(Changed::Case(row)),
            Reply::Sending(pause) => Ok(Changed::Sending(pause)),
            Reply::Purged(report) => Ok(Changed::Purged(report)),
            Reply::Noted => Ok(Changed::Noted),
            Reply::Proved(_) => Err("the daemon answers something else".to_owned()),
            Reply::Refused(reason) => Err(reason),
        }
    }
}

/// Asks the running daemon for a change. `None`: no daemon answers there.
///
/// # Errors
/// When the daemon answers with something that is no reply.
pub fn ask(store: &Path, change: &Change) -> std::io::Result<Option<Reply>> {
    use std::io::{BufRead, BufReader, Write};
    let Ok(mut stream) = std::os::unix::net::UnixStream::connect(socket_path(store)) else { return Ok(None) };
    let mut bytes = serde_json::to_vec(change)?;
    bytes.push(b'\n');
    let patience = if matches!(change, Change::Prove { .. }) { PROOF_TIME_MAX } else { REQUEST_TIME_MAX };
    stream.set_read_timeout(Some(2 * patience))?;
    stream.write_all(&bytes)?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(Some(serde_json::from_str(&line)?))
}
