//! The labelled submissions that are invented for the house, judged and counted: `tests/corpus/` and `rules/examples/`, and
//! a development corpus where one lies beside the project or `BODE_TEST_CORPUS` names its directory.
//!
//! `TRIAGE_ONLY=d1` one of them; `TRIAGE_ERRORS=1` each label that turned out otherwise; `TRIAGE_TRACE=id,id` why.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in tests a panic is the failure that is wanted"
)]

use bode::config;
use bode::record::{Judgement, Office};
use bode::triage::{Ruleset, amounts, judge};
use bode::trial::{Item, Score, read_items, wrong};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Floors that honest rules hold, in per cent: name of the file; scope, refer_to, first_complained, kind; F1 of
/// complained_about. A file that is not named here is only watched.
const FLOORS: &[(&str, [f64; 4], f64)] = &[
    ("write", [92.0, 86.0, 88.0, 92.0], 92.0),
    ("watch", [90.0, 78.0, 88.0, 92.0], 90.0),
    // Of the development corpus beside the project; its second half is only watched.
    ("d1", [88.0, 0.0, 0.0, 0.0], 0.0),
    ("third", [85.0, 75.0, 88.0, 92.0], 86.0),
    ("exam", [91.0, 82.0, 76.0, 88.0], 90.0),
    ("fourth", [85.0, 78.0, 90.0, 92.0], 85.0),
    // Nobody writes a rule from these: only the figures are looked at.
    ("blind", [84.0, 75.0, 72.0, 90.0], 84.0),
    ("wie", [88.0, 80.0, 0.0, 0.0], 90.0),
];

fn files() -> Vec<(String, PathBuf)> {
    let named = |name: &str, path: PathBuf| (name.to_owned(), path);
    let mut files = vec![
        named("write", "tests/corpus/write.jsonl".into()),
        named("watch", "tests/corpus/watch.jsonl".into()),
        named("third", "tests/corpus/third.jsonl".into()),
        named("exam", "tests/corpus/exam.jsonl".into()),
        named("fourth", "tests/corpus/fourth.jsonl".into()),
        named("blind", "tests/corpus/blind.jsonl".into()),
        named("wie", "rules/examples/wie.jsonl".into()),
    ];
    let given = std::env::var("BODE_TEST_CORPUS").ok().map(PathBuf::from);
    if given.is_some() {
        files.retain(|(name, _)| name == "wie");
    }
    let beside = ["../shared/corpus/dev", "../../shared/corpus/dev"].map(PathBuf::from);
    if let Some(dir) = given.into_iter().chain(beside).find(|dir| dir.is_dir()) {
        files.extend(["d1", "d2"].map(|name| named(name, dir.join(format!("{name}.jsonl")))));
    }
    files.retain(|(_, path)| path.is_file());
    let only = std::env::var("TRIAGE_ONLY").ok();
    files.retain(|(name, _)| only.as_ref().is_none_or(|only| only == name));
    files
}

fn offices() -> BTreeMap<String, Office> {
    ["den-haag", "amsterdam", "deventer", "haarlem", "nationale-ombudsman"]
        .into_iter()
        .map(|id| (id.to_owned(), config::load(Path::new(&format!("config/{id}.toml"))).unwrap().office))
        .collect()
}

/// Every finding points at the words that it says.
fn evidence_is_where_it_says(item: &Item, judgement: &Judgement) {
    for finding in &judgement.findings {
        for evidence in &finding.evidence {
            let text = &item.extract.documents[evidence.document].text;
            let there: String =
                text.chars().skip(evidence.start).take(evidence.end - evidence.start).collect();
            assert_eq!(there, evidence.text, "{}: {}", item.id, finding.rule);
        }
    }
}

fn trace(item: &Item, judgement: &Judgement) {
    println!("---- {} scope {:?} confidence {}", item.id, judgement.scope, judgement.confidence);
    for finding in &judgement.findings {
        let words: Vec<&str> = finding.evidence.iter().map(|one| one.text.as_str()).collect();
        println!("  {:42} {:34} {:6.2} {words:?}", finding.concludes, finding.rule, finding.weight);
    }
}

