//! The desk in a real browser (headless Chromium): every page at three widths without a script, without a
//! complaint of the browser and without a bar to scroll sideways; and a day's work by keyboard alone.
//!
//! Pictures are laid in `target/tmp/desk` for people to look at. Needs the Debian package chromium.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests a panic is the failure that is wanted"
)]

mod desk;

use desk::browser::Browser;
use desk::samples::number;
use desk::{Desk, PASSWORD};
use serde_json::json;
use std::path::PathBuf;

fn browser() -> Browser {
    Browser::start().expect("install the Debian package chromium")
}

fn pictures() -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("desk");
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// Looks at the page that is open, at three widths; keeps a picture of the widest and of a telephone.
fn look(browser: &mut Browser, name: &str) {
    for (width, height) in [(1440, 900), (390, 844), (320, 640)] {
        browser.size(width, height);
        let wide = browser.evaluate("document.documentElement.scrollWidth").as_u64().unwrap();
        assert!(wide <= u64::from(width), "{name} is {wide} wide on a screen of {width}");
        if width != 320 {
            browser.picture(&pictures().join(format!("{name}-{width}.png")));
        }
    }
    let complaints: Vec<&String> =
        browser.complaints.iter().filter(|text| !text.contains("responded with a status of 4")).collect();
    assert!(complaints.is_empty(), "{name}: {complaints:?}");
    let unnamed = "[...document.querySelectorAll('input:not([type=hidden]),select,textarea')]\
                   .filter(one => one.labels.length == 0).length";
    assert_eq!(browser.evaluate(unnamed), 0, "{name}: a field without a label");
    let twice =
        "(ids => ids.length - new Set(ids).size)([...document.querySelectorAll('[id]')].map(one => one.id))";
    assert_eq!(browser.evaluate(twice), 0, "{name}: an id that stands twice");
    let dead = "[...document.querySelectorAll('a[href^=\"#\"]')]\
                .filter(one => !document.getElementById(one.hash.slice(1))).map(one => one.hash).join()";
    assert_eq!(browser.evaluate(dead), "", "{name}: a link to a place that is not there");
    assert_eq!(browser.evaluate("document.querySelectorAll('h1').length"), 1, "{name}: one h1");
}

#[test]
fn every_page_fits_and_no_browser_complains() {
    let mut browser = browser();
    let desk = Desk::start();
    let base = format!("http://{}", desk.address);
    browser.ask("Emulation.setScriptExecutionDisabled", json!({"value": true})).unwrap();
    browser.size(1440, 900);

    browser.open(&format!("{base}/login"));
    look(&mut browser, "inloggen");
    prove(&desk);
    let mut noor = desk.person("noor");
    browser.cookie(&base, "bode_session", &noor.cookies["bode_session"]);
    let record =
        noor.get("/aside").body.split("/aside/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    for (name, path) in [
        ("zaken", "/".to_owned()),
        ("zaken-gefilterd", "/?queue=doorverwijzen&due=week".to_owned()),
        ("zaken-leeg", "/?queue=aanvullen&due=late".to_owned()),
        ("zaken-alle", "/?status=all".to_owned()),
        ("zaak", format!("/cases/{}", number(1))),
        ("zaak-bewijs", format!("/cases/{}#s0d0f3e1", number(1))),
        ("zaak-verwijzen", format!("/cases/{}", number(2))),
        ("zaak-vijandig", format!("/cases/{}", number(3))),
        ("zaak-brief", format!("/cases/{}", number(4))),
        ("zaak-spoed", format!("/cases/{}", number(5))),
        ("zaak-onleesbaar", format!("/cases/{}", number(6))),
        ("zaak-onduidelijk", format!("/cases/{}", number(7))),
        ("zaak-gesloten", format!("/cases/{}", number(8))),
        ("terzijde", "/aside".to_owned()),
        ("terzijde-stuk", format!("/aside/{record}")),
        ("printen", "/print".to_owned()),
        ("termijnen", "/due".to_owned()),
        ("verzenden", "/sending".to_owned()),
        ("antwoorden", "/answers".to_owned()),
        ("antwoord", "/answers/received".to_owned()),
        ("regels", "/rules".to_owned()),
        ("grootboek", "/ledger".to_owned()),
        ("postkamer", "/post".to_owned()),
        ("cijfers", "/numbers".to_owned()),
        ("jaarcijfers", "/numbers/2026".to_owned()),
        ("zaak-splitsen", format!("/cases/{}/split", number(7))),
        ("zaken-samen", format!("/together?case={}&case={}", number(1), number(5))),
        ("hulp", "/help".to_owned()),
        ("account", "/account".to_owned()),
        ("niet-gevonden", "/nergens".to_owned()),
    ] {
        browser.open(&format!("{base}{path}"));
        look(&mut browser, name);
    }
    // A form that is refused, a case that went on meanwhile, and a decision that is stored.
    let case = format!("{base}/cases/{}", number(2));
    browser.open(&case);
    submit(&mut browser, "document.getElementById('v-not-a-complaint').checked = true");
    look(&mut browser, "zaak-geweigerd");
    browser.open(&case);
    let page = noor.get(&format!("/cases/{}", number(2)));
    noor.post(
        &format!("/cases/{}/assign", number(2)),
        &[("csrf", &page.field("csrf")), ("revision", &page.field("revision")), ("assignee", "noor")],
    );
    submit(
        &mut browser,
        "document.getElementById('v-take-up').checked = true; document.getElementById('reden').value = 'Mijn reden.'",
    );
    look(&mut browser, "zaak-gewijzigd");
    browser.open(&case);
    submit(
        &mut browser,
        "document.getElementById('v-refer').checked = true; document.getElementById('reden').value = 'Gaat over het UWV.'",
    );
    look(&mut browser, "zaak-besloten");
}

