//! Made-up pieces and judgements, and a store in a directory that goes away.

#[path = "../support/judged.rs"]
mod judged;

use bode::record::*;
use bode::store::{CaseFilter, Outcome, Registered, Store};
use jiff::Timestamp;
use std::path::{Path, PathBuf};

pub const NAME: &str = "Geertje Voorbeeld";
pub const ADDRESS: &str = "geertje@voorbeeld.example.nl";
pub const SUBJECT: &str = "Klacht over het stadsloket";

pub const RULES_VERSION: &str = "0123abcd";

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn noon() -> Timestamp {
    at("2026-03-02T12:00:00Z")
}

pub fn hours(many: i64) -> Timestamp {
    noon() + jiff::SignedDuration::from_hours(many)
}

pub fn arrival(mark: &str) -> Arrival {
    Arrival {
        channel: Channel::Email,
        name: format!("{NAME} {mark}.eml"),
        bytes: format!("From: {NAME} <{ADDRESS}>\r\nSubject: {SUBJECT}\r\n\r\nBericht {mark}\r\n")
            .into_bytes(),
        received_at: at("2026-03-02T09:30:00Z"),
        origin: Origin::Import { file: format!("{NAME}.eml") },
        acknowledge: true,
    }
}

pub fn letter(mark: &str) -> Arrival {
    Arrival {
        channel: Channel::Letter,
        name: format!("{mark}.pdf"),
        bytes: format!("%PDF-1.7 {mark}").into_bytes(),
        ..arrival(mark)
    }
}

pub fn extract(mark: &str) -> Extract {
    let document = Document::typed(Method::Body, format!("Ik heb een klacht. Bericht {mark}."));
    let message = Message {
        author: Some(Address { name: Some(NAME.into()), address: Some(ADDRESS.into()) }),
        subject: Some(SUBJECT.into()),
        msg_id: Some(format!("{mark}@voorbeeld.example.nl")),
        ..Message::default()
    };
    let defect =
        Defect { document: None, problem: Problem::Empty, explanation: "Een bijlage is leeg.".into() };
    Extract { message: Some(message), documents: vec![document], defects: vec![defect] }
}

pub fn judgement(queue: &str) -> Judgement {
    let finding = |rule: &str| Finding {
        rule: rule.into(),
        concludes: "complained_about=gemeente-deventer".into(),
        weight: 2.0,
        evidence: vec![Evidence { document: 0, start: 0, end: 2, text: "Ik".into() }],
        reason: format!("{NAME} noemt het stadsloket."),
    };
    Judgement {
        writer: Writer { name: Some(NAME.into()), address: Some(ADDRESS.into()), postal: vec![] },
        complained_about: vec!["gemeente-deventer".into()],
        first_complained: FirstComplained::NotApplicable,
        urgent: queue == "spoed",
        findings: vec![finding("organisations/deventer"), finding("kind/conduct"), finding("kind/conduct")],
        rules_version: RULES_VERSION.into(),
        ..judged::plain(Scope::In, queue)
    }
}

pub fn deadlines() -> Vec<Deadline> {
    let deadline = |name: &str, due: &str| Deadline {
        name: name.into(),
        due: due.parse().unwrap(),
        basis: "pagina".into(),
        term: Some(if name == "contact" { Term::Page } else { Term::Law }),
    };
    vec![deadline("contact", "2026-03-09"), deadline("decision", "2026-04-13")]
}

pub fn send() -> Answer {
    Answer::Send {
        channel: AnswerChannel::Email,
        to: ADDRESS.into(),
        template: "ontvangst".into(),
        language: "nl".into(),
        reason: "Een mens schreef ons.".into(),
    }
}

pub fn hold() -> Answer {
    Answer::Hold {
        channel: AnswerChannel::Email,
        to: ADDRESS.into(),
        template: "ontvangst".into(),
        language: "nl".into(),
        reason: "Er zijn al veel antwoorden naar dit adres gegaan.".into(),
    }
}

pub fn withhold() -> Answer {
    Answer::Withhold { reason: "De afzender is een machine.".into() }
}

pub fn new_case(case: CaseNumber, queue: &str, answer: Answer) -> Outcome {
    let silent = matches!(answer, Answer::Withhold { .. });
    Outcome::NewCase {
        case,
        judgement: judgement(queue),
        deadlines: deadlines(),
        answer,
        answer_bytes: (!silent).then(|| format!("Beste {NAME}, uw kenmerk is {case}").into_bytes()),
        answer_msg_id: (!silent).then(|| format!("zaak-{case}@klacht.example.nl")),
    }
}

pub fn joins(case: CaseNumber, answer: Answer) -> Outcome {
    let silent = matches!(answer, Answer::Withhold { .. });
    Outcome::Joins {
        case,
        judgement: judgement("nieuw"),
        why: format!("{NAME} noemt zaaknummer {case}."),
        answer,
        answer_bytes: (!silent).then(|| b"nog een antwoord".to_vec()),
        answer_msg_id: None,
    }
}

