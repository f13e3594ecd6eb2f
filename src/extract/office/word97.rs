//! Word 97 to 2003 and Word 6 and 95 in an OLE file (MS-DOC): the text as its pieces put it together.
//!
//! Our own: the crates that read `.doc` today are in their first versions and write and render too, for what
//! is a piece table and a few lists here. Left out: field codes, comments, hidden text, and what was deleted
//! with changes tracked. Invariant: every offset is held against the stream it points into; no more text
//! comes out than the stream is long.

use super::Found;
use super::ole::{self, OleFile};
use super::package::Unopened;
use super::signs::sign;
use crate::extract::charset::decode_code_page;
use crate::extract::reading::{Held, called, tidy};
use crate::record::Problem;

/// Images taken out: letters are sometimes pasted into a document as photos.
const IMAGES_MAX: usize = 20;

/// First version of the file format with a piece table as it is read here.
const WORD_97: u16 = 0x00c1;

/// Stands for a character that is not seen.
const UNSEEN: u16 = 0xffff;

pub(super) fn read(name: Option<&str>, bytes: &[u8]) -> Found {
    let mut file = match ole::open(bytes) {
        Ok(file) => file,
        Err(unopened) => return Found::of(name, "Word-bestand", Err(unopened)),
    };
    let Some(main) = ole::stream(&mut file, "/WordDocument", bytes.len()) else {
        return Found::of(name, "Word-bestand", Err(Unopened::Damaged));
    };
    match parse(&mut file, &main, bytes.len()) {
        Some(Parsed::Locked) => Found::locked(name),
        Some(Parsed::TooOld) => Found::unread(
            Problem::Unsupported,
            format!(
                "{} is gemaakt met een Word van voor 1997 en kan niet worden gelezen: vraag om een pdf.",
                called(name)
            ),
        ),
        Some(Parsed::Text(text)) => {
            let mut found = Found::text(text, false);
            for stream in ["/Data", "/WordDocument"] {
                let drawn = ole::stream(&mut file, stream, bytes.len()).unwrap_or_default();
                take_images(&drawn, &mut found.held);
            }
            found.held.extend(ole::objects(&mut file, "/ObjectPool", bytes.len()));
            Found::of(name, "Word-bestand", Ok(found))
        }
        None => Found::of(name, "Word-bestand", Err(Unopened::Damaged)),
    }
}

enum Parsed {
    Text(String),
    Locked,
    TooOld,
}

/// `None` when it is damaged.
fn parse(file: &mut OleFile<'_>, main: &[u8], bytes_max: usize) -> Option<Parsed> {
    let (version, flags) = (u16_at(main, 2)?, u16_at(main, 0x0a)?);
    if flags & 0x0100 != 0 {
        return Some(Parsed::Locked);
    }
    if version < WORD_97 {
        return Some(parse_word6(main, flags).map_or(Parsed::TooOld, Parsed::Text));
    }
    let table = if flags & 0x0200 != 0 { "/1Table" } else { "/0Table" };
    let other = if flags & 0x0200 != 0 { "/0Table" } else { "/1Table" };
    let table = ole::stream(file, table, bytes_max).or_else(|| ole::stream(file, other, bytes_max))?;
    let part = |at: usize| {
        let (start, length) = (u32_at(main, at)? as usize, u32_at(main, at + 4)? as usize);
        table.get(start..start.checked_add(length)?)
    };
    let hidden = part(0x0fa).map(|list| hidden_runs(main, list)).unwrap_or_default();
    let pieces = pieces(part(0x1a2)?, true)?;
    let units = units(main, &pieces, &hidden);
    // The stories follow each other in the order of their lengths here (MS-DOC 2.4.1).
    let mut at = 0_usize;
    let mut story = |offset: usize| {
        let length = u32_at(main, offset).unwrap_or(0) as usize;
        let story = units.get(at..at.saturating_add(length).min(units.len())).unwrap_or_default();
        at = at.saturating_add(length);
        story
    };
    let (body, notes, heads, _macros, _comments) =
        (story(0x4c), story(0x50), story(0x54), story(0x58), story(0x5c));
    let (endnotes, boxes, head_boxes) = (story(0x60), story(0x64), story(0x68));
    let (head, foot) = heads_and_feet(heads, part(0x0f2).unwrap_or_default());
    let mut texts: Vec<String> = Vec::new();
    for text in
        [head, text_of(head_boxes), text_of(body), text_of(boxes), text_of(notes), text_of(endnotes), foot]
    {
        if !text.is_empty() {
            texts.push(text);
        }
    }
    Some(Parsed::Text(texts.join("\n\n")))
}

