//! A normalised view of an extract: sentences, each folded, with where it stands and a way back to the
//! characters of `documents[i].text`.
//!
//! Invariant: a sentence is at most [`SENTENCE_CHARS_MAX`] characters, so that no rule looks at more at
//! once and the whole stays linear in the length of the text.

use super::facets::When;
use super::fold::{Folded, fold};
use crate::limits::SENTENCE_CHARS_MAX;
use crate::record::{Channel, Document, Evidence, Extract, Method, PartKind};
use jiff::civil::Date;
use std::cell::OnceCell;
use std::ops::Range;

/// Characters of a body below which an attachment may be the complaint itself.
const THIN_BODY_CHARS: usize = 300;
/// Characters of a line in the head of a letter: an address, a date, a salutation.
const HEAD_LINE_MAX: usize = 45;
/// Characters of an attachment looked at to tell who wrote it.
const FIRST_PERSON_CHARS: usize = 4_000;

/// Where a sentence stands; only own words make a complaint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// The subject of a message. It is not a document: findings in it carry no position.
    Subject,
    Own,
    Attachment,
    Forwarded,
    Quote,
    Signature,
    Disclaimer,
}

#[derive(Clone, Debug)]
pub struct Sentence<'a> {
    /// Index in `Extract::documents`; `None` for the subject.
    pub document: Option<usize>,
    pub place: Place,
    /// As written.
    pub source: &'a str,
    /// First character of `source` in `documents[document].text`.
    pub start_char: usize,
    /// Folded text; see [`fold`].
    pub text: String,
    map: Vec<u32>,
    /// Place in the row of own sentences (from 0), for rules on opening and closing words; of other
    /// sentences their place in the document.
    pub order: usize,
    /// The times told in it, once somebody asked.
    pub times: OnceCell<Vec<When>>,
}

/// The view of one piece that all rules look at.
#[derive(Clone, Debug)]
pub struct Reading<'a> {
    pub extract: &'a Extract,
    pub channel: Channel,
    /// Local date of receipt.
    pub received: Date,
    /// The subject first, then the documents in order.
    pub sentences: Vec<Sentence<'a>>,
    /// Number of sentences in the writer's own words.
    pub own_count: usize,
    head_count: usize,
    /// Lowest OCR confidence (0 to 1) of the pages that hold own words; `None` when all was typed.
    pub ocr_confidence: Option<f32>,
}

impl<'a> Reading<'a> {
    /// Reads an extract. Linear in its text.
    pub fn new(extract: &'a Extract, channel: Channel, received: Date) -> Self {
        let mut sentences = Vec::new();
        if let Some(subject) = extract.message.as_ref().and_then(|message| message.subject.as_deref()) {
            let mut end = subject.len().min(SENTENCE_CHARS_MAX * 4);
            while !subject.is_char_boundary(end) {
                end -= 1;
            }
            push(&mut sentences, None, Place::Subject, &subject[..end], 0);
        }
        for (index, document) in extract.documents.iter().enumerate() {
            read_document(&mut sentences, index, document, is_own(extract, index));
        }
        let mut own_count = 0;
        let (mut document, mut in_document) = (None, 0);
        for sentence in &mut sentences {
            if sentence.document != document {
                (document, in_document) = (sentence.document, 0);
            }
            if sentence.place == Place::Own {
                sentence.order = own_count;
                own_count += 1;
            } else {
                sentence.order = in_document;
                in_document += 1;
            }
        }
        let ocr_confidence = extract
            .documents
            .iter()
            .enumerate()
            .filter(|(index, document)| document.method == Method::Ocr && is_own(extract, *index))
            .filter_map(|(_, document)| document.confidence)
            .min_by(f32::total_cmp);
        let own = sentences.iter().filter(|sentence: &&Sentence<'_>| sentence.place == Place::Own);
        let head_count = own.take_while(|sentence| is_head_line(sentence.text.trim())).count();
        Self { extract, channel, received, sentences, own_count, head_count, ocr_confidence }
    }

    /// Sentences in the writer's own words (body or letter), without subject and attachments.
    pub fn own(&self) -> impl DoubleEndedIterator<Item = &Sentence<'a>> {
        self.sentences.iter().filter(|sentence| sentence.place == Place::Own)
    }

