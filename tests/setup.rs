//! `bode setup`: from nothing to a configuration that was tried against real servers; what is wrong is named, and nothing
//! is written then.

mod daemon;
mod servers;

use daemon::BODE;
use servers::{MailServers, OFFICE, PASSWORD};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, flags: &[&str]) -> Command {
        let mut command = Command::new(BODE);
        command
            .args(["setup", "--data", ".", "--office", "den-haag", "--desk", "127.0.0.1:0", "--out"])
            .arg(self.at("etc/den-haag.toml"))
            .arg("--store")
            .arg(self.at("lib/store"))
            .args(flags)
            .stdin(Stdio::null());
        command
    }

    fn setup(&self, flags: &[&str]) -> Output {
        self.command(flags).output().unwrap()
    }

    fn bode(&self, arguments: &[&str]) -> Output {
        Command::new(BODE).arg("--config").arg(self.at("etc/den-haag.toml")).args(arguments).output().unwrap()
    }
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode()
        & 0o777
}

/// Flags for both servers; the passwords lie in files.
fn mail(servers: &MailServers, password_file: &Path) -> Vec<String> {
    let (imap, smtp) = (servers.ports.imaps.to_string(), servers.ports.submissions.to_string());
    let (ca, password) = (servers.ca_file().display().to_string(), password_file.display().to_string());
    [
        "--imap-host",
        "localhost",
        "--imap-port",
        &imap,
        "--imap-user",
        OFFICE,
        "--imap-password-file",
        &password,
        "--ca-file",
        &ca,
        "--smtp-host",
        "localhost",
        "--smtp-port",
        &smtp,
        "--smtp-user",
        OFFICE,
        "--smtp-password-file",
        &password,
        "--return-path",
        "mislukt@ombudsman.example.nl",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[test]
fn flags_alone_set_up_an_office_that_doctor_finds_well() {
    let servers = MailServers::start();
    let place = Place::new();
    let (password, scans) = (place.at("wachtwoord"), place.at("scans"));
    std::fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    let mut flags = mail(&servers, &password);
    let test_to = format!("proef@{}", OFFICE.split_once('@').unwrap().1);
    for flag in ["--scans", scans.to_str().unwrap(), "--admin", "beheer", "--smtp-test-to", &test_to] {
        flags.push(flag.to_owned());
    }
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let output = place.setup(&flags);
    assert!(output.status.success(), "{}", told(&output));
    let printed = String::from_utf8(output.stdout).unwrap();
    let config = place.at("etc/den-haag.toml");
    assert!(printed.lines().any(|line| Path::new(line) == config), "{printed}");
    assert!(printed.contains("password for once of beheer: "), "{printed}");
    assert_eq!((mode(&config), mode(&place.at("etc/den-haag.imap-password"))), (0o640, 0o600));
    assert_eq!((mode(&place.at("etc/den-haag.smtp-password")), mode(&place.at("lib/store"))), (0o600, 0o700));
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(!text.contains(PASSWORD) && text.contains("[rehearsal]\non = true"), "{text}");
    assert!(
        text.contains("# Ids of rules/organisations.toml"),
        "the office's data come with their comments: {text}"
    );
    assert!(
        place.at("lib/rules/organisations.toml").is_file() && place.at("lib/templates/den-haag").is_dir()
    );
    // Nothing but the one message that was asked for went out.
    servers.wait_for_messages(&test_to, "", 1);
    let trial = servers.mailbox_messages(&test_to).remove(0);
    assert!(String::from_utf8_lossy(&trial).contains("Auto-Submitted: auto-generated"));
    let doctor = place.bode(&["doctor"]);
    let found = told(&doctor);
    assert!(doctor.status.success(), "{found}");
    assert!(found.contains("ok    mailbox") && found.contains("ok    SMTP"), "{found}");
    let users = told(&place.bode(&["user", "list"]));
    assert!(users.contains("beheer\tadmin"), "{users}");
    // Once more: what is there stays, unless it is said.
    let again = place.setup(&flags);
    assert_eq!(again.status.code(), Some(2), "{}", told(&again));
    assert!(told(&again).contains("is there already"), "{}", told(&again));
    assert_eq!(std::fs::read_to_string(&config).unwrap(), text);
    let forced = place.setup(&[&flags[..], &["--force", "--live"]].concat());
    assert!(forced.status.success(), "{}", told(&forced));
    assert!(std::fs::read_to_string(&config).unwrap().contains("on = false"));
    assert_eq!(std::fs::read_to_string(place.at("etc/den-haag.toml.old")).unwrap(), text);
    let left: Vec<_> =
        std::fs::read_dir(place.at("etc")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "no scratch is left: {left:?}");
}

#[test]
fn each_failure_is_named_with_what_to_do_and_nothing_is_written() {
    let servers = MailServers::start();
    let place = Place::new();
    let wrong = place.at("wachtwoord");
    std::fs::write(&wrong, "niet-het-goede").unwrap();
    let short = place.at("kort");
    std::fs::write(&short, "kort").unwrap();
    let mut flags = mail(&servers, &wrong);
    for flag in
        ["--admin", "beheer", "--admin-password-file", short.to_str().unwrap(), "--scans", "/nowhere/at/all"]
    {
        flags.push(flag.to_owned());
    }
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let output = place.setup(&flags);
    let said = told(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for (part, what) in [
        ("mailbox: ", "check user and password"),
        ("SMTP: ", "check user and password"),
        ("scan folder: ", "/nowhere/at/all cannot be written"),
        ("first account: ", "a password"),
    ] {
        let line = said.lines().find(|line| line.starts_with(&format!("bode: {part}")));
        assert!(line.is_some_and(|line| line.contains(what)), "{part}{what}: {said}");
    }
    assert!(!place.at("etc/den-haag.toml").exists() && !place.at("lib/store").exists(), "{said}");
    assert!(!said.contains("niet-het-goede"), "{said}");
    assert!(servers.mailbox_messages(OFFICE).is_empty());
    // A message to try the server goes to nobody outside.
    let outside = place.setup(&[&flags[..], &["--smtp-test-to", "burger@elders.example.org"]].concat());
    assert_eq!(outside.status.code(), Some(2));
    assert!(told(&outside).contains("not of the office's own domain"), "{}", told(&outside));
}

#[test]
fn what_is_wanting_is_wrong_usage_and_print_writes_nothing() {
    let place = Place::new();
    let nothing = place.setup(&[]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(told(&nothing).contains("nothing would come in"), "{}", told(&nothing));
    let half = place.setup(&["--imap-host", "imap.example.nl", "--smtp-host", "smtp.example.nl"]);
    let said = told(&half);
    assert!(said.contains("--imap-user") && said.contains("--from-address"), "every part is named: {said}");
    let scans = place.at("scans");
    let printed = place.setup(&["--scans", scans.to_str().unwrap(), "--untested", "--print"]);
    assert!(printed.status.success(), "{}", told(&printed));
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(text.parse::<toml::Table>().unwrap()["rehearsal"]["on"].as_bool().unwrap(), "{text}");
    assert!(!place.at("etc/den-haag.toml").exists());
    for office in ["amsterdam", "deventer", "haarlem", "nationale-ombudsman"] {
        let out = place.at(&format!("{office}.toml"));
        let store = place.at(&format!("{office}/store"));
        let made = Command::new(BODE)
            .args([
                "setup",
                "--data",
                ".",
                "--untested",
                "--desk",
                "127.0.0.1:0",
                "--office",
                office,
                "--scans",
            ])
            .args([place.at("scans"), PathBuf::from("--out"), out.clone(), PathBuf::from("--store"), store])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", told(&made));
        let (ours, shipped) = (
            bode::config::load(&out).unwrap(),
            bode::config::load(Path::new(&format!("config/{office}.toml"))).unwrap(),
        );
        assert_eq!((ours.office, ours.retention), (shipped.office, shipped.retention), "{office}");
    }
}

#[test]
fn on_a_terminal_it_asks_and_a_password_is_not_shown() {
    let place = Place::new();
    let line = format!(
        "{BODE} setup --data . --untested --desk 127.0.0.1:0 --out {} --store {} --scans {}",
        place.at("etc/den-haag.toml").display(),
        place.at("lib/store").display(),
        place.at("scans").display()
    );
    // Gives the program a terminal of its own.
    let mut child = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keys = child.stdin.take().unwrap();
    // Office; no mailbox; no SMTP; account and password; rehearsal; write.
    keys.write_all(b"den-haag\n-\n-\nbeheer\n").unwrap();
    keys.write_all("paarse fiets zonder zadel\nyes\nyes\n".as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(keys);
    let said = told(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("Which one is this") && said.contains("All of it works."), "{said}");
    assert!(place.at("etc/den-haag.toml").is_file(), "{said}");
    let login = bode::review::Accounts::new(&place.at("lib/store")).list().unwrap();
    assert_eq!(login.len(), 1);
}
