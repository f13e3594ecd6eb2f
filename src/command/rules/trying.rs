//! `rules test` and `rules score`: the examples, and what staff made of the rules' conclusions.

use super::{loaded, offices};
use crate::command::{CommandResult, Ended, Failure, Global, setting};
use crate::config::Config;
use crate::intake::Rulebook;
use crate::record::Office;
use crate::trial::{Item, RuleFate, Score, Wrong, cases, read_items, rule_fates, wrong};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The word for the cases in the store.
pub(super) const ARCHIVE: &str = "archive";

pub(super) fn test(global: &Global, config: &Config, examples: &[PathBuf]) -> CommandResult {
    let rulebook = loaded(config)?;
    let sentences = rulebook.ruleset.example_count();
    let otherwise = rulebook.ruleset.failed_examples();
    for line in &otherwise {
        eprintln!("bode: {line}");
    }
    println!("{} van {sentences} voorbeeldzinnen kloppen", sentences.saturating_sub(otherwise.len()));
    let mut ended = if otherwise.is_empty() { Ended::Well } else { Ended::WithRefusals };
    let kept = kept_examples(config)?;
    for path in kept.iter().chain(&files_of(examples)?) {
        if !whole(global, config, &rulebook, path)? {
            ended = Ended::WithRefusals;
        }
    }
    Ok(ended)
}

/// The whole messages of one file. False: one turned out otherwise, or could not be judged.
fn whole(global: &Global, config: &Config, rulebook: &Rulebook, path: &Path) -> Result<bool, Failure> {
    let items = items(path)?;
    let offices = offices(global, config, &items);
    let (mut right, mut open, mut judged, mut fine) = (0, 0, 0, true);
    for item in &items {
        let Some(office) = offices.get(&item.office) else {
            eprintln!(
                "bode: {}: {}: het kantoor “{}” heeft hier geen configuratie",
                path.display(),
                item.id,
                item.office
            );
            fine = false;
            continue;
        };
        judged += 1;
        let wrong = judged_wrong(item, office, rulebook);
        match (&item.open, wrong.is_empty()) {
            (None, true) => right += 1,
            (Some(_), true) => {
                right += 1;
                println!("{}: {}: komt nu goed uit; “open” kan weg", path.display(), item.id);
            }
            (Some(_), false) => open += 1,
            (None, false) => {
                fine = false;
                for one in wrong {
                    eprintln!("bode: {}: {}: {}", path.display(), item.id, told(&one));
                }
            }
        }
    }
    let still = if open > 0 { format!(", {open} staan nog open") } else { String::new() };
    println!("{}: {right} van {judged} berichten kloppen{still}", path.display());
    Ok(fine)
}

fn judged_wrong(item: &Item, office: &Office, rulebook: &Rulebook) -> Vec<Wrong> {
    let judgement =
        crate::triage::judge(&item.extract, item.channel, item.received, office, &rulebook.ruleset);
    wrong(&item.gold, &judgement)
}

fn told(wrong: &Wrong) -> String {
    format!("{}: hoort {} te zijn, wordt {}", wrong.label, wrong.want, wrong.got)
}

pub(super) fn score(global: &Global, config: &Config, on: &[PathBuf], json: bool) -> CommandResult {
    let rulebook = loaded(config)?;
    let archive = PathBuf::from(ARCHIVE);
    let on = if on.is_empty() { vec![archive] } else { files_of(on)? };
    let mut all = serde_json::Map::new();
    for path in &on {
        let name = path.display().to_string();
        if path.as_os_str() == ARCHIVE {
            let report = ArchiveReport::of(config, &rulebook)?;
            if json {
                all.insert(name, report.json());
            } else {
                report.print();
            }
            continue;
        }
        let items = items(path)?;
        let offices = offices(global, config, &items);
        let mut score = Score::default();
        for item in &items {
            let Some(office) = offices.get(&item.office) else { continue };
            let ruleset = &rulebook.ruleset;
            let judged = crate::triage::judge(&item.extract, item.channel, item.received, office, ruleset);
            score.add(&item.gold, &judged);
        }
        if json {
            all.insert(name, score.json());
        } else {
            println!("== {name}");
            score.lines().iter().for_each(|line| println!("{line}"));
            if items.len() > score.items {
                println!("{} zonder configuratie van hun kantoor, niet geteld", items.len() - score.items);
            }
        }
    }
    if json {
        println!("{}", Value::Object(all));
    }
    Ok(Ended::Well)
}

