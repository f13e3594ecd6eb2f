//! No answer loop can start (promise 3), with real parts: two daemons, a real mail server between them (Exim, Dovecot),
//! a mailing list, the out-of-office of Dovecot Sieve (RFC 5230), and a responder that copies our mail without its
//! header. At most one answer each way; where nothing tells the machine, the caps and the breaker end it.

mod daemon;
mod servers;

use daemon::{Daemon, OfficeDir};
use servers::{MailServers, OFFICE, OTHER_OFFICE, Options, wait_until};

/// A complaint as a person writes it, each with words of its own.
fn complaint(from: &str, turn: usize) -> Vec<u8> {
    const WHERE: [&str; 5] =
        ["de balie", "het wijkteam", "de parkeerwacht", "het belastingkantoor", "de afdeling bouw"];
    let about = WHERE[turn % WHERE.len()];
    format!(
        "From: Schrijver {turn} <{from}>\r\nTo: {OFFICE}\r\nSubject: Klacht over {about}\r\n\
         Message-ID: <brief-{turn}.{from}>\r\nDate: Mon, 02 Mar 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\nGeachte ombudsman,\r\n\r\n\
         Ik heb een klacht over {about} van de gemeente Den Haag. Ik belde {} keer en werd niet teruggebeld. De\r\n\
         medewerker was onbeleefd tegen mij. Ik heb daarover in januari geklaagd bij de gemeente, en ik ben niet\r\n\
         tevreden met het antwoord.\r\n\r\nMet vriendelijke groet,\r\nSchrijver {turn}\r\n",
        turn + 2
    )
    .into_bytes()
}

fn settled(office: &OfficeDir, pieces: usize) {
    wait_until(&format!("{pieces} pieces are judged and no answer waits"), || {
        let report = office.verify();
        report["pieces"] == pieces && report["in_work"] == 0 && report["answers"]["waiting"] == 0
    });
}

fn sections(servers: &MailServers, address: &str) -> String {
    let old = "done_folder = \"Verwerkt\"";
    servers.toml_of(address).replace(old, &format!("{old}\nanswer_from = 2026-01-01\npoll_seconds = 1"))
}

fn start(servers: &MailServers, office: &str, address: &str, answers: &str) -> (OfficeDir, Daemon) {
    let office = OfficeDir::of(office, address, answers, &sections(servers, address));
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    (office, daemon)
}

/// Everything that lies with an address, read and unread.
fn lying(servers: &MailServers, address: &str) -> Vec<String> {
    let all =
        servers.mailbox_messages(address).into_iter().chain(servers.folder_messages(address, "Verwerkt"));
    all.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
}

fn text_of(message: &str) -> String {
    let parsed = mail_parser::MessageParser::default().parse(message.as_bytes()).unwrap();
    parsed.body_text(0).unwrap().into_owned()
}

#[test]
fn two_offices_do_not_answer_each_other() {
    let servers = MailServers::start();
    let (one, mut one_daemon) = start(&servers, "den-haag", OFFICE, "");
    let (other, mut other_daemon) = start(&servers, "haarlem", OTHER_OFFICE, "");
    // Somebody of the other office complains from its shared mailbox; then once more through a gateway that takes off
    // all that says that an answer was made by a machine.
    servers.deliver(&complaint(OTHER_OFFICE, 0), OTHER_OFFICE, OFFICE);
    one_daemon.wait_for("answer sent", 1);
    other_daemon.wait_for("judged: set aside", 1);
    servers.deliver(&complaint("loket@kaal.example.org", 1), "loket@kaal.example.org", OFFICE);
    one_daemon.wait_for("answer sent", 1);
    settled(&other, 2);
    settled(&one, 2);
    let (ours, theirs) = (lying(&servers, OTHER_OFFICE), lying(&servers, OFFICE));
    assert_eq!(ours.len(), 2, "one answer to each message");
    assert!(ours[1].contains("Automatisch bericht") && !ours[1].contains("Auto-Submitted"), "{}", ours[1]);
    assert_eq!(theirs.len(), 2, "the two messages that we took in, and no answer to our answers");
    assert_eq!(other.verify()["answers"]["sent"], 0);
    for (office, daemon) in [(one, one_daemon), (other, other_daemon)] {
        daemon.terminate();
        assert_eq!(office.verify()["exceptions"], serde_json::json!([]));
    }
}

#[test]
fn a_list_and_an_out_of_office_get_no_answer() {
    let away = "weg@example.org";
    let script = "require [\"vacation\"];\nvacation :days 1 :addresses [\"weg@example.org\"] :subject \"Ik ben er niet\" \
                  \"Tot 1 april lees ik geen post. Ik heb een klacht altijd snel beantwoord.\";\n";
    let servers =
        MailServers::start_with(&Options { sieve: vec![(away.into(), script.into())], ..Options::default() });
    let (office, mut daemon) = start(&servers, "den-haag", OFFICE, "");

    // A complaint that is sent to a mailing list of which the office is a member.
    servers.deliver(&complaint("lid@example.org", 0), "lid@example.org", "lijst@example.org");
    settled(&office, 1);
    let copies = servers.wait_for_messages("lid@example.org", "", 1);
    assert_eq!(copies.len(), 1, "the list's own copy, and no answer");
    assert!(lying(&servers, "lijst-bounces@example.org").is_empty());

    // A citizen who writes and goes on leave: one answer, to which Sieve does not reply (it says Auto-Submitted).
    servers.deliver(&complaint(away, 1), away, OFFICE);
    daemon.wait_for("answer sent", 1);
    servers.wait_for_messages(away, "", 1);
    // A person of the office writes by hand: Sieve's out-of-office comes to the office.
    let by_hand = format!(
        "From: {OFFICE}\r\nTo: {away}\r\nSubject: Uw klacht\r\nMessage-ID: <hand@example.nl>\r\n\r\nBelt u ons?\r\n"
    );
    servers.deliver(by_hand.as_bytes(), OFFICE, away);
    settled(&office, 3);
    let replies: Vec<_> =
        lying(&servers, OFFICE).into_iter().filter(|message| message.contains("Ik ben er niet")).collect();
    assert_eq!(replies.len(), 1, "Sieve's reply is real");
    assert!(replies[0].contains("Auto-Submitted: auto-replied"), "{}", replies[0]);
    assert_eq!(lying(&servers, away).len(), 2, "our answer and the message by hand");
    assert_eq!(office.verify()["answers"]["sent"], 1);
    daemon.terminate();
    assert_eq!(office.verify()["exceptions"], serde_json::json!([]));
}

