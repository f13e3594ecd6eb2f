//! OLE compound files (MS-CFB): opening them, files packed in them (MS-OLEDS), PowerPoint 97 (MS-PPT).
//!
//! Invariant: no stream is taken longer than the file itself, whatever its directory says.

use super::Found;
use super::package::Unopened;
use crate::extract::reading::{Held, called, tidy};
use crate::limits::PIECE_BYTES_MAX;
use crate::record::Problem;
use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{Cursor, Read, Write};

pub(in crate::extract) type OleFile<'a> = cfb::CompoundFile<Cursor<Cow<'a, [u8]>>>;

/// The file; `None` when it is too damaged for that.
pub(in crate::extract) fn compound(bytes: &[u8]) -> Option<OleFile<'_>> {
    cfb::CompoundFile::open(Cursor::new(Cow::Borrowed(bytes)))
        .or_else(|_| cfb::CompoundFile::open(Cursor::new(Cow::Owned(lengthened(bytes)))))
        .ok()
}

/// The file, unless it is damaged.
pub(super) fn open(bytes: &[u8]) -> Result<OleFile<'_>, Unopened> {
    compound(bytes).ok_or(Unopened::Damaged)
}

/// A file that was cut off, or never filled up, as long as its table of sectors says: what is missing is zeros.
fn lengthened(bytes: &[u8]) -> Vec<u8> {
    let u32_at = |at: usize| {
        let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
        four.map_or(0, u32::from_le_bytes) as usize
    };
    // Where the header tells the size of a sector and how many hold the table (MS-CFB section 2.2).
    let sector = if bytes.get(30) == Some(&12) { 4096 } else { 512 };
    let length = u32_at(44).saturating_mul(sector / 4).saturating_add(1).saturating_mul(sector);
    let most = usize::try_from(PIECE_BYTES_MAX).unwrap_or(usize::MAX);
    let mut bytes = bytes.to_vec();
    bytes.resize(length.min(most).max(bytes.len()), 0);
    bytes
}

/// The bytes of a stream, up to where it is damaged; `None` when there is none.
pub(super) fn stream(file: &mut OleFile<'_>, path: &str, bytes_max: usize) -> Option<Vec<u8>> {
    let stream = file.open_stream(path).ok()?;
    let mut bytes = Vec::new();
    let _ = stream.take(bytes_max as u64).read_to_end(&mut bytes);
    Some(bytes)
}

/// An OLE file of a program that is not known.
pub(super) fn unknown(name: Option<&str>) -> Found {
    Found::unread(
        Problem::Unsupported,
        format!(
            "{} is een bestand van een onbekend programma en kan niet worden gelezen: bekijk het zelf.",
            called(name)
        ),
    )
}

/// A formula of Word's editor for them: no document.
pub(super) fn is_formula(bytes: &[u8]) -> bool {
    let name: Vec<u8> = "Equation Native".encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.starts_with(b"\xd0\xcf\x11\xe0") && bytes.chunks_exact(128).any(|entry| entry.starts_with(&name))
}

/// A file packed into a document by another program than the one that made it.
pub(super) fn read_object(name: Option<&str>, bytes: &[u8]) -> Found {
    let unpacked = open(bytes).map(|mut file| {
        for path in ["/\u{1}Ole10Native", "/Package", "/CONTENTS"] {
            if let Some(data) = stream(&mut file, path, bytes.len()) {
                return if path.contains("Ole10") { packed(&data) } else { ("bijlage".to_owned(), data) };
            }
        }
        (String::new(), Vec::new())
    });
    match unpacked {
        Ok((_, data)) if data.is_empty() => unknown(name),
        Ok(held) => {
            let mut found = Found::text(String::new(), false);
            found.held.push(held);
            // It has no text of its own: what it holds follows.
            found.content.method = crate::record::Method::None;
            found
        }
        Err(unopened) => Found::of(name, "ingesloten bestand", Err(unopened)),
    }
}

