//! The words of texts: found in whatever was read of a piece, typed right or wrong; kept, merged, destroyed, sealed and built again.

use crate::support::*;
use bode::record::*;
use bode::store::{CaseFilter, CasePage, PurgeOrder, Purgeable, ReadAs, Store, new_key};
use std::path::PathBuf;

fn document(name: Option<&str>, text: &str) -> Document {
    Document { name: name.map(str::to_owned), ..Document::typed(Method::Text, text) }
}

/// A case whose message says this, with these files on it.
fn says(house: &House, mark: &str, text: &str, files: &[(&str, &str)]) -> CaseNumber {
    let number = house.take(mark);
    let mut read = extract(mark);
    read.documents[0].text = text.to_owned();
    read.documents.extend(files.iter().map(|(name, text)| document(Some(name), text)));
    house.store().keep_extract(number, &read, noon()).unwrap();
    let case = house.store().next_case_number(2026).unwrap();
    house.store().commit(number, new_case(case, "nieuw", withhold()), noon()).unwrap();
    case
}

fn follow(house: &House) {
    while house.store().follow_texts(3).unwrap() > 0 {}
}

fn search(store: &Store, words: &str) -> CasePage {
    let filter = CaseFilter { text: Some(words.into()), ..CaseFilter::default() };
    store.cases(&filter).unwrap()
}

fn found(house: &House, words: &str) -> Vec<CaseNumber> {
    let mut numbers: Vec<_> = search(house.store(), words).rows.iter().map(|row| row.number).collect();
    numbers.sort();
    numbers
}

fn parts(house: &House) -> Vec<PathBuf> {
    let items = std::fs::read_dir(house.path().join("index-texts")).into_iter().flatten();
    let mut parts: Vec<_> = items.map(|item| item.unwrap().path()).collect();
    parts.retain(|path| path.extension().is_some_and(|ending| ending == "part"));
    parts.sort();
    parts
}

fn destroy(house: &House, case: CaseNumber) {
    let order = PurgeOrder {
        what: Purgeable::Case(case, house.row(case).revision),
        closed_on: None,
        term: None,
        basis: "AVG 17".into(),
    };
    let report = house.store().purge(&[order], "list", "a.archief", hours(9)).unwrap();
    assert_eq!(report.cases, 1, "{report:?}");
}

#[test]
fn that_nothing_is_left_to_take_in_is_told_of_what_was() {
    let house = House::new();
    follow(&house);
    assert!(house.store().texts_are_up());
    let case = says(&house, "een", "Het riool stinkt.", &[]);
    assert!(!house.store().texts_are_up());
    follow(&house);
    assert!(house.store().texts_are_up());
    assert_eq!(found(&house, "riool"), [case]);
}

#[test]
fn cases_are_found_by_every_word_that_was_read_of_them() {
    let house = House::new();
    let tram = says(&house, "a", "De trambestuurder reed door. Mijn kenmerk is ZK-4471.", &[]);
    let permit = says(
        &house,
        "b",
        "Zie de bijlage.",
        &[(
            "Bezwaarschrift-Mei.pdf",
            "Mijn parkeervergunning is geweigerd door café De Brug. Postcode 2511 BT.",
        )],
    );
    assert_eq!(search(house.store(), "trambestuurder").total, 0, "nothing was taken in yet");
    assert!(search(house.store(), "trambestuurder").unread > 0, "which is told");
    follow(&house);
    assert_eq!(search(house.store(), "trambestuurder").unread, 0);
    for (words, wanted) in [
        ("trambestuurder", vec![tram]),
        ("trambestuurders", vec![tram]),
        ("TRAM", vec![tram]),
        ("zk-4471", vec![tram]),
        ("4471", vec![tram]),
        ("parkeervergunningen", vec![permit]),
        ("vergunningen geweigerd", vec![]),
        ("geweigerde parkeer", vec![permit]),
        ("cafe brug", vec![permit]),
        ("2511bt", vec![]),
        ("2511 bt", vec![permit]),
        ("bezwaarschriften", vec![permit]),
        ("bezwaarschrift-mei.pdf", vec![permit]),
        ("geertje parkeervergunning", vec![permit]),
        ("voorbeeld.example.nl", vec![tram, permit]),
        ("tram parkeervergunning", vec![]),
    ] {
        assert_eq!(found(&house, words), wanted, "{words}");
    }
    // What comes later, and what is laid with a case.
    let more = house.take("c");
    let mut read = extract("c");
    read.documents[0].text = "Nog een foto van de dakgoot.".into();
    house.store().keep_extract(more, &read, noon()).unwrap();
    house.store().commit(more, joins(tram, withhold()), noon()).unwrap();
    follow(&house);
    assert_eq!(found(&house, "dakgoot trambestuurder"), [tram], "over all pieces of a case");
    let texts = house.store().texts_of(more).unwrap();
    assert_eq!(texts, ["Nog een foto van de dakgoot."]);
    let narrowed =
        CaseFilter { text: Some("dakgoot".into()), queue: Some("spoed".into()), ..CaseFilter::default() };
    assert_eq!(house.store().cases(&narrowed).unwrap().total, 0);
}

