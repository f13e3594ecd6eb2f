//! What an index that is being built is made of: rows held in memory, written as a sorted run with a filter of the keys
//! that it has, and runs merged into one.
//!
//! Invariant: nothing here changes what it is given; so a thread writes what is held while it is still read.

use super::StoreError;
use super::keys;
use super::rows::{Changes, Seals, some_of};
use super::run::{Layer, Row, Run, RunWriter, Span, Walk};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeBounds;
use std::path::Path;
use std::sync::Arc;

/// Bits of a filter for a key, and how many of them are set: one wrong "perhaps" in a hundred.
const FILTER_BITS: usize = 10;
const FILTER_PROBES: u64 = 5;

/// What a row costs in memory beside its octets.
const ROW_BYTES: usize = 112;

/// Rows in memory: keys that are walked while the index is built stand in order; to order the others once, when they are
/// written, is much cheaper than to keep them so.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    walked: Changes,
    asked: HashMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: usize,
}

impl Gathered {
    pub fn put(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.bytes += key.len() + value.as_ref().map_or(0, Vec::len) + ROW_BYTES;
        if keys::is_of_a_list(&key) {
            self.walked.insert(key, value);
        } else {
            self.asked.insert(key, value);
        }
    }

    /// Octets, or a little more: what was put twice counts twice.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn is_empty(&self) -> bool {
        self.walked.is_empty() && self.asked.is_empty()
    }

    pub fn get(&self, key: &[u8]) -> Option<&Option<Vec<u8>>> {
        if keys::is_of_a_list(key) { self.walked.get(key) } else { self.asked.get(key) }
    }

    /// The first (or last) rows between two keys. For kinds that are asked for, this looks at everything that is held.
    pub fn some(&self, span: &Span, reverse: bool, rows: usize) -> Layer {
        let asked = self.asked.iter().filter(|(key, _)| span.contains(*key));
        let asked: Changes = asked.map(|(key, value)| (key.clone(), value.clone())).collect();
        let mut all = some_of(&self.walked, span, reverse, rows);
        all.extend(some_of(&asked, span, reverse, rows));
        all.sort_by(|(one, _), (other, _)| if reverse { other.cmp(one) } else { one.cmp(other) });
        all.truncate(rows);
        all
    }

    /// Everything as a run.
    pub fn write(&self, into: &Path, seals: &Seals) -> Result<Known, StoreError> {
        let mut all: Vec<(&Vec<u8>, &Option<Vec<u8>>)> = self.asked.iter().chain(&self.walked).collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        let mut writer = RunWriter::create(into)?;
        let mut filter = Filter::with_room_for(self.asked.len());
        for (key, value) in all {
            filter.add(key);
            match value {
                Some(value) => writer.push(key, Some(&seals.seal(key, value)?))?,
                None => writer.push(key, None)?,
            }
        }
        Ok(Known { run: Arc::new(writer.finish(false)?), asked: self.asked.len(), filter })
    }
}

/// A run, and which keys it may have.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub run: Arc<Run>,
    asked: usize,
    filter: Filter,
}

/// Which keys a run may have (Bloom, 1970), so that a key that is new is not looked for in every one. `None`: any.
#[derive(Clone, Debug)]
struct Filter(Option<Arc<Vec<u64>>>);

impl Known {
    /// May the run have the key? Wrongly yes now and then, never wrongly no. `hash` is that of the key ([`hash`]); `None`: of
    /// a list, and may be anywhere.
    pub fn may_have(&self, hash: Option<u64>) -> bool {
        let (Some(hash), Some(words)) = (hash, &self.filter.0) else { return true };
        bits(words.len(), hash).all(|(word, bit)| words[word] & bit != 0)
    }
}

impl Filter {
    fn with_room_for(rows: usize) -> Filter {
        Filter(Some(Arc::new(vec![0; (rows * FILTER_BITS).div_ceil(64).max(1)])))
    }

    fn add(&mut self, key: &[u8]) {
        if let (Some(hash), Some(words)) = (hash(key), self.0.as_mut().and_then(Arc::get_mut)) {
            for (word, bit) in bits(words.len(), hash) {
                words[word] |= bit;
            }
        }
    }
}

fn bits(words: usize, hash: u64) -> impl Iterator<Item = (usize, u64)> {
    let (many, step) = (words as u64 * 64, hash.rotate_left(32) | 1);
    (0..FILTER_PROBES).map(move |probe| {
        let bit = hash.wrapping_add(step.wrapping_mul(probe)) % many;
        (usize::try_from(bit / 64).unwrap_or(0), 1 << (bit % 64))
    })
}

