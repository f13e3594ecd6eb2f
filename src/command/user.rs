//! `bode user …`: local accounts of the desk, and tokens for programs.

use super::{CommandResult, Ended, Failure, Global, setting};
use crate::clock;
use crate::limits::TOKEN_DAYS_MAX;
use crate::review::{Accounts, Role};
use clap::Subcommand;
use jiff::SignedDuration;
use std::io::{BufRead, IsTerminal, Write};
use zeroize::Zeroizing;

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Adds an account; the password is asked for, or read as one line from standard input.
    Add {
        name: String,
        /// What the account may do.
        #[arg(long, default_value = "reviewer")]
        role: Role,
        /// Makes a password for once in place of asking for one, and shows it; its owner chooses another at the first login.
        #[arg(long)]
        once: bool,
    },
    /// Every account with its role, and every token with its role, last use and end.
    List,
    /// Sets a new password; sessions end, a lock after wrong passwords is lifted at the desk's next start.
    Passwd {
        name: String,
        /// Makes a password for once, and shows it.
        #[arg(long)]
        once: bool,
    },
    /// Gives an account another role.
    Role { name: String, role: Role },
    /// Keeps an account from logging in; its sessions end.
    Block { name: String },
    /// Lets a blocked account log in again.
    Unblock { name: String },
    /// Removes an account; its sessions end.
    Remove { name: String },
    /// Makes a token for a program; it is shown once.
    Token {
        name: String,
        #[arg(long, default_value = "reviewer")]
        role: Role,
        /// Days that it is good for; without it, until it is taken back.
        #[arg(long, value_parser = clap::value_parser!(i64).range(1..=TOKEN_DAYS_MAX))]
        days: Option<i64>,
        /// Takes the token of this name back.
        #[arg(long, conflicts_with = "days")]
        remove: bool,
    },
    /// What was changed, by whom and when, and whether that list is whole. Exit status 1 when it is not.
    Log,
}

pub(super) fn user(global: &Global, command: UserCommand) -> CommandResult {
    let config = setting::config(global)?;
    let accounts = Accounts::new(&config.store);
    let now = clock::now();
    let keeper = accounts.keeper(&super::cases::account(), now);
    let done = match command {
        UserCommand::Add { name, role, once: false } => keeper.add(&name, &password()?, role),
        UserCommand::Add { name, role, once: true } => {
            keeper.add_once(&name, role).map(|once| println!("{once}"))
        }
        UserCommand::Passwd { name, once: false } => keeper.set_password(&name, &password()?),
        UserCommand::Passwd { name, once: true } => keeper.give_once(&name).map(|once| println!("{once}")),
        UserCommand::Role { name, role } => keeper.set_role(&name, role),
        UserCommand::Block { name } => keeper.block(&name, true),
        UserCommand::Unblock { name } => keeper.block(&name, false),
        UserCommand::Remove { name } => keeper.remove(&name),
        UserCommand::Token { name, remove: true, .. } => keeper.remove_token(&name),
        UserCommand::Token { name, role, days, .. } => {
            let ends_at = match days {
                Some(days) => {
                    Some(now.checked_add(SignedDuration::from_hours(24 * days)).map_err(Failure::failed)?)
                }
                None => None,
            };
            keeper.add_token(&name, role, ends_at).map(|token| println!("{token}"))
        }
        UserCommand::List => return list(&accounts),
        UserCommand::Log => return log(&accounts),
    };
    done.map_err(Failure::failed)?;
    Ok(Ended::Well)
}

fn list(accounts: &Accounts) -> CommandResult {
    for account in accounts.list().map_err(Failure::failed)? {
        let blocked = if account.blocked { "\tblocked" } else { "" };
        println!("{}\t{}{blocked}", account.name, account.role);
    }
    for token in accounts.tokens().map_err(Failure::failed)? {
        let used = token.used_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        let ends = token.ends_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        println!("token:{}\t{}\tused {used}\tends {ends}", token.name, token.role);
    }
    Ok(Ended::Well)
}

fn log(accounts: &Accounts) -> CommandResult {
    let (changes, count, broken) = accounts.changes().map_err(Failure::failed)?;
    for change in changes.iter().rev() {
        let role = change.role.map(|role| format!("\t{role}")).unwrap_or_default();
        let by = if change.by.is_empty() { "bode" } else { &change.by };
        println!("{}\t{by}\t{:?}\t{}{role}", change.at, change.what, change.name);
    }
    match broken {
        None => Ok(Ended::Well),
        Some(line) => {
            eprintln!(
                "accounts.log: line {line} of {count} does not fit the one before it: somebody wrote in it"
            );
            Ok(Ended::WithRefusals)
        }
    }
}

/// One line from standard input; asked for on a terminal, where it is shown while typed (say so).
fn password() -> Result<Zeroizing<String>, Failure> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        eprint!("Password (it is shown while you type; at least 12 characters): ");
        std::io::stderr().flush().map_err(Failure::failed)?;
    }
    let mut line = Zeroizing::new(String::new());
    stdin.lock().read_line(&mut line).map_err(Failure::failed)?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Failure::Usage("no password was given".into()));
    }
    Ok(Zeroizing::new(password.to_owned()))
}
