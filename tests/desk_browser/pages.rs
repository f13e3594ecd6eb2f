//! Every page, in the states that people meet it in.

use crate::desk::browser::Browser;
use crate::desk::samples::number;
use crate::desk::{Client, PASSWORD, now};
use crate::look::{Look, pictures};
use crate::{browser, office};
use bode::config::{EndpointUrl, Oidc};
use bode::review::Role;
use std::collections::BTreeMap;

/// Name of the picture, who opens it, and the path. `{1}` stands for the number of the sample case with that place in the list,
/// `{aside}` for a piece set aside, `{scan}` for a case that came as a scan, `{adres}` for a letter whose address is to be checked.
pub const DESK: &[(&str, &str, &str)] = &[
    ("zaken", "noor", "/"),
    ("zaken-gefilterd", "noor", "/?queue=doorverwijzen&due=week"),
    ("zaken-leeg", "noor", "/?queue=aanvullen&due=late"),
    ("zaken-alle", "noor", "/?status=all"),
    ("zaken-gezocht", "noor", "/?q=klacht"),
    ("zaken-tweede-bladzijde", "noor", "/?page=2"),
    ("zaken-kijker", "karel", "/"),
    ("zaak", "noor", "/cases/{1}"),
    ("zaak-bewijs", "noor", "/cases/{1}#s0d0f3e1"),
    ("zaak-opmaak", "noor", "/cases/{1}?formatted=R2026-000001"),
    ("zaak-verwijzen", "noor", "/cases/{2}"),
    ("zaak-vijandig", "noor", "/cases/{3}"),
    ("zaak-brief", "noor", "/cases/{4}"),
    ("zaak-spoed", "noor", "/cases/{5}"),
    ("zaak-onleesbaar", "noor", "/cases/{6}"),
    ("zaak-onduidelijk", "noor", "/cases/{7}"),
    ("zaak-vernietigd", "noor", "/cases/{8}"),
    ("zaak-scan", "noor", "/cases/{scan}"),
    ("zaak-kijker", "karel", "/cases/{2}"),
    ("zaak-postkamer", "piet", "/cases/{4}"),
    ("inzage", "karel", "/cases/{1}/looks"),
    ("adres", "piet", "/cases/{adres}/address"),
    ("terzijde", "noor", "/aside"),
    ("terzijde-stuk", "noor", "/aside/{aside}"),
    ("printen", "piet", "/print"),
    ("printen-eerder", "piet", "/print?day=2026-03-10"),
    ("postkamer", "piet", "/post"),
    ("postkamer-eerder", "piet", "/post?day=2026-03-09"),
    ("termijnen", "noor", "/due"),
    ("verzenden", "noor", "/sending"),
    ("antwoorden", "noor", "/answers"),
    ("antwoord", "noor", "/answers/received"),
    ("grootboek", "noor", "/ledger"),
    ("zaaksysteem", "noor", "/handover"),
    ("zaaksysteem-kijker", "karel", "/handover"),
    ("cijfers", "noor", "/numbers"),
    ("proefdraaien", "noor", "/rehearsal"),
    ("jaarcijfers", "noor", "/numbers/2026"),
    ("zaak-splitsen", "noor", "/cases/{7}/split"),
    ("zaken-samen", "noor", "/together?case={1}&case={5}"),
    ("hulp", "noor", "/help"),
    ("account", "noor", "/account"),
    ("accounts", "ans", "/accounts"),
    ("accounts-kijker", "karel", "/accounts"),
    ("regels-score", "noor", "/rules/score"),
    ("fout-404", "noor", "/nergens"),
    ("fout-404-zaak", "noor", "/cases/2026-000999-1"),
    ("fout-403", "noor", "/accounts"),
    ("fout-500", "noor", "/rules/try"),
    ("inloggen-al-binnen", "noor", "/login"),
];

