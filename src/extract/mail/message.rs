//! A message: its header, its text, its attachments, and the messages within it (RFC 5322, 2045–2049, 6522), and
//! what S/MIME and OpenPGP wrap it in (RFC 8551, 3156).
//!
//! Signatures are not checked: what is signed is read as if it were not. Invariant: size, number of parts and
//! nesting are bounded before the parser sees a byte; every attachment is a document, read or named as unread.

use super::body::{self, Body};
use super::cms::{self, Cms};
use super::mend::mended;
use super::{header, hung, outlook_reading, parts};
use crate::extract::budget::Budget;
use crate::extract::reading::{Content, Reading, called, tidy};
use crate::extract::sniff;
use crate::limits::{BODY_PARTS_MAX, NESTING_MAX};
use crate::record::{Message, Method, Part, PartKind, Problem};
use mail_parser::{MessageParser, MimeHeaders, PartType};
use std::borrow::Cow;

/// Lines that start with two dashes, each of which could open a body part. Far more than any real message has.
const DASHED_LINES_MAX: usize = 50_000;

/// Multiparts times bytes. The parser may look through all that follows for the end of each multipart: this much it
/// does in seconds. A message of the greatest size may have forty, far more than any has.
const MULTIPART_BYTES_MAX: u64 = 4_000_000_000;

/// What staff can do about a message that only its receiver's key opens.
pub(super) const LOCKED: &str =
    "Het bericht is versleuteld; vraag de afzender om het zonder versleuteling te sturen.";

/// Reads a message that is the piece itself.
pub(in crate::extract) fn read(reading: &mut Reading<'_>, bytes: &[u8]) {
    if sniff::kind(bytes) == sniff::Kind::Outlook {
        return outlook_reading::read(reading, bytes);
    }
    let bytes = &*unwrapped(bytes);
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
    let locked = is_locked(&parsed);
    let body = reading.container(
        None,
        media_type,
        || body::read(&parsed),
        |reading, body| {
            let (method, text) = body_or_winmail(body, &parsed, &reading.budget);
            own_words(method, text, &message, locked || body.encrypted, !parsed.attachments.is_empty())
        },
    );
    if !locked {
        hung::read(reading, &parsed, body.as_ref(), Some(&message), 0);
    }
}

/// The text of a message; Outlook sometimes hangs the only one on it.
fn body_or_winmail(body: &Body, parsed: &mail_parser::Message<'_>, budget: &Budget) -> (Method, String) {
    let winmail = (!body::says_something(&body.text)).then(|| hung::winmail(parsed, budget)).flatten();
    winmail.map_or_else(|| (body.method, body.text.clone()), |winmail| winmail.body().clone())
}

/// The text of the piece itself, split by whose words they are.
pub(super) fn own_words(
    method: Method,
    text: String,
    message: &Message,
    locked: bool,
    more: bool,
) -> Content {
    let mut content = Content::of(method, text);
    content.parts = parts::split(&content.text, forwards(message));
    if locked {
        content.problem = Some(Problem::Encrypted);
        content.notes.push((Problem::Encrypted, LOCKED.to_owned()));
    } else if content.text.is_empty() {
        content.problem = Some(Problem::Empty);
        if !more {
            content.notes.push((Problem::Empty, "Het bericht heeft geen tekst en geen bijlagen.".into()));
        }
    }
    content
}

/// Reads a message that is a file of its own, or that another parser did not see as a message.
pub(in crate::extract) fn read_nested(
    reading: &mut Reading<'_>,
    name: Option<&str>,
    bytes: &[u8],
    depth: usize,
) {
    let bytes = &*mended(bytes);
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
pub(super) fn parse(bytes: &[u8]) -> Option<mail_parser::Message<'_>> {
    let mut declared = 0;
    let mut dashed = 0;
    let mut multiparts = 0_u64;
    for line in bytes.split(|&byte| byte == b'\n') {
        dashed += usize::from(line.starts_with(b"--"));
        declared +=
            usize::from(line.get(..13).is_some_and(|start| start.eq_ignore_ascii_case(b"content-type:")));
        multiparts += u64::from(declares_multipart(line));
        let too_many = multiparts.saturating_mul(bytes.len() as u64) > MULTIPART_BYTES_MAX;
        if declared > BODY_PARTS_MAX || dashed > DASHED_LINES_MAX || too_many {
            return None;
        }
    }
    MessageParser::default().parse(bytes).filter(|parsed| !parsed.parts.is_empty())
}

/// Could the line declare a multipart? Its type may stand on the line behind the field's name.
fn declares_multipart(line: &[u8]) -> bool {
    let line = &line[..line.len().min(200)];
    matches!(line.first(), Some(b'c' | b'C' | b' ' | b'\t'))
        && line.windows(10).any(|word| word.eq_ignore_ascii_case(b"multipart/"))
}

/// The message as it was meant; one that is signed as a whole and sent as one CMS part, with what was signed in its
/// place.
pub(super) fn unwrapped(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut whole = mended(bytes);
    for _ in 0..NESTING_MAX {
        // Hardly any message is: the header tells, so that others are not parsed twice.
        let Some(header) = MessageParser::default().parse_headers(&*whole) else { break };
        if !declares_cms(&header) {
            break;
        }
        let Some(inner) = parse(&whole).and_then(|parsed| signed_within(&parsed, &whole)) else { break };
        whole = Cow::Owned(inner);
    }
    whole
}

