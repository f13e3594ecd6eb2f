//! The schemas for editors are those of the structs, every configuration and rule file that we ship fits them, and the page of
//! the keys names each key, no other, and says which a reload puts into effect.

use bode::config::schema::{Key, keys, schema};
use bode::config::{is_reloaded, load_with};
use bode::intake::Rulebook;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const CONFIG: &str = "config/bode.schema.json";

fn schemas() -> Vec<(PathBuf, Value)> {
    let of_rules = Rulebook::schemas().into_iter();
    let mut all: Vec<(PathBuf, Value)> = of_rules
        .map(|(name, schema)| (PathBuf::from(format!("rules/schemas/{name}.schema.json")), schema))
        .collect();
    all.push((CONFIG.into(), schema().clone()));
    all
}

/// `BODE_WRITE_SCHEMAS=1 cargo test --test config_schema` writes them anew.
#[test]
fn the_committed_schemas_are_those_of_the_structs() {
    let write = std::env::var_os("BODE_WRITE_SCHEMAS").is_some();
    for (path, schema) in schemas() {
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if write {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            continue;
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "{} is old: BODE_WRITE_SCHEMAS=1 cargo test --test config_schema",
            path.display()
        );
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }
}

/// What a small reader of JSON Schema finds wrong; it knows the words that ours use.
fn misfits(value: &Value, schema: &Value, path: &str, found: &mut Vec<String>) {
    for choice in ["oneOf", "anyOf"] {
        let Some(choices) = schema[choice].as_array() else { continue };
        let fits = |choice: &&Value| {
            let mut own = Vec::new();
            misfits(value, choice, path, &mut own);
            own.is_empty()
        };
        if choices.iter().filter(fits).count() == 0 {
            found.push(format!("{path}: fits none of {choice}"));
        }
    }
    if let Some(only) = schema.get("const")
        && value != only
    {
        found.push(format!("{path}: is not {only}"));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        found.push(format!("{path}: is none of {allowed:?}"));
    }
    let fits = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        _ => true,
    };
    if !fits {
        found.push(format!("{path}: is no {}", schema["type"]));
    }
    for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(key).is_none() {
            found.push(format!("{path}: has no {key}"));
        }
    }
    for (key, inner) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        match (schema["properties"].get(key), &schema["additionalProperties"]) {
            (Some(own), _) => misfits(inner, own, &path, found),
            (None, Value::Bool(false)) => found.push(format!("{path}: is not known")),
            (None, other) if other.is_object() => misfits(inner, other, &path, found),
            _ => {}
        }
    }
    if schema["items"].is_object() {
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            misfits(item, &schema["items"], &format!("{path}[{index}]"), found);
        }
    }
}

fn as_json(value: &toml::Value) -> Value {
    match value {
        toml::Value::Datetime(when) => json!(when.to_string()),
        toml::Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), as_json(value))).collect(),
        toml::Value::Array(items) => items.iter().map(as_json).collect(),
        other => serde_json::to_value(other).unwrap(),
    }
}

/// Every file that we ship with the name of its schema.
fn shipped() -> Vec<(PathBuf, String)> {
    let toml_files = |dir: &str| {
        let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect::<Vec<_>>()
    };
    let known: Vec<&str> = Rulebook::schemas().into_iter().map(|(name, _)| name).collect();
    let mut all: Vec<(PathBuf, String)> =
        toml_files("config").into_iter().map(|path| (path, CONFIG.to_owned())).collect();
    for path in toml_files("rules") {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let name = if known.contains(&stem.as_str()) { stem } else { "rules".to_owned() };
        all.push((path, format!("rules/schemas/{name}.schema.json")));
    }
    all
}

