//! The index is a fold: [`Fold::apply`] is the one function that changes it, both live and when it is built
//! again from journal and folders, so that both give the same answers.
//!
//! Invariant: pure but for reading the record's folder; no clock, no order but that of the journal. A folder that
//! is gone (purged) or damaged gives a poorer row, never a stop; `verify` tells of it.

use super::StoreError;
use super::ahead::Ahead;
use super::card::{Became, Card, CaseState, RecordState};
use super::entry::{Entry, Event, Judged};
use super::kept_rules::Published;
use super::keys;
use super::original::{CARD, Originals, RECORD};
use super::rows::{Changes, Rows, decode, encode, octets, of_octets};
use super::types::AsideRow;
use crate::record::{Bsns, CaseNumber, Channel, ProofRow, Record, RegistrationNumber, SetAside, office_date};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Cases that a long fold keeps decoded after their last change: most entries are about one of the last.
const LATE_CASES: usize = 4_096;

/// Changes that are folded but not yet written.
#[derive(Debug)]
pub(super) struct Fold<'a> {
    rows: &'a dyn Rows,
    pub(super) originals: &'a Originals,
    changes: Changes,
    /// What is added to counters.
    sums: HashMap<Vec<u8>, i64>,
    cases: Cases,
    /// The last entry and its digest.
    applied: Option<(u64, String)>,
    ahead: Ahead,
}

/// Cases that are not yet written: the latest, and those before them.
#[derive(Debug, Default)]
struct Cases {
    late: HashMap<CaseNumber, CaseState>,
    earlier: HashMap<CaseNumber, CaseState>,
}

/// What a long fold may keep from one write to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Between {
    /// The cases of late: each write alone is no whole state. For an index that nobody reads before it is whole.
    Cases,
    /// Nothing: each write is the state after an entry.
    Nothing,
}

/// Stands where words were purged.
pub(super) const GONE: &str = "(verwijderd)";

impl<'a> Fold<'a> {
    pub fn new(rows: &'a dyn Rows, originals: &'a Originals) -> Self {
        Self {
            rows,
            originals,
            changes: Changes::new(),
            sums: HashMap::new(),
            cases: Cases::default(),
            applied: None,
            ahead: Ahead::default(),
        }
    }

    /// What to write, all of it at once.
    pub fn finish(mut self) -> Result<Changes, StoreError> {
        self.take(Between::Nothing)
    }

    /// The same, to go on with.
    pub fn take(&mut self, keep: Between) -> Result<Changes, StoreError> {
        for (key, by) in std::mem::take(&mut self.sums) {
            match self.get::<i64>(&key)?.unwrap_or(0) + by {
                0 => self.remove(key),
                sum => self.put(key, &sum)?,
            }
        }
        let done = match keep {
            Between::Nothing => {
                let late = std::mem::take(&mut self.cases.late);
                std::mem::take(&mut self.cases.earlier).into_iter().chain(late).collect()
            }
            Between::Cases if self.cases.late.len() >= LATE_CASES => {
                let late = std::mem::take(&mut self.cases.late);
                std::mem::replace(&mut self.cases.earlier, late)
            }
            Between::Cases => HashMap::new(),
        };
        for (number, state) in done {
            self.put(keys::case(number), &state)?;
        }
        if let Some(applied) = self.applied.take() {
            self.put(keys::APPLIED.to_vec(), &applied)?;
        }
        Ok(std::mem::take(&mut self.changes))
    }

    /// What was read of the folders of the entries that come next.
    pub fn bring(&mut self, ahead: Ahead) {
        self.ahead = ahead;
    }

    pub fn len(&self) -> usize {
        self.changes.len()
    }

    pub(super) fn get<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StoreError> {
        match self.changes.get(key) {
            Some(Some(value)) => decode(value).map(Some),
            Some(None) => Ok(None),
            None => self.rows.get(key)?.map(|value| decode(&value)).transpose(),
        }
    }

    /// A value that is no JSON; it begins with its version, as every value.
    pub(super) fn get_octets(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = match self.changes.get(key) {
            Some(value) => value.clone(),
            None => self.rows.get(key)?,
        };
        found.as_deref().map(|value| octets(value).map(<[u8]>::to_vec)).transpose()
    }

    pub(super) fn put_octets(&mut self, key: Vec<u8>, octets: &[u8]) {
        self.changes.insert(key, Some(of_octets(octets)));
    }

