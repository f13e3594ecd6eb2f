//! `bode run`: the daemon, until SIGTERM or SIGINT; SIGHUP reads rules, templates and office data again.

use super::{CommandResult, Ended, Failure, Global, memory, setting};
use crate::clock;
use crate::config::Config;
use crate::daemon::{Broken, Daemon, DaemonError, Options};
use crate::explain::with_causes;
use crate::intake::Rulebook;
use crate::limits::DRAIN_TIME_MAX;
use crate::notify::Manager;
use clap::Args;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::error;

/// The longest pause between two attempts to start again. Meanwhile nothing answers, so it is short.
const RESTART_PAUSE_MAX: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Rehearsal: all is judged and written, nothing is sent, now or later (as with `answers.send = false`).
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(global: &Global, args: &RunArgs) -> CommandResult {
    let manager = Arc::new(Manager::from_environment());
    let mut config = setting::config(global)?;
    config.answers.send &= !args.dry_run;
    // A scan that cannot be recognised would be tried again and again.
    setting::ocr_languages(&config).map_err(Failure::Usage)?;
    let options = Options {
        config_path: global.config.clone().unwrap_or_default(),
        program: setting::program()?,
        lay_messages_in: None,
        manager: Arc::clone(&manager),
    };
    let runtime = setting::runtime()?;
    let outcome = runtime.block_on(async {
        // First of all: a reload that is asked for during the start waits for its end, a stop does not: a disk that does
        // not answer would keep us for ever.
        let mut signals = Signals::new().map_err(Failure::failed)?;
        let started = tokio::select! {
            () = signals.stop() => return Ok(Ended::Well),
            started = Daemon::start(config.clone(), None, options.clone()) => started,
        };
        let mut daemon = started.map_err(|fault| match fault {
            // With file, line and column: as wrong as a wrong configuration.
            DaemonError::Rules(faults) => Failure::Usage(faults.to_string()),
            fault => Failure::failed(fault),
        })?;
        tokio::spawn(memory::give_back_at_rest());
        loop {
            let telling = tokio::spawn(daemon.pulse().told_to(Arc::clone(&manager)));
            let ended = watch(&mut daemon, &mut signals, &manager).await;
            telling.abort();
            if ended.is_none() {
                manager.stopping();
            }
            daemon.stop().ask();
            daemon.ended().await;
            match ended {
                None => return Ok(Ended::Well),
                Some(Broken::Part) => {
                    let what = "a part ended by a fault of the program (see the log); start bode again";
                    return Err(Failure::Failed(what.to_owned()));
                }
                Some(Broken::Store) => {
                    error!("the store failed (is the disk full?); opening it anew until that works");
                    let rulebook = daemon.rulebook();
                    drop(daemon);
                    let beating = tokio::spawn(beat_on(Arc::clone(&manager)));
                    let fresh = again(&config, &rulebook, &options, &mut signals).await;
                    beating.abort();
                    match fresh {
                        Some(fresh) => daemon = fresh,
                        None => return Ok(Ended::Well),
                    }
                }
            }
        }
    });
    // What still waits for the disk by then is left to the next start, as after a crash.
    runtime.shutdown_timeout(DRAIN_TIME_MAX);
    outcome
}

/// Until the end is asked for (`None`) or the daemon is not whole any more.
async fn watch(daemon: &mut Daemon, signals: &mut Signals, manager: &Manager) -> Option<Broken> {
    loop {
        tokio::select! {
            told = signals.next() => match told {
                Told::End => return None,
                Told::Reload => {
                    manager.reloading(clock::monotonic());
                    daemon.reload();
                    manager.ready(&daemon.pulse().status());
                }
            },
            broken = daemon.broken() => return Some(broken),
        }
    }
}

/// Tells the service manager that we live while the store is opened anew: to be started once more would help no more.
async fn beat_on(manager: Arc<Manager>) {
    manager.status("the store failed (is the disk full?); opening it anew until that works");
    let Some(beat) = manager.beat() else { return };
    loop {
        manager.alive();
        tokio::time::sleep(beat).await;
    }
}

/// Starts until it works, with growing pauses. `None`: the end was asked for.
async fn again(
    config: &Config,
    rulebook: &Arc<Rulebook>,
    options: &Options,
    signals: &mut Signals,
) -> Option<Daemon> {
    let mut pause = Duration::from_secs(1);
    loop {
        tokio::select! {
            () = signals.end() => return None,
            () = tokio::time::sleep(pause) => {}
        }
        let started = tokio::select! {
            () = signals.stop() => return None,
            started = Daemon::start(config.clone(), Some(Arc::clone(rulebook)), options.clone()) => started,
        };
        match started {
            Ok(daemon) => return Some(daemon),
            Err(fault) => {
                error!(error = %with_causes(&fault), "not started again yet; make room on the disk")
            }
        }
        pause = (pause * 2).min(RESTART_PAUSE_MAX);
    }
}

/// What the operating system tells a daemon.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Returns on SIGTERM or SIGINT; SIGHUP waits.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Returns on SIGTERM or SIGINT; SIGHUP is taken and forgotten.
    pub(super) async fn end(&mut self) {
        while self.next().await != Told::End {}
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::End,
            _ = self.interrupt.recv() => Told::End,
            _ = self.hangup.recv() => Told::Reload,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    End,
    Reload,
}
