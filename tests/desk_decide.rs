//! What staff decide, take back, correct, split and do together at the desk, over real HTTP against a real store; and what goes
//! with a decision: the message that is seen before it is sent, and the package that is sent on.

mod desk;

use bode::record::{AnswerState, CaseStatus, Scope, Verdict};
use desk::samples::number;
use desk::{Answer, Client, Desk};
use std::io::Read;

/// Posts a form of a page of a case, with its token and revision.
fn post(client: &mut Client, page: &Answer, path: &str, fields: &[(&str, &str)]) -> Answer {
    let (csrf, revision) = (page.field("csrf"), page.field("revision"));
    let mut all = vec![("csrf", csrf.as_str()), ("revision", revision.as_str())];
    all.extend_from_slice(fields);
    client.post(path, &all)
}

fn clean(desk: &Desk) {
    // The samples have an answer that nobody sends.
    let mut exceptions = desk.store.verify(desk::now()).unwrap().exceptions;
    exceptions.retain(|one| one.kind != bode::record::ExceptionKind::AnswerOverdue);
    assert!(exceptions.is_empty(), "{exceptions:#?}");
}

fn case(serial: u32) -> String {
    format!("/cases/{}", number(serial))
}

#[test]
fn a_decision_is_taken_back_with_one_press() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let page = noor.get(&case(2));
    assert!(!page.body.contains("Ongedaan maken"));
    let answer = post(
        &mut noor,
        &page,
        &format!("{}/decision", case(2)),
        &[("verdict", "not-a-complaint"), ("reason", "Vergissing.")],
    );
    assert_eq!(answer.status, 303);
    let page = noor.get(&case(2));
    assert!(page.body.contains("Ongedaan maken") && page.body.contains("Dat kan tot 10.10 uur."));
    let answer = post(&mut noor, &page, &format!("{}/undo", case(2)), &[]);
    assert_eq!(answer.header("location"), Some(format!("{}?done=undone", case(2)).as_str()));
    let row = desk.store.case(number(2)).unwrap().unwrap();
    assert_eq!((row.status, row.decision), (CaseStatus::Open, None));
    // Twice, or with the page of before: somebody was first.
    assert_eq!(post(&mut noor, &page, &format!("{}/undo", case(2)), &[]).status, 409);
    assert_eq!(desk.person("karel").post(&format!("{}/undo", case(2)), &[]).status, 403);
}

#[test]
fn a_case_that_was_taken_up_is_settled() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let page = noor.get(&case(1));
    assert!(!page.body.contains("Afdoen"), "nobody took it up yet");
    let path = format!("{}/decision", case(1));
    let refused = post(&mut noor, &page, &path, &[("verdict", "settle")]);
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("Neem haar eerst in behandeling."), "{}", refused.body);
    post(&mut noor, &page, &path, &[("verdict", "take-up")]);
    let page = noor.get(&case(1));
    assert!(page.body.contains("Afdoen") && page.body.contains("data-key=\"7\""), "{}", page.body);
    let answer = post(&mut noor, &page, &path, &[("verdict", "settle"), ("reason", "Excuses gemaakt.")]);
    assert_eq!(answer.status, 303, "{}", answer.body);
    let row = desk.store.case(number(1)).unwrap().unwrap();
    assert_eq!((row.status, row.due), (CaseStatus::Closed, None));
    assert_eq!(row.decision.unwrap().verdict, Verdict::Settle);
    let page = noor.get(&case(1));
    assert!(page.body.contains("Afgedaan") && page.body.contains("Besluit: afgedaan."), "{}", page.body);
    let told = noor.get(&format!("/api/v1/cases/{}", number(1))).json();
    assert!(told["case"]["taken_up_at"].is_string(), "{told}");
    clean(&desk);
}