/// What staff made of what was concluded when cases came in, and how the rules of now would do.
struct ArchiveReport {
    cases: usize,
    decided: usize,
    overruled: usize,
    gone: usize,
    fates: BTreeMap<String, RuleFate>,
    now: Score,
}

impl ArchiveReport {
    fn of(config: &Config, rulebook: &Rulebook) -> Result<Self, Failure> {
        let store = setting::store_to_read(config).map_err(Failure::failed)?;
        let mut report = Self {
            cases: 0,
            decided: 0,
            overruled: 0,
            gone: 0,
            fates: BTreeMap::new(),
            now: Score::default(),
        };
        let office = &rulebook.office;
        report.gone = cases(&store, &office.id, &mut |stored| {
            report.cases += 1;
            if let Some(overruled) = rule_fates(&stored, &office.competence, &mut report.fates) {
                report.decided += 1;
                report.overruled += usize::from(overruled);
                let item = &stored.item;
                let judged = rulebook.judge(&item.extract, item.channel, item.received);
                report.now.add(&item.gold, &judged);
            }
        })
        .map_err(Failure::failed)?;
        Ok(report)
    }

    /// The rules, those overruled most first.
    fn rows(&self) -> Vec<(&String, &RuleFate)> {
        let mut rows: Vec<_> = self.fates.iter().collect();
        rows.sort_by_key(|(_, fate)| (std::cmp::Reverse(fate.overruled), std::cmp::Reverse(fate.kept)));
        rows
    }

    fn json(&self) -> Value {
        let rules: Vec<Value> = self
            .rows()
            .into_iter()
            .map(|(rule, fate)| json!({ "rule": rule, "kept": fate.kept, "overruled": fate.overruled }))
            .collect();
        json!({
            "cases": self.cases,
            "decided": self.decided,
            "overruled": self.overruled,
            "text_gone": self.gone,
            "rules": rules,
            "now": self.now.json(),
        })
    }

    fn print(&self) {
        println!(
            "{} zaken, {} met een besluit dat iets over de regels zegt; {} keer besliste een medewerker anders",
            self.cases, self.decided, self.overruled
        );
        if self.gone > 0 {
            println!("{} zaken zijn al opgeschoond en tellen niet mee", self.gone);
        }
        println!("\n{:>9} {:>9}  regel", "gevolgd", "anders");
        for (rule, fate) in self.rows() {
            println!("{:>9} {:>9}  {rule}", fate.kept, fate.overruled);
        }
        if self.now.items > 0 {
            println!("\nMet de regels van nu:");
            self.now.lines().iter().for_each(|line| println!("{line}"));
        }
    }
}

/// Directories as the files of examples in them.
pub(super) fn files_of(given: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in given {
        if path.is_dir() {
            let entries = std::fs::read_dir(path)
                .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
            let mut inside: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
            inside.retain(|file| file.extension().is_some_and(|ending| ending == "jsonl"));
            inside.sort();
            files.extend(inside);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// The files of whole messages kept with the rules.
pub(super) fn kept_examples(config: &Config) -> Result<Vec<PathBuf>, Failure> {
    let dir = config.rules.join("examples");
    if dir.is_dir() { files_of(&[dir]) } else { Ok(Vec::new()) }
}

/// The examples of one file; its faults are wrong usage, with file, line and column.
pub(super) fn items(path: &Path) -> Result<Vec<Item>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
    read_items(&text).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(|fault| format!("{}:{fault}", path.display())).collect();
        Failure::Usage(lines.join("\n"))
    })
}
