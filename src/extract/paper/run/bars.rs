//! Black and white seen from afar: the squares of QR codes, the bars of barcodes, and the four bars of a patch code.
//!
//! A patch code (a scanner maker's convention, Kodak publication A-61599) is four bars of 50 mm and more, narrow (2 mm) or wide (5 mm), with
//! narrow spaces: 20 mm in all. T is narrow, wide, narrow, wide. Seen upside down it is the code that others call
//! 3: both are taken, for sheets are fed either way. Invariant: pure functions of the image.

use image::GrayImage;

/// Pixels of the tiles within which black is told from white.
const TILE: usize = 39;

/// Grey levels between the darkest and the lightest of a tile under which it is all of one colour.
const CONTRAST_MIN: u8 = 60;

/// Places that may be corner squares which are looked at on one page.
const SQUARES_MAX: usize = 12;

/// What may be a corner square of a QR code: its middle and its side, in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Square {
    pub x: f32,
    pub y: f32,
    pub size: f32,
}

/// A page in black and white.
pub(super) struct Bitmap {
    width: usize,
    height: usize,
    /// True is black; row by row.
    dark: Vec<bool>,
    /// The same, column by column.
    turned: Vec<bool>,
}

impl Bitmap {
    pub fn of(image: &GrayImage) -> Self {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let raw = image.as_raw();
        let mut dark = vec![false; width * height];
        let middle = middle(raw);
        for top in (0..height).step_by(TILE) {
            let bottom = (top + TILE).min(height);
            for left in (0..width).step_by(TILE) {
                let right = (left + TILE).min(width);
                let (mut least, mut most) = (u8::MAX, 0);
                for row in top..bottom {
                    for &pixel in &raw[row * width + left..row * width + right] {
                        least = least.min(pixel);
                        most = most.max(pixel);
                    }
                }
                // A tile of one colour is black or white as the page has it.
                let threshold = if most - least < CONTRAST_MIN { middle } else { least / 2 + most / 2 };
                for row in top..bottom {
                    let line = row * width;
                    for at in line + left..line + right {
                        dark[at] = raw[at] < threshold;
                    }
                }
            }
        }
        let mut turned = vec![false; width * height];
        for (y, row) in dark.chunks_exact(width.max(1)).enumerate() {
            for (x, &pixel) in row.iter().enumerate() {
                turned[x * height + y] = pixel;
            }
        }
        Self { width, height, dark, turned }
    }

    fn row(&self, y: usize) -> &[bool] {
        &self.dark[y * self.width..][..self.width]
    }

    fn column(&self, x: usize) -> &[bool] {
        &self.turned[x * self.height..][..self.height]
    }

    /// The places that look like the corner square of a QR code (black, white, black, white, black as 1:1:3:1:1, both
    /// across and down), at most [`SQUARES_MAX`].
    pub fn squares(&self) -> Vec<Square> {
        const STEP: usize = 2;
        let mut found: Vec<Square> = Vec::new();
        let mut runs = Vec::new();
        for y in (0..self.height).step_by(STEP) {
            runs_of(self.row(y), &mut runs);
            for five in runs.windows(5) {
                let Some(size) = square(five) else { continue };
                let x = five[2].start + five[2].length / 2;
                let far = |one: &Square| {
                    (one.x - x as f32).abs() + (one.y - y as f32).abs() > one.size.max(size as f32)
                };
                if found.iter().all(far)
                    && let Some(one) = self.square_at(x, y, size)
                {
                    found.push(one);
                    if found.len() >= SQUARES_MAX {
                        return found;
                    }
                }
            }
        }
        found
    }

    /// The square of about this size around a place, if one is there also down the column; with its middle.
    fn square_at(&self, x: usize, y: usize, size: usize) -> Option<Square> {
        let (down, middle_y) = crossed(self.column(x), y, size)?;
        let (across, middle_x) = crossed(self.row(middle_y as usize), x, size)?;
        Some(Square { x: middle_x, y: middle_y, size: (down + across) as f32 / 2.0 })
    }

    /// The same where a stripe of a dirty feeder runs through a square, so that no line across it is whole: lines side by
    /// side along the stripe that show it are enough. Finds more than there is; three of them make no code yet.
    pub fn striped_squares(&self) -> Vec<Square> {
        let down = beside(&|x| self.column(x), self.width);
        let across = beside(&|y| self.row(y), self.height);
        let down = down.into_iter().map(|(x, y, size)| Square { x, y, size });
        let across = across.into_iter().map(|(y, x, size)| Square { x, y, size });
        let mut found: Vec<Square> = Vec::new();
        for one in down.chain(across) {
            let near = |other: &Square| (other.x - one.x).abs() + (other.y - one.y).abs() < one.size / 2.0;
            if found.len() < SQUARES_MAX && !found.iter().any(near) {
                found.push(one);
            }
        }
        found
    }

