//! What people take back, correct and make: the decision of a moment ago, a label, a second case from one piece, a case from a
//! piece that was set aside. Live and after the index is built again.

use crate::support::*;
use bode::record::*;
use bode::store::{PurgeOrder, Purgeable, SplitOrder, StoreError};
use jiff::SignedDuration;

const WHILE: SignedDuration = SignedDuration::from_mins(10);

fn minutes(many: i64) -> jiff::Timestamp {
    hours(1) + SignedDuration::from_mins(many)
}

/// The same answers after the index is built again, and nothing amiss.
fn rebuilt(house: &mut House) {
    house.assert_clean();
    let before = house.all_answers();
    house.reopen_without_index();
    assert_eq!(house.all_answers(), before);
}

#[test]
fn a_decision_is_taken_back_within_a_while_and_nothing_that_came_after_it() {
    let mut house = House::new();
    let case = house.case("een", "nieuw", send());
    let open = house.row(case);
    let store = house.store();
    let none = store.undo(case, None, WHILE, "j.jansen", minutes(0));
    assert!(matches!(none, Err(StoreError::State { .. })));
    store.decide(case, None, decision(Verdict::TakeUp, "Voor ons."), minutes(0)).unwrap();
    let closed =
        store.decide(case, None, decision(Verdict::NotAComplaint, "Een vraag."), minutes(1)).unwrap();
    assert_eq!(store.undo_until(case, WHILE).unwrap(), Some(minutes(11)));
    // A note is no decision.
    store.note(case, "k.klaas", "Zeker?", minutes(2)).unwrap();
    let stale = store.undo(case, Some(closed.revision), WHILE, "j.jansen", minutes(3));
    assert!(matches!(stale, Err(StoreError::Changed { .. })));
    let row = store.undo(case, Some(house.row(case).revision), WHILE, "j.jansen", minutes(11)).unwrap();
    assert_eq!(row.status, CaseStatus::TakenUp);
    assert_eq!(row.decision.as_ref().unwrap().reason, "Voor ons.");
    // Once: what was before that is a decision for a person to take.
    assert!(store.undo(case, None, WHILE, "j.jansen", minutes(11)).is_err());
    let told: Vec<String> = store.history(case).unwrap().into_iter().map(|line| line.what).collect();
    assert!(told.contains(&"Besluit: geen klacht.".to_owned()), "the decision stays in the history");
    assert_eq!(told.last().unwrap(), "Het besluit is ongedaan gemaakt.");
    // Too late, and after a new piece.
    let late = house.case("twee", "nieuw", send());
    store.decide(late, None, decision(Verdict::Signal, ""), minutes(0)).unwrap();
    assert!(store.undo(late, None, WHILE, "j.jansen", minutes(11)).is_err());
    let more = house.take("drie");
    store.commit(more, joins(late, withhold()), minutes(1)).unwrap();
    assert!(store.undo(late, None, WHILE, "j.jansen", minutes(2)).is_err());
    assert_eq!(open.queue, house.row(case).queue);
    rebuilt(&mut house);
}

#[test]
fn taking_back_a_reopening_joins_the_cases_again() {
    let mut house = House::new();
    let (one, other) = (house.case("een", "nieuw", send()), house.case("twee", "nieuw", send()));
    let store = house.store();
    store.join_cases(one, None, other, "j.jansen", minutes(0)).unwrap();
    store.decide(one, None, decision(Verdict::Reopen, ""), minutes(1)).unwrap();
    assert!(house.row(other).joined.is_empty());
    let row = store.undo(one, None, WHILE, "j.jansen", minutes(2)).unwrap();
    assert_eq!((row.status, row.joined_to), (CaseStatus::Closed, Some(other)));
    assert_eq!(house.row(other).joined, [one]);
    rebuilt(&mut house);
}

#[test]
fn a_label_is_corrected_shown_and_taken_back() {
    let mut house = House::new();
    let case = house.case("een", "nieuw", send());
    let store = house.store();
    let judged = house.row(case).judgement;
    for wrong in [("scope", "Geertje"), ("complained_about", "mevrouw de Vries"), ("naam", "x")] {
        let refused = store.label(case, None, wrong.0, Some(wrong.1), "j.jansen", minutes(0));
        assert!(matches!(refused, Err(StoreError::State { .. })), "{wrong:?}");
    }
    let row = store.label(case, None, "scope", Some("out"), "j.jansen", minutes(0)).unwrap();
    assert_eq!((row.judgement.scope, row.labels["scope"].as_str()), (Scope::Out, "out"));
    store
        .label(case, Some(row.revision), "complained_about", Some("uwv, duo"), "j.jansen", minutes(1))
        .unwrap();
    store.label(case, None, "urgent", Some("true"), "j.jansen", minutes(2)).unwrap();
    let row = house.row(case);
    assert_eq!(row.judgement.complained_about, ["duo", "uwv"]);
    assert!(row.judgement.urgent);
    let found =
        store.cases(&bode::store::CaseFilter { body: Some("uwv".into()), ..Default::default() }).unwrap();
    assert_eq!(found.total, 1, "the lists know");
    rebuilt(&mut house);
    let store = house.store();
    for label in ["scope", "complained_about", "urgent"] {
        store.label(case, None, label, None, "j.jansen", minutes(3)).unwrap();
    }
    assert_eq!(house.row(case).judgement, judged);
    assert!(house.row(case).labels.is_empty());
    assert!(store.label(case, None, "scope", None, "j.jansen", minutes(3)).is_err());
    rebuilt(&mut house);
}

