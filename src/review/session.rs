//! Sessions of the desk: a random 256-bit cookie, an idle time-out, an end for all, a CSRF token in every form.
//!
//! Kept in memory: a restart of the daemon asks everybody to log in again. Invariants: the cookie's value is
//! kept as its digest only; a session ends with its account, with a new password, when it is not used, and so many hours
//! after the login whether it is used or not.

use super::accounts::{Account, digest, random_hex};
use crate::config::Desk;
use crate::limits::{SESSIONS_MAX, SIGN_IN_TIME_MAX};
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The names of our cookies. Over https they begin with `__Host-`: no other host of the domain can set them (RFC 6265bis §4.1.3).
#[derive(Clone, Copy, Debug)]
pub struct CookieNames {
    pub session: &'static str,
    /// Ties the login form to the browser that asked for it.
    pub login: &'static str,
    /// Holds what must come back from a sign-in server.
    pub sign_in: &'static str,
}

impl CookieNames {
    pub fn new(https: bool) -> Self {
        if https {
            Self { session: "__Host-bode_session", login: "__Host-bode_login", sign_in: "__Host-bode_signin" }
        } else {
            Self { session: "bode_session", login: "bode_login", sign_in: "bode_signin" }
        }
    }
}

/// A person who is logged in.
#[derive(Clone, Debug)]
pub struct Session {
    pub account: String,
    /// Stands in every form; a post without it is refused.
    pub csrf: String,
    pub opened_at: Timestamp,
    pub last_seen: Timestamp,
    /// What the sign-in server said of this person, to log out there too.
    pub id_token: Option<Arc<str>>,
    changed_at: Timestamp,
}

/// Every open session, by the digest of its cookie.
pub struct Sessions {
    idle: SignedDuration,
    whole: SignedDuration,
    open: Mutex<HashMap<String, Session>>,
}

impl Sessions {
    /// With the office's times.
    pub fn new(desk: &Desk) -> Self {
        Self {
            idle: SignedDuration::from_mins(i64::from(desk.idle_minutes)),
            whole: SignedDuration::from_hours(i64::from(desk.session_hours)),
            open: Mutex::default(),
        }
    }

    /// Opens a session and gives the cookie's value.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn open(
        &self,
        account: &Account,
        id_token: Option<Arc<str>>,
        now: Timestamp,
    ) -> Result<String, getrandom::Error> {
        let token = random_hex()?;
        let session = Session {
            account: account.name.clone(),
            csrf: random_hex()?,
            opened_at: now,
            last_seen: now,
            id_token,
            changed_at: account.changed_at,
        };
        let mut open = self.lock();
        open.retain(|_, session| self.alive(session, now));
        if open.len() >= SESSIONS_MAX {
            let oldest = open.iter().min_by_key(|(_, session)| session.last_seen).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                open.remove(&oldest);
            }
        }
        open.insert(digest(&token), session);
        Ok(token)
    }

    /// The session of a cookie, when it is alive; a person who does something (`used`) keeps it so.
    pub fn find(&self, token: &str, used: bool, now: Timestamp) -> Option<Session> {
        let key = digest(token);
        let mut open = self.lock();
        let session = open.get_mut(&key)?;
        if !self.alive(session, now) {
            open.remove(&key);
            return None;
        }
        if used {
            session.last_seen = session.last_seen.max(now);
        }
        Some(session.clone())
    }

    /// Ends a session, and gives what it was.
    pub fn close(&self, token: &str) -> Option<Session> {
        self.lock().remove(&digest(token))
    }

    /// Ends every session of an account.
    pub fn close_all(&self, account: &str) {
        self.lock().retain(|_, session| session.account != account);
    }

    /// The sessions of an account that are alive, the one used last first; true: the one of this cookie.
    pub fn of(&self, account: &str, token: &str, now: Timestamp) -> Vec<(Session, bool)> {
        let own = digest(token);
        let open = self.lock();
        let mut found: Vec<(Session, bool)> = open
            .iter()
            .filter(|(_, session)| session.account == account && self.alive(session, now))
            .map(|(key, session)| (session.clone(), *key == own))
            .collect();
        found.sort_by_key(|(session, own)| std::cmp::Reverse((*own, session.last_seen)));
        found
    }

    fn alive(&self, session: &Session, now: Timestamp) -> bool {
        let before = |from: Timestamp, time| from.checked_add(time).is_ok_and(|until| now < until);
        before(session.last_seen, self.idle) && before(session.opened_at, self.whole)
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

/// The same for the way back from a sign-in server, which is another site: sent with its redirect, for some minutes.
pub fn set_cookie_for_return(name: &str, value: &str, https: bool) -> String {
    let secure = if https { "; Secure" } else { "" };
    let age = if value.is_empty() { 0 } else { SIGN_IN_TIME_MAX.as_secs() };
    format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}")
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

    fn sessions() -> Sessions {
        Sessions::new(&Desk { idle_minutes: 30, session_hours: 2, ..Desk::default() })
    }

    #[test]
    fn a_session_ends_when_it_is_not_used_and_when_its_day_is_over() {
        let sessions = sessions();
        let token = sessions.open(&account(), None, at(0)).unwrap();
        assert_eq!(token.len(), 64);
        let idle = 30 * 60;
        assert!(sessions.find(&token, true, at(idle - 1)).is_some());
        assert!(sessions.find(&token, false, at(idle + 10)).is_some(), "use keeps it alive");
        assert!(sessions.find(&token, true, at(2 * idle)).is_none(), "a page that looks by itself does not");
        assert!(sessions.find("iets", true, at(0)).is_none());
        let token = sessions.open(&account(), None, at(0)).unwrap();
        for minute in (0..120).step_by(10) {
            assert!(sessions.find(&token, true, at(minute * 60)).is_some());
        }
        assert!(sessions.find(&token, true, at(120 * 60)).is_none(), "used all the time");
    }

    #[test]
    fn logging_out_ends_it_and_the_number_is_bounded() {
        let (sessions, account) = (sessions(), account());
        let token = sessions.open(&account, None, at(0)).unwrap();
        sessions.close(&token);
        assert!(sessions.find(&token, true, at(0)).is_none());
        let first = sessions.open(&account, None, at(1)).unwrap();
        for _ in 0..SESSIONS_MAX {
            sessions.open(&account, None, at(2)).unwrap();
        }
        assert!(sessions.find(&first, true, at(3)).is_none());
    }

    #[test]
    fn ones_sessions_are_listed_and_ended_together() {
        let (sessions, account) = (sessions(), account());
        let first = sessions.open(&account, None, at(0)).unwrap();
        let second = sessions.open(&account, None, at(60)).unwrap();
        let listed = sessions.of("noor", &first, at(61));
        assert_eq!(listed.iter().map(|(_, own)| *own).collect::<Vec<_>>(), [true, false]);
        assert!(sessions.of("sanne", &first, at(61)).is_empty());
        sessions.close_all("noor");
        assert!(
            sessions.find(&first, true, at(62)).is_none() && sessions.find(&second, true, at(62)).is_none()
        );
    }

    #[test]
    fn cookies_are_read_as_browsers_send_them() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, "a=1; bode_session=abc; b=2".parse().unwrap());
        assert_eq!(cookie(&headers, "bode_session"), Some("abc"));
        assert_eq!(cookie(&headers, "c"), None);
        assert_eq!(set_cookie("a", "b", true), "a=b; Path=/; HttpOnly; SameSite=Strict; Secure");
        assert!(same_secret("abc", "abc") && !same_secret("abc", "abd") && !same_secret("abc", "ab"));
    }
}
