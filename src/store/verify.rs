//! The proof that nothing was lost, by counting and by digest: every piece ever taken in is one case, part of one,
//! or set aside with a reason; every file is what was written; the chain is unbroken; the index equals a fresh fold;
//! every case's answer is sent, waiting, held, failed or withheld.

use super::card::{Became, CaseState, RecordState};
use super::entry::{Entry, Event, digest_of};
use super::original::{RECORD, digest_of_original};
use super::rows::{Memory, Rows, decode};
use super::types::Opening;
use super::{Store, StoreError, keys, open};
use crate::record::{AnswerState, CaseNumber, CaseRow, Divided, RegistrationNumber};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// An answer that waits longer than this past its time is an exception.
const OVERDUE: SignedDuration = SignedDuration::from_hours(2);

/// Exceptions that are told one by one; the rest is counted in the last line.
const EXCEPTIONS_MAX: usize = 1_000;

/// What [`Store::verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
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
    pub entries: u64,
    pub exceptions: Vec<Exception>,
    /// Exceptions beyond those that are told one by one.
    pub more_exceptions: u64,
}

/// Cases by the state of their answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AnswerCounts {
    pub sent: u64,
    pub waiting: u64,
    pub held: u64,
    pub failed: u64,
    pub withheld: u64,
}

/// One thing that is not as it should be. Dutch, without names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exception {
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.advice)
    }
}

impl VerifyReport {
    pub fn is_clean(&self) -> bool {
        self.exceptions.is_empty()
    }

    /// One line, such as `stukken 212 = zaken 205 + terzijde 7 + in behandeling 0; ontbreekt 0`.
    pub fn summary(&self) -> String {
        let mut line = format!(
            "stukken {} = zaken {} + terzijde {} + in behandeling {}; ontbreekt {}",
            self.pieces, self.in_cases, self.aside, self.in_work, self.missing
        );
        if self.purged > 0 {
            line.push_str(&format!("; vernietigd {}", self.purged));
        }
        line
    }

    fn tell(&mut self, what: impl Into<String>, advice: &str) {
        if self.exceptions.len() < EXCEPTIONS_MAX {
            self.exceptions.push(Exception { what: what.into(), advice: advice.to_owned() });
        } else {
            self.more_exceptions += 1;
        }
    }
}

const RESTORE: &str = "zet dit bestand terug uit de back-up";
const REBUILD: &str = "stop bode en verwijder de map index; de volgende start bouwt haar opnieuw op";

impl Store {
    /// Proves by counting and by digest that nothing was lost. Reads every file of the store; changes go on
    /// meanwhile, but for the moment in which the index is compared.
    ///
    /// # Errors
    /// Only what keeps it from looking; what it finds is in the report.
    pub fn verify(&self, now: Timestamp) -> Result<VerifyReport, StoreError> {
        let mut report = VerifyReport::default();
        let fresh = Memory::default();
        let journal = self.dir.join("journal");
        match open::follow(&fresh, &self.originals, &journal, (0, String::new()), &mut Opening::default()) {
            Ok(_) => self.compare(&fresh, &journal, &mut report)?,
            Err(StoreError::Chain { segment, line, fault }) => {
                let name = segment.file_name().unwrap_or_default().to_string_lossy().into_owned();
                report.tell(
                    format!("het logboek klopt niet: {name}, regel {line} ({fault})"),
                    "vergelijk met de back-up: er is een regel gewijzigd, verwijderd of ingevoegd",
                );
            }
            Err(error) => return Err(error),
        }
        // After a broken chain the index is the only witness of what should be there.
        let witness: &dyn Rows = if report.is_clean() { &fresh } else { &*self.rows };
        report.entries = applied(witness)?;
        report.duplicates = counter(witness, keys::DUPLICATES)?;
        let known = self.check_pieces(witness, &mut report)?;
        self.check_folders(&known, &mut report)?;
        check_runs(witness, &known, &mut report)?;
        check_cases(witness, now, &mut report)?;
        self.check_words(witness, &mut report)?;
        if let Some((month, line)) = self.looks_fault()? {
            report.tell(
                format!("het inzagelogboek klopt niet: {month}, regel {line}"),
                "vergelijk met de back-up: er is een regel gewijzigd, verwijderd of ingevoegd",
            );
        }
        let sum = report.in_cases + report.aside + report.in_work;
        if sum != report.pieces {
            report.tell(format!("{} stukken geregistreerd, {sum} teruggevonden", report.pieces), REBUILD);
        }
        Ok(report)
    }

