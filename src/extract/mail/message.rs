//! A message: its header, its text, its attachments, and the messages within it (RFC 5322, 2045–2049, 6522).
//!
//! Invariant: size, number of parts and nesting are bounded before the parser sees a byte; every attachment is
//! a document, read or named as unread.

use super::{body, header, html, parts};
use crate::extract::paper::picture;
use crate::extract::reading::{Content, Reading, called, tidy};
use crate::extract::{sniff, text};
use crate::limits::BODY_PARTS_MAX;
use crate::record::{Message, Method, Part, PartKind, Problem};
use mail_parser::{MessageParser, MessagePart, MimeHeaders, PartType};

/// Lines that start with two dashes, each of which could open a body part. Far more than any real message has.
const DASHED_LINES_MAX: usize = 50_000;

/// Reads a message that is the piece itself.
pub(in crate::extract) fn read(reading: &mut Reading<'_>, bytes: &[u8]) {
    let Some(parsed) = parse(bytes) else {
        if let Some(parsed) = MessageParser::default().parse_headers(bytes) {
            reading.header(&header::read(&parsed, bytes));
        }
        return reading.document(None, "message/rfc822", |_| {
            Content::unread(
                if bytes.is_empty() { Problem::Empty } else { Problem::TooLarge },
                if bytes.is_empty() {
                    "Het bericht is leeg (0 bytes)."
                } else {
                    "Het bericht is zo ingewikkeld opgebouwd dat het niet is gelezen."
                },
            )
        });
    };
    let message = header::read(&parsed, bytes);
    reading.header(&message);
    let media_type =
        if parsed.text_body.is_empty() && !parsed.html_body.is_empty() { "text/html" } else { "text/plain" };
    let encrypted = is_encrypted(&message);
    reading.document(None, media_type, |_| {
        let (method, text) = body::read(&parsed);
        let mut content = Content::of(method, text);
        content.parts = parts::split(&content.text, forwards(&message));
        if content.text.is_empty() {
            content.problem = Some(if encrypted { Problem::Encrypted } else { Problem::Empty });
            if encrypted {
                content.notes.push((
                    Problem::Encrypted,
                    "Het bericht is versleuteld; vraag de afzender om het zonder versleuteling te sturen."
                        .into(),
                ));
            } else if parsed.attachments.is_empty() {
                content.notes.push((Problem::Empty, "Het bericht heeft geen tekst en geen bijlagen.".into()));
            }
        }
        content
    });
    if !encrypted {
        attachments(reading, &parsed, 0);
    }
}

/// Reads a message that is a file of its own, or that another parser did not see as a message.
pub(in crate::extract) fn read_nested(
    reading: &mut Reading<'_>,
    name: Option<&str>,
    bytes: &[u8],
    depth: usize,
) {
    match parse(bytes) {
        Some(parsed) => nested(reading, name, &parsed, bytes, depth + 1),
        None => reading.document(name, "message/rfc822", |_| {
            Content::unread(
                Problem::TooLarge,
                format!("{} is zo ingewikkeld opgebouwd dat het niet is gelezen.", called(name)),
            )
        }),
    }
}

/// Parses within bounds; `None` past them.
fn parse(bytes: &[u8]) -> Option<mail_parser::Message<'_>> {
    let mut declared = 0;
    let mut dashed = 0;
    for line in bytes.split(|&byte| byte == b'\n') {
        dashed += usize::from(line.starts_with(b"--"));
        declared +=
            usize::from(line.get(..13).is_some_and(|start| start.eq_ignore_ascii_case(b"content-type:")));
        if declared > BODY_PARTS_MAX || dashed > DASHED_LINES_MAX {
            return None;
        }
    }
    MessageParser::default().parse(bytes).filter(|parsed| !parsed.parts.is_empty())
}

/// Does the header speak of a forwarded message rather than of a reply?
fn forwards(message: &Message) -> bool {
    let subject = message.subject.as_deref().unwrap_or_default().trim_start().to_lowercase();
    let starts = |words: &[&str]| words.iter().any(|word| subject.starts_with(word));
    if starts(&["fw:", "fwd:", "doorst:", "dst:", "i:", "wg:", "tr:"]) {
        return true;
    }
    !starts(&["re:", "antw:", "aw:", "betr:"])
        && message.in_reply_to.is_empty()
        && message.references.is_empty()
}

