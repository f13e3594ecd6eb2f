//! The words of texts: in which cases a word stands, in whatever was read of their pieces: the message itself, attachments, scans, the
//! names of files. It lies beside the index and is no part of its fold, so that building that anew reads no text.
//!
//! ```text
//! index-texts/parts.json    the parts, and the entry of the journal up to which they go, with its digest
//!             00000007.part  some pieces' words with the cases they stand in
//! ```
//! It follows the journal a little behind ([`Store::follow_texts`]); what it has of the newest pieces is in memory, and read again after a
//! stop. As many parts of a size as [`PARTS_OF_A_SIZE`] become one. Invariants: it can be removed at any time, and is built again from journal
//! and folders; a case that is destroyed is in no part when [`Store::purge`] returns; citizen service numbers are never in it; a sealed store seals it.

mod asked;
mod fresh;
mod near;
mod numbers;
mod part;
mod read;

use super::entry::{Entry, Event};
use super::journal::sync_dir;
use super::news::NewsReader;
use super::original::make_dir;
use super::sealed::ValueKey;
use super::{Store, StoreError};
use crate::limits::{FRESH_TEXT_ENTRIES_MAX, TYPED_WORDS_LOOKED_MAX, WORDS_BEGINNING_MAX};
use crate::record::{CaseNumber, plain_words, stem};
use fresh::Fresh;
use numbers::{Union, in_all, packed};
use part::{Part, PartWriter, Walk};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The folder in the store. Copies leave out what begins with `index`.
pub(super) const DIR: &str = "index-texts";
const PARTS: &str = "parts.json";
/// Of another one nothing is kept.
const FORMAT: u32 = 1;
/// So many parts of about one size become one.
const PARTS_OF_A_SIZE: usize = 6;
/// Sizes of parts: the smallest, and how many times larger the next is.
const SMALL_PART_BYTES: u64 = 1024 * 1024;
const PART_SIZES: u64 = 6;

/// The words of the texts of a store.
#[derive(Debug)]
pub(super) struct Texts {
    dir: PathBuf,
    values: Option<Arc<ValueKey>>,
    /// Else what is taken in stays in memory.
    writing: bool,
    /// A part was found damaged: all is taken in anew at the next look.
    broken: AtomicBool,
    /// The house stops: no parts are merged any more.
    ending: AtomicBool,
    state: RwLock<State>,
    /// Held while something is taken in or removed.
    following: Mutex<Following>,
}

#[derive(Debug, Default)]
struct State {
    parts: Vec<Arc<Part>>,
    fresh: Fresh,
    /// The last entry that was taken in.
    entry: u64,
}

