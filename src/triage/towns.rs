//! The names of towns, as they stand alone on a line of an address: from `municipalities.toml`.

use super::fold::fold_text;
use std::collections::BTreeSet;

/// A shorter name with more words behind it may be a man's: "Ede Staal".
const BEFORE_MORE_LETTERS_MIN: usize = 6;

/// Municipalities and their places, folded.
#[derive(Clone, Debug, Default)]
pub struct Towns(BTreeSet<String>);

impl Towns {
    pub(super) fn add(&mut self, folded: &str) {
        self.0.insert(folded.to_owned());
    }

    /// Is this line a town, perhaps with its quarter behind it: "Den Haag (Ypenburg)", "Amsterdam Noord"?
    pub fn is_town(&self, line: &str) -> bool {
        let text = fold_text(line);
        let text = text.split('(').next().unwrap_or(&text).trim();
        if self.0.contains(text) {
            return true;
        }
        let breaks = text.match_indices([' ', '-']).map(|(at, _)| at);
        breaks
            .filter(|at| *at >= BEFORE_MORE_LETTERS_MIN)
            .any(|at| text.get(..at).is_some_and(|name| self.0.contains(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_town_with_its_quarter_and_a_man_named_like_one() {
        let mut towns = Towns::default();
        for name in ["den haag", "amsterdam", "ede"] {
            towns.add(name);
        }
        assert!(
            towns.is_town("Den Haag (Ypenburg)") && towns.is_town("Amsterdam-Noord") && towns.is_town("Ede")
        );
        assert!(!towns.is_town("Ede Staal") && !towns.is_town("Hoefkade 12"));
    }
}
