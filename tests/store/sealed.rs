//! The store sealed at rest: nothing to be read without the key, nothing to be moved or cut off, and every way to a new
//! key cut off half-way.

use crate::support::*;
use bode::record::*;
use bode::store::{Store, StoreError, new_key, sealed_counts};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Every file under a folder.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for item in fs::read_dir(dir).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

/// Files under the store that hold any of these words, in any case.
fn holding(house: &House, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for path in files(&house.path()) {
        let bytes = fs::read(&path).unwrap().to_ascii_lowercase();
        for word in words {
            let word = word.to_ascii_lowercase();
            if bytes.windows(word.len()).any(|part| part == word.as_bytes()) {
                found.push(format!("{}: {word}", path.display()));
            }
        }
    }
    found
}

/// Words that stand in what `filled` takes in, writes and is told.
const WORDS: [&str; 6] = [NAME, ADDRESS, SUBJECT, "Bericht een", "Teruggebeld met", "mailbox full"];

/// Two cases with everything that people and servers can add to one.
fn fill(house: &House) -> CaseNumber {
    let case = house.case("een", "nieuw", send());
    let store = house.store();
    store.answer_attempted(case, noon()).unwrap();
    store.answer_deferred(case, noon(), &format!("451 {ADDRESS} mailbox full"), noon()).unwrap();
    store.note(case, "j.jansen", &format!("Teruggebeld met {NAME}."), noon()).unwrap();
    store.decide(case, None, decision(Verdict::TakeUp, NAME), noon()).unwrap();
    let aside_record = house.take("twee");
    store.keep_extract(aside_record, &extract("twee"), noon()).unwrap();
    store.commit(aside_record, aside(), noon()).unwrap();
    store.envelope_key().unwrap();
    case
}

#[test]
fn nothing_of_a_citizen_is_in_any_file_of_a_sealed_store() {
    let open = House::new();
    let case = fill(&open);
    for word in WORDS {
        assert!(!holding(&open, &[word]).is_empty(), "the test looks for {word:?}, which nobody wrote");
    }
    let mut sealed = House::sealed();
    assert_eq!(fill(&sealed), case);
    assert_eq!(sealed.all_answers(), open.all_answers());
    sealed.close();
    assert_eq!(holding(&sealed, &WORDS), Vec::<String>::new());
    sealed.reopen();
    assert!(sealed.store().opening().rebuilt.is_none());
    sealed.assert_clean();
    sealed.reopen_without_index();
    assert_eq!(sealed.all_answers(), open.all_answers());
    sealed.assert_clean();
    assert_eq!(holding(&sealed, &WORDS), Vec::<String>::new());
}

#[test]
fn an_open_store_is_sealed_and_a_new_key_takes_over() {
    let mut house = House::new();
    let case = fill(&house);
    let before = house.all_answers();
    let key = house.store().envelope_key().unwrap();
    house.close();
    let key_file = house.dir.path().join("key");
    new_key(&key_file, "een").unwrap();
    house.key_file = Some(key_file.clone());
    house.reopen();
    assert_eq!(house.all_answers(), before, "what lay open still opens");
    house.store().note(case, "j.jansen", "Nieuw.", noon()).unwrap();
    house.assert_clean();
    let counts = sealed_counts(&house.place()).unwrap();
    assert!(counts.plain > 8 && counts.sealed == 1 && counts.sealed_with_older_key == 0, "{counts:?}");
    let done = house.store().seal_all(&mut |_, _| {}).unwrap();
    assert_eq!(sealed_counts(&house.place()).unwrap().plain, 0);
    assert!(done.plain > 8 && done.already == 1 && done.damaged.is_empty(), "{done:?}");
    house.assert_clean();
    house.close();
    assert_eq!(holding(&house, &WORDS), Vec::<String>::new());

    new_key(&key_file, "twee").unwrap();
    house.reopen();
    let after = house.all_answers();
    house.close();
    let lines = fs::read_to_string(&key_file).unwrap();
    let only_new: String =
        lines.lines().filter(|line| !line.starts_with("een ")).map(|l| format!("{l}\n")).collect();
    fs::write(&key_file, &only_new).unwrap();
    assert!(matches!(Store::open(house.place()), Err(StoreError::Key { fault }) if fault.contains("een")));
    fs::write(&key_file, &lines).unwrap();
    house.reopen();
    let done = house.store().seal_all(&mut |_, _| {}).unwrap();
    assert!(done.sealed > 8 && done.plain == 0 && done.already == 0, "{done:?}");
    house.close();
    fs::write(&key_file, &only_new).unwrap();
    house.reopen();
    assert_eq!(house.all_answers(), after);
    assert_eq!(house.store().envelope_key().unwrap(), key);
    house.assert_clean();
}

