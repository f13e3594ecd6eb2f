//! The ledger of a source: what stands there against what the register holds. Pure.
//!
//! Every piece that stands there becomes one term of the line (`postvak 212 = zaken 205 + …`). A piece is known by where
//! it came from, or by Message-ID (RFC 5322 §3.6.4) and size, which a move leaves as they are. What is known by neither is asked
//! after by its bytes ([`Reconciled::questions`]): a bounded number, because that fetches it. Invariants: the terms add up
//! to what was counted; one registered piece explains one piece there, each further one is a copy that counts once in
//! the register; what waits is not missing; nothing is told of a piece but where a person finds it.

mod wait;

pub use wait::Watch;

use crate::limits::{EXCEPTIONS_MAX, REFUSED_WAIT_DAYS_MAX};
use crate::record::{
    Counted, Exception, ExceptionKind, Held, HeldAs, Mark, Place, SourceCount, SourceKind, Tally,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;

/// What the register says of the bytes of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is this piece.
    As(crate::record::RegistrationNumber, HeldAs),
    /// It was, and its text was removed after its term.
    Purged,
    /// No piece has these bytes.
    No,
    /// It is not there any more.
    Gone,
    /// It was not looked at: there are too many.
    NotLookedAt,
}

/// A tally laid beside the register.
#[derive(Debug)]
pub struct Reconciled {
    tally: Tally,
    held: Vec<Held>,
    found: Vec<bool>,
    settled: Vec<Option<Term>>,
    /// Indices of pieces of the tally whose bytes must tell.
    pub questions: Vec<usize>,
}

/// What a piece at the source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Term {
    Held(HeldAs),
    Duplicate,
    Waiting,
    Refused,
    Deleted,
    Before,
    Purged,
    NotLookedAt,
    Missing,
    /// Gone since it was counted.
    Gone,
}

/// What was found of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub count: SourceCount,
    pub exceptions: Vec<Exception>,
}

/// Lays a tally beside what the register holds of that source. `founded_at`: what stood among the done before is not ours.
pub fn reconcile(tally: Tally, held: Vec<Held>, founded_at: Option<Timestamp>) -> Reconciled {
    let (mut by_origin, mut by_msg_id) =
        (HashMap::<Mark, Vec<usize>>::new(), HashMap::<_, Vec<usize>>::new());
    let mut ids = std::collections::HashSet::new();
    for (index, one) in held.iter().enumerate() {
        by_origin.entry(one.origin).or_default().push(index);
        if let Some(id) = one.msg_id {
            by_msg_id.entry((id, one.bytes)).or_default().push(index);
            ids.insert(id);
        }
    }
    let mut reconciled = Reconciled {
        found: vec![false; held.len()],
        settled: vec![None; tally.pieces.len()],
        questions: Vec::new(),
        held,
        tally,
    };
    for index in 0..reconciled.tally.pieces.len() {
        let piece = &reconciled.tally.pieces[index];
        // A UID is that very message; a file's name may be used again, so its size must fit too.
        let exact = piece.uid.is_some();
        let by_place = piece.origin.and_then(|origin| by_origin.get(&origin));
        let by_place =
            by_place.and_then(|all| reconciled.free(all, |held| exact || held.bytes == piece.bytes));
        let by_id = piece.msg_id.and_then(|id| by_msg_id.get(&(id, piece.bytes)));
        let there = by_place.or_else(|| by_id.and_then(|all| reconciled.free(all, |_| true)));
        let before = founded_at.is_some_and(|founded| piece.since.is_some_and(|since| since < founded));
        let term = match (piece.place, there) {
            (_, Some(held)) => {
                reconciled.found[held] = true;
                Some(Term::Held(reconciled.held[held].held_as))
            }
            (Place::Waiting, None) => Some(Term::Waiting),
            (Place::Refused, None) => Some(Term::Refused),
            (Place::Deleted, None) => Some(Term::Deleted),
            // Another message than any of ours, from before there was a register.
            (Place::Done, None) if before && piece.msg_id.is_some_and(|id| !ids.contains(&id)) => {
                Some(Term::Before)
            }
            (Place::Done, None) => {
                reconciled.questions.push(index);
                None
            }
        };
        reconciled.settled[index] = term;
    }
    // The newest first: should there be too many, those are looked at.
    reconciled.questions.reverse();
    reconciled
}

impl Reconciled {
    fn free(&self, all: &[usize], fits: impl Fn(&Held) -> bool) -> Option<usize> {
        all.iter().copied().find(|index| !self.found[*index] && fits(&self.held[*index]))
    }

    pub fn piece(&self, index: usize) -> &Counted {
        &self.tally.pieces[index]
    }

    /// Settles what was asked after by its bytes.
    pub fn answer(&mut self, answers: &[(usize, Known)], founded_at: Option<Timestamp>) {
        let numbers: HashMap<_, usize> =
            self.held.iter().enumerate().map(|(index, held)| (held.number, index)).collect();
        for (index, known) in answers {
            let since = self.tally.pieces[*index].since;
            let before = founded_at.is_some_and(|founded| since.is_some_and(|since| since < founded));
            let term = match known {
                Known::As(number, held_as) => match numbers.get(number) {
                    Some(held) if !self.found[*held] => {
                        self.found[*held] = true;
                        Term::Held(*held_as)
                    }
                    Some(_) => Term::Duplicate,
                    // It came another way.
                    None => Term::Held(*held_as),
                },
                Known::Purged => Term::Purged,
                Known::Gone => Term::Gone,
                Known::No | Known::NotLookedAt if before => Term::Before,
                Known::No => Term::Missing,
                Known::NotLookedAt => Term::NotLookedAt,
            };
            self.settled[*index] = Some(term);
        }
        self.questions.clear();
    }

