//! `bode rules …`: the rules as staff edit them: checked, tried on examples and on the archive, compared,
//! described. Faults and reports in Dutch.

mod comparing;
mod trying;

use super::{CommandResult, Ended, Failure, Global, setting};
use crate::config::Config;
use crate::intake::Rulebook;
use crate::record::Office;
use crate::trial::Item;
use clap::{Args, Subcommand};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum RulesCommand {
    /// Reads rules, organisations and templates and tells every fault with file, line and column.
    Check,
    /// Runs the labelled examples kept with the rules; tells each that turned out otherwise.
    Test {
        /// Files of labelled examples (JSONL), or directories of them, beside those kept with the rules.
        #[arg(value_name = "DIR|FILE.jsonl")]
        examples: Vec<PathBuf>,
    },
    /// Counts how many labels turn out right; of the archive, how often staff kept or overruled each rule.
    Score {
        /// Files of labelled examples, or `archive` (what stands without any).
        #[arg(value_name = "archive|FILE.jsonl")]
        on: Vec<PathBuf>,
        #[arg(long)]
        json: bool,
    },
    /// Judges cases and examples with two rule sets and lists what would change, and by which rules.
    Diff(DiffArgs),
    /// The page that lists every rule in Dutch with its reason, weight and examples, as Markdown.
    Describe {
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Proposes words and weights from examples and from what staff overruled. Changes nothing.
    Suggest {
        /// Files of labelled examples, and `archive`. Without any: the archive and the examples kept with the rules.
        #[arg(value_name = "archive|FILE.jsonl")]
        on: Vec<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// The directory of the other rules; then what to judge: `archive` (what stands without any) or files of examples.
    #[arg(value_name = "OTHER_RULES_DIR [archive|FILE.jsonl]")]
    what: Vec<PathBuf>,
    /// The other way round: from these rules (a directory, or a version that was in force) to those of the
    /// configuration.
    #[arg(long, value_name = "DIR|VERSION")]
    against: Option<PathBuf>,
    #[arg(long)]
    json: bool,
}

pub(super) fn rules(global: &Global, command: RulesCommand) -> CommandResult {
    let config = setting::config(global)?;
    match command {
        RulesCommand::Check => check(global, &config),
        RulesCommand::Describe { out } => describe(&config, out.as_deref()),
        RulesCommand::Test { examples } => trying::test(global, &config, &examples),
        RulesCommand::Score { on, json } => trying::score(global, &config, &on, json),
        RulesCommand::Diff(args) => comparing::diff(global, &config, &args),
        RulesCommand::Suggest { on } => comparing::suggest(global, &config, &on),
    }
}

fn loaded(config: &Config) -> Result<Rulebook, Failure> {
    Rulebook::load(config).map_err(|faults| Failure::Usage(faults.to_string()))
}

fn check(global: &Global, config: &Config) -> CommandResult {
    let rulebook = Rulebook::load(config);
    let mut faults = if rulebook.is_err() { Rulebook::faults(config) } else { Vec::new() };
    faults.extend(setting::ocr_languages(config).err());
    if let (Some(path), Ok(rulebook)) = (&global.config, &rulebook) {
        faults.extend(unknown_bodies(path, config, &rulebook.ruleset));
    }
    let rulebook = match rulebook {
        Ok(rulebook) if faults.is_empty() => rulebook,
        _ => return Err(Failure::Usage(faults.join("\n"))),
    };
    println!(
        "{} regels in orde, versie {}; sjablonen, feestdagen en instanties van het kantoor in orde",
        rulebook.ruleset.rules().count(),
        rulebook.version()
    );
    Ok(Ended::Well)
}

/// Ids in the office's competence that no rule file knows: such a line would never have an effect.
fn unknown_bodies(path: &Path, config: &Config, ruleset: &crate::triage::Ruleset) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let known: Vec<&str> = ruleset.organisation_ids().collect();
    let competence = &config.office.competence;
    let ids = competence.within.iter().chain(&competence.outside).chain(&competence.home);
    ids.filter(|id| match id.strip_suffix('*') {
        Some(stem) => !known.iter().any(|known| known.starts_with(stem)),
        None => !known.contains(&id.as_str()),
    })
    .map(|id| {
        let at = text.find(&format!("\"{id}\"")).unwrap_or_default();
        let (line, column) = crate::config::position(&text, at);
        let meant = crate::record::nearest(id, known.iter().copied());
        format!("{}:{line}:{column}: De instantie “{id}” staat niet in de regels.{meant}", path.display())
    })
    .collect()
}

fn describe(config: &Config, out: Option<&Path>) -> CommandResult {
    let rulebook = loaded(config)?;
    let page = rulebook.ruleset.describe(&rulebook.office);
    match out {
        Some(path) => std::fs::write(path, page)
            .map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?,
        None => print!("{page}"),
    }
    Ok(Ended::Well)
}

/// The offices of examples: the one of the configuration, and those whose files lie beside it.
fn offices(global: &Global, config: &Config, items: &[Item]) -> BTreeMap<String, Office> {
    let mut offices = BTreeMap::from([(config.office.id.clone(), config.office.clone())]);
    let dir = global.config.as_deref().and_then(Path::parent).unwrap_or(Path::new("."));
    for item in items {
        if !offices.contains_key(&item.office)
            && item.office.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && let Ok(other) = crate::config::load_file(&dir.join(format!("{}.toml", item.office)))
            && other.office.id == item.office
        {
            offices.insert(item.office.clone(), other.office);
        }
    }
    offices
}