pub fn aside() -> Outcome {
    let mut judgement = judgement("nieuw");
    judgement.scope = Scope::None;
    let reason = "Een automatisch antwoord (Auto-Submitted).".to_owned();
    Outcome::SetAside { judgement, why: SetAside::Automatic { class: AutomaticClass::AutoReply, reason } }
}

/// Those that the made-up judgements name.
pub fn keep_rules(store: &Store) {
    store.keep_rules(RULES_VERSION, &[("rules.toml".to_owned(), "# invented\n".to_owned())]).unwrap();
}

/// A store in a directory of its own.
pub struct House {
    pub dir: tempfile::TempDir,
    pub key_file: Option<PathBuf>,
    store: Option<Store>,
}

impl House {
    pub fn new() -> House {
        let mut house = House { dir: tempfile::tempdir().unwrap(), key_file: None, store: None };
        house.reopen();
        house
    }

    /// One whose store is sealed.
    pub fn sealed() -> House {
        let dir = tempfile::tempdir().unwrap();
        let key_file = dir.path().join("key");
        bode::store::new_key(&key_file, "een").unwrap();
        let mut house = House { dir, key_file: Some(key_file), store: None };
        house.reopen();
        house
    }

    pub fn place(&self) -> StorePlace {
        StorePlace { dir: self.path(), key_file: self.key_file.clone() }
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    pub fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    pub fn close(&mut self) {
        self.store = None;
    }

    pub fn reopen(&mut self) {
        self.store = None;
        let store = Store::open(self.place()).unwrap();
        keep_rules(&store);
        self.store = Some(store);
    }

    pub fn reopen_without_index(&mut self) {
        self.close();
        std::fs::remove_dir_all(self.path().join("index")).unwrap();
        self.reopen();
    }

    pub fn take(&self, mark: &str) -> RegistrationNumber {
        match &self.store().register(&[arrival(mark)], noon()).unwrap()[..] {
            [Registered::New(record)] => record.number,
            other => panic!("{other:?}"),
        }
    }

    /// Registers, reads and opens a case.
    pub fn case(&self, mark: &str, queue: &str, answer: Answer) -> CaseNumber {
        let number = self.take(mark);
        self.store().keep_extract(number, &extract(mark), noon()).unwrap();
        let case = self.store().next_case_number(2026).unwrap();
        self.store().commit(number, new_case(case, queue, answer), noon()).unwrap();
        case
    }

    pub fn row(&self, case: CaseNumber) -> CaseRow {
        self.store().case(case).unwrap().unwrap()
    }

    pub fn state(&self, case: CaseNumber) -> AnswerState {
        self.row(case).answer.unwrap().state
    }

    /// Every answer of the store to every question, as JSON.
    pub fn all_answers(&self) -> String {
        all_answers(self.store())
    }

    pub fn assert_clean(&self) {
        let report = self.store().verify(noon()).unwrap();
        assert!(report.is_clean(), "{}\n{:#?}", report.summary(), report.exceptions);
        assert_eq!(report.missing, 0);
    }

    pub fn journal(&self) -> String {
        let mut paths: Vec<_> = std::fs::read_dir(self.path().join("journal"))
            .unwrap()
            .map(|item| item.unwrap().path())
            .collect();
        paths.sort();
        paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }

    pub fn segment(&self) -> PathBuf {
        self.path().join("journal/000000000001.log")
    }
}

pub fn all_answers(store: &Store) -> String {
    let all = CaseFilter { limit: usize::MAX, ..CaseFilter::default() };
    let page = store.cases(&all).unwrap();
    let histories: Vec<_> = page.rows.iter().map(|row| store.history(row.number).unwrap()).collect();
    let due = store.due_answers(hours(100_000), usize::MAX).unwrap();
    let counted = store.answers_since(Some(ADDRESS), noon()).unwrap();
    serde_json::to_string_pretty(&(
        page,
        histories,
        store.queue_counts().unwrap(),
        store.aside(0, usize::MAX).unwrap(),
        store.unfinished().unwrap(),
        due,
        counted,
        store.answers_since(None, noon()).unwrap(),
        store.figures(jiff::civil::Date::MIN, jiff::civil::Date::MAX).unwrap(),
    ))
    .unwrap()
}

pub fn folder(house: &House, number: RegistrationNumber) -> PathBuf {
    house.path().join("originals").join(number.year.to_string()).join(format!("{:06}", number.serial))
}

/// Cuts the last line off the journal, as if it had never reached the disk.
pub fn cut_last_line(segment: &Path) {
    let text = std::fs::read_to_string(segment).unwrap();
    let end = text.trim_end().rfind('\n').map_or(0, |at| at + 1);
    std::fs::write(segment, &text[..end]).unwrap();
}

pub fn decision(verdict: Verdict, reason: &str) -> Decision {
    Decision { verdict, refer_to: None, by: "j.jansen".into(), at: noon(), reason: reason.into() }
}
