//! Registration (ISO 15489): an arrival becomes a numbered record, durable. Invariant: no [`Record`] without its
//! original on disk; and what cannot be registered is refused with a reason that staff can read.

use crate::limits::PIECE_BYTES_MAX;
use crate::record::{Arrival, Record, RegistrationNumber, size};
use crate::store::{Registered, Store, StoreError};
use jiff::Timestamp;

/// What became of one arrival. For all three the source may settle.
#[derive(Clone, Debug, PartialEq)]
pub enum Taken {
    New(Record),
    /// Byte for byte a piece that we have.
    Known(RegistrationNumber),
    /// Not taken; the source sets it aside with this reason (Dutch).
    Refused {
        reason: String,
    },
}

/// Registers a batch in one group commit; the order is that of the arrivals.
///
/// # Errors
/// As [`Store::register`]: then none of the batch was registered and the source keeps all of it.
pub fn register(store: &Store, arrivals: Vec<Arrival>, now: Timestamp) -> Result<Vec<Taken>, StoreError> {
    let mut taken: Vec<Option<Taken>> = Vec::with_capacity(arrivals.len());
    let mut good = Vec::with_capacity(arrivals.len());
    for arrival in arrivals {
        match refusal(&arrival) {
            Some(reason) => taken.push(Some(Taken::Refused { reason })),
            None => {
                taken.push(None);
                good.push(arrival);
            }
        }
    }
    let mut registered = store.register(&good, now)?.into_iter();
    Ok(taken
        .into_iter()
        .filter_map(|refused| {
            refused.or_else(|| {
                registered.next().map(|registered| match registered {
                    Registered::New(record) => Taken::New(record),
                    Registered::Known(number) => Taken::Known(number),
                })
            })
        })
        .collect())
}

/// Why a piece cannot be registered at all. What is merely unreadable is registered: staff must see it.
fn refusal(arrival: &Arrival) -> Option<String> {
    let bytes = arrival.bytes.len() as u64;
    if bytes == 0 {
        return Some("Het bestand is leeg (0 bytes). Scan of verstuur het opnieuw.".to_owned());
    }
    if bytes > PIECE_BYTES_MAX {
        return Some(format!(
            "Het stuk is te groot: {}, hoogstens {}. Splits het of bekijk het met de hand.",
            size(bytes),
            size(PIECE_BYTES_MAX)
        ));
    }
    None
}
