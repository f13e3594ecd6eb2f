//! Destruction and export by the command line: the list first, the proof kept, the copy without the program, all about one person.

mod daemon;
mod servers;

use bode::record::{CaseNumber, Decision, Verdict};
use bode::store::Store;
use daemon::OfficeDir;
use std::path::Path;
use std::process::Command;

const RETENTION: &str = "[retention]\n\
    not-a-complaint = { term = \"1 year\", basis = \"Selectielijst gemeenten 2020, 13.1.4\" }\n\
    referred = { term = \"keep\", basis = \"precedent\" }\n";

fn mail(number: usize, writer: &str, text: &str) -> Vec<u8> {
    format!(
        "From: {writer} <schrijver{number}@example.nl>\r\nTo: klacht@ombudsman.example.nl, buur@example.org\r\n\
         Subject: Klacht {number} <b>vet</b>\r\nMessage-ID: <klacht-{number}@mail.example.nl>\r\n\
         Date: Mon, 2 Mar 2020 10:00:00 +0100\r\n\r\n\
         Ik heb een klacht over de gemeente Den Haag, loket burgerzaken. {text}\r\n"
    )
    .into_bytes()
}

/// An office with these letters as cases, in their order.
fn office(texts: &[(&str, &str)]) -> (OfficeDir, Vec<CaseNumber>) {
    // Beside the configuration; a daemon runs with something to take in.
    let office = OfficeDir::den_haag(&format!("[maildir]\ndir = \"postvak\"\n\n{RETENTION}"));
    for dir in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(office.dir.path().join("postvak").join(dir)).unwrap();
    }
    let dir = office.dir.path().join("mail");
    std::fs::create_dir(&dir).unwrap();
    let mut cases = Vec::new();
    for (number, (writer, text)) in texts.iter().enumerate() {
        let path = dir.join(format!("{number}.eml"));
        std::fs::write(&path, mail(number, writer, text)).unwrap();
        office.told(&["import", "--no-acknowledge", path.to_str().unwrap()]);
    }
    let listed: serde_json::Value = serde_json::from_str(&office.told(&["cases", "list", "--json"])).unwrap();
    for row in listed.as_array().unwrap() {
        cases.push(row["number"].as_str().unwrap().parse().unwrap());
    }
    cases.sort();
    (office, cases)
}

fn decide(office: &OfficeDir, case: CaseNumber, verdict: Verdict, at: &str) {
    let at = at.parse().unwrap();
    let refer_to = (verdict == Verdict::Refer).then(|| "nationale-ombudsman".to_owned());
    let decision = Decision { verdict, refer_to, by: "j.jansen".into(), at, reason: "klaar".into() };
    Store::open(office.store()).unwrap().decide(case, None, decision, at).unwrap();
}

fn text_below(dir: &Path) -> String {
    let mut text = String::new();
    for item in std::fs::read_dir(dir).unwrap() {
        let path = item.unwrap().path();
        text.push_str(&match path.is_dir() {
            true => text_below(&path),
            false => String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned(),
        });
    }
    text
}

