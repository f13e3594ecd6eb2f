//! Cases that are perhaps one: offered by the likeness of their words, joined by a person only.

use crate::support::*;
use bode::record::*;
use bode::store::StoreError;

const COMPLAINT: &str = "Op dinsdag 3 februari stond ik om kwart over tien aan de balie van het stadhuis om mijn rijbewijs te \
    verlengen. De medewerker achter loket vier zei dat mijn pasfoto niet goed was en weigerde uit te leggen waarom. Toen ik \
    ernaar vroeg draaide hij zich om en liep weg. Ik heb daar nog een half uur gestaan, zonder dat iemand mij hielp. Een week \
    later kreeg ik een brief dat mijn aanvraag was ingetrokken, terwijl ik die nooit heb ingetrokken.";
const OTHER: &str = "Al maanden staat er een kapotte lantaarn voor mijn huis. Ik heb dat zes keer gemeld in de app en telkens \
    wordt de melding gesloten zonder dat er iets gebeurt. Vorige week viel mijn buurvrouw in het donker over een losse tegel. \
    Niemand van de wijk belt terug, en op mijn mails van januari en maart kwam nooit een antwoord.";

fn open(house: &House, mark: &str, text: &str) -> CaseNumber {
    let number = house.take(mark);
    let mut extract = extract(mark);
    extract.documents[0].text = text.to_owned();
    house.store().keep_extract(number, &extract, noon()).unwrap();
    let case = house.store().next_case_number(2026).unwrap();
    house.store().commit(number, new_case(case, "nieuw", send()), noon()).unwrap();
    case
}

fn offered(house: &House, case: CaseNumber) -> Vec<CaseNumber> {
    house.row(case).alike.iter().map(|alike| alike.case).collect()
}

#[test]
fn the_same_complaint_twice_is_offered_to_both_and_joined_by_a_person() {
    let mut house = House::new();
    let mail = open(&house, "mail", COMPLAINT);
    let other = open(&house, "ander", OTHER);
    // As a poor scan has it: every ninth word misread, letters for digits, a head and a foot.
    let words = COMPLAINT.split_whitespace().enumerate().map(|(n, word)| match n % 9 {
        0 => "xqz".to_owned(),
        _ => word.replace('l', "1").replace('é', "e"),
    });
    let scan = format!("Aan de ombudsman\n{}\nHoogachtend", words.collect::<Vec<_>>().join("\n"));
    let letter = open(&house, "brief", &scan);
    assert_eq!((offered(&house, letter), offered(&house, mail)), (vec![mail], vec![letter]));
    assert!(offered(&house, other).is_empty());
    let percent = house.row(letter).alike[0].percent;
    assert!((30..100).contains(&percent), "{percent}");
    assert_eq!(house.row(letter).status, CaseStatus::Open, "nothing joins by itself");
    house.assert_clean();
    let before = house.all_answers();
    house.reopen_without_index();
    assert_eq!(house.all_answers(), before);

    let store = house.store();
    assert!(matches!(store.join_cases(mail, None, mail, "j", hours(1)), Err(StoreError::State { .. })));
    let old = house.row(letter).revision;
    let row = store.join_cases(letter, Some(old), mail, "j.jansen", hours(1)).unwrap();
    assert_eq!(
        (row.status, row.joined_to, row.alike.len(), row.due),
        (CaseStatus::Closed, Some(mail), 0, None)
    );
    assert_eq!((house.row(mail).joined, house.row(mail).alike), (vec![letter], vec![]));
    assert_eq!(store.goes_on_in(letter).unwrap(), mail);
    assert!(matches!(store.join_cases(letter, None, other, "j", hours(1)), Err(StoreError::State { .. })));
    assert!(matches!(store.join_cases(other, None, letter, "j", hours(1)), Err(StoreError::State { .. })));
    for case in [mail, letter] {
        assert!(store.history(case).unwrap().iter().any(|line| line.what.contains("gevoegd")));
    }
    // Taken up again by a person, each stands by itself.
    store.decide(letter, None, decision(Verdict::Reopen, ""), hours(2)).unwrap();
    assert_eq!((house.row(letter).joined_to, house.row(mail).joined), (None, vec![]));
    assert_eq!(store.goes_on_in(letter).unwrap(), letter);
    house.assert_clean();
    let before = house.all_answers();
    house.reopen_without_index();
    assert_eq!(house.all_answers(), before);
}

#[test]
fn a_form_letter_is_bounded() {
    let house = House::new();
    let cases: Vec<CaseNumber> =
        (0..30).map(|n| open(&house, &format!("formulier {n}"), COMPLAINT)).collect();
    for case in cases {
        assert!(offered(&house, case).len() <= 3);
    }
    house.assert_clean();
}

#[test]
fn an_offer_that_a_person_turns_down_is_gone_on_both_sides() {
    let mut house = House::new();
    let (one, other) = (open(&house, "een", COMPLAINT), open(&house, "twee", COMPLAINT));
    assert_eq!(offered(&house, one), [other]);
    let stale = house.store().not_alike(one, Some(1), other, "j.jansen", hours(1));
    assert!(matches!(stale, Err(StoreError::Changed { .. })));
    house.store().not_alike(one, None, other, "j.jansen", hours(1)).unwrap();
    assert!(offered(&house, one).is_empty() && offered(&house, other).is_empty());
    assert!(house.store().not_alike(one, None, other, "j.jansen", hours(1)).is_err());
    house.assert_clean();
    let before = house.all_answers();
    house.reopen_without_index();
    assert_eq!(house.all_answers(), before);
}
