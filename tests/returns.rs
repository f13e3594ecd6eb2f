//! What comes back, on a real mail server (Exim, Dovecot): our answers that were returned, forged reports, and
//! out-of-office replies find their case, and nothing of it is answered.

mod daemon;
mod servers;

use daemon::{Daemon, OfficeDir};
use servers::{MailServers, OFFICE, wait_until};

fn complaint(author: &str, subject: &str) -> Vec<u8> {
    format!(
        "From: Schrijver <{author}>\nTo: {OFFICE}\nSubject: {subject}\nMessage-ID: <{subject}@mail.example.org>\n\
         Date: Mon, 2 Mar 2026 10:00:00 +0100\nContent-Type: text/plain; charset=utf-8\n\n\
         Goedemorgen,\n\nIk heb een klacht over de gemeente Den Haag. Een medewerker van het stadhuis schold mij uit aan \
         de balie toen ik mijn paspoort ophaalde. Ik heb bij de gemeente geklaagd en ben niet tevreden met het \
         antwoord van 12 januari.\n\nMet vriendelijke groet,\nSchrijver\n"
    )
    .into_bytes()
}

struct Setting {
    servers: MailServers,
    office: OfficeDir,
    daemon: Daemon,
}

impl Setting {
    fn start() -> Self {
        Self::start_with("")
    }

    /// With more keys in `[answers]`.
    fn start_with(answers: &str) -> Self {
        let servers = MailServers::start();
        let office =
            OfficeDir::den_haag(&servers.toml().replace(
                "done_folder = \"Verwerkt\"",
                "done_folder = \"Verwerkt\"\nanswer_from = 2026-01-01",
            ));
        let config = std::fs::read_to_string(&office.config).unwrap();
        std::fs::write(&office.config, config.replace("[answers]\n", &format!("[answers]\n{answers}\n")))
            .unwrap();
        let mut daemon = office.run();
        daemon.wait_for("bode is running", 1);
        Self { servers, office, daemon }
    }

    /// A complaint from this address, answered; gives the number of its case.
    fn answered(&mut self, author: &str, subject: &str) -> String {
        self.servers.deliver(&complaint(author, subject), author, OFFICE);
        self.daemon.wait_for("judged: a new case", 1);
        self.daemon.wait_for("answer sent", 1);
        self.case_of(subject)["number"].as_str().unwrap().to_owned()
    }

    fn cases(&self) -> Vec<serde_json::Value> {
        serde_json::from_str(&self.office.told(&["cases", "list", "--json"])).unwrap()
    }

    fn case_of(&self, subject: &str) -> serde_json::Value {
        self.cases().into_iter().find(|row| row["subject"] == subject).expect(subject)
    }

    fn case(&self, number: &str) -> serde_json::Value {
        self.cases().into_iter().find(|row| row["number"] == number).expect(number)
    }

    fn undelivered(&self) -> Vec<String> {
        let rows: Vec<serde_json::Value> =
            serde_json::from_str(&self.office.told(&["cases", "list", "--undelivered", "--json"])).unwrap();
        rows.iter().map(|row| row["number"].as_str().unwrap().to_owned()).collect()
    }
}

/// A delivery report (RFC 3464) about the answer of a case.
fn report(to: &str, msg_id: &str, recipient: &str, action: &str, status: &str) -> Vec<u8> {
    format!(
        "From: Mail Delivery System <mailer-daemon@mx.example.org>\nTo: {to}\nSubject: Undelivered Mail\n\
         Message-ID: <{action}-{status}-{recipient}-{}@mx.example.org>\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n\
         --b\nContent-Type: text/plain\n\nYour message could not be delivered.\n\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\n\
         Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\n\n\
         --b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <{msg_id}>\nSubject: x\n\n--b--\n",
        msg_id.len()
    )
    .into_bytes()
}