    /// Is the index what a fresh fold gives? What came meanwhile is folded in first, then nothing may change until
    /// both have been compared.
    fn compare(
        &self,
        fresh: &Memory,
        journal: &std::path::Path,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        let _still = self.core();
        let at: (u64, String) =
            fresh.get(keys::APPLIED)?.map(|value| decode(&value)).transpose()?.unwrap_or_default();
        open::follow(fresh, &self.originals, journal, at, &mut Opening::default())?;
        let mut different = 0u64;
        // What was alike is told from the texts that were there then: after a purge a fresh fold has fewer of them.
        let purged = fresh.get(keys::PURGED)?.is_some();
        let ignored = |key: &[u8]| key == keys::FORMAT || purged && key.starts_with(keys::LIKENESS_BANDS);
        fresh.each(b"", None, false, &mut |key, value| {
            if ignored(key) {
                return Ok(true);
            }
            let ours = self.rows.get(key)?;
            let same = match &ours {
                Some(ours) if purged && ours != value && key.starts_with(keys::CASES) => {
                    without_alike(ours)? == without_alike(value)?
                }
                ours => ours.as_deref() == Some(value),
            };
            different += u64::from(!same);
            Ok(true)
        })?;
        self.rows.each(b"", None, false, &mut |key, _| {
            different += u64::from(!ignored(key) && fresh.get(key)?.is_none());
            Ok(true)
        })?;
        if different > 0 {
            report.tell(
                format!("de index verschilt op {different} plaatsen van originelen en logboek"),
                REBUILD,
            );
        }
        Ok(())
    }

    fn check_pieces(
        &self,
        rows: &dyn Rows,
        report: &mut VerifyReport,
    ) -> Result<BTreeSet<RegistrationNumber>, StoreError> {
        let mut known = BTreeSet::new();
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
                    _ => report.tell(
                        format!("stuk {number} hoort bij zaak {case}, maar die kent het niet"),
                        REBUILD,
                    ),
                },
            }
            if state.purged {
                report.purged += 1;
                if self.originals.is_there(number) {
                    let advice = "start bode opnieuw: dat ruimt op wat de vernietiging liet liggen";
                    report.tell(format!("stuk {number} is vernietigd, maar zijn map staat er nog"), advice);
                }
                return Ok(true);
            }
            self.check_files(number, &state, report)?;
            Ok(true)
        })?;
        Ok(known)
    }

    fn check_files(
        &self,
        number: RegistrationNumber,
        state: &RecordState,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        match digest_of_original(&self.originals, number) {
            Err(StoreError::Damaged { .. }) => {
                report.missing += 1;
                report.tell(format!("het origineel van stuk {number} is beschadigd"), RESTORE);
            }
            Err(error) => return Err(error),
            Ok(Some((digest, bytes))) => {
                report.files += 1;
                report.bytes += bytes;
                if digest != state.digest {
                    report.missing += 1;
                    report.tell(format!("het origineel van stuk {number} is gewijzigd"), RESTORE);
                }
            }
            Ok(None) => {
                report.missing += 1;
                report.tell(format!("het origineel van stuk {number} ontbreekt"), RESTORE);
            }
        }
        let record = (RECORD.to_owned(), state.record_digest.clone());
        for (name, digest) in std::iter::once(record).chain(state.files.clone()) {
            match self.originals.read(number, &name) {
                Err(StoreError::Damaged { .. }) => {
                    report.tell(format!("{name} van stuk {number} is beschadigd"), RESTORE);
                }
                Err(error) => return Err(error),
                Ok(Some(bytes)) => {
                    report.files += 1;
                    report.bytes += bytes.len() as u64;
                    if digest_of(&bytes) != digest {
                        report.tell(format!("{name} van stuk {number} is gewijzigd"), RESTORE);
                    }
                }
                Ok(None) => report.tell(format!("{name} van stuk {number} ontbreekt"), RESTORE),
            }
        }
        Ok(())
    }

    /// A folder that the journal does not know: the journal lost its end, or somebody put it there.
    fn check_folders(
        &self,
        known: &BTreeSet<RegistrationNumber>,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        for number in self.originals.settled()? {
            // What was registered after this verification had looked is no exception.
            if !known.contains(&number) && self.record_state(number)?.is_none() {
                report.missing += 1;
                let advice = "het logboek kent deze map niet: neem het origineel opnieuw in met bode import";
                report.tell(format!("de map van stuk {number} staat er zonder registratie"), advice);
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
                | Event::AnswerWithheld { .. }
                | Event::AnswerHeld { .. } => "een reden",
                Event::LetterAddressed { .. } => "een adres",
                _ => "een antwoord van de mailserver",
            };
            match self.originals.words_bytes(record, digest) {
                Err(StoreError::Damaged { .. }) => {
                    report.tell(format!("{what} bij zaak {case} is beschadigd"), RESTORE);
                }
                Err(error) => return Err(error),
                Ok(Some(bytes)) if &digest_of(&bytes) == digest => {
                    report.files += 1;
                    report.bytes += bytes.len() as u64;
                }
                Ok(Some(_)) => report.tell(format!("{what} bij zaak {case} is gewijzigd"), RESTORE),
                Ok(None) => report.tell(format!("{what} bij zaak {case} ontbreekt"), RESTORE),
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
            report.tell(what, "leg de stapel naast de zaken: er ontbreekt een brief of er is er een te veel");
        }
        for letter in divided.letters.iter().filter(|letter| !known.contains(letter)) {
            report.tell(format!("brief {letter} uit stapel {number} is er niet"), REBUILD);
        }
        Ok(true)
    })
}

