//! The acknowledgement on paper: what the window of the envelope shows, PDF/UA-1, and names in any letters.
//!
//! `BODE_LETTERS=dir cargo test --test letters` keeps the letters, to be looked at. `BODE_UA_CHECKER=program` has each of
//! them read by a validator of PDF/UA-1 as well, which must end with status 0 (veraPDF does).

#[path = "support/answers.rs"]
mod answers;
#[path = "support/universal.rs"]
mod universal;

use answers::*;
use bode::acknowledge::*;
use bode::record::*;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the letters of this run lie: kept when asked for.
struct Shelf {
    folder: PathBuf,
    _scratch: tempfile::TempDir,
}

impl Shelf {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let folder = std::env::var_os("BODE_LETTERS").map_or(scratch.path().to_owned(), PathBuf::from);
        Self { folder, _scratch: scratch }
    }

    fn lay(&self, name: &str, pdf: &[u8]) -> PathBuf {
        let file = self.folder.join(format!("{name}.pdf"));
        std::fs::write(&file, pdf).unwrap();
        file
    }
}

/// A word on a page and its box in millimetres, as Poppler finds it.
#[derive(Debug)]
struct Placed {
    text: String,
    area: Area,
}

fn words_of_first_page(file: &Path) -> Vec<Placed> {
    let output = Command::new("pdftotext").args(["-bbox", "-l", "1"]).arg(file).arg("-").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let value = |line: &str, name: &str| -> f32 {
        let rest = line.split(&format!("{name}=\"")).nth(1).unwrap();
        rest.split('"').next().unwrap().parse::<f32>().unwrap() * 25.4 / 72.0
    };
    text.lines()
        .filter(|line| line.trim_start().starts_with("<word "))
        .map(|line| Placed {
            text: line.split('>').nth(1).unwrap().split('<').next().unwrap().replace("&amp;", "&"),
            area: Area {
                left: value(line, "xMin"),
                top: value(line, "yMin"),
                right: value(line, "xMax"),
                bottom: value(line, "yMax"),
            },
        })
        .collect()
}

fn within(inner: Area, outer: Area) -> bool {
    inner.left >= outer.left
        && inner.top >= outer.top
        && inner.right <= outer.right
        && inner.bottom <= outer.bottom
}

fn apart(a: Area, b: Area) -> bool {
    a.right <= b.left || a.left >= b.right || a.bottom <= b.top || a.top >= b.bottom
}

