//! The house keeps itself tidy: sizes, licences, and nothing of one machine. Rooms and imports: `tests/architecture.rs`.

#[path = "support/tree.rs"]
mod tree;

use std::collections::BTreeSet;
use tree::{below, read};

/// Files longer than 600 lines need a reason in their header, with this word in it.
const LONG_FILE_WORD: &str = "Long because";

#[test]
fn every_file_opens_with_its_purpose_and_stays_small() {
    for path in below("src", ".rs") {
        let text = read(&path);
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
