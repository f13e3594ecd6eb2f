//! Paper: PDF (ISO 32000), images and scans → text with the place of each word on its page.
//!
//! `pdf` and `picture` (with `raster`, `tiff_pages`, `heic`) give page images or text layers, `pages` gathers a
//! document's pages and has them recognised, `page_text` knows places of letters, `filled`
//! what people filled in, `embedded` the files that a PDF carries, and `unseen` tries the text behind the picture of a scan. Before a page is recognised,
//! `surround` clears the table below a photographed sheet, `light` takes its shadows away, and `rows` and `view` set
//! it straight; `spread` divides two pages side by side. `run` divides a stack at its separator sheets. `shown` and
//! `searchable` (with `glyphless`) give pages back to people: as pictures, and as a PDF to search in. Invariant: `ocr`
//! alone knows Tesseract; no image is decoded before its declared size has been held against the bound.

mod breaks;
mod embedded;
mod filled;
mod glyphless;
mod heic;
mod light;
pub(super) mod ocr;
mod page_image;
mod page_text;
pub(super) mod pages;
pub(super) mod pdf;
pub(super) mod picture;
mod raster;
mod rows;
pub(super) mod run;
pub(super) mod searchable;
pub(super) mod shown;
mod spread;
mod surround;
mod tiff_pages;
mod unpacked;
mod unseen;
mod view;
