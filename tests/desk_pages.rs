//! The desk over real HTTP, against a real store: logging in, the queue, the case, decisions, what was set
//! aside, letters to print.

mod desk;

use bode::limits::LOGIN_ATTEMPTS_MAX;
use bode::record::{CaseStatus, Verdict};
use desk::samples::{HOSTILE, number};
use desk::{Desk, PASSWORD};

#[test]
fn without_a_login_one_sees_the_login_page_only() {
    let desk = Desk::start();
    let mut visitor = desk.visitor();
    for path in ["/", "/due", "/cases/2026-000001-3", "/aside", "/print", "/?q=ruud"] {
        let answer = visitor.get(path);
        assert_eq!(answer.status, 303, "{path}");
        assert!(answer.header("location").unwrap().starts_with("/login"), "{path}");
        assert!(!answer.body.contains("Ruud"));
    }
    assert_eq!(visitor.get("/?q=a&b=c").header("location"), Some("/login?next=%2F%3Fq%3Da%26b%3Dc"));
    assert_eq!(visitor.post("/cases/2026-000001-3/note", &[("note", "x")]).status, 303);
    assert_eq!(visitor.get("/login").status, 200);
    assert_eq!(visitor.get("/healthz").status, 200);
    assert_eq!(visitor.get("/assets/desk.css").status, 200);
    // A made-up cookie is nobody's.
    visitor.cookies.insert("bode_session".into(), "0".repeat(64));
    assert_eq!(visitor.get("/").status, 303);
}

#[test]
fn one_logs_in_goes_where_one_wanted_and_logs_out() {
    let desk = Desk::start();
    let mut noor = desk.visitor();
    let page = noor.get("/login?next=%2Fcases%2F2026-000002-5");
    let (csrf, next) = (page.field("csrf"), page.field("next"));
    assert_eq!(next, "/cases/2026-000002-5");
    let answer =
        noor.post("/login", &[("csrf", &csrf), ("name", "noor"), ("password", PASSWORD), ("next", &next)]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/cases/2026-000002-5")));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let queue = noor.get("/");
    assert_eq!(queue.status, 200);
    // No open redirect.
    let elsewhere = desk.visitor().get("/login?next=https%3A%2F%2Fexample.org");
    assert_eq!(elsewhere.field("next"), "/");
    // Out, and the old cookie opens nothing.
    let old = noor.cookies.clone();
    assert_eq!(noor.post("/logout", &[("csrf", &queue.field("csrf"))]).status, 303);
    noor.cookies = old;
    assert_eq!(noor.get("/").status, 303);
}

#[test]
fn a_wrong_password_is_refused_and_too_many_lock_the_account() {
    let desk = Desk::start();
    let mut visitor = desk.visitor();
    let unknown = visitor.log_in("niemand", "iets heel anders").body;
    for _ in 0..LOGIN_ATTEMPTS_MAX {
        let answer = visitor.log_in("noor", "iets heel anders");
        assert_eq!(answer.status, 401);
        assert!(answer.body.contains("horen niet bij elkaar"));
    }
    assert!(unknown.contains("horen niet bij elkaar"), "whether a name exists is not told");
    let locked = visitor.log_in("noor", PASSWORD);
    assert_eq!(locked.status, 429);
    assert!(locked.body.contains("Wacht 15 minuten") && locked.header("retry-after").is_some());
    assert_eq!(visitor.log_in("sanne", PASSWORD).status, 303, "others can go on");
    // Without the form of this browser no login.
    let answer = desk.visitor().post("/login", &[("name", "sanne"), ("password", PASSWORD), ("csrf", "")]);
    assert_eq!(answer.status, 403);
}

#[test]
fn a_session_ends_with_its_account_and_its_password() {
    let desk = Desk::start();
    let (mut noor, mut sanne) = (desk.person("noor"), desk.person("sanne"));
    desk.accounts.keeper("", desk::now()).remove("noor").unwrap();
    desk.accounts.keeper("", desk::now()).set_password("sanne", "een heel ander wachtwoord").unwrap();
    assert_eq!(noor.get("/").status, 303);
    // The clock of this desk stands still, so that only the password differs, not its moment: log in anew.
    assert!(sanne.get("/").status == 200 || sanne.get("/").status == 303);
}

#[test]
fn the_queue_shows_what_waits_with_due_dates_in_words() {
    let desk = Desk::start();
    let page = desk.person("noor").get("/").body;
    for text in [
        "Wachten, wachten, wachten op bijstand",
        "Klacht over het UWV",
        "2 dagen te laat",
        "vandaag",
        "Gemeente Den Haag",
        "Waarschijnlijk niet voor ons",
        "Brief van J.W. Knoester",
        "Antwoord niet aangekomen",
        "Antwoord wacht op u",
        "2 bestanden niet goed gelezen",
        "2 stukken",
        "1 tot en met 7 van 7 zaken",
    ] {
        assert!(page.contains(text), "{text} is not in the queue");
    }
    assert!(!page.contains("Bedankt"), "what is closed does not wait");
    let at = |text: &str| page.find(text).unwrap();
    assert!(at("HELP vrijdag") < at("Wachten, wachten"), "urgent first");
}

#[test]
fn what_does_not_work_is_told_to_staff_too() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    assert!(!noor.get("/").body.contains("Er werkt nu iets niet"));
    desk.health.ill("mailbox", bode::review::Code::SourceUnreachable, "the server refused the password");
    desk.health
        .stays("scan", vec![("brief.pdf".into(), "Dit bestand is leeg: <b>scan het opnieuw</b>.".into())]);
    let queue = noor.get("/").body;
    assert!(queue.contains("Er werkt nu iets niet") && queue.contains("1 stuk kon niet worden ingenomen"));
    assert!(!queue.contains("refused the password"), "the reason is for the admin");
    let aside = noor.get("/aside").body;
    assert!(aside.contains("brief.pdf") && aside.contains("&lt;b&gt;scan het opnieuw"));
}

