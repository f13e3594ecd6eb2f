//! The key of the tokens in the envelope senders of our answers: made once, kept beside the journal. A copy of the
//! store must hold it: without it a bounce of an earlier answer does not find its case by its address any more.

use super::{Store, StoreError};
use crate::record::EnvelopeKey;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;

pub(super) const NAME: &str = "envelope.key";

impl Store {
    /// The key of this store; drawn and written at the first call.
    ///
    /// # Errors
    /// [`StoreError::Io`] when it cannot be read or written; [`StoreError::Damaged`] when the file holds no key;
    /// [`StoreError::ReadOnly`] when there is none yet and this store was opened for reading.
    pub fn envelope_key(&self) -> Result<EnvelopeKey, StoreError> {
        let path = self.dir.join(NAME);
        // Held until it is there: two callers must not draw two keys.
        let core = self.core();
        match fs::read(&path) {
            Ok(octets) => {
                let octets = self.originals.sealing().open_all(NAME, &path, &octets)?;
                let octets = octets.try_into().map_err(|_| StoreError::Damaged {
                    path,
                    fault: format!("it does not hold {} octets", EnvelopeKey::OCTETS),
                })?;
                return Ok(EnvelopeKey::new(octets));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::io("read", &path)(error)),
        }
        if core.journal.is_none() {
            return Err(StoreError::ReadOnly);
        }
        self.still_writing()?;
        let mut drawn = [0; EnvelopeKey::OCTETS];
        getrandom::fill(&mut drawn).map_err(|error| {
            StoreError::io("draw random bytes for", &path)(io::Error::other(error.to_string()))
        })?;
        let sealed = self.originals.sealing().seal(NAME, &drawn)?;
        let temporary = self.dir.join(format!("{NAME}.tmp"));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options
            .open(&temporary)
            .and_then(|mut file| {
                file.write_all(&sealed)?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&temporary, &path))
            .and_then(|()| self.root.sync_all())
            .map_err(StoreError::io("write", &path))?;
        Ok(EnvelopeKey::new(drawn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stays_and_is_this_stores_own() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert!(matches!(
            Store::open_read_only(one.path()).and_then(|store| store.envelope_key()),
            Err(StoreError::ReadOnly | StoreError::Io { .. })
        ));
        let key = Store::open(one.path()).unwrap().envelope_key().unwrap();
        assert_eq!(Store::open(one.path()).unwrap().envelope_key().unwrap(), key);
        assert_eq!(Store::open_read_only(one.path()).unwrap().envelope_key().unwrap(), key);
        assert_ne!(Store::open(other.path()).unwrap().envelope_key().unwrap(), key);
        fs::write(one.path().join(NAME), "short").unwrap();
        let damaged = Store::open(one.path()).unwrap().envelope_key();
        assert!(matches!(damaged, Err(StoreError::Damaged { .. })));
    }
}