/// Word 6 and 95: the text itself, without notes and letterhead.
fn parse_word6(main: &[u8], flags: u16) -> Option<String> {
    // Windows code pages of the languages that Western ones do not write.
    let code_page = match u16_at(main, 6)? & 0x3ff {
        0x19 | 0x02 | 0x22 | 0x23 | 0x2f => 1251,
        0x05 | 0x0e | 0x15 | 0x18 | 0x1a | 0x1b | 0x24 => 1250,
        0x08 => 1253,
        0x1f => 1254,
        0x0d => 1255,
        0x01 => 1256,
        0x25..=0x27 => 1257,
        _ => 1252,
    };
    // Made on a Macintosh, or in its characters.
    let of_mac = main.get(0x12) == Some(&1) || u16_at(main, 0x14)? == 0x0100;
    let code_page = if of_mac { 10_000 } else { code_page };
    let text = if flags & 0x0004 != 0 {
        // Saved fast: in pieces, in the same stream, one byte a character.
        let (start, length) = (u32_at(main, 0x160)? as usize, u32_at(main, 0x164)? as usize);
        let mut text = Vec::new();
        for piece in pieces(main.get(start..start.checked_add(length)?)?, false)? {
            let stretch = main.get(piece.start..).unwrap_or_default();
            let length = piece.length.min(stretch.len()).min(main.len().saturating_sub(text.len()));
            text.extend_from_slice(&stretch[..length]);
        }
        text
    } else {
        let stretch = main.get(u32_at(main, 0x18)? as usize..)?;
        stretch.to_vec()
    };
    let length = u32_at(main, 0x34)? as usize;
    let text = decode_code_page(code_page, &text[..length.min(text.len())]);
    Some(text_of(&text.encode_utf16().collect::<Vec<u16>>()))
}

/// A stretch of text: its length in characters, where it stands, and whether one byte is one character.
struct Piece {
    length: usize,
    start: usize,
    is_narrow: bool,
}

/// The piece table (MS-DOC 2.9.38, 2.8.35). Before Word 97 nothing said whether a piece is narrow: all were.
fn pieces(mut clx: &[u8], may_be_wide: bool) -> Option<Vec<Piece>> {
    while clx.first() == Some(&1) {
        let length = usize::from(u16_at(clx, 1)?);
        clx = clx.get(3 + length..)?;
    }
    if clx.first() != Some(&2) {
        return None;
    }
    let list = clx.get(5..)?;
    let list = &list[..(u32_at(clx, 1)? as usize).min(list.len())];
    let count = list.len().checked_sub(4)? / 12;
    let mut pieces = Vec::with_capacity(count);
    for n in 0..count {
        let (start, end) = (u32_at(list, n * 4)?, u32_at(list, n * 4 + 4)?);
        let place = u32_at(list, (count + 1) * 4 + n * 8 + 2)?;
        let is_narrow = !may_be_wide || place & 0x4000_0000 != 0;
        let place = if may_be_wide { place & 0x3fff_ffff } else { place } as usize;
        pieces.push(Piece {
            length: end.checked_sub(start)? as usize,
            start: if is_narrow && may_be_wide { place / 2 } else { place },
            is_narrow,
        });
    }
    Some(pieces)
}

