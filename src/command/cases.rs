//! `bode cases …`: the queue from a terminal. Reads beside a running daemon; changes go through it when it runs.

use super::export::{ExportArgs, export};
use super::{CommandResult, Ended, Failure, Global, label, setting};
use crate::clock;
use crate::config::Config;
use crate::daemon::control::{Change, Changed, apply, ask};
use crate::queue::{Nearness, deadline_label, due_list};
use crate::record::{
    AnswerState, Bsns, CaseNumber, CaseRow, CaseStatus, Extract, HistoryLine, Judgement, Look, Record, Seen,
    Verdict, office_date,
};
use crate::store::{CaseFilter, Store, StoreError};
use clap::{Args, Subcommand};
use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(super) enum CasesCommand {
    /// The cases of the queue.
    List(ListArgs),
    /// Cases whose number, writer or subject holds these words.
    Search {
        #[arg(required = true)]
        words: Vec<String>,
        #[arg(long)]
        json: bool,
    },
    /// What is due: terms of the law, and apart from them what the office promised.
    Due {
        /// Days ahead; what has passed is always there.
        #[arg(long, default_value_t = 7, value_name = "N")]
        days: u16,
        #[arg(long)]
        json: bool,
    },
    /// One case: judgement with its evidence, text, answer and history.
    Show {
        number: CaseNumber,
        #[arg(long)]
        json: bool,
        /// With citizen service numbers whole; that you saw them is written in the history of the case.
        #[arg(long)]
        show_bsn: bool,
    },
    /// Who looked at a case, when and how.
    Looks {
        number: CaseNumber,
        #[arg(long)]
        json: bool,
    },
    /// Gives a case to a colleague; without a name, back to all.
    Assign {
        number: CaseNumber,
        assignee: Option<String>,
        #[arg(long)]
        json: bool,
    },
    /// Decides on a case.
    Decide {
        number: CaseNumber,
        /// take-up, refer, ask-for-more, signal, not-a-complaint, reopen or, of a case that was taken up, settle.
        #[arg(value_parser = verdict)]
        verdict: Verdict,
        /// Where it goes, with `refer`.
        #[arg(long, value_name = "ID")]
        to: Option<String>,
        #[arg(long, default_value = "", value_name = "TEXT")]
        reason: String,
        #[arg(long)]
        json: bool,
    },
    /// Joins a case to another, where it goes on: the same complaint by mail and by letter. `reopen` parts them again.
    Join {
        number: CaseNumber,
        into: CaseNumber,
        #[arg(long)]
        json: bool,
    },
    /// Forbids that a case is destroyed when its term is over: an objection, a request under the Woo, a court.
    Keep {
        number: CaseNumber,
        #[arg(long, value_name = "TEXT", required_unless_present = "lift")]
        reason: Option<String>,
        /// It may be destroyed again.
        #[arg(long, conflicts_with = "reason")]
        lift: bool,
        #[arg(long)]
        json: bool,
    },
    /// Gives cases out as folders that can be read without this program; with --person all about one person (AVG 15).
    Export(ExportArgs),
    /// Adds a note to a case.
    Note {
        number: CaseNumber,
        text: String,
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[arg(long)]
    queue: Option<String>,
    /// open, taken-up, asked-for-more or closed; may be given more than once.
    #[arg(long, value_parser = status)]
    status: Vec<CaseStatus>,
    /// Due on this day or earlier.
    #[arg(long, value_name = "DATE")]
    due: Option<Date>,
    /// Id of a body that is complained about.
    #[arg(long)]
    body: Option<String>,
    #[arg(long)]
    assignee: Option<String>,
    /// Only cases whose answer did not arrive: find another way to the citizen (Awb 2:11).
    #[arg(long)]
    undelivered: bool,
    #[arg(long)]
    json: bool,
    /// For a spreadsheet, with semicolons: what `zaken.csv` of an export holds.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// How a list is given.
#[derive(Clone, Copy)]
enum Form {
    Lines,
    Json,
    Csv,
}

impl Form {
    fn of(json: bool) -> Self {
        if json { Form::Json } else { Form::Lines }
    }
}

/// A word of the contract as a value of ours.
fn word<T: serde::de::DeserializeOwned>(text: &str, allowed: &str) -> Result<T, String> {
    serde_json::from_value(json!(text)).map_err(|_| format!("choose one of: {allowed}"))
}

fn verdict(text: &str) -> Result<Verdict, String> {
    word(text, "take-up, refer, ask-for-more, signal, not-a-complaint, reopen, settle")
}

fn status(text: &str) -> Result<CaseStatus, String> {
    word(text, "open, taken-up, asked-for-more, closed")
}

pub(super) fn cases(global: &Global, command: CasesCommand) -> CommandResult {
    let config = setting::config(global)?;
    match command {
        CasesCommand::List(args) => {
            let filter = CaseFilter {
                queue: args.queue,
                statuses: args.status,
                due_by: args.due,
                body: args.body,
                assignee: args.assignee,
                undelivered: args.undelivered,
                limit: usize::MAX,
                ..CaseFilter::default()
            };
            list(&config, &filter, if args.csv { Form::Csv } else { Form::of(args.json) })
        }
        CasesCommand::Search { words, json } => {
            let filter =
                CaseFilter { text: Some(words.join(" ")), limit: usize::MAX, ..CaseFilter::default() };
            list(&config, &filter, Form::of(json))
        }
        CasesCommand::Due { days, json } => due(&config, days, json),
        CasesCommand::Show { number, json, show_bsn } => show(&config, number, json, show_bsn),
        CasesCommand::Looks { number, json } => looks(&config, number, json),
        CasesCommand::Assign { number, assignee, json } => {
            change(&config, &Change::Assign { case: number, assignee, by: account() }, json)
        }
        CasesCommand::Decide { number, verdict, to, reason, json } => {
            let by = account();
            change(&config, &Change::Decide { case: number, verdict, refer_to: to, reason, by }, json)
        }
        CasesCommand::Join { number, into, json } => {
            change(&config, &Change::Join { case: number, into, by: account() }, json)
        }
        CasesCommand::Export(args) => export(global, &config, &args),
        CasesCommand::Keep { number, reason, lift, json } => {
            let reason = reason.filter(|_| !lift);
            change(&config, &Change::Keep { case: number, reason, by: account() }, json)
        }
        CasesCommand::Note { number, text, json } => {
            change(&config, &Change::Note { case: number, text, by: account() }, json)
        }
    }
}

fn list(config: &Config, filter: &CaseFilter, form: Form) -> CommandResult {
    let store = setting::store_to_read(config).map_err(Failure::failed)?;
    let page = store.cases(filter).map_err(Failure::failed)?;
    for one in &page.read_as {
        eprintln!("no case has \"{}\": looked for \"{}\"", one.typed, one.read);
    }
    if page.unread > 0 {
        eprintln!("texts of the last {} entries of the journal were not searched", page.unread);
    }
    match form {
        Form::Json => {
            println!("{}", serde_json::to_string_pretty(&page.rows).map_err(Failure::failed)?);
            return Ok(Ended::Well);
        }
        Form::Csv => {
            print!("{}", crate::export::cases_csv(&page.rows));
            return Ok(Ended::Well);
        }
        Form::Lines => {}
    }
    for row in &page.rows {
        println!(
            "{}  {}  {:<20} {:<14} {:<24} {}",
            row.number,
            row.received,
            row.queue,
            label(&row.status),
            row.judgement.complained_about.join(","),
            row.due.map(|due| format!("uiterlijk {due}")).unwrap_or_default()
        );
        if is_undelivered(row) {
            println!("      {UNDELIVERED}");
        }
    }
    println!("{} zaken", page.total);
    Ok(Ended::Well)
}

fn due(config: &Config, days: u16, json: bool) -> CommandResult {
    let today = office_date(clock::now());
    let store = setting::store_to_read(config).map_err(Failure::failed)?;
    let list = due_list(&store, today.saturating_add(i64::from(days).days())).map_err(Failure::failed)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&list).map_err(Failure::failed)?);
        return Ok(Ended::Well);
    }
    for (heading, lines) in
        [("Termijnen van de wet", &list.law), ("Beloften van het kantoor", &list.promises)]
    {
        println!("{heading}");
        for line in lines {
            println!(
                "  {}  {:<16} {}  {} ({})  {}{}",
                line.deadline.due,
                Nearness::of(line.deadline.due, today).label(),
                line.case,
                deadline_label(&line.deadline.name),
                line.deadline.basis,
                line.assignee.as_deref().unwrap_or("-"),
                if line.urgent { "  SPOED" } else { "" }
            );
        }
        println!("  {} te laat of binnen {days} dagen", lines.len());
    }
    Ok(Ended::Well)
}

