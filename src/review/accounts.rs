//! Local accounts of the desk and tokens of its API: one JSON file in the store's directory.
//!
//! Passwords are kept as argon2id (RFC 9106) in the PHC string form, tokens as SHA-256 of 256 random bits.
//! Invariants: the file is replaced whole (temporary file, fsync, rename, fsync of the folder), is readable
//! by its owner only, and two processes (`bode user …` beside a running daemon) never overwrite each other:
//! every change holds the lock file, and is written to the log of changes first. No password or token stands in an
//! error or a log.

mod attempts;
mod changes;
mod keeper;
mod password;

pub use changes::{Change, What};
pub use keeper::Keeper;

use super::rights::Role;
use crate::limits::{
    ACCOUNTS_MAX, LOGIN_ADDRESS_ATTEMPTS_MAX, LOGIN_ATTEMPTS_MAX, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN,
    TOKEN_USE_NOTED,
};
use crate::whole;
use attempts::Attempts;
use changes::Changes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A person who may log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Lower case, unique; stands in the journal with what this person decided.
    pub name: String,
    pub role: Role,
    /// PHC string of argon2id; empty for who logs in at the sign-in server only.
    #[serde(default)]
    hash: String,
    pub created_at: Timestamp,
    /// A new password ends the sessions of the old one.
    pub changed_at: Timestamp,
    #[serde(default)]
    pub blocked: bool,
    /// The password is one for once, until then; whoever used it chooses another before anything else.
    #[serde(default)]
    pub once_until: Option<Timestamp>,
    /// Digest of issuer and subject: the person whom the sign-in server vouches for (OpenID Connect Core §5.7).
    #[serde(default)]
    sign_in: Option<String>,
}

impl Account {
    /// Does this person come by the sign-in server?
    pub fn by_sign_in(&self) -> bool {
        self.sign_in.is_some()
    }
}

/// A key for a program that uses the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    pub name: String,
    pub role: Role,
    /// SHA-256 in hexadecimal.
    hash: String,
    pub created_at: Timestamp,
    /// From then on it opens nothing. None: until it is taken back.
    #[serde(default)]
    pub ends_at: Option<Timestamp>,
    /// Within [`TOKEN_USE_NOTED`].
    #[serde(default)]
    pub used_at: Option<Timestamp>,
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
    /// Wrong name or password, or blocked; which is not told.
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
    #[error("this password is too easily guessed: take a few words that do not belong together")]
    Guessable,
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

/// Size and time of the file: when they are still the same, what was read stands.
type Stamp = (u64, Option<std::time::SystemTime>);

/// The accounts file of one store. Blocking: a check of a password takes some tens of milliseconds on purpose.
pub struct Accounts {
    path: PathBuf,
    read: Mutex<Option<(Stamp, Arc<Book>)>>,
    by_name: Attempts,
    by_address: Attempts,
}

impl Accounts {
    /// The accounts of the store in `dir`; the file need not be there yet.
    pub fn new(dir: &Path) -> Self {
        Self {
            path: dir.join("accounts.json"),
            read: Mutex::new(None),
            by_name: Attempts::new(LOGIN_ATTEMPTS_MAX),
            by_address: Attempts::new(LOGIN_ADDRESS_ATTEMPTS_MAX),
        }
    }

    /// The directory they lie in.
    pub(super) fn dir(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Who changes accounts, and when: everything that changes stands there.
    pub fn keeper(&self, by: &str, now: Timestamp) -> Keeper<'_> {
        Keeper { accounts: self, by: by.to_owned(), now }
    }

    /// Adds a person, in the name of bode itself.
    ///
    /// # Errors
    /// As [`Keeper::add`].
    pub fn add(&self, name: &str, password: &str, role: Role, now: Timestamp) -> Result<(), AccountError> {
        self.keeper("", now).add(name, password, role)
    }

    /// Adds a token without an end, in the name of bode itself.
    ///
    /// # Errors
    /// As [`Keeper::add_token`].
    pub fn add_token(&self, name: &str, role: Role, now: Timestamp) -> Result<String, AccountError> {
        self.keeper("", now).add_token(name, role, None)
    }

