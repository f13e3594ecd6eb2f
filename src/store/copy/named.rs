//! Which files belong to a copy: those that the journal names, and what may change; and mending one that was damaged.

use super::check::{Line, record_of};
use super::copy_in;
use crate::record::{CaseNumber, RegistrationNumber};
use crate::store::StoreError;
use crate::store::entry::{Entry, Event};
use crate::store::original::{Originals, RECORD, words_path};
use std::collections::HashMap;
use std::fs;

/// A file that an entry of the journal names.
pub(super) struct Named {
    pub record: RegistrationNumber,
    /// `None`: the original, whatever its ending.
    pub name: Option<String>,
    pub digest: String,
}

/// How an original is called whose ending nobody knows.
pub(super) const ORIGINAL: &str = "original";

/// What a restore makes itself, what belongs to one process, and letters that lie in the store as well.
pub(super) fn stays_out(name: &str) -> bool {
    ["originals", "journal", "lock", "print", "proof", "purging", "sent"].contains(&name)
        || name.starts_with("index")
        || name.starts_with('.')
        || name.ends_with(".sock")
}

/// The files that an entry names.
pub(super) fn named(entry: &Entry, first: &HashMap<CaseNumber, RegistrationNumber>) -> Vec<Named> {
    let mut all = Vec::new();
    let mut add = |record: RegistrationNumber, name: Option<String>, digest: &str| {
        all.push(Named { record, name, digest: digest.to_owned() });
    };
    match &entry.what {
        Event::Registered { record, digest, record_digest, .. } => {
            add(*record, None, digest);
            add(*record, Some(RECORD.to_owned()), record_digest);
        }
        Event::Opened { record, judged, .. }
        | Event::Joined { record, judged, .. }
        | Event::CameBack { record, judged, .. }
        | Event::SetAside { record, judged, .. } => {
            for (name, digest) in &judged.files {
                add(*record, Some(name.clone()), digest);
            }
        }
        Event::Decided { message: Some(message), .. } => {
            add(message.record, Some(message.file.clone()), &message.digest);
        }
        Event::LetterAddressed { record, file, digest, .. } => add(*record, Some(file.clone()), digest),
        _ => {}
    }
    let words = entry.what.words().filter(|digest| !digest.is_empty());
    if let (Some(digest), Some(record)) = (words, entry.what.case().and_then(|case| first.get(&case))) {
        add(*record, Some(words_path(digest)), digest);
    }
    all
}

/// Copies a damaged file once more, when the store still has what was copied then.
pub(super) fn mend(source: &Originals, target: &Originals, line: &Line) -> Result<bool, StoreError> {
    let Some(record) = record_of(&line.path) else { return Ok(false) };
    let Some(name) = line.path.splitn(4, '/').nth(3) else { return Ok(false) };
    let Some((_, mut file)) = source.open_raw(record, &[name])? else { return Ok(false) };
    let to = target.folder(record).join(name);
    let aside =
        to.with_file_name(format!(".{}.mended", to.file_name().unwrap_or_default().to_string_lossy()));
    let (sha256, _) = copy_in(&mut file, u64::MAX, &aside)?;
    if sha256 != line.sha256 {
        fs::remove_file(&aside).map_err(StoreError::io("remove", &aside))?;
        return Ok(false);
    }
    fs::rename(&aside, &to).map_err(StoreError::io("write", &to))?;
    Ok(true)
}
