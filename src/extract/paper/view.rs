//! A page set straight: rows level, and side by side where a sheet was photographed from aside.
//!
//! A view is the way from each place on the straight page to the place on the page as it lay. Invariant: the same way
//! is gone for pixels and for the boxes of words, so that a box lies on its ink whatever was done to the page.

use super::ocr::Seen;
use super::rows::Rows;
use image::GrayImage;

/// Degrees from which a page is set straight.
const SKEW_MIN: f64 = 0.15;

/// Degrees from which the straight page is made larger than the one that lay askew: its corners would be cut off.
const CORNERS_MIN: f64 = 2.0;

/// From the straight page to the page as it lay.
#[derive(Clone, Copy, Debug)]
pub(in crate::extract) struct View {
    sin: f64,
    cos: f64,
    /// Slope that is added for each pixel down.
    fan: f64,
    /// The page as it lay, and the straight one.
    came: (u32, u32),
    straight: (u32, u32),
}

impl View {
    /// The view that sets such rows straight; `None` when they are.
    pub fn of(rows: Rows, came: (u32, u32)) -> Option<Self> {
        if rows.skew.abs() < SKEW_MIN && rows.fan == 0.0 {
            return None;
        }
        let (sin, cos) = rows.skew.to_radians().sin_cos();
        let (width, height) = (f64::from(came.0), f64::from(came.1));
        let straight = if rows.skew.abs() < CORNERS_MIN {
            came
        } else {
            let across = width * cos + height * sin.abs();
            let down = height * cos + width * sin.abs();
            (across.round() as u32, down.round() as u32)
        };
        Some(Self { sin, cos, fan: rows.fan.to_radians() / height.max(1.0), came, straight })
    }

    /// Where a place on the straight page lies on the page as it came.
    fn back(&self, x: f64, y: f64) -> (f64, f64) {
        let across = x - f64::from(self.straight.0) / 2.0;
        let down = y - f64::from(self.straight.1) / 2.0;
        let down = down + across * self.fan * down;
        (
            f64::from(self.came.0) / 2.0 + across * self.cos - down * self.sin,
            f64::from(self.came.1) / 2.0 + across * self.sin + down * self.cos,
        )
    }

    /// The straight page; what comes in from outside has the colour of paper. Mixed from four pixels each: moving whole
    /// rows and columns instead is faster, and cost a quarter more wrong characters on degraded scans.
    pub fn straight(&self, page: &GrayImage) -> GrayImage {
        const ONE: i64 = 1 << 16;
        let raw = page.as_raw();
        let paper = paper(page);
        let (width, stride) = (self.straight.0 as usize, page.width() as usize);
        let mut pixels = vec![paper; width * self.straight.1 as usize];
        // Places in 16.16 fixed point, stepped along each row: along one row the way back is a straight line.
        let fixed = |value: f64| (value * ONE as f64) as i64;
        let (end_x, end_y) = ((i64::from(page.width()) - 1) << 16, (i64::from(page.height()) - 1) << 16);
        for (y, row) in pixels.chunks_exact_mut(width.max(1)).enumerate() {
            let (first, last) = (self.back(0.0, y as f64), self.back(width as f64, y as f64));
            let step = |first: f64, last: f64| fixed((last - first) / width as f64);
            let (step_x, step_y) = (step(first.0, last.0), step(first.1, last.1));
            let (mut x, mut y) = (fixed(first.0), fixed(first.1));
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
        GrayImage::from_raw(self.straight.0, self.straight.1, pixels).unwrap_or_default()
    }

    /// A word seen on the straight page, with the box around its ink on the page as it came.
    pub fn word_back(&self, mut word: Seen) -> Seen {
        let (left, top) = (f64::from(word.left), f64::from(word.top));
        let (right, bottom) = (left + f64::from(word.width), top + f64::from(word.height));
        let corners =
            [(left, top), (right, top), (left, bottom), (right, bottom)].map(|(x, y)| self.back(x, y));
        let span = |places: [f64; 4], size: u32| {
            let least = places.into_iter().fold(f64::INFINITY, f64::min).clamp(0.0, f64::from(size));
            let most = places.into_iter().fold(0.0, f64::max).clamp(least, f64::from(size));
            (least.round() as u32, (most - least).round() as u32)
        };
        (word.left, word.width) = span(corners.map(|(x, _)| x), self.came.0);
        (word.top, word.height) = span(corners.map(|(_, y)| y), self.came.1);
        word
    }
}

/// The shade of the paper: three in four pixels are no lighter.
pub(in crate::extract) fn paper(page: &GrayImage) -> u8 {
    let mut sample: Vec<u8> = page.as_raw().iter().step_by(997).copied().collect();
    sample.sort_unstable();
    sample.get(sample.len() * 3 / 4).copied().unwrap_or(255)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    fn lying(skew: f64, fan: f64) -> Rows {
        Rows { skew, fan, sharpness: 1.0 }
    }

    #[test]
    fn a_box_lies_on_its_ink_after_the_page_was_set_straight() {
        let came = (400, 600);
        for (rows, x, y) in
            [(lying(3.0, 0.0), 50, 80), (lying(-12.0, 0.0), 330, 500), (lying(1.0, 5.0), 90, 540)]
        {
            let mut page = GrayImage::from_pixel(came.0, came.1, Luma([255]));
            (x..x + 6).for_each(|x| (y..y + 6).for_each(|y| page.put_pixel(x, y, Luma([0]))));
            let view = View::of(rows, came).unwrap();
            let dark: Vec<(u32, u32)> = view
                .straight(&page)
                .enumerate_pixels()
                .filter(|(_, _, pixel)| pixel.0[0] < 128)
                .map(|(x, y, _)| (x, y))
                .collect();
            let least = |of: fn(&(u32, u32)) -> u32| dark.iter().map(of).min().unwrap();
            let most = |of: fn(&(u32, u32)) -> u32| dark.iter().map(of).max().unwrap() + 1;
            let (left, top) = (least(|at| at.0), least(|at| at.1));
            let (width, height) = (most(|at| at.0) - left, most(|at| at.1) - top);
            let seen = Seen { left, top, width, height, confidence: 1.0, text: String::new(), before: "" };
            let back = view.word_back(seen);
            let near = |one: u32, other: u32| one.abs_diff(other) <= 3;
            assert!(near(back.left, x) && near(back.top, y), "{back:?} for {x} {y}");
            assert!(near(back.left + back.width, x + 6) && near(back.top + back.height, y + 6), "{back:?}");
        }
    }

    #[test]
    fn rows_that_lie_straight_are_left_alone() {
        assert!(View::of(lying(0.1, 0.0), (400, 600)).is_none());
    }
}