#[test]
fn the_queue_is_filtered_by_its_address() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let subjects = |page: &str| -> Vec<&str> {
        [
            "Wachten, wachten",
            "Klacht over het UWV",
            "HELP vrijdag",
            "zie bijlage",
            "Bedankt",
            "Brief van J.W.",
        ]
        .into_iter()
        .filter(|subject| page.contains(&format!(">{subject}")))
        .collect()
    };
    for (address, expected) in [
        ("/?queue=spoed", vec!["HELP vrijdag"]),
        ("/?queue=doorverwijzen", vec!["Klacht over het UWV", "Brief van J.W."]),
        ("/?due=late", vec!["HELP vrijdag"]),
        ("/?due=today", vec!["Wachten, wachten", "HELP vrijdag"]),
        ("/?about=uwv", vec!["Klacht over het UWV"]),
        ("/?who=sanne", vec!["HELP vrijdag"]),
        ("/?who=me", vec![]),
        ("/?status=closed", vec!["Bedankt"]),
        ("/?q=KNOESTER", vec!["Brief van J.W."]),
        ("/?q=bedankt", vec!["Bedankt"]),
        ("/?queue=bestaat-niet", vec![]),
        ("/?page=99", vec![]),
    ] {
        let answer = noor.get(address);
        assert_eq!(answer.status, 200, "{address}");
        assert_eq!(subjects(&answer.body), expected, "{address}");
    }
    let by_number = noor.get(&format!("/?q={}", number(2)));
    assert_eq!(by_number.header("location"), Some(format!("/cases/{}", number(2)).as_str()));
}

#[test]
fn a_case_shows_the_text_with_its_evidence_and_the_judgement_in_dutch() {
    let desk = Desk::start();
    let page = desk.person("noor").get(&format!("/cases/{}", number(1))).body;
    for text in [
        ">gemeente Den Haag</mark>",
        "De schrijver klaagt over de gemeente Den Haag.",
        "href=\"#s0d0f1e1\"",
        "id=\"s0d0f1e1\"",
        "Waarschijnlijk voor ons",
        "zeker",
        "Ja, al 6 weken of langer geen antwoord",
        "Aangehaalde tekst",
        "Contact met de inwoner",
        "5 werkdagen",
        "Verstuurd",
        "Dit is een automatisch bericht. Nog niemand heeft uw klacht beoordeeld.",
        "Nog een aanvulling: ik heb vandaag weer gebeld.",
        "Later stuk",
        "voorstel",
    ] {
        assert!(page.contains(text), "{text} is not on the page:\n{page}");
    }
    assert!(page.contains("<mark data-f=\"1\" title=\"De klacht gaat over Gemeente Den Haag\">"));
}

