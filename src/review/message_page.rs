//! What goes with a decision, seen before it goes: the message to the citizen, and the package that is sent on with a complaint
//! (Awb 9:18 lid 2, 2:3 lid 1): a letter, the original, and a proof of the date of receipt (Awb 9:19).
//!
//! Invariants: looking sends and stores nothing; what the virus scanner locked does not leave the house; the package is what a
//! person sends on, and its making stands in the look log.

use super::case_page::{case_number, download, locked};
use super::clerk::{Draft, DraftWish, Words};
use super::decide::revision;
use super::errors::{Fault, Refused, Written};
use super::guard::{Posted, Visitor};
use super::marking::one_line;
use super::pages::{self, Shell};
use super::state::ReviewState;
use super::{dates, words};
use crate::limits::{ADDRESS_CHARS_MAX, ADDRESS_LINES_MAX, NOTE_CHARS_MAX, TRANSFER_BYTES_MAX};
use crate::queue::{self, DecisionFault};
use crate::record::{
    AnswerState, CaseNumber, CaseRow, Channel, Decision, Extract, Judgement, Line, Record, Verdict,
};
use crate::store::StoreError;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;

/// What the form of a case, and the page itself, post.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DraftForm {
    pub revision: String,
    pub verdict: String,
    pub refer_to: String,
    pub reason: String,
    /// `forward` or `refer`; empty: as the law has it for this office.
    pub how: String,
    /// Of the message; empty: the writer's, where there is a draft in it.
    pub language: String,
    pub message_subject: String,
    pub message_text: String,
    pub transfer_subject: String,
    pub transfer_text: String,
    /// Name and address, one a line.
    pub transfer_to: String,
}

/// A case with what a draft is made of.
pub struct Drafted {
    pub row: CaseRow,
    pub extract: Extract,
    pub judgement: Judgement,
}

#[derive(Serialize)]
struct View {
    shell: Shell,
    number: String,
    title: String,
    revision: u64,
    verdict: &'static str,
    verdict_name: &'static str,
    refer_to: String,
    refer_name: String,
    reason: String,
    how: &'static str,
    refers: bool,
    second_line: bool,
    to: Option<String>,
    /// It can go out from here.
    may_send: bool,
    /// Why it cannot (Dutch).
    why_not: &'static str,
    letter: bool,
    message_subject: String,
    message_text: String,
    /// Id and name of the message's language.
    language: String,
    language_name: String,
    /// In which there is one: id, name, chosen.
    languages: Vec<(String, String, bool)>,
    /// The writer's language, where there is no draft in it.
    no_words_in: Option<String>,
    /// What the message says, in Dutch.
    dutch: Option<Words>,
    transfer: Option<Words>,
    transfer_to: String,
    undo_minutes: u32,
    chars_max: usize,
    faults: Vec<Refused>,
}

/// `POST /cases/{number}/draft`: changes nothing.
pub async fn page(
    State(state): State<ReviewState>,
    Path(number): Path<String>,
    Posted { visitor, form }: Posted<DraftForm>,
) -> Result<Response, Fault> {
    show(&state, &visitor, case_number(&number)?, form, Vec::new()).await
}

