//! What the desk of these tests has beside the sample cases: a proof, letters, a scan, a list of many, a case that is destroyed;
//! and an office with rules of its own, for the pages on which rules are changed.

use crate::daemon::{Daemon, OfficeDir};
use crate::desk::samples::{Sample, infected, number, on_paper, scanned, take};
use crate::desk::{Desk, PASSWORD, now, reader};
use bode::extract::ReadRequest;
use bode::handover::{Note, Step};
use bode::record::*;
use bode::review::{Accounts, Role};
use bode::store::{PurgeOrder, Purgeable};

/// A desk with an account of each role: piet, noor, ruth, ans and karel.
pub fn desk() -> Desk {
    desk_with(bode::config::Desk::default())
}

pub fn desk_with(config: bode::config::Desk) -> Desk {
    let desk = Desk::start_with(config);
    desk.accounts.add("ans", PASSWORD, Role::Admin, now()).unwrap();
    desk
}

/// A proof with an exception, after a clean one.
pub fn prove(desk: &Desk) {
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
    desk.store.note_proof(clean, now() - day).unwrap();
    desk.store.note_proof(note.clone(), now()).unwrap();
    let exceptions = vec![
        Exception::new(
            ExceptionKind::NotRegistered,
            "een bericht in de map met verwerkte berichten staat niet in het register",
        )
        .at("Verwerkt uid 1734"),
        Exception::new(ExceptionKind::RefusedTooLong, "een geweigerde scan ligt er nog")
            .at("failed/2026-03-02_brief_van_mevrouw_voorbeeld_met_een_heel_lange_naam_zonder_spaties.pdf"),
    ];
    desk.health.proved(bode::review::Proved { row: ProofRow { at: now(), note }, exceptions });
}

/// A letter to print, one of Tuesday that nobody printed, and one whose address a person checks: the last.
pub fn letters(desk: &Desk) -> CaseNumber {
    let tuesday = "2026-03-10T09:00:00Z".parse().unwrap();
    let none = Extract::default();
    let letter = |lines: &[&str], at| on_paper(&desk.store, lines, b"%PDF-1.7 brief".to_vec(), &none, at);
    letter(&["Anneke Bos", "Voorbeeldlaan 1", "1011 AB Amsterdam"], Ok(now()));
    letter(&["Henk Visser", "Proefweg 2", "9999 ZZ Verweg"], Ok(now()));
    letter(&["J.W. Knoester", "Hoefkade 9931", "2525 XX Den Haag"], Ok(tuesday));
    let word = |x, y, text: &str| Word(1, x, y, 160, 30, 0.4, text.into());
    let document = Document {
        media_type: "application/pdf".into(),
        method: Method::Ocr,
        pages: Some(1),
        page_sizes: vec![PageSize { page: 1, width: 1654, height: 2339, turns: 0 }],
        words: vec![word(200, 300, "Hoefkade"), word(400, 300, "9931"), word(200, 340, "2525")],
        text: "J.W. Kn0ester\nHoefkade 9931\n2525 Haag".into(),
        problem: None,
        ..Document::unread(None, "application/pdf", Problem::Empty)
    };
    let read = Extract { documents: vec![document], ..Extract::default() };
    let reason = "Adres controleren: naam, straat of postcode ontbreekt.";
    let lines = ["J.W. Kn0ester", "Hoefkade 9931", "2525 Haag"];
    on_paper(&desk.store, &lines, b"%PDF-1.7 brief".to_vec(), &read, Err(reason))
}

/// A real scan, read by the real worker, with its evidence on the page.
pub fn scan(desk: &Desk) -> CaseNumber {
    let name = "scan-gedraaid.pdf";
    let bytes = std::fs::read(format!("tests/fixtures/extract/{name}")).unwrap();
    let request =
        ReadRequest { name: name.into(), channel: Some(Channel::Letter), bytes: bytes.clone(), words: true };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let read = runtime.block_on(async { reader().read(request).await.unwrap() });
    scanned(&desk.store, name, bytes, &read, &["gemeente Voorbeeldstad", "niet moest\nzeuren"])
}

/// So many cases more, so that the list has a page full of them and a next one.
pub fn many(desk: &Desk, count: usize) {
    for n in 0..count {
        let text =
            format!("Dit is klacht {n}: het loket was weer dicht toen ik om tien uur voor de deur stond.");
        take(&desk.store, Sample { text, documents: vec![], defects: vec![], ..infected() }, None);
    }
}

/// The case that sanne closed, destroyed since.
pub fn destroyed(desk: &Desk) -> CaseNumber {
    let case = number(8);
    let order = PurgeOrder {
        what: Purgeable::Case(case, desk.store.case(case).unwrap().unwrap().revision),
        closed_on: None,
        term: Some("1 year".into()),
        basis: "selectielijst 13.1.4".into(),
    };
    let report = desk.store.purge(&[order], "lijst", "a.archief", now()).unwrap();
    assert_eq!((report.cases, report.left), (1, vec![]));
    case
}

/// Cases in each state on their way to the zaaksysteem, which is away.
pub fn handed(desk: &Desk) {
    let note = |serial, step| {
        let mut note = Note::new(number(serial), Verdict::TakeUp, now());
        (note.step, note.documents) = (step, 2);
        note.left_out = vec!["R2026-000009: groter dan 32 MB".into()];
        desk.handover.put(&note).unwrap();
    };
    let said =
        "Invalid input.; zaaktype: De resource is nog een concept (not-published) (status 400)".to_owned();
    note(1, Step::Refused { since: now(), said });
    note(2, Step::Changed { since: now(), what: "Er kwam daarna een stuk bij.".into() });
    note(3, Step::Waiting);
    note(5, Step::Handed { since: now() });
}

/// A real daemon with rules of its own that may be written, and ruth who keeps them.
pub fn with_rules() -> (OfficeDir, Daemon) {
    let office = OfficeDir::with_rules();
    let accounts = Accounts::new(&office.store());
    accounts.add("ruth", PASSWORD, Role::RuleEditor, jiff::Timestamp::now()).unwrap();
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    (office, daemon)
}
