//! A scan run: a stack of letters that was scanned in one go, and how it is divided.
//!
//! Invariant, which [`Run::adds_up`] checks: every page is a side of a sheet, in exactly one letter, or a blank page
//! that belongs to none; every sheet has one letter behind it or none.

use super::RegistrationNumber;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLetter {
    /// Its pages, counted from 1 over the run (over both halves of a one-sided run, put together).
    pub pages: Vec<u32>,
    /// How many of them are blank: they stay in the letter's file and are passed over when it is read.
    pub blank: u32,
    /// False for what lay before the first sheet.
    pub behind_sheet: bool,
    /// The number of our sheet.
    pub sheet: Option<String>,
    /// The date of receipt on the sheet.
    pub received: Option<Date>,
}

/// How a run is divided, and what was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub pages: u32,
    pub sheets: u32,
    /// Pages that are a side of a sheet, also a blank one.
    pub sheet_pages: u32,
    /// Sheets without a letter behind them.
    pub empty: u32,
    /// Blank pages that belong to no letter.
    pub dropped: u32,
    /// Sides of our sheets that were seen, by what their code says.
    pub fronts: u32,
    pub backs: u32,
    pub letters: Vec<RunLetter>,
}

impl Run {
    /// Blank pages within the letters.
    pub fn blank(&self) -> u32 {
        self.letters.iter().map(|letter| letter.blank).sum()
    }

    /// Does something lie before the first sheet (or is there no sheet at all)?
    pub fn has_letter_before(&self) -> bool {
        self.letters.first().is_some_and(|letter| !letter.behind_sheet)
    }

    /// Do the counts fit each other? A division that does not add up is not followed.
    pub fn adds_up(&self) -> bool {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let numbers: Vec<u32> = self.letters.iter().flat_map(|letter| letter.pages.iter().copied()).collect();
        let distinct: BTreeSet<u32> = numbers.iter().copied().collect();
        let behind = count(self.letters.iter().filter(|letter| letter.behind_sheet).count());
        let pages =
            count(numbers.len()).checked_add(self.sheet_pages).and_then(|n| n.checked_add(self.dropped));
        distinct.len() == numbers.len()
            && numbers.iter().all(|number| (1..=self.pages).contains(number))
            && pages == Some(self.pages)
            && behind.checked_add(self.empty) == Some(self.sheets)
            && self.letters.iter().skip(1).all(|letter| letter.behind_sheet)
            && self.letters.iter().all(|letter| !letter.pages.is_empty())
    }
}

/// What became of a run, in numbers: with the journal entry, so that it outlives the run's own folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divided {
    /// The letters as they were registered, in the order of the stack.
    pub letters: Vec<RegistrationNumber>,
    pub sheets: u32,
    /// Sheets without a letter behind them.
    pub empty: u32,
    /// The first letter lay before the first sheet.
    pub before: bool,
    pub pages: u32,
    /// Blank pages: within letters, and outside of them.
    pub blank: u32,
    pub dropped: u32,
    /// Dates of receipt on sheets that cannot be right and did not count.
    pub dates_ignored: u32,
    /// Only the backs of our sheets were seen: the stack may have lain upside down, or be the half of one.
    pub only_backs: bool,
    /// The backs of a one-sided run, which were put together with this piece.
    pub backs: Option<RegistrationNumber>,
    /// It waited for its other half in vain, and was taken as it is.
    pub half: bool,
}

impl Divided {
    /// Counts of a run; the letters, and what was found of their dates, come later.
    pub fn of(run: &Run) -> Self {
        Self {
            sheets: run.sheets,
            empty: run.empty,
            before: run.has_letter_before() && run.sheets > 0,
            pages: run.pages,
            blank: run.blank(),
            dropped: run.dropped,
            only_backs: run.backs > 0 && run.fronts == 0,
            ..Self::default()
        }
    }

    /// As many letters as the sheets say?
    pub fn adds_up(&self) -> bool {
        let letters = u32::try_from(self.letters.len()).unwrap_or(u32::MAX);
        let whole = self.sheets == 0 && letters == 1;
        whole || self.sheets.checked_add(u32::from(self.before)) == letters.checked_add(self.empty)
    }

