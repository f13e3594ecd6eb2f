//! `bode verify`: the proof, by counting and by digest, that nothing was lost.

use super::{CommandResult, Ended, Failure, Global, setting};
use crate::clock;
use crate::store::Store;
use clap::Args;

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The whole report as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn verify(global: &Global, args: &VerifyArgs) -> CommandResult {
    let config = setting::config(global)?;
    let store = Store::open_read_only(&config.store).map_err(Failure::failed)?;
    let report = store.verify(clock::now()).map_err(Failure::failed)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).map_err(Failure::failed)?);
    } else {
        println!("{}", report.summary());
    }
    for exception in &report.exceptions {
        eprintln!("bode: {exception}");
    }
    Ok(if report.is_clean() { Ended::Well } else { Ended::WithRefusals })
}
