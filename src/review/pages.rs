//! Drawing: the templates of the desk, compiled into the binary, and what every answer carries.
//!
//! Invariants: every template escapes by itself (all are `.html`; nothing is ever marked safe); a name that a
//! template uses and a view lacks is an error that the tests find; every answer carries the headers of
//! [`protect`].

use super::dates;
use super::errors::Fault;
use super::guard::Visitor;
use super::ledger_page::{self, Foot};
use super::rights::Right;
use super::state::ReviewState;
use crate::limits::REQUEST_TIME_MAX;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value};
use serde::Serialize;
use std::sync::LazyLock;

pub(super) const TEMPLATES: &[(&str, &str)] = &[
    ("layout.html", include_str!("../../templates/desk/layout.html")),
    ("parts.html", include_str!("../../templates/desk/parts.html")),
    ("login.html", include_str!("../../templates/desk/login.html")),
    ("moved.html", include_str!("../../templates/desk/moved.html")),
    ("account.html", include_str!("../../templates/desk/account.html")),
    ("accounts.html", include_str!("../../templates/desk/accounts.html")),
    ("queue.html", include_str!("../../templates/desk/queue.html")),
    ("case.html", include_str!("../../templates/desk/case.html")),
    ("formatted.html", include_str!("../../templates/desk/formatted.html")),
    ("message.html", include_str!("../../templates/desk/message.html")),
    ("split.html", include_str!("../../templates/desk/split.html")),
    ("together.html", include_str!("../../templates/desk/together.html")),
    ("help.html", include_str!("../../templates/desk/help.html")),
    ("looks.html", include_str!("../../templates/desk/looks.html")),
    ("changed.html", include_str!("../../templates/desk/changed.html")),
    ("aside.html", include_str!("../../templates/desk/aside.html")),
    ("aside_one.html", include_str!("../../templates/desk/aside_one.html")),
    ("due.html", include_str!("../../templates/desk/due.html")),
    ("ledger.html", include_str!("../../templates/desk/ledger.html")),
    ("address.html", include_str!("../../templates/desk/address.html")),
    ("post.html", include_str!("../../templates/desk/post.html")),
    ("print.html", include_str!("../../templates/desk/print.html")),
    ("handover.html", include_str!("../../templates/desk/handover.html")),
    ("sending.html", include_str!("../../templates/desk/sending.html")),
    ("answers.html", include_str!("../../templates/desk/answers.html")),
    ("answer.html", include_str!("../../templates/desk/answer.html")),
    ("rules.html", include_str!("../../templates/desk/rules.html")),
    ("figures.html", include_str!("../../templates/desk/figures.html")),
    ("rehearsal.html", include_str!("../../templates/desk/rehearsal.html")),
    ("numbers.html", include_str!("../../templates/desk/numbers.html")),
    ("year.html", include_str!("../../templates/desk/year.html")),
    ("draft.html", include_str!("../../templates/desk/draft.html")),
    ("rule_file.html", include_str!("../../templates/desk/rule_file.html")),
    ("rule_edit.html", include_str!("../../templates/desk/rule_edit.html")),
    ("rule_effect.html", include_str!("../../templates/desk/rule_effect.html")),
    ("rule_score.html", include_str!("../../templates/desk/rule_score.html")),
    ("rule_try.html", include_str!("../../templates/desk/rule_try.html")),
    ("fault.html", include_str!("../../templates/desk/fault.html")),
];

const STYLE: &str = include_str!("../../templates/desk/desk.css");
const SCRIPT: &str = include_str!("../../templates/desk/desk.js");
const MARK: &str = include_str!("../../templates/desk/mark.svg");

static DRAWN: LazyLock<Result<Environment<'static>, minijinja::Error>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    for &(name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment)
});

/// The style sheet's digest stands in its address, so that browsers may keep it.
static STYLE_VERSION: LazyLock<String> =
    LazyLock::new(|| super::accounts::digest(STYLE).chars().take(12).collect());

static SCRIPT_VERSION: LazyLock<String> =
    LazyLock::new(|| super::accounts::digest(SCRIPT).chars().take(12).collect());

