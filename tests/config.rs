//! Every configuration that we ship loads, and every fault names file, line and what is allowed.

use bode::config;
use std::path::Path;

fn fault(text: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("office.toml");
    std::fs::write(&path, text).unwrap();
    config::load(&path).unwrap_err().to_string().replace(&format!("{}/", dir.path().display()), "")
}

#[test]
fn the_five_offices_and_the_demo_load() {
    for id in ["den-haag", "amsterdam", "deventer", "haarlem", "nationale-ombudsman"] {
        let config = config::load(Path::new(&format!("config/{id}.toml"))).unwrap();
        assert_eq!(config.office.id, id);
        assert!(config.rules.ends_with("rules") && config.rules.is_dir());
    }
    config::load(Path::new("config/demo.toml")).unwrap();
}

#[test]
fn competence_is_data() {
    let covers = |id: &str, organisation: &str| {
        config::load(Path::new(&format!("config/{id}.toml"))).unwrap().office.competence.covers(organisation)
    };
    assert!(covers("den-haag", "gemeente-den-haag") && !covers("den-haag", "uwv"));
    assert!(covers("nationale-ombudsman", "gemeente-deventer"));
    assert!(!covers("nationale-ombudsman", "gemeente-amsterdam"));
    assert!(!covers("nationale-ombudsman", "bank"));
}

#[test]
fn a_fault_names_file_line_and_what_is_allowed() {
    let demo = std::fs::read_to_string("config/den-haag.toml").unwrap();
    let unknown = fault(&demo.replace("certainty_min", "zekerheid"));
    let line = demo.lines().position(|line| line.starts_with("certainty_min")).unwrap() + 1;
    assert!(unknown.starts_with(&format!("office.toml:{line}:1: ")), "{unknown}");
    assert!(
        unknown.contains("zekerheid") && unknown.contains("certainty_min"),
        "tells what is allowed: {unknown}"
    );
    let unit = fault(&demo.replace("working-days", "werkdagen"));
    assert!(unit.contains("working-days") && unit.contains("weeks"), "{unit}");
    let certainty = fault(&demo.replace("certainty_min = 0.4", "certainty_min = 60"));
    assert!(certainty.contains("between 0 and 1"), "{certainty}");
    let password = fault(&format!("{demo}\n[smtp]\nhost = \"x\"\nuser = \"u\"\npassword = \"geheim\"\n"));
    assert!(password.contains("file") && !password.contains("geheim"), "{password}");
    assert!(fault("").contains("missing field"), "{}", fault(""));
}
