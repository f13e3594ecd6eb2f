//! Writes of programs that were done, by their `Idempotency-Key`, on disk (`idempotency.log`, 0600): a write that is repeated after a
//! restart is not done again.
//!
//! A line holds digests, the status and a time: no key, no program and nothing of a case; so after a restart the answer is the case as
//! it stands now, not word for word the one that was given. Invariants: a line is on disk before its answer goes out; the file is
//! written anew without what is past its time when it is opened and when it has grown to twice its bound; a torn last line is passed over.

use crate::limits::{IDEMPOTENT_KEPT, IDEMPOTENT_KEYS_MAX};
use crate::whole;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Bytes of a line, more than any has.
const LINE_BYTES_MAX: usize = 300;

/// A write that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptKey {
    /// Digest of the program and its key.
    pub key: String,
    /// Digest of what was asked.
    pub asked: String,
    pub at: Timestamp,
    pub status: u16,
}

/// The file, and how many lines it has.
#[derive(Debug)]
pub(super) struct KeptKeys {
    path: PathBuf,
    lines: usize,
}

/// Is what was done then still known?
pub(super) fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    at.checked_add(IDEMPOTENT_KEPT).is_ok_and(|until| now < until)
}

impl KeptKeys {
    /// What was done and is not past its time, the oldest first.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn open(dir: &Path, now: Timestamp) -> io::Result<(Self, Vec<KeptKey>)> {
        let mut kept = Self { path: dir.join("idempotency.log"), lines: 0 };
        let known = kept.read(now)?;
        if kept.lines > known.len() {
            kept.write(&known)?;
        }
        Ok((kept, known))
    }

    fn read(&mut self, now: Timestamp) -> io::Result<Vec<KeptKey>> {
        let mut text = Vec::new();
        match File::open(&self.path) {
            Ok(file) => {
                let most = 4 * IDEMPOTENT_KEYS_MAX * LINE_BYTES_MAX;
                file.take(most as u64).read_to_end(&mut text)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        }
        let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let mut known: Vec<KeptKey> = Vec::new();
        self.lines = 0;
        for line in lines {
            self.lines += 1;
            known.extend(serde_json::from_slice::<KeptKey>(line).ok().filter(|one| is_fresh(one.at, now)));
        }
        let too_many = known.len().saturating_sub(IDEMPOTENT_KEYS_MAX);
        known.drain(..too_many);
        Ok(known)
    }

    fn write(&mut self, known: &[KeptKey]) -> io::Result<()> {
        let mut text = Vec::new();
        for one in known {
            serde_json::to_writer(&mut text, one)?;
            text.push(b'\n');
        }
        whole::write(&self.path, &text)?;
        self.lines = known.len();
        Ok(())
    }

    /// Writes one down; on disk when this returns.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add(&mut self, one: &KeptKey, now: Timestamp) -> io::Result<()> {
        if self.lines >= 2 * IDEMPOTENT_KEYS_MAX {
            let known = self.read(now)?;
            self.write(&known)?;
        }
        // After a line that was cut off, this one stands on its own all the same.
        let mut line = b"\n".to_vec();
        serde_json::to_writer(&mut line, one)?;
        line.push(b'\n');
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?;
        file.write_all(&line)?;
        file.sync_data()?;
        self.lines += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + second).unwrap()
    }

    fn one(key: &str, second: i64) -> KeptKey {
        KeptKey { key: key.into(), asked: "a".into(), at: at(second), status: 200 }
    }

    #[test]
    fn what_was_done_is_known_again_until_its_time_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let (mut kept, known) = KeptKeys::open(dir.path(), at(0)).unwrap();
        assert_eq!(known, []);
        kept.add(&one("x", 0), at(0)).unwrap();
        kept.add(&one("y", 10), at(10)).unwrap();
        let path = dir.path().join("idempotency.log");
        // Power went in the middle of a line.
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"key\":\"z").unwrap();
        let (mut kept, known) = KeptKeys::open(dir.path(), at(20)).unwrap();
        assert_eq!(known, [one("x", 0), one("y", 10)]);
        kept.add(&one("z", 20), at(20)).unwrap();
        let day = i64::try_from(IDEMPOTENT_KEPT.as_secs()).unwrap();
        let (_, known) = KeptKeys::open(dir.path(), at(day + 5)).unwrap();
        assert_eq!(known, [one("y", 10), one("z", 20)]);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2, "what is over is gone");
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_file_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let many: Vec<KeptKey> = (0..2 * IDEMPOTENT_KEYS_MAX).map(|n| one(&n.to_string(), 0)).collect();
        let (mut kept, _) = KeptKeys::open(dir.path(), at(0)).unwrap();
        kept.write(&many).unwrap();
        kept.add(&one("last", 1), at(1)).unwrap();
        let (_, known) = KeptKeys::open(dir.path(), at(1)).unwrap();
        assert_eq!(known.len(), IDEMPOTENT_KEYS_MAX);
        assert_eq!(known.last(), Some(&one("last", 1)));
        assert!(serde_json::to_string(&many[0]).unwrap().len() < LINE_BYTES_MAX);
    }
}
