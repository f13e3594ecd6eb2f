//! Tesseract, in this process: only this file and `unpacked` know it.
//!
//! One page image → words with their boxes and confidence. Invariant: one handle is kept for the life of the
//! worker and set up anew after any failure; nothing is written, and no thread is started (`OMP_THREAD_LIMIT=1`
//! stands in the worker's environment). KNOWN BUGS: Tesseract's own idea of a rotated page is not used, see
//! `paper`.

use super::breaks;
use super::unpacked::handed_over;
use image::GrayImage;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use tesseract::{OcrEngineMode, PageSegMode, Tesseract};

/// Where Debian, Fedora and a build from source keep the language data.
const TESSDATA_DIRS: &[&str] = &[
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
    "/usr/local/share/tessdata",
];

/// The recogniser cannot work here: the machine's fault.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(
        "no language data of Tesseract found; install tesseract-ocr-nld and tesseract-ocr-eng or set TESSDATA_PREFIX"
    )]
    NoData,
    #[error("Tesseract does not start with the languages {languages:?} from {}", dir.display())]
    Start { languages: String, dir: PathBuf },
}

/// The folder with the language data: `TESSDATA_PREFIX`, else the first usual one that exists.
pub fn tessdata_dir() -> Option<PathBuf> {
    let named = std::env::var_os("TESSDATA_PREFIX").map(PathBuf::from);
    let within = named.as_ref().map(|dir| dir.join("tessdata"));
    let usual = TESSDATA_DIRS.iter().map(PathBuf::from);
    within.into_iter().chain(named).chain(usual).find(|dir| !languages_in(dir).is_empty())
}

/// The languages that can be recognised here, in order of name; for `doctor`.
pub fn languages_installed() -> Vec<String> {
    tessdata_dir().map(|dir| languages_in(&dir)).unwrap_or_default()
}

fn languages_in(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut languages: Vec<String> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let stem = path.file_stem()?.to_str()?.to_owned();
            (path.extension() == Some(OsStr::new("traineddata"))).then_some(stem)
        })
        .collect();
    languages.sort();
    languages
}

/// A word on the page image: box in its pixels, confidence 0 to 100.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::extract) struct Seen {
    pub left: u32,
    pub top: u32,
    pub width: u32,
    pub height: u32,
    pub confidence: f32,
    pub text: String,
    /// What stands before it: nothing, a blank, a line end or an empty line.
    pub before: &'static str,
}

/// The recogniser of one worker.
pub(in crate::extract) struct Engine {
    tessdata: Option<PathBuf>,
    languages: String,
    tesseract: Option<Tesseract>,
}

impl Engine {
    /// Starts nothing yet: a worker that reads text only never loads the models.
    pub fn new(tessdata: Option<PathBuf>) -> Self {
        Self { tessdata, languages: "nld+eng".to_owned(), tesseract: None }
    }

    /// The languages of the pages to come.
    pub fn speak(&mut self, languages: &str) {
        if self.languages != languages {
            languages.clone_into(&mut self.languages);
            self.tesseract = None;
        }
    }

    /// Drops whatever the engine may hold from a reading that was cut off.
    pub fn forget(&mut self) {
        self.tesseract = None;
    }

    /// The words on a page image in reading order. A page that the engine gives up on has none.
    ///
    /// # Errors
    /// When the engine does not start.
    pub fn read(&mut self, page: &GrayImage, dpi: u32) -> Result<Vec<Seen>, EngineError> {
        let tesseract = match self.tesseract.take() {
            Some(tesseract) => tesseract,
            None => self.start()?,
        };
        let (Ok(width), Ok(height)) = (i32::try_from(page.width()), i32::try_from(page.height())) else {
            return Ok(Vec::new());
        };
        // A failure here is the page's; the handle is gone with it and the next page gets a new one.
        let Ok(tesseract) = tesseract.set_frame(page.as_raw(), width, height, 1, width) else {
            return Ok(Vec::new());
        };
        let dpi = i32::try_from(dpi).unwrap_or(300);
        let Ok(mut tesseract) = tesseract.set_source_resolution(dpi).recognize() else {
            return Ok(Vec::new());
        };
        let words = tesseract.get_tsv_text(0).map(|table| words_of(&table)).unwrap_or_default();
        self.tesseract = Some(tesseract);
        Ok(words)
    }

