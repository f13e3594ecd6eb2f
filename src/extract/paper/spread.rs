//! Double spreads: two pages side by side on one image, as a folded letter or a book lies on the glass.
//!
//! Each half has its own lines and its own slope. Invariant: an image is divided only along a strip without ink in its
//! middle, with text on both sides; a table or two columns on one sheet are not.

use image::GrayImage;

/// Width by height from which an image can be two pages side by side: A3 lying down has 1.41.
const WIDE: f32 = 1.2;

/// The fold lies in the middle, within this share of the width on either side.
const MIDDLE: f32 = 0.08;

/// Share of the width that is free of ink around the fold: the margins of both pages.
const MARGINS: f32 = 0.035;

/// Darkness of a column, as share of that of the page, up to which it is free of ink.
const FREE: f32 = 0.06;

/// Looks for the fold on the sketch of an upright page; the share of the width that lies left of it.
pub(in crate::extract) fn fold(sketch: &GrayImage) -> Option<f32> {
    let (width, height) = (sketch.width() as usize, sketch.height() as usize);
    if (width as f32) < height as f32 * WIDE || width < 100 {
        return None;
    }
    let mut dark = vec![0_u64; width];
    for row in sketch.as_raw().chunks_exact(width).skip(height / 20).take(height * 9 / 10) {
        let paper = row.iter().copied().max().unwrap_or(255);
        for (sum, &value) in dark.iter_mut().zip(row) {
            // A fold is a little darker than paper, and no ink.
            *sum += u64::from((paper - value).saturating_sub(60));
        }
    }
    let usual = |columns: &[u64]| columns.iter().sum::<u64>() as f32 / columns.len().max(1) as f32;
    let all = usual(&dark);
    let (left, right) = (usual(&dark[..width * 2 / 5]), usual(&dark[width * 3 / 5..]));
    if all == 0.0 || left < all * 0.5 || right < all * 0.5 {
        return None;
    }
    // The widest run of free columns that has its middle in the middle of the page.
    let (mut best, mut start) = ((0, 0), None);
    let free = dark.iter().map(|&sum| (sum as f32) < all * FREE).chain([false]);
    for (column, free) in free.enumerate() {
        match (free, start) {
            (true, None) => start = Some(column),
            (false, Some(from)) => {
                let middle = (from + column) as f32 / 2.0 / width as f32;
                if (middle - 0.5).abs() <= MIDDLE && column - from > best.1 - best.0 {
                    best = (from, column);
                }
                start = None;
            }
            _ => {}
        }
    }
    let wide = (best.1 - best.0) as f32 >= width as f32 * MARGINS;
    wide.then(|| (best.0 + best.1) as f32 / 2.0 / width as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    fn page(width: u32, ink: impl Fn(u32) -> bool) -> GrayImage {
        GrayImage::from_fn(width, 700, |x, y| {
            let within = (60..640).contains(&y) && ink(x);
            Luma([if within && y % 20 < 8 && (x + y / 20 * 7) % 12 < 8 { 40 } else { 240 }])
        })
    }

    #[test]
    fn two_pages_side_by_side_have_a_fold() {
        let spread = page(1000, |x| (50..450).contains(&x) || (540..940).contains(&x));
        assert!((fold(&spread).unwrap() - 0.495).abs() < 0.02);
    }

    #[test]
    fn one_page_has_none() {
        assert_eq!(fold(&page(500, |x| (40..230).contains(&x) || (260..460).contains(&x))), None);
        assert_eq!(fold(&page(1000, |x| (50..950).contains(&x))), None);
        assert_eq!(fold(&page(1000, |x| (50..400).contains(&x))), None);
        // Three columns of a table: no gap in the middle.
        assert_eq!(fold(&page(1000, |x| x % 330 > 40)), None);
    }
}
