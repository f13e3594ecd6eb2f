//! Figures: counters by day that follow every change of a case, and count on when it is destroyed.

use crate::support::*;
use bode::record::*;
use bode::store::{Outcome, PurgeOrder, Purgeable};
use std::collections::BTreeMap;

/// `2026-03-02 channel email` → 1
fn figures(house: &House) -> BTreeMap<String, u64> {
    let (first, last) = ("2026-01-01".parse().unwrap(), "2026-12-31".parse().unwrap());
    let rows = house.store().figures(first, last).unwrap();
    rows.into_iter()
        .map(|row| (format!("{} {} {}", row.day, row.figure.id(), row.label), row.count))
        .collect()
}

fn of(lines: &[&str]) -> BTreeMap<String, u64> {
    lines.iter().map(|line| ((*line).to_owned(), 1)).collect()
}

#[test]
fn a_case_is_counted_from_receipt_to_decision() {
    let mut house = House::new();
    let case = house.case("een", "doorverwijzen", send());
    let received =
        ["2026-03-02 channel email", "2026-03-02 queue doorverwijzen", "2026-03-02 body gemeente-deventer"];
    assert_eq!(figures(&house), of(&received));
    // Three and a half hours after receipt.
    house.store().answer_sent(case, hours(1)).unwrap();
    let answered = [&received[..], &["2026-03-02 answer 1-day"]].concat();
    assert_eq!(figures(&house), of(&answered));
    house.store().decide(case, None, decision(Verdict::Refer, "naar het UWV"), hours(24 * 3)).unwrap();
    let decided = [
        "2026-03-05 decision 1-week",
        "2026-03-05 verdict refer",
        "2026-03-05 proposal doorverwijzen>refer",
        "2026-03-05 term contact>kept",
        "2026-03-05 term decision>kept",
    ];
    assert_eq!(figures(&house), of(&[&answered[..], &decided].concat()));
    // Undone: as if nobody had decided.
    house.store().decide(case, None, decision(Verdict::Reopen, "toch niet"), hours(24 * 4)).unwrap();
    assert_eq!(figures(&house), of(&answered));
    let live = figures(&house);
    house.reopen_without_index();
    assert_eq!(figures(&house), live);
    house.assert_clean();
}

#[test]
fn a_case_that_is_settled_counts_on_as_taken_up() {
    let mut house = House::new();
    let case = house.case("een", "beoordelen", send());
    let received =
        ["2026-03-02 channel email", "2026-03-02 queue beoordelen", "2026-03-02 body gemeente-deventer"];
    house.store().decide(case, None, decision(Verdict::TakeUp, ""), hours(24 * 3)).unwrap();
    let taken_up = [
        "2026-03-05 decision 1-week",
        "2026-03-05 verdict take-up",
        "2026-03-05 proposal beoordelen>take-up",
        "2026-03-05 term contact>kept",
    ];
    let in_hand = of(&[&received[..], &taken_up].concat());
    assert_eq!(figures(&house), in_hand);
    house.store().decide(case, None, decision(Verdict::Settle, "Excuses gemaakt."), hours(24 * 60)).unwrap();
    let row = house.row(case);
    assert_eq!((row.status, row.due, row.taken_up_at), (CaseStatus::Closed, None, Some(hours(24 * 3))));
    let settled = ["2026-05-01 verdict settle", "2026-05-01 term decision>late"];
    let done = of(&[&received[..], &taken_up, &settled].concat());
    assert_eq!(figures(&house), done);
    house.reopen_without_index();
    assert_eq!(figures(&house), done);
    // Taken back, it is in hand as it was.
    let within = jiff::SignedDuration::from_mins(10);
    house.store().undo(case, None, within, "j.jansen", hours(24 * 60)).unwrap();
    assert_eq!(figures(&house), in_hand);
    assert_eq!(house.row(case).taken_up_at, None);
    house.assert_clean();
}

#[test]
fn a_destroyed_case_counts_on_live_and_built_again() {
    let mut house = House::new();
    let case = house.case("weg", "doorverwijzen", send());
    house.store().answer_sent(case, hours(1)).unwrap();
    house.store().decide(case, None, decision(Verdict::Refer, "naar het UWV"), hours(24 * 30)).unwrap();
    let before = figures(&house);
    assert!(before.contains_key("2026-04-01 term contact>late"), "{before:#?}");
    let order = PurgeOrder {
        what: Purgeable::Case(case, house.row(case).revision),
        closed_on: Some("2026-04-01".parse().unwrap()),
        term: Some("1 year".into()),
        basis: "Selectielijst 13.2".into(),
    };
    house.store().purge(&[order], "lijst", "a.archief", hours(9000)).unwrap();
    assert_eq!(figures(&house), before);
    house.reopen_without_index();
    assert_eq!(figures(&house), before);
    house.assert_clean();
}

#[test]
fn what_is_no_case_is_counted_by_its_class() {
    let mut house = House::new();
    let number = house.take("auto");
    house.store().keep_extract(number, &extract("auto"), noon()).unwrap();
    let outcome = Outcome::SetAside {
        judgement: judgement("beoordelen"),
        why: SetAside::Automatic {
            class: AutomaticClass::AutoReply,
            reason: "Een afwezigheidsbericht.".into(),
        },
    };
    house.store().commit(number, outcome, noon()).unwrap();
    assert_eq!(figures(&house), of(&["2026-03-02 aside auto-reply"]));
    let order = PurgeOrder {
        what: Purgeable::Piece(number),
        closed_on: None,
        term: Some("1 month".into()),
        basis: "Selectielijst 13.2".into(),
    };
    house.store().purge(&[order], "lijst", "a.archief", hours(9000)).unwrap();
    house.reopen_without_index();
    assert_eq!(figures(&house), of(&["2026-03-02 aside auto-reply"]));
}
