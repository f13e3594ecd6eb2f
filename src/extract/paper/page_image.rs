//! One page image: its size, its ink, the way its lines run, turning it and setting it straight.
//!
//! Pure functions over grey images. Invariant: rotation keeps the size of the page and every box can be found
//! again on the page as it was.

use super::ocr::Seen;
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

/// Degrees of skew that are looked for on either side.
const SKEW_MAX: f64 = 5.0;

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

/// A small image of the page.
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
    const TILE: usize = 50;
    const DARKER: usize = 50;
    let (width, height) = (sketch.width() as usize, sketch.height() as usize);
    let (left, top) = (width / 30, height / 30);
    let (mut dark, mut all) = (0, 0);
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
            dark += counts[..paper.unwrap_or(0).saturating_sub(DARKER)].iter().sum::<usize>();
            all += pixels;
        }
    }
    if all == 0 { 0.0 } else { dark as f32 / all as f32 }
}

/// How the rows of a page lie.
#[derive(Clone, Copy, Debug)]
pub(in crate::extract) struct Rows {
    /// Degrees of slope, positive down to the right, to a tenth.
    pub skew: f64,
    /// How clearly rows of text and the gaps between them stand out along that slope. Of a page and the same
    /// page turned a quarter, the one with the greater value has its lines running across.
    pub sharpness: f64,
}

/// Looks for rows of text across the page.
pub(in crate::extract) fn rows(sketch: &GrayImage) -> Rows {
    const STRIP: usize = 16;
    let (width, height) = (sketch.width() as usize, sketch.height() as usize);
    let raw = sketch.as_raw();
    // The darkness of each row, within narrow strips from left to right.
    let strips: Vec<(f64, Vec<i64>)> = (0..width.saturating_sub(STRIP - 1))
        .step_by(STRIP)
        .map(|x| {
            let row =
                |y: usize| raw[y * width + x..][..STRIP].iter().map(|&value| 255 - i64::from(value)).sum();
            ((x + STRIP / 2) as f64 - width as f64 / 2.0, (0..height).map(row).collect())
        })
        .collect();
    // Rows of text and the gaps between them stand out most when they are summed along their slope. The edges
    // of the page, where strips are shifted out, say nothing.
    let edge = ((width as f64 / 2.0 * SKEW_MAX.to_radians().tan()).ceil() as usize).min(height / 3);
    let sharpness = |degrees: f64| {
        let slope = degrees.to_radians().tan();
        let mut profile = vec![0_i64; height - 2 * edge];
        for (x, strip) in &strips {
            let shift = (x * slope).round() as i64;
            let start = usize::try_from(edge as i64 + shift).unwrap_or(0);
            for (sum, dark) in profile.iter_mut().zip(strip.get(start..).unwrap_or_default()) {
                *sum += dark;
            }
        }
        profile.windows(2).map(|pair| ((pair[1] - pair[0]) as f64).powi(2)).sum::<f64>()
    };
    let best_of = |around: f64, steps: i32, step: f64| {
        (-steps..=steps)
            .map(|n| around + f64::from(n) * step)
            .map(|degrees| (sharpness(degrees), degrees))
            .fold((0.0, around), |best, next| if next.0 > best.0 { next } else { best })
    };
    let coarse = best_of(0.0, 10, SKEW_MAX / 10.0);
    let fine = best_of(coarse.1, 4, 0.1);
    let skew = if fine.0 > sharpness(0.0) * 1.02 { fine.1 } else { 0.0 };
    let size = (width * width * height).max(1);
    Rows { skew, sharpness: fine.0 / size as f64 }
}

