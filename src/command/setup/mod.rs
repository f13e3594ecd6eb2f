//! `bode setup`: from an installed program to a configuration that was tried against the office's own servers.
//!
//! What a flag does not say is asked for on a terminal; elsewhere it is a fault. Each part is tried live before anything
//! is written: the mailbox is opened, the mail server is asked whether it takes our login and sender (no message goes to
//! anybody, unless `--smtp-test-to` names an address of the office's own), the folders are written to. Invariants: the
//! configuration appears whole or not at all, never over one that is there (`--force`), holds no secret, and begins as a
//! rehearsal unless `--live` says otherwise.

mod ask;
mod lay;
mod plan;
mod render;
mod try_out;

use super::{CommandResult, Ended, Failure, Global};
use ask::Ask;
use clap::{Args, ValueEnum};
use lay::Owner;
use plan::{Part, Plan};
use std::io::IsTerminal;
use std::path::PathBuf;
use zeroize::Zeroizing;

#[derive(Debug, Args)]
pub(super) struct SetupArgs {
    /// The office: the name of a file in config/ of the shipped data, such as den-haag.
    #[arg(long, value_name = "ID")]
    office: Option<String>,
    /// Where config/, rules/ and templates/ lie as they were shipped [default: /usr/share/bode, or the current directory].
    #[arg(long, env = "BODE_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration to write [default: /etc/bode/ID.toml].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where originals, journal and index are kept [default: /var/lib/bode/ID/store].
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Uses rules and templates where they were shipped. Without it the office gets copies beside its store, which
    /// staff may change and no upgrade writes over.
    #[arg(long)]
    shipped_rules: bool,
    #[command(flatten)]
    imap: ImapArgs,
    /// A Maildir in place of a mailbox.
    #[arg(long, value_name = "DIR", conflicts_with = "imap_host")]
    maildir: Option<PathBuf>,
    /// The folder that the post room scans into.
    #[arg(long, value_name = "DIR")]
    scans: Option<PathBuf>,
    #[command(flatten)]
    smtp: SmtpArgs,
    /// The name in the From of answers [default: that of the office].
    #[arg(long, value_name = "NAME")]
    from_name: Option<String>,
    /// The address in the From of answers [default: the user of the mailbox, where that is an address].
    #[arg(long, value_name = "ADDRESS")]
    from_address: Option<String>,
    /// Where reports on answers that did not arrive go: an address that never answers by itself.
    #[arg(long, value_name = "ADDRESS")]
    return_path: Option<String>,
    /// A further address of the office's own, which is never answered; may be given more than once.
    #[arg(long = "own-address", value_name = "ADDRESS")]
    own_addresses: Vec<String>,
    /// Mail that was received before this day is registered and never answered [default: today].
    #[arg(long, value_name = "DATE")]
    answer_from: Option<jiff::civil::Date>,
    /// Where the desk listens.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    desk: std::net::SocketAddr,
    /// A TLS proxy stands before the desk.
    #[arg(long)]
    desk_https: bool,
    /// The first account of the desk, with all rights.
    #[arg(long, value_name = "NAME")]
    admin: Option<String>,
    #[command(flatten)]
    admin_password: AdminPassword,
    /// Begins in earnest. Without it: a rehearsal, in which everything runs and nothing leaves the house.
    #[arg(long)]
    live: bool,
    /// The account that the daemon runs as, to which secrets and store are given [default: bode, where root sets up and
    /// there is one].
    #[arg(long, value_name = "USER")]
    run_as: Option<String>,
    /// Asks nothing, also on a terminal: what no flag says has its default or is a fault.
    #[arg(long)]
    no_questions: bool,
    /// Writes without trying the mailbox and the mail server; `bode doctor` tries them later.
    #[arg(long)]
    untested: bool,
    /// Writes over a configuration and secrets that are there; the configuration is kept beside it as .old.
    #[arg(long)]
    force: bool,
    /// Prints the configuration and writes nothing.
    #[arg(long)]
    print: bool,
}

#[derive(Debug, Default, Args)]
struct ImapArgs {
    /// The server of the mailbox that citizens write to.
    #[arg(long, value_name = "HOST", help_heading = "Mailbox")]
    imap_host: Option<String>,
    #[arg(long, value_name = "PORT", help_heading = "Mailbox")]
    imap_port: Option<u16>,
    #[arg(long, value_enum, default_value = "implicit", help_heading = "Mailbox")]
    imap_tls: TlsKind,
    /// PEM file of a private certification authority, for the mailbox and for SMTP.
    #[arg(long, value_name = "FILE", help_heading = "Mailbox")]
    ca_file: Option<PathBuf>,
    #[arg(long, value_name = "USER", help_heading = "Mailbox")]
    imap_user: Option<String>,
    /// A file whose first line is the password; it is copied beside the configuration.
    #[arg(long, value_name = "FILE", help_heading = "Mailbox", conflicts_with = "imap_password_env")]
    imap_password_file: Option<PathBuf>,
    /// The environment variable that holds the password now; it is written beside the configuration.
    #[arg(long, value_name = "NAME", help_heading = "Mailbox")]
    imap_password_env: Option<String>,
    #[arg(skip)]
    typed: Option<Zeroizing<String>>,
    /// The folder that mail arrives in.
    #[arg(long, value_name = "FOLDER", default_value = "INBOX", help_heading = "Mailbox")]
    imap_folder: String,
    /// The folder that a message is moved to once it is safe here.
    #[arg(long, value_name = "FOLDER", default_value = "Verwerkt", help_heading = "Mailbox")]
    imap_done_folder: String,
}

