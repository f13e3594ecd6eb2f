//! Judges the invented submissions of the development corpus, where it lies beside the project, and prints
//! how many of each label turn out right. Without the corpus the test says so and passes.
//!
//! `TRIAGE_ERRORS=1` prints each label that turned out otherwise.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in tests a panic is the failure that is wanted"
)]

use bode::config;
use bode::record::{Address, Channel, Document, Extract, Message, Method, Office, Part, PartKind};
use bode::triage::{Ruleset, amounts, judge};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn corpus() -> Option<PathBuf> {
    if let Ok(dir) = std::env::var("BODE_TEST_CORPUS") {
        return Some(dir.into());
    }
    ["../shared/corpus/dev", "../../shared/corpus/dev"]
        .map(PathBuf::from)
        .into_iter()
        .find(|dir| dir.is_dir())
}

/// Own words, quote, forwarded message and signature told apart, as the reader does.
fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut kind = PartKind::Own;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        let one = if bare.starts_with('>') {
            PartKind::Quote
        } else if bare.starts_with("-----") && bare.to_lowercase().contains("disclaimer") {
            kind = PartKind::Disclaimer;
            kind
        } else if bare.contains("Forwarded message")
            || bare.contains("Doorgestuurd bericht")
            || bare.contains("Oorspronkelijk bericht")
        {
            kind = PartKind::Forwarded;
            kind
        } else if line.trim_end_matches(['\n', '\r']) == "--" || line.starts_with("-- \n") {
            kind = PartKind::Signature;
            kind
        } else if bare.starts_with("Op ") && (bare.contains("schreef")) {
            PartKind::Quote
        } else {
            kind
        };
        let end = at + line.chars().count();
        parts.push(Part { start: at, end, kind: one });
        at = end;
    }
    parts
}

fn document(name: Option<String>, method: Method, text: &str, parts: Vec<Part>) -> Document {
    Document {
        name,
        media_type: "text/plain".into(),
        method,
        pages: None,
        confidence: None,
        text: text.into(),
        problem: None,
        parts,
        words: vec![],
        page_sizes: vec![],
        blank_pages: 0,
    }
}

fn extract(item: &Value) -> (Extract, Channel) {
    let body = item["body"].as_str().unwrap();
    let mail = item["channel"] == "email";
    let method = if mail { Method::Body } else { Method::Text };
    let own = if mail { parts(body) } else { vec![] };
    let mut documents = vec![document(None, method, body, own)];
    for one in item["attachments"].as_array().unwrap() {
        let name = one["name"].as_str().map(str::to_owned);
        documents.push(document(name, Method::TextLayer, one["text"].as_str().unwrap(), vec![]));
    }
    let address = Address {
        name: item["from_name"].as_str().map(str::to_owned),
        address: item["from_addr"].as_str().map(str::to_owned),
    };
    let message = mail.then(|| Message {
        author: Some(address),
        subject: item["subject"].as_str().map(str::to_owned),
        ..Message::default()
    });
    (Extract { message, documents, defects: vec![] }, if mail { Channel::Email } else { Channel::Letter })
}

fn offices() -> BTreeMap<String, Office> {
    ["den-haag", "amsterdam", "deventer", "haarlem", "nationale-ombudsman"]
        .into_iter()
        .map(|id| (id.to_owned(), config::load(Path::new(&format!("config/{id}.toml"))).unwrap().office))
        .collect()
}

#[derive(Default)]
struct Score {
    right: BTreeMap<&'static str, (usize, usize)>,
    about: (usize, usize, usize),
    turned_away: (usize, usize),
    told_away: usize,
    may_tell: usize,
    kept: (usize, usize),
}

