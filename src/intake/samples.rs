//! What an office answers in each situation, made as for a real piece and never sent: for people to read before the
//! words go to citizens. The piece is made up; office, terms, names and words are the real ones.

use super::rulebook::{AnswerRequest, Rulebook};
use crate::acknowledge::{Added, Main, Particulars, Sample, situation};
use crate::explain::with_causes;
use crate::record::{
    Address, Answer, CaseNumber, Channel, Document, Extract, Finding, FirstComplained, Judgement, Kind,
    Message, Office, OlderThanYear, OnBehalf, Problem, Referral, Scope, Writer, office_date,
};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

/// How long ago the made-up writer complained at the body itself.
const DAYS_SINCE_COMPLAINT: i64 = 8;

/// One answer to look at.
#[derive(Clone, Debug)]
pub struct Sampled {
    /// Of a message.
    pub subject: Option<String>,
    /// The words, as text/plain.
    pub text: String,
    /// The same as HTML, of a message.
    pub html: Option<String>,
    /// The message (RFC 5322) or the letter (PDF).
    pub bytes: Vec<u8>,
}

impl Rulebook {
    /// All that this office can answer.
    pub fn samples(&self) -> Vec<Sample> {
        Sample::of(&self.office)
    }

    /// Makes one answer as of `now`, for a writer of this language.
    ///
    /// # Errors
    /// Why there is none, for whoever asked.
    pub fn sample(
        &self,
        sample: Sample,
        channel: Channel,
        language: &str,
        now: Timestamp,
    ) -> Result<Sampled, String> {
        let received = office_date(now);
        let extract = extract(sample, channel);
        let judgement = self.made_up(sample, channel, language, received);
        let deadlines = self.deadlines(received, &judgement);
        // Serial 0 is never given to a case.
        let case = CaseNumber::new(u16::try_from(received.year()).unwrap_or_default(), 0);
        let prepared = self.answer(&AnswerRequest {
            case,
            received,
            now,
            channel,
            extract: &extract,
            judgement: &judgement,
            deadlines: &deadlines,
            acknowledge: true,
            joins: None,
            line: sample == Sample::Main(Main::FollowUp),
            history: Default::default(),
        });
        let Some(bytes) = prepared.bytes else {
            return Err(match prepared.answer {
                Answer::Send { reason, .. } | Answer::Hold { reason, .. } | Answer::Withhold { reason } => {
                    reason
                }
            });
        };
        match channel {
            Channel::Email => {
                let message = mail_parser::MessageParser::default().parse(&bytes);
                let message = message.ok_or("what was made is no message")?;
                let part = |body: Option<std::borrow::Cow<'_, str>>| {
                    body.map(|body| body.replace("\r\n", "\n")).unwrap_or_default()
                };
                Ok(Sampled {
                    subject: message.subject().map(str::to_owned),
                    text: part(message.body_text(0)),
                    html: Some(part(message.body_html(0))),
                    bytes,
                })
            }
            Channel::Letter => {
                let chosen = situation(&judgement, &extract, &self.office, &self.calendar, &|id| {
                    self.ruleset.organisation_name(id)
                });
                let chosen = if sample == Sample::Main(Main::FollowUp) { chosen.follow_up() } else { chosen };
                let automatic = matches!(prepared.answer, Answer::Send { .. });
                let about = Particulars { channel, case, received, deadlines: &deadlines, automatic };
                let text = self.templates.words(&chosen, &about).map_err(|error| with_causes(&error))?;
                Ok(Sampled { subject: None, text, html: None, bytes })
            }
        }
    }

    /// A judgement that leads to the words.
    fn made_up(&self, sample: Sample, channel: Channel, language: &str, received: Date) -> Judgement {
        let (inside, outside) = (self.inside(), self.outside());
        // Of an empty piece, so that a field that is new has its plain value.
        let mut judgement = self.judge(&Extract::default(), channel, received);
        judgement.writer = Writer {
            name: Some("J. Jansen".to_owned()),
            address: Some("j.jansen@example.org".to_owned()),
            postal: vec!["Voorbeeldstraat 12".to_owned(), "1234 AB Voorbeeldstad".to_owned()],
        };
        judgement.language = language.to_owned();
        judgement.automatic = None;
        judgement.scope = Scope::In;
        judgement.complained_about = inside.iter().cloned().collect();
        judgement.refer_to = None;
        judgement.first_complained = FirstComplained::Answered;
        judgement.older_than_year = OlderThanYear::No;
        judgement.kind = Kind::Conduct;
        judgement.anonymous = false;
        judgement.on_behalf = OnBehalf::No;
        judgement.multiple = false;
        judgement.urgent = false;
        judgement.follow_up = false;
        judgement.confidence = 1.0;
        judgement.may_tell_citizen = true;
        judgement.findings = Vec::new();
        let sent_on = |judgement: &mut Judgement, scope: Scope| {
            judgement.scope = scope;
            if let Some((body, referral)) = &outside {
                if scope == Scope::Out {
                    judgement.complained_about.clear();
                }
                judgement.complained_about.push(body.clone());
                judgement.refer_to = Some(referral.clone());
            }
        };
        match sample {
            Sample::Main(Main::Received | Main::FollowUp) | Sample::Added(Added::Unreadable) => {}
            Sample::Main(Main::OutOfScope) => sent_on(&mut judgement, Scope::Out),
            Sample::Main(Main::Mixed) => sent_on(&mut judgement, Scope::Mixed),
            Sample::Main(Main::Unclear) => {
                judgement.scope = Scope::Unclear;
                judgement.complained_about.clear();
            }
            Sample::Main(Main::ComplainFirst) => judgement.first_complained = FirstComplained::No,
            Sample::Main(Main::Waiting) => {
                judgement.first_complained = FirstComplained::Waiting;
                judgement.findings.push(complained(received));
            }
            Sample::Main(Main::Signal) => judgement.kind = Kind::Policy,
            Sample::Main(Main::Decision) => judgement.kind = Kind::Decision,
            Sample::Main(Main::Report) => judgement.kind = Kind::Report,
            Sample::Main(Main::Question) => {
                judgement.scope = Scope::None;
                judgement.complained_about.clear();
                judgement.kind = Kind::Question;
            }
            Sample::Added(Added::Decision) => {
                sent_on(&mut judgement, Scope::Out);
                judgement.kind = Kind::Decision;
            }
            Sample::Added(Added::Urgent) => judgement.urgent = true,
            Sample::Added(Added::OnBehalf) => judgement.on_behalf = OnBehalf::WithoutAuthorisation,
            Sample::Added(Added::NameMissing) => judgement.anonymous = true,
            Sample::Added(Added::Several) => judgement.multiple = true,
        }
        judgement
    }

    /// A body that this office is for.
    fn inside(&self) -> Option<String> {
        let competence = &self.office.competence;
        let mut known = self.ruleset.organisation_names();
        let first = || known.find(|(id, _)| competence.covers(id)).map(|(id, _)| id.to_owned());
        competence.home.first().cloned().or_else(first)
    }

    /// One that it is not for, and who is: the first of the rules that can be reached.
    fn outside(&self) -> Option<(String, Referral)> {
        let office: &Office = &self.office;
        self.ruleset
            .organisation_names()
            .filter(|(id, _)| !office.competence.covers(id))
            .filter_map(|(id, _)| {
                let referral = self.ruleset.referral(id, office, FirstComplained::No)?;
                Some((id.to_owned(), referral))
            })
            .find(|(_, referral)| !referral.contact.is_empty())
    }
}

fn extract(sample: Sample, channel: Channel) -> Extract {
    let mut extract = Extract::default();
    if channel == Channel::Email {
        let address = "j.jansen@example.org".to_owned();
        extract.message = Some(Message {
            author: Some(Address { name: None, address: Some(address.clone()) }),
            return_path: Some(address),
            msg_id: Some("voorbeeld@example.org".to_owned()),
            media_type: "text/plain".to_owned(),
            ..Message::default()
        });
    }
    if sample == Sample::Added(Added::Unreadable) {
        let name = Some("brief van de gemeente.pdf".to_owned());
        extract.documents.push(Document::unread(name, "application/pdf", Problem::Encrypted));
    }
    extract
}

/// As triage tells the day on which the writer complained at the body itself.
fn complained(received: Date) -> Finding {
    let day = received.saturating_sub(DAYS_SINCE_COMPLAINT.days());
    Finding {
        rule: String::new(),
        concludes: format!("complained_on={day}"),
        weight: 1.0,
        evidence: Vec::new(),
        reason: String::new(),
    }
}
