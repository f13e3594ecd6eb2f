//! A draft of the rules: changed block by block at the desk, checked, tried on the archive, and put in the place of the rules
//! when a person says so.
//!
//! Invariants: nothing counts before it was published; what is published was checked as a whole; a file is replaced at once or
//! not at all; when any of them cannot be replaced, those that were are put back.

mod blocks;

pub use blocks::{Block, blocks};

use crate::config::Config;
use crate::explain::with_causes;
use crate::limits::{RULE_FILE_BYTES_MAX, TRIED_CASES_MAX};
use crate::record::{CaseNumber, Office};
use crate::store::{Store, StoreError, kept_rules};
use crate::triage::Ruleset;
use crate::trial::{
    Changed, Comparison, RuleFate, Stored, differing, newest_cases, one_case, rule_fates, rules_changed,
};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// In the store's directory: it outlives a restart, and a backup takes it along.
const PLACE: &str = "draft";

/// The draft of one office.
#[derive(Clone, Debug)]
pub struct Draft {
    dir: PathBuf,
    rules: PathBuf,
    store: PathBuf,
}

/// Why something could not be done with it.
#[derive(Debug, thiserror::Error)]
pub enum DraftFault {
    /// A Dutch sentence for who edits.
    #[error("{0}")]
    Unfit(String),
    /// Somebody changed the same block meanwhile.
    #[error("the block was changed by somebody else")]
    Changed,
    #[error("{doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("the archive cannot be read: {0}")]
    Store(#[from] StoreError),
}

/// What a draft would change.
#[derive(Clone, Debug, Default)]
pub struct Effect {
    /// Rules that are not the same: `+ id`, `- id`, `~ id`.
    pub rules: Vec<String>,
    pub judged: usize,
    pub changed: Vec<ChangedCase>,
    /// How often each change occurs, the most frequent first.
    pub counts: Vec<(String, usize)>,
    /// Changes for the better and for the worse, where a decision tells.
    pub better: usize,
    pub worse: usize,
    /// The archive has more cases than were judged again.
    pub more: bool,
}

/// A case that would be judged otherwise.
#[derive(Clone, Debug)]
pub struct ChangedCase {
    pub case: String,
    /// `scope: unclear → in`, and whether that is better, where a decision tells.
    pub changes: Vec<(String, Option<bool>)>,
    pub rules: Vec<String>,
}

impl From<Changed> for ChangedCase {
    fn from(changed: Changed) -> Self {
        Self {
            case: changed.id,
            changes: changed.changes.iter().map(|change| (change.words(), change.better)).collect(),
            rules: changed.rules,
        }
    }
}

/// How staff followed the rules: of each rule how often its conclusion was kept and overruled.
#[derive(Clone, Debug, Default)]
pub struct Fates {
    /// The most often overruled first.
    pub rules: Vec<(String, usize, usize)>,
    pub decided: usize,
    pub overruled: usize,
    /// There are older cases that were not looked at.
    pub more: bool,
}

/// The fates of the rules in the newest cases.
///
/// # Errors
/// The archive cannot be read.
pub fn fates(store: &Store, office: &Office) -> Result<Fates, StoreError> {
    let (mut found, mut fates) = (Fates::default(), std::collections::BTreeMap::new());
    found.more = newest_cases(store, &office.id, TRIED_CASES_MAX, &mut |stored: Stored| {
        if let Some(overruled) = rule_fates(&stored, &office.competence, &mut fates) {
            found.decided += 1;
            found.overruled += usize::from(overruled);
        }
    })?;
    found.rules =
        fates.into_iter().map(|(rule, RuleFate { kept, overruled })| (rule, kept, overruled)).collect();
    found.rules.sort_by(|one, other| (other.2, other.1, &one.0).cmp(&(one.2, one.1, &other.0)));
    Ok(found)
}

/// The fates of the rules in one case: rule, and whether what it concluded was kept.
///
/// # Errors
/// The archive cannot be read.
pub fn fates_of(store: &Store, office: &Office, case: CaseNumber) -> Result<Vec<(String, bool)>, StoreError> {
    let mut fates = std::collections::BTreeMap::new();
    if let Some(stored) = one_case(store, &office.id, case)? {
        rule_fates(&stored, &office.competence, &mut fates);
    }
    Ok(fates.into_iter().map(|(rule, fate)| (rule, fate.overruled == 0)).collect())
}

impl Draft {
    pub fn new(config: &Config) -> Self {
        Self { dir: config.store.join(PLACE), rules: config.rules.clone(), store: config.store.to_path_buf() }
    }

    /// Where it is kept.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Is something being changed?
    pub fn is_there(&self) -> bool {
        self.dir.is_dir()
    }

    /// Where the rules are that are shown: the draft's, else those of the house.
    pub fn place(&self) -> &Path {
        if self.is_there() { &self.dir } else { &self.rules }
    }

    /// Name and text of each rule file, by name.
    ///
    /// # Errors
    /// The disk's.
    pub fn files(&self) -> Result<Vec<(String, String)>, DraftFault> {
        read_files(self.place())
    }

    /// Changes one block. Begins the draft when there is none.
    ///
    /// # Errors
    /// The block is not what it was, the file would be too large, or the disk's.
    pub fn change(&self, file: &str, index: usize, was: &str, becomes: &str) -> Result<(), DraftFault> {
        let files = self.files()?;
        let Some((name, text)) = files.iter().find(|(name, _)| name == file) else {
            return Err(DraftFault::Unfit(format!("Er is geen bestand {file}.")));
        };
        let text = blocks::with_block(text, index, was, becomes).ok_or(DraftFault::Changed)?;
        if text.len() > RULE_FILE_BYTES_MAX {
            return Err(DraftFault::Unfit("Het bestand zou te groot worden.".to_owned()));
        }
        self.begin(&files)?;
        replace(&self.dir.join(name), &text)
    }

