//! A scan that may be a stack of letters: divided at its separator sheets, each letter registered as a piece of its own.
//!
//! Restart: letters are registered first, the run is set aside after, both durable. Cut off in between, the next start
//! divides again: the same file gives the same letters, byte for byte, so what is there already is found by its
//! digest and nothing comes twice. Invariants: a run is set aside only when all of its letters are registered; a
//! half of a one-sided run waits, is told, and is never dropped.

use super::{Intake, IntakeError};
use crate::clock;
use crate::extract::Looked;
use crate::limits::{PIECE_BYTES_MAX, SHEET_DAYS_MAX};
use crate::record::{
    Arrival, Channel, Defect, Divided, OFFICE_TIME_ZONE, Origin, Problem, Record, RegistrationNumber, Run,
    RunLetter, RunNote, office_date,
};
use crate::store::{Registered, Store, StoreError};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How runs are told, and how long the half of a one-sided one waits.
#[derive(Clone, Debug)]
pub struct RunPolicy {
    /// Texts of barcodes that divide.
    pub separators: Vec<String>,
    /// Do stacks outside of the folder for one-sided ones wait for their other half too?
    pub backs_follow: bool,
    pub half_waits: SignedDuration,
}

impl RunPolicy {
    pub fn new(scan: &crate::config::ScanFolder) -> Self {
        Self {
            separators: scan.separators.clone(),
            backs_follow: scan.backs_follow,
            half_waits: SignedDuration::from_hours(i64::from(scan.half_wait_hours)),
        }
    }
}

/// Halves that wait for their other half.
#[derive(Debug, Default)]
pub(super) struct Halves {
    waiting: BTreeMap<RegistrationNumber, Half>,
}

#[derive(Debug)]
struct Half {
    record: Record,
    until: Timestamp,
    /// Pages of it and of another half that it was held against in vain.
    mismatch: Option<(u32, u32)>,
}

/// What a look at a piece came to.
#[derive(Debug)]
pub(super) enum Step {
    /// One letter: to be read, with what staff must know besides.
    Letter(Vec<Defect>),
    /// A run, or half of one: its letters go on.
    Divided,
    /// A half: to be looked at again when another comes, or at this time.
    Waits(Timestamp),
}

impl Intake {
    /// Is the piece a run? Then it is divided.
    pub(super) async fn as_run(&self, record: &Record, original: &[u8]) -> Result<Step, IntakeError> {
        if let Origin::Run { notes, .. } = &record.origin {
            return Ok(Step::Letter(notes.iter().map(|note| defect(note.sentence())).collect()));
        }
        if record.channel != Channel::Letter || !may_be_run(original) {
            return Ok(Step::Letter(Vec::new()));
        }
        if matches!(record.origin, Origin::OneSided { .. }) {
            return self.half(record, original).await;
        }
        match self.reader.divide(original, None, &self.runs.separators).await? {
            None | Some((Looked::NoRun { .. } | Looked::NoPair { .. }, _)) => Ok(Step::Letter(Vec::new())),
            Some((Looked::Whole(run), _)) => Ok(Step::Letter(vec![defect(undivided(&run))])),
            Some((Looked::Run(run), letters)) => {
                if self.runs.backs_follow && run.sheets > 0 && (run.fronts == 0) != (run.backs == 0) {
                    return self.half(record, original).await;
                }
                self.settle_run(record, None, &run, letters, false).await?;
                Ok(Step::Divided)
            }
        }
    }

