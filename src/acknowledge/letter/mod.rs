//! The acknowledgement on paper: an A4 letter for a window envelope (DIN 5008 form B folds; the place of the window
//! is a [`Window`]), dates in words, tagged for screen readers (PDF/UA-1, ISO 14289-1) with its fonts embedded.
//!
//! [`page`] decides where each line stands, [`pdf`] draws it; this file knows what is written. Invariants: the window
//! shows the address and the line above it, whole, and nothing else; an address that cannot be printed whole and as
//! it is written ([`unprintable`]) goes to a person first.

mod page;
mod pdf;

use super::ComposeError;
use super::Situation;
use super::blocks::{Block, Section};
use super::templates::{Particulars, Templates};
use crate::calendar;
use crate::record::{Bsns, Office, Window, WindowSide, Writer};
use jiff::civil::Date;
use page::{Font, LEADING, Line, Role, Typesetter, mm};

/// Points of type.
const BODY_POINTS: f32 = 10.5;
/// The sizes tried, with their leading, so that a letter does not end with a few lines on a page of their own.
const SIZES: [(f32, f32); 4] = [(BODY_POINTS, LEADING), (10.2, LEADING), (10.0, LEADING), (10.0, 1.25)];
const SMALL_POINTS: f32 = 8.0;
/// The sizes tried for an address, so that the window shows it whole.
const ADDRESS_SIZES: [f32; 4] = [BODY_POINTS, 10.0, 9.5, 9.0];
/// Line pitch of an address over its type size.
const ADDRESS_LEADING: f32 = 1.18;
/// In millimetres: from the window's top to the base of the line with our own address, and of the address below it.
const RETURN_BASE: f32 = 2.8;
const ADDRESS_BASE: f32 = 7.2;
/// Air between the window's edges and what it shows, and between what it can show and the rest.
const AIR: f32 = 1.0;
/// The left and right edge of what is written.
const LEFT: f32 = 25.0;
const RIGHT: f32 = 190.0;

/// Whose letter it is: name and address, one a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addressee {
    pub lines: Vec<String>,
}

impl Addressee {
    pub fn of(writer: &Writer) -> Self {
        Self { lines: writer.name.iter().chain(&writer.postal).cloned().collect() }
    }
}

/// The letter beside its words.
#[derive(Clone, Copy, Debug)]
pub struct OnPaper<'a> {
    pub addressee: &'a Addressee,
    pub window: Window,
    /// Before the date; may be empty.
    pub place: &'a str,
    pub date: Date,
}

/// Why this address cannot be printed whole and as it is written, or may not, in Dutch for staff; `None` when it can.
///
/// The fonts have Latin with every European accent, Greek and Cyrillic. Other scripts they lack, or have without the
/// order from right to left: what would come out as question marks, or turned round, is typed by a person instead.
///
/// # Errors
/// When the fonts cannot be read.
pub fn unprintable(addressee: &Addressee, window: Window) -> Result<Option<&'static str>, ComposeError> {
    if addressee.lines.iter().any(|line| Bsns::holds_number(line)) {
        return Ok(Some(
            "er staat een burgerservicenummer in (of een getal dat er een kan zijn). Haal het weg: het zou in het venster \
             van de envelop te lezen zijn.",
        ));
    }
    let setter = Typesetter::new(LEADING).map_err(|what| ComposeError::Font { what })?;
    if addressee.lines.iter().any(|line| setter.lacks(line)) {
        return Ok(Some(
            "de naam of het adres heeft tekens die niet op de brief kunnen. Typ ze in gewone letters.",
        ));
    }
    Ok(address_lines(&setter, addressee, window)
        .is_none()
        .then_some("het past niet in het venster van de envelop. Maak het korter."))
}

/// Makes the letter as a PDF.
///
/// # Errors
/// When a template fails after all, or the PDF cannot be made; never because of what the citizen wrote.
pub fn compose_letter(
    templates: &Templates,
    office: &Office,
    situation: &Situation,
    about: &Particulars,
    paper: &OnPaper,
) -> Result<Vec<u8>, ComposeError> {
    let sections = templates.render(situation, about)?;
    compose_words(&sections, office, about, paper, "Wij hebben uw brief ontvangen")
}

/// A letter with these words, under this subject.
pub(super) fn compose_words(
    sections: &[Section],
    office: &Office,
    about: &Particulars,
    paper: &OnPaper,
    subject: &str,
) -> Result<Vec<u8>, ComposeError> {
    let fault = |what: String| ComposeError::Letter { case: about.case, what };
    let lay_out = |(points, leading): (f32, f32)| -> Result<Typesetter, ComposeError> {
        let mut setter = Typesetter::new(leading).map_err(fault)?;
        head(&mut setter, office, about, paper, subject);
        setter.body_starts();
        for (number, section) in sections.iter().enumerate() {
            body(&mut setter, section, points, number > 0);
        }
        Ok(setter)
    };
    let mut setter = lay_out(SIZES[0])?;
    for size in SIZES {
        let attempt = lay_out(size)?;
        if !attempt.straggles() {
            setter = attempt;
            break;
        }
    }
    let footer = format!("Kenmerk {}", about.case);
    let title = format!("{subject}, kenmerk {}", about.case);
    pdf::write(&setter.pages(&footer), &title, &office.name, paper.date).map_err(fault)
}

