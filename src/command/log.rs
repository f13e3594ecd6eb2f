//! Log lines on standard error, as text or JSON. They carry numbers, not people.
//!
//! The names of fields stand in `docs/watching.md` and stay as they are. A line about a piece has its id, also where the code that
//! tells it does not know the piece: the span around the work has it ([`piece`](tracing::Span)). Invariant: warnings and errors
//! of one kind are at most [`LOG_LINES_MAX`](crate::limits::LOG_LINES_MAX) in a minute; the rest is counted and the count told ([`repeats`]).

mod repeats;

use super::LogFormat;
use crate::clock;
use repeats::{Repeats, Told};
use serde_json::{Map, Value};
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

/// Starts logging for this process; a second call changes nothing.
pub(super) fn start(format: LogFormat, quiet: bool) {
    let level = if quiet { LevelFilter::WARN } else { LevelFilter::INFO };
    let lines = Lines { format, repeats: Mutex::default() };
    // Only a second start in one process (a test) can fail; the first one goes on.
    drop(Registry::default().with(level).with(lines).try_init());
}

/// Writes each event as one line.
struct Lines {
    format: LogFormat,
    repeats: Mutex<Repeats>,
}

/// The fields of an event or span: the message, and the others in their order.
#[derive(Clone, Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(message)) => self.message = message,
            (name, value) => self.others.push((name, value)),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.others.iter().any(|(other, _)| *other == name)
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope(event).into_iter().flatten() {
            let extensions = span.extensions();
            let Some(around) = extensions.get::<Fields>() else { continue };
            let new: Vec<_> = around.others.iter().filter(|(name, _)| !fields.has(name)).cloned().collect();
            fields.others.extend(new);
        }
        let (level, now) = (*event.metadata().level(), Instant::now());
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        for Told { level, message, left_out } in repeats.ended(now) {
            let others = vec![("left_out", Value::from(left_out))];
            self.write(level, &Fields { message, others });
        }
        if level > Level::WARN || repeats.may_tell(event.metadata().callsite(), level, &fields.message, now) {
            self.write(level, &fields);
        }
    }
}

impl Lines {
    fn write(&self, level: Level, fields: &Fields) {
        let line = match self.format {
            LogFormat::Text => text(level, fields),
            LogFormat::Json => json(level, fields),
        };
        // Nobody reads it any more: nothing is left to tell that to.
        drop(std::io::stderr().lock().write_all(line.as_bytes()));
    }
}

/// RFC 3339, in UTC, with microseconds.
fn stamp() -> String {
    clock::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

fn text(level: Level, fields: &Fields) -> String {
    let mut line = format!("{} {level:>5} {}", stamp(), fields.message.escape_debug());
    for (name, value) in &fields.others {
        // Line breaks in a value would begin a line of their own; `Value` quotes strings as JSON does.
        let _ = write!(line, " {name}={value}");
    }
    line.push('\n');
    line
}

fn json(level: Level, fields: &Fields) -> String {
    let mut all = Map::new();
    all.insert("message".to_owned(), fields.message.clone().into());
    for (name, value) in &fields.others {
        all.insert((*name).to_owned(), value.clone());
    }
    let line = serde_json::json!({ "timestamp": stamp(), "level": level.as_str(), "fields": all });
    format!("{line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_in_both_forms() {
        let others = vec![("record", "R2026-000001".into()), ("bytes", 12.into()), ("error", "a\nb".into())];
        let fields = Fields { message: "registered".to_owned(), others };
        let (text, json) = (text(Level::WARN, &fields), json(Level::WARN, &fields));
        assert!(
            text.ends_with(" WARN registered record=\"R2026-000001\" bytes=12 error=\"a\\nb\"\n"),
            "{text}"
        );
        assert_eq!((text.lines().count(), json.lines().count()), (1, 1));
        let read: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["fields"]["record"], "R2026-000001");
        assert_eq!(read["level"], "WARN");
        assert!(read["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    }
}
