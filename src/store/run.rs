//! A run: rows in order in one file that is written once and then only read. The bulk of the index lies in one, below
//! sled, which holds what came since: sled 0.34 costs about ten microseconds and three hundred bytes a row, whatever its order.
//!
//! ```text
//! block    rows of about 4 KiB, each: octets shared with the key before, octets of its own, octets of the value + 1
//!          (0: removed), as LEB128; the rest of the key; the value.  Then the sum of the block (8)
//! index    by block: where it begins (8), octets of its first key (2), that key.  Then the sum of the index (8)
//! foot     where the index begins (8), blocks (8), rows (8), magic (8)
//! ```
//! Invariants: keys rise; a file without its whole foot is no run, and what does not have its sum is an error, never an
//! answer. Values lie there as they lie in sled: sealed, where the store is.

use super::StoreError;
use super::octets::{SUM_BYTES, number_at, put, sum, summed, take_length};
use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::ops::Bound;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MAGIC: [u8; 8] = *b"bode-r1\n";
/// Most looks are for one key, and read one block: a page of the machine's memory. Its first key is held, some 30 octets a block.
const BLOCK_BYTES: usize = 4 * 1024;
const FOOT_BYTES: usize = 32;
const WRITE_BYTES: usize = 1024 * 1024;

thread_local! {
    /// The block that was looked at last: a look for one key makes no room of its own.
    static BLOCK: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A row of a layer; without a value: removed from what lies below.
pub(super) type Row = (Vec<u8>, Option<Vec<u8>>);

/// What a look at a layer found, in the order that was asked for.
pub(super) type Layer = Vec<Row>;

/// Where a look at a layer begins and ends.
pub(super) type Span = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// A run that is being written.
#[derive(Debug)]
pub(super) struct RunWriter {
    path: PathBuf,
    file: BufWriter<File>,
    at: u64,
    block: Vec<u8>,
    last: Vec<u8>,
    index: Vec<u8>,
    blocks: u64,
    rows: u64,
}

/// A run that is read.
#[derive(Debug)]
pub(super) struct Run {
    path: PathBuf,
    file: File,
    /// Where each block begins, and where the last one ends.
    starts: Vec<u64>,
    /// The first keys of the blocks, one after the other, and where each ends.
    keys: Vec<u8>,
    key_ends: Vec<u32>,
}

impl RunWriter {
    pub fn create(path: &Path) -> Result<RunWriter, StoreError> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
        let file = file.map_err(StoreError::io("make", path))?;
        Ok(RunWriter {
            path: path.to_owned(),
            file: BufWriter::with_capacity(WRITE_BYTES, file),
            at: 0,
            block: Vec::with_capacity(2 * BLOCK_BYTES),
            last: Vec::new(),
            index: Vec::new(),
            blocks: 0,
            rows: 0,
        })
    }

    /// The next row; its key is above the one before.
    pub fn push(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
        debug_assert!(self.rows == 0 || key > self.last.as_slice(), "keys rise");
        if self.block.is_empty() {
            self.index.extend(self.at.to_le_bytes());
            let length = u16::try_from(key.len()).map_err(|_| StoreError::TooLong {
                what: "a key of the index",
                max: usize::from(u16::MAX),
            })?;
            self.index.extend(length.to_le_bytes());
            self.index.extend_from_slice(key);
            self.blocks += 1;
            self.last.clear();
        }
        let shared = self.last.iter().zip(key).take_while(|(a, b)| a == b).count();
        for length in [shared, key.len() - shared, value.map_or(0, |value| value.len() + 1)] {
            put(&mut self.block, length as u64);
        }
        self.block.extend_from_slice(&key[shared..]);
        self.block.extend_from_slice(value.unwrap_or_default());
        self.last.truncate(shared);
        self.last.extend_from_slice(&key[shared..]);
        self.rows += 1;
        if self.block.len() >= BLOCK_BYTES { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> Result<(), StoreError> {
        if self.block.is_empty() {
            return Ok(());
        }
        let sum = sum(&self.block);
        self.write_block(sum).map_err(StoreError::io("write", &self.path))?;
        self.at += (self.block.len() + SUM_BYTES) as u64;
        self.block.clear();
        Ok(())
    }

    fn write_block(&mut self, sum: [u8; SUM_BYTES]) -> std::io::Result<()> {
        self.file.write_all(&self.block)?;
        self.file.write_all(&sum)
    }

    /// The whole run. `durable`: on disk on return; else it is whole only as long as the machine is up.
    pub fn finish(mut self, durable: bool) -> Result<Run, StoreError> {
        self.end_block()?;
        let written = (|| {
            self.file.write_all(&self.index)?;
            self.file.write_all(&sum(&self.index))?;
            for number in [self.at, self.blocks, self.rows] {
                self.file.write_all(&number.to_le_bytes())?;
            }
            self.file.write_all(&MAGIC)?;
            self.file.flush()?;
            if durable { self.file.get_ref().sync_all() } else { Ok(()) }
        })();
        written.map_err(StoreError::io("write", &self.path))?;
        Run::open(&self.path)
    }
}

impl Run {
    /// # Errors
    /// [`StoreError::Index`] for what is no whole run.
    pub fn open(path: &Path) -> Result<Run, StoreError> {
        let file = File::open(path).map_err(StoreError::io("open", path))?;
        let length = file.metadata().map_err(StoreError::io("look at", path))?.len();
        let broken = || damaged(path);
        let foot_at = length.checked_sub(FOOT_BYTES as u64).ok_or_else(broken)?;
        let mut foot = [0; FOOT_BYTES];
        file.read_exact_at(&mut foot, foot_at).map_err(StoreError::io("read", path))?;
        let (index_at, blocks) = (number_at(&foot, 0), number_at(&foot, 8));
        let index_bytes = foot_at.checked_sub(SUM_BYTES as u64).and_then(|end| end.checked_sub(index_at));
        let index_bytes = index_bytes.filter(|_| foot[24..] == MAGIC).ok_or_else(broken)?;
        let mut index = vec![0; usize::try_from(index_bytes).map_err(|_| broken())? + SUM_BYTES];
        file.read_exact_at(&mut index, index_at).map_err(StoreError::io("read", path))?;
        let index = summed(&index).ok_or_else(broken)?;
        let many = usize::try_from(blocks.min(index_bytes)).map_err(|_| broken())?;
        let mut run = Run {
            path: path.to_owned(),
            file,
            starts: Vec::with_capacity(many + 1),
            keys: Vec::with_capacity(index.len().saturating_sub(10 * many)),
            key_ends: Vec::with_capacity(many),
        };
        let mut rest = index;
        while !rest.is_empty() {
            let (head, after) = rest.split_at_checked(10).ok_or_else(broken)?;
            let key_bytes = usize::from(u16::from_le_bytes([head[8], head[9]]));
            let (key, after) = after.split_at_checked(key_bytes).ok_or_else(broken)?;
            run.starts.push(number_at(head, 0));
            run.keys.extend_from_slice(key);
            run.key_ends.push(u32::try_from(run.keys.len()).map_err(|_| broken())?);
            rest = after;
        }
        run.starts.push(index_at);
        if run.key_ends.len() as u64 != blocks || !run.starts.is_sorted() {
            return Err(broken());
        }
        Ok(run)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Octets of all rows.
    pub fn bytes(&self) -> u64 {
        self.starts.last().copied().unwrap_or(0)
    }

    /// Checks every block of a run that is no larger than this.
    pub fn check(&self, bytes_max: u64) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        let blocks = if self.bytes() > bytes_max { 0 } else { self.blocks() };
        (0..blocks).try_for_each(|block| self.read(block, &mut bytes))
    }

    fn blocks(&self) -> usize {
        self.key_ends.len()
    }

    fn first_key(&self, block: usize) -> &[u8] {
        let end = self.key_ends.get(block).map_or(0, |end| *end as usize);
        let start =
            block.checked_sub(1).and_then(|before| self.key_ends.get(before)).map_or(0, |end| *end as usize);
        self.keys.get(start..end).unwrap_or_default()
    }

    /// The last block whose first key is not above `key`.
    fn block_of(&self, key: &[u8]) -> Option<usize> {
        let (mut low, mut high) = (0, self.blocks());
        while low < high {
            let middle = low.midpoint(high);
            if self.first_key(middle) <= key { low = middle + 1 } else { high = middle }
        }
        low.checked_sub(1)
    }

    /// Reads a block; what was read stands in `into` without its sum.
    fn read(&self, block: usize, into: &mut Vec<u8>) -> Result<(), StoreError> {
        let (Some(start), Some(end)) = (self.starts.get(block), self.starts.get(block + 1)) else {
            return Err(damaged(&self.path));
        };
        into.resize(usize::try_from(end - start).map_err(|_| damaged(&self.path))?, 0);
        self.file.read_exact_at(into, *start).map_err(StoreError::io("read", &self.path))?;
        let length = summed(into).ok_or_else(|| damaged(&self.path))?.len();
        into.truncate(length);
        Ok(())
    }

    /// `None`: the run knows nothing of the key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Option<Vec<u8>>>, StoreError> {
        let Some(block) = self.block_of(key) else { return Ok(None) };
        BLOCK.with_borrow_mut(|bytes| {
            self.read(block, bytes)?;
            let mut rows = Rows { bytes, key: Vec::with_capacity(64) };
            while let Some(value) = rows.next().ok_or_else(|| damaged(&self.path))? {
                match rows.key.as_slice().cmp(key) {
                    std::cmp::Ordering::Less => {}
                    std::cmp::Ordering::Equal => return Ok(Some(value.map(<[u8]>::to_vec))),
                    std::cmp::Ordering::Greater => break,
                }
            }
            Ok(None)
        })
    }

    /// The first (or last) rows between two keys.
    pub fn some(&self, span: &Span, reverse: bool, rows: usize) -> Result<Layer, StoreError> {
        let mut found = Vec::new();
        let begins = |key: &[u8]| match &span.0 {
            Bound::Included(low) => key >= low.as_slice(),
            Bound::Excluded(low) => key > low.as_slice(),
            Bound::Unbounded => true,
        };
        let ends = |key: &[u8]| match &span.1 {
            Bound::Included(high) => key <= high.as_slice(),
            Bound::Excluded(high) => key < high.as_slice(),
            Bound::Unbounded => true,
        };
        let at = |bound: &Bound<Vec<u8>>| match bound {
            Bound::Included(key) | Bound::Excluded(key) => Some(self.block_of(key).unwrap_or(0)),
            Bound::Unbounded => None,
        };
        let first = at(&span.0).unwrap_or(0);
        let last = at(&span.1).unwrap_or(self.blocks().saturating_sub(1));
        let mut bytes = Vec::new();
        let mut block = if reverse { last } else { first };
        while found.len() < rows && (first..=last).contains(&block) && block < self.blocks() {
            self.read(block, &mut bytes)?;
            let mut within = Rows { bytes: &bytes, key: Vec::with_capacity(64) };
            let before = found.len();
            while let Some(value) = within.next().ok_or_else(|| damaged(&self.path))? {
                if !ends(&within.key) || !reverse && found.len() >= rows {
                    break;
                }
                if begins(&within.key) {
                    found.push((within.key.clone(), value.map(<[u8]>::to_vec)));
                }
            }
            if reverse {
                found[before..].reverse();
            }
            match (reverse, block.checked_sub(1)) {
                (false, _) => block += 1,
                (true, Some(below)) => block = below,
                (true, None) => break,
            }
        }
        found.truncate(rows);
        Ok(found)
    }
}

/// All rows of a run, from the first.
#[derive(Debug)]
pub(super) struct Walk {
    run: Arc<Run>,
    block: usize,
    bytes: Vec<u8>,
    at: usize,
    key: Vec<u8>,
}

impl Walk {
    pub fn of(run: Arc<Run>) -> Walk {
        Walk { run, block: 0, bytes: Vec::new(), at: 0, key: Vec::new() }
    }

    pub fn next(&mut self) -> Result<Option<Row>, StoreError> {
        if self.at >= self.bytes.len() {
            if self.block >= self.run.blocks() {
                return Ok(None);
            }
            self.run.read(self.block, &mut self.bytes)?;
            self.block += 1;
            self.at = 0;
            self.key.clear();
        }
        let mut rows =
            Rows { bytes: self.bytes.get(self.at..).unwrap_or_default(), key: std::mem::take(&mut self.key) };
        let before = rows.bytes.len();
        let value = rows.next().flatten().ok_or_else(|| damaged(&self.run.path))?.map(<[u8]>::to_vec);
        self.at += before - rows.bytes.len();
        self.key = rows.key;
        Ok(Some((self.key.clone(), value)))
    }
}

/// The rows of a block.
struct Rows<'a> {
    bytes: &'a [u8],
    key: Vec<u8>,
}

impl<'a> Rows<'a> {
    /// The value of the next row, whose key then stands in `key`. Outer `None`: this is no block of ours; inner: it has
    /// ended.
    #[allow(clippy::option_option, reason = "the innermost says: removed")]
    fn next(&mut self) -> Option<Option<Option<&'a [u8]>>> {
        if self.bytes.is_empty() {
            return Some(None);
        }
        let mut at = 0;
        let mut length = || take_length(self.bytes, &mut at);
        let (shared, own, value) = (length()?, length()?, length()?);
        let (key, rest) = self.bytes.get(at..)?.split_at_checked(own)?;
        if shared > self.key.len() {
            return None;
        }
        self.key.truncate(shared);
        self.key.extend_from_slice(key);
        let Some(length) = value.checked_sub(1) else {
            self.bytes = rest;
            return Some(Some(None));
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.bytes = rest;
        Some(Some(Some(value)))
    }
}

fn damaged(path: &Path) -> StoreError {
    StoreError::Index { path: path.to_owned(), fault: "a run of the index is damaged".to_owned() }
}
