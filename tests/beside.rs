//! Commands beside a running daemon: what they read of the index they ask of it, and fold no journal for that.

mod daemon;
mod servers;

use daemon::OfficeDir;
use serde_json::Value;

fn mail(number: usize) -> String {
    format!(
        "Return-Path: <schrijver{number}@example.org>\nFrom: Schrijver {number} <schrijver{number}@example.org>\n\
         To: klacht@ombudsman.example.nl\nSubject: Klacht over loket {number}\n\
         Message-ID: <klacht-{number}@mail.example.org>\nDate: Mon, 2 Mar 2026 10:00:00 +0100\n\n\
         Ik heb een klacht over de gemeente Den Haag: ik werd aan de balie weggestuurd.\n"
    )
}

#[test]
fn a_command_beside_the_daemon_reads_no_journal() {
    let office = OfficeDir::den_haag("[maildir]\ndir = \"post\"\npoll_seconds = 1\n");
    for folder in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(office.dir.path().join("post").join(folder)).unwrap();
    }
    for number in 0..3 {
        std::fs::write(office.dir.path().join(format!("post/new/{number}.test")), mail(number)).unwrap();
    }
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    servers::wait_until("three cases", || office.told(&["cases", "list"]).contains("3 zaken"));
    // Each answer was looked at once, and found no way out: from here on nothing changes by itself.
    let looked_at = || office.told(&["cases", "list", "--json"]).matches("Er is geen mailserver").count();
    servers::wait_until("three answers that wait", || looked_at() == 3);
    let listed: Value = serde_json::from_str(&office.told(&["cases", "list", "--json"])).unwrap();
    let number = listed[0]["number"].as_str().unwrap();
    let commands: [&[&str]; 8] = [
        &["cases", "list", "--json"],
        &["cases", "list", "--queue", "nieuw"],
        &["cases", "search", "loket", "--json"],
        &["cases", "show", number],
        &["cases", "due", "--days", "365"],
        &["answers", "list", "--json"],
        &["letters", "list"],
        &["rules", "score", "--json"],
    ];
    let before = commands.map(|command| office.told(command));
    assert!(before[2].contains("loket 1"), "{}", before[2]);

    // The journal is out of their reach; the daemon writes on where it is.
    let journal = office.store().join("journal");
    let away = office.dir.path().join("journal-elders");
    std::fs::rename(&journal, &away).unwrap();
    for (command, before) in commands.iter().zip(&before) {
        assert_eq!(&office.told(command), before, "{command:?}");
    }
    office.told(&["cases", "looks", number]);
    let copy = office.dir.path().join("uit");
    let told = office.told(&["cases", "export", "--all", "--out", copy.to_str().unwrap()]);
    assert!(told.starts_with("3 zaken"), "{told}");
    let shown = office.told(&["cases", "note", number, "Gebeld."]);
    assert!(shown.contains(number));
    // What changed since is seen at once.
    assert!(office.told(&["cases", "show", number]).contains("Gebeld."));
    std::fs::rename(&away, &journal).unwrap();
    let log = daemon.terminate();
    assert!(!log.contains("a request of the command line was cut off"), "{log}");

    // Without a daemon: from the journal, with the same answer.
    assert_eq!(office.told(commands[0]), {
        let mut daemon = office.run();
        daemon.wait_for("bode is running", 1);
        office.told(commands[0])
    });
}
