//! Spreadsheets of Excel: xlsx and xlsb (ECMA-376, MS-XLSB), xls (MS-XLS), through calamine; XML of 2003 by
//! ourselves.
//!
//! A sheet is its name and its rows, one a line, with the cells that are not empty between bars. Invariant:
//! what calamine would make of a file is bounded before it is asked: bytes unpacked, strings announced, cells
//! of a sheet that lie far apart.

use super::far_cells::{cells_spanned, drawn_together};
use super::format::Format;
use super::package::{Package, Unopened, start_of};
use super::page::Page;
use super::xml::{Node, attribute, walk};
use super::{Found, docx, ole, under_name};
use crate::extract::budget::Budget;
use crate::extract::reading::tidy;
use crate::limits::DOCUMENT_CHARS_MAX;
use crate::record::Problem;
use calamine::{DataType, ExcelDateTime, Reader, SheetType, Xls, XlsError, Xlsb, Xlsx};
use std::io::Cursor;

/// Sheets read of one file.
const SHEETS_MAX: usize = 500;

/// Bytes of one member of a package that calamine keeps in memory several times over.
const MEMBER_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Strings that a package may announce: room for them is made before they are read.
const STRINGS_MAX: u64 = 4_000_000;

/// Cells, empty ones counted, between the first and the last of all sheets of an xls file: 24 bytes each,
/// twice.
const CELLS_MAX: u64 = 8_000_000;

/// What stands between the cells of a row.
const GAP: &str = " | ";

/// A workbook in a package.
pub(super) fn read_package(name: Option<&str>, format: Format, bytes: &[u8], budget: &Budget) -> Found {
    Found::of(name, "Excel-bestand", in_package(format, bytes, budget))
}

fn in_package(format: Format, bytes: &[u8], budget: &Budget) -> Result<Found, Unopened> {
    let mut package = Package::open(bytes, budget)?;
    if package.measure()? > MEMBER_BYTES_MAX || strings_announced(&mut package)? > STRINGS_MAX {
        return Err(Unopened::TooLarge);
    }
    let mut sheets = Sheets::default();
    let cursor = Cursor::new(bytes);
    // Both give their cells one by one, without a grid; their readers have no trait in common.
    macro_rules! each_sheet {
        ($workbook:expr) => {{
            let mut workbook = match $workbook {
                Ok(workbook) => workbook,
                Err(_) => return loose_strings(&mut package),
            };
            for name in sheets_with_cells(workbook.sheets_metadata(), &mut sheets) {
                let Ok(mut cells) = workbook.worksheet_cells_reader(&name) else {
                    sheets.damaged = true;
                    continue;
                };
                let mut sheet = Sheet::default();
                loop {
                    match cells.next_cell() {
                        Ok(Some(cell)) if !sheets.is_full() => {
                            sheet.add(cell.get_position().0, cell.get_value())
                        }
                        Ok(Some(_)) | Ok(None) => break,
                        Err(_) => {
                            sheets.damaged = true;
                            break;
                        }
                    }
                    sheets.bytes = sheets.done + sheet.text.len();
                }
                sheets.finish(&name, &sheet);
            }
        }};
    }
    match format {
        Format::Xlsb => each_sheet!(Xlsb::new(cursor)),
        _ => each_sheet!(Xlsx::new(cursor)),
    }
    let mut found = Found::text(String::new(), false);
    // Text boxes on the sheets.
    for member in package.names("xl/drawings/drawing") {
        let (text, whole) = docx::text_of(&package.bytes(&member)?);
        package.damaged |= !whole;
        sheets.texts.extend(Some(tidy(&text)).filter(|text| !text.is_empty()));
    }
    docx::take_files(&mut package, "xl", &mut found)?;
    sheets.damaged |= package.damaged;
    sheets.fill(&mut found);
    Ok(found)
}

/// The names of the sheets that are more than a chart.
fn sheets_with_cells(all: &[calamine::Sheet], sheets: &mut Sheets) -> Vec<String> {
    let mut names: Vec<String> = all
        .iter()
        .filter(|sheet| sheet.typ == SheetType::WorkSheet)
        .map(|sheet| sheet.name.clone())
        .collect();
    sheets.left_out = names.len() > SHEETS_MAX;
    names.truncate(SHEETS_MAX);
    names
}

/// The strings of a package whose workbook is damaged, without their places.
fn loose_strings(package: &mut Package<'_>) -> Result<Found, Unopened> {
    let mut texts = Vec::new();
    for member in [package.names("xl/sharedStrings"), package.names("xl/worksheets/sheet")].concat() {
        let (mut text, mut in_text) = (String::new(), false);
        walk(&package.bytes(&member)?, |node| match node {
            Node::Start("t", _) => in_text = true,
            Node::End("t") => in_text = false,
            Node::End("si" | "is") => text.push('\n'),
            Node::Text(piece) if in_text => text.push_str(piece),
            _ => {}
        });
        texts.extend(Some(tidy(&text)).filter(|text| !text.is_empty()));
    }
    Ok(Found::text(texts.join("\n"), true))
}

