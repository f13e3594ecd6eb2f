//! Cases given out as folders that can be read without this program: originals, text, journal, decisions and answers, with a
//! page to read them by, data for programs (`zaak.json`) and the digest of every file.
//!
//! Invariants: nothing here runs when it is opened (no scripts, everything escaped, nothing from elsewhere); names of files are
//! ours or cleaned; what the virus scanner found something in is named and left out; originals are the bytes as they came.

mod csv;
mod page;
mod person;

pub use csv::cases_csv;
pub use page::{EXPORT_README, list_page, list_row};
pub use person::{Found, Person, look_for, others};

use crate::record::{
    Bsns, CaseNumber, CaseRow, Channel, Document, Extract, HistoryLine, Judgement, Record, RegistrationNumber,
};
use crate::store::{Store, StoreError};
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Name and version of `zaak.json`; docs/export.md says what stands in it.
pub const SCHEMA: &str = "bode/zaak/1";

/// A file of an export: its path with `/`, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportFile {
    pub path: String,
    pub bytes: Vec<u8>,
}

/// One piece with what was made of it.
pub struct Piece {
    pub record: Record,
    pub extract: Extract,
    pub judgement: Option<Judgement>,
    pub original: Vec<u8>,
    /// The virus scanner found something in it: not given out.
    pub locked: bool,
}

/// One case, whole.
pub struct Dossier {
    pub row: CaseRow,
    pub pieces: Vec<Piece>,
    pub history: Vec<HistoryLine>,
    pub journal: Vec<serde_json::Value>,
    /// The answer as it goes or went out, with its file name.
    pub answers: Vec<(String, Vec<u8>)>,
}

/// Who made an export, when and with what.
#[derive(Clone, Debug)]
pub struct Made<'a> {
    pub office: &'a str,
    pub by: &'a str,
    pub at: Timestamp,
    /// Version of the program.
    pub bode: &'a str,
}

#[derive(Serialize)]
struct ZaakJson<'a> {
    schema: &'static str,
    office: &'a str,
    exported_at: Timestamp,
    exported_by: &'a str,
    bode: &'a str,
    case: &'a CaseRow,
    pieces: Vec<PieceJson<'a>>,
    history: &'a [HistoryLine],
    journal: &'a [serde_json::Value],
    /// Files beside this one, from its own folder.
    answers: Vec<String>,
}

#[derive(Serialize)]
struct PieceJson<'a> {
    record: &'a Record,
    /// `None`: the virus scanner found something in it.
    original: Option<String>,
    subject: Option<&'a str>,
    documents: Vec<DocumentJson<'a>>,
    defects: Vec<&'a str>,
    judgement: &'a Option<Judgement>,
}

#[derive(Serialize)]
struct DocumentJson<'a> {
    name: &'a Option<String>,
    media_type: &'a str,
    method: &'a crate::record::Method,
    pages: Option<u32>,
    confidence: Option<f32>,
    /// Path of the file with the text.
    text: Option<String>,
}

/// Gathers a case from the store. Of a destroyed one the row, history and journal are left.
///
/// # Errors
/// [`StoreError::UnknownCase`], or what the disk says.
pub fn dossier(store: &Store, number: CaseNumber) -> Result<Dossier, StoreError> {
    let row = store.case(number)?.ok_or(StoreError::UnknownCase(number))?;
    let (mut pieces, mut answers) = (Vec::new(), Vec::new());
    for record in &row.records {
        if store.is_purged(*record)? {
            continue;
        }
        pieces.push(piece(store, *record)?);
        // A letter with a checked address takes the place of the first one.
        let of_row = row.answer.as_ref().filter(|entry| entry.record == *record);
        let bytes = match of_row {
            Some(entry) => store.answer_of(entry)?,
            None => store.answer(*record)?,
        };
        if let Some(bytes) = bytes {
            let ending = if bytes.starts_with(b"%PDF") { "pdf" } else { "eml" };
            answers.push((format!("antwoord_bij_{record}.{ending}"), bytes));
        }
    }
    let (history, journal) = (store.history(number)?, store.journal_of(number)?);
    Ok(Dossier { row, pieces, history, journal, answers })
}

impl Dossier {
    /// With the citizen service numbers covered in every text, page and JSON; originals and answers are as they are.
    ///
    /// # Errors
    /// None that is known: plain data of our own.
    pub fn covered(mut self) -> Result<Dossier, serde_json::Error> {
        let mut all = Bsns::named_in(self.history.iter().filter_map(|line| line.note.as_deref()));
        self.pieces.iter().for_each(|piece| all.extend(Bsns::in_extract(&piece.extract)));
        if all.is_empty() {
            return Ok(self);
        }
        self.row = all.cover_all(&self.row)?;
        self.history = all.cover_all(&self.history)?;
        self.pieces =
            self.pieces.into_iter().map(|piece| piece.covered_with(&all)).collect::<Result<_, _>>()?;
        Ok(self)
    }
}

impl Piece {
    /// As [`Dossier::covered`].
    ///
    /// # Errors
    /// None that is known.
    pub fn covered(self) -> Result<Piece, serde_json::Error> {
        let all = Bsns::in_extract(&self.extract);
        self.covered_with(&all)
    }

    fn covered_with(self, all: &Bsns) -> Result<Piece, serde_json::Error> {
        let extract = all.cover_extract(&self.extract)?;
        let judgement = self.judgement.as_ref().map(|one| all.cover_judgement(one, &extract)).transpose()?;
        Ok(Piece { record: all.cover_all(&self.record)?, extract, judgement, ..self })
    }
}

