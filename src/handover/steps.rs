//! One case, step by step: zaak, who wrote it where that is wanted, each document with its link, result, status.
//!
//! Invariant: each step first looks whether it was done, for the last run may have been killed between the server's taking it
//! and our note; so a case may go through here any number of times and is there once.

use super::HandoverError;
use super::catalogue::{Outcome, Types, results, text};
use super::client::{Api, Client};
use super::informatieobject::Informatieobject;
use crate::limits::HANDOVER_NAME_CHARS_MAX;
use crate::record::{CaseRow, Decision, office_date};
use crate::store::Store;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What one case is handed over with.
pub(super) struct Handing<'a> {
    pub client: &'a Client,
    pub store: &'a Arc<Store>,
    pub types: &'a Types,
    pub outcome: &'a Outcome,
    pub row: &'a CaseRow,
    pub decision: &'a Decision,
    pub office: &'a str,
    pub today: Date,
}

/// The address of what was made.
fn made(answer: &Value, what: &str) -> Result<String, HandoverError> {
    match text(answer, "url") {
        "" => Err(HandoverError::Odd(format!("{what} came back without its url"))),
        url => Ok(url.to_owned()),
    }
}

/// The one with this identificatie: a server may not know the question and give all that it has.
fn with_name<'a>(found: &'a Value, name: &str) -> Option<&'a Value> {
    results(found).iter().find(|one| text(one, "identificatie") == name)
}

impl Handing<'_> {
    /// The zaak: found by our number, or made. `known`: its address, where an earlier run noted it.
    pub async fn zaak(&self, known: Option<&str>) -> Result<String, HandoverError> {
        let (number, settings) = (self.row.number.to_string(), &self.client.settings);
        let ours = [("identificatie", number.as_str()), ("bronorganisatie", settings.rsin.as_str())];
        let found = self.client.get(Api::Zaken, "/zaken", &ours).await?;
        if let Some(zaak) = with_name(&found, &number) {
            if known != Some(text(zaak, "url")) && text(zaak, "zaaktype") != self.types.zaaktype {
                let said = "Er is daar al een zaak met dit nummer en een ander zaaktype. Is die van ons?";
                return Err(HandoverError::Refused(said.to_owned()));
            }
            return made(zaak, "a zaak");
        }
        let zaak = json!({
            "identificatie": number,
            "bronorganisatie": settings.rsin,
            "verantwoordelijkeOrganisatie": settings.rsin,
            "zaaktype": self.types.zaaktype,
            "omschrijving": format!("Klacht {number}"),
            "startdatum": self.row.received,
            "vertrouwelijkheidaanduiding": settings.vertrouwelijkheid,
        });
        made(&self.client.post(Api::Zaken, "/zaken", &zaak).await?, "a zaak")
    }

    /// A document, found by its name or made, and its link with the zaak.
    pub async fn document(&self, zaak: &str, one: &Informatieobject) -> Result<(), HandoverError> {
        let settings = &self.client.settings;
        let ours =
            [("identificatie", one.identificatie.as_str()), ("bronorganisatie", settings.rsin.as_str())];
        const DOCUMENTS: &str = "/enkelvoudiginformatieobjecten";
        let found = self.client.get(Api::Documenten, DOCUMENTS, &ours).await?;
        let document = match with_name(&found, &one.identificatie) {
            Some(document) => made(document, "a document")?,
            None => {
                let whole = self.whole(one).await?;
                made(&self.client.post(Api::Documenten, DOCUMENTS, &whole).await?, "a document")?
            }
        };
        const LINKS: &str = "/zaakinformatieobjecten";
        let link = [("zaak", zaak), ("informatieobject", document.as_str())];
        if results(&self.client.get(Api::Zaken, LINKS, &link).await?).is_empty() {
            let link = json!({ "zaak": zaak, "informatieobject": document });
            self.client.post(Api::Zaken, LINKS, &link).await?;
        }
        Ok(())
    }

    /// With its bytes.
    async fn whole(&self, one: &Informatieobject) -> Result<Value, HandoverError> {
        let (store, of) = (Arc::clone(self.store), one.clone());
        let bytes = tokio::task::spawn_blocking(move || of.bytes(&store)).await??;
        let settings = &self.client.settings;
        let mut whole = json!({
            "identificatie": one.identificatie,
            "bronorganisatie": settings.rsin,
            "creatiedatum": one.day,
            "titel": one.titel,
            "vertrouwelijkheidaanduiding": settings.vertrouwelijkheid,
            "auteur": if one.by_citizen { "Inwoner" } else { self.office },
            "status": "definitief",
            "formaat": one.formaat,
            "taal": one.taal,
            "bestandsnaam": one.bestandsnaam,
            "bestandsomvang": bytes.len(),
            "inhoud": STANDARD.encode(&bytes),
            // Without a word on this a zaaksysteem lets no zaak with this document end.
            "indicatieGebruiksrecht": false,
            "integriteit": {
                "algoritme": "sha_256",
                "waarde": format!("{:x}", Sha256::digest(&bytes)),
                "datum": self.today,
            },
            "informatieobjecttype": self.types.informatieobjecttype,
        });
        let key = if one.was_sent() { "verzenddatum" } else { "ontvangstdatum" };
        whole[key] = json!(one.day);
        Ok(whole)
    }

    /// Who wrote it, where the office wants that and it is known: the name as it was read, and nothing else of a person.
    pub async fn writer(&self, zaak: &str, name: Option<&str>) -> Result<(), HandoverError> {
        let (Some(roltype), Some(name)) = (&self.types.roltype, name) else { return Ok(()) };
        let found = self.client.get(Api::Zaken, "/rollen", &[("zaak", zaak), ("roltype", roltype)]).await?;
        if results(&found).is_empty() {
            let name: String = name.chars().take(HANDOVER_NAME_CHARS_MAX).collect();
            let rol = json!({
                "zaak": zaak,
                "betrokkeneType": "natuurlijk_persoon",
                "roltype": roltype,
                "roltoelichting": "Naam zoals bode die las",
                "afwijkendeNaamBetrokkene": name,
                // Which part of it is the surname nobody knows here; some zaaksystemen want this field.
                "betrokkeneIdentificatie": { "geslachtsnaam": name },
            });
            self.client.post(Api::Zaken, "/rollen", &rol).await?;
        }
        Ok(())
    }

    /// The result, where this decision has one; then the status, which may end the zaak.
    pub async fn outcome(&self, zaak: &str) -> Result<(), HandoverError> {
        if let Some(resultaattype) = &self.outcome.resultaattype {
            let found = self.client.get(Api::Zaken, "/resultaten", &[("zaak", zaak)]).await?;
            if results(&found).is_empty() {
                let to = self.decision.refer_to.as_ref().map(|to| format!("Doorverwezen naar: {to}"));
                let result = json!({
                    "zaak": zaak,
                    "resultaattype": resultaattype,
                    "toelichting": to.unwrap_or_default(),
                });
                self.client.post(Api::Zaken, "/resultaten", &result).await?;
            }
        }
        let statustype = self.outcome.statustype.as_str();
        let found =
            self.client.get(Api::Zaken, "/statussen", &[("zaak", zaak), ("statustype", statustype)]).await?;
        if results(&found).is_empty() {
            let status = json!({
                "zaak": zaak,
                "statustype": statustype,
                "datumStatusGezet": self.decision.at,
                "statustoelichting": format!("Besloten op {}", office_date(self.decision.at)),
            });
            self.client.post(Api::Zaken, "/statussen", &status).await?;
        }
        Ok(())
    }
}
