//! Even light: a page in shadow, yellowed or photographed becomes dark letters on white paper.
//!
//! What a sheet looks like without its ink is guessed tile by tile, and each pixel is divided by it (the flat-field
//! correction of photography). Invariant: a page that is evenly lit comes out as it went in, and no pixel moves.

use image::GrayImage;

/// Pixels of a tile on the sketch: a little more than a line of text, so that every tile holds some paper.
const TILE: u32 = 16;

/// Share of its darkest tiles, and of its lightest, that say nothing about the light on the page: pictures, the table
/// below it, reflections.
const STRAY: usize = 20;

/// Light of the darker parts, as share of that of the lighter ones, from which a page is evenly lit.
const EVEN: f32 = 0.88;

/// What paper becomes.
const WHITE: f32 = 245.0;

/// The light on a page, on a grid of tiles of its sketch.
pub(in crate::extract) struct Light {
    columns: usize,
    rows: usize,
    /// What to multiply a pixel in the middle of each tile with.
    gains: Vec<f32>,
    even: bool,
}

pub(in crate::extract) fn light(sketch: &GrayImage) -> Light {
    let columns = sketch.width().div_ceil(TILE).max(1) as usize;
    let rows = sketch.height().div_ceil(TILE).max(1) as usize;
    let paper: Vec<f32> = (0..rows * columns)
        .map(|tile| {
            f32::from(paper_of(sketch, (tile % columns) as u32 * TILE, (tile / columns) as u32 * TILE))
        })
        .collect();
    // Large letters and rules can fill a tile: paper is what its lightest neighbour shows.
    let lightest = around(&paper, columns, rows, |near| near.iter().copied().fold(0.0, f32::max));
    let smooth = around(&lightest, columns, rows, |near| near.iter().sum::<f32>() / near.len() as f32);
    let mut sorted = smooth.clone();
    sorted.sort_unstable_by(f32::total_cmp);
    let stray = sorted.len() / STRAY;
    let even = sorted[stray] >= sorted[sorted.len() - 1 - stray] * EVEN;
    // A tile that is nearly black tells nothing: at most eight times lighter.
    let gains = smooth.into_iter().map(|paper| (WHITE / paper.max(1.0)).clamp(0.9, 8.0)).collect();
    Light { columns, rows, gains, even }
}

/// The light of the paper in one tile: of its pixels, four in five are no lighter.
fn paper_of(sketch: &GrayImage, left: u32, top: u32) -> u8 {
    let (right, bottom) = ((left + TILE).min(sketch.width()), (top + TILE).min(sketch.height()));
    let mut values: Vec<u8> = (top..bottom)
        .flat_map(|y| {
            let row = (y * sketch.width()) as usize;
            sketch.as_raw()[row + left as usize..row + right as usize].iter().copied()
        })
        .collect();
    let at = values.len() * 4 / 5;
    if values.is_empty() { 255 } else { *values.select_nth_unstable(at).1 }
}

/// What `of` makes of each tile and those around it.
fn around(tiles: &[f32], columns: usize, rows: usize, of: impl Fn(&[f32]) -> f32) -> Vec<f32> {
    let mut near = Vec::with_capacity(9);
    (0..tiles.len())
        .map(|tile| {
            let (column, row) = (tile % columns, tile / columns);
            near.clear();
            for y in row.saturating_sub(1)..(row + 2).min(rows) {
                for x in column.saturating_sub(1)..(column + 2).min(columns) {
                    near.push(tiles[y * columns + x]);
                }
            }
            of(&near)
        })
        .collect()
}

impl Light {
    /// The light is the same all over the page.
    pub fn is_even(&self) -> bool {
        self.even
    }

    /// The page, or its sketch, as it would look in even light.
    pub fn even(&self, page: &mut GrayImage) {
        let (width, height) = (page.width() as usize, page.height() as usize);
        let place = |at: usize, length: usize, tiles: usize| {
            let place = (at as f32 + 0.5) * tiles as f32 / length as f32 - 0.5;
            let place = place.clamp(0.0, (tiles - 1) as f32);
            let first = (place as usize).min(tiles.saturating_sub(2));
            (first, place - first as f32)
        };
        let columns: Vec<(usize, f32)> = (0..width).map(|x| place(x, width, self.columns)).collect();
        let mut gains = vec![0.0; self.columns];
        for (y, row) in page.as_mut().chunks_exact_mut(width.max(1)).enumerate() {
            let (above, down) = place(y, height, self.rows);
            let below = (above + 1).min(self.rows - 1);
            for (x, gain) in gains.iter_mut().enumerate() {
                let (one, other) =
                    (self.gains[above * self.columns + x], self.gains[below * self.columns + x]);
                *gain = one + (other - one) * down;
            }
            for (pixel, &(left, right)) in row.iter_mut().zip(&columns) {
                let (one, other) = (gains[left], gains[(left + 1).min(self.columns - 1)]);
                *pixel = (f32::from(*pixel) * (one + (other - one) * right)).min(255.0) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    fn page(light: impl Fn(u32, u32) -> f32) -> GrayImage {
        GrayImage::from_fn(700, 1000, |x, y| {
            let ink = y % 20 < 8 && x % 12 < 7 && (100..600).contains(&x);
            Luma([(light(x, y) * if ink { 30.0 } else { 240.0 }) as u8])
        })
    }

    #[test]
    fn shadow_goes_and_letters_stay() {
        let shadow = |x: u32, y: u32| {
            1.0 - 0.6 * (-((x as f32 - 500.0).powi(2) + (y as f32 - 300.0).powi(2)) / 80_000.0).exp()
        };
        let mut page = page(shadow);
        let light = light(&page);
        assert!(!light.is_even());
        light.even(&mut page);
        let (paper, ink) = (
            |x: u32, y: u32| page.get_pixel(x * 12 + 9, y * 20 + 14).0[0],
            |x: u32, y: u32| page.get_pixel(x * 12 + 3, y * 20 + 3).0[0],
        );
        for (x, y) in [(10, 2), (41, 15), (30, 30), (48, 48)] {
            assert!(paper(x, y) > 220 && ink(x, y) < 60, "{x} {y}: {} {}", paper(x, y), ink(x, y));
        }
    }

    #[test]
    fn even_light_is_seen_as_such_on_grey_paper_too() {
        assert!(light(&page(|_, _| 1.0)).is_even());
        assert!(light(&page(|_, _| 0.7)).is_even());
        assert!(light(&page(|x, _| 1.0 - x as f32 / 10_000.0)).is_even());
        assert!(light(&GrayImage::new(1, 1)).is_even());
    }
}