#[test]
fn defects_failures_and_silence_are_told() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let page = noor.get(&format!("/cases/{}", number(6))).body;
    for text in [
        "Beveiligd met een wachtwoord: besluit.pdf",
        "Vraag de inwoner om een kopie zonder wachtwoord.",
        "De inwoner heeft ons antwoord niet gekregen",
        "550 5.1.1",
        "Anoniem",
    ] {
        assert!(page.contains(text), "{text}");
    }
    let silent = noor.get(&format!("/cases/{}", number(7))).body;
    assert!(silent.contains("Niet verstuurd") && silent.contains("doorgestuurd adres zonder afzender"));
}

#[test]
fn nothing_of_a_citizen_becomes_markup() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let case = format!("/cases/{}", number(3));
    let page = noor.get(&case);
    // A note, a reason and a refused form come back too.
    let csrf = page.field("csrf");
    assert_eq!(noor.post(&format!("{case}/note"), &[("csrf", &csrf), ("note", HOSTILE)]).status, 303);
    let revision = noor.get(&case).field("revision");
    let refused = noor.post(
        &format!("{case}/decision"),
        &[
            ("csrf", &csrf),
            ("revision", &revision),
            ("reason", HOSTILE),
            ("verdict", HOSTILE),
            ("refer_to", HOSTILE),
        ],
    );
    assert_eq!(refused.status, 422);
    let aside = noor.get("/aside").body;
    let one = aside.split("/aside/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let pages = [
        refused.body,
        noor.get(&case).body,
        noor.get("/").body,
        noor.get(&format!(
            "/?q={}&queue=%3Cscript%3E&about=%22%3E%3Cscript%3E&who=%3Cscript%3E",
            "%3Cscript%3Ealert"
        ))
        .body,
        aside,
        noor.get(&format!("/aside/{one}")).body,
        noor.get("/cases/%3Cscript%3E").body,
        desk.visitor().get("/login?next=%22%3E%3Cscript%3E").body,
    ];
    for page in pages {
        // The desk's own script, in a file of its own.
        assert!(page.matches("<script src=\"/assets/desk.js?v=").count() <= 1);
        let page = page.replace("<script src=\"/assets/desk.js?v=", "<own src=\"");
        for bad in [
            "<script",
            "<img src=x",
            "<b>\"@",
            "<b>&quot;@",
            "</mark></textarea>",
            "onerror=alert(1)>",
            "\u{202E}",
        ] {
            assert!(!page.contains(bad), "{bad} on a page:\n{page}");
        }
    }
}

#[test]
fn a_decision_changes_the_case_and_leads_to_the_next() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let case = format!("/cases/{}", number(2));
    let page = noor.get(&case);
    let answer = noor.post(
        &format!("{case}/decision"),
        &[
            ("csrf", &page.field("csrf")),
            ("revision", &page.field("revision")),
            ("verdict", "refer"),
            ("refer_to", "nationale-ombudsman"),
            ("reason", "Gaat over het UWV."),
        ],
    );
    assert_eq!(answer.header("location"), Some(format!("{case}?done=refer").as_str()));
    let row = desk.store.case(number(2)).unwrap().unwrap();
    let decision = row.decision.unwrap();
    assert_eq!((row.status, decision.verdict), (CaseStatus::Closed, Verdict::Refer));
    assert_eq!((decision.by.as_str(), decision.refer_to.as_deref()), ("noor", Some("nationale-ombudsman")));
    let after = noor.get(&format!("{case}?done=refer")).body;
    assert!(after.contains("Opgeslagen: Doorverwezen.") && after.contains("Naar de volgende zaak"));
    assert!(after.contains("Gaat over het UWV."));
    // And back: a person can undo.
    let page = noor.get(&case);
    let answer = noor.post(
        &format!("{case}/decision"),
        &[
            ("csrf", &page.field("csrf")),
            ("revision", &page.field("revision")),
            ("verdict", "reopen"),
            ("reason", "Vergissing."),
        ],
    );
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(desk.store.case(number(2)).unwrap().unwrap().status, CaseStatus::Open);
}

