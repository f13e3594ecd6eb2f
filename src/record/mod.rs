//! Plain data that the stages hand to each other. No I/O, no clock.
//!
//! Names follow ISO 15489 for records and the RFCs for mail; Dutch words are legal terms with a line in
//! GLOSSARY.md. Invariant: nothing here imports anything of this crate but `limits`.

mod acknowledgement;
mod arrival;
mod bsn;
mod case;
mod correction;
mod cover;
mod easter;
mod envelope;
mod evidence;
mod extract;
mod figures;
mod formatted;
mod judgement;
mod likeness;
mod look;
mod looked_for;
mod message;
mod news;
mod number;
mod office;
mod place;
mod proof;
mod retention;
mod role;
mod run;
mod scan;
mod schema;
mod sheet;
mod size;
mod spelling;
mod tally;

pub use acknowledgement::{
    Answer, AnswerChannel, AnswerState, CHECK_ADDRESS, ComeBack, DigestStep, OutboxEntry, Printed, REHEARSED,
};
pub use arrival::{Arrival, Channel, Origin, Record, SetAside};
pub use bsn::{Bsns, COVERED, passes_elfproef};
pub use case::{
    Alike, CaseRow, CaseStatus, Decision, Destroyed, HistoryLine, JudgementSummary, KeptBack, Verdict,
    running,
};
pub use correction::{CORRECTABLE, correct, correction, correction_value};
pub use cover::{Area, Cover, USUAL_COVERS, Window, WindowSide, postal_order, postcode};
pub use easter::easter;
pub use envelope::{EnvelopeKey, ReturnPath};
pub use evidence::{Evidence, Finding};
pub use extract::{Defect, Document, Extract, Method, PageSize, Part, PartKind, Problem, Word};
pub use figures::{CaseFigures, Figure, FigureRow, Reading, Waited, terms_ended};
pub use formatted::{Align, Element, Formatted, LeftOut, Manner, Shown};
pub use judgement::{
    Automatic, AutomaticClass, Deadline, FirstComplained, Judgement, Kind, OlderThanYear, OnBehalf, Referral,
    Scope, Writer,
};
pub use likeness::{ALIKE_MIN, Likeness};
pub use look::{Look, Seen};
pub use looked_for::{plain, plain_words, stem};
pub use message::{Address, Message, Returned};
pub use news::{News, NewsKind};
pub use number::{CaseNumber, NumberError, RegistrationNumber};
pub use office::{Competence, Contact, Line, Office, Procedure, Promise, Term, Unit};
pub use place::StorePlace;
pub use proof::{Exception, ExceptionKind, ProofNote, ProofRow, SourceCount, pieces_line};
pub use retention::{Retention, RetentionClass, RetentionRule, RetentionTerm, term_in_words};
pub use role::{Role, UnknownRole};
pub use run::{Divided, Run, RunLetter, RunNote};
pub use scan::{RefusedScan, WaitingScan};
pub use schema::schema_of;
pub use sheet::{SheetCode, SheetSide};
pub use size::{size, size_in_english};
pub use spelling::{distance, nearest};
pub use tally::{Counted, Held, HeldAs, Mark, Place, SourceKind, Tally};

/// The time zone in which a Dutch office receives its post (Awb 2:20; Algemene termijnenwet).
pub const OFFICE_TIME_ZONE: &str = "Europe/Amsterdam";

/// The months as citizens and staff read and write them.
pub const MONTHS: [&str; 12] = [
    "januari",
    "februari",
    "maart",
    "april",
    "mei",
    "juni",
    "juli",
    "augustus",
    "september",
    "oktober",
    "november",
    "december",
];

/// The local date of receipt of an instant.
pub fn office_date(at: jiff::Timestamp) -> jiff::civil::Date {
    match at.in_tz(OFFICE_TIME_ZONE) {
        Ok(zoned) => zoned.date(),
        // The zone data are compiled in; UTC is at most two hours off and better than a stop.
        Err(_) => at.to_zoned(jiff::tz::TimeZone::UTC).date(),
    }
}
