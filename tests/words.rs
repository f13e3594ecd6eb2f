//! The words of all five offices: every situation as mail and as letter, compared with committed snapshots, held
//! against what each office's own page says, and measured for language level B1.
//!
//! `BODE_BLESS=1 cargo test --test words` writes the snapshots anew; read them before committing.

#[path = "support/answers.rs"]
mod answers;
#[path = "support/readability.rs"]
mod readability;

use answers::{OFFICES, root};
use bode::acknowledge::{Sample, Templates};
use bode::config;
use bode::intake::{Rulebook, Sampled};
use bode::record::{Channel, Line};
use jiff::Timestamp;
use readability::{DUTCH, ENGLISH, too_hard};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

static RULEBOOKS: LazyLock<Vec<Rulebook>> =
    LazyLock::new(|| OFFICES.map(|office| rulebook(office, None)).into());

fn rulebook(office: &str, templates: Option<&Path>) -> Rulebook {
    let mut config = config::load(&root().join(format!("config/{office}.toml"))).unwrap();
    config.answers.from_address = format!("klacht@{office}.example.nl");
    if let Some(templates) = templates {
        config.templates = templates.to_owned();
    }
    Rulebook::load(&config).unwrap_or_else(|faults| panic!("{faults}"))
}

fn of(office: &str) -> &'static Rulebook {
    RULEBOOKS.iter().find(|rulebook| rulebook.office.id == office).unwrap()
}

/// Tuesday 24 March 2026.
fn now() -> Timestamp {
    "2026-03-24T09:30:00Z".parse().unwrap()
}

fn sampled(rulebook: &Rulebook, sample: Sample, channel: Channel, language: &str) -> Sampled {
    rulebook
        .sample(sample, channel, language, now())
        .unwrap_or_else(|reason| panic!("{} {}: {reason}", rulebook.office.id, sample.id()))
}

/// Every answer there is.
fn each(mut check: impl FnMut(&Rulebook, Sample, Channel)) {
    for rulebook in RULEBOOKS.iter() {
        for sample in rulebook.samples() {
            for channel in [Channel::Email, Channel::Letter] {
                check(rulebook, sample, channel);
            }
        }
    }
}

/// One line, as it is read.
fn flowing(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The part below the line.
fn second(text: &str) -> &str {
    text.split_once("----\n\n").map_or("", |(_, second)| second)
}

/// Compares with the committed file, or writes it when blessed.
fn snapshot(path: &str, text: &str, differing: &mut Vec<String>) {
    let path: PathBuf = root().join("tests/snapshots").join(path);
    if std::env::var_os("BODE_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    } else if std::fs::read_to_string(&path).unwrap_or_default() != text {
        differing.push(path.display().to_string());
    }
}

#[test]
fn every_office_situation_and_channel_as_committed() {
    let mut differing = Vec::new();
    each(|rulebook, sample, channel| {
        let made = sampled(rulebook, sample, channel, "nl");
        let (folder, text) = match channel {
            Channel::Email => ("mail", format!("Onderwerp: {}\n\n{}", made.subject.unwrap(), made.text)),
            Channel::Letter => ("letter", made.text),
        };
        snapshot(&format!("{}/{folder}/{}.txt", rulebook.office.id, sample.id()), &text, &mut differing);
    });
    for rulebook in RULEBOOKS.iter() {
        let english: String = rulebook
            .samples()
            .into_iter()
            .map(|sample| {
                let text = sampled(rulebook, sample, Channel::Email, "en").text;
                format!("===== {}\n\n{}\n", sample.id(), second(&text))
            })
            .collect();
        snapshot(&format!("{}/english.txt", rulebook.office.id), &english, &mut differing);
    }
    assert!(differing.is_empty(), "these differ; BODE_BLESS=1 writes them anew:\n{}", differing.join("\n"));
}

#[test]
fn no_snapshot_is_left_of_what_is_gone() {
    for rulebook in RULEBOOKS.iter() {
        for folder in ["mail", "letter"] {
            let path = root().join("tests/snapshots").join(&rulebook.office.id).join(folder);
            let known: Vec<String> =
                rulebook.samples().iter().map(|sample| format!("{}.txt", sample.id())).collect();
            for entry in std::fs::read_dir(path).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                assert!(known.contains(&name), "{}/{folder}/{name}", rulebook.office.id);
            }
        }
    }
}

