//! The ontvangstbevestiging: whether one goes out, and what became of it.

use super::{CaseNumber, RegistrationNumber};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How an answer travels: as the citizen wrote (Awb 2:8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerChannel {
    Email,
    Letter,
}

/// The gate's conclusion. Silence always has a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Answer {
    /// Goes out by itself.
    Send { channel: AnswerChannel, to: String, template: String, language: String, reason: String },
    /// Would go out, but a person must look first.
    Hold { channel: AnswerChannel, to: String, template: String, language: String, reason: String },
    /// Does not go out.
    Withhold { reason: String },
}

/// What became of an answer. Every case has exactly one of these for each answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum AnswerState {
    /// Due at `next`; `attempts` were made.
    Waiting { next: Timestamp, attempts: u32, last_reply: Option<String> },
    /// A person must release it.
    Held { reason: String },
    /// Handed to the next server (Awb 2:19), or laid in the print folder.
    Sent { at: Timestamp, attempts: u32 },
    /// Given up, or handed over and come back; staff find another way (Awb 2:11).
    Failed {
        at: Timestamp,
        reply: String,
        /// The delivery report that said so, when the answer had been handed over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        came_back: Option<RegistrationNumber>,
    },
    /// There is none, for a reason.
    Withheld { reason: String },
}

/// What a machine's message means for the case that it is laid with. None of these is ever answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComeBack {
    /// Our answer did not arrive and will not (RFC 3464 §2.3.3, `failed`).
    Undelivered,
    /// Not there yet; the mail server goes on trying.
    Delayed,
    /// Out of office, or another machine's reply.
    Reply,
    /// Anything else that a machine says of it.
    Notice,
}

/// What became of the daily digest of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DigestStep {
    /// It is being handed over. When nothing follows, nobody knows whether it arrived, and it is not sent again.
    Attempted,
    Sent,
    /// The next server did not take it now: later again.
    Deferred,
    Failed,
}

/// One answer in the outbox. Its bytes lie in the record's folder as `answer.eml` or `answer.pdf`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxEntry {
    pub case: CaseNumber,
    pub record: RegistrationNumber,
    pub channel: AnswerChannel,
    pub state: AnswerState,
    /// The file in the record's folder that goes out instead, once a person has checked the address of a letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The digest under which that address lies with the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Of a letter: who printed it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed: Option<Printed>,
}

/// That a letter was printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Printed {
    pub at: Timestamp,
    /// Account of the desk.
    pub by: String,
    /// How often so far.
    pub times: u32,
    /// Somebody asked for one more.
    pub again: bool,
}

/// Why an answer of a rehearsal did not go out, for staff. It never goes out by itself.
pub const REHEARSED: &str = "Proefdraaien: dit antwoord is gemaakt en niet verstuurd.";

/// How the reason of a letter begins that is held because nobody is sure of its address: the post room's work.
pub const CHECK_ADDRESS: &str = "Adres controleren: ";

impl OutboxEntry {
    /// Since when it lies ready to be printed, when it is a letter that does.
    pub fn letter_day(&self) -> Option<Timestamp> {
        match self.state {
            AnswerState::Sent { at, .. } if self.channel == AnswerChannel::Letter => Some(at),
            _ => None,
        }
    }

    /// Lies ready and nobody printed it, or somebody asked for one more.
    pub fn is_to_print(&self) -> bool {
        self.letter_day().is_some() && self.printed.as_ref().is_none_or(|printed| printed.again)
    }

    /// A letter that waits until a person has checked its address.
    pub fn asks_for_address(&self) -> bool {
        let AnswerState::Held { reason } = &self.state else { return false };
        self.channel == AnswerChannel::Letter && reason.starts_with(CHECK_ADDRESS)
    }
}
