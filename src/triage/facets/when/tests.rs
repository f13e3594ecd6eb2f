//! What people write, and the days it means on a given day of receipt.

use super::{Answer, Sense, When, whens};
use jiff::civil::{Date, date};

/// Received on Thursday 12 March 2026.
const RECEIVED: Date = date(2026, 3, 12);

fn one(text: &str) -> When {
    let found = whens(text, RECEIVED);
    assert_eq!(found.len(), 1, "{text:?}: {found:?}");
    found[0]
}

#[track_caller]
fn day(text: &str, expected: Date) {
    let when = one(text);
    assert_eq!((when.span.first, when.span.last), (expected, expected), "{text:?}");
}

#[track_caller]
fn between(text: &str, first: Date, last: Date) {
    let when = one(text);
    assert_eq!((when.span.first, when.span.last), (first, last), "{text:?}");
}

#[test]
fn days_with_and_without_a_year() {
    day("15 januari schriftelijk geklaagd", date(2026, 1, 15));
    day("op 12-02-2026 gebeld", date(2026, 2, 12));
    day("op 3/6/25", date(2025, 6, 3));
    day("brief van 2 december", date(2025, 12, 2));
    day("op 19 januari jl. geboren", date(2026, 1, 19));
    day("24 januari '26", date(2026, 1, 24));
    day("8 november 2025", date(2025, 11, 8));
    day("op 5-1 geklaagd", date(2026, 1, 5));
    day("on 12 January.", date(2026, 1, 12));
    day("on January 12th", date(2026, 1, 12));
    day("zaterdag 28 febr. op straat", date(2026, 2, 28));
    day("1e maart", date(2026, 3, 1));
    day("3 juni vorig jaar", date(2025, 6, 3));
    day("2026-03-01", date(2026, 3, 1));
}

#[test]
fn parts_of_months_seasons_and_years() {
    between("begin maart geklaagd", date(2026, 3, 1), date(2026, 3, 12));
    between("in mei 2025", date(2025, 5, 1), date(2025, 5, 31));
    between("in november belde", date(2025, 11, 1), date(2025, 11, 30));
    between("vorig jaar zomer", date(2025, 6, 1), date(2025, 9, 30));
    between("vorig jaar in mei", date(2025, 5, 1), date(2025, 5, 31));
    between("zomer van 2022", date(2022, 6, 1), date(2022, 9, 30));
    between("in 2021 erkend", date(2021, 1, 1), date(2021, 12, 31));
    between("eind 2024", date(2024, 8, 7), date(2024, 12, 31));
    between("in de winter van 2024", date(2024, 12, 1), date(2025, 2, 28));
    between("mei van dit jaar", date(2026, 5, 1), date(2026, 5, 31));
}

#[test]
fn what_is_reckoned_back() {
    between("3 weken geleden", date(2026, 2, 13), date(2026, 2, 19));
    between("twee weken terug", date(2026, 2, 20), date(2026, 2, 26));
    between("gisteren", date(2026, 3, 9), date(2026, 3, 11));
    between("vorige maand", date(2026, 2, 1), date(2026, 2, 28));
    between("afgelopen dinsdag", date(2026, 3, 3), date(2026, 3, 10));
    between("vorige week dinsdag", date(2026, 2, 28), date(2026, 3, 8));
    for text in [
        "drie maanden geleden",
        "een half jaar terug",
        "al 14 weken",
        "sinds een half jaar",
        "al ruim twee maanden",
    ] {
        assert_eq!(one(text).span.at_least_days_before(42, RECEIVED), Answer::Yes, "{text}");
    }
    for text in
        ["een maand geleden", "vijf weken geleden", "bijna zes weken geleden", "een paar weken geleden"]
    {
        assert_eq!(one(text).span.at_least_days_before(42, RECEIVED), Answer::No, "{text}");
    }
    assert_eq!(one("6 weken geleden").span.at_least_days_before(42, RECEIVED), Answer::Yes);
    assert_eq!(one("eind januari").span.at_least_days_before(42, RECEIVED), Answer::Unsure);
}

