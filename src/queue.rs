//! Work for people: what may be decided when, what a decision must say, and how a due date reads.
//!
//! The store keeps states; here stand the rules above it, so that desk, API and command line share them.
//! Invariant: nothing here decides for a person. Texts are Dutch, for staff.

use crate::limits::{DUE_CASES_MAX, NOTE_CHARS_MAX};
use crate::record::{CaseNumber, CaseRow, CaseStatus, Deadline, Decision, Verdict};
use crate::store::{CaseFilter, Store, StoreError};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

/// Why a decision was not taken.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The person can mend it: the sentence says how.
    #[error(transparent)]
    Fault(#[from] DecisionFault),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is wrong with a decision as it was filled in. Shown to staff beside the form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecisionFault {
    #[error("Kies naar welke organisatie u doorverwijst.")]
    ReferToMissing,
    #[error("Schrijf op waarom dit geen klacht is.")]
    ReasonMissing,
    #[error("Schrijf op wat u van de burger nodig hebt.")]
    QuestionMissing,
    #[error("De toelichting is te lang: hoogstens {NOTE_CHARS_MAX} tekens.")]
    ReasonTooLong,
    #[error("Deze zaak is gesloten. Heropen haar eerst.")]
    Closed,
    #[error("Deze zaak ligt al in de wachtrij.")]
    AlreadyOpen,
    #[error("Alleen een zaak die in behandeling is, kan worden afgedaan. Neem haar eerst in behandeling.")]
    NotTakenUp,
}

/// All verdicts, in the order in which the desk offers them.
pub const VERDICTS: [Verdict; 7] = [
    Verdict::TakeUp,
    Verdict::Refer,
    Verdict::AskForMore,
    Verdict::Signal,
    Verdict::NotAComplaint,
    Verdict::Reopen,
    Verdict::Settle,
];

/// A person decides, by the rules below.
///
/// # Errors
/// [`QueueError::Fault`] before anything was changed; [`StoreError::Changed`] when another person was first.
pub fn decide(
    store: &Store,
    number: CaseNumber,
    expected_revision: Option<u64>,
    decision: Decision,
    now: Timestamp,
) -> Result<CaseRow, QueueError> {
    let row = store.case(number)?.ok_or(StoreError::UnknownCase(number))?;
    check(row.status, &decision)?;
    // What was checked is what is decided on, also when the form did not say which revision it showed.
    let expected = expected_revision.unwrap_or(row.revision);
    Ok(store.decide(number, Some(expected), decision, now)?)
}

/// The same, and the citizen is told in a message that may go out at `next`.
///
/// # Errors
/// As [`decide`]; [`StoreError::State`] when an earlier answer still waits.
pub fn decide_and_tell(
    store: &Store,
    number: CaseNumber,
    expected_revision: u64,
    decision: Decision,
    message: &[u8],
    next: Timestamp,
    now: Timestamp,
) -> Result<CaseRow, QueueError> {
    let row = store.case(number)?.ok_or(StoreError::UnknownCase(number))?;
    check(row.status, &decision)?;
    Ok(store.decide_and_tell(number, Some(expected_revision), decision, message, next, now)?)
}

/// May this be decided in this status, and does it say what it must?
pub fn check(status: CaseStatus, decision: &Decision) -> Result<(), DecisionFault> {
    let empty = |text: &str| text.trim().is_empty();
    match (status, decision.verdict) {
        (CaseStatus::Open, Verdict::Reopen) => return Err(DecisionFault::AlreadyOpen),
        (CaseStatus::Closed, verdict) if verdict != Verdict::Reopen => return Err(DecisionFault::Closed),
        (CaseStatus::Open | CaseStatus::AskedForMore, Verdict::Settle) => {
            return Err(DecisionFault::NotTakenUp);
        }
        _ => {}
    }
    match decision.verdict {
        Verdict::Refer if decision.refer_to.as_deref().is_none_or(empty) => {
            Err(DecisionFault::ReferToMissing)
        }
        Verdict::AskForMore if empty(&decision.reason) => Err(DecisionFault::QuestionMissing),
        Verdict::NotAComplaint if empty(&decision.reason) => Err(DecisionFault::ReasonMissing),
        _ if decision.reason.chars().count() > NOTE_CHARS_MAX => Err(DecisionFault::ReasonTooLong),
        _ => Ok(()),
    }
}