#[test]
fn one_piece_becomes_two_cases_that_stand_by_themselves() {
    let mut house = House::new();
    let case = house.case("een", "gemengd", send());
    let store = house.store();
    let of = |body: &str, scope, queue: &str| Judgement {
        complained_about: vec![body.to_owned()],
        scope,
        ..judgement(queue)
    };
    let order = || SplitOrder {
        stays: of("gemeente-deventer", Scope::In, "nieuw"),
        goes: of("uwv", Scope::Out, "doorverwijzen"),
        deadlines: deadlines(),
    };
    let stale = store.split(case, Some(1), order(), "j.jansen", minutes(0));
    assert!(matches!(stale, Err(StoreError::Changed { .. })));
    let second = store.split(case, Some(house.row(case).revision), order(), "j.jansen", minutes(0)).unwrap();
    let first = house.row(case);
    assert_eq!((first.split_into, second.split_from), (vec![second.number], Some(case)));
    assert_eq!((first.queue.as_str(), second.queue.as_str()), ("nieuw", "doorverwijzen"));
    assert_eq!(first.judgement.complained_about, ["gemeente-deventer"]);
    assert_eq!((second.judgement.complained_about[0].as_str(), second.judgement.scope), ("uwv", Scope::Out));
    assert_eq!(second.deadlines, deadlines());
    assert!(
        matches!(second.answer.as_ref().unwrap().state, AnswerState::Withheld { .. }),
        "no second answer"
    );
    let (ours, theirs) = (first.records[0], second.records[0]);
    assert_ne!(ours, theirs);
    assert_eq!(store.original(ours).unwrap(), store.original(theirs).unwrap());
    assert_eq!(store.extract(ours).unwrap(), store.extract(theirs).unwrap());
    // What comes later goes on in the first.
    assert_eq!(store.case_of_msg_id("een@voorbeeld.example.nl").unwrap(), Some(case));
    store.note(second.number, "j.jansen", "Apart bekeken.", minutes(1)).unwrap();
    rebuilt(&mut house);
    // One is destroyed, the other stays whole.
    let store = house.store();
    store.decide(case, None, decision(Verdict::Signal, ""), minutes(2)).unwrap();
    store.answer_sent(case, minutes(2)).unwrap();
    let order = PurgeOrder {
        what: Purgeable::Case(case, house.row(case).revision),
        closed_on: None,
        term: Some("5 years".into()),
        basis: "lijst 1".into(),
    };
    let report = store.purge(&[order], "digest", "j.jansen", minutes(3)).unwrap();
    assert_eq!((report.cases, report.pieces, report.left), (1, 1, vec![]));
    assert!(store.original(theirs).is_ok() && store.original(ours).is_err());
    assert!(
        store
            .history(second.number)
            .unwrap()
            .iter()
            .any(|line| line.note.as_deref() == Some("Apart bekeken."))
    );
    rebuilt(&mut house);
}

#[test]
fn a_piece_that_was_set_aside_becomes_a_case() {
    let mut house = House::new();
    let piece = house.take("een");
    let store = house.store();
    store.keep_extract(piece, &extract("een"), noon()).unwrap();
    assert!(store.take_back(piece, "nieuw", vec![], "Toch een klacht.", "j.jansen", minutes(0)).is_err());
    store.commit(piece, aside(), noon()).unwrap();
    let row =
        store.take_back(piece, "nieuw", deadlines(), "Toch een klacht.", "j.jansen", minutes(0)).unwrap();
    assert_eq!((row.queue.as_str(), row.records.as_slice()), ("nieuw", &[piece][..]));
    assert_eq!((row.due, row.subject.as_deref()), (Some("2026-03-09".parse().unwrap()), Some(SUBJECT)));
    assert!(matches!(row.answer.unwrap().state, AnswerState::Withheld { .. }), "nothing goes out by itself");
    assert_eq!(store.aside(0, 10).unwrap().total, 0);
    assert!(store.set_aside(piece).unwrap().is_none());
    let told = store.history(row.number).unwrap();
    assert_eq!(told.last().unwrap().note.as_deref(), Some("Toch een klacht."));
    assert!(store.take_back(piece, "nieuw", vec![], "", "j.jansen", minutes(1)).is_err(), "once");
    assert!(!house.journal().contains("Toch een klacht"), "words stay out of the journal");
    rebuilt(&mut house);
}