/// All characters in their order, as UTF-16; what is not seen as [`UNSEEN`].
fn units(main: &[u8], pieces: &[Piece], hidden: &[(usize, usize)]) -> Vec<u16> {
    let mut units: Vec<u16> = Vec::new();
    for piece in pieces {
        // A hostile table names the same stretch again and again.
        let left = main.len().saturating_sub(units.len());
        let size = if piece.is_narrow { 1 } else { 2 };
        let stretch = main.get(piece.start..).unwrap_or_default();
        let length = piece.length.min(left);
        let stretch = &stretch[..(length * size).min(stretch.len())];
        let begin = units.len();
        if piece.is_narrow {
            units.extend(decode_code_page(1252, stretch).encode_utf16());
        } else {
            units.extend(stretch.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])));
        }
        // What is missing keeps its place, so that the stories stay apart.
        units.resize(begin + length, UNSEEN);
        let first = hidden.partition_point(|(_, end)| *end <= piece.start);
        for (start, end) in
            hidden[first..].iter().take_while(|(start, _)| *start < piece.start + length * size)
        {
            let from = begin + start.saturating_sub(piece.start) / size;
            let to = begin + (end.saturating_sub(piece.start) / size).min(length);
            if let Some(run) = units.get_mut(from..to) {
                run.fill(UNSEEN);
            }
        }
    }
    units
}

/// Stretches of the stream whose characters are hidden or deleted (MS-DOC 2.8.5, 2.9.33), in order.
fn hidden_runs(main: &[u8], list: &[u8]) -> Vec<(usize, usize)> {
    let count = (list.len().saturating_sub(4) / 8).min(main.len() / 512);
    let all = list.len().saturating_sub(4) / 8;
    let mut runs = Vec::new();
    for n in 0..count {
        let page = u32_at(list, (all + 1) * 4 + n * 4).unwrap_or(0) as usize & 0x3f_ffff;
        let Some(page) = main.get(page * 512..page * 512 + 512) else { continue };
        let in_page = usize::from(page[511]).min(101);
        for run in 0..in_page {
            let offset = usize::from(page[(in_page + 1) * 4 + run]) * 2;
            let Some(&length) = page.get(offset).filter(|_| offset > 0) else { continue };
            let grpprl = page.get(offset + 1..offset + 1 + usize::from(length)).unwrap_or_default();
            if is_hidden(grpprl)
                && let (Some(start), Some(end)) = (u32_at(page, run * 4), u32_at(page, run * 4 + 4))
                && start < end
            {
                runs.push((start as usize, end as usize));
            }
        }
    }
    runs.sort_unstable();
    // Runs that overlap are a lie: the list must stay one that can be searched.
    runs.dedup_by(|next, earlier| next.0 < earlier.1);
    runs
}

/// Do these properties hide or delete their characters?
fn is_hidden(mut grpprl: &[u8]) -> bool {
    const DELETED: u16 = 0x0800;
    const HIDDEN: u16 = 0x083c;
    let mut hidden = false;
    while let [low, high, operand @ ..] = grpprl {
        let property = u16::from_le_bytes([*low, *high]);
        let length = match property >> 13 {
            0 | 1 => 1,
            2 | 4 | 5 => 2,
            3 => 4,
            7 => 3,
            _ => 1 + operand.first().map_or(0, |&length| usize::from(length)),
        };
        if property == DELETED || property == HIDDEN {
            hidden |= operand.first().is_some_and(|&on| on & 1 == 1);
        }
        grpprl = operand.get(length..).unwrap_or_default();
    }
    hidden
}

/// The letterheads and the feet of all sections, each text once (MS-DOC 2.3.5).
fn heads_and_feet(units: &[u16], list: &[u8]) -> (String, String) {
    let (mut heads, mut feet): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let ends: Vec<usize> = list
        .chunks_exact(4)
        .filter_map(|cp| u32_at(cp, 0))
        .map(|cp| (cp as usize).min(units.len()))
        .collect();
    // Six separators of notes come first; then, for each section, heads and feet in turns.
    for (n, pair) in ends.windows(2).enumerate().skip(6).take(600) {
        let Some(story) = units.get(pair[0]..pair[1]) else { continue };
        let text = text_of(story);
        let texts = if matches!(n % 6, 0 | 1 | 4) { &mut heads } else { &mut feet };
        if !text.is_empty() && !texts.contains(&text) {
            texts.push(text);
        }
    }
    (heads.join("\n"), feet.join("\n"))
}

