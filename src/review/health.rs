//! How the house is doing, as `/healthz` and `/metrics` tell it. The daemon writes, the desk reads.
//!
//! Invariant (promise 8): names, reasons and numbers of parts, never of people. A reason is a sentence of
//! this program, not of a mail server.

use crate::record::{Exception, ProofRow};
use crate::store::BreakerRow;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const BREAKER: &str = "breaker";

/// The shared state; a clone is the same state.
#[derive(Clone, Default)]
pub struct Health {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    /// Part (such as `mailbox`) → why it does not work now; `None`: it works.
    parts: BTreeMap<String, Option<String>>,
    /// Source → what stays there: its reference and, in Dutch, what to do.
    staying: BTreeMap<String, Vec<(String, String)>>,
    /// The breaker, while it is open.
    breaker: Option<BreakerRow>,
    /// The last proof of the ledger.
    proof: Option<Proved>,
    /// Cases and pieces past their term of retention, when that was looked at last.
    past_term: Option<u64>,
    /// Metric name → help text, kind, and value by label.
    metrics: BTreeMap<&'static str, Metric>,
}

/// A proof of the ledger, with what the journal does not keep of it.
#[derive(Clone, Debug)]
pub struct Proved {
    pub row: ProofRow,
    /// Empty although there are some: it was made before this start.
    pub exceptions: Vec<Exception>,
}

struct Metric {
    help: &'static str,
    kind: &'static str,
    values: BTreeMap<String, f64>,
}

impl Health {
    /// A part works.
    pub fn well(&self, part: &str) {
        self.lock().parts.insert(part.to_owned(), None);
    }

    /// A part does not work, and why, in one English sentence without personal data.
    pub fn ill(&self, part: &str, reason: &str) {
        self.lock().parts.insert(part.to_owned(), Some(reason.to_owned()));
    }

    /// The breaker over all answers, when it is open. It is told as a part that does not work, and on every page.
    pub fn breaker(&self, row: Option<BreakerRow>) {
        let mut inner = self.lock();
        let told = |row: BreakerRow| {
            format!(
                "it opened after {} answers in an hour; {} held since; a person closes it",
                row.answers, row.held
            )
        };
        inner.parts.insert(BREAKER.to_owned(), row.map(told));
        inner.breaker = row;
    }

    /// The breaker, when it is open.
    pub fn open_breaker(&self) -> Option<BreakerRow> {
        self.lock().breaker
    }

    /// The last proof of the ledger that is known.
    pub fn proof(&self) -> Option<Proved> {
        self.lock().proof.clone()
    }

    /// So many cases and pieces are past their term of retention.
    pub fn past_term(&self, many: u64) {
        self.lock().past_term = Some(many);
    }

    /// Cases and pieces past their term of retention; `None`: nobody has looked yet.
    pub fn is_past_term(&self) -> Option<u64> {
        self.lock().past_term
    }

    /// The ledger was proved.
    pub fn proved(&self, proved: Proved) {
        self.lock().proof = Some(proved);
    }

    /// Does this part say that it works?
    pub fn is_well(&self, part: &str) -> bool {
        matches!(self.lock().parts.get(part), Some(None))
    }

    /// Does a part not work, other than the breaker, which has words of its own?
    pub fn is_ill(&self) -> bool {
        self.lock().parts.iter().any(|(part, reason)| reason.is_some() && part != BREAKER)
    }

    /// `part: reason` for each part that does not work; empty when all is well.
    pub fn reasons(&self) -> Vec<String> {
        self.lock()
            .parts
            .iter()
            .filter_map(|(part, reason)| reason.as_ref().map(|reason| format!("{part}: {reason}")))
            .collect()
    }

    /// What stays behind at a source and needs a person: replaces what was told of that source before.
    pub fn stays(&self, source: &str, pieces: Vec<(String, String)>) {
        self.lock().staying.insert(source.to_owned(), pieces);
    }

    /// Source, reference and advice of everything that stays behind.
    pub fn staying(&self) -> Vec<(String, String, String)> {
        let inner = self.lock();
        let told = inner.staying.iter().flat_map(|(source, pieces)| {
            pieces.iter().map(move |(reference, advice)| (source.clone(), reference.clone(), advice.clone()))
        });
        told.collect()
    }

    /// A look was written down, or could not be: then the log of the desk's answers is not whole, and somebody must know.
    pub fn look(&self, written: bool) {
        let label = if written { "written=\"yes\"" } else { "written=\"no\"" };
        self.count(
            "bode_looks_total",
            "Looks at cases by people, by whether they were written down.",
            label,
            1,
        );
        if !written {
            self.ill("looks", "a look at a case could not be written down");
        } else if self.lock().parts.contains_key("looks") {
            self.well("looks");
        }
    }

