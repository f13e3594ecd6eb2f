//! Unreadable and hostile pieces, as attachments in a real mailbox and as files in a scan folder: each becomes a case
//! with a reason in Dutch, or stays where it is and is told; the daemon goes on and the other pieces fare as always.

mod daemon;
mod servers;

use daemon::OfficeDir;
use serde_json::Value;
use servers::{MailServers, OFFICE, wait_until};
use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

const COMPLAINT: &str = "Geachte ombudsman,\n\nIk heb in maart een klacht ingediend bij de gemeente Den Haag over \
    de afdeling Burgerzaken. De medewerker was onbeleefd en ik kreeg geen antwoord.\n\nMet vriendelijke groet,\n\
    Ruud de Wit\n";

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new("tests/fixtures/extract").join(name)).unwrap()
}

/// A PNG that says that it has 60,000 by 60,000 points, in a few bytes.
fn image_bomb() -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(60_000_u32.to_be_bytes());
    header.extend(60_000_u32.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut crc = u32::MAX;
    for byte in &header {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    png.extend(&header);
    png.extend((!crc).to_be_bytes());
    png.extend(b"\0\0\x10\0IDAT");
    png.extend([0x78; 4096]);
    png
}

/// A zip that is no document of Word.
/// A zip archive that was cut off on the way.
fn half_zip() -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("hallo.txt", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(b"hallo").unwrap();
    let mut bytes = zip.finish().unwrap().into_inner();
    bytes.truncate(40);
    bytes
}

/// Bytes without sense, the same each time.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    })
    .take(bytes)
    .collect()
}

fn header(name: &str) -> String {
    format!(
        "Return-Path: <{name}@example.nl>\nFrom: Ruud de Wit <{name}@example.nl>\nTo: <{OFFICE}>\n\
         Subject: proef {name}\nMessage-ID: <{name}@mail.example.nl>\nMIME-Version: 1.0\n"
    )
}

fn plain(name: &str) -> String {
    format!("{}\n{COMPLAINT}", header(name))
}

fn with_attachment(name: &str, file: &str, bytes: &[u8]) -> Vec<u8> {
    let hex: String = bytes.iter().map(|byte| format!("={byte:02X}")).collect();
    let lines: Vec<&str> = hex.as_bytes().chunks(72).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!(
        "{}Content-Type: multipart/mixed; boundary=grens\n\n--grens\n\n{COMPLAINT}\n--grens\n\
         Content-Type: application/octet-stream; name=\"{file}\"\n\
         Content-Disposition: attachment; filename=\"{file}\"\n\
         Content-Transfer-Encoding: quoted-printable\n\n{}\n--grens--\n",
        header(name),
        lines.join("=\n")
    )
    .into_bytes()
}

/// Messages within messages, deeper than anybody looks.
fn nested(name: &str, levels: usize) -> String {
    let mut message = header(name);
    for level in 0..levels {
        message.push_str(&format!("Content-Type: message/rfc822\n\nSubject: laag {level}\n"));
    }
    message + "\nDiep.\n"
}

fn many_parts(name: &str, parts: usize) -> String {
    let mut message = format!("{}Content-Type: multipart/mixed; boundary=g\n\n", header(name));
    message.push_str(&format!("--g\n\n{COMPLAINT}\n"));
    for part in 0..parts {
        message.push_str(&format!("--g\nContent-Type: text/plain\n\ndeel {part}\n"));
    }
    message + "--g--\n"
}

