//! `bode restore DIR`: a backup put back as the store, into an empty place, proved by `verify`; answers stand still.

use super::backup::failure;
use super::cases::account;
use super::{CommandResult, Ended, Failure, Global, setting};
use crate::clock;
use crate::record::{office_date, size};
use crate::store;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The directory that `bode backup` wrote.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(super) fn restore(global: &Global, args: &RestoreArgs) -> CommandResult {
    let config = setting::config(global)?;
    let bar = setting::spinner(global, "bestanden");
    let mut progress = |files: u64, _| bar.set_position(files);
    let restored =
        store::restore(&args.dir, &config.store, &config.office.id, &account(), clock::now(), &mut progress);
    bar.finish_and_clear();
    let restored = restored.map_err(|error| failure(&error, &args.dir))?;
    let report = restored.store.verify(clock::now()).map_err(Failure::failed)?;
    let manifest = &restored.manifest;
    let since = manifest.last_at.unwrap_or(manifest.at);
    println!(
        "teruggezet in {}: {} bestanden, {}, logboek tot en met regel {} ({since})",
        config.store.display(),
        manifest.files,
        size(manifest.bytes),
        manifest.entries
    );
    println!("{}", report.summary());
    if let Some(at) = restored.cut_off {
        println!("een latere back-up, begonnen op {at}, was afgebroken en telt niet");
    }
    println!(
        "\nWat na {since} gebeurde, staat niet in deze back-up:\n\
         - Post van daarna ligt nog in de verwerkte map van de postbus (en in done/ van de scanmap). Zet haar in een map op \
         deze computer en neem haar opnieuw in met:\n    bode import --no-acknowledge PAD…\n  Met --no-acknowledge krijgt niemand \
         een tweede ontvangstbevestiging. Wat de back-up al had, telt niet nog eens.\n\
         - Antwoorden staan stil. {} die op verzending wachtten, worden vastgehouden: zij kunnen na de back-up al zijn \
         verstuurd. Kijk ze na (bode answers list), houd tegen wat al uit was (bode answers withhold), en laat de rest gaan \
         (bode answers release). Daarna: bode answers resume.\n\
         - Brieven die na {} zijn geprint, staan weer als te printen.\n\
         - Besluiten en notities van daarna zijn er niet meer: leg ze opnieuw vast.\n\
         - Nieuwe nummers gaan verder bij een volgend duizendtal, zodat geen nummer twee keer wordt gegeven.",
        restored.held,
        office_date(since)
    );
    for exception in &report.exceptions {
        eprintln!("bode: {exception}");
    }
    Ok(if report.is_clean() { Ended::Well } else { Ended::WithRefusals })
}
