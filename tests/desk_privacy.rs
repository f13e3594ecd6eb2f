//! Citizen service numbers at the desk and in the API, and who looked: over real HTTP, against a real sealed or open store.

mod desk;

use bode::record::*;
use bode::store::{Outcome, Registered};
use desk::{Desk, now};

const BSN: &str = "123456782";
const SPACED: &str = "123 456 782";
const TEXT: &str = "Geachte heer,\nMijn BSN is 123456782 en mijn nummer bij u is 77. Nog eens: 123 456 782. De ambtenaar \
                    met BSN 123456782 schold mij uit.";

/// A case with a number in its subject, its text, its evidence, a note and a file name.
fn case_with_bsn(desk: &Desk) -> (CaseNumber, RegistrationNumber) {
    let arrival = Arrival {
        channel: Channel::Email,
        name: format!("{BSN}.eml"),
        bytes: TEXT.as_bytes().to_vec(),
        received_at: now(),
        origin: Origin::Import { file: format!("{BSN}.eml") },
        acknowledge: true,
    };
    let Registered::New(record) = desk.store.register(&[arrival], now()).unwrap().remove(0) else { panic!() };
    let mut document = Document::unread(None, "text/plain", Problem::Empty);
    (document.problem, document.method, document.text) = (None, Method::Body, TEXT.to_owned());
    let message = Message {
        author: Some(Address { name: Some("Ans Nummer".into()), address: Some("ans@example.nl".into()) }),
        subject: Some(format!("Klacht van {BSN}")),
        ..Message::default()
    };
    let extract = Extract { message: Some(message), documents: vec![document], defects: Vec::new() };
    desk.store.keep_extract(record.number, &extract, now()).unwrap();
    let start = TEXT.find("De ambtenaar").unwrap();
    let mut judgement = desk.store.judgement(RegistrationNumber::new(2026, 1)).unwrap().unwrap();
    judgement.findings = vec![Finding {
        rule: "kind/conduct".into(),
        concludes: "scope=in".into(),
        weight: 3.0,
        evidence: vec![Evidence { document: 0, start, end: TEXT.len(), text: TEXT[start..].into() }],
        reason: "Een ambtenaar schold.".into(),
    }];
    let case = desk.store.next_case_number(2026).unwrap();
    let answer = Answer::Withhold { reason: "Een proef.".into() };
    let outcome = Outcome::NewCase {
        case,
        judgement,
        deadlines: Vec::new(),
        answer,
        answer_bytes: None,
        answer_msg_id: None,
    };
    desk.store.commit(record.number, outcome, now()).unwrap();
    desk.store.note(case, "noor", &format!("Gebeld met de burger van {BSN}."), now()).unwrap();
    (case, record.number)
}

fn free_of_it(body: &str, what: &str) {
    for number in [BSN, SPACED, "1234567"] {
        assert!(!body.contains(number), "{what} shows {number}:\n{body}");
    }
}

#[test]
fn a_number_is_covered_wherever_a_case_is_shown() {
    let desk = Desk::start();
    let (case, record) = case_with_bsn(&desk);
    let mut noor = desk.person("noor");
    for path in [
        "/".to_owned(),
        "/?q=klacht+van".to_owned(),
        format!("/cases/{case}"),
        format!("/cases/{case}/pieces/{record}/documents/0"),
    ] {
        let answer = noor.get(&path);
        assert_eq!(answer.status, 200, "{path}");
        free_of_it(&answer.body, &path);
    }
    let page = noor.get(&format!("/cases/{case}")).body;
    assert!(page.contains("•••••••82") && page.contains("••• ••• •82"), "{page}");
    assert!(page.contains("<mark") && page.contains("Toon BSN"), "{page}");
    let mut program = desk.program();
    for path in ["/api/v1/cases".to_owned(), format!("/api/v1/cases/{case}")] {
        let answer = program.get(&path);
        assert_eq!(answer.status, 200);
        free_of_it(&answer.body, &path);
    }
    let json = program.get(&format!("/api/v1/cases/{case}")).json();
    let evidence = &json["judgement"]["findings"][0]["evidence"][0];
    let text: Vec<char> =
        json["pieces"][0]["extract"]["documents"][0]["text"].as_str().unwrap().chars().collect();
    let (start, end) =
        (evidence["start"].as_u64().unwrap() as usize, evidence["end"].as_u64().unwrap() as usize);
    let cut: String = text[start..end].iter().collect();
    assert_eq!(evidence["text"], cut, "evidence stays in its place");
}

