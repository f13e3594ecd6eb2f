//! What is known of each case on its way to the zaaksysteem: a small file each, so that a kill at any step leaves the next start knowing.
//!
//! Invariants: files hold numbers, addresses of the zaaksysteem and what it said, no person; a case that is there stands in `open/` until it is
//! whole, then in `done/`. Nothing relies on a note being newer than the zaaksysteem itself: every step looks there first.

use crate::config::HandedDecisions;
use crate::limits::HANDOVER_SHOWN_MAX;
use crate::record::{CaseNumber, Decision, Verdict};
use crate::whole;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// How far one case is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    pub case: CaseNumber,
    pub verdict: Verdict,
    pub decided_at: Timestamp,
    pub step: Step,
    /// Its address there, once it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zaak: Option<String>,
    /// Documents that are there and belong to it.
    #[serde(default)]
    pub documents: usize,
    /// What was left out, and why (Dutch).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

/// Where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "at")]
pub enum Step {
    /// To be handed over, as soon as it may.
    Waiting,
    /// The zaaksysteem refused something that will not mend by itself: a person looks.
    Refused {
        since: Timestamp,
        said: String,
    },
    Handed {
        since: Timestamp,
    },
    /// Something happened to it after it was handed over (Dutch): a person does the same there.
    Changed {
        since: Timestamp,
        what: String,
    },
}

impl Note {
    /// Of a case that was just decided.
    pub fn new(case: CaseNumber, verdict: Verdict, decided_at: Timestamp) -> Self {
        Self {
            case,
            verdict,
            decided_at,
            step: Step::Waiting,
            zaak: None,
            documents: 0,
            left_out: Vec::new(),
        }
    }
}

/// All of them, shared with the desk.
#[derive(Debug)]
pub struct Room {
    dir: PathBuf,
    decisions: HandedDecisions,
    open: Mutex<BTreeMap<CaseNumber, Note>>,
    /// Why nothing can be handed over now, in English, and since when.
    hindrance: Mutex<Option<(Timestamp, String)>>,
    /// Something is to be handed over.
    pub(super) wake: Notify,
}

impl Room {
    /// The notes that lie in a directory. A file that cannot be read is an error: what it says must not be guessed.
    ///
    /// # Errors
    /// What the disk says.
    pub fn open(dir: PathBuf, decisions: HandedDecisions) -> io::Result<Self> {
        let mut open = BTreeMap::new();
        for path in files(&dir.join("open"))? {
            let note = read(&path)?;
            open.insert(note.case, note);
        }
        let (open, hindrance) = (Mutex::new(open), Mutex::default());
        Ok(Self { dir, decisions, open, hindrance, wake: Notify::new() })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<CaseNumber, Note>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, place: &str, case: CaseNumber) -> PathBuf {
        self.dir.join(place).join(format!("{case}.json"))
    }

    /// What is known of a case.
    ///
    /// # Errors
    /// What the disk says.
    pub fn get(&self, case: CaseNumber) -> io::Result<Option<Note>> {
        if let Some(note) = self.lock().get(&case) {
            return Ok(Some(note.clone()));
        }
        match read(&self.path("done", case)) {
            Ok(note) => Ok(Some(note)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// On disk when this returns. The newer place is written before the older is removed: of two, `open/` counts.
    ///
    /// # Errors
    /// What the disk says.
    pub fn put(&self, note: &Note) -> io::Result<()> {
        let bytes = serde_json::to_vec(note)?;
        let (to, from) = match note.step {
            Step::Handed { .. } => ("done", "open"),
            _ => ("open", "done"),
        };
        whole::write(&self.path(to, note.case), &bytes)?;
        whole::remove(&self.path(from, note.case))?;
        let mut open = self.lock();
        if to == "done" {
            open.remove(&note.case);
        } else {
            open.insert(note.case, note.clone());
        }
        Ok(())
    }

    /// The case is not to be handed over after all, or is destroyed.
    ///
    /// # Errors
    /// What the disk says.
    pub fn forget(&self, case: CaseNumber) -> io::Result<()> {
        for place in ["open", "done"] {
            whole::remove(&self.path(place, case))?;
        }
        self.lock().remove(&case);
        Ok(())
    }

    /// Those that are not done, in order of their numbers.
    pub fn all_open(&self) -> Vec<Note> {
        self.lock().values().cloned().collect()
    }

    /// The last that are done, by number.
    ///
    /// # Errors
    /// What the disk says.
    pub fn last_done(&self) -> io::Result<Vec<Note>> {
        let mut paths = files(&self.dir.join("done"))?;
        paths.sort();
        paths.iter().rev().take(HANDOVER_SHOWN_MAX).map(|path| read(path)).collect()
    }

    /// Why nothing can be handed over now, and since when.
    pub fn hindrance(&self) -> Option<(Timestamp, String)> {
        self.hindrance.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn hinder(&self, why: Option<String>, now: Timestamp) {
        let mut hindrance = self.hindrance.lock().unwrap_or_else(PoisonError::into_inner);
        *hindrance = why.map(|why| (hindrance.as_ref().map_or(now, |(since, _)| *since), why));
    }

    /// Is a case with this decision handed over?
    pub fn takes(&self, verdict: Verdict) -> bool {
        self.decisions.of(verdict).is_some()
    }

    /// A person has a case handed over, with the decision that it has now.
    ///
    /// # Errors
    /// What the disk says.
    pub fn offer(&self, case: CaseNumber, decision: &Decision) -> io::Result<()> {
        let zaak = self.get(case)?.and_then(|note| note.zaak);
        self.put(&Note { zaak, ..Note::new(case, decision.verdict, decision.at) })
    }

    /// A person saw what happened to a case that was handed over, or what was refused, and did there what is to be done.
    ///
    /// # Errors
    /// What the disk says.
    pub fn seen(&self, case: CaseNumber) -> io::Result<()> {
        let Some(note) = self.get(case)? else { return Ok(()) };
        let (Step::Changed { since, .. } | Step::Refused { since, .. }) = note.step else { return Ok(()) };
        if note.zaak.is_none() {
            return self.forget(case);
        }
        self.put(&Note { step: Step::Handed { since }, ..note })
    }

    /// Somebody wants it looked at now.
    pub fn wake(&self) {
        self.wake.notify_one();
    }
}

fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        // What else lies there is a file that was cut off before it had its name.
        if path.extension().is_some_and(|ending| ending == "json") {
            found.push(path);
        }
    }
    Ok(found)
}

fn read(path: &Path) -> io::Result<Note> {
    serde_json::from_slice(&fs::read(path)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display())))
}
