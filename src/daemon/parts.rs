//! What runs side by side in one daemon, and how it starts and ends.

use super::breaker;
use super::control;
use super::desk::{self, Desk};
use super::feed::Feed;
use super::proof::{self, Prover};
use super::pulse::Pulse;
use super::reload::{self, InEffect, Reload};
use super::stop::Stop;
use super::work::{self, Stuck, Work};
use crate::clock;
use crate::config::{ClamdAddress, Config, Reading, ScanFolder};
use crate::digest::{self, Digest};
use crate::explain::with_causes;
use crate::extract::{Clamd, Reader, ReaderOptions};
use crate::handover::HandoverError;
use crate::intake::{Became, Intake, Rulebook, RulebookError, RunPolicy};
use crate::limits::PIPELINE_RECORDS_MAX;
use crate::notify::Manager;
use crate::oauth::{OauthError, SignIns};
use crate::outbox::{self, Delivery, Mailer, OutboxError};
use crate::pause;
use crate::record::RegistrationNumber;
use crate::review::{self, Code, Health, ReviewError};
use crate::source::{Imap, MaildirFolder, ScanInbox, Source};
use crate::store::{Store, StoreError};
use crate::webhooks::WebhookError;
use jiff::SignedDuration;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc::{self, Sender, UnboundedReceiver};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tracing::{error, info, warn};

/// Something that happened to a piece, for whoever watches (the demo's progress bar, a test).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Registered(RegistrationNumber),
    /// Byte for byte a piece that was taken in before.
    Known(RegistrationNumber),
    Judged(RegistrationNumber, Became),
}

/// How the daemon is run, beside the configuration.
#[derive(Clone, Debug)]
pub struct Options {
    /// The configuration file, read again on reload.
    pub config_path: PathBuf,
    /// This very binary: reading processes are started from it.
    pub program: PathBuf,
    /// Lay answers by e-mail in this folder instead of sending them (the demo).
    pub lay_messages_in: Option<PathBuf>,
    /// Who is told how the start goes.
    pub manager: Arc<Manager>,
}

/// What makes a running daemon less than whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A part ended by a fault of this program.
    Part,
    /// The store must be opened anew (see [`Store::has_failed`]).
    Store,
}

/// How often the store is asked whether it still works.
const STORE_LOOK_TIME: Duration = Duration::from_secs(1);

/// The part of `/healthz` that is the store while it is opened.
const STORE: &str = "store";
/// Percents of the index after which the log tells how far it is.
const PERCENT_TOLD: u64 = 5;
/// How long the next part of the index may take before the service manager gives the start up.
const INDEX_STEP_TIME_MAX: Duration = Duration::from_secs(600);

