//! A small file that is there whole or not at all, for this account alone: temporary file, fsync, rename, fsync of the folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Puts a file there, in the place of what was there; on disk when this returns. Its owner sees to it that nobody else writes it.
///
/// # Errors
/// What the disk says.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let temporary = path.with_extension("new");
    // What a crash left: its rights may be others, so it is not written on.
    unlink(&temporary)?;
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(dir)?.sync_all()
}

/// Removes a file that may be there; gone from the disk when this returns.
///
/// # Errors
/// What the disk says.
pub fn remove(path: &Path) -> io::Result<()> {
    match unlink(path)? {
        true => File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all(),
        false => Ok(()),
    }
}

/// Was it there?
fn unlink(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_a_crash_left_neither_stops_a_file_nor_opens_it_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let (path, left) = (dir.path().join("below/one.json"), dir.path().join("below/one.new"));
        write(&path, b"first").unwrap();
        fs::write(&left, "half").unwrap();
        fs::set_permissions(&left, fs::Permissions::from_mode(0o666)).unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!left.exists());
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert!(!path.exists());
    }
}
