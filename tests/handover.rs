//! Handing decided cases over to a zaaksysteem that holds every request to the ZGW standard: whole, once, wherever a kill falls; what is away is waited for, what
//! is refused waits for a person, and nothing of a rehearsal goes there.

mod daemon;
#[path = "desk/mod.rs"]
mod desk;
mod servers;

use bode::config::Zaaksysteem;
use bode::handover::{Handover, Note, Progress, Room, Step, dir};
use bode::record::{AnswerState, CaseNumber, Channel, Decision, Verdict};
use bode::store::Store;
use daemon::OfficeDir;
use desk::samples::{self, Sample, number};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use servers::wait_until;
use servers::zgw::{RSIN, ZgwServer};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

/// Requests that make something, of a case with one original, one answer and a result: zaak, two documents each with its link, result, status.
const POSTS: usize = 7;

/// A store with the sample cases.
struct House {
    dir: tempfile::TempDir,
    store: Arc<Store>,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(dir.path()).unwrap());
        store.keep_rules(samples::RULES_VERSION, &[("rules.toml".into(), "# invented\n".into())]).unwrap();
        samples::fill(&store);
        Self { dir, store }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Decides, the answer being out.
    fn decide(&self, serial: u32, verdict: Verdict) -> CaseNumber {
        let (case, now) = (number(serial), Timestamp::now());
        if matches!(self.answer(case), Some(AnswerState::Held { .. })) {
            self.store.release_answer(case, "noor", now).unwrap();
        }
        if matches!(self.answer(case), Some(AnswerState::Waiting { .. })) {
            self.store.answer_attempted(case, now).unwrap();
            self.store.answer_sent(case, now).unwrap();
        }
        self.decide_only(serial, verdict)
    }

    fn decide_only(&self, serial: u32, verdict: Verdict) -> CaseNumber {
        let refer_to = (verdict == Verdict::Refer).then(|| "nationale-ombudsman".to_owned());
        let now = Timestamp::now();
        let decision =
            Decision { verdict, refer_to, by: "noor".into(), at: now, reason: "Mevrouw Bloem belde.".into() };
        bode::queue::decide(&self.store, number(serial), None, decision, now).unwrap();
        number(serial)
    }

    fn answer(&self, case: CaseNumber) -> Option<AnswerState> {
        self.store.case(case).unwrap().unwrap().answer.map(|answer| answer.state)
    }

    fn history(&self, case: CaseNumber) -> Vec<String> {
        self.store.history(case).unwrap().into_iter().map(|line| line.what).collect()
    }
}

/// Hands over until dropped, which cuts it off wherever it is.
struct Handing {
    runtime: Option<tokio::runtime::Runtime>,
    room: Arc<Room>,
    progress: Receiver<Progress>,
}

fn hand(house: &House, settings: &Zaaksysteem) -> Handing {
    hand_after(house, settings, SignedDuration::from_secs(-1))
}

fn hand_after(house: &House, settings: &Zaaksysteem, undo: SignedDuration) -> Handing {
    let room = Arc::new(Room::open(dir(house.path()), settings.decisions.clone()).unwrap());
    let (store, of) = (Arc::clone(&house.store), Arc::clone(&room));
    let handover = Handover::new(settings, "Ombudsman", undo, store, of, house.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (sender, progress) = channel();
    runtime.spawn(handover.run(move |progress| {
        // Nobody has to watch.
        let _ = sender.send(progress);
    }));
    Handing { runtime: Some(runtime), room, progress }
}

impl Handing {
    /// Waits for a round with this outcome.
    fn wait(&self, what: &str, is: impl Fn(&Progress) -> bool) {
        loop {
            let next = self.progress.recv_timeout(servers::DEADLINE);
            if is(&next.unwrap_or_else(|error| panic!("{what}: {error}"))) {
                return;
            }
        }
    }

    fn step(&self, case: CaseNumber) -> Option<Step> {
        self.room.get(case).unwrap().map(|note| note.step)
    }

    fn is_handed(&self, case: CaseNumber) -> bool {
        matches!(self.step(case), Some(Step::Handed { .. }))
    }

    fn wait_handed(&self, case: CaseNumber) {
        wait_until(&format!("{case} is handed over"), || self.is_handed(case));
    }
}

impl Drop for Handing {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn list<'a>(state: &'a Value, key: &str) -> &'a Vec<Value> {
    state[key].as_array().unwrap()
}

