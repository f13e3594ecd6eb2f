//! `Retry-After` (RFC 9110 §10.2.3): seconds, or the date from which one may ask again.

use crate::limits::RETRY_AFTER_MAX;
use hyper::header::{DATE, HeaderMap, RETRY_AFTER};
use jiff::Timestamp;
use std::time::Duration;

/// How long the server asks to wait; `None` when it says nothing that can be understood. A date is held against the
/// server's own `Date` where there is one: its clock need not be ours.
pub fn retry_after(fields: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name| fields.get(name)?.to_str().ok().map(str::trim);
    let value = text(RETRY_AFTER)?;
    let asked = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        value.parse().map_or(RETRY_AFTER_MAX, Duration::from_secs)
    } else {
        let theirs = text(DATE).and_then(date).unwrap_or(now);
        Duration::try_from(date(value)?.duration_since(theirs)).unwrap_or_default()
    };
    Some(asked.min(RETRY_AFTER_MAX))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
fn date(text: &str) -> Option<Timestamp> {
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pairs: &[(&'static str, &str)]) -> Option<u64> {
        let mut fields = HeaderMap::new();
        for (name, value) in pairs {
            fields.insert(*name, value.parse().unwrap());
        }
        let now = "2026-03-02T09:00:00Z".parse().unwrap();
        retry_after(&fields, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_and_dates() {
        assert_eq!(told(&[("retry-after", "120")]), Some(120));
        assert_eq!(told(&[("retry-after", "Mon, 02 Mar 2026 09:02:00 GMT")]), Some(120));
        // Their clock is an hour ahead of ours.
        let theirs = ("date", "Mon, 02 Mar 2026 10:00:00 GMT");
        assert_eq!(told(&[("retry-after", "Mon, 02 Mar 2026 10:00:30 GMT"), theirs]), Some(30));
        assert_eq!(told(&[("retry-after", "Mon, 02 Mar 2026 08:00:00 GMT")]), Some(0));
        assert_eq!(told(&[("retry-after", "99999999999999999999999")]), Some(24 * 3600));
        for nothing in ["", "soon", "-5", "1.5"] {
            assert_eq!(told(&[("retry-after", nothing)]), None, "{nothing}");
        }
        assert_eq!(told(&[]), None);
    }
}
