//! Killed in the middle of writing, and looked at in the middle of writing.

use crate::support::*;
use bode::record::*;
use bode::store::{Registered, Store};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs only as the child of the test below: works without end, and says what was confirmed to it.
#[test]
#[ignore = "a child process"]
fn child_that_works_until_it_is_killed() {
    let dir = std::path::PathBuf::from(std::env::var_os("BODE_TEST_STORE").unwrap());
    let key_file = std::env::var_os("BODE_TEST_KEY").map(Into::into);
    let store = Store::open(StorePlace { dir, key_file }).unwrap();
    let begin = store.unfinished().unwrap();
    let say = |line: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").unwrap();
        out.flush().unwrap();
    };
    say("= begin".to_owned());
    let finish = |number: RegistrationNumber| {
        let case = store.next_case_number(2026).unwrap();
        store.keep_extract(number, &extract(&number.to_string()), noon()).unwrap();
        store.commit(number, new_case(case, "nieuw", send()), noon()).unwrap();
        say(format!("= case {case}"));
        store.answer_attempted(case, noon()).unwrap();
        store.answer_sent(case, noon()).unwrap();
        say(format!("= sent {case}"));
        store.decide(case, None, decision(Verdict::TakeUp, "Ja."), noon()).unwrap();
        say(format!("= taken {case}"));
    };
    begin.into_iter().for_each(finish);
    let run = std::process::id();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (store, say, finish) = (&store, &say, &finish);
            scope.spawn(move || {
                for i in 0.. {
                    let batch: Vec<_> = (0..3).map(|j| arrival(&format!("{run}-{thread}-{i}-{j}"))).collect();
                    let registered = store.register(&batch, noon()).unwrap();
                    registered.iter().for_each(|one| say(format!("= piece {}", one.number())));
                    registered.iter().map(Registered::number).for_each(finish);
                }
            });
        }
    });
}

/// Starts the child, kills it after it has said `lines` lines, and returns them.
fn killed_after(place: &StorePlace, lines: usize) -> Vec<String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    if let Some(key_file) = &place.key_file {
        command.env("BODE_TEST_KEY", key_file);
    }
    let mut child = command
        .args(["--exact", "killed::child_that_works_until_it_is_killed", "--ignored", "--nocapture"])
        .env("BODE_TEST_STORE", &place.dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut confirmed = Vec::new();
    while confirmed.len() < lines {
        match said.next() {
            Some(line) if line.starts_with("= ") => confirmed.push(line),
            Some(_) => {}
            None => panic!("the child ended by itself after {confirmed:?}"),
        }
    }
    child.kill().unwrap();
    confirmed.extend(said.filter(|line| line.starts_with("= ")));
    child.wait().unwrap();
    confirmed
}

#[test]
fn killed_at_any_moment_nothing_confirmed_is_lost_and_nothing_is_doubled() {
    let house = tempfile::tempdir().unwrap();
    kill_in_rounds(12, &StorePlace { dir: house.path().join("store"), key_file: None });
}

#[test]
fn killed_at_any_moment_a_sealed_store_loses_nothing_either() {
    let house = tempfile::tempdir().unwrap();
    let key = house.path().join("key");
    bode::store::new_key(&key, "een").unwrap();
    kill_in_rounds(6, &StorePlace { dir: house.path().join("store"), key_file: Some(key) });
}

fn kill_in_rounds(rounds: usize, place: &StorePlace) {
    let mut confirmed = Vec::new();
    for round in 0..rounds {
        confirmed.extend(killed_after(place, 1 + round * 7));
        let store = Store::open(place).unwrap();
        keep_rules(&store);
        let report = store.verify(noon()).unwrap();
        assert!(report.is_clean(), "round {round}: {:#?}", report.exceptions);
        for line in &confirmed {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["=", "piece", number] => {
                    store.original(number.parse().unwrap()).unwrap();
                }
                ["=", what, case] => {
                    let row = store.case(case.parse().unwrap()).unwrap().unwrap();
                    let sent = matches!(row.answer.unwrap().state, AnswerState::Sent { .. });
                    assert!(what == "case" || sent, "{line}");
                    assert!(what != "taken" || row.status == CaseStatus::TakenUp, "{line}");
                    assert_eq!(row.records.len(), 1);
                }
                _ => {}
            }
        }
    }
}

#[test]
fn verify_finds_nothing_while_others_write() {
    let house = House::new();
    let (store, done) = (house.store(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|thread| {
                scope.spawn(move || {
                    for i in 0..25 {
                        let mark = format!("{thread}-{i}");
                        let number = store.register(&[arrival(&mark)], noon()).unwrap()[0].number();
                        store.keep_extract(number, &extract(&mark), noon()).unwrap();
                        let case = store.next_case_number(2026).unwrap();
                        store.commit(number, new_case(case, "nieuw", send()), noon()).unwrap();
                        store.note(case, "j.jansen", "Gebeld.", noon()).unwrap();
                    }
                })
            })
            .collect();
        let done = &done;
        scope.spawn(move || {
            let mut looks = 0;
            while !done.load(Ordering::Acquire) || looks == 0 {
                let report = store.verify(noon()).unwrap();
                assert!(report.is_clean(), "{:#?}", report.exceptions);
                looks += 1;
            }
        });
        let ended: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        done.store(true, Ordering::Release);
        ended.into_iter().for_each(|end| end.unwrap());
    });
    assert_eq!(store.verify(noon()).unwrap().in_cases, 75);
}
