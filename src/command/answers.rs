//! `bode answers …`: the outbox from a terminal. Changes go through the daemon when it runs, as in `bode cases`.

use super::{CommandResult, Ended, Failure, Global, setting};
use crate::config::Config;
use crate::daemon::control::{Change, Changed, apply, ask};
use crate::record::{AnswerState, CaseNumber};
use crate::store::{CaseFilter, Store};
use clap::Subcommand;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(super) enum AnswersCommand {
    /// Whether answers go out, and those that wait, are held or failed.
    List {
        #[arg(long)]
        json: bool,
    },
    /// Stops all answers until `resume`, also over a restart. Nothing is lost; post is taken in as ever.
    Pause,
    /// Lets answers go out again; what waited goes at once.
    Resume,
    /// Lets a held answer go out, or a failed one once more.
    Release { number: CaseNumber },
    /// Stops an answer that has not gone out.
    Withhold {
        number: CaseNumber,
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

pub(super) fn answers(global: &Global, command: AnswersCommand) -> CommandResult {
    let config = setting::config(global)?;
    let by = super::cases::account();
    match command {
        AnswersCommand::List { json } => list(&config, json),
        AnswersCommand::Pause => change(&config, Change::Sending { paused: true, by }),
        AnswersCommand::Resume => change(&config, Change::Sending { paused: false, by }),
        AnswersCommand::Release { number } => change(&config, Change::Release { case: number, by }),
        AnswersCommand::Withhold { number, reason } => {
            change(&config, Change::Withhold { case: number, reason, by })
        }
    }
}

fn list(config: &Config, json: bool) -> CommandResult {
    let store = setting::store_to_read(config).map_err(Failure::failed)?;
    let paused = store.sending_paused().map_err(Failure::failed)?;
    let filter = CaseFilter { limit: usize::MAX, ..CaseFilter::default() };
    let mut rows = store.cases(&filter).map_err(Failure::failed)?.rows;
    let is_open = |state: &AnswerState| {
        matches!(state, AnswerState::Waiting { .. } | AnswerState::Held { .. } | AnswerState::Failed { .. })
    };
    rows.retain(|row| row.answer.as_ref().is_some_and(|answer| is_open(&answer.state)));
    rows.sort_by_key(|row| row.number);
    let open: Vec<_> = rows.iter().filter_map(|row| row.answer.as_ref()).collect();
    let sends = config.answers.send;
    if json {
        let value = json!({ "send": sends, "paused": paused, "answers": open });
        println!("{}", serde_json::to_string_pretty(&value).map_err(Failure::failed)?);
        return Ok(Ended::Well);
    }
    for answer in &open {
        println!("{}  {}", answer.case, serde_json::to_string(&answer.state).map_err(Failure::failed)?);
    }
    match paused {
        _ if !sends => println!("{} antwoorden; proefdraaien, er gaat niets uit", open.len()),
        Some(pause) => println!("{} antwoorden; stilgezet door {} op {}", open.len(), pause.by, pause.at),
        None => println!("{} antwoorden", open.len()),
    }
    Ok(Ended::Well)
}

/// Makes a change: on the store when nobody holds it, else through the daemon that does.
fn change(config: &Config, change: Change) -> CommandResult {
    let changed = match ask(&config.store, &change).map_err(Failure::failed)? {
        Some(reply) => Result::from(reply).map_err(Failure::Failed)?,
        None => {
            let store = Store::open(&config.store).map_err(Failure::failed)?;
            apply(&store, None, change).map_err(Failure::failed)?
        }
    };
    match changed {
        Changed::Case(row) => {
            let state = row.answer.map(|answer| answer.state);
            println!("{}  {}", row.number, serde_json::to_string(&state).map_err(Failure::failed)?);
        }
        Changed::Sending(Some(pause)) => println!("Stilgezet door {} op {}", pause.by, pause.at),
        Changed::Sending(None) => println!("Antwoorden gaan uit"),
        Changed::Purged(_) | Changed::Noted => {}
    }
    Ok(Ended::Well)
}
