//! Every route of the desk against its row in the table: as every role and as nobody, with a wrong or missing CSRF
//! token, from another site, after the session ended, and with numbers that do not belong together.
//!
//! The rows come from the table that the router is built from, so a new route is tried without a line here.

mod desk;

use bode::review::{Access, Right, Role, Route, table};
use desk::samples::number;
use desk::{Answer, Client, Desk, PASSWORD};
use jiff::{SignedDuration, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering};

const PEOPLE: [(&str, Role); 5] = [
    ("piet", Role::PostRoom),
    ("noor", Role::Reviewer),
    ("ruth", Role::RuleEditor),
    ("ans", Role::Admin),
    ("karel", Role::Auditor),
];

fn start() -> Desk {
    start_at(desk::now)
}

fn start_at(clock: fn() -> Timestamp) -> Desk {
    let desk = Desk::start_at(bode::config::Desk::default(), clock);
    desk.accounts.add("ans", PASSWORD, Role::Admin, desk::now()).unwrap();
    desk
}

/// The piece of the case of the same serial: each sample is one piece.
fn record(serial: u32) -> bode::record::RegistrationNumber {
    bode::record::RegistrationNumber::new(2026, serial)
}

/// A path with something that is there in each place.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| match part {
        "{number}" => number(1).to_string(),
        "{record}" => record(1).to_string(),
        "{index}" => "0".into(),
        "{page}" => "1".into(),
        "{day}" => "2026-03-12".into(),
        "{file}" => format!("{}.pdf", number(3)),
        "{situation}" => "received".into(),
        // A place that a later route brings: whatever it is, nobody without the right gets to it.
        part if part.starts_with('{') => "1".into(),
        part => part.into(),
    });
    parts.collect::<Vec<String>>().join("/")
}

/// Asks as the route wants to be asked, with this CSRF token in the form or the header.
fn ask(client: &mut Client, route: &Route, csrf: Option<&str>) -> Answer {
    let path = filled(route.path);
    match (route.method, route.access) {
        ("GET", _) => client.get(&path),
        (_, Access::Program(_)) => {
            let headers = client.headers.len();
            client.headers.extend(csrf.map(|csrf| ("X-CSRF-Token".to_owned(), csrf.to_owned())));
            let answer = client.send(route.method, &path, Some("application/json"), "{}");
            client.headers.truncate(headers);
            answer
        }
        (method, _) => {
            let body = csrf.map(|csrf| format!("csrf={csrf}")).unwrap_or_default();
            client.send(method, &path, Some("application/x-www-form-urlencoded"), &body)
        }
    }
}

fn sent_to_login(answer: &Answer) -> bool {
    answer.status == 303
        && answer.header("location").is_some_and(|to| to == "/login" || to.starts_with("/login?next="))
}

/// The token that the pages of a session carry.
fn csrf(client: &mut Client) -> String {
    client.get("/").field("csrf")
}

fn right_of(route: &Route) -> Option<Right> {
    match route.access {
        Access::Open => None,
        Access::Desk(right) | Access::Program(right) => Some(right),
    }
}

fn changing() -> impl Iterator<Item = Route> {
    table(false).into_iter().filter(|route| route.method != "GET" && right_of(route).is_some())
}

/// What the journal and the accounts hold, in bytes: what was refused adds nothing.
fn written(desk: &Desk) -> u64 {
    let journal = std::fs::read_dir(desk.dir.path().join("store/journal")).unwrap();
    let files = journal
        .map(|entry| entry.unwrap().path())
        .chain(["accounts.json", "accounts.log"].map(|name| desk.dir.path().join(name)));
    files.map(|path| std::fs::metadata(path).map_or(0, |metadata| metadata.len())).sum()
}

#[test]
fn nobody_gets_anywhere_without_a_login() {
    let desk = start();
    let before = written(&desk);
    for cookie in [None, Some("bode_session=0000"), Some("bode_session=")] {
        let mut nobody = desk.visitor();
        nobody.headers.extend(cookie.map(|cookie| ("Cookie".to_owned(), cookie.to_owned())));
        for route in table(false) {
            let answer = ask(&mut nobody, &route, Some("x"));
            let told = format!("{} {}: {}", route.method, route.path, answer.status);
            match route.access {
                Access::Open => assert!(answer.status < 500 && !sent_to_login(&answer), "{told}"),
                Access::Desk(_) => assert!(sent_to_login(&answer), "{told}"),
                Access::Program(_) => {
                    assert_eq!(answer.status, 401, "{told}");
                    assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{told}");
                    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{told}");
                }
            }
        }
    }
    assert_eq!(written(&desk), before);
}

#[test]
fn each_role_may_what_the_table_says_and_nothing_else() {
    let desk = start();
    for (name, role) in PEOPLE {
        let mut person = desk.person(name);
        let mut csrf = csrf(&mut person);
        for route in table(false) {
            let Some(right) = right_of(&route) else { continue };
            let before = written(&desk);
            let answer = ask(&mut person, &route, Some(&csrf));
            let told = format!("{role} {} {}: {}", route.method, route.path, answer.status);
            if role.may(right) {
                assert!(![401, 403].contains(&answer.status) && !sent_to_login(&answer), "{told}");
                assert!(answer.status < 500, "{told}\n{}", answer.body);
            } else {
                assert_eq!(answer.status, 403, "{told}");
                assert_eq!(written(&desk), before, "{told}");
            }
            if !person.cookies.contains_key("bode_session") {
                person = desk.person(name);
                csrf = person.get("/").field("csrf");
            }
        }
    }
}

