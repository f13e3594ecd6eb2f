//! Word and PowerPoint (ECMA-376): the text as it stands on the page, and the files within: images pasted in,
//! embedded documents.
//!
//! Left out: what was deleted with changes tracked, comments, field codes, hidden text, and the stand-ins for
//! programs that do not know a newer form of the same thing. Invariant: nothing grows past the budget.

use super::package::{Package, Unopened};
use super::page::Page;
use super::signs::sign;
use super::xml::{Node, attribute, is_on, walk};
use super::{Found, is_metafile, named};
use crate::extract::budget::{Budget, Spent};
use crate::extract::reading::{Held, tidy};
use quick_xml::events::BytesStart;

/// Images taken out: letters are sometimes pasted into a document as photos.
const IMAGES_MAX: usize = 20;

/// Files of other programs within a document that are read.
const EMBEDDED_MAX: usize = 20;

/// Fields within fields that are told apart.
const FIELDS_MAX: usize = 100;

/// Slides read.
const SLIDES_MAX: usize = 1_000;

/// A Word document.
pub(super) fn read(name: Option<&str>, bytes: &[u8], budget: &Budget) -> Found {
    Found::of(name, "Word-bestand", words(bytes, budget))
}

/// A PowerPoint presentation.
pub(super) fn read_slides(name: Option<&str>, bytes: &[u8], budget: &Budget) -> Found {
    Found::of(name, "PowerPoint-bestand", slides(bytes, budget))
}

/// Word in one XML file, as Word 2003 wrote it.
pub(super) fn read_flat(name: Option<&str>, bytes: &[u8]) -> Found {
    let (text, whole) = text_of(bytes);
    Found::of(name, "Word-bestand", Ok(Found::text(tidy(&text), !whole)))
}

fn words(bytes: &[u8], budget: &Budget) -> Result<Found, Unopened> {
    let mut package = Package::open(bytes, budget)?;
    let mut folder = folder(&package.bytes("_rels/.rels")?);
    if package.names(&format!("{folder}/document")).is_empty() {
        "word".clone_into(&mut folder);
    }
    let mut texts: Vec<String> = Vec::new();
    // As they stand on the page: letterhead, text, notes, foot.
    for stem in ["header", "document", "footnotes", "endnotes", "footer"] {
        for member in
            package.names(&format!("{folder}/{stem}")).iter().filter(|member| member.ends_with(".xml"))
        {
            let (text, whole) = text_of(&package.bytes(member)?);
            package.damaged |= !whole;
            let text = tidy(&text);
            // First, odd and even pages often have the same letterhead.
            if !text.is_empty() && !texts.contains(&text) {
                texts.push(text);
            }
        }
    }
    let mut found = Found::text(texts.join("\n\n"), false);
    let chunks = chunks(&package.bytes(&format!("{folder}/_rels/document.xml.rels"))?);
    for chunk in chunks.into_iter().take(EMBEDDED_MAX) {
        let member = format!("{folder}/{chunk}");
        let member = if package.holds(&member) { member } else { chunk };
        if package.holds(&member) {
            found.held.push((named(&member), package.bytes(&member)?));
        }
    }
    take_files(&mut package, &folder, &mut found)?;
    found.damaged = package.damaged;
    Ok(found)
}

fn slides(bytes: &[u8], budget: &Budget) -> Result<Found, Unopened> {
    let mut package = Package::open(bytes, budget)?;
    let mut texts = Vec::new();
    for member in package.names("ppt/slides/slide").iter().take(SLIDES_MAX) {
        let (text, whole) = text_of(&package.bytes(member)?);
        package.damaged |= !whole;
        texts.push(tidy(&text));
    }
    texts.retain(|text| !text.is_empty());
    let mut found = Found::text(texts.join("\n\n"), false);
    take_files(&mut package, "ppt", &mut found)?;
    found.damaged = package.damaged;
    Ok(found)
}

