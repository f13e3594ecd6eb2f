//! Seeded faults over the whole path: a real `bode run`, a real Dovecot or a Maildir, a scan folder, a real Exim that
//! takes the answers. Each round lays post, lets one fault fall, starts the daemon again without one and waits until it
//! is idle. Then every piece is exactly one record and each record a case, part of one or aside; no case is there twice;
//! no answer went out twice, but for the one window that the design names (cut off between the server's taking it and
//! our note: the same Message-ID and words); and `bode verify` is clean. One store goes on for some rounds.
//!
//! `BODE_TEST_ROUNDS=2000` (`make torture ROUNDS=2000`) is the long count. A round that fails prints its seed and leaves
//! its folder; `BODE_TEST_SEED=n` runs the rounds of that store again, up to that one. `BODE_TEST_FROM=n` begins at the
//! store of that seed, so that a long count can be run in parts.

#[path = "../daemon/mod.rs"]
mod daemon;
mod fake_imap;
mod fault;
mod found;
#[path = "../support/journal.rs"]
mod journal;
mod office;
mod other;
mod points;
mod prepared;
mod round;
#[path = "../servers/mod.rs"]
mod servers;
mod story;
mod traffic;

use office::{Counts, Office, Way};
use points::{POINTS, READS, RUN_POINTS, SEGMENT_POINTS, is_named};
use round::Kind;
use servers::MailServers;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Rounds without `BODE_TEST_ROUNDS`.
const ROUNDS: usize = 24;

/// One store in so many is sealed with a key file.
const SEALED_ONE_IN: usize = 3;

/// Rounds in one store.
const ROUNDS_IN_STORE: usize = 8;

#[derive(Default)]
struct Tally {
    rounds: usize,
    kinds: BTreeMap<Kind, (usize, usize)>,
    sealed: usize,
    points: BTreeMap<String, usize>,
    unnamed: BTreeSet<String>,
    totals: Counts,
    failures: Vec<String>,
}

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: {text}")))
}

#[test]
fn nothing_is_lost_or_doubled_by_any_fault() {
    let only = number("BODE_TEST_SEED");
    let first = number("BODE_TEST_FROM").unwrap_or(0);
    let rounds = only.map_or(first + number("BODE_TEST_ROUNDS").unwrap_or(ROUNDS), |seed| seed + 1);
    let (servers, library, tally) = (MailServers::start(), fault::library(), Mutex::new(Tally::default()));
    let lanes =
        if only.is_some() { 1 } else { 1 + std::thread::available_parallelism().map_or(1, usize::from) };
    let next = AtomicUsize::new(only.unwrap_or(first) / ROUNDS_IN_STORE);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                loop {
                    let store = next.fetch_add(1, Ordering::SeqCst);
                    let seeds = store * ROUNDS_IN_STORE..rounds.min((store + 1) * ROUNDS_IN_STORE);
                    if seeds.is_empty() {
                        return;
                    }
                    rounds_of_one_store(store, seeds, &servers, &library, &tally);
                }
            });
        }
    });
    // Best effort: it lies in the target folder.
    let _ = std::fs::remove_file(library);
    drop(servers);
    let tally = tally.into_inner().unwrap();
    print(&tally, begun);
    assert!(
        tally.failures.is_empty(),
        "{} rounds failed:\n\n{}",
        tally.failures.len(),
        tally.failures.join("\n\n")
    );
}

fn rounds_of_one_store(
    store: usize,
    seeds: std::ops::Range<usize>,
    servers: &MailServers,
    library: &std::path::Path,
    tally: &Mutex<Tally>,
) {
    let way = if store.is_multiple_of(2) { Way::Maildir } else { Way::Mailbox };
    let sealed = store % SEALED_ONE_IN == SEALED_ONE_IN - 1;
    let mut office = Office::new(store, way, sealed, servers, library);
    let mut counts = Counts::default();
    for seed in seeds {
        let outcome =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| round::run(&mut office, seed as u64)));
        let outcome = outcome.unwrap_or_else(|_| Err("the test panicked".to_owned()));
        let mut tally = tally.lock().unwrap();
        tally.rounds += 1;
        if tally.rounds.is_multiple_of(50) {
            println!("{} rounds, {} failed", tally.rounds, tally.failures.len());
        }
        match outcome {
            Ok(told) => {
                counts = told.counts;
                let kind = tally.kinds.entry(told.kind).or_default();
                kind.0 += 1;
                kind.1 += usize::from(told.place.is_some() || !told.kind.is_of_the_disk());
                if let Some(place) = told.place {
                    *tally.points.entry(place).or_default() += 1;
                }
                tally.sealed += usize::from(sealed);
                tally.unnamed.extend(told.calls.into_iter().filter(|name| !is_named(name)));
            }
            Err(fault) => {
                let kept = office.dir.dir.keep();
                let told = format!("seed {seed} ({way:?}): {fault}\nits folder is {}", kept.display());
                println!("FAILED {told}");
                tally.failures.push(told);
                tally.add(counts);
                return;
            }
        }
    }
    let mut tally = tally.lock().unwrap();
    if let Err(fault) = office.copies_are_equal() {
        tally.failures.push(format!("store {store}: {fault}"));
    }
    tally.add(counts);
}

impl Tally {
    fn add(&mut self, counts: Counts) {
        self.totals.pieces += counts.pieces;
        self.totals.cases += counts.cases;
        self.totals.answers += counts.answers;
        self.totals.copies += counts.copies;
    }
}

fn print(tally: &Tally, begun: Instant) {
    println!("\n{} rounds in {:.0} s", tally.rounds, begun.elapsed().as_secs_f64());
    println!("  {} of them on a store that is sealed with a key", tally.sealed);
    for kind in Kind::all() {
        let (rounds, struck) = tally.kinds.get(&kind).copied().unwrap_or_default();
        println!("  {:<32} {rounds:>5} rounds, {struck:>5} struck", format!("{kind:?}"));
    }
    println!("{} calls struck by name:", tally.points.len());
    for (name, times) in &tally.points {
        println!("  {name:<44} {times:>5}");
    }
    let named = POINTS.iter().chain(READS).chain(SEGMENT_POINTS).chain(RUN_POINTS).map(|(name, _)| *name);
    let missed: BTreeSet<&str> = named.filter(|name| !tally.points.contains_key(*name)).collect();
    println!("named and not struck: {missed:?}\nseen and not named: {:?}", tally.unnamed);
    let Counts { pieces, cases, answers, copies } = tally.totals;
    println!(
        "{pieces} pieces, {cases} cases, {answers} answers, {copies} copies in the window that the design names"
    );
}
