//! Stacks of letters scanned in one go, with the real program: printed sheets, scanned askew and dirty; both sides,
//! one side, halves, a kill in the middle. Every letter is a case once, and `verify` counts them against the sheets.

mod daemon;
mod servers;

use bode::record::{Arrival, Channel, Divided, Origin, SetAside};
use bode::store::Store;
use daemon::{BODE, OfficeDir};
use image::{GrayImage, Luma};
use lopdf::{Dictionary, Document, Object, Stream, dictionary};
use rxing::Writer;
use servers::wait_until;
use std::path::{Path, PathBuf};
use std::process::Command;

const SCAN: &str = "[scan]\ndir = \"scans\"\nstill_seconds = 1\npoll_seconds = 1\n";
const DPI: u32 = 150;

/// The pages of a PDF, drawn as a scanner would see them.
fn drawn(pdf: &Path) -> Vec<GrayImage> {
    let dir = tempfile::tempdir().unwrap();
    let status = Command::new("pdftoppm")
        .args(["-r", &DPI.to_string(), "-gray", "-png"])
        .arg(pdf)
        .arg(dir.path().join("p"))
        .status()
        .unwrap();
    assert!(status.success());
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names.iter().map(|name| image::open(name).unwrap().into_luma8()).collect()
}

/// Front and back of each sheet.
fn sheets(count: usize, received: Option<&str>) -> Vec<[GrayImage; 2]> {
    let dir = tempfile::tempdir().unwrap();
    let pdf = dir.path().join("vellen.pdf");
    let mut command = Command::new(BODE);
    command.args(["sheets", "--count", &count.to_string(), "--out"]).arg(&pdf);
    if let Some(received) = received {
        command.args(["--received", received]);
    }
    assert!(command.status().unwrap().success());
    drawn(&pdf).chunks_exact(2).map(|pair| [pair[0].clone(), pair[1].clone()]).collect()
}

/// A page with a few lines of text.
fn letter(lines: &[&str]) -> GrayImage {
    let mut content = "BT /F 13 Tf 70 720 Td 20 TL\n".to_owned();
    for line in lines {
        content.push_str(&format!("({line}) Tj T*\n"));
    }
    content.push_str("ET");
    let font = dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica" };
    let pdf = document(vec![(
        dictionary! { "Font" => dictionary! { "F" => font } },
        content.into_bytes(),
        (595.0, 842.0),
    )]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("brief.pdf");
    std::fs::write(&path, pdf).unwrap();
    drawn(&path).remove(0)
}

/// A complaint that can be told from the others by its word.
fn complaint(word: &str) -> GrayImage {
    let about = format!("Dit gaat over dossier {word} van vorige maand.");
    letter(&[
        "Geachte ombudsman,",
        "",
        "Ik heb een klacht over de gemeente Den Haag.",
        &about,
        "De ambtenaar aan de balie was onbeleefd en stuurde mij weg.",
        "Ik heb eerst bij de gemeente zelf geklaagd, zonder antwoord.",
        "",
        "Met vriendelijke groet,",
        "Jan Voorbeeld, Voorbeeldstraat 1, 2511 AB Den Haag",
    ])
}

fn blank() -> GrayImage {
    GrayImage::from_pixel(1240, 1754, Luma([255]))
}

/// As it comes from a feeder: a little askew, grey, with noise.
fn scanned(page: &GrayImage, seed: u32) -> GrayImage {
    let (width, height) = page.dimensions();
    let skew = (f64::from(seed % 7) - 3.0) * 0.4_f64.to_radians();
    let (sin, cos) = skew.sin_cos();
    let (middle_x, middle_y) = (f64::from(width) / 2.0, f64::from(height) / 2.0);
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    GrayImage::from_fn(width, height, |x, y| {
        let (dx, dy) = (f64::from(x) - middle_x, f64::from(y) - middle_y);
        let (from_x, from_y) = (dx * cos + dy * sin + middle_x, dy * cos - dx * sin + middle_y);
        let inside = from_x >= 0.0 && from_y >= 0.0;
        let pixel =
            page.get_pixel_checked(from_x as u32, from_y as u32).filter(|_| inside).map_or(250, |p| p.0[0]);
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let noise = (state % 21) as i32 - 10;
        Luma([(i32::from(pixel) * 9 / 10 + 18 + noise).clamp(0, 255) as u8])
    })
}

/// Pages of (resources, content, size in points) as a PDF.
fn document(pages: Vec<(Dictionary, Vec<u8>, (f32, f32))>) -> Vec<u8> {
    let mut document = Document::with_version("1.5");
    let tree = document.new_object_id();
    let mut kids: Vec<Object> = Vec::new();
    for (resources, content, (width, height)) in pages {
        let mut resources = resources;
        // Images are objects of their own.
        if let Ok(Object::Dictionary(images)) = resources.get_mut(b"XObject") {
            let taken: Vec<(Vec<u8>, Object)> = images.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            for (name, image) in taken {
                images.set(name, document.add_object(image));
            }
        }
        let content = document.add_object(Stream::new(Dictionary::new(), content));
        let page = document.add_object(dictionary! {
            "Type" => "Page", "Parent" => tree, "Resources" => resources, "Contents" => content,
            "MediaBox" => vec![0.into(), 0.into(), width.into(), height.into()],
        });
        kids.push(page.into());
    }
    let count = kids.len() as i64;
    document.objects.insert(tree, dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count }.into());
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    document.trailer.set("Root", catalog);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

/// A stack as a PDF of JPEG images, one a page.
fn stack(pages: &[GrayImage]) -> Vec<u8> {
    let page = |(seed, page): (usize, &GrayImage)| {
        let page = scanned(page, seed as u32);
        let mut jpeg = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 80).encode_image(&page).unwrap();
        let (width, height) = page.dimensions();
        let points = |pixels: u32| pixels as f32 * 72.0 / DPI as f32;
        let image = Stream::new(
            dictionary! {
                "Type" => "XObject", "Subtype" => "Image", "Width" => i64::from(width), "Height" => i64::from(height),
                "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8, "Filter" => "DCTDecode",
            },
            jpeg,
        );
        let content = format!("{} 0 0 {} 0 0 cm /I Do", points(width), points(height));
        let resources = dictionary! { "XObject" => dictionary! { "I" => image } };
        (resources, content.into_bytes(), (points(width), points(height)))
    };
    document(pages.iter().enumerate().map(page).collect())
}