/// The page, also for a decision with a message that was refused.
pub async fn show(
    state: &ReviewState,
    visitor: &Visitor,
    number: CaseNumber,
    form: DraftForm,
    mut faults: Vec<Refused>,
) -> Result<Response, Fault> {
    let shown_revision = revision(&form.revision)?;
    let Drafted { row, extract, judgement } = drafted(state, number).await?;
    let shown = state.shown();
    let verdict = match queue::verdict_of(&form.verdict) {
        Some(verdict @ (Verdict::Refer | Verdict::AskForMore)) => verdict,
        _ => {
            return Err(Fault::unacceptable(
                "Kies doorverwijzen of om aanvulling vragen. Daar hoort een bericht bij.",
            ));
        }
    };
    if faults.is_empty() && verdict == Verdict::Refer && form.refer_to.trim().is_empty() {
        faults.push(Refused::at("", DecisionFault::ReferToMissing.to_string()));
    }
    let second_line = shown.office.line == Line::Second;
    let forward = forwards(&form, &state.shown().names.sent_on);
    let theirs = judgement.language.clone();
    let draft = draft(state, &form, verdict, forward, row.clone(), extract, judgement).await?;
    let no_words = !matches!(theirs.as_str(), "" | "und") && !draft.languages.contains(&theirs);
    let languages =
        draft.languages.iter().map(|id| (id.clone(), words::language(id).to_owned(), *id == draft.language));
    let (may_send, why_not) = may_send(&row, &draft, state.is_rehearsal());
    // Words that were typed stay, unless the way was changed: then the draft is another.
    let kept =
        |typed: &str, made: &str| if typed.trim().is_empty() { made } else { typed }.replace("\r\n", "\n");
    let view = View {
        shell: Shell::new(state, visitor, "queue"),
        number: number.to_string(),
        title: row.subject.as_deref().map(one_line).unwrap_or_default(),
        revision: shown_revision,
        verdict: queue::verdict_id(verdict),
        verdict_name: queue::verdict_label(verdict),
        refer_name: shown.names.referral(form.refer_to.trim()),
        refer_to: form.refer_to.trim().to_owned(),
        reason: form.reason.clone(),
        how: if forward { "forward" } else { "refer" },
        refers: verdict == Verdict::Refer,
        second_line,
        to: draft.to.as_deref().map(one_line),
        may_send,
        why_not,
        letter: row.channel == Channel::Letter,
        message_subject: kept(&form.message_subject, &draft.message.subject),
        message_text: kept(&form.message_text, &draft.message.text),
        languages: languages.collect(),
        no_words_in: no_words.then(|| words::language(&theirs).to_owned()),
        language_name: words::language(&draft.language).to_owned(),
        language: draft.language,
        dutch: draft.dutch,
        transfer: draft.transfer.map(|words| Words {
            subject: kept(&form.transfer_subject, &words.subject),
            text: kept(&form.transfer_text, &words.text),
        }),
        transfer_to: kept(&form.transfer_to, &draft.transfer_to.join("\n")),
        undo_minutes: state.desk().undo_minutes,
        chars_max: NOTE_CHARS_MAX,
        faults,
    };
    let status = if view.faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let mut response = (status, pages::draw("message.html", &view)?).into_response();
    response.extensions_mut().insert(Written);
    Ok(response)
}

/// Between ombudsmen a complaint is sent on (9:18), as `referrals.toml` says; a person may choose otherwise. Where it goes to a body
/// that the house knows as no place of complaint, it is referred.
fn forwards(form: &DraftForm, sent_on: &BTreeSet<String>) -> bool {
    match form.how.as_str() {
        "forward" => true,
        "refer" => false,
        _ => sent_on.contains(form.refer_to.trim()),
    }
}

/// Can the message go out from here, and if not, why?
fn may_send(row: &CaseRow, draft: &Draft, rehearsal: bool) -> (bool, &'static str) {
    let state = row.answer.as_ref().map(|answer| &answer.state);
    if rehearsal {
        (false, "Dit is een proefopstelling: er gaat niets uit.")
    } else if row.channel == Channel::Letter {
        (false, "De inwoner schreef een brief. Print dit bericht en verstuur het per post.")
    } else if draft.to.is_none() {
        (false, "Er is geen adres waar dit bericht heen kan. Bel of schrijf de inwoner.")
    } else if matches!(state, Some(AnswerState::Waiting { .. } | AnswerState::Held { .. })) {
        (false, "De ontvangstbevestiging wacht nog. Laat die eerst uitgaan of houd haar tegen.")
    } else {
        (true, "")
    }
}

/// What drafts of a case are made of.
pub async fn drafted(state: &ReviewState, number: CaseNumber) -> Result<Drafted, Fault> {
    state
        .with_store(move |store| {
            let row = store.case(number)?.ok_or(StoreError::UnknownCase(number))?;
            let gone = || StoreError::State { object: number.to_string(), why: "its piece is gone" };
            let first = *row.records.first().ok_or_else(gone)?;
            let extract = store.extract(first)?.unwrap_or_default();
            let mut judgement = store.judgement(first)?.ok_or_else(gone)?;
            // As staff corrected it.
            judgement.complained_about.clone_from(&row.judgement.complained_about);
            Ok(Drafted { row, extract, judgement })
        })
        .await
}

