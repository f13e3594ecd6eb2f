//! Counting what stands at a source, beside whoever takes from it: nothing is taken, moved, marked or kept open.
//!
//! Invariants: bounded; a symbolic link is never followed; what is still being written is not counted.

use super::file::name_of;
use super::scan_folder::{self, DONE, Entry, FAILED, is_temporary};
use super::{SourceError, file, tally_imap};
use crate::config::{Config, Mailbox, ScanFolder};
use crate::limits::{LOOKED_AT_BYTES_MAX, LOOKED_AT_PIECES_MAX, PIECE_BYTES_MAX, TALLY_PIECES_MAX};
use crate::oauth::{SignIn, SignIns};
use crate::record::{Counted, Mark, Place, SourceKind, Tally};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// One source to be counted. Cheap to make; it connects when it counts.
#[derive(Clone, Debug)]
pub enum Teller {
    Mailbox(Box<Mailbox>, Option<SignIn>),
    Maildir(PathBuf),
    Scans(Box<ScanFolder>),
}

/// What a look at the bytes of a piece gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// SHA-256 in hexadecimal.
    Digest(String),
    /// It is not there any more.
    Gone,
    /// Too many, or it cannot be read.
    Not,
}

impl Teller {
    /// Every source that is configured.
    pub fn all(config: &Config, sign_ins: &SignIns) -> Vec<Teller> {
        let mailbox = config.mailbox.clone().map(|mailbox| {
            let sign_in = sign_ins.named(mailbox.oauth.as_deref());
            Teller::Mailbox(Box::new(mailbox), sign_in)
        });
        let maildir = config.maildir.as_ref().map(|maildir| Teller::Maildir(maildir.dir.clone()));
        let scans = config.scan.clone().map(|scan| Teller::Scans(Box::new(scan)));
        [mailbox, maildir, scans].into_iter().flatten().collect()
    }

    pub fn kind(&self) -> SourceKind {
        match self {
            Teller::Mailbox(..) => SourceKind::Mailbox,
            Teller::Maildir(_) => SourceKind::Maildir,
            Teller::Scans(_) => SourceKind::Scans,
        }
    }

    /// All that stands there now.
    ///
    /// # Errors
    /// When it cannot be counted; with what the admin should do.
    pub async fn tally(&self) -> Result<Tally, SourceError> {
        let pieces = match self {
            Teller::Mailbox(mailbox, sign_in) => tally_imap::pieces(mailbox, sign_in.as_ref()).await?,
            Teller::Maildir(dir) => {
                let dir = dir.clone();
                file::blocking(move || maildir(&dir)).await?
            }
            Teller::Scans(scan) => {
                let scan = scan.clone();
                file::blocking(move || scans(&scan)).await?
            }
        };
        Ok(Tally { source: self.kind(), pieces })
    }

    /// The digests of these pieces of a tally, in their order: a bounded number of them.
    ///
    /// # Errors
    /// As [`tally`](Self::tally).
    pub async fn look(&self, wanted: Vec<Counted>) -> Result<Vec<Looked>, SourceError> {
        let bounded = within_bounds(&wanted);
        match self {
            Teller::Mailbox(mailbox, sign_in) => {
                tally_imap::look(mailbox, sign_in.as_ref(), &wanted, bounded).await
            }
            Teller::Maildir(dir) => {
                let dir = dir.clone();
                file::blocking(move || Ok(look_at_files(&dir, &wanted, bounded))).await
            }
            Teller::Scans(scan) => {
                let dir = scan.dir.clone();
                file::blocking(move || Ok(look_at_files(&dir, &wanted, bounded))).await
            }
        }
    }
}

/// How many of these, from the first, are looked at.
fn within_bounds(wanted: &[Counted]) -> usize {
    let mut bytes = 0u64;
    let fits = |piece: &&Counted| {
        bytes = bytes.saturating_add(piece.bytes);
        bytes <= LOOKED_AT_BYTES_MAX
    };
    wanted.iter().take(LOOKED_AT_PIECES_MAX).take_while(fits).count()
}

pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn look_at_files(root: &Path, wanted: &[Counted], bounded: usize) -> Vec<Looked> {
    let look = |(index, piece): (usize, &Counted)| {
        if index >= bounded {
            return Looked::Not;
        }
        match file::read_whole(&root.join(&piece.reference), PIECE_BYTES_MAX) {
            Ok(file::ReadFile::Whole(bytes, _)) => Looked::Digest(digest(&bytes)),
            Ok(file::ReadFile::Gone) => Looked::Gone,
            Ok(file::ReadFile::TooLarge(_) | file::ReadFile::Changed) | Err(_) => Looked::Not,
        }
    };
    wanted.iter().enumerate().map(look).collect()
}

/// The regular files of a folder below `root`; none when it is not there.
fn files(root: &Path, folder: &str, place: Place, pieces: &mut Vec<Counted>) -> Result<(), SourceError> {
    let dir = root.join(folder);
    let fault = |source| SourceError::Folder { doing: "counting", path: dir.clone(), source };
    let listed = match std::fs::read_dir(&dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        listed => listed.map_err(fault)?,
    };
    for entry in listed.take(TALLY_PIECES_MAX) {
        let entry = entry.map_err(fault)?;
        let name = name_of(&entry.path());
        let metadata = match entry.metadata() {
            // Moved since it was listed: it is counted where it went, or was.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            metadata => metadata.map_err(fault)?,
        };
        if metadata.is_file() && !is_temporary(&name) && !is_note(&name) {
            pieces.push(counted(place, folder, &name, &file::Stamp::of(&metadata)));
        }
    }
    Ok(())
}

