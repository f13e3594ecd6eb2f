//! Messages: RFC 5322 and 2045–2049 (format), 3676 (format=flowed), 3464 (delivery status), 6522 (reports), 8551
//! (S/MIME), 9580 (OpenPGP armour), MS-OXMSG and MS-OXTNEF (Outlook), 5545 and 6350 (invitations, contacts).
//!
//! | file | what it knows |
//! | --- | --- |
//! | `message` | a message and those within it, opened from what it was signed in |
//! | `mend` | what is broken before it can be parsed |
//! | `hung`, `names` | what is hung on a message, read or given; file names that were written oddly |
//! | `header`, `body`, `blocks` | its header; its text; what stands in the text and is no text |
//! | `returned` | what a delivery report says of the message that came back |
//! | `parts`, `patterns` | whose words they are |
//! | `tokens`, `html`, `formatted` | HTML as tokens, as text, and as what may be shown of it |
//! | `cards` | invitations and contacts |
//! | `cms` | what S/MIME holds, unverified |
//! | `mapi`, `lzfu` | properties of Outlook's messages, and their compressed bodies |
//! | `outlook`, `tnef`, `outlook_reading` | `.msg` files; winmail.dat; both as documents |
//!
//! Invariant: size, number of parts and nesting are bounded before a parser sees a byte; every attachment is a
//! document, read or named as unread. No signature is checked and no key is held: what is signed is read as if it
//! were not, what is encrypted is named.

mod blocks;
mod body;
pub(super) mod cards;
pub(super) mod cms;
pub(super) mod formatted;
mod header;
pub(super) mod html;
pub(super) mod hung;
mod lzfu;
mod mapi;
mod mend;
pub(super) mod message;
mod names;
pub(super) mod outlook;
pub(super) mod outlook_reading;
pub(super) mod parts;
mod patterns;
mod returned;
pub(super) mod tnef;
mod tokens;
