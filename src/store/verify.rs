//! The proof that nothing was lost, by counting and by digest: every piece ever taken in is one case, part of one,
//! or set aside with a reason; every file is what was written, and none is there that the journal does not know; the
//! chain is unbroken and whole; the index equals a fresh fold (`verify_index`); every case's answer is sent, waiting,
//! held, failed or withheld, and stands in the lists where the outbox and people find it (`verify_answers`).

use super::card::{Became, CaseState, RecordState};
use super::entry::{Entry, Event, digest_of};
use super::original::{JUDGEMENT, RECORD, digest_of_original};
use super::rows::{Rows, decode};
use super::verify_files::rules_version;
use super::verify_index::Fresh;
use super::{Store, StoreError, keys};
use crate::limits::EXCEPTIONS_MAX;
use crate::record::{Divided, Exception, ExceptionKind as Kind, ProofNote, RegistrationNumber, pieces_line};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// What [`Store::verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyReport {
    /// Pieces registered.
    pub pieces: u64,
    /// Pieces that are a case or part of one.
    pub in_cases: u64,
    pub aside: u64,
    /// Scan runs among them, each with its letters as pieces of their own.
    pub runs: u64,
    /// Registered, not yet judged.
    pub in_work: u64,
    /// Pieces whose original is not there or is not what was written, and folders that the journal does not know.
    pub missing: u64,
    /// Pieces that were destroyed, each named by the journal with its ground.
    pub purged: u64,
    /// Arrivals that were byte for byte a piece we had.
    pub duplicates: u64,
    pub cases: u64,
    pub answers: AnswerCounts,
    pub files: u64,
    pub bytes: u64,
    /// Files of our own that a change left which was cut off before it was journaled: they hold nothing that counts.
    #[serde(default)]
    pub leftovers: u64,
    pub entries: u64,
    pub exceptions: Vec<Exception>,
    /// Exceptions beyond those that are told one by one.
    pub more_exceptions: u64,
}

/// Cases by the state of their answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerCounts {
    pub sent: u64,
    pub waiting: u64,
    pub held: u64,
    pub failed: u64,
    pub withheld: u64,
}

impl VerifyReport {
    pub fn is_clean(&self) -> bool {
        self.exceptions.is_empty()
    }

    /// One line, such as `stukken 212 = zaken 205 + terzijde 7 + in behandeling 0; ontbreekt 0`.
    pub fn summary(&self) -> String {
        let mut line = pieces_line(self.pieces, self.in_cases, self.aside, self.in_work, Some(self.missing));
        if self.purged > 0 {
            line.push_str(&format!("; vernietigd {}", self.purged));
        }
        line
    }

    /// What the journal may keep of it.
    pub fn note(&self) -> ProofNote {
        let mut note = ProofNote {
            pieces: self.pieces,
            in_cases: self.in_cases,
            aside: self.aside,
            in_work: self.in_work,
            missing: self.missing,
            ..ProofNote::default()
        };
        for exception in &self.exceptions {
            *note.exceptions.entry(exception.kind).or_default() += 1;
        }
        if self.more_exceptions > 0 {
            *note.exceptions.entry(Kind::Other).or_default() += self.more_exceptions;
        }
        note
    }

    /// Adds one; beyond the bound it is only counted.
    pub fn tell(&mut self, exception: Exception) {
        if self.exceptions.len() < EXCEPTIONS_MAX {
            self.exceptions.push(exception);
        } else {
            self.more_exceptions += 1;
        }
    }

    pub(super) fn told(&mut self, kind: Kind, what: impl Into<String>) {
        self.tell(Exception::new(kind, what));
    }
}

impl Store {
    /// Proves by counting and by digest that nothing was lost. Reads every file of the store; changes go on
    /// meanwhile, but for the moment in which the last of them are compared.
    ///
    /// # Errors
    /// Only what keeps it from looking; what it finds is in the report.
    pub fn verify(&self, now: Timestamp) -> Result<VerifyReport, StoreError> {
        self.verify_with(None, now)
    }

