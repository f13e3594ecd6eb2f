//! `bode key …`: the keys that the store is sealed with at rest, and sealing it with a new one.

use super::{CommandResult, Ended, Failure, Global, setting};
use crate::clock;
use crate::record::office_date;
use crate::store::{SealedCounts, Store, new_key, sealed_counts};
use clap::Subcommand;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Makes a key file; in one that is there, a new first key, which seals from the next start on.
    New {
        /// Outside the store and its backups: who has both reads everything.
        file: PathBuf,
        /// Its name: small letters, digits and -. Without it: the date and four digits by chance.
        #[arg(long)]
        name: Option<String>,
    },
    /// Seals everything in the store with the first key: after encryption was turned on, or a new key was made. Stop the
    /// daemon first. Cut off, it goes on where it was.
    #[command(alias = "rotate")]
    Seal {
        /// What was done, as JSON.
        #[arg(long)]
        json: bool,
    },
    /// How many files are sealed, sealed with an older key, and open.
    Status {
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn key(global: &Global, command: KeyCommand) -> CommandResult {
    match command {
        KeyCommand::New { file, name } => new(&file, name),
        KeyCommand::Seal { json } => seal(global, json),
        KeyCommand::Status { json } => status(global, json),
    }
}

fn new(file: &Path, name: Option<String>) -> CommandResult {
    let name = match name {
        Some(name) => name,
        None => {
            let mut chance = [0u8; 2];
            getrandom::fill(&mut chance).map_err(|error| Failure::Failed(error.to_string()))?;
            format!("{}-{:04x}", office_date(clock::now()), u16::from_be_bytes(chance))
        }
    };
    new_key(file, &name).map_err(Failure::failed)?;
    println!("{name}");
    eprintln!(
        "bode: {} now holds the key {name}. Keep a copy in a safe place, apart from the backups: without it nothing in \
         the store can be read.",
        file.display()
    );
    Ok(Ended::Well)
}

fn status(global: &Global, json: bool) -> CommandResult {
    let config = setting::config(global)?;
    let counts = sealed_counts(&config.store).map_err(Failure::failed)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&counts).map_err(Failure::failed)?);
    } else {
        let SealedCounts { sealed, sealed_with_older_key, plain } = counts;
        println!("{sealed} files sealed, {sealed_with_older_key} with an older key, {plain} open");
    }
    Ok(Ended::Well)
}

fn seal(global: &Global, json: bool) -> CommandResult {
    let config = setting::config(global)?;
    let store = Store::open(&config.store).map_err(Failure::failed)?;
    let bar = setting::progress(global, 0, "records");
    let done = store
        .seal_all(&mut |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        })
        .map_err(Failure::failed)?;
    bar.finish_and_clear();
    if json {
        println!("{}", serde_json::to_string_pretty(&done).map_err(Failure::failed)?);
    } else {
        println!(
            "{} files sealed, {} of them had lain open; {} were sealed before",
            done.sealed, done.plain, done.already
        );
    }
    for place in &done.damaged {
        eprintln!("bode: {place} does not open: put it back from the backup, then run this again");
    }
    Ok(if done.damaged.is_empty() { Ended::Well } else { Ended::WithRefusals })
}