fn count(state: &Value, key: &str) -> usize {
    list(state, key).len()
}

/// The name of a type, by its address.
fn named<'a>(state: &'a Value, url: &Value) -> &'a str {
    state["names"][url.as_str().unwrap()].as_str().unwrap()
}

fn sound(server: &ZgwServer) -> Value {
    let state = server.state();
    assert_eq!(
        state["violations"],
        serde_json::json!([]),
        "requests and answers are as the standard has them"
    );
    state
}

#[test]
fn a_decided_case_arrives_as_one_zaak_with_documents_result_and_status() {
    let (server, house) = (ZgwServer::start(), House::new());
    let handing = hand(&house, &server.settings());
    let case = house.decide(2, Verdict::Refer);
    handing.wait_handed(case);
    let state = sound(&server);
    let zaak = &list(&state, "zaken")[0];
    assert_eq!(
        (zaak["identificatie"].as_str(), zaak["bronorganisatie"].as_str()),
        (Some(&*case.to_string()), Some(RSIN))
    );
    assert_eq!(zaak["startdatum"], house.store.case(case).unwrap().unwrap().received.to_string());
    assert_eq!(zaak["vertrouwelijkheidaanduiding"], "zaakvertrouwelijk");
    assert_eq!(zaak["einddatum"], jiff::Zoned::now().date().to_string(), "the last status closed it");
    assert_eq!((count(&state, "zaken"), count(&state, "documents"), count(&state, "links")), (1, 2, 2));
    assert_eq!(state["posts"], POSTS);
    let row = house.store.case(case).unwrap().unwrap();
    let record = row.records[0];
    for (document, name, bytes) in [
        (0, format!("{record}-origineel"), house.store.original(record).unwrap()),
        (
            1,
            format!("{record}-antwoord"),
            house.store.answer_of(row.answer.as_ref().unwrap()).unwrap().unwrap(),
        ),
    ] {
        use base64::Engine;
        let document = &list(&state, "documents")[document];
        assert_eq!(document["identificatie"], name);
        let there =
            base64::engine::general_purpose::STANDARD.decode(document["bytes"].as_str().unwrap()).unwrap();
        assert_eq!(there, bytes, "{name}");
        assert_eq!(named(&state, &document["informatieobjecttype"]), "Klachtstuk");
        assert!(list(&state, "links").iter().any(|link| link["informatieobject"] == document["url"]));
    }
    assert_eq!(named(&state, &list(&state, "results")[0]["resultaattype"]), "Doorgezonden");
    assert_eq!(named(&state, &list(&state, "statuses")[0]["statustype"]), "Afgehandeld");
    // Beside the documents themselves nobody is named, and what staff wrote stays here.
    for key in ["zaken", "links", "results", "statuses"] {
        let told = state[key].to_string();
        for word in
            ["Bloem", "noor", "@", row.writer.as_deref().unwrap_or("-"), row.subject.as_deref().unwrap()]
        {
            assert!(!told.contains(word), "{word} in {told}");
        }
    }
    assert_eq!(house.history(case).last().map(String::as_str), Some("Overgedragen aan het zaaksysteem."));

    // A decision that is not named is not handed over; one without a result sets only a status.
    let other = house.decide(5, Verdict::Signal);
    let taken_up = house.decide(1, Verdict::TakeUp);
    handing.wait_handed(taken_up);
    assert_eq!(handing.step(other), None);
    let state = sound(&server);
    assert_eq!((count(&state, "zaken"), count(&state, "results"), count(&state, "statuses")), (2, 1, 2));
    assert_eq!(list(&state, "zaken")[1]["einddatum"], Value::Null);
}

