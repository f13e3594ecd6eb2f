//! `bode verify`: the proof, by counting and by digest, that nothing was lost: the sources against the register, and the
//! store in itself. A running daemon is asked for it: it holds the index that is to be proved, and knows what it leaves at
//! its sources. Without one it is made here.

use super::{CommandResult, Ended, Failure, Global, setting};
use crate::config::Config;
use crate::daemon::control::{self, Change, Reply};
use crate::daemon::{Proof, Prover};
use crate::oauth::SignIns;
use crate::store::{Store, StoreError, sealed_counts};
use clap::Args;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The whole report as JSON.
    #[arg(long)]
    json: bool,
    /// The store alone: mailbox and folders are not counted.
    #[arg(long)]
    no_sources: bool,
}

pub(super) fn verify(global: &Global, args: &VerifyArgs) -> CommandResult {
    let config = setting::config(global)?;
    let asked = control::ask(&config.store, &Change::Prove { sources: !args.no_sources });
    let proof = match asked.map_err(Failure::failed)? {
        Some(Reply::Proved(proof)) => *proof,
        Some(Reply::Refused(why)) => return Err(Failure::Failed(why)),
        Some(Reply::Changed(_) | Reply::Sending(_) | Reply::Purged(_) | Reply::Noted) => {
            return Err(Failure::Failed(
                "the daemon answers something else; is it another version?".to_owned(),
            ));
        }
        None => here(global, &config, !args.no_sources)?,
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&proof).map_err(Failure::failed)?);
    } else {
        proof.lines().iter().for_each(|line| println!("{line}"));
    }
    if config.encryption.key_file.is_some() {
        let counts = sealed_counts(&config.store).map_err(Failure::failed)?;
        if counts.plain + counts.sealed_with_older_key > 0 {
            let (plain, older) = (counts.plain, counts.sealed_with_older_key);
            eprintln!(
                "bode: {plain} files lie open and {older} are sealed with an older key: bode key seal mends that"
            );
        }
    }
    for exception in &proof.store.exceptions {
        eprintln!("bode: {exception}");
    }
    if proof.store.more_exceptions > 0 {
        eprintln!("bode: en nog {}", proof.store.more_exceptions);
    }
    if proof.store.leftovers > 0 {
        let files = proof.store.leftovers;
        eprintln!("bode: {files} bestanden zijn over van een afgebroken wijziging; ze tellen niet mee");
    }
    Ok(if proof.is_clean() { Ended::Well } else { Ended::WithRefusals })
}

/// Without a daemon.
fn here(global: &Global, config: &Config, sources: bool) -> Result<Proof, Failure> {
    let bar = setting::progress(global, 0, "index opbouwen");
    let is_store = config.store.join("journal").is_dir();
    let opened = is_store.then(|| {
        Store::open_watched(&config.store, &mut |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        })
    });
    bar.finish_and_clear();
    let store = match opened {
        Some(Ok(store)) => store,
        // A daemon that is just starting, an import, or a store of somebody else: looked at beside it.
        None | Some(Err(StoreError::InUse { .. } | StoreError::Io { .. })) => {
            Store::open_read_only(&config.store).map_err(Failure::failed)?
        }
        Some(Err(error)) => return Err(Failure::failed(error)),
    };
    let sign_ins = SignIns::new(config).map_err(Failure::failed)?;
    let prover = Prover::new(Arc::new(store), config, &sign_ins);
    setting::runtime()?.block_on(prover.prove(sources)).map_err(Failure::failed)
}
