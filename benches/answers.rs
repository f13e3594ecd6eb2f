//! The words alone: 10,000 acknowledgements (gate, words, MIME) of every office and situation, a second and core.
//! Times are of the processor, so that a busy machine does not count.
//!
//! `make bench-answers`; the bar is 2,000 a second a core. Letters: `make bench-letters`.

#[path = "../tests/support/answers.rs"]
mod answers;

use answers::*;
use bode::acknowledge::Main;
use bode::record::*;
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

const MESSAGES: u32 = 10_000;

fn main() {
    let houses = OFFICES.map(house);
    let cases: Vec<(&House, Judgement)> = houses
        .iter()
        .flat_map(|house| {
            let judged = move |main| Some((house, judged_as(main, &house.config.office)?));
            Main::ALL.into_iter().filter_map(judged)
        })
        .collect();
    let extract = mail();
    let mut bytes_max = 0;
    let mut make = |number: u32| {
        let (house, judgement) = &cases[number as usize % cases.len()];
        let made = answered_as(house, judgement, &extract, Channel::Email, CaseNumber::new(2026, number));
        bytes_max = bytes_max.max(made.bytes.expect("each is answered").len());
    };
    (0..cases.len() as u32).for_each(&mut make);
    let start = spent();
    (0..MESSAGES).for_each(&mut make);
    let each = (spent() - start).as_secs_f64() / f64::from(MESSAGES);
    println!(
        "{MESSAGES} acknowledgements, {} offices and situations in turn: {:.0} a second and core, {:.3} ms each, \
         at most {bytes_max} bytes",
        cases.len(),
        1.0 / each,
        each * 1e3
    );
}

/// Processor time of this process.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}
