//! The house keeps itself tidy: what ARCHITECTURE.md says of imports, sizes and licences is held here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Room → rooms it may import. The table of ARCHITECTURE.md, which a test below compares with this one.
const IMPORTS: &[(&str, &[&str])] = &[
    ("limits", &[]),
    ("clock", &[]),
    ("metrics", &["limits"]),
    ("explain", &[]),
    ("record", &["limits"]),
    ("calendar", &["record", "limits"]),
    ("config", &["record", "limits"]),
    ("store", &["record", "limits"]),
    ("ledger", &["record", "limits"]),
    ("webhooks", &["record", "limits", "config", "store", "pause", "tls", "http", "clock", "explain"]),
    ("pause", &["limits"]),
    ("notify", &[]),
    ("tls", &[]),
    ("http", &["limits", "config", "explain", "tls"]),
    ("oauth", &["limits", "config", "pause", "tls", "http", "clock", "explain"]),
    ("source", &["record", "limits", "config", "oauth", "pause", "tls"]),
    ("register", &["record", "limits", "store"]),
    ("extract", &["record", "limits", "metrics"]),
    ("triage", &["record", "limits"]),
    ("acknowledge", &["record", "limits", "config", "calendar"]),
    ("sheets", &["record", "calendar"]),
    ("outbox", &["record", "limits", "metrics", "config", "store", "oauth", "tls", "clock", "explain"]),
    ("queue", &["record", "limits", "store"]),
    ("retention", &["record", "limits", "store"]),
    ("export", &["record", "limits", "store"]),
    (
        "digest",
        &[
            "record",
            "limits",
            "config",
            "calendar",
            "store",
            "oauth",
            "outbox",
            "queue",
            "retention",
            "clock",
            "explain",
        ],
    ),
    ("trial", &["record", "store", "extract", "triage"]),
    ("draft", &["record", "limits", "config", "store", "triage", "trial", "explain"]),
    (
        "intake",
        &[
            "record",
            "limits",
            "metrics",
            "config",
            "calendar",
            "store",
            "extract",
            "triage",
            "acknowledge",
            "clock",
            "explain",
        ],
    ),
    ("bundle", &[]),
    (
        "review",
        &[
            "record", "limits", "metrics", "config", "store", "trial", "draft", "bundle", "queue", "export",
            "extract", "http", "tls", "clock", "explain",
        ],
    ),
    (
        "daemon",
        &[
            "record",
            "limits",
            "metrics",
            "tls",
            "config",
            "store",
            "draft",
            "oauth",
            "ledger",
            "notify",
            "source",
            "register",
            "extract",
            "sheets",
            "outbox",
            "queue",
            "retention",
            "digest",
            "intake",
            "review",
            "webhooks",
            "clock",
            "explain",
        ],
    ),
    (
        "command",
        &[
            "record",
            "limits",
            "tls",
            "config",
            "store",
            "notify",
            "oauth",
            "source",
            "register",
            "extract",
            "acknowledge",
            "sheets",
            "bundle",
            "outbox",
            "queue",
            "intake",
            "triage",
            "trial",
            "retention",
            "export",
            "review",
            "daemon",
            "clock",
            "explain",
        ],
    ),
];

/// Files longer than 600 lines need a reason in their header, with this word in it.
const LONG_FILE_WORD: &str = "Long because";

fn files(dir: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![PathBuf::from(dir)];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                todo.push(entry);
            } else if endings.iter().any(|ending| entry.to_string_lossy().ends_with(ending)) {
                found.push(entry);
            }
        }
    }
    found.sort();
    found
}

