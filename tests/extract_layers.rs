//! PDF through the real worker: pages that are several pictures, text that lies unseen behind a scan, files within
//! the file, passwords, and files whose structure is broken. All people are invented.
//!
//! Needs the Debian package qpdf.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the failure that is wanted")]

mod extract_support;

use bode::extract::{Leaf, ReadRequest, Reader};
use bode::record::{Document as Read, Extract, Method, Problem};
use extract_support::{fixture, read, reader};
use image::{DynamicImage, GrayImage, ImageFormat};
use lopdf::{Dictionary, Document, Object, ObjectId, Stream, dictionary};
use std::io::Cursor;
use std::path::Path;
use std::process::Command;

/// A line of the letter on the scan and in the text.
const LINE: &str = "Voorbeeldstraat 12";

/// The first page of the scan, as it came out of the scanner.
fn page() -> GrayImage {
    let scan = Document::load_mem(&fixture("scan.pdf")).unwrap();
    let first = *scan.get_pages().get(&1).unwrap();
    let image = &scan.get_page_images(first).unwrap()[0];
    image::load_from_memory_with_format(image.content, ImageFormat::Jpeg).unwrap().into_luma8()
}

fn picture(image: &GrayImage) -> Stream {
    let mut bytes = Vec::new();
    DynamicImage::ImageLuma8(image.clone())
        .write_to(&mut Cursor::new(&mut bytes), ImageFormat::Jpeg)
        .unwrap();
    let dictionary = dictionary! {
        "Type" => "XObject", "Subtype" => "Image", "Width" => image.width() as i64, "Height" => image.height() as i64,
        "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8, "Filter" => "DCTDecode",
    };
    Stream::new(dictionary, bytes).with_compression(false)
}

/// One bit for each point: what is dark is painted.
fn stencil(image: &GrayImage) -> Stream {
    let row = (image.width() as usize).div_ceil(8);
    let mut bits = vec![0_u8; row * image.height() as usize];
    for (x, y, value) in image.enumerate_pixels() {
        if value.0[0] < 140 {
            bits[y as usize * row + x as usize / 8] |= 0x80 >> (x % 8);
        }
    }
    let dictionary = dictionary! {
        "Type" => "XObject", "Subtype" => "Image", "Width" => image.width() as i64, "Height" => image.height() as i64,
        "ImageMask" => true, "BitsPerComponent" => 1, "Decode" => vec![1.into(), 0.into()],
    };
    Stream::new(dictionary, bits)
}

/// A PDF of one page, A4, with these pictures by the names I0, I1, …
fn one_page(
    content: &str,
    pictures: Vec<Stream>,
    more: impl FnOnce(&mut Document, ObjectId, &mut Dictionary),
) -> Vec<u8> {
    let mut document = Document::with_version("1.7");
    let tree = document.new_object_id();
    let font = document.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica", "Encoding" => "WinAnsiEncoding",
    });
    let mut names = Dictionary::new();
    for (n, picture) in pictures.into_iter().enumerate() {
        let id = document.add_object(picture);
        names.set(format!("I{n}"), id);
    }
    let content = document.add_object(Stream::new(Dictionary::new(), content.as_bytes().to_vec()));
    let page = document.add_object(dictionary! {
        "Type" => "Page", "Parent" => tree, "Contents" => content,
        "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
        "Resources" => dictionary! { "Font" => dictionary! { "F1" => font }, "XObject" => names },
    });
    document.set_object(tree, dictionary! { "Type" => "Pages", "Count" => 1, "Kids" => vec![page.into()] });
    let mut root = dictionary! { "Type" => "Catalog", "Pages" => tree };
    more(&mut document, page, &mut root);
    let root = document.add_object(root);
    document.trailer.set("Root", root);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

fn scanned(content: &str, pictures: Vec<Stream>) -> Vec<u8> {
    one_page(content, pictures, |_, _, _| {})
}

