//! Scans at the desk: the page beside the text, the evidence's words boxed on it, and a PDF to search in. In a real
//! browser too; pictures are laid in `target/tmp/desk`. Needs the Debian packages chromium and poppler-utils.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests a panic is the failure that is wanted"
)]

mod desk;

use bode::extract::ReadRequest;
use bode::record::{CaseNumber, Channel, Extract};
use desk::browser::Browser;
use desk::{Desk, PASSWORD, samples};
use std::path::PathBuf;

fn read(name: &str, bytes: &[u8]) -> Extract {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let request = ReadRequest {
            name: name.into(),
            channel: Some(Channel::Letter),
            bytes: bytes.to_vec(),
            words: true,
        };
        desk::reader().read(request).await.unwrap()
    })
}

/// The case of a scan, and the address of its document.
fn scan(desk: &Desk, name: &str) -> (CaseNumber, String) {
    let bytes = std::fs::read(format!("tests/fixtures/extract/{name}")).unwrap();
    let extract = read(name, &bytes);
    let case = samples::scanned(
        &desk.store,
        name,
        bytes,
        &extract,
        &["gemeente Voorbeeldstad", "niet moest\nzeuren"],
    );
    let record = desk.store.case(case).unwrap().unwrap().records[0];
    (case, format!("/cases/{case}/pieces/{record}/documents/0"))
}

#[test]
fn a_page_is_shown_with_boxes_where_the_evidence_stands() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    for name in ["scan-gedraaid.pdf", "foto-ondersteboven.jpg", "fax.tiff"] {
        let (case, document) = scan(&desk, name);
        let page = noor.get(&format!("/cases/{case}")).body;
        assert!(page.contains(&format!("src=\"{document}/pages/1\"")), "{name}: {page}");
        // "gemeente Voorbeeldstad" on one line, "niet moest" and "zeuren" on two.
        assert_eq!(page.matches("<rect ").count(), 3, "{name}");
        assert!(page.contains("met de aanwijzingen omlijnd"));
        let picture = noor.get(&format!("{document}/pages/1"));
        assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/jpeg")), "{name}");
        assert_eq!(picture.header("cache-control"), Some("no-store"));
        let image = image::load_from_memory(&picture.bytes).unwrap();
        assert!(image.height() > image.width() && image.height() <= 1600, "{name}: upright");
        // The second time it is at hand.
        assert_eq!(noor.get(&format!("{document}/pages/1")).bytes, picture.bytes);
        // What the boxes hold is dark on light: there are letters in them, and the margin has none.
        let grey = image.into_luma8();
        let view = page.split("viewBox=\"0 0 ").nth(1).unwrap().split('"').next().unwrap();
        let wide: f64 = view.split(' ').next().unwrap().parse().unwrap();
        let scale = f64::from(grey.width()) / wide;
        for rect in page.split("<rect ").skip(1) {
            let side = |key: &str| -> u32 {
                let value = rect.split(&format!("{key}=\"")).nth(1).unwrap().split('"').next().unwrap();
                (value.parse::<f64>().unwrap() * scale) as u32
            };
            let (x, y, width, height) = (side("x"), side("y"), side(" width"), side("height"));
            let inside = image::imageops::crop_imm(&grey, x, y, width, height).to_image();
            let dark = inside.pixels().filter(|pixel| pixel.0[0] < 128).count() as f64;
            let share = dark / f64::from(width * height);
            assert!((0.05..0.6).contains(&share), "{name}: {share}");
        }
        let pdf = noor.get(&format!("{document}/searchable.pdf"));
        assert_eq!((pdf.status, pdf.header("content-type")), (200, Some("application/pdf")));
        assert!(pdf.header("content-disposition").unwrap().starts_with("attachment; "));
        assert!(pdf.bytes.starts_with(b"%PDF-"));
        // For staff only; and only what is there.
        assert_eq!(desk.visitor().get(&format!("{document}/pages/1")).status, 303);
        assert_eq!(desk.visitor().get(&format!("{document}/searchable.pdf")).status, 303);
        for missing in ["pages/0", "pages/9", "pages/x"] {
            assert!([404, 400].contains(&noor.get(&format!("{document}/{missing}")).status), "{missing}");
        }
    }
    // A message has no pages.
    let record = desk.store.case(samples::number(1)).unwrap().unwrap().records[0];
    let message = format!("/cases/{}/pieces/{record}/documents/0/pages/1", samples::number(1));
    assert_eq!(noor.get(&message).status, 404);
}

#[test]
fn the_page_and_its_boxes_fit_in_a_browser() {
    let mut browser = Browser::start().expect("install the Debian package chromium");
    let desk = Desk::start();
    let (case, _) = scan(&desk, "scan-gedraaid.pdf");
    let mut client = desk.visitor();
    client.log_in("noor", PASSWORD);
    let base = format!("http://{}", desk.address);
    for (name, value) in &client.cookies {
        browser.cookie(&base, name, value);
    }
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("desk");
    std::fs::create_dir_all(&dir).unwrap();
    for (width, height) in [(1440, 900), (390, 844)] {
        browser.size(width, height);
        browser.open(&format!("{base}/cases/{case}"));
        browser.evaluate("document.querySelector('.page').scrollIntoView()");
        browser.wait_for("[...document.images].every(one => one.complete && one.naturalWidth > 0)");
        let wide = browser.evaluate("document.documentElement.scrollWidth").as_u64().unwrap();
        assert!(wide <= width.into(), "{wide} on a screen of {width}");
        // The drawing lies exactly over the picture.
        let gap = browser.evaluate(
            "(() => { const a = document.querySelector('.page img').getBoundingClientRect(), \
             b = document.querySelector('.page svg').getBoundingClientRect(); \
             return Math.max(Math.abs(a.left - b.left), Math.abs(a.top - b.top), Math.abs(a.right - b.right), \
             Math.abs(a.bottom - b.bottom)) })()",
        );
        assert!(gap.as_f64().unwrap() <= 2.0, "{gap} pixels beside it");
        browser.picture(&dir.join(format!("scan-{width}.png")));
    }
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
}
