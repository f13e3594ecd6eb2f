//! Sealing at rest: every file of a record and every value of the index, where a key file is configured.
//!
//! A sealed file is a head and pieces of 1 MiB (STREAM of Hoang, Reyhanitabar, Rogaway and Vizár, 2015), so that any length is
//! read in bounded memory:
//! ```text
//! magic (8)  1  length of the name (1)  name of the key  salt (16)     the head
//! piece      AES-256-GCM (NIST SP 800-38D) of up to 1 MiB, with its tag (16); the last one, and only that, may be shorter
//! ```
//! The key of a file is derived from the store's key, the salt and the file's place (`R2026-000123/record.json`), so a
//! file that is laid in another's place does not open. The nonce counts the pieces and marks the last: nothing can be
//! left out, put in or cut off. A plain file stays plain and opens; one that begins with our magic by chance or by
//! malice is kept behind a head of its own (kind 0), so no sender can make a file that looks sealed.
//!
//! In the index a value is 12 random octets and AES-256-GCM over it, bound to its row's key. Random nonces hold for 2³²
//! values under one key (SP 800-38D §8.3); a rotation, and every new index, begins anew.
//!
//! Digests in the journal are over what was sealed, so the proof of `verify` outlives a new key.

use super::StoreError;
use super::entry::hex;
use super::keyring::{self, Key, Keyring};
use crate::record::StorePlace;
use ring::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use ring::rand::{SecureRandom, SystemRandom};
use ring::{aead, hmac};
use std::borrow::Cow;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

const MAGIC: [u8; 8] = [0xb0, 0xde, b's', b'e', b'a', b'l', 0x0d, 0x0a];
/// A plain file that begins with the magic.
const KIND_PLAIN: u8 = 0;
const KIND_SEALED: u8 = 1;
const SALT_BYTES: usize = 16;
const PIECE_BYTES: usize = 1024 * 1024;
const TAG_BYTES: usize = 16;
const READ_BYTES: u64 = 64 * 1024;

/// What seals and opens the files of one store.
#[derive(Clone, Debug, Default)]
pub(super) struct Sealing {
    ring: Option<Arc<Keyring>>,
    addresses: Option<hmac::Key>,
}

/// How a file lies on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Plain,
    /// With the key that seals now.
    Sealed,
    /// With an older key.
    SealedBefore,
}

impl Sealing {
    /// The keys of a store. With `writing`, the first of them is in use from now on.
    ///
    /// # Errors
    /// [`StoreError::Key`] when the key file is refused, or a key that the store was sealed with is not there.
    pub fn of(place: &StorePlace, writing: bool) -> Result<Sealing, StoreError> {
        let ring = place.key_file.as_deref().map(Keyring::load).transpose()?;
        let named = keyring::check(&place.dir, ring.as_ref())?;
        let Some(ring) = ring else { return Ok(Sealing::default()) };
        if writing {
            keyring::take_in_use(&place.dir, &ring, named)?;
        }
        let addresses = Some(ring.first()?.hmac(&[b"addresses"])?);
        Ok(Sealing { ring: Some(Arc::new(ring)), addresses })
    }

    pub fn ring(&self) -> Option<&Keyring> {
        self.ring.as_deref()
    }

    pub fn is_sealed(&self) -> bool {
        self.ring.is_some()
    }

