//! Local accounts of the desk and tokens of its API: one JSON file in the store's directory.
//!
//! Passwords are kept as argon2id (RFC 9106) in the PHC string form, tokens as SHA-256 of 256 random bits.
//! Invariants: the file is replaced whole (temporary file, fsync, rename, fsync of the folder), is readable
//! by its owner only, and two processes (`bode user …` beside a running daemon) never overwrite each other:
//! every change holds the lock file. No password or token stands in an error or a log.

use super::rights::Role;
use crate::limits::{
    ACCOUNTS_MAX, LOGIN_ATTEMPTS_MAX, LOGIN_LOCK, LOGIN_NAMES_MAX, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN,
};
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

/// A person who may log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Lower case, unique; stands in the journal with what this person decided.
    pub name: String,
    pub role: Role,
    /// PHC string of argon2id.
    hash: String,
    pub created_at: Timestamp,
    /// A new password ends the sessions of the old one.
    pub changed_at: Timestamp,
}

/// A key for a program that uses the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    pub name: String,
    pub role: Role,
    /// SHA-256 in hexadecimal.
    hash: String,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Book {
    version: u32,
    #[serde(default)]
    accounts: Vec<Account>,
    #[serde(default)]
    tokens: Vec<Token>,
}

/// What came of a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    Welcome(Account),
    /// Wrong name or password; which of both is not told.
    Refused,
    /// Too many wrong passwords.
    Locked {
        until: Timestamp,
    },
}

/// Why accounts could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("the accounts file {path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("the accounts file {path} is not readable as JSON: {source}")]
    Form { path: PathBuf, source: serde_json::Error },
    #[error("the name {0:?} is not usable: 1 to 40 of a-z, 0-9, dot, dash and underscore")]
    Name(String),
    #[error("a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters")]
    Password,
    #[error("{0:?} is there already")]
    Exists(String),
    #[error("there is no {0:?}")]
    Unknown(String),
    #[error("there are {ACCOUNTS_MAX} accounts or tokens already")]
    Full,
    #[error("the password could not be hashed")]
    Hash,
    #[error("no random numbers from the system: {0}")]
    Random(getrandom::Error),
}

#[derive(Default)]
struct Attempts {
    wrong: u32,
    last: Option<Timestamp>,
}

/// Size and time of the file: when they are still the same, what was read stands.
type Stamp = (u64, Option<std::time::SystemTime>);

/// The accounts file of one store. Blocking: a check of a password takes some tens of milliseconds on purpose.
pub struct Accounts {
    path: PathBuf,
    read: Mutex<Option<(Stamp, Arc<Book>)>>,
    attempts: Mutex<HashMap<String, Attempts>>,
}

/// Verified for names that do not exist, so that the time of an answer does not tell which names do.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| argon2id(b"nobody has this one").ok());

impl Accounts {
    /// The accounts of the store in `dir`; the file need not be there yet.
    pub fn new(dir: &Path) -> Self {
        Self { path: dir.join("accounts.json"), read: Mutex::new(None), attempts: Mutex::new(HashMap::new()) }
    }

    /// Adds a person.
    ///
    /// # Errors
    /// A name or password that does not do, a name that is there, or the file cannot be written.
    pub fn add(&self, name: &str, password: &str, role: Role, now: Timestamp) -> Result<(), AccountError> {
        let name = checked_name(name)?;
        let hash = hash_password(password)?;
        self.change(|book| {
            if book.accounts.iter().any(|account| account.name == name) {
                return Err(AccountError::Exists(name.clone()));
            }
            if book.accounts.len() >= ACCOUNTS_MAX {
                return Err(AccountError::Full);
            }
            book.accounts.push(Account { name: name.clone(), role, hash, created_at: now, changed_at: now });
            book.accounts.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(())
        })
    }