#[tokio::test]
async fn scans_in_strips_and_in_layers_are_recognised() {
    let page = page();
    let (width, height) = page.dimensions();
    let mut strips = Vec::new();
    let mut laid = String::new();
    for (n, top) in (0..height).step_by(160).enumerate() {
        let strip = image::imageops::crop_imm(&page, 0, top, width, 160.min(height - top)).to_image();
        let points = |pixels: u32| f64::from(pixels) * 842.0 / f64::from(height);
        let bottom = 842.0 - points(top + strip.height());
        laid += &format!("q 595 0 0 {:.4} 0 {bottom:.4} cm /I{n} Do Q\n", points(strip.height()));
        strips.push(picture(&strip));
    }
    // The paper coarse, the letters fine: as a mask, or as a colour that shows through one.
    let paper = image::imageops::resize(&page, width / 6, height / 6, image::imageops::FilterType::Triangle);
    let paper =
        GrayImage::from_fn(paper.width(), paper.height(), |x, y| image::Luma([paper[(x, y)].0[0].max(225)]));
    let both = "q 595 0 0 842 0 0 cm /I0 Do Q q 0.2 g 595 0 0 842 0 0 cm /I1 Do Q";
    for (name, bytes) in [
        ("stroken.pdf", scanned(&laid, strips)),
        ("lagen.pdf", scanned(both, vec![picture(&paper), stencil(&page)])),
        ("masker.pdf", scanned("q 0 g 595 0 0 842 0 0 cm /I0 Do Q", vec![stencil(&page)])),
    ] {
        let extract = read(name, bytes).await;
        let document = &extract.documents[0];
        assert_eq!((document.method, document.problem), (Method::Ocr, None), "{name}");
        assert!(document.text.contains(LINE), "{name}: {}", document.text);
        assert!(document.confidence.unwrap() > 0.8, "{name}: {:?}", document.confidence);
    }
}

async fn with_words(reader: &Reader, bytes: &[u8]) -> Extract {
    let request =
        ReadRequest { name: "scan.pdf".to_owned(), channel: None, bytes: bytes.to_vec(), words: true };
    reader.read(request).await.unwrap()
}

/// The scan with words behind its picture: those that were read, each changed by `change`.
async fn with_layer(reader: &Reader, change: impl Fn(&str) -> String) -> (Vec<u8>, Read) {
    let scan = scanned("q 595 0 0 842 0 0 cm /I0 Do Q", vec![picture(&page())]);
    let mut seen = with_words(reader, &scan).await.documents.remove(0);
    assert_eq!(seen.method, Method::Ocr);
    let read = seen.clone();
    for word in &mut seen.words {
        word.6 = change(&word.6);
    }
    let leaf = Leaf { name: "scan.pdf", channel: None, bytes: &scan, document: 0 };
    (reader.searchable(leaf, &seen).await.unwrap().unwrap(), read)
}

#[tokio::test]
async fn text_behind_a_scan_is_believed_when_the_picture_says_the_same() {
    let reader = reader();
    let (good, seen) = with_layer(&reader, str::to_owned).await;
    let extract = with_words(&reader, &good).await;
    let document = &extract.documents[0];
    assert_eq!((document.method, document.problem), (Method::TextLayer, None), "{}", document.text);
    let words = |document: &Read| document.words.iter().map(|word| word.6.clone()).collect::<Vec<_>>();
    assert_eq!(words(document), words(&seen));
    // Its boxes lie where the picture has the words.
    assert_eq!(document.page_sizes, seen.page_sizes);
    for (layer, seen) in document.words.iter().zip(&seen.words) {
        assert!(layer.1.abs_diff(seen.1) < 12 && layer.2.abs_diff(seen.2) < 25, "{layer:?} {seen:?}");
    }

    let shifted = |word: &str| {
        let shift =
            |c: char| if c.is_ascii_lowercase() { ((c as u8 - b'a' + 7) % 26 + b'a') as char } else { c };
        word.chars().map(shift).collect::<String>()
    };
    let (rubbish, _) = with_layer(&reader, shifted).await;
    // Half the page is not in the layer: what stands there, maybe by hand, must not get lost.
    let keep = |word: &str| if word.len().is_multiple_of(2) { String::new() } else { word.to_owned() };
    let (half, _) = with_layer(&reader, keep).await;
    let other = format!(
        "q 595 0 0 842 0 0 cm /I0 Do Q BT 3 Tr /F1 11 Tf 15 TL 60 800 Td {} ET",
        "(Geachte heer of mevrouw, ik klaag over de politie en niet over de gemeente) Tj T* ".repeat(50)
    );
    let other = scanned(&other, vec![picture(&page())]);
    for (name, bytes) in [("onzin", rubbish), ("half", half), ("anders", other)] {
        let extract = with_words(&reader, &bytes).await;
        let document = &extract.documents[0];
        assert_eq!(document.method, Method::Ocr, "{name}: {}", document.text);
        assert!(
            document.text.contains(LINE) && !document.text.contains("politie"),
            "{name}: {}",
            document.text
        );
    }
}

