//! The desk of a running daemon: what it asks of the other parts, and where it listens.

use super::clerk::DeskClerk;
use super::parts::DaemonError;
use super::reload::{self, Reload};
use super::rule_room::RuleRoom;
use super::samples::Samples;
use super::scan_room::ScanRoom;
use super::stop::Stop;
use crate::config::Config;
use crate::explain::with_causes;
use crate::extract::Leaf;
use crate::handover::Room;
use crate::intake::{CheckError, Intake, LetterChecked, Rulebook, check_letter};
use crate::review::{self, Accounts, PagesRequest, PagesWish, PostRoom, Provider, ReviewState};
use crate::store::Store;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::error;

/// The desk of a running daemon.
pub(super) struct Desk {
    pub address: std::net::SocketAddr,
    pub state: ReviewState,
}

/// The desk gets attachments out of messages through the fenced-off workers.
fn opener(intake: &Arc<Intake>) -> Arc<review::Opener> {
    let intake = Arc::clone(intake);
    Arc::new(move |message, name, nth| {
        let intake = Arc::clone(&intake);
        Box::pin(async move {
            let found = intake.reader().attachment(&message, &name, nth).await;
            found.map_err(|error| with_causes(&error))
        })
    })
}

/// The desk shows pages that the fenced-off workers draw.
fn page_maker(intake: &Arc<Intake>) -> Arc<review::PageMaker> {
    let intake = Arc::clone(intake);
    Arc::new(move |request: PagesRequest| {
        let intake = Arc::clone(&intake);
        Box::pin(async move {
            let PagesRequest { name, channel, bytes, document, wish } = request;
            let leaf = Leaf { name: &name, channel: Some(channel), bytes: &bytes, document };
            let given = match &wish {
                PagesWish::Picture { page, turns } => intake.reader().picture(leaf, *page, *turns).await,
                PagesWish::Searchable(read) => intake.reader().searchable(leaf, read).await,
                PagesWish::Formatted => intake.reader().formatted(&bytes).await,
            };
            given.map_err(|error| with_causes(&error))
        })
    })
}

/// The desk has letters made again with an address that a person checked, by the rules and words of now.
fn letter_checker(store: &Arc<Store>, intake: &Arc<Intake>) -> Arc<review::LetterChecker> {
    let (store, intake) = (Arc::clone(store), Arc::clone(intake));
    Arc::new(move |case, lines, by, now| {
        match check_letter(&store, &intake.rulebook(), case, lines, by, now) {
            Ok(LetterChecked::Goes) => Ok(review::LetterChecked::Goes),
            Ok(LetterChecked::StillHeld(_)) => Ok(review::LetterChecked::StillHeld),
            Ok(LetterChecked::Refused(why)) => Ok(review::LetterChecked::Refused(why)),
            Err(CheckError::Store(error)) => Err(review::LetterFault::Store(error)),
            Err(error) => Err(review::LetterFault::Other(with_causes(&error))),
        }
    })
}

/// The desk has drafts made by the rules and words in force.
fn clerk(intake: &Arc<Intake>) -> DeskClerk<impl Fn() -> Arc<Rulebook> + Send + Sync + use<>> {
    let intake = Arc::clone(intake);
    DeskClerk(move || intake.rulebook())
}

/// Listens where the configuration says; `None`: there is to be no desk.
pub(super) async fn start(
    config: &Config,
    store: &Arc<Store>,
    reload: &Reload,
    answer_due: &Arc<Notify>,
    room: Option<Arc<Room>>,
    stop: &Stop,
    tasks: &mut JoinSet<()>,
) -> Result<Option<Desk>, DaemonError> {
    let Some(address) = config.desk.listen else { return Ok(None) };
    let Reload { intake, health, .. } = reload;
    let listen = |source| DaemonError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;
    let accounts = Arc::new(Accounts::new(&config.store));
    let provider = config.desk.oidc.as_ref().map(Provider::new).transpose()?;
    let rulebook = intake.rulebook();
    let state = ReviewState::new(
        Arc::clone(store),
        accounts,
        config.office.clone(),
        config.desk.clone(),
        health.clone(),
    )
    .with_provider(provider)
    .with_opener(opener(intake))
    .with_letter_checker(letter_checker(store, intake))
    .with_page_maker(page_maker(intake))
    .with_post_room(config.scan.as_ref().map(|scan| Arc::new(ScanRoom::new(scan)) as Arc<dyn PostRoom>))
    .with_rule_desk(Arc::new(RuleRoom::new(config, intake, store)))
    .with_sampler(Arc::new(Samples(Arc::clone(intake))))
    .with_clerk(Arc::new(clerk(intake)))
    .with_released(Arc::clone(answer_due))
    .with_handover(room)
    .with_rehearsal(!config.answers.send)
    .with_rereader(reload.rereader());
    state.show_all(rulebook.office.clone(), reload::names(&rulebook), reload::in_force(&rulebook));
    let served = state.clone();
    let ended = stop.clone();
    tasks.spawn(async move {
        if let Err(error) = review::serve(listener, served, async move { ended.asked().await }).await {
            error!(error = %with_causes(&error), "the desk ended badly");
        }
    });
    Ok(Some(Desk { address: bound, state }))
}
