//! What can ail the house, with a code that stays the same for whoever watches it: `/healthz`, alerts, the manual.
//!
//! Invariant: only what keeps the house from taking in, or from writing down, makes `/healthz` answer 503; everything else is told
//! with 200, because a monitor that restarts or takes away the daemon for it would stop what still works.

use serde::Serialize;

/// One kind of ailment. `docs/watching.md` tells what to do about each (a test compares).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The store is being opened, or its index built.
    StoreOpening,
    /// The disk takes nothing.
    StoreCannotWrite,
    /// A mailbox or folder cannot be read.
    SourceUnreachable,
    /// What comes cannot be stored; it stays where it is.
    IntakeNotStored,
    /// A look at a case could not be written down.
    LooksNotWritten,
    /// Pieces are registered that cannot be read or judged now.
    PiecesNotJudged,
    /// The mail server for answers cannot be used.
    AnswersWait,
    /// The outbox cannot read or write the store.
    OutboxStopped,
    /// Too many answers in an hour: all are held.
    BreakerOpen,
    /// The last proof of the ledger misses pieces.
    LedgerMissing,
    /// No proof of the ledger for two days.
    LedgerOld,
    /// The last reload was refused; the old rules are in force.
    RulesRefused,
}

impl Code {
    pub const ALL: [Code; 12] = [
        Code::StoreOpening,
        Code::StoreCannotWrite,
        Code::SourceUnreachable,
        Code::IntakeNotStored,
        Code::LooksNotWritten,
        Code::PiecesNotJudged,
        Code::AnswersWait,
        Code::OutboxStopped,
        Code::BreakerOpen,
        Code::LedgerMissing,
        Code::LedgerOld,
        Code::RulesRefused,
    ];

    /// Its name, as JSON, documents and alerts write it.
    pub fn id(self) -> &'static str {
        match self {
            Code::StoreOpening => "store-opening",
            Code::StoreCannotWrite => "store-cannot-write",
            Code::SourceUnreachable => "source-unreachable",
            Code::IntakeNotStored => "intake-not-stored",
            Code::LooksNotWritten => "looks-not-written",
            Code::PiecesNotJudged => "pieces-not-judged",
            Code::AnswersWait => "answers-wait",
            Code::OutboxStopped => "outbox-stopped",
            Code::BreakerOpen => "breaker-open",
            Code::LedgerMissing => "ledger-missing",
            Code::LedgerOld => "ledger-old",
            Code::RulesRefused => "rules-refused",
        }
    }

    /// Does nothing come in, or cannot it be written down?
    pub fn stops(self) -> bool {
        matches!(
            self,
            Code::StoreOpening
                | Code::StoreCannotWrite
                | Code::SourceUnreachable
                | Code::IntakeNotStored
                | Code::LooksNotWritten
        )
    }
}

/// Why a part does not work now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ailment {
    /// Such as `mailbox`.
    pub part: String,
    pub code: Code,
    /// One English sentence without personal data.
    pub reason: String,
    /// Does it keep the house from taking in or writing down?
    pub stops: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_as_it_is_called() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.id());
        }
    }

    #[test]
    fn every_code_is_explained() {
        let manual = include_str!("../../docs/watching.md");
        for code in Code::ALL {
            let row = format!("| `{}` | {} |", code.id(), if code.stops() { "503" } else { "200" });
            assert!(manual.contains(&row), "docs/watching.md has no row {row}");
        }
    }
}
