//! The numbers page: pictures with their tables, the file for a spreadsheet and the page of a year; counts only.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests a panic is the failure that is wanted"
)]

mod desk;

use bode::record::{Decision, Verdict};
use desk::samples::number;
use desk::{Desk, now};

fn decide(desk: &Desk, serial: u32, verdict: Verdict) {
    let decision =
        Decision { verdict, refer_to: None, by: "noor".into(), at: now(), reason: "zo besloten".into() };
    desk.store.decide(number(serial), None, decision, now()).unwrap();
}

/// The counts in the file, by figure and label.
fn counts(csv: &str) -> Vec<(String, u64)> {
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("day,figure,label,count"));
    lines
        .map(|line| {
            let mut fields = line.split(',').skip(1);
            let name = format!("{} {}", fields.next().unwrap(), fields.next().unwrap().trim_matches('"'));
            (name, fields.next().unwrap().parse().unwrap())
        })
        .collect()
}

fn sum(counts: &[(String, u64)], name: &str) -> u64 {
    counts.iter().filter(|(one, _)| one.starts_with(name)).map(|(_, count)| count).sum()
}

#[test]
fn what_came_in_is_shown_and_given_as_a_file() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let all = noor.get("/api/v1/cases?status=all").json()["total"].as_u64().unwrap();
    let page = noor.get("/numbers?from=2026-01-01&until=2026-03-12");
    assert_eq!(page.status, 200);
    assert!(page.body.contains(&format!("Samen {all}.")), "{}", page.body);
    for heading in ["Ontvangen zaken per week", "Over wie", "In welke lijst", "Terzijde gelegd"] {
        assert!(page.body.contains(heading), "{heading}: {}", page.body);
    }
    let file = noor.get("/numbers.csv?from=2026-01-01&until=2026-03-12");
    assert!(file.header("content-type").unwrap().starts_with("text/csv"));
    let before = counts(&file.body);
    assert_eq!(sum(&before, "channel "), all);
    assert_eq!(sum(&before, "queue "), all);

    decide(&desk, 1, Verdict::TakeUp);
    decide(&desk, 2, Verdict::NotAComplaint);
    let after = counts(&noor.get("/numbers.csv").body);
    assert_eq!(sum(&after, "verdict take-up") - sum(&before, "verdict take-up"), 1);
    assert_eq!(sum(&after, "decision ") - sum(&before, "decision "), 2);
    let page = noor.get("/numbers").body;
    assert!(page.contains("Wat bode klaarlegde") && page.contains("Geen klacht"), "{page}");

    // Nothing before there was anything; and no date is no fault.
    assert!(noor.get("/numbers?from=2020-01-01&until=2020-12-31").body.contains("kwam er niets binnen"));
    assert_eq!(noor.get("/numbers?from=gisteren&until=%3Cscript%3E").status, 200);
}

#[test]
fn a_year_has_its_page_beside_the_year_before() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let all = noor.get("/api/v1/cases?status=all").json()["total"].as_u64().unwrap();
    let page = noor.get("/numbers/2026").body;
    assert!(page.contains("Jaarcijfers 2026") && page.contains("nog niet voorbij"), "{page}");
    assert!(
        page.contains(&format!(
            "<th scope=\"row\">Zaken ontvangen</th><td class=\"amount\">{all}</td><td class=\"amount\">0</td>"
        )),
        "{page}"
    );
    for path in ["/numbers/2027", "/numbers/1999", "/numbers/nu", "/numbers/-32768"] {
        let status = noor.get(path).status;
        assert!(status == 404 || status == 400, "{path}: {status}");
    }
    // No visitor without a login.
    assert_ne!(desk.visitor().get("/numbers").status, 200);
}
