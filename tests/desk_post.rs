//! The post room's page against the real program: a scan laid in by hand becomes a case, a file that cannot be taken is told
//! with its reason and tried again, and sheets are printed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests a panic is the failure that is wanted"
)]

mod daemon;
mod desk;
mod servers;

use bode::review::{Accounts, Role};
use daemon::OfficeDir;
use desk::{Answer, Client, PASSWORD};
use std::collections::BTreeMap;

const SCAN: &str = "[scan]\ndir = \"scans\"\nstill_seconds = 0\npoll_seconds = 1\n";

/// A letter as an office program prints it: text, no bytes above ASCII.
fn letter() -> String {
    let lines = [
        "Geachte ombudsman,",
        "Ik heb een klacht over de gemeente Den Haag.",
        "De ambtenaar aan de balie was onbeleefd en stuurde mij weg.",
        "Ik heb eerst bij de gemeente zelf geklaagd, zonder antwoord.",
        "Jan Voorbeeld, Voorbeeldstraat 1, 2511 AB Den Haag",
    ];
    let text: String = lines.iter().map(|line| format!("({line}) Tj T* ")).collect();
    let content = format!("BT /F 12 Tf 70 720 Td 20 TL {text} ET");
    format!(
        "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n\
         3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>\nendobj\n\
         4 0 obj\n<</Length {}>>\nstream\n{content}\nendstream\nendobj\n\
         5 0 obj\n<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>\nendobj\ntrailer\n<</Root 1 0 R/Size 6>>\n%%EOF\n",
        content.len()
    )
}

/// What a browser sends for the form with the file.
fn upload(client: &mut Client, csrf: Option<&str>, name: &str, bytes: &str) -> Answer {
    let token = csrf.map_or_else(String::new, |csrf| {
        format!("--grens\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n")
    });
    let body = format!(
        "{token}--grens\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/pdf\r\n\r\n{bytes}\r\n--grens--\r\n"
    );
    client.send("POST", "/post/scans", Some("multipart/form-data; boundary=grens"), &body)
}

#[test]
fn the_post_room_sees_what_became_of_every_scan() {
    let office = OfficeDir::den_haag(SCAN);
    let scans = office.dir.path().join("scans");
    std::fs::create_dir(&scans).unwrap();
    std::fs::create_dir_all(office.store()).unwrap();
    let accounts = Accounts::new(&office.store());
    accounts.add("piet", PASSWORD, Role::PostRoom, jiff::Timestamp::now()).unwrap();
    accounts.add("karel", PASSWORD, Role::Auditor, jiff::Timestamp::now()).unwrap();
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    let visitor = || Client { address: daemon.desk(), cookies: BTreeMap::new(), headers: Vec::new() };
    let mut piet = visitor();
    assert_eq!(piet.log_in("piet", PASSWORD).status, 303);
    let page = piet.get("/post");
    assert!(page.body.contains("nog niets gescand"), "{}", page.body);
    let csrf = page.field("csrf");

    // Without the token, or with that of nobody, nothing is laid.
    for wrong in [None, Some("0000")] {
        assert_eq!(upload(&mut piet, wrong, "brief.pdf", &letter()).status, 403);
    }
    for (name, told) in
        [("brief.docx", "Dit soort bestand"), ("..", "bestandsnaam"), (".x.pdf", "bestandsnaam")]
    {
        let answer = upload(&mut piet, Some(&csrf), name, "x");
        assert_eq!(answer.status, 422, "{name}");
        assert!(answer.body.contains(told), "{name}: {}", answer.body);
    }
    assert_eq!(upload(&mut piet, Some(&csrf), "leeg.pdf", "").status, 422);
    assert_eq!(std::fs::read_dir(&scans).unwrap().count(), 0);

    let answer = upload(&mut piet, Some(&csrf), "C:\\Post\\brief.pdf", &letter());
    assert_eq!((answer.status, answer.header("location")), (303, Some("/post?done=laid")));
    let mut page = String::new();
    servers::wait_until("the scan is a case", || {
        page = piet.get("/post").body;
        page.contains("Zaak 2026-") || page.contains("Zaak 20")
    });
    assert!(page.contains("brief.pdf") && page.contains("Bekijk"), "{page}");
    assert!(page.contains("<dt>Brieven</dt><dd>1</dd>"), "{page}");

    // What the folder cannot take is told with its reason; one more try.
    std::fs::write(scans.join("brief.docx"), "PK").unwrap();
    servers::wait_until("the file is refused", || {
        page = piet.get("/post").body;
        page.contains("Niet ingenomen")
    });
    assert!(page.contains("brief.docx") && page.contains("Gebruik PDF, TIFF"), "{page}");
    let tried = piet.post("/post/again", &[("csrf", &csrf), ("name", "brief.docx")]);
    assert_eq!(tried.header("location"), Some("/post?done=again"));
    let gone = piet.post("/post/again", &[("csrf", &csrf), ("name", "ander.pdf")]);
    assert_eq!(gone.header("location"), Some("/post?done=gone"));
    assert_eq!(piet.post("/post/again", &[("csrf", &csrf), ("name", "../office.toml")]).status, 422);

    let sheets = piet.get("/post/sheets.pdf?count=2");
    assert_eq!(sheets.header("content-type"), Some("application/pdf"));
    assert!(sheets.bytes.starts_with(b"%PDF"));
    assert_eq!(piet.get("/post/sheets.pdf?count=0").status, 422);
    assert_eq!(piet.get("/post/sheets.pdf?count=2&received=gisteren").status, 422);

    // Who only looks sees the same, and no buttons.
    let mut karel = visitor();
    karel.log_in("karel", PASSWORD);
    let seen = karel.get("/post").body;
    assert!(seen.contains("brief.pdf") && !seen.contains("Leg in de scanmap"), "{seen}");
    assert_eq!(karel.get("/post?day=2020-01-01").status, 200);
    assert_eq!(daemon.terminate().matches("brief").count(), 0, "no name of a file in the log");
}
