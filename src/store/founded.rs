//! When this store was first opened: mail from before that day is old mail, registered and never answered.

use super::{Store, StoreError};
use jiff::Timestamp;
use std::fs::{self, File};
use std::io::Write;

impl Store {
    /// The time of the first call on this store; `now` the first time. Written once.
    ///
    /// # Errors
    /// [`StoreError::Io`] when it cannot be read or written; [`StoreError::Damaged`] when it holds no time.
    pub fn founded_at(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let path = self.dir.join("founded");
        match fs::read_to_string(&path) {
            Ok(text) => text
                .trim()
                .parse()
                .map_err(|fault: jiff::Error| StoreError::Damaged { path, fault: fault.to_string() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.still_writing()?;
                let temporary = self.dir.join("founded.tmp");
                File::create(&temporary)
                    .and_then(|mut file| {
                        writeln!(file, "{now}")?;
                        file.sync_all()
                    })
                    .and_then(|()| fs::rename(&temporary, &path))
                    .and_then(|()| self.root.sync_all())
                    .map_err(StoreError::io("write", &path))?;
                Ok(now)
            }
            Err(error) => Err(StoreError::io("read", &path)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_time_stays() {
        let dir = tempfile::tempdir().unwrap();
        let first: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(store.founded_at(first).unwrap(), first);
        drop(store);
        let later: Timestamp = "2026-05-02T10:00:00Z".parse().unwrap();
        assert_eq!(Store::open(dir.path()).unwrap().founded_at(later).unwrap(), first);
    }
}
