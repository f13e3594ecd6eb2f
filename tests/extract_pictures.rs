//! Pictures of every kind through the real worker: what phones, browsers, faxes and scanners make of one letter.
//! All people are invented.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the failure that is wanted")]

mod extract_support;

use bode::record::{Document, Method, Problem};
use extract_support::{fixture, read};
use image::{DynamicImage, ImageFormat};
use std::io::Cursor;

const SAID: [&str; 3] = ["Voorbeeldstraat 12", "gemeente Voorbeeldstad", "Hoogachtend"];

fn says_it(name: &str, document: &Document) {
    assert_eq!((document.method, document.problem), (Method::Ocr, None), "{name}: {document:?}");
    for said in SAID {
        assert!(document.text.contains(said), "{name}: {said:?} is missing in:\n{}", document.text);
    }
}

/// The letter as a photo that lies as its EXIF turn says, made upright.
fn letter() -> DynamicImage {
    let reader = image::ImageReader::with_format(Cursor::new(fixture("foto-exif.jpg")), ImageFormat::Jpeg);
    let mut decoder = reader.into_decoder().unwrap();
    let turn = image::ImageDecoder::orientation(&mut decoder).unwrap();
    let mut image = DynamicImage::from_decoder(decoder).unwrap();
    image.apply_orientation(turn);
    image
}

fn written(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    image.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
    bytes
}

#[tokio::test]
async fn the_formats_of_browsers_and_phones() {
    let letter = letter();
    let grey = DynamicImage::ImageLuma8(letter.to_luma8());
    let files = [
        ("brief.webp", "image/webp", written(&DynamicImage::ImageRgb8(letter.to_rgb8()), ImageFormat::WebP)),
        ("brief.gif", "image/gif", written(&DynamicImage::ImageRgba8(letter.to_rgba8()), ImageFormat::Gif)),
        ("brief.bmp", "image/bmp", written(&grey, ImageFormat::Bmp)),
        ("brief.png", "image/png", written(&DynamicImage::ImageLuma16(letter.to_luma16()), ImageFormat::Png)),
        ("foto.heic", "image/heic", fixture("foto.heic")),
    ];
    for (name, media_type, bytes) in files {
        let extract = read(name, bytes).await;
        let [document] = extract.documents.as_slice() else { panic!("{name}: {:?}", extract.documents) };
        assert_eq!(document.media_type, media_type);
        says_it(name, document);
        assert!(extract.defects.is_empty(), "{name}: {:?}", extract.defects);
    }
}

#[tokio::test]
async fn faxes_of_every_group() {
    for name in ["fax-g3.tiff", "fax-huffman.tiff", "fax.tiff"] {
        let extract = read(name, fixture(name)).await;
        says_it(name, &extract.documents[0]);
    }
}

#[tokio::test]
async fn a_picture_that_was_cut_off_keeps_its_upper_part_and_is_told() {
    let letter = DynamicImage::ImageLuma8(letter().to_luma8());
    for (name, format) in [("half.png", ImageFormat::Png), ("half.jpg", ImageFormat::Jpeg)] {
        let mut bytes = written(&letter, format);
        bytes.truncate(bytes.len() * 2 / 3);
        let extract = read(name, bytes).await;
        let document = &extract.documents[0];
        assert!(document.text.contains("Voorbeeldstraat 12"), "{name}: {document:?}");
        assert!(!document.text.contains("Hoogachtend"), "{name}: {}", document.text);
        assert!(
            extract.defects.iter().any(|d| d.problem == Problem::Damaged),
            "{name}: {:?}",
            extract.defects
        );
    }
}

#[tokio::test]
async fn a_broken_page_of_a_tiff_costs_that_page() {
    let mut bytes = fixture("fax.tiff");
    // The first page asks for a kind of compression that there is not.
    let directory = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    let entries = usize::from(u16::from_le_bytes(bytes[directory..directory + 2].try_into().unwrap()));
    for entry in 0..entries {
        let at = directory + 2 + entry * 12;
        if bytes[at..at + 2] == 259_u16.to_le_bytes() {
            bytes[at + 8..at + 10].copy_from_slice(&60_000_u16.to_le_bytes());
        }
    }
    let extract = read("fax.tiff", bytes).await;
    let document = &extract.documents[0];
    assert_eq!(document.pages, Some(2));
    assert!(document.text.contains("Bladzijde 2"), "{document:?}");
    assert!(
        extract.defects.iter().any(|d| d.explanation.contains("Niet alle bladzijden")),
        "{:?}",
        extract.defects
    );
}

#[tokio::test]
async fn what_is_no_picture_or_too_large_a_one_is_named() {
    let mut bmp = written(&DynamicImage::new_luma8(8, 8), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&60_000_u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&60_000_u32.to_le_bytes());
    let heic = fixture("foto.heic");
    let cases: [(&str, Vec<u8>, &[Problem]); 4] = [
        ("groot.bmp", bmp, &[Problem::TooLarge, Problem::Damaged]),
        ("half.heic", heic[..heic.len() / 2].to_vec(), &[Problem::Damaged]),
        ("kapot.webp", b"RIFF\x10\0\0\0WEBPVP8 rubbish".to_vec(), &[Problem::Damaged]),
        ("plaatje.avif", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miafMA1B".to_vec(), &[Problem::Unsupported]),
    ];
    for (name, bytes, problems) in cases {
        let extract = read(name, bytes).await;
        let document = &extract.documents[0];
        assert!(document.problem.is_some_and(|problem| problems.contains(&problem)), "{name}: {document:?}");
        assert_eq!(extract.defects.len(), 1, "{name}");
    }
}
