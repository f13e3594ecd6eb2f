//! Words that were looked for, marked where they stand: the beginnings of words, whatever the case and accents.
//!
//! Invariant: pure; the parts put together are the text.

use serde::Serialize;

/// A stretch of a text, and whether it was looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hit {
    pub text: String,
    pub hit: bool,
}

/// The text in stretches, with the words of `query` marked.
pub fn hits(text: &str, query: &str) -> Vec<Hit> {
    let wanted: Vec<String> = query
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().flat_map(folded).collect())
        .collect();
    let mut parts: Vec<Hit> = Vec::new();
    let mut push = |piece: &str, hit: bool| match parts.last_mut() {
        Some(last) if last.hit == hit => last.text.push_str(piece),
        _ if piece.is_empty() => {}
        _ => parts.push(Hit { text: piece.to_owned(), hit }),
    };
    let mut rest = text;
    while !rest.is_empty() {
        let gap = rest.find(char::is_alphanumeric).unwrap_or(rest.len());
        push(&rest[..gap], false);
        rest = &rest[gap..];
        let end = rest.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(rest.len());
        let word = &rest[..end];
        let marked = wanted.iter().filter_map(|wanted| begins(word, wanted)).max().unwrap_or(0);
        push(&word[..marked], true);
        push(&word[marked..], false);
        rest = &rest[end..];
    }
    parts
}

/// How many bytes of a word are the wanted beginning.
fn begins(word: &str, wanted: &str) -> Option<usize> {
    let mut left = wanted.chars().peekable();
    for (at, letter) in word.char_indices() {
        if left.peek().is_none() {
            return Some(at);
        }
        for one in folded(letter) {
            left.next_if_eq(&one)?;
        }
    }
    left.peek().is_none().then_some(word.len())
}

/// A letter without case and without the accents of the languages that are written here.
fn folded(letter: char) -> impl Iterator<Item = char> {
    letter.to_lowercase().map(|letter| match letter {
        'à'..='å' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'è'..='ë' | 'ę' | 'ě' => 'e',
        'ğ' => 'g',
        'ì'..='ï' | 'ı' => 'i',
        'ł' => 'l',
        'ñ' | 'ń' => 'n',
        'ò'..='ö' | 'ø' => 'o',
        'ś' | 'š' | 'ş' | 'ș' => 's',
        'ț' | 'ţ' => 't',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(text: &str, query: &str) -> String {
        let parts = hits(text, query);
        assert_eq!(parts.iter().map(|part| part.text.as_str()).collect::<String>(), text);
        parts
            .iter()
            .map(|part| if part.hit { format!("[{}]", part.text) } else { part.text.clone() })
            .collect()
    }

    #[test]
    fn beginnings_of_words_are_marked_whatever_their_case_and_accents() {
        assert_eq!(marked("Klacht over de Özgür-tram", "ozg TRAM"), "Klacht over de [Özg]ür-[tram]");
        assert_eq!(marked("strammer", "tram"), "strammer", "not within a word");
        assert_eq!(marked("<b>tram</b>", "b"), "<[b]>tram</[b]>");
        assert_eq!(marked("", "x"), "");
        assert_eq!(marked("café", "cafeé"), "café");
    }
}
