//! Where each line of a letter stands. Lengths are points, from the left and the top of the page.
//!
//! Widths are the fonts' own advance widths, so that nothing runs over the margin. Paragraphs stay whole, and
//! a heading stays with what follows it.

use super::Page;
use std::sync::OnceLock;
use ttf_parser::Face;

pub(super) static REGULAR: &[u8] = include_bytes!("../../../templates/fonts/LiberationSans-Regular.ttf");
pub(super) static BOLD: &[u8] = include_bytes!("../../../templates/fonts/LiberationSans-Bold.ttf");

pub(super) const PAGE_WIDTH: f32 = 595.28;
pub(super) const PAGE_HEIGHT: f32 = 841.89;
/// Line pitch over type size.
pub(super) const LEADING: f32 = 1.33;
/// Where the body starts on the first page, and on the others; and where it ends.
const FIRST_TOP: f32 = 111.5;
const FURTHER_TOP: f32 = 25.0;
const BOTTOM: f32 = 277.0;
const LEFT: f32 = 25.0;
const BODY_WIDTH: f32 = 160.0;
const INDENT: f32 = 5.0;
/// A last page with fewer lines looks lost: the letter is tried in a smaller size.
const STRAGGLERS_MAX: usize = 9;
/// Pages of one letter; the texts fill two at most, with a second language four.
const PAGES_MAX: usize = 12;

/// Hebrew, Arabic, Syriac, Thaana, N'Ko and what follows them, and their presentation forms (Unicode blocks).
fn runs_leftwards(c: char) -> bool {
    matches!(c, '\u{0590}'..='\u{08ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}')
}

/// Millimetres as points.
pub(super) fn mm(millimetres: f32) -> f32 {
    millimetres * 72.0 / 25.4
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Font {
    Regular,
    Bold,
}

/// What a line is to a screen reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Title,
    Heading,
    Paragraph,
    /// The sign before an item.
    Label,
    Item,
    /// Not read out.
    Artifact,
    /// A thin line across, not text.
    Rule,
}

#[derive(Clone, Debug)]
pub(super) struct Line {
    pub x: f32,
    pub y: f32,
    pub text: String,
    pub font: Font,
    pub points: f32,
    pub role: Role,
    /// Lines of the same element have the same number.
    pub element: usize,
    /// Items of the same list have the same number.
    pub list: usize,
    pub language: String,
}

/// Lays out one letter.
pub(super) struct Typesetter {
    faces: [&'static Face<'static>; 2],
    leading: f32,
    pages: Vec<Page>,
    y: f32,
    element: usize,
    list: usize,
    language: String,
    /// A heading that waits for what follows it.
    heading: Option<(String, f32)>,
}

