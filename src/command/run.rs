//! `bode run`: the daemon, until SIGTERM or SIGINT; SIGHUP reads rules, templates and office data again.

use super::{CommandResult, Ended, Failure, Global, setting};
use crate::daemon::{Daemon, Options};
use tokio::signal::unix::{Signal, SignalKind, signal};

pub(super) fn run(global: &Global) -> CommandResult {
    let config = setting::config(global)?;
    let rulebook = setting::rulebook(&config)?;
    let options = Options {
        config_path: global.config.clone().unwrap_or_default(),
        program: setting::program()?,
        lay_messages_in: None,
    };
    let runtime = setting::runtime()?;
    runtime.block_on(async {
        let mut daemon = Daemon::start(config, rulebook, options).await.map_err(Failure::failed)?;
        let mut signals = Signals::new().map_err(Failure::failed)?;
        loop {
            tokio::select! {
                told = signals.next() => match told {
                    Told::End => break,
                    Told::Reload => daemon.reload(),
                },
                // Nobody watches the pieces of a daemon one by one; the log tells them.
                _ = daemon.events.recv() => {}
            }
        }
        daemon.stop().ask();
        daemon.ended().await;
        Ok(Ended::Well)
    })
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
