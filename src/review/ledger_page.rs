//! `GET /ledger`: the last proof that nothing was lost, line by line, each exception with what to do, and the proofs of
//! the last weeks. The foot of every page says how it stands.

use super::dates;
use super::errors::Fault;
use super::guard::Visitor;
use super::health::{Health, Proved};
use super::pages::{self, Shell};
use super::state::ReviewState;
use crate::limits::{DIGEST_LINES_MAX, PROOF_AGE_MAX, PROOFS_SHOWN_MAX};
use crate::record::{ProofNote, ProofRow, SourceCount, office_date};
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;

/// Exceptions shown one by one: `bode verify` tells all.
const EXCEPTIONS_SHOWN_MAX: usize = 4 * DIGEST_LINES_MAX;

/// How the ledger stands, at the foot of every page: always a colour and a word.
#[derive(Clone, Debug, Serialize)]
pub struct Foot {
    /// `good`, `warn` or `bad`.
    pub class: &'static str,
    pub word: String,
    /// When it was proved.
    pub at: String,
}

#[derive(Serialize)]
struct View {
    shell: Shell,
    foot: Option<Foot>,
    seconds: u64,
    lines: Vec<String>,
    /// Cases and pieces past their term of retention.
    past_term: u64,
    exceptions: Vec<ExceptionView>,
    more: u64,
    days: Vec<DayView>,
}

#[derive(Serialize)]
struct ExceptionView {
    what: String,
    /// Which one, where it has a name.
    reference: Option<String>,
    advice: String,
}

#[derive(Serialize)]
struct DayView {
    day: String,
    pieces: u64,
    missing: u64,
    exceptions: u64,
    sources: String,
}

/// `None`: no proof was made yet.
pub fn foot(health: &Health, now: Timestamp) -> Option<Foot> {
    let Proved { row, .. } = health.proof()?;
    let exceptions = row.note.exception_count();
    let (class, word) = if row.note.missing > 0 {
        ("bad", format!("ontbreekt {}", row.note.missing))
    } else if now.duration_since(row.at).unsigned_abs() > PROOF_AGE_MAX {
        ("warn", "te lang geleden".to_owned())
    } else if exceptions > 0 {
        (
            "warn",
            if exceptions == 1 {
                "1 uitzondering".to_owned()
            } else {
                format!("{exceptions} uitzonderingen")
            },
        )
    } else {
        ("good", "klopt".to_owned())
    };
    Some(Foot { class, word, at: dates::moment(row.at) })
}

/// `GET /ledger`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Fault> {
    let rows = state.with_store(|store| store.proofs(PROOFS_SHOWN_MAX)).await?;
    let last = state.health().proof();
    let note = last.as_ref().map(|proved| &proved.row.note).or(rows.first().map(|row| &row.note));
    let (exceptions, more) = last.as_ref().map_or((Vec::new(), 0), exceptions);
    let view = View {
        shell: Shell::new(&state, &visitor, "ledger"),
        foot: foot(state.health(), state.now()),
        seconds: note.map_or(0, |note| note.seconds),
        lines: note.map(lines).unwrap_or_default(),
        past_term: state.health().is_past_term().unwrap_or_default(),
        exceptions,
        more,
        days: rows.iter().map(day).collect(),
    };
    Ok(pages::draw("ledger.html", &view)?.into_response())
}

fn lines(note: &ProofNote) -> Vec<String> {
    std::iter::once(note.line()).chain(note.sources.iter().map(SourceCount::line)).collect()
}

/// One by one where they are known, else by kind: the journal has no more of a proof from before the last start.
fn exceptions(proved: &Proved) -> (Vec<ExceptionView>, u64) {
    let Proved { row, exceptions } = proved;
    if exceptions.is_empty() {
        let by_kind = row.note.exceptions.iter().map(|(kind, count)| ExceptionView {
            what: format!("{count} × {}", kind.label()),
            reference: None,
            advice: kind.advice().to_owned(),
        });
        return (by_kind.collect(), 0);
    }
    let shown: Vec<ExceptionView> = exceptions
        .iter()
        .take(EXCEPTIONS_SHOWN_MAX)
        .map(|one| ExceptionView {
            what: one.what.clone(),
            reference: one.reference.clone(),
            advice: one.advice.clone(),
        })
        .collect();
    let more = row.note.exception_count().saturating_sub(shown.len() as u64);
    (shown, more)
}

fn day(row: &ProofRow) -> DayView {
    let counted = |count: &SourceCount| match count.reached {
        true => format!("{} {}", count.source.label(), count.counted),
        false => format!("{} niet geteld", count.source.label()),
    };
    DayView {
        day: dates::short(office_date(row.at)),
        pieces: row.note.pieces,
        missing: row.note.missing,
        exceptions: row.note.exception_count(),
        sources: row.note.sources.iter().map(counted).collect::<Vec<_>>().join(", "),
    }
}
