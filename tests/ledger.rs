//! The ledger with the real program and a real mailbox (Dovecot): what stands there against what is registered, after
//! copies, moves by people, and messages that people put among the done themselves; Maildir and scan folder; daily by
//! itself; and `rebuild`.

mod daemon;
#[path = "support/index.rs"]
mod index;
mod servers;

use daemon::OfficeDir;
use index::open_index;
use serde_json::{Value, json};
use servers::{MailServers, OFFICE, wait_until};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

fn message(word: &str, msg_id: Option<&str>) -> Vec<u8> {
    let id = msg_id.map(|id| format!("Message-ID: <{id}@example.org>\r\n")).unwrap_or_default();
    format!(
        "Return-Path: <{word}@example.org>\r\nFrom: Schrijver {word} <{word}@example.org>\r\nTo: {OFFICE}\r\n{id}\
         Date: Mon, 02 Mar 2026 10:00:00 +0100\r\nSubject: Klacht {word}\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n\
         Ik heb een klacht over de balie van de gemeente Den Haag. Het gaat over {word}.\r\n"
    )
    .into_bytes()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(dir).map(|list| list.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default();
    found.retain(|path| path.is_file());
    found.sort();
    found
}

fn kinds(report: &Value) -> Vec<&str> {
    report["exceptions"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect()
}

/// The lines on standard output, and standard error.
fn told(office: &OfficeDir) -> (Vec<String>, String) {
    let output = office.bode(&["verify"]);
    let lines = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    (lines, String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_equation_of_a_real_mailbox() {
    let servers = MailServers::start();
    let toml = servers
        .toml()
        .replace("done_folder = \"Verwerkt\"", "done_folder = \"Verwerkt\"\nanswer_from = 2026-01-01");
    let office = OfficeDir::den_haag(&toml);
    let lay = |name: &str, bytes: &[u8]| servers.lay(name, bytes, SystemTime::now());
    // Two copies of one, one without a Message-ID, two texts under one Message-ID, and a machine's.
    lay("a1", &message("een", Some("een")));
    lay("a2", &message("een", Some("een")));
    lay("b", &message("twee", None));
    lay("c1", &message("drie", Some("samen")));
    lay("c2", &message("vier", Some("samen")));
    let machine = String::from_utf8(message("machine", Some("machine"))).unwrap();
    lay("d", machine.replace("Subject:", "Auto-Submitted: auto-replied\r\nSubject:").as_bytes());
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    wait_until("all six lie with the done", || servers.folder_messages(OFFICE, "Verwerkt").len() == 6);
    wait_until("all are judged", || office.verify()["in_work"] == 0);
    let line = "postvak 6 = zaken 4 + automatisch 1 + spam 0 + dubbel 1; ontbreekt 0";
    let (lines, error) = told(&office);
    assert_eq!(lines[1], line, "{error}");
    assert!(lines[0].starts_with("stukken 5 = ") && lines[0].ends_with("; ontbreekt 0"), "{lines:?}");

    // A message that a person put among the done: told with its UID, and what to do.
    let done = servers.maildir(OFFICE).join(".Verwerkt/cur");
    let stray = message("vreemd", Some("vreemd"));
    fs::write(done.join(format!("1900000000.vreemd,S={}:2,S", stray.len())), &stray).unwrap();
    let report = office.verify_all();
    assert_eq!(kinds(&report), ["not-registered"], "{report:#}");
    assert_eq!(report["sources"][0]["missing"], 1);
    let (lines, error) = told(&office);
    assert!(lines[1].ends_with("; ontbreekt 1"), "{lines:?}");
    assert!(error.contains("Verwerkt uid ") && error.contains("verplaats het naar de map"), "{error}");
    let (status, health) = daemon.healthz();
    assert!(status == 200 && health.contains("ledger: 1 pieces are missing"), "{health}");
    let (_, metrics) = daemon.get("/metrics");
    assert!(metrics.contains("Inloggen") || !metrics.contains("vreemd"), "the metrics name no message");

    // A person follows the advice.
    fs::remove_file(files(&done).into_iter().find(|path| path.to_string_lossy().contains("vreemd")).unwrap())
        .unwrap();
    lay("vreemd", &stray);
    wait_until("it is taken in", || office.verify()["pieces"] == 6);
    wait_until("it lies with the done", || servers.folder_messages(OFFICE, "Verwerkt").len() == 7);
    wait_until("it is judged", || office.verify()["in_work"] == 0);
    assert_eq!(told(&office).0[1], "postvak 7 = zaken 5 + automatisch 1 + spam 0 + dubbel 1; ontbreekt 0");
    assert_eq!(daemon.healthz(), (200, "ok\n".to_owned()));

    // One is archived and one removed: they are here, and counted apart.
    let new = servers.maildir(OFFICE).join(".Verwerkt/new");
    for path in files(&done).into_iter().chain(files(&new)) {
        let text = fs::read_to_string(&path).unwrap();
        if text.contains("over vier") || text.contains("over drie") {
            fs::remove_file(path).unwrap();
        }
    }
    assert_eq!(
        told(&office).0[1],
        "postvak 5 = zaken 3 + automatisch 1 + spam 0 + dubbel 1; ontbreekt 0; niet meer daar, wel hier 2"
    );
    let log = daemon.terminate();
    assert!(!log.contains("uid ") && !log.contains("vreemd@"), "{log}");

    // Without the daemon the same, and what waits is no exception.
    lay("later", &message("later", Some("later")));
    let (lines, error) = told(&office);
    assert!(lines[1].contains(" + wacht 1; ontbreekt 0") && error.is_empty(), "{lines:?} {error}");
    drop(servers);
    let report = office.verify_all();
    assert_eq!(kinds(&report), ["source-unreachable"], "{report:#}");
    assert_eq!(report["sources"][0]["reached"], false);
    assert!(office.told(&["verify", "--no-sources"]).starts_with("stukken 6 = "));
}

#[test]
fn the_folders_of_a_maildir_and_of_the_post_room_and_daily_by_itself() {
    let office = OfficeDir::den_haag(
        "[maildir]\ndir = \"post\"\nanswer_from = 2026-01-01\n\n[scan]\ndir = \"scans\"\nstill_seconds = 0\npoll_seconds = 1\n\n\
         [ledger]\nat = \"00:00\"\n",
    );
    let (post, scans) = (office.dir.path().join("post"), office.dir.path().join("scans"));
    for folder in [post.join("new"), post.join("cur"), post.join("tmp"), scans.clone()] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::write(post.join("new/1700000001.a.host"), message("een", Some("een"))).unwrap();
    fs::copy("tests/samples/scans/brief-leyweg.pdf", scans.join("brief.pdf")).unwrap();
    fs::write(scans.join("brief.docx"), "PK").unwrap();
    let mut daemon = office.run();
    // Daily by itself: once, at its time, and not again after a restart.
    daemon.wait_for("the ledger is proved", 1);
    wait_until("both are judged", || {
        let report = office.verify();
        report["pieces"] == 2 && report["in_work"] == 0
    });
    wait_until("all are put away", || files(&scans).is_empty() && files(&post.join("new")).is_empty());
    let (lines, error) = told(&office);
    assert_eq!(lines[1], "maildir 1 = zaken 1 + automatisch 0 + spam 0; ontbreekt 0", "{error}");
    assert_eq!(lines[2], "scans 2 = zaken 1 + geweigerd 1; ontbreekt 0; vellen 0, brieven 0");
    let report = office.verify_all();
    assert_eq!(report["exceptions"], json!([]), "{report:#}");
    daemon.terminate();
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    // Another program takes a message before bode does; somebody lays a scan in done.
    fs::write(post.join("cur/1700000009.b.host:2,S"), message("weg", Some("weg"))).unwrap();
    fs::write(scans.join("done/jansen.pdf"), "%PDF-1.7 x").unwrap();
    let report = office.verify_all();
    assert_eq!(kinds(&report), ["not-registered", "not-registered"], "{report:#}");
    let (_, error) = told(&office);
    assert!(error.contains("cur/1700000009.b.host") && error.contains("done/jansen.pdf"), "{error}");
    let log = daemon.terminate();
    assert!(!log.contains("nothing is missing"), "not twice on one day: {log}");
    assert!(log.contains("the ledger has exceptions") && !log.contains("jansen"), "{log}");
    let journal: String = files(&office.store().join("journal"))
        .iter()
        .map(|path| fs::read_to_string(path).unwrap_or_default())
        .collect();
    assert!(journal.contains("not-registered") && !journal.contains("jansen"));
    // After a start the exceptions are looked up again: the journal has their counts only.
    let mut daemon = office.run();
    daemon.wait_for("the ledger has exceptions", 1);
    daemon.terminate();
}

#[test]
fn the_index_is_built_again_when_it_is_asked_for() {
    let office = OfficeDir::den_haag("[maildir]\ndir = \"post\"\nanswer_from = 2026-01-01\n");
    for folder in ["new", "cur", "tmp"] {
        fs::create_dir_all(office.dir.path().join("post").join(folder)).unwrap();
    }
    let output = office.bode(&["rebuild"]);
    assert!(!output.status.success() && !office.store().exists(), "a wrong path makes no store");
    fs::write(office.dir.path().join("post/new/1700000001.a.host"), message("een", Some("een"))).unwrap();
    let mut daemon = office.run();
    daemon.wait_for("judged: a new case", 1);
    let output = office.bode(&["rebuild"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("stop it first"), "{error}");
    daemon.terminate();
    let before = office.told(&["cases", "list", "--json"]);
    let index = office.store().join("index");
    let spoilers: [&dyn Fn(); 4] = [
        &|| (),
        &|| fs::remove_dir_all(&index).unwrap(),
        &|| files(&index).iter().for_each(|path| fs::write(path, "geknoei").unwrap()),
        // Of another format.
        &|| drop(open_index(&index).insert("m/format", b"\x01999".as_slice()).unwrap()),
    ];
    for spoil in spoilers {
        spoil();
        assert!(office.told(&["rebuild"]).starts_with("index opgebouwd uit "));
        assert_eq!(office.told(&["cases", "list", "--json"]), before);
        assert_eq!(office.verify()["exceptions"], json!([]));
    }
    // Ahead of the journal: it is seen, and built again by itself.
    let db = open_index(&index);
    db.insert("m/applied", b"\x01[999,\"0\"]".as_slice()).unwrap();
    drop(db);
    let mut daemon = office.run();
    daemon.wait_for("built the index again", 1);
    daemon.wait_for("bode is running", 1);
    assert_eq!(office.verify()["exceptions"], json!([]));
    assert_eq!(office.told(&["cases", "list", "--json"]), before);
}
