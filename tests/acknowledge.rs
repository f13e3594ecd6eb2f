//! The words of all five offices: every situation rendered, compared with committed snapshots, measured for
//! language level B1, and checked against RFC 5322, 2047 and 3834.
//!
//! `BODE_BLESS=1 cargo test --test acknowledge` writes the snapshots anew; read them before committing.

#[path = "support/answers.rs"]
mod answers;

use answers::*;
use bode::acknowledge::*;
use bode::record::*;
use std::path::{Path, PathBuf};

/// Compares with the committed file, or writes it when blessed.
fn snapshot(path: &str, text: &str) {
    let path: PathBuf = root().join("tests/snapshots").join(path);
    if std::env::var_os("BODE_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, kept, "{} differs; BODE_BLESS=1 writes it anew", path.display());
}

#[test]
fn every_office_and_situation_as_committed() {
    for office in OFFICES {
        let house = house(office);
        for main in Main::ALL {
            let Some(judgement) = judged_as(main, &house.config.office) else { continue };
            let prepared = answered(&house, &judgement, &mail(), Channel::Email);
            let Answer::Send { template, language, to, .. } = &prepared.answer else {
                panic!("{office} {main:?}: {:?}", prepared.answer)
            };
            assert_eq!(
                (template.as_str(), language.as_str(), to.as_str()),
                (main.id(), "nl", "jansen@example.org")
            );
            let (text, _) = parts(&prepared.bytes.unwrap());
            snapshot(&format!("{office}/{}.txt", main.id()), &text);
        }
    }
}

/// RFC 3834 §5.2: the keywords of `Auto-Submitted` must not stand on a message that a person sent.
#[test]
fn what_a_person_lets_go_is_no_machines_message() {
    for office in OFFICES {
        let house = house(office);
        for (main, language) in Main::ALL.into_iter().flat_map(|main| [(main, "nl"), (main, "tr")]) {
            let Some(mut judgement) = judged_as(main, &house.config.office) else { continue };
            judgement.language = language.into();
            let mut held = mail();
            held.message.as_mut().unwrap().return_path = None;
            let Prepared { answer, bytes, msg_id } = answered(&house, &judgement, &held, Channel::Email);
            assert!(matches!(answer, Answer::Hold { .. }), "{answer:?}");
            let message = String::from_utf8(bytes.clone().unwrap()).unwrap();
            let header = message.split("\r\n\r\n").next().unwrap().to_lowercase();
            assert!(!header.contains("auto-submitted") && !header.contains("automatisch"), "{header}");
            let (text, html) = parts(&bytes.unwrap());
            for words in [&text, &html] {
                assert!(!words.to_lowercase().contains("automati"), "{office} {main:?}: {words}");
            }
            assert!(text.contains("Een medewerker heeft dit antwoord bekeken."), "{text}");
            assert_eq!(msg_id, answered(&house, &judgement, &mail(), Channel::Email).msg_id);
        }
    }
}

fn letter(house: &House, judgement: &Judgement) -> Vec<u8> {
    let prepared = answered(house, judgement, &Extract::default(), Channel::Letter);
    assert!(
        matches!(prepared.answer, Answer::Send { channel: AnswerChannel::Letter, .. }),
        "{:?}",
        prepared.answer
    );
    prepared.bytes.unwrap()
}

/// Poppler's tools read what another program made of the standard; Debian's poppler-utils is a test need.
fn poppler(program: &str, arguments: &[&str], file: &Path) -> String {
    let output = std::process::Command::new(program).args(arguments).arg(file).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn letters_are_tagged_and_carry_their_words() {
    // `BODE_LETTERS=dir` keeps the letters, to be looked at.
    let kept = std::env::var_os("BODE_LETTERS").map(PathBuf::from);
    let scratch = tempfile::tempdir().unwrap();
    for office in OFFICES {
        let house = house(office);
        for main in [Main::Received, Main::OutOfScope, Main::Decision] {
            let mut judgement = judged_as(main, &house.config.office).unwrap();
            if main == Main::Decision {
                judgement.language = "tr".into();
                judgement.urgent = true;
                judgement.on_behalf = OnBehalf::WithoutAuthorisation;
            }
            let pdf = letter(&house, &judgement);
            let folder = kept.as_deref().unwrap_or(scratch.path());
            let file = folder.join(format!("{office}-{}.pdf", main.id()));
            std::fs::write(&file, &pdf).unwrap();

            let document = lopdf::Document::load_mem(&pdf).unwrap();
            let pages: Vec<u32> = document.get_pages().into_keys().collect();
            assert!(
                pages.len() <= if main == Main::Decision { 4 } else { 2 },
                "{office}: {} pages",
                pages.len()
            );

            // -raw: in the order of the content stream, which is the reading order.
            let text =
                std::process::Command::new("pdftotext").arg("-raw").arg(&file).arg("-").output().unwrap();
            let text = String::from_utf8_lossy(&text.stdout).into_owned();
            for needle in ["2026-000042-6", "Voorbeeldstraat 12", "2511 AB Den Haag", "dinsdag 24 maart 2026"]
            {
                assert!(text.contains(needle), "{office}: no {needle:?} in {text}");
            }
            assert!(!text.contains('?') || !text.contains("\u{fffd}"));
            // Nothing of the office's own address is cut off.
            let whole = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for line in &house.config.office.contact.post {
                assert!(whole.contains(line.as_str()), "{office}: no {line:?} in {whole}");
            }
            let info = poppler("pdfinfo", &[], &file);
            for needle in
                ["Tagged:          yes", "Page size:       595.28 x 841.89 pts (A4)", "kenmerk 2026-000042-6"]
            {
                assert!(info.contains(needle), "{office}: no {needle:?} in {info}");
            }
            let fonts = poppler("pdffonts", &[], &file);
            for line in fonts.lines().skip(2) {
                assert!(line.contains("LiberationSans") && line.contains("yes yes yes"), "{office}: {line}");
            }
        }
    }
}

/// Every text there is: office, channel, language, with all added paragraphs and with none.
fn every_text(mut check: impl FnMut(&str, &str, &[u8])) {
    for office in OFFICES {
        let house = house(office);
        for main in Main::ALL {
            let Some(plain) = judged_as(main, &house.config.office) else { continue };
            let mut full = plain.clone();
            full.urgent = true;
            full.anonymous = true;
            full.multiple = true;
            full.on_behalf = OnBehalf::WithoutAuthorisation;
            let mut extract = mail();
            let name = Some("bezwaar 2025.pdf".into());
            extract.documents.push(Document::unread(name, "application/pdf", Problem::Encrypted));
            for (judgement, extract, what) in [(plain, mail(), "plain"), (full, extract, "full")] {
                let bytes = answered(&house, &judgement, &extract, Channel::Email).bytes.unwrap();
                check(&format!("{office} {} {what}", main.id()), &parts(&bytes).0, &bytes);
            }
        }
    }
}

/// Sentences, headings and items of a list, each as its words.
fn sentences(text: &str) -> Vec<Vec<String>> {
    let joined: String = text
        .split("\n\n")
        .map(|paragraph| {
            let items = paragraph.replace("\n- ", ".\n").replace("\n  ", " ");
            format!("{items}.\n")
        })
        .collect();
    // Full stops within telephone hours, host names and numbers end no sentence.
    let words: Vec<&str> = joined.split_whitespace().collect();
    words
        .split_inclusive(|word| word.ends_with(['.', '?', '!', ':']))
        .map(|sentence| {
            sentence
                .iter()
                .filter(|word| word.chars().any(char::is_alphabetic))
                .map(|w| (*w).to_owned())
                .collect()
        })
        .filter(|sentence: &Vec<String>| !sentence.is_empty())
        .collect()
}

#[test]
fn the_dutch_is_plain() {
    every_text(|name, text, _| {
        let sentences = sentences(text);
        let words: usize = sentences.iter().map(Vec::len).sum();
        let mean = words as f64 / sentences.len() as f64;
        assert!(mean <= 12.0, "{name}: {mean:.1} words a sentence");
        for sentence in &sentences {
            assert!(sentence.len() <= 25, "{name}: {} words: {}", sentence.len(), sentence.join(" "));
        }
        let room = if name.ends_with("full") { 560 } else { 380 };
        assert!(words <= room, "{name}: {words} words");
        // Long words: at most one in twenty has more than fourteen letters; and no passive with "worden".
        let all: Vec<String> = sentences.concat();
        let long = all.iter().filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() > 14).count();
        assert!(long * 20 <= all.len(), "{name}: {long} long words of {}", all.len());
        let lower = text.to_lowercase();
        for word in [
            " wordt ",
            " worden ",
            " werd ",
            " je ",
            " jij ",
            " jouw ",
            " middels ",
            " teneinde ",
            " derhalve ",
        ] {
            let allowed =
                word == " worden " && lower.matches("bekend worden").count() == lower.matches(word).count();
            let clear = word == " wordt " && lower.contains("het wordt ons");
            assert!(!lower.contains(word) || allowed || clear, "{name}: {word:?}");
        }
        for needle in
            ["automatisch bericht", "Nog niemand heeft uw bericht beoordeeld", "2026-000042-6", "dinsdag 24"]
        {
            assert!(text.replace('\n', " ").contains(needle), "{name}: no {needle:?}");
        }
    });
}

#[test]
fn the_message_keeps_to_the_rfcs() {
    every_text(|name, text, bytes| {
        let raw = std::str::from_utf8(bytes).unwrap();
        assert!(raw.is_ascii(), "{name}");
        for line in raw.split("\r\n") {
            assert!(!line.contains(['\r', '\n']), "{name}: a bare CR or LF in {line:?}");
            // 78 where it can be folded; a Message-ID cannot.
            let single = line.split_whitespace().count() <= 2;
            assert!(line.len() <= if single { 998 } else { 78 }, "{name}: {} octets: {line}", line.len());
            assert!(!line.contains("=?") || line.len() <= 76, "{name}: {line}");
        }
        let (head, _) = raw.split_once("\r\n\r\n").unwrap();
        let fields = |field: &str| head.lines().filter(|line| line.to_lowercase().starts_with(field)).count();
        for once in [
            "from:",
            "to:",
            "date:",
            "message-id:",
            "subject:",
            "in-reply-to:",
            "references:",
            "auto-submitted: auto-replied",
            "mime-version: 1.0",
            "content-language: nl",
            "x-auto-response-suppress: dr, rn, nrn, oof, autoreply",
        ] {
            assert_eq!(fields(once), 1, "{name}: {once} in {head}");
        }
        for never in ["reply-to:", "cc:", "bcc:", "sender:", "precedence:"] {
            assert_eq!(fields(never), 0, "{name}: {never}");
        }
        let message = mail_parser::MessageParser::default().parse(bytes).unwrap();
        assert_eq!(
            message.message_id(),
            Some(
                format!("2026-000042-6.ontvangst.{0}@{0}.example.nl", name.split(' ').next().unwrap())
                    .as_str()
            )
        );
        assert_eq!(message.in_reply_to().as_text(), Some("abc123@mail.example.org"));
        assert_eq!(
            message.subject(),
            Some("Automatisch bericht: wij hebben uw bericht ontvangen [2026-000042-6]")
        );
        assert_eq!(message.attachment_count(), 0);
        assert!(bytes.len() < 12_000, "{name}: {} bytes", bytes.len());
        // The same words in both parts; nothing of the writer's but the name of an attachment.
        let (_, html) = parts(bytes);
        let bare = mail_parser::decoders::html::html_to_text(&html);
        let words = |text: &str| {
            text.split_whitespace().filter(|word| *word != "-").map(str::to_owned).collect::<Vec<_>>()
        };
        let bare = words(&bare);
        // The title of the HTML is no part of its body.
        let start = bare.iter().position(|word| word == "Goedendag,").unwrap();
        assert_eq!(bare[start..], words(text), "{name}");
        assert!(!raw.contains("balie") && !raw.contains("J. Jansen"), "{name}");
    });
}

#[test]
fn another_language_gets_english_below_the_dutch() {
    for office in OFFICES {
        let house = house(office);
        let mut judgement = judged_as(Main::Received, &house.config.office).unwrap();
        judgement.language = "en".into();
        let prepared = answered(&house, &judgement, &mail(), Channel::Email);
        let bytes = prepared.bytes.unwrap();
        let (text, html) = parts(&bytes);
        let (dutch, english) = text.split_once("----").unwrap();
        assert!(dutch.contains("Wij hebben uw bericht ontvangen op dinsdag 24 maart 2026"));
        assert!(english.contains("We received your message on Tuesday 24 March 2026"));
        assert!(
            html.contains("<div lang=\"en\">")
                && bytes.windows(26).any(|w| w == b"Content-Language: nl, en\r\n")
        );
        snapshot(&format!("{office}/english.txt"), &text);
        // Turkish has no templates: English as well.
        judgement.language = "tr".into();
        let turkish = answered(&house, &judgement, &mail(), Channel::Email);
        assert_eq!(parts(&turkish.bytes.unwrap()).0, text);
    }
}

#[test]
fn added_paragraphs_as_committed() {
    let house = house("amsterdam");
    let mut judgement = judged_as(Main::OutOfScope, &house.config.office).unwrap();
    judgement.urgent = true;
    judgement.anonymous = true;
    judgement.multiple = true;
    judgement.kind = Kind::Decision;
    judgement.on_behalf = OnBehalf::WithoutAuthorisation;
    let mut extract = mail();
    for (name, problem) in [
        ("brief van de gemeente.pdf", Problem::Encrypted),
        ("foto.jpg", Problem::Empty),
        ("KLIK http://example.org nu", Problem::Damaged),
    ] {
        extract.documents.push(Document::unread(Some(name.into()), "application/pdf", problem));
    }
    let (text, _) = parts(&answered(&house, &judgement, &extract, Channel::Email).bytes.unwrap());
    snapshot("amsterdam/all-added.txt", &text);
    assert!(text.contains("- bijlage 3") && !text.contains("foto.jpg") && !text.contains("KLIK"));
}

#[test]
fn nothing_from_outside_can_add_a_header_field() {
    let house = house("haarlem");
    let mut judgement = judged_as(Main::OutOfScope, &house.config.office).unwrap();
    let evil = "x\r\nBcc: victim@example.com\r\n\r\n<script>alert(1)</script>\n# Kop\n- punt";
    judgement.refer_to = Some(Referral { id: "x".into(), name: evil.into(), contact: vec![evil.into()] });
    judgement.writer.name = Some(evil.into());
    let mut extract = mail();
    let message = extract.message.as_mut().unwrap();
    message.subject = Some(evil.into());
    message.msg_id = Some(format!("a@b.example{evil}"));
    message.references = vec![evil.into(), "goed@example.org".into()];
    message.author = Some(Address { name: Some(evil.into()), address: Some("jansen@example.org".into()) });
    let bytes = answered(&house, &judgement, &extract, Channel::Email).bytes.unwrap();
    let raw = String::from_utf8(bytes.clone()).unwrap();
    assert!(!raw.to_lowercase().contains("\nbcc:"), "{raw}");
    assert!(!raw.to_lowercase().contains("in-reply-to:"));
    assert!(raw.contains("References: <goed@example.org>"));
    let (text, html) = parts(&bytes);
    assert!(!html.contains("<script") && text.contains("x Bcc: victim@example.com"));
    // On paper the same name must not break the letter.
    judgement.writer.postal = vec!["Straat 1 \u{1F600}".into(), "2000 AA Haarlem".into()];
    let prepared = answered(&house, &judgement, &Extract::default(), Channel::Letter);
    assert!(matches!(prepared.answer, Answer::Hold { .. }), "{:?}", prepared.answer);
    assert!(prepared.bytes.unwrap().starts_with(b"%PDF-1.7"));
}

#[test]
fn faults_of_templates_are_told_with_file_and_line() {
    let scratch = tempfile::tempdir().unwrap();
    let copy = |folder: &str| {
        std::fs::create_dir_all(scratch.path().join(folder)).unwrap();
        for entry in std::fs::read_dir(root().join("templates").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, scratch.path().join(folder).join(path.file_name().unwrap())).unwrap();
        }
    };
    copy("shared");
    copy("deventer");
    let house = house("deventer");
    let load = || Templates::load(scratch.path(), &house.config.office).map_err(|faults| faults.to_string());
    assert!(load().is_ok());
    let file = scratch.path().join("shared/several.nl.txt");
    let kept = std::fs::read_to_string(&file).unwrap();
    for (broken, needle) in [
        ("# Kop\n\n{{ kenmerk }}\n", "several.nl.txt:3:4: Deze waarde is er niet"),
        ("# Kop\n{% if letter %}\n", "several.nl.txt:2"),
        ("{% include \"nergens.nl.txt\" %}\n", "nergens.nl.txt"),
    ] {
        std::fs::write(&file, broken).unwrap();
        let faults = load().unwrap_err();
        assert!(faults.contains(needle), "{faults}");
    }
    std::fs::write(&file, kept).unwrap();
    std::fs::remove_file(scratch.path().join("shared/answer.en.txt")).unwrap();
    assert!(load().unwrap_err().contains("answer.en.txt: ontbreekt"));
    std::fs::remove_dir_all(scratch.path().join("deventer")).unwrap();
    assert!(load().unwrap_err().contains("deventer: kan niet worden gelezen"));
}

