//! `GET /cases/{number}` and what hangs under it: the text of a document, the original, the answer.
//!
//! Invariants: nothing of a citizen is ever served in a form that a browser would run or show as a page: text
//! as `text/plain`, everything else as a download; a piece is given only under the case it belongs to.

use super::answer_view;
use super::bsn::{self, Shows};
use super::case_view::{self, Given, Notice, Typed};
use super::errors::{Fault, Written};
use super::guard::Visitor;
use super::here::others;
use super::marking::one_line;
use super::pages::{self, Shell};
use super::piece_view::PieceGiven;
use super::rights::Right;
use super::state::ReviewState;
use super::words;
use crate::limits::PAGE_PIECES_MAX;
use crate::queue;
use crate::record::{AnswerChannel, Bsns, CaseNumber, CaseRow, CaseStatus, RegistrationNumber};
use crate::store::{CaseFilter, Store, StoreError};
use axum::extract::{Extension, Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

/// What was just done; a code, so that an address cannot put words on our page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Done {
    pub done: String,
    /// `yes`: with a message to the citizen.
    pub told: String,
    /// The piece that is shown as its writer laid it out, beside its text.
    pub formatted: String,
}

/// `GET /cases/{number}`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<String>,
    Query(done): Query<Done>,
) -> Result<Response, Fault> {
    let number = case_number(&number)?;
    let mut given = gather(&state, number).await?;
    given.others = others(&state, &visitor, number);
    given.formatted = done.formatted.parse().ok();
    let notice = notice(&state, &given.row, &done).await?;
    draw(&state, &visitor, &given, notice, &Typed::default())
}

/// The page, also for a form that was refused: with what was typed and what is wrong with it.
pub fn draw(
    state: &ReviewState,
    visitor: &Visitor,
    given: &Given,
    notice: Option<Notice>,
    typed: &Typed,
) -> Result<Response, Fault> {
    let shell = Shell::new(state, visitor, "queue");
    let view = case_view::view(given, &state.shown(), visitor, shell, state.today(), notice, typed);
    let html = pages::draw("case.html", &view)?;
    if typed.errors.is_empty() {
        let response = html.into_response();
        return Ok(if given.formatted.is_some() { pages::framing(response) } else { response });
    }
    let mut response = (StatusCode::UNPROCESSABLE_ENTITY, html).into_response();
    response.extensions_mut().insert(Written);
    Ok(response)
}

/// All that the page of a case needs, its citizen service numbers covered.
pub async fn gather(state: &ReviewState, number: CaseNumber) -> Result<Given, Fault> {
    bsn::cover(gather_whole(state, number).await?)
}

/// The same with nothing covered: only for who has been written down.
pub(super) async fn gather_whole(state: &ReviewState, number: CaseNumber) -> Result<Given, Fault> {
    let mut people = state.with_accounts(|accounts| accounts.list()).await?;
    people.retain(|account| !account.blocked);
    let people: Vec<String> = people
        .into_iter()
        .filter(|account| account.role.may(Right::Decide))
        .map(|account| account.name)
        .collect();
    let opens = state.opener().is_some();
    let shows_pages = state.page_maker().is_some();
    let (within, now) = (super::mend::undo_time(state), state.now());
    state
        .with_store(move |store| {
            let row = store.case(number)?.ok_or(StoreError::UnknownCase(number))?;
            let (mut pieces, mut gone) = (Vec::new(), Vec::new());
            for &record in shown_pieces(&row.records) {
                match piece(store, record) {
                    Ok(piece) => pieces.push(piece),
                    // Removed when its retention term was over: the case stays, without its text.
                    Err(StoreError::UnknownRecord(record)) => gone.push(record),
                    Err(error) => return Err(error),
                }
            }
            let history = store.history(number)?;
            let answer = match &row.answer {
                Some(entry) if !gone.contains(&entry.record) => {
                    store.answer_of(entry)?.map(|bytes| answer_view::read(entry.channel, &bytes))
                }
                _ => None,
            };
            let mut alike = Vec::new();
            for one in &row.alike {
                alike.extend(store.case(one.case)?.map(|other| (other, one.percent)));
            }
            let undo_until = store.undo_until(number, within)?;
            // A message about a decision stands in the place of the acknowledgement, which is told too.
            let earlier_answer = match &row.answer {
                Some(entry) if entry.file.is_some() && entry.channel == AnswerChannel::Email => {
                    store.answer(entry.record)?.map(|bytes| answer_view::read(entry.channel, &bytes))
                }
                _ => None,
            };
            Ok(Given {
                alike,
                row,
                pieces,
                gone,
                history,
                answer,
                people,
                opens,
                shows_pages,
                bsn: Shows::None,
                undo_until,
                earlier_answer,
                others: String::new(),
                formatted: None,
                now,
            })
        })
        .await
}

/// The piece that opened the case, then the newest ones.
fn shown_pieces(records: &[RegistrationNumber]) -> impl Iterator<Item = &RegistrationNumber> {
    let skipped = records.len().saturating_sub(PAGE_PIECES_MAX);
    records.iter().enumerate().filter(move |(at, _)| *at == 0 || *at > skipped).map(|(_, record)| record)
}

