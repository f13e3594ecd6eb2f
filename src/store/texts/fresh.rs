//! The words of the newest pieces, in memory until there are enough of them for a part of their own.

use super::numbers::{List, packed};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// Is given a word, whether it stands so in a text, and its cases; false ends the walk.
type Visit<'a> = dyn FnMut(&[u8], bool, &[u64]) -> bool + 'a;

#[derive(Debug, Default)]
pub(super) struct Fresh {
    words: BTreeMap<Box<[u8]>, Word>,
    /// Cases under all words together.
    pub entries: usize,
}

#[derive(Debug, Default)]
struct Word {
    is_word: bool,
    /// They rise.
    numbers: Vec<u64>,
}

impl Fresh {
    /// The words of a piece of a case; of each whether it stands so in the text.
    pub fn add(&mut self, number: u64, words: &BTreeMap<String, bool>) {
        for (text, is_word) in words {
            if !self.words.contains_key(text.as_bytes()) {
                self.words.insert(text.as_bytes().into(), Word::default());
            }
            let Some(word) = self.words.get_mut(text.as_bytes()) else { continue };
            word.is_word |= is_word;
            if let Err(place) = word.numbers.binary_search(&number) {
                word.numbers.insert(place, number);
                self.entries += 1;
            }
        }
    }

    pub fn forget(&mut self, gone: &dyn Fn(u64) -> bool) {
        self.words.retain(|_, word| {
            let before = word.numbers.len();
            word.numbers.retain(|number| !gone(*number));
            self.entries -= before - word.numbers.len();
            !word.numbers.is_empty()
        });
    }

    /// Each word from `from` on, whether it stands so in a text, and the cases that have it, until `visit` says false.
    pub fn each_word(&self, from: &[u8], visit: &mut Visit<'_>) {
        let from = (Bound::Included(from), Bound::Unbounded);
        for (text, word) in self.words.range::<[u8], _>(from) {
            if !visit(text, word.is_word, &word.numbers) {
                return;
            }
        }
    }

    /// As [`super::part::Part::lists`].
    pub fn lists(&self, word: &[u8], beginning: bool, words_max: usize, into: &mut Vec<List>) -> bool {
        let (mut found, mut more) = (0, false);
        self.each_word(word, &mut |text, _, numbers| {
            let fits = if beginning { text.starts_with(word) } else { text == word };
            more = fits && found >= words_max;
            if fits && !more {
                found += 1;
                let (bytes, _) = packed(numbers.iter().rev().copied());
                let length = bytes.len();
                into.push(List::new(Arc::new(bytes), 0, length));
            }
            fits && !more && beginning
        });
        more
    }
}
