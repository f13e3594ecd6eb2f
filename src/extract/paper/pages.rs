//! Page images → text: upright, at a sensible size, blank pages passed over, confidence kept.
//!
//! The page is set straight and read the way its lines run; only when the reading makes no sense is it turned,
//! and the next page of the same document is tried that way first. Invariant: low confidence is told to staff
//! and never hidden; a word's box is in pixels of the page image as it came, turned upright.

use super::light::light;
use super::ocr::{EngineError, Seen};
use super::page_image::{ink, sized, sketch, turn};
use super::rows::{Rows, rows as rows_of, stand};
use super::spread::fold;
use super::surround::surround;
use super::view::{View, paper};
use crate::extract::frame::Leaf;
use crate::extract::reading::{Content, Reading, called, lower_called, tidy};
use crate::record::{Method, PageSize, Problem, Word};
use image::GrayImage;

/// Mean confidence (0–100) from which a reading is taken as upright without trying others.
const CONFIDENT: f32 = 72.0;

/// Of 40 pages in four fonts none that lay upright was below minus this, and 34 that were upside down.
const STANDS: f64 = 0.032;

/// Confidence of a word that is surely read, and so many of them that the page lies upright although the rest of it
/// cannot be read: a picture of a screen.
const SURE: f32 = 88.0;
const SURE_WORDS: usize = 10;

/// Mean confidence below which staff are told to read with their own eyes.
const POOR: f32 = 60.0;

/// Letters from which a page tells how well the document can be read.
const TELLING: f64 = 20.0;

/// Pixels under which no word stands on an image: icons and bullets.
const READABLE_WIDTH: u32 = 60;
const READABLE_HEIGHT: u32 = 16;

/// Share of dark pixels under which a page is blank.
pub(super) const INK_MIN: f32 = 0.000_4;

/// The pages of one document, as they are read.
#[derive(Default)]
pub(in crate::extract) struct Paper {
    texts: Vec<String>,
    words: Vec<Word>,
    page_sizes: Vec<PageSize>,
    /// Quarter turns (clockwise) that made the last page upright.
    turns: u32,
    letters: f64,
    confidence: f64,
    recognised: u32,
    blank: u32,
    /// Pages that people must read with their own eyes: of poor confidence, and without a word.
    poor: Vec<u32>,
    wordless: Vec<u32>,
    /// Confidence of the page that could be read worst.
    least: Option<f64>,
    failed: Option<Problem>,
    /// As `failed`, since the last leaf.
    failed_now: Option<Problem>,
    told: Told,
}

/// How much of the pages was told with their leaves.
#[derive(Default)]
struct Told {
    texts: usize,
    words: usize,
    sizes: usize,
    recognised: u32,
    letters: f64,
    confidence: f64,
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

    /// Words that nobody reads upside down.
    fn sure_words(&self) -> usize {
        let sure = |word: &&Seen| word.confidence >= SURE && letters(&word.text) >= 4;
        self.words.iter().filter(sure).count()
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
    pub fn keep_words(&mut self, size: PageSize, words: Vec<Word>) {
        if !words.is_empty() {
            self.page_sizes.push(size);
        }
        self.words.extend(words);
    }

    /// Adds a page that another worker read.
    pub fn add(&mut self, number: u32, leaf: Leaf) {
        let weight = letters(&leaf.text) as f64;
        if leaf.recognised {
            self.recognised += 1;
        } else if leaf.text.is_empty() && leaf.failed.is_none() {
            self.blank += 1;
        }
        if let Some(confidence) = leaf.confidence {
            self.letters += weight;
            self.confidence += f64::from(confidence) * 100.0 * weight;
        }
        if leaf.recognised {
            self.judge(number, weight, f64::from(leaf.confidence.unwrap_or(0.0)) * 100.0);
        }
        self.text_page(leaf.text);
        self.words.extend(leaf.words);
        self.page_sizes.extend(leaf.page_sizes);
        if let Some(problem) = leaf.failed {
            self.fail(problem);
        }
    }

    /// The text of the last page that had any.
    pub fn last_text(&self) -> &str {
        self.texts.last().map_or("", String::as_str)
    }

    /// What has come since the last leaf: the page that was just dealt with.
    pub fn leaf(&mut self) -> Leaf {
        let told = std::mem::take(&mut self.told);
        let letters = self.letters - told.letters;
        let leaf = Leaf {
            text: tidy(&self.texts[told.texts..].join("\n\n")),
            recognised: self.recognised > told.recognised,
            failed: self.failed_now.take(),
            confidence: (letters > 0.0)
                .then(|| ((self.confidence - told.confidence) / letters / 100.0) as f32),
            words: self.words[told.words..].to_vec(),
            page_sizes: self.page_sizes[told.sizes..].to_vec(),
        };
        self.told = Told {
            texts: self.texts.len(),
            words: self.words.len(),
            sizes: self.page_sizes.len(),
            recognised: self.recognised,
            letters: self.letters,
            confidence: self.confidence,
        };
        leaf
    }

    /// Nothing was read and nothing was found blank.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.recognised + self.blank == 0
    }

