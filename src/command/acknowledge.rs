//! `bode acknowledge FILE`: what would be sent for this message or letter; nothing is sent.

use super::look::{self, look};
use super::{CommandResult, Ended, Failure, Global, setting};
use crate::clock;
use crate::record::Answer;
use clap::Args;
use jiff::civil::Date;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct AcknowledgeArgs {
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write the message (.eml) or letter (.pdf) here instead of to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The date of receipt; else Received, Date or the file's time.
    #[arg(long, value_name = "DATE")]
    received: Option<Date>,
}

pub(super) fn acknowledge(global: &Global, args: &AcknowledgeArgs) -> CommandResult {
    let config = setting::config(global)?;
    let rulebook = setting::rulebook_for_files(&config)?;
    let runtime = setting::runtime()?;
    let reader = {
        let _inside = runtime.enter();
        look::reader(global)?
    };
    let looked = runtime
        .block_on(look(&reader, &args.file, false))
        .map_err(|reason| Failure::Failed(format!("{}: {reason}", args.file.display())))?;
    let received = look::received(args.received, &looked.extract, &args.file);
    let answered = rulebook.preview(&looked.extract, looked.channel, received, clock::now()).prepared;
    let (verdict, reason) = match &answered.answer {
        Answer::Send { reason, .. } => ("would be sent", reason),
        Answer::Hold { reason, .. } => ("would be held for a person", reason),
        Answer::Withhold { reason } => ("nothing would be sent", reason),
    };
    eprintln!("bode: {}: {verdict}: {reason}", args.file.display());
    if let Some(bytes) = &answered.bytes {
        match &args.out {
            Some(out) => std::fs::write(out, bytes)
                .map_err(|error| Failure::Failed(format!("{}: {error}", out.display())))?,
            None => std::io::stdout().lock().write_all(bytes).map_err(Failure::failed)?,
        }
    }
    Ok(Ended::Well)
}
