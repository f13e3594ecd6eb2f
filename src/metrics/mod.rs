//! What the house counts of itself: counters, gauges and histograms, in the words of Prometheus and OpenMetrics 1.0.
//!
//! Every family stands in [`family`] with its help, unit and labels, so that documents, dashboard and alerts can be held
//! against one list ([`ALL`]). Invariants (promise 8): labels are names of parts, stages, queues, rules and kinds, never
//! of people or pieces; a family has at most [`METRIC_SERIES_MAX`] series, and what would be more is counted as `other`;
//! counting is a map look-up under a lock that is held for nothing else.

mod exposition;
pub mod family;

pub use exposition::{Form, OPEN_METRICS_TYPE, TEXT_TYPE};
pub use family::ALL;

use crate::limits::METRIC_SERIES_MAX;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One metric with its meaning.
#[derive(Debug)]
pub struct Family {
    /// As Prometheus shows it: `bode_`, then what it is, then the base unit; a counter ends in `_total`.
    pub name: &'static str,
    pub kind: Kind,
    pub help: &'static str,
    pub labels: &'static [&'static str],
    /// Values of the one label that are known beforehand: they are told as 0 from the start, so that a first event is seen as
    /// an increase. A family without labels is told from the start when this is `&[&[]]`.
    pub known: &'static [&'static [&'static str]],
}

/// How the values of a family behave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only grows, from 0 at the start of the process.
    Counter,
    Gauge,
    /// Counts by upper bound in the unit of its name; `+Inf` is added.
    Histogram(&'static [f64]),
}

/// The numbers of one process; a clone is the same.
#[derive(Clone, Debug)]
pub struct Metrics {
    kept: Arc<Mutex<Kept>>,
}

/// Values of the labels, in the order of the family's labels → value.
type Series = BTreeMap<Vec<String>, Value>;
type Kept = BTreeMap<&'static str, (&'static Family, Series)>;

#[derive(Clone, Debug)]
enum Value {
    Number(f64),
    /// One count a bound, not added up; then the sum and how many there were.
    Spread {
        counts: Vec<u64>,
        sum: f64,
        count: u64,
    },
}

/// The label value of whatever is more than a family may have.
const OTHER: &str = "other";

impl Default for Metrics {
    fn default() -> Self {
        let mut kept = Kept::new();
        for family in ALL {
            let known = family
                .known
                .iter()
                .map(|labels| (labels.iter().map(|label| (*label).to_owned()).collect(), zero(family.kind)));
            kept.insert(family.name, (family, known.collect()));
        }
        Self { kept: Arc::new(Mutex::new(kept)) }
    }
}

fn zero(kind: Kind) -> Value {
    match kind {
        Kind::Counter | Kind::Gauge => Value::Number(0.0),
        Kind::Histogram(bounds) => Value::Spread { counts: vec![0; bounds.len()], sum: 0.0, count: 0 },
    }
}

impl Metrics {
    /// Counts so many more.
    pub fn add(&self, family: &'static Family, labels: &[&str], by: u64) {
        // A counter above 2^53 would take longer than the house will stand.
        #[allow(clippy::cast_precision_loss, reason = "see above")]
        let by = by as f64;
        self.change(family, labels, |value| {
            if let Value::Number(number) = value {
                *number += by;
            }
        });
    }

    /// Sets a value that goes up and down.
    pub fn set(&self, family: &'static Family, labels: &[&str], to: f64) {
        self.change(family, labels, |value| *value = Value::Number(to));
    }

    /// The same of a whole number.
    #[allow(clippy::cast_precision_loss, reason = "gauges are told in the floating point of Prometheus")]
    pub fn set_count(&self, family: &'static Family, labels: &[&str], to: u64) {
        self.set(family, labels, to as f64);
    }

    /// Counts one that took so long.
    pub fn observe(&self, family: &'static Family, labels: &[&str], took: Duration) {
        let (Kind::Histogram(bounds), seconds) = (family.kind, took.as_secs_f64()) else { return };
        self.change(family, labels, |value| {
            if let Value::Spread { counts, sum, count } = value {
                if let Some(place) = bounds.iter().position(|bound| seconds <= *bound) {
                    counts[place] += 1;
                }
                *sum += seconds;
                *count += 1;
            }
        });
    }

