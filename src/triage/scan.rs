//! Which words that rules need stand in a text, and where: found in one pass, asked by thousands of patterns.
//!
//! Invariant: work is bounded by the words that stand in the text, not by how many rules there are.

use super::needs::{Need, Word, is_wordy, rarest};
use super::words::{Standing, WordIndex};
use std::collections::HashMap;

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
    /// For each word whether it ends where a word ends, whether no letter stands before it, and the sets it is in: a stretch of `sets`.
    words: Vec<(bool, bool, u32, u32)>,
    sets: Vec<u32>,
    set_count: usize,
}

/// A lexicon in the making.
#[derive(Debug, Default)]
pub struct LexiconMaker {
    words: HashMap<Word, u32>,
    sets: HashMap<Vec<u32>, u32>,
}

/// Where words of each set stand in the text that was scanned last. Made once, used for many texts.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    round: u32,
    /// For each set the round it was last met in, and its place met last.
    sets: Vec<(u32, u32)>,
    /// Start and end of each place, and the place of the same set before it.
    places: Vec<(u32, u32, u32)>,
    /// Sets met in this round.
    pub met: Vec<u32>,
}

impl LexiconMaker {
    /// Takes in what a pattern needs.
    pub fn take(&mut self, needs: &[Need]) -> Needs {
        Needs(self.steps(needs))
    }

    /// The set of the rarest words that a pattern needs; `None` when nothing is known.
    pub fn key(&mut self, needs: &[Need]) -> Option<u32> {
        let words = rarest(needs);
        (!words.is_empty()).then(|| self.set(words.into_iter()))
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
        let mut sets_of: Vec<Vec<u32>> = vec![Vec::new(); self.words.len()];
        for (words, set) in &self.sets {
            for word in words {
                if let Some(sets) = sets_of.get_mut(*word as usize) {
                    sets.push(*set);
                }
            }
        }
        let mut words = vec![(false, false, 0, 0); self.words.len()];
        let mut sets = Vec::new();
        for (word, at) in &self.words {
            if let (Some(slot), Some(of)) = (words.get_mut(*at as usize), sets_of.get(*at as usize)) {
                let from = number(sets.len());
                sets.extend_from_slice(of);
                let ends = word.ends && word.text.bytes().next_back().is_some_and(is_wordy);
                *slot = (ends, word.first, from, number(sets.len()));
            }
        }
        let index =
            WordIndex::new(self.words.iter().map(|(word, at)| (word.text.as_str(), *at, word.starts)));
        Lexicon { index, words, sets, set_count: self.sets.len() }
    }
}

impl Lexicon {
    /// How many sets of words there are.
    pub fn set_count(&self) -> usize {
        self.set_count
    }

    /// Finds the words of a text.
    pub fn scan(&self, text: &str, scan: &mut Scan) {
        scan.begin(self.set_count);
        let bytes = text.as_bytes();
        let told = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let begun = number(bytes.iter().position(told).unwrap_or(bytes.len()));
        self.index.each(text, |Standing { start, end, number: word }| {
            let Some((ends, first, from, until)) = self.words.get(word as usize) else { return };
            if *first && start > begun {
                return;
            }
            if *ends && bytes.get(end as usize).is_some_and(|byte| is_wordy(*byte)) {
                return;
            }
            for set in self.sets.get(*from as usize..*until as usize).unwrap_or_default() {
                scan.add(*set, start, end);
            }
        });
    }
}

impl Scan {
    fn begin(&mut self, sets: usize) {
        if self.sets.len() != sets || self.round == u32::MAX {
            self.sets = vec![(0, NONE); sets];
            self.round = 0;
        }
        self.round += 1;
        self.places.clear();
        self.met.clear();
    }

    #[inline]
    fn add(&mut self, set: u32, start: u32, end: u32) {
        let Some(slot) = self.sets.get_mut(set as usize) else { return };
        let before = if slot.0 == self.round { slot.1 } else { NONE };
        if before == NONE {
            self.met.push(set);
        }
        *slot = (self.round, number(self.places.len()));
        self.places.push((start, end, before));
    }

    /// Does the text hold all that is needed, in order?
    pub fn holds(&self, needs: &Needs) -> bool {
        self.after(&needs.0, 0).is_some()
    }

    /// Where the text holds all of it, from a byte on: the first byte after it.
    fn after(&self, steps: &[Step], from: u32) -> Option<u32> {
        steps.iter().try_fold(from, |from, step| match step {
            Step::Set(set) => self.first_end(*set, from),
            Step::Either(branches) => branches.iter().filter_map(|branch| self.after(branch, from)).min(),
        })
    }

    fn first_end(&self, set: u32, from: u32) -> Option<u32> {
        let (round, last) = self.sets.get(set as usize)?;
        let mut at = if *round == self.round { *last } else { NONE };
        let mut first = None;
        while let Some((start, end, before)) = self.places.get(at as usize) {
            if *start >= from && first.is_none_or(|first| *end < first) {
                first = Some(*end);
            }
            at = *before;
        }
        first
    }
}

/// Far more words than any rule set holds.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
