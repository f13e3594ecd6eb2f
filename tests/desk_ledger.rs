//! The ledger at the desk: the foot of every page, its own page, and what the metrics say of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests a panic is the failure that is wanted"
)]

mod desk;

use bode::record::{Exception, ExceptionKind, ProofNote, ProofRow, SourceCount, SourceKind};
use bode::review::Proved;
use desk::{Desk, now};
use jiff::SignedDuration;

fn note(missing: u64) -> ProofNote {
    let mailbox = SourceCount {
        counted: 212 + missing,
        cases: 205,
        automatic: 5,
        spam: 2,
        missing,
        ..SourceCount::empty(SourceKind::Mailbox)
    };
    let mut note = ProofNote {
        pieces: 212,
        in_cases: 205,
        aside: 7,
        missing,
        sources: vec![mailbox],
        ..ProofNote::default()
    };
    if missing > 0 {
        note.exceptions.insert(ExceptionKind::NotRegistered, missing);
    }
    note
}

#[test]
fn every_page_says_how_the_ledger_stands() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let page = noor.get("/ledger");
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Er is nog niet nageteld"), "{}", page.body);
    assert!(noor.get("/").body.contains("nog niet nagerekend"));

    // A clean one.
    desk.store.note_proof(note(0), now()).unwrap();
    desk.health.proved(Proved { row: ProofRow { at: now(), note: note(0) }, exceptions: Vec::new() });
    for path in ["/", "/due", "/aside", "/print", "/rules", "/ledger"] {
        let body = noor.get(path).body;
        assert!(body.contains("<span class=\"tag tag-good\">klopt</span>"), "{path}: {body}");
    }
    let page = noor.get("/ledger").body;
    assert!(page.contains("Alles klopt."), "{page}");
    assert!(page.contains("postvak 212 = zaken 205 + automatisch 5 + spam 2; ontbreekt 0"), "{page}");
    assert!(page.contains("stukken 212 = zaken 205 + terzijde 7 + in behandeling 0"), "{page}");

    // One with an exception: which message stands on the page, and in no metric.
    let exception = Exception::new(ExceptionKind::NotRegistered, "een bericht staat niet in het register")
        .at("Verwerkt uid 17 <script>");
    let row = ProofRow { at: now() + SignedDuration::from_hours(1), note: note(1) };
    desk.store.note_proof(note(1), row.at).unwrap();
    desk.health.proved(Proved { row: row.clone(), exceptions: vec![exception] });
    let page = noor.get("/ledger").body;
    assert!(page.contains("Verwerkt uid 17 &lt;script&gt;") && page.contains("ontbreekt 1"), "{page}");
    assert!(page.contains("zet het terug waar de post binnenkomt"), "{page}");
    assert!(noor.get("/").body.contains("<span class=\"tag tag-bad\">ontbreekt 1</span>"));
    let metrics = noor.get("/metrics").body;
    for line in [
        "bode_ledger_pieces 212\n",
        "bode_ledger_missing 1\n",
        "bode_ledger_exceptions 1\n",
        "bode_ledger_age_seconds 0\n",
        "bode_ledger_source_pieces{source=\"mailbox\"} 213\n",
    ] {
        assert!(metrics.contains(line), "{line}{metrics}");
    }
    assert!(!metrics.contains("uid"));

    // After a start only the counts are known.
    desk.health.proved(Proved { row, exceptions: Vec::new() });
    let page = noor.get("/ledger").body;
    assert!(
        page.contains("1 × een bericht of scan dat niet is geregistreerd") && !page.contains("uid 17"),
        "{page}"
    );

    // One from long ago is no proof of today.
    let old = ProofRow { at: now() - SignedDuration::from_hours(60), note: note(0) };
    desk.health.proved(Proved { row: old, exceptions: Vec::new() });
    assert!(noor.get("/").body.contains("<span class=\"tag tag-warn\">te lang geleden</span>"));
    // Nobody reads it without a login.
    assert_ne!(desk.visitor().get("/ledger").status, 200);
}

#[test]
fn what_is_past_its_term_is_told_with_what_to_do() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    assert!(!noor.get("/ledger").body.contains("bewaartermijn"));
    desk.health.past_term(0);
    assert!(!noor.get("/ledger").body.contains("bewaartermijn"));
    desk.health.past_term(1);
    assert!(noor.get("/ledger").body.contains("1 zaak of stuk is over de bewaartermijn"));
    desk.health.past_term(17);
    let page = noor.get("/ledger").body;
    assert!(page.contains("17 zaken en stukken zijn over de bewaartermijn"), "{page}");
    assert!(page.contains("bode purge --dry-run") && page.contains("bode purge</code>"), "{page}");
}
