//! The words alone: 10,000 acknowledgements (gate, words, MIME) of every office and situation, a second and core, and
//! letters as PDF. Times are of the processor, so that a busy machine does not count.
//!
//! `make bench-answers`; the bars are 2,000 a second a core, and 50 ms a letter after warm-up.

#[path = "../tests/support/answers.rs"]
mod answers;

use answers::*;
use bode::acknowledge::Main;
use bode::record::*;
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

const MESSAGES: u32 = 10_000;
const LETTERS: u32 = 200;

fn main() {
    let houses = OFFICES.map(house);
    let cases: Vec<(&House, Judgement)> = houses
        .iter()
        .flat_map(|house| {
            let judged = |main| Some((house, judged_as(main, &house.config.office)?));
            Main::ALL.into_iter().filter_map(judged)
        })
        .collect();
    for (channel, count, what) in
        [(Channel::Email, MESSAGES, "acknowledgements"), (Channel::Letter, LETTERS, "letters")]
    {
        let extract = if channel == Channel::Email { mail() } else { Extract::default() };
        let mut bytes = Vec::new();
        let mut make = |number: u32| {
            let (house, judgement) = &cases[number as usize % cases.len()];
            let made = answered_as(house, judgement, &extract, channel, CaseNumber::new(2026, number));
            bytes.push(made.bytes.expect("each is answered").len());
        };
        (0..cases.len() as u32).for_each(&mut make);
        let start = spent();
        (0..count).for_each(&mut make);
        let each = (spent() - start).as_secs_f64() / f64::from(count);
        println!(
            "{count} {what} of {} offices and situations: {:.0} a second and core, {:.3} ms each, at most {} bytes",
            cases.len(),
            1.0 / each,
            each * 1e3,
            bytes.iter().max().expect("some were made")
        );
    }
}

/// Processor time of this process.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}
