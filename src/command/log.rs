//! Log lines on standard error, as text or JSON. They carry numbers, not people.

use super::LogFormat;
use tracing::level_filters::LevelFilter;

/// Starts logging for this process; a second call changes nothing.
pub(super) fn start(format: LogFormat, quiet: bool) {
    let level = if quiet { LevelFilter::WARN } else { LevelFilter::INFO };
    let lines = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(level)
        .with_target(false)
        // Colours are not compiled in; asking for them would be an error on every terminal.
        .with_ansi(false);
    let started = match format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    // Only a second start in one process (a test) can fail; the first one goes on.
    drop(started);
}
