//! The text of a message: which body parts it stands in, and in which form (RFC 2046, 3676).
//!
//! Plain text is preferred; HTML is read when there is no plain text, or it says nothing or far less than the HTML. Invariant:
//! gives one text for the whole message, in reading order, its quotes marked with `>`.

use super::{blocks, cards, html};
use crate::extract::charset;
use crate::extract::reading::tidy;
use crate::limits::DOCUMENTS_MAX;
use crate::record::Method;
use mail_parser::decoders::{base64::base64_decode, quoted_printable::quoted_printable_decode};
use mail_parser::{Encoding, MessagePart, MimeHeaders, PartType};
use std::borrow::Cow;

/// The text of a message, and what was found within it.
#[derive(Debug)]
pub(super) struct Body {
    pub method: Method,
    pub text: String,
    /// Files that were written into the text, as mail programs did before MIME.
    pub files: Vec<(String, Vec<u8>)>,
    /// Names of files in forms that are not read.
    pub unread: Vec<String>,
    /// A part of the text can only be read by its receiver.
    pub encrypted: bool,
}

/// The text of the message and how it was had.
pub(super) fn read(parsed: &mail_parser::Message<'_>) -> Body {
    let mut files = Vec::new();
    let mut unread = Vec::new();
    let mut encrypted = false;
    let (method, text) = text_of(parsed, &mut |text| {
        let taken = blocks::take_out(text);
        encrypted |= taken.encrypted;
        files.extend(taken.files);
        unread.extend(taken.unread);
        taken.text.into_owned()
    });
    files.truncate(DOCUMENTS_MAX);
    unread.truncate(DOCUMENTS_MAX);
    let text = if text.is_empty() { status_text(parsed) } else { text };
    Body { method, text, files, unread, encrypted }
}

/// What a report of delivery says to programs, when it says nothing to people.
fn status_text(parsed: &mail_parser::Message<'_>) -> String {
    let status = parsed.parts.iter().find(|part| part.is_content_type("message", "delivery-status"));
    status.map(|part| tidy(&charset::decode(part.contents(), None))).unwrap_or_default()
}

fn text_of(parsed: &mail_parser::Message<'_>, take_out: &mut dyn FnMut(&str) -> String) -> (Method, String) {
    // Of parts that say the same, the parser puts the plain ones in one list and the HTML in the other; what
    // stands alone is in both.
    let (plain_method, plain) = join(parsed, &parsed.text_body, take_out);
    let (html_method, html) = if parsed.text_body == parsed.html_body {
        (plain_method, String::new())
    } else {
        join(parsed, &parsed.html_body, &mut |text| blocks::take_out(text).text.into_owned())
    };
    if says_something(&plain) && !says_far_less(&plain, &html) {
        return (plain_method, plain);
    }
    if says_something(&html) {
        return (html_method, html);
    }
    // A broken message: the first text that hangs loose in it.
    if let Some((_, part)) = loose_text(parsed) {
        let text = characters(parsed, part);
        return if part.is_text_html() {
            (Method::Html, html::to_text(&text))
        } else {
            (Method::Body, self::plain(part, &take_out(&text)))
        };
    }
    // Neither says anything: whichever is there.
    if plain.is_empty() && !html.is_empty() { (html_method, html) } else { (plain_method, plain) }
}

/// The text of a message whose structure is broken, or of a kind that nobody expects alone, so that the parser took
/// it for an attachment; with its number.
pub(super) fn loose_text<'a, 'x>(parsed: &'a mail_parser::Message<'x>) -> Option<(u32, &'a MessagePart<'x>)> {
    if !parsed.text_body.is_empty() || !parsed.html_body.is_empty() {
        return None;
    }
    let loose = |part: &MessagePart<'_>| {
        matches!(&part.body, PartType::Text(text) | PartType::Html(text) if says_something(text))
            && part.attachment_name().is_none()
            && part.content_disposition().is_none_or(|disposition| !disposition.is_attachment())
            && !part.is_content_type("text", "rfc822-headers")
    };
    let parts = parsed.attachments.iter().filter_map(|&id| Some((id, parsed.parts.get(id as usize)?)));
    parts.into_iter().find(|(_, part)| loose(part))
}

/// Is there more than blanks and the usual "your program cannot show this"? A short text with such a word may be the
/// writer's own; then the HTML says it too.
pub(super) fn says_something(text: &str) -> bool {
    const EXCUSES: &[&str] = &[
        "html compatible",
        "html-compatible",
        "html capable",
        "html message",
        "html-bericht",
        "support html",
        "geen html",
        "html ondersteunt",
        "view this email in",
        "view in browser",
        "online versie",
        "webversie",
        "e-mail niet kunt lezen",
        "in platte tekst",
    ];
    let lower = text.to_lowercase();
    lower.chars().any(char::is_alphanumeric)
        && !(lower.len() < 300 && EXCUSES.iter().any(|excuse| lower.contains(excuse)))
}

