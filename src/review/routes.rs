//! Every route of the desk, as one table: method, path, who may come, handler.
//!
//! The router is built from this table and from nothing else, and a row cannot be written without [`Access`]; so a route without
//! a right does not compile. `tests/desk_rights.rs` tries every row as every role and as nobody.

use super::errors;
use super::guard::{self, Guard};
use super::rights::Right;
use super::state::ReviewState;
use super::{
    account_page, accounts_page, address_page, answers_page, api, aside_page, bsn, case_page, decide,
    draft_page, due_page, export_page, formatted_page, handover_page, help_page, here, ledger_page, login,
    looks, mend, message_page, numbers_page, oidc, page_images, pages, post_page, print_page, probe,
    queue_page, rehearsal_page, rules_page, sending_page, together_page, try_page,
};
use crate::limits::{FORM_BYTES_MAX, PIECE_BYTES_MAX, RULE_FORM_BYTES_MAX};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{self, MethodRouter};
use std::sync::LazyLock;

/// Who may come to a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Open,
    /// A person who is logged in and has the right; a form that changes something carries the session's CSRF token.
    Desk(Right),
    /// The same (with the CSRF token in `X-CSRF-Token`), or a program with a bearer token that has the right.
    Program(Right),
}

/// A row of the table.
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub access: Access,
    handler: MethodRouter<ReviewState>,
}