impl Typesetter {
    /// `leading`: line pitch over type size, usually [`LEADING`].
    pub fn new(leading: f32) -> Result<Self, String> {
        static FACES: OnceLock<Option<[Face<'static>; 2]>> = OnceLock::new();
        let faces = FACES
            .get_or_init(|| Some([Face::parse(REGULAR, 0).ok()?, Face::parse(BOLD, 0).ok()?]))
            .as_ref()
            .ok_or("the fonts cannot be read")?;
        Ok(Self {
            faces: [&faces[0], &faces[1]],
            leading,
            pages: vec![Page::default()],
            y: mm(FIRST_TOP),
            element: 0,
            list: 0,
            language: "nl".to_owned(),
            heading: None,
        })
    }

    fn face(&self, font: Font) -> &'static Face<'static> {
        match font {
            Font::Regular => self.faces[0],
            Font::Bold => self.faces[1],
        }
    }

    /// Characters that the font has; others become a question mark, for a letter must not fail on a name.
    fn printable(&self, text: &str, font: Font) -> String {
        let face = self.face(font);
        text.chars()
            .map(|c| if c.is_whitespace() || c.is_control() { ' ' } else { c })
            .map(|c| if face.glyph_index(c).is_some() { c } else { '?' })
            .collect()
    }

    /// Whether this text would not come out as it is written: a character without a glyph, or a script that runs
    /// from right to left, which is drawn here from left to right.
    pub fn lacks(&self, text: &str) -> bool {
        let face = self.face(Font::Regular);
        text.chars().any(|c| {
            runs_leftwards(c) || !(c.is_whitespace() || c.is_control() || face.glyph_index(c).is_some())
        })
    }

    /// The width of a text in points.
    pub fn width(&self, text: &str, font: Font, points: f32) -> f32 {
        let face = self.face(font);
        let units: f32 = text
            .chars()
            .filter_map(|c| face.glyph_index(c).and_then(|glyph| face.glyph_hor_advance(glyph)))
            .map(f32::from)
            .sum();
        units * points / f32::from(face.units_per_em())
    }

    /// Breaks a text into lines of at most `width`; a word that is longer is cut.
    pub fn wrap(&self, text: &str, font: Font, points: f32, width: f32) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut line = String::new();
        for word in self.printable(text, font).split_whitespace() {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if self.width(&longer, font, points) <= width {
                line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for c in word.chars() {
                line.push(c);
                if self.width(&line, font, points) > width {
                    line.pop();
                    lines.push(std::mem::replace(&mut line, c.to_string()));
                }
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }

    fn put(&mut self, x: f32, y: f32, text: String, font: Font, points: f32, role: Role) {
        let (element, list, language) = (self.element, self.list, self.language.clone());
        if let Some(page) = self.pages.last_mut() {
            page.lines.push(Line { x, y, text, font, points, role, element, list, language });
        }
    }

    /// One line at a fixed place, cut where it would leave its room.
    #[allow(clippy::too_many_arguments, reason = "a place, a text and its looks")]
    pub fn fixed(&mut self, x: f32, y: f32, text: &str, font: Font, points: f32, role: Role, room: f32) {
        let Some(line) = self.wrap(text, font, points, room).into_iter().next() else { return };
        self.element += 1;
        self.put(x, y, line, font, points, role);
    }

    /// Lines at a fixed place that belong together, as an address; each fits its room.
    pub fn fixed_lines(&mut self, x: f32, y: f32, lines: &[String], pitch: f32, points: f32) {
        self.element += 1;
        for (number, line) in lines.iter().enumerate() {
            self.put(x, y + number as f32 * pitch, line.clone(), Font::Regular, points, Role::Paragraph);
        }
    }

    /// One line that is not read out, made smaller where it would leave its room.
    pub fn shrunk(&mut self, x: f32, y: f32, text: &str, points: f32, room: f32) {
        let width = self.width(&self.printable(text, Font::Regular), Font::Regular, points);
        let points = if width > room { points * room / width } else { points };
        // Rounding must not cut the last letter off.
        self.fixed(x, y, text, Font::Regular, points, Role::Artifact, room * 1.01);
    }

    /// From here on text flows.
    pub fn body_starts(&mut self) {
        self.y = mm(FIRST_TOP);
    }

    pub fn language(&mut self, language: &str) {
        language.clone_into(&mut self.language);
    }

    /// Makes room; begins a page when there is not enough.
    fn room(&mut self, height: f32) {
        if self.y + height > mm(BOTTOM) && self.pages.len() < PAGES_MAX {
            self.pages.push(Page::default());
            self.y = mm(FURTHER_TOP);
        }
    }

    pub fn heading(&mut self, text: &str, points: f32) {
        self.place_heading(0.0);
        self.heading = Some((text.to_owned(), points));
    }

    /// Sets the waiting heading, on the page that has room for it and for what follows.
    fn place_heading(&mut self, following: f32) {
        let Some((text, points)) = self.heading.take() else {
            self.room(following);
            return;
        };
        let lines = self.wrap(&text, Font::Bold, points, mm(BODY_WIDTH));
        let pitch = points * self.leading;
        let count = lines.len() as f32;
        self.room(count * pitch + following + 6.0);
        self.y += 4.0;
        self.element += 1;
        for line in lines {
            self.put(mm(LEFT), self.y, line, Font::Bold, points, Role::Heading);
            self.y += pitch;
        }
        self.y += 1.0;
    }

    pub fn paragraph(&mut self, text: &str, points: f32) {
        let lines = self.wrap(text, Font::Regular, points, mm(BODY_WIDTH));
        self.flow(lines, points);
    }

    /// Lines that stay apart, as an address.
    pub fn lines(&mut self, lines: &[String], points: f32) {
        let lines: Vec<String> =
            lines.iter().flat_map(|line| self.wrap(line, Font::Regular, points, mm(BODY_WIDTH))).collect();
        self.flow(lines, points);
    }

    fn flow(&mut self, lines: Vec<String>, points: f32) {
        let pitch = points * self.leading;
        self.place_heading(lines.len() as f32 * pitch);
        self.element += 1;
        for line in lines {
            self.put(mm(LEFT), self.y, line, Font::Regular, points, Role::Paragraph);
            self.y += pitch;
        }
        self.y += pitch * 0.4;
    }

    pub fn list(&mut self, items: &[String], points: f32) {
        let pitch = points * self.leading;
        self.list += 1;
        for item in items {
            let lines = self.wrap(item, Font::Regular, points, mm(BODY_WIDTH - INDENT));
            self.place_heading(lines.len() as f32 * pitch);
            self.element += 1;
            self.put(mm(LEFT), self.y, "•".to_owned(), Font::Regular, points, Role::Label);
            for line in lines {
                self.put(mm(LEFT + INDENT), self.y, line, Font::Regular, points, Role::Item);
                self.y += pitch;
            }
        }
        self.y += pitch * 0.4;
    }

    /// A thin line between two languages.
    pub fn rule(&mut self) {
        self.place_heading(0.0);
        self.room(mm(20.0));
        self.element += 1;
        self.put(mm(LEFT), self.y, String::new(), Font::Regular, 1.0, Role::Rule);
        self.y += mm(5.0);
    }

    /// Whether the last page, but for the first, holds no more than the end of the letter.
    pub fn straggles(&self) -> bool {
        self.pages.len() > 1 && self.pages.last().is_some_and(|page| page.lines.len() < STRAGGLERS_MAX)
    }

    /// The pages, each with its footer.
    pub fn pages(mut self, footer: &str) -> Vec<Page> {
        if self.heading.is_some() {
            self.place_heading(0.0);
        }
        let count = self.pages.len();
        let mut pages = std::mem::take(&mut self.pages);
        for (number, page) in pages.iter_mut().enumerate() {
            let text = format!("{footer} · bladzijde {} van {count}", number + 1);
            page.lines.push(Line {
                x: mm(LEFT),
                y: mm(287.0),
                text,
                font: Font::Regular,
                points: 8.0,
                role: Role::Artifact,
                element: usize::MAX,
                list: 0,
                language: "nl".to_owned(),
            });
        }
        pages
    }
}