/// Does a program put a link, a few signs or its own markup in the place of the text?
fn says_far_less(plain: &str, html: &str) -> bool {
    const SHORT: usize = 200;
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
    let (few, more) = (letters(plain), letters(html));
    let start: String = plain.chars().take(20).collect::<String>().to_ascii_lowercase();
    let markup = start.starts_with("<html") || start.starts_with("<!doctype html");
    let lost_signs = plain.contains('\u{fffd}') && !html.contains('\u{fffd}');
    more > 0 && (markup || lost_signs || few < SHORT && few * 4 < more)
}

fn join(
    parsed: &mail_parser::Message<'_>,
    ids: &[u32],
    take_out: &mut dyn FnMut(&str) -> String,
) -> (Method, String) {
    let mut texts: Vec<String> = Vec::new();
    let mut method = Method::Html;
    for &id in ids {
        let Some(part) = parsed.parts.get(id as usize) else { continue };
        if !matches!(part.body, PartType::Text(_) | PartType::Html(_)) {
            continue;
        }
        let text = characters(parsed, part);
        let text = if part.is_text_html() {
            html::to_text(&text)
        } else {
            let text = plain(part, &take_out(&text));
            if !text.is_empty() {
                method = Method::Body;
            }
            text
        };
        if !text.is_empty() {
            texts.push(text);
        }
    }
    (if texts.is_empty() { Method::Body } else { method }, texts.join("\n\n"))
}

fn plain(part: &MessagePart<'_>, text: &str) -> String {
    let parameter = |name| part.content_type().and_then(|content_type| content_type.attribute(name));
    if parameter("format").is_some_and(|format| format.eq_ignore_ascii_case("flowed")) {
        let delete_space = parameter("delsp").is_some_and(|delsp| delsp.eq_ignore_ascii_case("yes"));
        tidy(&unflow(text, delete_space))
    } else if part.is_content_type("text", "calendar") || part.is_content_type("text", "vcard") {
        tidy(&cards::readable(text))
    } else if part.is_content_type("text", "enriched") {
        tidy(&enriched(text))
    } else {
        tidy(text)
    }
}

/// The characters of a text part: the parser's own decoding where that leaves no doubt, else the bytes are looked
/// at again.
pub(super) fn characters(parsed: &mail_parser::Message<'_>, part: &MessagePart<'_>) -> String {
    let (PartType::Text(text) | PartType::Html(text)) = &part.body else { return String::new() };
    let declared = part.content_type().and_then(|content_type| content_type.attribute("charset"));
    let sure = text.is_ascii()
        && !text.contains(['\0', '\x1b'])
        && !part.is_encoding_problem
        && (part.encoding != Encoding::None || transfer_encoding(part).is_none());
    if (!sure || charset::is_seven_bit(declared))
        && let Some(bytes) = bytes(parsed, part)
    {
        let of_html = || part.is_text_html().then(|| charset::declared_in_html(&bytes)).flatten();
        return match declared {
            Some(declared) => charset::decode(&bytes, Some(declared)),
            None => charset::decode(&bytes, of_html().as_deref()),
        };
    }
    text.to_string()
}

/// The bytes of a part, its transfer encoding undone.
pub(super) fn bytes<'a>(
    parsed: &'a mail_parser::Message<'_>,
    part: &MessagePart<'_>,
) -> Option<Cow<'a, [u8]>> {
    let range = part.offset_body as usize..part.offset_end as usize;
    let raw = parsed.raw_message.get(range)?;
    match part.encoding {
        Encoding::QuotedPrintable => quoted_printable_decode(raw).map(Cow::Owned),
        Encoding::Base64 => base64_decode(raw).map(Cow::Owned),
        // The parser takes an encoding for none when it is written, or was damaged, in an odd way.
        Encoding::None => match transfer_encoding(part) {
            Some(Encoding::Base64) => Some(Cow::Owned(blocks::base64(raw))),
            Some(Encoding::QuotedPrintable) => {
                Some(quoted_printable_decode(raw).map_or(Cow::Borrowed(raw), Cow::Owned))
            }
            _ => Some(raw.into()),
        },
    }
}

