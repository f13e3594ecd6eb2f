//! `GET /rehearsal`: what was proposed beside what staff decided, label by label and queue by queue, and how to begin in
//! earnest.
//!
//! Invariant: numbers, labels and reasons; the cases themselves are a click away, where every look is written down.

use super::dates;
use super::errors::Fault;
use super::guard::Visitor;
use super::pages::{self, Shell};
use super::state::{ReviewState, Shown};
use super::words;
use crate::limits::REHEARSAL_CASES_MAX;
use crate::record::office_date;
use crate::trial::{Fate, Rehearsed, rehearsed};
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::collections::BTreeMap;

/// Cases that are named in a row.
const NAMED_MAX: usize = 12;

#[derive(Serialize)]
struct View {
    shell: Shell,
    on: bool,
    /// `2 maart 2026 tot 6 maart 2026`
    period: Option<String>,
    cases: usize,
    decided: usize,
    agreed: usize,
    more: bool,
    queues: Vec<RowView>,
    labels: Vec<RowView>,
    would_go: usize,
    waiting: usize,
    held: Vec<ReasonView>,
    silent: Vec<ReasonView>,
}

#[derive(Serialize)]
struct RowView {
    name: String,
    agreed: usize,
    overruled: usize,
    open: usize,
    /// Numbers of the cases that a person saw otherwise.
    cases: Vec<String>,
    more: usize,
}

#[derive(Serialize)]
struct ReasonView {
    reason: String,
    count: usize,
}

/// `GET /rehearsal`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Fault> {
    let (period, found) = state
        .with_store(|store| {
            let from = store.rehearsed_from()?.map(office_date);
            Ok((store.rehearsal()?, rehearsed(store, from, REHEARSAL_CASES_MAX)?))
        })
        .await?;
    let shown = state.shown();
    let Rehearsed { cases, decided, agreed, more, labels, queues, answers } = found;
    let view = View {
        shell: Shell::new(&state, &visitor, "numbers"),
        on: state.is_rehearsal(),
        period: period.map(|period| match period.ended {
            None => format!("sinds {}", dates::short(office_date(period.began))),
            Some(ended) => format!(
                "van {} tot {}",
                dates::short(office_date(period.began)),
                dates::short(office_date(ended))
            ),
        }),
        cases,
        decided,
        agreed,
        more,
        queues: rows(queues, &|id| queue(&shown, id)),
        labels: rows(labels, &words::label),
        would_go: answers.would_go,
        waiting: answers.waiting,
        held: reasons(answers.held),
        silent: reasons(answers.silent),
    };
    Ok(pages::draw("rehearsal.html", &view)?.into_response())
}

fn queue(shown: &Shown, id: &str) -> String {
    shown.names.queue(id)
}

fn rows(fates: BTreeMap<String, Fate>, name: &dyn Fn(&str) -> String) -> Vec<RowView> {
    fates
        .into_iter()
        .map(|(id, fate)| RowView {
            name: name(&id),
            agreed: fate.agreed,
            overruled: fate.overruled,
            open: fate.open,
            more: fate.cases.len().saturating_sub(NAMED_MAX),
            cases: fate.cases.iter().take(NAMED_MAX).map(|one| one.case.to_string()).collect(),
        })
        .collect()
}

fn reasons(counts: BTreeMap<String, usize>) -> Vec<ReasonView> {
    let mut all: Vec<_> = counts.into_iter().map(|(reason, count)| ReasonView { reason, count }).collect();
    all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.reason.cmp(&b.reason)));
    all
}
