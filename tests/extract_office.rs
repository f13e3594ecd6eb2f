//! Office files and archives through the real worker: what citizens attach, and what someone makes to hurt.
//! The fixtures are made by `tests/fixtures/office/make.py`; the small and the hostile ones are made here.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the failure that is wanted")]

mod extract_support;

use bode::extract::{ReadRequest, Reader};
use bode::limits::{DOCUMENTS_MAX, NESTING_MAX, UNPACKED_BYTES_MAX};
use bode::record::{Extract, Method, Problem};
use extract_support::reader;
use std::io::{Cursor, Read, Write};
use zip::write::SimpleFileOptions;

fn office(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/office/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

async fn with(reader: &Reader, name: &str, bytes: Vec<u8>) -> Extract {
    reader.read(ReadRequest { name: name.to_owned(), channel: None, bytes, words: false }).await.unwrap()
}

async fn read(name: &str, bytes: Vec<u8>) -> Extract {
    with(&reader(), name, bytes).await
}

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn ole(streams: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    for (name, bytes) in streams {
        file.create_stream(name).unwrap().write_all(bytes).unwrap();
    }
    file.flush().unwrap();
    file.into_inner().into_inner()
}

/// A Word 97 file of two pieces: one narrow, one wide.
fn word97(narrow: &[u8], wide: &str, flags: u16) -> Vec<u8> {
    let wide: Vec<u8> = wide.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut main = vec![0; 0x400];
    let mut put = |at: usize, bytes: &[u8]| main[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &[0xec, 0xa5, 0xc1, 0]);
    put(0x0a, &(0x0200 | flags).to_le_bytes());
    let (first, second) = (narrow.len() as u32, (narrow.len() + wide.len() / 2) as u32);
    put(0x4c, &second.to_le_bytes());
    put(0x1a6, &33_u32.to_le_bytes());
    main.extend_from_slice(narrow);
    let wide_at = main.len() as u32;
    main.extend_from_slice(&wide);
    let mut table = vec![2];
    for number in [28, 0, first, second] {
        table.extend_from_slice(&number.to_le_bytes());
    }
    for place in [0x4000_0000 | (0x400 * 2), wide_at] {
        table.extend_from_slice(&[0, 0]);
        table.extend_from_slice(&place.to_le_bytes());
        table.extend_from_slice(&[0, 0]);
    }
    ole(&[("/WordDocument", &main), ("/1Table", &table)])
}

fn letter_doc() -> Vec<u8> {
    word97(
        b"Geachte ombudsman,\rde co\xf6rdinatie verliep slecht.\r",
        "Zie \u{13} HYPERLINK x \u{14}hier\u{15}: “łódź”.\rBoete\u{7}90 euro\u{7}\u{7}Hoogachtend\r",
        0,
    )
}

const LETTER_RTF: &[u8] =
    b"{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0 Arial;}}{\\info{\\title weg}}Geachte ombudsman,\\par \
    de co\\'f6rdinatie verliep slecht: \\u8220?nee\\u8221?.\\par {\\v weg}Hoogachtend\\par}";

/// One of each format, with something that it says.
fn one_of_each() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    let slides = zipped(&[
        ("ppt/presentation.xml", b"<p:presentation/>"),
        (
            "ppt/slides/slide1.xml",
            b"<p:sld><a:p><a:r><a:t>Klacht over de co&#246;rdinatie</a:t></a:r></a:p></p:sld>",
        ),
    ]);
    vec![
        ("brief.rtf", LETTER_RTF.to_vec(), "application/rtf", "slecht: “nee”.\nHoogachtend"),
        (
            "brief.doc",
            letter_doc(),
            "application/msword",
            "slecht.\nZie hier: “łódź”.\nBoete 90 euro\nHoogachtend",
        ),
        ("brief.odt", office("brief.odt"), "application/vnd.oasis.opendocument.text", "over de coördinatie"),
        (
            "lijst.ods",
            office("lijst.ods"),
            "application/vnd.oasis.opendocument.spreadsheet",
            "Telefoontjes\nDatum | Met wie | Minuten\n02-03-2026 | Balie gemeente Voorbeeldstad | 12\n09-03-2026 | Niemand nam op | 0.5",
        ),
        (
            "lijst.xlsx",
            office("lijst.xlsx"),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "02-03-2026 | Balie gemeente Voorbeeldstad | 12\n09-03-2026 | Niemand nam op | 0.5\nver weg\n\nToelichting\nIk heb zelf",
        ),
        (
            "lijst.xls",
            office("lijst.xls"),
            "application/vnd.ms-excel",
            "02-03-2026 | Balie gemeente Voorbeeldstad | 12\n09-03-2026 | Niemand nam op | 0.5",
        ),
        (
            "brief.docx",
            office("met-werkblad.docx"),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "over de coördinatie",
        ),
        (
            "dia.pptx",
            slides,
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            "Klacht over de coördinatie",
        ),
    ]
}

