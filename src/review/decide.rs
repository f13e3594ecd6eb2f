//! Forms of a case → one state change each, then 303 back to the case (so that "reload" repeats nothing).
//!
//! Invariants: a form carries the revision that its page showed; when the case went on meanwhile, nothing is
//! stored and the person sees what changed and keeps what was typed.

use super::case_page::{case_number, draw, gather};
use super::case_view::{Given, Typed};
use super::clerk::Words;
use super::dates;
use super::errors::{Fault, Refused, Written};
use super::guard::{Posted, Visitor, see_other};
use super::message_page::{self, DraftForm};
use super::pages::{self, Shell};
use super::state::ReviewState;
use crate::limits::NOTE_CHARS_MAX;
use crate::queue::{self, QueueError};
use crate::record::{CaseNumber, CaseRow, Decision, Verdict};
use crate::store::StoreError;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
pub struct DecisionForm {
    #[serde(default)]
    verdict: String,
    #[serde(default)]
    refer_to: String,
    #[serde(default)]
    reason: String,
    revision: String,
    /// `yes`: with the message below.
    #[serde(default)]
    send: String,
    #[serde(default)]
    how: String,
    #[serde(default)]
    language: String,
    #[serde(default)]
    message_subject: String,
    #[serde(default)]
    message_text: String,
}

#[derive(Deserialize)]
pub struct AssignForm {
    /// An account; empty: nobody.
    #[serde(default)]
    assignee: String,
    revision: String,
}

#[derive(Deserialize)]
pub struct JoinForm {
    /// The case in which this one goes on.
    into: String,
    revision: String,
}

#[derive(Deserialize)]
pub struct NoteForm {
    #[serde(default)]
    note: String,
}

#[derive(Deserialize)]
pub struct AnswerForm {
    /// `release` or `withhold`.
    #[serde(default)]
    action: String,
    #[serde(default)]
    reason: String,
}

/// `POST /cases/{number}/decision`
pub async fn decision(
    State(state): State<ReviewState>,
    Path(number): Path<String>,
    Posted { visitor, form }: Posted<DecisionForm>,
) -> Result<Response, Fault> {
    let number = case_number(&number)?;
    let revision = revision(&form.revision)?;
    let verdict = queue::verdict_of(&form.verdict);
    let refer_to = form.refer_to.trim().to_owned();
    let reason = form.reason.trim().replace("\r\n", "\n");
    let mut typed = Typed {
        errors: Vec::new(),
        verdict,
        refer_to: Some(refer_to.clone()).filter(|id| !id.is_empty()),
        reason: reason.clone(),
        note: String::new(),
    };
    let mut sent = "";
    let outcome = match verdict {
        Some(verdict) => {
            let by = visitor.name.clone();
            let decision = Decision { verdict, refer_to: Some(refer_to), by, at: state.now(), reason };
            if form.send == "yes" {
                match tell(&state, number, revision, decision, &form).await? {
                    Outcome::NotWhole(fault) => {
                        return message_page::show(&state, &visitor, number, again(form), vec![fault]).await;
                    }
                    outcome => {
                        sent = "&told=yes";
                        outcome
                    }
                }
            } else {
                decide(&state, number, revision, decision).await?
            }
        }
        None => Outcome::NotWhole(Refused::at("v-take-up", "Kies wat u met de zaak doet.")),
    };
    match outcome {
        Outcome::Done(row) => {
            state.presence().leave(number, &visitor.name);
            let done = row.decision.map_or("reopen", |decision| queue::verdict_id(decision.verdict));
            Ok(see_other(&format!("/cases/{number}?done={done}{sent}")))
        }
        Outcome::NotWhole(fault) => {
            typed.errors.push(fault);
            let given = gather(&state, number).await?;
            draw(&state, &visitor, &given, None, &typed)
        }
        Outcome::Stale => changed(&state, &visitor, number, &typed).await,
    }
}

