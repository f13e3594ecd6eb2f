//! Citizen service numbers (burgerservicenummer; Wet algemene bepalingen burgerservicenummer), found and covered.
//!
//! A number of nine digits (or eight: older ones lack the zero in front) is one when it passes the elfproef and words that
//! name it stand near; directly after such a word also when it fails, since scans misread digits. The same digits
//! elsewhere in a piece are then covered too. The last two digits stay, so that two numbers in one letter can be told
//! apart; they leave 10⁷ numbers, of which a hundredth is all that a third digit would save a guesser.
//!
//! Invariant: a covered text has as many characters as the text, so that marks of evidence stay in their places.

use super::{Evidence, Extract, Finding, Judgement};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

/// Stands for a covered digit.
pub const COVERED: char = '•';
const DIGITS_SHOWN: usize = 2;

/// Characters before and after a number in which a word may name it.
const BEFORE_CHARS: usize = 60;
const AFTER_CHARS: usize = 30;
/// Characters before a number in which a word names it whatever its check digit says.
const DIRECTLY_CHARS: usize = 30;

/// Words that name the number, in small letters; those after the first group say so by themselves.
const WORDS: [&str; 17] = [
    "bsn",
    "b.s.n",
    "burgerservicenummer",
    "burgerservicenr",
    "burger service nummer",
    "burger-service-nummer",
    "burgerservice nummer",
    "burger servicenummer",
    "sofinummer",
    "sofi-nummer",
    "sofi nummer",
    "sofinr",
    "citizen service number",
    "social security number",
    "fiscaal nummer",
    "mijn nummer",
    "persoonlijk nummer",
];
/// Of them, how many may stand for a number that fails the elfproef: they name nothing else.
const CERTAIN: usize = 14;

/// The numbers that were found in one piece or case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bsns(BTreeSet<u32>);

/// A stretch of digits that may be a number.
struct Candidate {
    /// In characters.
    range: Range<usize>,
    number: u32,
}

