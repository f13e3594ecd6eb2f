//! Rules as staff write them (`rules/*.toml`), read into tables: what a rule concludes, why, where it
//! looks, and the examples that hold it.
//!
//! Invariant: a rule set is used only when it has no fault; all faults are told at once, with file, line,
//! column and, in Dutch, what to do.

use super::pattern::{Pattern, WordLists};
use super::reading::{Place, Reading, Sentence, sentences_of};
use crate::record::{distance, nearest};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;
use toml::Spanned;

/// Own sentences at the start in which writers say what it is about.
const OPENING_SENTENCES: usize = 4;
/// Own sentences at the end in which writers say what they want.
const CLOSING_SENTENCES: usize = 5;

/// One fault in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFault {
    pub file: String,
    pub line: usize,
    pub column: usize,
    /// In Dutch.
    pub message: String,
}

/// Every fault of a rule set.
#[derive(Clone, Debug, thiserror::Error)]
pub struct RuleFaults(pub Vec<RuleFault>);

impl fmt::Display for RuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

impl fmt::Display for RuleFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Where a rule looks. Names of the rule files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Where {
    Subject,
    Own,
    Opening,
    Closing,
    Attachment,
    Letterhead,
    Forwarded,
    Quote,
    Signature,
    Disclaimer,
    /// The name of the sender, which is no sentence; the file of the label looks at it.
    Sender,
    Everywhere,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// `file/id`.
    pub id: String,
    /// The label it bears on: `urgent`.
    pub label: String,
    /// The value it concludes: `true`.
    pub value: String,
    /// One Dutch sentence.
    pub reason: String,
    pub weight: f64,
    pub places: Vec<Where>,
    /// One of these must match.
    pub any: Vec<Pattern>,
    /// One of these must match in the same sentence, if there are any.
    pub with: Vec<Pattern>,
    /// None of these may match in the same sentence.
    pub unless: Vec<Pattern>,
    pub fires: Vec<String>,
    pub not: Vec<String>,
    /// Line in its file, from 1, for messages.
    pub line: usize,
}

/// What the file may hold, as JSON Schema.
pub(super) fn schema() -> serde_json::Value {
    crate::record::schema_of::<RawFile>("rules")
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    #[allow(dead_code, reason = "a word for the reader of the file")]
    about: Option<String>,
    #[serde(default)]
    rule: Vec<RawRule>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawRule {
    #[schemars(with = "String")]
    id: Spanned<String>,
    #[schemars(with = "String")]
    concludes: Spanned<String>,
    #[schemars(with = "String")]
    reason: Spanned<String>,
    #[serde(default = "one")]
    weight: f64,
    #[serde(default = "own_words", rename = "where")]
    places: Vec<Where>,
    #[schemars(with = "Vec<String>")]
    any: Vec<Spanned<String>>,
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    with: Vec<Spanned<String>>,
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    unless: Vec<Spanned<String>>,
    #[serde(default)]
    fires: Vec<String>,
    #[serde(default)]
    not: Vec<String>,
}

fn one() -> f64 {
    1.0
}

fn own_words() -> Vec<Where> {
    vec![Where::Subject, Where::Own]
}

impl Rule {
    /// May the rule look at this sentence?
    pub fn looks_at(&self, reading: &Reading<'_>, sentence: &Sentence<'_>) -> bool {
        self.places.iter().any(|place| match place {
            Where::Everywhere => true,
            Where::Subject => sentence.place == Place::Subject,
            Where::Own => sentence.place == Place::Own,
            Where::Opening => reading.is_opening(sentence, OPENING_SENTENCES),
            Where::Closing => reading.is_closing(sentence, CLOSING_SENTENCES),
            Where::Letterhead => reading.is_letterhead(sentence),
            Where::Attachment => sentence.place == Place::Attachment,
            Where::Forwarded => sentence.place == Place::Forwarded,
            Where::Quote => sentence.place == Place::Quote,
            Where::Signature => sentence.place == Place::Signature,
            Where::Disclaimer => sentence.place == Place::Disclaimer,
            Where::Sender => false,
        })
    }

    /// The first match in a folded sentence, if the rule's conditions hold there.
    pub fn find(&self, text: &str) -> Option<std::ops::Range<usize>> {
        let patterns = self.any.iter();
        let found = patterns.filter_map(|pattern| pattern.find(text)).min_by_key(|found| found.start)?;
        let holds = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.is_match(text));
        if (!self.with.is_empty() && !holds(&self.with)) || holds(&self.unless) {
            return None;
        }
        Some(found)
    }

    /// Does the rule fire on an example, wherever it looks?
    pub fn fires_on(&self, example: &str) -> bool {
        sentences_of(example).iter().any(|text| self.find(text).is_some())
    }
}