#[tokio::test]
async fn text_that_a_picture_was_drawn_over_is_not_what_is_seen() {
    let under =
        "(Geachte heer of mevrouw, ik klaag over de politie en niet over de gemeente) Tj T* ".repeat(20);
    let content = format!("BT /F1 11 Tf 15 TL 60 800 Td {under} ET q 595 0 0 842 0 0 cm /I0 Do Q");
    let extract = read("scan.pdf", scanned(&content, vec![picture(&page())])).await;
    let document = &extract.documents[0];
    assert_eq!(document.method, Method::Ocr);
    assert!(document.text.contains(LINE) && !document.text.contains("politie"), "{}", document.text);
}

const SHOWN: &str = "BT /F1 12 Tf 60 780 Td (Zie de bijlagen bij deze brief.) Tj ET";

fn file(document: &mut Document, name: &str, bytes: &[u8]) -> Dictionary {
    let stream = document.add_object(Stream::new(Dictionary::new(), bytes.to_vec()));
    dictionary! {
        "Type" => "Filespec", "F" => Object::string_literal(name), "EF" => dictionary! { "F" => stream },
    }
}

#[tokio::test]
async fn files_hung_on_a_page_and_in_a_portfolio_are_read() {
    let hung = one_page(SHOWN, Vec::new(), |document, page, _| {
        let specification = file(document, "foto.txt", b"Hier staat wat er gebeurde.");
        let area = vec![10.into(), 10.into(), 30.into(), 30.into()];
        // Nothing of it is an object of its own but the bytes.
        let annotation = dictionary! { "Type" => "Annot", "Subtype" => "FileAttachment", "Rect" => area, "FS" => specification };
        document.get_dictionary_mut(page).unwrap().set("Annots", vec![annotation.into()]);
    });
    let portfolio = one_page("", Vec::new(), |document, _, root| {
        let mut names: Vec<Object> = Vec::new();
        for n in 0..22 {
            let specification =
                file(document, &format!("brief {n}.txt"), format!("Brief nummer {n}.").as_bytes());
            names.extend([Object::string_literal(format!("{n}")), document.add_object(specification).into()]);
        }
        root.set("Names", dictionary! { "EmbeddedFiles" => dictionary! { "Names" => names } });
        root.set("Collection", dictionary! { "Type" => "Collection" });
    });
    let extract = read("brief.pdf", hung).await;
    assert_eq!(extract.documents[0].text, "Zie de bijlagen bij deze brief.");
    assert_eq!(extract.documents[1].name.as_deref(), Some("foto.txt"));
    assert_eq!(extract.documents[1].text, "Hier staat wat er gebeurde.");
    assert_eq!(extract.documents.len(), 2);

    let extract = read("map.pdf", portfolio).await;
    // It has no page of its own to read, which is no fault.
    assert_eq!(extract.documents[0].problem, None);
    assert_eq!(extract.documents.len(), 21);
    assert_eq!(
        (extract.documents[1].text.as_str(), extract.documents[20].text.as_str()),
        ("Brief nummer 0.", "Brief nummer 19.")
    );
    assert_eq!(extract.defects.len(), 1, "{:?}", extract.defects);
    assert!(extract.defects[0].explanation.contains("meer dan 20 ingesloten bestanden"));
}

