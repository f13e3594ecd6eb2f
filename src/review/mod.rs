//! The review desk: where staff decide. A record → a page, a form → one state change; plus the JSON API.
//!
//! Server-rendered Dutch pages that need no script and load nothing from elsewhere. Invariants: HTML from
//! mail is never rendered, every text of a citizen is escaped; a route that is not open stands behind the
//! guard with its right; the store is only reached off the threads that serve.

mod account_page;
pub mod accounts;
mod accounts_page;
mod address_page;
mod ailment;
mod answer_view;
mod answers_page;
mod api;
mod aside_page;
mod boxes;
mod bsn;
mod case_page;
mod case_view;
mod chart;
mod clerk;
mod dates;
mod decide;
mod draft_page;
mod due_page;
mod errors;
mod export_page;
mod formatted_page;
mod found;
mod guard;
mod handover_page;
mod health;
mod help_page;
mod here;
mod hits;
mod idempotency;
mod kept_keys;
mod label_view;
mod ledger_page;
mod login;
mod looks;
mod marking;
mod mend;
mod message_page;
mod numbers_page;
pub mod oidc;
mod page_images;
mod pages;
mod piece_view;
mod post_page;
mod presence;
mod print_page;
mod probe;
mod queue_page;
mod rates;
mod reasons;
mod rehearsal_page;
mod rights;
mod routes;
mod rules_page;
mod sending_page;
mod session;
mod state;
mod together_page;
mod try_page;
mod upload;
mod words;

pub use accounts::{AccountError, Accounts, What, may_be_account};
pub use ailment::{Ailment, Code};
pub use answers_page::{AnswerSample, Sampler};
pub use clerk::{Clerk, Draft, DraftWish, Words};
pub use health::{Health, Proved};
pub use oidc::Provider;
pub use rights::{Right, Role};
pub use routes::{Access, Route, table};
pub use state::{
    LetterChecked, LetterChecker, LetterFault, Opened, Opener, PageMaker, PagesRequest, PagesWish, PostRoom,
    PostRoomFault, Reread, Rereader, ReviewState, RuleDesk, RulesInForce, Shown, Tried, Trying,
};
pub use words::Names;

use crate::limits::DRAIN_TIME_MAX;
use std::future::{Future, IntoFuture};
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// The desk could not start or ended by a fault of the machine.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    #[error("a template of the desk has a fault: {0}")]
    Template(String),
    #[error("[desk.oidc]: {0}")]
    SignIn(#[source] crate::tls::TlsError),
    #[error("the desk stopped: {0}")]
    Serve(#[source] std::io::Error),
}

/// Answers `/healthz` with the reasons while the store is being opened, and everything else with 503, until it is dropped.
///
/// # Errors
/// The listener fails.
pub async fn serve_health(listener: TcpListener, health: Health) -> Result<(), ReviewError> {
    let told = move |headers: axum::http::HeaderMap| {
        let answer = probe::told(&health.ailments(), &headers);
        async move { answer }
    };
    let router = axum::Router::new().fallback(told);
    axum::serve(listener, router).into_future().await.map_err(ReviewError::Serve)
}

/// Serves the desk until `shutdown` is done; requests in hand are finished, for [`DRAIN_TIME_MAX`] at most.
///
/// # Errors
/// A template with a fault, or the listener fails.
pub async fn serve(
    listener: TcpListener,
    state: ReviewState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ReviewError> {
    pages::check().map_err(ReviewError::Template)?;
    let (stopping, stop) = tokio::sync::oneshot::channel::<()>();
    let graceful = async move {
        shutdown.await;
        let _ = stopping.send(());
    };
    // A browser that keeps a request half sent must not keep the house from stopping.
    let drained = async move {
        match stop.await {
            Ok(()) => tokio::time::sleep(DRAIN_TIME_MAX).await,
            Err(_) => std::future::pending().await,
        }
    };
    let service = routes::routes(&state).into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(graceful);
    tokio::select! {
        ended = serving.into_future() => ended.map_err(ReviewError::Serve),
        () = drained => Ok(()),
    }
}