#[tokio::test]
async fn each_format_is_told_by_its_content_and_read() {
    let reader = reader();
    for (name, bytes, media_type, says) in one_of_each() {
        // The name lies.
        let extract = with(&reader, "bijlage.pdf", bytes).await;
        let document = &extract.documents[0];
        assert_eq!((document.method, document.problem), (Method::Office, None), "{name}");
        assert_eq!(document.media_type, media_type, "{name}");
        assert!(document.text.contains(says), "{name}: {}", document.text);
        assert!(!document.text.contains("weg}") && !document.text.contains("HYPERLINK"), "{name}");
        assert!(extract.defects.is_empty(), "{name}: {:?}", extract.defects);
    }
}

#[tokio::test]
async fn an_odt_as_it_stands_on_the_page() {
    let extract = read("brief.odt", office("brief.odt")).await;
    let text = &extract.documents[0].text;
    assert!(text.starts_with("Stichting Verzonnen Belangen\n\nJ. Verzonnen\nVoorbeeldstraat 12\n"), "{text}");
    assert!(
        text.ends_with(
            "Zie de noot\nDit is de noot.\n\nTekst in een kader.\nBoete 90 euro\n\nKenmerk VB-2026/17"
        ),
        "{text}"
    );
    assert!(!text.contains("opmerking"));
}

#[tokio::test]
async fn files_within_files_are_read() {
    let extract = read("brief.docx", office("met-werkblad.docx")).await;
    assert_eq!(extract.documents[1].name.as_deref(), Some("brief.docx › Werkblad1.xlsx"));
    assert!(extract.documents[1].text.contains("Niemand nam op"));

    let packed =
        b"\0\0\0\0\x02\0notitie.txt\0C:\\notitie.txt\0\0\0\x03\0\x04\0\0\0C:\\\0\x0b\0\0\0Ik klaag ook";
    let extract = read("object.bin", ole(&[("/\u{1}Ole10Native", packed)])).await;
    assert_eq!(extract.documents[1].name.as_deref(), Some("object.bin › notitie.txt"));
    assert_eq!(extract.documents[1].text, "Ik klaag oo");
}

#[tokio::test]
async fn an_archive_gives_its_members_in_order() {
    let inner = zipped(&[("lijst.ods", &office("lijst.ods"))]);
    let zip = zipped(&[
        ("map/", b""),
        ("map/brief.rtf", LETTER_RTF),
        ("__MACOSX/map/._brief.rtf", b"\0\x05\x16\x07"),
        ("Thumbs.db", b"x"),
        ("nog een.zip", &inner),
        ("leeg.txt", b""),
    ]);
    let extract = read("archief.zip", zip).await;
    let told: Vec<_> = extract
        .documents
        .iter()
        .map(|document| (document.name.as_deref().unwrap(), document.media_type.as_str(), document.problem))
        .collect();
    assert_eq!(
        told,
        [
            ("archief.zip", "application/zip", None),
            ("archief.zip › map/brief.rtf", "application/rtf", None),
            ("archief.zip › nog een.zip", "application/zip", None),
            ("archief.zip › nog een.zip › lijst.ods", "application/vnd.oasis.opendocument.spreadsheet", None),
            ("archief.zip › leeg.txt", "application/octet-stream", Some(Problem::Empty)),
        ]
    );
    assert!(extract.documents[1].text.starts_with("Geachte ombudsman"));
}

