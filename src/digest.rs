//! The daily digest: what is due and what needs a person, by mail to staff, once a day.
//!
//! RFC 3834 §5.2: `Auto-Submitted: auto-generated`. Invariants: numbers, dates and counts only, no name, address, subject or
//! word of a citizen; at most one a day, also over restarts ([`Store::note_digest`]), with a Message-ID that follows from
//! the day; nothing goes out in a rehearsal.

use crate::calendar::in_words;
use crate::clock;
use crate::config::Config;
use crate::explain::with_causes;
use crate::limits::{DIGEST_LINES_MAX, RECONNECT_PAUSE_MAX};
use crate::oauth::SignIns;
use crate::outbox::{Handed, Mailer, OutboxError};
use crate::queue::{DueLine, DueList, Nearness, deadline_label, due_list};
use crate::record::{AnswerState, CaseNumber, DigestStep, OFFICE_TIME_ZONE, ProofRow, office_date};
use crate::retention;
use crate::store::{BreakerRow, Ledger, Store, StoreError};
use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp, ToSpan};
use lettre::Address;
use lettre::message::Mailbox;
use lettre::message::SinglePart;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use tracing::{debug, error, info, warn};

/// Days ahead that the digest looks.
const DAYS_AHEAD: i32 = 7;
/// The loop looks at least so often, whatever the clock does.
const LOOK_TIME: Duration = Duration::from_secs(30);

/// Tells the configuration that is in effect: a reload may have put another name or bound into it.
pub type InEffect = Arc<dyn Fn() -> Config + Send + Sync>;

/// To whom, when, and through which server.
pub struct Digest {
    store: Arc<Store>,
    mailer: Mailer,
    to: Address,
    at: Time,
    in_effect: InEffect,
    /// Was it told that there is nothing to send today? Once a start is enough.
    told: AtomicBool,
}

/// Why a digest cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum DigestError {
    #[error("the store failed")]
    Store(#[from] StoreError),
    #[error("the task was cut off")]
    CutOff(#[from] tokio::task::JoinError),
    #[error("the digest could not be put together: {0}")]
    Build(String),
}

/// What the digest tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Cases that came since the day before.
    pub fresh: u64,
    /// Cases that wait for a person.
    pub open: u64,
    pub due: DueList,
    /// Cases whose answer did not arrive.
    pub undelivered: Vec<CaseNumber>,
    pub held: u64,
    pub waiting: u64,
    pub lost_bounces: u64,
    /// Answers of the last hour, and the most that may go out.
    pub last_hour: u32,
    pub hour_max: u32,
    /// The breaker, while it holds every answer.
    pub breaker: Option<BreakerRow>,
    pub ledger: Ledger,
    /// The last proof of the ledger, and whether it is of today or yesterday.
    pub proof: Option<ProofRow>,
    /// Cases and pieces past their term of retention.
    pub past_term: u64,
}

impl Digest {
    /// As the configuration wants it; `None`: it wants none, or this is a rehearsal.
    ///
    /// # Errors
    /// When the mail server's settings cannot be used.
    pub fn new(
        config: &Config,
        store: &Arc<Store>,
        sign_ins: &SignIns,
        in_effect: InEffect,
    ) -> Result<Option<Self>, OutboxError> {
        let (Some(digest), Some(smtp)) = (&config.digest, &config.smtp) else { return Ok(None) };
        if !config.answers.send {
            return Ok(None);
        }
        let Ok(to) = digest.to.trim().parse::<Address>() else {
            return Err(OutboxError::ReturnPath { address: digest.to.clone() });
        };
        Ok(Some(Self {
            store: Arc::clone(store),
            mailer: Mailer::new(smtp, sign_ins.named(smtp.oauth.as_deref()), &config.answers)?,
            to,
            at: digest.at,
            in_effect,
            told: AtomicBool::new(false),
        }))
    }

