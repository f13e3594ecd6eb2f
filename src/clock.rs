//! The only place that reads the time. Everything else is told it, so that a judgement can be repeated and
//! a test can choose its day.

use jiff::Timestamp;

/// The time now.
#[allow(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
