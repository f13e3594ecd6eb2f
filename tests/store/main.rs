//! The store: restart states, the outbox, people's changes, faults, and the proof by a fresh fold.

mod alike;
mod copies;
mod faults;
mod figures;
#[path = "../support/index.rs"]
mod index;
mod killed;
mod looks;
mod made;
mod measure;
mod outbox;
mod people;
mod proof;
mod purge;
mod random;
mod returns;
mod sealed;
mod states;
mod support;
mod texts;
mod torn;
