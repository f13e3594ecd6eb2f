//! Which office file or archive it is, told by a few of its bytes: the names in a zip's directory or in an
//! OLE file's, the first lines of XML.
//!
//! Invariant: nothing is unpacked and nothing is followed, so that this is safe before a document is
//! announced.

use super::package::MEMBERS_MAX;

/// The office files that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::extract) enum Format {
    Rtf,
    Docx,
    Pptx,
    Xlsx,
    Xlsb,
    /// OpenDocument: text, sheets, slides, drawing.
    Odt,
    Ods,
    Odp,
    Odg,
    /// OpenDocument in one XML file.
    FlatOdt,
    /// Word in one XML file (2003, or a package laid flat).
    WordXml,
    /// Excel 2003 in one XML file.
    SheetXml,
    Doc,
    Xls,
    Ppt,
    /// An Office file with a password, in an OLE file.
    Locked,
    /// An OLE file that holds a file of another program.
    Object,
    /// An OLE file of some other program.
    Ole,
    Zip,
}

impl Format {
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Rtf => "application/rtf",
            Format::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Format::Pptx => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            Format::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Format::Xlsb => "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
            Format::Odt => "application/vnd.oasis.opendocument.text",
            Format::Ods => "application/vnd.oasis.opendocument.spreadsheet",
            Format::Odp => "application/vnd.oasis.opendocument.presentation",
            Format::Odg => "application/vnd.oasis.opendocument.graphics",
            Format::FlatOdt => "application/vnd.oasis.opendocument.text-flat-xml",
            Format::WordXml => "application/vnd.ms-wordml",
            Format::SheetXml => "application/vnd.ms-excel",
            Format::Doc => "application/msword",
            Format::Xls => "application/vnd.ms-excel",
            Format::Ppt => "application/vnd.ms-powerpoint",
            Format::Locked | Format::Object | Format::Ole => "application/x-ole-storage",
            Format::Zip => "application/zip",
        }
    }
}

/// Bytes of the comment that may end a zip file.
const COMMENT_BYTES_MAX: usize = 0xffff;

/// What a zip file holds.
pub(in crate::extract) fn of_zip(bytes: &[u8]) -> Format {
    let mimetype = bytes.get(30..).unwrap_or_default();
    for (start, format) in [
        ("mimetypeapplication/vnd.oasis.opendocument.text", Format::Odt),
        ("mimetypeapplication/vnd.oasis.opendocument.spreadsheet", Format::Ods),
        ("mimetypeapplication/vnd.oasis.opendocument.presentation", Format::Odp),
        ("mimetypeapplication/vnd.oasis.opendocument", Format::Odg),
        ("mimetypeapplication/vnd.sun.xml.writer", Format::Odt),
        ("mimetypeapplication/vnd.sun.xml.calc", Format::Ods),
        ("mimetypeapplication/vnd.sun.xml.impress", Format::Odp),
        ("mimetypeapplication/vnd.sun.xml", Format::Odg),
    ] {
        if mimetype.starts_with(start.as_bytes()) {
            return format;
        }
    }
    let (mut content, mut manifest, mut types, mut part) = (false, false, false, None);
    for name in members(bytes).take(MEMBERS_MAX) {
        let name = String::from_utf8_lossy(name).replace('\\', "/").to_ascii_lowercase();
        match name.trim_start_matches('/') {
            "xl/workbook.bin" => return Format::Xlsb,
            "content.xml" => content = true,
            "meta-inf/manifest.xml" => manifest = true,
            "[content_types].xml" => types = true,
            name if name.starts_with("word/document") => return Format::Docx,
            name if name.starts_with("xl/workbook") => return Format::Xlsx,
            name if name.starts_with("ppt/presentation") => return Format::Pptx,
            // The standard leaves programs free to put their parts elsewhere.
            name => match name.rsplit('/').next() {
                Some("workbook.xml") => part = Some(Format::Xlsx),
                Some("document.xml") => part = Some(Format::Docx),
                _ => {}
            },
        }
    }
    match part {
        Some(format) if types => format,
        _ if content && manifest => Format::Odt,
        _ => Format::Zip,
    }
}