/// A stack as a TIFF of many pages.
fn stack_tiff(pages: &[GrayImage]) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut bytes).unwrap();
    for (seed, page) in pages.iter().enumerate() {
        let page = scanned(page, seed as u32);
        encoder
            .write_image::<tiff::encoder::colortype::Gray8>(page.width(), page.height(), page.as_raw())
            .unwrap();
    }
    bytes.into_inner()
}

fn scan_dir(office: &OfficeDir) -> PathBuf {
    let scans = office.dir.path().join("scans");
    std::fs::create_dir_all(scans.join("eenzijdig")).unwrap();
    scans
}

/// Lays a file in the scan folder whole, as a scanner that renames does.
fn lay(dir: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(dir.join(".half"), bytes).unwrap();
    std::fs::rename(dir.join(".half"), dir.join(name)).unwrap();
}

/// Each case: its text, its date of receipt, its defects.
fn cases(office: &OfficeDir) -> Vec<(String, String, String)> {
    let listed: serde_json::Value = serde_json::from_str(&office.told(&["cases", "list", "--json"])).unwrap();
    let one = |case: &serde_json::Value| {
        let shown = office.told(&["cases", "show", case["number"].as_str().unwrap(), "--json"]);
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        let text: String = shown["records"][0]["documents"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|document| document["text"].as_str())
            .collect();
        (
            text,
            shown["case"]["received"].as_str().unwrap().to_owned(),
            shown["records"][0]["defects"].to_string(),
        )
    };
    let mut found: Vec<_> = listed.as_array().unwrap().iter().map(one).collect();
    found.sort();
    found
}

/// The case with this word, once.
fn case_of<'a>(cases: &'a [(String, String, String)], word: &str) -> &'a (String, String, String) {
    let found: Vec<_> = cases.iter().filter(|(text, ..)| text.contains(word)).collect();
    assert_eq!(found.len(), 1, "{word}: {cases:#?}");
    found[0]
}

/// What became of the runs, once the daemon has ended.
fn divided(office: &OfficeDir) -> Vec<Divided> {
    let store = Store::open(office.store()).unwrap();
    let rows = store.aside(0, 100).unwrap().rows;
    rows.into_iter()
        .filter_map(|row| match row.why {
            SetAside::Divided(divided) => Some(divided),
            _ => None,
        })
        .collect()
}

fn settled(office: &OfficeDir, pieces: u64) {
    wait_until("every piece is judged", || {
        let report = office.verify();
        report["pieces"] == pieces && report["in_work"] == 0
    });
}

fn yesterday() -> String {
    let now = bode::clock::now().in_tz("Europe/Amsterdam").unwrap();
    now.date().yesterday().unwrap().to_string()
}

