//! Sample cases that show the range of what staff meet; all invented.

#[path = "../support/judged.rs"]
mod judged;

use super::now;
use bode::record::{
    Address, Answer, AnswerChannel, Arrival, Automatic, AutomaticClass, CaseNumber, Channel, Deadline,
    Decision, Defect, Document, Evidence, Extract, Finding, FirstComplained, Judgement, Kind, Message,
    Method, Origin, Part, PartKind, Problem, Referral, Scope, SetAside, Term, Verdict, Writer,
};
use bode::store::{Outcome, Store};
use jiff::Timestamp;
use jiff::civil::{Date, date};

/// The rules that the made-up judgements name.
pub const RULES_VERSION: &str = "3f2a9c0d77e1b5aa";

/// A text that tries to break out of a page, wherever it is shown.
pub const HOSTILE: &str = "</mark></textarea><script>alert('x')</script><img src=x onerror=alert(1)>\"'&amp;";

pub struct Sample {
    pub channel: Channel,
    pub received: &'static str,
    pub writer: &'static str,
    pub address: Option<&'static str>,
    pub subject: Option<&'static str>,
    pub text: String,
    pub parts: Vec<(&'static str, PartKind)>,
    pub documents: Vec<Document>,
    pub defects: Vec<Defect>,
    pub judgement: Judgement,
    pub due: Option<Date>,
    pub answer: Answer,
}

fn judgement(scope: Scope, about: &[&str], queue: &str, confidence: f64) -> Judgement {
    Judgement {
        complained_about: about.iter().map(|id| (*id).to_owned()).collect(),
        confidence,
        may_tell_citizen: confidence > 0.9,
        rules_version: RULES_VERSION.into(),
        ..judged::plain(scope, queue)
    }
}

fn document(name: Option<&str>, media_type: &str, method: Method, text: &str) -> Document {
    Document { name: name.map(str::to_owned), media_type: media_type.into(), ..Document::typed(method, text) }
}

fn finding(
    rule: &str,
    concludes: &str,
    weight: f64,
    reason: &str,
    places: &[(usize, &str)],
) -> (Finding, Vec<(usize, String)>) {
    let finding = Finding {
        rule: rule.into(),
        concludes: concludes.into(),
        weight,
        evidence: vec![],
        reason: reason.into(),
    };
    (finding, places.iter().map(|(document, words)| (*document, (*words).to_owned())).collect())
}

/// Fills in where the words of a finding stand.
fn place(documents: &[Document], found: Vec<(Finding, Vec<(usize, String)>)>) -> Vec<Finding> {
    found
        .into_iter()
        .map(|(mut finding, places)| {
            for (index, words) in places {
                let text = &documents[index].text;
                let at = text.find(&words).unwrap_or_else(|| panic!("{words:?} is not in the sample"));
                let start = text[..at].chars().count();
                let end = start + words.chars().count();
                finding.evidence.push(Evidence { document: index, start, end, text: words });
            }
            finding
        })
        .collect()
}

fn sent(template: &str) -> Answer {
    Answer::Send {
        channel: AnswerChannel::Email,
        to: "inwoner@example.nl".into(),
        template: template.into(),
        language: "nl".into(),
        reason: "Een gewoon bericht van een inwoner.".into(),
    }
}

fn parts_of(text: &str, parts: &[(&str, PartKind)]) -> Vec<Part> {
    parts
        .iter()
        .map(|(words, kind)| {
            let at = text.find(words).unwrap_or_else(|| panic!("{words:?} is not in the sample"));
            let start = text[..at].chars().count();
            Part { start, end: start + words.chars().count(), kind: *kind }
        })
        .collect()
}

fn message(sample: &Sample) -> Option<Message> {
    (sample.channel == Channel::Email).then(|| Message {
        author: Some(Address {
            name: Some(sample.writer.into()).filter(|name: &String| !name.is_empty()),
            address: sample.address.map(str::to_owned),
        }),
        to: vec![Address { name: None, address: Some("klacht@ombudsman.example.nl".into()) }],
        subject: sample.subject.map(str::to_owned),
        media_type: "text/plain".into(),
        ..Message::default()
    })
}

/// Registers, reads and judges one sample; the number of its case.
pub fn take(store: &Store, sample: Sample, joins: Option<CaseNumber>) -> CaseNumber {
    let received_at: Timestamp = sample.received.parse().unwrap();
    let (name, bytes) = match sample.channel {
        Channel::Email => ("message.eml", mail(&sample)),
        Channel::Letter => ("scan.pdf", format!("%PDF-1.4 {} {}", sample.writer, sample.text).into_bytes()),
    };
    let arrival = Arrival {
        channel: sample.channel,
        name: name.into(),
        bytes,
        received_at,
        origin: Origin::Import { file: name.into() },
        acknowledge: true,
    };
    let number = store.register(&[arrival], received_at).unwrap()[0].number();
    let mut body = match sample.channel {
        Channel::Email => document(None, "text/plain", Method::Body, &sample.text),
        Channel::Letter => Document {
            pages: Some(2),
            confidence: Some(0.83),
            ..document(None, "application/pdf", Method::Ocr, &sample.text)
        },
    };
    body.parts = parts_of(&sample.text, &sample.parts);
    let message = message(&sample);
    let mut documents = vec![body];
    documents.extend(sample.documents);
    let extract = Extract { message, documents, defects: sample.defects };
    store.keep_extract(number, &extract, received_at).unwrap();
    let mut judgement = sample.judgement;
    judgement.writer = Writer {
        name: Some(sample.writer.to_owned()).filter(|name| !name.is_empty()),
        address: sample.address.map(str::to_owned),
        postal: vec![],
    };
    if let Some(automatic) = judgement.automatic.clone() {
        let why = SetAside::Automatic { class: automatic.class, reason: automatic.reason };
        store.commit(number, Outcome::SetAside { judgement, why }, received_at).unwrap();
        return CaseNumber::new(0, 0);
    }
    let answer_bytes = match &sample.answer {
        Answer::Withhold { .. } => None,
        Answer::Send { channel: AnswerChannel::Letter, .. }
        | Answer::Hold { channel: AnswerChannel::Letter, .. } => Some(b"%PDF-1.7 een brief".to_vec()),
        _ => Some(our_message(sample.address.unwrap_or("inwoner@example.nl"))),
    };
    if let Some(case) = joins {
        let why = "Het zaaknummer staat in het onderwerp.".to_owned();
        let outcome =
            Outcome::Joins { case, judgement, why, answer: sample.answer, answer_bytes, answer_msg_id: None };
        store.commit(number, outcome, received_at).unwrap();
        return case;
    }
    let case = store.next_case_number(2026).unwrap();
    let deadlines = sample
        .due
        .map(|due| {
            vec![
                Deadline { name: "contact".into(), due, basis: "5 werkdagen".into(), term: Some(Term::Page) },
                Deadline {
                    name: "decision".into(),
                    due: date(2026, 5, 28),
                    basis: "Awb 9:33".into(),
                    term: Some(Term::Law),
                },
            ]
        })
        .unwrap_or_default();
    let outcome = Outcome::NewCase {
        case,
        judgement,
        deadlines,
        answer: sample.answer,
        answer_bytes,
        answer_msg_id: Some(format!("zaak.{case}@ombudsman.example.nl")),
    };
    store.commit(number, outcome, received_at).unwrap();
    case
}

/// The message as it would have come, with its attachments.
fn mail(sample: &Sample) -> Vec<u8> {
    let mut text = format!(
        "From: inwoner@example.nl\r\nSubject: {:?}\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=grens\r\n\r\n\
         --grens\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n",
        sample.subject, sample.text
    );
    for name in sample.documents.iter().filter_map(|document| document.name.as_ref()) {
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        text += &format!(
            "--grens\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; \
             filename*=utf-8''{encoded}\r\n\r\nDe inhoud van {name}.\r\n"
        );
    }
    (text + "--grens--\r\n").into_bytes()
}

fn our_message(to: &str) -> Vec<u8> {
    format!(
        "To: {to}\r\nSubject: =?utf-8?q?Wij_hebben_uw_klacht_ontvangen?=\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         Beste meneer of mevrouw,\r\n\r\nWij hebben uw klacht ontvangen. Uw zaaknummer staat in het onderwerp.\r\n\
         Een medewerker leest uw klacht. Binnen 5 werkdagen nemen wij contact met u op.\r\n\r\n\
         Dit is een automatisch bericht. Nog niemand heeft uw klacht beoordeeld.\r\n\r\n\
         Met vriendelijke groet,\r\nGemeentelijke ombudsman\r\n"
    )
    .into_bytes()
}

/// Number of the case with this place in the list of [`fill`], from 1.
pub fn number(serial: u32) -> CaseNumber {
    CaseNumber::new(2026, serial)
}

/// Ten pieces: eight cases, a follow-up and a piece set aside.
pub fn fill(store: &Store) {
    let first = take(store, municipal(), None);
    assert_eq!(first, number(1));
    assert_eq!(take(store, uwv(), None), number(2));
    assert_eq!(take(store, hostile(), None), number(3));
    assert_eq!(take(store, letter(), None), number(4));
    assert_eq!(take(store, urgent(), None), number(5));
    assert_eq!(take(store, unreadable(), None), number(6));
    assert_eq!(take(store, unclear(), None), number(7));
    assert_eq!(take(store, thanks(), None), number(8));
    take(store, follow_up(), Some(number(1)));
    take(store, out_of_office(), None);
    // What became of the answers.
    for serial in [1, 2, 3, 8] {
        store.answer_attempted(number(serial), now()).unwrap();
        store.answer_sent(number(serial), now()).unwrap();
    }
    store.answer_attempted(number(6), now()).unwrap();
    store.answer_failed(number(6), "550 5.1.1 mailbox unavailable", now()).unwrap();
    let decision = Decision {
        verdict: Verdict::NotAComplaint,
        refer_to: None,
        by: "sanne".into(),
        at: now(),
        reason: "Een bedankje.".into(),
    };
    store.decide(number(8), None, decision, now()).unwrap();
    store.assign(number(5), None, "sanne", Some("sanne"), now()).unwrap();
}

fn municipal() -> Sample {
    let text = "Goedemorgen,\n\nOp 2 december heb ik bij de gemeente Den Haag bijstand aangevraagd, bij het werkplein aan de \
        Leyweg. Drie keer heb ik dezelfde loonstrookjes ingeleverd. Ik heb nog steeds geen besluit en niemand belt mij terug.\n\n\
        Op 15 januari heb ik schriftelijk geklaagd bij de dienst SZW. Daar heb ik nooit meer iets van gehoord.\n\n\
        Het UWV heeft mij in oktober wel netjes geholpen.\n\nGroet,\nRuud van der Meij\n\n-- \nVerzonden vanaf mijn telefoon\n\n\
        > Van: SZW\n> Uw aanvraag is in behandeling.\n> U hoort van ons.\n";
    let documents = vec![document(None, "text/plain", Method::Body, text)];
    let findings = place(
        &documents,
        vec![
            finding(
                "organisations/gemeente-den-haag",
                "complained_about=gemeente-den-haag",
                3.2,
                "De schrijver klaagt over de gemeente Den Haag.",
                &[(0, "gemeente Den Haag"), (0, "dienst SZW")],
            ),
            finding(
                "target/niet-terugbellen",
                "complained_about=gemeente-den-haag",
                1.4,
                "Niet terugbellen is een klacht over de dienst die ernaast staat.",
                &[(0, "niemand belt mij terug")],
            ),
            finding(
                "first/geen-reactie",
                "first_complained=no-answer-6-weeks",
                2.6,
                "Er is geklaagd op 15 januari; dat is langer dan 6 weken voor de ontvangst.",
                &[(0, "Op 15 januari heb ik schriftelijk geklaagd")],
            ),
            finding(
                "target/lof",
                "mentioned_only=uwv",
                -1.8,
                "Lof is geen klacht: het UWV wordt hier geprezen.",
                &[(0, "UWV heeft mij in oktober wel netjes geholpen")],
            ),
        ],
    );
    Sample {
        channel: Channel::Email,
        received: "2026-03-05T07:12:00Z",
        writer: "Ruud van der Meij",
        address: Some("ruudvdm@example.nl"),
        subject: Some("Wachten, wachten, wachten op bijstand"),
        text: text.into(),
        parts: vec![
            ("-- \nVerzonden vanaf mijn telefoon\n\n", PartKind::Signature),
            ("> Van: SZW\n> Uw aanvraag is in behandeling.\n> U hoort van ons.\n", PartKind::Quote),
        ],
        documents: vec![],
        defects: vec![],
        judgement: Judgement {
            mentioned_only: vec!["uwv".into()],
            first_complained: FirstComplained::NoAnswer6Weeks,
            findings,
            ..judgement(Scope::In, &["gemeente-den-haag"], "nieuw", 0.94)
        },
        due: Some(date(2026, 3, 12)),
        answer: sent("in-scope"),
    }
}

fn uwv() -> Sample {
    let text = "Geachte ombudsman,\n\nHet UWV heeft mijn WW-uitkering stopgezet zonder mij te bellen. Ik krijg steeds iemand anders \
        aan de lijn en niemand weet iets. Ik heb bij het UWV geklaagd en kreeg een standaardbrief.\n\nMet vriendelijke groet,\nFatima Aydin";
    let documents = vec![document(None, "text/plain", Method::Body, text)];
    let findings = place(
        &documents,
        vec![
            finding(
                "organisations/uwv",
                "complained_about=uwv",
                3.0,
                "De schrijver klaagt over het UWV.",
                &[(0, "UWV heeft mijn WW-uitkering stopgezet")],
            ),
            finding(
                "first/antwoord",
                "first_complained=answered",
                2.0,
                "Er is bij het UWV geklaagd en er kwam een antwoord.",
                &[(0, "Ik heb bij het UWV geklaagd en kreeg een standaardbrief")],
            ),
        ],
    );
    Sample {
        channel: Channel::Email,
        received: "2026-03-11T19:40:00Z",
        writer: "Fatima Aydin",
        address: Some("f.aydin@example.com"),
        subject: Some("Klacht over het UWV"),
        text: text.into(),
        parts: vec![],
        documents: vec![],
        defects: vec![],
        judgement: Judgement {
            refer_to: Some(Referral {
                id: "nationale-ombudsman".into(),
                name: "de Nationale ombudsman".into(),
                contact: vec!["www.nationaleombudsman.nl".into(), "0800 - 33 55 555".into()],
            }),
            first_complained: FirstComplained::Answered,
            findings,
            ..judgement(Scope::Out, &["uwv"], "doorverwijzen", 0.97)
        },
        due: Some(date(2026, 3, 18)),
        answer: sent("out-of-scope"),
    }
}

fn hostile() -> Sample {
    let text = format!("Beste mensen,\n\n{HOSTILE}\n\nDe gemeente doet niets.\n");
    let mut documents = vec![document(None, "text/plain", Method::Body, &text)];
    documents.push(document(Some(&format!("{HOSTILE}.txt")), "text/plain", Method::Text, HOSTILE));
    let findings = place(
        &documents,
        vec![finding(
            "organisations/gemeente",
            "complained_about=gemeente-den-haag",
            1.1,
            HOSTILE,
            &[(0, HOSTILE), (1, "<script>")],
        )],
    );
    Sample {
        channel: Channel::Email,
        received: "2026-03-10T08:00:00Z",
        writer: "\"><script>alert(2)</script>",
        address: Some("\"<b>\"@example.nl"),
        subject: Some("<script>alert('onderwerp')</script> \u{202E}gnp.exe"),
        text,
        parts: vec![],
        documents: documents.split_off(1),
        defects: vec![Defect {
            document: Some(1),
            problem: Problem::Unsupported,
            explanation: format!("Wij konden dit niet lezen: {HOSTILE}"),
        }],
        judgement: Judgement { findings, ..judgement(Scope::In, &["gemeente-den-haag"], "nieuw", 0.72) },
        due: Some(date(2026, 3, 17)),
        answer: sent("in-scope"),
    }
}

fn letter() -> Sample {
    let text = "J.W. Knoester\nHoefkade 9931\n2525 XX Den Haag\n\nDen Haag, 2 februari 2026\n\nAan de gemeentelijke ombudsman\n\n\
        Geachte mevrouw of meneer,\n\nIk ben 81 jaar en woon 44 jaar in deze woning van Residentie Wonen. De schimmel in de slaapkamer \
        is nu zo erg dat het behang loslaat. Bij Residentie Wonen heb ik een klacht ingediend. Het antwoord was dat ik beter moet luchten.\n\n\
        Hoogachtend,\n\nJ.W. Knoester";
    let documents = vec![document(None, "application/pdf", Method::Ocr, text)];
    let findings = place(
        &documents,
        vec![
            finding(
                "organisations/woningcorporatie",
                "complained_about=woningcorporatie",
                2.2,
                "De schrijver klaagt over een woningcorporatie.",
                &[(0, "woning van Residentie Wonen")],
            ),
            finding(
                "first/antwoord",
                "first_complained=answered",
                1.6,
                "Er is geklaagd en er kwam een antwoord.",
                &[(0, "heb ik een klacht ingediend. Het antwoord")],
            ),
        ],
    );
    Sample {
        channel: Channel::Letter,
        received: "2026-03-09T10:00:00Z",
        writer: "J.W. Knoester",
        address: None,
        subject: None,
        text: text.into(),
        parts: vec![],
        documents: vec![],
        defects: vec![],
        judgement: Judgement {
            refer_to: Some(Referral {
                id: "huurcommissie-or-geschillencommissie".into(),
                name: "de Huurcommissie of de geschillencommissie van de verhuurder".into(),
                contact: vec!["www.huurcommissie.nl".into()],
            }),
            first_complained: FirstComplained::Answered,
            findings,
            ..judgement(Scope::Out, &["woningcorporatie"], "doorverwijzen", 0.86)
        },
        due: Some(date(2026, 3, 16)),
        answer: Answer::Send {
            channel: AnswerChannel::Letter,
            to: "J.W. Knoester, Hoefkade 9931, 2525 XX Den Haag".into(),
            template: "out-of-scope".into(),
            language: "nl".into(),
            reason: "Een brief met een adres.".into(),
        },
    }
}

fn urgent() -> Sample {
    let text = "Ik word vrijdag uit mijn huis gezet en de gemeente neemt de telefoon niet op. Ik heb twee kinderen en geen geld voor eten.";
    let documents = vec![document(None, "text/plain", Method::Body, text)];
    let findings = place(
        &documents,
        vec![
            finding(
                "urgent/ontruiming",
                "urgent=true",
                4.0,
                "Ontruiming binnen enkele dagen is spoed.",
                &[(0, "vrijdag uit mijn huis gezet")],
            ),
            finding(
                "urgent/geen-eten",
                "urgent=true",
                3.0,
                "Geen geld voor eten is spoed.",
                &[(0, "geen geld voor eten")],
            ),
            finding(
                "organisations/gemeente-thuis",
                "complained_about=gemeente-den-haag",
                1.2,
                "“De gemeente” is hier de eigen gemeente.",
                &[(0, "de gemeente neemt de telefoon niet op")],
            ),
        ],
    );
    Sample {
        channel: Channel::Email,
        received: "2026-03-03T21:55:00Z",
        writer: "Priscilla de Wit",
        address: Some("pdewit@example.org"),
        subject: Some("HELP vrijdag ontruiming!!"),
        text: text.into(),
        parts: vec![],
        documents: vec![],
        defects: vec![],
        judgement: Judgement {
            urgent: true,
            findings,
            ..judgement(Scope::In, &["gemeente-den-haag"], "spoed", 0.71)
        },
        due: Some(date(2026, 3, 10)),
        answer: Answer::Hold {
            channel: AnswerChannel::Email,
            to: "pdewit@example.org".into(),
            template: "in-scope".into(),
            language: "nl".into(),
            reason: "Er staan tekenen van gevaar in. Lees het bericht voordat het antwoord uitgaat.".into(),
        },
    }
}

fn unreadable() -> Sample {
    let mut photo =
        Document::unread(Some("foto brief gemeente.heic".into()), "image/heic", Problem::Unsupported);
    photo.method = Method::None;
    let locked = Document::unread(Some("besluit.pdf".into()), "application/pdf", Problem::Encrypted);
    Sample {
        channel: Channel::Email,
        received: "2026-03-10T13:00:00Z",
        writer: "",
        address: Some("k1972@example.net"),
        subject: Some("zie bijlage"),
        text: "zie bijlage".into(),
        parts: vec![],
        documents: vec![photo, locked],
        defects: vec![
            Defect {
                document: Some(1),
                problem: Problem::Unsupported,
                explanation: "Dit soort foto lezen wij niet. Bekijk de foto zelf.".into(),
            },
            Defect {
                document: Some(2),
                problem: Problem::Encrypted,
                explanation:
                    "Deze PDF heeft een wachtwoord. Vraag de inwoner om een kopie zonder wachtwoord.".into(),
            },
        ],
        judgement: Judgement { anonymous: true, ..judgement(Scope::Unclear, &[], "met-de-hand-lezen", 0.2) },
        due: Some(date(2026, 3, 13)),
        answer: sent("unclear"),
    }
}

/// A letter that came as this scan and was read so: the evidence is every place where these words stand.
pub fn scanned(
    store: &Store,
    name: &str,
    bytes: Vec<u8>,
    extract: &Extract,
    evidence: &[&str],
) -> CaseNumber {
    let received_at: Timestamp = "2026-03-11T10:00:00Z".parse().unwrap();
    let arrival = Arrival {
        channel: Channel::Letter,
        name: name.into(),
        bytes,
        received_at,
        origin: Origin::Import { file: name.into() },
        acknowledge: true,
    };
    let number = store.register(&[arrival], received_at).unwrap()[0].number();
    store.keep_extract(number, extract, received_at).unwrap();
    let found = evidence.iter().map(|words| {
        let why = "De schrijver klaagt over deze organisatie.";
        finding("organisations/gemeente", "complained_about=gemeente", 2.0, why, &[(0, *words)])
    });
    let findings = place(&extract.documents, found.collect());
    let judgement = Judgement { findings, ..judgement(Scope::Out, &["gemeente"], "doorverwijzen", 0.9) };
    let case = store.next_case_number(2026).unwrap();
    let answer = Answer::Withhold { reason: "Een proef.".into() };
    let (deadlines, answer_bytes, answer_msg_id) = (vec![], None, None);
    let outcome = Outcome::NewCase { case, judgement, deadlines, answer, answer_bytes, answer_msg_id };
    store.commit(number, outcome, received_at).unwrap();
    case
}

/// A message with a virus beside something harmless; not one of [`fill`].
pub fn infected() -> Sample {
    let harmful = Document::unread(Some("factuur.exe".into()), "application/x-executable", Problem::Malware);
    let clean = document(Some("schoon.txt"), "text/plain", Method::Text, "Niets aan de hand.");
    let defect = Defect {
        document: Some(1),
        problem: Problem::Malware,
        explanation: "Het bestand “factuur.exe” bevat een virus. Het is niet gelezen en staat op slot."
            .into(),
    };
    Sample { documents: vec![harmful, clean], defects: vec![defect], ..unclear() }
}

fn unclear() -> Sample {
    Sample {
        channel: Channel::Email,
        received: "2026-03-12T06:30:00Z",
        writer: "Anneke Bos",
        address: Some("anneke.bos@example.nl"),
        subject: Some("Zo gaat u niet met mensen om"),
        text: "Gisteren stond ik weer voor een dichte deur. Schandalig. Ik eis een gesprek met uw baas."
            .into(),
        parts: vec![],
        documents: vec![],
        defects: vec![],
        judgement: judgement(Scope::Unclear, &[], "aanvullen", 0.35),
        due: Some(date(2026, 3, 19)),
        answer: Answer::Withhold {
            reason: "Dit bericht kwam via een doorgestuurd adres zonder afzender die wij kunnen vertrouwen."
                .into(),
        },
    }
}

fn thanks() -> Sample {
    Sample {
        channel: Channel::Email,
        received: "2026-03-02T11:00:00Z",
        writer: "Henk Visser",
        address: Some("henk.visser@example.nl"),
        subject: Some("Bedankt"),
        text: "Bedankt voor uw hulp, het is opgelost.".into(),
        parts: vec![],
        documents: vec![],
        defects: vec![],
        judgement: Judgement { kind: Kind::Other, ..judgement(Scope::None, &[], "nieuw", 0.9) },
        due: None,
        answer: sent("not-a-complaint"),
    }
}

fn follow_up() -> Sample {
    Sample {
        channel: Channel::Email,
        received: "2026-03-11T07:00:00Z",
        writer: "Ruud van der Meij",
        address: Some("ruudvdm@example.nl"),
        subject: Some("RE: Wij hebben uw klacht ontvangen"),
        text: "Nog een aanvulling: ik heb vandaag weer gebeld. Weer niemand.".into(),
        parts: vec![],
        documents: vec![],
        defects: vec![],
        judgement: Judgement {
            follow_up: true,
            ..judgement(Scope::In, &["gemeente-den-haag"], "nieuw", 0.8)
        },
        due: None,
        answer: Answer::Withhold { reason: "Deze zaak heeft al een ontvangstbevestiging.".into() },
    }
}

fn out_of_office() -> Sample {
    let reason =
        "Het bericht zegt zelf dat een machine het stuurde (Auto-Submitted: auto-replied).".to_owned();
    Sample {
        channel: Channel::Email,
        received: "2026-03-11T09:00:00Z",
        writer: "Loket Zuid",
        address: Some("loket@example.org"),
        subject: Some("Afwezig: RE: Wij hebben uw klacht ontvangen"),
        text: "Ik ben tot 20 maart afwezig. <script>alert(3)</script>".into(),
        parts: vec![],
        documents: vec![],
        defects: vec![],
        judgement: Judgement {
            automatic: Some(Automatic { class: AutomaticClass::AutoReply, reason }),
            ..judgement(Scope::None, &[], "", 1.0)
        },
        due: None,
        answer: Answer::Withhold { reason: "Automatisch bericht.".into() },
    }
}

/// A letter of ours on paper, by its address: sent on that moment, or held for this reason.
pub fn on_paper(
    store: &Store,
    lines: &[&str],
    pdf: Vec<u8>,
    extract: &Extract,
    fate: Result<Timestamp, &str>,
) -> CaseNumber {
    let received_at: Timestamp = "2026-03-09T10:00:00Z".parse().unwrap();
    let arrival = Arrival {
        channel: Channel::Letter,
        name: "scan.pdf".into(),
        bytes: format!("%PDF-1.4 {}", lines.join(" ")).into_bytes(),
        received_at,
        origin: Origin::Import { file: "scan.pdf".into() },
        acknowledge: true,
    };
    let number = store.register(&[arrival], received_at).unwrap()[0].number();
    store.keep_extract(number, extract, received_at).unwrap();
    let mut judgement = judgement(Scope::In, &["gemeente-den-haag"], "behandelen", 0.9);
    judgement.writer.name = lines.first().map(|line| (*line).to_owned());
    judgement.writer.postal = lines.iter().skip(1).map(|line| (*line).to_owned()).collect();
    let (to, template, language) = (lines.join("\n"), "received".to_owned(), "nl".to_owned());
    let channel = AnswerChannel::Letter;
    let answer = match fate {
        Ok(_) => Answer::Send { channel, to, template, language, reason: "Een brief.".into() },
        Err(reason) => Answer::Hold { channel, to, template, language, reason: reason.into() },
    };
    let case = store.next_case_number(2026).unwrap();
    let (deadlines, answer_bytes, answer_msg_id) = (vec![], Some(pdf), None);
    let outcome = Outcome::NewCase { case, judgement, deadlines, answer, answer_bytes, answer_msg_id };
    store.commit(number, outcome, received_at).unwrap();
    if let Ok(at) = fate {
        store.answer_attempted(case, at).unwrap();
        store.answer_sent(case, at).unwrap();
    }
    case
}
