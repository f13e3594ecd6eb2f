//! The virus scanner, against a real clamd with a signature of our own: what is harmful is locked and told, the rest
//! goes on, and nothing is read unseen.
//!
//! Needs the Debian package clamav-daemon; a test without it fails and says so.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the failure that is wanted")]

mod daemon;
mod extract_support;
mod servers;

use bode::extract::{Clamd, ReadError, ReadRequest, Reader};
use bode::record::{Channel, Extract, Problem};
use daemon::OfficeDir;
use extract_support::options;
use servers::clamd::{Clamd as Server, HARMFUL, SIGNATURE};
use servers::wait_until;
use std::io::Write;

fn reader(clamd: Clamd) -> Reader {
    Reader::start(options()).with_scanner(Some(clamd))
}

async fn read(reader: &Reader, name: &str, bytes: &[u8]) -> Extract {
    let channel = name.ends_with(".eml").then_some(Channel::Email);
    let request = ReadRequest { name: name.to_owned(), channel, bytes: bytes.to_vec(), words: false };
    reader.read(request).await.unwrap()
}

/// A message with these attachments, in base64 as mail programs send them.
fn message(subject: &str, body: &str, attachments: &[(&str, &[u8])]) -> Vec<u8> {
    let mut message = format!(
        "From: Noor <noor@example.nl>\r\nTo: klacht@example.nl\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=grens\r\n\r\n--grens\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
    );
    for (name, bytes) in attachments {
        message += &format!(
            "--grens\r\nContent-Type: application/octet-stream; name=\"{name}\"\r\nContent-Disposition: attachment; \
             filename=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
            base64(bytes)
        );
    }
    (message + "--grens--\r\n").into_bytes()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for (n, three) in bytes.chunks(3).enumerate() {
        let bits =
            three.iter().enumerate().fold(0_u32, |bits, (i, &byte)| bits | u32::from(byte) << (16 - 8 * i));
        for i in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * i) & 63) as usize];
            text.push(if i <= three.len() { char::from(letter) } else { '=' });
        }
        if n % 19 == 18 {
            text.push_str("\r\n");
        }
    }
    text
}

fn zipped(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(bytes).unwrap();
    zip.finish().unwrap().into_inner()
}

#[tokio::test]
async fn what_is_harmful_is_locked_and_the_rest_is_read() {
    let server = Server::start("25M");
    let reader = reader(Clamd::Unix(server.socket()));
    let clean = message("Klacht", "De tram kwam niet.", &[("brief.txt", b"Bijlage een.")]);
    let extract = read(&reader, "a.eml", &clean).await;
    assert!(extract.defects.is_empty() && !extract.is_locked(), "{:?}", extract.defects);
    assert_eq!(extract.documents[1].text, "Bijlage een.");

    let harmful = format!("Regel een.\n{HARMFUL}\n");
    let nested =
        message("Binnen", "Van binnen.", &[("foto.txt", b"Schoon."), ("weer.bin", harmful.as_bytes())]);
    let zip = zipped("stiekem.txt", harmful.as_bytes());
    let infected = message(
        "Klacht",
        "De tram kwam niet.",
        &[
            ("een.txt", b"Bijlage een."),
            ("virus.txt", harmful.as_bytes()),
            ("pak.zip", &zip),
            ("bericht.eml", &nested),
            ("twee.txt", b"Bijlage twee."),
        ],
    );
    let extract = read(&reader, "b.eml", &infected).await;
    let told: Vec<_> = extract
        .documents
        .iter()
        .map(|one| (one.name.as_deref().unwrap_or_default(), one.problem, one.text.is_empty()))
        .collect();
    assert_eq!(
        told,
        [
            ("", None, false),
            ("een.txt", None, false),
            ("virus.txt", Some(Problem::Malware), true),
            ("pak.zip", Some(Problem::Malware), true),
            ("bericht.eml", None, false),
            ("foto.txt", None, false),
            ("weer.bin", Some(Problem::Malware), true),
            ("twee.txt", None, false),
        ]
    );
    assert!(extract.is_locked());
    let locked: Vec<usize> = (0..8).filter(|&index| extract.locks(index)).collect();
    assert_eq!(
        locked,
        [2, 3, 4, 6],
        "a message within that holds something harmful is not handed out either"
    );
    assert_eq!(
        extract.defects[0].explanation,
        format!(
            "Het bestand “virus.txt” bevat een virus of iets anders dat schadelijk is ({SIGNATURE}). \
             Het is niet gelezen en staat op slot."
        )
    );
    assert!(!format!("{extract:?}").contains(HARMFUL));
}

