//! Stores of former versions: each is opened by the program of now, gives the answers that it gave then, and is whole.
//!
//! `tests/fixtures/stores/<version>/` holds a store as that version wrote it (`store.zip`) and its answers. `BODE_BLESS=1`
//! writes that of the version in `Cargo.toml` when it is not there yet; one that is there is never written again.

mod daemon;
mod servers;
#[path = "store/support.rs"]
#[allow(dead_code, reason = "the tests of the store use the rest")]
mod support;

use bode::record::*;
use bode::store::{CheckedLetter, Outcome, Registered, Store};
use daemon::OfficeDir;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use support::*;

const FIXTURES: &str = "tests/fixtures/stores";

#[test]
fn stores_of_former_versions_open_with_the_same_answers() {
    let here = PathBuf::from(FIXTURES).join(env!("CARGO_PKG_VERSION"));
    if std::env::var_os("BODE_BLESS").is_some() && !here.exists() {
        bless(&here);
    }
    let mut versions: Vec<PathBuf> =
        fs::read_dir(FIXTURES).unwrap().map(|entry| entry.unwrap().path()).collect();
    versions.sort();
    assert!(!versions.is_empty());
    for version in versions {
        // As it was when that program stopped; then without its index; then as the second time.
        for without_index in [false, true] {
            let office = office();
            unpack(&version.join("store.zip"), &office.store());
            if without_index {
                fs::remove_dir_all(office.store().join("index")).unwrap();
            }
            for _ in 0..2 {
                let told: Value =
                    serde_json::from_slice(&fs::read(version.join("answers.json")).unwrap()).unwrap();
                let now = answers(&office);
                holds(&told, &now, &version.display().to_string());
                // It is a store to go on with.
                drop(Store::open(office.store()).unwrap());
            }
        }
    }
}

fn office() -> OfficeDir {
    let office = OfficeDir::den_haag("[maildir]\ndir = \"post\"\n");
    for folder in ["new", "cur", "tmp"] {
        fs::create_dir_all(office.dir.path().join("post").join(folder)).unwrap();
    }
    office
}

/// What a person can ask of it.
fn answers(office: &OfficeDir) -> Value {
    let json = |arguments: &[&str]| -> Value { serde_json::from_str(&office.told(arguments)).unwrap() };
    let list = json(&["cases", "list", "--json"]);
    let shown: Vec<Value> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|case| json(&["cases", "show", case["number"].as_str().unwrap(), "--json"]))
        .collect();
    let output = office.bode(&["verify", "--json"]);
    let mut verify: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(verify["exceptions"], json!([]), "{verify:#}");
    assert!(output.status.success());
    // What was counted of the store, without what a later version counts beside it.
    let counted =
        ["pieces", "in_cases", "aside", "runs", "in_work", "missing", "duplicates", "cases", "answers"];
    verify = counted.iter().map(|name| ((*name).to_owned(), verify[*name].clone())).collect();
    json!({"list": list, "shown": shown, "verify": verify})
}

/// All that was told then is told now; a later version may tell more.
fn holds(then: &Value, now: &Value, place: &str) {
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => {
            for (key, value) in then {
                holds(value, now.get(key).unwrap_or(&Value::Null), &format!("{place}.{key}"));
            }
        }
        (Value::Array(then), Value::Array(now)) => {
            assert_eq!(then.len(), now.len(), "{place}: {then:?}\nnow {now:?}");
            for (index, (then, now)) in then.iter().zip(now).enumerate() {
                holds(then, now, &format!("{place}[{index}]"));
            }
        }
        _ => assert_eq!(then, now, "{place}"),
    }
}

