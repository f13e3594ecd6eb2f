//! The proof that nothing was lost: what was counted, each exception with what to do, and what of it may be kept in
//! the journal and mailed to staff (counts only).

use super::SourceKind;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What can be wrong. Its name stands in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExceptionKind {
    JournalBroken,
    JournalShort,
    JournalStray,
    LooksBroken,
    IndexDiffers,
    IndexNotCompared,
    OriginalMissing,
    OriginalChanged,
    FileMissing,
    FileChanged,
    FileStray,
    FolderUnregistered,
    DestroyedStillThere,
    PieceWithoutCase,
    CountsDiffer,
    RunCountsDiffer,
    RunLetterMissing,
    AnswerWithoutReason,
    AnswerOverdue,
    OutboxBroken,
    LetterNotLaid,
    RulesMissing,
    SourceUnreachable,
    NotRegistered,
    NotLookedAt,
    WaitsTooLong,
    LeftBehind,
    RefusedTooLong,
    /// Of a later version, read from its journal.
    #[serde(other)]
    Other,
}

impl ExceptionKind {
    /// What it is, in general: for the digest, which names no piece.
    pub fn label(self) -> &'static str {
        use ExceptionKind as Kind;
        match self {
            Kind::JournalBroken => "het logboek klopt niet",
            Kind::JournalShort => "het einde van het logboek ontbreekt",
            Kind::LooksBroken => "het inzagelogboek klopt niet",
            Kind::JournalStray => "een bestand in het logboek dat er niet hoort",
            Kind::IndexDiffers => "de index verschilt van originelen en logboek",
            Kind::IndexNotCompared => "de index kon niet worden vergeleken",
            Kind::OriginalMissing => "een origineel ontbreekt",
            Kind::OriginalChanged => "een origineel is gewijzigd",
            Kind::FileMissing => "een bestand van een stuk ontbreekt",
            Kind::FileChanged => "een bestand van een stuk is gewijzigd",
            Kind::FileStray => "een bestand dat het logboek niet kent",
            Kind::FolderUnregistered => "een map zonder registratie",
            Kind::DestroyedStillThere => "een vernietigd stuk waarvan de map er nog staat",
            Kind::PieceWithoutCase => "een stuk waarvan de zaak het niet kent",
            Kind::CountsDiffer => "de stukken tellen niet op",
            Kind::RunCountsDiffer => "een stapel waarvan vellen en brieven niet kloppen",
            Kind::RunLetterMissing => "een brief uit een stapel ontbreekt",
            Kind::AnswerWithoutReason => "een zaak zonder antwoord en zonder reden",
            Kind::AnswerOverdue => "een antwoord dat al weg had gemoeten",
            Kind::OutboxBroken => "de lijst van te verzenden antwoorden klopt niet",
            Kind::LetterNotLaid => "een brief die niet in de printmap ligt",
            Kind::RulesMissing => "regels van toen die niet bewaard zijn",
            Kind::SourceUnreachable => "een bron die niet kon worden geteld",
            Kind::NotRegistered => "een bericht of scan dat niet is geregistreerd",
            Kind::NotLookedAt => "berichten of scans die niet konden worden nagekeken",
            Kind::WaitsTooLong => "post die te lang wacht",
            Kind::LeftBehind => "post die bode niet kan innemen",
            Kind::RefusedTooLong => "een geweigerde scan waar niemand iets mee deed",
            Kind::Other => "iets dat deze versie niet kent",
        }
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        use ExceptionKind as Kind;
        match self {
            Kind::JournalBroken | Kind::LooksBroken => {
                "vergelijk met de back-up: er is een regel gewijzigd, verwijderd of ingevoegd"
            }
            Kind::JournalShort => "stop bode en zet de map journal terug uit de back-up",
            Kind::JournalStray => "haal het weg uit de map journal",
            Kind::IndexDiffers | Kind::PieceWithoutCase | Kind::CountsDiffer | Kind::OutboxBroken => {
                "stop bode en draai: bode rebuild"
            }
            Kind::IndexNotCompared => "maak ruimte op de schijf van de opslag",
            Kind::OriginalMissing | Kind::OriginalChanged | Kind::FileMissing | Kind::FileChanged => {
                "zet dit bestand terug uit de back-up"
            }
            Kind::FileStray => "kijk wie het daar neerzette en haal het weg",
            Kind::FolderUnregistered => {
                "het logboek kent deze map niet: neem het origineel opnieuw in met bode import"
            }
            Kind::DestroyedStillThere => "start bode opnieuw: dat ruimt op wat de vernietiging liet liggen",
            Kind::RunCountsDiffer => {
                "leg de stapel naast de zaken: er ontbreekt een brief of er is er een te veel"
            }
            Kind::RunLetterMissing => "zoek de brief in de stapel en scan haar opnieuw",
            Kind::AnswerWithoutReason => "stop bode en draai: bode rebuild; blijft het zo, antwoord dan zelf",
            Kind::AnswerOverdue => "kijk of bode draait en of de mailserver bereikbaar is (bode doctor)",
            Kind::LetterNotLaid => "print de brief bij de zaak, of via Te printen",
            Kind::RulesMissing => "zet de map rules van de opslag terug uit de back-up",
            Kind::SourceUnreachable => "kijk of de bron er is en bode er bij mag (bode doctor)",
            Kind::NotRegistered => {
                "iemand heeft het daar zelf neergezet: zet het terug waar de post binnenkomt, dan neemt bode het op"
            }
            Kind::NotLookedAt => "het zijn er te veel om in één keer na te kijken: kijk er zelf een paar na",
            Kind::WaitsTooLong => {
                "kijk in het logboek van bode waarom het niet wordt opgehaald (bode doctor)"
            }
            Kind::LeftBehind => "open het daar en behandel het met de hand",
            Kind::RefusedTooLong => {
                "lees de reden in het tekstbestand ernaast, scan de brief opnieuw en haal het bestand weg"
            }
            Kind::Other => "vraag de beheerder om: bode verify",
        }
    }
}

