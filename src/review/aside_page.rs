//! `GET /aside`: what was set aside as machine-made, with its reason, and a way to look at each piece: nothing
//! disappears without a person being able to see it.

use super::case_page::{give_original, piece};
use super::dates;
use super::errors::{Fault, Written};
use super::guard::{Posted, Visitor, see_other};
use super::marking::{self, Block, one_line};
use super::pages::{self, Shell};
use super::rights::Right;
use super::state::ReviewState;
use super::words;
use crate::limits::{NOTE_CHARS_MAX, PAGE_ROWS_MAX};
use crate::record::{RegistrationNumber, SetAside};
use crate::store::{AsideRow, StoreError};
use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PageChoice {
    page: String,
}

#[derive(Serialize)]
struct View {
    shell: Shell,
    rows: Vec<RowView>,
    /// What could not be taken in and stays where it is: source, reference, advice.
    staying: Vec<(&'static str, String, String)>,
    total: String,
    first: usize,
    last: usize,
    page: usize,
    pages: usize,
    earlier: Option<String>,
    later: Option<String>,
}

#[derive(Serialize)]
struct RowView {
    number: String,
    url: String,
    channel: &'static str,
    received: String,
    class: &'static str,
    reason: String,
    writer: String,
    subject: String,
}

/// `GET /aside`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Query(choice): Query<PageChoice>,
) -> Result<Response, Fault> {
    let page = choice.page.parse::<usize>().unwrap_or(1).clamp(1, 1_000_000);
    let first = (page - 1) * PAGE_ROWS_MAX;
    let found = state.with_store(move |store| store.aside(first, PAGE_ROWS_MAX)).await?;
    let pages = found.total.div_ceil(PAGE_ROWS_MAX).max(1);
    let at = |page: usize| pages::url("/aside", &[("page", &page.to_string())]);
    let view = View {
        shell: Shell::new(&state, &visitor, "aside"),
        staying: state.health().staying().into_iter().map(staying_view).collect(),
        total: words::thousands(found.total),
        first: if found.rows.is_empty() { 0 } else { first + 1 },
        last: first + found.rows.len(),
        page,
        pages,
        earlier: (page > 1).then(|| at((page - 1).min(pages))),
        later: (page < pages).then(|| at(page + 1)),
        rows: found.rows.iter().map(row_view).collect(),
    };
    Ok(pages::draw("aside.html", &view)?.into_response())
}

fn staying_view((source, reference, advice): (String, String, String)) -> (&'static str, String, String) {
    (words::source(&source), one_line(&reference), one_line(&advice))
}

fn row_view(row: &AsideRow) -> RowView {
    let (class, reason) = why(&row.why);
    RowView {
        number: row.record.to_string(),
        url: format!("/aside/{}", row.record),
        channel: words::channel(row.channel),
        received: dates::moment(row.received_at),
        class,
        reason,
        writer: row.writer.as_deref().map(one_line).unwrap_or_default(),
        subject: title(row),
    }
}

/// What a piece is called in the list: its subject, or what kind of stack it is.
fn title(row: &AsideRow) -> String {
    match &row.why {
        SetAside::Divided(divided) => format!("Stapel van {} brieven", divided.letters.len()),
        SetAside::Backs { .. } => "Achterkanten van een stapel".to_owned(),
        _ => row.subject.as_deref().map(one_line).unwrap_or_default(),
    }
}

fn why(why: &SetAside) -> (&'static str, String) {
    match why {
        SetAside::Automatic { class, reason } => (words::automatic(*class), reason.clone()),
        SetAside::ByPerson { reason } => ("Door een collega", reason.clone()),
        SetAside::Divided(divided) => ("Verdeelde stapel", divided.sentence()),
        SetAside::Backs { of } => ("Achterkanten", format!("Samengevoegd met de voorkanten, stuk {of}.")),
    }
}

#[derive(Serialize)]
struct OneView {
    shell: Shell,
    number: String,
    class: &'static str,
    reason: String,
    received: String,
    channel: &'static str,
    from: String,
    subject: String,
    /// Its letters are pieces of their own.
    stack: bool,
    documents: Vec<OneDocument>,
    /// `None` when the virus scanner found something in it.
    original_url: Option<String>,
    /// A person may make a case of it.
    may_take_back: bool,
    chars_max: usize,
    fault: Option<&'static str>,
}

#[derive(Serialize)]
struct OneDocument {
    name: Option<String>,
    reading: String,
    problem: Option<&'static str>,
    blocks: Vec<Block>,
    cut: bool,
}

/// `GET /aside/{record}`
pub async fn one(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<String>,
) -> Result<Response, Fault> {
    show(&state, &visitor, parsed(&number)?, None).await
}

