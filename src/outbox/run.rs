//! The loop: takes what is due, tries it a few at a time, notes what became of it, sleeps until the next is
//! due or somebody calls.

use super::lay::{lay, lay_letter};
use super::mailer::{Advice, Handed, Mailer};
use crate::clock;
use crate::explain::with_causes;
use crate::limits::{
    DRAIN_TIME_MAX, RECONNECT_PAUSE_MAX, ROUND_TIME_MIN, SEND_ATTEMPTS_MAX, SENT_UNSYNCED_MAX,
    SMTP_CONNECTIONS_MAX, UNSURE_ATTEMPTS_MAX,
};
use crate::metrics::{Metrics, family};
use crate::record::{
    AnswerChannel, AnswerState, CaseNumber, EnvelopeKey, OutboxEntry, REHEARSED, office_date,
};
use crate::store::{Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use lettre::Address;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, OnceCell};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

/// Answers taken from the store at a time.
const BATCH_MAX: usize = 64;
/// The loop looks at least so often, whatever the clock and the calls say.
const LOOK_TIME_MAX: Duration = Duration::from_secs(60);
/// The first pause after the mail server could not be reached; it doubles up to [`RECONNECT_PAUSE_MAX`].
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(10);
/// How long a message waits when no mail server is configured.
const NOT_NOW: SignedDuration = SignedDuration::from_hours(6);

/// What the outbox tells when the store fails it.
pub const STORE_AILS: &str = "the outbox cannot read or write the store";

/// Pauses between attempts, as mail servers do; the last one is repeated.
pub const PAUSES: [SignedDuration; 7] = {
    const MINUTES: [i64; 7] = [1, 5, 15, 30, 60, 120, 240];
    let mut pauses = [SignedDuration::ZERO; 7];
    let mut i = 0;
    while i < MINUTES.len() {
        pauses[i] = SignedDuration::from_mins(MINUTES[i]);
        i += 1;
    }
    pauses
};

/// How answers go out.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Without one, messages wait (or are laid in a folder, see below).
    pub mailer: Option<Mailer>,
    /// The demo: messages are laid here instead of being sent.
    pub lay_messages_in: Option<PathBuf>,
    /// Where letters to print are laid, a folder a day.
    pub print_dir: PathBuf,
    /// False (`answers.send`, `run --dry-run`): a rehearsal. Every answer is made and withheld, so that none goes out
    /// by itself when the office begins in earnest.
    pub send: bool,
    /// Between the attempts at one answer; the last is repeated.
    pub pauses: Vec<SignedDuration>,
    /// Where attempts are counted.
    pub metrics: Metrics,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            mailer: None,
            lay_messages_in: None,
            print_dir: PathBuf::new(),
            send: false,
            pauses: PAUSES.to_vec(),
            metrics: Metrics::default(),
        }
    }
}

/// Called with what ails the outbox, in one English sentence without personal data, and with `None` when it
/// works again.
pub type Told = Box<dyn Fn(Option<&str>) + Send + Sync>;

