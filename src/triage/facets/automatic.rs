//! Mail that a machine made: bounces, auto-replies, lists, bulk, spam, our own mail coming back.
//!
//! RFC 3834 (auto-submitted mail), RFC 3464 and 6522 (delivery reports), RFC 2369 and 2919 (lists). A header
//! field that only machines set decides by itself; one that a citizen's mail may carry too (List-Unsubscribe
//! from a mail service, Auto-Submitted from a web form) is weighed against a person telling what happened.

use super::super::reading::Place;
use super::Evidence;
use crate::record::{Automatic, AutomaticClass, Finding, Message, Office};

/// Least evidence for a machine.
const AUTOMATIC_MIN: f64 = 2.5;
/// Least evidence for a doubt: no machine says so, and a person looks before an answer goes out.
const DOUBTFUL_MIN: f64 = 1.5;
/// What each sentence of a person telling counts against a machine, and how many count.
const PERSONAL_WEIGHT: f64 = 1.0;
const PERSONAL_SENTENCES: usize = 6;
/// Only machines set it.
const SURE: f64 = 20.0;

/// A sign in the header.
struct Sign {
    class: AutomaticClass,
    weight: f64,
    reason: &'static str,
}

pub(super) fn judge(
    evidence: &Evidence<'_>,
    office: &Office,
    findings: &mut Vec<Finding>,
) -> Option<Automatic> {
    let mut classes = [
        (AutomaticClass::Bounce, "bounce", 0.0),
        (AutomaticClass::AutoReply, "auto-reply", 0.0),
        (AutomaticClass::List, "list", 0.0),
        (AutomaticClass::Spam, "spam", 0.0),
        (AutomaticClass::Bulk, "bulk", 0.0),
        (AutomaticClass::Loop, "loop", 0.0),
    ];
    let message = evidence.reading.extract.message.as_ref();
    let signs = message.map(|message| signs(message, office)).unwrap_or_default();
    let mut text = 0.0;
    for (class, value, sum) in &mut classes {
        let words = evidence.weight("automatic", value);
        text += words;
        *sum += words;
        *sum += signs.iter().filter(|sign| sign.class == *class).map(|sign| sign.weight).sum::<f64>();
    }
    let header: f64 = signs.iter().map(|sign| sign.weight).sum();
    // A letter on paper is made by a machine only when it says so very clearly.
    let paper = if message.is_none() { AUTOMATIC_MIN } else { 0.0 };
    let told = evidence
        .sentences("automatic", "personal")
        .into_iter()
        .filter(|index| evidence.place(*index) == Some(Place::Own))
        .count()
        .min(PERSONAL_SENTENCES);
    #[allow(clippy::cast_precision_loss, reason = "at most six")]
    let personal = told as f64 * PERSONAL_WEIGHT;
    let sum = header + text - personal - paper;
    if sum < AUTOMATIC_MIN {
        // A letter is answered by a letter: nothing can go round there.
        if message.is_some() {
            evidence.tell("automatic", "doubtful", DOUBTFUL, findings);
        }
        if message.is_none() || sum < DOUBTFUL_MIN {
            return None;
        }
    }
    let (class, value, _) = classes.iter().copied().max_by(|a, b| a.2.total_cmp(&b.2)).unwrap_or((
        AutomaticClass::Bulk,
        "bulk",
        0.0,
    ));
    let concludes = if sum < AUTOMATIC_MIN { DOUBTFUL } else { "automatic=true" };
    let from = findings.len();
    evidence.tell("automatic", value, concludes, findings);
    let by_header =
        signs.iter().filter(|sign| sign.class == class).max_by(|a, b| a.weight.total_cmp(&b.weight));
    for sign in &signs {
        findings.push(Finding {
            rule: "header/automatic".into(),
            concludes: concludes.into(),
            weight: sign.weight,
            evidence: Vec::new(),
            reason: sign.reason.into(),
        });
    }
    if sum < AUTOMATIC_MIN {
        return None;
    }
    let reason = by_header
        .map(|sign| sign.reason.to_owned())
        .or_else(|| findings.get(from).map(|finding| finding.reason.clone()))
        .unwrap_or_else(|| "Het bericht heeft kenmerken van automatische post.".into());
    Some(Automatic { class, reason })
}

/// What a finding concludes that makes nobody a machine and lets a person look first.
const DOUBTFUL: &str = "automatic=doubtful";

