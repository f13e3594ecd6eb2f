//! Figures: counters by day, kept by the fold beside the lists, so that a year is read without looking at a case.
//!
//! Invariant: what a case counts for is worked out from its state alone ([`counted`]); whenever the state is stored, what
//! it counted for before is taken off and what it counts for now is added. A destroyed case goes on counting by what its
//! entry tells ([`CaseFigures`]), so that the counters are the same live and built again.

use super::card::CaseState;
use super::fold::Fold;
use super::rows::decode;
use super::types::AsideRow;
use super::{Store, StoreError, keys};
use crate::record::{
    CaseFigures, CaseStatus, Channel, Figure, FigureRow, Reading, SetAside, Verdict, Waited, office_date,
    terms_ended,
};
use jiff::civil::Date;
use std::collections::BTreeSet;

impl Store {
    /// Every counter of the days from `from` to `until`, both with them, by day.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn figures(&self, from: Date, until: Date) -> Result<Vec<FigureRow>, StoreError> {
        let mut rows = Vec::new();
        self.rows.each(keys::FIGURES, Some(&keys::figures_of(from)), false, &mut |key, value| {
            let Some((day, figure, label)) = keys::read_figure(key) else { return Ok(true) };
            if day > until {
                return Ok(false);
            }
            let count = u64::try_from(decode::<i64>(value)?).unwrap_or(0);
            rows.push(FigureRow { day, figure, label, count });
            Ok(true)
        })?;
        Ok(rows)
    }

    /// The first day that has a counter.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn first_figure(&self) -> Result<Option<Date>, StoreError> {
        let mut first = None;
        self.rows.each(keys::FIGURES, None, false, &mut |key, _| {
            first = keys::read_figure(key).map(|(day, ..)| day);
            Ok(false)
        })?;
        Ok(first)
    }
}

impl Fold<'_> {
    /// The counters follow a case from one state to the next.
    pub(super) fn count_case(&mut self, old: Option<&CaseState>, new: Option<&CaseState>) {
        if let (Some(old), Some(new)) = (old, new)
            && counts_alike(old, new)
        {
            return;
        }
        let (before, after) = (old.map(counted).unwrap_or_default(), new.map(counted).unwrap_or_default());
        self.move_counters(&before, &after);
    }

    /// The same of a piece that is no case.
    pub(super) fn count_aside(&mut self, old: Option<&AsideRow>, new: Option<&AsideRow>) {
        let key =
            |row: &AsideRow| keys::figure(office_date(row.received_at), Figure::Aside, aside_label(&row.why));
        self.move_counters(&old.map(key).into_iter().collect(), &new.map(key).into_iter().collect());
    }

    fn move_counters(&mut self, before: &BTreeSet<Vec<u8>>, after: &BTreeSet<Vec<u8>>) {
        for key in before.difference(after) {
            self.add(key, -1);
        }
        for key in after.difference(before) {
            self.add(key, 1);
        }
    }
}

fn aside_label(why: &SetAside) -> &'static str {
    match why {
        SetAside::Automatic { class, .. } => class.id(),
        SetAside::ByPerson { .. } => "by-person",
        SetAside::Divided(_) => "divided",
        SetAside::Backs { .. } => "backs",
    }
}

/// What stays of a case for its year when it is destroyed.
pub(super) fn lasting(state: &CaseState) -> CaseFigures {
    if let Some(figures) = &state.figures {
        return figures.clone();
    }
    let row = &state.row;
    let ended = |status, verdict, at| terms_ended(&row.deadlines, status, verdict, office_date(at));
    let taken_up = row.taken_up_at.map(|at| ended(CaseStatus::TakenUp, Verdict::TakeUp, at));
    let decided = row.decision.as_ref().map(|decision| ended(row.status, decision.verdict, decision.at));
    let terms = taken_up.into_iter().chain(decided).flatten().collect();
    CaseFigures {
        about: row.judgement.complained_about.iter().cloned().collect(),
        reading: state.reading,
        terms,
    }
}

/// Is everything the same of which [`counted`] works them out? Most entries move an answer only.
fn counts_alike(old: &CaseState, new: &CaseState) -> bool {
    let (before, after) = (&old.row, &new.row);
    old.answered_at == new.answered_at
        && old.reading == new.reading
        && old.figures == new.figures
        && old.judged_queue == new.judged_queue
        && (before.channel, before.received, before.received_at, before.status)
            == (after.channel, after.received, after.received_at, after.status)
        && before.judgement.complained_about == after.judgement.complained_about
        && before.deadlines == after.deadlines
        && (&before.decision, before.taken_up_at) == (&after.decision, after.taken_up_at)
}

/// The counters that a case stands in.
fn counted(state: &CaseState) -> BTreeSet<Vec<u8>> {
    let row = &state.row;
    let lasting = lasting(state);
    let channel = match row.channel {
        Channel::Email => "email",
        Channel::Letter => "letter",
    };
    let mut all = BTreeSet::new();
    let mut count = |day: Date, figure: Figure, label: &str| {
        all.insert(keys::figure(day, figure, label));
    };
    count(row.received, Figure::Channel, channel);
    count(row.received, Figure::Queue, &state.judged_queue);
    for body in &lasting.about {
        count(row.received, Figure::Body, body);
    }
    if let Some(percent) = lasting.reading {
        count(row.received, Figure::Reading, Reading::of(percent).id());
    }
    if let Some(at) = state.answered_at {
        count(office_date(at), Figure::Answer, Waited::between(row.received_at, at).id());
    }
    // Back in the queue: no decision stands.
    if let Some(decision) = row.decision.as_ref().filter(|decision| decision.verdict != Verdict::Reopen) {
        // What answered the proposal was that it was taken up, and it counts on as of that day.
        let (first_at, verdict) = match row.taken_up_at {
            Some(at) => (at, Verdict::TakeUp),
            None => (decision.at, decision.verdict),
        };
        let (first, last) = (office_date(first_at), office_date(decision.at));
        count(first, Figure::Decision, Waited::between(row.received_at, first_at).id());
        count(first, Figure::Verdict, verdict.id());
        count(last, Figure::Verdict, decision.verdict.id());
        count(first, Figure::Proposal, &format!("{}>{}", state.judged_queue, verdict.id()));
        for (name, kept) in &lasting.terms {
            let day = if name == "contact" { first } else { last };
            count(day, Figure::Term, &format!("{name}>{}", if *kept { "kept" } else { "late" }));
        }
    }
    all
}