    /// What lies on the disk for `plain`.
    pub fn seal<'a>(&self, place: &str, plain: &'a [u8]) -> Result<Cow<'a, [u8]>, StoreError> {
        let Some(ring) = &self.ring else {
            if !plain.starts_with(&MAGIC) {
                return Ok(Cow::Borrowed(plain));
            }
            return Ok(Cow::Owned([&MAGIC[..], &[KIND_PLAIN], plain].concat()));
        };
        let key = ring.first()?;
        let salt: [u8; SALT_BYTES] = random()?;
        let id_length = u8::try_from(key.id().len()).unwrap_or(u8::MAX);
        let head = [&MAGIC[..], &[KIND_SEALED, id_length], key.id().as_bytes(), &salt].concat();
        let file_key = file_key(key, &salt, place)?;
        let pieces = plain.len().div_ceil(PIECE_BYTES).max(1);
        let mut sealed = Vec::with_capacity(head.len() + plain.len() + pieces * TAG_BYTES);
        sealed.extend_from_slice(&head);
        for index in 0..pieces {
            let from = index * PIECE_BYTES;
            let piece = &plain[from..plain.len().min(from + PIECE_BYTES)];
            let start = sealed.len();
            sealed.extend_from_slice(piece);
            let nonce = nonce(index as u64, index + 1 == pieces);
            let tag = file_key
                .seal_in_place_separate_tag(nonce, Aad::from(&head), &mut sealed[start..])
                .map_err(|_| StoreError::Key { fault: format!("{place} could not be sealed") })?;
            sealed.extend_from_slice(tag.as_ref());
        }
        Ok(Cow::Owned(sealed))
    }

    /// How a file lies on the disk, by its head.
    pub fn kept(&self, file: impl Read) -> std::io::Result<Kept> {
        let first = self.ring().and_then(|ring| ring.first().ok()).map(Key::id).unwrap_or_default();
        let id_length = u8::try_from(first.len()).unwrap_or(u8::MAX);
        let wanted = [&MAGIC[..], &[KIND_SEALED, id_length], first.as_bytes()].concat();
        let mut head = Vec::with_capacity(wanted.len());
        file.take(wanted.len() as u64).read_to_end(&mut head)?;
        Ok(if !head.starts_with(&wanted[..=MAGIC.len()]) {
            Kept::Plain
        } else if head == wanted && !first.is_empty() {
            Kept::Sealed
        } else {
            Kept::SealedBefore
        })
    }

    /// Reads a file of `length` bytes on the disk and gives what was written, in pieces.
    ///
    /// # Errors
    /// [`StoreError::Key`] when its key is not there, [`StoreError::Damaged`] when it is not what was written here.
    pub fn open(
        &self,
        place: &str,
        path: &Path,
        length: u64,
        file: impl Read,
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<Kept, StoreError> {
        let failed = |error| StoreError::io("read", path)(error);
        let damaged = || StoreError::damaged(path, &"it was changed or cut off, or is another file's");
        // A small file in one read.
        let mut file =
            BufReader::with_capacity(usize::try_from(length.min(READ_BYTES)).unwrap_or(0) + 1, file);
        let mut buffer = Vec::new();
        let mut left = length;
        let mut next = |buffer: &mut Vec<u8>, many: u64| -> Result<(), StoreError> {
            buffer.clear();
            let read = (&mut file).take(many.min(left)).read_to_end(buffer).map_err(failed)?;
            left -= read as u64;
            Ok(())
        };
        buffer.reserve_exact(usize::try_from(length.min((PIECE_BYTES + TAG_BYTES) as u64)).unwrap_or(0) + 1);
        next(&mut buffer, MAGIC.len() as u64 + 1)?;
        let kind = buffer.strip_prefix(&MAGIC).and_then(|rest| rest.first().copied());
        if kind != Some(KIND_SEALED) {
            if buffer.starts_with(&MAGIC) {
                if kind != Some(KIND_PLAIN) {
                    return Err(damaged());
                }
            } else {
                each(&buffer);
            }
            loop {
                next(&mut buffer, PIECE_BYTES as u64)?;
                if buffer.is_empty() {
                    return Ok(Kept::Plain);
                }
                each(&buffer);
            }
        }
        let mut head = buffer.clone();
        next(&mut buffer, 1)?;
        let id_length = buffer.first().copied().ok_or_else(damaged)?;
        head.push(id_length);
        next(&mut buffer, u64::from(id_length) + SALT_BYTES as u64)?;
        let (id, salt) = buffer.split_at_checked(usize::from(id_length)).ok_or_else(damaged)?;
        let id = std::str::from_utf8(id).ok().filter(|id| keyring::is_id(id)).ok_or_else(damaged)?;
        let ring = self.ring.as_deref();
        let key = ring.and_then(|ring| ring.find(id)).ok_or_else(|| StoreError::Key {
            fault: format!("{place} is sealed with the key {id}, which is not in the key file"),
        })?;
        let kept = if ring.map(Keyring::first).transpose()?.is_some_and(|first| first.id() == id) {
            Kept::Sealed
        } else {
            Kept::SealedBefore
        };
        let file_key = file_key(key, salt, place)?;
        head.extend_from_slice(&buffer);
        let mut rest = length.saturating_sub(head.len() as u64);
        for index in 0.. {
            let many = rest.min((PIECE_BYTES + TAG_BYTES) as u64);
            rest -= many;
            next(&mut buffer, many)?;
            let plain = file_key
                .open_in_place(nonce(index, rest == 0), Aad::from(&head), &mut buffer)
                .map_err(|_| damaged())?;
            each(plain);
            if rest == 0 {
                break;
            }
        }
        Ok(kept)
    }

    /// The same, of bytes in memory.
    pub fn open_all(&self, place: &str, path: &Path, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut plain = Vec::with_capacity(bytes.len());
        self.open(place, path, bytes.len() as u64, bytes, &mut |piece| plain.extend_from_slice(piece))?;
        Ok(plain)
    }

    /// What seals the values of the index; `None` for a store that lies open.
    pub fn values(&self) -> Result<Option<ValueKey>, StoreError> {
        let key = self.ring.as_ref().map(|ring| ring.first()?.aead(&[b"index"])).transpose()?;
        Ok(key.map(|key| ValueKey { key, random: SystemRandom::new() }))
    }

    /// A word as the keys of the index have it: itself, or in a sealed store its digest.
    pub fn word(&self, word: &str) -> Vec<u8> {
        match &self.addresses {
            None => word.as_bytes().to_vec(),
            Some(_) => self.address_digest(word).into_bytes(),
        }
    }

    /// The short digest under which answers to an address are counted. In a sealed store nobody without the key can
    /// ask whether somebody wrote.
    pub fn address_digest(&self, address: &str) -> String {
        let address = address.trim().to_lowercase();
        match &self.addresses {
            None => super::keys::address_digest(&address),
            Some(key) => hex(hmac::sign(key, address.as_bytes()).as_ref().get(..16).unwrap_or_default()),
        }
    }
}

