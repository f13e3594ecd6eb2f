//! A rehearsal: everything runs, nothing leaves the house, the mailbox stays as it was; what was judged is held against what
//! staff decided; and when it ends, nothing of it goes out by itself.

mod daemon;
mod servers;

use bode::record::{Arrival, Channel, Origin, REHEARSED};
use bode::store::Store;
use daemon::OfficeDir;
use servers::{MailServers, OFFICE, wait_until};
use std::path::Path;

fn complaint(name: &str) -> Vec<u8> {
    format!(
        "From: {name} Jansen <{name}@example.nl>\nTo: <{OFFICE}>\nSubject: Klacht van {name}\nMessage-ID: <{name}@mail.example.nl>\n\
         Return-Path: <{name}@example.nl>\n\nGeachte ombudsman,\n\nDe gemeente Den Haag gaf mij geen antwoord op mijn klacht over \
         de afdeling Burgerzaken. Ik belde al vijf keer.\n\n{name} Jansen\n"
    )
    .into_bytes()
}

fn set(config: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(config).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(config, text.replace(from, to)).unwrap();
}

fn judged(office: &OfficeDir, pieces: usize) {
    wait_until("all pieces are judged", || {
        let report = office.verify();
        report["pieces"] == pieces && report["in_work"] == 0
    });
}

/// The answers by case, as the store has them.
fn states(office: &OfficeDir) -> Vec<String> {
    let listed: serde_json::Value = serde_json::from_str(&office.told(&["cases", "list", "--json"])).unwrap();
    let rows = listed.as_array().or_else(|| listed["cases"].as_array()).unwrap_or_else(|| panic!("{listed}"));
    rows.iter().map(|row| row["answer"]["state"].to_string()).collect()
}

#[test]
fn nothing_leaves_the_house_and_nothing_of_it_goes_out_when_it_ends() {
    let servers = MailServers::start();
    let office = OfficeDir::den_haag(&format!("[rehearsal]\non = true\n\n{}", servers.toml()));
    for name in ["ruud", "fatma"] {
        servers.deliver(&complaint(name), &format!("{name}@example.nl"), OFFICE);
    }
    servers.wait_for_messages(OFFICE, "", 2);
    let mut daemon = office.run();
    daemon.wait_for("rehearsal: answers are written and nothing is sent", 1);
    judged(&office, 2);
    wait_until("both answers are withheld", || {
        states(&office).iter().filter(|state| state.contains(REHEARSED)).count() == 2
    });
    // The mailbox is as it was: both there, unread, and no folder of ours.
    assert_eq!(servers.mailbox_messages(OFFICE).len(), 2);
    for folder in ["Verwerkt", "bode-in-gebruik"] {
        assert!(servers.folder_messages(OFFICE, folder).is_empty(), "{folder}");
    }
    let compared: serde_json::Value = serde_json::from_str(&office.told(&["rehearsal", "--json"])).unwrap();
    assert_eq!(
        (&compared["on"], &compared["found"]["answers"]["would_go"]),
        (&true.into(), &2.into()),
        "{compared}"
    );
    daemon.terminate();

    // A second start sees the same mail again and takes nothing twice.
    let mut daemon = office.run();
    daemon.wait_for("the same piece again", 2);
    judged(&office, 2);
    daemon.terminate();

    // What still waits when it ends: an answer that nobody tried, and a piece that nobody judged.
    let waiting = office.dir.path().join("wachtend.eml");
    std::fs::write(&waiting, complaint("wim")).unwrap();
    office.told(&["import", waiting.to_str().unwrap()]);
    assert!(states(&office).iter().any(|state| state.contains("waiting")), "{:?}", states(&office));
    let now = jiff::Timestamp::now();
    let arrival = Arrival {
        channel: Channel::Email,
        name: "message.eml".into(),
        bytes: complaint("olga"),
        received_at: now,
        origin: Origin::Import { file: "olga.eml".into() },
        acknowledge: true,
    };
    let store = Store::open(office.store()).unwrap();
    store.register(&[arrival], now).unwrap();
    drop(store);

    set(&office.config, "on = true", "on = false");
    let mut daemon = office.run();
    daemon.wait_for("the rehearsal is over", 1);
    judged(&office, 4);
    // In earnest: new mail is answered, and what lay in the mailbox is moved.
    servers.deliver(&complaint("nieuw"), "nieuw@example.nl", OFFICE);
    servers.wait_for_messages("nieuw@example.nl", "", 1);
    servers.wait_for_messages(OFFICE, "Verwerkt", 3);
    for name in ["ruud", "fatma", "wim", "olga"] {
        assert!(
            servers.mailbox_messages(&format!("{name}@example.nl")).is_empty(),
            "{name} got an answer of the rehearsal"
        );
    }
    daemon.terminate();
    assert_eq!(office.verify()["exceptions"], serde_json::json!([]));
    let store = Store::open(office.store()).unwrap();
    assert_eq!(store.waiting_answers().unwrap(), 0);
    assert!(store.rehearsal().unwrap().unwrap().ended.is_some());
}

#[test]
fn the_comparison_tells_where_staff_saw_it_otherwise() {
    let office = OfficeDir::den_haag("[rehearsal]\non = true\n[scan]\ndir = \"scans\"\n");
    std::fs::create_dir_all(office.dir.path().join("scans")).unwrap();
    for name in ["anna", "bram", "carla"] {
        let path = office.dir.path().join(format!("{name}.eml"));
        std::fs::write(&path, complaint(name)).unwrap();
        office.told(&["import", path.to_str().unwrap()]);
    }
    let numbers: Vec<String> = {
        let store = Store::open(office.store()).unwrap();
        let mut numbers = Vec::new();
        store
            .each_case(&mut |row| {
                numbers.push(row.number.to_string());
                true
            })
            .unwrap();
        numbers
    };
    assert_eq!(numbers.len(), 3);
    office.told(&["cases", "decide", &numbers[0], "take-up"]);
    office.told(&["cases", "decide", &numbers[1], "not-a-complaint", "--reason", "Een bedankje."]);
    let compared: serde_json::Value = serde_json::from_str(&office.told(&["rehearsal", "--json"])).unwrap();
    let found = &compared["found"];
    assert_eq!(
        (&found["cases"], &found["decided"], &found["agreed"]),
        (&3.into(), &2.into(), &1.into()),
        "{compared}"
    );
    let scope = &found["labels"]["scope"];
    assert_eq!((&scope["agreed"], &scope["overruled"]), (&1.into(), &1.into()), "{compared}");
    assert_eq!(scope["cases"][0]["case"], numbers[1].as_str(), "{compared}");
    let queues: u64 =
        found["queues"].as_object().unwrap().values().map(|fate| fate["open"].as_u64().unwrap()).sum();
    assert_eq!(queues, 1, "{compared}");
    let text = office.told(&["rehearsal"]);
    assert!(text.contains("3 zaken, 2 beslist") && text.contains(&numbers[1]), "{text}");
    assert!(!text.contains("example.nl") && !text.contains("Jansen"), "no person: {text}");
    let none = office.told(&["rehearsal", "--json", "--from", "2999-01-01"]);
    assert!(none.contains("\"cases\": 0"), "{none}");
}
