//! What lies around the sheet: the table below a photographed letter, the black edge that a scanner leaves.
//!
//! It grows inwards from dark places on the edge of the image, over whatever differs little from its neighbour, and
//! ends where the light of the sheet begins. Invariant: what reaches the middle of the image is no surround but a page
//! in shadow, and is left alone.

use image::GrayImage;
use std::collections::VecDeque;

/// Pixels of the longer side on which it is looked for.
const SIDE: u32 = 250;

/// A place on the edge of the image is the start of a surround when it is darker than this share of the paper.
const DARK: f32 = 0.7;

/// How much lighter than what was covered near it a place may be: the edge of a sheet is lighter than that.
const STEP: f32 = 1.35;

/// Places on either side whose darkness is taken together.
const AROUND: usize = 6;

/// Share of the middle of the page that a surround may cover.
const MIDDLE_MAX: f32 = 0.02;

/// The places around a sheet, on a small image.
pub(in crate::extract) struct Surround {
    width: usize,
    height: usize,
    covered: Vec<bool>,
}

/// Looks for what lies around the sheet; `None` when the sheet fills the image.
pub(in crate::extract) fn surround(sketch: &GrayImage) -> Option<Surround> {
    let factor = sketch.width().max(sketch.height()).div_ceil(SIDE).max(1);
    let (width, height) = ((sketch.width() / factor) as usize, (sketch.height() / factor) as usize);
    if width < 20 || height < 20 {
        return None;
    }
    let shade: Vec<f32> = (0..width * height)
        .map(|at| mean(sketch, (at % width) as u32 * factor, (at / width) as u32 * factor, factor))
        .collect();
    let mut sorted = shade.clone();
    sorted.sort_unstable_by(f32::total_cmp);
    let paper = sorted[sorted.len() * 9 / 10];
    let edge = |at: usize| {
        let (x, y) = (at % width, at / width);
        x == 0 || y == 0 || x == width - 1 || y == height - 1
    };
    let mut covered = vec![false; shade.len()];
    let mut todo: VecDeque<usize> =
        (0..shade.len()).filter(|&at| edge(at) && shade[at] < paper * DARK).collect();
    for &at in &todo {
        covered[at] = true;
    }
    // Places that are half sheet, half table are few among the covered ones and do not lead on to the sheet.
    let level = |covered: &[bool], at: usize| {
        let (x, y) = (at % width, at / width);
        let (mut sum, mut count) = (0.0, 0.0_f32);
        for row in y.saturating_sub(AROUND)..(y + AROUND + 1).min(height) {
            for near in row * width + x.saturating_sub(AROUND)..row * width + (x + AROUND + 1).min(width) {
                if covered[near] {
                    sum += shade[near];
                    count += 1.0;
                }
            }
        }
        sum / count.max(1.0)
    };
    while let Some(at) = todo.pop_front() {
        let bound = level(&covered, at) * STEP + 8.0;
        let (x, y) = (at % width, at / width);
        let near = [
            (x > 0, at.wrapping_sub(1)),
            (x + 1 < width, at + 1),
            (y > 0, at.wrapping_sub(width)),
            (y + 1 < height, at + width),
        ];
        for (_, next) in near.into_iter().filter(|(within, _)| *within) {
            if !covered[next] && shade[next] < bound {
                covered[next] = true;
                todo.push_back(next);
            }
        }
    }
    let middle = |at: &usize| {
        let (x, y) = (at % width, at / width);
        (width / 4..width * 3 / 4).contains(&x) && (height / 4..height * 3 / 4).contains(&y)
    };
    let all = (0..covered.len()).filter(middle).count();
    let reached = (0..covered.len()).filter(middle).filter(|&at| covered[at]).count();
    if reached as f32 > all as f32 * MIDDLE_MAX || !covered.contains(&true) {
        return None;
    }
    Some(Surround { width, height, covered: grown(&covered, width, height) })
}

/// One place more on each side: the rim of the sheet is half dark.
fn grown(covered: &[bool], width: usize, height: usize) -> Vec<bool> {
    (0..covered.len())
        .map(|at| {
            let (x, y) = (at % width, at / width);
            (y.saturating_sub(1)..(y + 2).min(height))
                .any(|y| (x.saturating_sub(1)..(x + 2).min(width)).any(|x| covered[y * width + x]))
        })
        .collect()
}

fn mean(sketch: &GrayImage, left: u32, top: u32, size: u32) -> f32 {
    let sum: u32 = (top..top + size)
        .flat_map(|y| (left..left + size).map(move |x| (x, y)))
        .map(|(x, y)| u32::from(sketch.get_pixel(x, y).0[0]))
        .sum();
    sum as f32 / (size * size) as f32
}

impl Surround {
    /// Makes paper of it, on the page or on its sketch.
    pub fn clear(&self, page: &mut GrayImage, paper: u8) {
        let (width, height) = (page.width() as usize, page.height() as usize);
        let columns: Vec<usize> = (0..width).map(|x| x * self.width / width).collect();
        for (y, row) in page.as_mut().chunks_exact_mut(width.max(1)).enumerate() {
            let covered = &self.covered[y * self.height / height * self.width..][..self.width];
            if covered.contains(&true) {
                for (pixel, &column) in row.iter_mut().zip(&columns) {
                    if covered[column] {
                        *pixel = paper;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    fn sheet(on: impl Fn(u32, u32) -> bool, table: u8) -> GrayImage {
        GrayImage::from_fn(750, 1000, |x, y| {
            let ink = y % 20 < 8 && x % 12 < 7 && (200..550).contains(&x) && (200..800).contains(&y);
            Luma([if !on(x, y) {
                table
            } else if ink {
                40
            } else {
                220
            }])
        })
    }

    #[test]
    fn the_table_goes_and_the_sheet_stays() {
        let mut page = sheet(|x, y| (100..650).contains(&x) && (80 + x / 10..900).contains(&y), 90);
        let before = page.clone();
        surround(&page).unwrap().clear(&mut page, 245);
        assert_eq!(page.get_pixel(20, 500).0[0], 245);
        assert_eq!(page.get_pixel(700, 990).0[0], 245);
        for (x, y) in [(203, 203), (540, 780), (300, 500), (400, 512)] {
            assert_eq!(page.get_pixel(x, y), before.get_pixel(x, y), "{x} {y}");
        }
    }

    #[test]
    fn a_scanners_edge_goes_and_a_page_that_fills_the_image_stays() {
        assert!(surround(&sheet(|x, _| x > 25, 5)).is_some());
        assert!(surround(&sheet(|_, _| true, 0)).is_none());
        let shadow = GrayImage::from_fn(750, 1000, |x, _| Luma([(80 + x / 5) as u8]));
        assert!(surround(&shadow).is_none());
    }
}