#[derive(Debug, Default, Args)]
struct SmtpArgs {
    /// The server that answers are handed to. Without one they wait.
    #[arg(long, value_name = "HOST", help_heading = "SMTP")]
    smtp_host: Option<String>,
    #[arg(long, value_name = "PORT", help_heading = "SMTP")]
    smtp_port: Option<u16>,
    #[arg(long, value_enum, default_value = "implicit", help_heading = "SMTP")]
    smtp_tls: TlsKind,
    /// Without it the server takes mail from this machine without a login.
    #[arg(long, value_name = "USER", help_heading = "SMTP")]
    smtp_user: Option<String>,
    #[arg(long, value_name = "FILE", help_heading = "SMTP", conflicts_with = "smtp_password_env")]
    smtp_password_file: Option<PathBuf>,
    #[arg(long, value_name = "NAME", help_heading = "SMTP")]
    smtp_password_env: Option<String>,
    #[arg(skip)]
    typed: Option<Zeroizing<String>>,
    /// Sends one message to this address of the office's own. Without it nothing is sent to try it.
    #[arg(long, value_name = "ADDRESS", help_heading = "SMTP")]
    smtp_test_to: Option<String>,
}

#[derive(Debug, Default, Args)]
struct AdminPassword {
    /// A file whose first line is the first account's password.
    #[arg(long, value_name = "FILE", requires = "admin", conflicts_with = "admin_password_env")]
    admin_password_file: Option<PathBuf>,
    #[arg(long, value_name = "NAME", requires = "admin")]
    admin_password_env: Option<String>,
    #[arg(skip)]
    typed: Option<Zeroizing<String>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum TlsKind {
    #[default]
    Implicit,
    Starttls,
}

impl TlsKind {
    fn word(self) -> &'static str {
        match self {
            Self::Implicit => "implicit",
            Self::Starttls => "starttls",
        }
    }
}

pub(super) fn setup(_global: &Global, mut args: SetupArgs) -> CommandResult {
    let asks = !args.no_questions && std::io::stdin().is_terminal();
    let mut ask = Ask::new(std::io::stdin().lock(), std::io::stderr(), asks);
    let plan = if asks {
        ask::conversation(&mut args, &mut ask)?
    } else {
        let plan = Plan::new(&args).map_err(|faults| named(&faults))?;
        let faults = try_out::all(&plan);
        if !faults.is_empty() {
            return told_wrong(&faults);
        }
        plan
    };
    if args.print {
        print!("{}", render::configuration(&plan));
        return Ok(Ended::Well);
    }
    let once = lay::lay(&plan, args.force).map_err(Failure::Failed)?;
    println!("{}", plan.out.display());
    if let (Some(admin), Some(once)) = (&plan.admin, once) {
        println!("password for once of {}: {once}", admin.name);
    }
    next_steps(&plan);
    Ok(Ended::Well)
}

/// Faults of what was given, as wrong usage.
fn named(faults: &[(Part, String)]) -> Failure {
    let lines: Vec<String> = faults.iter().map(|(part, what)| format!("{part}: {what}")).collect();
    Failure::Usage(lines.join("\nbode: "))
}

/// What did not work when it was tried; nothing was written.
fn told_wrong(faults: &[(Part, String)]) -> CommandResult {
    for (part, what) in faults {
        eprintln!("bode: {part}: {what}");
    }
    eprintln!("bode: nothing was written; mend this and run setup again");
    Ok(Ended::WithRefusals)
}

fn next_steps(plan: &Plan) {
    let config = plan.out.display();
    let owner = match &plan.owner {
        Some(Owner { name, .. }) => format!(" (as {name})"),
        None => String::new(),
    };
    eprintln!("\nNext{owner}:");
    eprintln!("  bode --config {config} doctor      tries everything once more");
    eprintln!("  bode --config {config} run         the daemon; the desk is on http://{}", plan.listen);
    if !plan.live {
        eprintln!(
            "This is a rehearsal: everything runs and nothing leaves the house. After some days\n  \
             bode --config {config} rehearsal   shows how the judgements compare with what staff decided.\n\
             To begin in earnest: `on = false` under [rehearsal], and a restart."
        );
    }
    if plan.smtp.is_none() {
        eprintln!("Without [smtp] answers by mail wait in the outbox.");
    }
}
