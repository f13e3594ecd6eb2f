//! Pages given back to people: pictures of pages, and scans as PDFs to search in, checked with poppler and qpdf.
//!
//! Needs the Debian packages poppler-utils and qpdf.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the failure that is wanted")]

mod extract_support;

use bode::extract::{Leaf, ReadRequest, Reader};
use bode::record::Extract;
use extract_support::{fixture, reader};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

fn run(program: &str, arguments: &[&str], file: &Path) -> String {
    let output = Command::new(program).args(arguments).arg(file).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).unwrap()
}

async fn read(reader: &Reader, name: &str, bytes: &[u8]) -> Extract {
    let request = ReadRequest { name: name.to_owned(), channel: None, bytes: bytes.to_vec(), words: true };
    reader.read(request).await.unwrap()
}

fn leaf<'a>(name: &'a str, bytes: &'a [u8], document: usize) -> Leaf<'a> {
    Leaf { name, channel: None, bytes, document }
}

/// Words right, of both together (F1).
fn agreement(one: &str, other: &str) -> f64 {
    let count = |text: &str| {
        let mut counts = BTreeMap::<String, usize>::new();
        text.split_whitespace().for_each(|word| *counts.entry(word.to_owned()).or_default() += 1);
        counts
    };
    let (one, other) = (count(one), count(other));
    let both: usize = one.iter().map(|(word, n)| (*n).min(other.get(word).copied().unwrap_or(0))).sum();
    2.0 * both as f64 / (one.values().sum::<usize>() + other.values().sum::<usize>()) as f64
}

#[tokio::test]
async fn scans_become_searchable_and_stay_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let reader = reader();
    for name in [
        "scan.pdf",
        "scan-gedraaid.pdf",
        "gemengd.pdf",
        "fax.tiff",
        "foto-exif.jpg",
        "foto-ondersteboven.jpg",
        "foto.heic",
    ] {
        let bytes = fixture(name);
        let extract = read(&reader, name, &bytes).await;
        let read = &extract.documents[0];
        assert!(!read.words.is_empty() && !read.page_sizes.is_empty(), "{name}");
        let pdf = reader.searchable(leaf(name, &bytes, 0), read).await.unwrap().unwrap();
        let file = dir.path().join(format!("{name}.pdf"));
        std::fs::write(&file, &pdf).unwrap();
        run("qpdf", &["--check"], &file);
        let output = Command::new("pdftotext").args(["-enc", "UTF-8"]).arg(&file).arg("-").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let agreement = agreement(&text, &read.text);
        println!("{name}: {agreement:.4}, {} bytes from {}", pdf.len(), bytes.len());
        assert!(agreement >= 0.99, "{name}: {agreement}\n--- pdftotext\n{text}\n--- extract\n{}", read.text);
        let fonts = run("pdffonts", &[], &file);
        let ours = fonts.lines().find(|line| line.contains("Bode-Glyphless")).unwrap();
        assert!(ours.contains("CID TrueType") && ours.contains("yes no  yes"), "{ours}");
        // Shown upright: what a reader recognises from the new file needs no turning.
        let again = self::read(&reader, "opnieuw.pdf", &pdf).await;
        assert!(again.documents[0].page_sizes.iter().all(|size| size.turns == 0), "{name}");
        assert!(self::agreement(&again.documents[0].text, &read.text) > 0.95, "{name}");
        // A second layer replaces the first.
        let twice =
            reader.searchable(leaf("opnieuw.pdf", &pdf, 0), &again.documents[0]).await.unwrap().unwrap();
        std::fs::write(&file, &twice).unwrap();
        let output = Command::new("pdftotext").args(["-enc", "UTF-8"]).arg(&file).arg("-").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(self::agreement(&text, &again.documents[0].text) >= 0.99, "{name}, twice");
    }
}

