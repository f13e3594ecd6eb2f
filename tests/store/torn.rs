//! Power gone between two syncs: entries of the journal whose files never reached the disk, and the marker that says
//! which entries have to be looked at.

use crate::support::*;
use bode::record::*;
use std::fs;
use std::path::{Path, PathBuf};

/// A copy of the store as a power cut would leave it: the whole journal, and the marker of `before`.
struct Cut {
    house: House,
    marker: Vec<u8>,
}

fn marker(house: &House) -> PathBuf {
    house.path().join("journal/durable")
}

impl Cut {
    /// A store with one case on disk; what is done from here on may be torn.
    fn new() -> Cut {
        let house = House::new();
        house.case("oud", "nieuw", send());
        house.store().settle().unwrap();
        let marker = fs::read(marker(&house)).unwrap();
        Cut { house, marker }
    }

    /// Stops it, sets the marker back, and opens it after `tear` has been at the files.
    fn power_cut(&mut self, tear: impl FnOnce(&House)) {
        self.house.close();
        fs::write(marker(&self.house), &self.marker).unwrap();
        tear(&self.house);
        self.house.reopen();
    }
}

fn lines_kept_aside(house: &House) -> usize {
    let aside = fs::read_dir(house.path().join("journal"))
        .unwrap()
        .map(|item| item.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "lines"));
    aside.map(|path| fs::read_to_string(path).unwrap().lines().count()).sum()
}

fn halve(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::remove_file(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

#[test]
fn a_judgement_whose_files_are_torn_is_cut_off_and_made_again() {
    for name in ["extract.json", "judgement.json", "card.json", "answer.eml"] {
        for missing in [false, true] {
            let mut cut = Cut::new();
            let case = cut.house.case("nieuw", "nieuw", send());
            let number = cut.house.row(case).records[0];
            let path = folder(&cut.house, number).join(name);
            cut.power_cut(|_| if missing { fs::remove_file(&path).unwrap() } else { halve(&path) });
            let house = &mut cut.house;
            assert_eq!(house.store().opening().cut_off_entries, 1, "{name}");
            assert_eq!(lines_kept_aside(house), 1);
            assert_eq!(house.store().unfinished().unwrap(), [number]);
            assert!(house.store().case(case).unwrap().is_none());
            assert_eq!(house.store().due_answers(hours(1), 10).unwrap().len(), 1, "only the old one");
            assert!(house.store().extract(number).unwrap().is_none());
            house.assert_clean();
            // Judged again, it takes the number that nobody was told.
            house.store().keep_extract(number, &extract("nieuw"), noon()).unwrap();
            let again = house.store().next_case_number(2026).unwrap();
            assert_eq!(again, case);
            house.store().commit(number, new_case(again, "nieuw", send()), noon()).unwrap();
            house.assert_clean();
            let before = house.all_answers();
            house.reopen_without_index();
            assert_eq!(house.store().opening().cut_off_entries, 0);
            assert_eq!(house.all_answers(), before);
        }
    }
}

#[test]
fn what_follows_a_torn_entry_goes_with_it_and_what_went_before_stays() {
    let mut cut = Cut::new();
    let cases: Vec<_> =
        ["een", "twee", "drie"].map(|mark| cut.house.case(mark, "nieuw", send())).into_iter().collect();
    let number = cut.house.row(cases[1]).records[0];
    cut.house.store().answer_attempted(cases[0], hours(1)).unwrap();
    let torn = folder(&cut.house, number).join("card.json");
    cut.power_cut(|house| {
        fs::remove_file(torn).unwrap();
        // The third had not been settled either: its folder is as at its registration.
        let third = house.path().join("originals/2026/000004");
        fs::rename(third, house.path().join("originals/new/R2026-000004")).unwrap();
    });
    // Two: opened, registered, opened, attempted.
    assert_eq!(cut.house.store().opening().cut_off_entries, 4);
    assert_eq!(lines_kept_aside(&cut.house), 4);
    assert_eq!(cut.house.store().opening().removed, 1, "the source still has it");
    assert!(cut.house.store().case(cases[0]).unwrap().is_some());
    assert_eq!(cut.house.store().unfinished().unwrap(), [number]);
    cut.house.assert_clean();
    let again = cut.house.take("drie");
    assert_eq!(again.to_string(), "R2026-000004");
}

#[test]
fn a_registration_whose_original_is_torn_is_cut_off_and_the_source_gives_it_again() {
    for name in ["original.eml", "record.json"] {
        let mut cut = Cut::new();
        let number = cut.house.take("nieuw");
        cut.power_cut(|house| {
            let new = house.path().join(format!("originals/new/{number}"));
            fs::rename(folder(house, number), &new).unwrap();
            halve(&new.join(name));
        });
        assert_eq!(cut.house.store().opening().cut_off_entries, 1);
        assert_eq!(cut.house.store().opening().removed, 1);
        cut.house.assert_clean();
        assert_eq!(cut.house.take("nieuw"), number);
        cut.house.assert_clean();
    }
}

#[test]
fn what_holds_stays_whatever_the_marker_says() {
    let mut cut = Cut::new();
    let case = cut.house.case("nieuw", "nieuw", send());
    cut.house.store().note(case, "j.jansen", "Gebeld.", noon()).unwrap();
    let before = cut.house.all_answers();
    let original = folder(&cut.house, cut.house.row(case).records[0]).join("original.eml");
    let mode = fs::metadata(&original).unwrap().permissions();
    cut.power_cut(|_| {});
    assert_eq!(cut.house.store().opening().cut_off_entries, 0);
    assert_eq!(cut.house.all_answers(), before);
    assert_eq!(fs::metadata(&original).unwrap().permissions(), mode);
    cut.house.assert_clean();
}

#[test]
fn a_file_that_is_lost_after_a_clean_stop_is_told_and_nothing_is_cut_off() {
    let mut house = House::new();
    let case = house.case("een", "nieuw", send());
    let card = folder(&house, house.row(case).records[0]).join("card.json");
    house.close();
    fs::remove_file(card).unwrap();
    house.reopen();
    assert_eq!(house.store().opening().cut_off_entries, 0);
    assert!(!house.store().verify(noon()).unwrap().is_clean());
    // A store of before the marker was kept had every file on disk before its entry.
    house.close();
    fs::remove_file(marker(&house)).unwrap();
    house.reopen();
    assert_eq!(house.store().opening().cut_off_entries, 0);
    assert!(house.row(case).writer.is_some(), "the index stands");
    assert!(marker(&house).exists());
}

#[test]
fn a_person_s_change_puts_everything_before_it_on_disk() {
    let house = House::new();
    let case = house.case("een", "nieuw", send());
    house.store().decide(case, None, decision(Verdict::TakeUp, ""), noon()).unwrap();
    let first = fs::read(marker(&house)).unwrap();
    house.case("twee", "nieuw", send());
    house.store().settle().unwrap();
    assert_ne!(first, fs::read(marker(&house)).unwrap());
}

#[test]
fn what_a_kill_left_half_written_stops_no_opening() {
    let mut cut = Cut::new();
    let case = cut.house.case("nieuw", "nieuw", send());
    let before = cut.house.all_answers();
    let kept = folder(&cut.house, cut.house.row(case).records[0]);
    cut.power_cut(|_| {
        for name in
            ["answer.eml", "card.json", "extract.json", "judgement.json", "original.eml", "record.json"]
        {
            fs::write(kept.join(format!(".{name}.tmp")), "{\"half").unwrap();
        }
    });
    assert_eq!(cut.house.all_answers(), before);
    cut.house.assert_clean();
}
