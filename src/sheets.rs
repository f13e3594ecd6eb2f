//! Separator sheets to print: an A4 page each side, with one large QR code (ISO/IEC 18004) in the middle.
//!
//! In the middle and large, because feeders crop edges, pull a page askew and leave stripes: a third of the code may
//! be gone. Both sides are printed, so that a sheet scanned from its back, or on both sides, is known for what it is.
//! Invariant: the words on a sheet say what its code says.

use crate::calendar;
use crate::record::{SheetCode, SheetSide};
use jiff::civil::Date;
use krilla::Document;
use krilla::color::luma;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::Metadata;
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::surface::Surface;
use krilla::text::{Font, TextDirection};
use rxing::{BarcodeFormat, EncodeHints, Writer};
use ttf_parser::Face;

static REGULAR: &[u8] = include_bytes!("../templates/fonts/LiberationSans-Regular.ttf");
static BOLD: &[u8] = include_bytes!("../templates/fonts/LiberationSans-Bold.ttf");

const PAGE_WIDTH: f32 = 210.0;
const PAGE_HEIGHT: f32 = 297.0;
/// Millimetres of the code's side, and of the place of its upper edge.
const CODE_SIDE: f32 = 104.0;
const CODE_TOP: f32 = 88.0;
/// Level H: 30 % of the code may be lost to what a stack does to paper.
const CORRECTION: &str = "H";

/// Why no sheets could be made: the program's fault.
#[derive(Debug, thiserror::Error)]
#[error("the sheets cannot be made: {what}")]
pub struct SheetsError {
    what: String,
}

fn fault(what: impl std::fmt::Display) -> SheetsError {
    SheetsError { what: what.to_string() }
}

/// Letters and digits of a series: without those that are taken for one another.
const SERIES: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// Names one printing, so that sheets of two printings in one stack have different numbers.
///
/// # Errors
/// The machine gives no random number.
pub fn series() -> Result<String, SheetsError> {
    let mut random = [0u8; 4];
    getrandom::fill(&mut random).map_err(|error| fault(format!("no random number: {error}")))?;
    Ok(random.iter().map(|byte| char::from(SERIES[usize::from(byte % 32)])).collect())
}

/// A PDF of `count` sheets, front and back, numbered `<series>-001` and on. With `received` they are for the post of
/// that day.
///
/// # Errors
/// When the PDF cannot be written; nothing that a caller can mend.
pub fn sheets(series: &str, count: u32, received: Option<Date>) -> Result<Vec<u8>, SheetsError> {
    let mut document = Document::new();
    let fonts = Fonts::new()?;
    for number in 1..=count {
        for side in [SheetSide::Front, SheetSide::Back] {
            let code = SheetCode { id: format!("{series}-{number:03}"), side, received };
            let (width, height) = (mm(PAGE_WIDTH), mm(PAGE_HEIGHT));
            let settings =
                PageSettings::from_wh(width, height).ok_or_else(|| fault("no page of this size"))?;
            let mut page = document.start_page_with(settings);
            let mut surface = page.surface();
            surface.set_fill(Some(Fill {
                paint: luma::Color::black().into(),
                opacity: NormalizedF32::ONE,
                rule: FillRule::default(),
            }));
            draw(&mut surface, &fonts, &code)?;
            surface.finish();
            page.finish();
        }
    }
    document.set_metadata(
        Metadata::new()
            .title("Scheidingsvellen".to_owned())
            .language("nl-NL".to_owned())
            .creator("bode".to_owned()),
    );
    document.finish().map_err(|error| fault(format!("{error:?}")))
}

/// Millimetres as points.
fn mm(millimetres: f32) -> f32 {
    millimetres * 72.0 / 25.4
}

/// A font to draw with, and its advance widths to centre lines by.
struct Fonts {
    fonts: [Font; 2],
    faces: [Face<'static>; 2],
}

impl Fonts {
    fn new() -> Result<Self, SheetsError> {
        let font = |bytes: &'static [u8]| Font::new(bytes.into(), 0).ok_or_else(|| fault("a font"));
        let face = |bytes: &'static [u8]| Face::parse(bytes, 0).map_err(fault);
        Ok(Self { fonts: [font(REGULAR)?, font(BOLD)?], faces: [face(REGULAR)?, face(BOLD)?] })
    }

