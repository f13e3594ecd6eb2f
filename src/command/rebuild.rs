//! `bode rebuild`: builds the index again from originals and journal, with rate and time left. The daemon does this by
//! itself when the index will not open or does not match; this is for when `verify` tells that they differ.

use super::{CommandResult, Ended, Failure, Global, setting};
use crate::store::Store;

pub(super) fn rebuild(global: &Global) -> CommandResult {
    let config = setting::config(global)?;
    let bar = setting::progress(global, 0, "index opbouwen");
    let built = Store::rebuild(&config.store, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    println!("index opgebouwd uit {} regels van het logboek", built.map_err(Failure::failed)?);
    Ok(Ended::Well)
}
