//! What a text must hold for a pattern to match: words, one of each set and in this order, so that most patterns
//! need not be tried at all.
//!
//! Invariant: what is told here is necessary, never enough; whether a pattern matches, only the pattern tells.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Texts that one part of a pattern may stand for; with more it is not written out.
const TEXTS_MAX: usize = 400;
/// The same for parts joined together.
const JOINED_MAX: usize = 24;
/// Bytes of one text.
const BYTES_MAX: usize = 40;
/// Letters of a class that is written out.
const CLASS_MAX: u32 = 4;
/// Times that a repetition is written out.
const TIMES_MAX: u32 = 2;

/// A piece of text that a match holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Word {
    pub text: String,
    /// No letter or figure stands before it in the text.
    pub first: bool,
    /// If it begins with a letter of a word, no such letter stands before it; the same for its end.
    pub starts: bool,
    pub ends: bool,
}

/// What stands somewhere after what was needed before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// One of these.
    Words(Vec<Word>),
    /// What one of these needs, in order.
    Either(Vec<Vec<Need>>),
}

/// What a match holds, in order. Empty: nothing is known.
pub fn of(hir: &Hir) -> Vec<Need> {
    within(hir, &edge(false), false)
}

/// The rarest words of which a match holds one; none when nothing is known.
pub fn rarest(needs: &[Need]) -> Vec<&Word> {
    let sets = needs.iter().map(|need| match need {
        Need::Words(words) => words.iter().collect(),
        Need::Either(branches) => branches.iter().flat_map(|branch| rarest(branch)).collect::<Vec<_>>(),
    });
    sets.min_by(|a, b| often(a).total_cmp(&often(b))).unwrap_or_default()
}

/// Words that stand in most letters, in order: as good as nothing to go by.
const COMMON: &[&str] = &[
    "aan", "al", "als", "ben", "bij", "daar", "dan", "dat", "de", "deze", "die", "dit", "door", "een", "en",
    "er", "geen", "haar", "had", "heb", "hebben", "heeft", "het", "hij", "hoe", "hun", "ik", "in", "is",
    "je", "kan", "maar", "me", "meer", "met", "mij", "mijn", "moet", "mogen", "naar", "niet", "niets", "nog",
    "nu", "of", "om", "ons", "onze", "ook", "op", "over", "te", "tot", "u", "uit", "uw", "van", "voor",
    "wat", "we", "wel", "werd", "wie", "wij", "wil", "word", "wordt", "ze", "zich", "zij", "zijn", "zo",
    "zou",
];

/// About how often one of these words is met, to compare.
fn often(words: &[&Word]) -> f64 {
    let one = |word: &&Word| {
        let mut letters = 0;
        for one in word.text.split(|c: char| !c.is_ascii_alphanumeric()) {
            let common = word.starts && word.ends && COMMON.binary_search(&one).is_ok();
            letters += if common { 1 } else { i32::try_from(one.len()).unwrap_or(i32::MAX) };
        }
        let letters = letters.min(12);
        let bound = if word.first {
            0.05
        } else if word.starts && word.ends {
            0.3
        } else {
            1.0
        };
        bound * 0.5_f64.powi(letters)
    };
    words.iter().map(one).sum()
}

/// What a part needs that stands after `before`, an edge, and where a word `ends` or not.
fn within(hir: &Hir, before: &Word, ends: bool) -> Vec<Need> {
    if let Some(texts) = texts(hir) {
        return set(with_edges(before, texts, ends)).into_iter().collect();
    }
    match hir.kind() {
        HirKind::Concat(parts) => in_row(parts, before, ends),
        HirKind::Capture(capture) => within(&capture.sub, before, ends),
        HirKind::Repetition(repetition) if repetition.min > 0 => within(&repetition.sub, &edge(false), false),
        HirKind::Alternation(branches) => {
            let all: Vec<Vec<Need>> = branches.iter().map(|branch| within(branch, before, ends)).collect();
            if all.iter().any(Vec::is_empty) {
                return Vec::new();
            }
            let plain: Option<Vec<Vec<Word>>> = all
                .iter()
                .map(|needs| match needs.as_slice() {
                    [Need::Words(words)] => Some(words.clone()),
                    _ => None,
                })
                .collect();
            match plain {
                Some(words) => set(words.concat()).into_iter().collect(),
                None => vec![Need::Either(all)],
            }
        }
        _ => Vec::new(),
    }
}