fn declares_cms(parsed: &mail_parser::Message<'_>) -> bool {
    let Some(content_type) = parsed.content_type() else { return false };
    let subtype = content_type.subtype().unwrap_or_default().to_ascii_lowercase();
    content_type.ctype().eq_ignore_ascii_case("application")
        && (subtype.ends_with("pkcs7-mime")
            || parsed.attachment_name().is_some_and(|name| name.to_ascii_lowercase().ends_with(".p7m")))
}

/// The one part that the whole message is, when it is a CMS message.
fn whole_cms(parsed: &mail_parser::Message<'_>) -> Option<Cms> {
    match &parsed.parts.first()?.body {
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => cms::open(bytes),
        _ => None,
    }
}

/// The header of the message over the body part that was signed.
fn signed_within(parsed: &mail_parser::Message<'_>, bytes: &[u8]) -> Option<Vec<u8>> {
    let Some(Cms::Signed(entity)) = whole_cms(parsed) else { return None };
    is_entity(&entity).then(|| header::with_entity(bytes, &entity))
}

/// Is it a body part with its header, as S/MIME signs, and not a file?
pub(super) fn is_entity(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(64)];
    let start = start.trim_ascii_start().to_ascii_lowercase();
    start.starts_with(b"content-")
        || start.starts_with(b"mime-version:")
        || sniff::kind(bytes) == sniff::Kind::Message
}

/// Does only its receiver's key open it?
fn is_locked(parsed: &mail_parser::Message<'_>) -> bool {
    let encrypted = parsed.content_type().is_some_and(|content_type| {
        content_type.ctype().eq_ignore_ascii_case("multipart")
            && content_type.subtype().is_some_and(|subtype| subtype.eq_ignore_ascii_case("encrypted"))
    });
    let sealed = || match whole_cms(parsed) {
        Some(cms) => cms == Cms::Encrypted,
        // Damaged on the way: what it says of itself.
        None => {
            declares_cms(parsed)
                && !parsed
                    .content_type()
                    .and_then(|content_type| content_type.attribute("smime-type"))
                    .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("signed"))
        }
    };
    encrypted || sealed()
}

/// Does the header speak of a forwarded message rather than of a reply?
pub(in crate::extract) fn forwards(message: &Message) -> bool {
    let subject = message.subject.as_deref().unwrap_or_default().trim_start().to_lowercase();
    let starts = |words: &[&str]| words.iter().any(|word| subject.starts_with(word));
    if starts(&["fw:", "fwd:", "doorst:", "dst:", "i:", "wg:", "tr:"]) {
        return true;
    }
    !starts(&["re:", "antw:", "aw:", "betr:"])
        && message.in_reply_to.is_empty()
        && message.references.is_empty()
}

/// A message within a message: one document with its header lines and text, then its attachments.
pub(super) fn nested(
    reading: &mut Reading<'_>,
    name: Option<&str>,
    parsed: &mail_parser::Message<'_>,
    bytes: &[u8],
    depth: usize,
) {
    let name = Some(name.unwrap_or("bericht"));
    if depth > NESTING_MAX {
        return reading.document(name, "message/rfc822", |_| too_deep(name));
    }
    if let Some(inner) = signed_within(parsed, bytes)
        && let Some(parsed) = parse(&inner)
    {
        return nested(reading, name, &parsed, &inner, depth + 1);
    }
    let locked = is_locked(parsed);
    let body = reading.container(
        name,
        "message/rfc822",
        || body::read(parsed),
        |reading, body| {
            let (_, text) = body_or_winmail(body, parsed, &reading.budget);
            anothers_words(name, &header::read(parsed, bytes), &text, locked || body.encrypted)
        },
    );
    if !locked {
        hung::read(reading, parsed, body.as_ref(), None, depth);
    }
}

/// The text of a message within the piece, under its header lines: it was written elsewhere, by whoever.
pub(super) fn anothers_words(name: Option<&str>, message: &Message, text: &str, locked: bool) -> Content {
    let mut content = Content::of(Method::Message, tidy(&format!("{}\n\n{text}", header_lines(message))));
    let end = content.text.chars().count();
    if end > 0 {
        content.parts = vec![Part { start: 0, end, kind: PartKind::Forwarded }];
    } else {
        content.problem = Some(Problem::Empty);
    }
    if locked {
        content.problem = Some(Problem::Encrypted);
        content.notes.push((Problem::Encrypted, locked_file(name)));
    }
    content
}

pub(super) fn locked_file(name: Option<&str>) -> String {
    format!("{} is versleuteld; vraag de afzender om het zonder versleuteling te sturen.", called(name))
}

pub(super) fn too_deep(name: Option<&str>) -> Content {
    Content::unread(
        Problem::TooLarge,
        format!("{} zit in te veel berichten verpakt en is niet gelezen.", called(name)),
    )
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
        let mut bomb = b"From: a@example.nl\r\n".to_vec();
        for n in 0..1_000 {
            bomb.extend(format!("Content-Type: multipart/mixed; boundary=nergens{n}\r\n\r\n").bytes());
        }
        bomb.resize(5_000_000, b'\n');
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
    }
}
