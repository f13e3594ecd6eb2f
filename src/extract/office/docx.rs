//! Word documents (ECMA-376): the text of the paragraphs, headers and notes, and the images pasted in.
//!
//! Invariant: no member of the zip grows past the bound when it is unpacked, whatever its header declares.

use crate::extract::budget::Budget;
use crate::extract::reading::{Content, Held, called, tidy};
use crate::record::{Method, Problem};
use quick_xml::Reader;
use quick_xml::events::Event;
use std::io::Cursor;
use zip::ZipArchive;

/// Members looked at: a document has dozens, a hostile zip millions.
const MEMBERS_MAX: usize = 10_000;

/// Images taken out: letters are sometimes pasted into a document as photos.
const IMAGES_MAX: usize = 20;

/// A Word document's text and the images in it, with their names.
pub(in crate::extract) fn read(budget: &Budget, name: Option<&str>, bytes: &[u8]) -> (Content, Vec<Held>) {
    let Ok(mut archive) = ZipArchive::new(Cursor::new(bytes)) else { return (damaged(name), Vec::new()) };
    if archive.len() > MEMBERS_MAX {
        return (too_large(name), Vec::new());
    }
    let mut members: Vec<String> =
        archive.file_names().filter_map(Result::ok).map(|name| name.into_owned()).collect();
    members.sort();
    let mut texts: Vec<String> = Vec::new();
    // As they stand on the page: letterhead, text, notes, foot.
    for stem in ["word/header", "word/document", "word/footnotes", "word/endnotes", "word/footer"] {
        for member in members.iter().filter(|member| member.starts_with(stem) && member.ends_with(".xml")) {
            let Some(xml) = unpack(budget, &mut archive, member) else {
                return (too_large(name), Vec::new());
            };
            let text = tidy(&text_of(&String::from_utf8_lossy(&xml)));
            // First, odd and even pages often have the same letterhead.
            if !text.is_empty() && !texts.contains(&text) {
                texts.push(text);
            }
        }
    }
    let mut images = Vec::new();
    for member in members.iter().filter(|member| member.starts_with("word/media/")).take(IMAGES_MAX) {
        let Some(image) = unpack(budget, &mut archive, member) else { break };
        images.push((member.trim_start_matches("word/media/").to_owned(), image));
    }
    let mut content = Content::of(Method::Office, texts.join("\n\n"));
    if content.text.is_empty() {
        content.problem = Some(Problem::Empty);
        if images.is_empty() {
            content.notes.push((Problem::Empty, format!("{} bevat geen tekst.", called(name))));
        }
    }
    (content, images)
}

fn damaged(name: Option<&str>) -> Content {
    Content::unread(Problem::Damaged, format!("{} is een beschadigd Word-bestand.", called(name)))
}

fn too_large(name: Option<&str>) -> Content {
    Content::unread(Problem::TooLarge, format!("{} is uitgepakt te groot en is niet gelezen.", called(name)))
}

/// A member's bytes; empty when it is damaged; `None` past the bound.
fn unpack(budget: &Budget, archive: &mut ZipArchive<Cursor<&[u8]>>, member: &str) -> Option<Vec<u8>> {
    match archive.by_name(member) {
        Ok(file) => budget.unpack(file),
        Err(_) => Some(Vec::new()),
    }
}

/// The text of a WordprocessingML part; what was deleted or is an instruction stays out.
fn text_of(xml: &str) -> String {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = false;
    let mut text = String::new();
    let mut in_text = false;
    // Within the stand-in for programs that do not know the newer form of the same thing.
    let mut fallback = 0_u32;
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => match tag.local_name().as_ref() {
                "t" => in_text = true,
                "Fallback" => fallback += 1,
                _ => {}
            },
            Ok(Event::End(tag)) => match tag.local_name().as_ref() {
                "t" => in_text = false,
                "Fallback" => fallback = fallback.saturating_sub(1),
                "p" if fallback == 0 => text.push('\n'),
                "tc" if fallback == 0 => {
                    // A cell's last paragraph end becomes a gap in the row.
                    let end = text.trim_end_matches('\n').len();
                    text.truncate(end);
                    text.push(' ');
                }
                "tr" if fallback == 0 => text.push('\n'),
                _ => {}
            },
            Ok(Event::Empty(tag)) if fallback == 0 => match tag.local_name().as_ref() {
                "br" | "cr" | "p" => text.push('\n'),
                "tab" | "ptab" => text.push(' '),
                "noBreakHyphen" => text.push('-'),
                _ => {}
            },
            Ok(Event::Text(piece)) if in_text && fallback == 0 => text.push_str(&piece.xml10_content()),
            Ok(Event::CData(piece)) if in_text && fallback == 0 => text.push_str(&piece.xml10_content()),
            Ok(Event::GeneralRef(reference)) if in_text && fallback == 0 => {
                match reference.resolve_char_ref() {
                    Ok(Some(c)) => text.push(c),
                    _ => text.push_str(match &*reference.xml10_content() {
                        "amp" => "&",
                        "lt" => "<",
                        "gt" => ">",
                        "quot" => "\"",
                        "apos" => "'",
                        _ => "",
                    }),
                }
            }
            Ok(Event::Eof) | Err(_) => return text,
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_tables_and_references() {
        let xml = "<w:document xmlns:w='x'><w:body><w:p><w:r><w:t>Caf&#233; &amp; </w:t></w:r><w:r><w:t>bar</w:t></w:r>\
            <w:r><w:delText>weg</w:delText></w:r><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>\
            <w:p><w:r><w:t>een</w:t><w:br/><w:t>twee</w:t><w:tab/><w:t>drie</w:t></w:r></w:p>\
            <w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>\
            <mc:AlternateContent><mc:Choice><w:p><w:r><w:t>kader</w:t></w:r></w:p></mc:Choice>\
            <mc:Fallback><w:p><w:r><w:t>kader</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent></w:body></w:document>";
        assert_eq!(tidy(&text_of(xml)), "Café & bar\neen\ntwee drie\na b\nkader");
    }

    #[test]
    fn rubbish_gives_what_there_is() {
        assert_eq!(text_of("<w:p><w:t>half"), "half");
    }
}