/// Gathers one piece.
///
/// # Errors
/// What the disk says.
pub fn piece(store: &Store, number: RegistrationNumber) -> Result<Piece, StoreError> {
    let extract = store.extract(number)?.unwrap_or_default();
    let locked = extract.is_locked();
    Ok(Piece {
        record: store.record(number)?,
        judgement: store.judgement(number)?,
        original: store.original(number)?,
        extract,
        locked,
    })
}

/// The files of a case, below a folder with its number.
pub fn case_files(dossier: &Dossier, made: &Made<'_>) -> Vec<ExportFile> {
    let folder = dossier.row.number.to_string();
    let mut files = Vec::new();
    let mut pieces = Vec::new();
    for (at, piece) in dossier.pieces.iter().enumerate() {
        let (of_piece, json) = piece_files(piece, &format!("{folder}/stukken"), at + 1);
        files.extend(of_piece);
        pieces.push(json);
    }
    let mut answers = Vec::new();
    for (name, bytes) in &dossier.answers {
        answers.push(format!("antwoorden/{name}"));
        files.push(ExportFile { path: format!("{folder}/antwoorden/{name}"), bytes: bytes.clone() });
    }
    let json = ZaakJson {
        schema: SCHEMA,
        office: made.office,
        exported_at: made.at,
        exported_by: made.by,
        bode: made.bode,
        case: &dossier.row,
        pieces,
        history: &dossier.history,
        journal: &dossier.journal,
        answers,
    };
    // Plain data of our own: it can always be written as JSON.
    let text = serde_json::to_string_pretty(&json).unwrap_or_default();
    let journal: String = dossier.journal.iter().map(|entry| format!("{entry}\n")).collect();
    let page = page::case_page(dossier, &files, &folder, made);
    files.push(ExportFile { path: format!("{folder}/zaak.json"), bytes: text.into_bytes() });
    files.push(ExportFile { path: format!("{folder}/logboek.jsonl"), bytes: journal.into_bytes() });
    files.push(ExportFile { path: format!("{folder}/index.html"), bytes: page.into_bytes() });
    files
}

/// The files of one piece, in a folder; `at` counts from 1.
fn piece_files<'a>(piece: &'a Piece, folder: &str, at: usize) -> (Vec<ExportFile>, PieceJson<'a>) {
    let number = piece.record.number;
    let kind = match piece.record.channel {
        Channel::Email => "e-mail",
        Channel::Letter => "brief",
    };
    let day = crate::record::office_date(piece.record.received_at);
    let stem = format!("{at:02}_{number}_{kind}_{day}");
    let mut files = Vec::new();
    let within = |path: &str| path.split_once('/').map_or(path, |(_, rest)| rest).to_owned();
    let mut original = None;
    if !piece.locked {
        let path = format!("{folder}/{stem}.{}", ending(piece.record.channel, &piece.original));
        original = Some(within(&path));
        files.push(ExportFile { path, bytes: piece.original.clone() });
    }
    let mut documents = Vec::new();
    for (index, document) in piece.extract.documents.iter().enumerate() {
        let mut text = None;
        if !document.text.trim().is_empty() {
            let path = format!("{folder}/{stem}_tekst_{}_{}.txt", index + 1, clean(document));
            text = Some(within(&path));
            files.push(ExportFile { path, bytes: document.text.clone().into_bytes() });
        }
        documents.push(DocumentJson {
            name: &document.name,
            media_type: &document.media_type,
            method: &document.method,
            pages: document.pages,
            confidence: document.confidence,
            text,
        });
    }
    let json = PieceJson {
        record: &piece.record,
        original,
        subject: piece.extract.message.as_ref().and_then(|message| message.subject.as_deref()),
        documents,
        defects: piece.extract.defects.iter().map(|defect| defect.explanation.as_str()).collect(),
        judgement: &piece.judgement,
    };
    (files, json)
}

/// The files of pieces that are no case, below `terzijde/`.
pub fn aside_files(pieces: &[Piece]) -> Vec<ExportFile> {
    let mut files = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let (of_piece, json) = piece_files(piece, "terzijde", at + 1);
        let text = serde_json::to_string_pretty(&json).unwrap_or_default();
        files.extend(of_piece);
        files.push(ExportFile {
            path: format!("terzijde/{:02}_{}.json", at + 1, piece.record.number),
            bytes: text.into_bytes(),
        });
    }
    files
}

/// Of the name of an original, by what its bytes are.
pub fn ending(channel: Channel, bytes: &[u8]) -> &'static str {
    match (channel, bytes) {
        (Channel::Email, _) => "eml",
        (_, [b'%', b'P', b'D', b'F', ..]) => "pdf",
        (_, [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..]) => "tif",
        (_, [0xff, 0xd8, 0xff, ..]) => "jpg",
        (_, [0x89, b'P', b'N', b'G', ..]) => "png",
        _ => "bin",
    }
}

/// A name that every file system takes, of what the sender called it.
fn clean(document: &Document) -> String {
    let name = document.name.as_deref().unwrap_or("bericht");
    let plain: String =
        name.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).take(60).collect();
    let plain = plain.trim_matches('_');
    if plain.is_empty() { "bijlage".to_owned() } else { plain.to_owned() }
}

/// A line of the list that `sha256sum -c` reads.
pub fn digest_line(file: &ExportFile) -> String {
    use std::fmt::Write as _;
    let mut line = String::new();
    for byte in Sha256::digest(&file.bytes) {
        // Writing to a string cannot fail.
        let _ = write!(line, "{byte:02x}");
    }
    format!("{line}  {}\n", file.path)
}

/// Why no answer was made, for people; `None` when there is one.
fn silence(judged: &CaseRow) -> Option<String> {
    use crate::record::AnswerState;
    match judged.answer.as_ref().map(|entry| &entry.state) {
        Some(AnswerState::Withheld { reason }) => Some(reason.clone()),
        _ => None,
    }
}