/// A decision with a message to the citizen, which waits until the decision can no longer be taken back.
async fn tell(
    state: &ReviewState,
    number: CaseNumber,
    revision: u64,
    mut decision: Decision,
    form: &DecisionForm,
) -> Result<Outcome, Fault> {
    if decision.verdict != Verdict::Refer {
        decision.refer_to = None;
    }
    // What is needed stands in the message; nobody writes it twice.
    if decision.verdict == Verdict::AskForMore && decision.reason.is_empty() {
        decision.reason = "Zie het bericht aan de inwoner.".to_owned();
    }
    if state.is_rehearsal() {
        return Ok(Outcome::NotWhole(Refused::at("", "Dit is een proefopstelling: er gaat niets uit.")));
    }
    let words =
        Words { subject: form.message_subject.clone(), text: form.message_text.replace("\r\n", "\n") };
    let message =
        match message_page::message(state, number, &decision, (form.language.clone(), words)).await? {
            Ok(message) => message,
            Err(fault) => return Ok(Outcome::NotWhole(fault)),
        };
    let now = state.now();
    let next = now.checked_add(super::mend::undo_time(state)).unwrap_or(now);
    state
        .with_store(move |store| {
            match queue::decide_and_tell(store, number, revision, decision, &message, next, now) {
                Ok(row) => Ok(Outcome::Done(Box::new(row))),
                Err(QueueError::Fault(fault)) => match store.case(number)? {
                    Some(row) if row.revision != revision => Ok(Outcome::Stale),
                    _ => Ok(Outcome::NotWhole(fault.into())),
                },
                Err(QueueError::Store(StoreError::Changed { .. })) => Ok(Outcome::Stale),
                Err(QueueError::Store(StoreError::State { .. })) => Ok(Outcome::NotWhole(Refused::at(
                    "",
                    "De ontvangstbevestiging wacht nog. Laat die eerst uitgaan of houd haar tegen.",
                ))),
                Err(QueueError::Store(error)) => Err(error),
            }
        })
        .await
}

/// What was typed, for the page of the message.
fn again(form: DecisionForm) -> DraftForm {
    DraftForm {
        revision: form.revision,
        verdict: form.verdict,
        refer_to: form.refer_to,
        reason: form.reason,
        how: form.how,
        language: form.language,
        message_subject: form.message_subject,
        message_text: form.message_text,
        ..DraftForm::default()
    }
}

/// What came of a decision.
pub enum Outcome {
    Done(Box<CaseRow>),
    /// The person can mend it.
    NotWhole(Refused),
    /// Somebody else changed the case after it was shown.
    Stale,
}

/// One decision, by the rules of the queue, on the revision that was looked at.
pub async fn decide(
    state: &ReviewState,
    number: CaseNumber,
    revision: u64,
    mut decision: Decision,
) -> Result<Outcome, Fault> {
    if decision.verdict != Verdict::Refer {
        decision.refer_to = None;
    }
    if decision.refer_to.as_ref().is_some_and(|id| id.chars().count() > REFER_TO_CHARS_MAX) {
        return Ok(Outcome::NotWhole(Refused::at("naar", "De naam van wie het moet behandelen is te lang.")));
    }
    let now = state.now();
    state
        .with_store(move |store| match queue::decide(store, number, Some(revision), decision, now) {
            Ok(row) => Ok(Outcome::Done(Box::new(row))),
            // A case that went on is "changed", also when that makes the verdict impossible.
            Err(QueueError::Fault(fault)) => match store.case(number)? {
                Some(row) if row.revision != revision => Ok(Outcome::Stale),
                _ => Ok(Outcome::NotWhole(fault.into())),
            },
            Err(QueueError::Store(StoreError::Changed { .. })) => Ok(Outcome::Stale),
            Err(QueueError::Store(error)) => Err(error),
        })
        .await
}

/// Characters of a referral that a program may name itself.
const REFER_TO_CHARS_MAX: usize = 80;

/// `POST /cases/{number}/assign`
pub async fn assign(
    State(state): State<ReviewState>,
    Path(number): Path<String>,
    Posted { visitor, form }: Posted<AssignForm>,
) -> Result<Response, Fault> {
    let number = case_number(&number)?;
    let revision = revision(&form.revision)?;
    let assignee = Some(form.assignee.trim().to_owned()).filter(|name| !name.is_empty());
    if let Some(name) = assignee.clone()
        && state.with_accounts(move |accounts| accounts.get(&name)).await?.is_none()
    {
        return Err(Fault::unacceptable("Deze collega heeft geen account."));
    }
    let (by, now) = (visitor.name.clone(), state.now());
    let assigned = state
        .with_store(move |store| match store.assign(number, Some(revision), &by, assignee.as_deref(), now) {
            Ok(_) => Ok(true),
            Err(StoreError::Changed { .. }) => Ok(false),
            Err(error) => Err(error),
        })
        .await?;
    if assigned {
        Ok(see_other(&format!("/cases/{number}?done=assigned")))
    } else {
        changed(&state, &visitor, number, &Typed::default()).await
    }
}

/// `POST /cases/{number}/join`
pub async fn join(
    State(state): State<ReviewState>,
    Path(number): Path<String>,
    Posted { visitor, form }: Posted<JoinForm>,
) -> Result<Response, Fault> {
    let number = case_number(&number)?;
    let revision = revision(&form.revision)?;
    let into = case_number(&form.into)?;
    let (by, now) = (visitor.name.clone(), state.now());
    let joined = state
        .with_store(move |store| match store.join_cases(number, Some(revision), into, &by, now) {
            Ok(_) => Ok(true),
            Err(StoreError::Changed { .. } | StoreError::State { .. }) => Ok(false),
            Err(error) => Err(error),
        })
        .await?;
    if joined {
        Ok(see_other(&format!("/cases/{into}?done=joined")))
    } else {
        changed(&state, &visitor, number, &Typed::default()).await
    }
}

