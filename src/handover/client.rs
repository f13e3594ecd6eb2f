//! One question to one of the three APIs, and what an answer means: taken, away for now, closed to us, or refused for good.
//!
//! Invariants: only addresses of the configuration are asked; what a server names is handed on as data. No body of either side
//! is logged.

use super::HandoverError;
use super::token::token;
use crate::clock;
use crate::config::{EndpointUrl, Zaaksysteem};
use crate::http::{Ask, Reply, ask, encoded, retry_after};
use crate::limits::{HANDOVER_REPLY_BYTES_MAX, HANDOVER_SAID_CHARS_MAX, HANDOVER_TIME_MAX};
use hyper::header::{AUTHORIZATION, HeaderName};
use serde_json::Value;
use tokio_rustls::TlsConnector;

/// One of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    Zaken,
    Documenten,
    Catalogi,
}

impl Api {
    /// As the configuration names it.
    fn section(self) -> &'static str {
        match self {
            Api::Zaken => "zaaksysteem.zaken",
            Api::Documenten => "zaaksysteem.documenten",
            Api::Catalogi => "zaaksysteem.catalogi",
        }
    }
}

/// By whom the APIs are asked.
#[derive(Clone)]
pub(super) struct Client {
    pub settings: Zaaksysteem,
    tls: TlsConnector,
    /// Name of the office, for the audit trail there.
    office: String,
}

impl Client {
    pub fn new(settings: &Zaaksysteem, office: &str) -> Result<Self, HandoverError> {
        let tls = crate::tls::connector(settings.ca_file.as_deref())?;
        Ok(Self { settings: settings.clone(), tls, office: office.to_owned() })
    }

    /// Reads something; `query` values are encoded here.
    pub async fn get(&self, api: Api, path: &str, query: &[(&str, &str)]) -> Result<Value, HandoverError> {
        let mut whole = path.to_owned();
        for (at, (name, value)) in query.iter().enumerate() {
            let mark = if at == 0 { '?' } else { '&' };
            whole.push_str(&format!("{mark}{name}={}", encoded(value)));
        }
        self.exchange(api, &whole, Ask::get()).await
    }

    /// Makes something; gives it back as it is there.
    pub async fn post(&self, api: Api, path: &str, what: &Value) -> Result<Value, HandoverError> {
        self.exchange(api, path, Ask::post("application/json", what.to_string().into_bytes())).await
    }

    async fn exchange(&self, api: Api, path: &str, request: Ask) -> Result<Value, HandoverError> {
        let root = match api {
            Api::Zaken => &self.settings.zaken,
            Api::Documenten => &self.settings.documenten,
            Api::Catalogi => &self.settings.catalogi,
        };
        let url = EndpointUrl { path: format!("{}{path}", root.path.trim_end_matches('/')), ..root.clone() };
        let secret = self.settings.secret.clone();
        let secret = tokio::task::spawn_blocking(move || secret.read()).await??;
        let token = token(&self.settings.client_id, &secret, &self.office, clock::now());
        let mut request = request
            .within(HANDOVER_TIME_MAX, HANDOVER_REPLY_BYTES_MAX)
            .with(AUTHORIZATION, format!("Bearer {token}"));
        // The Zaken API has a place in each zaak, and wants to know how it is written.
        if api == Api::Zaken && path.split('?').next() == Some("/zaken") {
            for name in ["accept-crs", "content-crs"] {
                request = request.with(HeaderName::from_static(name), "EPSG:4326".to_owned());
            }
        }
        let section = api.section();
        let reply = ask(&url, &self.tls, section, request).await;
        let reply = reply.map_err(|source| HandoverError::Ask { section, source })?;
        if matches!(reply.status, 200 | 201) {
            let odd = || HandoverError::Odd(format!("{section}: no JSON came back"));
            return serde_json::from_slice(&reply.body).map_err(|_| odd());
        }
        Err(fault(api, &reply))
    }
}

fn fault(api: Api, reply: &Reply) -> HandoverError {
    let said = said(reply);
    match reply.status {
        401 | 403 => HandoverError::Closed { section: api.section(), status: reply.status, said },
        408 | 425 | 429 | 500.. => HandoverError::Away {
            section: api.section(),
            status: reply.status,
            wait: retry_after(&reply.fields, clock::now()).unwrap_or_default(),
        },
        status => HandoverError::Refused(format!("{said} (status {status})")),
    }
}

/// What the server says is wrong, for staff: its problem document (RFC 9457, as ZGW fills it in), bounded.
fn said(reply: &Reply) -> String {
    let problem: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let text =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut parts = vec![text(&problem, "title"), text(&problem, "detail")];
    for param in problem.get("invalidParams").and_then(Value::as_array).into_iter().flatten() {
        parts.push(format!("{}: {} ({})", text(param, "name"), text(param, "reason"), text(param, "code")));
    }
    parts.retain(|part| !part.is_empty());
    parts.dedup();
    let clean = parts.join("; ").replace(char::is_control, " ");
    clean.chars().take(HANDOVER_SAID_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HeaderMap, RETRY_AFTER};

    fn reply(status: u16, body: &str) -> Reply {
        Reply { status, fields: HeaderMap::new(), body: body.as_bytes().to_vec() }
    }

    #[test]
    fn what_mends_itself_is_told_from_what_does_not() {
        let mut busy = reply(429, "");
        busy.fields.insert(RETRY_AFTER, "90".parse().unwrap());
        assert!(matches!(fault(Api::Zaken, &busy), HandoverError::Away { wait, .. } if wait.as_secs() == 90));
        for status in [500, 502, 503] {
            assert!(matches!(fault(Api::Zaken, &reply(status, "<html>")), HandoverError::Away { .. }));
        }
        for status in [401, 403] {
            assert!(matches!(fault(Api::Zaken, &reply(status, "{}")), HandoverError::Closed { .. }));
        }
        assert!(
            matches!(fault(Api::Zaken, &reply(404, "")), HandoverError::Refused(said) if said.ends_with("(status 404)"))
        );
    }

    #[test]
    fn what_the_server_says_is_short_and_on_one_line() {
        let body = r#"{"title": "Invalid input.", "detail": "", "status": 400,
            "invalidParams": [{"name": "zaaktype", "code": "not-published", "reason": "Het\nzaaktype is een concept."}]}"#;
        let told = said(&reply(400, body));
        assert_eq!(told, "Invalid input.; zaaktype: Het zaaktype is een concept. (not-published)");
        let long = format!("{{\"detail\": {:?}}}", "x".repeat(10_000));
        assert_eq!(said(&reply(400, &long)).len(), HANDOVER_SAID_CHARS_MAX);
    }
}
