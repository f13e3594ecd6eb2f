//! Scan runs: a stack of letters scanned in one go, with a separator sheet before each.
//!
//! `separator` tells a sheet from a page (`bars` sees the squares and bars that codes are made of, `grid` reads our
//! own code), `plan` says which pages make a letter, `pdf_file` and `tiff_file` take the pages apart as they are.
//! Invariants: every page of a run that is no side of a sheet, and not a blank page without a letter, is in exactly
//! one letter; no page is compressed anew; the same file gives the same letters, byte for byte.

mod bars;
mod grid;
mod pdf_file;
mod plan;
mod separator;
mod tiff_file;

#[cfg(fuzzing)]
pub(in crate::extract) use separator::{glance, separator};

use super::tiff_pages;
use crate::extract::sniff::{Kind, kind};
use crate::limits::RUN_PAGES_MAX;
use crate::record::Run;
use plan::Sight;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a look for separator sheets came to. The letters come apart, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Looked {
    /// No sheet: an ordinary letter of so many pages.
    NoRun { pages: u32 },
    /// Divided.
    Run(Run),
    /// Sheets were seen, but the file is of a kind whose pages cannot be taken apart.
    Whole(Run),
    /// Two halves that do not belong together, with their pages.
    NoPair { fronts: u32, backs: u32 },
}

/// Looks for sheets, and divides. With two files they are the fronts and the backs of a one-sided run, which are put
/// together also without a sheet. `values`: texts of barcodes that separate.
pub(in crate::extract) fn divide(
    files: &[&[u8]],
    values: &[String],
    page_begins: &mut dyn FnMut(),
) -> (Looked, Vec<Vec<u8>>) {
    let mut looked: Vec<Vec<Sight>> = Vec::new();
    for bytes in files {
        let Some(sights) = sights(bytes, values, page_begins) else {
            return (Looked::NoRun { pages: 0 }, Vec::new());
        };
        looked.push(sights);
    }
    let pages = |half: &[Sight]| u32::try_from(half.len()).unwrap_or(u32::MAX);
    let order = match looked.as_slice() {
        [run] => (0..run.len()).map(|page| (0, page)).collect(),
        [fronts, backs] => match pair(fronts, backs) {
            Some(order) => order,
            None => {
                return (Looked::NoPair { fronts: pages(fronts), backs: pages(backs) }, Vec::new());
            }
        },
        _ => return (Looked::NoRun { pages: 0 }, Vec::new()),
    };
    let sights: Vec<Sight> =
        order.iter().map(|&(file, page): &(usize, usize)| looked[file][page].clone()).collect();
    let run = plan::plan(&sights);
    if run.sheets == 0 && files.len() == 1 {
        return (Looked::NoRun { pages: run.pages }, Vec::new());
    }
    let letters: Vec<Vec<(usize, usize)>> = run
        .letters
        .iter()
        .map(|letter| letter.pages.iter().filter_map(|&page| order.get(page as usize - 1).copied()).collect())
        .collect();
    match split(files, &letters) {
        Some(files) => (Looked::Run(run), files),
        None => (Looked::Whole(run), Vec::new()),
    }
}

fn sights(bytes: &[u8], values: &[String], page_begins: &mut dyn FnMut()) -> Option<Vec<Sight>> {
    match kind(bytes) {
        Kind::Pdf => pdf_file::sights(bytes, values, page_begins),
        Kind::Tiff => {
            let mut sights = Vec::new();
            let most = u32::try_from(RUN_PAGES_MAX).unwrap_or(u32::MAX);
            tiff_pages::pages_within(bytes, 0, most.saturating_add(1), |page| {
                page_begins();
                sights.push(match page {
                    Ok(shot) => pdf_file::sight(&shot.page, values),
                    // What cannot be decoded is somebody's page.
                    Err(_) => Sight::Page,
                });
                true
            });
            (sights.len() <= RUN_PAGES_MAX).then_some(sights)
        }
        _ => None,
    }
}

/// The pages of two halves as the stack has them, if they fit.
fn pair(fronts: &[Sight], backs: &[Sight]) -> Option<Vec<(usize, usize)>> {
    let order = plan::collated(fronts.len(), backs.len())?;
    let fits = order.windows(2).all(|two| match two {
        [(0, front), (1, back)] => !plan::contradict(&fronts[*front], &backs[*back]),
        _ => true,
    });
    fits.then_some(order)
}

fn split(files: &[&[u8]], letters: &[Vec<(usize, usize)>]) -> Option<Vec<Vec<u8>>> {
    let mut hasher = Sha256::new();
    files.iter().for_each(|bytes| hasher.update(bytes));
    // Names the run within its letters, so that no two letters anywhere are the same bytes.
    let mark: String = hasher.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let kinds: Vec<Kind> = files.iter().map(|bytes| kind(bytes)).collect();
    if kinds.iter().all(|kind| *kind == Kind::Pdf) {
        pdf_file::split(files, letters, &mark)
    } else if kinds.iter().all(|kind| *kind == Kind::Tiff) {
        tiff_file::split(files, letters, &mark)
    } else {
        None
    }
}
