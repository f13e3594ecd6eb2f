//! The loop: reads on in the journal, notes what is to be handed over, hands over what may go, sleeps.

use super::catalogue::Types;
use super::client::Client;
use super::follow::{Change, follow};
use super::informatieobject::{Informatieobject, of_case};
use super::notes::{Note, Room, Step};
use super::steps::Handing;
use super::{HandoverError, cursor};
use crate::clock;
use crate::config::Zaaksysteem;
use crate::cursor::Follower;
use crate::explain::{quiet, with_causes};
use crate::limits::CATALOGUE_KEPT;
use crate::pause::Pause;
use crate::record::{AnswerState, CaseRow, Decision, News, office_date};
use crate::store::{Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use std::path::Path;
use std::sync::Arc;
use tokio::time::Instant;
use tracing::{info, warn};

/// What came of one round, for counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub handed: u64,
    pub refused: u64,
    /// The round could not be ended: the zaaksysteem is away, or not set up.
    pub hindered: bool,
}

/// The hand-over at work.
pub struct Handover {
    client: Client,
    office: String,
    store: Arc<Store>,
    room: Arc<Room>,
    journal: Follower,
    /// For so long a person may take a decision back.
    undo: SignedDuration,
    types: Option<(Instant, Types)>,
}

/// A case that may go now, as it stands.
struct Ready {
    row: CaseRow,
    decision: Decision,
    /// `None`: nobody knows, or they do not want to be named.
    writer: Option<String>,
    documents: Vec<Informatieobject>,
    left_out: Vec<String>,
}

/// May a case go?
enum May {
    Go(Box<Ready>),
    /// A decision that can be taken back, or an answer that is not out yet.
    NotYet,
    /// It is not there any more.
    Gone,
    /// It is not as its note says (Dutch).
    Otherwise(&'static str),
}

impl Handover {
    /// Goes on where it was; blocks. A new one begins at the end of the journal.
    ///
    /// # Errors
    /// The certification authority, the notes, the cursor or the journal cannot be read.
    pub fn new(
        settings: &Zaaksysteem,
        office: &str,
        undo: SignedDuration,
        store: Arc<Store>,
        room: Arc<Room>,
        dir: &Path,
    ) -> Result<Self, HandoverError> {
        let journal = Follower::begin(Arc::clone(&store), cursor(dir))?;
        let client = Client::new(settings, office)?;
        Ok(Self { client, office: office.to_owned(), store, room, journal, undo, types: None })
    }

    /// Hands over until it is dropped.
    pub async fn run(mut self, told: impl Fn(Progress)) {
        let mut pause = Pause::default();
        let mut look = Follower::looks();
        loop {
            let (room, mut progress) = (Arc::clone(&self.room), Progress::default());
            tokio::select! {
                _ = pause.keep() => {}
                // Whoever asks for a case again has mended something: no pause holds that up.
                () = room.wake.notified() => {}
            }
            look.tick().await;
            match self.round(&mut progress).await {
                Ok(()) => {
                    pause.worked();
                    self.room.hinder(None, clock::now());
                }
                Err(error) => {
                    let (passing, wait) = error.passes();
                    let error = quiet(with_causes(&error));
                    warn!(error, "the zaaksysteem cannot be used now; it is tried again");
                    pause.failed(Instant::now(), passing, wait);
                    self.room.hinder(Some(error), clock::now());
                    progress.hindered = true;
                    self.types = None;
                }
            }
            told(progress);
        }
    }

    async fn round(&mut self, progress: &mut Progress) -> Result<(), HandoverError> {
        self.read_on().await?;
        for note in self.room.all_open() {
            if note.step == Step::Waiting {
                self.one(note, progress).await?;
            }
        }
        Ok(())
    }

    /// Turns what happened since into notes; the cursor follows behind them.
    async fn read_on(&mut self) -> Result<(), HandoverError> {
        loop {
            let before = self.journal.entry();
            let news = self.journal.read().await?;
            if let Err(fault) = self.note(&news) {
                // Else what could not be noted now would never be.
                self.journal.back_to(before);
                return Err(fault);
            }
            if self.journal.entry() == before {
                return Ok(());
            }
            self.journal.keep(self.journal.entry())?;
        }
    }