    /// The same, and looks for the letters that lie ready in the folder where they are laid to be printed.
    ///
    /// # Errors
    /// As [`Store::verify`].
    pub fn verify_with(&self, print_dir: Option<&Path>, now: Timestamp) -> Result<VerifyReport, StoreError> {
        let mut report = VerifyReport::default();
        let fresh = self.fresh_fold(&mut report)?;
        // After a broken chain the index is the only witness of what should be there.
        let witness: &dyn Rows = fresh.as_ref().map_or(&*self.rows, Fresh::rows);
        report.entries = applied(witness)?;
        report.duplicates = counter(witness, keys::DUPLICATES)?;
        let (known, versions) = self.check_pieces(witness, &mut report)?;
        self.check_folders(&known, &mut report)?;
        self.check_rules(&versions, &mut report);
        check_runs(witness, &known, &mut report)?;
        self.check_answers(witness, print_dir, now, &mut report)?;
        self.check_words(witness, &mut report)?;
        if let Some((month, line)) = self.looks_fault()? {
            report.told(Kind::LooksBroken, format!("het inzagelogboek klopt niet: {month}, regel {line}"));
        }
        let sum = report.in_cases + report.aside + report.in_work;
        if sum != report.pieces {
            report.told(
                Kind::CountsDiffer,
                format!("{} stukken geregistreerd, {sum} teruggevonden", report.pieces),
            );
        }
        Ok(report)
    }

    fn check_pieces(
        &self,
        rows: &dyn Rows,
        report: &mut VerifyReport,
    ) -> Result<(BTreeSet<RegistrationNumber>, BTreeSet<String>), StoreError> {
        let (mut known, mut versions) = (BTreeSet::new(), BTreeSet::new());
        rows.each(keys::RECORDS, None, false, &mut |key, value| {
            let Some((year, serial)) = keys::number_at_end(key) else { return Ok(true) };
            let number = RegistrationNumber::new(year, serial);
            let state: RecordState = decode(value)?;
            known.insert(number);
            report.pieces += 1;
            match &state.became {
                Became::Work => report.in_work += 1,
                Became::Aside => report.aside += 1,
                Became::Case(case) => match rows.get(&keys::case(*case))? {
                    Some(value) if decode::<CaseState>(&value)?.row.records.contains(&number) => {
                        report.in_cases += 1
                    }
                    _ => report.told(
                        Kind::PieceWithoutCase,
                        format!("stuk {number} hoort bij zaak {case}, maar die kent het niet"),
                    ),
                },
            }
            if state.purged {
                report.purged += 1;
                if self.originals.is_there(number) {
                    let what = format!("stuk {number} is vernietigd, maar zijn map staat er nog");
                    report.told(Kind::DestroyedStillThere, what);
                }
                return Ok(true);
            }
            self.check_files(number, &state, &mut versions, report)?;
            self.check_strays(rows, number, &state, report)?;
            Ok(true)
        })?;
        Ok((known, versions))
    }

    fn check_files(
        &self,
        number: RegistrationNumber,
        state: &RecordState,
        versions: &mut BTreeSet<String>,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        match digest_of_original(&self.originals, number) {
            Err(StoreError::Damaged { .. }) => {
                report.missing += 1;
                report.told(Kind::OriginalChanged, format!("het origineel van stuk {number} is beschadigd"));
            }
            Err(error) => return Err(error),
            Ok(Some((digest, bytes))) => {
                report.files += 1;
                report.bytes += bytes;
                if digest != state.digest {
                    report.missing += 1;
                    report
                        .told(Kind::OriginalChanged, format!("het origineel van stuk {number} is gewijzigd"));
                }
            }
            Ok(None) => {
                report.missing += 1;
                report.told(Kind::OriginalMissing, format!("het origineel van stuk {number} ontbreekt"));
            }
        }
        let record = (RECORD.to_owned(), state.record_digest.clone());
        for (name, digest) in std::iter::once(record).chain(state.files.clone()) {
            match self.originals.read(number, &name) {
                Err(StoreError::Damaged { .. }) => {
                    report.told(Kind::FileChanged, format!("{name} van stuk {number} is beschadigd"));
                }
                Err(error) => return Err(error),
                Ok(Some(bytes)) => {
                    report.files += 1;
                    report.bytes += bytes.len() as u64;
                    if name == JUDGEMENT {
                        versions.extend(rules_version(&bytes));
                    }
                    if digest_of(&bytes) != digest {
                        report.told(Kind::FileChanged, format!("{name} van stuk {number} is gewijzigd"));
                    }
                }
                Ok(None) => report.told(Kind::FileMissing, format!("{name} van stuk {number} ontbreekt")),
            }
        }
        Ok(())
    }

