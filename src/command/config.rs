//! `bode config …`: every fault of a configuration, what counts in the end, and the schemas for editors.

use super::{CommandResult, Ended, Failure, Global};
use crate::config::{Loaded, Place, Shown, load_file, load_whole, schema, shown};
use crate::intake::Rulebook;
use clap::Subcommand;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Names every fault with file, line and key. Without FILE: that of --config, with what the environment overrides.
    Check { files: Vec<PathBuf> },
    /// Every value that counts, with where it comes from: the file, the environment, or the default. Of a secret, its place.
    Show {
        #[arg(long)]
        json: bool,
    },
    /// JSON Schema (draft 2020-12) of the configuration, or of a kind of rule file.
    Schema {
        /// Of the files of rules/ such as organisations; `rules` for those with rules. Without it: of the configuration.
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
}

pub(super) fn config(global: &Global, command: &ConfigCommand) -> CommandResult {
    match command {
        ConfigCommand::Check { files } => check(global, files),
        ConfigCommand::Show { json } => show(global, *json),
        ConfigCommand::Schema { name } => print_schema(name.as_deref()),
    }
}

fn named(global: &Global) -> Result<&Path, Failure> {
    let usage = "name the office's configuration: --config FILE, or BODE_CONFIG in the environment";
    global.config.as_deref().ok_or_else(|| Failure::Usage(usage.to_owned()))
}

fn check(global: &Global, files: &[PathBuf]) -> CommandResult {
    let mut faults = Vec::new();
    if files.is_empty() {
        let path = named(global)?;
        match load_whole(path) {
            Ok(loaded) => println!("{}: {}", path.display(), loaded.config.office.name),
            Err(error) => faults.extend(error.faults),
        }
    }
    for path in files {
        match load_file(path) {
            Ok(config) => println!("{}: {}", path.display(), config.office.name),
            Err(error) => faults.extend(error.faults),
        }
    }
    if faults.is_empty() { Ok(Ended::Well) } else { Err(Failure::Usage(faults.join("\nbode: "))) }
}

fn show(global: &Global, json: bool) -> CommandResult {
    let path = named(global)?;
    let Loaded { layers, .. } = load_whole(path).map_err(|error| Failure::Usage(error.to_string()))?;
    let all = shown(&layers);
    if json {
        let all: Vec<Value> = all.iter().map(as_json).collect();
        println!(
            "{}",
            serde_json::to_string_pretty(&json!({ "file": path, "keys": all })).map_err(Failure::failed)?
        );
        return Ok(Ended::Well);
    }
    let wide = all.iter().map(|one| one.key.len()).max().unwrap_or_default().min(48);
    for one in &all {
        let from = one.from.as_ref().map_or_else(|| "default".to_owned(), ToString::to_string);
        println!("{:wide$}  {}  # {from}", one.key, one.value);
    }
    Ok(Ended::Well)
}

fn as_json(one: &Shown) -> Value {
    let from = match &one.from {
        None => json!({ "default": true }),
        Some(Place::Environment(name)) => json!({ "environment": name }),
        Some(Place::File { path, line, .. }) => json!({ "file": path, "line": line }),
    };
    let change = if one.reloaded { "reload" } else { "restart" };
    json!({ "key": one.key, "value": one.value, "from": from, "change": change })
}

fn print_schema(name: Option<&str>) -> CommandResult {
    let schemas = Rulebook::schemas();
    let schema = match name {
        None => schema::schema(),
        Some(name) => match schemas.iter().find(|(known, _)| *known == name) {
            Some((_, schema)) => schema,
            None => {
                let known: Vec<&str> = schemas.iter().map(|(name, _)| *name).collect();
                return Err(Failure::Usage(format!(
                    "there is no schema {name:?}; there are {}",
                    known.join(", ")
                )));
            }
        },
    };
    println!("{}", serde_json::to_string_pretty(schema).map_err(Failure::failed)?);
    Ok(Ended::Well)
}
