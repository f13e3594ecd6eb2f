//! The outbox: what is due, what became of each answer, and the counts behind the caps and the breaker.

use crate::support::*;
use bode::record::*;
use bode::register::{Taken, register};
use bode::store::{DAEMON, StoreError};

#[test]
fn due_deferred_failed_and_released() {
    let mut house = House::new();
    let case = house.case("een", "nieuw", send());
    let store = house.store();
    assert_eq!(store.due_answers(noon(), 0).unwrap(), []);
    assert_eq!(store.next_answer_due().unwrap(), Some(noon()));
    store.answer_attempted(case, noon()).unwrap();
    store.answer_deferred(case, hours(1), "451 geertje@voorbeeld.example.nl: later", noon()).unwrap();
    assert_eq!(store.due_answers(noon(), 9).unwrap(), []);
    assert_eq!(store.next_answer_due().unwrap(), Some(hours(1)));
    let reply = Some("451 geertje@voorbeeld.example.nl: later".to_owned());
    assert_eq!(house.state(case), AnswerState::Waiting { next: hours(1), attempts: 1, last_reply: reply });
    assert_eq!(store.due_answers(hours(1), 9).unwrap().len(), 1);
    store.answer_failed(case, "550 no such user", hours(1)).unwrap();
    assert_eq!(store.due_answers(hours(9), 9).unwrap(), []);
    assert!(matches!(store.answer_attempted(case, hours(2)), Err(StoreError::State { .. })));
    store.release_answer(case, "j.jansen", hours(3)).unwrap();
    assert_eq!(store.due_answers(hours(3), 9).unwrap().len(), 1);
    store.answer_sent(case, hours(3)).unwrap();
    store.answer_sent(case, hours(4)).unwrap();
    assert_eq!(house.state(case), AnswerState::Sent { at: hours(3), attempts: 1 });
    let late = house.store().withhold_answer(case, "j.jansen", "te laat", hours(5));
    assert!(matches!(late, Err(StoreError::State { .. })));
    house.assert_clean();
    let before = house.all_answers();
    house.reopen_without_index();
    assert_eq!(house.all_answers(), before);
}

#[test]
fn the_longest_waiting_goes_first() {
    let house = House::new();
    let cases: Vec<_> = ["a", "b", "c"].map(|mark| house.case(mark, "nieuw", send())).into();
    house.store().answer_deferred(cases[0], hours(2), "later", noon()).unwrap();
    house.store().answer_deferred(cases[1], hours(1), "later", noon()).unwrap();
    let due: Vec<_> =
        house.store().due_answers(hours(2), 2).unwrap().iter().map(|entry| entry.case).collect();
    assert_eq!(due, [cases[2], cases[1]]);
}

/// Found by torture: the clock was a day ahead when the answer was made, and a citizen would have waited that day.
#[test]
fn an_answer_made_by_a_clock_that_was_ahead_goes_at_once() {
    let house = House::new();
    let case = house.case("een", "nieuw", send());
    let (store, earlier) = (house.store(), hours(-20));
    assert_eq!(store.due_answers(earlier, 9).unwrap().len(), 1);
    store.answer_attempted(case, noon()).unwrap();
    store.answer_deferred(case, hours(1), "451 later", noon()).unwrap();
    assert_eq!(store.due_answers(noon(), 9).unwrap(), [], "put off is put off");
    assert_eq!(store.due_answers(earlier, 9).unwrap().len(), 1, "nobody puts off for so long");
}

#[test]
fn a_held_answer_waits_for_a_person() {
    let house = House::new();
    let (a, b) = (house.case("a", "nieuw", hold()), house.case("b", "nieuw", hold()));
    let store = house.store();
    assert_eq!(store.due_answers(hours(9), 9).unwrap(), []);
    assert!(matches!(house.state(a), AnswerState::Held { .. }));
    assert_eq!(store.answers_since(None, noon()).unwrap(), 0, "held does not count");
    store.release_answer(a, "j.jansen", hours(1)).unwrap();
    store.withhold_answer(b, "j.jansen", "Mevrouw is al gebeld.", hours(1)).unwrap();
    assert_eq!(store.due_answers(hours(1), 9).unwrap().len(), 1);
    assert_eq!(house.state(b), AnswerState::Withheld { reason: "Mevrouw is al gebeld.".into() });
    assert_eq!(store.answers_since(None, noon()).unwrap(), 1);
    assert!(matches!(store.release_answer(b, "j.jansen", hours(2)), Err(StoreError::State { .. })));
    house.assert_clean();
}

#[test]
fn answers_are_counted_by_address_and_in_all_from_their_commit() {
    let house = House::new();
    for mark in ["a", "b", "c"] {
        house.case(mark, "nieuw", send());
    }
    house.case("d", "nieuw", withhold());
    let count = |address: Option<&str>, since| house.store().answers_since(address, since).unwrap();
    assert_eq!(count(None, noon()), 3);
    assert_eq!(count(None, hours(-1)), 3);
    assert_eq!(count(None, hours(1)), 0);
    assert_eq!(count(Some(" Geertje@Voorbeeld.example.NL"), noon()), 3);
    assert_eq!(count(Some("ander@example.nl"), noon()), 0);
}

