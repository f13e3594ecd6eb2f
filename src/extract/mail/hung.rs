//! What is hung on a message: each file, text and message, read or named, and given to whoever asks for it.
//!
//! Invariant: reading and giving walk in the same way, so that both mean the same attachment by a name and a
//! number; what lies within a PDF, an archive or an office file is no attachment of the message.

use super::body::{self, Body};
use super::cms::{self, Cms};
use super::mapi::OutlookMessage;
use super::{blocks, html, message, names, outlook_reading, tnef};
use crate::extract::budget::Budget;
use crate::extract::paper::picture;
use crate::extract::reading::{Content, Reading, called};
use crate::extract::{sniff, text};
use crate::limits::NESTING_MAX;
use crate::record::{Message, Problem};
use mail_parser::{MessagePart, MimeHeaders, PartType};
use std::borrow::Cow;

/// What belongs to a message without being a text that someone wrote: signatures and reports, and what old
/// Macintoshes kept beside a file.
const PASSED_OVER: &[(&str, &str)] = &[
    ("application", "pkcs7-signature"),
    ("application", "x-pkcs7-signature"),
    ("application", "pgp-signature"),
    ("application", "applefile"),
    ("message", "delivery-status"),
    ("message", "global-delivery-status"),
    ("message", "disposition-notification"),
    ("message", "global-disposition-notification"),
    ("message", "feedback-report"),
    ("text", "rfc822-headers"),
    ("message", "global-headers"),
];

/// One thing that hangs on a message.
enum Hung<'a, 'x> {
    /// Text that is no body: its characters, its media type, and the bytes as they were sent.
    Text {
        text: String,
        html: bool,
        media_type: String,
        bytes: Cow<'a, [u8]>,
    },
    File(Cow<'a, [u8]>),
    Message {
        parsed: &'a mail_parser::Message<'x>,
        bytes: &'a [u8],
    },
    /// Something that was not sent along.
    Elsewhere,
    /// A piece of a message that was cut in pieces.
    Fragment,
}

/// All that hangs on a message, in order, with its name.
fn hung_on<'a, 'x>(
    parsed: &'a mail_parser::Message<'x>,
) -> impl Iterator<Item = (Option<String>, Hung<'a, 'x>)> {
    let body = body::loose_text(parsed).map(|(id, _)| id);
    let ids = parsed.attachments.iter().filter(move |&&id| Some(id) != body);
    ids.filter_map(|&id| parsed.parts.get(id as usize))
        .filter(|part| !PASSED_OVER.iter().any(|(kind, subtype)| part.is_content_type(kind, subtype)))
        .filter_map(|part| Some((name_of(parsed, part), hung(parsed, part)?)))
}

fn hung<'a, 'x>(parsed: &'a mail_parser::Message<'x>, part: &'a MessagePart<'x>) -> Option<Hung<'a, 'x>> {
    if part.is_content_type("message", "external-body") {
        return Some(Hung::Elsewhere);
    }
    if part.is_content_type("message", "partial") {
        return Some(Hung::Fragment);
    }
    if let Some(file) = uuencoded(part) {
        return Some(Hung::File(file.into()));
    }
    match &part.body {
        PartType::Text(text) if text.trim().is_empty() && part.attachment_name().is_none() => None,
        PartType::Text(_) | PartType::Html(_) => {
            let bytes = body::bytes(parsed, part).unwrap_or_else(|| part.contents().into());
            // Declared as text, but perhaps a PDF all the same.
            if !sniff::kind(&bytes).is_text() && !part.is_text_html() {
                return Some(Hung::File(bytes));
            }
            let html = part.is_text_html();
            let media_type = part.content_type().map(media_type).unwrap_or_else(|| "text/plain".to_owned());
            Some(Hung::Text { text: body::characters(parsed, part), html, media_type, bytes })
        }
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
            let kind = sniff::kind(bytes);
            let decoration = is_inline(part) && picture::is_decoration(kind, bytes);
            let signature = kind == sniff::Kind::Cms
                && part.attachment_name().is_none_or(|name| name.to_ascii_lowercase().ends_with(".p7s"))
                && cms::open(bytes) == Some(Cms::Signature);
            (!decoration && !signature).then_some(Hung::File(bytes.as_ref().into()))
        }
        PartType::Message(message) if !message.parts.is_empty() => {
            let range = part.offset_body as usize..part.offset_end as usize;
            let bytes = match part.encoding {
                mail_parser::Encoding::None => parsed.raw_message.get(range).unwrap_or_default(),
                // It was encoded: what was decoded is kept in the message itself.
                _ => message.raw_message.as_ref(),
            };
            Some(Hung::Message { parsed: message, bytes })
        }
        PartType::Message(_) | PartType::Multipart(_) => None,
    }
}

