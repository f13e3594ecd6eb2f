//! The labels of the contract in the words of staff (plain Dutch), and the names of queues and bodies.

use super::accounts::AccountError;
use crate::limits::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};
use crate::record::{
    AnswerChannel, AutomaticClass, CaseStatus, Channel, Document, Finding, FirstComplained, Kind, Method,
    OlderThanYear, OnBehalf, Problem, Role, Scope, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};

/// Names that stand in the rules: id → what staff read. Replaced whole when the rules are read again.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Id of the queue → (name, one sentence that says when a case lies there); in the order of the rules.
    pub queues: Vec<(String, String, String)>,
    /// Id of an organisation → its name.
    pub organisations: BTreeMap<String, String>,
    /// `refer_to` of the contract → its name.
    pub referrals: Vec<(String, String)>,
    /// Of those, to which a complaint itself is sent on (Awb 9:18).
    pub sent_on: BTreeSet<String>,
}

impl Names {
    /// The name of a queue; an id without a name is shown readably.
    pub fn queue(&self, id: &str) -> String {
        match self.queues.iter().find(|(known, ..)| known == id) {
            Some((_, name, _)) if !name.is_empty() => name.clone(),
            _ => readable(id),
        }
    }

    /// The name of a body.
    pub fn organisation(&self, id: &str) -> String {
        self.organisations.get(id).cloned().unwrap_or_else(|| readable(id))
    }

    /// The name of a body in a list: without its article, with a capital.
    pub fn organisation_listed(&self, id: &str) -> String {
        let name = self.organisation(id);
        let bare = name.strip_prefix("de ").or_else(|| name.strip_prefix("het ")).unwrap_or(&name);
        let mut chars = bare.chars();
        chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
    }

    /// The name of where a complaint can go.
    pub fn referral(&self, id: &str) -> String {
        let own = self.referrals.iter().find(|(known, _)| known == id).map(|(_, name)| name.clone());
        own.unwrap_or_else(|| self.organisation(id))
    }

    /// Everything that can be chosen for a referral.
    pub fn referrals(&self) -> Vec<(String, String)> {
        self.referrals.clone()
    }
}

/// `eerst-naar-gemeente` → `Eerst naar gemeente`.
pub fn readable(id: &str) -> String {
    let text = id.replace(['-', '_'], " ");
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => text,
    }
}

/// Where a piece lies that was not taken in.
pub fn source(name: &str) -> &'static str {
    match name {
        "mailbox" => "Postbus",
        "maildir" => "Postbus (Maildir)",
        "scans" => "Scanmap",
        "halves" => "Scanmap, halve stapel",
        _ => "Bron",
    }
}

pub fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "E-mail",
        Channel::Letter => "Brief",
    }
}

pub fn answer_channel(channel: AnswerChannel) -> &'static str {
    match channel {
        AnswerChannel::Email => "e-mail",
        AnswerChannel::Letter => "brief",
    }
}

/// The name in addresses and the API.
pub fn status_id(status: CaseStatus) -> &'static str {
    match status {
        CaseStatus::Open => "open",
        CaseStatus::TakenUp => "taken-up",
        CaseStatus::AskedForMore => "asked-for-more",
        CaseStatus::Closed => "closed",
    }
}

pub const STATUSES: [CaseStatus; 4] =
    [CaseStatus::Open, CaseStatus::TakenUp, CaseStatus::AskedForMore, CaseStatus::Closed];

/// Scope as one sentence.
pub fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::In => "Waarschijnlijk voor ons",
        Scope::Out => "Waarschijnlijk niet voor ons",
        Scope::Mixed => "Deels voor ons, deels niet",
        Scope::Unclear => "Niet duidelijk over wie dit gaat",
        Scope::None => "Waarschijnlijk geen klacht",
    }
}

pub fn scope_id(scope: Scope) -> &'static str {
    match scope {
        Scope::In => "in",
        Scope::Out => "out",
        Scope::Mixed => "mixed",
        Scope::Unclear => "unclear",
        Scope::None => "none",
    }
}

pub fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Conduct => "Hoe iemand is behandeld",
        Kind::Decision => "Oneens met een besluit (bezwaar of beroep)",
        Kind::Policy => "Algemeen beleid (signaal)",
        Kind::Report => "Melding openbare ruimte",
        Kind::Question => "Vraag",
        Kind::Integrity => "Vermoeden van misstand (integriteit)",
        Kind::Other => "Iets anders",
    }
}