/// Each word is found where it was seen: poppler's boxes against ours, on the page as it is shown.
#[tokio::test]
async fn words_lie_on_their_places() {
    let dir = tempfile::tempdir().unwrap();
    let reader = reader();
    for name in ["scan.pdf", "scan-gedraaid.pdf", "foto-exif.jpg", "foto-ondersteboven.jpg"] {
        let bytes = fixture(name);
        let extract = read(&reader, name, &bytes).await;
        let read = &extract.documents[0];
        let pdf = reader.searchable(leaf(name, &bytes, 0), read).await.unwrap().unwrap();
        let file = dir.path().join("x.pdf");
        std::fs::write(&file, &pdf).unwrap();
        let output =
            Command::new("pdftotext").args(["-bbox", "-f", "1", "-l", "1"]).arg(&file).arg("-").output();
        let boxes = String::from_utf8(output.unwrap().stdout).unwrap();
        let value = |line: &str, key: &str| -> f64 {
            line.split(&format!("{key}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
        };
        let page = boxes.lines().find(|line| line.contains("<page ")).unwrap();
        let (width, height) = (value(page, "width"), value(page, "height"));
        let size = read.page_sizes.iter().find(|size| size.page == 1).unwrap();
        // poppler turns the words with the page, but not the size it names.
        let is_turned = (width > height) != (size.width > size.height);
        let (width, height) = if is_turned { (height, width) } else { (width, height) };
        let (mut near, mut all) = (0, 0);
        for line in boxes.lines().filter(|line| line.contains("<word ")) {
            let text = line.split('>').nth(1).unwrap().split('<').next().unwrap();
            let (x, y) = (value(line, "xMin") / width, value(line, "yMax") / height);
            let is_near = read.words.iter().filter(|word| word.0 == 1 && word.6 == text).any(|word| {
                let left = f64::from(word.1) / f64::from(size.width);
                let bottom = f64::from(word.2 + word.4) / f64::from(size.height);
                (left - x).abs() < 0.02 && (bottom - y).abs() < 0.03
            });
            // Words with signs are written as entities there.
            if text.chars().all(char::is_alphanumeric) {
                all += 1;
                near += usize::from(is_near);
            }
        }
        assert!(all > 20 && near * 100 >= all * 97, "{name}: {near} of {all}");
    }
}

#[tokio::test]
async fn pages_are_shown_upright_and_bounded() {
    let reader = reader();
    for (name, page) in [
        ("scan.pdf", 1),
        ("scan-gedraaid.pdf", 1),
        ("tekst.pdf", 1),
        ("fax.tiff", 1),
        ("foto-exif.jpg", 1),
        ("foto-ondersteboven.jpg", 1),
        ("foto.heic", 1),
        ("logo.png", 1),
    ] {
        let bytes = fixture(name);
        let extract = read(&reader, name, &bytes).await;
        let size = extract.documents[0].page_sizes.iter().find(|size| size.page == page);
        let turns = size.map_or(0, |size| size.turns);
        let jpeg = reader.picture(leaf(name, &bytes, 0), page, turns).await.unwrap().unwrap();
        let image = image::load_from_memory(&jpeg).unwrap();
        assert!(image.width().max(image.height()) <= 1600 && jpeg.len() < 1_500_000, "{name}");
        if let Some(size) = size {
            let wanted = f64::from(size.width) / f64::from(size.height);
            let shown = f64::from(image.width()) / f64::from(image.height());
            assert!((wanted / shown - 1.0).abs() < 0.01, "{name}: {wanted} {shown}");
            // It can be read without turning it.
            let again = read(&reader, "beeld.jpg", &jpeg).await;
            assert_eq!(again.documents[0].page_sizes[0].turns, 0, "{name}");
        }
        if let Some(dir) = std::env::var_os("BODE_TEST_PICTURES") {
            std::fs::write(Path::new(&dir).join(format!("{name}.jpg")), &jpeg).unwrap();
        }
    }
    // What is not there is not shown.
    let scan = fixture("scan.pdf");
    for (name, bytes, document, page) in [
        ("scan.pdf", &scan, 0, 900),
        ("scan.pdf", &scan, 0, 0),
        ("scan.pdf", &scan, 7, 1),
        ("brief.docx", &fixture("brief.docx"), 0, 1),
        ("wachtwoord.pdf", &fixture("wachtwoord.pdf"), 0, 1),
    ] {
        assert_eq!(
            reader.picture(leaf(name, bytes, document), page, 0).await.unwrap(),
            None,
            "{name} {page}"
        );
    }
}

#[tokio::test]
async fn a_scan_within_a_message_within_a_message_is_found() {
    use std::fmt::Write;
    let scan = fixture("scan.pdf");
    let hex: String = scan.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "={byte:02X}");
        if text.len() - text.rfind('\n').unwrap_or(0) > 70 {
            text.push_str("=\r\n");
        }
        text
    });
    let inner = format!(
        "From: a@example.nl\r\nSubject: binnen\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n\
         --i\r\nContent-Type: text/plain\r\n\r\nhoi\r\n--i\r\nContent-Type: application/pdf; name=scan.pdf\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\n{hex}\r\n--i--\r\n"
    );
    let message = format!(
        "From: a@example.nl\r\nSubject: buiten\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n\
         --o\r\nContent-Type: text/plain\r\n\r\nhoi\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--o--\r\n"
    );
    let reader = reader();
    let extract = read(&reader, "m.eml", message.as_bytes()).await;
    let at = extract.documents.iter().position(|one| one.name.as_deref() == Some("scan.pdf")).unwrap();
    assert!(reader.picture(leaf("m.eml", message.as_bytes(), at), 1, 0).await.unwrap().is_some());
    let read = &extract.documents[at];
    assert!(reader.searchable(leaf("m.eml", message.as_bytes(), at), read).await.unwrap().is_some());
    for other in (0..extract.documents.len()).filter(|other| *other != at) {
        assert!(reader.picture(leaf("m.eml", message.as_bytes(), other), 1, 0).await.unwrap().is_none());
    }
}
