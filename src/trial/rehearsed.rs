//! What judging proposed, held against what staff decided: label by label and queue by queue, with the numbers of the cases
//! that a person saw otherwise, and what would have been answered.
//!
//! Invariants: numbers, labels and reasons only, no text and no name of a citizen; a case that nobody decided counts for
//! neither side.

use super::archive::gold_of;
use super::compare::words;
use super::labels::{Gold, LABELS, counts, wrong};
use crate::record::{AnswerState, CaseNumber, CaseRow, Judgement, REHEARSED, correction_value};
use crate::store::{CaseFilter, CaseOrder, Store, StoreError};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;

/// What came of a rehearsal, or of any other time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Rehearsed {
    pub cases: usize,
    /// Cases on which a person decided, or of which they corrected a label.
    pub decided: usize,
    /// Cases of which every label that the decision tells was judged as it was decided.
    pub agreed: usize,
    /// There are older cases, which were left out.
    pub more: bool,
    /// By the label that was judged.
    pub labels: BTreeMap<String, Fate>,
    /// By the queue that was proposed.
    pub queues: BTreeMap<String, Fate>,
    pub answers: WouldAnswer,
}

/// How often something that was proposed held.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Fate {
    pub agreed: usize,
    pub overruled: usize,
    /// Not decided yet.
    pub open: usize,
    /// The cases that a person saw otherwise.
    pub cases: Vec<Otherwise>,
}

/// A case that a person saw otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Otherwise {
    pub case: CaseNumber,
    /// `scope: unclear → in`, a value for each label.
    pub labels: Vec<LabelOtherwise>,
}

/// One label of it; values as they are printed for staff.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelOtherwise {
    pub label: &'static str,
    pub judged: String,
    pub decided: String,
}

/// What became of the answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct WouldAnswer {
    /// Made, and withheld only because this was a rehearsal.
    pub would_go: usize,
    /// A person would have to let them go, by reason.
    pub held: BTreeMap<String, usize>,
    /// None, by reason.
    pub silent: BTreeMap<String, usize>,
    /// Made and not tried yet.
    pub waiting: usize,
    /// Went out or failed, before or after the rehearsal.
    pub other: usize,
}

/// Compares the newest cases, at most `max`, that were received on this day or later.
///
/// # Errors
/// When the store cannot be read.
pub fn rehearsed(store: &Store, from: Option<Date>, max: usize) -> Result<Rehearsed, StoreError> {
    let newest = CaseFilter { order: CaseOrder::Newest, limit: max, ..CaseFilter::default() };
    let page = store.cases(&newest)?;
    let mut found = Rehearsed { more: page.more || page.total > page.rows.len(), ..Rehearsed::default() };
    for row in page.rows.into_iter().filter(|row| from.is_none_or(|from| row.received >= from)) {
        let Some(first) = row.records.first() else { continue };
        // Destroyed since: nothing is known of how it was judged.
        let Some(judged) = store.judgement(*first)? else { continue };
        found.add(&row, &judged);
    }
    Ok(found)
}

impl Rehearsed {
    fn add(&mut self, row: &CaseRow, judged: &Judgement) {
        self.cases += 1;
        self.answers.add(row);
        let mut gold = row.decision.as_ref().map_or_else(Gold::new, |decision| gold_of(decision, judged));
        for (label, value) in &row.labels {
            gold.insert(label.clone(), correction_value(label, value));
        }
        let queue = self.queues.entry(judged.queue.clone()).or_default();
        if row.decision.is_none() && gold.is_empty() {
            queue.open += 1;
            return;
        }
        self.decided += 1;
        let otherwise: Vec<LabelOtherwise> = wrong(&gold, judged)
            .into_iter()
            .map(|one| LabelOtherwise {
                label: one.label,
                judged: words(&one.got),
                decided: words(&one.want),
            })
            .collect();
        let case = row.number;
        if otherwise.is_empty() {
            self.agreed += 1;
            queue.agreed += 1;
        } else {
            queue.overruled += 1;
            queue.cases.push(Otherwise { case, labels: otherwise.clone() });
        }
        for label in LABELS.into_iter().filter(|label| counts(label, &gold)) {
            let fate = self.labels.entry(label.to_owned()).or_default();
            match otherwise.iter().find(|one| one.label == label) {
                None => fate.agreed += 1,
                Some(one) => {
                    fate.overruled += 1;
                    fate.cases.push(Otherwise { case, labels: vec![one.clone()] });
                }
            }
        }
    }
}

impl WouldAnswer {
    fn add(&mut self, row: &CaseRow) {
        let count = |by: &mut BTreeMap<String, usize>, reason: &str| {
            // What stands behind a colon may be a reply of a server or an address.
            let kind = reason.split(": ").next().unwrap_or(reason);
            *by.entry(kind.trim_end_matches('.').to_owned()).or_default() += 1;
        };
        match row.answer.as_ref().map(|answer| &answer.state) {
            Some(AnswerState::Withheld { reason }) if reason == REHEARSED => self.would_go += 1,
            Some(AnswerState::Withheld { reason }) => count(&mut self.silent, reason),
            Some(AnswerState::Held { reason }) => count(&mut self.held, reason),
            Some(AnswerState::Waiting { .. }) => self.waiting += 1,
            Some(AnswerState::Sent { .. } | AnswerState::Failed { .. }) => self.other += 1,
            None => count(&mut self.silent, "Geen antwoord"),
        }
    }
}