impl Bsns {
    /// The numbers that these texts name.
    pub fn named_in<'a>(texts: impl IntoIterator<Item = &'a str>) -> Bsns {
        let mut found = Bsns::default();
        for text in texts {
            if !may_hold(text) {
                continue;
            }
            let chars: Vec<char> = text.chars().collect();
            found.0.extend(named(&chars, &candidates(&chars)).map(|candidate| candidate.number));
        }
        found
    }

    /// Does a number stand in this text that passes the elfproef, or that its words name? For places where no other long
    /// number belongs either, such as an address.
    pub fn holds_number(text: &str) -> bool {
        if !may_hold(text) {
            return false;
        }
        let chars: Vec<char> = text.chars().collect();
        let all = candidates(&chars);
        all.iter().any(|one| passes_elfproef(one.number)) || named(&chars, &all).next().is_some()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn extend(&mut self, other: Bsns) {
        self.0.extend(other.0);
    }

    /// The text with these numbers covered, and those that its own words name.
    pub fn cover<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !may_hold(text) {
            return Cow::Borrowed(text);
        }
        let mut chars: Vec<char> = text.chars().collect();
        let all = candidates(&chars);
        let mut hidden: Vec<Range<usize>> =
            named(&chars, &all).map(|candidate| candidate.range.clone()).collect();
        hidden.extend(
            all.iter().filter(|one| self.0.contains(&one.number)).map(|candidate| candidate.range.clone()),
        );
        if hidden.is_empty() {
            return Cow::Borrowed(text);
        }
        for range in hidden {
            let digits: Vec<usize> =
                range.filter(|at| chars[*at].is_ascii_digit() || chars[*at] == COVERED).collect();
            for at in digits.iter().take(digits.len().saturating_sub(DIGITS_SHOWN)) {
                chars[*at] = COVERED;
            }
        }
        Cow::Owned(chars.into_iter().collect())
    }

    /// The same of an address of the web: there a number stands beside anything, so only those that are known are covered.
    pub fn cover_address(&self, text: &str) -> String {
        let mut chars: Vec<char> = text.chars().collect();
        let mut at = 0;
        while at < chars.len() {
            let many = chars[at..].iter().take_while(|c| c.is_ascii_digit()).count();
            let number = chars[at..at + many].iter().collect::<String>().parse::<u32>();
            if (8..=9).contains(&many) && number.is_ok_and(|number| self.0.contains(&number)) {
                chars[at..at + many - DIGITS_SHOWN].fill(COVERED);
            }
            at += many.max(1);
        }
        chars.into_iter().collect()
    }

    /// The same of every text within a value.
    pub fn cover_all<T: Serialize + DeserializeOwned>(&self, value: &T) -> Result<T, serde_json::Error> {
        let mut json = serde_json::to_value(value)?;
        self.cover_json(&mut json);
        serde_json::from_value(json)
    }

    pub fn cover_json(&self, json: &mut Value) {
        match json {
            Value::String(text) => {
                if let Cow::Owned(covered) = self.cover(text) {
                    *text = covered;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.cover_json(item)),
            Value::Object(items) => items.values_mut().for_each(|item| self.cover_json(item)),
            _ => {}
        }
    }

    /// The numbers that a piece names anywhere in what was read of it.
    pub fn in_extract(extract: &Extract) -> Bsns {
        let mut found = Bsns::named_in(extract.documents.iter().map(|document| document.text.as_str()));
        let message = extract.message.iter();
        let short = message.flat_map(|message| {
            let names = message.author.iter().filter_map(|author| author.name.as_deref());
            message.subject.as_deref().into_iter().chain(names)
        });
        found.extend(Bsns::named_in(short));
        found
            .extend(Bsns::named_in(extract.documents.iter().filter_map(|document| document.name.as_deref())));
        found
    }

    /// What was read of a piece, covered.
    pub fn cover_extract(&self, extract: &Extract) -> Result<Extract, serde_json::Error> {
        let mut covered = self.cover_all(extract)?;
        for (document, plain) in covered.documents.iter_mut().zip(&extract.documents) {
            // A number with spaces in it is several words of a scan.
            let line: Vec<&str> = plain.words.iter().map(|word| word.6.as_str()).collect();
            if let Cow::Owned(line) = self.cover(&line.join(" ")) {
                let mut chars = line.chars();
                for (word, was) in document.words.iter_mut().zip(&plain.words) {
                    word.6 = chars.by_ref().take(was.6.chars().count()).collect();
                    chars.next();
                }
            }
        }
        Ok(covered)
    }

    /// What was concluded from a piece, covered as its text is: evidence is cut from the covered text.
    pub fn cover_judgement(
        &self,
        judgement: &Judgement,
        covered: &Extract,
    ) -> Result<Judgement, serde_json::Error> {
        let mut judgement = self.cover_all(judgement)?;
        let evidence = |finding: &mut Finding| -> Vec<Evidence> { std::mem::take(&mut finding.evidence) };
        for finding in &mut judgement.findings {
            finding.evidence = evidence(finding)
                .into_iter()
                .map(|one| {
                    let text = covered.documents.get(one.document).map(|document| document.text.as_str());
                    let cut: Option<String> = text.map(|text| {
                        text.chars().skip(one.start).take(one.end.saturating_sub(one.start)).collect()
                    });
                    // An evidence that is no stretch of the text as it stands keeps its own words.
                    let same = cut.filter(|cut| same_but_covered(cut, &one.text));
                    Evidence { text: same.unwrap_or_else(|| one.text.clone()), ..one }
                })
                .collect();
        }
        Ok(judgement)
    }
}

fn same_but_covered(cut: &str, text: &str) -> bool {
    cut.chars().count() == text.chars().count()
        && cut.chars().zip(text.chars()).all(|(a, b)| a == b || a == COVERED || b == COVERED)
}

/// Are there eight digits in it at all? Most texts have none.
fn may_hold(text: &str) -> bool {
    text.bytes().filter(u8::is_ascii_digit).count() >= 8
}

/// Nine times the first digit, eight times the second, … twice the eighth, less the ninth, is a multiple of eleven.
pub fn passes_elfproef(number: u32) -> bool {
    if number == 0 || number > 999_999_999 {
        return false;
    }
    let mut rest = number / 10;
    let mut sum = -i64::from(number % 10);
    for weight in 2..=9 {
        sum += weight * i64::from(rest % 10);
        rest /= 10;
    }
    sum % 11 == 0
}

