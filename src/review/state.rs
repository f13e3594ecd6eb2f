//! What every page of the desk shares.

use super::accounts::Accounts;
use super::answers_page::Sampler;
use super::clerk::Clerk;
use super::errors::Fault;
use super::health::Health;
use super::idempotency::Idempotent;
use super::oidc::Provider;
use super::page_images::Pictures;
use super::presence::Presence;
use super::rates::Rates;
use super::session::{CookieNames, Sessions};
use super::words::Names;
use crate::config::Desk;
use crate::draft::{Draft, DraftFault, Effect, Fates};
use crate::handover::Room;
use crate::limits::{LOGIN_CHECKS_MAX, UPLOADS_MAX};
use crate::record::{
    CaseNumber, Channel, Document, Extract, Judgement, Office, RefusedScan, WaitingScan, office_date,
};
use crate::store::{Store, StoreError};
use jiff::Timestamp;
use jiff::civil::Date;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use tokio::sync::{Notify, Semaphore};

/// Opens a message in the fenced-off worker and gives the bytes of one attachment: the message, the name of
/// the document, and its place (from 0) among those of that name. `None`: no such attachment.
pub type Opener = dyn Fn(Vec<u8>, String, usize) -> Opened + Send + Sync;

/// What an [`Opener`] will give; the error is for the log.
pub type Opened = Pin<Box<dyn Future<Output = Result<Option<Vec<u8>>, String>> + Send>>;

/// Gives pages of a piece back to people, made by the fenced-off worker. `None`: there are no such pages.
pub type PageMaker = dyn Fn(PagesRequest) -> Opened + Send + Sync;

/// Which pages are wanted.
#[derive(Clone, Debug)]
pub struct PagesRequest {
    /// Name, channel and bytes of the piece, and the index of the document in its extract.
    pub name: String,
    pub channel: Channel,
    pub bytes: Vec<u8>,
    pub document: usize,
    pub wish: PagesWish,
}

/// In what form pages are wanted.
#[derive(Clone, Debug)]
pub enum PagesWish {
    /// One page (from 1) as a JPEG, turned by quarter turns clockwise.
    Picture { page: u32, turns: u32 },
    /// All as a PDF to search in, with what was read of them.
    Searchable(Box<Document>),
    /// The HTML of the message, as a [`Formatted`](crate::record::Formatted) in JSON.
    Formatted,
}

/// Makes the letter of a case with an address that a person checked (its lines, the name first), by whom and when,
/// and lets it go out.
pub type LetterChecker =
    dyn Fn(CaseNumber, &[String], &str, Timestamp) -> Result<LetterChecked, LetterFault> + Send + Sync;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LetterChecked {
    /// It goes to the print queue.
    Goes,
    /// The address is stored; the answer waits for a person for another reason.
    StillHeld,
    /// Nothing was stored: a Dutch sentence for who typed it.
    Refused(String),
}

/// Why it could not be done.
#[derive(Debug)]
pub enum LetterFault {
    Store(StoreError),
    /// For the log.
    Other(String),
}

/// What the post room does at the scan folder. May block: it reads and writes files.
pub trait PostRoom: Send + Sync {
    /// What was not taken in yet.
    ///
    /// # Errors
    /// For the log.
    fn waiting(&self) -> Result<Vec<WaitingScan>, String>;
    /// What could not be taken in.
    ///
    /// # Errors
    /// For the log.
    fn refused(&self) -> Result<Vec<RefusedScan>, String>;
    /// One more try for a refused file; `false`: it is gone.
    ///
    /// # Errors
    /// Why not.
    fn again(&self, name: &str) -> Result<bool, PostRoomFault>;
    /// Lays a scan in the folder and gives the name that it has there.
    ///
    /// # Errors
    /// Why not.
    fn lay(&self, name: &str, bytes: &[u8]) -> Result<String, PostRoomFault>;
    /// A PDF of separator sheets.
    ///
    /// # Errors
    /// For the log.
    fn sheets(&self, count: u32, received: Option<Date>) -> Result<Vec<u8>, String>;
}

