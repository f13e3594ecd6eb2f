//! `rules diff` and `rules suggest`: what another rule set would change, and what the examples propose.

use super::trying::{ARCHIVE, files_of, items, kept_examples};
use super::{DiffArgs, loaded, offices};
use crate::command::{CommandResult, Ended, Failure, Global, setting};
use crate::config::Config;
use crate::record::Office;
use crate::store::kept_rules;
use crate::triage::Ruleset;
use crate::trial::{Changed, Comparison, Item, cases, rules_changed};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Changed rules that are listed by name.
const RULES_LISTED: usize = 60;

pub(super) fn diff(global: &Global, config: &Config, args: &DiffArgs) -> CommandResult {
    let own = loaded(config)?;
    let (other, what) = match (&args.against, args.what.split_first()) {
        (Some(other), _) => (other.as_path(), args.what.as_slice()),
        (None, Some((other, what))) => (other.as_path(), what),
        (None, None) => {
            let usage =
                "noem de map met de andere regels: rules diff MAP, of rules diff --against MAP|VERSIE";
            return Err(Failure::Usage(usage.to_owned()));
        }
    };
    let (theirs, their_office) = other_rules(config, other)?;
    let their_office = their_office.unwrap_or_else(|| own.office.clone());
    let ours = (&*own.ruleset, &own.office);
    let theirs = (&theirs, &their_office);
    let (before, after) = if args.against.is_some() { (theirs, ours) } else { (ours, theirs) };
    let archive = [PathBuf::from(ARCHIVE)];
    let what = if what.is_empty() { archive.as_slice() } else { what };
    let mut comparison = Comparison::default();
    for path in files_of(what)? {
        if path.as_os_str() == ARCHIVE {
            let store = setting::store_to_read(config).map_err(Failure::failed)?;
            cases(&store, &own.office.id, &mut |stored| comparison.add(&stored.item, before, after))
                .map_err(Failure::failed)?;
            continue;
        }
        let items = items(&path)?;
        let known = offices(global, config, &items);
        for item in &items {
            let Some(office) = known.get(&item.office) else { continue };
            let as_of = |given: (&'_ Ruleset, &Office)| given.1.id == item.office;
            // Office data of another version count for that office only.
            let pair_before = (before.0, if as_of(before) { before.1 } else { office });
            let pair_after = (after.0, if as_of(after) { after.1 } else { office });
            comparison.add(item, pair_before, pair_after);
        }
    }
    let rules = rules_changed(before.0, after.0);
    if args.json {
        print_json(&rules, &comparison);
    } else {
        print(&rules, before.1 != after.1, &comparison);
    }
    Ok(Ended::Well)
}

/// The other rules: a directory, or a version that was in force once (then with the office's data of then).
fn other_rules(config: &Config, other: &Path) -> Result<(Ruleset, Option<Office>), Failure> {
    let usage = |message: String| Failure::Usage(message);
    if other.is_dir() {
        return Ok((Ruleset::load(other).map_err(|faults| usage(faults.to_string()))?, None));
    }
    let version = other.display().to_string();
    let Some(dir) = kept_rules(&config.store, &version) else {
        return Err(usage(format!(
            "{version}: geen map, en geen versie van de regels die hier van kracht was"
        )));
    };
    let ruleset = Ruleset::load(&dir).map_err(|faults| usage(faults.to_string()))?;
    let office = std::fs::read(dir.join("office.json")).ok();
    Ok((ruleset, office.and_then(|bytes| serde_json::from_slice(&bytes).ok())))
}

fn print(rules: &[String], office: bool, comparison: &Comparison) {
    println!("Regels die verschillen: {}", rules.len());
    rules.iter().take(RULES_LISTED).for_each(|line| println!("  {line}"));
    if rules.len() > RULES_LISTED {
        println!("  … en {} meer", rules.len() - RULES_LISTED);
    }
    if office {
        println!("De gegevens van het kantoor verschillen ook.");
    }
    println!("\n{} van {} komen anders uit", comparison.changed.len(), comparison.judged);
    for (change, count) in comparison.counts() {
        println!("{count:>6}  {change}");
    }
    let (better, worse) = comparison.better_and_worse();
    if better + worse > 0 {
        println!("Waar het goede antwoord bekend is: {better} beter, {worse} slechter");
    }
    comparison.changed.iter().for_each(print_changed);
}

fn print_changed(changed: &Changed) {
    println!("\n{}", changed.id);
    for change in &changed.changes {
        let mark = match change.better {
            Some(true) => "  (beter)",
            Some(false) => "  (slechter)",
            None => "",
        };
        println!("  {}{mark}", change.words());
    }
    println!("  door: {}", if changed.rules.is_empty() { "-".to_owned() } else { changed.rules.join(", ") });
}

fn print_json(rules: &[String], comparison: &Comparison) {
    let changed: Vec<_> = comparison
        .changed
        .iter()
        .map(|changed| {
            let changes: Vec<_> = changed
                .changes
                .iter()
                .map(
                    |one| json!({ "label": one.label, "from": one.from, "to": one.to, "better": one.better }),
                )
                .collect();
            json!({ "id": changed.id, "changes": changes, "rules": changed.rules })
        })
        .collect();
    println!("{}", json!({ "rules": rules, "judged": comparison.judged, "changed": changed }));
}

pub(super) fn suggest(global: &Global, config: &Config, on: &[PathBuf]) -> CommandResult {
    let rulebook = loaded(config)?;
    let mut on = files_of(on)?;
    if on.is_empty() {
        on = kept_examples(config)?;
        on.push(PathBuf::from(ARCHIVE));
    }
    let mut all: Vec<Item> = Vec::new();
    for path in &on {
        if path.as_os_str() == ARCHIVE {
            all.extend(decided(config, &rulebook.office)?);
        } else {
            all.extend(items(path)?);
        }
    }
    let offices: BTreeMap<String, Office> = offices(global, config, &all);
    let proposals = crate::trial::suggest(&rulebook.ruleset, &all, &offices);
    println!("{} voorbeelden. Nu:", proposals.now.items);
    proposals.now.lines().iter().for_each(|line| println!("  {line}"));
    if proposals.all.is_empty() {
        println!("\nGeen voorstel: geen woorden of gewichten waarmee meer voorbeelden goed uitkomen.");
    }
    for (index, proposal) in proposals.all.iter().enumerate() {
        println!("\nVoorstel {}: {}", index + 1, proposal.why);
        println!("{} beter, {} slechter; op alle voorbeelden verandert:", proposal.better, proposal.worse);
        proposal.changed.iter().for_each(print_changed);
        println!("\n{}", proposal.diff);
    }
    if !proposals.all.is_empty() {
        println!(
            "Er is niets veranderd. Lees elk voorstel: zegt het woord in elk bericht hetzelfde? Neem over wat klopt, \
             schrijf er een voorbeeld bij, en kijk met `rules test` en `rules diff` wat het doet."
        );
    }
    Ok(Ended::Well)
}

/// The cases that a person decided; a store that is not there yet has none.
fn decided(config: &Config, office: &Office) -> Result<Vec<Item>, Failure> {
    if !config.store.is_dir() {
        return Ok(Vec::new());
    }
    let store = setting::store_to_read(config).map_err(Failure::failed)?;
    let mut all = Vec::new();
    cases(&store, &office.id, &mut |stored| {
        if !stored.item.gold.is_empty() {
            all.push(stored.item);
        }
    })
    .map_err(Failure::failed)?;
    Ok(all)
}