fn qpdf(arguments: &[&str], from: &Path, to: &Path) {
    let output = Command::new("qpdf").args(arguments).arg("--").arg(from).arg(to).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn every_encryption_with_and_without_a_password() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("van.pdf"), dir.path().join("naar.pdf"));
    std::fs::write(&from, fixture("ingesloten.pdf")).unwrap();
    let reader = reader();
    for (kind, more) in [
        ("40", vec![]),
        ("128", vec!["--use-aes=n"]),
        ("128", vec!["--use-aes=y"]),
        ("128", vec!["--use-aes=y", "--cleartext-metadata"]),
        ("256", vec!["--force-R5"]),
        ("256", vec![]),
        ("256", vec!["--extract=n", "--print=none"]),
    ] {
        for password in ["", "geheim"] {
            let mut arguments = vec![
                "--allow-weak-crypto",
                "--object-streams=generate",
                "--encrypt",
                password,
                "eigenaar",
                kind,
            ];
            arguments.extend(&more);
            qpdf(&arguments, &from, &to);
            let request = ReadRequest {
                name: "brief.pdf".to_owned(),
                channel: None,
                bytes: std::fs::read(&to).unwrap(),
                words: false,
            };
            let extract = reader.read(request).await.unwrap();
            let document = &extract.documents[0];
            if password.is_empty() {
                assert!(document.text.contains(LINE), "{kind} {more:?}: {document:?}");
                assert_eq!(
                    extract.documents[1].text, "Dit stond in de ingesloten bijlage.",
                    "{kind} {more:?}"
                );
                assert_eq!(extract.defects, [], "{kind} {more:?}");
            } else {
                assert_eq!(
                    (document.problem, document.text.as_str()),
                    (Some(Problem::Encrypted), ""),
                    "{kind} {more:?}"
                );
                assert!(extract.defects[0].explanation.contains("wachtwoord"), "{kind} {more:?}");
            }
        }
    }
}

/// Each match of `from` replaced.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        all.extend([&rest[..at], to].concat());
        rest = &rest[at + from.len()..];
    }
    [all, rest.to_vec()].concat()
}

#[tokio::test]
async fn files_whose_structure_is_broken_are_read_all_the_same() {
    let whole = fixture("tekst.pdf");
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("van.pdf"), dir.path().join("naar.pdf"));
    std::fs::write(&from, &whole).unwrap();
    let by_qpdf = |arguments: &[&str]| {
        qpdf(arguments, &from, &to);
        std::fs::read(&to).unwrap()
    };
    let table = whole.windows(5).rposition(|window| window == b"xref\n").unwrap();
    let table = whole[..table].windows(5).rposition(|window| window == b"xref\n").unwrap_or(table);
    let reader = reader();
    for (name, bytes) in [
        ("zonder tabel", [&whole[..table], b"%%EOF\n"].concat()),
        ("tabel schuift", [&whole[..table], &replaced(&whole[table..], b"\n00000", b"\n00001")].concat()),
        ("zonder endobj", replaced(&whole, b"endobj", b"")),
        ("zonder trailer", replaced(&whole, b"trailer", b"niets..")),
        ("verkeerde lengte", replaced(&whole, b"/Length ", b"/Length 9")),
        ("kop niet vooraan", [&b"HTTP/1.1 200 OK\r\n\r\n"[..], &[b' '; 900], &whole].concat()),
        ("staart erachter", [&whole[..], &[b'x'; 3000]].concat()),
        ("gelineariseerd", by_qpdf(&["--linearize"])),
        ("objecten in stromen", by_qpdf(&["--object-streams=generate"])),
    ] {
        let request = ReadRequest { name: format!("{name}.pdf"), channel: None, bytes, words: false };
        let extract = reader.read(request).await.unwrap();
        let document = &extract.documents[0];
        assert_eq!((document.method, document.problem), (Method::TextLayer, None), "{name}: {document:?}");
        assert!(document.text.contains(LINE), "{name}: {}", document.text);
    }
}

#[tokio::test]
async fn what_was_added_later_counts() {
    let first = one_page(SHOWN, Vec::new(), |_, _, _| {});
    let document = Document::load_mem(&first).unwrap();
    let page = document.get_pages()[&1];
    let content = document.get_page_contents(page)[0];
    let mut later = lopdf::IncrementalDocument::create_from(first.clone(), document);
    let text = b"BT /F1 12 Tf 60 780 Td (Dit staat er nu.) Tj ET".to_vec();
    later.new_document.set_object(content, Stream::new(Dictionary::new(), text));
    let mut bytes = Vec::new();
    later.save_to(&mut bytes).unwrap();
    assert!(bytes.starts_with(&first[..200]) && bytes.len() > first.len());
    assert_eq!(read("brief.pdf", bytes).await.documents[0].text, "Dit staat er nu.");
}
