//! Machines' messages about our answers: to which case they belong, and what they mean for it (RFC 3464, 3834, 6522).
//!
//! Invariants: a report can be forged (RFC 3464 §4.1), so an answer counts as not arrived only by the token in the
//! address that the report came to, which nobody else can make, or by the Message-ID of that answer together with the
//! address that it went to; what proves less is laid with the case and changes nothing, and what names no case of ours
//! at all is set aside. Nothing here is ever answered.

use super::related::Clues;
use crate::record::{
    Automatic, AutomaticClass, CaseNumber, ComeBack, EnvelopeKey, Extract, Message, ReturnPath,
};
use crate::store::{Store, StoreError};

/// Characters of a report in plain text that are looked at.
const TEXT_CHARS_MAX: usize = 20_000;
/// Addresses and Message-IDs that are looked up for one piece.
const LOOKED_UP_MAX: usize = 100;

/// The case that it is laid with, what it means, and one or two Dutch sentences for staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Laid {
    pub case: CaseNumber,
    pub what: ComeBack,
    pub why: String,
}

/// Is this a message that is looked at here: made by a machine, or without a return path, as bounces are?
pub(super) fn may_be(extract: &Extract, automatic: Option<&Automatic>) -> bool {
    automatic.is_some()
        || extract.message.as_ref().is_some_and(|message| message.return_path.as_deref() == Some(""))
}

/// Looks for the case, the surest sign first. `None`: it belongs to no case of ours.
pub(super) fn find(
    store: &Store,
    return_path: Option<&ReturnPath>,
    extract: &Extract,
    automatic: Option<&Automatic>,
    clues: &Clues,
) -> Result<Option<Laid>, StoreError> {
    let Some(message) = &extract.message else { return Ok(None) };
    let text: String = extract
        .documents
        .first()
        .map_or("", |document| &document.text)
        .chars()
        .take(TEXT_CHARS_MAX)
        .collect();
    let text = text.to_lowercase();
    let said = said(message, automatic, &text);
    if let Some(path) = return_path {
        let key = store.envelope_key()?;
        if let Some(case) = by_token(path, &key, message)
            && store.case(case)?.is_some()
        {
            return Ok(Some(said.laid(case, "Herkend aan het retouradres, dat alleen wij kunnen maken.")));
        }
    }
    let own = message.msg_id.iter();
    let ids = message.returned.msg_ids.iter().chain(clues.refers_to()).chain(own);
    for msg_id in ids.take(LOOKED_UP_MAX) {
        let Some(case) = store.case_of_msg_id(msg_id)? else { continue };
        return Ok(Some(match (said.what, is_proven(store, case, msg_id, message, &text)?) {
            (ComeBack::Undelivered, false) => Laid {
                case,
                what: ComeBack::Notice,
                why: "Het bericht zegt dat ons antwoord niet is aangekomen, maar het noemt niet het adres waar wij naar \
                      schreven. Het kan vervalst zijn: kijk zelf."
                    .to_owned(),
            },
            _ => said.laid(case, "Herkend aan het nummer van ons bericht (Message-ID)."),
        }));
    }
    // A number that anyone may write proves nothing; an out-of-office reply needs no proof, it changes nothing.
    if said.what == ComeBack::Reply {
        for case in clues.case_numbers() {
            if store.case(*case)?.is_some() {
                return Ok(Some(said.laid(*case, &format!("Het noemt kenmerk {case}."))));
            }
        }
    }
    Ok(None)
}

/// What a message says, with the sentence for staff.
struct Said {
    what: ComeBack,
    sentence: String,
}

impl Said {
    fn laid(&self, case: CaseNumber, by: &str) -> Laid {
        Laid { case, what: self.what, why: format!("{} {by}", self.sentence) }
    }
}