#[test]
fn a_citizen_service_number_is_not_among_the_words() {
    let house = House::new();
    says(&house, "a", "Mijn BSN is 111222333. Graag antwoord.", &[]);
    follow(&house);
    assert_eq!(found(&house, "111222333"), []);
    assert_eq!(found(&house, "graag").len(), 1);
    house.store().keep_texts().unwrap();
    let bytes = std::fs::read(&parts(&house)[0]).unwrap();
    assert!(!bytes.windows(9).any(|part| part == b"111222333"));
    let record = house.row(CaseNumber::new(2026, 1)).records[0];
    assert!(!house.store().texts_of(record).unwrap()[0].contains("111222333"));
}

#[test]
fn a_word_that_stands_nowhere_is_read_as_the_nearest_that_does() {
    let house = House::new();
    let permit = says(&house, "a", "Mijn parkeervergunning is geweigerd.", &[]);
    let tram = says(&house, "b", "De tram reed door. De straten waren leeg.", &[]);
    let street = says(&house, "c", "De straat is stuk.", &[]);
    follow(&house);
    for kept in [false, true] {
        if kept {
            house.store().keep_texts().unwrap();
        }
        for (typed, read, wanted) in [
            ("parkeervergunnign", "parkeervergunning", permit),
            ("prakeervergunnig", "parkeervergunning", permit),
            ("parkeervergunninng", "parkeervergunning", permit),
            ("geweigert", "geweigerd", permit),
            ("rtam", "tram", tram),
            ("xarkeervergunning", "parkeervergunning", permit),
        ] {
            let page = search(house.store(), typed);
            assert_eq!(page.read_as, [ReadAs { typed: typed.into(), read: read.into() }], "{typed}");
            assert_eq!(page.rows.iter().map(|row| row.number).collect::<Vec<_>>(), [wanted], "{typed}");
            let filter = CaseFilter { text: Some(typed.into()), literal: true, ..CaseFilter::default() };
            let page = house.store().cases(&filter).unwrap();
            assert_eq!((page.total, page.read_as.len()), (0, 0), "{typed}");
        }
        // A word that stands somewhere is not changed, and neither are numbers and short words.
        for typed in ["straat tram", "uvw", "4472"] {
            let page = search(house.store(), typed);
            assert_eq!((page.total, page.read_as.len()), (0, 0), "{typed}");
        }
        let page = search(house.store(), "straet stuk");
        assert_eq!(page.read_as.len(), 1);
        assert_eq!(page.rows[0].number, street);
    }
}

#[test]
fn words_are_kept_merged_and_built_again() {
    let mut house = House::new();
    let mut cases = Vec::new();
    for i in 0..14 {
        cases.push(says(&house, &format!("m{i}"), &format!("Samen getal{i} woord{}", i % 3), &[]));
        follow(&house);
        house.store().keep_texts().unwrap();
    }
    assert!((1..=6).contains(&parts(&house).len()), "{:?}", parts(&house));
    let expect = |house: &House| {
        assert_eq!(found(house, "samen"), cases);
        assert_eq!(found(house, "getal7"), [cases[7]]);
        assert_eq!(found(house, "samen woord2"), [2, 5, 8, 11].map(|i| cases[i]));
        assert_eq!(search(house.store(), "samen").unread, 0);
    };
    expect(&house);
    house.reopen();
    assert_eq!(house.store().texts_behind().unwrap(), 0, "nothing is read again");
    expect(&house);
    // Beside the store, for reading.
    house.close();
    let beside = Store::open_read_only(house.place()).unwrap();
    assert_eq!(search(&beside, "getal7").total, 1);
    drop(beside);
    // Half a part, and none at all.
    for break_it in [0, 1, 2, 3] {
        let part = parts(&house).pop().unwrap();
        match break_it {
            0 => std::fs::write(&part, b"odd").unwrap(),
            1 => {
                let mut bytes = std::fs::read(&part).unwrap();
                bytes[3] ^= 0xff;
                std::fs::write(&part, bytes).unwrap();
            }
            2 => std::fs::remove_dir_all(house.path().join("index-texts")).unwrap(),
            _ => std::fs::write(house.path().join("index-texts/parts.json"), b"{").unwrap(),
        }
        std::fs::write(house.path().join("index-texts-left"), b"").unwrap();
        house.reopen();
        if break_it == 1 {
            // Seen when it is read: by a search, which tells, or by the next merging.
            let filter = CaseFilter { text: Some("samen".into()), ..CaseFilter::default() };
            let seen = house.store().cases(&filter);
            assert!(seen.is_ok(), "{seen:?}");
        }
        follow(&house);
        expect(&house);
        house.store().keep_texts().unwrap();
        house.close();
    }
}

