//! Restart states R0 to R5: the store is dropped after each step, and goes on from what is on disk.

use crate::support::*;
use bode::record::*;
use bode::store::{CaseFilter, Registered, Store, StoreError};
use std::fs;

#[test]
fn r0_a_folder_without_entry_goes_and_the_source_brings_the_piece_again() {
    let mut house = House::new();
    let first = house.take("een");
    // As a kill after the files and before the journal entry leaves it.
    let number = house.take("twee");
    house.close();
    fs::rename(folder(&house, number), house.path().join("originals/new").join(number.to_string())).unwrap();
    cut_last_line(&house.segment());
    house.reopen();
    assert_eq!(house.store().opening().removed, 1);
    assert!(house.store().opening().rebuilt.is_some(), "the index knew an entry that the journal has not");
    assert_eq!(house.store().unfinished().unwrap(), [first]);
    assert_eq!(house.take("twee"), number, "the number had been told to nobody");
    house.assert_clean();
}

#[test]
fn r0_half_a_folder_goes() {
    let mut house = House::new();
    house.close();
    let half = house.path().join("originals/new/R2026-000001");
    fs::create_dir(&half).unwrap();
    fs::write(half.join("original.eml"), b"From: ").unwrap();
    house.reopen();
    assert!(!half.exists());
    assert_eq!(house.take("een").to_string(), "R2026-000001");
    house.assert_clean();
}

#[test]
fn r1_a_registered_folder_is_moved_into_place() {
    let mut house = House::new();
    let number = house.take("een");
    house.close();
    let waiting = house.path().join("originals/new").join(number.to_string());
    fs::rename(folder(&house, number), &waiting).unwrap();
    // A reader beside the daemon finds it there too.
    let reader = Store::open_read_only(house.path()).unwrap();
    assert_eq!(reader.original(number).unwrap(), arrival("een").bytes);
    house.reopen();
    assert_eq!(house.store().opening().completed, 1);
    assert!(!waiting.exists());
    assert_eq!(house.store().unfinished().unwrap(), [number]);
    assert_eq!(house.store().record(number).unwrap().name, arrival("een").name);
    house.assert_clean();
}

#[test]
fn r1_the_same_bytes_are_one_record_and_are_counted() {
    let mut house = House::new();
    let batch = [arrival("een"), letter("brief"), arrival("een")];
    let registered = house.store().register(&batch, noon()).unwrap();
    let numbers: Vec<_> = registered.iter().map(Registered::number).collect();
    assert_eq!(numbers[0], numbers[2]);
    assert!(matches!(registered[2], Registered::Known(_)));
    house.reopen();
    assert_eq!(house.store().register(&batch[1..2], noon()).unwrap(), [Registered::Known(numbers[1])]);
    assert!(folder(&house, numbers[1]).join("original.pdf").exists());
    let report = house.store().verify(noon()).unwrap();
    assert_eq!((report.pieces, report.duplicates, report.in_work), (2, 2, 2));
    assert_eq!(report.summary(), "stukken 2 = zaken 0 + terzijde 0 + in behandeling 2; ontbreekt 0");
}

#[test]
fn r2_an_extract_is_kept_over_a_restart_and_a_torn_one_is_read_again() {
    let mut house = House::new();
    let number = house.take("een");
    assert_eq!(house.store().extract(number).unwrap(), None);
    house.store().keep_extract(number, &extract("een"), noon()).unwrap();
    house.reopen();
    assert_eq!(house.store().unfinished().unwrap(), [number]);
    assert_eq!(house.store().extract(number).unwrap(), Some(extract("een")));
    fs::write(folder(&house, number).join("extract.json"), b"{\"docu").unwrap();
    assert_eq!(house.store().extract(number).unwrap(), None);
    house.assert_clean();
}

#[test]
fn r3_before_the_entry_there_is_no_case_and_the_number_is_free() {
    let mut house = House::new();
    let number = house.take("een");
    house.store().keep_extract(number, &extract("een"), noon()).unwrap();
    let case = house.store().next_case_number(2026).unwrap();
    house.store().commit(number, new_case(case, "nieuw", send()), noon()).unwrap();
    // As a kill after the files and before the entry leaves it.
    house.close();
    cut_last_line(&house.segment());
    house.reopen();
    assert_eq!(house.store().unfinished().unwrap(), [number]);
    assert_eq!(house.store().case(case).unwrap(), None);
    assert_eq!(house.store().judgement(number).unwrap(), None);
    assert_eq!(house.store().due_answers(hours(1), 10).unwrap(), []);
    assert_eq!(house.store().next_case_number(2026).unwrap(), case);
    house.store().commit(number, new_case(case, "spoed", send()), noon()).unwrap();
    assert_eq!(house.row(case).queue, "spoed");
    house.assert_clean();
}

