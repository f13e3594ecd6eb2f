//! Figures, not a check: `cargo test --test store measure -- --ignored --nocapture`. `BODE_MEASURE_CASES` sets how many.

use crate::support::*;
use bode::store::{CaseFilter, Registered};
use std::time::Instant;

#[test]
#[ignore = "prints figures"]
fn how_fast() {
    let many: usize =
        std::env::var("BODE_MEASURE_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000);
    let mut house = House::new();
    let told = |what: &str, count: usize, start: Instant| {
        let seconds = start.elapsed().as_secs_f64();
        eprintln!("{what:<44} {count:>8} in {seconds:>7.2} s = {:>9.0} a second", count as f64 / seconds);
    };
    let start = Instant::now();
    let mut numbers = Vec::new();
    for batch in 0..many / 50 {
        let arrivals: Vec<_> = (0..50).map(|i| arrival(&format!("{batch}-{i}"))).collect();
        numbers.extend(house.store().register(&arrivals, noon()).unwrap().iter().map(Registered::number));
    }
    told("registered, 50 in a batch", numbers.len(), start);
    let (start, store) = (Instant::now(), house.store());
    std::thread::scope(|scope| {
        for part in numbers.chunks(numbers.len().div_ceil(16)) {
            scope.spawn(move || {
                for number in part {
                    store.keep_extract(*number, &extract(&number.to_string()), noon()).unwrap();
                    let case = store.next_case_number(2026).unwrap();
                    store.commit(*number, new_case(case, "nieuw", send()), noon()).unwrap();
                }
            });
        }
    });
    told("extract kept and case committed, 16 threads", numbers.len(), start);
    let start = Instant::now();
    for i in 0..20 {
        house.case(&format!("alleen-{i}"), "nieuw", send());
    }
    told("one after the other, register to commit", 20, start);
    let start = Instant::now();
    for _ in 0..100 {
        store.cases(&CaseFilter { offset: many / 2, ..CaseFilter::default() }).unwrap();
    }
    told("pages of 50 from the middle", 100, start);
    let start = Instant::now();
    assert!(store.verify(noon()).unwrap().is_clean());
    told("verified", many + 20, start);
    let start = Instant::now();
    house.reopen();
    told("opened after a clean stop", 1, start);
    let start = Instant::now();
    house.reopen_without_index();
    told("cases built again from journal and folders", many + 20, start);
}
