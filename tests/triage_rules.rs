//! The rules that are delivered hold their examples; faults are told where they stand; and somebody who
//! does not program adds a body by editing the files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the failure that is wanted")]

#[path = "support/letter.rs"]
mod letter;

use bode::config;
use bode::record::{Channel, Judgement, Scope};
use bode::triage::{Ruleset, judge};
use letter::letter;
use std::fs;
use std::path::Path;
use std::sync::Arc;

fn delivered() -> Ruleset {
    Ruleset::load(Path::new("rules")).unwrap_or_else(|faults| panic!("{faults}"))
}

/// A copy of the delivered rules, to edit.
fn copied() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir("rules").unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    dir
}

fn add(dir: &Path, file: &str, text: &str) {
    let path = dir.join(file);
    let before = fs::read_to_string(&path).unwrap();
    fs::write(path, format!("{before}\n{text}")).unwrap();
}

fn judged(rules: &Ruleset, office: &str, text: &str) -> Judgement {
    let office = config::load(Path::new(&format!("config/{office}.toml"))).unwrap().office;
    judge(&letter(text), Channel::Letter, "2026-06-01".parse().unwrap(), &office, rules)
}

#[test]
fn the_delivered_rules_hold_their_examples() {
    let failed = delivered().failed_examples();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn rules_read_again_are_the_same_set_until_a_file_changes() {
    let dir = copied();
    let rules = Arc::new(Ruleset::load(dir.path()).unwrap());
    assert!(Arc::ptr_eq(&rules, &rules.again(dir.path()).unwrap()));
    add(dir.path(), "queues.toml", "# Een opmerking.");
    let changed = rules.again(dir.path()).unwrap();
    assert_ne!(changed.version(), rules.version());
    add(dir.path(), "queues.toml", "dit is geen TOML");
    assert!(rules.again(dir.path()).is_err());
    fs::remove_file(dir.path().join("queues.toml")).unwrap();
    assert!(rules.again(dir.path()).is_err());
}

#[test]
fn the_same_body_is_inside_here_and_outside_there() {
    let rules = delivered();
    let letter = "Ik heb een klacht over het UWV. In maart heb ik bij het UWV een klacht ingediend en ik heb nooit \
                  antwoord gekregen. Zij hangen steeds op.";
    let outside = judged(&rules, "den-haag", letter);
    assert_eq!(outside.scope, Scope::Out);
    assert_eq!(outside.complained_about, ["uwv"]);
    assert_eq!(outside.refer_to.unwrap().id, "nationale-ombudsman");
    assert!(outside.may_tell_citizen);
    assert_eq!(judged(&rules, "nationale-ombudsman", letter).scope, Scope::In);
}

#[test]
fn who_is_only_mentioned_is_not_the_target() {
    let rules = delivered();
    let letter = "Ik heb een klacht over de gemeente. De ambtenaar hing op. Het UWV was juist heel vriendelijk, \
                  daar gaat het niet om.";
    let judgement = judged(&rules, "den-haag", letter);
    assert_eq!(judgement.scope, Scope::In);
    assert_eq!(judgement.complained_about, ["gemeente-den-haag"]);
    assert_eq!(judgement.mentioned_only, ["uwv"]);
}

#[test]
fn another_town_is_another_municipality() {
    let rules = delivered();
    let letter = "Sinds juli woon ik in Delft. De gemeente reageert niet op mijn aanvraag en de ambtenaar was onbeschoft.";
    let judgement = judged(&rules, "den-haag", letter);
    assert_eq!(judgement.complained_about, ["gemeente-delft"]);
}

#[test]
fn what_nobody_can_tell_is_unclear() {
    let rules = delivered();
    for letter in [
        "Zij hebben mij uitgelachen en weggestuurd. Doe er iets aan.",
        "",
        "Ik weet niet welke instantie het was.",
    ] {
        assert_eq!(judged(&rules, "den-haag", letter).scope, Scope::Unclear, "{letter}");
    }
}

#[test]
fn staff_add_a_body_an_alias_and_a_look_alike() {
    let dir = copied();
    let letter = "Ik heb een klacht over de Sterrenwacht. De medewerker hing op.";
    assert_eq!(judged(&Ruleset::load(dir.path()).unwrap(), "den-haag", letter).scope, Scope::Unclear);
    add(
        dir.path(),
        "organisations.toml",
        r#"[[organisation]]
id = "sterrenwacht"
label = "overig"
name = "de Sterrenwacht"
kind = "national"
refer = "nationale-ombudsman"
reason = "De tekst noemt de Sterrenwacht."
names = ["sterrenwacht", "kijkerkoepel"]
look_alikes = ["sterrenwachtstraat"]
fires = ["Ik heb een klacht over de kijkerkoepel."]
not = ["Ik woon in de Sterrenwachtstraat."]
"#,
    );
    let rules = Ruleset::load(dir.path()).unwrap_or_else(|faults| panic!("{faults}"));
    assert!(rules.failed_examples().is_empty());
    let judgement = judged(&rules, "den-haag", letter);
    assert_eq!((judgement.scope, judgement.complained_about), (Scope::Out, vec!["overig".to_owned()]));
    assert_ne!(rules.version(), delivered().version());
}

#[test]
fn faults_are_told_with_place_and_remedy() {
    let dir = copied();
    add(
        dir.path(),
        "tone.toml",
        "[[rule]]\nid = \"kapot\"\nconcludes = \"tone=negative\"\nreason = \"Omdat.\"\nany = [\"de (gemeente\"]\nfires = [\"x\"]\nnot = [\"y\"]\n",
    );
    add(
        dir.path(),
        "queues.toml",
        "[[queue]]\nid = \"x\"\nname = \"X\"\nexplanation = \"X\"\nwhen = [{ spoedd = [\"true\"] }]\n",
    );
    add(
        dir.path(),
        "municipalities.toml",
        "[[municipality]]\nid = \"gemeente-nergens\"\nname = \"Nergens\"\nombudsman = \"amsterdan\"\n",
    );
    let faults = Ruleset::load(dir.path()).unwrap_err().to_string();
    for part in ["tone.toml:", "haakjes", "queues.toml:", "spoedd", "Bedoelt u “amsterdam”?"] {
        assert!(faults.contains(part), "{part} not in {faults}");
    }
    assert!(
        faults.lines().all(|line| line.split(':').nth(1).is_some_and(|n| n.parse::<usize>().is_ok())),
        "{faults}"
    );
}

#[test]
fn the_page_of_rules_names_every_rule() {
    let rules = delivered();
    let office = config::load(Path::new("config/den-haag.toml")).unwrap().office;
    let page = rules.describe(&office);
    for rule in rules.rules() {
        assert!(page.contains(&format!("| {} |", rule.id)), "{}", rule.id);
    }
    assert!(page.contains(&rules.version_for(&office)) && page.contains(&office.name));
}
