//! Words that were looked for, marked where they stand, as the store finds them: the beginnings of words and their other
//! forms, whatever capitals and marks.
//!
//! Invariant: pure; the parts put together are the text.

use crate::limits::SNIPPET_CHARS_MAX;
use crate::record::{plain, plain_words, stem};
use serde::Serialize;

/// A stretch of a text, and whether it was looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hit {
    pub text: String,
    pub hit: bool,
}

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// A word as [`plain`] gives it, and its stem.
    words: Vec<(String, String)>,
}

impl Wanted {
    pub fn of(query: &str) -> Self {
        let with_stem = |word: String| {
            let stem = stem(&word);
            (word, stem)
        };
        Self { words: plain_words(query).map(with_stem).collect() }
    }

    /// How many bytes of a word are marked: the beginning that was typed, or all of another form.
    fn marked(&self, word: &str) -> usize {
        let begins = self.words.iter().filter_map(|(wanted, _)| begins(word, wanted)).max();
        begins.unwrap_or_else(|| {
            let stem = stem(&plain(word));
            let is_form = self.words.iter().any(|(_, wanted)| *wanted == stem);
            if is_form { word.len() } else { 0 }
        })
    }

    /// The text in stretches, with the words marked.
    pub fn hits(&self, text: &str) -> Vec<Hit> {
        let mut parts: Vec<Hit> = Vec::new();
        let mut push = |piece: &str, hit: bool| match parts.last_mut() {
            Some(last) if last.hit == hit => last.text.push_str(piece),
            _ if piece.is_empty() => {}
            _ => parts.push(Hit { text: piece.to_owned(), hit }),
        };
        let mut at = 0;
        for (start, word) in words(text) {
            let marked = self.marked(word);
            push(&text[at..start], false);
            push(&word[..marked], true);
            push(&word[marked..], false);
            at = start + word.len();
        }
        push(&text[at..], false);
        parts
    }

    /// The stretch of a long text around the first word that was looked for, in one line. `None`: none stands in it.
    pub fn snippet(&self, text: &str) -> Option<Vec<Hit>> {
        let (at, _) = words(text).find(|(_, word)| self.marked(word) > 0)?;
        let before = text[..at].char_indices().rev().take(SNIPPET_CHARS_MAX / 3).last();
        let from = before.map_or(at, |(from, _)| from);
        // Not within a word.
        let from = match from {
            0 => 0,
            _ => text[from..at].find(char::is_whitespace).map_or(at, |gap| from + gap),
        };
        let end =
            text[from..].char_indices().nth(SNIPPET_CHARS_MAX).map_or(text.len(), |(end, _)| from + end);
        let line = text[from..end].split_whitespace().collect::<Vec<_>>().join(" ");
        let (head, tail) = (if from > 0 { "… " } else { "" }, if end < text.len() { " …" } else { "" });
        Some(self.hits(&format!("{head}{line}{tail}")))
    }

    /// Does each word stand in one of these stretches?
    pub fn all_in(&self, texts: &[&str]) -> bool {
        self.words.iter().all(|word| {
            let one = Self { words: vec![word.clone()] };
            texts.iter().any(|text| words(text).any(|(_, word)| one.marked(word) > 0))
        })
    }
}

/// The words of a text, and where each begins.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text.get(at..)?.find(char::is_alphanumeric)?;
        let rest = &text[start..];
        // A mark that stands by itself belongs to its letter (Unicode NFD).
        let is_within = |letter: char| letter.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&letter);
        let end = rest.find(|letter| !is_within(letter)).unwrap_or(rest.len());
        at = start + end;
        Some((start, &rest[..end]))
    })
}

/// How many bytes of a word are the wanted beginning.
fn begins(word: &str, wanted: &str) -> Option<usize> {
    let mut left = wanted;
    for (at, letter) in word.char_indices() {
        if left.is_empty() && !('\u{300}'..='\u{36f}').contains(&letter) {
            return Some(at);
        }
        let plain = plain(letter.encode_utf8(&mut [0; 4]));
        // Of a letter that is written as two (`œ`) one may be wanted.
        left =
            if left.len() < plain.len() && plain.starts_with(left) { "" } else { left.strip_prefix(&plain)? };
    }
    left.is_empty().then_some(word.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(parts: &[Hit]) -> String {
        parts
            .iter()
            .map(|part| if part.hit { format!("[{}]", part.text) } else { part.text.clone() })
            .collect()
    }

    fn marked(text: &str, query: &str) -> String {
        let parts = Wanted::of(query).hits(text);
        assert_eq!(parts.iter().map(|part| part.text.as_str()).collect::<String>(), text);
        shown(&parts)
    }

    #[test]
    fn beginnings_of_words_are_marked_whatever_their_case_and_accents() {
        assert_eq!(marked("Klacht over de Özgür-tram", "ozg TRAM"), "Klacht over de [Özg]ür-[tram]");
        assert_eq!(marked("strammer", "tram"), "strammer", "not within a word");
        assert_eq!(marked("<b>tram</b>", "b"), "<[b]>tram</[b]>");
        assert_eq!(marked("", "x"), "");
        assert_eq!(marked("café", "cafeé"), "café");
        assert_eq!(marked("een cafe\u{301} hier", "café"), "een [cafe\u{301}] hier");
        assert_eq!(marked("Ĳsselmeer", "ijs"), "[Ĳs]selmeer");
    }

    #[test]
    fn other_forms_of_a_word_are_marked_whole() {
        assert_eq!(marked("Het brood en de broden", "broden"), "Het [brood] en de [broden]");
        assert_eq!(marked("twee klachten", "klacht"), "twee [klacht]en");
        assert_eq!(marked("een klacht", "klachten"), "een [klacht]");
    }

    #[test]
    fn a_snippet_is_the_stretch_around_the_first_hit() {
        let long = format!("{}de tram\nreed door{}", "woord ".repeat(90), " en nog wat".repeat(90));
        let snippet = Wanted::of("tram").snippet(&long).unwrap();
        let text = shown(&snippet);
        assert!(text.starts_with("… woord ") && text.ends_with(" …"), "{text}");
        assert!(text.contains("de [tram] reed door"), "{text}");
        assert!(text.chars().count() <= SNIPPET_CHARS_MAX + 8);
        assert_eq!(Wanted::of("bus").snippet(&long), None);
        assert_eq!(shown(&Wanted::of("tram").snippet("Tram").unwrap()), "[Tram]");
        let wide = "ë".repeat(300) + " tram";
        assert!(shown(&Wanted::of("tram").snippet(&wide).unwrap()).ends_with("[tram]"));
        let wanted = Wanted::of("tram klacht");
        assert!(wanted.all_in(&["Klachten", "de tram"]) && !wanted.all_in(&["klacht"]));
    }
}