    /// Every word that the journal names by digest lies with its case.
    fn check_words(&self, rows: &dyn Rows, report: &mut VerifyReport) -> Result<(), StoreError> {
        rows.each(b"h", None, false, &mut |_, value| {
            let entry: Entry = decode(value)?;
            let (Some(case), Some(digest)) = (entry.what.case(), entry.what.words()) else { return Ok(true) };
            let state: Option<CaseState> =
                rows.get(&keys::case(case))?.map(|value| decode(&value)).transpose()?;
            let there = state.filter(|state| state.row.purged.is_none());
            let Some(record) = there.and_then(|state| state.row.records.first().copied()) else {
                return Ok(true);
            };
            let what = match &entry.what {
                Event::Noted { .. } => "een notitie",
                Event::Kept { .. }
                | Event::Decided { .. }
                | Event::TakenBack { .. }
                | Event::AnswerWithheld { .. }
                | Event::AnswerHeld { .. } => "een reden",
                Event::LetterAddressed { .. } => "een adres",
                _ => "een antwoord van de mailserver",
            };
            match self.originals.words_bytes(record, digest) {
                Err(StoreError::Damaged { .. }) => {
                    report.told(Kind::FileChanged, format!("{what} bij zaak {case} is beschadigd"));
                }
                Err(error) => return Err(error),
                Ok(Some(bytes)) if &digest_of(&bytes) == digest => {
                    report.files += 1;
                    report.bytes += bytes.len() as u64;
                }
                Ok(Some(_)) => report.told(Kind::FileChanged, format!("{what} bij zaak {case} is gewijzigd")),
                Ok(None) => report.told(Kind::FileMissing, format!("{what} bij zaak {case} ontbreekt")),
            }
            Ok(true)
        })
    }
}

/// Every letter of a run is a piece, and there are as many as the sheets say.
fn check_runs(
    rows: &dyn Rows,
    known: &BTreeSet<RegistrationNumber>,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    rows.each(keys::RUNS, None, false, &mut |key, value| {
        let Some((year, serial)) = keys::number_at_end(key) else { return Ok(true) };
        let number = RegistrationNumber::new(year, serial);
        let divided: Divided = decode(value)?;
        report.runs += 1;
        if !divided.adds_up() {
            let what = format!(
                "stapel {number} had {} scheidingsvellen en is {} brieven geworden",
                divided.sheets,
                divided.letters.len()
            );
            report.told(Kind::RunCountsDiffer, what);
        }
        for letter in divided.letters.iter().filter(|letter| !known.contains(letter)) {
            report.told(Kind::RunLetterMissing, format!("brief {letter} uit stapel {number} is er niet"));
        }
        Ok(true)
    })
}

pub(super) fn applied(rows: &dyn Rows) -> Result<u64, StoreError> {
    let at: Option<(u64, String)> = rows.get(keys::APPLIED)?.map(|value| decode(&value)).transpose()?;
    Ok(at.map_or(0, |(seq, _)| seq))
}

fn counter(rows: &dyn Rows, key: &[u8]) -> Result<u64, StoreError> {
    let count: Option<i64> = rows.get(key)?.map(|value| decode(&value)).transpose()?;
    Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}