/// A case with all that was read and judged of it.
struct Whole {
    row: CaseRow,
    history: Vec<HistoryLine>,
    records: Vec<(Record, Extract, Option<Judgement>)>,
}

impl Whole {
    fn of(store: &Store, number: CaseNumber) -> Result<Whole, StoreError> {
        let row = store.case(number)?.ok_or(StoreError::UnknownCase(number))?;
        let history = store.history(number)?;
        let mut records = Vec::new();
        for record in &row.records {
            if store.is_purged(*record)? {
                continue;
            }
            let extract = store.extract(*record)?.unwrap_or_default();
            records.push((store.record(*record)?, extract, store.judgement(*record)?));
        }
        Ok(Whole { row, history, records })
    }

    /// With its citizen service numbers covered.
    fn covered(self) -> Result<Whole, serde_json::Error> {
        let mut all = Bsns::named_in(self.history.iter().filter_map(|line| line.note.as_deref()));
        self.records.iter().for_each(|(_, extract, _)| all.extend(Bsns::in_extract(extract)));
        if all.is_empty() {
            return Ok(self);
        }
        let cover = |(record, extract, judgement): &(Record, Extract, Option<Judgement>)| {
            let covered = all.cover_extract(extract)?;
            let judgement = judgement.as_ref().map(|one| all.cover_judgement(one, &covered)).transpose()?;
            Ok((all.cover_all(record)?, covered, judgement))
        };
        Ok(Whole {
            row: all.cover_all(&self.row)?,
            history: all.cover_all(&self.history)?,
            records: self.records.iter().map(cover).collect::<Result<_, serde_json::Error>>()?,
        })
    }
}