#[test]
fn a_label_is_corrected_with_one_press_and_is_an_example_for_the_rules() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let labels = format!("{}/labels", case(1));
    let page = noor.get(&case(1));
    assert!(page.body.contains("data-key=\"N\"") && page.body.contains("Klopt dit niet? Verbeter het"));
    let answer = post(&mut noor, &page, &labels, &[("set", "scope=out")]);
    assert_eq!(answer.status, 303, "{}", answer.body);
    let page = noor.get(&case(1));
    for text in [
        "Waarschijnlijk niet voor ons",
        "Verbeterd door een collega",
        "Inschatting verbeterd. Voor ons of niet:",
    ] {
        assert!(page.body.contains(text), "{text}");
    }
    let page = {
        post(&mut noor, &page, &labels, &[("with", "uwv")]);
        noor.get(&case(1))
    };
    let page = {
        post(&mut noor, &page, &labels, &[("without", "gemeente-den-haag")]);
        noor.get(&case(1))
    };
    let page = {
        post(&mut noor, &page, &labels, &[("label", "kind"), ("value", "decision")]);
        noor.get(&case(1))
    };
    let row = desk.store.case(number(1)).unwrap().unwrap();
    assert_eq!(
        (row.judgement.scope, row.judgement.complained_about.as_slice()),
        (Scope::Out, &["uwv".to_owned()][..])
    );
    // `rules score` and `rules suggest` read these.
    let mut gold = None;
    bode::trial::cases(&desk.store, "den-haag", &mut |stored| {
        if stored.row.number == number(1) {
            gold = Some(stored.item.gold);
        }
    })
    .unwrap();
    let gold = gold.unwrap();
    assert_eq!((&gold["scope"], &gold["kind"]), (&"out".into(), &"decision".into()));
    assert_eq!(gold["complained_about"], serde_json::json!(["uwv"]));
    // Back to what the rules said; and what is no value is refused.
    let page = {
        post(&mut noor, &page, &labels, &[("clear", "scope")]);
        noor.get(&case(1))
    };
    assert_eq!(desk.store.case(number(1)).unwrap().unwrap().judgement.scope, Scope::In);
    for nonsense in [("set", "scope="), ("set", "naam=x"), ("label", "kind")] {
        assert_eq!(post(&mut noor, &page, &labels, &[nonsense]).status, 422, "{nonsense:?}");
    }
    let refused = post(&mut noor, &page, &labels, &[("set", "scope=<script>")]);
    assert_eq!(refused.status, 409);
    assert!(!refused.body.contains("<script>"));
}

#[test]
fn a_mixed_case_is_split_into_two() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let page = noor.get(&case(1));
    assert!(!page.body.contains("Splits deze zaak"), "it is about one body");
    post(&mut noor, &page, &format!("{}/labels", case(1)), &[("with", "uwv")]);
    assert!(noor.get(&case(1)).body.contains("Splits deze zaak"));
    let path = format!("{}/split", case(1));
    let page = noor.get(&path);
    assert!(
        page.body.contains("De klacht over Gemeente Den Haag") && page.body.contains("De klacht over UWV")
    );
    let none = post(&mut noor, &page, &path, &[]);
    assert_eq!(none.status, 422);
    assert!(none.body.contains("minstens één instantie"));
    let answer = post(&mut noor, &page, &path, &[("goes-1", "on")]);
    assert_eq!(
        answer.header("location"),
        Some(format!("{}?done=split", case(1)).as_str()),
        "{}",
        answer.body
    );
    let first = desk.store.case(number(1)).unwrap().unwrap();
    let second = desk.store.case(first.split_into[0]).unwrap().unwrap();
    assert_eq!(first.judgement.complained_about, ["gemeente-den-haag"]);
    assert_eq!((second.judgement.complained_about[0].as_str(), second.judgement.scope), ("uwv", Scope::Out));
    assert_eq!(second.queue, "doorverwijzen");
    assert!(!second.deadlines.is_empty());
    let page = noor.get(&format!("/cases/{}", second.number));
    for text in [
        "Deze zaak is afgesplitst van",
        "Wachten, wachten",
        "Waarschijnlijk niet voor ons",
        "niemand belt mij terug",
    ] {
        assert!(page.body.contains(text), "{text}");
    }
    assert!(noor.get(&case(1)).body.contains("Van deze zaak is afgesplitst"));
    let original = format!("/cases/{}/pieces/{}/original", second.number, second.records[0]);
    assert_eq!(noor.get(&original).status, 200);
    clean(&desk);
}

