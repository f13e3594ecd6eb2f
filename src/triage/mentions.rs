//! Who is named in a sentence: finding the words of bodies, the longest first, and the marked text that
//! role rules look at.
//!
//! Invariant: a mention knows the bytes of the folded sentence it stands on.

use super::fold::is_invisible;
use super::organisations::{OrgKind, Organisations, Phrase, Strength};
use super::pattern::{ORG_MARK, PLACE_MARK};
use super::reading::Sentence;
use std::ops::Range;

/// A body (or place) named in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    pub org: usize,
    pub strength: Strength,
    /// Bytes of the folded sentence.
    pub range: Range<usize>,
    /// A word that means this body only here: "de gemeente", or "de GGD" at the office of its town.
    pub meant: bool,
}

/// A sentence with each mention as one mark, the words "de", "het", "mijn" before it left out.
#[derive(Clone, Debug, Default)]
pub struct Marked {
    pub text: String,
    /// For each byte of `text`, and one past the end, the byte of the folded sentence.
    pub map: Vec<u32>,
    /// The byte of each mark and the mention it stands for.
    pub marks: Vec<(usize, usize)>,
}

/// A company name that the writer made known: "de woningbouw, Amstelhave".
#[derive(Clone, Debug)]
pub struct Learned {
    pub word: String,
    pub org: usize,
}

/// Finds all mentions in a sentence, in order, none overlapping another.
pub fn find(
    bodies: &Organisations,
    home: &[usize],
    first_line: bool,
    sentence: &Sentence<'_>,
    learned: &[Learned],
) -> Vec<Mention> {
    let text = sentence.text.as_str();
    let mut found: Vec<Mention> = Vec::new();
    let mut tried: Vec<usize> = Vec::new();
    let mut hits = Vec::new();
    bodies.index.each(text, |hit| hits.push(hit));
    hits.sort_unstable();
    for hit in hits {
        let Some(phrase) = bodies.phrases.get(hit.number as usize) else { continue };
        if let Some(pattern) = phrase.pattern {
            if !tried.contains(&pattern) {
                tried.push(pattern);
                by_pattern(bodies, pattern, sentence, &mut found);
            }
            continue;
        }
        if (phrase.home && !home.contains(&phrase.org)) || (phrase.addressed && !first_line) {
            continue;
        }
        if let Some(range) = whole(phrase, text, hit.start as usize..hit.end as usize)
            && written_so(phrase, sentence, &range)
        {
            // "Jullie" is the office's own municipality, whichever was named last.
            let org = if phrase.addressed { home.first().copied().unwrap_or(phrase.org) } else { phrase.org };
            found.push(Mention { org, strength: phrase.strength, range, meant: phrase.home });
        }
    }
    for known in learned {
        for (at, _) in text.match_indices(known.word.as_str()) {
            let range = at..at + known.word.len();
            let capital = sentence.written(&range).chars().next().is_some_and(char::is_uppercase);
            if capital && is_word(text, &range) {
                found.push(Mention { org: known.org, strength: Strength::Name, range, meant: false });
            }
        }
    }
    longest(found, home)
}

/// The longest of overlapping mentions stay; look-alikes are then dropped.
fn longest(mut found: Vec<Mention>, home: &[usize]) -> Vec<Mention> {
    // What looks like one body may well be the word of another: "kinderopvangtoeslag".
    let words: Vec<(usize, Range<usize>)> = found
        .iter()
        .filter(|mention| mention.strength != Strength::LookAlike)
        .map(|mention| (mention.org, mention.range.clone()))
        .collect();
    found.retain(|mention| {
        mention.strength != Strength::LookAlike
            || !words.iter().any(|(org, range)| *org != mention.org && *range == mention.range)
    });
    found.sort_by_key(|mention| {
        let strength = match mention.strength {
            Strength::LookAlike => 5,
            Strength::Name => 4,
            Strength::Place => 3,
            Strength::Hint => 2,
            Strength::Weak => 1,
        };
        (
            std::cmp::Reverse(mention.range.len()),
            std::cmp::Reverse(strength),
            !home.contains(&mention.org),
            mention.range.start,
        )
    });
    let mut kept: Vec<Mention> = Vec::new();
    for mention in found {
        let free =
            kept.iter().all(|k| k.range.end <= mention.range.start || mention.range.end <= k.range.start);
        if free {
            kept.push(mention);
        }
    }
    kept.retain(|mention| mention.strength != Strength::LookAlike);
    kept.sort_by_key(|mention| mention.range.start);
    kept
}

/// The phrase as a whole word; an open phrase takes the rest of the word.
fn whole(phrase: &Phrase, text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let before = text.get(..range.start)?.chars().next_back();
    if before.is_some_and(char::is_alphanumeric) {
        return None;
    }
    let rest = text.get(range.end..)?;
    if phrase.open {
        let more = rest.find(|c: char| !c.is_alphanumeric() && c != '-').unwrap_or(rest.len());
        return Some(range.start..range.end + more);
    }
    if rest.chars().next().is_some_and(char::is_alphanumeric) {
        // "uwv's", "de gemeentes" are in the lists; a joined word is another word.
        return None;
    }
    Some(range)
}

