//! Destruction of records (ISO 15489: disposition; Archiefwet 1995, AVG 5(1)(e) and 17), and what stays of them: numbers,
//! dates, outcome, and the digests in the journal.
//!
//! Invariants: durable first, destructive last: the marker `purging` and the journal entries are on disk before the first
//! folder goes, and an opening finishes what a stop cut off. What the index keeps of a destroyed case is the same live and
//! when it is built again: every value that came from the folder is set here to one that needs no folder.

use super::card::{Became, CaseState, RecordState};
use super::change::bounded;
use super::entry::{Entry, Event, PurgedPiece};
use super::figures::lasting;
use super::fold::{Fold, GONE};
use super::journal::sync_dir;
use super::original::Originals;
use super::rows::{Rows, decode};
use super::types::AsideRow;
use super::{Store, StoreError, fold_case, keys};
use crate::limits::{ACCOUNT_CHARS_MAX, PURGE_ENTRY_PIECES_MAX};
use crate::record::{
    AnswerChannel, AnswerState, CaseNumber, CaseStatus, Channel, Destroyed, KeptBack, Likeness, OutboxEntry,
    Record, RegistrationNumber, SetAside,
};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Stands in the store while folders are being removed.
const PURGING: &str = "purging";

/// One thing to destroy: a case with all its pieces, or a piece that is no case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purgeable {
    /// As it was when it was listed: a case that changed since is left.
    Case(CaseNumber, u64),
    Piece(RegistrationNumber),
}

/// What is to be destroyed, and on what ground.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgeOrder {
    pub what: Purgeable,
    pub closed_on: Option<Date>,
    /// Such as `5 years`. `None`: at the demand of a person; then an open case may go too.
    pub term: Option<String>,
    /// By which list and number, or which article.
    pub basis: String,
}

/// What a purge came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgeReport {
    pub cases: u64,
    /// Pieces, with those of the cases.
    pub pieces: u64,
    /// What was not destroyed, and why (Dutch).
    pub left: Vec<(String, String)>,
}

