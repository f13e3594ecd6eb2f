//! Taking in: arrivals become registered pieces, many in one group commit (restart states R0 and R1).

use super::card::Card;
use super::entry::{DAEMON, Event, digest_of};
use super::original;
use super::rows::decode;
use super::types::Registered;
use super::{Store, StoreError, keys};
use crate::record::{Answer, Arrival, Extract, Judgement, Record, RegistrationNumber, office_date};
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::PoisonError;

impl Store {
    /// Registers arrivals: all of them or, after an error, none. Durable on return, with one sync for the whole
    /// batch, so give as many as there are. The order is that of `arrivals`. A piece that is byte for byte one that
    /// we have is [`Registered::Known`], and counted as such.
    ///
    /// # Errors
    /// [`StoreError::Io`] naming the path (see [`StoreError::is_full`]); the source keeps the pieces.
    pub fn register(&self, arrivals: &[Arrival], now: Timestamp) -> Result<Vec<Registered>, StoreError> {
        if arrivals.is_empty() {
            return Ok(Vec::new());
        }
        let _one = self.registering.lock().unwrap_or_else(PoisonError::into_inner);
        if self.core().journal.is_none() {
            return Err(StoreError::ReadOnly);
        }
        self.still_writing()?;
        let mut prepared = Vec::new();
        let outcome = self.prepare_all(arrivals, now, &mut prepared).and_then(|(events, registered)| {
            if !prepared.is_empty() {
                self.wrote_files();
            }
            self.write(now, DAEMON, |_| Ok(events)).map(|(ticket, _)| (ticket, registered))
        });
        let (ticket, registered) = match outcome {
            Ok(done) => done,
            Err(error) => {
                // A stopped store may have the entry on disk or not; the next opening sees which.
                if self.still_writing().is_ok() {
                    prepared.iter().for_each(|number| self.originals.discard(*number));
                    // The numbers were told to nobody: no gap because of a full disk.
                    self.core().last_record = None;
                }
                return Err(error);
            }
        };
        self.reach(ticket)?;
        for number in prepared {
            // Registered is registered: a folder that cannot be moved now (a full disk) is moved before it is written to.
            if let Err(error) = self.originals.settle(number) {
                tracing::warn!(record = %number, %error, "registered, but not yet in its place");
            }
        }
        Ok(registered)
    }

    /// Writes the folders of what is new to `originals/new/`.
    fn prepare_all(
        &self,
        arrivals: &[Arrival],
        now: Timestamp,
        prepared: &mut Vec<RegistrationNumber>,
    ) -> Result<(Vec<Event>, Vec<Registered>), StoreError> {
        let year = u16::try_from(office_date(now).year()).unwrap_or(0);
        let (mut events, mut registered) = (Vec::new(), Vec::new());
        let mut in_batch: HashMap<String, RegistrationNumber> = HashMap::new();
        for arrival in arrivals {
            let digest = digest_of(&arrival.bytes);
            let known = match in_batch.get(&digest) {
                Some(number) => Some(*number),
                None => self.rows.get(&keys::digest(&digest))?.map(|value| decode(&value)).transpose()?,
            };
            if let Some(number) = known {
                events.push(Event::Duplicate { record: number });
                registered.push(Registered::Known(number));
                continue;
            }
            let number = self.core().next_record(&*self.rows, &self.originals, year)?;
            let record = Record {
                number,
                channel: arrival.channel,
                name: arrival.name.clone(),
                digest: digest.clone(),
                bytes: arrival.bytes.len() as u64,
                received_at: arrival.received_at,
                registered_at: now,
                origin: arrival.origin.clone(),
                acknowledge: arrival.acknowledge,
            };
            let record_digest = self.originals.prepare(&record, &arrival.bytes)?;
            prepared.push(number);
            in_batch.insert(digest.clone(), number);
            events.push(Event::Registered { record: number, digest, bytes: record.bytes, record_digest });
            registered.push(Registered::New(record));
        }
        Ok((events, registered))
    }

