//! Watching the house: metrics by a real parser (promtool), alerts and dashboard against the list of metrics, and one piece followed
//! through the log by its id.

mod daemon;
mod servers;

use bode::metrics::{ALL, Form, Kind, Metrics};
use daemon::{Daemon, OfficeDir};
use serde_json::Value;
use servers::{MailServers, OFFICE, wait_until};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const RULES: &str = "packaging/prometheus/bode.rules.yml";
const DASHBOARD: &str = "packaging/grafana/bode.json";
const MANUAL: &str = "docs/watching.md";

/// What Debian's package `prometheus` brings (`make deps-test`).
fn promtool(arguments: &[&str], dir: &str, input: Option<&str>) {
    let mut child = Command::new("promtool")
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is of Debian's package prometheus: make deps-test");
    // One that fails before it has read all of it tells why on standard error.
    let _ = child.stdin.take().unwrap().write_all(input.unwrap_or_default().as_bytes());
    let done = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "promtool {arguments:?}: {told}");
}

/// Names of metrics in a text, with the suffixes that histograms add taken off.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = words.filter(|word| word.starts_with("bode_") || word.starts_with("process_"));
    ours.map(|word| {
        let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end));
        histogram.unwrap_or(word).to_owned()
    })
    .collect()
}

fn known() -> BTreeSet<String> {
    ALL.iter().map(|family| family.name.to_owned()).collect()
}

#[test]
fn every_metric_is_explained_and_whatever_is_named_exists() {
    let manual = std::fs::read_to_string(MANUAL).unwrap();
    for family in ALL {
        let labels = family.labels.join("`, `");
        let labels = if labels.is_empty() { "–".to_owned() } else { format!("`{labels}`") };
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let row = format!("| `{}` | {kind} | {labels} | {} |", family.name, family.help);
        assert!(manual.contains(&row), "{MANUAL} lacks the row\n{row}");
    }
    for path in [MANUAL, RULES, DASHBOARD] {
        let named = metrics_in(&std::fs::read_to_string(path).unwrap());
        let unknown: Vec<_> = named.difference(&known()).cloned().collect();
        assert!(unknown.is_empty(), "{path} names {unknown:?}, which nobody counts");
        assert!(named.len() > 10, "{path}");
    }
}

#[test]
fn the_alert_rules_fire_when_they_should_and_say_what_to_do() {
    promtool(&["check", "rules", "bode.rules.yml"], "packaging/prometheus", None);
    promtool(&["test", "rules", "bode.rules.test.yml"], "packaging/prometheus", None);
    let rules = std::fs::read_to_string(RULES).unwrap();
    let count = |word: &str| rules.lines().filter(|line| line.trim_start().starts_with(word)).count();
    let alerts = count("- alert:");
    assert!(alerts >= 15);
    assert_eq!((count("summary:"), count("action:"), count("labels:")), (alerts, alerts, alerts));
}

#[test]
fn the_dashboard_is_whole() {
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(DASHBOARD).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "an id stands twice");
        if panel["type"] == "row" {
            continue;
        }
        let title = panel["title"].as_str().unwrap();
        assert!(!panel["targets"].as_array().unwrap().is_empty(), "{title} shows nothing");
        // Each question is one that Prometheus understands.
        for target in panel["targets"].as_array().unwrap() {
            let question = target["expr"].as_str().unwrap().replace("$instance", ".*");
            let rule = format!("groups: [{{name: a, rules: [{{record: 'a:b', expr: {question:?}}}]}}]\n");
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("one.yml"), rule).unwrap();
            promtool(&["check", "rules", "one.yml"], folder.path().to_str().unwrap(), None);
        }
        let place = &panel["gridPos"];
        assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24, "{title}");
    }
}

#[test]
fn every_metric_is_as_prometheus_wants_it_also_before_anything_happened() {
    let metrics = Metrics::default();
    promtool(&["check", "metrics"], ".", Some(&metrics.render(Form::Text)));
    // And with one of everything.
    for family in ALL {
        let labels: Vec<&str> = family.labels.iter().map(|_| "proef").collect();
        match family.kind {
            Kind::Counter => metrics.add(family, &labels, 1),
            Kind::Gauge => metrics.set(family, &labels, 1.5),
            Kind::Histogram(_) => metrics.observe(family, &labels, std::time::Duration::from_millis(1500)),
        }
    }
    promtool(&["check", "metrics"], ".", Some(&metrics.render(Form::Text)));
}

fn complaint(n: u32) -> Vec<u8> {
    format!(
        "From: A. Zwaluw <zwaluw{n}@example.org>\r\nTo: {OFFICE}\r\nSubject: Klacht over loket {n}\r\n\
         Message-ID: <volgen-{n}@example.org>\r\nDate: Mon, 02 Mar 2026 09:00:00 +0100\r\n\r\nGeachte ombudsman,\r\n\r\n\
         Ik heb een klacht over het loket van de gemeente Den Haag. De medewerker was onbeleefd en ik kreeg nooit \
         antwoord op mijn brief van maand {n}.\r\n\r\nA. Zwaluw\r\n"
    )
    .into_bytes()
}

