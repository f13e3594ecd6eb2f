//! The labels of the facets on messages of our own, and figures on a labelled corpus (JSONL, typed text, without extract).
//! `BODE_CORPUS=items.jsonl[:more.jsonl] cargo test --test facets_figures -- --ignored --nocapture`

use bode::record::{Address, Channel, Document, Extract, Message, Method, Part, PartKind};
use bode::triage::{Ruleset, judge};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The parts of a typed body, plainly told: what `extract` does in earnest.
fn parts(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut at = 0;
    let mut tail = None;
    for line in text.split_inclusive('\n') {
        let length = line.chars().count();
        let plain = line.trim();
        if plain.starts_with("---------- Forwarded")
            || plain.starts_with("-----Oorspronkelijk")
            || plain.starts_with("Begin doorgestuurd")
        {
            tail = Some(PartKind::Forwarded);
        } else if line.trim_end() == "--"
            || plain.starts_with("Verstuurd vanaf")
            || plain.starts_with("Verzonden vanaf")
            || plain.starts_with("Sent from")
        {
            tail = Some(PartKind::Signature);
        } else if plain.starts_with("Dit bericht kan informatie") || plain.contains("Disclaimer") {
            tail = Some(PartKind::Disclaimer);
        }
        let quote = plain.starts_with('>')
            || (plain.starts_with("Op ") && plain.ends_with("schreef:"))
            || plain.ends_with(">:");
        let kind = if quote { PartKind::Quote } else { tail.unwrap_or(PartKind::Own) };
        match parts.last_mut() {
            Some(part) if part.kind == kind => part.end += length,
            _ => parts.push(Part { start: at, end: at + length, kind }),
        }
        at += length;
    }
    parts
}

fn extract(item: &Value) -> (Extract, Channel) {
    let text = |key: &str| item[key].as_str().map(str::to_owned);
    let document =
        |name, method, text: String, parts| Document { name, parts, ..Document::typed(method, text) };
    let mut body = text("body").unwrap_or_default();
    let email = item["channel"] == "email";
    let mut documents = Vec::new();
    let attachments = item["attachments"].as_array().cloned().unwrap_or_default();
    if email {
        documents.push(document(None, Method::Body, body.clone(), parts(&body)));
        for one in attachments {
            let text = one["text"].as_str().unwrap_or_default().to_owned();
            documents.push(document(
                one["name"].as_str().map(str::to_owned),
                Method::TextLayer,
                text,
                vec![],
            ));
        }
    } else {
        for one in attachments {
            body.push_str("\n\n\n\n");
            body.push_str(one["text"].as_str().unwrap_or_default());
        }
        documents.push(document(None, Method::Text, body, vec![]));
    }
    let author =
        Address { name: text("from_name").filter(|name| !name.is_empty()), address: text("from_addr") };
    let mut message = Message {
        author: Some(author),
        subject: text("subject"),
        media_type: "text/plain".into(),
        ..Message::default()
    };
    for field in item["headers"].as_array().into_iter().flatten() {
        message.fields.push((field[0].as_str().unwrap().into(), field[1].as_str().unwrap().into()));
    }
    let extract = Extract { message: email.then_some(message), documents, defects: vec![] };
    (extract, if email { Channel::Email } else { Channel::Letter })
}

/// Messages of our own, written before the rules were tried on them: a rule that breaks what held shows here.
#[test]
fn own_messages_are_judged_as_labelled() {
    let rules = Ruleset::load(Path::new("rules")).unwrap_or_else(|faults| panic!("{faults}"));
    let score = score("tests/samples/facets.jsonl", &rules);
    let right: usize = score.right.values().map(|(right, _)| right).sum();
    let all: usize = score.right.values().map(|(_, all)| all).sum();
    let flags: usize = score.flags.values().map(|[_, fp, fneg]| fp + fneg).sum();
    assert!(right * 100 >= all * 95, "{right} of {all}\n{}", score.wrong.join("\n"));
    assert!(flags <= 2, "{}", score.wrong.join("\n"));
    let [_, fp, fneg] = score.flags["automatic"];
    assert_eq!((fp, fneg), (0, 0), "{}", score.wrong.join("\n"));
}

