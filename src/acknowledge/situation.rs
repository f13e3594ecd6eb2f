//! Which words fit a piece: one main text and added paragraphs, from judgement and office.
//!
//! Invariant: nobody has judged yet, so a situation only chooses among sentences that are true either way;
//! "probably not here" is chosen only when triage was sure enough to tell a citizen
//! ([`Judgement::may_tell_citizen`]).

use crate::calendar::Calendar;
use crate::record::{
    Extract, FirstComplained, Judgement, Kind, Line, Office, OnBehalf, Problem, Promise, Referral, Scope,
    Term, Unit,
};
use jiff::civil::Date;

/// Names of attachments told in one answer.
const NAMED_MAX: usize = 5;
/// Characters of such a name.
const NAME_CHARS_MAX: usize = 60;

/// The main text. Its id is the name of its template and `acknowledgement.template` of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Main {
    Received,
    OutOfScope,
    Mixed,
    Unclear,
    ComplainFirst,
    Waiting,
    Signal,
    Decision,
    Report,
    Question,
    /// One line for a follow-up; chosen by the house, not by what was written, and so in none of the lists.
    FollowUp,
}

/// A paragraph added to any main text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Added {
    Urgent,
    /// A decision, when the main text is about something else: the term for bezwaar runs on.
    Decision,
    OnBehalf,
    NameMissing,
    Several,
    Unreadable,
}

impl Main {
    pub const ALL: [Main; 10] = [
        Main::Received,
        Main::OutOfScope,
        Main::Mixed,
        Main::Unclear,
        Main::ComplainFirst,
        Main::Waiting,
        Main::Signal,
        Main::Decision,
        Main::Report,
        Main::Question,
    ];

    pub fn id(self) -> &'static str {
        match self {
            Main::Received => "received",
            Main::OutOfScope => "out-of-scope",
            Main::Mixed => "mixed",
            Main::Unclear => "unclear",
            Main::ComplainFirst => "complain-first",
            Main::Waiting => "waiting",
            Main::Signal => "signal",
            Main::Decision => "decision",
            Main::Report => "report",
            Main::Question => "question",
            Main::FollowUp => "follow-up",
        }
    }
}

impl Added {
    pub const ALL: [Added; 6] = [
        Added::Urgent,
        Added::Decision,
        Added::OnBehalf,
        Added::NameMissing,
        Added::Several,
        Added::Unreadable,
    ];

    pub fn id(self) -> &'static str {
        match self {
            Added::Urgent => "urgent",
            Added::Decision => "decision",
            Added::OnBehalf => "on-behalf",
            Added::NameMissing => "name-missing",
            Added::Several => "several",
            Added::Unreadable => "unreadable",
        }
    }
}

/// All that the words depend on beside office, number and dates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Situation {
    pub main: Main,
    pub added: Vec<Added>,
    /// `nl`, or `nl+xx` with the second language `xx` of the answer.
    pub language: String,
    /// Names of the bodies that probably cannot be complained about here.
    pub organisations: Vec<String>,
    pub referral: Option<Referral>,
    /// The last day on which the body itself may answer.
    pub waiting_until: Option<Date>,
    /// Attachments that could not be opened, named as the sender named them or by their place.
    pub unreadable: Vec<String>,
}

impl Situation {
    pub fn id(&self) -> &'static str {
        self.main.id()
    }

    /// The one line for a follow-up, in the same languages.
    pub fn follow_up(self) -> Self {
        Self { main: Main::FollowUp, added: Vec::new(), unreadable: Vec::new(), referral: None, ..self }
    }

    /// The second language, if any.
    pub fn second_language(&self) -> Option<&str> {
        self.language.split_once('+').map(|(_, second)| second)
    }
}

/// Chooses the words. `name_of` gives the name to print for an organisation's id.
pub fn situation(
    judgement: &Judgement,
    extract: &Extract,
    office: &Office,
    calendar: &Calendar,
    name_of: &dyn Fn(&str) -> Option<String>,
) -> Situation {
    let outside: Vec<&String> =
        judgement.complained_about.iter().filter(|id| !office.competence.covers(id)).collect();
    let mut organisations: Vec<String> =
        outside.iter().filter_map(|id| name_of(id).or_else(|| name_from_id(id))).collect();
    organisations.dedup();
    let unreadable = unreadable(extract);
    let waiting_until = complained_on(judgement).map(|day| {
        let weeks = office.procedure.weeks_to_answer();
        let term = Promise {
            name: "body".to_owned(),
            count: weeks,
            unit: Unit::Weeks,
            term: Term::Law,
            basis: String::new(),
        };
        calendar.due(&term, day)
    });
    let main = main(judgement, office);
    Situation {
        main,
        added: added(main, judgement, &unreadable),
        language: match judgement.language.as_str() {
            // Frisian and Afrikaans are what a short Dutch text is most often taken for.
            "" | "nl" | "fy" | "af" | "und" => "nl".to_owned(),
            other => format!("nl+{other}"),
        },
        organisations,
        // `none`: there is no body that surely takes it, so none is named.
        referral: judgement
            .refer_to
            .clone()
            .filter(|referral| judgement.may_tell_citizen && referral.id != "none"),
        waiting_until,
        unreadable,
    }
}

