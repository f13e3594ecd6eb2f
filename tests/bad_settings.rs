//! What people get wrong around the daemon: passwords, a full disk, rules, templates, configuration; and a stop while a
//! piece is being read. Each is told to the one who can mend it, nothing is lost, and the daemon goes on.

mod daemon;
mod servers;

use daemon::{Daemon, OfficeDir};
use servers::{MailServers, OFFICE, PASSWORD, wait_until};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const WRONG_PASSWORD: &str = "niet-het-goede-wachtwoord";

fn complaint(name: &str) -> Vec<u8> {
    format!(
        "From: Ruud de Wit <{name}@example.nl>\nTo: <{OFFICE}>\nSubject: Klacht\n\
         Message-ID: <{name}@mail.example.nl>\n\nGeachte ombudsman,\n\nIk kreeg bij de gemeente Den Haag geen \
         antwoord op mijn klacht over de afdeling Burgerzaken.\n\nRuud de Wit\n"
    )
    .into_bytes()
}

/// An office with a scan folder, and rules and templates of its own to spoil.
fn office_with_scans() -> (OfficeDir, PathBuf) {
    let office = OfficeDir::den_haag("[scan]\ndir = \"scans\"\nstill_seconds = 0\npoll_seconds = 1\n");
    let scans = office.dir.path().join("scans");
    std::fs::create_dir_all(&scans).unwrap();
    let mut config = std::fs::read_to_string(&office.config).unwrap();
    let here = std::env::current_dir().unwrap();
    for name in ["rules", "templates"] {
        copy_dir(&here.join(name), &office.dir.path().join(name));
        config = config.replace(&format!("{:?}", here.join(name)), &format!("{name:?}"));
    }
    std::fs::write(&office.config, config).unwrap();
    (office, scans)
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for path in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_dir(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// Lays a scan in the folder as a scanner does, whole at once; the text makes each another file.
fn scan(scans: &Path, name: &str) {
    let mut bytes = std::fs::read("tests/fixtures/extract/tekst.pdf").unwrap();
    bytes.extend(format!("\n% {name}\n").bytes());
    std::fs::write(scans.join(format!(".{name}")), bytes).unwrap();
    std::fs::rename(scans.join(format!(".{name}")), scans.join(name)).unwrap();
}

fn judged(office: &OfficeDir, pieces: usize) {
    wait_until("the scans are judged", || {
        let report = office.verify();
        report["pieces"] == pieces && report["in_work"] == 0
    });
}

fn append(path: &Path, text: &str) -> String {
    let before = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, format!("{before}{text}")).unwrap();
    before
}

#[test]
fn wrong_passwords_are_told_and_mended_without_a_restart() {
    let servers = MailServers::start();
    let [imap, smtp] = ["imap-wachtwoord", "smtp-wachtwoord"];
    let mut files = [imap, smtp].into_iter();
    let own = |line: &str| match line.starts_with("password = ") {
        true => format!("password = {{ file = {:?} }}", files.next().unwrap()),
        false => line.to_owned(),
    };
    let settings: Vec<String> = servers.toml().lines().map(own).collect();
    let office = OfficeDir::den_haag(&settings.join("\n"));
    let set = |name: &str, password: &str| std::fs::write(office.dir.path().join(name), password).unwrap();
    set(imap, WRONG_PASSWORD);
    set(smtp, WRONG_PASSWORD);

    let doctor = office.bode(&["doctor"]);
    let told = String::from_utf8(doctor.stdout).unwrap();
    assert_eq!(doctor.status.code(), Some(1), "{told}");
    let mailbox =
        told.lines().find(|line| line.starts_with("WRONG mailbox")).unwrap_or_else(|| panic!("{told}"));
    assert!(mailbox.contains("check user and password under [mailbox]"), "{mailbox}");
    let mail = told.lines().find(|line| line.starts_with("WRONG SMTP")).unwrap_or_else(|| panic!("{told}"));
    assert!(mail.contains("check user and password under [smtp]"), "{mail}");

    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    daemon.wait_for("cannot be read now", 1);
    let (status, reasons) = daemon.healthz();
    assert_eq!(status, 503, "{reasons}");
    assert!(reasons.contains("mailbox: ") && reasons.contains("check user and password"), "{reasons}");

    set(imap, PASSWORD);
    servers.deliver(&complaint("ruud"), "ruud@example.nl", OFFICE);
    daemon.wait_for("the mail server cannot be used", 1);
    wait_until("the outbox is ill and the mailbox is not", || {
        let (status, reasons) = daemon.healthz();
        status == 200
            && reasons.contains("outbox: the mail server refuses the user or the password")
            && !reasons.contains("mailbox:")
    });
    set(smtp, PASSWORD);
    servers.wait_for_messages("ruud@example.nl", "", 1);
    wait_until("all is well", || daemon.healthz() == (200, "ok\n".to_owned()));
    let log = daemon.terminate();
    assert!(!log.contains(WRONG_PASSWORD) && !log.contains("panicked"), "{log}");
    assert!(log.contains("check user and password under [mailbox]"), "{log}");
    assert!(log.contains("check user and password under [smtp]"), "{log}");
    assert_eq!(office.verify()["exceptions"], serde_json::json!([]));
}

/// A small file system of its own where this process may mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(dir: PathBuf) -> Option<Self> {
        std::fs::create_dir_all(&dir).unwrap();
        let status =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=6m", "bode-test"]).arg(&dir).status();
        status.is_ok_and(|status| status.success()).then_some(Self(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Fills a disk to the last byte.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).unwrap();
    for bytes in [64 * 1024, 512, 1] {
        while file.write_all(&vec![0; bytes]).is_ok() {}
    }
}

#[test]
fn a_full_disk_leaves_the_scans_where_they_are_until_there_is_room() {
    let (office, scans) = office_with_scans();
    let Some(disk) = SmallDisk::mount(office.store()) else {
        eprintln!("not shown here: this account may not mount a tmpfs");
        return;
    };
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    scan(&scans, "eerst.pdf");
    judged(&office, 1);
    let ballast = disk.0.join("ballast");
    fill(&ballast);
    scan(&scans, "vol.pdf");
    daemon.wait_for("not stored; it stays where it is", 1);
    let (status, reasons) = daemon.healthz();
    assert_eq!(status, 503);
    assert!(reasons.contains("scans: ") && reasons.contains("No space left"), "{reasons}");
    assert!(scans.join("vol.pdf").exists());
    // Long enough for sled to notice too: it writes every ten seconds, and after a failure wants to be opened anew.
    daemon.wait_for("not stored; it stays where it is", 4);

    std::fs::remove_file(&ballast).unwrap();
    judged(&office, 2);
    wait_until("the scan is put away", || scans.join("done/vol.pdf").exists());
    let log = daemon.terminate();
    assert!(!log.contains("panicked"), "{log}");
    assert_eq!(office.verify()["exceptions"], serde_json::json!([]));
}

#[test]
fn an_index_that_could_not_write_is_opened_anew_by_itself() {
    let (office, scans) = office_with_scans();
    let mut command = Command::new("env");
    command.args(["--ignore-signal=XFSZ", daemon::BODE]);
    let mut daemon = Daemon::start_by(command, &office.config);
    let pid = daemon.pid().as_raw_nonzero().to_string();
    // No file of the daemon may be written, as on a disk that is full to the last byte.
    let limit = |bytes: &str| {
        let status =
            Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:unlimited")]).status();
        assert!(status.unwrap().success());
    };
    daemon.wait_for("bode is running", 1);
    scan(&scans, "eerst.pdf");
    judged(&office, 1);
    limit("0");
    scan(&scans, "tweede.pdf");
    // Longer than the ten seconds after which sled writes; a sled that failed refuses everything from then on.
    daemon.wait_for("not stored; it stays where it is", 5);
    limit("unlimited");
    judged(&office, 2);
    wait_until("the scan is put away", || scans.join("done/tweede.pdf").exists());
    let log = daemon.terminate();
    assert!(!log.contains("panicked"), "{log}");
    assert_eq!(office.verify()["exceptions"], serde_json::json!([]));
}

#[test]
fn a_broken_rule_template_or_setting_is_told_with_its_place_and_never_takes_effect() {
    let (office, scans) = office_with_scans();
    let dir = office.dir.path().to_owned();
    let rule = "\n[[rule]]\nid = \"kapot\"\nconcludes = \"urgent=true\"\nreason = \"Proef.\"\nweight = 1.0\n\
                any = [\"spoed(\"]\nfires = [\"spoed\"]\nnot = [\"rust\"]\n";
    let spoiled = [
        (dir.join("rules/urgent.toml"), rule, "urgent.toml:"),
        (dir.join("templates/shared/received.nl.txt"), "\n{{ kenmrek }} {% if %}\n", "received.nl.txt:"),
        (office.config.clone(), "\nkleur = \"rood\"\n", "office.toml:"),
    ];
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    for (round, (path, fault, place)) in spoiled.iter().enumerate() {
        let whole = append(path, fault);
        for command in [&["rules", "check"][..], &["run"]] {
            let output = office.bode(command);
            let told = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{place} {command:?}: {told}");
            let line = told.lines().find(|line| line.contains(place)).unwrap_or_else(|| panic!("{told}"));
            let at = line.split(place).nth(1).unwrap();
            let numbers: Vec<bool> =
                at.split(':').take(2).map(|part| part.trim().parse::<u32>().is_ok()).collect();
            assert_eq!(numbers, [true, true], "file:line:column in {line}");
        }
        daemon.reload();
        daemon.wait_for("the old rules stay", 1);
        let (status, reasons) = daemon.healthz();
        assert!(status == 200 && reasons.contains("rules: "), "{reasons}");
        scan(&scans, &format!("brief-{round}.pdf"));
        daemon.wait_for("judged:", 1);
        std::fs::write(path, whole).unwrap();
        daemon.reload();
        daemon.wait_for("read again", 1);
        assert_eq!(daemon.healthz(), (200, "ok\n".to_owned()));
    }
    let log = daemon.terminate();
    assert!(!log.contains("panicked"), "{log}");
    assert_eq!(office.verify()["pieces"], spoiled.len());
}

#[test]
fn a_time_to_take_back_that_is_too_long_is_told() {
    let office = OfficeDir::den_haag("");
    append(&office.config, "undo_minutes = 721\n");
    let output = office.bode(&["run"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("undo_minutes") && told.contains("721 is not between 0 and 720"), "{told}");
}

#[test]
fn a_language_that_cannot_be_recognised_is_told_before_anything_is_read() {
    for (languages, word) in [("nld+klingonees", "tesseract-ocr-klingonees"), ("nld, eng", "with a +")] {
        let office = OfficeDir::den_haag(&format!("[reading]\nlanguages = {languages:?}\n"));
        for command in [&["run"][..], &["rules", "check"]] {
            let output = office.bode(command);
            let told = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{command:?}: {told}");
            assert!(told.contains("languages: ") && told.contains(word), "{told}");
        }
    }
}

#[test]
fn a_stop_while_a_piece_is_being_read_is_in_time_and_the_next_start_ends_it() {
    let (office, scans) = office_with_scans();
    let page = std::fs::read("tests/fixtures/extract/scan.pdf").unwrap();
    std::fs::write(scans.join("scan.pdf"), page).unwrap();
    let mut daemon = office.run();
    daemon.wait_for("\"registered\"", 1);
    let start = Instant::now();
    let log = daemon.terminate();
    assert!(start.elapsed() < 2 * bode::limits::DRAIN_TIME_MAX, "{:?}", start.elapsed());
    assert!(!log.contains("panicked"), "{log}");
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    judged(&office, 1);
    daemon.terminate();
    assert_eq!(office.verify()["exceptions"], serde_json::json!([]));
}
