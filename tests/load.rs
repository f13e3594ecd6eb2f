//! A backlog and then a burst, small and seeded, through the real daemon: every piece once, the row of work bounded, and
//! the records and cases of each sender in the order of arrival. `make bench-load` does it with tens of thousands.

mod daemon;
mod servers;

use bode::limits::{BATCH_PIECES_MAX, PIPELINE_RECORDS_MAX};
use bode::record::{CaseRow, Origin, RegistrationNumber};
use bode::store::Store;
use daemon::OfficeDir;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

const BACKLOG: usize = 420;
const BURST: usize = 60;
const SENDERS: u64 = 23;

/// A sender for each message, the same in every run.
fn sender(number: usize) -> u64 {
    let mut x = number as u64 ^ 0x9e37_79b9_7f4a_7c15;
    for _ in 0..3 {
        x = x.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f) ^ (x >> 29);
    }
    x % SENDERS
}

fn lay(maildir: &Path, number: usize) {
    let sender = sender(number);
    let message = format!(
        "From: Schrijver {sender} <schrijver-{sender}@example.org>\r\nTo: {}\r\nSubject: Klacht {number}\r\n\
         Message-ID: <bericht-{number}@example.org>\r\n\r\nDit is mijn bericht {number}. Ik klaag over de gemeente Den \
         Haag. De medewerker van loket {number} was onbeleefd tegen mij en liet mij {number} minuten wachten.\r\n",
        servers::OFFICE
    );
    let name = format!("1772400000.{number:06}.proef");
    std::fs::write(maildir.join("tmp").join(&name), message).unwrap();
    std::fs::rename(maildir.join("tmp").join(&name), maildir.join("new").join(&name)).unwrap();
}

#[test]
fn a_backlog_and_a_burst_come_in_whole_in_order_and_bounded() {
    let office =
        OfficeDir::den_haag("[maildir]\ndir = \"postvak\"\npoll_seconds = 1\nanswer_from = 2026-01-01\n");
    let maildir = office.dir.path().join("postvak");
    ["new", "cur", "tmp"].iter().for_each(|sub| std::fs::create_dir_all(maildir.join(sub)).unwrap());
    (0..BACKLOG).for_each(|number| lay(&maildir, number));
    let mut daemon = office.run();
    daemon.wait_for("\"judged", BACKLOG);
    assert_eq!(daemon.healthz().0, 200, "the desk answers meanwhile");
    (BACKLOG..BACKLOG + BURST).for_each(|number| lay(&maildir, number));
    daemon.wait_for("\"judged", BURST);
    let log = daemon.terminate();
    bounded(&log);
    in_order(&office);
    let report = office.verify();
    assert_eq!(report["pieces"], BACKLOG + BURST, "{report}");
    assert_eq!(report["exceptions"], serde_json::json!([]), "{report}");
}

/// Never more pieces are taken from the source than there is room for in the row, the places and one batch.
fn bounded(log: &str) {
    let places = std::thread::available_parallelism().map_or(1, usize::from) * 4;
    let (mut in_hand, mut most) = (0usize, 0);
    for line in log.lines() {
        match () {
            () if line.contains("\"registered\"") => in_hand += 1,
            () if line.contains("\"judged: ") => in_hand -= 1,
            () => {}
        }
        most = most.max(in_hand);
    }
    assert_eq!(in_hand, 0);
    assert!(most <= PIPELINE_RECORDS_MAX + places + BATCH_PIECES_MAX, "{most} pieces in hand");
}

fn in_order(office: &OfficeDir) {
    let store = Store::open_read_only(office.store()).unwrap();
    let mut cases: HashMap<RegistrationNumber, CaseRow> = HashMap::new();
    store
        .each_case(&mut |row| {
            row.records.iter().for_each(|record| drop(cases.insert(*record, row.clone())));
            true
        })
        .unwrap();
    let mut of_sender: BTreeMap<u64, Vec<_>> = BTreeMap::new();
    for (record, row) in &cases {
        let Origin::Maildir { file } = store.record(*record).unwrap().origin else {
            panic!("another source")
        };
        let arrived: usize = file.split('.').nth(1).unwrap().parse().unwrap();
        of_sender.entry(sender(arrived)).or_default().push((arrived, *record, row.number));
    }
    assert_eq!(cases.len(), BACKLOG + BURST);
    for pieces in of_sender.values_mut() {
        pieces.sort();
        assert!(pieces.is_sorted_by_key(|(_, record, _)| *record), "{pieces:?}");
        assert!(pieces.is_sorted_by_key(|(_, _, case)| *case), "{pieces:?}");
    }
}
