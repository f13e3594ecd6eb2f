//! `bode oauth sign-in NAME`: a person signs in once, with a code on any browser (RFC 8628); the refresh token is kept.

use super::{CommandResult, Ended, Failure, Global, setting};
use crate::oauth::sign_in;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(super) enum OauthCommand {
    /// Shows a code to enter at the provider, waits for the person who does, and keeps the refresh token in the store.
    SignIn(SignInArgs),
}

#[derive(Debug, Args)]
pub(super) struct SignInArgs {
    /// The NAME of [oauth.NAME] in the configuration.
    name: String,
}

pub(super) fn oauth(global: &Global, command: &OauthCommand) -> CommandResult {
    let OauthCommand::SignIn(SignInArgs { name }) = command;
    let config = setting::config(global)?;
    let Some(oauth) = config.oauth.get(name) else {
        return Err(Failure::Usage(format!("the configuration has no [oauth.{name}]")));
    };
    std::fs::create_dir_all(&config.store)
        .map_err(|error| Failure::Failed(format!("{} cannot be made: {error}", config.store.display())))?;
    let show = |code: &crate::oauth::DeviceCode| {
        println!(
            "On any device, open {} and enter the code {} (within {} minutes).\n\
             Sign in there as the mailbox that bode reads or sends from.",
            code.verification_uri,
            code.user_code,
            code.expires_in / 60
        );
    };
    setting::runtime()?.block_on(sign_in(name, oauth, &config.store, show)).map_err(Failure::failed)?;
    println!("Signed in; the refresh token is kept in {}.", config.store.join("oauth").display());
    Ok(Ended::Well)
}
