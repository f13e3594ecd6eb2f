//! The ontvangstbevestiging: may a machine answer ([`mod@gate`]), with which words ([`mod@situation`],
//! [`Templates`]), as what ([`compose_message`], [`compose_letter`]).
//!
//! Pure: what was sent before and the time are passed in; templates are read once, at start. Invariant:
//! every piece gets an [`Answer`], and silence has its reason.

mod blocks;
mod checked;
mod compose;
mod gate;
mod header;
mod letter;
mod own_words;
mod samples;
mod situation;
mod template_faults;
mod templates;
mod written;

pub use checked::{CheckedAddress, prepare_checked};
use compose::MSG_ID_MARK;
pub use compose::{ComposeError, Composed, Identity, compose_message, msg_id};
pub use gate::{GateInput, GatePolicy, History, MissingReturnPath, destination, gate};
pub use letter::{Addressee, OnPaper, compose_letter, unprintable};
pub use samples::Sample;
pub use situation::{Added, Main, Situation, situation};
pub use template_faults::TemplateFaults;
pub use templates::{Particulars, RenderError, Templates};
pub use written::{Written, compose_written, letter_written};

use crate::record::{
    Answer, AnswerChannel, CHECK_ADDRESS, CaseNumber, Channel, Deadline, Judgement, Message, Office, Window,
    office_date,
};
use jiff::Timestamp;
use jiff::civil::Date;

/// All that decides about one answer.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub office: &'a Office,
    pub identity: &'a Identity,
    pub policy: &'a GatePolicy,
    pub history: History,
    /// `None` for a letter.
    pub message: Option<&'a Message>,
    pub channel: Channel,
    pub judgement: &'a Judgement,
    pub situation: &'a Situation,
    pub deadlines: &'a [Deadline],
    /// False for old mail before the cut-off and for `import --no-acknowledge`.
    pub acknowledge: bool,
    /// The case that this piece goes on with, if it is known here.
    pub joins: Option<CaseNumber>,
    /// Of [`Templates::own_sentences`].
    pub own_sentences: usize,
    /// The number of the new case; of the joined one otherwise.
    pub case: CaseNumber,
    pub received: Date,
    /// The place before the date of a letter.
    pub place: &'a str,
    /// Where the address of a letter stands.
    pub window: Window,
    pub now: Timestamp,
}

/// The gate's conclusion with what would be sent.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub answer: Answer,
    /// RFC 5322 message or PDF; `None` when there is no answer.
    pub bytes: Option<Vec<u8>>,
    /// Of a message, without angle brackets.
    pub msg_id: Option<String>,
}

impl<'a> Request<'a> {
    /// What the gate looks at.
    fn at_the_gate(&self) -> GateInput<'a> {
        GateInput {
            message: self.message,
            channel: self.channel,
            judgement: self.judgement,
            situation: self.situation,
            office: self.office,
            policy: self.policy,
            history: self.history,
            acknowledge: self.acknowledge,
            joins: self.joins,
            own_sentences: self.own_sentences,
        }
    }
}

/// Judges whether there is an answer and makes it.
///
/// # Errors
/// When a template or the letter fails; the machine's fault, never the writer's.
pub fn prepare(templates: &Templates, request: &Request) -> Result<Prepared, ComposeError> {
    let answer = gate(&request.at_the_gate());
    let (channel, to) = match &answer {
        Answer::Send { channel, to, .. } | Answer::Hold { channel, to, .. } => (*channel, to.clone()),
        Answer::Withhold { .. } => return Ok(Prepared { answer, bytes: None, msg_id: None }),
    };
    let about = Particulars {
        channel: request.channel,
        case: request.case,
        received: request.received,
        deadlines: request.deadlines,
        // What is held goes out only when a person has read it (RFC 3834 §5.2).
        automatic: matches!(answer, Answer::Send { .. }),
    };
    match channel {
        AnswerChannel::Email => {
            let made = compose_message(
                templates,
                request.identity,
                request.situation,
                &about,
                &to,
                request.message,
                request.now,
            );
            match made {
                Ok(Composed { bytes, msg_id }) => {
                    Ok(Prepared { answer, bytes: Some(bytes), msg_id: Some(msg_id) })
                }
                // The writer's address is no address: nothing can be held for it either.
                Err(ComposeError::Address { whose: "writer", .. }) => {
                    let reason = "Het adres van de schrijver is niet te gebruiken.".to_owned();
                    Ok(Prepared { answer: Answer::Withhold { reason }, bytes: None, msg_id: None })
                }
                Err(error) => Err(error),
            }
        }
        AnswerChannel::Letter => {
            let addressee = Addressee::of(&request.judgement.writer);
            let answer = match unprintable(&addressee, request.window)? {
                Some(reason) => held(answer, reason),
                None => answer,
            };
            let paper = OnPaper {
                addressee: &addressee,
                window: request.window,
                place: request.place,
                date: office_date(request.now),
            };
            let bytes = compose_letter(templates, request.office, request.situation, &about, &paper)?;
            Ok(Prepared { answer, bytes: Some(bytes), msg_id: None })
        }
    }
}

/// An answer that would go out waits for a person instead; one that waits already keeps its reason.
fn held(answer: Answer, reason: &str) -> Answer {
    match answer {
        Answer::Send { channel, to, template, language, .. } => {
            Answer::Hold { channel, to, template, language, reason: format!("{CHECK_ADDRESS}{reason}") }
        }
        other => other,
    }
}