#[test]
fn the_words_are_plain() {
    let mut hard = Vec::new();
    each(|rulebook, sample, channel| {
        let made = sampled(rulebook, sample, channel, "en");
        let (dutch, english) = made.text.split_once("----\n\n").unwrap();
        let dutch = dutch.trim_end_matches('-').replace("English: see below.", "");
        let name = format!("{} {} {channel:?}", rulebook.office.id, sample.id());
        hard.extend(too_hard(&dutch, &DUTCH).into_iter().map(|what| format!("{name}: {what}")));
        hard.extend(too_hard(english, &ENGLISH).into_iter().map(|what| format!("{name}, English: {what}")));
        let words: usize = readability::sentences(&dutch).iter().map(Vec::len).sum();
        if words > 450 {
            hard.push(format!("{name}: {words} words"));
        }
    });
    hard.sort();
    hard.dedup();
    assert!(hard.is_empty(), "{}", hard.join("\n"));
}

#[test]
fn the_measure_knows_officialese() {
    let officialese = "Naar aanleiding van uw schrijven delen wij u mede dat uw klaagschrift in behandeling wordt \
         genomen door de daartoe aangewezen klachtbehandelaar. Indien noodzakelijk wordt u te zijner tijd in de \
         gelegenheid gesteld uw standpunt omtrent de gedraging mondeling toe te lichten. Omtrent de uitkomst van het \
         klachtonderzoek zult u schriftelijk worden geïnformeerd.";
    let hard = too_hard(officialese, &DUTCH).join("\n");
    for what in [
        "words a sentence",
        "reading ease",
        "passive: ",
        "long word: klachtonderzoek",
        "stiff word \"omtrent\"",
    ] {
        assert!(hard.contains(what), "not found {what:?} in {hard}");
    }
    // Each alone is enough.
    for (one, what) in [
        ("Uw klacht wordt behandeld.", "passive"),
        ("De brief werd gestuurd.", "passive"),
        ("De brief is geschreven door ons.", "passive"),
        ("Wij vragen om de informatieverstrekking.", "long word"),
        ("Indien u belt, helpen wij u.", "stiff word"),
    ] {
        assert!(too_hard(one, &DUTCH).iter().any(|hard| hard.starts_with(what)), "{one}");
    }
    assert!(too_hard("Your complaint was handled.", &ENGLISH).iter().any(|hard| hard.starts_with("passive")));
    let plain = "Wij lezen uw brief. Bent u het eens geworden? Dan is uw klacht klaar. Wat is er gebeurd?";
    assert_eq!(too_hard(plain, &DUTCH), Vec::<String>::new());
}