pub fn first_complained(first: FirstComplained) -> &'static str {
    match first {
        FirstComplained::Answered => "Ja, en antwoord gekregen",
        FirstComplained::NoAnswer6Weeks => "Ja, al 6 weken of langer geen antwoord",
        FirstComplained::Waiting => "Ja, minder dan 6 weken geleden",
        FirstComplained::No => "Nee",
        FirstComplained::Unknown => "Staat er niet in",
        FirstComplained::NotApplicable => "Niet van toepassing",
    }
}

pub fn older_than_year(older: OlderThanYear) -> &'static str {
    match older {
        OlderThanYear::Yes => "Ja, langer dan een jaar geleden",
        OlderThanYear::No => "Nee",
        OlderThanYear::Unknown => "Staat er niet in",
    }
}

pub fn on_behalf(on_behalf: OnBehalf) -> &'static str {
    match on_behalf {
        OnBehalf::No => "Voor zichzelf",
        OnBehalf::WithAuthorisation => "Voor een ander, met machtiging",
        OnBehalf::WithoutAuthorisation => "Voor een ander, zonder machtiging",
    }
}

pub const AUTOMATIC: [AutomaticClass; 6] = [
    AutomaticClass::Bounce,
    AutomaticClass::AutoReply,
    AutomaticClass::List,
    AutomaticClass::Bulk,
    AutomaticClass::Loop,
    AutomaticClass::Spam,
];

pub fn automatic(class: AutomaticClass) -> &'static str {
    match class {
        AutomaticClass::Bounce => "Onbestelbaar",
        AutomaticClass::AutoReply => "Automatisch antwoord",
        AutomaticClass::List => "Mailinglijst",
        AutomaticClass::Bulk => "Nieuwsbrief of reclame",
        AutomaticClass::Loop => "Eigen bericht terug",
        AutomaticClass::Spam => "Spam",
    }
}

pub fn problem(problem: Problem) -> &'static str {
    match problem {
        Problem::Encrypted => "Beveiligd met een wachtwoord",
        Problem::Damaged => "Beschadigd",
        Problem::TooLarge => "Te groot om te lezen",
        Problem::Unsupported => "Soort bestand dat wij niet lezen",
        Problem::Timeout => "Lezen duurde te lang",
        Problem::Malware => "Mogelijk een virus",
        Problem::Empty => "Leeg",
    }
}

pub fn method(method: Method) -> &'static str {
    match method {
        Method::Body => "tekst van het bericht",
        Method::Html => "opgemaakt bericht, als tekst",
        Method::TextLayer => "tekst uit de PDF",
        Method::Ocr => "gelezen van een scan",
        Method::Office => "tekst uit een tekstverwerker",
        Method::Text => "tekstbestand",
        Method::Message => "meegestuurd bericht",
        Method::None => "niet gelezen",
    }
}

/// How a document was read, with pages and how well a scan could be read.
pub fn reading(document: &Document) -> String {
    let mut text = method(document.method).to_owned();
    if let Some(pages) = document.pages {
        text += &format!(", {pages} {}", if pages == 1 { "bladzijde" } else { "bladzijden" });
        if document.blank_pages > 0 {
            text += &format!(" (waarvan {} leeg)", document.blank_pages);
        }
    }
    if let Some(confidence) = document.confidence {
        let well = match confidence {
            c if c >= 0.9 => "goed leesbaar",
            c if c >= 0.75 => "redelijk leesbaar",
            _ => "slecht leesbaar: kijk ook naar het origineel",
        };
        text += &format!(", {well}");
    }
    text
}

/// Certainty as a word; the number stands beside it.
pub fn certainty(confidence: f64) -> &'static str {
    match confidence {
        c if c >= 0.9 => "zeker",
        c if c >= 0.7 => "vrij zeker",
        c if c >= 0.5 => "onzeker",
        _ => "zeer onzeker",
    }
}

/// A verdict as it was done.
pub fn verdict_done(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::TakeUp => "In behandeling genomen",
        Verdict::Refer => "Doorverwezen",
        Verdict::AskForMore => "Om meer informatie gevraagd",
        Verdict::Signal => "Bewaard als signaal",
        Verdict::NotAComplaint => "Geen klacht",
        Verdict::Reopen => "Opnieuw geopend",
        Verdict::Settle => "Afgedaan",
    }
}

/// Terms by their name in the configuration.
pub fn deadline(name: &str) -> String {
    match crate::queue::deadline_label(name) {
        same if same == name => readable(name),
        label => label.to_owned(),
    }
}

