//! A letter with these words and nothing else, for tests of judging.

use bode::record::{Document, Extract, Method};

pub fn letter(text: &str) -> Extract {
    let document = Document::typed(Method::Text, text);
    Extract { message: None, documents: vec![document], defects: vec![] }
}
