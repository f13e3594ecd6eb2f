//! Time that triage alone takes: on ordinary messages, and on text that is hostile in length or form.
//!
//! Prints figures (`-- --nocapture`); asserts only that time grows with the length, not faster. The
//! figures of a release build come from `make bench-triage`; work is counted in `triage_hostile`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in tests a panic is the failure that is wanted"
)]

#[path = "support/letter.rs"]
mod letter;

use bode::config;
use bode::record::{Channel, Extract, Message, Method};
use bode::triage::{Ruleset, judge};
use letter::letter;
use std::path::Path;
use std::time::{Duration, Instant};

fn message(text: &str) -> Extract {
    let mut extract = letter(text);
    extract.documents[0].method = Method::Body;
    extract.message = Some(Message { subject: Some("klacht".into()), ..Message::default() });
    extract
}

const STORY: &str = "Geachte ombudsman,\n\nIn maart vroeg ik bij de gemeente een parkeervergunning aan. Het UWV stuurde \
mij een brief die nergens op slaat. Ik heb drie keer gebeld en niemand kon mij helpen. De mevrouw aan de telefoon zei \
dat ik maar moest wachten. Op 12 april heb ik een klacht ingediend bij de gemeente en daar is nooit antwoord op gekomen. \
De politie was wel heel vriendelijk, daar gaat het niet om. Mijn buurvrouw heeft precies hetzelfde meegemaakt in Delft.\n\n";

fn time(extract: &Extract, office: &bode::record::Office, rules: &Ruleset) -> Duration {
    let received = "2026-06-01".parse().unwrap();
    let start = Instant::now();
    let judgement = judge(extract, Channel::Email, received, office, rules);
    let taken = start.elapsed();
    assert!(judgement.findings.len() <= bode::limits::FINDINGS_MAX);
    taken
}

#[test]
fn time_grows_with_the_length_only() {
    let start = Instant::now();
    let rules = Ruleset::load(Path::new("rules")).unwrap_or_else(|faults| panic!("{faults}"));
    println!("rules read and checked in {:?}", start.elapsed());
    let office = config::load(Path::new("config/den-haag.toml")).unwrap().office;
    let ordinary = message(&STORY.repeat(4));
    let taken: Duration = (0..50).map(|_| time(&ordinary, &office, &rules)).sum::<Duration>() / 50;
    println!("{} bytes: {taken:?} each", ordinary.documents[0].text.len());
    let unit = [
        ("story", STORY.to_owned()),
        ("uwv", "UWV ".repeat(100)),
        ("no newline", "abcdefghij".repeat(40)),
        ("marks", "u\u{200b}w\u{202e}v ".repeat(60)),
        ("homoglyphs", "gemеente ".repeat(50)),
        ("klacht", "klacht over niet ".repeat(25)),
    ];
    for (name, unit) in unit {
        let small = unit.repeat((60_000 / unit.len()).max(1));
        let large = unit.repeat((240_000 / unit.len()).max(4));
        let (a, b) = (time(&message(&small), &office, &rules), time(&message(&large), &office, &rules));
        println!("{name:12} {:>7} bytes {a:>10.2?}   {:>7} bytes {b:>10.2?}", small.len(), large.len());
        assert!(
            b < a * 12 + Duration::from_millis(200),
            "{name}: four times the text took {b:?} after {a:?}"
        );
    }
}
