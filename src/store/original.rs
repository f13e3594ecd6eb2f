//! A folder per record (`originals/2026/000123/`): the piece as it came, written once, and what was made of it.
//!
//! ```text
//! original.eml|pdf|tif|jpg|png|bin   write-once
//! record.json                        write-once: number, digest, receipt, origin
//! extract.json                       what was read (restart state R2)
//! judgement.json  card.json          what was concluded; the card is what the index needs of it (R3)
//! answer.eml|pdf                     the answer as it goes out
//! notes/<digest>.json                words of people and mail servers; the journal has the digest
//! ```
//! A folder is made in `originals/new/` and moved to its place after its journal entry is on disk, so a folder
//! in `new/` is either registered (the move is made up for) or unknown (the source still has the piece).
//! Purging a record is removing its folder. With a key file every file in it is sealed ([`super::sealed`]); its name says
//! what is within, and everything here reads and digests what was sealed.

use super::StoreError;
use super::entry::{Digest, digest_of};
use super::sealed::{Kept, Sealing};
use crate::record::{Channel, Record, RegistrationNumber};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

pub(super) const MESSAGE: &str = "original.eml";
pub(super) const RECORD: &str = "record.json";
pub(super) const EXTRACT: &str = "extract.json";
pub(super) const JUDGEMENT: &str = "judgement.json";
pub(super) const CARD: &str = "card.json";
pub(super) const ANSWERS: [&str; 2] = ["answer.eml", "answer.pdf"];
pub(super) const ORIGINALS: [&str; 6] =
    ["original.eml", "original.pdf", "original.tif", "original.jpg", "original.png", "original.bin"];
const NEW: &str = "new";
const NOTES: &str = "notes";

#[derive(Debug)]
pub(super) struct Originals {
    root: PathBuf,
    sealing: Sealing,
}

/// Words under their digest. The salt keeps a short word from being guessed from the digest after a purge.
#[derive(Debug, Serialize, Deserialize)]
struct Words {
    salt: String,
    text: String,
}

impl Originals {
    pub fn at(root: PathBuf, sealing: Sealing) -> Self {
        Self { root, sealing }
    }

    pub fn sealing(&self) -> &Sealing {
        &self.sealing
    }

    /// Makes the directories of an empty store.
    pub fn create(&self) -> Result<(), StoreError> {
        make_dir(&self.root)?;
        make_dir(&self.root.join(NEW))
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The record's place.
    pub fn folder(&self, number: RegistrationNumber) -> PathBuf {
        self.root.join(format!("{:04}", number.year)).join(format!("{:06}", number.serial))
    }

    fn new_folder(&self, number: RegistrationNumber) -> PathBuf {
        self.root.join(NEW).join(number.to_string())
    }

    /// Writes original and `record.json` to `new/`, not yet synced. On an error nothing of it is left.
    /// Returns the digest of `record.json`.
    pub fn prepare(&self, record: &Record, bytes: &[u8]) -> Result<Digest, StoreError> {
        let folder = self.new_folder(record.number);
        // Left by an attempt that failed and could not clear up after itself; never registered.
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(StoreError::io("remove", &folder))?;
        }
        let written =
            DirBuilder::new().mode(0o700).create(&folder).map_err(StoreError::io("make", &folder)).and_then(
                |()| {
                    self.write_once(record.number, original_name(record.channel, bytes), bytes)?;
                    let json = to_json(record, &folder.join(RECORD))?;
                    self.write_once(record.number, RECORD, &json)?;
                    Ok(digest_of(&json))
                },
            );
        if written.is_err() {
            self.discard(record.number);
        }
        written
    }

