//! The header of a message → [`Message`] (RFC 5322, 2047, 3464, 6522).
//!
//! Invariant: every field is bounded; a field that cannot be read is missing, never guessed at.

use crate::extract::charset;
use crate::limits::{HEADER_FIELD_CHARS_MAX, HEADER_FIELDS_MAX};
use crate::record::{Address, Message};
use jiff::Timestamp;
use mail_parser::{DateTime, HeaderName, HeaderValue, MessageParser, MimeHeaders, PartType};
use std::collections::BTreeSet;

/// Addresses kept of one field.
pub(super) const ADDRESSES_MAX: usize = 200;

/// The header of a parsed message. `bytes` is the message as it came.
pub(in crate::extract) fn read(parsed: &mail_parser::Message<'_>, bytes: &[u8]) -> Message {
    let fields = all_fields(bytes);
    let raw = |name: &str| fields.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let headers = parsed.parts.first().map(|part| part.headers.as_slice()).unwrap_or_default();
    let value = |name: HeaderName<'_>| headers.iter().find(|header| header.name == name).map(|h| &h.value);
    let addresses = |name| value(name).map(addresses).unwrap_or_default();
    let content_type = value(HeaderName::ContentType).and_then(HeaderValue::as_content_type);
    Message {
        author: addresses(HeaderName::From).into_iter().find(|author| author.address.is_some()),
        sender: addresses(HeaderName::Sender).into_iter().next(),
        return_path: raw("return-path").map(reverse_path),
        reply_to: addresses(HeaderName::ReplyTo),
        to: addresses(HeaderName::To),
        cc: addresses(HeaderName::Cc),
        subject: raw("subject").map(str::to_owned).filter(|subject| !subject.is_empty()),
        msg_id: raw("message-id").and_then(|text| msg_ids(text).into_iter().next()),
        in_reply_to: raw("in-reply-to").map(msg_ids).unwrap_or_default(),
        references: raw("references").map(msg_ids).unwrap_or_default(),
        header_date: value(HeaderName::Date).and_then(HeaderValue::as_datetime).and_then(timestamp),
        received_date: headers
            .iter()
            .find(|header| header.name == HeaderName::Received)
            .and_then(|header| header.value.as_received())
            .and_then(|received| received.date.as_ref())
            .and_then(timestamp),
        media_type: content_type.map_or_else(|| "text/plain".to_owned(), media_type),
        fields: others(fields),
        delivery_status: delivery_status(parsed),
        returned: super::returned::read(parsed),
        formatted: Some(super::formatted::is_there(parsed)),
    }
}

/// Fields that have a place of their own in [`Message`].
const TAKEN: &[&str] = &[
    "from",
    "sender",
    "return-path",
    "reply-to",
    "to",
    "cc",
    "subject",
    "message-id",
    "in-reply-to",
    "references",
    "date",
];

/// What has no place of its own. A second From or Return-Path stays here: the gate does not answer a doubtful writer.
fn others(fields: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut seen = BTreeSet::new();
    let taken = |name: &str| TAKEN.contains(&name);
    fields.into_iter().filter(|(name, _)| !taken(name) || !seen.insert(name.clone())).collect()
}

/// Every field: name in lower case, value unfolded and decoded, both bounded.
fn all_fields(bytes: &[u8]) -> Vec<(String, String)> {
    let head = &bytes[..header_len(bytes)];
    // Most 8-bit header text is UTF-8; the rest is windows-1252 (RFC 6532 allows the first).
    let head = charset::decode(head, None);
    // Without a field named, the parser would use its own reading of each.
    let parser = MessageParser::new().header_text(HeaderName::Subject).default_header_text();
    let Some(parsed) = parser.parse_headers(head.as_bytes()) else { return Vec::new() };
    let headers = parsed.parts.into_iter().next().map(|part| part.headers).unwrap_or_default();
    headers
        .into_iter()
        .take(HEADER_FIELDS_MAX)
        .map(|header| {
            let name = header.name.as_str().to_ascii_lowercase();
            let value = header.value.as_text().unwrap_or_default();
            (bounded(&name), bounded(value))
        })
        .collect()
}

/// Where the header ends: before the first empty line.
fn header_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(end) = bytes[at..].iter().position(|&byte| byte == b'\n').map(|n| at + n) {
        if matches!(&bytes[at..end], b"" | b"\r") {
            return end + 1;
        }
        at = end + 1;
    }
    bytes.len()
}

