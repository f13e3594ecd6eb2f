//! Changing accounts and tokens: who does it and when, one method a change.
//!
//! Invariant: a change that holds stands in the log with its keeper; one that is refused does not.

use super::changes::{Change, What};
use super::{Account, AccountError, Accounts, Token, checked_name, digest, password, random_hex};
use crate::limits::{ACCOUNTS_MAX, PASSWORD_ONCE_MAX};
use crate::review::rights::Role;
use jiff::Timestamp;

/// Somebody who changes accounts.
pub struct Keeper<'a> {
    pub(super) accounts: &'a Accounts,
    /// An account, or who uses the command line; empty: bode itself.
    pub(super) by: String,
    pub(super) now: Timestamp,
}

impl Keeper<'_> {
    fn told(&self, what: What, name: &str, role: Option<Role>) -> Change {
        Change { at: self.now, by: self.by.clone(), what, name: name.to_owned(), role }
    }

    /// Adds a person.
    ///
    /// # Errors
    /// A name or password that does not do, a name that is there, or the file cannot be written.
    pub fn add(&self, name: &str, password: &str, role: Role) -> Result<(), AccountError> {
        let name = checked_name(name)?;
        let hash = password::hashed(&name, password)?;
        self.add_with(&name, role, hash, None, None).map(|_| ())
    }

    /// Adds a person with a password for once, and gives it.
    ///
    /// # Errors
    /// As [`Keeper::add`].
    pub fn add_once(&self, name: &str, role: Role) -> Result<String, AccountError> {
        let name = checked_name(name)?;
        let once = password::for_once()?;
        let hash = password::hashed(&name, &once)?;
        self.add_with(&name, role, hash, self.once_until(), None)?;
        Ok(once)
    }

    fn add_with(
        &self,
        name: &str,
        role: Role,
        hash: String,
        once_until: Option<Timestamp>,
        sign_in: Option<String>,
    ) -> Result<Account, AccountError> {
        let account = Account {
            name: name.to_owned(),
            role,
            hash,
            created_at: self.now,
            changed_at: self.now,
            blocked: false,
            once_until,
            sign_in,
        };
        let what = if account.by_sign_in() { What::SignedIn } else { What::Added };
        self.accounts.change(Some(&self.told(what, name, Some(role))), |book| {
            if book.accounts.iter().any(|account| account.name == name) {
                return Err(AccountError::Exists(name.to_owned()));
            }
            if book.accounts.len() >= ACCOUNTS_MAX {
                return Err(AccountError::Full);
            }
            book.accounts.push(account.clone());
            book.accounts.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(())
        })?;
        Ok(account)
    }

    fn once_until(&self) -> Option<Timestamp> {
        // A clock at its end: the password for once is over at once.
        Some(self.now.checked_add(PASSWORD_ONCE_MAX).unwrap_or(self.now))
    }

    fn edit(&self, told: &Change, edit: impl FnOnce(&mut Account)) -> Result<(), AccountError> {
        self.accounts.change(Some(told), |book| {
            let account = book
                .accounts
                .iter_mut()
                .find(|account| account.name == told.name)
                .ok_or_else(|| AccountError::Unknown(told.name.clone()))?;
            edit(account);
            Ok(())
        })
    }

    /// Gives a person another password; sessions with the old one end, a lock is lifted.
    ///
    /// # Errors
    /// An unknown name, a password that does not do, or the file cannot be written.
    pub fn set_password(&self, name: &str, password: &str) -> Result<(), AccountError> {
        let hash = password::hashed(name, password)?;
        self.edit(&self.told(What::Password, name, None), |account| {
            account.hash = hash;
            account.changed_at = self.now;
            account.once_until = None;
        })?;
        self.accounts.by_name.forget(name);
        Ok(())
    }

    /// Gives a person a password for once, in place of the one they had.
    ///
    /// # Errors
    /// An unknown name, or the file cannot be written.
    pub fn give_once(&self, name: &str) -> Result<String, AccountError> {
        let once = password::for_once()?;
        let hash = password::hashed(name, &once)?;
        self.edit(&self.told(What::PasswordForOnce, name, None), |account| {
            account.hash = hash;
            account.changed_at = self.now;
            account.once_until = self.once_until();
        })?;
        self.accounts.by_name.forget(name);
        Ok(once)
    }

    /// Gives a person another role, from the next request on.
    ///
    /// # Errors
    /// An unknown name, or the file cannot be written.
    pub fn set_role(&self, name: &str, role: Role) -> Result<(), AccountError> {
        self.edit(&self.told(What::Role, name, Some(role)), |account| account.role = role)
    }

    /// Blocks a person, whose sessions end, or lifts that.
    ///
    /// # Errors
    /// An unknown name, or the file cannot be written.
    pub fn block(&self, name: &str, blocked: bool) -> Result<(), AccountError> {
        let what = if blocked { What::Blocked } else { What::Unblocked };
        self.edit(&self.told(what, name, None), |account| {
            account.blocked = blocked;
            // Sessions of before do not come back.
            account.changed_at = self.now;
        })
    }

    /// Removes a person; what they decided keeps their name.
    ///
    /// # Errors
    /// An unknown name, or the file cannot be written.
    pub fn remove(&self, name: &str) -> Result<(), AccountError> {
        self.accounts.change(Some(&self.told(What::Removed, name, None)), |book| {
            let before = book.accounts.len();
            book.accounts.retain(|account| account.name != name);
            if book.accounts.len() == before { Err(AccountError::Unknown(name.to_owned())) } else { Ok(()) }
        })
    }

    /// The account of somebody whom the sign-in server vouches for (`who`: issuer and subject), with the role of today; made
    /// when there is none. A name that somebody else has is never taken over.
    ///
    /// # Errors
    /// The name is somebody else's or does not do, or the file cannot be written.
    pub fn sign_in(&self, who: &str, name: &str, role: Role) -> Result<Account, AccountError> {
        let who = digest(who);
        let known = self.accounts.list()?.into_iter().find(|account| account.sign_in.as_ref() == Some(&who));
        let Some(mut account) = known else {
            return self.add_with(&checked_name(name)?, role, String::new(), None, Some(who));
        };
        if account.role != role {
            self.edit(&self.told(What::SignedIn, &account.name, Some(role)), |account| account.role = role)?;
            account.role = role;
        }
        Ok(account)
    }

    /// Adds a token for a program and gives it, this once.
    ///
    /// # Errors
    /// A name that does not do or is there, or the file cannot be written.
    pub fn add_token(
        &self,
        name: &str,
        role: Role,
        ends_at: Option<Timestamp>,
    ) -> Result<String, AccountError> {
        let name = checked_name(name)?;
        let token = format!("bode_{}", random_hex().map_err(AccountError::Random)?);
        let added = Token {
            name: name.clone(),
            role,
            hash: digest(&token),
            created_at: self.now,
            ends_at,
            used_at: None,
        };
        self.accounts.change(Some(&self.told(What::TokenAdded, &name, Some(role))), |book| {
            if book.tokens.iter().any(|token| token.name == name) {
                return Err(AccountError::Exists(name.clone()));
            }
            if book.tokens.len() >= ACCOUNTS_MAX {
                return Err(AccountError::Full);
            }
            book.tokens.push(added);
            Ok(())
        })?;
        Ok(token)
    }

    /// Takes a token back.
    ///
    /// # Errors
    /// An unknown name, or the file cannot be written.
    pub fn remove_token(&self, name: &str) -> Result<(), AccountError> {
        self.accounts.change(Some(&self.told(What::TokenRemoved, name, None)), |book| {
            let before = book.tokens.len();
            book.tokens.retain(|token| token.name != name);
            if book.tokens.len() == before { Err(AccountError::Unknown(name.to_owned())) } else { Ok(()) }
        })
    }

    /// Too many wrong passwords for an account that is there.
    pub(super) fn note_lock(&self, name: &str) -> Result<(), AccountError> {
        self.accounts.change(Some(&self.told(What::Locked, name, None)), |_| Ok(()))
    }
}
