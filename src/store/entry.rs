//! What happened: one entry of the journal, typed and versioned.
//!
//! Invariant: an entry holds numbers, digests, rule and queue ids, decisions and staff accounts; never a
//! citizen's name, address, subject, words or file name. Words that people typed, and replies of mail servers,
//! lie in the record's folder under their digest, so that a purge leaves the proof and no personal data.

use crate::record::{
    AnswerChannel, AutomaticClass, CaseFigures, CaseNumber, Channel, ComeBack, Deadline, DigestStep, Divided,
    ProofNote, RegistrationNumber, Scope, Verdict,
};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// Version of the form below. A reader takes this one and every earlier one.
pub(super) const ENTRY_VERSION: u8 = 1;

/// Who did it, when it was no person.
pub const DAEMON: &str = "bode";

/// SHA-256 in hexadecimal.
pub(super) type Digest = String;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub v: u8,
    /// 1, 2, 3, … without a gap, over all segments.
    pub seq: u64,
    pub at: Timestamp,
    /// [`DAEMON`], or the account of a person.
    pub by: String,
    pub what: Event,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event", deny_unknown_fields)]
pub(super) enum Event {
    /// R1: the original lies in its folder.
    Registered {
        record: RegistrationNumber,
        digest: Digest,
        bytes: u64,
        record_digest: Digest,
    },
    /// The same bytes came again.
    Duplicate {
        record: RegistrationNumber,
    },
    /// R3: a case was opened.
    Opened {
        case: CaseNumber,
        record: RegistrationNumber,
        judged: Judged,
        queue: String,
        answer: AnswerNote,
    },
    /// R3: the piece belongs to a case that was there.
    Joined {
        case: CaseNumber,
        record: RegistrationNumber,
        judged: Judged,
        answer: AnswerNote,
    },
    /// R3: a machine's message about our answer, laid with its case.
    CameBack {
        case: CaseNumber,
        record: RegistrationNumber,
        judged: Judged,
        what: ComeBack,
    },
    /// R3: the piece is no case. Without a class: a person said so.
    SetAside {
        record: RegistrationNumber,
        judged: Judged,
        class: Option<AutomaticClass>,
    },
    /// R3 of a scan run: its letters are registered. With `divided.backs` it settles that piece too.
    Divided {
        record: RegistrationNumber,
        divided: Divided,
    },
    /// An attempt to hand the answer over begins.
    AnswerAttempted {
        case: CaseNumber,
    },
    /// R4: handed over, or laid in the print folder.
    AnswerSent {
        case: CaseNumber,
    },
    /// The next server could not take it now.
    AnswerDeferred {
        case: CaseNumber,
        next: Timestamp,
        reply: Digest,
    },
    AnswerFailed {
        case: CaseNumber,
        reply: Digest,
    },
    AnswerReleased {
        case: CaseNumber,
    },
    AnswerWithheld {
        case: CaseNumber,
        reason: Digest,
    },
    /// The daily digest for staff: what became of that day's.
    Digest {
        day: Date,
        step: DigestStep,
    },
    /// A person checked something of an answer, and it waits on for another reason.
    AnswerHeld {
        case: CaseNumber,
        reason: Digest,
    },
    /// A person checked the address of a letter: this file of the record goes out.
    LetterAddressed {
        case: CaseNumber,
        record: RegistrationNumber,
        address: Digest,
        file: String,
        digest: Digest,
    },
    LetterPrinted {
        case: CaseNumber,
    },
    /// It is to be printed once more.
    LetterAgain {
        case: CaseNumber,
    },
    /// R5 for the verdicts that close.
    Decided {
        case: CaseNumber,
        verdict: Verdict,
        refer_to: Option<String>,
        reason: Digest,
        /// What the citizen is told of it, read by who decided.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<MessageNote>,
    },
    /// A person joins a case to another, where it goes on.
    Merged {
        case: CaseNumber,
        into: CaseNumber,
    },
    Assigned {
        case: CaseNumber,
        to: Option<String>,
    },
    Noted {
        case: CaseNumber,
        note: Digest,
    },
    /// A person takes back the decision of this entry, and the case stands as it stood before.
    Undone {
        case: CaseNumber,
        decision: u64,
    },
    /// A person says what a label of the first piece should have been; without a value they take that back.
    Labelled {
        case: CaseNumber,
        label: String,
        value: Option<String>,
    },
    /// A person says that these are two complaints, though their texts are alike.
    NotAlike {
        case: CaseNumber,
        other: CaseNumber,
    },
    /// A person made two cases of one: what stays in the first, in ids only. The second was opened before, with a copy of
    /// the piece.
    Split {
        case: CaseNumber,
        into: CaseNumber,
        complained_about: Vec<String>,
        scope: Scope,
        refer_to: Option<String>,
        queue: String,
    },
    /// A person makes a case of a piece that was set aside.
    TakenBack {
        case: CaseNumber,
        record: RegistrationNumber,
        queue: String,
        deadlines: Vec<Deadline>,
        reason: Digest,
    },
    /// A person had the citizen service numbers of a case uncovered.
    BsnShown {
        case: CaseNumber,
    },
    /// Too many answers in an hour: from here on each is held.
    BreakerOpened {
        answers: u32,
    },
    /// By a person, or by the daemon after the quiet time.
    BreakerClosed,
    /// This store was put back from a backup that ended with this entry. Numbers go on behind these, for what was given out
    /// since the backup is not known here.
    Restored {
        entries: u64,
        year: u16,
        last_case: u32,
        last_record: u32,
    },
    /// Destroyed: the files of these pieces, of one case or of none. What stays of them is here.
    Purged {
        case: Option<CaseNumber>,
        records: BTreeMap<RegistrationNumber, PurgedPiece>,
        closed_on: Option<Date>,
        /// Such as `5 years`; `None`: at the demand of a person, or with the piece that it was part of.
        term: Option<String>,
        /// By which list and number, or which article.
        basis: String,
        /// Of the list with the declaration.
        list: Digest,
        /// What the case goes on counting for. Entries of before this have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        figures: Option<Box<CaseFigures>>,
    },
    /// A person forbids that a case is destroyed.
    Kept {
        case: CaseNumber,
        reason: Digest,
    },
    /// It may be destroyed again when its term is over.
    Unkept {
        case: CaseNumber,
    },
    /// The case stands in the zaaksysteem, with its documents, result and status.
    HandedOver {
        case: CaseNumber,
    },
    /// A person has it handed over, again or for the first time.
    HandoverAsked {
        case: CaseNumber,
    },
    /// All about one person, or whole cases, were given out; the number of cases.
    Exported {
        cases: u32,
        person: bool,
    },
    /// The ledger was proved: counts only.
    Proved {
        note: Box<ProofNote>,
    },
    /// A person put these rules into force, and why.
    RulesPublished {
        version: String,
        reason: Digest,
    },
    /// A person stopped all answers, or let them go again.
    Sending {
        paused: bool,
    },
}

