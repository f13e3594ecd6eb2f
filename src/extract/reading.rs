//! The documents of one piece, in the order in which they are found, each begun, read and finished.
//!
//! Invariant: a document is announced before a byte of it is parsed, so that the daemon knows which one to
//! blame; the same piece always gives the same documents in the same order, so that a second worker can go on
//! where the first one died: it opens what was finished for the files within, but does not read it again. Nothing
//! grows past `limits`.

use super::budget::Budget;
use super::clamd::Verdict;
use super::frame::{Behind, Finished, Helped, Leaf, Tell};
use super::paper::ocr::{Engine, EngineError};
use super::sniff::Kind;
use crate::limits::{DOCUMENT_CHARS_MAX, DOCUMENTS_MAX, PIECE_BYTES_MAX};
use crate::record::{Document, Message, Method, PageSize, Part, PartKind, Problem, Word};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Where news of the reading goes: the pipe to the daemon, or memory in tests.
pub(super) trait Outlet {
    fn tell(&mut self, tell: &Tell, body: &[u8]) -> io::Result<()>;

    /// Has some bytes looked at by the virus scanner, which only the daemon can reach.
    fn check(&mut self, _bytes: &[u8]) -> io::Result<Verdict> {
        Ok(Verdict::Clean)
    }

    /// Asks the daemon about a page: whether a helper read it, or which one to read as a helper.
    fn helped(&mut self, _question: &Tell) -> io::Result<(Helped, Vec<u8>)> {
        Ok((Helped { page: 0 }, Vec::new()))
    }
}

/// What one document yielded.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub method: Method,
    pub pages: Option<u32>,
    pub confidence: Option<f32>,
    pub text: String,
    pub problem: Option<Problem>,
    pub parts: Vec<Part>,
    pub words: Vec<Word>,
    pub page_sizes: Vec<PageSize>,
    /// Pages without anything on them.
    pub blank_pages: u32,
    /// For staff, in Dutch.
    pub notes: Vec<(Problem, String)>,
}

impl Content {
    /// Text that needed no recognition.
    pub fn of(method: Method, text: String) -> Self {
        Self {
            method,
            pages: None,
            confidence: None,
            text,
            problem: None,
            parts: Vec::new(),
            words: Vec::new(),
            page_sizes: Vec::new(),
            blank_pages: 0,
            notes: Vec::new(),
        }
    }

    /// No text, for a reason that staff read.
    pub fn unread(problem: Problem, explanation: impl Into<String>) -> Self {
        let mut content = Self::of(Method::None, String::new());
        content.problem = Some(problem);
        content.notes.push((problem, explanation.into()));
        content
    }
}

/// A file found within another one: its name there, and its bytes.
pub(super) type Held = (String, Vec<u8>);

/// The reading of one piece.
pub(super) struct Reading<'a> {
    outlet: &'a mut dyn Outlet,
    engine: &'a mut Engine,
    behind: Behind,
    next: usize,
    /// The document that was announced last.
    current: usize,
    /// What this piece may still grow to.
    pub budget: Budget,
    /// Keep words with their boxes.
    pub words: bool,
    /// Have every document looked at by the virus scanner: something harmful is suspected in the piece.
    pub check: bool,
    /// Other workers may help with pages, and now do.
    pub shared: bool,
    helped: bool,
    notes: Vec<(Problem, String)>,
    fault: Option<Fault>,
    /// The document whose file is looked for, and that file.
    sought: Option<usize>,
    found: Option<(Kind, Vec<u8>)>,
}

/// What stops the reading itself; never the letter's doing.
#[derive(Debug)]
pub(super) enum Fault {
    Engine(EngineError),
    /// The daemon is gone.
    Outlet(io::Error),
}

impl<'a> Reading<'a> {
    pub fn new(outlet: &'a mut dyn Outlet, engine: &'a mut Engine, behind: Behind, words: bool) -> Self {
        Self {
            outlet,
            engine,
            behind,
            next: 0,
            current: 0,
            budget: Budget::new(),
            words,
            check: false,
            shared: false,
            helped: false,
            notes: Vec::new(),
            fault: None,
            sought: None,
            found: None,
        }
    }

