//! What the settings name, looked up in the Catalogi API: the published version of the zaaktype that is valid today, with its types of
//! status, result, document and role.
//!
//! Invariant: a name that fits nothing, or two things, is told with its key and chosen by no guess.

use super::HandoverError;
use super::client::{Api, Client};
use crate::limits::CATALOGUE_PAGES_MAX;
use crate::record::Verdict;
use jiff::civil::Date;
use serde_json::Value;

/// Addresses, as the zaaksysteem writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Types {
    pub zaaktype: String,
    pub informatieobjecttype: String,
    /// Under which the writer is named, where the office wants that.
    pub roltype: Option<String>,
    outcomes: Vec<Outcome>,
}

/// What is set for one decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    verdict: Verdict,
    pub statustype: String,
    pub resultaattype: Option<String>,
}

impl Types {
    /// Looks all of them up.
    pub async fn found(client: &Client, today: Date) -> Result<Self, HandoverError> {
        let zaaktype = zaaktype(client, today).await?;
        let url = text(&zaaktype, "url").to_owned();
        let settings = &client.settings;
        let informatieobjecttype = match settings.within_catalogi(&settings.informatieobjecttype) {
            Some(path) => text(&client.get(Api::Catalogi, path, &[]).await?, "url").to_owned(),
            None => {
                let of = [("catalogus", text(&zaaktype, "catalogus")), ("status", "definitief")];
                let all = list(client, "/informatieobjecttypen", &of).await?;
                let all: Vec<Value> = all.into_iter().filter(|one| is_in_force(one, today)).collect();
                named(&all, "informatieobjecttype", &settings.informatieobjecttype)?
            }
        };
        let of = [("zaaktype", url.as_str())];
        let statuses = list(client, "/statustypen", &of).await?;
        let results = list(client, "/resultaattypen", &of).await?;
        let roltype = match &settings.rol {
            Some(name) => Some(named(&list(client, "/roltypen", &of).await?, "rol", name)?),
            None => None,
        };
        let mut outcomes = Vec::new();
        for (verdict, handed) in settings.decisions.named() {
            let key = format!("decisions.{}", verdict.id());
            let result = handed.result.as_ref().map(|name| named(&results, &format!("{key}.result"), name));
            outcomes.push(Outcome {
                verdict,
                statustype: named(&statuses, &format!("{key}.status"), &handed.status)?,
                resultaattype: result.transpose()?,
            });
        }
        Ok(Self { zaaktype: url, informatieobjecttype, roltype, outcomes })
    }

    /// `None`: a case with this decision is not handed over.
    pub fn outcome(&self, verdict: Verdict) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.verdict == verdict)
    }
}

fn odd(key: &str, what: &str) -> HandoverError {
    HandoverError::Types(format!("zaaksysteem.{key}: {what}"))
}

async fn zaaktype(client: &Client, today: Date) -> Result<Value, HandoverError> {
    let name = client.settings.zaaktype.as_str();
    let catalogus = client.settings.catalogus.as_ref().map(crate::config::EndpointUrl::to_url);
    if let Some(path) = client.settings.within_catalogi(name) {
        let one = client.get(Api::Catalogi, path, &[]).await?;
        return if is_in_force(&one, today) {
            Ok(one)
        } else {
            Err(odd("zaaktype", "this version is a concept, or not valid today"))
        };
    }
    let mut query = vec![("identificatie", name), ("status", "definitief")];
    query.extend(catalogus.as_deref().map(|url| ("catalogus", url)));
    let all = list(client, "/zaaktypen", &query).await?;
    let mut valid: Vec<Value> =
        all.into_iter().filter(|one| text(one, "identificatie") == name && is_in_force(one, today)).collect();
    valid.sort_by(|a, b| text(a, "beginGeldigheid").cmp(text(b, "beginGeldigheid")));
    let Some(last) = valid.pop() else {
        return Err(odd("zaaktype", &format!("no published version of {name:?} is valid today")));
    };
    if valid.iter().any(|one| text(one, "catalogus") != text(&last, "catalogus")) {
        return Err(odd("zaaktype", &format!("several catalogues have {name:?}: name one with catalogus")));
    }
    Ok(last)
}

/// Published, begun, and not ended.
fn is_in_force(one: &Value, today: Date) -> bool {
    let day = |key: &str| text(one, key).parse::<Date>().ok();
    one.get("concept") == Some(&Value::Bool(false))
        && day("beginGeldigheid").is_none_or(|begins| begins <= today)
        && day("eindeGeldigheid").is_none_or(|ends| today < ends)
}

/// The one with this omschrijving, whatever its capitals.
fn named(all: &[Value], key: &str, name: &str) -> Result<String, HandoverError> {
    let same = |one: &&Value| text(one, "omschrijving").to_lowercase() == name.trim().to_lowercase();
    let mut found = all.iter().filter(same);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(text(one, "url").to_owned()),
        (Some(_), Some(_)) => Err(odd(key, &format!("{name:?} stands twice in the catalogue"))),
        (None, _) => {
            let known: Vec<&str> = all.iter().map(|one| text(one, "omschrijving")).collect();
            Err(odd(key, &format!("there is no {name:?}; the catalogue has: {}", known.join(", "))))
        }
    }
}

/// All pages of a list, by number: what the server names as the next page is not asked.
async fn list(client: &Client, path: &str, query: &[(&str, &str)]) -> Result<Vec<Value>, HandoverError> {
    let mut all = Vec::new();
    for page in 1..=CATALOGUE_PAGES_MAX {
        let number = page.to_string();
        let mut query = query.to_vec();
        if page > 1 {
            query.push(("page", &number));
        }
        let answer = client.get(Api::Catalogi, path, &query).await?;
        all.extend(results(&answer).iter().cloned());
        if answer.get("next").is_none_or(Value::is_null) {
            return Ok(all);
        }
    }
    Err(HandoverError::Types(format!("the catalogue has more than {CATALOGUE_PAGES_MAX} pages of {path}")))
}

/// What a list found, in pages or not.
pub(super) fn results(answer: &Value) -> &[Value] {
    answer.get("results").unwrap_or(answer).as_array().map_or(&[], Vec::as_slice)
}

/// A text of an object; empty where there is none.
pub(super) fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_name_is_found_once_or_told_with_what_there_is() {
        let all = [
            json!({"omschrijving": "Afgehandeld", "url": "a"}),
            json!({"omschrijving": "Ontvangen", "url": "b"}),
        ];
        assert_eq!(named(&all, "decisions.refer.status", " afgehandeld").unwrap(), "a");
        let told = named(&all, "decisions.refer.status", "Klaar").unwrap_err().to_string();
        assert!(told.contains("zaaksysteem.decisions.refer.status") && told.contains("Ontvangen"), "{told}");
        assert!(named(&[all[0].clone(), all[0].clone()], "x", "Afgehandeld").is_err());
    }

    #[test]
    fn only_a_published_version_of_today_counts() {
        let today = jiff::civil::date(2026, 3, 12);
        let one = |concept: bool, begins: &str, ends: Value| {
            is_in_force(
                &json!({"concept": concept, "beginGeldigheid": begins, "eindeGeldigheid": ends}),
                today,
            )
        };
        assert!(one(false, "2026-03-12", Value::Null) && one(false, "2020-01-01", json!("2026-03-13")));
        assert!(!one(true, "2020-01-01", Value::Null) && !one(false, "2026-03-13", Value::Null));
        assert!(!one(false, "2020-01-01", json!("2026-03-12")));
    }
}
