//! OpenDocument (ISO/IEC 26300: odt, ods, odp, odg, in a package or flat) and OpenOffice 1 before it.
//!
//! Left out: what was deleted with changes tracked, comments, hidden text, notes to the speaker. Cells are
//! read as they are shown. Invariant: nothing grows past the budget, and a repeated cell or row is read once.

use super::format::Format;
use super::package::{Package, Unopened};
use super::page::Page;
use super::xml::{Node, attribute, walk};
use super::{Found, is_metafile, named, under_name};
use crate::extract::budget::Budget;
use crate::extract::reading::tidy;
use quick_xml::events::BytesStart;

/// Images taken out.
const IMAGES_MAX: usize = 20;

/// Blanks written for one `text:s`.
const BLANKS_MAX: usize = 100;

/// What stands between the cells of a row in a sheet, and in a table of a text.
const SHEET_GAP: &str = " | ";
const TABLE_GAP: &str = " ";

/// A package.
pub(super) fn read(name: Option<&str>, format: Format, bytes: &[u8], budget: &Budget) -> Found {
    match in_package(format, bytes, budget) {
        Ok(None) => Found::locked(name),
        Ok(Some(found)) => Found::of(name, "OpenDocument-bestand", Ok(found)),
        Err(unopened) => Found::of(name, "OpenDocument-bestand", Err(unopened)),
    }
}

/// All in one XML file.
pub(super) fn read_flat(name: Option<&str>, bytes: &[u8]) -> Found {
    let sheet =
        bytes[..bytes.len().min(8 * 1024)].windows(24).any(|word| word == b"opendocument.spreadsheet");
    let story = story(bytes, if sheet { Format::Ods } else { Format::Odt });
    let texts = [story.head, story.text, story.foot];
    let found = Found::text(joined(&texts), !story.whole);
    Found::of(name, "OpenDocument-bestand", Ok(found))
}

/// `None` when it has a password.
fn in_package(format: Format, bytes: &[u8], budget: &Budget) -> Result<Option<Found>, Unopened> {
    let mut package = Package::open(bytes, budget)?;
    let manifest = package.bytes("META-INF/manifest.xml")?;
    let mut encrypted = false;
    walk(&manifest, |node| encrypted |= matches!(node, Node::Start("encryption-data", _)));
    if encrypted {
        return Ok(None);
    }
    // Letterhead and foot stand with the styles of the page.
    let styles = story(&package.bytes("styles.xml")?, format);
    let content = story(&package.bytes("content.xml")?, format);
    let mut found = Found::text(joined(&[styles.head, content.text, styles.foot]), !content.whole);
    let mut images = 0;
    for member in package.names("Pictures/") {
        if images >= IMAGES_MAX {
            break;
        }
        let image = package.bytes(&member)?;
        if is_metafile(&image) || image.starts_with(b"VCLMTF") {
            found.drawings += 1;
        } else if !image.is_empty() {
            images += 1;
            found.held.push((named(&member), image));
        }
    }
    found.damaged |= package.damaged;
    Ok(Some(found))
}

fn joined(texts: &[String; 3]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| tidy(text)).filter(|text| !text.is_empty()).collect();
    texts.join("\n\n")
}

/// The texts of one XML file.
struct Story {
    head: String,
    text: String,
    foot: String,
    whole: bool,
}

fn story(xml: &[u8], format: Format) -> Story {
    let mut writer = Writer {
        gap: if format == Format::Ods { SHEET_GAP } else { TABLE_GAP },
        sheets: format == Format::Ods,
        page: Page::new(),
        head: Vec::new(),
        foot: Vec::new(),
        text: String::new(),
        tables: Vec::new(),
        skipped: 0,
        paragraphs: 0,
    };
    let whole = walk(xml, |node| match node {
        Node::Start(..) | Node::End(_) if writer.skipped > 0 => {
            if matches!(node, Node::End(_)) {
                writer.skipped -= 1;
            } else {
                writer.skipped += 1;
            }
        }
        Node::Start(name, tag) => writer.start(name, tag),
        Node::End(name) => writer.end(name),
        Node::Text(text) if writer.skipped == 0 && writer.paragraphs > 0 => writer.page.put_flowing(text),
        Node::Text(_) => {}
    });
    writer.turn_page("");
    let Writer { head, foot, text, .. } = writer;
    Story { head: head.join("\n"), text, foot: foot.join("\n"), whole }
}

struct Writer {
    gap: &'static str,
    /// Tables are sheets, with names.
    sheets: bool,
    page: Page,
    head: Vec<String>,
    foot: Vec<String>,
    text: String,
    /// The names of the tables that are open.
    tables: Vec<String>,
    /// Open elements of which nothing is seen.
    skipped: usize,
    /// Open paragraphs.
    paragraphs: usize,
}

