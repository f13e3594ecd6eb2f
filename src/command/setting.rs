//! What the commands share: configuration, rules and templates as they stand on disk, and the progress bar.

use super::{Failure, Global};
use crate::config::Config;
use crate::daemon::DaemonIndex;
use crate::intake::Rulebook;
use crate::store::{Store, StoreError};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Arc;

/// The configuration that `--config` or `BODE_CONFIG` names.
pub(super) fn config(global: &Global) -> Result<Config, Failure> {
    let path = global.config.as_ref().ok_or_else(|| {
        Failure::Usage(
            "name the office's configuration: --config FILE, or BODE_CONFIG in the environment".into(),
        )
    })?;
    crate::config::load(path).map_err(|error| Failure::Usage(error.to_string()))
}

/// Rules, templates and office data. A fault is told with file, line and column, as wrong configuration.
pub(super) fn rulebook(config: &Config) -> Result<Arc<Rulebook>, Failure> {
    Rulebook::load(config).map(Arc::new).map_err(|error| Failure::Usage(error.to_string()))
}

/// The store, for reading. Beside a running daemon its index is asked of that daemon; else, and beside an import, it is
/// built in memory from the journal, which a large store makes slow.
///
/// # Errors
/// As [`Store::open_read_only`].
pub(super) fn store_to_read(config: &Config) -> Result<Store, StoreError> {
    if let Some(index) = DaemonIndex::reach(&config.store)
        && let Some(store) = Store::open_beside(&config.store, Box::new(index))?
    {
        return Ok(store);
    }
    Store::open_read_only(&config.store)
}

/// The languages that scans are recognised in, when their data is installed.
///
/// # Errors
/// What is missing, with how it is installed.
pub(super) fn ocr_languages(config: &Config) -> Result<String, String> {
    let installed = crate::extract::languages_installed();
    let wanted = &config.reading.languages;
    let missing: Vec<&str> =
        wanted.split('+').filter(|wanted| !installed.iter().any(|language| language == wanted)).collect();
    if missing.is_empty() {
        return Ok(wanted.clone());
    }
    let there = if installed.is_empty() { "none".to_owned() } else { installed.join(", ") };
    Err(format!(
        "[reading] languages: Tesseract has no {} here (installed: {there}); install tesseract-ocr-{}, or name others",
        missing.join(", "),
        missing.join(" tesseract-ocr-")
    ))
}

/// The program that fenced-off workers are started from: this one.
pub(super) fn program() -> Result<std::path::PathBuf, Failure> {
    std::env::current_exe().map_err(Failure::failed)
}

/// A runtime for a command that waits for workers or servers.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)
}

/// A bar with rate and time left; hidden where standard error is no terminal.
pub(super) fn progress(global: &Global, total: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(total);
    if global.no_progress || global.quiet || !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}  {per_sec}  nog {eta}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar
}

/// A count with its rate, where nobody knows how many there are; hidden where standard error is no terminal.
pub(super) fn spinner(global: &Global, what: &'static str) -> ProgressBar {
    let bar = progress(global, 0, what);
    if let Ok(style) = ProgressStyle::with_template("{msg} {pos}  {per_sec}") {
        bar.set_style(style);
    }
    bar
}

/// The same for saved files: what never passed a mail server has no Return-Path, so the author's address stands in.
pub(super) fn rulebook_for_files(config: &Config) -> Result<Rulebook, Failure> {
    let mut rulebook = Rulebook::load(config).map_err(|error| Failure::Usage(error.to_string()))?;
    rulebook.policy.missing_return_path = crate::acknowledge::MissingReturnPath::UseAuthor;
    Ok(rulebook)
}