    /// The piece with exactly these bytes, if it was registered before.
    pub fn known(&self, bytes: &[u8]) -> Result<Option<RegistrationNumber>, StoreError> {
        self.rows.get(&keys::digest(&digest_of(bytes)))?.map(|value| decode(&value)).transpose()
    }

    /// Is the piece registered and not yet judged?
    pub fn is_unfinished(&self, number: RegistrationNumber) -> Result<bool, StoreError> {
        Ok(self.rows.get(&keys::work(number))?.is_some())
    }

    /// Registered, not yet judged; oldest first: the work of a restart.
    pub fn unfinished(&self) -> Result<Vec<RegistrationNumber>, StoreError> {
        let mut numbers = Vec::new();
        self.rows.each(keys::WORK, None, false, &mut |key, _| {
            numbers
                .extend(keys::number_at_end(key).map(|(year, serial)| RegistrationNumber::new(year, serial)));
            Ok(true)
        })?;
        Ok(numbers)
    }

    /// Keeps what was read (restart state R2). Not synced by itself: after a power cut the piece is read again; the
    /// commit syncs it.
    ///
    /// # Errors
    /// [`StoreError::State`] once the piece has been judged.
    pub fn keep_extract(
        &self,
        number: RegistrationNumber,
        extract: &Extract,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        if self.core().journal.is_none() {
            return Err(StoreError::ReadOnly);
        }
        self.still_writing()?;
        self.in_work(number)?;
        self.originals.settle_late(number)?;
        self.originals.write_json(number, original::EXTRACT, extract)?;
        Ok(())
    }

    /// What was registered.
    pub fn record(&self, number: RegistrationNumber) -> Result<Record, StoreError> {
        self.originals.read_json(number, original::RECORD)?.ok_or(StoreError::UnknownRecord(number))
    }

    /// The piece as it came.
    pub fn original(&self, number: RegistrationNumber) -> Result<Vec<u8>, StoreError> {
        self.originals.original(number)?.ok_or(StoreError::UnknownRecord(number))
    }

    /// The first bytes of a message as it came; `None` for what is no message.
    pub fn message_head(
        &self,
        number: RegistrationNumber,
        bytes_max: usize,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.originals.head(number, original::MESSAGE, bytes_max)
    }

    /// What was read. `None`: not read yet, or (in work) torn by a power cut and to be read again.
    pub fn extract(&self, number: RegistrationNumber) -> Result<Option<Extract>, StoreError> {
        match self.originals.read_json(number, original::EXTRACT) {
            Err(StoreError::Damaged { .. }) if self.in_work(number).is_ok() => Ok(None),
            other => other,
        }
    }

    /// `None`: not judged yet.
    pub fn judgement(&self, number: RegistrationNumber) -> Result<Option<Judgement>, StoreError> {
        match self.in_work(number) {
            Ok(()) => Ok(None),
            Err(_) => self.originals.read_json(number, original::JUDGEMENT),
        }
    }

    /// The Message-ID of the answer that was made for this record, and the address that it goes to. `None`: there is
    /// none, or its folder is gone.
    pub fn answer_address(&self, number: RegistrationNumber) -> Result<Option<(String, String)>, StoreError> {
        let card: Option<Card> = match self.originals.read_json(number, original::CARD) {
            Err(StoreError::Damaged { .. }) => None,
            other => other?,
        };
        let Some(card) = card else { return Ok(None) };
        let to = match card.answer {
            Some(Answer::Send { to, .. } | Answer::Hold { to, .. }) => to,
            _ => return Ok(None),
        };
        Ok(card.answer_msg_id.map(|msg_id| (msg_id, to)))
    }

    /// The bytes of the answer (`answer.eml` or `answer.pdf`) that was made for this record.
    pub fn answer(&self, number: RegistrationNumber) -> Result<Option<Vec<u8>>, StoreError> {
        self.originals.answer(number)
    }
}