fn lines(daemon: &Daemon) -> Vec<Value> {
    daemon.log.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// Fields of lines that may stand in any log, as the manual names them.
fn fields_of_the_manual() -> BTreeSet<String> {
    let manual = std::fs::read_to_string(MANUAL).unwrap();
    let table = manual.split("### Fields").nth(1).unwrap().split("\n#").next().unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    rows.map(str::to_owned).collect()
}

#[test]
fn one_id_leads_through_all_stages_and_the_numbers_follow() {
    let servers = MailServers::start();
    let office = OfficeDir::den_haag(&servers.toml());
    let config = std::fs::read_to_string(&office.config).unwrap();
    std::fs::write(&office.config, config.replace("[desk]\n", "[desk]\nmetrics_open = true\n")).unwrap();
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    for n in 0..2 {
        servers.deliver(&complaint(n), &format!("zwaluw{n}@example.org"), OFFICE);
    }
    daemon.wait_for("answer sent", 2);

    // By the arrival's id to the record's number, and by that to the end.
    let told = lines(&daemon);
    let fields = |line: &Value, name: &str| line["fields"][name].as_str().map(str::to_owned);
    let registered: Vec<_> = told.iter().filter(|line| line["fields"]["message"] == "registered").collect();
    assert_eq!(registered.len(), 2);
    for line in registered {
        let (record, arrival) = (fields(line, "record").unwrap(), fields(line, "arrival").unwrap());
        let of_piece = told.iter().filter(|line| {
            fields(line, "record").as_ref() == Some(&record)
                || fields(line, "arrival").as_ref() == Some(&arrival)
        });
        let stages: Vec<String> = of_piece.clone().filter_map(|line| fields(line, "stage")).collect();
        let mut order = stages.clone();
        order.dedup();
        let triage = order.iter().position(|stage| stage == "triage").unwrap();
        // The line of the judgement is told by who had the answer decided; the two may change places.
        order.remove(triage);
        assert_eq!(
            order,
            ["source", "register", "extract", "answer", "outbox", "sent"],
            "{record}: {stages:?}"
        );
        let digest: Value = {
            let (year, serial) = record.trim_start_matches('R').split_once('-').unwrap();
            let path = office.store().join(format!("originals/{year}/{serial}/record.json"));
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
        };
        assert!(digest["digest"].as_str().unwrap().starts_with(&arrival), "the id is of the bytes that came");
    }
    let manual = fields_of_the_manual();
    for line in &told {
        for name in line["fields"].as_object().unwrap().keys() {
            assert!(manual.contains(name), "{MANUAL} does not name the field {name}: {line}");
        }
        assert_eq!(line.as_object().unwrap().keys().collect::<Vec<_>>(), ["fields", "level", "timestamp"]);
    }
    let log = &daemon.log;
    assert!(!log.contains("zwaluw") && !log.contains("Zwaluw") && !log.contains("loket"), "{log}");

    // The numbers, by a parser that is not ours. The log says that an answer is sent a moment before the store has it.
    wait_until("no answer waits", || {
        daemon.get("/metrics").1.contains("bode_outbox_answers{state=\"waiting\"} 0\n")
    });
    let (status, text) = daemon.get("/metrics");
    assert_eq!(status, 200);
    promtool(&["check", "metrics"], ".", Some(&text));
    let value = |series: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {series} in\n{text}")).parse().unwrap()
    };
    for (series, expected) in [
        ("bode_pieces_total{source=\"mailbox\",channel=\"email\"}", 2.0),
        ("bode_judged_total{became=\"case\"}", 2.0),
        ("bode_gate_total{outcome=\"send\"}", 2.0),
        ("bode_answers_total{outcome=\"sent\"}", 2.0),
        ("bode_stage_seconds_count{stage=\"extract\"}", 2.0),
        ("bode_stage_seconds_count{stage=\"commit\"}", 2.0),
        ("bode_stage_pieces{stage=\"extract\"}", 0.0),
        ("bode_judged_seconds_count", 2.0),
        ("bode_answered_seconds_count{channel=\"email\"}", 2.0),
        ("bode_documents_total{method=\"body\"}", 2.0),
        ("bode_oldest_unjudged_seconds", 0.0),
        ("bode_outbox_answers{state=\"waiting\"}", 0.0),
        ("bode_last_backup_timestamp_seconds", 0.0),
        ("bode_up{part=\"mailbox\"}", 1.0),
    ] {
        assert_eq!(value(series), expected, "{series}");
    }
    for series in [
        "bode_workers",
        "bode_worker_resident_bytes",
        "bode_worker_resident_max_bytes",
        "bode_disk_free_bytes{place=\"store\"}",
        "bode_disk_free_inodes{place=\"store\"}",
        "bode_certificate_expiry_timestamp_seconds{server=\"mailbox\"}",
        "bode_certificate_expiry_timestamp_seconds{server=\"smtp\"}",
        "bode_last_piece_timestamp_seconds",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "process_open_fds",
        "process_max_fds",
    ] {
        assert!(value(series) > 0.0, "{series}");
    }
    let fired: BTreeMap<&str, &str> = text
        .lines()
        .filter(|line| line.starts_with("bode_rule_fired_total{"))
        .filter_map(|line| line.rsplit_once(' '))
        .collect();
    assert!(!fired.is_empty());

    // A person decides: what the rules had concluded was kept or overruled.
    let case = told.iter().find_map(|line| fields(line, "case")).unwrap();
    office.told(&["cases", "decide", &case, "take-up", "--reason", "proef"]);
    wait_until("a decision is counted", || daemon.get("/metrics").1.contains("bode_rule_kept_total{"));

    // A backup is known from then on.
    let copy = office.dir.path().join("kopie");
    office.told(&["backup", copy.to_str().unwrap()]);
    let at = daemon.get("/metrics").1;
    let at = at
        .lines()
        .find_map(|line| line.strip_prefix("bode_last_backup_timestamp_seconds "))
        .unwrap()
        .to_owned();
    assert!(at.parse::<f64>().unwrap() > 1.7e9, "{at}");
    assert!(!Path::new(&copy).join("store/.backed-up").exists(), "the mark is no part of a copy");
    daemon.terminate();
}

