//! The daemon while its index is built: `/healthz` says 503 and how far it is, whoever asks for a page is told so, and
//! then it goes on by itself.
//!
//! The build is held up by a named pipe in the place of the last card: it waits until the test lets it go on.

mod daemon;
#[path = "support/journal.rs"]
mod journal;
mod servers;

use bode::store::Store;
use daemon::OfficeDir;
use servers::wait_until;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

/// Status and body of a page; `None` while nobody answers there.
fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(servers::DEADLINE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

#[test]
fn health_says_that_the_index_is_being_built_and_how_far_it_is() {
    let office = OfficeDir::den_haag("[maildir]\ndir = \"post\"\npoll_seconds = 1\n");
    for folder in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(office.dir.path().join("post").join(folder)).unwrap();
    }
    // A journal of several heaps (they are read ahead whole), and at its end a piece that was set aside.
    drop(Store::open(office.store()).unwrap());
    let mut tail = journal::Tail::of(&office.store());
    (0..4_800).for_each(|_| tail.append(1));
    let message = "Return-Path: <ans@example.org>\nFrom: Ans <ans@example.org>\nAuto-Submitted: auto-replied\n\
                   Subject: Afwezig\nMessage-ID: <afwezig@mail.example.org>\n\nIk ben er niet.\n";
    let file = office.dir.path().join("afwezig.eml");
    std::fs::write(&file, message).unwrap();
    let told = office.told(&["import", "--no-acknowledge", file.to_str().unwrap()]);
    assert!(told.contains('1'), "{told}");
    let originals = std::fs::read_dir(office.store().join("originals")).unwrap();
    let card = originals
        .map(|year| year.unwrap().path().join("000001/card.json"))
        .find(|card| card.exists())
        .unwrap();
    let away = card.with_file_name("card.weg");
    std::fs::rename(&card, &away).unwrap();
    assert!(Command::new("mkfifo").arg(&card).status().unwrap().success());
    std::fs::remove_dir_all(office.store().join("index")).unwrap();

    // An address of its own: only such a one is answered before the store is open.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = std::fs::read_to_string(&office.config).unwrap();
    std::fs::write(&office.config, config.replace("127.0.0.1:0", &format!("127.0.0.1:{port}"))).unwrap();
    let mut daemon = office.run();
    wait_until("word of the index", || {
        get(port, "/healthz").is_some_and(|(status, body)| {
            assert_eq!(status, 503, "{body}");
            body.contains("the index is being built")
        })
    });
    let (_, body) = get(port, "/healthz").unwrap();
    let counts: Vec<u64> =
        body.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
    assert!(counts[0] >= 500 && counts[0] < counts[1] && counts[1] > 4_800, "{body}");
    // The desk itself: no page, and the same reason.
    assert_eq!(get(port, "/login").unwrap(), (503, body));
    assert!(daemon.ended().is_none());

    // Whoever reads it next finds the file again.
    let bytes = std::fs::read(&away).unwrap();
    let mut pipe = std::fs::OpenOptions::new().write(true).open(&card).unwrap();
    std::fs::rename(&away, &card).unwrap();
    // Who read ahead may have let go of a thing without a length: then the fold reads the file by itself.
    if let Err(error) = pipe.write_all(&bytes) {
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe, "{error}");
    }
    drop(pipe);
    daemon.wait_for("bode is running", 1);
    wait_until("it is well", || get(port, "/healthz").is_some_and(|(status, _)| status == 200));
    assert_eq!(get(port, "/login").unwrap().0, 200);
    assert_eq!(office.verify()["exceptions"], serde_json::json!([]));
    daemon.terminate();
}
