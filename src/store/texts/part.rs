//! A part of the word index: words in order with the cases in whose texts they stand, in one file that is written once.
//!
//! ```text
//! block    the lists of some words, one after the other; then the words themselves, each: octets shared with the word before, octets of
//!          its own, twice the number of cases (+ 1: it stands so in a text, and is no stem only), octets of its list; the rest of it
//! index    by block: where its lists begin, where its words begin, octets of its first word, that word
//! foot     where the index begins (8), octets of the index (8), magic (8)
//! ```
//! Numbers are LEB128, but in the foot. Lists, words and index each lie sealed where the store is, else with a sum. Words that are looked through
//! (for one that was typed wrong) so are read without the lists between them. Invariants: words rise; what does not have its sum or seal
//! is an error, never an answer.

use super::numbers::List;
use crate::store::StoreError;
use crate::store::octets::{number_at, put, summed, take, take_length, with_sum};
use crate::store::sealed::ValueKey;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MAGIC: [u8; 8] = *b"bode-t1\n";
const FOOT_BYTES: u64 = 24;
/// A block ends when its words, or its lists, have so many octets. A long list begins a block, so that who asks for a word beside it
/// does not read it.
const WORDS_BYTES: usize = 8 * 1024;
const LISTS_BYTES: usize = 32 * 1024;
const LONG_LIST_BYTES: usize = 8 * 1024;
const WRITE_BYTES: usize = 256 * 1024;

/// A word of a part.
pub(super) struct Entry<'a> {
    pub word: &'a [u8],
    /// Cases that have it.
    pub cases: u64,
    /// It stands so in a text.
    pub is_word: bool,
    list_bytes: usize,
}

pub(super) struct PartWriter {
    path: PathBuf,
    file: BufWriter<File>,
    values: Option<Arc<ValueKey>>,
    at: u64,
    words: Vec<u8>,
    lists: Vec<u8>,
    first: Vec<u8>,
    last: Vec<u8>,
    index: Vec<u8>,
}

/// A part that is read.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    file: File,
    values: Option<Arc<ValueKey>>,
    bytes: u64,
    /// In order.
    blocks: Vec<Block>,
}

#[derive(Debug)]
struct Block {
    first: Box<[u8]>,
    lists_at: u64,
    words_at: u64,
    end: u64,
}

impl PartWriter {
    pub fn create(path: &Path, values: Option<Arc<ValueKey>>) -> Result<Self, StoreError> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
        let file = file.map_err(StoreError::io("make", path))?;
        Ok(Self {
            path: path.to_owned(),
            file: BufWriter::with_capacity(WRITE_BYTES, file),
            values,
            at: 0,
            words: Vec::new(),
            lists: Vec::new(),
            first: Vec::new(),
            last: Vec::new(),
            index: Vec::new(),
        })
    }

    /// The next word, above the one before, with its packed list.
    pub fn push(&mut self, word: &[u8], is_word: bool, (list, many): (&[u8], u64)) -> Result<(), StoreError> {
        if list.len() >= LONG_LIST_BYTES {
            self.end_block()?;
        }
        if self.words.is_empty() {
            self.first = word.to_vec();
            self.last.clear();
        }
        let shared = self.last.iter().zip(word).take_while(|(a, b)| a == b).count();
        let numbers = [shared, word.len() - shared].map(|number| number as u64);
        for number in numbers.into_iter().chain([many << 1 | u64::from(is_word), list.len() as u64]) {
            put(&mut self.words, number);
        }
        self.words.extend_from_slice(&word[shared..]);
        self.last = word.to_vec();
        self.lists.extend_from_slice(list);
        if self.words.len() >= WORDS_BYTES || self.lists.len() >= LISTS_BYTES {
            self.end_block()?;
        }
        Ok(())
    }

    fn end_block(&mut self) -> Result<(), StoreError> {
        if self.words.is_empty() {
            return Ok(());
        }
        let (lists, words) = (std::mem::take(&mut self.lists), std::mem::take(&mut self.words));
        let lists_at = self.write(&lists)?;
        let words_at = self.write(&words)?;
        put(&mut self.index, lists_at);
        put(&mut self.index, words_at);
        put(&mut self.index, self.first.len() as u64);
        self.index.extend_from_slice(&self.first);
        Ok(())
    }

    /// Sealed or with its sum. Returns where it begins.
    fn write(&mut self, plain: &[u8]) -> Result<u64, StoreError> {
        let at = self.at;
        let kept = match &self.values {
            Some(key) => key.seal(&at.to_be_bytes(), plain).ok_or_else(|| StoreError::Key {
                fault: "the words of texts could not be sealed".to_owned(),
            })?,
            None => with_sum(plain),
        };
        self.file.write_all(&kept).map_err(StoreError::io("write", &self.path))?;
        self.at += kept.len() as u64;
        Ok(at)
    }

    /// The whole part, on disk on return.
    pub fn finish(mut self) -> Result<Part, StoreError> {
        self.end_block()?;
        let index = std::mem::take(&mut self.index);
        let index_at = self.write(&index)?;
        let written = (|| {
            self.file.write_all(&index_at.to_le_bytes())?;
            self.file.write_all(&(self.at - index_at).to_le_bytes())?;
            self.file.write_all(&MAGIC)?;
            self.file.flush()?;
            self.file.get_ref().sync_all()
        })();
        written.map_err(StoreError::io("write", &self.path))?;
        Part::open(&self.path, self.values)
    }
}

