//! Accounts at the desk: one's own password and sessions, the admin's page, blocking, passwords for once, tokens, and the
//! log of all that was changed.

mod desk;

use bode::limits::{LOGIN_ATTEMPTS_MAX, PASSWORD_ONCE_MAX};
use bode::review::{Role, What};
use desk::{Answer, Client, Desk, PASSWORD};
use jiff::{SignedDuration, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering};

const OTHER: &str = "drie natte konijnen";

fn start() -> Desk {
    with_admin(Desk::start())
}

fn with_admin(desk: Desk) -> Desk {
    desk.accounts.add("ans", PASSWORD, Role::Admin, desk::now()).unwrap();
    desk
}

fn post(client: &mut Client, path: &str, fields: &[(&str, &str)]) -> Answer {
    let csrf = client.get("/account").field("csrf");
    client.post(path, &[&[("csrf", csrf.as_str())], fields].concat())
}

fn choose(client: &mut Client, current: &str, chosen: &str, again: &str) -> Answer {
    post(client, "/account/password", &[("current", current), ("chosen", chosen), ("again", again)])
}

/// What the page shows once.
fn shown(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let from = answer.body.find("<code>").unwrap() + 6;
    answer.body[from..].split("</code>").next().unwrap().to_owned()
}

#[test]
fn a_person_chooses_another_password_and_other_browsers_are_out() {
    let desk = start();
    let (mut here, mut elsewhere) = (desk.person("noor"), desk.person("noor"));
    for (current, chosen, again, told) in [
        ("fout", OTHER, OTHER, "Het wachtwoord van nu klopt niet."),
        (PASSWORD, OTHER, "iets heel anders", "twee verschillende"),
        (PASSWORD, PASSWORD, PASSWORD, "een ander wachtwoord"),
        (PASSWORD, "kort", "kort", "12 tot 200 tekens"),
        (PASSWORD, "Welkom2026!!", "Welkom2026!!", "te makkelijk te raden"),
    ] {
        let answer = choose(&mut here, current, chosen, again);
        assert_eq!(answer.status, 422, "{told}");
        assert!(answer.body.contains(told), "{told}: {}", answer.body);
        assert!(!answer.body.contains(OTHER));
    }
    let before = here.cookies["bode_session"].clone();
    let done = choose(&mut here, PASSWORD, OTHER, OTHER);
    assert_eq!((done.status, done.header("location")), (303, Some("/account?done=password")));
    assert_ne!(here.cookies["bode_session"], before, "a new session for this browser");
    assert!(here.get("/account?done=password").body.contains("Uw nieuwe wachtwoord geldt nu."));
    assert_eq!(elsewhere.get("/").status, 303);
    assert_eq!(desk.visitor().log_in("noor", PASSWORD).status, 401);
    assert_eq!(desk.visitor().log_in("noor", OTHER).status, 303);
}

#[test]
fn a_session_that_somebody_else_chose_becomes_nobodys() {
    let desk = start();
    let mut noor = desk.visitor();
    let chosen = "a".repeat(64);
    noor.cookies.insert("bode_session".into(), chosen.clone());
    assert_eq!(noor.log_in("noor", PASSWORD).status, 303);
    let given = noor.cookies["bode_session"].clone();
    assert_ne!(given, chosen);
    assert_eq!(noor.get("/").status, 200);
    let mut other = desk.visitor();
    other.cookies.insert("bode_session".into(), chosen);
    assert_eq!(other.get("/").status, 303, "the chosen one opens nothing");
    // Logging in anew in the same browser gives another one.
    assert_eq!(noor.log_in("noor", PASSWORD).status, 303);
    assert_ne!(noor.cookies["bode_session"], given);
}

#[test]
fn after_a_login_one_comes_to_a_page_of_the_desk_and_nowhere_else() {
    let desk = start();
    for elsewhere in [
        "https://example.org",
        "http:example.org",
        "//example.org",
        "///example.org",
        "/\\example.org",
        "\\\\example.org",
        "/\t/example.org",
        "/%2F/example.org",
        "/%09/example.org",
        " //example.org",
        "javascript:alert(1)",
        "/@example.org",
        "/.example.org",
        "/nergens",
        "/api/v1/cases",
        "/cases/../../example.org",
        "/?q=a\r\nSet-Cookie: a=b",
        "@example.org",
        "?next=//example.org",
        "",
    ] {
        let encoded: String = elsewhere.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let mut noor = desk.visitor();
        let page = noor.get(&format!("/login?next={encoded}"));
        assert_eq!(page.status, 200, "{elsewhere:?}");
        let csrf = page.field("csrf");
        let fields = [("csrf", csrf.as_str()), ("name", "noor"), ("password", PASSWORD), ("next", elsewhere)];
        let answer = noor.post("/login", &fields);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{elsewhere:?}");
        let links = page.body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        for link in links {
            let ours = link.starts_with('/') && !link.starts_with("//") && !link.contains('\\')
                || link.starts_with('#');
            assert!(ours, "{elsewhere:?}: {link}");
        }
    }
}

