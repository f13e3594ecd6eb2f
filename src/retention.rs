//! Which cases and pieces are past their term of retention, and the list and declaration that go with their destruction
//! (Archiefwet 1995 art. 5; Archiefbesluit 1995 art. 8: verklaring van vernietiging).
//!
//! Invariants: a term runs from the last closing, in full days; what is open, was forbidden by a person, has a follow-up that
//! nobody decided on or an answer that is not out, is never past its term; a case goes with those that were joined to it.
//! List and declaration hold numbers, dates and grounds, no names.

use crate::limits::{JOINED_STEPS_MAX, PAGE_ROWS_MAX};
use crate::record::{
    AnswerState, CaseNumber, CaseRow, CaseStatus, RegistrationNumber, Retention, RetentionClass, SetAside,
    Verdict, office_date, term_in_words,
};
use crate::store::{FOLLOW_UP_QUEUE, PurgeOrder, Purgeable, Store, StoreError};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use std::fmt::Write as _;

/// One thing past its term: a case with those joined to it, or a piece that is no case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PastTerm {
    /// The case in which it goes on stands first; empty for a piece.
    pub cases: Vec<(CaseNumber, u64)>,
    pub records: Vec<RegistrationNumber>,
    pub class: RetentionClass,
    pub closed_on: Date,
    pub term: String,
    pub basis: String,
    /// The last day of the term.
    pub ended_on: Date,
}

impl PastTerm {
    /// What the store is asked to destroy.
    pub fn orders(&self) -> Vec<PurgeOrder> {
        let order = |what| PurgeOrder {
            what,
            closed_on: Some(self.closed_on),
            term: Some(self.term.clone()),
            basis: self.basis.clone(),
        };
        if self.cases.is_empty() {
            return self.records.iter().map(|record| order(Purgeable::Piece(*record))).collect();
        }
        self.cases.iter().map(|(case, revision)| order(Purgeable::Case(*case, *revision))).collect()
    }

    fn numbers(&self) -> String {
        let numbers: Vec<String> = match self.cases.is_empty() {
            true => self.records.iter().map(ToString::to_string).collect(),
            false => self.cases.iter().map(|(case, _)| case.to_string()).collect(),
        };
        numbers.join(" ")
    }
}

/// What is past its term, and what is not for another reason than its term.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    pub past: Vec<PastTerm>,
    /// Past its term, but forbidden by a person.
    pub kept: Vec<CaseNumber>,
    /// Past its term, but with work left: a follow-up, an answer that is not out.
    pub unfinished: Vec<CaseNumber>,
}

/// Looks at every case and every piece set aside. `on`: the day by which the term must be over.
///
/// # Errors
/// [`StoreError::Index`].
pub fn plan(store: &Store, rules: &Retention, on: Date) -> Result<Plan, StoreError> {
    let mut plan = Plan::default();
    if rules.is_empty() {
        return Ok(plan);
    }
    let mut heads = Vec::new();
    store.each_case(&mut |row| {
        if row.purged.is_none()
            && row.joined_to.is_none()
            && let Some(past) = past_term(&row, rules, on)
        {
            heads.push((row, past));
        }
        true
    })?;
    for (row, mut past) in heads {
        let mut group = vec![row];
        join(store, &mut group)?;
        let head = group[0].number;
        let mut work_left = false;
        for row in &group {
            work_left |= has_work_left(store, row)?;
        }
        if group.iter().any(|row| row.kept.is_some()) {
            plan.kept.push(head);
        } else if work_left {
            plan.unfinished.push(head);
        } else {
            past.cases = group.iter().map(|row| (row.number, row.revision)).collect();
            past.records = group.iter().flat_map(|row| row.records.iter().copied()).collect();
            plan.past.push(past);
        }
    }
    pieces(store, rules, on, &mut plan)?;
    Ok(plan)
}

/// The term of a closed case, when it is over.
fn past_term(row: &CaseRow, rules: &Retention, on: Date) -> Option<PastTerm> {
    let decision = row.decision.as_ref().filter(|_| row.status != CaseStatus::Open)?;
    let class = match decision.verdict {
        Verdict::TakeUp | Verdict::Settle => RetentionClass::TakenUp,
        Verdict::Refer => RetentionClass::Referred,
        Verdict::AskForMore => RetentionClass::AskedForMore,
        Verdict::Signal => RetentionClass::Signal,
        Verdict::NotAComplaint => RetentionClass::NotAComplaint,
        Verdict::Reopen => return None,
    };
    over(class, office_date(decision.at), rules, on)
}

fn over(class: RetentionClass, closed_on: Date, rules: &Retention, on: Date) -> Option<PastTerm> {
    let rule = rules.get(&class)?;
    let ended_on = rule.term.ends(closed_on).filter(|end| *end < on)?;
    let (term, basis) = (rule.term.to_string(), rule.basis.clone());
    Some(PastTerm { cases: Vec::new(), records: Vec::new(), class, closed_on, term, basis, ended_on })
}

