//! The keys that a store is sealed with: the key file outside the store, and in it the list of the keys that are in use.
//!
//! ```text
//! # Keys of a bode store. The first seals, every one opens.
//! 2026-11-22-3f9a 5d0c…  (64 hexadecimal digits)
//! 2025-01-07-c01b 99e1…
//! ```
//! `<store>/sealed` names each key by which something in the store may be sealed, with a mark of it (from which the key
//! cannot be found), so that a key file without it, or with another key under its name, is refused before anything is
//! read or written.
//!
//! Invariant: no key is in a log, an error or a `Debug`. The bytes that we read are wiped; what `ring` keeps of a key
//! while the process lives is not, so core files stay off (`extract::keep_private`).

use super::StoreError;
use super::entry::hex;
use super::journal::sync_dir;
use crate::limits::{KEY_FILE_BYTES_MAX, KEY_ID_CHARS_MAX, KEYS_MAX};
use ring::{aead, hkdf, hmac};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;
const IN_USE: &str = "sealed";

/// The keys of a key file; the first seals.
#[derive(Debug)]
pub(super) struct Keyring {
    path: PathBuf,
    keys: Vec<Key>,
}

/// One key, ready to give others (HKDF, RFC 5869, with SHA-256); it is used for nothing else.
pub(super) struct Key {
    id: String,
    prk: hkdf::Prk,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

impl Key {
    fn new(id: &str, bytes: &[u8; KEY_BYTES]) -> Key {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"bode store");
        Key { id: id.to_owned(), prk: salt.extract(bytes) }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key for what `info` names: one file, the index.
    pub fn aead(&self, info: &[&[u8]]) -> Result<aead::LessSafeKey, StoreError> {
        let okm = self.prk.expand(info, &aead::AES_256_GCM).map_err(|_| self.underived())?;
        Ok(aead::LessSafeKey::new(okm.into()))
    }

    pub fn hmac(&self, info: &[&[u8]]) -> Result<hmac::Key, StoreError> {
        Ok(self.prk.expand(info, hmac::HMAC_SHA256).map_err(|_| self.underived())?.into())
    }

    /// Tells two keys of one name apart.
    fn mark(&self) -> Result<String, StoreError> {
        let tag = hmac::sign(&self.hmac(&[b"mark"])?, b"bode");
        Ok(hex(tag.as_ref().get(..8).unwrap_or_default()))
    }

    fn underived(&self) -> StoreError {
        StoreError::Key { fault: format!("no key could be derived from {}", self.id) }
    }
}

impl Keyring {
    /// Reads a key file.
    ///
    /// # Errors
    /// [`StoreError::Key`] when others than its owner may read it, it is not ours, or it holds no keys.
    pub fn load(path: &Path) -> Result<Keyring, StoreError> {
        let refuse = |fault: String| StoreError::Key { fault: format!("{}: {fault}", path.display()) };
        let unreadable = |error: io::Error| refuse(format!("the key file cannot be read: {error}"));
        let file = File::open(path).map_err(unreadable)?;
        let about = file.metadata().map_err(unreadable)?;
        if !about.is_file() || about.len() > KEY_FILE_BYTES_MAX {
            return Err(refuse("is no key file".to_owned()));
        }
        if about.mode() & 0o077 != 0 {
            let mode = about.mode() & 0o777;
            return Err(refuse(format!("others can read the keys (mode {mode:03o}): chmod 600 it")));
        }
        let user = rustix::process::geteuid().as_raw();
        if about.uid() != user && about.uid() != 0 {
            return Err(refuse(format!("belongs to user {}, not to this one ({user})", about.uid())));
        }
        let mut text = Zeroizing::new(String::with_capacity(KEY_FILE_BYTES_MAX as usize));
        file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
        let mut keys: Vec<Key> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |what: &str| refuse(format!("line {}: {what}", index + 1));
            let (id, digits) =
                line.split_once(char::is_whitespace).ok_or_else(|| wrong("must be a name and a key"))?;
            if !is_id(id) {
                return Err(wrong("the name of a key has small letters, digits and - only"));
            }
            if keys.iter().any(|key| key.id == id) {
                return Err(wrong("a second key of this name"));
            }
            let bytes = key_bytes(digits.trim()).ok_or_else(|| wrong("a key has 64 hexadecimal digits"))?;
            keys.push(Key::new(id, &bytes));
        }
        if keys.is_empty() || keys.len() > KEYS_MAX {
            return Err(refuse(format!("must hold 1 to {KEYS_MAX} keys: make one with bode key new")));
        }
        Ok(Keyring { path: path.to_owned(), keys })
    }

    /// The key that seals.
    pub fn first(&self) -> Result<&Key, StoreError> {
        self.keys.first().ok_or_else(|| StoreError::Key { fault: format!("{}: no key", self.path.display()) })
    }