#[test]
fn a_destroyed_case_is_in_no_part() {
    let mut house = House::new();
    let goes = says(&house, "a", "Het kanarievogeltje zong samen.", &[]);
    let stays = says(&house, "b", "De papegaai zong samen.", &[]);
    follow(&house);
    house.store().keep_texts().unwrap();
    let fresh = says(&house, "c", "De zeemeeuw zong samen.", &[]);
    follow(&house);
    let in_files = |house: &House, word: &[u8]| {
        parts(house)
            .iter()
            .any(|part| std::fs::read(part).unwrap().windows(word.len()).any(|bytes| bytes == word))
    };
    assert!(in_files(&house, b"kanarievogeltje"), "else the test would see nothing");
    destroy(&house, goes);
    destroy(&house, fresh);
    assert_eq!(found(&house, "samen"), [stays]);
    house.store().keep_texts().unwrap();
    for gone in ["kanarievogeltje", "zeemeeuw"] {
        assert!(!in_files(&house, gone.as_bytes()), "{gone}");
        let page = search(house.store(), gone);
        assert_eq!((page.total, page.read_as.len()), (0, 0), "{gone}");
    }
    house.reopen_without_index();
    follow(&house);
    assert_eq!(found(&house, "samen"), [stays]);
    // Taken in after it was destroyed.
    house.close();
    std::fs::remove_dir_all(house.path().join("index-texts")).unwrap();
    house.reopen();
    follow(&house);
    assert_eq!(found(&house, "samen"), [stays]);
    assert_eq!(found(&house, "zeemeeuw"), []);
}

#[test]
fn a_sealed_store_seals_its_words_and_a_new_key_builds_them_again() {
    let mut house = House::sealed();
    let case = says(&house, "a", "Het kanarievogeltje zong.", &[]);
    follow(&house);
    house.store().keep_texts().unwrap();
    let bytes = std::fs::read(&parts(&house)[0]).unwrap();
    assert!(!bytes.windows(6).any(|part| part == b"kanari"), "a word lies open");
    for words in ["kanarie", "kanarievogeltje zong", "kanareivogeltje"] {
        assert_eq!(found(&house, words), [case], "{words}");
    }
    house.reopen();
    assert_eq!((found(&house, "kanarie"), house.store().texts_behind().unwrap()), (vec![case], 0));
    let key_file = house.key_file.clone().unwrap();
    house.close();
    let other = house.dir.path().join("other");
    new_key(&other, "twee").unwrap();
    let both = [std::fs::read(&other).unwrap(), std::fs::read(&key_file).unwrap()].concat();
    std::fs::write(&key_file, both).unwrap();
    house.reopen();
    follow(&house);
    assert_eq!(found(&house, "kanarie"), [case]);
    assert_eq!(search(house.store(), "kanarie").unread, 0);
}

#[test]
fn words_of_another_journal_are_not_believed() {
    let mut house = House::new();
    says(&house, "a", "Het kanarievogeltje zong.", &[]);
    follow(&house);
    house.store().keep_texts().unwrap();
    house.close();
    // As after a restore into the same place, with a shorter journal.
    let kept = house.path().join("index-texts");
    let aside = house.dir.path().join("kept");
    std::fs::rename(&kept, &aside).unwrap();
    std::fs::remove_dir_all(house.path()).unwrap();
    house.reopen();
    says(&house, "b", "De papegaai zong.", &[]);
    house.close();
    std::fs::remove_dir_all(&kept).ok();
    std::fs::rename(&aside, &kept).unwrap();
    house.reopen();
    follow(&house);
    assert_eq!(found(&house, "kanarievogeltje"), []);
    assert_eq!(found(&house, "papegaai").len(), 1);
}
