//! `bode user …`: local accounts of the desk, and tokens for programs.

use super::{CommandResult, Ended, Failure, Global, setting};
use crate::clock;
use crate::review::{Accounts, Role};
use clap::Subcommand;
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
    },
    /// Every account, with its role.
    List,
    /// Sets a new password.
    Passwd { name: String },
    /// Removes an account; its sessions end.
    Remove { name: String },
    /// Makes a token for a program; it is shown once.
    Token {
        name: String,
        #[arg(long, default_value = "reviewer")]
        role: Role,
    },
}

pub(super) fn user(global: &Global, command: UserCommand) -> CommandResult {
    let config = setting::config(global)?;
    let accounts = Accounts::new(&config.store);
    let now = clock::now();
    match command {
        UserCommand::Add { name, role } => {
            accounts.add(&name, &password()?, role, now).map_err(Failure::failed)?;
        }
        UserCommand::Passwd { name } => {
            accounts.set_password(&name, &password()?, now).map_err(Failure::failed)?;
        }
        UserCommand::Remove { name } => accounts.remove(&name).map_err(Failure::failed)?,
        UserCommand::List => {
            for account in accounts.list().map_err(Failure::failed)? {
                println!("{}\t{}", account.name, account.role);
            }
        }
        UserCommand::Token { name, role } => {
            println!("{}", accounts.add_token(&name, role, now).map_err(Failure::failed)?);
        }
    }
    Ok(Ended::Well)
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