/// What stands on each office's own page, as its answers say it. The pages are undated, the folder of the Nationale
/// ombudsman is of December 2020.
const OWN_PAGE: [(&str, &[&str]); 5] = [
    (
        "den-haag",
        &[
            "Binnen 5 werkdagen neemt iemand van ons contact met u op. Dat is uiterlijk op dinsdag 31 maart 2026.",
            "klachten over de gemeente Den Haag en de gemeente Leidschendam-Voorburg",
            "de politie, het UWV, de Belastingdienst of DUO? Daarvoor is er de Nationale ombudsman.",
            "Wij helpen u altijd zo goed mogelijk verder.",
            "Krijgt u binnen 6 weken geen antwoord?",
            "Wij bespreken uw klacht met u. Soms vragen wij u om langs te komen.",
            "behoorlijkheidswijzer",
            "De ombudsman kan de gemeente dan bellen of schrijven. Of samen met u en de gemeente gaan praten.",
            "gegrond",
            "ongegrond",
            "De ombudsman legt u goed uit waarom.",
            "Onze hulp is gratis en wij zijn onafhankelijk.",
            "informatie kunnen delen met de gemeente",
            "langer dan een jaar geleden",
            "meestal als signaal. Wij doen dan geen onderzoek.",
            "Een klacht bij ons gaat over één probleem.",
            "070 752 8200, maandag tot en met vrijdag van 9.00 tot 12.00 uur",
        ],
    ),
    (
        "amsterdam",
        &[
            "een aantal gemeenten in de regio Amsterdam",
            "Zij heeft daar 6 weken voor.",
            "aan het goede adres bent. En of wij genoeg informatie hebben.",
            "binnen 14 dagen contact met u op, per mail of telefoon. Dat is uiterlijk op dinsdag 7 april 2026.",
            "Hebt u dan niets gehoord? Bel ons: 020-625 9999.",
            "Hij kan bemiddelen of onderzoek doen.",
            "niet verplicht om te doen wat de ombudsman zegt. Meestal luistert zij goed",
            "Hebt u een antwoord van de gemeente op uw klacht? Stuur ons dat dan ook.",
            "wat u zelf al deed",
            "machtigingsformulier",
            "Stuur alleen wat met uw klacht te maken heeft en wat u wilt delen.",
            "Zonder uw naam en gegevens kunnen wij een klacht niet behandelen.",
            "Onze hulp is gratis en wij zijn onafhankelijk.",
            "privacyverklaring",
        ],
    ),
    (
        "deventer",
        &[
            "gaan wij eerst met u in gesprek",
            "Vaak belt eerst de teammanager",
            "wat er is gebeurd en wat dat voor u betekende",
            "Dan is uw klacht klaar.",
            "een klachtbehandelaar verder. Dat is iemand die er niet bij betrokken was.",
            "het recht om officieel uw verhaal te vertellen",
            "Daarna neemt de gemeente een besluit. U krijgt een brief.",
            "Volgens de wet moet de gemeente een klacht binnen 6 weken behandelen. Dat is uiterlijk op woensdag 6 mei 2026.",
            "Er komen dan hoogstens 4 weken bij.",
            "Bent u het niet eens met de uitkomst? Of duurt het te lang? Dan kunt u naar de Nationale ombudsman.",
            "Nationale ombudsman Antwoordnummer 10870 2501 WB Den Haag telefoon 0800 - 33 55 555 (gratis, op werkdagen van 9.00 tot 17.00 uur)",
            "spreekuur van de Sociaal Raadslieden",
        ],
    ),
    (
        "haarlem",
        &[
            "Binnen 2 weken nemen wij contact met u op. Dat is uiterlijk op dinsdag 7 april 2026.",
            "wie uw contactpersoon is. Dat is nooit de persoon over wie u klaagt.",
            "U kiest zelf of u dat wilt.",
            "Van dat gesprek maken wij een verslag.",
            "Binnen 6 weken krijgt u een brief.",
            "Dat is uiterlijk op woensdag 6 mei 2026.",
            "Dan komen er 4 weken bij. U hebt dan antwoord uiterlijk op dinsdag 2 juni 2026.",
            "Dan kunt u naar de Nationale ombudsman.",
            "Dan kunt u bezwaar maken.",
            "Dan is er een ander formulier.",
            "Hebt u een idee hoe wij iets beter kunnen doen? Dat horen wij graag.",
            "Dat kunt u apart bij ons melden.",
            "wijkteam, een zorgorganisatie of een leverancier? Praat dan eerst met hen.",
            "onafhankelijkeondersteuners.nl",
        ],
    ),
    (
        "nationale-ombudsman",
        &[
            "Binnen 3 weken hoort u van ons. Dat is uiterlijk op dinsdag 14 april 2026.",
            "of wij u meteen kunnen helpen of onderzoek doen. Het kan ook zijn dat u ergens anders moet zijn.",
            "In de wet staat over wie wij klachten mogen behandelen.",
            "Dan bellen of schrijven wij u. Als het kan, vertellen wij u wie u wel kan helpen.",
            "Er zijn er drie.",
            "Interventie: wij vragen de organisatie om snel een oplossing of actie.",
            "Bemiddeling: wij leiden een gesprek",
            "een brief of een rapport met ons oordeel",
            "Maken wij een brief of rapport openbaar? Dan staat daar niet in wie u bent.",
            "(070) 356 35 63",
            "www.nationaleombudsman.nl",
        ],
    ),
];

