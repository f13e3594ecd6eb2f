//! A document that a worker has begun: what has come of its pages, should the worker not live to finish it.
//!
//! Invariant: a page that was told is in the extract, whatever becomes of the pages after it; a page that cost a
//! worker its life or its time is told to staff by its number.

use super::frame::{Finished, Leaf};
use super::gathered::Cause;
use super::reading::{called, lower_called};
use crate::limits::DOCUMENT_CHARS_MAX;
use crate::record::{Document, Method, Part, PartKind, Problem};

#[derive(Debug)]
pub(super) struct Begun {
    pub index: usize,
    name: Option<String>,
    media_type: String,
    /// What it holds besides its own text is known.
    pub opened: bool,
    /// Text of the pages that came before its last worker began, and of those that came since.
    leaves: Vec<(u32, Leaf)>,
    earlier: usize,
    /// Pages dealt with, of how many; 0 while nothing is known of pages.
    page: u32,
    of: u32,
    failed: Vec<(u32, Cause)>,
    /// Bytes of what was told of its pages.
    pub bytes: u64,
}

impl Begun {
    pub fn new(index: usize, name: Option<String>, media_type: String) -> Self {
        let (leaves, failed) = (Vec::new(), Vec::new());
        Self { index, name, media_type, opened: false, leaves, earlier: 0, page: 0, of: 0, failed, bytes: 0 }
    }

    /// Another worker goes on with it.
    pub fn again(&mut self) {
        self.earlier = self.leaves.len();
    }

    /// A page is done; false when no worker of ours would say it.
    pub fn leaf(&mut self, page: u32, of: u32, leaf: Option<Leaf>) -> bool {
        if page > of || page < self.page || (self.of != 0 && of != self.of) {
            return false;
        }
        (self.page, self.of) = (page, of);
        self.leaves.extend(leaf.map(|leaf| (page, leaf)));
        true
    }

    /// The page behind which the next worker goes on; `None` when it reads all of it.
    pub fn resume(&self) -> Option<u32> {
        (self.page > 0).then_some(self.page)
    }

    /// Holds the page that was being read answerable; false when no page can be told from the others.
    pub fn blame_page(&mut self, cause: Cause) -> bool {
        if self.page >= self.of || cause == Cause::TooMuch {
            return false;
        }
        self.page += 1;
        self.failed.push((self.page, cause));
        true
    }

    /// What there is of it, when no worker will finish it.
    pub fn given_up(mut self, cause: Cause) -> Finished {
        let mut document = Document::unread(self.name.clone(), &self.media_type, cause.problem());
        let name = self.name.as_deref();
        let note = match self.leaves.len() {
            0 => format!("{} {}.", called(name), cause.sentence()),
            read => {
                document.method = Method::TextLayer;
                let (name, of) = (lower_called(name), self.of);
                format!("Van {name} zijn {read} van de {of} bladzijden gelezen: bekijk de andere zelf.")
            }
        };
        self.failed.clear();
        self.again();
        let mut finished = self.finished(Finished { document, notes: Vec::new() });
        finished.notes.push((cause.problem(), note));
        finished
    }