/// Pages of the real daemon, as ruth: name and path. `{regel}` stands for the page of one rule.
pub const RULES: [(&str, &str); 6] = [
    ("regels", "/rules"),
    ("regels-proberen", "/rules/try"),
    ("regels-bestand", "/rules/files/kind.toml"),
    ("regels-regel", "/rules/files/kind.toml/{regel}"),
    ("regels-concept", "/rules/draft"),
    ("regels-effect", "/rules/draft/effect"),
];

/// Where an organisation has a sign-in server: name and path.
pub const SIGN_IN: [(&str, &str); 2] =
    [("inloggen-werkaccount", "/login"), ("inloggen-mislukt", "/login/oidc/back?state=x&code=y")];

/// Fills in a form of the page and sends it, as a person who has JavaScript off does.
fn submit(browser: &mut Browser, fill: &str, button: &str) {
    browser.evaluate(&format!("{fill}; window.old = true; document.querySelector({button:?}).click()"));
    browser.wait_for("window.old !== true && document.readyState == 'complete'");
}

/// The browser is this person from now on.
fn become_one(browser: &mut Browser, base: &str, person: &Client) {
    browser.cookie(base, "bode_session", &person.cookies["bode_session"]);
}

#[test]
fn every_page_is_sound_at_every_width() {
    let (mut browser, mut look) = (browser(), Look::new());
    browser.cold();
    let desk = office::desk();
    let base = format!("http://{}", desk.address);
    browser.size(1440, 900);
    browser.open(&format!("{base}/login"));
    look.at(&mut browser, "inloggen");
    submit(
        &mut browser,
        "document.getElementById('naam').value = 'noor'; document.getElementById('wachtwoord').value = 'x'",
        "main button",
    );
    look.at(&mut browser, "inloggen-mislukt-wachtwoord");

    office::prove(&desk);
    let address = office::letters(&desk);
    let scan = office::scan(&desk);
    office::many(&desk, 50);
    office::destroyed(&desk);
    office::handed(&desk);
    let people: BTreeMap<&str, Client> =
        ["piet", "noor", "ans", "karel"].map(|name| (name, desk.person(name))).into();
    let aside = desk
        .person("noor")
        .get("/aside")
        .body
        .split("/aside/")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let filled = |path: &str| {
        let path = (1..=8)
            .fold(path.to_owned(), |path, n| path.replace(&format!("{{{n}}}"), &number(n).to_string()));
        path.replace("{aside}", &aside)
            .replace("{adres}", &address.to_string())
            .replace("{scan}", &scan.to_string())
    };
    for (name, who, path) in DESK.iter().copied() {
        become_one(&mut browser, &base, &people[who]);
        browser.open(&format!("{base}{}", filled(path)));
        look.at(&mut browser, name);
        if ["zaak", "cijfers", "jaarcijfers", "zaken"].contains(&name) {
            browser.printed(&pictures().join(format!("{name}.pdf")));
        }
    }
    become_one(&mut browser, &base, &people["noor"]);
    states_of_a_case(&mut browser, &mut look, &base, &desk);
    become_one(&mut browser, &base, &people["ans"]);
    browser.open(&format!("{base}/accounts"));
    submit(
        &mut browser,
        "document.getElementById('naam').value = 'els'",
        "form[action='/accounts/add'] button",
    );
    look.at(&mut browser, "accounts-nieuw");
    desk.store.open_breaker(200, bode::store::DAEMON, now()).unwrap();
    desk.health.breaker(desk.store.breaker().unwrap());
    browser.open(&format!("{base}/"));
    look.at(&mut browser, "noodrem");
    look.done();
}