#[test]
fn no_second_acknowledgement_for_one_case() {
    let house = House::new();
    let case = house.case("a", "nieuw", send());
    house.store().answer_sent(case, hours(1)).unwrap();
    let second = house.take("b");
    house.store().commit(second, joins(case, send()), hours(2)).unwrap();
    assert_eq!(house.store().due_answers(hours(9), 9).unwrap(), []);
    assert_eq!(house.row(case).records.len(), 2);
    // Where the first piece got none (a machine's copy), the first human one does.
    let silent = house.case("c", "nieuw", withhold());
    let human = house.take("d");
    house.store().commit(human, joins(silent, send()), hours(2)).unwrap();
    let due = house.store().due_answers(hours(9), 9).unwrap();
    assert_eq!((due.len(), due[0].record), (1, human));
    house.assert_clean();
}

#[test]
fn an_answer_that_may_go_out_has_bytes() {
    let house = House::new();
    let number = house.take("een");
    let case = house.store().next_case_number(2026).unwrap();
    let mut outcome = new_case(case, "nieuw", send());
    if let bode::store::Outcome::NewCase { answer_bytes, .. } = &mut outcome {
        *answer_bytes = None;
    }
    assert!(matches!(house.store().commit(number, outcome, noon()), Err(StoreError::State { .. })));
    house.assert_clean();
}

#[test]
fn empty_and_oversized_pieces_are_refused_with_a_reason() {
    let house = House::new();
    let empty = Arrival { bytes: Vec::new(), ..letter("leeg") };
    let huge = Arrival { bytes: vec![b'x'; 100 * 1024 * 1024 + 1], ..letter("groot") };
    let taken = register(house.store(), vec![empty, arrival("een"), huge, arrival("een")], noon()).unwrap();
    assert!(matches!(&taken[0], Taken::Refused { reason } if reason.contains("leeg")));
    assert!(matches!(&taken[1], Taken::New(_)));
    assert!(matches!(&taken[2], Taken::Refused { reason } if reason.contains("te groot")));
    assert!(matches!(&taken[3], Taken::Known(_)));
}

#[test]
fn a_digest_goes_out_once_a_day() {
    let mut house = House::new();
    let day = |text: &str| text.parse::<jiff::civil::Date>().unwrap();
    let (monday, tuesday) = (day("2026-03-02"), day("2026-03-03"));
    let note = |house: &House, day, step| house.store().note_digest(day, step, noon());
    assert!(house.store().digest_is_due(monday).unwrap());
    assert!(note(&house, monday, DigestStep::Sent).is_err(), "no attempt was made");
    note(&house, monday, DigestStep::Attempted).unwrap();
    // Killed while it was handed over: nobody knows, so it is not sent again that day.
    house.reopen_without_index();
    assert!(!house.store().digest_is_due(monday).unwrap());
    assert!(matches!(note(&house, monday, DigestStep::Attempted), Err(StoreError::State { .. })));
    // The server did not take it: again. Sent: not again, nor that of a day before when the clock is set back.
    note(&house, tuesday, DigestStep::Attempted).unwrap();
    note(&house, tuesday, DigestStep::Deferred).unwrap();
    note(&house, tuesday, DigestStep::Attempted).unwrap();
    note(&house, tuesday, DigestStep::Sent).unwrap();
    assert!(!house.store().digest_is_due(tuesday).unwrap() && !house.store().digest_is_due(monday).unwrap());
    house.case("a", "nieuw", send());
    let ledger = house.store().ledger().unwrap();
    assert_eq!((ledger.pieces, ledger.in_cases, ledger.adds_up()), (1, 1, true));
    house.assert_clean();
}

#[test]
fn the_breaker_stays_open_over_a_restart_and_a_rebuild() {
    let mut house = House::new();
    assert_eq!(house.store().breaker().unwrap(), None);
    assert!(house.store().open_breaker(200, DAEMON, noon()).unwrap());
    assert!(!house.store().open_breaker(201, DAEMON, hours(1)).unwrap(), "it is open already");
    house.case("een", "nieuw", hold());
    house.case("twee", "nieuw", send());
    let row = house.store().breaker().unwrap().unwrap();
    assert_eq!((row.since, row.answers, row.held), (noon(), 200, 1));
    house.reopen_without_index();
    assert_eq!(house.store().breaker().unwrap(), Some(row));
    assert!(house.store().close_breaker("n.noor", hours(3)).unwrap());
    assert!(!house.store().close_breaker("n.noor", hours(4)).unwrap(), "it is closed already");
    house.reopen_without_index();
    assert_eq!(house.store().breaker().unwrap(), None);
    assert_eq!(house.store().breaker_closed_at().unwrap(), Some(hours(3)));
    house.assert_clean();
}