fn bless(place: &Path) {
    let office = office();
    let store = Store::open(office.store()).unwrap();
    store.founded_at(noon()).unwrap();
    keep_rules(&store);
    fill(&store);
    drop(store);
    let day = office.store().join("print/2026-03-02");
    fs::create_dir_all(&day).unwrap();
    for entry in fs::read_dir(office.store().join("originals/2026")).unwrap() {
        let folder = entry.unwrap().path();
        for name in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if name.file_name().unwrap().to_str().unwrap().starts_with("answer-") {
                fs::copy(&name, day.join(format!("{}.pdf", CaseNumber::new(2026, 4)))).unwrap();
            }
        }
    }
    fs::create_dir_all(place).unwrap();
    fs::write(place.join("store.zip"), packed(&office.store())).unwrap();
    let told = serde_json::to_string_pretty(&answers(&office)).unwrap();
    fs::write(place.join("answers.json"), told + "\n").unwrap();
}

/// A store with every kind of entry that this version knows.
fn fill(store: &Store) {
    let take = |arrivals: &[Arrival]| -> Vec<RegistrationNumber> {
        store.register(arrivals, noon()).unwrap().iter().map(Registered::number).collect()
    };
    let opened = |arrival: &Arrival, mark: &str, queue: &str, answer: Answer| -> CaseNumber {
        let number = take(std::slice::from_ref(arrival))[0];
        store.keep_extract(number, &extract(mark), noon()).unwrap();
        let case = store.next_case_number(2026).unwrap();
        store.commit(number, new_case(case, queue, answer), noon()).unwrap();
        case
    };
    let from_mailbox = |mark: &str, uid: u32| Arrival {
        origin: Origin::Imap {
            account: "klacht@ombudsman.example.nl".into(),
            folder: "INBOX".into(),
            uid_validity: 7,
            uid,
        },
        ..arrival(mark)
    };
    // Answered at the second attempt, decided, noted, assigned; the same bytes came again; a follow-up; a bounce.
    let first = opened(&from_mailbox("een", 1), "een", "nieuw", send());
    store.answer_attempted(first, noon()).unwrap();
    store.answer_deferred(first, hours(1), "451 later", noon()).unwrap();
    store.answer_attempted(first, hours(1)).unwrap();
    store.answer_sent(first, hours(1)).unwrap();
    store.note(first, "j.jansen", "Gebeld.", hours(2)).unwrap();
    store.assign(first, None, "j.jansen", Some("j.jansen"), hours(2)).unwrap();
    store.decide(first, None, decision(Verdict::TakeUp, "Gaat over het stadsloket."), hours(3)).unwrap();
    assert!(matches!(store.register(&[from_mailbox("een", 2)], hours(3)).unwrap()[0], Registered::Known(_)));
    let follow_up = take(&[from_mailbox("vervolg", 3)])[0];
    store.keep_extract(follow_up, &extract("vervolg"), hours(4)).unwrap();
    store.commit(follow_up, joins(first, withhold()), hours(4)).unwrap();
    let bounce = take(&[from_mailbox("bounce", 4)])[0];
    store.keep_extract(bounce, &extract("bounce"), hours(5)).unwrap();
    let why = "De mailserver zegt dat ons antwoord niet is aangekomen.".to_owned();
    let came_back =
        Outcome::CameBack { case: first, judgement: judgement("nieuw"), what: ComeBack::Undelivered, why };
    store.commit(bounce, came_back, hours(5)).unwrap();
    // Failed, released and sent; held and withheld by a person; withheld by the gate; joined to another.
    let second = opened(&from_mailbox("twee", 5), "twee", "spoed", send());
    store.answer_attempted(second, noon()).unwrap();
    store.answer_failed(second, "550 onbekend", noon()).unwrap();
    store.release_answer(second, "j.jansen", hours(1)).unwrap();
    store.answer_attempted(second, hours(1)).unwrap();
    store.answer_sent(second, hours(1)).unwrap();
    store.decide(second, None, decision(Verdict::NotAComplaint, "Een vraag."), hours(2)).unwrap();
    let third = opened(&from_mailbox("drie", 6), "drie", "nieuw", hold());
    store.withhold_answer(third, "j.jansen", "Al gebeld.", hours(2)).unwrap();
    store.join_cases(third, None, second, "j.jansen", hours(3)).unwrap();
    // A letter from the scan folder, whose address a person checked; printed, and once more.
    let scan = Arrival { origin: Origin::Scan { file: "vier.pdf".into() }, ..letter("vier") };
    let on_paper = |answer: Answer| match answer {
        Answer::Hold { to, template, language, reason, .. } => {
            Answer::Hold { channel: AnswerChannel::Letter, to, template, language, reason }
        }
        other => other,
    };
    let fourth = opened(&scan, "vier", "nieuw", on_paper(hold()));
    assert_eq!(fourth, CaseNumber::new(2026, 4));
    let checked = CheckedLetter {
        lines: vec!["G. Voorbeeld".into(), "Voorbeeldstraat 1".into(), "7411 AA Deventer".into()],
        pdf: b"%PDF-1.7 antwoord".to_vec(),
        still_held: None,
    };
    store.check_letter(fourth, "j.jansen", &checked, hours(1)).unwrap();
    store.answer_attempted(fourth, hours(1)).unwrap();
    store.answer_sent(fourth, hours(1)).unwrap();
    store.letters_printed(&[fourth], "p.post", hours(2)).unwrap();
    store.letter_again(fourth, "p.post", hours(3)).unwrap();
    // Set aside: a machine's message, and a stack that was divided into two letters.
    let spam = take(&[from_mailbox("automatisch", 7)])[0];
    store.keep_extract(spam, &extract("automatisch"), noon()).unwrap();
    store.commit(spam, aside(), noon()).unwrap();
    let run = take(&[Arrival { origin: Origin::Scan { file: "stapel.pdf".into() }, ..letter("stapel") }])[0];
    let part = |part: u32| Arrival {
        origin: Origin::Run { of: run, part, notes: Vec::new() },
        ..letter(&format!("stapel {part}"))
    };
    let letters = take(&[part(1), part(2)]);
    let divided = Divided { letters: letters.clone(), sheets: 2, pages: 6, ..Divided::default() };
    store.divide(run, divided, noon()).unwrap();
    for (letter, mark) in letters.iter().zip(["vijf", "zes"]) {
        store.keep_extract(*letter, &extract(mark), noon()).unwrap();
        let case = store.next_case_number(2026).unwrap();
        store.commit(*letter, new_case(case, "nieuw", withhold()), noon()).unwrap();
    }
    store.pause_sending(true, "j.jansen", hours(5)).unwrap();
    store.pause_sending(false, "j.jansen", hours(6)).unwrap();
    store.open_breaker(200, "bode", hours(6)).unwrap();
    store.close_breaker("j.jansen", hours(7)).unwrap();
    let day = "2026-03-02".parse().unwrap();
    store.note_digest(day, DigestStep::Attempted, hours(7)).unwrap();
    store.note_digest(day, DigestStep::Sent, hours(7)).unwrap();
    // Registered and not yet judged: the next version goes on with it.
    let in_work = take(&[from_mailbox("in behandeling", 8)])[0];
    store.keep_extract(in_work, &extract("in behandeling"), hours(7)).unwrap();
}

/// All files of a directory, in order, at a fixed time.
fn packed(dir: &Path) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut todo = vec![dir.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = todo.pop() {
        for path in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() { todo.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    for path in files {
        let name = path.strip_prefix(dir).unwrap().to_str().unwrap();
        if name == "lock" {
            continue;
        }
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(&fs::read(&path).unwrap()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn unpack(zip: &Path, dir: &Path) {
    let mut archive = zip::ZipArchive::new(fs::File::open(zip).unwrap()).unwrap();
    // Folders that were empty when it was packed.
    for folder in ["originals/new", "index/snap_dir"] {
        fs::create_dir_all(dir.join(folder)).unwrap();
    }
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let path = dir.join(file.name().unwrap().as_ref());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
