//! Draws laid-out pages as a tagged PDF (PDF/UA-1). krilla refuses to write what would not conform, so a
//! fault here is an error, never a letter that a screen reader cannot read.

use super::Page;
use super::page::{BOLD, Font, Line, PAGE_HEIGHT, PAGE_WIDTH, REGULAR, Role, mm};
use jiff::civil::Date;
use krilla::color::luma;
use krilla::configure::{Accessibility, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::surface::Surface;
use krilla::tagging::{
    Artifact, ArtifactType, ContentTag, Identifier, ListNumbering, Tag, TagGroup, TagTree,
};
use krilla::text::TextDirection;
use krilla::{Document, SerializeSettings};
use std::num::NonZeroU16;

/// The language of the letter, as the PDF and as the templates name it.
const LANGUAGE: &str = "nl-NL";
const OWN_LANGUAGE: &str = "nl";

pub(super) fn write(pages: &[Page], title: &str, author: &str, date: Date) -> Result<Vec<u8>, String> {
    let configuration = ConfigurationBuilder::new()
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .map_err(|error| format!("{error:?}"))?;
    let mut document = Document::new_with(SerializeSettings { configuration, ..Default::default() });
    let font = |bytes: &'static [u8]| {
        krilla::text::Font::new(bytes.into(), 0).ok_or_else(|| "a font cannot be read".to_owned())
    };
    let fonts = [font(REGULAR)?, font(BOLD)?];
    let mut tree = Tree::default();
    let mut outline = Outline::new();
    for (number, page) in pages.iter().enumerate() {
        let settings = PageSettings::from_wh(PAGE_WIDTH, PAGE_HEIGHT).ok_or("no page of this size")?;
        let mut sheet = document.start_page_with(settings);
        let mut surface = sheet.surface();
        surface.set_fill(Some(Fill {
            paint: luma::Color::black().into(),
            opacity: NormalizedF32::ONE,
            rule: FillRule::default(),
        }));
        if number == 0 {
            fold_marks(&mut surface);
        }
        for (index, line) in page.lines.iter().enumerate() {
            let continues = page.lines.get(index + 1).is_some_and(|next| next.element == line.element);
            let identifier = draw(&mut surface, line, continues, &fonts);
            if matches!(line.role, Role::Title | Role::Heading) {
                let place = XyzDestination::new(number, Point::from_xy(line.x, line.y - line.points));
                outline.push_child(OutlineNode::new(line.text.clone(), place));
            }
            if let Some(identifier) = identifier {
                tree.add(line, identifier);
            }
        }
        surface.finish();
        sheet.finish();
    }
    document.set_outline(outline);
    document.set_tag_tree(tree.finish());
    document.set_metadata(
        Metadata::new()
            .title(title.to_owned())
            .language(LANGUAGE.to_owned())
            .authors(vec![author.to_owned()])
            .creator("bode".to_owned())
            .creation_date(creation_date(date)),
    );
    document.finish().map_err(|error| format!("{error:?}"))
}

fn creation_date(date: Date) -> DateTime {
    let number = |n: i8| u8::try_from(n).unwrap_or(1);
    DateTime::new(u16::try_from(date.year()).unwrap_or(0)).month(number(date.month())).day(number(date.day()))
}

/// Where to fold for the envelope: a short stroke at the left edge.
fn fold_marks(surface: &mut Surface) {
    for top in [105.0, 210.0] {
        rectangle(surface, mm(5.0), mm(top), mm(4.0), 0.4);
    }
}

fn rectangle(surface: &mut Surface, x: f32, y: f32, width: f32, height: f32) {
    let mut builder = PathBuilder::new();
    let Some(rect) = Rect::from_xywh(x, y, width, height) else { return };
    builder.push_rect(rect);
    if let Some(path) = builder.finish() {
        surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)));
        surface.draw_path(&path);
        surface.end_tagged();
    }
}

