//! What a journal tells, read here without the code that is under test.

use crate::journal::segments;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The state of a case's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Waits,
    Sent,
    /// Held, withheld or failed: nothing goes out by itself.
    Still,
}

#[derive(Debug, Default)]
pub struct Story {
    /// Digest of a piece → its numbers; more than one is a piece that was doubled.
    pub registered: BTreeMap<String, Vec<String>>,
    /// Number of a piece → what it became, as often as it did.
    pub became: BTreeMap<String, Vec<String>>,
    /// Case → the piece that opened it.
    pub opened: BTreeMap<String, String>,
    /// Piece → its case.
    pub case_of: BTreeMap<String, String>,
    pub answers: BTreeMap<String, Answer>,
    /// Stack → its letters.
    pub divided: BTreeMap<String, Vec<String>>,
    pub entries: usize,
}

impl Story {
    /// Of the store, as far as whole lines stand there. A line that is being written is left for the next look.
    pub fn of(store: &Path) -> Self {
        let segments = segments(store);
        let mut story = Self::default();
        for segment in segments {
            let bytes = std::fs::read(segment).unwrap_or_default();
            let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            for line in bytes[..whole].split(|byte| *byte == b'\n').filter(|line| line.len() > 65) {
                if let Ok(entry) = serde_json::from_slice::<Value>(&line[65..]) {
                    story.tell(&entry["what"]);
                }
            }
        }
        story
    }

    fn tell(&mut self, what: &Value) {
        self.entries += 1;
        let text = |key: &str| what[key].as_str().unwrap_or_default().to_owned();
        let (event, record, case) = (text("event"), text("record"), text("case"));
        match event.as_str() {
            "registered" => self.registered.entry(text("digest")).or_default().push(record),
            "opened" | "joined" | "came-back" | "set-aside" | "divided" => {
                if event == "opened" {
                    self.opened.insert(case.clone(), record.clone());
                }
                if !case.is_empty() {
                    self.case_of.insert(record.clone(), case.clone());
                }
                match what["answer"]["outcome"].as_str() {
                    Some("send") => drop(self.answers.insert(case, Answer::Waits)),
                    Some(_) if event == "opened" => drop(self.answers.insert(case, Answer::Still)),
                    _ => {}
                }
                if event == "divided" {
                    let letters = what["divided"]["letters"].as_array().into_iter().flatten();
                    let letters = letters.filter_map(|letter| letter.as_str().map(str::to_owned)).collect();
                    self.divided.insert(record.clone(), letters);
                }
                self.became.entry(record).or_default().push(event);
            }
            "answer-sent" => drop(self.answers.insert(case, Answer::Sent)),
            "answer-failed" | "answer-withheld" => drop(self.answers.insert(case, Answer::Still)),
            "answer-released" => drop(self.answers.insert(case, Answer::Waits)),
            _ => {}
        }
    }

    /// Is it a letter of a stack?
    pub fn is_of_run(&self, record: &str) -> bool {
        self.divided.values().flatten().any(|letter| letter == record)
    }

    /// Is every piece of these digests registered and judged, and every answer that may go out gone?
    pub fn is_done_with(&self, digests: &BTreeSet<String>) -> bool {
        digests.iter().all(|digest| self.registered.contains_key(digest))
            && self.registered.values().flatten().all(|record| self.became.contains_key(record))
            && self.answers.values().all(|answer| *answer != Answer::Waits)
    }
}
