//! Rules and texts that mean harm, or just went wrong: they cost work in proportion to their length, counted and not
//! timed, and what people would read as the same word is the same word.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the failure that is wanted")]

#[path = "support/letter.rs"]
mod letter;

use bode::config;
use bode::record::{Channel, Judgement, Scope};
use bode::triage::{Ruleset, judge};
use letter::letter;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

fn delivered() -> &'static Ruleset {
    static RULES: OnceLock<Ruleset> = OnceLock::new();
    RULES.get_or_init(|| Ruleset::load(Path::new("rules")).unwrap_or_else(|faults| panic!("{faults}")))
}

fn judged(rules: &Ruleset, text: &str) -> Judgement {
    let office = config::load(Path::new("config/den-haag.toml")).unwrap().office;
    judge(&letter(text), Channel::Letter, "2026-06-01".parse().unwrap(), &office, rules)
}

fn work(rules: &Ruleset, text: &str) -> usize {
    rules.work(&letter(text), Channel::Letter, "2026-06-01".parse().unwrap())
}

/// The same line without an end.
fn repeated(unit: &str, bytes: usize) -> String {
    unit.repeat(bytes / unit.len())
}

#[test]
fn work_grows_with_the_length_only() {
    let rules = delivered();
    for unit in [
        "UWV ",
        "uwvuwvuwv",
        "\u{202e}u\u{200b}w\u{200f}v ",
        "gemеente klacht over niet ",
        "Ik heb een klacht over de gemeente en het UWV en niemand belt terug op 3 maart 2024. ",
        "> > > klacht\n",
        "2026 2025 2024 ",
        "klacht over niet ",
        "abcdefghij",
    ] {
        let (small, large) =
            (work(rules, &repeated(unit, 64 * 1024)), work(rules, &repeated(unit, 1024 * 1024)));
        // Sixteen times the text; a little more where sentences are cut otherwise.
        assert!(large <= small * 18, "{unit:?}: {small} for 64 kB, {large} for 1 MB");
        let a_byte = large / (1024 * 1024);
        assert!(a_byte <= 1_500, "{unit:?}: each byte is looked at {a_byte} times");
    }
}

#[test]
fn a_megabyte_of_one_word_is_judged() {
    let judgement = judged(delivered(), &repeated("UWV ", 1024 * 1024));
    assert!(judgement.findings.len() <= bode::limits::FINDINGS_MAX);
    assert!(
        judgement
            .findings
            .iter()
            .all(|finding| finding.evidence.len() <= 64 || !finding.rule.starts_with("organisations"))
    );
}

#[test]
fn what_people_read_as_the_same_word_is_the_same() {
    let rules = delivered();
    let plain = "Ik heb een klacht over het UWV. Het UWV belt mij nooit terug en zij hangen steeds op.";
    assert_eq!(judged(rules, plain).complained_about, ["uwv"]);
    for (what, name) in [
        ("zero width", "U\u{200b}W\u{200d}V"),
        ("joiners and a mark of order", "\u{feff}U\u{2060}W\u{2060}V"),
        ("right to left", "\u{202e}UWV\u{202c}"),
        ("soft hyphens", "U\u{ad}W\u{ad}V"),
        ("full width", "ＵＷＶ"),
        ("one Cyrillic letter", "UW\u{474}"),
        ("Cyrillic and Armenian letters only", "\u{54d}\u{51c}\u{474}"),
        ("mathematical letters", "𝐔𝐖𝐕"),
        ("letters in circles", "ⓊⓌⓋ"),
        ("accents that were added", "U\u{301}WV\u{308}"),
    ] {
        let text = plain.replace("UWV", name);
        assert_eq!(judged(rules, &text).complained_about, ["uwv"], "{what}");
    }
    // A name that counts only in capitals keeps them under the same dress.
    let duo = "Ik heb een klacht over DUO. DUO belt mij nooit terug.";
    for name in ["DUO", "D\u{200b}UO", "ＤＵＯ", "DU\u{41e}"] {
        assert_eq!(judged(rules, &duo.replace("DUO", name)).complained_about, ["duo"], "{name:?}");
    }
    // A Russian sentence stays Russian.
    assert_eq!(judged(rules, "Это письмо на русском языке о моей жалобе и больше ни о чём.").language, "ru");
}

#[test]
fn text_of_any_bytes_is_judged() {
    let rules = delivered();
    let no_newline = repeated("abcdefghij", 300_000);
    let one_word = repeated("klacht over niet ", 240_000);
    let marks = repeated("\u{200f}\u{202e}\u{2066}", 100_000);
    let nothing = repeated("\u{200b}", 100_000);
    let towers = repeated("a\u{301}\u{302}\u{303}\u{304}\u{305}", 100_000);
    for text in [no_newline, one_word, marks, nothing, towers, "\0\u{1}\u{fffd}".repeat(1_000)] {
        assert_ne!(judged(rules, &text).scope, Scope::Out);
    }
}

/// A copy of the rules with one more rule.
fn with_pattern(pattern: &str) -> Result<Ruleset, String> {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir("rules").unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let path = dir.path().join("multiple.toml");
    let rule = format!(
        "\n[[rule]]\nid = \"proef\"\nconcludes = \"multiple=two\"\nreason = \"Een proef.\"\nany = ['{pattern}']\nfires = [\"x\"]\nnot = [\"y\"]\n"
    );
    fs::write(&path, fs::read_to_string(&path).unwrap() + &rule).unwrap();
    Ruleset::load(dir.path()).map_err(|faults| faults.to_string())
}

#[test]
fn a_rule_cannot_cost_more_than_its_length() {
    let words: Vec<String> = (0..1_000).map(|n| format!("woord{n}")).collect();
    let long = format!("({})", words.join("|"));
    assert!(long.len() > 8_000);
    let text = repeated("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa! ", 200_000);
    for pattern in [long.as_str(), "(a+)+b", "(a|aa)+(a|aa)+c", "(.*)(.*)(.*)(.*)d", "a{1,60}a{1,60}e"] {
        let rules = with_pattern(pattern).unwrap_or_else(|faults| panic!("{faults}"));
        judged(&rules, &text);
    }
    for (pattern, part) in [
        ("((a{1,200}){1,200}){1,200}", "te groot"),
        ("(a{1,1000}){1,1000}", "te groot"),
        ("(((((((", "haakjes"),
    ] {
        let faults = with_pattern(pattern).unwrap_err();
        assert!(faults.contains("multiple.toml:") && faults.contains(part), "{pattern}: {faults}");
    }
}
