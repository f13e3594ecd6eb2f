//! Page images → text: upright, at a sensible size, blank pages passed over, confidence kept.
//!
//! The page is set straight and read the way its lines run; only when the reading makes no sense is it turned,
//! and the next page of the same document is tried that way first. Invariant: low confidence is told to staff
//! and never hidden; a word's box is in pixels of the page image as it came, turned upright.

use super::ocr::{EngineError, Seen};
use super::reading::{Content, Reading, called, tidy};
use crate::record::{Method, Problem, Word};
use image::GrayImage;
use image::imageops::{self, FilterType};

/// Mean confidence (0–100) from which a reading is taken as upright without trying others.
const CONFIDENT: f32 = 72.0;

/// Mean confidence below which staff are told to read with their own eyes.
const POOR: f32 = 60.0;

/// Longest side in pixels that is given to the recogniser: A4 at 300 dpi is 3508, A3 4961.
const SIDE_MAX: u32 = 5200;

/// What a larger image is brought down to.
const SIDE_WANTED: u32 = 3600;

/// Below it, letters are too small for the recogniser and the image is doubled.
const SIDE_MIN: u32 = 1700;

/// Pixels of the longer side of the small image on which lines and ink are looked for.
const SKETCH_SIDE: u32 = 1000;

/// Degrees of skew that are looked for on either side, and from which a page is straightened.
const SKEW_MAX: f64 = 5.0;
const SKEW_MIN: f64 = 0.15;

/// Share of dark pixels under which a page is blank.
const INK_MIN: f32 = 0.000_4;

/// The pages of one document, as they are read.
#[derive(Default)]
pub(super) struct Paper {
    texts: Vec<String>,
    words: Vec<Word>,
    /// Quarter turns (clockwise) that made the last page upright.
    turns: u32,
    letters: f64,
    confidence: f64,
    recognised: u32,
    blank: u32,
    failed: Option<Problem>,
}

/// One way of reading a page.
struct Attempt {
    turns: u32,
    words: Vec<Seen>,
}

impl Attempt {
    /// Mean confidence, weighed by letters; 0 without words.
    fn confidence(&self) -> f32 {
        let letters: usize = self.words.iter().map(|word| letters(&word.text)).sum();
        if letters == 0 {
            return 0.0;
        }
        let sum: f32 = self.words.iter().map(|word| word.confidence * letters_f(&word.text)).sum();
        sum / letters as f32
    }

    /// How much of it is worth reading.
    fn score(&self) -> f32 {
        let sure = self.words.iter().filter(|word| word.confidence > 50.0);
        sure.map(|word| word.confidence * letters_f(&word.text)).sum()
    }
}

fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphanumeric()).count()
}

fn letters_f(text: &str) -> f32 {
    letters(text) as f32
}

impl Paper {
    /// Adds the text of a page that needed no recognition.
    pub fn text_page(&mut self, text: String) {
        if !text.is_empty() {
            self.texts.push(text);
        }
    }

    /// Keeps words with boxes of a page that needed no recognition.
    pub fn keep_words(&mut self, words: impl IntoIterator<Item = Word>) {
        self.words.extend(words);
    }

