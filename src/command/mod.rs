//! The command line: one file a command. Standard output holds results only; messages go to standard error.
//!
//! Exit status: 0 all right; 1 done, but something in the input was refused or failed (each named on standard
//! error); 2 wrong usage or configuration.

mod acknowledge;
mod answers;
mod backup;
mod cases;
mod config;
mod demo;
mod doctor;
mod export;
mod extract;
mod health;
mod import;
mod key;
mod letters;
mod log;
mod look;
mod memory;
mod oauth;
mod owner;
mod pages;
mod purge;
mod rebuild;
mod rehearsal;
mod restore;
mod rules;
mod run;
mod setting;
mod setup;
mod sheets;
mod templates;
mod triage;
mod user;
mod verify;

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

/// bode, the digital mail room of a complaints office.
///
/// Takes in mail and scanned letters, reads them, judges whom they are about, answers what happens next, and lays
/// them in a queue where people decide.
#[derive(Debug, Parser)]
#[command(name = "bode", version, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Global {
    /// The office's configuration file.
    #[arg(long, global = true, env = "BODE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Form of the log lines on standard error.
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORMAT")]
    log: LogFormat,
    /// Only warnings and errors on standard error.
    #[arg(long, global = true)]
    quiet: bool,
    /// No progress bar, also on a terminal.
    #[arg(long, global = true)]
    no_progress: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Asks for office, mailbox, scan folder, mail server and first account, tries each, and writes the configuration.
    Setup(Box<setup::SetupArgs>),
    /// The daemon: mailbox and scan folder to cases, answers and the review desk.
    Run(run::RunArgs),
    /// The same, on sample mail and scans, with embedded parts only.
    Demo(demo::DemoArgs),
    /// Takes in a backlog as if it had just arrived: .eml, .mbox, Maildir folders, scanned letters.
    Import(import::ImportArgs),
    /// The text of each file; no store, no rules, no configuration.
    Extract(extract::ExtractArgs),
    /// Extracts and judges each file; no store, nothing is sent.
    Triage(triage::TriageArgs),
    /// What would be sent for this message or letter; nothing is sent.
    Acknowledge(acknowledge::AcknowledgeArgs),
    /// The queue from a terminal.
    #[command(subcommand)]
    Cases(cases::CasesCommand),
    /// The outbox from a terminal: what waits, stop and go, release and withhold.
    #[command(subcommand)]
    Answers(answers::AnswersCommand),
    /// The print queue: letters by day, the addresses to check, what was printed.
    #[command(subcommand)]
    Letters(letters::LettersCommand),
    /// The rules: check them, try them on examples and the archive, compare, describe.
    #[command(subcommand)]
    Rules(rules::RulesCommand),
    /// The words of the answers: check them, and see what each office answers in each situation.
    #[command(subcommand)]
    Templates(templates::TemplatesCommand),
    /// What was judged beside what staff decided, label by label and queue by queue, and what would have been answered.
    Rehearsal(rehearsal::RehearsalArgs),
    /// Counts that every message and scan is a case, part of one, or set aside with a reason; and checks every file.
    Verify(verify::VerifyArgs),
    /// A copy of the store beside a running daemon: incremental, and read back before it counts.
    Backup(backup::BackupArgs),
    /// Puts a backup back as the store, into an empty place; answers stand still until a person has looked.
    Restore(restore::RestoreArgs),
    /// Destroys what is past its term of retention, after a list and a yes; or one case at the demand of a person.
    Purge(purge::PurgeArgs),
    /// Builds the index again from originals and journal; the daemon must be down.
    Rebuild,
    /// The configuration: check it, show what counts in the end and where it comes from, its schema for editors.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Checks configuration, mailbox, SMTP, OCR, disk, permissions and clock; one line each.
    Doctor(doctor::DoctorArgs),
    /// How the running daemon is, as `/healthz` tells it; exit status 1 when it is not well.
    Health,
    /// Signing in to the mail server without a password.
    #[command(subcommand)]
    Oauth(oauth::OauthCommand),
    /// Separator sheets to print, which the post room lays before each letter of a stack.
    Sheets(sheets::SheetsArgs),
    /// Local accounts of the desk.
    #[command(subcommand)]
    User(user::UserCommand),
    /// The keys that the store is sealed with at rest: make one, seal the store with it.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Writes the manual pages and the completions of shells.
    #[command(hide = true)]
    Pages(pages::PagesArgs),
    /// Reads documents in a fenced-off process (started by bode itself).
    #[command(hide = true)]
    Worker,
}