/// The text of a story: marks become line ends and gaps, field codes stay out.
fn text_of(units: &[u16]) -> String {
    let mut text = String::with_capacity(units.len());
    // Open fields: is it their code that is being read?
    let mut fields: Vec<bool> = Vec::new();
    let mut after_cell = false;
    for c in char::decode_utf16(units.iter().copied().filter(|&unit| unit != UNSEEN)) {
        let c = c.unwrap_or('\u{fffd}');
        match c {
            '\u{13}' if fields.len() < 100 => fields.push(true),
            '\u{14}' => {
                if let Some(field) = fields.last_mut() {
                    *field = false;
                }
            }
            '\u{15}' => {
                fields.pop();
            }
            _ if fields.contains(&true) => continue,
            '\u{7}' => {
                // The end of a row is a mark of its own after that of its last cell.
                text.push(if after_cell { '\n' } else { ' ' });
                after_cell = !after_cell;
                continue;
            }
            '\r' | '\u{b}' | '\u{c}' | '\u{e}' => text.push('\n'),
            '\u{1e}' => text.push('-'),
            '\u{f020}'..='\u{f0ff}' => text.push(sign((u32::from(c) & 0xff) as u8)),
            c => text.push(c),
        }
        after_cell = false;
    }
    tidy(&text)
}

/// The images that a stream holds, told by the record before each (MS-ODRAW 2.2.23).
fn take_images(stream: &[u8], images: &mut Vec<Held>) {
    let mut at = 0;
    while images.len() < IMAGES_MAX
        && let Some(found) = stream.get(at + 2..).and_then(|rest| rest.windows(2).position(is_image_record))
    {
        let record = at + found;
        at = record + 3;
        let Some(length) = u32_at(stream, record + 4) else { break };
        let Some(body) = stream.get(record + 8..) else { break };
        let Some(body) = body.get(..length as usize) else { continue };
        // One or two digests and a byte stand before the image.
        let image = [17, 33].into_iter().filter_map(|skip| body.get(skip..)).find_map(|image| {
            let ending = if image.starts_with(b"\xff\xd8\xff") {
                "jpg"
            } else if image.starts_with(b"\x89PNG") {
                "png"
            } else {
                return None;
            };
            Some((ending, image))
        });
        if let Some((ending, image)) = image {
            let known = images.iter().any(|(_, earlier)| earlier == image);
            if !known {
                images.push((format!("afbeelding {}.{ending}", images.len() + 1), image.to_vec()));
            }
            at = record + 8 + body.len();
        }
    }
}

fn is_image_record(kind: &[u8]) -> bool {
    matches!(kind, [0x1d | 0x1e | 0x2a, 0xf0])
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(story: &str, text: &str) {
        assert_eq!(text_of(&story.encode_utf16().collect::<Vec<u16>>()), text);
    }

    #[test]
    fn marks_and_fields() {
        check("Geachte\rheer\u{b}of\u{1e}mevrouw\u{2}", "Geachte\nheer\nof-mevrouw");
        check("a\u{7}b\u{7}\u{7}c\u{7}d\u{7}\u{7}e", "a b\nc d\ne");
        check("zie \u{13} HYPERLINK \"x\" \u{13} weg \u{14}weg\u{15}\u{14}hier\u{15}.", "zie hier.");
        check("\u{f0a8} ja \u{f0fe} nee\u{ffff}", "☐ ja ☑ nee");
    }

    #[test]
    fn pieces_wide_and_narrow_with_hidden_runs() {
        let main = b"....caf\xe9 \x80Z\0a\0l\0";
        let pieces = [
            Piece { length: 6, start: 4, is_narrow: true },
            Piece { length: 3, start: 10, is_narrow: false },
        ];
        let seen = |hidden: &[(usize, usize)]| text_of(&units(main, &pieces, hidden));
        assert_eq!(seen(&[]), "café €Zal");
        assert_eq!(seen(&[(5, 7), (12, 14)]), "cé €Zl");
        assert_eq!(seen(&[(0, 1000)]), "");
        let lie = [Piece { length: usize::MAX, start: 4, is_narrow: false }];
        assert_eq!(units(main, &lie, &[(0, usize::MAX)]).len(), main.len());
    }

    #[test]
    fn properties_that_hide() {
        assert!(is_hidden(&[0x3c, 0x08, 1]));
        assert!(is_hidden(&[0x43, 0x4a, 24, 0, 0x00, 0x08, 1]));
        assert!(!is_hidden(&[0x35, 0x08, 1, 0x3c, 0x08, 0]));
        assert!(!is_hidden(&[0x3c]));
    }
}