/// The message with this body part, which has a header of its own, in the place of its body.
pub(super) fn with_entity(bytes: &[u8], entity: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(bytes.len() + entity.len());
    let mut kept = true;
    for line in bytes[..header_len(bytes)].split_inclusive(|&byte| byte == b'\n') {
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let start = line[..line.len().min(16)].to_ascii_lowercase();
            kept = !start.starts_with(b"content-")
                && !start.starts_with(b"mime-version:")
                && !start.trim_ascii().is_empty();
        }
        if kept {
            whole.extend_from_slice(line);
        }
    }
    whole.extend_from_slice(entity.trim_ascii_start());
    whole
}

/// White space to single blanks, no control characters, cut at the bound.
pub(super) fn bounded(text: &str) -> String {
    let mut kept = String::new();
    let mut chars = 0;
    for c in text.trim().chars().map(|c| if c.is_whitespace() { ' ' } else { c }) {
        if c.is_control() || (c == ' ' && kept.ends_with(' ')) {
            continue;
        }
        if chars == HEADER_FIELD_CHARS_MAX {
            break;
        }
        kept.push(c);
        chars += 1;
    }
    kept
}

fn addresses(value: &HeaderValue<'_>) -> Vec<Address> {
    let Some(list) = value.as_address() else { return Vec::new() };
    list.iter()
        .take(ADDRESSES_MAX)
        .map(|addr| Address {
            name: addr.name().map(bounded).filter(|name| !name.is_empty()),
            address: addr.address().map(bounded).filter(|address| is_addr_spec(address)),
        })
        .filter(|address| address.name.is_some() || address.address.is_some())
        .collect()
}

/// Enough of RFC 5321 to be answered: one `@` with something on both sides, no blanks or brackets.
pub(super) fn is_addr_spec(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "<>,;".contains(c))
}

/// `<a@b>` → `a@b`; `<>` → the empty null path.
fn reverse_path(text: &str) -> String {
    match (text.find('<'), text.rfind('>')) {
        (Some(open), Some(close)) if open < close => text[open + 1..close].trim().to_owned(),
        _ => text.trim().to_owned(),
    }
}

/// Message ids without their brackets. Some machines forget the brackets.
pub(super) fn msg_ids(text: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        let Some(close) = rest[open..].find('>').map(|n| open + n) else { break };
        let id: String = rest[open + 1..close].split_whitespace().collect();
        if !id.is_empty() {
            ids.push(id);
        }
        rest = &rest[close + 1..];
    }
    if ids.is_empty() {
        ids.extend(text.split_whitespace().filter(|word| word.contains('@')).map(str::to_owned));
    }
    ids
}

/// The instant of a date field; `None` when it is no date.
fn timestamp(date: &DateTime) -> Option<Timestamp> {
    // A leap second is a valid date (RFC 5322), which jiff and the parser do not know.
    let date = DateTime { second: date.second.min(59), ..*date };
    if !date.is_valid() {
        return None;
    }
    Timestamp::from_second(date.to_timestamp()).ok()
}

/// The media type with its parameters, in lower case; the boundary says nothing and is left out.
pub(in crate::extract) fn media_type(content_type: &mail_parser::ContentType<'_>) -> String {
    let subtype = content_type.subtype().unwrap_or("plain");
    let mut text = format!("{}/{subtype}", content_type.ctype());
    for attribute in content_type.attributes().unwrap_or_default() {
        if !attribute.name.eq_ignore_ascii_case("boundary") {
            text.push_str("; ");
            text.push_str(&attribute.name);
            text.push('=');
            text.push_str(&attribute.value);
        }
    }
    bounded(&text.to_lowercase())
}

/// The text of a part that is meant for machines.
pub(super) fn text_of(part: &mail_parser::MessagePart<'_>) -> Option<String> {
    match &part.body {
        PartType::Text(text) | PartType::Html(text) => Some(text.to_string()),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => Some(charset::decode(bytes, None)),
        _ => None,
    }
}

