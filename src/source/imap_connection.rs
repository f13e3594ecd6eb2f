//! One connection with a mail server: IMAP4rev1 (RFC 3501) with IDLE (RFC 2177), MOVE (RFC 6851) and UIDPLUS
//! (RFC 4315) where the server has them. How it is opened is in `imap_login`.
//!
//! Every command goes through [`Connection::exchange`], which ends well only with the server's own tagged
//! `OK`. (The convenience calls of the crate below take the end of the stream for the end of an answer.)
//! Invariants: every exchange has a time limit; after an error, or a future dropped half-way, the connection is
//! thrown away, never used again.

use super::SourceError;
use super::error::{said, throttle};
use super::imap_fetched::{CountedHead, Head, body, counted, head};
use super::imap_names::{folder, uid_set};
use crate::limits::NETWORK_TIME_MAX;
use async_imap::Session;
use async_imap::imap_proto::rfc2087::QuotaResourceName;
use async_imap::imap_proto::{Capability, MailboxDatum, RequestId, Response, ResponseCode, Status};
use futures_util::FutureExt;
use std::collections::{BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::client::TlsStream;

/// The slowest line that a message is fetched over, in bytes a second: gives a large message its time.
const LINE_BYTES_PER_SECOND: u64 = 32 * 1024;

/// A logged-in session with a selected folder.
#[derive(Debug)]
pub(super) struct Connection {
    session: Session<TlsStream<TcpStream>>,
    abilities: Abilities,
    /// The tag of an IDLE that runs.
    idling: Option<RequestId>,
    /// The server told of a change since the last look.
    stirred: bool,
    /// Why the server would not open a folder, the last time.
    refusal: String,
}

/// What the server can do beyond RFC 3501.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Abilities {
    pub idle: bool,
    pub moves: bool,
    pub uidplus: bool,
    pub quota: bool,
}

/// What SELECT told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Selected {
    pub uid_validity: u32,
    pub messages: u32,
}

/// How the server ended an exchange.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    Ok,
    No { said: String, try_create: bool },
}

impl Connection {
    /// Takes over a session that is logged in, and asks what the server can do.
    ///
    /// # Errors
    /// As [`exchange`](Self::exchange).
    pub(super) async fn over(session: Session<TlsStream<TcpStream>>) -> Result<Self, SourceError> {
        let abilities = Abilities::default();
        let mut connection =
            Self { session, abilities, idling: None, stirred: false, refusal: String::new() };
        connection.ask_abilities().await?;
        Ok(connection)
    }

    pub(super) fn abilities(&self) -> Abilities {
        self.abilities
    }

    /// Whether the server told of a change since the last [`select`](Self::select).
    pub(super) fn is_stirred(&self) -> bool {
        self.stirred
    }

    async fn ask_abilities(&mut self) -> Result<(), SourceError> {
        let mut abilities = Abilities::default();
        self.expect_ok("CAPABILITY", "CAPABILITY", NETWORK_TIME_MAX, |response| {
            if let Response::Capabilities(list) = response {
                let has = |name: &str| {
                    list.iter()
                        .any(|one| matches!(one, Capability::Atom(atom) if atom.eq_ignore_ascii_case(name)))
                };
                let (idle, moves) = (has("IDLE"), has("MOVE"));
                abilities = Abilities { idle, moves, uidplus: has("UIDPLUS"), quota: has("QUOTA") };
            }
        })
        .await?;
        self.abilities = abilities;
        Ok(())
    }

    /// Opens the folder afresh: the count, the UIDVALIDITY, and proof that the server still answers.
    ///
    /// # Errors
    /// `FolderMissing` when the server says no.
    pub(super) async fn select(&mut self, name: &str) -> Result<Selected, SourceError> {
        self.select_by("SELECT", name).await
    }

    /// The same without the right to change anything in it (RFC 9051 §6.3.3).
    pub(super) async fn select_unchanged(&mut self, name: &str) -> Result<Selected, SourceError> {
        self.select_by("EXAMINE", name).await
    }

