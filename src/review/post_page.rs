//! `GET /post`: the post room's page: today's scans and what became of each, sheets counted, what waits or was refused, a scan
//! laid in by hand, separator sheets.
//!
//! Invariant: every file that was scanned is on it: waiting, refused with its reason, or a piece with what it became.

use super::dates;
use super::errors::Fault;
use super::guard::{Posted, Visitor, see_other};
use super::pages::{self, Shell};
use super::rights::Right;
use super::state::{PostRoom, PostRoomFault, ReviewState, Shown};
use super::upload::{self, Sent};
use crate::limits::{PIECE_BYTES_MAX, POST_ROWS_MAX, SHEETS_MAX};
use crate::record::{CaseNumber, CaseRow, Origin, RegistrationNumber, SetAside, size};
use crate::store::{PostBecame, PostRow};
use axum::extract::{Extension, Query, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The query of the page's address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    day: String,
    /// What was just done.
    done: String,
}

#[derive(Serialize)]
struct View {
    shell: Shell,
    day: String,
    today: bool,
    before: String,
    after: Option<String>,
    notice: Option<&'static str>,
    may: bool,
    /// Is there a scan folder at all?
    folder: bool,
    counts: Counts,
    waiting: Vec<FileView>,
    refused: Vec<FileView>,
    rows: Vec<RowView>,
    more: bool,
    most: String,
    sheets_max: u32,
    iso: String,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Counts {
    /// Files that were scanned.
    files: usize,
    sheets: u32,
    /// Letters, each from a file of its own or of a stack.
    letters: usize,
    cases: usize,
    work: usize,
}

#[derive(Serialize)]
struct FileView {
    name: String,
    at: String,
    size: String,
    why: Option<String>,
}

#[derive(Serialize)]
struct RowView {
    name: String,
    number: String,
    at: String,
    url: String,
    /// A letter of the stack above it.
    within: bool,
    class: &'static str,
    word: String,
    detail: String,
}

/// `GET /post`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Query(choice): Query<Choice>,
) -> Result<Response, Fault> {
    let today = state.today();
    let day = choice.day.parse::<Date>().unwrap_or(today).min(today);
    let (rows, more, cases) = state
        .with_store(move |store| {
            let (rows, more) = store.post_on(day, day == today, POST_ROWS_MAX)?;
            let mut cases = BTreeMap::new();
            for row in &rows {
                if let PostBecame::Case(number) = row.became
                    && let Some(case) = store.case(number)?
                {
                    cases.insert(number, case);
                }
            }
            Ok((rows, more, cases))
        })
        .await?;
    let folder = state.post_room();
    let (waiting, refused) = match folder.clone().filter(|_| day == today) {
        Some(folder) => lying(folder).await?,
        None => (Vec::new(), Vec::new()),
    };
    let view = View {
        shell: Shell::new(&state, &visitor, "post"),
        day: dates::short(day),
        today: day == today,
        before: day.saturating_sub(1.day()).to_string(),
        after: (day < today).then(|| day.saturating_add(1.day()).to_string()),
        notice: match choice.done.as_str() {
            "laid" => Some(
                "Het bestand ligt in de scanmap. Het wordt vanzelf gelezen; dat duurt meestal minder dan een minuut.",
            ),
            "again" => Some("Het bestand ligt weer in de scanmap en wordt opnieuw geprobeerd."),
            "gone" => Some("Dat bestand lag er niet meer. Waarschijnlijk was een collega u voor."),
            _ => None,
        },
        may: visitor.may(Right::Letters),
        folder: folder.is_some(),
        counts: counts(&rows),
        waiting,
        refused,
        rows: laid_out(rows, &cases, &state.shown()),
        more,
        most: size(PIECE_BYTES_MAX),
        sheets_max: SHEETS_MAX,
        iso: today.to_string(),
    };
    Ok(pages::draw("post.html", &view)?.into_response())
}

/// What lies in the folder, read where it may block.
async fn lying(folder: Arc<dyn PostRoom>) -> Result<(Vec<FileView>, Vec<FileView>), Fault> {
    let read = move || Ok::<_, String>((folder.waiting()?, folder.refused()?));
    let (waiting, refused) = blocking(read).await?.map_err(|error| Fault::internal(&error))?;
    let waiting = waiting.into_iter().map(|scan| FileView {
        name: scan.name,
        at: dates::moment(scan.at),
        size: size(scan.bytes),
        why: scan.why,
    });
    let refused = refused.into_iter().map(|scan| FileView {
        name: scan.name,
        at: dates::moment(scan.at),
        size: size(scan.bytes),
        why: Some(scan.reason),
    });
    Ok((waiting.collect(), refused.collect()))
}

fn counts(rows: &[PostRow]) -> Counts {
    let mut counts = Counts::default();
    for row in rows {
        if !matches!(row.record.origin, Origin::Run { .. }) {
            counts.files += 1;
        }
        match &row.became {
            PostBecame::Work => counts.work += 1,
            PostBecame::Case(_) => counts.letters += 1,
            PostBecame::Aside(SetAside::Divided(divided)) => counts.sheets += divided.sheets,
            PostBecame::Aside(SetAside::Backs { .. }) => {}
            PostBecame::Aside(SetAside::Automatic { .. } | SetAside::ByPerson { .. }) => counts.letters += 1,
        }
    }
    let cases = rows.iter().filter_map(|row| match row.became {
        PostBecame::Case(number) => Some(number),
        _ => None,
    });
    counts.cases = cases.collect::<std::collections::BTreeSet<_>>().len();
    counts
}