    /// Gives a person another password; sessions with the old one end, a lock is lifted.
    ///
    /// # Errors
    /// An unknown name, a password that does not do, or the file cannot be written.
    pub fn set_password(&self, name: &str, password: &str, now: Timestamp) -> Result<(), AccountError> {
        let hash = hash_password(password)?;
        self.change(|book| {
            let account = book
                .accounts
                .iter_mut()
                .find(|account| account.name == name)
                .ok_or_else(|| AccountError::Unknown(name.to_owned()))?;
            account.hash = hash;
            account.changed_at = now;
            Ok(())
        })?;
        lock(&self.attempts).remove(name);
        Ok(())
    }

    /// Removes a person; what they decided keeps their name.
    ///
    /// # Errors
    /// An unknown name, or the file cannot be written.
    pub fn remove(&self, name: &str) -> Result<(), AccountError> {
        self.change(|book| {
            let before = book.accounts.len();
            book.accounts.retain(|account| account.name != name);
            if book.accounts.len() == before { Err(AccountError::Unknown(name.to_owned())) } else { Ok(()) }
        })
    }

    /// Everyone, by name.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn list(&self) -> Result<Vec<Account>, AccountError> {
        Ok(self.book()?.accounts.clone())
    }

    /// One person.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn get(&self, name: &str) -> Result<Option<Account>, AccountError> {
        Ok(self.book()?.accounts.iter().find(|account| account.name == name).cloned())
    }

    /// Checks a name and password.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn login(&self, name: &str, password: &str, now: Timestamp) -> Result<Login, AccountError> {
        let name = name.trim().to_lowercase();
        if let Some(until) = self.locked_until(&name, now) {
            return Ok(Login::Locked { until });
        }
        let account = self.get(&name)?;
        // An unknown name costs the same work as a known one.
        let hash = account.as_ref().map(|account| account.hash.as_str()).or(NOBODY.as_deref());
        let right = password.chars().count() <= PASSWORD_CHARS_MAX
            && hash.is_some_and(|hash| matches_hash(password, hash));
        match account {
            Some(account) if right => {
                lock(&self.attempts).remove(&name);
                Ok(Login::Welcome(account))
            }
            _ => {
                self.count_wrong(name, now);
                Ok(Login::Refused)
            }
        }
    }

    /// Adds a token for a program and gives it, this once.
    ///
    /// # Errors
    /// A name that does not do or is there, or the file cannot be written.
    pub fn add_token(&self, name: &str, role: Role, now: Timestamp) -> Result<String, AccountError> {
        let name = checked_name(name)?;
        let token = format!("bode_{}", random_hex().map_err(AccountError::Random)?);
        let hash = digest(&token);
        self.change(|book| {
            if book.tokens.iter().any(|token| token.name == name) {
                return Err(AccountError::Exists(name.clone()));
            }
            if book.tokens.len() >= ACCOUNTS_MAX {
                return Err(AccountError::Full);
            }
            book.tokens.push(Token { name: name.clone(), role, hash, created_at: now });
            Ok(())
        })?;
        Ok(token)
    }

    /// Every token's name and role.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn tokens(&self) -> Result<Vec<Token>, AccountError> {
        Ok(self.book()?.tokens.clone())
    }

    /// Takes a token back.
    ///
    /// # Errors
    /// An unknown name, or the file cannot be written.
    pub fn remove_token(&self, name: &str) -> Result<(), AccountError> {
        self.change(|book| {
            let before = book.tokens.len();
            book.tokens.retain(|token| token.name != name);
            if book.tokens.len() == before { Err(AccountError::Unknown(name.to_owned())) } else { Ok(()) }
        })
    }

    /// Whose token this is. Comparing digests of 256 random bits leaks nothing that helps a guess.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn token(&self, token: &str) -> Result<Option<Token>, AccountError> {
        let hash = digest(token);
        Ok(self.book()?.tokens.iter().find(|token| token.hash == hash).cloned())
    }

    fn locked_until(&self, name: &str, now: Timestamp) -> Option<Timestamp> {
        let attempts = lock(&self.attempts);
        let found = attempts.get(name)?;
        let until = found.last?.checked_add(LOGIN_LOCK).ok()?;
        (found.wrong >= LOGIN_ATTEMPTS_MAX && now < until).then_some(until)
    }

    fn count_wrong(&self, name: String, now: Timestamp) {
        let mut attempts = lock(&self.attempts);
        // Names come from outside: what is older than a lock counts no more, and the list has an end.
        let fresh = |attempts: &Attempts| {
            attempts.last.and_then(|last| last.checked_add(LOGIN_LOCK).ok()).is_some_and(|until| now < until)
        };
        if attempts.len() >= LOGIN_NAMES_MAX {
            attempts.retain(|_, attempts| fresh(attempts));
        }
        if attempts.len() >= LOGIN_NAMES_MAX && !attempts.contains_key(&name) {
            return;
        }
        let entry = attempts.entry(name).or_default();
        if !fresh(entry) {
            entry.wrong = 0;
        }
        entry.wrong = entry.wrong.saturating_add(1);
        entry.last = Some(now);
    }

    fn fault(&self, source: io::Error) -> AccountError {
        AccountError::File { path: self.path.clone(), source }
    }

    /// The file's content; read again only when it changed, so that `bode user` is seen at once.
    fn book(&self) -> Result<Arc<Book>, AccountError> {
        let stamp = match fs::metadata(&self.path) {
            Ok(metadata) => (metadata.len(), metadata.modified().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Arc::default()),
            Err(error) => return Err(self.fault(error)),
        };
        let mut read = lock(&self.read);
        if let Some((old, book)) = &*read
            && *old == stamp
        {
            return Ok(Arc::clone(book));
        }
        let bytes = fs::read(&self.path).map_err(|error| self.fault(error))?;
        let book: Arc<Book> = Arc::new(
            serde_json::from_slice(&bytes)
                .map_err(|source| AccountError::Form { path: self.path.clone(), source })?,
        );
        *read = Some((stamp, Arc::clone(&book)));
        Ok(book)
    }

    fn change(&self, edit: impl FnOnce(&mut Book) -> Result<(), AccountError>) -> Result<(), AccountError> {
        let fault = |error| self.fault(error);
        let guard = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(self.path.with_extension("lock"))
            .map_err(fault)?;
        rustix::fs::flock(&guard, rustix::fs::FlockOperation::LockExclusive)
            .map_err(|error| self.fault(error.into()))?;
        *lock(&self.read) = None;
        let mut book = Book::clone(&*self.book()?);
        book.version = 1;
        edit(&mut book)?;
        let text = serde_json::to_vec_pretty(&book)
            .map_err(|source| AccountError::Form { path: self.path.clone(), source })?;
        write_whole(&self.path, &text).map_err(fault)?;
        *lock(&self.read) = None;
        Ok(())
    }
}

