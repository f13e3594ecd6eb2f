//! May this piece be answered by a machine? The check-list of RFC 3834, in its order, with what Dutch law
//! adds (Awb 2:17: a message is confirmed; Awb 2:8: a letter by letter).
//!
//! Three outcomes: it goes out; it is held until a person has looked; there is none. Each has its reason, in
//! one Dutch sentence for staff. Invariants: pure (what was sent before is passed in), one recipient, and
//! nothing but the return path is ever written to (RFC 3834 §4). When in doubt: held, never sent.

use super::Situation;
use super::header::{self, LocalPart, Origin};
use crate::config::Answers;
use crate::record::{
    Answer, AnswerChannel, AutomaticClass, CHECK_ADDRESS, CaseNumber, Channel, Judgement, Kind, Message,
    Office, Scope,
};
use lettre::Address;

/// What to do with a message that came without a Return-Path field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingReturnPath {
    /// A fault of the mail system: a person looks (RFC 3834 §4: do not guess).
    Hold,
    /// For saved mail (`import`, `acknowledge FILE`), which never had one: the author's address.
    UseAuthor,
}

/// The office's own choices.
#[derive(Clone, Debug)]
pub struct GatePolicy {
    /// Addresses that are ours, in lower case.
    pub own_addresses: Vec<String>,
    /// Where bounces of our answers come back, in lower case; empty where that is an address people write to.
    pub return_path: String,
    /// Domain of our own Message-IDs, in lower case.
    pub msg_id_domain: String,
    pub per_address_hour_max: u32,
    pub per_address_day_max: u32,
    /// The breaker, over all addresses.
    pub hour_max: u32,
    /// Minutes without anything held after which it closes by itself; `None`: only a person closes it.
    pub breaker_quiet_minutes: Option<u32>,
    /// Hold the answer to a piece with signs of urgency until a person has read it.
    pub hold_urgent: bool,
    /// Hosts whose `Authentication-Results` are believed.
    pub authserv_ids: Vec<String>,
    pub missing_return_path: MissingReturnPath,
}

impl GatePolicy {
    pub fn new(answers: &Answers, office: &Office) -> Self {
        let own_addresses = answers
            .own_addresses
            .iter()
            .chain([&answers.from_address, &answers.return_path])
            .chain(&office.contact.email)
            .map(|address| header::plain_address(address))
            .filter(|address| !address.is_empty())
            .collect();
        // An address that also receives complaints says nothing of who writes to it.
        let return_path = header::plain_address(&answers.return_path);
        let shared = [Some(&answers.from_address), office.contact.email.as_ref()]
            .into_iter()
            .flatten()
            .any(|address| header::plain_address(address) == return_path);
        Self {
            own_addresses,
            return_path: if shared { String::new() } else { return_path },
            msg_id_domain: super::compose::msg_id_domain(answers, office).to_lowercase(),
            per_address_hour_max: answers.per_address_hour_max,
            per_address_day_max: answers.per_address_day_max,
            hour_max: answers.hour_max,
            breaker_quiet_minutes: Some(answers.breaker_quiet_minutes).filter(|minutes| *minutes > 0),
            hold_urgent: answers.hold_urgent,
            authserv_ids: answers.authserv_ids.clone(),
            missing_return_path: MissingReturnPath::Hold,
        }
    }
}

/// Answers that went out (or wait to) before this one.
#[derive(Clone, Copy, Debug, Default)]
pub struct History {
    /// To the same address (see [`destination`]) in the last hour and day.
    pub to_address_hour: u32,
    pub to_address_day: u32,
    /// To anyone in the last hour.
    pub all_hour: u32,
    /// The breaker is open: nothing goes out by itself.
    pub breaker_open: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct GateInput<'a> {
    /// `None` for a letter.
    pub message: Option<&'a Message>,
    pub channel: Channel,
    pub judgement: &'a Judgement,
    pub situation: &'a Situation,
    pub office: &'a Office,
    pub policy: &'a GatePolicy,
    pub history: History,
    /// False for old mail before the cut-off and for `import --no-acknowledge`.
    pub acknowledge: bool,
    /// The case that this piece goes on with, if it is known here.
    pub joins: Option<CaseNumber>,
    /// Sentences of our own templates that stand in its text.
    pub own_sentences: usize,
}