/// One thing that is not as it should be. Dutch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    pub kind: ExceptionKind,
    /// With numbers of pieces and cases, without names.
    pub what: String,
    /// Which one, where that may hold a name: for the terminal and the desk only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What to do about it.
    pub advice: String,
}

impl Exception {
    pub fn new(kind: ExceptionKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), reference: None, advice: kind.advice().to_owned() }
    }

    #[must_use]
    pub fn at(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// With advice that fits this one better.
    #[must_use]
    pub fn advised(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reference {
            Some(reference) => write!(f, "{} ({reference}): {}", self.what, self.advice),
            None => write!(f, "{}: {}", self.what, self.advice),
        }
    }
}

/// One source, counted against the register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCount {
    pub source: SourceKind,
    /// False: it could not be counted; every number is zero then.
    pub reached: bool,
    /// Pieces that stand there, in all its folders.
    pub counted: u64,
    /// What they are in the register; these add up to `counted`.
    pub cases: u64,
    pub automatic: u64,
    pub spam: u64,
    pub aside: u64,
    pub stacks: u64,
    pub in_work: u64,
    /// Byte for byte a piece that counts already.
    pub duplicates: u64,
    /// Not taken yet.
    pub waiting: u64,
    /// Could not be taken; a person was told.
    pub refused: u64,
    /// Marked as deleted by a person before it was taken.
    pub deleted: u64,
    /// Stood among what is done before this store was founded.
    pub before: u64,
    /// In the register, and its text was removed here after its term.
    pub purged: u64,
    pub not_looked_at: u64,
    /// Among what is done, and not in the register.
    pub missing: u64,
    /// Registered from here and not there any more: people may archive.
    pub gone: u64,
    /// Separator sheets of its stacks, and the letters behind them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheets: Option<(u64, u64)>,
}

impl SourceCount {
    pub fn empty(source: SourceKind) -> Self {
        Self {
            source,
            reached: true,
            counted: 0,
            cases: 0,
            automatic: 0,
            spam: 0,
            aside: 0,
            stacks: 0,
            in_work: 0,
            duplicates: 0,
            waiting: 0,
            refused: 0,
            deleted: 0,
            before: 0,
            purged: 0,
            not_looked_at: 0,
            missing: 0,
            gone: 0,
            sheets: None,
        }
    }