    /// Half of a run: put together with the half that fits, or kept waiting for it.
    async fn half(&self, record: &Record, original: &[u8]) -> Result<Step, IntakeError> {
        let mut halves = self.halves.lock().await;
        // The other half may have been here first, and taken this one along.
        if !self.unfinished(record.number).await? {
            return Ok(Step::Divided);
        }
        let folder = matches!(record.origin, Origin::OneSided { .. });
        let others: Vec<Record> = halves
            .waiting
            .values()
            .filter(|half| matches!(half.record.origin, Origin::OneSided { .. }) == folder)
            .filter(|half| half.record.number != record.number)
            .map(|half| half.record.clone())
            .collect();
        let mut mismatch = None;
        for other in others {
            let theirs = self.original(other.number).await?;
            if (original.len() + theirs.len()) as u64 > PIECE_BYTES_MAX {
                continue;
            }
            // Fronts are scanned first.
            let (first, second) = if other.number < record.number {
                ((&other, theirs.as_slice()), (record, original))
            } else {
                ((record, original), (&other, theirs.as_slice()))
            };
            let looked = self.reader.divide(first.1, Some(second.1), &self.runs.separators).await?;
            match looked {
                Some((Looked::Run(run), letters)) => {
                    self.settle_run(first.0, Some(second.0.number), &run, letters, false).await?;
                    halves.waiting.remove(&other.number);
                    halves.waiting.remove(&record.number);
                    self.halves_changed.notify_waiters();
                    return Ok(Step::Divided);
                }
                Some((Looked::NoPair { fronts, backs }, _)) => mismatch = Some((fronts, backs)),
                _ => {}
            }
        }
        let until = record.registered_at + self.runs.half_waits;
        if clock::now() < until {
            let half = Half { record: record.clone(), until, mismatch };
            halves.waiting.insert(record.number, half);
            return Ok(Step::Waits(until));
        }
        halves.waiting.remove(&record.number);
        match self.reader.divide(original, None, &self.runs.separators).await? {
            Some((Looked::Run(run), letters)) => {
                self.settle_run(record, None, &run, letters, true).await?;
                Ok(Step::Divided)
            }
            Some((Looked::Whole(run), _)) => {
                Ok(Step::Letter(vec![defect(undivided(&run)), defect(RunNote::HalfMissing.sentence())]))
            }
            _ => Ok(Step::Letter(vec![defect(RunNote::HalfMissing.sentence())])),
        }
    }

    /// What staff read of the halves that wait: the file, and what to do.
    pub async fn waiting_halves(&self) -> Vec<(String, String)> {
        let halves = self.halves.lock().await;
        halves.waiting.values().map(|half| (half.record.name.clone(), half.advice())).collect()
    }

    /// Returns when halves have found each other.
    pub async fn halves_changed(&self) {
        self.halves_changed.notified().await;
    }

    /// Registers the letters, hands them on, and sets the run aside.
    async fn settle_run(
        &self,
        record: &Record,
        backs: Option<RegistrationNumber>,
        run: &Run,
        letters: Vec<Vec<u8>>,
        half: bool,
    ) -> Result<(), IntakeError> {
        let mut divided = Divided { backs, half, ..Divided::of(run) };
        let mut arrivals = Vec::with_capacity(letters.len());
        for (index, (letter, bytes)) in run.letters.iter().zip(letters).enumerate() {
            arrivals.push(arrival(record, run, index, letter, bytes, half, &mut divided.dates_ignored));
        }
        let (store, sender, number) = (Arc::clone(&self.store), self.letters.clone(), record.number);
        tokio::task::spawn_blocking(move || {
            divided.letters = register(&store, &arrivals, |letter| {
                if let Some(sender) = &sender {
                    // Whoever takes the letters up may be ending: the next start finds them.
                    let _ = sender.send(letter);
                }
            })?;
            tracing::info!(record = %number, letters = divided.letters.len(), sheets = divided.sheets, "a run, divided");
            store.divide(number, divided, clock::now())
        })
        .await??;
        Ok(())
    }

    async fn unfinished(&self, number: RegistrationNumber) -> Result<bool, IntakeError> {
        let store = Arc::clone(&self.store);
        Ok(tokio::task::spawn_blocking(move || store.is_unfinished(number)).await??)
    }

    async fn original(&self, number: RegistrationNumber) -> Result<Vec<u8>, IntakeError> {
        let store = Arc::clone(&self.store);
        Ok(tokio::task::spawn_blocking(move || store.original(number)).await??)
    }
}

impl Half {
    fn advice(&self) -> String {
        let until = self
            .until
            .in_tz(OFFICE_TIME_ZONE)
            .map_or_else(|_| self.until.to_string(), |until| until.strftime("%d-%m-%Y om %H:%M").to_string());
        let what = match self.mismatch {
            Some((fronts, backs)) => format!(
                "De twee helften horen niet bij elkaar: {fronts} voorkanten en {backs} achterkanten. Beide zijn \
                 bewaard. Scan de tweede helft opnieuw."
            ),
            None => {
                "Dit is een halve stapel. Scan ook de andere kant: draai de stapel om en leg hem nog eens in."
                    .to_owned()
            }
        };
        format!(
            "{what} Komt er niets, dan wordt dit op {until} ingenomen zoals het is (stuk {}).",
            self.record.number
        )
    }
}

