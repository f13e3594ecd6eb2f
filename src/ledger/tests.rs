//! Each way in which a mailbox and a register can differ.

use super::*;
use crate::record::RegistrationNumber;

fn at(hour: i64) -> Timestamp {
    "2026-03-02T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hour)
}

fn held(serial: u32, id: &str, bytes: u64, held_as: HeldAs) -> Held {
    Held {
        source: SourceKind::Mailbox,
        origin: Mark::of_uid("a", "INBOX", 1, serial),
        msg_id: Mark::of_msg_id(id),
        bytes,
        held_as,
        registered_at: at(0),
        number: RegistrationNumber::new(2026, serial),
    }
}

fn done(uid: u32, id: &str, bytes: u64) -> Counted {
    Counted {
        place: Place::Done,
        reference: format!("Verwerkt uid {uid}"),
        origin: None,
        msg_id: Mark::of_msg_id(id),
        bytes,
        since: Some(at(1)),
        uid: Some((9, uid)),
        left: None,
    }
}

fn waiting(uid: u32, id: &str, bytes: u64) -> Counted {
    let origin = Some(Mark::of_uid("a", "INBOX", 1, uid));
    Counted {
        place: Place::Waiting,
        reference: format!("INBOX uid {uid}"),
        origin,
        uid: Some((1, uid)),
        ..done(uid, id, bytes)
    }
}

fn watch(now: i64) -> Watch {
    Watch { now: at(now), well_since: Some(at(0)) }
}

fn laid(pieces: Vec<Counted>, held: Vec<Held>) -> Reconciled {
    reconcile(Tally { source: SourceKind::Mailbox, pieces }, held, Some(at(0)))
}

#[test]
fn all_is_well() {
    let register = vec![
        held(1, "a@x", 10, HeldAs::Case),
        held(2, "b@x", 20, HeldAs::Automatic),
        held(3, "c@x", 30, HeldAs::Spam),
        held(4, "d@x", 40, HeldAs::InWork),
        held(5, "e@x", 50, HeldAs::Case),
    ];
    // The fourth is registered and not yet moved; the fifth was archived by a person; another waits.
    let there = vec![
        done(1, "a@x", 10),
        done(2, "<b@x>", 20),
        done(3, "c@x", 30),
        waiting(4, "d@x", 40),
        waiting(6, "f@x", 60),
    ];
    let laid = laid(there, register);
    assert!(laid.questions.is_empty());
    let Outcome { count, exceptions } = laid.outcome(&watch(2), None);
    assert_eq!(
        count.line(),
        "postvak 5 = zaken 1 + automatisch 1 + spam 1 + in behandeling 1 + wacht 1; ontbreekt 0; niet meer daar, wel hier 1"
    );
    assert!(count.adds_up() && exceptions.is_empty(), "{exceptions:?}");
}

#[test]
fn a_message_that_a_person_put_among_the_done_is_an_exception() {
    let mut laid = laid(vec![done(1, "a@x", 10), done(2, "b@x", 20)], vec![held(1, "a@x", 10, HeldAs::Case)]);
    assert_eq!(laid.questions, [1]);
    laid.answer(&[(1, Known::No)], Some(at(0)));
    let Outcome { count, exceptions } = laid.outcome(&watch(2), None);
    assert_eq!(count.line(), "postvak 2 = zaken 1 + automatisch 0 + spam 0; ontbreekt 1");
    assert!(count.adds_up());
    assert_eq!(exceptions[0].kind, ExceptionKind::NotRegistered);
    assert_eq!(exceptions[0].reference.as_deref(), Some("Verwerkt uid 2"));
    assert!(!exceptions[0].what.contains("uid"), "what may be logged names no message");
}

#[test]
fn copies_count_once_and_another_text_under_one_message_id_does_not() {
    let register = vec![held(1, "a@x", 10, HeldAs::Case), held(2, "a@x", 11, HeldAs::Case)];
    let there = vec![done(1, "a@x", 10), done(2, "a@x", 11), done(3, "a@x", 10), done(4, "a@x", 12)];
    let mut laid = laid(there, register);
    assert_eq!(laid.questions, [3, 2], "the newest first");
    laid.answer(
        &[(2, Known::As(RegistrationNumber::new(2026, 1), HeldAs::Case)), (3, Known::No)],
        Some(at(0)),
    );
    let Outcome { count, exceptions } = laid.outcome(&watch(2), None);
    assert_eq!((count.cases, count.duplicates, count.missing), (2, 1, 1));
    assert_eq!(exceptions.len(), 1);
}