fn score(file: &Path, rules: &Ruleset, offices: &BTreeMap<String, Office>) -> Score {
    let mut score = Score::default();
    let errors = std::env::var("TRIAGE_ERRORS").is_ok();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let item: Value = serde_json::from_str(line).unwrap();
        let gold = &item["gold"];
        let (extract, channel) = extract(&item);
        let received = item["received"].as_str().unwrap().parse().unwrap();
        let office = &offices[item["office"].as_str().unwrap()];
        let got = judge(&extract, channel, received, office, rules);
        for finding in &got.findings {
            for evidence in &finding.evidence {
                let text: String = extract.documents[evidence.document]
                    .text
                    .chars()
                    .skip(evidence.start)
                    .take(evidence.end - evidence.start)
                    .collect();
                assert_eq!(text, evidence.text, "{}: {}", item["id"], finding.rule);
            }
        }
        let printed = serde_json::to_value(&got).unwrap();
        let mut check = |label: &'static str, got: &Value, want: &Value| {
            if want.is_null() {
                return;
            }
            let entry = score.right.entry(label).or_default();
            entry.1 += 1;
            if got == want {
                entry.0 += 1;
            } else if errors {
                println!("{}\t{label}\twant {want}\tgot {got}", item["id"]);
            }
        };
        check("scope", &printed["scope"], &gold["scope"]);
        if gold["scope"] == "out" || gold["scope"] == "mixed" {
            let refer =
                got.refer_to.as_ref().map_or(Value::Null, |referral| Value::from(referral.id.clone()));
            check("refer_to", &refer, &gold["refer_to"]);
        }
        if gold["scope"] != "none" {
            for label in ["kind", "older_than_year", "on_behalf"] {
                check(label, &printed[label], &gold[label]);
            }
            if gold["first_complained"] != "not-applicable" && !gold["first_complained"].is_null() {
                check("first_complained", &printed["first_complained"], &gold["first_complained"]);
            }
        }
        check("language", &printed["language"], &gold["language"]);
        for label in ["anonymous", "urgent", "multiple", "follow_up"] {
            check(label, &printed[label], &gold[label]);
        }
        check("automatic", &Value::from(got.automatic.is_some()), &gold["automatic"]);
        let list = |value: &Value| -> Vec<String> {
            value.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
        };
        let (want, have) = (list(&gold["complained_about"]), got.complained_about.clone());
        score.about.0 += want.iter().filter(|id| have.contains(id)).count();
        score.about.1 += have.iter().filter(|id| !want.contains(id)).count();
        score.about.2 += want.iter().filter(|id| !have.contains(id)).count();
        if errors && want != have {
            println!("{}\tabout\twant {want:?}\tgot {have:?} ({})", item["id"], got.confidence);
        }
        if std::env::var("TRIAGE_TRACE").is_ok_and(|ids| ids.split(',').any(|id| item["id"] == id)) {
            println!("---- {} scope {:?} confidence {}", item["id"], got.scope, got.confidence);
            for finding in &got.findings {
                let words: Vec<&str> = finding.evidence.iter().map(|one| one.text.as_str()).collect();
                println!("  {:42} {:34} {:6.2} {words:?}", finding.concludes, finding.rule, finding.weight);
            }
        }
        if gold["scope"] == "in" || gold["scope"] == "mixed" {
            score.turned_away.1 += 1;
            score.turned_away.0 += usize::from(printed["scope"] == "out");
            score.told_away += usize::from(got.may_tell_citizen);
            if got.may_tell_citizen {
                println!("wrongly told: {}", item["id"]);
            }
        }
        score.may_tell += usize::from(got.may_tell_citizen && gold["scope"] == "out");
        if gold["scope"] == "out" {
            score.kept.1 += 1;
            score.kept.0 += usize::from(printed["scope"] == "in");
        }
    }
    score
}

#[test]
fn the_development_corpus() {
    let Some(dir) = corpus() else {
        println!("no corpus beside the project: nothing judged");
        return;
    };
    let rules = Ruleset::load(Path::new("rules")).unwrap_or_else(|faults| panic!("{faults}"));
    let offices = offices();
    let only = std::env::var("TRIAGE_ONLY").ok();
    let own = PathBuf::from("rules/examples/wie.jsonl");
    for (name, file) in [("d1", dir.join("d1.jsonl")), ("d2", dir.join("d2.jsonl")), ("own", own)] {
        if only.as_deref().is_some_and(|only| only != name) {
            continue;
        }
        let score = score(&file, &rules, &offices);
        println!("== {name}");
        for (label, (right, total)) in &score.right {
            println!("{label:18} {right}/{total} = {:.3}", *right as f64 / *total as f64);
        }
        let (tp, fp, fne) = score.about;
        println!("complained_about   f1 {:.3}", 2.0 * tp as f64 / (2 * tp + fp + fne).max(1) as f64);
        println!("told out though in {}/{}", score.turned_away.0, score.turned_away.1);
        println!("may tell, wrongly  {}", score.told_away);
        println!("may tell, rightly  {}", score.may_tell);
        println!("kept though out    {}/{}", score.kept.0, score.kept.1);
        // Floors that honest rules hold on what they were written for; d2 is only watched.
        let (right, total) = score.right.get("scope").copied().unwrap_or_default();
        assert!(name == "d2" || right * 100 >= total * 88, "{name}: scope {right}/{total}");
        assert_eq!(score.told_away, 0, "a person at the right address would be told \"not here\"");
    }
}

/// Prints the evidence on each body of each item, for `benches/fit_roles.py`:
/// `BODE_TEST_CORPUS=DIR cargo test --test triage_corpus amounts -- --ignored --nocapture`.
#[test]
#[ignore = "prints evidence for the fitting of weights; nothing to hold"]
fn amounts_of_the_corpus() {
    let Some(dir) = corpus() else { return };
    let rules = Ruleset::load(Path::new("rules")).unwrap_or_else(|faults| panic!("{faults}"));
    let offices = offices();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|ext| ext == "jsonl")) {
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let item: Value = serde_json::from_str(line).unwrap();
            let (extract, channel) = extract(&item);
            let received = item["received"].as_str().unwrap().parse().unwrap();
            let office = &offices[item["office"].as_str().unwrap()];
            let parts: Vec<Value> = amounts(&extract, channel, received, office, &rules)
                .iter()
                .map(|part| {
                    let map = |pairs: &[(String, f64)]| -> Value { pairs.iter().cloned().collect::<BTreeMap<_, _>>().into_iter().collect() };
                    let bodies: Vec<Value> = part
                        .bodies
                        .iter()
                        .map(|body| serde_json::json!({"label": body.label, "inside": body.inside, "amounts": map(&body.amounts)}))
                        .collect();
                    serde_json::json!({"part": part.part, "several": part.several, "nobody": map(&part.nobody), "bodies": bodies})
                })
                .collect();
            let got = judge(&extract, channel, received, office, &rules);
            let gold = &item["gold"];
            println!(
                "AMOUNTS {}",
                serde_json::json!({
                    "file": file.file_stem().and_then(|stem| stem.to_str()), "id": item["id"], "office": item["office"],
                    "scope": gold["scope"], "about": gold["complained_about"], "parts": parts,
                    "got": serde_json::to_value(got.scope).unwrap(),
                })
            );
        }
    }
}