    /// Reads nothing: goes through the piece for the file that is this document.
    pub fn seeking(outlet: &'a mut dyn Outlet, engine: &'a mut Engine, document: usize) -> Self {
        let behind = Behind { finished: (0..DOCUMENTS_MAX).collect(), ..Behind::default() };
        Self { sought: Some(document), ..Self::new(outlet, engine, behind, false) }
    }

    /// Here is the file of the next document.
    pub fn at(&mut self, kind: Kind, bytes: &[u8]) {
        if self.sought == Some(self.next) {
            self.found.get_or_insert_with(|| (kind, bytes.to_vec()));
        }
    }

    /// What was sought.
    pub fn found(self) -> Option<(Kind, Vec<u8>)> {
        self.found
    }

    /// Tells the header of the message, as soon as it is known.
    pub fn header(&mut self, message: &Message) {
        let body = serde_json::to_vec(message).unwrap_or_default();
        self.tell(&Tell::Header, &body);
    }

    /// Something staff must know about the piece as a whole, in Dutch.
    pub fn note(&mut self, problem: Problem, explanation: impl Into<String>) {
        self.notes.push((problem, explanation.into()));
    }

    /// Announces a document, reads it and hands it over. A panic in `read` costs this document only.
    pub fn document(
        &mut self,
        name: Option<&str>,
        media_type: &str,
        read: impl FnOnce(&mut Reading<'_>) -> Content,
    ) {
        if let Some(index) = self.next_index()
            && !self.behind.finished.contains(&index)
            && !self.behind.lost.contains(&index)
        {
            self.announce(index, name, media_type);
            self.read(index, name, media_type, read);
        }
    }

    /// As [`Reading::document`], of a file that may hold other files: `open` finds them, and the caller reads them as
    /// documents of their own after this one. It is called before anything else is read, and again by a second
    /// worker that passes over this document because the first one finished it; so it must look at nothing but the
    /// bytes, and leave alone what takes long. Gives nothing when the document is not opened.
    pub fn container<T>(
        &mut self,
        name: Option<&str>,
        media_type: &str,
        open: impl FnOnce() -> T,
        read: impl FnOnce(&mut Reading<'_>, &T) -> Content,
    ) -> Option<T> {
        let index = self.next_index()?;
        if self.behind.lost.contains(&index) {
            return None;
        }
        let open = AssertUnwindSafe(open);
        if self.behind.finished.contains(&index) {
            return catch_unwind(open).ok();
        }
        self.announce(index, name, media_type);
        match catch_unwind(open) {
            Ok(within) => {
                self.tell(&Tell::Opened { index }, b"");
                self.read(index, name, media_type, |reading| read(reading, &within));
                Some(within)
            }
            Err(_) => {
                self.finish(index, name, media_type, stuck(name));
                None
            }
        }
    }

    /// The place of the next document; `None` when no more are read.
    fn next_index(&mut self) -> Option<usize> {
        if self.fault.is_some() {
            return None;
        }
        let index = self.next;
        if index >= DOCUMENTS_MAX {
            let told = format!("Er zitten meer dan {DOCUMENTS_MAX} bijlagen in; de rest is niet gelezen.");
            if !self.notes.iter().any(|(_, note)| *note == told) {
                self.note(Problem::TooLarge, told);
            }
            return None;
        }
        self.next += 1;
        Some(index)
    }

    fn announce(&mut self, index: usize, name: Option<&str>, media_type: &str) {
        self.current = index;
        self.helped = false;
        let begins = Tell::Begins { index, name: name.map(str::to_owned), media_type: media_type.to_owned() };
        self.tell(&begins, b"");
    }

    fn read(
        &mut self,
        index: usize,
        name: Option<&str>,
        media_type: &str,
        read: impl FnOnce(&mut Reading<'_>) -> Content,
    ) {
        let content = match catch_unwind(AssertUnwindSafe(|| read(self))) {
            Ok(content) => content,
            Err(_) => {
                // The recogniser may have been in the middle of something: the next page gets a new one.
                self.engine.forget();
                stuck(name)
            }
        };
        self.finish(index, name, media_type, content);
    }

    fn finish(&mut self, index: usize, name: Option<&str>, media_type: &str, mut content: Content) {
        // What was no file on its own, such as the text of a message, is looked at now.
        if !content.text.is_empty()
            && let Some(locked) = self.harm(name, content.text.as_bytes())
        {
            content = locked;
        }
        if self.fault.is_some() {
            return;
        }
        let finished = finished(name.map(str::to_owned), media_type, content);
        let body = serde_json::to_vec(&finished).unwrap_or_default();
        self.tell(&Tell::Finished { index }, &body);
    }

    /// Is this file harmful? What then stands in place of its text: it is not parsed. `None`: it may be read.
    pub fn harm(&mut self, name: Option<&str>, bytes: &[u8]) -> Option<Content> {
        if !self.check || self.fault.is_some() {
            return None;
        }
        match self.outlet.check(bytes) {
            Ok(Verdict::Clean) => None,
            Ok(Verdict::Infected(signature)) => Some(Content::unread(
                Problem::Malware,
                format!(
                    "{} bevat een virus of iets anders dat schadelijk is ({signature}). Het is niet gelezen en staat op slot.",
                    called(name)
                ),
            )),
            Ok(Verdict::TooLarge) => {
                self.note(
                    Problem::TooLarge,
                    format!("{} is te groot om op virussen te controleren: pas ermee op.", called(name)),
                );
                None
            }
            Err(error) => {
                self.fault = Some(Fault::Outlet(error));
                None
            }
        }
    }

    /// A page is about to be recognised: it brings its own time.
    pub fn page_begins(&mut self) {
        self.tell(&Tell::Page, b"");
    }

    /// The pages of the document up to `page` are dealt with, of `of`. Page 0, without a leaf, says that pages
    /// will follow.
    pub fn page_done(&mut self, page: u32, of: u32, leaf: Option<&Leaf>) {
        if of > 1 {
            let body = leaf.map(|leaf| serde_json::to_vec(leaf).unwrap_or_default()).unwrap_or_default();
            self.tell(&Tell::PageDone { page, of }, &body);
        }
    }

    /// Pages of the document that an earlier worker dealt with.
    pub fn pages_behind(&self) -> u32 {
        self.behind.half.filter(|&(index, _)| index == self.current).map_or(0, |(_, page)| page)
    }

    /// A page of the document is about to be recognised: those after it, of `of`, are for whoever is free.
    pub fn share(&mut self, page: u32, of: u32, document: &[u8]) {
        if self.shared && !self.helped && page < of && document.len() as u64 <= PIECE_BYTES_MAX {
            self.tell(&Tell::Share { page, of }, document);
            self.helped = true;
        }
    }

    /// What another worker made of this page; `None` when this one is to read it.
    pub fn page_of_other(&mut self, page: u32) -> Option<Leaf> {
        if !self.helped || self.fault.is_some() {
            return None;
        }
        match self.outlet.helped(&Tell::Next { page }) {
            Ok((_, leaf)) => serde_json::from_slice(&leaf).ok(),
            Err(error) => {
                self.fault = Some(Fault::Outlet(error));
                None
            }
        }
    }

    /// The next page to read for another worker.
    pub fn page_for_other(&mut self) -> Option<u32> {
        if self.fault.is_some() {
            return None;
        }
        match self.outlet.helped(&Tell::Take) {
            Ok((next, _)) => (next.page > 0).then_some(next.page),
            Err(error) => {
                self.fault = Some(Fault::Outlet(error));
                None
            }
        }
    }

    /// A page that was read for another worker.
    pub fn page_brought(&mut self, page: u32, of: u32, leaf: &Leaf) {
        self.tell(&Tell::PageDone { page, of }, &serde_json::to_vec(leaf).unwrap_or_default());
    }

    pub fn engine(&mut self) -> &mut Engine {
        self.engine
    }

    /// The machine's fault; the reading ends.
    pub fn engine_failed(&mut self, error: EngineError) {
        self.fault.get_or_insert(Fault::Engine(error));
    }

    /// What is true of the whole piece, or what stopped it.
    pub fn end(self) -> Result<Vec<(Problem, String)>, Fault> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self.notes),
        }
    }

