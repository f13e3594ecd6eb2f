//! Every page of the route table is opened by these tests: a route that gives a page is in [`super::pages`], or here with why not.

use crate::desk::samples::number;
use crate::office;
use crate::pages::{DESK, RULES, SIGN_IN};
use bode::record::RegistrationNumber;
use bode::review::table;

/// `GET` routes that these tests open nowhere, each with the reason.
const NOT_OPENED: [(&str, &str); 26] = [
    ("/healthz", "text for a monitor"),
    ("/metrics", "text for a monitor"),
    ("/assets/desk.css", "each page loads it"),
    ("/assets/desk.js", "each page loads it"),
    ("/assets/mark.svg", "each page loads it"),
    ("/login/oidc", "goes to the sign-in server at once"),
    ("/cases.csv", "a file"),
    ("/changes", "JSON for the list"),
    ("/cases/{number}/here", "JSON for a case"),
    ("/cases/{number}/pieces/{record}/original", "a file"),
    ("/cases/{number}/pieces/{record}/documents/{index}", "plain text"),
    ("/cases/{number}/pieces/{record}/documents/{index}/file", "a file"),
    ("/cases/{number}/pieces/{record}/documents/{index}/pages/{page}", "a picture"),
    ("/cases/{number}/pieces/{record}/documents/{index}/searchable.pdf", "a file"),
    ("/cases/{number}/pieces/{record}/formatted", "a frame of a case: tests/desk_hostile.rs"),
    ("/cases/{number}/answer", "a file"),
    ("/aside/{record}/original", "a file"),
    ("/post/sheets.pdf", "a file"),
    ("/print/{day}/samen.pdf", "a file"),
    ("/print/{day}/{file}", "a file"),
    ("/numbers.csv", "a file"),
    ("/answers/{situation}/letter.pdf", "a file"),
    ("/rules/regels.md", "plain text"),
    ("/api/v1/openapi.json", "for programs"),
    ("/api/v1/cases", "for programs"),
    ("/api/v1/cases/{number}", "for programs"),
];

/// Is this path one of this route? A literal part counts more than a place.
fn route_of(path: &str) -> Option<&'static str> {
    let path = path.split(['?', '#']).next().unwrap();
    let fits = |route: &str| {
        let (mut parts, mut given) = (route.split('/'), path.split('/'));
        loop {
            match (parts.next(), given.next()) {
                (None, None) => return true,
                (Some(part), Some(one)) if part == one || (part.starts_with('{') && !one.is_empty()) => {}
                _ => return false,
            }
        }
    };
    let rows = table(false).into_iter().filter(|row| row.method == "GET" && fits(row.path));
    rows.min_by_key(|row| row.path.matches('{').count()).map(|row| row.path)
}

#[test]
fn every_page_of_the_route_table_is_looked_at() {
    let pages = DESK.iter().map(|page| page.2).chain(RULES.iter().chain(&SIGN_IN).map(|page| page.1));
    let opened: Vec<&str> = pages.filter_map(route_of).collect();
    let not: Vec<&str> = NOT_OPENED.iter().map(|(path, _)| *path).collect();
    let rows: Vec<&str> = table(false).iter().filter(|row| row.method == "GET").map(|row| row.path).collect();
    for path in &rows {
        assert!(
            opened.contains(path) != not.contains(path),
            "{path}: open it in tests/desk_browser/pages.rs, or say in NOT_OPENED why not"
        );
    }
    assert!(not.iter().all(|path| rows.contains(path)), "NOT_OPENED names what is no route");
}

#[test]
fn what_is_not_opened_is_no_page() {
    let desk = office::desk();
    let mut admin = desk.person("ans");
    for (path, why) in NOT_OPENED {
        let filled = path
            .replace("{number}", &number(1).to_string())
            .replace("{record}", &RegistrationNumber::new(2026, 1).to_string())
            .replace("{index}", "0")
            .replace("{page}", "1")
            .replace("{day}", "2026-03-12")
            .replace("{file}", "x.pdf")
            .replace("{situation}", "received");
        let answer = admin.get(&filled);
        let html = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
        assert!(answer.status != 200 || !html || why.starts_with("a frame"), "{path}: {why}?");
    }
}
