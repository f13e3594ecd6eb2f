//! One table of a file, of the file that it takes its `[office]` from, and of the environment; and where each value
//! came from.
//!
//! The environment goes before the file: `BODE__MAILBOX__HOST=imap.example.nl` is `host` under `[mailbox]`. Two underscores
//! stand between the parts, capitals for small letters, one underscore for a hyphen. A variable that names no key is a fault.

use super::schema;
use crate::limits::CONFIG_BYTES_MAX;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// What a variable that overrides a key begins with.
pub const ENVIRONMENT: &str = "BODE__";

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    File { path: PathBuf, line: usize, column: usize },
    Environment(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Place::Environment(name) => f.write_str(name),
        }
    }
}

/// What counts, before it is checked.
#[derive(Clone, Debug)]
pub struct Layers {
    pub path: PathBuf,
    pub table: toml::Table,
    /// By path, such as `smtp.host` or `webhooks[0].name`; tables too.
    pub places: BTreeMap<String, Place>,
}

impl Layers {
    /// Reads all of them.
    ///
    /// # Errors
    /// What keeps a file from being read as TOML at all, and every variable that cannot be used.
    pub fn read(
        path: &Path,
        environment: &mut dyn Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Vec<String>> {
        let text = read(path).map_err(|fault| vec![fault])?;
        let (mut table, mut places) = parsed(path, &text)?;
        if let Some(other) = table.get("office_file").and_then(toml::Value::as_str) {
            let other = path.parent().map_or_else(|| PathBuf::from(other), |base| base.join(other));
            let text = read(&other).map_err(|fault| vec![fault])?;
            let (mut others, other_places) = parsed(&other, &text)?;
            let is_office = |path: &str| path == "office" || path.starts_with("office.");
            places.retain(|path, _| !is_office(path));
            places.extend(other_places.into_iter().filter(|(path, _)| is_office(path)));
            if let Some(office) = others.remove("office") {
                table.insert("office".to_owned(), office);
            }
        }
        let mut layers = Self { path: path.to_owned(), table, places };
        let faults = layers.override_by(environment);
        if faults.is_empty() { Ok(layers) } else { Err(faults) }
    }

    /// Where a fault of this key stands: its own place, or that of the nearest table around it.
    pub fn place_of(&self, key: &str) -> Place {
        let mut at = key;
        loop {
            if let Some(place) = self.places.get(at) {
                return place.clone();
            }
            match at.rfind(['.', '[']) {
                Some(end) => at = at.get(..end).unwrap_or_default(),
                None => return Place::File { path: self.path.clone(), line: 1, column: 1 },
            }
        }
    }

    /// Every value by its path, for comparing and showing.
    pub fn values(&self) -> BTreeMap<String, toml::Value> {
        let mut values = BTreeMap::new();
        for (name, value) in &self.table {
            flatten(name, value, &mut values);
        }
        values
    }

    fn override_by(&mut self, environment: &mut dyn Iterator<Item = (OsString, OsString)>) -> Vec<String> {
        let mut named: Vec<(String, OsString)> = environment
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with(ENVIRONMENT))
            .collect();
        named.sort();
        let mut faults = Vec::new();
        for (name, value) in named {
            let Ok(value) = value.into_string() else {
                faults.push(format!("{name}: is not UTF-8"));
                continue;
            };
            if let Err(fault) = self.override_one(&name, &value) {
                faults.push(format!("{name}: {fault}"));
            }
        }
        faults
    }