#[test]
fn sealing_that_was_cut_off_goes_on() {
    let mut house = House::new();
    fill(&house);
    let before = house.all_answers();
    house.close();
    let key_file = house.dir.path().join("key");
    new_key(&key_file, "een").unwrap();
    house.key_file = Some(key_file.clone());
    house.reopen();
    house.store().seal_all(&mut |_, _| {}).unwrap();
    house.close();
    new_key(&key_file, "twee").unwrap();
    // As a kill leaves it: some files sealed anew, some not, one written under its temporary name, half.
    let old = house.dir.path().join("old");
    copy(&house.path().join("originals"), &old);
    house.reopen();
    house.store().seal_all(&mut |_, _| {}).unwrap();
    house.close();
    for (index, path) in files(&old).iter().enumerate() {
        let now = house.path().join("originals").join(path.strip_prefix(&old).unwrap());
        if index % 2 == 0 {
            fs::remove_file(&now).unwrap();
            fs::copy(path, &now).unwrap();
        }
        if index == 3 {
            let name = format!(".{}.tmp", now.file_name().unwrap().to_str().unwrap());
            fs::write(now.with_file_name(name), NAME).unwrap();
        }
    }
    let named = fs::read_to_string(&key_file).unwrap();
    // The older key was still named as in use when the kill came.
    house.reopen();
    assert!(named.contains("een") && named.contains("twee"));
    assert_eq!(house.all_answers(), before);
    let done = house.store().seal_all(&mut |_, _| {}).unwrap();
    assert!(done.sealed > 3 && done.already > 3, "{done:?}");
    let again = house.store().seal_all(&mut |_, _| {}).unwrap();
    assert_eq!((again.sealed, again.already), (0, done.sealed + done.already));
    house.assert_clean();
    house.close();
    assert_eq!(holding(&house, &WORDS), Vec::<String>::new());
    let in_use = fs::read_to_string(house.path().join("sealed")).unwrap();
    assert!(in_use.starts_with("twee ") && in_use.lines().count() == 1, "{in_use}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let path = item.unwrap().path();
        let place = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &place) } else { assert!(fs::copy(&path, &place).is_ok()) }
    }
}

#[test]
fn without_the_right_key_nothing_starts_and_nothing_is_changed() {
    let mut house = House::sealed();
    fill(&house);
    house.close();
    let key_file = house.key_file.clone().unwrap();
    let before: Vec<_> =
        files(&house.path()).iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    let other = house.dir.path().join("other");
    new_key(&other, "een").unwrap();
    let third = house.dir.path().join("third");
    new_key(&third, "drie").unwrap();
    let empty = house.dir.path().join("empty");
    fs::write(&empty, "# no key\n").unwrap();
    fs::set_permissions(&empty, fs::Permissions::from_mode(0o600)).unwrap();
    let open_to_all = house.dir.path().join("open-to-all");
    fs::copy(&key_file, &open_to_all).unwrap();
    fs::set_permissions(&open_to_all, fs::Permissions::from_mode(0o640)).unwrap();
    for (key_file, told) in [
        (None, "the key een is needed"),
        (Some(other), "is another one"),
        (Some(third), "does not hold the key een"),
        (Some(empty), "bode key new"),
        (Some(open_to_all), "chmod 600"),
        (Some(house.dir.path().join("nowhere")), "cannot be read"),
    ] {
        let place = StorePlace { dir: house.path(), key_file };
        for opened in [Store::open(&place), Store::open_read_only(&place)] {
            match opened {
                Err(StoreError::Key { fault }) => assert!(fault.contains(told), "{fault}"),
                other => panic!("{told}: {other:?}"),
            }
        }
    }
    // The lock file holds the number of the process that tried.
    for (path, bytes) in before.iter().filter(|(path, _)| !path.ends_with("lock")) {
        assert_eq!(&fs::read(path).unwrap(), bytes, "{}", path.display());
    }
    house.reopen();
    house.assert_clean();
}

#[test]
fn what_was_changed_cut_off_or_swapped_is_told_with_its_number() {
    let mut house = House::sealed();
    fill(&house);
    let (first, second) = ("2026/000001", "2026/000002");
    let path = |record: &str, name: &str| house.path().join("originals").join(record).join(name);
    let (one, two) = (path(first, "record.json"), path(second, "record.json"));
    let (mail, card) = (path(first, "original.eml"), path(first, "extract.json"));
    let unlocked = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        fs::remove_file(path).unwrap();
        bytes
    };
    let (a, b) = (unlocked(&one), unlocked(&two));
    fs::write(&one, &b).unwrap();
    fs::write(&two, &a).unwrap();
    let mut whole = unlocked(&mail);
    let at = whole.len() / 2;
    whole[at] ^= 1;
    fs::write(&mail, &whole).unwrap();
    let mut cut = unlocked(&card);
    cut.truncate(cut.len() - 1);
    fs::write(&card, &cut).unwrap();
    let report = house.store().verify(noon()).unwrap();
    let told: Vec<String> = report.exceptions.iter().map(ToString::to_string).collect();
    for what in [
        "het origineel van stuk R2026-000001 is beschadigd",
        "record.json van stuk R2026-000001 is beschadigd",
        "record.json van stuk R2026-000002 is beschadigd",
        "extract.json van stuk R2026-000001 is beschadigd",
    ] {
        assert!(
            told.iter().any(|line| line.starts_with(what) && line.contains("back-up")),
            "{what}: {told:#?}"
        );
    }
    // The rest goes on: a damaged file makes a poorer row, never a stop.
    house.reopen();
    let done = house.store().seal_all(&mut |_, _| {}).unwrap();
    assert_eq!(done.sealed, 0);
}

#[test]
fn a_letter_that_looks_sealed_is_only_a_letter() {
    let mut bytes = vec![0xb0, 0xde, b's', b'e', b'a', b'l', 0x0d, 0x0a, 1, 3, b'e', b'e', b'n'];
    bytes.resize(3_000_000, 7);
    for mut house in [House::new(), House::sealed()] {
        let mut numbers = Vec::new();
        for length in [8, 9, 10, 30, 1_048_576, 1_048_577, bytes.len()] {
            let mut piece = arrival("x");
            piece.bytes = bytes[..length].to_vec();
            let registered = house.store().register(&[piece], noon()).unwrap();
            numbers.push((registered[0].number(), length));
        }
        house.reopen();
        for (number, length) in numbers {
            assert_eq!(house.store().original(number).unwrap(), &bytes[..length]);
        }
        house.assert_clean();
    }
}
