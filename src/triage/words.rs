//! Many words found in one pass over a text: a tree of their letters, walked from each start of a word.
//!
//! Invariant: a walk ends with the longest word of the index, so that the work is linear in the text.

use std::collections::VecDeque;

/// An index of words. Words that may begin amid a word are walked from every letter, the others from the start of a
/// word or of what stands between words.
#[derive(Clone, Debug, Default)]
pub struct WordIndex {
    anywhere: Tree,
    at_starts: Tree,
}

/// The letters of words, as a tree in one row of cells (a double array): the letter `l` leads from a cell to the one
/// at its `base` + `l`, if that says to come from it. One step is one look, whatever number of letters leads on.
#[derive(Clone, Debug, Default)]
struct Tree {
    cells: Vec<Cell>,
    /// The numbers of words, a stretch for each text.
    numbers: Vec<u32>,
    /// Ends of words that nothing branches off from.
    tails: Vec<u8>,
    /// The first three letters that words have, a bit each (of each letter five bits count): small enough to be at
    /// hand for every letter of a text, of which most begin no word.
    starts: Vec<u64>,
}

/// A letter of words.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    /// The cell it comes from, from 1; 0 where no letter stands.
    from: u32,
    /// Where letters lead on, or where the tail stands that must follow.
    base: u32,
    /// The stretch of numbers of the words that end here, or after the tail.
    numbers: u32,
    count: u16,
    /// Letters of the tail; 0 when letters branch off.
    tail: u16,
}

/// A word that stands in a text: its number, and from which byte to which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Standing {
    pub end: u32,
    pub start: u32,
    pub number: u32,
}

impl WordIndex {
    /// Indexes words by their numbers; `true` says that a word begins where one begins.
    pub fn new<'w>(words: impl Iterator<Item = (&'w str, u32, bool)>) -> Self {
        let (mut anywhere, mut at_starts) = (Vec::new(), Vec::new());
        for (text, number, starts) in words.filter(|(text, _, _)| !text.is_empty()) {
            let inner = !starts && text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
            if inner {
                anywhere.push((text.as_bytes(), number));
            } else {
                at_starts.push((text.as_bytes(), number));
            }
        }
        Self { anywhere: Tree::new(anywhere), at_starts: Tree::new(at_starts) }
    }

    /// Tells every word that stands in a text.
    pub fn each(&self, text: &str, mut tell: impl FnMut(Standing)) {
        let bytes = text.as_bytes();
        let letter = |at: usize| bytes.get(at).copied().unwrap_or_default();
        let mut three = with_letter(with_letter(0, letter(0)), letter(1));
        let mut amid = false;
        for (at, byte) in bytes.iter().enumerate() {
            three = with_letter(three, letter(at + 2));
            let wordy = byte.is_ascii_alphanumeric();
            if !(amid && wordy) && self.at_starts.may_begin(three) {
                self.at_starts.walk(bytes, at, &mut tell);
            }
            if self.anywhere.may_begin(three) {
                self.anywhere.walk(bytes, at, &mut tell);
            }
            amid = wordy;
        }
    }
}

/// Places tried before the holes up to there are given up.
const TRIES_MAX: usize = 64;

impl Tree {
    fn new(mut words: Vec<(&[u8], u32)>) -> Self {
        words.sort_unstable();
        let mut tree =
            Self { cells: vec![Cell::default(); 1], starts: vec![0; STARTS / 64], ..Self::default() };
        for (word, _) in &words {
            // A shorter word may have any letter behind it.
            let letters = |at: usize| word.get(at).map_or(0..=u8::MAX >> 3, |letter| *letter..=*letter);
            for (second, third) in letters(1).flat_map(|second| letters(2).map(move |third| (second, third)))
            {
                let first = word.first().copied().unwrap_or_default();
                let three = [first, second, third].into_iter().fold(0, with_letter);
                if let Some(bits) = tree.starts.get_mut(three / 64) {
                    *bits |= 1 << (three % 64);
                }
            }
        }
        // Rows of words that share their first letters: from, until, letters shared, and their cell.
        // Short words first: they are met most, and so lie close together.
        let mut rows = VecDeque::from([(0, words.len(), 0, 0)]);
        let mut free = 1;
        while let Some((from, until, depth, cell)) = rows.pop_front() {
            let row = words.get(from..until).unwrap_or_default();
            let (Some((first, _)), Some((last, _))) = (row.first(), row.last()) else { continue };
            let one_text = first == last && depth > 0;
            let ending = if one_text {
                row.len()
            } else {
                row.iter().take_while(|(word, _)| word.len() == depth).count()
            };
            let numbers = number(tree.numbers.len());
            tree.numbers.extend(row.iter().take(ending).map(|(_, number)| *number));
            let tail = if one_text { first.get(depth..).unwrap_or_default() } else { &[] };
            let letter = |(word, _): &(&[u8], u32)| word.get(depth).copied().unwrap_or_default();
            let onward = row.get(ending..).unwrap_or_default();
            let base = if onward.is_empty() {
                tree.tails.len()
            } else {
                tree.place(
                    onward.chunk_by(|a, b| letter(a) == letter(b)).filter_map(<[_]>::first).map(letter),
                    &mut free,
                )
            };
            tree.tails.extend_from_slice(tail);
            if let Some(slot) = tree.cells.get_mut(cell) {
                *slot = Cell {
                    base: number(base),
                    numbers,
                    count: short(ending),
                    tail: short(tail.len()),
                    ..*slot
                };
            }
            let mut begin = from + ending;
            for same in onward.chunk_by(|a, b| letter(a) == letter(b)) {
                let child = base + usize::from(same.first().map_or(0, letter));
                if let Some(slot) = tree.cells.get_mut(child) {
                    slot.from = number(cell + 1);
                }
                rows.push_back((begin, begin + same.len(), depth + 1, child));
                begin += same.len();
            }
        }
        tree
    }

