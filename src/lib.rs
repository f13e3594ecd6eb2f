//! `bode`, the digital mail room of a Dutch complaints office: the map of the house.
//!
//! ```text
//! source ─ register ─ extract ─ triage ─ (one commit) ─┬─ acknowledge ─ outbox
//!                                                      └─ queue ─ review
//! ```
//! Imports point one way; the table stands in ARCHITECTURE.md and `tests/architecture.rs` holds it.

pub mod acknowledge;
pub mod bundle;
pub mod calendar;
pub mod clock;
pub mod command;
pub mod config;
pub mod cursor;
pub mod daemon;
pub mod digest;
pub mod draft;
pub mod explain;
pub mod export;
pub mod extract;
pub mod handover;
pub mod http;
pub mod intake;
pub mod ledger;
pub mod limits;
pub mod metrics;
pub mod notify;
pub mod oauth;
pub mod outbox;
pub mod pause;
pub mod queue;
pub mod record;
pub mod register;
pub mod retention;
pub mod review;
pub mod sheets;
pub mod source;
pub mod store;
pub mod tls;
pub mod triage;
pub mod trial;
pub mod webhooks;
pub mod whole;
