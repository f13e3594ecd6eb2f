//! Webhooks against a real HTTP listener that fails first: nothing is lost, nothing comes out of order, each event is signed and
//! keeps its id, over restarts too, and no person is in it.

#[path = "desk/mod.rs"]
mod desk;

use bode::config::Webhook;
use bode::record::{Decision, Verdict};
use bode::webhooks::Teller;
use desk::samples::number;
use desk::{Desk, now};
use ring::hmac;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const SECRET: &str = "een geheim van genoeg letters";

/// What came, and whether it was taken.
struct Came {
    fields: Vec<(String, String)>,
    body: String,
    taken: bool,
}

impl Came {
    fn field(&self, name: &str) -> &str {
        &self.fields.iter().find(|(key, _)| key == name).unwrap_or_else(|| panic!("no {name}")).1
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A receiver that answers its first requests with these, then with 204.
fn receiver(mut statuses: Vec<u16>) -> (u16, Receiver<Came>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut fields, mut line) = (Vec::new(), String::new());
            stream.read_line(&mut line).unwrap();
            loop {
                line.clear();
                stream.read_line(&mut line).unwrap();
                let Some((name, value)) = line.trim().split_once(": ") else { break };
                fields.push((name.to_lowercase(), value.to_owned()));
            }
            let length = fields.iter().find(|(name, _)| name == "content-length").unwrap().1.parse().unwrap();
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let status = if statuses.is_empty() { 204 } else { statuses.remove(0) };
            // 0: it takes the request and hangs up.
            if status != 0 {
                write!(
                    stream.get_mut(),
                    "HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )
                .unwrap();
            }
            let came = Came { fields, body: String::from_utf8(body).unwrap(), taken: status == 204 };
            if sender.send(came).is_err() {
                return;
            }
        }
    });
    (port, receiver)
}

fn webhook(desk: &Desk, port: u16, events: &str) -> Webhook {
    let file = desk.dir.path().join("geheim");
    std::fs::write(&file, SECRET).unwrap();
    let toml = format!(
        "name = \"zaaksysteem\"\nurl = \"http://127.0.0.1:{port}/bode?x=1\"\nsecret = {{ file = {file:?} }}\nevents = {events}\n"
    );
    toml::from_str(&toml).unwrap()
}

/// Tells until dropped.
struct Telling(tokio::runtime::Runtime);

fn tell(desk: &Desk, webhook: &Webhook) -> Telling {
    let teller = Teller::new(webhook, Arc::clone(&desk.store), &desk.dir.path().join("store")).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.spawn(teller.run(|_| ()));
    Telling(runtime)
}

impl Telling {
    fn stop(self) {
        self.0.shutdown_timeout(Duration::from_secs(10));
    }
}

fn decide(desk: &Desk, serial: u32, verdict: Verdict) {
    let decision = Decision {
        verdict,
        refer_to: None,
        by: "noor".into(),
        at: now(),
        reason: "Mevrouw Bloem belde zelf.".into(),
    };
    bode::queue::decide(&desk.store, number(serial), None, decision, now()).unwrap();
}

fn next(came: &Receiver<Came>) -> Came {
    came.recv_timeout(Duration::from_secs(60)).expect("a webhook within a minute")
}

fn signed_well(came: &Came) -> bool {
    let signed = format!("{}.{}.{}", came.field("webhook-id"), came.field("webhook-timestamp"), came.body);
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    use base64::Engine;
    let given = came.field("webhook-signature").strip_prefix("v1,").unwrap();
    let given = base64::engine::general_purpose::STANDARD.decode(given).unwrap();
    hmac::verify(&key, signed.as_bytes(), &given).is_ok()
}