/// Temporary file, fsync, rename, fsync of the folder.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

fn checked_name(name: &str) -> Result<String, AccountError> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
    if (1..=40).contains(&name.len()) && name.chars().all(good) {
        Ok(name.to_owned())
    } else {
        Err(AccountError::Name(name.chars().take(60).collect()))
    }
}

fn hash_password(password: &str) -> Result<String, AccountError> {
    if !(PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&password.chars().count()) {
        return Err(AccountError::Password);
    }
    argon2id(password.as_bytes())
}

/// argon2id with 19 MiB and two passes: the crate's defaults, which are OWASP's advice.
fn argon2id(password: &[u8]) -> Result<String, AccountError> {
    let mut salt = [0_u8; 16];
    getrandom::fill(&mut salt).map_err(AccountError::Random)?;
    let hash: PasswordHash =
        Argon2::default().hash_password_with_salt(password, &salt).map_err(|_| AccountError::Hash)?;
    Ok(hash.to_string())
}

fn matches_hash(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// SHA-256 in hexadecimal.
pub(super) fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// 256 random bits in hexadecimal.
pub(super) fn random_hex() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A panic elsewhere while the lock was held leaves data that are still whole here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const PASSWORD: &str = "een lang wachtwoord";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + second).unwrap()
    }

    #[test]
    fn a_person_logs_in_and_the_file_holds_no_password() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::new(dir.path());
        assert_eq!(accounts.login("noor", PASSWORD, at(0)).unwrap(), Login::Refused);
        accounts.add("noor", PASSWORD, Role::Reviewer, at(0)).unwrap();
        assert!(matches!(accounts.add("noor", PASSWORD, Role::Admin, at(0)), Err(AccountError::Exists(_))));
        assert!(matches!(accounts.login(" Noor ", PASSWORD, at(1)).unwrap(), Login::Welcome(_)));
        assert_eq!(accounts.login("noor", "iets anders hier", at(1)).unwrap(), Login::Refused);
        let path = dir.path().join("accounts.json");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("$argon2id$") && !text.contains(PASSWORD));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn another_process_is_seen_and_removal_holds() {
        let dir = tempfile::tempdir().unwrap();
        let (daemon, command) = (Accounts::new(dir.path()), Accounts::new(dir.path()));
        assert!(daemon.list().unwrap().is_empty());
        command.add("noor", PASSWORD, Role::Reviewer, at(0)).unwrap();
        assert!(daemon.get("noor").unwrap().is_some());
        command.set_password("noor", "nog een wachtwoord", at(5)).unwrap();
        assert_eq!(daemon.login("noor", PASSWORD, at(6)).unwrap(), Login::Refused);
        assert_eq!(daemon.get("noor").unwrap().unwrap().changed_at, at(5));
        command.remove("noor").unwrap();
        assert!(daemon.get("noor").unwrap().is_none());
        assert!(matches!(command.remove("noor"), Err(AccountError::Unknown(_))));
    }

    #[test]
    fn too_many_wrong_passwords_lock_for_a_while() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::new(dir.path());
        accounts.add("noor", PASSWORD, Role::Reviewer, at(0)).unwrap();
        for _ in 0..LOGIN_ATTEMPTS_MAX {
            assert_eq!(accounts.login("noor", "fout", at(0)).unwrap(), Login::Refused);
        }
        assert!(matches!(accounts.login("noor", PASSWORD, at(1)).unwrap(), Login::Locked { .. }));
        let after = i64::try_from(LOGIN_LOCK.as_secs()).unwrap() + 1;
        assert!(matches!(accounts.login("noor", PASSWORD, at(after)).unwrap(), Login::Welcome(_)));
    }

    #[test]
    fn bad_names_and_passwords_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::new(dir.path());
        for name in ["", "Noor", "no or", "../x", &"a".repeat(41)] {
            assert!(matches!(accounts.add(name, PASSWORD, Role::Admin, at(0)), Err(AccountError::Name(_))));
        }
        assert!(matches!(accounts.add("noor", "kort", Role::Admin, at(0)), Err(AccountError::Password)));
        fs::write(dir.path().join("accounts.json"), b"{").unwrap();
        assert!(matches!(accounts.list(), Err(AccountError::Form { .. })));
    }

    #[test]
    fn tokens_are_kept_as_digests() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::new(dir.path());
        let token = accounts.add_token("zaaksysteem", Role::Auditor, at(0)).unwrap();
        assert_eq!(accounts.token(&token).unwrap().unwrap().role, Role::Auditor);
        assert!(accounts.token("bode_0000").unwrap().is_none());
        assert!(!fs::read_to_string(dir.path().join("accounts.json")).unwrap().contains(&token));
        accounts.remove_token("zaaksysteem").unwrap();
        assert!(accounts.token(&token).unwrap().is_none());
    }
}
