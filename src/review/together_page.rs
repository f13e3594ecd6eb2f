//! `/together`: one decision for several equal cases, with the list of them first.
//!
//! Invariants: each case has its own entry in the journal, with the revision that the list showed; what went on meanwhile is
//! left and told; nothing is sent to a citizen from here.

use super::errors::{Fault, Refused, Written};
use super::guard::{Posted, Visitor};
use super::pages::{self, Shell};
use super::queue_page::RowView;
use super::state::{ReviewState, Shown};
use crate::limits::{NOTE_CHARS_MAX, TOGETHER_CASES_MAX};
use crate::queue::{self, QueueError};
use crate::record::{CaseNumber, CaseRow, CaseStatus, Decision, Verdict};
use crate::store::StoreError;
use axum::extract::{Extension, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Serialize)]
struct View {
    shell: Shell,
    rows: Vec<Line>,
    /// In what they differ, as one sentence.
    differ: String,
    choices: Vec<Choice>,
    referrals: Vec<Choice>,
    verdict: String,
    verdict_name: &'static str,
    refer_to: String,
    reason: String,
    chars_max: usize,
    faults: Vec<Refused>,
    done: bool,
    decided: usize,
}

#[derive(Serialize)]
struct Line {
    row: RowView,
    revision: u64,
    outcome: String,
}

#[derive(Serialize)]
struct Choice {
    id: String,
    name: String,
    /// The key of the same verdict on a case's page.
    key: usize,
}

#[derive(Deserialize)]
pub struct TogetherForm {
    #[serde(default)]
    verdict: String,
    #[serde(default)]
    refer_to: String,
    #[serde(default)]
    reason: String,
    /// `case-<number>`: its revision.
    #[serde(flatten)]
    rest: BTreeMap<String, String>,
}

/// What may be decided for several at once: what is left is a matter of one case.
const VERDICTS: [Verdict; 4] = [Verdict::TakeUp, Verdict::Refer, Verdict::Signal, Verdict::NotAComplaint];

/// `GET /together?case=…&case=…`: the list first.
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let numbers: BTreeSet<CaseNumber> = pairs
        .iter()
        .filter(|(name, _)| name == "case")
        .filter_map(|(_, number)| number.parse().ok())
        .take(TOGETHER_CASES_MAX)
        .collect();
    let rows = rows(&state, numbers).await?;
    let view = view(&state, &visitor, &rows);
    Ok(pages::draw("together.html", &view)?.into_response())
}

async fn rows(state: &ReviewState, numbers: BTreeSet<CaseNumber>) -> Result<Vec<CaseRow>, Fault> {
    state
        .with_store(move |store| {
            let mut rows = Vec::new();
            for number in numbers {
                rows.extend(store.case(number)?.filter(|row| row.status != CaseStatus::Closed));
            }
            Ok(rows)
        })
        .await
}

fn view(state: &ReviewState, visitor: &Visitor, rows: &[CaseRow]) -> View {
    let (shown, today) = (state.shown(), state.today());
    let named = |verdict: Verdict| Choice {
        id: queue::verdict_id(verdict).to_owned(),
        name: queue::verdict_label(verdict).to_owned(),
        key: queue::VERDICTS.iter().position(|known| *known == verdict).map_or(0, |at| at + 1),
    };
    let referral = |(id, name): (String, String)| Choice { id, name, key: 0 };
    View {
        shell: Shell::new(state, visitor, "queue"),
        differ: differ(rows, &shown),
        rows: rows
            .iter()
            .map(|row| Line {
                row: RowView::of(row, &shown, today),
                revision: row.revision,
                outcome: String::new(),
            })
            .collect(),
        choices: VERDICTS.into_iter().map(named).collect(),
        referrals: shown
            .names
            .referrals()
            .into_iter()
            .filter(|(id, _)| *id != shown.office.id)
            .map(referral)
            .collect(),
        verdict: String::new(),
        verdict_name: "",
        refer_to: String::new(),
        reason: String::new(),
        chars_max: NOTE_CHARS_MAX,
        faults: Vec::new(),
        done: false,
        decided: 0,
    }
}

