//! A small machine that looks for one pattern. Rules come down to words, choices and gaps; on short sentences this is
//! many times faster than the tables of a regular expression, and a fraction of their size.
//!
//! Invariants: it answers as the `regex` crate would (leftmost, then the first choice that holds); after so many steps
//! for each byte it gives up, and who asked asks that crate, so that time stays linear in the text.

use super::needs::is_wordy;
use std::ops::Range;

/// Steps for each byte of a text, and for any text.
const STEPS_A_BYTE: usize = 48;
const STEPS_LEAST: usize = 2_000;
/// The first byte of a choice that anything may follow.
pub(super) const ANY: u16 = 256;

/// A pattern as steps. Made by [`assemble`](super::assemble::assemble).
#[derive(Clone, Debug, Default)]
pub struct Machine {
    pub(super) steps: Vec<Step>,
    /// Where choices lead, a stretch for each; the earlier go before the later.
    pub(super) choices: Vec<Choice>,
    pub(super) classes: Vec<Class>,
    /// The letters of all fixed texts.
    pub(super) letters: Vec<u8>,
    /// Bytes that a match begins with.
    pub(super) first: ByteSet,
    /// A match begins at the edge of a word.
    pub(super) at_edge: bool,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A stretch of `letters`.
    Text {
        from: u32,
        until: u32,
    },
    One {
        class: u32,
    },
    /// As many characters of a class as there are; `sure` when no fewer can lead to a match.
    Run {
        class: u16,
        least: u16,
        most: u16,
        sure: bool,
    },
    /// A stretch of `choices`.
    Choose {
        from: u32,
        until: u32,
    },
    Jump {
        to: u32,
    },
    /// The edge of a word, as `\b` means it.
    Edge,
    Start,
    End,
    /// Here stands the mark that the pattern speaks of.
    Mark,
    Found,
}

/// A step that a choice leads to, and the byte that it begins with, or [`ANY`].
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    pub byte: u16,
    pub to: u32,
}

/// Bytes, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByteSet(pub [u64; 4]);

/// Characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Class {
    pub ascii: ByteSet,
    /// The others, from and until, in order.
    pub others: Vec<(char, char)>,
}

/// What was found: where, and at which byte the mark stands that the pattern speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub range: Range<usize>,
    pub mark: Option<usize>,
}

/// The pattern asks for more steps than a text of this length is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManySteps;

/// A step that may go on otherwise: what `at` and `more` tell depends on the step.
#[derive(Clone, Copy, Default)]
struct Back {
    step: u32,
    at: u32,
    more: u32,
}

/// Steps to go back to: nearly always a few, for which nothing is allocated.
#[derive(Default)]
struct Backs {
    few: [Back; 16],
    count: usize,
    more: Vec<Back>,
}

impl Backs {
    fn push(&mut self, back: Back) {
        match self.few.get_mut(self.count) {
            Some(slot) => {
                *slot = back;
                self.count += 1;
            }
            None => self.more.push(back),
        }
    }

    fn pop(&mut self) -> Option<Back> {
        if let Some(last) = self.more.pop() {
            return Some(last);
        }
        self.count = self.count.checked_sub(1)?;
        self.few.get(self.count).copied()
    }

    fn clear(&mut self) {
        self.count = 0;
        self.more.clear();
    }
}

impl ByteSet {
    pub fn holds(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte >> 6)).is_some_and(|bits| bits >> (byte & 63) & 1 == 1)
    }

    pub fn add(&mut self, byte: u8) {
        if let Some(bits) = self.0.get_mut(usize::from(byte >> 6)) {
            *bits |= 1 << (byte & 63);
        }
    }

    pub fn add_all(&mut self, other: &Self) {
        for (bits, more) in self.0.iter_mut().zip(other.0) {
            *bits |= more;
        }
    }
}

impl Class {
    /// The byte after the character here, when it is one of these.
    #[inline]
    fn after(&self, text: &str, at: usize) -> Option<usize> {
        let byte = *text.as_bytes().get(at)?;
        if byte.is_ascii() {
            return self.ascii.holds(byte).then_some(at + 1);
        }
        let c = text.get(at..)?.chars().next()?;
        let known = self.others.iter().any(|(from, until)| (*from..=*until).contains(&c));
        known.then(|| at + c.len_utf8())
    }
}

