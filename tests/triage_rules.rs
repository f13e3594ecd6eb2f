//! The rules that are delivered: no faults, and every example kept with a rule turns out as it says.

use bode::triage::Ruleset;
use std::path::Path;

#[test]
fn the_delivered_rules_hold_their_examples() {
    let rules = Ruleset::load(Path::new("rules")).unwrap_or_else(|faults| panic!("{faults}"));
    let failed = rules.failed_examples();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