/// The names of a zip's members: from its directory, or from what stands before each member when it was cut
/// off.
pub(super) fn members(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let directory = directory(bytes);
    let (mut at, sign, fixed): (usize, &[u8], usize) = match directory {
        Some(at) => (at, b"PK\x01\x02", 46),
        None => (0, b"PK\x03\x04", 30),
    };
    std::iter::from_fn(move || {
        let entry = bytes.get(at..)?;
        if !entry.starts_with(sign) {
            return None;
        }
        let (name, extra, rest) = if fixed == 46 {
            (u16_at(entry, 28)?, u16_at(entry, 30)?, usize::from(u16_at(entry, 32)?))
        } else {
            (u16_at(entry, 26)?, u16_at(entry, 28)?, u32_at(entry, 18)? as usize)
        };
        let end = fixed + usize::from(name);
        at += end + usize::from(extra) + rest;
        entry.get(fixed..end)
    })
}

/// Where a zip's directory starts.
fn directory(bytes: &[u8]) -> Option<usize> {
    let tail = bytes.len().saturating_sub(COMMENT_BYTES_MAX + 22);
    let end = tail + bytes[tail..].windows(4).rposition(|window| window == b"PK\x05\x06")?;
    let (size, offset) = (u32_at(bytes, end + 12)? as usize, u32_at(bytes, end + 16)? as usize);
    // Right before its end, whatever stands before the archive; else where it is said to be (zip64).
    end.checked_sub(size)
        .into_iter()
        .chain([offset])
        .find(|&at| bytes.get(at..).is_some_and(|rest| rest.starts_with(b"PK\x01\x02")))
}

/// Bytes of an OLE file in which its directory is looked for: a message or document has it in the first
/// megabytes.
const OLE_ENTRIES_MAX: usize = 1_000_000;

/// What an OLE file (MS-CFB) holds, told by the names in its directory. `None` for an Outlook message.
pub(in crate::extract) fn of_ole(bytes: &[u8]) -> Option<Format> {
    let (mut found, mut made_by) = (Vec::new(), None);
    // Its own directory comes first: files within it have directories too.
    let sector = if bytes.get(30) == Some(&12) { 4096 } else { 512 };
    let directory =
        u32_at(bytes, 48).map_or(0, |first| (first as usize).saturating_add(1).saturating_mul(sector));
    let (before, own) = bytes.split_at_checked(directory).unwrap_or((bytes, &[]));
    let entries = own.chunks_exact(128).chain(before.chunks_exact(128).skip(4));
    for entry in entries.take(OLE_ENTRIES_MAX) {
        // Storage, stream or root.
        if !matches!(entry[66], 1 | 2 | 5) {
            continue;
        }
        let length = usize::from(u16::from_le_bytes([entry[64], entry[65]]));
        if !(4..=64).contains(&length) || length % 2 == 1 {
            continue;
        }
        if entry[66] == 5 {
            // The program that made the file, or a part of it that was a file once.
            made_by = made_by.or(match u32_at(entry, 80) {
                Some(0x0002_0906 | 0x0002_0900) => Some(Format::Doc),
                Some(0x0002_0820 | 0x0002_0810) => Some(Format::Xls),
                Some(0x6481_8d10 | 0x6481_8d11) => Some(Format::Ppt),
                _ => None,
            });
            continue;
        }
        let units = entry[..length - 2].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let name: String = char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect();
        // Names are the same whatever their case (MS-CFB 2.6.4).
        found.push(match name.to_ascii_lowercase().as_str() {
            "encryptedpackage" => return Some(Format::Locked),
            "__properties_version1.0" => return None,
            "worddocument" => Format::Doc,
            "workbook" | "book" => Format::Xls,
            "powerpoint document" => Format::Ppt,
            "\u{1}ole10native" | "package" | "contents" => Format::Object,
            _ => continue,
        });
        if found.len() > 1_000 {
            break;
        }
    }
    // What made it is believed when that is in it; documents of other programs may be too.
    let told = made_by.filter(|format| found.contains(format));
    let first = || found.iter().find(|format| **format != Format::Object).or(found.first()).copied();
    Some(told.or_else(first).unwrap_or(Format::Ole))
}

