//! `bode rehearsal`: how the judgements of a rehearsal compare with what staff decided, and what would have been answered.

use super::{CommandResult, Ended, Failure, Global, setting};
use crate::limits::REHEARSAL_CASES_MAX;
use crate::record::office_date;
use crate::store::RehearsalPeriod;
use crate::trial::{Fate, Otherwise, Rehearsed, rehearsed};
use clap::Args;
use jiff::civil::Date;
use serde_json::json;
use std::collections::BTreeMap;

/// Cases that are named in one line.
const NAMED_MAX: usize = 20;

#[derive(Debug, Args)]
pub(super) struct RehearsalArgs {
    /// Only what was received on this day or later [default: all, or since the rehearsal of an older store began].
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    #[arg(long)]
    json: bool,
}

pub(super) fn rehearsal(global: &Global, args: &RehearsalArgs) -> CommandResult {
    let config = setting::config(global)?;
    let store = setting::store_to_read(&config).map_err(Failure::failed)?;
    let period = store.rehearsal().map_err(Failure::failed)?;
    let since = store.rehearsed_from().map_err(Failure::failed)?;
    let from = args.from.or(since.map(office_date));
    let found = rehearsed(&store, from, REHEARSAL_CASES_MAX).map_err(Failure::failed)?;
    if args.json {
        let value = json!({ "on": !config.answers.send, "rehearsal": period, "from": from, "found": found });
        println!("{}", serde_json::to_string_pretty(&value).map_err(Failure::failed)?);
    } else {
        print(&found, period, !config.answers.send);
    }
    Ok(Ended::Well)
}

fn print(found: &Rehearsed, period: Option<RehearsalPeriod>, on: bool) {
    match (period, on) {
        (Some(RehearsalPeriod { began, ended: None }), true) => {
            println!("Proefdraaien sinds {}", office_date(began))
        }
        (Some(RehearsalPeriod { began, ended: Some(ended) }), false) => {
            println!("Proefgedraaid van {} tot {}", office_date(began), office_date(ended));
        }
        (_, true) => println!("Proefdraaien staat aan"),
        (_, false) => println!("Geen proef: antwoorden gaan uit"),
    }
    let Rehearsed { cases, decided, agreed, .. } = found;
    println!(
        "{cases} zaken, {decided} beslist of gecorrigeerd; daarvan {agreed} geheel zoals bode voorstelde"
    );
    if found.more {
        println!("Oudere zaken zijn niet meegeteld.");
    }
    table("Per werkvoorraad", &found.queues);
    table("Per kenmerk", &found.labels);
    let answers = &found.answers;
    println!("\nAntwoorden");
    println!("{:>6}  zouden vanzelf zijn uitgegaan", answers.would_go);
    println!("{:>6}  zouden op een mens wachten", answers.held.values().sum::<usize>());
    answers.held.iter().for_each(|(reason, count)| println!("{count:>12}  {reason}"));
    println!("{:>6}  krijgen geen antwoord", answers.silent.values().sum::<usize>());
    answers.silent.iter().for_each(|(reason, count)| println!("{count:>12}  {reason}"));
    if on {
        println!(
            "\nEcht beginnen: `on = false` onder [rehearsal], en opnieuw starten. Wat tot dan binnenkwam, wordt nooit vanzelf \
             beantwoord."
        );
    }
}

fn table(title: &str, fates: &BTreeMap<String, Fate>) {
    println!("\n{title:<28} eens  anders  open");
    for (name, fate) in fates {
        println!("{name:<28} {:>4}  {:>6}  {:>4}", fate.agreed, fate.overruled, fate.open);
        for one in fate.cases.iter().take(NAMED_MAX) {
            println!("    {}", told(one));
        }
        if fate.cases.len() > NAMED_MAX {
            println!("    … en {} meer", fate.cases.len() - NAMED_MAX);
        }
    }
}

fn told(one: &Otherwise) -> String {
    let labels: Vec<String> = one
        .labels
        .iter()
        .map(|label| format!("{}: {} → {}", label.label, label.judged, label.decided))
        .collect();
    format!("{}  {}", one.case, labels.join(", "))
}
