//! The scan folder as the post room sees it: what waits, what was refused, one more try, and a scan laid in by hand.
//!
//! Invariants: only plain names of the folder itself are taken, never a path; no file replaces another; what is laid in is
//! whole before it has a name that the source takes.

use super::file::{self, name_of};
use super::scan_folder::{DONE, Entry, FAILED, entries, is_letter, is_temporary};
use crate::config::ScanFolder;
use crate::limits::{PIECE_BYTES_MAX, POST_ROWS_MAX};
use crate::record::{RefusedScan, WaitingScan, size};
use jiff::Timestamp;
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What lies beside a refused file.
const REASON: &str = ".reden.txt";
/// Bytes of a reason that are read: ours are some hundred.
const REASON_BYTES_MAX: u64 = 8 * 1024;

/// A scan folder, for people.
#[derive(Clone, Debug)]
pub struct PostFolder {
    dir: PathBuf,
    one_sided: String,
}

/// Why a scan was not laid in or tried again: in Dutch for who stands at the scanner, or the machine's fault for the log.
#[derive(Debug, thiserror::Error)]
pub enum PostFault {
    #[error("{0}")]
    Unfit(String),
    #[error("the scan folder: {0}")]
    Folder(#[source] io::Error),
}

impl PostFolder {
    pub fn new(scan: &ScanFolder) -> Self {
        Self { dir: scan.dir.clone(), one_sided: scan.one_sided_dir.clone() }
    }

    /// What was not taken in yet, oldest first.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn waiting(&self) -> Result<Vec<WaitingScan>, PostFault> {
        let found = entries(&self.dir, &self.one_sided)
            .map_err(|error| PostFault::Folder(io::Error::other(error.to_string())))?;
        let mut waiting: Vec<WaitingScan> = found
            .into_iter()
            .filter_map(|(path, stamp, entry)| {
                let why = match entry {
                    Entry::Ignored => return None,
                    Entry::Letter | Entry::Unfit(_) => None,
                    Entry::Left(why) | Entry::Folder(why) => Some(why),
                };
                Some(WaitingScan { name: name_of(&path), bytes: stamp.bytes, at: stamp.time(), why })
            })
            .collect();
        waiting.sort_by(|one, other| (one.at, &one.name).cmp(&(other.at, &other.name)));
        waiting.truncate(POST_ROWS_MAX);
        Ok(waiting)
    }

    /// What could not be taken in, newest first.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn refused(&self) -> Result<Vec<RefusedScan>, PostFault> {
        let folder = self.dir.join(FAILED);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(PostFault::Folder)?,
        };
        let mut refused = Vec::new();
        for entry in entries {
            let path = entry.map_err(PostFault::Folder)?.path();
            let name = name_of(&path);
            if name.ends_with(REASON) || is_temporary(&name) {
                continue;
            }
            let Some(metadata) = plain_file(&path).map_err(PostFault::Folder)? else { continue };
            let reason = reason_of(&path).unwrap_or_else(|| {
                "Waarom staat er niet bij. Probeer het opnieuw, of vraag de beheerder om hulp.".to_owned()
            });
            refused.push(RefusedScan { name, bytes: metadata.len(), at: written(&metadata), reason });
        }
        refused.sort_by(|one, other| (other.at, &other.name).cmp(&(one.at, &one.name)));
        refused.truncate(POST_ROWS_MAX);
        Ok(refused)
    }

    /// Lays a refused file in the scan folder again; its reason goes. `false`: it is not there any more.
    ///
    /// # Errors
    /// The name is none of the folder, or the file cannot be moved.
    pub fn again(&self, name: &str) -> Result<bool, PostFault> {
        let from = self.dir.join(FAILED).join(plain_name(name)?);
        if plain_file(&from).map_err(PostFault::Folder)?.is_none() {
            return Ok(false);
        }
        file::move_aside(&from, &self.dir, name).map_err(PostFault::Folder)?;
        match fs::remove_file(beside(&from)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(PostFault::Folder(error)),
            _ => Ok(true),
        }
    }

    /// Lays a scan in the folder, on disk on return. Given back is the name that it has there.
    ///
    /// # Errors
    /// It is no scan by its name or size, or cannot be written.
    pub fn lay(&self, name: &str, bytes: &[u8]) -> Result<String, PostFault> {
        let name = plain_name(name)?;
        if !is_letter(name) {
            let what = "Dit soort bestand kan niet worden verwerkt. Kies een PDF, TIFF, JPEG of PNG.";
            return Err(PostFault::Unfit(what.to_owned()));
        }
        if bytes.is_empty() {
            return Err(PostFault::Unfit("Dit bestand is leeg: er staat geen scan in.".to_owned()));
        }
        let held = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if held > PIECE_BYTES_MAX {
            let what =
                format!("Dit bestand is te groot: {}. Het meeste is {}.", size(held), size(PIECE_BYTES_MAX));
            return Err(PostFault::Unfit(what));
        }
        let half = self.dir.join(half_name()?);
        let laid = File::create_new(&half)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .and_then(|()| file::move_aside(&half, &self.dir, name))
            .and_then(|laid| File::open(&self.dir)?.sync_all().map(|()| laid));
        laid.map(|laid| name_of(&laid)).map_err(|error| {
            // What is half there has a name that the source passes over; it goes when it can.
            let _ = fs::remove_file(&half);
            PostFault::Folder(error)
        })
    }
}

