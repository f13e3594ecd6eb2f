//! Which words that rules need stand in a text, and where: found in one pass, asked by thousands of patterns.
//!
//! Invariant: work is bounded by the words that stand in the text, not by how many rules there are.

use super::needs::{Need, Word, is_wordy, rarest};
use super::words::{Standing, WordIndex};
use std::collections::{HashMap, HashSet};

/// No further place.
const NONE: u32 = u32::MAX;

/// What a pattern needs, with sets of words by their numbers.
#[derive(Clone, Debug)]
enum Step {
    Set(u32),
    Either(Box<[Box<[Step]>]>),
}

/// What one pattern needs, in order. Empty: nothing is known.
#[derive(Clone, Debug, Default)]
pub struct Needs(Box<[Step]>);

/// The words that patterns need, in sets of which one must stand in a text.
#[derive(Clone, Debug, Default)]
pub struct Lexicon {
    index: WordIndex,
    words: Vec<Known>,
    /// Sets that are told when a word of theirs is met, a stretch for each word.
    keys: Vec<u32>,
    /// The words of all sets, and where those of each set end.
    members: Vec<Members>,
    set_ends: Vec<u32>,
}

/// Those of 64 neighbouring words that are in a set, a bit each.
#[derive(Clone, Copy, Debug, Default)]
struct Members {
    block: u32,
    bits: u64,
}

/// A word of the lexicon: what must stand around it, and its stretch of `keys`.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    ends: bool,
    first: bool,
    from: u32,
    until: u32,
}

/// A lexicon in the making.
#[derive(Debug, Default)]
pub struct LexiconMaker {
    words: HashMap<Word, u32>,
    sets: HashMap<Vec<u32>, u32>,
    /// Sets to tell when a word of theirs is met.
    keys: HashSet<u32>,
}

/// Where each word stands in the text that was scanned last. Made once, used for many texts.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// For each word its place met last, if that is one of this word: what is left of other texts is not cleared.
    words: Vec<u32>,
    places: Vec<Spot>,
    /// The same for each set: its place in `met`.
    told: Vec<u32>,
    /// Keys of this text.
    pub met: Vec<u32>,
    /// The words that stand in this text, a bit each: small enough to be at hand for thousands of questions.
    standing: Vec<u64>,
}

/// A place of a word, and the place of the same word before it.
#[derive(Clone, Copy, Debug)]
struct Spot {
    word: u32,
    start: u32,
    end: u32,
    before: u32,
}

impl LexiconMaker {
    /// Takes in what a pattern needs.
    pub fn take(&mut self, needs: &[Need]) -> Needs {
        Needs(self.steps(needs))
    }

    /// The set of the rarest words that a pattern needs; `None` when nothing is known.
    pub fn key(&mut self, needs: &[Need]) -> Option<u32> {
        let words = rarest(needs);
        let key = (!words.is_empty()).then(|| self.set(words.into_iter()));
        self.keys.extend(key);
        key
    }

    fn steps(&mut self, needs: &[Need]) -> Box<[Step]> {
        let step = |need: &Need| match need {
            Need::Words(words) => Step::Set(self.set(words.iter())),
            Need::Either(branches) => {
                Step::Either(branches.iter().map(|branch| self.steps(branch)).collect())
            }
        };
        needs.iter().map(step).collect()
    }

    fn set<'w>(&mut self, words: impl Iterator<Item = &'w Word>) -> u32 {
        let mut numbers: Vec<u32> = words
            .map(|word| match self.words.get(word) {
                Some(known) => *known,
                None => {
                    let next = number(self.words.len());
                    self.words.insert(word.clone(), next);
                    next
                }
            })
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        let next = number(self.sets.len());
        *self.sets.entry(numbers).or_insert(next)
    }

    /// The lexicon of all that was taken in.
    pub fn finish(self) -> Lexicon {
        // By their numbers: words of one set were mostly taken in together, and so share few blocks.
        let mut words: Vec<(Word, u32)> = self.words.into_iter().collect();
        words.sort_unstable_by_key(|(_, number)| *number);
        let mut sets: Vec<(u32, Vec<u32>)> = self.sets.into_iter().map(|(words, set)| (set, words)).collect();
        sets.sort_unstable_by_key(|(set, _)| *set);
        let mut keys_of: Vec<Vec<u32>> = vec![Vec::new(); words.len()];
        let (mut members, mut set_ends) = (Vec::new(), Vec::with_capacity(sets.len()));
        for (set, of) in sets {
            members.extend(of.chunk_by(|a, b| a / 64 == b / 64).map(|near| Members {
                block: near.first().map_or(0, |word| word / 64),
                bits: near.iter().fold(0, |bits, word| bits | 1 << (word % 64)),
            }));
            set_ends.push(number(members.len()));
            for word in of.iter().filter(|_| self.keys.contains(&set)) {
                if let Some(keys) = keys_of.get_mut(*word as usize) {
                    keys.push(set);
                }
            }
        }
        let mut keys = Vec::new();
        let mut known = Vec::with_capacity(words.len());
        for ((word, _), of) in words.iter().zip(keys_of) {
            let from = number(keys.len());
            keys.extend(of);
            let ends = word.ends && word.text.bytes().next_back().is_some_and(is_wordy);
            known.push(Known { ends, first: word.first, from, until: number(keys.len()) });
        }
        let index =
            WordIndex::new((0..).zip(&words).map(|(at, (word, _))| (word.text.as_str(), at, word.starts)));
        Lexicon { index, words: known, keys, members, set_ends }
    }
}

