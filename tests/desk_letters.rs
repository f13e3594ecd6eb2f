//! Letters at the desk: the queue by day, one PDF of a day, who printed what, and an address that a person checks.

#[path = "support/answers.rs"]
mod answers;
mod desk;

use bode::record::*;
use desk::samples::on_paper;
use desk::{Desk, now};
use jiff::Timestamp;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A real letter to this address: of one page, or of as many as the texts of another office take.
fn pdf(lines: &[&str], long: bool) -> Vec<u8> {
    let house = answers::house(if long { "den-haag" } else { "nationale-ombudsman" });
    let mut judgement = answers::judgement();
    judgement.writer.name = lines.first().map(|line| (*line).to_owned());
    judgement.writer.postal = lines.iter().skip(1).map(|line| (*line).to_owned()).collect();
    if long {
        judgement.language = "en".into();
        judgement.multiple = true;
        judgement.urgent = true;
    }
    let prepared = answers::answered(&house, &judgement, &Extract::default(), Channel::Letter);
    prepared.bytes.unwrap()
}

fn pages(pdf: &[u8]) -> usize {
    lopdf::Document::load_mem(pdf).unwrap().get_pages().len()
}

/// Files, journal and index agree. A sample's own answer waits for an outbox that no desk has.
fn holds_together(desk: &Desk) {
    let report = desk.store.verify(now()).unwrap();
    let faults: Vec<_> = report.exceptions.iter().filter(|one| !one.what.contains("uur geleden")).collect();
    assert!(faults.is_empty(), "{faults:?}");
}

const KNOESTER: [&str; 3] = ["J.W. Knoester", "Hoefkade 9931", "2525 XX Den Haag"];
const BOS: [&str; 3] = ["Anneke Bos", "Voorbeeldlaan 1", "1011 AB Amsterdam"];
const VISSER: [&str; 3] = ["Henk Visser", "Proefweg 2", "9999 ZZ Verweg"];

/// Two letters of today, the first of more than one page, and one of Tuesday that nobody printed.
fn desk() -> (Desk, [CaseNumber; 3]) {
    let desk = Desk::start();
    let none = Extract::default();
    let cases = [
        on_paper(&desk.store, &VISSER, pdf(&VISSER, true), &none, Ok(now())),
        on_paper(&desk.store, &BOS, pdf(&BOS, false), &none, Ok(now())),
        on_paper(&desk.store, &KNOESTER, pdf(&KNOESTER, false), &none, Ok(at("2026-03-10T09:00:00Z"))),
    ];
    (desk, cases)
}

#[test]
fn the_queue_shows_a_day_and_what_is_forgotten() {
    let (desk, [visser, bos, knoester]) = desk();
    let mut piet = desk.person("piet");
    let page = piet.get("/print").body;
    assert!(page.contains("2 brieven, 2 te printen"), "{page}");
    for word in [&visser.to_string(), &bos.to_string(), "Anneke Bos", "1011 AB Amsterdam", "Te printen"] {
        assert!(page.contains(word), "{word}");
    }
    assert!(!page.contains("J.W. Knoester"));
    assert!(
        page.contains("Te laat: nog niet geprint van een eerdere dag") && page.contains("day=2026-03-10")
    );
    let earlier = piet.get("/print?day=2026-03-10").body;
    assert!(earlier.contains("J.W. Knoester") && earlier.contains("Te laat: niet geprint"));
    let one = piet.get(&format!("/print/2026-03-10/{knoester}.pdf"));
    assert_eq!((one.status, one.header("content-type")), (200, Some("application/pdf")));
    for path in [
        format!("/print/2026-03-12/{knoester}.pdf"),
        "/print/2026-03-12/..%2Fgeheim.pdf".to_owned(),
        "/print/../geheim.pdf".to_owned(),
        "/print/2026-03-12/x.pdf".to_owned(),
        "/print/x/y".to_owned(),
        "/print/2026-03-13/samen.pdf".to_owned(),
    ] {
        assert_eq!(piet.get(&path).status, 404, "{path}");
    }
}

