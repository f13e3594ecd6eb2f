//! The daemon: sources, bounded workers, outbox and desk, side by side; reload and shutdown.
//!
//! Invariants: a source is told to let go only after `register` is durable; nothing is fetched for which there is no
//! room; a fault in one part is told by `/healthz` and the log, and the other parts go on.

mod breaker;
mod clerk;
pub mod control;
mod desk;
mod feed;
mod handing;
mod lookup;
mod parts;
mod proof;
mod pulse;
mod reload;
mod rule_room;
mod samples;
mod scan_room;
mod stop;
mod telling;
mod watch;
mod words;
mod work;

pub use clerk::DeskClerk;
pub use lookup::DaemonIndex;
pub use parts::{Broken, Daemon, DaemonError, Event, Options};
pub(crate) use parts::{clamd, cores, reader, run_policy};
pub use proof::{Proof, ProofError, Prover};
pub use pulse::{Pulse, Silent};
pub use stop::Stop;