/// The transfer encoding that the part declares, when it is one that changes bytes.
fn transfer_encoding(part: &MessagePart<'_>) -> Option<Encoding> {
    let declared = part.content_transfer_encoding()?.trim_start().split([' ', '(', ';']).next()?;
    if declared.eq_ignore_ascii_case("base64") {
        Some(Encoding::Base64)
    } else if declared.eq_ignore_ascii_case("quoted-printable") {
        Some(Encoding::QuotedPrintable)
    } else {
        None
    }
}

/// Text with the few marks of text/enriched (RFC 1896) taken out: one line end is a blank.
fn enriched(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for (n, line) in text.replace("\r\n", "\n").replace("\n\n", "\u{2029}").split('\n').enumerate() {
        if n > 0 {
            plain.push(' ');
        }
        let mut rest = line;
        while let Some(open) = rest.find('<') {
            plain.push_str(&rest[..open]);
            rest = &rest[open + 1..];
            if let Some(more) = rest.strip_prefix('<') {
                plain.push('<');
                rest = more;
            } else {
                rest = rest.find('>').map_or("", |close| &rest[close + 1..]);
            }
        }
        plain.push_str(rest);
    }
    plain
}

/// Undoes format=flowed (RFC 3676): lines that end in a blank go on in the next one of the same quote depth.
fn unflow(text: &str, delete_space: bool) -> String {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut flowing = false;
    for line in text.lines() {
        let depth = line.bytes().take_while(|&byte| byte == b'>').count();
        let stuffed = &line[depth..];
        let content = stuffed.strip_prefix(' ').unwrap_or(stuffed);
        let signature = content == "-- ";
        let flows = content.ends_with(' ') && !signature;
        let kept = if flows && delete_space { &content[..content.len() - 1] } else { content };
        match lines.last_mut() {
            Some((last_depth, last)) if flowing && *last_depth == depth && !signature => last.push_str(kept),
            _ => lines.push((depth, kept.to_owned())),
        }
        flowing = flows;
    }
    let mut unflowed = String::with_capacity(text.len());
    for (depth, line) in lines {
        if depth > 0 {
            unflowed.push_str(&">".repeat(depth));
            unflowed.push(' ');
        }
        unflowed.push_str(&line);
        unflowed.push('\n');
    }
    unflowed
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_parser::MessageParser;

    fn text_of(message: &[u8]) -> (Method, String) {
        let body = read(&MessageParser::default().parse(message).unwrap());
        (body.method, body.text)
    }

    #[test]
    fn flowed_lines_join_within_their_quote() {
        assert_eq!(
            unflow("Een lange \nregel.\n> quote \n> verder\n>> dieper\n-- \nnaam\n  ingesprongen", false),
            "Een lange regel.\n> quote verder\n>> dieper\n-- \nnaam\n ingesprongen\n"
        );
        assert_eq!(unflow("sa \nmen", true), "samen\n");
    }

    #[test]
    fn plain_is_preferred_unless_it_says_nothing() {
        let both = |plain: &str| {
            format!(
                "From: a@example.nl\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n\
                 --b\r\nContent-Type: text/plain\r\n\r\n{plain}\r\n\
                 --b\r\nContent-Type: text/html\r\n\r\n<p>uit html</p>\r\n--b--\r\n"
            )
        };
        assert_eq!(text_of(both("uit tekst").as_bytes()), (Method::Body, "uit tekst".to_owned()));
        assert_eq!(text_of(both(" ").as_bytes()), (Method::Html, "uit html".to_owned()));
        // The boundary was damaged on the way.
        let broken = both("uit tekst").replace("boundary=b", "boundary=x");
        let (method, text) = text_of(broken.as_bytes());
        assert_eq!(method, Method::Body);
        assert!(text.contains("uit tekst"), "{text}");
    }

    #[test]
    fn undeclared_and_wrong_charsets_are_guessed() {
        let with = |label: &str, bytes: &[u8]| {
            let mut message = format!("From: a@example.nl\r\n{label}\r\n\r\n").into_bytes();
            message.extend_from_slice(bytes);
            text_of(&message).1
        };
        assert_eq!(with("X-A: 1", b"co\xf6rdinatie \x80 5"), "coördinatie € 5");
        assert_eq!(with("X-A: 1", "coördinatie".as_bytes()), "coördinatie");
        assert_eq!(with("Content-Type: text/plain; charset=us-ascii", "één".as_bytes()), "één");
        assert_eq!(with("Content-Type: text/plain; charset=utf-8", b"\xe9\xe9n"), "één");
        assert_eq!(
            with(
                "Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable",
                b"=E9=E9n is g=\r\noed"
            ),
            "één is goed"
        );
        assert_eq!(
            with("Content-Type: text/plain\r\nContent-Transfer-Encoding: base64", b"6elu\r\nCg=="),
            "één"
        );
    }
}