#[test]
fn a_day_is_one_pdf_in_which_every_letter_begins_on_a_front() {
    let (desk, [visser, bos, _]) = desk();
    let mut piet = desk.person("piet");
    let long = pages(&pdf(&VISSER, true));
    assert_eq!((long > 1, pages(&pdf(&BOS, false))), (true, 1));
    let file = |answer: &desk::Answer| {
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/pdf")));
        let path = desk.dir.path().join("samen.pdf");
        std::fs::write(&path, &answer.bytes).unwrap();
        let output =
            std::process::Command::new("pdftotext").arg("-raw").arg(&path).arg("-").output().unwrap();
        let checked = std::process::Command::new("qpdf").arg("--check").arg(&path).output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
        (pages(&answer.bytes), String::from_utf8(output.stdout).unwrap())
    };
    // Amsterdam before Verweg: by postcode. Behind one page comes an empty one, unless one side is printed.
    let (count, text) = file(&piet.get("/print/2026-03-12/samen.pdf?order=address"));
    assert_eq!(count, 2 + long);
    let starts: Vec<&str> = text.split('\u{c}').collect();
    assert!(
        starts[0].contains("Anneke Bos") && starts[1].trim().is_empty() && starts[2].contains("Henk Visser")
    );
    let (count, text) = file(&piet.get("/print/2026-03-12/samen.pdf?order=number&sides=one"));
    assert_eq!(count, 1 + long);
    assert!(text.find("Henk Visser").unwrap() < text.find("Anneke Bos").unwrap());
    // The form gives exactly what the page listed, also when a colleague printed it meanwhile.
    desk.store.letters_printed(&[bos], "sanne", now()).unwrap();
    assert_eq!(pages(&piet.get("/print/2026-03-12/samen.pdf").bytes), long);
    let csrf = piet.get("/print").field("csrf");
    let listed = format!("{visser} {bos}");
    let form = [("csrf", csrf.as_str()), ("cases", &listed), ("sides", "one")];
    assert_eq!(pages(&piet.post("/print/2026-03-12/samen.pdf", &form).bytes), 1 + long);
}

#[test]
fn what_was_printed_is_told_with_by_whom_and_nobody_gets_two() {
    let (desk, [visser, bos, knoester]) = desk();
    let (mut piet, mut sanne) = (desk.person("piet"), desk.person("sanne"));
    let csrf = |client: &mut desk::Client| client.get("/print").field("csrf");
    let (first, second) = (csrf(&mut piet), csrf(&mut sanne));
    let both = format!("{visser} {bos}");
    let done = piet.post("/print/printed", &[("csrf", &first), ("day", "2026-03-12"), ("cases", &both)]);
    assert_eq!(done.status, 303);
    let page = piet.get("/print").body;
    assert!(page.contains("2 brieven, 0 te printen") && page.contains(" door piet"), "{page}");
    // A colleague who had the same page open.
    let late = sanne.post("/print/printed", &[("csrf", &second), ("day", "2026-03-12"), ("cases", &both)]);
    assert_eq!(late.status, 200);
    assert!(late.body.contains("al geprint. Doe uw exemplaar niet op de post"), "{}", late.body);
    assert!(late.body.contains("door piet") && late.body.contains(&bos.to_string()));
    // Lost on the way: once more, and the page says so until it is printed.
    let form = [("csrf", first.as_str()), ("day", "2026-03-12"), ("case", &bos.to_string())];
    assert_eq!(piet.post("/print/again", &form).status, 303);
    let page = piet.get("/print").body;
    assert!(page.contains("2 brieven, 1 te printen") && page.contains("Nog eens printen"));
    piet.post("/print/printed", &[("csrf", &first), ("day", "2026-03-12"), ("cases", &bos.to_string())]);
    assert!(piet.get("/print").body.contains("door piet, 2 keer"));
    // What lies nowhere is refused whole.
    let wrong = format!("{knoester} {}", CaseNumber::new(2026, 1));
    let form = [("csrf", first.as_str()), ("day", "2026-03-10"), ("cases", &wrong)];
    assert!(piet.post("/print/printed", &form).status >= 400);
    assert!(piet.get("/print").body.contains("day=2026-03-10"));
    let history = desk.store.history(bos).unwrap();
    let told: Vec<&str> = history.iter().rev().take(3).map(|line| line.what.as_str()).collect();
    assert_eq!(
        told,
        ["De brief is geprint.", "De brief moet nog eens worden geprint.", "De brief is geprint."]
    );
    holds_together(&desk);
}