impl Part {
    /// # Errors
    /// For what is no whole part, or is sealed with another key.
    pub fn open(path: &Path, values: Option<Arc<ValueKey>>) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(StoreError::io("open", path))?;
        let bytes = file.metadata().map_err(StoreError::io("look at", path))?.len();
        let mut part = Self { path: path.to_owned(), file, values, bytes, blocks: Vec::new() };
        let foot_at = bytes.checked_sub(FOOT_BYTES).ok_or_else(|| part.damaged())?;
        let mut foot = [0; FOOT_BYTES as usize];
        part.file.read_exact_at(&mut foot, foot_at).map_err(StoreError::io("read", path))?;
        let (index_at, length) = (number_at(&foot, 0), number_at(&foot, 8));
        if foot[16..] != MAGIC || index_at.checked_add(length) != Some(foot_at) {
            return Err(part.damaged());
        }
        let index = part.read(index_at, foot_at)?;
        let mut at = 0;
        while at < index.len() {
            let block = (|| {
                let (lists_at, words_at) = (take(&index, &mut at)?, take(&index, &mut at)?);
                let length = take_length(&index, &mut at)?;
                let first = index.get(at..at.checked_add(length)?)?.into();
                at += length;
                Some(Block { first, lists_at, words_at, end: index_at })
            })();
            let block = block.ok_or_else(|| part.damaged())?;
            if let Some(before) = part.blocks.last_mut() {
                before.end = block.lists_at;
            }
            part.blocks.push(block);
        }
        let in_order = |block: &Block| block.lists_at <= block.words_at && block.words_at <= block.end;
        if !part.blocks.iter().all(in_order) {
            return Err(part.damaged());
        }
        Ok(part)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn damaged(&self) -> StoreError {
        StoreError::Index {
            path: self.path.clone(),
            fault: "a part of the words of texts is damaged".to_owned(),
        }
    }

    fn read(&self, at: u64, end: u64) -> Result<Vec<u8>, StoreError> {
        let length = end.checked_sub(at).filter(|length| *length <= self.bytes);
        let length = length.and_then(|length| usize::try_from(length).ok()).ok_or_else(|| self.damaged())?;
        let mut kept = vec![0; length];
        self.file.read_exact_at(&mut kept, at).map_err(StoreError::io("read", &self.path))?;
        match &self.values {
            Some(key) => key.open(&at.to_be_bytes(), &kept).ok_or_else(|| self.damaged()),
            None => {
                let length = summed(&kept).ok_or_else(|| self.damaged())?.len();
                kept.truncate(length);
                Ok(kept)
            }
        }
    }

    /// Each word from `from` on, in order, until `visit` says false.
    pub fn each_word(
        &self,
        from: &[u8],
        visit: &mut dyn FnMut(&Entry<'_>) -> bool,
    ) -> Result<(), StoreError> {
        self.each(from, &mut |entry, _, _| visit(entry))
    }

    /// The same, with the block of each word and where its list begins within the lists of that.
    fn each(
        &self,
        from: &[u8],
        visit: &mut dyn FnMut(&Entry<'_>, usize, usize) -> bool,
    ) -> Result<(), StoreError> {
        let first = self.blocks.partition_point(|block| &*block.first <= from).saturating_sub(1);
        for (place, block) in self.blocks.iter().enumerate().skip(first) {
            let bytes = self.read(block.words_at, block.end)?;
            let (mut at, mut list_at, mut word) = (0, 0, Vec::new());
            while at < bytes.len() {
                let entry = next_word(&bytes, &mut at, &mut word).ok_or_else(|| self.damaged())?;
                if entry.word >= from && !visit(&entry, place, list_at) {
                    return Ok(());
                }
                list_at += entry.list_bytes;
            }
        }
        Ok(())
    }

    /// The lists of a word, or of the words that begin so: of at most `words_max`. True: there are more.
    pub fn lists(
        &self,
        word: &[u8],
        beginning: bool,
        words_max: usize,
        into: &mut Vec<List>,
    ) -> Result<bool, StoreError> {
        let (mut found, mut more) = (Vec::new(), false);
        self.each(word, &mut |entry, block, at| {
            let fits = if beginning { entry.word.starts_with(word) } else { entry.word == word };
            more = fits && found.len() >= words_max;
            if fits && !more {
                found.push((block, at, entry.list_bytes));
            }
            fits && !more && beginning
        })?;
        let mut read: Option<(usize, Arc<Vec<u8>>)> = None;
        for (place, at, length) in found {
            let bytes = match (&read, self.blocks.get(place)) {
                (Some((same, bytes)), _) if *same == place => Arc::clone(bytes),
                (_, Some(block)) => Arc::new(self.read(block.lists_at, block.words_at)?),
                _ => return Err(self.damaged()),
            };
            into.push(List::new(Arc::clone(&bytes), at, length));
            read = Some((place, bytes));
        }
        Ok(more)
    }
}

fn next_word<'a>(bytes: &[u8], at: &mut usize, word: &'a mut Vec<u8>) -> Option<Entry<'a>> {
    let mut number = || take_length(bytes, at);
    let (shared, own, cases, list_bytes) = (number()?, number()?, number()?, number()?);
    let rest = bytes.get(*at..at.checked_add(own)?)?;
    *at += own;
    if shared > word.len() {
        return None;
    }
    word.truncate(shared);
    word.extend_from_slice(rest);
    Some(Entry { word, cases: cases as u64 >> 1, is_word: cases & 1 == 1, list_bytes })
}