    /// The whole of it: what the last worker finished, behind the pages of those before.
    pub fn finished(mut self, last: Finished) -> Finished {
        if self.earlier == 0 && self.failed.is_empty() {
            return last;
        }
        self.leaves.truncate(self.earlier);
        let Finished { mut document, mut notes } = last;
        let name = lower_called(self.name.as_deref());
        let weight = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count() as f32;
        let mut sure = (0.0, 0.0);
        let mut count = |confidence: Option<f32>, text: &str| {
            if let Some(confidence) = confidence {
                sure = (sure.0 + confidence * weight(text), sure.1 + weight(text));
            }
        };
        count(document.confidence, &document.text);
        let (mut texts, mut words, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
        for (page, leaf) in self.leaves {
            if let Some(problem) = leaf.failed {
                document.problem.get_or_insert(problem);
                notes.push((
                    problem,
                    format!("Bladzijde {page} van {name} kon niet worden gelezen: bekijk die zelf."),
                ));
            }
            count(leaf.confidence, &leaf.text);
            if leaf.recognised {
                document.method = Method::Ocr;
            }
            texts.push(leaf.text);
            words.extend(leaf.words);
            sizes.extend(leaf.page_sizes);
        }
        texts.push(std::mem::take(&mut document.text));
        texts.retain(|text| !text.is_empty());
        document.text = texts.join("\n\n").chars().take(DOCUMENT_CHARS_MAX).collect();
        words.append(&mut document.words);
        document.words = words;
        sizes.append(&mut document.page_sizes);
        document.page_sizes = sizes;
        document.pages = Some(self.of);
        document.confidence = (sure.1 > 0.0).then(|| (sure.0 / sure.1).clamp(0.0, 1.0));
        let end = document.text.chars().count();
        document.parts.clear();
        if end > 0 {
            // That the pages of the last worker were empty says nothing of the whole.
            notes.retain(|(problem, _)| *problem != Problem::Empty);
            document.problem = document.problem.filter(|&problem| problem != Problem::Empty);
            document.parts.push(Part { start: 0, end, kind: PartKind::Own });
        }
        for (page, cause) in self.failed {
            document.problem.get_or_insert(cause.problem());
            let note = format!("Bladzijde {page} van {name} {}: bekijk die zelf.", cause.sentence());
            notes.push((cause.problem(), note));
        }
        Finished { document, notes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(text: &str) -> Option<Leaf> {
        Some(Leaf { text: text.to_owned(), ..Leaf::default() })
    }

    fn begun() -> Begun {
        let mut begun = Begun::new(0, Some("brief.pdf".to_owned()), "application/pdf".to_owned());
        assert!(begun.leaf(0, 4, None) && begun.leaf(1, 4, leaf("een")));
        begun
    }

    fn last(text: &str) -> Finished {
        let mut document = Document::unread(Some("brief.pdf".to_owned()), "application/pdf", Problem::Empty);
        document.method = Method::TextLayer;
        document.text = text.to_owned();
        document.problem = text.is_empty().then_some(Problem::Empty);
        Finished { document, notes: Vec::new() }
    }

    #[test]
    fn the_next_worker_goes_on_behind_the_bad_page() {
        let mut begun = begun();
        assert!(begun.blame_page(Cause::Deadline));
        assert_eq!(begun.resume(), Some(2));
        begun.again();
        assert!(begun.leaf(2, 4, None) && begun.leaf(3, 4, leaf("drie")));
        let finished = begun.finished(last("drie\n\nvier"));
        assert_eq!(finished.document.text, "een\n\ndrie\n\nvier");
        assert_eq!((finished.document.problem, finished.document.pages), (Some(Problem::Timeout), Some(4)));
        assert_eq!(
            finished.notes[0].1,
            "Bladzijde 2 van het bestand “brief.pdf” kon niet binnen de tijd worden gelezen: bekijk die zelf."
        );
    }

    #[test]
    fn what_is_given_up_keeps_its_pages() {
        let mut begun = begun();
        begun.blame_page(Cause::Died);
        let finished = begun.given_up(Cause::Died);
        assert_eq!(finished.document.text, "een");
        assert_eq!(finished.document.problem, Some(Problem::Damaged));
        assert!(finished.notes[0].1.contains("1 van de 4 bladzijden"), "{:?}", finished.notes);
        let nothing = Begun::new(0, None, "text/html".to_owned()).given_up(Cause::Deadline);
        assert_eq!(
            (nothing.document.method, nothing.document.problem),
            (Method::None, Some(Problem::Timeout))
        );
    }

    #[test]
    fn a_document_of_one_worker_is_what_it_finished() {
        let finished = begun().finished(last("een\n\ntwee"));
        assert_eq!((finished.document.text.as_str(), finished.document.problem), ("een\n\ntwee", None));
        assert!(!begun().leaf(9, 4, None) && !begun().leaf(0, 4, None));
    }
}