    /// Forgets every series of a gauge whose labels come and go, before it is told anew.
    pub fn clear(&self, family: &'static Family) {
        if let Some((_, series)) = self.lock().get_mut(family.name) {
            series.clear();
        }
    }

    /// A piece is in this stage until what is returned is dropped: [`family::STAGE_PIECES`] tells how many are,
    /// [`family::STAGE_SECONDS`] how long it took.
    pub fn stage(&self, stage: &'static str) -> InStage {
        self.move_by(&family::STAGE_PIECES, &[stage], 1.0);
        InStage { metrics: self.clone(), stage, began: Instant::now() }
    }

    fn move_by(&self, family: &'static Family, labels: &[&str], by: f64) {
        self.change(family, labels, |value| {
            if let Value::Number(number) = value {
                *number += by;
            }
        });
    }

    fn change(&self, family: &'static Family, labels: &[&str], change: impl FnOnce(&mut Value)) {
        debug_assert_eq!(labels.len(), family.labels.len(), "{}", family.name);
        let mut kept = self.lock();
        let (_, series) = kept.entry(family.name).or_insert_with(|| (family, Series::new()));
        let mut key: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        if series.len() >= METRIC_SERIES_MAX && !series.contains_key(&key) {
            key = vec![OTHER.to_owned(); labels.len()];
        }
        change(series.entry(key).or_insert_with(|| zero(family.kind)));
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Metrics::stage`].
#[derive(Debug)]
pub struct InStage {
    metrics: Metrics,
    stage: &'static str,
    began: Instant,
}

impl Drop for InStage {
    fn drop(&mut self) {
        self.metrics.move_by(&family::STAGE_PIECES, &[self.stage], -1.0);
        self.metrics.observe(&family::STAGE_SECONDS, &[self.stage], self.began.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_counted_while_it_lasts_and_timed_when_it_ends() {
        let metrics = Metrics::default();
        let inside = metrics.stage("triage");
        assert!(metrics.render(Form::Text).contains("bode_stage_pieces{stage=\"triage\"} 1\n"));
        drop(inside);
        let text = metrics.render(Form::Text);
        assert!(text.contains("bode_stage_pieces{stage=\"triage\"} 0\n"));
        assert!(text.contains("bode_stage_seconds_count{stage=\"triage\"} 1\n"), "{text}");
        assert!(text.contains("bode_stage_seconds_bucket{stage=\"triage\",le=\"+Inf\"} 1\n"));
    }

    #[test]
    fn a_family_never_has_more_series_than_it_may() {
        let metrics = Metrics::default();
        for number in 0..METRIC_SERIES_MAX + 500 {
            metrics.add(&family::RULE_FIRED, &[&format!("rule-{number}")], 1);
        }
        let text = metrics.render(Form::Text);
        let told = text.lines().filter(|line| line.starts_with("bode_rule_fired_total{")).count();
        assert_eq!(told, METRIC_SERIES_MAX + 1);
        assert!(text.contains("bode_rule_fired_total{rule=\"other\"} 500\n"));
    }

    #[test]
    fn names_say_what_they_are_and_in_which_unit() {
        for family in ALL {
            let name = family.name;
            assert!(name.starts_with("bode_") || name.starts_with("process_"), "{name}");
            assert_eq!(name.ends_with("_total"), family.kind == Kind::Counter, "{name}");
            assert!(family.help.ends_with('.') && !family.help.contains(['\n', '\\']), "{name}");
            for known in family.known {
                assert_eq!(known.len(), family.labels.len(), "{name}");
            }
            if let Kind::Histogram(bounds) = family.kind {
                assert!(bounds.is_sorted() && name.ends_with("_seconds"), "{name}");
            }
        }
        let mut names: Vec<&str> = ALL.iter().map(|family| family.name).collect();
        let many = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), many, "a name stands twice");
    }
}
