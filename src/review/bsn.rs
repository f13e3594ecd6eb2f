//! Citizen service numbers are covered on every page and in the API, and shown when somebody with the right asks: each
//! time is in the journal before the number is on a screen (AVG art. 87, UAVG art. 46: the number is for what a law says).

use super::answer_view::AnswerGiven;
use super::case_page::{case_number, draw, gather_whole};
use super::case_view::{Given, Typed};
use super::errors::Fault;
use super::guard::{Posted, Visitor};
use super::looks;
use super::piece_view::PieceGiven;
use super::state::ReviewState;
use crate::record::{Bsns, CaseNumber, Look, Seen};
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

/// How the numbers of a case stand on its page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shows {
    /// There are none.
    #[default]
    None,
    Covered,
    Whole,
}

impl Shows {
    pub fn id(self) -> &'static str {
        match self {
            Shows::None => "none",
            Shows::Covered => "covered",
            Shows::Whole => "whole",
        }
    }
}

/// The numbers that a case names anywhere.
fn numbers(given: &Given) -> Bsns {
    let mut all = Bsns::default();
    for extract in given.pieces.iter().filter_map(|piece| piece.extract.as_ref()) {
        all.extend(Bsns::in_extract(extract));
    }
    all.extend(Bsns::named_in(given.history.iter().filter_map(|line| line.note.as_deref())));
    let answer = given.answer.iter().flat_map(|answer| [&answer.subject, &answer.text]);
    all.extend(Bsns::named_in(answer.filter_map(Option::as_deref)));
    all
}

/// The case with its numbers covered. Most cases have none, and are given back as they are.
pub(super) fn cover(mut given: Given) -> Result<Given, Fault> {
    let all = numbers(&given);
    if all.is_empty() {
        return Ok(given);
    }
    // The error itself could quote what it covers.
    let failed = |_: serde_json::Error| Fault::internal(&"a case could not be covered");
    given.row = all.cover_all(&given.row).map_err(failed)?;
    given.history = all.cover_all(&given.history).map_err(failed)?;
    given.pieces = given
        .pieces
        .into_iter()
        .map(|piece| piece_with(piece, &all))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    for AnswerGiven { subject, text, .. } in given.answer.iter_mut().chain(&mut given.earlier_answer) {
        for text in [subject, text].into_iter().flatten() {
            *text = all.cover(text).into_owned();
        }
    }
    given.bsn = Shows::Covered;
    Ok(given)
}

fn piece_with(mut piece: PieceGiven, all: &Bsns) -> Result<PieceGiven, serde_json::Error> {
    piece.record = all.cover_all(&piece.record)?;
    if let Some(extract) = &piece.extract {
        let covered = all.cover_extract(extract)?;
        let judgement = piece.judgement.as_ref().map(|judgement| all.cover_judgement(judgement, &covered));
        piece.judgement = judgement.transpose()?;
        piece.extract = Some(covered);
    }
    Ok(piece)
}

/// One piece that is no case.
pub(super) fn cover_piece(piece: PieceGiven) -> Result<PieceGiven, Fault> {
    let all = piece.extract.as_ref().map(Bsns::in_extract).unwrap_or_default();
    if all.is_empty() {
        return Ok(piece);
    }
    piece_with(piece, &all).map_err(|_| Fault::internal(&"a piece could not be covered"))
}

/// Writes down that the numbers of a case are shown to somebody: in the journal, and among the looks.
pub(super) async fn note(state: &ReviewState, visitor: &Visitor, case: CaseNumber) -> Result<(), Fault> {
    let (by, now) = (visitor.name.clone(), state.now());
    let account = by.clone();
    state.with_store(move |store| store.bsn_shown(case, &account, now)).await?;
    let look = Look {
        at: now,
        by,
        seen: Seen::BsnShown,
        case: Some(case),
        record: None,
        document: None,
        page: None,
    };
    looks::note(state, look).await
}

/// The form has nothing but its token.
#[derive(Deserialize)]
pub struct ShowForm {}

/// `POST /cases/{number}/bsn`: the page once with the numbers whole. "Reload" asks, and is written down, again.
pub async fn show(
    State(state): State<ReviewState>,
    Path(number): Path<String>,
    Posted { visitor, form: ShowForm {} }: Posted<ShowForm>,
) -> Result<Response, Fault> {
    let number = case_number(&number)?;
    note(&state, &visitor, number).await?;
    let mut given = gather_whole(&state, number).await?;
    given.bsn = if numbers(&given).is_empty() { Shows::None } else { Shows::Whole };
    draw(&state, &visitor, &given, None, &Typed::default())
}