fn separates(c: char) -> bool {
    matches!(c, ' ' | '.' | '-' | '\u{a0}' | '\u{202f}' | '\u{2009}')
}

/// Stretches of eight or nine digits, whole or in groups, that are no part of a longer number, a telephone number, an
/// IBAN or a date.
fn candidates(chars: &[char]) -> Vec<Candidate> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        if !chars[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let groups = groups(chars, at);
        let end = groups.last().map_or(at + 1, |group| group.end);
        if !belongs_to_a_word(chars, at, end) {
            within(chars, &groups, &mut found);
        }
        at = end;
    }
    found
}

/// The groups of digits from here on with one separator between each two.
fn groups(chars: &[char], from: usize) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let mut at = from;
    loop {
        let end =
            chars[at..].iter().position(|c| !c.is_ascii_digit()).map_or(chars.len(), |length| at + length);
        groups.push(at..end);
        let next = end + 1;
        let goes_on = chars.get(end).is_some_and(|c| separates(*c))
            && chars.get(next).is_some_and(char::is_ascii_digit);
        if !goes_on {
            return groups;
        }
        at = next;
    }
}

/// A letter, a slash or a plus stands directly at it: a case number, a part of an address, an IBAN in one.
fn belongs_to_a_word(chars: &[char], start: usize, end: usize) -> bool {
    let before = start.checked_sub(1).and_then(|at| chars.get(at));
    let after = chars.get(end);
    before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '/' | '+' | '_' | '@' | '#' | '€'))
        || after.is_some_and(|c| c.is_alphanumeric() || matches!(c, '/' | '_' | '@'))
        || (after == Some(&',') && chars.get(end + 1).is_some_and(char::is_ascii_digit))
        || follows_iban_start(chars, start)
}

/// `NL91 ABNA ` stands before it.
fn follows_iban_start(chars: &[char], start: usize) -> bool {
    let before: String = chars[start.saturating_sub(16)..start].iter().filter(|c| !separates(**c)).collect();
    let tail: Vec<char> = before.chars().rev().take(8).collect();
    tail.len() == 8
        && tail[..4].iter().all(char::is_ascii_alphabetic)
        && tail[4..6].iter().all(char::is_ascii_digit)
        && tail[6..].iter().all(char::is_ascii_alphabetic)
}

fn within(chars: &[char], groups: &[Range<usize>], found: &mut Vec<Candidate>) {
    let digits: usize = groups.iter().map(ExactSizeIterator::len).sum();
    let first = groups.first().map_or(0, |group| group.start);
    // A telephone number: ten digits from a zero on, in groups.
    if digits == 10 && chars[first] == '0' && groups.len() > 1 {
        return;
    }
    for (at, group) in groups.iter().enumerate() {
        for many in 1..=4 {
            let Some(some) = groups.get(at..at + many) else { break };
            let lengths: Vec<usize> = some.iter().map(ExactSizeIterator::len).collect();
            if !is_layout(&lengths) {
                continue;
            }
            let last = some.last().map_or(group.end, |last| last.end);
            let joined: String = chars[group.start..last].iter().filter(|c| c.is_ascii_digit()).collect();
            let Ok(number) = joined.parse() else { continue };
            if many == 1 && lengths[0] == 8 && is_date(number) {
                continue;
            }
            found.push(Candidate { range: group.start..last, number });
        }
    }
}

/// How people write the number. (2-2-4 and 4-2-2 are dates.)
fn is_layout(lengths: &[usize]) -> bool {
    matches!(
        lengths,
        [8 | 9]
            | [3, 3, 3]
            | [4, 2, 3]
            | [2, 3, 3]
            | [3, 2, 4]
            | [3, 3, 2]
            | [5, 4]
            | [4, 5]
            | [4, 4]
            | [3, 2, 2, 2]
    )
}

/// 20260301 and 01031980.
fn is_date(number: u32) -> bool {
    let day = |year: u32, month: u32, day: u32| {
        (1900..2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)
    };
    day(number / 10_000, number / 100 % 100, number % 100)
        || day(number % 10_000, number / 10_000 % 100, number / 1_000_000)
}

