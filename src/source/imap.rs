//! The mailbox that citizens write to, as a [`Source`]: what is new is given oldest first, and moved to the
//! done-folder once it is durable here (RFC 3501, RFC 6851).
//!
//! Invariants: a message is never marked as read, changed or removed before `settle` names it durable; a UID
//! is used only under the UIDVALIDITY it came with; what cannot be fetched stays where it is and is told once.
//! After every doubt the connection is thrown away and made again.

use super::imap_claim::Claim;
use super::imap_connection::{Connection, Selected};
use super::imap_fetched::Head;
use super::imap_login;
use super::{Fate, Piece, Place, Source, SourceError, TROUBLES_SHOWN_MAX, Token, Trouble, may_answer};
use crate::config::Mailbox;
use crate::limits::{BATCH_BYTES_MAX, BATCH_PIECES_MAX, IDLE_TIME_MAX, PIECE_BYTES_MAX};
use crate::oauth::SignIn;
use crate::pause::Pause;
use crate::record::{Arrival, Channel, Origin, size};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;
use tracing::{debug, info, warn};

/// Times that one message may end a connection, or not come, before it is left alone until the next start.
const FETCH_ATTEMPTS_MAX: u32 = 3;

/// UIDs in one command, so that the line stays below what servers accept.
const UIDS_IN_COMMAND_MAX: usize = 500;

/// The bounds of one look into a mailbox; tests make them small.
#[derive(Clone, Copy, Debug)]
pub struct ImapBounds {
    pub piece_bytes_max: u64,
    pub batch_pieces_max: usize,
    pub batch_bytes_max: u64,
    pub idle_time_max: Duration,
}

impl Default for ImapBounds {
    fn default() -> Self {
        Self {
            piece_bytes_max: PIECE_BYTES_MAX,
            batch_pieces_max: BATCH_PIECES_MAX,
            batch_bytes_max: BATCH_BYTES_MAX,
            idle_time_max: IDLE_TIME_MAX,
        }
    }
}

/// What a mailbox is like, for `doctor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxState {
    /// Messages in the folder, taken or not.
    pub messages: u32,
    /// The server tells of new mail by itself (RFC 2177); otherwise it is asked every `poll_seconds`.
    pub tells: bool,
    /// The server moves in one step (RFC 6851).
    pub moves: bool,
    /// Messages in the done folder; `None`: it is not there yet.
    pub done: Option<u32>,
    /// Kibibytes used and allowed, where the server tells (RFC 2087).
    pub quota: Option<(u64, u64)>,
}

#[derive(Debug)]
pub struct Imap {
    mailbox: Mailbox,
    sign_in: Option<SignIn>,
    answer_from: Option<Timestamp>,
    bounds: ImapBounds,
    connection: Option<Connection>,
    pause: Pause,
    /// When the next look is due where the server has no IDLE.
    look_at: Option<Instant>,
    ledger: Ledger,
    /// Keeps another program from taking from the same mailbox.
    claim: Option<Claim>,
    /// The reason why messages could not be moved, as last told.
    move_fault: Option<String>,
    /// Nothing is changed in the mailbox: what is safe here stays there too (a rehearsal).
    leaves: bool,
}

/// What is known of the messages in the folder, under one UIDVALIDITY.
#[derive(Debug, Default)]
struct Ledger {
    uid_validity: Option<u32>,
    /// Durable here, not yet moved.
    owed: BTreeSet<u32>,
    /// Stay where they are, with the reason in Dutch.
    left: BTreeMap<u32, String>,
    /// How often a message did not come.
    blamed: BTreeMap<u32, u32>,
}

impl Ledger {
    /// UIDs of another UIDVALIDITY name other messages: all that was known is void.
    fn under(&mut self, uid_validity: u32) {
        if self.uid_validity == Some(uid_validity) {
            return;
        }
        if self.uid_validity.is_some() {
            warn!(
                owed = self.owed.len(),
                "the mailbox has a new UIDVALIDITY; its messages are looked at anew"
            );
        }
        *self = Self { uid_validity: Some(uid_validity), ..Self::default() };
    }

    /// Leaves a message where it is, and tells it the first time.
    fn leave(&mut self, uid: u32, reason: String) {
        if self.left.insert(uid, reason).is_none() {
            warn!(uid, "a message stays in the mailbox; the desk tells why");
        }
    }