/// What the desk offers for a case of this status.
pub fn verdicts_for(status: CaseStatus) -> impl Iterator<Item = Verdict> {
    VERDICTS.into_iter().filter(move |verdict| match status {
        CaseStatus::Open => !matches!(verdict, Verdict::Reopen | Verdict::Settle),
        CaseStatus::TakenUp => *verdict != Verdict::TakeUp,
        CaseStatus::AskedForMore => *verdict != Verdict::Settle,
        CaseStatus::Closed => *verdict == Verdict::Reopen,
    })
}

/// A verdict by the name that the command line and the API use (`take-up`, `not-a-complaint`, …).
pub fn verdict_of(name: &str) -> Option<Verdict> {
    VERDICTS.into_iter().find(|verdict| verdict_id(*verdict) == name)
}

/// The name that the command line and the API use.
pub fn verdict_id(verdict: Verdict) -> &'static str {
    verdict.id()
}

/// The word on the button.
pub fn verdict_label(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::TakeUp => "In behandeling nemen",
        Verdict::Refer => "Doorverwijzen",
        Verdict::AskForMore => "Om aanvulling vragen",
        Verdict::Signal => "Bewaren als signaal",
        Verdict::NotAComplaint => "Geen klacht",
        Verdict::Reopen => "Heropenen",
        Verdict::Settle => "Afdoen",
    }
}

/// The status as staff read it.
pub fn status_label(status: CaseStatus) -> &'static str {
    match status {
        CaseStatus::Open => "Open",
        CaseStatus::TakenUp => "In behandeling",
        CaseStatus::AskedForMore => "Wacht op aanvulling",
        CaseStatus::Closed => "Gesloten",
    }
}

/// How near a due date is. Shown in a word, not in colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearness {
    Passed {
        days: i32,
    },
    Today,
    /// Within three days.
    Soon {
        days: i32,
    },
    Later {
        days: i32,
    },
}

/// Days ahead that still count as soon.
const SOON_DAYS: i32 = 3;

impl Nearness {
    pub fn of(due: Date, today: Date) -> Nearness {
        // Both dates are within a few years; a difference that cannot be told counts as far off.
        let days = today.until(due).map_or(i32::MAX, |span| span.get_days());
        match days {
            ..0 => Nearness::Passed { days: -days },
            0 => Nearness::Today,
            1..=SOON_DAYS => Nearness::Soon { days },
            _ => Nearness::Later { days },
        }
    }

    /// `2 dagen te laat`, `vandaag`, `morgen`, `over 12 dagen`.
    pub fn label(self) -> String {
        match self {
            Nearness::Passed { days: 1 } => "1 dag te laat".to_owned(),
            Nearness::Passed { days } => format!("{days} dagen te laat"),
            Nearness::Today => "vandaag".to_owned(),
            Nearness::Soon { days: 1 } => "morgen".to_owned(),
            Nearness::Soon { days } | Nearness::Later { days } => format!("over {days} dagen"),
        }
    }
}

/// One promise or term that is near or has passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DueLine {
    pub case: CaseNumber,
    pub deadline: Deadline,
    pub urgent: bool,
    pub status: CaseStatus,
    pub assignee: Option<String>,
    /// For the desk only: not in what programs read.
    #[serde(skip)]
    pub subject: Option<String>,
    #[serde(skip)]
    pub writer: Option<String>,
}

/// What is due: the terms of the law apart from what the office promised, each with the nearest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DueList {
    pub law: Vec<DueLine>,
    pub promises: Vec<DueLine>,
}

/// Every promise and term of a case that is not closed and that ends on `until` or before.
///
/// # Errors
/// [`StoreError::Index`].
pub fn due_list(store: &Store, until: Date) -> Result<DueList, StoreError> {
    let filter = CaseFilter {
        statuses: vec![CaseStatus::Open, CaseStatus::TakenUp, CaseStatus::AskedForMore],
        due_by: Some(until),
        limit: DUE_CASES_MAX,
        ..CaseFilter::default()
    };
    let mut list = DueList::default();
    for row in store.cases(&filter)?.rows {
        for deadline in row.running().filter(|deadline| deadline.due <= until) {
            let line = DueLine {
                case: row.number,
                deadline: deadline.clone(),
                urgent: row.judgement.urgent,
                status: row.status,
                assignee: row.assignee.clone(),
                subject: row.subject.clone(),
                writer: row.writer.clone(),
            };
            if deadline.is_law() { list.law.push(line) } else { list.promises.push(line) }
        }
    }
    for lines in [&mut list.law, &mut list.promises] {
        lines.sort_by_key(|line| (line.deadline.due, line.case));
    }
    Ok(list)
}