/// What `doctor --json` found, by check.
fn examined(office: &OfficeDir) -> (bool, BTreeMap<String, (String, String)>) {
    let output = office.bode(&["doctor", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let well = told["well"].as_bool().unwrap();
    assert_eq!(output.status.code(), Some(i32::from(!well)));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let checks = told["checks"].as_array().unwrap();
    (
        well,
        checks.iter().map(|one| (text(&one["check"]), (text(&one["state"]), text(&one["told"])))).collect(),
    )
}

#[test]
fn doctor_tries_everything_and_names_the_mend() {
    let servers = MailServers::start();
    let scans = tempfile::tempdir().unwrap();
    let scan = format!("[scan]\ndir = {:?}\n\n", scans.path());
    let office = OfficeDir::den_haag(&(servers.toml() + &scan));
    let (well, found) = examined(&office);
    assert!(well, "{found:#?}");
    let manual = std::fs::read_to_string(MANUAL).unwrap();
    for name in found.keys() {
        assert!(manual.contains(&format!("`{name}`")), "{MANUAL} does not name the check {name}");
    }
    for (name, state) in [
        ("mailbox", "ok"),
        ("mailbox-certificate", "note"),
        ("smtp", "ok"),
        ("smtp-size", "ok"),
        ("smtp-certificate", "note"),
        ("clock-smtp", "ok"),
        ("fonts", "ok"),
        ("backup", "note"),
        ("scan-folder", "ok"),
        ("desk", "ok"),
    ] {
        let one = found.get(name).unwrap_or_else(|| panic!("no {name} in {found:#?}"));
        // The certificates of the test servers hold for some days, or for long.
        let fine = one.0 == state || (name.ends_with("certificate") && one.0 == "ok");
        assert!(fine, "{name}: {one:?}");
    }
    assert!(found["mailbox"].1.contains("IDLE"), "{:?}", found["mailbox"]);

    // Each broken on purpose.
    let config = std::fs::read_to_string(&office.config).unwrap();
    let broken = |change: &dyn Fn(String) -> String, check: &str, words: &str| {
        std::fs::write(&office.config, change(config.clone())).unwrap();
        let (well, found) = examined(&office);
        let (state, told) = found.get(check).unwrap_or_else(|| panic!("no {check} in {found:#?}"));
        assert!(!well && state == "wrong" && told.contains(words), "{check}: {state} {told}");
        std::fs::write(&office.config, &config).unwrap();
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("\"{}\"", taken.local_addr().unwrap());
    broken(&|text| text.replace("\"127.0.0.1:0\"", &address), "desk", "[desk] listen");
    let nowhere = format!("dir = {:?}", scans.path().join("file/below"));
    std::fs::write(scans.path().join("file"), "").unwrap();
    let dir = format!("dir = {:?}", scans.path());
    broken(&|text| text.replace(&dir, &nowhere), "scan-folder", "cannot be written");
    broken(&|text| text + "\n[reading]\nlanguages = \"nld+xyz\"\n", "ocr", "tesseract-ocr-xyz");
    let port = format!("port = {}", servers.ports.imaps);
    broken(&|text| text.replace(&port, "port = 1"), "mailbox", "localhost:1");
    let port = format!("port = {}", servers.ports.submissions);
    broken(&|text| text.replace(&port, "port = 1"), "smtp", "");

    // A backup of last month, and a file of root in the store.
    std::fs::write(office.store().join(".backed-up"), "2026-01-01T00:00:00Z\n").unwrap();
    let (well, found) = examined(&office);
    assert!(!well && found["backup"].0 == "wrong", "{:?}", found["backup"]);
    std::fs::remove_file(office.store().join(".backed-up")).unwrap();
    let stray = office.store().join("stray");
    std::fs::write(&stray, "").unwrap();
    if std::os::unix::fs::chown(&stray, Some(12_345), None).is_ok() {
        let (well, found) = examined(&office);
        assert!(!well && found["store-owner"].1.starts_with("stray "), "{:?}", found["store-owner"]);
    }
}
