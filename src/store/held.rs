//! What the register holds of a source, for the ledger: each piece that came from there, by marks of its origin and its
//! Message-ID, and what became of it.

use super::card::{Became, Card, RecordState};
use super::original::{CARD, RECORD};
use super::rows::decode;
use super::types::AsideRow;
use super::{Store, StoreError, keys};
use crate::record::{
    AutomaticClass, Channel, Divided, Held, HeldAs, Mark, Origin, Record, RegistrationNumber, SetAside,
    SourceKind,
};
use jiff::Timestamp;
use std::fs;

impl Store {
    /// Gives every registered piece that came from a source and has a folder, with the source. Reads two small files of
    /// each.
    ///
    /// # Errors
    /// [`StoreError::Index`], or a folder that cannot be read. A damaged file is passed over: `verify` tells of it.
    pub fn each_held(&self, visit: &mut dyn FnMut(Held)) -> Result<(), StoreError> {
        self.rows.each(keys::RECORDS, None, false, &mut |key, value| {
            let Some((year, serial)) = keys::number_at_end(key) else { return Ok(true) };
            let number = RegistrationNumber::new(year, serial);
            if let Some(held) = self.held(number, &decode(value)?)? {
                visit(held);
            }
            Ok(true)
        })
    }

    fn held(&self, number: RegistrationNumber, state: &RecordState) -> Result<Option<Held>, StoreError> {
        let Some(record) = lenient(self.originals.read_json::<Record>(number, RECORD))? else {
            return Ok(None);
        };
        let (source, origin) = match &record.origin {
            Origin::Imap { account, folder, uid_validity, uid } => {
                (SourceKind::Mailbox, Mark::of_uid(account, folder, *uid_validity, *uid))
            }
            Origin::Maildir { file } => (SourceKind::Maildir, Mark::of_file(file)),
            Origin::Scan { file } | Origin::OneSided { file } => (SourceKind::Scans, Mark::of_file(file)),
            Origin::Run { .. } | Origin::Part { .. } | Origin::Import { .. } | Origin::Desk { .. } => {
                return Ok(None);
            }
        };
        let msg_id = match (record.channel, &state.became) {
            (Channel::Letter, _) => None,
            // Not read yet: its header tells.
            (_, Became::Work) => {
                lenient(self.originals.original(number))?.and_then(|bytes| Mark::of_header(&bytes))
            }
            _ => {
                let card: Option<Card> = lenient(self.originals.read_json(number, CARD))?;
                card.and_then(|card| card.msg_id).and_then(|id| Mark::of_msg_id(&id))
            }
        };
        let held_as = self.held_as(number, state)?;
        let (bytes, registered_at) = (state.bytes, record.registered_at);
        Ok(Some(Held { source, origin, msg_id, bytes, held_as, registered_at, number }))
    }

    fn held_as(&self, number: RegistrationNumber, state: &RecordState) -> Result<HeldAs, StoreError> {
        Ok(match &state.became {
            Became::Work => HeldAs::InWork,
            Became::Case(_) => HeldAs::Case,
            Became::Aside => {
                match self.rows.get(&keys::aside(number))?.map(|value| decode::<AsideRow>(&value)) {
                    Some(row) => match row?.why {
                        SetAside::Automatic { class: AutomaticClass::Spam, .. } => HeldAs::Spam,
                        SetAside::Automatic { .. } => HeldAs::Automatic,
                        SetAside::Divided(_) => HeldAs::Stack,
                        SetAside::ByPerson { .. } | SetAside::Backs { .. } => HeldAs::Aside,
                    },
                    None => HeldAs::Aside,
                }
            }
        })
    }

    /// The piece with these bytes, by their digest (SHA-256, hexadecimal): its number, what became of it, and whether its
    /// folder is still there.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn held_by_digest(
        &self,
        digest: &str,
    ) -> Result<Option<(RegistrationNumber, HeldAs, bool)>, StoreError> {
        let Some(value) = self.rows.get(&keys::digest(digest))? else { return Ok(None) };
        let number: RegistrationNumber = decode(&value)?;
        let Some(state) = self.record_state(number)? else { return Ok(None) };
        Ok(Some((number, self.held_as(number, &state)?, !state.purged && self.originals.is_there(number))))
    }

    /// Separator sheets of all stacks that came from the scan folder, and the letters behind them.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn sheets_counted(&self) -> Result<(u64, u64), StoreError> {
        let (mut sheets, mut letters) = (0, 0);
        self.rows.each(keys::RUNS, None, false, &mut |_, value| {
            let divided: Divided = decode(value)?;
            sheets += u64::from(divided.sheets);
            letters += divided.letters.len() as u64;
            Ok(true)
        })?;
        Ok((sheets, letters))
    }

    /// When the daemon first opened this store, if it did.
    ///
    /// # Errors
    /// [`StoreError::Io`] when it cannot be read; [`StoreError::Damaged`] when it holds no time.
    pub fn founded(&self) -> Result<Option<Timestamp>, StoreError> {
        let path = self.dir.join("founded");
        match fs::read_to_string(&path) {
            Ok(text) => text
                .trim()
                .parse()
                .map(Some)
                .map_err(|fault: jiff::Error| StoreError::Damaged { path, fault: fault.to_string() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", &path)(error)),
        }
    }
}

fn lenient<T>(read: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Err(StoreError::Damaged { .. }) => Ok(None),
        other => other,
    }
}
