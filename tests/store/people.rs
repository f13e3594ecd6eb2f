//! What people change: decisions, assignments, notes; lists, filters and the history they read.

use crate::support::*;
use bode::queue::{DecisionFault, QueueError, decide};
use bode::record::*;
use bode::store::{CaseFilter, FOLLOW_UP_QUEUE, StoreError};

#[test]
fn two_people_cannot_overwrite_each_other() {
    let house = House::new();
    let case = house.case("een", "nieuw", send());
    let shown = house.row(case).revision;
    let first = house.store().decide(case, Some(shown), decision(Verdict::TakeUp, ""), hours(1)).unwrap();
    assert_eq!((first.status, first.assignee.as_deref()), (CaseStatus::TakenUp, Some("j.jansen")));
    assert_eq!(first.due, Some("2026-04-13".parse().unwrap()));
    let second = house.store().decide(case, Some(shown), decision(Verdict::Signal, "te laat"), hours(2));
    assert!(
        matches!(second, Err(StoreError::Changed { expected, found, .. }) if expected == shown && found == first.revision)
    );
    assert_eq!(house.row(case), first);
    // What a machine does meanwhile stands in nobody's way.
    house.store().answer_sent(case, hours(2)).unwrap();
    assert_eq!(house.row(case).revision, first.revision);
    house.store().assign(case, Some(first.revision), "p.post", Some("k.klaas"), hours(3)).unwrap();
    assert_eq!(house.row(case).assignee.as_deref(), Some("k.klaas"));
    house.store().assign(case, None, "p.post", None, hours(3)).unwrap();
    assert_eq!(house.row(case).assignee, None);
    house.assert_clean();
}

#[test]
fn the_rules_of_the_queue_stand_before_the_store() {
    let house = House::new();
    let case = house.case("een", "nieuw", send());
    let refused = decide(house.store(), case, None, decision(Verdict::Refer, ""), noon());
    assert!(matches!(refused, Err(QueueError::Fault(DecisionFault::ReferToMissing))));
    let refer = Decision { refer_to: Some("nationale-ombudsman".into()), ..decision(Verdict::Refer, "UWV") };
    let row = decide(house.store(), case, Some(house.row(case).revision), refer.clone(), hours(1)).unwrap();
    assert_eq!(row.status, CaseStatus::Closed);
    assert_eq!(row.decision.unwrap(), Decision { at: hours(1), ..refer });
    let again = decide(house.store(), case, None, decision(Verdict::TakeUp, ""), hours(2));
    assert!(matches!(again, Err(QueueError::Fault(DecisionFault::Closed))));
    let row = decide(house.store(), case, None, decision(Verdict::Reopen, ""), hours(2)).unwrap();
    assert_eq!((row.status, row.queue.as_str()), (CaseStatus::Open, "nieuw"));
}

#[test]
fn a_follow_up_opens_a_closed_case_and_keeps_the_decision() {
    let mut house = House::new();
    let case = house.case("een", "signaal", send());
    house.store().decide(case, None, decision(Verdict::NotAComplaint, "Een vraag."), hours(1)).unwrap();
    let more = house.take("twee");
    house.store().commit(more, joins(case, withhold()), hours(2)).unwrap();
    let row = house.row(case);
    assert_eq!((row.status, row.queue.as_str()), (CaseStatus::Open, FOLLOW_UP_QUEUE));
    assert_eq!(row.decision.as_ref().unwrap().reason, "Een vraag.");
    assert_eq!(row.due, Some("2026-03-09".parse().unwrap()));
    // A taken-up case stays with who has it, but shows in the queue.
    house.store().decide(case, None, decision(Verdict::TakeUp, ""), hours(3)).unwrap();
    let third = house.take("drie");
    house.store().commit(third, joins(case, withhold()), hours(4)).unwrap();
    assert_eq!(
        (house.row(case).status, house.row(case).assignee.as_deref()),
        (CaseStatus::TakenUp, Some("j.jansen"))
    );
    let row = house.store().decide(case, None, decision(Verdict::Reopen, ""), hours(5)).unwrap();
    assert_eq!((row.queue.as_str(), row.records.len()), ("signaal", 3));
    // One that nobody has looked at stays where triage put it.
    let fresh = house.case("vier", "nieuw", send());
    let fifth = house.take("vijf");
    house.store().commit(fifth, joins(fresh, withhold()), hours(6)).unwrap();
    assert_eq!((house.row(fresh).status, house.row(fresh).queue.as_str()), (CaseStatus::Open, "nieuw"));
    house.assert_clean();
    let before = house.all_answers();
    house.reopen_without_index();
    assert_eq!(house.all_answers(), before);
}