#[derive(Debug, Default)]
struct Following {
    reader: Option<NewsReader>,
    /// Up to where the parts go, and the digest of that entry.
    kept: (u64, String),
    /// The digest of the last entry that was taken in.
    digest: String,
    /// Of the next part.
    next: u64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Parts {
    format: u32,
    entry: u64,
    digest: String,
    next: u64,
    parts: Vec<String>,
}

impl Texts {
    /// What lies there; nothing, when that cannot be read: then it is built again. `writing`: what a stop left is removed.
    pub fn open(store: &Path, values: Option<ValueKey>, writing: bool) -> Texts {
        let (dir, values) = (store.join(DIR), values.map(Arc::new));
        let (state, following) = match load(&dir, values.as_ref()) {
            Ok(found) => found,
            Err(error) => {
                if writing {
                    tracing::warn!(%error, "the words of texts are taken in anew");
                }
                Default::default()
            }
        };
        if writing {
            let known = |path: &Path| {
                state.parts.iter().any(|part| part.path() == path) || path.file_name() == Some(PARTS.as_ref())
            };
            for path in fs::read_dir(&dir).into_iter().flatten().flatten().map(|item| item.path()) {
                if !known(&path) {
                    remove(&path);
                }
            }
        }
        let (state, following) = (RwLock::new(state), Mutex::new(following));
        Texts {
            dir,
            values,
            writing,
            broken: AtomicBool::default(),
            ending: AtomicBool::default(),
            state,
            following,
        }
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where a word of a question stands: a word that begins so, or another form of it. True: not all words that begin so were
    /// looked at.
    fn union(&self, typed: &str) -> Result<(Union, bool), StoreError> {
        let stem = stem(typed);
        let beginning = typed.chars().count() > 2;
        // What begins with the stem begins with the word too, or is another form of it.
        let looked_for = match typed.starts_with(&stem) {
            true => vec![(stem, beginning)],
            false => vec![(typed.to_owned(), beginning), (stem, false)],
        };
        let (mut lists, mut more) = (Vec::new(), false);
        let parts = self.read(|state| {
            for (word, beginning) in &looked_for {
                more |= state.fresh.lists(word.as_bytes(), *beginning, WORDS_BEGINNING_MAX, &mut lists);
            }
            state.parts.clone()
        });
        for part in parts {
            for (word, beginning) in &looked_for {
                more |= part.lists(word.as_bytes(), *beginning, WORDS_BEGINNING_MAX, &mut lists)?;
            }
        }
        Ok((Union::of(lists), more))
    }

    /// The newest cases, at most `bound`, in whose texts all of these words stand. True: there are more.
    pub fn cases(&self, words: &[String], bound: usize) -> Result<(Vec<CaseNumber>, bool), StoreError> {
        let (mut unions, mut more) = (Vec::new(), false);
        for part in words.iter().flat_map(|word| in_parts(word)) {
            let (union, cut) = self.union(&part)?;
            more |= cut;
            unions.push(union);
        }
        let mut found = Vec::new();
        in_all(unions, |number| {
            found.push(unpacked(number));
            found.len() < bound
        });
        more |= found.len() >= bound;
        Ok((found, more))
    }

    /// Does a word of a question stand in any text?
    pub fn knows(&self, word: &str) -> Result<bool, StoreError> {
        for part in in_parts(word) {
            if self.union(&part)?.0.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The word that a person may have meant: the nearest, and of those the one that stands in most cases.
    pub fn near(&self, typed: &str) -> Result<Option<String>, StoreError> {
        let Some(typed) = in_parts(typed).next() else { return Ok(None) };
        let max = near::mistakes_max(&typed);
        if max == 0 {
            return Ok(None);
        }
        // The first letter is seldom wrong: where it is, the second one often comes first.
        let begins: BTreeSet<String> = typed.chars().take(2).map(String::from).collect();
        let mut nearest = near::Nearest::to(&typed, max, TYPED_WORDS_LOOKED_MAX);
        for begin in &begins {
            self.each_word(begin, &mut |word, is_word, cases| nearest.look(word, is_word, cases))?;
        }
        if nearest.is_empty() {
            let looked_at = |word: &[u8]| begins.iter().any(|begin| word.starts_with(begin.as_bytes()));
            self.each_word("", &mut |word, is_word, cases| {
                looked_at(word) || nearest.look(word, is_word, cases)
            })?;
        }
        Ok(nearest.best())
    }

    /// Each word that begins so, whether it stands so in a text, and how many cases have it, until `visit` says false.
    fn each_word(
        &self,
        begin: &str,
        visit: &mut dyn FnMut(&[u8], bool, u64) -> bool,
    ) -> Result<(), StoreError> {
        let begin = begin.as_bytes();
        let parts = self.read(|state| {
            state.fresh.each_word(begin, &mut |word, is_word, numbers| {
                word.starts_with(begin) && visit(word, is_word, numbers.len() as u64)
            });
            state.parts.clone()
        });
        parts.iter().try_for_each(|part| {
            part.each_word(begin, &mut |entry| {
                entry.word.starts_with(begin) && visit(entry.word, entry.is_word, entry.cases)
            })
        })
    }

    /// What was found; nothing where a part is damaged, which is told and mended.
    pub fn sound<T: Default>(&self, found: Result<T, StoreError>) -> Result<T, StoreError> {
        match found {
            Err(StoreError::Index { fault, .. }) => {
                if !self.broken.swap(true, Ordering::AcqRel) {
                    tracing::warn!(fault, "the words of texts are taken in anew");
                }
                Ok(T::default())
            }
            found => found,
        }
    }

    /// No word of these cases is kept. On return nothing of them is on the disk.
    pub fn forget(&self, cases: &[CaseNumber]) -> Result<(), StoreError> {
        let gone: BTreeSet<u64> = cases.iter().map(|case| packed_number(*case)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        let mut following = self.following.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = self.change(|state| {
            state.fresh.forget(&|number| gone.contains(&number));
            state.parts.clone()
        });
        match self.merge(&mut following, &parts, &|number| gone.contains(&number), &|| false) {
            Err(StoreError::Index { .. }) => {
                self.clear(&mut following);
                Ok(())
            }
            merged => merged,
        }
    }

    /// Makes one part of some, without what is gone, and puts it in their place; or leaves all as it is, when it `ends`.
    fn merge(
        &self,
        following: &mut Following,
        old: &[Arc<Part>],
        gone: &dyn Fn(u64) -> bool,
        ends: &dyn Fn() -> bool,
    ) -> Result<(), StoreError> {
        if old.is_empty() {
            return Ok(());
        }
        let mut writer = self.new_part(following)?;
        let mut walks: Vec<Walk> = old.iter().map(|part| Walk::of(Arc::clone(part))).collect();
        let mut heads = walks.iter_mut().map(Walk::next).collect::<Result<Vec<_>, _>>()?;
        while let Some(word) = heads.iter().flatten().map(|(word, ..)| word).min().cloned() {
            if ends() {
                return Ok(()); // The next start removes what was written.
            }
            let (mut lists, mut is_word) = (Vec::new(), false);
            for (head, walk) in heads.iter_mut().zip(&mut walks) {
                if let Some((_, stands, list)) = head.take_if(|(same, ..)| *same == word) {
                    is_word |= stands;
                    lists.push(list);
                    *head = walk.next()?;
                }
            }
            let (list, many) = packed(Union::of(lists).filter(|number| !gone(*number)));
            if many > 0 {
                writer.push(&word, is_word, (&list, many))?;
            }
        }
        let part = Arc::new(writer.finish()?);
        let is_old = |part: &Arc<Part>| old.iter().any(|old| Arc::ptr_eq(old, part));
        let mut parts = self.read(|state| state.parts.clone());
        parts.retain(|part| !is_old(part));
        parts.push(part);
        self.keep(following, &parts)?;
        self.change(|state| state.parts = parts);
        old.iter().for_each(|part| remove(part.path()));
        Ok(())
    }

    fn new_part(&self, following: &mut Following) -> Result<PartWriter, StoreError> {
        make_dir(&self.dir)?;
        following.next += 1;
        PartWriter::create(&self.dir.join(format!("{:08}.part", following.next)), self.values.clone())
    }

    /// Writes which parts there are: temporary file, fsync, rename, fsync of the folder.
    fn keep(&self, following: &Following, parts: &[Arc<Part>]) -> Result<(), StoreError> {
        let name = |part: &Arc<Part>| part.path().file_name().map(|name| name.to_string_lossy().into_owned());
        let (entry, digest) = following.kept.clone();
        let parts = parts.iter().filter_map(name).collect();
        let parts = Parts { format: FORMAT, entry, digest, next: following.next, parts };
        let (path, new) = (self.dir.join(PARTS), self.dir.join("parts.new"));
        let bytes = serde_json::to_vec(&parts).map_err(|error| StoreError::damaged(&path, &error))?;
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)
            .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()))
            .map_err(StoreError::io("write", &new))?;
        fs::rename(&new, &path).map_err(StoreError::io("move into place", &path))?;
        sync_dir(&self.dir)
    }

    /// The newest words become a part.
    fn pour(&self, following: &mut Following) -> Result<(), StoreError> {
        let mut writer = self.new_part(following)?;
        self.read(|state| {
            let mut written = Ok(());
            state.fresh.each_word(b"", &mut |word, is_word, numbers| {
                let (list, many) = packed(numbers.iter().rev().copied());
                written = writer.push(word, is_word, (&list, many));
                written.is_ok()
            });
            written
        })?;
        let part = Arc::new(writer.finish()?);
        let (mut parts, entry) = self.read(|state| (state.parts.clone(), state.entry));
        parts.push(part);
        following.kept = (entry, following.digest.clone());
        self.keep(following, &parts)?;
        self.change(|state| {
            state.parts = parts;
            state.fresh = Fresh::default();
        });
        Ok(())
    }

    /// Parts of a size become one.
    fn tidy(&self, following: &mut Following) -> Result<(), StoreError> {
        let ends = || self.ending.load(Ordering::Acquire);
        while !ends() {
            let mut sizes: BTreeMap<u64, Vec<Arc<Part>>> = BTreeMap::new();
            for part in self.read(|state| state.parts.clone()) {
                sizes.entry(size(part.bytes())).or_default().push(part);
            }
            let Some(many) = sizes.into_values().find(|parts| parts.len() >= PARTS_OF_A_SIZE) else {
                return Ok(());
            };
            self.merge(following, &many, &|_| false, &ends)?;
        }
        Ok(())
    }

    /// Forgets all, to begin anew.
    fn clear(&self, following: &mut Following) {
        *following = Following { next: following.next, ..Following::default() };
        self.change(|state| *state = State::default());
        if self.writing {
            clear(&self.dir);
        }
    }
}

impl Store {
    /// Takes in the texts of the next `entries_max` entries of the journal. Returns how many entries are left. Of a store that
    /// was opened for reading they stay in memory.
    ///
    /// # Errors
    /// The journal cannot be read, or the disk is full.
    pub fn follow_texts(&self, entries_max: usize) -> Result<u64, StoreError> {
        let mut following = self.texts.following.lock().unwrap_or_else(PoisonError::into_inner);
        if self.texts.broken.swap(false, Ordering::AcqRel) {
            self.texts.clear(&mut following);
        }
        let followed = self.follow_on(&mut following, entries_max);
        self.texts.sound(followed)?;
        self.texts_behind()
    }

