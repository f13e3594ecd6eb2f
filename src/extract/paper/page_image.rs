//! One page image: its size, its ink, a small image of it, and turning it.
//!
//! Pure functions over grey images. Invariant: an image is never made larger than the recogniser can read at once.

use image::imageops::FilterType;
use image::{DynamicImage, GrayImage};

/// Longest side in pixels that is given to the recogniser: A4 at 300 dpi is 3508, A3 4961.
const SIDE_MAX: u32 = 5200;

/// What a larger image is brought down to.
const SIDE_WANTED: u32 = 3600;

/// Below it, letters are too small for the recogniser and the image is doubled.
const SIDE_MIN: u32 = 1700;

/// Pixels of the longer side of the small image on which lines and ink are looked for.
const SKETCH_SIDE: u32 = 1000;

/// The page turned by quarter turns clockwise; `None` when it lies as it is.
pub(in crate::extract) fn turn(page: &GrayImage, turns: u32) -> Option<GrayImage> {
    let page = || DynamicImage::ImageLuma8(page.clone());
    match turns % 4 {
        1 => Some(page().rotate90().into_luma8()),
        2 => Some(page().rotate180().into_luma8()),
        3 => Some(page().rotate270().into_luma8()),
        _ => None,
    }
}

/// The page at a size that the recogniser likes, with its resolution then.
pub(in crate::extract) fn sized(page: GrayImage, dpi: Option<u32>) -> (GrayImage, u32) {
    let side = page.width().max(page.height());
    // A page is most often A4: 11.7 inches.
    let dpi = dpi.filter(|dpi| (50..=1200).contains(dpi)).unwrap_or_else(|| (side * 10 / 117).clamp(70, 600));
    let (wanted, filter) = if side > SIDE_MAX {
        (SIDE_WANTED, FilterType::Triangle)
    } else if side < SIDE_MIN && dpi < 200 {
        (side * 2, FilterType::CatmullRom)
    } else {
        return (page, dpi);
    };
    let (width, height) = scaled(&page, wanted);
    let page = DynamicImage::ImageLuma8(page).resize_exact(width, height, filter);
    (page.into_luma8(), (dpi * wanted / side).clamp(70, 1200))
}

/// The page at the size at which lines and ink are looked for; never larger than it is.
pub(in crate::extract) fn sketch(page: &GrayImage) -> GrayImage {
    if page.width().max(page.height()) <= SKETCH_SIDE {
        return page.clone();
    }
    let (width, height) = scaled(page, SKETCH_SIDE);
    DynamicImage::ImageLuma8(page.clone()).thumbnail_exact(width, height).into_luma8()
}

/// The size of the page when its longer side is `wanted`.
fn scaled(page: &GrayImage, wanted: u32) -> (u32, u32) {
    let side = u64::from(page.width().max(page.height()).max(1));
    let scale = |length: u32| (u64::from(length) * u64::from(wanted) / side).max(1) as u32;
    (scale(page.width()), scale(page.height()))
}

/// The share of pixels that are much darker than the paper around them; the outer edge does not count.
pub(in crate::extract) fn ink(sketch: &GrayImage) -> f32 {
    let mut dark = 0_usize;
    let all = each_dark(sketch, |_| dark += 1);
    if all == 0 { 0.0 } else { dark as f32 / all as f32 }
}

/// Tells the places of these pixels, row by row in one row of bytes. Returns how many were looked at.
pub(in crate::extract) fn each_dark(sketch: &GrayImage, mut found: impl FnMut(usize)) -> usize {
    const TILE: usize = 50;
    const DARKER: usize = 50;
    let (width, height) = (sketch.width() as usize, sketch.height() as usize);
    let (left, top) = (width / 30, height / 30);
    let mut all = 0;
    // Light falls off over a page, hardly within a tile: there, paper is the upper quarter.
    for y0 in (top..height - top).step_by(TILE) {
        for x0 in (left..width - left).step_by(TILE) {
            let (x1, y1) = ((x0 + TILE).min(width - left), (y0 + TILE).min(height - top));
            let mut counts = [0_usize; 256];
            for row in y0..y1 {
                for &value in &sketch.as_raw()[row * width + x0..row * width + x1] {
                    counts[usize::from(value)] += 1;
                }
            }
            let pixels = (x1 - x0) * (y1 - y0);
            let mut lighter = 0;
            let paper = (0..256).rev().find(|&value| {
                lighter += counts[value];
                lighter * 4 >= pixels
            });
            all += pixels;
            let bound = paper.unwrap_or(0).saturating_sub(DARKER);
            if counts[..bound].iter().all(|&count| count == 0) {
                continue;
            }
            for row in y0..y1 {
                for at in row * width + x0..row * width + x1 {
                    if usize::from(sketch.as_raw()[at]) < bound {
                        found(at);
                    }
                }
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    /// Rows of short dark dashes on paper, like lines of words.
    fn lines() -> GrayImage {
        GrayImage::from_fn(700, 1000, |x, y| {
            let line = y % 20 < 8 && (80..920).contains(&y) && (70..630).contains(&x);
            Luma([if line && x % 30 < 24 { 30 } else { 240 }])
        })
    }

    #[test]
    fn blank_paper_is_blank_also_with_shade_and_noise() {
        let shade = GrayImage::from_fn(700, 1000, |x, y| Luma([(250 - x / 20 - (x * 7 + y * 13) % 9) as u8]));
        assert!(ink(&shade) < 0.0001, "{}", ink(&shade));
        assert!(ink(&lines()) > 0.1);
    }

    #[test]
    fn sizes_are_brought_within_reach() {
        let (page, dpi) = sized(GrayImage::new(4960, 7016), None);
        assert_eq!((page.height(), dpi), (3600, 307));
        let (page, dpi) = sized(GrayImage::new(600, 850), None);
        assert_eq!((page.width(), dpi), (1200, 144));
        assert_eq!(sized(GrayImage::new(2480, 3508), Some(300)).1, 300);
    }
}
