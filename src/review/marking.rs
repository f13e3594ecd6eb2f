//! The original as text, with the evidence marked: a document → blocks → segments.
//!
//! Invariants: nothing here makes HTML (the templates escape every segment); the segments of a document, put
//! together, are its text (up to the bound of a page, and but for blank blocks), whatever parts or evidence are given; a control or
//! direction character, with which a text could show itself as another, is shown as `�`.

use crate::limits::PAGE_TEXT_CHARS_MAX;
use crate::record::{Document, Finding, Part, PartKind};
use serde::Serialize;

/// A stretch of text with the numbers (from 1) of the findings that rest on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Segment {
    pub text: String,
    pub findings: Vec<usize>,
    /// Evidence that begins here, so that a link from its finding ends at this segment.
    pub begins: Vec<Begin>,
    /// Why the stretch is marked: the sentences of its findings.
    pub why: String,
}

/// The beginning of one piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Begin {
    pub finding: usize,
    /// From 1, in the order of the finding.
    pub evidence: usize,
}

/// A stretch of evidence, in characters of one document.
#[derive(Clone, Copy)]
struct Span {
    begin: usize,
    end: usize,
    finding: usize,
    evidence: usize,
}

/// A stretch of one kind: the writer's own words stand open, what was cited is folded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Block {
    /// `own`, `quote`, `forwarded`, `signature`, `disclaimer`.
    pub kind: &'static str,
    /// Lines, for the summary of a folded block.
    pub lines: usize,
    /// Evidence stands in it: it is then not folded.
    pub marked: bool,
    pub segments: Vec<Segment>,
}

/// A document's text in blocks; `true` when it is longer than a page shows.
pub fn blocks(document: &Document, index: usize, findings: &[Finding]) -> (Vec<Block>, bool) {
    let chars: Vec<char> = document.text.chars().take(PAGE_TEXT_CHARS_MAX + 1).collect();
    let cut = chars.len() > PAGE_TEXT_CHARS_MAX;
    let end = chars.len().min(PAGE_TEXT_CHARS_MAX);
    let mut spans = Vec::new();
    for (finding, given) in findings.iter().enumerate() {
        for (evidence, place) in given.evidence.iter().enumerate() {
            let (begin, stop) = (place.start.min(end), place.end.min(end));
            if place.document == index && begin < stop {
                spans.push(Span { begin, end: stop, finding: finding + 1, evidence: evidence + 1 });
            }
        }
    }
    let blocks = covering(&document.parts, end)
        .into_iter()
        .map(|part| block(&chars, part, &spans, findings))
        .filter(|block| block.segments.iter().any(|segment| !segment.text.trim().is_empty()))
        .collect();
    (blocks, cut)
}

/// Parts that cover `0..end` exactly, whatever was given: a gap is the writer's own.
fn covering(parts: &[Part], end: usize) -> Vec<Part> {
    let mut covered: Vec<Part> = Vec::new();
    let mut at = 0;
    let mut push = |start: usize, stop: usize, kind: PartKind| {
        if start < stop {
            match covered.last_mut() {
                Some(last) if last.kind == kind => last.end = stop,
                _ => covered.push(Part { start, end: stop, kind }),
            }
        }
    };
    for part in parts {
        let start = part.start.clamp(at, end);
        let stop = part.end.clamp(start, end);
        push(at, start, PartKind::Own);
        push(start, stop, part.kind);
        at = stop;
    }
    push(at, end, PartKind::Own);
    covered
}

fn block(chars: &[char], part: Part, spans: &[Span], given: &[Finding]) -> Block {
    // Every place where a mark begins or ends cuts the text.
    let mut cuts = vec![part.start, part.end];
    for span in spans {
        cuts.extend([span.begin, span.end].into_iter().filter(|at| (part.start..part.end).contains(at)));
    }
    cuts.sort_unstable();
    cuts.dedup();
    let mut segments = Vec::new();
    for window in cuts.windows(2) {
        let &[start, stop] = window else { continue };
        let within = || spans.iter().filter(|span| span.begin <= start && stop <= span.end);
        let mut findings: Vec<usize> = within().map(|span| span.finding).collect();
        findings.dedup();
        let begins = within()
            .filter(|span| span.begin == start)
            .map(|span| Begin { finding: span.finding, evidence: span.evidence })
            .collect();
        let why: Vec<&str> = findings
            .iter()
            .filter_map(|number| given.get(number - 1))
            .map(|finding| finding.reason.as_str())
            .filter(|reason| !reason.is_empty())
            .collect();
        let why = why.join(" ");
        segments.push(Segment {
            text: shown(chars.get(start..stop).unwrap_or_default()),
            findings,
            begins,
            why,
        });
    }
    let newlines =
        segments.iter().map(|segment| segment.text.trim_end().matches('\n').count()).sum::<usize>();
    Block {
        kind: match part.kind {
            PartKind::Own => "own",
            PartKind::Quote => "quote",
            PartKind::Forwarded => "forwarded",
            PartKind::Signature => "signature",
            PartKind::Disclaimer => "disclaimer",
        },
        lines: newlines + 1,
        marked: segments.iter().any(|segment| !segment.findings.is_empty()),
        segments,
    }
}

