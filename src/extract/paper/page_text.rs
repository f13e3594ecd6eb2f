//! The text layer of a PDF page: glyphs with their places → words, lines and paragraphs (ISO 32000, clause 9).
//!
//! hayro interprets the page; this device only looks at where glyphs and images come to lie. Invariant: glyphs
//! that mean nothing are counted, so that a page of rubbish is recognised instead of believed.

use super::filled::text_string;
use crate::record::Word;
use hayro::hayro_syntax::object::{Dict, String as Bytes};
use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::hayro_cmap::BfString;
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect, Vec2};
use hayro_interpret::{BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask};

/// Glyphs kept of one page: a page of the densest print has about 15,000.
const GLYPHS_MAX: usize = 200_000;

/// Marked content within marked content that is followed.
const MARKED_MAX: usize = 256;

/// A gap of this many font sizes between glyphs is a blank, when the page draws none.
const BLANK_GAP: f64 = 0.17;

/// Share of the page from which a picture is the page, and covers what was drawn before it.
const COVERING: f64 = 0.8;

/// Glyphs from which it can be told how the page lies.
const RUNS_TELLING: usize = 40;

/// Resolution of the page image on which words get their boxes.
pub(in crate::extract) const BOX_DPI: f64 = 300.0;

struct Placed {
    text: String,
    /// On the baseline, in points from the upper left corner.
    start: Point,
    end: Point,
    size: f64,
}

/// Looks at one page. Its transform must put the upper left corner at the origin, in points.
pub(in crate::extract) struct PageText {
    page: Rect,
    glyphs: Vec<Placed>,
    visible: usize,
    unknown: usize,
    /// Glyphs of the other kind than is looked for.
    unseen: usize,
    /// Looks for what is not seen instead of what is seen.
    wants_unseen: bool,
    /// Seen so far: a picture may yet be drawn over them.
    uncovered: Vec<Placed>,
    /// Glyphs that run from left to right, and all of them.
    across: usize,
    runs: usize,
    /// Share of the page that images cover, those drawn over others counted again.
    pub image_share: f64,
    /// Pixels of the largest image.
    pub image_pixels: u64,
    pub images: usize,
    /// Where the last image lies, in points from the upper left corner.
    pub image_area: Rect,
    /// Anything else that was drawn.
    shapes: usize,
    /// Marked content that is open, and what it stands for.
    marked: Vec<Option<Stands>>,
}

/// A stretch of glyphs that stands for other text (ISO 32000-2, 14.9.4): said with the first of them.
struct Stands {
    text: String,
    said: bool,
}

impl PageText {
    pub fn new(width: f64, height: f64) -> Self {
        Self {
            page: Rect::new(0.0, 0.0, width, height),
            glyphs: Vec::new(),
            visible: 0,
            unknown: 0,
            unseen: 0,
            wants_unseen: false,
            uncovered: Vec::new(),
            across: 0,
            runs: 0,
            image_share: 0.0,
            image_pixels: 0,
            images: 0,
            image_area: Rect::ZERO,
            shapes: 0,
            marked: Vec::new(),
        }
    }

    /// As [`PageText::new`], for the text that lies unseen behind a picture.
    pub fn behind_picture(width: f64, height: f64) -> Self {
        Self { wants_unseen: true, ..Self::new(width, height) }
    }

    /// Is there text that is not seen?
    pub fn has_unseen(&self) -> bool {
        self.unseen > 0
    }

    /// Do nearly all letters run from left to right, on enough of them to know how the page lies?
    pub fn runs_across(&self) -> bool {
        self.runs >= RUNS_TELLING && self.across * 20 >= self.runs * 19
    }

    /// Glyphs that stand for something, without blanks.
    pub fn letters(&self) -> usize {
        self.visible
    }

    /// Nothing was drawn, seen or unseen.
    pub fn is_bare(&self) -> bool {
        self.glyphs.is_empty() && self.unknown + self.images + self.shapes + self.unseen == 0
    }

