//! Reading and moving files that others lay down.
//!
//! Invariants: a symbolic link is never followed; a file is read to a bound; a file that changed while it
//! was read is not taken; a file that is moved never replaces another.

use crate::source::SourceError;
use jiff::Timestamp;
use rustix::fs::{CWD, OFlags, RenameFlags};
use rustix::io::Errno;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What tells a file from another that was laid under its name later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub inode: u64,
    pub bytes: u64,
    /// Modification time as the file system tells it: seconds and nanoseconds.
    pub modified: (i64, i64),
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }

    /// Does this file still lie there, not another under its name, or none?
    pub(super) fn is_at(&self, path: &Path) -> io::Result<bool> {
        match std::fs::symlink_metadata(path) {
            Ok(metadata) => Ok(Self::of(&metadata) == *self),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The file's time. A time that no calendar has (a scanner without a clock) becomes 1970, which staff see.
    pub(super) fn time(&self) -> Timestamp {
        let (seconds, nanos) = self.modified;
        Timestamp::new(seconds, i32::try_from(nanos).unwrap_or(0)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// What reading a file came to.
#[derive(Debug)]
pub(super) enum ReadFile {
    Whole(Vec<u8>, Stamp),
    /// Larger than the bound; nothing was kept.
    TooLarge(u64),
    /// It changed meanwhile: somebody is still writing.
    Changed,
    /// It is no longer there.
    Gone,
}

/// Reads a regular file of at most `bytes_max` bytes.
///
/// # Errors
/// When it cannot be opened or read, or is a link or no file.
pub(super) fn read_whole(path: &Path, bytes_max: u64) -> io::Result<ReadFile> {
    let file = match open_regular(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ReadFile::Gone),
        Err(error) => return Err(error),
    };
    let before = Stamp::of(&file.metadata()?);
    if before.bytes > bytes_max {
        return Ok(ReadFile::TooLarge(before.bytes));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(before.bytes).unwrap_or(0));
    (&file).take(bytes_max + 1).read_to_end(&mut bytes)?;
    // By name, not by handle: a file laid in its place is a change too.
    let after = match std::fs::symlink_metadata(path) {
        Ok(metadata) => Stamp::of(&metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ReadFile::Gone),
        Err(error) => return Err(error),
    };
    if after != before || bytes.len() as u64 != before.bytes {
        return Ok(ReadFile::Changed);
    }
    Ok(ReadFile::Whole(bytes, before))
}

/// Opens a regular file without following a link and without hanging on a pipe.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
    let file = OpenOptions::new().read(true).custom_flags(i32::try_from(flags).unwrap_or(0)).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "is not a file"));
    }
    Ok(file)
}

/// Moves a file to `dir/name`, or `dir/name-2` and so on when that name is taken, and gives the new path.
///
/// # Errors
/// When the move fails, or a thousand names are taken.
pub(super) fn move_aside(from: &Path, dir: &Path, name: &str) -> io::Result<PathBuf> {
    let (stem, ending) = match name.rfind('.') {
        Some(dot) if dot > 0 => name.split_at(dot),
        _ => (name, ""),
    };
    for number in 1..1000 {
        let target = if number == 1 { dir.join(name) } else { dir.join(format!("{stem}-{number}{ending}")) };
        match rename_new(from, &target) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
            Ok(()) => return Ok(target),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "a thousand files have this name"))
}

/// The last part of a path, to show and to note.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Renames without replacing.
pub(super) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Network file systems do not know NOREPLACE. Only this program writes to the target folder, so
        // looking first is enough there.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            if std::fs::symlink_metadata(to).is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            std::fs::rename(from, to)
        }
        other => Ok(other?),
    }
}

/// Runs file work where it may block.
pub(super) async fn blocking<T, F>(work: F) -> Result<T, SourceError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, SourceError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(SourceError::Folder {
            doing: "working in",
            path: PathBuf::from("the folder"),
            source: io::Error::other(error),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_not_followed_and_a_folder_is_no_file() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("real"), b"x").unwrap();
        std::os::unix::fs::symlink(dir.path().join("real"), dir.path().join("link")).unwrap();
        assert!(read_whole(&dir.path().join("link"), 10).is_err());
        assert!(read_whole(dir.path(), 10).is_err());
        assert!(
            matches!(read_whole(&dir.path().join("real"), 10), Ok(ReadFile::Whole(bytes, _)) if bytes == b"x")
        );
        assert!(matches!(read_whole(&dir.path().join("absent"), 10), Ok(ReadFile::Gone)));
    }

    #[test]
    fn the_bound_is_exact() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, vec![b'x'; 10]).unwrap();
        assert!(matches!(read_whole(&path, 10), Ok(ReadFile::Whole(..))));
        assert!(matches!(read_whole(&path, 9), Ok(ReadFile::TooLarge(10))));
    }

    #[test]
    fn a_move_never_replaces() {
        let dir = tempfile::tempdir().unwrap();
        for content in ["one", "two", "three"] {
            let from = dir.path().join("from");
            std::fs::write(&from, content).unwrap();
            move_aside(&from, dir.path(), "brief.pdf").unwrap();
        }
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!([read("brief.pdf"), read("brief-2.pdf"), read("brief-3.pdf")], ["one", "two", "three"]);
    }
}