fn is_encrypted(message: &Message) -> bool {
    let media_type = &message.media_type;
    media_type.starts_with("multipart/encrypted")
        || (media_type.starts_with("application/pkcs7-mime")
            || media_type.starts_with("application/x-pkcs7-mime"))
            && !media_type.contains("signed-data")
}

/// What belongs to a message without being a text that someone wrote: signatures and reports.
const PASSED_OVER: &[(&str, &str)] = &[
    ("application", "pkcs7-signature"),
    ("application", "x-pkcs7-signature"),
    ("application", "pgp-signature"),
    ("message", "delivery-status"),
    ("message", "disposition-notification"),
    ("message", "feedback-report"),
    ("text", "rfc822-headers"),
];

/// What is hung on a message, in order: neither its text nor what is passed over.
fn hung_on<'a, 'x>(parsed: &'a mail_parser::Message<'x>) -> impl Iterator<Item = &'a MessagePart<'x>> {
    let taken_as_body = body::loose_text(parsed).is_some();
    let ids = parsed.attachments.iter().filter(move |&&id| !(id == 0 && taken_as_body));
    ids.filter_map(|&id| parsed.parts.get(id as usize))
        .filter(|part| !PASSED_OVER.iter().any(|(kind, subtype)| part.is_content_type(kind, subtype)))
}

fn attachments(reading: &mut Reading<'_>, parsed: &mail_parser::Message<'_>, depth: usize) {
    for part in hung_on(parsed) {
        attachment(reading, parsed, part, depth);
    }
}

fn attachment(
    reading: &mut Reading<'_>,
    parsed: &mail_parser::Message<'_>,
    part: &MessagePart<'_>,
    depth: usize,
) {
    let name = part.attachment_name().map(file_name).filter(|name| !name.is_empty());
    let name = name.as_deref();
    match &part.body {
        PartType::Text(text) if text.trim().is_empty() && name.is_none() => {}
        PartType::Text(_) => {
            let text = body::characters(parsed, part);
            // Declared as text, but perhaps a PDF all the same.
            match sniff::kind(text.as_bytes()) {
                sniff::Kind::Text | sniff::Kind::Message | sniff::Kind::Html | sniff::Kind::Empty => {
                    let media_type =
                        part.content_type().map(media_type).unwrap_or_else(|| "text/plain".to_owned());
                    reading.document(Some(name.unwrap_or("tekst")), &media_type, |_| {
                        text::read(text.as_bytes())
                    });
                }
                _ => sniff::read_file(reading, name, text.as_bytes(), depth),
            }
        }
        PartType::Html(_) => {
            let text = body::characters(parsed, part);
            reading.document(Some(name.unwrap_or("html")), "text/html", |_| html::read(text.as_bytes()));
        }
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
            let kind = sniff::kind(bytes);
            if is_inline(part) && picture::is_decoration(kind, bytes) {
                return;
            }
            sniff::read_file(reading, Some(name.unwrap_or("bijlage")), bytes, depth);
        }
        PartType::Message(message) => {
            if message.parts.is_empty() {
                return;
            }
            let range = part.offset_body as usize..part.offset_end as usize;
            let raw = parsed.raw_message.get(range).unwrap_or_default();
            nested(reading, name, message, raw, depth + 1);
        }
        PartType::Multipart(_) => {}
    }
}

/// The bytes of an attachment as it was sent: the `nth` document with this name. Walks the message as
/// [`attachments`] does, so that both mean the same one; what lies within a PDF or an office file is no
/// attachment of the message.
pub(in crate::extract) fn attachment_bytes(bytes: &[u8], name: &str, nth: usize) -> Option<Vec<u8>> {
    let mut left = nth;
    find_attachment(&parse(bytes)?, name, &mut left, 0)
}