fn text_of(file: &Path) -> String {
    let output = Command::new("pdftotext").arg("-raw").arg(file).arg("-").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// A letter to these lines; the first is the name.
fn letter_to(house: &House, lines: &[&str]) -> Prepared {
    let mut judgement = judged_as(Main::Received, &house.config.office).unwrap();
    judgement.writer.name = lines.first().map(|line| (*line).to_owned());
    judgement.writer.postal = lines.iter().skip(1).map(|line| (*line).to_owned()).collect();
    answered(house, &judgement, &Extract::default(), Channel::Letter)
}

#[test]
fn the_window_shows_the_address_and_nothing_else() {
    let shelf = Shelf::new();
    let addresses: [&[&str]; 4] = [
        &["J. Jansen-de Vries", "Voorbeeldstraat 12", "2511 AB Den Haag"],
        &[
            "Stichting Bewonersbelangen Oude Wijk en Omstreken, t.a.v. het bestuur",
            "Postbus 12",
            "1234 AB Stad",
        ],
        &[
            "M. de Groot",
            "p/a Verzorgingshuis De Lange Gang, afdeling 3, kamer 214",
            "Burgemeester van Voorbeeldstraat 1234-hs",
            "1234 AB Nieuwerkerk aan de Voorbeeld",
            "België",
        ],
        &["A", "B 1", "1234 AB C"],
    ];
    for office in OFFICES {
        for side in [WindowSide::Left, WindowSide::Right] {
            let mut house = house(office);
            house.config.letters.window = side;
            let window = house.config.letters.address_window();
            for (number, address) in addresses.iter().enumerate() {
                let prepared = letter_to(&house, address);
                let name = format!("window-{office}-{side:?}-{number}");
                let file = shelf.lay(&name, &prepared.bytes.unwrap());
                let words = words_of_first_page(&file);
                // The office's own line above the address shows too: post that cannot be delivered comes back by it.
                let mut wanted: Vec<String> =
                    address.iter().flat_map(|line| line.split_whitespace()).map(str::to_owned).collect();
                let mut own: Vec<String> =
                    house.config.office.name.split_whitespace().map(str::to_owned).collect();
                let (shown, hidden): (Vec<&Placed>, Vec<&Placed>) =
                    words.iter().partition(|word| !apart(word.area, window.ever));
                for word in &shown {
                    assert!(within(word.area, window.always), "{name}: {word:?} is not always seen");
                }
                for word in &hidden {
                    assert!(apart(word.area, window.ever), "{name}: {word:?} may be seen");
                }
                let mut seen: Vec<String> = shown.iter().map(|word| word.text.clone()).collect();
                // What is seen ends with the address, whole and in order.
                let address_seen = seen.split_off(seen.len() - wanted.len());
                assert_eq!(address_seen, wanted, "{name}");
                seen.truncate(own.len());
                assert_eq!(seen, own, "{name}");
                wanted.clear();
                own.clear();
            }
        }
    }
}

#[test]
fn an_office_with_a_cover_of_its_own_sets_the_address_to_it() {
    let shelf = Shelf::new();
    let mut house = house("haarlem");
    house.config.letters.window = WindowSide::Right;
    house.config.letters.cover = Some(Cover {
        width: 220.0,
        height: 110.0,
        window_edge: 15.0,
        window_bottom: 20.0,
        window_width: 110.0,
        window_height: 40.0,
    });
    let window = house.config.letters.address_window();
    assert_eq!(window.fault(), None);
    let prepared = letter_to(&house, &["J. Jansen", "Voorbeeldstraat 12", "2011 AB Haarlem"]);
    let file = shelf.lay("cover-of-its-own", &prepared.bytes.unwrap());
    for word in words_of_first_page(&file) {
        assert!(within(word.area, window.always) || apart(word.area, window.ever), "{word:?}");
    }
}

#[test]
fn names_in_any_european_letters_come_out_as_written() {
    let shelf = Shelf::new();
    let house = house("amsterdam");
    for (number, name) in [
        "Žaneta Łukaszewicz-Żółć",
        "İlknur Şahin-Çağ ığüö",
        "Søren Ærøskøbing Ångström",
        "Ştefan Țurcanu și Ș. Ţ.",
        "Győző Őry-Űrhegyi",
        "Þórdís Ðagsdóttir",
        "Ĝoĝo Ħal Għarb ŋ Ŵ ŷ",
        "Thérèse d'Œuvre–L’Haÿ",
        "Ελένη Παπαδοπούλου",
        "Ђорђе Љубишић, Їжакевич Щукин",
        // Written with combining marks, as some scans and programs give it.
        "Zoe\u{308} Mu\u{308}ller Ne\u{301}meth",
    ]
    .into_iter()
    .enumerate()
    {
        let prepared = letter_to(&house, &[name, "Straße 1", "1234 AB Stad"]);
        assert!(matches!(prepared.answer, Answer::Send { .. }), "{name}: {:?}", prepared.answer);
        let file = shelf.lay(&format!("name-{number}"), &prepared.bytes.unwrap());
        let text = text_of(&file);
        let composed = name.replace("e\u{308}", "ë").replace("u\u{308}", "ü").replace("e\u{301}", "é");
        assert!(text.contains(name) || text.contains(&composed), "{name} in {text}");
    }
}

#[test]
fn what_the_fonts_lack_is_shown_to_a_person_instead_of_printed() {
    let house = house("amsterdam");
    for name in ["王小明", "محمد الأمين", "משה כהן", "ป้อม", "Jan \u{1F600}", "नेहा शर्मा", "გიორგი"]
    {
        let prepared = letter_to(&house, &[name, "Straat 1", "1234 AB Stad"]);
        let Answer::Hold { reason, .. } = &prepared.answer else { panic!("{name}: {:?}", prepared.answer) };
        assert!(reason.starts_with("Adres controleren: ") && reason.contains("tekens"), "{reason}");
        assert!(prepared.bytes.is_some());
    }
    let long = "Vereniging tot behoud van alles wat in deze buurt al sinds mensenheugenis bestaat ".repeat(4);
    let prepared = letter_to(&house, &[&long, "Straat 1", "1234 AB Stad"]);
    let Answer::Hold { reason, .. } = &prepared.answer else { panic!("{:?}", prepared.answer) };
    assert!(reason.contains("venster"), "{reason}");
}

/// A window would show it to whoever carries the letter.
#[test]
fn a_number_that_may_be_a_bsn_stands_in_no_window() {
    let house = house("amsterdam");
    for line in ["BSN 123456782", "123456782", "1234.56.782", "BSN: 123456789"] {
        let prepared = letter_to(&house, &["A. Jansen", line, "Straat 1", "1234 AB Stad"]);
        let Answer::Hold { reason, .. } = &prepared.answer else { panic!("{line}: {:?}", prepared.answer) };
        assert!(
            reason.starts_with("Adres controleren: ") && reason.contains("burgerservicenummer"),
            "{reason}"
        );
        assert!(!reason.contains("1234"));
    }
    for line in ["Postbus 12345", "Straat 12-3456"] {
        let prepared = letter_to(&house, &["A. Jansen", line, "1234 AB Stad"]);
        assert!(matches!(prepared.answer, Answer::Send { .. }), "{line}: {:?}", prepared.answer);
    }
}

#[test]
fn every_letter_keeps_pdf_ua() {
    let shelf = Shelf::new();
    let checker = std::env::var_os("BODE_UA_CHECKER");
    let mut files = Vec::new();
    for office in OFFICES {
        let house = house(office);
        for main in Main::ALL {
            let Some(mut judgement) = judged_as(main, &house.config.office) else { continue };
            for language in ["nl", "tr"] {
                judgement.language = language.into();
                judgement.urgent = language == "tr";
                judgement.multiple = language == "tr";
                let prepared = answered(&house, &judgement, &Extract::default(), Channel::Letter);
                let pdf = prepared.bytes.unwrap();
                let name = format!("{office}-{}-{language}", main.id());
                let told = universal::check(&pdf).unwrap_or_else(|fault| panic!("{name}: {fault}"));
                // Every word of the page is read out or is a fold mark, the window's line or the page number.
                assert!(told.spoken.contains("Geachte heer of mevrouw,"), "{name}: {}", told.spoken);
                assert!(!told.spoken.contains("bladzijde"), "{name}");
                assert_eq!(
                    told.headings.first().map(String::as_str),
                    Some("H1"),
                    "{name}: {:?}",
                    told.headings
                );
                let english = told.languages.iter().any(|language| language == "en");
                assert_eq!(english, language == "tr", "{name}: {:?}", told.languages);
                for page in 1..=told.pages {
                    let footer = format!("Kenmerk 2026-000042-6 · bladzijde {page} van {}", told.pages);
                    assert!(told.artifacts.contains(&footer), "{name}: {:?}", told.artifacts);
                }
                files.push(shelf.lay(&name, &pdf));
            }
        }
    }
    if let Some(checker) = checker {
        let output = Command::new(checker).args(&files).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// The checker itself can say no: a letter with each promise broken in turn.
#[test]
fn a_letter_that_breaks_the_standard_is_found() {
    let house = house("deventer");
    let pdf = letter_to(&house, &["J. Jansen", "Straat 1", "7411 AB Deventer"]).bytes.unwrap();
    assert!(universal::check(&pdf).is_ok());
    for (broken, pdf) in universal::broken(&pdf) {
        assert!(universal::check(&pdf).is_err(), "{broken} was not found");
    }
}
