//! Files that leave the house: letters in the print folder, a folder a day, and in the demo messages too.
//! Each is there whole or not at all (temporary file, sync, rename).

use super::OutboxError;
use crate::record::CaseNumber;
use jiff::ToSpan;
use jiff::civil::Date;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Days that are looked back for a letter that was laid before a crash.
const DAYS_BACK: i64 = 7;

/// Lays a letter in the folder of its day. One that lies there already, of this day or a day before, is not
/// laid again: nobody gets two.
pub(super) fn lay_letter(
    print_dir: &Path,
    day: Date,
    case: CaseNumber,
    pdf: &[u8],
) -> Result<PathBuf, OutboxError> {
    let name = format!("{case}.pdf");
    for back in 0..=DAYS_BACK {
        let path = print_dir.join(day.saturating_sub(back.days()).to_string()).join(&name);
        if fs::read(&path).is_ok_and(|there| there == pdf) {
            return Ok(path);
        }
    }
    lay(&print_dir.join(day.to_string()), &name, pdf)
}

/// Puts a file in a folder, which is made when it is not there.
pub(super) fn lay(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, OutboxError> {
    let path = folder.join(name);
    let temporary = folder.join(format!(".{name}.new"));
    let write = || {
        fs::create_dir_all(folder)?;
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|source| OutboxError::Folder { path: path.clone(), source })?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_letter_is_laid_once() {
        let scratch = tempfile::tempdir().unwrap();
        let case = CaseNumber::new(2026, 42);
        let first = lay_letter(scratch.path(), date(2026, 3, 31), case, b"%PDF").unwrap();
        assert_eq!(first, scratch.path().join("2026-03-31/2026-000042-6.pdf"));
        // Laid, and killed before it was noted: the next day finds it.
        let again = lay_letter(scratch.path(), date(2026, 4, 1), case, b"%PDF").unwrap();
        assert_eq!(again, first);
        assert!(!scratch.path().join("2026-04-01").exists());
        // Another letter of the same case is another letter.
        let other = lay_letter(scratch.path(), date(2026, 4, 1), case, b"%PDF other").unwrap();
        assert_eq!(fs::read(other).unwrap(), b"%PDF other");
        let files: Vec<_> = fs::read_dir(scratch.path().join("2026-04-01")).unwrap().collect();
        assert_eq!(files.len(), 1, "no temporary file is left");
    }
}