    /// Sends one a day until `stop`.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        tokio::pin!(stop);
        let mut pause = LOOK_TIME;
        loop {
            let look = self.look(clock::now());
            tokio::pin!(look);
            let outcome = tokio::select! {
                outcome = &mut look => outcome,
                // One that is being handed over is ended and noted.
                () = &mut stop => return drop(look.await),
            };
            pause = match outcome {
                Ok(Looked::Rests) => LOOK_TIME,
                Ok(Looked::Again) => (pause * 2).min(RECONNECT_PAUSE_MAX),
                Err(fault) => {
                    error!(error = %with_causes(&fault), "the digest could not be sent");
                    RECONNECT_PAUSE_MAX
                }
            };
            tokio::select! {
                () = &mut stop => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Sends that of today, if its time has come and it may.
    async fn look(&self, now: Timestamp) -> Result<Looked, DigestError> {
        let today = office_date(now);
        let due = self.with_store(move |store| store.digest_is_due(today)).await?;
        if !due && !self.told.swap(true, Ordering::Relaxed) {
            info!(day = %today, "today's digest is out already");
        }
        let time = now.in_tz(OFFICE_TIME_ZONE).map_or(Time::MAX, |now| now.time());
        if time < self.at || !due {
            return Ok(Looked::Rests);
        }
        // A server that is away costs no attempt.
        if let Err(away) = self.mailer.probe().await {
            debug!(error = %with_causes(&away), "the digest waits for the mail server");
            return Ok(Looked::Again);
        }
        let bytes = self.written(today, now).await?;
        self.note(today, DigestStep::Attempted).await?;
        let (step, looked) = match self.mailer.send_own(&self.to, "digest", &bytes).await {
            Handed::Sent => {
                info!(day = %today, "digest sent");
                (DigestStep::Sent, Looked::Rests)
            }
            Handed::Deferred { .. } => (DigestStep::Deferred, Looked::Again),
            // Cut off: it may have arrived, and a second one is worse than none.
            Handed::Refused { .. } | Handed::Unsure { .. } | Handed::Unreachable { .. } => {
                warn!(day = %today, "today's digest could not be delivered; check `to` under [digest]");
                (DigestStep::Failed, Looked::Rests)
            }
        };
        // Nothing more goes out today.
        self.mailer.close_idle(true).await;
        self.note(today, step).await?;
        Ok(looked)
    }

    async fn note(&self, day: Date, step: DigestStep) -> Result<(), DigestError> {
        self.with_store(move |store| store.note_digest(day, step, clock::now())).await
    }

    /// The message of today, as the configuration has it now.
    async fn written(&self, today: Date, now: Timestamp) -> Result<Vec<u8>, DigestError> {
        let in_effect = Arc::clone(&self.in_effect);
        let (config, numbers) = self
            .with_store(move |store| {
                let config = in_effect();
                let mut numbers = numbers(store, today, config.answers.hour_max, now)?;
                numbers.past_term = retention::plan(store, &config.retention, today)?.past.len() as u64;
                Ok((config, numbers))
            })
            .await?;
        message(&config, &self.to, today, &numbers, now)
    }

    async fn with_store<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, DigestError> {
        let store = Arc::clone(&self.store);
        Ok(tokio::task::spawn_blocking(move || call(&store)).await??)
    }
}

fn message(
    config: &Config,
    to: &Address,
    today: Date,
    numbers: &Numbers,
    now: Timestamp,
) -> Result<Vec<u8>, DigestError> {
    let build = |what: &dyn std::fmt::Display| DigestError::Build(what.to_string());
    let Config { answers, office, .. } = config;
    let from: Address = answers.from_address.parse().map_err(|error| build(&error))?;
    let name = if answers.from_name.is_empty() { &office.name } else { &answers.from_name };
    let domain = answers.msg_id_domain.clone().unwrap_or_else(|| from.domain().to_owned());
    let field = |name: &'static str, value: &str| {
        HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
    };
    let message = lettre::Message::builder()
        .from(Mailbox::new(Some(name.clone()), from))
        .to(Mailbox::new(None, to.clone()))
        .subject(format!("bode: overzicht van {}", in_words(today)))
        .date(SystemTime::from(now))
        .message_id(Some(format!("<{today}.overzicht.{}@{domain}>", office.id)))
        .raw_header(field("Auto-Submitted", "auto-generated"))
        .raw_header(field("X-Auto-Response-Suppress", "All"))
        .raw_header(field("Content-Language", "nl"))
        .singlepart(
            SinglePart::builder()
                .header(ContentType::TEXT_PLAIN)
                .header(ContentTransferEncoding::QuotedPrintable)
                .body(text(&office.name, today, numbers).replace('\n', "\r\n").into_bytes()),
        )
        .map_err(|error| build(&error))?;
    Ok(message.formatted())
}

enum Looked {
    /// Nothing to do until later.
    Rests,
    /// The server did not take it: soon again.
    Again,
}

/// Gathers what the digest tells.
///
/// # Errors
/// [`StoreError::Index`].
pub fn numbers(store: &Store, today: Date, hour_max: u32, now: Timestamp) -> Result<Numbers, StoreError> {
    let since = now - SignedDuration::from_hours(24);
    let until = today.saturating_add(DAYS_AHEAD.days());
    let mut numbers = Numbers {
        due: due_list(store, until)?,
        open: store.queue_counts()?.iter().map(|count| count.open).sum(),
        lost_bounces: store.lost_bounces(since)?,
        last_hour: store.answers_since(None, now - SignedDuration::from_hours(1))?,
        hour_max,
        breaker: store.breaker()?,
        ledger: store.ledger()?,
        proof: store.proofs(1)?.into_iter().next(),
        ..Numbers::default()
    };
    store.each_case(&mut |row| {
        numbers.fresh += u64::from(row.received_at >= since);
        match row.answer.map(|answer| answer.state) {
            Some(AnswerState::Failed { .. }) => numbers.undelivered.push(row.number),
            Some(AnswerState::Held { .. }) => numbers.held += 1,
            Some(AnswerState::Waiting { .. }) => numbers.waiting += 1,
            _ => {}
        }
        true
    })?;
    Ok(numbers)
}

/// The words, in Dutch, for staff. Pure.
pub fn text(office: &str, today: Date, numbers: &Numbers) -> String {
    let mut text = format!(
        "Dit is het overzicht van {} voor {office}.\nHet is automatisch gemaakt. Er staan geen namen in.\n\n\
         Nieuw sinds gisteren: {}\nTe beslissen: {}\n",
        in_words(today),
        cases(numbers.fresh),
        cases(numbers.open)
    );
    due(&mut text, "Termijnen van de wet", &numbers.due.law, today);
    due(&mut text, "Beloften van het kantoor", &numbers.due.promises, today);
    text.push_str("\nAntwoorden\n");
    if numbers.undelivered.is_empty() {
        text.push_str("- Niet aangekomen: 0\n");
    } else {
        let shown: Vec<String> =
            numbers.undelivered.iter().take(DIGEST_LINES_MAX).map(CaseNumber::to_string).collect();
        line(
            &mut text,
            format_args!(
                "- Niet aangekomen: {}. Zoek een andere weg (Awb 2:11): {}{}",
                numbers.undelivered.len(),
                shown.join(", "),
                more(numbers.undelivered.len(), shown.len())
            ),
        );
    }
    line(&mut text, format_args!("- Wachten op een medewerker: {}", numbers.held));
    line(&mut text, format_args!("- Wachten op verzending: {}", numbers.waiting));
    let brake = match numbers.breaker {
        Some(row) => {
            format!(
                "AAN sinds {}, {} tegengehouden. Kijk of er iets mis is",
                in_words(office_date(row.since)),
                row.held
            )
        }
        None => "uit".to_owned(),
    };
    line(
        &mut text,
        format_args!(
            "- Noodrem: {brake} ({} van hoogstens {} in het laatste uur)",
            numbers.last_hour, numbers.hour_max
        ),
    );
    line(
        &mut text,
        format_args!(
            "- Meldingen van mailservers die bij geen zaak horen, sinds gisteren: {}",
            numbers.lost_bounces
        ),
    );
    let Ledger { pieces, in_cases, aside, in_work } = numbers.ledger;
    line(
        &mut text,
        format_args!(
            "\nGrootboek\nstukken {pieces} = zaken {in_cases} + terzijde {aside} + in behandeling {in_work}"
        ),
    );
    if numbers.past_term > 0 {
        line(
            &mut text,
            format_args!(
                "\nOver de bewaartermijn: {}. Laat de beheerder ze vernietigen (bode purge): dat gaat nooit vanzelf.",
                numbers.past_term
            ),
        );
    }
    if !numbers.ledger.adds_up() {
        text.push_str("Dit klopt niet. Vraag de beheerder om `bode verify`.\n");
    }
    proof(&mut text, numbers.proof.as_ref(), today);
    text
}

/// The lines of the last proof, and its exceptions by kind: without a name of a file, a folder or a person.
fn proof(text: &mut String, proof: Option<&ProofRow>, today: Date) {
    let Some(ProofRow { at, note }) = proof else {
        text.push_str("Nog niet nagerekend.\n");
        return;
    };
    note.sources.iter().for_each(|count| line(text, format_args!("{}", count.line())));
    let day = office_date(*at);
    let when = if day == today { "vandaag".to_owned() } else { in_words(day) };
    match (note.missing, note.exception_count()) {
        (0, 0) => line(text, format_args!("Nagerekend {when}: alles klopt.")),
        (missing, exceptions) => line(
            text,
            format_args!(
                "Nagerekend {when}: ontbreekt {missing}, uitzonderingen {exceptions}. Kijk op de werkplek onder Grootboek."
            ),
        ),
    }
    for (kind, count) in &note.exceptions {
        line(text, format_args!("- {count} x {}: {}", kind.label(), kind.advice()));
    }
}

fn due(text: &mut String, heading: &str, lines: &[DueLine], today: Date) {
    line(text, format_args!("\n{heading}"));
    if lines.is_empty() {
        text.push_str("- Niets te laat, en niets in de komende week.\n");
    }
    for one in lines.iter().take(DIGEST_LINES_MAX) {
        let DueLine { case, deadline, urgent, .. } = one;
        line(
            text,
            format_args!(
                "- {case}: {} ({}), {}, {}{}",
                deadline_label(&deadline.name),
                deadline.basis,
                in_words(deadline.due),
                Nearness::of(deadline.due, today).label(),
                if *urgent { ", SPOED" } else { "" }
            ),
        );
    }
    if lines.len() > DIGEST_LINES_MAX {
        line(text, format_args!("- En nog {}.", lines.len() - DIGEST_LINES_MAX));
    }
}

fn cases(count: u64) -> String {
    if count == 1 { "1 zaak".to_owned() } else { format!("{count} zaken") }
}

fn more(all: usize, shown: usize) -> String {
    if all > shown { format!(" en nog {}", all - shown) } else { String::new() }
}

/// Writing to a string cannot fail.
fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{words}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{CaseStatus, Deadline, Term};
    use std::sync::Mutex;