    /// Nothing was read and nothing was found blank.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.recognised + self.blank == 0
    }

    /// A page could not be read.
    pub fn fail(&mut self, problem: Problem) {
        self.failed.get_or_insert(problem);
    }

    /// Recognises a page. `number` counts from 1; `dpi` is what the file says, if it does.
    ///
    /// # Errors
    /// The engine's only.
    pub fn recognise(
        &mut self,
        reading: &mut Reading<'_>,
        number: u32,
        page: GrayImage,
        dpi: Option<u32>,
    ) -> Result<(), EngineError> {
        if page.width() < 8 || page.height() < 8 {
            self.blank += 1;
            return Ok(());
        }
        let came = f64::from(page.width());
        let (page, dpi) = sized(page, dpi);
        let scale = came / f64::from(page.width());
        let sketch = sketch(&page);
        if ink(&sketch) < INK_MIN {
            self.blank += 1;
            return Ok(());
        }
        reading.page_begins();
        let best = self.upright(reading, &page, dpi, &sketch)?;
        self.recognised += 1;
        if best.words.is_empty() {
            return Ok(());
        }
        self.turns = best.turns;
        let weight = best.words.iter().map(|word| letters(&word.text)).sum::<usize>() as f64;
        self.letters += weight;
        self.confidence += f64::from(best.confidence()) * weight;
        self.texts.push(best.words.iter().flat_map(|word| [word.before, &word.text]).collect());
        if reading.words {
            let at = |length: u32| (f64::from(length) * scale).round() as u32;
            self.words.extend(best.words.into_iter().map(|word| {
                let (left, top) = (at(word.left), at(word.top));
                Word(number, left, top, at(word.width), at(word.height), word.confidence, word.text)
            }));
        }
        Ok(())
    }

    /// The best reading of the page in any of its four directions.
    fn upright(
        &self,
        reading: &mut Reading<'_>,
        page: &GrayImage,
        dpi: u32,
        sketch: &GrayImage,
    ) -> Result<Attempt, EngineError> {
        let (across, down) = (rows(sketch), rows(&imageops::rotate90(sketch)));
        let sideways = down.sharpness > across.sharpness;
        // Along the lines as the last page lay, then upside down, then across.
        let first = if (self.turns % 2 == 1) == sideways { self.turns } else { u32::from(sideways) };
        let mut best: Option<Attempt> = None;
        for turns in [first, first + 2, first + 1, first + 3].map(|turns| turns % 4) {
            let turned = turn(page, turns);
            let turned = turned.as_ref().unwrap_or(page);
            let skew = if turns % 2 == 0 { across.skew } else { down.skew };
            let words = if skew.abs() < SKEW_MIN {
                reading.engine().read(turned, dpi)?
            } else {
                let words = reading.engine().read(&rotated(turned, -skew), dpi)?;
                words.into_iter().map(|word| rotated_back(word, turned.dimensions(), -skew)).collect()
            };
            let attempt = Attempt { turns, words: worth_keeping(words) };
            let confident = attempt.confidence() >= CONFIDENT && attempt.words.len() >= 3;
            if best.as_ref().is_none_or(|best| attempt.score() > best.score()) {
                best = Some(attempt);
            }
            if confident {
                break;
            }
            // Upside-down text is never read half well: across is tried for hopeless pages only.
            let hopeful =
                best.as_ref().is_some_and(|best| best.confidence() >= POOR && best.words.len() >= 10);
            if hopeful && turns != first {
                break;
            }
        }
        Ok(best.unwrap_or(Attempt { turns: 0, words: Vec::new() }))
    }

    /// All pages as one document.
    pub fn into_content(self, name: Option<&str>, pages: u32) -> Content {
        let method =
            if self.recognised > 0 || self.texts.is_empty() { Method::Ocr } else { Method::TextLayer };
        let mut content = Content::of(method, tidy(&self.texts.join("\n\n")));
        content.pages = Some(pages);
        content.words = self.words;
        if self.letters > 0.0 {
            let mean = (self.confidence / self.letters) as f32;
            content.confidence = Some((mean / 100.0).clamp(0.0, 1.0));
            if mean < POOR {
                content.notes.push((
                    Problem::Damaged,
                    format!("{} is handgeschreven of slecht leesbaar: met het oog lezen.", called(name)),
                ));
            }
        }
        if let Some(problem) = self.failed {
            content.notes.push((
                problem,
                format!("Niet alle bladzijden konden worden gelezen. Bekijk {} zelf.", lower_called(name)),
            ));
        }
        if content.text.is_empty() && self.failed.is_some() {
            content.problem = self.failed;
        } else if content.text.is_empty() {
            content.problem = Some(Problem::Empty);
            content
                .notes
                .push((Problem::Empty, format!("In {} staat geen leesbare tekst.", lower_called(name))));
        }
        content
    }
}

/// As [`called`], within a sentence.
fn lower_called(name: Option<&str>) -> String {
    let text = called(name);
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// Without the marks that folds, borders and speckles turn into.
fn worth_keeping(words: Vec<Seen>) -> Vec<Seen> {
    let mut kept: Vec<Seen> = Vec::with_capacity(words.len());
    let mut before = "";
    for mut word in words {
        // A break is kept even when the word behind it is not.
        before = stronger(before, word.before);
        if letters(&word.text) == 0 && word.confidence < 40.0 {
            continue;
        }
        word.before = if kept.is_empty() { "" } else { before };
        before = "";
        kept.push(word);
    }
    kept
}

fn stronger(one: &'static str, other: &'static str) -> &'static str {
    let rank = |before: &str| match before {
        "\n\n" => 3,
        "\n" => 2,
        " " => 1,
        _ => 0,
    };
    if rank(one) >= rank(other) { one } else { other }
}

