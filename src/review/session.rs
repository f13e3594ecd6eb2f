//! Sessions of the desk: a random 256-bit cookie, an idle time-out, a CSRF token in every form.
//!
//! Kept in memory: a restart of the daemon asks everybody to log in again. Invariants: the cookie's value is
//! kept as its digest only; a session ends with its account, with a new password, and when it is not used.

use super::accounts::{Account, digest, random_hex};
use crate::limits::{SESSION_IDLE_MAX, SESSIONS_MAX};
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Name of the session cookie.
pub const SESSION_COOKIE: &str = "bode_session";

/// Name of the cookie that ties the login form to the browser that asked for it.
pub const LOGIN_COOKIE: &str = "bode_login";

/// A person who is logged in.
#[derive(Clone, Debug)]
pub struct Session {
    pub account: String,
    /// Stands in every form; a post without it is refused.
    pub csrf: String,
    changed_at: Timestamp,
    last_seen: Timestamp,
}

/// Every open session, by the digest of its cookie.
#[derive(Default)]
pub struct Sessions {
    open: Mutex<HashMap<String, Session>>,
}

impl Sessions {
    /// Opens a session and gives the cookie's value.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn open(&self, account: &Account, now: Timestamp) -> Result<String, getrandom::Error> {
        let token = random_hex()?;
        let session = Session {
            account: account.name.clone(),
            csrf: random_hex()?,
            changed_at: account.changed_at,
            last_seen: now,
        };
        let mut open = self.lock();
        open.retain(|_, session| alive(session, now));
        if open.len() >= SESSIONS_MAX {
            let oldest = open.iter().min_by_key(|(_, session)| session.last_seen).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                open.remove(&oldest);
            }
        }
        open.insert(digest(&token), session);
        Ok(token)
    }

    /// The session of a cookie, when it is alive; it then lives on from `now`.
    pub fn find(&self, token: &str, now: Timestamp) -> Option<Session> {
        let key = digest(token);
        let mut open = self.lock();
        let session = open.get_mut(&key)?;
        if !alive(session, now) {
            open.remove(&key);
            return None;
        }
        session.last_seen = session.last_seen.max(now);
        Some(session.clone())
    }

    /// Ends a session.
    pub fn close(&self, token: &str) {
        self.lock().remove(&digest(token));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Does the session still stand for this account, with the password of its login?
    pub fn stands(&self, account: &Account) -> bool {
        self.account == account.name && self.changed_at == account.changed_at
    }
}

fn alive(session: &Session, now: Timestamp) -> bool {
    session.last_seen.checked_add(SESSION_IDLE_MAX).is_ok_and(|until| now < until)
}

/// The value of a cookie in a request (RFC 6265 §4.2).
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// A `Set-Cookie` value that only this desk gets back. An empty value takes the cookie away.
pub fn set_cookie(name: &str, value: &str, https: bool) -> String {
    let secure = if https { "; Secure" } else { "" };
    let end = if value.is_empty() { "; Max-Age=0" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{end}")
}

/// Are two secrets the same, in a time that does not tell where they differ?
pub fn same_secret(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |all, (x, y)| all | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::super::accounts::Accounts;
    use super::super::rights::Role;
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + second).unwrap()
    }

    fn account() -> Account {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::new(dir.path());
        accounts.add("noor", "een lang wachtwoord", Role::Reviewer, at(0)).unwrap();
        accounts.get("noor").unwrap().unwrap()
    }

    #[test]
    fn a_session_ends_when_it_is_not_used() {
        let sessions = Sessions::default();
        let token = sessions.open(&account(), at(0)).unwrap();
        assert_eq!(token.len(), 64);
        let idle = i64::try_from(SESSION_IDLE_MAX.as_secs()).unwrap();
        assert!(sessions.find(&token, at(idle - 1)).is_some());
        assert!(sessions.find(&token, at(idle + 10)).is_some(), "use keeps it alive");
        assert!(sessions.find(&token, at(3 * idle)).is_none());
        assert!(sessions.find("iets", at(0)).is_none());
    }

    #[test]
    fn logging_out_ends_it_and_the_number_is_bounded() {
        let (sessions, account) = (Sessions::default(), account());
        let token = sessions.open(&account, at(0)).unwrap();
        sessions.close(&token);
        assert!(sessions.find(&token, at(0)).is_none());
        let first = sessions.open(&account, at(1)).unwrap();
        for _ in 0..SESSIONS_MAX {
            sessions.open(&account, at(2)).unwrap();
        }
        assert!(sessions.find(&first, at(3)).is_none());
    }

    #[test]
    fn cookies_are_read_as_browsers_send_them() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, "a=1; bode_session=abc; b=2".parse().unwrap());
        assert_eq!(cookie(&headers, SESSION_COOKIE), Some("abc"));
        assert_eq!(cookie(&headers, "c"), None);
        assert_eq!(set_cookie("a", "b", true), "a=b; Path=/; HttpOnly; SameSite=Strict; Secure");
        assert!(same_secret("abc", "abc") && !same_secret("abc", "abd") && !same_secret("abc", "ab"));
    }
}