/// Name and bytes of a file in the form of the Packager: a label, where it came from, the bytes.
fn packed(data: &[u8]) -> (String, Vec<u8>) {
    let raw = || ("bijlage".to_owned(), data.get(4..).unwrap_or_default().to_vec());
    let Some(rest) = data.get(6..).filter(|_| data[4..6] == [2, 0]) else { return raw() };
    let word = |bytes: &[u8]| bytes.iter().position(|&byte| byte == 0);
    let length = |bytes: &[u8]| Some(u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) as usize);
    let parse = || {
        let label_end = word(rest)?;
        let (label, rest) = (&rest[..label_end], &rest[label_end + 1..]);
        let rest = &rest[word(rest)? + 1..];
        let rest = rest.get(4..)?;
        let rest = rest.get(4..)?.get(length(rest)?..)?;
        let size = length(rest)?;
        let bytes = &rest[4..];
        let label = crate::extract::charset::decode_code_page(1252, label);
        Some((label, bytes[..size.min(bytes.len())].to_vec()))
    };
    parse().unwrap_or_else(raw)
}

/// Objects of other programs taken out of one document.
const OBJECTS_MAX: usize = 20;

/// The documents that lie, each in a storage of its own, in a storage of an OLE file: each as the OLE file that it was
/// before.
pub(super) fn objects(file: &mut OleFile<'_>, pool: &str, bytes_max: usize) -> Vec<Held> {
    let mut objects = Vec::new();
    let Ok(entries) = file.read_storage(pool) else { return objects };
    let storages: Vec<_> = entries.filter(cfb::Entry::is_storage).take(OBJECTS_MAX).collect();
    for storage in storages {
        let Ok(entries) = file.read_storage(storage.path()) else { continue };
        let streams: Vec<_> = entries.filter(cfb::Entry::is_stream).collect();
        // A formula, or a picture of something that is linked, is no document.
        let is_document = |name: &str| {
            matches!(
                name,
                "WordDocument"
                    | "Workbook"
                    | "Book"
                    | "PowerPoint Document"
                    | "Package"
                    | "CONTENTS"
                    | "\u{1}Ole10Native"
            )
        };
        if !streams.iter().any(|stream| is_document(stream.name())) {
            continue;
        }
        if let Ok(bytes) = as_file(file, &streams, bytes_max) {
            objects.push((format!("bijlage {}", objects.len() + 1), bytes));
        }
    }
    objects
}

/// An OLE file of one stream, in the version that every reader knows.
pub(super) fn with_one_stream(path: &str, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut own = cfb::CompoundFile::create_with_version(cfb::Version::V3, Cursor::new(Vec::new()))?;
    own.create_stream(path)?.write_all(bytes)?;
    own.flush()?;
    Ok(own.into_inner().into_inner())
}

/// A file that RTF holds as an object (MS-OLEDS 2.2.5): its native data, of which the class says what it is.
pub(super) fn embedded(object: &[u8]) -> Option<Held> {
    let number = |at: usize| Some(u32::from_le_bytes(object.get(at..at.checked_add(4)?)?.try_into().ok()?));
    // An object that is embedded rather than linked.
    if number(4)? != 2 {
        return None;
    }
    let mut at = 8_usize;
    let mut class: &[u8] = &[];
    for n in 0..3 {
        let length = number(at)? as usize;
        let text = object.get(at + 4..(at + 4).checked_add(length)?)?;
        if n == 0 {
            class = text;
        }
        at += 4 + length;
    }
    let length = number(at)? as usize;
    let data = object.get(at + 4..)?;
    let data = &data[..length.min(data.len())];
    if class.starts_with(b"Equation") || data.is_empty() {
        None
    } else if class.starts_with(b"Package") {
        Some(packed(&[&[0; 4], data].concat()))
    } else {
        Some(("bijlage".to_owned(), data.to_vec()))
    }
}

/// An OLE file of these streams.
fn as_file(file: &mut OleFile<'_>, streams: &[cfb::Entry], bytes_max: usize) -> std::io::Result<Vec<u8>> {
    let mut own = cfb::CompoundFile::create_with_version(cfb::Version::V3, Cursor::new(Vec::new()))?;
    for entry in streams {
        let mut bytes = Vec::new();
        let _ = file.open_stream(entry.path())?.take(bytes_max as u64).read_to_end(&mut bytes);
        own.create_stream(format!("/{}", entry.name()))?.write_all(&bytes)?;
    }
    own.flush()?;
    Ok(own.into_inner().into_inner())
}

