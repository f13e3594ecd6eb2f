//! Made-up pieces and the five real offices, for the tests of the answers.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the failure that is wanted")]

#[path = "judged.rs"]
#[allow(clippy::duplicate_mod, reason = "desk_letters.rs has it with the samples of the desk too")]
mod judged;

use bode::acknowledge::*;
use bode::calendar::Calendar;
use bode::config::{self, Config};
use bode::record::*;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use std::path::Path;

pub const OFFICES: [&str; 5] = ["den-haag", "amsterdam", "deventer", "haarlem", "nationale-ombudsman"];
pub const RECEIVED: Date = date(2026, 3, 24);

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub struct House {
    pub config: Config,
    pub templates: Templates,
    pub calendar: Calendar,
}

pub fn house(office: &str) -> House {
    let mut config = config::load(&root().join(format!("config/{office}.toml"))).unwrap();
    config.answers.from_address = format!("klacht@{office}.example.nl");
    config.answers.return_path = format!("mislukt@{office}.example.nl");
    let templates = Templates::load(&root().join("templates"), &config.office)
        .unwrap_or_else(|faults| panic!("{faults}"));
    House { config, templates, calendar: Calendar::load(&root().join("rules/holidays.toml")).unwrap() }
}

pub fn judgement() -> Judgement {
    Judgement {
        writer: Writer {
            name: Some("J. Jansen-de Vries".into()),
            address: Some("jansen@example.org".into()),
            postal: vec!["Voorbeeldstraat 12".into(), "2511 AB Den Haag".into()],
        },
        first_complained: FirstComplained::Answered,
        confidence: 0.95,
        ..judged::plain(Scope::In, "behandelen")
    }
}

/// The judgement that leads to a main text at this office, if one does.
pub fn judged_as(main: Main, office: &Office) -> Option<Judgement> {
    let mut judgement = judgement();
    let referral = |id: &str, name: &str, contact: &[&str]| {
        Some(Referral {
            id: id.into(),
            name: name.into(),
            contact: contact.iter().map(|line| (*line).to_owned()).collect(),
        })
    };
    // A body that none of the five may handle, or that only the Nationale ombudsman may.
    let (outside, elsewhere) = if office.id == "nationale-ombudsman" {
        (
            "gemeente-den-haag",
            referral(
                "den-haag",
                "de Gemeentelijke ombudsman Den Haag",
                &["telefoon 070 752 8200", "e-mail ombudsman@denhaag.nl"],
            ),
        )
    } else {
        (
            "uwv",
            referral("nationale-ombudsman", "de Nationale ombudsman", &["telefoon 0800 33 55 555 (gratis)"]),
        )
    };
    let inside = office.competence.home.first().cloned().unwrap_or_else(|| "uwv".into());
    judgement.complained_about = vec![inside.clone()];
    match main {
        // Chosen by the house, not by what was written.
        Main::FollowUp => return None,
        Main::Received => {}
        Main::OutOfScope => {
            judgement.scope = Scope::Out;
            judgement.complained_about = vec![outside.into()];
            judgement.refer_to = elsewhere;
        }
        Main::Mixed => {
            judgement.scope = Scope::Mixed;
            judgement.complained_about = vec![inside, outside.into()];
            judgement.refer_to = elsewhere;
        }
        Main::Unclear => {
            judgement.scope = Scope::Unclear;
            judgement.complained_about = vec![];
        }
        Main::ComplainFirst => judgement.first_complained = FirstComplained::No,
        Main::Waiting => {
            judgement.first_complained = FirstComplained::Waiting;
            judgement.findings.push(Finding {
                rule: "terms/complained".into(),
                concludes: "complained_on=2026-03-16".into(),
                weight: 1.0,
                evidence: vec![],
                reason: String::new(),
            });
        }
        Main::Signal => judgement.kind = Kind::Policy,
        Main::Decision => judgement.kind = Kind::Decision,
        Main::Report => judgement.kind = Kind::Report,
        Main::Question => {
            judgement.scope = Scope::None;
            judgement.kind = Kind::Question;
        }
    }
    let first_line = office.line == Line::First;
    (!first_line || !matches!(main, Main::ComplainFirst | Main::Waiting)).then_some(judgement)
}

pub fn message() -> Message {
    Message {
        author: Some(Address { name: Some("J. Jansen".into()), address: Some("jansen@example.org".into()) }),
        return_path: Some("jansen@example.org".into()),
        subject: Some("Klacht over de balie".into()),
        msg_id: Some("abc123@mail.example.org".into()),
        references: vec!["eerder@mail.example.org".into()],
        media_type: "text/plain".into(),
        ..Message::default()
    }
}

pub fn name_of(id: &str) -> Option<String> {
    (id == "uwv").then(|| "het UWV".to_owned())
}

/// Gate and words for one piece at one office.
pub fn answered(house: &House, judgement: &Judgement, extract: &Extract, channel: Channel) -> Prepared {
    answered_as(house, judgement, extract, channel, CaseNumber::new(2026, 42))
}

/// The same with a chosen case number.
pub fn answered_as(
    house: &House,
    judgement: &Judgement,
    extract: &Extract,
    channel: Channel,
    case: CaseNumber,
) -> Prepared {
    let office = &house.config.office;
    let situation = situation(judgement, extract, office, &house.calendar, &name_of);
    let deadlines = house.calendar.deadlines(office, RECEIVED, judgement);
    let now: Timestamp = "2026-03-24T09:30:00Z".parse().unwrap();
    prepare(
        &house.templates,
        &Request {
            office,
            identity: &Identity::new(&house.config.answers, office),
            policy: &GatePolicy::new(&house.config.answers, office),
            history: History::default(),
            message: extract.message.as_ref(),
            channel,
            judgement,
            situation: &situation,
            deadlines: &deadlines,
            acknowledge: true,
            joins: None,
            own_sentences: house.templates.own_sentences(extract),
            case,
            received: RECEIVED,
            place: &house.config.letters.place,
            window: house.config.letters.address_window(),
            now,
        },
    )
    .unwrap()
}

pub fn mail() -> Extract {
    Extract { message: Some(message()), ..Extract::default() }
}

pub fn parts(bytes: &[u8]) -> (String, String) {
    let parsed = mail_parser::MessageParser::default().parse(bytes).unwrap();
    let text = parsed.body_text(0).unwrap().replace("\r\n", "\n");
    let html = parsed.body_html(0).unwrap().replace("\r\n", "\n");
    (text, html)
}