fn in_row(parts: &[Hir], before: &Word, ends: bool) -> Vec<Need> {
    let mut needs = Vec::new();
    let mut run = vec![before.clone()];
    for (at, part) in parts.iter().enumerate() {
        let (until, after) = (parts.get(..=at).unwrap_or_default(), parts.get(at..).unwrap_or_default());
        match texts(part) {
            Some(texts)
                if run.len() * texts.len()
                    <= if run.len().min(texts.len()) == 1 { TEXTS_MAX } else { JOINED_MAX }
                    && longest(&run) + longest(&texts) <= BYTES_MAX =>
            {
                run = joined(run, &texts);
            }
            Some(texts) => {
                needs.extend(set(std::mem::replace(&mut run, texts)));
            }
            None => {
                let all = |is: fn(&Word) -> bool| run.iter().all(|word| word.text.is_empty() && is(word));
                let first = all(|word| word.first);
                let open = Word { first, ..edge(all(|word| word.ends)) };
                let closed =
                    parts.get(at + 1).map_or(ends, |next| is_edge(next) || is_gap_before(&after[1..]));
                needs.extend(set(joined(run, &[edge(is_gap_before(after))])));
                needs.extend(within(part, &open, closed));
                let first = first && is_blank(part);
                run = vec![Word { first, ..edge(first || is_gap_after(until)) }];
            }
        }
    }
    needs.extend(set(joined(run, &[edge(ends)])));
    needs
}

/// Words of which each says something. A space beside one only tells that it ends there: the fewer words, the less to
/// look for.
fn set(mut words: Vec<Word>) -> Option<Need> {
    if words.is_empty() || words.len() > TEXTS_MAX || words.iter().any(|word| word.text.trim().is_empty()) {
        return None;
    }
    for word in &mut words {
        word.starts |= word.text.starts_with(' ');
        word.ends |= word.text.ends_with(' ');
        let text = word.text.trim_matches(' ');
        if text.len() < word.text.len() {
            word.text = text.to_owned();
        }
    }
    words.sort_unstable();
    words.dedup();
    Some(Need::Words(words))
}

/// Nothing, or the edge of a word.
fn edge(is: bool) -> Word {
    Word { text: String::new(), first: false, starts: is, ends: is }
}

fn is_edge(hir: &Hir) -> bool {
    matches!(hir.kind(), HirKind::Look(Look::WordAscii))
}

fn longest(words: &[Word]) -> usize {
    words.iter().map(|word| word.text.len()).max().unwrap_or(0)
}

/// Every text that a part stands for, when they are few.
fn texts(hir: &Hir) -> Option<Vec<Word>> {
    extent(hir).map(|_| written_out(hir))
}

/// How many texts a part stands for, and the bytes of the longest; `None` when they are not written out. Told without writing
/// them: most parts of a pattern have too many.
fn extent(hir: &Hir) -> Option<(usize, usize)> {
    let (count, longest) = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => (1, 0),
        HirKind::Literal(literal) => (1, std::str::from_utf8(&literal.0).ok()?.len()),
        HirKind::Class(Class::Unicode(class)) => {
            let size = |range: &regex_syntax::hir::ClassUnicodeRange| {
                u32::from(range.end()) - u32::from(range.start()) + 1
            };
            let count = class.ranges().iter().map(size).fold(0, u32::saturating_add);
            if count > CLASS_MAX {
                return None;
            }
            let longest = class.ranges().iter().map(|range| range.end().len_utf8()).max();
            (count as usize, longest.unwrap_or(0))
        }
        HirKind::Class(Class::Bytes(_)) => return None,
        HirKind::Repetition(repetition) => {
            let most = repetition.max.filter(|most| *most <= TIMES_MAX)?;
            let (once, longest) = extent(&repetition.sub)?;
            let (mut count, mut row) = (usize::from(repetition.min == 0), 1);
            for times in 1..=most {
                row *= once;
                if row > JOINED_MAX {
                    return None;
                }
                if times >= repetition.min {
                    count += row;
                }
            }
            (count, most as usize * longest)
        }
        HirKind::Capture(capture) => extent(&capture.sub)?,
        HirKind::Concat(parts) => parts.iter().try_fold((1, 0), |(row, before), part| {
            let (next, longest) = extent(part)?;
            (row * next <= JOINED_MAX && before + longest <= BYTES_MAX)
                .then_some((row * next, before + longest))
        })?,
        HirKind::Alternation(branches) => branches.iter().try_fold((0, 0), |(count, longest), branch| {
            let (more, long) = extent(branch)?;
            (count + more <= TEXTS_MAX).then_some((count + more, longest.max(long)))
        })?,
    };
    (1..=TEXTS_MAX).contains(&count).then_some((count, longest))
}