/// The name of a promise or term, as staff read it.
pub fn deadline_label(name: &str) -> &str {
    match name {
        "contact" => "Contact met de inwoner",
        "decision" => "Oordeel of afhandeling",
        "decision-extended" => "Oordeel na verlenging",
        "not-handled-notice" => "Bericht dat wij niet behandelen",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(verdict: Verdict, refer_to: Option<&str>, reason: &str) -> Decision {
        let (refer_to, reason) = (refer_to.map(str::to_owned), reason.to_owned());
        Decision { verdict, refer_to, by: "j.jansen".into(), at: Timestamp::UNIX_EPOCH, reason }
    }

    #[test]
    fn what_a_decision_must_say() {
        fn open(verdict: Verdict, refer_to: Option<&str>, reason: &str) -> Result<(), DecisionFault> {
            check(CaseStatus::Open, &decision(verdict, refer_to, reason))
        }
        assert_eq!(open(Verdict::TakeUp, None, ""), Ok(()));
        assert_eq!(open(Verdict::Signal, None, ""), Ok(()));
        assert_eq!(open(Verdict::Refer, Some("uwv"), ""), Ok(()));
        assert_eq!(open(Verdict::Refer, Some(" "), "x"), Err(DecisionFault::ReferToMissing));
        assert_eq!(open(Verdict::AskForMore, None, " \n"), Err(DecisionFault::QuestionMissing));
        assert_eq!(open(Verdict::NotAComplaint, None, ""), Err(DecisionFault::ReasonMissing));
        assert_eq!(open(Verdict::NotAComplaint, None, "Een vraag."), Ok(()));
        assert_eq!(
            open(Verdict::Signal, None, &"é".repeat(NOTE_CHARS_MAX + 1)),
            Err(DecisionFault::ReasonTooLong)
        );
        assert_eq!(open(Verdict::Reopen, None, ""), Err(DecisionFault::AlreadyOpen));
        let closed = check(CaseStatus::Closed, &decision(Verdict::TakeUp, None, ""));
        assert_eq!(closed, Err(DecisionFault::Closed));
        assert_eq!(open(Verdict::Settle, None, ""), Err(DecisionFault::NotTakenUp));
        assert_eq!(check(CaseStatus::TakenUp, &decision(Verdict::Settle, None, "")), Ok(()));
    }

    #[test]
    fn the_desk_offers_only_what_may_be_decided() {
        for status in [CaseStatus::Open, CaseStatus::TakenUp, CaseStatus::AskedForMore, CaseStatus::Closed] {
            for verdict in verdicts_for(status) {
                assert_eq!(
                    check(status, &decision(verdict, Some("uwv"), "omdat")),
                    Ok(()),
                    "{status:?} {verdict:?}"
                );
            }
        }
    }

    #[test]
    fn names_are_those_of_the_contract() {
        for verdict in VERDICTS {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict_id(verdict));
            assert_eq!(verdict_of(verdict_id(verdict)), Some(verdict));
        }
        assert_eq!(verdict_of("accept"), None);
    }

    #[test]
    fn a_due_date_in_words() {
        let near = |due: &str| Nearness::of(due.parse().unwrap(), "2026-03-02".parse().unwrap());
        assert_eq!(near("2026-03-01").label(), "1 dag te laat");
        assert_eq!(near("2026-02-02").label(), "28 dagen te laat");
        assert_eq!(near("2026-03-02").label(), "vandaag");
        assert_eq!(near("2026-03-03").label(), "morgen");
        assert_eq!(near("2026-03-05"), Nearness::Soon { days: 3 });
        assert_eq!(near("2026-04-13").label(), "over 42 dagen");
    }
}
