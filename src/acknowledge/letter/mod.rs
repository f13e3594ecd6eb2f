//! The acknowledgement on paper: an A4 letter for a window envelope of 11 × 22 cm (DIN 5008 form B, which
//! Dutch NEN 1026 envelopes with the window left fit as well), dates in words, tagged for screen readers
//! (PDF/UA-1, ISO 14289-1) with its fonts embedded.
//!
//! [`page`] decides where each line stands, [`pdf`] draws it; this file knows what is written.

mod page;
mod pdf;

use super::ComposeError;
use super::Situation;
use super::blocks::{Block, Section};
use super::templates::{Particulars, Templates};
use crate::calendar;
use crate::record::{Office, Writer};
use jiff::civil::Date;
use page::{Font, Line, Role, Typesetter, mm};

/// Lines of the address that the window shows.
const ADDRESS_LINES_MAX: usize = 6;
/// Points of type.
const BODY_POINTS: f32 = 10.5;
/// The sizes tried, so that a letter does not end with a few lines on a page of their own.
const SIZES: [f32; 3] = [BODY_POINTS, 10.2, 10.0];
const SMALL_POINTS: f32 = 8.0;

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

/// Makes the letter as a PDF.
///
/// # Errors
/// When a template fails after all, or the PDF cannot be made; never because of what the citizen wrote.
pub fn compose_letter(
    templates: &Templates,
    office: &Office,
    situation: &Situation,
    about: &Particulars,
    addressee: &Addressee,
    place: &str,
    date: Date,
) -> Result<Vec<u8>, ComposeError> {
    let sections = templates.render(situation, about)?;
    let fault = |what: String| ComposeError::Letter { case: about.case, what };
    let lay_out = |points: f32| -> Result<Typesetter, ComposeError> {
        let mut setter = Typesetter::new().map_err(fault)?;
        head(&mut setter, office, about, addressee, &dateline(place, date));
        setter.body_starts();
        for (number, section) in sections.iter().enumerate() {
            body(&mut setter, section, points, number > 0);
        }
        Ok(setter)
    };
    let mut setter = lay_out(BODY_POINTS)?;
    for points in SIZES {
        let attempt = lay_out(points)?;
        if !attempt.straggles() {
            setter = attempt;
            break;
        }
    }
    let footer = format!("Kenmerk {}", about.case);
    let title = format!("Wij hebben uw brief ontvangen, kenmerk {}", about.case);
    pdf::write(&setter.pages(&footer), &title, &office.name, date).map_err(fault)
}

fn dateline(place: &str, date: Date) -> String {
    let date = calendar::in_words(date);
    if place.is_empty() { date } else { format!("{place}, {date}") }
}

/// Letterhead, address window, particulars, subject: at fixed places on the first page.
fn head(
    setter: &mut Typesetter,
    office: &Office,
    about: &Particulars,
    addressee: &Addressee,
    dateline: &str,
) {
    let left = mm(25.0);
    setter.fixed(left, mm(22.0), &office.name, Font::Bold, 13.0, Role::Paragraph, mm(160.0));
    // Name, box or street, and place; a further name would not fit.
    let places = office.contact.post.iter().filter(|line| line.contains(|c: char| c.is_ascii_digit()));
    let sender: Vec<&str> = std::iter::once(&office.name).chain(places).map(String::as_str).collect();
    // Within the window, above the address: where an undeliverable letter goes back to.
    setter.fixed(left, mm(60.5), &sender.join(" · "), Font::Regular, 6.5, Role::Artifact, mm(82.0));
    let lines = addressee.lines.iter().take(ADDRESS_LINES_MAX);
    setter.fixed_lines(left, mm(67.0), lines.map(String::as_str), mm(4.6), BODY_POINTS, mm(80.0));

    let right = mm(125.0);
    let mut top = mm(52.0);
    let contact = &office.contact;
    let phone = contact.phone.as_ref().map(|phone| vec![phone.clone()]);
    let particulars: [(&str, Vec<String>); 5] = [
        ("Uw kenmerk", vec![about.case.to_string()]),
        ("Telefoon", phone.unwrap_or_default()),
        ("E-mail", contact.email.iter().cloned().collect()),
        ("Postadres", contact.post.clone()),
        ("Website", contact.web.iter().cloned().collect()),
    ];
    for (label, values) in particulars.into_iter().filter(|(_, values)| !values.is_empty()) {
        setter.fixed(right, top, label, Font::Bold, SMALL_POINTS, Role::Paragraph, mm(65.0));
        let lines: Vec<String> =
            values.iter().flat_map(|value| setter.wrap(value, Font::Regular, 9.0, mm(65.0))).collect();
        for line in lines {
            top += mm(3.9);
            setter.fixed(right, top, &line, Font::Regular, 9.0, Role::Paragraph, mm(65.0));
        }
        top += mm(5.4);
    }
    setter.fixed(left, mm(98.0), dateline, Font::Regular, BODY_POINTS, Role::Paragraph, mm(95.0));
    setter.fixed(left, mm(105.0), "Wij hebben uw brief ontvangen", Font::Bold, 12.0, Role::Title, mm(160.0));
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