#[test]
fn what_stood_there_before_is_counted_apart() {
    let old = |uid, id| Counted { since: Some(at(-1000)), ..done(uid, id, 5) };
    // One with a Message-ID that nobody here has, one without any, and an old one that was taken in.
    let mut laid = laid(
        vec![old(1, "oud@x"), old(2, ""), old(3, "a@x")],
        vec![Held { bytes: 5, ..held(1, "a@x", 5, HeldAs::Case) }],
    );
    assert_eq!(laid.questions, [1]);
    laid.answer(&[(1, Known::No)], Some(at(0)));
    let Outcome { count, exceptions } = laid.outcome(&watch(2), None);
    assert_eq!((count.before, count.cases, count.missing), (2, 1, 0));
    assert!(exceptions.is_empty());
}

#[test]
fn a_message_without_message_id_is_known_by_its_bytes_and_one_that_goes_meanwhile_is_not_counted() {
    let mut laid = laid(
        vec![done(1, "", 10), done(2, "", 10), done(3, "", 10), done(4, "", 9)],
        vec![held(1, "", 10, HeldAs::Case)],
    );
    assert_eq!(laid.questions.len(), 4);
    let first = RegistrationNumber::new(2026, 1);
    laid.answer(
        &[
            (0, Known::As(first, HeldAs::Case)),
            (1, Known::As(first, HeldAs::Case)),
            (2, Known::Gone),
            (3, Known::Purged),
        ],
        Some(at(0)),
    );
    let Outcome { count, .. } = laid.outcome(&watch(2), None);
    assert_eq!((count.counted, count.cases, count.duplicates, count.purged), (3, 1, 1, 1));
    assert!(count.adds_up());
}

#[test]
fn waiting_is_an_exception_only_while_a_daemon_is_well_and_late() {
    let laid = laid(
        vec![waiting(1, "a@x", 10), Counted { left: Some("Te groot.".into()), ..waiting(2, "b@x", 10) }],
        vec![],
    );
    let told =
        |watch: &Watch| laid.outcome(watch, None).exceptions.iter().map(|e| e.kind).collect::<Vec<_>>();
    assert_eq!(told(&watch(2)), [ExceptionKind::LeftBehind]);
    assert_eq!(told(&watch(9)), [ExceptionKind::LeftBehind, ExceptionKind::WaitsTooLong]);
    assert_eq!(told(&Watch { now: at(9), well_since: None }), [ExceptionKind::LeftBehind]);
    assert_eq!(told(&Watch { now: at(9), well_since: Some(at(8)) }), [ExceptionKind::LeftBehind]);
}

#[test]
fn too_many_to_look_at_is_told() {
    let mut laid = laid(vec![done(1, "", 10)], vec![]);
    laid.answer(&[(0, Known::NotLookedAt)], None);
    let Outcome { count, exceptions } = laid.outcome(&watch(2), None);
    assert_eq!(count.not_looked_at, 1);
    assert_eq!(exceptions[0].kind, ExceptionKind::NotLookedAt);
}

#[test]
fn a_new_uidvalidity_changes_nothing_for_what_has_a_message_id() {
    let moved = Counted { origin: Some(Mark::of_uid("a", "INBOX", 2, 1)), ..waiting(1, "a@x", 10) };
    let laid = laid(vec![moved], vec![held(1, "a@x", 10, HeldAs::Case)]);
    assert_eq!(laid.outcome(&watch(2), None).count.cases, 1);
}

#[test]
fn a_file_is_known_by_name_and_size() {
    let scan = |name: &str, bytes| Counted {
        origin: Some(Mark::of_file(name)),
        uid: None,
        reference: name.into(),
        ..done(0, "", bytes)
    };
    let register = vec![Held {
        source: SourceKind::Scans,
        origin: Mark::of_file("a.pdf"),
        ..held(1, "", 10, HeldAs::Stack)
    }];
    let pieces = vec![
        scan("a.pdf", 10),
        scan("a.pdf", 11),
        Counted { place: Place::Refused, since: Some(at(-200)), ..scan("b.pdf", 1) },
    ];
    let mut laid = reconcile(Tally { source: SourceKind::Scans, pieces }, register, None);
    assert_eq!(laid.questions, [1]);
    laid.answer(&[(1, Known::No)], None);
    let Outcome { count, exceptions } = laid.outcome(&watch(2), Some((3, 4)));
    assert_eq!(count.line(), "scans 3 = zaken 0 + stapels 1 + geweigerd 1; ontbreekt 1; vellen 3, brieven 4");
    let kinds: Vec<_> = exceptions.iter().map(|e| e.kind).collect();
    assert_eq!(kinds, [ExceptionKind::NotRegistered, ExceptionKind::RefusedTooLong]);
}
