//! Handing decided cases over to a zaaksysteem through the ZGW APIs (Zaken, Documenten, Catalogi): an outbox with retries.
//!
//! Invariants: a zaak has our case number as its identificatie and each document a name of ours, and every step looks there
//! first, so that a repeat after a kill finds what is there and makes nothing twice; what the zaaksysteem refuses waits for a person, what
//! is away is tried again with growing pauses, for ever; nothing here holds up intake. What was decided in a rehearsal, or before the
//! zaaksysteem was configured, is not handed over unless a person asks for it.

mod catalogue;
mod client;
mod follow;
mod informatieobject;
mod notes;
mod run;
mod steps;
mod token;

pub use notes::{Note, Room, Step};
pub use run::{Handover, Progress};

use crate::config::{SecretError, Zaaksysteem};
use crate::cursor::{Cursor, CursorError, FollowError};
use crate::http::AskError;
use crate::store::StoreError;
use crate::tls::TlsError;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Why something was not handed over.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Cursor(#[from] CursorError),
    #[error(transparent)]
    Follow(#[from] FollowError),
    #[error("the notes of what was handed over: {0}")]
    Notes(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("its secret: {0}")]
    Secret(#[from] SecretError),
    #[error(transparent)]
    CutOff(#[from] tokio::task::JoinError),
    #[error("{section}: {source}")]
    Ask { section: &'static str, source: AskError },
    #[error("{section} answered with status {status}: it is tried again")]
    Away { section: &'static str, status: u16, wait: Duration },
    #[error(
        "{section} refuses us (status {status}): {said}; check client_id and secret, and what this client may do there"
    )]
    Closed { section: &'static str, status: u16, said: String },
    /// What the settings name is not in the catalogue.
    #[error("{0}")]
    Types(String),
    /// What came back is not as the standard has it.
    #[error("{0}")]
    Odd(String),
    /// A person must look at this case; what they are told.
    #[error("{0}")]
    Refused(String),
}

impl HandoverError {
    /// Does it pass by itself? How long the server wants to be left alone.
    fn passes(&self) -> (bool, Duration) {
        match self {
            Self::Away { wait, .. } => (true, *wait),
            Self::Ask { source: AskError::Tls(_), .. } => (false, Duration::ZERO),
            Self::Follow(FollowError::CutOff(_)) => (false, Duration::ZERO),
            Self::Ask { .. } | Self::Store(_) | Self::Notes(_) | Self::Cursor(_) | Self::Follow(_) => {
                (true, Duration::ZERO)
            }
            _ => (false, Duration::ZERO),
        }
    }
}

/// Where notes and cursor lie, in the store's directory.
pub fn dir(store: &Path) -> std::path::PathBuf {
    store.join("handover")
}

fn cursor(store: &Path) -> Cursor {
    Cursor::at(dir(store).join("cursor.json"))
}

/// A rehearsal begins: what is decided in it is not handed over afterwards.
///
/// # Errors
/// The cursor cannot be removed.
pub fn rehearsal_begins(store: &Path) -> Result<(), CursorError> {
    cursor(store).forget()
}

/// Reaches the three APIs and looks up what the settings name; what was found, in one line.
///
/// # Errors
/// What is wrong, with the key or the server.
pub async fn probe(
    settings: &Zaaksysteem,
    office: &str,
    today: jiff::civil::Date,
) -> Result<String, HandoverError> {
    let client = client::Client::new(settings, office)?;
    let types = catalogue::Types::found(&client, today).await?;
    let nothing = [("identificatie", "bode-doctor"), ("bronorganisatie", settings.rsin.as_str())];
    client.get(client::Api::Zaken, "/zaken", &nothing).await?;
    client.get(client::Api::Documenten, "/enkelvoudiginformatieobjecten", &nothing).await?;
    Ok(format!("the three APIs answer; zaaktype {}", types.zaaktype.rsplit('/').next().unwrap_or_default()))
}
