//! Backup and restore of a store: incremental, cut off, damaged, of a sealed store, after a purge; numbers and answers after
//! a restore.

use crate::support::*;
use bode::record::*;
use bode::store::{
    BackupReport, CopyError, CopyOf, PurgeOrder, Purgeable, Registered, Store, StoreError, backup,
    read_manifest, restore,
};
use std::path::{Path, PathBuf};

const OF: CopyOf<'_> = CopyOf { office: "den-haag", bode: "0.1.0", without: &[] };

fn back_up(house: &House, dir: &Path) -> Result<BackupReport, CopyError> {
    backup(&house.path().into(), dir, &OF, noon(), &mut |_, _| ())
}

fn put_back(dir: &Path, to: &Path) -> Result<bode::store::Restored, CopyError> {
    restore(dir, &to.into(), "den-haag", "p.post", hours(24), &mut |_, _| ())
}

/// A case with a sent answer, a decision and a note.
fn done(house: &House, mark: &str) -> CaseNumber {
    let case = house.case(mark, "nieuw", send());
    house.store().answer_sent(case, hours(1)).unwrap();
    house.store().note(case, "k.klaas", &format!("{NAME} belde ({mark})"), hours(2)).unwrap();
    house.store().decide(case, None, decision(Verdict::TakeUp, "klopt"), hours(3)).unwrap();
    case
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(dir) = todo.pop() {
        for item in std::fs::read_dir(dir).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() { todo.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

#[test]
fn what_is_put_back_gives_the_same_answers() {
    let house = House::new();
    house.store().founded_at(noon()).unwrap();
    house.store().envelope_key().unwrap();
    house.store().keep_rules("0123abcd", &[("rules.toml".into(), "x = 1".into())]).unwrap();
    std::fs::write(house.path().join("accounts.json"), b"{}").unwrap();
    for mark in ["een", "twee", "drie"] {
        done(&house, mark);
    }
    house.take("in-werk");
    let copy = tempfile::tempdir().unwrap();
    let first = back_up(&house, copy.path()).unwrap();
    assert!(first.new_files > 20 && first.absent.is_empty() && first.resumed.is_none(), "{first:?}");
    // The lists are those of sha256sum.
    let list = std::fs::read_dir(copy.path().join("lists")).unwrap().next().unwrap().unwrap().path();
    let checked = std::process::Command::new("sha256sum")
        .args(["-c", "--quiet"])
        .arg(&list)
        .current_dir(copy.path().join("store"))
        .status()
        .unwrap();
    assert!(checked.success());

    // A second one brings only what is new; the store stays open meanwhile.
    done(&house, "vier");
    let second = back_up(&house, copy.path()).unwrap();
    assert!(
        second.new_files < 10 && second.files > first.files && second.entries > first.entries,
        "{second:?}"
    );
    let third = back_up(&house, copy.path()).unwrap();
    assert_eq!((third.new_files, third.new_bytes, third.files), (0, 0, second.files));

    let place = tempfile::tempdir().unwrap();
    let to = place.path().join("store");
    let restored = put_back(copy.path(), &to).unwrap();
    assert_eq!(restored.held, 0);
    let (ours, theirs) = (all_answers(house.store()), all_answers(&restored.store));
    assert_eq!(ours, theirs);
    let report = restored.store.verify(hours(24)).unwrap();
    assert!(report.is_clean(), "{:#?}", report.exceptions);
    assert_eq!(restored.store.envelope_key().unwrap(), house.store().envelope_key().unwrap());
    assert_eq!(restored.store.founded_at(hours(9)).unwrap(), noon());
    assert!(to.join("rules/0123abcd/rules.toml").exists() && to.join("accounts.json").exists());
    // Never over something.
    drop(restored);
    let again = put_back(copy.path(), &to).unwrap_err().to_string();
    assert!(again.contains("is not empty") && again.contains("mv "), "{again}");
    // The restored store goes on into the same directory.
    let store = Store::open(&to).unwrap();
    store.pause_sending(false, "p.post", hours(25)).unwrap();
    let more = backup(&(&to).into(), copy.path(), &OF, hours(26), &mut |_, _| ()).unwrap();
    assert!(more.entries > third.entries);
    // And the old one, which has gone another way, does not.
    done(&house, "vijf");
    let other = back_up(&house, copy.path()).unwrap_err().to_string();
    assert!(other.contains("another store"), "{other}");
}

#[test]
fn no_answer_goes_out_twice_and_no_number_is_given_twice_after_a_restore() {
    let house = House::new();
    let waits = house.case("wacht", "nieuw", send());
    let in_work = house.take("in-werk");
    let copy = tempfile::tempdir().unwrap();
    back_up(&house, copy.path()).unwrap();
    // Since the backup: it went out, the piece in work was judged and answered, and a number was given.
    house.store().answer_sent(waits, hours(1)).unwrap();
    let given = house.case("daarna", "nieuw", send());

    let place = tempfile::tempdir().unwrap();
    let restored = put_back(copy.path(), &place.path().join("store")).unwrap();
    let store = &restored.store;
    assert_eq!(restored.held, 1);
    assert!(store.sending_paused().unwrap().is_some());
    let answer = store.case(waits).unwrap().unwrap().answer.unwrap();
    assert!(
        matches!(answer.state, AnswerState::Held { ref reason } if reason.contains("back-up")),
        "{answer:?}"
    );
    store.keep_extract(in_work, &extract("in-werk"), noon()).unwrap();
    let case = store.next_case_number(2026).unwrap();
    assert!(case.serial > given.serial && case.serial == 1001, "{case}");
    store.commit(in_work, new_case(case, "nieuw", send()), noon()).unwrap();
    let answer = store.case(case).unwrap().unwrap().answer.unwrap();
    assert!(matches!(answer.state, AnswerState::Held { .. }), "{answer:?}");
    assert!(store.due_answers(hours(1000), 10).unwrap().is_empty());
    // What comes new is answered as ever, once a person lets answers go.
    store.pause_sending(false, "p.post", hours(25)).unwrap();
    let Registered::New(record) = &store.register(&[arrival("nieuw")], noon()).unwrap()[0] else { panic!() };
    assert!(record.number.serial > 1000);
    store.keep_extract(record.number, &extract("nieuw"), noon()).unwrap();
    let case = store.next_case_number(2026).unwrap();
    store.commit(record.number, new_case(case, "nieuw", send()), noon()).unwrap();
    assert_eq!(store.due_answers(hours(1000), 10).unwrap().len(), 1);
    let report = store.verify(noon()).unwrap();
    assert!(report.is_clean(), "{:#?}", report.exceptions);
    // Built again it says the same.
    let before = all_answers(store);
    drop(restored);
    std::fs::remove_dir_all(place.path().join("store/index")).unwrap();
    assert_eq!(all_answers(&Store::open(place.path().join("store")).unwrap()), before);
}

#[test]
fn a_damaged_copy_is_refused_by_name_and_mended_by_the_next_backup() {
    let house = House::new();
    done(&house, "een");
    let copy = tempfile::tempdir().unwrap();
    back_up(&house, copy.path()).unwrap();
    let place = tempfile::tempdir().unwrap();
    let to = place.path().join("store");
    for path in files(copy.path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name == ".lock" {
            continue;
        }
        let whole = std::fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x20;
        std::fs::write(&path, &bytes).unwrap();
        // Damage of the manifest shows in what it says, or not to be JSON.
        let fault = put_back(copy.path(), &to).map(|_| ()).unwrap_err().to_string();
        assert!(fault.contains(&name) || name == "manifest.json", "{}: {fault}", path.display());
        assert!(!to.join("journal").exists(), "{fault}");
        std::fs::remove_file(&path).unwrap();
        let fault = put_back(copy.path(), &to).map(|_| ()).unwrap_err().to_string();
        assert!(fault.contains(&name) || fault.contains("holds no backup"), "{}: {fault}", path.display());
        if name.ends_with(".json") && name != "manifest.json" || name.starts_with("original") {
            // The store still has it.
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(back_up(&house, copy.path()).unwrap().mended, 1, "{name}");
            assert_eq!(std::fs::read(&path).unwrap(), whole);
        } else {
            std::fs::write(&path, whole).unwrap();
        }
    }
    assert!(put_back(copy.path(), &to).is_ok());
}

#[test]
fn what_was_cut_off_does_no_harm_and_is_gone_on_with() {
    let house = House::new();
    done(&house, "een");
    let copy = tempfile::tempdir().unwrap();
    let first = back_up(&house, copy.path()).unwrap();
    let good = all_answers(house.store());
    done(&house, "twee");
    // As a stop leaves it: more journal, more files, half of one, no new manifest.
    let segment = "journal/000000000001.log";
    let whole = std::fs::read(house.segment()).unwrap();
    let known = std::fs::metadata(copy.path().join("store").join(segment)).unwrap().len() as usize;
    std::fs::write(copy.path().join("store").join(segment), &whole[..known + 77]).unwrap();
    let folder = copy.path().join("store/originals/2026/000002");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("original.eml"), b"half").unwrap();
    std::fs::write(copy.path().join("unfinished.json"), format!("{{\"begun_at\":\"{}\"}}", hours(5)))
        .unwrap();

    let place = tempfile::tempdir().unwrap();
    let restored = put_back(copy.path(), &place.path().join("store")).unwrap();
    assert_eq!(restored.cut_off, Some(hours(5)));
    assert_eq!(restored.manifest.entries, first.entries);
    assert_eq!(all_answers(&restored.store), good);
    drop(restored);

    let second = back_up(&house, copy.path()).unwrap();
    assert_eq!(second.resumed, Some(hours(5)));
    assert!(read_manifest(copy.path()).unwrap().cut_off.is_none());
    let restored = put_back(copy.path(), &place.path().join("later")).unwrap();
    assert_eq!(all_answers(&restored.store), all_answers(house.store()));
    drop(restored);
    // A restore that was cut off opens for nobody, and is begun again.
    let to = place.path().join("cut");
    std::fs::create_dir_all(to.join("journal")).unwrap();
    std::fs::write(to.join(".restoring"), b"").unwrap();
    std::fs::write(to.join("journal/000000000001.log"), b"half").unwrap();
    assert!(matches!(Store::open(&to), Err(StoreError::State { .. })));
    assert!(put_back(copy.path(), &to).unwrap().store.verify(noon()).unwrap().is_clean());
}

#[test]
fn what_was_destroyed_goes_from_the_copy_too() {
    let house = House::new();
    let (gone, stays) = (done(&house, "weg"), done(&house, "blijft"));
    let copy = tempfile::tempdir().unwrap();
    back_up(&house, copy.path()).unwrap();
    let row = house.row(gone);
    let folder = copy.path().join("store/originals/2026/000001");
    assert!(folder.exists());
    let order = PurgeOrder {
        what: Purgeable::Case(gone, row.revision),
        closed_on: None,
        term: Some("1 year".into()),
        basis: "lijst 13.1".into(),
    };
    house.store().purge(&[order], "lijst", "a.archief", hours(9)).unwrap();
    let report = back_up(&house, copy.path()).unwrap();
    assert_eq!((report.purged, report.absent.len()), (1, 0));
    assert!(!folder.exists());
    for path in files(copy.path()) {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains("Bericht weg"), "{}", path.display());
    }
    let place = tempfile::tempdir().unwrap();
    let restored = put_back(copy.path(), &place.path().join("store")).unwrap();
    assert_eq!(all_answers(&restored.store), all_answers(house.store()));
    assert!(restored.store.verify(noon()).unwrap().is_clean());
    assert!(restored.store.case(stays).unwrap().unwrap().writer.is_some());
    // A first backup of a store with destroyed records misses nothing.
    let fresh = tempfile::tempdir().unwrap();
    assert!(back_up(&house, fresh.path()).unwrap().absent.is_empty());
}

#[test]
fn other_directories_are_refused_and_what_the_store_lacks_is_told() {
    let house = House::new();
    done(&house, "een");
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("vakantie.jpg"), b"x").unwrap();
    let refused = |dir: &Path| back_up(&house, dir).map(|_| ()).unwrap_err().to_string();
    assert!(refused(dir.path()).contains("is not empty and holds no backup"));
    assert!(refused(&house.path().join("copy")).contains("within each other"));
    let copy = tempfile::tempdir().unwrap();
    std::fs::remove_file(folder(&house, RegistrationNumber::new(2026, 1)).join("judgement.json")).unwrap();
    let report = back_up(&house, copy.path()).unwrap();
    assert_eq!(report.absent, ["judgement.json of R2026-000001"]);
    assert_eq!(back_up(&house, copy.path()).unwrap().absent.len(), 1);
    let of = CopyOf { office: "amsterdam", ..OF };
    let other = backup(&house.path().into(), copy.path(), &of, noon(), &mut |_, _| ()).unwrap_err();
    assert!(other.to_string().contains("den-haag"));
    let fault = restore(copy.path(), &dir.path().join("a").into(), "amsterdam", "p", noon(), &mut |_, _| ());
    assert!(fault.map(|_| ()).unwrap_err().to_string().contains("not of amsterdam"));
}