    /// Is the layer rubbish? Glyphs without a meaning, or characters that no language puts together.
    pub fn is_rubbish(&self) -> bool {
        let all = self.visible + self.unknown;
        // Formulas and tables are full of signs that fonts do not name; words beside them are words.
        if self.unknown * if self.visible < 200 { 5 } else { 2 } > all {
            return true;
        }
        let chars = || self.glyphs.iter().flat_map(|glyph| glyph.text.chars()).filter(|c| !c.is_whitespace());
        let (mut count, mut odd, mut plain) = (0, 0, 0);
        let mut before = '\0';
        for c in chars() {
            // Dots that lead to a page number, lines to write on.
            if c == before && ".·…_-".contains(c) {
                continue;
            }
            before = c;
            count += 1;
            odd += usize::from(c == '\u{fffd}' || c.is_control() || ('\u{e000}'..='\u{f8ff}').contains(&c));
            plain += usize::from(c.is_alphanumeric());
        }
        odd * 5 > count || (count > 40 && plain * 100 < count * 45)
    }

    /// A glyph of the unseen layer is only counted: it was made by a scanner of unknown skill.
    fn push(&mut self, glyph: &Glyph<'_>, transform: Affine, unseen: bool) {
        if unseen && !self.wants_unseen {
            self.unseen += 1;
            return;
        }
        if self.glyphs.len() + self.uncovered.len() >= GLYPHS_MAX {
            return;
        }
        let run = (transform * Point::new(1000.0, 0.0)) - transform * Point::ZERO;
        self.runs += 1;
        self.across += usize::from(run.x > run.y.abs() * 10.0);
        let mut again = false;
        let text = match (self.marked.iter_mut().flatten().next(), glyph.as_unicode()) {
            (Some(stands), _) => {
                again = std::mem::replace(&mut stands.said, true);
                std::mem::take(&mut stands.text)
            }
            (None, Some(BfString::Char(c))) => plain(c),
            (None, Some(BfString::String(text))) => text.chars().map(plain).collect(),
            (None, None) => {
                self.unknown += 1;
                return;
            }
        };
        if text.is_empty() && !again {
            return;
        }
        let blank = text.chars().all(char::is_whitespace);
        let origin = transform * Point::ZERO;
        let em = |x: f64, y: f64| (transform * Point::new(x, y)) - origin;
        let size = em(0.0, 1000.0).hypot();
        let along = em(1000.0, 0.0);
        if !(size.is_finite() && along.hypot().is_finite() && self.page.inflate(size, size).contains(origin))
        {
            return;
        }
        let width = match glyph {
            Glyph::Outline(outline) => outline.advance_width(),
            Glyph::Type3(shape) => shape.advance_width(),
        };
        // A stand-in font is stretched to the width that the page declares; the width is already that. Text behind a
        // picture is stretched over its words.
        let ratio = along.hypot() / size.max(1e-6);
        let unit = if !self.wants_unseen && (0.7..1.4).contains(&ratio) { size } else { along.hypot() };
        let direction = if along.hypot() > 1e-9 { along / along.hypot() } else { Vec2::new(1.0, 0.0) };
        let advance = f64::from(width.unwrap_or(500.0)).clamp(0.0, 5000.0) / 1000.0 * unit;
        let end = origin + direction * advance;
        if again {
            // What was said with the first of them reaches to the last of them on its line.
            if let Some(said) =
                self.glyphs.last_mut().filter(|said| (said.start.y - origin.y).abs() < size * 0.3)
            {
                said.end = end;
            }
            return;
        }
        let placed = Placed { text, start: origin, end, size };
        if self.wants_unseen && !unseen {
            self.uncovered.push(placed);
            return;
        }
        self.visible += usize::from(!blank);
        self.glyphs.push(placed);
    }

    /// A picture was drawn over the whole page: what lies below it is not seen.
    fn cover(&mut self) {
        if self.wants_unseen {
            self.glyphs.append(&mut self.uncovered);
            self.visible = self.glyphs.iter().filter(|glyph| !glyph.text.trim().is_empty()).count();
            return;
        }
        self.unseen += self.glyphs.len() + self.unknown;
        self.glyphs.clear();
        (self.visible, self.unknown, self.runs, self.across) = (0, 0, 0, 0);
    }

