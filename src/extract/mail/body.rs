//! The text of a message: which body parts it stands in, and in which form (RFC 2046, 3676).
//!
//! Plain text is preferred; HTML is read when there is no plain text or the plain text says nothing. Invariant:
//! gives one text for the whole message, in reading order, its quotes marked with `>`.

use super::{blocks, html};
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
    /// A part of the text can only be read by its receiver.
    pub encrypted: bool,
}

/// The text of the message and how it was had.
pub(super) fn read(parsed: &mail_parser::Message<'_>) -> Body {
    let mut files = Vec::new();
    let mut encrypted = false;
    let (method, text) = text_of(parsed, &mut |text| {
        let taken = blocks::take_out(text);
        encrypted |= taken.encrypted;
        files.extend(taken.files);
        taken.text.into_owned()
    });
    files.truncate(DOCUMENTS_MAX);
    Body { method, text, files, encrypted }
}

fn text_of(parsed: &mail_parser::Message<'_>, take_out: &mut dyn FnMut(&str) -> String) -> (Method, String) {
    let plain = join(parsed, &parsed.text_body, take_out, |part| !part.is_text_html());
    if says_something(&plain) {
        return (Method::Body, plain);
    }
    let html = join(parsed, &parsed.html_body, take_out, |part| part.is_text_html());
    if says_something(&html) {
        return (Method::Html, html);
    }
    // A broken message: the first text that hangs loose in it.
    if let Some(part) = loose_text(parsed) {
        let text = characters(parsed, part);
        return if part.is_text_html() {
            (Method::Html, html::to_text(&text))
        } else {
            (Method::Body, self::plain(part, &take_out(&text)))
        };
    }
    // Neither says anything: whichever is there.
    if plain.is_empty() && !html.is_empty() { (Method::Html, html) } else { (Method::Body, plain) }
}

/// The text of a message whose structure is broken, so that the parser took it for an attachment.
pub(super) fn loose_text<'a, 'x>(parsed: &'a mail_parser::Message<'x>) -> Option<&'a MessagePart<'x>> {
    if !parsed.text_body.is_empty() || !parsed.html_body.is_empty() {
        return None;
    }
    let part = parsed.parts.first()?;
    let text = matches!(&part.body, PartType::Text(text) | PartType::Html(text) if says_something(text));
    (text && part.attachment_name().is_none()).then_some(part)
}

/// Is there more than blanks and the usual "your program cannot show this"?
pub(super) fn says_something(text: &str) -> bool {
    const EXCUSES: &[&str] =
        &["html compatible", "html-compatible", "view this email in", "does not support html"];
    let lower = text.to_lowercase();
    lower.chars().any(char::is_alphanumeric)
        && !(lower.len() < 300 && EXCUSES.iter().any(|excuse| lower.contains(excuse)))
}

fn join(
    parsed: &mail_parser::Message<'_>,
    ids: &[u32],
    take_out: &mut dyn FnMut(&str) -> String,
    wanted: impl Fn(&MessagePart<'_>) -> bool,
) -> String {
    let mut texts: Vec<String> = Vec::new();
    for &id in ids {
        let Some(part) = parsed.parts.get(id as usize) else { continue };
        if !matches!(part.body, PartType::Text(_) | PartType::Html(_)) || !wanted(part) {
            continue;
        }
        let text = characters(parsed, part);
        let text = if part.is_text_html() { html::to_text(&text) } else { plain(part, &take_out(&text)) };
        if !text.is_empty() {
            texts.push(text);
        }
    }
    texts.join("\n\n")
}

fn plain(part: &MessagePart<'_>, text: &str) -> String {
    let parameter = |name| part.content_type().and_then(|content_type| content_type.attribute(name));
    if parameter("format").is_some_and(|format| format.eq_ignore_ascii_case("flowed")) {
        let delete_space = parameter("delsp").is_some_and(|delsp| delsp.eq_ignore_ascii_case("yes"));
        tidy(&unflow(text, delete_space))
    } else {
        tidy(text)
    }
}

/// The characters of a text part. The parser's own decoding is kept where the label can be trusted; else the
/// bytes are looked at again.
pub(super) fn characters(parsed: &mail_parser::Message<'_>, part: &MessagePart<'_>) -> String {
    let (PartType::Text(text) | PartType::Html(text)) = &part.body else { return String::new() };
    let declared = part.content_type().and_then(|content_type| content_type.attribute("charset"));
    let odd = |c: char| c == '\u{fffd}' || ('\u{80}'..'\u{100}').contains(&c) || c == '\0';
    if charset::is_doubted(declared)
        && text.contains(odd)
        && let Some(bytes) = bytes(parsed, part)
    {
        return charset::decode(&bytes, declared);
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
        Encoding::None => Some(raw.into()),
        Encoding::QuotedPrintable => quoted_printable_decode(raw).map(Cow::Owned),
        Encoding::Base64 => base64_decode(raw).map(Cow::Owned),
    }
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