/// Registers what is not there yet; `new` is called for each of those. Returns all numbers, in order.
fn register(
    store: &Store,
    arrivals: &[Arrival],
    new: impl Fn(RegistrationNumber),
) -> Result<Vec<RegistrationNumber>, StoreError> {
    let mut numbers = Vec::with_capacity(arrivals.len());
    let mut missing = Vec::new();
    for arrival in arrivals {
        let known = store.known(&arrival.bytes)?;
        if known.is_none() {
            missing.push(arrival.clone());
        }
        numbers.push(known);
    }
    let registered = store.register(&missing, clock::now())?;
    for registered in &registered {
        if let Registered::New(record) = registered {
            new(record.number);
        }
    }
    let mut registered = registered.iter().map(Registered::number);
    Ok(numbers.into_iter().filter_map(|known| known.or_else(|| registered.next())).collect())
}

/// Formats that hold several pages. The bytes are only compared, never parsed, here.
fn may_be_run(bytes: &[u8]) -> bool {
    let lead = &bytes[..bytes.len().min(1024)];
    lead.windows(5).any(|word| word == b"%PDF-") || bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*")
}

fn defect(explanation: String) -> Defect {
    Defect { document: None, problem: Problem::Damaged, explanation }
}

fn undivided(run: &Run) -> String {
    format!(
        "Dit is een stapel met {} scheidingsvellen, maar het bestand kan niet worden gesplitst: hier staan {} brieven \
         bij elkaar. Scan de stapel opnieuw als PDF.",
        run.sheets,
        run.letters.len()
    )
}

/// The letter as it is registered: what it is derives from the run alone.
fn arrival(
    record: &Record,
    run: &Run,
    index: usize,
    letter: &RunLetter,
    bytes: Vec<u8>,
    half: bool,
    dates_ignored: &mut u32,
) -> Arrival {
    let part = u32::try_from(index + 1).unwrap_or(u32::MAX);
    let mut notes = Vec::new();
    if !letter.behind_sheet && run.sheets > 0 {
        notes.push(RunNote::BeforeFirstSheet);
    }
    if half {
        notes.push(RunNote::HalfMissing);
    }
    let received_at = match letter.received {
        Some(date) if date == office_date(record.received_at) => record.received_at,
        Some(date) if is_sane(date, record) => noon(date).unwrap_or(record.received_at),
        Some(date) => {
            notes.push(RunNote::DateIgnored { date });
            *dates_ignored += 1;
            record.received_at
        }
        None => record.received_at,
    };
    let (stem, ending) = record.name.rsplit_once('.').unwrap_or((record.name.as_str(), "pdf"));
    Arrival {
        channel: Channel::Letter,
        name: format!("{stem}-brief-{part:02}.{ending}"),
        bytes,
        received_at,
        origin: Origin::Run { of: record.number, part, notes },
        acknowledge: record.acknowledge,
    }
}

/// A date of receipt lies not after the day on which the run came in, and not long before it. Of a backlog the files
/// say when they were scanned.
fn is_sane(date: Date, record: &Record) -> bool {
    let registered = office_date(record.registered_at);
    let came = match record.origin {
        Origin::Import { .. } => office_date(record.received_at).min(registered),
        _ => registered,
    };
    date <= came && came.checked_sub(SHEET_DAYS_MAX.days()).is_ok_and(|earliest| date >= earliest)
}

fn noon(date: Date) -> Option<Timestamp> {
    Some(date.at(12, 0, 0, 0).in_tz(OFFICE_TIME_ZONE).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_on_a_sheet_is_bounded() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut record = Record {
            number: RegistrationNumber::new(2026, 1),
            channel: Channel::Letter,
            name: "stapel.pdf".into(),
            digest: String::new(),
            bytes: 1,
            received_at: at("2026-11-20T09:00:00Z"),
            registered_at: at("2026-11-21T09:00:00Z"),
            origin: Origin::Scan { file: "stapel.pdf".into() },
            acknowledge: true,
        };
        let sane = |record: &Record, date: &str| is_sane(date.parse().unwrap(), record);
        assert!(sane(&record, "2026-11-21") && sane(&record, "2026-09-22"));
        assert!(!sane(&record, "2026-11-22") && !sane(&record, "2026-09-21"));
        record.origin = Origin::Import { file: "stapel.pdf".into() };
        assert!(!sane(&record, "2026-11-21") && sane(&record, "2026-11-19"));
    }
}
