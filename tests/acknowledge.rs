//! The answers as messages and letters: checked against RFC 5322, 2047 and 3834, with what comes from outside kept
//! harmless. The words themselves: `tests/words.rs`.

#[path = "support/answers.rs"]
mod answers;

use answers::*;
use bode::acknowledge::*;
use bode::record::*;
use std::path::{Path, PathBuf};

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
        // Turkish has no templates: English as well.
        judgement.language = "tr".into();
        let turkish = answered(&house, &judgement, &mail(), Channel::Email);
        assert_eq!(parts(&turkish.bytes.unwrap()).0, text);
    }
}

#[test]
fn what_could_not_be_opened_is_named_when_its_name_is_harmless() {
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