impl Command {
    /// Writes where only root may.
    fn needs_root(&self) -> bool {
        matches!(self, Command::Pages(_) | Command::Setup(_))
    }
}

/// How a command ended, when it did not fail altogether.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// All right.
    Well,
    /// Done, but something was refused or failed; it was named.
    WithRefusals,
}

/// Why a command could not be done.
#[derive(Debug)]
enum Failure {
    /// Wrong usage or configuration: exit status 2.
    Usage(String),
    /// The machine's fault, or something that is not there: exit status 1.
    Failed(String),
}

impl Failure {
    fn failed(error: impl std::error::Error) -> Self {
        Failure::Failed(crate::explain::with_causes(&error))
    }
}

type CommandResult = Result<Ended, Failure>;

/// A label by its name in the contract.
fn label(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if matches!(cli.command, Command::Worker) {
        // Before the fence, and while there is one thread.
        memory::give_back();
        return crate::extract::worker_main();
    }
    memory::bound_heaps();
    // Every command may hold a citizen's letter in its memory. Without it everything else still works.
    let private = crate::extract::keep_private();
    // The demo tells what it did in a table; its log would only hide it.
    let quiet = cli.global.quiet || matches!(cli.command, Command::Demo(_));
    log::start(cli.global.log, quiet);
    crate::explain::tell_panics_quietly();
    if let Err(error) = private {
        tracing::warn!(%error, "a core file of this process could hold parts of letters");
    }
    let global = &cli.global;
    let acts = if cli.command.needs_root() { Ok(()) } else { owner::act_as(global) };
    let result = acts.and_then(|()| run_command(global, cli.command));
    match result {
        Ok(Ended::Well) => ExitCode::SUCCESS,
        Ok(Ended::WithRefusals) => ExitCode::from(1),
        Err(Failure::Failed(message)) => {
            eprintln!("bode: {message}");
            ExitCode::from(1)
        }
        Err(Failure::Usage(message)) => {
            eprintln!("bode: {message}");
            ExitCode::from(2)
        }
    }
}

fn run_command(global: &Global, command: Command) -> CommandResult {
    match command {
        Command::Setup(args) => setup::setup(global, *args),
        Command::Run(args) => run::run(global, &args),
        Command::Demo(args) => demo::demo(global, &args),
        Command::Import(args) => import::import(global, &args),
        Command::Extract(args) => extract::extract(global, &args),
        Command::Triage(args) => triage::triage(global, &args),
        Command::Acknowledge(args) => acknowledge::acknowledge(global, &args),
        Command::Cases(command) => cases::cases(global, command),
        Command::Answers(command) => answers::answers(global, command),
        Command::Letters(command) => letters::letters(global, command),
        Command::Rules(command) => rules::rules(global, command),
        Command::Templates(command) => templates::templates(global, &command),
        Command::Rehearsal(args) => rehearsal::rehearsal(global, &args),
        Command::Verify(args) => verify::verify(global, &args),
        Command::Backup(args) => backup::backup(global, &args),
        Command::Restore(args) => restore::restore(global, &args),
        Command::Purge(args) => purge::purge(global, &args),
        Command::Rebuild => rebuild::rebuild(global),
        Command::Config(command) => config::config(global, &command),
        Command::Doctor(args) => doctor::doctor(global, &args),
        Command::Health => health::health(global),
        Command::Pages(args) => pages::pages(&args),
        Command::Oauth(command) => oauth::oauth(global, &command),
        Command::Sheets(args) => sheets::sheets(global, &args),
        Command::User(command) => user::user(global, command),
        Command::Key(command) => key::key(global, command),
        Command::Worker => Ok(Ended::Well),
    }
}