/// The report's own fields first (RFC 3464 §2.3.3: `failed` is final, whatever the status); then what a report in plain
/// text says.
fn said(message: &Message, automatic: Option<&Automatic>, text: &str) -> Said {
    let undelivered = |code: Option<&str>| Said {
        what: ComeBack::Undelivered,
        sentence: match code {
            Some(code) => format!("De mailserver meldt dat ons antwoord niet is aangekomen (code {code})."),
            None => "De mailserver meldt dat ons antwoord niet is aangekomen.".to_owned(),
        },
    };
    let delayed = || Said {
        what: ComeBack::Delayed,
        sentence: "Ons antwoord is nog niet aangekomen; de mailserver probeert het verder.".to_owned(),
    };
    let notice = || Said {
        what: ComeBack::Notice,
        sentence: "Een bericht van een machine over ons antwoord.".to_owned(),
    };
    let reply = || Said {
        what: ComeBack::Reply,
        sentence: "Een automatisch antwoord, bijvoorbeeld bij afwezigheid.".to_owned(),
    };
    if !message.delivery_status.is_empty() {
        let is = |wanted: &str| message.delivery_status.iter().find(|(_, action, _)| action == wanted);
        let status = |wanted: &str| {
            let (_, _, status) =
                message.delivery_status.iter().find(|(_, _, status)| status.starts_with(wanted))?;
            Some(status)
        };
        let odd = !["failed", "delayed", "delivered", "relayed", "expanded"]
            .iter()
            .any(|action| is(action).is_some());
        return match (is("failed"), status("5.")) {
            (Some((_, _, status)), _) => undelivered(code_of(status)),
            (None, Some(status)) if odd => undelivered(code_of(status)),
            _ if is("delayed").is_some() || odd && status("4.").is_some() => delayed(),
            _ => notice(),
        };
    }
    if message.media_type.contains("disposition-notification") {
        return notice();
    }
    let codes: Vec<&str> =
        text.split(|c: char| !(c.is_ascii_digit() || c == '.')).filter_map(code_of).collect();
    let permanent = codes.iter().find(|code| code.starts_with('5')).copied();
    let from = message.author.as_ref().and_then(|author| author.address.as_deref()).unwrap_or_default();
    let from = from.to_lowercase();
    let of_a_server =
        ["mailer-daemon@", "mailerdaemon@", "postmaster@"].iter().any(|name| from.starts_with(name))
            || message.value("x-failed-recipients").is_some()
            || !message.returned.msg_ids.is_empty()
            || permanent.is_some();
    let class = automatic.map(|automatic| automatic.class);
    let no_sender = message.return_path.as_deref().is_none_or(str::is_empty);
    if of_a_server && (no_sender || class == Some(AutomaticClass::Bounce)) {
        let waits = DELAY_WORDS.iter().any(|words| text.contains(words));
        return match permanent {
            Some(code) if !waits => undelivered(Some(code)),
            _ if waits || permanent.is_none() && codes.iter().any(|code| code.starts_with('4')) => delayed(),
            code => undelivered(code),
        };
    }
    match class {
        Some(AutomaticClass::AutoReply | AutomaticClass::Bounce) | None => reply(),
        Some(_) => notice(),
    }
}

/// How reports in plain text say that the server goes on trying.
const DELAY_WORDS: [&str; 9] = [
    "delayed",
    "still trying",
    "keep trying",
    "continue to try",
    "will be retried",
    "could not send message for past",
    "has not yet been delivered",
    "vertraagd",
    "nog niet afgeleverd",
];

/// `5.1.1` (RFC 3463), or a reply code of SMTP (`550`).
fn code_of(word: &str) -> Option<&str> {
    let word = word.split_whitespace().next()?.trim_matches('.');
    let digits = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = word.split('.').collect();
    let enhanced = parts.len() == 3 && matches!(parts[0], "4" | "5") && parts.iter().all(|part| digits(part));
    let plain = parts.len() == 1
        && word.len() == 3
        && digits(word)
        && matches!(word.get(..2), Some("42" | "45" | "55" | "50" | "52" | "53"));
    (enhanced || plain).then_some(word)
}

/// The case whose token stands in an address that the message came to, or that it says ours was sent from.
fn by_token(path: &ReturnPath, key: &EnvelopeKey, message: &Message) -> Option<CaseNumber> {
    const ENVELOPE: [&str; 6] =
        ["delivered-to", "x-original-to", "x-delivered-to", "envelope-to", "x-envelope-to", "apparently-to"];
    let header = ENVELOPE.iter().flat_map(|name| message.values(name));
    let received = message.values("received").filter_map(|value| value.split(" for ").nth(1));
    let named = message.to.iter().chain(&message.cc).filter_map(|address| address.address.as_deref());
    let returned = message.returned.addresses.iter().map(String::as_str);
    header
        .chain(received)
        .chain(named)
        .chain(returned)
        .take(LOOKED_UP_MAX)
        .flat_map(|text| text.split(|c: char| c.is_whitespace() || "<>,;\"()".contains(c)))
        .filter(|word| word.contains('@'))
        .find_map(|word| path.case_of(key, word))
}