/// Adds the cases that were joined to those of the group, and to them.
fn join(store: &Store, group: &mut Vec<CaseRow>) -> Result<(), StoreError> {
    let mut looked = 0;
    for _ in 0..JOINED_STEPS_MAX {
        let joined: Vec<CaseNumber> =
            group[looked..].iter().flat_map(|row| row.joined.iter().copied()).collect();
        looked = group.len();
        for case in joined {
            if let Some(row) = store.case(case)?.filter(|row| row.purged.is_none())
                && group.iter().all(|known| known.number != case)
            {
                group.push(row);
            }
        }
    }
    Ok(())
}

/// An answer that is not out, or a piece that came after the decision: it opens a closed case again, but not one that was
/// taken up.
fn has_work_left(store: &Store, row: &CaseRow) -> Result<bool, StoreError> {
    let unsent = row
        .answer
        .as_ref()
        .is_some_and(|answer| matches!(answer.state, AnswerState::Waiting { .. } | AnswerState::Held { .. }));
    if unsent || row.status == CaseStatus::Open {
        return Ok(true);
    }
    let (Some(decision), Some(last)) = (&row.decision, row.records.last()) else { return Ok(false) };
    let follows = row.status == CaseStatus::TakenUp && row.queue == FOLLOW_UP_QUEUE;
    Ok(follows && store.record(*last)?.registered_at > decision.at)
}

/// Pieces that are no case.
fn pieces(store: &Store, rules: &Retention, on: Date, plan: &mut Plan) -> Result<(), StoreError> {
    let mut offset = 0;
    loop {
        let page = store.aside(offset, 20 * PAGE_ROWS_MAX)?;
        if page.rows.is_empty() {
            return Ok(());
        }
        offset += page.rows.len();
        for row in page.rows {
            let class = match row.why {
                SetAside::Automatic { .. } => RetentionClass::Automatic,
                SetAside::ByPerson { .. } => RetentionClass::SetAside,
                SetAside::Divided(_) | SetAside::Backs { .. } => RetentionClass::DividedRun,
            };
            if let Some(mut past) = over(class, office_date(row.at), rules, on)
                && !store.is_purged(row.record)?
            {
                past.records.push(row.record);
                plan.past.push(past);
            }
        }
    }
}

/// What is to be destroyed, a line each, as a table that a spreadsheet opens.
pub fn list(past: &[PastTerm]) -> String {
    let mut text =
        "nummers;stukken;uitkomst;gesloten op;bewaartermijn;termijn voorbij na;grondslag\n".to_owned();
    for one in past {
        let records: Vec<String> = one.records.iter().map(ToString::to_string).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{};{};{};{};{};{};{}",
            one.numbers(),
            records.join(" "),
            one.class.label(),
            one.closed_on,
            term_in_words(&one.term),
            one.ended_on,
            cell(&one.basis)
        );
    }
    text
}

/// A cell that a spreadsheet takes as text.
fn cell(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    let guarded = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text };
    match guarded.contains([';', '"']) {
        true => format!("\"{}\"", guarded.replace('"', "\"\"")),
        false => guarded,
    }
}

/// The declaration of destruction, in Dutch.
pub fn declaration(
    office: &str,
    by: &str,
    now: Timestamp,
    (cases, pieces): (u64, u64),
    (list_name, list_digest): (&str, &str),
    reason: Option<&str>,
) -> String {
    let day = office_date(now).strftime("%d-%m-%Y");
    let ground = match reason {
        None => {
            "De bewaartermijn is voorbij. Per zaak staan de termijn en de grondslag (selectielijst en nummer) in de lijst."
                .to_owned()
        }
        Some(reason) => format!("Vernietigd op verzoek (AVG artikel 17), buiten een termijn om. Reden: {reason}"),
    };
    format!(
        "VERKLARING VAN VERNIETIGING (Archiefbesluit 1995, artikel 8)\n\n\
         Archiefvormer: {office}\nDatum: {day}\nVastgelegd door: {by}\n\n\
         Vernietigd: {cases} zaken, {pieces} stukken (originelen, gelezen tekst, oordelen, antwoorden en notities).\n\
         Grond: {ground}\n\
         Wijze: de mappen zijn uit de opslag verwijderd, en wat de index over personen had ook. Het logboek houdt nummers, \
         datums, uitkomst en de controlegetallen van de originelen. Kopieën (bode backup) volgen bij de volgende back-up.\n\n\
         Lijst: {list_name}\nSHA-256 van de lijst: {list_digest}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_hold_no_formula_and_no_separator() {
        assert_eq!(cell("Selectielijst 2020, 13.1"), "Selectielijst 2020, 13.1");
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("a;\"b\"\n"), "\"a;\"\"b\"\" \"");
    }
}