#[tokio::test]
async fn passwords_are_told_in_dutch() {
    let mut locked_zip = zipped(&[("brief.rtf", LETTER_RTF)]);
    // The flag that a member has a password, before the member and in the directory.
    locked_zip[6] |= 1;
    let directory = locked_zip.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    locked_zip[directory + 8] |= 1;
    let manifest = b"<manifest:manifest><manifest:file-entry><manifest:encryption-data/></manifest:file-entry></manifest:manifest>";
    let locked_odt = zipped(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text"),
        ("content.xml", b"\x01\x02"),
        ("META-INF/manifest.xml", manifest),
    ]);
    // FILEPASS, the first record after the start of a workbook.
    let book = [
        &[0x09, 0x08, 16, 0, 0, 6, 5, 0][..],
        &[0; 12],
        &[0x2f, 0, 6, 0, 0, 0, 0, 0, 0, 0],
        &[0x0a, 0, 0, 0],
    ]
    .concat();
    let reader = reader();
    for (name, bytes, at) in [
        ("brief.docx", ole(&[("/EncryptionInfo", b"x"), ("/EncryptedPackage", b"x")]), 0),
        ("brief.doc", word97(b"geheim", "geheim", 0x0100), 0),
        ("brief.odt", locked_odt, 0),
        ("lijst.xls", ole(&[("/Workbook", &book)]), 0),
        ("archief.zip", locked_zip, 1),
    ] {
        let extract = with(&reader, name, bytes).await;
        let document = &extract.documents[at];
        assert_eq!((document.problem, document.text.as_str()), (Some(Problem::Encrypted), ""), "{name}");
        let told = &extract.defects[0].explanation;
        assert!(told.contains("vraag om een versie zonder wachtwoord"), "{name}: {told}");
    }
}

/// A zip of `megabytes` of zeros.
fn bomb(name: &str, megabytes: u64) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(name, SimpleFileOptions::default().compression_level(Some(1))).unwrap();
    let chunk = vec![0; 1024 * 1024];
    for _ in 0..megabytes {
        zip.write_all(&chunk).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[tokio::test]
async fn bombs_stop_at_what_a_piece_may_grow_to() {
    // Each member alone is within the bound; all of them are not, in one archive or in several.
    let half = bomb("nullen.bin", UNPACKED_BYTES_MAX / (1024 * 1024) / 2 + 1);
    let zip = zipped(&[("een.zip", &half), ("twee.zip", &half), ("drie.txt", b"hoi")]);
    let reader = reader();
    let extract = with(&reader, "bom.zip", zip).await;
    assert!(extract.documents.iter().any(|document| document.problem == Some(Problem::TooLarge)));
    assert!(
        extract.defects.iter().any(|defect| defect.explanation.contains("te groot")),
        "{:?}",
        extract.defects
    );

    // Archives in archives, deeper than is opened.
    let mut nested = zipped(&[("brief.rtf", LETTER_RTF)]);
    for _ in 0..NESTING_MAX + 1 {
        nested = zipped(&[("binnen.zip", &nested)]);
    }
    let extract = with(&reader, "diep.zip", nested).await;
    assert_eq!(extract.documents.last().unwrap().problem, Some(Problem::TooLarge));
    assert!(extract.defects.last().unwrap().explanation.contains("verpakt"));

    // More members than are read.
    let names: Vec<String> = (0..DOCUMENTS_MAX + 20).map(|n| format!("{n}.txt")).collect();
    let members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b"hoi"[..])).collect();
    let extract = with(&reader, "veel.zip", zipped(&members)).await;
    assert_eq!(extract.documents.len(), DOCUMENTS_MAX);
    assert!(!extract.defects.is_empty());

    // A member that says it is small, and a directory that names one member many times.
    let mut lie = bomb("nullen.bin", UNPACKED_BYTES_MAX / (1024 * 1024) + 1);
    let directory = lie.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    lie[directory + 24..directory + 28].copy_from_slice(&3_u32.to_le_bytes());
    let extract = with(&reader, "leugen.zip", lie).await;
    let text: Vec<&str> = extract.documents.iter().map(|document| document.text.trim()).collect();
    assert_eq!((text[0], text[1..].concat().as_str()), ("nullen.bin", ""), "the archive names what it holds");
    assert!(extract.documents.iter().any(|document| document.problem.is_some()));
}