fn room(path: &Path) -> String {
    let inside = path.strip_prefix("src").unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn imports_point_down_the_table() {
    let table: BTreeMap<&str, BTreeSet<&str>> =
        IMPORTS.iter().map(|(room, may)| (*room, may.iter().copied().collect())).collect();
    let mut faults = Vec::new();
    for path in files("src", &[".rs"]) {
        let room = room(&path);
        if room == "lib" || room == "main" {
            continue;
        }
        let may =
            table.get(room.as_str()).unwrap_or_else(|| panic!("{room} has no line in the import table"));
        for (number, line) in std::fs::read_to_string(&path).unwrap().lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for used in line.split("crate::").skip(1) {
                let target: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if target != room && table.contains_key(target.as_str()) && !may.contains(target.as_str()) {
                    faults.push(format!("{}:{}: {room} may not import {target}", path.display(), number + 1));
                }
            }
            assert!(
                !line.contains("use crate::{"),
                "{}:{}: one `use` line a room, so that imports can be read and held",
                path.display(),
                number + 1
            );
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn architecture_shows_the_same_import_table() {
    let text = std::fs::read_to_string("ARCHITECTURE.md").unwrap();
    for (room, may) in IMPORTS {
        let row = text
            .lines()
            .find(|line| line.starts_with(&format!("| `{room}")))
            .unwrap_or_else(|| panic!("ARCHITECTURE.md has no row for {room}"));
        let last = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let told: BTreeSet<&str> =
            last.split([',', ' ', '–']).map(str::trim).filter(|word| !word.is_empty()).collect();
        assert_eq!(told, may.iter().copied().collect(), "ARCHITECTURE.md, row of {room}");
    }
}

#[test]
fn every_file_opens_with_its_purpose_and_stays_small() {
    for path in files("src", &[".rs"]) {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{}: does not open with its purpose", path.display());
        let header: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(
            text.lines().count() <= 600 || header.contains(LONG_FILE_WORD),
            "{}: {} lines; split it, or say in its header: {LONG_FILE_WORD} …",
            path.display(),
            text.lines().count()
        );
    }
}

#[test]
fn only_clock_reads_the_time_and_only_two_files_are_unsafe() {
    const UNSAFE: [&str; 2] = ["src/extract/paper/unpacked.rs", "src/command/memory.rs"];
    for path in files("src", &[".rs"]) {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.display().to_string();
        if name != "src/clock.rs" {
            assert!(!text.contains("Timestamp::now()"), "{name}: time arrives as an argument");
        }
        if !UNSAFE.contains(&name.as_str()) {
            assert!(!text.contains("unsafe {"), "{name}: unsafe outside the files that need it");
        }
    }
}

#[test]
fn licences_are_those_that_deny_toml_names() {
    let deny: toml::Table = std::fs::read_to_string("deny.toml").unwrap().parse().unwrap();
    let words = |key: &str, list: &str| -> BTreeSet<String> {
        deny[key][list]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let allowed = words("licenses", "allow");
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let used: BTreeSet<&str> =
        metadata["resolve"]["nodes"].as_array().unwrap().iter().map(|n| n["id"].as_str().unwrap()).collect();
    for package in metadata["packages"].as_array().unwrap() {
        if !used.contains(package["id"].as_str().unwrap()) {
            continue;
        }
        let (name, licence) = (&package["name"], package["license"].as_str().unwrap_or("none"));
        // "A OR B" is a choice, "A AND B" holds both; "/" is the old way to write OR.
        let fine = licence
            .replace('/', " OR ")
            .split(" AND ")
            .all(|part| part.split(" OR ").any(|one| allowed.contains(one.trim_matches(['(', ')', ' ']))));
        assert!(fine, "{name} has the licence {licence}, which deny.toml does not allow");
        for banned in deny["bans"]["deny"].as_array().unwrap() {
            assert_ne!(*name, *banned["name"].as_str().unwrap(), "deny.toml bans it");
        }
    }
}

#[test]
fn nothing_of_one_machine_is_in_the_tree() {
    let list = std::process::Command::new("git").args(["ls-files", "-z"]).output().unwrap();
    for name in list.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let name = String::from_utf8_lossy(name).into_owned();
        let Ok(text) = std::fs::read_to_string(&name) else { continue };
        for word in
            [concat!("/wo", "rk/"), concat!("crates", ".io"), concat!("pypi", ".org"), concat!("npmjs", ".")]
        {
            assert!(name == "Cargo.lock" || !text.contains(word), "{name} holds {word}");
        }
    }
}