    fn write_once(&self, number: RegistrationNumber, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.new_folder(number).join(name);
        let bytes = self.sealing.seal(&place(number, name), bytes)?;
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o400)
            .open(&path)
            .and_then(|mut file| file.write_all(&bytes))
            .map_err(StoreError::io("write", &path))
    }

    /// Takes back what [`Originals::prepare`] wrote. What cannot be removed now is removed at the next opening.
    pub fn discard(&self, number: RegistrationNumber) {
        let folder = self.new_folder(number);
        if let Err(error) = fs::remove_dir_all(&folder)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(record = %number, %error, "could not remove an unregistered folder; the next start does");
        }
    }

    /// Moves a registered folder to its place.
    pub fn settle(&self, number: RegistrationNumber) -> Result<(), StoreError> {
        let place = self.folder(number);
        if let Some(year) = place.parent() {
            make_dir(year)?;
        }
        fs::rename(self.new_folder(number), &place).map_err(StoreError::io("move into place", &place))
    }

    /// Moves a registered folder to its place when that failed at its registration.
    pub fn settle_late(&self, number: RegistrationNumber) -> Result<(), StoreError> {
        if self.new_folder(number).exists() { self.settle(number) } else { Ok(()) }
    }

    /// The numbers of the folders that still stand in `new/`. What is no folder of ours there is removed.
    pub fn unsettled(&self) -> Result<Vec<RegistrationNumber>, StoreError> {
        let dir = self.root.join(NEW);
        let mut numbers = Vec::new();
        for item in fs::read_dir(&dir).map_err(StoreError::io("list", &dir))? {
            let item = item.map_err(StoreError::io("list", &dir))?;
            if let Some(number) = item.file_name().to_str().and_then(|name| name.parse().ok()) {
                numbers.push(number);
            }
        }
        numbers.sort();
        Ok(numbers)
    }

    /// Removes a destroyed record's folder, wherever it stands. Was there one?
    pub fn destroy(&self, number: RegistrationNumber) -> Result<bool, StoreError> {
        let mut was_there = false;
        for folder in [self.folder(number), self.new_folder(number)] {
            match fs::remove_dir_all(&folder) {
                Ok(()) => was_there = true,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io("remove", &folder)(error)),
            }
        }
        Ok(was_there)
    }

    /// Does anything of a record lie there?
    pub fn is_there(&self, number: RegistrationNumber) -> bool {
        self.folder(number).exists() || self.new_folder(number).exists()
    }

    /// Every folder that stands in its place, in order.
    pub fn settled(&self) -> Result<Vec<RegistrationNumber>, StoreError> {
        let mut numbers = Vec::new();
        for year in subfolders(&self.root)? {
            let Some(year_number) = year.parse().ok().filter(|_| year.len() == 4) else { continue };
            for serial in subfolders(&self.root.join(&year))? {
                if let Ok(serial) = serial.parse() {
                    numbers.push(RegistrationNumber::new(year_number, serial));
                }
            }
        }
        numbers.sort();
        Ok(numbers)
    }

    /// Reads a file of a record, wherever the folder stands. `None`: there is no such file.
    pub fn read(&self, number: RegistrationNumber, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        // The folder may be moved to its place between two looks, so its place is looked at twice.
        for folder in [self.folder(number), self.new_folder(number), self.folder(number)] {
            let path = folder.join(name);
            let mut bytes = Vec::new();
            let mut each = |piece: &[u8]| bytes.extend_from_slice(piece);
            if self.open(&path, &place(number, name), &mut each)?.is_some() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// The first bytes of a file of a record.
    pub fn head(
        &self,
        number: RegistrationNumber,
        name: &str,
        bytes_max: usize,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        for folder in [self.folder(number), self.new_folder(number), self.folder(number)] {
            let mut bytes = Vec::new();
            let mut each = |piece: &[u8]| {
                let left = bytes_max.saturating_sub(bytes.len()).min(piece.len());
                bytes.extend_from_slice(&piece[..left]);
            };
            if self.open(&folder.join(name), &place(number, name), &mut each)?.is_some() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// Gives what was written to a file, in pieces. `None`: there is no such file.
    pub(super) fn open(
        &self,
        path: &Path,
        place: &str,
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<Option<Kept>, StoreError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("open", path)(error)),
        };
        let length = file.metadata().map_err(StoreError::io("look at", path))?.len();
        self.sealing.open(place, path, length, file, each).map(Some)
    }

    /// Opens the first of these files of a record, as it lies there, wherever the folder stands.
    pub fn open_raw(
        &self,
        number: RegistrationNumber,
        names: &[&str],
    ) -> Result<Option<(String, File)>, StoreError> {
        for folder in [self.folder(number), self.new_folder(number), self.folder(number)] {
            for name in names {
                let path = folder.join(name);
                match File::open(&path) {
                    Ok(file) => return Ok(Some(((*name).to_owned(), file))),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(source) => return Err(StoreError::Io { doing: "open", path, source }),
                }
            }
        }
        Ok(None)
    }

    pub fn read_json<T: DeserializeOwned>(
        &self,
        number: RegistrationNumber,
        name: &str,
    ) -> Result<Option<T>, StoreError> {
        let Some(bytes) = self.read(number, name)? else { return Ok(None) };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| StoreError::damaged(&self.folder(number).join(name), &error))
    }

    /// The piece as it came.
    pub fn original(&self, number: RegistrationNumber) -> Result<Option<Vec<u8>>, StoreError> {
        self.first_of(number, &ORIGINALS)
    }

    pub fn answer(&self, number: RegistrationNumber) -> Result<Option<Vec<u8>>, StoreError> {
        self.first_of(number, &ANSWERS)
    }

    fn first_of(&self, number: RegistrationNumber, names: &[&str]) -> Result<Option<Vec<u8>>, StoreError> {
        for name in names {
            if let Some(bytes) = self.read(number, name)? {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// Puts a file in a record's folder, whole or not at all; not yet synced. Returns its digest.
    pub fn write(&self, number: RegistrationNumber, name: &str, bytes: &[u8]) -> Result<Digest, StoreError> {
        self.put(number, name, bytes)?;
        Ok(digest_of(bytes))
    }

    pub fn write_json<T: Serialize>(
        &self,
        number: RegistrationNumber,
        name: &str,
        value: &T,
    ) -> Result<Digest, StoreError> {
        let json = to_json(value, &self.folder(number).join(name))?;
        self.write(number, name, &json)
    }

    fn put(&self, number: RegistrationNumber, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.folder(number).join(name);
        let temporary = temporary(&path);
        let bytes = self.sealing.seal(&place(number, name), bytes)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let written = options
            .open(&temporary)
            .and_then(|mut file| file.write_all(&bytes))
            .and_then(|()| fs::rename(&temporary, &path))
            .map_err(StoreError::io("write", &path));
        if written.is_err() {
            // Best effort: what stays is overwritten by the next attempt and is no file of the record.
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    /// Keeps words with a record, not yet synced; returns the digest under which the journal names them.
    pub fn write_words(&self, number: RegistrationNumber, text: &str) -> Result<Digest, StoreError> {
        let folder = self.folder(number).join(NOTES);
        let mut salt = [0u8; 16];
        getrandom::fill(&mut salt).map_err(|error| StoreError::Io {
            doing: "draw random bytes for",
            path: folder.clone(),
            source: io::Error::other(error.to_string()),
        })?;
        let json = to_json(&Words { salt: super::entry::hex(&salt), text: text.to_owned() }, &folder)?;
        let digest = digest_of(&json);
        make_dir(&folder)?;
        self.put(number, &words_path(&digest), &json)?;
        Ok(digest)
    }

    /// `None`: purged, or never there.
    pub fn words(&self, number: RegistrationNumber, digest: &str) -> Result<Option<String>, StoreError> {
        Ok(self.read_json::<Words>(number, &words_path(digest))?.map(|words| words.text))
    }

    /// The bytes of kept words, for checking their digest.
    pub fn words_bytes(
        &self,
        number: RegistrationNumber,
        digest: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(number, &words_path(digest))
    }

    /// Removes a file of a record's folder, if it is there.
    pub fn remove(&self, number: RegistrationNumber, name: &str) -> Result<(), StoreError> {
        let path = self.folder(number).join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Writes the files of a record once more, byte for byte: after a sync that failed, the kernel may hold them for
    /// written.
    pub fn write_again(&self, number: RegistrationNumber) -> Result<(), StoreError> {
        for folder in [self.folder(number), self.new_folder(number)] {
            if !folder.is_dir() {
                continue;
            }
            // Not what a kill left half written: the file whose place it was to take goes by the same name below, and is
            // gone then.
            for name in subfolders(&folder)?.into_iter().filter(|name| !name.starts_with('.')) {
                let path = folder.join(&name);
                let metadata = fs::symlink_metadata(&path).map_err(StoreError::io("look at", &path))?;
                if !metadata.is_file() {
                    continue;
                }
                let bytes = fs::read(&path).map_err(StoreError::io("read", &path))?;
                let temporary = folder.join(format!(".{name}.tmp"));
                fs::write(&temporary, bytes)
                    .and_then(|()| fs::set_permissions(&temporary, metadata.permissions()))
                    .and_then(|()| fs::rename(&temporary, &path))
                    .map_err(StoreError::io("write", &path))?;
            }
        }
        Ok(())
    }

    /// All writes so far, of all records, in one sync of the file system.
    pub fn sync(&self, root: &File) -> io::Result<()> {
        rustix::fs::syncfs(root).map_err(io::Error::from)
    }
}

/// A file's place, which its sealing is bound to: the same in `new/` and after it was moved.
pub(super) fn place(number: RegistrationNumber, name: &str) -> String {
    format!("{number}/{name}")
}

/// Where a file is written before it takes its name.
pub(super) fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.tmp"))
}

/// Where kept words lie in a record's folder.
pub(super) fn words_path(digest: &str) -> String {
    format!("{NOTES}/{}.json", digest.get(..24).unwrap_or(digest))
}

pub(super) fn is_original_name(name: &str) -> bool {
    ORIGINALS.contains(&name)
}

/// A fixed name by what the bytes are, never by what the sender called them.
fn original_name(channel: Channel, bytes: &[u8]) -> &'static str {
    match (channel, bytes) {
        (Channel::Email, _) => "original.eml",
        (_, [b'%', b'P', b'D', b'F', ..]) => "original.pdf",
        (_, [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..]) => "original.tif",
        (_, [0xff, 0xd8, 0xff, ..]) => "original.jpg",
        (_, [0x89, b'P', b'N', b'G', ..]) => "original.png",
        _ => "original.bin",
    }
}

fn to_json<T: Serialize>(value: &T, path: &Path) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::damaged(path, &error))
}

/// A fresh file that only the owner can read; what was left there before goes.
pub(super) fn make_private(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// A file that is read and written again and again; it is made where it is missing, and only the owner can read it.
pub(super) fn open_private(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(StoreError::io("open", path))
}

/// Makes a directory that may be there already; only the owner can look into it.
pub(super) fn make_dir(path: &Path) -> Result<(), StoreError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map_err(StoreError::io("make", path)),
    }
}

fn subfolders(dir: &Path) -> Result<Vec<String>, StoreError> {
    let mut names = Vec::new();
    for item in fs::read_dir(dir).map_err(StoreError::io("list", dir))? {
        let item = item.map_err(StoreError::io("list", dir))?;
        names.extend(item.file_name().into_string().ok());
    }
    Ok(names)
}

/// Digest and length of the piece as it came, read in pieces.
pub(super) fn digest_of_original(
    originals: &Originals,
    number: RegistrationNumber,
) -> Result<Option<(Digest, u64)>, StoreError> {
    use sha2::Digest as _;
    for name in ORIGINALS {
        // As in `read`: the folder may be moved between two looks.
        for folder in [originals.folder(number), originals.new_folder(number), originals.folder(number)] {
            let (mut hasher, mut length) = (sha2::Sha256::new(), 0);
            let mut each = |piece: &[u8]| {
                hasher.update(piece);
                length += piece.len() as u64;
            };
            if originals.open(&folder.join(name), &place(number, name), &mut each)?.is_some() {
                return Ok(Some((super::entry::hex(&hasher.finalize()), length)));
            }
        }
    }
    Ok(None)
}
