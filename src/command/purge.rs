//! `bode purge`: what is past its term is listed, and destroyed once a person says yes. Or one case, at the demand of a
//! person (AVG 17). The list comes first and stays in the store with the declaration.

use super::cases::account;
use super::{CommandResult, Ended, Failure, Global, setting};
use crate::clock;
use crate::config::Config;
use crate::daemon::control::{Change, Changed, Reply, apply, ask};
use crate::limits::{NOTE_CHARS_MAX, PURGE_BATCH_MAX};
use crate::record::{CaseNumber, RegistrationNumber, RetentionClass, office_date, term_in_words};
use crate::retention::{self, PastTerm, Plan};
use crate::store::{PurgeOrder, PurgeReport, Purgeable, Store};
use clap::Args;
use jiff::civil::Date;
use std::io::{BufRead, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

#[derive(Debug, Args)]
pub(super) struct PurgeArgs {
    /// Only tells what would go.
    #[arg(long)]
    dry_run: bool,
    /// Goes on without asking.
    #[arg(long)]
    yes: bool,
    /// Only what was past its term on this day; today without it.
    #[arg(long, value_name = "DATE", conflicts_with = "case")]
    until: Option<Date>,
    /// This case, at the demand of a person (AVG 17), whatever its term.
    #[arg(long, value_name = "NUMBER", requires = "reason")]
    case: Vec<CaseNumber>,
    /// This piece, which is no case, at the demand of a person.
    #[arg(long, value_name = "NUMBER", requires = "reason", conflicts_with = "until")]
    piece: Vec<RegistrationNumber>,
    /// Why, for the declaration: no names.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The list as JSON.
    #[arg(long)]
    json: bool,
}

/// What a demand rests on.
const DEMAND: &str = "AVG artikel 17, op verzoek";

pub(super) fn purge(global: &Global, args: &PurgeArgs) -> CommandResult {
    let config = setting::config(global)?;
    let today = office_date(clock::now());
    let until = args.until.unwrap_or(today);
    if until > today {
        return Err(Failure::Usage(format!("--until {until} has not come yet")));
    }
    let by_demand = !args.case.is_empty() || !args.piece.is_empty();
    if args.reason.is_some() && !by_demand {
        return Err(Failure::Usage("--reason goes with --case or --piece".to_owned()));
    }
    if args.reason.as_ref().is_some_and(|reason| reason.chars().count() > NOTE_CHARS_MAX) {
        return Err(Failure::Usage(format!("--reason is longer than {NOTE_CHARS_MAX} characters")));
    }
    if !by_demand && config.retention.is_empty() {
        return Err(Failure::Usage(
            "there is no [retention] in the configuration, so everything is kept: see docs/configuration.md"
                .to_owned(),
        ));
    }
    let plan = {
        let store = setting::store_to_read(&config).map_err(Failure::failed)?;
        if by_demand {
            demanded(&store, args, today)?
        } else {
            retention::plan(&store, &config.retention, until).map_err(Failure::failed)?
        }
    };
    show(&plan, args.json)?;
    if args.dry_run || plan.past.is_empty() {
        return Ok(Ended::Well);
    }
    if !args.yes && !asked(plan.past.len())? {
        println!("niets vernietigd");
        return Ok(Ended::Well);
    }
    destroy(&config, &plan.past, args.reason.as_deref(), by_demand)
}

/// Cases and pieces by number, with the cases that were joined to them.
fn demanded(store: &Store, args: &PurgeArgs, today: Date) -> Result<Plan, Failure> {
    let mut plan = Plan::default();
    let mut todo = args.case.clone();
    let mut seen = Vec::new();
    while let Some(number) = todo.pop() {
        if seen.contains(&number) {
            continue;
        }
        seen.push(number);
        let row = store
            .case(number)
            .map_err(Failure::failed)?
            .ok_or_else(|| Failure::Failed(format!("there is no case {number}")))?;
        if let Some(purged) = &row.purged {
            return Err(Failure::Failed(format!("{number}: {}", purged.sentence())));
        }
        if row.kept.is_some() {
            return Err(Failure::Failed(format!(
                "{number}: a person forbade its destruction; lift that first (bode cases keep {number} --lift)"
            )));
        }
        todo.extend(&row.joined);
        plan.past.push(PastTerm {
            cases: vec![(number, row.revision)],
            records: row.records,
            class: RetentionClass::SetAside,
            closed_on: row.decision.map_or(row.received, |decision| office_date(decision.at)),
            term: String::new(),
            basis: DEMAND.to_owned(),
            ended_on: today,
        });
    }
    for piece in &args.piece {
        plan.past.push(PastTerm {
            cases: Vec::new(),
            records: vec![*piece],
            class: RetentionClass::SetAside,
            closed_on: today,
            term: String::new(),
            basis: DEMAND.to_owned(),
            ended_on: today,
        });
    }
    Ok(plan)
}

fn show(plan: &Plan, json: bool) -> Result<(), Failure> {
    if json {
        println!("{}", serde_json::to_string_pretty(plan).map_err(Failure::failed)?);
        return Ok(());
    }
    for one in &plan.past {
        let numbers: Vec<String> = match one.cases.is_empty() {
            true => one.records.iter().map(ToString::to_string).collect(),
            false => one.cases.iter().map(|(case, _)| case.to_string()).collect(),
        };
        let why = match one.term.is_empty() {
            true => one.basis.clone(),
            false => format!(
                "{}, gesloten {}, {}, voorbij na {} ({})",
                one.class.label(),
                one.closed_on,
                term_in_words(&one.term),
                one.ended_on,
                one.basis
            ),
        };
        println!("{}  {why}", numbers.join(" + "));
    }
    println!("{} over de bewaartermijn", plan.past.len());
    for case in &plan.kept {
        println!("{case}: niet, een medewerker heeft vastgelegd dat deze zaak niet vernietigd mag worden");
    }
    for case in &plan.unfinished {
        println!("{case}: niet, er is nog een vervolg of een antwoord dat niet uit is");
    }
    Ok(())
}

fn asked(many: usize) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage("no terminal to ask on: say --yes, or --dry-run".to_owned()));
    }
    eprint!("Vernietigen kan niet ongedaan worden gemaakt. Typ ja om deze {many} te vernietigen: ");
    std::io::stderr().flush().map_err(Failure::failed)?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(Failure::failed)?;
    Ok(line.trim().eq_ignore_ascii_case("ja"))
}