#[test]
fn an_answer_that_is_returned_becomes_work_for_staff() {
    let mut here = Setting::start();
    // Exim takes the answer, and then returns it to the address that it came from.
    let returned = here.answered("verhuisd-noor@example.org", "balie");
    wait_until("the bounce is laid with its case", || {
        here.case(&returned)["answer"]["state"]["state"] == "failed"
    });
    assert_eq!(here.undelivered(), [returned.as_str()]);
    let row = here.case(&returned);
    let piece = row["answer"]["state"]["came_back"].as_str().expect("the report that said so");
    assert!(row["records"].as_array().unwrap().iter().any(|record| record == piece));
    let shown = here.office.told(&["cases", "show", &returned]);
    assert!(shown.contains("antwoord niet aangekomen: zoek een andere weg (Awb 2:11)"), "{shown}");
    assert!(shown.contains("Herkend aan het retouradres"), "{shown}");
    assert!(here.office.told(&["cases", "list"]).contains("zoek een andere weg"));

    let other = here.answered("noor@example.org", "paspoort");
    let msg_id = format!("{other}.ontvangst.den-haag@ombudsman.example.nl");
    let state = |here: &Setting| here.case(&other)["answer"]["state"]["state"].clone();
    // Forged: a made-up token; the right Message-ID, which is easily guessed, but not the address we wrote to.
    let forged = format!("mislukt+{other}-aaaabbbbccccdddd@ombudsman.example.nl");
    here.servers.deliver(
        &report(&forged, "x@example.org", "noor@example.org", "failed", "5.1.1"),
        "",
        &forged,
    );
    here.daemon.wait_for("judged: set aside", 1);
    let bare = "mislukt@ombudsman.example.nl";
    here.servers.deliver(&report(bare, &msg_id, "piet@example.org", "failed", "5.1.1"), "", bare);
    here.daemon.wait_for("judged: part of a case", 1);
    assert_eq!(state(&here), "sent");
    assert!(here.office.told(&["cases", "show", &other]).contains("vervalst"));
    // Delayed: the server goes on trying.
    here.servers.deliver(&report(bare, &msg_id, "noor@example.org", "delayed", "4.4.1"), "", bare);
    here.daemon.wait_for("judged: part of a case", 1);
    assert_eq!(state(&here), "sent");
    // By its Message-ID and the address that we wrote to, where the mail server has no tokens.
    here.servers.deliver(&report(bare, &msg_id, "noor@example.org", "failed", "5.2.1"), "", bare);
    here.daemon.wait_for("judged: part of a case", 1);
    assert_eq!(state(&here), "failed");
    assert_eq!(here.undelivered().len(), 2);

    let log = here.daemon.terminate();
    let report = here.office.verify();
    assert_eq!(report["exceptions"], serde_json::json!([]), "{report:#}");
    assert_eq!((&report["cases"], &report["aside"]), (&2.into(), &1.into()), "{report:#}");
    for told in [log, journal(&here.office)] {
        assert!(!told.contains("noor@") && !told.contains("verhuisd-noor"), "{told}");
    }
    assert_eq!(here.servers.mailbox_messages("mailer-daemon@mx.example.org").len(), 0);
}

fn journal(office: &OfficeDir) -> String {
    let entries = std::fs::read_dir(office.store().join("journal")).unwrap();
    entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
}

#[test]
fn out_of_office_replies_lie_with_their_case_and_follow_ups_tell_who_wrote() {
    let mut here = Setting::start();
    let case = here.answered("anna@example.org", "stadhuis");
    let msg_id = format!("{case}.ontvangst.den-haag@ombudsman.example.nl");
    let vacation = |id: &str, more: &str| {
        format!(
            "From: Anna <anna@example.org>\nTo: {OFFICE}\nMessage-ID: <{id}@mail.example.org>\nAuto-Submitted: auto-replied \
             (vacation)\n{more}\nContent-Type: text/plain; charset=utf-8\n\nIk ben tot 12 april afwezig.\n"
        )
        .into_bytes()
    };
    let thread = format!("Subject: Afwezig\nIn-Reply-To: <{msg_id}>");
    here.servers.deliver(&vacation("v1", &thread), "", OFFICE);
    here.daemon.wait_for("judged: part of a case", 1);
    let subject = format!("Subject: Automatisch antwoord: ontvangen [{case}]");
    here.servers.deliver(&vacation("v2", &subject), "anna@example.org", OFFICE);
    here.daemon.wait_for("judged: part of a case", 1);
    // One of nobody's: set aside with its reason.
    here.servers.deliver(&vacation("v3", "Subject: Afwezig"), "", OFFICE);
    here.daemon.wait_for("judged: set aside", 1);

    // A colleague of hers names the number: laid with the case, and told to be another writer.
    let other = format!(
        "From: Bert <bert@example.org>\nTo: {OFFICE}\nSubject: zaak {case}\nMessage-ID: <bert@mail.example.org>\n\n\
         Ik wil nog iets toevoegen aan de klacht van Anna over de balie: ik stond erbij.\n"
    );
    here.servers.deliver(other.as_bytes(), "bert@example.org", OFFICE);
    here.daemon.wait_for("judged: part of a case", 1);
    // A number with a wrong check digit is no number of ours.
    let (stem, digit) = case.rsplit_once('-').unwrap();
    let wrong = format!("{stem}-{}", (digit.parse::<u32>().unwrap() + 1) % 10);
    let mistyped =
        String::from_utf8(complaint("cor@example.org", "cor")).unwrap() + &format!("\nZaak {wrong}\n");
    here.servers.deliver(mistyped.as_bytes(), "cor@example.org", OFFICE);
    here.daemon.wait_for("judged: a new case", 1);

    let shown = here.office.told(&["cases", "show", &case]);
    assert!(shown.contains("andere afzender"), "{shown}");
    assert_eq!(shown.matches("Een automatisch antwoord (stuk").count(), 2, "{shown}");
    here.daemon.terminate();
    let report = here.office.verify();
    assert_eq!(report["exceptions"], serde_json::json!([]), "{report:#}");
    assert_eq!((&report["cases"], &report["aside"], &report["in_cases"]), (&2.into(), &1.into(), &5.into()));
    assert_eq!(
        here.servers.mailbox_messages("anna@example.org").len(),
        1,
        "one acknowledgement, and no more"
    );
    assert!(here.servers.mailbox_messages("bert@example.org").is_empty());
}

