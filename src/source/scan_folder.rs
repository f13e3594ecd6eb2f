//! What lies in a scan folder, and how it is put away.
//!
//! Invariants: a file is moved only while it is the one that was read; no file replaces another; the reason of a
//! refusal lies beside the file, in Dutch.

use super::file::{self, Stamp, name_of};
use super::{Fate, SourceError};
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use tracing::warn;

/// Where scans go that are durable here, and those that could not be taken.
pub(super) const DONE: &str = "done";
pub(super) const FAILED: &str = "failed";

/// Names looked at in one poll. A post room with more waiting scans is served in several.
const NAMES_MAX: usize = 10_000;

/// What a name in the folder is to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// Hidden, temporary, or a folder of ours.
    Ignored,
    Letter,
    /// To `failed/`, with this reason.
    Unfit(String),
    /// Not touched, but told.
    Left(String),
    /// The same, unless it is one that we know.
    Folder(String),
}

/// What lies in the folder, and in the folder for one-sided stacks within it.
pub(super) fn entries(dir: &Path, one_sided: &str) -> Result<Vec<(PathBuf, Stamp, Entry)>, SourceError> {
    let mut found = listed(dir)?;
    let inner = dir.join(one_sided);
    let is_folder =
        |entry: &&mut (PathBuf, Stamp, Entry)| entry.0 == inner && matches!(entry.2, Entry::Folder(_));
    if let Some(folder) = found.iter_mut().find(is_folder) {
        folder.2 = Entry::Ignored;
        found.extend(listed(&inner)?);
    }
    for (_, _, entry) in &mut found {
        if let Entry::Folder(reason) = entry {
            *entry = Entry::Left(std::mem::take(reason));
        }
    }
    Ok(found)
}

fn listed(dir: &Path) -> Result<Vec<(PathBuf, Stamp, Entry)>, SourceError> {
    let fault =
        |source| SourceError::Folder { doing: "reading the scan folder", path: dir.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(fault)?.take(NAMES_MAX) {
        let path = entry.map_err(fault)?.path();
        match std::fs::symlink_metadata(&path) {
            Ok(metadata) => {
                let kind = kind(&name_of(&path), &metadata);
                found.push((path, Stamp::of(&metadata), kind));
            }
            // Gone between the listing and the look.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(fault(error)),
        }
    }
    Ok(found)
}

fn kind(name: &str, metadata: &Metadata) -> Entry {
    if is_temporary(name) {
        return Entry::Ignored;
    }
    if name == DONE || name == FAILED {
        return if metadata.is_dir() {
            Entry::Ignored
        } else {
            Entry::Left("Hier hoort een map met deze naam te staan. Haal dit bestand weg.".to_owned())
        };
    }
    if metadata.is_dir() {
        return Entry::Folder(
            "Dit is een map. Alleen bestanden die direct in de scanmap staan, worden verwerkt. Zet de scans \
             een map hoger."
                .to_owned(),
        );
    }
    if metadata.is_symlink() {
        return Entry::Left(
            "Dit is een verwijzing naar een ander bestand. Die wordt niet gevolgd. Zet het bestand zelf in de \
             scanmap."
                .to_owned(),
        );
    }
    if !metadata.is_file() {
        return Entry::Left("Dit is geen gewoon bestand. Haal het weg uit de scanmap.".to_owned());
    }
    if !is_letter(name) {
        return Entry::Unfit(
            "Dit soort bestand kan niet worden verwerkt. Gebruik PDF, TIFF, JPEG of PNG. Scan de brief opnieuw, \
             of maak er een PDF van, en zet die in de scanmap."
                .to_owned(),
        );
    }
    if metadata.len() == 0 {
        return Entry::Unfit(
            "Dit bestand is leeg: er staat geen scan in. Scan de brief opnieuw en zet die in de scanmap."
                .to_owned(),
        );
    }
    Entry::Letter
}

/// Whether a name ends as a scanned letter does.
pub(super) fn is_letter(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    matches!(ending.as_str(), "pdf" | "tif" | "tiff" | "jpg" | "jpeg" | "png")
}

/// Names that scanners, copiers and desktops give to what is not finished or not meant for us.
pub(super) fn is_temporary(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.starts_with(['.', '~'])
        || lower.ends_with('~')
        || [".part", ".partial", ".filepart", ".crdownload", ".tmp", ".temp", ".swp"]
            .iter()
            .any(|ending| lower.ends_with(ending))
        || ["thumbs.db", "desktop.ini"].contains(&lower.as_str())
}

/// Moves a file to where its fate says, unless it is no longer the file that was read.
pub(super) fn put_away(dir: &Path, from: &Path, stamp: Stamp, fate: &Fate) -> Result<(), SourceError> {
    let target = dir.join(if matches!(fate, Fate::Refused { .. }) { FAILED } else { DONE });
    let fault = |source| SourceError::Folder { doing: "moving a scan to", path: target.clone(), source };
    if !stamp.is_at(from).map_err(fault)? {
        return Ok(());
    }
    std::fs::create_dir_all(&target).map_err(fault)?;
    let name = name_of(from);
    let moved = file::move_aside(from, &target, &name).map_err(fault)?;
    if !stamp.is_at(&moved).map_err(fault)? {
        // Another scan was laid under the name in that very moment: it goes back and is taken by itself.
        return file::rename_new(&moved, from).map_err(fault);
    }
    if let Fate::Again { note } = fate {
        let told = target.join(format!("{}.al-bekend.txt", name_of(&moved)));
        std::fs::write(told, format!("{name}\n\n{note}\n")).map_err(fault)?;
    }
    if let Fate::Refused { reason } = fate {
        let moved_name = name_of(&moved);
        let text = format!(
            "{name}\n\n{reason}\n\nHet bestand staat in de map \"{FAILED}\", als {moved_name}. Er is niets \
             weggegooid. Deze brief staat nog niet in de werkvoorraad.\n"
        );
        std::fs::write(target.join(format!("{moved_name}.reden.txt")), text).map_err(fault)?;
        warn!("a file of the scan folder was refused; the reason lies beside it in failed");
    }
    Ok(())
}
