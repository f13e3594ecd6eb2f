//! How rows of text lie on a page: their slope, how it changes down the page, and whether they stand on their heads.
//!
//! Rows of text and the gaps between them stand out most when darkness is summed along their slope. It is looked for
//! on a small image of the page, in bands from top to bottom: on a sheet photographed from aside, rows fan out.

use image::GrayImage;

/// Degrees of skew that are looked for on either side. Feeders give a few, hands that hold a telephone more.
const SKEW_MAX: f64 = 15.0;

/// Degrees between the slopes of the first, coarse look.
const COARSE: f64 = 0.5;

/// Bands that slopes are looked for in, from top to bottom.
const BANDS: usize = 7;

/// Pixels across in which a row counts as flat.
const STRIP: usize = 16;

/// Degrees of difference between the first and the last rows of a page from which they fan out.
const FAN_MIN: f64 = 0.4;

/// How the rows of a page lie.
#[derive(Clone, Copy, Debug)]
pub(in crate::extract) struct Rows {
    /// Degrees of slope in the middle of the page, positive down to the right.
    pub skew: f64,
    /// Degrees by which slope grows from the top of the page to its bottom.
    pub fan: f64,
    /// How clearly rows stand out along that slope. Of a page and the same page turned a quarter, the one with the
    /// greater value has its lines running across.
    pub sharpness: f64,
}

impl Rows {
    /// The rows of the same page turned by half.
    pub fn upside_down(self) -> Self {
        Self { fan: -self.fan, ..self }
    }
}

/// The darkness of each row within narrow strips from left to right.
struct Strips {
    /// Distance of each strip from the middle of the page, and its rows.
    strips: Vec<(f64, Vec<i64>)>,
    height: usize,
}

impl Strips {
    fn of(sketch: &GrayImage) -> Self {
        let (width, height) = (sketch.width() as usize, sketch.height() as usize);
        let raw = sketch.as_raw();
        let row = |x: usize, y: usize| {
            raw[y * width + x..][..STRIP].iter().map(|&value| 255 - i64::from(value)).sum()
        };
        let strips = (0..width.saturating_sub(STRIP - 1))
            .step_by(STRIP)
            .map(|x| {
                let middle = (x + STRIP / 2) as f64 - width as f64 / 2.0;
                (middle, (0..height).map(|y| row(x, y)).collect())
            })
            .collect();
        Self { strips, height }
    }

    /// Darkness summed along rows that slope by `degrees` and begin, in the middle of the page, from `top` on.
    fn profile(&self, top: usize, rows: usize, degrees: f64) -> Vec<i64> {
        let slope = degrees.to_radians().tan();
        let mut profile = vec![0; rows];
        for (x, strip) in &self.strips {
            let start = top as i64 + (x * slope).round() as i64;
            let skipped = usize::try_from(-start).unwrap_or(0);
            let start = usize::try_from(start).unwrap_or(0);
            let dark = strip.get(start..).unwrap_or_default();
            for (sum, dark) in profile.iter_mut().skip(skipped).zip(dark) {
                *sum += dark;
            }
        }
        profile
    }

    fn sharpness(&self, (top, rows): (usize, usize), degrees: f64) -> f64 {
        let profile = self.profile(top, rows, degrees);
        profile.windows(2).map(|pair| ((pair[1] - pair[0]) as f64).powi(2)).sum()
    }
}

/// Looks for rows of text across the page.
pub(in crate::extract) fn rows(sketch: &GrayImage) -> Rows {
    let strips = Strips::of(sketch);
    let bands = bands(strips.height);
    let steps = (SKEW_MAX / COARSE) as i32;
    let slopes: Vec<f64> = (-steps..=steps).map(|step| f64::from(step) * COARSE).collect();
    let looks: Vec<Vec<f64>> = bands
        .iter()
        .map(|&band| slopes.iter().map(|&degrees| strips.sharpness(band, degrees)).collect())
        .collect();
    let in_all = |slope: usize| looks.iter().map(|look| look[slope]).sum::<f64>();
    let level = steps as usize;
    let coarse =
        (0..slopes.len()).fold(level, |best, slope| if in_all(slope) > in_all(best) { slope } else { best });
    // Each band for itself, near what holds for all of them.
    let near = (FAN_LOOK / COARSE) as usize;
    let (mut found, mut sharpness, mut flat) = (Vec::new(), 0.0, 0.0);
    for (number, (&band, look)) in bands.iter().zip(&looks).enumerate() {
        let range = coarse.saturating_sub(near)..(coarse + near + 1).min(slopes.len());
        let best = range.fold(coarse, |best, slope| if look[slope] > look[best] { slope } else { best });
        let fine = (-4..=4)
            .map(|step| slopes[best] + f64::from(step) * 0.1)
            .map(|degrees| (strips.sharpness(band, degrees), degrees));
        let (sharp, degrees) = fine.fold((0.0, 0.0), |best, next| if next.0 > best.0 { next } else { best });
        let usual = look.iter().sum::<f64>() / look.len() as f64;
        sharpness += sharp;
        flat += look[level];
        // A band without rows is no witness.
        if sharp > usual * 1.5 {
            found.push((number as f64 - (BANDS - 1) as f64 / 2.0, degrees, sharp));
        }
    }
    let (skew, fan) = line_through(&found);
    let fan = if fan.abs() * BANDS as f64 >= FAN_MIN { fan * BANDS as f64 } else { 0.0 };
    let size = (u64::from(sketch.width()).pow(2) * u64::from(sketch.height())).max(1);
    let straight = skew == 0.0 || sharpness < flat * 1.02;
    let (skew, fan) = if straight { (0.0, 0.0) } else { (skew, fan) };
    Rows { skew, fan, sharpness: sharpness / size as f64 }
}