#[test]
fn a_stack_scanned_on_both_sides_is_divided_and_counted() {
    let office = OfficeDir::den_haag(SCAN);
    let scans = scan_dir(&office);
    let day = yesterday();
    let [one, two, three, four] = <[_; 4]>::try_from(sheets(4, Some(&day))).unwrap();
    let pages = [
        complaint("VOORAF"),
        blank(),
        one[0].clone(),
        one[1].clone(),
        complaint("EERSTE"),
        letter(&["Dit is de achterkant van de brief, met meer over ACHTEROP."]),
        // Fed with its back up.
        two[1].clone(),
        two[0].clone(),
        complaint("TWEEDE"),
        blank(),
        three[0].clone(),
        three[1].clone(),
        four[0].clone(),
        four[1].clone(),
        complaint("DERDE"),
        blank(),
    ];
    lay(&scans, "stapel.pdf", &stack(&pages));
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    settled(&office, 5);
    daemon.terminate();

    let report = office.verify();
    assert_eq!(report["exceptions"], serde_json::json!([]));
    assert_eq!((&report["runs"], &report["cases"]), (&1.into(), &4.into()));
    let cases = cases(&office);
    assert!(case_of(&cases, "EERSTE").0.contains("ACHTEROP"), "{cases:#?}");
    for word in ["EERSTE", "TWEEDE", "DERDE"] {
        let (text, received, _) = case_of(&cases, word);
        assert_eq!(*received, day, "{word}");
        assert!(!text.contains("SCHEIDINGSVEL") && !text.contains("ACHTERKANT"), "{text}");
    }
    let before = case_of(&cases, "VOORAF");
    assert!(before.2.contains("vóór het eerste scheidingsvel") && before.1 != day, "{before:?}");
    let run = divided(&office).remove(0);
    assert_eq!((run.sheets, run.letters.len(), run.empty, run.pages), (4, 4, 1, 16));
    assert_eq!((run.blank, run.before), (3, true));
    let told = run.sentence();
    assert!(told.starts_with("Stapel met 4 scheidingsvellen: 4 brieven, 16 bladzijden."), "{told}");
}

#[test]
fn what_others_print_divides_nothing_and_patch_codes_do() {
    let office = OfficeDir::den_haag(SCAN);
    let scans = scan_dir(&office);
    // A bill with a code to pay by (EPC069-12), as large as a page allows.
    let mut bill = complaint("NOTA");
    let code = rxing::qrcode::QRCodeWriter
        .encode(
            "BCD\n002\n1\nSCT\n\nGemeente Voorbeeld\nNL00EXMP0123456789\nEUR12.30",
            &rxing::BarcodeFormat::QR_CODE,
            500,
            500,
        )
        .unwrap();
    for (x, y) in (0..500).flat_map(|y| (0..500).map(move |x| (x, y))) {
        if code.get(x, y) {
            bill.put_pixel(400 + x, 1000 + y, Luma([0]));
        }
    }
    lay(&scans, "nota.pdf", &stack(&[bill, complaint("BIJLAGE")]));
    // Patch-T: four bars of 2, 5, 2 and 5 mm across the page, narrow spaces.
    let mut patch = blank();
    let mut top = 200;
    for bar in [2, 5, 2, 5] {
        for (x, y) in (top..top + bar * 6).flat_map(|y| (300..900).map(move |x| (x, y))) {
            patch.put_pixel(x, y, Luma([0]));
        }
        top += (bar + 2) * 6;
    }
    let upside_down = image::imageops::rotate180(&patch);
    let pages = [patch, complaint("EERSTE"), upside_down, complaint("TWEEDE"), blank()];
    lay(&scans, "patch.tif", &stack_tiff(&pages));
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    settled(&office, 4);
    daemon.terminate();

    let cases = cases(&office);
    assert_eq!(cases.len(), 3);
    assert!(case_of(&cases, "NOTA").0.contains("BIJLAGE"));
    case_of(&cases, "EERSTE");
    case_of(&cases, "TWEEDE");
    assert_eq!(office.verify()["exceptions"], serde_json::json!([]));
}

#[test]
fn halves_from_a_one_sided_feeder_are_put_together_and_a_lone_one_waits() {
    let office = OfficeDir::den_haag(SCAN);
    let scans = scan_dir(&office);
    let sheets = sheets(2, None);
    let back = |word: &str| letter(&[&format!("Op de achterkant staat nog {word}.")]);
    let fronts = [
        sheets[0][0].clone(),
        complaint("EERSTE"),
        sheets[1][0].clone(),
        complaint("TWEEDE"),
        complaint("SLOT"),
    ];
    // The stack turned over: the last back comes first; the last leaf has none.
    let backs = [back("DAARNA"), sheets[1][1].clone(), back("ACHTEROP"), sheets[0][1].clone()];
    let inner = scans.join("eenzijdig");
    lay(&inner, "voor.pdf", &stack(&fronts));
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    wait_until("the first half waits", || office.verify()["in_work"] == 1);
    // Another stack, whose pages do not fit.
    lay(&inner, "te-kort.pdf", &stack(&[back("VREEMD")]));
    wait_until("both wait", || office.verify()["in_work"] == 2);
    lay(&inner, "achter.pdf", &stack(&backs));
    // Fronts, what does not fit, backs, two letters.
    wait_until("the halves that fit are one stack", || {
        let report = office.verify();
        report["pieces"] == 5 && report["in_work"] == 1
    });
    daemon.terminate();

    let cases = cases(&office);
    assert_eq!(cases.len(), 2);
    assert!(case_of(&cases, "EERSTE").0.contains("ACHTEROP"), "{cases:#?}");
    let second = &case_of(&cases, "TWEEDE").0;
    let place = |word: &str| second.find(word).unwrap_or_else(|| panic!("{word}: {second}"));
    assert!(place("TWEEDE") < place("DAARNA") && place("DAARNA") < place("SLOT"), "{second}");
    let run = divided(&office).remove(0);
    assert_eq!((run.sheets, run.letters.len(), run.pages, run.backs.is_some()), (2, 2, 9, true));
    assert_eq!(office.verify()["exceptions"], serde_json::json!([]));
}