/// What staff or a template put into an answer is covered too, where the citizen named no number.
#[test]
fn a_number_in_an_answer_is_covered_where_the_answer_is_shown() {
    let desk = Desk::start();
    let arrival = Arrival {
        channel: Channel::Email,
        name: "zonder.eml".into(),
        bytes: b"Een klacht zonder nummer.".to_vec(),
        received_at: now(),
        origin: Origin::Import { file: "zonder.eml".into() },
        acknowledge: true,
    };
    let Registered::New(record) = desk.store.register(&[arrival], now()).unwrap().remove(0) else { panic!() };
    let judgement = desk.store.judgement(RegistrationNumber::new(2026, 1)).unwrap().unwrap();
    let case = desk.store.next_case_number(2026).unwrap();
    let words = format!(
        "From: x@example.nl\r\nTo: ans@example.nl\r\nSubject: Uw BSN {BSN}\r\nMessage-ID: <a@example.nl>\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\nWij schrijven u onder BSN {BSN} in.\r\n"
    );
    let outcome = Outcome::NewCase {
        case,
        judgement,
        deadlines: Vec::new(),
        answer: Answer::Hold {
            channel: AnswerChannel::Email,
            to: "ans@example.nl".into(),
            template: "ontvangst".into(),
            language: "nl".into(),
            reason: "Een proef.".into(),
        },
        answer_bytes: Some(words.into_bytes()),
        answer_msg_id: Some("a@example.nl".into()),
    };
    desk.store.keep_extract(record.number, &Extract::default(), now()).unwrap();
    desk.store.commit(record.number, outcome, now()).unwrap();
    let page = desk.person("noor").get(&format!("/cases/{case}")).body;
    free_of_it(&page, "the page");
    assert!(page.contains("Uw BSN •••••••82") && page.contains("onder BSN •••••••82"), "{page}");
    free_of_it(&desk.program().get(&format!("/api/v1/cases/{case}")).body, "the API");
}

#[test]
fn who_may_has_it_shown_and_that_stands_in_the_history() {
    let desk = Desk::start();
    let (case, _) = case_with_bsn(&desk);
    let mut noor = desk.person("noor");
    let page = noor.get(&format!("/cases/{case}"));
    let csrf = page.field("csrf");
    let revision = desk.store.case(case).unwrap().unwrap().revision;
    let shown = noor.post(&format!("/cases/{case}/bsn"), &[("csrf", &csrf)]);
    assert_eq!(shown.status, 200);
    assert!(shown.body.contains(BSN) && shown.body.contains("U ziet nu het BSN"), "{}", shown.body);
    let history = desk.store.history(case).unwrap();
    let told: Vec<_> = history.iter().filter(|line| line.what.contains("BSN")).collect();
    assert_eq!((told.len(), told[0].by.as_str()), (1, "noor"));
    assert!(!told[0].what.contains(BSN));
    assert_eq!(desk.store.case(case).unwrap().unwrap().revision, revision, "nobody's form goes stale by it");
    free_of_it(&noor.get(&format!("/cases/{case}")).body, "the next page");
    assert!(noor.get(&format!("/cases/{case}")).body.contains("Een BSN in deze zaak is getoond."));
    for name in ["piet", "karel"] {
        let mut other = desk.person(name);
        let page = other.get(&format!("/cases/{case}"));
        assert!(page.body.contains("schermen het af") && !page.body.contains("Toon BSN"), "{name}");
        let refused = other.post(&format!("/cases/{case}/bsn"), &[("csrf", &csrf)]);
        assert_eq!(refused.status, 403, "{name}");
        free_of_it(&refused.body, name);
    }
    assert_eq!(desk.visitor().post(&format!("/cases/{case}/bsn"), &[("csrf", &csrf)]).status, 303);
    let forged = noor.post(&format!("/cases/{case}/bsn"), &[("csrf", "onzin")]);
    assert_eq!(forged.status, 403);
    assert_eq!(
        desk.store.history(case).unwrap().len(),
        history.len(),
        "what was refused is not written down"
    );
    let mut program = desk.program();
    assert!(program.get(&format!("/api/v1/cases/{case}?show_bsn=true")).body.contains(BSN));
    assert_eq!(desk.store.history(case).unwrap().len(), history.len() + 1);
}