#[test]
fn every_step_and_promise_of_the_page_stands_in_the_receipt() {
    for (office, needles) in OWN_PAGE {
        let rulebook = of(office);
        let received = rulebook.samples()[0];
        for channel in [Channel::Email, Channel::Letter] {
            let text = flowing(&sampled(rulebook, received, channel, "nl").text);
            for needle in needles {
                assert!(text.contains(needle), "{office} {channel:?}: no {needle:?} in\n{text}");
            }
        }
        // The address stands in the letter's head.
        let letter = sampled(rulebook, received, Channel::Letter, "nl");
        assert!(letter.bytes.starts_with(b"%PDF-"));
    }
}

/// Terms and numbers by which one of the offices can be held, or that the law holds for it. Nothing else may be named.
const TERMS: [(&str, &[&str]); 5] = [
    ("den-haag", &["5 werkdagen", "6 weken"]),
    ("amsterdam", &["14 dagen", "6 weken"]),
    ("deventer", &["6 weken", "4 weken"]),
    ("haarlem", &["2 weken", "6 weken", "4 weken"]),
    ("nationale-ombudsman", &["3 weken", "6 weken"]),
];

#[test]
fn nothing_is_promised_that_the_page_or_the_law_does_not_hold() {
    each(|rulebook, sample, channel| {
        let office = rulebook.office.id.as_str();
        let text = flowing(&sampled(rulebook, sample, channel, "nl").text);
        let (_, terms) = TERMS.into_iter().find(|(id, _)| *id == office).unwrap();
        let words: Vec<&str> = text.split(' ').collect();
        for pair in words.windows(2) {
            let unit = pair[1].trim_end_matches(['.', ',', '?']);
            if ["weken", "week", "dagen", "werkdagen", "maanden", "uur"].contains(&unit) && pair[1] != "uur" {
                let term = format!("{} {unit}", pair[0]);
                let named = pair[0].chars().all(|c| c.is_ascii_digit());
                assert!(!named || terms.contains(&term.as_str()), "{office} {}: {term:?}", sample.id());
            }
        }
        // No certainty before anyone has judged.
        for never in
            ["garanderen", "beloven", "wijzen af", "is afgewezen", "ongeldig", "te laat", "geen klacht is"]
        {
            assert!(!text.contains(never), "{office} {}: {never:?}", sample.id());
        }
    });
}

#[test]
fn what_a_worried_reader_looks_for_is_there() {
    each(|rulebook, sample, channel| {
        let name = format!("{} {} {channel:?}", rulebook.office.id, sample.id());
        let made = sampled(rulebook, sample, channel, "nl");
        let text = flowing(&made.text);
        let (piece, greeting) = match channel {
            Channel::Email => ("bericht", "Goedendag,"),
            Channel::Letter => ("brief", "Geachte heer of mevrouw,"),
        };
        let case = "2026-000000";
        let first = format!(
            "{greeting} Wij hebben uw {piece} ontvangen op dinsdag 24 maart 2026. Uw kenmerk is {case}"
        );
        assert!(text.starts_with(&first), "{name}: {text}");
        if sample.id() == "follow-up" {
            return; // A few words: the rest stood in the acknowledgement.
        }
        assert!(text.contains("Wat gebeurt er nu?") && text.contains("Wilt u iemand spreken"), "{name}");
        assert!(text.contains(&format!("Met vriendelijke groet, {}", rulebook.office.name)), "{name}");
        // How to reach a person, wherever the office has said how.
        for way in [&rulebook.office.contact.phone, &rulebook.office.contact.web].into_iter().flatten() {
            assert!(text.contains(way.as_str()), "{name}: no {way:?}");
        }
        // A heading is said once.
        let headings: Vec<&str> =
            made.text.split("\n\n").filter(|block| !block.contains('\n') && block.ends_with('?')).collect();
        let mut once = headings.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), headings.len(), "{name}: {headings:?}");
        // A term of the law that the office's own law has only in one place.
        if rulebook.office.line == Line::First {
            assert!(!text.contains("ombudsman mag"), "{name}");
        }
        if channel == Channel::Email {
            let subject = made.subject.unwrap();
            assert!(subject.contains(case), "{name}: {subject}");
            assert!(made.bytes.len() < 12_000, "{name}: {} bytes", made.bytes.len());
        }
        // Nothing of the made-up writer.
        assert!(!text.contains("Jansen") && !text.contains("example.org"), "{name}");
    });
}

