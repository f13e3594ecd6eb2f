//! `[zaaksysteem]`: where decided cases are handed over, by the ZGW APIs of the Dutch municipalities.

use super::{EndpointUrl, Secret};
use crate::record::{Verdict, passes_elfproef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A zaaksysteem with its three APIs, and what a case becomes there.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Zaaksysteem {
    /// Root of the Zaken API: `https://HOST/zaken/api/v1`.
    pub zaken: EndpointUrl,
    /// Root of the Documenten API.
    pub documenten: EndpointUrl,
    /// Root of the Catalogi API.
    pub catalogi: EndpointUrl,
    /// By which name the zaaksysteem knows this office's bode.
    pub client_id: String,
    /// The secret that goes with it: it signs the tokens (JWT, HS256).
    pub secret: Secret,
    /// PEM file of a private certification authority, beside the public ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// RSIN of the organisation that the zaken are of, nine digits.
    pub rsin: String,
    /// Identificatie of the zaaktype, of which the published version of the day is used; or the URL of one version.
    pub zaaktype: String,
    /// URL of the catalogue, where several have a zaaktype of this name.
    #[serde(default)]
    pub catalogus: Option<EndpointUrl>,
    /// Omschrijving of the informatieobjecttype of the documents, or its URL.
    pub informatieobjecttype: String,
    /// Of zaak and documents.
    #[serde(default)]
    pub vertrouwelijkheid: Vertrouwelijkheid,
    /// Omschrijving of the roltype under which the writer is named there; without it nobody is.
    #[serde(default)]
    pub rol: Option<String>,
    /// What a case becomes there by what staff decided. A decision that is not named is not handed over.
    pub decisions: HandedDecisions,
}

/// How confidential (ZGW, vertrouwelijkheidaanduiding).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Vertrouwelijkheid {
    Openbaar,
    BeperktOpenbaar,
    Intern,
    #[default]
    Zaakvertrouwelijk,
    Vertrouwelijk,
    Confidentieel,
    Geheim,
    ZeerGeheim,
}

/// A key for each decision.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct HandedDecisions {
    /// Taken up.
    pub take_up: Option<HandedAs>,
    /// Settled, after it was taken up: the same zaak gets this result and status.
    pub settle: Option<HandedAs>,
    /// Referred.
    pub refer: Option<HandedAs>,
    /// More was asked of the citizen.
    pub ask_for_more: Option<HandedAs>,
    /// Kept as a signal.
    pub signal: Option<HandedAs>,
    /// No complaint.
    pub not_a_complaint: Option<HandedAs>,
}

/// What is set at the zaak.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HandedAs {
    /// Omschrijving of the statustype. The last one of a zaaktype closes the zaak, and wants a result.
    pub status: String,
    /// Omschrijving of the resultaattype; none: no result is set.
    #[serde(default)]
    pub result: Option<String>,
}

impl HandedDecisions {
    /// What a case with this decision becomes; `None`: it is not handed over.
    pub fn of(&self, verdict: Verdict) -> Option<&HandedAs> {
        match verdict {
            Verdict::TakeUp => self.take_up.as_ref(),
            Verdict::Settle => self.settle.as_ref(),
            Verdict::Refer => self.refer.as_ref(),
            Verdict::AskForMore => self.ask_for_more.as_ref(),
            Verdict::Signal => self.signal.as_ref(),
            Verdict::NotAComplaint => self.not_a_complaint.as_ref(),
            Verdict::Reopen => None,
        }
    }

    /// Those that are named, with their keys.
    pub fn named(&self) -> impl Iterator<Item = (Verdict, &HandedAs)> {
        use Verdict::{AskForMore, NotAComplaint, Refer, Settle, Signal, TakeUp};
        let all = [TakeUp, Settle, Refer, AskForMore, Signal, NotAComplaint];
        all.into_iter().filter_map(|verdict| Some((verdict, self.of(verdict)?)))
    }
}

impl Zaaksysteem {
    /// What the types cannot tell: keys and faults.
    pub(super) fn faults(&self) -> Vec<(String, String)> {
        let mut faults: Vec<(String, String)> = Vec::new();
        let mut fault = |key: &str, what: String| faults.push((format!("zaaksysteem.{key}"), what));
        for (key, root) in
            [("zaken", &self.zaken), ("documenten", &self.documenten), ("catalogi", &self.catalogi)]
        {
            if root.path.contains('?') {
                fault(key, "is the root of an API, without a question mark: https://HOST/PATH/v1".to_owned());
            }
        }
        let number = self.rsin.parse().ok().filter(|_| self.rsin.len() == 9);
        if !number.is_some_and(passes_elfproef) {
            fault("rsin", format!("{:?} is no RSIN: nine digits that pass the elfproef", self.rsin));
        }
        for (key, value, most) in [
            ("client_id", &self.client_id, 100),
            ("zaaktype", &self.zaaktype, 1000),
            ("informatieobjecttype", &self.informatieobjecttype, 200),
        ] {
            if value.trim().is_empty() || value.chars().count() > most {
                fault(key, format!("has 1 to {most} characters"));
            }
        }
        for (key, value) in
            [("zaaktype", &self.zaaktype), ("informatieobjecttype", &self.informatieobjecttype)]
        {
            if value.contains("://") && self.within_catalogi(value).is_none() {
                let root = self.catalogi.to_url();
                fault(key, format!("{value:?} does not begin with the root of catalogi, {root}"));
            }
        }
        if self.decisions.named().next().is_none() {
            fault("decisions", "names no decision: nothing would be handed over".to_owned());
        }
        for (verdict, handed) in self.decisions.named() {
            if handed.status.trim().is_empty() {
                fault(&format!("decisions.{}.status", verdict.id()), "is empty".to_owned());
            }
        }
        faults
    }

    /// The path of an address below the root of the Catalogi API.
    pub fn within_catalogi<'a>(&self, url: &'a str) -> Option<&'a str> {
        let root = self.catalogi.to_url();
        url.strip_prefix(root.trim_end_matches('/')).filter(|rest| rest.starts_with('/'))
    }

    pub(super) fn rebase(&mut self, base: &Path) {
        self.ca_file.iter_mut().for_each(|path| *path = base.join(&*path));
        self.secret.rebase(base);
    }
}
