//! Every route of the desk, in groups: a group is the right that its routes ask.

use super::errors;
use super::guard::{self, Guard};
use super::rights::Right;
use super::state::ReviewState;
use super::{
    address_page, answers_page, api, aside_page, bsn, case_page, decide, due_page, ledger_page, login, looks,
    page_images, pages, print_page, probe, queue_page, rules_page, sending_page,
};
use crate::limits::FORM_BYTES_MAX;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

/// The desk as a service.
pub fn routes(state: &ReviewState) -> Router {
    let guarded = |group: Router<ReviewState>, right: Right| {
        group.route_layer(from_fn_with_state(Guard { state: state.clone(), right }, guard::check))
    };
    let mut open = Router::new()
        .route("/healthz", get(probe::healthz))
        .route("/login", get(login::page).post(login::submit))
        .route("/assets/desk.css", get(pages::style))
        .route("/assets/mark.svg", get(pages::mark));
    let mut reading = Router::new()
        .route("/", get(queue_page::page))
        .route("/logout", post(login::out))
        .route("/cases/{number}", get(case_page::page))
        .route("/cases/{number}/pieces/{record}/original", get(case_page::original))
        .route("/cases/{number}/pieces/{record}/documents/{index}", get(case_page::document))
        .route("/cases/{number}/pieces/{record}/documents/{index}/file", get(case_page::attachment))
        .route("/cases/{number}/pieces/{record}/documents/{index}/pages/{page}", get(page_images::picture))
        .route(
            "/cases/{number}/pieces/{record}/documents/{index}/searchable.pdf",
            get(page_images::searchable),
        )
        .route("/aside", get(aside_page::page))
        .route("/aside/{record}", get(aside_page::one))
        .route("/aside/{record}/original", get(aside_page::original))
        .route("/due", get(due_page::page))
        .route("/ledger", get(ledger_page::page))
        .route("/cases/{number}/address", get(address_page::page))
        .route("/print", get(print_page::page))
        .route("/print/{day}/samen.pdf", get(print_page::together))
        .route("/print/{day}/{file}", get(print_page::file))
        .route("/sending", get(sending_page::page))
        .route("/answers", get(answers_page::list))
        .route("/answers/{situation}", get(answers_page::one))
        .route("/answers/{situation}/letter.pdf", get(answers_page::pdf))
        .route("/rules", get(rules_page::page))
        .route("/rules/regels.md", get(rules_page::listed))
        .route("/api/v1/openapi.json", get(api::openapi))
        .route("/api/v1/cases", get(api::cases))
        .route("/api/v1/cases/{number}", get(api::case));
    if state.desk().metrics_open {
        open = open.route("/metrics", get(probe::metrics));
    } else {
        reading = reading.route("/metrics", get(probe::metrics));
    }
    let deciding = Router::new()
        .route("/cases/{number}/decision", post(decide::decision))
        .route("/cases/{number}/assign", post(decide::assign))
        .route("/cases/{number}/join", post(decide::join))
        .route("/cases/{number}/note", post(decide::note))
        .route("/breaker", post(decide::close_breaker))
        .route("/api/v1/cases/{number}/decision", post(api::decision));
    let letters = Router::new()
        .route("/cases/{number}/address", post(address_page::check))
        .route("/print/{day}/samen.pdf", post(print_page::together_listed))
        .route("/print/printed", post(print_page::printed))
        .route("/print/again", post(print_page::again));
    let seeing_bsn = Router::new().route("/cases/{number}/bsn", post(bsn::show));
    let seeing_looks = Router::new().route("/cases/{number}/looks", get(looks::page));
    let keeping_rules = Router::new().route("/rules/reload", post(rules_page::reload));
    // One path, two rights: to look at an answer, and to let it go out.
    let answer_seen = Router::new().route("/cases/{number}/answer", get(case_page::answer));
    let answer_sent = Router::new().route("/cases/{number}/answer", post(decide::answer));
    // The brake is within reach of whoever may let an answer go.
    let braking = Router::new().route("/sending/switch", post(sending_page::switch));
    open.merge(guarded(reading, Right::Read))
        .merge(guarded(braking, Right::Decide))
        .merge(guarded(answer_seen, Right::Read))
        .merge(guarded(answer_sent, Right::Decide))
        .merge(guarded(deciding, Right::Decide))
        .merge(guarded(letters, Right::Letters))
        .merge(guarded(keeping_rules, Right::KeepRules))
        .merge(guarded(seeing_bsn, Right::SeeBsn))
        .merge(guarded(seeing_looks, Right::SeeLooks))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(from_fn_with_state(state.clone(), errors::dress))
        .layer(from_fn(pages::protect))
        .with_state(state.clone())
}
