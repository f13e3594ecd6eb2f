//! The inner parts, each alone and over and over (criterion): a message parsed, a text judged, the rules compiled, lines of the journal
//! made and read, a row of the index looked up, texts searched.
//!
//! `make bench-inner`; a figure for people stands behind `time:`, the middle one of three. Later runs are held against the one before.

#[path = "support/cases.rs"]
mod cases;

use bode::config;
use bode::extract::counted::counted_mime;
use bode::record::Document;
use bode::store::inner::JournalEntries;
use bode::store::{CaseFilter, Store};
use bode::triage::{Ruleset, judge};
use bode::trial::{Item, read_items};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::path::Path;

/// Cases in the store that is looked into.
const CASES: usize = 2_000;
/// Bytes of a short text, and of a long one.
const TEXTS: [(&str, usize); 2] = [("2 kB", 2 * 1024), ("64 kB", 64 * 1024)];

fn mime(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a message parsed");
    for (name, bytes) in TEXTS {
        let message = message_of(&text_of(bytes).extract.documents[0].text);
        group.throughput(Throughput::Bytes(message.len() as u64));
        let message = [message];
        group.bench_function(format!("{name}, as text and HTML and hung on"), |bencher| {
            bencher.iter(|| counted_mime(black_box(&message)));
        });
    }
    group.finish();
}

/// A text in the three forms in which it mostly comes: plain, as HTML, and as a file.
fn message_of(text: &str) -> Vec<u8> {
    let html = text.replace('&', "&amp;").replace('<', "&lt;").replace("\n\n", "</p><p style=\"margin:0\">");
    format!(
        "From: Jan Voorbeeld <jan@example.org>\r\nTo: klacht@ombudsman.example.nl\r\nSubject: Klacht over de balie\r\n\
         Date: Mon, 2 Mar 2026 09:00:00 +0100\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=buiten\r\n\r\n--buiten\r\n\
         Content-Type: multipart/alternative; boundary=binnen\r\n\r\n--binnen\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n--binnen\r\n\
         Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         <html><body><p>{html}</p></body></html>\r\n--binnen--\r\n--buiten\r\n\
         Content-Type: text/plain; charset=utf-8; name=klacht.txt\r\nContent-Disposition: attachment; filename=klacht.txt\r\n\r\n\
         {text}\r\n--buiten--\r\n"
    )
    .into_bytes()
}

fn triage(criterion: &mut Criterion) {
    let office = config::load_file(Path::new("config/den-haag.toml")).expect("the office is there").office;
    let rules = Ruleset::load(Path::new("rules")).expect("the delivered rules hold");
    let mut group = criterion.benchmark_group("a text judged");
    for (name, bytes) in TEXTS {
        let item = text_of(bytes);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| judge(black_box(&item.extract), item.channel, item.received, &office, &rules));
        });
    }
    group.finish();
}

/// The texts of the corpus in a row, as one message of so many bytes.
fn text_of(bytes: usize) -> Item {
    let corpus = std::fs::read_to_string("tests/corpus/write.jsonl").expect("the corpus is there");
    let items = read_items(&corpus).expect("it can be read");
    let texts = items.iter().filter_map(|item| item.extract.documents.first().map(|first| &first.text));
    let mut text = String::new();
    for one in texts.cycle().take_while(|one| !one.is_empty()) {
        if text.len() >= bytes {
            break;
        }
        text.push_str(one);
        text.push_str("\n\n");
    }
    text.truncate(text.floor_char_boundary(bytes));
    let mut item = items.into_iter().next().expect("it is not empty");
    let first = item.extract.documents.swap_remove(0);
    item.extract.documents = vec![Document { text, parts: Vec::new(), ..first }];
    item
}

fn rules(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rules");
    group.sample_size(20);
    group.bench_function("read, compiled and checked", |bencher| {
        bencher.iter(|| Ruleset::load(black_box(Path::new("rules"))).expect("the delivered rules hold"));
    });
    group.finish();
}

fn store(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("there is room");
    cases::make(dir.path(), CASES).expect("the store can be made");
    let entries = JournalEntries::of(dir.path()).expect("the journal can be read");
    let mut group = criterion.benchmark_group("the journal");
    group.throughput(Throughput::Elements(entries.count() as u64));
    group.bench_function("lines made", |bencher| bencher.iter(|| entries.encode().expect("they fit")));
    group.bench_function("lines read", |bencher| bencher.iter(|| entries.decode().expect("they hold")));
    group.finish();
    drop(entries);

    let store = Store::open(dir.path()).expect("the store opens");
    while store.follow_texts(usize::MAX).expect("the texts can be read") > 0 {}
    let page = store.cases(&CaseFilter { limit: usize::MAX, ..CaseFilter::default() }).expect("it has rows");
    let mut numbers = page.rows.iter().map(|row| row.number).cycle();
    let mut next = || numbers.next().expect("there are cases");
    let mut group = criterion.benchmark_group("the index");
    group.bench_function("a case looked up", |bencher| {
        bencher.iter_batched(
            &mut next,
            |number| store.case(number).expect("it can be read"),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("a page of the queue", |bencher| {
        bencher.iter(|| store.cases(black_box(&CaseFilter::default())).expect("it can be read"));
    });
    for (name, words) in [
        ("a word that many texts hold", "paspoort"),
        ("two words", "paspoort balie"),
        ("a word typed wrong", "paspooort"),
    ] {
        let filter = CaseFilter { text: Some(words.to_owned()), ..CaseFilter::default() };
        assert!(store.cases(&filter).expect("it can be read").total > 0, "{words} stands in no text");
        group.bench_function(name, |bencher| {
            bencher.iter(|| store.cases(black_box(&filter)).expect("it can be read"));
        });
    }
    group.finish();
}

criterion_group!(inner, mime, triage, rules, store);
criterion_main!(inner);
