//! Faults: the journal's end and middle, the index, two processes, a full disk, and what `verify` tells of each.

use crate::support::*;
use bode::record::*;
use bode::store::{Store, StoreError};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::Command;

#[test]
fn a_torn_last_line_is_cut_off_and_told() {
    let mut house = House::new();
    let case = house.case("een", "nieuw", send());
    house.close();
    let whole = fs::read(house.segment()).unwrap();
    for torn in [&b"0"[..], &whole[..70], &whole[..whole.iter().position(|b| *b == b'\n').unwrap()]] {
        OpenOptions::new().append(true).open(house.segment()).unwrap().write_all(torn).unwrap();
        // Beside the daemon an unfinished line is one that is being written.
        assert!(Store::open_read_only(house.path()).unwrap().case(case).unwrap().is_some());
        house.reopen();
        assert_eq!(house.store().opening().cut_off_bytes, torn.len() as u64);
        assert_eq!(fs::read(house.segment()).unwrap(), whole);
        house.close();
    }
    house.reopen();
    house.case("twee", "nieuw", send());
    house.assert_clean();
}

#[test]
fn a_changed_line_is_named() {
    let mut house = House::new();
    let case = house.case("een", "nieuw", send());
    house.store().decide(case, None, decision(Verdict::TakeUp, ""), noon()).unwrap();
    house.store().note(case, "j.jansen", "Gebeld.", noon()).unwrap();
    let text = fs::read_to_string(house.segment()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let swapped = [lines[0], lines[1], lines[3], lines[2]].join("\n") + "\n";
    let removed = [lines[0], lines[1], lines[3]].join("\n") + "\n";
    let changed = text.replace("take-up", "signal");
    let garbled = text.replacen(lines[2], "geknoei", 1);
    for (bad, line) in [(swapped, 3), (removed, 3), (changed, 3), (garbled, 3)] {
        fs::write(house.segment(), &bad).unwrap();
        let report = house.store().verify(noon()).unwrap();
        assert!(report.exceptions.iter().any(|e| e.what.contains(&format!("regel {line}"))), "{report:?}");
        house.close();
        match Store::open(house.path()) {
            Err(StoreError::Chain { segment, line: at, .. }) => {
                assert_eq!((segment, at), (house.segment(), line))
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(fs::read_to_string(house.segment()).unwrap(), bad, "nothing was thrown away");
        fs::write(house.segment(), &text).unwrap();
        house.reopen();
    }
    house.assert_clean();
}

#[test]
fn whole_lines_cut_off_the_end_show_in_the_folders() {
    let mut house = House::new();
    house.case("een", "nieuw", send());
    let lost = house.take("twee");
    house.close();
    cut_last_line(&house.segment());
    house.reopen();
    let report = house.store().verify(noon()).unwrap();
    assert_eq!(report.missing, 1);
    assert!(report.exceptions[0].what.contains(&lost.to_string()), "{report:?}");
    // The number is not used again while the evidence stands there.
    assert_ne!(house.take("drie"), lost);
}

#[test]
fn an_index_that_is_gone_garbled_or_old_is_built_again_with_the_same_answers() {
    let mut house = House::new();
    let case = house.case("een", "nieuw", send());
    house.case("twee", "spoed", hold());
    house.store().decide(case, None, decision(Verdict::TakeUp, "Ja."), hours(1)).unwrap();
    let spam = house.take("drie");
    house.store().commit(spam, aside(), hours(1)).unwrap();
    house.take("vier");
    let before = house.all_answers();
    let index = house.path().join("index");
    house.reopen_without_index();
    assert_eq!(house.all_answers(), before);
    // An index of an earlier moment follows.
    house.close();
    let old = house.dir.path().join("old");
    copy_dir(&index, &old);
    house.reopen();
    house.store().note(case, "j.jansen", "Gebeld.", hours(2)).unwrap();
    let before = house.all_answers();
    house.close();
    fs::remove_dir_all(&index).unwrap();
    copy_dir(&old, &index);
    house.reopen();
    assert_eq!(house.store().opening().replayed, 1);
    assert_eq!(house.store().opening().rebuilt, None);
    assert_eq!(house.all_answers(), before);
    // Garbage where sled keeps its files.
    house.close();
    for item in fs::read_dir(&index).unwrap() {
        let path = item.unwrap().path();
        if path.is_file() {
            fs::write(path, b"geknoei").unwrap();
        }
    }
    house.reopen();
    assert!(house.store().opening().rebuilt.is_some());
    assert_eq!(house.all_answers(), before);
    house.assert_clean();
}

fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let path = item.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy_dir(&path, &target) } else { fs::copy(&path, &target).map(drop).unwrap() }
    }
}

