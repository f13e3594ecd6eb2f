//! The daily digest for staff: at most one a day, also over restarts.
//!
//! Invariant: an attempt is in the journal, and on disk, before it is made. One that nothing follows (killed while it was
//! handed over) is not made again that day: a digest that is missed does no harm, one that comes twice is noise.

use super::entry::{DAEMON, Event};
use super::rows::decode;
use super::{Store, StoreError, keys};
use crate::record::{AutomaticClass, DigestStep, SetAside};
use crate::store::AsideRow;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

/// Pieces of the store, counted without reading a file: the line of the ledger. `verify` proves it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ledger {
    pub pieces: u64,
    pub in_cases: u64,
    pub aside: u64,
    pub in_work: u64,
}

impl Ledger {
    /// Is every piece a case, part of one, set aside or in work?
    pub fn adds_up(&self) -> bool {
        self.pieces == self.in_cases + self.aside + self.in_work
    }
}

impl Store {
    /// The last day of which a digest was made, and what became of it.
    pub fn digest(&self) -> Result<Option<(Date, DigestStep)>, StoreError> {
        self.rows.get(keys::DIGEST)?.map(|value| decode(&value)).transpose()
    }

    /// May the digest of this day go out? Not when it did, or may have.
    pub fn digest_is_due(&self, day: Date) -> Result<bool, StoreError> {
        Ok(match self.digest()? {
            Some((last, step)) => last < day || last == day && step == DigestStep::Deferred,
            None => true,
        })
    }

    /// Notes what becomes of the digest of a day. On disk on return.
    ///
    /// # Errors
    /// [`StoreError::State`] when an attempt may not be made, or there was none to note the outcome of.
    pub fn note_digest(&self, day: Date, step: DigestStep, now: Timestamp) -> Result<(), StoreError> {
        self.change(now, DAEMON, |_| {
            let may = match step {
                DigestStep::Attempted => self.digest_is_due(day)?,
                _ => self.digest()? == Some((day, DigestStep::Attempted)),
            };
            let refused = || StoreError::State { object: day.to_string(), why: "this digest is not due" };
            may.then(|| vec![Event::Digest { day, step }]).ok_or_else(refused)
        })?;
        Ok(())
    }

    /// Counts the pieces by what became of them. Looks at every piece's state, at no file.
    pub fn ledger(&self) -> Result<Ledger, StoreError> {
        use super::card::{Became, RecordState};
        let mut ledger = Ledger::default();
        let count: Option<i64> = self.rows.get(keys::PIECES)?.map(|value| decode(&value)).transpose()?;
        ledger.pieces = count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
        self.rows.each(keys::RECORDS, None, false, &mut |_, value| {
            match decode::<RecordState>(value)?.became {
                Became::Work => ledger.in_work += 1,
                Became::Case(_) => ledger.in_cases += 1,
                Became::Aside => ledger.aside += 1,
            }
            Ok(true)
        })?;
        Ok(ledger)
    }

    /// Delivery reports that found no case, set aside since then.
    pub fn lost_bounces(&self, since: Timestamp) -> Result<u64, StoreError> {
        let mut count = 0;
        self.rows.each(keys::ASIDE, None, true, &mut |_, value| {
            let AsideRow { at, why, .. } = decode(value)?;
            let is_bounce = matches!(why, SetAside::Automatic { class: AutomaticClass::Bounce, .. });
            count += u64::from(is_bounce && at >= since);
            // By number, newest first: what was registered long before was set aside before.
            Ok(at >= since - LATE)
        })?;
        Ok(count)
    }
}

/// How much later than others a piece may be judged.
const LATE: jiff::SignedDuration = jiff::SignedDuration::from_hours(72);