/// The page turned by quarter turns clockwise; `None` when it lies as it is.
fn turn(page: &GrayImage, turns: u32) -> Option<GrayImage> {
    match turns % 4 {
        1 => Some(imageops::rotate90(page)),
        2 => Some(imageops::rotate180(page)),
        3 => Some(imageops::rotate270(page)),
        _ => None,
    }
}

/// The page at a size that the recogniser likes, with its resolution then.
fn sized(page: GrayImage, dpi: Option<u32>) -> (GrayImage, u32) {
    let side = page.width().max(page.height());
    // A page is most often A4: 11.7 inches.
    let dpi = dpi.filter(|dpi| (50..=1200).contains(dpi)).unwrap_or_else(|| (side * 10 / 117).clamp(70, 600));
    let wanted = if side > SIDE_MAX {
        SIDE_WANTED
    } else if side < SIDE_MIN && dpi < 200 {
        side * 2
    } else {
        return (page, dpi);
    };
    let scale = |length: u32| (u64::from(length) * u64::from(wanted) / u64::from(side)).max(1) as u32;
    let (width, height) = (scale(page.width()), scale(page.height()));
    let filter = if wanted > side { FilterType::CatmullRom } else { FilterType::Triangle };
    (imageops::resize(&page, width, height, filter), (dpi * wanted / side).clamp(70, 1200))
}

/// A small image of the page.
fn sketch(page: &GrayImage) -> GrayImage {
    let side = page.width().max(page.height());
    if side <= SKETCH_SIDE {
        return page.clone();
    }
    let scale = |length: u32| (u64::from(length) * u64::from(SKETCH_SIDE) / u64::from(side)).max(1) as u32;
    imageops::thumbnail(page, scale(page.width()), scale(page.height()))
}

/// The share of pixels that are much darker than the paper around them; the outer edge does not count.
fn ink(sketch: &GrayImage) -> f32 {
    let (width, height) = sketch.dimensions();
    let (left, top) = (width / 30, height / 30);
    let mut dark = 0_u32;
    let mut all = 0_u32;
    // Paper is what most of a tile is; light falls off over a page, hardly within a tile.
    let tile = 50;
    for y0 in (top..height - top).step_by(tile) {
        for x0 in (left..width - left).step_by(tile) {
            let (x1, y1) = ((x0 + tile as u32).min(width - left), (y0 + tile as u32).min(height - top));
            let mut values: Vec<u8> =
                (y0..y1).flat_map(|y| (x0..x1).map(move |x| sketch.get_pixel(x, y).0[0])).collect();
            if values.is_empty() {
                continue;
            }
            values.sort_unstable();
            let paper = values[values.len() * 3 / 4];
            dark += values.iter().take_while(|&&value| value.saturating_add(50) < paper).count() as u32;
            all += values.len() as u32;
        }
    }
    if all == 0 { 0.0 } else { dark as f32 / all as f32 }
}

/// How the rows of a page lie.
#[derive(Clone, Copy)]
struct Rows {
    /// Degrees of slope, positive down to the right, to a tenth.
    skew: f64,
    /// How clearly rows of text and gaps between them stand out along that slope.
    sharpness: f64,
}

/// Looks for rows of text across the page.
fn rows(sketch: &GrayImage) -> Rows {
    const STRIP: u32 = 8;
    let (width, height) = sketch.dimensions();
    let strips: Vec<(f64, Vec<i64>)> = (0..width.saturating_sub(STRIP - 1))
        .step_by(STRIP as usize)
        .map(|x| {
            let row = |y| (x..x + STRIP).map(|x| 255 - i64::from(sketch.get_pixel(x, y).0[0])).sum();
            (f64::from(x + STRIP / 2) - f64::from(width) / 2.0, (0..height).map(row).collect())
        })
        .collect();
    // The rows of text and the gaps between them stand out most when they are summed along their slope.
    let sharpness = |degrees: f64| {
        let slope = degrees.to_radians().tan();
        let mut profile = vec![0_i64; height as usize];
        for (x, strip) in &strips {
            let shift = (x * slope).round() as i64;
            for (y, sum) in (0_i64..).zip(profile.iter_mut()) {
                *sum += usize::try_from(y + shift).ok().and_then(|y| strip.get(y)).copied().unwrap_or(0);
            }
        }
        // The edges of the page, where strips are shifted out, say nothing.
        let edge = (f64::from(width) / 2.0 * SKEW_MAX.to_radians().tan()).ceil() as usize;
        let inner = profile.get(edge..profile.len().saturating_sub(edge)).unwrap_or_default();
        inner.windows(2).map(|pair| ((pair[1] - pair[0]) as f64).powi(2)).sum::<f64>()
    };
    let best_of = |candidates: Vec<f64>| {
        candidates
            .into_iter()
            .map(|degrees| (sharpness(degrees), degrees))
            .fold((0.0, 0.0), |best, next| if next.0 > best.0 { next } else { best })
    };
    let level = sharpness(0.0);
    let coarse = best_of((-10..=10).map(|n| f64::from(n) * SKEW_MAX / 10.0).collect());
    let fine = best_of((-5..=5).map(|n| coarse.1 + f64::from(n) * 0.1).collect());
    let skew = if fine.0 > level * 1.02 { fine.1 } else { 0.0 };
    Rows { skew, sharpness: fine.0 / f64::from(width).powi(2) / f64::from(height) }
}