#[test]
fn a_sealed_store_is_copied_as_it_lies_and_opens_with_its_key_only() {
    let house = House::sealed();
    for mark in ["een", "twee"] {
        done(&house, mark);
    }
    let copy = tempfile::tempdir().unwrap();
    let refused = back_up(&house, copy.path()).unwrap_err().to_string();
    assert!(refused.contains("key_file") && refused.contains("the key een"), "without the key: {refused}");
    let report = backup(&house.place(), copy.path(), &OF, noon(), &mut |_, _| ()).unwrap();
    assert!(report.new_files > 8 && report.absent.is_empty(), "{report:?}");
    for path in files(copy.path()) {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        for word in [NAME, ADDRESS, "Bericht een"] {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
    }
    let place = tempfile::tempdir().unwrap();
    let put_back_with = |name: &str, key_file: Option<PathBuf>| {
        let to = StorePlace { dir: place.path().join(name), key_file };
        restore(copy.path(), &to, "den-haag", "p.post", hours(24), &mut |_, _| ())
    };
    let other = place.path().join("other-key");
    bode::store::new_key(&other, "twee").unwrap();
    let mut same_name = place.path().join("same-name");
    bode::store::new_key(&same_name, "een").unwrap();
    for (key_file, told) in [
        (None, "key_file"),
        (Some(other), "does not hold the key een"),
        (Some(std::mem::take(&mut same_name)), "een"),
    ] {
        let refused = put_back_with("store", key_file).map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains(told), "{told}: {refused}");
        assert!(!refused.contains(NAME));
    }
    // What the wrong keys left is no store, and the right key makes it one.
    let restored = put_back_with("store", house.key_file.clone()).unwrap();
    assert_eq!(all_answers(&restored.store), all_answers(house.store()));
    let report = restored.store.verify(hours(24)).unwrap();
    assert!(report.is_clean(), "{:#?}", report.exceptions);
    drop(restored);
    let sealed = StorePlace { dir: place.path().join("store"), key_file: house.key_file };
    assert_eq!(bode::store::sealed_counts(&sealed).unwrap().plain, 0);
}

