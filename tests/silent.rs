//! Logs, journal, looks, metrics, health and the process list carry numbers, not people: a daemon with real servers is given
//! post of which every name, address, subject, word and file name is known, good and broken, and everything that it says
//! is searched for them.

mod daemon;
mod servers;

use daemon::{Daemon, OfficeDir};
use servers::scripted::{self, Reply, say};
use servers::{MailServers, OFFICE, wait_until};
use std::path::Path;

/// Words that stand in this post only. Each is part of a name, an address, a subject, a text or a file name.
const WORDS: [&str; 14] = [
    "zwaluwstaart",
    "kwartelveen",
    "roerdompius",
    "snippenberg",
    "tureluurs",
    "wulpenhof",
    "grutjesman",
    "kluutstra",
    "plevierink",
    "scholekst",
    "nachtegaler",
    "boomkruip",
    "123456782",
    "111222333",
];

fn message(from: &str, subject: &str, more: &str, body: &str) -> Vec<u8> {
    let id: String = from.chars().filter(char::is_ascii_alphanumeric).collect();
    format!(
        "From: {from}\r\nTo: {OFFICE}\r\nSubject: {subject}\r\nMessage-ID: <{id}.kluutstra@kwartelveen.example.nl>\r\n\
         Date: Mon, 2 Mar 2026 10:00:00 +0100\r\n{more}\r\n{body}\r\n"
    )
    .into_bytes()
}

/// What comes by mail: good, refused by the next server, and broken in every way that libraries like to quote.
fn post() -> Vec<(String, Vec<u8>)> {
    let body = "Geachte heer Snippenberg,\r\n\r\nDe ambtenaar Tureluurs van de gemeente Den Haag schold mij uit. Mijn BSN is \
                123456782. Ik woon Wulpenhof 3.\r\n\r\nGrutjesman";
    let subject = "Klacht van Roerdompius over Snippenberg 111222333";
    let multipart = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"plevierink\"\r\n";
    let hung = |media: &str, name: &str, content: &str| {
        format!(
            "--plevierink\r\nContent-Type: text/plain\r\n\r\n{body}\r\n--plevierink\r\nContent-Type: {media}; \
             name=\"{name}\"\r\nContent-Disposition: attachment; filename=\"{name}\"\r\nContent-Transfer-Encoding: \
             base64\r\n\r\n{content}\r\n--plevierink--\r\n"
        )
    };
    let one = |address: &str, more: &str, body: &str| {
        (address.to_owned(), message(&format!("Ans Zwaluwstaart <{address}>"), subject, more, body))
    };
    let deep: String = (0..60)
        .map(|level| {
            format!("--b{level}\r\nContent-Type: multipart/mixed; boundary=\"b{}\"\r\n\r\n", level + 1)
        })
        .collect();
    vec![
        one("goed.kwartelveen@example.nl", "", body),
        one("reject.kwartelveen@example.nl", "", body),
        one("full.kwartelveen@example.nl", "", body),
        one("defer.kwartelveen@example.nl", "", body),
        one("bounce.kwartelveen@example.nl", "", body),
        one(
            "met.bijlage.kwartelveen@example.nl",
            multipart,
            &hung(
                "application/pdf",
                "Zwaluwstaart 123456782.pdf",
                "JVBERi0xLjQKWndhbHV3c3RhYXJ0IGt3YXJ0ZWx2ZWVu",
            ),
        ),
        one(
            "met.word.kwartelveen@example.nl",
            multipart,
            &hung("application/msword", "../../Roerdompius.doc", "0M8R4KGxGuFad2FsdXdzdGFhcnQ="),
        ),
        one(
            "met.zip.kwartelveen@example.nl",
            multipart,
            &hung("application/zip", "Tureluurs\u{1}.docx", "UEsDBBQAWndhbHV3c3RhYXJ0"),
        ),
        one(
            "met.plaat.kwartelveen@example.nl",
            multipart,
            &hung("image/jpeg", "Wulpenhof.jpg", "/9j/4AAQSkZJRgABAQBad2FsdXdzdGFhcnQ="),
        ),
        one(
            "diep.kwartelveen@example.nl",
            "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b0\"\r\n",
            &deep,
        ),
        (
            "".to_owned(),
            message(
                "=?utf-8?Q?Zwaluwstaart_kapot <<>>, kwartelveen@@example..nl",
                "=?x-onzin?B?Um9lcmRvbXBpdXM=?= Roerdompius",
                "",
                body,
            ),
        ),
        (
            "".to_owned(),
            message(
                "MAILER-DAEMON@kwartelveen.example.nl",
                "Undelivered Mail: Zwaluwstaart",
                "Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n",
                "--x\r\n\r\nzwaluwstaart@kwartelveen.example.nl: kluutstra unknown\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\nFinal-Recipient: rfc822; zwaluwstaart@kwartelveen.example.nl\r\nAction: failed\r\nStatus: 5.1.1\r\n--x--",
            ),
        ),
        one(
            "latijn.kwartelveen@example.nl",
            "Content-Type: text/plain; charset=\"x-zwaluwstaart\"\r\nContent-Transfer-Encoding: base64\r\n",
            "Zwaluwstaart %%% geen base64 \u{fffd} kwartelveen",
        ),
        one(
            "afwezig.kwartelveen@example.nl",
            "Auto-Submitted: auto-replied\r\n",
            "Ik ben met verlof. Zwaluwstaart",
        ),
    ]
}