fn is_word(text: &str, range: &Range<usize>) -> bool {
    let before = text.get(..range.start).and_then(|t| t.chars().next_back());
    let after = text.get(range.end..).and_then(|t| t.chars().next());
    !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
}

/// Words before a place that is written without its capital.
const LOWER_CASE_PLACE: &[&str] = &[" in ", " uit ", " gemeente ", " naar "];

/// Are the capitals as the phrase wants them?
fn written_so(phrase: &Phrase, sentence: &Sentence<'_>, range: &Range<usize>) -> bool {
    if let Some(capitals) = &phrase.capitals {
        // In a text all in capitals a short name is no name.
        // The letters are the same already; in another dress (zero width, full width) their case counts too.
        let mut written = sentence.written(range).chars().filter(|c| !is_invisible(*c));
        let as_wanted = |wanted: char| {
            written.next().is_some_and(|c| c == wanted || (!c.is_ascii() && !c.is_lowercase()))
        };
        let same = capitals.chars().all(as_wanted);
        return same && !(capitals.len() <= 3 && is_shouted(sentence.source));
    }
    if phrase.capitalised {
        let capital = sentence.written(range).chars().next().is_some_and(|c| c.is_uppercase() || c == '\'');
        // Who writes without capitals still writes "in delft".
        let before = sentence.text.get(..range.start).unwrap_or_default();
        return capital || LOWER_CASE_PLACE.iter().any(|word| before.ends_with(word));
    }
    true
}

/// Is nearly all of it written in capitals?
fn is_shouted(source: &str) -> bool {
    let (mut upper, mut lower) = (0_usize, 0_usize);
    for c in source.chars() {
        upper += usize::from(c.is_uppercase());
        lower += usize::from(c.is_lowercase());
    }
    upper > 12 && upper > lower * 2
}

fn by_pattern(bodies: &Organisations, index: usize, sentence: &Sentence<'_>, found: &mut Vec<Mention>) {
    let Some(name) = bodies.patterns.get(index) else { return };
    for hit in name.pattern.find_iter(&sentence.text).map(|found| found.range) {
        let written = sentence.written(&hit);
        let capitals = written
            .split([' ', '-'])
            .filter(|word| !word.is_empty())
            .all(|word| word.chars().next().is_some_and(char::is_uppercase));
        // Any word has a capital at the start of a sentence.
        let opening = hit.start == 0 && !written.contains(' ');
        if !name.capitalised || (capitals && !opening && !is_shouted(sentence.source)) {
            found.push(Mention { org: name.org, strength: Strength::Name, range: hit, meant: false });
        }
    }
}

/// Words between a body and the name that the writer gives it: "de woningbouw, Amstelhave", "internet van Snelnet".
const NAME_FOLLOWS: &[&str] = &[" ", ", ", " (", ": ", " \"", " '"];
const SUPPLIER_FOLLOWS: &[&str] = &[" van ", " bij ", " via "];
/// Words between a name and what it is: "Snelnet, mijn internet", "Zorgzeker (mijn verzekering)".
const NAME_PRECEDES: &[&str] =
    &[" (", ", ", " (mijn ", ", mijn ", ", onze ", ", de ", ", een ", ", het ", " (onze ", " (de ", " (een "];

/// Names that the writer gives a private body, so that the name alone is known further on.
pub fn learn(
    bodies: &Organisations,
    sentence: &Sentence<'_>,
    mentions: &[Mention],
    learned: &mut Vec<Learned>,
) {
    const LEARNED_MAX: usize = 8;
    if is_shouted(sentence.source) {
        return;
    }
    for mention in mentions.iter().filter(|mention| mention.strength >= Strength::Hint) {
        let private = bodies.all.get(mention.org).is_some_and(|org| org.kind == OrgKind::Private);
        if !private || mention.strength == Strength::Place || learned.len() >= LEARNED_MAX {
            continue;
        }
        let Some(rest) = sentence.text.get(mention.range.end..) else { continue };
        let Some(before) = sentence.text.get(..mention.range.start) else { continue };
        let own = (mention.strength == Strength::Name).then(|| first_word(sentence, mention)).flatten();
        let follows = if mention.strength == Strength::Name { NAME_FOLLOWS } else { &[] };
        let after = follows
            .iter()
            .chain(SUPPLIER_FOLLOWS)
            .filter(|link| rest.starts_with(**link))
            .map(|link| mention.range.end + link.len())
            .find_map(|start| name_at(sentence, start));
        let ends = rest.trim_start().is_empty() || rest.starts_with([',', '.', ')', ';', '!', '?', '-']);
        let earlier = NAME_PRECEDES
            .iter()
            .filter(|link| ends && before.ends_with(**link))
            .map(|link| before.len() - link.len())
            .max()
            .and_then(|end| name_before(sentence, end));
        for range in [own, after, earlier].into_iter().flatten() {
            let word = sentence.text.get(range.clone()).unwrap_or_default();
            let known = mentions.iter().any(|other| {
                other != mention && other.range.start < range.end && range.start < other.range.end
            });
            if !known && !word.is_empty() && !learned.iter().any(|one| one.word == word) {
                learned.push(Learned { word: word.to_owned(), org: mention.org });
            }
        }
    }
}