/// A message that is seen before it goes, a form that is refused, a case that went on meanwhile, a decision that is stored.
fn states_of_a_case(browser: &mut Browser, look: &mut Look, base: &str, desk: &crate::desk::Desk) {
    let case = format!("{base}/cases/{}", number(2));
    let mut sanne = desk.person("sanne");
    let decide = ".decide form button.primary";
    browser.open(&case);
    submit(
        browser,
        "document.getElementById('v-refer').checked = true; document.getElementById('reden').value = 'Gaat over het UWV.'",
        ".decide .preview",
    );
    look.at(browser, "bericht");
    submit(browser, "document.getElementById('hoe-door').checked = true", "form[action$='/draft'] button");
    look.at(browser, "bericht-doorzenden");
    browser.open(&case);
    submit(browser, "document.getElementById('v-not-a-complaint').checked = true", decide);
    look.at(browser, "zaak-geweigerd");
    browser.open(&case);
    let page = sanne.get(&format!("/cases/{}", number(2)));
    let fields =
        [("csrf", page.field("csrf")), ("revision", page.field("revision")), ("assignee", "sanne".into())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    sanne.post(&format!("/cases/{}/assign", number(2)), &fields);
    submit(
        browser,
        "document.getElementById('v-take-up').checked = true; document.getElementById('reden').value = 'Mijn reden.'",
        decide,
    );
    look.at(browser, "zaak-gewijzigd");
    browser.open(&case);
    submit(
        browser,
        "document.getElementById('v-refer').checked = true; document.getElementById('reden').value = 'Gaat over het UWV.'",
        decide,
    );
    look.at(browser, "zaak-besloten");
    browser.open(&format!("{base}/together?case={}&case={}", number(1), number(7)));
    submit(
        browser,
        "document.getElementById('v-signal').checked = true; document.getElementById('reden').value = 'Zelfde.'",
        decide,
    );
    look.at(browser, "zaken-samen-gedaan");
}

#[test]
fn every_page_of_the_rules_is_sound() {
    let (mut browser, mut look) = (browser(), Look::new());
    browser.cold();
    let (_office, daemon) = office::with_rules();
    let base = format!("http://{}", daemon.desk());
    let mut ruth = Client { address: daemon.desk(), cookies: BTreeMap::new(), headers: Vec::new() };
    assert_eq!(ruth.log_in("ruth", PASSWORD).status, 303);
    become_one(&mut browser, &base, &ruth);
    let file = ruth.get("/rules/files/kind.toml").body;
    let end = file.find("\">niet-mee-eens</a>").unwrap();
    let rule = file[..end].rsplit('/').next().unwrap().to_owned();
    let open = |browser: &mut Browser, path: &str| {
        browser.open(&format!("{base}{}", path.replace("{regel}", &rule)))
    };
    // A draft with a fault, then one without.
    open(&mut browser, "/rules/files/kind.toml/{regel}");
    let change = |to: &str| {
        format!(
            "(at => at.value = at.value.replace(/weight = .*/, 'weight = {to}'))(document.getElementById('tekst'))"
        )
    };
    submit(&mut browser, &change("\"zwaar\""), "main form button.primary");
    look.at(&mut browser, "regels-concept-fout");
    open(&mut browser, "/rules/files/kind.toml/{regel}");
    submit(&mut browser, &change("2.0"), "main form button.primary");
    for (name, path) in RULES {
        open(&mut browser, path);
        look.at(&mut browser, name);
    }
    open(&mut browser, "/rules/try");
    submit(
        &mut browser,
        "document.getElementById('proeftekst').value = 'Ik heb een klacht over het UWV. Ik ben het er niet mee eens.'",
        "main form button.primary",
    );
    look.at(&mut browser, "regels-geprobeerd");
    look.done();
}

#[test]
fn the_way_in_through_a_sign_in_server_is_sound() {
    let (mut browser, mut look) = (browser(), Look::new());
    browser.cold();
    let url = EndpointUrl::try_from("https://bode.example.nl".to_owned()).unwrap();
    let oidc: Oidc = toml::from_str(
        "issuer = \"https://inloggen.example.nl\"\nclient_id = \"bode\"\nrole_claim = \"groups\"\n[roles]\nzaken = \"reviewer\"",
    )
    .unwrap();
    let desk = office::desk_with(bode::config::Desk {
        https: true,
        url: Some(url),
        oidc: Some(oidc),
        ..Default::default()
    });
    for (name, path) in SIGN_IN {
        browser.open(&format!("http://{}{path}", desk.address));
        look.at(&mut browser, name);
    }
    look.done();
    assert_eq!(Role::ALL.len(), 5, "a new role needs a day of its own in days.rs");
}
