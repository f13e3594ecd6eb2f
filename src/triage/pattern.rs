//! The patterns of rules: what staff write, made into regular expressions, and those into machines of our own.
//!
//! Staff write small letters without accents, as the folded text has them. Added to the regex syntax are
//! ` ... ` (up to six words in between, ` ...3 ` up to three), `{NAME}` (a word list of `words.toml`), and
//! word boundaries at both ends without asking. Invariant: whatever is written, matching takes time linear
//! in the text.

use super::assemble::assemble;
use super::machine::{Found, Machine};
use super::needs::{self, Need};
use crate::limits::REGEX_BYTES_MAX;
use crate::record::distance;
use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

/// The character that stands for a named body in the text that role rules look at.
pub const ORG_MARK: char = '\u{e000}';

/// The character that stands for a named town in the text that role rules look at.
pub const PLACE_MARK: char = '\u{e001}';

/// A checked pattern and the words that a text must hold for it to match.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// As the `regex` crate writes it.
    bounded: String,
    /// Both made on first use: of thousands of patterns a text needs a few, and checking needs none. The regular
    /// expression only answers where the machine cannot.
    machine: OnceLock<Option<Box<Machine>>>,
    regex: OnceLock<Option<Regex>>,
    /// What a text must hold for it to match, in order. Empty: nothing is known, or the index of the rules took it.
    pub needs: Vec<Need>,
    /// As staff wrote it.
    pub written: String,
}

/// States of a compiled pattern from which on it is compiled at once, to see that it stays under its bound.
const STATES_SURE: usize = 4_000;

/// The word lists of `words.toml`, by name.
pub type WordLists = BTreeMap<String, Vec<String>>;

impl Pattern {
    /// Compiles what staff wrote.
    ///
    /// # Errors
    /// A Dutch sentence that says what is wrong and, where it can be told, how to mend it.
    pub fn compile(written: &str, lists: &WordLists) -> Result<Self, String> {
        let expanded = expand(written, lists, 0)?;
        let bounded = with_bounds(&expanded);
        let regex = OnceLock::new();
        let hir = match regex_syntax::parse(&bounded) {
            Ok(hir) if states(&hir) <= STATES_SURE => hir,
            // Too large to be sure, or wrong: the compiler tells.
            parsed => {
                let made = compiled(&bounded).map_err(|error| explain(&error))?;
                regex.get_or_init(|| Some(made));
                parsed.unwrap_or_else(|_| Hir::empty())
            }
        };
        Ok(Self {
            bounded,
            machine: OnceLock::new(),
            regex,
            needs: needs::of(&hir),
            written: written.to_owned(),
        })
    }

    /// `None` only for what cannot be, since it was checked.
    fn regex(&self) -> Option<&Regex> {
        self.regex.get_or_init(|| compiled(&self.bounded).ok()).as_ref()
    }

    fn machine(&self) -> Option<&Machine> {
        let make = || regex_syntax::parse(&self.bounded).ok().and_then(|hir| assemble(&hir)).map(Box::new);
        self.machine.get_or_init(make).as_deref()
    }

    pub fn is_match(&self, text: &str) -> bool {
        self.find_at(text, 0).is_some()
    }

    /// Bytes of the first match.
    pub fn find(&self, text: &str) -> Option<Range<usize>> {
        self.find_at(text, 0).map(|found| found.range)
    }

    /// Every match, none overlapping another.
    pub fn find_iter<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Found> + 't {
        let mut from = 0;
        std::iter::from_fn(move || {
            let found = self.find_at(text, from)?;
            // A match of nothing is passed over.
            let next = text.get(found.range.end..)?.chars().next().map_or(1, char::len_utf8);
            from = found.range.end + if found.range.is_empty() { next } else { 0 };
            Some(found)
        })
    }

    /// The first match that begins at a byte or after it.
    fn find_at(&self, text: &str, from: usize) -> Option<Found> {
        match self.machine().map(|machine| machine.find_at(text, from)) {
            Some(Ok(found)) => found,
            // It needs a regular expression, or more steps than it is given.
            Some(Err(_)) | None => self.find_with_regex(text, from),
        }
    }

    fn find_with_regex(&self, text: &str, from: usize) -> Option<Found> {
        let regex = self.regex()?;
        if regex.capture_names().flatten().any(|name| name == "org") {
            let mut places = regex.capture_locations();
            let range = regex.captures_read_at(&mut places, text, from)?.range();
            let nth = regex.capture_names().position(|name| name == Some("org"));
            return Some(Found { range, mark: nth.and_then(|nth| places.get(nth)).map(|(start, _)| start) });
        }
        Some(Found { range: regex.find_at(text, from)?.range(), mark: None })
    }
}