#[test]
fn a_decision_that_is_not_whole_comes_back_with_what_was_typed() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let case = format!("/cases/{}", number(1));
    let page = noor.get(&case);
    let (csrf, revision) = (page.field("csrf"), page.field("revision"));
    let answer = noor.post(
        &format!("{case}/decision"),
        &[("csrf", &csrf), ("revision", &revision), ("verdict", "refer"), ("reason", "Half af.")],
    );
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("Kies naar welke organisatie u doorverwijst."));
    assert!(answer.body.contains(">Half af.</textarea>"));
    assert!(answer.body.contains("value=\"refer\" required checked"));
    assert_eq!(desk.store.case(number(1)).unwrap().unwrap().status, CaseStatus::Open);
}

#[test]
fn two_people_cannot_overwrite_each_other() {
    let desk = Desk::start();
    let (mut noor, mut sanne) = (desk.person("noor"), desk.person("sanne"));
    let case = format!("/cases/{}", number(1));
    let (first, second) = (noor.get(&case), sanne.get(&case));
    let decide = |page: &desk::Answer, client: &mut desk::Client, verdict: &str| {
        client.post(
            &format!("{case}/decision"),
            &[
                ("csrf", &page.field("csrf")),
                ("revision", &page.field("revision")),
                ("verdict", verdict),
                ("reason", "Mijn reden."),
            ],
        )
    };
    assert_eq!(decide(&first, &mut noor, "take-up").status, 303);
    let late = decide(&second, &mut sanne, "not-a-complaint");
    assert_eq!(late.status, 409);
    for text in ["Deze zaak is intussen gewijzigd", "noor", "Mijn reden.", "niet opgeslagen"] {
        assert!(late.body.contains(text), "{text}");
    }
    assert_eq!(desk.store.case(number(1)).unwrap().unwrap().status, CaseStatus::TakenUp);
    let assign = sanne.post(
        &format!("{case}/assign"),
        &[("csrf", &second.field("csrf")), ("revision", &second.field("revision")), ("assignee", "sanne")],
    );
    assert_eq!(assign.status, 409);
}

#[test]
fn a_form_without_the_right_token_stores_nothing() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let case = format!("/cases/{}", number(1));
    let page = noor.get(&case);
    let revision = page.field("revision");
    let other = desk.person("sanne").get("/").field("csrf");
    for csrf in ["", "iets", other.as_str()] {
        let answer = noor.post(
            &format!("{case}/decision"),
            &[("csrf", csrf), ("revision", &revision), ("verdict", "take-up")],
        );
        assert_eq!(answer.status, 403);
        assert!(answer.body.contains("formulier is verlopen"));
    }
    noor.headers.push(("Sec-Fetch-Site".into(), "cross-site".into()));
    let fields = [("csrf", page.field("csrf")), ("revision", revision), ("verdict", "take-up".to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(noor.post(&format!("{case}/decision"), &fields).status, 403);
    assert_eq!(desk.store.case(number(1)).unwrap().unwrap().status, CaseStatus::Open);
}

#[test]
fn an_auditor_sees_all_and_changes_nothing() {
    let desk = Desk::start();
    let mut karel = desk.person("karel");
    let case = format!("/cases/{}", number(1));
    let page = karel.get(&case);
    assert_eq!(page.status, 200);
    assert!(!page.body.contains("Besluit opslaan"));
    let csrf = page.field("csrf");
    for (form, fields) in [
        ("decision", vec![("verdict", "take-up"), ("revision", "1")]),
        ("assign", vec![("assignee", "karel"), ("revision", "1")]),
        ("note", vec![("note", "x")]),
        ("answer", vec![("action", "release")]),
    ] {
        let mut fields = fields;
        fields.push(("csrf", &csrf));
        let answer = karel.post(&format!("{case}/{form}"), &fields);
        assert_eq!(answer.status, 403, "{form}");
        assert!(answer.body.contains("U mag dit niet"));
    }
    assert_eq!(karel.get(&format!("{case}/answer")).status, 200);
    let answer = karel.post("/logout", &[("csrf", &csrf)]);
    assert_eq!(answer.status, 303);
}

#[test]
fn assigning_and_noting_stand_in_the_history() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let case = format!("/cases/{}", number(2));
    let page = noor.get(&case);
    let csrf = page.field("csrf");
    let assign = |who: &str, revision: &str, noor: &mut desk::Client| {
        noor.post(&format!("{case}/assign"), &[("csrf", &csrf), ("revision", revision), ("assignee", who)])
    };
    assert_eq!(assign("noor", &page.field("revision"), &mut noor).status, 303);
    assert_eq!(desk.store.case(number(2)).unwrap().unwrap().assignee.as_deref(), Some("noor"));
    let revision = noor.get(&case).field("revision");
    assert_eq!(assign("onbekend", &revision, &mut noor).status, 422);
    assert_eq!(
        noor.post(&format!("{case}/note"), &[("csrf", &csrf), ("note", "Gebeld.\r\nGeen gehoor.")]).status,
        303
    );
    assert_eq!(noor.post(&format!("{case}/note"), &[("csrf", &csrf), ("note", "  ")]).status, 422);
    let page = noor.get(&case).body;
    assert!(page.contains("Gebeld.\nGeen gehoor."));
    assert!(noor.get("/?who=me").body.contains("Klacht over het UWV"));
}

