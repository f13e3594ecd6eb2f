//! Each check of `verify`, broken on purpose: it sees that, says which, and is clean again when it is mended.

use crate::index::open_index;
use crate::support::*;
use bode::record::*;
use bode::store::{CheckedLetter, Registered, Store, VerifyReport};
use std::fs;
use std::path::Path;

fn verify(house: &House) -> VerifyReport {
    house.store().verify(noon()).unwrap()
}

/// The one kind of exception that there is, and what it says.
fn only(report: &VerifyReport, kind: ExceptionKind) -> String {
    assert!(report.exceptions.iter().all(|exception| exception.kind == kind), "{:#?}", report.exceptions);
    assert!(!report.exceptions.is_empty(), "{kind:?} was not seen");
    assert!(report.exceptions.iter().all(|exception| !exception.advice.is_empty()));
    report.exceptions[0].to_string()
}

/// Writes keys of the index past the store, as a fault of the disk or of sled would.
fn spoil(house: &mut House, change: impl Fn(&sled::Db)) {
    house.close();
    let db = open_index(&house.path().join("index"));
    change(&db);
    db.flush().unwrap();
    drop(db);
    house.reopen();
    assert_eq!(house.store().opening().rebuilt, None);
}

#[test]
fn an_index_that_says_something_else_is_told() {
    let mut house = House::new();
    let case = house.case("een", "nieuw", send());
    house.assert_clean();
    let key = [&b"c"[..], &case.year.to_be_bytes(), &case.serial.to_be_bytes()].concat();
    spoil(&mut house, |db| {
        let value = String::from_utf8(db.get(&key).unwrap().unwrap().to_vec()).unwrap();
        db.insert(&key, value.replace("nieuw", "spoed").as_bytes()).unwrap();
        db.insert(b"zzz", b"x").unwrap();
    });
    let report = verify(&house);
    assert!(only(&report, ExceptionKind::IndexDiffers).contains("2 plaatsen"), "{report:?}");
    house.close();
    let mut told = Vec::new();
    let entries = Store::rebuild(house.path(), &mut |done, total| told.push((done, total))).unwrap();
    assert_eq!(told.last(), Some(&(entries, entries)));
    house.reopen();
    house.assert_clean();
}

#[test]
fn the_end_of_the_journal_that_goes_while_the_daemon_runs_is_told() {
    let house = House::new();
    let case = house.case("een", "nieuw", send());
    house.store().note(case, "j.jansen", "Gebeld.", noon()).unwrap();
    let whole = fs::read(house.segment()).unwrap();
    cut_last_line(&house.segment());
    let report = verify(&house);
    let kinds: Vec<_> = report.exceptions.iter().map(|exception| exception.kind).collect();
    assert!(kinds.contains(&ExceptionKind::JournalShort), "{report:?}");
    fs::write(house.segment(), whole).unwrap();
    house.assert_clean();
}

#[test]
fn a_segment_that_is_not_there_and_one_too_many_are_told() {
    let mut house = House::new();
    house.case("een", "nieuw", send());
    let journal = house.path().join("journal");
    fs::write(journal.join("kopie van 000000000001.log"), "x").unwrap();
    let told = only(&verify(&house), ExceptionKind::JournalStray);
    assert!(told.contains("kopie van"), "{told}");
    fs::remove_file(journal.join("kopie van 000000000001.log")).unwrap();
    let moved = house.dir.path().join("weg.log");
    fs::rename(house.segment(), &moved).unwrap();
    fs::write(journal.join("000000000009.log"), "").unwrap();
    let report = verify(&house);
    assert!(report.exceptions.iter().any(|e| e.kind == ExceptionKind::JournalBroken), "{report:?}");
    fs::remove_file(journal.join("000000000009.log")).unwrap();
    fs::rename(moved, house.segment()).unwrap();
    house.assert_clean();
    house.reopen();
}