fn show(config: &Config, number: CaseNumber, json: bool, show_bsn: bool) -> CommandResult {
    if show_bsn {
        ask_for(config, &Change::ShowBsn { case: number, by: account() })?;
    }
    let store = setting::store_to_read(config).map_err(Failure::failed)?;
    let whole = Whole::of(&store, number).map_err(Failure::failed)?;
    let seen = if show_bsn { Seen::BsnShown } else { Seen::Viewed };
    let (at, by) = (clock::now(), account());
    let look = Look { at, by, seen, case: Some(number), record: None, document: None, page: None };
    store.note_look(&look).map_err(Failure::failed)?;
    let Whole { row, history, records } =
        if show_bsn { whole } else { whole.covered().map_err(Failure::failed)? };
    if json {
        let records: Vec<_> = records
            .iter()
            .map(|(record, extract, judgement)| {
                json!({
                    "record": record,
                    "message": extract.message,
                    "documents": super::extract::documents(extract, false),
                    "defects": extract.defects,
                    "judgement": judgement,
                })
            })
            .collect();
        let value = json!({ "case": row, "records": records, "history": history });
        println!("{}", serde_json::to_string_pretty(&value).map_err(Failure::failed)?);
        return Ok(Ended::Well);
    }
    print_row(&row);
    for (record, extract, judgement) in &records {
        println!("\n{} ({}, ontvangen {})", record.number, label(&record.channel), record.received_at);
        for document in &extract.documents {
            println!("--- {}", document.name.as_deref().unwrap_or("bericht"));
            println!("{}", document.text.trim_end());
        }
        for defect in &extract.defects {
            println!("! {}", defect.explanation);
        }
        for finding in judgement.iter().flat_map(|judgement| &judgement.findings) {
            let sentence = finding.evidence.first().map(|evidence| evidence.text.trim()).unwrap_or_default();
            println!("  {:+.1} {}: {} «{sentence}»", finding.weight, finding.concludes, finding.reason);
        }
    }
    println!("\nGeschiedenis");
    for line in &history {
        println!("  {}  {}  {}", line.at, line.by, line.what);
        if let Some(note) = &line.note {
            println!("      {note}");
        }
    }
    Ok(Ended::Well)
}