#[test]
fn a_case_that_is_settled_later_is_the_same_zaak_with_its_result_and_last_status() {
    let (server, house) = (ZgwServer::start(), House::new());
    let handing = hand(&house, &server.settings());
    let case = house.decide(2, Verdict::TakeUp);
    handing.wait_handed(case);
    house.decide(2, Verdict::Settle);
    wait_until("the zaak is closed", || !server.state()["zaken"][0]["einddatum"].is_null());
    handing.wait_handed(case);
    let state = sound(&server);
    let counts = ["zaken", "documents", "links", "results", "statuses"].map(|key| count(&state, key));
    assert_eq!(counts, [1, 2, 2, 1, 2]);
    let told = house.history(case).iter().filter(|line| line.starts_with("Overgedragen")).count();
    assert_eq!(told, 2, "once for each decision");
}

#[test]
fn who_wrote_is_named_only_where_the_office_wants_it_and_once() {
    let (server, house) = (ZgwServer::start(), House::new());
    let handing = hand(&house, &server.settings());
    let case = house.decide(1, Verdict::TakeUp);
    handing.wait_handed(case);
    assert_eq!(count(&sound(&server), "roles"), 0);
    drop(handing);
    let settings = Zaaksysteem { rol: Some("klager".into()), ..server.settings() };
    let handing = hand(&house, &settings);
    server.plan(2, "hang-after");
    let named = house.decide(2, Verdict::Refer);
    wait_until("the role is under way", || server.state()["hung"] == 1);
    drop(handing);
    let handing = hand(&house, &settings);
    handing.wait_handed(named);
    let state = sound(&server);
    let roles = list(&state, "roles");
    let record = house.store.case(named).unwrap().unwrap().records[0];
    let writer = house.store.judgement(record).unwrap().unwrap().writer.name.unwrap();
    assert_eq!((roles.len(), roles[0]["afwijkendeNaamBetrokkene"].as_str()), (1, Some(&*writer)));
    assert_eq!(roles[0]["betrokkeneIdentificatie"], serde_json::json!({ "geslachtsnaam": writer }));
}

#[test]
fn what_is_locked_stays_here_and_a_joined_letter_comes_along_with_its_text_covered() {
    use base64::Engine;
    let (server, house) = (ZgwServer::start(), House::new());
    let locked = samples::take(&house.store, samples::infected(), None);
    let text = "Mijn BSN is 123456782. De ambtenaar aan het loket schold mij uit.".to_owned();
    let letter =
        Sample { channel: Channel::Letter, text, documents: vec![], defects: vec![], ..samples::infected() };
    let letter = samples::take(&house.store, letter, None);
    house.store.join_cases(letter, None, locked, "noor", Timestamp::now()).unwrap();
    let handing = hand(&house, &server.settings());
    house.decide(locked.serial, Verdict::TakeUp);
    handing.wait_handed(locked);
    let records = [locked, letter].map(|case| house.store.case(case).unwrap().unwrap().records[0]);
    let note = handing.room.get(locked).unwrap().unwrap();
    assert_eq!(note.left_out, [format!("{}: de virusscanner vond er iets schadelijks in", records[0])]);
    let state = sound(&server);
    let there: Vec<&str> =
        list(&state, "documents").iter().map(|one| one["identificatie"].as_str().unwrap()).collect();
    assert!(!there.contains(&&*format!("{}-origineel", records[0])), "{there:?}");
    for name in ["origineel", "tekst"] {
        assert!(there.contains(&&*format!("{}-{name}", records[1])), "{there:?}");
    }
    let read = list(&state, "documents").iter().find(|one| one["formaat"] == "text/plain").unwrap();
    let read = base64::engine::general_purpose::STANDARD.decode(read["bytes"].as_str().unwrap()).unwrap();
    let read = String::from_utf8(read).unwrap();
    assert!(read.contains("•••••••82") && !read.contains("123456782"), "{read}");
    assert_eq!(note.documents, there.len());
}

