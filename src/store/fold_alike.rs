//! The part of the fold that is about cases that are perhaps one: which texts are alike, and what a person joined.
//!
//! Invariants: pure, from cards and journal only; a piece is held against the newest few that share a mark with it, so the
//! work for one is bounded; nothing is ever joined here without a person's entry. A joined case keeps its pieces, its answer
//! and its number; what comes for it later goes on in the case that it was joined to.

use super::StoreError;
use super::card::{Became, Card, RecordState};
use super::entry::Entry;
use super::fold::Fold;
use super::keys;
use crate::limits::{ALIKE_CASES_MAX, LIKENESS_BUCKET_MAX};
use crate::record::{ALIKE_MIN, Alike, CaseNumber, CaseStatus, RegistrationNumber};
use std::collections::BTreeSet;

/// Octets of a number in a bucket of pieces that share a band: year and serial.
const NUMBER_OCTETS: usize = 6;

impl Fold<'_> {
    /// Remembers the sketch of a piece, and gives the cases with pieces that are much like it, the likest first.
    pub(super) fn alike(
        &mut self,
        case: CaseNumber,
        record: RegistrationNumber,
        card: &Card,
    ) -> Result<Vec<Alike>, StoreError> {
        let Some(sketch) = &card.likeness else { return Ok(Vec::new()) };
        self.put_octets(keys::likeness(record), &sketch.to_octets());
        let mut candidates = BTreeSet::new();
        for (index, band) in sketch.bands().enumerate() {
            let key = keys::likeness_band(index, band);
            let mut bucket = self.get_octets(&key)?.unwrap_or_default();
            candidates.extend(bucket.chunks_exact(NUMBER_OCTETS).filter_map(keys::number_at_end));
            bucket.extend_from_slice(&keys::record(record)[1..]);
            let over = bucket.len().saturating_sub(NUMBER_OCTETS * LIKENESS_BUCKET_MAX);
            self.put_octets(key, &bucket[over..]);
        }
        let mut alike: Vec<Alike> = Vec::new();
        for (year, serial) in candidates {
            let candidate = RegistrationNumber::new(year, serial);
            let other = self.get_octets(&keys::likeness(candidate))?;
            let likeness = other.map_or(0.0, |other| sketch.with_octets(&other));
            if likeness < ALIKE_MIN {
                continue;
            }
            let state = self.get::<RecordState>(&keys::record(candidate))?;
            if let Some(RecordState { became: Became::Case(other), .. }) = state
                && other != case
            {
                add(&mut alike, Alike { case: other, percent: percent(likeness) });
            }
        }
        Ok(alike)
    }

    /// Tells the other cases too.
    pub(super) fn tell_alike(&mut self, case: CaseNumber, alike: &[Alike]) -> Result<(), StoreError> {
        for Alike { case: other, percent } in alike {
            if let Some(mut state) = self.known_case(*other)? {
                add(&mut state.row.alike, Alike { case, percent: *percent });
                self.put_case(state);
            }
        }
        Ok(())
    }

    /// A person joined a case to another: it is closed, and each names the other.
    pub(super) fn merged(
        &mut self,
        entry: &Entry,
        case: CaseNumber,
        into: CaseNumber,
    ) -> Result<(), StoreError> {
        let old = self.case_state(case)?;
        let mut state = old.clone();
        state.before = None;
        state.row.status = CaseStatus::Closed;
        state.row.joined_to = Some(into);
        state.row.alike.retain(|alike| alike.case != into);
        state.row.revision = entry.seq;
        self.renew_and_store(&old, state)?;
        let old = self.case_state(into)?;
        let mut state = old.clone();
        state.row.alike.retain(|alike| alike.case != case);
        if !state.row.joined.contains(&case) {
            state.row.joined.push(case);
        }
        state.row.revision = entry.seq;
        self.renew_and_store(&old, state)
    }

    /// A person took a joined case up again: it stands by itself.
    pub(super) fn parted(&mut self, case: CaseNumber, from: CaseNumber) -> Result<(), StoreError> {
        if let Some(mut state) = self.known_case(from)? {
            state.row.joined.retain(|joined| *joined != case);
            self.put_case(state);
        }
        Ok(())
    }
}

/// The likest few, each case once.
fn add(list: &mut Vec<Alike>, one: Alike) {
    match list.iter_mut().find(|known| known.case == one.case) {
        Some(known) => known.percent = known.percent.max(one.percent),
        None => list.push(one),
    }
    list.sort_by_key(|alike| (std::cmp::Reverse(alike.percent), alike.case));
    list.truncate(ALIKE_CASES_MAX);
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 0 to 1")]
fn percent(likeness: f64) -> u8 {
    (likeness * 100.0).clamp(0.0, 100.0).round() as u8
}