#[test]
fn a_list_is_given_as_csv_that_runs_nothing_and_names_no_number() {
    let desk = Desk::start();
    let (case, _) = case_with_bsn(&desk);
    let mut noor = desk.person("noor");
    assert!(noor.get("/?status=all&queue=nieuw").body.contains("/cases.csv?queue=nieuw&amp;status=all"));
    let file = noor.get("/cases.csv?status=all");
    let told = |name: &str| file.header(name).unwrap_or_default().to_owned();
    assert_eq!(told("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(told("content-disposition"), "attachment; filename=\"zaken-2026-03-12.csv\"");
    free_of_it(&file.body, "the list");
    let lines: Vec<&str> = file.body.strip_prefix('\u{feff}').unwrap().split_terminator("\r\n").collect();
    let total = noor.get("/api/v1/cases?status=all").json()["total"].as_u64().unwrap();
    assert_eq!(lines.len() as u64, total + 1, "{lines:#?}");
    assert!(lines[0].starts_with("zaak;ontvangen;wachtrij;"), "{}", lines[0]);
    assert!(lines.iter().any(|line| line.starts_with(&case.to_string()) && line.contains("•••••••82")));
    let open = noor.get("/cases.csv").body.lines().count();
    assert!(open > 1 && open < lines.len() + 1, "the choice of the list is that of the file");
    // Who may not take cases along is shown no link, and given none.
    let mut piet = desk.person("piet");
    assert!(!piet.get("/").body.contains("cases.csv"));
    assert_eq!(piet.get("/cases.csv").status, 403);
}

/// The ZIP of the desk: whole, covered but for the originals, and written down twice.
#[test]
fn a_case_is_given_out_as_a_zip_and_that_is_written_down() {
    let desk = Desk::start();
    let (case, _) = case_with_bsn(&desk);
    let path = format!("/cases/{case}/export");
    for (name, may) in [("noor", true), ("karel", true), ("piet", false)] {
        let mut person = desk.person(name);
        let page = person.get(&format!("/cases/{case}"));
        assert_eq!(page.body.contains("Exporteer deze zaak"), may, "{name}");
        let csrf = if may { page.field("csrf") } else { person.get("/").field("csrf") };
        let before = desk.store.looks(case).unwrap().0.len();
        let answer = person.post(&path, &[("csrf", &csrf)]);
        assert_eq!(answer.status, if may { 200 } else { 403 }, "{name}");
        if !may {
            assert_eq!(desk.store.looks(case).unwrap().0.len(), before);
            continue;
        }
        let looks = desk.store.looks(case).unwrap().0;
        assert_eq!(looks.last().map(|look| (look.by.as_str(), look.seen)), Some((name, Seen::Exported)));
        let told = answer.header("content-disposition").unwrap().to_owned();
        assert_eq!(told, format!("attachment; filename=\"{case}.zip\""));
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(answer.bytes)).unwrap();
        let names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
        for name in ["index.html", "zaak.json", "logboek.jsonl"] {
            assert!(names.contains(&format!("{case}/{name}")), "{names:?}");
        }
        let sums = text_of(&mut zip, "sha256sums.txt");
        for name in names.iter().filter(|name| *name != "sha256sums.txt") {
            assert!(sums.contains(name.as_str()), "{name}: {sums}");
            let text = text_of(&mut zip, name);
            if name.ends_with(".eml") {
                assert_eq!(text, TEXT, "the piece as it came");
            } else {
                free_of_it(&text, name);
            }
        }
    }
    let journal = std::fs::read_dir(desk.dir.path().join("store/journal")).unwrap();
    let journal: String =
        journal.map(|item| std::fs::read_to_string(item.unwrap().path()).unwrap_or_default()).collect();
    assert_eq!(journal.matches("\"exported\"").count(), 2, "who and how many, in the journal");
    let mut noor = desk.person("noor");
    assert_eq!(noor.post(&path, &[("csrf", "onzin")]).status, 403);
    assert_eq!(noor.get(&path).status, 405);
}

