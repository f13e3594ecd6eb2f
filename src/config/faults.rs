//! Every fault of a table against the schema at once, each with its key: unknown and missing keys, values of another kind,
//! texts that are none of those allowed. A reader of structs stops at the first.

use super::schema::{allowed, form, joined, of_key, others, properties};
use super::{ClamdAddress, EndpointUrl, Secret};
use crate::record::{RetentionTerm, distance};
use serde_json::Value;

/// Key and what is wrong with it.
pub type Fault = (String, String);

/// Faults of a value under its schema.
pub fn faults(value: &toml::Value, schema: &Value) -> Vec<Fault> {
    let mut found = Vec::new();
    walk(value, schema, "", &mut found);
    found
}

fn walk(value: &toml::Value, schema: &Value, path: &str, found: &mut Vec<Fault>) {
    let mut fault = |what: String| found.push((path.to_owned(), what));
    if let Some(what) = form(schema).and_then(|form| of_form(form, value)) {
        return fault(what);
    }
    if form(schema) == Some("secret") {
        return;
    }
    if let Some(allowed) = allowed(schema) {
        return match value.as_str() {
            Some(text) if allowed.contains(&text) => {}
            Some(text) => fault(format!("unknown variant `{text}`, expected one of {}", listed(&allowed))),
            None => fault(format!("expected one of {}, found {}", listed(&allowed), kind_of(value))),
        };
    }
    match (schema.get("type").and_then(Value::as_str), value) {
        (Some("object"), toml::Value::Table(table)) => keys(table, schema, path, found),
        (Some("array"), toml::Value::Array(items)) => {
            let Some(inner) = schema.get("items") else { return };
            for (index, item) in items.iter().enumerate() {
                walk(item, inner, &format!("{path}[{index}]"), found);
            }
        }
        (Some("integer"), toml::Value::Integer(number)) => {
            if let Some(what) = out_of_bounds(*number, schema) {
                fault(what);
            }
        }
        (Some("number"), toml::Value::Integer(_) | toml::Value::Float(_))
        | (Some("boolean"), toml::Value::Boolean(_))
        | (Some("string"), toml::Value::String(_))
        | (None, _) => {}
        // Its form was looked at above.
        (Some("string"), toml::Value::Datetime(_)) if form(schema) == Some("date") => {}
        (Some(wanted), other) => fault(format!("expected {}, found {}", kind(wanted), kind_of(other))),
    }
}

fn keys(table: &toml::Table, schema: &Value, path: &str, found: &mut Vec<Fault>) {
    let known: Vec<&str> = properties(schema).map(|(key, _)| key.as_str()).collect();
    for (key, value) in table {
        let path = joined(path, key);
        match of_key(schema, key) {
            Some(inner) => walk(value, inner, &path, found),
            None if others(schema).is_none() => {
                let near = known.iter().map(|known| (distance(known, key), *known)).min();
                let near = near.filter(|(letters, _)| *letters <= (key.chars().count() / 3).max(1));
                let hint = near.map(|(_, meant)| format!("; did you mean `{meant}`?")).unwrap_or_default();
                found
                    .push((path, format!("unknown field `{key}`, expected one of {}{hint}", listed(&known))));
            }
            None => {}
        }
    }
    let required = schema.get("required").and_then(Value::as_array);
    for key in required.into_iter().flatten().filter_map(Value::as_str) {
        if !table.contains_key(key) {
            found.push((joined(path, key), format!("missing field `{key}`")));
        }
    }
    // Of the configuration as a whole: an office of its own or of another file, which stands in its place by now.
    if path.is_empty() && schema.get("anyOf").is_some() && !table.contains_key("office") {
        found.push(("office".to_owned(), "missing field `office` (or `office_file`)".to_owned()));
    }
}

/// What is wrong with a value that must have a form.
fn of_form(form: &str, value: &toml::Value) -> Option<String> {
    let text = value.as_str();
    let texts = |read: &dyn Fn(String) -> Option<String>| match text {
        Some(text) => read(text.to_owned()),
        None => Some(format!("expected a text, found {}", kind_of(value))),
    };
    match form {
        "secret" => Secret::try_from(value.clone()).err().map(str::to_owned),
        "endpoint-url" => texts(&|text| EndpointUrl::try_from(text).err()),
        "clamd-address" => texts(&|text| ClamdAddress::try_from(text).err()),
        "retention-term" => texts(&|text| RetentionTerm::try_from(text).err()),
        "socket-address" => texts(&|text| match text.parse::<std::net::SocketAddr>() {
            Ok(_) => None,
            Err(_) => Some(format!("{text:?} is no address with a port such as \"127.0.0.1:8080\"")),
        }),
        "ip" => texts(&|text| match text.parse::<std::net::IpAddr>() {
            Ok(_) => None,
            Err(_) => Some(format!("{text:?} is no IP address")),
        }),
        "local-time" => texts(&|text| match text.parse::<jiff::civil::Time>() {
            Ok(_) => None,
            Err(_) => Some(format!("{text:?} is not a local time such as \"07:00\"")),
        }),
        "date" => {
            let is_date = match value {
                toml::Value::Datetime(when) => when.date.is_some() && when.time.is_none(),
                toml::Value::String(text) => text.parse::<jiff::civil::Date>().is_ok(),
                _ => false,
            };
            (!is_date).then(|| format!("expected a date such as 2026-12-01, found {}", kind_of(value)))
        }
        _ => None,
    }
}

fn out_of_bounds(number: i64, schema: &Value) -> Option<String> {
    let least = schema.get("minimum").and_then(Value::as_f64).map_or(i64::MIN, |least| least as i64);
    let most = match form(schema) {
        Some("uint16") => i64::from(u16::MAX),
        Some("uint32") => i64::from(u32::MAX),
        _ => schema.get("maximum").and_then(Value::as_f64).map_or(i64::MAX, |most| most as i64),
    };
    (!(least..=most).contains(&number)).then(|| match most {
        i64::MAX => format!("{number} is less than {least}"),
        _ => format!("{number} is not between {least} and {most}"),
    })
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn kind(wanted: &str) -> &'static str {
    match wanted {
        "object" => "a table",
        "array" => "a list",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        _ => "a text",
    }
}

/// The kind, never the value: it may be a password in the wrong place.
fn kind_of(value: &toml::Value) -> &'static str {
    match value {
        toml::Value::String(_) => "a text",
        toml::Value::Integer(_) => "a whole number",
        toml::Value::Float(_) => "a number",
        toml::Value::Boolean(_) => "true or false",
        toml::Value::Datetime(_) => "a date or time",
        toml::Value::Array(_) => "a list",
        toml::Value::Table(_) => "a table",
    }
}