/// (Final-Recipient, Action, Status) of each recipient of a `message/delivery-status` part (RFC 3464).
fn delivery_status(parsed: &mail_parser::Message<'_>) -> Vec<(String, String, String)> {
    let mut statuses = Vec::new();
    let is_status = |part: &&mail_parser::MessagePart<'_>| part.is_content_type("message", "delivery-status");
    for part in parsed.parts.iter().filter(is_status) {
        let Some(text) = text_of(part) else { continue };
        for group in text.replace("\r\n", "\n").split("\n\n") {
            let field = |name: &str| {
                group.lines().find_map(|line| {
                    let (field, value) = line.split_once(':')?;
                    field.trim().eq_ignore_ascii_case(name).then(|| bounded(value))
                })
            };
            let Some(recipient) = field("final-recipient").or_else(|| field("original-recipient")) else {
                continue;
            };
            // `rfc822; a@example.nl` → `a@example.nl`
            let recipient =
                recipient.split_once(';').map_or(recipient.as_str(), |(_, address)| address.trim());
            statuses.push((
                recipient.to_owned(),
                field("action").unwrap_or_default().to_lowercase(),
                field("status").unwrap_or_default(),
            ));
            if statuses.len() >= ADDRESSES_MAX {
                return statuses;
            }
        }
    }
    statuses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Message {
        let bytes = text.replace('\n', "\r\n").into_bytes();
        let parsed = MessageParser::default().parse(&bytes).unwrap();
        read(&parsed, &bytes)
    }

    #[test]
    fn every_field_finds_its_place() {
        let message = header(
            "Return-Path: <>\nReceived: from a by b; Mon, 2 Mar 2026 10:00:00 +0100\n\
             Received: from x by y; Mon, 2 Mar 2026 08:00:00 +0100\n\
             From: =?utf-8?q?Zo=C3=AB_de_Vries?= <zoe@example.nl>\nReply-To: zoe@example.org\n\
             To: Ombudsman <klacht@example.nl>, b@example.nl\nSubject: =?iso-8859-1?Q?Klacht_over_co=F6rdinatie?=\n\
             Message-ID: <a@b>\nIn-Reply-To: <c@d>\nReferences: <e@f>\n <c@d>\nDate: Mon, 2 Mar 2026 09:59:60 +0100\n\
             Auto-Submitted: auto-replied\n  (vacation)\nX-Odd: caf\u{e9}\nContent-Type: text/plain; charset=UTF-8\n\nhoi",
        );
        let author = message.author.clone().unwrap();
        assert_eq!(author.name.as_deref(), Some("Zoë de Vries"));
        assert_eq!(author.address.as_deref(), Some("zoe@example.nl"));
        assert_eq!(message.return_path.as_deref(), Some(""));
        assert_eq!(message.to.len(), 2);
        assert_eq!(message.subject.as_deref(), Some("Klacht over coördinatie"));
        assert_eq!(message.msg_id.as_deref(), Some("a@b"));
        assert_eq!(message.in_reply_to, ["c@d"]);
        assert_eq!(message.references, ["e@f", "c@d"]);
        assert_eq!(message.received_date.unwrap().to_string(), "2026-03-02T09:00:00Z");
        assert_eq!(message.header_date.unwrap().to_string(), "2026-03-02T08:59:59Z");
        assert_eq!(message.value("auto-submitted"), Some("auto-replied (vacation)"));
        assert_eq!(message.value("x-odd"), Some("café"));
        assert_eq!(message.media_type, "text/plain; charset=utf-8");
        assert_eq!(message.values("received").count(), 2);
    }

    #[test]
    fn what_is_missing_or_wrong_stays_missing() {
        let message = header("Subject: \nFrom: geen adres\nDate: gisteren\nReturn-Path: a@example.nl\n\n");
        assert_eq!(message.author, None);
        assert_eq!(message.subject, None);
        assert_eq!(message.header_date, None);
        assert_eq!(message.return_path.as_deref(), Some("a@example.nl"));
        assert_eq!(message.media_type, "text/plain");
    }

    #[test]
    fn delivery_status_is_read_for_each_recipient() {
        let message = header(
            "From: MAILER-DAEMON@example.nl\nMIME-Version: 1.0\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
             --b\nContent-Type: text/plain\n\nNiet bezorgd.\n\
             --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.nl\n\n\
             Final-Recipient: rfc822; a@example.nl\nAction: failed\nStatus: 5.1.1\n\n\
             Final-Recipient: rfc822;b@example.nl\nAction: Delayed\nStatus: 4.4.1\n--b--\n",
        );
        assert_eq!(message.media_type, "multipart/report; report-type=delivery-status");
        assert_eq!(
            message.delivery_status,
            [
                ("a@example.nl".to_owned(), "failed".to_owned(), "5.1.1".to_owned()),
                ("b@example.nl".to_owned(), "delayed".to_owned(), "4.4.1".to_owned()),
            ]
        );
    }

    #[test]
    fn bounds_hold() {
        let long = "x".repeat(HEADER_FIELD_CHARS_MAX * 2);
        let message =
            header(&format!("From: a@example.nl\nX-Long: {long}\n{}\nhoi", "X-Many: 1\n".repeat(1000)));
        assert_eq!(message.value("x-long").unwrap().len(), HEADER_FIELD_CHARS_MAX);
        assert!(message.fields.len() <= HEADER_FIELDS_MAX);
    }
}