impl Machine {
    /// The first match that begins at a byte or after it.
    pub fn find_at(&self, text: &str, from: usize) -> Result<Option<Found>, TooManySteps> {
        let bytes = text.as_bytes();
        let mut left = STEPS_LEAST + STEPS_A_BYTE * bytes.len();
        let mut back = Backs::default();
        for (at, byte) in bytes.iter().enumerate().skip(from) {
            if self.first.holds(*byte)
                && (!self.at_edge || is_edge(bytes, at))
                && let Some(found) = self.try_at(text, at, &mut left, &mut back)?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The match that begins at this byte.
    fn try_at(
        &self,
        text: &str,
        start: usize,
        left: &mut usize,
        back: &mut Backs,
    ) -> Result<Option<Found>, TooManySteps> {
        let bytes = text.as_bytes();
        let (mut step, mut at, mut mark) = (0, start, None);
        back.clear();
        loop {
            *left = left.checked_sub(1).ok_or(TooManySteps)?;
            let holds = match self.steps.get(step as usize) {
                Some(Step::Text { from, until }) => {
                    let letters = self.letters.get(*from as usize..*until as usize).unwrap_or_default();
                    let holds = bytes.get(at..).is_some_and(|rest| begins(rest, letters));
                    at += letters.len();
                    holds
                }
                Some(Step::One { class }) => {
                    let after = self.classes.get(*class as usize).and_then(|class| class.after(text, at));
                    at = after.unwrap_or(at);
                    after.is_some()
                }
                Some(Step::Run { class, least, most, sure }) => {
                    let Some(class) = self.classes.get(usize::from(*class)) else { return Ok(None) };
                    let (mut count, mut end, mut enough) = (0, at, at);
                    while count < *most
                        && let Some(after) = class.after(text, end)
                    {
                        (count, end) = (count + 1, after);
                        if count <= *least {
                            enough = end;
                        }
                    }
                    *left = left.saturating_sub(usize::from(count) / 8);
                    if enough < end && !*sure {
                        back.push(Back { step, at: number(end), more: number(enough) });
                    }
                    at = end;
                    count >= *least
                }
                Some(Step::Choose { from, until }) => match self.choose(bytes, at, *from, *until) {
                    Some((to, next)) => {
                        if next < *until {
                            back.push(Back { step, at: number(at), more: next });
                        }
                        step = to;
                        continue;
                    }
                    None => false,
                },
                Some(Step::Jump { to }) => {
                    step = *to;
                    continue;
                }
                Some(Step::Edge) => is_edge(bytes, at),
                Some(Step::Start) => at == 0,
                Some(Step::End) => at == bytes.len(),
                Some(Step::Mark) => {
                    back.push(Back { step, at: 0, more: mark.map_or(u32::MAX, number) });
                    mark = Some(at);
                    true
                }
                Some(Step::Found) | None => return Ok(Some(Found { range: start..at, mark })),
            };
            if holds {
                step += 1;
                continue;
            }
            // Back to the last step that may go on otherwise.
            loop {
                let Some(last) = back.pop() else { return Ok(None) };
                match self.steps.get(last.step as usize) {
                    Some(Step::Choose { until, .. }) => {
                        at = last.at as usize;
                        let Some((to, next)) = self.choose(bytes, at, last.more, *until) else { continue };
                        if next < *until {
                            back.push(Back { more: next, ..last });
                        }
                        step = to;
                    }
                    Some(Step::Run { .. }) => {
                        let shorter =
                            text.get(..last.at as usize).and_then(|text| text.char_indices().next_back());
                        at = shorter.map_or(0, |(at, _)| at);
                        if at > last.more as usize {
                            back.push(Back { at: number(at), ..last });
                        }
                        step = last.step + 1;
                    }
                    _ => {
                        mark = (last.more != u32::MAX).then_some(last.more as usize);
                        continue;
                    }
                }
                break;
            }
        }
    }

    /// The first of some choices that may hold here, and the choice after it.
    #[inline]
    fn choose(&self, bytes: &[u8], at: usize, from: u32, until: u32) -> Option<(u32, u32)> {
        let next = bytes.get(at).map_or(ANY + 1, |byte| u16::from(*byte));
        let choices = self.choices.get(from as usize..until as usize)?;
        let nth = choices.iter().position(|choice| choice.byte == next || choice.byte == ANY)?;
        Some((choices.get(nth)?.to, from + number(nth) + 1))
    }
}

/// Short texts: quicker than a call of `memcmp`.
#[inline]
fn begins(text: &[u8], letters: &[u8]) -> bool {
    text.len() >= letters.len() && text.iter().zip(letters).all(|(a, b)| a == b)
}

#[inline]
fn is_edge(bytes: &[u8], at: usize) -> bool {
    let wordy = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(|byte| is_wordy(*byte));
    wordy(at.checked_sub(1)) != wordy(Some(at))
}

/// Sentences and patterns are far shorter.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