#[tokio::test]
async fn sheets_that_claim_a_million_cells_are_not_laid_out() {
    let record =
        |kind: u16, body: &[u8]| [&kind.to_le_bytes()[..], &(body.len() as u16).to_le_bytes(), body].concat();
    let number = |row: u16, column: u16| {
        record(0x0203, &[&row.to_le_bytes()[..], &column.to_le_bytes(), &[0; 10]].concat())
    };
    // On a slope: no row and no column of it is empty.
    let slope = (0..4_000).flat_map(|at| number(at, at));
    let start = record(0x0809, &[0, 6, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let book: Vec<u8> = start.into_iter().chain(slope).chain(record(0x000a, &[])).collect();
    let strings = b"<sst uniqueCount='4000000000'><si><t>x</t></si></sst>";
    let package = zipped(&[("xl/workbook.xml", b"<workbook/>"), ("xl/sharedStrings.xml", strings)]);
    let reader = reader();
    for (name, bytes) in [("groot.xls", ole(&[("/Workbook", &book)])), ("groot.xlsx", package)] {
        let extract = with(&reader, name, bytes).await;
        assert_eq!(extract.documents[0].problem, Some(Problem::TooLarge), "{name}");
    }
}

#[tokio::test]
async fn a_cell_in_the_far_corner_of_a_sheet_does_not_cost_the_others() {
    let mut file = cfb::CompoundFile::open(Cursor::new(office("lijst.xls"))).unwrap();
    let mut book = Vec::new();
    file.open_stream("/Workbook").unwrap().read_to_end(&mut book).unwrap();
    // Every cell of the third row goes to the last row, and those of its third column to the last column.
    let (mut at, mut moved) = (0, 0);
    while at + 4 <= book.len() {
        let short = |at: usize| u16::from_le_bytes([book[at], book[at + 1]]);
        let (kind, length) = (short(at), usize::from(short(at + 2)));
        if [0x0203, 0x0204, 0x0205, 0x00fd, 0x027e].contains(&kind) && short(at + 4) == 2 {
            let last_column = short(at + 6) == 2;
            book[at + 4..at + 6].copy_from_slice(&u16::MAX.to_le_bytes());
            if last_column {
                book[at + 6..at + 8].copy_from_slice(&255_u16.to_le_bytes());
                moved += 1;
            }
        }
        at += 4 + length;
    }
    assert!(moved > 0);
    let extract = read("lijst.xls", ole(&[("/Workbook", &book)])).await;
    let document = &extract.documents[0];
    assert_eq!(document.problem, None, "{:?}", extract.defects);
    for row in ["02-03-2026 | Balie gemeente Voorbeeldstad | 12", "09-03-2026 | Niemand nam op | 0.5"] {
        assert!(document.text.contains(row), "{row}: {}", document.text);
    }
}

#[tokio::test]
async fn an_ole_file_that_is_shorter_than_its_table_says_is_read() {
    let mut bytes = letter_doc();
    // The last entry of the first sector of the table, of a sector far behind the end.
    let table = u32::from_le_bytes(bytes[76..80].try_into().unwrap()) as usize;
    let sector = 1 << u16::from_le_bytes([bytes[30], bytes[31]]);
    let entry = (table + 2) * sector - 4;
    bytes[entry..entry + 4].copy_from_slice(&0xffff_fffe_u32.to_le_bytes());
    let extract = read("brief.doc", bytes).await;
    assert!(extract.documents[0].text.ends_with("Hoogachtend"), "{:?}", extract.documents[0]);
}

/// An archive whose directory names the same member, `megabytes` of zeros, again and again.
fn overlapping(names: &[String], megabytes: u64) -> Vec<u8> {
    let one = bomb("x", megabytes);
    let directory = one.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    let end = one.windows(4).rposition(|window| window == b"PK\x05\x06").unwrap();
    let entry = &one[directory..end];
    let mut list = Vec::new();
    for name in names {
        let length = (name.len() as u16).to_le_bytes();
        list.extend([&entry[..28], &length, &entry[30..46], name.as_bytes(), &entry[47..]].concat());
    }
    let count = (names.len() as u16).to_le_bytes();
    let (size, at) = ((list.len() as u32).to_le_bytes(), (directory as u32).to_le_bytes());
    [&one[..directory], &list, b"PK\x05\x06\0\0\0\0", &count, &count, &size, &at, &[0, 0]].concat()
}

#[tokio::test]
async fn members_that_lie_over_each_other_cost_no_more_than_a_piece_may_grow_to() {
    let plain: Vec<String> = (0..5_000).map(|n| format!("{n}.bin")).collect();
    let office = |start: &[&str], within: &str| -> Vec<String> {
        let images = (0..600).map(|n| format!("{within}{n}.png"));
        start.iter().map(|name| (*name).to_owned()).chain(images).collect()
    };
    let word = office(&["[Content_Types].xml", "word/document.xml"], "word/media/image");
    let sheets = office(&["[Content_Types].xml", "xl/workbook.xml"], "xl/worksheets/sheet");
    let reader = reader();
    for (name, names) in [("veel.zip", plain), ("brief.docx", word), ("lijst.xlsx", sheets)] {
        // Of 20 MB each: some hundred gigabytes in all, in some hundred kilobytes.
        let bytes = overlapping(&names, 20);
        assert!(bytes.len() < 1024 * 1024);
        let start = std::time::Instant::now();
        let extract = with(&reader, name, bytes).await;
        assert!(start.elapsed().as_secs() < 60, "{name}: {:?}", start.elapsed());
        let problems: Vec<_> = extract.documents.iter().filter_map(|document| document.problem).collect();
        assert!(problems.contains(&Problem::TooLarge), "{name}: {problems:?}");
        assert!(extract.documents.len() <= DOCUMENTS_MAX, "{name}");
    }
}

/// Reads a broken file: a document says what became of it, and the worker lives on.
async fn survives(reader: &Reader, name: &str, bytes: Vec<u8>, how: &str) {
    let extract = with(reader, name, bytes).await;
    assert!(!extract.documents.is_empty(), "{name} {how}");
    for document in &extract.documents {
        let told = document.problem.is_some() || !document.text.is_empty() || document.method == Method::None;
        assert!(told, "{name} {how}: {document:?}");
    }
    for defect in &extract.defects {
        // What calamine does with a broken sheet is its own affair, as long as it is caught.
        let ours = !name.ends_with(".xls") && !name.ends_with(".xlsx") && !name.ends_with(".docx");
        assert!(!ours || !defect.explanation.contains("leesprogramma"), "{name} {how}: {defect:?}");
    }
}

#[tokio::test]
async fn truncated_files_end_with_text_or_a_named_problem() {
    let reader = reader();
    for (name, bytes, ..) in one_of_each() {
        for twentieth in 0..20 {
            let length = bytes.len() * twentieth / 20;
            survives(&reader, name, bytes[..length].to_vec(), &format!("cut at {length}")).await;
        }
    }
}

#[tokio::test]
async fn flipped_bits_end_with_text_or_a_named_problem() {
    let reader = reader();
    // A small generator of our own: the same flips in every run.
    let mut state = 2026_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    for (name, bytes, ..) in one_of_each() {
        for round in 0..15 {
            let mut broken = bytes.clone();
            for _ in 0..=round {
                let at = next() % broken.len();
                broken[at] ^= 1 << (next() % 8);
            }
            survives(&reader, name, broken, &format!("with flips, round {round}")).await;
        }
    }
}