#[test]
fn an_auditor_looks_and_prints_nothing() {
    let (desk, [visser, ..]) = desk();
    let mut karel = desk.person("karel");
    let page = karel.get("/print");
    assert!(page.body.contains(&visser.to_string()) && !page.body.contains("/print/printed"));
    let csrf = page.field("csrf");
    for path in
        ["/print/printed", "/print/again", "/print/2026-03-12/samen.pdf", &format!("/cases/{visser}/address")]
    {
        assert_eq!(karel.post(path, &[("csrf", &csrf)]).status, 403, "{path}");
    }
}

/// A scan of one page on which the address was read wrongly.
fn scan() -> Extract {
    let word = |x, y, text: &str| Word(1, x, y, 160, 30, 0.4, text.into());
    let document = Document {
        media_type: "application/pdf".into(),
        method: Method::Ocr,
        pages: Some(1),
        page_sizes: vec![PageSize { page: 1, width: 1654, height: 2339, turns: 0 }],
        words: vec![
            word(200, 300, "Hoefkade"),
            word(400, 300, "9931"),
            word(200, 340, "2525"),
            word(400, 340, "Haag"),
        ],
        text: "J.W. Kn0ester\nHoefkade 9931\n2525 Haag".into(),
        problem: None,
        ..Document::unread(None, "application/pdf", Problem::Empty)
    };
    Extract { documents: vec![document], ..Extract::default() }
}

