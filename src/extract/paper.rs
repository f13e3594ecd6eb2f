//! Page images → text: upright, at a sensible size, blank pages passed over, confidence kept.
//!
//! The page is read the way its lines run; only when the reading makes no sense is it turned, and the next page
//! of the same document is tried that way first. Invariant: low confidence is told to staff and never hidden.

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
        let (page, dpi) = sized(page, dpi);
        let sketch = sketch(&page);
        if ink(&sketch) < INK_MIN {
            self.blank += 1;
            return Ok(());
        }
        reading.page_begins();
        let best = self.upright(reading, &page, dpi, lines_run_down(&sketch))?;
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
            self.words.extend(best.words.into_iter().map(|word| {
                Word(number, word.left, word.top, word.width, word.height, word.confidence, word.text)
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
        down: bool,
    ) -> Result<Attempt, EngineError> {
        // Along the lines as the last page lay, then upside down, then across.
        let first = if (self.turns % 2 == 1) == down { self.turns } else { u32::from(down) };
        let mut best: Option<Attempt> = None;
        for turns in [first, first + 2, first + 1, first + 3].map(|turns| turns % 4) {
            let turned = turn(page, turns);
            let words = reading.engine().read(turned.as_ref().unwrap_or(page), dpi)?;
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

/// Do the lines of text run down the page rather than across? Measured in narrow strips, so that a page a
/// little askew does not blur its lines: across text rows are dark and light in turn.
fn lines_run_down(sketch: &GrayImage) -> bool {
    let across = unevenness(sketch, false);
    let down = unevenness(sketch, true);
    down > across * 1.2
}

/// How much the darkness changes from row to row (or column to column) within strips.
fn unevenness(sketch: &GrayImage, by_column: bool) -> f64 {
    let (width, height) = sketch.dimensions();
    let (length, breadth) = if by_column { (width, height) } else { (height, width) };
    let at = |along: u32, side: u32| {
        let (x, y) = if by_column { (along, side) } else { (side, along) };
        i64::from(sketch.get_pixel(x, y).0[0])
    };
    let strip = (breadth / 12).max(8);
    let mut sum = 0.0;
    for start in (strip / 2..breadth.saturating_sub(strip)).step_by(strip as usize) {
        let profile: Vec<i64> =
            (0..length).map(|along| (start..start + strip).map(|side| at(along, side)).sum()).collect();
        sum += profile.windows(2).map(|pair| ((pair[1] - pair[0]) as f64).powi(2)).sum::<f64>()
            / f64::from(strip * strip);
    }
    sum / f64::from(length.max(1))
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
        assert!(!lines_run_down(&lines()));
        assert!(lines_run_down(&imageops::rotate90(&lines())));
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
