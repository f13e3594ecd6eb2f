//! The order of the stages for one piece: extract, triage, acknowledge, one commit. The daemon, `import` and the
//! commands that only look (`triage`, `acknowledge`) all go through here, so that they cannot differ.
//!
//! Invariant: a piece leaves [`Intake::take_up`] judged, or divided into letters, or stays registered for the next
//! start.

mod addressed;
mod breaker;
mod clerk;
mod counted;
mod related;
mod returns;
mod rulebook;
mod runs;
mod samples;
mod waiting;

pub use addressed::{CheckError, LetterChecked, check_letter};
pub use clerk::DraftRequest;
pub use rulebook::{Preview, Rulebook, RulebookError};
pub use runs::RunPolicy;
pub use samples::Sampled;
use waiting::SENDER_BYTES_MAX;
pub use waiting::{Entered, InWork, SenderMark};

use crate::acknowledge::{History, Prepared, destination};
use crate::clock;
use crate::config::FollowUp;
use crate::extract::{ReadError, ReadRequest, Reader};
use crate::metrics::Metrics;
use crate::record::{
    Answer, AnswerState, CaseNumber, Channel, ComeBack, Extract, Origin, Record, RegistrationNumber,
    SetAside, office_date,
};
use crate::store::{Outcome, Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use related::{Clues, Related};
use returns::Laid;
use rulebook::AnswerRequest;
use runs::{Halves, Step};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Mutex, Notify};
use tracing::{Span, info, warn};
use waiting::Claims;

/// What carries one piece through the house.
#[derive(Debug)]
pub struct Intake {
    pub store: Arc<Store>,
    pub in_work: Arc<InWork>,
    reader: Reader,
    /// Replaced whole on reload; a piece in hand ends with the rules it began with.
    rulebook: RwLock<Arc<Rulebook>>,
    claims: Claims,
    runs: RunPolicy,
    /// Held while a half of a one-sided run looks for the other.
    halves: Mutex<Halves>,
    halves_changed: Notify,
    /// Where the letters of a run go to be taken up; without it the next start does.
    letters: Option<UnboundedSender<RegistrationNumber>>,
    metrics: Metrics,
}

