//! What a file is, told by its content: names and declared types lie, or are missing.
//!
//! Invariant: nothing here parses; a few bytes are looked at, so that a document can be announced with its
//! media type before anything of it is trusted.

use super::mail::{cards, cms, html, hung, message, outlook, outlook_reading, tnef};
use super::office::{self, Format};
use super::paper::{pdf, picture};
use super::reading::{Content, Reading, called};
use super::text;
use crate::limits::NESTING_MAX;
use crate::record::{Channel, Problem};

/// The formats that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Empty,
    Pdf,
    Jpeg,
    Png,
    Tiff,
    WebP,
    Gif,
    Bmp,
    Heic,
    Jpeg2000,
    Office(Format),
    Outlook,
    Tnef,
    Cms,
    Card(&'static str),
    /// A message that only its receiver can open.
    Locked(&'static str),
    Message,
    Html,
    Text,
    /// Known by name, not read: media type, and what staff call it.
    Other(&'static str, &'static str),
}

impl Kind {
    pub fn media_type(self) -> &'static str {
        match self {
            Kind::Empty | Kind::Other("", _) => "application/octet-stream",
            Kind::Pdf => "application/pdf",
            Kind::Jpeg => "image/jpeg",
            Kind::Png => "image/png",
            Kind::Tiff => "image/tiff",
            Kind::WebP => "image/webp",
            Kind::Gif => "image/gif",
            Kind::Bmp => "image/bmp",
            Kind::Heic => "image/heic",
            Kind::Jpeg2000 => "image/jp2",
            Kind::Office(format) => format.media_type(),
            Kind::Outlook => outlook::MEDIA_TYPE,
            Kind::Tnef => tnef::MEDIA_TYPE,
            Kind::Cms => "application/pkcs7-mime",
            Kind::Card(media_type) | Kind::Locked(media_type) => media_type,
            Kind::Message => "message/rfc822",
            Kind::Html => "text/html",
            Kind::Text => "text/plain",
            Kind::Other(media_type, _) => media_type,
        }
    }

    /// Characters that a person can read as they stand, or with their markup taken away.
    pub fn is_text(self) -> bool {
        matches!(self, Kind::Text | Kind::Message | Kind::Html | Kind::Empty | Kind::Card(_))
    }
}

/// Is the piece a message? The source knows best; then the name, as the contract says; then the content.
pub(super) fn is_message(bytes: &[u8], name: &str, channel: Option<Channel>) -> bool {
    match channel {
        Some(Channel::Email) => return true,
        Some(Channel::Letter) => return false,
        None => {}
    }
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("eml") => true,
        Some("pdf" | "tif" | "tiff" | "jpg" | "jpeg" | "png" | "txt") => false,
        _ => matches!(kind(bytes), Kind::Message | Kind::Outlook),
    }
}

/// Bytes at the start in which a PDF may hide its first line (ISO 32000, annex H).
const PDF_LEAD_BYTES_MAX: usize = 1024;

pub(super) fn kind(bytes: &[u8]) -> Kind {
    let lead = &bytes[..bytes.len().min(PDF_LEAD_BYTES_MAX)];
    let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    if bytes.is_empty() {
        Kind::Empty
    } else if cms::is_cms(bytes) {
        // Before what may be signed in it.
        Kind::Cms
    } else if find(lead, b"%PDF-").is_some() {
        Kind::Pdf
    } else if at(0, b"\xff\xd8\xff") {
        Kind::Jpeg
    } else if at(0, b"\x89PNG") {
        Kind::Png
    } else if at(0, b"II*\0") || at(0, b"MM\0*") || at(0, b"II+\0") || at(0, b"MM\0+") {
        Kind::Tiff
    } else if let Some(picture) = picture_kind(bytes) {
        picture
    } else if at(0, b"PK\x03\x04") || at(0, b"PK\x05\x06") {
        Kind::Office(office::of_zip(bytes))
    } else if at(0, b"{\\rtf") {
        Kind::Office(Format::Rtf)
    } else if let Some(mail) = mail_kind(bytes) {
        mail
    } else if at(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        office::of_ole(bytes).map_or(Kind::Outlook, Kind::Office)
    } else if let Some(other) = known(bytes) {
        other
    } else if is_header(bytes) {
        Kind::Message
    } else if let Some(format) = office::of_xml(bytes) {
        Kind::Office(format)
    } else if is_html(bytes) {
        Kind::Html
    } else if is_text(bytes) {
        Kind::Text
    } else {
        Kind::Other("", "een onbekende soort bestand")
    }
}