#[test]
fn an_address_is_checked_beside_the_scan_before_the_letter_goes() {
    let desk = Desk::start();
    let read = ["J.W. Kn0ester", "Hoefkade 9931", "2525 Haag"];
    let reason = "Adres controleren: naam, straat of postcode ontbreekt.";
    let case = on_paper(&desk.store, &read, pdf(&KNOESTER, false), &scan(), Err(reason));
    let mut piet = desk.person("piet");
    let queue = piet.get("/print").body;
    assert!(
        queue.contains("Eerst het adres controleren") && queue.contains(&format!("/cases/{case}/address"))
    );
    let path = format!("/cases/{case}/address");
    let page = piet.get(&path);
    assert!(
        page.body.contains("viewBox=\"20 120 ") && page.body.contains("documents/0/pages/1"),
        "{}",
        page.body
    );
    assert_eq!((page.field("name"), page.field("street")), ("J.W. Kn0ester".into(), "Hoefkade 9931".into()));
    let csrf = page.field("csrf");
    let form = |name: &'static str, postcode: &'static str| {
        vec![
            ("csrf", csrf.clone()),
            ("name", name.to_owned()),
            ("street", "Hoefkade 9931".to_owned()),
            ("postcode", postcode.to_owned()),
            ("town", "Den Haag".to_owned()),
        ]
    };
    let post = |client: &mut desk::Client, form: &[(&str, String)]| {
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        client.post(&path, &form)
    };
    // Refused: nothing stored, and what was typed is still there.
    for (name, postcode, word) in [
        ("J.W. Knoester", "2525", "Vul een postcode in"),
        ("王小明", "2525 XX", "tekens die niet op de brief kunnen"),
        ("J.W. Knoester 123456782", "2525 XX", "burgerservicenummer"),
    ] {
        let refused = post(&mut piet, &form(name, postcode));
        assert_eq!(refused.status, 422);
        assert!(refused.body.contains(word) && refused.body.contains(name), "{}", refused.body);
    }
    let entry = |desk: &Desk| desk.store.case(case).unwrap().unwrap().answer.unwrap();
    assert!(matches!(entry(&desk).state, AnswerState::Held { .. }));
    // Who decides cannot send it off with the wrong address either.
    let mut noor = desk.person("noor");
    let shown = noor.get(&format!("/cases/{case}"));
    assert!(shown.body.contains(&path) && !shown.body.contains("value=\"release\""));
    let release = [("csrf", shown.field("csrf")), ("action", "release".to_owned())];
    let release: Vec<(&str, &str)> = release.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(noor.post(&format!("/cases/{case}/answer"), &release).status, 422);

    let done = post(&mut piet, &form("J.W. Knoester", "2525xx"));
    assert_eq!((done.status, done.header("location")), (303, Some("/print?done=checked")));
    let after = entry(&desk);
    assert!(matches!(after.state, AnswerState::Waiting { .. }), "{after:?}");
    let row = desk.store.case(case).unwrap().unwrap();
    assert_eq!(desk.store.addressee(&row).unwrap(), KNOESTER);
    assert_eq!(row.writer.as_deref(), Some("J.W. Knoester"));
    let bytes = desk.store.answer_of(&after).unwrap().unwrap();
    let text = lopdf::Document::load_mem(&bytes).unwrap().extract_text(&[1]).unwrap();
    assert!(text.contains("J.W. Knoester") && text.contains("2525 XX Den Haag"), "{text}");
    assert!(text.contains(&case.to_string()));
    // A second time there is nothing to check.
    assert_eq!(piet.get(&path).status, 404);
    assert!(post(&mut piet, &form("J.W. Knoester", "2525 XX")).status >= 400);
    // The journal has the digest and the account, and nobody's name or street.
    let mut segments = 0;
    for item in std::fs::read_dir(desk.dir.path().join("store/journal")).unwrap() {
        let path = item.unwrap().path();
        let journal = std::fs::read_to_string(&path).unwrap();
        for word in ["Knoester", "Kn0ester", "Hoefkade 9931", "2525 XX"] {
            assert!(!journal.contains(word), "{word}");
        }
        if path.extension().is_some_and(|ending| ending == "log") {
            segments += 1;
            assert!(journal.contains("letter-addressed") && journal.contains("\"piet\""));
        }
    }
    assert_eq!(segments, 1);
    holds_together(&desk);
}

#[test]
fn a_checked_address_does_not_overrule_what_else_holds_an_answer() {
    let desk = Desk::start();
    let reason = "Adres controleren: het is niet zeker gelezen.";
    let case = on_paper(&desk.store, &KNOESTER, pdf(&KNOESTER, false), &scan(), Err(reason));
    // The same letter, judged to be no complaint: only a person may say that it is answered.
    let record = desk.store.case(case).unwrap().unwrap().records[0];
    let judged = desk.store.judgement(record).unwrap().unwrap();
    assert_eq!(judged.scope, Scope::In);
    let letter = bode::store::CheckedLetter {
        lines: KNOESTER.map(str::to_owned).to_vec(),
        pdf: pdf(&KNOESTER, false),
        still_held: Some("Mogelijk spoed of gevaar: een mens leest dit eerst.".into()),
    };
    desk.store.check_letter(case, "piet", &letter, now()).unwrap();
    let entry = desk.store.case(case).unwrap().unwrap().answer.unwrap();
    let AnswerState::Held { reason } = &entry.state else { panic!("{entry:?}") };
    assert!(reason.starts_with("Mogelijk spoed") && !entry.asks_for_address());
    // Now it is for who decides.
    desk.store.release_answer(case, "noor", now()).unwrap();
    holds_together(&desk);
}