impl Store {
    /// Destroys. `list` is the digest of the list that goes with the declaration. What may not be destroyed is left and told.
    ///
    /// # Errors
    /// The disk's; what was journaled by then is finished by the next opening.
    pub fn purge(
        &self,
        orders: &[PurgeOrder],
        list: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<PurgeReport, StoreError> {
        bounded("the account", by, ACCOUNT_CHARS_MAX)?;
        if self.core().journal.is_none() {
            return Err(StoreError::ReadOnly);
        }
        self.still_writing()?;
        let marker = self.dir.join(PURGING);
        File::create(&marker).and_then(|file| file.sync_all()).map_err(StoreError::io("write", &marker))?;
        sync_dir(&self.dir)?;
        let (mut report, mut gone, mut cases) = (PurgeReport::default(), Vec::new(), Vec::new());
        for order in orders {
            let mut why = None;
            self.change(now, by, |_| match self.purge_events(order, list)? {
                Ok(events) => {
                    for event in &events {
                        if let Event::Purged { records, case, .. } = event {
                            gone.extend(records.keys().copied());
                            cases.extend(*case);
                        }
                    }
                    report.cases += u64::from(matches!(order.what, Purgeable::Case(..)));
                    Ok(events)
                }
                Err(refused) => {
                    why = Some(refused);
                    Ok(Vec::new())
                }
            })?;
            let object = match order.what {
                Purgeable::Case(case, _) => case.to_string(),
                Purgeable::Piece(record) => record.to_string(),
            };
            report.left.extend(why.map(|why| (object, why)));
        }
        report.pieces = gone.len() as u64;
        // The next opening must not look for the files of what is destroyed now.
        if let Some(marker) = &self.marker {
            marker.sync().map_err(StoreError::io("sync", &self.dir))?;
        }
        for record in &gone {
            self.originals.destroy(*record)?;
        }
        self.originals.sync(&self.root).map_err(StoreError::io("sync", self.originals.root()))?;
        self.texts.forget(&cases)?;
        fs::remove_file(&marker).map_err(StoreError::io("remove", &marker))?;
        Ok(report)
    }

    /// The entries by which it is destroyed, or why it may not be.
    fn purge_events(&self, order: &PurgeOrder, list: &str) -> Result<Result<Vec<Event>, String>, StoreError> {
        let mut figures = None;
        let (case, records) = match order.what {
            Purgeable::Case(case, revision) => {
                let state = self.case_state(case)?.ok_or(StoreError::UnknownCase(case))?;
                if let Some(why) = forbidden(&state, revision, order.term.is_some()) {
                    return Ok(Err(why));
                }
                figures = Some(Box::new(lasting(&state)));
                (Some(case), state.row.records)
            }
            Purgeable::Piece(record) => {
                let state = self.record_state(record)?.ok_or(StoreError::UnknownRecord(record))?;
                match state.became {
                    _ if state.purged => return Ok(Err("is al vernietigd".to_owned())),
                    Became::Aside => (None, vec![record]),
                    Became::Work => return Ok(Err("is nog niet gelezen".to_owned())),
                    Became::Case(case) => return Ok(Err(format!("hoort bij zaak {case}"))),
                }
            }
        };
        let mut events = Vec::new();
        let mut runs = Vec::new();
        for chunk in records.chunks(PURGE_ENTRY_PIECES_MAX) {
            let mut pieces = BTreeMap::new();
            for record in chunk {
                pieces.insert(*record, self.stays_of(*record, &mut runs)?);
            }
            events.push(Event::Purged {
                case,
                records: pieces,
                closed_on: order.closed_on,
                term: order.term.clone(),
                basis: order.basis.clone(),
                list: list.to_owned(),
                figures: figures.clone(),
            });
        }
        // The stack that a letter was scanned in holds that letter too; its other letters are pieces of their own.
        let mut stacks = BTreeMap::new();
        for run in runs {
            let backs = self.rows.get(&keys::run(run))?.map(|value| decode::<crate::record::Divided>(&value));
            for record in
                [Some(run), backs.transpose()?.and_then(|divided| divided.backs)].into_iter().flatten()
            {
                if self
                    .record_state(record)?
                    .is_some_and(|state| !state.purged && state.became == Became::Aside)
                {
                    stacks.insert(record, self.stays_of(record, &mut Vec::new())?);
                }
            }
        }
        if !stacks.is_empty() {
            events.push(Event::Purged {
                case: None,
                records: stacks,
                closed_on: None,
                term: None,
                basis: format!(
                    "hield een brief van {}",
                    case.map_or_else(String::new, |case| case.to_string())
                ),
                list: list.to_owned(),
                figures: None,
            });
        }
        Ok(Ok(events))
    }

    fn stays_of(
        &self,
        number: RegistrationNumber,
        runs: &mut Vec<RegistrationNumber>,
    ) -> Result<PurgedPiece, StoreError> {
        let state = self.record_state(number)?.ok_or(StoreError::UnknownRecord(number))?;
        let record = match self.originals.read_json::<Record>(number, super::original::RECORD) {
            Ok(record) => record,
            Err(StoreError::Damaged { .. }) => None,
            Err(error) => return Err(error),
        };
        if let Some(crate::record::Origin::Run { of, .. }) = record.as_ref().map(|record| &record.origin)
            && !runs.contains(of)
        {
            runs.push(*of);
        }
        Ok(PurgedPiece {
            digest: state.digest,
            channel: record.as_ref().map_or(Channel::Email, |record| record.channel),
            received_at: record.map_or(Timestamp::UNIX_EPOCH, |record| record.received_at),
        })
    }

    /// A person forbids that a case is destroyed: an objection, a request under the Woo, a court.
    ///
    /// # Errors
    /// [`StoreError::State`] when it was destroyed.
    pub fn keep_case(
        &self,
        case: CaseNumber,
        by: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.by_person(case, None, by, Some(reason), now, |state, reason| {
            expect_there(state)?;
            Ok(Event::Kept { case, reason })
        })?;
        Ok(())
    }

    /// It may be destroyed again.
    ///
    /// # Errors
    /// [`StoreError::State`] when nobody forbade it.
    pub fn unkeep_case(&self, case: CaseNumber, by: &str, now: Timestamp) -> Result<(), StoreError> {
        self.by_person(case, None, by, None, now, |state, _| match state.row.kept {
            Some(_) => Ok(Event::Unkept { case }),
            None => {
                Err(StoreError::State { object: case.to_string(), why: "nobody forbade its destruction" })
            }
        })?;
        Ok(())
    }

    /// Notes that cases were given out.
    ///
    /// # Errors
    /// What the disk says.
    pub fn note_export(&self, cases: u32, person: bool, by: &str, now: Timestamp) -> Result<(), StoreError> {
        bounded("the account", by, ACCOUNT_CHARS_MAX)?;
        self.change(now, by, |_| Ok(vec![Event::Exported { cases, person }]))?;
        Ok(())
    }

    /// Was the piece destroyed?
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn is_purged(&self, number: RegistrationNumber) -> Result<bool, StoreError> {
        Ok(self.record_state(number)?.is_some_and(|state| state.purged))
    }
}

fn expect_there(state: &CaseState) -> Result<(), StoreError> {
    match state.row.purged {
        None => Ok(()),
        Some(_) => Err(StoreError::State { object: state.row.number.to_string(), why: "it was destroyed" }),
    }
}

/// Why a case may not be destroyed (Dutch). With a term it must be closed, and as it was listed.
fn forbidden(state: &CaseState, revision: u64, by_term: bool) -> Option<String> {
    let row = &state.row;
    if row.purged.is_some() {
        return Some("is al vernietigd".to_owned());
    }
    if row.kept.is_some() {
        return Some("mag niet vernietigd worden: een medewerker heeft dat vastgelegd".to_owned());
    }
    if row.revision != revision {
        return Some("is intussen gewijzigd".to_owned());
    }
    if by_term && row.status == CaseStatus::Open {
        return Some("is niet gesloten".to_owned());
    }
    match row.answer.as_ref().map(|answer| &answer.state) {
        Some(AnswerState::Waiting { .. }) => Some("heeft een antwoord dat nog uit moet".to_owned()),
        Some(AnswerState::Held { .. }) => Some("heeft een antwoord dat op een medewerker wacht".to_owned()),
        _ => None,
    }
}

/// Removes the folders that a stop left.
pub(super) fn finish(dir: &Path, rows: &dyn Rows, originals: &Originals) -> Result<u64, StoreError> {
    let marker = dir.join(PURGING);
    if !marker.exists() {
        return Ok(0);
    }
    super::texts::clear(&dir.join(super::texts::DIR));
    let mut removed = 0;
    rows.each(keys::RECORDS, None, false, &mut |key, value| {
        let Some((year, serial)) = keys::number_at_end(key) else { return Ok(true) };
        let number = RegistrationNumber::new(year, serial);
        if decode::<RecordState>(value)?.purged && originals.destroy(number)? {
            removed += 1;
        }
        Ok(true)
    })?;
    sync_dir(originals.root())?;
    match fs::remove_file(&marker) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::io("remove", &marker)(error))
        }
        _ => Ok(removed),
    }
}