fn main(judgement: &Judgement, office: &Office) -> Main {
    let told = judgement.may_tell_citizen;
    match judgement.scope {
        Scope::None => return if judgement.kind == Kind::Question { Main::Question } else { Main::Received },
        Scope::Out if told => return Main::OutOfScope,
        Scope::Mixed if told => return Main::Mixed,
        Scope::Unclear => return Main::Unclear,
        Scope::Out | Scope::Mixed | Scope::In => {}
    }
    match judgement.kind {
        Kind::Decision => return Main::Decision,
        Kind::Report => return Main::Report,
        Kind::Policy => return Main::Signal,
        Kind::Question => return Main::Question,
        Kind::Conduct | Kind::Integrity | Kind::Other => {}
    }
    let asks_first = office.procedure.complain_first && office.line == Line::Second;
    match judgement.first_complained {
        FirstComplained::No if asks_first => Main::ComplainFirst,
        FirstComplained::Waiting if asks_first => Main::Waiting,
        _ => Main::Received,
    }
}

fn added(main: Main, judgement: &Judgement, unreadable: &[String]) -> Vec<Added> {
    [
        (Added::Urgent, judgement.urgent),
        (Added::Decision, judgement.kind == Kind::Decision && main != Main::Decision),
        (Added::OnBehalf, judgement.on_behalf == OnBehalf::WithoutAuthorisation),
        (Added::NameMissing, judgement.anonymous),
        (Added::Several, judgement.multiple && judgement.scope != Scope::Mixed),
        (Added::Unreadable, !unreadable.is_empty()),
    ]
    .into_iter()
    .filter_map(|(added, applies)| applies.then_some(added))
    .collect()
}

/// The day on which the writer complained at the body, where triage read one (`complained_on=2026-03-02`).
fn complained_on(judgement: &Judgement) -> Option<Date> {
    judgement
        .findings_on("complained_on")
        .filter_map(|finding| finding.concludes.split_once('=')?.1.parse().ok())
        .max()
}

/// `gemeente-den-haag` → "de gemeente Den Haag". Other ids have their name in the rules.
fn name_from_id(id: &str) -> Option<String> {
    let (kind, name) = ["gemeente-", "provincie-", "waterschap-"]
        .iter()
        .find_map(|kind| Some((kind.trim_end_matches('-'), id.strip_prefix(kind)?)))?;
    let article = if kind == "waterschap" { "het" } else { "de" };
    let words: Vec<String> =
        name.split('-').enumerate().map(|(place, word)| capital(word, place == 0)).collect();
    Some(format!("{article} {kind} {}", words.join(" ")))
}

/// "Berg en Dal", "Capelle aan den IJssel": small words stay small, except at the beginning.
fn capital(word: &str, first: bool) -> String {
    const SMALL: [&str; 9] = ["aan", "op", "en", "bij", "over", "onder", "de", "den", "het"];
    if !first && SMALL.contains(&word) {
        return word.to_owned();
    }
    if let Some(rest) = word.strip_prefix("ij") {
        return format!("IJ{rest}");
    }
    let mut letters = word.chars();
    letters.next().map(|initial| initial.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The attachments that the writer can send again in a better form. What only our reading stage could not
/// read (an unusual kind, a photo without words) staff can open themselves, so nobody is asked for it.
fn unreadable(extract: &Extract) -> Vec<String> {
    let attachments = extract.documents.iter().filter(|document| document.name.is_some());
    attachments
        .enumerate()
        .filter(|(_, document)| {
            matches!(document.problem, Some(Problem::Encrypted | Problem::Damaged | Problem::TooLarge))
        })
        .take(NAMED_MAX)
        .map(|(index, document)| {
            document
                .name
                .as_deref()
                .and_then(harmless_name)
                .unwrap_or_else(|| format!("bijlage {}", index + 1))
        })
        .collect()
}

/// A file name that may be repeated in a mail. The sender may be a forged one, so that a name must not be a
/// message of its own: letters, digits and few signs, no address, not long.
fn harmless_name(name: &str) -> Option<String> {
    let name = name.trim();
    let plain = |c: char| c.is_alphanumeric() || " ._-()".contains(c);
    let (stem, ending) = name.rsplit_once('.')?;
    let fits = name.chars().count() <= NAME_CHARS_MAX
        && name.chars().all(plain)
        && (2..=4).contains(&ending.len())
        && !stem.to_lowercase().contains("www")
        && !stem.contains('.');
    fits.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_for_people() {
        assert_eq!(name_from_id("gemeente-den-haag").as_deref(), Some("de gemeente Den Haag"));
        assert_eq!(
            name_from_id("gemeente-capelle-aan-den-ijssel").as_deref(),
            Some("de gemeente Capelle aan den IJssel")
        );
        assert_eq!(name_from_id("uwv"), None);
    }

    #[test]
    fn file_names_that_are_messages_are_not_repeated() {
        assert_eq!(harmless_name("brief van de gemeente.pdf").as_deref(), Some("brief van de gemeente.pdf"));
        assert_eq!(harmless_name("Koop op www.voorbeeld.example.pdf"), None);
        assert_eq!(harmless_name("http://example.org.pdf"), None);
        assert_eq!(harmless_name("a\r\nBcc: x.pdf"), None);
        assert_eq!(harmless_name(&format!("{}.pdf", "a".repeat(80))), None);
        assert_eq!(harmless_name("geen ending"), None);
    }
}
