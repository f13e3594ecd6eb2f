//! `GET …/documents/{index}/pages/{page}` and `…/searchable.pdf`: the pages of a scan, made on demand.
//!
//! The pages are made by a fenced-off worker; the newest pictures are kept for a while, since a page is looked at
//! more than once. Invariants: what the virus scanner locked is not shown; a browser keeps nothing (`no-store`).

use super::case_page::{locked, piece_of};
use super::errors::Fault;
use super::state::{PagesRequest, PagesWish, ReviewState};
use crate::limits::{PICTURES_BYTES_MAX, PICTURES_MAX};
use crate::record::{Extract, RegistrationNumber};
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// A page image: of which piece, which document and which page.
type Key = (RegistrationNumber, usize, u32);

/// The newest pictures, the newest last.
#[derive(Debug, Default)]
pub struct Pictures(Mutex<VecDeque<(Key, Vec<u8>)>>);

impl Pictures {
    fn get(&self, key: Key) -> Option<Vec<u8>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| *known == key).map(|(_, picture)| picture.clone())
    }

    fn keep(&self, key: Key, picture: Vec<u8>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| *known != key);
        kept.push_back((key, picture));
        while kept.len() > PICTURES_MAX
            || kept.iter().map(|(_, picture)| picture.len()).sum::<usize>() > PICTURES_BYTES_MAX
        {
            kept.pop_front();
        }
    }
}

/// `GET /cases/{number}/pieces/{record}/documents/{index}/pages/{page}`: a page as a JPEG, upright.
pub async fn picture(
    State(state): State<ReviewState>,
    Path((number, record, index, page)): Path<(String, String, usize, u32)>,
) -> Result<Response, Fault> {
    let record = piece_of(&state, &number, &record).await?;
    let shown = |picture: Vec<u8>| {
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("image/jpeg")),
            (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
        ];
        (headers, picture).into_response()
    };
    let extract = read(&state, record, index).await?;
    if let Some(picture) = state.pictures().get((record, index, page)) {
        return Ok(shown(picture));
    }
    let sizes =
        extract.documents.get(index).map(|document| document.page_sizes.as_slice()).unwrap_or_default();
    let turns = sizes.iter().find(|size| size.page == page).map_or(0, |size| size.turns);
    let picture = make(&state, record, index, PagesWish::Picture { page, turns }).await?;
    state.pictures().keep((record, index, page), picture.clone());
    Ok(shown(picture))
}

/// `GET /cases/{number}/pieces/{record}/documents/{index}/searchable.pdf`: the scan as a PDF to search in.
pub async fn searchable(
    State(state): State<ReviewState>,
    Path((number, record, index)): Path<(String, String, usize)>,
) -> Result<Response, Fault> {
    let record = piece_of(&state, &number, &record).await?;
    let document = read(&state, record, index).await?.documents.into_iter().nth(index).ok_or_else(gone)?;
    let pdf = make(&state, record, index, PagesWish::Searchable(Box::new(document))).await?;
    let name = HeaderValue::from_str(&format!("attachment; filename=\"{record}-{}.pdf\"", index + 1))
        .unwrap_or(HeaderValue::from_static("attachment"));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/pdf")),
        (CONTENT_DISPOSITION, name),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    ];
    Ok((headers, pdf).into_response())
}

fn gone() -> Fault {
    Fault::not_found("Deze bladzijde is niet te tonen. Download het origineel.")
}

/// What was read of the piece, when this document may be handed out.
async fn read(state: &ReviewState, record: RegistrationNumber, index: usize) -> Result<Extract, Fault> {
    let extract = state.with_store(move |store| store.extract(record)).await?.unwrap_or_default();
    if extract.locks(index) { Err(locked()) } else { Ok(extract) }
}

async fn make(
    state: &ReviewState,
    record: RegistrationNumber,
    document: usize,
    wish: PagesWish,
) -> Result<Vec<u8>, Fault> {
    let maker = state.page_maker().ok_or_else(gone)?;
    let (about, bytes) =
        state.with_store(move |store| Ok((store.record(record)?, store.original(record)?))).await?;
    let request = PagesRequest { name: about.name, channel: about.channel, bytes, document, wish };
    maker(request).await.map_err(|error| Fault::internal(&error))?.ok_or_else(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_pictures_are_kept() {
        let pictures = Pictures::default();
        let key = |page| (RegistrationNumber::new(2026, 1), 0, page);
        for page in 0..=PICTURES_MAX as u32 {
            pictures.keep(key(page), vec![1]);
        }
        assert!(pictures.get(key(0)).is_none() && pictures.get(key(1)).is_some());
        pictures.keep(key(1), vec![0; PICTURES_BYTES_MAX]);
        assert!(pictures.get(key(2)).is_none() && pictures.get(key(1)).is_some());
    }
}
