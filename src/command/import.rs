//! `bode import PATH…`: a backlog, taken in as if it had just arrived: registered, read, judged, queued. Answers wait in
//! the outbox for the daemon.

use super::{CommandResult, Ended, Failure, Global, setting};
use crate::clock;
use crate::daemon::{cores, reader, run_policy};
use crate::intake::{Became, Intake, RunPolicy};
use crate::limits::{BATCH_BYTES_MAX, BATCH_PIECES_MAX};
use crate::record::{Arrival, RegistrationNumber};
use crate::register::{self, Taken};
use crate::source::Import;
use crate::source::import::ImportOptions;
use crate::store::Store;
use clap::Args;
use indicatif::ProgressBar;
use jiff::civil::Date;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc::{self, UnboundedReceiver};

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// .eml, .mbox, Maildir folders, .pdf .tif .jpg .png letters, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Never answer these pieces.
    #[arg(long)]
    no_acknowledge: bool,
    /// The date of receipt of all pieces; else what each tells of itself.
    #[arg(long, value_name = "DATE")]
    received: Option<Date>,
}

/// What an import came to.
#[derive(Default)]
struct Tally {
    registered: u64,
    known: u64,
    cases: u64,
    parts: u64,
    aside: u64,
    refused: u64,
    /// Stacks, and the letters that they were divided into.
    runs: u64,
    letters: u64,
}

pub(super) fn import(global: &Global, args: &ImportArgs) -> CommandResult {
    let config = setting::config(global)?;
    let rulebook = Arc::new(setting::rulebook_for_files(&config)?);
    let store = Arc::new(Store::open(&config.store).map_err(Failure::failed)?);
    store.keep_rules(&rulebook.version(), &rulebook.kept_files()).map_err(Failure::failed)?;
    let runtime = setting::runtime()?;
    let reader = {
        let _inside = runtime.enter();
        reader(&config.reading, setting::program()?)
    };
    let (sender, mut letters) = mpsc::unbounded_channel();
    // A backlog is there as a whole: no half of it waits for another.
    let runs = RunPolicy { backs_follow: false, ..run_policy(&config) };
    let intake = Arc::new(Intake::new(store, reader, rulebook, runs, Some(sender)));
    let bar = setting::progress(global, Import::count(&args.paths), "ingelezen");
    let options = ImportOptions { received: args.received, acknowledge: !args.no_acknowledge };
    let mut tally = Tally::default();
    let mut pieces = Import::new(&args.paths, options);
    loop {
        let batch = next_batch(&mut pieces, &bar, &mut tally);
        if batch.is_empty() {
            break;
        }
        let taken = batch.len() as u64;
        runtime.block_on(take_in(&intake, batch, &mut letters, &mut tally))?;
        bar.inc(taken);
    }
    intake.store.settle().map_err(Failure::failed)?;
    bar.finish_and_clear();
    println!(
        "{} stukken: {} zaken, {} bij een zaak gevoegd, {} terzijde, {} al bekend, {} geweigerd",
        tally.registered + tally.known + tally.refused,
        tally.cases,
        tally.parts,
        tally.aside,
        tally.known,
        tally.refused
    );
    if tally.runs > 0 {
        println!("waarvan {} stapels, verdeeld in {} brieven", tally.runs, tally.letters);
    }
    Ok(if tally.refused > 0 { Ended::WithRefusals } else { Ended::Well })
}

/// The next pieces, bounded by number and bytes; what is refused is told at once.
fn next_batch(pieces: &mut Import, bar: &ProgressBar, tally: &mut Tally) -> Vec<Arrival> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while batch.len() < BATCH_PIECES_MAX && bytes < BATCH_BYTES_MAX {
        match pieces.next() {
            None => break,
            Some(Ok(arrival)) => {
                bytes += arrival.bytes.len() as u64;
                batch.push(arrival);
            }
            Some(Err(refused)) => {
                tally.refused += 1;
                bar.inc(1);
                bar.suspend(|| eprintln!("bode: {refused}"));
            }
        }
    }
    batch
}

async fn take_in(
    intake: &Arc<Intake>,
    batch: Vec<Arrival>,
    letters: &mut UnboundedReceiver<RegistrationNumber>,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let store = Arc::clone(&intake.store);
    let registered = tokio::task::spawn_blocking(move || register::register(&store, batch, clock::now()))
        .await
        .map_err(Failure::failed)?
        .map_err(Failure::failed)?;
    let mut new: Vec<RegistrationNumber> = Vec::new();
    for piece in registered {
        match piece {
            Taken::New(record) => new.push(record.number),
            Taken::Known(number) => {
                tally.known += 1;
                if intake.store.is_purged(number).map_err(Failure::failed)? {
                    eprintln!(
                        "bode: {number} was destroyed when its term was over (bode purge); it is not taken in again"
                    );
                }
            }
            Taken::Refused { reason } => {
                tally.refused += 1;
                eprintln!("bode: {reason}");
            }
        }
    }
    tally.registered += new.len() as u64;
    take_up(intake, new, tally).await?;
    // What runs were divided into; no letter is a run.
    let mut divided = Vec::new();
    while let Ok(letter) = letters.try_recv() {
        divided.push(letter);
    }
    tally.letters += divided.len() as u64;
    take_up(intake, divided, tally).await
}

/// Entered in order and taken up side by side, as the daemon does.
async fn take_up(
    intake: &Arc<Intake>,
    numbers: Vec<RegistrationNumber>,
    tally: &mut Tally,
) -> Result<(), Failure> {
    use futures_util::StreamExt;
    let mut entered = Vec::with_capacity(numbers.len());
    for number in numbers {
        entered.push(intake.enter(number).await);
    }
    let mut outcomes = futures_util::stream::iter(entered.into_iter().map(|entered| intake.take_up(entered)))
        .buffer_unordered(cores() * 4);
    while let Some(outcome) = outcomes.next().await {
        match outcome.map_err(|not_yet| Failure::failed(not_yet.error))? {
            Became::Case(_) => tally.cases += 1,
            Became::PartOf(_) => tally.parts += 1,
            Became::Aside => tally.aside += 1,
            Became::Divided => tally.runs += 1,
            Became::Waits(_) => {}
        }
    }
    Ok(())
}