#[test]
fn killed_at_any_step_there_is_one_zaak_with_each_document_once() {
    let server = ZgwServer::start();
    let before = [1, 2, 7].map(|at| (at, "hang-before"));
    for (at, how) in (1..=POSTS).map(|at| (at, "hang-after")).chain(before) {
        server.reset();
        let house = House::new();
        let handing = hand(&house, &server.settings());
        server.plan(at, how);
        let case = house.decide(2, Verdict::Refer);
        wait_until(&format!("request {at} is under way"), || server.state()["hung"] == 1);
        drop(handing);
        let handing = hand(&house, &server.settings());
        handing.wait_handed(case);
        let state = sound(&server);
        let counts = ["zaken", "documents", "links", "results", "statuses"].map(|key| count(&state, key));
        assert_eq!(counts, [1, 2, 2, 1, 1], "killed at request {at}, {how}");
        let told = house.history(case).iter().filter(|line| line.starts_with("Overgedragen")).count();
        assert_eq!(told, 1, "killed at request {at}, {how}");
    }
}

#[test]
fn what_is_away_is_waited_for_and_what_is_refused_waits_for_a_person() {
    let (mut server, house) = (ZgwServer::start(), House::new());
    let handing = hand(&house, &server.settings());
    let hindered = |words: &str| {
        wait_until(words, || handing.room.hindrance().is_some_and(|(_, why)| why.contains(words)));
    };
    // A fault of theirs, too much asked, and away altogether: nothing to do for anybody.
    for what in ["500", "429"] {
        server.all(what);
        let case = house.decide(if what == "500" { 1 } else { 2 }, Verdict::TakeUp);
        hindered(&format!("answered with status {what}: it is tried again"));
        assert_eq!(handing.step(case), Some(Step::Waiting), "{what}");
        server.all("");
        handing.wait_handed(case);
        wait_until("the hindrance is gone", || handing.room.hindrance().is_none());
    }
    server.stop();
    let case = house.decide(5, Verdict::TakeUp);
    hindered("no answer");
    server.run_again();
    handing.wait_handed(case);

    // The credentials, or a zaaktype that is not there: one sentence for the admin, and no case is given up.
    server.all("403");
    let case = house.decide(7, Verdict::TakeUp);
    hindered("check client_id and secret");
    server.all("");
    server.rename_zaaktype("BEZWAAR");
    handing.room.wake();
    wait_until("the zaaktype is missed", || {
        handing.room.wake();
        handing
            .room
            .hindrance()
            .is_some_and(|(_, why)| why.contains("zaaksysteem.zaaktype: no published version"))
    });
    assert_eq!(handing.step(case), Some(Step::Waiting));
    server.rename_zaaktype("KLACHT");
    wait_until("it goes on", || {
        handing.room.wake();
        handing.is_handed(case)
    });
    drop(handing);

    // What does not mend by itself: this case alone waits, with what was said, over a restart.
    let house = House::new();
    server.reset();
    let handing = hand(&house, &server.settings());
    server.plan(2, "400");
    let (refused, fine) = (house.decide(1, Verdict::TakeUp), house.decide(2, Verdict::TakeUp));
    handing.wait_handed(fine);
    let Some(Step::Refused { said, .. }) = handing.step(refused) else {
        panic!("{:?}", handing.step(refused))
    };
    assert!(said.contains("Verzoek geweigerd") && said.contains("status 400"), "{said}");
    drop(handing);
    let handing = hand(&house, &server.settings());
    handing.wait("a round", |_| true);
    assert!(matches!(handing.step(refused), Some(Step::Refused { .. })));
    let decision = house.store.case(refused).unwrap().unwrap().decision.unwrap();
    handing.room.offer(refused, &decision).unwrap();
    handing.room.wake();
    handing.wait_handed(refused);
    let state = server.state();
    assert_eq!((count(&state, "zaken"), count(&state, "statuses")), (2, 2));
    assert_eq!(state["violations"], serde_json::json!([]));
}