    fn note(&self, news: &[News]) -> Result<(), HandoverError> {
        for news in news {
            let known = self.room.get(news.case)?;
            match follow(news, known.as_ref(), &self.client.settings.decisions) {
                Change::Nothing => {}
                Change::Put(note) => self.room.put(&note)?,
                Change::Forget => self.room.forget(news.case)?,
            }
        }
        Ok(())
    }

    /// One case, as far as it goes. What is refused is noted and no error: the next case may be another matter.
    async fn one(&mut self, mut note: Note, progress: &mut Progress) -> Result<(), HandoverError> {
        let (store, of, undo) = (Arc::clone(&self.store), note.clone(), self.undo);
        let may = tokio::task::spawn_blocking(move || may(&store, &of, undo, clock::now())).await??;
        let now = clock::now();
        let ready = match may {
            May::Go(ready) => ready,
            May::NotYet => return Ok(()),
            May::Gone => return Ok(self.room.forget(note.case)?),
            May::Otherwise(said) => {
                note.step = Step::Refused { since: now, said: said.to_owned() };
                progress.refused += 1;
                return Ok(self.room.put(&note)?);
            }
        };
        let types = self.types().await?;
        match self.hand(&types, &ready, &mut note).await {
            Ok(()) => {
                let (store, case) = (Arc::clone(&self.store), note.case);
                tokio::task::spawn_blocking(move || store.handed_over(case, now)).await??;
                note.step = Step::Handed { since: now };
                progress.handed += 1;
                info!(case = %note.case, documents = note.documents, "handed over to the zaaksysteem");
            }
            Err(HandoverError::Refused(said)) => {
                warn!(case = %note.case, "the zaaksysteem refuses it; a person must look");
                note.step = Step::Refused { since: now, said };
                progress.refused += 1;
            }
            Err(error) => return Err(error),
        }
        Ok(self.room.put(&note)?)
    }

    async fn hand(&self, types: &Types, ready: &Ready, note: &mut Note) -> Result<(), HandoverError> {
        let Some(outcome) = types.outcome(note.verdict) else {
            let said = "Dit besluit staat niet meer onder [zaaksysteem.decisions].";
            return Err(HandoverError::Refused(said.to_owned()));
        };
        let handing = Handing {
            client: &self.client,
            store: &self.store,
            types,
            outcome,
            row: &ready.row,
            decision: &ready.decision,
            office: &self.office,
            today: office_date(clock::now()),
        };
        let zaak = handing.zaak(note.zaak.as_deref()).await?;
        (note.zaak, note.documents) = (Some(zaak.clone()), 0);
        note.left_out.clone_from(&ready.left_out);
        self.room.put(note)?;
        handing.writer(&zaak, ready.writer.as_deref()).await?;
        for document in &ready.documents {
            handing.document(&zaak, document).await?;
            note.documents += 1;
        }
        handing.outcome(&zaak).await
    }

    /// Looked up anew now and then: the catalogue of an office changes some times a year.
    async fn types(&mut self) -> Result<Types, HandoverError> {
        if let Some((at, types)) = &self.types
            && at.elapsed() < CATALOGUE_KEPT
        {
            return Ok(types.clone());
        }
        let types = Types::found(&self.client, office_date(clock::now())).await?;
        self.types = Some((Instant::now(), types.clone()));
        Ok(types)
    }
}

fn may(store: &Store, note: &Note, undo: SignedDuration, now: Timestamp) -> Result<May, StoreError> {
    let Some(row) = store.case(note.case)?.filter(|row| row.purged.is_none()) else { return Ok(May::Gone) };
    let Some(decision) = row.decision.clone() else {
        return Ok(May::Otherwise("Er is geen besluit meer."));
    };
    // A rehearsal is not followed, and may have changed it.
    if (decision.verdict, decision.at) != (note.verdict, note.decided_at) {
        return Ok(May::Otherwise("Er is intussen anders besloten."));
    }
    let waits = row
        .answer
        .as_ref()
        .is_some_and(|answer| matches!(answer.state, AnswerState::Waiting { .. } | AnswerState::Held { .. }));
    if waits || decision.at.checked_add(undo).is_ok_and(|until| now <= until) {
        return Ok(May::NotYet);
    }
    let (documents, left_out) = of_case(store, &row)?;
    let judgement = match row.records.first() {
        Some(first) => store.judgement(*first)?,
        None => None,
    };
    let writer =
        judgement.filter(|judgement| !judgement.anonymous).and_then(|judgement| judgement.writer.name);
    Ok(May::Go(Box::new(Ready { row, decision, writer, documents, left_out })))
}
