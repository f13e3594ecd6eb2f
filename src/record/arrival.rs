//! What comes in, before anyone has looked inside: an `Arrival` becomes a `Record` by registration
//! (ISO 15489: capture, then registration).

use super::{Divided, RegistrationNumber, RunNote};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How the citizen wrote. Decides how the office answers (Awb 2:8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    Email,
    Letter,
}

/// Where a piece was taken from. Kept with the record; never written to the journal or a log in this form,
/// because a file name may hold a citizen's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "source")]
pub enum Origin {
    /// RFC 3501: a UID means something only with its UIDVALIDITY.
    Imap {
        account: String,
        folder: String,
        uid_validity: u32,
        uid: u32,
    },
    Maildir {
        file: String,
    },
    Scan {
        file: String,
    },
    /// A half of a stack from a one-sided feeder: fronts, or backs in reverse.
    OneSided {
        file: String,
    },
    /// A letter of a scan run: the `part`th, from 1.
    Run {
        of: RegistrationNumber,
        part: u32,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<RunNote>,
    },
    Import {
        file: String,
    },
    /// A copy of a piece, for the second of two cases that a person made of one.
    Part {
        of: RegistrationNumber,
    },
    /// Uploaded at the desk, or sample mail.
    Desk {
        file: String,
    },
}

/// One message or one scanned letter as it came.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub channel: Channel,
    /// File name, or a made-up one such as `message.eml`; its ending tells nothing that is relied on.
    pub name: String,
    pub bytes: Vec<u8>,
    /// The legal receipt (Awb 2:20): INTERNALDATE for mail, the file's time for a scan.
    pub received_at: Timestamp,
    pub origin: Origin,
    /// False for old mail before the cut-off and for `import --no-acknowledge`: never answered.
    pub acknowledge: bool,
}

/// A registered piece: what `record.json` in its folder holds. Written once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub number: RegistrationNumber,
    pub channel: Channel,
    pub name: String,
    /// SHA-256 of the original, in hexadecimal.
    pub digest: String,
    pub bytes: u64,
    pub received_at: Timestamp,
    pub registered_at: Timestamp,
    pub origin: Origin,
    pub acknowledge: bool,
}

/// Why a registered piece is not a case. Every piece is a case, part of one, or has one of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "why")]
pub enum SetAside {
    /// Machine-made mail that belongs to no case; the class and the reason as shown to staff.
    Automatic { class: super::AutomaticClass, reason: String },
    /// A person said so at the desk.
    ByPerson { reason: String },
    /// A scan run: its letters are pieces of their own.
    Divided(Divided),
    /// The backs of a one-sided run, put together with its fronts.
    Backs { of: RegistrationNumber },
}