/// `cargo test --release --test acknowledge figures -- --ignored --nocapture`
#[test]
#[ignore = "a measurement, not a check"]
fn figures() {
    let house = house("den-haag");
    let judgement = judged_as(Main::Received, &house.config.office).unwrap();
    let extract = mail();
    let time = |count: u32, make: &dyn Fn()| {
        make();
        let start = std::time::Instant::now();
        (0..count).for_each(|_| make());
        start.elapsed() / count
    };
    let message = time(2_000, &|| drop(answered(&house, &judgement, &extract, Channel::Email)));
    let letter = time(50, &|| drop(answered(&house, &judgement, &extract, Channel::Letter)));
    println!(
        "a message {message:?} ({:.0} a second a core), a letter {letter:?}",
        1.0 / message.as_secs_f64()
    );
}

#[test]
fn the_situation_follows_the_judgement() {
    let (ombudsman, municipality) = (house("den-haag"), house("haarlem"));
    let chosen = |house: &House, change: &dyn Fn(&mut Judgement)| {
        let mut judgement = judged_as(Main::Received, &house.config.office).unwrap();
        change(&mut judgement);
        situation(&judgement, &mail(), &house.config.office, &house.calendar, &name_of)
    };
    let out = |judgement: &mut Judgement| {
        judgement.scope = Scope::Out;
        judgement.complained_about = vec!["uwv".into(), "gemeente-delft".into(), "onbekend".into()];
        let referral = Referral { id: "none".into(), name: "een andere instantie".into(), contact: vec![] };
        judgement.refer_to = Some(referral);
    };
    let sure = chosen(&ombudsman, &out);
    assert_eq!(
        (sure.main, sure.organisations.join(", ").as_str()),
        (Main::OutOfScope, "het UWV, de gemeente Delft")
    );
    assert_eq!(sure.referral, None, "no body is named when there is none");
    // Not sure enough for a citizen: nothing is said of it.
    let unsure = chosen(&ombudsman, &|judgement| {
        out(judgement);
        judgement.may_tell_citizen = false;
    });
    assert_eq!((unsure.main, unsure.referral), (Main::Received, None));
    // Out of scope, and against a decision: the term is told all the same.
    let decision = chosen(&ombudsman, &|judgement| {
        out(judgement);
        judgement.kind = Kind::Decision;
    });
    assert_eq!((decision.main, decision.added), (Main::OutOfScope, vec![Added::Decision]));
    // Only an ombudsman asks to complain at the body first.
    let first = |judgement: &mut Judgement| judgement.first_complained = FirstComplained::No;
    assert_eq!(chosen(&ombudsman, &first).main, Main::ComplainFirst);
    assert_eq!(chosen(&municipality, &first).main, Main::Received);
    // A thank-you that a person lets go out after all gets the plain text.
    let none = chosen(&ombudsman, &|judgement| {
        judgement.scope = Scope::None;
        judgement.kind = Kind::Other;
    });
    assert_eq!(none.main, Main::Received);
    for (language, expected) in [("nl", "nl"), ("fy", "nl"), ("", "nl"), ("pl", "nl+pl")] {
        assert_eq!(chosen(&ombudsman, &|judgement| judgement.language = language.into()).language, expected);
    }
}