    /// Nothing is left to take in, as far as that can be told without waiting for who writes; false where it cannot.
    pub fn texts_are_up(&self) -> bool {
        let Ok(last) =
            self.core.try_lock().map(|core| core.journal.as_ref().map(|journal| journal.next_seq() - 1))
        else {
            return false;
        };
        !self.texts.broken.load(Ordering::Acquire) && last == Some(self.texts.read(|state| state.entry))
    }

    /// The house stops: what takes long in [`Store::follow_texts`] is left for the next start.
    pub fn leave_texts(&self) {
        self.texts.ending.store(true, Ordering::Release);
    }

    /// Writes down what was taken in, so that the next start need not read it again.
    ///
    /// # Errors
    /// The disk's.
    pub fn keep_texts(&self) -> Result<(), StoreError> {
        let mut following = self.texts.following.lock().unwrap_or_else(PoisonError::into_inner);
        if self.texts.read(|state| state.fresh.entries) == 0 || !self.texts.writing {
            return Ok(());
        }
        self.settle()?;
        let poured = self.texts.pour(&mut following);
        self.texts.sound(poured)
    }

    /// How many entries of the journal the words of texts are behind.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn texts_behind(&self) -> Result<u64, StoreError> {
        if let Some(behind) = self.daemon_behind()? {
            return Ok(behind);
        }
        let has = match self.texts.broken.load(Ordering::Acquire) {
            true => 0,
            false => self.texts.read(|state| state.entry),
        };
        Ok(self.last_entry()?.saturating_sub(has))
    }