/// For [`Known::may_have`]. `None`: a key of a list, which no filter knows.
pub(super) fn hash(key: &[u8]) -> Option<u64> {
    if keys::is_of_a_list(key) {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    Some(hasher.finish())
}

/// What a merged run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merging {
    /// One of several, in which keys are looked for that are new. Unless it is the lowest, what was removed stays told.
    Building { lowest: bool },
    /// All there is. `durable`: on disk on return.
    Whole { durable: bool },
}

/// The next row of a run, which stands at this place.
type Head = (Vec<u8>, Reverse<usize>, Option<Vec<u8>>);

/// Writes runs, the youngest last, as one. Theirs are left as they are.
pub(super) fn merge(runs: &[Known], into: &Path, how: Merging) -> Result<Known, StoreError> {
    let mut writer = RunWriter::create(into)?;
    let asked = runs.iter().map(|known| known.asked).sum();
    let (mut filter, removed_told) = match how {
        Merging::Building { lowest } => (Filter::with_room_for(asked), !lowest),
        // Nothing lies below that could be spared.
        Merging::Whole { .. } => (Filter(None), false),
    };
    let mut walks: Vec<Walk> = runs.iter().map(|known| Walk::of(Arc::clone(&known.run))).collect();
    // By key, and of one key the youngest first.
    let mut heads: BinaryHeap<Reverse<Head>> = BinaryHeap::new();
    let head = |at: usize, (key, value): Row| Reverse((key, Reverse(at), value));
    for (at, walk) in walks.iter_mut().enumerate() {
        heads.extend(walk.next()?.map(|row| head(at, row)));
    }
    let mut last: Vec<u8> = Vec::new();
    while let Some(Reverse((key, Reverse(at), value))) = heads.pop() {
        if last != key {
            if value.is_some() || removed_told {
                filter.add(&key);
                writer.push(&key, value.as_deref())?;
            }
            last = key;
        }
        if let Some(walk) = walks.get_mut(at) {
            heads.extend(walk.next()?.map(|row| head(at, row)));
        }
    }
    let run = writer.finish(how == Merging::Whole { durable: true })?;
    Ok(Known { run: Arc::new(run), asked, filter })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that a run tells, by walking it.
    fn rows(known: &Known) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let mut walk = Walk::of(Arc::clone(&known.run));
        std::iter::from_fn(|| walk.next().unwrap()).collect()
    }

    fn gathered(rows: &[(&str, Option<&str>)]) -> Gathered {
        let mut all = Gathered::default();
        for (key, value) in rows {
            all.put(key.as_bytes().to_vec(), value.map(|value| value.as_bytes().to_vec()));
        }
        all
    }

    #[test]
    fn of_one_key_the_youngest_stays_and_what_was_removed_is_told_while_something_lies_below() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let seals = Seals::default();
        // Kinds that are asked for (c, r) and kinds that are walked (a, l).
        let old = gathered(&[("c1", Some("old")), ("a1", Some("x")), ("r9", Some("stays"))]);
        let young = gathered(&[("a1", None), ("c1", Some("new")), ("l5", Some("y"))]);
        assert_eq!(young.get(b"c1"), Some(&Some(b"new".to_vec())));
        assert_eq!(young.get(b"a1"), Some(&None), "removed");
        assert_eq!(young.get(b"r9"), None, "not known");
        let runs = [old.write(&at("1"), &seals).unwrap(), young.write(&at("2"), &seals).unwrap()];
        let told = |how, name: &str| {
            let known = merge(&runs, &at(name), how).unwrap();
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
            let told = rows(&known).into_iter().map(|(key, value)| (text(key), value.map(text)));
            (known, told.collect::<Vec<_>>())
        };
        let all = |told: &[(String, Option<String>)]| {
            told.iter()
                .map(|(key, value)| format!("{key}={}", value.as_deref().unwrap_or("-")))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let (upper, rows) = told(Merging::Building { lowest: false }, "3");
        assert_eq!(all(&rows), "a1=- c1=new l5=y r9=stays");
        assert_eq!(all(&told(Merging::Building { lowest: true }, "4").1), "c1=new l5=y r9=stays");
        assert_eq!(all(&told(Merging::Whole { durable: true }, "5").1), "c1=new l5=y r9=stays");
        for key in ["c1", "r9", "a1", "l5"] {
            assert!(upper.may_have(hash(key.as_bytes())), "{key}");
        }
        let strangers = (0..1000).filter(|n| upper.may_have(hash(format!("c-{n}").as_bytes()))).count();
        assert!(strangers < 100, "the filter spares most looks: {strangers} of 1000 were not");
    }
}
