//! What a delivery report says of the message that it brings back: its Message-ID, its addresses, its envelope id.
//!
//! RFC 3464 §2.2.1 and §2.3.1 (fields of the report), RFC 6522 (the message or its header in a part of its own), and
//! reports of older mail servers, which have the header in the text of their body. Invariant: only a message that a
//! mail server may have made is looked at, and all that is kept is bounded; what it says is a claim, to be held against
//! what we sent.

use super::header::{bounded, is_addr_spec, msg_ids, text_of};
use crate::record::Returned;
use mail_parser::{MimeHeaders, PartType};

/// Message-IDs, addresses and envelope ids kept, each.
const KEPT_MAX: usize = 20;
/// Characters of a text in which a returned header is looked for: some servers return the whole message.
const TEXT_CHARS_MAX: usize = 200_000;

/// Reads what a report says; nothing for mail that is no report.
pub(super) fn read(parsed: &mail_parser::Message<'_>) -> Returned {
    let mut returned = Returned::default();
    if !may_be_report(parsed) {
        return returned;
    }
    for part in &parsed.parts {
        if let PartType::Message(inner) = &part.body {
            for name in ["message-id", "return-path", "to"] {
                raw(inner, name).for_each(|value| take(&mut returned, name, &value));
            }
        } else if let Some(text) = text_of(part) {
            lines(&text, &mut returned);
        }
    }
    for failed in raw(parsed, "x-failed-recipients") {
        take(&mut returned, "x-failed-recipients", &failed);
    }
    returned
}

/// The fields of this name in a message's own header, as they came.
fn raw<'a>(message: &'a mail_parser::Message<'_>, name: &'a str) -> impl Iterator<Item = String> + 'a {
    let headers = message.parts.first().map(|part| part.headers.as_slice()).unwrap_or_default();
    headers.iter().filter(move |header| header.name.as_str().eq_ignore_ascii_case(name)).filter_map(
        |header| {
            let (start, end) =
                (usize::try_from(header.offset_start).ok()?, usize::try_from(header.offset_end).ok()?);
            Some(String::from_utf8_lossy(message.raw_message.get(start..end)?).into_owned())
        },
    )
}

/// A report says so by its media type; the older ones have no sender, or a mail server as their author.
fn may_be_report(parsed: &mail_parser::Message<'_>) -> bool {
    let from = raw(parsed, "from").next().unwrap_or_default().to_lowercase();
    let no_sender = raw(parsed, "return-path").next().is_some_and(|path| matches!(path.trim(), "<>" | ""));
    parsed.parts.first().is_some_and(|part| part.is_content_type("multipart", "report"))
        || no_sender
        || ["mailer-daemon", "mailerdaemon", "postmaster"].iter().any(|name| from.contains(name))
}

/// Fields in a text, one a line, also behind quotation marks; continued lines are joined.
fn lines(text: &str, returned: &mut Returned) {
    let end = text.char_indices().nth(TEXT_CHARS_MAX).map_or(text.len(), |(at, _)| at);
    let mut field: Option<(String, String)> = None;
    for line in text[..end].lines() {
        let line = line.trim_start_matches(['>', '|']).strip_prefix(' ').unwrap_or(line);
        if line.starts_with([' ', '\t'])
            && let Some((_, value)) = field.as_mut()
        {
            value.push_str(line);
            continue;
        }
        if let Some((name, value)) = field.take() {
            take(returned, &name, &value);
        }
        field = line
            .split_once(':')
            .map(|(name, value)| (name.trim().to_lowercase(), value.to_owned()))
            .filter(|(name, _)| FIELDS.contains(&name.as_str()));
    }
    if let Some((name, value)) = field {
        take(returned, &name, &value);
    }
}

const FIELDS: [&str; 7] = [
    "message-id",
    "return-path",
    "to",
    "x-failed-recipients",
    "original-recipient",
    "original-envelope-id",
    "x-actual-recipient",
];

fn take(returned: &mut Returned, name: &str, value: &str) {
    let add = |list: &mut Vec<String>, text: String| {
        if !text.is_empty() && list.len() < KEPT_MAX && !list.contains(&text) {
            list.push(text);
        }
    };
    let value = bounded(value);
    match name {
        "message-id" => msg_ids(&value).into_iter().for_each(|id| add(&mut returned.msg_ids, id)),
        "original-envelope-id" => add(&mut returned.envelope_ids, value),
        _ => value
            .split(|c: char| c.is_whitespace() || "<>,;\"".contains(c))
            .filter(|word| is_addr_spec(word))
            .for_each(|word| add(&mut returned.addresses, word.to_lowercase())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn returned(text: &str) -> Returned {
        let bytes = text.replace('\n', "\r\n").into_bytes();
        read(&mail_parser::MessageParser::default().parse(&bytes).unwrap())
    }

    const REPORT: &str = "Return-Path: <>\nFrom: mailer-daemon@mx.example.org\nTo: mislukt+x@example.nl\n\
        Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
        --b\nContent-Type: text/plain\n\nIt failed.\n\
        --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\
        Original-Envelope-Id: 2026-000042-6\n\nOriginal-Recipient: rfc822;Noor@Example.org\n\
        Final-Recipient: rfc822; noor@elders.example.org\nAction: failed\nStatus: 5.1.1\n\n";

    #[test]
    fn the_message_within_a_report() {
        let whole = format!(
            "{REPORT}--b\nContent-Type: message/rfc822\n\nReturn-Path: <mislukt+x@example.nl>\n\
             Message-ID: <2026-000042-6.ontvangst.den-haag@example.nl>\nTo: noor@example.org\n\nhoi\n--b--\n"
        );
        let found = returned(&whole);
        assert_eq!(found.msg_ids, ["2026-000042-6.ontvangst.den-haag@example.nl"]);
        assert_eq!(found.envelope_ids, ["2026-000042-6"]);
        assert_eq!(found.addresses, ["noor@example.org", "mislukt+x@example.nl"]);
        let header = whole.replace("message/rfc822", "text/rfc822-headers");
        assert_eq!(returned(&header), found);
    }

    #[test]
    fn a_report_in_plain_text() {
        let found = returned(
            "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.org\nX-Failed-Recipients: noor@example.org\n\
             Subject: failure notice\n\nHi. This is the mail program. Sorry.\n\n--- Below is a copy.\n\n\
             > Message-ID:\n>  <42@example.nl>\nReturn-Path: <mislukt+x@example.nl>\n",
        );
        assert_eq!(found.msg_ids, ["42@example.nl"]);
        assert_eq!(found.addresses, ["mislukt+x@example.nl", "noor@example.org"]);
    }

    #[test]
    fn other_mail_returns_nothing() {
        let found = returned(
            "Return-Path: <noor@example.org>\nFrom: noor@example.org\n\nIk kreeg dit:\nMessage-ID: <42@example.nl>\n",
        );
        assert!(found.is_empty());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let many: String = (0..500).map(|n| format!("Message-ID: <{n}@example.nl>\n")).collect();
        let found = returned(&format!("Return-Path: <>\nFrom: x@example.org\n\n{many}"));
        assert_eq!(found.msg_ids.len(), KEPT_MAX);
    }
}
