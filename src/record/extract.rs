//! What was read from a piece: documents with text, places, confidence, and defects.
//!
//! The letter's fault is data: what could not be read is a [`Problem`] of its document and a [`Defect`]
//! that staff see, never an error.

use super::Message;
use serde::{Deserialize, Serialize};

/// How the text of a document was obtained. Names of the contract (`extract --json`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    Body,
    Html,
    TextLayer,
    Ocr,
    Office,
    Text,
    Message,
    None,
}

/// Why a document has no text, or not all of it. Names of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    Encrypted,
    Damaged,
    TooLarge,
    Unsupported,
    Timeout,
    Malware,
    Empty,
}

/// What a stretch of a document is: only the writer's own words can make a complaint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartKind {
    Own,
    /// Cited text of an earlier message (`> ` lines, or what follows "Op … schreef …").
    Quote,
    /// A message forwarded whole, with its header lines.
    Forwarded,
    Signature,
    Disclaimer,
}

/// A stretch of a document's text, in characters. Parts are in order, do not overlap and cover the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub start: usize,
    pub end: usize,
    pub kind: PartKind,
}

/// A recognised word: page (from 1), box in pixels of the page image, confidence 0 to 100, text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Word(pub u32, pub u32, pub u32, pub u32, pub u32, pub f32, pub String);

/// A page on which words have boxes. `width` and `height` are in the pixels of those boxes: of the page image as it
/// came, turned upright by `turns` quarter turns clockwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageSize {
    /// From 1, as in [`Word`].
    pub page: u32,
    pub width: u32,
    pub height: u32,
    pub turns: u32,
}

/// One body part, attachment or scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The attachment's file name; `None` for a body.
    pub name: Option<String>,
    pub media_type: String,
    pub method: Method,
    pub pages: Option<u32>,
    /// OCR confidence, 0 to 1: the mean of the page that could be read worst; `None` where nothing was recognised.
    pub confidence: Option<f32>,
    pub text: String,
    pub problem: Option<Problem>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<Word>,
    /// The pages that `words` stand on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub page_sizes: Vec<PageSize>,
    /// Of its pages, those with nothing on them: back sides.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub blank_pages: u32,
}

/// Something staff must know about the piece, in Dutch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defect {
    /// Index in [`Extract::documents`]; `None` for the piece as a whole.
    pub document: Option<usize>,
    pub problem: Problem,
    /// One Dutch sentence for staff.
    pub explanation: String,
}

/// All that was read from one piece.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Extract {
    /// The header of the message; `None` for a letter.
    pub message: Option<Message>,
    pub documents: Vec<Document>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub defects: Vec<Defect>,
}

impl Extract {
    /// Did the virus scanner find something in the piece? It is then not handed out as it came.
    pub fn is_locked(&self) -> bool {
        let found = |document: &Document| document.problem == Some(Problem::Malware);
        self.is_suspect() || self.documents.iter().any(found)
    }

    /// Is this document not handed out? It is harmful itself, may hold what is (a message within the message), or the
    /// scanner found something without telling where.
    pub fn locks(&self, document: usize) -> bool {
        self.is_suspect()
            || self.documents.get(document).is_some_and(|document| {
                document.problem == Some(Problem::Malware)
                    || document.media_type == "message/rfc822" && self.is_locked()
            })
    }

    fn is_suspect(&self) -> bool {
        self.defects.iter().any(|defect| defect.document.is_none() && defect.problem == Problem::Malware)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Document {
    /// Text as it was typed: nothing had to be recognised.
    pub fn typed(method: Method, text: impl Into<String>) -> Self {
        Self { method, text: text.into(), problem: None, ..Self::unread(None, "text/plain", Problem::Empty) }
    }

    /// A document that yielded no text, with its problem.
    pub fn unread(name: Option<String>, media_type: &str, problem: Problem) -> Self {
        Self {
            name,
            media_type: media_type.to_owned(),
            method: Method::None,
            pages: None,
            confidence: None,
            text: String::new(),
            problem: Some(problem),
            parts: Vec::new(),
            words: Vec::new(),
            page_sizes: Vec::new(),
            blank_pages: 0,
        }
    }
}
