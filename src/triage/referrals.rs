//! `referrals.toml`: where a complaint goes that does not belong here, with the words to print.

use super::rules::{RuleFault, fault_at, read_toml};
use crate::record::Referral;
use serde::Deserialize;
use toml::Spanned;

/// All places to refer to.
#[derive(Clone, Debug, Default)]
pub struct Referrals(Vec<Referral>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReferralsFile {
    #[serde(default)]
    #[allow(dead_code, reason = "a word for the reader of the file")]
    about: Option<String>,
    #[serde(default)]
    referral: Vec<RawReferral>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawReferral {
    id: Spanned<String>,
    name: String,
    #[serde(default)]
    contact: Vec<String>,
}

impl Referrals {
    /// Reads the file.
    pub fn read(file: &str, text: &str, faults: &mut Vec<RuleFault>) -> Self {
        let raw: ReferralsFile = match read_toml(file, text) {
            Ok(raw) => raw,
            Err(fault) => {
                faults.push(fault);
                return Self::default();
            }
        };
        let mut all: Vec<Referral> = Vec::with_capacity(raw.referral.len());
        for one in raw.referral {
            if all.iter().any(|known| known.id == *one.id.get_ref()) {
                faults.push(fault_at(
                    file,
                    text,
                    one.id.span().start,
                    format!("{} staat er twee keer in.", one.id.get_ref()),
                ));
            }
            all.push(Referral { id: one.id.into_inner(), name: one.name, contact: one.contact });
        }
        Self(all)
    }

    /// The place with this id.
    pub fn find(&self, id: &str) -> Option<Referral> {
        self.0.iter().find(|referral| referral.id == id).cloned()
    }

    /// All ids, for checks.
    pub fn ids(&self) -> Vec<String> {
        self.0.iter().map(|referral| referral.id.clone()).collect()
    }
}