    /// What staff read, in Dutch.
    pub fn sentence(&self) -> String {
        let many =
            |count: u32, one: &str, more: &str| format!("{count} {}", if count == 1 { one } else { more });
        let letters = u32::try_from(self.letters.len()).unwrap_or(u32::MAX);
        let mut text = format!(
            "Stapel met {}: {}, {}.",
            many(self.sheets, "scheidingsvel", "scheidingsvellen"),
            many(letters, "brief", "brieven"),
            many(self.pages, "bladzijde", "bladzijden"),
        );
        if self.blank + self.dropped > 0 {
            text.push_str(&format!(
                " {} overgeslagen.",
                many(self.blank + self.dropped, "lege achterkant", "lege achterkanten")
            ));
        }
        if self.before {
            text.push_str(" De eerste brief lag vóór het eerste scheidingsvel.");
        }
        if self.empty > 0 {
            let behind = many(self.empty, "scheidingsvel", "scheidingsvellen");
            text.push_str(&format!(" Achter {behind} lag geen brief: klopt dat met de stapel?"));
        }
        if self.dates_ignored > 0 {
            let dates = many(self.dates_ignored, "datum", "datums");
            text.push_str(&format!(" {dates} op een scheidingsvel kan niet kloppen en telt niet."));
        }
        if self.only_backs {
            text.push_str(
                " Alleen de achterkant van de scheidingsvellen is gezien: lag de stapel ondersteboven?",
            );
        }
        if let Some(backs) = self.backs {
            text.push_str(&format!(" De achterkanten kwamen uit stuk {backs}."));
        }
        if self.half {
            text.push_str(" De andere helft (voor- of achterkanten) is niet gekomen.");
        }
        let numbers: Vec<String> = self.letters.iter().map(ToString::to_string).collect();
        if !numbers.is_empty() {
            text.push_str(&format!(" Verdeeld in {}.", numbers.join(", ")));
        }
        text
    }
}

/// What staff must know of a letter because of how it lay in its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunNote {
    /// It lay before the first sheet.
    BeforeFirstSheet,
    /// The date of receipt on its sheet cannot be right.
    DateIgnored { date: Date },
    /// The other half of a one-sided run did not come.
    HalfMissing,
}

impl RunNote {
    /// One Dutch sentence for staff.
    pub fn sentence(self) -> String {
        match self {
            RunNote::BeforeFirstSheet => {
                "Deze brief lag vóór het eerste scheidingsvel: kijk of het één brief is.".to_owned()
            }
            RunNote::DateIgnored { date } => format!(
                "Op het scheidingsvel staat als datum van ontvangst {}; dat kan niet kloppen en telt niet.",
                date.strftime("%d-%m-%Y")
            ),
            RunNote::HalfMissing => {
                "Alleen de ene kant van de bladen is gescand: de andere helft is niet gekomen.".to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_division_that_loses_a_page_or_a_sheet_does_not_add_up() {
        let letter =
            |pages: &[u32]| RunLetter { pages: pages.into(), behind_sheet: true, ..RunLetter::default() };
        let run = Run {
            pages: 6,
            sheets: 2,
            sheet_pages: 3,
            letters: vec![letter(&[2, 3]), letter(&[6])],
            ..Run::default()
        };
        assert!(run.adds_up());
        assert!(!Run { pages: 7, ..run.clone() }.adds_up());
        assert!(!Run { sheets: 3, ..run.clone() }.adds_up());
        assert!(!Run { letters: vec![letter(&[2, 3]), letter(&[9])], ..run }.adds_up());
        assert!(!Run { letters: vec![letter(&[2, 6]), letter(&[6])], ..run }.adds_up());
    }

    #[test]
    fn staff_read_what_was_counted() {
        let number = |serial| RegistrationNumber::new(2026, serial);
        let divided = Divided {
            letters: vec![number(2), number(3)],
            sheets: 3,
            empty: 1,
            pages: 9,
            blank: 2,
            ..Divided::default()
        };
        assert!(divided.adds_up() && !Divided { sheets: 4, ..divided.clone() }.adds_up());
        assert_eq!(
            divided.sentence(),
            "Stapel met 3 scheidingsvellen: 2 brieven, 9 bladzijden. 2 lege achterkanten overgeslagen. Achter 1 \
             scheidingsvel lag geen brief: klopt dat met de stapel? Verdeeld in R2026-000002, R2026-000003."
        );
    }
}
