//! What staff take back or correct on a case: the decision of a moment ago, a label, that two cases are one complaint; and a
//! second case from one piece. Each form is one change of the store, with the revision that the page showed.

use super::case_page::{case_number, draw, gather};
use super::case_view::Typed;
use super::decide::{changed, revision};
use super::errors::{Fault, Refused};
use super::guard::{Posted, Visitor, see_other};
use super::marking::one_line;
use super::pages::{self, Shell};
use super::state::{ReviewState, Shown};
use crate::record::{CORRECTABLE, CaseNumber, Judgement};
use crate::store::{SplitOrder, StoreError};
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Deserialize)]
pub struct UndoForm {
    revision: String,
}

#[derive(Deserialize)]
pub struct LabelForm {
    revision: String,
    /// `label=value`, of a button; or the two fields below.
    #[serde(default)]
    set: String,
    #[serde(default)]
    label: String,
    #[serde(default)]
    value: String,
    /// What is taken off or put to the bodies that stand.
    #[serde(default)]
    with: String,
    #[serde(default)]
    without: String,
    /// The label whose correction is taken back.
    #[serde(default)]
    clear: String,
}

#[derive(Deserialize)]
pub struct NotAlikeForm {
    other: String,
    revision: String,
}

#[derive(Deserialize)]
pub struct SplitForm {
    revision: String,
    /// `goes-<n>`: `on` for the bodies that go to the second case, in the order in which the page listed them.
    #[serde(flatten)]
    rest: BTreeMap<String, String>,
}

/// How long a decision can be taken back.
pub fn undo_time(state: &ReviewState) -> SignedDuration {
    SignedDuration::from_mins(i64::from(state.desk().undo_minutes))
}

/// What came of one change by a person.
async fn done<T: Send + 'static>(
    state: &ReviewState,
    visitor: &Visitor,
    number: CaseNumber,
    to: String,
    work: impl FnOnce(&crate::store::Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<Response, Fault> {
    let outcome = state
        .with_store(move |store| match work(store) {
            Ok(_) => Ok(true),
            Err(StoreError::Changed { .. } | StoreError::State { .. }) => Ok(false),
            Err(error) => Err(error),
        })
        .await?;
    if outcome { Ok(see_other(&to)) } else { changed(state, visitor, number, &Typed::default()).await }
}

/// `POST /cases/{number}/undo`
pub async fn undo(
    State(state): State<ReviewState>,
    Path(number): Path<String>,
    Posted { visitor, form }: Posted<UndoForm>,
) -> Result<Response, Fault> {
    let (number, revision) = (case_number(&number)?, revision(&form.revision)?);
    let (within, by, now) = (undo_time(&state), visitor.name.clone(), state.now());
    let to = format!("/cases/{number}?done=undone");
    done(&state, &visitor, number, to, move |store| store.undo(number, Some(revision), within, &by, now))
        .await
}

/// `POST /cases/{number}/labels`: a label as it should have been, kept as an example for the rules.
pub async fn label(
    State(state): State<ReviewState>,
    Path(number): Path<String>,
    Posted { visitor, form }: Posted<LabelForm>,
) -> Result<Response, Fault> {
    let (number, revision) = (case_number(&number)?, revision(&form.revision)?);
    let (by, now) = (visitor.name.clone(), state.now());
    let asked = match asked(&form) {
        Some(asked) => asked,
        None => {
            let errors = vec![Refused::at("k-oordeel", "Kies wat er moet staan.")];
            let given = gather(&state, number).await?;
            return draw(&state, &visitor, &given, None, &Typed { errors, ..Typed::default() });
        }
    };
    let to = format!("/cases/{number}?done=labelled#k-oordeel");
    done(&state, &visitor, number, to, move |store| {
        let (label, value) = match asked {
            Asked::Set(label, value) => (label, Some(value)),
            Asked::Clear(label) => (label, None),
            Asked::Bodies { with, without } => {
                let row = store.case(number)?.ok_or(StoreError::UnknownCase(number))?;
                let mut bodies = row.judgement.complained_about;
                bodies.retain(|body| *body != without);
                bodies.extend(Some(with).filter(|body| !body.is_empty()));
                ("complained_about".to_owned(), Some(bodies.join(",")))
            }
        };
        store.label(number, Some(revision), &label, value.as_deref(), &by, now)
    })
    .await
}

enum Asked {
    Set(String, String),
    Clear(String),
    Bodies { with: String, without: String },
}

fn asked(form: &LabelForm) -> Option<Asked> {
    if !form.clear.is_empty() {
        return Some(Asked::Clear(form.clear.clone()));
    }
    if !form.with.is_empty() || !form.without.is_empty() {
        return Some(Asked::Bodies { with: form.with.clone(), without: form.without.clone() });
    }
    let (label, value) = form.set.split_once('=').unwrap_or((&form.label, &form.value));
    (CORRECTABLE.contains(&label) && !value.is_empty())
        .then(|| Asked::Set(label.to_owned(), value.to_owned()))
}

/// `POST /cases/{number}/not-alike`
pub async fn not_alike(
    State(state): State<ReviewState>,
    Path(number): Path<String>,
    Posted { visitor, form }: Posted<NotAlikeForm>,
) -> Result<Response, Fault> {
    let (number, revision) = (case_number(&number)?, revision(&form.revision)?);
    let other = case_number(&form.other)?;
    let (by, now) = (visitor.name.clone(), state.now());
    let to = format!("/cases/{number}?done=not-alike");
    done(&state, &visitor, number, to, move |store| store.not_alike(number, Some(revision), other, &by, now))
        .await
}

#[derive(Serialize)]
struct SplitView {
    shell: Shell,
    number: String,
    title: String,
    revision: u64,
    bodies: Vec<Body>,
    fault: Option<&'static str>,
}

#[derive(Serialize)]
struct Body {
    name: String,
    ours: bool,
    /// What the page proposes: what is not ours goes.
    goes: bool,
}

/// `GET /cases/{number}/split`
pub async fn split_page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<String>,
) -> Result<Response, Fault> {
    split_view(&state, &visitor, case_number(&number)?, None).await
}

