//! Backup and restore by the command line: beside a daemon that takes in mail from a real Dovecot and answers through a real
//! Exim, killed in the middle, and put back elsewhere with the same answers.

mod daemon;
mod servers;

use daemon::{BODE, OfficeDir};
use servers::{MailServers, OFFICE, wait_until};
use std::path::Path;
use std::process::{Command, Stdio};

fn message(number: usize) -> Vec<u8> {
    let text = format!(
        "From: Schrijver {number} <schrijver{number}@example.nl>\r\nTo: {OFFICE}\r\nSubject: Klacht {number}\r\n\
         Message-ID: <klacht-{number}@mail.example.nl>\r\nDate: Mon, 2 Mar 2026 10:00:00 +0100\r\n\r\n\
         Ik heb een klacht over de gemeente Den Haag. Bij het loket burgerzaken werd ik op 3 februari onheus bejegend door een \
         medewerker. Zaak nummer {number} van mijn map.\r\n"
    );
    text.into_bytes()
}

fn office(servers: &MailServers) -> OfficeDir {
    let toml = servers.toml();
    OfficeDir::den_haag(
        &toml.replace("done_folder = \"Verwerkt\"", "done_folder = \"Verwerkt\"\nanswer_from = 2026-01-01"),
    )
}

fn manifest(copy: &Path) -> Option<serde_json::Value> {
    serde_json::from_slice(&std::fs::read(copy.join("manifest.json")).ok()?).ok()
}

#[test]
fn a_running_office_is_copied_and_put_back_elsewhere() {
    let servers = MailServers::start();
    let office = office(&servers);
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("copy");
    let dir = copy.to_str().unwrap();
    for number in 0..10 {
        servers.deliver(&message(number), &format!("schrijver{number}@example.nl"), OFFICE);
    }
    let mut daemon = office.run();
    daemon.wait_for("answer sent", 3);
    // In the middle of the work, with more mail coming.
    for number in 10..20 {
        servers.deliver(&message(number), &format!("schrijver{number}@example.nl"), OFFICE);
    }
    let told = office.told(&["backup", dir]);
    assert!(told.contains("alles teruggelezen en in orde"), "{told}");
    daemon.wait_for("answer sent", 10);
    let first = manifest(&copy).unwrap();
    office.told(&["backup", dir]);
    wait_until("all is answered", || {
        let report = office.verify();
        report["pieces"] == 20 && report["in_work"] == 0 && report["answers"]["waiting"] == 0
    });
    let third: serde_json::Value = serde_json::from_str(&office.told(&["backup", dir, "--json"])).unwrap();
    assert!(third["entries"].as_u64() > first["entries"].as_u64(), "{third}");
    assert_eq!(third["absent"], serde_json::json!([]));
    let listed = office.told(&["cases", "list", "--json"]);
    assert_eq!(listed.matches("\"number\"").count(), 20);
    daemon.terminate();

    // Elsewhere: another directory, the same office.
    let other = self::office(&servers);
    let output = other.bode(&["restore", dir]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        told.contains("stukken 20 = zaken 20") && told.contains("bode import --no-acknowledge"),
        "{told}"
    );
    assert_eq!(other.told(&["cases", "list", "--json"]), listed);
    let report = other.verify();
    assert_eq!(report["exceptions"], serde_json::json!([]), "{report:#}");
    // The mail of then, taken in once more, makes nothing new and sends nothing.
    let sent = servers.mailbox_messages("schrijver3@example.nl").len();
    let mail = other.dir.path().join("mail");
    std::fs::create_dir(&mail).unwrap();
    for (index, bytes) in servers.folder_messages(OFFICE, "Verwerkt").iter().enumerate() {
        std::fs::write(mail.join(format!("{index}.eml")), bytes).unwrap();
    }
    let told = other.told(&["import", "--no-acknowledge", mail.to_str().unwrap()]);
    assert!(told.contains("20 al bekend"), "{told}");
    let mut daemon = other.run();
    daemon.wait_for("bode is running", 1);
    servers.deliver(&message(99), "schrijver99@example.nl", OFFICE);
    daemon.wait_for("judged: a new case", 1);
    let listed = other.told(&["answers", "list"]);
    assert!(listed.contains("-001001-"), "{listed}");
    assert_eq!(servers.mailbox_messages("schrijver3@example.nl").len(), sent);
    assert!(
        servers.mailbox_messages("schrijver99@example.nl").is_empty(),
        "answers stand still after a restore"
    );
    daemon.terminate();
    // Not twice into the same place.
    let again = other.bode(&["restore", dir]);
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("is not empty"));
}

#[test]
fn a_backup_that_is_killed_leaves_the_last_good_one_and_is_gone_on_with() {
    let office = OfficeDir::den_haag("");
    let mail = office.dir.path().join("mail");
    std::fs::create_dir(&mail).unwrap();
    let write = |numbers: std::ops::Range<usize>| {
        for number in numbers {
            // Large, and quickly read: an attachment of which nothing is text.
            let text = String::from_utf8(message(number)).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let attachment = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g\r\n".repeat(8_000);
            let whole = format!(
                "{head}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=deel\r\n\r\n--deel\r\n\r\n{body}\r\n\
                 --deel\r\nContent-Type: application/octet-stream; name=a.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n\
                 {attachment}--deel--\r\n"
            );
            std::fs::write(mail.join(format!("{number}.eml")), whole).unwrap();
        }
        office.told(&["import", "--no-acknowledge", mail.to_str().unwrap()]);
    };
    write(0..5);
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("copy");
    let dir = copy.to_str().unwrap();
    office.told(&["backup", dir]);
    let good = std::fs::read(copy.join("manifest.json")).unwrap();
    write(5..60);
    let mut child = Command::new(BODE)
        .arg("--config")
        .arg(&office.config)
        .args(["backup", dir])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let year = copy.join("store/originals").read_dir().unwrap().next().unwrap().unwrap().path();
    // It copies in the order of the journal: when the sixth record is there, dozens are not.
    while !year.join("000006").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(std::fs::read(copy.join("manifest.json")).unwrap(), good);
    assert!(copy.join("unfinished.json").exists());
    let early = OfficeDir::den_haag("");
    let told = early.told(&["restore", dir]);
    assert!(told.contains("stukken 5 =") && told.contains("was afgebroken"), "{told}");
    let told = office.told(&["backup", dir]);
    assert!(told.contains("was afgebroken; deze ging ermee verder"), "{told}");
    assert!(!copy.join("unfinished.json").exists());
    let late = OfficeDir::den_haag("");
    assert!(late.told(&["restore", dir]).contains("stukken 60 ="));
    assert_eq!(late.told(&["cases", "list", "--json"]), office.told(&["cases", "list", "--json"]));
    // One byte elsewhere: refused, by name.
    let record = year.join("000003/extract.json");
    let mut bytes = std::fs::read(&record).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&record, bytes).unwrap();
    let refused = OfficeDir::den_haag("").bode(&["restore", dir]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("000003/extract.json") && told.contains("nothing was written"), "{told}");
}
