//! The words of an answer, for the page of its case. These are bytes of our own making (`acknowledge`), kept
//! in the store; nothing from outside is parsed here.

use super::case_view::AnswerGiven;
use crate::limits::PAGE_TEXT_CHARS_MAX;
use crate::record::AnswerChannel;
use mail_parser::MessageParser;

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
