//! `bode config`: every fault at once with its place, what counts and where it comes from; overrides from the environment; and
//! which keys a reload puts into effect.

mod daemon;
mod servers;

use daemon::{BODE, OfficeDir};
use std::process::{Command, Output};

/// Runs a command on a configuration with these variables.
fn with(office: &OfficeDir, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    Command::new(BODE)
        .envs(variables.iter().copied())
        .arg("--config")
        .arg(&office.config)
        .args(arguments)
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What `config show --json` has of one key.
fn shown(output: &Output, key: &str) -> serde_json::Value {
    let all: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", told(output)));
    all["keys"].as_array().unwrap().iter().find(|one| one["key"] == key).cloned().unwrap_or_default()
}

const MAIL: &str = "[mailbox]\nhost = \"imap.example.nl\"\nuser = \"klacht\"\npassword = { file = \"geheim-bestand\" }\n\
                    done_folder = \"Verwerkt\"\n";

#[test]
fn every_fault_is_told_at_once_with_file_line_and_key() {
    let office = OfficeDir::den_haag(
        "[mailbox]\nhost = 3\nuser = \"klacht\"\npassword = \"in-de-weg\"\ndone_foldr = \"x\"\ntls = \"none\"\nport = 99999\n\
         [scan]\ndir = \"scans\"\nhalf_wait_hours = \"lang\"\nbacks_follow = 1\n",
    );
    let output = office.bode(&["config", "check"]);
    let said = told(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    let text = std::fs::read_to_string(&office.config).unwrap();
    for (key, line, what) in [
        ("mailbox.host", "host = 3", "expected a text, found a whole number"),
        ("mailbox.password", "password = \"in", "a secret never stands here"),
        ("mailbox.done_foldr", "done_foldr", "did you mean `done_folder`?"),
        ("mailbox.done_folder", "[mailbox]", "missing field `done_folder`"),
        ("mailbox.tls", "tls = ", "unknown variant `none`, expected one of"),
        ("mailbox.port", "port = 99999", "is not between 0 and 65535"),
        ("scan.half_wait_hours", "half_wait_hours", "expected a whole number, found a text"),
        ("scan.backs_follow", "backs_follow", "expected true or false"),
    ] {
        let line = text.lines().position(|one| one.starts_with(line)).unwrap() + 1;
        let place = format!("office.toml:{line}:");
        let told = said.lines().find(|one| one.contains(&format!(": {key}: ")));
        assert!(
            told.is_some_and(|told| told.contains(&place) && told.contains(what)),
            "{key} at {line}: {said}"
        );
    }
    assert!(!said.contains("in-de-weg"), "{said}");
    // What the kinds cannot tell has its place too, also in a file with two keys of that name.
    let office = OfficeDir::den_haag(&format!("{MAIL}\n[smtp]\nhost = \"smtp.example.nl\"\nuser = \"x\"\n"));
    let said = told(&office.bode(&["config", "check"]));
    let text = std::fs::read_to_string(&office.config).unwrap();
    let line = text.lines().position(|one| one == "user = \"x\"").unwrap() + 1;
    assert!(said.contains(&format!("office.toml:{line}:1: smtp.user: ")), "{said}");
    // And one in the file that the office comes from.
    let well = OfficeDir::den_haag(MAIL);
    assert!(well.bode(&["config", "check"]).status.success());
    let all = Command::new(BODE)
        .args(["config", "check", "config/haarlem.toml", "config/demo.toml"])
        .output()
        .unwrap();
    assert!(all.status.success() && told(&all).contains("Haarlem"), "{}", told(&all));
}

#[test]
fn what_counts_is_shown_with_where_it_comes_from_and_without_secrets() {
    let office = OfficeDir::den_haag(&format!(
        "{MAIL}\n[smtp]\nhost = \"smtp.example.nl\"\ntls = \"starttls\"\nuser = \"u\"\npassword = {{ command = [\"/bin/kluis\", \"toon-sleutel-77\"] }}\n"
    ));
    let output = with(&office, &[("BODE__ANSWERS__HOUR_MAX", "7")], &["config", "show", "--json"]);
    assert!(output.status.success(), "{}", told(&output));
    let hour_max = shown(&output, "answers.hour_max");
    assert_eq!((&hour_max["value"], &hour_max["change"]), (&7.into(), &"reload".into()));
    assert_eq!(hour_max["from"]["environment"], "BODE__ANSWERS__HOUR_MAX");
    assert_eq!(shown(&output, "answers.per_address_day_max")["from"]["default"], true);
    assert_eq!(
        (&shown(&output, "mailbox.port")["value"], &shown(&output, "smtp.port")["value"]),
        (&993.into(), &587.into())
    );
    assert_eq!(shown(&output, "mailbox.host")["change"], "restart");
    assert!(
        shown(&output, "office.name")["from"]["file"].as_str().unwrap().ends_with("config/den-haag.toml")
    );
    assert_eq!(shown(&output, "mailbox.password")["value"]["file"], "geheim-bestand");
    let text = told(&with(&office, &[], &["config", "show"]));
    assert!(text.contains("/bin/kluis") && !text.contains("toon-sleutel-77"), "{text}");
    assert!(
        text.lines()
            .any(|line| line.starts_with("answers.per_address_day_max ") && line.ends_with("# default")),
        "{text}"
    );
}

#[test]
fn the_environment_goes_before_the_file_and_what_names_no_key_is_a_fault() {
    let office = OfficeDir::den_haag(MAIL);
    let good = [
        ("BODE__MAILBOX__HOST", "ander.example.nl"),
        ("BODE__MAILBOX__PORT", "1993"),
        ("BODE__MAILBOX__ANSWER_FROM", "2026-12-01"),
        ("BODE__ANSWERS__OWN_ADDRESSES", "[\"a@example.nl\", \"b@example.nl\"]"),
        ("BODE__OFFICE__PROCEDURE__CERTAINTY_MIN", "0.5"),
        ("BODE__RETENTION__TAKEN_UP__TERM", "5 years"),
        ("BODE__RETENTION__TAKEN_UP__BASIS", "Selectielijst, 13.1"),
        ("BODE__REHEARSAL__ON", "true"),
        ("BODE__SMTP__HOST", "smtp.example.nl"),
    ];
    let output = with(&office, &good, &["config", "show", "--json"]);
    assert!(output.status.success(), "{}", told(&output));
    for (key, value) in [
        ("mailbox.host", serde_json::json!("ander.example.nl")),
        ("mailbox.port", 1993.into()),
        ("mailbox.answer_from", "2026-12-01".into()),
        ("answers.own_addresses", serde_json::json!(["a@example.nl", "b@example.nl"])),
        ("retention.taken-up.term", "5 years".into()),
        ("rehearsal.on", true.into()),
        ("smtp.host", "smtp.example.nl".into()),
    ] {
        assert_eq!(shown(&output, key)["value"], value, "{key}");
        assert!(shown(&output, key)["from"]["environment"].is_string(), "{key}");
    }
    let wrong = [
        ("BODE__IMAP__HOST", "x", "names no key"),
        ("BODE__MAILBOX__HOSTS", "x", "names no key: [mailbox] knows"),
        ("BODE__MAILBOX", "x", "is a table"),
        ("BODE__MAILBOX__PORT", "vaak", "must be a whole number"),
        ("BODE__MAILBOX__PASSWORD", "sesam-open-u", "must be where the secret is"),
        ("BODE__DESK__HTTPS", "ja", "must be true or false"),
        ("BODE__OAUTH__M365__GRANT", "x", "has no m365 in the file"),
        ("BODE__OFFICE_FILE", "x.toml", "read from the file alone"),
        ("BODE__MAILBOX__TLS", "none", "unknown variant `none`, expected one of"),
    ];
    for (name, value, what) in wrong {
        let output = with(&office, &[(name, value)], &["config", "check"]);
        let said = told(&output);
        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        assert!(said.contains(name) && said.contains(what), "{name}: {said}");
        assert!(!said.contains("sesam-open-u"), "{said}");
    }
}

#[test]
fn schemas_are_printed_by_name() {
    let print = |name: &[&str]| Command::new(BODE).args(["config", "schema"]).args(name).output().unwrap();
    for name in [&[][..], &["rules"], &["organisations"]] {
        let schema: serde_json::Value = serde_json::from_slice(&print(name).stdout).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name:?}");
    }
    let unknown = print(&["kleuren"]);
    assert!(
        unknown.status.code() == Some(2) && told(&unknown).contains("organisations"),
        "{}",
        told(&unknown)
    );
}

#[test]
fn a_reload_says_of_each_key_that_changed_whether_it_counts_now() {
    let office = OfficeDir::den_haag("[scan]\ndir = \"scans\"\n");
    std::fs::create_dir_all(office.dir.path().join("scans")).unwrap();
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    let text = std::fs::read_to_string(&office.config).unwrap();
    let changed = text
        .replace("hour_max = 1000", "hour_max = 55")
        .replace("from_name = \"Ombudsman\"", "from_name = \"Zwaluwstaart\"")
        .replace("[scan]\n", "[scan]\nstill_seconds = 9\n");
    std::fs::write(&office.config, &changed).unwrap();
    daemon.reload();
    daemon.wait_for("changed, and in effect", 2);
    daemon.wait_for("changed, and needs a restart", 1);
    daemon.wait_for("read again", 1);
    for (key, what) in [
        ("answers.hour_max", "in effect"),
        ("answers.from_name", "in effect"),
        ("scan.still_seconds", "needs a restart"),
    ] {
        let line = daemon.log.lines().find(|line| line.contains(&format!("\"key\":\"{key}\"")));
        assert!(line.is_some_and(|line| line.contains(what)), "{key}: {}", daemon.log);
    }
    // Once more: what counts now is old news, what waits for a restart is told again.
    daemon.reload();
    daemon.wait_for("changed, and needs a restart", 1);
    daemon.wait_for("read again", 1);
    let log = daemon.terminate();
    assert_eq!(log.matches("changed, and in effect").count(), 2, "{log}");
    assert!(!log.contains("Zwaluwstaart"), "keys and no values: {log}");
}
