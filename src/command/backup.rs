//! `bode backup DIR`: a copy of the store beside a running daemon, incremental, read back before it counts.

use super::{CommandResult, Ended, Failure, Global, setting};
use crate::clock;
use crate::record::size;
use crate::store::{self, CopyError, CopyOf};
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// Where the copy is kept: an empty directory, or one with an earlier backup of this store.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// What it came to as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn backup(global: &Global, args: &BackupArgs) -> CommandResult {
    let config = setting::config(global)?;
    let without: Vec<PathBuf> = config.store.key_file.iter().cloned().collect();
    let of = CopyOf { office: &config.office.id, bode: env!("CARGO_PKG_VERSION"), without: &without };
    let bar = setting::spinner(global, "bestanden");
    let mut progress = |files: u64, _| bar.set_position(files);
    let report = store::backup(&config.store, &args.dir, &of, clock::now(), &mut progress);
    bar.finish_and_clear();
    let report = report.map_err(|error| failure(&error, &args.dir))?;
    if let Err(error) = store::note_backup(&config.store, clock::now()) {
        let told = crate::explain::with_causes(&error);
        eprintln!("bode: the backup is whole; /metrics and doctor cannot tell its age: {told}");
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).map_err(Failure::failed)?);
    } else {
        println!(
            "{}: {} bestanden, {} ({} nieuw, {}), logboek tot en met regel {}; alles teruggelezen en in orde",
            args.dir.display(),
            report.files,
            size(report.bytes),
            report.new_files,
            size(report.new_bytes),
            report.entries
        );
        if let Some(at) = report.resumed {
            println!("de back-up die op {at} begon was afgebroken; deze ging ermee verder");
        }
        if report.purged > 0 {
            println!("{} vernietigde stukken zijn ook uit de kopie verwijderd", report.purged);
        }
        if report.mended > 0 {
            println!("{} beschadigde bestanden van de kopie zijn opnieuw gekopieerd", report.mended);
        }
    }
    if config.store.key_file.is_some() {
        eprintln!(
            "bode: the store is sealed: its key file is not in the copy. Keep it elsewhere: without it the copy is worth nothing"
        );
    }
    for absent in &report.absent {
        eprintln!(
            "bode: the store lacks {absent}, or it is not what was written: see bode verify; the copy holds all else"
        );
    }
    Ok(if report.absent.is_empty() { Ended::Well } else { Ended::WithRefusals })
}

/// With what to do about damage.
pub(super) fn failure(error: &CopyError, dir: &Path) -> Failure {
    let text = crate::explain::with_causes(error);
    match error {
        CopyError::Damaged { .. } => Failure::Failed(format!(
            "{} is damaged:\n{text}\nnothing was written; take another copy, or put these files back and try again",
            dir.display()
        )),
        _ => Failure::Failed(text),
    }
}
