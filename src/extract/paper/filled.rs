//! What people put on a PDF that is not in the content of its pages: filled-in fields (ISO 32000-2, 12.7), comments
//! (12.5.6) and the data of XFA forms.
//!
//! Most of it is drawn on the page as well, and read there. Invariant: what the page's text already says is not said
//! again; what is hidden or a password is left alone.

use crate::extract::office::xml::{Node, walk};
use crate::limits::UNPACKED_BYTES_MAX;
use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::object::{Array, Dict, Name, Object, Stream, String as Bytes};
use hayro::hayro_syntax::page::Page;

/// Annotations and fields that are looked at, on one page or in one form.
const WRITTEN_MAX: usize = 2_000;

/// How far a field is followed to the fields that it belongs to.
const ANCESTORS_MAX: usize = 16;

/// Annotations that carry no words of anybody.
const WORDLESS: &[&str] =
    &["Link", "Popup", "TrapNet", "PrinterMark", "Watermark", "Screen", "Movie", "Sound"];

const HIDDEN: u32 = 1 << 1;
const NO_VIEW: u32 = 1 << 5;
const FIELD_PASSWORD: u32 = 1 << 13;
const FIELD_PUSH_BUTTON: u32 = 1 << 16;

/// The lines that people wrote on a page and that `text`, what is drawn on it, does not say.
pub(super) fn written_on(page: &Page<'_>, text: &str) -> Vec<String> {
    let Some(annotations) = page.raw().get::<Array<'_>>(b"Annots") else { return Vec::new() };
    let drawn = squeezed(text);
    let mut lines: Vec<String> = Vec::new();
    for annotation in annotations.iter::<Dict<'_>>().take(WRITTEN_MAX) {
        if annotation.get::<u32>(b"F").unwrap_or(0) & (HIDDEN | NO_VIEW) != 0 {
            continue;
        }
        let line = match name(&annotation, b"Subtype").as_deref() {
            Some("Widget") => field(&annotation, &drawn),
            Some(kind) if WORDLESS.contains(&kind) => None,
            _ => string(&annotation, b"Contents").filter(|said| !is_said(said, &drawn)),
        };
        lines.extend(line.filter(|line| !lines.contains(line)));
    }
    lines
}

/// A filled-in field with its name, unless its value can be read on the page.
fn field(widget: &Dict<'_>, drawn: &str) -> Option<String> {
    let lineage = lineage(widget);
    let flags = lineage.iter().find_map(|dict| dict.get::<u32>(b"Ff")).unwrap_or(0);
    let kind = lineage.iter().find_map(|dict| name(dict, b"FT"))?;
    let label = lineage
        .iter()
        .find_map(|dict| string(dict, b"TU"))
        .or_else(|| lineage.iter().find_map(|dict| string(dict, b"T")))
        .unwrap_or_default();
    match kind.as_str() {
        "Tx" if flags & FIELD_PASSWORD == 0 => {
            let value = lineage.iter().find_map(|dict| string(dict, b"V"))?;
            (!is_said(&value, drawn)).then(|| labelled(&label, &value))
        }
        "Ch" => {
            let values = lineage.iter().find_map(|dict| {
                let several = dict.get::<Array<'_>>(b"V").map(|values| {
                    values.iter::<Bytes<'_>>().map(|value| text_string(&value)).collect::<Vec<_>>().join(", ")
                });
                several.or_else(|| string(dict, b"V"))
            })?;
            (!values.is_empty() && !is_said(&values, drawn)).then(|| labelled(&label, &values))
        }
        "Btn" if flags & FIELD_PUSH_BUTTON == 0 => {
            let state = name(widget, b"AS").or_else(|| lineage.iter().find_map(|dict| name(dict, b"V")))?;
            let telling = !["Off", "Yes", "On", "Ja", "1", ""].contains(&state.as_str());
            match state.as_str() {
                "Off" | "" => None,
                state if telling && state != label => Some(format!("☒ {label}: {state}")),
                _ => Some(format!("☒ {label}")),
            }
        }
        _ => None,
    }
}

fn labelled(label: &str, value: &str) -> String {
    if label.is_empty() { value.to_owned() } else { format!("{label}: {value}") }
}

/// A field and those that it belongs to, from the inside out.
fn lineage<'a>(widget: &Dict<'a>) -> Vec<Dict<'a>> {
    let mut lineage = vec![widget.clone()];
    while lineage.len() < ANCESTORS_MAX {
        let Some(parent) = lineage.last().and_then(|dict| dict.get::<Dict<'a>>(b"Parent")) else { break };
        lineage.push(parent);
    }
    lineage
}