fn dateline(place: &str, date: Date) -> String {
    let date = calendar::in_words(date);
    if place.is_empty() { date } else { format!("{place}, {date}") }
}

/// The lines of an address as the window shows them, and their size; `None` when it cannot show them all.
fn address_lines(setter: &Typesetter, addressee: &Addressee, window: Window) -> Option<(Vec<String>, f32)> {
    let (width, height) = room(window);
    ADDRESS_SIZES.into_iter().find_map(|points| {
        let lines: Vec<String> =
            addressee.lines.iter().flat_map(|line| setter.wrap(line, Font::Regular, points, width)).collect();
        let pitch = points * ADDRESS_LEADING;
        // A fifth of the size hangs below the last base.
        let used = lines.len().saturating_sub(1) as f32 * pitch + points * 0.2;
        (used <= height).then_some((lines, points))
    })
}

/// Width of the address's lines, and the height from its first base to the end of the window, in points.
fn room(window: Window) -> (f32, f32) {
    let always = window.always;
    (mm(always.right - AIR - address_left(window)), mm(always.bottom - AIR - always.top - ADDRESS_BASE))
}

/// The left edge of the address in millimetres.
fn address_left(window: Window) -> f32 {
    (window.always.left + AIR).max(LEFT)
}

/// Letterhead, address window, particulars, subject: at fixed places on the first page.
fn head(setter: &mut Typesetter, office: &Office, about: &Particulars, paper: &OnPaper, subject: &str) {
    let window = paper.window;
    let whole = mm(RIGHT - LEFT);
    setter.fixed(mm(LEFT), mm(22.0), &office.name, Font::Bold, 13.0, Role::Paragraph, whole);
    // Name, box or street, and place; a further name would not fit.
    let places = office.contact.post.iter().filter(|line| line.contains(|c: char| c.is_ascii_digit()));
    let sender: Vec<&str> = std::iter::once(&office.name).chain(places).map(String::as_str).collect();
    // Within the window, above the address: where an undeliverable letter goes back to.
    let (left, top) = (mm(address_left(window)), window.always.top);
    let (width, _) = room(window);
    setter.shrunk(left, mm(top + RETURN_BASE), &sender.join(" · "), 6.5, width);
    // An address that does not fit is not printed in part: this letter waits for a person.
    if let Some((lines, points)) = address_lines(setter, paper.addressee, window) {
        let pitch = points * ADDRESS_LEADING;
        setter.fixed_lines(left, mm(top + ADDRESS_BASE), &lines, pitch, points);
    }
    particulars(setter, office, about, paper);
    setter.fixed(mm(LEFT), mm(105.0), subject, Font::Bold, 12.0, Role::Title, whole);
}

/// Date, reference and where we are, in the column that the window leaves.
fn particulars(setter: &mut Typesetter, office: &Office, about: &Particulars, paper: &OnPaper) {
    let ever = paper.window.ever;
    let (left, width) = match paper.window.side {
        WindowSide::Left => {
            let left = (ever.right + 4.0).max(125.0);
            (left, RIGHT - left)
        }
        WindowSide::Right => (LEFT, (ever.left - 4.0 - LEFT).min(65.0)),
    };
    let (left, width) = (mm(left), mm(width));
    let contact = &office.contact;
    let lines: [(&str, Vec<String>); 6] = [
        ("Datum", vec![dateline(paper.place, paper.date)]),
        ("Kenmerk", vec![about.case.to_string()]),
        ("Telefoon", contact.phone.iter().cloned().collect()),
        ("E-mail", contact.email.iter().cloned().collect()),
        ("Postadres", contact.post.clone()),
        ("Website", contact.web.iter().cloned().collect()),
    ];
    let mut top = mm(38.0);
    for (label, values) in lines.into_iter().filter(|(_, values)| !values.is_empty()) {
        setter.fixed(left, top, label, Font::Bold, SMALL_POINTS, Role::Paragraph, width);
        let lines: Vec<String> =
            values.iter().flat_map(|value| setter.wrap(value, Font::Regular, 9.0, width)).collect();
        top += mm(3.9);
        setter.fixed_lines(left, top, &lines, mm(3.9), 9.0);
        top += mm(3.9) * lines.len().saturating_sub(1) as f32 + mm(5.2);
    }
}

fn body(setter: &mut Typesetter, section: &Section, points: f32, further: bool) {
    setter.language(&section.language);
    if further {
        setter.rule();
    }
    for block in &section.blocks {
        match block {
            Block::Heading(text) => setter.heading(text, points + 0.5),
            Block::Paragraph(text) => setter.paragraph(text, points),
            Block::List(items) => setter.list(items, points),
            Block::Lines(lines) => setter.lines(lines, points),
        }
    }
}

/// One laid-out page: its lines in reading order.
#[derive(Debug, Default)]
struct Page {
    lines: Vec<Line>,
}