    /// The first place in the row where all these letters find their cells free. `free` is a cell before which none is
    /// looked for.
    fn place(&mut self, letters: impl Iterator<Item = u8>, free: &mut usize) -> usize {
        let letters: Vec<usize> = letters.map(usize::from).collect();
        let lowest = letters.first().copied().unwrap_or(0);
        let taken = |cells: &[Cell], at: usize| cells.get(at).is_some_and(|cell| cell.from != 0);
        while taken(&self.cells, *free) {
            *free += 1;
        }
        let mut base = free.saturating_sub(lowest);
        let mut tries = 0;
        // The root comes from nowhere and is not free.
        while base + lowest == 0 || letters.iter().any(|letter| taken(&self.cells, base + letter)) {
            base += 1;
            tries += 1;
        }
        if tries > TRIES_MAX {
            // Holes that nothing fits in are left behind.
            *free = base + lowest;
        }
        let end = base + letters.last().copied().unwrap_or(0) + 1;
        if self.cells.len() < end {
            self.cells.resize(end, Cell::default());
        }
        base
    }

    /// May a word begin with these three letters?
    #[inline]
    fn may_begin(&self, three: usize) -> bool {
        self.starts.get(three / 64).is_some_and(|bits| bits >> (three % 64) & 1 == 1)
    }

    /// Tells the words that begin at a byte.
    fn walk(&self, text: &[u8], start: usize, tell: &mut impl FnMut(Standing)) {
        let Some(mut cell) = self.cells.first() else { return };
        let (mut at, mut end) = (0, start);
        while let Some(letter) = text.get(end) {
            let next = cell.base + u32::from(*letter);
            match self.cells.get(next as usize) {
                Some(child) if child.from == at + 1 => (cell, at) = (child, next),
                _ => return,
            }
            end += 1;
            let (from, tail) = (cell.base as usize, usize::from(cell.tail));
            if tail > 0 {
                let Some(tail) = self.tails.get(from..from + tail) else { return };
                // A few letters: quicker than a call of `memcmp`.
                let rest = text.get(end..).unwrap_or_default();
                if rest.len() < tail.len() || rest.iter().zip(tail).any(|(a, b)| a != b) {
                    return;
                }
                end += tail.len();
            }
            let numbers = cell.numbers as usize;
            for known in self.numbers.get(numbers..numbers + usize::from(cell.count)).unwrap_or_default() {
                tell(Standing { end: number(end), start: number(start), number: *known });
            }
            if tail > 0 {
                return;
            }
        }
    }
}

/// How many beginnings of three letters are told apart.
const STARTS: usize = 32 * 32 * 32;

/// The last three letters, by the bit of [`Tree::starts`]; past the end of a text they are 0.
#[inline]
fn with_letter(before: usize, letter: u8) -> usize {
    (before << 5 | usize::from(letter & 31)) % STARTS
}

/// A text is in no more lists than this, and no longer.
fn short(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// Places in sentences and rule sets are far below the bound.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(words: &[(&str, bool)], text: &str) -> Vec<(u32, u32, u32)> {
        let words = words.iter().enumerate().map(|(at, (word, starts))| (*word, at as u32, *starts));
        let mut found = Vec::new();
        WordIndex::new(words).each(text, |one| found.push((one.number, one.start, one.end)));
        found.sort_unstable();
        found
    }

    #[test]
    fn words_are_found_where_they_may_begin() {
        let words = [("klacht", true), ("acht", false), ("acht", true), (" over", false), ("klachten", true)];
        assert_eq!(
            found(&words, "klachten over acht"),
            [(0, 0, 6), (1, 2, 6), (1, 14, 18), (2, 14, 18), (3, 8, 13), (4, 0, 8)]
        );
        assert_eq!(found(&words, "eklacht"), [(1, 3, 7)]);
        assert!(found(&[], "klacht").is_empty());
        assert_eq!(found(&[("\u{e000} belt", false)], "de \u{e000} belt"), [(0, 3, 11)]);
    }
}
