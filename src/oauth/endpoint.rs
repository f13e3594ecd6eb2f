//! The token endpoint (RFC 6749 §3.2): the form for each grant, and what its answer means.

use super::{OauthError, is_token};
use crate::clock;
use crate::config::{ClientAuth, EndpointUrl, Oauth};
use crate::http::{Ask, AskError, Reply, ask, encoded, retry_after};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::AUTHORIZATION;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;
use tokio_rustls::TlsConnector;

/// Characters of an error code that are told: the codes of the standards are shorter.
const CODE_CHARS_MAX: usize = 60;

/// A token and what goes with it. No `Debug`.
pub(super) struct Granted {
    pub token: String,
    /// `expires_in`.
    pub life: Option<Duration>,
    pub refresh_token: Option<String>,
}

/// RFC 6749 §5.1.
#[derive(Deserialize)]
struct Success {
    access_token: String,
    #[serde(default)]
    token_type: Option<String>,
    /// A number; some servers write it as a string.
    #[serde(default)]
    expires_in: Option<Value>,
    #[serde(default)]
    refresh_token: Option<String>,
}

/// Where one sign-in asks.
#[derive(Clone, Copy)]
pub(super) struct Endpoint<'a> {
    pub name: &'a str,
    pub oauth: &'a Oauth,
    pub tls: &'a TlsConnector,
}

impl Endpoint<'_> {
    /// RFC 6749 §4.4.
    pub(super) async fn by_client_credentials(self) -> Result<Granted, OauthError> {
        self.granted(&[("grant_type", "client_credentials"), ("scope", &self.oauth.scope)]).await
    }

    /// RFC 6749 §6.
    pub(super) async fn by_refresh_token(self, refresh_token: &str) -> Result<Granted, OauthError> {
        let fields =
            [("grant_type", "refresh_token"), ("refresh_token", refresh_token), ("scope", &self.oauth.scope)];
        self.granted(&fields).await
    }

    /// Asks the token endpoint.
    pub(super) async fn granted(self, fields: &[(&str, &str)]) -> Result<Granted, OauthError> {
        let reply = self.post(&self.oauth.token_url, fields).await?;
        let name = || self.name.to_owned();
        let answer = |what| OauthError::Answer { name: name(), what };
        let success: Success =
            serde_json::from_slice(&reply.body).map_err(|_| answer("an answer without an access token"))?;
        if success.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(answer("a token of another kind than bearer"));
        }
        if !is_token(&success.access_token)
            || success.refresh_token.as_deref().is_some_and(|one| !is_token(one))
        {
            return Err(answer("a token that is none, or is too long"));
        }
        let seconds = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let life = success.expires_in.as_ref().and_then(seconds).map(Duration::from_secs);
        Ok(Granted { token: success.access_token, life, refresh_token: success.refresh_token })
    }

    /// Posts a form with the client's own proof; an answer that is none of success is an error.
    pub(super) async fn post(self, url: &EndpointUrl, fields: &[(&str, &str)]) -> Result<Reply, OauthError> {
        let name = || self.name.to_owned();
        let oauth = self.oauth;
        let secret = oauth.client_secret.as_ref().map(|secret| secret.read()).transpose();
        let secret = secret.map_err(|source| OauthError::Secret { name: name(), source })?;
        let mut pairs: Vec<(&str, &str)> =
            fields.iter().copied().filter(|(_, value)| !value.is_empty()).collect();
        let mut basic = None;
        match (oauth.client_auth, &secret) {
            (ClientAuth::Basic, Some(secret)) => {
                // Both are form-encoded first (RFC 6749 §2.3.1).
                let pair = format!("{}:{}", encoded(&oauth.client_id), encoded(secret));
                basic = Some(format!("Basic {}", STANDARD.encode(pair)));
            }
            (_, secret) => {
                pairs.push(("client_id", &oauth.client_id));
                pairs.extend(secret.as_ref().map(|secret| ("client_secret", secret.as_str())));
            }
        }
        let mut request = Ask::form(&pairs);
        if let Some(basic) = basic {
            request = request.with(AUTHORIZATION, basic);
        }
        let section = format!("[oauth.{}]", self.name);
        match ask(url, self.tls, &section, request).await {
            Ok(reply) if reply.status == 200 => Ok(reply),
            Ok(reply) => Err(refusal(self.name, &reply)),
            Err(AskError::Tls(source)) => Err(OauthError::Tls { name: name(), source }),
            Err(AskError::Lost(source)) => {
                Err(OauthError::NotReachable { name: name(), server: url.to_string(), source })
            }
            Err(AskError::TooLarge) => {
                Err(OauthError::Answer { name: name(), what: "an answer that is too large" })
            }
        }
    }
}

/// What an answer other than 200 means.
fn refusal(name: &str, reply: &Reply) -> OauthError {
    let name = name.to_owned();
    let status = reply.status;
    let wait = retry_after(&reply.fields, clock::now());
    if status == 429 || status >= 500 {
        return OauthError::Busy { name, status, wait };
    }
    if (300..400).contains(&status) {
        return OauthError::Answer { name, what: "a redirect, which is not followed" };
    }
    match code(&reply.body) {
        Some(code) if ["temporarily_unavailable", "server_error"].contains(&code.as_str()) => {
            OauthError::Busy { name, status, wait }
        }
        Some(code) => OauthError::Refused { name, code },
        None => OauthError::Status { name, status },
    }
}

/// The error code, with Microsoft's number (`AADSTS7000222`: the client secret has expired) where it stands in the
/// description.
fn code(body: &[u8]) -> Option<String> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || ['_', '-', '.'].contains(&c);
    let code = json.get("error")?.as_str()?;
    if code.is_empty() || code.len() > CODE_CHARS_MAX || !code.chars().all(fits) {
        return None;
    }
    let description = json.get("error_description").and_then(Value::as_str).unwrap_or_default();
    let number = description.split_once("AADSTS").map(|(_, rest)| {
        let digits = rest.chars().take_while(char::is_ascii_digit).take(12).collect::<String>();
        format!(" AADSTS{digits}")
    });
    Some(format!("{code}{}", number.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderMap;

    fn told(status: u16, body: &str) -> OauthError {
        refusal("m365", &Reply { status, fields: HeaderMap::new(), body: body.into() })
    }

    #[test]
    fn what_the_admin_is_told() {
        let grant =
            told(400, r#"{"error":"invalid_grant","error_description":"token of jansen@example.nl"}"#);
        assert!(grant.to_string().contains("bode oauth sign-in m365"), "{grant}");
        assert!(!grant.to_string().contains("jansen") && !grant.is_passing());
        let secret =
            r#"{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret"}"#;
        let client = told(401, secret).to_string();
        assert!(
            client.contains("invalid_client AADSTS7000222") && client.contains("has expired"),
            "{client}"
        );
        assert!(matches!(told(503, ""), OauthError::Busy { status: 503, .. }));
        assert!(matches!(told(302, ""), OauthError::Answer { .. }));
        assert!(matches!(told(404, "<html>"), OauthError::Status { status: 404, .. }));
        assert!(matches!(told(400, r#"{"error":"a b\r\n"}"#), OauthError::Status { .. }));
        assert!(told(400, r#"{"error":"server_error"}"#).is_passing());
    }
}
