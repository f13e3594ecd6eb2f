//! Plain text: letters as typed (`.txt`) and text attachments.

use super::charset;
use super::reading::{Content, tidy};
use crate::record::{Method, Problem};

/// The text of a file, in whichever charset it is.
pub(super) fn read(bytes: &[u8]) -> Content {
    let text = tidy(&charset::decode(bytes, None));
    let mut content = Content::of(Method::Text, text);
    if content.text.is_empty() {
        content.problem = Some(Problem::Empty);
    }
    content
}
