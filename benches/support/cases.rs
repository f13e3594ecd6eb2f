//! Invented cases for benches: each is a message with what was read and judged of it, answered; one in ten was decided. All of it
//! depends on its number alone.

#[path = "../../tests/support/judged.rs"]
mod judged;

use bode::record::*;
use bode::store::{Outcome, Registered, Store};
use jiff::{SignedDuration, Timestamp};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Side by side: they share their syncs.
const THREADS: usize = 32;
const BATCH: usize = 100;

const NAMES: [&str; 25] = [
    "Anja", "Bram", "Carla", "Dirk", "Els", "Fatima", "Gert", "Hanna", "Ilse", "Jan", "Karin", "Leo", "Mia",
    "Noor", "Otto", "Petra", "Quinten", "Rosa", "Sem", "Tess", "Umar", "Vera", "Wim", "Xandra", "Yara",
];
const PLACES: [&str; 20] = [
    "Appel", "Boom", "Dijk", "Eik", "Fluit", "Gracht", "Heuvel", "Iep", "Jager", "Kade", "Linde", "Molen",
    "Noord", "Oever", "Park", "Rietveld", "Sloot", "Toren", "Veld", "Water",
];
const SUBJECTS: [&str; 12] = [
    "balie",
    "afvalcontainer",
    "parkeervergunning",
    "uitkering",
    "bezwaarschrift",
    "verhuizing",
    "paspoort",
    "geluid",
    "bijstand",
    "bouwvergunning",
    "stadspas",
    "kinderopvang",
];
const BODIES: [&str; 4] = ["gemeente-den-haag", "uwv", "belastingdienst", "cak"];
const QUEUES: [&str; 5] = ["beoordelen", "doorverwijzen", "spoed", "onduidelijk", "signalen"];

/// A number that looks like chance.
fn mixed(number: usize, salt: usize) -> usize {
    let mut x = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ (salt as u64).wrapping_mul(0xd1b5_4a32_d192_ed03);
    x ^= x >> 31;
    x = x.wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((x ^ (x >> 29)) >> 1).unwrap_or(0)
}

fn pick<T: Copy>(from: &[T], number: usize, salt: usize) -> T {
    from[mixed(number, salt) % from.len()]
}

fn founded() -> Timestamp {
    "2026-01-02T08:00:00Z".parse().unwrap_or(Timestamp::UNIX_EPOCH)
}

fn name(number: usize) -> String {
    format!(
        "{} {}{}",
        pick(&NAMES, number, 1),
        pick(&PLACES, number, 2),
        pick(&PLACES, number, 3).to_lowercase()
    )
}

fn address(number: usize) -> String {
    format!("schrijver-{}@voorbeeld.example.org", mixed(number, 4) % 700_000)
}

fn text(number: usize) -> String {
    let mut text = format!("Ik heb een klacht over de {}. ", pick(&SUBJECTS, number, 5));
    for line in 0..12 {
        let (a, b) = (mixed(number, 10 + line), mixed(number, 40 + line));
        text += &format!(
            "Op de {}e was {} er niet en kreeg ik van {} te horen dat dossier {} bij de {} lag. ",
            a % 28 + 1,
            NAMES[a / 7 % NAMES.len()],
            NAMES[b % NAMES.len()],
            b % 1_000_000,
            SUBJECTS[b / 3 % SUBJECTS.len()],
        );
    }
    text
}

fn arrival(number: usize) -> Arrival {
    let (name, address) = (name(number), address(number));
    let at = founded() + SignedDuration::from_secs(i64::try_from(number).unwrap_or(0) * 25);
    Arrival {
        channel: Channel::Email,
        name: "message.eml".into(),
        bytes: format!(
            "From: {name} <{address}>\r\nSubject: Klacht over {}\r\nMessage-ID: <m{number}@voorbeeld.example.org>\r\n\r\n{}\r\n",
            pick(&SUBJECTS, number, 5),
            text(number)
        )
        .into_bytes(),
        received_at: at,
        origin: Origin::Maildir { file: format!("1772400000.{number}.proef") },
        acknowledge: true,
    }
}

