//! Changing the rules at the desk: the files in blocks, one block to edit, what the draft changes and would do to the archive, and
//! putting it into force with a reason, or throwing it away.
//!
//! Invariant: nothing counts before [`publish`], which checks all of it once more; every version that was in force is kept.

use super::dates;
use super::errors::Fault;
use super::guard::{Posted, Visitor, see_other};
use super::pages::{self, Shell, url};
use super::state::{ReviewState, RuleDesk};
use crate::draft::{DraftFault, Effect, Fates, blocks};
use crate::limits::NOTE_CHARS_MAX;
use crate::store::DAEMON;
use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The reason of the rules that nobody put into force here.
const BEFORE: &str = "Zo waren de regels voordat hier iets werd gewijzigd.";

/// Lines of a change that are shown.
const LINES_SHOWN_MAX: usize = 200;

/// What was just done, or has to be.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Done {
    done: String,
}

#[derive(Serialize)]
struct DraftView {
    shell: Shell,
    notice: Option<&'static str>,
    files: Vec<ChangedFile>,
    faults: Vec<String>,
    may_publish: bool,
    reason: String,
    errors: Vec<String>,
    reason_chars_max: usize,
}

#[derive(Serialize)]
struct ChangedFile {
    name: String,
    url: String,
    lines: Vec<String>,
    more: usize,
}

#[derive(Serialize)]
struct FileView {
    shell: Shell,
    name: String,
    draft: bool,
    blocks: Vec<BlockView>,
}

#[derive(Serialize)]
struct BlockView {
    title: String,
    about: String,
    url: String,
}

#[derive(Serialize)]
struct EditView {
    shell: Shell,
    file: String,
    file_url: String,
    title: String,
    index: usize,
    mark: String,
    text: String,
    rows: usize,
    errors: Vec<String>,
}

#[derive(Serialize)]
struct EffectView {
    shell: Shell,
    rules: Vec<String>,
    judged: usize,
    changed: Vec<ChangedView>,
    counts: Vec<(String, usize)>,
    better: usize,
    worse: usize,
    more: bool,
}