/// Sentences of ours from which on a text is taken for our answer coming back. One may stand in a citizen's mail by chance.
const OWN_SENTENCES_MIN: usize = 3;

/// What a check says when it does not let the answer through.
enum Stop {
    Hold(String),
    Withhold(String),
}

/// Judges one piece.
pub fn gate(input: &GateInput) -> Answer {
    match input.channel {
        Channel::Email => email(input),
        Channel::Letter => letter(input),
    }
}

/// The address an answer to this message would go to, in lower case: the key of the caps. `None` when there
/// is none.
pub fn destination(message: &Message, policy: &GatePolicy) -> Option<String> {
    let author = || message.author.as_ref().and_then(|author| author.address.as_deref());
    let address = match (&message.return_path, policy.missing_return_path) {
        (Some(path), _) => path.as_str(),
        (None, MissingReturnPath::UseAuthor) => author()?,
        (None, MissingReturnPath::Hold) => return None,
    };
    Some(header::plain_address(address)).filter(|address| !address.is_empty())
}

fn email(input: &GateInput) -> Answer {
    let Some(message) = input.message else {
        return Answer::Withhold { reason: "De kop van het bericht is niet te lezen.".into() };
    };
    let destination = destination(message, input.policy);
    // Where a held answer would go once a person lets it.
    let fallback = || {
        let author = message.author.as_ref().and_then(|author| author.address.as_deref());
        author.map(header::plain_address).unwrap_or_default()
    };
    let usable = |address: &String| address.parse::<Address>().is_ok();
    let to = destination.clone().filter(usable).unwrap_or_else(fallback);
    let stop = withheld(input, message)
        .map(Stop::Withhold)
        .or_else(|| addressed(input, message, destination.as_deref()))
        .or_else(|| content(input))
        .or_else(|| held(input, message).map(Stop::Hold));
    outcome(input, AnswerChannel::Email, to, stop)
}

/// A letter is answered by letter (Awb 2:8), when it is sure where to.
fn letter(input: &GateInput) -> Answer {
    let writer = &input.judgement.writer;
    let to: Vec<&str> = writer.name.iter().chain(&writer.postal).map(String::as_str).collect();
    let stop = general(input)
        .map(Stop::Withhold)
        .or_else(|| match (writer.postal.is_empty(), input.judgement.anonymous) {
            (true, true) => Some(Stop::Withhold("De brief heeft geen naam en geen adres.".into())),
            (true, false) => Some(Stop::Hold(format!("{CHECK_ADDRESS}het is niet zeker gelezen."))),
            (false, _) if writer.name.is_none() || !is_postal(&writer.postal) => {
                Some(Stop::Hold(format!("{CHECK_ADDRESS}naam, straat of postcode ontbreekt.")))
            }
            _ => None,
        })
        .or_else(|| content(input))
        .or_else(|| urgent(input).map(Stop::Hold));
    outcome(input, AnswerChannel::Letter, to.join("\n"), stop)
}

/// What keeps a letter from going out by itself when a person has checked its address: everything but the address.
pub(super) fn held_yet(input: &GateInput) -> Option<String> {
    let reason = |stop| match stop {
        Stop::Hold(reason) | Stop::Withhold(reason) => reason,
    };
    general(input).or_else(|| content(input).map(reason)).or_else(|| urgent(input))
}