#[test]
fn nothing_goes_that_can_be_taken_back_or_whose_answer_is_not_out() {
    let (server, house) = (ZgwServer::start(), House::new());
    let an_hour = SignedDuration::from_hours(1);
    let handing = hand_after(&house, &server.settings(), an_hour);
    let case = house.decide(1, Verdict::TakeUp);
    wait_until("it is noted", || handing.step(case) == Some(Step::Waiting));
    house.store.undo(case, None, an_hour, "noor", Timestamp::now()).unwrap();
    wait_until("it is forgotten", || handing.step(case).is_none());
    drop(handing);

    let handing = hand(&house, &server.settings());
    let waits =
        (1..=8).map(number).find(|case| matches!(house.answer(*case), Some(AnswerState::Waiting { .. })));
    let waits = waits.expect("a sample whose answer waits");
    house.decide_only(waits.serial, Verdict::TakeUp);
    handing.wait("a round after it is noted", |_| handing.step(waits) == Some(Step::Waiting));
    handing.wait("one round more", |_| true);
    assert_eq!(server.state()["requests"], 0);
    house.store.answer_attempted(waits, Timestamp::now()).unwrap();
    house.store.answer_sent(waits, Timestamp::now()).unwrap();
    handing.wait_handed(waits);

    // What happens to it afterwards is told, and a person says that it was seen to.
    house.store.note(waits, "noor", "Een notitie verandert niets.", Timestamp::now()).unwrap();
    house.decide_only(waits.serial, Verdict::Reopen);
    wait_until("the change is told", || matches!(handing.step(waits), Some(Step::Changed { .. })));
    handing.room.seen(waits).unwrap();
    assert!(handing.is_handed(waits));
    assert_eq!(count(&sound(&server), "zaken"), 1);
}

#[test]
fn a_destroyed_case_is_forgotten_and_what_was_decided_before_is_the_past() {
    let (server, house) = (ZgwServer::start(), House::new());
    let past = house.decide(1, Verdict::TakeUp);
    drop(hand(&house, &server.settings()));
    server.all("503");
    let case = house.decide(2, Verdict::TakeUp);
    let handing = hand(&house, &server.settings());
    handing.wait("hindered", |progress| progress.hindered);
    let revision = house.store.case(case).unwrap().unwrap().revision;
    let order = bode::store::PurgeOrder {
        what: bode::store::Purgeable::Case(case, revision),
        closed_on: None,
        term: None,
        basis: "AVG 17".into(),
    };
    house.store.purge(&[order], "lijst", "a.archief", Timestamp::now()).unwrap();
    server.all("");
    handing.room.wake();
    wait_until("it is forgotten", || {
        handing.room.wake();
        handing.step(case).is_none()
    });
    assert_eq!(handing.step(past), None);
    let state = server.state();
    assert_eq!((count(&state, "zaken"), count(&state, "documents")), (0, 0));
}