    async fn select_by(&mut self, verb: &'static str, name: &str) -> Result<Selected, SourceError> {
        self.stirred = false;
        let opened = self.open(verb, name).await?;
        self.stirred = false;
        opened.ok_or_else(|| SourceError::FolderMissing {
            folder: name.to_owned(),
            key: "folder",
            said: std::mem::take(&mut self.refusal),
        })
    }

    async fn open(&mut self, verb: &'static str, name: &str) -> Result<Option<Selected>, SourceError> {
        let (mut uid_validity, mut messages) = (None, 0);
        let ending =
            self.exchange(verb, &format!("{verb} {}", folder(name)), NETWORK_TIME_MAX, |response| {
                match response {
                    Response::Data { outcome, .. } => {
                        if let Some(ResponseCode::UidValidity(value)) = outcome.code {
                            uid_validity = Some(value);
                        }
                    }
                    Response::MailboxData(MailboxDatum::Exists(count)) => messages = *count,
                    _ => {}
                }
            })
            .await?;
        match (ending, uid_validity) {
            (Ending::No { said, .. }, _) => {
                self.refusal = said;
                Ok(None)
            }
            (Ending::Ok, None) => Err(SourceError::Protocol {
                during: verb,
                said: "no UIDVALIDITY: this server cannot name its messages for good".to_owned(),
            }),
            (Ending::Ok, Some(uid_validity)) => Ok(Some(Selected { uid_validity, messages })),
        }
    }

    /// The UIDs of what lies in the folder and is not marked as deleted, ascending: oldest first.
    pub(super) async fn uids(&mut self, criterion: &'static str) -> Result<BTreeSet<u32>, SourceError> {
        let mut uids = BTreeSet::new();
        let command = format!("UID SEARCH {criterion}");
        self.expect_ok("SEARCH", &command, NETWORK_TIME_MAX, |response| {
            if let Response::MailboxData(MailboxDatum::Search(found)) = response {
                uids.extend(found);
            }
        })
        .await?;
        Ok(uids)
    }

    /// Size and date of receipt of each message that is still there.
    pub(super) async fn heads(&mut self, uids: &BTreeSet<u32>) -> Result<Vec<Head>, SourceError> {
        let mut heads = Vec::new();
        let command = format!("UID FETCH {} (UID RFC822.SIZE INTERNALDATE)", uid_set(uids));
        self.expect_ok("FETCH of sizes", &command, NETWORK_TIME_MAX, |response| {
            heads.extend(head(response).filter(|head| uids.contains(&head.uid)));
        })
        .await?;
        heads.sort_by_key(|head| head.uid);
        heads.dedup_by_key(|head| head.uid);
        Ok(heads)
    }

    /// Opens the folder only to look (RFC 3501 §6.3.2): no flag changes by it, not even `\\Recent`. `None`: there is no such
    /// folder.
    pub(super) async fn examine(&mut self, name: &str) -> Result<Option<Selected>, SourceError> {
        self.open("EXAMINE", name).await
    }

    /// Kibibytes used and allowed in a folder (RFC 2087); `None`: the server tells of no such bound.
    pub(super) async fn quota(&mut self, name: &str) -> Result<Option<(u64, u64)>, SourceError> {
        let mut told = None;
        if self.abilities.quota {
            let command = format!("GETQUOTAROOT {}", folder(name));
            self.exchange("GETQUOTAROOT", &command, NETWORK_TIME_MAX, |response| {
                let Response::Quota(quota) = response else { return };
                let storage = quota.resources.iter().find(|one| one.name == QuotaResourceName::Storage);
                told = told.or(storage.map(|one| (one.usage, one.limit)));
            })
            .await?;
        }
        Ok(told)
    }

    /// What the ledger needs of each message that is still there.
    pub(super) async fn counted(&mut self, uids: &BTreeSet<u32>) -> Result<Vec<CountedHead>, SourceError> {
        let mut heads = Vec::new();
        let command = format!(
            "UID FETCH {} (UID RFC822.SIZE INTERNALDATE FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])",
            uid_set(uids)
        );
        self.expect_ok("FETCH of Message-IDs", &command, NETWORK_TIME_MAX, |response| {
            heads.extend(counted(response).filter(|counted| uids.contains(&counted.head.uid)));
        })
        .await?;
        heads.sort_by_key(|counted| counted.head.uid);
        heads.dedup_by_key(|counted| counted.head.uid);
        Ok(heads)
    }

