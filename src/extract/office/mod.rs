//! Office files: ECMA-376 (docx, xlsx), ISO/IEC 26300 (odt, ods), RTF, Word 97 and archives of them.
//!
//! Invariant: nothing grows past its bound when it is unpacked, whatever its header declares.

pub(super) mod docx;