/// The files within an Office file: first what was embedded, then the images.
pub(super) fn take_files(package: &mut Package<'_>, folder: &str, found: &mut Found) -> Result<(), Spent> {
    let embedded = package.names(&format!("{folder}/embeddings/"));
    for member in embedded.iter().take(EMBEDDED_MAX) {
        let bytes = package.bytes(member)?;
        // A formula is no document.
        if !super::ole::is_formula(&bytes) {
            found.held.push((named(member), bytes));
        }
    }
    let mut images = 0;
    for member in package.names(&format!("{folder}/media/")) {
        if images >= IMAGES_MAX {
            break;
        }
        let image: Held = (named(&member), package.bytes(&member)?);
        if is_metafile(&image.1) {
            // What an embedded file looks like is kept as a drawing beside it.
            found.drawings += usize::from(embedded.is_empty());
        } else {
            images += 1;
            found.held.push(image);
        }
    }
    Ok(())
}

/// The folder of the main part: `word` nearly always, but the standard leaves programs free.
fn folder(rels: &[u8]) -> String {
    let mut folder = None;
    walk(rels, |node| {
        if let Node::Start("Relationship", tag) = node
            && attribute(tag, "Type").is_some_and(|kind| kind.ends_with("/officeDocument"))
        {
            let target = attribute(tag, "Target").unwrap_or_default();
            folder = target.trim_start_matches('/').rsplit_once('/').map(|(folder, _)| folder.to_owned());
        }
    });
    folder.unwrap_or_else(|| "word".to_owned())
}

/// The files that a document takes in as a part of its text.
fn chunks(rels: &[u8]) -> Vec<String> {
    let mut targets = Vec::new();
    walk(rels, |node| {
        if let Node::Start("Relationship", tag) = node
            && attribute(tag, "Type").is_some_and(|kind| kind.ends_with("/aFChunk"))
            && let Some(target) = attribute(tag, "Target")
        {
            targets.push(target.trim_start_matches('/').to_owned());
        }
    });
    targets
}

/// The text of a part, and whether the part was whole.
pub(super) fn text_of(xml: &[u8]) -> (String, bool) {
    let mut writer = Writer {
        page: Page::new(),
        skipped: 0,
        in_text: false,
        hidden: false,
        placeholder: false,
        fields: Vec::new(),
        tick: None,
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
        Node::Text(text) if writer.in_text && writer.is_seen() => writer.page.put(text),
        Node::Text(_) => {}
    });
    (writer.page.into_text(), whole || xml.is_empty())
}

struct Writer {
    page: Page,
    /// Open elements of which nothing is seen.
    skipped: usize,
    in_text: bool,
    hidden: bool,
    /// The next content is what a form says before it is filled in.
    placeholder: bool,
    /// Open fields: is it their code that is being read, rather than what it gives?
    fields: Vec<bool>,
    /// The box of a form field, ticked or not.
    tick: Option<bool>,
}

impl Writer {
    fn is_seen(&self) -> bool {
        self.skipped == 0 && !self.hidden && !self.fields.contains(&true)
    }