#[test]
fn wrong_passwords_on_ones_own_page_count_too() {
    let desk = start();
    let mut noor = desk.person("noor");
    for _ in 0..LOGIN_ATTEMPTS_MAX {
        assert_eq!(choose(&mut noor, "fout", OTHER, OTHER).status, 422);
    }
    let answer = choose(&mut noor, PASSWORD, OTHER, OTHER);
    assert!(answer.body.contains("Wacht 15 minuten"), "{}", answer.body);
    let login = desk.visitor().log_in("noor", PASSWORD);
    assert_eq!((login.status, login.header("retry-after")), (429, Some("900")));
    assert!(login.body.contains("te vaak een verkeerd wachtwoord"));
    let page = desk.person("ans").get("/accounts").body;
    assert!(page.contains("een kwartier op slot"), "the admin sees it");
    let metrics = desk.program().get("/metrics").body;
    assert!(metrics.contains("bode_logins_locked_total 1") && !metrics.contains("noor"), "{metrics}");
}

#[test]
fn one_sees_where_one_is_logged_in_and_logs_out_everywhere() {
    let desk = start();
    let (mut here, mut elsewhere, mut sanne) =
        (desk.person("noor"), desk.person("noor"), desk.person("sanne"));
    let page = here.get("/account").body;
    assert_eq!((page.matches("<td>hier</td>").count(), page.matches("een andere browser").count()), (1, 1));
    let out = post(&mut here, "/account/sessions", &[]);
    assert_eq!((out.status, out.header("location")), (303, Some("/login?out=1")));
    assert_eq!((here.get("/").status, elsewhere.get("/").status), (303, 303));
    assert_eq!(sanne.get("/").status, 200, "others stay");
}

static LATER: AtomicI64 = AtomicI64::new(0);

fn later() -> Timestamp {
    desk::now() + SignedDuration::from_secs(LATER.load(Ordering::SeqCst))
}

#[test]
fn a_password_for_once_opens_one_page_and_has_an_end() {
    let desk = with_admin(Desk::start_at(bode::config::Desk::default(), later));
    let mut ans = desk.person("ans");
    let given = post(&mut ans, "/accounts/add", &[("name", "eva"), ("role", "reviewer")]);
    let once = shown(&given);
    assert!(!ans.get("/accounts").body.contains(&once), "it is shown once");
    let mut eva = desk.visitor();
    assert_eq!(eva.log_in("eva", &once).status, 303);
    for path in ["/", "/due", "/accounts"] {
        assert_eq!(eva.get(path).header("location"), Some("/account"), "{path}");
    }
    assert_eq!(eva.get("/api/v1/cases").status, 403);
    assert!(eva.get("/account").body.contains("Kies eerst een eigen wachtwoord."));
    assert_eq!(choose(&mut eva, &once, OTHER, OTHER).status, 303);
    assert_eq!(eva.get("/").status, 200);
    assert_eq!(desk.visitor().log_in("eva", &once).status, 401);
    let second = shown(&post(&mut ans, "/accounts/change", &[("name", "eva"), ("action", "once")]));
    assert_eq!(eva.get("/").status, 303, "the former password's session ended");
    LATER.store(i64::try_from(PASSWORD_ONCE_MAX.as_secs()).unwrap(), Ordering::SeqCst);
    assert_eq!(desk.visitor().log_in("eva", &second).status, 401);
}

