//! `[[webhooks]]`: programs that are told what happens to cases, such as a zaaksysteem.

use super::{EndpointUrl, Secret};
use crate::record::NewsKind;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// One program that is told.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// In logs and metrics, and of the file that remembers up to where it was told.
    pub name: String,
    /// `https://…`; `http://` for this machine alone.
    pub url: EndpointUrl,
    /// By which the receiver knows that it was us: 24 characters at least, or `whsec_` and base64 (Standard Webhooks).
    pub secret: Secret,
    /// What it is told; none named: everything.
    #[serde(default)]
    pub events: Vec<NewsKind>,
    /// PEM file of a private certification authority, beside the public ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

impl Webhook {
    /// What the types cannot tell: key and fault.
    pub(super) fn fault(&self) -> Option<(&'static str, String)> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let bad = !(1..=40).contains(&self.name.len()) || !self.name.chars().all(fits);
        bad.then(|| ("name", "has small letters, digits and hyphens, at most 40".to_owned()))
    }
}