fn check_cases(rows: &dyn Rows, now: Timestamp, report: &mut VerifyReport) -> Result<(), StoreError> {
    rows.each(keys::CASES, None, false, &mut |_, value| {
        let row = decode::<CaseState>(value)?.row;
        report.cases += 1;
        let CaseRow { number, answer, .. } = row;
        match answer.map(|answer| answer.state) {
            Some(AnswerState::Sent { .. }) => report.answers.sent += 1,
            Some(AnswerState::Held { .. }) => report.answers.held += 1,
            Some(AnswerState::Failed { .. }) => report.answers.failed += 1,
            Some(AnswerState::Withheld { .. }) => report.answers.withheld += 1,
            Some(AnswerState::Waiting { next, .. }) => {
                report.answers.waiting += 1;
                // While a person has stopped all answers they wait for that person.
                if rows.get(keys::SENDING_PAUSED)?.is_none() {
                    overdue(number, now.duration_since(next), report);
                }
            }
            None => report.tell(format!("zaak {number} heeft geen antwoord en geen reden"), REBUILD),
        }
        Ok(true)
    })
}

fn overdue(number: CaseNumber, late: SignedDuration, report: &mut VerifyReport) {
    if late > OVERDUE {
        report.tell(
            format!("het antwoord van zaak {number} had {} uur geleden weg gemoeten", late.as_hours()),
            "kijk of bode draait en of de mailserver bereikbaar is (bode doctor)",
        );
    }
}

fn without_alike(value: &[u8]) -> Result<CaseState, StoreError> {
    let mut state: CaseState = decode(value)?;
    state.row.alike = Vec::new();
    Ok(state)
}

fn applied(rows: &dyn Rows) -> Result<u64, StoreError> {
    let at: Option<(u64, String)> = rows.get(keys::APPLIED)?.map(|value| decode(&value)).transpose()?;
    Ok(at.map_or(0, |(seq, _)| seq))
}

fn counter(rows: &dyn Rows, key: &[u8]) -> Result<u64, StoreError> {
    let count: Option<i64> = rows.get(key)?.map(|value| decode(&value)).transpose()?;
    Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}