#[derive(Serialize)]
struct ChangedView {
    case: String,
    changes: Vec<(String, &'static str)>,
    rules: String,
}

#[derive(Serialize)]
struct ScoreView {
    shell: Shell,
    decided: usize,
    overruled: usize,
    more: bool,
    rules: Vec<FateView>,
}

#[derive(Serialize)]
struct FateView {
    rule: String,
    kept: usize,
    overruled: usize,
    share: String,
}

/// `GET /rules/draft`
pub async fn page(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Query(done): Query<Done>,
) -> Result<Response, Fault> {
    let notice = match done.done.as_str() {
        "changed" => Some("Opgeslagen in het concept. Er is nog niets van kracht."),
        "back" => Some("De regels van toen staan nu in het concept. Er is nog niets van kracht."),
        _ => None,
    };
    draw(&state, &visitor, notice, String::new(), Vec::new()).await
}

async fn draw(
    state: &ReviewState,
    visitor: &Visitor,
    notice: Option<&'static str>,
    reason: String,
    errors: Vec<String>,
) -> Result<Response, Fault> {
    let desk = desk(state)?;
    let (there, changes, faults) = on_rules(desk, |desk| {
        let draft = desk.draft();
        let faults = if draft.is_there() { desk.faults() } else { Vec::new() };
        Ok((draft.is_there(), draft.changes()?, faults))
    })
    .await?;
    if !there {
        return Ok(see_other("/rules"));
    }
    let file = |(name, mut lines): (String, Vec<String>)| {
        let more = lines.len().saturating_sub(LINES_SHOWN_MAX);
        lines.truncate(LINES_SHOWN_MAX);
        ChangedFile { url: format!("/rules/files/{name}"), name, lines, more }
    };
    let refused = !errors.is_empty();
    let view = DraftView {
        shell: Shell::new(state, visitor, "rules"),
        notice,
        may_publish: faults.is_empty() && !changes.is_empty(),
        files: changes.into_iter().map(file).collect(),
        faults: faults.iter().flat_map(|fault| fault.lines().map(str::to_owned)).collect(),
        reason,
        errors,
        reason_chars_max: NOTE_CHARS_MAX,
    };
    let mut response = pages::draw("draft.html", &view)?.into_response();
    if refused {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// `GET /rules/files/{name}`
pub async fn file(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Path(name): Path<String>,
) -> Result<Response, Fault> {
    let (draft, text) = text_of(&state, &name).await?;
    let block = |(index, block): (usize, crate::draft::Block)| BlockView {
        title: if block.title.is_empty() { "Begin van het bestand".to_owned() } else { block.title },
        about: block.about.chars().take(200).collect(),
        url: format!("/rules/files/{name}/{index}"),
    };
    let view = FileView {
        shell: Shell::new(&state, &visitor, "rules"),
        draft,
        blocks: blocks(&text).into_iter().enumerate().map(block).collect(),
        name,
    };
    Ok(pages::draw("rule_file.html", &view)?.into_response())
}

/// `GET /rules/files/{name}/{index}`
pub async fn edit(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Path((name, index)): Path<(String, usize)>,
) -> Result<Response, Fault> {
    let (_, text) = text_of(&state, &name).await?;
    let Some(block) = blocks(&text).into_iter().nth(index) else {
        return Err(Fault::not_found("Dit deel van het bestand is er niet."));
    };
    let (mark, title) = (block.mark(), block.title);
    draw_edit(&state, &visitor, &name, index, (title, mark, block.text), Vec::new())
}

fn draw_edit(
    state: &ReviewState,
    visitor: &Visitor,
    file: &str,
    index: usize,
    (title, mark, text): (String, String, String),
    errors: Vec<String>,
) -> Result<Response, Fault> {
    let refused = !errors.is_empty();
    let view = EditView {
        shell: Shell::new(state, visitor, "rules"),
        file: file.to_owned(),
        file_url: format!("/rules/files/{file}"),
        title: if title.is_empty() { "Begin van het bestand".to_owned() } else { title },
        index,
        mark,
        rows: text.lines().count().clamp(6, 30) + 2,
        text,
        errors,
    };
    let mut response = pages::draw("rule_edit.html", &view)?.into_response();
    if refused {
        *response.status_mut() = StatusCode::CONFLICT;
    }
    Ok(response)
}

/// A changed block.
#[derive(Debug, Deserialize)]
pub struct Change {
    file: String,
    index: String,
    mark: String,
    text: String,
}

/// `POST /rules/draft/change`
pub async fn change(State(state): State<ReviewState>, posted: Posted<Change>) -> Result<Response, Fault> {
    let Posted { visitor, form } = posted;
    let index: usize =
        form.index.parse().map_err(|_| Fault::unacceptable("Dit deel van het bestand is er niet."))?;
    let (file, mark, text) = (form.file.clone(), form.mark.clone(), form.text.clone());
    let changed =
        on_rules(desk(&state)?, move |desk| match desk.draft().change(&file, index, &mark, &text) {
            Err(DraftFault::Changed) => Ok(false),
            other => other.map(|()| true),
        });
    if changed.await? {
        return Ok(see_other("/rules/draft?done=changed"));
    }
    let (_, now) = text_of(&state, &form.file).await?;
    let mark = blocks(&now).get(index).map(crate::draft::Block::mark).unwrap_or_default();
    let told = "Iemand anders heeft dit deel intussen veranderd. Uw tekst staat hieronder nog. Bekijk eerst wat de ander \
                deed; slaat u nu op, dan vervangt uw tekst die van de ander.";
    draw_edit(&state, &visitor, &form.file, index, (String::new(), mark, form.text), vec![told.to_owned()])
}

/// `GET /rules/draft/effect`: the newest cases of the archive, judged by the rules in force and by the draft.
pub async fn effect(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Fault> {
    let Effect { rules, judged, changed, counts, better, worse, more } =
        on_rules(desk(&state)?, |desk| desk.effect()).await?;
    let told = |better: Option<bool>| match better {
        Some(true) => "beter",
        Some(false) => "slechter",
        None => "",
    };
    let changed = changed.into_iter().map(|one| ChangedView {
        case: one.case,
        changes: one.changes.into_iter().map(|(words, better)| (words, told(better))).collect(),
        rules: one.rules.join(", "),
    });
    let view = EffectView {
        shell: Shell::new(&state, &visitor, "rules"),
        rules,
        judged,
        changed: changed.collect(),
        counts,
        better,
        worse,
        more,
    };
    Ok(pages::draw("rule_effect.html", &view)?.into_response())
}

/// Why it is put into force.
#[derive(Debug, Deserialize)]
pub struct Publish {
    #[serde(default)]
    reason: String,
}

/// `POST /rules/draft/publish`
pub async fn publish(State(state): State<ReviewState>, posted: Posted<Publish>) -> Result<Response, Fault> {
    let Posted { visitor, form } = posted;
    let reason = form.reason.trim().to_owned();
    if reason.is_empty() {
        let told = vec!["Schrijf waarom u dit verandert. Dat staat later bij deze versie.".to_owned()];
        return draw(&state, &visitor, None, reason, told).await;
    }
    let Some(rereader) = state.rereader() else {
        return Err(Fault::unacceptable("Deze werkplek kan de regels niet in werking zetten."));
    };
    let desk = desk(&state)?;
    let placed = on_rules(Arc::clone(&desk), |desk| {
        let faults = desk.faults();
        if !faults.is_empty() || !desk.draft().is_there() {
            return Ok(Err(faults));
        }
        desk.draft().put_in_place().map(Ok)
    });
    let old = match placed.await? {
        Ok(old) => old,
        Err(faults) => return draw(&state, &visitor, None, reason, faults).await,
    };
    let reread = match rereader().await {
        Ok(reread) => reread,
        Err(faults) => {
            let desk = Arc::clone(&desk);
            on_rules(desk, move |desk| {
                desk.draft().undo(&old);
                Ok(())
            })
            .await?;
            let faults = faults.lines().map(str::to_owned).collect();
            return draw(&state, &visitor, None, reason, faults).await;
        }
    };
    let former = state.shown().rules.version.clone();
    let (version, by, now) = (reread.rules.version.clone(), visitor.name.clone(), state.now());
    tracing::info!(by, rules = %version, "rules put into force from the desk");
    state.show_all(reread.office, reread.names, reread.rules);
    let note = move |store: &crate::store::Store| {
        // The first time: one can go back to what was there before, too.
        if store.published_rules(1)?.is_empty() {
            store.note_published(&former, BEFORE, DAEMON, now)?;
        }
        store.note_published(&version, &reason, &by, now)
    };
    state.with_store(note).await?;
    on_rules(desk, |desk| desk.draft().discard()).await?;
    Ok(see_other("/rules?done=published"))
}

/// A form without fields of its own.
#[derive(Debug, Deserialize)]
pub struct Nothing {}

/// `POST /rules/draft/discard`
pub async fn discard(State(state): State<ReviewState>, _: Posted<Nothing>) -> Result<Response, Fault> {
    on_rules(desk(&state)?, |desk| desk.draft().discard()).await?;
    Ok(see_other("/rules?done=discarded"))
}

/// The version to go back to.
#[derive(Debug, Deserialize)]
pub struct Back {
    version: String,
}

/// `POST /rules/draft/back`: the rules of then as a draft; they count when they are put into force.
pub async fn back(State(state): State<ReviewState>, posted: Posted<Back>) -> Result<Response, Fault> {
    on_rules(desk(&state)?, move |desk| desk.draft().go_back_to(&posted.form.version)).await?;
    Ok(see_other("/rules/draft?done=back"))
}

/// `GET /rules/score`: how staff followed each rule.
pub async fn score(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Fault> {
    let Fates { rules, decided, overruled, more } = on_rules(desk(&state)?, |desk| desk.fates()).await?;
    let fate = |(rule, kept, overruled): (String, usize, usize)| FateView {
        share: super::chart::percent(overruled as u64, (kept + overruled) as u64),
        rule,
        kept,
        overruled,
    };
    let view = ScoreView {
        shell: Shell::new(&state, &visitor, "rules"),
        decided,
        overruled,
        more,
        rules: rules.into_iter().map(fate).collect(),
    };
    Ok(pages::draw("rule_score.html", &view)?.into_response())
}

/// A published version, for the page of the rules.
#[derive(Debug, Serialize)]
pub struct VersionView {
    pub version: String,
    pub at: String,
    pub by: String,
    pub reason: String,
    pub in_force: bool,
}

/// The last versions that people put into force.
pub async fn versions(state: &ReviewState) -> Result<Vec<VersionView>, Fault> {
    let rows = state.with_store(|store| store.published_rules(crate::limits::PUBLISHED_SHOWN_MAX)).await?;
    let now = state.shown().rules.version.clone();
    let view = |row: crate::store::Published| VersionView {
        in_force: row.version == now,
        at: dates::moment(row.at),
        version: row.version,
        by: row.by,
        reason: row.reason,
    };
    Ok(rows.into_iter().map(view).collect())
}

/// The rule files and whether they are those of a draft; nothing where the desk cannot change rules.
pub async fn files(state: &ReviewState) -> Result<(bool, Vec<(String, String)>), Fault> {
    let Some(desk) = state.rule_desk() else { return Ok((false, Vec::new())) };
    on_rules(desk, |desk| {
        let draft = desk.draft();
        let link = |(name, _): (String, String)| (url(&format!("/rules/files/{name}"), &[]), name);
        Ok((draft.is_there(), draft.files()?.into_iter().map(link).collect()))
    })
    .await
}

async fn text_of(state: &ReviewState, name: &str) -> Result<(bool, String), Fault> {
    let wanted = name.to_owned();
    let found = on_rules(desk(state)?, move |desk| {
        let draft = desk.draft();
        let file = draft.files()?.into_iter().find(|(name, _)| *name == wanted);
        Ok(file.map(|(_, text)| (draft.is_there(), text)))
    });
    found.await?.ok_or_else(|| Fault::not_found("Er is geen bestand met regels dat zo heet."))
}

fn desk(state: &ReviewState) -> Result<Arc<dyn RuleDesk>, Fault> {
    state.rule_desk().ok_or_else(|| Fault::not_found("Deze werkplek kan de regels niet veranderen."))
}

/// Reads and writes rule files where it may block.
async fn on_rules<T: Send + 'static>(
    desk: Arc<dyn RuleDesk>,
    work: impl FnOnce(&dyn RuleDesk) -> Result<T, DraftFault> + Send + 'static,
) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(move || work(desk.as_ref())).await;
    done.map_err(|error| Fault::internal(&error))?.map_err(Fault::from)
}

impl From<DraftFault> for Fault {
    fn from(fault: DraftFault) -> Self {
        match fault {
            DraftFault::Unfit(why) => Fault::unacceptable(why),
            DraftFault::Changed => Fault::new(
                StatusCode::CONFLICT,
                "Dit is intussen veranderd",
                "Iemand anders was u voor. Wij hebben niets opgeslagen.",
            ),
            DraftFault::Io { source, .. }
                if matches!(
                    source.kind(),
                    std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                Fault::new(
                    StatusCode::CONFLICT,
                    "De map met regels kan niet worden beschreven",
                    "Er is niets veranderd en uw concept is bewaard. Vraag uw beheerder: het programma moet in de map \
                     met regels mogen schrijven (docs/security.md).",
                )
            }
            DraftFault::Io { .. } => Fault::internal(&crate::explain::with_causes(&fault)),
            DraftFault::Store(error) => error.into(),
        }
    }
}
