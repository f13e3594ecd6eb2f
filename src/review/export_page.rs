//! `POST /cases/{number}/export`: one case as a ZIP of the folder that `bode cases export` makes (docs/export.md).
//! `GET /cases.csv`: a list of the queue for a spreadsheet.
//!
//! Invariants: it stands in the journal and among the looks before it is given; citizen service numbers are covered in
//! texts, pages, lists and JSON, and originals and answers are as they are; what is larger than its bound is not begun.

use super::case_page::{case_number, download};
use super::errors::Fault;
use super::guard::{Posted, Visitor};
use super::queue_page::Choice;
use super::state::ReviewState;
use crate::export::{self, EXPORT_README, ExportFile, Made};
use crate::limits::{DESK_CSV_ROWS_MAX, DESK_EXPORT_BYTES_MAX};
use crate::store::{Store, StoreError};
use axum::extract::{Extension, Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::io::{Cursor, Write};
use zip::write::{SimpleFileOptions, ZipWriter};

/// The form has nothing but its token.
#[derive(Deserialize)]
pub struct ExportForm {}

/// What came of it.
enum Packed {
    Zip(Vec<u8>),
    TooLarge,
    Failed(&'static str),
}

pub async fn zip(
    State(state): State<ReviewState>,
    Path(number): Path<String>,
    Posted { visitor, form: ExportForm {} }: Posted<ExportForm>,
) -> Result<Response, Fault> {
    let number = case_number(&number)?;
    let (by, at, office) = (visitor.name, state.now(), state.shown().office.name.clone());
    let packed = state
        .with_store(move |store| {
            if octets(store, number)? > DESK_EXPORT_BYTES_MAX {
                return Ok(Packed::TooLarge);
            }
            // The error itself could quote what it covers.
            let Ok(dossier) = export::dossier(store, number)?.covered() else {
                return Ok(Packed::Failed("a case could not be covered"));
            };
            let made = Made { office: &office, by: &by, at, bode: env!("CARGO_PKG_VERSION") };
            let mut files = export::case_files(&dossier, &made);
            files.push(ExportFile {
                path: "LEESMIJ.txt".to_owned(),
                bytes: EXPORT_README.as_bytes().to_vec(),
            });
            let sums: String = files.iter().map(export::digest_line).collect();
            files.push(ExportFile { path: "sha256sums.txt".to_owned(), bytes: sums.into_bytes() });
            let Ok(bytes) = pack(&files) else { return Ok(Packed::Failed("a ZIP could not be made")) };
            store.note_export(1, false, &by, at)?;
            Ok(Packed::Zip(bytes))
        })
        .await?;
    match packed {
        Packed::Zip(bytes) => Ok(download(&format!("{number}.zip"), bytes)),
        Packed::TooLarge => Err(Fault::unacceptable(
            "Deze zaak is te groot om hier te exporteren. Vraag uw beheerder: bode cases export.",
        )),
        Packed::Failed(why) => Err(Fault::internal(&why)),
    }
}

/// `GET /cases.csv`: the cases of a choice, all pages of it.
pub async fn list(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Query(choice): Query<Choice>,
) -> Result<Response, Fault> {
    let mut filter = choice.filter(&visitor.name, state.today());
    (filter.offset, filter.limit) = (0, DESK_CSV_ROWS_MAX);
    let (by, at) = (visitor.name, state.now());
    let text = state
        .with_store(move |store| {
            let page = store.cases(&filter)?;
            if page.more || page.total > page.rows.len() {
                return Ok(None);
            }
            store.note_export(u32::try_from(page.rows.len()).unwrap_or(u32::MAX), false, &by, at)?;
            Ok(Some(export::cases_csv(&page.rows)))
        })
        .await?;
    let Some(text) = text else {
        return Err(Fault::unacceptable(
            "Deze lijst is te lang om hier te downloaden. Kies een filter, of vraag uw beheerder: bode cases list --csv.",
        ));
    };
    let name = format!("attachment; filename=\"zaken-{}.csv\"", state.today());
    let media_type = "text/csv; charset=utf-8; header=present".to_owned();
    Ok(([(CONTENT_TYPE, media_type), (CONTENT_DISPOSITION, name)], text).into_response())
}

/// Octets of the originals of a case, which are nearly all of its export.
fn octets(store: &Store, number: crate::record::CaseNumber) -> Result<u64, StoreError> {
    let row = store.case(number)?.ok_or(StoreError::UnknownCase(number))?;
    let mut octets = 0_u64;
    for record in &row.records {
        if !store.is_purged(*record)? {
            octets = octets.saturating_add(store.record(*record)?.bytes);
        }
    }
    Ok(octets)
}

fn pack(files: &[ExportFile]) -> zip::result::ZipResult<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for file in files {
        writer.start_file(file.path.as_str(), SimpleFileOptions::default().unix_permissions(0o600))?;
        writer.write_all(&file.bytes)?;
    }
    Ok(writer.finish()?.into_inner())
}