    /// A page could not be read.
    pub fn fail(&mut self, problem: Problem) {
        self.failed.get_or_insert(problem);
        self.failed_now.get_or_insert(problem);
    }

    /// Recognises a page. `number` counts from 1; `dpi` is what the file says, if it does, and `lies` the quarter turns
    /// that make it upright, where that is known.
    ///
    /// # Errors
    /// The engine's only.
    pub fn recognise(
        &mut self,
        reading: &mut Reading<'_>,
        number: u32,
        page: GrayImage,
        dpi: Option<u32>,
        lies: Option<u32>,
    ) -> Result<(), EngineError> {
        if page.width() < READABLE_WIDTH || page.height() < READABLE_HEIGHT {
            self.blank += 1;
            return Ok(());
        }
        let came = page.dimensions();
        let (mut page, dpi) = sized(page, dpi);
        let scale = f64::from(came.0) / f64::from(page.width());
        let mut sketch = sketch(&page);
        if ink(&sketch) < INK_MIN {
            self.blank += 1;
            return Ok(());
        }
        reading.page_begins();
        let surround = surround(&sketch);
        let light = light(&sketch);
        if !light.is_even() {
            light.even(&mut page);
            light.even(&mut sketch);
        }
        if let Some(surround) = surround {
            let paper = paper(&sketch);
            surround.clear(&mut page, paper);
            surround.clear(&mut sketch, paper);
        }
        let best = self.upright(reading, &page, dpi, &sketch, lies)?;
        self.recognised += 1;
        let weight = best.words.iter().map(|word| letters(&word.text)).sum::<usize>() as f64;
        self.judge(number, weight, f64::from(best.confidence()));
        if best.words.is_empty() {
            return Ok(());
        }
        self.turns = best.turns;
        self.letters += weight;
        self.confidence += f64::from(best.confidence()) * weight;
        self.texts.push(best.words.iter().flat_map(|word| [word.before, &word.text]).collect());
        if reading.words {
            let (width, height) = if best.turns % 2 == 0 { came } else { (came.1, came.0) };
            self.page_sizes.push(PageSize { page: number, width, height, turns: best.turns });
            let at = |length: u32| (f64::from(length) * scale).round() as u32;
            self.words.extend(best.words.into_iter().map(|word| {
                let (left, top) = (at(word.left), at(word.top));
                Word(number, left, top, at(word.width), at(word.height), word.confidence, word.text)
            }));
        }
        Ok(())
    }

    /// Keeps what a person must know of a page that was recognised.
    fn judge(&mut self, number: u32, letters: f64, confidence: f64) {
        if letters == 0.0 {
            self.wordless.push(number);
        } else if confidence < f64::from(POOR) {
            self.poor.push(number);
        }
        if letters >= TELLING {
            self.least = Some(self.least.map_or(confidence, |least| least.min(confidence)));
        }
    }