#[test]
fn the_desk_shows_where_each_case_is_and_a_person_offers_it_again() {
    let desk = desk::Desk::start();
    let decision = |verdict| Decision {
        verdict,
        refer_to: None,
        by: "noor".into(),
        at: desk::now(),
        reason: "zo".into(),
    };
    desk.store.decide(number(1), None, decision(Verdict::TakeUp), desk::now()).unwrap();
    desk.store.decide(number(2), None, decision(Verdict::Signal), desk::now()).unwrap();
    let (mut noor, mut karel) = (desk.person("noor"), desk.person("karel"));
    let page = noor.get("/handover");
    assert!(page.body.contains("nog geen zaak overgedragen"), "{}", page.body);
    let csrf = page.field("csrf");
    let mut note = Note::new(number(1), Verdict::TakeUp, desk::now());
    let hostile = "zaaktype: <script>alert(1)</script> (status 400)".to_owned();
    note.step = Step::Refused { since: desk::now(), said: hostile };
    desk.handover.put(&note).unwrap();
    let page = noor.get("/handover").body;
    assert!(
        page.contains("Geweigerd: dit moet iemand bekijken") && page.contains("Opnieuw aanbieden"),
        "{page}"
    );
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>alert"), "{page}");
    assert!(!karel.get("/handover").body.contains("Opnieuw aanbieden"), "an auditor changes nothing");

    let offer = |client: &mut desk::Client, case: &str, action: &str| {
        client.post("/handover", &[("csrf", &csrf), ("action", action), ("case", case)]).status
    };
    let case = number(1).to_string();
    assert_eq!(offer(&mut noor, &case, "offer"), 303);
    assert_eq!(desk.handover.get(number(1)).unwrap().unwrap().step, Step::Waiting);
    let last = desk.store.history(number(1)).unwrap().pop().unwrap();
    assert_eq!((last.by.as_str(), last.what.as_str()), ("noor", "Aangeboden aan het zaaksysteem."));
    // Or does there by hand what was refused.
    note.zaak = None;
    desk.handover.put(&note).unwrap();
    assert_eq!(offer(&mut noor, &case, "seen"), 303);
    assert_eq!(desk.handover.get(number(1)).unwrap(), None);
    note.zaak = Some("https://zaken.example.nl/zaken/1".into());
    // What is decided otherwise does not go there, nor what is not there.
    assert_eq!(offer(&mut noor, &number(2).to_string(), "offer"), 422);
    assert_eq!(offer(&mut noor, "2026-000999-1", "offer"), 404);
    assert_eq!(offer(&mut noor, &case, "weg"), 422);
    note.step = Step::Changed { since: desk::now(), what: "De zaak is heropend.".into() };
    desk.handover.put(&note).unwrap();
    assert!(noor.get("/handover").body.contains("De zaak is heropend."));
    assert_eq!(offer(&mut noor, &case, "seen"), 303);
    assert!(matches!(desk.handover.get(number(1)).unwrap().unwrap().step, Step::Handed { .. }));
    assert!(noor.get("/handover").body.contains("<h2 class=\"after\">Overgedragen</h2>"));
}

/// A decided case of a real office, by the command line.
fn decide(office: &OfficeDir, case: &str) {
    office.told(&["cases", "decide", case, "take-up", "--reason", "proef"]);
}

fn import(office: &OfficeDir, name: &str) -> String {
    let message = format!(
        "From: {name} Jansen <{name}@example.nl>\nTo: <klacht@ombudsman.example.nl>\nSubject: Klacht van {name}\nMessage-ID: <{name}@example.nl>\n\n\
         Geachte ombudsman,\n\nDe gemeente Den Haag gaf mij geen antwoord op mijn klacht over Burgerzaken.\n\n{name}\n"
    );
    let file = office.dir.path().join(format!("{name}.eml"));
    std::fs::write(&file, message).unwrap();
    office.told(&["import", "--no-acknowledge", file.to_str().unwrap()]);
    let listed: Value = serde_json::from_str(&office.told(&["cases", "list", "--json"])).unwrap();
    let rows = listed.as_array().unwrap();
    let row = rows.iter().find(|row| row["subject"].as_str().is_some_and(|subject| subject.ends_with(name)));
    row.unwrap_or_else(|| panic!("{listed}"))["number"].as_str().unwrap().to_owned()
}