pub fn piece(store: &Store, number: RegistrationNumber) -> Result<PieceGiven, StoreError> {
    Ok(PieceGiven {
        record: store.record(number)?,
        extract: store.extract(number)?,
        judgement: store.judgement(number)?,
    })
}

async fn notice(
    state: &ReviewState,
    row: &CaseRow,
    Done { done, told, .. }: &Done,
) -> Result<Option<Notice>, Fault> {
    let mut text = match done.as_str() {
        "assigned" => match &row.assignee {
            Some(name) => format!("De zaak staat op naam van {name}."),
            None => "De zaak staat op niemands naam.".to_owned(),
        },
        "joined" => "De zaken zijn gevoegd. Zij gaan hier verder.".to_owned(),
        "undone" => "Het besluit is ongedaan gemaakt.".to_owned(),
        "labelled" => "De inschatting is verbeterd. De regels leren hiervan.".to_owned(),
        "not-alike" => "Opgeslagen: dit zijn twee klachten.".to_owned(),
        "taken-back" => "Dit stuk is nu een zaak. De inwoner kreeg nog geen bericht.".to_owned(),
        "split" => match row.split_into.last() {
            Some(into) => format!("De zaak is gesplitst. De nieuwe zaak is {into}."),
            None => return Ok(None),
        },
        "noted" => "Uw notitie is opgeslagen.".to_owned(),
        "released" => "Het antwoord gaat uit.".to_owned(),
        "withheld" => "Het antwoord gaat niet uit.".to_owned(),
        other => match queue::verdict_of(other) {
            Some(verdict) => format!("Opgeslagen: {}.", words::verdict_done(verdict)),
            None => return Ok(None),
        },
    };
    if told == "yes" && queue::verdict_of(done).is_some() {
        text += match state.desk().undo_minutes {
            0 => " Het bericht aan de inwoner gaat uit.",
            _ => " Het bericht aan de inwoner gaat uit als u het besluit niet ongedaan maakt.",
        };
    }
    let next = if row.status == CaseStatus::Open || queue::verdict_of(done).is_none() {
        None
    } else {
        Some(next_open(state, row).await?.unwrap_or_else(|| "/".to_owned()))
    };
    Ok(Some(Notice { text, next }))
}

/// The next case that waits in the same queue.
async fn next_open(state: &ReviewState, row: &CaseRow) -> Result<Option<String>, Fault> {
    let (queue, number) = (row.queue.clone(), row.number);
    let filter = |queue: Option<String>| CaseFilter {
        queue,
        statuses: vec![CaseStatus::Open],
        limit: 2,
        ..CaseFilter::default()
    };
    let rows = state
        .with_store(move |store| {
            let mut rows = store.cases(&filter(Some(queue)))?.rows;
            rows.extend(store.cases(&filter(None))?.rows);
            Ok(rows)
        })
        .await?;
    Ok(rows.into_iter().find(|next| next.number != number).map(|next| format!("/cases/{}", next.number)))
}

