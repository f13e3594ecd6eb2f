//! What callers hand to the store and get from it. Callers see state changes and rows, never trees or files,
//! so that another store can one day stand behind the same functions.

use crate::record::{
    Answer, CaseNumber, CaseRow, CaseStatus, Channel, ComeBack, Deadline, Judgement, Record,
    RegistrationNumber, SetAside,
};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The queue that a case goes to when a new piece joins it after a person decided on it.
pub const FOLLOW_UP_QUEUE: &str = "vervolg";

/// Template of the one line for a follow-up: the only answer that may come after one that went out.
pub const FOLLOW_UP_TEMPLATE: &str = "follow-up";

/// What became of an arrival. Both are durable: the source may let go.
#[derive(Clone, Debug, PartialEq)]
pub enum Registered {
    New(Record),
    /// Byte for byte a piece that was registered before.
    Known(RegistrationNumber),
}

impl Registered {
    pub fn number(&self) -> RegistrationNumber {
        match self {
            Registered::New(record) => record.number,
            Registered::Known(number) => *number,
        }
    }
}

/// What a judged piece becomes, in one commit (restart state R3).
#[derive(Clone, Debug)]
pub enum Outcome {
    NewCase {
        case: CaseNumber,
        judgement: Judgement,
        deadlines: Vec<Deadline>,
        answer: Answer,
        /// The message or letter as it will go out; `None` when there is none to send.
        answer_bytes: Option<Vec<u8>>,
        /// Message-ID of our answer, without angle brackets.
        answer_msg_id: Option<String>,
    },
    /// Part of a case that is there. Its answer counts only when the case has none that is waiting, held or
    /// sent: no citizen gets two acknowledgements for one case.
    Joins {
        case: CaseNumber,
        judgement: Judgement,
        /// Dutch, for staff: by what it was recognised.
        why: String,
        answer: Answer,
        answer_bytes: Option<Vec<u8>>,
        answer_msg_id: Option<String>,
    },
    /// A machine's message about our answer: laid with the case, which stays as it is but for its answer.
    CameBack {
        case: CaseNumber,
        judgement: Judgement,
        what: ComeBack,
        /// Dutch, for staff: what it says, and by what it was recognised.
        why: String,
    },
    SetAside {
        judgement: Judgement,
        why: SetAside,
    },
}

/// In which order cases are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaseOrder {
    /// As they are worked: by status, urgent first, then by due date.
    #[default]
    Work,
    /// By number, and so by the moment of registration.
    Oldest,
    Newest,
}

/// Which cases, and which page of them. Default: the first page of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFilter {
    pub queue: Option<String>,
    /// Empty: every status.
    pub statuses: Vec<CaseStatus>,
    /// Due on this day or earlier.
    pub due_by: Option<Date>,
    /// Id of a body that is complained about.
    pub body: Option<String>,
    pub assignee: Option<String>,
    /// Words that all stand in the number, the writer or the subject, or all in what was read of its pieces (attachments too), whatever
    /// their capitals and marks; the beginnings of words and other forms of them are found (`klachten`: `klacht`), in a
    /// sealed store's writers and subjects whole words and their other forms.
    pub text: Option<String>,
    /// A word that stands nowhere is not taken for another that was typed wrong.
    pub literal: bool,
    /// Only cases whose answer did not arrive: staff find another way (Awb 2:11).
    pub undelivered: bool,
    pub order: CaseOrder,
    pub offset: usize,
    /// `usize::MAX`: all of them, whatever it takes.
    pub limit: usize,
}

impl Default for CaseFilter {
    fn default() -> Self {
        Self {
            queue: None,
            statuses: Vec::new(),
            due_by: None,
            body: None,
            assignee: None,
            text: None,
            literal: false,
            undelivered: false,
            order: CaseOrder::Work,
            offset: 0,
            limit: crate::limits::PAGE_ROWS_MAX,
        }
    }
}

/// A page of cases. In the order of work: by status (open, taken up, waiting for the citizen, closed), then urgent first, then due;
/// closed cases newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CasePage {
    pub rows: Vec<CaseRow>,
    /// Cases that the filter finds in all; at least so many where there are `more`.
    pub total: usize,
    /// Not all were looked at: a narrower choice shows the others.
    #[serde(default)]
    pub more: bool,
    /// Words that stand nowhere, and those that were looked for in their place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read_as: Vec<ReadAs>,
    /// Words were looked for, and so many entries of the journal are not yet among the words of texts.
    #[serde(default)]
    pub unread: u64,
}

/// A word that was typed wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadAs {
    pub typed: String,
    pub read: String,
}

/// How many cases a queue has, by status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueCount {
    pub queue: String,
    pub open: u64,
    pub taken_up: u64,
    pub asked_for_more: u64,
    pub closed: u64,
}

/// A piece that is no case, with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsideRow {
    pub record: RegistrationNumber,
    pub channel: Channel,
    pub received_at: Timestamp,
    pub at: Timestamp,
    pub why: SetAside,
    pub writer: Option<String>,
    pub subject: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsidePage {
    /// Newest first.
    pub rows: Vec<AsideRow>,
    pub total: usize,
}

/// All answers are stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendingPause {
    /// The account of who stopped them.
    pub by: String,
    pub at: Timestamp,
}

/// What opening the store found and mended; told in the log and by `doctor`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// Bytes of an unfinished last journal line that were cut off: the change was never confirmed to anyone.
    pub cut_off_bytes: u64,
    /// Whole entries of which power went before their files were on disk. Kept aside in the journal's directory; never
    /// confirmed to anyone either.
    pub cut_off_entries: u64,
    /// Entries that the index had missed.
    pub replayed: u64,
    /// Why the index was built again, if it was.
    pub rebuilt: Option<String>,
    /// Registered folders that had not been moved to their place.
    pub completed: u64,
    /// Folders of pieces that were never registered; the source still has them.
    pub removed: u64,
    /// Folders of destroyed records that a purge which was cut off had left.
    pub destroyed: u64,
}