/// Line and column, from 1, of a byte offset.
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// The lines of a text, asked from its beginning on: each line end is counted once.
#[derive(Debug)]
pub struct Lines<'t> {
    text: &'t str,
    offset: usize,
    line: usize,
}

impl<'t> Lines<'t> {
    pub fn of(text: &'t str) -> Self {
        Self { text, offset: 0, line: 1 }
    }

    /// The line, from 1, of a byte offset.
    pub fn at(&mut self, offset: usize) -> usize {
        match self.text.get(self.offset..offset) {
            Some(between) => self.line += between.bytes().filter(|byte| *byte == b'\n').count(),
            // Before the one that was asked last.
            None => self.line = position(self.text, offset).0,
        }
        self.offset = offset;
        self.line
    }
}

/// A fault at a byte offset of a file.
pub fn fault_at(file: &str, text: &str, offset: usize, message: impl Into<String>) -> RuleFault {
    let (line, column) = position(text, offset);
    RuleFault { file: file.to_owned(), line, column, message: message.into() }
}

/// Reads TOML, or tells the fault in Dutch.
pub fn read_toml<T: serde::de::DeserializeOwned>(file: &str, text: &str) -> Result<T, RuleFault> {
    toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        fault_at(file, text, offset, in_dutch(error.message()))
    })
}

fn in_dutch(message: &str) -> String {
    let message = message.trim();
    if let Some(rest) = message.strip_prefix("unknown field ") {
        return unknown("Deze naam ken ik niet", rest);
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        return format!("Hier ontbreekt {rest}.");
    }
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        return unknown("Deze waarde ken ik niet", rest);
    }
    if message.starts_with("duplicate key") {
        return "Deze naam staat hier twee keer.".to_owned();
    }
    if let Some(rest) = message.strip_prefix("invalid type: ") {
        let (got, wanted) = rest.split_once(", expected ").unwrap_or((rest, ""));
        let wanted = match wanted {
            "a sequence" => "een lijst: [\"…\", \"…\"]",
            "a string" => "een tekst tussen aanhalingstekens",
            "f64" => "een getal, zoals 2.5",
            other => other,
        };
        return format!("Hier hoort {wanted} (er staat: {got}).");
    }
    format!("Dit kan ik niet lezen als TOML ({message}). Let op aanhalingstekens, haakjes en komma's.")
}

/// An unknown name with the known ones, and which of them was meant.
fn unknown(what: &str, rest: &str) -> String {
    let (name, allowed) = rest.split_once(", expected ").unwrap_or((rest, ""));
    let meant = nearest(name.trim_matches('`'), allowed.split('`').skip(1).step_by(2));
    format!("{what}: {name}.{meant} Toegestaan: {}.", allowed.trim_start_matches("one of "))
}

/// What rules conclude something on. A typing error in one would make a rule that never has an effect.
const RULE_LABELS: &[&str] = &[
    "anonymous",
    "automatic",
    "complained",
    "elsewhere",
    "follow_up",
    "head",
    "kind",
    "letter",
    "multiple",
    "none",
    "older_than_year",
    "on_behalf",
    "part",
    "refers",
    "residence",
    "role",
    "several",
    "story",
    "target",
    "tone",
    "urgent",
];

/// Letters in which a value may differ from another to be taken for a typing error of it.
const TYPO_LETTERS: usize = 2;

