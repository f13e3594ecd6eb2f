//! Scan runs: a stack of letters scanned in one go, with a separator sheet before each.
//!
//! `separator` tells a sheet from a page, `bars` finds the bars of a Patch-T code, `plan` says which pages make a letter, `pdf` and `tiff`
//! take the pages apart as they are. Invariants: every page of the run that is not a sheet (or the blank back of
//! one, or a blank page with no letter around it) is in exactly one letter; no page is compressed anew; the same
//! file gives the same letters, byte for byte.

mod bars;
mod grid;
mod separator;