    pub fn find(&self, id: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }
}

pub(super) fn is_id(id: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !id.is_empty() && id.len() <= KEY_ID_CHARS_MAX && id.chars().all(good)
}

fn key_bytes(digits: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    if digits.len() != 2 * KEY_BYTES {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}

/// Makes a key file, or lays a new first key into one that is there: from then on that one seals. Returns its name.
///
/// # Errors
/// [`StoreError::Key`] for a file that is there and holds no keys of ours; [`StoreError::Io`].
pub fn new_key(path: &Path, id: &str) -> Result<(), StoreError> {
    let refuse = |fault: &str| StoreError::Key { fault: format!("{}: {fault}", path.display()) };
    if !is_id(id) {
        return Err(refuse("the name of a key has small letters, digits and - only"));
    }
    let mut old = Zeroizing::new(String::new());
    if path.exists() {
        let ring = Keyring::load(path)?;
        if ring.find(id).is_some() {
            return Err(refuse("has a key of this name"));
        }
        if ring.keys.len() >= KEYS_MAX {
            return Err(refuse("is full: take out keys that no store names any more"));
        }
        File::open(path)
            .and_then(|mut file| file.read_to_string(&mut old))
            .map_err(StoreError::io("read", path))?;
    }
    let mut bytes = Zeroizing::new([0u8; KEY_BYTES]);
    getrandom::fill(&mut *bytes).map_err(|error| {
        StoreError::io("draw random bytes for", path)(io::Error::other(error.to_string()))
    })?;
    let mut text = Zeroizing::new(String::with_capacity(KEY_FILE_BYTES_MAX as usize));
    text.push_str(
        "# Keys of a bode store. The first seals, every one opens. Without them nothing can be read.\n",
    );
    text.push_str(id);
    text.push(' ');
    let digits = Zeroizing::new(hex(&*bytes));
    text.push_str(&digits);
    text.push('\n');
    old.lines().filter(|line| !line.starts_with('#')).for_each(|line| {
        text.push_str(line);
        text.push('\n');
    });
    replace(path, text.as_bytes())
}

/// Puts a small file in its place, durable on return.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path))
        .map_err(StoreError::io("write", path))?;
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => sync_dir(dir),
        _ => sync_dir(Path::new(".")),
    }
}

/// The keys by which something in the store may be sealed; none for a store that lies open.
pub(super) fn in_use(dir: &Path) -> Result<Vec<Named>, StoreError> {
    let path = dir.join(IN_USE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("read", &path)(error)),
    };
    let named = |line: &str| line.split_once(' ').map(|(id, mark)| (id.to_owned(), mark.to_owned()));
    let all: Option<Vec<Named>> = text.lines().map(named).collect();
    all.filter(|all| !all.is_empty())
        .ok_or_else(|| StoreError::damaged(&path, &"it should name the keys of this store"))
}

/// A key in use: its name and its mark.
pub(super) type Named = (String, String);

/// Are all keys of the store there, and is each the one that it was?
pub(super) fn check(dir: &Path, ring: Option<&Keyring>) -> Result<Vec<Named>, StoreError> {
    let named = in_use(dir)?;
    for (id, mark) in &named {
        let fault = match ring.map(|ring| (ring, ring.find(id))) {
            None => format!("no key file is configured ([encryption] key_file); the key {id} is needed"),
            Some((ring, None)) => format!("{} does not hold the key {id}", ring.path.display()),
            Some((ring, Some(key))) if key.mark()? != *mark => {
                format!(
                    "the key {id} in {} is another one than this store was sealed with",
                    ring.path.display()
                )
            }
            Some(_) => continue,
        };
        let dir = dir.display();
        return Err(StoreError::Key {
            fault: format!("the store {dir} is sealed: {fault}. Nothing was changed"),
        });
    }
    Ok(named)
}

/// Writes down that the first key is in use, before anything is sealed with it.
pub(super) fn take_in_use(dir: &Path, ring: &Keyring, mut named: Vec<Named>) -> Result<(), StoreError> {
    let first = ring.first()?;
    if named.iter().any(|(id, _)| id == first.id()) {
        return Ok(());
    }
    named.insert(0, (first.id().to_owned(), first.mark()?));
    write_in_use(dir, &named)
}

/// Writes down that the first key alone is in use, once everything is sealed with it.
pub(super) fn only_first_in_use(dir: &Path, ring: &Keyring) -> Result<(), StoreError> {
    let first = ring.first()?;
    write_in_use(dir, &[(first.id().to_owned(), first.mark()?)])
}

fn write_in_use(dir: &Path, named: &[Named]) -> Result<(), StoreError> {
    let text: String = named.iter().map(|(id, mark)| format!("{id} {mark}\n")).collect();
    replace(&dir.join(IN_USE), text.as_bytes())
}
