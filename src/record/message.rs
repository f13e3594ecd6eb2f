//! The header of a message in the words of RFC 5322, as the worker read it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A mailbox of RFC 5322: display name and addr-spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub name: Option<String>,
    pub address: Option<String>,
}

/// What the gate, the answer and the rules need to know of a message's header.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// From; `None` when the field is missing or unreadable.
    pub author: Option<Address>,
    pub sender: Option<Address>,
    /// `Some("")` is the null return path `<>`; `None`: no Return-Path field (a fault of the mail system).
    pub return_path: Option<String>,
    pub reply_to: Vec<Address>,
    pub to: Vec<Address>,
    pub cc: Vec<Address>,
    pub subject: Option<String>,
    /// Without angle brackets.
    pub msg_id: Option<String>,
    pub in_reply_to: Vec<String>,
    pub references: Vec<String>,
    /// The Date field: what the writer's machine claims.
    pub header_date: Option<Timestamp>,
    /// The date in the topmost Received field.
    pub received_date: Option<Timestamp>,
    /// The media type of the whole, such as `multipart/report`, with its parameters in lower case.
    pub media_type: String,
    /// Every other header field, name in lower case, value unfolded and decoded, in order, bounded.
    pub fields: Vec<(String, String)>,
    /// Of a `message/delivery-status` part: (Final-Recipient, Action, Status) for each recipient.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delivery_status: Vec<(String, String, String)>,
    /// What a delivery report says of the message that it is about; empty for other mail.
    #[serde(default, skip_serializing_if = "Returned::is_empty")]
    pub returned: Returned,
    /// Does its text stand in it as HTML too? `None`: it was read before this was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formatted: Option<bool>,
}

/// The message that a delivery report brings back, as the report names it (RFC 3464, RFC 6522, and reports in plain
/// text that have its header in their body).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// Message-IDs, without angle brackets.
    #[serde(default)]
    pub msg_ids: Vec<String>,
    /// Addresses that it was sent from (Return-Path) and to (Original-Recipient, X-Failed-Recipients).
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Original-Envelope-Id: the ENVID that we gave (RFC 3461).
    #[serde(default)]
    pub envelope_ids: Vec<String>,
}

impl Returned {
    pub fn is_empty(&self) -> bool {
        self.msg_ids.is_empty() && self.addresses.is_empty() && self.envelope_ids.is_empty()
    }
}

impl Message {
    /// The values of a header field, by its name in lower case.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a header field, by its name in lower case.
    pub fn value<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.values(name).next()
    }
}