/// By what a piece was judged, and the digests of the files that hold it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Judged {
    pub rules_version: String,
    pub rules: Vec<String>,
    /// Documents read, and how many of them (or of the piece's own) defects staff must know.
    pub documents: u32,
    pub defects: u32,
    /// File name in the record's folder → digest.
    pub files: BTreeMap<String, Digest>,
}

/// What stays of a destroyed piece.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PurgedPiece {
    /// Of the original: the same bytes are known when they come again.
    pub digest: Digest,
    pub channel: Channel,
    pub received_at: Timestamp,
}

/// A message that a person sends with a decision: the file in the record's folder, and when it may go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageNote {
    pub record: RegistrationNumber,
    pub file: String,
    pub digest: Digest,
    pub next: Timestamp,
}

/// What the gate concluded, without the address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome", deny_unknown_fields)]
pub(super) enum AnswerNote {
    Send { channel: AnswerChannel, template: String },
    Hold { channel: AnswerChannel, template: String },
    Withhold,
}

impl Event {
    /// The case it is about; its history shows it.
    pub fn case(&self) -> Option<CaseNumber> {
        match self {
            Event::Registered { .. }
            | Event::Duplicate { .. }
            | Event::SetAside { .. }
            | Event::Divided { .. }
            | Event::Digest { .. }
            | Event::BreakerOpened { .. }
            | Event::BreakerClosed
            | Event::Restored { .. }
            | Event::Exported { .. }
            | Event::Proved { .. }
            | Event::RulesPublished { .. }
            | Event::Sending { .. } => None,
            Event::Purged { case, .. } => *case,
            Event::Opened { case, .. }
            | Event::Joined { case, .. }
            | Event::CameBack { case, .. }
            | Event::AnswerAttempted { case }
            | Event::AnswerSent { case }
            | Event::AnswerDeferred { case, .. }
            | Event::AnswerFailed { case, .. }
            | Event::AnswerReleased { case }
            | Event::AnswerWithheld { case, .. }
            | Event::AnswerHeld { case, .. }
            | Event::LetterAddressed { case, .. }
            | Event::LetterPrinted { case }
            | Event::LetterAgain { case }
            | Event::Decided { case, .. }
            | Event::Merged { case, .. }
            | Event::Assigned { case, .. }
            | Event::Kept { case, .. }
            | Event::Unkept { case }
            | Event::Noted { case, .. }
            | Event::Undone { case, .. }
            | Event::Labelled { case, .. }
            | Event::NotAlike { case, .. }
            | Event::Split { case, .. }
            | Event::TakenBack { case, .. }
            | Event::HandedOver { case }
            | Event::HandoverAsked { case }
            | Event::BsnShown { case } => Some(*case),
        }
    }

    /// The digest of the words that lie with the case, if there are any.
    pub fn words(&self) -> Option<&Digest> {
        match self {
            Event::AnswerDeferred { reply, .. } | Event::AnswerFailed { reply, .. } => Some(reply),
            Event::AnswerWithheld { reason, .. }
            | Event::AnswerHeld { reason, .. }
            | Event::Kept { reason, .. }
            | Event::TakenBack { reason, .. }
            | Event::Decided { reason, .. } => Some(reason),
            Event::LetterAddressed { address, .. } => Some(address),
            Event::Noted { note, .. } => Some(note),
            _ => None,
        }
    }
}

pub(super) fn digest_of(bytes: &[u8]) -> Digest {
    hex(&Sha256::digest(bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}