    /// Everyone, by name.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn list(&self) -> Result<Vec<Account>, AccountError> {
        Ok(self.book()?.accounts.clone())
    }

    /// One person, who is not blocked.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn get(&self, name: &str) -> Result<Option<Account>, AccountError> {
        Ok(self.book()?.accounts.iter().find(|account| account.name == name && !account.blocked).cloned())
    }

    /// Every token's name, role and days.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn tokens(&self) -> Result<Vec<Token>, AccountError> {
        Ok(self.book()?.tokens.clone())
    }

    /// What was changed last, newest first; how many changes there were; and the first that does not fit the one before it.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn changes(&self) -> Result<(Vec<Change>, u64, Option<u64>), AccountError> {
        self.log().read()
    }

    /// Checks a name and password. `from`: the address that they come from, when it tells one browser from another.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn login(
        &self,
        name: &str,
        password: &str,
        from: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Login, AccountError> {
        let name: String = name.trim().to_lowercase().chars().take(NAME_CHARS_MAX + 1).collect();
        let from = from.map(neighbourhood);
        let locks = [
            self.by_name.locked_until(&name, now),
            from.as_ref().and_then(|from| self.by_address.locked_until(from, now)),
        ];
        if let Some(until) = locks.into_iter().flatten().max() {
            return Ok(Login::Locked { until });
        }
        let account = self.book()?.accounts.iter().find(|account| account.name == name).cloned();
        // An unknown name costs the same work as a known one.
        let hash = account.as_ref().map(|account| account.hash.as_str()).filter(|hash| !hash.is_empty());
        let right = password::fits(password, hash);
        match account {
            Some(account)
                if right && !account.blocked && account.once_until.is_none_or(|until| now < until) =>
            {
                self.by_name.forget(&name);
                Ok(Login::Welcome(account))
            }
            account => {
                if self.by_name.count(&name, account.is_some(), now) && account.is_some() {
                    self.keeper("", now).note_lock(&name)?;
                }
                if let Some(from) = from {
                    self.by_address.count(&from, false, now);
                }
                Ok(Login::Refused)
            }
        }
    }

    /// Is this the person's password? Counts as a login does.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn confirms(&self, name: &str, password: &str, now: Timestamp) -> Result<Login, AccountError> {
        self.login(name, password, None, now)
    }

    /// Whose token this is. Comparing digests of 256 random bits leaks nothing that helps a guess.
    ///
    /// # Errors
    /// The file cannot be read or, when its use is noted, written.
    pub fn token(&self, token: &str, now: Timestamp) -> Result<Option<Token>, AccountError> {
        let hash = digest(token);
        let found = self.book()?.tokens.iter().find(|token| token.hash == hash).cloned();
        let Some(token) = found.filter(|token| token.ends_at.is_none_or(|end| now < end)) else {
            return Ok(None);
        };
        let noted = token.used_at.and_then(|used| used.checked_add(TOKEN_USE_NOTED).ok());
        if noted.is_none_or(|noted| noted <= now) {
            self.change(None, |book| {
                for known in book.tokens.iter_mut().filter(|known| known.hash == hash) {
                    known.used_at = Some(now);
                }
                Ok(())
            })?;
        }
        Ok(Some(token))
    }

    fn log(&self) -> Changes {
        Changes::at(changes::path(&self.path))
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

    /// One change, told in the log before it is made.
    fn change(
        &self,
        told: Option<&Change>,
        edit: impl FnOnce(&mut Book) -> Result<(), AccountError>,
    ) -> Result<(), AccountError> {
        let fault = |error| self.fault(error);
        // An admin makes the first account before the first start has made the store.
        if let Some(dir) = self.path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(fault)?;
        }
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
        if let Some(told) = told {
            self.log().add(told)?;
        }
        let text = serde_json::to_vec_pretty(&book)
            .map_err(|source| AccountError::Form { path: self.path.clone(), source })?;
        whole::write(&self.path, &text).map_err(fault)?;
        *lock(&self.read) = None;
        Ok(())
    }
}

/// Characters of the name of an account or a token.
const NAME_CHARS_MAX: usize = 40;