/// What each situation has to say, whichever office says it.
#[test]
fn every_situation_says_what_it_is_for() {
    let needles: [(&str, &[&str]); 13] = [
        (
            "out-of-scope",
            &[
                "Misschien moet u ergens anders zijn",
                "niets besloten en niets afgewezen",
                "Een medewerker controleert",
            ],
        ),
        ("mixed", &["meer organisaties", "niets besloten en niets afgewezen"]),
        ("unclear", &["Over wie gaat uw klacht?"]),
        ("complain-first", &["zelf geklaagd?", "6 weken", "kan dat echt niet? Laat het ons weten"]),
        ("waiting", &["tot en met dinsdag 28 april 2026", "U hoeft uw klacht niet opnieuw te sturen."]),
        ("signal", &["Een medewerker kijkt wat wij"]),
        ("decision", &["bezwaar maken", "6 weken", "stopt ze ook niet", "Wacht dus niet op ons"]),
        ("decision-too", &["bezwaar maken", "6 weken", "Misschien moet u ergens anders zijn"]),
        ("report", &["op straat of in uw buurt?"]),
        ("on-behalf", &["Klaagt u voor iemand anders?", "machtiging"]),
        ("name-missing", &["Wilt u ons uw naam en adres geven?", "Dan hoeft u niets te doen."]),
        ("several", &["meer dan één klacht?"]),
        ("unreadable", &["- brief van de gemeente.pdf", "Dan helpen wij u graag."]),
    ];
    each(|rulebook, sample, channel| {
        let text = flowing(&sampled(rulebook, sample, channel, "nl").text);
        let wanted = needles.iter().filter(|(id, _)| *id == sample.id()).flat_map(|(_, needles)| *needles);
        for needle in wanted {
            assert!(
                text.contains(needle),
                "{} {} {channel:?}: no {needle:?}",
                rulebook.office.id,
                sample.id()
            );
        }
        // The term of six weeks runs: it stands before what can wait.
        if sample.id() == "decision-too" {
            assert!(text.find("bezwaar") < text.find("Wat gebeurt er nu?"));
        }
    });
}

fn copied(folders: &[&str]) -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    for folder in folders {
        std::fs::create_dir_all(scratch.path().join(folder)).unwrap();
        for entry in std::fs::read_dir(root().join("templates").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, scratch.path().join(folder).join(path.file_name().unwrap())).unwrap();
        }
    }
    scratch
}