#[test]
fn a_message_that_its_reply_overtook_lies_with_it_and_no_stranger_does() {
    let mut here = Setting::start();
    let reply = |author: &str, id: &str| {
        format!(
            "From: Schrijver <{author}>\nTo: {OFFICE}\nSubject: Re: {id}\nMessage-ID: <{id}@mail.example.org>\n\
             In-Reply-To: <balie@mail.example.org>\nDate: Mon, 2 Mar 2026 11:00:00 +0100\n\n\
             Goedemiddag,\n\nIk wil nog zeggen dat de medewerker aan het loket zijn naam niet wilde noemen.\n\n\
             Met vriendelijke groet,\nSchrijver\n"
        )
        .into_bytes()
    };
    // What she replies to lies elsewhere still, among unwanted mail say.
    here.servers.deliver(&reply("anna@example.org", "vervolg"), "anna@example.org", OFFICE);
    here.daemon.wait_for("judged: a new case", 1);
    here.daemon.wait_for("answer sent", 1);
    // Somebody else replies to the same message: a case of his own, which is acknowledged.
    here.servers.deliver(&reply("bert@example.org", "ander"), "bert@example.org", OFFICE);
    here.daemon.wait_for("judged: a new case", 1);
    here.daemon.wait_for("answer sent", 1);
    here.servers.deliver(&complaint("Anna@example.org", "balie"), "anna@example.org", OFFICE);
    here.daemon.wait_for("judged: part of a case", 1);

    let (hers, his) = (here.case_of("Re: vervolg"), here.case_of("Re: ander"));
    assert_eq!(hers["records"].as_array().unwrap().len(), 2, "{hers:#}");
    assert_eq!(his["records"].as_array().unwrap().len(), 1, "{his:#}");
    let shown = here.office.told(&["cases", "show", hers["number"].as_str().unwrap()]);
    assert!(shown.contains("Een bericht in deze zaak is een antwoord hierop."), "{shown}");
    here.daemon.terminate();
    let report = here.office.verify();
    assert_eq!(report["exceptions"], serde_json::json!([]), "{report:#}");
    assert_eq!((&report["cases"], &report["in_cases"]), (&2.into(), &3.into()), "{report:#}");
    for author in ["anna@example.org", "bert@example.org"] {
        assert_eq!(here.servers.mailbox_messages(author).len(), 1, "one acknowledgement to {author}");
    }
}

#[test]
fn a_follow_up_gets_one_line_a_day_where_the_office_wants_it() {
    let mut here = Setting::start_with("follow_up = \"line\"");
    let case = here.answered("dina@example.org", "loket");
    let follow_up = |from: &str, id: &str| {
        format!(
            "From: Dina <{from}>\nTo: {OFFICE}\nSubject: Re: [{case}]\nMessage-ID: <{id}@mail.example.org>\n\n\
             Ik wil nog zeggen dat de medewerker aan het loket zijn naam niet wilde noemen.\n"
        )
        .into_bytes()
    };
    here.servers.deliver(&follow_up("dina@example.org", "f1"), "dina@example.org", OFFICE);
    here.daemon.wait_for("answer sent", 1);
    let lying = here.servers.wait_for_messages("dina@example.org", "", 2);
    let line = lying
        .iter()
        .map(|bytes| String::from_utf8_lossy(bytes))
        .find(|text| text.contains(".vervolg-"))
        .unwrap();
    assert!(line.contains("Auto-Submitted: auto-replied") && line.contains(&case), "{line}");
    assert!(!line.contains("5 werkdagen"), "one line, not the whole acknowledgement: {line}");
    // A second one that day, and one of somebody else: laid with the case, in silence.
    for (from, id) in [("dina@example.org", "f2"), ("eva@example.org", "f3")] {
        here.servers.deliver(&follow_up(from, id), from, OFFICE);
        here.daemon.wait_for("judged: part of a case", 1);
    }
    here.daemon.terminate();
    let report = here.office.verify();
    assert_eq!(report["exceptions"], serde_json::json!([]), "{report:#}");
    assert_eq!((&report["cases"], &report["in_cases"]), (&1.into(), &4.into()), "{report:#}");
    assert_eq!(here.servers.mailbox_messages("dina@example.org").len(), 2);
    assert!(here.servers.mailbox_messages("eva@example.org").is_empty());
}
