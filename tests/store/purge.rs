//! Destruction: what goes, what stays, the same live and built again; cut off and finished; what may not be destroyed.

use crate::support::*;
use bode::record::*;
use bode::retention::plan;
use bode::store::{PurgeOrder, Purgeable, Registered, Store};

fn order(house: &House, case: CaseNumber) -> PurgeOrder {
    PurgeOrder {
        what: Purgeable::Case(case, house.row(case).revision),
        closed_on: Some("2026-03-02".parse().unwrap()),
        term: Some("1 year".into()),
        basis: "Selectielijst 13.2".into(),
    }
}

fn closed(house: &House, mark: &str) -> CaseNumber {
    let case = house.case(mark, "nieuw", send());
    close(house, case);
    case
}

fn close(house: &House, case: CaseNumber) {
    house.store().answer_sent(case, hours(1)).unwrap();
    house.store().note(case, "k.klaas", &format!("{NAME} belde"), hours(2)).unwrap();
    house.store().decide(case, None, decision(Verdict::NotAComplaint, NAME), hours(3)).unwrap();
}

/// Every byte under the store but the journal, as text.
fn all_text(house: &House) -> String {
    let mut text = String::new();
    let mut todo = vec![house.path()];
    while let Some(dir) = todo.pop() {
        for item in std::fs::read_dir(dir).unwrap() {
            let path = item.unwrap().path();
            match path.is_dir() {
                true => todo.push(path),
                false => text.push_str(&String::from_utf8_lossy(&std::fs::read(&path).unwrap())),
            }
        }
    }
    text
}

#[test]
fn numbers_stay_and_people_go_live_and_built_again() {
    let mut house = House::new();
    let case = closed(&house, "weg");
    // A second piece, a bounce, and a letter with a checked address: all that can hang on a case.
    let more = house.take("meer");
    house.store().keep_extract(more, &extract("meer"), noon()).unwrap();
    house.store().commit(more, joins(case, send()), hours(4)).unwrap();
    house.store().decide(case, None, decision(Verdict::NotAComplaint, "klaar"), hours(5)).unwrap();
    let stays = closed(&house, "blijft");
    let before = house.row(case);
    let report =
        house.store().purge(&[order(&house, case)], "digest-of-list", "a.archief", hours(9)).unwrap();
    assert_eq!((report.cases, report.pieces, report.left.len()), (1, 2, 0));
    for record in &before.records {
        assert!(!folder(&house, *record).exists());
        assert!(house.store().is_purged(*record).unwrap());
    }
    let row = house.row(case);
    assert_eq!((row.writer.clone(), row.subject.clone(), row.deadlines.len()), (None, None, 0));
    assert_eq!((row.received, row.status), (before.received, CaseStatus::Closed));
    let decided = row.decision.unwrap();
    assert_eq!((decided.verdict, decided.by.as_str()), (Verdict::NotAComplaint, "j.jansen"));
    let purged = row.purged.unwrap();
    assert_eq!(purged.sentence(), "Vernietigd op 02-03-2026, na 1 jaar (Selectielijst 13.2).");
    let history = house.store().history(case).unwrap();
    assert!(history.last().unwrap().what.contains("Vernietigd na 1 jaar"), "{history:#?}");
    assert!(history.iter().all(|line| line.note.is_none()), "{history:#?}");
    assert_eq!(house.store().case_of_msg_id("weg@voorbeeld.example.nl").unwrap(), None);
    assert_eq!(house.store().case_of_msg_id("blijft@voorbeeld.example.nl").unwrap(), Some(stays));
    let verified = house.store().verify(hours(9)).unwrap();
    assert!(verified.is_clean(), "{:#?}", verified.exceptions);
    assert_eq!(verified.purged, 2);
    assert!(verified.summary().ends_with("; vernietigd 2"), "{}", verified.summary());
    let live = house.all_answers();
    assert!(house.journal().contains("digest-of-list"));
    house.reopen_without_index();
    assert_eq!(house.all_answers(), live);
    house.assert_clean();
    // The same again is known, and counts no second time.
    let again = house.store().register(&[arrival("weg")], hours(10)).unwrap();
    assert!(matches!(again[..], [Registered::Known(number)] if number == before.records[0]));
    house.assert_clean();
}

