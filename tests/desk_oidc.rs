//! Logging in at the organisation's sign-in server: a real one (oidc-provider), with both algorithms, keys that change, and
//! each thing that must come back unchanged changed once.

mod desk;
mod servers;

use bode::config::{Desk as DeskConfig, EndpointUrl, Oidc};
use bode::review::{Role, What};
use desk::{Answer, Client, Desk, PASSWORD};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use servers::oidc::SignInServer;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

/// By this name people know the desk; the tests go to its address.
const URL: &str = "https://bode.example.nl";

fn server(in_token: bool) -> SignInServer {
    let people = json!({
        "sub-eva": {"preferred_username": "E.Visser@example.nl", "groups": ["iedereen", "bode-zaken"]},
        "sub-bas": {"preferred_username": "bas@example.nl", "groups": ["bode-beheer", "bode-zaken"]},
        "sub-tom": {"preferred_username": "tom@example.nl", "groups": ["iedereen"]},
        "sub-noor": {"preferred_username": "noor@example.nl", "groups": ["bode-zaken"]},
    });
    SignInServer::start_for_desk(URL, people, in_token)
}

fn config(oidc: Oidc) -> DeskConfig {
    let url = EndpointUrl::try_from(URL.to_owned()).unwrap();
    DeskConfig { https: true, url: Some(url), oidc: Some(oidc), ..DeskConfig::default() }
}

fn start(oidc: Oidc) -> Desk {
    Desk::start_at(config(oidc), bode::clock::now)
}

/// Path and query of an address.
fn path(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.find('/').map_or("/", |at| &rest[at..])
}

/// A browser at the sign-in server.
fn at_server(server: &SignInServer) -> Client {
    let headers = vec![("X-Forwarded-Proto".to_owned(), "https".to_owned())];
    Client { address: server.plain(), cookies: BTreeMap::new(), headers }
}

/// Goes to the sign-in server and signs in there as this person; the address that it sends the browser back to.
fn sign_in(server: &SignInServer, browser: &mut Client, person: &str, next: &str) -> String {
    let begun = browser.get(&format!("/login/oidc?next={next}"));
    assert_eq!(begun.status, 303, "{}", begun.body);
    let mut to = begun.header("location").unwrap().to_owned();
    assert!(to.starts_with(&server.issuer()), "{to}");
    for wanted in
        ["response_type=code", "code_challenge_method=S256", "nonce=", "state=", "scope=openid+profile"]
    {
        assert!(to.contains(wanted), "{wanted} in {to}");
    }
    server.sits(person, false);
    follow(server, &mut to);
    to
}

fn follow(server: &SignInServer, to: &mut String) {
    let mut there = at_server(server);
    for _ in 0..6 {
        let answer = there.get(path(to));
        to.clone_from(
            &answer.header("location").unwrap_or_else(|| panic!("{to}: {}", answer.body)).to_owned(),
        );
        if to.starts_with(URL) {
            return;
        }
    }
    panic!("the sign-in server does not send back");
}

fn come_back(browser: &mut Client, to: &str) -> Answer {
    browser.get(path(to))
}

/// Where the page goes on to.
fn goes_on_to(answer: &Answer) -> &str {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body.split("content=\"0; url=").nth(1).unwrap().split('"').next().unwrap()
}

