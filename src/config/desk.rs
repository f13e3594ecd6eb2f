//! `[desk]`: where the review desk is, how long a session lasts, and who vouches for people beside our own accounts.

use super::{ClientAuth, EndpointUrl, Secret};
use crate::limits::{API_PER_MINUTE, SESSION_HOURS, SESSION_IDLE_MINUTES, UNDO_MINUTES_MAX};
use crate::record::Role;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// The review desk.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Desk {
    /// Address and port.
    #[schemars(extend("format" = "socket-address"))]
    pub listen: Option<SocketAddr>,
    /// Set behind a TLS proxy: the session cookie is then `Secure`.
    pub https: bool,
    /// The address by which people know the desk, such as `https://bode.example.nl`. A sign-in server sends them back there.
    pub url: Option<EndpointUrl>,
    /// `GET /metrics` without a login.
    pub metrics_open: bool,
    /// Months that it is kept who looked at which case; 0: always.
    pub looks_months: u32,
    /// Minutes in which a decision can be taken back; what it sends the citizen waits as long. 0: never.
    pub undo_minutes: u32,
    /// Minutes after which a session that is not used ends.
    pub idle_minutes: u32,
    /// Hours after which every session ends.
    pub session_hours: u32,
    /// Addresses of proxies before the desk: what they say of where a request comes from is believed.
    pub proxies: Vec<IpAddr>,
    /// Requests of the API that each program may make in a minute.
    pub api_per_minute: u32,
    /// The sign-in server of the organisation (OpenID Connect).
    pub oidc: Option<Oidc>,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 8080))),
            https: false,
            url: None,
            metrics_open: false,
            looks_months: 24,
            undo_minutes: 10,
            idle_minutes: SESSION_IDLE_MINUTES,
            session_hours: SESSION_HOURS,
            proxies: Vec::new(),
            api_per_minute: API_PER_MINUTE,
            oidc: None,
        }
    }
}

/// A sign-in server that vouches for people (OpenID Connect Core 1.0), `[desk.oidc]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// As the server names itself, to the letter: `https://login.microsoftonline.com/TENANT/v2.0`.
    pub issuer: String,
    /// Of the client, as it was registered there.
    pub client_id: String,
    /// None for a public client.
    #[serde(default)]
    pub client_secret: Option<Secret>,
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// What is asked for, with `openid` in it.
    #[serde(default = "scope")]
    pub scope: String,
    /// The claim that becomes the name of the account: what stands before an @, in small letters.
    #[serde(default = "name_claim")]
    pub name_claim: String,
    /// The claim that tells roles or groups; a dot goes inward: `realm_access.roles`.
    pub role_claim: String,
    /// What that claim says → the role here. Whoever has none of them does not come in.
    pub roles: BTreeMap<String, Role>,
    /// On the button of the login page.
    #[serde(default = "label")]
    pub label: String,
    /// False: people log in there and nowhere else; our own accounts' passwords open nothing.
    #[serde(default = "yes")]
    pub local_login: bool,
    /// PEM file of a private certification authority, beside the public ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

fn scope() -> String {
    "openid profile".to_owned()
}
fn name_claim() -> String {
    "preferred_username".to_owned()
}
fn label() -> String {
    "Inloggen met uw werkaccount".to_owned()
}
fn yes() -> bool {
    true
}

impl Desk {
    /// What the types cannot tell: key and fault.
    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        for (key, value, most) in [
            ("desk.idle_minutes", self.idle_minutes, 24 * 60),
            ("desk.session_hours", self.session_hours, 24),
            ("desk.api_per_minute", self.api_per_minute, 1_000_000),
        ] {
            if !(1..=most).contains(&value) {
                faults.push((key, format!("{value} is not between 1 and {most}")));
            }
        }
        if self.undo_minutes > UNDO_MINUTES_MAX {
            faults.push((
                "desk.undo_minutes",
                format!("{} is not between 0 and {UNDO_MINUTES_MAX}", self.undo_minutes),
            ));
        }
        if self.url.as_ref().is_some_and(|url| url.path != "/") {
            faults.push(("desk.url", "is the address without a path: https://HOST".to_owned()));
        }
        let Some(oidc) = &self.oidc else { return faults };
        if self.url.is_none() {
            faults.push(("desk.oidc", "needs url under [desk]: people come back there".to_owned()));
        }
        if let Err(fault) = EndpointUrl::try_from(oidc.issuer.clone()) {
            faults.push(("desk.oidc.issuer", fault));
        }
        if oidc.client_id.is_empty() {
            faults.push(("desk.oidc.client_id", "is empty".to_owned()));
        }
        if !oidc.scope.split(' ').any(|scope| scope == "openid") {
            faults.push(("desk.oidc.scope", "must have openid in it".to_owned()));
        }
        if oidc.roles.is_empty() {
            faults.push(("desk.oidc.roles", "is empty: nobody would come in".to_owned()));
        }
        if oidc.client_auth == ClientAuth::Basic && oidc.client_secret.is_none() {
            faults.push(("desk.oidc.client_auth", "\"basic\" needs client_secret".to_owned()));
        }
        faults
    }

    pub(super) fn rebase(&mut self, base: &Path) {
        if let Some(oidc) = &mut self.oidc {
            oidc.ca_file.iter_mut().for_each(|path| *path = base.join(&*path));
            oidc.client_secret.iter_mut().for_each(|secret| secret.rebase(base));
        }
    }
}