    fn follow_on(&self, following: &mut Following, entries_max: usize) -> Result<(), StoreError> {
        let mut reader = match following.reader.take() {
            Some(reader) => reader,
            None => self.texts_reader(following)?,
        };
        let mut entries = Vec::new();
        self.entries(&mut reader, entries_max, &mut |entry, digest| {
            following.digest.clear();
            following.digest.push_str(digest);
            entries.extend(piece_of(&entry));
        })?;
        for (case, record) in entries {
            // A piece that was destroyed meanwhile has none.
            if let Some(words) = read::words(&self.originals, record)? {
                self.texts.change(|state| state.fresh.add(packed_number(case), &words));
            }
        }
        let many = self.texts.change(|state| {
            state.entry = reader.entry();
            state.fresh.entries
        });
        following.reader = Some(reader);
        if many >= FRESH_TEXT_ENTRIES_MAX && self.texts.writing {
            // What a power cut could take back is not kept.
            self.settle()?;
            self.texts.pour(following)?;
        }
        if self.texts.writing { self.texts.tidy(following) } else { Ok(()) }
    }

    /// Goes on behind what the parts hold, where that is still what the journal says.
    fn texts_reader(&self, following: &mut Following) -> Result<NewsReader, StoreError> {
        let (entry, kept) = &following.kept;
        if *entry > 0 {
            let (mut reader, mut found) = (NewsReader::after(entry - 1), String::new());
            if *entry <= self.last_entry()? {
                self.entries(&mut reader, 1, &mut |_, digest| digest.clone_into(&mut found))?;
            }
            if found != *kept {
                tracing::warn!("the words of texts are of another journal, and are taken in anew");
                self.texts.clear(following);
            }
        }
        Ok(NewsReader::after(following.kept.0))
    }
}

/// The piece that becomes part of a case by an entry. A machine's message about our answer has no words of the citizen.
fn piece_of(entry: &Entry) -> Option<(CaseNumber, crate::record::RegistrationNumber)> {
    match entry.what {
        Event::Opened { case, record, .. }
        | Event::Joined { case, record, .. }
        | Event::TakenBack { case, record, .. } => Some((case, record)),
        _ => None,
    }
}

/// The parts of a typed word (`12-b`), as texts have them.
fn in_parts(word: &str) -> impl Iterator<Item = String> + '_ {
    plain_words(word).map(|part| read::cut(&part))
}