fn compiled(bounded: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(bounded).size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX).build()
}

/// About how many states a pattern compiles to; more rather than fewer.
fn states(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => 4 * class.ranges().len() + 4,
        HirKind::Class(regex_syntax::hir::Class::Bytes(_)) => 2,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1)).max(1);
            states(&repetition.sub).saturating_add(1).saturating_mul(times as usize)
        }
        HirKind::Capture(capture) => states(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(states).fold(parts.len(), usize::saturating_add)
        }
    }
}

fn explain(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => {
            "Dit patroon is te groot. Splits het in meer patronen of gebruik kleinere aantallen.".into()
        }
        other => {
            let last = other.to_string();
            let last = last.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            format!(
                "Dit patroon klopt niet ({last}). Controleer haakjes; zet een \\ voor een leesteken dat u letterlijk bedoelt."
            )
        }
    }
}

/// Word lists, gaps and ASCII classes written out.
fn expand(written: &str, lists: &WordLists, depth: usize) -> Result<String, String> {
    if depth > 4 {
        return Err("Woordenlijsten verwijzen te diep naar elkaar.".into());
    }
    let written = gaps(written);
    let mut out = String::with_capacity(written.len() * 2);
    let mut rest = written.as_str();
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        match c {
            '\\' => {
                let escaped = after.chars().next().ok_or("Een patroon kan niet op \\ eindigen.")?;
                match escaped {
                    'w' => out.push_str("[0-9a-z_]"),
                    'd' => out.push_str("[0-9]"),
                    's' => out.push(' '),
                    // Every letter of every script would make each pattern large; folded text has these.
                    'W' => out.push_str("[^0-9a-z_]"),
                    'S' => out.push_str("[^ ]"),
                    'D' => out.push_str("[^0-9]"),
                    'b' => out.push_str(r"(?-u:\b)"),
                    other => {
                        out.push('\\');
                        out.push(other);
                    }
                }
                rest = &after[escaped.len_utf8()..];
            }
            '{' if after.starts_with(|c: char| c.is_ascii_uppercase()) => {
                let end = after.find('}').ok_or("Een woordenlijst heeft geen sluitend }.")?;
                let name = &after[..end];
                if name == "ORG" && !out.contains("(?<org>") && depth == 0 {
                    // The body that the rule is about; a further {ORG} is any body.
                    out.push_str("(?<org>");
                    out.push(ORG_MARK);
                    out.push(')');
                } else if name == "ORG" {
                    out.push(ORG_MARK);
                } else if name == "PLACE" && !out.contains("(?<org>") && depth == 0 {
                    out.push_str("(?<org>");
                    out.push(PLACE_MARK);
                    out.push(')');
                } else if name == "PLACE" {
                    out.push(PLACE_MARK);
                } else {
                    let list = lists.get(name).ok_or_else(|| unknown_list(name, lists))?;
                    let words: Result<Vec<_>, _> =
                        list.iter().map(|word| expand(word, lists, depth + 1)).collect();
                    out.push_str("(?:");
                    out.push_str(&words?.join("|"));
                    out.push(')');
                }
                rest = &after[end + 1..];
            }
            c if c.is_uppercase() => {
                return Err(format!(
                    "Schrijf patronen in kleine letters: “{c}” komt in de gelezen tekst niet voor."
                ));
            }
            c => {
                out.push(c);
                rest = after;
            }
        }
    }
    Ok(out)
}

