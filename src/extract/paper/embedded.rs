//! Files that a PDF carries (ISO 32000-2, 7.11.4): hung on the document, on one of its pages, or gathered in a
//! portfolio.
//!
//! hayro tells whether there are any, lopdf takes them out. Invariant: what is unpacked draws on the budget of the
//! piece; a file that is not taken out is told.

use crate::extract::budget::Budget;
use crate::extract::reading::{Content, called};
use crate::limits::TEXT_PAGES_MAX;
use crate::record::Problem;
use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::object::{Array, Dict, Name};
use lopdf::{DecompressError, Dictionary, Document, Object};

/// Files embedded in one PDF that are read.
const EMBEDDED_MAX: usize = 20;

/// Annotations of one page that are looked at.
const ANNOTATIONS_MAX: usize = 500;

/// How deep a file is looked for within one object.
const WITHIN_MAX: usize = 8;

/// The files of one PDF.
#[derive(Default)]
pub(super) struct Embedded {
    /// Names and bytes.
    pub files: Vec<(String, Vec<u8>)>,
    too_many: bool,
    too_large: bool,
    unread: bool,
    /// Its pages are only the cover of the files.
    is_portfolio: bool,
}

impl Embedded {
    /// Takes the files out. `pdf`: the same file, where it could be opened.
    pub fn of(pdf: Option<&Pdf>, bytes: &[u8], budget: &Budget) -> Self {
        let mut embedded = Self { is_portfolio: pdf.is_some_and(is_portfolio), ..Self::default() };
        let holds = match pdf {
            Some(pdf) => holds_files(pdf),
            None => bytes.windows(12).any(|word| word == b"EmbeddedFile"),
        };
        if !holds {
            return embedded;
        }
        let document = Document::load_mem(bytes).ok();
        let document =
            document.filter(|document| !document.is_encrypted() || document.encryption_state.is_some());
        let Some(document) = document else {
            // A locked file is told as a whole.
            embedded.unread = pdf.is_some();
            return embedded;
        };
        for object in document.objects.values() {
            embedded.take(&document, object, budget, 0);
        }
        embedded
    }

    /// Takes out the files that an object or what stands within it tells of.
    fn take(&mut self, document: &Document, object: &Object, budget: &Budget, depth: usize) {
        let within: &Dictionary = match object {
            Object::Dictionary(dictionary) => dictionary,
            Object::Stream(stream) => &stream.dict,
            Object::Array(objects) if depth < WITHIN_MAX => {
                for object in objects {
                    self.take(document, object, budget, depth + 1);
                }
                return;
            }
            _ => return,
        };
        if within.has(b"EF") {
            return self.take_file(document, within, budget);
        }
        if depth < WITHIN_MAX {
            for (_, object) in within {
                self.take(document, object, budget, depth + 1);
            }
        }
    }

    fn take_file(&mut self, document: &Document, specification: &Dictionary, budget: &Budget) {
        // Of the same file for several systems, the one with the name in Unicode.
        let either = |dictionary: &Dictionary| {
            let first = [b"UF".as_slice(), b"F", b"Unix", b"DOS", b"Mac"].into_iter();
            first.filter_map(|key| dictionary.get(key).ok()).next().cloned()
        };
        let dereferenced =
            |object: &Object| document.dereference(object).map(|(_, object)| object.clone()).ok();
        let files = specification.get(b"EF").ok().and_then(dereferenced);
        let stream = files
            .and_then(|files| either(files.as_dict().ok()?))
            .and_then(|object| dereferenced(&object))
            .and_then(|object| object.as_stream().ok().cloned());
        let Some(stream) = stream else {
            self.unread = true;
            return;
        };
        if self.files.len() >= EMBEDDED_MAX {
            self.too_many = true;
            return;
        }
        let left = usize::try_from(budget.left()).unwrap_or(usize::MAX);
        match stream.get_plain_content_with_limit(left) {
            Ok(bytes) if budget.draw(bytes.len() as u64).is_ok() => {
                let name = either(specification)
                    .and_then(|object| dereferenced(&object))
                    .and_then(|object| lopdf::decode_text_string(&object).ok())
                    .filter(|name| !name.trim().is_empty())
                    .unwrap_or_else(|| "ingesloten bestand".to_owned());
                self.files.push((name, bytes));
            }
            Ok(_) => self.too_large = true,
            Err(lopdf::Error::Decompress(DecompressError::MemoryLimitExceeded { .. })) => {
                self.too_large = true
            }
            Err(_) => self.unread = true,
        }
    }

    /// Adds to what was read of the PDF itself what of its files is not read.
    pub fn tell(&self, content: &mut Content, name: Option<&str>) {
        let mut note =
            |problem, told: &str| content.notes.push((problem, format!("{} {told}", called(name))));
        if self.too_many {
            let told =
                format!("bevat meer dan {EMBEDDED_MAX} ingesloten bestanden; de rest is niet gelezen.");
            note(Problem::TooLarge, &told);
        }
        if self.too_large {
            note(Problem::TooLarge, "bevat een ingesloten bestand dat te groot is en niet is gelezen.");
        }
        if self.unread {
            note(Problem::Damaged, "bevat een ingesloten bestand dat niet kan worden uitgepakt.");
        }
        if self.is_portfolio && !self.files.is_empty() && content.problem == Some(Problem::Empty) {
            content.problem = None;
            content.notes.retain(|(problem, _)| *problem != Problem::Empty);
        }
    }
}

/// A PDF that is a folder of other files (ISO 32000-2, 12.3.5).
fn is_portfolio(pdf: &Pdf) -> bool {
    root(pdf).is_some_and(|root| root.contains_key(b"Collection"))
}

fn root(pdf: &Pdf) -> Option<Dict<'_>> {
    pdf.xref().get::<Dict<'_>>(pdf.xref().root_id())
}

/// Does the document say that it carries files, itself or on one of its pages?
fn holds_files(pdf: &Pdf) -> bool {
    let of_document = root(pdf).is_some_and(|root| {
        root.contains_key(b"AF")
            || root.contains_key(b"Collection")
            || root.get::<Dict<'_>>(b"Names").is_some_and(|names| names.contains_key(b"EmbeddedFiles"))
    });
    of_document
        || pdf.pages().iter().take(TEXT_PAGES_MAX as usize).any(|page| {
            let Some(annotations) = page.raw().get::<Array<'_>>(b"Annots") else { return false };
            annotations.iter::<Dict<'_>>().take(ANNOTATIONS_MAX).any(|annotation| {
                annotation.get::<Name<'_>>(b"Subtype").is_some_and(|kind| kind.as_str() == "FileAttachment")
            })
        })
}