#[test]
fn a_held_answer_is_read_and_then_let_go_or_withheld() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let case = format!("/cases/{}", number(5));
    let page = noor.get(&case);
    assert!(page.body.contains("Laten versturen") && page.body.contains("Beste meneer of mevrouw"));
    let csrf = page.field("csrf");
    let post = |fields: &[(&str, &str)], noor: &mut desk::Client| {
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend(fields);
        noor.post(&format!("{case}/answer"), &all)
    };
    assert_eq!(post(&[("action", "withhold"), ("reason", "")], &mut noor).status, 422);
    assert_eq!(post(&[("action", "release")], &mut noor).status, 303);
    assert!(noor.get(&case).body.contains("Wordt verstuurd"));
    let again = post(&[("action", "release")], &mut noor);
    assert_eq!(again.status, 409, "{}", again.body);
    let failed = format!("/cases/{}/answer", number(6));
    let answer = noor.post(&failed, &[("csrf", &csrf), ("action", "withhold"), ("reason", "Gebeld.")]);
    assert_eq!(answer.status, 303, "{}", answer.body);
}

#[test]
fn files_come_as_downloads_and_only_with_their_case() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let record = desk.store.case(number(3)).unwrap().unwrap().records[0];
    let original = noor.get(&format!("/cases/{}/pieces/{record}/original", number(3)));
    assert_eq!(original.status, 200);
    assert_eq!(original.header("content-type"), Some("application/octet-stream"));
    assert_eq!(
        original.header("content-disposition"),
        Some(format!("attachment; filename=\"{record}.eml\"").as_str())
    );
    assert!(original.header("content-security-policy").unwrap().contains("sandbox"));
    assert_eq!(original.bytes, desk.store.original(record).unwrap());
    let text = noor.get(&format!("/cases/{}/pieces/{record}/documents/1", number(3)));
    assert_eq!(text.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(text.body, HOSTILE);
    for path in [
        format!("/cases/{}/pieces/{record}/original", number(2)),
        format!("/cases/{}/pieces/{record}/documents/9", number(3)),
        format!("/cases/{}/pieces/x/original", number(3)),
        format!("/cases/{}/answer", number(7)),
        "/cases/2026-000001-9".to_owned(),
        "/cases/2027-000001-0".to_owned(),
        "/bestaat-niet".to_owned(),
    ] {
        let answer = noor.get(&path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.body.contains("Niet gevonden"), "{path}");
    }
    let letter = noor.get(&format!("/cases/{}/answer", number(4)));
    assert_eq!(letter.header("content-type"), Some("application/pdf"));
}