impl Writer {
    fn start(&mut self, name: &str, tag: &BytesStart<'_>) {
        match name {
            "tracked-changes" | "annotation" | "note-citation" | "ruby-text" | "notes" | "forms"
            | "placeholder" | "covered-table-cell" | "script" | "binary-data" | "font-face-decls"
            | "automatic-styles" => {
                self.skipped = 1;
            }
            // What a drawing is called, unlike the title of the document within its text.
            "desc" | "title" if tag.name().as_ref().starts_with("svg:") => self.skipped = 1,
            "hidden-text" | "hidden-paragraph" if attribute(tag, "is-hidden").as_deref() != Some("false") => {
                self.skipped = 1;
            }
            "p" | "h" => self.paragraphs += 1,
            "tab" if self.paragraphs > 0 => self.page.put("\t"),
            "line-break" if self.paragraphs > 0 => self.page.put("\n"),
            "s" if self.paragraphs > 0 => {
                let blanks = attribute(tag, "c").and_then(|count| count.parse().ok()).unwrap_or(1);
                self.page.put(&" ".repeat(blanks.min(BLANKS_MAX)));
            }
            "table-cell" => self.page.begin_cell(),
            "note-body" | "text-box" => {
                self.page.begin_apart();
            }
            "header" | "header-left" | "header-first" | "footer" | "footer-left" | "footer-first" => {
                self.turn_page("");
            }
            "table" if self.sheets && self.tables.is_empty() => {
                self.turn_page("");
                self.tables.push(attribute(tag, "name").unwrap_or_default());
            }
            "table" => self.tables.push(String::new()),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "p" | "h" => {
                self.paragraphs = self.paragraphs.saturating_sub(1);
                self.page.end_paragraph();
            }
            "table-cell" => self.page.end_cell(self.gap),
            "table-row" => self.page.end_row(self.gap),
            "note-body" | "text-box" => self.page.end_apart(),
            "header" | "header-left" | "header-first" => {
                let text = self.take_page();
                keep(&mut self.head, &text);
            }
            "footer" | "footer-left" | "footer-first" => {
                let text = self.take_page();
                keep(&mut self.foot, &text);
            }
            "table" => {
                let table = self.tables.pop().unwrap_or_default();
                if self.sheets && self.tables.is_empty() {
                    self.turn_page(&table);
                }
            }
            _ => {}
        }
    }

    fn take_page(&mut self) -> String {
        std::mem::replace(&mut self.page, Page::new()).into_text()
    }

    /// What was written so far becomes text, under the name of its sheet.
    fn turn_page(&mut self, name: &str) {
        let page = self.take_page();
        if let Some(text) = under_name(name, &page) {
            if !self.text.is_empty() {
                self.text.push_str(if self.sheets { "\n\n" } else { "\n" });
            }
            self.text.push_str(&text);
        }
    }
}

/// First, left and right pages often have the same letterhead.
fn keep(texts: &mut Vec<String>, text: &str) {
    let text = tidy(text);
    if !text.is_empty() && !texts.contains(&text) && texts.len() < 50 {
        texts.push(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, text: &str) {
        let xml =
            format!("<office:document-content><office:body>{body}</office:body></office:document-content>");
        assert_eq!(story(xml.as_bytes(), Format::Odt).text, text, "{body}");
    }

    #[test]
    fn paragraphs_blanks_and_tables() {
        check(
            "<text:h>Kop</text:h><text:p>een<text:s text:c='2'/>twee<text:tab/>drie<text:line-break/>vier\n  vijf</text:p>\
             <text:list><text:list-item><text:p>punt</text:p></text:list-item></text:list>\
             <table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell/>\
             <table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table>",
            "Kop\neen  twee drie\nvier vijf\npunt\na b",
        );
    }

    #[test]
    fn notes_boxes_and_what_is_left_out() {
        check(
            "<text:tracked-changes><text:p>weg</text:p></text:tracked-changes><text:p>a<text:note><text:note-citation>1</text:note-citation>\
             <text:note-body><text:p>noot</text:p></text:note-body></text:note>b<office:annotation><text:p>weg</text:p></office:annotation></text:p>\
             <text:p><draw:frame><draw:text-box><text:p>kader</text:p></draw:text-box></draw:frame>c</text:p>",
            "ab\nnoot\nc\nkader",
        );
    }

    #[test]
    fn sheets_have_names_and_no_empty_cells() {
        let xml = "<x><table:table table:name='Blad 1'><table:table-row><table:table-cell><text:p>naam</text:p></table:table-cell>\
            <table:table-cell table:number-columns-repeated='16000'/><table:table-cell><text:p>02-03-2026</text:p></table:table-cell></table:table-row>\
            <table:table-row table:number-rows-repeated='1000000'><table:table-cell/></table:table-row></table:table><table:table table:name='leeg'/></x>";
        assert_eq!(story(xml.as_bytes(), Format::Ods).text, "Blad 1\nnaam | 02-03-2026");
    }
}
