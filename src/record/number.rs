//! Registration numbers and case numbers: types, parsed at the edge.
//!
//! A case number is read aloud over the telephone and typed from paper, so it ends in a check digit
//! (Damm, 2004: finds every wrong digit and every swap of neighbours).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The number under which one piece (message or scan) was registered: `R2026-000123`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RegistrationNumber {
    pub year: u16,
    pub serial: u32,
}

/// The number of a case, by year, never used again: `2026-000042-7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CaseNumber {
    pub year: u16,
    pub serial: u32,
}

/// A text that is no number of ours; holds the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    #[error("{0:?} is not a number of ours (such as R2026-000123 or 2026-000042-7)")]
    Form(String),
    #[error("{0:?} has a wrong check digit: a digit was misread or mistyped")]
    CheckDigit(String),
}

/// The quasigroup of order ten from Damm's thesis.
const DAMM: [[u8; 10]; 10] = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
];

fn check_digit(digits: &str) -> u8 {
    digits
        .bytes()
        .filter(u8::is_ascii_digit)
        .fold(0, |state, digit| DAMM[usize::from(state)][usize::from(digit - b'0')])
}

impl CaseNumber {
    pub fn new(year: u16, serial: u32) -> Self {
        Self { year, serial }
    }

    /// Every case number with a right check digit that stands in `text`, in order of appearance.
    pub fn find_all(text: &str) -> Vec<CaseNumber> {
        text.split(|c: char| !(c.is_ascii_digit() || c == '-'))
            .filter_map(|word| word.trim_matches('-').parse().ok())
            .collect()
    }
}

impl fmt::Display for CaseNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stem = format!("{:04}-{:06}", self.year, self.serial);
        write!(f, "{stem}-{}", check_digit(&stem))
    }
}

impl FromStr for CaseNumber {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let form = || NumberError::Form(text.chars().take(40).collect());
        let mut parts = text.split('-');
        let (Some(year), Some(serial), Some(check), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(form());
        };
        if year.len() != 4 || serial.len() < 6 || check.len() != 1 {
            return Err(form());
        }
        let number = CaseNumber {
            year: year.parse().map_err(|_| form())?,
            serial: serial.parse().map_err(|_| form())?,
        };
        let check: u8 = check.parse().map_err(|_| form())?;
        if check_digit(&format!("{year}{serial}")) != check {
            return Err(NumberError::CheckDigit(text.to_owned()));
        }
        Ok(number)
    }
}

impl RegistrationNumber {
    pub fn new(year: u16, serial: u32) -> Self {
        Self { year, serial }
    }
}

impl fmt::Display for RegistrationNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "R{:04}-{:06}", self.year, self.serial)
    }
}

impl FromStr for RegistrationNumber {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let form = || NumberError::Form(text.chars().take(40).collect());
        let (year, serial) = text.strip_prefix('R').and_then(|rest| rest.split_once('-')).ok_or_else(form)?;
        if year.len() != 4 || serial.len() < 6 {
            return Err(form());
        }
        Ok(RegistrationNumber {
            year: year.parse().map_err(|_| form())?,
            serial: serial.parse().map_err(|_| form())?,
        })
    }
}

macro_rules! as_string {
    ($type:ty) => {
        impl TryFrom<String> for $type {
            type Error = NumberError;
            fn try_from(text: String) -> Result<Self, NumberError> {
                text.parse()
            }
        }
        impl From<$type> for String {
            fn from(number: $type) -> String {
                number.to_string()
            }
        }
    };
}
as_string!(CaseNumber);
as_string!(RegistrationNumber);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_numbers_survive_the_telephone() {
        let number = CaseNumber::new(2026, 42);
        let text = number.to_string();
        assert_eq!(text.parse::<CaseNumber>().as_ref(), Ok(&number));
        assert_eq!(CaseNumber::find_all(&format!("RE: [{text}] uw klacht, tel. 070-1234567")), [number]);
        // Every single wrong digit and every swap of neighbours is found.
        let bytes = text.as_bytes();
        for i in (0..bytes.len()).filter(|&i| bytes[i].is_ascii_digit()) {
            for digit in (b'0'..=b'9').filter(|&d| d != bytes[i]) {
                let mut wrong = bytes.to_vec();
                wrong[i] = digit;
                let wrong = String::from_utf8_lossy(&wrong).into_owned();
                assert!(wrong.parse::<CaseNumber>().is_err(), "{wrong}");
            }
        }
        assert!(
            "2026-000024-7".parse::<CaseNumber>().is_err() || "2026-000042-7".parse::<CaseNumber>().is_err()
        );
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "2026", "2026-1-1", "20261-000042-7", "2026-000042", "R2026-000042", "2026-000042-7-1"]
        {
            assert!(text.parse::<CaseNumber>().is_err(), "{text}");
        }
        assert_eq!("R2026-000123".parse(), Ok(RegistrationNumber::new(2026, 123)));
        assert!("2026-000123".parse::<RegistrationNumber>().is_err());
    }
}