/// No code knows German: a set of files makes it a language of the office.
#[test]
fn a_further_language_is_a_set_of_files() {
    let scratch = copied(&["shared", "haarlem"]);
    let shared = scratch.path().join("shared");
    std::fs::write(shared.join("below.de.txt"), "Deutsch: siehe unten.\n").unwrap();
    let date = "{{ [\"Montag\", \"Dienstag\", \"Mittwoch\", \"Donnerstag\", \"Freitag\", \"Samstag\", \"Sonntag\"][weekday - 1] }}, \
                {{ day }}. {{ [\"Januar\", \"Februar\", \"März\", \"April\", \"Mai\", \"Juni\", \"Juli\", \"August\", \"September\", \"Oktober\", \"November\", \"Dezember\"][month - 1] }} {{ year }}\n";
    let answer = "# Diese Nachricht auf Deutsch\n\nWir haben Ihre Nachricht am {{ received }} erhalten. Ihr Zeichen ist {{ case }}.\n\n\
                  {% include situation ~ \".de.txt\" %}\n\n\
                  {% if due.contact %}\nBis {{ due.contact }} melden wir uns.\n{% endif %}\n";
    std::fs::write(shared.join("answer.de.txt"), answer).unwrap();
    let load = || {
        let office = config::load(&root().join("config/haarlem.toml")).unwrap().office;
        Templates::load(scratch.path(), &office).map_err(|faults| faults.to_string())
    };
    // What is missing is told at start, by name.
    assert!(load().unwrap_err().contains("date.de.txt: ontbreekt"));
    std::fs::write(shared.join("date.de.txt"), date).unwrap();
    let missing = load().unwrap_err();
    assert!(missing.contains("answer.de.txt:5") && missing.contains("received.de.txt"), "{missing}");
    std::fs::write(shared.join("follow-up.de.txt"), "Ihre Nachricht liegt bei {{ case }}.\n").unwrap();
    for sample in of("haarlem").samples().into_iter().chain(of("den-haag").samples()) {
        std::fs::write(
            shared.join(format!("{}.de.txt", sample.id())),
            "Ein Mitarbeiter liest Ihre Nachricht.\n",
        )
        .unwrap();
    }
    load().unwrap();
    let rulebook = rulebook("haarlem", Some(scratch.path()));
    let made = sampled(&rulebook, rulebook.samples()[0], Channel::Email, "de");
    assert!(made.text.starts_with("Deutsch: siehe unten.\n\nGoedendag,"), "{}", made.text);
    let german = flowing(second(&made.text));
    assert!(german.contains("am Dienstag, 24. März 2026 erhalten"), "{german}");
    assert!(german.contains("Bis Dienstag, 7. April 2026 melden wir uns."), "{german}");
    assert!(made.html.unwrap().contains("<div lang=\"de\">"));
    // A language without words still gets English.
    let turkish = sampled(&rulebook, rulebook.samples()[0], Channel::Email, "tr");
    assert!(
        turkish.text.starts_with("English: see below.") && turkish.text.contains("We received your message")
    );
}

#[test]
fn a_fault_is_told_with_file_line_and_what_was_meant() {
    let scratch = copied(&["shared", "deventer"]);
    let office = config::load(&root().join("config/deventer.toml")).unwrap().office;
    let file = scratch.path().join("shared/several.nl.txt");
    for (broken, needles) in [
        (
            "# Kop\n\n{{ recieved }}\n",
            ["several.nl.txt:3:4: Deze waarde is er niet", "Bedoelt u “received”?"],
        ),
        (
            "# Kop\n{{ zaaknummer }}\n",
            ["several.nl.txt:2:4", "Wel te gebruiken: added, automatic, body, case,"],
        ),
        ("# Kop\n{% if letter %}\n", ["several.nl.txt:", "Sluit elke {% if … %} met {% endif %}"]),
        ("{% include \"contakt.nl.txt\" %}\n", ["several.nl.txt:1", "Bedoelt u “contact.nl.txt”?"]),
    ] {
        std::fs::write(&file, broken).unwrap();
        let faults = Templates::load(scratch.path(), &office).unwrap_err().to_string();
        for needle in needles {
            assert!(faults.contains(needle), "no {needle:?} in {faults}");
        }
    }
    std::fs::remove_file(&file).unwrap();
    let faults = Templates::load(scratch.path(), &office).unwrap_err().to_string();
    assert!(faults.contains("answer.nl.txt:") && faults.contains("several.nl.txt"), "{faults}");
}