fn packed_number(case: CaseNumber) -> u64 {
    u64::from(case.year) << 32 | u64::from(case.serial)
}

fn unpacked(number: u64) -> CaseNumber {
    #[allow(clippy::cast_possible_truncation, reason = "what was packed")]
    CaseNumber::new((number >> 32) as u16, number as u32)
}

/// 0 for the smallest; each is [`PART_SIZES`] times the one before.
fn size(bytes: u64) -> u64 {
    let (mut size, mut most) = (0, SMALL_PART_BYTES);
    while bytes > most {
        size += 1;
        most = most.saturating_mul(PART_SIZES);
    }
    size
}

fn load(dir: &Path, values: Option<&Arc<ValueKey>>) -> Result<(State, Following), StoreError> {
    let path = dir.join(PARTS);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Default::default()),
        read => read.map_err(StoreError::io("read", &path))?,
    };
    let found: Parts = serde_json::from_slice(&bytes).map_err(|error| StoreError::damaged(&path, &error))?;
    if found.format != FORMAT {
        return Err(StoreError::damaged(&path, &"it has another format"));
    }
    let is_ours = |name: &String| name.ends_with(".part") && !name.contains('/');
    let names = found.parts.iter().filter(|name| is_ours(name));
    let parts = names.map(|name| Ok(Arc::new(Part::open(&dir.join(name), values.cloned())?)));
    let parts = parts.collect::<Result<Vec<_>, StoreError>>()?;
    let state = State { parts, fresh: Fresh::default(), entry: found.entry };
    let kept = (found.entry, found.digest);
    Ok((state, Following { digest: kept.1.clone(), kept, next: found.next, reader: None }))
}

/// Removes all of it.
pub(super) fn clear(dir: &Path) {
    if let Err(error) = fs::remove_dir_all(dir)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "the words of texts could not be removed");
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(%error, "a part of the words of texts could not be removed; the next start does");
    }
}
