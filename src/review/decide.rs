//! Forms of a case → one state change each, then 303 back to the case (so that "reload" repeats nothing).
//!
//! Invariants: a form carries the revision that its page showed; when the case went on meanwhile, nothing is
//! stored and the person sees what changed and keeps what was typed.

use super::case_page::{case_number, draw, gather};
use super::case_view::{Given, Typed};
use super::dates;
use super::errors::{Fault, Written};
use super::guard::{Posted, Visitor, see_other};
use super::pages::{self, Shell};
use super::state::ReviewState;
use super::words;
use crate::limits::NOTE_CHARS_MAX;
use crate::record::{CaseNumber, Decision, Verdict};
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
}

#[derive(Deserialize)]
pub struct AssignForm {
    /// An account; empty: nobody.
    #[serde(default)]
    assignee: String,
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
    let verdict = words::verdict_of(&form.verdict);
    let refer_to = form.refer_to.trim().to_owned();
    let reason = form.reason.trim().replace("\r\n", "\n");
    let mut typed = Typed {
        errors: Vec::new(),
        verdict,
        refer_to: Some(refer_to.clone()).filter(|id| !id.is_empty()),
        reason: reason.clone(),
        note: String::new(),
    };
    let decided = match check(verdict, &refer_to, &reason) {
        Ok(verdict) => Decision {
            verdict,
            refer_to: (verdict == Verdict::Refer).then_some(refer_to),
            by: visitor.name.clone(),
            at: state.now(),
            reason,
        },
        Err(errors) => {
            typed.errors = errors;
            let given = gather(&state, number).await?;
            return draw(&state, &visitor, &given, None, &typed);
        }
    };
    let now = state.now();
    let result = decide(&state, number, Some(revision), decided, now).await?;
    match result {
        Ok(verdict) => Ok(see_other(&format!("/cases/{number}?done={}", words::verdict_id(verdict)))),
        Err(Stale) => changed(&state, &visitor, number, &typed).await,
    }
}

/// Somebody else changed the case after it was shown.
pub struct Stale;

/// One decision on the store; `Err(Stale)` when the revision is no longer that of the case.
pub async fn decide(
    state: &ReviewState,
    number: CaseNumber,
    revision: Option<u64>,
    decision: Decision,
    now: jiff::Timestamp,
) -> Result<Result<Verdict, Stale>, Fault> {
    let verdict = decision.verdict;
    state
        .with_store(move |store| match store.decide(number, revision, decision, now) {
            Ok(_) => Ok(Ok(verdict)),
            Err(StoreError::Changed { .. }) => Ok(Err(Stale)),
            Err(error) => Err(error),
        })
        .await
}

/// What a decision must have; every fault at once, each a Dutch sentence.
pub fn check(verdict: Option<Verdict>, refer_to: &str, reason: &str) -> Result<Verdict, Vec<String>> {
    let mut errors = Vec::new();
    if verdict.is_none() {
        errors.push("Kies wat u met de zaak doet.".to_owned());
    }
    if verdict == Some(Verdict::Refer) && refer_to.is_empty() {
        errors.push("Kies naar wie u doorverwijst.".to_owned());
    }
    if refer_to.chars().count() > 80 {
        errors.push("De naam van wie het moet behandelen is te lang.".to_owned());
    }
    if reason.is_empty() && !matches!(verdict, None | Some(Verdict::TakeUp | Verdict::Refer)) {
        errors.push("Schrijf kort op waarom.".to_owned());
    }
    if reason.chars().count() > NOTE_CHARS_MAX {
        errors.push(format!("De reden is te lang. Er passen {NOTE_CHARS_MAX} tekens in."));
    }
    match verdict {
        Some(verdict) if errors.is_empty() => Ok(verdict),
        _ => Err(errors),
    }
}

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
    let result = state
        .with_store(move |store| match store.assign(number, Some(revision), &by, assignee.as_deref(), now) {
            Ok(_) => Ok(Ok(())),
            Err(StoreError::Changed { .. }) => Ok(Err(Stale)),
            Err(error) => Err(error),
        })
        .await?;
    match result {
        Ok(()) => Ok(see_other(&format!("/cases/{number}?done=assigned"))),
        Err(Stale) => changed(&state, &visitor, number, &Typed::default()).await,
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
        let typed = Typed { errors: vec![fault], note, ..Typed::default() };
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
        "release" => {
            state.with_store(move |store| store.release_answer(number, &by, now)).await?;
            "released"
        }
        "withhold" if reason.is_empty() => {
            let errors = vec!["Schrijf kort op waarom het antwoord niet uitgaat.".to_owned()];
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

fn revision(text: &str) -> Result<u64, Fault> {
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

/// The page that says: somebody was before you. With what was typed, to take along.
async fn changed(
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
        verdict: typed.verdict.map(words::verdict),
        reason: typed.reason.clone(),
    };
    let mut response = (StatusCode::CONFLICT, pages::draw("changed.html", &view)?).into_response();
    response.extensions_mut().insert(Written);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_must_be_whole() {
        assert_eq!(check(Some(Verdict::TakeUp), "", ""), Ok(Verdict::TakeUp));
        assert_eq!(check(Some(Verdict::Refer), "kifid", ""), Ok(Verdict::Refer));
        assert_eq!(check(Some(Verdict::Refer), "", "").unwrap_err().len(), 1);
        assert_eq!(check(None, "", "").unwrap_err(), ["Kies wat u met de zaak doet."]);
        for verdict in [Verdict::Signal, Verdict::NotAComplaint, Verdict::AskForMore, Verdict::Reopen] {
            assert!(check(Some(verdict), "", "").is_err());
            assert!(check(Some(verdict), "", "omdat").is_ok());
        }
        assert!(check(Some(Verdict::TakeUp), "", &"a".repeat(NOTE_CHARS_MAX + 1)).is_err());
    }
}