#[test]
#[ignore = "needs a corpus: BODE_CORPUS"]
fn figures() {
    let from = std::time::Instant::now();
    let rules = Ruleset::load(Path::new("rules")).unwrap_or_else(|faults| panic!("{faults}"));
    println!("rules loaded in {:?}", from.elapsed());
    for file in std::env::var("BODE_CORPUS").unwrap().split(':') {
        let Score { right, flags, wrong, spent, bytes } = score(file, &rules);
        println!("== {file}: {} bytes in {spent:?}", bytes);
        for (label, (ok, all)) in &right {
            println!("{label:18} {ok}/{all} = {:.3}", *ok as f64 / *all as f64);
        }
        for (label, [tp, fp, fneg]) in &flags {
            println!("{label:18} tp {tp} fp {fp} fn {fneg}");
        }
        if std::env::var_os("BODE_QUIET").is_none() {
            println!("{}", wrong.join("\n"));
        }
    }
}

/// What was right and wrong, by label.
struct Score {
    right: BTreeMap<&'static str, (usize, usize)>,
    /// True positives, false positives, false negatives.
    flags: BTreeMap<&'static str, [usize; 3]>,
    wrong: Vec<String>,
    spent: std::time::Duration,
    bytes: usize,
}

fn score(file: &str, rules: &Ruleset) -> Score {
    let mut right: BTreeMap<&'static str, (usize, usize)> = BTreeMap::new();
    let mut flags: BTreeMap<&'static str, [usize; 3]> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut spent = std::time::Duration::ZERO;
    let mut bytes = 0;
    let items = std::fs::read_to_string(file).unwrap();
    for line in items.lines() {
        let item: Value = serde_json::from_str(line).unwrap();
        let office =
            bode::config::load(Path::new(&format!("config/{}.toml", item["office"].as_str().unwrap())))
                .unwrap()
                .office;
        let (extract, channel) = extract(&item);
        let received = item["received"].as_str().unwrap().parse().unwrap();
        // For a profile: each item so many times before it is timed.
        let warm = std::env::var("BODE_WARM").ok().and_then(|times| times.parse().ok()).unwrap_or(0);
        for _ in 0..warm {
            judge(&extract, channel, received, &office, rules);
        }
        let from = std::time::Instant::now();
        let judgement = judge(&extract, channel, received, &office, rules);
        spent += from.elapsed();
        bytes += extract.documents.iter().map(|d| d.text.len()).sum::<usize>();
        let got = serde_json::to_value(&judgement).unwrap();
        let (gold, id) = (&item["gold"], item["id"].as_str().unwrap());
        let rest = |label: &str| -> String {
            let found = judgement.findings_on(label).map(|f| {
                let told = f.evidence.first().map(|e| e.text.replace('\n', " ")).unwrap_or_default();
                format!("{}[{told}]", f.rule)
            });
            found.collect::<Vec<_>>().join(" ")
        };
        for label in ["first_complained", "older_than_year", "kind", "on_behalf", "language"] {
            let none = gold["scope"] == "none";
            if (label != "language" && none) || gold[label] == "not-applicable" || gold[label].is_null() {
                continue;
            }
            let cell = right.entry(label).or_default();
            cell.1 += 1;
            if got[label] == gold[label] {
                cell.0 += 1;
            } else {
                wrong.push(format!("{id} {label} want {} got {} {}", gold[label], got[label], rest(label)));
            }
        }
        for label in ["anonymous", "multiple", "urgent", "follow_up", "automatic"] {
            if (label == "follow_up" && gold["automatic"] == true)
                || (label == "multiple" && gold["scope"] == "mixed")
            {
                continue;
            }
            let want = gold[label] == true;
            let have = if label == "automatic" { !got[label].is_null() } else { got[label] == true };
            let cell = flags.entry(label).or_default();
            cell[0] += usize::from(want && have);
            cell[1] += usize::from(have && !want);
            cell[2] += usize::from(want && !have);
            if want != have {
                wrong.push(format!("{id} {label} want {want} got {have} {}", rest(label)));
            }
        }
    }
    Score { right, flags, wrong, spent, bytes }
}