    /// Counts: `name` such as `bode_records_total`, `label` such as `channel="email"` or empty.
    pub fn count(&self, name: &'static str, help: &'static str, label: &str, by: u64) {
        let mut inner = self.lock();
        let metric =
            inner.metrics.entry(name).or_insert(Metric { help, kind: "counter", values: BTreeMap::new() });
        // A counter above 2^53 would take longer than the house will stand.
        #[allow(clippy::cast_precision_loss, reason = "see above")]
        let by = by as f64;
        *metric.values.entry(label.to_owned()).or_insert(0.0) += by;
    }

    /// Sets a value that goes up and down, such as `bode_oldest_unfinished_seconds`.
    pub fn gauge(&self, name: &'static str, help: &'static str, label: &str, value: f64) {
        let mut inner = self.lock();
        let metric =
            inner.metrics.entry(name).or_insert(Metric { help, kind: "gauge", values: BTreeMap::new() });
        metric.values.insert(label.to_owned(), value);
    }

    /// The last proof, for Prometheus: counts and its age, no more.
    pub fn proof_metrics(&self, now: Timestamp) -> String {
        let Some(Proved { row, .. }) = self.proof() else { return String::new() };
        let age = now.duration_since(row.at).as_secs().max(0);
        let mut text = String::new();
        let note = &row.note;
        for (name, help, value) in [
            ("pieces", "Pieces ever registered, at the last proof of the ledger.", note.pieces),
            ("missing", "Pieces that the last proof missed.", note.missing),
            ("exceptions", "Exceptions of the last proof.", note.exception_count()),
        ] {
            let _ = writeln!(text, "# HELP bode_ledger_{name} {help}\n# TYPE bode_ledger_{name} gauge");
            let _ = writeln!(text, "bode_ledger_{name} {value}");
        }
        let help = "# HELP bode_ledger_age_seconds Age of the last proof.";
        let _ = writeln!(text, "{help}\n# TYPE bode_ledger_age_seconds gauge\nbode_ledger_age_seconds {age}");
        let help = "# HELP bode_ledger_source_pieces Pieces that stood at a source, at the last proof.";
        let _ = writeln!(text, "{help}\n# TYPE bode_ledger_source_pieces gauge");
        for count in note.sources.iter().filter(|count| count.reached) {
            let _ = writeln!(
                text,
                "bode_ledger_source_pieces{{source=\"{}\"}} {}",
                count.source.id(),
                count.counted
            );
        }
        text
    }

    /// The Prometheus text format, version 0.0.4.
    pub fn metrics(&self) -> String {
        let inner = self.lock();
        let mut text = String::new();
        let _ = writeln!(text, "# HELP bode_up Whether a part of the house works.\n# TYPE bode_up gauge");
        for (part, reason) in &inner.parts {
            let _ = writeln!(text, "bode_up{{part=\"{}\"}} {}", escaped(part), u8::from(reason.is_none()));
        }
        let help = "# HELP bode_left_behind Pieces that stay at their source; the desk tells why.";
        let _ = writeln!(text, "{help}\n# TYPE bode_left_behind gauge");
        for (source, left) in &inner.staying {
            let _ = writeln!(text, "bode_left_behind{{source=\"{}\"}} {}", escaped(source), left.len());
        }
        for (name, metric) in &inner.metrics {
            let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {}", metric.help, metric.kind);
            for (label, value) in &metric.values {
                let _ = if label.is_empty() {
                    writeln!(text, "{name} {value}")
                } else {
                    writeln!(text, "{name}{{{label}}} {value}")
                };
            }
        }
        text
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A label value as Prometheus wants it.
pub(super) fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_is_ill_is_named_until_it_is_well() {
        let health = Health::default();
        health.well("store");
        health.ill("mailbox", "the server refused the password");
        assert_eq!(health.reasons(), ["mailbox: the server refused the password"]);
        assert!(health.metrics().contains("bode_up{part=\"mailbox\"} 0"));
        health.well("mailbox");
        assert!(health.reasons().is_empty());
    }

    #[test]
    fn what_stays_behind_is_for_the_desk_and_only_counted_elsewhere() {
        let health = Health::default();
        health.stays("scans", vec![("brief-jansen.pdf".into(), "Dit is een map.".into())]);
        assert_eq!(health.staying(), [("scans".into(), "brief-jansen.pdf".into(), "Dit is een map.".into())]);
        let metrics = health.metrics();
        assert!(metrics.contains("bode_left_behind{source=\"scans\"} 1\n") && !metrics.contains("jansen"));
        health.stays("scans", Vec::new());
        assert!(health.staying().is_empty() && health.reasons().is_empty());
    }

    #[test]
    fn metrics_are_prometheus_text() {
        let health = Health::default();
        health.count("bode_records_total", "Pieces registered.", "channel=\"email\"", 2);
        health.count("bode_records_total", "Pieces registered.", "channel=\"email\"", 1);
        health.gauge("bode_waiting", "Waiting.", "", 1.5);
        let text = health.metrics();
        assert!(
            text.contains("# TYPE bode_records_total counter\nbode_records_total{channel=\"email\"} 3\n")
        );
        assert!(text.contains("bode_waiting 1.5\n"));
    }
}
