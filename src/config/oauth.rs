//! Signing in to a mail server without a password (OAuth 2.0, RFC 6749): where tokens come from.
//!
//! Invariant: a token travels over https only; plain http is taken for this very machine alone.

use super::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

/// One sign-in, `[oauth.NAME]`; mailbox and SMTP may share it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Oauth {
    /// The token endpoint (RFC 6749 §3.2).
    pub token_url: EndpointUrl,
    /// Where a device asks for a code (RFC 8628 §3.1): only for `bode oauth sign-in`.
    #[serde(default)]
    pub device_url: Option<EndpointUrl>,
    /// The application as the provider knows it.
    pub client_id: String,
    /// None for a public client, which has only its refresh token.
    #[serde(default)]
    pub client_secret: Option<Secret>,
    #[serde(default)]
    pub client_auth: ClientAuth,
    pub grant: Grant,
    /// As the provider names it; empty: what the client was registered with.
    #[serde(default)]
    pub scope: String,
    /// The first one. What the server gives in its place is kept in the store's directory.
    #[serde(default)]
    pub refresh_token: Option<Secret>,
    /// PEM file of a private certification authority, beside the public ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// By what right tokens are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Grant {
    /// The application's own (RFC 6749 §4.4).
    ClientCredentials,
    /// That of a person or shared mailbox that signed in once (RFC 6749 §6).
    RefreshToken,
}

/// How the client shows its secret (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClientAuth {
    /// In the form, as the pages of Microsoft and Google show it.
    #[default]
    Post,
    /// In the Authorization field.
    Basic,
}

/// `https://host[:port]/path`; `http://` for the loopback alone.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct EndpointUrl {
    pub https: bool,
    pub host: String,
    pub port: u16,
    /// With the query, if there is one.
    pub path: String,
}

impl JsonSchema for EndpointUrl {
    fn schema_name() -> Cow<'static, str> {
        "EndpointUrl".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "endpoint-url", "pattern": "^https?://[^@#]+$" })
    }
}

impl EndpointUrl {
    /// The whole address.
    pub fn to_url(&self) -> String {
        format!("{}://{}{}", if self.https { "https" } else { "http" }, self.authority(), self.path)
    }

    /// Host and port as they stand in the Host field (RFC 9110 §7.2).
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.https { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}

/// The server; the path may name a tenant, which a log need not have.
impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authority())
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for EndpointUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fault = |what: &str| format!("{text:?} {what}; write https://HOST/PATH");
        let (https, rest) = match text.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => return Err(fault("is no address of this kind")),
        };
        let visible = |c: char| c.is_ascii_graphic() && c != '#';
        let split = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(split);
        if authority.contains('@') || !rest.chars().all(visible) {
            return Err(fault("holds a user, a fragment or a character that does not belong there"));
        }
        let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let port = match port {
            None => Some(if https { 443 } else { 80 }),
            Some(port) => port.parse().ok().filter(|port| *port != 0),
        };
        let (Some(port), false) = (port, host.is_empty()) else {
            return Err(fault("has no host, or a port that is none"));
        };
        if !https && !["localhost", "127.0.0.1", "::1"].contains(&host) {
            return Err(fault("would send secrets in the clear: http:// is for localhost alone"));
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { https, host: host.to_owned(), port, path })
    }
}

impl Oauth {
    /// What the types cannot tell: key and fault.
    pub(super) fn fault(&self) -> Option<(&'static str, String)> {
        if self.client_id.is_empty() {
            return Some(("client_id", "is empty".to_owned()));
        }
        if self.grant == Grant::ClientCredentials {
            if self.client_secret.is_none() {
                return Some(("grant", "client-credentials needs client_secret".to_owned()));
            }
            if self.refresh_token.is_some() {
                return Some(("refresh_token", "goes with grant = \"refresh-token\" only".to_owned()));
            }
        }
        if self.client_auth == ClientAuth::Basic && self.client_secret.is_none() {
            return Some(("client_auth", "\"basic\" needs client_secret".to_owned()));
        }
        None
    }

    pub(super) fn rebase(&mut self, base: &Path) {
        self.ca_file.iter_mut().for_each(|path| *path = base.join(&*path));
        for secret in [&mut self.client_secret, &mut self.refresh_token].into_iter().flatten() {
            secret.rebase(base);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<EndpointUrl, String> {
        EndpointUrl::try_from(text.to_owned())
    }

    #[test]
    fn endpoints_are_https_but_for_this_machine() {
        let found = url("https://login.example.nl/tenant/oauth2/v2.0/token?x=1").unwrap();
        assert_eq!((found.port, found.path.as_str()), (443, "/tenant/oauth2/v2.0/token?x=1"));
        assert_eq!(found.to_string(), "login.example.nl");
        assert_eq!(url("https://[2001:db8::1]:8443").unwrap().authority(), "[2001:db8::1]:8443");
        assert_eq!(url("http://localhost:4000/token").unwrap().port, 4000);
        for wrong in [
            "http://login.example.nl/token",
            "http://localhost.example.nl/token",
            "ftp://x/",
            "https://",
            "https://user:geheim@host/",
            "https://host:99999/",
            "https://host/a b",
            "https://host/a\r\nX: y",
            "https://host/#f",
        ] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
    }
}
