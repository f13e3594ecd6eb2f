//! The answer of a case as its page shows it: its words, and what became of it.
//!
//! The bytes are of our own making (`acknowledge`), kept in the store; nothing from outside is parsed here.

use super::dates;
use super::marking::one_line;
use super::words;
use crate::limits::PAGE_TEXT_CHARS_MAX;
use crate::record::{AnswerChannel, AnswerState, CaseRow};
use mail_parser::MessageParser;
use serde::Serialize;

/// The answer as it went or will go out.
#[derive(Clone, Debug, Default)]
pub struct AnswerGiven {
    pub subject: Option<String>,
    pub to: Option<String>,
    /// `None` for a letter: that is a PDF.
    pub text: Option<String>,
}

#[derive(Serialize)]
pub struct AnswerView {
    /// `none`, `waiting`, `held`, `sent`, `failed`, `withheld`.
    pub state: &'static str,
    pub headline: String,
    pub detail: String,
    pub channel: Option<&'static str>,
    pub subject: Option<String>,
    pub to: Option<String>,
    pub text: Option<String>,
    /// Address of the answer as a file.
    pub file: Option<String>,
    pub letter: bool,
    /// It waits for a person: to let it go out or to withhold it.
    pub may_release: bool,
    /// Its address is to be checked first, here.
    pub check_url: Option<String>,
}

/// What stands in an answer. A letter is a PDF, which the page links to.
pub fn read(channel: AnswerChannel, bytes: &[u8]) -> AnswerGiven {
    if channel == AnswerChannel::Letter {
        return AnswerGiven::default();
    }
    let Some(message) = MessageParser::default().parse(bytes) else {
        return AnswerGiven {
            text: Some("(Dit bericht is niet te lezen.)".to_owned()),
            ..AnswerGiven::default()
        };
    };
    AnswerGiven {
        subject: message.subject().map(str::to_owned),
        to: message.to().and_then(|to| to.first()).and_then(|to| to.address()).map(str::to_owned),
        text: message
            .body_text(0)
            .map(|text| text.replace("\r\n", "\n").chars().take(PAGE_TEXT_CHARS_MAX).collect()),
    }
}

/// The answer of a case and what became of it; `may_release` says when it waits for a person.
pub fn answer_view(row: &CaseRow, given: Option<&AnswerGiven>) -> AnswerView {
    let text = given.cloned().unwrap_or_default();
    let mut view = AnswerView {
        state: "none",
        headline: "Geen antwoord".to_owned(),
        detail: "Voor deze zaak is geen antwoord gemaakt.".to_owned(),
        channel: None,
        subject: text.subject.as_deref().map(one_line),
        to: text.to.as_deref().map(one_line),
        text: text.text,
        file: given.map(|_| format!("/cases/{}/answer", row.number)),
        letter: false,
        may_release: false,
        check_url: None,
    };
    let Some(entry) = &row.answer else { return view };
    view.channel = Some(words::answer_channel(entry.channel));
    view.letter = entry.channel == crate::record::AnswerChannel::Letter;
    let (state, headline, detail) = match &entry.state {
        AnswerState::Waiting { attempts: 0, next, .. } => {
            ("waiting", "Wordt verstuurd", format!("Gaat uit vanaf {}.", dates::moment(*next)))
        }
        AnswerState::Waiting { attempts, next, last_reply } => (
            "waiting",
            "Nog niet verstuurd",
            format!(
                "{attempts} keer geprobeerd. Volgende poging: {}.{}",
                dates::moment(*next),
                last_reply.as_ref().map(|reply| format!(" De mailserver zei: {reply}")).unwrap_or_default()
            ),
        ),
        AnswerState::Held { reason } => ("held", "Wacht op u", reason.clone()),
        AnswerState::Sent { at, .. } if view.letter => {
            let laid = dates::moment(*at);
            match &entry.printed {
                Some(printed) if !printed.again => {
                    ("sent", "Geprint", format!("Op {} door {}.", dates::moment(printed.at), printed.by))
                }
                _ => ("sent", "Klaar om te printen", format!("Klaargelegd op {laid}.")),
            }
        }
        AnswerState::Sent { at, .. } => ("sent", "Verstuurd", format!("Op {}.", dates::moment(*at))),
        AnswerState::Failed { at, reply, came_back: Some(piece) } => (
            "failed",
            "Niet aangekomen",
            format!("Verstuurd, en teruggekomen op {} (stuk {piece}). {reply}", dates::moment(*at)),
        ),
        AnswerState::Failed { at, reply, came_back: None } => {
            ("failed", "Mislukt", format!("Opgegeven op {}. De mailserver zei: {reply}", dates::moment(*at)))
        }
        AnswerState::Withheld { reason } => ("withheld", "Niet verstuurd", reason.clone()),
    };
    view.may_release = matches!(entry.state, AnswerState::Held { .. } | AnswerState::Failed { .. });
    view.check_url = entry.asks_for_address().then(|| format!("/cases/{}/address", row.number));
    view.state = state;
    view.headline = headline.to_owned();
    view.detail = detail;
    view
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_message_are_read_as_the_citizen_reads_them() {
        let bytes = b"To: noor@example.nl\r\nSubject: =?utf-8?q?Uw_klacht_=E2=80=93_2026-000001-1?=\r\n\
            Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            Beste mevrouw,\r\nWij hebben uw klacht op =E2=82=AC gezet.\r\n";
        let answer = read(AnswerChannel::Email, bytes);
        assert_eq!(answer.subject.as_deref(), Some("Uw klacht – 2026-000001-1"));
        assert_eq!(answer.to.as_deref(), Some("noor@example.nl"));
        assert!(answer.text.unwrap().contains("klacht op € gezet.\n"));
        assert!(read(AnswerChannel::Letter, b"%PDF").text.is_none());
    }
}
