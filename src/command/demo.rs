//! `bode demo`: the whole house on sample mail and scans, with embedded parts only: no server, no account.

mod samples;
mod table;

use super::run::Signals;
use super::{CommandResult, Ended, Failure, Global, setting};
use crate::clock;
use crate::config::Config;
use crate::daemon::{Daemon, Event, Options, Stop};
use crate::record::AnswerState;
use crate::review::{Accounts, Role};
use crate::store::{CaseFilter, Store};
use clap::Args;
use indicatif::ProgressBar;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// End with the summary once every sample is judged and answered.
    #[arg(long)]
    exit_when_idle: bool,
}

/// The account of the demo's desk, which listens on the loopback address and holds invented post only.
const ACCOUNT: (&str, &str) = ("demo", "postkamer-demo");

/// How long the samples may take before the demo says that something is wrong.
const TIME_MAX: Duration = Duration::from_secs(300);

pub(super) fn demo(global: &Global, args: &DemoArgs) -> CommandResult {
    let config = setting::config(global)?;
    let rulebook = setting::rulebook(&config)?;
    let dir = demo_dir(&config)?;
    let total = samples::lay_out(&dir, &config).map_err(Failure::failed)?;
    let dir = dir.canonicalize().map_err(Failure::failed)?;
    let accounts = Accounts::new(&config.store);
    accounts.add(ACCOUNT.0, ACCOUNT.1, Role::Admin, clock::now()).map_err(Failure::failed)?;
    let bar = setting::progress(global, total, "proefpost");
    let options = Options {
        config_path: global.config.clone().unwrap_or_default(),
        program: setting::program()?,
        lay_messages_in: Some(dir.join("verzonden")),
        manager: std::sync::Arc::default(),
    };
    let runtime = setting::runtime()?;
    runtime.block_on(async {
        let mut daemon = Daemon::start(config, Some(rulebook), options).await.map_err(Failure::failed)?;
        let mut signals = Signals::new().map_err(Failure::failed)?;
        let stop = daemon.stop();
        let worked = tokio::select! {
            worked = tokio::time::timeout(TIME_MAX, work_through(&mut daemon, total, &bar)) => worked.is_ok(),
            () = signals.end() => false,
        };
        bar.finish_and_clear();
        let store = Arc::clone(&daemon.store);
        let told =
            tokio::task::spawn_blocking(move || table::print(&store)).await.map_err(Failure::failed)?;
        told.map_err(Failure::failed)?;
        if let Some(desk) = daemon.desk() {
            println!(
                "\nDe werkplek staat klaar op http://{desk}  (naam {}, wachtwoord {})",
                ACCOUNT.0, ACCOUNT.1
            );
        }
        println!("Verzonden antwoorden en te printen brieven liggen in {}", dir.display());
        if worked && !args.exit_when_idle {
            println!("Stoppen: Ctrl-C.");
            signals.end().await;
        }
        end(&mut daemon, &stop).await;
        if worked {
            Ok(Ended::Well)
        } else {
            Err(Failure::Failed(format!("not every sample was judged and answered within {TIME_MAX:?}")))
        }
    })
}

/// The directory of the demo, above its store; made new each time.
fn demo_dir(config: &Config) -> Result<PathBuf, Failure> {
    let store = std::path::absolute(&config.store).map_err(Failure::failed)?;
    store.parent().map(Path::to_path_buf).filter(|dir| dir.file_name().is_some()).ok_or_else(|| {
        Failure::Usage(
            "the demo's store needs a directory of its own above it, such as var/demo/store".into(),
        )
    })
}

/// Returns once every sample is judged and no answer waits.
async fn work_through(daemon: &mut Daemon, total: u64, bar: &ProgressBar) {
    while bar.position() < total {
        match daemon.events.recv().await {
            Some(Event::Judged(..) | Event::Known(_)) => bar.inc(1),
            Some(Event::Registered(_)) => {}
            None => return,
        }
    }
    let mut pause = tokio::time::interval(Duration::from_millis(100));
    loop {
        pause.tick().await;
        let store = Arc::clone(&daemon.store);
        match tokio::task::spawn_blocking(move || answers_waiting(&store)).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

fn answers_waiting(store: &Store) -> usize {
    let all = CaseFilter { limit: usize::MAX, ..CaseFilter::default() };
    let waiting = |row: &crate::record::CaseRow| {
        row.answer.as_ref().is_some_and(|answer| matches!(answer.state, AnswerState::Waiting { .. }))
    };
    store.cases(&all).map_or(0, |page| page.rows.iter().filter(|row| waiting(row)).count())
}

async fn end(daemon: &mut Daemon, stop: &Stop) {
    stop.ask();
    daemon.ended().await;
}
