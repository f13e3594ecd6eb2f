//! The look log: its chain over months and processes, a torn end, what goes when its time is over.

use crate::support::*;
use bode::record::*;
use bode::store::Store;
use std::fs;

fn look(at_time: &str, by: &str, case: CaseNumber) -> Look {
    let (seen, case) = (Seen::Viewed, Some(case));
    Look { at: at(at_time), by: by.into(), seen, case, record: None, document: None, page: None }
}

#[test]
fn looks_hold_together_over_months_and_beside_the_daemon() {
    let mut house = House::new();
    let case = house.case("een", "nieuw", send());
    let other = house.case("twee", "nieuw", send());
    house.store().note_look(&look("2026-03-02T10:00:00Z", "noor", case)).unwrap();
    house.store().note_look(&look("2026-03-03T10:00:00Z", "noor", other)).unwrap();
    // A command beside the daemon, and the daemon again.
    let reader = Store::open_read_only(house.path()).unwrap();
    reader.note_look(&look("2026-03-04T10:00:00Z", "root", case)).unwrap();
    house.store().note_look(&look("2026-03-05T10:00:00Z", "noor", case)).unwrap();
    reader.note_look(&look("2026-03-06T10:00:00Z", "root", case)).unwrap();
    house.store().note_look(&look("2026-04-01T10:00:00Z", "sanne", case)).unwrap();
    house.store().sync_looks().unwrap();
    let by: Vec<String> = house.store().looks(case).unwrap().0.into_iter().map(|look| look.by).collect();
    assert_eq!(by, ["noor", "root", "noor", "root", "sanne"]);
    house.assert_clean();
    let march = house.path().join("looks/2026-03.log");
    assert!(march.is_file() && house.path().join("looks/2026-04.log").is_file());
    // Torn by a power cut: cut off by the next look.
    house.close();
    let april = house.path().join("looks/2026-04.log");
    let whole = fs::read(&april).unwrap();
    fs::write(&april, [whole.as_slice(), b"0123 {\"v\":1"].concat()).unwrap();
    house.reopen();
    house.assert_clean();
    house.store().note_look(&look("2026-04-02T10:00:00Z", "noor", case)).unwrap();
    assert_eq!(house.store().looks(case).unwrap().0.len(), 6);
    house.assert_clean();
    // Changed, and taken out.
    let text = fs::read_to_string(&march).unwrap();
    fs::write(&march, text.replacen("root", "noor", 1)).unwrap();
    assert_eq!(house.store().looks_fault().unwrap(), Some(("2026-03".into(), 4)));
    let report = house.store().verify(noon()).unwrap();
    assert!(report.exceptions.iter().any(|one| one.what.contains("inzagelogboek")), "{report:?}");
    let without: String =
        text.lines().enumerate().filter(|(at, _)| *at != 2).map(|(_, line)| format!("{line}\n")).collect();
    fs::write(&march, without).unwrap();
    assert!(house.store().looks_fault().unwrap().is_some());
    // Its last lines gone: the next month names what it follows.
    let cut: String = text.lines().take(3).map(|line| format!("{line}\n")).collect();
    fs::write(&march, cut).unwrap();
    assert!(house.store().looks_fault().unwrap().is_some());
    fs::write(&march, text).unwrap();
    house.assert_clean();
}

#[test]
fn old_months_go_and_the_rest_still_holds() {
    let mut house = House::new();
    let case = house.case("een", "nieuw", send());
    for month in ["2026-01", "2026-02", "2026-03"] {
        house.store().note_look(&look(&format!("{month}-15T10:00:00Z"), "noor", case)).unwrap();
    }
    house.reopen();
    house.store().keep_looks_for(1);
    house.store().note_look(&look("2026-03-31T10:00:00Z", "noor", case)).unwrap();
    let left: Vec<String> = fs::read_dir(house.path().join("looks"))
        .unwrap()
        .map(|item| item.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(house.store().looks(case).unwrap().0.len(), 3);
    house.assert_clean();
    // A clock that was set back writes on where the log is.
    house.store().note_look(&look("2026-02-01T10:00:00Z", "noor", case)).unwrap();
    assert_eq!(house.store().looks(case).unwrap().0.len(), 4);
    house.assert_clean();
}