#[test]
fn a_responder_that_copies_our_mail_without_a_header_gets_one_answer() {
    let servers = MailServers::start();
    let (office, mut daemon) = start(&servers, "den-haag", OFFICE, "");
    let broken = "kapot@example.org";
    servers.deliver(&complaint(broken, 0), broken, OFFICE);
    daemon.wait_for("answer sent", 1);
    let ours = String::from_utf8(servers.wait_for_messages(broken, "", 1).remove(0)).unwrap();
    // It sends what it got back as new mail: whole, quoted, and without the case number, each from another address too.
    let text = text_of(&ours);
    let number_at = text.find("2026-").expect("our answer names the case");
    let number = &text[number_at..number_at + "2026-000001-3".len()];
    let quoted: String = text.lines().map(|line| format!("> {}\r\n", line.trim_end())).collect();
    let copies = [
        (broken, text.clone()),
        (broken, format!("Bedankt voor uw bericht.\r\n\r\n{quoted}")),
        (broken, text.replace(number, "(zie boven)")),
        ("ander@example.org", format!("Ik lees dit later.\r\n\r\n{}", quoted.replace(number, "…"))),
    ];
    for (turn, (from, copy)) in copies.iter().enumerate() {
        let message = format!(
            "From: {from}\r\nTo: {OFFICE}\r\nSubject: Ontvangen {turn}\r\nMessage-ID: <kopie-{turn}@example.org>\r\n\
             MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{copy}"
        );
        servers.deliver(message.as_bytes(), from, OFFICE);
        settled(&office, turn + 2);
    }
    assert_eq!(lying(&servers, broken).len(), 1, "one answer");
    assert!(lying(&servers, "ander@example.org").is_empty());
    let answers = &office.verify()["answers"];
    assert_eq!(
        (&answers["sent"], &answers["held"]),
        (&1.into(), &2.into()),
        "two without the number are held"
    );
    daemon.terminate();
    assert_eq!(office.verify()["exceptions"], serde_json::json!([]));
}

#[test]
fn a_responder_that_tells_nothing_is_ended_by_the_cap_and_then_by_the_breaker() {
    let servers = MailServers::start();
    let answers = "per_address_hour_max = 2\nhour_max = 5\nbreaker_quiet_minutes = 0";
    let (office, mut daemon) = start(&servers, "den-haag", OFFICE, answers);
    // One address that answers each answer with a new complaint in other words.
    let mut pieces = 0;
    for turn in 0..4 {
        servers.deliver(&complaint("steeds@example.org", turn), "steeds@example.org", OFFICE);
        pieces += 1;
        settled(&office, pieces);
    }
    assert_eq!(lying(&servers, "steeds@example.org").len(), 2, "the cap of an address");
    assert_eq!(daemon.healthz(), (200, "ok\n".to_owned()));
    // A responder that takes another address each time: no cap of an address sees it.
    let echo = |turn| format!("echo{turn}@example.org");
    for turn in 4..12 {
        servers.deliver(&complaint(&echo(turn), turn), &echo(turn), OFFICE);
        pieces += 1;
        settled(&office, pieces);
    }
    assert_eq!(office.verify()["answers"]["sent"], 5, "five answers in an hour over all");
    // Exim has each when it is sent, and lays it in the mailbox a moment later.
    wait_until("the answers lie with their readers", || {
        (4..12).map(|turn| lying(&servers, &echo(turn)).len()).sum::<usize>() == 3
    });
    daemon.wait_for("the breaker opened", 1);
    wait_until("/healthz tells of the breaker", || {
        let (status, told) = daemon.healthz();
        status == 200 && told.contains("breaker") && told.contains("5 answers")
    });
    // Nothing was dropped: each held piece is a case with an answer that a person may let go. A restart changes nothing.
    let log = daemon.terminate();
    assert!(!log.contains("@example.org"), "the log holds an address");
    let report = office.verify();
    assert_eq!(report["exceptions"], serde_json::json!([]));
    assert_eq!((&report["cases"], &report["answers"]["held"]), (&12.into(), &7.into()), "{report:#}");
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    servers.deliver(&complaint("later@example.org", 12), "later@example.org", OFFICE);
    settled(&office, pieces + 1);
    assert!(lying(&servers, "later@example.org").is_empty());
    wait_until("/healthz still tells of the breaker", || daemon.healthz().1.contains("breaker"));
    daemon.terminate();
}