impl Fold<'_> {
    pub(super) fn kept(&mut self, entry: &Entry, case: CaseNumber) -> Result<(), StoreError> {
        let old = self.case_state(case)?;
        let mut state = old.clone();
        state.row.revision = entry.seq;
        state.row.kept = match &entry.what {
            Event::Kept { reason, .. } => {
                let reason = self.words(state.row.records.first(), reason)?;
                Some(KeptBack { by: entry.by.clone(), at: entry.at, reason })
            }
            _ => None,
        };
        self.renew_and_store(&old, state)
    }

    pub(super) fn purged(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let Event::Purged { case, records, closed_on, term, basis, figures, .. } = &entry.what else {
            return Ok(());
        };
        for (record, piece) in records {
            let key = keys::record(*record);
            let mut state: RecordState = self.get(&key)?.ok_or(StoreError::UnknownRecord(*record))?;
            if !state.purged {
                state.purged = true;
                if let Some(day) = state.post_of.take() {
                    self.remove(keys::post(day, *record));
                }
                self.put(key, &state)?;
                self.add(keys::PURGED, 1);
            }
            self.forget_likeness(*record)?;
            self.forget_aside(*record, piece)?;
            if case.is_none() {
                self.put(keys::at_seq(keys::record_history(*record), entry.seq), entry)?;
            }
        }
        let Some(case) = *case else { return Ok(()) };
        let old = self.case_state(case)?;
        let mut state = old.clone();
        for id in std::mem::take(&mut state.msg_ids) {
            self.forget_msg_id(case, &id)?;
        }
        for digest in std::mem::take(&mut state.awaited) {
            self.remove(keys::awaited(&digest));
        }
        let former = std::mem::take(&mut state.former_to).into_iter().chain(state.answer_to.take());
        for address in former {
            self.forget_counted(case, &address)?;
        }
        state.before = None;
        let row = &mut state.row;
        if let Some(first) = row.records.first().and_then(|first| records.get(first)) {
            row.channel = first.channel;
            row.received_at = first.received_at;
            row.received = crate::record::office_date(first.received_at);
        }
        for other in row.alike.iter().map(|alike| alike.case) {
            if let Some(mut state) = self.known_case(other)? {
                state.row.alike.retain(|alike| alike.case != case);
                self.put_case(state);
            }
        }
        // An entry of before they were kept: what is known counts on, nothing else.
        state.figures = Some(figures.as_deref().cloned().unwrap_or_default());
        state.reading = None;
        let row = &mut state.row;
        row.status = CaseStatus::Closed;
        row.writer = None;
        row.subject = None;
        row.judgement = fold_case::no_summary();
        row.deadlines = Vec::new();
        row.labels.clear();
        row.alike = Vec::new();
        row.kept = None;
        row.revision = entry.seq;
        if let Some(decision) = &mut row.decision {
            GONE.clone_into(&mut decision.reason);
        }
        if let Some(answer) = &mut row.answer {
            forget_answer(answer, row.channel);
        }
        row.purged = Some(Destroyed {
            at: entry.at,
            by: entry.by.clone(),
            closed_on: *closed_on,
            term: term.clone(),
            basis: basis.clone(),
        });
        self.renew_and_store(&old, state)
    }

    fn forget_likeness(&mut self, record: RegistrationNumber) -> Result<(), StoreError> {
        let key = keys::likeness(record);
        let sketch = self.get_octets(&key)?.and_then(|octets| Likeness::from_octets(&octets));
        let Some(sketch) = sketch else { return Ok(()) };
        let own = &keys::record(record)[1..];
        for (index, band) in sketch.bands().enumerate() {
            let key = keys::likeness_band(index, band);
            let bucket = self.get_octets(&key)?.unwrap_or_default();
            let others: Vec<u8> =
                bucket.chunks(own.len()).filter(|one| *one != own).flatten().copied().collect();
            if others.is_empty() { self.remove(key) } else { self.put_octets(key, &others) }
        }
        self.remove(key);
        Ok(())
    }

    fn forget_aside(&mut self, record: RegistrationNumber, piece: &PurgedPiece) -> Result<(), StoreError> {
        let key = keys::aside(record);
        let Some(mut row) = self.get::<AsideRow>(&key)? else { return Ok(()) };
        let old = row.clone();
        row.channel = piece.channel;
        row.received_at = piece.received_at;
        (row.writer, row.subject) = (None, None);
        match &mut row.why {
            SetAside::Automatic { reason, .. } | SetAside::ByPerson { reason } => GONE.clone_into(reason),
            SetAside::Divided(_) | SetAside::Backs { .. } => {}
        }
        self.count_aside(Some(&old), Some(&row));
        self.put(key, &row)
    }

    /// The next case that had the Message-ID has it now, as if the destroyed one had never had it.
    fn forget_msg_id(&mut self, case: CaseNumber, hashed: &str) -> Result<(), StoreError> {
        let key = keys::msg_id_of(hashed);
        let mut others = self.keys(&keys::later_msg_ids(hashed))?.into_iter();
        if self.get::<CaseNumber>(&key)? == Some(case) {
            match others.next() {
                Some(next) => {
                    let heir: Option<CaseNumber> = self.get(&next)?;
                    self.remove(next);
                    self.put(key, &heir)?;
                }
                None => self.remove(key),
            }
            return Ok(());
        }
        for other in others {
            if self.get::<CaseNumber>(&other)? == Some(case) {
                self.remove(other);
            }
        }
        Ok(())
    }

    fn forget_counted(&mut self, case: CaseNumber, address: &str) -> Result<(), StoreError> {
        let number = Some((case.year, case.serial));
        for key in self.keys(&keys::answered(Some(address)))? {
            if keys::number_at_end(&key) == number {
                self.remove(key);
            }
        }
        Ok(())
    }
}

/// What words it holds go; what became of it stays.
fn forget_answer(answer: &mut OutboxEntry, channel: Channel) {
    let gone = || GONE.to_owned();
    answer.address = None;
    match &mut answer.state {
        AnswerState::Held { reason } => *reason = gone(),
        AnswerState::Withheld { reason } => {
            *reason = gone();
            // Nobody knows any more how it would have gone.
            answer.channel = match channel {
                Channel::Email => AnswerChannel::Email,
                Channel::Letter => AnswerChannel::Letter,
            };
        }
        AnswerState::Failed { reply, .. } => *reply = gone(),
        AnswerState::Waiting { last_reply, .. } => *last_reply = None,
        AnswerState::Sent { .. } => {}
    }
}