    fn override_one(&mut self, name: &str, value: &str) -> Result<(), String> {
        let rest = name.strip_prefix(ENVIRONMENT).unwrap_or_default();
        let mut schema = schema::schema();
        let mut path: Vec<String> = Vec::new();
        let mut table = Some(&self.table);
        for part in rest.split("__") {
            let wanted = part.to_ascii_lowercase();
            let fits = |key: &str| key.replace('-', "_") == wanted;
            if !schema::is_table(schema) {
                return Err(format!("{} is no table", path.join(".")));
            }
            let own = schema::properties(schema).map(|(key, _)| key).find(|key| fits(key)).cloned();
            // A name that the office chose, such as that of a sign-in, is one that the file has.
            let chosen = || {
                schema::others(schema)?;
                table?.keys().find(|key| fits(key)).cloned()
            };
            let Some(key) = own.or_else(chosen) else {
                let known: Vec<&str> = schema::properties(schema).map(|(key, _)| key.as_str()).collect();
                let around =
                    if path.is_empty() { "the file".to_owned() } else { format!("[{}]", path.join(".")) };
                return Err(match known.is_empty() {
                    true => format!("names no key: {around} has no {wanted} in the file"),
                    false => format!("names no key: {around} knows {}", known.join(", ")),
                });
            };
            schema = schema::of_key(schema, &key).unwrap_or(schema);
            table = table.and_then(|table| table.get(&key)).and_then(toml::Value::as_table);
            path.push(key);
        }
        if schema::is_table(schema) {
            return Err(format!("[{}] is a table: name a key of it, {name}__KEY", path.join(".")));
        }
        if path == ["office_file"] {
            return Err("office_file is read from the file alone".to_owned());
        }
        let value = value_of(schema, value)?;
        let place = Place::Environment(name.to_owned());
        let Some((last, tables)) = path.split_last() else { return Ok(()) };
        let mut table = &mut self.table;
        let mut at = String::new();
        for one in tables {
            at = schema::joined(&at, one);
            self.places.entry(at.clone()).or_insert_with(|| place.clone());
            let inner = table.entry(one.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            table = inner.as_table_mut().ok_or_else(|| format!("{at} is no table in the file"))?;
        }
        table.insert(last.clone(), value);
        self.places.insert(path.join("."), place);
        Ok(())
    }
}

/// A value as the key wants it. A text is taken as it is; all else as TOML writes it.
fn value_of(schema: &Value, text: &str) -> Result<toml::Value, String> {
    let kind = schema.get("type").and_then(Value::as_str);
    let is_text = kind == Some("string") || (kind.is_none() && schema::allowed(schema).is_some());
    if is_text && schema::form(schema) != Some("date") {
        return Ok(toml::Value::String(text.to_owned()));
    }
    let read = format!("v = {text}").parse::<toml::Table>().ok().and_then(|mut table| table.remove("v"));
    let fits = |value: &toml::Value| match kind {
        Some("integer") => value.is_integer(),
        Some("number") => value.is_integer() || value.is_float(),
        Some("boolean") => value.is_bool(),
        Some("array") => value.is_array(),
        // A date; what is a table here is a secret.
        Some("string") => value.is_datetime(),
        _ => value.is_table(),
    };
    // What was given is not repeated: it may be what somebody took for the place of a password.
    read.filter(fits).ok_or_else(|| {
        format!(
            "must be {}",
            match kind {
                Some("integer") => "a whole number, such as 10",
                Some("number") => "a number, such as 0.4",
                Some("boolean") => "true or false",
                Some("array") => "a list, such as [\"a\", \"b\"]",
                Some("string") => "a date, such as 2026-12-01",
                _ => "where the secret is: { file = \"/path\" }, { credential = \"NAME\" } or { env = \"NAME\" }",
            }
        )
    })
}

fn flatten(path: &str, value: &toml::Value, values: &mut BTreeMap<String, toml::Value>) {
    match value {
        toml::Value::Table(table) => {
            for (name, inner) in table {
                flatten(&schema::joined(path, name), inner, values);
            }
        }
        toml::Value::Array(items) if items.iter().any(toml::Value::is_table) => {
            for (index, inner) in items.iter().enumerate() {
                flatten(&format!("{path}[{index}]"), inner, values);
            }
        }
        other => drop(values.insert(path.to_owned(), other.clone())),
    }
}

fn read(path: &Path) -> Result<String, String> {
    let unreadable = |error| format!("{}: cannot be read: {error}", path.display());
    if std::fs::metadata(path).map_err(unreadable)?.len() > CONFIG_BYTES_MAX {
        return Err(format!("{}: larger than {CONFIG_BYTES_MAX} bytes", path.display()));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

/// The table of a text, and the place of each of its keys.
fn parsed(path: &Path, text: &str) -> Result<(toml::Table, BTreeMap<String, Place>), Vec<String>> {
    let told = |error: &toml::de::Error| {
        let (line, column) = super::position(text, error.span().map_or(0, |span| span.start));
        vec![format!("{}:{line}:{column}: {}", path.display(), error.message())]
    };
    let table: toml::Table = text.parse().map_err(|error| told(&error))?;
    let spanned = DeTable::parse(text).map_err(|error| told(&error))?;
    let mut places = BTreeMap::new();
    let mut at = |key: String, offset: usize| {
        let (line, column) = super::position(text, offset);
        places.insert(key, Place::File { path: path.to_owned(), line, column });
    };
    walk(spanned.get_ref(), "", &mut at);
    Ok((table, places))
}

fn walk(table: &DeTable<'_>, path: &str, at: &mut impl FnMut(String, usize)) {
    for (name, value) in table {
        let key = schema::joined(path, name.get_ref());
        at(key.clone(), name.span().start);
        match value.get_ref() {
            DeValue::Table(inner) => walk(inner, &key, at),
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let key = format!("{key}[{index}]");
                    at(key.clone(), item.span().start);
                    if let DeValue::Table(inner) = item.get_ref() {
                        walk(inner, &key, at);
                    }
                }
            }
            _ => {}
        }
    }
}