/// What a finding concludes, in words: `complained_about=uwv` → `De klacht gaat over UWV`.
pub fn conclusion(finding: &Finding, names: &Names) -> String {
    let Some((label, value)) = finding.concludes.split_once('=') else {
        return "Andere aanwijzing".to_owned();
    };
    let known = |name: &str, value: Option<&'static str>| match value {
        Some(value) => format!("{name}: {value}"),
        None => name.to_owned(),
    };
    match label {
        "complained_about" => format!("De klacht gaat over {}", names.organisation(value)),
        "mentioned_only" => format!("Alleen genoemd: {}", names.organisation(value)),
        "conduct_on" => "Wanneer het speelde".to_owned(),
        "complained_on" => "Wanneer er bij de instantie geklaagd is".to_owned(),
        "refer_to" => format!("Doorverwijzen naar {}", names.referral(value)),
        "scope" => parsed(value).map_or("Voor ons of niet", scope).to_owned(),
        "kind" => known("Soort", parsed(value).map(kind)),
        "first_complained" => known("Eerst daar geklaagd", parsed(value).map(first_complained)),
        "older_than_year" => known("Ouder dan een jaar", parsed(value).map(older_than_year)),
        "on_behalf" => parsed(value).map_or("Voor wie de inwoner schrijft", on_behalf).to_owned(),
        "urgent" => "Spoed".to_owned(),
        "anonymous" => "Anoniem".to_owned(),
        "multiple" | "several" => "Meer klachten in één bericht".to_owned(),
        "follow_up" => "Vervolg op een eerdere zaak".to_owned(),
        "language" => format!("Taal: {}", language(value)),
        "queue" => format!("Werkvoorraad: {}", names.queue(value)),
        "automatic" if value == "doubtful" => "Misschien een automatisch bericht".to_owned(),
        "automatic" => "Automatisch bericht".to_owned(),
        _ => "Andere aanwijzing".to_owned(),
    }
}

/// The name of a label that staff may correct.
pub fn label(id: &str) -> String {
    match id {
        "scope" => "Voor ons of niet".to_owned(),
        "complained_about" => "Over wie".to_owned(),
        "refer_to" => "Hoort bij".to_owned(),
        "kind" => "Soort".to_owned(),
        "first_complained" => "Eerst daar geklaagd?".to_owned(),
        "older_than_year" => "Ouder dan een jaar?".to_owned(),
        "on_behalf" => "Schrijft".to_owned(),
        "urgent" => "Spoed".to_owned(),
        "anonymous" => "Anoniem".to_owned(),
        "multiple" => "Meer klachten in één bericht".to_owned(),
        other => readable(other),
    }
}

/// A value of such a label.
pub fn label_value(id: &str, value: &str, names: &Names) -> String {
    match id {
        "scope" => parsed(value).map_or("?", scope).to_owned(),
        "kind" => parsed(value).map_or("?", kind).to_owned(),
        "first_complained" => parsed(value).map_or("?", first_complained).to_owned(),
        "older_than_year" => parsed(value).map_or("?", older_than_year).to_owned(),
        "on_behalf" => parsed(value).map_or("?", on_behalf).to_owned(),
        "refer_to" => names.referral(value),
        "complained_about" if value.is_empty() => "niemand die wij kennen".to_owned(),
        "complained_about" => {
            value.split(',').map(|id| names.organisation_listed(id)).collect::<Vec<_>>().join(", ")
        }
        _ if value == "true" => "ja".to_owned(),
        _ => "nee".to_owned(),
    }
}

/// A sentence of the history, with ids of labels in words.
pub fn happened(what: &str, names: &Names) -> String {
    if let Some((id, value)) =
        what.strip_prefix("Inschatting verbeterd: ").and_then(|rest| rest.split_once('='))
    {
        return format!("Inschatting verbeterd. {}: {}.", label(id), label_value(id, value, names));
    }
    match what.strip_prefix("Verbetering ingetrokken: ") {
        Some(id) => format!("Verbetering ingetrokken: {}.", label(id)),
        None => what.to_owned(),
    }
}

fn parsed<T: serde::de::DeserializeOwned>(id: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(id.to_owned())).ok()
}

/// How heavily all findings for one conclusion weigh together, as a word.
pub fn weight(sum: f64) -> &'static str {
    match sum {
        w if w >= 5.0 => "sterk",
        w if w >= 2.0 => "gewoon",
        w if w >= 0.0 => "zwak",
        _ => "pleit ertegen",
    }
}