/// Bytes of XML in which its kind is looked for.
const XML_HEAD_BYTES_MAX: usize = 4 * 1024;

/// An office file that is one XML file.
pub(in crate::extract) fn of_xml(bytes: &[u8]) -> Option<Format> {
    let head = &bytes[..bytes.len().min(XML_HEAD_BYTES_MAX)];
    let head = String::from_utf8_lossy(head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head));
    if !head.trim_start().starts_with("<?xml") || head.to_ascii_lowercase().contains("<html") {
        return None;
    }
    let says = |word: &str| head.contains(word);
    if says("urn:oasis:names:tc:opendocument:xmlns:office:") && says("<office:document") {
        Some(Format::FlatOdt)
    } else if says("schemas.microsoft.com/office/word/2003/wordml")
        || says("schemas.microsoft.com/office/2006/xmlPackage")
    {
        Some(Format::WordXml)
    } else if says("urn:schemas-microsoft-com:office:spreadsheet") {
        Some(Format::SheetXml)
    } else {
        None
    }
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
    use std::io::{Cursor, Write};

    fn zip(names: &[&str]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(b"hoi").unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn zips_by_the_names_in_their_directory() {
        let cases: &[(&[&str], Format)] = &[
            (&["[Content_Types].xml", "word/document.xml"], Format::Docx),
            (&["word\\document.xml"], Format::Docx),
            (&["[Content_Types].xml", "deel/document.xml"], Format::Docx),
            (&["xl/workbook.bin", "xl/x.xml"], Format::Xlsb),
            (&["xl/workbook.xml"], Format::Xlsx),
            (&["ppt/presentation.xml"], Format::Pptx),
            (&["META-INF/manifest.xml", "content.xml"], Format::Odt),
            (&["map/document.xml", "brief.pdf"], Format::Zip),
        ];
        for (names, format) in cases {
            let zip = zip(names);
            assert_eq!(of_zip(&zip), *format, "{names:?}");
            // Something before it, and something after.
            assert_eq!(of_zip(&[b"PK\x03\x04 vooraf", &zip[..]].concat()), *format);
        }
        // A document within an archive does not make it one.
        let mut outer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let stored =
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        outer.start_file("brief.docx", stored).unwrap();
        outer.write_all(&zip(&["word/document.xml"])).unwrap();
        assert_eq!(of_zip(&outer.finish().unwrap().into_inner()), Format::Zip);
    }

    #[test]
    fn ole_files_by_their_streams() {
        let cases = [
            ("/WordDocument", Some(Format::Doc)),
            ("/Workbook", Some(Format::Xls)),
            ("/PowerPoint Document", Some(Format::Ppt)),
            ("/EncryptedPackage", Some(Format::Locked)),
            ("/\u{1}Ole10Native", Some(Format::Object)),
            ("/__properties_version1.0", None),
            ("/WORKBOOK", Some(Format::Xls)),
            ("/iets", Some(Format::Ole)),
        ];
        for (stream, format) in cases {
            let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
            file.create_stream(stream).unwrap().write_all(b"hoi").unwrap();
            file.flush().unwrap();
            assert_eq!(of_ole(&file.into_inner().into_inner()), format, "{stream}");
        }
    }

    #[test]
    fn xml_by_its_first_lines() {
        let word = b"<?xml version='1.0'?><?mso-application progid='Word.Document'?><w:wordDocument xmlns:w='http://schemas.microsoft.com/office/word/2003/wordml'>";
        assert_eq!(of_xml(word), Some(Format::WordXml));
        assert_eq!(
            of_xml(b"<?xml version='1.0'?><html xmlns:x='urn:schemas-microsoft-com:office:spreadsheet'>"),
            None
        );
        assert_eq!(of_xml(b"<?xml version='1.0'?><iets/>"), None);
    }
}
