//! Random runs: whatever was done in whatever order, over restarts, a fresh fold gives the same answers.

use crate::support::*;
use bode::record::*;
use bode::store::StoreError;

/// A small generator (SplitMix64): the seed in a failing test's message repeats it.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        if all.is_empty() { None } else { Some(all[self.roll(all.len())]) }
    }
}

fn run(seed: u64, steps: usize) {
    let mut dice = Dice(seed);
    let mut house = House::new();
    let (mut work, mut cases): (Vec<RegistrationNumber>, Vec<CaseNumber>) = (vec![], vec![]);
    let verdicts = bode::queue::VERDICTS;
    for step in 0..steps {
        let now = hours(step as i64 / 3);
        let store = house.store();
        let case = dice.of(&cases);
        let answer = [send(), hold(), withhold()][dice.roll(3)].clone();
        let outcome: Result<(), StoreError> = match (dice.roll(20), case) {
            (0..4, _) => {
                let many = 1 + dice.roll(4);
                let batch: Vec<_> = (0..many).map(|_| arrival(&dice.roll(60).to_string())).collect();
                let taken = store.register(&batch, now).unwrap();
                work.extend(
                    taken
                        .iter()
                        .filter(|one| matches!(one, bode::store::Registered::New(_)))
                        .map(|one| one.number()),
                );
                Ok(())
            }
            (4..8, case) => match (work.pop(), dice.roll(4), case) {
                (None, ..) => Ok(()),
                (Some(number), 0, _) => store.commit(number, aside(), now),
                (Some(number), 1, Some(case)) => store.commit(number, joins(case, answer), now),
                (Some(number), other, _) => {
                    if other == 3 {
                        store.keep_extract(number, &extract(&number.to_string()), now).unwrap();
                    }
                    let case = store.next_case_number(2026).unwrap();
                    cases.push(case);
                    let queue = ["nieuw", "spoed", "doorverwijzen"][dice.roll(3)];
                    store.commit(number, new_case(case, queue, answer), now)
                }
            },
            (8, Some(case)) => store.answer_attempted(case, now),
            (9, Some(case)) => store.answer_sent(case, now),
            (10, Some(case)) => {
                store.answer_deferred(case, now + jiff::SignedDuration::from_hours(1), "451", now)
            }
            (11, Some(case)) => store.answer_failed(case, "550", now),
            (12, Some(case)) => store.release_answer(case, "j.jansen", now),
            (13, Some(case)) => store.withhold_answer(case, "j.jansen", "Gebeld.", now),
            (14, Some(case)) => store.note(case, "k.klaas", "Een notitie.", now).map(drop),
            (15, Some(case)) => {
                store.assign(case, None, "k.klaas", dice.of(&["j.jansen", "k.klaas", ""]), now).map(drop)
            }
            (16..18, Some(case)) => {
                let verdict = verdicts[dice.roll(verdicts.len())];
                store.decide(case, None, decision(verdict, "Daarom."), now).map(drop)
            }
            (18, _) => {
                house.reopen();
                Ok(())
            }
            (19, _) if dice.roll(4) == 0 => {
                let before = house.all_answers();
                house.reopen_without_index();
                assert_eq!(house.all_answers(), before, "seed {seed}, step {step}");
                Ok(())
            }
            _ => Ok(()),
        };
        // A change that does not fit the state is refused, and nothing else may go wrong.
        assert!(
            matches!(outcome, Ok(()) | Err(StoreError::State { .. })),
            "seed {seed}, step {step}: {outcome:?}"
        );
    }
    let report = house.store().verify(noon()).unwrap();
    assert!(report.is_clean(), "seed {seed}: {:#?}", report.exceptions);
    assert_eq!(report.pieces, report.in_cases + report.aside + report.in_work, "seed {seed}");
    let answers = &report.answers;
    let told = answers.sent + answers.waiting + answers.held + answers.failed + answers.withheld;
    assert_eq!(told, report.cases, "seed {seed}");
    let before = house.all_answers();
    house.reopen_without_index();
    assert_eq!(house.all_answers(), before, "seed {seed}");
}

/// `BODE_TEST_SEEDS=200` makes a long run of it.
#[test]
fn whatever_was_done_a_fresh_fold_gives_the_same_answers() {
    let seeds = std::env::var("BODE_TEST_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    for seed in 0..seeds {
        run(seed, 150);
    }
}