/// `POST /cases/{number}/note`
pub async fn note(
    State(state): State<ReviewState>,
    Path(number): Path<String>,
    Posted { visitor, form }: Posted<NoteForm>,
) -> Result<Response, Fault> {
    let number = case_number(&number)?;
    let note = form.note.trim().replace("\r\n", "\n");
    let fault = match note.chars().count() {
        0 => Some("Schrijf eerst een notitie.".to_owned()),
        chars if chars > NOTE_CHARS_MAX => {
            Some(format!("De notitie is te lang. Er passen {NOTE_CHARS_MAX} tekens in."))
        }
        _ => None,
    };
    if let Some(fault) = fault {
        let typed = Typed { errors: vec![Refused::at("notitie", fault)], note, ..Typed::default() };
        let given = gather(&state, number).await?;
        return draw(&state, &visitor, &given, None, &typed);
    }
    let (by, now) = (visitor.name, state.now());
    state.with_store(move |store| store.note(number, &by, &note, now)).await?;
    Ok(see_other(&format!("/cases/{number}?done=noted")))
}

/// `POST /cases/{number}/answer`
pub async fn answer(
    State(state): State<ReviewState>,
    Path(number): Path<String>,
    Posted { visitor, form }: Posted<AnswerForm>,
) -> Result<Response, Fault> {
    let number = case_number(&number)?;
    let (by, now) = (visitor.name.clone(), state.now());
    let reason = form.reason.trim().to_owned();
    let done = match form.action.as_str() {
        "release" if asks_for_address(&state, number).await? => {
            return Err(Fault::unacceptable("Controleer eerst het adres van deze brief."));
        }
        "release" => {
            state.with_store(move |store| store.release_answer(number, &by, now)).await?;
            state.tell_released();
            "released"
        }
        "withhold" if reason.is_empty() => {
            let errors =
                vec![Refused::at("waarom-niet", "Schrijf kort op waarom het antwoord niet uitgaat.")];
            let given = gather(&state, number).await?;
            return draw(&state, &visitor, &given, None, &Typed { errors, ..Typed::default() });
        }
        "withhold" => {
            state.with_store(move |store| store.withhold_answer(number, &by, &reason, now)).await?;
            "withheld"
        }
        _ => return Err(Fault::unacceptable("Kies of het antwoord uitgaat of niet.")),
    };
    Ok(see_other(&format!("/cases/{number}?done={done}")))
}

/// A letter whose address nobody is sure of goes out by checking that address only.
async fn asks_for_address(state: &ReviewState, number: CaseNumber) -> Result<bool, Fault> {
    let row = state.with_store(move |store| store.case(number)).await?;
    Ok(row.and_then(|row| row.answer).is_some_and(|entry| entry.asks_for_address()))
}

pub(super) fn revision(text: &str) -> Result<u64, Fault> {
    text.parse().map_err(|_| Fault::unacceptable("Het formulier is niet volledig."))
}

#[derive(Serialize)]
struct ChangedView {
    shell: Shell,
    number: String,
    lines: Vec<Line>,
    verdict: Option<&'static str>,
    reason: String,
}

#[derive(Serialize)]
struct Line {
    at: String,
    by: String,
    what: String,
}

/// Nothing but the token.
#[derive(Deserialize)]
pub struct EmptyForm {}

/// `POST /breaker`: a person closes the breaker. What it held stays with its cases, to be let go one by one.
pub async fn close_breaker(
    State(state): State<ReviewState>,
    Posted { visitor, .. }: Posted<EmptyForm>,
) -> Result<Response, Fault> {
    let now = state.now();
    let row = state
        .with_store(move |store| {
            store.close_breaker(&visitor.name, now)?;
            store.breaker()
        })
        .await?;
    state.health().breaker(row);
    Ok(see_other("/"))
}

/// The page that says: somebody was before you. With what was typed, to take along.
pub(super) async fn changed(
    state: &ReviewState,
    visitor: &Visitor,
    number: CaseNumber,
    typed: &Typed,
) -> Result<Response, Fault> {
    let given: Given = gather(state, number).await?;
    let view = ChangedView {
        shell: Shell::new(state, visitor, "queue"),
        number: number.to_string(),
        lines: given
            .history
            .iter()
            .rev()
            .take(3)
            .map(|line| Line { at: dates::moment(line.at), by: line.by.clone(), what: line.what.clone() })
            .collect(),
        verdict: typed.verdict.map(queue::verdict_label),
        reason: typed.reason.clone(),
    };
    let mut response = (StatusCode::CONFLICT, pages::draw("changed.html", &view)?).into_response();
    response.extensions_mut().insert(Written);
    Ok(response)
}