#[test]
fn a_program_may_what_its_role_may_and_gets_no_pages() {
    let desk = start();
    for (n, (_, role)) in PEOPLE.into_iter().enumerate() {
        let token = desk.accounts.add_token(&format!("programma-{n}"), role, desk::now()).unwrap();
        let mut program = desk.visitor();
        program.headers.push(("Authorization".into(), format!("Bearer {token}")));
        for route in table(false) {
            let answer = ask(&mut program, &route, None);
            let told = format!("{role} {} {}: {}", route.method, route.path, answer.status);
            match route.access {
                Access::Open => {}
                Access::Desk(_) => assert!(sent_to_login(&answer), "{told}"),
                Access::Program(right) if role.may(right) => {
                    assert!(![401, 403].contains(&answer.status) && answer.status < 500, "{told}");
                }
                Access::Program(_) => assert_eq!(answer.status, 403, "{told}"),
            }
        }
    }
}

#[test]
fn what_changes_something_needs_the_token_of_the_session() {
    let desk = start();
    let mut admin = desk.person("ans");
    let other = csrf(&mut desk.person("noor"));
    let before = written(&desk);
    for route in changing() {
        for wrong in [None, Some(""), Some("0000"), Some(other.as_str())] {
            let answer = ask(&mut admin, &route, wrong);
            assert_eq!(answer.status, 403, "{} {} with {wrong:?}", route.method, route.path);
        }
    }
    assert_eq!(written(&desk), before);
    assert_eq!(admin.get("/").status, 200, "and nobody was logged out by it");
}

#[test]
fn another_site_changes_nothing_in_ones_name() {
    let desk = start();
    let mut admin = desk.person("ans");
    let csrf = csrf(&mut admin);
    let before = written(&desk);
    let host = desk.address;
    for (name, value) in [
        ("Sec-Fetch-Site", "cross-site".to_owned()),
        ("Sec-Fetch-Site", "same-site".to_owned()),
        ("Origin", "https://example.org".to_owned()),
        ("Origin", "null".to_owned()),
        ("Origin", format!("http://{host}.example.org")),
    ] {
        admin.headers = vec![(name.to_owned(), value.clone())];
        for route in changing() {
            let answer = ask(&mut admin, &route, Some(&csrf));
            assert_eq!(answer.status, 403, "{} {} with {name}: {value}", route.method, route.path);
        }
    }
    assert_eq!(written(&desk), before);
    admin.headers = vec![("Origin".into(), format!("http://{host}"))];
    assert_eq!(admin.post("/logout", &[("csrf", &csrf)]).status, 303, "one's own site may");
}

/// Seconds after [`desk::now`] in the test below.
static LATER: AtomicI64 = AtomicI64::new(0);

fn later() -> Timestamp {
    desk::now() + SignedDuration::from_secs(LATER.load(Ordering::SeqCst))
}

#[test]
fn a_session_that_ended_opens_nothing() {
    let desk = start_at(later);
    let mut admin = desk.person("ans");
    let csrf = csrf(&mut admin);
    let before = written(&desk);
    LATER.store(i64::from(bode::config::Desk::default().idle_minutes) * 60, Ordering::SeqCst);
    for route in table(false).into_iter().filter(|route| right_of(route).is_some()) {
        let answer = ask(&mut admin, &route, Some(&csrf));
        let out = match route.access {
            Access::Program(_) => answer.status == 401,
            _ => sent_to_login(&answer),
        };
        assert!(out, "{} {}: {}", route.method, route.path, answer.status);
    }
    assert_eq!(written(&desk), before);
}

#[test]
fn numbers_that_do_not_belong_together_give_nothing() {
    let desk = start();
    let mut admin = desk.person("ans");
    let csrf = csrf(&mut admin);
    let before = written(&desk);
    let (case, own, other) = (number(1).to_string(), record(1).to_string(), record(2).to_string());
    let strange = "2026-999999-";
    let unknown = (0..10).map(|digit| format!("{strange}{digit}"));
    for route in table(false).into_iter().filter(|route| right_of(route).is_some()) {
        let path = filled(route.path);
        let mut wrong: Vec<String> = Vec::new();
        if path.contains(&case) {
            // Of the ten check digits one is right: that number is well made, and of no case.
            wrong.extend(unknown.clone().map(|unknown| path.replace(&case, &unknown)));
            wrong.push(path.replace(&case, "..%2F..%2Faccounts.json"));
            wrong.push(path.replace(&case, "%00"));
        }
        if route.path.contains("{record}") {
            wrong.extend(unknown.clone().map(|unknown| path.replace(&own, &unknown)));
            if route.path.contains("{number}") {
                wrong.push(path.replace(&own, &other));
            }
        }
        for path in wrong {
            let answer = match (route.method, route.access) {
                ("GET", _) => admin.get(&path),
                (_, Access::Program(_)) => {
                    admin.headers = vec![("X-CSRF-Token".into(), csrf.clone())];
                    let body = r#"{"verdict":"take-up","revision":1}"#;
                    admin.send(route.method, &path, Some("application/json"), body)
                }
                _ => admin.post(&path, &[("csrf", &csrf), ("revision", "1"), ("note", "x")]),
            };
            admin.headers.clear();
            assert!([404, 422].contains(&answer.status), "{} {path}: {}", route.method, answer.status);
            assert!(route.method != "GET" || answer.status == 404, "{path}: {}", answer.status);
        }
    }
    assert_eq!(written(&desk), before);
}

#[test]
fn methods_that_no_row_names_are_refused() {
    let desk = start();
    let mut admin = desk.person("ans");
    let rows = table(false);
    for route in &rows {
        for method in ["PUT", "DELETE", "PATCH", "TRACE", "POST"] {
            if rows.iter().any(|row| row.path == route.path && row.method == method) {
                continue;
            }
            let answer = admin.send(method, &filled(route.path), None, "");
            assert_eq!(answer.status, 405, "{method} {}", route.path);
        }
    }
}