    /// The line and the exceptions. `sheets`: separator sheets and letters of the stacks of this source.
    pub fn outcome(&self, watch: &Watch, sheets: Option<(u64, u64)>) -> Outcome {
        let mut count = SourceCount { sheets, ..SourceCount::empty(self.tally.source) };
        let mut exceptions = Vec::new();
        let mut late = 0u64;
        for (piece, term) in self.tally.pieces.iter().zip(&self.settled) {
            let term = term.unwrap_or(Term::NotLookedAt);
            if term == Term::Gone {
                continue;
            }
            count.counted += 1;
            *term.of(&mut count) += 1;
            match term {
                Term::Missing => exceptions.push(missing(self.tally.source, piece)),
                Term::Waiting => match &piece.left {
                    Some(advice) => exceptions.push(
                        Exception::new(ExceptionKind::LeftBehind, left_behind(self.tally.source))
                            .at(&piece.reference)
                            .advised(advice),
                    ),
                    None => late += u64::from(watch.is_late(piece.since)),
                },
                Term::Refused if is_forgotten(piece, watch.now) => exceptions.push(
                    Exception::new(ExceptionKind::RefusedTooLong, "een geweigerde scan ligt er nog")
                        .at(&piece.reference),
                ),
                _ => {}
            }
        }
        if late > 0 {
            let what =
                format!("{late} {} wachten langer dan {} uur", pieces_word(self.tally.source), watch.hours());
            exceptions.push(Exception::new(ExceptionKind::WaitsTooLong, what));
        }
        if count.not_looked_at > 0 {
            let what = format!(
                "{} {} staan bij wat klaar is en konden niet worden nagekeken",
                count.not_looked_at,
                pieces_word(self.tally.source)
            );
            exceptions.push(Exception::new(ExceptionKind::NotLookedAt, what));
        }
        count.gone = self.found.iter().filter(|found| !**found).count() as u64;
        exceptions.truncate(EXCEPTIONS_MAX);
        Outcome { count, exceptions }
    }
}

impl Term {
    fn of(self, count: &mut SourceCount) -> &mut u64 {
        match self {
            Term::Held(HeldAs::Case) => &mut count.cases,
            Term::Held(HeldAs::Automatic) => &mut count.automatic,
            Term::Held(HeldAs::Spam) => &mut count.spam,
            Term::Held(HeldAs::Aside) => &mut count.aside,
            Term::Held(HeldAs::Stack) => &mut count.stacks,
            Term::Held(HeldAs::InWork) => &mut count.in_work,
            Term::Duplicate => &mut count.duplicates,
            Term::Waiting => &mut count.waiting,
            Term::Refused => &mut count.refused,
            Term::Deleted => &mut count.deleted,
            Term::Before => &mut count.before,
            Term::Purged => &mut count.purged,
            Term::NotLookedAt | Term::Gone => &mut count.not_looked_at,
            Term::Missing => &mut count.missing,
        }
    }
}

/// A source that could not be counted. `why` is a sentence of this program, in English, for the admin.
pub fn unreachable(source: SourceKind, why: &str) -> Outcome {
    let what = format!("{} kon niet worden geteld", source.label());
    Outcome {
        count: SourceCount { reached: false, ..SourceCount::empty(source) },
        exceptions: vec![Exception::new(ExceptionKind::SourceUnreachable, what).at(why)],
    }
}

fn missing(source: SourceKind, piece: &Counted) -> Exception {
    let (what, advice) = match source {
        SourceKind::Mailbox => (
            "een bericht in de map met verwerkte berichten staat niet in het register",
            "iemand heeft het daar zelf neergezet: verplaats het naar de map waar post binnenkomt, dan neemt bode het op",
        ),
        SourceKind::Maildir => (
            "een bericht in cur van de Maildir staat niet in het register",
            "een ander programma was bode voor: verplaats het bestand naar new (zonder \":2,\" en wat erachter staat)",
        ),
        SourceKind::Scans => (
            "een bestand in de map done staat niet in het register",
            "iemand heeft het daar zelf neergezet: verplaats het naar de scanmap, dan neemt bode het op",
        ),
    };
    Exception::new(ExceptionKind::NotRegistered, what).at(&piece.reference).advised(advice)
}

fn left_behind(source: SourceKind) -> &'static str {
    match source {
        SourceKind::Scans => "een bestand in de scanmap kan niet worden ingenomen",
        SourceKind::Mailbox | SourceKind::Maildir => "een bericht kan niet worden ingenomen",
    }
}

fn pieces_word(source: SourceKind) -> &'static str {
    match source {
        SourceKind::Scans => "scans",
        SourceKind::Mailbox | SourceKind::Maildir => "berichten",
    }
}

fn is_forgotten(piece: &Counted, now: Timestamp) -> bool {
    let days = SignedDuration::from_hours(24 * REFUSED_WAIT_DAYS_MAX);
    piece.since.is_some_and(|since| now.duration_since(since) > days)
}

#[cfg(test)]
mod tests;