/// Runs until `stop`. `wake` is notified when an answer was added or released; it then goes out at once. What is
/// under way at `stop` is ended first.
pub async fn run(
    store: Arc<Store>,
    delivery: Delivery,
    wake: Arc<Notify>,
    told: Told,
    stop: impl Future<Output = ()> + Send,
) {
    let outbox = Arc::new(Outbox { store, delivery, key: OnceCell::new(), stopping: AtomicBool::new(false) });
    if !outbox.delivery.send {
        info!("rehearsal: answers are written and nothing is sent");
    }
    tokio::pin!(stop);
    // Times in a row that the server could not be reached.
    let mut unreached = 0_u32;
    loop {
        let began = Instant::now();
        let round = outbox.round(unreached > 0);
        tokio::pin!(round);
        let outcome = tokio::select! {
            outcome = &mut round => outcome,
            () = &mut stop => {
                // What is under way is ended and noted; nothing new begins. Where the server takes longer than a stop
                // may, nobody knows whether it was taken: the next start sends it again, as after a crash.
                outbox.stopping.store(true, Ordering::Relaxed);
                drop(tokio::time::timeout(DRAIN_TIME_MAX, round).await);
                outbox.close(true).await;
                return;
            }
        };
        let pause = match outcome {
            Ok(Round::Tried { full }) => {
                unreached = 0;
                told(None);
                if !full {
                    tokio::select! {
                        () = &mut stop => break,
                        () = tokio::time::sleep_until(began + ROUND_TIME_MIN) => {}
                    }
                }
                Duration::ZERO
            }
            Ok(Round::Nothing { until }) => {
                if unreached == 0 {
                    told(None);
                }
                until
            }
            Ok(Round::Unreachable(Away { reply, advice, wait })) => {
                unreached += 1;
                outbox.delivery.metrics.add(&family::SMTP_UNREACHED, &[], 1);
                // A server that asked to be left alone is left alone longer each time it asks again.
                let doubled = FIRST_PAUSE.max(wait).saturating_mul(2_u32.saturating_pow(unreached - 1));
                warn!(unreached, %advice, "the mail server cannot be used; answers wait");
                debug!(reply, "the mail server said");
                told(Some(&advice));
                doubled.min(RECONNECT_PAUSE_MAX).max(wait)
            }
            Err(fault) => {
                error!(error = %with_causes(&fault), "the outbox could not go on");
                told(Some(STORE_AILS));
                STORE_PAUSE
            }
        };
        // While the server is away a new answer is no reason to knock again.
        let woken =
            async { if unreached > 0 { std::future::pending::<()>().await } else { wake.notified().await } };
        tokio::select! {
            () = &mut stop => break,
            () = tokio::time::sleep(pause) => {}
            () = woken => {}
        }
    }
    outbox.close(true).await;
}

/// What one look at the store came to.
enum Round {
    /// Something was handed over, deferred or given up; `full`: there is probably more.
    Tried {
        full: bool,
    },
    Nothing {
        until: Duration,
    },
    Unreachable(Away),
}

/// The mail server cannot be used: what it said, and what the admin should look at.
struct Away {
    reply: String,
    advice: Advice,
    /// How long not to come back, at the least.
    wait: Duration,
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the store failed")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Folder(#[from] super::OutboxError),
    #[error("a task was cut off")]
    CutOff(#[from] JoinError),
}

struct Outbox {
    store: Arc<Store>,
    delivery: Delivery,
    /// Read at the first message.
    key: OnceCell<EnvelopeKey>,
    stopping: AtomicBool,
}

impl Outbox {
    /// One batch. After a round that found the server away, it is asked first, so that no answer is charged with an
    /// attempt that could not be made.
    async fn round(self: &Arc<Self>, ask_first: bool) -> Result<Round, Fault> {
        let (due, next) = self
            .with_store(|store| {
                if store.sending_paused()?.is_some() {
                    return Ok((Vec::new(), None));
                }
                let now = clock::now();
                let due = store.due_answers(now, BATCH_MAX)?;
                let next = if due.is_empty() { store.next_answer_due()? } else { None };
                Ok((due, next))
            })
            .await?;
        if due.is_empty() {
            self.close(false).await;
            let until = next.map_or(LOOK_TIME_MAX, |next| {
                Duration::try_from(next.duration_since(clock::now())).unwrap_or(Duration::ZERO)
            });
            // Not shorter than a moment: a clock that is set back must not make us spin.
            return Ok(Round::Nothing { until: until.clamp(Duration::from_millis(20), LOOK_TIME_MAX) });
        }
        if let (true, Some(mailer)) = (ask_first, &self.delivery.mailer)
            && let Err(away) = mailer.probe().await
        {
            let advice =
                away.advice().unwrap_or("the mail server cannot be used; `bode doctor` says why".into());
            return Ok(Round::Unreachable(Away { reply: with_causes(&away), advice, wait: away.wait() }));
        }
        let full = due.len() == BATCH_MAX;
        let (mut attempts, mut due) = (JoinSet::new(), due.into_iter());
        let (mut unreachable, mut fault) = (None, None);
        let mut unsynced = 0;
        loop {
            let going_on = unreachable.is_none() && fault.is_none() && !self.stopping.load(Ordering::Relaxed);
            while going_on && attempts.len() < SMTP_CONNECTIONS_MAX {
                let Some(entry) = due.next() else { break };
                let outbox = Arc::clone(self);
                attempts.spawn(async move { outbox.attempt(&entry).await });
            }
            // Attempts under way are always ended: one that is cut off might have been sent.
            match attempts.join_next().await {
                None => break,
                Some(Ok(Ok(None))) => {}
                // The rest of the batch would fare the same.
                Some(Ok(Ok(Some(away)))) => unreachable = Some(away),
                Some(Ok(Err(error))) => fault = Some(error),
                Some(Err(error)) => fault = Some(error.into()),
            }
            unsynced += 1;
            if unsynced >= SENT_UNSYNCED_MAX || attempts.is_empty() {
                // What was handed over is noted on disk before much more is.
                if let Err(error) = self.with_store(Store::settle).await {
                    fault = Some(error);
                }
                unsynced = 0;
            }
        }
        match (fault, unreachable) {
            (Some(fault), _) => Err(fault),
            (None, Some(away)) => Ok(Round::Unreachable(away)),
            (None, None) => Ok(Round::Tried { full }),
        }
    }