/// What a person should know before she calls them equal.
fn differ(rows: &[CaseRow], shown: &Shown) -> String {
    let distinct = |of: &dyn Fn(&CaseRow) -> String| rows.iter().map(of).collect::<BTreeSet<_>>();
    let mut told = Vec::new();
    let bodies = distinct(&|row| {
        row.judgement
            .complained_about
            .iter()
            .map(|id| shown.names.organisation_listed(id))
            .collect::<Vec<_>>()
            .join(", ")
    });
    if bodies.len() > 1 {
        told.push("Ze gaan niet over dezelfde instantie.");
    }
    if distinct(&|row| format!("{:?}", row.judgement.scope)).len() > 1 {
        told.push("De inschatting is niet overal gelijk.");
    }
    if rows.iter().any(|row| row.judgement.urgent) {
        told.push("Er is een zaak met spoed bij.");
    }
    if rows.len() > 1 { told.join(" ") } else { String::new() }
}

/// `POST /together`
pub async fn decide(
    State(state): State<ReviewState>,
    Posted { visitor, form }: Posted<TogetherForm>,
) -> Result<Response, Fault> {
    let listed: BTreeMap<CaseNumber, u64> = form
        .rest
        .iter()
        .filter_map(|(name, revision)| {
            Some((name.strip_prefix("case-")?.parse().ok()?, revision.parse().ok()?))
        })
        .take(TOGETHER_CASES_MAX)
        .collect();
    let reason = form.reason.trim().replace("\r\n", "\n");
    let refer_to = Some(form.refer_to.trim().to_owned()).filter(|id| !id.is_empty());
    let verdict = queue::verdict_of(&form.verdict).filter(|verdict| VERDICTS.contains(verdict));
    let rows = rows(&state, listed.keys().copied().collect()).await?;
    let decision = |verdict| Decision {
        verdict,
        refer_to: refer_to.clone().filter(|_| verdict == Verdict::Refer),
        by: visitor.name.clone(),
        at: state.now(),
        reason: reason.clone(),
    };
    let mut view = view(&state, &visitor, &rows);
    (view.verdict, view.refer_to, view.reason) =
        (form.verdict.clone(), form.refer_to.clone(), reason.clone());
    let fault = match verdict {
        None => Some(Refused::at("v-take-up", "Kies wat u met deze zaken doet.")),
        Some(verdict) => queue::check(CaseStatus::Open, &decision(verdict)).err().map(Refused::from),
    };
    let (Some(verdict), None) = (verdict, &fault) else {
        view.faults.extend(fault);
        let mut response =
            (StatusCode::UNPROCESSABLE_ENTITY, pages::draw("together.html", &view)?).into_response();
        response.extensions_mut().insert(Written);
        return Ok(response);
    };
    let (decision, now) = (decision(verdict), state.now());
    let outcomes = state
        .with_store(move |store| {
            let mut outcomes = BTreeMap::new();
            for (number, revision) in listed {
                let outcome = match queue::decide(store, number, Some(revision), decision.clone(), now) {
                    Ok(_) => "Opgeslagen".to_owned(),
                    Err(QueueError::Fault(fault)) => fault.to_string(),
                    Err(QueueError::Store(StoreError::Changed { .. })) => "Intussen gewijzigd".to_owned(),
                    Err(QueueError::Store(StoreError::UnknownCase(_) | StoreError::State { .. })) => {
                        "Niet opgeslagen".to_owned()
                    }
                    Err(QueueError::Store(error)) => return Err(error),
                };
                outcomes.insert(number.to_string(), outcome);
            }
            Ok(outcomes)
        })
        .await?;
    for line in &mut view.rows {
        line.outcome = outcomes.get(&line.row.number).cloned().unwrap_or_default();
    }
    view.decided = view.rows.iter().filter(|line| line.outcome == "Opgeslagen").count();
    view.verdict_name = super::words::verdict_done(verdict);
    view.done = true;
    Ok(pages::draw("together.html", &view)?.into_response())
}
