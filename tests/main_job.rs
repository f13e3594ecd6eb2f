//! The main job on a real mailbox (Dovecot), a real mail server (Exim) and real scans, with the daemon killed while it
//! works: nothing is lost, doubled or answered twice.
//!
//! The post is made from `tests/samples`. With `BODE_TEST_MAIL` it is a directory of messages instead, with a
//! `gold.jsonl` beside them that tells which are automatic (`make acceptance`).

mod daemon;
mod servers;

use daemon::OfficeDir;
use servers::{MailServers, OFFICE, wait_until};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const MESSAGES: usize = 100;

/// One message on its way to the office.
struct Post {
    bytes: Vec<u8>,
    /// Envelope sender; empty for a bounce.
    envelope_from: String,
    /// Where an answer would lie.
    author: String,
    msg_id: String,
    automatic: bool,
    /// Refers to an earlier message of the same writer: part of that case, without a second answer.
    follow_up: bool,
    name: String,
}

/// Sets or replaces one header field of a message as bytes.
fn set_field(message: &[u8], name: &str, value: Option<&str>) -> Vec<u8> {
    let text = String::from_utf8_lossy(message).replace("\r\n", "\n");
    let (header, _) = text.split_once("\n\n").unwrap();
    let mut kept: Vec<String> = Vec::new();
    let mut skipping = false;
    for line in header.lines() {
        let continues = line.starts_with([' ', '\t']);
        if !continues {
            skipping = line.to_lowercase().starts_with(&format!("{}:", name.to_lowercase()));
        }
        if !skipping {
            kept.push(line.to_owned());
        }
    }
    if let Some(value) = value {
        kept.push(format!("{name}: {value}"));
    }
    let split = message
        .windows(2)
        .position(|w| w == b"\n\n")
        .map_or_else(|| message.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4, |at| at + 2);
    let mut bytes = format!("{}\n\n", kept.join("\n")).into_bytes();
    bytes.extend_from_slice(&message[split..]);
    bytes
}

fn field(message: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(message).replace("\r\n", "\n");
    let header = text
        .split_once("\n\n")
        .map_or(text.as_str(), |(header, _)| header)
        .replace("\n ", " ")
        .replace("\n\t", " ");
    header.lines().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

/// Each message gets a writer of its own, so that its mailbox tells whether it was answered.
fn post() -> Vec<Post> {
    match std::env::var_os("BODE_TEST_MAIL") {
        Some(dir) => corpus(Path::new(&dir)),
        None => samples(),
    }
}

fn samples() -> Vec<Post> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir("tests/samples/mail").unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut all = Vec::new();
    'rounds: for round in 0.. {
        for path in &files {
            if all.len() == MESSAGES {
                break 'rounds;
            }
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            // A reply comes from the writer of the message it replies to.
            let writer = if name == "10-vervolg" { "01-burgerzaken" } else { &name };
            let author = format!("{writer}-{round}@example.nl");
            let msg_id = format!("{name}-{round}@mail.example.nl");
            let mut bytes = std::fs::read(path).unwrap();
            bytes = set_field(&bytes, "From", Some(&format!("Schrijver {writer} <{author}>")));
            bytes = set_field(&bytes, "Message-ID", Some(&format!("<{msg_id}>")));
            bytes = set_field(&bytes, "Return-Path", None);
            let follow_up = name == "10-vervolg";
            if follow_up {
                let parent = format!("<01-burgerzaken-{round}@mail.example.nl>");
                bytes = set_field(&bytes, "In-Reply-To", Some(&parent));
                bytes = set_field(&bytes, "References", Some(&parent));
            }
            let automatic = name == "09-afwezig" || name == "12-nieuwsbrief";
            all.push(Post {
                bytes,
                envelope_from: author.clone(),
                author,
                msg_id,
                automatic,
                follow_up,
                name,
            });
        }
    }
    all
}

fn corpus(dir: &Path) -> Vec<Post> {
    let gold = std::fs::read_to_string(dir.join("gold.jsonl")).unwrap();
    let items = gold.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let mut all = Vec::new();
    for item in items.filter(|item| item["channel"] == "email").take(MESSAGES) {
        let name = item["id"].as_str().unwrap().to_owned();
        let mut bytes = std::fs::read(dir.join(item["file"].as_str().unwrap())).unwrap();
        let author = format!("{name}@example.nl");
        let bounce = field(&bytes, "Return-Path").is_some_and(|path| path == "<>");
        bytes = set_field(&bytes, "From", Some(&format!("Schrijver {name} <{author}>")));
        bytes = set_field(&bytes, "Return-Path", None);
        all.push(Post {
            msg_id: field(&bytes, "Message-ID").unwrap().trim_matches(['<', '>']).to_owned(),
            automatic: item["gold"]["automatic"].as_bool().unwrap(),
            follow_up: false,
            envelope_from: if bounce { String::new() } else { author.clone() },
            bytes,
            author,
            name,
        });
    }
    all
}

