//! Looks: every request that shows something of a case to a person is written down before it is answered, and
//! `GET /cases/{number}/looks` tells who looked.
//!
//! Invariant: the guard calls [`noted`] for every route behind a login, by its path, so a new route under `/cases/` or
//! `/aside/` cannot be forgotten: what it does not know counts as viewed. What cannot be written down is not shown; only the
//! page of a case still is, loudly, since a full disk must not keep staff from a citizen in need.

use super::case_page::case_number;
use super::dates;
use super::errors::Fault;
use super::guard::Visitor;
use super::pages::{self, Shell};
use super::state::ReviewState;
use crate::limits::LOOKS_SYNC_TIME;
use crate::record::{CaseNumber, Look, RegistrationNumber, Seen};
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A case or piece, and which document and page of it.
type Place = (Option<CaseNumber>, Option<RegistrationNumber>, Option<usize>, Option<u32>);

/// What a path shows; `None`: nothing of one case.
fn look_at(path: &str) -> Option<(Seen, Place)> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let parts = parts.strip_prefix(&["api", "v1"]).unwrap_or(&parts);
    let (first, number, rest) = match parts {
        [first, number, rest @ ..] => (*first, *number, rest),
        _ => return None,
    };
    match first {
        "cases" => {
            let case: CaseNumber = number.parse().ok()?;
            let record = rest.get(1).and_then(|record| record.parse().ok());
            let document = rest.get(3).and_then(|index| index.parse().ok());
            let (seen, page) = match rest {
                // Who looks at who looked is no look at the citizen's case.
                // A page that is open asks whether anything changed: no more is shown.
                ["looks"] | ["here"] => return None,
                ["answer"] => (Seen::Answer, None),
                ["export"] => (Seen::Exported, None),
                ["transfer.zip"] => (Seen::Original, None),
                ["pieces", _, "original"] => (Seen::Original, None),
                ["pieces", _, "formatted"] | ["pieces", _, "documents", _] => (Seen::Text, None),
                ["pieces", _, "documents", _, "file"] => (Seen::Attachment, None),
                ["pieces", _, "documents", _, "searchable.pdf"] => (Seen::Searchable, None),
                ["pieces", _, "documents", _, "pages", page] => (Seen::PageImage, page.parse().ok()),
                _ => (Seen::Viewed, None),
            };
            Some((seen, (Some(case), record, document, page)))
        }
        "aside" => {
            let seen = if rest == ["original"] { Seen::Original } else { Seen::Viewed };
            Some((seen, (None, Some(number.parse().ok()?), None, None)))
        }
        // A letter of ours lies there under the number of its case.
        "print" => {
            let case = rest.first()?.strip_suffix(".pdf")?.parse().ok()?;
            Some((Seen::Answer, (Some(case), None, None, None)))
        }
        _ => None,
    }
}

/// Writes down what was asked for, when it was given. `Err`: it is not to be given after all.
pub(super) async fn noted(
    state: &ReviewState,
    visitor: &Visitor,
    path: &str,
    gave: bool,
) -> Result<(), Fault> {
    let Some((seen, (case, record, document, page))) = look_at(path).filter(|_| gave) else { return Ok(()) };
    let look = Look { at: state.now(), by: visitor.name.clone(), seen, case, record, document, page };
    match note(state, look).await {
        Err(_) if seen == Seen::Viewed => Ok(()),
        other => other,
    }
}

/// Writes one look down; on the disk within a second.
pub(super) async fn note(state: &ReviewState, look: Look) -> Result<(), Fault> {
    let written = state.with_store(move |store| store.note_look(&look)).await;
    state.health().look(written.is_ok());
    written?;
    if state.looks_to_sync() {
        let state = state.clone();
        tokio::spawn(async move {
            tokio::time::sleep(LOOKS_SYNC_TIME).await;
            state.looks_synced();
            if state.with_store(|store| store.sync_looks()).await.is_err() {
                state.health().look(false);
            }
        });
    }
    Ok(())
}

#[derive(Serialize)]
struct View {
    shell: Shell,
    number: String,
    looks: Vec<LookView>,
    older: u64,
}

#[derive(Serialize)]
struct LookView {
    at: String,
    iso: String,
    by: String,
    what: &'static str,
    place: String,
}

/// `GET /cases/{number}/looks`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<String>,
) -> Result<Response, Fault> {
    let number = case_number(&number)?;
    let (looks, older) = state.with_store(move |store| store.looks(number)).await?;
    let view = View {
        shell: Shell::new(&state, &visitor, "queue"),
        number: number.to_string(),
        looks: looks
            .into_iter()
            .rev()
            .map(|look| LookView {
                at: dates::moment(look.at),
                iso: look.at.to_string(),
                place: place(&look),
                what: look.seen.told(),
                by: look.by,
            })
            .collect(),
        older,
    };
    Ok(pages::draw("looks.html", &view)?.into_response())
}

fn place(look: &Look) -> String {
    let record = look.record.map(|record| format!("stuk {record}"));
    let document = look.document.map(|index| format!("document {}", index + 1));
    let page = look.page.map(|page| format!("bladzijde {page}"));
    let parts: Vec<String> = [record, document, page].into_iter().flatten().collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_what_is_seen() {
        let case = CaseNumber::new(2026, 42);
        let record = RegistrationNumber::new(2026, 7);
        let of = |rest: &str| look_at(&format!("/cases/{case}{rest}"));
        assert_eq!(of(""), Some((Seen::Viewed, (Some(case), None, None, None))));
        assert_eq!(of("/answer"), Some((Seen::Answer, (Some(case), None, None, None))));
        assert_eq!(of("/export"), Some((Seen::Exported, (Some(case), None, None, None))));
        assert_eq!(of("/iets-nieuws"), Some((Seen::Viewed, (Some(case), None, None, None))));
        let piece = |seen, document, page| Some((seen, (Some(case), Some(record), document, page)));
        assert_eq!(of(&format!("/pieces/{record}/original")), piece(Seen::Original, None, None));
        assert_eq!(of(&format!("/pieces/{record}/documents/1")), piece(Seen::Text, Some(1), None));
        assert_eq!(of(&format!("/pieces/{record}/formatted")), piece(Seen::Text, None, None));
        assert_eq!(
            of(&format!("/pieces/{record}/documents/1/pages/3")),
            piece(Seen::PageImage, Some(1), Some(3))
        );
        assert_eq!(
            look_at(&format!("/api/v1/cases/{case}")),
            Some((Seen::Viewed, (Some(case), None, None, None)))
        );
        assert_eq!(
            look_at(&format!("/aside/{record}/original")),
            Some((Seen::Original, (None, Some(record), None, None)))
        );
        assert_eq!(
            look_at(&format!("/print/2026-03-02/{case}.pdf")),
            Some((Seen::Answer, (Some(case), None, None, None)))
        );
        for nothing in ["/", "/aside", "/due", "/cases/onzin", "/rules", "/api/v1/cases"] {
            assert_eq!(look_at(nothing), None, "{nothing}");
        }
        assert_eq!(of("/looks"), None);
    }
}