#[test]
fn a_half_whose_time_is_over_is_taken_as_it_is() {
    let office = OfficeDir::den_haag(SCAN);
    scan_dir(&office);
    let arrival = Arrival {
        channel: Channel::Letter,
        name: "voor.pdf".into(),
        bytes: stack(&[sheets(1, None)[0][0].clone(), complaint("ALLEEN")]),
        received_at: bode::clock::now(),
        origin: Origin::OneSided { file: "voor.pdf".into() },
        acknowledge: true,
    };
    let five_hours_ago = bode::clock::now() - jiff::SignedDuration::from_hours(5);
    let store = Store::open(office.store()).unwrap();
    bode::register::register(&store, vec![arrival], five_hours_ago).unwrap();
    drop(store);
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    settled(&office, 2);
    daemon.terminate();
    let cases = cases(&office);
    assert!(case_of(&cases, "ALLEEN").2.contains("andere helft"), "{cases:#?}");
    assert!(divided(&office)[0].half);
}

#[test]
fn killed_while_it_divides_each_letter_comes_once() {
    let office = OfficeDir::den_haag(SCAN);
    let scans = scan_dir(&office);
    let sheets = sheets(3, None);
    let words = ["EERSTE", "TWEEDE", "DERDE"];
    let pages: Vec<GrayImage> =
        sheets.iter().zip(words).flat_map(|(sheet, word)| [sheet[0].clone(), complaint(word)]).collect();
    lay(&scans, "stapel.pdf", &stack(&pages));
    // Registered; letters registered and the run not yet set aside (or just so); letters in work.
    for moment in ["\"registered\"", "a run, divided", "bode is running"] {
        let mut daemon = office.run();
        daemon.wait_for(moment, 1);
        daemon.kill();
    }
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    settled(&office, 4);
    daemon.terminate();
    let report = office.verify();
    assert_eq!(report["exceptions"], serde_json::json!([]));
    assert_eq!((&report["runs"], &report["cases"], &report["duplicates"]), (&1.into(), &3.into(), &0.into()));
    let cases = cases(&office);
    for word in words {
        case_of(&cases, word);
    }
}

#[test]
fn a_backlog_of_stacks_is_divided_too() {
    let office = OfficeDir::den_haag("");
    let sheets = sheets(2, Some("2020-01-06"));
    let path = office.dir.path().join("stapel.pdf");
    let pages = [sheets[0][0].clone(), complaint("EERSTE"), sheets[1][0].clone(), complaint("TWEEDE")];
    std::fs::write(&path, stack(&pages)).unwrap();
    let told = office.told(&["import", path.to_str().unwrap()]);
    assert!(told.contains("waarvan 1 stapels, verdeeld in 2 brieven"), "{told}");
    let cases = cases(&office);
    let (_, received, defects) = case_of(&cases, "TWEEDE");
    assert!(defects.contains("06-01-2020") && !received.starts_with("2020"), "{defects}");
    assert_eq!(office.verify()["exceptions"], serde_json::json!([]));
    assert_eq!(divided(&office)[0].dates_ignored, 2);
    // Read without a store it is one file, and that is told.
    let told = office.bode(&["triage", path.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&told.stderr).contains("2 separator sheets"), "{told:?}");
}

#[test]
fn sheets_are_not_written_to_a_terminal_and_the_count_is_bounded() {
    let output = Command::new(BODE).args(["sheets", "--count", "0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let output = Command::new(BODE).args(["sheets", "--count", "2"]).output().unwrap();
    assert!(output.status.success() && output.stdout.starts_with(b"%PDF-"));
    let terminal =
        Command::new("script").args(["-qec", &format!("{BODE} sheets --count 1"), "/dev/null"]).output();
    if let Ok(output) = terminal {
        assert!(String::from_utf8_lossy(&output.stdout).contains("--out FILE"));
    }
}
