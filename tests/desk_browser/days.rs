//! The day of each role, from login to logging out, in each of three ways ([`Way`]). What is pressed is found by role and name.

use crate::desk::PASSWORD;
use crate::desk::samples::number;
use crate::hands::{Hands, WAYS, Way};
use crate::office;
use bode::record::{AnswerState, CaseStatus, Verdict};

/// The reviewer: the urgent case first; then one referred, with the message seen before it goes, taken back and done again.
#[test]
fn a_reviewer_decides() {
    for way in WAYS {
        let desk = office::desk();
        let mut noor = Hands::logged_in(way, &desk, "noor");
        noor.press("link", "HELP vrijdag ontruiming!!");
        noor.reads("Inschatting van bode");
        noor.toggle("radio", "In behandeling nemen");
        noor.fill("Waarom", "Vandaag nog bellen.");
        noor.press("button", "Besluit opslaan");
        assert!(
            noor.announced().contains("Opgeslagen: In behandeling genomen."),
            "{way:?}: {}",
            noor.announced()
        );
        assert_eq!(
            desk.store.case(number(5)).unwrap().unwrap().decision.unwrap().reason,
            "Vandaag nog bellen."
        );
        noor.press("link", "Naar de volgende zaak");
        noor.press("link", "Zaken");
        noor.press("link", "Klacht over het UWV");
        noor.toggle("radio", "Doorverwijzen");
        noor.choose("Doorverwijzen naar", "Nationale ombudsman");
        noor.fill("Waarom", "Gaat over het UWV.");
        noor.press("button", "Bekijk bericht en stukken");
        noor.reads("Er is nog niets opgeslagen en niets verstuurd.");
        assert!(noor.value("Bericht").contains("Nationale ombudsman"), "{}", noor.value("Bericht"));
        noor.fill("Onderwerp", "Uw klacht over het UWV");
        noor.press("button", "Besluit opslaan en bericht versturen");
        let row = desk.store.case(number(2)).unwrap().unwrap();
        assert_eq!(row.decision.unwrap().verdict, Verdict::Refer);
        noor.press("button", "Ongedaan maken");
        assert_eq!(desk.store.case(number(2)).unwrap().unwrap().status, CaseStatus::Open);
        // A label that is wrong, and a note for a colleague.
        noor.toggle("DisclosureTriangle", "Klopt dit niet? Verbeter het");
        noor.press("button", "Voor ons");
        noor.reads("Verbeterd door een collega");
        noor.fill("Notitie", "Gebeld: zij komt morgen langs.");
        noor.press("button", "Notitie opslaan");
        noor.reads("Gebeld: zij komt morgen langs.");
        noor.fill("Zoek", "ontruiming");
        noor.press("button", "Zoeken");
        noor.reads("HELP vrijdag ontruiming!!");
        noor.log_out();
    }
}

/// The post room: a scan that was refused, one laid in by hand, an address that is checked, and the letters of the day.
#[test]
fn the_post_room_counts_its_post() {
    for way in WAYS {
        let desk = office::desk();
        let case = office::letters(&desk);
        let mut piet = Hands::logged_in(way, &desk, "piet");
        piet.press("link", "Postkamer");
        piet.reads("Dit soort bestand kan niet worden verwerkt");
        piet.press("button", "Probeer opnieuw");
        assert!(!piet.announced().is_empty(), "{way:?}: it is told");
        let scan = desk.dir.path().join("brief van vandaag.pdf");
        std::fs::write(&scan, b"%PDF-1.7\n").unwrap();
        piet.give("Bestand", &scan);
        piet.press("button", "Leg in de scanmap");
        piet.reads("brief van vandaag");
        piet.press("link", "Brieven om te printen");
        piet.press("link", &format!("Zaak {case}"));
        piet.fill("Naam", "J.W. Knoester");
        piet.fill("Postcode", "2525");
        piet.fill("Plaats", "Den Haag");
        piet.press("button", "Adres klopt");
        assert!(
            piet.announced().contains("postcode"),
            "{way:?}: refused, and told why: {}",
            piet.announced()
        );
        piet.fill("Postcode", "2525 XX");
        piet.press("button", "Adres klopt");
        let entry = desk.store.case(case).unwrap().unwrap().answer.unwrap();
        assert!(matches!(entry.state, AnswerState::Waiting { .. }), "{way:?}: {entry:?}");
        piet.press("button", "2. Deze 2 brieven zijn geprint");
        piet.reads("door piet");
        assert!(!piet.has("radio", "In behandeling nemen"));
        piet.log_out();
    }
}

/// The rule editor: a text is tried, a rule changed, its effect looked at, put into force with a reason, and gone back on.
#[test]
fn a_rule_editor_changes_a_rule() {
    for way in WAYS {
        let (office, daemon) = office::with_rules();
        let mut ruth = Hands::new(way, format!("http://{}", daemon.desk()));
        ruth.log_in("ruth", PASSWORD);
        ruth.press("link", "Regels");
        ruth.press("link", "Proberen");
        ruth.fill("Tekst van een klacht", "Ik heb een klacht over het UWV. Ik ben het er niet mee eens.");
        ruth.press("button", "Probeer");
        ruth.reads("UWV");
        ruth.press("link", "Van kracht");
        ruth.press("link", "kind.toml");
        ruth.press("link", "niet-mee-eens");
        let text = ruth.value("Tekst van de regel");
        ruth.fill("Tekst van de regel", &text.replace("weight = 2.5", "weight = 2.0"));
        ruth.press("button", "Sla op in het concept");
        ruth.reads("+ weight = 2.0");
        ruth.press("link", "Wat doet het met het archief?");
        ruth.press("link", "Concept van de regels");
        ruth.fill("Waarom?", "Te zwaar: zie overleg.");
        ruth.press("button", "Zet in werking");
        ruth.reads("Te zwaar: zie overleg.");
        assert!(std::fs::read_to_string(office.rules().join("kind.toml")).unwrap().contains("weight = 2.0"));
        ruth.press("button", "Terug naar deze");
        ruth.press("button", "Gooi het concept weg");
        ruth.log_out();
        daemon.terminate();
    }
}