    fn blame(&mut self, uid: u32) {
        let count = self.blamed.entry(uid).or_default();
        *count += 1;
        if *count >= FETCH_ATTEMPTS_MAX {
            self.leave(
                uid,
                format!(
                    "Dit bericht kon {FETCH_ATTEMPTS_MAX} keer niet worden opgehaald. Het staat nog in de \
                     postbus. Open het daar en behandel het met de hand."
                ),
            );
        }
    }
}

impl Imap {
    /// A mailbox that is connected to at the first poll. Mail received before `answer_from` is given with
    /// `acknowledge` false.
    pub fn new(mailbox: &Mailbox, answer_from: Option<Timestamp>) -> Self {
        Self {
            mailbox: mailbox.clone(),
            sign_in: None,
            answer_from,
            bounds: ImapBounds::default(),
            connection: None,
            pause: Pause::default(),
            look_at: None,
            ledger: Ledger::default(),
            claim: None,
            move_fault: None,
            leaves: false,
        }
    }

    /// Changes nothing in the mailbox: no message is moved, none is marked. It claims nothing either, for what takes
    /// nothing away keeps nothing from anybody.
    #[must_use]
    pub fn leaving(mut self, leaves: bool) -> Self {
        self.leaves = leaves;
        self
    }

    /// Logs in with the tokens of a sign-in, where the configuration names one.
    #[must_use]
    pub fn signing_in(mut self, sign_in: Option<SignIn>) -> Self {
        self.sign_in = sign_in;
        self
    }

