//! The rules as they are written: blocks of the files by name, for lists of what changed and for the page of rules.

use super::Ruleset;
use super::ruleset::scale;
use std::collections::BTreeMap;

/// One block of a rule file: `[[rule]]`, `[[organisation]]`, `[places]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'t> {
    /// The name between the brackets.
    pub sort: &'t str,
    /// Its `id`, or the name of the table where there is one only.
    pub id: &'t str,
    pub text: &'t str,
    /// Byte at which it begins in the file.
    pub start: usize,
}

/// The blocks of one file, in order. What stands above the first is none.
pub fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut starts: Vec<usize> = Vec::new();
    let mut at = 0;
    let mut quoted = false;
    for line in text.split_inclusive('\n') {
        if !quoted && line.starts_with('[') && line.trim_end().ends_with(']') {
            starts.push(at);
        }
        // A text over several lines may hold anything.
        quoted ^= line.matches("\"\"\"").count() % 2 == 1;
        at += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts
        .iter()
        .zip(ends)
        .filter_map(|(start, end)| {
            let text = text.get(*start..end)?.trim_end();
            let sort = text.lines().next()?.trim_matches(['[', ']', ' ']);
            let written = text.lines().find_map(|line| line.strip_prefix("id = \"")?.strip_suffix('"'));
            Some(Block { sort, id: written.unwrap_or(sort), text, start: *start })
        })
        .collect()
}

impl Ruleset {
    /// Every block of every file, as `file/id` → its text: what differs between two sets differs here.
    pub fn written(&self) -> BTreeMap<String, &str> {
        let mut all = BTreeMap::new();
        for (file, text) in self.files() {
            let stem = file.trim_end_matches(".toml");
            for block in blocks(text) {
                all.insert(format!("{stem}/{}", block.id), block.text);
            }
        }
        all
    }

    /// What stands under `about` in a file.
    pub fn about(&self, file: &str) -> Option<String> {
        let (_, text) = self.files().iter().find(|(name, _)| name == file)?;
        let table: toml::Table = text.parse().ok()?;
        Some(table.get("about")?.as_str()?.trim().to_owned())
    }

    /// The same set with another weight for one rule, to try. Its files still hold the old one.
    pub fn with_weight(&self, rule: &str, weight: f64) -> Option<Self> {
        let mut tried = self.clone();
        let mut rules = tried.matcher.rules.iter_mut().chain(&mut tried.roles.rules);
        rules.find(|known| known.id == rule)?.weight = weight;
        tried.scale = scale(&tried.roles, &tried.weights);
        Some(tried)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_their_names() {
        let text = "about = \"\"\"\n[[rule]]\n\"\"\"\n\n[[rule]]\nid = \"a\"\nany = [\n \"[0-9]\",\n]\n\n[places]\nown = 1.0\n";
        let found: Vec<(&str, &str)> = blocks(text).iter().map(|block| (block.sort, block.id)).collect();
        assert_eq!(found, [("rule", "a"), ("places", "places")]);
    }
}