/// What the post room scans, under names that scanners and people give.
fn lay_scans(dir: &Path) -> usize {
    std::fs::create_dir_all(dir).unwrap();
    let good = std::fs::read_dir("tests/samples/scans").unwrap().map(|item| item.unwrap().path());
    let mut good: Vec<_> = good.filter(|path| path.extension().is_some_and(|end| end == "pdf")).collect();
    good.sort();
    std::fs::copy(&good[0], dir.join("Klacht Scholekst Nachtegaler 123456782.pdf")).unwrap();
    std::fs::write(dir.join("Boomkruip\u{2028}'\"; $(rm).pdf"), b"%PDF-1.7 kapot Zwaluwstaart").unwrap();
    std::fs::write(dir.join("Boomkruip leeg.pdf"), b"").unwrap();
    std::fs::write(dir.join("Boomkruip.exe"), b"MZ Zwaluwstaart").unwrap();
    std::fs::create_dir(dir.join("Boomkruip map.pdf")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", dir.join("Boomkruip koppeling.pdf")).unwrap();
    2
}

fn search(what: &str, text: &str, found: &mut Vec<String>) {
    let lower = text.to_lowercase();
    for word in WORDS {
        for (at, _) in lower.match_indices(word) {
            let line = lower[..at].rfind('\n').map_or(0, |start| start + 1);
            let end = lower[at..].find('\n').map_or(lower.len(), |end| at + end);
            found.push(format!("{what}: {word}: {}", &lower[line..end]));
        }
    }
}

/// Arguments and environment of the daemon and of every process under it.
fn processes(daemon: &Daemon) -> String {
    let mut told = String::new();
    let mut todo = vec![daemon.pid().as_raw_nonzero().get()];
    while let Some(pid) = todo.pop() {
        for name in ["cmdline", "environ", "comm"] {
            // A worker may have ended meanwhile, and what it is not dumpable does not show.
            let bytes = std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
            told.push_str(&String::from_utf8_lossy(&bytes));
            told.push('\n');
        }
        for task in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            todo.extend(children.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
        }
    }
    told
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for item in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = item.path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

#[test]
fn nothing_that_bode_says_holds_a_citizen() {
    let servers = MailServers::start();
    let place = tempfile::tempdir().unwrap();
    let scans = place.path().join("scans");
    let key = place.path().join("key");
    let sections = format!(
        "[encryption]\nkey_file = {key:?}\n\n[scan]\ndir = {scans:?}\nstill_seconds = 0\npoll_seconds = 1\n\n{}",
        servers
            .toml()
            .replace("done_folder = \"Verwerkt\"", "done_folder = \"Verwerkt\"\nanswer_from = 2026-01-01")
    );
    let office = OfficeDir::den_haag(&sections);
    assert!(office.bode(&["key", "new", key.to_str().unwrap()]).status.success());
    let letters = lay_scans(&scans);
    let post = post();
    for (from, bytes) in &post {
        servers.deliver(bytes, from, OFFICE);
    }
    let mut found = Vec::new();
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    let mut shown = String::new();
    wait_until("all is judged, and no answer waits but the one that the server puts off", || {
        shown.push_str(&processes(&daemon));
        shown.push_str(&daemon.healthz().1);
        let report = office.verify();
        report["pieces"].as_u64() >= Some((post.len() + letters) as u64)
            && report["in_work"] == 0
            && report["answers"]["waiting"].as_u64() <= Some(1)
    });
    // A person at work, and commands that fail.
    let list: serde_json::Value = serde_json::from_str(&office.told(&["cases", "list", "--json"])).unwrap();
    let number = list[0]["number"].as_str().unwrap().to_owned();
    office.told(&["cases", "note", &number, "Gebeld met Zwaluwstaart, 123456782"]);
    office.told(&["cases", "decide", &number, "take-up", "--reason", "Roerdompius heeft gelijk"]);
    let whole = office.told(&["cases", "show", &number, "--show-bsn"]);
    assert!(whole.to_lowercase().contains("zwaluwstaart"), "the post is there: {whole}");
    search(
        "healthz, metrics and processes",
        &(shown + &daemon.healthz().1 + &daemon.get("/metrics").1),
        &mut found,
    );
    let log = daemon.terminate();
    assert!(log.contains("judged") && log.contains("answer given up"), "{log}");
    search("log", &log, &mut found);
    for format in ["text", "json"] {
        let told = office.bode(&["--log", format, "verify"]);
        // What cannot be taken in is named to the admin who asks, by the file's name: it is there to be put right.
        let told = String::from_utf8_lossy(&[told.stdout, told.stderr].concat()).into_owned();
        let other: String =
            told.lines().filter(|line| !line.contains("Boomkruip")).map(|line| format!("{line}\n")).collect();
        search("verify", &other, &mut found);
    }
    // Sealed: every file of the store is part of what must not tell; letters for the printer are not.
    for path in files(&office.store()) {
        if path.starts_with(office.store().join("print")) {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        search(&path.display().to_string(), &String::from_utf8_lossy(&bytes), &mut found);
        search("a file name", &path.strip_prefix(office.store()).unwrap().display().to_string(), &mut found);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    let report = office.verify();
    assert_eq!(report["exceptions"], serde_json::json!([]), "{report:#}");
}

/// A mail server out of form makes the parser of the IMAP library panic, with a letter's words in its hands: the log tells
/// that there was a panic and where, and nothing that was read; the daemon goes on.
#[test]
fn a_panic_tells_where_it_was_and_nothing_of_the_post() {
    let servers = MailServers::start();
    let port = scripted::imap(&servers, |client, tag, command| {
        if !command.contains("INTERNALDATE") {
            return Ok(Reply::Usual);
        }
        let words = "zwaluwstaart Roerdompius 123456782 <kluutstra@kwartelveen.example.nl>";
        let envelope = format!("ENVELOPE (\"{words}\" \"{words}\" NIL NIL NIL NIL NIL NIL NIL NIL)");
        let told =
            format!("* 1 FETCH (UID 1 RFC822.SIZE 10 {envelope} INTERNALDATE NIL)\r\n{{tag}} OK done\r\n");
        say(client, tag, &told).map(|()| Reply::Said)
    });
    let toml = servers.toml().replace(&format!("port = {}", servers.ports.imaps), &format!("port = {port}"));
    let office = OfficeDir::den_haag(&toml);
    let mut daemon = office.run();
    daemon.wait_for("\"a panic\"", 1);
    wait_until("it is told", || {
        daemon.ended();
        daemon.log.contains("bode is running") && daemon.healthz().0 == 503
    });
    let (_, reasons) = daemon.healthz();
    let metrics = daemon.get("/metrics").1;
    let log = daemon.terminate();
    let panic = log.lines().find(|line| line.contains("\"a panic\"")).unwrap();
    assert!(panic.contains(".rs:"), "where it was: {panic}");
    let mut found = Vec::new();
    search("log", &log, &mut found);
    search("healthz and metrics", &(reasons + &metrics), &mut found);
    assert!(found.is_empty(), "{}", found.join("\n"));
}
