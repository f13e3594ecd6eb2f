//! What counts in the end, key by key, with where it comes from. Secrets are told by their place alone.

use super::layers::Layers;
use super::schema::{self, form, is_table, joined, of_key, properties};
use super::{Place, is_reloaded};
use serde_json::{Value, json};

/// What stands in place of the arguments of a command that prints a secret: one of them may be the secret.
const HIDDEN: &str = "(hidden)";

/// One key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub key: String,
    pub value: Value,
    /// `None`: it is the default.
    pub from: Option<Place>,
    /// Does a reload put a change of it into effect?
    pub reloaded: bool,
}

/// Every key that has a value, those of the file and the environment and the defaults beside them, in order of the tables.
pub fn shown(layers: &Layers) -> Vec<Shown> {
    let mut found = Vec::new();
    table(&layers.table, schema::schema(), "", layers, &mut found);
    found
}

fn table(values: &toml::Table, schema: &Value, path: &str, layers: &Layers, found: &mut Vec<Shown>) {
    let mut say = |key: String, value: Value, from: Option<Place>| {
        let reloaded = is_reloaded(&key);
        found.push(Shown { key, value, from, reloaded });
    };
    let mut tables = Vec::new();
    for (name, inner) in properties(schema) {
        let key = joined(path, name);
        match values.get(name) {
            Some(toml::Value::Table(value)) if is_table(inner) => tables.push((key, value.clone(), inner)),
            Some(toml::Value::Array(items)) if items.iter().any(toml::Value::is_table) => {
                let Some(inner) = inner.get("items") else { continue };
                for (index, item) in items.iter().enumerate() {
                    let Some(value) = item.as_table() else { continue };
                    tables.push((format!("{key}[{index}]"), value.clone(), inner));
                }
            }
            Some(value) => say(key.clone(), as_json(value, inner), Some(layers.place_of(&key))),
            // A table that may be wanting altogether, such as [smtp], has no defaults before it is there.
            None if is_table(inner) && schema::stands_by_itself(inner) => {
                tables.push((key, toml::Table::new(), inner));
            }
            None => {
                let usual = match (path, name.as_str()) {
                    ("mailbox", "port") => Some(port(values, 993, 143)),
                    ("smtp", "port") => Some(port(values, 465, 587)),
                    _ => inner.get("default").cloned(),
                };
                if let Some(usual) = usual {
                    say(key, usual, None);
                }
            }
        }
    }
    for (name, value) in values {
        if schema.get("properties").is_some_and(|properties| properties.get(name).is_some()) {
            continue;
        }
        let (key, Some(inner)) = (joined(path, name), of_key(schema, name)) else { continue };
        match value {
            toml::Value::Table(value) if is_table(inner) => tables.push((key, value.clone(), inner)),
            value => say(key.clone(), as_json(value, inner), Some(layers.place_of(&key))),
        }
    }
    for (key, value, inner) in tables {
        table(&value, inner, &key, layers, found);
    }
}

fn port(values: &toml::Table, implicit: u16, starttls: u16) -> Value {
    let is_starttls = values.get("tls").and_then(toml::Value::as_str) == Some("starttls");
    json!(if is_starttls { starttls } else { implicit })
}

fn as_json(value: &toml::Value, schema: &Value) -> Value {
    if form(schema) == Some("secret") {
        let mut value = serde_json::to_value(value).unwrap_or_default();
        if let Some(Value::Array(words)) = value.get_mut("command") {
            words.truncate(1);
            words.push(json!(HIDDEN));
        }
        return value;
    }
    match value {
        toml::Value::Datetime(when) => json!(when.to_string()),
        value => serde_json::to_value(value).unwrap_or_default(),
    }
}