    /// Are there bars close together that run on, as a barcode's do, along or across the page?
    pub fn has_barcode(&self) -> bool {
        (0..self.height).step_by(4).any(|y| coherent(&|line| self.row(line), y, self.height))
            || (0..self.width).step_by(4).any(|x| coherent(&|line| self.column(line), x, self.width))
    }
}

/// The grey between the dark and the light of the whole page.
fn middle(raw: &[u8]) -> u8 {
    let mut counts = [0_usize; 256];
    raw.iter().step_by(7).for_each(|&pixel| counts[usize::from(pixel)] += 1);
    let all: usize = counts.iter().sum();
    let level = |share: usize| {
        let mut seen = 0;
        counts.iter().position(|count| {
            seen += count;
            seen * 100 >= all * share
        })
    };
    let (dark, light) = (level(1).unwrap_or(0), level(90).unwrap_or(255));
    u8::try_from((dark + light) / 2).unwrap_or(u8::MAX).min(140)
}

/// A stretch of one colour.
#[derive(Clone, Copy, Debug)]
struct Run {
    start: usize,
    length: usize,
    dark: bool,
}

/// Squares seen on lines side by side: the middle over the lines, the middle on them, and the size.
fn beside<'a>(line: &impl Fn(usize) -> &'a [bool], lines: usize) -> Vec<(f32, f32, f32)> {
    /// Of the three modules of a square's core, how many must be seen.
    const CORE_MIN: f32 = 1.8;
    /// First line, last line, sum and number of middles, size.
    struct Open {
        first: usize,
        last: usize,
        sum: f32,
        seen: f32,
        size: f32,
    }
    let mut found = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut runs = Vec::new();
    for at in 0..=lines {
        // One line may be lost to the stripe itself, or two.
        let (going, gone) =
            std::mem::take(&mut open).into_iter().partition(|one| at < lines && at - one.last <= 3);
        open = going;
        for one in gone {
            let wide = (one.last - one.first + 1) as f32;
            if wide >= one.size / 7.0 * CORE_MIN && wide <= one.size / 7.0 * 4.5 && one.seen * 2.0 >= wide {
                found.push(((one.first + one.last) as f32 / 2.0, one.sum / one.seen, one.size));
            }
        }
        if at == lines {
            break;
        }
        runs_of(line(at), &mut runs);
        for five in runs.windows(5) {
            let Some(size) = square(five) else { continue };
            let middle = five[2].start as f32 + (five[2].length as f32 - 1.0) / 2.0;
            let size = size as f32;
            let same = |one: &&mut Open| {
                (one.sum / one.seen - middle).abs() < size / 7.0 && (one.size - size).abs() < size / 4.0
            };
            match open.iter_mut().find(same) {
                Some(one) => {
                    (one.last, one.sum, one.seen) = (at, one.sum + middle, one.seen + 1.0);
                }
                None => open.push(Open { first: at, last: at, sum: middle, seen: 1.0, size }),
            }
        }
    }
    found
}

/// Size and middle of the square that a line crosses around `at`, of about the size `like`.
fn crossed(line: &[bool], at: usize, like: usize) -> Option<(usize, f32)> {
    let from = at.saturating_sub(like * 2);
    let to = (at + like * 2).min(line.len());
    let mut runs = Vec::new();
    runs_of(&line[from..to], &mut runs);
    runs.windows(5).find_map(|five| {
        let middle = five[2];
        let size = square(five)?;
        let here = (from + middle.start..from + middle.start + middle.length).contains(&at);
        let fits = here && size * 3 > like * 2 && like * 3 > size * 2;
        fits.then_some((size, (from + middle.start) as f32 + (middle.length as f32 - 1.0) / 2.0))
    })
}

fn runs_of(line: &[bool], runs: &mut Vec<Run>) {
    runs.clear();
    let mut start = 0;
    while let Some(&dark) = line.get(start) {
        let length = line[start..].iter().position(|&pixel| pixel != dark).unwrap_or(line.len() - start);
        runs.push(Run { start, length, dark });
        start += length;
    }
}

