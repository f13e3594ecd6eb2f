//! Rules changed at the desk of the real program: a draft that is checked, tried, put into force with a reason, and gone back on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests a panic is the failure that is wanted"
)]

mod daemon;
mod desk;
mod servers;

use bode::review::{Accounts, Role};
use daemon::{Daemon, OfficeDir};
use desk::{Client, PASSWORD};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// An office with rules of its own, and who works there.
fn office() -> (OfficeDir, PathBuf) {
    let office = OfficeDir::with_rules();
    let accounts = Accounts::new(&office.store());
    accounts.add("ruth", PASSWORD, Role::RuleEditor, jiff::Timestamp::now()).unwrap();
    accounts.add("noor", PASSWORD, Role::Reviewer, jiff::Timestamp::now()).unwrap();
    let rules = office.rules();
    (office, rules)
}

fn person(daemon: &Daemon, name: &str) -> Client {
    let mut client = Client { address: daemon.desk(), cookies: BTreeMap::new(), headers: Vec::new() };
    assert_eq!(client.log_in(name, PASSWORD).status, 303);
    client
}

/// The address of a block by its title, and the form of its page.
fn block(client: &mut Client, file: &str, title: &str) -> String {
    let page = client.get(&format!("/rules/files/{file}")).body;
    let end = page.find(&format!("\">{title}</a>")).unwrap_or_else(|| panic!("no {title}: {page}"));
    page[..end].rsplit("href=\"").next().unwrap().to_owned()
}

/// What stands in the text area, as it was before it was escaped.
fn text_of(page: &str) -> String {
    let from = page.find("<textarea").unwrap();
    let from = from + page[from..].find('>').unwrap() + 1;
    let text = page[from..].split("</textarea>").next().unwrap();
    text.replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#x27;", "'")
        .replace("&amp;", "&")
}

