//! The token of one request, as the ZGW APIs want it: a JWT (RFC 7519) signed by HMAC-SHA256 with the secret that the zaaksysteem
//! gave. Invariant: made anew for each request, so that none is old when it arrives.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::hmac;
use serde_json::json;

/// Who asks. `user`: whom the zaaksysteem writes into its audit trail; our own name, for no person does this.
pub(super) fn token(client_id: &str, secret: &str, user: &str, now: Timestamp) -> String {
    let claims = json!({
        "iss": client_id,
        "iat": now.as_second(),
        "client_id": client_id,
        "user_id": "bode",
        "user_representation": user,
    });
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    let signed =
        format!("{}.{}", part(json!({ "typ": "JWT", "alg": "HS256" }).to_string()), part(claims.to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn three_parts_of_which_the_last_signs_the_others() {
        let now = "2026-03-12T09:00:00Z".parse().unwrap();
        let token = token("bode-den-haag", "geheim", "Ombudsman", now);
        let (signed, tag) = token.rsplit_once('.').unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"geheim");
        assert!(hmac::verify(&key, signed.as_bytes(), &URL_SAFE_NO_PAD.decode(tag).unwrap()).is_ok());
        let read =
            |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
        let (head, claims) = signed.split_once('.').unwrap();
        assert_eq!(read(head)["alg"], "HS256");
        let claims = read(claims);
        assert_eq!((&claims["client_id"], &claims["iat"]), (&"bode-den-haag".into(), &1_773_306_000.into()));
    }
}