/// Record types of MS-PPT 2.13.24.
const TEXT_CHARS: u16 = 0x0fa0;
const TEXT_BYTES: u16 = 0x0fa8;
const SLIDE_LIST: u16 = 0x0ff0;
/// Records whose texts are on no slide: master, notes, handout.
const NOT_ON_SLIDES: [u16; 3] = [0x03f8, 0x03f0, 0x0fc9];
/// The mark of a file with a password, in the stream `Current User`.
const LOCKED: [u8; 4] = [0xdf, 0xc4, 0xd1, 0xf3];

/// A PowerPoint 97 presentation: the texts of its slides.
pub(super) fn read_slides(name: Option<&str>, bytes: &[u8]) -> Found {
    let mut file = match open(bytes) {
        Ok(file) => file,
        Err(unopened) => return Found::of(name, "PowerPoint-bestand", Err(unopened)),
    };
    if stream(&mut file, "/Current User", 64).is_some_and(|user| user.get(12..16) == Some(&LOCKED)) {
        return Found::locked(name);
    }
    let Some(records) = stream(&mut file, "/PowerPoint Document", bytes.len()) else {
        return Found::of(name, "PowerPoint-bestand", Err(Unopened::Damaged));
    };
    Found::of(name, "PowerPoint-bestand", Ok(Found::text(slides(&records), false)))
}

fn slides(records: &[u8]) -> String {
    let mut rest = records;
    let mut texts = Vec::new();
    let mut seen = HashSet::new();
    while let [a, b, c, d, e, f, g, h, after @ ..] = rest {
        let (head, kind) = (u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d]));
        let length = (u32::from_le_bytes([*e, *f, *g, *h]) as usize).min(after.len());
        let is_container = head & 0xf == 0xf;
        if NOT_ON_SLIDES.contains(&kind) || kind == SLIDE_LIST && head >> 4 != 0 || !is_container {
            let body = &after[..length];
            let text = match kind {
                TEXT_CHARS => {
                    let units = body.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
                    char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect()
                }
                TEXT_BYTES => body.iter().map(|&byte| char::from(byte)).collect(),
                _ => String::new(),
            };
            let text = tidy(&text);
            // A file that was saved often has its slides more than once.
            if !text.is_empty() && seen.insert(text.clone()) {
                texts.push(text);
            }
            rest = &after[length..];
        } else {
            rest = after;
        }
    }
    texts.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_slides_and_not_of_their_master() {
        let atom = |kind: u16, body: &[u8]| {
            [&[0, 0][..], &kind.to_le_bytes(), &(body.len() as u32).to_le_bytes(), body].concat()
        };
        let around = |kind: u16, body: &[u8]| {
            [&[0xf, 0][..], &kind.to_le_bytes(), &(body.len() as u32).to_le_bytes(), body].concat()
        };
        let slide =
            around(0x03ee, &[atom(TEXT_BYTES, b"Klacht\rover"), atom(TEXT_CHARS, b"j\0a\0")].concat());
        let master = around(0x03f8, &atom(TEXT_BYTES, b"Klik om te bewerken"));
        assert_eq!(slides(&[master, slide.clone(), slide].concat()), "Klacht\nover\nja");
        assert_eq!(slides(&atom(TEXT_BYTES, b"half")[..10]), "ha");
    }

    #[test]
    fn files_of_the_packager() {
        let data = b"\0\0\0\0\x02\0brief.txt\0C:\\x\\brief.txt\0\0\0\x03\0\x04\0\0\0C:\\\0\x03\0\0\0hoi....";
        assert_eq!(packed(data), ("brief.txt".to_owned(), b"hoi".to_vec()));
        for length in 0..data.len() {
            let _ = packed(&data[..length]);
        }
    }
}
