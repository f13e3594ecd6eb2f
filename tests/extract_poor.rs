//! What cannot be read well is told to staff, and no citizen hears "probably not here" on the strength of it. The same
//! letter, about a body that the office does not handle, printed and in two hands (`fixtures/make_pictures.py`).

#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the failure that is wanted")]

mod extract_support;

use bode::config;
use bode::record::{Channel, Judgement};
use bode::triage::{Ruleset, judge};
use extract_support::{fixture, read};
use std::path::Path;

/// Confidence, what staff are told, and the judgement of Den Haag.
async fn judged(name: &str) -> (f32, Vec<String>, Judgement) {
    let extract = read(name, fixture(name)).await;
    let office = config::load(Path::new("config/den-haag.toml")).unwrap().office;
    let rules = Ruleset::load(Path::new("rules")).unwrap_or_else(|faults| panic!("{faults}"));
    let judgement = judge(&extract, Channel::Letter, "2026-06-01".parse().unwrap(), &office, &rules);
    let told = extract.defects.iter().map(|defect| defect.explanation.clone()).collect();
    (extract.documents[0].confidence.unwrap(), told, judgement)
}

#[tokio::test]
async fn poor_reading_never_tells_a_citizen_not_here() {
    let (confidence, told, printed) = judged("elders-gedrukt.tiff").await;
    // It is the reading, not the letter, that keeps the others from it.
    assert!(
        confidence > 0.9 && told.is_empty() && printed.may_tell_citizen,
        "{confidence} {told:?} {printed:?}"
    );
    assert_eq!(printed.complained_about, ["uwv"]);

    let (confidence, _, by_hand) = judged("elders-hand.tiff").await;
    assert!(confidence < 0.85 && !by_hand.may_tell_citizen, "{confidence} {by_hand:?}");

    let (confidence, told, unreadable) = judged("elders-onleesbaar.tiff").await;
    assert!(confidence < 0.6 && !unreadable.may_tell_citizen, "{confidence} {unreadable:?}");
    assert!(told.iter().any(|told| told.contains("handgeschreven of slecht leesbaar")), "{told:?}");
}