fn outcome(input: &GateInput, channel: AnswerChannel, to: String, stop: Option<Stop>) -> Answer {
    let template = input.situation.id().to_owned();
    let language = input.situation.language.clone();
    match stop {
        None => {
            let reason = "Een nieuw bericht van een mens krijgt een bevestiging (Awb 2:17, 9:6).".into();
            Answer::Send { channel, to, template, language, reason }
        }
        // Nobody to write to: holding would only ask a person to do the impossible.
        Some(Stop::Hold(reason)) if to.is_empty() && channel == AnswerChannel::Email => {
            Answer::Withhold { reason: format!("{reason} Er is ook geen adres van de schrijver.") }
        }
        Some(Stop::Hold(reason)) => Answer::Hold { channel, to, template, language, reason },
        Some(Stop::Withhold(reason)) => Answer::Withhold { reason },
    }
}

/// What silences every channel: our own wish, a machine, a case that had its answer.
fn general(input: &GateInput) -> Option<String> {
    if !input.acknowledge {
        return Some("Ingelezen zonder bevestiging: oude post of op verzoek.".into());
    }
    if let Some(automatic) = &input.judgement.automatic {
        let class = match automatic.class {
            AutomaticClass::Bounce => "een melding over bezorging",
            AutomaticClass::AutoReply => "een automatisch antwoord",
            AutomaticClass::List => "een bericht van een mailinglijst",
            AutomaticClass::Bulk => "een nieuwsbrief of massabericht",
            AutomaticClass::Loop => "een bericht dat rondgaat tussen machines",
            AutomaticClass::Spam => "ongewenste reclame of oplichting",
        };
        return Some(format!("Dit is {class}: {}", automatic.reason));
    }
    input.joins.map(|case| format!("Hoort bij zaak {case}, die al een bevestiging had."))
}

/// The header says that a machine wrote it (RFC 3834 §2, RFC 5230 §4.6).
fn withheld(input: &GateInput, message: &Message) -> Option<String> {
    if message.return_path.as_deref().is_some_and(|path| header::plain_address(path).is_empty()) {
        return Some("Leeg retourpad (<>): dit bericht mag geen antwoord krijgen.".into());
    }
    if let Some(keyword) = message.values("auto-submitted").find_map(header::auto_submitted) {
        return Some(format!("Auto-Submitted: {}: door een machine gemaakt.", clip(&keyword)));
    }
    if let Some(name) = header::LIST_FIELDS.into_iter().find(|name| message.value(name).is_some()) {
        return Some(format!("Bericht van een mailinglijst of nieuwsbrief (kopregel {name})."));
    }
    if let Some(value) = message.value("precedence") {
        let value = header::without_comments(value).trim().to_lowercase();
        if ["list", "bulk", "junk", "auto_reply", "auto-reply"].contains(&value.as_str()) {
            return Some(format!("Precedence: {value}: geen bericht van mens tot mens."));
        }
    }
    let says_no = |value: &str| ["no", "false"].contains(&value.trim().to_lowercase().as_str());
    if let Some(name) = header::MACHINE_FIELDS
        .into_iter()
        .find(|name| message.value(name).is_some_and(|value| !says_no(value)))
    {
        return Some(format!("Kopregel {name}: door een machine verzonden."));
    }
    let media_type = message.media_type.trim_start();
    if media_type.starts_with("multipart/report") || media_type.starts_with("message/delivery-status") {
        return Some("Een bezorgbericht (multipart/report) krijgt nooit antwoord.".into());
    }
    let paths = [message.return_path.as_deref(), author_address(message)];
    for address in paths.into_iter().flatten().map(header::plain_address) {
        if input.policy.own_addresses.contains(&address) {
            return Some("Dit bericht komt van ons eigen adres.".into());
        }
        if header::split_address(&address)
            .is_some_and(|(local, _)| header::local_part(local) == LocalPart::Machine)
        {
            return Some("De afzender is een lijst of een mailprogramma.".into());
        }
    }
    if is_for_bounces(message, &input.policy.return_path) {
        return Some("Kwam binnen op het adres voor mislukte bezorging; dat adres antwoordt nooit.".into());
    }
    if is_own(message, &input.policy.msg_id_domain) {
        return Some("Dit is een bericht dat wij zelf hebben verzonden.".into());
    }
    general(input)
}

