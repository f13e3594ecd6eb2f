//! Evidence on the page: characters of a document's text → boxes around its words on the page images.
//!
//! The text of a scan is its words in order with blanks between them, tidied; so each word is found in the text behind
//! the one before. Invariant: pure; a word that cannot be found again has no box, and costs no other word its own.

use crate::limits::PAGE_TEXT_CHARS_MAX;
use crate::record::{Document, Finding, Word};
use serde::Serialize;
use std::ops::Range;

/// Characters within which a word is looked for behind the one before: what tidying took away between them is less.
const WINDOW: usize = 400;

/// One box on a page image, in its pixels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BoxView {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
    /// The sentence of its finding, and its number, from 1.
    pub why: String,
    pub finding: usize,
    #[serde(skip)]
    pub page: u32,
}

/// The boxes of all evidence in this document, in the order of the findings. Words beside each other share one.
pub fn boxes(document: &Document, index: usize, findings: &[Finding]) -> Vec<BoxView> {
    let mut boxes: Vec<BoxView> = Vec::new();
    if document.words.is_empty() {
        return boxes;
    }
    let places = places(document);
    for (number, finding) in findings.iter().enumerate() {
        for evidence in finding.evidence.iter().filter(|evidence| evidence.document == index) {
            let mut last: Option<BoxView> = None;
            for (word, place) in document.words.iter().zip(&places) {
                let Some(place) = place else { continue };
                if place.end <= evidence.start || evidence.end <= place.start {
                    continue;
                }
                let next = around(word, &finding.reason, number + 1);
                last = match last {
                    Some(before) if beside(&before, &next) => Some(union(&before, &next)),
                    Some(before) => {
                        boxes.push(before);
                        Some(next)
                    }
                    None => Some(next),
                };
            }
            boxes.extend(last);
        }
    }
    boxes
}

/// Where each word stands in the text, in characters.
fn places(document: &Document) -> Vec<Option<Range<usize>>> {
    let text: Vec<char> = document.text.chars().take(PAGE_TEXT_CHARS_MAX).collect();
    let mut at = 0;
    let found = document.words.iter().map(|word| {
        let wanted: Vec<char> = word.6.replace('ĳ', "ij").replace('Ĳ', "IJ").chars().collect();
        if wanted.is_empty() {
            return None;
        }
        let end = text.len().min(at + WINDOW);
        let start = (at..end).find(|&start| text[start..].starts_with(&wanted))?;
        at = start + wanted.len();
        Some(start..at)
    });
    found.collect()
}

/// A little air around the word.
fn around(Word(page, x, y, width, height, ..): &Word, why: &str, finding: usize) -> BoxView {
    let air = (height / 6).max(1);
    BoxView {
        finding,
        x: x.saturating_sub(air),
        y: y.saturating_sub(air),
        width: width + 2 * air,
        height: height + 2 * air,
        why: why.to_owned(),
        page: *page,
    }
}

/// Next to each other on one line?
fn beside(one: &BoxView, other: &BoxView) -> bool {
    let middle = other.y + other.height / 2;
    one.page == other.page
        && (one.y..one.y + one.height).contains(&middle)
        && other.x >= one.x
        && other.x <= one.x + one.width + 2 * one.height
}

fn union(one: &BoxView, other: &BoxView) -> BoxView {
    let (x, y) = (one.x.min(other.x), one.y.min(other.y));
    let right = (one.x + one.width).max(other.x + other.width);
    let bottom = (one.y + one.height).max(other.y + other.height);
    BoxView {
        x,
        y,
        width: right - x,
        height: bottom - y,
        why: one.why.clone(),
        finding: one.finding,
        page: one.page,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Evidence, Method};

    fn scanned(text: &str, words: &[(u32, u32, u32, &str)]) -> Document {
        Document {
            name: None,
            media_type: "application/pdf".into(),
            method: Method::Ocr,
            pages: Some(1),
            confidence: Some(0.9),
            text: text.into(),
            problem: None,
            parts: vec![],
            words: words
                .iter()
                .map(|&(page, x, y, word)| {
                    Word(page, x, y, 10 * word.chars().count() as u32, 12, 90.0, word.into())
                })
                .collect(),
            page_sizes: vec![],
            blank_pages: 0,
        }
    }

    fn finding(start: usize, end: usize) -> Finding {
        Finding {
            rule: "a/b".into(),
            concludes: "x=y".into(),
            weight: 1.0,
            evidence: vec![Evidence { document: 0, start, end, text: String::new() }],
            reason: "omdat".into(),
        }
    }

    #[test]
    fn evidence_gets_one_box_a_line() {
        let document = scanned(
            "Het UWV belt\nniet terug.",
            &[
                (1, 0, 0, "Het"),
                (1, 40, 0, "UWV"),
                (1, 80, 0, "belt"),
                (2, 0, 40, "niet"),
                (2, 50, 40, "terug."),
            ],
        );
        let boxes = boxes(&document, 0, &[finding(4, 17)]);
        let told: Vec<_> = boxes.iter().map(|one| (one.page, one.x, one.y, one.width, one.height)).collect();
        assert_eq!(told, [(1, 38, 0, 84, 16), (2, 0, 38, 44, 16)]);
        assert_eq!(boxes[0].why, "omdat");
    }

    #[test]
    fn a_word_that_the_text_lost_costs_no_other() {
        let document = scanned(
            "mĳn huis".replace('ĳ', "ij").as_str(),
            &[(1, 0, 0, "mĳn"), (1, 40, 0, "|||"), (1, 80, 0, "huis")],
        );
        assert_eq!(places(&document), [Some(0..4), None, Some(5..9)]);
        assert!(boxes(&document, 1, &[finding(0, 9)]).is_empty());
    }
}