/// What the rules page does with rule files, and with the rules in force. May block: it reads and writes files, and judges.
pub trait RuleDesk: Send + Sync {
    fn draft(&self) -> &Draft;
    /// Every fault of the draft, in Dutch, with file, line and column; empty: it may be put into force.
    fn faults(&self) -> Vec<String>;
    /// What the draft would do to the newest cases.
    ///
    /// # Errors
    /// As [`Draft::effect`].
    fn effect(&self) -> Result<Effect, DraftFault>;
    /// How staff followed the rules in the newest cases.
    ///
    /// # Errors
    /// The archive cannot be read.
    fn fates(&self) -> Result<Fates, DraftFault>;
    /// Reads a file as a letter, or a message by its content, and judges it. Does not block.
    fn try_on(&self, name: String, bytes: Vec<u8>, received: Date) -> Trying;
}

/// What [`RuleDesk::try_on`] will give; the error is for the log.
pub type Trying = Pin<Box<dyn Future<Output = Result<Tried, String>> + Send>>;

/// A text judged by the rules in force, and by the draft when there is one without a fault.
#[derive(Debug)]
pub struct Tried {
    pub extract: Extract,
    pub now: Judgement,
    pub draft: Option<Judgement>,
}

/// Why something could not be done at the scan folder.
#[derive(Debug)]
pub enum PostRoomFault {
    /// A Dutch sentence for who stands at the scanner.
    Unfit(String),
    /// For the log.
    Other(String),
}

/// Reads rules and office data again and puts them into force; the error is every fault, a line each.
pub type Rereader = dyn Fn() -> Pin<Box<dyn Future<Output = Result<Reread, String>> + Send>> + Send + Sync;

/// What came into force.
#[derive(Clone, Debug)]
pub struct Reread {
    pub office: Office,
    pub names: Names,
    pub rules: RulesInForce,
}

/// The rules as the desk tells of them.
#[derive(Clone, Debug, Default)]
pub struct RulesInForce {
    pub version: String,
    pub count: usize,
    /// Every rule in Dutch, as Markdown.
    pub page: String,
}

/// The desk's state; a clone is the same state.
#[derive(Clone)]
pub struct ReviewState(Arc<Inner>);

struct Inner {
    store: Arc<Store>,
    accounts: Arc<Accounts>,
    desk: Desk,
    health: Health,
    clock: fn() -> Timestamp,
    sessions: Sessions,
    cookies: CookieNames,
    provider: Option<Provider>,
    rates: Rates,
    idempotent: OnceLock<Idempotent>,
    login_checks: Semaphore,
    shown: RwLock<Arc<Shown>>,
    opener: Option<Arc<Opener>>,
    page_maker: Option<Arc<PageMaker>>,
    rereader: Option<Arc<Rereader>>,
    letter_checker: Option<Arc<LetterChecker>>,
    sampler: Option<Arc<dyn Sampler>>,
    post_room: Option<Arc<dyn PostRoom>>,
    rule_desk: Option<Arc<dyn RuleDesk>>,
    uploads: Arc<Semaphore>,
    clerk: Option<Arc<dyn Clerk>>,
    presence: Presence,
    pictures: Pictures,
    released: Option<Arc<Notify>>,
    rehearsal: bool,
    handover: Option<Arc<Room>>,
    looks_waiting: AtomicBool,
}

/// What staff read that can change while the daemon runs (SIGHUP).
#[derive(Clone, Debug)]
pub struct Shown {
    pub office: Office,
    pub names: Names,
    pub rules: RulesInForce,
}