/// An XFA form: what was filled in and `text` does not say. `None` when the file holds none.
pub(super) fn xfa(pdf: &Pdf, text: &str) -> Option<Vec<String>> {
    let root = pdf.xref().get::<Dict<'_>>(pdf.xref().root_id())?;
    let form = root.get::<Dict<'_>>(b"AcroForm")?;
    let packets = match form.get::<Object<'_>>(b"XFA")? {
        Object::Stream(whole) => whole,
        Object::Array(packets) => {
            let mut found = None;
            let mut is_data = false;
            for packet in packets.iter::<Object<'_>>() {
                match packet {
                    Object::String(name) => is_data = name.as_bytes() == b"datasets",
                    Object::Stream(stream) if is_data => found = Some(stream),
                    _ => {}
                }
            }
            let Some(found) = found else { return Some(Vec::new()) };
            found
        }
        _ => return None,
    };
    let Ok(xml) = Stream::decoded(&packets) else { return Some(Vec::new()) };
    let xml = &xml[..xml.len().min(usize::try_from(UNPACKED_BYTES_MAX).unwrap_or(usize::MAX))];
    Some(filled_in(xml, &squeezed(text)))
}

/// The innermost elements of the data of a form with their names.
fn filled_in(xml: &[u8], drawn: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let (mut within, mut name, mut value) = (0_u32, String::new(), String::new());
    walk(xml, |node| match node {
        Node::Start("datasets", _) | Node::Start("data", _) if within < 2 => within += 1,
        Node::Start(tag, _) => {
            tag.clone_into(&mut name);
            value.clear();
        }
        Node::Text(text) if within == 2 => value.push_str(text),
        Node::End("data") => within = 0,
        Node::End(tag) if tag == name => {
            let said = value.trim();
            if !said.is_empty() && lines.len() < WRITTEN_MAX && !is_said(said, drawn) {
                lines.push(labelled(&name, said));
            }
            value.clear();
            name.clear();
        }
        _ => {}
    });
    lines
}

/// Without blanks, which pages set as they like.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

fn is_said(value: &str, drawn: &str) -> bool {
    drawn.contains(&squeezed(value))
}

fn name(dict: &Dict<'_>, key: &[u8]) -> Option<String> {
    dict.get::<Name<'_>>(key).map(|name| name.as_str().to_owned())
}

fn string(dict: &Dict<'_>, key: &[u8]) -> Option<String> {
    let said = match dict.get::<Object<'_>>(key)? {
        Object::String(bytes) => text_string(&bytes),
        Object::Stream(stream) => text_string(&stream.decoded().ok()?),
        _ => return None,
    };
    let said = said.trim();
    (!said.is_empty()).then(|| said.to_owned())
}

/// A text string (ISO 32000-2, 7.9.2): UTF-16 or UTF-8 with their marks, else PDFDocEncoding, which is Latin-1 but
/// for a few signs.
pub(super) fn text_string(bytes: &[u8]) -> String {
    let units = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = rest.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect()
    };
    match bytes {
        [0xfe, 0xff, rest @ ..] => units(rest, u16::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => units(rest, u16::from_le_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => bytes.iter().map(|&byte| pdf_doc(byte)).collect(),
    }
}

fn pdf_doc(byte: u8) -> char {
    const FROM_80: [char; 33] = [
        '•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘', '’', '‚', '™', 'ﬁ',
        'ﬂ', 'Ł', 'Œ', 'Š', 'Ÿ', 'Ž', 'ı', 'ł', 'œ', 'š', 'ž', '\u{fffd}', '€',
    ];
    match byte {
        0x80..=0xa0 => FROM_80[usize::from(byte - 0x80)],
        byte => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_strings_in_each_of_their_encodings() {
        assert_eq!(text_string(b"\xfe\xff\x00D\x00e\x20\xac"), "De€");
        assert_eq!(text_string(b"\xff\xfeD\x00e\x00"), "De");
        assert_eq!(text_string("\u{feff}Vriës".as_bytes()), "Vriës");
        assert_eq!(text_string(b"Vri\xebs \xa0 5"), "Vriës € 5");
    }

    #[test]
    fn the_data_of_a_form_without_what_the_page_says() {
        let xml = br#"<xdp><xfa:datasets xmlns:xfa="x"><xfa:data><form1><Naam>J. Verzonnen</Naam><Leeg/>
            <Klacht>Er is niet
            geantwoord &amp; niet gebeld</Klacht></form1></xfa:data><other>x</other></xfa:datasets></xdp>"#;
        let lines = filled_in(xml, &squeezed("Naam: J. Verzonnen"));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("Klacht: Er is niet") && lines[0].ends_with("geantwoord & niet gebeld"));
    }
}