#[test]
fn a_real_daemon_hands_over_outlives_kills_and_hands_over_nothing_of_a_rehearsal() {
    let server = ZgwServer::start();
    let office = OfficeDir::den_haag(&format!(
        "[rehearsal]\non = true\n\n[scan]\ndir = \"scans\"\n\n{}",
        server.toml()
    ));
    std::fs::create_dir(office.dir.path().join("scans")).unwrap();
    let set = |from: &str, to: &str| {
        let text = std::fs::read_to_string(&office.config).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&office.config, text.replace(from, to)).unwrap();
    };
    set("[desk]\n", "[desk]\nundo_minutes = 0\nmetrics_open = true\n");
    let doctor = office.bode(&["doctor", "--json"]);
    let told: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let line = list(&told, "checks").iter().find(|line| line["check"] == "zaaksysteem").unwrap();
    assert_eq!(line["state"], "ok", "{line}");
    server.reset();

    let [earlier, practice, first, second] =
        ["ruud", "fatma", "wim", "olga"].map(|name| import(&office, name));
    let mut daemon = office.run();
    daemon.wait_for("rehearsal: no case is handed over", 1);
    daemon.wait_for("bode is running", 1);
    decide(&office, &practice);
    daemon.terminate();
    decide(&office, &earlier);

    set("on = true", "on = false");
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    server.plan(2, "hang-after");
    decide(&office, &first);
    wait_until("a document is under way", || server.state()["hung"] == 1);
    daemon.kill();
    let mut daemon = office.run();
    daemon.wait_for("handed over to the zaaksysteem", 1);
    server.all("503");
    decide(&office, &second);
    daemon.wait_for("the zaaksysteem cannot be used now", 1);
    let metric =
        |daemon: &daemon::Daemon, series: &str| daemon.get("/metrics").1.lines().any(|line| line == series);
    wait_until("the metrics tell", || metric(&daemon, "bode_zaaksysteem_up 0"));
    assert!(metric(&daemon, "bode_handover_cases{state=\"waiting\"} 1"));
    assert_eq!(daemon.healthz(), (200, "ok\n".to_owned()), "post comes in without it");
    server.all("");
    daemon.wait_for("handed over to the zaaksysteem", 1);
    wait_until("the metrics tell", || metric(&daemon, "bode_zaaksysteem_up 1"));
    let log = daemon.terminate();
    assert!(!log.contains("Jansen") && !log.contains("example.nl"), "{log}");

    let state = sound(&server);
    let there: Vec<&str> =
        list(&state, "zaken").iter().map(|zaak| zaak["identificatie"].as_str().unwrap()).collect();
    assert_eq!(there, [&first, &second], "nothing of the rehearsal, and nothing twice");
    assert_eq!((count(&state, "documents"), count(&state, "links")), (2, 2));
    assert_eq!(office.verify()["exceptions"], serde_json::json!([]));
    let csv = office.told(&["cases", "list", "--csv"]);
    assert!(csv.starts_with("\u{feff}zaak;") && csv.contains(&format!("{first};")), "{csv}");
}

#[test]
fn wrong_settings_are_told_with_line_and_key() {
    let office = OfficeDir::den_haag(
        "[scan]\ndir = \"scans\"\n\n[zaaksysteem]\nzaken = \"https://zaken.example.nl/api/v1?x\"\n\
         documenten = \"https://documenten.example.nl/api/v1\"\ncatalogi = \"https://catalogi.example.nl/api/v1\"\n\
         client_id = \"\"\nsecret = { env = \"ZGW\" }\nrsin = \"123456789\"\n\
         zaaktype = \"https://elders.example.nl/zaaktypen/1\"\ninformatieobjecttype = \"Klacht\"\n\
         vertrouwelijkheid = \"zaakvertrouwelijk\"\n\n[zaaksysteem.decisions]\n",
    );
    let told = office.bode(&["config", "check"]);
    assert_eq!(told.status.code(), Some(2));
    let told = String::from_utf8(told.stdout).unwrap() + &String::from_utf8(told.stderr).unwrap();
    for (line, words) in [
        (10, "zaaksysteem.zaken: is the root of an API, without a question mark"),
        (13, "zaaksysteem.client_id: has 1 to 100 characters"),
        (15, "zaaksysteem.rsin: \"123456789\" is no RSIN: nine digits that pass the elfproef"),
        (
            16,
            "zaaksysteem.zaaktype: \"https://elders.example.nl/zaaktypen/1\" does not begin with the root of catalogi",
        ),
        (20, "zaaksysteem.decisions: names no decision"),
    ] {
        let told = told.lines().find(|one| one.contains(words)).unwrap_or_else(|| panic!("{words}: {told}"));
        assert!(told.contains(&format!("office.toml:{line}:")), "{line}: {told}");
    }
}
