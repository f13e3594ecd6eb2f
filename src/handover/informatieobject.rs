//! The documents of a case as enkelvoudige informatieobjecten: each original, the text that was read of a scan, each answer that went out.
//!
//! Invariants: the names that we give hold numbers and days, no person; originals are the bytes as they came; citizen service numbers are covered in
//! texts; what the virus scanner found something in, and what is larger than the bound, is named and left out.

use crate::export;
use crate::limits::HANDOVER_DOCUMENT_BYTES_MAX;
use crate::record::{AnswerState, Bsns, CaseRow, Channel, Method, RegistrationNumber, office_date, size};
use crate::store::{Store, StoreError};
use jiff::civil::Date;

/// Where the bytes of one are.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Bytes {
    Original(RegistrationNumber),
    Read(RegistrationNumber),
    Answer(Box<crate::record::OutboxEntry>),
}

/// One document, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Informatieobject {
    /// The same at every try, so that one that is there is found.
    pub identificatie: String,
    pub titel: String,
    /// Media type.
    pub formaat: &'static str,
    pub bestandsnaam: String,
    /// Who wrote it: the citizen is not named.
    pub by_citizen: bool,
    /// ISO 639-2/B.
    pub taal: &'static str,
    /// The day on which it was received or sent.
    pub day: Date,
    bytes: Bytes,
}

/// The documents of a case, and those that are left out with why (Dutch).
pub(super) fn of_case(
    store: &Store,
    row: &CaseRow,
) -> Result<(Vec<Informatieobject>, Vec<String>), StoreError> {
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    of_row(store, row, &mut found, &mut left_out)?;
    // What was joined to it goes on in it.
    for joined in &row.joined {
        if let Some(row) = store.case(*joined)? {
            of_row(store, &row, &mut found, &mut left_out)?;
        }
    }
    Ok((found, left_out))
}

fn of_row(
    store: &Store,
    row: &CaseRow,
    found: &mut Vec<Informatieobject>,
    left_out: &mut Vec<String>,
) -> Result<(), StoreError> {
    for number in &row.records {
        if store.is_purged(*number)? {
            continue;
        }
        let (record, extract) = (store.record(*number)?, store.extract(*number)?.unwrap_or_default());
        let day = office_date(record.received_at);
        let taal = taal(store.judgement(*number)?.map(|judgement| judgement.language).as_deref());
        if extract.is_locked() {
            left_out.push(format!("{number}: de virusscanner vond er iets schadelijks in"));
            continue;
        }
        if record.bytes <= HANDOVER_DOCUMENT_BYTES_MAX {
            let (word, ending, formaat) = match record.channel {
                Channel::Email => ("E-mail", "eml", "message/rfc822"),
                Channel::Letter => {
                    let ending = export::ending(record.channel, &store.original(*number)?);
                    ("Brief", ending, media_type(ending))
                }
            };
            found.push(Informatieobject {
                identificatie: format!("{number}-origineel"),
                titel: format!("{word} van {} ({number})", in_words(day)),
                formaat,
                bestandsnaam: format!("{number}.{ending}"),
                by_citizen: true,
                taal,
                day,
                bytes: Bytes::Original(*number),
            });
        } else {
            left_out.push(format!("{number}: groter dan {}", size(HANDOVER_DOCUMENT_BYTES_MAX)));
        }
        // A message says its text itself; of a scan nobody could look for a word.
        if extract.documents.iter().any(|document| document.method == Method::Ocr) {
            found.push(Informatieobject {
                identificatie: format!("{number}-tekst"),
                titel: format!("Gelezen tekst van {number}"),
                formaat: "text/plain",
                bestandsnaam: format!("{number}.txt"),
                by_citizen: false,
                taal,
                day,
                bytes: Bytes::Read(*number),
            });
        }
    }
    let sent = row.answer.as_ref().and_then(|entry| match entry.state {
        AnswerState::Sent { at, .. } => Some((entry, office_date(at))),
        _ => None,
    });
    if let Some((entry, day)) = sent
        && let Some(bytes) = store.answer_of(entry)?
    {
        let (ending, formaat) = match bytes.starts_with(b"%PDF") {
            true => ("pdf", "application/pdf"),
            false => ("eml", "message/rfc822"),
        };
        found.push(Informatieobject {
            identificatie: format!("{}-antwoord", entry.record),
            titel: format!("Antwoord van {} ({})", in_words(day), entry.record),
            formaat,
            bestandsnaam: format!("{}-antwoord.{ending}", entry.record),
            by_citizen: false,
            taal: taal(Some("nl")),
            day,
            bytes: Bytes::Answer(Box::new(entry.clone())),
        });
    }
    Ok(())
}

impl Informatieobject {
    /// It went out from here; else it came in, or was read of what did.
    pub fn was_sent(&self) -> bool {
        matches!(self.bytes, Bytes::Answer(_))
    }

    pub fn bytes(&self, store: &Store) -> Result<Vec<u8>, StoreError> {
        match &self.bytes {
            Bytes::Original(number) => store.original(*number),
            Bytes::Read(number) => {
                let extract = store.extract(*number)?.unwrap_or_default();
                let all = Bsns::in_extract(&extract);
                let texts: Vec<_> =
                    extract.documents.iter().map(|document| all.cover(&document.text)).collect();
                Ok(texts.join("\n\n").into_bytes())
            }
            Bytes::Answer(entry) => Ok(store.answer_of(entry)?.unwrap_or_default()),
        }
    }
}

fn in_words(day: Date) -> String {
    let month = usize::try_from(day.month() - 1).ok().and_then(|at| crate::record::MONTHS.get(at));
    format!("{} {} {}", day.day(), month.copied().unwrap_or_default(), day.year())
}

fn media_type(ending: &str) -> &'static str {
    match ending {
        "pdf" => "application/pdf",
        "tif" => "image/tiff",
        "jpg" => "image/jpeg",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}

/// ISO 639-1 to ISO 639-2/B, for the languages that triage tells.
fn taal(language: Option<&str>) -> &'static str {
    match language {
        Some("nl") | None => "dut",
        Some("en") => "eng",
        Some("de") => "ger",
        Some("fr") => "fre",
        Some("es") => "spa",
        Some("tr") => "tur",
        Some("ar") => "ara",
        Some("pl") => "pol",
        Some("uk") => "ukr",
        Some(_) => "und",
    }
}