#[test]
fn a_piece_that_was_set_aside_becomes_a_case() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let list = noor.get("/aside").body;
    let piece = list.split("/aside/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let page = noor.get(&format!("/aside/{piece}"));
    assert!(page.body.contains("Maak hier een zaak van"));
    let csrf = page.field("csrf");
    let path = format!("/aside/{piece}/case");
    assert_eq!(noor.post(&path, &[("csrf", &csrf), ("reason", " ")]).status, 422);
    let answer = noor.post(&path, &[("csrf", &csrf), ("reason", "Toch een mens.")]);
    let to = answer.header("location").unwrap().to_owned();
    let page = noor.get(&to);
    assert!(page.body.contains("Dit stuk is nu een zaak") && page.body.contains("Toch een mens."));
    assert!(!page.body.contains(">Automatisch bericht</span>"));
    assert_eq!(noor.get(&format!("/aside/{piece}")).status, 404);
    assert_eq!(noor.post(&path, &[("csrf", &csrf), ("reason", "Nog eens.")]).status, 404);
    clean(&desk);
}

#[test]
fn two_people_on_one_case_see_each_other() {
    let desk = Desk::start();
    let (mut noor, mut sanne) = (desk.person("noor"), desk.person("sanne"));
    assert!(!noor.get(&case(1)).body.contains("kijkt nu ook"));
    assert!(sanne.get(&case(1)).body.contains("noor kijkt nu ook naar deze zaak."));
    let here = noor.get(&format!("{}/here", case(1)));
    let before = here.json()["revision"].as_u64().unwrap();
    assert_eq!(here.json()["others"], "sanne kijkt nu ook naar deze zaak.");
    // Asking by itself is no look.
    let (looks, _) = desk.store.looks(number(1)).unwrap();
    assert_eq!(looks.len(), 2);
    let (mark, page) = (noor.get("/changes").json()["mark"].as_u64().unwrap(), sanne.get(&case(1)));
    post(&mut sanne, &page, &format!("{}/decision", case(1)), &[("verdict", "take-up")]);
    let here = noor.get(&format!("{}/here", case(1))).json();
    assert!(here["revision"].as_u64().unwrap() > before);
    assert_eq!(here["last"], "sanne: Besluit: in behandeling genomen.");
    assert_eq!(here["others"], "", "who decided goes on");
    assert!(noor.get("/changes").json()["mark"].as_u64().unwrap() > mark);
}

#[test]
fn equal_cases_are_decided_together_with_the_list_first() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let list = noor.get("/").body;
    assert!(list.contains("Samen beslissen") && list.contains(&format!("value=\"{}\"", number(2))));
    let page =
        noor.get(&format!("/together?case={}&case={}&case={}&case=x", number(1), number(2), number(8)));
    assert!(page.body.contains("voor 2 zaken"), "what is closed is not decided again");
    assert!(page.body.contains("Ze gaan niet over dezelfde instantie."));
    // One of them goes on meanwhile.
    let two = noor.get(&case(2));
    post(&mut noor, &two, &format!("{}/assign", case(2)), &[("assignee", "noor")]);
    let csrf = page.field("csrf");
    let (a, b) = (format!("case-{}", number(1)), format!("case-{}", number(2)));
    let (ra, rb) = (page.field(&a), page.field(&b));
    let fields = |verdict: &'static str, reason: &'static str| {
        vec![
            ("csrf", csrf.clone()),
            (a.as_str(), ra.clone()),
            (b.as_str(), rb.clone()),
            ("verdict", verdict.to_owned()),
            ("reason", reason.to_owned()),
        ]
    };
    let send = |client: &mut Client, fields: Vec<(&str, String)>| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        client.post("/together", &fields)
    };
    let refused = send(&mut noor, fields("not-a-complaint", ""));
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("Schrijf op waarom dit geen klacht is."));
    let done = send(&mut noor, fields("not-a-complaint", "Zelfde actie."));
    assert_eq!(done.status, 200);
    assert!(done.body.contains("1 van 2 zaken") && done.body.contains("Intussen gewijzigd"));
    let row = desk.store.case(number(1)).unwrap().unwrap();
    assert_eq!(row.decision.unwrap().verdict, Verdict::NotAComplaint);
    assert_eq!(desk.store.case(number(2)).unwrap().unwrap().status, CaseStatus::Open);
}