/// After which log line the daemon is killed, in turn. Every state of the write path is among them.
const KILLS: &[(&str, usize)] = &[
    ("mailbox connected", 1),
    ("\"registered\"", 1),
    ("\"registered\"", 5),
    ("judged: a new case", 1),
    ("judged: a new case", 4),
    ("answer sent", 1),
    ("answer sent", 3),
    ("\"registered\"", 8),
    ("judged: a new case", 7),
    ("answer sent", 6),
    ("judged:", 9),
    ("answer sent", 2),
];

#[test]
fn a_hundred_messages_with_the_daemon_killed_meanwhile() {
    let servers = MailServers::start();
    let office = OfficeDir::den_haag(
        &servers
            .toml()
            .replace("done_folder = \"Verwerkt\"", "done_folder = \"Verwerkt\"\nanswer_from = 2026-01-01"),
    );
    let post = post();
    let share = post.len().div_ceil(KILLS.len());
    let mut log = String::new();
    for (batch, (word, count)) in post.chunks(share).zip(KILLS) {
        for message in batch {
            servers.deliver(&message.bytes, &message.envelope_from, OFFICE);
        }
        let mut daemon = office.run();
        daemon.wait_for(word, *count);
        log.push_str(&daemon.kill());
    }
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    wait_until("every message is judged and no answer waits", || {
        let report = office.verify();
        report["pieces"] == post.len() && report["in_work"] == 0 && report["answers"]["waiting"] == 0
    });
    wait_until("the mailbox is empty", || servers.folder_messages(OFFICE, "Verwerkt").len() >= post.len());
    log.push_str(&daemon.terminate());

    let report = office.verify();
    assert_eq!(report["exceptions"], serde_json::json!([]), "{report:#}");
    assert!(
        servers.mailbox_messages(OFFICE).iter().all(|message| field(message, "Auto-Submitted").is_some())
    );
    assert_answers(&servers, &office, &post);
    assert_no_people(&log, &office, &post);
    assert_rebuilt(&office);
}

/// One acknowledgement for each case that has one, with the right header; none for a machine or a follow-up.
fn assert_answers(servers: &MailServers, office: &OfficeDir, post: &[Post]) {
    let mut answered = 0;
    for message in post.iter().filter(|message| !message.follow_up) {
        let lying = servers.mailbox_messages(&message.author);
        let ours: BTreeSet<String> = lying.iter().filter_map(|answer| field(answer, "Message-ID")).collect();
        if message.automatic {
            assert!(lying.is_empty(), "{} is automatic and was answered", message.name);
            continue;
        }
        assert!(ours.len() <= 1, "{} has {} acknowledgements", message.name, ours.len());
        let Some(answer) = lying.first() else { continue };
        answered += 1;
        let get = |name: &str| field(answer, name).unwrap_or_default();
        assert_eq!(get("Auto-Submitted"), "auto-replied", "{}", message.name);
        assert_eq!(get("In-Reply-To"), format!("<{}>", message.msg_id), "{}", message.name);
        assert!(get("References").contains(&message.msg_id), "{}", message.name);
        assert!(get("Return-Path").starts_with("<mislukt+2026-"), "{}", message.name);
        assert!(get("Subject").contains("[2026-"), "{}: {}", message.name, get("Subject"));
    }
    let report = office.verify();
    let (sent, cases) = (&report["answers"]["sent"], report["cases"].as_u64().unwrap());
    assert_eq!(*sent, answered, "what was sent lies in the writers' mailboxes: {report:#}");
    let personal = post.iter().filter(|message| !message.automatic && !message.follow_up).count() as u64;
    if std::env::var_os("BODE_TEST_MAIL").is_none() {
        assert_eq!((cases, answered), (personal, personal), "{report:#}");
    }
    println!("{} messages: {cases} cases, {answered} answered", post.len());
}

/// Logs and journal carry numbers, not people.
fn assert_no_people(log: &str, office: &OfficeDir, post: &[Post]) {
    let mut journal = String::new();
    for entry in std::fs::read_dir(office.store().join("journal")).unwrap() {
        journal.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    for message in post {
        let subject = field(&message.bytes, "Subject").unwrap_or_default();
        for (what, text) in [("log", log), ("journal", journal.as_str())] {
            assert!(!text.contains(&message.author), "the {what} holds an address");
            assert!(subject.len() < 20 || !text.contains(&subject), "the {what} holds a subject");
        }
    }
}

/// Without its index the store gives the same answers.
fn assert_rebuilt(office: &OfficeDir) {
    let before = office.told(&["cases", "list", "--json"]);
    std::fs::remove_dir_all(office.store().join("index")).unwrap();
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    daemon.terminate();
    assert_eq!(before, office.told(&["cases", "list", "--json"]));
    assert!(before.len() > 1_000, "{before}");
}