async fn draft(
    state: &ReviewState,
    form: &DraftForm,
    verdict: Verdict,
    forward: bool,
    row: CaseRow,
    extract: Extract,
    judgement: Judgement,
) -> Result<Draft, Fault> {
    let (refer_to, now) = (form.refer_to.trim().to_owned(), state.now());
    let language = form.language.clone();
    let made = state
        .with_the_clerk(move |clerk| {
            clerk.draft(&DraftWish {
                case: row.number,
                verdict,
                refer_to: Some(refer_to.as_str()).filter(|id| !id.is_empty()),
                forward,
                channel: row.channel,
                received: row.received,
                now,
                extract: &extract,
                judgement: &judgement,
                deadlines: &row.deadlines,
                language: &language,
            })
        })
        .await?;
    made.map_err(|error| Fault::internal(&error))
}

/// The message of a decision, made of what a person settled on; or a Dutch sentence why not.
pub async fn message(
    state: &ReviewState,
    number: CaseNumber,
    decision: &Decision,
    (language, words): (String, Words),
) -> Result<Result<Vec<u8>, Refused>, Fault> {
    let length = words.text.chars().count();
    if words.text.trim().is_empty() || words.subject.trim().is_empty() {
        return Ok(Err(Refused::at("bericht", "Schrijf een onderwerp en een bericht.")));
    }
    if length > NOTE_CHARS_MAX {
        return Ok(Err(Refused::at(
            "bericht",
            format!("Het bericht is te lang. Er passen {NOTE_CHARS_MAX} tekens in."),
        )));
    }
    if words.text.contains("[schrijf hier") {
        return Ok(Err(Refused::at("bericht", "Vul in het bericht in wat tussen haken staat.")));
    }
    let Drafted { row, extract, judgement } = drafted(state, number).await?;
    let (verdict, refer_to, now) = (decision.verdict, decision.refer_to.clone(), state.now());
    state
        .with_the_clerk(move |clerk| {
            let wish = DraftWish {
                case: row.number,
                verdict,
                refer_to: refer_to.as_deref(),
                forward: false,
                channel: row.channel,
                received: row.received,
                now,
                extract: &extract,
                judgement: &judgement,
                deadlines: &row.deadlines,
                language: &language,
            };
            clerk.message(&wish, &words)
        })
        .await
        .map(|made| made.map_err(|why| Refused::at("bericht", why)))
}

/// `POST /cases/{number}/letter.pdf`: the message to the citizen as a letter to print.
pub async fn letter(
    State(state): State<ReviewState>,
    Path(number): Path<String>,
    Posted { form, .. }: Posted<DraftForm>,
) -> Result<Response, Fault> {
    let number = case_number(&number)?;
    let made = drafted(&state, number).await?;
    let writer = &made.judgement.writer;
    let to: Vec<String> = writer.name.iter().chain(&writer.postal).map(|line| one_line(line)).collect();
    let words = Words { subject: one_line(&form.message_subject), text: bounded_text(&form.message_text)? };
    let pdf = paper(&state, made, to, (form.language, words)).await?;
    Ok(super::case_page::letter(&format!("{number}-bericht.pdf"), pdf))
}

async fn paper(
    state: &ReviewState,
    made: Drafted,
    to: Vec<String>,
    (language, words): (String, Words),
) -> Result<Vec<u8>, Fault> {
    let now = state.now();
    let pdf = state
        .with_the_clerk(move |clerk| {
            let wish = DraftWish {
                case: made.row.number,
                verdict: Verdict::Refer,
                refer_to: None,
                forward: true,
                channel: made.row.channel,
                received: made.row.received,
                now,
                extract: &made.extract,
                judgement: &made.judgement,
                deadlines: &made.row.deadlines,
                language: &language,
            };
            clerk.letter(&wish, &to, &words)
        })
        .await?;
    pdf.map_err(|error| Fault::internal(&error))
}

