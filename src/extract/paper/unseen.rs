//! The text that a scanner or an OCR program laid unseen behind the picture of a page (ISO 32000-2, 9.3.6: render mode
//! 3, or letters that a picture was drawn over).
//!
//! It may be better than what we would read, rubbish, or say something else than the picture. So it is tried: a few of
//! its lines are recognised in the picture. Invariant: it is believed only when the picture says the same there, and
//! when next to no ink of the picture lies elsewhere (handwriting on a printed form is not in any layer).

use super::ocr::{EngineError, Seen};
use super::page_image::{each_dark, sketch};
use super::page_text::{BOX_DPI, PageText};
use crate::extract::reading::Reading;
use crate::record::Word;
use hayro_interpret::kurbo::Rect;
use image::GrayImage;
use std::collections::HashSet;

/// Letters under which a layer is not worth trying: the page is as soon read.
const LETTERS_MIN: usize = 100;

/// Lines that are tried together, and in how many places of the page.
const LINES_TRIED: usize = 3;
const PLACES_TRIED: usize = 2;

/// Words of the picture, surely read, from which it can be told whether the layer has them.
const WORDS_MIN: usize = 8;

/// Confidence (0–100) from which a word is surely read.
const SURE: f32 = 80.0;

/// Of a hundred words surely read, how many the layer must have; and of the layer's words, how many must be seen.
const SAME_MIN: usize = 90;
const SEEN_MIN: usize = 75;

/// Of a hundred dark points, how many must lie in the boxes of the words.
const INK_MIN: usize = 85;

/// The picture of a page, and where it lies on it in points.
pub(super) struct Picture<'a> {
    pub image: &'a GrayImage,
    pub area: Rect,
    pub dpi: u32,
}

/// The layer's text and its words in pixels of the picture, when they are what the picture shows.
///
/// # Errors
/// The engine's only.
pub(super) fn believed(
    reading: &mut Reading<'_>,
    layer: PageText,
    number: u32,
    picture: &Picture<'_>,
) -> Result<Option<(String, Vec<Word>)>, EngineError> {
    if layer.letters() < LETTERS_MIN || layer.is_rubbish() || !layer.runs_across() {
        return Ok(None);
    }
    let (text, words) = layer.into_text(number, true);
    let words = on_picture(words, picture);
    if !covers_ink(picture.image, &words) {
        return Ok(None);
    }
    let lines = lines(&words);
    reading.page_begins();
    let (mut sure, mut same, mut tried, mut seen) = (0, 0, 0, 0);
    for place in 1..=PLACES_TRIED {
        let from = (lines.len() * place / (PLACES_TRIED + 1)).min(lines.len().saturating_sub(LINES_TRIED));
        let part: Vec<&Word> = lines[from..].iter().take(LINES_TRIED).flatten().copied().collect();
        let Some(cut) = cut(picture.image, &part) else { continue };
        let read = reading.engine().read(&cut, picture.dpi)?;
        let (ours, theirs) = (sure_words(&read), telling(part.iter().map(|word| word.6.as_str())));
        let all = telling(read.iter().map(|word| word.text.as_str()));
        sure += ours.len();
        same += ours.iter().filter(|word| theirs.contains(*word)).count();
        tried += theirs.len();
        seen += theirs.iter().filter(|word| all.contains(*word)).count();
    }
    let good = sure >= WORDS_MIN && same * 100 >= sure * SAME_MIN && seen * 100 >= tried * SEEN_MIN;
    Ok(good.then_some((text, words)))
}

/// Words whose boxes are on the page at [`BOX_DPI`], in pixels of the picture.
fn on_picture(words: Vec<Word>, picture: &Picture<'_>) -> Vec<Word> {
    let across = f64::from(picture.image.width()) / picture.area.width().max(1.0);
    let down = f64::from(picture.image.height()) / picture.area.height().max(1.0);
    let points = |pixels: u32| f64::from(pixels) * 72.0 / BOX_DPI;
    let at = |points: f64| points.round().clamp(0.0, 1e6) as u32;
    words
        .into_iter()
        .map(|Word(page, left, top, width, height, confidence, text)| {
            let left = at((points(left) - picture.area.x0) * across);
            let top = at((points(top) - picture.area.y0) * down);
            Word(page, left, top, at(points(width) * across), at(points(height) * down), confidence, text)
        })
        .collect()
}

/// The words line by line, in the layer's own order.
fn lines(words: &[Word]) -> Vec<Vec<&Word>> {
    let mut lines: Vec<Vec<&Word>> = Vec::new();
    for word in words {
        let middle = word.2 + word.4 / 2;
        let goes_on = lines
            .last()
            .and_then(|line| line.last())
            .is_some_and(|before| (before.2..before.2 + before.4).contains(&middle) && word.1 >= before.1);
        match lines.last_mut() {
            Some(line) if goes_on => line.push(word),
            _ => lines.push(vec![word]),
        }
    }
    lines
}

/// The piece of the picture with these words, and some paper around them.
fn cut(image: &GrayImage, words: &[&Word]) -> Option<GrayImage> {
    let left = words.iter().map(|word| word.1).min()?;
    let top = words.iter().map(|word| word.2).min()?;
    let right = words.iter().map(|word| word.1 + word.3).max()?;
    let bottom = words.iter().map(|word| word.2 + word.4).max()?;
    let around = words.iter().map(|word| word.4).max()? / 2;
    let (left, top) = (left.saturating_sub(around), top.saturating_sub(around));
    let (right, bottom) = ((right + around).min(image.width()), (bottom + around).min(image.height()));
    if right <= left || bottom <= top {
        return None;
    }
    Some(image::imageops::crop_imm(image, left, top, right - left, bottom - top).to_image())
}

/// Words as they are compared: letters and digits only, three at the least.
fn telling<'a>(words: impl Iterator<Item = &'a str>) -> HashSet<String> {
    words
        .map(|word| word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect())
        .filter(|word: &String| word.chars().count() >= 3)
        .collect()
}

fn sure_words(read: &[Seen]) -> HashSet<String> {
    telling(read.iter().filter(|word| word.confidence >= SURE).map(|word| word.text.as_str()))
}

/// Does nearly all that is dark on the picture lie in the boxes of the words?
fn covers_ink(image: &GrayImage, words: &[Word]) -> bool {
    let sketch = sketch(image);
    let scale = f64::from(sketch.width()) / f64::from(image.width().max(1));
    let (width, height) = (sketch.width() as usize, sketch.height() as usize);
    let mut boxed = vec![false; width * height];
    let at = |pixels: f64, most: usize| ((pixels * scale).max(0.0) as usize).min(most);
    for word in words {
        // Boxes of layers are often a little off, and letters hang out of them.
        let around = f64::from(word.4) * 0.4;
        let (left, top) = (f64::from(word.1), f64::from(word.2));
        let columns = at(left - around, width)..at(left + f64::from(word.3) + around, width);
        for row in at(top - around, height)..at(top + f64::from(word.4) + around, height) {
            boxed[row * width..][columns.clone()].fill(true);
        }
    }
    let (mut dark, mut covered) = (0_usize, 0_usize);
    each_dark(&sketch, |at| {
        dark += 1;
        covered += usize::from(boxed[at]);
    });
    covered * 100 >= dark * INK_MIN
}