/// The admin: a new colleague with a password for once, who chooses one; another role, blocked, and it is all written down.
#[test]
fn an_admin_keeps_the_accounts() {
    for way in WAYS {
        let desk = office::desk();
        let mut ans = Hands::logged_in(way, &desk, "ans");
        ans.press("link", "Accounts");
        ans.fill("Naam", "els");
        ans.choose("Rol", "postkamer");
        ans.press("button", "Account maken");
        assert!(ans.announced().contains("Het wachtwoord van els"), "{way:?}: {}", ans.announced());
        let once = ans
            .browser
            .evaluate("document.querySelector('main code').textContent")
            .as_str()
            .unwrap()
            .to_owned();
        ans.log_out();
        let mut els = ans;
        els.log_in("els", &once);
        els.reads("Kies eerst een eigen wachtwoord.");
        els.fill("Wachtwoord van nu", &once);
        els.fill("Nieuw wachtwoord", "drie losse woorden");
        els.fill("Nieuw wachtwoord, nog een keer", "drie losse woorden");
        els.press("button", "Wachtwoord wijzigen");
        els.press("link", "Postkamer");
        els.log_out();
        let mut ans = els;
        ans.log_in("ans", PASSWORD);
        ans.press("link", "Accounts");
        ans.toggle("DisclosureTriangle", "Wijzigen van els");
        ans.choose("Rol van els", "beoordelaar");
        ans.press("button", "Rol geven aan els");
        ans.toggle("DisclosureTriangle", "Wijzigen van els");
        ans.press("button", "Blokkeren van els");
        ans.reads("geblokkeerd");
        assert_eq!(desk.visitor().log_in("els", "drie losse woorden").status, 401);
        ans.log_out();
    }
}

/// The auditor: reads all, sees who looked, and finds nothing to press that changes something.
#[test]
fn an_auditor_reads_all_and_changes_nothing() {
    for way in WAYS {
        let desk = office::desk();
        office::prove(&desk);
        let mut karel = Hands::logged_in(way, &desk, "karel");
        let mut changing = Vec::new();
        let mut forms = |hands: &mut Hands| {
            let script = "[...document.querySelectorAll('form[method=post]')].map(one => new URL(one.action).pathname)";
            let found = hands.browser.evaluate(script);
            changing
                .extend(found.as_array().unwrap().iter().filter_map(|one| one.as_str().map(str::to_owned)));
        };
        karel.press("link", "Klacht over het UWV");
        forms(&mut karel);
        karel.press("link", "Wie bekeek deze zaak?");
        karel.reads("karel");
        forms(&mut karel);
        for (link, words) in [
            ("Termijnen", "te laat, of binnen"),
            ("Postkamer", "Post van vandaag"),
            ("Antwoorden", "Dit leest een burger"),
            ("Verzenden", "Verzenden"),
            ("Cijfers", "Ontvangen zaken per"),
            ("Regels", "Van kracht: versie"),
            ("Accounts", "Wat er is gewijzigd"),
            ("Grootboek", "Er ontbreekt iets."),
        ] {
            karel.press("link", link);
            karel.reads(words);
            forms(&mut karel);
        }
        changing
            .retain(|path| !["/logout", "/rules/try"].contains(&path.as_str()) && !path.ends_with("/export"));
        assert!(changing.is_empty(), "{way:?}: {changing:?}");
        karel.log_out();
    }
}

/// Keys, which only work with JavaScript: the whole of a decision without Tab, and they can be switched off (WCAG 2.1.4).
#[test]
fn a_case_is_decided_with_a_few_keys() {
    let desk = office::desk();
    let mut noor = Hands::logged_in(Way::Keyboard, &desk, "noor");
    let page = |hands: &mut Hands, key: &str, code: u32| {
        hands.browser.evaluate("window.old = true");
        hands.browser.press(key, code);
        hands.browser.wait_for("window.old !== true && document.readyState == 'complete'");
    };
    noor.browser.press("j", 74);
    page(&mut noor, "Enter", 13);
    noor.browser.press("1", 49);
    noor.browser.press("w", 87);
    noor.browser.ask("Input.insertText", serde_json::json!({"text": "Bellen."})).unwrap();
    noor.browser.press("Escape", 27);
    page(&mut noor, "s", 83);
    assert_eq!(desk.store.case(number(5)).unwrap().unwrap().decision.unwrap().reason, "Bellen.");
    page(&mut noor, "n", 78);
    page(&mut noor, "?", 191);
    noor.press_here("Zet de sneltoetsen uit");
    noor.reads("Zet de sneltoetsen aan");
    assert!(noor.announced().contains("De sneltoetsen staan uit."));
    noor.browser.press("h", 72);
    noor.reads("Hulp en sneltoetsen");
    noor.log_out();
}