fn looks(config: &Config, number: CaseNumber, json: bool) -> CommandResult {
    let store = setting::store_to_read(config).map_err(Failure::failed)?;
    let (looks, older) = store.looks(number).map_err(Failure::failed)?;
    if json {
        let value = json!({ "looks": looks, "older": older });
        println!("{}", serde_json::to_string_pretty(&value).map_err(Failure::failed)?);
        return Ok(Ended::Well);
    }
    for look in &looks {
        let record = look.record.map(|record| format!(" {record}")).unwrap_or_default();
        let document = look.document.map(|index| format!(" document {}", index + 1)).unwrap_or_default();
        let page = look.page.map(|page| format!(" page {page}")).unwrap_or_default();
        println!("{}  {:<24} {}{record}{document}{page}", look.at, look.by, label(&look.seen));
    }
    if older > 0 {
        println!("{older} older ones");
    }
    Ok(Ended::Well)
}

/// The task that a failed answer leaves.
const UNDELIVERED: &str = "antwoord niet aangekomen: zoek een andere weg (Awb 2:11)";

fn is_undelivered(row: &CaseRow) -> bool {
    row.answer.as_ref().is_some_and(|answer| matches!(answer.state, AnswerState::Failed { .. }))
}

fn print_row(row: &CaseRow) {
    println!("Zaak {}", row.number);
    println!("  ontvangen   {}", row.received);
    println!("  wachtrij    {} ({})", row.queue, label(&row.status));
    println!("  schrijver   {}", row.writer.as_deref().unwrap_or("-"));
    println!("  onderwerp   {}", row.subject.as_deref().unwrap_or("-"));
    println!("  reikwijdte  {} (zekerheid {:.2})", label(&row.judgement.scope), row.judgement.confidence);
    println!("  gaat over   {}", row.judgement.complained_about.join(", "));
    for deadline in &row.deadlines {
        let kind = if deadline.is_law() { "termijn" } else { "belofte" };
        println!("  {kind}     {} uiterlijk {} ({})", deadline.name, deadline.due, deadline.basis);
    }
    if let Some(answer) = &row.answer {
        println!("  antwoord    {}", serde_json::to_string(&answer.state).unwrap_or_default());
    }
    if let Some(purged) = &row.purged {
        println!("! {}", purged.sentence());
    }
    if let Some(kept) = &row.kept {
        println!("! Mag niet vernietigd worden ({}, {}): {}", kept.by, office_date(kept.at), kept.reason);
    }
    for alike in &row.alike {
        println!("  lijkt op    {} ({} % van de tekst is gelijk)", alike.case, alike.percent);
    }
    if let Some(into) = row.joined_to {
        println!("  gevoegd bij {into}");
    }
    for joined in &row.joined {
        println!("  met daarin  {joined}");
    }
    if is_undelivered(row) {
        println!("! {UNDELIVERED}");
    }
}

/// Makes a change: on the store when nobody holds it, else through the daemon that does.
fn change(config: &Config, change: &Change, json: bool) -> CommandResult {
    let row = ask_for(config, change)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&row).map_err(Failure::failed)?);
    } else {
        print_row(&row);
    }
    Ok(Ended::Well)
}

/// Makes a change; the case afterwards.
pub(super) fn ask_for(config: &Config, change: &Change) -> Result<CaseRow, Failure> {
    let changed = match ask(&config.store, change).map_err(Failure::failed)? {
        Some(reply) => Result::from(reply).map_err(Failure::Failed)?,
        None => {
            let store = Store::open(&config.store).map_err(locked)?;
            // Only a letter needs the rules and the words.
            let rulebook = match change {
                Change::LetterAddress { .. } => Some(setting::rulebook(config)?),
                _ => None,
            };
            apply(&store, rulebook.as_deref(), change.clone()).map_err(Failure::failed)?
        }
    };
    match changed {
        Changed::Case(row) => Ok(*row),
        _ => Err(Failure::Failed("the change was of no case".to_owned())),
    }
}

fn locked(error: StoreError) -> Failure {
    Failure::failed(error)
}

/// Who decides on the command line: the name of the operating system's account.
pub(super) fn account() -> String {
    let name = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_default();
    if name.is_empty() { "opdrachtregel".to_owned() } else { name }
}