    /// The text of the page, and its words with boxes when wanted. `number` counts from 1.
    pub fn into_text(self, number: u32, want_words: bool) -> (String, Vec<Word>) {
        let mut lines = Lines { number, want_words, ..Lines::default() };
        let mut last: Option<Placed> = None;
        let gaps = blank_gaps(&self.glyphs);
        for (glyph, blank_gap) in self.glyphs.into_iter().zip(gaps) {
            if let Some(before) = &last {
                if is_shadow(before, &glyph) {
                    continue;
                }
                lines.blank_gap = blank_gap;
                lines.gap(before, &glyph);
            }
            lines.glyph(&glyph);
            last = Some(glyph);
        }
        lines.end_word();
        (lines.text, lines.words)
    }
}

/// Bold is sometimes made by drawing a letter twice, a hair apart.
fn is_shadow(before: &Placed, glyph: &Placed) -> bool {
    before.text == glyph.text && (glyph.start - before.start).hypot() < before.size * 0.1
}

/// Glyphs of a line from which it can be told that its letters stand apart.
const SPACED_GLYPHS_MIN: usize = 8;

/// Font sizes between letters beyond which they are no word.
const SPACED_GAP_MAX: f64 = 0.6;

/// For each glyph, the gap before it that is a blank. On a line whose letters all stand apart (headings are set so,
/// and some fonts declare no widths) it takes more than that.
fn blank_gaps(glyphs: &[Placed]) -> Vec<f64> {
    let mut gaps = vec![BLANK_GAP; glyphs.len()];
    let mut start = 0;
    while start < glyphs.len() {
        let mut end = start + 1;
        while end < glyphs.len() {
            let (before, glyph) = (&glyphs[end - 1], &glyphs[end]);
            let size = before.size.max(glyph.size);
            let step = glyph.start - before.start;
            if step.y.abs() > size * 0.3 || step.x < -size * 0.1 || step.x > size * 4.0 {
                break;
            }
            end += 1;
        }
        let mut between: Vec<f64> = glyphs[start..end]
            .windows(2)
            .filter(|pair| pair.iter().all(|glyph| !glyph.text.trim().is_empty()))
            .map(|pair| (pair[1].start.x - pair[0].end.x) / pair[0].size.max(1e-6))
            .collect();
        if between.len() >= SPACED_GLYPHS_MIN {
            between.sort_unstable_by(f64::total_cmp);
            // Even the narrowest quarter stands apart, and not as far as the columns of a table.
            if between[between.len() / 4] > BLANK_GAP && between[between.len() / 2] < SPACED_GAP_MAX {
                gaps[start..end].fill(between[between.len() / 2] + BLANK_GAP * 1.5);
            }
        }
        start = end;
    }
    gaps
}

#[derive(Default)]
struct Lines {
    text: String,
    words: Vec<Word>,
    word: String,
    area: Option<Rect>,
    number: u32,
    want_words: bool,
    line_height: f64,
    /// Font sizes between glyphs that are a blank, on this line.
    blank_gap: f64,
}

impl Lines {
    /// What stands between two glyphs: nothing, a blank, a line end or an empty line.
    fn gap(&mut self, before: &Placed, glyph: &Placed) {
        let size = before.size.max(glyph.size).max(1e-6);
        let run = before.end - before.start;
        let along = if run.hypot() > 1e-9 { run / run.hypot() } else { Vec2::new(1.0, 0.0) };
        let step = glyph.start - before.end;
        let forward = step.dot(along);
        // Down, seen along the line.
        let down = (glyph.start - before.start).dot(Vec2::new(-along.y, along.x));
        let turned = {
            let run = glyph.end - glyph.start;
            run.hypot() > 1e-9 && (run / run.hypot()).dot(along) < 0.9
        };
        if turned || down.abs() > size * 0.5 || forward < -size * 2.0 {
            self.end_word();
            let usual = if self.line_height > 0.0 { self.line_height } else { size * 1.3 };
            let far = down > usual * 1.55 || down < -size * 0.5;
            let trimmed = self.text.trim_end_matches(' ').len();
            self.text.truncate(trimmed);
            self.text.push_str(if far || turned { "\n\n" } else { "\n" });
            if !turned && down > size * 0.5 && down < size * 2.2 {
                self.line_height = down;
            }
        } else if forward > size * self.blank_gap && !self.text.ends_with([' ', '\n']) {
            self.end_word();
            self.text.push(' ');
        }
    }