    fn tell(&mut self, tell: &Tell, body: &[u8]) {
        if self.fault.is_none()
            && let Err(error) = self.outlet.tell(tell, body)
        {
            self.fault = Some(Fault::Outlet(error));
        }
    }
}

/// What is left of a document at which the reading panicked.
fn stuck(name: Option<&str>) -> Content {
    let told = format!("{} kon niet worden gelezen (het leesprogramma liep vast).", called(name));
    Content::unread(Problem::Damaged, told)
}

/// A document's name within a Dutch sentence for staff.
pub(super) fn called(name: Option<&str>) -> String {
    match name {
        Some(name) => {
            let short: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
            format!("Het bestand “{short}”")
        }
        None => "De tekst van het bericht".to_owned(),
    }
}

/// As [`called`], within a sentence.
pub(super) fn lower_called(name: Option<&str>) -> String {
    let text = called(name);
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// The document as it is kept: bounded, without control characters, its parts covering its text.
fn finished(name: Option<String>, media_type: &str, mut content: Content) -> Finished {
    let chars = content.text.chars().count();
    if chars > DOCUMENT_CHARS_MAX {
        content.text = content.text.chars().take(DOCUMENT_CHARS_MAX).collect();
        content.parts.retain_mut(|part| {
            part.end = part.end.min(DOCUMENT_CHARS_MAX);
            part.start < part.end
        });
        content.problem.get_or_insert(Problem::TooLarge);
        content.notes.push((
            Problem::TooLarge,
            format!("{} is zo lang dat alleen het begin is gelezen.", called(name.as_deref())),
        ));
    }
    if content.parts.is_empty() && !content.text.is_empty() {
        let end = chars.min(DOCUMENT_CHARS_MAX);
        content.parts.push(Part { start: 0, end, kind: PartKind::Own });
    }
    Finished {
        document: Document {
            name,
            media_type: media_type.to_owned(),
            method: content.method,
            pages: content.pages,
            confidence: content.confidence,
            text: content.text,
            problem: content.problem,
            parts: content.parts,
            words: content.words,
            page_sizes: content.page_sizes,
            blank_pages: content.blank_pages,
        },
        notes: content.notes,
    }
}

/// Text without what no reader can see: line ends as `\n`, no control, zero-width or byte-order characters,
/// no blanks at line ends, at most two empty lines in a row.
pub(super) fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.replace("\r\n", "\n").split(['\n', '\r', '\u{c}', '\u{b}', '\u{2028}', '\u{2029}']) {
        let start = tidied.len();
        for c in line.chars() {
            match c {
                '\t' | '\u{a0}' | '\u{2007}' | '\u{202f}' => tidied.push(' '),
                // Soft hyphen, zero-width characters, direction marks, byte-order mark.
                '\u{ad}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{2064}'
                | '\u{feff}' => {}
                // One sign for ij, as the recogniser and some fonts write it.
                'ĳ' => tidied.push_str("ij"),
                'Ĳ' => tidied.push_str("IJ"),
                c if c.is_control() => {}
                c => tidied.push(c),
            }
        }
        tidied.truncate(start + tidied[start..].trim_end().len());
        if tidied.len() == start {
            empty += 1;
            if empty > 2 {
                continue;
            }
        } else {
            empty = 0;
        }
        tidied.push('\n');
    }
    let trimmed = tidied.trim_end().len();
    tidied.truncate(trimmed);
    let lead = tidied.len() - tidied.trim_start_matches('\n').len();
    tidied.drain(..lead);
    tidied
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::paper::ocr::Engine;

    /// Keeps what is announced and finished.
    #[derive(Default)]
    struct Told(Vec<(usize, String)>);

    impl Outlet for Told {
        fn tell(&mut self, tell: &Tell, _body: &[u8]) -> io::Result<()> {
            if let Tell::Begins { index, name, .. } = tell {
                self.0.push((*index, name.clone().unwrap_or_default()));
            }
            Ok(())
        }
    }

    /// A piece: containers within containers, one that panics when it is read and one when it is opened.
    fn announced(behind: Behind) -> Vec<(usize, String)> {
        fn container(reading: &mut Reading<'_>, name: &str, within: &[&str]) {
            let found = reading.container(
                Some(name),
                "application/zip",
                || {
                    assert!(name != "dicht", "panics when it is opened");
                    within.to_vec()
                },
                |_, _| {
                    assert!(name != "stuk", "panics when it is read");
                    Content::of(Method::Text, name.to_owned())
                },
            );
            for name in found.unwrap_or_default() {
                match name {
                    "binnen" => container(reading, name, &["d", "e"]),
                    name => reading
                        .document(Some(name), "text/plain", |_| Content::of(Method::Text, name.to_owned())),
                }
            }
        }
        let (mut told, mut engine) = (Told::default(), Engine::new(None));
        let mut reading = Reading::new(&mut told, &mut engine, behind, false);
        container(&mut reading, "een", &["a", "binnen", "b"]);
        container(&mut reading, "dicht", &["nooit"]);
        container(&mut reading, "stuk", &["c"]);
        reading.document(Some("twee"), "text/plain", |_| Content::of(Method::Text, String::new()));
        told.0
    }

    #[test]
    fn a_second_worker_goes_on_exactly_behind_the_first() {
        let all = announced(Behind::default());
        let names: Vec<&str> = all.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["een", "a", "binnen", "d", "e", "b", "dicht", "stuk", "c", "twee"]);
        for died_at in 0..all.len() {
            // It died at the text of a document, or had finished it: what lies behind is numbered as before.
            let opened = Behind { finished: (0..=died_at).collect(), ..Behind::default() };
            assert_eq!(announced(opened), all[died_at + 1..]);
            // It died at opening one: nobody knows what lies within, so what follows takes the next numbers.
            let lost =
                Behind { finished: (0..died_at).collect(), lost: [died_at].into(), ..Behind::default() };
            let rest = announced(lost);
            assert!(rest.iter().all(|(index, _)| *index > died_at));
            assert!(rest.iter().zip(died_at + 1..).all(|((index, _), next)| *index == next));
        }
    }

    #[test]
    fn tidy_keeps_what_is_seen() {
        assert_eq!(tidy("\u{feff}\r\na\u{a0}bĳ \r\n\r\n\r\n\r\n\u{200b}\r\n  c\0\r\n"), "a bij\n\n\n  c");
        assert_eq!(tidy(""), "");
        assert_eq!(tidy("\n \n"), "");
    }

    #[test]
    fn a_document_is_cut_at_its_bound_with_its_parts() {
        let mut content = Content::of(Method::Text, "é".repeat(DOCUMENT_CHARS_MAX + 5));
        content.parts = vec![
            Part { start: 0, end: 10, kind: PartKind::Own },
            Part { start: 10, end: DOCUMENT_CHARS_MAX + 5, kind: PartKind::Quote },
        ];
        let finished = finished(None, "text/plain", content);
        assert_eq!(finished.document.text.chars().count(), DOCUMENT_CHARS_MAX);
        assert_eq!(finished.document.parts[1].end, DOCUMENT_CHARS_MAX);
        assert_eq!(finished.document.problem, Some(Problem::TooLarge));
        assert_eq!(finished.notes.len(), 1);
    }
}