#[test]
fn r3_case_queue_and_outbox_come_in_one() {
    let mut house = House::new();
    let case = house.case("een", "nieuw", send());
    house.reopen();
    let row = house.row(case);
    assert_eq!((row.queue.as_str(), row.status), ("nieuw", CaseStatus::Open));
    assert_eq!((row.writer.as_deref(), row.subject.as_deref()), (Some(NAME), Some(SUBJECT)));
    assert_eq!(row.due, Some("2026-03-09".parse().unwrap()));
    assert_eq!(row.judgement.defects, 1);
    let due = house.store().due_answers(noon(), 10).unwrap();
    assert_eq!(due.len(), 1);
    let bytes = house.store().answer(due[0].record).unwrap().unwrap();
    assert!(String::from_utf8(bytes).unwrap().contains(&case.to_string()));
    assert_eq!(house.store().case_of_msg_id("een@voorbeeld.example.nl").unwrap(), Some(case));
    assert_eq!(house.store().case_of_msg_id(&format!("zaak-{case}@klacht.example.nl")).unwrap(), Some(case));
    assert_eq!(house.store().case_of_msg_id("ander@example.nl").unwrap(), None);
    assert!(house.store().judgement(due[0].record).unwrap().is_some());
    house.assert_clean();
}

#[test]
fn r3_a_piece_is_judged_once() {
    let house = House::new();
    let case = house.case("een", "nieuw", send());
    let number = house.row(case).records[0];
    let again = house.store().commit(number, new_case(case, "nieuw", send()), noon());
    assert!(matches!(again, Err(StoreError::State { .. })), "{again:?}");
    let late = house.store().keep_extract(number, &extract("x"), noon());
    assert!(matches!(late, Err(StoreError::State { .. })), "{late:?}");
    let other = house.take("twee");
    let taken = house.store().commit(other, new_case(case, "nieuw", send()), noon());
    assert!(matches!(taken, Err(StoreError::State { .. })), "{taken:?}");
    house.store().commit(other, aside(), noon()).unwrap();
    assert_eq!(house.store().aside(0, 10).unwrap().rows[0].record, other);
    house.assert_clean();
}

#[test]
fn r4_an_answer_cut_off_after_the_250_is_sent_again_with_the_same_bytes() {
    let mut house = House::new();
    let case = house.case("een", "nieuw", send());
    let before = house.store().answer(house.row(case).records[0]).unwrap();
    house.store().answer_attempted(case, noon()).unwrap();
    house.reopen();
    let due = house.store().due_answers(noon(), 10).unwrap();
    assert!(matches!(due[0].state, AnswerState::Waiting { attempts: 1, .. }));
    assert_eq!(house.store().answer(due[0].record).unwrap(), before);
    house.store().answer_sent(case, hours(1)).unwrap();
    house.reopen();
    assert_eq!(house.store().due_answers(hours(9), 10).unwrap(), []);
    assert_eq!(house.state(case), AnswerState::Sent { at: hours(1), attempts: 1 });
    house.assert_clean();
}

#[test]
fn r5_a_decision_stands_after_a_restart_and_a_rebuild() {
    let mut house = House::new();
    let case = house.case("een", "nieuw", withhold());
    house.store().decide(case, None, decision(Verdict::NotAComplaint, "Een vraag."), hours(2)).unwrap();
    let row = house.row(case);
    assert_eq!((row.status, row.due), (CaseStatus::Closed, None));
    house.reopen();
    assert_eq!(house.row(case), row);
    house.reopen_without_index();
    assert_eq!(house.row(case), row);
    assert_eq!(house.store().opening().rebuilt.as_deref(), Some("it was not there"));
    house.assert_clean();
}

#[test]
fn a_backlog_from_many_threads_is_all_there() {
    let mut house = House::new();
    let store = house.store();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for batch in 0..5 {
                    let arrivals: Vec<_> =
                        (0..5).map(|i| arrival(&format!("{thread}-{batch}-{i}"))).collect();
                    for registered in store.register(&arrivals, noon()).unwrap() {
                        let case = store.next_case_number(2026).unwrap();
                        store.commit(registered.number(), new_case(case, "nieuw", send()), noon()).unwrap();
                    }
                }
            });
        }
    });
    let page = store.cases(&CaseFilter::default()).unwrap();
    assert_eq!((page.total, page.rows.len()), (100, 50));
    house.assert_clean();
    let before = house.all_answers();
    house.reopen_without_index();
    assert_eq!(house.all_answers(), before);
}