/// How many strings the list of shared strings says it has.
fn strings_announced(package: &mut Package<'_>) -> Result<u64, Unopened> {
    let mut announced = 0;
    for member in package.names("xl/sharedStrings") {
        let head = start_of(package.bytes(&member)?.as_slice(), 4096);
        walk(&head, |node| {
            if let Node::Start("sst", tag) = node {
                let count = attribute(tag, "uniqueCount").unwrap_or_default();
                announced = if count.len() > 18 { u64::MAX } else { count.parse().unwrap_or(0) };
            }
        });
    }
    Ok(announced)
}

/// A workbook of Excel 95 to 2003.
pub(super) fn read_ole(name: Option<&str>, bytes: &[u8]) -> Found {
    match in_ole(bytes) {
        Ok(None) => Found::locked(name),
        Ok(Some(found)) => Found::of(name, "Excel-bestand", Ok(found)),
        Err(unopened) => Found::of(name, "Excel-bestand", Err(unopened)),
    }
}

/// `None` when it has a password.
fn in_ole(bytes: &[u8]) -> Result<Option<Found>, Unopened> {
    let mut file = ole::open(bytes)?;
    let stream = ["/Workbook", "/Book"]
        .iter()
        .find_map(|path| ole::stream(&mut file, path, bytes.len()))
        .ok_or(Unopened::Damaged)?;
    if is_locked(&stream) {
        return Ok(None);
    }
    let mut far_apart = None;
    if cells_spanned(&stream) > CELLS_MAX {
        let together = drawn_together(&stream);
        if cells_spanned(&together) > CELLS_MAX {
            return Err(Unopened::TooLarge);
        }
        far_apart = Some(ole::with_one_stream("/Workbook", &together).map_err(|_| Unopened::Damaged)?);
    }
    // calamine believes the lengths in the directory.
    if file.walk().any(|entry| entry.is_stream() && entry.len() > bytes.len() as u64) {
        return Err(Unopened::Damaged);
    }
    let opened = match Xls::new(Cursor::new(far_apart.unwrap_or_else(|| bytes.to_vec()))) {
        Err(XlsError::Password) => return Ok(None),
        // It finds the stream only by its usual name: a file of our own has that.
        Err(_) => ole::with_one_stream("/Workbook", &stream).map(|own| Xls::new(Cursor::new(own))),
        opened => Ok(opened),
    };
    let mut workbook = match opened {
        Ok(Ok(workbook)) => workbook,
        Ok(Err(XlsError::Password)) => return Ok(None),
        Ok(Err(_)) | Err(_) => return Err(Unopened::Damaged),
    };
    let mut sheets = Sheets::default();
    for name in sheets_with_cells(workbook.sheets_metadata(), &mut sheets) {
        let Ok(range) = workbook.worksheet_range(&name) else {
            sheets.damaged = true;
            continue;
        };
        let mut sheet = Sheet::default();
        for (row, _, cell) in range.used_cells() {
            if sheets.done + sheet.text.len() > TEXT_BYTES_MAX {
                break;
            }
            sheet.add(u32::try_from(row).unwrap_or(u32::MAX), cell);
        }
        sheets.finish(&name, &sheet);
    }
    let mut found = Found::text(String::new(), false);
    sheets.fill(&mut found);
    Ok(Some(found))
}

/// Does the workbook say, before its first sheet, that it has a password (FILEPASS, MS-XLS 2.4.117)?
fn is_locked(mut records: &[u8]) -> bool {
    while let [a, b, c, d, rest @ ..] = records {
        match u16::from_le_bytes([*a, *b]) {
            0x002f => return true,
            0x000a => return false,
            _ => records = rest.get(usize::from(u16::from_le_bytes([*c, *d]))..).unwrap_or_default(),
        }
    }
    false
}

