//! Which words a text must hold for a pattern to match, so that most patterns need not be tried at all.

use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};
use regex_syntax::hir::{Hir, HirKind};

/// Sets of needed words looked at beside the rarest one.
const SETS_MAX: usize = 3;

/// The rarest set of words of which a match holds one, and some further sets.
pub fn of(hir: &Hir) -> (Vec<String>, Vec<Vec<String>>) {
    let mut sets = required(hir);
    let best = (0..sets.len()).max_by_key(|at| sets.get(*at).map_or(0, |set| quality(set)));
    let rarest = best.map(|at| sets.swap_remove(at)).unwrap_or_default();
    sets.sort_by_key(|set| std::cmp::Reverse(quality(set)));
    sets.truncate(SETS_MAX);
    (rarest, sets)
}

/// Sets of words: every match holds one word of each.
fn required(hir: &Hir) -> Vec<Vec<String>> {
    let mut sets: Vec<Vec<String>> = literals(hir).into_iter().collect();
    match hir.kind() {
        HirKind::Concat(parts) => sets.extend(parts.iter().flat_map(required)),
        HirKind::Capture(capture) => sets.extend(required(&capture.sub)),
        HirKind::Repetition(repetition) if repetition.min > 0 => sets.extend(required(&repetition.sub)),
        HirKind::Alternation(branches) => {
            let all: Option<Vec<Vec<String>>> = branches
                .iter()
                .map(|branch| required(branch).into_iter().max_by_key(|set| quality(set)))
                .collect();
            sets.extend(all.map(|all| all.concat()));
        }
        _ => {}
    }
    sets.retain(|set| quality(set) > 0);
    sets.iter_mut().for_each(|set| {
        set.sort_unstable();
        set.dedup();
    });
    sets.sort_unstable();
    sets.dedup();
    sets
}

/// Longer shortest words are rarer; very many are not worth it.
fn quality(words: &[String]) -> usize {
    let shortest = words.iter().map(String::len).min().unwrap_or(0);
    if words.len() > 400 || shortest < 2 { 0 } else { shortest }
}

fn literals(hir: &Hir) -> Option<Vec<String>> {
    let mut extractor = Extractor::new();
    extractor.kind(ExtractKind::Prefix).limit_total(400).limit_class(4).limit_repeat(2).limit_literal_len(16);
    let seq: Seq = extractor.extract(hir);
    seq.literals()?
        .iter()
        .map(|literal| std::str::from_utf8(literal.as_bytes()).ok().map(str::to_owned))
        .collect()
}