    fn start(&self) -> Result<Tesseract, EngineError> {
        let dir = self.tessdata.clone().ok_or(EngineError::NoData)?;
        let started = Tesseract::new_with_oem(dir.to_str(), Some(&self.languages), OcrEngineMode::LstmOnly);
        let fault = || EngineError::Start { languages: self.languages.clone(), dir: dir.clone() };
        handed_over(); // links our way of handing lines over
        let mut tesseract =
            started.map_err(|_| fault())?.set_variable("debug_file", "/dev/null").map_err(|_| fault())?;
        tesseract.set_page_seg_mode(PageSegMode::PsmAuto);
        Ok(tesseract)
    }
}

/// The words of Tesseract's table: level, page, block, paragraph, line, word, left, top, width, height,
/// confidence, text.
fn words_of(table: &str) -> Vec<Seen> {
    let mut words: Vec<Seen> = Vec::new();
    let mut last = ("", "", "");
    for row in table.lines() {
        let columns: Vec<&str> = row.splitn(12, '\t').collect();
        let &[level, _, block, paragraph, line, _, left, top, width, height, confidence, text] =
            columns.as_slice()
        else {
            continue;
        };
        let text = text.trim();
        if level != "5" || text.is_empty() {
            continue;
        }
        let number = |text: &str| text.parse().unwrap_or(0);
        let before = if words.is_empty() {
            ""
        } else if (block, paragraph) != (last.0, last.1) {
            "\n\n"
        } else if line != last.2 {
            "\n"
        } else {
            " "
        };
        last = (block, paragraph, line);
        words.push(Seen {
            left: number(left),
            top: number(top),
            width: number(width),
            height: number(height),
            confidence: confidence.parse::<f32>().unwrap_or(0.0).clamp(0.0, 100.0),
            text: with_capital_i(text),
            before,
        });
    }
    breaks::set(&mut words);
    words
}

/// A capital I that was taken for a small l or a bar, where no other reading makes a word: between capitals (`AlO`), or in a
/// Roman number (`Il.`, `|.`). In most typefaces they are the same stroke.
fn with_capital_i(text: &str) -> String {
    let stroke = |c: char| matches!(c, 'l' | '|' | 'I');
    let number = text.strip_suffix(['.', ')']).filter(|number| (1..=3).contains(&number.len()));
    // "5 l." is a measure.
    if number.is_some_and(|number| number != "l" && number.chars().all(stroke)) {
        return text.replace(['l', '|'], "I");
    }
    let part = |part: &str| {
        let capitals = part.chars().filter(|c| c.is_uppercase()).count();
        let rest_is_strokes = part.chars().all(|c| c.is_uppercase() || c == 'l');
        if capitals >= 2 && rest_is_strokes { part.replace('l', "I") } else { part.to_owned() }
    };
    text.split('-').map(part).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_becomes_words_with_their_breaks() {
        let table = "1\t1\t0\t0\t0\t0\t0\t0\t9\t9\t-1\t\n5\t1\t1\t1\t1\t1\t10\t20\t30\t9\t96.5\tGeachte\n\
                     5\t1\t1\t1\t1\t2\t45\t20\t30\t9\t90\theer,\n5\t1\t1\t1\t2\t1\t10\t40\t30\t9\t80\tik\n\
                     5\t1\t1\t2\t1\t1\t10\t80\t30\t9\t-1\tklaag\n5\t1\t1\t2\t1\t2\t10\t80\t30\t9\t10\t \nrubbish";
        let words = words_of(table);
        let text: String = words.iter().map(|word| format!("{}{}", word.before, word.text)).collect();
        assert_eq!(text, "Geachte heer,\nik\n\nklaag");
        assert_eq!((words[0].left, words[0].top, words[0].width, words[0].height), (10, 20, 30, 9));
        assert_eq!(words[3].confidence, 0.0);
    }
    #[test]
    fn a_capital_i_is_read_where_nothing_else_makes_sense() {
        for (seen, read) in [
            ("AlO", "AIO"),
            ("AlO-aanvulling", "AIO-aanvulling"),
            ("Il.", "II."),
            ("|.", "I."),
            ("lll)", "III)"),
        ] {
            assert_eq!(with_capital_i(seen), read);
        }
        for same in ["l.", "Al", "al", "l", "|", "Hal", "ZZPl2", "will.", "A-l", "Pol", "V.l"] {
            assert_eq!(with_capital_i(same), same);
        }
    }
}
