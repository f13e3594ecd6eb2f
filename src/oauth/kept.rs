//! The refresh token that the sign-in server gave in place of the former one (RFC 6749 §6): one file a sign-in, in the
//! folder `oauth` of the store, for the account of `bode` alone (0600).
//!
//! Invariants: it is written whole or not at all (temporary file, fsync, rename, fsync of the folder); between reading
//! and writing it the sign-in is locked, also for other processes. A backup leaves this folder out: an old refresh
//! token is of no use, and a stolen one is a key.

use super::OauthError;
use crate::limits::TOKEN_REPLY_BYTES_MAX;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long another process may hold a sign-in: a request, and some.
const LOCK_TIME_MAX: Duration = Duration::from_secs(30);
const LOCK_LOOK: Duration = Duration::from_millis(50);

/// What the file holds. No `Debug`.
#[derive(Serialize, Deserialize)]
pub(super) struct Keeping {
    pub refresh_token: String,
    /// Digest of the configured token that this one descends from.
    #[serde(default)]
    pub configured: Option<String>,
}

pub(super) struct Kept {
    dir: PathBuf,
    name: String,
}

impl Kept {
    pub(super) fn new(dir: &Path, name: &str) -> Self {
        Self { dir: dir.to_owned(), name: name.to_owned() }
    }

    fn path(&self) -> PathBuf {
        self.dir.join(format!("{}.json", self.name))
    }

    fn fault(&self, source: io::Error) -> OauthError {
        OauthError::Keep { path: self.dir.clone(), source }
    }

    /// Ours alone until the file is dropped. Blocks.
    pub(super) fn lock(&self) -> Result<File, OauthError> {
        let path = self.dir.join(format!("{}.lock", self.name));
        let open = || {
            match DirBuilder::new().mode(0o700).create(&self.dir) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                made => {
                    if made.is_ok() {
                        let parent = self.dir.parent().unwrap_or(&self.dir);
                        give_to_owner_of(parent, &File::open(&self.dir)?)?;
                    }
                }
            }
            let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
            give_to_owner_of(&self.dir, &file)?;
            Ok(file)
        };
        let file = open().map_err(|source| self.fault(source))?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if start.elapsed() < LOCK_TIME_MAX => {
                    std::thread::sleep(LOCK_LOOK)
                }
                Err(TryLockError::WouldBlock) => return Err(OauthError::Locked { path }),
                Err(TryLockError::Error(source)) => return Err(self.fault(source)),
            }
        }
    }

    /// What was kept last, if anything was.
    pub(super) fn read(&self) -> Result<Option<Keeping>, OauthError> {
        let mut text = String::new();
        let read = File::open(self.path())
            .and_then(|file| file.take(TOKEN_REPLY_BYTES_MAX as u64).read_to_string(&mut text));
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.fault(source)),
        }
        let odd = |_| self.fault(io::Error::new(io::ErrorKind::InvalidData, "the file is not one of bode's"));
        serde_json::from_str(&text).map(Some).map_err(odd)
    }

    /// Keeps it, durably.
    pub(super) fn write(&self, keeping: &Keeping) -> Result<(), OauthError> {
        let write = || {
            let new = self.dir.join(format!("{}.new", self.name));
            // What a crash left half-written, under the lock.
            match fs::remove_file(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
            file.write_all(&serde_json::to_vec(keeping)?)?;
            give_to_owner_of(&self.dir, &file)?;
            file.sync_all()?;
            fs::rename(&new, self.path())?;
            File::open(&self.dir)?.sync_all()
        };
        write().map_err(|source| self.fault(source))
    }
}

/// An admin who runs `bode doctor` or `bode oauth sign-in` as root must not lock the daemon out of its own file.
fn give_to_owner_of(dir: &Path, file: &File) -> io::Result<()> {
    let (owner, now) = (fs::metadata(dir)?, file.metadata()?);
    if owner.uid() == now.uid() {
        return Ok(());
    }
    fchown(file, Some(owner.uid()), Some(owner.gid()))
}

/// A token by which it can be told from others, and not used.
pub(super) fn digest(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn keeping(token: &str) -> Keeping {
        Keeping { refresh_token: token.to_owned(), configured: None }
    }

    #[test]
    fn the_last_one_is_kept_for_us_alone() {
        let dir = tempfile::tempdir().unwrap();
        let kept = Kept::new(&dir.path().join("oauth"), "m365");
        assert!(kept.read().unwrap().is_none());
        let _locked = kept.lock().unwrap();
        for token in ["een", "twee"] {
            kept.write(&keeping(token)).unwrap();
        }
        assert_eq!(kept.read().unwrap().unwrap().refresh_token, "twee");
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(kept.path()), mode(kept.dir.clone())), (0o600, 0o700));
        // Cut off in the middle of the next one: the last whole one counts, and the half one is no hindrance.
        fs::write(kept.dir.join("m365.new"), "{\"refresh_tok").unwrap();
        assert_eq!(kept.read().unwrap().unwrap().refresh_token, "twee");
        kept.write(&keeping("drie")).unwrap();
        assert_eq!(kept.read().unwrap().unwrap().refresh_token, "drie");
    }

    #[test]
    fn a_file_that_is_not_ours_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let kept = Kept::new(dir.path(), "m365");
        fs::write(kept.path(), "geheim").unwrap();
        let told = kept.read().err().unwrap().to_string();
        assert!(told.contains("not one of bode's") && !told.contains("geheim"), "{told}");
    }
}