#[test]
fn a_second_daemon_is_refused_and_a_reader_is_not() {
    let mut house = House::new();
    let case = house.case("een", "nieuw", send());
    match Store::open(house.path()) {
        Err(error @ StoreError::InUse { pid: Some(pid), .. }) => {
            assert_eq!(pid, std::process::id());
            assert!(error.to_string().contains("use its desk, or stop it first"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    let reader = Store::open_read_only(house.path()).unwrap();
    assert_eq!(all_answers(&reader), house.all_answers());
    assert!(reader.verify(noon()).unwrap().is_clean());
    for refused in [
        reader.register(&[arrival("twee")], noon()).map(drop),
        reader.note(case, "j.jansen", "x", noon()).map(drop),
        reader.answer_sent(case, noon()),
        reader.can_write(),
    ] {
        assert!(matches!(refused, Err(StoreError::ReadOnly)), "{refused:?}");
    }
    house.store().can_write().unwrap();
    house.reopen();
}

#[test]
fn verify_tells_of_every_changed_or_missing_file() {
    let house = House::new();
    let case = house.case("een", "nieuw", send());
    house.store().note(case, "j.jansen", "Gebeld.", noon()).unwrap();
    let number = house.row(case).records[0];
    let dir = folder(&house, number);
    let note = fs::read_dir(dir.join("notes")).unwrap().next().unwrap().unwrap().path();
    let names = ["original.eml", "record.json", "extract.json", "judgement.json", "card.json", "answer.eml"];
    let report = house.store().verify(noon()).unwrap();
    assert_eq!(report.files, names.len() as u64 + 1);
    for path in names.map(|name| dir.join(name)).into_iter().chain([note]) {
        let whole = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let gone = house.store().verify(noon()).unwrap();
        assert!(gone.exceptions.iter().any(|e| e.what.contains("ontbreekt")), "{path:?} {gone:?}");
        fs::write(&path, [&whole[..], b" "].concat()).unwrap();
        let changed = house.store().verify(noon()).unwrap();
        assert!(changed.exceptions.iter().any(|e| e.what.contains("gewijzigd")), "{path:?} {changed:?}");
        assert!(!changed.exceptions[0].to_string().contains(NAME));
        fs::write(&path, whole).unwrap();
    }
    house.assert_clean();
    let late = house.store().verify(hours(30)).unwrap();
    assert!(late.exceptions[0].what.contains("uur geleden"), "{late:?}");
}

#[test]
fn no_personal_data_stand_in_the_journal() {
    let house = House::new();
    let case = house.case("een", "nieuw", send());
    let store = house.store();
    store.answer_attempted(case, noon()).unwrap();
    store.answer_deferred(case, hours(1), &format!("451 {ADDRESS} later"), noon()).unwrap();
    store.note(case, "j.jansen", &format!("{NAME} gebeld."), noon()).unwrap();
    store
        .decide(case, None, decision(Verdict::NotAComplaint, &format!("{NAME} vroeg iets.")), noon())
        .unwrap();
    let more = house.take("twee");
    store.commit(more, joins(case, hold()), noon()).unwrap();
    let other = house.take("drie");
    store.commit(other, aside(), noon()).unwrap();
    let journal = house.journal().to_lowercase();
    for word in
        [NAME, "geertje", ADDRESS, "voorbeeld", SUBJECT, "gebeld", "klacht over", ".eml\":\"geertje", "noemt"]
    {
        assert!(!journal.contains(&word.to_lowercase()), "{word}");
    }
    // The same words twice have different digests: they cannot be guessed after a purge.
    store.note(case, "j.jansen", "ja", noon()).unwrap();
    store.note(case, "j.jansen", "ja", noon()).unwrap();
    let digests: std::collections::BTreeSet<_> = house
        .journal()
        .lines()
        .filter(|line| line.contains("noted"))
        .map(|line| line.split("\"note\":").nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(digests.len(), 3);
}

#[test]
fn a_purged_folder_leaves_the_proof_and_the_index_can_be_built() {
    let mut house = House::new();
    let case = house.case("een", "nieuw", send());
    house.store().decide(case, None, decision(Verdict::Signal, "x"), noon()).unwrap();
    fs::remove_dir_all(folder(&house, house.row(case).records[0])).unwrap();
    house.reopen_without_index();
    let row = house.row(case);
    assert_eq!((row.status, row.writer, row.queue.as_str()), (CaseStatus::Closed, None, "nieuw"));
    assert_eq!(house.store().history(case).unwrap().len(), 3);
    assert!(!house.store().verify(noon()).unwrap().is_clean());
}

/// Runs only as the child of the test below, under a limit on the size of a file.
#[test]
#[ignore = "a child process"]
fn child_with_small_files() {
    let dir = std::path::PathBuf::from(std::env::var_os("BODE_TEST_STORE").unwrap());
    let store = Store::open(&dir).unwrap();
    let big = Arrival { bytes: vec![b'x'; 8 * 1024 * 1024], ..letter("groot") };
    let error = store.register(&[arrival("een"), big], noon()).unwrap_err();
    assert!(error.is_full(), "{error}");
    assert!(error.to_string().contains("originals/new/R2026-"), "{error}");
    assert_eq!(fs::read_dir(dir.join("originals/new")).unwrap().count(), 0, "nothing half-done is left");
    assert_eq!(store.unfinished().unwrap(), []);
    // What fits is taken.
    let numbers = store.register(&[arrival("een")], noon()).unwrap();
    assert_eq!(numbers[0].number().to_string(), "R2026-000001");
    assert!(store.verify(noon()).unwrap().is_clean());
}

#[test]
fn a_piece_that_does_not_fit_is_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    // SIGXFSZ is ignored over exec, so that the write gives an error; 4 MB in blocks of 512 bytes.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8192; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "faults::child_with_small_files", "--ignored", "--nocapture"])
        .env("BODE_TEST_STORE", dir.path().join("store"))
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// On a real full disk, where this process may mount one.
#[test]
fn a_full_disk_is_told_by_path_and_the_store_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"]).arg(dir.path()).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!("not shown here: no right to mount a small disk");
        return;
    }
    let outcome = std::panic::catch_unwind(|| fill_up(dir.path()));
    let unmounted = Command::new("umount").arg(dir.path()).status();
    outcome.unwrap();
    assert!(unmounted.unwrap().success());
}

fn fill_up(disk: &std::path::Path) {
    let dir = disk.join("store");
    let store = Store::open(&dir).unwrap();
    let big = |mark: &str, size: usize| Arrival {
        bytes: [mark.as_bytes(), &vec![b'x'; size]].concat(),
        ..letter(mark)
    };
    let mut kept = 0;
    let error = loop {
        match store.register(&[big(&kept.to_string(), 300_000), arrival(&kept.to_string())], noon()) {
            Ok(_) => kept += 2,
            Err(error) => break error,
        }
    };
    assert!(error.is_full(), "{error}");
    assert!(error.to_string().contains("/store/"), "{error}");
    let balloon = disk.join("balloon");
    let mut file = fs::File::create(&balloon).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    drop(file);
    assert!(store.can_write().unwrap_err().is_full());
    let number = store.unfinished().unwrap()[0];
    let case = store.next_case_number(2026).unwrap();
    let refused = store.commit(number, new_case(case, "nieuw", send()), noon());
    assert!(refused.as_ref().is_err_and(StoreError::is_full), "{refused:?}");
    assert_eq!(store.unfinished().unwrap().len(), kept);
    // Somebody makes room.
    fs::remove_file(&balloon).unwrap();
    store.commit(number, new_case(case, "nieuw", send()), noon()).unwrap();
    drop(store);
    let store = Store::open(&dir).unwrap();
    keep_rules(&store);
    let report = store.verify(noon()).unwrap();
    assert!(report.is_clean(), "{:#?}", report.exceptions);
    assert_eq!((report.pieces, report.in_cases), (kept as u64, 1));
}