    /// The messages themselves, without marking them as read. Gives what came whole, and beside it the
    /// failure that cut off the rest, if there was one: a message is counted when it came, not when it was
    /// asked for.
    pub(super) async fn bodies(
        &mut self,
        uids: &BTreeSet<u32>,
        bytes: u64,
    ) -> (HashMap<u32, Vec<u8>>, Result<(), SourceError>) {
        let mut bodies = HashMap::new();
        let time = NETWORK_TIME_MAX + Duration::from_secs(bytes / LINE_BYTES_PER_SECOND);
        let command = format!("UID FETCH {} (UID BODY.PEEK[])", uid_set(uids));
        let ending = self
            .exchange("FETCH of messages", &command, time, |response| {
                if let Some((uid, body)) = body(response).filter(|(uid, _)| uids.contains(uid)) {
                    bodies.insert(uid, body);
                }
            })
            .await;
        // A NO names no message: what did not come is seen by counting.
        (bodies, ending.map(|_| ()))
    }

    /// Moves messages to another folder, which is made when it is not there.
    ///
    /// # Errors
    /// `FolderMissing` when the folder cannot be made. Messages that did not move are where they were.
    pub(super) async fn move_to(&mut self, uids: &BTreeSet<u32>, name: &str) -> Result<(), SourceError> {
        let verb = if self.abilities.moves { "MOVE" } else { "COPY" };
        let command = format!("UID {verb} {} {}", uid_set(uids), folder(name));
        let mut ending = self.exchange(verb, &command, NETWORK_TIME_MAX, |_| {}).await?;
        if let Ending::No { .. } = ending {
            // Servers differ in whether they say TRYCREATE; asking for a folder that is there does no harm.
            let create = format!("CREATE {}", folder(name));
            if self.exchange("CREATE", &create, NETWORK_TIME_MAX, |_| {}).await? == Ending::Ok {
                let subscribe = format!("SUBSCRIBE {}", folder(name));
                self.exchange("SUBSCRIBE", &subscribe, NETWORK_TIME_MAX, |_| {}).await?;
            }
            ending = self.exchange(verb, &command, NETWORK_TIME_MAX, |_| {}).await?;
        }
        match ending {
            Ending::No { said, try_create: true } => {
                return Err(SourceError::FolderMissing { folder: name.to_owned(), key: "done_folder", said });
            }
            Ending::No { said, try_create: false } => {
                return Err(SourceError::Protocol { during: verb, said });
            }
            Ending::Ok => {}
        }
        if self.abilities.moves { Ok(()) } else { self.remove_copied(uids).await }
    }

