//! Every stored file is one that the journal knows, and the rules of every judgement are kept.
//!
//! A file of a form of ours that no entry names is a change that was cut off before it was journaled: it is counted as a
//! leftover. Anything else was put there by somebody, and is told.

use super::card::{Became, CaseState, RecordState};
use super::entry::Entry;
use super::original::{ANSWERS, CARD, EXTRACT, JUDGEMENT, RECORD, is_original_name};
use super::rows::{Rows, decode};
use super::verify::VerifyReport;
use super::{Store, StoreError, keys};
use crate::record::{Exception, ExceptionKind as Kind, RegistrationNumber};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// What is told of a judgement.
#[derive(Deserialize)]
struct JudgementHead {
    rules_version: String,
}

/// By which rules a judgement was made. `None`: it cannot be read, which is told elsewhere.
pub(super) fn rules_version(judgement: &[u8]) -> Option<String> {
    serde_json::from_slice::<JudgementHead>(judgement).ok().map(|head| head.rules_version)
}

impl Store {
    /// A folder that the journal does not know: the journal lost its end, or somebody put it there.
    pub(super) fn check_folders(
        &self,
        known: &BTreeSet<RegistrationNumber>,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        for number in self.originals.settled()? {
            // What was registered after this verification had looked is no exception.
            if !known.contains(&number) && self.record_state(number)?.is_none() {
                report.missing += 1;
                let what = format!("de map van stuk {number} staat er zonder registratie");
                report.told(Kind::FolderUnregistered, what);
            }
        }
        let root = self.originals.root();
        for (name, is_dir) in listed(root)? {
            let is_year = is_dir && name.len() == 4 && name.bytes().all(|byte| byte.is_ascii_digit());
            if name == "new" && is_dir {
                continue;
            }
            if !is_year {
                stray(report, "tussen de jaren van de originelen", &name);
                continue;
            }
            for (inner, is_dir) in listed(&root.join(&name))? {
                let is_serial = is_dir && inner.len() >= 6 && inner.bytes().all(|byte| byte.is_ascii_digit());
                if !is_serial {
                    stray(report, "tussen de originelen", &format!("{name}/{inner}"));
                }
            }
        }
        Ok(())
    }

    /// The files in the folder of a piece that was judged. What is in work is still being written.
    pub(super) fn check_strays(
        &self,
        rows: &dyn Rows,
        number: RegistrationNumber,
        state: &RecordState,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        if state.became == Became::Work {
            return Ok(());
        }
        let folder = self.originals.folder(number);
        let (mut originals, mut has_notes) = (0, false);
        for (name, is_dir) in listed(&folder)? {
            match name.as_str() {
                "notes" if is_dir => has_notes = true,
                RECORD => {}
                name if is_original_name(name) => originals += 1,
                known if state.files.contains_key(known) => {}
                ours if !is_dir && is_ours(ours) => report.leftovers += 1,
                _ => stray(report, &format!("in de map van stuk {number}"), &name),
            }
        }
        if originals > 1 {
            stray(report, &format!("in de map van stuk {number}"), "original");
        }
        if has_notes {
            self.check_stray_notes(rows, number, state, report)?;
        }
        Ok(())
    }

    fn check_stray_notes(
        &self,
        rows: &dyn Rows,
        number: RegistrationNumber,
        state: &RecordState,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        let mut known = BTreeSet::new();
        if let Became::Case(case) = state.became
            && let Some(value) = rows.get(&keys::case(case))?
            && decode::<CaseState>(&value)?.row.records.first() == Some(&number)
        {
            rows.each(&keys::case_history(case), None, false, &mut |_, value| {
                let entry: Entry = decode(value)?;
                known.extend(entry.what.words().and_then(|digest| digest.get(..24)).map(str::to_owned));
                Ok(true)
            })?;
        }
        for (name, is_dir) in listed(&self.originals.folder(number).join("notes"))? {
            let stem = name.strip_suffix(".json").unwrap_or_default();
            let is_digest = stem.len() == 24 && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
            match known.contains(stem) {
                true => {}
                false if !is_dir && (is_digest || is_temporary(&name)) => report.leftovers += 1,
                false => stray(report, &format!("in de map van stuk {number}"), &format!("notes/{name}")),
            }
        }
        Ok(())
    }

    /// Every rule set that a judgement names is kept.
    pub(super) fn check_rules(&self, versions: &BTreeSet<String>, report: &mut VerifyReport) {
        for version in versions {
            let kept = super::kept_rules(&self.dir, version);
            let holds = |place: &Path| listed(place).is_ok_and(|files| !files.is_empty());
            if !kept.is_some_and(|place| holds(&place)) {
                let what = format!("de regels {version} van oordelen van toen zijn niet bewaard");
                report.told(Kind::RulesMissing, what);
            }
        }
    }
}

fn stray(report: &mut VerifyReport, place: &str, name: &str) {
    report.tell(
        Exception::new(Kind::FileStray, format!("{place} staat iets dat het logboek niet kent")).at(name),
    );
}

fn is_ours(name: &str) -> bool {
    let is_answer = name.starts_with("answer-") && (name.ends_with(".pdf") || name.ends_with(".eml"));
    [EXTRACT, JUDGEMENT, CARD].contains(&name) || ANSWERS.contains(&name) || is_answer || is_temporary(name)
}

fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".tmp")
}

/// Names in a folder, and whether each is one; none when it is not there.
fn listed(dir: &Path) -> Result<Vec<(String, bool)>, StoreError> {
    let items = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        items => items.map_err(StoreError::io("list", dir))?,
    };
    let mut names = Vec::new();
    for item in items {
        let item = item.map_err(StoreError::io("list", dir))?;
        let is_dir = item.file_type().is_ok_and(|kind| kind.is_dir());
        names.push((item.file_name().to_string_lossy().into_owned(), is_dir));
    }
    Ok(names)
}