#[test]
fn what_is_past_its_term_is_listed_then_destroyed_with_proof() {
    let (office, cases) = office(&[
        ("Anna Weg", "Het eerste verhaal."),
        ("Bert Blijft", "Het tweede verhaal, heel anders van inhoud."),
        ("Cor Bezwaar", "Een derde geschiedenis over de parkeergarage."),
        ("Dirk Door", "Nog iets over het zwembad en de kaartjes."),
    ]);
    decide(&office, cases[0], Verdict::NotAComplaint, "2020-03-05T10:00:00Z");
    decide(&office, cases[2], Verdict::NotAComplaint, "2020-03-05T10:00:00Z");
    decide(&office, cases[3], Verdict::Refer, "2020-03-05T10:00:00Z");
    let kept = cases[2].to_string();
    office.told(&["cases", "keep", &kept, "--reason", "Bezwaar loopt"]);
    // Nothing before the last day of the term has passed.
    assert!(
        office.told(&["purge", "--dry-run", "--until", "2021-03-05"]).contains("0 over de bewaartermijn")
    );
    let told = office.told(&["purge", "--dry-run", "--until", "2021-03-06"]);
    let gone = cases[0].to_string();
    assert!(
        told.contains(&gone) && told.contains("13.1.4") && told.contains("1 over de bewaartermijn"),
        "{told}"
    );
    assert!(told.contains(&format!("{kept}: niet")) && !told.contains("Anna"), "{told}");
    // Without a terminal nobody is asked, so nothing happens.
    let refused = office.bode(&["purge"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(office.store().join("originals").read_dir().unwrap().count() > 0);
    // Through a running daemon.
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    let told = office.told(&["purge", "--yes"]);
    assert!(told.contains("vernietigd: 1 zaken, 1 stukken"), "{told}");
    daemon.terminate();
    let proof = text_below(&office.store().join("destroyed"));
    for word in ["VERKLARING VAN VERNIETIGING", "artikel 8", &gone, "1 jaar", "13.1.4", "geen klacht"] {
        assert!(proof.contains(word), "{word}: {proof}");
    }
    assert!(!proof.contains("Anna"));
    let shown = office.told(&["cases", "show", &gone]);
    assert!(shown.contains("Vernietigd op") && shown.contains("na 1 jaar"), "{shown}");
    let report = office.verify();
    assert_eq!((report["purged"].as_u64(), report["exceptions"].as_array().unwrap().len()), (Some(1), 0));
    // Taken in again by mistake: told, and no case.
    let again = office.bode(&["import", office.dir.path().join("mail/0.eml").to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("was destroyed"), "{again:?}");
    assert!(office.told(&["purge", "--dry-run"]).contains("0 over de bewaartermijn"));
    // At the demand of a person, whatever the term.
    let demand = cases[1].to_string();
    assert_eq!(office.bode(&["purge", "--case", &demand, "--yes"]).status.code(), Some(2));
    office.told(&["purge", "--case", &demand, "--reason", "verzoek 12", "--yes"]);
    assert!(office.told(&["cases", "show", &demand]).contains("AVG artikel 17"));
    assert!(text_below(&office.store().join("destroyed")).contains("Reden: verzoek 12"));
    assert_eq!(office.verify()["exceptions"], serde_json::json!([]));
    let again = office.bode(&["purge", "--case", &kept, "--reason", "x", "--yes"]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("forbade"), "{again:?}");
}

#[test]
fn a_copy_is_read_without_the_program() {
    let (office, cases) = office(&[
        ("Anna <script>", "Mijn BSN is 111222333. <img src=x onerror=alert(1)> Het loket was dicht."),
        (
            "Bert Blijft",
            "Het tweede verhaal, heel anders van inhoud. Mijn buurvrouw Anna\r\nde Boer zag het.",
        ),
    ]);
    office.told(&["cases", "note", &cases[0].to_string(), "Teruggebeld met \"Anna\""]);
    let out = office.dir.path().join("uit");
    let dir = out.to_str().unwrap();
    office.told(&["cases", "export", "--all", "--out", dir]);
    let checked = Command::new("sha256sum")
        .args(["-c", "--quiet", "--strict", "sha256sums.txt"])
        .current_dir(&out)
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let folder = out.join(cases[0].to_string());
    let page = std::fs::read_to_string(folder.join("index.html")).unwrap();
    assert!(page.contains("&lt;img src=x") && !page.contains("<img") && !page.contains("<script"), "{page}");
    assert!(page.contains("Teruggebeld met") && page.contains("Het loket was dicht"));
    let json = std::fs::read_to_string(folder.join("zaak.json")).unwrap();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["schema"], "bode/zaak/1");
    // Numbers of citizens are covered, but in the original, which is never changed.
    assert!(!page.contains("111222333") && !json.contains("111222333"));
    let original = folder.join(value["pieces"][0]["original"].as_str().unwrap());
    assert_eq!(
        std::fs::read(&original).unwrap(),
        std::fs::read(office.dir.path().join("mail/0.eml")).unwrap()
    );
    let text = folder.join(value["pieces"][0]["documents"][0]["text"].as_str().unwrap());
    assert!(std::fs::read_to_string(text).unwrap().contains("loket burgerzaken"));
    assert!(std::fs::read_to_string(folder.join("logboek.jsonl")).unwrap().contains("\"opened\""));
    assert_eq!(std::fs::read_to_string(out.join("zaken.csv")).unwrap().lines().count(), 3);
    assert!(std::fs::read_to_string(out.join("LEESMIJ.txt")).unwrap().contains("sha256sum -c"));
    assert_eq!(office.bode(&["cases", "export", "--all", "--out", dir]).status.code(), Some(2));
    // Each one is in the journal: who and how many, no name.
    let journal = text_below(&office.store().join("journal"));
    assert!(journal.contains("\"exported\",\"cases\":2,\"person\":false"), "{journal}");
}

#[test]
fn all_about_one_person_and_no_namesake() {
    let (office, cases) = office(&[
        ("Anna de Boer", "Het loket was dicht toen ik kwam."),
        (
            "Bert Blijft",
            "Heel anders van inhoud. Mijn buurvrouw Anna\r\nde Boer zag het. De Boer Anna is dat.",
        ),
        ("Cor Anders", "De boer op het plein verkocht niets."),
        ("Anna de Boer", "Ik ben een ander met dezelfde naam, over het zwembad."),
    ]);
    let found = office.told(&["cases", "export", "--person", "Anna de Boer"]);
    assert!(found.contains("Mijn buurvrouw Anna de Boer zag het."), "{found}");
    assert!(found.contains("3 plaatsen gevonden") && !found.contains(&cases[2].to_string()), "{found}");
    let by_address = office.told(&["cases", "export", "--person", "Schrijver0@example.nl", "--json"]);
    let by_address: serde_json::Value = serde_json::from_str(&by_address).unwrap();
    assert_eq!(by_address.as_array().unwrap().len(), 1);
    let out = office.dir.path().join("inzage");
    let namesake = cases[3].to_string();
    let args = [
        "cases",
        "export",
        "--person",
        "Anna de Boer",
        "--not-case",
        &namesake,
        "--out",
        out.to_str().unwrap(),
    ];
    office.told(&args);
    assert!(out.join(cases[0].to_string()).exists() && out.join(cases[1].to_string()).exists());
    assert!(!out.join(&namesake).exists());
    let check = std::fs::read_to_string(out.join("CONTROLE-EERST.txt")).unwrap();
    assert!(check.contains("buur@example.org") && check.contains("schrijver1@example.nl"), "{check}");
    let journal = text_below(&office.store().join("journal"));
    assert!(journal.contains("\"exported\",\"cases\":2,\"person\":true") && !journal.contains("Boer"));
    let other =
        office.bode(&["cases", "export", "--person", "Anna de Boer", "--case", &cases[2].to_string()]);
    assert_eq!(other.status.code(), Some(2));
}