    /// Draws a line in the middle of the page, with its foot at `y` millimetres.
    fn centred(&self, surface: &mut Surface, y: f32, bold: bool, points: f32, text: &str) {
        let face = &self.faces[usize::from(bold)];
        let units: f32 = text
            .chars()
            .filter_map(|c| face.glyph_index(c).and_then(|glyph| face.glyph_hor_advance(glyph)))
            .map(f32::from)
            .sum();
        let width = units * points / f32::from(face.units_per_em());
        let at = Point::from_xy((mm(PAGE_WIDTH) - width) / 2.0, mm(y));
        let font = self.fonts[usize::from(bold)].clone();
        surface.draw_text(at, font, points, text, false, TextDirection::LeftToRight);
    }
}

fn draw(surface: &mut Surface, fonts: &Fonts, code: &SheetCode) -> Result<(), SheetsError> {
    let (title, what) = match code.side {
        SheetSide::Front => (
            "SCHEIDINGSVEL",
            [
                "Leg dit vel vóór elke brief op de stapel. Deze kant boven.",
                "Scan daarna de hele stapel in één keer.",
            ],
        ),
        SheetSide::Back => (
            "ACHTERKANT",
            ["Dit is de achterkant van een scheidingsvel.", "Draai het vel om: de voorkant hoort boven."],
        ),
    };
    fonts.centred(surface, 42.0, true, 40.0, title);
    fonts.centred(surface, 57.0, false, 15.0, what[0]);
    fonts.centred(surface, 65.0, false, 15.0, what[1]);
    draw_code(surface, code)?;
    let number = match code.side {
        SheetSide::Front => format!("Vel {}", code.id),
        SheetSide::Back => format!("Achterkant van vel {}", code.id),
    };
    fonts.centred(surface, 212.0, true, 24.0, &number);
    match code.received {
        Some(day) => {
            let day = calendar::in_words(day);
            fonts.centred(surface, 228.0, true, 18.0, &format!("Ontvangen op {day}"));
            fonts.centred(surface, 238.0, false, 12.0, "Gebruik dit vel alleen voor de post van die dag.");
        }
        None => {
            fonts.centred(
                surface,
                228.0,
                false,
                15.0,
                "Zonder datum: de dag van scannen telt als ontvangst.",
            );
            fonts.centred(surface, 238.0, false, 12.0, "Dit vel kunt u steeds opnieuw gebruiken.");
        }
    }
    fonts.centred(surface, 268.0, false, 10.0, "Dit vel hoort bij geen brief en komt in geen zaak.");
    Ok(())
}

fn draw_code(surface: &mut Surface, code: &SheetCode) -> Result<(), SheetsError> {
    let hints = EncodeHints {
        ErrorCorrection: Some(CORRECTION.to_owned()),
        Margin: Some("0".to_owned()),
        ..EncodeHints::default()
    };
    let writer = rxing::qrcode::QRCodeWriter;
    let matrix =
        writer.encode_with_hints(&code.to_string(), &BarcodeFormat::QR_CODE, 0, 0, &hints).map_err(fault)?;
    let (columns, rows) = (matrix.width(), matrix.height());
    let module = mm(CODE_SIDE) / columns.max(1) as f32;
    let left = (mm(PAGE_WIDTH) - mm(CODE_SIDE)) / 2.0;
    let mut path = PathBuilder::new();
    for row in 0..rows {
        let mut column = 0;
        while column < columns {
            let begin = column;
            while column < columns && matrix.get(column, row) {
                column += 1;
            }
            if column > begin {
                let (x, y) = (left + begin as f32 * module, mm(CODE_TOP) + row as f32 * module);
                // A hair taller, so that no printer leaves a white line between two rows.
                let square = Rect::from_xywh(x, y, (column - begin) as f32 * module, module * 1.01);
                path.push_rect(square.ok_or_else(|| fault("a square of the code"))?);
            }
            column += 1;
        }
    }
    let path = path.finish().ok_or_else(|| fault("the code is empty"))?;
    surface.draw_path(&path);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sheet_has_two_sides() {
        let pdf = sheets("K7QM", 3, None).unwrap();
        let document = lopdf::Document::load_mem(&pdf).unwrap();
        assert_eq!(document.get_pages().len(), 6);
    }
}