#[test]
fn a_message_is_seen_before_it_is_sent_and_waits_until_nobody_takes_it_back() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let chosen =
        [("verdict", "refer"), ("refer_to", "nationale-ombudsman"), ("reason", "Gaat over het UWV.")];
    let page = noor.get(&case(2));
    let draft = post(&mut noor, &page, &format!("{}/draft", case(2)), &chosen);
    assert_eq!(draft.status, 200, "{}", draft.body);
    for text in [
        "Er is nog niets opgeslagen",
        "f.aydin@example.com",
        "Doorzenden",
        "Nationale ombudsman",
        "11 maart 2026",
        "Gaat over het UWV.",
    ] {
        assert!(draft.body.contains(text), "{text}:\n{}", draft.body);
    }
    assert_eq!(
        desk.store.case(number(2)).unwrap().unwrap().status,
        CaseStatus::Open,
        "looking changes nothing"
    );
    let message = [
        ("send", "yes"),
        ("message_subject", "Wij sturen uw klacht door"),
        (
            "message_text",
            "Goedendag,\n\nWij sturen uw klacht door naar <b>de Nationale ombudsman</b>.\n\nGroet",
        ),
    ];
    let fields: Vec<(&str, &str)> = chosen.into_iter().chain(message).collect();
    let answer = post(&mut noor, &draft, &format!("{}/decision", case(2)), &fields);
    assert_eq!(
        answer.header("location"),
        Some(format!("{}?done=refer&told=yes", case(2)).as_str()),
        "{}",
        answer.body
    );
    let row = desk.store.case(number(2)).unwrap().unwrap();
    let entry = row.answer.unwrap();
    let AnswerState::Waiting { next, .. } = entry.state else { panic!("{entry:?}") };
    assert_eq!(next, desk::now() + jiff::SignedDuration::from_mins(10));
    assert!(
        desk.store.due_answers(desk::now(), 10).unwrap().iter().all(|due| due.case != number(2)),
        "not yet"
    );
    assert!(desk.store.due_answers(next, 10).unwrap().iter().any(|due| due.case == number(2)));
    let bytes = String::from_utf8(desk.store.answer_of(&entry).unwrap().unwrap()).unwrap();
    let head = bytes.split("\r\n\r\n").next().unwrap();
    assert!(head.contains("To: f.aydin@example.com") && head.contains(&number(2).to_string()), "{head}");
    assert!(!head.contains("Auto-Submitted"), "a person wrote it");
    let html = bytes.split("text/html").nth(1).unwrap();
    assert!(html.contains("&lt;b&gt;") && !html.contains("<b>de"), "what was typed is text in the HTML too");
    let page = noor.get(&case(2));
    for text in [
        "Ongedaan maken",
        "Het bericht aan de inwoner gaat dan niet uit.",
        "Dit ligt klaar",
        "De ontvangstbevestiging die eerder uitging",
    ] {
        assert!(page.body.contains(text), "{text}");
    }
    // Taken back: nothing goes out, and what went out before stands there again.
    assert_eq!(post(&mut noor, &page, &format!("{}/undo", case(2)), &[]).status, 303);
    let row = desk.store.case(number(2)).unwrap().unwrap();
    assert!(matches!(row.answer.as_ref().unwrap().state, AnswerState::Sent { .. }));
    assert!(row.answer.unwrap().file.is_none());
    assert!(desk.store.due_answers(next, 10).unwrap().iter().all(|due| due.case != number(2)));
    clean(&desk);
}