/// Excel 2003 in one XML file.
pub(super) fn read_flat(name: Option<&str>, bytes: &[u8]) -> Found {
    let mut page = Page::new();
    let (mut texts, mut sheet, mut in_data) = (Vec::new(), String::new(), false);
    let whole = walk(bytes, |node| match node {
        Node::Start("Worksheet", tag) => sheet = attribute(tag, "Name").unwrap_or_default(),
        Node::End("Worksheet") => {
            let text = std::mem::replace(&mut page, Page::new()).into_text();
            texts.extend(under_name(&sheet, &text));
        }
        Node::Start("Cell", _) => page.begin_cell(),
        Node::End("Cell") => page.end_cell(GAP),
        Node::End("Row") => page.end_row(GAP),
        Node::Start("Data", _) => in_data = true,
        Node::End("Data") => in_data = false,
        Node::Text(text) if in_data => page.put(text),
        _ => {}
    });
    texts.extend(under_name(&sheet, &page.into_text()));
    Found::of(name, "Excel-bestand", Ok(Found::text(texts.join("\n\n"), !whole)))
}

/// Text beyond this is not kept anyway.
const TEXT_BYTES_MAX: usize = DOCUMENT_CHARS_MAX * 4;

#[derive(Default)]
struct Sheets {
    texts: Vec<String>,
    damaged: bool,
    /// There are more than are read.
    left_out: bool,
    /// Bytes of `texts`, and with the sheet that is being read.
    done: usize,
    bytes: usize,
}

impl Sheets {
    fn is_full(&self) -> bool {
        self.bytes > TEXT_BYTES_MAX
    }

    fn fill(self, found: &mut Found) {
        found.content.text = self.texts.join("\n\n");
        found.damaged = self.damaged;
        if self.left_out {
            let told =
                format!("Een bestand heeft meer dan {SHEETS_MAX} werkbladen; de rest is niet gelezen.");
            found.content.notes.push((Problem::TooLarge, told));
        }
    }

    fn finish(&mut self, name: &str, sheet: &Sheet) {
        self.texts.extend(under_name(name, &sheet.text));
        self.done += sheet.text.len();
        self.bytes = self.done;
    }
}

/// One sheet being written.
#[derive(Default)]
struct Sheet {
    text: String,
    row: Option<u32>,
}

impl Sheet {
    fn add(&mut self, row: u32, cell: &impl DataType) {
        let Some(shown) = shown(cell).filter(|shown| !shown.trim().is_empty()) else { return };
        match self.row.replace(row) {
            Some(last) if last == row => self.text.push_str(GAP),
            Some(_) => self.text.push('\n'),
            None => {}
        }
        self.text.push_str(shown.trim());
    }
}

/// A cell as text. Formats other than dates are not applied; an error is not shown.
fn shown(cell: &impl DataType) -> Option<String> {
    if let Some(text) = cell.get_string() {
        Some(text.to_owned())
    } else if let Some(moment) = cell.get_datetime() {
        Some(moment_shown(&moment))
    } else if let Some(number) = cell.get_int() {
        Some(number.to_string())
    } else if let Some(number) = cell.get_float() {
        Some(number_shown(number))
    } else if let Some(yes) = cell.get_bool() {
        Some(if yes { "WAAR" } else { "ONWAAR" }.to_owned())
    } else {
        cell.get_datetime_iso().or_else(|| cell.get_duration_iso()).map(str::to_owned)
    }
}

/// A number without the digits that only binary fractions have.
fn number_shown(number: f64) -> String {
    if number == number.trunc() && number.abs() < 1e15 {
        return format!("{number:.0}");
    }
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    rounded.to_string()
}

fn moment_shown(moment: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
    let time = if second == 0 {
        format!("{hour:02}:{minute:02}")
    } else {
        format!("{hour:02}:{minute:02}:{second:02}")
    };
    if moment.is_duration() {
        let minutes = (moment.as_f64() * 24.0 * 60.0).round();
        return format!("{}:{:02}", (minutes / 60.0).trunc(), (minutes % 60.0).abs());
    }
    match moment.as_f64() {
        part if part < 1.0 => time,
        whole if whole == whole.trunc() => format!("{day:02}-{month:02}-{year:04}"),
        _ => format!("{day:02}-{month:02}-{year:04} {time}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calamine::{Data, ExcelDateTimeType};

    #[test]
    fn cells_as_they_are_shown() {
        let date = |days: f64| Data::DateTime(ExcelDateTime::new(days, ExcelDateTimeType::DateTime, false));
        let cases = [
            (Data::Float(0.1 + 0.2), Some("0.3")),
            (Data::Float(12.0), Some("12")),
            (Data::Int(-3), Some("-3")),
            (Data::Float(1e20), Some("100000000000000000000")),
            (Data::String("café".to_owned()), Some("café")),
            (Data::Bool(true), Some("WAAR")),
            (date(46_083.0), Some("02-03-2026")),
            (date(46_083.604_166_666_7), Some("02-03-2026 14:30")),
            (date(0.604_166_666_7), Some("14:30")),
            (Data::Empty, None),
        ];
        for (cell, text) in cases {
            assert_eq!(shown(&cell).as_deref(), text, "{cell:?}");
        }
    }
}
