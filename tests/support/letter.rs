//! A letter with these words and nothing else, for tests of judging.

use bode::record::{Document, Extract, Method};

pub fn letter(text: &str) -> Extract {
    let document = Document {
        name: None,
        media_type: "text/plain".into(),
        method: Method::Text,
        pages: None,
        confidence: None,
        text: text.into(),
        problem: None,
        parts: vec![],
        words: vec![],
        page_sizes: vec![],
        blank_pages: 0,
    };
    Extract { message: None, documents: vec![document], defects: vec![] }
}
