//! Trying rules: labelled examples and stored cases judged, counted, compared with another rule set, and
//! what follows from them proposed. What staff use to change rules without breaking what held.
//!
//! Invariants: nothing here changes a rule or a case; a text of a citizen leaves a record's folder only to
//! the terminal of who may read it; the reckoning is that of the offices' own acceptance test.

mod archive;
mod compare;
mod edits;
mod item;
mod labels;
mod patch;
mod rehearsed;
mod score;
mod suggest;

pub use archive::{RuleFate, Stored, cases, gold_of, newest_cases, one_case, rule_fates};
pub use compare::{Change, Changed, Comparison, compare, rules_changed};
pub use item::{Item, ItemFault, read_items};
pub use labels::{Gold, LABELS, Wrong, labels_of, wrong};
pub use patch::differing;
pub use rehearsed::{Fate, LabelOtherwise, Otherwise, Rehearsed, WouldAnswer, rehearsed};
pub use score::Score;
pub use suggest::{Proposal, Proposals, suggest};
