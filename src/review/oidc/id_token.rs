//! An ID token (OpenID Connect Core 1.0 §2, §3.1.3.7; RFC 7519, RFC 7515): signature and claims, checked. Pure.
//!
//! Invariants: the algorithm is one of ours (RS256, ES256) and that of the key, whatever the token says of itself (`none` and
//! HS256 are no algorithms here; RFC 8725 §3.1); a key that is for something else than signing is none; a claim that is missing
//! is a fault. What a fault tells names the check, never a value of the token.

use crate::limits::{ID_TOKEN_BYTES_MAX, OIDC_SKEW_MAX, SIGN_IN_TIME_MAX};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A key of the sign-in server (RFC 7517), as far as we use it.
#[derive(Clone, Debug, Deserialize)]
pub struct Key {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default, rename = "use")]
    for_use: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
}

/// What the token must say.
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    pub now: Timestamp,
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    #[error("it is no signed token of three parts")]
    Form,
    #[error("its algorithm is neither RS256 nor ES256")]
    Algorithm,
    /// The keys may have been changed meanwhile: they are to be asked for again.
    #[error("no key of the sign-in server is the one it names")]
    UnknownKey,
    #[error("its signature does not hold")]
    Signature,
    #[error("it is of another issuer")]
    Issuer,
    #[error("it is for another client")]
    Audience,
    #[error("it is over, or not of this time")]
    Time,
    #[error("it is not the answer to what this browser asked")]
    Nonce,
    #[error("it names nobody")]
    Subject,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    /// Extensions that must be understood: we understand none (RFC 7515 §4.1.11).
    #[serde(default)]
    crit: Option<Value>,
}

/// The claims of a token that holds.
///
/// # Errors
/// The first check that fails.
pub fn verify(token: &str, keys: &[Key], expected: &Expected<'_>) -> Result<Map<String, Value>, TokenFault> {
    if token.len() > ID_TOKEN_BYTES_MAX {
        return Err(TokenFault::Form);
    }
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(TokenFault::Form);
    };
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenFault::Form);
    let head: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| TokenFault::Form)?;
    if head.crit.is_some() {
        return Err(TokenFault::Form);
    }
    let key = key_of(&head, keys)?;
    let signed = token.get(..header.len() + 1 + payload.len()).ok_or(TokenFault::Form)?;
    holds(key, signed.as_bytes(), &decoded(signature)?)?;
    let claims: Map<String, Value> =
        serde_json::from_slice(&decoded(payload)?).map_err(|_| TokenFault::Form)?;
    check(&claims, expected)?;
    Ok(claims)
}

/// The key that a token names; without a name, the only one of its kind.
fn key_of<'a>(head: &Header, keys: &'a [Key]) -> Result<&'a Key, TokenFault> {
    let kind = match head.alg.as_str() {
        "RS256" => "RSA",
        "ES256" => "EC",
        _ => return Err(TokenFault::Algorithm),
    };
    let fits = |key: &&Key| {
        key.kty == kind
            && key.for_use.as_deref().is_none_or(|use_| use_ == "sig")
            && key.alg.as_ref().is_none_or(|alg| *alg == head.alg)
            && head.kid.as_ref().is_none_or(|kid| key.kid.as_ref() == Some(kid))
    };
    let mut found = keys.iter().filter(fits);
    match (found.next(), found.next()) {
        (Some(key), None) => Ok(key),
        _ => Err(TokenFault::UnknownKey),
    }
}

fn holds(key: &Key, signed: &[u8], signature: &[u8]) -> Result<(), TokenFault> {
    let part = |part: &Option<String>| {
        let part = part.as_ref().ok_or(TokenFault::Signature)?;
        URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenFault::Signature)
    };
    let held = if key.kty == "RSA" {
        RsaPublicKeyComponents { n: part(&key.n)?, e: part(&key.e)? }.verify(
            &RSA_PKCS1_2048_8192_SHA256,
            signed,
            signature,
        )
    } else {
        if key.crv.as_deref() != Some("P-256") {
            return Err(TokenFault::Signature);
        }
        // An uncompressed point (SEC 1 §2.3.3).
        let point = [&[4_u8][..], &part(&key.x)?, &part(&key.y)?].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature)
    };
    held.map_err(|_| TokenFault::Signature)
}