#[test]
fn nothing_of_the_person_is_in_any_file_afterwards() {
    let mut house = House::new();
    let case = closed(&house, "enige");
    house.store().purge(&[order(&house, case)], "lijst", "a.archief", hours(9)).unwrap();
    // sled keeps old pages for a while; built again there are none.
    house.reopen_without_index();
    house.close();
    let text = all_text(&house);
    for word in [NAME, ADDRESS, SUBJECT, "Bericht enige", "enige@voorbeeld"] {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn a_message_id_that_two_cases_had_stays_with_the_other() {
    let mut house = House::new();
    let one = closed(&house, "een");
    // The same Message-ID in another message.
    let number = match &house.store().register(&[arrival("anders")], noon()).unwrap()[..] {
        [Registered::New(record)] => record.number,
        other => panic!("{other:?}"),
    };
    house.store().keep_extract(number, &extract("een"), noon()).unwrap();
    let two = house.store().next_case_number(2026).unwrap();
    house.store().commit(number, new_case(two, "nieuw", send()), noon()).unwrap();
    assert_eq!(house.store().case_of_msg_id("een@voorbeeld.example.nl").unwrap(), Some(one));
    house.store().purge(&[order(&house, one)], "lijst", "a.archief", hours(9)).unwrap();
    assert_eq!(house.store().case_of_msg_id("een@voorbeeld.example.nl").unwrap(), Some(two));
    house.assert_clean();
    house.reopen_without_index();
    assert_eq!(house.store().case_of_msg_id("een@voorbeeld.example.nl").unwrap(), Some(two));
}

#[test]
fn what_a_destroyed_case_referred_to_is_not_waited_for_any_more() {
    let mut house = House::new();
    let mut reply = extract("antwoord");
    let message = reply.message.as_mut().unwrap();
    message.in_reply_to = vec!["kwam-nooit@voorbeeld.example.nl".into()];
    message.references = vec!["eerder@voorbeeld.example.nl".into(), message.in_reply_to[0].clone()];
    let number = house.take("antwoord");
    house.store().keep_extract(number, &reply, noon()).unwrap();
    let case = house.store().next_case_number(2026).unwrap();
    house.store().commit(number, new_case(case, "nieuw", send()), noon()).unwrap();
    close(&house, case);
    let awaits = |house: &House, id: &str, author: &str| house.store().case_awaiting(id, author).unwrap();
    for id in ["kwam-nooit@voorbeeld.example.nl", "eerder@voorbeeld.example.nl"] {
        assert_eq!(awaits(&house, id, ADDRESS), Some(case));
        assert_eq!(awaits(&house, id, &ADDRESS.to_uppercase()), Some(case));
        assert_eq!(awaits(&house, id, "ander@example.org"), None, "one message may be answered by many");
    }
    assert_eq!(awaits(&house, "antwoord@voorbeeld.example.nl", ADDRESS), None);
    house.assert_clean();
    house.store().purge(&[order(&house, case)], "lijst", "a.archief", hours(9)).unwrap();
    for rebuilt in [false, true] {
        if rebuilt {
            house.reopen_without_index();
        }
        assert_eq!(awaits(&house, "kwam-nooit@voorbeeld.example.nl", ADDRESS), None, "rebuilt: {rebuilt}");
        assert_eq!(awaits(&house, "eerder@voorbeeld.example.nl", ADDRESS), None, "rebuilt: {rebuilt}");
        house.assert_clean();
    }
}

#[test]
fn what_may_not_be_destroyed_is_left_and_told() {
    let house = House::new();
    let open = house.case("open", "nieuw", send());
    let changed = closed(&house, "gewijzigd");
    let kept = closed(&house, "bezwaar");
    let held = house.case("wacht", "nieuw", hold());
    house.store().decide(held, None, decision(Verdict::NotAComplaint, ""), hours(3)).unwrap();
    let follow = closed(&house, "vervolg");
    let more = house.take("meer");
    house.store().keep_extract(more, &extract("meer"), noon()).unwrap();
    house.store().commit(more, joins(follow, withhold()), hours(4)).unwrap();
    house.store().keep_case(kept, "j.jansen", "Bezwaar loopt", hours(4)).unwrap();
    assert_eq!(house.row(kept).kept.unwrap().reason, "Bezwaar loopt");
    let mut orders = [open, changed, kept, held, follow].map(|case| order(&house, case));
    house.store().note(changed, "k.klaas", "nog iets", hours(5)).unwrap();
    let in_case = PurgeOrder { what: Purgeable::Piece(house.row(kept).records[0]), ..orders[0].clone() };
    let before = house.all_answers();
    let report = house.store().purge(&orders, "lijst", "a.archief", hours(9)).unwrap();
    assert_eq!((report.cases, report.pieces, report.left.len()), (0, 0, 5), "{report:?}");
    assert_eq!(house.store().purge(&[in_case], "lijst", "a.archief", hours(9)).unwrap().left.len(), 1);
    assert_eq!(house.all_answers(), before);
    // At the demand of a person an open case goes too, once nothing of it waits.
    house.store().answer_sent(open, hours(6)).unwrap();
    house.store().unkeep_case(kept, "j.jansen", hours(6)).unwrap();
    orders[0].term = None;
    orders[2] = order(&house, kept);
    let report = house.store().purge(&orders[..3], "lijst", "a.archief", hours(9)).unwrap();
    assert_eq!((report.cases, report.left.len()), (2, 1), "{report:?}");
    assert_eq!(report.left[0].1, "is intussen gewijzigd");
    assert!(house.store().keep_case(kept, "j.jansen", "te laat", hours(10)).is_err());
    house.assert_clean();
}

#[test]
fn a_piece_set_aside_keeps_its_class_only() {
    let mut house = House::new();
    let number = house.take("afwezig");
    house.store().keep_extract(number, &extract("afwezig"), noon()).unwrap();
    house.store().commit(number, aside(), noon()).unwrap();
    let order = PurgeOrder {
        what: Purgeable::Piece(number),
        closed_on: None,
        term: Some("1 year".into()),
        basis: "eigen keuze".into(),
    };
    house.store().purge(std::slice::from_ref(&order), "lijst", "a.archief", hours(9)).unwrap();
    let row = house.store().aside(0, 1).unwrap().rows.remove(0);
    assert_eq!((row.writer, row.subject), (None, None));
    assert!(
        matches!(&row.why, SetAside::Automatic { class: AutomaticClass::AutoReply, reason } if !reason.contains("Auto"))
    );
    let twice = house.store().purge(&[order], "lijst", "a.archief", hours(9)).unwrap();
    assert_eq!(twice.left[0].1, "is al vernietigd");
    let live = house.all_answers();
    house.assert_clean();
    house.reopen_without_index();
    assert_eq!(house.all_answers(), live);
}

#[test]
fn what_was_cut_off_is_finished_by_the_next_start() {
    let mut house = House::new();
    let case = closed(&house, "weg");
    let kept = tempfile::tempdir().unwrap();
    let place = folder(&house, RegistrationNumber::new(2026, 1));
    let copy = kept.path().join("copy");
    std::process::Command::new("cp").arg("-r").arg(&place).arg(&copy).status().unwrap();
    house.store().purge(&[order(&house, case)], "lijst", "a.archief", hours(9)).unwrap();
    let live = house.all_answers();
    house.close();
    // As a stop leaves it after the entry was written: the marker, and the folder still there.
    std::process::Command::new("cp").arg("-r").arg(&copy).arg(&place).status().unwrap();
    std::fs::write(house.path().join("purging"), b"").unwrap();
    let read = Store::open_read_only(house.place()).unwrap();
    assert_eq!(read.verify(noon()).unwrap().exceptions.len(), 1);
    drop(read);
    for without_index in [false, true] {
        if without_index {
            house.close();
            std::process::Command::new("cp").arg("-r").arg(&copy).arg(&place).status().unwrap();
            std::fs::write(house.path().join("purging"), b"").unwrap();
            std::fs::remove_dir_all(house.path().join("index")).unwrap();
        }
        house.reopen();
        assert_eq!(house.store().opening().destroyed, 1);
        assert!(!place.exists() && !house.path().join("purging").exists());
        assert_eq!(house.all_answers(), live);
        house.assert_clean();
    }
}

fn rules() -> Retention {
    let rule = |term: &str| RetentionRule {
        term: RetentionTerm::try_from(term.to_owned()).unwrap(),
        basis: "Selectielijst 13.2".into(),
    };
    let classes = [RetentionClass::NotAComplaint, RetentionClass::DividedRun];
    classes.into_iter().map(|class| (class, rule("1 year"))).collect()
}

#[test]
fn the_term_of_a_case_that_is_settled_runs_from_that_day() {
    let house = House::new();
    let case = house.case("afgedaan", "beoordelen", send());
    house.store().answer_sent(case, hours(1)).unwrap();
    house.store().decide(case, None, decision(Verdict::TakeUp, ""), hours(2)).unwrap();
    house.store().decide(case, None, decision(Verdict::Settle, ""), hours(24 * 60)).unwrap();
    let (term, basis) = (RetentionTerm::Years(1), "Selectielijst 13.1".to_owned());
    let rules = [(RetentionClass::TakenUp, RetentionRule { term, basis })].into();
    let past = |day: &str| plan(house.store(), &rules, day.parse().unwrap()).unwrap().past;
    assert!(past("2027-05-01").is_empty(), "the last day of the term has not passed");
    let past = past("2027-05-02");
    assert_eq!(
        (past[0].class, past[0].closed_on.to_string().as_str()),
        (RetentionClass::TakenUp, "2026-05-01")
    );
}

/// A case goes with those that were joined to it, and none of them goes before.
#[test]
fn joined_cases_go_together() {
    let mut house = House::new();
    let (head, joined, far) = (closed(&house, "hoofd"), closed(&house, "gevoegd"), closed(&house, "verder"));
    house.store().join_cases(far, None, joined, "j.jansen", hours(4)).unwrap();
    house.store().join_cases(joined, None, head, "j.jansen", hours(5)).unwrap();
    let on = |day: &str| plan(house.store(), &rules(), day.parse().unwrap()).unwrap();
    assert!(on("2027-03-02").past.is_empty(), "the last day of the term has not passed");
    // What a person keeps of one of them keeps all.
    house.store().keep_case(far, "j.jansen", "Bezwaar loopt", hours(6)).unwrap();
    assert_eq!((on("2027-03-03").past.len(), on("2027-03-03").kept), (0, vec![head]));
    house.store().unkeep_case(far, "j.jansen", hours(6)).unwrap();
    let past = on("2027-03-03").past;
    assert_eq!(past.len(), 1, "{past:?}");
    let cases: Vec<CaseNumber> = past[0].cases.iter().map(|(case, _)| *case).collect();
    assert_eq!((cases, past[0].records.len()), (vec![head, joined, far], 3));
    let report = house.store().purge(&past[0].orders(), "lijst", "a.archief", hours(9)).unwrap();
    assert_eq!((report.cases, report.pieces, report.left.len()), (3, 3, 0), "{report:?}");
    for case in [head, joined, far] {
        let row = house.row(case);
        assert!(row.purged.is_some() && row.writer.is_none() && row.subject.is_none(), "{row:?}");
    }
    assert_eq!((house.row(far).joined_to, house.row(joined).joined_to), (Some(joined), Some(head)));
    assert!(on("2030-01-01").past.is_empty(), "nothing is left of it");
    let live = house.all_answers();
    house.assert_clean();
    house.reopen_without_index();
    assert_eq!(house.all_answers(), live);
    house.close();
    let text = all_text(&house);
    for word in [NAME, ADDRESS, "Bericht hoofd", "Bericht gevoegd", "Bericht verder"] {
        assert!(!text.contains(word), "{word}");
    }
}

/// The copy of a stack holds every letter of it: it goes with the first letter that goes, and the others stay.
#[test]
fn one_letter_of_a_stack_takes_the_copy_of_the_stack_along() {
    let mut house = House::new();
    let register = |house: &House, arrivals: &[Arrival]| -> Vec<RegistrationNumber> {
        house.store().register(arrivals, noon()).unwrap().iter().map(Registered::number).collect()
    };
    let stack = Arrival { origin: Origin::Scan { file: "stapel.pdf".into() }, ..letter("stapel") };
    let run = register(&house, &[stack])[0];
    let part = |part: u32| Arrival {
        origin: Origin::Run { of: run, part, notes: Vec::new() },
        ..letter(&format!("stapel {part}"))
    };
    let letters = register(&house, &[part(1), part(2)]);
    let divided = Divided { letters: letters.clone(), sheets: 2, pages: 6, ..Divided::default() };
    house.store().divide(run, divided, noon()).unwrap();
    let cases: Vec<CaseNumber> = letters
        .iter()
        .zip(["vijf", "zes"])
        .map(|(letter, mark)| {
            house.store().keep_extract(*letter, &extract(mark), noon()).unwrap();
            let case = house.store().next_case_number(2026).unwrap();
            house.store().commit(*letter, new_case(case, "nieuw", withhold()), noon()).unwrap();
            case
        })
        .collect();
    house.store().decide(cases[0], None, decision(Verdict::NotAComplaint, "klaar"), hours(3)).unwrap();
    house.assert_clean();
    let report = house.store().purge(&[order(&house, cases[0])], "lijst", "a.archief", hours(9)).unwrap();
    assert_eq!((report.cases, report.left.len()), (1, 0), "{report:?}");
    assert!(house.store().is_purged(letters[0]).unwrap() && house.store().is_purged(run).unwrap());
    assert!(!folder(&house, letters[0]).exists() && !folder(&house, run).exists());
    // The other letter is a piece of its own, and whole.
    assert!(!house.store().is_purged(letters[1]).unwrap());
    assert!(house.row(cases[1]).purged.is_none() && house.row(cases[1]).subject.is_some());
    assert_eq!(house.store().original(letters[1]).unwrap(), letter("stapel 2").bytes);
    let live = house.all_answers();
    house.assert_clean();
    house.reopen_without_index();
    assert_eq!(house.all_answers(), live);
    house.assert_clean();
    // The stack that is scanned once more is known, and brings nothing back.
    let again = Arrival { origin: Origin::Scan { file: "stapel.pdf".into() }, ..letter("stapel") };
    assert!(
        matches!(house.store().register(&[again], hours(10)).unwrap()[..], [Registered::Known(number)] if number == run)
    );
}