/// First row and number of rows of each band. The edges of the page, where rows of text run out of it, say little.
fn bands(height: usize) -> Vec<(usize, usize)> {
    let edge = height / 25;
    let band = (height - 2 * edge) / BANDS;
    (0..BANDS).map(|n| (edge + n * band, band)).collect()
}

/// Degrees on either side of the slope of the page that one band may have.
const FAN_LOOK: f64 = 4.0;

/// The straight line through places, slopes and their weight, without those that lie far from the others: slope in the
/// middle, and growth for each band.
fn line_through(found: &[(f64, f64, f64)]) -> (f64, f64) {
    if found.is_empty() {
        return (0.0, 0.0);
    }
    let median = |mut values: Vec<f64>| {
        values.sort_unstable_by(f64::total_cmp);
        values[values.len() / 2]
    };
    // Theil and Sen: the median of the growth between any two, then of what is left.
    let growths: Vec<f64> = found
        .iter()
        .enumerate()
        .flat_map(|(at, one)| found[at + 1..].iter().map(|other| (other.1 - one.1) / (other.0 - one.0)))
        .collect();
    let growth = if found.len() < 4 { 0.0 } else { median(growths) };
    let rest: Vec<f64> = found.iter().map(|(place, slope, _)| slope - growth * place).collect();
    let middle = median(rest.clone());
    let near: Vec<f64> = rest.into_iter().filter(|slope| (slope - middle).abs() <= 0.5).collect();
    (near.iter().sum::<f64>() / near.len().max(1) as f64, growth)
}

/// Are letters the right way up on the page whose rows these are? Above 0: they seem so; below: they stand on their
/// heads; near 0: not known.
///
/// Latin letters stand on a line. Darkness ends there at once, while at their other side tall ones go on: the steps of
/// darkness from row to row are steeper down than up.
pub(in crate::extract) fn stand(page: &GrayImage, rows: Rows) -> f64 {
    let strips = Strips::of(page);
    let (mut sum, mut size) = (0.0, 0.0);
    for (number, (top, height)) in bands(strips.height).into_iter().enumerate() {
        let place = (number as f64 - (BANDS - 1) as f64 / 2.0) / BANDS as f64;
        let profile = strips.profile(top, height, rows.skew + rows.fan * place);
        for pair in profile.windows(2) {
            let step = (pair[1] - pair[0]) as f64;
            sum -= step.powi(3);
            size += step.abs().powi(3);
        }
    }
    if size > 0.0 { sum / size } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::paper::page_image::turn;
    use image::Luma;

    /// Rows of short dark dashes on paper, like lines of words, that slope by `skew` degrees and fan out by `fan`.
    fn lines(skew: f64, fan: f64) -> GrayImage {
        GrayImage::from_fn(700, 1000, |x, y| {
            let (across, down) = (f64::from(x) - 350.0, f64::from(y) - 500.0);
            let slope = (skew + fan * down / 1000.0).to_radians().tan();
            let row = 1000.0 + down - across * slope;
            let within = (80..920).contains(&y) && (70..630).contains(&x);
            let letter = row.rem_euclid(20.0) < 8.0 && (x + (row / 20.0) as u32 * 11) % 30 < 24;
            Luma([if within && letter { 30 } else { 240 }])
        })
    }

    #[test]
    fn the_way_lines_run_is_seen() {
        for skew in [-12.0, -2.0, 0.0, 1.8, 9.0] {
            let page = lines(skew, 0.0);
            let turned = turn(&page, 1).unwrap();
            assert!(rows(&page).sharpness > rows(&turned).sharpness * 2.0, "{skew}");
        }
    }

    #[test]
    fn skew_and_fan_are_measured() {
        for (skew, fan) in [(0.0, 0.0), (-3.0, 0.0), (0.7, 0.0), (11.0, 0.0), (-1.3, 4.0), (2.0, -6.0)] {
            let found = rows(&lines(skew, fan));
            assert!((found.skew - skew).abs() < 0.2, "{skew} {fan}: {found:?}");
            assert!((found.fan - fan).abs() < 0.8, "{skew} {fan}: {found:?}");
        }
    }

    #[test]
    fn paper_without_rows_lies_straight() {
        let noise = GrayImage::from_fn(700, 1000, |x, y| Luma([(230 + (x * 7 + y * 13) % 9) as u8]));
        assert_eq!(rows(&noise).fan, 0.0);
        rows(&GrayImage::new(60, 16));
        rows(&GrayImage::new(1, 1));
    }
}
