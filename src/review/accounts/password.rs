//! Passwords: what one must be (NIST SP 800-63B §3.1.1: length and a list of the commonest, no rules of composition and no
//! end date), how it is kept (argon2id, RFC 9106), and one-time passwords that an admin hands over.

use super::AccountError;
use crate::limits::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The commonest, without the digits and signs around them; a line each.
const COMMONEST: &str = include_str!("commonest.txt");

/// What people type when their finger walks along the keys.
const WALKS: [&str; 5] = [
    "01234567890123456789",
    "98765432109876543210",
    "qwertyuiopasdfghjklzxcvbnm",
    "abcdefghijklmnopqrstuvwxyz",
    "1q2w3e4r5t6y7u8i9o0p",
];

/// Verified for names that do not exist, so that the time of an answer does not tell which names do.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| argon2id(b"nobody has this one").ok());

/// Is this a password that may be chosen, by the person of this name?
///
/// # Errors
/// [`AccountError::Password`] by its length, [`AccountError::Guessable`] otherwise.
pub fn check(name: &str, password: &str) -> Result<(), AccountError> {
    if !(PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&password.chars().count()) {
        return Err(AccountError::Password);
    }
    let folded = password.to_lowercase();
    let different: BTreeSet<char> = folded.chars().collect();
    let core: String = folded.chars().filter(|c| c.is_alphabetic()).collect();
    let name: String = name.chars().filter(char::is_ascii_alphabetic).collect();
    let common = |core: &str| COMMONEST.lines().any(|line| line == core);
    // "wachtwoordwachtwoord1" is "wachtwoord".
    let (half, rest) =
        core.split_at(core.char_indices().nth(core.chars().count() / 2).map_or(0, |(at, _)| at));
    let walked = WALKS.iter().any(|walk| walk.contains(&folded) || (core.len() >= 4 && walk.contains(&core)));
    let own = core.is_empty() && folded.chars().all(|c| c.is_ascii_digit())
        || (!name.is_empty() && core.replace(&name, "").chars().count() < 4);
    if different.len() < 5 || common(&core) || (half == rest && common(half)) || walked || own {
        return Err(AccountError::Guessable);
    }
    Ok(())
}

/// A password as it is kept.
///
/// # Errors
/// As [`check`], or the machine's fault.
pub fn hashed(name: &str, password: &str) -> Result<String, AccountError> {
    check(name, password)?;
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

/// Does the password fit? `None`, nobody's hash, costs the same and never fits.
pub fn fits(password: &str, hash: Option<&str>) -> bool {
    let known = hash.is_some();
    password.chars().count() <= PASSWORD_CHARS_MAX
        && hash.or(NOBODY.as_deref()).is_some_and(|hash| {
            PasswordHash::new(hash)
                .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
        })
        && known
}

/// A password for once: 100 random bits, in letters and digits that nobody mistakes for each other.
///
/// # Errors
/// The system has no random numbers.
pub fn for_once() -> Result<String, AccountError> {
    const SIGNS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789-";
    let mut bytes = [0_u8; 20];
    getrandom::fill(&mut bytes).map_err(AccountError::Random)?;
    let mut text = String::new();
    for (place, byte) in bytes.into_iter().enumerate() {
        if place > 0 && place % 5 == 0 {
            text.push(' ');
        }
        text.push(SIGNS.get(usize::from(byte & 31)).copied().map_or('x', char::from));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_not_among_the_commonest() {
        for good in [
            "een lang wachtwoord",
            "correct paard batterij",
            "postkamer-demo",
            "tram 9 rijdt weer niet",
            "ééééé-öö-çé-ñ",
        ] {
            assert!(check("noor", good).is_ok(), "{good}");
        }
        assert!(matches!(check("noor", "kort"), Err(AccountError::Password)));
        assert!(matches!(check("noor", &"ab12".repeat(51)), Err(AccountError::Password)));
        for bad in [
            "Wachtwoord2026!",
            "welkom012345",
            "123456789012",
            "aaaaaaaaaaaa",
            "abababababab",
            "qwertyuiop123",
            "Zomer2026!!!",
            "noor-noor-noor",
            "noor19871987",
            "wachtwoordwachtwoord1",
            "abcdefghijkl",
            "060606191919",
        ] {
            assert!(matches!(check("noor", bad), Err(AccountError::Guessable)), "{bad}");
        }
    }

    #[test]
    fn it_fits_or_it_does_not() {
        let hash = hashed("noor", "een lang wachtwoord").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(fits("een lang wachtwoord", Some(&hash)) && !fits("een lang Wachtwoord", Some(&hash)));
        assert!(!fits("nobody has this one", None));
        assert!(!fits("", Some("")));
    }

    #[test]
    fn one_for_once_does_by_the_same_rules() {
        let (one, other) = (for_once().unwrap(), for_once().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), 23);
        assert!(check("noor", &one).is_ok());
    }
}