/// `POST /cases/{number}/transfer.zip`: letter, originals and proof of receipt, to send on.
pub async fn package(
    State(state): State<ReviewState>,
    Path(number): Path<String>,
    Posted { visitor, form }: Posted<DraftForm>,
) -> Result<Response, Fault> {
    let number = case_number(&number)?;
    let made = drafted(&state, number).await?;
    let to: Vec<String> = form
        .transfer_to
        .lines()
        .map(|line| one_line(line).trim().chars().take(ADDRESS_CHARS_MAX).collect::<String>())
        .filter(|line| !line.is_empty())
        .take(ADDRESS_LINES_MAX)
        .collect();
    let words = Words { subject: one_line(&form.transfer_subject), text: bounded_text(&form.transfer_text)? };
    let row = made.row.clone();
    let pdf = paper(&state, made, to, ("nl".to_owned(), words)).await?;
    let (now, by) = (state.now(), visitor.name);
    let pieces = state
        .with_store(move |store| {
            let mut pieces = Vec::new();
            let mut sum = 0;
            for number in &row.records {
                let record = store.record(*number)?;
                sum += record.bytes;
                if sum > TRANSFER_BYTES_MAX {
                    return Ok(None);
                }
                let locks = store.extract(*number)?.is_some_and(|extract| extract.is_locked());
                pieces.push((record, (!locks).then(|| store.original(*number)).transpose()?));
            }
            Ok(Some((row, pieces)))
        })
        .await?;
    let Some((row, pieces)) = pieces else {
        return Err(Fault::unacceptable(
            "Deze stukken zijn samen te groot voor één pakket. Download ze een voor een.",
        ));
    };
    if pieces.iter().all(|(_, bytes)| bytes.is_none()) {
        return Err(locked());
    }
    let zip = tokio::task::spawn_blocking(move || {
        let receipt = receipt(&row, &pieces, &by, now);
        zipped(&pdf, &receipt, &pieces)
    })
    .await
    .map_err(|error| Fault::internal(&error))?
    .map_err(|error| Fault::internal(&error))?;
    Ok(download(&format!("{number}-doorzending.zip"), zip))
}

fn bounded_text(text: &str) -> Result<String, Fault> {
    let text = text.replace("\r\n", "\n");
    if text.chars().count() > NOTE_CHARS_MAX {
        return Err(Fault::unacceptable("De tekst is te lang."));
    }
    Ok(text)
}

/// The proof of receipt, in words: what came when, and by which bytes it can be known.
fn receipt(row: &CaseRow, pieces: &[(Record, Option<Vec<u8>>)], by: &str, now: jiff::Timestamp) -> String {
    let mut text = format!(
        "BEWIJS VAN ONTVANGST\r\n\r\nKenmerk: {}\r\nDatum van ontvangst: {}\r\nPakket gemaakt: {} door {by}\r\n\r\n\
         De datum van ontvangst is de datum waarop het stuk bij ons binnenkwam (Awb 2:20, 9:18, 9:19).\r\n",
        row.number,
        dates::moment(row.received_at),
        dates::moment(now),
    );
    for (record, bytes) in pieces {
        let kept = if bytes.is_some() {
            ""
        } else {
            "\r\n  Zit niet in dit pakket: de virusscanner vond er iets in."
        };
        text += &format!(
            "\r\nStuk {}\r\n  Ontvangen: {} ({})\r\n  Grootte: {} bytes\r\n  SHA-256: {}{kept}\r\n",
            record.number,
            dates::moment(record.received_at),
            words::channel(record.channel).to_lowercase(),
            record.bytes,
            record.digest,
        );
    }
    text
}

/// What went wrong is ours: the files are in memory.
fn zipped(
    letter: &[u8],
    receipt: &str,
    pieces: &[(Record, Option<Vec<u8>>)],
) -> Result<Vec<u8>, zip::result::ZipError> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    archive.start_file("1-geleidebrief.pdf", options)?;
    archive.write_all(letter)?;
    archive.start_file("2-bewijs-van-ontvangst.txt", options)?;
    archive.write_all(receipt.as_bytes())?;
    for (record, bytes) in pieces {
        let Some(bytes) = bytes else { continue };
        let ending = record.name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
        let plain = |ending: &String| {
            (1..=5).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        let ending = ending.filter(plain).unwrap_or_else(|| "bin".to_owned());
        archive.start_file(format!("3-origineel-{}.{ending}", record.number), options)?;
        archive.write_all(bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}