#[test]
fn feasts_and_what_lies_beside_them() {
    // Easter Sunday was 20 April 2025; receipt is on 12 March 2026.
    between("na Pasen gebeld", date(2025, 4, 22), date(2025, 5, 19));
    between("vlak na Pasen, op de dinsdag", date(2025, 4, 22), date(2025, 5, 1));
    between("de dag na Hemelvaart", date(2025, 5, 30), date(2025, 5, 30));
    between("anderhalve week voor kerst", date(2025, 12, 8), date(2025, 12, 16));
    between("voor de kerst", date(2025, 11, 26), date(2025, 12, 23));
    between("na de zomervakantie", date(2025, 9, 1), date(2025, 9, 28));
    between("met oud en nieuw", date(2025, 12, 31), date(2026, 1, 1));
    between("op Goede Vrijdag", date(2025, 4, 18), date(2025, 4, 18));
    between("na het Suikerfeest", date(2025, 4, 1), date(2025, 4, 28));
    between("in de eerste week van februari", date(2026, 2, 1), date(2026, 2, 8));
    assert_eq!(super::days_later("Een week later heb ik geklaagd."), Some((7, 13)));
    assert_eq!(super::days_later("Dezelfde dag geklaagd."), Some((0, 1)));
    assert_eq!(super::days_later("Toen heb ik geklaagd."), None);
}

#[test]
fn the_sense_of_an_expression() {
    assert_eq!(one("sinds juli").sense, Sense::Since);
    assert_eq!(one("vanaf 1 januari").sense, Sense::Since);
    assert_eq!(one("al 14 weken").sense, Sense::Since);
    assert_eq!(one("tot zomer 2024").sense, Sense::Until);
    assert_eq!(one("op 3 maart").sense, Sense::At);
    assert_eq!(one("uiterlijk 1 april").sense, Sense::Ahead);
}

#[test]
fn a_year_has_three_answers() {
    let year = |text: &str| one(text).span.over_a_year_before(RECEIVED);
    assert_eq!(year("in 2024"), Answer::Yes);
    assert_eq!(year("anderhalf jaar geleden"), Answer::Yes);
    assert_eq!(year("in januari 2025"), Answer::Yes);
    assert_eq!(year("twee jaar terug"), Answer::Yes);
    assert_eq!(year("ruim een jaar geleden"), Answer::Yes);
    assert_eq!(year("vorig jaar"), Answer::Unsure);
    assert_eq!(year("een jaar geleden"), Answer::Unsure);
    assert_eq!(year("in mei"), Answer::No);
    assert_eq!(year("een half jaar geleden"), Answer::No);
}

#[test]
fn numbers_that_are_no_dates() {
    for text in [
        "0900-8844 gebeld",
        "kenteken GX-18-ZP",
        "kenmerk 7719-NL",
        "06 39 00 41 2x",
        "Postbus 2024",
        "I may march on",
        "14:30 uur",
        "zaak 2025-1187",
        "24/7 bereikbaar",
        "drie weken later",
        "€ 2.316,40",
        "binnen twee weken",
        "",
    ] {
        assert_eq!(whens(text, RECEIVED), vec![], "{text:?}");
    }
}

#[test]
fn several_in_one_sentence_and_no_panic_on_odd_input() {
    let found = whens("van 1 juli tot en met 31 augustus 2025", RECEIVED);
    assert_eq!(found.len(), 2);
    assert_eq!(found[1].sense, Sense::Until);
    for text in [
        "31 februari 2026",
        "99-99-9999",
        "een een een of",
        "half",
        "'",
        "sinds",
        "al",
        "van van van 2",
        "٣ مايو",
        "1/1/1/1",
    ] {
        let _ = whens(text, RECEIVED);
        let _ = whens(text, date(-9999, 1, 1));
    }
}
