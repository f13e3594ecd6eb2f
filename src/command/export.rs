//! `bode cases export`: cases as folders that can be read without this program; all about one person (AVG 15).

use super::cases::account;
use super::{CommandResult, Ended, Failure, Global, setting};
use crate::clock;
use crate::config::Config;
use crate::daemon::control::{Change, apply, ask};
use crate::export::{self, ExportFile, Found, Made, Person};
use crate::record::{CaseNumber, RegistrationNumber};
use crate::store::Store;
use clap::Args;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Which cases.
    #[arg(value_name = "NUMBER", required_unless_present_any = ["all", "person"], conflicts_with_all = ["all", "person"])]
    numbers: Vec<CaseNumber>,
    /// Every case.
    #[arg(long, conflicts_with = "person")]
    all: bool,
    /// All about one person (AVG 15): a name or an address. Without --out: where they are found, to tick off namesakes.
    #[arg(long, value_name = "WORDS|ADDRESS")]
    person: Option<String>,
    /// With --person: only these of the cases that were found.
    #[arg(long, value_name = "NUMBER", requires = "person")]
    case: Vec<CaseNumber>,
    /// With --person: not these of the cases that were found.
    #[arg(long, value_name = "NUMBER", requires = "person", conflicts_with = "case")]
    not_case: Vec<CaseNumber>,
    /// A directory that is empty or not there yet.
    #[arg(long, value_name = "DIR", required_unless_present = "person")]
    out: Option<PathBuf>,
    /// Citizen service numbers as they are, not covered, in texts and pages; it is recorded. Originals are never changed.
    #[arg(long = "show-bsn")]
    bsn: bool,
    /// What was found, as JSON.
    #[arg(long)]
    json: bool,
}

/// Files in an export so far: written, and listed by digest.
struct Out {
    dir: PathBuf,
    sums: std::io::BufWriter<std::fs::File>,
    files: u64,
}

impl Out {
    fn begin(dir: &Path) -> Result<Self, Failure> {
        let fault =
            |error: std::io::Error| Failure::Failed(format!("cannot write {}: {error}", dir.display()));
        make_dirs(dir).map_err(fault)?;
        if std::fs::read_dir(dir).map_err(fault)?.next().is_some() {
            return Err(Failure::Usage(format!(
                "--out {} is not empty: choose an empty directory",
                dir.display()
            )));
        }
        let sums = private(&dir.join("sha256sums.txt")).map_err(fault)?;
        Ok(Self { dir: dir.to_owned(), sums: std::io::BufWriter::new(sums), files: 0 })
    }

    fn put(&mut self, file: &ExportFile) -> Result<(), Failure> {
        let path = self.dir.join(&file.path);
        let write = || {
            make_dirs(path.parent().unwrap_or(&self.dir))?;
            private(&path)?.write_all(&file.bytes)
        };
        write().map_err(|error| Failure::Failed(format!("cannot write {}: {error}", path.display())))?;
        self.files += 1;
        self.sums.write_all(export::digest_line(file).as_bytes()).map_err(Failure::failed)
    }

    fn put_text(&mut self, path: &str, text: String) -> Result<(), Failure> {
        self.put(&ExportFile { path: path.to_owned(), bytes: text.into_bytes() })
    }
}