impl Lexicon {
    /// How many sets of words there are.
    pub fn set_count(&self) -> usize {
        self.set_ends.len()
    }

    /// Finds the words of a text.
    pub fn scan(&self, text: &str, scan: &mut Scan) {
        scan.begin(self.words.len(), self.set_count());
        let bytes = text.as_bytes();
        let told = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let begun = number(bytes.iter().position(told).unwrap_or(bytes.len()));
        self.index.each(text, |Standing { start, end, number: word }| {
            let Some(known) = self.words.get(word as usize) else { return };
            if known.first && start > begun {
                return;
            }
            if known.ends && bytes.get(end as usize).is_some_and(|byte| is_wordy(*byte)) {
                return;
            }
            if scan.add(word, start, end) {
                for key in self.keys.get(known.from as usize..known.until as usize).unwrap_or_default() {
                    scan.tell(*key);
                }
            }
        });
    }

    /// Does the text that was scanned hold all that is needed, in order?
    pub fn holds(&self, scan: &Scan, needs: &Needs) -> bool {
        self.after(scan, &needs.0, 0).is_some()
    }

    /// Where the text holds all of it, from a byte on: the first byte after it.
    fn after(&self, scan: &Scan, steps: &[Step], from: u32) -> Option<u32> {
        let mut at = from;
        for step in steps {
            at = match step {
                Step::Set(set) => self.first_of(scan, *set, at)?,
                Step::Either(branches) => {
                    branches.iter().filter_map(|branch| self.after(scan, branch, at)).min()?
                }
            };
        }
        Some(at)
    }

    /// Where a word of a set first ends that begins at a byte or after it.
    fn first_of(&self, scan: &Scan, set: u32, from: u32) -> Option<u32> {
        let mut first: Option<u32> = None;
        for Members { block, bits } in self.members_of(set) {
            let mut standing = scan.standing.get(*block as usize).map_or(0, |here| here & bits);
            while standing != 0 {
                let end = scan.first_end(block * 64 + standing.trailing_zeros(), from);
                first = [first, end].into_iter().flatten().min();
                standing &= standing - 1;
            }
        }
        first
    }

    fn members_of(&self, set: u32) -> &[Members] {
        let end = |set: u32| self.set_ends.get(set as usize).map_or(0, |end| *end as usize);
        let begin = set.checked_sub(1).map_or(0, end);
        self.members.get(begin..end(set)).unwrap_or_default()
    }
}

impl Scan {
    fn begin(&mut self, words: usize, sets: usize) {
        self.words.resize(words, 0);
        self.told.resize(sets, 0);
        self.standing.resize(words / 64 + 1, 0);
        for spot in &self.places {
            if let Some(bits) = self.standing.get_mut(spot.word as usize / 64) {
                *bits = 0;
            }
        }
        self.places.clear();
        self.met.clear();
    }

    /// Adds a place of a word; is it the first?
    #[inline]
    fn add(&mut self, word: u32, start: u32, end: u32) -> bool {
        let Some(slot) = self.words.get_mut(word as usize) else { return false };
        let known = self.places.get(*slot as usize).is_some_and(|spot| spot.word == word);
        let before = if known { *slot } else { NONE };
        *slot = number(self.places.len());
        self.places.push(Spot { word, start, end, before });
        if let Some(bits) = self.standing.get_mut(word as usize / 64) {
            *bits |= 1 << (word % 64);
        }
        !known
    }

    #[inline]
    fn tell(&mut self, set: u32) {
        let Some(slot) = self.told.get_mut(set as usize) else { return };
        if self.met.get(*slot as usize) != Some(&set) {
            *slot = number(self.met.len());
            self.met.push(set);
        }
    }

    /// Where a word first ends that begins at a byte or after it.
    #[inline]
    fn first_end(&self, word: u32, from: u32) -> Option<u32> {
        let mut at = *self.words.get(word as usize)?;
        let mut first = None;
        while let Some(spot) = self.places.get(at as usize)
            && spot.word == word
            && spot.start >= from
        {
            first = Some(spot.end);
            at = spot.before;
        }
        first
    }
}

/// Far more words than any rule set holds.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