fn shown(chars: &[char]) -> String {
    chars.iter().map(|&c| if misleading(c) { '\u{FFFD}' } else { c }).collect()
}

/// A character that does something to a text instead of standing in it.
fn misleading(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t' | '\r'))
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}')
}

/// A name or subject on one line, without characters that mislead.
pub fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if misleading(c) => '\u{FFFD}',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Evidence, Method};

    fn document(text: &str, parts: Vec<Part>) -> Document {
        Document { parts, ..Document::typed(Method::Body, text) }
    }

    fn finding(spans: &[(usize, usize)]) -> Finding {
        Finding {
            rule: "a/b".into(),
            concludes: "complained_about=uwv".into(),
            weight: 1.0,
            evidence: spans
                .iter()
                .map(|&(start, end)| Evidence { document: 0, start, end, text: String::new() })
                .collect(),
            reason: "omdat".into(),
        }
    }

    fn whole(blocks: &[Block]) -> String {
        blocks.iter().flat_map(|block| &block.segments).map(|segment| segment.text.as_str()).collect()
    }

    #[test]
    fn overlapping_evidence_keeps_the_text_whole() {
        let text = "Het UWV België belt niet terug.";
        let findings = [finding(&[(4, 14)]), finding(&[(8, 20)])];
        let (blocks, cut) = blocks(&document(text, vec![]), 0, &findings);
        assert!(!cut);
        assert_eq!(whole(&blocks), text);
        let marks: Vec<(&str, Vec<usize>)> =
            blocks[0].segments.iter().map(|s| (s.text.as_str(), s.findings.clone())).collect();
        assert_eq!(
            marks,
            [
                ("Het ", vec![]),
                ("UWV ", vec![1]),
                ("België", vec![1, 2]),
                (" belt ", vec![2]),
                ("niet terug.", vec![])
            ]
        );
        assert_eq!(blocks[0].segments[2].begins, [Begin { finding: 2, evidence: 1 }]);
        assert_eq!(blocks[0].segments[1].why, "omdat");
    }

    #[test]
    fn odd_parts_and_evidence_lose_nothing() {
        let text = "Eigen woorden.\n> Aangehaald.\n-- \nNoor";
        let parts = vec![
            Part { start: 15, end: 29, kind: PartKind::Quote },
            Part { start: 10, end: 20, kind: PartKind::Forwarded },
            Part { start: 29, end: 900, kind: PartKind::Signature },
        ];
        let findings = [finding(&[(5, 5), (900, 950), (30, 10), (12, 2000)])];
        let (blocks, _) = blocks(&document(text, parts), 0, &findings);
        assert_eq!(whole(&blocks), text);
        let kinds: Vec<&str> = blocks.iter().map(|block| block.kind).collect();
        assert_eq!(kinds, ["own", "quote", "signature"]);
        assert!(blocks[1].marked);
    }

    #[test]
    fn evidence_of_another_document_is_not_marked_here() {
        let (blocks, _) = blocks(&document("Het UWV.", vec![]), 1, &[finding(&[(4, 7)])]);
        assert!(!blocks[0].marked);
    }

    #[test]
    fn long_and_misleading_texts() {
        let long = "a".repeat(PAGE_TEXT_CHARS_MAX + 10);
        let (blocks_of_long, cut) = blocks(&document(&long, vec![]), 0, &[]);
        assert!(cut);
        assert_eq!(whole(&blocks_of_long).len(), PAGE_TEXT_CHARS_MAX);
        let (odd, _) = blocks(&document("fac\u{202E}fdp.exe\u{0}", vec![]), 0, &[]);
        assert_eq!(whole(&odd), "fac\u{FFFD}fdp.exe\u{FFFD}");
        assert_eq!(one_line("a\nb\u{202E}c"), "a b\u{FFFD}c");
    }
}