fn make_dirs(dir: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

fn private(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

pub(super) fn export(global: &Global, config: &Config, args: &ExportArgs) -> CommandResult {
    let store = setting::store_to_read(config).map_err(Failure::failed)?;
    let (mut cases, mut pieces, mut person) = (args.numbers.clone(), Vec::new(), None);
    if args.all {
        store
            .each_case(&mut |row| {
                cases.push(row.number);
                true
            })
            .map_err(Failure::failed)?;
    }
    if let Some(words) = &args.person {
        let wanted = Person::new(words).ok_or_else(|| {
            Failure::Usage("--person: give a name or an address, at least three letters".to_owned())
        })?;
        let found = export::look_for(&store, &wanted).map_err(Failure::failed)?;
        let Some(chosen) = tick_off(args, &found)? else { return Ok(Ended::Well) };
        (cases, pieces) = chosen;
        person = Some(wanted);
    }
    let Some(dir) = &args.out else { return Ok(Ended::Well) };
    let by = account();
    let made =
        Made { office: &config.office.name, by: &by, at: clock::now(), bode: env!("CARGO_PKG_VERSION") };
    let mut out = Out::begin(dir)?;
    // Recorded first: what was given out without a record could not be told of.
    record(config, u32::try_from(cases.len()).unwrap_or(u32::MAX), person.is_some(), &by)?;
    let bar = setting::progress(global, cases.len() as u64, "zaken");
    let (mut rows, mut listed, mut check) = (String::new(), Vec::new(), String::new());
    for number in &cases {
        let mut dossier = export::dossier(&store, *number).map_err(Failure::failed)?;
        if args.bsn {
            super::cases::ask_for(config, &Change::ShowBsn { case: *number, by: by.clone() })?;
        } else {
            dossier = dossier.covered().map_err(Failure::failed)?;
        }
        for file in export::case_files(&dossier, &made) {
            out.put(&file)?;
        }
        if let Some(person) = &person {
            let others = export::others(&dossier, person, &config.answers.own_addresses);
            if !others.is_empty() {
                let others: Vec<String> = others.into_iter().collect();
                let _ = writeln!(check, "zaak {number}: {}", others.join(", "));
            }
        }
        rows.push_str(&export::list_row(&dossier.row));
        listed.push(dossier.row);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let mut aside = Vec::new();
    for number in &pieces {
        let piece = export::piece(&store, *number).map_err(Failure::failed)?;
        aside.push(if args.bsn { piece } else { piece.covered().map_err(Failure::failed)? });
    }
    let aside = export::aside_files(&aside);
    for file in &aside {
        out.put(file)?;
    }
    out.put_text("zaken.csv", export::cases_csv(&listed))?;
    out.put_text("index.html", export::list_page(&rows, &aside, &made))?;
    out.put_text("LEESMIJ.txt", export::EXPORT_README.to_owned())?;
    if person.is_some() {
        out.put_text("CONTROLE-EERST.txt", to_check(&check))?;
    }
    out.sums.flush().map_err(Failure::failed)?;
    println!(
        "{} zaken, {} losse stukken, {} bestanden in {}",
        cases.len(),
        pieces.len(),
        out.files,
        dir.display()
    );
    if person.is_some() {
        println!("Kijk eerst naar gegevens van anderen: {}", dir.join("CONTROLE-EERST.txt").display());
    }
    Ok(Ended::Well)
}

type Chosen = (Vec<CaseNumber>, Vec<RegistrationNumber>);

/// Shows what was found; gives what goes into the export, `None` when none was asked for.
fn tick_off(args: &ExportArgs, found: &[Found]) -> Result<Option<Chosen>, Failure> {
    let known: BTreeSet<CaseNumber> = found.iter().filter_map(|one| one.case).collect();
    if let Some(other) = args.case.iter().chain(&args.not_case).find(|number| !known.contains(number)) {
        return Err(Failure::Usage(format!("{other}: this person was not found in that case")));
    }
    let taken = |one: &Found| match one.case {
        Some(case) => (args.case.is_empty() || args.case.contains(&case)) && !args.not_case.contains(&case),
        None => args.case.is_empty(),
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(found).map_err(Failure::failed)?);
    } else {
        for one in found {
            let number = match (one.case, one.piece) {
                (Some(case), _) => case.to_string(),
                (None, Some(piece)) => format!("{piece} (geen zaak)"),
                (None, None) => String::new(),
            };
            let mark = if taken(one) { '+' } else { '-' };
            println!("{mark} {number}");
            for place in &one.places {
                println!("      {place}");
            }
        }
        println!("{} plaatsen gevonden", found.len());
    }
    if args.out.is_none() {
        if !args.json {
            println!("Zijn het naamgenoten? Kies met --case of --not-case, en geef --out DIR.");
        }
        return Ok(None);
    }
    let cases = found.iter().filter(|one| taken(one)).filter_map(|one| one.case).collect();
    let pieces =
        found.iter().filter(|one| taken(one) && one.case.is_none()).filter_map(|one| one.piece).collect();
    Ok(Some((cases, pieces)))
}

/// What a person must look at before this leaves the house.
fn to_check(others: &str) -> String {
    let list = if others.is_empty() { "Geen in de kopregels van de berichten gevonden.\n" } else { others };
    format!(
        "EERST CONTROLEREN: NIET MEEGEVEN\n\n\
         Deze map is gemaakt voor een verzoek om inzage (AVG artikel 15). Een medewerker kijkt haar na voor zij het huis uit gaat:\n\n\
         1. Is het steeds dezelfde persoon, en geen naamgenoot? Stel vast wie het verzoek doet.\n\
         2. Gegevens van anderen (AVG artikel 15 lid 4): maak ze onleesbaar of laat ze weg, ook in de originelen en de bijlagen.\n\
         3. Namen van medewerkers en interne notities: beslis of zij meegaan.\n\
         4. Haal dit bestand weg. Daarna klopt sha256sums.txt niet meer voor wat u hebt gewijzigd.\n\n\
         Adressen van anderen in de kopregels, per zaak (in de teksten kunnen er meer staan):\n{list}"
    )
}

/// Notes the export in the journal: who, and how many cases.
fn record(config: &Config, cases: u32, person: bool, by: &str) -> Result<(), Failure> {
    let change = Change::Exported { cases, person, by: by.to_owned() };
    match ask(&config.store, &change).map_err(Failure::failed)? {
        Some(reply) => Result::from(reply).map(drop).map_err(Failure::Failed),
        None => {
            let store = Store::open(&config.store).map_err(Failure::failed)?;
            apply(&store, None, change).map(drop).map_err(Failure::failed)
        }
    }
}