    /// Other bounds than those of the house.
    #[must_use]
    pub fn with_bounds(mut self, bounds: ImapBounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Takes only while no other program with another store does. `name` names the store.
    #[must_use]
    pub fn claimed_by(mut self, name: String) -> Self {
        self.claim = Some(Claim::new(name));
        self
    }

    /// Logs in and opens the folder, without taking anything.
    ///
    /// # Errors
    /// What is wrong, and what the admin should do.
    pub async fn probe(mailbox: &Mailbox, sign_in: Option<&SignIn>) -> Result<MailboxState, SourceError> {
        let mut connection = imap_login::open(mailbox, sign_in).await?;
        let selected = connection.select(&mailbox.folder).await?;
        let abilities = connection.abilities();
        let done = connection.examine(&mailbox.done_folder).await?.map(|done| done.messages);
        let quota = connection.quota(&mailbox.folder).await?;
        let (messages, tells, moves) = (selected.messages, abilities.idle, abilities.moves);
        Ok(MailboxState { messages, tells, moves, done, quota })
    }

    /// Takes the connection out, or makes one. While it is out, dropping the future drops the connection.
    async fn connected(&mut self) -> Result<Connection, SourceError> {
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        let connection = imap_login::open(&self.mailbox, self.sign_in.as_ref()).await?;
        info!(idle = connection.abilities().idle, moves = connection.abilities().moves, "mailbox connected");
        Ok(connection)
    }

    /// One look: settles what is owed, then fetches a batch.
    async fn look(
        &mut self,
        connection: &mut Connection,
    ) -> Result<(Vec<Piece>, Result<(), SourceError>), SourceError> {
        connection.idle_end().await?;
        if let Some(claim) = self.claim.as_mut().filter(|_| !self.leaves) {
            claim.hold(connection, Instant::now()).await?;
        }
        let selected = match self.leaves {
            true => connection.select_unchanged(&self.mailbox.folder).await?,
            false => connection.select(&self.mailbox.folder).await?,
        };
        self.ledger.under(selected.uid_validity);
        match self.discharge(connection).await {
            Err(error @ (SourceError::FolderMissing { .. } | SourceError::Protocol { .. })) => {
                // The citizens' mail comes in all the same; the register knows what was not moved.
                self.tell_move_fault(&error);
            }
            other => other?,
        }
        let there = match selected.messages {
            0 => BTreeSet::new(),
            _ => connection.uids("UNDELETED").await?,
        };
        self.ledger.left.retain(|uid, _| there.contains(uid));
        self.ledger.blamed.retain(|uid, _| there.contains(uid));
        let mut news: Vec<u32> = there
            .iter()
            .copied()
            .filter(|uid| !self.ledger.owed.contains(uid) && !self.ledger.left.contains_key(uid))
            .collect();
        news.reverse();
        loop {
            let keep = news.len().saturating_sub(self.bounds.batch_pieces_max.max(1));
            let window: BTreeSet<u32> = news.drain(keep..).collect();
            if window.is_empty() {
                return Ok((Vec::new(), Ok(())));
            }
            let heads = connection.heads(&window).await?;
            for uid in window.iter().filter(|uid| heads.iter().all(|head| head.uid != **uid)) {
                self.ledger.blame(*uid);
            }
            let heads = self.choose(heads);
            if !heads.is_empty() {
                return Ok(self.fetch(connection, selected, &heads).await);
            }
        }
    }

    /// Of these messages, the ones that fit in a batch; leaves those that are too large for good.
    fn choose(&mut self, heads: Vec<Head>) -> Vec<Head> {
        let mut chosen: Vec<Head> = Vec::new();
        let mut total = 0_u64;
        for head in heads {
            if head.bytes > self.bounds.piece_bytes_max {
                self.ledger.leave(head.uid, too_large(head.bytes, self.bounds.piece_bytes_max));
            } else if head.received_at.is_none() {
                self.ledger.leave(
                    head.uid,
                    "De mailserver geeft voor dit bericht geen datum van ontvangst. Het staat nog in de \
                     postbus. Open het daar en behandel het met de hand."
                        .to_owned(),
                );
            } else if chosen.is_empty() || total + head.bytes <= self.bounds.batch_bytes_max {
                total += head.bytes;
                chosen.push(head);
            } else {
                break;
            }
        }
        chosen
    }

    /// Fetches these messages. Gives what came whole; a message that did not come is blamed, and when the
    /// connection broke, the first that did not come is.
    async fn fetch(
        &mut self,
        connection: &mut Connection,
        selected: Selected,
        heads: &[Head],
    ) -> (Vec<Piece>, Result<(), SourceError>) {
        let uids = heads.iter().map(|head| head.uid).collect();
        let total = heads.iter().map(|head| head.bytes).sum();
        let (mut bodies, ended) = connection.bodies(&uids, total).await;
        let mut pieces = Vec::with_capacity(heads.len());
        let mut blame_next = true;
        for head in heads {
            match (bodies.remove(&head.uid), head.received_at) {
                (Some(bytes), _) if bytes.len() as u64 > self.bounds.piece_bytes_max => {
                    self.ledger.leave(head.uid, too_large(bytes.len() as u64, self.bounds.piece_bytes_max));
                }
                (Some(bytes), Some(received_at)) => {
                    self.ledger.blamed.remove(&head.uid);
                    pieces.push(self.piece(selected.uid_validity, head.uid, received_at, bytes));
                }
                _ if blame_next => {
                    debug!(uid = head.uid, "a message did not come");
                    self.ledger.blame(head.uid);
                    blame_next = ended.is_ok();
                }
                _ => {}
            }
        }
        (pieces, ended)
    }

    fn piece(&self, uid_validity: u32, uid: u32, received_at: Timestamp, bytes: Vec<u8>) -> Piece {
        Piece {
            arrival: Arrival {
                channel: Channel::Email,
                name: "message.eml".to_owned(),
                bytes,
                received_at,
                origin: Origin::Imap {
                    account: self.mailbox.user.clone(),
                    folder: self.mailbox.folder.clone(),
                    uid_validity,
                    uid,
                },
                acknowledge: may_answer(received_at, self.answer_from),
            },
            token: Token(Place::Imap { uid_validity, uid }),
        }
    }

    /// Moves what is owed. What was moved is owed no longer, even when a later part fails.
    async fn discharge(&mut self, connection: &mut Connection) -> Result<(), SourceError> {
        while !self.leaves && !self.ledger.owed.is_empty() {
            let part: BTreeSet<u32> = self.ledger.owed.iter().copied().take(UIDS_IN_COMMAND_MAX).collect();
            connection.move_to(&part, &self.mailbox.done_folder).await?;
            self.ledger.owed.retain(|uid| !part.contains(uid));
        }
        self.move_fault = None;
        Ok(())
    }

    fn tell_move_fault(&mut self, error: &SourceError) {
        let text = error.to_string();
        if self.move_fault.as_deref() != Some(text.as_str()) {
            warn!(owed = self.ledger.owed.len(), error = %text, "messages that are safe here cannot be moved");
            self.move_fault = Some(text);
        }
    }

    fn failed(&mut self, error: &SourceError) {
        self.connection = None;
        self.look_at = None;
        if let Some(claim) = &mut self.claim {
            claim.doubt();
        }
        self.pause.failed(Instant::now(), error.is_passing(), error.wait());
    }

    /// How long to wait for news at most: the server's silence is checked with every look.
    fn wait_max(&self) -> Duration {
        Duration::from_secs(self.mailbox.poll_seconds.max(1)).min(self.bounds.idle_time_max)
    }
}

impl Source for Imap {
    fn name(&self) -> String {
        "mailbox".to_owned()
    }