#[test]
fn a_person_signs_in_elsewhere_and_works_here() {
    let server = server(true);
    for (client, name) in [(0, "RS256"), (1, "ES256")] {
        let desk = start(server.for_desk(client));
        let mut eva = desk.visitor();
        assert!(eva.get("/login").body.contains("Inloggen met uw werkaccount"));
        let back = sign_in(&server, &mut eva, "sub-eva", "/due%3Fx%3D1");
        let answer = come_back(&mut eva, &back);
        assert_eq!(goes_on_to(&answer), "/due?x=1", "{name}");
        let cookie =
            answer.headers.iter().find(|(_, value)| value.starts_with("__Host-bode_session=")).unwrap();
        assert!(cookie.1.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{}", cookie.1);
        assert!(!eva.cookies.contains_key("__Host-bode_signin"), "used once");
        let page = eva.get("/account").body;
        assert!(page.contains("e.visser") && page.contains("beoordelaar"), "{page}");
        assert!(page.contains("via de inlogdienst") && !page.contains("Wachtwoord wijzigen"));
        assert_eq!(eva.get("/accounts").status, 403);
        let told = desk.accounts.changes().unwrap().0.remove(0);
        assert_eq!(
            (told.what, told.name.as_str(), told.role),
            (What::SignedIn, "e.visser", Some(Role::Reviewer))
        );
        assert_eq!(desk.visitor().log_in("e.visser", "").status, 401, "without a password of ours");

        let mut bas = desk.visitor();
        let back = sign_in(&server, &mut bas, "sub-bas", "");
        assert_eq!(goes_on_to(&come_back(&mut bas, &back)), "/");
        assert_eq!(bas.get("/accounts").status, 200, "the widest of the roles");
    }
}

#[test]
fn what_the_token_does_not_tell_the_userinfo_endpoint_does() {
    let server = server(false);
    let desk = start(server.for_desk(0));
    let mut eva = desk.visitor();
    let back = sign_in(&server, &mut eva, "sub-eva", "");
    assert_eq!(goes_on_to(&come_back(&mut eva, &back)), "/");
    assert!(eva.get("/account").body.contains("e.visser"));
}

#[test]
fn who_may_not_come_in_is_told_why() {
    let server = server(true);
    let desk = start(server.for_desk(0));
    let outcome = |person: &str| {
        let mut browser = desk.visitor();
        let back = sign_in(&server, &mut browser, person, "");
        let answer = come_back(&mut browser, &back);
        assert!(answer.status == 200 || !browser.cookies.contains_key("__Host-bode_session"));
        (answer.status, answer.body)
    };
    let (status, body) = outcome("sub-tom");
    assert!(status == 403 && body.contains("geen rol in bode"), "{body}");
    let (status, body) = outcome("sub-noor");
    assert!(status == 403 && body.contains("al van een ander account"), "{body}");
    assert_eq!(desk.person("noor").get("/").status, 200, "whose account is still hers");
    assert_eq!(outcome("sub-eva").0, 200);
    desk.accounts.keeper("ans", desk::now()).block("e.visser", true).unwrap();
    let (status, body) = outcome("sub-eva");
    assert!(status == 403 && body.contains("geblokkeerd"), "{body}");

    let mut browser = desk.visitor();
    let mut to = browser.get("/login/oidc").header("location").unwrap().to_owned();
    server.sits("sub-eva", true);
    follow(&server, &mut to);
    assert!(to.contains("error=access_denied"));
    assert_eq!(come_back(&mut browser, &to).status, 403);
}

#[test]
fn what_must_come_back_unchanged_is_changed_once_each() {
    let server = server(true);
    let desk = start(server.for_desk(0));
    let refused = |browser: &mut Client, to: &str| {
        let answer = come_back(browser, to);
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(!browser.cookies.contains_key("__Host-bode_session"));
    };
    let cookie = "__Host-bode_signin";
    let parts =
        |browser: &Client| -> Vec<String> { browser.cookies[cookie].split('.').map(str::to_owned).collect() };

    // Another browser, which began nothing or something else.
    let mut eva = desk.visitor();
    let back = sign_in(&server, &mut eva, "sub-eva", "");
    refused(&mut desk.visitor(), &back);
    let mut other = desk.visitor();
    other.get("/login/oidc");
    refused(&mut other, &back);
    // State, issuer and code.
    let state = parts(&eva)[0].clone();
    refused(&mut eva, &back.replace(&state, &"0".repeat(64)));
    refused(&mut eva, &back.replace("state=", "staat="));
    refused(&mut eva, &back.replace("iss=https%3A%2F%2Flocalhost", "iss=https%3A%2F%2Flokaal"));
    refused(&mut eva, &back.replace("code=", "code=x"));
    // Nonce and verifier, as they lie in the browser.
    for changed in [1, 2] {
        let mut eva = desk.visitor();
        let back = sign_in(&server, &mut eva, "sub-eva", "");
        let mut parts = parts(&eva);
        parts[changed] = "0".repeat(64);
        eva.cookies.insert(cookie.to_owned(), parts.join("."));
        refused(&mut eva, &back);
    }
    // Twice.
    let mut eva = desk.visitor();
    let back = sign_in(&server, &mut eva, "sub-eva", "");
    let kept = eva.cookies[cookie].clone();
    assert_eq!(come_back(&mut eva, &back).status, 200);
    let mut again = desk.visitor();
    again.cookies.insert(cookie.to_owned(), kept);
    refused(&mut again, &back);
}

#[test]
fn after_it_one_goes_to_a_page_of_the_desk_and_nowhere_else() {
    let server = server(true);
    let desk = start(server.for_desk(0));
    for bad in
        ["https%3A%2F%2Fexample.org%2F", "%2F%2Fexample.org", "%2F%5Cexample.org", "%2Flogout", "%2Fnergens"]
    {
        let mut eva = desk.visitor();
        let back = sign_in(&server, &mut eva, "sub-eva", bad);
        assert_eq!(goes_on_to(&come_back(&mut eva, &back)), "/", "{bad}");
    }
    let mut eva = desk.visitor();
    let back = sign_in(&server, &mut eva, "sub-eva", "");
    let mut kept: Vec<String> = eva.cookies["__Host-bode_signin"].split('.').map(str::to_owned).collect();
    // "https://example.org/", laid into the browser.
    kept[3] = "aHR0cHM6Ly9leGFtcGxlLm9yZy8".into();
    eva.cookies.insert("__Host-bode_signin".into(), kept.join("."));
    assert_eq!(goes_on_to(&come_back(&mut eva, &back)), "/");
}

static LATER: AtomicI64 = AtomicI64::new(0);

fn later() -> Timestamp {
    bode::clock::now() + SignedDuration::from_secs(LATER.load(Ordering::SeqCst))
}

#[test]
fn keys_that_changed_are_asked_for_again_and_a_server_that_is_away_is_told() {
    let mut server = server(true);
    let desk = Desk::start_at(config(server.for_desk(0)), later);
    let outcome = |server: &SignInServer| {
        let mut eva = desk.visitor();
        let back = sign_in(server, &mut eva, "sub-eva", "");
        come_back(&mut eva, &back).status
    };
    assert_eq!(outcome(&server), 200);
    // It has new keys at each start.
    server.stop();
    server.run();
    assert_eq!(outcome(&server), 403, "they were asked for a moment ago");
    LATER.store(61, Ordering::SeqCst);
    assert_eq!(outcome(&server), 200);
    server.stop();
    let mut eva = desk.visitor();
    assert_eq!(eva.get("/login/oidc").status, 303, "where it is, is known");
    LATER.store(24 * 3600 + 120, Ordering::SeqCst);
    let away = eva.get("/login/oidc");
    assert!(away.status == 502 && away.body.contains("De inlogdienst doet het niet"), "{}", away.body);
}

#[test]
fn logging_out_is_logging_out_there_too() {
    let server = server(true);
    let desk = start(server.for_desk(0));
    let mut eva = desk.visitor();
    let back = sign_in(&server, &mut eva, "sub-eva", "");
    come_back(&mut eva, &back);
    let csrf = eva.get("/").field("csrf");
    let out = eva.post("/logout", &[("csrf", &csrf)]);
    let there = goes_on_to(&out).replace("&amp;", "&");
    assert!(there.starts_with(&server.issuer()) && there.contains("id_token_hint="), "{there}");
    assert_eq!(eva.get("/").status, 303);
    assert_eq!(at_server(&server).get(path(&there)).status, 200, "it takes the hint and the way back");
    let mut noor = desk.person("noor");
    let csrf = noor.get("/").field("csrf");
    assert_eq!(noor.post("/logout", &[("csrf", &csrf)]).header("location"), Some("/login?out=1"));
}

#[test]
fn an_office_can_do_without_passwords_of_ours() {
    let server = server(true);
    let desk = start(Oidc { local_login: false, ..server.for_desk(0) });
    let mut noor = desk.visitor();
    let page = noor.get("/login");
    assert!(!page.body.contains("name=\"password\"") && page.body.contains("/login/oidc"));
    let cookie = noor.cookies["__Host-bode_login"].clone();
    let answer = noor.post("/login", &[("csrf", &cookie), ("name", "noor"), ("password", PASSWORD)]);
    assert_eq!(answer.status, 403, "{}", answer.body);
}