/// A stack, then its letters in their order; the newest first.
fn laid_out(rows: Vec<PostRow>, cases: &BTreeMap<CaseNumber, CaseRow>, shown: &Shown) -> Vec<RowView> {
    let stacks: Vec<RegistrationNumber> = rows.iter().map(|row| row.record.number).collect();
    let mut within: BTreeMap<RegistrationNumber, Vec<(u32, PostRow)>> = BTreeMap::new();
    let mut first = Vec::new();
    for row in rows {
        match &row.record.origin {
            Origin::Run { of, part, .. } if stacks.contains(of) => {
                within.entry(*of).or_default().push((*part, row));
            }
            _ => first.push(row),
        }
    }
    let mut laid = Vec::new();
    for row in first {
        let mut letters = within.remove(&row.record.number).unwrap_or_default();
        letters.sort_by_key(|(part, _)| *part);
        laid.push(row_view(row, false, cases, shown));
        laid.extend(letters.into_iter().map(|(_, letter)| row_view(letter, true, cases, shown)));
    }
    laid
}

fn row_view(row: PostRow, within: bool, cases: &BTreeMap<CaseNumber, CaseRow>, shown: &Shown) -> RowView {
    let PostRow { record, became } = row;
    let aside = format!("/aside/{}", record.number);
    let (url, class, word, detail) = match became {
        PostBecame::Work => {
            let half = matches!(record.origin, Origin::OneSided { .. });
            let word = if half { "Wacht op de andere helft" } else { "Wordt gelezen" };
            (String::new(), "tag-warn", word.to_owned(), String::new())
        }
        PostBecame::Case(number) => {
            let case = cases.get(&number);
            let unread = case.is_some_and(|case| case.judgement.defects > 0);
            let list = case.map(|case| shown.names.queue(&case.queue)).unwrap_or_default();
            let more = if unread { "; niet alles kon worden gelezen" } else { "" };
            let class = if unread { "tag-warn" } else { "tag-good" };
            (format!("/cases/{number}"), class, format!("Zaak {number}"), format!("{list}{more}"))
        }
        PostBecame::Aside(SetAside::Divided(divided)) => {
            let letters = divided.letters.len();
            let word = match letters {
                1 => "Eén brief".to_owned(),
                many => format!("Verdeeld in {many} brieven"),
            };
            let class = if divided.adds_up() { "tag-hint" } else { "tag-bad" };
            (aside, class, word, divided.sentence())
        }
        PostBecame::Aside(SetAside::Backs { of }) => {
            (aside, "tag-hint", "Achterkanten".to_owned(), format!("Samengevoegd met {of}."))
        }
        PostBecame::Aside(SetAside::Automatic { reason, .. } | SetAside::ByPerson { reason }) => {
            (aside, "tag-warn", "Terzijde gelegd".to_owned(), reason)
        }
    };
    RowView {
        name: record.name,
        number: record.number.to_string(),
        at: dates::moment(record.registered_at),
        url,
        within,
        class,
        word,
        detail,
    }
}

/// The name of a refused file.
#[derive(Debug, Deserialize)]
pub struct Again {
    name: String,
}

/// `POST /post/again`: one more try.
pub async fn again(State(state): State<ReviewState>, posted: Posted<Again>) -> Result<Response, Fault> {
    let folder = folder(&state)?;
    let tried = blocking(move || folder.again(&posted.form.name)).await?;
    Ok(see_other(if tried? { "/post?done=again" } else { "/post?done=gone" }))
}

/// `POST /post/scans`: a scan from somebody's computer.
pub async fn lay(State(state): State<ReviewState>, request: Request) -> Result<Response, Response> {
    let sent = upload::sent(&state, request).await?;
    let laid = laid(&state, sent).await;
    laid.map_err(IntoResponse::into_response)
}

async fn laid(state: &ReviewState, sent: Sent) -> Result<Response, Fault> {
    let Some((name, bytes)) = sent.file else { return Err(Fault::unacceptable("Kies eerst een bestand.")) };
    let folder = folder(state)?;
    blocking(move || folder.lay(&name, &bytes)).await??;
    Ok(see_other("/post?done=laid"))
}

/// What the form for sheets asks.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SheetsWanted {
    count: String,
    received: String,
}

/// `GET /post/sheets.pdf`
pub async fn sheets(
    State(state): State<ReviewState>,
    Query(wanted): Query<SheetsWanted>,
) -> Result<Response, Fault> {
    let count = wanted.count.parse::<u32>().ok().filter(|count| (1..=SHEETS_MAX).contains(count));
    let Some(count) = count else {
        return Err(Fault::unacceptable(format!("Kies een aantal van 1 tot en met {SHEETS_MAX}.")));
    };
    let received = match wanted.received.as_str() {
        "" => None,
        day => Some(day.parse::<Date>().map_err(|_| Fault::unacceptable("De datum is geen datum."))?),
    };
    let folder = folder(&state)?;
    let pdf =
        blocking(move || folder.sheets(count, received)).await?.map_err(|error| Fault::internal(&error))?;
    let name = "attachment; filename=\"scheidingsvellen.pdf\"";
    Ok(([(CONTENT_TYPE, "application/pdf"), (CONTENT_DISPOSITION, name)], pdf).into_response())
}

fn folder(state: &ReviewState) -> Result<Arc<dyn PostRoom>, Fault> {
    state.post_room().ok_or_else(|| {
        Fault::not_found(
            "Er is geen scanmap ingesteld. Vraag uw beheerder: dat is [scan] in de instellingen.",
        )
    })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Fault::internal(&error))
}

impl From<PostRoomFault> for Fault {
    fn from(fault: PostRoomFault) -> Self {
        match fault {
            PostRoomFault::Unfit(why) => Fault::unacceptable(why),
            PostRoomFault::Other(error) => Fault::internal(&error),
        }
    }
}
