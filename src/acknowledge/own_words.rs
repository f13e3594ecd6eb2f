//! Our own words coming back: a broken responder sends our mail to us again, or quotes it, without a header that says so.
//!
//! The sentences are those of the templates, so an office that changes its words changes what is recognised.
//! Invariant: pure and bounded; how the text was wrapped, quoted or turned into HTML makes no difference.

use crate::limits::OWN_WORDS_CHARS_MAX;
use std::collections::BTreeSet;

/// A shorter piece of a sentence may be anybody's.
const WORDS_MIN: usize = 7;
const LETTERS_MIN: usize = 36;

/// The sentences of an office's templates, as far as they are the same in every answer.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnWords {
    sentences: BTreeSet<String>,
}

impl OwnWords {
    /// Takes the fixed sentences out of template sources.
    pub(super) fn of<'a>(sources: impl Iterator<Item = &'a str>) -> Self {
        let mut sentences = BTreeSet::new();
        for source in sources {
            for piece in fixed(source).split(['.', '?', '!', ':', '\0']) {
                let plain = plain(piece);
                if plain.len() >= LETTERS_MIN && plain.split(' ').count() >= WORDS_MIN {
                    sentences.insert(plain);
                }
            }
        }
        Self { sentences }
    }

    /// How many different sentences of ours stand in a text, of which a bounded beginning is read.
    pub(super) fn count(&self, text: &str) -> usize {
        let head: String = text.chars().take(OWN_WORDS_CHARS_MAX).collect();
        let text = format!(" {} ", plain(&head));
        self.sentences.iter().filter(|sentence| text.contains(&format!(" {sentence} "))).count()
    }
}

/// A template's source with a zero where a tag stands, and where a paragraph or item ends.
fn fixed(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(open) = rest.find('{') {
        let close = match rest.as_bytes().get(open + 1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            Some(b'#') => "#}",
            _ => "",
        };
        text.push_str(&rest[..open]);
        text.push('\0');
        let end = if close.is_empty() { Some(open + 1) } else { rest.find(close).map(|at| at + close.len()) };
        rest = end.and_then(|end| rest.get(end..)).unwrap_or_default();
    }
    text.push_str(rest);
    ["\n\n", "\n- ", "\n| ", "\n# "].iter().fold(text, |text, edge| text.replace(edge, "\0"))
}

/// Letters and digits only, in lower case, one space between words: quote marks and line ends are no part of it.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphanumeric() {
            plain.extend(c.to_lowercase());
        } else if !plain.is_empty() && !plain.ends_with(' ') {
            plain.push(' ');
        }
    }
    plain.truncate(plain.trim_end().len());
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "Geachte heer of mevrouw,\n\n{% if x %}\nWij hebben uw bericht op {{ received }} goed en wel \
        ontvangen en wij lezen het.\n{% endif %}\n\nEen medewerker van het kantoor leest het\nzo snel als dat kan, en \
        belt u dan op.\n- Houd dit nummer altijd bij de hand als u ons belt.\n";

    #[test]
    fn sentences_are_known_again_however_they_are_wrapped() {
        let own = OwnWords::of([SOURCE].into_iter());
        assert_eq!(own.sentences.len(), 3, "{:?}", own.sentences);
        let quoted = "Dank!\n\n> Een medewerker van het\n> kantoor leest het zo snel als\n> dat kan, en belt u dan op.\n>\n\
            > - Houd dit nummer altijd bij de hand als u ons belt.";
        assert_eq!(own.count(quoted), 2);
        assert_eq!(own.count("Een medewerker van het kantoor leest het nooit."), 0);
        assert_eq!(own.count(""), 0);
    }

    #[test]
    fn a_source_may_be_anything() {
        for source in ["", "{", "{{", "{% x", "{# #}", "}{", "{{ x }}{{ y }}", "é{é"] {
            assert_eq!(OwnWords::of([source].into_iter()).count("iets"), 0);
        }
    }
}