fn author_address(message: &Message) -> Option<&str> {
    message.author.as_ref().and_then(|author| author.address.as_deref())
}

/// Our own answer that came back, also when a broken machine stripped its header.
fn is_own(message: &Message, domain: &str) -> bool {
    let own_id = message.msg_id.as_deref().is_some_and(|id| {
        let id = id.to_lowercase();
        id.split_once('@')
            .is_some_and(|(left, right)| right == domain && left.contains(super::compose::MSG_ID_MARK))
    });
    let own_subject = message
        .subject
        .as_deref()
        .is_some_and(|subject| subject.trim_start().starts_with(super::compose::SUBJECT_START));
    own_id || own_subject
}

/// Was it sent to the envelope sender of our answers, with or without a token (VERP)? Only machines know that address.
fn is_for_bounces(message: &Message, return_path: &str) -> bool {
    let Some((local, domain)) = header::split_address(return_path) else { return false };
    let ours = |address: &str| {
        let address = header::plain_address(address);
        header::split_address(&address).is_some_and(|(to, house)| {
            house == domain
                && to
                    .strip_prefix(local)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', '=', '-']))
        })
    };
    let written = message.to.iter().chain(&message.cc).filter_map(|to| to.address.as_deref());
    let envelope = ["delivered-to", "x-original-to", "envelope-to"];
    written.chain(envelope.into_iter().flat_map(|name| message.values(name))).any(ours)
}

/// Is there one clear address of the writer (RFC 3834 §4)?
fn addressed(input: &GateInput, message: &Message, destination: Option<&str>) -> Option<Stop> {
    let Some(address) = destination else {
        let saved = input.policy.missing_return_path == MissingReturnPath::UseAuthor;
        return Some(Stop::Hold(match message.return_path {
            None if saved => "Het bericht noemt geen schrijver (From).".into(),
            None => "Het bericht heeft geen retourpad; een machine mag het adres niet raden.".into(),
            Some(_) => "Het bericht heeft geen afzender.".into(),
        }));
    };
    let (Some((local, domain)), Ok(_)) = (header::split_address(address), address.parse::<Address>()) else {
        return Some(Stop::Hold("Het adres van de afzender is niet goed te lezen.".into()));
    };
    if header::local_part(local) == LocalPart::Doubtful {
        return Some(Stop::Hold(
            "De afzender is een adres dat geen post aanneemt, of misschien een machine.".into(),
        ));
    }
    let Some(author) = author_address(message).map(header::plain_address) else {
        return Some(Stop::Hold("Het bericht noemt geen schrijver (From).".into()));
    };
    match header::split_address(&author) {
        None => Some(Stop::Hold("Het adres van de schrijver (From) is niet goed te lezen.".into())),
        Some((local, _)) if header::local_part(local) == LocalPart::Doubtful => Some(Stop::Hold(
            "De schrijver gebruikt een adres dat geen post aanneemt; misschien een webformulier.".into(),
        )),
        Some((_, house)) if !header::same_house(house, domain) => Some(Stop::Hold(
            "Retourpad en schrijver hebben een ander domein: doorgestuurd of een webformulier?".into(),
        )),
        // Two From fields: which is the writer's own is anybody's guess (RFC 5322 §3.6).
        Some(_) if message.value("from").is_some() => {
            Some(Stop::Hold("Het bericht noemt meer dan één schrijver (From).".into()))
        }
        Some(_) => {
            let fields = message.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            match header::origin(fields, &input.policy.authserv_ids) {
                Origin::Unquestioned => None,
                Origin::Failed(failed) => {
                    Some(Stop::Hold(format!("De herkomst klopt niet volgens de mailserver ({failed}).")))
                }
                Origin::TooLong => {
                    Some(Stop::Hold("Wat de mailserver over de herkomst schrijft, is te lang.".into()))
                }
            }
        }
    }
}

