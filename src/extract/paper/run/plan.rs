//! Which pages make a letter: from what each page of a run is, to the letters behind its sheets.
//!
//! Invariants: pure; a side of a sheet, coded or blank, belongs to that sheet and never to a letter; two sheets in a
//! row have an empty letter between them, which is counted.

use super::separator::Separator;
use crate::record::{Run, RunLetter, SheetCode, SheetSide};

/// What one page is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    Page,
    Blank,
    Sheet(Separator),
}

impl Sight {
    fn code(&self) -> Option<&SheetCode> {
        match self {
            Sight::Sheet(Separator::Sheet(code)) => Some(code),
            _ => None,
        }
    }
}

/// Divides the pages. Without a sheet all of them are one letter.
pub(super) fn plan(sights: &[Sight]) -> Run {
    let mut run = Run { pages: count(sights.len()), ..Run::default() };
    let mut open = RunLetter::default();
    let mut at = 0;
    while let Some(sight) = sights.get(at) {
        let number = count(at + 1);
        at += 1;
        match sight {
            Sight::Page => open.pages.push(number),
            Sight::Blank => {
                open.pages.push(number);
                open.blank += 1;
            }
            Sight::Sheet(_) => {
                close(&mut run, open);
                run.sheets += 1;
                run.sheet_pages += 1;
                let code = sight.code();
                let mut received = code.and_then(|code| code.received);
                note_side(&mut run, code);
                if let Some(next) = sights.get(at)
                    && is_other_side(sight, next)
                {
                    received = received.or(next.code().and_then(|code| code.received));
                    note_side(&mut run, next.code());
                    run.sheet_pages += 1;
                    at += 1;
                }
                let sheet = code.map(|code| code.id.clone());
                open = RunLetter { behind_sheet: true, sheet, received, ..RunLetter::default() };
            }
        }
    }
    close(&mut run, open);
    run
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn note_side(run: &mut Run, code: Option<&SheetCode>) {
    match code.map(|code| code.side) {
        Some(SheetSide::Front) => run.fronts += 1,
        Some(SheetSide::Back) => run.backs += 1,
        None => {}
    }
}

/// Is the next page the other side of this sheet: its other code, or nothing?
fn is_other_side(sheet: &Sight, next: &Sight) -> bool {
    match (sheet.code(), next.code()) {
        (Some(one), Some(other)) => one.id == other.id && one.side != other.side,
        _ => *next == Sight::Blank,
    }
}

fn close(run: &mut Run, letter: RunLetter) {
    if letter.pages.len() as u64 > u64::from(letter.blank) {
        run.letters.push(letter);
    } else {
        run.empty += u32::from(letter.behind_sheet);
        run.dropped += count(letter.pages.len());
    }
}

/// The pages of two halves of a one-sided run as the stack has them: (half, page of the half, from 0). The backs come
/// in reverse, for the stack was turned over; the last page may have none.
pub(super) fn collated(fronts: usize, backs: usize) -> Option<Vec<(usize, usize)>> {
    if fronts == 0 || (backs != fronts && backs + 1 != fronts) {
        return None;
    }
    let mut order = Vec::with_capacity(fronts + backs);
    for page in 0..fronts {
        order.push((0, page));
        if page < backs {
            order.push((1, backs - 1 - page));
        }
    }
    Some(order)
}

/// Do the codes of a front and what lies on its back contradict each other?
pub(super) fn contradict(front: &Sight, back: &Sight) -> bool {
    match (front.code(), back.code()) {
        (Some(one), Some(other)) => one.id != other.id || one.side == other.side,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::Date;

    /// `F1` and `B1` are the sides of our sheet 1, `T` a plain separator, `p` a page, `_` a blank one.
    fn sights(words: &str) -> Vec<Sight> {
        let one = |word: &str| match word.split_at(1) {
            ("p", _) => Sight::Page,
            ("_", _) => Sight::Blank,
            ("T", _) => Sight::Sheet(Separator::Plain),
            (side, id) => Sight::Sheet(Separator::Sheet(SheetCode {
                id: id.into(),
                side: if side == "F" { SheetSide::Front } else { SheetSide::Back },
                received: (id == "9").then_some(Date::constant(2026, 11, 20)),
            })),
        };
        words.split_whitespace().map(one).collect()
    }

    fn check(words: &str, letters: &[&[u32]], sheets: u32, empty: u32) -> Run {
        let run = plan(&sights(words));
        assert!(run.adds_up(), "{words}: {run:?}");
        let found: Vec<&[u32]> = run.letters.iter().map(|letter| letter.pages.as_slice()).collect();
        assert_eq!((found.as_slice(), run.sheets, run.empty), (letters, sheets, empty), "{words}");
        run
    }

    #[test]
    fn one_letter_behind_each_sheet() {
        check("F1 p p F2 p", &[&[2, 3], &[5]], 2, 0);
        check("T p T p p", &[&[2], &[4, 5]], 2, 0);
        assert!(check("p p F1 p", &[&[1, 2], &[4]], 1, 0).has_letter_before());
        assert!(!check("F1 p", &[&[2]], 1, 0).has_letter_before());
        check("p p", &[&[1, 2]], 0, 0);
    }

    #[test]
    fn both_sides_of_a_sheet_belong_to_it() {
        let run = check("F1 B1 p _ F2 B2 p p", &[&[3, 4], &[7, 8]], 2, 0);
        assert_eq!((run.fronts, run.backs, run.blank()), (2, 2, 1));
        // Fed with its back up; its back blank or not read; printed on one side only.
        check("B1 F1 p _ F2 _ p _ T _ p", &[&[3, 4], &[7, 8], &[11]], 3, 0);
        // The pages of the PDF laid one by one, each before a letter.
        check("F1 p B1 p F2 p", &[&[2], &[4], &[6]], 3, 0);
    }

    #[test]
    fn two_sheets_in_a_row_have_an_empty_letter_between_them() {
        check("F1 F2 p", &[&[3]], 2, 1);
        check("F1 B1 F2 B2 p p F3 B3", &[&[5, 6]], 3, 2);
        check("_ F1 _ _ F2 p", &[&[6]], 2, 1);
        // The same number twice: printed twice, or a copy; each divides.
        check("F1 p F1 p", &[&[2], &[4]], 2, 0);
    }

    #[test]
    fn the_date_is_that_of_the_sheet_before_the_letter() {
        let run = check("F9 p F1 p", &[&[2], &[4]], 2, 0);
        assert_eq!(run.letters[0].received, Some(Date::constant(2026, 11, 20)));
        assert_eq!(run.letters[1].received, None);
    }

    #[test]
    fn backs_come_in_reverse() {
        assert_eq!(collated(3, 3).unwrap(), [(0, 0), (1, 2), (0, 1), (1, 1), (0, 2), (1, 0)]);
        assert_eq!(collated(2, 1).unwrap(), [(0, 0), (1, 0), (0, 1)]);
        assert_eq!(collated(3, 1), None);
        assert_eq!(collated(2, 3), None);
        let pair = |words: &str| {
            let sights = sights(words);
            contradict(&sights[0], &sights[1])
        };
        assert!(!pair("F1 B1") && !pair("p _") && !pair("F1 _"));
        assert!(pair("F1 B2") && pair("F1 F1"));
    }
}