    async fn poll(&mut self) -> Result<Vec<Piece>, SourceError> {
        let looked = async {
            let mut connection = self.connected().await?;
            let (pieces, ended) = self.look(&mut connection).await?;
            Ok((connection, pieces, ended))
        }
        .await;
        let (connection, pieces, ended) = looked.inspect_err(|error| self.failed(error))?;
        self.look_at = None;
        match ended {
            Ok(()) => self.connection = Some(connection),
            Err(error) if pieces.is_empty() => {
                self.failed(&error);
                return Err(error);
            }
            Err(error) => warn!(came = pieces.len(), %error, "the mailbox was cut off; what came is used"),
        }
        Ok(pieces)
    }

    async fn settle(&mut self, settled: Vec<(Token, Fate)>) -> Result<(), SourceError> {
        for (token, fate) in settled {
            match (token.0, fate) {
                (Place::Imap { uid_validity, uid }, fate)
                    if self.ledger.uid_validity == Some(uid_validity) =>
                {
                    match fate {
                        Fate::Durable | Fate::Again { .. } => {
                            self.ledger.owed.insert(uid);
                        }
                        Fate::Refused { reason } => self.ledger.leave(uid, reason),
                    }
                }
                _ => debug!("a settlement under an earlier UIDVALIDITY; the message will be seen again"),
            }
        }
        // Without a connection the next poll moves them.
        let Some(mut connection) = self.connection.take() else { return Ok(()) };
        let moved = async {
            connection.idle_end().await?;
            self.discharge(&mut connection).await
        }
        .await;
        match &moved {
            Err(error @ (SourceError::FolderMissing { .. } | SourceError::Protocol { .. })) => {
                self.tell_move_fault(error);
                self.connection = Some(connection);
            }
            Err(error) => self.failed(error),
            Ok(()) => self.connection = Some(connection),
        }
        moved
    }

    async fn wait(&mut self) -> Result<(), SourceError> {
        if self.pause.keep().await {
            return Ok(());
        }
        let Some(connection) = &self.connection else { return Ok(()) };
        let until = *self.look_at.get_or_insert(Instant::now() + self.wait_max());
        if !connection.abilities().idle {
            if !connection.is_stirred() {
                tokio::time::sleep_until(until).await;
            }
            self.look_at = None;
            self.pause.worked();
            return Ok(());
        }
        let waited = async {
            // Out of its place while IDLE is being started: a future dropped there drops the connection.
            let Some(mut connection) = self.connection.take() else { return Ok(()) };
            if !connection.is_stirred() {
                connection.idle_start().await?;
            }
            let connection = self.connection.insert(connection);
            connection.idle_wait(until).await
        }
        .await;
        self.look_at = None;
        waited.inspect_err(|error| self.failed(error))?;
        self.pause.worked();
        Ok(())
    }

    fn troubles(&self) -> Vec<Trouble> {
        let left = self
            .ledger
            .left
            .iter()
            .map(|(uid, reason)| Trouble { reference: format!("uid {uid}"), reason: reason.clone() });
        let fault = self.move_fault.iter().map(|_| Trouble {
            reference: "map voor verwerkte berichten".to_owned(),
            reason: format!(
                "{} berichten zijn verwerkt, maar konden niet naar de map {} worden verplaatst. Vraag de \
                 beheerder om die map na te kijken.",
                self.ledger.owed.len(),
                self.mailbox.done_folder
            ),
        });
        fault.chain(left).take(TROUBLES_SHOWN_MAX).collect()
    }
}

/// Dutch, for staff.
fn too_large(bytes: u64, bytes_max: u64) -> String {
    format!(
        "Dit bericht is te groot ({}, het meeste is {}). Het staat nog in de postbus. Open het daar en \
         behandel het met de hand.",
        size(bytes),
        size(bytes_max)
    )
}
