//! Every kind of document through the real worker: what a citizen or the post room sends, as files in
//! `tests/fixtures/extract`. All people are invented.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the failure that is wanted")]

mod extract_support;

use bode::record::{Channel, Method, PartKind, Problem};
use extract_support::{fixture, read, read_as};

/// What every letter of the fixtures says.
const SAID: [&str; 3] = ["Voorbeeldstraat 12", "gemeente Voorbeeldstad", "Hoogachtend"];

fn says_it(text: &str) {
    for said in SAID {
        assert!(text.contains(said), "{said:?} is missing in:\n{text}");
    }
}

#[tokio::test]
async fn a_scan_of_three_pages_one_of_them_blank() {
    let extract = read("scan.pdf", fixture("scan.pdf")).await;
    assert!(extract.message.is_none());
    assert!(extract.defects.is_empty(), "{:?}", extract.defects);
    let [document] = extract.documents.as_slice() else { panic!("{:?}", extract.documents) };
    assert_eq!((document.method, document.pages, document.problem), (Method::Ocr, Some(3), None));
    assert_eq!(document.media_type, "application/pdf");
    assert!(document.confidence.unwrap() > 0.9);
    says_it(&document.text);
    assert!(document.text.contains("mijn klacht van 20 januari"));
    assert!(document.words.is_empty());
}

#[tokio::test]
async fn pages_that_lie_sideways_upside_down_and_askew_read_as_upright_ones() {
    for name in ["scan-gedraaid.pdf", "foto-ondersteboven.jpg", "foto-exif.jpg"] {
        let extract = read(name, fixture(name)).await;
        let document = &extract.documents[0];
        assert_eq!(document.method, Method::Ocr, "{name}");
        says_it(&document.text);
        assert!(document.confidence.unwrap() > 0.9, "{name}");
    }
}

#[tokio::test]
async fn a_fax_of_two_pages_in_one_tiff() {
    let extract = read("fax.tiff", fixture("fax.tiff")).await;
    let document = &extract.documents[0];
    assert_eq!((document.method, document.pages), (Method::Ocr, Some(2)));
    assert_eq!(document.media_type, "image/tiff");
    says_it(&document.text);
    assert!(document.text.contains("Bladzijde 2"));
}

#[tokio::test]
async fn text_layers_are_read_with_their_blanks_and_lines() {
    for name in ["tekst.pdf", "leeg-wachtwoord.pdf"] {
        let extract = read(name, fixture(name)).await;
        let document = &extract.documents[0];
        assert_eq!((document.method, document.confidence), (Method::TextLayer, None), "{name}");
        says_it(&document.text);
        assert!(document.text.starts_with("J. Verzonnen\nVoorbeeldstraat 12\n1234 AB Voorbeeldstad\n\n"));
    }
    let extract = read("x.pdf", fixture("standaardletter.pdf")).await;
    assert!(extract.documents[0].text.contains("De coördinatie met mevrouw De Vriës verliep slecht."));
}

#[tokio::test]
async fn a_pdf_is_judged_page_by_page() {
    let extract = read("gemengd.pdf", fixture("gemengd.pdf")).await;
    let document = &extract.documents[0];
    assert_eq!((document.method, document.pages), (Method::Ocr, Some(2)));
    says_it(&document.text);
    assert!(document.text.contains("Bladzijde 2"));
}

#[tokio::test]
async fn a_password_is_told_and_embedded_files_are_read() {
    let extract = read("wachtwoord.pdf", fixture("wachtwoord.pdf")).await;
    assert_eq!(extract.documents[0].problem, Some(Problem::Encrypted));
    assert_eq!(extract.defects[0].document, Some(0));
    assert!(extract.defects[0].explanation.contains("wachtwoord"));

    let extract = read("ingesloten.pdf", fixture("ingesloten.pdf")).await;
    says_it(&extract.documents[0].text);
    assert_eq!(extract.documents[1].name.as_deref(), Some("ingesloten.txt"));
    assert_eq!(extract.documents[1].text, "Dit stond in de ingesloten bijlage.");
}

#[tokio::test]
async fn words_come_with_their_place_when_asked() {
    let request = |name: &str| bode::extract::ReadRequest {
        name: name.to_owned(),
        channel: Some(Channel::Letter),
        bytes: fixture(name),
        words: true,
    };
    for (name, pixels_an_inch) in [("scan-gedraaid.pdf", 150.0), ("tekst.pdf", 300.0)] {
        let extract = extract_support::reader().read(request(name)).await.unwrap();
        let words = &extract.documents[0].words;
        let first = words.iter().find(|word| word.6 == "Verzonnen").unwrap();
        let last = words.iter().rfind(|word| word.6 == "Verzonnen").unwrap();
        assert_eq!(first.0, 1);
        // The letter starts in the upper left part of an A4 and its name comes again below.
        assert!(
            f64::from(first.1) < 4.0 * pixels_an_inch && f64::from(first.2) < 2.0 * pixels_an_inch,
            "{first:?}"
        );
        assert!(last.2 > first.2 + first.4 * 5, "{first:?} {last:?}");
        assert!(first.5 > 60.0);
    }
}