/// Pictures that scanners do not make, but phones, browsers and mail programs do.
fn picture_kind(bytes: &[u8]) -> Option<Kind> {
    let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    let brand = |brand: &[u8]| at(4, b"ftyp") && at(8, brand);
    if at(0, b"GIF8") {
        Some(Kind::Gif)
    } else if at(0, b"RIFF") && at(8, b"WEBP") {
        Some(Kind::WebP)
    } else if brand(b"hei") || brand(b"hev") {
        Some(Kind::Heic)
    } else if brand(b"mif1") || brand(b"msf1") {
        // The common brand of HEIC and AVIF: the brands after it say which.
        let brands = bytes.get(16..bytes.len().min(64)).unwrap_or_default();
        (find(brands, b"avif").is_none() || find(brands, b"heic").is_some()).then_some(Kind::Heic)
    } else if at(0, b"BM") && bytes.len() > 26 && at(6, b"\0\0\0\0") {
        Some(Kind::Bmp)
    } else if at(0, b"\0\0\0\x0cjP  ") || at(0, b"\xff\x4f\xff\x51") {
        Some(Kind::Jpeg2000)
    } else {
        None
    }
}

/// Forms in which mail programs keep or wrap messages, calendars and contacts.
fn mail_kind(bytes: &[u8]) -> Option<Kind> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let starts =
        |start: &str| text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start.as_bytes()));
    if bytes.starts_with(tnef::SIGNATURE) {
        Some(Kind::Tnef)
    } else if starts("BEGIN:VCALENDAR") {
        Some(Kind::Card("text/calendar"))
    } else if starts("BEGIN:VCARD") {
        Some(Kind::Card("text/vcard"))
    } else if starts("-----BEGIN PGP MESSAGE-----") {
        Some(Kind::Locked("application/pgp-encrypted"))
    } else if bytes.starts_with(b"\x76\xe8\x04\x60\xc4\x11\xe3\x86") {
        // message.rpmsg (MS-OXORMMS).
        Some(Kind::Locked("application/x-microsoft-rpmsg-message"))
    } else {
        None
    }
}

fn known(bytes: &[u8]) -> Option<Kind> {
    let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    let (media_type, name) = if at(0, b"RIFF") && at(8, b"AVI ") {
        ("video/x-msvideo", "een filmpje")
    } else if at(0, b"RIFF") && at(8, b"WAVE") {
        ("audio/wav", "een geluidsbestand")
    } else if at(4, b"ftypavi") || at(4, b"ftypmif1") || at(4, b"ftypmsf1") {
        ("image/avif", "een AVIF-plaatje")
    } else if at(4, b"ftypM4A") {
        ("audio/mp4", "een geluidsbestand")
    } else if at(4, b"ftyp") {
        ("video/mp4", "een filmpje")
    } else if at(0, b"ID3") || at(0, b"\xff\xfb") {
        ("audio/mpeg", "een geluidsbestand")
    } else if at(0, b"OggS") {
        ("audio/ogg", "een geluidsbestand")
    } else if at(0, b"Rar!") {
        ("application/vnd.rar", "een ingepakt bestand (rar)")
    } else if at(0, b"7z\xbc\xaf") {
        ("application/x-7z-compressed", "een ingepakt bestand (7z)")
    } else if at(0, b"\x1f\x8b") {
        ("application/gzip", "een ingepakt bestand (gzip)")
    } else if at(257, b"ustar") {
        ("application/x-tar", "een ingepakt bestand (tar)")
    } else if at(0, b"MZ") || at(0, b"\x7fELF") {
        ("application/x-executable", "een programma")
    } else {
        return None;
    };
    Some(Kind::Other(media_type, name))
}

/// Fields that a message cannot well do without.
const TELLING_FIELDS: &[&str] = &[
    "from",
    "date",
    "message-id",
    "received",
    "return-path",
    "subject",
    "to",
    "mime-version",
    "delivered-to",
    "content-type",
    "content-transfer-encoding",
];

/// Does the file start with the header of a message? At least two telling fields before the first line that
/// is none; an mbox "From " line may stand before them.
fn is_header(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(16 * 1024)];
    let mut telling = 0;
    for (n, line) in head.split(|&byte| byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || (n == 0 && line.starts_with(b"From ")) {
            if line.is_empty() {
                break;
            }
            continue;
        }
        if n > 0 && line.starts_with(b" ") || line.starts_with(b"\t") {
            continue;
        }
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { break };
        let name = &line[..colon];
        if name.is_empty() || !name.iter().all(|&byte| byte.is_ascii_graphic()) {
            break;
        }
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        telling += usize::from(TELLING_FIELDS.contains(&name.as_str()));
    }
    telling >= 2
}