fn extract(number: usize) -> Extract {
    let message = Message {
        author: Some(Address { name: Some(name(number)), address: Some(address(number)) }),
        subject: Some(format!("Klacht over {} {}", pick(&SUBJECTS, number, 5), mixed(number, 6) % 100_000)),
        msg_id: Some(format!("m{number}@voorbeeld.example.org")),
        ..Message::default()
    };
    Extract {
        message: Some(message),
        documents: vec![Document::typed(Method::Body, text(number))],
        defects: vec![],
    }
}

fn outcome(number: usize, case: CaseNumber, received: jiff::civil::Date) -> Outcome {
    let body = pick(&BODIES, number, 7).to_owned();
    let finding = |rule: &str, start: usize| Finding {
        rule: rule.into(),
        concludes: format!("complained_about={body}"),
        weight: 2.0,
        evidence: vec![Evidence { document: 0, start, end: start + 12, text: "een klacht o".into() }],
        reason: "De schrijver noemt deze instantie.".into(),
    };
    let judgement = Judgement {
        writer: Writer { name: Some(name(number)), address: Some(address(number)), postal: vec![] },
        complained_about: vec![body.clone()],
        urgent: number.is_multiple_of(97),
        findings: (0..8).map(|at| finding(&format!("regel/{at}"), 7 + at * 30)).collect(),
        ..judged::plain(Scope::In, pick(&QUEUES, number, 8))
    };
    let due = |days: i64| received.saturating_add(jiff::Span::new().days(days));
    let deadline = |name: &str, days: i64, term: Term| Deadline {
        name: name.into(),
        due: due(days),
        basis: "pagina van het kantoor".into(),
        term: Some(term),
    };
    Outcome::NewCase {
        case,
        judgement,
        deadlines: vec![deadline("contact", 7, Term::Page), deadline("decision", 42, Term::Law)],
        answer: Answer::Send {
            channel: AnswerChannel::Email,
            to: address(number),
            template: "in-scope".into(),
            language: "nl".into(),
            reason: "Een mens schreef ons.".into(),
        },
        answer_bytes: Some(
            format!(
                "To: {}\r\nSubject: Uw klacht {case}\r\n\r\nBeste {},\r\n{}",
                address(number),
                name(number),
                "Wij hebben uw klacht ontvangen. ".repeat(50)
            )
            .into_bytes(),
        ),
        answer_msg_id: Some(format!("zaak-{case}@ombudsman.example.nl")),
    }
}

/// A store of so many cases.
pub fn make(dir: &Path, count: usize) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let store = Store::open(dir)?;
    let next = AtomicUsize::new(0);
    let work = || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        loop {
            let first = next.fetch_add(BATCH, Ordering::Relaxed);
            if first >= count {
                return Ok(());
            }
            let numbers: Vec<usize> = (first..(first + BATCH).min(count)).collect();
            let arrivals: Vec<Arrival> = numbers.iter().map(|number| arrival(*number)).collect();
            let now = founded() + SignedDuration::from_secs(i64::try_from(first)? * 25);
            let registered = store.register(&arrivals, now)?;
            for (number, registered) in numbers.into_iter().zip(registered) {
                let Registered::New(record) = registered else { continue };
                store.keep_extract(record.number, &extract(number), now)?;
                let case = store.next_case_number(2026)?;
                store.commit(record.number, outcome(number, case, office_date(record.received_at)), now)?;
                store.answer_attempted(case, now)?;
                store.answer_sent(case, now)?;
                match number % 20 {
                    0 => drop(store.assign(case, None, "proef", Some("proef"), now)?),
                    1 | 2 => {
                        let verdict = if number % 20 == 1 { Verdict::NotAComplaint } else { Verdict::TakeUp };
                        let (by, reason) = ("proef".to_owned(), "Besproken.".to_owned());
                        drop(store.decide(
                            case,
                            None,
                            Decision { verdict, refer_to: None, by, at: now, reason },
                            now,
                        )?);
                    }
                    _ => {}
                }
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
    })?;
    Ok(())
}
