//! How long a letter PDF takes after warm-up, and the bundle of a day: `cargo bench --bench letters`.
//!
//! Each figure is of one letter on one core: the median, and the slowest of a hundred. The bar is 50 ms each.

#[path = "../tests/support/answers.rs"]
mod answers;

use answers::*;
use bode::acknowledge::Main;
use bode::bundle::{Sides, bundle};
use bode::record::{CaseNumber, Channel, Extract, OnBehalf};
use std::time::{Duration, Instant};

const ROUNDS: u32 = 100;

fn main() {
    let mut day = Vec::new();
    for office in OFFICES {
        let house = house(office);
        for long in [false, true] {
            let mut judgement = judged_as(Main::Received, &house.config.office).unwrap();
            if long {
                judgement.language = "en".into();
                judgement.urgent = true;
                judgement.multiple = true;
                judgement.on_behalf = OnBehalf::WithoutAuthorisation;
            }
            let make = |serial| {
                let case = CaseNumber::new(2026, serial);
                answered_as(&house, &judgement, &Extract::default(), Channel::Letter, case).bytes.unwrap()
            };
            let pdf = make(1);
            let pages = lopdf::Document::load_mem(&pdf).unwrap().get_pages().len();
            let mut times: Vec<Duration> = (2..2 + ROUNDS)
                .map(|serial| {
                    let start = Instant::now();
                    day.push(make(serial));
                    start.elapsed()
                })
                .collect();
            times.sort_unstable();
            let (median, slowest) = (times[times.len() / 2], times[times.len() - 1]);
            println!("{office}, {pages} pages, {} kB: {median:.1?}, slowest {slowest:.1?}", pdf.len() / 1000);
        }
    }
    let start = Instant::now();
    let whole = bundle(&day, Sides::Two).unwrap();
    println!(
        "a day of {} letters in one PDF of {} kB: {:.1?}",
        day.len(),
        whole.len() / 1000,
        start.elapsed()
    );
}
