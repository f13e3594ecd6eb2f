//! The outbox against a real mail server (Exim, Dovecot behind it): handed over, refused, put off, no login,
//! no server, no trust; letters and the rehearsal beside it.

#[path = "support/answers.rs"]
mod answers;
mod servers;

use answers::{OFFICES, RECEIVED, house, judgement, mail};
use bode::acknowledge::Prepared;
use bode::config::{Answers, Secret, Smtp, Tls};
use bode::outbox::{Delivery, Mailer, run};
use bode::record::*;
use bode::store::{Outcome, Store};
use jiff::{SignedDuration, Timestamp};
use servers::{MailServers, wait_until};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, oneshot};

const RETURN_PATH: &str = "antwoord-mislukt@ombudsman.example.nl";

fn now() -> Timestamp {
    bode::clock::now()
}

/// A store, and an outbox that runs beside the test on a thread of its own.
struct Running {
    store: Arc<Store>,
    scratch: tempfile::TempDir,
    wake: Arc<Notify>,
    /// What the outbox told of itself, in order.
    told: Arc<Mutex<Vec<Option<String>>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&scratch.path().join("store")).unwrap());
        Self { store, scratch, wake: Arc::default(), told: Arc::default(), stop: None, thread: None }
    }

    fn start(&mut self, smtp: Option<Smtp>, send: bool) {
        self.start_with(smtp, None, send);
    }

    fn start_with(&mut self, smtp: Option<Smtp>, lay_messages_in: Option<PathBuf>, send: bool) {
        let (stop, stopped) = oneshot::channel();
        let print_dir = self.scratch.path().join("print");
        let told = Arc::clone(&self.told);
        let tell = Box::new(move |ailment: Option<&str>| {
            told.lock().unwrap().push(ailment.map(str::to_owned));
        });
        let (store, wake) = (Arc::clone(&self.store), Arc::clone(&self.wake));
        self.stop = Some(stop);
        self.thread = Some(std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let delivery =
                    Delivery { mailer: smtp.as_ref().map(mailer), lay_messages_in, print_dir, send };
                run(store, delivery, wake, tell, async move { drop(stopped.await) }).await;
            });
        }));
    }

    /// Ends the outbox as the daemon does, and waits for it.
    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// Opens a case whose answer goes to this address (or on paper), and calls the outbox.
    fn open(&self, to: Option<&str>) -> CaseNumber {
        let house = house(OFFICES[0]);
        let mut extract = mail();
        let channel = if to.is_some() { Channel::Email } else { Channel::Letter };
        let message = extract.message.as_mut().unwrap();
        message.return_path = to.map(str::to_owned);
        message.author = to.map(|to| Address { name: None, address: Some(to.to_owned()) });
        let case = self.store.next_case_number(2026).unwrap();
        let arrival = Arrival {
            channel,
            name: "piece".into(),
            bytes: format!("piece {case}").into_bytes(),
            received_at: now(),
            origin: Origin::Desk { file: "piece".into() },
            acknowledge: true,
        };
        let number = self.store.register(&[arrival], now()).unwrap()[0].number();
        self.store.keep_extract(number, &extract, now()).unwrap();
        let mut judgement = judgement();
        // Every case has a message of its own, so that its Message-ID can be told.
        judgement.writer.address = to.map(str::to_owned);
        let Prepared { answer, bytes, msg_id } =
            answers::answered_as(&house, &judgement, &extract, channel, case);
        assert!(matches!(answer, Answer::Send { .. }), "{answer:?}");
        let deadlines = house.calendar.deadlines(&house.config.office, RECEIVED, &judgement);
        let outcome = Outcome::NewCase {
            case,
            judgement,
            deadlines,
            answer,
            answer_bytes: bytes,
            answer_msg_id: msg_id,
        };
        self.store.commit(number, outcome, now()).unwrap();
        self.wake.notify_one();
        case
    }

    fn state(&self, case: CaseNumber) -> AnswerState {
        self.store.case(case).unwrap().unwrap().answer.unwrap().state
    }

    fn wait_for(&self, case: CaseNumber, what: &str, is_so: impl Fn(&AnswerState) -> bool) -> AnswerState {
        wait_until(&format!("{case}: {what}"), || is_so(&self.state(case)));
        self.state(case)
    }

    fn sent(&self, case: CaseNumber) -> AnswerState {
        self.wait_for(case, "sent", |state| matches!(state, AnswerState::Sent { .. }))
    }

    /// Waits until the outbox says that it is ill, or well again.
    fn told_of(&self, ill: bool) {
        wait_until("the outbox tells how it is", || {
            self.told.lock().unwrap().last().is_some_and(|last| last.is_some() == ill)
        });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

fn mailer(smtp: &Smtp) -> Mailer {
    let answers = Answers { return_path: RETURN_PATH.into(), ..Answers::default() };
    Mailer::new(smtp, &answers).unwrap()
}

fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn handed_over_refused_and_put_off() {
    let servers = MailServers::start();
    for tls in [Tls::Implicit, Tls::Starttls] {
        let mut running = Running::new();
        // One waits before the outbox starts, the others call it.
        let early = running.open(Some("vroeg@example.org"));
        running.start(Some(servers.smtp(tls)), true);
        running.sent(early);
        let refused = running.open(Some("reject-mij@example.org"));
        let deferred = running.open(Some("defer-mij@example.org"));
        let address = if tls == Tls::Implicit { "jansen@example.org" } else { "pietersen@example.org" };
        let good = running.open(Some(address));

        let AnswerState::Sent { attempts, .. } = running.sent(good) else { unreachable!() };
        assert_eq!(attempts, 1);
        let message = String::from_utf8(servers.wait_for_messages(address, "", 1).remove(0)).unwrap();
        let sender = header(&message, "Return-Path").unwrap().trim_matches(['<', '>']);
        let path = ReturnPath::new(RETURN_PATH, Some('+')).unwrap();
        assert_eq!(path.case_of(&running.store.envelope_key().unwrap(), sender), Some(good), "{sender}");
        assert_eq!(header(&message, "Auto-Submitted"), Some("auto-replied"));
        let msg_id = format!("<{good}.ontvangst.den-haag@den-haag.example.nl>");
        assert_eq!(header(&message, "Message-ID"), Some(msg_id.as_str()));

        let AnswerState::Failed { reply, .. } =
            running.wait_for(refused, "failed", |state| matches!(state, AnswerState::Failed { .. }))
        else {
            unreachable!()
        };
        assert!(reply.contains("550") && reply.contains("no such mailbox"), "{reply}");

        let AnswerState::Waiting { next, attempts, last_reply } =
            running.wait_for(deferred, "deferred", |state| {
                matches!(state, AnswerState::Waiting { last_reply: Some(_), .. })
            })
        else {
            unreachable!()
        };
        assert!(last_reply.is_some_and(|reply| reply.contains("451")));
        assert_eq!(attempts, 1);
        let pause = next.duration_since(now());
        assert!(pause > SignedDuration::from_secs(30) && pause <= SignedDuration::from_secs(60), "{pause}");
        running.end();
        assert!(running.told.lock().unwrap().iter().all(Option::is_none));
    }
}

#[test]
fn a_server_that_is_away_costs_no_answer() {
    let mut servers = MailServers::start();
    servers.stop_exim();
    let mut running = Running::new();
    let cases: Vec<CaseNumber> = (0..12).map(|n| running.open(Some(&format!("w{n}@example.org")))).collect();
    running.start(Some(servers.smtp(Tls::Implicit)), true);
    running.told_of(true);
    assert!(cases.iter().all(|case| matches!(running.state(*case), AnswerState::Waiting { .. })));
    servers.start_exim();
    for case in &cases {
        let AnswerState::Sent { attempts, .. } = running.sent(*case) else { unreachable!() };
        assert!(attempts <= 2, "{case}: {attempts} attempts");
    }
    running.told_of(false);
    running.end();
    for n in 0..12 {
        assert_eq!(servers.wait_for_messages(&format!("w{n}@example.org"), "", 1).len(), 1);
    }
}

#[test]
fn a_wrong_password_or_certificate_gives_nothing_up() {
    let servers = MailServers::start();
    let scratch = tempfile::tempdir().unwrap();
    let wrong = scratch.path().join("wrong");
    std::fs::write(&wrong, "niet-het-wachtwoord\n").unwrap();
    let good = servers.smtp(Tls::Implicit);
    let no_login = Smtp { password: Some(Secret::File(wrong)), ..good.clone() };
    let no_trust = Smtp { ca_file: None, ..good.clone() };
    let no_user = Smtp { user: None, password: None, ..good.clone() };
    let other_name = Smtp { host: "127.0.0.1".into(), ..good.clone() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let probe = |smtp: &Smtp| runtime.block_on(async { mailer(smtp).probe().await });
    probe(&good).unwrap();
    let mut running = Running::new();
    let case = running.open(Some("geduld@example.org"));
    for (smtp, name) in
        [(no_login, "login"), (no_trust, "trust"), (no_user, "no login"), (other_name, "name")]
    {
        if name != "no login" {
            let error = probe(&smtp).unwrap_err();
            assert!(error.to_string().contains("cannot be used"), "{name}: {error}");
        }
        running.told.lock().unwrap().clear();
        running.start(Some(smtp.clone()), true);
        running.told_of(true);
        running.end();
        assert!(
            matches!(running.state(case), AnswerState::Waiting { .. }),
            "{name}: {:?}",
            running.state(case)
        );
    }
    running.start(Some(good), true);
    running.sent(case);
}

#[test]
fn letters_go_to_the_print_folder_without_any_server() {
    let mut running = Running::new();
    let letter = running.open(None);
    let message = running.open(Some("jansen@example.org"));
    running.start(None, true);
    running.sent(letter);
    let day = office_date(now());
    let pdf = std::fs::read(running.scratch.path().join(format!("print/{day}/{letter}.pdf"))).unwrap();
    assert!(pdf.starts_with(b"%PDF-1.7"));
    let AnswerState::Waiting { last_reply: Some(reply), attempts: 0, .. } =
        running.wait_for(message, "waits", |state| {
            matches!(state, AnswerState::Waiting { last_reply: Some(_), .. })
        })
    else {
        panic!("{:?}", running.state(message))
    };
    assert!(reply.contains("geen mailserver"), "{reply}");
}

#[test]
fn a_rehearsal_sends_nothing() {
    let servers = MailServers::start();
    let mut running = Running::new();
    let cases = [running.open(None), running.open(Some("jansen@example.org"))];
    running.start(Some(servers.smtp(Tls::Implicit)), false);
    for case in cases {
        let state = running.wait_for(case, "waits with its reason", |state| {
            matches!(state, AnswerState::Waiting { last_reply: Some(_), .. })
        });
        assert!(format!("{state:?}").contains("Proefdraaien"), "{state:?}");
    }
    assert!(!running.scratch.path().join("print").exists());
    assert!(servers.mailbox_messages("jansen@example.org").is_empty());
}

#[test]
fn the_demo_lays_messages_in_a_folder() {
    let mut running = Running::new();
    let case = running.open(Some("jansen@example.org"));
    let folder = running.scratch.path().join("sent");
    running.start_with(None, Some(folder.clone()), true);
    running.sent(case);
    assert!(std::fs::read(folder.join(format!("{case}.eml"))).unwrap().starts_with(b"From: "));
}
