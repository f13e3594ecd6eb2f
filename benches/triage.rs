//! Triage alone: messages of 2 kB a second and core, the time by length up to 1 MB, and how long it takes to load and
//! check all rules. Times are of the processor, so that a busy machine does not count.
//!
//! `make bench-triage`; prints a few lines. The texts are those of `tests/corpus/`, put together to the length asked for.

use bode::config;
use bode::record::{Document, Extract};
use bode::triage::{Ruleset, judge};
use bode::trial::{Item, read_items};
use rustix::time::{ClockId, clock_gettime};
use std::path::Path;
use std::time::{Duration, Instant};

const MESSAGE_BYTES: usize = 2_048;
const ROUNDS: usize = 5;

fn main() {
    // Loading works on as many cores as there are: whoever starts `bode` waits for the first, the machine gives the second.
    let loads: Vec<(Duration, Duration)> = (0..ROUNDS).map(|_| (waited(load), spent(load).1)).collect();
    println!(
        "rules read, compiled and checked: {:.0} ms, {:.0} ms of processor time (best of {ROUNDS})",
        milliseconds(least(&loads.iter().map(|load| load.0).collect::<Vec<_>>())),
        milliseconds(least(&loads.iter().map(|load| load.1).collect::<Vec<_>>()))
    );
    let rules = load();
    let office = config::load(Path::new("config/den-haag.toml")).expect("the office is there").office;
    let letters = letters(MESSAGE_BYTES);
    let judged = |one: &Item| judge(&one.extract, one.channel, one.received, &office, &rules).findings.len();
    let _compiled: usize = letters.iter().take(20).map(judged).sum(); // What is compiled on first use.
    let rounds: Vec<Duration> =
        (0..ROUNDS).map(|_| spent(|| letters.iter().map(judged).sum::<usize>()).1).collect();
    let each = least(&rounds).as_secs_f64() / letters.len() as f64;
    println!(
        "{} messages of {MESSAGE_BYTES} bytes: {:.0} a second and core, {:.2} ms each",
        letters.len(),
        1.0 / each,
        each * 1e3
    );
    println!("{:>10} {:>12} {:>14}", "bytes", "ms", "ns a byte");
    for kilobytes in [2, 8, 32, 128, 512, 1024] {
        let bytes = kilobytes * 1024;
        let Some(long) = self::letters(bytes).into_iter().next() else { continue };
        let times: Vec<Duration> = (0..3).map(|_| spent(|| judged(&long)).1).collect();
        let time = least(&times);
        println!("{bytes:>10} {:>12.2} {:>14.1}", milliseconds(time), time.as_nanos() as f64 / bytes as f64);
    }
}

fn load() -> Ruleset {
    Ruleset::load(Path::new("rules")).expect("the delivered rules hold")
}

/// The texts of the corpus in a row, cut to so many bytes each.
fn letters(bytes: usize) -> Vec<Item> {
    let texts = ["write", "watch"].map(|name| std::fs::read_to_string(format!("tests/corpus/{name}.jsonl")));
    let mut items: Vec<Item> = texts
        .into_iter()
        .flat_map(|text| read_items(&text.expect("the corpus is there")).expect("it can be read"))
        .collect();
    items.retain(|item| item.extract.documents.first().is_some_and(|first| !first.text.trim().is_empty()));
    let texts: Vec<String> = items.iter().map(|item| item.extract.documents[0].text.clone()).collect();
    for (at, item) in items.iter_mut().enumerate() {
        let mut text = String::with_capacity(bytes + 4_096);
        for other in texts.iter().cycle().skip(at) {
            if text.len() >= bytes {
                break;
            }
            text.push_str(other);
            text.push_str("\n\n");
        }
        text.truncate((0..=bytes).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0));
        let documents: Vec<Document> = item
            .extract
            .documents
            .iter()
            .take(1)
            .map(|first| Document { text: text.clone(), parts: Vec::new(), ..first.clone() })
            .collect();
        item.extract = Extract { documents, ..item.extract.clone() };
    }
    items
}

/// A result and the processor's time that it took.
fn spent<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let before = processor_time();
    let result = work();
    (result, processor_time() - before)
}

/// The time that somebody waits for it.
fn waited<T>(work: impl FnOnce() -> T) -> Duration {
    let before = Instant::now();
    drop(work());
    before.elapsed()
}

fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

fn least(times: &[Duration]) -> Duration {
    times.iter().min().copied().unwrap_or_default()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