/// What staff must be told of a message: a word of a defect, a word of the reason for silence, or nothing special.
enum Told {
    Defect(&'static str),
    NoAnswer(&'static str),
    Case,
}

fn hostile_mail() -> Vec<(&'static str, Vec<u8>, Told)> {
    use Told::{Case, Defect, NoAnswer};
    let without = |name: &str, field: &str| -> Vec<u8> {
        let kept = plain(name);
        kept.split_inclusive('\n').filter(|line| !line.starts_with(field)).collect::<String>().into_bytes()
    };
    let mut long = header("kop");
    long.push_str(&format!("X-Lang: {}\n\n{COMPLAINT}", "a ".repeat(5 * 1024 * 1024)));
    let mut nul = plain("nul").into_bytes();
    nul.extend(b"\0\0\0 rommel \0\n");
    let twice = "Subject: proef injectie =?utf-8?Q?=0D=0ABcc=3A_iedereen=40example=2Eorg?=\n";
    let injected = plain("injectie").replace("Subject: proef injectie\n", twice);
    vec![
        (
            "afgekapt",
            with_attachment("afgekapt", "brief.pdf", &fixture("tekst.pdf")[..400]),
            Defect("brief.pdf"),
        ),
        ("bom", with_attachment("bom", "foto.png", &image_bomb()), Defect("te grote afbeelding")),
        ("slot", with_attachment("slot", "slot.pdf", &fixture("wachtwoord.pdf")), Defect("wachtwoord")),
        ("zip", with_attachment("zip", "brief.docx", &half_zip()), Defect("brief.docx")),
        ("ruis", with_attachment("ruis", "ruis.pdf", &noise(20_000)), Defect("ruis.pdf")),
        ("lagen", nested("lagen", 200).into_bytes(), Defect("te veel berichten")),
        ("delen", many_parts("delen", 5_000).into_bytes(), Defect("ingewikkeld")),
        ("kop", long.into_bytes(), Case),
        ("nul", nul, Case),
        ("injectie", injected.into_bytes(), Case),
        ("romploos", header("romploos").into_bytes(), Case),
        ("regelloos", b"Klacht over de gemeente zonder kop of regeleinde".to_vec(), Defect("geen tekst")),
        (
            "open",
            b"Subject: proef open\nContent-Type: multipart/mixed; boundary=x\n\n--x\n--x\n--x".to_vec(),
            NoAnswer("retourpad"),
        ),
        ("naamloos", without("naamloos", "From:"), NoAnswer("noemt geen schrijver")),
        ("padloos", without("padloos", "Return-Path:"), NoAnswer("retourpad")),
        ("idloos", without("idloos", "Message-ID:"), Case),
    ]
}

/// Every case as `cases show --json` tells it.
fn cases(office: &OfficeDir) -> Vec<Value> {
    let list: Value = serde_json::from_str(&office.told(&["cases", "list", "--json"])).unwrap();
    let show = |case: &Value| office.told(&["cases", "show", case["number"].as_str().unwrap(), "--json"]);
    list.as_array().unwrap().iter().map(|case| serde_json::from_str(&show(case)).unwrap()).collect()
}

fn explanations(case: &Value) -> Vec<&str> {
    let defects = case["records"][0]["defects"].as_array().unwrap();
    defects.iter().map(|defect| defect["explanation"].as_str().unwrap()).collect()
}

#[test]
fn hostile_mail_becomes_cases_and_the_rest_of_the_mail_is_answered() {
    let servers = MailServers::start();
    let settings = servers
        .toml()
        .replace("done_folder = \"Verwerkt\"", "done_folder = \"Verwerkt\"\nanswer_from = 2026-01-01");
    let office = OfficeDir::den_haag(&settings);
    let config = std::fs::read_to_string(&office.config).unwrap();
    std::fs::write(&office.config, config.replace("[desk]\n", "[desk]\nmetrics_open = true\n")).unwrap();
    let hostile = hostile_mail();
    let now = SystemTime::now();
    servers.lay("00-gewoon", plain("gewoon-eerst").as_bytes(), now);
    for (name, bytes, _) in &hostile {
        servers.lay(&format!("10-{name}"), bytes, now);
    }
    // Just above the bound of the house.
    let mut large = header("reus").into_bytes();
    large.push(b'\n');
    large.extend(b"tekst tekst tekst tekst tekst tekst tekst tekst tekst tekst\n".repeat(1_770_000));
    assert!(large.len() as u64 > bode::limits::PIECE_BYTES_MAX);
    servers.lay("50-reus", &large, now);
    servers.lay("90-gewoon", plain("gewoon-laatst").as_bytes(), now);

    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    let expected = hostile.len() + 2;
    wait_until("every message is judged and answered", || {
        let report = office.verify();
        report["pieces"] == expected && report["in_work"] == 0 && report["answers"]["waiting"] == 0
    });
    for writer in ["gewoon-eerst", "gewoon-laatst", "injectie", "idloos"] {
        let answer = servers.wait_for_messages(&format!("{writer}@example.nl"), "", 1);
        let header = String::from_utf8_lossy(&answer[0]).split("\r\n\r\n").next().unwrap().to_lowercase();
        assert!(!header.contains("\r\nbcc:"), "{header}");
    }
    // What is too large is still there, and counted for whoever watches.
    wait_until("the large message is told", || {
        daemon.get("/metrics").1.contains("bode_left_behind{source=\"mailbox\"} 1\n")
    });
    let inbox = servers.maildir(OFFICE);
    let lying: Vec<u64> = ["cur", "new"]
        .iter()
        .flat_map(|sub| std::fs::read_dir(inbox.join(sub)).unwrap())
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .collect();
    assert_eq!(lying, [large.len() as u64], "only the large message stays in the mailbox");
    // The daemon still takes what comes after all that.
    servers.deliver(plain("later").as_bytes(), "later@example.nl", OFFICE);
    servers.wait_for_messages("later@example.nl", "", 1);
    assert_eq!(daemon.healthz(), (200, "ok\n".to_owned()));
    let log = daemon.terminate();
    assert!(!log.contains("panicked"), "{log}");
    assert!(log.contains("a message stays in the mailbox"), "{log}");

    let cases = cases(&office);
    for (name, _, told) in &hostile {
        let subject = format!("proef {name}");
        let case = cases
            .iter()
            .find(|case| match case["case"]["subject"].as_str() {
                Some(found) => found.starts_with(&subject),
                None => *name == "regelloos",
            })
            .unwrap_or_else(|| panic!("{name} is no case"));
        match told {
            Told::Defect(word) => {
                let told = explanations(case);
                assert!(told.iter().any(|line| line.contains(word)), "{name}: {told:?}");
            }
            Told::NoAnswer(word) => {
                let answer = case["case"]["answer"].to_string();
                assert!(
                    ["held", "withheld"]
                        .iter()
                        .any(|state| case["case"]["answer"]["state"]["state"] == *state)
                        && answer.contains(word),
                    "{name}: {answer}"
                );
            }
            Told::Case => {}
        }
    }
    assert_eq!(office.verify()["exceptions"], serde_json::json!([]));
}

#[test]
fn hostile_scans_become_cases_and_an_empty_one_is_set_aside() {
    let office = OfficeDir::den_haag("[scan]\ndir = \"scans\"\nstill_seconds = 1\npoll_seconds = 1\n");
    let scans = office.dir.path().join("scans");
    std::fs::create_dir_all(&scans).unwrap();
    let bad: Vec<(&str, Vec<u8>)> = vec![
        ("afgekapt.pdf", fixture("scan.pdf")[..3_000].to_vec()),
        ("bom.png", image_bomb()),
        ("slot.pdf", fixture("wachtwoord.pdf")),
        ("zip.pdf", half_zip()),
        ("ruis.tif", noise(50_000)),
        ("half.jpg", fixture("foto-exif.jpg")[..600].to_vec()),
        ("kort.png", b"\x89PNG".to_vec()),
        ("\u{202e}raar\n'\"<b>.pdf", b"%PDF-1.4".to_vec()),
    ];
    for (name, bytes) in &bad {
        std::fs::write(scans.join(name), bytes).unwrap();
    }
    std::fs::write(scans.join("goed.pdf"), fixture("tekst.pdf")).unwrap();
    std::fs::write(scans.join("leeg.pdf"), b"").unwrap();

    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    wait_until("every scan is judged", || {
        let report = office.verify();
        report["pieces"] == bad.len() + 1 && report["in_work"] == 0
    });
    let reason = scans.join("failed/leeg.pdf.reden.txt");
    wait_until("the empty scan is set aside", || reason.exists());
    assert!(std::fs::read_to_string(reason).unwrap().contains("Scan de brief opnieuw"));
    assert_eq!(daemon.healthz(), (200, "ok\n".to_owned()));
    let log = daemon.terminate();
    assert!(!log.contains("panicked"), "{log}");

    for case in cases(&office) {
        let name = case["records"][0]["record"]["name"].as_str().unwrap();
        let text: String = case["records"][0]["documents"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|document| document["text"].as_str())
            .collect();
        if name == "goed.pdf" {
            assert!(text.split_whitespace().count() > 20, "{text}");
        } else {
            assert!(!explanations(&case).is_empty(), "{name}: staff are told why there is no text");
        }
    }
    assert_eq!(office.verify()["exceptions"], serde_json::json!([]));
}