    /// Every key that begins with `prefix`, with what is folded but not yet written.
    pub(super) fn keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut found = BTreeSet::new();
        self.rows.each(prefix, None, false, &mut |key, _| {
            found.insert(key.to_vec());
            Ok(true)
        })?;
        for (key, value) in
            self.changes.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix))
        {
            match value {
                Some(_) => found.insert(key.clone()),
                None => found.remove(key),
            };
        }
        Ok(found.into_iter().collect())
    }

    pub(super) fn put<T: Serialize>(&mut self, key: Vec<u8>, value: &T) -> Result<(), StoreError> {
        self.changes.insert(key, Some(encode(value)?));
        Ok(())
    }

    pub(super) fn remove(&mut self, key: Vec<u8>) {
        self.changes.insert(key, None);
    }

    /// Adds to a counter; one that comes to zero goes.
    pub(super) fn add(&mut self, key: &[u8], by: i64) {
        match self.sums.get_mut(key) {
            Some(sum) => *sum += by,
            None => drop(self.sums.insert(key.to_vec(), by)),
        }
    }

    /// The state of a case, also when it is not yet written.
    pub(super) fn known_case(&self, number: CaseNumber) -> Result<Option<CaseState>, StoreError> {
        match self.cases.late.get(&number).or_else(|| self.cases.earlier.get(&number)) {
            Some(state) => Ok(Some(state.clone())),
            None => self.get(&keys::case(number)),
        }
    }

    /// Keeps a case whose derived keys stay what they are.
    pub(super) fn put_case(&mut self, state: CaseState) {
        self.cases.earlier.remove(&state.row.number);
        self.cases.late.insert(state.row.number, state);
    }

    /// Folds one entry in. `digest` is that of its journal line.
    pub fn apply(&mut self, entry: &Entry, digest: &str) -> Result<(), StoreError> {
        match &entry.what {
            Event::Registered { record, digest, bytes, record_digest } => {
                let state = RecordState {
                    digest: digest.clone(),
                    record_digest: record_digest.clone(),
                    bytes: *bytes,
                    became: Became::Work,
                    files: BTreeMap::new(),
                    post_of: None,
                    purged: false,
                };
                self.put(keys::record(*record), &state)?;
                self.put(keys::digest(digest), record)?;
                self.put(keys::work(*record), &())?;
                self.add(keys::PIECES, 1);
                self.put(keys::at_seq(keys::record_history(*record), entry.seq), entry)?;
            }
            Event::Duplicate { record } => {
                self.add(keys::DUPLICATES, 1);
                self.put(keys::at_seq(keys::record_history(*record), entry.seq), entry)?;
            }
            Event::Opened { case, record, judged, queue, answer } => {
                self.judged(*record, judged, Became::Case(*case))?;
                self.opened(entry, *case, *record, queue, answer)?;
                self.breaker_held(entry, answer)?;
            }
            Event::Joined { case, record, judged, answer } => {
                self.judged(*record, judged, Became::Case(*case))?;
                self.joined(entry, *case, *record, answer)?;
                self.breaker_held(entry, answer)?;
            }
            Event::CameBack { case, record, judged, what } => {
                self.judged(*record, judged, Became::Case(*case))?;
                self.came_back(entry, *case, *record, *what)?;
            }
            Event::SetAside { record, judged, class } => {
                self.judged(*record, judged, Became::Aside)?;
                let gone = || GONE.to_owned();
                let why = self.card(*record)?.aside.unwrap_or_else(|| match class {
                    Some(class) => SetAside::Automatic { class: *class, reason: gone() },
                    None => SetAside::ByPerson { reason: gone() },
                });
                self.set_aside(entry, *record, why)?;
            }
            Event::Divided { record, divided } => {
                self.judged(*record, &Judged::default(), Became::Aside)?;
                self.put(keys::run(*record), divided)?;
                self.put(keys::at_seq(keys::record_history(*record), entry.seq), entry)?;
                self.set_aside(entry, *record, SetAside::Divided(divided.clone()))?;
                if let Some(backs) = divided.backs {
                    self.judged(backs, &Judged::default(), Became::Aside)?;
                    self.set_aside(entry, backs, SetAside::Backs { of: *record })?;
                }
            }
            Event::Digest { day, step } => self.put(keys::DIGEST.to_vec(), &(day, step))?,
            Event::AnswerAttempted { case }
            | Event::AnswerSent { case }
            | Event::AnswerDeferred { case, .. }
            | Event::AnswerFailed { case, .. }
            | Event::AnswerReleased { case }
            | Event::AnswerWithheld { case, .. }
            | Event::AnswerHeld { case, .. } => self.answered(entry, *case)?,
            Event::LetterPrinted { case } | Event::LetterAgain { case } => self.letter(entry, *case)?,
            Event::LetterAddressed { case, record, file, digest, .. } => {
                let key = keys::record(*record);
                let mut state: RecordState = self.get(&key)?.ok_or(StoreError::UnknownRecord(*record))?;
                state.files.insert(file.clone(), digest.clone());
                self.put(key, &state)?;
                self.letter(entry, *case)?;
            }
            Event::Merged { case, into } => {
                self.merged(entry, *case, *into)?;
                self.put(keys::at_seq(keys::case_history(*into), entry.seq), entry)?;
            }
            Event::Undone { case, decision } => self.undone(entry, *case, *decision)?,
            Event::Labelled { case, label, value } => self.labelled(entry, *case, label, value.as_deref())?,
            Event::NotAlike { case, other } => {
                self.not_alike(entry, *case, *other)?;
                self.put(keys::at_seq(keys::case_history(*other), entry.seq), entry)?;
            }
            Event::Split { into, .. } => {
                self.split(entry)?;
                self.put(keys::at_seq(keys::case_history(*into), entry.seq), entry)?;
            }
            Event::TakenBack { case, record, .. } => self.taken_back(entry, *case, *record)?,
            Event::Decided { case, .. } | Event::Assigned { case, .. } | Event::Noted { case, .. } => {
                self.changed_by_person(entry, *case)?;
            }
            // Only the history tells of it: the case stays as it was shown.
            Event::BsnShown { .. } | Event::HandedOver { .. } | Event::HandoverAsked { .. } => {}
            Event::BreakerOpened { answers } => self.breaker_opened(entry, *answers)?,
            Event::BreakerClosed => self.breaker_closed(entry)?,
            Event::Restored { .. } => self.restored(&entry.what)?,
            Event::Purged { .. } => self.purged(entry)?,
            Event::Kept { case, .. } | Event::Unkept { case } => self.kept(entry, *case)?,
            Event::Exported { .. } => {}
            Event::Proved { note } => {
                let row = ProofRow { at: entry.at, note: (**note).clone() };
                self.put(keys::proof(office_date(entry.at)), &row)?;
            }
            Event::RulesPublished { version, reason } => {
                let row = Published {
                    at: entry.at,
                    by: entry.by.clone(),
                    version: version.clone(),
                    reason: reason.clone(),
                };
                self.put(keys::at_seq(keys::PUBLISHED.to_vec(), entry.seq), &row)?;
            }
            Event::Sending { paused } => self.sending(entry, *paused)?,
        }
        if let Some(case) = entry.what.case() {
            self.put(keys::at_seq(keys::case_history(case), entry.seq), entry)?;
        }
        self.applied = Some((entry.seq, digest.to_owned()));
        Ok(())
    }

    /// A piece leaves the work and becomes something.
    fn judged(
        &mut self,
        record: RegistrationNumber,
        judged: &Judged,
        became: Became,
    ) -> Result<(), StoreError> {
        let key = keys::record(record);
        let mut state: RecordState = self.get(&key)?.ok_or(StoreError::UnknownRecord(record))?;
        state.became = became;
        state.files.clone_from(&judged.files);
        self.put(key, &state)?;
        self.remove(keys::work(record));
        Ok(())
    }

    fn set_aside(
        &mut self,
        entry: &Entry,
        record: RegistrationNumber,
        why: SetAside,
    ) -> Result<(), StoreError> {
        let (card, piece) = (self.card(record)?, self.piece(record)?);
        self.lay_post(entry, record, piece.as_ref())?;
        let row = AsideRow {
            record,
            channel: piece.as_ref().map_or(Channel::Email, |piece| piece.channel),
            received_at: piece.as_ref().map_or(entry.at, |piece| piece.received_at),
            at: entry.at,
            why,
            writer: card.writer,
            subject: card.subject,
        };
        self.put(keys::aside(record), &row)?;
        self.count_aside(None, Some(&row));
        self.add(keys::ASIDE_COUNT, 1);
        Ok(())
    }

    /// The card of a judged piece; an empty one where the folder is gone or damaged.
    pub(super) fn card(&self, record: RegistrationNumber) -> Result<Card, StoreError> {
        let mut card: Card = match self.ahead.cards.get(&record) {
            Some(card) => card.clone().unwrap_or_default(),
            None => self.lenient(record, CARD)?.unwrap_or_default(),
        };
        card.cover(&Bsns::default());
        Ok(card)
    }

    pub(super) fn piece(&self, record: RegistrationNumber) -> Result<Option<Record>, StoreError> {
        if let Some(piece) = self.ahead.records.get(&record) {
            return Ok(piece.clone());
        }
        self.lenient(record, RECORD)
    }

    /// Words that people or mail servers wrote, as kept with the first piece of a case.
    pub(super) fn words(
        &self,
        record: Option<&RegistrationNumber>,
        digest: &str,
    ) -> Result<String, StoreError> {
        let found = match record {
            Some(record) => self.originals.words(*record, digest),
            None => Ok(None),
        };
        match found {
            Ok(Some(found)) => Ok(Bsns::default().cover(&found).into_owned()),
            Ok(None) => Ok(GONE.to_owned()),
            Err(StoreError::Damaged { .. }) => Ok(GONE.to_owned()),
            Err(error) => Err(error),
        }
    }

    fn lenient<T: DeserializeOwned>(
        &self,
        record: RegistrationNumber,
        name: &str,
    ) -> Result<Option<T>, StoreError> {
        match self.originals.read_json(record, name) {
            Err(StoreError::Damaged { .. }) => Ok(None),
            other => other,
        }
    }
}
