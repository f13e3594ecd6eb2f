//! What leaves the house: answers over SMTP, letters to the print folder.
//!
//! Invariants: an attempt is recorded before it is made and its outcome after; the bytes were fixed when the
//! case was opened, so what is sent again after a crash is the same message with the same Message-ID; an
//! answer that the next server refuses for good becomes work for staff (Awb 2:11), never silence. An attempt
//! that could not reach the server at all says nothing about the message: sending pauses, nothing is given
//! up.

mod connection;
mod lay;
mod mailer;
mod run;
mod stream;

pub use connection::Patience;
pub use mailer::{Advice, Handed, Mailer, OutboxError};
pub use run::{Delivery, PAUSES, STORE_AILS, Told, run};