impl ReviewState {
    pub fn new(
        store: Arc<Store>,
        accounts: Arc<Accounts>,
        office: Office,
        desk: Desk,
        health: Health,
    ) -> Self {
        Self(Arc::new(Inner {
            store,
            accounts,
            sessions: Sessions::new(&desk),
            cookies: CookieNames::new(desk.https),
            provider: None,
            rates: Rates::new(desk.api_per_minute),
            idempotent: OnceLock::new(),
            desk,
            health,
            clock: crate::clock::now,
            login_checks: Semaphore::new(LOGIN_CHECKS_MAX),
            shown: RwLock::new(Arc::new(Shown {
                office,
                names: Names::default(),
                rules: RulesInForce::default(),
            })),
            opener: None,
            page_maker: None,
            rereader: None,
            letter_checker: None,
            sampler: None,
            post_room: None,
            rule_desk: None,
            uploads: Arc::new(Semaphore::new(UPLOADS_MAX)),
            clerk: None,
            presence: Presence::default(),
            pictures: Pictures::default(),
            released: None,
            rehearsal: false,
            handover: None,
            looks_waiting: AtomicBool::new(false),
        }))
    }

    /// The same with another clock, for tests that choose their day. Before the first clone only.
    #[must_use]
    pub fn with_clock(mut self, clock: fn() -> Timestamp) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.clock = clock;
        }
        self
    }

    /// With attachments of messages to download. Before the first clone only.
    #[must_use]
    pub fn with_opener(mut self, opener: Arc<Opener>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.opener = Some(opener);
        }
        self
    }

    /// With pictures of pages, and PDFs to search in. Before the first clone only.
    #[must_use]
    pub fn with_page_maker(mut self, page_maker: Arc<PageMaker>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.page_maker = Some(page_maker);
        }
        self
    }

    /// With the organisation's sign-in server. Before the first clone only.
    #[must_use]
    pub fn with_provider(mut self, provider: Option<Provider>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.provider = provider;
        }
        self
    }

    /// With a way to read the rules again. Before the first clone only.
    #[must_use]
    pub fn with_rereader(mut self, rereader: Arc<Rereader>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.rereader = Some(rereader);
        }
        self
    }

    /// With a way to make letters with a checked address. Before the first clone only.
    #[must_use]
    pub fn with_letter_checker(mut self, checker: Arc<LetterChecker>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.letter_checker = Some(checker);
        }
        self
    }

    /// With a scan folder. Before the first clone only.
    #[must_use]
    pub fn with_post_room(mut self, post_room: Option<Arc<dyn PostRoom>>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.post_room = post_room;
        }
        self
    }

    /// With rules that can be changed. Before the first clone only.
    #[must_use]
    pub fn with_rule_desk(mut self, rule_desk: Arc<dyn RuleDesk>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.rule_desk = Some(rule_desk);
        }
        self
    }

    /// With answers to look at. Before the first clone only.
    #[must_use]
    pub fn with_sampler(mut self, sampler: Arc<dyn Sampler>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.sampler = Some(sampler);
        }
        self
    }

    /// With somebody who makes drafts, terms and parts of a judgement. Before the first clone only.
    #[must_use]
    pub fn with_clerk(mut self, clerk: Arc<dyn Clerk>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.clerk = Some(clerk);
        }
        self
    }

    /// With somebody to tell when an answer was released, so that it goes out at once. Before the first clone.
    #[must_use]
    pub fn with_released(mut self, released: Arc<Notify>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.released = Some(released);
        }
        self
    }

    /// Nothing is sent, whatever staff release. Before the first clone.
    #[must_use]
    pub fn with_rehearsal(mut self, rehearsal: bool) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.rehearsal = rehearsal;
        }
        self
    }

    /// What is known of the zaaksysteem, where there is one. Before the first clone.
    #[must_use]
    pub fn with_handover(mut self, room: Option<Arc<Room>>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.handover = room;
        }
        self
    }

    /// A look was written. True: the caller sees to it that it comes to the disk; false: somebody does already.
    pub(super) fn looks_to_sync(&self) -> bool {
        !self.0.looks_waiting.swap(true, Ordering::AcqRel)
    }

    pub(super) fn looks_synced(&self) {
        self.0.looks_waiting.store(false, Ordering::Release);
    }

    pub(super) fn handover(&self) -> Option<Arc<Room>> {
        self.0.handover.clone()
    }

    pub(super) fn is_rehearsal(&self) -> bool {
        self.0.rehearsal
    }

    /// Office data and names as the configuration and rules give them now.
    pub fn show(&self, office: Office, names: Names) {
        self.show_all(office, names, RulesInForce::default());
    }

    /// The same, with what the desk tells of the rules.
    pub fn show_all(&self, office: Office, names: Names, rules: RulesInForce) {
        let shown = Arc::new(Shown { office, names, rules });
        *self.0.shown.write().unwrap_or_else(PoisonError::into_inner) = shown;
    }

    /// Office data and names.
    pub fn shown(&self) -> Arc<Shown> {
        Arc::clone(&self.0.shown.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn opener(&self) -> Option<Arc<Opener>> {
        self.0.opener.clone()
    }

    pub(super) fn page_maker(&self) -> Option<Arc<PageMaker>> {
        self.0.page_maker.clone()
    }

    pub(super) fn rereader(&self) -> Option<Arc<Rereader>> {
        self.0.rereader.clone()
    }

    pub(super) fn letter_checker(&self) -> Option<Arc<LetterChecker>> {
        self.0.letter_checker.clone()
    }

    pub(super) fn sampler(&self) -> Option<Arc<dyn Sampler>> {
        self.0.sampler.clone()
    }

    pub(super) fn post_room(&self) -> Option<Arc<dyn PostRoom>> {
        self.0.post_room.clone()
    }

    pub(super) fn rule_desk(&self) -> Option<Arc<dyn RuleDesk>> {
        self.0.rule_desk.clone()
    }

    pub(super) fn uploads(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.uploads)
    }

    pub(super) fn clerk(&self) -> Option<Arc<dyn Clerk>> {
        self.0.clerk.clone()
    }

    pub(super) fn presence(&self) -> &Presence {
        &self.0.presence
    }

    pub(super) fn pictures(&self) -> &Pictures {
        &self.0.pictures
    }

    /// An answer may go out now.
    pub(super) fn tell_released(&self) {
        if let Some(released) = &self.0.released {
            released.notify_one();
        }
    }

    pub(super) fn desk(&self) -> &Desk {
        &self.0.desk
    }

    pub(super) fn health(&self) -> &Health {
        &self.0.health
    }

    pub(super) fn cookies(&self) -> CookieNames {
        self.0.cookies
    }

    pub(super) fn provider(&self) -> Option<&Provider> {
        self.0.provider.as_ref()
    }

    pub(super) fn rates(&self) -> &Rates {
        &self.0.rates
    }

    /// Keys of programs, beside the accounts. May block at the first one.
    pub(super) fn idempotent(&self) -> &Idempotent {
        self.0.idempotent.get_or_init(|| Idempotent::at(self.0.accounts.dir(), self.now()))
    }

    /// Do our own accounts' passwords open anything?
    pub(super) fn local_login(&self) -> bool {
        self.0.provider.as_ref().is_none_or(|provider| provider.settings().local_login)
    }

    /// The address of the desk as people know it, without a slash at its end.
    pub(super) fn desk_url(&self) -> Option<String> {
        self.0.desk.url.as_ref().map(|url| url.to_url().trim_end_matches('/').to_owned())
    }

    pub(super) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    pub(super) fn login_checks(&self) -> &Semaphore {
        &self.0.login_checks
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.0.clock)()
    }

    pub(super) fn today(&self) -> Date {
        office_date(self.now())
    }

    /// Work on the store, off the threads that serve.
    pub(super) async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Fault> {
        let store = Arc::clone(&self.0.store);
        match tokio::task::spawn_blocking(move || work(&store)).await {
            Ok(result) => Ok(result?),
            Err(error) => Err(Fault::internal(&error)),
        }
    }

    /// Work on the accounts, off the threads that serve. What the person can mend is told to them.
    pub(super) async fn with_accounts<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Accounts) -> Result<T, super::accounts::AccountError> + Send + 'static,
    ) -> Result<T, Fault> {
        let accounts = Arc::clone(&self.0.accounts);
        match tokio::task::spawn_blocking(move || work(&accounts)).await {
            Ok(result) => result.map_err(|error| match super::words::account_fault(&error) {
                Some(told) => Fault::unacceptable(told),
                None => Fault::internal(&error),
            }),
            Err(error) => Err(Fault::internal(&error)),
        }
    }
}