/// Those that words name; a number right after a named one is named with it.
fn named<'a>(chars: &'a [char], all: &'a [Candidate]) -> impl Iterator<Item = &'a Candidate> {
    let mut last_named = None;
    all.iter().filter(move |candidate| {
        let start = candidate.range.start;
        let near = |words: &[&str], from: usize, to: usize| {
            let window: String =
                chars[from..to.min(chars.len())].iter().flat_map(|c| c.to_lowercase()).collect();
            words.iter().any(|word| holds_word(&window, word))
        };
        let passes = passes_elfproef(candidate.number);
        let is_named = if passes {
            near(&WORDS, start.saturating_sub(BEFORE_CHARS), start)
                || near(&WORDS, candidate.range.end, candidate.range.end + AFTER_CHARS)
                || last_named.is_some_and(|end| start.saturating_sub(end) <= AFTER_CHARS)
        } else {
            near(&WORDS[..CERTAIN], start.saturating_sub(DIRECTLY_CHARS), start)
                && chars[start.saturating_sub(DIRECTLY_CHARS)..start]
                    .iter()
                    .filter(|c| c.is_ascii_digit())
                    .count()
                    == 0
        };
        if is_named {
            last_named = Some(candidate.range.end);
        }
        is_named
    })
}

/// The word stands there, and does not begin within another. (It may go on: BSN-nummer, sofinummers.)
fn holds_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Invented numbers: 123456782, 111222333 and 999990019 pass the elfproef, as the tax office's own test numbers do.
    const EXAMPLES: [(&str, &str); 41] = [
        ("Mijn BSN is 123456782.", "Mijn BSN is •••••••82."),
        ("BSN: 123456782", "BSN: •••••••82"),
        ("bsn 1234.56.782", "bsn ••••.••.•82"),
        ("(burgerservicenummer 123 456 782)", "(burgerservicenummer ••• ••• •82)"),
        ("Burgerservicenummer:\n123.456.782", "Burgerservicenummer:\n•••.•••.•82"),
        ("123456782 (mijn BSN)", "•••••••82 (mijn BSN)"),
        ("Sofinummer 111222333", "Sofinummer •••••••33"),
        ("sofi-nummer: 111-222-333", "sofi-nummer: •••-•••-•33"),
        ("mijn nummer is 999990019", "mijn nummer is •••••••19"),
        (
            "Onze BSN's zijn 123456782, 111222333 en 999990019.",
            "Onze BSN's zijn •••••••82, •••••••33 en •••••••19.",
        ),
        ("My citizen service number (BSN) is 123456782", "My citizen service number (BSN) is •••••••82"),
        ("BSN 10000008", "BSN ••••••08"),
        ("Mijn B.S.N. 123456782", "Mijn B.S.N. •••••••82"),
        ("BSN-nummer 123456782", "BSN-nummer •••••••82"),
        // Misread by a digit, and right after the word.
        ("BSN: 123456783", "BSN: •••••••83"),
        ("burgerservicenummer 123 456 789", "burgerservicenummer ••• ••• •89"),
        ("BSN 123456782, geboren 01-03-1980", "BSN •••••••82, geboren 01-03-1980"),
        (
            "Geboren 01-03-1980, BSN 123456782, tel. 06-12345678",
            "Geboren 01-03-1980, BSN •••••••82, tel. 06-12345678",
        ),
        ("BSN 123456782 en zaak 2026-000123-4", "BSN •••••••82 en zaak 2026-000123-4"),
        // No word near, or no such number.
        ("Mijn kenmerk is 123456782.", "Mijn kenmerk is 123456782."),
        ("Factuur 123456782 van vorige week", "Factuur 123456782 van vorige week"),
        ("Bel mij op 0612345678 over mijn BSN", "Bel mij op 0612345678 over mijn BSN"),
        ("BSN onbekend, tel. 06 12345678", "BSN onbekend, tel. 06 12345678"),
        ("BSN volgt; bel 070-1234567", "BSN volgt; bel 070-1234567"),
        ("BSN volgt, +31 612345678", "BSN volgt, +31 612345678"),
        ("BSN volgt, IBAN NL91ABNA0417164300", "BSN volgt, IBAN NL91ABNA0417164300"),
        ("BSN volgt, IBAN NL91 ABNA 0417 1643 00", "BSN volgt, IBAN NL91 ABNA 0417 1643 00"),
        ("BSN: zie bijlage. Postcode 1234 AB", "BSN: zie bijlage. Postcode 1234 AB"),
        (
            "BSN volgt. Stuk R2026-000123, zaak 2026-000123-4.",
            "BSN volgt. Stuk R2026-000123, zaak 2026-000123-4.",
        ),
        ("BSN op 01-03-2026 gestuurd", "BSN op 01-03-2026 gestuurd"),
        ("BSN op 2026-03-01 gestuurd", "BSN op 2026-03-01 gestuurd"),
        ("BSN op 20260301 gestuurd", "BSN op 20260301 gestuurd"),
        ("BSN-fout: € 123456782,00", "BSN-fout: € 123456782,00"),
        ("Mijn mbsnx is 123456782", "Mijn mbsnx is 123456782"),
        ("Mijn nummer is 123456783", "Mijn nummer is 123456783"),
        ("BSN staat in map 1234567820", "BSN staat in map 1234567820"),
        ("BSN staat in A123456782B", "BSN staat in A123456782B"),
        ("BSN 000000000", "BSN •••••••00"),
        ("", ""),
        ("BSN", "BSN"),
        ("Ik heb geen BSN. Wel 12 345 klachten in 2025.", "Ik heb geen BSN. Wel 12 345 klachten in 2025."),
    ];

    #[test]
    fn the_examples() {
        let mut wrong = Vec::new();
        for (text, covered) in EXAMPLES {
            let found = Bsns::default().cover(text).into_owned();
            assert_eq!(found.chars().count(), text.chars().count());
            if found != covered {
                wrong.push(format!("{text:?}\n  gave {found:?}"));
            }
            assert_eq!(Bsns::default().cover(&found), found, "covering twice is covering once");
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_number_that_was_named_once_is_covered_everywhere() {
        let texts = ["Mijn BSN is 123456782.", "Betreft 123.456.782 en 123456782"];
        let all = Bsns::named_in(texts);
        assert_eq!(all.cover(texts[1]), "Betreft •••.•••.•82 en •••••••82");
        assert_eq!(Bsns::default().cover(texts[1]), texts[1]);
    }

    #[test]
    fn the_elfproef() {
        for number in [123_456_782, 111_222_333, 999_990_019, 10_000_008] {
            assert!(passes_elfproef(number), "{number}");
        }
        for number in [0, 123_456_783, 999_999_999, 1_234_567_820, 1] {
            assert!(!passes_elfproef(number), "{number}");
        }
        let passing = (100_000_000..100_110_000).filter(|number| passes_elfproef(*number)).count();
        assert_eq!(passing, 10_000, "one in eleven, of those whose rest is below ten");
    }

    #[test]
    fn evidence_and_words_of_a_scan_are_covered_in_their_places() {
        use crate::record::{Document, Problem, Word};
        let mut document =
            Document::unread(Some("BSN 123456782.pdf".into()), "application/pdf", Problem::Empty);
        document.text = "Mijn BSN is 123 456 782 en ik klaag.".into();
        document.words =
            document.text.split(' ').map(|word| Word(1, 0, 0, 1, 1, 1.0, word.to_owned())).collect();
        let extract = Extract { documents: vec![document], ..Extract::default() };
        let all = Bsns::in_extract(&extract);
        let covered = all.cover_extract(&extract).unwrap();
        assert_eq!(covered.documents[0].text, "Mijn BSN is ••• ••• •82 en ik klaag.");
        assert_eq!(covered.documents[0].name.as_deref(), Some("BSN •••••••82.pdf"));
        let words: Vec<&str> = covered.documents[0].words.iter().map(|word| word.6.as_str()).collect();
        assert_eq!(words.join(" "), covered.documents[0].text);
    }

    #[test]
    fn a_hostile_text_costs_no_more_than_its_length() {
        let text =
            "BSN 1 2 3 4 5 6 7 8 9 0 ".repeat(20_000) + &"12345678 ".repeat(20_000) + &"9".repeat(200_000);
        assert_eq!(Bsns::default().cover(&text).chars().count(), text.chars().count());
    }
}
