//! `bode rules check|test`: the rules as staff edit them. Faults in Dutch, with file, line and column.

use super::{CommandResult, Ended, Failure, Global, setting};
use crate::intake::Rulebook;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum RulesCommand {
    /// Reads rules, organisations and templates and tells every fault with file, line and column.
    Check,
    /// Runs the labelled examples kept with the rules; tells each that turned out otherwise.
    Test,
}

pub(super) fn rules(global: &Global, command: &RulesCommand) -> CommandResult {
    let config = setting::config(global)?;
    if matches!(command, RulesCommand::Check) {
        setting::ocr_languages(&config).map_err(Failure::Usage)?;
    }
    let loaded = Rulebook::load(&config);
    match command {
        RulesCommand::Check => match loaded {
            Ok(rulebook) => {
                println!(
                    "{} regels in orde, versie {}; sjablonen en feestdagen in orde",
                    rulebook.ruleset.rules().count(),
                    rulebook.ruleset.version()
                );
                Ok(Ended::Well)
            }
            Err(faults) => Err(Failure::Usage(faults.to_string())),
        },
        RulesCommand::Test => {
            let rulebook = loaded.map_err(|faults| Failure::Usage(faults.to_string()))?;
            let examples = rulebook.ruleset.examples().len();
            let otherwise = rulebook.ruleset.failed_examples();
            for line in &otherwise {
                eprintln!("bode: {line}");
            }
            println!("{} van {examples} voorbeelden kloppen", examples - otherwise.len().min(examples));
            Ok(if otherwise.is_empty() { Ended::Well } else { Ended::WithRefusals })
        }
    }
}