async fn split_view(
    state: &ReviewState,
    visitor: &Visitor,
    number: CaseNumber,
    fault: Option<&'static str>,
) -> Result<Response, Fault> {
    let row =
        state.with_store(move |store| store.case(number)?.ok_or(StoreError::UnknownCase(number))).await?;
    let shown = state.shown();
    let bodies = &row.judgement.complained_about;
    let view = SplitView {
        shell: Shell::new(state, visitor, "queue"),
        number: number.to_string(),
        title: row.subject.as_deref().map(one_line).unwrap_or_default(),
        revision: row.revision,
        bodies: bodies.iter().map(|id| body(id, &shown)).collect(),
        fault,
    };
    let html = pages::draw("split.html", &view)?;
    let status = if fault.is_some() {
        axum::http::StatusCode::UNPROCESSABLE_ENTITY
    } else {
        axum::http::StatusCode::OK
    };
    let mut response = (status, html).into_response();
    response.extensions_mut().insert(super::errors::Written);
    Ok(response)
}

fn body(id: &str, shown: &Shown) -> Body {
    let ours = shown.office.competence.covers(id);
    Body { name: shown.names.organisation_listed(id), ours, goes: !ours }
}

/// `POST /cases/{number}/split`
pub async fn split(
    State(state): State<ReviewState>,
    Path(number): Path<String>,
    Posted { visitor, form }: Posted<SplitForm>,
) -> Result<Response, Fault> {
    let (number, revision) = (case_number(&number)?, revision(&form.revision)?);
    let (row, judgement) = state
        .with_store(move |store| {
            let row = store.case(number)?.ok_or(StoreError::UnknownCase(number))?;
            let judgement = match row.records.first() {
                Some(first) => store.judgement(*first)?,
                None => None,
            };
            Ok((row, judgement))
        })
        .await?;
    let Some(judgement) = judgement.filter(|_| row.revision == revision) else {
        return changed(&state, &visitor, number, &Typed::default()).await;
    };
    let (goes, stays): (Vec<_>, Vec<_>) = row
        .judgement
        .complained_about
        .iter()
        .cloned()
        .enumerate()
        .partition(|(at, _)| form.rest.contains_key(&format!("goes-{at}")));
    let of = |bodies: Vec<(usize, String)>| bodies.into_iter().map(|(_, id)| id).collect::<Vec<_>>();
    let (goes, stays) = (of(goes), of(stays));
    if goes.is_empty() || stays.is_empty() {
        let fault =
            "Kies wat naar de nieuwe zaak gaat. In elke zaak moet minstens één instantie overblijven.";
        return split_view(&state, &visitor, number, Some(fault)).await;
    }
    let received = row.received;
    let order = state
        .with_the_clerk(move |clerk| {
            let part = |bodies: &[String]| -> Judgement { clerk.part(&judgement, bodies) };
            let goes = part(&goes);
            let deadlines = clerk.deadlines(&goes, received);
            SplitOrder { stays: part(&stays), goes, deadlines }
        })
        .await?;
    let (by, now) = (visitor.name.clone(), state.now());
    let made = state
        .with_store(move |store| match store.split(number, Some(revision), order, &by, now) {
            Ok(row) => Ok(Some(row.number)),
            Err(StoreError::Changed { .. } | StoreError::State { .. }) => Ok(None),
            Err(error) => Err(error),
        })
        .await?;
    match made {
        Some(_) => Ok(see_other(&format!("/cases/{number}?done=split"))),
        None => changed(&state, &visitor, number, &Typed::default()).await,
    }
}