/// Seals the values of the index.
pub(super) struct ValueKey {
    key: LessSafeKey,
    random: SystemRandom,
}

impl std::fmt::Debug for ValueKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ValueKey")
    }
}

impl ValueKey {
    pub fn seal(&self, row: &[u8], value: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).ok()?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + value.len() + TAG_BYTES);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(value);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag =
            self.key.seal_in_place_separate_tag(nonce, Aad::from(row), &mut sealed[NONCE_LEN..]).ok()?;
        sealed.extend_from_slice(tag.as_ref());
        Some(sealed)
    }

    /// `None`: not sealed by this key for this row.
    pub fn open(&self, row: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut value = rest.to_vec();
        let length = self.key.open_in_place(nonce, Aad::from(row), &mut value).ok()?.len();
        value.truncate(length);
        Some(value)
    }
}

fn file_key(key: &Key, salt: &[u8], place: &str) -> Result<aead::LessSafeKey, StoreError> {
    key.aead(&[b"file", salt, place.as_bytes()])
}

fn nonce(index: u64, last: bool) -> Nonce {
    let mut octets = [0; NONCE_LEN];
    octets[3] = u8::from(last);
    octets[4..].copy_from_slice(&index.to_be_bytes());
    Nonce::assume_unique_for_key(octets)
}

fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut octets = [0; N];
    SystemRandom::new()
        .fill(&mut octets)
        .map_err(|_| StoreError::Key { fault: "the system gives no random bytes".to_owned() })?;
    Ok(octets)
}
