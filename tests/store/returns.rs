//! Machines' messages about our answers: laid with the case, which stays as it is but for its answer.

use crate::support::*;
use bode::record::*;
use bode::store::{CaseFilter, Outcome};
use jiff::Timestamp;

const WHY: &str = "De mailserver meldt dat ons antwoord niet is aangekomen (code 5.1.1).";

/// Takes in a machine's message and lays it with a case.
fn lay(house: &House, mark: &str, case: CaseNumber, what: ComeBack, now: Timestamp) -> RegistrationNumber {
    let number = house.take(mark);
    house.store().keep_extract(number, &extract(mark), now).unwrap();
    let mut judgement = judgement("nieuw");
    judgement.urgent = true;
    house.store().commit(number, Outcome::CameBack { case, judgement, what, why: WHY.into() }, now).unwrap();
    number
}

fn sent(house: &House, mark: &str) -> CaseNumber {
    let case = house.case(mark, "nieuw", send());
    house.store().answer_attempted(case, noon()).unwrap();
    house.store().answer_sent(case, hours(1)).unwrap();
    case
}

fn undelivered(house: &House) -> Vec<CaseNumber> {
    let filter = CaseFilter { undelivered: true, ..CaseFilter::default() };
    house.store().cases(&filter).unwrap().rows.iter().map(|row| row.number).collect()
}

#[test]
fn an_answer_that_came_back_is_work_until_a_person_did_it() {
    let mut house = House::new();
    let (case, other) = (sent(&house, "a"), sent(&house, "b"));
    // Closed by a person: stays closed, and is among those to mend all the same.
    house.store().decide(case, None, decision(Verdict::Signal, "x"), hours(2)).unwrap();
    let decided = house.row(case);
    let piece = lay(&house, "bounce", case, ComeBack::Undelivered, hours(3));
    assert_eq!(
        house.state(case),
        AnswerState::Failed { at: hours(3), reply: WHY.into(), came_back: Some(piece) }
    );
    let row = house.row(case);
    assert_eq!(
        (row.status, &row.queue, &row.decision),
        (CaseStatus::Closed, &decided.queue, &decided.decision)
    );
    assert!(!row.judgement.urgent, "a machine makes nothing urgent");
    assert_eq!(row.records.last(), Some(&piece));
    assert_eq!(undelivered(&house), [case]);
    assert_eq!(house.store().undelivered().unwrap(), 1);
    let history = house.store().history(case).unwrap();
    let line =
        history.iter().find(|line| line.what.contains("Awb 2:11")).expect("the task stands in the history");
    assert_eq!(line.note.as_deref(), Some(WHY));
    assert!(!house.journal().contains(ADDRESS) && !house.journal().contains("5.1.1"));
    house.assert_clean();
    let before = house.all_answers();
    house.reopen_without_index();
    assert_eq!((house.all_answers(), undelivered(&house)), (before, vec![case]));

    // Sent once more, and arrived; the other was done by telephone.
    house.store().release_answer(case, "j.jansen", hours(4)).unwrap();
    assert!(undelivered(&house).is_empty());
    house.store().answer_sent(case, hours(5)).unwrap();
    assert_eq!(house.state(case), AnswerState::Sent { at: hours(5), attempts: 1 });
    lay(&house, "bounce b", other, ComeBack::Undelivered, hours(6));
    house.store().withhold_answer(other, "j.jansen", "Gebeld.", hours(7)).unwrap();
    assert!(undelivered(&house).is_empty());
    house.assert_clean();
}

#[test]
fn other_messages_of_machines_change_nothing() {
    let house = House::new();
    let case = sent(&house, "a");
    let before = house.row(case);
    for (mark, what) in [("c", ComeBack::Delayed), ("d", ComeBack::Reply), ("e", ComeBack::Notice)] {
        lay(&house, mark, case, what, hours(2));
    }
    let after = house.row(case);
    assert_eq!((after.status, after.queue, after.answer), (before.status, before.queue, before.answer));
    assert_eq!(after.records.len(), 4);
    assert!(undelivered(&house).is_empty());
    house.assert_clean();
}

#[test]
fn only_what_went_out_comes_back() {
    let house = House::new();
    let held = house.case("held", "nieuw", hold());
    let silent = house.case("silent", "nieuw", withhold());
    let waiting = house.case("waiting", "nieuw", send());
    let states = [held, silent, waiting].map(|case| house.state(case));
    for (mark, case) in [("x", held), ("y", silent), ("z", waiting)] {
        lay(&house, mark, case, ComeBack::Undelivered, hours(2));
    }
    assert_eq!([held, silent, waiting].map(|case| house.state(case)), states);
    // Cut off between the server's 250 and our note of it: it came back before it was noted as sent.
    house.store().answer_attempted(waiting, hours(3)).unwrap();
    let piece = lay(&house, "w", waiting, ComeBack::Undelivered, hours(4));
    house.store().answer_sent(waiting, hours(5)).unwrap();
    assert!(
        matches!(house.state(waiting), AnswerState::Failed { came_back: Some(by), .. } if by == piece),
        "a note that comes late does not undo it"
    );
    assert!(house.store().due_answers(hours(9), 9).unwrap().is_empty());
    house.assert_clean();
}