/// The language of a line that is not the letter's own; it stands at its element.
fn foreign(line: &Line) -> Option<String> {
    (line.language != OWN_LANGUAGE).then(|| line.language.clone())
}

/// Draws one line; its identifier if it is to be read out.
fn draw(
    surface: &mut Surface,
    line: &Line,
    continues: bool,
    fonts: &[krilla::text::Font; 2],
) -> Option<Identifier> {
    if line.role == Role::Rule {
        rectangle(surface, line.x, line.y, mm(160.0), 0.5);
        return None;
    }
    let identifier = if line.role == Role::Artifact {
        surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::PaginationOther)));
        None
    } else {
        Some(surface.start_tagged(ContentTag::Other))
    };
    // The space that the end of a line stands for is written, so that copied text has it.
    let text = if continues { format!("{} ", line.text) } else { line.text.clone() };
    let font = match line.font {
        Font::Regular => &fonts[0],
        Font::Bold => &fonts[1],
    };
    surface.draw_text(
        Point::from_xy(line.x, line.y),
        font.clone(),
        line.points,
        &text,
        false,
        TextDirection::LeftToRight,
    );
    surface.end_tagged();
    identifier
}

/// The structure tree in the making: elements and lists are closed when another begins.
#[derive(Default)]
struct Tree {
    done: Vec<TagGroup>,
    element: Option<(usize, Role, TagGroup)>,
    /// The list in hand: its number, its items, and label and body of the open item.
    list: Option<(usize, TagGroup)>,
    item: Option<(usize, TagGroup, TagGroup)>,
}

impl Tree {
    fn add(&mut self, line: &Line, identifier: Identifier) {
        match line.role {
            Role::Label | Role::Item => self.add_item(line, identifier),
            role => {
                self.close_list();
                let same = self.element.as_ref().is_some_and(|(element, ..)| *element == line.element);
                if !same {
                    self.close_element();
                    let level = NonZeroU16::new(if role == Role::Title { 1 } else { 2 });
                    let group = match (role, level, foreign(line)) {
                        (Role::Title | Role::Heading, Some(level), language) => {
                            TagGroup::new(Tag::Hn(level, Some(line.text.clone())).with_lang(language))
                        }
                        (_, _, language) => TagGroup::new(Tag::P.with_lang(language)),
                    };
                    self.element = Some((line.element, role, group));
                }
                if let Some((.., group)) = &mut self.element {
                    group.push(identifier);
                }
            }
        }
    }

    fn add_item(&mut self, line: &Line, identifier: Identifier) {
        self.close_element();
        if self.list.as_ref().is_some_and(|(list, _)| *list != line.list) {
            self.close_list();
        }
        self.list.get_or_insert_with(|| {
            (line.list, TagGroup::new(Tag::L(ListNumbering::Disc).with_lang(foreign(line))))
        });
        if self.item.as_ref().is_some_and(|(element, ..)| *element != line.element) {
            self.close_item();
        }
        let (_, label, body) = self
            .item
            .get_or_insert_with(|| (line.element, TagGroup::new(Tag::Lbl), TagGroup::new(Tag::LBody)));
        if line.role == Role::Label { label.push(identifier) } else { body.push(identifier) }
    }

    fn close_item(&mut self) {
        if let (Some((_, list)), Some((_, label, body))) = (&mut self.list, self.item.take()) {
            let mut item = TagGroup::new(Tag::LI);
            item.push(label);
            item.push(body);
            list.push(item);
        }
    }

    fn close_list(&mut self) {
        self.close_item();
        self.done.extend(self.list.take().map(|(_, list)| list));
    }

    fn close_element(&mut self) {
        self.done.extend(self.element.take().map(|(.., group)| group));
    }

    fn finish(mut self) -> TagTree {
        self.close_list();
        self.close_element();
        let mut tree = TagTree::new().with_lang(Some(LANGUAGE.to_owned()));
        for group in self.done {
            tree.push(group);
        }
        tree
    }
}