/// All words of a part with their lists, from the first.
pub(super) struct Walk {
    part: Arc<Part>,
    block: usize,
    words: Vec<u8>,
    at: usize,
    lists: Arc<Vec<u8>>,
    list_at: usize,
    word: Vec<u8>,
}

impl Walk {
    pub fn of(part: Arc<Part>) -> Self {
        let none = Vec::new();
        Self { part, block: 0, words: none.clone(), at: 0, lists: Arc::default(), list_at: 0, word: none }
    }

    pub fn next(&mut self) -> Result<Option<(Vec<u8>, bool, List)>, StoreError> {
        if self.at >= self.words.len() {
            let Some(block) = self.part.blocks.get(self.block) else { return Ok(None) };
            self.words = self.part.read(block.words_at, block.end)?;
            self.lists = Arc::new(self.part.read(block.lists_at, block.words_at)?);
            self.block += 1;
            (self.at, self.list_at) = (0, 0);
            self.word.clear();
        }
        let entry = next_word(&self.words, &mut self.at, &mut self.word);
        let entry = entry.ok_or_else(|| self.part.damaged())?;
        let list = List::new(Arc::clone(&self.lists), self.list_at, entry.list_bytes);
        self.list_at += entry.list_bytes;
        Ok(Some((entry.word.to_vec(), entry.is_word, list)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::numbers::{Union, packed};
    use super::*;

    #[test]
    fn what_was_written_is_found_and_what_was_changed_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("part");
        let mut writer = PartWriter::create(&path, None).unwrap();
        let numbers = |i: u64| (0..i * 7 % 3000).rev().map(move |n| n * (i % 5 + 1));
        let words: Vec<String> = (0..5_000).map(|i| format!("woord{i:05}")).collect();
        for (i, word) in words.iter().enumerate() {
            let (list, many) = packed(numbers(i as u64));
            writer.push(word.as_bytes(), i % 2 == 0, (&list, many)).unwrap();
        }
        let part = writer.finish().unwrap();
        assert!(part.blocks.len() > 10);
        for i in [0, 1, 77, 2_999, 4_999] {
            let mut lists = Vec::new();
            assert!(!part.lists(words[i].as_bytes(), false, 9, &mut lists).unwrap());
            let found: Vec<u64> = Union::of(lists).collect();
            assert_eq!(found, numbers(i as u64).collect::<Vec<_>>(), "{i}");
        }
        let mut lists = Vec::new();
        assert!(part.lists(b"woord0012", true, 9, &mut lists).unwrap(), "ten begin so");
        assert_eq!(lists.len(), 9);
        lists.clear();
        assert!(!part.lists(b"woord1", false, 9, &mut lists).unwrap());
        assert!(lists.is_empty());
        let (mut walk, mut seen) = (Walk::of(Arc::new(part)), 0);
        while let Some((word, is_word, list)) = walk.next().unwrap() {
            assert_eq!((word, is_word), (words[seen].as_bytes().to_vec(), seen % 2 == 0));
            assert!(Union::of(vec![list]).eq(numbers(seen as u64)));
            seen += 1;
        }
        assert_eq!(seen, words.len());

        let mut bytes = std::fs::read(&path).unwrap();
        bytes[4_000] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let part = Part::open(&path, None).unwrap();
        let read = part.each_word(b"", &mut |_| true);
        let listed = part.lists(b"woord", true, 99_999, &mut Vec::new());
        assert!(read.is_err() || listed.is_err());
        bytes.truncate(bytes.len() - 1);
        std::fs::write(&path, &bytes).unwrap();
        assert!(Part::open(&path, None).is_err());
    }
}
