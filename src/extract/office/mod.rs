//! Office files: ECMA-376 (docx, xlsx), ISO/IEC 26300 (odt, ods), RTF, Word 97 and archives of them.
//!
//! Invariant: nothing grows past its bound when it is unpacked, whatever its header declares.

pub(super) mod docx;
pub(super) mod rtf;
mod rtf_tokens;
mod rtf_words;
mod signs;

use super::reading::called;

/// Tells of drawings in a form that is not read.
fn undrawn(name: Option<&str>) -> String {
    format!("{} bevat een tekening (WMF of EMF) die niet is gelezen: bekijk het origineel.", called(name))
}