#[test]
fn a_message_that_is_not_whole_or_may_not_go_is_told() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let page = noor.get(&case(2));
    let ask = |client: &mut Client, page: &Answer, text: &str| {
        let fields = [
            ("verdict", "ask-for-more"),
            ("reason", "Datum."),
            ("send", "yes"),
            ("message_subject", "Vraag"),
            ("message_text", text),
        ];
        post(client, page, &format!("{}/decision", case(2)), &fields)
    };
    let refused = ask(&mut noor, &page, "Geef ons: [schrijf hier wat u nodig hebt]");
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("tussen haken") && refused.body.contains("Geef ons:"));
    assert_eq!(desk.store.case(number(2)).unwrap().unwrap().status, CaseStatus::Open);
    // The acknowledgement of this one waits for a person.
    let held = noor.get(&case(5));
    let draft = post(
        &mut noor,
        &held,
        &format!("{}/draft", case(5)),
        &[("verdict", "ask-for-more"), ("reason", "x")],
    );
    assert!(draft.body.contains("De ontvangstbevestiging wacht nog"));
    assert!(!draft.body.contains("Besluit opslaan en bericht versturen"));
    // A letter is answered by letter.
    let paper = noor.get(&case(4));
    let draft = post(
        &mut noor,
        &paper,
        &format!("{}/draft", case(4)),
        &[("verdict", "refer"), ("refer_to", "nationale-ombudsman")],
    );
    assert!(draft.body.contains("Print dit bericht") && draft.body.contains("Bericht als brief"));
    let pdf = post(
        &mut noor,
        &draft,
        &format!("{}/letter.pdf", case(4)),
        &[("message_subject", "Doorzending"), ("message_text", "Goedendag.")],
    );
    assert!(pdf.bytes.starts_with(b"%PDF") && pdf.header("content-type") == Some("application/pdf"));
}

#[test]
fn the_package_holds_letter_proof_of_receipt_and_original() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let page = noor.get(&case(2));
    let zip = post(
        &mut noor,
        &page,
        &format!("{}/transfer.zip", case(2)),
        &[
            ("refer_to", "nationale-ombudsman"),
            ("transfer_to", "Nationale ombudsman\r\nPostbus 1\r\n1000 AA Voorbeeldstad"),
            ("transfer_subject", "Doorzending van een klacht"),
            ("transfer_text", "Hierbij sturen wij u een klacht door."),
        ],
    );
    assert_eq!(zip.status, 200, "{}", zip.body);
    assert!(zip.header("content-disposition").unwrap().contains(&format!("{}-doorzending.zip", number(2))));
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(zip.bytes)).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    let mut read = |name: &str| {
        let mut bytes = Vec::new();
        archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    assert!(read("1-geleidebrief.pdf").starts_with(b"%PDF"));
    let receipt = String::from_utf8(read("2-bewijs-van-ontvangst.txt")).unwrap();
    assert!(
        receipt.contains("Datum van ontvangst: 11 maart 2026, 20:40") && receipt.contains("SHA-256: "),
        "{receipt}"
    );
    let row = desk.store.case(number(2)).unwrap().unwrap();
    let original = read(&format!("3-origineel-{}.eml", row.records[0]));
    assert_eq!(original, desk.store.original(row.records[0]).unwrap());
    let (looks, _) = desk.store.looks(number(2)).unwrap();
    assert_eq!(
        looks.last().unwrap().seen,
        bode::record::Seen::Original,
        "that it was taken along stands in the look log"
    );
    assert_eq!(row.status, CaseStatus::Open, "a package is no decision");
}

