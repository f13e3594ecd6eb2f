//! `referrals.toml`: where a complaint goes that does not belong here, with the words to print.

use super::rules::{RuleFault, fault_at, read_toml};
use crate::record::Referral;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;
use toml::Spanned;

/// All places to refer to.
#[derive(Clone, Debug, Default)]
pub struct Referrals {
    all: Vec<Referral>,
    /// Those to which a verzoekschrift itself is sent on (Awb 9:18), by id.
    sent_on: BTreeSet<String>,
}

/// What the file may hold, as JSON Schema.
pub(super) fn schema() -> serde_json::Value {
    crate::record::schema_of::<ReferralsFile>("referrals.toml")
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReferralsFile {
    #[serde(default)]
    #[allow(dead_code, reason = "a word for the reader of the file")]
    about: Option<String>,
    #[serde(default)]
    referral: Vec<RawReferral>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawReferral {
    #[schemars(with = "String")]
    id: Spanned<String>,
    name: String,
    #[serde(default)]
    contact: Vec<String>,
    doorzending: Option<bool>,
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
        let mut sent_on = BTreeSet::new();
        for one in raw.referral {
            if all.iter().any(|known| known.id == *one.id.get_ref()) {
                faults.push(fault_at(
                    file,
                    text,
                    one.id.span().start,
                    format!("{} staat er twee keer in.", one.id.get_ref()),
                ));
            }
            // Files of before the key: between ombudsmen it is sent on.
            if one.doorzending.unwrap_or_else(|| one.name.to_lowercase().contains("ombud")) {
                sent_on.insert(one.id.get_ref().clone());
            }
            all.push(Referral { id: one.id.into_inner(), name: one.name, contact: one.contact });
        }
        Self { all, sent_on }
    }

    /// The place with this id.
    pub fn find(&self, id: &str) -> Option<Referral> {
        self.all.iter().find(|referral| referral.id == id).cloned()
    }

    /// The places to which a verzoekschrift itself is sent on, by id.
    pub fn sent_on(&self) -> &BTreeSet<String> {
        &self.sent_on
    }

    /// All ids, for checks.
    pub fn ids(&self) -> Vec<String> {
        self.all.iter().map(|referral| referral.id.clone()).collect()
    }
}