/// The machine's fault: the piece stays registered and is taken up again.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    #[error("the store failed")]
    Store(#[from] StoreError),
    #[error("the reader failed")]
    Read(#[from] ReadError),
    #[error("the task was cut off")]
    CutOff(#[from] tokio::task::JoinError),
}

/// A piece that could not be judged now.
#[derive(Debug)]
pub struct NotYet {
    pub error: IntakeError,
    /// Its turn: while it is kept, what has to come after this piece waits for it.
    pub entered: Option<Entered>,
}

/// What became of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    Case(CaseNumber),
    PartOf(CaseNumber),
    Aside,
    /// A run, or half of one: its letters are pieces of their own.
    Divided,
    /// Half of a run, which stays registered: to be taken up again at this time, or when another half has come.
    Waits(Timestamp),
}

/// What reading a piece came to.
enum Read {
    Letter(Box<(Record, Extract)>),
    Became(Became),
}

impl Intake {
    pub fn new(
        store: Arc<Store>,
        reader: Reader,
        rulebook: Arc<Rulebook>,
        runs: RunPolicy,
        letters: Option<UnboundedSender<RegistrationNumber>>,
    ) -> Self {
        Self {
            store,
            in_work: Arc::default(),
            reader,
            rulebook: RwLock::new(rulebook),
            claims: Claims::default(),
            runs,
            halves: Mutex::default(),
            halves_changed: Notify::new(),
            letters,
            metrics: Metrics::default(),
        }
    }

    /// Counts what it does there.
    #[must_use]
    pub fn counted_by(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// The workers that read; the desk opens attachments with them.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The rules as they stand now.
    pub fn rulebook(&self) -> Arc<Rulebook> {
        Arc::clone(&self.rulebook.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts new rules in place of the old.
    pub fn replace_rulebook(&self, rulebook: Arc<Rulebook>) {
        *self.rulebook.write().unwrap_or_else(PoisonError::into_inner) = rulebook;
    }

    /// The piece is in work from here on. To be called in the order of registration.
    pub async fn enter(&self, number: RegistrationNumber) -> Entered {
        let store = Arc::clone(&self.store);
        let head = tokio::task::spawn_blocking(move || store.message_head(number, SENDER_BYTES_MAX)).await;
        // Where it cannot be read now, taking it up tells.
        let sender = head.ok().and_then(Result::ok).flatten().and_then(|head| SenderMark::of(&head));
        self.in_work.enter(number, sender)
    }

    /// Reads, judges and commits one registered piece. `entered` was taken in the order of registration.
    ///
    /// # Errors
    /// When the machine fails; the piece then stays as it is on disk.
    pub async fn take_up(self: &Arc<Self>, entered: Entered) -> Result<Became, NotYet> {
        let number = entered.number();
        let (record, extract) = match self.read(number).await {
            Ok(Read::Letter(letter)) => *letter,
            Ok(Read::Became(became)) => return Ok(became),
            Err(error) => return Err(NotYet { error, entered: Some(entered) }),
        };
        let clues = Clues::of(&extract);
        if clues.is_reply() {
            // A reply may have overtaken the message it replies to.
            self.in_work.earlier_done(number).await;
        }
        self.in_work.earlier_of_sender_done(number).await;
        let intake = Arc::clone(self);
        let around = Span::current();
        let done = tokio::task::spawn_blocking(move || {
            let _piece = around.enter();
            let became = intake.judge_and_commit(&record, &extract, &clues);
            became.map_err(|error| NotYet { error, entered: Some(entered) })
        });
        done.await.map_err(|error| NotYet { error: error.into(), entered: None })?
    }

    /// The record and its text: from the store when it was read before, else by a worker. A run is divided instead.
    async fn read(&self, number: RegistrationNumber) -> Result<Read, IntakeError> {
        let store = Arc::clone(&self.store);
        let (record, known, original) = tokio::task::spawn_blocking(move || -> Result<_, StoreError> {
            let known = store.extract(number)?;
            let original = if known.is_some() { Vec::new() } else { store.original(number)? };
            Ok((store.record(number)?, known, original))
        })
        .await??;
        if let Some(extract) = known {
            return Ok(Read::Letter(Box::new((record, extract))));
        }
        let told = match self.as_run(&record, &original).await? {
            Step::Letter(told) => told,
            Step::Divided => return Ok(Read::Became(Became::Divided)),
            Step::Waits(until) => return Ok(Read::Became(Became::Waits(until))),
        };
        let request = ReadRequest {
            name: record.name.clone(),
            channel: Some(record.channel),
            bytes: original,
            // Words with their boxes: the desk shows where the evidence stands on the page.
            words: true,
        };
        let stage = self.metrics.stage("extract");
        let mut extract = self.reader.read(request).await?;
        drop(stage);
        counted::read(&self.metrics, &extract);
        let problems = extract.documents.iter().filter(|document| document.problem.is_some()).count();
        info!(stage = "extract", record = %number, documents = extract.documents.len(), problems, "read");
        extract.defects.extend(told);
        let store = Arc::clone(&self.store);
        let extract = tokio::task::spawn_blocking(move || {
            store.keep_extract(number, &extract, clock::now()).map(|()| extract)
        })
        .await??;
        Ok(Read::Letter(Box::new((record, extract))))
    }

    /// Judgement, answer and the one commit (restart state R3).
    fn judge_and_commit(
        &self,
        record: &Record,
        extract: &Extract,
        clues: &Clues,
    ) -> Result<Became, IntakeError> {
        let rulebook = self.rulebook();
        let address = extract.message.as_ref().and_then(|message| destination(message, &rulebook.policy));
        // Two pieces of one address are counted one after the other, or both would pass below its cap.
        let claimed =
            clues.msg_ids().into_iter().chain(address.iter().map(|address| format!("to:{address}")));
        let _claim = self.claims.take(claimed.collect());
        let received = office_date(record.received_at);
        let stage = self.metrics.stage("triage");
        let judgement = rulebook.judge(extract, record.channel, received);
        drop(stage);
        let now = clock::now();
        counted::judged(&self.metrics, &judgement, now.duration_since(record.registered_at));
        let automatic = judgement.automatic.clone();
        if returns::may_be(extract, automatic.as_ref()) {
            let path = rulebook.return_path.as_ref();
            let laid = returns::find(&self.store, path, extract, automatic.as_ref(), clues)?;
            if let Some(Laid { case, what, why }) = laid {
                if what == ComeBack::Undelivered {
                    warn!(%case, record = %record.number, "an answer did not arrive; staff must find another way");
                }
                self.store.commit(record.number, Outcome::CameBack { case, judgement, what, why }, now)?;
                return Ok(Became::PartOf(case));
            }
        }
        if let Some(automatic) = automatic {
            let why = SetAside::Automatic { class: automatic.class, reason: automatic.reason };
            self.store.commit(record.number, Outcome::SetAside { judgement, why }, now)?;
            return Ok(Became::Aside);
        }
        let related = related::find(&self.store, clues)?;
        let history = self.history(address.as_deref(), &rulebook, now)?;
        let year = u16::try_from(received.year()).unwrap_or_default();
        let case = match &related {
            Some(related) => related.case,
            None => self.store.next_case_number(year)?,
        };
        let deadlines = rulebook.deadlines(received, &judgement);
        let line = match &related {
            Some(related) => record.channel == Channel::Email && self.gets_line(related, &rulebook, now)?,
            None => false,
        };
        let stage = self.metrics.stage("answer");
        let mut prepared = rulebook.answer(&AnswerRequest {
            case,
            received,
            now,
            channel: record.channel,
            extract,
            judgement: &judgement,
            deadlines: &deadlines,
            acknowledge: self.may_acknowledge(record)?,
            joins: related.as_ref().map(|related| related.case).filter(|_| !line),
            line,
            history,
        });
        drop(stage);
        self.trip_breaker(&prepared.answer, history, &rulebook.policy, now)?;
        // A line is not worth a person's time: it goes out by itself, or not at all.
        if let (true, Answer::Hold { reason, .. }) = (line, &prepared.answer) {
            prepared =
                Prepared { answer: Answer::Withhold { reason: reason.clone() }, bytes: None, msg_id: None };
        }
        let Prepared { answer, bytes: answer_bytes, msg_id: answer_msg_id } = prepared;
        let gate = counted::answered(&self.metrics, &answer);
        let (outcome, became) = match related {
            Some(Related { case, why, .. }) => (
                Outcome::Joins { case, judgement, why, answer, answer_bytes, answer_msg_id },
                Became::PartOf(case),
            ),
            None => (
                Outcome::NewCase { case, judgement, deadlines, answer, answer_bytes, answer_msg_id },
                Became::Case(case),
            ),
        };
        // Before the commit: from then on the outbox may tell of it.
        info!(stage = "answer", record = %record.number, %case, gate, "answer decided");
        let _stage = self.metrics.stage("commit");
        self.store.commit(record.number, outcome, now)?;
        Ok(became)
    }

    /// Neither old mail, nor what was registered while a rehearsal went on.
    fn may_acknowledge(&self, record: &Record) -> Result<bool, StoreError> {
        let Some(ended) = self.store.rehearsal()?.and_then(|period| period.ended) else {
            return Ok(record.acknowledge);
        };
        let came = match record.origin {
            // A letter is registered when its stack is divided.
            Origin::Run { of, .. } => self.store.record(of)?.registered_at,
            _ => record.registered_at,
        };
        Ok(record.acknowledge && came > ended)
    }

    /// Does the writer of a follow-up get the one line? Where the office wants it, from the writer of the case, after the
    /// acknowledgement went out, and at most once a day for a case.
    fn gets_line(&self, related: &Related, rulebook: &Rulebook, now: Timestamp) -> Result<bool, StoreError> {
        if rulebook.follow_up != FollowUp::Line || !related.same_writer {
            return Ok(false);
        }
        let Some(row) = self.store.case(related.case)? else { return Ok(false) };
        let Some(answer) = &row.answer else { return Ok(false) };
        let is_line = row.records.first() != Some(&answer.record);
        Ok(match answer.state {
            AnswerState::Sent { at, .. } => !is_line || at < now - SignedDuration::from_hours(24),
            _ => false,
        })
    }

    /// Answers that went out before this one: the gate's caps and the breaker.
    fn history(
        &self,
        address: Option<&str>,
        rulebook: &Rulebook,
        now: Timestamp,
    ) -> Result<History, StoreError> {
        let hour = now - SignedDuration::from_hours(1);
        let day = now - SignedDuration::from_hours(24);
        let to = |since| match address {
            Some(address) => self.store.answers_since(Some(address), since),
            None => Ok(0),
        };
        let breaker_open = self.breaker(&rulebook.policy, now)?.is_some();
        // What a person looked at before he closed the breaker does not open it again.
        let since = self.store.breaker_closed_at()?.map_or(hour, |closed| closed.max(hour));
        Ok(History {
            to_address_hour: to(hour)?,
            to_address_day: to(day)?,
            all_hour: self.store.answers_since(None, since)?,
            breaker_open,
        })
    }
}