/// What every page shows around its content.
#[derive(Clone, Debug, Serialize)]
pub struct Shell {
    pub office: String,
    pub style: String,
    pub script: String,
    /// The account, when somebody is logged in.
    pub user: Option<String>,
    pub csrf: String,
    pub may_decide: bool,
    /// Sees who has an account.
    pub may_see_accounts: bool,
    /// `queue`, `due`, `aside`, `post`, `print`, `sending`, `answers`, `rules`, `numbers`, `ledger` or empty: the chosen page.
    pub here: &'static str,
    /// What stands in the search field.
    pub search: String,
    /// Nothing leaves the house.
    pub rehearsal: bool,
    /// The breaker, while it holds all answers.
    pub breaker: Option<OpenBreaker>,
    /// How the ledger stood at the last proof.
    pub ledger: Option<Foot>,
}

/// The breaker as every page tells of it.
#[derive(Clone, Debug, Serialize)]
pub struct OpenBreaker {
    pub since: String,
    pub answers: u32,
    pub held: u32,
}

impl Shell {
    pub fn new(state: &ReviewState, visitor: &Visitor, here: &'static str) -> Self {
        Self {
            office: state.shown().office.name.clone(),
            style: STYLE_VERSION.clone(),
            script: SCRIPT_VERSION.clone(),
            user: Some(visitor.name.clone()),
            csrf: visitor.csrf.clone().unwrap_or_default(),
            may_decide: visitor.may(Right::Decide) && !visitor.must_choose,
            may_see_accounts: visitor.may(Right::SeeAccounts) && !visitor.must_choose,
            here,
            search: String::new(),
            rehearsal: state.is_rehearsal(),
            breaker: state.health().open_breaker().map(|row| OpenBreaker {
                since: dates::moment(row.since),
                answers: row.answers,
                held: row.held,
            }),
            ledger: ledger_page::foot(state.health(), state.now()),
        }
    }

    /// For a page that does not know who looks.
    pub fn outside(state: &ReviewState) -> Self {
        Self {
            office: state.shown().office.name.clone(),
            style: STYLE_VERSION.clone(),
            script: SCRIPT_VERSION.clone(),
            user: None,
            csrf: String::new(),
            may_decide: false,
            may_see_accounts: false,
            here: "",
            search: String::new(),
            rehearsal: false,
            breaker: None,
            ledger: None,
        }
    }
}

/// Draws a page.
///
/// # Errors
/// A template and its view do not fit: our own fault, told in the log.
pub fn render(name: &str, context: impl Into<Value>) -> Result<Html<String>, Fault> {
    let environment = DRAWN.as_ref().map_err(|error| Fault::internal(error))?;
    environment
        .get_template(name)
        .and_then(|template| template.render(context))
        .map(Html)
        .map_err(|error| Fault::internal(&format!("{name}: {error}")))
}

/// Draws a page from a view.
///
/// # Errors
/// As [`render`].
pub fn draw(name: &str, view: &impl Serialize) -> Result<Html<String>, Fault> {
    render(name, Value::from(Serde(view)))
}

/// Checks at start that every template can be read.
///
/// # Errors
/// The first fault.
pub fn check() -> Result<(), String> {
    DRAWN.as_ref().map(|_| ()).map_err(|error| format!("{error:#}"))
}

/// `GET /assets/desk.css`
pub async fn style() -> Response {
    asset("text/css; charset=utf-8", STYLE)
}

/// `GET /assets/desk.js`
pub async fn script() -> Response {
    asset("text/javascript; charset=utf-8", SCRIPT)
}

/// `GET /assets/mark.svg`
pub async fn mark() -> Response {
    asset("image/svg+xml", MARK)
}

fn asset(media_type: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, media_type), (CACHE_CONTROL, "public, max-age=604800, immutable")], text).into_response()
}

/// The content security policy of a page, and of one with a frame of ours in it.
const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const FRAMING: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; \
                       form-action 'self'; frame-ancestors 'none'; base-uri 'none'; frame-src 'self'";

/// A page that may hold a frame of ours.
pub fn framing(mut response: Response) -> Response {
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(FRAMING));
    response
}

