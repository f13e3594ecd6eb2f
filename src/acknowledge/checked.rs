//! A letter made again with an address that a person checked.
//!
//! Invariant: the check is of the address only. What else keeps an answer from going out by itself (danger, no
//! complaint) still does.

use super::gate::held_yet;
use super::letter::{Addressee, OnPaper, compose_letter, unprintable};
use super::templates::{Particulars, Templates};
use super::{ComposeError, Request};
use crate::record::office_date;

/// What came of it.
#[derive(Clone, Debug)]
pub enum CheckedAddress {
    /// The letter, and why it waits for a person all the same.
    Made { pdf: Vec<u8>, still_held: Option<String> },
    /// It cannot be printed so: a Dutch sentence for who typed it.
    Unprintable(&'static str),
}

/// Makes the letter of a piece with this address; whom the piece was read to be from does not count.
///
/// # Errors
/// As [`super::prepare`].
pub fn prepare_checked(
    templates: &Templates,
    request: &Request,
    addressee: &Addressee,
) -> Result<CheckedAddress, ComposeError> {
    if let Some(reason) = unprintable(addressee, request.window)? {
        return Ok(CheckedAddress::Unprintable(reason));
    }
    let still_held = held_yet(&request.at_the_gate());
    let about = Particulars {
        channel: request.channel,
        case: request.case,
        received: request.received,
        deadlines: request.deadlines,
        // Who checked the address did not judge the letter; who releases what is held still, reads it.
        automatic: still_held.is_none(),
    };
    let paper =
        OnPaper { addressee, window: request.window, place: request.place, date: office_date(request.now) };
    let pdf = compose_letter(templates, request.office, request.situation, &about, &paper)?;
    Ok(CheckedAddress::Made { pdf, still_held })
}