/// The list on disk, then the journal and the folders, then the declaration.
fn destroy(config: &Config, past: &[PastTerm], reason: Option<&str>, by_demand: bool) -> CommandResult {
    let now = clock::now();
    let by = account();
    let list = retention::list(past);
    let digest = crate::store::digest_of_text(&list);
    let dir = config.store.join("destroyed");
    std::fs::create_dir_all(&dir).map_err(Failure::failed)?;
    let stem = format!("{}-{}", office_date(now), digest.get(..12).unwrap_or(&digest));
    let list_name = format!("{stem}.csv");
    keep(&dir.join(&list_name), list.as_bytes())?;
    let mut orders: Vec<PurgeOrder> = past.iter().flat_map(PastTerm::orders).collect();
    if by_demand {
        for order in &mut orders {
            (order.term, order.closed_on) = (None, None);
        }
    }
    let mut total = PurgeReport::default();
    // One opening of the store for all of them, where nobody else holds it.
    let own =
        match ask(&config.store, &Change::Purge { orders: Vec::new(), list: digest.clone(), by: by.clone() })
            .map_err(Failure::failed)?
        {
            Some(_) => None,
            None => Some(Store::open(&config.store).map_err(Failure::failed)?),
        };
    for batch in orders.chunks(PURGE_BATCH_MAX) {
        let change = Change::Purge { orders: batch.to_vec(), list: digest.clone(), by: by.clone() };
        let changed = match &own {
            Some(store) => apply(store, None, change).map_err(Failure::failed)?,
            None => match ask(&config.store, &change).map_err(Failure::failed)? {
                Some(Reply::Purged(report)) => Changed::Purged(report),
                Some(Reply::Refused(why)) => return Err(Failure::Failed(why)),
                _ => {
                    return Err(Failure::Failed(
                        "the daemon ended meanwhile: run bode purge again".to_owned(),
                    ));
                }
            },
        };
        if let Changed::Purged(report) = changed {
            total.cases += report.cases;
            total.pieces += report.pieces;
            total.left.extend(report.left);
        }
    }
    let left: Vec<&str> = total.left.iter().map(|(number, _)| number.as_str()).collect();
    let printed = laid_letters(config, &orders, &left);
    let text = retention::declaration(
        &config.office.name,
        &by,
        now,
        (total.cases, total.pieces),
        (&list_name, &digest),
        reason,
    );
    keep(&dir.join(format!("{stem}.txt")), text.as_bytes())?;
    println!(
        "vernietigd: {} zaken, {} stukken; verklaring en lijst: {}",
        total.cases,
        total.pieces,
        dir.join(format!("{stem}.txt")).display()
    );
    if printed > 0 {
        println!("{printed} brieven zijn ook uit de printmap verwijderd");
    }
    println!(
        "Kijk ook naar wat niet van bode is: de verwerkte map van de postbus, done/ van de scanmap, en kopieën. bode backup haalt \
         de vernietigde stukken bij de volgende keer ook uit zijn kopie."
    );
    for (number, why) in &total.left {
        eprintln!("bode: {number} {why}; niet vernietigd");
    }
    Ok(if total.left.is_empty() { Ended::Well } else { Ended::WithRefusals })
}

/// Letters that were laid for the printer, by case number.
fn laid_letters(config: &Config, orders: &[PurgeOrder], left: &[&str]) -> u64 {
    let mut removed = 0;
    let dir = config.letters.print_dir.clone().unwrap_or_else(|| config.store.join("print"));
    let days = std::fs::read_dir(&dir).into_iter().flatten().flatten();
    let days: Vec<_> = days.map(|day| day.path()).filter(|day| day.is_dir()).collect();
    for order in orders {
        let Purgeable::Case(case, _) = order.what else { continue };
        if left.contains(&case.to_string().as_str()) {
            continue;
        }
        for day in &days {
            removed += u64::from(std::fs::remove_file(day.join(format!("{case}.pdf"))).is_ok());
        }
    }
    removed
}

/// A file of proof, on disk on return.
fn keep(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let write = || {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::File::open(path.parent().unwrap_or(path))?.sync_all()
    };
    write()
        .map_err(|error: std::io::Error| Failure::Failed(format!("cannot write {}: {error}", path.display())))
}
