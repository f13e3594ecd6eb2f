//! Every case has an answer that is sent, waits, is held, failed, or is withheld with a reason; what waits stands in the
//! list that the outbox reads, and a letter that lies ready is in the folder where the printer finds it.

use super::card::CaseState;
use super::fold_case::derived;
use super::rows::{Rows, decode};
use super::verify::VerifyReport;
use super::{Store, StoreError, keys};
use crate::record::{AnswerState, CaseNumber, CaseRow, ExceptionKind as Kind, OutboxEntry, office_date};
use jiff::{SignedDuration, Timestamp, ToSpan};
use std::path::Path;

/// An answer that waits longer than this past its time is an exception.
const OVERDUE: SignedDuration = SignedDuration::from_hours(2);

/// Days before and after the one that was noted, in which a letter may have been laid: it is laid first, then noted, and
/// what was laid before a stop is not laid again.
const DAYS_BEFORE: i32 = 8;
const DAYS_AFTER: i32 = 1;

/// Keys of the lists that people and the outbox work from.
#[derive(Default)]
struct Lists {
    due: u64,
    undelivered: u64,
    letters: u64,
}

impl Store {
    pub(super) fn check_answers(
        &self,
        rows: &dyn Rows,
        print_dir: Option<&Path>,
        now: Timestamp,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        // While a person has stopped all answers they wait for that person.
        let paused = rows.get(keys::SENDING_PAUSED)?.is_some();
        let mut lists = Lists::default();
        rows.each(keys::CASES, None, false, &mut |_, value| {
            let row = decode::<CaseState>(value)?.row;
            report.cases += 1;
            self.check_lists(rows, &row, &mut lists, report)?;
            let CaseRow { number, answer, .. } = row;
            match answer.as_ref().map(|answer| &answer.state) {
                Some(AnswerState::Sent { .. }) => report.answers.sent += 1,
                Some(AnswerState::Held { reason } | AnswerState::Withheld { reason })
                    if reason.trim().is_empty() =>
                {
                    report.told(
                        Kind::AnswerWithoutReason,
                        format!("het antwoord van zaak {number} is tegengehouden zonder reden"),
                    );
                }
                Some(AnswerState::Held { .. }) => report.answers.held += 1,
                Some(AnswerState::Failed { .. }) => report.answers.failed += 1,
                Some(AnswerState::Withheld { .. }) => report.answers.withheld += 1,
                Some(AnswerState::Waiting { next, .. }) => {
                    report.answers.waiting += 1;
                    if !paused {
                        overdue(number, now.duration_since(*next), report);
                    }
                }
                None => report.told(
                    Kind::AnswerWithoutReason,
                    format!("zaak {number} heeft geen antwoord en geen reden"),
                ),
            }
            if let (Some(dir), Some(entry)) = (print_dir, &answer) {
                check_laid(dir, number, entry, report);
            }
            Ok(true)
        })?;
        let stands = |prefix: &[u8]| -> Result<u64, StoreError> {
            let mut count = 0;
            rows.each(prefix, None, false, &mut |_, _| {
                count += 1;
                Ok(true)
            })?;
            Ok(count)
        };
        for (what, listed, wanted) in [
            ("te verzenden antwoorden", stands(keys::DUE_ANSWERS)?, lists.due),
            ("niet aangekomen antwoorden", stands(keys::UNDELIVERED)?, lists.undelivered),
            ("brieven", stands(b"l")?, lists.letters),
        ] {
            if listed > wanted {
                let more = listed - wanted;
                report.told(Kind::OutboxBroken, format!("de lijst van {what} heeft er {more} te veel"));
            }
        }
        Ok(())
    }

    /// Every list in which a case must stand has it.
    fn check_lists(
        &self,
        rows: &dyn Rows,
        row: &CaseRow,
        lists: &mut Lists,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        for key in derived(row, self.originals.sealing()) {
            let (what, count) = match key.first() {
                Some(b'o') => ("te verzenden antwoorden", Some(&mut lists.due)),
                Some(b'u') => ("niet aangekomen antwoorden", Some(&mut lists.undelivered)),
                Some(b'l') => ("brieven", Some(&mut lists.letters)),
                _ => ("zaken", None),
            };
            if rows.get(&key)?.is_none() {
                report.told(
                    Kind::OutboxBroken,
                    format!("zaak {} staat niet in de lijst van {what}", row.number),
                );
            } else if let Some(count) = count {
                *count += 1;
            }
        }
        Ok(())
    }
}

fn overdue(number: CaseNumber, late: SignedDuration, report: &mut VerifyReport) {
    if late > OVERDUE {
        report.told(
            Kind::AnswerOverdue,
            format!("het antwoord van zaak {number} had {} uur geleden weg gemoeten", late.as_hours()),
        );
    }
}

/// A letter that nobody has printed yet lies where it was laid.
fn check_laid(print_dir: &Path, number: CaseNumber, entry: &OutboxEntry, report: &mut VerifyReport) {
    let Some(at) = entry.letter_day().filter(|_| entry.printed.is_none()) else { return };
    let day = office_date(at);
    let lies = (-DAYS_BEFORE..=DAYS_AFTER).rev().any(|days| {
        let day = day.saturating_add(days.days());
        print_dir.join(day.to_string()).join(format!("{number}.pdf")).is_file()
    });
    if !lies {
        let what =
            format!("de brief van zaak {number} ligt niet in de printmap, en niemand heeft haar geprint");
        report.told(Kind::LetterNotLaid, what);
    }
}
