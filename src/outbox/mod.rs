//! What leaves the house: answers over SMTP, letters to the print folder.
//!
//! Invariants: an attempt is recorded before it is made and its outcome after; the bytes were fixed when the
//! case was opened, so what is sent again after a crash is the same message with the same Message-ID; an
//! answer that the next server refuses for good becomes work for staff (Awb 2:11), never silence. An attempt
//! that could not reach the server at all says nothing about the message: sending pauses, nothing is given
//! up.

mod lay;
mod mailer;
mod run;

pub use mailer::{Handed, Mailer, OutboxError};
pub use run::{Delivery, Told, run};

/// An error with its causes in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