    fn due_line(serial: u32, name: &str, day: &str, term: Term) -> DueLine {
        let (due, basis) = (day.parse().unwrap(), "Awb 9:11 lid 1".to_owned());
        DueLine {
            case: CaseNumber::new(2026, serial),
            deadline: Deadline { name: name.into(), due, basis, term: Some(term) },
            urgent: serial == 1,
            status: CaseStatus::Open,
            assignee: Some("noor".into()),
            subject: None,
            writer: None,
        }
    }

    #[test]
    fn the_words() {
        let today = "2026-04-07".parse().unwrap();
        let numbers = Numbers {
            fresh: 1,
            open: 12,
            due: DueList {
                law: vec![due_line(1, "decision", "2026-04-06", Term::Law)],
                promises: (2..40).map(|n| due_line(n, "contact", "2026-04-08", Term::Page)).collect(),
            },
            undelivered: vec![CaseNumber::new(2026, 42)],
            last_hour: 200,
            hour_max: 200,
            breaker: Some(BreakerRow {
                since: "2026-04-06T22:30:00Z".parse().unwrap(),
                answers: 200,
                held: 7,
                last_at: "2026-04-07T04:00:00Z".parse().unwrap(),
            }),
            ledger: Ledger { pieces: 9, in_cases: 6, aside: 2, in_work: 0 },
            ..Numbers::default()
        };
        let text = text("Ombudsman", today, &numbers);
        for expected in [
            "overzicht van dinsdag 7 april 2026 voor Ombudsman",
            "Nieuw sinds gisteren: 1 zaak\n",
            "2026-000001-5: Oordeel of afhandeling (Awb 9:11 lid 1), maandag 6 april 2026, 1 dag te laat, SPOED\n",
            "morgen\n",
            "- En nog 13.\n",
            "- Niet aangekomen: 1. Zoek een andere weg (Awb 2:11): 2026-000042-6\n",
            "- Noodrem: AAN sinds dinsdag 7 april 2026, 7 tegengehouden.",
            "stukken 9 = zaken 6 + terzijde 2 + in behandeling 0\nDit klopt niet.",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        let (law, promises) = (text.find("Termijnen van de wet"), text.find("Beloften van het kantoor"));
        assert!(law < promises && !text.contains("noor"));
    }

    #[test]
    fn the_ledger_is_told_by_kind_and_without_names() {
        use crate::record::{ExceptionKind, ProofNote, SourceCount, SourceKind};
        let today: Date = "2026-04-07".parse().unwrap();
        let count =
            SourceCount { counted: 3, cases: 2, missing: 1, ..SourceCount::empty(SourceKind::Mailbox) };
        let mut note =
            ProofNote { pieces: 2, in_cases: 2, missing: 1, sources: vec![count], ..ProofNote::default() };
        note.exceptions.insert(ExceptionKind::NotRegistered, 1);
        let row = |note: &ProofNote, at: &str| Some(ProofRow { at: at.parse().unwrap(), note: note.clone() });
        let told = |proof| super::text("Ombudsman", today, &Numbers { proof, ..Numbers::default() });
        let text = told(row(&note, "2026-04-07T04:31:00Z"));
        for expected in [
            "postvak 3 = zaken 2 + automatisch 0 + spam 0; ontbreekt 1\n",
            "Nagerekend vandaag: ontbreekt 1, uitzonderingen 1.",
            "- 1 x een bericht of scan dat niet is geregistreerd: iemand heeft",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        let clean = told(row(&ProofNote::default(), "2026-04-06T04:31:00Z"));
        assert!(clean.contains("Nagerekend maandag 6 april 2026: alles klopt.\n"), "{clean}");
        assert!(told(None).contains("Nog niet nagerekend.\n"));
    }

    #[tokio::test]
    async fn the_next_one_is_by_what_a_reload_put_into_effect() {
        let mut config = crate::config::load_file(std::path::Path::new("config/den-haag.toml")).unwrap();
        config.smtp = Some(toml::from_str("host = \"mail.example.nl\"").unwrap());
        config.digest = Some(toml::from_str("to = \"team@example.nl\"").unwrap());
        config.answers.from_address = "klacht@example.nl".to_owned();
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(dir.path()).unwrap());
        let in_effect = Arc::new(Mutex::new(config.clone()));
        let asked = Arc::clone(&in_effect);
        let sign_ins = SignIns::new(&config).unwrap();
        let digest =
            Digest::new(&config, &store, &sign_ins, Arc::new(move || asked.lock().unwrap().clone())).unwrap();
        {
            let mut newer = in_effect.lock().unwrap();
            newer.office.name = "Ombudsman van Nieuwstad".to_owned();
            newer.answers.hour_max = 7;
        }
        let (today, now) = ("2026-04-07".parse().unwrap(), "2026-04-07T05:00:00Z".parse().unwrap());
        let bytes = digest.unwrap().written(today, now).await.unwrap();
        let message = mail_parser::MessageParser::default().parse(&bytes).unwrap();
        assert_eq!(message.from().unwrap().first().unwrap().name(), Some("Ombudsman van Nieuwstad"));
        let text = message.body_text(0).unwrap();
        assert!(
            text.contains("voor Ombudsman van Nieuwstad.") && text.contains("van hoogstens 7 "),
            "{text}"
        );
    }

    #[test]
    fn nothing_to_tell_is_told_too() {
        let text = super::text(
            "Ombudsman",
            "2026-04-07".parse().unwrap(),
            &Numbers { hour_max: 200, ..Numbers::default() },
        );
        assert_eq!(text.matches("Niets te laat").count(), 2);
        assert!(text.contains("Noodrem: uit") && !text.contains("klopt niet"));
    }
}