/// The file in a part whose transfer encoding is an old one that MIME does not know.
fn uuencoded(part: &MessagePart<'_>) -> Option<Vec<u8>> {
    let encoding = part.content_transfer_encoding()?.to_ascii_lowercase();
    if !matches!(encoding.trim(), "x-uuencode" | "x-uue" | "uuencode" | "uue") {
        return None;
    }
    let text = String::from_utf8_lossy(part.contents());
    blocks::take_out(&text).files.into_iter().next().map(|(_, bytes)| bytes)
}

/// The message that Outlook hung on one in its own form, as winmail.dat.
pub(super) fn winmail(parsed: &mail_parser::Message<'_>, budget: &Budget) -> Option<OutlookMessage> {
    hung_on(parsed).find_map(|(_, hung)| match hung {
        Hung::File(bytes) if sniff::kind(&bytes) == sniff::Kind::Tnef => tnef::open(&bytes, budget),
        _ => None,
    })
}

/// Reads all that hangs on a message. `piece`: the header of the piece, when the message is that and not one
/// within it.
pub(super) fn read(
    reading: &mut Reading<'_>,
    parsed: &mail_parser::Message<'_>,
    body: Option<&Body>,
    piece: Option<&Message>,
    depth: usize,
) {
    for (name, bytes) in body.map(|body| body.files.as_slice()).unwrap_or_default() {
        sniff::read_file(reading, Some(&file_name(name)), bytes, depth);
    }
    for name in body.map(|body| body.unread.as_slice()).unwrap_or_default() {
        let name = file_name(name);
        let name = Some(name.as_str());
        reading.document(name, "application/octet-stream", |_| {
            let told =
                format!("{} staat in de tekst in een vorm (yEnc) die niet kan worden gelezen.", called(name));
            Content::unread(Problem::Unsupported, told)
        });
    }
    for (name, hung) in hung_on(parsed) {
        let unnamed = hung.unnamed();
        let named = Some(name.as_deref().unwrap_or(unnamed));
        match hung {
            Hung::Text { text, html, media_type, .. } => match sniff::kind(text.as_bytes()) {
                _ if html => reading.document(named, "text/html", |_| html::read(text.as_bytes())),
                // Calendars, keys and such are known by what they say.
                sniff::Kind::Text | sniff::Kind::Message | sniff::Kind::Html | sniff::Kind::Empty => {
                    reading.document(named, &media_type, |_| text::read(text.as_bytes()));
                }
                _ => sniff::read_file(reading, named, text.as_bytes(), depth),
            },
            Hung::File(bytes) if sniff::kind(&bytes) == sniff::Kind::Tnef => {
                let known = body.map(|body| body.text.as_str()).unwrap_or_default();
                outlook_reading::read_winmail(reading, named, &bytes, Some((known, piece)), depth);
            }
            Hung::File(bytes) => sniff::read_file(reading, named, &bytes, depth),
            Hung::Message { parsed, bytes } => {
                message::nested(reading, name.as_deref(), parsed, bytes, depth + 1);
            }
            Hung::Elsewhere => reading.document(named, "message/external-body", |_| {
                Content::unread(
                    Problem::Unsupported,
                    format!("{} is niet meegestuurd; het bericht verwijst er alleen naar.", called(named)),
                )
            }),
            Hung::Fragment => reading.document(named, "message/partial", |_| {
                Content::unread(
                    Problem::Unsupported,
                    "Dit is een deel van een bericht dat in stukken is verstuurd; vraag om het in één keer te sturen.",
                )
            }),
        }
    }
}

impl Hung<'_, '_> {
    /// What a thing without a name is called.
    fn unnamed(&self) -> &'static str {
        match self {
            Hung::Text { html: true, .. } => "html",
            Hung::Text { .. } => "tekst",
            Hung::Message { .. } | Hung::Fragment => "bericht",
            Hung::File(_) | Hung::Elsewhere => "bijlage",
        }
    }
}

/// The bytes of an attachment as it was sent: the `nth` document with this name.
pub(in crate::extract) fn attachment_bytes(bytes: &[u8], name: &str, nth: usize) -> Option<Vec<u8>> {
    let mut wanted = Wanted { name, left: nth, budget: Budget::new() };
    if sniff::kind(bytes) == sniff::Kind::Outlook {
        let opened = super::outlook::open(bytes, &wanted.budget)?;
        return outlook_reading::find(&opened, &mut wanted);
    }
    let bytes = message::unwrapped(bytes);
    wanted.find(&message::parse(&bytes)?, 0)
}

/// What is asked for, and how many of that name are still to be passed over.
pub(super) struct Wanted<'a> {
    name: &'a str,
    left: usize,
    budget: Budget,
}

