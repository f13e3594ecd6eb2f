//! The envelope sender of an answer (VERP): the office's return path with a token for the case, so that a bounce finds
//! its case by the address it comes to (RFC 3464 §4.1: bounces can be forged, so a bounce counts by our own token).
//!
//! ```text
//! antwoord+2026-000042-6-k3v7qzt2mfa5xw4c@ombudsman.example.nl
//! ```
//! Invariants: the token follows from the store's key and the case alone, so that a resend after a crash has the same
//! envelope; without the key nobody can make one (HMAC-SHA-256, RFC 2104, cut to 80 bits). Local parts are lower case:
//! some servers change the case on the way.

use super::CaseNumber;
use sha2::{Digest, Sha256};
use std::fmt;

/// Octets of a local part (RFC 5321 §4.5.3.1.1).
const LOCAL_OCTETS_MAX: usize = 64;
/// Octets of separator and token, for case numbers up to eight digits a year.
const TOKEN_OCTETS_MAX: usize = 1 + 15 + 1 + SEAL_CHARS;
/// Characters of the part that only the key can make: five bits each.
const SEAL_CHARS: usize = 16;
/// RFC 4648 §6, in lower case.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Separates these tokens from whatever else this key may ever seal.
const PURPOSE: &[u8] = b"bode return path 1\0";
/// Block of SHA-256, in octets.
const BLOCK: usize = 64;

/// The store's secret by which tokens are made and read.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvelopeKey([u8; Self::OCTETS]);

impl EnvelopeKey {
    pub const OCTETS: usize = 32;

    pub fn new(octets: [u8; Self::OCTETS]) -> Self {
        Self(octets)
    }

    /// A name for the store that has this key, which says nothing about the key.
    pub fn store_name(&self) -> String {
        self.sealed(b"bode store name\0")
    }

    fn seal(&self, case: CaseNumber) -> String {
        self.sealed(&[PURPOSE, case.to_string().as_bytes()].concat())
    }

    fn sealed(&self, words: &[u8]) -> String {
        let digest = hmac_sha256(&self.0, words);
        let mut bits = 0_u32;
        let mut held = 0;
        let mut seal = String::with_capacity(SEAL_CHARS);
        for byte in digest {
            bits = (bits << 8) | u32::from(byte);
            held += 8;
            while held >= 5 && seal.len() < SEAL_CHARS {
                held -= 5;
                seal.push(char::from(BASE32[((bits >> held) & 31) as usize]));
            }
        }
        seal
    }
}

/// The key is a secret: no log shows it.
impl fmt::Debug for EnvelopeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnvelopeKey(…)")
    }
}

/// The address that bounces come to, without or with a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnPath {
    local: String,
    domain: String,
    /// Between local part and token, as the mail server is set up; `None`: no tokens.
    separator: Option<char>,
}

impl ReturnPath {
    /// `None` when the address is no address, or its local part leaves no room for a token.
    pub fn new(address: &str, separator: Option<char>) -> Option<Self> {
        let (local, domain) = address.trim().rsplit_once('@')?;
        let room = LOCAL_OCTETS_MAX - separator.map_or(0, |_| TOKEN_OCTETS_MAX);
        let fits = !local.is_empty() && !domain.is_empty() && local.len() <= room;
        fits.then(|| Self { local: local.to_owned(), domain: domain.to_owned(), separator })
    }

    /// The address without a token.
    pub fn bare(&self) -> String {
        format!("{}@{}", self.local, self.domain)
    }

    /// MAIL FROM of the answer of a case.
    pub fn for_case(&self, key: &EnvelopeKey, case: CaseNumber) -> String {
        match self.separator {
            Some(separator) => {
                format!("{}{separator}{case}-{}@{}", self.local, key.seal(case), self.domain)
            }
            None => self.bare(),
        }
    }

    /// The case whose answer was sent from this address; `None` when the token is not one of ours.
    pub fn case_of(&self, key: &EnvelopeKey, address: &str) -> Option<CaseNumber> {
        let token = self.token(address)?;
        let (case, seal) = token.rsplit_once('-')?;
        let case: CaseNumber = case.parse().ok()?;
        let ours = key.seal(case);
        // In constant time, so that a seal cannot be found letter by letter.
        let differing = ours.bytes().zip(seal.bytes()).fold(0, |differing, (a, b)| differing | (a ^ b));
        (ours.len() == seal.len() && differing == 0).then_some(case)
    }

