//! Somebody who does not program adds a body, a name and a counter-phrase: the blocks are those of `rules/README.md`, put
//! where it says, and `rules check`, `test`, `diff`, `score`, `describe` and `suggest` show what that does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the failure that is wanted")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An office with rules of its own to change, and three messages with the outcome that is wanted.
struct Desk {
    dir: tempfile::TempDir,
}

const MESSAGES: &str = r#"{"id": "pont", "office": "den-haag", "channel": "letter", "received": "2026-06-01", "body": "Ik heb een klacht over de veerpontdienst. De medewerker hing steeds op en niemand belt terug.", "gold": {"scope": "out", "complained_about": ["overig"]}}
{"id": "naam", "office": "den-haag", "channel": "letter", "received": "2026-06-01", "body": "Ik heb een klacht over de uitkeringsfabriek. De medewerker hing steeds op en niemand belt terug.", "gold": {"scope": "out", "complained_about": ["uwv"]}}
{"id": "tegen", "office": "den-haag", "channel": "letter", "received": "2026-06-01", "body": "Ik heb een klacht over de gemeente. De ambtenaar aan de balie hing steeds op. De politie laat ik hierbuiten.", "gold": {"scope": "in", "complained_about": ["gemeente-den-haag"]}}
"#;

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy_dir(Path::new("rules"), &dir.path().join("rules"));
        // The examples of the house are tried elsewhere; here only ours.
        fs::remove_dir_all(dir.path().join("rules/examples")).unwrap();
        let here = std::env::current_dir().unwrap();
        let config = fs::read_to_string("config/den-haag.toml")
            .unwrap()
            .replace("\"../rules\"", "\"rules\"")
            .replace("\"../templates\"", &format!("{:?}", here.join("templates")))
            .replace("\"../var/den-haag\"", "\"store\"");
        fs::write(dir.path().join("den-haag.toml"), config).unwrap();
        fs::write(dir.path().join("drie.jsonl"), MESSAGES).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn rules(&self, args: &[&str]) -> (i32, String, String) {
        self.bode(&[&["rules"], args].concat())
    }

    /// Exit status, standard output, standard error.
    fn bode(&self, args: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_bode"))
            .args(["--quiet", "--config"])
            .arg(self.path("den-haag.toml"))
            .args(args)
            .current_dir(self.dir.path())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn append(&self, file: &str, block: &str) {
        let path = self.path("rules").join(file);
        fs::write(&path, fs::read_to_string(&path).unwrap() + "\n" + block).unwrap();
    }
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for path in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_dir(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// The blocks of the page, in order.
fn blocks_of_the_page() -> Vec<String> {
    let page = fs::read_to_string("rules/README.md").unwrap();
    page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn a_body_a_name_and_a_counter_phrase_by_the_page_alone() {
    let desk = Desk::new();
    let [body, name, counter] = blocks_of_the_page().try_into().unwrap();
    copy_dir(&desk.path("rules"), &desk.path("oud"));
    let (status, before, wrong) = desk.rules(&["test", "drie.jsonl"]);
    assert_eq!(status, 1, "{before}{wrong}");
    assert!(
        before.contains("drie.jsonl: 1 van 3 berichten kloppen") || before.contains("drie.jsonl: 0 van 3"),
        "{before}"
    );
    assert!(wrong.contains("pont: complained_about: hoort [\"overig\"] te zijn"), "{wrong}");

    // "zet dan onderaan dat bestand een blok als dit"
    desk.append("organisations.toml", &body);
    // "het woord erbij in `names` … in het blok `uwv`"
    let path = desk.path("rules/organisations.toml");
    let text = fs::read_to_string(&path).unwrap();
    let uwv = text.find("id = \"uwv\"").unwrap();
    let names = uwv + text[uwv..].find("names = [\n").unwrap();
    fs::write(&path, format!("{}{name}{}", &text[..names], &text[names + "names = [\n".len()..])).unwrap();
    // "zet dan onderaan een regel als deze"
    desk.append("roles.toml", &counter);

    let (status, said, faults) = desk.rules(&["check"]);
    assert_eq!(status, 0, "{said}{faults}");
    let (status, after, wrong) = desk.rules(&["test", "drie.jsonl"]);
    assert_eq!(status, 0, "{after}{wrong}");
    assert!(after.contains("drie.jsonl: 3 van 3 berichten kloppen"), "{after}");

    // What the change does, seen from the rules of before, with the rules that did it.
    let (status, diff, wrong) = desk.rules(&["diff", "--against", "oud", "drie.jsonl"]);
    assert_eq!(status, 0, "{wrong}");
    for part in [
        "+ organisations/dienst-veerponten",
        "~ organisations/uwv",
        "+ roles/laat-ik-hierbuiten",
        "(beter)",
        "door: ",
    ] {
        assert!(diff.contains(part), "{part} not in {diff}");
    }
    let (_, score, _) = desk.rules(&["score", "drie.jsonl"]);
    assert!(score.contains("100,0 % goed  (3 van 3)"), "{score}");
    let (_, page, _) = desk.rules(&["describe"]);
    assert!(page.contains("| roles/laat-ik-hierbuiten | role=excused | 5 |"), "the page names the new rule");
}

#[test]
fn a_slip_is_told_with_its_place_and_what_was_meant() {
    let desk = Desk::new();
    let [body, _, counter] = blocks_of_the_page().try_into().unwrap();
    let (body, counter): (String, String) = (body, counter);
    desk.append("organisations.toml", &body.replace("\"nationale-ombudsman\"", "\"nationale-ombudman\""));
    desk.append("roles.toml", &counter.replace("role=excused", "role=exused").replace("reason =", "reson ="));
    desk.append("urgent.toml", &counter.replace("role=excused", "urgnt=true"));
    desk.append("tone.toml", &counter.replace("role=excused", "tone=negatve").replace("{ORG}", "{OGR}"));
    let config = fs::read_to_string(desk.path("den-haag.toml")).unwrap();
    let config = config.replace("\"gemeente-leidschendam-voorburg\"", "\"gemeente-leidschendam-voorbrug\"");
    fs::write(desk.path("den-haag.toml"), config).unwrap();
    let (status, _, faults) = desk.rules(&["check"]);
    assert_eq!(status, 2);
    for part in [
        "Bedoelt u “nationale-ombudsman”?",
        "roles.toml:",
        "Deze naam ken ik niet: `reson`. Bedoelt u “reason”?",
        "Het label “urgnt” ken ik niet. Bedoelt u “urgent”?",
        "Bedoelt u “tone=negative”?",
        "De woordenlijst {OGR} staat niet in words.toml.",
    ] {
        assert!(faults.contains(part), "{part} not in {faults}");
    }
    for line in faults.trim().lines() {
        let place = line.trim_start_matches("bode: ").splitn(4, ':').collect::<Vec<_>>();
        assert!(
            place[0].ends_with(".toml")
                && place[1].parse::<usize>().is_ok()
                && place[2].parse::<usize>().is_ok(),
            "{line}"
        );
    }

    let desk = Desk::new();
    let config = fs::read_to_string(desk.path("den-haag.toml")).unwrap();
    let config = config.replace("\"gemeente-leidschendam-voorburg\"", "\"gemeente-leidschendam-voorbrug\"");
    fs::write(desk.path("den-haag.toml"), config).unwrap();
    let (status, _, faults) = desk.rules(&["check"]);
    assert_eq!(status, 2);
    assert!(faults.contains("Bedoelt u “gemeente-leidschendam-voorburg”?"), "{faults}");
}

#[test]
fn words_are_proposed_from_examples_and_nothing_is_changed() {
    let desk = Desk::new();
    let before = fs::read_to_string(desk.path("rules/urgent.toml")).unwrap();
    let story = |id: usize, body: &str, urgent: bool| {
        format!(
            "{{\"id\": \"s{id}\", \"office\": \"den-haag\", \"channel\": \"letter\", \"received\": \"2026-06-01\", \"body\": {body:?}, \"gold\": {{\"urgent\": {urgent}}}}}\n"
        )
    };
    let mut lines = String::new();
    for (id, place) in ["keuken", "gang", "schuur", "kamer"].iter().enumerate() {
        lines += &story(
            id,
            &format!("Ik klaag over de gemeente. In de {place} kraken de zolderbalken en niemand komt."),
            true,
        );
        lines += &story(
            10 + id,
            &format!("Ik klaag over de gemeente. In de {place} kraken de verf en niemand komt."),
            false,
        );
    }
    fs::write(desk.path("spoed.jsonl"), lines).unwrap();
    let (status, said, wrong) = desk.rules(&["suggest", "spoed.jsonl"]);
    assert_eq!(status, 0, "{said}{wrong}");
    for part in [
        "Voorstel 1: “zolderbalken”",
        "+++ b/rules/urgent.toml",
        "urgent: nee → ja  (beter)",
        "Er is niets veranderd.",
    ] {
        assert!(said.contains(part), "{part} not in {said}");
    }
    assert_eq!(fs::read_to_string(desk.path("rules/urgent.toml")).unwrap(), before);
}

/// What staff decided stands in the archive: rules are counted by it, and a change is tried on it before it counts.
#[test]
fn a_change_is_tried_on_what_staff_decided() {
    let desk = Desk::new();
    let bodies = [
        "Ik heb een klacht over de veerpontdienst. De medewerker hing steeds op en niemand belt terug.",
        "Ik klaag over het UWV. Mijn consulent belt niet terug en mijn uitkering komt niet.",
    ];
    let mut files = Vec::new();
    for (at, body) in bodies.iter().enumerate() {
        let file = desk.path(&format!("{at}.eml"));
        let header = format!(
            "From: Jan Jansen <jan{at}@example.nl>\r\nTo: klacht@example.nl\r\nSubject: Klacht\r\nMessage-ID: <{at}@example.nl>\r\n\
             Date: Mon, 1 Jun 2026 1{at}:00:00 +0200\r\nReturn-Path: <jan{at}@example.nl>"
        );
        fs::write(&file, format!("{header}\r\n\r\n{body}\r\n")).unwrap();
        files.push(file.to_str().unwrap().to_owned());
    }
    for file in &files {
        let (status, _, wrong) = desk.bode(&["import", "--no-acknowledge", file]);
        assert_eq!(status, 0, "{wrong}");
    }
    let (ferry, benefit) = ("2026-000001-5", "2026-000002-8");
    for case in [ferry, benefit] {
        let (status, _, wrong) = desk.bode(&[
            "cases",
            "decide",
            case,
            "refer",
            "--to",
            "nationale-ombudsman",
            "--reason",
            "Niet hier.",
        ]);
        assert_eq!(status, 0, "{wrong}");
    }
    let (status, score, wrong) = desk.rules(&["score"]);
    assert_eq!(status, 0, "{wrong}");
    for part in ["2 zaken, 2 met een besluit", "1 keer besliste een medewerker anders", "organisations/uwv"] {
        assert!(score.contains(part), "{part} not in {score}");
    }

    // A body is added: on the archive one case changes, for the better; nothing in the store does.
    copy_dir(&desk.path("rules"), &desk.path("oud"));
    desk.append("organisations.toml", &blocks_of_the_page()[0]);
    let (status, diff, wrong) = desk.rules(&["diff", "--against", "oud"]);
    assert_eq!(status, 0, "{wrong}");
    assert!(diff.contains(ferry) && diff.contains("scope: unclear → out"), "{diff}");
    assert!(!diff.contains(benefit), "{diff}");
    let (_, shown, _) = desk.bode(&["cases", "show", ferry]);
    assert!(shown.contains("unclear"), "{shown}");
    // With the archive alone there is too little to propose from, and that is said.
    let (status, said, wrong) = desk.rules(&["suggest", "archive"]);
    assert_eq!(status, 0, "{wrong}");
    assert!(said.contains("Geen voorstel"), "{said}");
}