fn score(path: &Path, rules: &Ruleset, offices: &BTreeMap<String, Office>) -> Score {
    let errors = std::env::var("TRIAGE_ERRORS").is_ok();
    let traced = std::env::var("TRIAGE_TRACE").unwrap_or_default();
    let mut score = Score::default();
    let items = read_items(&std::fs::read_to_string(path).unwrap())
        .unwrap_or_else(|faults| panic!("{}: {faults:?}", path.display()));
    for item in &items {
        let judgement = judge(&item.extract, item.channel, item.received, &offices[&item.office], rules);
        evidence_is_where_it_says(item, &judgement);
        score.add(&item.gold, &judgement);
        if errors {
            for one in wrong(&item.gold, &judgement) {
                println!(
                    "{:?}\t{}\twant {}\tgot {} ({})",
                    item.id, one.label, one.want, one.got, judgement.confidence
                );
            }
        }
        if traced.split(',').any(|id| id == item.id) {
            trace(item, &judgement);
        }
        let belongs = item.gold.get("scope").is_some_and(|scope| scope == "in" || scope == "mixed");
        if belongs && judgement.may_tell_citizen {
            println!("wrongly told: {}", item.id);
        }
    }
    score
}

#[test]
fn labels_turn_out_right() {
    let rules = Ruleset::load(Path::new("rules")).unwrap_or_else(|faults| panic!("{faults}"));
    let offices = offices();
    let mut faults = Vec::new();
    for (name, path) in files() {
        let score = score(&path, &rules, &offices);
        println!("== {name}");
        score.lines().iter().for_each(|line| println!("{line}"));
        assert_eq!(score.told_away, 0, "{name}: a person at the right address would be told \"not here\"");
        let Some((_, floors, about)) = FLOORS.iter().find(|(known, _, _)| *known == name) else { continue };
        let labels = ["scope", "refer_to", "first_complained", "kind"];
        for (label, floor) in labels.into_iter().zip(floors) {
            let share = score.share(label).unwrap_or(1.0) * 100.0;
            if share < *floor {
                faults.push(format!("{name}: {label} {share:.1} is under {floor}"));
            }
        }
        let f1 = score.precision_recall_f1("complained_about").map_or(100.0, |(_, _, f1)| f1 * 100.0);
        if f1 < *about {
            faults.push(format!("{name}: complained_about F1 {f1:.1} is under {about}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Prints the evidence on each body of each item, for `benches/fit_roles.py`:
/// `BODE_TEST_CORPUS=DIR cargo test --test triage_corpus amounts -- --ignored --nocapture`.
#[test]
#[ignore = "prints evidence for the fitting of weights; nothing to hold"]
fn amounts_of_the_corpus() {
    let Ok(dir) = std::env::var("BODE_TEST_CORPUS") else { return };
    let rules = Ruleset::load(Path::new("rules")).unwrap_or_else(|faults| panic!("{faults}"));
    let offices = offices();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "jsonl"));
    files.sort();
    for file in files {
        for item in read_items(&std::fs::read_to_string(&file).unwrap()).unwrap() {
            let office = &offices[&item.office];
            let parts: Vec<Value> = amounts(&item.extract, item.channel, item.received, office, &rules)
                .iter()
                .map(|part| {
                    let map = |pairs: &[(String, f64)]| -> Value {
                        pairs.iter().cloned().collect::<BTreeMap<_, _>>().into_iter().collect()
                    };
                    let bodies: Vec<Value> = part
                        .bodies
                        .iter()
                        .map(|body| json!({"label": body.label, "inside": body.inside, "amounts": map(&body.amounts)}))
                        .collect();
                    json!({"part": part.part, "several": part.several, "nobody": map(&part.nobody), "none": map(&part.none), "bodies": bodies})
                })
                .collect();
            let got = judge(&item.extract, item.channel, item.received, office, &rules);
            println!(
                "AMOUNTS {}",
                json!({
                    "file": file.file_stem().and_then(|stem| stem.to_str()), "id": item.id, "office": item.office,
                    "scope": item.gold.get("scope"), "automatic": item.gold.get("automatic"), "about": item.gold.get("complained_about"), "parts": parts,
                    "got": got.scope,
                })
            );
        }
    }
}