async fn show(
    state: &ReviewState,
    visitor: &Visitor,
    number: RegistrationNumber,
    fault: Option<&'static str>,
) -> Result<Response, Fault> {
    // A piece of a case is shown with its case; here only what was set aside.
    let Some(row) = state.with_store(move |store| store.set_aside(number)).await? else {
        return Err(Fault::not_found(format!("Stuk {number} is niet terzijde gelegd.")));
    };
    let piece = super::bsn::cover_piece(state.with_store(move |store| piece(store, number)).await?)?;
    let (class, reason) = why(&row.why);
    let message = piece.extract.as_ref().and_then(|extract| extract.message.as_ref());
    let author = message.and_then(|message| message.author.clone()).unwrap_or_default();
    let findings =
        piece.judgement.as_ref().map(|judgement| judgement.findings.as_slice()).unwrap_or_default();
    let view = OneView {
        shell: Shell::new(state, visitor, "aside"),
        number: number.to_string(),
        class,
        reason,
        received: dates::moment(piece.record.received_at),
        channel: words::channel(piece.record.channel),
        from: one_line(&author.address.or(author.name).unwrap_or_default()),
        subject: title(&row),
        stack: matches!(row.why, SetAside::Divided(_) | SetAside::Backs { .. }),
        documents: piece
            .extract
            .iter()
            .flat_map(|extract| extract.documents.iter().enumerate())
            .map(|(index, document)| {
                let (blocks, cut) = marking::blocks(document, index, findings);
                OneDocument {
                    name: document.name.as_deref().map(one_line),
                    reading: words::reading(document),
                    problem: document.problem.map(words::problem),
                    blocks,
                    cut,
                }
            })
            .collect(),
        original_url: piece
            .extract
            .as_ref()
            .is_none_or(|extract| !extract.is_locked())
            .then(|| format!("/aside/{number}/original")),
        may_take_back: visitor.may(Right::Decide)
            && matches!(row.why, SetAside::Automatic { .. } | SetAside::ByPerson { .. }),
        chars_max: NOTE_CHARS_MAX,
        fault,
    };
    let html = pages::draw("aside_one.html", &view)?;
    if fault.is_none() {
        return Ok(html.into_response());
    }
    let mut response = (StatusCode::UNPROCESSABLE_ENTITY, html).into_response();
    response.extensions_mut().insert(Written);
    Ok(response)
}

#[derive(Deserialize)]
pub struct TakeBackForm {
    #[serde(default)]
    reason: String,
}

/// `POST /aside/{record}/case`: a person makes a case of it.
pub async fn take_back(
    State(state): State<ReviewState>,
    Path(number): Path<String>,
    Posted { visitor, form }: Posted<TakeBackForm>,
) -> Result<Response, Fault> {
    let number = parsed(&number)?;
    let reason = form.reason.trim().replace("\r\n", "\n");
    if reason.is_empty() || reason.chars().count() > NOTE_CHARS_MAX {
        return show(&state, &visitor, number, Some("Schrijf kort op waarom dit toch een zaak is.")).await;
    }
    let gone = || Fault::not_found(format!("Stuk {number} is niet (meer) terzijde gelegd."));
    let (row, judgement) =
        state.with_store(move |store| Ok((store.set_aside(number)?, store.judgement(number)?))).await?;
    let (row, judgement) = (row.ok_or_else(gone)?, judgement.ok_or_else(gone)?);
    let received = crate::record::office_date(row.received_at);
    let (queue, deadlines) = state
        .with_the_clerk(move |clerk| {
            let bodies = judgement.complained_about.clone();
            let part = clerk.part(&judgement, &bodies);
            (part.queue.clone(), clerk.deadlines(&part, received))
        })
        .await?;
    let (by, now) = (visitor.name, state.now());
    let case = state
        .with_store(move |store| match store.take_back(number, &queue, deadlines, &reason, &by, now) {
            Ok(row) => Ok(Some(row.number)),
            Err(StoreError::State { .. } | StoreError::UnknownRecord(_)) => Ok(None),
            Err(error) => Err(error),
        })
        .await?;
    Ok(see_other(&format!("/cases/{}?done=taken-back", case.ok_or_else(gone)?)))
}

/// `GET /aside/{record}/original`
pub async fn original(
    State(state): State<ReviewState>,
    Path(number): Path<String>,
) -> Result<Response, Fault> {
    give_original(&state, parsed(&number)?).await
}

fn parsed(number: &str) -> Result<RegistrationNumber, Fault> {
    number.parse().map_err(|_| Fault::not_found("Dit is geen nummer van een stuk."))
}
