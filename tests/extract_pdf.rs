//! PDF through the real worker: text that stands elsewhere than in the content of a page, and pages that fail.
//! All people are invented.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the failure that is wanted")]

mod extract_support;

use bode::record::{Method, Problem};
use extract_support::{fixture, read};
use lopdf::{Dictionary, Document, Object, ObjectId, Stream, dictionary};

/// A PDF with a page for each content stream, and what `more` adds to it.
fn pdf(contents: &[&str], more: impl FnOnce(&mut Document, &[ObjectId], &mut Dictionary)) -> Vec<u8> {
    let mut document = Document::with_version("1.7");
    let tree = document.new_object_id();
    let font = document.add_object(
        dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica", "Encoding" => "WinAnsiEncoding" },
    );
    let pages: Vec<ObjectId> = contents
        .iter()
        .map(|content| {
            let content = document.add_object(Stream::new(Dictionary::new(), content.as_bytes().to_vec()));
            document.add_object(dictionary! {
                "Type" => "Page", "Parent" => tree, "Contents" => content,
                "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
                "Resources" => dictionary! { "Font" => dictionary! { "F1" => font } },
            })
        })
        .collect();
    let kids: Vec<Object> = pages.iter().map(|&page| page.into()).collect();
    document
        .set_object(tree, dictionary! { "Type" => "Pages", "Count" => kids.len() as i64, "Kids" => kids });
    let mut root = dictionary! { "Type" => "Catalog", "Pages" => tree };
    more(&mut document, &pages, &mut root);
    let root = document.add_object(root);
    document.trailer.set("Root", root);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

fn annotate(document: &mut Document, page: ObjectId, annotations: Vec<Dictionary>) {
    let list: Vec<Object> = annotations.into_iter().map(|one| document.add_object(one).into()).collect();
    document.get_dictionary_mut(page).unwrap().set("Annots", list);
}

fn said(text: &str) -> Object {
    Object::string_literal(text)
}

const LINE: &str = "BT /F1 12 Tf 60 780 Td (Ik klaag over de gemeente Voorbeeldstad.) Tj ET";

#[tokio::test]
async fn what_was_filled_in_and_what_was_written_beside_it() {
    let area = || Object::from(vec![60.into(), 700.into(), 300.into(), 720.into()]);
    let bytes = pdf(&[LINE], |document, pages, _| {
        let widget = |kind: &str, name: &str| {
            dictionary! { "Type" => "Annot", "Subtype" => "Widget", "FT" => kind, "T" => said(name), "Rect" => area() }
        };
        let mut name = widget("Tx", "Naam");
        name.set("V", said("J. Verzonnen"));
        let mut authority = widget("Ch", "Instantie");
        authority.set("V", said("Waterschap Verzonnen"));
        let mut ticked = widget("Btn", "Spoed");
        ticked.set("AS", Object::Name(b"Yes".to_vec()));
        let mut other = widget("Btn", "Anoniem");
        other.set("AS", Object::Name(b"Off".to_vec()));
        let mut secret = widget("Tx", "Wachtwoord");
        secret.set("V", said("geheim"));
        secret.set("Ff", 1 << 13);
        let comment = dictionary! {
            "Type" => "Annot", "Subtype" => "Text", "Rect" => area(), "Contents" => said("Bel mij na zes uur."),
        };
        let typed = dictionary! {
            "Type" => "Annot", "Subtype" => "FreeText", "Rect" => area(), "Contents" => said("Dit is mijn derde brief."),
        };
        let repeated = dictionary! {
            "Type" => "Annot", "Subtype" => "Highlight", "Rect" => area(), "Contents" => said("de gemeente Voorbeeldstad"),
        };
        annotate(document, pages[0], vec![name, authority, ticked, other, secret, comment, typed, repeated]);
    });
    let extract = read("formulier.pdf", bytes).await;
    let document = &extract.documents[0];
    assert_eq!((document.method, document.problem), (Method::TextLayer, None));
    for expected in [
        "Ik klaag over de gemeente Voorbeeldstad.",
        "Naam: J. Verzonnen",
        "Instantie: Waterschap Verzonnen",
        "☒ Spoed",
        "Bel mij na zes uur.",
        "Dit is mijn derde brief.",
    ] {
        assert!(document.text.contains(expected), "{expected:?} is missing in:\n{}", document.text);
    }
    assert!(!document.text.contains("geheim") && !document.text.contains("Anoniem"), "{}", document.text);
    assert_eq!(document.text.matches("gemeente Voorbeeldstad").count(), 1, "{}", document.text);
}

#[tokio::test]
async fn a_form_that_only_adobe_shows_is_read_from_its_data() {
    let wait =
        "BT /F1 12 Tf 60 780 Td (Please wait... your viewer cannot show this. Get Adobe Reader.) Tj ET";
    let data = "<xfa:datasets xmlns:xfa=\"http://www.xfa.org/schema/xfa-data/1.0/\"><xfa:data><formulier>\
                <Naam>J. Verzonnen</Naam><Klacht>Geen antwoord op mijn brief</Klacht></formulier></xfa:data></xfa:datasets>";
    let bytes = pdf(&[wait], |document, _, root| {
        let data = document.add_object(Stream::new(Dictionary::new(), data.as_bytes().to_vec()));
        root.set("AcroForm", dictionary! { "XFA" => vec![said("datasets"), data.into()] });
    });
    let extract = read("xfa.pdf", bytes).await;
    let text = &extract.documents[0].text;
    assert!(text.contains("Naam: J. Verzonnen") && text.contains("Klacht: Geen antwoord"), "{text}");
    assert!(
        extract.defects.iter().any(|defect| defect.problem == Problem::Unsupported),
        "{:?}",
        extract.defects
    );
}

#[tokio::test]
async fn text_that_glyphs_stand_for_and_lines_that_lead_to_a_number() {
    let hyphen =
        "BT /F1 12 Tf 60 780 Td (ver) Tj /Span << /ActualText (gun) >> BDC (xyz) Tj EMC (ning) Tj ET";
    let mut contents = String::from("BT /F1 12 Tf 14 TL 60 780 Td ");
    for chapter in 1..20 {
        contents.push_str(&format!("(Hoofdstuk {chapter} {} {chapter}) Tj T* ", ".".repeat(60)));
    }
    contents.push_str("ET");
    let spaced = "BT /F1 12 Tf 4 Tc 60 780 Td (Wijd uit elkaar gezet) Tj ET";
    let extract = read("tekst.pdf", pdf(&[hyphen, &contents, spaced], |_, _, _| {})).await;
    let document = &extract.documents[0];
    assert_eq!((document.method, document.pages), (Method::TextLayer, Some(3)), "{document:?}");
    assert!(document.text.starts_with("vergunning\n"), "{}", document.text);
    assert!(document.text.contains("Hoofdstuk 19"), "{}", document.text);
    assert!(document.text.ends_with("Wijd uit elkaar gezet"), "{}", document.text);
}

#[tokio::test]
async fn long_documents_are_read_to_their_end() {
    let pages = vec![LINE; 230];
    let mut pages: Vec<&str> = pages;
    pages.push("BT /F1 12 Tf 60 780 Td (Het slot van de brief) Tj ET");
    let extract = read("lang.pdf", pdf(&pages, |_, _, _| {})).await;
    let document = &extract.documents[0];
    assert_eq!((document.pages, document.problem), (Some(231), None));
    assert!(document.text.ends_with("Het slot van de brief"));
    assert!(extract.defects.is_empty(), "{:?}", extract.defects);
}

#[tokio::test]
async fn an_empty_page_is_no_problem_and_an_empty_file_is_told() {
    let extract = read("half.pdf", pdf(&[LINE, ""], |_, _, _| {})).await;
    assert_eq!((extract.documents[0].problem, extract.documents[0].method), (None, Method::TextLayer));
    let extract = read("leeg.pdf", pdf(&[""], |_, _, _| {})).await;
    assert_eq!(extract.documents[0].problem, Some(Problem::Empty));
}

#[tokio::test]
async fn a_file_that_was_blanked_is_damaged_and_not_empty() {
    let mut bytes = fixture("tekst.pdf");
    let whole = bytes.len();
    // As a disk leaves it: the middle is zeroes, the end is there.
    bytes[400..whole - 1200].fill(0);
    bytes.splice(400..400, vec![0; 4096]);
    let extract = read("kapot.pdf", bytes).await;
    assert_eq!(extract.documents[0].problem, Some(Problem::Damaged), "{:?}", extract.documents);
}