/// A page or a file: changes nothing.
fn get<H, T>(path: &'static str, access: Access, handler: H) -> Route
where
    H: Handler<T, ReviewState>,
    T: 'static,
{
    Route { method: "GET", path, access, handler: routing::get(handler) }
}

/// A form, or a write of a program.
fn post<H, T>(path: &'static str, access: Access, handler: H) -> Route
where
    H: Handler<T, ReviewState>,
    T: 'static,
{
    Route { method: "POST", path, access, handler: routing::post(handler) }
}

/// A form with a file: as large as a piece may be, and the little around it.
fn upload<H, T>(path: &'static str, access: Access, handler: H) -> Route
where
    H: Handler<T, ReviewState>,
    T: 'static,
{
    let bytes_max = usize::try_from(PIECE_BYTES_MAX).unwrap_or(usize::MAX).saturating_add(FORM_BYTES_MAX);
    let handler = routing::post(handler).layer(DefaultBodyLimit::max(bytes_max));
    Route { method: "POST", path, access, handler }
}

/// A form with a long text.
fn large<H, T>(path: &'static str, access: Access, handler: H) -> Route
where
    H: Handler<T, ReviewState>,
    T: 'static,
{
    let handler = routing::post(handler).layer(DefaultBodyLimit::max(RULE_FORM_BYTES_MAX));
    Route { method: "POST", path, access, handler }
}

/// Every route. `metrics_open`: the office lets anybody read the counters.
#[rustfmt::skip] // a row is a line, so that it reads as the table that it is
pub fn table(metrics_open: bool) -> Vec<Route> {
    use Access::{Desk, Open, Program};
    use Right::{Decide, Export, KeepAccounts, KeepRules, Letters, OwnAccount, Read, SeeAccounts, SeeBsn, SeeLooks};
    vec![
        get("/healthz", Open, probe::healthz),
        get("/metrics", if metrics_open { Open } else { Program(Read) }, probe::metrics),
        get("/assets/desk.css", Open, pages::style),
        get("/assets/desk.js", Open, pages::script),
        get("/assets/mark.svg", Open, pages::mark),
        get("/login", Open, login::page),
        post("/login", Open, login::submit),
        get("/login/oidc", Open, oidc::begin),
        get("/login/oidc/back", Open, oidc::back),
        post("/logout", Desk(OwnAccount), login::out),
        // Accounts.
        get("/account", Desk(OwnAccount), account_page::page),
        post("/account/password", Desk(OwnAccount), account_page::password),
        post("/account/sessions", Desk(OwnAccount), account_page::end_sessions),
        get("/accounts", Desk(SeeAccounts), accounts_page::page),
        post("/accounts/add", Desk(KeepAccounts), accounts_page::add),
        post("/accounts/change", Desk(KeepAccounts), accounts_page::change),
        post("/accounts/tokens", Desk(KeepAccounts), accounts_page::token),
        // Cases.
        get("/", Desk(Read), queue_page::page),
        get("/cases.csv", Desk(Export), export_page::list),
        get("/changes", Desk(Read), here::changes),
        get("/help", Desk(Read), help_page::page),
        get("/together", Desk(Decide), together_page::page),
        post("/together", Desk(Decide), together_page::decide),
        get("/due", Desk(Read), due_page::page),
        get("/cases/{number}", Desk(Read), case_page::page),
        get("/cases/{number}/pieces/{record}/original", Desk(Read), case_page::original),
        get("/cases/{number}/pieces/{record}/formatted", Desk(Read), formatted_page::page),
        get("/cases/{number}/pieces/{record}/documents/{index}", Desk(Read), case_page::document),
        get("/cases/{number}/pieces/{record}/documents/{index}/file", Desk(Read), case_page::attachment),
        get("/cases/{number}/pieces/{record}/documents/{index}/pages/{page}", Desk(Read), page_images::picture),
        get("/cases/{number}/pieces/{record}/documents/{index}/searchable.pdf", Desk(Read), page_images::searchable),
        get("/cases/{number}/answer", Desk(Read), case_page::answer),
        get("/cases/{number}/address", Desk(Read), address_page::page),
        get("/cases/{number}/looks", Desk(SeeLooks), looks::page),
        post("/cases/{number}/decision", Desk(Decide), decide::decision),
        post("/cases/{number}/draft", Desk(Decide), message_page::page),
        post("/cases/{number}/letter.pdf", Desk(Decide), message_page::letter),
        post("/cases/{number}/transfer.zip", Desk(Decide), message_page::package),
        get("/cases/{number}/here", Desk(Read), here::here),
        get("/cases/{number}/split", Desk(Decide), mend::split_page),
        post("/cases/{number}/split", Desk(Decide), mend::split),
        post("/cases/{number}/undo", Desk(Decide), mend::undo),
        post("/cases/{number}/labels", Desk(Decide), mend::label),
        post("/cases/{number}/not-alike", Desk(Decide), mend::not_alike),
        post("/cases/{number}/assign", Desk(Decide), decide::assign),
        post("/cases/{number}/join", Desk(Decide), decide::join),
        post("/cases/{number}/note", Desk(Decide), decide::note),
        post("/cases/{number}/answer", Desk(Decide), decide::answer),
        post("/cases/{number}/address", Desk(Letters), address_page::check),
        post("/cases/{number}/bsn", Desk(SeeBsn), bsn::show),
        post("/cases/{number}/export", Desk(Export), export_page::zip),
        // Set aside, letters to print, sending.
        get("/aside", Desk(Read), aside_page::page),
        get("/aside/{record}", Desk(Read), aside_page::one),
        get("/aside/{record}/original", Desk(Read), aside_page::original),
        get("/post", Desk(Read), post_page::page),
        get("/post/sheets.pdf", Desk(Letters), post_page::sheets),
        post("/post/again", Desk(Letters), post_page::again),
        upload("/post/scans", Desk(Letters), post_page::lay),
        post("/aside/{record}/case", Desk(Decide), aside_page::take_back),
        get("/print", Desk(Read), print_page::page),
        get("/print/{day}/samen.pdf", Desk(Read), print_page::together),
        get("/print/{day}/{file}", Desk(Read), print_page::file),
        post("/print/{day}/samen.pdf", Desk(Letters), print_page::together_listed),
        post("/print/printed", Desk(Letters), print_page::printed),
        post("/print/again", Desk(Letters), print_page::again),
        get("/sending", Desk(Read), sending_page::page),
        // The brake is within reach of whoever may let an answer go.
        post("/sending/switch", Desk(Decide), sending_page::switch),
        post("/breaker", Desk(Decide), decide::close_breaker),
        get("/handover", Desk(Read), handover_page::page),
        post("/handover", Desk(Decide), handover_page::act),
        get("/ledger", Desk(Read), ledger_page::page),
        get("/numbers", Desk(Read), numbers_page::page),
        get("/numbers.csv", Desk(Read), numbers_page::csv),
        get("/numbers/{year}", Desk(Read), numbers_page::year),
        get("/rehearsal", Desk(Read), rehearsal_page::page),
        get("/answers", Desk(Read), answers_page::list),
        get("/answers/{situation}", Desk(Read), answers_page::one),
        get("/answers/{situation}/letter.pdf", Desk(Read), answers_page::pdf),
        // Rules.
        get("/rules", Desk(Read), rules_page::page),
        get("/rules/regels.md", Desk(Read), rules_page::listed),
        get("/rules/score", Desk(Read), draft_page::score),
        get("/rules/try", Desk(Read), try_page::page),
        upload("/rules/try", Desk(Read), try_page::tried),
        get("/rules/files/{name}", Desk(KeepRules), draft_page::file),
        get("/rules/files/{name}/{index}", Desk(KeepRules), draft_page::edit),
        get("/rules/draft", Desk(KeepRules), draft_page::page),
        get("/rules/draft/effect", Desk(KeepRules), draft_page::effect),
        large("/rules/draft/change", Desk(KeepRules), draft_page::change),
        post("/rules/draft/publish", Desk(KeepRules), draft_page::publish),
        post("/rules/draft/discard", Desk(KeepRules), draft_page::discard),
        post("/rules/draft/back", Desk(KeepRules), draft_page::back),
        post("/rules/reload", Desk(KeepRules), rules_page::reload),
        // Programs. Each row stands in `openapi.json` too.
        get("/api/v1/openapi.json", Program(Read), api::openapi),
        get("/api/v1/cases", Program(Read), api::cases),
        get("/api/v1/cases/{number}", Program(Read), api::case),
        post("/api/v1/cases/{number}/decision", Program(Decide), api::decision),
    ]
}

/// Is this the path of a page that somebody with a login may have wanted?
pub fn is_page(path: &str) -> bool {
    static PAGES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let pages = table(false)
            .into_iter()
            .filter(|row| row.method == "GET" && matches!(row.access, Access::Desk(_)));
        pages.map(|row| row.path).collect()
    });
    let fits = |page: &&str| {
        let same =
            |(part, given): (&str, &str)| part == given || (part.starts_with('{') && !given.is_empty());
        page.split('/').count() == path.split('/').count() && page.split('/').zip(path.split('/')).all(same)
    };
    PAGES.iter().any(fits)
}

/// The desk as a service.
pub fn routes(state: &ReviewState) -> Router {
    let mut router = Router::new();
    for Route { path, access, handler, .. } in table(state.desk().metrics_open) {
        let guard = |right, program| Guard { state: state.clone(), right, program };
        let handler = match access {
            Access::Open => handler,
            Access::Desk(right) => handler.route_layer(from_fn_with_state(guard(right, false), guard::check)),
            Access::Program(right) => {
                handler.route_layer(from_fn_with_state(guard(right, true), guard::check))
            }
        };
        router = router.route(path, handler);
    }
    router
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(from_fn_with_state(state.clone(), errors::dress))
        .layer(from_fn(pages::protect))
        .with_state(state.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_row_stands_twice_and_what_is_open_is_a_short_list() {
        let table = table(false);
        let rows: BTreeSet<(&str, &str)> = table.iter().map(|row| (row.method, row.path)).collect();
        assert_eq!(rows.len(), table.len());
        let open: Vec<String> = table
            .iter()
            .filter(|row| row.access == Access::Open)
            .map(|row| format!("{} {}", row.method, row.path))
            .collect();
        let expected = [
            "GET /healthz",
            "GET /assets/desk.css",
            "GET /assets/desk.js",
            "GET /assets/mark.svg",
            "GET /login",
            "POST /login",
            "GET /login/oidc",
            "GET /login/oidc/back",
        ];
        assert_eq!(open, expected, "a route that asks for no login is looked at twice");
    }

    #[test]
    fn what_programs_use_is_theirs_and_pages_are_not() {
        for row in table(false) {
            let by_program = row.path.starts_with("/api/") || row.path == "/metrics";
            assert_eq!(by_program, matches!(row.access, Access::Program(_)), "{}", row.path);
        }
    }
}