/// What we lay beside a scan to tell of it.
fn is_note(name: &str) -> bool {
    name.ends_with(".reden.txt") || name.ends_with(".al-bekend.txt")
}

fn counted(place: Place, folder: &str, name: &str, stamp: &file::Stamp) -> Counted {
    Counted {
        place,
        reference: if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") },
        origin: Some(Mark::of_file(name)),
        msg_id: None,
        bytes: stamp.bytes,
        since: Some(stamp.time()),
        uid: None,
        left: None,
    }
}

/// What waits is listed first: what is moved between the two looks is then seen twice and never missed. The second
/// sight of it is taken out.
fn maildir(dir: &Path) -> Result<Vec<Counted>, SourceError> {
    let mut pieces = Vec::new();
    // A Maildir without `new` is none: not an empty one.
    std::fs::read_dir(dir.join("new")).map_err(|source| SourceError::Folder {
        doing: "counting",
        path: dir.join("new"),
        source,
    })?;
    files(dir, "new", Place::Waiting, &mut pieces)?;
    files(dir, "cur", Place::Done, &mut pieces)?;
    Ok(once(pieces))
}

fn scans(scan: &ScanFolder) -> Result<Vec<Counted>, SourceError> {
    let mut pieces = Vec::new();
    for (path, stamp, entry) in scan_folder::entries(&scan.dir, &scan.one_sided_dir)? {
        let left = match entry {
            Entry::Ignored | Entry::Folder(_) => continue,
            Entry::Left(reason) => Some(reason),
            Entry::Letter | Entry::Unfit(_) => None,
        };
        let half = path.parent().is_some_and(|folder| *folder != *scan.dir);
        let folder = if half { scan.one_sided_dir.as_str() } else { "" };
        pieces.push(Counted { left, ..counted(Place::Waiting, folder, &name_of(&path), &stamp) });
    }
    files(&scan.dir, DONE, Place::Done, &mut pieces)?;
    files(&scan.dir, FAILED, Place::Refused, &mut pieces)?;
    Ok(once(pieces))
}

/// Without what was moved while it was being counted.
fn once(pieces: Vec<Counted>) -> Vec<Counted> {
    let key = |piece: &Counted| (piece.origin, piece.bytes, piece.since);
    let gone_on: std::collections::HashSet<_> =
        pieces.iter().filter(|piece| piece.place != Place::Waiting).map(key).collect();
    pieces
        .into_iter()
        .filter(|piece| piece.place != Place::Waiting || !gone_on.contains(&key(piece)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn told(pieces: &[Counted]) -> Vec<(Place, &str, bool)> {
        let mut told: Vec<_> = pieces
            .iter()
            .map(|piece| (piece.place, piece.reference.as_str(), piece.left.is_some()))
            .collect();
        told.sort_by_key(|(_, reference, _)| (*reference).to_owned());
        told
    }

    #[tokio::test]
    async fn a_scan_folder_is_counted_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in [
            ("a.pdf", "%PDF a"),
            (".half.pdf", "%PDF"),
            ("eenzijdig/v.pdf", "%PDF v"),
            ("done/b.pdf", "%PDF b"),
            ("done/b.pdf.al-bekend.txt", "x"),
            ("failed/c.docx", "PK"),
            ("failed/c.docx.reden.txt", "x"),
        ] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link.pdf")).unwrap();
        let teller = Teller::Scans(Box::new(ScanFolder::at(dir.path().to_owned())));
        let tally = teller.tally().await.unwrap();
        assert_eq!(
            told(&tally.pieces),
            [
                (Place::Waiting, "a.pdf", false),
                (Place::Done, "done/b.pdf", false),
                (Place::Waiting, "eenzijdig/v.pdf", false),
                (Place::Refused, "failed/c.docx", false),
                (Place::Waiting, "link.pdf", true),
            ]
        );
        let done = tally.pieces.iter().find(|piece| piece.place == Place::Done).unwrap().clone();
        let gone = Counted { reference: "done/weg.pdf".into(), ..done.clone() };
        let huge = Counted { bytes: LOOKED_AT_BYTES_MAX, ..done.clone() };
        let looked = teller.look(vec![done, gone, huge]).await.unwrap();
        assert_eq!(looked, [Looked::Digest(digest(b"%PDF b")), Looked::Gone, Looked::Not]);
    }

    #[tokio::test]
    async fn a_maildir_that_is_not_there_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let teller = Teller::Maildir(dir.path().to_owned());
        assert!(teller.tally().await.unwrap_err().to_string().contains("new"));
        for (name, content) in [("new/1.a", "x"), ("cur/2.b:2,S", "y"), ("tmp/3.c", "z")] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let pieces = teller.tally().await.unwrap().pieces;
        assert_eq!(told(&pieces), [(Place::Done, "cur/2.b:2,S", false), (Place::Waiting, "new/1.a", false)]);
        assert_eq!(pieces[1].origin, Some(Mark::of_file("2.b")));
    }

    #[test]
    fn what_moves_meanwhile_is_counted_once() {
        let stamp = file::Stamp { inode: 1, bytes: 5, modified: (7, 0) };
        let pieces = vec![
            counted(Place::Waiting, "new", "1.a", &stamp),
            counted(Place::Done, "cur", "1.a:2,S", &stamp),
        ];
        assert_eq!(told(&once(pieces)), [(Place::Done, "cur/1.a:2,S", false)]);
    }
}
