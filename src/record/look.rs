//! Who looked at what: one line of the look log.

use super::{CaseNumber, RegistrationNumber};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What was seen or taken along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// The page of a case or of a piece set aside, or the same by the API or the command line.
    Viewed,
    /// The text of one document.
    Text,
    /// The piece as it came.
    Original,
    /// One file of a message.
    Attachment,
    /// The picture of a page.
    PageImage,
    /// A scan as a PDF to search in.
    Searchable,
    /// What we answered.
    Answer,
    Exported,
    /// With its citizen service numbers uncovered; the journal has it too.
    BsnShown,
}

impl Seen {
    /// Dutch, for staff.
    pub fn told(self) -> &'static str {
        match self {
            Seen::Viewed => "bekeken",
            Seen::Text => "tekst gelezen",
            Seen::Original => "origineel gedownload",
            Seen::Attachment => "bijlage gedownload",
            Seen::PageImage => "bladzijde bekeken",
            Seen::Searchable => "scan als PDF gedownload",
            Seen::Answer => "antwoord bekeken",
            Seen::Exported => "geëxporteerd",
            Seen::BsnShown => "BSN getoond",
        }
    }
}

/// One look of one person. It holds numbers and the account, nothing of a citizen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    pub at: Timestamp,
    /// The account; `api:` and a name for a program's token; the operating system's account on the command line.
    pub by: String,
    pub seen: Seen,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseNumber>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<RegistrationNumber>,
    /// Of the piece's documents, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<usize>,
    /// From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
}
