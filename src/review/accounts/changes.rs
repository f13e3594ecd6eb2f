//! What happened to accounts and tokens, by whom and when: `accounts.log` beside the accounts, a line each.
//!
//! Invariants: a line is on disk before the change it tells of; every line carries the digest over the one before it
//! and itself, so that a line that was changed, taken out or put in shows ([`Changes::read`]). No password, no hash
//! and no token is in it. Whoever writes holds the lock of the accounts file.

use super::super::rights::Role;
use super::{AccountError, digest};
use crate::limits::{ACCOUNT_CHANGES_SHOWN_MAX, JOURNAL_LINE_BYTES_MAX};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    Added,
    /// The person chose another password, or the admin typed one at the command line.
    Password,
    /// The admin had a password for once made.
    PasswordForOnce,
    Role,
    Blocked,
    Unblocked,
    Removed,
    /// Too many wrong passwords.
    Locked,
    /// The sign-in server vouched for a person, who now has an account or another role.
    SignedIn,
    TokenAdded,
    TokenRemoved,
}

impl What {
    /// In Dutch, for the page.
    pub fn told(self) -> &'static str {
        match self {
            What::Added => "account gemaakt",
            What::Password => "nieuw wachtwoord",
            What::PasswordForOnce => "wachtwoord voor één keer gegeven",
            What::Role => "andere rol",
            What::Blocked => "geblokkeerd",
            What::Unblocked => "blokkade opgeheven",
            What::Removed => "account verwijderd",
            What::Locked => "een kwartier op slot: te vaak een verkeerd wachtwoord",
            What::SignedIn => "toegelaten via de inlogdienst",
            What::TokenAdded => "token gemaakt",
            What::TokenRemoved => "token ingetrokken",
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub at: Timestamp,
    /// An account, or who used the command line; empty: bode itself.
    pub by: String,
    pub what: What,
    /// The account or token.
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

/// The file.
pub struct Changes {
    path: PathBuf,
}

impl Changes {
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    fn fault(&self, source: io::Error) -> AccountError {
        AccountError::File { path: self.path.clone(), source }
    }

    /// Writes one line, on disk when this returns. The caller holds the lock.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add(&self, change: &Change) -> Result<(), AccountError> {
        let json = serde_json::to_string(change)
            .map_err(|source| AccountError::Form { path: self.path.clone(), source })?;
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .mode(0o600)
                .open(&self.path)?;
            let (end, head) = end_of(&mut file)?;
            // Half a line was cut off while it was written: its change never came.
            file.set_len(end)?;
            file.seek(SeekFrom::End(0))?;
            file.write_all(format!("{} {json}\n", digest(&format!("{head}{json}"))).as_bytes())?;
            file.sync_all()?;
            self.path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
        };
        write().map_err(|error| self.fault(error))
    }

    /// The last lines, newest first, how many there are in all, and the first line (from 1) where the chain does not hold.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&self) -> Result<(Vec<Change>, u64, Option<u64>), AccountError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0, None)),
            Err(error) => return Err(self.fault(error)),
        };
        let mut kept = std::collections::VecDeque::new();
        let (mut head, mut count, mut broken) = (String::new(), 0_u64, None);
        for line in BufReader::new(file).lines() {
            let line = line.map_err(|error| self.fault(error))?;
            count += 1;
            let (given, json) = line.split_once(' ').unwrap_or_default();
            let change = serde_json::from_str(json).ok();
            if broken.is_none() && (change.is_none() || digest(&format!("{head}{json}")) != given) {
                broken = Some(count);
            }
            head = given.to_owned();
            kept.extend(change);
            if kept.len() > ACCOUNT_CHANGES_SHOWN_MAX {
                kept.pop_front();
            }
        }
        Ok((kept.into_iter().rev().collect(), count, broken))
    }
}

/// Where the last whole line ends, and its digest.
fn end_of(file: &mut File) -> io::Result<(u64, String)> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(2 * JOURNAL_LINE_BYTES_MAX);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let last = tail.get(..whole.saturating_sub(1)).unwrap_or_default();
    let last = last.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let head = last.get(..64).map(|head| String::from_utf8_lossy(head).into_owned()).unwrap_or_default();
    Ok((from + whole as u64, head))
}

/// Beside the accounts.
pub fn path(accounts: &Path) -> PathBuf {
    accounts.with_extension("log")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(n: i64, what: What) -> Change {
        let at = Timestamp::from_second(1_780_000_000 + n).unwrap();
        Change { at, by: "ans".into(), what, name: "noor".into(), role: Some(Role::Reviewer) }
    }

    #[test]
    fn lines_are_chained_and_what_was_changed_shows() {
        let dir = tempfile::tempdir().unwrap();
        let changes = Changes::at(dir.path().join("accounts.log"));
        assert_eq!(changes.read().unwrap(), (vec![], 0, None));
        for n in 0..4 {
            changes.add(&change(n, What::Role)).unwrap();
        }
        let (lines, count, broken) = changes.read().unwrap();
        assert_eq!((lines.len(), count, broken), (4, 4, None));
        assert_eq!(lines[0], change(3, What::Role));
        let whole = std::fs::read_to_string(&changes.path).unwrap();
        // Half a line at the end, as a power cut leaves it, is no line.
        std::fs::write(&changes.path, format!("{whole}1234 {{\"at")).unwrap();
        changes.add(&change(4, What::Removed)).unwrap();
        assert_eq!(changes.read().unwrap().2, None);
        let told = std::fs::read_to_string(&changes.path).unwrap();
        std::fs::write(&changes.path, told.replacen("ans", "eva", 1)).unwrap();
        assert_eq!(changes.read().unwrap().2, Some(1));
        let without: Vec<&str> =
            told.lines().enumerate().filter(|(n, _)| *n != 2).map(|(_, line)| line).collect();
        std::fs::write(&changes.path, without.join("\n") + "\n").unwrap();
        assert_eq!(changes.read().unwrap().2, Some(3));
    }
}
