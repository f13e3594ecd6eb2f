//! The outbox against a real mail server (Exim, Dovecot behind it): handed over, refused, greylisted, full, slow, without
//! TLS, without a login, away, not to be trusted; the line cut after DATA (a relay before the same Exim); bounces asked
//! for; the pause switch; letters and the rehearsal beside it.

#[path = "support/answers.rs"]
mod answers;
mod servers;

use answers::{OFFICES, RECEIVED, house, judgement, mail};
use bode::acknowledge::Prepared;
use bode::config::{Answers, Secret, Smtp, Tls};
use bode::outbox::{Delivery, Mailer, Patience, run};
use bode::record::*;
use bode::store::{Outcome, Store};
use jiff::{SignedDuration, Timestamp};
use servers::relay::{Cut, Relay};
use servers::{ACCESS_TOKEN, MailServers, Options, Submission, wait_until};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
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
    /// Short pauses and little patience, where a test is about what comes after them.
    hurried: bool,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(scratch.path().join("store")).unwrap());
        Self {
            store,
            scratch,
            wake: Arc::default(),
            told: Arc::default(),
            hurried: false,
            stop: None,
            thread: None,
        }
    }

    fn hurried() -> Self {
        let mut running = Self::new();
        running.hurried = true;
        running
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
        let (mut pauses, mut patience) = (Delivery::default().pauses, Patience::default());
        if self.hurried {
            pauses = vec![SignedDuration::from_millis(200)];
            patience.reply = Duration::from_secs(2);
            patience.taken = Duration::from_secs(2);
        }
        self.stop = Some(stop);
        self.thread = Some(std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let mailer = smtp.as_ref().map(|smtp| mailer(smtp, patience));
                let metrics = bode::metrics::Metrics::default();
                let delivery = Delivery { mailer, lay_messages_in, print_dir, send, pauses, metrics };
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

fn mailer(smtp: &Smtp, patience: Patience) -> Mailer {
    let answers = Answers { return_path: RETURN_PATH.into(), ..Answers::default() };
    Mailer::patient(smtp, None, &answers, patience).unwrap()
}

/// What a probe of this server tells, as `doctor` does.
fn probed(smtp: &Smtp) -> Result<(), bode::outbox::OutboxError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { mailer(smtp, Patience::default()).probe().await })
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
    probed(&good).unwrap();
    let mut running = Running::new();
    let case = running.open(Some("geduld@example.org"));
    for (smtp, name) in
        [(no_login, "login"), (no_trust, "trust"), (no_user, "no login"), (other_name, "name")]
    {
        if name != "no login" {
            let error = probed(&smtp).unwrap_err();
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
        let state = running.wait_for(case, "withheld with its reason", |state| {
            matches!(state, AnswerState::Withheld { .. })
        });
        assert!(format!("{state:?}").contains("Proefdraaien"), "{state:?}");
        assert!(
            running.store.answer(running.store.case(case).unwrap().unwrap().records[0]).unwrap().is_some()
        );
    }
    // What was rehearsed does not go out when the office begins in earnest.
    running.end();
    running.start(Some(servers.smtp(Tls::Implicit)), true);
    let earnest = running.open(Some("pietersen@example.org"));
    running.sent(earnest);
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

/// Two seconds of patience, and pauses of a fifth of a second.
#[test]
fn greylisted_full_and_slow() {
    let servers = MailServers::start();
    let mut running = Running::hurried();
    running.start(Some(servers.smtp(Tls::Implicit)), true);
    // Greylisted: put off, and taken when it comes again.
    let grey = running.open(Some("defer-mij@example.org"));
    running.wait_for(grey, "put off", |state| {
        matches!(state, AnswerState::Waiting { last_reply: Some(reply), .. } if reply.contains("451"))
    });
    servers.accept_deferred();
    let AnswerState::Sent { attempts, .. } = running.sent(grey) else { unreachable!() };
    assert!(attempts >= 2, "{attempts}");
    assert_eq!(servers.wait_for_messages("defer-mij@example.org", "", 1).len(), 1);
    // A full mailbox: refused for good, and staff have to find another way.
    let full = running.open(Some("full-mij@example.org"));
    let failed = |state: &AnswerState| matches!(state, AnswerState::Failed { .. });
    assert!(format!("{:?}", running.wait_for(full, "failed", failed)).contains("552"));
    // Slow over the content: nobody knows whether it was taken, so not for ever.
    let late = running.open(Some("late-mij@example.org"));
    let given_up = format!("{:?}", running.wait_for(late, "given up", failed));
    assert!(given_up.contains("niet zeker"), "{given_up}");
    assert!(servers.taken().iter().filter(|id| id.starts_with(&late.to_string())).count() <= 5);
    // Slow before any content: the server is as good as away, and nothing is given up.
    let slow = running.open(Some("slow-mij@example.org"));
    running.told_of(true);
    assert!(matches!(running.state(slow), AnswerState::Waiting { .. }));
}

#[test]
fn a_server_without_tls_gets_no_word_and_a_full_one_is_waited_for() {
    let plain = MailServers::start_with(&Options { submission: Submission::NoTls, ..Options::default() });
    for tls in [Tls::Implicit, Tls::Starttls] {
        let mut running = Running::new();
        let case = running.open(Some("jansen@example.org"));
        running.start(Some(plain.smtp(tls)), true);
        running.told_of(true);
        running.end();
        assert!(matches!(running.state(case), AnswerState::Waiting { .. }));
        let advice = running.told.lock().unwrap().iter().flatten().next().unwrap().clone();
        assert!(advice.contains("tls"), "{advice}");
    }
    assert_eq!(plain.taken(), Vec::<String>::new());
    drop(plain);

    let full = MailServers::start_with(&Options { submission: Submission::Full, ..Options::default() });
    let mut running = Running::new();
    let case = running.open(Some("jansen@example.org"));
    running.start(Some(full.smtp(Tls::Implicit)), true);
    let state = running
        .wait_for(case, "put off", |state| matches!(state, AnswerState::Waiting { last_reply: Some(_), .. }));
    assert!(format!("{state:?}").contains("452"), "{state:?}");
}

#[test]
fn a_sender_that_is_not_taken_costs_no_answer() {
    let servers =
        MailServers::start_with(&Options { submission: Submission::OwnSender, ..Options::default() });
    let error = probed(&servers.smtp(Tls::Implicit)).unwrap_err();
    assert!(error.advice().unwrap().contains("return_path"), "{error}");
    let mut running = Running::new();
    let case = running.open(Some("jansen@example.org"));
    running.start(Some(servers.smtp(Tls::Implicit)), true);
    running.told_of(true);
    running.end();
    assert!(matches!(running.state(case), AnswerState::Waiting { .. }));
}

/// The relay cuts the line; the server behind it is Exim as ever.
#[test]
fn a_line_cut_after_data_gives_copies_of_one_message_at_most() {
    let servers = MailServers::start();
    let relay = Relay::start(servers.ports.submissions);
    let smtp = Smtp { port: Some(relay.port), ..servers.smtp(Tls::Implicit) };
    let mut running = Running::hurried();
    running.start(Some(smtp), true);
    for (cut, to, copies) in
        [(Cut::BeforeContent, "een@example.org", 1), (Cut::BeforeReply, "twee@example.org", 2)]
    {
        relay.plan(&[cut]);
        let case = running.open(Some(to));
        let AnswerState::Sent { attempts, .. } = running.sent(case) else { unreachable!() };
        assert_eq!(attempts, 2, "{cut:?}");
        let messages = servers.wait_for_messages(to, "", copies);
        assert_eq!(messages.len(), copies, "{cut:?}");
        let ids: BTreeSet<_> = messages
            .iter()
            .map(|message| header(&String::from_utf8_lossy(message), "Message-ID").map(str::to_owned))
            .collect();
        assert_eq!(ids.len(), 1, "{ids:?}");
    }
    assert_eq!(relay.cuts(), 2);
    running.end();
    assert!(running.told.lock().unwrap().iter().all(Option::is_none), "one message is not the server");
}

/// RFC 3461: a report on failure only, with the header of the answer and the number of its case.
#[test]
fn a_bounce_is_asked_for_and_comes_to_the_address_of_the_case() {
    let servers = MailServers::start();
    let mut running = Running::new();
    running.start(Some(servers.smtp(Tls::Starttls)), true);
    let case = running.open(Some("verhuisd-mij@example.org"));
    running.sent(case);
    let report = String::from_utf8(servers.wait_for_messages(RETURN_PATH, "", 1).remove(0)).unwrap();
    let path = ReturnPath::new(RETURN_PATH, Some('+')).unwrap();
    let to = header(&report, "To").unwrap().trim_matches(['<', '>']);
    assert_eq!(path.case_of(&running.store.envelope_key().unwrap(), to), Some(case), "{report}");
    let lower = report.to_lowercase();
    assert!(lower.contains(&format!("original-envelope-id: {case}")), "{report}");
    assert!(lower.contains("action: failed") && lower.contains("text/rfc822-headers"), "{report}");
    drop(running);
    drop(servers);

    // A server that knows no DSN is asked for nothing.
    let servers = MailServers::start_with(&Options { submission: Submission::NoDsn, ..Options::default() });
    let mut running = Running::new();
    running.start(Some(servers.smtp(Tls::Implicit)), true);
    let case = running.open(Some("jansen@example.org"));
    running.sent(case);
    let report = servers.wait_for_messages("jansen@example.org", "", 1);
    assert!(String::from_utf8_lossy(&report[0]).contains(&format!("{case}.ontvangst.")));
}

#[test]
fn a_pause_stops_all_and_outlasts_a_restart() {
    let servers = MailServers::start();
    let mut running = Running::new();
    running.store.pause_sending(true, "j.jansen", now()).unwrap();
    let cases = [running.open(None), running.open(Some("jansen@example.org"))];
    for _ in 0..2 {
        running.start(Some(servers.smtp(Tls::Implicit)), true);
        running.told_of(false);
        running.end();
    }
    for case in cases {
        assert!(matches!(running.state(case), AnswerState::Waiting { attempts: 0, .. }));
        assert!(running.store.answer_attempted(case, now()).is_err());
    }
    // As the next start reads it, from the journal.
    let read = Store::open_read_only(running.scratch.path().join("store")).unwrap();
    assert_eq!(read.sending_paused().unwrap().unwrap().by, "j.jansen");
    running.start(Some(servers.smtp(Tls::Implicit)), true);
    running.told_of(false);
    running.store.pause_sending(false, "j.jansen", now()).unwrap();
    running.wake.notify_one();
    for case in cases {
        running.sent(case);
    }
    assert_eq!(servers.wait_for_messages("jansen@example.org", "", 1).len(), 1);
}

/// The token comes from a command, anew for each connection.
#[test]
fn an_access_token_logs_in() {
    let servers = MailServers::start();
    let printed = |token: &str| Secret::Command(vec!["printf".into(), format!("{token}\\n")]);
    let with =
        |token| Smtp { password: None, access_token: Some(printed(token)), ..servers.smtp(Tls::Starttls) };
    let mut running = Running::new();
    let case = running.open(Some("jansen@example.org"));
    let error = probed(&with("verlopen")).unwrap_err();
    assert!(
        error.advice().unwrap().contains("access_token") && !error.to_string().contains("verlopen"),
        "{error}"
    );
    running.start(Some(with("verlopen")), true);
    running.told_of(true);
    running.end();
    assert!(matches!(running.state(case), AnswerState::Waiting { .. }));
    running.start(Some(with(ACCESS_TOKEN)), true);
    running.sent(case);
    assert!(servers.logs().contains("A=xoauth2:"));
}