    /// Tries one answer and notes what became of it. Gives the reply when the server could not be used.
    async fn attempt(&self, entry: &OutboxEntry) -> Result<Option<Away>, Fault> {
        let case = entry.case;
        let _stage = self.delivery.metrics.stage("send");
        if !self.delivery.send {
            return self.note(entry, Note::Rehearsed).await;
        }
        if let Some(reason) = self.not_now(entry.channel) {
            self.with_store(move |store| {
                let now = clock::now();
                store.answer_deferred(case, now + NOT_NOW, reason, now)
            })
            .await?;
            return Ok(None);
        }
        let waiting = entry.clone();
        let bytes = self
            .with_store(move |store| {
                let bytes = store.answer_of(&waiting)?;
                store.answer_attempted(case, clock::now())?;
                Ok(bytes)
            })
            .await;
        let bytes = match bytes {
            Ok(bytes) => bytes,
            // A person withheld it, or paused all, in the meantime.
            Err(Fault::Store(StoreError::State { .. })) => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let Some(bytes) = bytes else {
            error!(stage = "outbox", record = %entry.record, %case, "the bytes of an answer are not in the store");
            return self
                .note(entry, Note::Failed("Het bestand van het antwoord is er niet meer.".into()))
                .await;
        };
        info!(stage = "outbox", record = %entry.record, %case, "answer attempted");
        match entry.channel {
            AnswerChannel::Letter => {
                let print_dir = self.delivery.print_dir.clone();
                let day = office_date(clock::now());
                tokio::task::spawn_blocking(move || lay_letter(&print_dir, day, case, &bytes)).await??;
                self.note(entry, Note::Sent).await
            }
            AnswerChannel::Email => self.send(entry, bytes).await,
        }
    }

    async fn send(&self, entry: &OutboxEntry, bytes: Vec<u8>) -> Result<Option<Away>, Fault> {
        let case = entry.case;
        if let Some(folder) = self.delivery.lay_messages_in.clone() {
            let name = format!("{case}.eml");
            tokio::task::spawn_blocking(move || lay(&folder, &name, &bytes)).await??;
            return self.note(entry, Note::Sent).await;
        }
        let (Some(mailer), Some(to)) = (&self.delivery.mailer, recipient(&bytes)) else {
            let reply = "Het antwoord heeft geen geldig adres.".to_owned();
            return self.note(entry, Note::Failed(reply)).await;
        };
        let key = self.key.get_or_try_init(|| self.with_store(Store::envelope_key)).await?;
        let handed = mailer.send(key, case, &to, &bytes).await;
        let attempts = match entry.state {
            AnswerState::Waiting { attempts, .. } => attempts.saturating_add(1),
            _ => 1,
        };
        let next = |now: Timestamp| now + pause(&self.delivery.pauses, attempts);
        match handed {
            Handed::Sent => self.note(entry, Note::Sent).await,
            Handed::Refused { reply } => self.note(entry, Note::Failed(reply)).await,
            Handed::Deferred { reply } if attempts >= SEND_ATTEMPTS_MAX => {
                self.note(entry, Note::Failed(reply)).await
            }
            Handed::Unsure { reply } if attempts >= UNSURE_ATTEMPTS_MAX => {
                let told = format!("Het is niet zeker of het antwoord is aangekomen. {reply}");
                self.note(entry, Note::Failed(told)).await
            }
            Handed::Deferred { reply } | Handed::Unsure { reply } => {
                self.note(entry, Note::Deferred(next(clock::now()), reply)).await
            }
            Handed::Unreachable { reply, advice, wait } => {
                // Soon again: the loop's own pause grows, and this one tells whether the server is back.
                self.note(entry, Note::Deferred(clock::now(), reply.clone())).await?;
                Ok(Some(Away { reply, advice, wait }))
            }
        }
    }

    /// Closes connections that are not used.
    async fn close(&self, all: bool) {
        if let Some(mailer) = &self.delivery.mailer {
            mailer.close_idle(all).await;
        }
    }

    /// Why an answer of this channel may not go now, in Dutch for staff.
    fn not_now(&self, channel: AnswerChannel) -> Option<&'static str> {
        let delivery = &self.delivery;
        let no_way = delivery.mailer.is_none() && delivery.lay_messages_in.is_none();
        (channel == AnswerChannel::Email && no_way).then_some("Er is geen mailserver ingesteld ([smtp]).")
    }