fn check(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), TokenFault> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(TokenFault::Issuer);
    }
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let authorised = match claims.get("azp") {
        Some(party) => party.as_str() == Some(expected.client_id),
        None => audiences.len() == 1,
    };
    if !audiences.contains(&expected.client_id) || !authorised {
        return Err(TokenFault::Audience);
    }
    // NumericDate may have a fraction (RFC 7519 §2).
    let second = |name: &str| claims.get(name).and_then(|at| at.as_i64().or_else(|| whole(at.as_f64()?)));
    let now = expected.now.as_second();
    let skew = OIDC_SKEW_MAX.as_secs().cast_signed();
    let (Some(ends), Some(issued)) = (second("exp"), second("iat")) else { return Err(TokenFault::Time) };
    let oldest = now.saturating_sub(skew).saturating_sub(SIGN_IN_TIME_MAX.as_secs().cast_signed());
    let starts = match claims.get("nbf") {
        None => issued,
        Some(_) => second("nbf").ok_or(TokenFault::Time)?,
    };
    let latest = now.saturating_add(skew);
    if ends <= now.saturating_sub(skew) || issued > latest || starts > latest || issued < oldest {
        return Err(TokenFault::Time);
    }
    if text("nonce") != Some(expected.nonce) {
        return Err(TokenFault::Nonce);
    }
    // OpenID Connect Core §2: at most 255 ASCII characters.
    if text("sub").is_none_or(|sub| sub.is_empty() || sub.len() > 255) {
        return Err(TokenFault::Subject);
    }
    Ok(())
}