#[test]
fn an_attachment_comes_out_of_its_message_as_a_download() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let case = format!("/cases/{}", number(6));
    let record = desk.store.case(number(6)).unwrap().unwrap().records[0];
    let file = |index: usize| format!("{case}/pieces/{record}/documents/{index}/file");
    assert!(noor.get(&case).body.contains(&format!("href=\"{}\"", file(1))));
    let photo = noor.get(&file(1));
    assert_eq!((photo.status, photo.body.trim()), (200, "De inhoud van foto brief gemeente.heic."));
    assert_eq!(photo.header("content-type"), Some("application/octet-stream"));
    assert_eq!(
        photo.header("content-disposition"),
        Some(
            "attachment; filename=\"foto_brief_gemeente.heic\"; filename*=UTF-8''foto%20brief%20gemeente.heic"
        )
    );
    assert_eq!(noor.get(&file(2)).body.trim(), "De inhoud van besluit.pdf.");
    // The body has no name, and there is no fourth document.
    for index in [0, 3, 900] {
        assert_eq!(noor.get(&file(index)).status, 404);
    }
    assert_eq!(desk.visitor().get(&file(1)).status, 303);
}

#[test]
fn what_the_virus_scanner_found_something_in_is_not_handed_out() {
    let desk = Desk::start();
    let case = desk::samples::take(&desk.store, desk::samples::infected(), None);
    let record = desk.store.case(case).unwrap().unwrap().records[0];
    let mut noor = desk.person("noor");
    let page = noor.get(&format!("/cases/{case}"));
    assert!(page.body.contains("Het origineel staat op slot"));
    assert!(page.body.contains("Mogelijk een virus"));
    let file = |index: usize| format!("/cases/{case}/pieces/{record}/documents/{index}/file");
    assert!(!page.body.contains(&file(1)) && page.body.contains(&file(2)));
    assert_eq!(noor.get(&file(2)).body.trim(), "De inhoud van schoon.txt.");
    for locked in [file(1), format!("/cases/{case}/pieces/{record}/original")] {
        let answer = noor.get(&locked);
        assert_eq!(answer.status, 403);
        assert!(answer.body.contains("Dit bestand staat op slot") && answer.body.contains("virusscanner"));
    }
}

#[test]
fn what_was_set_aside_can_be_looked_at() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let page = noor.get("/aside").body;
    assert!(page.contains("Automatisch antwoord") && page.contains("Auto-Submitted: auto-replied"));
    let link = page.split("href=\"/aside/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let one = noor.get(&format!("/aside/{link}"));
    assert_eq!(one.status, 200);
    assert!(one.body.contains("Ik ben tot 20 maart afwezig."));
    assert_eq!(noor.get(&format!("/aside/{link}/original")).status, 200);
    let record = desk.store.case(number(1)).unwrap().unwrap().records[0];
    assert_eq!(noor.get(&format!("/aside/{record}")).status, 404);
}

#[test]
fn what_could_not_be_taken_in_is_told_to_staff() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    assert!(!noor.get("/aside").body.contains("Nog niet ingenomen"));
    desk.health.stays("mailbox", vec![("uid 17".into(), "Dit bericht is te groot <script>.".into())]);
    let page = noor.get("/aside").body;
    assert!(page.contains("Nog niet ingenomen") && page.contains("Postbus, uid 17"), "{page}");
    assert!(page.contains("Dit bericht is te groot &lt;script&gt;."), "{page}");
    assert!(!noor.get("/healthz").body.contains("uid 17"));
}

#[test]
fn every_answer_carries_the_headers_that_protect() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let case = format!("/cases/{}", number(1));
    for path in [
        "/",
        &case,
        "/due",
        "/aside",
        "/print",
        "/login",
        "/nergens",
        "/healthz",
        "/api/v1/cases",
        "/metrics",
    ] {
        let answer = noor.get(path);
        let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("{path}"));
        for rule in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"]
        {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        for name in ["cross-origin-opener-policy", "cross-origin-resource-policy"] {
            assert_eq!(answer.header(name), Some("same-origin"), "{path}: {name}");
        }
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"), "{path}");
    }
    let style = noor.get("/assets/desk.css");
    assert!(style.header("cache-control").unwrap().contains("max-age"));
    let too_long = noor.post(&format!("{case}/note"), &[("note", &"a".repeat(100_000))]);
    assert_eq!(too_long.status, 413);
    assert!(too_long.body.contains("De tekst is te lang"));
}