    async fn note(&self, entry: &OutboxEntry, note: Note) -> Result<Option<Away>, Fault> {
        let metrics = self.delivery.metrics.clone();
        let (case, record) = (entry.case, entry.record);
        self.with_store(move |store| {
            let now = clock::now();
            count(&metrics, store, case, &note, now)?;
            match &note {
                Note::Sent => {
                    info!(stage = "sent", %record, %case, "answer sent");
                    store.answer_sent(case, now)
                }
                Note::Deferred(next, reply) => {
                    info!(stage = "outbox", %record, %case, "answer deferred");
                    store.answer_deferred(case, *next, reply, now)
                }
                Note::Rehearsed => {
                    info!(stage = "outbox", %record, %case, "rehearsal: answer not sent");
                    store.answer_rehearsed(case, REHEARSED, now)
                }
                Note::Failed(reply) => {
                    warn!(stage = "outbox", %record, %case, "answer given up; staff must find another way");
                    store.answer_failed(case, reply, now)
                }
            }
        })
        .await?;
        Ok(None)
    }

    /// The store blocks, so it is called on a thread that may.
    async fn with_store<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Fault> {
        let store = Arc::clone(&self.store);
        Ok(tokio::task::spawn_blocking(move || call(&store)).await??)
    }
}

enum Note {
    Sent,
    Deferred(Timestamp, String),
    Failed(String),
    Rehearsed,
}

/// Counts an attempt by what came of it, and how long the writer waited.
fn count(
    metrics: &Metrics,
    store: &Store,
    case: CaseNumber,
    note: &Note,
    now: Timestamp,
) -> Result<(), StoreError> {
    let outcome = match note {
        Note::Sent => "sent",
        Note::Deferred(..) => "deferred",
        Note::Failed(_) => "failed",
        Note::Rehearsed => "rehearsed",
    };
    metrics.add(&family::ANSWERS, &[outcome], 1);
    if let (Note::Sent, Some(row)) = (note, store.case(case)?) {
        let channel = match row.answer.map(|answer| answer.channel) {
            Some(AnswerChannel::Letter) => "letter",
            _ => "email",
        };
        let waited = Duration::try_from(now.duration_since(row.received_at)).unwrap_or_default();
        metrics.observe(&family::ANSWERED_SECONDS, &[channel], waited);
    }
    Ok(())
}

/// The pause after so many attempts.
fn pause(pauses: &[SignedDuration], attempts: u32) -> SignedDuration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    pauses.get(index).or(pauses.last()).copied().unwrap_or(NOT_NOW)
}

/// The one address in the To field of a message of ours.
fn recipient(bytes: &[u8]) -> Option<Address> {
    let message = mail_parser::MessageParser::new().parse_headers(bytes)?;
    message.to()?.first()?.address()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_about_three_days() {
        let pause = |attempts| pause(&PAUSES, attempts);
        assert_eq!(pause(1), SignedDuration::from_mins(1));
        assert_eq!(pause(3), SignedDuration::from_mins(15));
        assert_eq!(pause(99), SignedDuration::from_hours(4));
        let all: SignedDuration = (1..SEND_ATTEMPTS_MAX).map(pause).fold(SignedDuration::ZERO, |a, b| a + b);
        assert!((50..=80).contains(&all.as_hours()), "{} hours", all.as_hours());
    }

    #[test]
    fn the_recipient_is_the_one_in_our_message() {
        assert_eq!(
            recipient(b"From: Kantoor <klacht@example.nl>\r\nTo: jansen@example.org\r\n\r\nTo: x@y.nl\r\n"),
            "jansen@example.org".parse().ok()
        );
        assert_eq!(recipient(b"From: klacht@example.nl\r\n\r\n"), None);
    }
}
