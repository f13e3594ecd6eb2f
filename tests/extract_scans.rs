//! Scans and photos as people make them, read by the real worker. `fixtures/scans.py` makes them.

mod extract_support;

use bode::extract::{ReadRequest, Reader, ReaderOptions};
use bode::record::{Document, Extract, Word};
use extract_support::{fixture, options};

async fn read_by(workers: usize, name: &str) -> Extract {
    let reader = Reader::start(ReaderOptions { workers, ..options() });
    let request = ReadRequest { name: name.to_owned(), channel: None, bytes: fixture(name), words: true };
    reader.read(request).await.unwrap()
}

fn word<'a>(document: &'a Document, text: &str) -> &'a Word {
    document.words.iter().find(|word| word.6 == text).unwrap_or_else(|| panic!("{text}: {}", document.text))
}

#[tokio::test]
async fn back_sides_are_counted_and_two_workers_read_what_one_reads() {
    let alone = read_by(1, "scan-tweezijdig.pdf").await;
    let document = &alone.documents[0];
    assert_eq!((document.pages, document.blank_pages), (Some(4), 2), "{}", document.text);
    assert!(document.text.contains("een nieuw paspoort") && document.text.contains("Willem Achterberg"));
    assert_eq!(document.words.iter().map(|word| word.0).max(), Some(3));
    // The third page lay upside down.
    assert_eq!(document.page_sizes.iter().map(|size| size.turns).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(alone.defects, []);
    assert_eq!(alone, read_by(2, "scan-tweezijdig.pdf").await);
}

#[tokio::test]
async fn a_fax_of_two_pages_is_the_same_by_two_workers() {
    let alone = read_by(1, "fax.tiff").await;
    assert_eq!(alone.documents[0].pages, Some(2));
    assert_eq!(alone, read_by(2, "fax.tiff").await);
}

#[tokio::test]
async fn a_photo_of_a_letter_on_a_table_is_read_and_boxes_lie_on_their_ink() {
    let extract = read_by(1, "foto-tafel.jpg").await;
    let document = &extract.documents[0];
    for line in ["drie keer aan de balie", "haalde zijn schouders op", "nog steeds geen antwoord"] {
        assert!(document.text.contains(line), "{line}: {}", document.text);
    }
    let photo = image::load_from_memory(&fixture("foto-tafel.jpg")).unwrap().into_luma8();
    for text in ["ombudsman,", "stadhuis", "schouders", "antwoord"] {
        let &Word(_, left, top, width, height, ..) = word(document, text);
        let mean = |top: u32, rows: u32| {
            let all = (0..width * rows).map(|at| photo.get_pixel(left + at % width, top + at / width).0[0]);
            all.map(u32::from).sum::<u32>() / (width * rows)
        };
        // Ink lies in the box, and between it and the lines above and below there is less.
        let here = mean(top, height);
        assert!(here + 5 < mean(top - 6, 4), "{text}: {here} {}", mean(top - 6, 4));
        assert!(here + 5 < mean(top + height + 2, 4), "{text}: {here} {}", mean(top + height + 2, 4));
    }
}

#[tokio::test]
async fn two_pages_side_by_side_are_read_one_after_the_other() {
    let extract = read_by(1, "scan-twee-naast-elkaar.jpg").await;
    let document = &extract.documents[0];
    let at = |text: &str| document.text.find(text).unwrap_or_else(|| panic!("{text}: {}", document.text));
    assert!(at("paspoort") < at("geen antwoord gekregen"));
    assert!(at("geen antwoord gekregen") < at("Daarom vraag ik u"));
    assert!(at("Daarom vraag ik u") < at("schriftelijk was beloofd"));
    assert!(word(document, "Daarom").1 > 1240 && word(document, "Geachte").1 < 1240);
}