/// The signs in a header, each with how surely a machine set it.
fn signs(message: &Message, office: &Office) -> Vec<Sign> {
    use AutomaticClass::{AutoReply, Bounce, Bulk, List, Loop};
    let mut signs = Vec::new();
    let mut sign = |class, weight, reason| signs.push(Sign { class, weight, reason });
    let from = message
        .author
        .as_ref()
        .and_then(|author| author.address.as_deref())
        .unwrap_or_default()
        .to_lowercase();
    let (local, _) = from.rsplit_once('@').unwrap_or((&from, ""));

    if !message.delivery_status.is_empty() || message.media_type.starts_with("multipart/report") {
        sign(Bounce, SURE, "Het is een rapport van een mailserver (RFC 6522).");
    }
    if message.return_path.as_deref() == Some("") {
        sign(Bounce, SURE / 2.0, "Het retouradres is leeg: alleen machines versturen zo (RFC 5321).");
    }
    for value in message.values("auto-submitted") {
        match keyword(value).as_str() {
            "no" | "" => {}
            "auto-generated" => {
                sign(
                    Bulk,
                    4.0,
                    "De kopregel Auto-Submitted zegt dat een programma het bericht maakte (RFC 3834).",
                );
            }
            _ => sign(
                AutoReply,
                SURE / 2.0,
                "De kopregel Auto-Submitted zegt dat het een automatisch antwoord is (RFC 3834).",
            ),
        }
    }
    for name in [
        "x-autoreply",
        "x-autorespond",
        "x-autoreply-from",
        "x-mail-autoreply",
        "x-autogenerated",
        "x-vacation",
    ] {
        if message.value(name).is_some_and(|value| !matches!(keyword(value).as_str(), "no" | "false")) {
            sign(AutoReply, 6.0, "Een kopregel zegt dat het een automatisch antwoord is.");
        }
    }
    match message.value("precedence").map(keyword).as_deref() {
        Some("auto_reply" | "auto-reply") => {
            sign(AutoReply, 6.0, "De kopregel Precedence zegt: automatisch antwoord.")
        }
        Some("bulk" | "junk") => sign(Bulk, 2.5, "De kopregel Precedence zegt: rondzending."),
        Some("list") => sign(List, 2.5, "De kopregel Precedence zegt: verzendlijst."),
        _ => {}
    }
    const LISTS: [&str; 9] = [
        "list-id",
        "list-post",
        "mailing-list",
        "x-mailing-list",
        "x-beenthere",
        "x-mailman-version",
        "x-ml-name",
        "x-mlserver",
        "x-sympa-to",
    ];
    if LISTS.iter().any(|name| message.value(name).is_some()) {
        sign(List, 3.0, "Het bericht komt van een verzendlijst (RFC 2919).");
    } else if message.value("list-unsubscribe").is_some() {
        sign(List, 1.5, "Het bericht heeft een afmeldregel (RFC 2369).");
    }
    if message.value("feedback-id").is_some()
        || message.value("x-campaign-id").is_some()
        || message.value("x-mailgun-tag").is_some()
    {
        sign(Bulk, 1.0, "Het bericht is verstuurd door een dienst voor massapost.");
    }
    if message.value("x-auto-response-suppress").is_some() {
        sign(AutoReply, 0.5, "Het bericht vraagt om geen automatisch antwoord.");
    }
    let return_local = message.return_path.as_deref().unwrap_or_default().to_lowercase();
    let return_local = return_local.rsplit_once('@').map_or("", |(local, _)| local);
    let letters = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    let (from_letters, return_letters) = (letters(local), letters(return_local));
    // Written in any way: `mailer-daemon`, `post_master`.
    let is = |names: &[&str]| names.iter().any(|name| from_letters == *name || return_letters == *name);
    if is(&["mailerdaemon", "maildaemon"]) {
        sign(Bounce, 6.0, "De afzender is de mailserver zelf.");
    } else if is(&["postmaster"]) {
        sign(Bounce, 1.0, "De afzender is de beheerder van een mailserver.");
    }
    if return_local.starts_with("owner-")
        || return_local.ends_with("-request")
        || is(&["listserv", "majordomo"])
    {
        sign(List, 2.5, "Het retouradres is dat van een verzendlijst (RFC 3834).");
    }
    if ["noreply", "donotreply", "donotrespond", "geenantwoord", "nietbeantwoorden", "nietreageren"]
        .iter()
        .any(|name| from_letters.contains(name))
    {
        sign(Bulk, 1.5, "De afzender wil geen antwoord ontvangen (noreply).");
    }
    if is(&["newsletter", "nieuwsbrief", "news", "nieuws", "mailing", "marketing"]) {
        sign(List, 1.5, "De afzender is een nieuwsbrief.");
    }
    let own = office.contact.email.as_deref().unwrap_or_default().to_lowercase();
    let looped = ["x-bode-case", "x-bode-instance"].iter().any(|name| message.value(name).is_some());
    let loops = |value: &str| !own.is_empty() && value.to_lowercase().contains(&own);
    if looped || (!own.is_empty() && own == from) || message.values("x-loop").any(loops) {
        sign(Loop, SURE, "Het is ons eigen bericht dat terugkomt.");
    } else if message.value("x-loop").is_some() {
        // Responders set it, and so do machines that forward a person's mail.
        sign(AutoReply, 1.5, "Een machine gaf het bericht door en wil het niet terug (X-Loop).");
    }
    signs
}

/// The keyword of a field in lower case, without comments and parameters (RFC 3834, 5).
fn keyword(value: &str) -> String {
    let mut plain = String::new();
    let mut depth = 0_u32;
    for c in value.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain.split(';').next().unwrap_or_default().trim().to_lowercase()
}