/// Every text of a part that has an [`extent`].
fn written_out(hir: &Hir) -> Vec<Word> {
    let plain = |text: String| Word { text, first: false, starts: false, ends: false };
    match hir.kind() {
        HirKind::Empty => vec![edge(false)],
        HirKind::Look(Look::WordAscii) => vec![edge(true)],
        HirKind::Look(Look::Start) => vec![Word { first: true, ..edge(true) }],
        HirKind::Look(_) => vec![edge(false)],
        HirKind::Literal(literal) => vec![plain(String::from_utf8_lossy(&literal.0).into_owned())],
        HirKind::Class(Class::Unicode(class)) => {
            let letters = class.ranges().iter().flat_map(|range| range.start()..=range.end());
            letters.map(|letter| plain(letter.to_string())).collect()
        }
        HirKind::Class(Class::Bytes(_)) => Vec::new(),
        HirKind::Repetition(repetition) => {
            let once = written_out(&repetition.sub);
            let mut all = if repetition.min == 0 { vec![edge(false)] } else { Vec::new() };
            let mut row = vec![edge(false)];
            for times in 1..=repetition.max.unwrap_or(0) {
                row = joined(row, &once);
                if times >= repetition.min {
                    all.extend(row.iter().cloned());
                }
            }
            all
        }
        HirKind::Capture(capture) => written_out(&capture.sub),
        HirKind::Concat(parts) => {
            parts.iter().fold(vec![edge(false)], |row, part| joined(row, &written_out(part)))
        }
        HirKind::Alternation(branches) => branches.iter().flat_map(written_out).collect(),
    }
}

/// Texts after an edge, and where a word `ends` or not.
fn with_edges(before: &Word, mut texts: Vec<Word>, ends: bool) -> Vec<Word> {
    if *before != edge(false) {
        for text in &mut texts {
            let mut word = before.clone();
            append(&mut word, text);
            *text = word;
        }
    }
    joined(texts, &[edge(ends)])
}

/// Each of the first with each of the second after it.
fn joined(mut first: Vec<Word>, second: &[Word]) -> Vec<Word> {
    if let [one] = second {
        first.iter_mut().for_each(|word| append(word, one));
        return first;
    }
    let both = |a: &Word, b: &Word| {
        let mut text = String::with_capacity(a.text.len() + b.text.len());
        text.push_str(&a.text);
        let mut word = Word { text, ..*a };
        append(&mut word, b);
        word
    };
    first.iter().flat_map(|a| second.iter().map(move |b| both(a, b))).collect()
}

/// The second right after the first.
fn append(word: &mut Word, next: &Word) {
    let (left, right) = (word.text.is_empty(), next.text.is_empty());
    let starts = word.starts || (left && (word.ends || next.starts));
    let ends = next.ends || (right && (next.starts || word.ends));
    word.first |= left && next.first;
    word.starts = starts || (left && right && ends);
    word.ends = ends || (left && right && starts);
    word.text.push_str(&next.text);
}

/// Is a letter of a word, as `\b` means it?
pub fn is_wordy(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Does what matches here begin with something between words?
fn is_gap_before(parts: &[Hir]) -> bool {
    for part in parts {
        match part.kind() {
            HirKind::Look(_) => {}
            HirKind::Repetition(repetition) if repetition.min == 0 && is_between(&repetition.sub) => {}
            HirKind::Literal(literal) => return literal.0.first().is_some_and(|byte| !is_wordy(*byte)),
            _ => return is_between(part),
        }
    }
    false
}

/// Does what matches here end with something between words?
fn is_gap_after(parts: &[Hir]) -> bool {
    for part in parts.iter().rev() {
        match part.kind() {
            HirKind::Repetition(repetition) if repetition.min == 0 && ends_between(&repetition.sub) => {}
            HirKind::Literal(literal) => return literal.0.last().is_some_and(|byte| !is_wordy(*byte)),
            _ => return is_between(part),
        }
    }
    false
}

/// Does it match no letter or figure of a folded text?
fn is_blank(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Repetition(repetition) => is_blank(&repetition.sub),
        HirKind::Class(Class::Unicode(class)) => {
            let told = |range: &regex_syntax::hir::ClassUnicodeRange| {
                ('0'..='9').chain('a'..='z').any(|c| (range.start()..=range.end()).contains(&c))
            };
            !class.ranges().iter().any(told)
        }
        _ => false,
    }
}

/// A class without letters of words.
fn is_between(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            let wordy = |range: &regex_syntax::hir::ClassUnicodeRange| {
                (range.start()..=range.end().min('\u{7f}')).any(|c| u8::try_from(c).is_ok_and(is_wordy))
            };
            !class.ranges().iter().any(wordy)
        }
        _ => false,
    }
}

fn ends_between(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Concat(parts) => is_gap_after(parts),
        HirKind::Capture(capture) => ends_between(&capture.sub),
        _ => is_gap_after(std::slice::from_ref(hir)),
    }
}