/// The page rotated about its middle by some degrees (positive: clockwise), as large as before; what comes in
/// from outside is the colour of paper.
fn rotated(page: &GrayImage, degrees: f64) -> GrayImage {
    let (width, height) = page.dimensions();
    let paper = {
        let mut sample: Vec<u8> = page.as_raw().iter().step_by(997).copied().collect();
        sample.sort_unstable();
        sample.get(sample.len() * 3 / 4).copied().unwrap_or(255)
    };
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (middle_x, middle_y) = (f64::from(width) / 2.0, f64::from(height) / 2.0);
    let raw = page.as_raw();
    let stride = width as usize;
    let mut pixels = Vec::with_capacity(raw.len());
    // 16.16 fixed point, stepped along each row.
    let fixed = |value: f64| (value * 65_536.0) as i64;
    let (step_x, step_y) = (fixed(cos), fixed(-sin));
    for y in 0..height {
        let dy = f64::from(y) - middle_y;
        let mut from_x = fixed(-middle_x * cos + dy * sin + middle_x);
        let mut from_y = fixed(middle_x * sin + dy * cos + middle_y);
        for _ in 0..width {
            let (x, y) = (from_x >> 16, from_y >> 16);
            let inside = x >= 0 && y >= 0 && x + 1 < i64::from(width) && y + 1 < i64::from(height);
            pixels.push(if inside {
                let at = y as usize * stride + x as usize;
                let (right, down) = (from_x & 0xffff, from_y & 0xffff);
                let mix = |one: u8, other: u8, share: i64| {
                    i64::from(one) * (65_536 - share) + i64::from(other) * share
                };
                let upper = mix(raw[at], raw[at + 1], right) >> 8;
                let lower = mix(raw[at + stride], raw[at + stride + 1], right) >> 8;
                ((upper * (65_536 - down) + lower * down) >> 24) as u8
            } else {
                paper
            });
            from_x += step_x;
            from_y += step_y;
        }
    }
    GrayImage::from_raw(width, height, pixels).unwrap_or_default()
}

/// The box of a word on the page before it was [`rotated`].
fn rotated_back(mut word: Seen, (width, height): (u32, u32), degrees: f64) -> Seen {
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
            let turned = imageops::rotate90(&page);
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
        assert!(ink(&shade) < INK_MIN);
        assert!(ink(&lines()) > INK_MIN);
    }

    #[test]
    fn sizes_are_brought_within_reach() {
        let (page, dpi) = sized(GrayImage::new(4960, 7016), None);
        assert_eq!((page.height(), dpi), (3600, 307));
        let (page, dpi) = sized(GrayImage::new(600, 850), None);
        assert_eq!((page.width(), dpi), (1200, 144));
        assert_eq!(sized(GrayImage::new(2480, 3508), Some(300)).1, 300);
    }

    #[test]
    fn noise_goes_and_breaks_stay() {
        let seen = |text: &str, confidence, before| Seen {
            left: 0,
            top: 0,
            width: 1,
            height: 1,
            confidence,
            text: text.to_owned(),
            before,
        };
        let kept = worth_keeping(vec![
            seen("|", 10.0, ""),
            seen("a", 90.0, " "),
            seen("~", 5.0, "\n\n"),
            seen("b", 20.0, " "),
        ]);
        let text: String = kept.iter().flat_map(|word| [word.before, &word.text]).collect();
        assert_eq!(text, "a\n\nb");
    }
}