#[tokio::test]
async fn office_files_and_typed_letters() {
    let extract = read("brief.docx", fixture("brief.docx")).await;
    let document = &extract.documents[0];
    assert_eq!(document.method, Method::Office);
    says_it(&document.text);
    assert!(document.text.starts_with("Stichting Verzonnen Belangen"));
    assert!(document.text.contains("Kenmerk VB-2026/17"));

    // Typed, with header-like lines: the name says letter, and a letter it is.
    let typed = "Van: J. Verzonnen\r\nOnderwerp: klacht\r\n\r\nIk klaag over de coördinatie.";
    let latin = typed.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    for bytes in [typed.as_bytes().to_vec(), latin] {
        let extract = read("brief.txt", bytes).await;
        assert!(extract.message.is_none());
        assert_eq!(extract.documents[0].method, Method::Text);
        assert_eq!(
            extract.documents[0].text,
            "Van: J. Verzonnen\nOnderwerp: klacht\n\nIk klaag over de coördinatie."
        );
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_named_in_dutch() {
    let cases: &[(&str, Vec<u8>, Problem, &str)] = &[
        ("leeg.pdf", Vec::new(), Problem::Empty, "leeg"),
        (
            "ruis.bin",
            (0..4000_u32).map(|n| (n * 7919 % 251) as u8).collect(),
            Problem::Unsupported,
            "onbekende soort",
        ),
        ("kapot.pdf", fixture("tekst.pdf")[..600].to_vec(), Problem::Damaged, "beschadigd"),
        ("kapot.jpg", fixture("foto-exif.jpg")[..300].to_vec(), Problem::Damaged, "beschadigd"),
        ("kapot.tif", b"II*\0\x08\0\0\0garbage".to_vec(), Problem::Damaged, "beschadigd"),
        ("kapot.docx", fixture("brief.docx")[..9000].to_vec(), Problem::Damaged, "beschadigd"),
        (
            "oud.doc",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....".to_vec(),
            Problem::Unsupported,
            "onbekend programma",
        ),
        ("logo.png", fixture("logo.png"), Problem::Empty, "geen leesbare tekst"),
    ];
    for (name, bytes, problem, said) in cases {
        let extract = read(name, bytes.clone()).await;
        let document = &extract.documents[0];
        assert_eq!(document.problem, Some(*problem), "{name}: {document:?}");
        assert_eq!(document.text, "", "{name}");
        let defect = &extract.defects[0];
        assert_eq!(defect.document, Some(0), "{name}");
        assert!(defect.explanation.contains(said), "{name}: {}", defect.explanation);
    }
}

#[tokio::test]
async fn a_truncated_scan_keeps_the_daemon_and_tells() {
    let whole = fixture("scan.pdf");
    for length in [whole.len() / 4, whole.len() / 2, whole.len() - 200] {
        let extract = read("scan.pdf", whole[..length].to_vec()).await;
        let document = &extract.documents[0];
        assert!(document.problem.is_some() || !document.text.is_empty(), "{length}");
    }
}

#[tokio::test]
async fn declared_sizes_are_not_believed() {
    // 60,000 × 60,000 pixels in forty bytes.
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    png.extend(60_000_u32.to_be_bytes().repeat(2));
    png.extend([8, 0, 0, 0, 0, 0, 0, 0, 0]);
    let extract = read("groot.png", png).await;
    assert!(matches!(extract.documents[0].problem, Some(Problem::TooLarge | Problem::Damaged)));

    // A docx whose text unpacks to more than is allowed.
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("word/document.xml", options).unwrap();
    let chunk = vec![b' '; 1024 * 1024];
    for _ in 0..=bode::limits::UNPACKED_BYTES_MAX / (1024 * 1024) {
        std::io::Write::write_all(&mut zip, &chunk).unwrap();
    }
    let bomb = zip.finish().unwrap().into_inner();
    assert!(bomb.len() < 1024 * 1024);
    let extract = read("bom.docx", bomb).await;
    assert_eq!(extract.documents[0].problem, Some(Problem::TooLarge));
}

#[tokio::test]
async fn the_channel_decides_what_a_file_is() {
    let message = b"From: a@example.nl\r\nSubject: x\r\n\r\nhoi".to_vec();
    assert!(read_as(Some(Channel::Email), "x", message.clone()).await.message.is_some());
    let letter = read_as(Some(Channel::Letter), "x", message).await;
    assert!(letter.message.is_none());
    assert_eq!(letter.documents[0].method, Method::Message);
    assert_eq!(letter.documents[0].parts[0].kind, PartKind::Forwarded);
}