    /// Is this one of the first `count` own sentences?
    pub fn is_opening(&self, sentence: &Sentence<'_>, count: usize) -> bool {
        sentence.place == Place::Own && sentence.order < count
    }

    /// Own sentences before the first that tells something: sender, addressee, date, salutation.
    pub fn head_count(&self) -> usize {
        self.head_count
    }

    /// Is this the head of an attached letter, where its sender stands?
    pub fn is_letterhead(&self, sentence: &Sentence<'_>) -> bool {
        sentence.place == Place::Attachment && sentence.order < 3
    }

    /// Is this one of the last `count` own sentences, where the request stands?
    pub fn is_closing(&self, sentence: &Sentence<'_>, count: usize) -> bool {
        sentence.place == Place::Own && sentence.order + count >= self.own_count
    }
}

impl Sentence<'_> {
    /// The writer's own letters behind a range of bytes of the folded text.
    pub fn written(&self, range: &Range<usize>) -> &str {
        let (from, until) = self.source_range(range);
        self.source.get(from..until).unwrap_or_default()
    }

    /// Evidence for a range of bytes of the folded text; `None` for the subject, which is no document.
    pub fn evidence(&self, range: &Range<usize>) -> Option<Evidence> {
        let document = self.document?;
        let (from, until) = self.source_range(range);
        let text = self.source.get(from..until)?;
        let start = self.start_char + self.source.get(..from)?.chars().count();
        Some(Evidence { document, start, end: start + text.chars().count(), text: text.to_owned() })
    }

    fn source_range(&self, range: &Range<usize>) -> (usize, usize) {
        let at = |index: usize| self.map.get(index).map_or(self.source.len(), |byte| *byte as usize);
        let from = at(range.start);
        if range.end <= range.start {
            return (from, from);
        }
        // The end is after the source character of the last folded byte, not where the next one starts:
        // spaces that were dropped do not belong to the evidence.
        let last = at(range.end - 1);
        let width = self.source.get(last..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        (from, (last + width).max(from))
    }
}

/// Short, and no sentence.
fn is_head_line(text: &str) -> bool {
    text.len() <= HEAD_LINE_MAX && !text.ends_with(['.', '!', '?', ':'])
}

/// The folded sentences of a loose text, such as an example of a rule.
pub fn sentences_of(text: &str) -> Vec<String> {
    with_sentences(text, |sentence| sentence.text.clone())
}

/// What a function makes of each sentence of a loose text.
pub fn with_sentences<T>(text: &str, of: impl FnMut(&Sentence<'_>) -> T) -> Vec<T> {
    let mut sentences = Vec::new();
    split(&mut sentences, 0, Place::Own, text, 0);
    sentences.iter().map(of).collect()
}

/// The body of a message, and what lies first in a letter, are the writer's own words; all else is attached.
fn is_own(extract: &Extract, index: usize) -> bool {
    let Some(document) = extract.documents.get(index) else { return false };
    match &extract.message {
        Some(_) => is_body(document) || (is_thin(extract) && is_first_person(&document.text)),
        None => index == 0,
    }
}

fn is_body(document: &Document) -> bool {
    document.name.is_none() && matches!(document.method, Method::Body | Method::Html)
}

/// "Zie bijlage voor mijn klacht": the body says too little to be the complaint.
fn is_thin(extract: &Extract) -> bool {
    let own = |document: &Document| -> usize {
        if document.parts.is_empty() {
            return document.text.len();
        }
        let parts = document.parts.iter().filter(|part| part.kind == PartKind::Own);
        parts.map(|part| part.end.saturating_sub(part.start)).sum()
    };
    extract.documents.iter().filter(|document| is_body(document)).map(own).sum::<usize>() < THIN_BODY_CHARS
}

/// Is an attachment the writer's own letter? Offices write "wij" and "u".
fn is_first_person(text: &str) -> bool {
    let end = text.char_indices().nth(FIRST_PERSON_CHARS).map_or(text.len(), |(at, _)| at);
    let words = text[..end].split(|c: char| !c.is_alphanumeric());
    words.filter(|word| ["ik", "Ik", "mij", "mijn", "Mijn", "I", "my", "ich", "mir"].contains(word)).count()
        >= 3
}

fn read_document<'a>(sentences: &mut Vec<Sentence<'a>>, index: usize, document: &'a Document, own: bool) {
    let text = document.text.as_str();
    if document.parts.is_empty() {
        let place = if own { Place::Own } else { Place::Attachment };
        split(sentences, index, place, text, 0);
        return;
    }
    let mut chars_before = 0;
    let mut rest = text;
    for part in &document.parts {
        let skip = byte_of_char(rest, part.start.saturating_sub(chars_before));
        let (_, tail) = rest.split_at(skip);
        let start = part.start.max(chars_before);
        let length = byte_of_char(tail, part.end.saturating_sub(start));
        let (stretch, after) = tail.split_at(length);
        let place = match part.kind {
            PartKind::Own if own => Place::Own,
            PartKind::Own => Place::Attachment,
            PartKind::Quote => Place::Quote,
            PartKind::Forwarded => Place::Forwarded,
            PartKind::Signature => Place::Signature,
            PartKind::Disclaimer => Place::Disclaimer,
        };
        split(sentences, index, place, stretch, start);
        rest = after;
        chars_before = part.end.max(start);
    }
}