#[test]
fn a_file_that_the_journal_does_not_know_is_told_and_a_leftover_is_counted() {
    let house = House::new();
    let case = house.case("een", "nieuw", send());
    house.store().note(case, "j.jansen", "Gebeld.", noon()).unwrap();
    let dir = folder(&house, house.row(case).records[0]);
    let originals = house.path().join("originals");
    for path in [
        dir.join("brief.docx"),
        dir.join("original.bin"),
        dir.join("notes/lijst.txt"),
        originals.join("los.txt"),
        originals.join("2026/los.txt"),
    ] {
        fs::write(&path, "x").unwrap();
        let report = verify(&house);
        let told = only(&report, ExceptionKind::FileStray);
        assert_eq!(report.exceptions.len(), 1);
        let name = if path.ends_with("original.bin") {
            "original"
        } else {
            path.file_name().unwrap().to_str().unwrap()
        };
        assert!(told.contains(name), "{told}");
        assert!(!report.exceptions[0].what.contains(name), "only the reference names it");
        fs::remove_file(path).unwrap();
    }
    // What a kill leaves between the file and its entry.
    fs::write(dir.join(".card.json.tmp"), "x").unwrap();
    fs::write(dir.join("answer-0123456789abcdef.pdf"), "x").unwrap();
    fs::write(dir.join("notes/0123456789abcdef01234567.json"), "x").unwrap();
    let report = verify(&house);
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.leftovers, 3);
}

#[test]
fn the_lists_of_the_outbox_are_held_against_the_cases() {
    let mut house = House::new();
    let case = house.case("een", "nieuw", send());
    house.assert_clean();
    let due = {
        house.close();
        let db = open_index(&house.path().join("index"));
        let key = db.scan_prefix(b"o").next().unwrap().unwrap().0.to_vec();
        drop(db);
        house.reopen();
        key
    };
    // The index is then another than a fresh fold, and that alone is told of it: the lists are counted in the fold.
    spoil(&mut house, |db| drop(db.insert(&due, &[]).unwrap()));
    only(&verify(&house), ExceptionKind::IndexDiffers);
    assert_eq!(house.store().due_answers(hours(1), 9).unwrap().len(), 0, "the answer would never go out");
    house.reopen_without_index();
    assert_eq!(house.store().due_answers(hours(1), 9).unwrap().len(), 1);
    // With a journal that cannot be read the index is the witness, and its lists are held against its cases.
    spoil(&mut house, |db| drop(db.insert(&due, &[]).unwrap()));
    let whole = fs::read(house.segment()).unwrap();
    fs::write(house.segment(), "geknoei\n").unwrap();
    let report = verify(&house);
    let told = report.exceptions.iter().find(|e| e.kind == ExceptionKind::OutboxBroken).unwrap();
    assert!(told.what.contains(&case.to_string()) && told.what.contains("te verzenden"), "{told:?}");
    fs::write(house.segment(), whole).unwrap();
}

#[test]
fn an_answer_without_a_reason_is_told() {
    let mut house = House::new();
    let case = house.case("een", "nieuw", hold());
    let number = house.row(case).records[0];
    // The reason stands on the card: without it the fold has none, which a purged folder has too.
    let path = folder(&house, number).join("card.json");
    let card = fs::read_to_string(&path).unwrap();
    let without = card.replace("Er zijn al veel antwoorden naar dit adres gegaan.", "");
    fs::write(&path, without).unwrap();
    house.reopen_without_index();
    let report = verify(&house);
    let kinds: std::collections::BTreeSet<_> = report.exceptions.iter().map(|e| e.kind).collect();
    assert!(
        kinds.contains(&ExceptionKind::AnswerWithoutReason) && kinds.contains(&ExceptionKind::FileChanged)
    );
    fs::write(path, card).unwrap();
    house.reopen_without_index();
    house.assert_clean();
}

