//! The code on a separator sheet, which the post room lays before each letter of a stack.
//!
//! `BODE1:K7QM-005:F:2026-11-21`: the version of this form, the sheet's number, the side (`F` the front, `B` the
//! back), and the day on which the post came in, or `-`. Only letters, digits and signs of a QR code's alphanumeric
//! mode (ISO/IEC 18004), so that the squares stay large. Invariant: what is read is exactly what could be printed;
//! anything else is no sheet of ours.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The version of the form, with which every code begins.
const FORM: &str = "BODE1";

/// Characters of a sheet's number.
const ID_CHARS_MAX: usize = 12;

/// The side of a sheet: both are printed, so that a run scanned on one side and one scanned on both sides are told
/// apart by what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SheetSide {
    Front,
    Back,
}

/// What a sheet says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetCode {
    /// The number in print on the sheet. Sheets are used again: it names a sheet within one stack only.
    pub id: String,
    pub side: SheetSide,
    /// The day on which the letter behind the sheet was received.
    pub received: Option<Date>,
}

impl SheetCode {
    /// The code in these words, if that is what they are.
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.trim().split(':');
        let (form, id, side, date) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let letters = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
        if form != FORM || fields.next().is_some() {
            return None;
        }
        if id.is_empty() || id.len() > ID_CHARS_MAX || !id.chars().all(letters) {
            return None;
        }
        let side = match side {
            "F" => SheetSide::Front,
            "B" => SheetSide::Back,
            _ => return None,
        };
        let received = match date {
            "-" => None,
            day => Some(day.parse::<Date>().ok()?),
        };
        Some(Self { id: id.to_owned(), side, received })
    }
}

impl fmt::Display for SheetCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            SheetSide::Front => 'F',
            SheetSide::Back => 'B',
        };
        write!(f, "{FORM}:{}:{side}:", self.id)?;
        match self.received {
            Some(day) => write!(f, "{day}"),
            None => f.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_comes_back_as_it_was_printed() {
        for received in [None, Some(Date::constant(2026, 11, 21))] {
            for side in [SheetSide::Front, SheetSide::Back] {
                let code = SheetCode { id: "K7QM-005".into(), side, received };
                assert_eq!(SheetCode::parse(&code.to_string()), Some(code));
            }
        }
    }

    #[test]
    fn what_others_print_is_no_sheet() {
        for text in [
            "",
            "BCD\n002\n1\nSCT\n\nGemeente Voorbeeld\nNL00EXMP0123456789\nEUR12.30",
            "https://www.example.nl/betalen?BODE1",
            "BODE1:K7QM-005:F",
            "BODE1:K7QM-005:X:-",
            "BODE1::F:-",
            "BODE1:K7QM-005:F:2026-13-01",
            "BODE1:K7QM-005:F:-:meer",
            "BODE2:K7QM-005:F:-",
            "BODE1:k7qm:F:-",
            "PATCHT",
        ] {
            assert_eq!(SheetCode::parse(text), None, "{text:?}");
        }
    }
}