/// ` ... ` is up to six words in between, ` ...3 ` up to three; a comma or quote may stand at the first word.
fn gaps(written: &str) -> String {
    let mut out = String::with_capacity(written.len() * 2);
    let mut rest = written;
    while let Some((before, after)) = rest.split_once(" ...") {
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = after.split_at(digits);
        out.push_str(before);
        match (tail.strip_prefix(' '), number) {
            (Some(tail), _) if digits <= 2 => {
                let words = if number.is_empty() { "6" } else { number };
                out.push_str("[,;:.!?)'\"]* (?:[^ ]+ ){0,");
                out.push_str(words);
                out.push('}');
                rest = tail;
            }
            _ => {
                out.push_str(" ...");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn unknown_list(name: &str, lists: &WordLists) -> String {
    let known = lists.keys().map(String::as_str).chain(["ORG", "PLACE"]);
    match known.map(|known| (distance(known, name), known)).min() {
        Some((letters, known)) if letters <= 3 => {
            format!("De woordenlijst {{{name}}} staat niet in words.toml. Bedoelt u {{{known}}}?")
        }
        _ => format!("De woordenlijst {{{name}}} staat niet in words.toml."),
    }
}

/// Word boundaries where the pattern begins or ends with a word.
fn with_bounds(expanded: &str) -> String {
    let wordy = |c: Option<char>| {
        c.is_some_and(|c| {
            c.is_ascii_alphanumeric() || matches!(c, '(' | '[' | ')' | ']' | '?' | '*' | '+' | '}')
        })
    };
    let plain = |c: char| !matches!(c, ORG_MARK | PLACE_MARK) && !c.is_ascii();
    let latin = !expanded.chars().any(plain);
    let starts = latin && !starts_with_mark(expanded);
    let ends = latin && !expanded.ends_with([ORG_MARK, PLACE_MARK]) && !ends_with_mark(expanded);
    let before = if starts && wordy(expanded.chars().next()) && !expanded.starts_with("(?-u") {
        r"(?-u:\b)"
    } else {
        ""
    };
    let escaped_end = expanded.len() >= 2 && expanded.as_bytes().get(expanded.len() - 2) == Some(&b'\\');
    let after =
        if ends && wordy(expanded.chars().next_back()) && !escaped_end && !expanded.ends_with(r"(?-u:\b)") {
            r"(?-u:\b)"
        } else {
            ""
        };
    format!("{before}(?:{expanded}){after}")
}

fn starts_with_mark(expanded: &str) -> bool {
    let inner = expanded.trim_start_matches('(').trim_start_matches("?:").trim_start_matches("?<org>");
    inner.starts_with([ORG_MARK, PLACE_MARK])
}

fn ends_with_mark(expanded: &str) -> bool {
    expanded.trim_end_matches(')').ends_with([ORG_MARK, PLACE_MARK])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(written: &str) -> Pattern {
        let lists = WordLists::from([
            ("BELT".into(), vec!["bel(t|de)".into(), "mail(t|de)".into()]),
            ("NIET".into(), vec!["niet".into(), "nooit".into()]),
        ]);
        Pattern::compile(written, &lists).unwrap()
    }

    #[test]
    fn staff_write_words_gaps_and_lists() {
        let p = pattern("{BELT} ... {NIET} terug");
        assert!(p.is_match("zij belde gisteren weer niet terug"));
        assert!(!p.is_match("zij opbelde niet terug"));
        assert!(pattern("{BELT} ...1 terug").is_match("zij belt, niet terug"));
        assert!(!pattern("{BELT} ...1 terug").is_match("zij belt echt niet terug"));
        assert!(pattern("gemeente\\w*").is_match("de gemeenteraad"));
        assert!(!pattern("duo").is_match("een duofiets"));
        assert!(pattern("{ORG} {BELT}").is_match("het \u{e000} belt"));
    }

    #[test]
    fn faults_are_told_in_dutch() {
        let lists = WordLists::from([("BELT".into(), vec!["belt".into()])]);
        for (written, part) in [
            ("de (gemeente", "haakjes"),
            ("{BELTT} niet", "Bedoelt u {BELT}"),
            ("De gemeente", "kleine letters"),
            ("((a{1,200}){1,200}){1,200}", "te groot"),
            ("een \\", "eindigen"),
        ] {
            let fault = Pattern::compile(written, &lists).err().unwrap();
            assert!(fault.contains(part), "{written}: {fault}");
        }
    }

    #[test]
    fn what_a_match_must_hold_is_known() {
        for (written, known) in [
            ("klacht ... over", "klacht> <over"),
            ("{BELT} ... terug", "belde|belt|mailde|mailt> <terug"),
            ("(een|de) gemeente", "de gemeente|een gemeente>"),
            ("[0-9]+ weken", "<weken>"),
            ("klacht ...3 (ingediend|gestuurd)", "klacht> <gestuurd|ingediend"),
            ("klachten?(loket|team)", "klachteloket|klachtenloket|klachtenteam|klachteteam>"),
            ("gemeente\\w*", "<gemeente"),
        ] {
            let told: Vec<String> = pattern(written)
                .needs
                .iter()
                .map(|need| match need {
                    Need::Words(words) => {
                        let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
                        format!("<{}>", texts.join("|"))
                    }
                    Need::Either(_) => "either".to_owned(),
                })
                .collect();
            let told = told.join(" ");
            assert!(told.contains(known), "{written}: {told}");
        }
        let Some(Need::Words(words)) = pattern("klacht\\w*").needs.into_iter().next() else { panic!() };
        assert!(words[0].starts && !words[0].ends);
        let p = pattern("(klacht ... over|belt) hem");
        assert!(
            matches!(p.needs.as_slice(), [Need::Either(branches), Need::Words(_)] if branches.len() == 2),
            "{:?}",
            p.needs
        );
    }
}