    fn start(&mut self, name: &str, tag: &BytesStart<'_>) {
        match name {
            "Fallback" | "del" | "moveFrom" | "pPr" | "rPrChange" | "rt" | "binData" | "tblPr" | "trPr"
            | "tcPr" | "sectPr" | "docPr" | "styles" | "fonts" | "lists" | "annotation" => self.skipped = 1,
            "t" => self.in_text = true,
            "r" => self.hidden = false,
            "vanish" | "webHidden" => self.hidden |= name == "vanish" && is_on(tag),
            "br" | "cr" if self.is_seen() => self.page.put("\n"),
            "tab" | "ptab" if self.is_seen() => self.page.put("\t"),
            "noBreakHyphen" if self.is_seen() => self.page.put("-"),
            "sym" if self.is_seen() => {
                let code = attribute(tag, "char").and_then(|code| u32::from_str_radix(&code, 16).ok());
                let seen = code.map(|code| match code {
                    0xf000..=0xf0ff | 0..=0xff => sign((code & 0xff) as u8),
                    code => char::from_u32(code).unwrap_or('•'),
                });
                self.page.put(seen.unwrap_or('•').encode_utf8(&mut [0; 4]));
            }
            "tc" => self.page.begin_cell(),
            "txbxContent" => self.page.begin_apart(),
            "sdtPr" => self.placeholder = false,
            "showingPlcHdr" => self.placeholder = is_on(tag),
            "sdtContent" if std::mem::take(&mut self.placeholder) => self.skipped = 1,
            "fldChar" => match attribute(tag, "fldCharType").as_deref() {
                Some("begin") if self.fields.len() < FIELDS_MAX => self.fields.push(true),
                Some("separate") => {
                    if let Some(field) = self.fields.last_mut() {
                        *field = false;
                    }
                }
                Some("end") => {
                    self.fields.pop();
                }
                _ => {}
            },
            "checkBox" => self.tick = Some(false),
            "default" | "checked" if self.tick.is_some() => self.tick = Some(is_on(tag)),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "t" => self.in_text = false,
            "p" => self.page.end_paragraph(),
            "tc" => self.page.end_cell(" "),
            "tr" => self.page.end_row(" "),
            "txbxContent" => self.page.end_apart(),
            "checkBox" => match self.tick.take() {
                Some(true) => self.page.put("☒"),
                _ => self.page.put("☐"),
            },
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(xml: &str, text: &str) {
        assert_eq!(tidy(&text_of(xml.as_bytes()).0), text, "{xml}");
    }

    #[test]
    fn paragraphs_tables_and_references() {
        check(
            "<w:document xmlns:w='x'><w:body><w:p><w:r><w:t>Caf&#233; &amp; </w:t></w:r><w:r><w:t>bar</w:t></w:r>\
            <w:r><w:delText>weg</w:delText></w:r><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>\
            <w:p><w:r><w:t>een</w:t><w:br/><w:t>twee</w:t><w:tab/><w:t>drie</w:t></w:r></w:p>\
            <w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr>\
            <w:tr><w:tc><w:p/></w:tc><w:tc><w:p><w:r><w:t>c</w:t></w:r></w:p></w:tc></w:tr></w:tbl>\
            <mc:AlternateContent><mc:Choice><w:p><w:r><w:t>kader</w:t></w:r></w:p></mc:Choice>\
            <mc:Fallback><w:p><w:r><w:t>kader</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent></w:body></w:document>",
            "Café & bar\neen\ntwee drie\na b\nc\nkader",
        );
    }

    #[test]
    fn what_is_not_seen_stays_out() {
        check(
            "<p><pPr><tabs><tab/></tabs><rPr><vanish/></rPr></pPr><r><t>a</t></r><r><rPr><vanish/></rPr><t>weg</t></r>\
            <r><rPr><vanish w:val='0'/></rPr><t>b</t></r><moveFrom><r><t>weg</t></r></moveFrom><ins><r><t>c</t></r></ins></p>",
            "abc",
        );
        check(
            "<p><r><fldChar fldCharType='begin'/></r><r><instrText>IF</instrText></r><r><fldChar fldCharType='begin'/></r>\
            <r><t>weg</t></r><r><fldChar fldCharType='separate'/></r><r><t>weg</t></r><r><fldChar fldCharType='end'/></r>\
            <r><fldChar fldCharType='separate'/></r><r><t>a</t></r><r><fldChar fldCharType='end'/></r><r><t>b</t></r></p>",
            "ab",
        );
        check(
            "<p><sdt><sdtPr><showingPlcHdr/></sdtPr><sdtContent><r><t>Klik hier</t></r></sdtContent></sdt>\
            <sdt><sdtPr><text/></sdtPr><sdtContent><r><t>Jan</t></r></sdtContent></sdt></p>",
            "Jan",
        );
    }

    #[test]
    fn boxes_stand_after_their_paragraph_and_ticks_are_seen() {
        check(
            "<p><r><t>a</t><drawing><txbxContent><p><r><t>kader</t></r></p></txbxContent></drawing></r><r><t>b</t></r></p><p><r><t>c</t></r></p>",
            "ab\nkader\nc",
        );
        check(
            "<p><r><fldChar fldCharType='begin'><ffData><checkBox><default val='0'/><checked/></checkBox></ffData></fldChar></r>\
            <r><instrText>FORMCHECKBOX</instrText></r><r><fldChar fldCharType='end'/></r><r><t> ja </t></r><r><sym char='F0A8'/></r><r><t> nee</t></r></p>",
            "☒ ja ☐ nee",
        );
    }

    #[test]
    fn rubbish_gives_what_there_is() {
        assert_eq!(text_of(b"<w:p><w:t>half<w"), ("half".to_owned(), false));
        let found = read(Some("x.docx"), b"PK\x03\x04 word/document.xml", &Budget::new());
        assert_eq!(found.content.problem, Some(crate::record::Problem::Damaged));
    }
}
