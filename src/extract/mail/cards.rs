//! Invitations and contacts (iCalendar, RFC 5545; vCard, RFC 6350): the lines that a person would read.
//!
//! Invariant: what a calendar program tells itself (time zones, identifiers, alarms) stays out; one pass.

use crate::extract::charset;
use crate::extract::reading::{Content, tidy};
use crate::record::{Method, Problem};

/// Properties that say something to a person, and how they are called in Dutch.
const SAID: &[(&str, &str)] = &[
    ("SUMMARY", "Onderwerp"),
    ("DTSTART", "Begin"),
    ("DTEND", "Einde"),
    ("LOCATION", "Plaats"),
    ("ORGANIZER", "Uitgenodigd door"),
    ("ATTENDEE", "Deelnemer"),
    ("DESCRIPTION", "Omschrijving"),
    ("COMMENT", "Opmerking"),
    ("FN", "Naam"),
    ("ORG", "Organisatie"),
    ("TITLE", "Functie"),
    ("TEL", "Telefoon"),
    ("EMAIL", "E-mail"),
    ("ADR", "Adres"),
    ("URL", "Website"),
    ("NOTE", "Opmerking"),
];

/// Components that are the program's own.
const UNSAID: &[&str] = &["VTIMEZONE", "VALARM"];

/// The text of a calendar or of contacts.
pub(in crate::extract) fn read(bytes: &[u8]) -> Content {
    let mut content = Content::of(Method::Text, tidy(&readable(&charset::decode(bytes, None))));
    if content.text.is_empty() {
        content.problem = Some(Problem::Empty);
    }
    content
}

/// The lines that a person would read, of text in either form.
pub(super) fn readable(text: &str) -> String {
    let mut readable = String::new();
    let mut within = 0_usize;
    for line in unfolded(text) {
        let Some((head, value)) = head_and_value(&line) else { continue };
        let mut words = head.split(';');
        // `item1.EMAIL` belongs to the group item1.
        let name =
            words.next().unwrap_or_default().rsplit('.').next().unwrap_or_default().to_ascii_uppercase();
        match name.as_str() {
            "BEGIN" if within > 0 || UNSAID.contains(&value.trim()) => within += 1,
            "BEGIN" => readable.push('\n'),
            "END" => within = within.saturating_sub(1),
            _ => {}
        }
        if within > 0 {
            continue;
        }
        let Some((_, dutch)) = SAID.iter().find(|(said, _)| *said == name) else { continue };
        let common_name = words
            .filter_map(|word| word.split_once('='))
            .find(|(key, _)| key.eq_ignore_ascii_case("CN"))
            .map(|(_, name)| name.trim_matches('"').to_owned());
        let value = match name.as_str() {
            "DTSTART" | "DTEND" => moment(value),
            "ORGANIZER" | "ATTENDEE" => {
                let address = value.split_once(':').map_or(value, |(_, address)| address);
                common_name.map_or_else(|| address.to_owned(), |name| format!("{name} <{address}>"))
            }
            "ADR" | "ORG" => {
                unescaped(value).split(';').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
            }
            _ => unescaped(value),
        };
        if !value.trim().is_empty() {
            readable.push_str(&format!("{dutch}: {value}\n"));
        }
    }
    readable
}

/// Lines that begin with a blank go on with the one before (RFC 5545 section 3.1).
fn unfolded(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some(last)) => last.push_str(more),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

/// Splits at the first colon outside quotes.
fn head_and_value(line: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let at = line.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == ':' && !quoted
    })?;
    Some((&line[..at.0], &line[at.0 + 1..]))
}

fn unescaped(value: &str) -> String {
    value
        .replace("\\n", "\n")
        .replace("\\N", "\n")
        .replace("\\,", ",")
        .replace("\\;", ";")
        .replace("\\\\", "\\")
}

/// `20260302T090000Z` → `2026-03-02 09:00 UTC`; what is otherwise stays as it is.
fn moment(value: &str) -> String {
    let digits =
        |from: usize, to: usize| value.get(from..to).filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
    let (Some(year), Some(month), Some(day)) = (digits(0, 4), digits(4, 6), digits(6, 8)) else {
        return value.to_owned();
    };
    let zone = if value.ends_with('Z') { " UTC" } else { "" };
    match (digits(9, 11), digits(11, 13)) {
        (Some(hour), Some(minute)) => format!("{year}-{month}-{day} {hour}:{minute}{zone}"),
        _ => format!("{year}-{month}-{day}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation() {
        let text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:x\r\nBEGIN:STANDARD\r\nDTSTART:16010101T000000\r\nEND:STANDARD\r\n\
            END:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Gesprek over uw\r\n  klacht\r\nDTSTART;TZID=x:20260302T090000\r\n\
            ORGANIZER;CN=\"De Vries: Jan\":mailto:jan@example.nl\r\nDESCRIPTION:Neem\\, graag\\nuw brief mee.\r\n\
            BEGIN:VALARM\r\nDESCRIPTION:Reminder\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        assert_eq!(
            read(text.as_bytes()).text,
            "Onderwerp: Gesprek over uw klacht\nBegin: 2026-03-02 09:00\n\
             Uitgenodigd door: De Vries: Jan <jan@example.nl>\nOmschrijving: Neem, graag\nuw brief mee."
        );
    }

    #[test]
    fn a_contact() {
        let text = "BEGIN:VCARD\nVERSION:4.0\nFN:Zoë de Vries\nitem1.EMAIL;TYPE=work:zoe@example.nl\n\
            ADR;TYPE=home:;;Dorpsstraat 1;Voorbeeldstad;;1234 AB;\nPHOTO:data:image/png;base64,AAAA\nEND:VCARD\n";
        assert_eq!(
            read(text.as_bytes()).text,
            "Naam: Zoë de Vries\nE-mail: zoe@example.nl\nAdres: Dorpsstraat 1, Voorbeeldstad, 1234 AB"
        );
        assert_eq!(read(b"BEGIN:VCARD\nEND:VCARD").problem, Some(Problem::Empty));
    }
}