#[test]
fn a_letter_that_does_not_lie_in_the_print_folder_is_told_until_it_is_printed() {
    let house = House::new();
    let held = Answer::Hold {
        channel: AnswerChannel::Letter,
        to: NAME.into(),
        template: "ontvangst".into(),
        language: "nl".into(),
        reason: format!("{CHECK_ADDRESS}het is niet zeker gelezen."),
    };
    let number = house.store().register(&[letter("een")], noon()).unwrap()[0].number();
    house.store().keep_extract(number, &extract("een"), noon()).unwrap();
    let case = house.store().next_case_number(2026).unwrap();
    house.store().commit(number, new_case(case, "nieuw", held), noon()).unwrap();
    let checked = CheckedLetter { lines: vec![NAME.into()], pdf: b"%PDF-1.7".to_vec(), still_held: None };
    house.store().check_letter(case, "j.jansen", &checked, noon()).unwrap();
    let print = house.dir.path().join("print");
    let look = |print: &Path| house.store().verify_with(Some(print), noon()).unwrap();
    assert!(look(&print).is_clean(), "it waits");
    house.store().answer_attempted(case, noon()).unwrap();
    house.store().answer_sent(case, noon()).unwrap();
    let told = only(&look(&print), ExceptionKind::LetterNotLaid);
    assert!(told.contains(&case.to_string()), "{told}");
    // Laid before midnight, noted after it.
    fs::create_dir_all(print.join("2026-03-01")).unwrap();
    fs::write(print.join(format!("2026-03-01/{case}.pdf")), "%PDF-1.7").unwrap();
    assert!(look(&print).is_clean());
    fs::remove_dir_all(&print).unwrap();
    house.store().letters_printed(&[case], "p.post", noon()).unwrap();
    assert!(look(&print).is_clean(), "what was printed may go");
}

#[test]
fn rules_that_were_not_kept_are_told() {
    let house = House::new();
    house.case("een", "nieuw", send());
    let rules = house.path().join("rules").join(RULES_VERSION);
    let away = house.dir.path().join("away");
    fs::rename(&rules, &away).unwrap();
    let told = only(&verify(&house), ExceptionKind::RulesMissing);
    assert!(told.contains(RULES_VERSION), "{told}");
    fs::create_dir(&rules).unwrap();
    only(&verify(&house), ExceptionKind::RulesMissing);
    fs::remove_dir(&rules).unwrap();
    fs::rename(away, rules).unwrap();
    house.assert_clean();
}

#[test]
fn changes_go_on_while_it_is_proved() {
    let house = House::new();
    let cases: Vec<CaseNumber> = (0..10).map(|n| house.case(&n.to_string(), "nieuw", send())).collect();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0u32;
            while !done.load(std::sync::atomic::Ordering::Relaxed) || written < 20 {
                let case = cases[written as usize % cases.len()];
                house.store().note(case, "j.jansen", "Gebeld.", noon()).unwrap();
                let mark = format!("meer {written}");
                assert!(matches!(
                    house.store().register(&[arrival(&mark)], noon()).unwrap()[0],
                    Registered::New(_)
                ));
                written += 1;
            }
        });
        for _ in 0..10 {
            let report = verify(&house);
            assert!(report.is_clean(), "{:#?}", report.exceptions);
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        writer.join().unwrap();
    });
    house.assert_clean();
}

#[test]
fn a_proof_is_kept_in_counts_and_due_once_a_day() {
    let mut house = House::new();
    house.case("een", "nieuw", send());
    let day = office_date(noon());
    assert!(house.store().proof_is_due(day).unwrap());
    let mut report = verify(&house);
    report.tell(Exception::new(ExceptionKind::FileStray, "iets").at(NAME));
    house.store().note_proof(report.note(), noon()).unwrap();
    assert!(!house.store().proof_is_due(day).unwrap());
    assert!(house.store().proof_is_due(office_date(hours(24))).unwrap());
    house.store().note_proof(verify(&house).note(), hours(1)).unwrap();
    house.store().note_proof(verify(&house).note(), hours(24)).unwrap();
    assert!(!house.journal().contains(NAME) && house.journal().contains("file-stray"));
    for _ in 0..2 {
        let proofs = house.store().proofs(9).unwrap();
        assert_eq!(proofs.iter().map(|row| row.at).collect::<Vec<_>>(), [hours(24), hours(1)]);
        assert!(proofs[0].note.is_clean());
        house.reopen_without_index();
    }
    house.assert_clean();
}