#[test]
fn a_rule_is_changed_checked_tried_published_and_gone_back_on() {
    let (office, rules) = office();
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    let mut ruth = person(&daemon, "ruth");
    let first = ruth.get("/rules").body;
    assert!(first.contains("kind.toml") && !first.contains("Er is een concept"), "{first}");
    assert_eq!(ruth.get("/rules/draft").header("location"), Some("/rules"), "no draft yet");

    // A block of a file, with its weight changed.
    let url = block(&mut ruth, "kind.toml", "niet-mee-eens");
    let page = ruth.get(&url);
    let (csrf, mark, index) = (page.field("csrf"), page.field("mark"), page.field("index"));
    let text = text_of(&page.body);
    assert!(text.starts_with("[[rule]]\nid = \"niet-mee-eens\""), "{text}");
    let change = |client: &mut Client, mark: &str, text: &str| {
        client.post(
            "/rules/draft/change",
            &[("csrf", &csrf), ("file", "kind.toml"), ("index", &index), ("mark", mark), ("text", text)],
        )
    };
    let wrong = text.replace("weight = 2.5", "weight = \"zwaar\"").replace('\n', "\r\n");
    assert_eq!(change(&mut ruth, &mark, &wrong).header("location"), Some("/rules/draft?done=changed"));
    let draft = ruth.get("/rules/draft").body;
    assert!(draft.contains("- weight = 2.5") && draft.contains("kind.toml"), "{draft}");
    assert!(draft.contains("er zit een fout in"), "{draft}");
    let publish = |client: &mut Client, reason: &str| {
        client.post("/rules/draft/publish", &[("csrf", &csrf), ("reason", reason)])
    };
    assert_eq!(publish(&mut ruth, "Zo wil ik het.").status, 422, "a fault never comes into force");

    // Who had the page open before does not write over it unseen.
    assert_eq!(change(&mut ruth, &mark, &text).status, 409);
    let mark = ruth.get(&url).field("mark");
    let right = text.replace("weight = 2.5", "weight = 2.0");
    assert_eq!(change(&mut ruth, &mark, &right).status, 303);
    let draft = ruth.get("/rules/draft").body;
    assert!(draft.contains("geen fouten") && draft.contains("+ weight = 2.0"), "{draft}");
    let effect = ruth.get("/rules/draft/effect");
    assert_eq!(effect.status, 200, "{}", effect.body);
    assert!(effect.body.contains("0 van 0 zaken"), "{}", effect.body);

    // By the rules in force and by the draft, nothing kept.
    let body = format!(
        "--grens\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--grens\r\nContent-Disposition: \
         form-data; name=\"text\"\r\n\r\nIk heb een klacht over het UWV. Ik ben het er niet mee eens.\r\n--grens--\r\n"
    );
    let tried = ruth.send("POST", "/rules/try", Some("multipart/form-data; boundary=grens"), &body);
    assert_eq!(tried.status, 200, "{}", tried.body);
    assert!(tried.body.contains("UWV") && tried.body.contains("Het concept"), "{}", tried.body);

    assert_eq!(publish(&mut ruth, " ").status, 422, "a reason is asked");
    let kept = std::fs::read_to_string(rules.join("kind.toml")).unwrap();
    assert!(kept.contains(&text), "nothing counts before it was published");
    assert_eq!(
        publish(&mut ruth, "Te zwaar: zie overleg van maandag.").header("location"),
        Some("/rules?done=published")
    );
    let now = std::fs::read_to_string(rules.join("kind.toml")).unwrap();
    assert_eq!(now, kept.replace(&text, &right), "one block and nothing else");
    let page = ruth.get("/rules").body;
    assert!(
        page.contains("Te zwaar: zie overleg van maandag.") && page.contains("voordat hier iets"),
        "{page}"
    );

    // Back to what was before: again a draft, again with a reason.
    let before = ruth.get("/rules").field("version");
    assert_eq!(ruth.post("/rules/draft/back", &[("csrf", &csrf), ("version", &before)]).status, 303);
    assert_eq!(publish(&mut ruth, "Toch niet.").status, 303);
    assert_eq!(std::fs::read_to_string(rules.join("kind.toml")).unwrap(), kept);
    assert_eq!(ruth.post("/rules/draft/back", &[("csrf", &csrf), ("version", "../..")]).status, 422);

    // Who decides cases tries a text, and changes no rule.
    let mut noor = person(&daemon, "noor");
    assert_eq!(noor.get("/rules/try").status, 200);
    assert_eq!(noor.get("/rules/score").status, 200);
    for path in ["/rules/draft", "/rules/files/kind.toml", "/rules/draft/effect"] {
        assert_eq!(noor.get(path).status, 403, "{path}");
    }
    daemon.terminate();
    assert!(office.verify()["exceptions"].as_array().is_none_or(Vec::is_empty), "{}", office.verify());
}

#[test]
fn rules_that_cannot_be_written_stay_and_the_draft_too() {
    let (office, rules) = office();
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    let mut ruth = person(&daemon, "ruth");
    let url = block(&mut ruth, "kind.toml", "niet-mee-eens");
    let page = ruth.get(&url);
    let csrf = page.field("csrf");
    let text = text_of(&page.body).replace("weight = 2.5", "weight = 2.0");
    let fields = [
        ("csrf", csrf.as_str()),
        ("file", "kind.toml"),
        ("index", &page.field("index")),
        ("mark", &page.field("mark")),
        ("text", &text),
    ];
    assert_eq!(ruth.post("/rules/draft/change", &fields).status, 303);
    // A folder stands where the new file has to be written first: root may write anywhere, but not there.
    std::fs::create_dir(rules.join("kind.toml.new")).unwrap();
    let kept = std::fs::read_to_string(rules.join("kind.toml")).unwrap();
    let answer = ruth.post("/rules/draft/publish", &[("csrf", &csrf), ("reason", "Zo is het beter.")]);
    assert_eq!(answer.status, 500, "{}", answer.body);
    assert_eq!(std::fs::read_to_string(rules.join("kind.toml")).unwrap(), kept);
    assert!(ruth.get("/rules/draft").body.contains("+ weight = 2.0"), "the draft is still there");
    assert_eq!(ruth.post("/rules/draft/discard", &[("csrf", &csrf)]).status, 303);
    assert!(!ruth.get("/rules").body.contains("Er is een concept"));
}