/// Whoever has one address of IPv6 has the 2^64 beside it.
fn neighbourhood(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// May an account have this name and this password?
///
/// # Errors
/// [`AccountError::Name`], [`AccountError::Password`] or [`AccountError::Guessable`].
pub fn may_be_account(name: &str, password: &str) -> Result<(), AccountError> {
    password::check(&checked_name(name)?, password)
}

fn checked_name(name: &str) -> Result<String, AccountError> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
    if (1..=NAME_CHARS_MAX).contains(&name.len()) && name.chars().all(good) {
        Ok(name.to_owned())
    } else {
        Err(AccountError::Name(name.chars().take(60).collect()))
    }
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
    use crate::limits::{LOGIN_LOCK, PASSWORD_ONCE_MAX};
    use std::os::unix::fs::PermissionsExt;

    const PASSWORD: &str = "een lang wachtwoord";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + second).unwrap()
    }

    fn login(accounts: &Accounts, name: &str, password: &str, second: i64) -> Login {
        accounts.login(name, password, None, at(second)).unwrap()
    }

    #[test]
    fn a_person_logs_in_and_the_file_holds_no_password() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::new(dir.path());
        assert_eq!(login(&accounts, "noor", PASSWORD, 0), Login::Refused);
        accounts.add("noor", PASSWORD, Role::Reviewer, at(0)).unwrap();
        assert!(matches!(accounts.add("noor", PASSWORD, Role::Admin, at(0)), Err(AccountError::Exists(_))));
        assert!(matches!(login(&accounts, " Noor ", PASSWORD, 1), Login::Welcome(_)));
        assert_eq!(login(&accounts, "noor", "iets anders hier", 1), Login::Refused);
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
        command.keeper("ans", at(5)).set_password("noor", "nog een wachtwoord").unwrap();
        assert_eq!(login(&daemon, "noor", PASSWORD, 6), Login::Refused);
        assert_eq!(daemon.get("noor").unwrap().unwrap().changed_at, at(5));
        command.keeper("ans", at(7)).remove("noor").unwrap();
        assert!(daemon.get("noor").unwrap().is_none());
        assert!(matches!(command.keeper("ans", at(7)).remove("noor"), Err(AccountError::Unknown(_))));
    }

    #[test]
    fn too_many_wrong_passwords_lock_for_a_while() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::new(dir.path());
        accounts.add("noor", PASSWORD, Role::Reviewer, at(0)).unwrap();
        for _ in 0..LOGIN_ATTEMPTS_MAX {
            assert_eq!(login(&accounts, "noor", "fout", 0), Login::Refused);
        }
        assert!(matches!(login(&accounts, "noor", PASSWORD, 1), Login::Locked { .. }));
        let after = i64::try_from(LOGIN_LOCK.as_secs()).unwrap() + 1;
        assert!(matches!(login(&accounts, "noor", PASSWORD, after), Login::Welcome(_)));
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
        assert_eq!(accounts.token(&token, at(1)).unwrap().unwrap().role, Role::Auditor);
        assert!(accounts.token("bode_0000", at(1)).unwrap().is_none());
        assert!(!fs::read_to_string(dir.path().join("accounts.json")).unwrap().contains(&token));
        accounts.keeper("ans", at(0)).remove_token("zaaksysteem").unwrap();
        assert!(accounts.token(&token, at(1)).unwrap().is_none());
    }

    #[test]
    fn who_tries_many_names_from_one_address_is_locked_out_and_others_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::new(dir.path());
        accounts.add("noor", PASSWORD, Role::Reviewer, at(0)).unwrap();
        let from = |text: &str| Some(text.parse().unwrap());
        for n in 0..LOGIN_ADDRESS_ATTEMPTS_MAX {
            let address = format!("2001:db8:1:2::{n:x}");
            let outcome = accounts.login(&format!("naam-{n}"), "fout", from(&address), at(0)).unwrap();
            assert_eq!(outcome, Login::Refused);
        }
        let locked = accounts.login("noor", PASSWORD, from("2001:db8:1:2:ffff::1"), at(1)).unwrap();
        assert!(matches!(locked, Login::Locked { .. }));
        let other = accounts.login("noor", PASSWORD, from("2001:db8:1:3::1"), at(1)).unwrap();
        assert!(matches!(other, Login::Welcome(_)));
        assert_eq!(neighbourhood("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1");
    }

    #[test]
    fn every_change_is_told_and_a_lock_too() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::new(dir.path());
        let keeper = accounts.keeper("ans", at(0));
        keeper.add("noor", PASSWORD, Role::Reviewer).unwrap();
        keeper.set_role("noor", Role::Auditor).unwrap();
        keeper.block("noor", true).unwrap();
        assert!(accounts.get("noor").unwrap().is_none() && accounts.list().unwrap().len() == 1);
        assert_eq!(login(&accounts, "noor", PASSWORD, 1), Login::Refused);
        keeper.block("noor", false).unwrap();
        let once = keeper.give_once("noor").unwrap();
        assert!(accounts.get("noor").unwrap().unwrap().once_until.is_some());
        assert!(matches!(login(&accounts, "noor", &once, 1), Login::Welcome(_)));
        let late = i64::try_from(PASSWORD_ONCE_MAX.as_secs()).unwrap();
        assert_eq!(login(&accounts, "noor", &once, late), Login::Refused, "it has an end");
        keeper.set_password("noor", PASSWORD).unwrap();
        assert!(accounts.get("noor").unwrap().unwrap().once_until.is_none());
        for _ in 0..LOGIN_ATTEMPTS_MAX {
            login(&accounts, "noor", "fout", 2);
        }
        keeper.remove("noor").unwrap();
        assert!(keeper.set_role("noor", Role::Admin).is_err(), "what fails is not told");
        let (changes, count, broken) = accounts.changes().unwrap();
        let told: Vec<What> = changes.iter().rev().map(|change| change.what).collect();
        let expected = [
            What::Added,
            What::Role,
            What::Blocked,
            What::Unblocked,
            What::PasswordForOnce,
            What::Password,
            What::Locked,
            What::Removed,
        ];
        assert_eq!((told.as_slice(), count, broken), (expected.as_slice(), 8, None));
        assert!(changes[1].by.is_empty() && changes[0].by == "ans");
        let text = fs::read_to_string(dir.path().join("accounts.log")).unwrap();
        assert!(!text.contains(PASSWORD) && !text.contains("argon2") && !text.contains(&once));
    }

    #[test]
    fn a_token_ends_and_its_use_is_noted_now_and_then() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::new(dir.path());
        let token =
            accounts.keeper("ans", at(0)).add_token("zaaksysteem", Role::Reviewer, Some(at(10_000))).unwrap();
        let used = || accounts.tokens().unwrap()[0].used_at;
        assert_eq!(used(), None);
        for (second, noted) in [(10, 10), (20, 10), (4_000, 4_000)] {
            assert!(accounts.token(&token, at(second)).unwrap().is_some());
            assert_eq!(used(), Some(at(noted)));
        }
        assert!(accounts.token(&token, at(10_000)).unwrap().is_none());
    }

    #[test]
    fn who_is_vouched_for_elsewhere_is_known_by_the_subject_not_by_the_name() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::new(dir.path());
        let keeper = accounts.keeper("", at(0));
        keeper.add("noor", PASSWORD, Role::Reviewer).unwrap();
        assert!(matches!(keeper.sign_in("issuer sub-1", "noor", Role::Admin), Err(AccountError::Exists(_))));
        let eva = keeper.sign_in("issuer sub-2", "eva", Role::Reviewer).unwrap();
        assert_eq!((eva.name.as_str(), eva.by_sign_in()), ("eva", true));
        assert_eq!(login(&accounts, "eva", "", 1), Login::Refused);
        let again = keeper.sign_in("issuer sub-2", "anders", Role::Auditor).unwrap();
        assert_eq!(
            (again.name.as_str(), again.role),
            ("eva", Role::Auditor),
            "the name stays, the role is that of today"
        );
        assert!(matches!(
            keeper.sign_in("issuer sub-3", "eva", Role::Reviewer),
            Err(AccountError::Exists(_))
        ));
        assert_eq!(accounts.list().unwrap().len(), 2);
    }

    #[test]
    fn the_first_account_is_made_before_the_store_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::new(&dir.path().join("later/store"));
        accounts.add("noor", "correct paard batterij", Role::Admin, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(accounts.list().unwrap().len(), 1);
    }
}
