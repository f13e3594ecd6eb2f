//! No secret of a run can be read where others look: in the list of processes, in what the reading processes inherit, in
//! logs, in what commands print, or in the store.

mod daemon;
mod servers;

use daemon::OfficeDir;
use servers::oidc::{PERSON, SignInServer};
use servers::{MailServers, OFFICE, Oauth, Options, PASSWORD, wait_until};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The processes that this one started, and theirs.
fn descendants(of: i32) -> Vec<i32> {
    let mut parents: BTreeMap<i32, i32> = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // It may have ended in the meantime.
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let fields = stat.rsplit_once(')').unwrap().1;
        parents.insert(pid, fields.split_whitespace().nth(1).unwrap().parse().unwrap());
    }
    let mut found = vec![of];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(parents.iter().filter(|(_, its)| **its == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    found.split_off(1)
}

/// Every file below a folder that holds one of these.
fn holding(dir: &Path, secrets: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(holding(&entry.path(), secrets));
            continue;
        }
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        let holds = |secret: &String| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        if secrets.iter().any(holds) {
            found.push(entry.path().display().to_string());
        }
    }
    found
}

#[test]
fn no_secret_shows() {
    let provider = SignInServer::start(600);
    let oauth = Oauth { introspection: provider.introspection(), mechanisms: &["XOAUTH2"], scope: "mail" };
    let servers = MailServers::start_with(&Options { oauth: Some(oauth), ..Options::default() });
    let scratch = tempfile::tempdir().unwrap();
    let credentials = scratch.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    let refresh = credentials.join("refresh-token");
    let sign_in = provider.toml_by_refresh_token(&refresh);
    std::fs::write(&refresh, provider.new_refresh_token()).unwrap();
    std::fs::write(credentials.join("smtp"), PASSWORD).unwrap();
    // The mailbox by a sign-in whose refresh token systemd laid down, SMTP by a password that it laid down.
    let file = format!("{{ file = {refresh:?} }}");
    assert!(sign_in.contains(&file));
    let sign_in = sign_in.replace(&file, "{ credential = \"refresh-token\" }");
    let password = format!("password = {{ file = {:?} }}", servers.password_file());
    let by_password = servers.toml();
    let (mailbox, smtp) = by_password.split_once("[smtp]").unwrap();
    let sections = format!(
        "{}[smtp]{}\n{sign_in}",
        mailbox.replace(&password, "oauth = \"proef\""),
        smtp.replace(&password, "password = { credential = \"smtp\" }")
    );
    let office = OfficeDir::den_haag(&sections);
    let mut command = Command::new(daemon::BODE);
    command.env("CREDENTIALS_DIRECTORY", &credentials).env("EEN_ANDER_GEHEIM", "niet-voor-werkers");
    let mut daemon = daemon::Daemon::start_by(command, &office.config);
    daemon.wait_for("bode is running", 1);
    let mut complaint = format!(
        "From: A. Jansen <jansen@example.org>\r\nTo: {OFFICE}\r\nSubject: Klacht\r\nMessage-ID: <geheim@example.org>\r\n\
         Date: Mon, 02 Mar 2026 09:00:00 +0100\r\n\r\nGeachte ombudsman,\r\n\r\n"
    );
    complaint.push_str("Ik heb een klacht over de gemeente Den Haag.\r\n");
    servers.deliver(complaint.as_bytes(), "jansen@example.org", OFFICE);
    servers.wait_for_messages("jansen@example.org", "", 1);

    let kept = std::fs::read_to_string(office.store().join("oauth/proef.json")).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    let mut secrets = vec![PASSWORD.to_owned(), PERSON.1.to_owned()];
    secrets.push(std::fs::read_to_string(&refresh).unwrap());
    secrets.push(kept["refresh_token"].as_str().unwrap().to_owned());
    secrets.extend(provider.given());
    assert!(secrets.len() >= 5, "an access token, and both refresh tokens: {}", secrets.len());

    let pid = daemon.pid().as_raw_nonzero().get();
    wait_until("a reading process runs", || !descendants(pid).is_empty());
    let processes: Vec<i32> = std::iter::once(pid).chain(descendants(pid)).collect();
    for process in &processes {
        for file in ["cmdline", "environ"] {
            // One that is not traceable shows its environment to nobody.
            let shown = std::fs::read(format!("/proc/{process}/{file}")).unwrap_or_default();
            let shown = String::from_utf8_lossy(&shown).into_owned();
            let secret = secrets.iter().find(|secret| shown.contains(secret.as_str()));
            assert!(secret.is_none(), "{file} of {process}");
            assert!(
                *process == pid || !shown.contains("niet-voor-werkers"),
                "a worker inherits the environment"
            );
        }
    }
    let log = daemon.terminate();
    let printed = |arguments: &[&str]| {
        let mut command = Command::new(daemon::BODE);
        command
            .env("CREDENTIALS_DIRECTORY", &credentials)
            .arg("--config")
            .arg(&office.config)
            .args(arguments);
        let output = command.output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    let doctor = printed(&["doctor"]);
    assert!(doctor.contains("ok    sign-in proef"), "{doctor}");
    let verify = printed(&["verify"]);
    for secret in secrets.iter().chain(&provider.given()) {
        for (what, told) in [("the log", &log), ("doctor", &doctor), ("verify", &verify)] {
            assert!(!told.contains(secret.as_str()), "{what} shows a secret");
        }
    }
    secrets.extend(provider.given());
    let sign_in_file = office.store().join("oauth/proef.json").display().to_string();
    let found = holding(&office.store(), &secrets);
    assert!(found.is_empty() || found == [sign_in_file], "{found:?}");
}
