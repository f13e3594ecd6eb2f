//! What a configuration file may hold, as JSON Schema (draft 2020-12), made from the structs that read it: for editors
//! (`config/bode.schema.json`), for `bode config`, and for the check of a file against it.
//!
//! Invariant: a key that the structs read is in the schema, and no other; `tests/config_schema.rs` holds the committed file
//! and docs/configuration.md against it.

use super::Config;
use crate::record::schema_of;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// The schema, made once.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = schema_of::<Config>("bode, the configuration of one office");
    if let Some(object) = schema.as_object_mut() {
        let office_file = json!({
            "type": "string",
            "description": "Another file whose `[office]` this one uses, instead of having its own."
        });
        if let Some(Value::Object(properties)) = object.get_mut("properties") {
            properties.insert("office_file".to_owned(), office_file);
        }
        // One of the two is there; the loader puts the office in its place.
        if let Some(Value::Array(required)) = object.get_mut("required") {
            required.retain(|key| key != "office");
        }
        object
            .insert("anyOf".to_owned(), json!([{ "required": ["office"] }, { "required": ["office_file"] }]));
    }
    schema
});

/// The schema of a configuration file.
pub fn schema() -> &'static Value {
    &SCHEMA
}

/// One key that a file may have.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// `smtp.host`; `*` stands for a name that the office chooses, `[]` for each table of a list.
    pub path: String,
    pub about: String,
    pub default: Option<Value>,
}

/// Every key, in order of its path. A table is no key, its keys are.
pub fn keys() -> Vec<Key> {
    let mut found = Vec::new();
    gather(schema(), "", &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn gather(schema: &Value, path: &str, found: &mut Vec<Key>) {
    if let Some(items) = schema.get("items").filter(|items| is_table(items)) {
        return gather(items, &format!("{path}[]"), found);
    }
    if !is_table(schema) {
        let about = schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
        return found.push(Key { path: path.to_owned(), about, default: schema.get("default").cloned() });
    }
    for (name, inner) in properties(schema) {
        gather(inner, &joined(path, name), found);
    }
    if let Some(inner) = others(schema) {
        gather(inner, &joined(path, "*"), found);
    }
}

/// `a` and `b` to `a.b`.
pub(super) fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A table of keys, which a secret is not: that is one value.
pub(super) fn is_table(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("object") && form(schema).is_none()
}

pub(super) fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// What every other name in this table holds, where names may be chosen.
pub(super) fn others(schema: &Value) -> Option<&Value> {
    schema.get("additionalProperties").filter(|inner| inner.is_object())
}

/// The schema of one key of a table: of its own name, or of any.
pub(super) fn of_key<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    schema.get("properties").and_then(|properties| properties.get(name)).or_else(|| others(schema))
}

/// May this table be left out and have its defaults all the same? Not one with a key that must be given, or that is
/// there to turn something on.
pub(super) fn stands_by_itself(schema: &Value) -> bool {
    let required = schema.get("required").and_then(Value::as_array).is_some_and(|keys| !keys.is_empty());
    !required && properties(schema).next().is_some()
}

/// What a text must be beside a text: `url`, `secret`, `date` …
pub(super) fn form(schema: &Value) -> Option<&str> {
    schema.get("format").and_then(Value::as_str)
}

/// The texts that are allowed, where not every one is.
pub(super) fn allowed(schema: &Value) -> Option<Vec<&str>> {
    if let Some(only) = schema.get("const").and_then(Value::as_str) {
        return Some(vec![only]);
    }
    if let Some(Value::Array(all)) = schema.get("enum") {
        return Some(all.iter().filter_map(Value::as_str).collect());
    }
    let Some(Value::Array(choices)) = schema.get("oneOf") else { return None };
    let mut all = Vec::new();
    for choice in choices {
        all.extend(allowed(choice)?);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_one_path_and_lists_and_names_of_ones_own_are_told_apart() {
        let paths: Vec<String> = keys().into_iter().map(|key| key.path).collect();
        for path in [
            "store",
            "office_file",
            "office.procedure.promises[].count",
            "mailbox.password",
            "oauth.*.grant",
            "office.texts.*",
            "answers.hour_max",
            "desk.oidc.roles.*",
            "webhooks[].events",
            "retention.taken-up.term",
            "letters.cover.width",
            "reading.clamd",
        ] {
            assert_eq!(paths.iter().filter(|one| *one == path).count(), 1, "{path}: {paths:#?}");
        }
        assert!(!serde_json::to_string(schema()).unwrap().contains("\"null\""));
        let hour_max = keys().into_iter().find(|key| key.path == "answers.hour_max").unwrap();
        assert_eq!(hour_max.default, Some(json!(200)));
    }
}