/// `12345` → `12.345`.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    text
}

/// The name of a language that citizens here often write in.
pub fn language(code: &str) -> &str {
    match code {
        "nl" => "Nederlands",
        "en" => "Engels",
        "de" => "Duits",
        "fr" => "Frans",
        "es" => "Spaans",
        "tr" => "Turks",
        "ar" => "Arabisch",
        "pl" => "Pools",
        "uk" => "Oekraïens",
        "ru" => "Russisch",
        "bg" => "Bulgaars",
        "ro" => "Roemeens",
        "pt" => "Portugees",
        "so" => "Somalisch",
        "ti" => "Tigrinya",
        "fa" => "Perzisch",
        "zh" => "Chinees",
        "fy" => "Fries",
        "" | "und" => "onbekend",
        other => other,
    }
}

/// A role, as staff call it.
pub fn role_label(role: Role) -> &'static str {
    match role {
        Role::PostRoom => "postkamer",
        Role::Reviewer => "beoordelaar",
        Role::RuleEditor => "regelbeheerder",
        Role::Admin => "beheerder",
        Role::Auditor => "controleur (leest alles, wijzigt niets)",
    }
}

/// Why accounts could not be changed, where the person at the desk can mend it.
pub fn account_fault(error: &AccountError) -> Option<String> {
    Some(match error {
        AccountError::Name(_) => {
            "Een naam heeft 1 tot 40 tekens: kleine letters, cijfers, punt, streepje en laag streepje."
                .to_owned()
        }
        AccountError::Password => format!(
            "Een wachtwoord heeft {PASSWORD_CHARS_MIN} tot {PASSWORD_CHARS_MAX} tekens. Neem een paar woorden."
        ),
        AccountError::Guessable => {
            "Dit wachtwoord is te makkelijk te raden. Neem een paar woorden die niet bij elkaar horen."
                .to_owned()
        }
        AccountError::Exists(_) => "Deze naam is er al.".to_owned(),
        AccountError::Unknown(_) => "Deze naam is er niet (meer).".to_owned(),
        AccountError::Full => "Er kunnen geen accounts of tokens meer bij.".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_without_a_name_are_readable() {
        let names = Names::default();
        assert_eq!(names.queue("eerst-naar-gemeente"), "Eerst naar gemeente");
        assert_eq!(names.organisation("dienst-toeslagen"), "Dienst toeslagen");
        assert_eq!(names.referral("kifid"), "Kifid");
    }

    #[test]
    fn names_of_the_rules_go_first() {
        let names = Names {
            queues: vec![("spoed".into(), "Spoed!".into(), String::new())],
            organisations: BTreeMap::from([("uwv".to_owned(), "UWV (uitkeringen)".to_owned())]),
            referrals: vec![
                ("kifid".into(), "Het Kifid".into()),
                ("utrecht".into(), "Ombudsman Utrecht".into()),
            ],
            ..Names::default()
        };
        assert_eq!(thousands(1_234_567), "1.234.567");
        assert_eq!(names.queue("spoed"), "Spoed!");
        assert_eq!(names.organisation("uwv"), "UWV (uitkeringen)");
        assert_eq!(names.referral("kifid"), "Het Kifid");
        assert!(names.referrals().contains(&("utrecht".to_owned(), "Ombudsman Utrecht".to_owned())));
    }

    #[test]
    fn names_of_forms_are_those_of_the_record() {
        for one in STATUSES {
            assert_eq!(serde_json::to_value(one).unwrap(), status_id(one));
        }
    }

    #[test]
    fn a_conclusion_is_a_sentence() {
        let finding = |concludes: &str| Finding {
            rule: String::new(),
            concludes: concludes.into(),
            weight: 1.0,
            evidence: vec![],
            reason: String::new(),
        };
        let say = |concludes: &str| conclusion(&finding(concludes), &Names::default());
        assert_eq!(say("complained_about=uwv"), "De klacht gaat over Uwv");
        assert_eq!(
            say("first_complained=no-answer-6-weeks"),
            "Eerst daar geklaagd: Ja, al 6 weken of langer geen antwoord"
        );
        assert_eq!(say("urgent=true"), "Spoed");
        assert_eq!(say("scope=out"), "Waarschijnlijk niet voor ons");
        assert_eq!(say("iets_nieuws=een-waarde"), "Andere aanwijzing");
        assert_eq!(say("kind=iets-nieuws"), "Soort");
    }
}