    /// Is this the return path, bare or with whatever token? For the gate: such an address is never answered.
    pub fn is_ours(&self, address: &str) -> bool {
        address.trim().eq_ignore_ascii_case(&self.bare()) || self.token(address).is_some()
    }

    /// What stands between separator and `@`, in lower case.
    fn token(&self, address: &str) -> Option<String> {
        let (local, domain) = address.trim().rsplit_once('@')?;
        let start = format!("{}{}", self.local, self.separator?).to_lowercase();
        let token = local.to_lowercase().strip_prefix(&start)?.to_owned();
        domain.eq_ignore_ascii_case(&self.domain).then_some(token)
    }
}

/// RFC 2104, for keys not longer than a block.
fn hmac_sha256(key: &[u8; EnvelopeKey::OCTETS], message: &[u8]) -> [u8; 32] {
    let padded = |pad: u8| {
        let mut block = [pad; BLOCK];
        block.iter_mut().zip(key).for_each(|(octet, key)| *octet ^= key);
        block
    };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(octet: u8) -> EnvelopeKey {
        EnvelopeKey::new([octet; EnvelopeKey::OCTETS])
    }

    #[test]
    fn the_seal_is_hmac_sha256() {
        // RFC 4231, test case 1, with its key of twenty octets padded with zeros, as HMAC does itself.
        let mut octets = [0; EnvelopeKey::OCTETS];
        octets[..20].fill(0x0b);
        let digest = hmac_sha256(&octets, b"Hi There");
        assert_eq!(digest[..8], [0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53]);
        assert_eq!(digest[30..], [0xcf, 0xf7]);
    }

    #[test]
    fn an_answer_comes_back_to_its_case() {
        let path = ReturnPath::new("antwoord@ombudsman.example.nl", Some('+')).unwrap();
        let case = CaseNumber::new(2026, 42);
        let address = path.for_case(&key(1), case);
        assert_eq!(address, path.for_case(&key(1), case), "a resend has the same envelope");
        assert!(address.starts_with("antwoord+2026-000042-") && address.ends_with("@ombudsman.example.nl"));
        assert_eq!(path.case_of(&key(1), &address), Some(case));
        assert_eq!(path.case_of(&key(1), &address.to_uppercase()), Some(case));
        assert!(path.is_ours(&address) && path.is_ours("Antwoord@Ombudsman.example.nl"));
        // Room for the largest numbers.
        let largest = path.for_case(&key(1), CaseNumber::new(9999, 99_999_999));
        assert_eq!(largest.find('@').unwrap() - "antwoord".len(), TOKEN_OCTETS_MAX);
    }

    #[test]
    fn nobody_else_makes_a_token() {
        let path = ReturnPath::new("antwoord@example.nl", Some('+')).unwrap();
        let address = path.for_case(&key(1), CaseNumber::new(2026, 42));
        assert_eq!(path.case_of(&key(2), &address), None, "another store's");
        let other = address.replace("2026-000042-6", &CaseNumber::new(2026, 43).to_string());
        assert_ne!(other, address);
        for forged in [
            &other,
            &address.replace("example.nl", "example.org"),
            &address.replacen("antwoord", "ander", 1),
            &address.replacen('@', "a@", 1),
            "antwoord+2026-000042-6-@example.nl",
            "antwoord+2026-000042-6@example.nl",
            "antwoord+@example.nl",
            "antwoord@example.nl",
            "@",
            "",
        ] {
            assert_eq!(path.case_of(&key(1), forged), None, "{forged}");
        }
        assert!(!path.is_ours("ander@example.nl"));
    }

    #[test]
    fn without_a_separator_there_is_no_token() {
        let path = ReturnPath::new("antwoord@example.nl", None).unwrap();
        assert_eq!(path.for_case(&key(1), CaseNumber::new(2026, 42)), "antwoord@example.nl");
        assert_eq!(path.case_of(&key(1), "antwoord@example.nl"), None);
        assert!(!path.is_ours("antwoord+x@example.nl"));
        assert_eq!(ReturnPath::new(&format!("{}@example.nl", "a".repeat(40)), Some('+')), None);
        assert_eq!(ReturnPath::new("antwoord", Some('+')), None);
    }
}
