//! Backup and restore: a second copy of the store in another directory, consistent, incremental and checked.
//!
//! ```text
//! DIR/manifest.json         the last backup that was ended: written last, replaced whole
//!     unfinished.json       a backup is under way, or was cut off; the next one goes on from it
//!     lists/<entry>.sha256  the files that a backup brought, as `sha256sum -c` reads them from DIR/store
//!     store/                journal, originals and rules, laid out as in the store
//!     changing/<digest>     what may change: accounts, keys and the like, under the digest of its content
//! ```
//! Invariants: the journal is copied up to entry N, and every file that the entries up to N name; what an ended backup
//! names is never written over, so one that is cut off leaves the last good one as it was; bytes are copied as they lie,
//! so that what is encrypted in the store is encrypted here. What the journal says was destroyed goes from the copy too.

mod backup;
mod check;
mod marked;
mod named;
mod restore;

pub use backup::{BackupReport, backup};
pub use check::{CopyState, read_manifest};
pub use marked::{backed_up_at, note_backup};
pub(super) use restore::AfterRestore;
pub use restore::{Restored, restore};

use super::StoreError;
use super::entry::hex;
use super::journal::sync_dir;
use super::original::open_private;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Version of this layout. A reader takes this one and every earlier one.
const COPY_FORMAT: u32 = 1;

const MANIFEST: &str = "manifest.json";
const UNFINISHED: &str = "unfinished.json";
const LISTS: &str = "lists";
const STORE: &str = "store";
const CHANGING: &str = "changing";

/// Damaged files that are named one by one.
const DAMAGED_MAX: usize = 20;

/// Who makes a copy of what.
#[derive(Clone, Debug)]
pub struct CopyOf<'a> {
    /// Id of the office.
    pub office: &'a str,
    /// Version of the program.
    pub bode: &'a str,
    /// Files in the store's directory that stay out of the copy: the key for encryption at rest.
    pub without: &'a [PathBuf],
}

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: u32,
    pub bode: String,
    pub office: String,
    /// When it was ended.
    pub at: Timestamp,
    /// The journal up to this entry.
    pub entries: u64,
    /// Digest of the line of that entry.
    pub head: String,
    /// Of that entry.
    pub last_at: Option<Timestamp>,
    pub files: u64,
    pub bytes: u64,
    /// Records whose files were destroyed, as the journal says.
    pub purged: u64,
    /// What the store lacked, as lines of a list: tried again by the next backup.
    #[serde(default)]
    absent: Vec<String>,
    journal: Vec<Segment>,
    lists: Vec<List>,
    changing: Vec<Changing>,
}

/// A segment of the journal, as far as it belongs to this backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Segment {
    name: String,
    bytes: u64,
    sha256: String,
}

/// A list of files, under its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct List {
    name: String,
    sha256: String,
    files: u64,
    bytes: u64,
}

/// A file that may change, kept under the digest of its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Changing {
    path: String,
    bytes: u64,
    sha256: String,
}

/// A backup that was begun.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Unfinished {
    begun_at: Timestamp,
}

/// Why a backup or restore was not made.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the admin can mend.
    #[error("{0}")]
    Refused(String),
    /// Files of the copy that are not what was written, and how many more there are.
    #[error("{}{}", damaged.join("\n"), if *more > 0 { format!("\nand {more} more") } else { String::new() })]
    Damaged { damaged: Vec<String>, more: u64 },
}

/// A copy directory, opened by one process at a time.
#[derive(Debug)]
struct Copy {
    dir: PathBuf,
    _lock: File,
}

impl Copy {
    fn open(dir: &Path) -> Result<Self, CopyError> {
        let path = dir.join(".lock");
        let lock = open_private(&path)?;
        if rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(CopyError::Refused(format!(
                "another backup or restore is at work in {}",
                dir.display()
            )));
        }
        Ok(Self { dir: dir.to_owned(), _lock: lock })
    }

    /// The same for a medium that may be read only: then nobody else writes there either.
    fn open_to_read(dir: &Path) -> Result<Self, CopyError> {
        match Self::open(dir) {
            Err(CopyError::Store(StoreError::Io { .. })) => {
                let root = File::open(dir).map_err(StoreError::io("open", dir))?;
                Ok(Self { dir: dir.to_owned(), _lock: root })
            }
            other => other,
        }
    }

    fn store(&self) -> PathBuf {
        self.dir.join(STORE)
    }
}

/// Told between two files: files done, and bytes.
pub type Progress<'a> = dyn FnMut(u64, u64) + 'a;

/// Digest and length of what stands in a file.
fn digest_of_file(path: &Path) -> Result<Option<(String, u64)>, StoreError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StoreError::Io { doing: "open", path: path.to_owned(), source }),
    };
    pump(&mut file, u64::MAX, None).map(Some).map_err(StoreError::io("read", path))
}

/// Reads at most `max` bytes, into another file when there is one; digest and length of what was read.
fn pump(from: &mut File, max: u64, mut to: Option<&mut File>) -> io::Result<(String, u64)> {
    let (mut hasher, mut length, mut buffer) = (Sha256::new(), 0, vec![0; 128 * 1024]);
    let mut from = from.take(max);
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok((hex(&hasher.finalize()), length));
        }
        hasher.update(&buffer[..read]);
        length += read as u64;
        if let Some(to) = to.as_mut() {
            to.write_all(&buffer[..read])?;
        }
    }
}

/// Copies what is left of `from` (at most `max` bytes) to a new file: under another name first, so that a file under its
/// own name is whole. Not yet synced.
fn copy_in(from: &mut File, max: u64, to: &Path) -> Result<(String, u64), StoreError> {
    let parent = to.parent().unwrap_or(to);
    make_dirs(parent)?;
    let part = part_of(to);
    let mut write = || {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        let copied = pump(from, max, Some(&mut file))?;
        fs::rename(&part, to)?;
        Ok(copied)
    };
    write().inspect_err(|_| drop(fs::remove_file(&part))).map_err(StoreError::io("write", to))
}

fn part_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.part"))
}

/// Makes a directory and those above it; only the owner can look into what is made.
fn make_dirs(dir: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(StoreError::io("make", dir))
}

/// Replaces a small file whole, on disk on return.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let part = part_of(path);
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().map_err(StoreError::io("write", path))?;
    sync_dir(path.parent().unwrap_or(path))
}

fn replace_json<T: Serialize>(path: &Path, value: &T) -> Result<(), StoreError> {
    let mut json = serde_json::to_vec_pretty(value).map_err(|error| StoreError::damaged(path, &error))?;
    json.push(b'\n');
    replace(path, &json)
}

/// Everything below a directory that is a file, by its path from there; sorted. No symbolic links are followed.
fn files_below(root: &Path, below: &Path, found: &mut Vec<PathBuf>) -> Result<(), StoreError> {
    let dir = root.join(below);
    let items = match fs::read_dir(&dir) {
        Ok(items) => items,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io("list", &dir)(error)),
    };
    let mut names = Vec::new();
    for item in items {
        let item = item.map_err(StoreError::io("list", &dir))?;
        names.push((item.file_name(), item.file_type().map_err(StoreError::io("look at", &dir))?));
    }
    names.sort_by(|one, other| one.0.cmp(&other.0));
    for (name, kind) in names {
        let path = below.join(&name);
        if kind.is_dir() {
            files_below(root, &path, found)?;
        } else if kind.is_file() {
            found.push(path);
        }
    }
    Ok(())
}
