//! How the command line changes something while the daemon holds the store: one JSON line over a Unix socket in the
//! store's directory, and one back. Who may write to that directory may decide: the file's permissions are the right.

use super::Stop;
use crate::clock;
use crate::intake::{CheckError, Intake, LetterChecked, Rulebook, check_letter};
use crate::limits::REQUEST_TIME_MAX;
use crate::queue::{self, QueueError};
use crate::record::{CaseNumber, CaseRow, Decision, Verdict};
use crate::store::{SendingPause, Store, StoreError};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;
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
}

/// The case afterwards, or why not.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    Changed(Box<CaseRow>),
    Sending(Option<SendingPause>),
    Refused(String),
}

/// Bytes of one request; a note has a bound of its own.
const REQUEST_BYTES_MAX: u64 = 256 * 1024;

/// The pause after the socket could not take a connection.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Where the socket of a store is.
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

/// Serves changes until the end is asked for.
pub(super) async fn serve(
    listener: UnixListener,
    store: Arc<Store>,
    intake: Arc<Intake>,
    changed: Arc<Notify>,
    stop: Stop,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.asked() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (store, intake, changed) =
                    (Arc::clone(&store), Arc::clone(&intake), Arc::clone(&changed));
                tokio::spawn(async move {
                    match tokio::time::timeout(REQUEST_TIME_MAX, answer(stream, store, intake)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => warn!(%error, "a request of the command line was cut off"),
                        Err(_) => warn!("a request of the command line took too long"),
                    }
                    changed.notify_one();
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

async fn answer(mut stream: UnixStream, store: Arc<Store>, intake: Arc<Intake>) -> std::io::Result<()> {
    let (read, mut write) = stream.split();
    let mut line = String::new();
    BufReader::new(read.take(REQUEST_BYTES_MAX)).read_line(&mut line).await?;
    let reply = match serde_json::from_str::<Change>(&line) {
        Ok(change) => {
            match tokio::task::spawn_blocking(move || apply(&store, Some(&intake.rulebook()), change)).await {
                Ok(Ok(Changed::Case(row))) => Reply::Changed(row),
                Ok(Ok(Changed::Sending(pause))) => Reply::Sending(pause),
                Ok(Err(error)) => Reply::Refused(crate::explain::with_causes(&error)),
                Err(error) => Reply::Refused(error.to_string()),
            }
        }
        Err(error) => Reply::Refused(format!("not understood: {error}")),
    };
    let mut bytes = serde_json::to_vec(&reply)?;
    bytes.push(b'\n');
    write.write_all(&bytes).await
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
    stream.set_read_timeout(Some(2 * REQUEST_TIME_MAX))?;
    stream.write_all(&bytes)?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(Some(serde_json::from_str(&line)?))
}