/// Why the daemon could not start.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error(transparent)]
    Rules(#[from] RulebookError),
    #[error("the store cannot be opened")]
    Store(#[from] StoreError),
    #[error("the outbox cannot be set up")]
    Outbox(#[from] OutboxError),
    #[error("a sign-in cannot be set up")]
    SignIn(#[from] OauthError),
    #[error("the desk cannot listen on {address}: {source}; choose another [desk] listen")]
    Listen { address: std::net::SocketAddr, source: std::io::Error },
    #[error("the desk cannot be set up")]
    Desk(#[from] ReviewError),
    #[error("the webhook {name} cannot be set up")]
    Webhook { name: String, source: WebhookError },
    #[error("the hand-over to the zaaksysteem cannot be set up")]
    Handover(#[from] HandoverError),
    #[error("the control socket {path} cannot be made: {source}")]
    Control { path: PathBuf, source: std::io::Error },
    #[error("there is nothing to take in: name a [mailbox], a [maildir] or a [scan] folder")]
    NoSource,
    #[error("the task was cut off")]
    CutOff(#[from] tokio::task::JoinError),
}

/// A running daemon.
pub struct Daemon {
    pub store: Arc<Store>,
    pub health: Health,
    pub events: UnboundedReceiver<Event>,
    desk: Option<Desk>,
    /// As `/healthz` calls them.
    sources: Vec<String>,
    intake: Arc<Intake>,
    reload: Reload,
    stop: Stop,
    tasks: JoinSet<()>,
}

impl Daemon {
    /// Opens the store, mends what a crash left, and starts every part. Without a `rulebook` rules and templates are read
    /// where the configuration says, while the store is opened.
    ///
    /// # Errors
    /// When a part cannot be set up at all; a server that does not answer is no error, but told and tried again.
    pub async fn start(
        config: Config,
        rulebook: Option<Arc<Rulebook>>,
        options: Options,
    ) -> Result<Self, DaemonError> {
        if config.mailbox.is_none() && config.maildir.is_none() && config.scan.is_none() {
            return Err(DaemonError::NoSource);
        }
        let sign_ins = SignIns::new(&config)?;
        let (health, since) = (Health::default(), clock::now());
        // A fault of the rules is told at once, and before one of the store.
        let opening = async { Ok(open_store(&config, &health, &options.manager).await) };
        let (rulebook, opened) = tokio::try_join!(rules(&config, rulebook), opening)?;
        let store = opened?;
        note_rehearsal(&store, config.answers.send).await?;
        let stop = Stop::default();
        let (answer_due, judged) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let unsynced = Arc::new(Notify::new());
        let workers = reading_workers(&config.reading);
        let metrics = health.metrics().clone();
        let reader = reader(&config.reading, options.program).counted_by(metrics.clone());
        let (letter_sender, letter_receiver) = mpsc::unbounded_channel();
        let intake =
            Intake::new(Arc::clone(&store), reader, rulebook, run_policy(&config), Some(letter_sender));
        let intake = Arc::new(intake.counted_by(metrics));
        super::watch::start(&config, &intake, &health, since);
        let (events, watched) = mpsc::unbounded_channel();
        let (work_sender, work_receiver) = mpsc::channel(PIPELINE_RECORDS_MAX);
        let mut tasks = JoinSet::new();

        let work = Work {
            intake: Arc::clone(&intake),
            health: health.clone(),
            events: events.clone(),
            answer_due: Arc::clone(&answer_due),
            judged: Arc::clone(&judged),
            unsynced: Arc::clone(&unsynced),
            stop: stop.clone(),
            places: Arc::new(Semaphore::new(workers * 4)),
            stuck: Stuck::default(),
        };
        tasks.spawn(work.run(work_receiver, letter_receiver));
        tasks.spawn(work::settle_judged(Arc::clone(&store), unsynced, stop.clone()));
        tasks.spawn(breaker::watch(Arc::clone(&intake), health.clone(), judged, stop.clone()));
        tasks.spawn(super::words::follow(Arc::clone(&store), health.clone(), stop.clone()));
        let resumed = resume(&store, &work_sender, &mut tasks).await?;
        let feed = Feed {
            store: Arc::clone(&store),
            work: work_sender,
            health: health.clone(),
            events,
            stop: stop.clone(),
            resumed,
        };
        let sources = start_sources(&config, &store, &sign_ins, &feed, &mut tasks)?;
        drop(feed);
        let prover = Prover::new(Arc::clone(&store), &config, &sign_ins).in_daemon(health.clone(), since);
        let served = control::Served {
            store: Arc::clone(&store),
            intake: Arc::clone(&intake),
            changed: Arc::clone(&answer_due),
            prover: prover.clone(),
            health: health.clone(),
        };
        start_control(&config, served, &stop, &mut tasks)?;
        tasks.spawn(proof::daily(prover, health.clone(), config.ledger.at, stop.clone()));
        let delivery = delivery(&config, &sign_ins, options.lay_messages_in)?;
        start_outbox(delivery, &store, &health, &answer_due, &stop, &mut tasks);
        let in_effect = InEffect::at_start(&config, &options.config_path);
        start_digest(&config, &store, &sign_ins, InEffect::asked(&in_effect), &stop, &mut tasks)?;
        let reload = Reload {
            in_effect,
            config_path: options.config_path,
            intake: Arc::clone(&intake),
            store: Arc::clone(&store),
            health: health.clone(),
        };
        reload::keep(&store, &intake.rulebook());
        super::telling::start(&config, &store, &health, &stop, &mut tasks).await?;
        let room = super::handing::start(&config, &store, &health, &stop, &mut tasks).await?;
        let desk = desk::start(&config, &store, &reload, &answer_due, room, &stop, &mut tasks).await?;
        let address = desk.as_ref().map(|desk| tracing::field::display(desk.address));
        info!(office = %config.office.id, desk = address, "bode is running");
        Ok(Self { store, health, events: watched, desk, sources, intake, reload, stop, tasks })
    }

    /// Where the desk listens, if it does.
    pub fn desk(&self) -> Option<std::net::SocketAddr> {
        self.desk.as_ref().map(|desk| desk.address)
    }

    /// By which it is felt whether this daemon lives.
    pub fn pulse(&self) -> Pulse {
        Pulse::new(&self.store, &self.health, self.desk()).with_sources(&self.sources)
    }

    /// The signal that ends this daemon.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Reads rules, templates and office data again. A broken file is refused with its reason; the old stay.
    pub fn reload(&self) {
        // The reason was told in the log and to the health of the house.
        let Ok(reread) = self.reload.run() else { return };
        if let Some(desk) = &self.desk {
            desk.state.show_all(reread.office, reread.names, reread.rules);
        }
    }

    /// Returns when the house is not whole any more: stop it, and start it again. Nothing is lost by either.
    pub async fn broken(&mut self) -> Broken {
        let mut look = tokio::time::interval_at(pause::next_look(STORE_LOOK_TIME), STORE_LOOK_TIME);
        loop {
            tokio::select! {
                // Nobody watches the pieces one by one here; the log tells them.
                Some(_) = self.events.recv() => {}
                Some(ended) = self.tasks.join_next() => {
                    if let Err(error) = ended {
                        error!(error = %with_causes(&error), "a part of the daemon ended badly");
                        return Broken::Part;
                    }
                }
                _ = look.tick() => {
                    if self.store.has_failed() {
                        return Broken::Store;
                    }
                }
            }
        }
    }

    /// The rules as they stand now.
    pub fn rulebook(&self) -> Arc<Rulebook> {
        self.intake.rulebook()
    }

    /// Waits until every part has ended; ask [`Daemon::stop`] first.
    pub async fn ended(&mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                error!(error = %with_causes(&error), "a part of the daemon ended badly");
            }
        }
    }
}

async fn rules(config: &Config, given: Option<Arc<Rulebook>>) -> Result<Arc<Rulebook>, DaemonError> {
    if let Some(rulebook) = given {
        return Ok(rulebook);
    }
    let config = config.clone();
    Ok(Arc::new(tokio::task::spawn_blocking(move || Rulebook::load(&config)).await??))
}

/// Opens the store. Meanwhile `/healthz` says so: building the index of a large store again takes minutes.
async fn open_store(
    config: &Config,
    health: &Health,
    manager: &Arc<Manager>,
) -> Result<Arc<Store>, DaemonError> {
    health.ill(STORE, Code::StoreOpening, "it is being opened");
    let waiting = match config.desk.listen {
        // An address that cannot be had is told when the desk itself asks for it.
        Some(address) if address.port() != 0 => TcpListener::bind(address).await.ok(),
        _ => None,
    };
    let serving = waiting.map(|listener| tokio::spawn(review::serve_health(listener, health.clone())));
    let (place, told, manager) = (config.store.clone(), health.clone(), Arc::clone(manager));
    let mut last = 0;
    let mut tell = move |done: u64, total: u64| {
        if done >= total && last == 0 {
            return;
        }
        told.ill(STORE, Code::StoreOpening, &format!("the index is being built: {done} of {total} entries"));
        let percent = done * 100 / total.max(1);
        if percent >= last + PERCENT_TOLD {
            last = percent;
            info!(entries = done, of = total, "building the index");
            manager.more_time(INDEX_STEP_TIME_MAX);
            manager.status(&format!("building the index: {percent} %"));
        }
    };
    let opened = tokio::task::spawn_blocking(move || Store::open_watched(&place, &mut tell)).await;
    if let Some(serving) = serving {
        serving.abort();
        // Until it has let go of the address.
        let _ = serving.await;
    }
    let store = opened??;
    health.well(STORE);
    store.keep_looks_for(config.desk.looks_months);
    let opening = store.opening();
    if opening.cut_off_bytes > 0 {
        warn!(bytes = opening.cut_off_bytes, "an unfinished last line of the journal was cut off");
    }
    if let Some(why) = &opening.rebuilt {
        info!(%why, "the index was built again from originals and journal");
    }
    Ok(Arc::new(store))
}

/// Begins or ends a rehearsal, before anything looks at the outbox.
async fn note_rehearsal(store: &Arc<Store>, sends: bool) -> Result<(), DaemonError> {
    let (store, now) = (Arc::clone(store), clock::now());
    let withheld = tokio::task::spawn_blocking(move || match sends {
        true => store.rehearsal_ends(now),
        false => store.rehearsal_begins(now).map(|()| 0),
    })
    .await??;
    if withheld > 0 {
        info!(withheld, "the rehearsal is over; answers that it left are withheld for good");
    }
    Ok(())
}

/// Where letters to print are laid.
fn print_dir(config: &Config) -> PathBuf {
    config.letters.print_dir.clone().unwrap_or_else(|| config.store.join("print"))
}

/// Cores of this machine.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Processes that read at the same time: as configured, or one a core.
fn reading_workers(reading: &Reading) -> usize {
    match reading.workers {
        0 => cores(),
        workers => workers,
    }
}

/// Reading as the configuration wants it; `program`: this very binary.
pub(crate) fn reader(reading: &Reading, program: PathBuf) -> Reader {
    let options =
        ReaderOptions { languages: reading.languages.clone(), workers: reading_workers(reading), program };
    Reader::start(options)
        .with_scanner(clamd(reading))
        .insisting_on_fence(reading.fence == crate::config::Fence::Required)
}

/// The virus scanner, where one is configured.
pub(crate) fn clamd(reading: &Reading) -> Option<Clamd> {
    reading.clamd.as_ref().map(|address| match address {
        ClamdAddress::Unix(path) => Clamd::Unix(path.clone()),
        ClamdAddress::Tcp(address) => Clamd::Tcp(address.clone()),
    })
}

/// How stacks of letters are told, also where there is no scan folder (`import`).
pub(crate) fn run_policy(config: &Config) -> RunPolicy {
    RunPolicy::new(&config.scan.clone().unwrap_or_else(|| ScanFolder::at(PathBuf::new())))
}

/// Hands on what the last run left unjudged. What is returned turns true when all of it is in the row: nothing new is
/// taken in before, so that a reply sees every earlier piece.
async fn resume(
    store: &Arc<Store>,
    work: &Sender<RegistrationNumber>,
    tasks: &mut JoinSet<()>,
) -> Result<watch::Receiver<bool>, DaemonError> {
    let unfinished = {
        let store = Arc::clone(store);
        tokio::task::spawn_blocking(move || store.unfinished()).await??
    };
    let (done, resumed) = watch::channel(unfinished.is_empty());
    if unfinished.is_empty() {
        return Ok(resumed);
    }
    info!(pieces = unfinished.len(), "going on with what the last run left");
    let work = work.clone();
    tasks.spawn(async move {
        for number in unfinished {
            if work.send(number).await.is_err() {
                return;
            }
        }
        done.send_replace(true);
    });
    Ok(resumed)
}

/// What is returned: their names.
fn start_sources(
    config: &Config,
    store: &Store,
    sign_ins: &SignIns,
    feed: &Feed,
    tasks: &mut JoinSet<()>,
) -> Result<Vec<String>, DaemonError> {
    let mut names = Vec::new();
    // Without a date in the configuration, what came before the store was founded is never answered.
    // A minute's grace: INTERNALDATE has whole seconds, and the mail server's clock is not ours.
    let founded = store.founded_at(clock::now())? - SignedDuration::from_mins(1);
    // What came while a rehearsal went on was handled as it was before there was a bode.
    let rehearsed =
        store.rehearsal()?.and_then(|period| period.ended).map(|ended| ended - SignedDuration::from_mins(1));
    let answer_from = |date: Option<jiff::civil::Date>| {
        let from = match date {
            Some(date) => {
                date.in_tz(crate::record::OFFICE_TIME_ZONE).map_or(founded, |midnight| midnight.timestamp())
            }
            None => founded,
        };
        rehearsed.map_or(from, |rehearsed| rehearsed.max(from))
    };
    let leaves = config.rehearsal.on && !config.rehearsal.move_mail;
    if let Some(mailbox) = &config.mailbox {
        let source = Imap::new(mailbox, Some(answer_from(mailbox.answer_from)))
            .signing_in(sign_ins.named(mailbox.oauth.as_deref()))
            .claimed_by(store.envelope_key()?.store_name())
            .leaving(leaves);
        names.push(source.name());
        tasks.spawn(feed.clone().run(source));
    }
    if let Some(maildir) = &config.maildir {
        let source = MaildirFolder::new(maildir, Some(answer_from(maildir.answer_from))).leaving(leaves);
        names.push(source.name());
        tasks.spawn(feed.clone().run(source));
    }
    if let Some(scan) = &config.scan {
        let source = ScanInbox::new(scan);
        names.push(source.name());
        tasks.spawn(feed.clone().run(source));
    }
    Ok(names)
}

/// How answers go out, by the configuration.
fn delivery(
    config: &Config,
    sign_ins: &SignIns,
    lay_messages_in: Option<PathBuf>,
) -> Result<Delivery, OutboxError> {
    let mailer = match &config.smtp {
        Some(smtp) => Some(Mailer::new(smtp, sign_ins.named(smtp.oauth.as_deref()), &config.answers)?),
        None => None,
    };
    Ok(Delivery {
        mailer,
        lay_messages_in,
        print_dir: print_dir(config),
        send: config.answers.send,
        ..Delivery::default()
    })
}

fn start_outbox(
    mut delivery: Delivery,
    store: &Arc<Store>,
    health: &Health,
    answer_due: &Arc<Notify>,
    stop: &Stop,
    tasks: &mut JoinSet<()>,
) {
    delivery.metrics = health.metrics().clone();
    let told: outbox::Told = {
        let health = health.clone();
        Box::new(move |ailment| match ailment {
            Some(reason) if reason == outbox::STORE_AILS => health.ill("outbox", Code::OutboxStopped, reason),
            Some(reason) => health.ill("outbox", Code::AnswersWait, reason),
            None => health.well("outbox"),
        })
    };
    let ended = stop.clone();
    let (store, wake) = (Arc::clone(store), Arc::clone(answer_due));
    tasks.spawn(async move {
        outbox::run(store, delivery, wake, told, async move { ended.asked().await }).await;
    });
}

/// The daily overview for staff, where one is wanted.
fn start_digest(
    config: &Config,
    store: &Arc<Store>,
    sign_ins: &SignIns,
    in_effect: digest::InEffect,
    stop: &Stop,
    tasks: &mut JoinSet<()>,
) -> Result<(), DaemonError> {
    if let Some(digest) = Digest::new(config, store, sign_ins, in_effect)? {
        let ended = stop.clone();
        tasks.spawn(async move { digest.run(async move { ended.asked().await }).await });
    }
    Ok(())
}

/// The socket through which the command line changes something while this daemon holds the store.
fn start_control(
    config: &Config,
    served: control::Served,
    stop: &Stop,
    tasks: &mut JoinSet<()>,
) -> Result<(), DaemonError> {
    let path = control::socket_path(&config.store);
    let fault = |source| DaemonError::Control { path: path.clone(), source };
    // The store's lock says that no other daemon is there: what is left of a socket is of one that died.
    if path.exists() {
        std::fs::remove_file(&path).map_err(fault)?;
    }
    let listener = UnixListener::bind(&path).map_err(fault)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(fault)?;
    tasks.spawn(control::serve(listener, served, stop.clone()));
    Ok(())
}