    fn glyph(&mut self, glyph: &Placed) {
        if glyph.text.chars().all(char::is_whitespace) {
            self.end_word();
            if !self.text.is_empty() && !self.text.ends_with([' ', '\n']) {
                self.text.push(' ');
            }
            return;
        }
        self.text.push_str(&glyph.text);
        if self.want_words {
            self.word.push_str(&glyph.text);
            let across = glyph.end - glyph.start;
            let up = if across.hypot() > 1e-9 {
                Vec2::new(across.y, -across.x) / across.hypot() * glyph.size
            } else {
                Vec2::new(0.0, -glyph.size)
            };
            let area = Rect::from_points(glyph.start - up * 0.22, glyph.end + up * 0.8)
                .union(Rect::from_points(glyph.start + up * 0.8, glyph.end - up * 0.22));
            self.area = Some(self.area.map_or(area, |whole| whole.union(area)));
        }
    }

    fn end_word(&mut self) {
        let word = std::mem::take(&mut self.word);
        if let Some(area) = self.area.take()
            && !word.is_empty()
        {
            let pixels = |points: f64| (points * BOX_DPI / 72.0).round().clamp(0.0, 1e6) as u32;
            let (left, top) = (pixels(area.x0), pixels(area.y0));
            self.words.push(Word(
                self.number,
                left,
                top,
                pixels(area.x1).saturating_sub(left),
                pixels(area.y1).saturating_sub(top),
                100.0,
                word,
            ));
        }
    }
}

/// A character as a reader would type it: ligatures taken apart.
fn plain(c: char) -> String {
    match c {
        '\u{fb00}' => "ff".to_owned(),
        '\u{fb01}' => "fi".to_owned(),
        '\u{fb02}' => "fl".to_owned(),
        '\u{fb03}' => "ffi".to_owned(),
        '\u{fb04}' => "ffl".to_owned(),
        '\u{fb05}' | '\u{fb06}' => "st".to_owned(),
        '\0' => String::new(),
        c => c.to_string(),
    }
}

impl<'a> Device<'a> for PageText {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        for glyph in run.glyphs() {
            self.push(glyph, props.transform * glyph.transform(), matches!(mode, DrawMode::Invisible));
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let (width, height) = (f64::from(image.width()), f64::from(image.height()));
        self.image_area = props.transform.transform_rect_bbox(Rect::new(0.0, 0.0, width, height));
        let area = self.image_area.intersect(self.page);
        let whole = self.page.area().max(1.0);
        if area.area() >= whole * COVERING
            && matches!(image, Image::Raster(_))
            && props.soft_mask.is_none()
            && props.blend_mode == BlendMode::Normal
        {
            self.cover();
        }
        self.images += 1;
        self.image_share += (area.area() / whole).clamp(0.0, 1.0);
        self.image_pixels =
            self.image_pixels.max(u64::from(image.width()).saturating_mul(u64::from(image.height())));
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {
        self.shapes += 1;
    }

    fn begin_marked_content(&mut self, _: &[u8], properties: Option<&Dict<'_>>) {
        let stands = properties.and_then(|properties| {
            let said = properties.get::<Bytes<'_>>(b"ActualText")?;
            Some(Stands { text: text_string(&said).chars().map(plain).collect(), said: false })
        });
        if self.marked.len() < MARKED_MAX {
            self.marked.push(stands);
        }
    }

    fn end_marked_content(&mut self) {
        self.marked.pop();
    }

    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