/// Hidden, and no other's.
fn half_name() -> Result<String, PostFault> {
    let mut random = [0u8; 8];
    getrandom::fill(&mut random).map_err(|error| PostFault::Folder(io::Error::other(error.to_string())))?;
    Ok(format!(".bode-{:016x}.part", u64::from_be_bytes(random)))
}

/// A name of a file in the folder: no path, none of our own folders, none that the source passes over.
fn plain_name(name: &str) -> Result<&str, PostFault> {
    let is_path = name.contains(['/', '\\', '\0']) || name.chars().any(char::is_control);
    if is_path || name.is_empty() || name.len() > 200 || is_temporary(name) || [DONE, FAILED].contains(&name)
    {
        let what = "Deze bestandsnaam kan niet worden gebruikt. Geef het bestand een gewone naam, zoals scan-12.pdf.";
        return Err(PostFault::Unfit(what.to_owned()));
    }
    Ok(name)
}

/// `None`: it is not there, or no plain file. Links are not followed.
fn plain_file(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata).filter(Metadata::is_file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn written(metadata: &Metadata) -> Timestamp {
    metadata.modified().ok().and_then(|at| Timestamp::try_from(at).ok()).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn beside(path: &Path) -> PathBuf {
    path.with_file_name(format!("{}{REASON}", name_of(path)))
}

/// The sentences between the name and where the file stands ([`super::scan_folder::put_away`]).
fn reason_of(path: &Path) -> Option<String> {
    let path = beside(path);
    plain_file(&path).ok().flatten().filter(|metadata| metadata.len() <= REASON_BYTES_MAX)?;
    let text = fs::read_to_string(path).ok()?;
    let mut parts: Vec<&str> = text.split("\n\n").map(str::trim).skip(1).collect();
    if parts.len() > 1 {
        parts.pop();
    }
    let reason = parts.join(" ");
    (!reason.is_empty()).then_some(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, PostFolder) {
        let dir = tempfile::tempdir().unwrap();
        let folder = PostFolder::new(&ScanFolder::at(dir.path().to_owned()));
        (dir, folder)
    }

    #[test]
    fn what_was_refused_tells_why_and_is_tried_again() {
        let (dir, folder) = folder();
        assert_eq!(folder.refused().unwrap(), []);
        let failed = dir.path().join(FAILED);
        fs::create_dir(&failed).unwrap();
        fs::write(failed.join("brief.pdf"), "%PDF").unwrap();
        fs::write(
            failed.join("brief.pdf.reden.txt"),
            "brief.pdf\n\nDe schijf is vol.\n\nHet bestand staat in de map \"failed\".\n",
        )
        .unwrap();
        std::os::unix::fs::symlink("/etc/passwd", failed.join("link.pdf")).unwrap();
        let refused = folder.refused().unwrap();
        assert_eq!(refused.len(), 1);
        assert_eq!(
            (refused[0].name.as_str(), refused[0].reason.as_str()),
            ("brief.pdf", "De schijf is vol.")
        );
        // The name is taken by another scan meanwhile: neither is lost.
        fs::write(dir.path().join("brief.pdf"), "%PDF other").unwrap();
        assert!(folder.again("brief.pdf").unwrap());
        assert!(!folder.again("brief.pdf").unwrap(), "a second click");
        let names: Vec<String> = folder.waiting().unwrap().into_iter().map(|scan| scan.name).collect();
        assert_eq!((names.len(), names.contains(&"brief-2.pdf".to_owned())), (2, true), "{names:?}");
        assert_eq!(folder.refused().unwrap(), []);
        for name in ["../brief.pdf", "/etc/passwd", "", ".hidden.pdf", "failed", "a\0b.pdf", "a\nb.pdf"] {
            assert!(matches!(folder.again(name), Err(PostFault::Unfit(_))), "{name}");
        }
        assert!(!folder.again("link.pdf").unwrap(), "a link is no scan");
    }

    #[test]
    fn a_scan_that_is_laid_in_is_whole_and_replaces_nothing() {
        let (dir, folder) = folder();
        assert_eq!(folder.lay("brief.pdf", b"%PDF one").unwrap(), "brief.pdf");
        assert_eq!(folder.lay("brief.pdf", b"%PDF two").unwrap(), "brief-2.pdf");
        assert_eq!(fs::read(dir.path().join("brief-2.pdf")).unwrap(), b"%PDF two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing half is left");
        for (name, bytes) in [("brief.docx", &b"PK"[..]), ("leeg.pdf", b""), ("../x.pdf", b"%PDF")] {
            assert!(matches!(folder.lay(name, bytes), Err(PostFault::Unfit(_))), "{name}");
        }
        fs::remove_dir_all(dir.path()).unwrap();
        assert!(matches!(folder.lay("brief.pdf", b"%PDF"), Err(PostFault::Folder(_))));
    }
}
