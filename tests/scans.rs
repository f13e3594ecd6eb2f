//! Scans into the scan folder: each becomes a case with its text, or is set aside with a reason that the post room can
//! act on. With `BODE_TEST_SCANS` it is a directory of letters instead of the samples (`make acceptance`).

mod daemon;
mod servers;

use daemon::OfficeDir;
use servers::wait_until;
use std::path::{Path, PathBuf};

fn letters() -> Vec<PathBuf> {
    let dir = std::env::var_os("BODE_TEST_SCANS").map_or_else(|| "tests/samples/scans".into(), PathBuf::from);
    let mut found = Vec::new();
    let mut todo = vec![dir];
    while let Some(dir) = todo.pop() {
        for path in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            match path.extension().and_then(|ending| ending.to_str()) {
                _ if path.is_dir() => todo.push(path),
                Some("pdf" | "tif" | "jpg" | "png") => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_scan_becomes_a_case_and_what_cannot_is_told() {
    let office = OfficeDir::den_haag("[scan]\ndir = \"scans\"\nstill_seconds = 1\npoll_seconds = 1\n");
    let scans = office.dir.path().join("scans");
    std::fs::create_dir_all(&scans).unwrap();
    let letters = letters();
    for letter in &letters {
        std::fs::copy(letter, scans.join(letter.file_name().unwrap())).unwrap();
    }
    std::fs::write(scans.join("leeg.pdf"), b"").unwrap();
    std::fs::write(scans.join("notities.xyz"), b"geen scan").unwrap();
    std::fs::write(scans.join("kapot.pdf"), b"%PDF-1.7\nniets dan rommel\n").unwrap();

    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    // The broken PDF is a case too: staff must see that something came that cannot be read.
    let expected = letters.len() + 1;
    wait_until("every scan is judged", || {
        let report = office.verify();
        report["pieces"] == expected && report["in_work"] == 0
    });
    let failed = scans.join("failed");
    wait_until("what is no scan is set aside", || reasons(&failed) == 2);
    daemon.terminate();

    let cases: serde_json::Value = serde_json::from_str(&office.told(&["cases", "list", "--json"])).unwrap();
    assert_eq!(cases.as_array().unwrap().len(), expected);
    let mut without_text = 0;
    for case in cases.as_array().unwrap() {
        let shown = office.told(&["cases", "show", case["number"].as_str().unwrap(), "--json"]);
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(shown["case"]["channel"], "letter");
        let record = &shown["records"][0];
        let text: String =
            record["documents"].as_array().unwrap().iter().filter_map(|d| d["text"].as_str()).collect();
        if text.split_whitespace().count() < 40 {
            without_text += 1;
            assert!(!record["defects"].as_array().unwrap().is_empty(), "staff are told why: {record:#}");
        }
    }
    assert_eq!(without_text, 1, "only the broken PDF has no text");
    assert_eq!(office.verify()["exceptions"], serde_json::json!([]));
}

/// Files with a reason in Dutch.
fn reasons(failed: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(failed) else { return 0 };
    entries
        .filter(|entry| {
            entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().ends_with(".reden.txt"))
        })
        .count()
}