    /// RFC 3501 without MOVE: mark what was copied as deleted, then remove it.
    async fn remove_copied(&mut self, uids: &BTreeSet<u32>) -> Result<(), SourceError> {
        let set = uid_set(uids);
        let store = format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)");
        self.expect_ok("STORE", &store, NETWORK_TIME_MAX, |_| {}).await?;
        if self.abilities.uidplus {
            let expunge = format!("UID EXPUNGE {set}");
            return self.expect_ok("EXPUNGE", &expunge, NETWORK_TIME_MAX, |_| {}).await;
        }
        // A bare EXPUNGE also removes what a person marked in another program. That is theirs to do: when
        // there is such a message, ours stay marked, which keeps them from being taken again.
        if self.uids("DELETED").await?.is_subset(uids) {
            self.expect_ok("EXPUNGE", "EXPUNGE", NETWORK_TIME_MAX, |_| {}).await?;
        }
        Ok(())
    }

    /// Makes a folder; one that is there already does no harm.
    pub(super) async fn create(&mut self, name: &str) -> Result<(), SourceError> {
        self.exchange("CREATE", &format!("CREATE {}", folder(name)), NETWORK_TIME_MAX, |_| {})
            .await
            .map(|_| ())
    }

    /// Lays a small message of our own in a folder (RFC 3501 §6.3.11). `text` has line ends of CR LF.
    ///
    /// # Errors
    /// `Protocol` when the server does not take it.
    pub(super) async fn append(&mut self, name: &str, text: &str) -> Result<(), SourceError> {
        const DURING: &str = "APPEND";
        let command = format!("APPEND {} (\\Seen) {{{}}}", folder(name), text.len());
        let adding = async {
            let fault = |error| SourceError::from_imap(DURING, error);
            let tag = self.session.run_command(command).await.map_err(fault)?;
            let refused = |outcome: &str| SourceError::Protocol { during: DURING, said: said(outcome) };
            loop {
                let invited = self
                    .next(DURING, |response| match response {
                        Response::Continue(_) => Ok(true),
                        Response::Done { outcome, .. } => {
                            Err(refused(outcome.information.as_deref().unwrap_or_default()))
                        }
                        _ => Ok(false),
                    })
                    .await??;
                if invited {
                    break;
                }
            }
            // The line end after it ends the command.
            self.session.run_command_untagged(text).await.map_err(fault)?;
            loop {
                let done = self
                    .next(DURING, |response| match response {
                        Response::Done { tag: theirs, status: Status::Ok, .. } if *theirs == tag => Ok(true),
                        Response::Done { outcome, .. } => {
                            Err(refused(outcome.information.as_deref().unwrap_or_default()))
                        }
                        _ => Ok(false),
                    })
                    .await??;
                if done {
                    return Ok(());
                }
            }
        };
        timeout(NETWORK_TIME_MAX, adding).await.map_err(|_| SourceError::too_late(DURING))?
    }

    /// Removes messages of our own from the selected folder.
    pub(super) async fn remove(&mut self, uids: &BTreeSet<u32>) -> Result<(), SourceError> {
        if uids.is_empty() {
            return Ok(());
        }
        self.remove_copied(uids).await
    }

    /// Starts IDLE, unless it runs.
    pub(super) async fn idle_start(&mut self) -> Result<(), SourceError> {
        const DURING: &str = "IDLE";
        if self.idling.is_some() {
            return Ok(());
        }
        let starting = async {
            let tag = self
                .session
                .run_command("IDLE")
                .await
                .map_err(|error| SourceError::from_imap(DURING, error))?;
            loop {
                let (started, stirred) = self
                    .next(DURING, |response| match response {
                        Response::Continue(_) => Ok((true, false)),
                        Response::Done { outcome, .. } => Err(SourceError::refused(
                            DURING,
                            said(outcome.information.as_deref().unwrap_or_default()),
                        )),
                        other => Ok((false, is_news(other))),
                    })
                    .await??;
                self.stirred |= stirred;
                if started {
                    return Ok::<_, SourceError>(tag);
                }
            }
        };
        let tag = timeout(NETWORK_TIME_MAX, starting).await.map_err(|_| SourceError::too_late(DURING))??;
        self.idling = Some(tag);
        Ok(())
    }

    /// Waits until the server tells of something new, or `until`. May be dropped at any time.
    ///
    /// # Errors
    /// When the server says goodbye or is gone.
    pub(super) async fn idle_wait(&mut self, until: Instant) -> Result<(), SourceError> {
        while !self.stirred {
            let waiting = self.next("IDLE", |response| match response {
                Response::Data { status: Status::Bye, outcome } => {
                    Err(farewell("IDLE", outcome.information.as_deref()))
                }
                // The server ended the IDLE of itself: no news, and nothing to rely on either.
                Response::Done { .. } => Err(SourceError::closed("IDLE")),
                other => Ok(is_news(other)),
            });
            match timeout_at(until, waiting).await {
                Err(_) => return Ok(()),
                Ok(heard) => self.stirred = heard??,
            }
        }
        Ok(())
    }

    /// Ends IDLE, when it runs. That the server says `OK` to this proves little (a dead connection has been
    /// seen to): the caller's next command is a SELECT, with its own time limit and tagged answer.
    pub(super) async fn idle_end(&mut self) -> Result<(), SourceError> {
        const DURING: &str = "end of IDLE";
        let Some(tag) = self.idling.take() else { return Ok(()) };
        let ending = async {
            self.session
                .run_command_untagged("DONE")
                .await
                .map_err(|error| SourceError::from_imap(DURING, error))?;
            while !self.next(DURING, |response| response_ends(response, &tag)).await? {}
            Ok(())
        };
        timeout(NETWORK_TIME_MAX, ending).await.map_err(|_| SourceError::too_late(DURING))?
    }

    /// Runs a command whose `NO` is a failure.
    async fn expect_ok(
        &mut self,
        during: &'static str,
        command: &str,
        time_max: Duration,
        each: impl FnMut(&Response<'_>) + Send,
    ) -> Result<(), SourceError> {
        match self.exchange(during, command, time_max, each).await? {
            Ending::Ok => Ok(()),
            Ending::No { said, .. } => Err(SourceError::Protocol { during, said }),
        }
    }

    /// Sends one command and reads until its tagged answer.
    ///
    /// # Errors
    /// `Lost` when the answer does not come whole and in time; `Protocol` when it is `BAD`.
    async fn exchange(
        &mut self,
        during: &'static str,
        command: &str,
        time_max: Duration,
        mut each: impl FnMut(&Response<'_>) + Send,
    ) -> Result<Ending, SourceError> {
        let talking = async {
            let tag = self
                .session
                .run_command(command)
                .await
                .map_err(|error| SourceError::from_imap(during, error))?;
            loop {
                let (ended, stirred) = self
                    .next(during, |response| match response {
                        Response::Done { tag: theirs, status, outcome } if *theirs == tag => {
                            let text = said(outcome.information.as_deref().unwrap_or_default());
                            let ended = match status {
                                Status::Ok => Ok(Ending::Ok),
                                Status::No if throttle(&text).is_none() => Ok(Ending::No {
                                    try_create: matches!(outcome.code, Some(ResponseCode::TryCreate)),
                                    said: text,
                                }),
                                _ => Err(SourceError::refused(during, text)),
                            };
                            (Some(ended), false)
                        }
                        Response::Data { status: Status::Bye, outcome } => {
                            (Some(Err(farewell(during, outcome.information.as_deref()))), false)
                        }
                        other => {
                            each(other);
                            (None, is_news(other))
                        }
                    })
                    .await?;
                self.stirred |= stirred;
                if let Some(ended) = ended {
                    return ended;
                }
            }
        };
        timeout(time_max, talking).await.map_err(|_| SourceError::too_late(during))?
    }

    /// Reads one response. May be dropped at any time: what was read so far stays in the buffer.
    async fn next<R>(
        &mut self,
        during: &'static str,
        look: impl FnOnce(&Response<'_>) -> R + Send,
    ) -> Result<R, SourceError> {
        // The parser below has been seen to panic on `INTERNALDATE NIL`: a server out of form costs the
        // connection, never the daemon.
        match AssertUnwindSafe(self.session.read_response()).catch_unwind().await {
            Ok(Ok(Some(response))) => Ok(look(response.parsed())),
            Ok(Ok(None)) => Err(SourceError::closed(during)),
            Ok(Err(error)) => Err(SourceError::from_io(during, &error)),
            Err(_) => Err(SourceError::Protocol { during, said: "an answer out of form".to_owned() }),
        }
    }
}

/// The server said goodbye: because it is asked too much, or for a reason of its own.
fn farewell(during: &'static str, text: Option<&str>) -> SourceError {
    match text.filter(|text| throttle(text).is_some()) {
        Some(text) => SourceError::refused(during, said(text)),
        None => SourceError::closed(during),
    }
}

/// Whether a response may mean that a message came.
fn is_news(response: &Response<'_>) -> bool {
    matches!(response, Response::MailboxData(MailboxDatum::Exists(_) | MailboxDatum::Recent(_)))
}

fn response_ends(response: &Response<'_>, tag: &RequestId) -> bool {
    matches!(response, Response::Done { tag: theirs, .. } if theirs == tag)
}
