//! The judgement that made-up ones begin from.

use bode::record::{FirstComplained, Judgement, Kind, OlderThanYear, OnBehalf, Scope, Writer};

/// In Dutch, about conduct, by a person of whom nothing is known; nothing was found.
pub fn plain(scope: Scope, queue: &str) -> Judgement {
    Judgement {
        writer: Writer::default(),
        language: "nl".into(),
        automatic: None,
        scope,
        complained_about: vec![],
        mentioned_only: vec![],
        refer_to: None,
        first_complained: FirstComplained::Unknown,
        older_than_year: OlderThanYear::No,
        kind: Kind::Conduct,
        anonymous: false,
        on_behalf: OnBehalf::No,
        multiple: false,
        urgent: false,
        follow_up: false,
        queue: queue.into(),
        confidence: 0.9,
        may_tell_citizen: true,
        findings: vec![],
        rules_version: "0123abcd".into(),
    }
}
