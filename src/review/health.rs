//! How the house is doing, as `/healthz` and `/metrics` tell it. The daemon writes, the desk reads.
//!
//! Invariant (promise 8): names, reasons and numbers of parts, never of people. A reason is a sentence of
//! this program, not of a mail server.

use super::ailment::{Ailment, Code};
use crate::metrics::{Metrics, family};
use crate::record::{Exception, ProofRow};
use crate::store::BreakerRow;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const BREAKER: &str = "breaker";

/// The shared state; a clone is the same state.
#[derive(Clone, Default)]
pub struct Health {
    inner: Arc<Mutex<Inner>>,
    metrics: Metrics,
}

/// Sets gauges before a scrape.
type Sampler = dyn Fn(&Metrics, Timestamp) + Send + Sync;

#[derive(Default)]
struct Inner {
    /// Part (such as `mailbox`) → why it does not work now; `None`: it works.
    parts: BTreeMap<String, Option<(Code, String)>>,
    /// Source → what stays there: its reference and, in Dutch, what to do.
    staying: BTreeMap<String, Vec<(String, String)>>,
    /// The breaker, while it is open.
    breaker: Option<BreakerRow>,
    /// The last proof of the ledger.
    proof: Option<Proved>,
    /// Cases and pieces past their term of retention, when that was looked at last.
    past_term: Option<u64>,
    samplers: Vec<Arc<Sampler>>,
}

/// A proof of the ledger, with what the journal does not keep of it.
#[derive(Clone, Debug)]
pub struct Proved {
    pub row: ProofRow,
    /// Empty although there are some: it was made before this start.
    pub exceptions: Vec<Exception>,
}

impl Health {
    /// A part works.
    pub fn well(&self, part: &str) {
        self.lock().parts.insert(part.to_owned(), None);
    }

    /// A part does not work, and why, in one English sentence without personal data.
    pub fn ill(&self, part: &str, code: Code, reason: &str) {
        self.lock().parts.insert(part.to_owned(), Some((code, reason.to_owned())));
    }

    /// The breaker over all answers, when it is open. It is told as a part that does not work, and on every page.
    pub fn breaker(&self, row: Option<BreakerRow>) {
        let mut inner = self.lock();
        let told = |row: BreakerRow| {
            let (answers, held) = (row.answers, row.held);
            let reason = format!(
                "it opened after {answers} answers in an hour; {held} held since; a person closes it"
            );
            (Code::BreakerOpen, reason)
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

    /// Has a part said how it is, well or ill?
    pub fn has_told(&self, part: &str) -> bool {
        self.lock().parts.contains_key(part)
    }

    /// Does a part not work, other than the breaker, which has words of its own?
    pub fn is_ill(&self) -> bool {
        self.lock().parts.iter().any(|(part, reason)| reason.is_some() && part != BREAKER)
    }

    /// `part: reason` for each part that does not work; empty when all is well.
    pub fn reasons(&self) -> Vec<String> {
        self.ailments().into_iter().map(|one| format!("{}: {}", one.part, one.reason)).collect()
    }

    /// Each part that does not work; empty when all is well.
    pub fn ailments(&self) -> Vec<Ailment> {
        let told = |(part, ailment): (&String, &Option<(Code, String)>)| {
            let (code, reason) = ailment.clone()?;
            Some(Ailment { part: part.clone(), code, reason, stops: code.stops() })
        };
        self.lock().parts.iter().filter_map(told).collect()
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
        self.metrics.add(&family::LOOKS, &[if written { "yes" } else { "no" }], 1);
        if !written {
            self.ill("looks", Code::LooksNotWritten, "a look at a case could not be written down");
        } else if self.lock().parts.contains_key("looks") {
            self.well("looks");
        }
    }

    /// The numbers of this process.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Called before each scrape, on a thread that may block: sets gauges that nobody keeps up.
    pub fn sampled_by(&self, sampler: impl Fn(&Metrics, Timestamp) + Send + Sync + 'static) {
        self.lock().samplers.push(Arc::new(sampler));
    }

    /// Sets every gauge that tells how the house is now. May block for a moment: samplers read small files.
    pub fn sample(&self, now: Timestamp) {
        let samplers = self.lock().samplers.clone();
        for sampler in samplers {
            sampler(&self.metrics, now);
        }
        let inner = self.lock();
        let metrics = &self.metrics;
        for (part, ailment) in &inner.parts {
            metrics.set(&family::UP, &[part], if ailment.is_none() { 1.0 } else { 0.0 });
        }
        for (source, left) in &inner.staying {
            metrics.set_count(&family::LEFT_BEHIND, &[source], left.len() as u64);
        }
        let Some(Proved { row, .. }) = &inner.proof else { return };
        let note = &row.note;
        let age = now.duration_since(row.at).as_secs().max(0).unsigned_abs();
        metrics.set_count(&family::LEDGER_PIECES, &[], note.pieces);
        metrics.set_count(&family::LEDGER_MISSING, &[], note.missing);
        metrics.set_count(&family::LEDGER_EXCEPTIONS, &[], note.exception_count());
        metrics.set_count(&family::LEDGER_AGE, &[], age);
        for count in note.sources.iter().filter(|count| count.reached) {
            metrics.set_count(&family::LEDGER_SOURCE, &[count.source.id()], count.counted);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Form;

    fn told(health: &Health) -> String {
        health.sample(Timestamp::UNIX_EPOCH);
        health.metrics().render(Form::Text)
    }

    #[test]
    fn a_part_that_is_ill_is_named_until_it_is_well() {
        let health = Health::default();
        health.well("store");
        health.ill("mailbox", Code::SourceUnreachable, "the server refused the password");
        health.ill("rules", Code::RulesRefused, "the last reload was refused");
        let ailments = health.ailments();
        assert_eq!(ailments[0].reason, "the server refused the password");
        assert_eq!(ailments.iter().map(|one| one.stops).collect::<Vec<_>>(), [true, false]);
        assert!(told(&health).contains("bode_up{part=\"mailbox\"} 0"));
        health.well("mailbox");
        health.well("rules");
        assert!(health.ailments().is_empty() && told(&health).contains("bode_up{part=\"mailbox\"} 1"));
    }

    #[test]
    fn what_stays_behind_is_for_the_desk_and_only_counted_elsewhere() {
        let health = Health::default();
        health.stays("scans", vec![("brief-jansen.pdf".into(), "Dit is een map.".into())]);
        assert_eq!(health.staying(), [("scans".into(), "brief-jansen.pdf".into(), "Dit is een map.".into())]);
        let metrics = told(&health);
        assert!(metrics.contains("bode_left_behind{source=\"scans\"} 1\n") && !metrics.contains("jansen"));
        health.stays("scans", Vec::new());
        assert!(health.staying().is_empty() && health.ailments().is_empty());
    }

    #[test]
    fn a_sampler_is_asked_before_each_scrape() {
        let health = Health::default();
        health.sampled_by(|metrics, now| metrics.set(&family::LAST_PIECE, &[], now.as_second() as f64));
        assert!(told(&health).contains("bode_last_piece_timestamp_seconds 0\n"));
    }
}