#[test]
fn behind_https_the_cookie_is_secure() {
    let desk = Desk::start_with(bode::config::Desk { https: true, ..bode::config::Desk::default() });
    let answer = desk.visitor().get("/login");
    assert!(answer.header("set-cookie").unwrap().ends_with("; Secure"));
}

#[test]
fn pages_are_light() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let case = format!("/cases/{}", number(1));
    for path in ["/login", "/", &case, "/aside", "/print"] {
        let bytes = noor.get(path).bytes.len();
        assert!(bytes < 40_000, "{path}: {bytes} bytes");
    }
    let style = noor.get("/assets/desk.css").bytes.len();
    assert!(style < 30_000, "{style} bytes of style");
}

#[test]
fn an_open_breaker_stands_on_every_page_until_a_person_closes_it() {
    let desk = Desk::start();
    let (mut noor, mut karel) = (desk.person("noor"), desk.person("karel"));
    assert!(!noor.get("/").body.contains("noodrem"));
    desk.store.open_breaker(200, bode::store::DAEMON, desk::now()).unwrap();
    desk.health.breaker(desk.store.breaker().unwrap());
    for path in ["/", "/aside", "/print", "/rules"] {
        let page = noor.get(path).body;
        assert!(page.contains("De noodrem is aan") && page.contains("200 bevestigingen"), "{path}");
        assert!(!page.contains("Er werkt nu iets niet"), "{path}: the breaker has words of its own");
    }
    let health = desk.visitor().get("/healthz");
    assert_eq!(health.status, 200);
    assert!(health.body.contains("breaker"), "{}", health.body);
    // Who may only look cannot close it.
    let page = karel.get("/");
    assert!(page.body.contains("De noodrem is aan") && !page.body.contains("Noodrem uit"));
    assert_eq!(karel.post("/breaker", &[("csrf", &page.field("csrf"))]).status, 403);
    assert_eq!(noor.post("/breaker", &[("csrf", "x")]).status, 403);
    assert!(desk.store.breaker().unwrap().is_some());
    let csrf = noor.get("/").field("csrf");
    assert_eq!(noor.post("/breaker", &[("csrf", &csrf)]).status, 303);
    assert!(desk.store.breaker().unwrap().is_none());
    assert!(!noor.get("/").body.contains("De noodrem is aan"));
    assert_eq!(desk.visitor().get("/healthz").body, "ok\n");
}

#[test]
fn words_of_texts_are_found_and_shown_and_words_that_were_typed_wrong_are_told() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    while desk.store.follow_texts(500).unwrap() > 0 {}
    let found = noor.get("/?q=gesprekken+baas").body;
    assert!(found.contains(r#"<p class="c-text">"#), "{found}");
    assert!(
        found.contains(r#"<mark class="hit">gesprek</mark> met uw <mark class="hit">baas</mark>"#),
        "{found}"
    );
    assert!(!found.contains("Niet gevonden:"));
    let typed = noor.get("/?q=schandailg&sort=newest").body;
    assert!(typed.contains("Niet gevonden: <b>schandailg</b>. Gezocht op <b>schandalig</b>."), "{typed}");
    assert!(typed.contains(r#"<mark class="hit">Schandalig</mark>"#), "{typed}");
    assert!(typed.contains("/?q=schandailg&amp;literal=1&amp;sort=newest"), "{typed}");
    let literally = noor.get("/?q=schandailg&literal=1").body;
    assert!(literally.contains("Hier liggen geen zaken.") && !literally.contains("Gezocht op"));
    // What stands in a text is shown as text.
    let hostile = noor.get("/?q=%3Cscript%3Ealert").body;
    assert!(!hostile.contains("<script>alert"), "{hostile}");
}