/// Whatever entry a copy ends with: it holds no piece that was destroyed by then, and opens well.
#[test]
fn a_copy_that_is_taken_while_things_are_destroyed_opens_well() {
    let house = House::new();
    let cases: Vec<CaseNumber> = (0..24).map(|number| done(&house, &format!("stuk{number}"))).collect();
    let copies = tempfile::tempdir().unwrap();
    let ended = std::sync::atomic::AtomicBool::new(false);
    let made = std::thread::scope(|scope| {
        let destroying = scope.spawn(|| {
            for case in &cases {
                let order = PurgeOrder {
                    what: Purgeable::Case(*case, house.row(*case).revision),
                    closed_on: None,
                    term: None,
                    basis: "op verzoek".into(),
                };
                let report = house.store().purge(&[order], "lijst", "a.archief", hours(9)).unwrap();
                assert_eq!(report.cases, 1, "{report:?}");
            }
            ended.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        let mut made = 0;
        // One directory over and over, and a new one each time.
        while !ended.load(std::sync::atomic::Ordering::SeqCst) || made == 0 {
            back_up(&house, &copies.path().join("one")).unwrap();
            back_up(&house, &copies.path().join(format!("new-{made}"))).unwrap();
            made += 1;
        }
        destroying.join().unwrap();
        made
    });
    back_up(&house, &copies.path().join("one")).unwrap();
    let names = (0..made).map(|number| format!("new-{number}")).chain(["one".to_owned()]);
    for name in names {
        let place = tempfile::tempdir().unwrap();
        let restored = put_back(&copies.path().join(&name), &place.path().join("store")).unwrap();
        let report = restored.store.verify(hours(24)).unwrap();
        assert!(report.is_clean(), "{name}: {:#?}", report.exceptions);
    }
    for path in files(&copies.path().join("one")) {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains("Bericht stuk"), "{}", path.display());
    }
}