fn byte_of_char(text: &str, chars: usize) -> usize {
    text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at)
}

fn push<'a>(
    sentences: &mut Vec<Sentence<'a>>,
    document: Option<usize>,
    place: Place,
    source: &'a str,
    start_char: usize,
) {
    let Folded { text, map } = fold(source);
    if text.chars().any(char::is_alphanumeric) {
        let times = OnceCell::new();
        sentences.push(Sentence { document, place, source, start_char, text, map, order: 0, times });
    }
}

/// Cuts a stretch into sentences: at `. ! ?` before a space (not after abbreviations and initials), at blank
/// lines, after short lines (letterheads, lists), and at the bound.
fn split<'a>(
    sentences: &mut Vec<Sentence<'a>>,
    index: usize,
    place: Place,
    text: &'a str,
    start_char: usize,
) {
    let mut from = 0;
    let mut from_char = start_char;
    let mut chars_in = 0;
    let mut line_chars = 0;
    let mut last_space = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let until = at + c.len_utf8();
        chars_in += 1;
        line_chars += 1;
        let next = chars.peek().map(|(_, next)| *next);
        if c.is_whitespace() {
            last_space = Some((until, chars_in));
        }
        let mut cut = match c {
            '.' | '!' | '?' => {
                let next_ends = next.is_none_or(|next| next.is_whitespace());
                next_ends && (c != '.' || !is_abbreviation(&text[from..at]))
            }
            '"' | '”' | '’' | ')' => {
                text[from..at].ends_with(['.', '!', '?']) && next.is_some_and(char::is_whitespace) && {
                    let after = text[until..].trim_start().chars().next();
                    after.is_some_and(|after| after.is_uppercase() || matches!(after, '"' | '“' | '‘' | '-'))
                }
            }
            '\n' => {
                let short = line_chars < 40;
                let marked = text[until..].trim_start_matches([' ', '\t', '>']);
                let blank = marked.starts_with(['\n', '\r'])
                    || text[until..].trim_start_matches([' ', '\t']).starts_with('\n');
                let bullet = marked.starts_with(['-', '*', '•'])
                    || (marked.starts_with(|d: char| d.is_ascii_digit())
                        && marked.trim_start_matches(|d: char| d.is_ascii_digit()).starts_with(['.', ')']));
                line_chars = 0;
                short || blank || bullet
            }
            _ => false,
        };
        if cut && text[from..until].trim().is_empty() {
            cut = false;
        }
        if cut {
            push(sentences, Some(index), place, &text[from..until], from_char);
            from = until;
            from_char += chars_in;
            chars_in = 0;
            last_space = None;
        } else if chars_in >= SENTENCE_CHARS_MAX {
            let (end, count) = last_space.unwrap_or((until, chars_in));
            push(sentences, Some(index), place, &text[from..end], from_char);
            from = end;
            from_char += count;
            chars_in -= count;
            last_space = None;
        }
    }
    if from < text.len() {
        push(sentences, Some(index), place, &text[from..], from_char);
    }
}