/// The page rotated about its middle by some degrees (positive: clockwise), as large as before; what comes in
/// from outside has the colour of paper. Mixed from four pixels each: moving whole rows and columns instead is
/// faster, and cost a quarter more wrong characters on degraded scans.
pub(in crate::extract) fn rotated(page: &GrayImage, degrees: f64) -> GrayImage {
    const ONE: i64 = 1 << 16;
    let (width, height) = page.dimensions();
    let raw = page.as_raw();
    let mut sample: Vec<u8> = raw.iter().step_by(997).copied().collect();
    sample.sort_unstable();
    let paper = sample.get(sample.len() * 3 / 4).copied().unwrap_or(255);
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (middle_x, middle_y) = (f64::from(width) / 2.0, f64::from(height) / 2.0);
    let stride = width as usize;
    let mut pixels = vec![paper; raw.len()];
    // Places in 16.16 fixed point, stepped along each row.
    let fixed = |value: f64| (value * ONE as f64) as i64;
    let (step_x, step_y) = (fixed(cos), fixed(-sin));
    let (end_x, end_y) = ((i64::from(width) - 1) << 16, (i64::from(height) - 1) << 16);
    for (y, row) in pixels.chunks_exact_mut(stride.max(1)).enumerate() {
        let down = y as f64 - middle_y;
        let mut x = fixed(middle_x - middle_x * cos + down * sin);
        let mut y = fixed(middle_y + middle_x * sin + down * cos);
        for pixel in row {
            if x >= 0 && x < end_x && y >= 0 && y < end_y {
                let at = (y >> 16) as usize * stride + (x >> 16) as usize;
                let (right, below) = (x & (ONE - 1), y & (ONE - 1));
                let upper = i64::from(raw[at]) * (ONE - right) + i64::from(raw[at + 1]) * right;
                let lower =
                    i64::from(raw[at + stride]) * (ONE - right) + i64::from(raw[at + stride + 1]) * right;
                *pixel = (((upper >> 8) * (ONE - below) + (lower >> 8) * below) >> 24) as u8;
            }
            x += step_x;
            y += step_y;
        }
    }
    GrayImage::from_raw(width, height, pixels).unwrap_or_default()
}

/// The box of a word on the page before it was [`rotated`].
pub(in crate::extract) fn rotated_back(mut word: Seen, (width, height): (u32, u32), degrees: f64) -> Seen {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (middle_x, middle_y) = (f64::from(width) / 2.0, f64::from(height) / 2.0);
    let x = f64::from(word.left) + f64::from(word.width) / 2.0 - middle_x;
    let y = f64::from(word.top) + f64::from(word.height) / 2.0 - middle_y;
    let (x, y) = (x * cos + y * sin + middle_x, -x * sin + y * cos + middle_y);
    let corner = |middle: f64, size: u32| (middle - f64::from(size) / 2.0).round().max(0.0) as u32;
    (word.left, word.top) = (corner(x, word.width), corner(y, word.height));
    word
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
    fn the_way_lines_run_is_seen() {
        for degrees in [-2.0, 0.0, 1.8] {
            let page = rotated(&lines(), degrees);
            let turned = turn(&page, 1).unwrap();
            assert!(rows(&page).sharpness > rows(&turned).sharpness * 2.0);
        }
    }

    #[test]
    fn skew_is_measured_undone_and_boxes_stay() {
        let skew = |page: &GrayImage| rows(page).skew;
        assert_eq!(skew(&lines()), 0.0);
        for degrees in [-3.0, -1.3, 0.7, 2.0] {
            let askew = rotated(&lines(), degrees);
            assert!((skew(&askew) - degrees).abs() < 0.16, "{degrees}: {}", skew(&askew));
            assert!(skew(&rotated(&askew, -degrees)).abs() < 0.16);
        }
        // A dot that was turned away is found where it was.
        let mut dot = GrayImage::from_pixel(400, 600, Luma([255]));
        (50..54).for_each(|x| (80..84).for_each(|y| dot.put_pixel(x, y, Luma([0]))));
        let turned = rotated(&dot, 3.0);
        let dark = turned.enumerate_pixels().min_by_key(|(_, _, pixel)| pixel.0[0]).unwrap();
        let seen = Seen {
            left: dark.0 - 2,
            top: dark.1 - 2,
            width: 4,
            height: 4,
            confidence: 1.0,
            text: String::new(),
            before: "",
        };
        let back = rotated_back(seen, (400, 600), 3.0);
        assert!(back.left.abs_diff(50) <= 2 && back.top.abs_diff(80) <= 2, "{back:?}");
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