/// A thank-you needs no confirmation, but silence would be a judgement too, and a wrong one leaves somebody without any
/// word (Awb 2:17): a person looks.
fn content(input: &GateInput) -> Option<Stop> {
    let judgement = input.judgement;
    let no_case = judgement.scope == Scope::None && judgement.kind != Kind::Question;
    no_case.then(|| {
        let reason = "Waarschijnlijk geen klacht en geen vraag: kijk of een antwoord nodig is.";
        Stop::Hold(reason.to_owned())
    })
}

/// A person first: danger, too many answers, a message that asks for none.
fn held(input: &GateInput, message: &Message) -> Option<String> {
    if message.value("x-auto-response-suppress").is_some_and(suppresses) {
        return Some("Het bericht vraagt om geen automatisch antwoord.".into());
    }
    if let Some(name) = header::called_spam(|name| message.value(name)) {
        return Some(format!("De mailserver noemt dit ongewenste post (kopregel {name})."));
    }
    if let Some(name) = header::PASSED_ON_FIELDS.into_iter().find(|name| message.value(name).is_some()) {
        return Some(format!("Een machine gaf dit bericht door (kopregel {name})."));
    }
    let doubt = input.judgement.findings.iter().find(|finding| finding.concludes == "automatic=doubtful");
    if let Some(doubt) = doubt {
        return Some(format!("Misschien door een machine gemaakt: {}", doubt.reason));
    }
    if input.own_sentences >= OWN_SENTENCES_MIN {
        return Some("In dit bericht staat onze eigen bevestiging: misschien antwoordt een machine.".into());
    }
    let (policy, history) = (input.policy, input.history);
    if history.to_address_hour >= policy.per_address_hour_max {
        return Some(format!(
            "Dit adres kreeg het afgelopen uur al {} bevestigingen.",
            history.to_address_hour
        ));
    }
    if history.to_address_day >= policy.per_address_day_max {
        return Some(format!("Dit adres kreeg vandaag al {} bevestigingen.", history.to_address_day));
    }
    breaker(input).or_else(|| urgent(input))
}

/// Too many answers over all: whatever is wrong, a person finds it before more go out.
fn breaker(input: &GateInput) -> Option<String> {
    let (policy, history) = (input.policy, input.history);
    if history.breaker_open {
        return Some("De noodrem is aan: er gingen te veel bevestigingen uit.".into());
    }
    (history.all_hour >= policy.hour_max).then(|| {
        format!(
            "De noodrem: in een uur gingen al {} bevestigingen uit. Kijk of er iets mis is.",
            history.all_hour
        )
    })
}

fn urgent(input: &GateInput) -> Option<String> {
    (input.judgement.urgent && input.policy.hold_urgent)
        .then(|| "Mogelijk spoed of gevaar: een mens leest dit eerst.".to_owned())
}

/// Microsoft's field: does its list name automatic replies?
fn suppresses(value: &str) -> bool {
    value.split(',').map(|word| word.trim().to_lowercase()).any(|word| word == "all" || word == "autoreply")
}

/// A street with a number, and a Dutch postcode.
fn is_postal(lines: &[String]) -> bool {
    let number = lines.iter().any(|line| line.chars().any(|c| c.is_ascii_digit()) && !has_postcode(line));
    number && lines.iter().any(|line| has_postcode(line))
}

/// `1234 AB` or `1234AB` somewhere in a line.
fn has_postcode(line: &str) -> bool {
    let letters: Vec<char> = line.chars().filter(|c| !c.is_whitespace()).collect();
    letters.windows(6).any(|w| {
        w[0] != '0' && w[..4].iter().all(char::is_ascii_digit) && w[4..].iter().all(char::is_ascii_uppercase)
    })
}

fn clip(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}