impl Wanted<'_> {
    fn find(&mut self, parsed: &mail_parser::Message<'_>, depth: usize) -> Option<Vec<u8>> {
        if depth > NESTING_MAX {
            return None;
        }
        for (name, bytes) in body::read(parsed).files {
            if let Some(found) = self.file(&file_name(&name), &bytes, depth) {
                return Some(found);
            }
        }
        for (name, hung) in hung_on(parsed) {
            let unnamed = hung.unnamed();
            let named = name.as_deref().unwrap_or(unnamed);
            let found = match &hung {
                Hung::Text { bytes, .. } => self.is(named).then(|| bytes.to_vec()),
                Hung::File(bytes) => self.file(named, bytes, depth),
                Hung::Message { parsed, bytes } => match self.is(named) {
                    true => Some(bytes.to_vec()),
                    false => self.find(parsed, depth + 1),
                },
                Hung::Elsewhere | Hung::Fragment => {
                    self.is(named);
                    None
                }
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// A file, or what hangs on the message that it is.
    pub fn file(&mut self, name: &str, bytes: &[u8], depth: usize) -> Option<Vec<u8>> {
        if self.is(name) {
            return Some(bytes.to_vec());
        }
        match sniff::kind(bytes) {
            sniff::Kind::Message => self.find(&message::parse(bytes)?, depth + 1),
            sniff::Kind::Outlook => outlook_reading::find(&super::outlook::open(bytes, &self.budget)?, self),
            sniff::Kind::Tnef => outlook_reading::find(&tnef::open(bytes, &self.budget)?, self),
            sniff::Kind::Cms => match cms::open(bytes)? {
                Cms::Signed(entity) if message::is_entity(&entity) => {
                    self.find(&message::parse(&entity)?, depth + 1)
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Is this the one?
    pub fn is(&mut self, name: &str) -> bool {
        if name != self.name {
            return false;
        }
        match self.left.checked_sub(1) {
            Some(fewer) => {
                self.left = fewer;
                false
            }
            None => true,
        }
    }
}

/// The file name of a part, without the folders that it may be sent with.
fn name_of(parsed: &mail_parser::Message<'_>, part: &MessagePart<'_>) -> Option<String> {
    let name = part.attachment_name()?;
    let header = parsed.raw_message.get(part.offset_header as usize..part.offset_body as usize);
    let mended = names::mended(name, header.unwrap_or_default());
    Some(file_name(mended.as_deref().unwrap_or(name))).filter(|name| !name.is_empty())
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
pub(super) fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    last.chars().filter(|c| !c.is_control()).take(200).collect::<String>().trim().to_owned()
}

/// Reads a CMS message that is a file: what was signed in it, as if it stood there.
pub(in crate::extract) fn read_cms(
    reading: &mut Reading<'_>,
    name: Option<&str>,
    bytes: &[u8],
    depth: usize,
) {
    const MEDIA_TYPE: &str = "application/pkcs7-mime";
    let unread = |problem, told: &str| Content::unread(problem, format!("{} {told}.", called(name)));
    match cms::open(bytes) {
        Some(Cms::Signed(inner)) if message::is_entity(&inner) => {
            let parsed = message::parse(&inner);
            let Some(parsed) = parsed else {
                return reading.document(name, MEDIA_TYPE, |_| {
                    unread(Problem::TooLarge, "is zo ingewikkeld opgebouwd dat het niet is gelezen")
                });
            };
            let body = reading.container(
                name,
                MEDIA_TYPE,
                || body::read(&parsed),
                |_, body| {
                    let mut content = Content::of(body.method, body.text.clone());
                    if body.encrypted {
                        content.problem = Some(Problem::Encrypted);
                        content.notes.push((Problem::Encrypted, message::locked_file(name)));
                    } else if content.text.is_empty() && parsed.attachments.is_empty() {
                        content.problem = Some(Problem::Empty);
                    }
                    content
                },
            );
            read(reading, &parsed, body.as_ref(), None, depth + 1);
        }
        // A file that was signed: `contract.pdf.p7m`.
        Some(Cms::Signed(inner)) => {
            let inner_name = name.map(|name| name.strip_suffix(".p7m").unwrap_or(name));
            sniff::read_file(reading, inner_name, &inner, depth + 1);
        }
        Some(Cms::Encrypted) => reading
            .document(name, MEDIA_TYPE, |_| Content::unread(Problem::Encrypted, message::locked_file(name))),
        Some(Cms::Signature) => reading.document(name, "application/pkcs7-signature", |_| {
            unread(Problem::Unsupported, "is een digitale handtekening zonder tekst")
        }),
        Some(Cms::Other) => reading.document(name, MEDIA_TYPE, |_| {
            unread(Problem::Unsupported, "is op een manier ingepakt (S/MIME) die niet kan worden gelezen")
        }),
        None => reading.document(name, MEDIA_TYPE, |_| {
            unread(Problem::Damaged, "is een beschadigd S/MIME-bestand en kan niet worden gelezen")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_folders() {
        assert_eq!(file_name("..\\x/../brief\u{7}.pdf "), "brief.pdf");
    }
}