/// A proof with an exception, after a clean one.
fn prove(desk: &Desk) {
    use bode::record::{Exception, ExceptionKind, ProofNote, ProofRow, SourceCount, SourceKind};
    let empty = SourceCount::empty;
    let mailbox = SourceCount {
        counted: 213,
        cases: 205,
        automatic: 5,
        spam: 2,
        missing: 1,
        ..empty(SourceKind::Mailbox)
    };
    let scans = SourceCount {
        counted: 41,
        cases: 34,
        stacks: 4,
        duplicates: 2,
        refused: 1,
        gone: 12,
        sheets: Some((12, 13)),
        ..empty(SourceKind::Scans)
    };
    let note = ProofNote {
        pieces: 266,
        in_cases: 252,
        aside: 14,
        in_work: 0,
        missing: 1,
        exceptions: [(ExceptionKind::NotRegistered, 1), (ExceptionKind::RefusedTooLong, 1)].into(),
        sources: vec![mailbox, scans],
        seconds: 3,
    };
    let clean = ProofNote { missing: 0, exceptions: [].into(), ..note.clone() };
    let day = jiff::SignedDuration::from_hours(24);
    desk.store.note_proof(clean, desk::now() - day).unwrap();
    desk.store.note_proof(note.clone(), desk::now()).unwrap();
    let exceptions = vec![
        Exception::new(
            ExceptionKind::NotRegistered,
            "een bericht in de map met verwerkte berichten staat niet in het register",
        )
        .at("Verwerkt uid 1734"),
        Exception::new(ExceptionKind::RefusedTooLong, "een geweigerde scan ligt er nog")
            .at("failed/2026-03-02_brief_van_mevrouw_voorbeeld_met_een_heel_lange_naam_zonder_spaties.pdf"),
    ];
    desk.health.proved(bode::review::Proved { row: ProofRow { at: desk::now(), note }, exceptions });
}

/// Fills in the decision form and sends it.
fn submit(browser: &mut Browser, fill: &str) {
    browser.evaluate(&format!("{fill}; window.old = true; document.querySelector('.decide form').submit()"));
    browser.wait_for("window.old !== true && document.readyState == 'complete'");
}

#[test]
fn a_case_is_decided_by_keyboard_alone() {
    let mut browser = browser();
    let desk = Desk::start();
    browser.size(1440, 900);
    browser.open(&format!("http://{}/login", desk.address));
    // The name gets the focus by itself, some time after the page is there.
    browser.wait_for("document.activeElement.autofocus === true");
    browser.ask("Input.insertText", json!({"text": "noor"})).unwrap();
    browser.press("Tab", 9);
    browser.ask("Input.insertText", json!({"text": PASSWORD})).unwrap();
    enter(&mut browser);
    assert_eq!(browser.evaluate("location.pathname"), "/");
    tab_to(&mut browser, "document.activeElement.className == 'c-link'");
    let focus = browser.evaluate("getComputedStyle(document.activeElement).outlineWidth");
    assert_eq!(focus, "3px", "the focus can be seen");
    enter(&mut browser);
    assert_eq!(
        browser.evaluate("location.pathname"),
        format!("/cases/{}", number(5)),
        "the urgent one first"
    );
    tab_to(&mut browser, "document.activeElement.name == 'verdict'");
    browser.press(" ", 32);
    tab_to(&mut browser, "document.activeElement.name == 'reason'");
    browser.ask("Input.insertText", json!({"text": "Vandaag nog bellen."})).unwrap();
    tab_to(&mut browser, "document.activeElement.textContent == 'Besluit opslaan'");
    enter(&mut browser);
    let text = browser.evaluate("document.body.innerText");
    assert!(text.as_str().unwrap().contains("Opgeslagen: In behandeling genomen."), "{text}");
    let row = desk.store.case(number(5)).unwrap().unwrap();
    assert_eq!(row.decision.unwrap().reason, "Vandaag nog bellen.");
    tab_to(&mut browser, "document.activeElement.textContent == 'Naar de volgende zaak'");
    enter(&mut browser);
    assert!(browser.evaluate("location.pathname").as_str().unwrap().starts_with("/cases/"));
    assert_ne!(browser.evaluate("location.pathname"), format!("/cases/{}", number(5)));
}

fn tab_to(browser: &mut Browser, there: &str) {
    for _ in 0..200 {
        browser.press("Tab", 9);
        if browser.evaluate(there) == json!(true) {
            return;
        }
    }
    panic!("never got to {there}");
}

fn enter(browser: &mut Browser) {
    browser.evaluate("window.old = true");
    browser.press("Enter", 13);
    browser.wait_for("window.old !== true && document.readyState == 'complete'");
}