#[test]
fn every_file_that_we_ship_fits_its_schema() {
    let by_path: BTreeMap<String, Value> =
        schemas().into_iter().map(|(path, schema)| (path.display().to_string(), schema)).collect();
    let files = shipped();
    assert!(files.len() >= 6 + 10, "{files:?}");
    let mut pairs = Vec::new();
    for (path, name) in files {
        let table: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        let value = as_json(&toml::Value::Table(table));
        let mut found = Vec::new();
        misfits(&value, &by_path[&name], "", &mut found);
        assert!(found.is_empty(), "{}: {found:#?}", path.display());
        let mut wrong = value.clone();
        wrong["sleutel_die_er_niet_is"] = json!(1);
        misfits(&wrong, &by_path[&name], "", &mut found);
        assert!(!found.is_empty(), "{}: an unknown key fits {name}", path.display());
        pairs.push(json!([path, value, wrong, by_path[&name]]));
    }
    // The same by a validator that others wrote, where Python has it (Debian: python3-jsonschema).
    let script = "import json, sys\ntry:\n from jsonschema import Draft202012Validator as V\nexcept ImportError:\n sys.exit(77)\n\
                  for path, value, wrong, schema in json.load(sys.stdin):\n V.check_schema(schema)\n v = V(schema)\n \
                  e = [x.message for x in v.iter_errors(value)]\n assert not e, (path, e)\n assert not v.is_valid(wrong), path\n";
    let mut python = Command::new("python3")
        .args(["-c", script])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("apt-get install python3");
    serde_json::to_writer(python.stdin.take().unwrap(), &pairs).unwrap();
    match python.wait().unwrap().code() {
        Some(77) => eprintln!("not shown here: Python has no jsonschema"),
        code => assert_eq!(code, Some(0)),
    }
}

/// Keys of docs/configuration.md: path → is it marked as one that a reload puts into effect?
fn documented() -> BTreeMap<String, bool> {
    let text = std::fs::read_to_string("docs/configuration.md").unwrap();
    let mut found = BTreeMap::new();
    let mut table: Option<String> = None;
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ").or_else(|| line.strip_prefix("### ")) {
            table = heading.split('`').nth(1).and_then(|name| name.strip_prefix('[')).map(|name| {
                let list = name.starts_with('[');
                let name = name.trim_matches(['[', ']']).replace("NAME", "*");
                if list { format!("{name}[].") } else { format!("{name}.") }
            });
            if heading == "Top level" {
                table = Some(String::new());
            }
            continue;
        }
        let (Some(table), Some(row)) = (&table, line.strip_prefix("| `")) else { continue };
        let cell = row.split(" | ").next().unwrap();
        for key in format!("`{cell}").split('`').skip(1).step_by(2) {
            let path = format!("{table}{}", key.replace("NAME", "*"));
            assert!(found.insert(path.clone(), cell.contains('↻')).is_none(), "{path} is there twice");
        }
    }
    found
}

/// A key as the page names it: what is written as one value between braces is one key there.
fn on_the_page(key: &Key) -> String {
    let inline = |table: &str| key.path.strip_prefix(table).and_then(|rest| rest.strip_prefix('.'));
    if inline("letters.cover").is_some() {
        return "letters.cover".to_owned();
    }
    for table in ["retention", "zaaksysteem.decisions"] {
        if let Some(rest) = inline(table) {
            return format!("{table}.{}", rest.split('.').next().unwrap());
        }
    }
    key.path.clone()
}

#[test]
fn the_page_of_the_keys_names_each_and_no_other_and_says_what_a_reload_reaches() {
    let documented = documented();
    let known: BTreeMap<String, bool> =
        keys().iter().map(|key| (on_the_page(key), is_reloaded(&key.path))).collect();
    let missing: Vec<&String> = known.keys().filter(|key| !documented.contains_key(*key)).collect();
    let unknown: Vec<&String> = documented.keys().filter(|key| !known.contains_key(*key)).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "not on the page: {missing:#?}\nno such key: {unknown:#?}"
    );
    for (key, reloaded) in &known {
        assert_eq!(documented[key], *reloaded, "{key}: ↻ on the page, and what a reload does");
    }
    for key in keys() {
        let is_named_by_class = key.path.starts_with("retention.") || key.path.ends_with(".*");
        assert!(
            !key.about.is_empty() || is_named_by_class || !key.path.contains('.'),
            "{} has no words",
            key.path
        );
    }
}

/// The class of every retention rule is a key of the schema: the table that makes it is written by hand.
#[test]
fn every_class_of_retention_is_a_key() {
    for class in bode::record::RetentionClass::ALL {
        let name = serde_json::to_value(class).unwrap();
        let path = format!("retention.{}.term", name.as_str().unwrap());
        assert!(keys().iter().any(|key| key.path == path), "{path}");
    }
}

#[test]
fn a_shipped_file_has_the_comment_by_which_editors_find_the_schema() {
    for path in ["amsterdam", "demo", "den-haag", "deventer", "haarlem", "nationale-ombudsman"] {
        let path = format!("config/{path}.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("#:schema bode.schema.json\n"), "{path}");
        assert!(load_with(Path::new(&path), &mut std::iter::empty()).is_ok());
    }
}