fn is_html(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).to_ascii_lowercase();
    let head = head.trim_start_matches(['\u{feff}', ' ', '\r', '\n', '\t']);
    head.starts_with("<!doctype html")
        || head.starts_with("<html")
        || (head.starts_with('<')
            && ["<html", "<head", "<body", "<p>", "<div", "<table"].iter().any(|tag| head.contains(tag)))
}

/// Text has no control characters but those that set lines.
fn is_text(bytes: &[u8]) -> bool {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return true;
    }
    let sample = &bytes[..bytes.len().min(8 * 1024)];
    let odd = sample.iter().filter(|&&b| b < 0x20 && !b"\t\n\r\x0b\x0c\x1b".contains(&b)).count();
    odd * 200 <= sample.len()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Reads a file of any kind; `depth` counts what it was packed in.
pub(super) fn read_file(reading: &mut Reading<'_>, name: Option<&str>, bytes: &[u8], depth: usize) {
    let kind = kind(bytes);
    let media_type = kind.media_type();
    reading.at(kind, bytes);
    if depth > NESTING_MAX {
        return reading.document(name, media_type, |_| {
            Content::unread(
                Problem::TooLarge,
                format!("{} zit in te veel berichten verpakt en is niet gelezen.", called(name)),
            )
        });
    }
    // A message is opened, so that what is harmless in it is read: its parts come by here one by one.
    if kind != Kind::Message
        && let Some(locked) = reading.harm(name, bytes)
    {
        return reading.document(name, media_type, |_| locked);
    }
    match kind {
        Kind::Pdf => pdf::read(reading, name, bytes, depth),
        Kind::Message => message::read_nested(reading, name, bytes, depth),
        Kind::Outlook => outlook_reading::read_msg(reading, name, bytes, depth),
        Kind::Tnef => outlook_reading::read_winmail(reading, name, bytes, None, depth),
        Kind::Cms => hung::read_cms(reading, name, bytes, depth),
        Kind::Locked(media_type) => outlook_reading::read_locked(reading, name, media_type),
        Kind::Card(_) => reading.document(name, media_type, |_| cards::read(bytes)),
        Kind::Jpeg
        | Kind::Png
        | Kind::Tiff
        | Kind::WebP
        | Kind::Gif
        | Kind::Bmp
        | Kind::Heic
        | Kind::Jpeg2000 => {
            reading.document(name, media_type, |reading| picture::read(reading, name, kind, bytes));
        }
        Kind::Office(format) => office::read(reading, name, format, bytes, depth),
        Kind::Html => reading.document(name, media_type, |_| html::read(bytes)),
        Kind::Text => reading.document(name, media_type, |_| text::read(bytes)),
        Kind::Empty => reading.document(name, media_type, |_| {
            Content::unread(Problem::Empty, format!("{} is leeg (0 bytes).", called(name)))
        }),
        Kind::Other(_, what) => reading.document(name, media_type, |_| {
            Content::unread(
                Problem::Unsupported,
                format!("{} is {what} en kan niet worden gelezen: bekijk het zelf.", called(name)),
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides() {
        let cases: &[(&[u8], Kind)] = &[
            (b"", Kind::Empty),
            (b"\r\n%PDF-1.4\n", Kind::Pdf),
            (b"\xff\xd8\xff\xe0", Kind::Jpeg),
            (b"II*\0....", Kind::Tiff),
            (b"PK\x03\x04", Kind::Office(Format::Zip)),
            (b"From: a@example.nl\r\nSubject: x\r\n\r\nhoi", Kind::Message),
            (b"Return-Path: <>\nReceived: by x\n\tat y\nFrom: a@example.nl\n\n", Kind::Message),
            (b"Aan: de ombudsman\nBetreft: x\n\nGeachte", Kind::Text),
            (b"  <!DOCTYPE HTML><html>", Kind::Html),
            (b"{\\rtf1 hoi}", Kind::Office(Format::Rtf)),
            ("Geachte ombudsman,\n\nénorm".as_bytes(), Kind::Text),
            (b"\0\x01\x02\x03\x04\x05", Kind::Other("", "een onbekende soort bestand")),
        ];
        for (bytes, expected) in cases {
            assert_eq!(kind(bytes), *expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn the_source_beats_the_name_and_the_name_beats_the_content() {
        let message = b"From: a@example.nl\nSubject: x\n\nhoi";
        assert!(is_message(b"%PDF-1.4", "x.pdf", Some(Channel::Email)));
        assert!(!is_message(message, "x.eml", Some(Channel::Letter)));
        assert!(is_message(b"geen kop", "x.EML", None));
        assert!(!is_message(message, "x.txt", None));
        assert!(is_message(message, "1712.M1P2.host:2,S", None));
        assert!(!is_message(b"hoi", "brief", None));
    }
}