#[test]
fn an_admin_changes_accounts_and_every_change_is_told() {
    let desk = start();
    let (mut ans, mut noor) = (desk.person("ans"), desk.person("noor"));
    let change = |ans: &mut Client, action: &str, role: &str| {
        post(ans, "/accounts/change", &[("name", "noor"), ("action", action), ("role", role)])
    };
    assert_eq!(change(&mut ans, "role", "auditor").status, 303);
    assert_eq!(noor.get("/accounts").status, 200, "from the next request on");
    let csrf = noor.get("/account").field("csrf");
    assert_eq!(
        noor.post("/accounts/add", &[("csrf", &csrf), ("name", "x")]).status,
        403,
        "and changes nothing"
    );
    assert_eq!(change(&mut ans, "block", "").status, 303);
    assert_eq!(noor.get("/").status, 303);
    assert_eq!(desk.visitor().log_in("noor", PASSWORD).status, 401);
    assert!(ans.get("/accounts").body.contains("geblokkeerd"));
    assert_eq!(change(&mut ans, "unblock", "").status, 303);
    assert_eq!(noor.get("/").status, 303, "the session of before does not come back");
    assert_eq!(desk.visitor().log_in("noor", PASSWORD).status, 303);
    assert_eq!(change(&mut ans, "remove", "").status, 303);
    for (action, role) in [("role", "admin"), ("dance", ""), ("role", "baas")] {
        assert_eq!(change(&mut ans, action, role).status, 422, "{action}");
    }
    let own = post(&mut ans, "/accounts/change", &[("name", "ans"), ("action", "role"), ("role", "auditor")]);
    assert_eq!(own.status, 422, "nobody takes their own rights away");
    let (changes, _, broken) = desk.accounts.changes().unwrap();
    let told: Vec<(What, &str)> =
        changes.iter().rev().skip(7).map(|change| (change.what, change.by.as_str())).collect();
    let expected = [What::Role, What::Blocked, What::Unblocked, What::Removed].map(|what| (what, "ans"));
    assert_eq!((told.as_slice(), broken), (expected.as_slice(), None), "{changes:?}");
    let page = ans.get("/accounts").body;
    assert!(page.contains("blokkade opgeheven") && page.contains("account verwijderd"));
}

#[test]
fn tokens_are_made_used_and_taken_back_at_the_desk() {
    let desk = start();
    let mut ans = desk.person("ans");
    let add = |ans: &mut Client, days: &str| {
        let fields = [("name", "dms"), ("action", "add"), ("role", "auditor"), ("days", days)];
        post(ans, "/accounts/tokens", &fields)
    };
    for days in ["", "0", "731", "x"] {
        assert_eq!(add(&mut ans, days).status, 422, "{days}");
    }
    let token = shown(&add(&mut ans, "30"));
    assert_eq!(add(&mut ans, "30").status, 422, "the name is there");
    let mut program = desk.visitor();
    program.headers.push(("Authorization".into(), format!("Bearer {token}")));
    assert!(ans.get("/accounts").body.contains("nog niet"));
    assert_eq!(program.get("/api/v1/cases").status, 200);
    let page = ans.get("/accounts").body;
    assert!(!page.contains(&token));
    assert!(
        desk.accounts.tokens().unwrap().iter().any(|token| token.name == "dms" && token.used_at.is_some())
    );
    assert_eq!(post(&mut ans, "/accounts/tokens", &[("name", "dms"), ("action", "remove")]).status, 303);
    assert_eq!(program.get("/api/v1/cases").status, 401);
}

#[test]
fn the_command_line_keeps_accounts_too_and_tells_a_log_that_was_written_in() {
    let dir = tempfile::tempdir().unwrap();
    let settings = std::fs::read_to_string("config/den-haag.toml").unwrap();
    let here = std::env::current_dir().unwrap();
    let settings = settings.replace("\"../", &format!("\"{}/", here.display()));
    let settings: String = settings
        .lines()
        .map(|line| {
            if line.starts_with("store = ") {
                format!("store = {:?}\n", dir.path().join("store"))
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    std::fs::write(dir.path().join("bode.toml"), settings).unwrap();
    std::fs::create_dir(dir.path().join("store")).unwrap();
    let user = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_bode"))
            .arg("--config")
            .arg(dir.path().join("bode.toml"))
            .arg("user")
            .args(arguments)
            .env("USER", "beheer")
            .env_remove("SUDO_USER")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), told)
    };
    let (code, once, told) = user(&["add", "noor", "--once", "--role", "admin"]);
    assert_eq!((code, once.trim().len()), (Some(0), 23), "{told}");
    assert_eq!(user(&["add", "noor", "--once"]).0, Some(1), "it is there");
    assert_eq!(user(&["block", "noor"]).0, Some(0));
    assert_eq!(user(&["role", "noor", "auditor"]).0, Some(0));
    assert!(user(&["list"]).1.contains("noor\tauditor\tblocked"));
    assert_eq!(user(&["token", "dms", "--role", "auditor", "--days", "30"]).0, Some(0));
    assert_eq!(user(&["token", "dms", "--days", "731"]).0, Some(2));
    let (code, log, _) = user(&["log"]);
    assert_eq!((code, log.lines().count()), (Some(0), 4), "{log}");
    assert!(log.lines().all(|line| line.contains("\tbeheer\t")), "{log}");
    let path = dir.path().join("store/accounts.log");
    let written = std::fs::read_to_string(&path).unwrap().replacen("beheer", "niemand", 1);
    std::fs::write(&path, written).unwrap();
    let (code, _, told) = user(&["log"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("line 1 of 4"), "{told}");
}