/// Is this the Message-ID of the answer that the case has now, and does the report name the address that it went to?
fn is_proven(
    store: &Store,
    case: CaseNumber,
    msg_id: &str,
    message: &Message,
    text: &str,
) -> Result<bool, StoreError> {
    let Some(answer) = store.case(case)?.and_then(|row| row.answer) else { return Ok(false) };
    let Some((ours, to)) = store.answer_address(answer.record)? else { return Ok(false) };
    let to = to.trim().to_lowercase();
    let named = message.delivery_status.iter().any(|(recipient, ..)| recipient.to_lowercase().contains(&to))
        || message.returned.addresses.iter().any(|address| address.to_lowercase() == to)
        || text.contains(&to);
    Ok(ours == msg_id && !to.is_empty() && named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Address, Returned};

    fn report(statuses: &[(&str, &str)]) -> Message {
        Message {
            return_path: Some(String::new()),
            delivery_status: statuses
                .iter()
                .map(|(action, status)| ("noor@example.org".into(), (*action).into(), (*status).into()))
                .collect(),
            ..Message::default()
        }
    }

    fn what(message: &Message, text: &str) -> ComeBack {
        let bounce = Automatic { class: AutomaticClass::Bounce, reason: String::new() };
        said(message, Some(&bounce), &text.to_lowercase()).what
    }

    #[test]
    fn what_a_report_says() {
        for (statuses, expected) in [
            (vec![("failed", "5.1.1")], ComeBack::Undelivered),
            // Given up after days of trying: final all the same (RFC 3464 §2.3.3).
            (vec![("failed", "4.4.7")], ComeBack::Undelivered),
            (vec![("delayed", "4.4.1")], ComeBack::Delayed),
            (vec![("delayed", "5.0.0")], ComeBack::Delayed),
            (vec![("delivered", "2.0.0")], ComeBack::Notice),
            (vec![("relayed", "2.0.0"), ("failed", "5.2.2")], ComeBack::Undelivered),
            (vec![("", "5.2.2")], ComeBack::Undelivered),
            (vec![("", "4.2.2")], ComeBack::Delayed),
            (vec![("", "")], ComeBack::Notice),
        ] {
            assert_eq!(what(&report(&statuses), ""), expected, "{statuses:?}");
        }
    }

    #[test]
    fn what_an_old_report_says() {
        let server = Message {
            return_path: Some(String::new()),
            author: Some(Address { name: None, address: Some("MAILER-DAEMON@mx.example.org".into()) }),
            ..Message::default()
        };
        let person = Message { return_path: Some(String::new()), ..Message::default() };
        for (message, text, expected) in [
            (&server, "Sorry, no mailbox here by that name. (#5.1.1)", ComeBack::Undelivered),
            (&server, "550 unrouteable address", ComeBack::Undelivered),
            (&server, "I'm afraid I wasn't able to deliver your message.", ComeBack::Undelivered),
            (
                &server,
                "Warning: message delayed 24 hours. 451 4.4.1 no route; will be retried.",
                ComeBack::Delayed,
            ),
            (&server, "Warning: could not send message for past 4 hours", ComeBack::Delayed),
            (&server, "4.4.1 no route to 10.5.1.1", ComeBack::Delayed),
            (&person, "De bezorging is mislukt: 550 5.1.1 onbekend", ComeBack::Undelivered),
            // RFC 5230: an out-of-office reply may have no return path either.
            (&person, "Ik ben tot 12 maart afwezig.", ComeBack::Reply),
        ] {
            assert_eq!(what(message, text), expected, "{text}");
        }
        let copy = Message {
            returned: Returned { msg_ids: vec!["x@example.nl".into()], ..Returned::default() },
            ..person
        };
        assert_eq!(what(&copy, "Het bericht komt terug."), ComeBack::Undelivered);
    }

    #[test]
    fn codes_in_words() {
        for word in ["5.1.1", "4.4.7.", "550", "451"] {
            assert!(code_of(word).is_some(), "{word}");
        }
        for word in ["10.5.1.1", "5.1", "2.0.0", "5500", "250", "500.1", "", "12"] {
            assert!(code_of(word).is_none(), "{word}");
        }
    }

    #[test]
    fn the_address_that_a_report_came_to() {
        let path = ReturnPath::new("mislukt@example.nl", Some('+')).unwrap();
        let key = EnvelopeKey::new([7; EnvelopeKey::OCTETS]);
        let case = CaseNumber::new(2026, 42);
        let address = path.for_case(&key, case);
        let field = |name: &str, value: String| Message {
            fields: vec![(name.to_owned(), value)],
            ..Message::default()
        };
        for message in [
            field("delivered-to", address.clone()),
            field("x-original-to", format!("<{}>", address.to_uppercase())),
            field("received", format!("from mx by mail with ESMTP id 1 for <{address}>; Mon, 2 Mar 2026")),
            Message {
                to: vec![Address { name: None, address: Some(address.clone()) }],
                ..Message::default()
            },
            Message {
                returned: Returned { addresses: vec![address.clone()], ..Returned::default() },
                ..Message::default()
            },
        ] {
            assert_eq!(by_token(&path, &key, &message), Some(case), "{message:?}");
        }
        let other = EnvelopeKey::new([8; EnvelopeKey::OCTETS]);
        assert_eq!(by_token(&path, &other, &field("delivered-to", address)), None);
    }
}