    /// The best reading of the page in any of its four directions.
    fn upright(
        &self,
        reading: &mut Reading<'_>,
        page: &GrayImage,
        dpi: u32,
        sketch: &GrayImage,
        lies: Option<u32>,
    ) -> Result<Attempt, EngineError> {
        let (across, down) =
            (rows_of(sketch), turn(sketch, 1).map_or_else(|| rows_of(sketch), |turned| rows_of(&turned)));
        let sideways = down.sharpness > across.sharpness;
        let lying = |turns: u32| if turns.is_multiple_of(2) { across } else { down };
        // Along the lines as the last page lay or as letters stand, then upside down, then across.
        let mut first = if (self.turns % 2 == 1) == sideways { self.turns } else { u32::from(sideways) };
        let along = if first >= 2 { lying(first).upside_down() } else { lying(first) };
        if let Some(lies) = lies {
            first = lies;
        } else if stand(turn(page, first).as_ref().unwrap_or(page), along) < -STANDS {
            first = (first + 2) % 4;
        }
        let mut best: Option<Attempt> = None;
        for turns in [first, first + 2, first + 1, first + 3].map(|turns| turns % 4) {
            let turned = turn(page, turns);
            let turned = turned.as_ref().unwrap_or(page);
            let rows = if turns >= 2 { lying(turns).upside_down() } else { lying(turns) };
            let words = straight(reading, turned, rows, dpi)?;
            let attempt = Attempt { turns, words: worth_keeping(words) };
            let upright = attempt.sure_words() >= SURE_WORDS;
            let confident = attempt.confidence() >= CONFIDENT && attempt.words.len() >= 3;
            if best.as_ref().is_none_or(|best| attempt.score() > best.score()) {
                best = Some(attempt);
            }
            if confident || lies.is_some() || upright {
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
        content.page_sizes = self.page_sizes;
        content.blank_pages = self.blank;
        if self.letters > 0.0 {
            // A letter is as sure as its worst page: one that is written by hand may say the opposite of the others.
            let mean = self.confidence / self.letters;
            let least = self.least.map_or(mean, |least| least.min(mean));
            content.confidence = Some((least / 100.0).clamp(0.0, 1.0) as f32);
        }
        if !self.poor.is_empty() {
            let told = match pages {
                1 => format!("{} is handgeschreven of slecht leesbaar: met het oog lezen.", called(name)),
                _ => format!(
                    "{} van {} handgeschreven of slecht leesbaar: met het oog lezen.",
                    numbers(&self.poor),
                    lower_called(name) + if self.poor.len() == 1 { " is" } else { " zijn" },
                ),
            };
            content.notes.push((Problem::Damaged, told));
        }
        if !self.wordless.is_empty() && !content.text.is_empty() {
            content.notes.push((
                Problem::Damaged,
                format!(
                    "Op {} van {} zijn geen woorden gelezen (een foto of handschrift?): met het oog bekijken.",
                    numbers(&self.wordless).to_lowercase(),
                    lower_called(name)
                ),
            ));
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

/// Page numbers within a Dutch sentence.
fn numbers(pages: &[u32]) -> String {
    let named: Vec<String> = pages.iter().map(u32::to_string).collect();
    match named.as_slice() {
        [] => String::new(),
        [one] => format!("Bladzijde {one}"),
        [first @ .., last] => format!("Bladzijden {} en {last}", first.join(", ")),
    }
}

/// The words of a page that lies upright, set straight by its rows; of a double spread each half by its own.
fn straight(
    reading: &mut Reading<'_>,
    page: &GrayImage,
    rows: Rows,
    dpi: u32,
) -> Result<Vec<Seen>, EngineError> {
    if let Some(left) = fold(&sketch(page)) {
        let middle = (page.width() as f32 * left) as u32;
        let mut words: Vec<Seen> = Vec::new();
        for (from, to) in [(0, middle), (middle, page.width())] {
            let half = image::imageops::crop_imm(page, from, 0, to - from, page.height()).to_image();
            let rows = rows_of(&sketch(&half));
            for (at, mut word) in seen(reading, &half, rows, dpi)?.into_iter().enumerate() {
                word.left += from;
                if at == 0 && !words.is_empty() {
                    word.before = "\n\n";
                }
                words.push(word);
            }
        }
        return Ok(words);
    }
    seen(reading, page, rows, dpi)
}

fn seen(reading: &mut Reading<'_>, page: &GrayImage, rows: Rows, dpi: u32) -> Result<Vec<Seen>, EngineError> {
    match View::of(rows, page.dimensions()) {
        Some(view) => {
            let words = reading.engine().read(&view.straight(page), dpi)?;
            Ok(words.into_iter().map(|word| view.word_back(word)).collect())
        }
        None => reading.engine().read(page, dpi),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

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