/// Conclusions that look like a typing error: a label that is nearly one of ours, or a value that one rule has and that is
/// nearly one that others have.
fn typos(file: &str, text: &str, concluded: &[(String, usize)], faults: &mut Vec<RuleFault>) {
    for (concludes, offset) in concluded {
        let (label, value) = concludes.split_once('=').unwrap_or((concludes, "true"));
        let meant = nearest(label, RULE_LABELS.iter().copied());
        if !RULE_LABELS.contains(&label.trim()) && !meant.is_empty() {
            let message = format!("Het label “{label}” ken ik niet.{meant}");
            faults.push(fault_at(file, text, *offset, message));
            continue;
        }
        let times = |wanted: &str| concluded.iter().filter(|(other, _)| other == wanted).count();
        if times(concludes) > 1 {
            continue;
        }
        let meant = concluded.iter().find(|(other, _)| {
            let Some((other_label, other_value)) = other.split_once('=') else { return false };
            other_label == label
                && other_value != value
                && value.len() > 4
                && distance(other_value, value) <= TYPO_LETTERS
                && !other_value.ends_with(value)
                && !value.ends_with(other_value)
                && times(other) > 1
        });
        if let Some((meant, _)) = meant {
            let message = format!("“{concludes}” komt nergens anders voor. Bedoelt u “{meant}”?");
            faults.push(fault_at(file, text, *offset, message));
        }
    }
}

/// Reads the `[[rule]]` tables of one file. `name` is the file without its ending.
pub fn read_rules(
    file: &str,
    name: &str,
    text: &str,
    lists: &WordLists,
    faults: &mut Vec<RuleFault>,
) -> Vec<Rule> {
    let raw: RawFile = match read_toml(file, text) {
        Ok(raw) => raw,
        Err(fault) => {
            faults.push(fault);
            return Vec::new();
        }
    };
    let mut rules: Vec<Rule> = Vec::with_capacity(raw.rule.len());
    let concluded: Vec<(String, usize)> =
        raw.rule.iter().map(|rule| (rule.concludes.get_ref().clone(), rule.concludes.span().start)).collect();
    typos(file, text, &concluded, faults);
    let mut lines = Lines::of(text);
    for raw in raw.rule {
        let at = raw.id.span().start;
        let id = format!("{name}/{}", raw.id.get_ref());
        let mut fault = |offset: usize, message: String| faults.push(fault_at(file, text, offset, message));
        if rules.iter().any(|rule| rule.id == id) {
            fault(at, format!("De naam {id} staat er twee keer in."));
        }
        if raw.reason.get_ref().trim().is_empty() {
            fault(raw.reason.span().start, format!("De regel {id} heeft geen reden."));
        }
        let concludes = raw.concludes.get_ref();
        let (label, value) = concludes.split_once('=').unwrap_or_else(|| {
            fault(raw.concludes.span().start, "Schrijf de gevolgtrekking als label=waarde.".into());
            (concludes, "true")
        });
        if raw.any.is_empty() {
            fault(at, format!("De regel {id} heeft geen patroon."));
        }
        if raw.fires.is_empty() || raw.not.is_empty() {
            fault(
                at,
                format!(
                    "De regel {id} heeft een voorbeeld nodig dat hem laat werken (fires) en een dat erop lijkt en niet mag (not)."
                ),
            );
        }
        let mut compile = |written: Vec<Spanned<String>>| -> Vec<Pattern> {
            written
                .into_iter()
                .filter_map(|one| {
                    Pattern::compile(one.get_ref(), lists)
                        .map_err(|message| faults.push(fault_at(file, text, one.span().start, message)))
                        .ok()
                })
                .collect()
        };
        let (any, with, unless) = (compile(raw.any), compile(raw.with), compile(raw.unless));
        rules.push(Rule {
            id,
            label: label.trim().to_owned(),
            value: value.trim().to_owned(),
            reason: raw.reason.into_inner(),
            weight: raw.weight,
            places: raw.places,
            any,
            with,
            unless,
            fires: raw.fires,
            not: raw.not,
            line: lines.at(at),
        });
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_their_positions_whatever_is_asked_first() {
        let text = "een\nté\n\nvier\n";
        let mut lines = Lines::of(text);
        for offset in [0, 3, 4, 7, 8, 9, 13, 2, 13, 0, 99] {
            assert_eq!(lines.at(offset), position(text, offset).0, "{offset}");
        }
        assert_eq!(Lines::of(text).at(9), 4);
    }
}
