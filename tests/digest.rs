//! The daily digest over a real mail server: once a day, numbers only, also over restarts.

mod daemon;
mod servers;

use daemon::OfficeDir;
use mail_parser::MessageParser;
use servers::{MailServers, OFFICE, wait_until};
use std::io::Write;

const TEAM: &str = "team@ombudsman.example.nl";
const WRITER: &str = "verhuisd-noor@example.org";

#[test]
fn staff_hear_once_a_day_what_is_due() {
    let servers = MailServers::start();
    let office = OfficeDir::den_haag(
        &servers
            .toml()
            .replace("done_folder = \"Verwerkt\"", "done_folder = \"Verwerkt\"\nanswer_from = 2026-01-01"),
    );
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    let complaint = format!(
        "From: Noor Voorbeeld <{WRITER}>\nTo: {OFFICE}\nSubject: Klacht over de balie\nMessage-ID: <a@example.org>\n\n\
         Ik heb een klacht over de gemeente Den Haag. Een medewerker van het stadhuis schold mij uit aan de balie toen ik \
         mijn paspoort ophaalde. Ik klaagde bij de gemeente en ben niet tevreden met het antwoord.\n"
    );
    servers.deliver(complaint.as_bytes(), WRITER, OFFICE);
    // The answer comes back: that is one of the things that staff must hear.
    daemon.wait_for("an answer did not arrive", 1);
    wait_until("the bounce is laid", || office.verify()["in_work"] == 0);
    daemon.terminate();
    let cases: serde_json::Value = serde_json::from_str(&office.told(&["cases", "list", "--json"])).unwrap();
    let number = cases[0]["number"].as_str().unwrap().to_owned();

    let mut config = std::fs::OpenOptions::new().append(true).open(&office.config).unwrap();
    writeln!(config, "\n[digest]\nto = \"{TEAM}\"\nat = \"00:00\"").unwrap();
    let mut daemon = office.run();
    daemon.wait_for("digest sent", 1);
    let message = servers.wait_for_messages(TEAM, "", 1).remove(0);
    daemon.terminate();

    let parsed = MessageParser::default().parse(&message).unwrap();
    assert_eq!(parsed.header_raw("Auto-Submitted").map(str::trim), Some("auto-generated"));
    assert_eq!(parsed.header_raw("Return-Path").map(str::trim), Some("<mislukt@ombudsman.example.nl>"));
    let text = parsed.body_text(0).unwrap();
    for expected in [
        &format!("- Niet aangekomen: 1. Zoek een andere weg (Awb 2:11): {number}"),
        &format!("- {number}: Contact met de inwoner (5 werkdagen)"),
        "Te beslissen: 1 zaak",
        "Noodrem: uit (1 van hoogstens 1000",
        "stukken 2 = zaken 2 + terzijde 0 + in behandeling 0",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    let whole = String::from_utf8_lossy(&message).to_lowercase();
    for person in ["noor", "voorbeeld", "balie", "example.org"] {
        assert!(!whole.contains(person), "{person}\n{whole}");
    }

    // Never twice: started again, and without its index too.
    for without_index in [false, true] {
        if without_index {
            std::fs::remove_dir_all(office.store().join("index")).unwrap();
        }
        let mut daemon = office.run();
        daemon.wait_for("is out already", 1);
        daemon.terminate();
    }
    assert_eq!(servers.mailbox_messages(TEAM).len(), 1);
    assert_eq!(office.verify()["exceptions"], serde_json::json!([]));
    // The terms on the command line.
    let due = office.told(&["cases", "due", "--days", "14"]);
    let (law, promises) = due.split_once("Beloften van het kantoor").unwrap();
    assert!(promises.contains(&number) && !law.contains(&number), "{due}");
}

#[test]
fn a_digest_that_cannot_be_sent_is_refused_at_the_start() {
    for (digest, fault) in [
        (format!("to = \"{OFFICE}\""), "another address than those that citizens write to"),
        ("to = \"team\"".to_owned(), "must be one e-mail address"),
        ("to = \"team@example.nl\"".to_owned(), "needs [smtp]"),
        ("to = \"team@example.nl\"\nat = \"7 uur\"".to_owned(), "is not a local time such as"),
    ] {
        let office = OfficeDir::den_haag(&format!("[digest]\n{digest}"));
        let output = office.bode(&["cases", "list"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("office.toml:") && told.contains(fault), "{told}");
    }
}