/// `GET /cases/{number}/pieces/{record}/documents/{index}`: the text, as text.
pub async fn document(
    State(state): State<ReviewState>,
    Path((number, record, index)): Path<(String, String, usize)>,
) -> Result<Response, Fault> {
    let record = piece_of(&state, &number, &record).await?;
    let extract = state.with_store(move |store| store.extract(record)).await?;
    let text = extract
        .and_then(|extract| {
            let document = extract.documents.get(index)?;
            Some(Bsns::in_extract(&extract).cover(&document.text).into_owned())
        })
        .ok_or_else(|| Fault::not_found("Dit document is er niet, of het is nog niet gelezen."))?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

/// `GET /cases/{number}/pieces/{record}/documents/{index}/file`: an attachment as it was sent, as a download.
pub async fn attachment(
    State(state): State<ReviewState>,
    Path((number, record, index)): Path<(String, String, usize)>,
) -> Result<Response, Fault> {
    let gone = || Fault::not_found("Deze bijlage is niet los te openen. Download het hele bericht.");
    let record = piece_of(&state, &number, &record).await?;
    let opener = state.opener().ok_or_else(gone)?;
    let (extract, original) =
        state.with_store(move |store| Ok((store.extract(record)?, store.original(record)?))).await?;
    let extract = extract.unwrap_or_default();
    if extract.locks(index) {
        return Err(locked());
    }
    let documents = extract.documents;
    let name = documents.get(index).and_then(|document| document.name.clone()).ok_or_else(gone)?;
    let same = |document: &&crate::record::Document| document.name.as_deref() == Some(name.as_str());
    let nth = documents.iter().take(index).filter(same).count();
    let bytes = opener(original, name.clone(), nth).await.map_err(|error| Fault::internal(&error))?;
    Ok(download(&name, bytes.ok_or_else(gone)?))
}

/// `GET /cases/{number}/pieces/{record}/original`: the piece as it came, as a download.
pub async fn original(
    State(state): State<ReviewState>,
    Path((number, record)): Path<(String, String)>,
) -> Result<Response, Fault> {
    let number = piece_of(&state, &number, &record).await?;
    give_original(&state, number).await
}

/// What the virus scanner found something in does not leave the house through the desk.
pub fn locked() -> Fault {
    Fault::new(
        StatusCode::FORBIDDEN,
        "Dit bestand staat op slot",
        "De virusscanner vond er iets schadelijks in. U kunt het hier niet downloaden. Is het toch nodig? Vraag het \
         dan aan uw beheerder: die heeft het origineel.",
    )
}

/// A piece as a download that no browser opens by itself.
pub async fn give_original(state: &ReviewState, number: RegistrationNumber) -> Result<Response, Fault> {
    let (name, extract, bytes) = state
        .with_store(move |store| {
            Ok((store.record(number)?.name, store.extract(number)?, store.original(number)?))
        })
        .await?;
    if extract.is_some_and(|extract| extract.is_locked()) {
        return Err(locked());
    }
    let ending = name.rsplit_once('.').map(|(_, ending)| ending).filter(|ending| plain_ending(ending));
    let file = format!("{number}.{}", ending.unwrap_or("bin").to_lowercase());
    Ok(download(&file, bytes))
}

fn plain_ending(ending: &str) -> bool {
    (1..=5).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Octets to keep. The file's name is written twice (RFC 6266): plainly, and whole for browsers that know how.
pub fn download(file: &str, bytes: Vec<u8>) -> Response {
    let file: String = one_line(file).replace(['/', '\\'], "_").chars().take(120).collect();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let (plain, whole) = (file.chars().map(plain).collect::<String>(), pages::percent_encoded(&file));
    let whole = if plain == file { String::new() } else { format!("; filename*=UTF-8''{whole}") };
    let name = HeaderValue::from_str(&format!("attachment; filename=\"{plain}\"{whole}"))
        .unwrap_or(HeaderValue::from_static("attachment"));
    (
        [
            (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
            (CONTENT_DISPOSITION, name),
            (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
        ],
        bytes,
    )
        .into_response()
}

/// `GET /cases/{number}/answer`: what we wrote, as it went out: a message as a download, a letter to look at.
pub async fn answer(State(state): State<ReviewState>, Path(number): Path<String>) -> Result<Response, Fault> {
    let number = case_number(&number)?;
    let found = state
        .with_store(move |store| {
            let row = store.case(number)?.ok_or(StoreError::UnknownCase(number))?;
            match row.answer {
                Some(entry) => Ok(store.answer_of(&entry)?.map(|bytes| (entry.channel, bytes))),
                None => Ok(None),
            }
        })
        .await?;
    match found {
        Some((AnswerChannel::Letter, bytes)) => Ok(letter(&format!("{number}.pdf"), bytes)),
        Some((AnswerChannel::Email, bytes)) => Ok(download(&format!("{number}-antwoord.eml"), bytes)),
        None => Err(Fault::not_found("Voor deze zaak is geen antwoord gemaakt.")),
    }
}

/// A letter of our own making, shown in the browser.
pub fn letter(file: &str, bytes: Vec<u8>) -> Response {
    let name = HeaderValue::from_str(&format!("inline; filename=\"{file}\""))
        .unwrap_or(HeaderValue::from_static("inline"));
    ([(CONTENT_TYPE, HeaderValue::from_static("application/pdf")), (CONTENT_DISPOSITION, name)], bytes)
        .into_response()
}

/// A case number from an address; a wrong check digit is told as such.
pub fn case_number(text: &str) -> Result<CaseNumber, Fault> {
    text.parse().map_err(|error| {
        Fault::not_found(match error {
            crate::record::NumberError::CheckDigit(_) => {
                "Dit zaaknummer klopt niet: het laatste cijfer past niet bij de rest. Is er een tikfout gemaakt?"
            }
            crate::record::NumberError::Form(_) => {
                "Dit is geen zaaknummer. Een zaaknummer ziet er zo uit: 2026-000042-7."
            }
        })
    })
}

/// The piece of an address, when it belongs to the case of that address.
pub async fn piece_of(state: &ReviewState, case: &str, record: &str) -> Result<RegistrationNumber, Fault> {
    let case = case_number(case)?;
    let record: RegistrationNumber =
        record.parse().map_err(|_| Fault::not_found("Dit is geen nummer van een stuk."))?;
    let row = state.with_store(move |store| store.case(case)).await?;
    if row.is_some_and(|row| row.records.contains(&record)) {
        Ok(record)
    } else {
        Err(Fault::not_found(format!("Zaak {case} heeft geen stuk {record}.")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_opening_piece_and_the_newest_are_shown() {
        let records: Vec<RegistrationNumber> = (1..=9).map(|n| RegistrationNumber::new(2026, n)).collect();
        let shown: Vec<u32> = shown_pieces(&records).map(|record| record.serial).collect();
        assert_eq!(shown, [1, 6, 7, 8, 9]);
        assert_eq!(shown_pieces(&records[..3]).count(), 3);
    }

    #[test]
    fn only_plain_endings_come_into_a_header() {
        assert!(plain_ending("eml") && plain_ending("PDF"));
        assert!(!plain_ending("") && !plain_ending("p\"df") && !plain_ending("p\r\n"));
    }
}
