//! Words that were typed wrong: how far two words are from each other.
//!
//! The distance is that of optimal string alignment (Damerau-Levenshtein without changing a part twice): letters that are
//! wrong, too many, missing, or have changed places with the next.

use std::collections::BTreeMap;

/// How many mistakes a word may have. Short words and numbers none: what is near them is another word.
pub(super) fn mistakes_max(word: &str) -> usize {
    if word.chars().any(|letter| !letter.is_alphabetic()) {
        return 0;
    }
    match word.chars().count() {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    }
}

/// The distance, when it is at most `max`.
pub(super) fn distance(a: &[char], b: &[char], max: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > max {
        return None;
    }
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut now = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let changed = usize::from(a[i - 1] != b[j - 1]);
            now[j] = (last[j] + 1).min(now[j - 1] + 1).min(last[j - 1] + changed);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                now[j] = now[j].min(before_last[j - 2] + 1);
            }
        }
        if now.iter().min().is_none_or(|least| *least > max) {
            return None;
        }
        before_last = std::mem::replace(&mut last, now);
    }
    last.last().copied().filter(|distance| *distance <= max)
}

/// Which letters stand in a word, one bit each (others share some).
pub(super) fn letters(word: &[u8]) -> u64 {
    word.iter().fold(0, |all, octet| all | 1 << (octet & 63))
}

/// Can words with these letters be so near? One mistake puts a letter in and takes another out.
pub(super) fn may_be_near(a: u64, b: u64, max: usize) -> bool {
    ((a & !b).count_ones() as usize) <= max && ((b & !a).count_ones() as usize) <= max
}

/// The words that are nearest to one that was typed.
pub(super) struct Nearest<'a> {
    typed: &'a str,
    chars: Vec<char>,
    letters: u64,
    max: usize,
    /// How many words are still looked at.
    left: usize,
    /// The distance of each, and how many cases have it.
    found: BTreeMap<String, (usize, u64)>,
}

impl<'a> Nearest<'a> {
    pub fn to(typed: &'a str, max: usize, words_max: usize) -> Self {
        let (chars, letters) = (typed.chars().collect(), letters(typed.as_bytes()));
        Self { typed, chars, letters, max, left: words_max, found: BTreeMap::new() }
    }

    /// Looks at a word; false: enough were looked at. A stem that stands in no text is nothing that a person meant.
    pub fn look(&mut self, word: &[u8], is_word: bool, cases: u64) -> bool {
        self.left = self.left.saturating_sub(1);
        if is_word
            && word.len().abs_diff(self.typed.len()) <= 2 * self.max
            && may_be_near(self.letters, letters(word), self.max)
            && let Ok(text) = std::str::from_utf8(word)
            && let Some(far) = distance(&self.chars, &text.chars().collect::<Vec<_>>(), self.max)
        {
            self.found.entry(text.to_owned()).or_insert((far, 0)).1 += cases;
        }
        self.left > 0
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The nearest, and of those the one that stands in most cases.
    pub fn best(self) -> Option<String> {
        let best = self.found.into_iter().min_by_key(|(_, (far, cases))| (*far, std::cmp::Reverse(*cases)));
        best.map(|(word, _)| word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_counted() {
        let far = |a: &str, b: &str, max| {
            let chars = |word: &str| word.chars().collect::<Vec<_>>();
            let found = distance(&chars(a), &chars(b), max);
            assert_eq!(found, distance(&chars(b), &chars(a), max), "{a} {b}");
            if found.is_some() && a.is_ascii() && b.is_ascii() {
                assert!(may_be_near(letters(a.as_bytes()), letters(b.as_bytes()), max), "{a} {b}");
            }
            found
        };
        assert_eq!(far("vergunning", "vergunnign", 1), Some(1), "changed places");
        assert_eq!(far("vergunning", "vergunnig", 1), Some(1), "missing");
        assert_eq!(far("vergunning", "vergunninng", 1), Some(1), "too many");
        assert_eq!(far("vergunning", "vergunming", 1), Some(1), "wrong");
        assert_eq!(far("vergunning", "evrgunnig", 1), None);
        assert_eq!(far("vergunning", "evrgunnig", 2), Some(2));
        assert_eq!(far("klacht", "klacht", 1), Some(0));
        assert_eq!(far("klacht", "kracht", 1), Some(1));
        assert_eq!(far("klacht", "", 1), None);
        assert_eq!(far("жалоба", "жалаба", 1), Some(1));
    }

    #[test]
    fn short_words_and_numbers_are_taken_as_they_are() {
        assert_eq!(mistakes_max("uwv"), 0);
        assert_eq!(mistakes_max("tram"), 1);
        assert_eq!(mistakes_max("vergunning"), 2);
        assert_eq!(mistakes_max("2026"), 0);
        assert_eq!(mistakes_max("1012ab"), 0);
    }
}