/// Does the text end in an abbreviation or an initial, so that its full stop ends no sentence?
fn is_abbreviation(text: &str) -> bool {
    const KNOWN: &[&str] = &[
        "dhr", "mevr", "mw", "mr", "dr", "drs", "ir", "ing", "prof", "fam", "bijv", "bv", "nr", "nrs", "tel",
        "d.d", "o.a", "t.a.v", "i.v.m", "m.b.t", "t.n.v", "p/a", "a.u.b", "e.d", "d.w.z", "z.o.z", "ca",
        "blz", "art", "jan", "feb", "mrt", "apr", "aug", "sept", "sep", "okt", "nov", "dec", "jl", "j.l",
        "ma", "di", "wo", "do", "vr", "za", "zo", "incl", "excl", "st", "afd", "min", "max", "resp", "v.d",
        "w.o", "dd", "t.o.v", "n.a.v", "o.l.v", "i.p.v", "str", "kl", "mvr", "mej", "jhr", "evt", "gem",
        "u.w", "pag",
    ];
    let word = text.rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '"')).next().unwrap_or_default();
    if word.chars().count() == 1 && word.chars().all(char::is_uppercase) {
        return true;
    }
    // Initials: "J.W"
    if word.len() <= 12 && word.split('.').all(|part| part.chars().count() == 1) && word.contains('.') {
        return true;
    }
    word.len() <= 8 && KNOWN.contains(&word.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Part;

    fn extract(text: &str, parts: Vec<Part>) -> Extract {
        let document = Document { parts, ..Document::typed(Method::Text, text) };
        Extract { message: None, documents: vec![document], defects: vec![] }
    }

    fn read(text: &str) -> Vec<String> {
        let extract = extract(text, vec![]);
        let reading = Reading::new(&extract, Channel::Letter, jiff::civil::date(2026, 3, 2));
        reading.sentences.iter().map(|sentence| sentence.text.trim().to_owned()).collect()
    }

    #[test]
    fn sentences_end_where_readers_end_them() {
        assert_eq!(
            read("Ik sprak dhr. J.W. de Boer op 3 mrt. Hij zei niets! En nu?\n\nGroet"),
            ["ik sprak dhr. j.w. de boer op 3 mrt. hij zei niets!", "en nu?", "groet"]
        );
        assert_eq!(read("J. Jansen\nKade 3\n2511 Den Haag\n"), ["j. jansen", "kade 3", "2511 den haag"]);
        assert_eq!(
            read("Dit is een lange regel die door de post of de scanner gebroken\nis en toch verder gaat."),
            ["dit is een lange regel die door de post of de scanner gebroken is en toch verder gaat."]
        );
    }

    #[test]
    fn evidence_shows_the_letters_of_the_writer() {
        let text = "Eén zin.  Het “Ú\u{200b}WV” belt niet.";
        let extract = extract(text, vec![]);
        let reading = Reading::new(&extract, Channel::Letter, jiff::civil::date(2026, 3, 2));
        let sentence = &reading.sentences[1];
        let at = sentence.text.find("uwv").unwrap();
        let evidence = sentence.evidence(&(at..at + 3)).unwrap();
        assert_eq!(evidence.text, "Ú\u{200b}WV");
        let chars: String = text.chars().skip(evidence.start).take(evidence.end - evidence.start).collect();
        assert_eq!(chars, evidence.text);
    }

    #[test]
    fn parts_tell_own_words_from_quotes() {
        let text = "Mijn woorden.\n> hun woorden\n";
        let parts = vec![
            Part { start: 0, end: 14, kind: PartKind::Own },
            Part { start: 14, end: text.chars().count(), kind: PartKind::Quote },
        ];
        let extract = extract(text, parts);
        let reading = Reading::new(&extract, Channel::Letter, jiff::civil::date(2026, 3, 2));
        let places: Vec<_> = reading.sentences.iter().map(|s| (s.place, s.text.trim().to_owned())).collect();
        assert_eq!(places, [(Place::Own, "mijn woorden.".into()), (Place::Quote, "hun woorden".into())]);
    }

    #[test]
    fn a_megabyte_without_an_end_is_cut() {
        let text = "UWV".repeat(100_000);
        let extract = extract(&text, vec![]);
        let reading = Reading::new(&extract, Channel::Letter, jiff::civil::date(2026, 3, 2));
        assert!(reading.sentences.iter().all(|s| s.source.chars().count() <= SENTENCE_CHARS_MAX));
        assert_eq!(reading.sentences.iter().map(|s| s.source.len()).sum::<usize>(), text.len());
    }
}