#[test]
fn a_receiver_that_fails_first_gets_each_event_in_order_and_signed() {
    let desk = Desk::start();
    let (port, came) = receiver(vec![500, 0, 301]);
    let telling = tell(&desk, &webhook(&desk, port, "[]"));
    decide(&desk, 1, Verdict::TakeUp);
    desk.store.assign(number(1), None, "noor", Some("sanne"), now()).unwrap();
    decide(&desk, 2, Verdict::Signal);
    let tries: Vec<Came> = (0..6).map(|_| next(&came)).collect();
    assert_eq!(
        tries.iter().map(|came| came.taken).collect::<Vec<_>>(),
        [false, false, false, true, true, true]
    );
    assert!(tries.iter().all(signed_well));
    let ids: Vec<&str> = tries.iter().map(|came| came.field("webhook-id")).collect();
    assert!(ids[..4].iter().all(|id| *id == ids[0]), "the same event keeps its id: {ids:?}");
    assert!(ids[0] != ids[4] && ids[4] != ids[5]);
    assert!(tries[..4].iter().all(|came| came.body == tries[0].body));
    let told: Vec<(String, String)> = tries[3..]
        .iter()
        .map(|came| {
            (
                came.json()["type"].as_str().unwrap().to_owned(),
                came.json()["data"]["case"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let expected = [("case.decided", 1), ("case.assigned", 1), ("case.decided", 2)]
        .map(|(kind, serial)| (kind.to_owned(), number(serial).to_string()));
    assert_eq!(told, expected);
    assert_eq!(tries[3].json()["data"]["verdict"], "take-up");
    for came in &tries {
        for word in ["Bloem", "noor", "sanne", "example.nl"] {
            assert!(!came.body.contains(word), "{word} in {}", came.body);
        }
    }
    telling.stop();
}

#[test]
fn what_a_person_takes_back_divides_or_corrects_is_told_too() {
    let desk = Desk::start();
    let (port, came) = receiver(vec![]);
    let telling = tell(&desk, &webhook(&desk, port, "[]"));
    decide(&desk, 1, Verdict::TakeUp);
    let within = jiff::SignedDuration::from_mins(10);
    desk.store.undo(number(1), None, within, "noor", now()).unwrap();
    desk.store.label(number(1), None, "kind", Some("policy"), "noor", now()).unwrap();
    let judgement = desk.store.judgement(bode::record::RegistrationNumber::new(2026, 7)).unwrap().unwrap();
    let order = bode::store::SplitOrder { stays: judgement.clone(), goes: judgement, deadlines: vec![] };
    let second = desk.store.split(number(7), None, order, "noor", now()).unwrap().number;
    desk.store.join_cases(number(2), None, number(1), "noor", now()).unwrap();
    let aside = desk.store.aside(0, 10).unwrap().rows[0].record;
    let third =
        desk.store.take_back(aside, "nieuw", vec![], "Toch een klacht.", "noor", now()).unwrap().number;
    let expected = [
        ("case.decided", number(1), None),
        ("case.undone", number(1), None),
        ("case.corrected", number(1), None),
        ("case.opened", second, None),
        ("case.split", number(7), Some(second)),
        ("case.merged", number(2), Some(number(1))),
        ("case.opened", third, None),
    ];
    for (kind, case, into) in expected {
        let told = next(&came).json();
        assert_eq!(
            (told["type"].as_str(), told["data"]["case"].as_str()),
            (Some(kind), Some(case.to_string().as_str()))
        );
        assert_eq!(
            told["data"].get("into").and_then(Value::as_str),
            into.map(|into| into.to_string()).as_deref()
        );
    }
    telling.stop();
}

#[test]
fn what_happened_while_it_stood_still_is_told_after_a_restart_and_the_past_is_not() {
    let desk = Desk::start();
    let (port, came) = receiver(vec![]);
    let webhook = webhook(&desk, port, "[\"case.decided\"]");
    tell(&desk, &webhook).stop();
    assert!(came.try_recv().is_err(), "nothing of before it was there");
    for serial in [1, 2, 5] {
        desk.store.assign(number(serial), None, "noor", Some("noor"), now()).unwrap();
        decide(&desk, serial, Verdict::TakeUp);
    }
    let telling = tell(&desk, &webhook);
    for serial in [1, 2, 5] {
        assert_eq!(
            next(&came).json()["data"]["case"],
            number(serial).to_string(),
            "decisions alone, in order"
        );
    }
    let cursor = desk.dir.path().join("store/webhooks/zaaksysteem.json");
    let entry = || -> u64 {
        let text = std::fs::read_to_string(&cursor).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["entry"].as_u64().unwrap()
    };
    // The last was taken: the cursor follows as soon as that answer is in.
    while entry() < desk.store.last_entry().unwrap() {
        std::thread::yield_now();
    }
    telling.stop();
    let telling = tell(&desk, &webhook);
    decide(&desk, 7, Verdict::TakeUp);
    assert_eq!(next(&came).json()["data"]["case"], number(7).to_string(), "and nothing twice");
    telling.stop();
    // A store that came back from an older backup: the cursor is ahead of its journal.
    std::fs::write(&cursor, r#"{"entry":999999}"#).unwrap();
    let telling = tell(&desk, &webhook);
    decide(&desk, 6, Verdict::Signal);
    assert_eq!(next(&came).json()["data"]["case"], number(6).to_string());
    telling.stop();
}
