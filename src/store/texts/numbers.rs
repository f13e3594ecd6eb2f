//! Cases under a word: numbers that fall (newest first), each as its distance to the one before, in LEB128.
//!
//! Invariants: a list is read as a stream and never held as numbers, however many there are; what is cut off or odd ends it.

use crate::store::octets::{put, take};
use std::collections::BinaryHeap;
use std::sync::Arc;

/// Numbers that fall, packed; how many there are.
pub(super) fn packed(numbers: impl Iterator<Item = u64>) -> (Vec<u8>, u64) {
    let (mut bytes, mut before, mut many) = (Vec::new(), None, 0);
    for number in numbers {
        put(&mut bytes, before.map_or(number, |before: u64| before - number));
        before = Some(number);
        many += 1;
    }
    (bytes, many)
}

/// One list: its bytes stand in a piece that others may share.
#[derive(Clone, Debug)]
pub(super) struct List {
    bytes: Arc<Vec<u8>>,
    at: usize,
    end: usize,
    now: Option<u64>,
}

impl List {
    pub fn new(bytes: Arc<Vec<u8>>, at: usize, length: usize) -> Self {
        let end = at.saturating_add(length).min(bytes.len());
        let mut list = Self { bytes, at, end, now: None };
        list.now = list.number();
        list
    }

    fn number(&mut self) -> Option<u64> {
        take(self.bytes.get(..self.end)?, &mut self.at)
    }

    fn step(&mut self) {
        self.now = match (self.now, self.number()) {
            (Some(now), Some(less)) if less > 0 => now.checked_sub(less),
            _ => None,
        };
    }

    /// Goes on to the first number that is not above `most`.
    fn seek(&mut self, most: u64) {
        while self.now.is_some_and(|now| now > most) {
            self.step();
        }
    }
}

/// Several lists as one, each number once.
#[derive(Debug, Default)]
pub(super) struct Union {
    lists: Vec<List>,
    heads: BinaryHeap<(u64, usize)>,
}

impl Union {
    pub fn of(lists: Vec<List>) -> Self {
        let heads = lists.iter().enumerate().filter_map(|(place, list)| Some((list.now?, place))).collect();
        Self { lists, heads }
    }

    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// The highest number that is not above `most`. What lies above it is left behind.
    pub fn seek(&mut self, most: u64) -> Option<u64> {
        loop {
            let (now, place) = *self.heads.peek()?;
            if now <= most {
                return Some(now);
            }
            self.heads.pop();
            let list = self.lists.get_mut(place)?;
            list.seek(most);
            self.heads.extend(list.now.map(|now| (now, place)));
        }
    }
}

impl Iterator for Union {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let (now, _) = *self.heads.peek()?;
        match now.checked_sub(1) {
            Some(below) => drop(self.seek(below)),
            None => self.heads.clear(),
        }
        Some(now)
    }
}

/// The numbers that stand in all of them, the highest first.
pub(super) fn in_all(mut unions: Vec<Union>, mut each: impl FnMut(u64) -> bool) {
    let mut most = u64::MAX;
    'next: while !unions.is_empty() {
        for union in &mut unions {
            match union.seek(most) {
                None => return,
                Some(number) if number < most => {
                    most = number;
                    continue 'next;
                }
                Some(_) => {}
            }
        }
        let Some(below) = most.checked_sub(1) else {
            each(most);
            return;
        };
        if !each(most) {
            return;
        }
        most = below;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(numbers: &[u64]) -> List {
        let (bytes, many) = packed(numbers.iter().copied());
        assert_eq!(many, numbers.len() as u64);
        let length = bytes.len();
        List::new(Arc::new(bytes), 0, length)
    }

    #[test]
    fn lists_are_joined_and_crossed() {
        let big = 2026 << 32;
        let union =
            || Union::of(vec![list(&[big + 9, big + 4, 7]), list(&[big + 4, big + 3, 7, 1, 0]), list(&[])]);
        assert_eq!(union().collect::<Vec<_>>(), [big + 9, big + 4, big + 3, 7, 1, 0]);
        let crossed = |lists: Vec<Union>| {
            let mut found = Vec::new();
            in_all(lists, |number| {
                found.push(number);
                true
            });
            found
        };
        assert_eq!(crossed(vec![union(), Union::of(vec![list(&[big + 5, big + 4, 1, 0])])]), [big + 4, 1, 0]);
        assert_eq!(crossed(vec![union(), Union::default()]), Vec::<u64>::new());
        assert_eq!(crossed(Vec::new()), Vec::<u64>::new());
        let mut first = None;
        in_all(vec![union()], |number| {
            first = Some(number);
            false
        });
        assert_eq!(first, Some(big + 9));
    }

    #[test]
    fn odd_bytes_end_a_list() {
        for bytes in [&[0x80u8; 12][..], &[5, 0, 1], &[5, 9], &[0xff]] {
            let list = List::new(Arc::new(bytes.to_vec()), 0, 99);
            assert!(Union::of(vec![list]).count() <= 1, "{bytes:?}");
        }
    }
}
