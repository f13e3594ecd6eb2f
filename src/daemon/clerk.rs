//! The desk has drafts, letters and parts of a judgement made by the rules and words in force.

use crate::explain::with_causes;
use crate::intake::{DraftRequest, Rulebook};
use crate::record::{Deadline, Judgement, Verdict};
use crate::review::{Clerk, Draft, DraftWish, Words};
use jiff::civil::Date;
use std::sync::Arc;

const DUTCH: &str = "nl";

/// Where an office's own draft begins with no heading.
const NO_SUBJECT: &str = "Uw klacht";

/// A clerk who works by the rules that this gives him: those of now, also after a reload.
pub struct DeskClerk<F>(pub F);

impl<F: Fn() -> Arc<Rulebook> + Send + Sync> Clerk for DeskClerk<F> {
    fn part(&self, judgement: &Judgement, bodies: &[String]) -> Judgement {
        (self.0)().part(judgement, bodies)
    }

    fn deadlines(&self, judgement: &Judgement, received: Date) -> Vec<Deadline> {
        (self.0)().deadlines(received, judgement)
    }

    fn draft(&self, wish: &DraftWish<'_>) -> Result<Draft, String> {
        let rulebook = (self.0)();
        let request = request(wish);
        let words = |name: &str, language: &str| {
            let made = rulebook.draft(name, language, &request).map_err(|error| with_causes(&error))?;
            let subject = made.0.unwrap_or_else(|| NO_SUBJECT.to_owned());
            Ok::<_, String>(Words { subject, text: made.1 })
        };
        let name = match wish.verdict {
            Verdict::Refer if wish.forward => Some("forward"),
            Verdict::Refer => Some("refer"),
            Verdict::AskForMore => Some("ask"),
            _ => None,
        };
        let languages = name.map(|name| rulebook.draft_languages(name)).unwrap_or_default();
        let chosen = [wish.language, &wish.judgement.language];
        let chosen = chosen.into_iter().find(|wanted| languages.iter().any(|known| known == wanted));
        let language = chosen.unwrap_or(DUTCH);
        let message = name.map(|name| words(name, language)).transpose()?.unwrap_or_default();
        let dutch = name.filter(|_| language != DUTCH).map(|name| words(name, DUTCH)).transpose()?;
        let forwards = wish.verdict == Verdict::Refer && wish.forward;
        let referral = rulebook.referral_of(&request).filter(|_| forwards);
        Ok(Draft {
            message,
            language: language.to_owned(),
            languages,
            dutch,
            to: rulebook.writer_address(&request),
            transfer: forwards.then(|| words("transfer", DUTCH)).transpose()?,
            transfer_to: referral
                .map(|referral| addressed(&referral.name, &referral.contact))
                .unwrap_or_default(),
        })
    }

    fn letter(&self, wish: &DraftWish<'_>, to: &[String], words: &Words) -> Result<Vec<u8>, String> {
        let made = (self.0)().write_letter(&request(wish), to.to_vec(), &words.subject, &words.text);
        made.map_err(|error| with_causes(&error))
    }

    fn message(&self, wish: &DraftWish<'_>, words: &Words) -> Result<Vec<u8>, String> {
        let rulebook = (self.0)();
        let request = request(wish);
        let unusable = "Er is geen adres waar dit bericht heen kan. Bel of schrijf de inwoner.";
        let to = rulebook.writer_address(&request).ok_or(unusable)?;
        rulebook.write_message(&request, &to, &words.subject, &words.text).map_err(|_| unusable.to_owned())
    }
}

fn request<'a>(wish: &DraftWish<'a>) -> DraftRequest<'a> {
    DraftRequest {
        case: wish.case,
        refer_to: wish.refer_to,
        channel: wish.channel,
        received: wish.received,
        now: wish.now,
        extract: wish.extract,
        judgement: wish.judgement,
        deadlines: wish.deadlines,
        language: wish.language,
    }
}

/// The name, with the lines of its contact that a letter can go to: those with a postcode.
fn addressed(name: &str, contact: &[String]) -> Vec<String> {
    let bare = name.strip_prefix("de ").or_else(|| name.strip_prefix("het ")).unwrap_or(name);
    let has_postcode = |line: &&String| {
        let bytes = line.as_bytes();
        bytes.windows(4).enumerate().any(|(at, four)| {
            four.iter().all(u8::is_ascii_digit)
                && bytes[at + 4..].iter().filter(|byte| **byte != b' ').take(2).all(u8::is_ascii_uppercase)
                && bytes.len() > at + 5
        })
    };
    let post = contact.iter().find(has_postcode);
    let lines = post.into_iter().flat_map(|line| line.split(", ")).map(str::to_owned);
    std::iter::once(bare.to_owned()).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_goes_to_the_lines_with_a_postcode() {
        let contact = ["telefoon 020-625 9999".to_owned(), "Postbus 2119, 1000 CC Amsterdam".to_owned()];
        assert_eq!(
            addressed("de Ombudsman Metropool Amsterdam", &contact),
            ["Ombudsman Metropool Amsterdam", "Postbus 2119", "1000 CC Amsterdam"]
        );
        assert_eq!(addressed("het Kifid", &["telefoon 070 752 8200".to_owned()]), ["Kifid"]);
    }
}
