//! The only place that reads the time. Everything else is told it, so that a judgement can be repeated and
//! a test can choose its day.

use jiff::Timestamp;

/// The time now.
#[allow(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Time since the machine started, as systemd counts it (CLOCK_MONOTONIC): goes on whatever happens to the date.
pub fn monotonic() -> std::time::Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    // Neither is ever negative, and nanoseconds are below 10⁹.
    std::time::Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}
