//! What the desk has made by rules and words: a part of a judgement, the drafts that go with a decision, and messages and
//! letters of the words that a person settled on.
//!
//! Invariant: pure but for the rulebook; nothing is stored or sent here.

use super::Rulebook;
use crate::acknowledge::{
    Addressee, ComposeError, Main, OnPaper, Particulars, RenderError, Situation, Written, compose_written,
    destination, letter_written,
};
use crate::record::{CaseNumber, Channel, Deadline, Extract, Judgement, Referral, Scope, office_date};
use jiff::Timestamp;
use jiff::civil::Date;

/// About which case words are wanted.
#[derive(Clone, Copy, Debug)]
pub struct DraftRequest<'a> {
    pub case: CaseNumber,
    pub refer_to: Option<&'a str>,
    pub channel: Channel,
    pub received: Date,
    pub now: Timestamp,
    pub extract: &'a Extract,
    pub judgement: &'a Judgement,
    pub deadlines: &'a [Deadline],
    /// Of the words that a person settled on: ISO 639-1.
    pub language: &'a str,
}

impl Rulebook {
    /// The judgement as it is when the complaint is about these bodies only, and a person says that it is one.
    pub fn part(&self, judgement: &Judgement, bodies: &[String]) -> Judgement {
        let ours = bodies.iter().filter(|id| self.office.competence.covers(id)).count();
        let scope = match (bodies.len(), ours) {
            (0, _) if judgement.scope == Scope::None => Scope::Unclear,
            (0, _) => judgement.scope,
            (all, ours) if all == ours => Scope::In,
            (_, 0) => Scope::Out,
            _ => Scope::Mixed,
        };
        let about_others = |concludes: &str| {
            concludes
                .strip_prefix("complained_about=")
                .is_some_and(|id| !bodies.iter().any(|body| body == id))
        };
        let mut part = judgement.clone();
        part.automatic = None;
        part.complained_about = bodies.to_vec();
        part.scope = scope;
        part.multiple = judgement.multiple && bodies.len() > 1;
        part.refer_to = part.refer_to.filter(|_| matches!(scope, Scope::Out | Scope::Mixed));
        part.findings.retain(|finding| !about_others(&finding.concludes));
        part.queue = self.ruleset.queues.choose(&part);
        part
    }

    /// The languages in which there is a draft of this name.
    pub fn draft_languages(&self, name: &str) -> Vec<String> {
        self.templates.draft_languages(name)
    }

    /// The draft of this name (`forward`, `refer`, `ask`, `transfer`) in a language that it has: its subject where it tells one, and its words
    /// as they are typed.
    ///
    /// # Errors
    /// When a template fails after all.
    pub fn draft(
        &self,
        name: &str,
        language: &str,
        request: &DraftRequest<'_>,
    ) -> Result<(Option<String>, String), RenderError> {
        let judgement = request.judgement;
        let organisations = judgement
            .complained_about
            .iter()
            .filter(|id| !self.office.competence.covers(id))
            .filter_map(|id| self.ruleset.organisation_name(id))
            .collect();
        let situation = Situation {
            main: Main::OutOfScope,
            added: Vec::new(),
            language: language.to_owned(),
            organisations,
            referral: self.referral_of(request),
            waiting_until: None,
            unreadable: Vec::new(),
        };
        self.templates.draft(name, &situation, &particulars(request), language)
    }

    /// Where it goes: its name, and how it is reached.
    pub fn referral_of(&self, request: &DraftRequest<'_>) -> Option<Referral> {
        let id = request.refer_to?;
        let judged = request.judgement.refer_to.clone().filter(|referral| referral.id == id);
        judged.or_else(|| self.ruleset.referrals.find(id)).or_else(|| {
            let name = self.ruleset.organisation_name(id)?;
            Some(Referral { id: id.to_owned(), name, contact: Vec::new() })
        })
    }

    /// Where a message to the writer goes; `None` for a letter, or where there is no address.
    pub fn writer_address(&self, request: &DraftRequest<'_>) -> Option<String> {
        let message = request.extract.message.as_ref().filter(|_| request.channel == Channel::Email)?;
        destination(message, &self.policy)
            .or_else(|| message.author.as_ref().and_then(|author| author.address.clone()))
    }

    /// The message with these words.
    ///
    /// # Errors
    /// When the address is none.
    pub fn write_message(
        &self,
        request: &DraftRequest<'_>,
        to: &str,
        subject: &str,
        text: &str,
    ) -> Result<Vec<u8>, ComposeError> {
        compose_written(&Written {
            case: request.case,
            office: &self.office,
            identity: self.identity(),
            to,
            subject,
            text,
            language: request.language,
            original: request.extract.message.as_ref(),
            now: request.now,
        })
    }

    /// A letter with these words to these lines.
    ///
    /// # Errors
    /// When the PDF cannot be made.
    pub fn write_letter(
        &self,
        request: &DraftRequest<'_>,
        to: Vec<String>,
        subject: &str,
        text: &str,
    ) -> Result<Vec<u8>, ComposeError> {
        let (place, window) = self.on_paper();
        let addressee = Addressee { lines: to };
        let paper = OnPaper { addressee: &addressee, window, place, date: office_date(request.now) };
        letter_written(&self.office, &particulars(request), &paper, subject, (request.language, text))
    }
}

fn particulars<'a>(request: &DraftRequest<'a>) -> Particulars<'a> {
    Particulars {
        channel: request.channel,
        case: request.case,
        received: request.received,
        deadlines: request.deadlines,
        automatic: false,
    }
}