    /// The terms of the right side, as staff read them.
    fn terms(&self) -> [(&'static str, u64); 13] {
        [
            ("zaken", self.cases),
            ("automatisch", self.automatic),
            ("spam", self.spam),
            ("terzijde", self.aside),
            ("stapels", self.stacks),
            ("in behandeling", self.in_work),
            ("dubbel", self.duplicates),
            ("wacht", self.waiting),
            ("geweigerd", self.refused),
            ("gewist", self.deleted),
            ("van voor bode", self.before),
            ("opgeruimd", self.purged),
            ("niet nagekeken", self.not_looked_at),
        ]
    }

    /// Is every piece that stands there accounted for, once?
    pub fn adds_up(&self) -> bool {
        self.counted == self.terms().iter().map(|(_, count)| count).sum::<u64>() + self.missing
    }

    /// One line, such as `postvak 212 = zaken 205 + automatisch 5 + spam 2; ontbreekt 0`. Terms of zero are left out,
    /// but for the first three of mail and the first of scans.
    pub fn line(&self) -> String {
        if !self.reached {
            return format!("{}: niet geteld", self.source.label());
        }
        let always = match self.source {
            SourceKind::Mailbox | SourceKind::Maildir => 3,
            SourceKind::Scans => 1,
        };
        let terms: Vec<String> = self
            .terms()
            .iter()
            .enumerate()
            .filter(|(index, (_, count))| *index < always || *count > 0)
            .map(|(_, (name, count))| format!("{name} {count}"))
            .collect();
        let mut line = format!(
            "{} {} = {}; ontbreekt {}",
            self.source.label(),
            self.counted,
            terms.join(" + "),
            self.missing
        );
        if let Some((sheets, letters)) = self.sheets {
            line.push_str(&format!("; vellen {sheets}, brieven {letters}"));
        }
        if self.gone > 0 {
            line.push_str(&format!("; niet meer daar, wel hier {}", self.gone));
        }
        line
    }
}

/// What the journal keeps of a proof: counts only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofNote {
    pub pieces: u64,
    pub in_cases: u64,
    pub aside: u64,
    pub in_work: u64,
    /// Of the store and of all sources.
    pub missing: u64,
    /// Exceptions by kind.
    #[serde(default)]
    pub exceptions: BTreeMap<ExceptionKind, u64>,
    #[serde(default)]
    pub sources: Vec<SourceCount>,
    /// How long it took.
    #[serde(default)]
    pub seconds: u64,
}

impl ProofNote {
    pub fn is_clean(&self) -> bool {
        self.exceptions.is_empty() && self.missing == 0
    }

    pub fn exception_count(&self) -> u64 {
        self.exceptions.values().sum()
    }

    /// The line of the store.
    pub fn line(&self) -> String {
        pieces_line(self.pieces, self.in_cases, self.aside, self.in_work, None)
    }
}

/// `stukken 212 = zaken 205 + terzijde 7 + in behandeling 0; ontbreekt 0`.
pub fn pieces_line(pieces: u64, in_cases: u64, aside: u64, in_work: u64, missing: Option<u64>) -> String {
    let mut line =
        format!("stukken {pieces} = zaken {in_cases} + terzijde {aside} + in behandeling {in_work}");
    if let Some(missing) = missing {
        line.push_str(&format!("; ontbreekt {missing}"));
    }
    line
}

/// A proof that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofRow {
    pub at: Timestamp,
    pub note: ProofNote,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_issue() {
        let count = SourceCount {
            counted: 212,
            cases: 205,
            automatic: 5,
            spam: 2,
            ..SourceCount::empty(SourceKind::Mailbox)
        };
        assert!(count.adds_up());
        assert_eq!(count.line(), "postvak 212 = zaken 205 + automatisch 5 + spam 2; ontbreekt 0");
        let scans = SourceCount {
            counted: 40,
            cases: 35,
            stacks: 4,
            refused: 1,
            gone: 3,
            sheets: Some((12, 13)),
            ..SourceCount::empty(SourceKind::Scans)
        };
        assert!(scans.adds_up());
        assert_eq!(
            scans.line(),
            "scans 40 = zaken 35 + stapels 4 + geweigerd 1; ontbreekt 0; vellen 12, brieven 13; niet meer daar, wel hier 3"
        );
        assert!(!SourceCount { counted: 41, ..scans }.adds_up());
    }

    #[test]
    fn a_kind_of_a_later_version_is_read() {
        let note: ProofNote = serde_json::from_str(
            r#"{"pieces":1,"in_cases":1,"aside":0,"in_work":0,"missing":0,"exceptions":{"from-the-future":2,"file-stray":1}}"#,
        )
        .unwrap();
        assert_eq!(note.exceptions[&ExceptionKind::Other], 2);
        assert!(!note.is_clean());
    }
}