#[tokio::test]
async fn a_find_that_no_part_explains_locks_the_whole() {
    let server = Server::start("25M");
    let reader = reader(Clamd::Tcp(server.address()));
    let extract = read(&reader, "a.eml", &message(HARMFUL, "Tekst.", &[("een.txt", b"Een.")])).await;
    assert_eq!(extract.documents[0].text, "Tekst.");
    assert!(extract.is_locked() && extract.locks(0) && extract.locks(1));
    assert_eq!((extract.defects[0].document, extract.defects[0].problem), (None, Problem::Malware));
    // The text of a message is no file; it is looked at all the same.
    let extract = read(&reader, "b.eml", &message("x", HARMFUL, &[("een.txt", b"Een.")])).await;
    assert_eq!(extract.documents[0].problem, Some(Problem::Malware));
    assert_eq!(extract.documents[1].text, "Een.");
    // A letter is one file.
    let extract = read(&reader, "brief.txt", HARMFUL.as_bytes()).await;
    assert_eq!(extract.documents[0].problem, Some(Problem::Malware));
}

#[tokio::test]
async fn what_is_too_large_for_the_scanner_is_told() {
    let server = Server::start("64K");
    let large = "Lange tekst. ".repeat(8_000);
    let harmful = format!("{HARMFUL}\n");
    let piece = message("x", "Tekst.", &[("lang.txt", large.as_bytes()), ("virus.bin", harmful.as_bytes())]);
    for clamd in [Clamd::Unix(server.socket()), Clamd::Tcp(server.address())] {
        let extract = read(&reader(clamd), "a.eml", &piece).await;
        assert_eq!(extract.documents[1].text.len(), large.trim_end().len());
        assert_eq!(extract.documents[2].problem, Some(Problem::Malware));
        let told: Vec<&str> = extract.defects.iter().map(|defect| defect.explanation.as_str()).collect();
        assert!(
            told.contains(&"Het bestand “lang.txt” is te groot om op virussen te controleren: pas ermee op.")
        );
        assert!(told.iter().any(|told| told.starts_with("Dit stuk is te groot om in één keer")), "{told:?}");
    }
}

#[tokio::test]
async fn without_the_scanner_nothing_is_read() {
    let mut server = Server::start("25M");
    let reader = reader(Clamd::Unix(server.socket()));
    let request = || ReadRequest {
        name: "brief.txt".to_owned(),
        channel: None,
        bytes: b"Een brief.".to_vec(),
        words: false,
    };
    reader.read(request()).await.unwrap();
    server.stop();
    assert!(matches!(reader.read(request()).await, Err(ReadError::Scanner(_))));
    server.run();
    assert_eq!(reader.read(request()).await.unwrap().documents[0].text, "Een brief.");
}

#[test]
fn pieces_wait_for_the_scanner_and_health_says_so() {
    let mut server = Server::prepare("25M");
    let scans = tempfile::tempdir().unwrap();
    let office = OfficeDir::den_haag(&format!(
        "[scan]\ndir = {:?}\nstill_seconds = 0\npoll_seconds = 1\n\n[reading]\nclamd = \"unix:{}\"\n",
        scans.path(),
        server.socket().display()
    ));
    let doctor = String::from_utf8(office.bode(&["doctor"]).stdout).unwrap();
    assert!(doctor.contains("WRONG virus scanner: clamd at unix:"), "{doctor}");
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    std::fs::copy("tests/fixtures/extract/tekst.pdf", scans.path().join("brief.pdf")).unwrap();
    daemon.wait_for("not judged yet; will be tried again", 1);
    let (status, reasons) = daemon.healthz();
    assert_eq!(status, 200, "mail is taken in all the same");
    assert!(reasons.contains("the virus scanner cannot be asked"), "{reasons}");
    server.run();
    daemon.wait_for("judged: a new case", 1);
    wait_until("health", || daemon.healthz() == (200, "ok\n".to_owned()));
    let doctor = String::from_utf8(office.bode(&["doctor"]).stdout).unwrap();
    assert!(doctor.contains("ok    virus scanner: unix:") && doctor.contains("ClamAV"), "{doctor}");
    assert!(doctor.contains("ok    fence around reading: rlimits holds, "), "{doctor}");
    daemon.terminate();
}