/// The first word of a name of several words, all with a capital: "Residentie" of "Residentie Wonen".
fn first_word(sentence: &Sentence<'_>, mention: &Mention) -> Option<Range<usize>> {
    let named = sentence.text.get(mention.range.clone())?;
    let (first, _) = named.split_once(' ')?;
    let capitals = sentence.written(&mention.range).split(' ').all(|w| w.starts_with(char::is_uppercase));
    (first.len() >= 4 && capitals).then(|| mention.range.start..mention.range.start + first.len())
}

const NAME_WORDS_MAX: usize = 3;
const NAME_LETTERS_MIN: usize = 4;

/// Words with a capital from here on, one of them long enough to be a name.
fn name_at(sentence: &Sentence<'_>, start: usize) -> Option<Range<usize>> {
    let rest = sentence.text.get(start..)?;
    let (mut at, mut end, mut long) = (start, start, false);
    for word in rest.split(' ').take(NAME_WORDS_MAX) {
        let bare = word.trim_end_matches(|c: char| !c.is_alphanumeric());
        let range = at..at + bare.len();
        let capital = sentence.written(&range).chars().next().is_some_and(char::is_uppercase);
        if bare.is_empty() || !capital || !bare.chars().all(|c| c.is_alphanumeric() || "-'&.".contains(c)) {
            break;
        }
        end = range.end;
        long |= bare.len() >= NAME_LETTERS_MIN;
        at += word.len() + 1;
        if bare.len() < word.len() {
            break;
        }
    }
    long.then_some(start..end)
}

/// The word with a capital that ends here, if it does not open the sentence by habit.
fn name_before(sentence: &Sentence<'_>, end: usize) -> Option<Range<usize>> {
    let before = sentence.text.get(..end)?;
    let start = before.rfind(|c: char| !c.is_alphanumeric() && c != '-').map_or(0, |at| at + 1);
    let range = start..end;
    let capital = sentence.written(&range).chars().next().is_some_and(char::is_uppercase);
    (capital && range.len() >= NAME_LETTERS_MIN).then_some(range)
}

const DETERMINERS: &[&str] = &[
    "de ", "het ", "'t ", "t ", "een ", "die ", "deze ", "dit ", "mijn ", "m'n ", "mn ", "ons ", "onze ",
    "uw ", "jullie ", "zijn ", "haar ", "hun ", "eigen ", "heel ", "the ", "my ", "our ", "die ", "der ",
    "den ", "dem ", "das ",
];

/// The sentence with a mark for each mention.
pub fn mark(text: &str, mentions: &[Mention]) -> Marked {
    let mut marked = Marked { text: String::with_capacity(text.len()), map: Vec::new(), marks: Vec::new() };
    let mut from = 0;
    for (index, mention) in mentions.iter().enumerate() {
        if mention.strength == Strength::Weak {
            // A word that only points weakly says too little to be spoken of; rules read it as it stands.
            continue;
        }
        copy(&mut marked, text, from..mention.range.start);
        let sort = if mention.strength == Strength::Place { PLACE_MARK } else { ORG_MARK };
        if sort == ORG_MARK {
            drop_determiners(&mut marked);
        }
        marked.marks.push((marked.text.len(), index));
        let at = u32::try_from(mention.range.start).unwrap_or(u32::MAX);
        marked.text.push(sort);
        marked.map.resize(marked.text.len(), at);
        from = mention.range.end;
    }
    copy(&mut marked, text, from..text.len());
    marked.map.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
    marked
}

fn copy(marked: &mut Marked, text: &str, range: Range<usize>) {
    let Some(piece) = text.get(range.clone()) else { return };
    marked.text.push_str(piece);
    marked.map.extend(range.map(|at| u32::try_from(at).unwrap_or(u32::MAX)));
}

fn drop_determiners(marked: &mut Marked) {
    while let Some(determiner) = DETERMINERS.iter().find(|determiner| {
        marked.text.ends_with(**determiner)
            && marked
                .text
                .get(..marked.text.len() - determiner.len())
                .is_some_and(|before| !before.ends_with(|c: char| c.is_alphanumeric() || c == '\''))
    }) {
        let left = marked.text.len() - determiner.len();
        marked.text.truncate(left);
        marked.map.truncate(left);
    }
}

impl Marked {
    /// The mention that the first mark within a range of the marked text stands for.
    pub fn mention_at(&self, range: &Range<usize>) -> Option<usize> {
        self.marks.iter().find(|(at, _)| range.contains(at)).map(|(_, mention)| *mention)
    }

    /// The bytes of the folded sentence behind a range of the marked text.
    pub fn folded(&self, range: &Range<usize>) -> Range<usize> {
        let at = |index: usize| self.map.get(index).or(self.map.last()).map_or(0, |byte| *byte as usize);
        at(range.start)..at(range.end).max(at(range.start))
    }
}