    /// Begins a draft with the rules of a version that was in force once.
    ///
    /// # Errors
    /// There is a draft already, the version is not known here, or the disk's.
    pub fn go_back_to(&self, version: &str) -> Result<(), DraftFault> {
        if self.is_there() {
            let what = "Er is al een concept. Zet dat eerst in werking, of gooi het weg.";
            return Err(DraftFault::Unfit(what.to_owned()));
        }
        let Some(kept) = kept_rules(&self.store, version) else {
            return Err(DraftFault::Unfit(format!("Versie {version} is hier niet bewaard.")));
        };
        self.begin(&read_files(&kept)?)
    }

    fn begin(&self, files: &[(String, String)]) -> Result<(), DraftFault> {
        if self.is_there() {
            return Ok(());
        }
        let new = self.dir.with_extension("new");
        remove(&new)?;
        fs::create_dir_all(&new).map_err(io_fault("make", &new))?;
        for (name, text) in files {
            replace(&new.join(name), text)?;
        }
        fs::rename(&new, &self.dir).map_err(io_fault("make", &self.dir))
    }

    /// Throws the draft away.
    ///
    /// # Errors
    /// The disk's.
    pub fn discard(&self) -> Result<(), DraftFault> {
        remove(&self.dir)
    }

    /// What the draft changes in each file: name, and the lines as `+` and `-`.
    ///
    /// # Errors
    /// The disk's.
    pub fn changes(&self) -> Result<Vec<(String, Vec<String>)>, DraftFault> {
        if !self.is_there() {
            return Ok(Vec::new());
        }
        let old = read_files(&self.rules)?;
        let changed = read_files(&self.dir)?.into_iter().filter_map(|(name, text)| {
            let before = old.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text.as_str());
            let lines = changed_lines(before, &text);
            (!lines.is_empty()).then_some((name, lines))
        });
        Ok(changed.collect())
    }

    /// Judges the newest cases of the archive by the rules in force and by the draft.
    ///
    /// # Errors
    /// The draft has a fault, or the archive cannot be read.
    pub fn effect(&self, store: &Store, in_force: &Ruleset, office: &Office) -> Result<Effect, DraftFault> {
        let draft = Ruleset::load(&self.dir).map_err(|faults| DraftFault::Unfit(faults.to_string()))?;
        let mut comparison = Comparison::default();
        let more = newest_cases(store, &office.id, TRIED_CASES_MAX, &mut |stored: Stored| {
            comparison.add(&stored.item, (in_force, office), (&draft, office));
        })?;
        let (better, worse) = comparison.better_and_worse();
        Ok(Effect {
            rules: rules_changed(in_force, &draft),
            judged: comparison.judged,
            counts: comparison.counts(),
            better,
            worse,
            changed: comparison.changed.into_iter().map(ChangedCase::from).collect(),
            more,
        })
    }

    /// Puts the files of the draft in the place of the rules. The draft stays until [`Draft::discard`]; given back is what
    /// stood there, for [`Draft::undo`].
    ///
    /// # Errors
    /// The rules' directory cannot be written: then it is as it was.
    pub fn put_in_place(&self) -> Result<Vec<(String, String)>, DraftFault> {
        let old = read_files(&self.rules)?;
        for (name, text) in read_files(&self.dir)? {
            if old.iter().any(|(known, before)| *known == name && *before == text) {
                continue;
            }
            if let Err(fault) = replace(&self.rules.join(&name), &text) {
                self.undo(&old);
                return Err(fault);
            }
        }
        Ok(old)
    }

    /// Puts files back. What cannot be put back is told in the log: somebody must look.
    pub fn undo(&self, old: &[(String, String)]) {
        for (name, text) in old {
            let path = self.rules.join(name);
            if fs::read_to_string(&path).is_ok_and(|now| now == *text) {
                continue;
            }
            if let Err(fault) = replace(&path, text) {
                tracing::error!(file = name, error = %with_causes(&fault), "a rule file could not be put back");
            }
        }
    }
}

/// Rule files: no folder, no page for people.
fn read_files(dir: &Path) -> Result<Vec<(String, String)>, DraftFault> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(io_fault("read", dir))? {
        let path = entry.map_err(io_fault("read", dir))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() && name.ends_with(".toml") && !name.starts_with('.') {
            files.push((name, fs::read_to_string(&path).map_err(io_fault("read", &path))?));
        }
    }
    files.sort();
    Ok(files)
}

/// A file, whole, in the place of the one that was there.
fn replace(path: &Path, text: &str) -> Result<(), DraftFault> {
    let half = path.with_extension("toml.new");
    let write = || {
        let mut file = File::create(&half)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&half, path)?;
        path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    };
    write().map_err(|source| {
        let _ = fs::remove_file(&half);
        DraftFault::Io { doing: "write", path: path.to_owned(), source }
    })
}

fn remove(dir: &Path) -> Result<(), DraftFault> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_fault("remove", dir)(error)),
        _ => Ok(()),
    }
}

fn io_fault(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DraftFault + use<> {
    let path = path.to_owned();
    move |source| DraftFault::Io { doing, path, source }
}

/// The lines between the first and the last that differ: `- old`, `+ new`.
fn changed_lines(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let (_, old, new) = differing(&old, &new);
    let marked = |lines: &[&str], mark: char| -> Vec<String> {
        lines.iter().map(|line| format!("{mark} {line}")).collect()
    };
    [marked(old, '-'), marked(new, '+')].concat()
}
