//! The desk in a real browser (headless Chromium): every page and its states looked at ([`pages`], [`look`]), and the day of
//! each role from login to decision, with a mouse, by keyboard alone and without JavaScript ([`days`], [`hands`]).
//!
//! Pictures are laid in `target/tmp/desk` for people to look at. Needs the Debian package chromium, and axe-core, which
//! `make deps-test` fetches.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests a panic is the failure that is wanted"
)]

#[path = "../daemon/mod.rs"]
mod daemon;
mod days;
#[path = "../desk/mod.rs"]
mod desk;
mod hands;
mod look;
mod office;
mod pages;
mod routes;
#[path = "../servers/mod.rs"]
mod servers;

use desk::browser::Browser;

fn browser() -> Browser {
    Browser::start().expect("install the Debian package chromium")
}