fn find_attachment(
    parsed: &mail_parser::Message<'_>,
    wanted: &str,
    left: &mut usize,
    depth: usize,
) -> Option<Vec<u8>> {
    for part in hung_on(parsed) {
        let name = part.attachment_name().map(file_name).filter(|name| !name.is_empty());
        let (unnamed, contents) = match &part.body {
            PartType::Text(text) if text.trim().is_empty() && name.is_none() => continue,
            PartType::Text(_) => ("tekst", part.contents()),
            PartType::Html(_) => ("html", part.contents()),
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
                if is_inline(part) && picture::is_decoration(sniff::kind(bytes), bytes) {
                    continue;
                }
                ("bijlage", part.contents())
            }
            PartType::Message(message) if !message.parts.is_empty() => {
                let range = part.offset_body as usize..part.offset_end as usize;
                ("bericht", parsed.raw_message.get(range).unwrap_or_default())
            }
            PartType::Message(_) | PartType::Multipart(_) => continue,
        };
        if name.as_deref().unwrap_or(unnamed) == wanted {
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => return Some(contents.to_vec()),
            }
        }
        if let PartType::Message(message) = &part.body
            && depth < crate::limits::NESTING_MAX
            && let Some(found) = find_attachment(message, wanted, left, depth + 1)
        {
            return Some(found);
        }
    }
    None
}

/// A message within a message: one document with its header lines and text, then its attachments.
fn nested(
    reading: &mut Reading<'_>,
    name: Option<&str>,
    parsed: &mail_parser::Message<'_>,
    bytes: &[u8],
    depth: usize,
) {
    let name = Some(name.unwrap_or("bericht"));
    if depth > crate::limits::NESTING_MAX {
        return reading.document(name, "message/rfc822", |_| {
            Content::unread(
                Problem::TooLarge,
                format!("{} zit in te veel berichten verpakt en is niet gelezen.", called(name)),
            )
        });
    }
    reading.document(name, "message/rfc822", |_| {
        let message = header::read(parsed, bytes);
        let (_, text) = body::read(parsed);
        let text = tidy(&format!("{}\n\n{text}", header_lines(&message)));
        let mut content = Content::of(Method::Message, text);
        let end = content.text.chars().count();
        if end > 0 {
            content.parts = vec![Part { start: 0, end, kind: PartKind::Forwarded }];
        } else {
            content.problem = Some(Problem::Empty);
        }
        content
    });
    attachments(reading, parsed, depth);
}

/// The header as a mail program shows it above a forwarded message.
fn header_lines(message: &Message) -> String {
    let person = |address: &crate::record::Address| match (&address.name, &address.address) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (Some(text), None) | (None, Some(text)) => text.clone(),
        (None, None) => String::new(),
    };
    let mut lines = Vec::new();
    if let Some(author) = &message.author {
        lines.push(format!("Van: {}", person(author)));
    }
    if let Some(date) = message.header_date {
        lines.push(format!("Verzonden: {}", crate::record::office_date(date)));
    }
    if !message.to.is_empty() {
        lines.push(format!("Aan: {}", message.to.iter().take(10).map(person).collect::<Vec<_>>().join("; ")));
    }
    if let Some(subject) = &message.subject {
        lines.push(format!("Onderwerp: {subject}"));
    }
    lines.join("\n")
}

/// Shown within the text rather than hung on: decorations are.
fn is_inline(part: &MessagePart<'_>) -> bool {
    part.content_id().is_some()
        || part.content_disposition().is_none_or(|disposition| disposition.is_inline())
}

fn media_type(content_type: &mail_parser::ContentType<'_>) -> String {
    format!("{}/{}", content_type.ctype(), content_type.subtype().unwrap_or("plain")).to_lowercase()
}

/// A file name without folders, control characters or endless length.
fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    last.chars().filter(|c| !c.is_control()).take(200).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_number_of_parts_is_not_parsed() {
        let mut bomb = b"From: a@example.nl\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
        bomb.extend(b"--b\r\n\r\n".repeat(DASHED_LINES_MAX + 1));
        assert!(parse(&bomb).is_none());
        let mut bomb = b"From: a@example.nl\r\n".to_vec();
        for _ in 0..=BODY_PARTS_MAX {
            bomb.extend(b"Content-Type: message/rfc822\r\n\r\n");
        }
        assert!(parse(&bomb).is_none());
        assert!(parse(b"").is_none());
    }

    #[test]
    fn replies_and_forwards() {
        let with = |subject: &str, reply: &[&str]| {
            forwards(&Message {
                subject: Some(subject.to_owned()),
                in_reply_to: reply.iter().map(|&id| id.to_owned()).collect(),
                ..Message::default()
            })
        };
        assert!(with("FW: brief", &["a@b"]));
        assert!(with("klacht", &[]));
        assert!(!with("klacht", &["a@b"]));
        assert!(!with("Re: klacht", &[]));
        assert_eq!(file_name("..\\x/../brief\u{7}.pdf "), "brief.pdf");
    }
}