#[allow(clippy::cast_possible_truncation, reason = "its range is held just before")]
fn whole(number: f64) -> Option<i64> {
    (0.0..1e15).contains(&number).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::json;

    struct Server {
        pair: EcdsaKeyPair,
    }

    impl Server {
        fn new() -> Self {
            let random = SystemRandom::new();
            let bytes = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes.as_ref(), &random);
            Self { pair: pair.unwrap() }
        }

        fn key(&self, more: &Value) -> Key {
            let point = self.pair.public_key().as_ref();
            let mut key = json!({"kty": "EC", "crv": "P-256", "kid": "een",
                "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..])});
            for (name, value) in more.as_object().unwrap() {
                key[name] = value.clone();
            }
            serde_json::from_value(key).unwrap()
        }

        fn sign(&self, header: &Value, claims: &Value) -> String {
            let signed = format!(
                "{}.{}",
                URL_SAFE_NO_PAD.encode(header.to_string()),
                URL_SAFE_NO_PAD.encode(claims.to_string())
            );
            let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
        }
    }

    fn expected() -> Expected<'static> {
        Expected {
            issuer: "https://login.example.nl",
            client_id: "bode",
            nonce: "n-1",
            now: Timestamp::from_second(1_780_000_000).unwrap(),
        }
    }

    fn claims() -> Value {
        json!({"iss": "https://login.example.nl", "aud": "bode", "sub": "123", "nonce": "n-1",
               "iat": 1_779_999_990, "exp": 1_780_000_300})
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = claims();
        claims[name] = value;
        claims
    }

    fn outcome(claims: &Value) -> Result<(), TokenFault> {
        let server = Server::new();
        let token = server.sign(&json!({"alg": "ES256", "kid": "een"}), claims);
        verify(&token, &[server.key(&json!({}))], &expected()).map(|_| ())
    }

    #[test]
    fn claims_are_held_to_what_was_asked() {
        assert_eq!(outcome(&claims()), Ok(()));
        assert_eq!(outcome(&with("aud", json!(["bode"]))), Ok(()));
        assert_eq!(outcome(&with("iat", json!(1_780_000_059))), Ok(()), "a clock that is a minute off");
        for (name, value, fault) in [
            ("iss", json!("https://login.example.nl/"), TokenFault::Issuer),
            ("iss", Value::Null, TokenFault::Issuer),
            ("aud", json!("ander"), TokenFault::Audience),
            ("aud", json!(["bode", "ander"]), TokenFault::Audience),
            ("azp", json!("ander"), TokenFault::Audience),
            ("exp", json!(1_779_999_940), TokenFault::Time),
            ("exp", Value::Null, TokenFault::Time),
            ("iat", json!(1_780_000_061), TokenFault::Time),
            ("iat", json!(1_779_990_000), TokenFault::Time),
            ("nbf", json!(1_780_000_100), TokenFault::Time),
            ("nbf", json!("straks"), TokenFault::Time),
            ("nonce", json!("n-2"), TokenFault::Nonce),
            ("nonce", Value::Null, TokenFault::Nonce),
            ("sub", json!(""), TokenFault::Subject),
        ] {
            assert_eq!(outcome(&with(name, value.clone())), Err(fault), "{name}: {value}");
        }
    }

    #[test]
    fn the_signature_is_that_of_a_key_and_an_algorithm_of_ours() {
        let (server, other) = (Server::new(), Server::new());
        let keys = [server.key(&json!({}))];
        let told = |header: Value, keys: &[Key]| {
            verify(&server.sign(&header, &claims()), keys, &expected()).map(|_| ()).unwrap_err()
        };
        let es256 = || json!({"alg": "ES256", "kid": "een"});
        for alg in ["none", "None", "HS256", "RS512", "ES384", ""] {
            assert_eq!(told(json!({"alg": alg, "kid": "een"}), &keys), TokenFault::Algorithm, "{alg}");
        }
        assert_eq!(
            told(json!({"alg": "RS256", "kid": "een"}), &keys),
            TokenFault::UnknownKey,
            "a key of its kind"
        );
        assert_eq!(told(json!({"alg": "ES256", "kid": "twee"}), &keys), TokenFault::UnknownKey);
        assert_eq!(told(es256(), &[server.key(&json!({"use": "enc"}))]), TokenFault::UnknownKey);
        assert_eq!(told(es256(), &[server.key(&json!({"crv": "P-384"}))]), TokenFault::Signature);
        assert_eq!(told(es256(), &[other.key(&json!({}))]), TokenFault::Signature);
        let two = [server.key(&json!({"kid": "a"})), other.key(&json!({"kid": "b"}))];
        assert_eq!(told(json!({"alg": "ES256"}), &two), TokenFault::UnknownKey, "which of both?");
        assert_eq!(told(json!({"alg": "ES256", "kid": "een", "crit": ["x"]}), &keys), TokenFault::Form);

        let good = server.sign(&es256(), &claims());
        assert!(verify(&good, &keys, &expected()).is_ok());
        let parts: Vec<&str> = good.split('.').collect();
        let admin = URL_SAFE_NO_PAD.encode(with("sub", json!("baas")).to_string());
        for (token, fault) in [
            (format!("{}.{admin}.{}", parts[0], parts[2]), TokenFault::Signature),
            (format!("{}.{}.", parts[0], parts[1]), TokenFault::Signature),
            (format!("{}.{}", parts[0], parts[1]), TokenFault::Form),
            (format!("{good}.x"), TokenFault::Form),
            (String::new(), TokenFault::Form),
            ("a".repeat(ID_TOKEN_BYTES_MAX + 1), TokenFault::Form),
        ] {
            assert_eq!(verify(&token, &keys, &expected()).unwrap_err(), fault);
        }
    }
}