#[test]
fn the_history_is_dutch_and_has_the_notes() {
    let house = House::new();
    let case = house.case("een", "nieuw", send());
    house.store().register(&[arrival("een")], hours(1)).unwrap();
    house.store().answer_attempted(case, hours(1)).unwrap();
    house.store().answer_deferred(case, hours(2), "451 later", hours(1)).unwrap();
    house.store().answer_sent(case, hours(2)).unwrap();
    house.store().note(case, "k.klaas", "Mevrouw gebeld.", hours(3)).unwrap();
    house.store().assign(case, None, "k.klaas", Some("j.jansen"), hours(4)).unwrap();
    house.store().decide(case, None, decision(Verdict::Signal, "Beleid."), hours(5)).unwrap();
    let more = house.take("twee");
    house.store().commit(more, joins(case, withhold()), hours(6)).unwrap();
    let lines = house.store().history(case).unwrap();
    let text: Vec<_> = lines.iter().map(|line| format!("{}: {}", line.by, line.what)).collect();
    assert_eq!(
        text,
        [
            "bode: Stuk R2026-000001 is ontvangen en geregistreerd.",
            "bode: Zaak geopend met stuk R2026-000001 (1 document gelezen, 1 gebrek), in de wachtrij “nieuw”. De ontvangstbevestiging gaat per e-mail uit.",
            "bode: Stuk R2026-000001 kwam nog eens binnen, precies hetzelfde; het telt één keer.",
            "bode: De ontvangstbevestiging wordt aangeboden.",
            "bode: De ontvangstbevestiging kon nog niet weg; nieuwe poging op 02-03-2026 om 15:00.",
            "bode: De ontvangstbevestiging is verstuurd.",
            "k.klaas: Notitie toegevoegd.",
            "k.klaas: Toegewezen aan j.jansen.",
            "j.jansen: Besluit: bewaard als signaal.",
            "bode: Stuk R2026-000002 is ontvangen en geregistreerd.",
            "bode: Stuk R2026-000002 (0 documenten gelezen) is bij deze zaak gevoegd.",
        ]
    );
    assert_eq!(lines[4].note.as_deref(), Some("451 later"));
    assert_eq!(lines[6].note.as_deref(), Some("Mevrouw gebeld."));
    assert_eq!(lines[8].note.as_deref(), Some("Beleid."));
    assert!(lines[10].note.as_deref().unwrap().contains("noemt zaaknummer"));
    assert_eq!(house.store().history(CaseNumber::new(2026, 99)).unwrap(), []);
}

#[test]
fn lists_are_filtered_ordered_and_paged() {
    let house = House::new();
    let calm: Vec<_> = (0..5).map(|i| house.case(&format!("c{i}"), "nieuw", send())).collect();
    let urgent = house.case("u", "spoed", send());
    house.store().decide(calm[0], None, decision(Verdict::TakeUp, ""), hours(1)).unwrap();
    house.store().decide(calm[1], None, decision(Verdict::Signal, ""), hours(1)).unwrap();
    house.store().decide(calm[2], None, decision(Verdict::Signal, ""), hours(1)).unwrap();
    let list = |filter: CaseFilter| {
        let page = house.store().cases(&filter).unwrap();
        (page.rows.iter().map(|row| row.number).collect::<Vec<_>>(), page.total)
    };
    let all = CaseFilter::default();
    assert_eq!(list(all.clone()), (vec![urgent, calm[3], calm[4], calm[0], calm[2], calm[1]], 6));
    assert_eq!(list(CaseFilter { offset: 2, limit: 3, ..all.clone() }), (vec![calm[4], calm[0], calm[2]], 6));
    assert_eq!(list(CaseFilter { offset: 9, ..all.clone() }), (vec![], 6));
    let in_queue =
        CaseFilter { queue: Some("nieuw".into()), statuses: vec![CaseStatus::Open], ..all.clone() };
    assert_eq!(list(in_queue.clone()), (vec![calm[3], calm[4]], 2));
    assert_eq!(list(CaseFilter { limit: 1, offset: 1, ..in_queue }), (vec![calm[4]], 2));
    let closed =
        CaseFilter { statuses: vec![CaseStatus::Closed], text: Some("GEERTJE stads".into()), ..all.clone() };
    assert_eq!(list(closed), (vec![calm[2], calm[1]], 2));
    let due = CaseFilter { due_by: Some("2026-03-09".parse().unwrap()), limit: 1, ..all.clone() };
    assert_eq!(list(due), (vec![urgent], 3));
    let mine = CaseFilter { assignee: Some("j.jansen".into()), ..all.clone() };
    assert_eq!(list(mine), (vec![calm[0]], 1));
    assert_eq!(list(CaseFilter { body: Some("uwv".into()), ..all.clone() }), (vec![], 0));
    assert_eq!(list(CaseFilter { body: Some("gemeente-deventer".into()), ..all.clone() }).1, 6);
    assert_eq!(list(CaseFilter { text: Some(calm[4].to_string()), ..all.clone() }), (vec![calm[4]], 1));
    assert_eq!(list(CaseFilter { text: Some("r2026-000001".into()), ..all }), (vec![calm[0]], 1));
    let counts = house.store().queue_counts().unwrap();
    assert_eq!(counts.len(), 2);
    assert_eq!(
        (counts[0].queue.as_str(), counts[0].open, counts[0].taken_up, counts[0].closed),
        ("nieuw", 2, 1, 2)
    );
    assert_eq!((counts[1].queue.as_str(), counts[1].open), ("spoed", 1));
}

#[test]
fn too_long_and_unknown_are_refused() {
    let house = House::new();
    let case = house.case("een", "nieuw", send());
    let long = house.store().note(case, "j.jansen", &"x".repeat(10_001), noon());
    assert!(matches!(long, Err(StoreError::TooLong { max: 10_000, .. })));
    let nobody = CaseNumber::new(2026, 77);
    assert!(matches!(house.store().note(nobody, "j.jansen", "x", noon()), Err(StoreError::UnknownCase(_))));
    assert!(matches!(
        house.store().original(RegistrationNumber::new(2026, 9)),
        Err(StoreError::UnknownRecord(_))
    ));
    assert_eq!(house.store().case(nobody).unwrap(), None);
}