/// The size of the corner square that five runs cross, if they do.
fn square(runs: &[Run]) -> Option<usize> {
    let [a, b, c, d, e] = runs else { return None };
    let size = a.length + b.length + c.length + d.length + e.length;
    // Two pixels a module at the least.
    if !a.dark || size < 14 {
        return None;
    }
    let module = size as f32 / 7.0;
    let near = |run: &Run, modules: f32| {
        (run.length as f32 - modules * module).abs() < module * modules.max(1.2) * 0.5
    };
    (near(a, 1.0) && near(b, 1.0) && near(c, 3.0) && near(d, 1.0) && near(e, 1.0)).then_some(size)
}

/// Does a stretch of this line with many changes look the same on the lines after it?
fn coherent<'a>(line: &impl Fn(usize) -> &'a [bool], at: usize, end: usize) -> bool {
    const CHANGES_MIN: usize = 40;
    const GAP_MAX: usize = 14;
    const LINES: [usize; 3] = [4, 8, 12];
    if at + LINES[2] >= end {
        return false;
    }
    let here = line(at);
    let mut begin = None;
    let (mut changes, mut last) = (0, 0);
    for x in 1..here.len() {
        if here[x] == here[x - 1] && x + 1 < here.len() {
            continue;
        }
        if begin.is_none() || x - last > GAP_MAX {
            if let Some(begin) = begin
                && changes >= CHANGES_MIN
                && LINES.iter().all(|&more| alike(&here[begin..last], &line(at + more)[begin..last]))
            {
                return true;
            }
            begin = Some(x);
            changes = 0;
        }
        changes += 1;
        last = x;
    }
    begin.is_some_and(|begin| {
        changes >= CHANGES_MIN
            && LINES.iter().all(|&more| alike(&here[begin..last], &line(at + more)[begin..last]))
    })
}

fn alike(one: &[bool], other: &[bool]) -> bool {
    let same = one.iter().zip(other).filter(|(one, other)| one == other).count();
    same * 100 >= one.len() * 85
}

/// Is there a Patch-T code, along or across the page, from either end?
pub(super) fn patch_t(bitmap: &Bitmap) -> bool {
    let side = bitmap.width.max(bitmap.height);
    patch_in(&|line| bitmap.row(line), bitmap.height, side)
        || patch_in(&|line| bitmap.column(line), bitmap.width, side)
}

fn patch_in<'a>(line: &impl Fn(usize) -> &'a [bool], lines: usize, side: usize) -> bool {
    const STEP: usize = 3;
    // 20 mm of 297, and room for sheets that were printed smaller or larger, or cropped when they were scanned.
    let (least, most) = (side * 20 / 297 * 7 / 10, side * 20 / 297 * 14 / 10);
    // The bars are 50 mm long; part of that is enough.
    let enough = side * 22 / 297 / STEP;
    let mut runs = Vec::new();
    // Where codes stood on the last lines, and on how many.
    let mut open: Vec<(usize, usize, usize)> = Vec::new();
    for at in (0..lines).step_by(STEP) {
        runs_of(line(at), &mut runs);
        for seven in runs.windows(7) {
            let Some(start) = patch(seven, least, most) else { continue };
            match open
                .iter_mut()
                .find(|(place, last, _)| place.abs_diff(start) <= 4 && at - *last <= 3 * STEP)
            {
                Some(seen) => {
                    *seen = (start, at, seen.2 + 1);
                    if seen.2 >= enough {
                        return true;
                    }
                }
                None => open.push((start, at, 1)),
            }
        }
        open.retain(|(_, last, _)| at - last <= 3 * STEP);
    }
    false
}

/// Where a Patch-T code starts on this line, if these seven runs are one.
fn patch(runs: &[Run], least: usize, most: usize) -> Option<usize> {
    let (first, last) = (runs.first()?, runs.last()?);
    let whole = last.start + last.length - first.start;
    if !first.dark || whole < least || whole > most {
        return None;
    }
    // Narrow and wide as 2 and 5: ten narrow ones in all.
    let narrow = whole as f32 / 10.0;
    let is = |run: &Run, times: f32| (run.length as f32 - narrow * times).abs() <= narrow * 0.55;
    let spaces = runs.iter().skip(1).step_by(2).all(|run| is(run, 1.0));
    let bars = |widths: [f32; 4]| runs.iter().step_by(2).zip(widths).all(|(run, times)| is(run, times));
    (spaces && (bars([1.0, 2.5, 1.0, 2.5]) || bars([2.5, 1.0, 2.5, 1.0]))).then_some(first.start)
}