#[test]
fn the_keys_and_the_script_are_there_and_nothing_runs_but_our_own_file() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let help = noor.get("/help").body;
    for text in ["Hulp en sneltoetsen", "niet voor ons", "10 minuten lang"] {
        assert!(help.contains(text), "{text}");
    }
    let page = noor.get(&case(1));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    let script = desk.visitor().get("/assets/desk.js");
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    for bad in ["innerHTML =", "eval(", "document.write", "http://", "https://"] {
        assert!(!script.body.contains(bad), "{bad}");
    }
    let found = noor.get("/?q=wachten").body;
    assert!(found.contains("<mark class=\"hit\">Wachten</mark>, <mark class=\"hit\">wachten</mark>"));
}

#[test]
fn a_draft_is_in_the_citizens_language_with_the_dutch_beside_it() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let from = |language: &str| {
        let mut sample = desk::samples::infected();
        sample.text = format!("{} ({language})", sample.text);
        sample.address = Some("writer@example.com");
        sample.judgement.language = language.into();
        sample.answer = bode::record::Answer::Withhold { reason: "Een proef.".into() };
        desk::samples::take(&desk.store, sample, None)
    };
    let english = format!("/cases/{}", from("en"));
    let page = noor.get(&english);
    let ask = [("verdict", "ask-for-more")];
    let draft = post(&mut noor, &page, &format!("{english}/draft"), &ask).body;
    for text in [
        r#"value="We need something more from you""#,
        "You wrote to us on Thursday 12 March 2026.",
        "Dit staat er, in het Nederlands",
        "Wij hebben nog iets van u nodig",
        "Wij willen uw klacht goed bekijken.",
        r#"<option value="en" selected>Engels</option>"#,
    ] {
        assert!(draft.contains(text), "{text}:\n{draft}");
    }
    assert!(!draft.contains("In die taal is er geen tekst."));
    // Staff may take Dutch all the same.
    let dutch = [("verdict", "ask-for-more"), ("language", "nl")];
    let page = post(&mut noor, &page, &format!("{english}/draft"), &dutch);
    assert!(page.body.contains(r#"value="Wij hebben nog iets van u nodig""#), "{}", page.body);
    assert!(!page.body.contains("Dit staat er, in het Nederlands"));
    // What goes out says in which language it is.
    let fields = [
        ("verdict", "ask-for-more"),
        ("language", "en"),
        ("reason", "Te weinig."),
        ("send", "yes"),
        ("message_subject", "We need something more from you"),
        ("message_text", "Dear reader,\n\nPlease send us your letter."),
    ];
    let answer = post(&mut noor, &page, &format!("{english}/decision"), &fields);
    assert_eq!(answer.status, 303, "{}", answer.body);
    let row = desk.store.case(english.trim_start_matches("/cases/").parse().unwrap()).unwrap().unwrap();
    let bytes = String::from_utf8(desk.store.answer_of(&row.answer.unwrap()).unwrap().unwrap()).unwrap();
    assert!(bytes.contains("\r\nContent-Language: en\r\n"), "{bytes}");
    assert!(bytes.contains("<html lang=3D\"en\">") || bytes.contains("lang=3D\"en\""), "{bytes}");
    // A language without a draft: Dutch, which is told, or English.
    let polish = format!("/cases/{}", from("pl"));
    let page = noor.get(&polish);
    let draft = post(&mut noor, &page, &format!("{polish}/draft"), &ask).body;
    for text in ["De inwoner schreef in het Pools.", "Dit bericht is in het Nederlands.", "Goedendag,"] {
        assert!(draft.contains(text), "{text}:\n{draft}");
    }
    let wish = [("verdict", "refer"), ("refer_to", "nationale-ombudsman"), ("language", "en")];
    let draft = post(&mut noor, &page, &format!("{polish}/draft"), &wish).body;
    for text in
        ["We are sending your complaint on", "Dit bericht is in het Engels.", "Doorzending van een klacht"]
    {
        assert!(draft.contains(text), "{text}:\n{draft}");
    }
}
