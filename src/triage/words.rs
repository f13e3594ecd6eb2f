//! Many words found in one pass over a text: a tree of their letters, walked from each start of a word.
//!
//! Invariant: a walk ends with the longest word of the index, so that the work is linear in the text.

/// Where no letter leads.
const NONE: u32 = u32::MAX;

/// An index of words. Words that may begin amid a word are walked from every letter, the others from the start of a
/// word or of what stands between words.
#[derive(Clone, Debug, Default)]
pub struct WordIndex {
    anywhere: Tree,
    at_starts: Tree,
}

/// The letters of words, as a tree. A node is a row of cells, its first child next to it: how many words end there, how
/// many letters lead on, the numbers of those words, and of each letter the letter and the cell it leads to.
#[derive(Clone, Debug, Default)]
struct Tree {
    /// The node that a first byte leads to.
    first: Vec<u32>,
    cells: Vec<u32>,
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
        let mut amid = false;
        for (at, byte) in bytes.iter().enumerate() {
            let wordy = byte.is_ascii_alphanumeric();
            if !(amid && wordy) {
                self.at_starts.walk(bytes, at, &mut tell);
            }
            self.anywhere.walk(bytes, at, &mut tell);
            amid = wordy;
        }
    }
}

impl Tree {
    fn new(mut words: Vec<(&[u8], u32)>) -> Self {
        words.sort_unstable();
        let mut tree = Self { first: vec![NONE; 256], ..Self::default() };
        if words.is_empty() {
            return tree;
        }
        // Rows of words that share their first letters, each to become a node: from, until, letters shared, and the cell
        // that leads to it.
        let mut rows = vec![(0, words.len(), 0, None)];
        while let Some((from, until, depth, leads)) = rows.pop() {
            let row = words.get(from..until).unwrap_or_default();
            let here = number(tree.cells.len());
            if let Some(slot) = leads.and_then(|cell: usize| tree.cells.get_mut(cell)) {
                *slot = here;
            }
            let ending = row.iter().take_while(|(word, _)| word.len() == depth).count();
            let letter = |(word, _): &(&[u8], u32)| word.get(depth).copied().unwrap_or_default();
            let onward = row.get(ending..).unwrap_or_default();
            let count = onward.chunk_by(|a, b| letter(a) == letter(b)).count();
            tree.cells.extend([number(ending), number(count)]);
            tree.cells.extend(row.iter().take(ending).map(|(_, number)| *number));
            let (mut begin, children) = (from + ending, rows.len());
            for same in onward.chunk_by(|a, b| letter(a) == letter(b)) {
                tree.cells.extend([same.first().map_or(0, letter).into(), NONE]);
                rows.push((begin, begin + same.len(), depth + 1, Some(tree.cells.len() - 1)));
                begin += same.len();
            }
            // The first child comes next.
            if let Some(children) = rows.get_mut(children..) {
                children.reverse();
            }
        }
        let roots = tree.cells.get(2..).unwrap_or_default().chunks_exact(2);
        for root in roots.take(tree.cells.get(1).map_or(0, |count| *count as usize)) {
            if let [byte, onward] = root
                && let Some(slot) = tree.first.get_mut(*byte as usize)
            {
                *slot = *onward;
            }
        }
        tree
    }

    /// Tells the words that begin at a byte.
    #[inline]
    fn walk(&self, text: &[u8], start: usize, tell: &mut impl FnMut(Standing)) {
        let Some(first) = text.get(start).and_then(|byte| self.first.get(usize::from(*byte))) else { return };
        let mut at = *first;
        let mut end = start + 1;
        while let Some([ending, count, rest @ ..]) = self.cells.get(at as usize..) {
            let Some((numbers, rest)) = rest.split_at_checked(*ending as usize) else { return };
            for number in numbers {
                tell(Standing { end: self::number(end), start: self::number(start), number: *number });
            }
            let Some(next) = text.get(end).copied().map(u32::from) else { return };
            let children = rest.chunks_exact(2).take(*count as usize);
            let Some(onward) =
                children.filter(|child| child.first() == Some(&next)).find_map(|child| child.get(1))
            else {
                return;
            };
            at = *onward;
            end += 1;
        }
    }
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