/// What every answer of the desk carries: nothing is loaded from elsewhere, only our own script runs, nobody frames it,
/// nothing of a citizen stays in a cache.
pub async fn protect(request: Request, next: Next) -> Response {
    let mut response = match tokio::time::timeout(REQUEST_TIME_MAX, next.run(request)).await {
        Ok(response) => response,
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 6] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A path with a query, each value percent-encoded; empty values are left out.
pub fn url(path: &str, query: &[(&str, &str)]) -> String {
    let mut text = path.to_owned();
    let mut mark = '?';
    for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        text.push(mark);
        text.push_str(name);
        text.push('=');
        text.push_str(&percent_encoded(value));
        mark = '&';
    }
    text
}

/// RFC 3986: everything but unreserved characters.
pub fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_can_be_read_and_none_switches_escaping_off() {
        assert_eq!(check(), Ok(()));
        for &(name, source) in TEMPLATES {
            assert!(name.ends_with(".html"), "{name}");
            for word in ["|safe", "| safe", "autoescape", "style=", "http://", "https://", " onclick"] {
                assert!(!source.contains(word), "{name} holds {word}");
            }
            // One script, in a file of its own.
            let scripts = source.matches("<script").count();
            assert_eq!(scripts, usize::from(name == "layout.html"), "{name}");
        }
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    }

    #[test]
    fn addresses_are_encoded() {
        assert_eq!(url("/", &[("q", "a b&c"), ("queue", ""), ("page", "2")]), "/?q=a%20b%26c&page=2");
    }

    /// A colour of the style sheet, by its name there or as `#rrggbb`.
    fn colour(name: &str) -> [f64; 3] {
        let code = match name.strip_prefix("--") {
            Some(_) => STYLE.split(&format!("{name}: #")).nth(1).unwrap().split(';').next().unwrap(),
            None => name.trim_start_matches('#'),
        };
        let channel = |at: usize| f64::from(u8::from_str_radix(&code[at..at + 2], 16).unwrap()) / 255.0;
        [channel(0), channel(2), channel(4)]
    }

    /// WCAG 2.2: relative luminance.
    fn luminance(name: &str) -> f64 {
        let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
        let [red, green, blue] = colour(name).map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    #[test]
    fn every_text_can_be_read_by_people_who_see_badly() {
        for (text, ground) in [
            ("--ink", "--paper"),
            ("--ink", "--ground"),
            ("--ink", "--mark"),
            ("--ink", "#ffc93c"),
            ("--ink", "--bad-pale"),
            ("--ink", "--warn-pale"),
            ("--ink", "--good-pale"),
            ("--quiet", "--paper"),
            ("--quiet", "--ground"),
            ("--quiet", "--mark"),
            ("--quiet", "#eaeeee"),
            ("--link", "--paper"),
            ("--link", "--ground"),
            ("--link", "--mark"),
            ("--link", "--bad-pale"),
            ("--link", "--warn-pale"),
            ("--link", "--good-pale"),
            ("--link", "--brand-pale"),
            ("--warn", "--paper"),
            ("--warn", "--warn-pale"),
            ("--good", "--paper"),
            ("--good", "--good-pale"),
            ("--brand-dark", "--brand-pale"),
            ("#ffffff", "--brand"),
            ("#ffffff", "--bad"),
            ("#ffffff", "#944a00"),
            ("#ffffff", "#6b4d00"),
            ("#ffffff", "#44525a"),
            ("#33424a", "#e9edee"),
            ("#3d4b53", "--paper"),
        ] {
            let (a, b) = (luminance(text), luminance(ground));
            let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(contrast >= 4.5, "{text} on {ground}: {contrast:.2}");
        }
        // What shows that something can be used, or has the focus: 3:1.
        for (edge, ground) in
            [("--line-strong", "--paper"), ("--brand-dark", "--ground"), ("--brand", "--paper")]
        {
            let (a, b) = (luminance(edge), luminance(ground));
            assert!((a.max(b) + 0.05) / (a.min(b) + 0.05) >= 3.0, "{edge} on {ground}");
        }
    }
}