fn text_of(zip: &mut zip::ZipArchive<std::io::Cursor<Vec<u8>>>, name: &str) -> String {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut zip.by_name(name).unwrap(), &mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn every_look_is_written_down_and_an_auditor_sees_it() {
    let desk = Desk::start();
    let (case, record) = case_with_bsn(&desk);
    let mut noor = desk.person("noor");
    for path in ["", &format!("/pieces/{record}/original"), &format!("/pieces/{record}/documents/0")] {
        assert_eq!(noor.get(&format!("/cases/{case}{path}")).status, 200);
    }
    assert_eq!(noor.get(&format!("/cases/{case}/pieces/{record}/documents/9")).status, 404);
    let csrf = noor.get("/").field("csrf");
    assert_eq!(noor.post(&format!("/cases/{case}/bsn"), &[("csrf", &csrf)]).status, 200);
    assert_eq!(desk.program().get(&format!("/api/v1/cases/{case}")).status, 200);
    desk.person("noor").get("/cases/2026-000001-3");
    let (looks, older) = desk.store.looks(case).unwrap();
    let told: Vec<(&str, Seen)> = looks.iter().map(|look| (look.by.as_str(), look.seen)).collect();
    let wanted = [
        ("noor", Seen::Viewed),
        ("noor", Seen::Original),
        ("noor", Seen::Text),
        ("noor", Seen::BsnShown),
        ("noor", Seen::Viewed),
        ("api:zaaksysteem", Seen::Viewed),
    ];
    assert_eq!((told.as_slice(), older), (wanted.as_slice(), 0));
    assert_eq!(looks[1].record, Some(record));
    assert_eq!(looks[2].document, Some(0));
    // Who may not see it is not told.
    let page = noor.get(&format!("/cases/{case}"));
    assert!(!page.body.contains("/looks"));
    assert_eq!(noor.get(&format!("/cases/{case}/looks")).status, 403);
    let mut karel = desk.person("karel");
    assert!(karel.get(&format!("/cases/{case}")).body.contains("Wie bekeek deze zaak?"));
    let page = karel.get(&format!("/cases/{case}/looks")).body;
    for word in ["noor", "api:zaaksysteem", "origineel gedownload", "BSN getoond", "karel"] {
        assert!(page.contains(word), "{word}: {page}");
    }
    assert!(desk.store.looks_fault().unwrap().is_none());
    free_of_it(&page, "the looks");
    for item in std::fs::read_dir(desk.dir.path().join("store/looks")).unwrap() {
        let text = std::fs::read_to_string(item.unwrap().path()).unwrap();
        free_of_it(&text, "the look log");
        assert!(!text.contains("Ans") && !text.contains("Klacht"));
    }
}

#[test]
fn what_cannot_be_written_down_is_not_given_but_a_page_still_is() {
    let desk = Desk::start();
    let (case, record) = case_with_bsn(&desk);
    let mut noor = desk.person("noor");
    std::fs::write(desk.dir.path().join("store/looks"), "in the way").unwrap();
    assert_eq!(noor.get(&format!("/cases/{case}")).status, 200);
    assert_eq!(noor.get("/healthz").status, 503);
    let refused = noor.get(&format!("/cases/{case}/pieces/{record}/original"));
    assert_eq!(refused.status, 500);
    free_of_it(&refused.body, "the refusal");
    std::fs::remove_file(desk.dir.path().join("store/looks")).unwrap();
    assert_eq!(noor.get(&format!("/cases/{case}/pieces/{record}/original")).status, 200);
    assert_eq!(noor.get("/healthz").status, 200);
    assert_eq!(desk.store.looks(case).unwrap().0.len(), 1);
}
